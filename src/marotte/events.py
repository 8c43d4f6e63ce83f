"""The vocabulary: every event that crosses the bus, frozen and typed.

An event is a tagged ``msgspec.Struct``; its tag is its class name in snake case and doubles as the last part of the
subject it is published under (``subject(event)``). All times are seconds since the epoch, all positions on a
speaker's clock are samples at 48 kHz since the run began, all text is plain text and never markup.

The file is longer than others on purpose: whoever wants to know what can happen reads it from top to bottom, once.
"""

import itertools
import re
import secrets
from typing import Literal

import msgspec

SAMPLE_RATE = 48_000
"""Samples per second of every speaker's clock: mono, signed 16 bits, little endian."""

PUBLIC = "public"
"""The name of the public floor."""
PRIVATE = "talk-"
"""What the names of private floors begin with."""

_ids = itertools.count()
_prefix = secrets.token_hex(4)


def fresh_id() -> str:
    """Return an id that no other event, turn or line has, in this run or another."""
    return f"{_prefix}-{next(_ids)}"


def seed_ids(prefix: str) -> None:
    """Start the ids of this process again under ``prefix``, so that a replayed run names things the same."""
    global _prefix, _ids
    _prefix, _ids = prefix, itertools.count()


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()


# --- parts that events carry ---------------------------------------------------------------------------------------


class Viewer(msgspec.Struct, frozen=True, kw_only=True):
    """One person as a platform knows them."""

    id: str
    """Platform and account, for example ``irc:libera/ada``: what memory is kept under."""
    name: str
    """What to call them."""
    platform: str = ""
    roles: tuple[str, ...] = ()
    """Any of ``operator``, ``moderator``, ``subscriber``, ``vip``."""
    known_as: str = ""
    """The account under which this person is remembered, where this is another account of theirs."""


class Emote(msgspec.Struct, frozen=True, array_like=True):
    """A small picture in a chat message, written as a word."""

    name: str
    start: int
    """Where it stands in the text, in characters."""
    end: int
    picture: str = ""
    """Where the picture is found."""


class Cue(msgspec.Struct, frozen=True, kw_only=True):
    """A stage direction for the body, taken out of the text that is spoken."""

    kind: Literal["expression", "animation", "hotkey", "sound", "overlay", "pause"]
    name: str
    offset: int = 0
    """Where in the line's spoken text it belongs, in characters."""


class Word(msgspec.Struct, frozen=True, array_like=True):
    """One spoken word and when it sounds."""

    text: str
    start: int
    """Samples from the start of the line's sound (on a ``Timings`` event: of the speaker's clock)."""
    end: int
    offset: int = -1
    """Where the word begins in the line's spoken text, in characters; -1 where the engine does not say."""


class Mouth(msgspec.Struct, frozen=True, array_like=True):
    """One shape of the mouth, held until the next."""

    start: int
    """Samples, as in ``Word``."""
    shape: Literal["rest", "closed", "teeth", "wide", "round", "narrow", "open"]
    level: float = 1.0
    """How far the mouth is open, 0 to 1."""


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """One sentence of a turn, in one language, with its feeling: what is shown, what is spoken, its cues."""

    id: str = msgspec.field(default_factory=fresh_id)
    turn: str = ""
    shown: str
    spoken: str
    cues: tuple[Cue, ...] = ()
    language: str = "en"
    feeling: str = ""
    answers: tuple[str, ...] = ()
    """Ids of the percepts that this line names; they are answered once it was heard to its end."""
    firm: bool = False
    """It is heard to its end, whoever speaks meanwhile: a legal notice, a song."""
    voice: str = ""
    """The voice that is to speak it, by its name in the show; "" is the chain's own choice."""


