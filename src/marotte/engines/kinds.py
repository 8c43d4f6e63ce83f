"""What an engine is: the protocol of each kind, and what it takes and gives.

An engine is one file that adapts one provider. It is found by its entry point (``marotte.voices``, ``marotte.ears``,
``marotte.brains``, ``marotte.duplexes``, ``marotte.eyes``), brings its own settings and a check of its environment, and
is built as ``Engine(settings, kit)``. It imports its heavy library when it is first used, never when its module is
imported.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from random import Random
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Protocol, Self

import msgspec
from pydantic import BaseModel, ConfigDict, Field, model_validator

from marotte.events import AnyPercept, Line, Mouth, Word
from marotte.time import Clock

if TYPE_CHECKING:
    import aiohttp

Kind = Literal["brain", "voice", "ear", "duplex", "eye"]


class EngineError(Exception):
    """An engine failed; the message is for the operator and names what and where, never a secret."""


class EngineUnavailable(EngineError):
    """It cannot serve this request at all; nothing was given yet, so the next engine takes over cleanly."""

    def __init__(self, message: str = "", retry_after: float = 0.0) -> None:
        """``retry_after``: seconds for which the provider asks to be left alone."""
        super().__init__(message)
        self.retry_after = retry_after


class EngineUnsuited(EngineUnavailable):
    """It is well but cannot serve this very request: its breaker stays closed.

    It does not speak the language, or has its hands full by a limit of our own.
    """


class EngineSettings(BaseModel):
    """What a show may set for any engine; each engine adds its own keys."""

    model_config = ConfigDict(extra="forbid")

    engine: str = ""
    """Which engine this is, where its table in the show bears another name."""
    first_within: float = 8.0
    """Seconds to the first sound, word or transcript; later counts as a failure."""
    next_within: float = 8.0
    """Seconds between one piece and the next."""


class Manner(BaseModel):
    """How a voice speaks: as whom, in which style, how fast and how high."""

    model_config = ConfigDict(extra="forbid")

    voice: str = ""
    """The provider's name of the voice; "" is the engine's usual one."""
    style: str = ""
    """The provider's name of a style, or words that describe one, where it takes them."""
    speed: float = Field(default=1.0, ge=0.25, le=4.0)
    """1 is the voice's usual speed, 2 twice as fast."""
    pitch: float = Field(default=0.0, ge=-24, le=24)
    """Semitones above the voice's usual pitch."""


class VoiceSettings(EngineSettings, Manner):
    """What a show may set for any voice: its manner, and other manners for single languages and feelings."""

    cannot: ClassVar[frozenset[str]] = frozenset()
    """The fields of ``Manner`` that the provider has nothing for: setting them is a mistake, not a wish."""

    speaks: tuple[str, ...] = ()
    """Languages it is asked to speak, as BCP-47 tags; the next voice of the chain takes the others. Empty: all."""
    languages: dict[str, Manner] = Field(default_factory=dict[str, Manner])
    """How it speaks single languages; what is not set there is as usual: ``{ja = {voice = "jf_alpha"}}``."""
    feelings: dict[str, Manner] = Field(default_factory=dict[str, Manner])
    """How it speaks with single feelings: ``{joy = {style = "cheerful", speed = 1.1}}``."""

    @model_validator(mode="after")
    def _possible(self) -> Self:
        for manner in (self, *self.languages.values(), *self.feelings.values()):
            for name in sorted(self.cannot & manner.model_fields_set):
                raise ValueError(f"{name}: this voice has no such setting")
        return self

    def manner(self, line: Line) -> Manner:
        """Return how a line is spoken: as usual, but as its language wants it, but as its feeling wants it."""
        tag = line.language.lower()
        of = {name.lower(): manner for name, manner in self.languages.items()}
        chosen = {name: getattr(self, name) for name in Manner.model_fields}
        for other in (of.get(tag) or of.get(tag.split("-")[0]), self.feelings.get(line.feeling)):
            if other is not None:
                chosen |= other.model_dump(exclude_unset=True)
        return Manner.model_construct(**chosen)

    def serves(self, language: str) -> bool:
        """Say whether it is asked to speak a language."""
        spoken, tag = {tag.lower() for tag in self.speaks}, language.lower()
        # What is said without a region may be said in any.
        places = spoken | {each.split("-")[0] for each in spoken} if "-" not in tag else spoken
        return not spoken or bool(places & {tag, tag.split("-")[0]})


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
                cookie_jar=aiohttp.DummyCookieJar(),  # a provider need not know us again
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=5),
                auto_decompress=True,
            )
        return self.session

    async def close(self) -> None:
        """Close what was opened."""
        if self.session is not None:
            await self.session.close()


class Engine(Protocol):
    """What all engines share.

    One that ends within a millisecond when it is cut, as whoever only closes a connection does, may say so:
    ``stops_at_once = True`` spares a task of its own. An ear that tells so has one all the same.
    """

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
    kept: bool = False
    """It was made before and has cost nothing now (see ``sound_cache.py``)."""


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
    no_speech: float = -1.0
    """How likely nobody spoke at all, 0 to 1, where the ear says so; else -1."""
    words: tuple[Word, ...] = ()
    """When each word was spoken, in samples at 16 kHz from the start of the speech, where the ear says so."""


