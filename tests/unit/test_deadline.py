"""One deadline for many waits: the same answers as a timeout for each."""

import asyncio
from collections.abc import Iterator

import pytest

from marotte.engines.deadline import Deadline
from marotte.time import VirtualLoop


@pytest.fixture
def loop() -> Iterator[asyncio.Runner]:
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        yield runner


def test_what_comes_in_time_is_given_and_what_does_not_is_late(loop: asyncio.Runner) -> None:
    async def waits() -> list[float]:
        deadline, running = Deadline(), asyncio.get_running_loop()
        found: list[float] = []
        for seconds, limit in ((0.9, 1.0), (1.9, 2.0), (0.1, 0.2), (5.0, 0.5), (0.3, 0.5)):
            began = running.time()
            try:
                await deadline.wait(asyncio.sleep(seconds), limit)
            except TimeoutError:
                found.append(-round(running.time() - began, 6))
            else:
                found.append(round(running.time() - began, 6))
        deadline.close()
        return found

    assert loop.run(waits()) == [0.9, 1.9, 0.1, -0.5, 0.3]


def test_time_between_the_waits_does_not_count(loop: asyncio.Runner) -> None:
    async def waits() -> str:
        deadline = Deadline()
        await deadline.wait(asyncio.sleep(0.1), 1.0)
        await asyncio.sleep(10)
        return await deadline.wait(asyncio.sleep(0.9, "here"), 1.0)

    assert loop.run(waits()) == "here"


def test_somebody_elses_cancelling_is_no_lateness(loop: asyncio.Runner) -> None:
    async def waits() -> bool:
        task = asyncio.create_task(Deadline().wait(asyncio.sleep(5), 9.0))
        await asyncio.sleep(1)
        task.cancel()
        try:
            await task
        except asyncio.CancelledError:
            return True
        return False

    assert loop.run(waits())


def test_what_is_late_within_a_timeout_is_told_from_it(loop: asyncio.Runner) -> None:
    async def waits() -> str:
        try:
            async with asyncio.timeout(1.0):
                await Deadline().wait(asyncio.sleep(5), 9.0)
        except TimeoutError:
            return "the outer"
        return "none"

    assert loop.run(waits()) == "the outer"
