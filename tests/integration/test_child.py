"""Child processes: what they do, and what happens when they misbehave."""

import asyncio
import os
import time
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

import psutil
import pytest

from marotte.engines.child import Child, Frame
from marotte.engines.kinds import EngineError, EngineUnavailable

pytestmark = pytest.mark.anyio

MODULE = "tests.servers.child_program"


@pytest.fixture
async def child() -> AsyncIterator[Child]:
    child = Child("helper", MODULE)
    yield child
    await child.close()
    assert child.pid == 0


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
    for _ in range(2):
        with pytest.raises(EngineError, match="status 3"):
            await answers(child, {"do": "crash"})
    with pytest.raises(EngineUnavailable, match=r"helper: died 2 times; it is started again in 0\.\d s"):
        await answers(child, {"do": "echo"})


async def test_one_that_cannot_start_says_why() -> None:
    child = Child("helper", MODULE, ["crash"])
    with pytest.raises(EngineUnavailable, match=r"helper: the program ended with status 1; .*cannot start today"):
        await child.start()
    child = Child("helper", MODULE, ["silent"], start_within=0.3)
    with pytest.raises(EngineUnavailable, match=r"helper: not ready within 0\.3 s"):
        await child.start()
    assert child.pid == 0


async def test_a_cut_stops_it_and_nobody_waits(child: Child) -> None:
    await child.start()
    pid = child.pid
    async with aclosing(child.request({"do": "count", "to": 10_000, "every": 0.01})) as numbers:
        assert [header["number"] async for header, _ in _first(numbers, 3)] == [0, 1, 2]
        began = time.perf_counter()
    assert time.perf_counter() - began < 0.05
    assert await answers(child, {"do": "echo"})
    assert time.perf_counter() - began < 1
    assert child.pid == pid, "it obeyed and was not killed"


async def test_a_cut_while_it_waits_for_a_full_pipe(child: Child) -> None:
    await child.start()
    pid = child.pid
    async with aclosing(child.request({"do": "count", "to": 1_000_000})) as numbers:
        await anext(numbers)
        await asyncio.sleep(0.1)  # both pipe and buffer fill up
    [(header, _)] = await answers(child, {"do": "echo", "after": "cut"})
    assert header["got"]["after"] == "cut"
    assert child.pid == pid


async def test_one_that_hangs_when_cut_is_killed(child: Child) -> None:
    async with aclosing(child.request({"do": "hang"})) as answer:
        await anext(answer)
        pid = child.pid
        began = time.perf_counter()
    assert time.perf_counter() - began < 0.05
    assert await answers(child, {"do": "echo"})
    assert 0.9 < time.perf_counter() - began < 2
    assert child.pid != pid
    assert not psutil.pid_exists(pid)


async def test_a_cancelled_task_cuts_its_request(child: Child) -> None:
    await child.start()
    task = asyncio.create_task(answers(child, {"do": "count", "to": 10_000, "every": 0.01}))
    waits = asyncio.create_task(answers(child, {"do": "echo", "never": "sent"}))
    await asyncio.sleep(0.1)
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


async def test_a_cut_while_frames_follow(child: Child) -> None:
    async def silence() -> AsyncIterator[Frame]:
        yield {}, b"12345"
        await asyncio.Event().wait()

    await child.start()
    pid = child.pid
    task = asyncio.create_task(answers(child, {"do": "sum"}, more=silence()))
    await asyncio.sleep(0.05)
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
    began = time.perf_counter()
    await child.close()
    assert time.perf_counter() - began < 0.6
    with pytest.raises(EngineError):
        await waits
    for pid in pids:
        assert not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    with pytest.raises(EngineUnavailable, match="closed"):
        await answers(child, {"do": "echo"})


async def test_closing_right_after_a_cut(child: Child) -> None:
    await child.start()
    async with aclosing(child.request({"do": "count", "to": 10_000})) as numbers:
        await anext(numbers)
    await child.close()
    assert child._settling is not None
    assert await child._settling is None


async def test_it_dies_with_its_parent() -> None:
    code = (
        "import asyncio, os\nfrom marotte.engines.child import Child\n"
        "async def main():\n"
        f"    child = Child('helper', {MODULE!r})\n    request = child.request({{'do': 'hang'}})\n"
        "    await anext(request)\n    print(child.pid, flush=True)\n    os.kill(os.getpid(), 9)\n"
        "asyncio.run(main())\n"
    )
    import sys

    parent = await asyncio.create_subprocess_exec(
        sys.executable, "-c", code, stdout=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
    )  # fmt: skip
    out, _ = await parent.communicate()
    pid = int(out)
    async with asyncio.timeout(5):
        while psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
            await asyncio.sleep(0.01)


async def _first(numbers: AsyncIterator[Frame], count: int) -> AsyncIterator[Frame]:
    for _ in range(count):
        yield await anext(numbers)
