"""PocketSphinx: the embedded English ear. It knows commands by heart and only guesses at everything else.

Its model is inside its package, so it needs no key, no network and no download. It is no dictation: what it reads
without a command that fits is marked uncertain.
"""

import importlib.util
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Annotated, Any, ClassVar

from pydantic import Field

from marotte.engines.child import Child
from marotte.engines.kinds import EngineError, EngineSettings, EngineUnsuited, Heard, Kit
from marotte.senses.hearing.speech import collect

_PROGRAM = "marotte.senses.hearing.ears.pocketsphinx_program"
_AGREES = 0.8
"""Share of a command's phones by which the free reading that supports it may differ from it.

Measured with these commands on clean synthetic speech: 35 of 36 commands are known and 1 of 45 other sentences is taken
for one; to compare words instead, at a word error rate of 1.0, took 7 of 26 for one.
"""
_ALIKE = 2
"""Phones that must be the same: a puff of breath resembles any word of three."""

COMMANDS = (
    "hello", "hi there", "good morning", "good evening", "good night", "goodbye", "bye", "see you later",
    "how are you", "how are you today", "thank you", "thank you very much", "yes", "no", "yes please", "no thank you",
    "who are you", "what is your name", "what can you do", "how old are you", "where are you from",
    "tell me a joke", "tell me another joke", "tell me another one", "tell me a story", "make me laugh",
    "sing a song", "sing me a song", "what do you see", "what are you doing", "what is this", "what do you think",
    "do you like me", "do you remember me", "what is my name", "i love you", "you are funny", "be quiet", "stop",
    "stop it", "stop talking", "wait", "go on", "say that again", "repeat that", "speak slower", "speak louder",
    "help", "help me", "happy birthday", "let's play a game", "what time is it",
)  # fmt: skip
"""What people say to a character, and how the ear is sure to know it."""


_PHONE = "(AA|AE|AH|AO|AW|AY|B|CH|D|DH|EH|ER|EY|F|G|HH|IH|IY|JH|K|L|M|N|NG|OW|OY|P|R|S|SH|T|TH|UH|UW|V|W|Y|Z|ZH)"
"""One of the 39 sounds of the CMU dictionary; the library crashes on others."""
_Word = Annotated[str, Field(pattern=r"^[a-z']{1,40}$")]
_Phones = Annotated[str, Field(pattern=rf"^{_PHONE}( {_PHONE}){{0,39}}$")]


class PocketsphinxSettings(EngineSettings):
    """Settings of the embedded ear."""

    first_within: float = 30.0
    pronunciations: dict[_Word, _Phones] = Field(default_factory=dict[str, str], max_length=100)
    """How words sound that are not in the CMU dictionary, in its phones: ``pippo = "P IH P OW"``."""


class PocketsphinxEar:
    """Turns English speech into text, a whole turn at a time."""

    Settings: ClassVar[type[EngineSettings]] = PocketsphinxSettings

    def __init__(self, settings: PocketsphinxSettings, kit: Kit) -> None:
        self.unknown: tuple[str, ...] = ()
        """Words of commands and names whose sound it does not know: sentences with them are never recognised."""
        self._asked = {
            "wake": list(kit.names),
            "commands": [*COMMANDS, *kit.commands],
            "pronunciations": settings.pronunciations,
        }
        self._child = Child("pocketsphinx", _PROGRAM, start_within=30.0)

    @classmethod
    def check(cls, settings: PocketsphinxSettings, kit: Kit) -> str:
        """Say in one line what is missing here, or ""."""
        if importlib.util.find_spec("pocketsphinx"):
            return ""
        return "pocketsphinx is not installed: pip install 'marotte[embedded]'"

    async def warm(self) -> None:
        """Load the model now, some 110 MB in a second or two, so that the first turn need not wait for it."""
        await self._child.start()

    async def hear(self, speech: AsyncIterator[bytes], language: str) -> AsyncIterator[Heard]:
        """Take the whole turn, then yield its text once. Raises EngineUnsuited for a language other than English."""
        if language and language.split("-")[0] != "en":
            raise EngineUnsuited(f"pocketsphinx: it knows only English, not {language!r}")
        pcm, answer = await collect(speech), dict[str, Any]()
        async with aclosing(self._child.request(self._asked, pcm)) as answers:
            async for header, _ in answers:
                answer = header
        if "free" not in answer:
            raise EngineError("pocketsphinx: the program ended without an answer")
        self.unknown = tuple(answer["unknown"])
        phones, differ = answer["phones"], answer["differ"]
        # A grammar always finds something, so its command counts only where the free reading resembles it.
        if differ <= _AGREES * phones and phones - differ >= _ALIKE:
            yield Heard(text=answer["command"], language="en")
        else:
            yield Heard(text=answer["free"], language="en", uncertain=bool(answer["free"]))

    async def close(self) -> None:
        """End the program."""
        await self._child.close()
