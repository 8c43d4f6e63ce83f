"""What viewers may ask for, in ``show.toml``: ``[commands.NAME]``, ``[redemptions."REWARD"]`` and ``[purse]``."""

from collections.abc import Collection, Iterator, Mapping
from typing import Annotated, Any, Literal, cast

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from marotte.config_engines import Seconds
from marotte.events import Cue
from marotte.mistakes import nearest
from marotte.text.holes import checked, parts
from marotte.text.views import FEELINGS, GESTURES, views

Who = Literal["everyone", "subscribers", "vips", "moderators", "operator"]
Action = Literal[
    "none",
    "commands",
    "remind",
    "raffle",
    "join",
    "draw",
    "wheel",
    "count",
    "quote",
    "shout_out",
    "link",
    "play",
    "purse",
    "express",
]
Weighed = Literal["subscribers", "vips", "moderators"]

_OWNERS = {"items": "wheel", "counter": "count", "weights": "join"}
"""Keys that one action alone has a use for."""


def cue_of(text: str) -> Cue | None:
    """Read a cue as it stands in square brackets: a feeling, a gesture, ``hotkey:NAME``, ``sound:NAME`` and so on."""
    found = views(f"[{text}]").cues
    return found[0] if len(found) == 1 and found[0].kind != "pause" else None


def _cue(text: str) -> str:
    if text and cue_of(text) is None:
        raise ValueError(
            f"{text!r} is no cue{nearest(text, (*FEELINGS, *GESTURES))}"
            " (others are written hotkey:NAME, animation:NAME, sound:NAME, overlay:NAME)"
        )
    return text


def _reply(template: str) -> str:
    return checked(template, "user", "args", "count", "answer")


def _prompt(template: str) -> str:
    return checked(template, "user", "args", "count")


def _wish(template: str) -> str:
    return checked(template, "user", "args")


Name = Annotated[str, Field(pattern=r"^[^\W\d_]\w{0,29}$", description="a word without its exclamation mark")]
CueName = Annotated[str, AfterValidator(_cue), Field(max_length=80)]
Reply = Annotated[str, AfterValidator(_reply), Field(max_length=400)]
PromptText = Annotated[str, AfterValidator(_prompt), Field(max_length=1_000)]
WishText = Annotated[str, AfterValidator(_wish), Field(max_length=1_000)]


