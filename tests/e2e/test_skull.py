"""The simulated skull, and the page for other boards: pressed, spoken with, cut, blinded, and left without a line."""

import asyncio
import csv
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from playwright.async_api import Browser, Page, expect

from tests.e2e.accessible import violations
from tests.e2e.conftest import Visit
from tests.e2e.relay import relay
from tests.e2e.theatre import theatre
from tests.e2e.visitor import DESK, PHONE, Visitor, enter
from tests.servers.marotte import Marotte
from tests.servers.skull_host import SkullHost, syllables
from tests.waiting import until

pytestmark = pytest.mark.anyio
everywhere = pytest.mark.parametrize("scheme", ["dark", "light"])
sized = pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])
RATE = 48_000
STORY = "Once there was a very small theatre, and nobody had ever found its door. " * 6
BOARD = Path(__file__).parents[2] / "devices/skull/web"
NO_CAMERA = """navigator.mediaDevices.getUserMedia = (ask => wish => wish.video
    ? Promise.reject(new DOMException("none", "NotFoundError"))
    : ask.call(navigator.mediaDevices, wish))(navigator.mediaDevices.getUserMedia);"""


def button(page: Page) -> Any:
    return page.locator("button[data-held]")


@asynccontextmanager
async def held(page: Page) -> AsyncIterator[None]:
    """Hold the button with the mouse."""
    box = await button(page).bounding_box()
    assert box is not None
    await page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    await page.mouse.down()
    yield
    await page.mouse.up()


async def lit(skull: Visitor, light: str) -> None:
    await expect(skull.page.locator("[data-light]")).to_have_attribute("data-light", light)


async def shone(skull: Visitor, light: str, since: int = 0) -> None:
    """Wait until it has shown a light, though it may be past: what is short is not always seen while it lasts."""

    async def seen() -> bool:
        return light in (await skull.watched("lights"))[since:]

    await until(seen, light)


async def tell(program: Marotte, skull: Visitor, text: str = STORY) -> None:
    """Have a text said on the skull's floor, and wait until it sounds."""
    await skull.connected()
    await expect(skull.page.locator("[data-sound]")).to_have_attribute("data-sound", "on")
    wish = {"type": "asked", "verbatim": True, "text": text, "floor": skull.welcome["floor"]}
    assert (await program.post("/api/v1/percepts", wish))[0] == 202
    await until(lambda: skull.sound, "sound")


async def opening(page: Page) -> float:
    """How far the drawn jaw is open, 0 to 1."""
    return float(await page.locator("svg[data-jaw]").get_attribute("data-jaw") or 0)


async def track(page: Page) -> NDArray[np.float64]:
    """What the window kept of the jaw: rows of sample, level, commanded and real angle."""
    async with page.expect_download() as waiting:
        await page.get_by_role("button", name="Save the track").locator("visible=true").click()
    file = await (await waiting.value).path()
    with file.open() as table:
        rows = list(csv.reader(table))
    assert rows[0] == ["sample", "level", "commanded", "real"]
    return np.array(rows[1:], float)


def onsets(places: NDArray[np.float64], open_: NDArray[np.bool_], silence: float = 0.12) -> NDArray[np.float64]:
    """The places, in samples, where something begins after so many seconds of nothing."""
    found, last = [], -np.inf
    for place in places[open_]:
        if place - last > silence * RATE:
            found.append(place)
        last = place
    return np.array(found)


def sounded(skull: Visitor) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """How loud the sound was that came to be played: for each 5 ms its sample, and decibels below full scale."""
    places, loud = [], []
    for header, pcm in skull.sound:
        samples = np.frombuffer(pcm, "<i2").astype(float)
        for at in range(0, len(samples), 240):
            places.append(header["sample"] + at)
            loud.append(10 * np.log10(np.mean(samples[at : at + 240] ** 2) / 32_768**2 + 1e-10))
    return np.array(places, float), np.array(loud)


