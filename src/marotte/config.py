"""``show.toml`` → typed settings. Everything has a default: an empty file is a valid show.

A mistake stops the start with the key, the line, the reason and the nearest valid name (``ShowError``). Secrets are
never in the file: they come from the environment or from ``.env`` where the program is started.
"""

import re
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, cast, get_args

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    PrivateAttr,
    ValidationError,
    field_validator,
    model_validator,
)

from marotte import events
from marotte.config_emotes import Emotes
from marotte.config_engines import BrainChain as BrainChain
from marotte.config_engines import Chain as Chain
from marotte.config_engines import DuplexChain as DuplexChain
from marotte.config_engines import EarChain as EarChain
from marotte.config_engines import EyeChain as EyeChain
from marotte.config_engines import Hearing as Hearing
from marotte.config_engines import Seconds as Seconds
from marotte.config_engines import Sight as Sight
from marotte.config_engines import VoiceChain as VoiceChain
from marotte.config_links import Channel as Channel
from marotte.config_links import Discord, TikTok, Twitch, YouTube
from marotte.config_pastimes import Commands, Purse, Rewards, ambiguous, default_commands
from marotte.config_people import People as People
from marotte.config_prompts import Prompts
from marotte.config_tools import Tools
from marotte.mistakes import Mistake as Mistake
from marotte.mistakes import ShowError as ShowError
from marotte.mistakes import explain
from marotte.mistakes import nearest as nearest
from marotte.toml_lines import key_lines, line_of

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

PERCEPTS = tuple(events.tag(kind) for kind in get_args(events.AnyPercept))


def _language(tag: str) -> str:
    if not re.fullmatch(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8})*", tag):
        raise ValueError(f'{tag[:40]!r} is no language such as "en", "ja" or "pt-BR"')
    return tag


Language = Annotated[str, AfterValidator(_language), Field(description="a BCP-47 tag such as en or ja")]

SECOND = "([a-z]{2,3}(-[A-Z][a-z]{3})?(-([A-Z]{2}|[0-9]{3}))?)?"
"""Matches a language with its script and region, and nothing else, for it goes into a prompt; or no language."""


def _http_url(url: str) -> str:
    if url and not re.match(r"https?://[^\s/]+", url):
        raise ValueError("must begin with http:// or https:// and name a host")
    return url


def _second_language(tag: str) -> str:
    if not re.fullmatch(SECOND, tag):
        raise ValueError('must be a language such as "es", "pt-BR" or "zh-Hant", or ""')
    return tag


Url = Annotated[str, AfterValidator(_http_url)]
SecondLanguage = Annotated[str, AfterValidator(_second_language)]


class Model(BaseModel):
    """A table of the show: frozen, and every key must be known."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Character(Model):
    """The card: who the character is."""

    name: str = Field(default="Pip", min_length=1, max_length=60)
    called: tuple[Annotated[str, Field(max_length=60)], ...] = Field(default=(), max_length=20)
    """Other names it answers to in a chat."""
    misheard: tuple[Annotated[str, Field(max_length=60)], ...] = Field(default=(), max_length=50)
    """What ears often take its name for; its name is put in their place: ``["pit", "peep"]``."""
    drawing: Literal["jester", "skull"] = "jester"
    manner: str = (
        "A small, quick-witted jester's head on a stick, warm and teasing, never cruel."
        " Answers in one to three short sentences."
    )
    examples: tuple[tuple[str, str], ...] = ()
    """Pairs of what somebody says and what the character would answer."""
    languages: tuple[Language, ...] = Field(default=("en", "es", "fr", "zh", "ja"), min_length=1)
    """Languages it answers in; the first is its own."""
    answers_in: dict[Language, Annotated[float, Field(gt=0, le=1)]] = {}
    """Empty: the speaker's own language. One: always that. Several: so much of each, ``{es = 0.7, en = 0.3}``."""
    never: tuple[str, ...] = ()
    """Words that it never says."""
    topics: tuple[str, ...] = ("stage", "bells", "crowd")
    context: str = Field(default="", max_length=2_000)
    """What is going on now; the operator can change it live."""


Merge = Literal["all", "latest", "last", "best", "join"]
Preempt = Literal["never", "after_line", "at_once"]


