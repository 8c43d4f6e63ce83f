"""Whisper on this machine through faster-whisper 1.2 on CTranslate2 (extra ``faster-whisper``), in a child process.

https://github.com/SYSTRAN/faster-whisper. A model is a folder in CTranslate2's format with its tokenizer beside it.
"""

import importlib.util
import math
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path
from typing import Any, ClassVar, Literal

from pydantic import Field

from marotte.engines.child import Child
from marotte.engines.kinds import EngineError, EngineSettings, EngineUnavailable, EngineUnsuited, Heard, Kit
from marotte.senses.hearing import whisper
from marotte.senses.hearing.speech import LONGEST_TURN, RATE, words_of

_PROGRAM = "marotte.senses.hearing.ears.faster_whisper_program"
_FILES = ("model.bin", "config.json", "tokenizer.json")
_WINDOW = 30
"""Seconds that Whisper hears at once: what somebody says beyond them has no more partial transcripts."""
_ELSEWHERE = {
    "large": "Systran/faster-whisper-large-v3",
    "turbo": "mobiuslabsgmbh/faster-whisper-large-v3-turbo",
    "large-v3-turbo": "mobiuslabsgmbh/faster-whisper-large-v3-turbo",
    "distil-large-v3.5": "distil-whisper/distil-large-v3.5-ct2",
}
"""Where the library finds models whose repository does not follow from their name."""


class FasterWhisperSettings(EngineSettings):
    """Settings of faster-whisper."""

    first_within: float = 30.0
    next_within: float = 30.0
    model: str = ""
    """The folder of a model, or the name of one that was fetched before: ``small``, ``Systran/faster-whisper-small``.
    Nothing is ever downloaded."""
    device: Literal["cpu", "cuda", "auto"] = "cpu"
    """What it computes on; ``cuda`` wants NVIDIA's cuBLAS and cuDNN."""
    compute_type: Literal["default", "auto", "int8", "int8_float32", "int8_float16", "int16", "float16", "float32"] = (
        "int8"
    )
    """How it computes: ``int8`` is quickest on a processor, ``float16`` or ``int8_float16`` on a graphics card."""
    beam_size: int = Field(default=5, ge=1, le=10)
    """Readings that it weighs against each other; 1 is quicker and errs more."""
    temperature_inc: float = Field(default=0.2, ge=0.0, le=1.0)
    """How much more freely it reads what it could not read well, time after time up to 1; 0: it reads only once, so
    that what is hard to understand takes no longer than the rest."""
    threads: int = Field(default=0, ge=0, le=256)
    """Threads that it computes with; 0: as many as it thinks right, four."""
    words: bool = True
    """Whether it finds out when each word was spoken, which takes a little longer."""
    partials: float = Field(default=0.0, ge=0.0, le=10.0)
    """Seconds of new speech after which it reads what was said so far, while somebody still speaks; 0: never, for each
    reading costs as much as the last one, and that one may have to wait for it."""


class FasterWhisperEar:
    """Turns speech into text with a Whisper model from a folder."""

    Settings: ClassVar[type[EngineSettings]] = FasterWhisperSettings

    def __init__(self, settings: FasterWhisperSettings, kit: Kit) -> None:
        self._settings, self._kit = settings, kit
        path = str(Path(settings.model).expanduser())
        arguments = (path, settings.device, settings.compute_type, str(settings.threads))
        self._child = Child("faster_whisper", _PROGRAM, arguments, start_within=120.0)

    @classmethod
    def check(cls, settings: FasterWhisperSettings, kit: Kit) -> str:
        """Say in one line what is missing here, or ""."""
        if not importlib.util.find_spec("faster_whisper"):
            return "faster-whisper is not installed: pip install 'marotte[faster-whisper]'"
        if not settings.model:
            return 'faster_whisper needs the folder or the name of a model in model, for example "small"'
        path = Path(settings.model).expanduser()
        folder = path if path.is_dir() else _fetched(settings.model)
        if folder is None:
            return (
                f"faster_whisper: no folder and no fetched model is called {settings.model}; a model is fetched once: "
                f"hf download {_repository(settings.model)}"
            )
        missing = [name for name in _FILES if not (folder / name).is_file()]
        return f"faster_whisper: {folder} is no model for CTranslate2: no {', no '.join(missing)}" if missing else ""

    async def warm(self) -> None:
        """Load the model now. Raises EngineUnavailable where it is missing or broken."""
        if missing := self.check(self._settings, self._kit):
            raise EngineUnavailable(missing)
        await self._child.start()

    async def hear(self, speech: AsyncIterator[bytes], language: str) -> AsyncIterator[Heard]:
        """Take the whole turn, then yield its text; and what was said so far, where ``partials`` asks for it.

        Raises EngineUnsuited for a language that the model does not know.
        """
        await self.warm()
        language = whisper.code(language)
        if language and language not in self._child.ready["languages"]:
            raise EngineUnsuited(f"faster_whisper: {self._settings.model} does not know the language {language!r}")
        pcm, clock, every = bytearray(), self._kit.clock, self._settings.partials
        due = every or math.inf
        async for piece in speech:
            pcm += piece
            seconds = len(pcm) / (2 * RATE)
            if seconds > LONGEST_TURN:
                raise EngineUnsuited(f"more than {LONGEST_TURN} seconds in one turn")
            if due <= seconds <= _WINDOW:
                begun = clock.now()
                heard = await self._read(bytes(pcm), language, final=False)
                # A machine that takes long is asked less often, so that the last reading finds it idle.
                due = seconds + max(every, 2 * (clock.now() - begun))
                if heard.text:
                    yield heard
        yield await self._read(bytes(pcm), language, final=True)

    async def _read(self, pcm: bytes, language: str, final: bool) -> Heard:
        """Read speech: with all care for the last time, quickly before that."""
        asked, answer = {"language": language, "beam": 1, "words": False, "temperatures": [0.0]}, dict[str, Any]()
        if final:
            step = self._settings.temperature_inc
            times = math.floor(1 / step + 1e-6) if step else 0
            asked |= {"beam": self._settings.beam_size, "words": self._settings.words}
            asked["temperatures"] = [number * step for number in range(times + 1)]
        async with aclosing(self._child.request(asked, pcm)) as answers:
            async for header, _ in answers:
                answer = header
        if "segments" not in answer:
            raise EngineError("faster_whisper: the program ended without an answer")
        segments: list[dict[str, Any]] = answer["segments"]
        text = words_of("".join(segment["text"] for segment in segments))
        return Heard(
            text=text,
            language=answer["language"],
            uncertain=bool(text) and whisper.doubts(segments),
            final=final,
            no_speech=whisper.no_speech(segments),
            words=whisper.place([word for segment in segments for word in segment["words"]], text, len(pcm) // 2),
        )

    async def close(self) -> None:
        """End the program."""
        await self._child.close()


def _repository(model: str) -> str:
    """Return where the library finds a model of this name on Hugging Face."""
    if "/" in model:
        return model
    short = f"distil-whisper-{model.removeprefix('distil-')}" if model.startswith("distil-") else f"whisper-{model}"
    return _ELSEWHERE.get(model, f"Systran/faster-{short}")


def _fetched(model: str) -> Path | None:
    """Return the folder of a model that was fetched from Hugging Face before.

    https://huggingface.co/docs/huggingface_hub/guides/manage-cache tells how they are kept.
    """
    kept = Path("~/.cache/huggingface/hub").expanduser() / f"models--{_repository(model).replace('/', '--')}"
    try:
        return kept / "snapshots" / (kept / "refs" / "main").read_text("ascii").strip()
    except (OSError, ValueError):
        return None