class Model(BaseModel):
    """A table of the show: frozen, and every key must be known."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Command(Model):
    """What a viewer may write into the chat: ``!NAME``."""

    on: bool = True
    """Whether there is such a command; those that are there from the start are taken away with ``on = false``."""
    aliases: tuple[Name, ...] = Field(default=(), max_length=20)
    """Other words for it, without the exclamation mark."""
    who: Who = "everyone"
    """Who may use it. Moderators and the operator may use all that others may."""
    cooldown: Seconds = 1.0
    """Seconds until anybody may use it again; moderators and the operator need not wait."""
    viewer_cooldown: Seconds = 5.0
    """Seconds until the same viewer may use it again."""
    cost: int = Field(default=0, ge=0, le=1_000_000_000)
    """How much it costs out of the viewer's ``[purse]``; moderators and the operator need not pay, and nobody pays for
    what was not done."""
    reply: Reply = ""
    """What is written back. ``{user}`` who asked, ``{args}`` what stands behind the command, ``{count}`` how often it
    was used, ``{random:heads|tails}`` one of these, ``{answer}`` what its action has to say. What stands in square
    brackets with a hole in it is left out where that hole is empty: ``Hello[ and {args}]``. Without a reply the action
    has its say alone."""
    spoken: bool = False
    """Say the reply aloud as well."""
    action: Action = "none"
    """What it does besides."""
    prompt: PromptText = ""
    """What the character is asked to do, in words for a brain; ``{user}`` and ``{args}`` stand in it as quotations."""
    cue: CueName = ""
    """What the body shows: a feeling, a gesture, or ``hotkey:NAME``."""
    items: tuple[Annotated[str, Field(min_length=1, max_length=40)], ...] = Field(default=(), max_length=50)
    """What stands on the wheel where nobody says otherwise."""
    counter: str = Field(default="", max_length=40)
    """Which counter it counts: ``!deaths`` may show, and moderators change, the counter ``deaths``."""
    weights: dict[Weighed, Annotated[int, Field(ge=1, le=100)]] = Field(default_factory=dict[Weighed, int])
    """How many tickets of a raffle they get: ``{subscribers = 2}``; everybody else gets one."""

    @model_validator(mode="after")
    def _does_something(self) -> "Command":
        if self.action == "none" and not (self.reply or self.prompt or self.cue):
            raise ValueError("it does nothing: give it a reply, an action, a prompt or a cue")
        if self.action == "express" and not self.cue:
            raise ValueError("cue: what it is to show is missing")
        for key, action in _OWNERS.items():
            if getattr(self, key) and self.action != action:
                raise ValueError(f'{key}: only a command with action = "{action}" has a use for it')
        return self


class Purse(Model):
    """What viewers earn by writing and pay commands with. It is no money, and worth nothing elsewhere."""

    name: str = Field(default="coins", min_length=1, max_length=20)
    """What it is called in answers: ``coins``."""
    begins: int = Field(default=0, ge=0, le=1_000_000)
    """How much somebody has who writes for the first time."""
    earns: int = Field(default=1, ge=0, le=1_000_000)
    """How much a viewer who writes gets,"""
    every: Annotated[Seconds, Field(ge=1)] = 60.0
    """at most once in so many seconds."""


class Reward(Model):
    """What the character makes of a reward that a viewer redeems; the table is named as the reward is."""

    feeling: str = Field(default="", max_length=40)
    """How it speaks: a feeling, or another name under ``feelings`` of a voice."""
    voice: str = Field(default="", max_length=60)
    """Which voice speaks: one of ``voice.chain`` or ``voice.others``; where it cannot, the chain goes on as usual."""
    cue: CueName = ""
    """What the body shows: a feeling, a gesture, or ``hotkey:NAME``. Where nobody follows it, the reward is given
    back."""
    prompt: WishText = ""
    """What the character is asked to do besides naming them; ``{user}`` and ``{args}`` stand in it as quotations."""
    speak: bool = False
    """Say what the viewer wrote, as it stands, if moderation lets it pass."""
    fulfil: Literal["auto", "never"] = "auto"
    """auto: the platform is told that it was fulfilled once it was heard, or that it is given back where it could not
    be · never: that is left to people."""
    cost: int = Field(default=0, ge=0, le=1_000_000_000)
    """How many channel points it costs: with a cost the program itself makes the reward on Twitch, changes it as the
    show changes, and hides it once the show has it no longer. 0: it is somebody else's. Twitch lets a program close the
    redemptions of no rewards but those that it made."""
    asks: str = Field(default="", max_length=200)
    """What the viewer is asked, who then has to write something; "": nothing. Only with a cost, as the three below."""
    cooldown: int = Field(default=0, ge=0, le=604_800)
    """Seconds until anybody may redeem it again."""
    per_stream: int = Field(default=0, ge=0, le=1_000_000)
    """How often it may be redeemed in a stream; 0: without a limit."""
    per_viewer: int = Field(default=0, ge=0, le=1_000_000)
    """How often each viewer may redeem it in a stream; 0: without a limit."""

    @model_validator(mode="after")
    def _one_of_two(self) -> "Reward":
        if self.speak and self.prompt:
            raise ValueError("prompt: with speak = true nobody is asked, the viewer's words are said as they stand")
        return self

    @model_validator(mode="after")
    def _made_here(self) -> "Reward":
        for key in ("asks", "cooldown", "per_stream", "per_viewer"):
            if getattr(self, key) and not self.cost:
                raise ValueError(f"{key}: give it a cost as well, a reward without one is made and changed elsewhere")
        needs_words = self.speak or any(part.hole == "args" for part in parts(self.prompt))
        if self.cost and not self.asks and needs_words:
            key = "speak" if self.speak else "prompt"
            raise ValueError(f"asks: {key} needs words of the viewer, who writes none unless asked for some")
        return self


def _defaults() -> dict[str, dict[str, Any]]:
    moderators = {"who": "moderators", "viewer_cooldown": 0}
    return {
        "commands": {"action": "commands", "cooldown": 15},
        "remindme": {"action": "remind", "cooldown": 0, "viewer_cooldown": 2},
        "raffle": {"action": "raffle", **moderators},
        "join": {"action": "join", "cooldown": 0},
        "draw": {"action": "draw", **moderators},
        "wheel": {"action": "wheel", **moderators},
        "count": {"action": "count"},
        "quote": {"action": "quote", "cooldown": 3},
        "so": {"action": "shout_out", "aliases": ("shoutout",), **moderators},
        "link": {"action": "link", "cooldown": 0, "viewer_cooldown": 2},
    }


def _with_defaults(given: Any) -> Any:
    """A show's command changes the default command of its name."""
    if not isinstance(given, dict):
        return given
    merged: dict[str, Any] = {name: dict(command) for name, command in _defaults().items()}
    for name, command in cast("dict[str, Any]", given).items():
        table: Any = command.model_dump(exclude_unset=True) if isinstance(command, Command) else command
        merged[name] = {**merged.get(name, {}), **cast("dict[str, Any]", table)} if isinstance(table, dict) else table
    return merged


