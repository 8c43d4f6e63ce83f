"""The waiting list: who enters when, who keeps a place, and what is told of the time it takes."""

import asyncio
import json
from types import SimpleNamespace
from typing import Any

import pytest
from starlette.websockets import WebSocketDisconnect

from marotte.gateway.waiting import KEPT_SECONDS, REMEMBERED, TELL_EVERY, WaitingList
from marotte.show import FloorsTaken

pytestmark = [pytest.mark.anyio, pytest.mark.virtual]


class House:
    """A run as far as the waiting list knows it."""

    def __init__(self, partners: int = 1, waiting: int = 3) -> None:
        gateway = SimpleNamespace(partners=partners, waiting=waiting)
        self.show = SimpleNamespace(gateway=gateway)
        self.clock = SimpleNamespace(wall=lambda: asyncio.get_running_loop().time())
        self.floors: dict[str, Any] = {"public": SimpleNamespace(is_public=True, opened=0.0)}

    @property
    def full(self) -> bool:
        return len(self.floors) > self.show.gateway.partners

    def floor_of(self, key: str) -> Any:
        return self.floors.get(key) if key else None

    def enter(self, key: str) -> None:
        self.floors[key] = SimpleNamespace(is_public=False, opened=self.clock.wall())


class Visitor:
    """A window that waits, and takes a floor when it is let in."""

    def __init__(self, house: House, waiting: WaitingList, key: str) -> None:
        self.told: list[dict[str, Any]] = []
        self._gone = asyncio.Event()
        self._stay = asyncio.create_task(self._wait(house, waiting, key))

    async def _wait(self, house: House, waiting: WaitingList, key: str) -> None:
        await waiting.wait(self, key)  # pyright: ignore[reportArgumentType]
        house.enter(key)

    async def send_text(self, text: str) -> None:
        self.told.append(json.loads(text))

    async def receive(self) -> dict[str, str]:
        await self._gone.wait()
        return {"type": "websocket.disconnect"}

    @property
    def inside(self) -> bool:
        return self._stay.done() and self._stay.exception() is None

    @property
    def places(self) -> list[int]:
        return [frame["place"] for frame in self.told]

    async def leave(self) -> None:
        self._gone.set()
        with pytest.raises(WebSocketDisconnect):
            await self._stay

    def __await__(self) -> Any:
        return self._stay.__await__()


class Door:
    """A full house with one partner, whose floor can be freed."""

    def __init__(self, **limits: int) -> None:
        self.house = House(**limits)
        self.house.enter("first")
        self.list = WaitingList(self.house)  # pyright: ignore[reportArgumentType]

    async def knock(self, key: str) -> Visitor:
        visitor = Visitor(self.house, self.list, key)
        await asyncio.sleep(0.1)
        return visitor

    async def free(self, key: str) -> None:
        floor = self.house.floors.pop(key)
        self.list.ended(self.house.clock.wall() - floor.opened)
        await asyncio.sleep(0.1)


async def test_they_enter_in_the_order_in_which_they_came() -> None:
    door = Door()
    ada, lea = await door.knock("ada"), await door.knock("lea")
    assert (ada.places, lea.places) == ([1], [2])
    await door.free("first")
    assert ada.inside
    assert not lea.inside
    assert lea.places[-1] == 1
    await door.free("ada")
    assert lea.inside
    assert len(door.list) == 0


async def test_who_comes_while_somebody_waits_does_not_overtake() -> None:
    door = Door()
    ada = await door.knock("ada")
    door.house.floors.pop("first")
    assert door.list.needed("lea"), "the floor that is free is Ada's, who has not seen it yet"
    await asyncio.sleep(TELL_EVERY)
    assert ada.inside


async def test_a_floor_of_ones_own_lets_in_at_once_also_in_another_window() -> None:
    door = Door()
    assert not door.list.needed("first")
    here, there = await door.knock("ada"), await door.knock("ada")
    await door.free("first")
    await asyncio.sleep(TELL_EVERY)
    assert here.inside
    assert there.inside


async def test_who_was_lost_keeps_the_place_for_a_while_and_holds_up_nobody() -> None:
    door = Door()
    ada, lea = await door.knock("ada"), await door.knock("lea")
    await ada.leave()
    back = await door.knock("ada")
    assert back.places == [1]
    await back.leave()
    await door.free("first")
    assert lea.inside, "a free floor is for whoever is there"
    assert (await door.knock("ada")).places == [1]
    other = await door.knock("kim")
    await other.leave()
    assert len(door.list) == 2
    await asyncio.sleep(KEPT_SECONDS)
    assert len(door.list) == 1


async def test_who_has_no_key_leaves_no_place_behind() -> None:
    door = Door()
    nobody = await door.knock("")
    await nobody.leave()
    assert len(door.list) == 0


async def test_so_many_wait_and_no_more() -> None:
    door = Door(waiting=2)
    await door.knock("ada")
    await door.knock("lea")
    with pytest.raises(FloorsTaken, match="1 private floors are taken, and 2 wait already"):
        await (await door.knock("kim"))


async def test_more_floors_let_in_without_anybody_leaving() -> None:
    door = Door()
    ada = await door.knock("ada")
    door.house.show.gateway.partners = 2
    await asyncio.sleep(TELL_EVERY)
    assert ada.inside


async def test_the_time_it_takes_is_unknown_until_somebody_has_left_then_what_stays_tell() -> None:
    door = Door()
    ada, lea = await door.knock("ada"), await door.knock("lea")
    assert ada.told == [{"type": "waiting", "place": 1, "seconds": None}]
    await asyncio.sleep(59.8)
    await door.free("first")
    assert lea.told[-1] == {"type": "waiting", "place": 1, "seconds": 60}
    await asyncio.sleep(60)
    assert 110 <= lea.told[-1]["seconds"] <= 120, "who stays on stays longer than was thought"


async def test_with_more_floors_the_list_moves_faster_and_only_late_stays_count() -> None:
    door = Door(partners=2)
    door.house.enter("second")
    for _ in range(REMEMBERED):
        door.list.ended(1_000.0)
    for _ in range(REMEMBERED):
        door.list.ended(100.0)
    assert door.list.seconds(1) == 50
    assert door.list.seconds(3) == 150
