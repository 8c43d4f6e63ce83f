"""``[moderation.people]`` in ``show.toml``: what counts against a chat message, and what is done about who wrote it."""

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from marotte.config_engines import Seconds

LONGEST_TIMEOUT = 1_209_600
"""Seconds of the longest timeout: two weeks, as Twitch has it."""

_ORDINARY = (
    " bits boost buy channel channels cheap clip com competition cool discord dot famous follow follower followers"
    " free game giveaway gift hello http https live master prime primes promo promote promotion service site"
    " stream streamer streaming sub subs subscribe subscriber subscribers twitch view viewer viewers views visit"
    " watch youtube"
)
ORDINARY = frozenset(_ORDINARY.split())
"""Words that people say all the time: none of them alone is spam."""


def _word(word: str) -> str:
    if not any(map(str.isalnum, word)):
        raise ValueError(f"{word!r} has no letter or digit, so it would count against everything")
    return word


def _no_ordinary_word(phrase: str) -> str:
    words = re.findall(r"\w+", _word(phrase).casefold())
    if len(words) == 1 and (words[0] in ORDINARY or len(words[0]) < 4):
        raise ValueError(
            f"{phrase!r} alone is no spam, people say it all the time: write more of the sentence,"
            " or give it some seconds in [moderation.people.words]"
        )
    return phrase


Phrase = Annotated[str, Field(max_length=200), AfterValidator(_no_ordinary_word)]
Word = Annotated[str, Field(max_length=100), AfterValidator(_word)]
Weight = Annotated[float, Field(ge=0, le=100)]
Role = Literal["operator", "moderator", "vip", "subscriber"]


class Model(BaseModel):
    """A table of the show: frozen, and every key must be known."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Weights(Model):
    """How much each kind of evidence counts; 0: not at all."""

    first: Weight = 2
    """It is their first message in this channel ever, as the platform says, or nobody saw them write there before."""
    link: Weight = 2
    """It holds a link."""
    hidden_link: Weight = 3
    """It holds a link that is disguised: ``example .com``, ``example dot com``."""
    phrase: Weight = 4
    """It holds a phrase that spam uses."""
    name: Weight = 4
    """It names a service that is known from spam only."""
    copies: Weight = 3
    """Others wrote nearly the same within the window."""
    repeats: Weight = 2
    """They themselves wrote nearly the same three times within the window."""
    rate: Weight = 3
    """They write faster than ``most`` messages in ``per`` seconds."""
    capitals: Weight = 1
    """It is written in capitals."""
    marks: Weight = 2
    """Piles of marks stand over its letters."""


class Action(Model):
    """What is done from a score on, each in a table ``[[moderation.people.actions]]``; where there is none: delete from
    5 on, a timeout of 600 seconds from 7, a ban from 9."""

    score: float = Field(gt=0, le=1_000)
    """The least sum of weights for it."""
    action: Literal["warn", "delete", "timeout", "ban"]
    """What is done: delete takes the message away, timeout silences who wrote it for a while."""
    seconds: float = Field(default=0, ge=0, le=LONGEST_TIMEOUT)
    """How long a timeout lasts."""

    @model_validator(mode="after")
    def _lasts(self) -> "Action":
        if (self.action == "timeout") != (self.seconds >= 1):
            raise ValueError("a timeout needs its seconds, 1 at least, and nothing else has any")
        return self


class Appeal(Model):
    """What whoever was timed out or banned is told besides the reason."""

    text: str = Field(default="", max_length=200)
    """Where they can say that it was a mistake."""


def _actions() -> tuple[Action, ...]:
    return (
        Action(score=5, action="delete"),
        Action(score=7, action="timeout", seconds=600),
        Action(score=9, action="ban"),
    )


class People(Model):
    """What is done about people who spoil the chat: evidence adds up, and what it comes to is written down."""

    on: bool = False
    """Judge chat messages at all."""
    rehearse: bool = True
    """Only write down what would be done, and do nothing: look at that for a while before you set this to false."""
    builtin: bool = True
    """Use the phrases and names of spam that come with the program."""
    phrases: tuple[Phrase, ...] = Field(default=(), max_length=1_000)
    """More phrases that spam uses, several words each."""
    words: dict[Word, Annotated[float, Field(ge=1, le=86_400)]] = Field(
        default_factory=dict[str, float], max_length=1_000
    )
    """Words that cost whoever writes them so many seconds, whatever else counts: ``{spoilers = 10}``."""
    hosts: tuple[Annotated[str, Field(pattern=r"^[a-z0-9.-]{3,100}$")], ...] = Field(
        default=("clips.twitch.tv",), max_length=200
    )
    """Hosts whose links do not count; those below them neither."""
    newcomers_after: float = Field(default=604_800, ge=0, le=31_536_000)
    """Seconds, from when a channel was first listened to, until a first message there can be told: a week. Before that
    everybody would be new."""
    window: Seconds = 60.0
    """Seconds within which the same, said again, counts."""
    near: float = Field(default=0.8, gt=0, le=1)
    """How alike two messages are (0 to 1) to count as the same."""
    copies: int = Field(default=4, ge=2, le=50)
    """So many people have to write the same for it to count."""
    most: int = Field(default=8, ge=2, le=100)
    """So many messages of one viewer within ``per`` seconds are well."""
    per: Seconds = 10.0
    """Seconds over which ``most`` counts."""
    raid_grace: Seconds = 180.0
    """Seconds after a raid in which first messages, and the same text from several people, do not count where it came:
    raiders are new there, and greet in the same words."""
    weights: Weights = Weights()
    actions: tuple[Action, ...] = Field(default_factory=_actions, max_length=20)
    """What is done from which score on; the highest that is reached counts."""
    exempt: tuple[Role, ...] = ("operator", "moderator", "vip", "subscriber")
    """Roles that are never judged."""
    allow: tuple[Annotated[str, Field(max_length=200)], ...] = Field(default=(), max_length=1_000)
    """Viewers who are never judged, by id, for example ``twitch:123456``."""
    appeal: Appeal = Appeal()
