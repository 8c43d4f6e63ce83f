"""The program that holds a Piper voice, loaded from the path that is its first argument.

Piper is free software under the GNU General Public License, version 3 or later. It comes with the package
``piper-tts``, is loaded by this program only and is spoken to over pipes: the rest of Marotte neither links it nor
contains any of it. Its interface: ``piper.PiperVoice`` of version 1.8.

A request is ``{"speaker": "", "speed": 1.0, "noise_scale": null, "noise_w_scale": null}`` with the text as its payload;
the answers are those of ``marotte.voice.placed``. When it is ready it tells its rate and its language.
"""

import itertools
import json
import re
import sys
import unicodedata
from pathlib import Path
from typing import Any

import piper  # pyright: ignore[reportMissingImports]

from marotte.engines.program import Request, serve
from marotte.voice.placed import send

_piper: Any = piper
_PAUSES = frozenset(".,!?;:^$…—")
"""What is silent among its phones: signs of punctuation, the beginning and the end."""


class Voice:
    """One model, which speaks text after text."""

    def __init__(self, path: str) -> None:
        # To tell when it says what, the model is asked for one more of its outputs; some have none.
        self._voice = _piper.PiperVoice.load(path, include_alignments=True)
        self.rate: int = self._voice.config.sample_rate
        described = json.loads(Path(f"{path}.json").read_bytes())
        code = described.get("language", {}).get("code") or self._voice.config.espeak_voice
        self.language = re.split("[-_]", code)[0].lower().replace("cmn", "zh")

    def handle(self, request: Request) -> None:
        """Answer one request, a sentence at a time."""
        # Double brackets would mean phones.
        text = request.payload.decode().replace("[[", "  ").replace("]]", "  ")
        offsets = [found.start() for found in re.finditer(r"\S*\w\S*", text)]
        if not offsets:
            return
        sentences = self._voice.phonemize(text)
        if sum(len(_groups(phones)) for phones in sentences) != len(offsets):
            offsets = []  # it reads one word as several, as a number: which is which cannot be told
        places = iter(offsets)
        start = 0
        for chunk in self._voice.synthesize(text, self._config(request), include_alignments=True):
            if request.cancelled:
                return
            words: list[tuple[int, int]] = []
            sounds: list[tuple[int, str]] = []
            at, begun = start, False
            for phone in chunk.phoneme_alignments or ():
                spoken = unicodedata.category(phone.phoneme[0]) in ("Ll", "Lo")
                if spoken or phone.phoneme in _PAUSES:
                    sounds.append((at, phone.phoneme if spoken else ""))
                if spoken and not begun:
                    words += [(at, place) for place in itertools.islice(places, 1)]
                begun = spoken or (begun and phone.phoneme != " ")
                at += int(phone.num_samples)
            pcm: bytes = chunk.audio_int16_bytes
            send(request, pcm, self.rate, start, words, sounds)
            start += len(pcm) // 2

    def _config(self, request: Request) -> Any:
        asked, config = request.header, self._voice.config
        name = asked["speaker"]
        number = config.speaker_id_map.get(name, int(name) if name.isdecimal() else None)
        if name and (number is None or number >= config.num_speakers):
            raise ValueError(f"the model has no speaker {name!r}; it has {config.num_speakers}")
        return _piper.SynthesisConfig(
            speaker_id=number,
            length_scale=config.length_scale / asked["speed"],
            noise_scale=asked["noise_scale"],
            noise_w_scale=asked["noise_w_scale"],
        )


def _groups(phones: list[str]) -> list[str]:
    """Return the groups of phones that blanks part, without those in which nothing is spoken."""
    groups = "".join(phones).split(" ")
    return [group for group in groups if any(unicodedata.category(sign) in ("Ll", "Lo") for sign in group)]


if __name__ == "__main__":
    voice = Voice(sys.argv[1])
    serve(voice.handle, rate=voice.rate, language=voice.language)