class Timings(msgspec.Struct, frozen=True, kw_only=True):
    """How long each stage of a turn took, in seconds from the moment the turn began; -1 where it never came."""

    recognised: float = -1.0
    """End of speech to the transcript; counted before the turn began."""
    waited: float = -1.0
    """From the percept's arrival to the start of its turn."""
    prompted: float = -1.0
    first_token: float = -1.0
    first_line: float = -1.0
    """The first sentence is complete and has passed moderation."""
    first_sound: float = -1.0
    """The voice's first sound has arrived."""
    first_sample: float = -1.0
    """The first sample has been handed to the outlets."""
    last_sample: float = -1.0


class Ending(msgspec.Struct, frozen=True, kw_only=True):
    """How a turn ended and what of it was heard."""

    state: Literal["done", "interrupted", "discarded", "refused", "failed"]
    heard: str = ""
    """Exactly the words that were heard, without any mark added."""
    cut: bool = False
    """Whether more was written than was heard."""
    reason: str = ""
    answered: tuple[str, ...] = ()
    """Ids of the percepts named by a line that was heard to its end."""
    timings: Timings = Timings()


# --- events --------------------------------------------------------------------------------------------------------


class Event(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag=_snake):
    """Something that happened."""

    at: float = 0.0
    floor: str = PUBLIC


class Percept(Event, frozen=True, kw_only=True):
    """Something that reached the character."""

    id: str = msgspec.field(default_factory=fresh_id)
    viewer: Viewer | None = None
    language: str = ""
    """The language of its text as a BCP-47 tag where it is known."""
    link: str = ""
    """The link that it came through, where an act on it goes."""
    source: str = ""
    """What it came from as its platform names it: the id of a message, of a redemption."""


class ChatMessage(Percept, frozen=True, kw_only=True):
    """Somebody wrote in a chat."""

    text: str
    channel: str = ""
    first: bool = False
    """Their first message in this channel ever, as the platform says or the show knows."""
    emotes: tuple[Emote, ...] = ()


class Utterance(Percept, frozen=True, kw_only=True):
    """Somebody spoke, and this is what an ear made of it."""

    text: str
    uncertain: bool = False
    """The ear doubts it: the character asks back when in doubt."""
    ear: str = ""
    seconds: float = 0.0
    recognised: float = -1.0
    """Seconds from the end of speech to this transcript."""


class Gift(Percept, frozen=True, kw_only=True):
    """Somebody gave something: bits, a super chat, a rose."""

    what: str = "gift"
    amount: float = 1.0
    unit: str = ""
    message: str = ""


class Subscription(Percept, frozen=True, kw_only=True):
    """Somebody subscribed, renewed, or gave subscriptions to others."""

    tier: str = ""
    months: int = 1
    given: int = 0
    """How many subscriptions were given to others; 0 where it is their own."""
    message: str = ""


class Redemption(Percept, frozen=True, kw_only=True):
    """Somebody redeemed a reward."""

    reward: str
    text: str = ""
    cost: int = 0


class Follow(Percept, frozen=True, kw_only=True):
    """Somebody follows now."""


class Raid(Percept, frozen=True, kw_only=True):
    """Another stream's viewers arrive together."""

    party: int = 0


class Happening(Percept, frozen=True, kw_only=True):
    """Something goes on in the show that is no single person's: a hype train, a poll, a break for advertisements."""

    what: Literal["hype_train", "poll", "prediction", "ad_break", "shout_out", "goal"]
    text: str
    """In plain words, of the platform's own making but for names and titles."""


class Sighting(Percept, frozen=True, kw_only=True):
    """What an eye saw, in words."""

    text: str


class Due(Percept, frozen=True, kw_only=True):
    """A schedule or timer has come due."""

    schedule: str
    text: str = ""


class Lull(Percept, frozen=True, kw_only=True):
    """Nobody has spoken for a while."""

    seconds: float


class Asked(Percept, frozen=True, kw_only=True):
    """The operator asks, or orders words to be said as they stand."""

    text: str
    verbatim: bool = False
    firm: bool = False
    """Said verbatim, it is heard to its end, whoever speaks meanwhile."""


