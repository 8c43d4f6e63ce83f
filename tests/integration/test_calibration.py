"""``marotte skull calibrate``: the steps, without a skull and with the real program of a board."""

import asyncio
import json
import socket
import sys
from pathlib import Path

import pytest
from websockets.asyncio.client import connect

from marotte.calibration import CalibrationError, Limits, SimulatedJaw, calibrate, calibrate_skull, door, words
from tests.servers.skull_program import skull_program
from tests.waiting import until

pytestmark = pytest.mark.anyio


class Answers:
    """Somebody at a terminal who knows what to type."""

    def __init__(self, *answers: str) -> None:
        self._answers = list(answers)
        self.asked: list[str] = []

    async def __call__(self, question: str) -> str:
        self.asked.append(question.strip())
        return self._answers.pop(0)


class Recorded(SimulatedJaw):
    """A jaw that notes what is done with it."""

    def __init__(self) -> None:
        super().__init__(lambda line: None)
        self.done: list[object] = []

    async def turn(self, angle: float) -> None:
        self.done.append(angle)

    async def take(self, limits: Limits, *, keep: bool = False) -> None:
        self.done.append((limits, keep))

    async def chatter(self) -> None:
        self.done.append("ta")


async def test_the_steps_find_angles_direction_and_latency() -> None:
    jaw, told = Recorded(), list[str]()
    answers = Answers("++", "+", "", "120", "-", "ok", "++", "-", "")
    found = await calibrate(jaw, answers, told.append)
    assert found == Limits(closed=96, open=119, latency=120)
    assert "upwards" in str(found)
    assert "downwards" in told[0]
    # The search for the open jaw begins beside the shut one, on the side where it was.
    assert jaw.done[:7] == [90, 95, 96, 96, 86, 120, 119]
    latencies = [step[0].latency for step in jaw.done[7:-1] if isinstance(step, tuple)]
    assert latencies == [80, 130, 120]
    assert jaw.done.count("ta") == 3
    assert jaw.done[-1] == (found, True)


async def test_no_movement_is_no_open_jaw_and_limits_hold() -> None:
    jaw, told = Recorded(), list[str]()
    answers = Answers("200", "-500", "++", "", "6", "", "40", "", "1000", "")
    found = await calibrate(jaw, answers, told.append)
    assert found == Limits(closed=5, open=40, latency=240)
    assert any("no movement" in line for line in told)
    assert all(0 <= step <= 180 for step in jaw.done if isinstance(step, float | int))


async def test_who_leaves_changes_nothing() -> None:
    for answers in (["q"], ["", "QUIT"], ["", "+", "q"], ["50", "", "80", "", "++", "q"]):
        jaw = Recorded()
        assert await calibrate(jaw, Answers(*answers, "q"), lambda line: None) is None
        assert jaw.done[-1] == (Limits(), False)


async def test_what_is_no_answer_is_asked_again() -> None:
    answers = Answers("perhaps", "nan", "+++", "", "", "")
    assert await calibrate(Recorded(), answers, lambda line: None) == Limits(90, 80, 80)
    assert answers.asked[1:4] == ["++ + - --, a number, Enter or q:"] * 3


def test_four_words_with_the_jaw_on_them() -> None:
    frames = words()
    assert all(len(pcm) == 1_920 and (level == 255) == any(pcm) for level, pcm in frames)
    assert [at for at in range(1, len(frames)) if frames[at][0] and not frames[at - 1][0]] == [30, 60, 90]


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


@pytest.mark.parametrize("kind", ["pi", "esp32"])
async def test_a_skull_comes_is_calibrated_and_keeps_it(kind: str, tmp_path: Path) -> None:
    port = free_port()
    command = (sys.executable, "-m", "marotte", "skull", "calibrate", "--port", str(port))
    process = await asyncio.create_subprocess_exec(*command, stdin=-1, stdout=-1, stderr=asyncio.subprocess.STDOUT)
    async with skull_program(kind, tmp_path / "skull.json", url=f"ws://127.0.0.1:{port}/ws") as skull:  # pyright: ignore
        out, _ = await asyncio.wait_for(process.communicate(b"70\n\n40\n\n+\n\n"), 60)
        assert process.returncode == 0, out
        assert "Kept: closed 70°, open 40° (it opens downwards), latency 90 ms" in out.decode()

        def kept() -> bool:
            jaw = json.loads(skull.file.read_text()).get("jaw", {})
            return (jaw.get("closed"), jaw.get("open"), jaw.get("latency")) == (70, 40, 90)

        await until(kept, "what was found")
        turned = [angle for angle, _ in skull.angles]
        assert 40 in turned[turned.index(40) + 1 :], "the jaw speaks"


async def test_the_command_without_a_skull() -> None:
    command = (sys.executable, "-m", "marotte", "skull", "calibrate", "--simulate")
    process = await asyncio.create_subprocess_exec(*command, stdin=-1, stdout=-1)
    out, _ = await process.communicate(b"\n\n\n")
    assert process.returncode == 0
    assert "ta   ta   ta   ta" in out.decode()
    process = await asyncio.create_subprocess_exec(*command, stdin=-1, stdout=-1)
    out, _ = await process.communicate(b"")
    assert (process.returncode, "Nothing was changed." in out.decode()) == (1, True)


async def test_a_port_that_is_taken_says_what_to_do() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        with pytest.raises(CalibrationError, match="stop Marotte first, or choose another --port"):
            await calibrate_skull("127.0.0.1", port, None, Answers(), lambda line: None)


@pytest.mark.parametrize("hello", ["{", "7", "{}", '{"jaw": {"closed": "x", "open": 1, "latency": 1}}'])
async def test_what_is_no_skull_is_turned_away_and_a_skull_that_goes_is_told(hello: str) -> None:
    told, port = list[str](), free_port()

    async def ask(question: str) -> str:
        await asyncio.Event().wait()
        return ""

    work = asyncio.create_task(calibrate_skull("127.0.0.1", port, None, ask, told.append))
    await until(lambda: told, "its door")
    async with connect(f"ws://127.0.0.1:{port}/ws", proxy=None) as stranger:
        await stranger.send(hello)
        await stranger.wait_closed()
        assert stranger.close_code == 4400
    async with connect(f"ws://127.0.0.1:{port}/ws", proxy=None) as skull:
        await skull.send(json.dumps({"name": "x", "jaw": {"closed": 90, "open": 60, "latency": 80}}))
        assert json.loads(await skull.recv())["type"] == "welcome"
        await skull.send('{"type":"begin_recording","id":4}')
        await until(lambda: any("x is here" in line for line in told), "its name")
        answers = [json.loads(await skull.recv()) for _ in range(2)]
        assert {"type": "ack", "id": 4, "of": "begin_recording", "go": False, "why": "calibrating"} in answers
    with pytest.raises(CalibrationError, match="x: has gone"):
        await work


async def test_at_home_it_waits_behind_the_authority_s_certificate(tmp_path: Path) -> None:
    host, port, context = door("127.0.0.1", 8765, tmp_path)
    assert (host, port) == ("0.0.0.0", 8766)
    assert context is not None
    assert (tmp_path / "lan" / "authority.key").exists()
    assert door("127.0.0.1", 8765, None) == ("127.0.0.1", 8765, None)