def default_commands() -> dict[str, Command]:
    """Return the commands that every show has."""
    return {name: Command.model_validate(command) for name, command in _defaults().items()}


Commands = Annotated[dict[Name, Command], BeforeValidator(_with_defaults), Field(max_length=200)]
Rewards = dict[Annotated[str, Field(min_length=1, max_length=100)], Reward]


def words_of(commands: Mapping[str, Command]) -> dict[str, str]:
    """Return every word that stands for a command, and the command; those that are off have none."""
    names = {name.casefold(): name for name, command in commands.items() if command.on}
    return {a.casefold(): n for n, command in commands.items() if command.on for a in command.aliases} | names


def ambiguous(
    commands: Mapping[str, Command],
    purse: Purse | None,
    rewards: Mapping[str, Reward],
    voices: Mapping[str, Collection[str]],
) -> Iterator[tuple[str, str]]:
    """Yield what only the whole show can tell: a key, and what is wrong with it.

    ``voices`` are those of the show, each with the feelings for which it has a manner of its own.
    """
    taken: dict[str, str] = {}
    for name, command in commands.items():
        if purse is None and (command.cost or command.action == "purse"):
            key = "cost" if command.cost else "action"
            yield f"commands.{name}.{key}", "nobody has anything to pay with: the show needs a table [purse]"
        for word in (name, *command.aliases) if command.on else ():
            other = taken.setdefault(word.casefold(), name)
            if other != name:
                key = f"commands.{name}" if word == name else f"commands.{name}.aliases"
                yield key, f"!{word} is a word for {other!r} already"
    for title, reward in rewards.items():
        if reward.cost and len(title) > 45:
            yield f"redemptions.{title}", f"a reward on Twitch is called with at most 45 characters, not {len(title)}"
        if reward.voice and reward.voice not in voices:
            key, near = f"redemptions.{title}.voice", nearest(reward.voice, voices)
            yield key, f"there is no voice {reward.voice!r} in voice.chain or voice.others{near}"
        known = (*FEELINGS, *(feeling for feelings in voices.values() for feeling in feelings))
        if reward.feeling and reward.feeling not in known:
            yield f"redemptions.{title}.feeling", f"{reward.feeling!r} is no feeling{nearest(reward.feeling, known)}"
    wanted = {*FEELINGS, *(reward.feeling for reward in rewards.values())}
    for voice, feelings in voices.items():
        for feeling in sorted(set(feelings) - wanted):
            yield (
                f"voice.{voice}.feelings",
                f"{feeling!r} is no feeling, nor does a reward ask for it" + nearest(feeling, FEELINGS),
            )