class GameContext(Percept, frozen=True, kw_only=True):
    """A game tells what is going on in it."""

    game: str
    text: str


# hearing


class Onset(Event, frozen=True, kw_only=True):
    """Somebody began to speak on this floor: the speaker ducks."""

    viewer: Viewer | None = None
    """Who speaks."""


class SpeechEnd(Event, frozen=True, kw_only=True):
    """They stopped; ``seconds`` of speech were taken. No words may come of it."""

    seconds: float
    why: Literal["silence", "released", "too_long", "noise"] = "silence"
    viewer: Viewer | None = None
    """Who spoke."""


class Transcript(Event, frozen=True, kw_only=True):
    """What an ear has understood so far, for those who watch; the final one also becomes an ``Utterance``."""

    text: str
    final: bool = False
    settled: bool = False
    """They have paused after these words: unless they go on, this is all."""
    uncertain: bool = False
    language: str = ""
    ear: str = ""
    viewer: Viewer | None = None
    """Who speaks."""


# mind


class Queued(Event, frozen=True, kw_only=True):
    """A percept waits in a lane."""

    percept: str
    lane: str
    text: str = ""
    who: str = ""
    merged: int = 0
    """How many near-duplicates it stands for besides itself."""


class Dropped(Event, frozen=True, kw_only=True):
    """Percepts left a lane unanswered."""

    lane: str
    reason: Literal[
        "capacity",
        "expired",
        "superseded",
        "fairness",
        "blocked",
        "unaddressed",
        "empty",
        "skipped",
        "muted",
        "backchannel",
        "echo",
        "command",
        "removed",
    ]
    count: int = 1
    percept: str = ""


class TurnStarted(Event, frozen=True, kw_only=True):
    """The character begins to react."""

    turn: str
    lane: str
    percepts: tuple[str, ...]
    text: str = ""
    who: str = ""


class LineWritten(Event, frozen=True, kw_only=True):
    """A sentence has passed moderation and goes to the voice."""

    turn: str
    line: str
    shown: str
    language: str
    feeling: str = ""


class LineStopped(Event, frozen=True, kw_only=True):
    """Moderation stopped a sentence before it was synthesised."""

    turn: str
    line: str
    shown: str
    reason: str
    substitute: str = ""
    until: float = 0.0
    """The operator may release it until then."""


class TurnEnded(Event, frozen=True, kw_only=True):
    """The turn is over; this is what was heard of it."""

    turn: str
    lane: str
    ending: Ending


class ToolUsed(Event, frozen=True, kw_only=True):
    """A brain used a tool, or wished to, and this is what came of it."""

    tool: str
    arguments: str
    """As JSON, shortened."""
    result: str
    """In words, shortened."""
    ok: bool
    """False where it was refused, failed or was late."""
    seconds: float
    lane: str
    turn: str = ""


class Express(Event, frozen=True, kw_only=True):
    """A cue for the body at once, which belongs to no line."""

    cue: Cue
    turn: str = ""
    id: str = msgspec.field(default_factory=fresh_id)


class Followed(Event, frozen=True, kw_only=True):
    """A part of the body has followed a cue that belongs to no line."""

    cue: str
    """The id of its ``Express``."""
    by: str


class WheelSpun(Event, frozen=True, kw_only=True):
    """A wheel of fortune begins to turn, and where it will stop."""

    items: tuple[str, ...]
    winner: int
    """Which of them it stops at."""
    seconds: float
    """How long it turns."""
    who: str = ""


class Seen(Event, frozen=True, kw_only=True):
    """A look through a camera, and what an eye made of it; a picture is never in an event."""

    camera: str
    text: str
    seconds: float
    """How long it took, from asking the camera."""


# voice


class LineStarted(Event, frozen=True, kw_only=True):
    """The first sample of a line is on its way: ``sample`` is its place on the floor's clock."""

    turn: str
    line: str
    sample: int
    shown: str
    spoken: str
    language: str
    feeling: str = ""
    cues: tuple[Cue, ...] = ()


