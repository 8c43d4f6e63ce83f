"""``[prompts]`` in ``show.toml``: in which words a brain is told what has happened, one template a kind of percept."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator

from marotte.text.holes import checked, holes

_LONGEST = 2_000
_MONEY = "who what amount unit text"

HOLES: dict[str, tuple[str, ...]] = {
    kind: tuple(holes.split())
    for kind, holes in {
        "chat_message": "who text",
        "utterance": "who text",
        "unsure": "who text",
        "asked": "text",
        "gift": _MONEY,
        "subscription": "who months tier text",
        "resub": "who months tier text",
        "gift_subs": "who given tier text",
        "redemption": "who reward text",
        "follow": "who",
        "raid": "who party",
        "happening": "what text",
        "sighting": "text",
        "due": "who what text",
        "lull": "seconds",
        "game_context": "what text",
    }.items()
}
"""What each template may hold in braces."""

_MUST = {"chat_message": "text", "utterance": "text", "unsure": "text", "asked": "text"}
"""Without these a brain would not know what was said."""

_Template = Annotated[str, Field(min_length=1, max_length=_LONGEST)]


class Prompts(BaseModel):
    """How a brain is told what has happened: a template for each kind of percept.

    A name in braces is a hole; ``{random:this|that}`` is one of these. What stands in square brackets with a hole in it
    is left out where that hole is empty. What people wrote stands in quotes, whatever a template says.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    chat_message: _Template = "{who} writes in the chat: {text}"
    """Somebody writes in a chat."""
    utterance: _Template = "{who} says: {text}"
    """Somebody speaks."""
    unsure: _Template = "{who} says something you are not sure you heard: {text}. Ask back."
    """Somebody speaks, and the ear doubts what it heard."""
    asked: _Template = "The operator of the show asks you: {text}"
    """The operator asks; these words alone are not in quotes."""
    gift: _Template = "{who} gives you {what} ({amount}[ {unit}])[ and says: {text}]. Thank them by name."
    """Somebody gives something: bits, a super chat, a rose."""
    subscription: _Template = "{who} subscribes, month {months}[ and says: {text}]. Thank them by name."
    """Somebody subscribes for the first time."""
    resub: _Template = "{who} subscribes, month {months}[ and says: {text}]. Thank them by name."
    """Somebody renews a subscription."""
    gift_subs: _Template = "{who} gives {given} subscriptions to others. Thank them by name."
    """Somebody gives subscriptions to others."""
    redemption: _Template = "{who} redeems {reward}[ and says: {text}]. Name them."
    """Somebody redeems a reward."""
    follow: _Template = "{who} follows you now."
    """Somebody follows."""
    raid: _Template = "{who} arrives with {party} viewers. Welcome them by name."
    """Another stream's viewers arrive."""
    happening: _Template = "In the show: {text}"
    """A hype train, a poll, a break for advertisements."""
    sighting: _Template = "You see, as an eye tells it: {text}"
    """An eye saw something."""
    due: _Template = "It is time for {what}[: {text}]"
    """A schedule or a reminder is due; a viewer's own words in it stand in quotes."""
    lull: _Template = "Nobody has said anything for {seconds} seconds. Say something of your own."
    """Nobody has spoken for a while."""
    game_context: _Template = "In the game {what}: {text}"
    """A game tells what goes on in it."""

    @field_validator("*")
    @classmethod
    def _known_holes(cls, template: str, info: ValidationInfo) -> str:
        kind = info.field_name or ""
        checked(template, *HOLES[kind])
        if (must := _MUST.get(kind)) and must not in holes(template):
            raise ValueError(f"must hold {{{must}}}: else nobody would know what was said")
        return template
