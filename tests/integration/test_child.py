"""Child processes: what they do, and what happens when they misbehave."""

import asyncio
import os
import re
import sys
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import psutil
import pytest

from marotte.engines.chains import VoiceChain
from marotte.engines.child import Child, Frame
from marotte.engines.kinds import EngineError, EngineUnavailable, Sound
from marotte.events import Line
from marotte.time import Clock
from tests.stand_ins import Published, ScriptedVoice, built
from tests.waiting import PATIENCE, until

pytestmark = pytest.mark.anyio

MODULE = "tests.servers.child_program"


@pytest.fixture
async def child() -> AsyncIterator[Child]:
    child = Child("helper", MODULE)
    yield child
    await child.close()
    assert child.pid == 0


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a program take its time to obey a cut: on a machine that stalls it would be killed."""
    monkeypatch.setattr("marotte.engines.child._GRACE", PATIENCE)


def gone(pid: int) -> bool:
    return not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


async def answers(child: Child, header: dict[str, Any], payload: bytes = b"", **more: Any) -> list[Frame]:
    return [answer async for answer in child.request(header, payload, **more)]


async def test_a_request_is_answered_and_the_program_started_when_first_needed(child: Child) -> None:
    assert (child.pid, child.memory()) == (0, 0)
    [(header, payload)] = await answers(child, {"do": "echo", "text": "日本"}, b"\0\n\xff")
    assert header["got"] == {"do": "echo", "text": "日本"}
    assert payload == b"\0\n\xff"
    assert child.ready == {"version": 7}
    assert child.memory() > 1_000_000
    assert os.getsid(child.pid) == child.pid


async def test_it_gets_no_secrets(child: Child, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    [(header, _)] = await answers(child, {"do": "echo"})
    assert "PYTHONPATH" in header["environment"]
    assert "OPENAI_API_KEY" not in header["environment"]


async def test_ten_megabytes_go_both_ways(child: Child) -> None:
    sound = os.urandom(10_000_000)
    [(_, payload)] = await answers(child, {"do": "echo"}, sound)
    assert payload == sound


async def test_requests_are_served_in_turn(child: Child) -> None:
    done: list[int] = []

    async def ask(number: int) -> None:
        [(header, _)] = await answers(child, {"do": "echo", "number": number})
        done.append(header["got"]["number"])

    await asyncio.gather(*(ask(number) for number in range(20)))
    assert done == list(range(20))


async def test_too_many_requests_are_refused(child: Child) -> None:
    await child.start()
    async with aclosing(child.request({"do": "hang"})) as hanging:
        await anext(hanging)
        waiting = [asyncio.create_task(answers(child, {"do": "echo"})) for _ in range(32)]
        await asyncio.sleep(0)
        with pytest.raises(EngineUnavailable, match="helper: 32 requests wait"):
            await answers(child, {"do": "echo"})
        for task in waiting:
            task.cancel()


async def test_a_failure_fails_one_request_only(child: Child) -> None:
    with pytest.raises(EngineError, match="helper: KeyError: 'no such thing'"):
        await answers(child, {"do": "fail"})
    pid = child.pid
    assert await answers(child, {"do": "echo"})
    assert child.pid == pid


async def test_what_it_prints_is_no_answer(child: Child) -> None:
    assert await answers(child, {"do": "print"}) == [({"printed": True}, b"")]


@pytest.mark.parametrize(
    ("what", "told"),
    [
        ("crash", "helper: the program ended with status 3; it last said: about to fall over"),
        ("killed", "helper: the program was killed by signal 9"),
        ("garbage", "helper: it speaks no frames"),
    ],
)
async def test_a_death_is_told_and_the_next_request_starts_it_anew(child: Child, what: str, told: str) -> None:
    with pytest.raises(EngineError, match=told):
        await answers(child, {"do": what})
    assert child.pid == 0
    assert await answers(child, {"do": "echo"})


async def test_a_crash_loop_is_slowed_down(child: Child) -> None:
    """Each pause is twice the last, so one of them outlasts whatever holds this machine up."""
    refused, crashes = False, 0
    while not refused and crashes < 8:
        with pytest.raises(EngineError) as failure:
            await answers(child, {"do": "crash"})
        refused = isinstance(failure.value, EngineUnavailable)
        crashes += not refused
    assert crashes >= 2, "the first death costs nothing"
    assert re.match(rf"helper: died {crashes} times; it is started again in \d+\.\d s", str(failure.value))


async def test_one_that_cannot_start_says_why() -> None:
    child = Child("helper", MODULE, ["crash"])
    with pytest.raises(EngineUnavailable, match=r"helper: the program ended with status 1; .*cannot start today"):
        await child.start()
    child = Child("helper", MODULE, ["silent"], start_within=0.3)
    with pytest.raises(EngineUnavailable, match=r"helper: not ready within 0\.3 s"):
        await child.start()
    assert child.pid == 0


@pytest.mark.usefixtures("patient")
async def test_a_cut_stops_it_and_nobody_waits(child: Child) -> None:
    await child.start()
    pid = child.pid
    async with aclosing(child.request({"do": "count", "to": 1_000_000, "every": 0.01})) as numbers:
        assert [header["number"] async for header, _ in _first(numbers, 3)] == [0, 1, 2]
    assert child._settling is not None
    assert not child._settling.done(), "the cut is not waited for"
    assert await answers(child, {"do": "echo"})
    assert child.pid == pid, "it obeyed and was not killed"


@pytest.mark.usefixtures("patient")
async def test_a_cut_while_it_waits_for_a_full_pipe(child: Child) -> None:
    await child.start()
    pid = child.pid
    async with aclosing(child.request({"do": "count", "to": 1_000_000})) as numbers:
        await anext(numbers)
        # Both pipe and buffer fill up, and it falls asleep.
        await until(lambda: psutil.Process(pid).status() == psutil.STATUS_SLEEPING, "a full pipe")
    [(header, _)] = await answers(child, {"do": "echo", "after": "cut"})
    assert header["got"]["after"] == "cut"
    assert child.pid == pid


async def test_one_that_hangs_when_cut_is_killed(child: Child) -> None:
    async with aclosing(child.request({"do": "hang"})) as answer:
        await anext(answer)
        pid = child.pid
    assert not gone(pid), "the cut is not waited for"
    assert await answers(child, {"do": "echo"})
    assert child.pid != pid
    await until(lambda: gone(pid), "the end of the program that hung")


@pytest.mark.usefixtures("patient")
async def test_a_cancelled_task_cuts_its_request(child: Child) -> None:
    await child.start()
    numbers: list[Frame] = []

    async def count() -> None:
        async for number in child.request({"do": "count", "to": 1_000_000, "every": 0.01}):
            numbers.append(number)

    task = asyncio.create_task(count())
    waits = asyncio.create_task(answers(child, {"do": "echo", "never": "sent"}))
    await until(lambda: len(numbers) > 3, "numbers")
    for each in (waits, task):
        each.cancel()
    await asyncio.wait({task, waits})
    assert task.cancelled()
    [(header, _)] = await answers(child, {"do": "echo"})
    assert header["got"] == {"do": "echo"}


async def test_frames_follow_a_request(child: Child) -> None:
    async def sound() -> AsyncIterator[Frame]:
        for _ in range(100):
            yield {}, b"12345"

    assert await answers(child, {"do": "sum"}, more=sound()) == [({"sum": 500, "cancelled": False}, b"")]
    assert await answers(child, {"do": "echo"}, more=sound()), "what follows an answered request is thrown away"
    assert await answers(child, {"do": "sum"}, more=sound()) == [({"sum": 500, "cancelled": False}, b"")]


async def test_a_source_that_fails_fails_its_request(child: Child) -> None:
    async def sound() -> AsyncIterator[Frame]:
        yield {}, b"12345"
        raise LookupError("the microphone is gone")

    with pytest.raises(LookupError, match="the microphone is gone"):
        await answers(child, {"do": "sum"}, more=sound())
    assert await answers(child, {"do": "echo"})


@pytest.mark.usefixtures("patient")
async def test_a_cut_while_frames_follow(child: Child) -> None:
    silent = asyncio.Event()

    async def silence() -> AsyncIterator[Frame]:
        yield {}, b"12345"
        silent.set()
        await asyncio.Event().wait()

    await child.start()
    pid = child.pid
    task = asyncio.create_task(answers(child, {"do": "sum"}, more=silence()))
    await silent.wait()
    task.cancel()
    await asyncio.wait({task})
    assert await answers(child, {"do": "echo"})
    assert child.pid == pid


async def test_closing_ends_all_it_started_and_those_who_wait(child: Child) -> None:
    hanging = child.request({"do": "offspring"})
    header, _ = await anext(hanging)
    waits = asyncio.create_task(anext(hanging))
    await asyncio.sleep(0)
    pids = [child.pid, header["pid"]]
    async with asyncio.timeout(PATIENCE):  # the program and its offspring would sleep for a minute
        await child.close()
    with pytest.raises(EngineError):
        await waits
    await until(lambda: all(map(gone, pids)), "the end of all that it started")
    with pytest.raises(EngineUnavailable, match="closed"):
        await answers(child, {"do": "echo"})


async def test_closing_right_after_a_cut(child: Child) -> None:
    await child.start()
    async with aclosing(child.request({"do": "count", "to": 10_000})) as numbers:
        await anext(numbers)
    await child.close()
    assert child._settling is not None
    assert await child._settling is None


@pytest.fixture
async def slow(tmp_path: Path) -> AsyncIterator[tuple[Child, Path]]:
    """A program that is ready once there is a file, and the file."""
    file = tmp_path / "loaded"
    child = Child("helper", MODULE, ["slow", str(file)], start_within=PATIENCE)
    yield child, file
    await child.close()
    assert child.pid == 0


async def cut_while_it_loads(child: Child) -> int:
    """Ask, lose patience while it loads, and return the program's id."""
    asking = asyncio.create_task(answers(child, {"do": "echo"}))
    await until(lambda: child.pid, "that it runs")
    asking.cancel()
    assert isinstance((await asyncio.gather(asking, return_exceptions=True))[0], asyncio.CancelledError)
    return child.pid


