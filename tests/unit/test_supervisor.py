"""The supervisor: a crashed task is started again with a growing pause, and shown."""

import asyncio

import pytest

from marotte.bus.local import LocalBus
from marotte.events import TaskFailed
from marotte.ops.metrics import Metrics
from marotte.ops.supervisor import Supervisor
from marotte.time import Clock
from tests.stand_ins import Published

pytestmark = [pytest.mark.anyio, pytest.mark.virtual]


async def test_a_crash_is_told_and_the_pause_grows() -> None:
    events, clock = Published(), Clock(epoch=0.0)
    supervisor = Supervisor(events, clock)

    async def crash() -> None:
        raise ValueError("on purpose")

    supervisor.start("crasher", crash)
    await asyncio.sleep(7)
    assert [e.delay for e in events.of(TaskFailed)] == [0.5, 1.0, 2.0, 4.0]
    assert supervisor.tasks["crasher"].failing == "ValueError: on purpose"
    await supervisor.stop_all()


async def test_the_rest_goes_on_and_what_ends_is_forgotten() -> None:
    events, clock = Published(), Clock(epoch=0.0)
    supervisor = Supervisor(events, clock)
    ticks = []

    async def tick() -> None:
        while True:
            ticks.append(clock.now())
            await asyncio.sleep(1)

    async def crash() -> None:
        raise ValueError

    async def end() -> None:
        pass

    for name, work in (("tick", tick), ("crash", crash), ("end", end)):
        supervisor.start(name, work)
    await asyncio.sleep(5.5)
    assert len(ticks) == 6
    assert set(supervisor.tasks) == {"tick", "crash"}
    await supervisor.stop_all()
    assert not supervisor.tasks


async def test_a_task_that_does_not_stop_delays_the_end_no_longer_than_allowed() -> None:
    supervisor = Supervisor(Published(), Clock(epoch=0.0))

    async def stubborn() -> None:
        for _ in range(3):
            try:
                await asyncio.sleep(100)
            except asyncio.CancelledError:
                continue

    supervisor.start("stubborn", stubborn)
    await asyncio.sleep(0.1)
    before = asyncio.get_running_loop().time()
    await supervisor.stop_all(within=1.0)
    assert asyncio.get_running_loop().time() - before == pytest.approx(1.0, abs=0.1)


async def test_what_is_cancelled_within_a_task_is_a_crash_and_not_its_end() -> None:
    events = Published()
    supervisor = Supervisor(events, Clock(epoch=0.0))

    async def trip() -> None:
        inner = asyncio.create_task(asyncio.sleep(100))
        asyncio.get_running_loop().call_later(1, inner.cancel)
        await inner

    supervisor.start("trip", trip)
    await asyncio.sleep(2)
    assert [e.task for e in events.of(TaskFailed)] == ["trip"]
    assert "trip" in supervisor.tasks
    await supervisor.stop_all()
    assert not supervisor.tasks


async def test_a_task_is_stopped_itself_and_not_another_of_its_name() -> None:
    supervisor = Supervisor(Published(), Clock(epoch=0.0))
    old = supervisor.start("speaker", lambda: asyncio.sleep(1_000))
    new = supervisor.start("speaker", lambda: asyncio.sleep(1_000))
    await supervisor.stop(old)
    assert supervisor.tasks["speaker"] is new
    assert old.task is not None
    assert new.task is not None
    assert (old.task.done(), new.task.done()) == (True, False)
    await supervisor.stop_all()


async def test_a_task_is_begun_anew_and_never_runs_twice() -> None:
    supervisor = Supervisor(Published(), Clock(epoch=0.0))
    running = lives = 0
    free = asyncio.Event()

    async def work() -> None:
        nonlocal running, lives
        running, lives = running + 1, lives + 1
        assert running == 1
        try:
            await asyncio.sleep(1_000)
        finally:
            await free.wait()
            running -= 1

    watched = supervisor.start("work", work)
    await asyncio.sleep(1)
    assert not await supervisor.restart(watched, within=2.0), "it clings"
    assert lives == 1
    free.set()
    assert all(await asyncio.gather(supervisor.restart(watched), supervisor.restart(watched)))
    await asyncio.sleep(1)
    assert (lives, running) == (2, 1)
    assert supervisor.tasks["work"] is watched
    await supervisor.stop_all()
    assert running == 0


async def test_private_floors_share_one_series_of_crashes() -> None:
    bus = LocalBus()
    metrics = Metrics(bus, Clock(epoch=0.0), dict)
    for task in ("talk-1a2b director", "talk-3c4d director", "close talk-1a2b", "public director"):
        bus.publish("event.task_failed.public", TaskFailed(at=0.0, task=task, detail="on purpose", delay=0.5))
    text = metrics.text().decode()
    assert 'marotte_task_crashes_total{task="private director"} 2.0' in text
    assert 'marotte_task_crashes_total{task="public director"} 1.0' in text
    assert "talk-" not in text
