"""The toolbox: what brains may use while they reply, and how it is used.

A turn's lane decides what it may cause, and the program decides that, never the brain: whatever a viewer's words talk a
brain into, a tool that their lane may not cause is not used. Every use is checked, bounded in time, and an event.
"""

import asyncio
import json
import re
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing
from typing import Any, Protocol

from msgspec.structs import replace

from marotte.config_tools import Tools
from marotte.engines.kinds import Call, Prompt, Result, Tool
from marotte.engines.offers import EVERY_LANE, LONGEST_RESULT, Cause, Offer, Outcome, Refusal
from marotte.events import Event, ToolUsed
from marotte.mind.tools.schema import unfit, wrong
from marotte.time import Clock

ROUNDS = 4
"""So often a brain is asked in one reply."""
MOST_CALLS = 12
"""So many calls of one reply are carried out."""
MOST_OFFERS = 128
LARGEST_OFFER = 16_000
"""Bytes that a tool's description and schema may have together: every prompt carries them."""
_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
_TOLD = 500
"""Characters of arguments and result that an event carries."""


class Witness(Protocol):
    """Sees what comes of every use, and may give in its place what came of it then."""

    async def used(self, call: Call, work: Callable[[], Awaitable[Outcome]], *, inside: bool) -> Outcome:
        """Have ``work`` done, and return what came of it; ``inside`` as in ``Offer``."""
        ...