async def test_a_request_that_is_cut_lets_it_load_and_the_next_one_finds_it(slow: tuple[Child, Path]) -> None:
    child, file = slow
    file.touch()
    with pytest.raises(EngineError, match="ended with status 3"):
        await answers(child, {"do": "crash"})
    file.unlink()
    pid = await cut_while_it_loads(child)
    assert await cut_while_it_loads(child) == pid, "it is not started a second time"
    assert not gone(pid)
    file.touch()
    assert await answers(child, {"do": "echo"})
    assert child.pid == pid


async def test_one_that_nobody_waits_for_has_its_time_to_load_and_no_more() -> None:
    child = Child("helper", MODULE, ["silent"], start_within=1.0)
    for _ in range(2):
        pid = await cut_while_it_loads(child)
        assert child._starting is not None
        await until(child._starting.done, "that it is given up")
        assert gone(pid)
    with pytest.raises(EngineUnavailable, match="helper: died 2 times"):
        await answers(child, {"do": "echo"})
    await child.close()


async def test_closing_while_it_loads_ends_it_and_those_who_wait(slow: tuple[Child, Path]) -> None:
    child, _ = slow
    waits = asyncio.create_task(answers(child, {"do": "echo"}))
    await until(lambda: child.pid, "that it runs")
    pid = child.pid
    await child.close()
    assert gone(pid)
    with pytest.raises(EngineUnavailable, match="helper: it was closed"):
        await waits


