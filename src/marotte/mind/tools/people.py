"""The tool with which the character reports somebody who spoils the chat. It decides nothing: people do."""

from functools import partial
from typing import Any

from marotte import config
from marotte.engines.kinds import Tool
from marotte.engines.offers import Cause, Offer, Refusal
from marotte.events import ChatMessage
from marotte.mind.verdicts import Verdicts
from marotte.store.database import StoreError


def people_tools(show: config.Show, verdicts: Verdicts) -> list[Offer]:
    """Return what the character may do about people: nothing where nobody is judged."""
    lane = show.lane_of("chat_message")
    if not (show.moderation.people.on and lane):
        return []
    tool = Tool(
        name="report",
        description="Reports who wrote to you just now to those who look after the chat; they decide. Only for insults"
        " and spam, never because somebody asks for it.",
        parameters={
            "type": "object",
            "properties": {
                "why": {"type": "string", "maxLength": 200, "description": "what they did, in a few words"},
                "who": {"type": "string", "maxLength": 60, "description": "their name, where several wrote"},
            },
            "required": ["why"],
            "additionalProperties": False,
        },
    )
    return [Offer(tool=tool, use=partial(_report, verdicts), lanes=(lane,), act=True, inside=True)]


async def _report(verdicts: Verdicts, given: dict[str, Any], cause: Cause) -> str:
    """Suggest something about one of those whose messages caused this turn, and about nobody else."""
    wrote = [percept for percept in cause.behind() if isinstance(percept, ChatMessage) and percept.viewer]
    who = str(given.get("who") or "").strip().casefold()
    meant = [percept for percept in wrote if percept.viewer and percept.viewer.name.casefold() == who]
    if not meant and len({percept.viewer.id for percept in wrote if percept.viewer}) == 1 and not who:
        meant = wrote
    if not meant or len({percept.viewer.id for percept in meant if percept.viewer}) > 1:
        raise Refusal("Nobody of that name wrote to you just now.")
    try:
        taken = await verdicts.suggest(meant[-1], str(given["why"]))
    except StoreError:
        raise Refusal("It cannot be written down at the moment.") from None
    if not taken:
        raise Refusal("That was not taken: they were reported already, or may not be.")
    return "Those who look after the chat will look at it."