class Toolbox:
    """Keeps what is offered, and carries out what brains wish of it, as far as a turn's lane may cause it."""

    def __init__(self, settings: Tools, publish: Callable[[Event], None], clock: Clock) -> None:
        self.settings = settings
        self.witness: Witness | None = None
        self._publish = publish
        self._clock = clock
        self._offers: dict[str, tuple[Offer, ...]] = {}
        """By who made them."""
        self._leaving: set[asyncio.Task[str]] = set()
        """Uses that were given up and may take a while to end."""

    # --- what is in it

    def offer(self, by: str, offers: Sequence[Offer]) -> None:
        """Offer these, and nothing that ``by`` has offered before. Raises ValueError, and then nothing has changed."""
        others = [offer for owner, theirs in self._offers.items() if owner != by for offer in theirs]
        for place, offer in enumerate(offers):
            name = offer.tool.name
            beside = [o for o in (*others, *offers[:place]) if not o.floor or offer.floor in ("", o.floor)]
            if not _NAME.fullmatch(name):
                raise ValueError(f"{name[:70]!r} is no name of a tool: up to 64 letters, digits, _ and -")
            if any(o.tool.name == name for o in beside):
                raise ValueError(f"{name!r} is offered already")
            if complaint := unfit(offer.tool.parameters):
                raise ValueError(f"{name!r}: {complaint}")
            if len(json.dumps((offer.tool.description, offer.tool.parameters))) > LARGEST_OFFER:
                raise ValueError(f"{name!r}: description and schema have more than {LARGEST_OFFER} bytes")
            if len(beside) >= MOST_OFFERS:
                raise ValueError(f"more than {MOST_OFFERS} tools are offered")
        self._offers[by] = tuple(offers)

    def withdraw(self, by: str) -> None:
        """Take back all that ``by`` has offered."""
        self._offers.pop(by, None)

    def offers(self) -> list[tuple[str, Offer]]:
        """Return all that is offered, and by whom."""
        return [(by, offer) for by, theirs in self._offers.items() for offer in theirs]

    def tools(self, lane: str, floor: str) -> tuple[Tool, ...]:
        """Return what turns of a lane may use on a floor."""
        if not self.settings.on:
            return ()
        return tuple(offer.tool for _, offer in self.offers() if self._may(offer, lane, floor))

    def lanes(self, offer: Offer) -> tuple[str, ...]:
        """Return the lanes that may cause an offer: the show's word counts before its own."""
        return self.settings.lanes.get(offer.tool.name, offer.lanes)

    def _may(self, offer: Offer, lane: str, floor: str) -> bool:
        lanes = self.lanes(offer)
        return offer.floor in ("", floor) and (lane in lanes or EVERY_LANE in lanes)

    # --- using it

    async def reply(
        self, prompt: Prompt, cause: Cause, ask: Callable[[Prompt], AsyncGenerator[str | Call]]
    ) -> AsyncGenerator[str]:
        """Yield the words of a brain; what it calls is carried out, and it is asked again with what came of it.

        Raises EngineError as ``ask`` does.
        """
        prompt = replace(prompt, tools=self.tools(cause.lane, cause.floor))
        left = MOST_CALLS
        for asked in range(1, ROUNDS + 1):
            said: list[str] = []
            calls: list[Call] = []
            async with aclosing(ask(prompt)) as pieces:
                async for piece in pieces:
                    if isinstance(piece, Call):
                        calls.append(piece)
                        continue
                    if not said and prompt.results and prompt.said and not prompt.said[-1].isspace():
                        said.append(" ")  # what was said before the call was whole
                        yield " "
                    said.append(piece)
                    yield piece
            if not calls or not prompt.tools:
                return
            outcomes = await self._carry_out(calls, cause, left)
            left -= len(calls)
            words = prompt.said + "".join(said)
            acts = [self._find(call.tool, cause.floor) for call in calls]
            if words.strip() and all(o.ok and act and act.act for o, act in zip(outcomes, acts, strict=True)):
                return
            told = tuple(Result(call=call, text=o.text) for call, o in zip(calls, outcomes, strict=True))
            prompt = replace(
                prompt,
                said=words,
                results=(*prompt.results, *told),
                # The last time it can only speak.
                tools=prompt.tools if asked + 1 < ROUNDS and left > 0 else (),
            )

    async def use(self, call: Call, cause: Cause) -> str:
        """Use a tool and say in words what came of it: a refusal and a failure are answers too. Never raises."""
        return (await self._used(call, cause)).text

    async def _carry_out(self, calls: list[Call], cause: Cause, most: int) -> list[Outcome]:
        """Carry out the calls of one answer at once: none of them has seen what comes of another."""
        outcomes = await asyncio.gather(*(self._used(call, cause) for call in calls[:most]))
        too_many = Outcome(False, f"This was not done: more than {MOST_CALLS} calls in one reply are too many.")
        return outcomes + [too_many] * (len(calls) - len(outcomes))

    def _find(self, name: str, floor: str) -> Offer | None:
        return next((o for _, o in self.offers() if o.tool.name == name and o.floor in ("", floor)), None)

    async def _used(self, call: Call, cause: Cause) -> Outcome:
        if cause.committed is not None:
            await cause.committed.wait()
        began = self._clock.now()
        offer = self._find(call.tool, cause.floor)

        async def work() -> Outcome:
            try:
                return Outcome(True, _short(await self._do(offer, call, cause), LONGEST_RESULT) or "Done.")
            except Refusal as refusal:
                return Outcome(False, _short(str(refusal), LONGEST_RESULT))

        if self.witness is None:
            outcome = await work()
        else:
            outcome = await self.witness.used(call, work, inside=offer is not None and offer.inside)
        self._publish(
            ToolUsed(
                at=self._clock.wall(),
                floor=cause.floor,
                tool=_short(call.tool, 64),
                arguments=_short(_as_json(call.arguments), _TOLD),
                result=_short(outcome.text, _TOLD),
                ok=outcome.ok,
                seconds=round(self._clock.now() - began, 3),
                lane=cause.lane,
                turn=cause.turn,
            )
        )
        return outcome

    async def _do(self, offer: Offer | None, call: Call, cause: Cause) -> str:
        """Do what a call wants, if it may, within its deadline. Raises Refusal."""
        if offer is None or not self.settings.on:
            raise Refusal(f"There is no tool {_short(call.tool, 64)!r}.")
        if not self._may(offer, cause.lane, cause.floor):
            raise Refusal(f"This was not done: what comes from {cause.lane!r} may not cause {call.tool!r}.")
        if complaint := wrong(call.arguments, {**offer.tool.parameters, "type": "object"}):
            raise Refusal(f"This was not done: the arguments are wrong: {complaint}.")
        task = asyncio.ensure_future(offer.use(call.arguments, cause))
        try:
            await asyncio.wait({task}, timeout=offer.deadline)
        finally:
            if not task.done():
                # A tool that does not end when it is told to holds up neither a cut nor the reply.
                task.cancel()
                self._leaving.add(task)
                task.add_done_callback(self._gone)
        if not task.done():
            raise Refusal(f"{call.tool} gave no answer within {offer.deadline:g} s; it may have been done or not.")
        if task.cancelled():
            raise Refusal(f"{call.tool} was broken off; it may have been done or not.")
        error = task.exception()
        if isinstance(error, Refusal):
            raise error
        if error is not None:
            # The words of an error may hold what a brain must not know.
            raise Refusal(f"{call.tool} failed: {type(error).__name__}.")
        return task.result()

    def _gone(self, task: "asyncio.Task[str]") -> None:
        self._leaving.discard(task)
        if not task.cancelled():
            task.exception()  # nobody waits for it any more


def _short(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _as_json(arguments: dict[str, Any]) -> str:
    return json.dumps(arguments, ensure_ascii=False, default=str)