async def test_closing_right_after_its_start_was_cut_short(slow: tuple[Child, Path]) -> None:
    child, _ = slow
    pid = await cut_while_it_loads(child)
    assert not gone(pid)
    await child.close()
    assert gone(pid), "its end was waited for"
    assert child._starting is not None
    assert child._starting.done()


async def test_an_engine_that_loads_longer_than_its_deadline_comes_back(slow: tuple[Child, Path]) -> None:
    child, file = slow

    class Slow(ScriptedVoice):
        async def speak(self, line: Line) -> AsyncIterator[Sound]:
            await answers(child, {"do": "echo"})
            async for sound in super().speak(line):
                yield sound

    line, understudy = Line(shown="Hello there.", spoken="Hello there."), ScriptedVoice()
    engines = [built("slow", Slow(), first_within=0.2), built("understudy", understudy)]
    chain = VoiceChain(engines, Published(), Clock(), rest=0.0)
    leader = chain.members[0]

    async def leads() -> bool:
        assert [sound async for sound in chain.speak(line)]
        return leader.state == "ready"

    assert not await leads()
    assert not await leads(), "the second is probed beside the understudy"
    await until(lambda: leader.failed == 2, "a probe that has come too early")
    pid = await until(lambda: child.pid, "that it runs")
    file.touch()
    await until(leads, "a probe that finds it well")
    assert child.pid == pid
    await chain.close()


async def test_it_dies_with_its_parent() -> None:
    code = (
        "import asyncio, os\nfrom marotte.engines.child import Child\n"
        "async def main():\n"
        f"    child = Child('helper', {MODULE!r})\n    request = child.request({{'do': 'hang'}})\n"
        "    await anext(request)\n    print(child.pid, flush=True)\n    os.kill(os.getpid(), 9)\n"
        "asyncio.run(main())\n"
    )
    parent = await asyncio.create_subprocess_exec(
        sys.executable, "-c", code, stdout=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
    )  # fmt: skip
    out, _ = await parent.communicate()
    pid = int(out)
    await until(lambda: gone(pid), "the end of an orphan")


async def _first(numbers: AsyncIterator[Frame], count: int) -> AsyncIterator[Frame]:
    for _ in range(count):
        yield await anext(numbers)