class Lane(Model):
    """The policy of one kind of percept in attention."""

    percepts: tuple[str, ...] = ()
    priority: int = Field(default=50, ge=0, le=1000)
    merge: Merge = "all"
    """all: what waits is answered together, each whole · latest: only the newest · last: the newest ``together`` ·
    best: the ``together`` that give most to answer, by name, question, novelty, role and who was answered least
    lately; the others wait on · join: what one viewer said is joined into one text."""
    together: int = Field(default=1, ge=1, le=50)
    """At most so many percepts in one turn."""
    capacity: int = Field(default=50, ge=1, le=10_000)
    expiry: Seconds = 0
    """Seconds after which a percept is too old to be answered; 0: never."""
    preempt: Preempt = "never"
    """never: it waits · after_line: a turn of a lower lane ends with its present line · at_once: any turn is cut."""
    survives: bool = False
    """Its percepts are rows before they are acted on, and are answered even after a crash."""
    each_viewer: int = Field(default=0, ge=0)
    """At most so many of one viewer wait; 0: no limit."""

    @field_validator("percepts")
    @classmethod
    def _known(cls, percepts: tuple[str, ...]) -> tuple[str, ...]:
        for kind in percepts:
            if kind not in PERCEPTS:
                raise ValueError(f"{kind!r} is no percept" + nearest(kind, PERCEPTS))
        return percepts

    @model_validator(mode="after")
    def _keeps_what_survives(self) -> "Lane":
        if self.survives and self.merge != "all":
            raise ValueError(f"a lane that survives cannot merge = {self.merge!r}: that would lose what was given")
        if self.survives and (self.expiry or self.each_viewer):
            raise ValueError(
                "a lane that survives has no expiry and no limit for each viewer: nothing given is dropped"
            )
        return self


def _lanes() -> dict[str, Lane]:
    return {
        "operator": Lane(percepts=("asked",), priority=100, preempt="after_line"),
        "spoken": Lane(
            percepts=("utterance",), priority=90, merge="join", together=8, capacity=8, expiry=30, preempt="at_once"
        ),
        "gifts": Lane(
            percepts=("gift", "subscription", "redemption", "raid"),
            priority=80,
            together=3,
            capacity=500,
            preempt="after_line",
            survives=True,
        ),
        "game": Lane(percepts=("game_context",), priority=60, merge="latest", capacity=1, expiry=20),
        "happenings": Lane(percepts=("happening",), priority=55, merge="last", together=3, capacity=20, expiry=120),
        "schedule": Lane(percepts=("due",), priority=50, capacity=20, expiry=600),
        "chat": Lane(
            percepts=("chat_message",), priority=40, merge="best", together=3, capacity=60, expiry=90, each_viewer=2
        ),
        "follows": Lane(percepts=("follow",), priority=30, together=10, capacity=100, expiry=300),
        "sight": Lane(percepts=("sighting",), priority=20, merge="latest", capacity=1, expiry=20),
        "lull": Lane(percepts=("lull",), priority=10, merge="latest", capacity=1, expiry=10),
    }


Answers = Literal["everything", "addressed", "named"]


class Attention(Model):
    """What deserves an answer."""

    answer: Answers = "everything"
    """In a chat: answer everything · addressed: only messages that name the character or put a question · named: only
    those that name it. The operator may change it while the show goes on."""
    near: float = Field(default=0.85, gt=0, le=1)
    """How alike two messages are (0 to 1) to count as the same said twice."""
    pause: Seconds = 0.4
    """Seconds between one turn and the next."""
    begin_early: bool = True
    """Whether a reply is begun as soon as a partner has perhaps said all; it is thrown away where they had not."""
    lull_after: Seconds = 90.0
    """Seconds of quiet after which the character starts to talk by itself while somebody is there; 0: never."""


class Memory(Model):
    """What is remembered and recalled."""

    tokens: int = Field(default=2_000, ge=100, le=1_000_000)
    """How many tokens of the conversation go into a prompt."""
    recall: int = Field(default=6, ge=0, le=50)
    """How many facts are recalled for one turn."""
    welcome: bool = True
    """Welcome those who speak for the first time, and those who are back."""
    keep_days: int = Field(default=365, ge=1, le=36_500)
    """Percepts, turns and lines older than this are deleted; facts stay until they are forgotten."""


class Moderation(Model):
    """What is stopped before it is spoken, and what of a chat is not read."""

    builtin: bool = True
    """Use the word lists that come with the program."""
    words: dict[Language, tuple[str, ...]] = Field(default_factory=dict[str, tuple[str, ...]])
    """More words to stop, a list a language; ``any`` holds for all."""
    allow: tuple[str, ...] = ()
    """Words that are never stopped, whatever the lists say."""
    links: Literal["stop", "allow"] = "stop"
    caps: float = Field(default=0.8, gt=0, le=1)
    """Chat messages with a larger share of capitals are not read."""
    repetition: int = Field(default=8, ge=3)
    """The same character or word so many times in a row is not read."""
    longest: int = Field(default=1_500, ge=50, le=20_000)
    """Longer chat messages are not read, in characters."""
    release_within: Seconds = 10.0
    """Seconds in which the operator may release a stopped line."""
    substitute: dict[Language, str] = Field(default_factory=dict[str, str])
    """What is said instead of a stopped line, a sentence a language."""
    people: People = People()