class LineTimings(Event, frozen=True, kw_only=True):
    """When words sound and mouth shapes change, on the floor's clock; comes in pieces as the sound is made."""

    turn: str
    line: str
    words: tuple[Word, ...] = ()
    mouths: tuple[Mouth, ...] = ()


class LineTranslated(Event, frozen=True, kw_only=True):
    """A line in a language that somebody reads besides its own, to be shown while it sounds; most lines have none."""

    turn: str
    line: str
    language: str
    text: str


class LineEnded(Event, frozen=True, kw_only=True):
    """A line is over, and this is what was heard of it."""

    turn: str
    line: str
    sample: int
    heard: str
    cut: bool = False


class Stopped(Event, frozen=True, kw_only=True):
    """All sound from ``sample`` on is void: a window throws away what it holds of ``turn``."""

    turn: str
    sample: int
    why: Literal["interrupted", "paused"] = "interrupted"


class Played(Event, frozen=True, kw_only=True):
    """An outlet's report: this sample was played last."""

    outlet: str
    sample: int


class OutletChanged(Event, frozen=True, kw_only=True):
    """Which outlet holds the truth of what was heard on this floor."""

    outlet: str


# links and engines


class Act(Event, frozen=True, kw_only=True):
    """Something that a link is asked to do where it leads; ``ActDone`` tells what became of it."""

    id: str = msgspec.field(default_factory=fresh_id)
    link: str


class Send(Act, frozen=True, kw_only=True):
    """Write ``text`` into a channel."""

    channel: str = ""
    """"" is the link's own."""
    text: str
    answers: str = ""
    """The message that it answers, as its platform names it."""


class Announce(Act, frozen=True, kw_only=True):
    """Write ``text`` where everybody sees it."""

    text: str


class Verdict(Act, frozen=True, kw_only=True):
    """Mind's, or an operator's, decision on a viewer."""

    viewer: Viewer
    action: Literal["allow", "warn", "delete", "timeout", "ban"]
    """allow: what was laid on them before is lifted · delete: the message ``source`` goes."""
    reason: str
    seconds: float = 0.0
    """How long a timeout lasts."""
    source: str = ""
    channel: str = ""


class Fulfil(Act, frozen=True, kw_only=True):
    """Close a redemption: it was fulfilled, or is refunded."""

    redemption: str
    """As its platform names it."""
    reward: str
    refund: bool = False


class ShoutOut(Act, frozen=True, kw_only=True):
    """Recommend another channel."""

    viewer: Viewer


class Clip(Act, frozen=True, kw_only=True):
    """Keep the last half minute of the stream; ``ActDone.detail`` says where it is seen."""


class ActDone(Event, frozen=True, kw_only=True):
    """What became of an act."""

    act: str
    link: str
    ok: bool
    detail: str = ""


class Removed(Event, frozen=True, kw_only=True):
    """A platform's moderators have taken something away: what of it waits is answered no more."""

    link: str
    what: Literal["message", "viewer", "chat"]
    """One message, all that a viewer wrote, or everything."""
    which: str = ""
    """The message as its platform names it, or the viewer's id."""
    reason: str = ""


class Held(Event, frozen=True, kw_only=True):
    """A platform's own filter holds somebody's message back, or it was decided what becomes of it.

    Nobody in the chat reads it before, and it is no percept; what is approved arrives as a ``ChatMessage``.
    """

    link: str
    viewer: Viewer | None = None
    text: str = ""
    source: str
    """The message as its platform names it."""
    state: Literal["held", "approved", "denied", "expired"] = "held"
    reason: str = ""
    """Why it is held."""
    by: str = ""
    """Who decided."""


class Moderated(Event, frozen=True, kw_only=True):
    """A platform's moderators have decided something that takes nothing away."""

    link: str
    what: Literal["lifted", "warned", "chat"]
    """A ban or a timeout is lifted, somebody is warned, or other rules hold in the chat."""
    which: str = ""
    """The viewer's id; "" for the chat."""
    text: str = ""
    """In plain words: what, by whom and why."""


