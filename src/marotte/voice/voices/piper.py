"""Piper in a child process: a voice from a file, on this machine (extra ``piper``).

piper-tts 1.8 of https://github.com/OHF-Voice/piper1-gpl is free software under the GNU General Public License, version
3 or later: it is installed by whoever wants it, loaded by ``piper_program.py`` only, and spoken to over pipes.
"""

import json
from collections.abc import AsyncIterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any, ClassVar

from pydantic import Field

from marotte.engines.child import Child
from marotte.engines.kinds import EngineSettings, EngineUnavailable, EngineUnsuited, Kit, Sound, VoiceSettings
from marotte.events import Line
from marotte.voice.placed import spoken


class PiperSettings(VoiceSettings):
    """Settings of the voice. ``voice`` is a speaker of the model, by name or number, where it has several."""

    cannot = frozenset({"style", "pitch"})

    model: str = ""
    """Path of the voice's ``.onnx`` file; its ``.onnx.json`` lies beside it. Nothing is ever downloaded."""
    noise_scale: float | None = Field(default=None, ge=0, le=2)
    """How much the sound varies; empty: as the voice's makers advise."""
    noise_w_scale: float | None = Field(default=None, ge=0, le=2)
    """How much the lengths of the phones vary; empty: as the voice's makers advise."""


class PiperVoice:
    """Speaks with one Piper model, a sentence at a time."""

    Settings: ClassVar[type[EngineSettings]] = PiperSettings

    def __init__(self, settings: PiperSettings, kit: Kit) -> None:
        self._settings, self._kit = settings, kit
        path = str(Path(settings.model).expanduser())
        self._child = Child("piper", "marotte.voice.voices.piper_program", (path,), start_within=60.0)

    @classmethod
    def check(cls, settings: PiperSettings, kit: Kit) -> str:
        """Say what is missing for it to work, or ""."""
        if not find_spec("piper"):
            return "Piper is missing: pip install 'marotte[piper]' (GPL-3.0-or-later)"
        if not settings.model:
            return (
                "piper needs the path of a voice's .onnx file in model: see https://huggingface.co/rhasspy/piper-voices"
            )
        model = Path(settings.model).expanduser()
        for path in (model, Path(f"{model}.json")):
            if not path.is_file():
                return f"piper: there is no file {path}"
        try:
            described: Any = json.loads(Path(f"{model}.json").read_bytes())
            kind = described.get("phoneme_type", "espeak")
        except (ValueError, AttributeError):
            return f"piper: {model}.json does not describe a voice"
        if kind == "pinyin":
            return f"piper: {model} reads pinyin, for which Piper would download a model; choose another voice"
        return ""

    async def warm(self) -> None:
        """Load the model now. Raises EngineUnavailable where it is missing or broken."""
        if missing := self.check(self._settings, self._kit):
            raise EngineUnavailable(missing)
        await self._child.start()

    async def close(self) -> None:
        """End the program."""
        await self._child.close()

    async def speak(self, line: Line) -> AsyncIterator[Sound]:
        """Yield a line sentence by sentence, with exact times of its sounds where the model tells them."""
        if not self._child.ready:
            await self.warm()
        settings, manner = self._settings, self._settings.manner(line)
        own = str(self._child.ready["language"])
        if not (settings.serves(line.language) if settings.speaks else own in ("", line.language.lower()[: len(own)])):
            raise EngineUnsuited(f"piper: this voice speaks {own!r}, not {line.language!r}")
        header = {
            "speaker": manner.voice,
            "speed": manner.speed,
            "noise_scale": settings.noise_scale,
            "noise_w_scale": settings.noise_w_scale,
        }
        async for sound in spoken(self._child, line, header):
            yield sound