class Subtitles(Model):
    """What is to be read of what is said."""

    second: SecondLanguage = ""
    """A second language in which each line is shown below its own; needs a brain that can translate, which the
    improviser cannot. A window may ask for another."""


class Device(Model):
    """This machine's microphone and loudspeaker (extra ``device``); names may be a part of the device's name."""

    microphone: str = ""
    loudspeaker: str = ""
    headset: bool = False
    """The microphone cannot hear the loudspeaker: listen while the character speaks, so that it can be interrupted."""
    echo: Literal["auto", "on", "off"] = "auto"
    """Take the loudspeaker's sound out of the microphone's (extra ``echo``), so that the character can be interrupted
    without a headset; ``auto`` does so where the extra is installed and there is no headset."""
    hotkey: Annotated[str, Field(max_length=100)] = ""
    """Keys to hold while speaking, whatever window is in front (extra ``hotkey``), for example
    ``<ctrl>+<alt>+<space>``; "" listens all the time."""


class Gateway(Model):
    """The web: where it listens, and its limits."""

    host: str = "127.0.0.1"
    port: int = Field(default=8765, ge=0, le=65535)
    partners: int = Field(default=16, ge=1, le=1_000)
    """At most so many private floors at once."""
    waiting: int = Field(default=20, ge=0, le=1_000)
    """So many windows may wait until a private floor is free; who comes after them is refused."""
    origins: tuple[str, ...] = ()
    """Other origins whose pages may connect, and under whose names the windows are reached, for example
    ``https://my.site``."""
    requests: float = Field(default=100, ge=1, le=1_000_000)
    """How often a second one caller may read; changes, attempts to come in and costly calls have a share of it."""
    proxies: tuple[str, ...] = ()
    """Addresses or networks of reverse proxies, which are believed where a request comes from: ``127.0.0.1``."""
    largest_body: int = Field(default=1_000_000, ge=1_000)
    largest_frame: int = Field(default=256_000, ge=4_000)


class Store(Model):
    """Where rows are kept."""

    url: str = ""
    """SQLAlchemy URL; empty: SQLite in the data directory."""


class Show(Model):
    """A character with its settings."""

    name: str = "The jester"
    seed: int = Field(default=0, ge=0, lt=2**53)
    """Seeds every chance in the show; 0: a new one for each run."""
    character: Character = Character()
    brain: BrainChain = BrainChain()
    voice: VoiceChain = VoiceChain()
    duplex: DuplexChain = DuplexChain()
    hearing: Hearing = Hearing()
    sight: Sight = Sight()
    attention: Attention = Attention()
    lanes: dict[str, Lane] = Field(default_factory=_lanes)
    memory: Memory = Memory()
    moderation: Moderation = Moderation()
    prompts: Prompts = Prompts()
    emotes: Emotes = Emotes()
    subtitles: Subtitles = Subtitles()
    tools: Tools = Tools()
    commands: Commands = Field(default_factory=default_commands)
    purse: Purse | None = None
    redemptions: Rewards = Field(default_factory=Rewards)
    irc: dict[str, Channel] = Field(default_factory=dict[str, Channel])
    twitch: Twitch | None = None
    youtube: YouTube | None = None
    tiktok: TikTok | None = None
    discord: Discord | None = None
    device: Device | None = None
    gateway: Gateway = Gateway()
    store: Store = Store()

    _file: str = PrivateAttr(default="show.toml")
    _lines: dict[tuple[str, ...], int] = PrivateAttr(default_factory=dict[tuple[str, ...], int])

    @property
    def file(self) -> Path:
        """Where it was read from; there is no such file where it is the default show."""
        return Path(self._file)

    def mistake(self, key: tuple[str, ...], reason: str) -> "ShowError":
        """Return an error that names the file, the line and the key (or the table that it would stand in)."""
        return ShowError(self._file, Mistake(line_of(self._lines, key), ".".join(key), reason))

    def mistakes(self, table: tuple[str, ...], model: type[BaseModel], error: ValidationError) -> "ShowError":
        """Return an error for a table of the show that ``model`` refused."""
        return ShowError(self._file, *(explain(self._lines, dict(e), model, table) for e in error.errors()))

    @model_validator(mode="before")
    @classmethod
    def _lane_defaults(cls, data: Any) -> Any:
        """A show's lane changes the default lane of its name; ``percepts`` moves kinds from one lane to another."""
        if not isinstance(data, dict) or not isinstance(data.get("lanes"), dict):  # pyright: ignore[reportUnknownMemberType]
            return cast("Any", data)
        table = cast("dict[str, Any]", data)
        defaults = {name: lane.model_dump() for name, lane in _lanes().items()}
        merged: dict[str, Any] = {name: {**lane} for name, lane in defaults.items()}
        for name, lane in cast("dict[str, Any]", table["lanes"]).items():
            if isinstance(lane, Lane):
                lane = lane.model_dump()
            if not isinstance(lane, dict):
                merged[name] = lane
                continue
            given = cast("dict[str, Any]", lane)
            taken: Any = given.get("percepts", ())
            for other in merged.values() if isinstance(taken, list | tuple) else ():
                if isinstance(other, dict) and other is not merged.get(name):
                    entry = cast("dict[str, Any]", other)
                    entry["percepts"] = tuple(p for p in entry.get("percepts", ()) if p not in taken)
            merged[name] = {**defaults.get(name, {}), **given}
        return {**table, "lanes": merged}

    @model_validator(mode="after")
    def _tools_have_lanes(self) -> "Show":
        key, lane = self.tools.unknown_lane(self.lanes)
        if key:
            raise ValueError(f"{key}: {lane!r} is no lane" + nearest(lane, self.lanes))
        return self

    @model_validator(mode="after")
    def _commands_are_clear(self) -> "Show":
        chain = self.voice
        names = (*chain.chain, *chain.others, "espeak")
        voices = {name: tuple(chain.settings(name).get("feelings") or ()) for name in names}
        for key, reason in ambiguous(self.commands, self.purse, self.redemptions, voices):
            raise ValueError(f"{key}: {reason}")
        return self

    def lane_of(self, kind: str) -> str:
        """Return the name of the lane that takes percepts of ``kind``; "" where none does."""
        return next((name for name, lane in self.lanes.items() if kind in lane.percepts), "")


