"""Azure Speech: understands while somebody speaks, finds out the language, and says when each word was spoken.

Microsoft's SDK speaks with the service, in programs of its own (``azure_program.py``). Its detailed results:
https://learn.microsoft.com/azure/ai-services/speech-service/get-speech-recognition-results
"""

import json
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any, ClassVar, cast

from pydantic import Field

from marotte.engines.azure import AzureSettings, Programs, locale
from marotte.engines.child import Frame
from marotte.engines.kinds import EngineError, EngineSettings, EngineUnavailable, EngineUnsuited, Heard, Kit
from marotte.events import Word
from marotte.senses.hearing.speech import LONGEST_TURN, RATE

_NAME, _PROGRAM = "azure ear", "marotte.senses.hearing.ears.azure_program"
_TICKS = 10_000_000
"""The SDK's units of time in a second."""
_SURE = 0.4
"""How confident it must be of a transcript that is not called uncertain."""


class AzureEarSettings(AzureSettings):
    """Settings of the ear."""

    languages: tuple[str, ...] = Field(default=("en-US",), min_length=1, max_length=4)
    """Languages among which it finds out which is spoken, at most four; where a show expects one, that one is it."""
    model: str = Field(default="", pattern=r"^[A-Za-z0-9-]*$")
    """The endpoint id of a custom speech model of yours."""


class AzureEar:
    """Sends a turn to Azure as it is spoken and gives back what is understood so far."""

    Settings: ClassVar[type[EngineSettings]] = AzureEarSettings

    def __init__(self, settings: AzureEarSettings, kit: Kit) -> None:
        self._settings = settings
        self._programs = Programs(_NAME, _PROGRAM, settings, kit)
        self._phrases = (*kit.names, *kit.commands)

    @classmethod
    def check(cls, settings: AzureEarSettings, kit: Kit) -> str:
        """Say what is missing for it to work, or ""."""
        return Programs(_NAME, _PROGRAM, settings, kit).missing()

    async def warm(self) -> None:
        """Load the SDK. Raises EngineUnavailable where it is missing."""
        async with self._programs.one() as child:
            await child.start()

    async def close(self) -> None:
        """End the programs."""
        await self._programs.close()

    async def hear(self, speech: AsyncIterator[bytes], language: str) -> AsyncIterator[Heard]:
        """Yield what is understood so far, and at the end all of it, with its words' times."""
        among = (language,) if language else self._settings.languages
        asked = {"languages": list(map(locale, among)), "phrases": self._phrases, "model": self._settings.model}
        said = _Said(among[0] if len(among) == 1 else "")
        try:
            async with self._programs.one() as child:
                asking = child.request({"service": self._programs.service, **asked}, more=_frames(speech))
                async with aclosing(asking) as answers:
                    async for told, details in answers:
                        said.take(told["final"], told["text"], told["language"], details)
                        yield said.heard(final=False)
        except EngineError as error:
            if said.anything or isinstance(error, EngineUnavailable):
                raise
            raise EngineUnavailable(str(error)) from None
        yield said.heard(final=True)


class _Said:
    """What is understood of a turn: phrases that are certain, and the one that is being spoken."""

    def __init__(self, language: str) -> None:
        self._language = language
        self._phrases: list[str] = []
        self._words: list[Word] = []
        self._spoken = ""
        self._doubtful = False
        self.anything = False
        """Something was understood."""

    def take(self, final: bool, text: str, language: str, details: bytes) -> None:
        """Take the newest of it."""
        self.anything = True
        self._language = self._language or language
        self._spoken = "" if final else text
        if final:
            self._phrases.append(text)
            best = _best(details)
            self._words += _words(best)
            confidence = best.get("Confidence")
            self._doubtful = self._doubtful or (isinstance(confidence, int | float) and 0 < confidence < _SURE)

    def heard(self, *, final: bool) -> Heard:
        """Return all of it."""
        phrases = (*self._phrases, self._spoken)
        space = "" if self._language.split("-")[0] in ("ja", "zh", "th") else " "
        return Heard(
            text=space.join(phrase.strip() for phrase in phrases if phrase.strip()),
            language=self._language,
            uncertain=self._doubtful,
            final=final,
            words=tuple(self._words) if final else (),
        )


async def _frames(speech: AsyncIterator[bytes]) -> AsyncIterator[Frame]:
    """Hand the speech over as it comes."""
    taken = 0
    async for piece in speech:
        taken += len(piece)
        if taken > 2 * RATE * LONGEST_TURN:
            raise EngineUnsuited(f"{_NAME}: more than {LONGEST_TURN} seconds in one turn")
        yield {}, piece


def _best(details: bytes) -> dict[str, Any]:
    try:
        found: Any = json.loads(details)["NBest"][0]
    except (ValueError, KeyError, IndexError, TypeError, RecursionError):
        return {}
    return cast("dict[str, Any]", found) if isinstance(found, dict) else {}


def _words(best: dict[str, Any]) -> list[Word]:
    """Read the times of a phrase's words, in the SDK's ticks from the start of the turn."""
    given: Any = best.get("Words")
    found: list[Word] = []
    for item in cast("list[Any]", given) if isinstance(given, list) else ():
        word = cast("dict[str, Any]", item) if isinstance(item, dict) else {}
        text, start, length = word.get("Word"), word.get("Offset"), word.get("Duration")
        if isinstance(text, str) and isinstance(start, int) and isinstance(length, int):
            found.append(Word(text, start * RATE // _TICKS, (start + length) * RATE // _TICKS))
    return found
