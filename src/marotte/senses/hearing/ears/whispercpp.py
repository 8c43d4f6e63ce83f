"""whisper.cpp on this machine, through pywhispercpp 1.5 (extra ``whisper``), in a child process.

https://github.com/absadiki/pywhispercpp. It does not hand on how likely it holds it that nobody spoke.
"""

import importlib.util
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path
from typing import Any, ClassVar

from pydantic import Field

from marotte.engines.child import Child
from marotte.engines.kinds import EngineError, EngineSettings, EngineUnavailable, Heard, Kit
from marotte.senses.hearing import whisper
from marotte.senses.hearing.speech import collect, words_of

_PROGRAM = "marotte.senses.hearing.ears.whispercpp_program"
_MAGIC = b"lmgg"
_SURE = 0.4
"""Mean probability of its words below which a transcript is uncertain."""


class WhisperCppSettings(EngineSettings):
    """Settings of whisper.cpp."""

    first_within: float = 30.0
    model: str = ""
    """Path of a model file in whisper.cpp's format (``ggml-base.bin``). Nothing is ever downloaded."""
    threads: int = Field(default=0, ge=0, le=256)
    """Threads that it computes with; 0: as many as it thinks right, at most four."""


class WhisperCppEar:
    """Turns speech into text with a Whisper model from a file, a whole turn at a time."""

    Settings: ClassVar[type[EngineSettings]] = WhisperCppSettings

    def __init__(self, settings: WhisperCppSettings, kit: Kit) -> None:
        self._settings, self._kit = settings, kit
        path = str(Path(settings.model).expanduser())
        self._child = Child("whispercpp", _PROGRAM, (path, str(settings.threads)), start_within=120.0)

    @classmethod
    def check(cls, settings: WhisperCppSettings, kit: Kit) -> str:
        """Say in one line what is missing here, or ""."""
        if not importlib.util.find_spec("pywhispercpp"):
            return "pywhispercpp is not installed: pip install 'marotte[whisper]'"
        if not settings.model:
            return (
                "whispercpp needs the path of a model file in model: see https://huggingface.co/ggerganov/whisper.cpp"
            )
        try:
            with Path(settings.model).expanduser().open("rb") as file:
                # The library takes the whole process down with a file that it cannot read.
                if file.read(4) != _MAGIC:
                    return f"whispercpp: {settings.model} is no model in whisper.cpp's format"
        except OSError as error:
            return f"whispercpp cannot read the model at {settings.model}: {error.strerror}"
        return ""

    async def warm(self) -> None:
        """Load the model now. Raises EngineUnavailable where it is missing or broken."""
        if missing := self.check(self._settings, self._kit):
            raise EngineUnavailable(missing)
        await self._child.start()

    async def hear(self, speech: AsyncIterator[bytes], language: str) -> AsyncIterator[Heard]:
        """Take the whole turn, then yield its text once; the model finds out the language where it is ""."""
        await self.warm()
        pcm, answer = await collect(speech), dict[str, Any]()
        async with aclosing(self._child.request({"language": whisper.code(language)}, pcm)) as answers:
            async for header, _ in answers:
                answer = header
        if "text" not in answer:
            raise EngineError("whispercpp: the program ended without an answer")
        text = words_of(answer["text"])
        yield Heard(
            text=text,
            language=answer["language"],
            uncertain=bool(text) and answer["probability"] < _SURE,
            words=whisper.place(answer["words"], text, len(pcm) // 2),
        )

    async def close(self) -> None:
        """End the program."""
        await self._child.close()