class Gap(Event, frozen=True, kw_only=True):
    """A link heard nothing for so long; what happened meanwhile is lost but for what it could ask for afterwards."""

    link: str
    seconds: float
    recovered: int = 0
    """How much of it could be asked for afterwards."""
    detail: str = ""


class StreamStarted(Event, frozen=True, kw_only=True):
    """The show is on air on a platform."""

    link: str
    title: str = ""


class StreamEnded(Event, frozen=True, kw_only=True):
    """It is no longer."""

    link: str


class LinkState(Event, frozen=True, kw_only=True):
    """A link's connection changed."""

    link: str
    state: Literal["connecting", "up", "down", "refused", "stopped"]
    detail: str = ""


class EngineState(Event, frozen=True, kw_only=True):
    """An engine's breaker changed."""

    engine: str
    kind: str
    state: Literal["ready", "resting", "probing", "missing"]
    detail: str = ""


class Used(Event, frozen=True, kw_only=True):
    """What an engine consumed: characters, tokens, seconds or pictures."""

    engine: str
    kind: str
    unit: Literal["characters", "tokens", "seconds", "pictures"]
    amount: float


# the run


class FloorOpened(Event, frozen=True, kw_only=True):
    """A conversation can begin."""


class FloorClosed(Event, frozen=True, kw_only=True):
    """Its partner has left."""


class TaskFailed(Event, frozen=True, kw_only=True):
    """A task of the show crashed and is started again after ``delay`` seconds."""

    task: str
    detail: str
    delay: float


AnyPercept = (
    ChatMessage
    | Utterance
    | Gift
    | Subscription
    | Redemption
    | Follow
    | Raid
    | Happening
    | Sighting
    | Due
    | Lull
    | Asked
    | GameContext
)
AnyAct = Send | Announce | Verdict | Fulfil | ShoutOut | Clip
AnyEvent = (
    AnyPercept
    | Onset
    | Seen
    | SpeechEnd
    | Transcript
    | Queued
    | Dropped
    | TurnStarted
    | LineWritten
    | LineStopped
    | TurnEnded
    | ToolUsed
    | Express
    | Followed
    | WheelSpun
    | LineStarted
    | LineTimings
    | LineTranslated
    | LineEnded
    | Stopped
    | Played
    | OutletChanged
    | AnyAct
    | ActDone
    | Removed
    | Held
    | Moderated
    | Gap
    | StreamStarted
    | StreamEnded
    | LinkState
    | EngineState
    | Used
    | FloorOpened
    | FloorClosed
    | TaskFailed
)

_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(AnyEvent)
_percept_decoder = msgspec.json.Decoder(AnyPercept)


def encode(event: Event) -> bytes:
    """Return the event as JSON."""
    return _encoder.encode(event)


def decode(data: bytes | str) -> AnyEvent:
    """Read any event from JSON; raises ``msgspec.ValidationError`` naming the field that is wrong."""
    return _decoder.decode(data)


def decode_percept(data: bytes | str) -> AnyPercept:
    """Read a percept from JSON; raises ``msgspec.ValidationError`` naming the field that is wrong."""
    return _percept_decoder.decode(data)


def tag(event: type[Event] | Event) -> str:
    """Return the event's name on the wire, for example ``chat_message``."""
    return str(event.__struct_config__.tag)


def subject(event: Event) -> str:
    """Return the bus subject of an event: ``percept.<tag>.<floor>`` or ``event.<tag>.<floor>``."""
    root = "percept" if isinstance(event, Percept) else "event"
    return f"{root}.{event.__struct_config__.tag}.{event.floor}"


def schema() -> dict[str, object]:
    """Return the JSON schema of all events, from which the windows' types are generated."""
    return msgspec.json.schema(AnyEvent)


if __name__ == "__main__":
    import json
    import sys

    json.dump(schema(), sys.stdout, indent=1)
