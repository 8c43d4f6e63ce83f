"""What a window offers: actions that the character may cause in it while it is open (see docs/protocol.md)."""

import asyncio
import json
import secrets
from collections.abc import Collection
from typing import Any, Literal, TypeVar

import msgspec

from marotte.engines.kinds import Tool
from marotte.engines.offers import EVERY_LANE, Cause, Offer, Offers, Refusal, as_data
from marotte.gateway.outbox import Outbox
from marotte.gateway.window import Mistake

T = TypeVar("T")
MOST = 20
"""So many actions one window may offer."""


class _Action(msgspec.Struct, forbid_unknown_fields=True):
    name: str
    description: str = ""
    parameters: dict[str, Any] = {}
    lanes: tuple[str, ...] = ("operator",)
    deadline: float = 10.0


class _Offer(msgspec.Struct, forbid_unknown_fields=True):
    type: Literal["offer"]
    actions: list[_Action]


class _Result(msgspec.Struct, forbid_unknown_fields=True):
    type: Literal["result"]
    call: str
    text: str
    ok: bool = True


class WindowOffers:
    """The actions of one window's connection."""

    def __init__(self, window: str, name: str, floor: str, outbox: Outbox, offers: Offers) -> None:
        """``window`` is its kind, of which its actions' names tell; they may be caused on ``floor`` alone."""
        self._window = window
        self._owner = f"window {name}"
        self._floor = floor
        self._outbox = outbox
        self._offers = offers
        self._calls: dict[str, asyncio.Future[_Result]] = {}

    def offer(self, frame: dict[str, Any], lanes: Collection[str]) -> None:
        """Offer what a frame says, and nothing that was offered before. Raises Mistake."""
        actions = _read(frame, _Offer).actions
        if len(actions) > MOST:
            raise Mistake(f"actions: {len(actions)} are more than {MOST}")
        for action in actions:
            for lane in action.lanes:
                if lane != EVERY_LANE and lane not in lanes:
                    raise Mistake(f"lanes: {lane[:60]!r} is no lane")
            if not 0 < action.deadline <= 600:
                raise Mistake("deadline: must be more than 0 and at most 600 seconds")
        try:
            self._offers.offer(self._owner, [self._as_offer(action) for action in actions])
        except ValueError as error:
            raise Mistake(f"actions: {error}") from None

    def result(self, frame: dict[str, Any]) -> None:
        """Take what came of a call. Raises Mistake where it is none of those that wait."""
        result = _read(frame, _Result)
        call = self._calls.pop(result.call, None)
        if call is None:
            raise Mistake(f"call: {result.call[:60]!r} is none that waits for a result")
        if not call.done():
            call.set_result(result)

    def close(self) -> None:
        """Withdraw everything: the window is gone."""
        self._offers.withdraw(self._owner)
        for call in self._calls.values():
            call.cancel()

    def _as_offer(self, action: _Action) -> Offer:
        async def use(given: dict[str, Any], cause: Cause) -> str:
            return await self._call(action, given)

        return Offer(
            tool=Tool(
                name=f"{self._window}__{action.name}",
                description=action.description or action.name,
                parameters={**action.parameters, "type": "object"},
            ),
            use=use,
            lanes=action.lanes,
            floor=self._floor,
            deadline=action.deadline,
        )

    async def _call(self, action: _Action, given: dict[str, Any]) -> str:
        number = secrets.token_hex(4)
        answer = self._calls[number] = asyncio.get_running_loop().create_future()
        self._tell({"type": "call", "call": number, "name": action.name, "arguments": given, "within": action.deadline})
        try:
            result = await answer
        finally:
            if self._calls.pop(number, None) is not None:
                self._tell({"type": "call_over", "call": number})
        if not result.ok:
            raise Refusal(f"It failed. {as_data(result.text)}")
        return as_data(result.text)

    def _tell(self, frame: dict[str, Any]) -> None:
        self._outbox.put(json.dumps(frame))


def _read(frame: dict[str, Any], kind: type[T]) -> T:
    try:
        return msgspec.convert(frame, kind)
    except msgspec.ValidationError as error:
        raise Mistake(f"{frame['type']}: {error}") from None