class Ear(Engine, Protocol):
    """Turns speech into text."""

    def hear(self, speech: AsyncIterator[bytes], language: str) -> AsyncIterator[Heard]:
        """Take 16 kHz mono 16-bit speech as it comes; yield what is understood, the last one with ``final``.

        ``language`` is a BCP-47 tag that is expected, or "". An empty final text means that nothing was understood.
        """
        ...


class Eye(Engine, Protocol):
    """Turns a picture into words."""

    def see(self, picture: bytes, language: str) -> AsyncIterator[str]:
        """Yield, in pieces of any length, a sentence or two on a JPEG of at most 1280 pixels a side.

        They tell of the place, its light, things, colours, what people do and what they wear: never who somebody is,
        how old, or how they look. ``language`` is a BCP-47 tag that is wished for; an eye that writes only English
        does so. Raises EngineUnavailable before the first piece if the provider cannot serve this picture.
        """
        ...


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """One earlier contribution to the conversation."""

    role: Literal["user", "assistant"]
    text: str
    name: str = ""


class Tool(msgspec.Struct, frozen=True, kw_only=True):
    """Something that a brain may do or ask for while it replies."""

    name: str
    """Letters, digits, ``_`` and ``-``; at most 64."""
    description: str
    parameters: dict[str, Any]
    """A JSON schema of an object."""


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """A brain's wish to use a tool."""

    id: str
    tool: str
    arguments: dict[str, Any]


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a call, in words for the brain."""

    call: Call
    text: str


class Arrival(msgspec.Struct, frozen=True):
    """Somebody who is here for the first time in this run."""

    name: str
    away: float = 0.0
    """Seconds since they were here last; 0: they never were."""


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
    arrivals: tuple[Arrival, ...] = ()
    """Those who speak and have just come: they want a welcome."""
    scene: str = ""
    """What the character sees, in words, or ""."""
    said: str = ""
    """What another brain has already said in this very reply: go on from there."""
    topics: tuple[str, ...] = ()
    """The character's favourite matters: the improviser's choice of puns follows them."""
    pictures: tuple[bytes, ...] = ()
    """What the character sees now, as JPEG, for brains that see."""
    tools: tuple[Tool, ...] = ()
    """What it may use in this reply."""
    results: tuple[Result, ...] = ()
    """What it has called in this very reply, after the words in ``said``, and what came of it."""


class Counted(msgspec.Struct, frozen=True):
    """What a reply has cost, where the provider says so."""

    tokens: int
    """Read and written."""


class Brain(Engine, Protocol):
    """Turns a prompt into words.

    One that can translate says so, ``translates = True``: subtitles in a second language are asked of it.
    """

    def reply(self, prompt: Prompt) -> "AsyncIterator[str | Counted | Call]":
        """Yield the reply's text in pieces of any length, as it is made, and what it has cost where that is known.

        A brain that wants to use tools of the prompt yields its calls last; it is asked again with their results.

        Stage directions stand in square brackets: ``[joy]`` a feeling, ``[nod]`` an animation, ``[pause 700ms]``.
        Raises EngineUnavailable before the first piece if the provider cannot serve this prompt.
        """
        ...


Piece = str | Counted | Call | Sound
"""What a duplex engine's reply is made of."""


class Session(Protocol):
    """One partner's conversation with a duplex engine: it hears, then it replies.

    Who leaves ``hear`` or ``reply`` before its end has cut it; the session takes what comes next all the same.
    """

    def hear(self, speech: AsyncIterator[bytes], language: str) -> AsyncIterator[Heard]:
        """Take speech and yield what is understood, as an ear does; the engine keeps the sound to reply to."""
        ...

    def reply(self, prompt: Prompt, *, to_speech: bool) -> AsyncIterator[Piece]:
        """Yield what is said: its words, and among them, before or after, the sound that says them.

        ``to_speech``: it answers what it has heard last; else ``prompt.text`` is what happened. Words are those that
        are spoken, without stage directions. With results in the prompt it goes on from its own calls.
        Raises EngineUnavailable before the first piece if the provider cannot serve this prompt.
        """
        ...

    async def cut(self, seconds: float, text: str) -> None:
        """Take notice that of the last reply only so much sound, and this text, was heard."""
        ...

    async def close(self) -> None:
        """End the conversation; must not wait for its provider."""
        ...


class Duplex(Engine, Protocol):
    """Turns speech into speech: an ear, a brain and a voice in one."""

    def join(self, about: Callable[[], Awaitable[Prompt]]) -> Session:
        """Return a conversation with one partner of one floor; it connects when it is first asked something.

        ``about`` is asked at each connection: who the character is, what was said before, what it may use. It reacts
        to nothing: ``percepts`` and ``text`` are empty.
        """
        ...
