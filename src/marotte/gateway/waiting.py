"""Those who wait for a private floor: in order, only so many, and told how long it may take."""

import asyncio
import contextlib
import json
from collections import deque
from dataclasses import dataclass, field

from starlette.websockets import WebSocket, WebSocketDisconnect

from marotte.show import FloorsTaken, Run

KEPT_SECONDS = 20.0
"""So long a window that was lost keeps its place; others enter meanwhile."""
TELL_EVERY = 5.0
SEND_WITHIN = 5.0
REMEMBERED = 20
"""So many stays tell how long partners stay lately."""


@dataclass(eq=False)
class _Place:
    key: str
    news: asyncio.Event = field(default_factory=asyncio.Event)
    """Its window is gone, or others have gone from their places or floors."""
    lost: asyncio.TimerHandle | None = None
    """Its window is gone, and has until then to come back."""


class WaitingList:
    """Lets windows wait until a private floor is free, the first to come first."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._places: list[_Place] = []
        self._stays: deque[float] = deque(maxlen=REMEMBERED)

    def __len__(self) -> int:
        return len(self._places)

    def needed(self, key: str) -> bool:
        """Whether the partner who has this key must wait; a floor that is theirs already lets them in."""
        if self._run.floor_of(key) is not None:
            return False
        return self._run.full or any(place.lost is None for place in self._places)

    def seconds(self, place: int) -> int | None:
        """Estimate how long who stands at a place, 1 is next, will wait; None while nobody has left yet.

        Those who still converse have stayed that long at least: so the mean stay is all time on floors by the number
        of stays that ended, as if leaving did not depend on how long one has been there.
        """
        if not self._stays:
            return None
        now = self._run.clock.wall()
        going_on = [now - floor.opened for floor in self._run.floors.values() if not floor.is_public]
        mean = (sum(self._stays) + sum(going_on)) / len(self._stays)
        return round(place * mean / max(1, len(going_on)))

    def ended(self, stay: float) -> None:
        """A floor is free: its partner was there for so many seconds."""
        self._stays.append(max(0.0, stay))
        self._look()

    async def wait(self, socket: WebSocket, key: str) -> None:
        """Return when it is this window's turn to enter, at once and without waiting for anything else.

        ``key`` is the partner's secret, by which a window that was lost finds its place again. Raises FloorsTaken
        where too many wait, and WebSocketDisconnect when the window leaves.
        """
        place = self._take(key)
        gone = asyncio.create_task(_until_gone(socket))
        gone.add_done_callback(lambda _: place.news.set())
        entered = False
        try:
            while not self._may_enter(place):
                place.news.clear()
                await self._tell(socket, place)
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(TELL_EVERY):
                        await place.news.wait()
                if gone.done():
                    raise WebSocketDisconnect
            gone.cancel()
            await asyncio.wait((gone,))  # two may not read from one socket
            entered = True
        finally:
            gone.cancel()
            if entered or not key:
                self._give_up(place)
            else:
                place.lost = asyncio.get_running_loop().call_later(KEPT_SECONDS, self._give_up, place)
                self._look()

    def _take(self, key: str) -> _Place:
        for place in self._places:
            if key and place.key == key and place.lost is not None:
                place.lost.cancel()
                place.lost = None
                return place
        most = self._run.show.gateway.waiting
        if len(self._places) >= most:
            raise FloorsTaken(
                f"all {self._run.show.gateway.partners} private floors are taken, and {most} wait already"
            )
        place = _Place(key)
        self._places.append(place)
        return place

    def _give_up(self, place: _Place) -> None:
        if place in self._places:
            self._places.remove(place)
        self._look()

    def _may_enter(self, place: _Place) -> bool:
        if self._run.floor_of(place.key) is not None:
            return True
        first = next(each for each in self._places if each.lost is None)
        return first is place and not self._run.full

    def _look(self) -> None:
        for place in self._places:
            place.news.set()

    async def _tell(self, socket: WebSocket, place: _Place) -> None:
        number = self._places.index(place) + 1
        frame = {"type": "waiting", "place": number, "seconds": self.seconds(number)}
        try:
            async with asyncio.timeout(SEND_WITHIN):
                await socket.send_text(json.dumps(frame))
        except (TimeoutError, RuntimeError):
            raise WebSocketDisconnect from None


async def _until_gone(socket: WebSocket) -> None:
    """Read what a window sends before its time, which counts for nothing, until it is gone."""
    while (await socket.receive())["type"] == "websocket.receive":
        pass
