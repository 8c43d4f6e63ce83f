"""What an engine is: the protocol of each kind, and what it takes and gives.

An engine is one file that adapts one provider. It is found by its entry point (``marotte.voices``, ``marotte.ears``,
``marotte.brains``), brings its own settings and a check of its environment, and is built as ``Engine(settings, kit)``.
It imports its heavy library when it is first used, never when its module is imported.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from random import Random
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Protocol

import msgspec
from pydantic import BaseModel, ConfigDict

from marotte.events import AnyPercept, Line, Mouth, Word
from marotte.time import Clock

if TYPE_CHECKING:
    import aiohttp

Kind = Literal["brain", "voice", "ear"]


class EngineError(Exception):
    """An engine failed; the message is for the operator and names what and where, never a secret."""


class EngineUnavailable(EngineError):
    """It cannot serve this request at all; nothing was given yet, so the next engine takes over cleanly."""

    def __init__(self, message: str = "", retry_after: float = 0.0) -> None:
        """``retry_after``: seconds for which the provider asks to be left alone."""
        super().__init__(message)
        self.retry_after = retry_after


class EngineUnsuited(EngineUnavailable):
    """It is well but cannot serve this very request (a language it does not speak): its breaker stays closed."""


class EngineSettings(BaseModel):
    """What a show may set for any engine; each engine adds its own keys."""

    model_config = ConfigDict(extra="forbid")

    engine: str = ""
    """Which engine this is, where its table in the show bears another name."""
    first_within: float = 8.0
    """Seconds to the first sound, word or transcript; later counts as a failure."""
    next_within: float = 8.0
    """Seconds between one piece and the next."""


@dataclass
class Kit:
    """What the show lends to every engine."""

    clock: Clock = field(default_factory=Clock)
    rng: Random = field(default_factory=Random)
    secrets: dict[str, str] = field(default_factory=dict[str, str])
    """Secrets by their environment name; an engine never reads the environment itself."""
    names: tuple[str, ...] = ()
    """What the character is called."""
    commands: tuple[str, ...] = ()
    """Sentences that ears with a list of their own listen for besides it."""
    session: "aiohttp.ClientSession | None" = None

    def http(self) -> "aiohttp.ClientSession":
        """Return the one HTTP session, opened when it is first needed."""
        import aiohttp

        if self.session is None or self.session.closed:
            self.session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=60),
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=5),
                auto_decompress=True,
            )
        return self.session

    async def close(self) -> None:
        """Close what was opened."""
        if self.session is not None:
            await self.session.close()


class Engine(Protocol):
    """What all engines share."""

    Settings: ClassVar[type[EngineSettings]]

    def __init__(self, settings: Any, kit: Kit) -> None: ...

    @classmethod
    def check(cls, settings: Any, kit: Kit) -> str:
        """Say in one line what is missing here for it to work and how to get it, or "" if nothing is."""
        ...

    async def close(self) -> None:
        """Give back what it holds; must not wait for its provider."""
        ...


class Sound(msgspec.Struct, frozen=True, kw_only=True):
    """A piece of a line's sound, as the voice makes it."""

    pcm: bytes
    """Mono, signed 16 bits, little endian."""
    rate: int
    words: tuple[Word, ...] = ()
    """Words that the provider has placed, in samples at ``rate`` from the start of the line."""
    mouths: tuple[Mouth, ...] = ()
    """Mouth shapes that the provider has placed, likewise."""


class Voice(Engine, Protocol):
    """Turns one line into sound."""

    def speak(self, line: Line) -> AsyncIterator[Sound]:
        """Yield mono 16-bit PCM as it is made, with word and mouth timings where the provider gives them.

        Raises EngineUnavailable before the first sound if the provider cannot serve this line.
        """
        ...


class Heard(msgspec.Struct, frozen=True, kw_only=True):
    """What an ear makes of speech."""

    text: str
    language: str = ""
    uncertain: bool = False
    final: bool = True
    ear: str = ""
    """Which ear it was; the chain fills it in."""


class Ear(Engine, Protocol):
    """Turns speech into text."""

    def hear(self, speech: AsyncIterator[bytes], language: str) -> AsyncIterator[Heard]:
        """Take 16 kHz mono 16-bit speech as it comes; yield what is understood, the last one with ``final``.

        ``language`` is a BCP-47 tag that is expected, or "". An empty final text means that nothing was understood.
        """
        ...


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """One earlier contribution to the conversation."""

    role: Literal["user", "assistant"]
    text: str
    name: str = ""


class Prompt(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that a brain may know for one reply."""

    system: str
    """Who the character is and how it behaves, with the operator's context line."""
    history: tuple[Message, ...] = ()
    """What was said before on this floor, oldest first; the character's own words exactly as they were heard."""
    percepts: tuple[AnyPercept, ...] = ()
    """What it reacts to now."""
    text: str = ""
    """The same as one text, for brains that read only text; viewers' words are quoted in it as data."""
    language: str = "en"
    """The language to answer in."""
    languages: tuple[str, ...] = ("en",)
    character: str = ""
    """The character's name."""
    facts: tuple[str, ...] = ()
    """What memory recalls for this, one sentence each."""
    scene: str = ""
    """What the character sees, in words, or ""."""
    said: str = ""
    """What another brain has already said in this very reply: go on from there."""
    topics: tuple[str, ...] = ()
    """The character's favourite matters: the improviser's choice of puns follows them."""


class Counted(msgspec.Struct, frozen=True):
    """What a reply has cost, where the provider says so."""

    tokens: int
    """Read and written."""


class Brain(Engine, Protocol):
    """Turns a prompt into words."""

    def reply(self, prompt: Prompt) -> "AsyncIterator[str | Counted]":
        """Yield the reply's text in pieces of any length, as it is made, and what it has cost where that is known.

        Stage directions stand in square brackets: ``[joy]`` a feeling, ``[nod]`` an animation, ``[pause 700ms]``.
        Raises EngineUnavailable before the first piece if the provider cannot serve this prompt.
        """
        ...
