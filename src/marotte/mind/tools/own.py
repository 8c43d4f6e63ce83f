"""The tools that every character has: tell the time, look, make a face, remember, forget."""

import logging
import zoneinfo
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any, Protocol

from marotte import config
from marotte.engines.kinds import EngineError, Tool
from marotte.engines.offers import EVERY_LANE, Cause, Offer, Refusal
from marotte.events import AnyPercept, Cue, Event, Express
from marotte.mind.lanes import words
from marotte.mind.memory import speaks_of_forgetting, wants_forgetting
from marotte.mind.persona import quoted
from marotte.ports import CameraError, Scene
from marotte.store.database import StoreError
from marotte.store.rows import person
from marotte.text.views import FEELINGS, GESTURES
from marotte.time import Clock

log = logging.getLogger(__name__)

LONGEST_FACT = 200


class Memory(Protocol):
    """What is remembered on a floor."""

    async def remember(self, percept: AnyPercept, fact: str) -> None:
        """Keep one sentence on the person behind a percept. Raises StoreError."""
        ...

    async def forget(self, viewer_id: str) -> int:
        """Delete all of a viewer; return how many rows went. Raises StoreError."""
        ...


class OwnTools:
    """The tools of the program itself."""

    def __init__(
        self,
        show: config.Show,
        publish: Callable[[Event], None],
        clock: Clock,
        memory: Callable[[str], Memory],
        look: Callable[[str], Awaitable[Scene]],
    ) -> None:
        """``memory`` gives what is remembered on a floor; ``look`` looks there, and raises what ``Sight.look`` does."""
        self._zone = show.tools.zone
        talk = dict.fromkeys((show.lane_of("utterance"), show.lane_of("chat_message")))
        self._talk = tuple(lane for lane in talk if lane)
        """The lanes of those who speak for themselves."""
        self._publish = publish
        self._clock = clock
        self._memory = memory
        self._scene = look

    def offers(self) -> list[Offer]:
        """Return them all."""
        everyone, themselves = (EVERY_LANE,), self._talk
        who = _text("whose, where several people speak: their name", 60)
        return [
            Offer(
                tool=_tool(
                    "time",
                    "Tells the date and the time of day, here or elsewhere.",
                    zone=_text("another place's time zone, such as Asia/Tokyo", 60),
                ),
                use=self._time,
                lanes=everyone,
            ),
            Offer(
                tool=_tool("look", "Tells what you see at this moment, if you can see."), use=self._look, lanes=everyone
            ),
            Offer(
                tool=_tool(
                    "express",
                    "Shows a feeling in your face or makes a gesture, at once and without a word.",
                    ("cue",),
                    cue={"type": "string", "enum": [*FEELINGS, *GESTURES]},
                ),
                use=self._express,
                lanes=everyone,
                act=True,
                inside=True,
            ),
            Offer(
                tool=_tool(
                    "remember",
                    "Remembers for good one thing that the person who speaks to you tells about themselves.",
                    ("fact",),
                    fact=_text("one short sentence that names the person", LONGEST_FACT),
                    who=who,
                ),
                use=self._remember,
                lanes=themselves,
                act=True,
                inside=True,
            ),
            Offer(
                tool=_tool(
                    "forget",
                    "Forgets the person who speaks to you and all that they ever said. Only where they ask for it.",
                    who=who,
                ),
                use=self._forget,
                lanes=themselves,
                inside=True,
            ),
        ]

    async def _time(self, given: dict[str, Any], cause: Cause) -> str:
        name = given.get("zone") or self._zone
        try:
            zone = zoneinfo.ZoneInfo(name) if name else None
        except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
            raise Refusal(f"There is no time zone {name!r}.") from None
        now = datetime.fromtimestamp(self._clock.wall(), zone).astimezone(zone)
        return f"It is {now:%A}, {now.day} {now:%B %Y}, {now:%H:%M} in the time zone {name or now.tzname()}."

    async def _look(self, given: dict[str, Any], cause: Cause) -> str:
        try:
            scene = await self._scene(cause.floor)
        except (CameraError, ValueError, EngineError) as error:
            log.info("floor %s: nothing is seen: %s", cause.floor, error)
            return "You see nothing: you have no eye open here. Say so, and make nothing up."
        if not scene.text:
            return "You see nothing that you could name. Make nothing up."
        return f"You see, as an eye tells it: {quoted(scene.text)}"

    async def _express(self, given: dict[str, Any], cause: Cause) -> str:
        name: str = given["cue"]
        cue = Cue(kind="expression" if name in FEELINGS else "animation", name=name)
        self._publish(Express(at=self._clock.wall(), floor=cause.floor, cue=cue, turn=cause.turn))
        return "Done."

    async def _remember(self, given: dict[str, Any], cause: Cause) -> str:
        percept = _speaker(cause, given.get("who", ""))
        fact = " ".join(str(given["fact"]).split())
        if not fact:
            raise Refusal("There is nothing to remember.")
        said = words(percept)
        if getattr(percept, "uncertain", False) or wants_forgetting(said, ""):
            raise Refusal("This is not remembered: it was not said for sure, or they want to be forgotten.")
        await self._kept(self._memory(cause.floor).remember(percept, fact))
        return "It is remembered."

    async def _forget(self, given: dict[str, Any], cause: Cause) -> str:
        percept = _speaker(cause, given.get("who", ""))
        who = person(percept)
        if not any(speaks_of_forgetting(words(p)) for p in cause.behind() if person(p) == who):
            raise Refusal("Nobody is forgotten: they have not asked for it in words of their own.")
        cause.leave(who)
        await self._kept(self._memory(cause.floor).forget(who))
        return "They are forgotten, and all that they said."

    async def _kept(self, work: Awaitable[object]) -> None:
        try:
            await work
        except StoreError:
            raise Refusal("This failed: what is remembered cannot be reached.") from None


def _speaker(cause: Cause, name: str) -> AnyPercept:
    """Return the last percept of the one person who is meant. Raises Refusal."""
    people: dict[str, AnyPercept] = {person(p): p for p in cause.behind() if person(p) and words(p).strip()}
    if name:
        people = {
            who: p for who, p in people.items() if p.viewer and p.viewer.name.casefold() == name.strip().casefold()
        }
    if len(people) != 1:
        raise Refusal(
            "It is not known who is meant: tell the name of one person of those who speak to you now."
            if people or name
            else "Nobody speaks to you now about whom anything could be remembered or forgotten."
        )
    return next(iter(people.values()))


def _tool(name: str, description: str, required: tuple[str, ...] = (), **parameters: Any) -> Tool:
    schema = {
        "type": "object",
        "properties": parameters,
        "required": list(required),
        "additionalProperties": False,
    }
    return Tool(name=name, description=description, parameters=schema)


def _text(meaning: str, longest: int) -> dict[str, Any]:
    return {"type": "string", "description": meaning, "maxLength": longest}
