"""A skull's connection, as a board speaks it: press, light, answer with its jaw, pictures, and what goes wrong."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soxr

from marotte.engines.kinds import Kit
from marotte.events import Line
from marotte.voice.voices.espeak import EspeakSettings, EspeakVoice
from tests.servers.marotte import TOKEN, Marotte, Window, marotte
from tests.waiting import until

pytestmark = pytest.mark.anyio
SHOW = "[attention]\nlull_after = 0\npause = 0\n[brain]\ndiscover = false\n[hearing]\nlongest = 4\n"
CAN = ["button", "microphone", "loudspeaker", "camera", "light", "jaw"]
SECRET = "a secret that the skull keeps"
RATE, FRAME = 48_000, 960
STORY = " ".join(f"Number {n} of this long story." for n in range(1, 40))
"""Longer than any machine stalls: whoever comes late to it still hears some."""
JPEG = (Path(__file__).parents[1] / "data" / "astronaut.jpg").read_bytes()


@pytest.fixture(scope="module")
def anyio_backend() -> tuple[str, dict[str, object]]:
    return "asyncio", {}


@pytest.fixture(scope="module")
async def program(tmp_path_factory: pytest.TempPathFactory, anyio_backend: object) -> AsyncIterator[Marotte]:
    async with marotte(tmp_path_factory.mktemp("skull"), SHOW) as running:
        yield running


@pytest.fixture(scope="module")
async def question(anyio_backend: object) -> bytes:
    """A question that the embedded ear knows."""
    voice = EspeakVoice(EspeakSettings(), Kit())
    sounds = [sound async for sound in voice.speak(Line(shown="tell me a joke", spoken="tell me a joke"))]
    await voice.close()
    samples = np.frombuffer(b"".join(sound.pcm for sound in sounds), "<i2").astype(float)
    return soxr.resample(samples, sounds[0].rate, 16_000).astype("<i2").tobytes()


def skull(program: Marotte, name: str, **more: Any) -> Any:
    return program.window("skull", **{"name": name, "partner": f"{SECRET} {name}", "can": CAN, **more})


async def speak(window: Window, pcm: bytes) -> None:
    """Speak into its microphone, as fast as one speaks."""
    for at in range(0, len(pcm), 3_200):
        await window.socket.send_bytes(b'{"type":"microphone"}\n' + pcm[at : at + 3_200])
        await asyncio.sleep(0.1)


async def press(window: Window, number: int, what: str = "begin") -> dict[str, Any]:
    await window.send(type=f"{what}_recording", id=number)
    while (frame := await window.until("ack", "snapshot"))["type"] == "snapshot":
        await show(window, frame)
    return frame


async def show(window: Window, asked: dict[str, Any], picture: bytes = JPEG) -> None:
    await window.socket.send_bytes(json.dumps({"type": "picture", "id": asked["id"]}).encode() + b"\n" + picture)


async def heard(window: Window) -> list[tuple[dict[str, Any], bytes]]:
    """Take an answer and play it, as a board does, until the light is out again: return its sound."""
    while (frame := await window.frame()) is not None:
        if frame["type"] == "sound":
            await window.send(type="played", sample=frame["sample"] + FRAME)
        elif frame["type"] == "snapshot":
            await show(window, frame)
        elif frame == {"type": "light", "show": "idle"} and window.sound:
            return window.sound
    raise AssertionError("it ended")


async def seen(control: Window, window: Window) -> dict[str, Any]:
    """What was seen through a skull's camera; where a machine that stalled took too long, it is asked again."""
    seeing = asyncio.create_task(control.event("seen"))
    for number in range(100, 110, 2):
        await asyncio.wait([seeing], timeout=10)
        if seeing.done():
            return await seeing
        await press(window, number)
        await press(window, number + 1, "stop")
    return await seeing


async def test_press_speak_and_be_answered_with_a_moving_jaw(program: Marotte, question: bytes) -> None:
    async with program.window("control", token=TOKEN) as control, skull(program, "mantelpiece") as window:
        assert window.welcome["jaw"] == {"every": FRAME, "most": 255}
        assert window.welcome["floor"].startswith("talk-")
        ack = await press(window, 7)
        assert ack == {"type": "ack", "id": 7, "of": "begin_recording", "go": True}
        await show(window, await window.until("snapshot"))
        await speak(window, question)
        assert (await press(window, 8, "stop"))["of"] == "stop_recording"
        sound = await heard(window)
        assert window.lights[:2] == ["idle", "listening"]
        assert window.lights[-2:] == ["speaking", "idle"]
        assert "thinking" in window.lights
        levels = np.array([header["jaw"] for header, _ in sound])
        loud = np.array([np.abs(np.frombuffer(pcm, "<i2").astype(float)).mean() for _, pcm in sound])
        assert all(len(pcm) <= 2 * FRAME for _, pcm in sound)
        assert levels.max() > 150
        long_quiet = np.convolve(loud < 20, np.ones(4), "full")[: len(loud)] == 4
        assert levels[long_quiet].max(initial=0) == 0, "it does not twitch in silence"
        assert np.corrcoef(levels, loud)[0, 1] > 0.7
        told = await seen(control, window)
        assert told["camera"] == "the camera of mantelpiece"
        assert told["text"]


async def test_a_frame_that_comes_again_does_nothing_more(program: Marotte) -> None:
    async with skull(program, "twice") as window:
        first = await press(window, 1)
        assert await press(window, 1) == first
        assert (await press(window, 2, "stop"))["go"]
        assert (await press(window, 2, "stop"))["go"]
        await window.send(type="begin_recording", id="seven")
        assert "id: must be a number" in (await window.until("error"))["message"]


