"""Piper behind its own HTTP server: quick small voices in about forty languages, from any machine of the house.

The server is the one in ``piper-tts`` of the Open Home Foundation: ``python -m piper.http_server`` (checked with 1.8.0,
GPL-3.0). It answers with a whole WAV file, which it calls HTML, and takes its usual voice for one that it does not
know, so it is asked for its voices first. Of its usual voice it tells afterwards when it said what, for its own page.

https://github.com/OHF-Voice/piper1-gpl/blob/main/docs/API_HTTP.md
"""

import json
import re
import unicodedata
from collections.abc import AsyncIterator
from typing import Any, ClassVar

from pydantic import Field

from marotte.config import Url
from marotte.engines.http import HttpSettings, read
from marotte.engines.kinds import (
    EngineError,
    EngineSettings,
    EngineUnavailable,
    EngineUnsuited,
    Kit,
    Sound,
    VoiceSettings,
)
from marotte.events import Line
from marotte.voice.placing import Placing
from marotte.voice.streamed import HttpVoice, streamed

_LARGEST_LIST = 8_000_000
"""Bytes of the list of voices: each comes with its whole configuration."""
_STRIPPED = ".onxjs"
"""The server takes these letters off the ends of the names in its list, as if they were of ``.onnx.json``."""
_HEADER = 44
"""Bytes of its files before the sound."""
_PAUSES = frozenset(".,!?;:^$…—")
"""What is silent among its phones: signs of punctuation, the beginning of a sentence and its end."""


class PiperHttpSettings(HttpSettings, VoiceSettings):
    """Settings of the voice. ``voice`` is one that the server has downloaded: ``en_GB-alba-medium``.

    Where it has several speakers, one may be named: ``en_GB-vctk-medium/p239``.
    """

    cannot = frozenset({"style", "pitch"})

    url: Url = "http://127.0.0.1:5000"
    """Address of the server."""
    path: str = Field(default="synthesize", pattern=r"^[\w/.-]*$")
    """Where the server takes text. Up to version 1.4 it was the root: ``path = ""``."""
    noise_scale: float | None = Field(default=None, ge=0, le=2)
    """How much the sound varies; usual is what the voice was made with, and so with the next one."""
    noise_w_scale: float | None = Field(default=None, ge=0, le=2)
    """How much the length of each sound varies."""


class PiperHttpVoice(HttpVoice):
    """Asks a Piper server for a line and passes its sound on."""

    Settings: ClassVar[type[EngineSettings]] = PiperHttpSettings
    name = "piper_http"
    _settings: PiperHttpSettings

    def __init__(self, settings: PiperHttpSettings, kit: Kit) -> None:
        super().__init__(settings, kit)
        self._voices: frozenset[str] = frozenset()
        self._untold: set[str] = set()
        """Voices of which the server does not tell when they say what."""

    async def speak(self, line: Line) -> AsyncIterator[Sound]:
        """Yield about 100 ms of sound at a time, with exact words and mouth shapes where the server tells them."""
        body = self._body(line)
        voice = body.get("voice", "")
        if voice:
            await self._find(voice)
        async with self._server.request("POST", self._settings.path, json=body) as response:
            phones = await self._told(voice, body["text"]) if voice not in self._untold else []
            placing, words, sounds = None, [], []
            async for sound in streamed(self.name, response, 0, self._clock, self._server.message):
                if phones and response.content_length != _HEADER + 2 * round(sum(s for _, s in phones) * sound.rate):
                    phones = []  # with silence between its sentences it tells less than it sends
                if phones and placing is None:
                    placing = Placing(line.spoken, sound.rate)
                    words, sounds = _placed(line.spoken, phones, sound.rate)
                if placing is None:
                    yield sound
                else:
                    piece = range(placing.length, placing.length + len(sound.pcm) // 2)
                    yield placing.place(
                        sound.pcm, [word for word in words if word[0] in piece], [s for s in sounds if s[0] in piece]
                    )
            if placing is not None:
                yield placing.finish()

    async def _told(self, voice: str, text: str) -> list[tuple[str, float]]:
        """Ask for the phones of what was spoken last and the seconds of each; [] where they are of another text."""
        try:
            async with self._server.request("GET", "info") as response:
                last = json.loads(await read(response, _LARGEST_LIST))["last"]
            phones = [(str(phone["phoneme"]), float(phone["seconds"])) for phone in last["alignments"]]
            same = last["text"] == text.strip()
        except (EngineError, ValueError, TypeError, KeyError):
            phones, same = [], True
        if not phones:
            self._untold.add(voice)  # an older server, or a voice that cannot
        return phones if same else []

    def _body(self, line: Line) -> dict[str, Any]:
        if not line.spoken.strip():
            raise EngineUnsuited("piper_http: there is nothing to say")
        settings, manner = self._settings, self._settings.manner(line)
        voice, _, speaker = manner.voice.partition("/")
        body = {
            "text": line.spoken.replace("[[", "  ").replace("]]", "  "),  # between these it would take phonemes
            "voice": voice or None,
            "speaker": speaker or None,
            "length_scale": round(1 / manner.speed, 3) if manner.speed != 1 else None,
            "noise_scale": settings.noise_scale,
            "noise_w_scale": settings.noise_w_scale,
        }
        return {name: value for name, value in body.items() if value is not None}

    async def _find(self, voice: str) -> None:
        """Look whether the server has a voice, once; what was downloaded since is found the next time."""
        if voice in self._voices:
            return
        async with self._server.request("GET", "voices") as response:
            said = await read(response, _LARGEST_LIST)
        try:
            self._voices = frozenset(json.loads(said))
        except (ValueError, TypeError):
            raise EngineUnavailable(f"piper_http: {self._server.url}/voices sent no list of voices") from None
        if voice.rstrip(_STRIPPED) in self._voices:
            self._voices |= {voice}
        if voice not in self._voices:
            names = self._server.clean(", ".join(sorted(self._voices)))
            raise EngineUnavailable(f"piper_http: {self._server.url} has no voice {voice!r}; it has {names or 'none'}")


def _placed(
    spoken: str, phones: list[tuple[str, float]], rate: int
) -> tuple[list[tuple[int, int]], list[tuple[int, str]]]:
    """Return (sample, offset) of each word and (sample, IPA) of each sound."""
    begins: list[int] = []
    sounds: list[tuple[int, str]] = []
    seconds, within = 0.0, False
    for phone, lasts in phones:
        at, voiced = round(seconds * rate), unicodedata.category(phone[:1] or " ") in ("Ll", "Lo")
        if voiced or phone in _PAUSES:
            sounds.append((at, phone if voiced else ""))
        if voiced and not within:
            begins.append(at)
        within = voiced or (within and phone not in (" ", "^", "$"))
        seconds += lasts
    offsets = [found.start() for found in re.finditer(r"\S*\w\S*", spoken)]
    # It reads one word as several, as a number, or several as one: which is which cannot be told then.
    return list(zip(begins, offsets, strict=True)) if len(begins) == len(offsets) else [], sounds
