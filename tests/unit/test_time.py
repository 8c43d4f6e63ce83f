"""The clock follows the loop that runs; a live show's loop is the quickest that there is."""

import asyncio
import sys
import time

import pytest

from marotte.time import Clock, VirtualLoop, new_loop


async def _later(seconds: float) -> float:
    clock = Clock(epoch=100.0)
    await clock.sleep(seconds)
    return clock.wall()


def test_on_a_virtual_loop_time_jumps() -> None:
    began = time.monotonic()
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        assert runner.run(_later(3_600)) == pytest.approx(3_700)
    assert time.monotonic() - began < 600


async def _ticks() -> list[float]:
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualLoop)
    began = loop.time()
    loop.stall((began + since, began + until) for since, until in ((7.0, 7.5), (2.5, 5.25), (5.0, 5.5)))
    found: list[float] = []
    for second in range(1, 9):
        loop.call_at(began + second, lambda: found.append(loop.time() - began))
    await asyncio.sleep(9)
    return found


def test_on_a_virtual_loop_that_stalls_what_is_due_comes_at_the_end() -> None:
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        assert runner.run(_ticks()) == pytest.approx([1, 2, 5.5, 5.5, 5.5, 6, 7.5, 8])


def test_on_a_live_loop_and_without_one_it_is_the_machines() -> None:
    with asyncio.Runner(loop_factory=new_loop) as runner:
        clock = runner.run(_clock())
    for one in (clock, Clock()):
        before = time.monotonic()
        assert before <= one.now() <= time.monotonic()


async def _clock() -> Clock:
    return Clock()


def test_where_uvloop_is_not_installed_the_show_runs_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "uvloop", None)
    with asyncio.Runner(loop_factory=new_loop) as runner:
        assert isinstance(runner.get_loop(), asyncio.SelectorEventLoop)
        assert runner.run(_later(0.0)) >= 100.0


@pytest.mark.anyio
async def test_wall_time_follows_the_machine_s_clock_where_it_is_set_or_the_machine_slept(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    machine = 5_000.0
    monkeypatch.setattr(time, "time", lambda: machine)
    monkeypatch.setattr(time, "monotonic", lambda: 70.0)
    clock, given = Clock(), Clock(epoch=100.0)
    machine += 0.5
    assert clock.catch_up() == 0.0
    assert clock.wall() == 5_000.0, "what is so little is no news"
    machine += 8 * 3_600
    assert clock.catch_up() == 28_800.5
    assert clock.wall() == machine
    assert clock.now() == 70.0
    machine -= 60
    assert clock.catch_up() == -60.0
    assert (given.catch_up(), given.wall()) == (0.0, 100.0)


def test_virtual_time_follows_no_machine() -> None:
    async def later() -> tuple[float, float]:
        clock = Clock()
        began = clock.wall()
        await clock.sleep(3_600)
        return clock.catch_up(), clock.wall() - began

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        assert runner.run(later()) == (0.0, pytest.approx(3_600))


def test_a_clock_that_is_kept_looks_at_the_machine_again_and_again(caplog: pytest.LogCaptureFixture) -> None:
    async def later() -> list[float]:
        clock, looked = Clock(), list[float]()

        def catch_up() -> float:
            looked.append(clock.now())
            return 60.0 if len(looked) == 2 else 0.0

        clock.catch_up = catch_up
        keeping = asyncio.create_task(clock.keep())
        await clock.sleep(16)
        keeping.cancel()
        return looked

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        assert len(runner.run(later())) == 3
    assert caplog.text.count("it slept, or was set") == 1