@pytest.mark.parametrize(("hiss", "outcome"), [(0, "silence"), (900, "not_understood")])
async def test_a_press_from_which_nothing_comes_is_told_aloud_and_in_writing(
    program: Marotte, hiss: int, outcome: str
) -> None:
    rng = np.random.default_rng(3)
    async with skull(program, f"quiet {hiss}", can=["button", "microphone", "loudspeaker", "light"]) as window:
        await press(window, 1)
        if hiss:
            await speak(window, rng.normal(0, hiss, 16_000).astype("<i2").tobytes())
        await press(window, 2, "stop")
        told = await window.until("outcome")
        assert told["what"] in ((outcome,) if not hiss else ("silence", "not_understood"))
        assert told["text"]
        assert await heard(window)


async def test_a_button_that_is_held_for_ever_is_let_go(program: Marotte, question: bytes) -> None:
    async with skull(program, "stuck", can=["button", "microphone", "light"]) as window:
        await press(window, 1)
        speaking = asyncio.create_task(speak(window, question * 5))
        held = await window.until("ack")
        assert held == {"type": "ack", "id": 0, "of": "stop_recording", "go": False, "why": "held"}
        speaking.cancel()


async def test_a_second_press_cuts_what_it_says(program: Marotte) -> None:
    async with skull(program, "cut", can=["button", "microphone", "loudspeaker", "light"]) as window:
        floor = window.welcome["floor"]
        await program.post("/api/v1/percepts", {"type": "asked", "text": STORY, "verbatim": True, "floor": floor})
        await window.until("sound")
        await window.send(type="begin_recording", id=1)
        stop = await window.until("stop")
        assert stop["sample"] > 0
        await window.send(type="played", sample=stop["sample"])
        await press(window, 2, "stop")


async def test_of_two_skulls_of_one_name_the_later_counts(program: Marotte) -> None:
    async with skull(program, "double") as first:
        async with skull(program, "double") as second:
            assert second.welcome["floor"] == first.welcome["floor"]
            told = await first.until("error")
            assert told["code"] == "replaced"
            assert await first.closed() == 4409
            assert (await press(second, 1))["go"]


async def test_one_that_cannot_see_says_so_and_is_answered_all_the_same(program: Marotte, question: bytes) -> None:
    async with skull(program, "blind") as window:
        await press(window, 1)
        asked = await window.until("snapshot")
        await window.send(type="no_picture", id=asked["id"], reason="the lens is covered")
        await speak(window, question)
        await press(window, 2, "stop")
        assert await heard(window)


async def test_what_is_no_picture_harms_nobody(program: Marotte) -> None:
    def refused() -> int:
        return program.log.read_text("utf-8").count("nothing was seen: ")

    async with skull(program, "liar") as window:
        for number, lie in enumerate((b"no picture at all", b"", JPEG[:500]), 1):
            before = refused()
            await press(window, 2 * number)
            await show(window, await window.until("snapshot"), lie)
            await press(window, 2 * number + 1, "stop")
            await window.until("outcome")
            # Nobody is asked for another picture while one is still being read.
            await until(lambda before=before: refused() > before, "that nothing was seen")
        await window.socket.send_bytes(b'{"type":"picture","id":999}\n' + JPEG)
        await window.send(type="ping", t=1)
        assert (await window.until("pong"))["t"] == 1


async def test_it_comes_back_in_mid_speech_and_what_is_said_goes_on(program: Marotte) -> None:
    async with skull(program, "lost") as window:
        floor = window.welcome["floor"]
        await program.post("/api/v1/percepts", {"type": "asked", "text": STORY, "verbatim": True, "floor": floor})
        before = await window.until("sound")
    async with skull(program, "lost") as window:
        assert window.welcome["floor"] == floor
        assert (await window.until("light"))["show"] == "speaking"
        after = await window.until("sound")
        assert after["turn"] == before["turn"]
        assert after["sample"] > before["sample"]
        assert (await program.post(f"/api/v1/floors/{floor}/stop"))[0] < 300


async def test_a_guests_skull_on_the_public_floor_shows_the_character_nothing(program: Marotte) -> None:
    async with skull(program, "stranger", floor="public") as window:
        assert window.welcome["floor"] == "public"
        async with program.window("talk", floor="public", token=TOKEN) as host:
            await host.send(type="press")
            await host.send(type="release")
            await host.event("onset")
        # Whatever would have been asked of its camera comes before the answer to this.
        await window.send(type="ping", t=1)
        assert (await window.until("snapshot", "pong"))["type"] == "pong"
        assert not (await press(window, 1))["go"]


async def test_who_starts_a_skulls_show_is_told_where_its_window_is(program: Marotte, tmp_path: Path) -> None:
    async with marotte(tmp_path, f'{SHOW}[character]\nname = "Bones"\ndrawing = "skull"\n') as crypt:
        await until(lambda: "Stop with Ctrl-C" in crypt.output(), "a greeting")
        assert f"skull    {crypt.url}/skull\n" in crypt.output()
    assert "/skull\n" not in program.output()


async def test_a_page_whose_browser_plays_nothing_yet_is_sent_no_sound(program: Marotte) -> None:
    async with skull(program, "unclicked") as window:
        floor = window.welcome["floor"]
        wish = {"type": "asked", "text": STORY, "verbatim": True, "floor": floor}
        await window.send(type="sound", on=False)
        await window.send(type="ping", t=1)
        await window.until("pong")
        await program.post("/api/v1/percepts", wish)
        while (await window.until("light"))["show"] != "speaking":
            pass
        assert window.sound == []
        await window.send(type="sound", on=True)
        await window.until("sound")
        assert (await program.post(f"/api/v1/floors/{floor}/stop"))[0] < 300