# --- reading -------------------------------------------------------------------------------------------------------


def load(path: Path | None) -> Show:
    """Read a show file; ``None`` gives the default show. Raises ShowError."""
    if path is None:
        return Show()
    try:
        text = path.read_text("utf-8")
    except FileNotFoundError:
        raise ShowError(str(path), Mistake(0, "", "there is no such file")) from None
    except (OSError, UnicodeDecodeError) as error:
        raise ShowError(str(path), Mistake(0, "", f"cannot be read: {error}")) from None
    return parse(text, str(path))


def _remedy(line: str) -> str:
    """Say what helps against the usual mistakes of those who write their first TOML, or ""."""
    value = line.partition("=")[2].strip()
    if re.search("[“”„«»‘’]", value[:1]):
        return '; a text stands in straight quotes: "…"'
    if value.lower() in ("true", "false", "yes", "no", "on", "off"):
        return "; it is true or false, in small letters"
    if value[:1].isalpha() or value[:1] in ("#", "/"):
        return '; a text stands in quotes: "…"'
    if "\\" in value:
        return "; a text with backslashes stands in single quotes: '…'"
    return ""


def _first(errors: "list[ErrorDetails]") -> "list[ErrorDetails]":
    """Leave out that a list is too short where that is said of what it lacks: it lacks it because that is wrong."""
    wrong = {error["loc"][:-1] for error in errors}
    return [error for error in errors if error["type"] != "too_short" or error["loc"] not in wrong]


def parse(text: str, where: str = "show.toml") -> Show:
    """Read a show from TOML text. Raises ShowError with the line and the reason of each mistake."""
    if len(text) > 1_000_000:
        raise ShowError(where, Mistake(0, "", "larger than 1 MB: this is no show file"))
    try:
        text = text.removeprefix("\ufeff")  # as some editors on Windows begin a file
        text.encode()
        data = tomllib.loads(text)
    except RecursionError:
        raise ShowError(where, Mistake(0, "", "not valid TOML: values are nested too deeply")) from None
    except tomllib.TOMLDecodeError as error:
        at = re.search(r"at line (\d+)", str(error))
        # Else it is the end of the document that it names.
        line = int(at[1]) if at else text.count("\n") + 1
        named = re.match("Invalid (?:value|hex)|Unescaped", str(error))
        remedy = _remedy(text.split("\n")[line - 1]) if named else ""
        raise ShowError(where, Mistake(line, "", f"not valid TOML: {error}{remedy}")) from None
    except ValueError as error:  # a number of thousands of digits, half a surrogate pair
        raise ShowError(where, Mistake(0, "", f"not valid TOML: {error}")) from None
    lines = key_lines(text)
    try:
        show = Show.model_validate(data)
    except ValidationError as error:
        raise ShowError(where, *(explain(lines, dict(e), Show) for e in _first(error.errors()))) from None
    show._file, show._lines = where, lines  # pyright: ignore[reportPrivateUsage]
    return show
