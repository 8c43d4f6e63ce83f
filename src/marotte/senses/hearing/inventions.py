"""Tells what Whisper invents from what somebody said: on silence and noise it writes the ends of videos, or loops.

https://arxiv.org/abs/2501.11378 investigates it. Its own probability that nobody spoke is often low then, so that it is
weighed together with how far the sound rises above the noise, and with phrases that are known for it. No phrase is
removed for being on a list: people say "thank you" and mean it.

The limits of the rise were measured on the turns that a held button and Silero's detector make of synthetic speech in
five languages and of sound without speech. Steady noise (white, pink, hum, a fan) stayed under 10 dB in all of 96
turns, and under 6 in 78. Speech 20 dB above such noise fell under 10 in 1 turn of 320; 10 dB above it, under 10 in 45
and under 6 in 9. Breath, typing and music rise as speech does: of these only the probability tells.
"""

import math
import re
import tomllib
import unicodedata
from functools import cache
from pathlib import Path

import numpy as np

from marotte.engines.kinds import Heard
from marotte.text.sentences import seconds as takes

_FLAT, _FAINT = 6.0, 10.0
"""Decibels above the noise under which nothing can be told from noise, and under which that is likely."""
_HARDLY, _SILENT = 0.2, 0.6
"""Probabilities that nobody spoke: the first casts doubt on known inventions, the second is Whisper's own limit."""
_LOOP = 4
"""Times in a row that make a loop: "no, no, no" is said."""
_HASTE = 4.0
"""Times faster than people speak, which none can."""
_AROUND = 1.0
"""Seconds of sound that an ear is given before and behind what was said."""
_REST = 40
"""Letters that may follow where a phrase on the list is left open."""
_LONGEST = 500
"""Characters of a text that may consist of such phrases; what is longer is a loop or was said."""
_FRAME = 320
_DIGITAL = 8.0
"""Level, of 32767, under which a microphone is as good as off: noise is taken for no quieter."""


class Loudness:
    """Measures how far speech rises above the noise around it, as it comes."""

    def __init__(self) -> None:
        self._rest = b""
        self._levels: list[float] = []

    def add(self, pcm: bytes) -> None:
        """Take 16 kHz mono 16-bit sound; the pauses around and in what was said are the measure of its noise."""
        pcm = self._rest + pcm
        whole = len(pcm) // (2 * _FRAME) * 2 * _FRAME
        self._rest = pcm[whole:]
        frames = np.frombuffer(pcm[:whole], "<i2").reshape(-1, _FRAME).astype(np.float64)
        self._levels += np.sqrt((frames**2).mean(axis=1)).tolist()

    @property
    def rise(self) -> float:
        """Decibels by which the loud parts rise above the quiet ones; infinite where there is too little to tell."""
        if len(self._levels) < 10:
            return math.inf
        quiet, loud = np.maximum(np.percentile(self._levels, (10, 90)), _DIGITAL)
        return 20 * math.log10(loud / quiet)


def invented(heard: Heard, rise: float = math.inf, seconds: float = 0.0) -> str:
    """Say in a few words why a transcript is an invention, or "" where it is believed.

    ``rise`` is ``Loudness.rise`` of the sound that the ear was given, infinite where it is not known; ``seconds`` is
    how long somebody spoke, 0 where that is not known.
    """
    text = heard.text.strip()
    if not text:
        return ""
    nothing = f"the sound rises only {rise:.0f} dB above the noise"
    silent = f"nobody spoke with a probability of {heard.no_speech:.2f}"
    doubt = "its ear doubts it" if heard.uncertain else ""
    if rise < _FAINT or heard.no_speech >= _HARDLY:
        doubt = nothing if rise < _FAINT else silent
    if seconds > 0 and takes(text, heard.language) > _HASTE * (seconds + _AROUND):
        return f"nobody can say so much in {seconds:.1f} s"
    if rise < _FLAT and heard.no_speech >= _SILENT:
        return f"{nothing}, and {silent}"
    if doubt and loops(text) >= _LOOP:
        return f"it repeats itself, and {doubt}"
    kind = known(text)
    if kind == "credits" and doubt:
        return f"it ends a video, and {doubt}"
    if kind == "said":
        if rise < _FLAT or (rise < _FAINT and heard.no_speech >= _HARDLY):
            return f"Whisper often invents it, and {nothing}"
        if heard.no_speech >= _SILENT:
            return f"Whisper often invents it, and {silent}"
    return ""


def loops(text: str) -> int:
    """Return how often a text says the same words again and again, from its beginning to its end; else 1."""
    parts = re.findall(r"[^\W_]+", text.casefold())
    if len(parts) == 1 and not parts[0].isascii():
        parts = list(parts[0])  # scripts without spaces; "hahaha" is a laugh
    borders = [0]  # for each place, how many parts before it are also those that all begins with: Knuth, Morris, Pratt
    for part in parts[1:]:
        same = borders[-1]
        while same and parts[same] != part:
            same = borders[same - 1]
        borders.append(same + (parts[same] == part))
    return len(parts) // (len(parts) - borders[-1]) if parts else 1


def known(text: str) -> str:
    """Say whether a text consists of known inventions and nothing else: "credits", "said" or "".

    Of several, one that nobody says to a character is enough for "credits".
    """
    if len(text) > _LONGEST:
        return ""
    bare, at, kind = _bare(text), 0, ""
    while at < len(bare):
        phrase, found = next((listed for listed in _phrases() if bare.startswith(listed[0], at)), ("", ""))
        at += len(phrase)
        if found == "open":
            return "credits" if len(bare) - at <= _REST else ""
        if not found:
            return ""
        kind = found if found == "credits" else kind or found
    return kind


@cache
def _phrases() -> tuple[tuple[str, str], ...]:
    """Return the bare phrases of all languages, longest first: "credits", "open" (anything may follow) or "said"."""
    tables = tomllib.loads(Path(__file__).with_name("inventions.toml").read_text("utf-8")).values()
    phrases = {
        _bare(phrase): "open" if phrase.endswith("…") else kind
        for table in tables
        for kind, listed in table.items()
        for phrase in listed
    }
    return tuple(sorted(phrases.items(), key=lambda phrase: len(phrase[0]), reverse=True))


def _bare(text: str) -> str:
    """Return the letters and digits of a text, without case and accents: Whisper writes ``Suscribete`` too."""
    plain = unicodedata.normalize("NFKD", text).casefold()
    return "".join(char for char in plain if char.isalnum())