@pytest.mark.alone
async def test_pressed_it_listens_thinks_and_answers_with_its_jaw(program: Marotte, visit: Visit) -> None:
    skull = await visit(program, "/skull")
    await lit(skull, "idle")
    async with held(skull.page):
        await lit(skull, "listening")
        await until(lambda: len(skull.voice) > 20 and max(skull.voice) > 300, "speech in the microphone")
        await until(lambda: max(skull.voice[-40:]) < 50, "silence after the speech")
    await until(lambda: skull.sound, "an answer")
    await until(lambda: opening(skull.page), "a jaw that moves")
    await lit(skull, "idle")
    shown = [frame["show"] for frame in skull.frames if frame["type"] == "light"]
    assert shown == ["idle", "listening", "thinking", "speaking", "idle"]
    assert await skull.watched("loudest") > 0.03, "the answer sounded"
    assert max(skull.voice) > 300
    floor = skull.welcome["floor"]
    turn = next(row for row in await program.get("/api/v1/turns?limit=20") if row["floor"] == floor)
    assert (turn["state"], turn["lane"], turn["cut"]) == ("done", "spoken", False)
    last = max(header["sample"] + len(pcm) // 2 for header, pcm in skull.sound)

    def played() -> list[int]:
        return [order["sample"] for order in skull.orders if order["type"] == "played"]

    await until(lambda: played()[-1:] == [last], "it reports the end of what it was given")
    assert played() == sorted(played())
    assert skull.complaints == []


@pytest.mark.alone
async def test_the_jaw_keeps_time_with_the_sound(program: Marotte, visit: Visit) -> None:
    skull = await visit(program, "/skull")
    await lit(skull, "idle")
    for _ in range(4):  # a machine that stalls meanwhile draws too late: it is given other chances
        skull.sound.clear()
        shown = len(await skull.watched("lights"))
        await tell(program, skull, "Come in. Sit down. Talk to me. Do not be shy. " * 4)
        await shone(skull, "speaking", shown)
        await lit(skull, "idle")
        places, loud = sounded(skull)
        voiced = onsets(places, loud > -40)
        jaw = await track(skull.page)
        moved = onsets(jaw[:, 0], jaw[:, 3] > 2)
        late = np.array([np.min(np.abs(moved - each), initial=RATE) for each in voiced]) / RATE
        # The first word of a line may come with less sound ahead than the servo is late by.
        if len(voiced) > 8 and np.percentile(late[1:], 95) <= 0.030:
            break
    assert len(voiced) > 8
    assert np.percentile(late[1:], 95) <= 0.030, f"late by {np.sort(late)}"
    assert jaw[:, 3].max() <= 24
    assert jaw[-1, 3] == 0, "shut when nothing sounds"


@pytest.mark.alone
async def test_a_press_cuts_it_and_shuts_the_jaw(program: Marotte, visit: Visit) -> None:
    skull = await visit(program, "/skull")
    await tell(program, skull)
    await until(lambda: opening(skull.page), "a jaw that moves")
    await until(lambda: sum(order["type"] == "played" for order in skull.orders) > 5, "a word is over")
    async with held(skull.page):
        await lit(skull, "listening")
        stopped = await until(lambda: [f for f in skull.frames if f["type"] == "stop"], "a stop")
        await until(lambda: _shut(skull.page), "a shut jaw")
    asked = skull.orders.index(next(o for o in skull.orders if o["type"] == "begin_recording"))
    assert any(order["type"] == "played" for order in skull.orders[asked:]), "it says how far it came"
    rows = [r for r in await program.get("/api/v1/turns?limit=20") if r["id"] == stopped[0]["turn"]]
    assert [(row["state"], row["cut"]) for row in rows] == [("interrupted", True)]
    assert STORY.startswith(rows[0]["heard"])
    assert 0 < len(rows[0]["heard"]) < len(STORY)


def _none(host: SkullHost, id: int) -> bool:
    return any(frame["id"] == id for frame in host.skull.of("no_picture"))


async def _shut(page: Page) -> bool:
    return await opening(page) == 0


@pytest.mark.alone
async def test_it_is_seen_through_while_somebody_speaks(program: Marotte, visit: Visit) -> None:
    skull = await visit(program, "/skull")
    await lit(skull, "idle")

    @asynccontextmanager
    async def pressed() -> AsyncIterator[None]:
        async with held(skull.page):
            yield
            if skull.pictures:
                await expect(skull.page.get_by_label("What the camera sees")).to_be_visible()

    picture = await skull.picture(pressed)
    assert picture[:2] == b"\xff\xd8"
    assert len(picture) <= 200_000
    await expect(skull.page.get_by_text("1 picture taken")).to_be_visible()


@pytest.mark.alone
async def test_who_covers_the_lens_is_not_seen(program: Marotte, visit: Visit) -> None:
    skull = await visit(program, "/skull")
    await skull.connected()
    await skull.page.get_by_role("switch", name="Cover the lens").click()
    await expect(skull.page.get_by_text("The lens is covered: nothing is seen.")).to_be_visible()
    async with held(skull.page):
        refused = await until(lambda: [o for o in skull.orders if o["type"] == "no_picture"], "no picture")
    assert refused[0]["reason"] == "the lens is covered"
    await expect(skull.page.get_by_label("What the camera sees")).to_have_count(0)
    assert skull.pictures == []


@pytest.mark.alone
async def test_without_a_camera_it_says_so_and_converses_all_the_same(program: Marotte, browser: Browser) -> None:
    skull = await enter(browser, f"{program.url}/skull")
    try:
        await skull.page.add_init_script(NO_CAMERA)
        await skull.page.reload()
        await lit(skull, "idle")
        async with held(skull.page):
            refused = await until(lambda: [o for o in skull.orders if o["type"] == "no_picture"], "no picture")
            await until(lambda: len(skull.voice) > 20 and max(skull.voice) > 300, "speech in the microphone")
            await until(lambda: max(skull.voice[-40:]) < 50, "silence after the speech")
        assert refused[0]["reason"] == "there is no camera"
        await expect(skull.page.get_by_text("No camera was found.").first).to_be_visible()
        await until(lambda: skull.sound, "an answer")
    finally:
        await skull.page.context.close()


@pytest.mark.alone
async def test_where_nothing_can_sound_the_program_is_told_and_sends_none(program: Marotte, browser: Browser) -> None:
    skull = await enter(browser, f"{program.url}/skull")
    try:
        await skull.sounding()
        await skull.page.add_init_script("delete globalThis.AudioContext")
        skull.orders.clear()
        await skull.page.reload()
        await lit(skull, "idle")
        await until(lambda: {"type": "sound", "on": False} in skull.orders, "that nothing sounds here")
        skull.sound.clear()
        wish = {"type": "asked", "verbatim": True, "text": "Is anybody there?", "floor": skull.welcome["floor"]}
        assert (await program.post("/api/v1/percepts", wish))[0] == 202
        await shone(skull, "speaking")
        await lit(skull, "idle")
        assert skull.sound == [], skull.orders
    finally:
        await skull.page.context.close()


@pytest.mark.alone
async def test_it_comes_back_to_what_is_being_said(program: Marotte, visit: Visit) -> None:
    async with relay(program.url) as wire:
        skull = await visit(wire.url, "/skull")
        await lit(skull, "idle")
        await tell(program, skull)
        await until(lambda: opening(skull.page), "a jaw that moves")
        floor = skull.welcome["floor"]
        wire.cut()
        await lit(skull, "trouble")
        await until(lambda: _shut(skull.page), "a shut jaw")
        before = len(skull.sound)
        wire.mend()
        await until(lambda: len(skull.sound) > before, "sound again")
        await until(lambda: opening(skull.page), "a jaw that moves again")
        assert skull.welcome["floor"] == floor
        assert {header["turn"] for header, _ in skull.sound[before:]} == {skull.sound[0][0]["turn"]}


# --- faults, by a scripted host


@asynccontextmanager
async def on_stage(browser: Browser, host: SkullHost, **context: Any) -> AsyncIterator[Visitor]:
    """A skull's page whose other side is on a script."""
    async with theatre(host.url) as address:
        skull = await enter(browser, f"{address}/skull", **context)
        try:
            await skull.connected()
            await lit(skull, "idle")
            yield skull
        finally:
            await skull.page.context.close()


@pytest.mark.alone
async def test_an_acknowledgement_that_is_lost_is_asked_for_again(browser: Browser) -> None:
    async with SkullHost() as host, on_stage(browser, host) as skull:
        host.fault("no_ack", 2)
        async with held(skull.page):
            await lit(skull, "listening")
        await lit(skull, "thinking")
        asked = [order["id"] for order in skull.orders if order["type"] == "begin_recording"]
        assert len(asked) == 3
        assert len(set(asked)) == 1
        assert len(host.skull.speech) > 0
        assert host.complaints == []


async def test_nobody_who_answers_the_button_is_trouble(browser: Browser) -> None:
    async with SkullHost() as host, on_stage(browser, host) as skull:
        host.fault("no_ack", 3)
        async with held(skull.page):
            await lit(skull, "trouble")
        await expect(skull.page.get_by_text("Nobody answers the button.")).to_be_visible()
        await expect(button(skull.page)).to_have_attribute("aria-pressed", "false")


async def test_it_may_be_told_not_now_and_be_let_go(browser: Browser) -> None:
    async with SkullHost() as host, on_stage(browser, host) as skull:
        host.fault("not_now")
        async with held(skull.page):
            await expect(skull.page.get_by_text("busy", exact=True)).to_be_visible()
        assert host.skull.speech == b""
        async with held(skull.page):
            await until(lambda: host.skull.speech, "speech")
            await host.let_go()
            await expect(skull.page.get_by_text("The button was held too long")).to_be_visible()
            await expect(button(skull.page)).to_have_attribute("aria-pressed", "false")
        assert host.complaints == []


async def test_of_two_skulls_the_later_counts(browser: Browser) -> None:
    async with SkullHost() as host, on_stage(browser, host) as first, on_stage(browser, host) as second:
        await expect(first.page.get_by_text("Another skull took the place of this one")).to_be_visible()
        assert first.sockets == 1
        await first.page.get_by_role("button", name="Take the place back").click()
        await lit(first, "idle")
        await expect(second.page.get_by_text("Another skull took the place of this one")).to_be_visible()


async def test_what_came_of_a_press_is_read(browser: Browser) -> None:
    async with SkullHost() as host, on_stage(browser, host) as skull:
        await host.say({"type": "outcome", "what": "not_understood", "text": "I did not catch that."})
        await expect(skull.page.get_by_role("status").filter(has_text="I did not catch that.")).to_be_visible()


# --- looks


@everywhere
@sized
async def test_it_fits_and_is_accessible(browser: Browser, results: Path, size: tuple[int, int], scheme: str) -> None:
    name = f"{'desk' if size == DESK else 'phone'}-{scheme}"
    async with SkullHost() as host, on_stage(browser, host, size=size, color_scheme=scheme) as skull:
        page = skull.page
        await expect(page.get_by_role("img", name="The skull")).to_be_visible()
        await page.evaluate("document.fonts.ready.then(() => true)")
        assert await violations(page) == []
        await host.snapshot(1)
        await host.say({"type": "light", "show": "speaking"})
        await host.speak(syllables(3))
        await host.say({"type": "outcome", "what": "silence", "text": "I heard nothing."})
        await page.screenshot(path=results / f"skull-{name}.png")
        assert await violations(page) == [], "while it speaks"
        assert await skull.overflow() == 0
        assert await page.evaluate("document.documentElement.scrollHeight <= innerHeight"), "the page never scrolls"
        if size == PHONE:
            await page.get_by_role("button", name="Workbench").click()
        await page.get_by_label("Open at").locator("visible=true").press("ArrowLeft")
        await expect(page.get_by_text("23 °").locator("visible=true")).to_be_visible()
        await page.get_by_role("switch", name="Cover the lens").locator("visible=true").press("Space")
        assert await violations(page) == [], "the workbench"
        await page.screenshot(path=results / f"skull-{name}-workbench.png")
        assert skull.complaints == []


async def test_the_space_bar_is_the_button(browser: Browser) -> None:
    async with SkullHost() as host, on_stage(browser, host) as skull:
        await skull.page.keyboard.down("Space")
        await lit(skull, "listening")
        await until(lambda: host.skull.speech, "speech")
        await skull.page.keyboard.up("Space")
        await lit(skull, "thinking")
        assert host.complaints == []


# --- the page for other boards


@asynccontextmanager
async def on_a_board(browser: Browser, host: SkullHost, **context: Any) -> AsyncIterator[Visitor]:
    """The static page, connected."""
    async with theatre(host.url, BOARD) as address:
        board = await enter(browser, f"{address}/index.html", **context)
        page = board.page
        try:
            await page.evaluate("globalThis.angles = []; globalThis.setPin = angle => globalThis.angles.push(angle); 0")
            await page.get_by_label("Marotte’s address").fill(address.replace("http", "ws") + "/ws")
            await page.get_by_role("button", name="Connect").click()
            await lit(board, "idle")
            yield board
        finally:
            await page.context.close()


@pytest.mark.alone
async def test_the_page_for_other_boards_converses_and_turns_its_pin(browser: Browser) -> None:
    async with SkullHost(answers=True) as host, on_a_board(browser, host) as board:
        page = board.page
        talk = page.get_by_role("button", name="Hold to talk")
        await talk.hover()
        await page.mouse.down()
        await lit(board, "listening")
        await until(lambda: np.abs(np.frombuffer(host.skull.speech, "<i2")).max(initial=0) > 300, "speech")
        await page.mouse.up()
        await shone(board, "speaking")
        await lit(board, "idle")
        await until(lambda: host.skull.played == host.skull.sent, "all of it is played")
        angles = await page.evaluate("globalThis.angles")
        assert min(angles) == angles[-1] == 90
        assert 105 < max(angles) <= 115
        assert await board.watched("loudest") > 0.03
        for number in range(4, 9):  # a machine that stalls may be too slow for one
            await host.snapshot(number)
            await until(lambda id=number: id in host.skull.pictures or _none(host, id), "an answer")
            if number in host.skull.pictures:
                break
        assert host.skull.pictures
        assert host.complaints == []
        assert board.complaints == []


@pytest.mark.alone
async def test_the_page_for_other_boards_shuts_its_jaw_when_stopped_or_lost(browser: Browser) -> None:
    async with SkullHost() as host, on_a_board(browser, host) as board:
        page = board.page
        await page.get_by_role("heading", name="Skull").click()
        spoken = host.speak(syllables(40))

        async def moving() -> bool:
            return max(await page.evaluate("globalThis.angles"), default=90) > 100

        async def shut() -> bool:
            return (await page.evaluate("globalThis.angles"))[-1] == 90

        speaking = asyncio.create_task(spoken)
        await until(moving, "a jaw that moves")
        shown = len(await board.watched("lights"))
        await host.drop()
        await shone(board, "trouble", shown)
        await until(shut, "a shut jaw")
        await lit(board, "idle")
        speaking.cancel()
        assert len({skull.hello["partner"] for skull in host.skulls}) == 1
        assert host.complaints == []


@everywhere
async def test_the_page_for_other_boards_is_accessible(browser: Browser, results: Path, scheme: str) -> None:
    async with SkullHost() as host, theatre(host.url, BOARD) as address:
        board = await enter(browser, f"{address}/index.html", size=PHONE, color_scheme=scheme)
        try:
            assert await violations(board.page) == []
            assert await board.overflow() == 0
            await board.page.screenshot(path=results / f"skull-board-{scheme}.png")
            assert board.complaints == []
        finally:
            await board.page.context.close()
