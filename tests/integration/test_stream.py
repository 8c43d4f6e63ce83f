"""The whole, proved: a stream over four platforms while everything breaks, after which every account is closed."""

import asyncio
import time
from pathlib import Path
from typing import Any

import pytest

from marotte import config
from marotte.events import Asked, ChatMessage, Gift, Viewer
from marotte.ops import runlog
from marotte.replay import replay
from marotte.show import Run
from tests.stand_ins import built
from tests.stream import EVERY, FAULTS, LASTS, PAID, stream
from tests.stream_stage import QuickVoice
from tests.waiting import QUICK, until

pytestmark = pytest.mark.anyio
SECONDS = 40.0
QUIET = f"{QUICK}[brain]\ndiscover = false\n[attention]\nlull_after = 0\n"


async def replays_whole(data: Path) -> None:
    """Live through a folder's one run again, and find no difference."""
    (log,) = (data / "runs").glob("*.jsonl")
    again = await asyncio.to_thread(replay, log)
    assert again.difference is None
    assert again.whole


@pytest.mark.alone
@pytest.mark.timeout(600)
async def test_nothing_is_answered_twice_and_nothing_that_reached_us_is_lost(tmp_path: Path) -> None:
    found = await stream(tmp_path, SECONDS)
    assert found.problems == []
    assert found.numbers["paid for"] == PAID
    assert found.numbers["faults"] == len(FAULTS) == int(LASTS / EVERY) - 1
    # How much an outage costs depends on the machine; the platforms that forget nothing are more than half.
    assert found.numbers["answered"] >= found.numbers["of it reached us"] > PAID / 2
    logs = [*(tmp_path / "runs").glob("*.jsonl")]
    assert len(logs) == 1
    again = await asyncio.to_thread(replay, logs[0])
    assert again.difference is None
    assert again.whole
    assert again.lines > PAID / 2


@pytest.mark.parametrize("late", ["row", "recall"])
async def test_what_waited_in_the_run_waits_in_its_replay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, late: str
) -> None:
    """A gift whose row takes its time comes after what was written later; one cut before it thought drew no chance."""
    run = Run(config.parse(QUIET), tmp_path, {})
    await run.start()
    gate = asyncio.Event()
    keep, recall = run.store.keep_percept, run.public.memory.recall

    async def slow_row(*given: Any) -> bool:
        await gate.wait()
        return await keep(*given)

    async def slow_recall(*given: Any) -> Any:
        await gate.wait()
        return await recall(*given)

    if late == "row":
        monkeypatch.setattr(run.store, "keep_percept", slow_row)
    else:
        monkeypatch.setattr(run.public.memory, "recall", slow_recall)
    turns = run.bus.subscribe("event.turn_started.>", "event.turn_ended.>")
    ada = Viewer(id="irc:test/ada", name="Ada", platform="irc")
    if late == "row":
        run.publish(Gift(at=run.clock.wall(), viewer=ada, what="rose"))
    run.publish(ChatMessage(at=run.clock.wall(), viewer=ada, text="Hello there, who are you?"))
    await turns.get()
    if late == "recall":
        run.orders.cut("public", "stopped by the operator")
        await turns.get()
        run.publish(Asked(at=run.clock.wall(), text="Tell me a joke"))
        await turns.get()
    gate.set()
    for _ in range(3 if late == "row" else 1):
        await turns.get()
    await run.stop()
    await replays_whole(tmp_path)


async def test_what_came_behind_a_slow_row_comes_behind_it_in_the_replay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A row takes its time, and the next gift comes just before it is kept: late alone, it would come behind that."""
    monkeypatch.setattr("marotte.ops.recorder._AT_ONCE", 0.25)
    run = Run(config.parse(QUIET), tmp_path, {})
    await run.start()
    gate, keep = asyncio.Event(), run.store.keep_percept

    async def slow_row(*given: Any) -> bool:
        await gate.wait()
        return await keep(*given)

    monkeypatch.setattr(run.store, "keep_percept", slow_row)
    turns = run.bus.subscribe("event.turn_started.>", "event.turn_ended.>")
    lines = run.bus.subscribe("event.line_started.>")
    ada, bob = (Viewer(id=f"irc:test/{name}", name=name, platform="irc") for name in ("Ada", "Bob"))
    run.publish(Asked(at=run.clock.wall(), verbatim=True, text="This lasts for longer than a row."))
    await turns.get()
    await lines.get()
    run.publish(Gift(at=run.clock.wall(), viewer=ada, what="rose"))
    await asyncio.sleep(0.5)  # longer than at once
    run.publish(Gift(at=run.clock.wall(), viewer=bob, what="rose"))
    await asyncio.sleep(0)
    gate.set()
    for _ in range(3):
        await turns.get()
    await run.stop()
    await replays_whole(tmp_path)


async def test_a_machine_that_stalls_in_a_run_stalls_in_its_replay(tmp_path: Path) -> None:
    """Nothing runs for a while in mid-speech, then a gift comes: the line after which it gives way began too late."""
    run = Run(config.parse(QUIET), tmp_path, {})
    voice = QuickVoice(0.02)
    run.voices.follow([run.recorder.listen_to(built("espeak", voice))], 60.0, anew=True)
    await run.start()
    turns = run.bus.subscribe("event.turn_started.>", "event.turn_ended.>")
    ada = Viewer(id="irc:test/ada", name="Ada", platform="irc")
    run.publish(ChatMessage(at=run.clock.wall(), viewer=ada, text="Tell me a long story about the moon."))
    await turns.get()
    await until(lambda: voice.closed >= 4, "the sound of four lines is made")
    time.sleep(1.0)  # noqa: ASYNC251  it is the loop that stalls
    run.publish(Gift(at=run.clock.wall(), viewer=ada, what="rose"))
    for _ in range(3):
        await turns.get()
    await run.stop()
    assert any(isinstance(entry, runlog.Stalled) for entry in runlog.read(next((tmp_path / "runs").glob("*.jsonl"))))
    await replays_whole(tmp_path)
