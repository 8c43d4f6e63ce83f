"""The talk window's camera: off unless the partner says so, seen by everybody while it is on."""

import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from playwright.async_api import expect

from tests.e2e.accessible import violations
from tests.e2e.conftest import Visit
from tests.e2e.relay import relay
from tests.e2e.visitor import DESK, PHONE, SHOW, Visitor
from tests.servers.marotte import Marotte, marotte
from tests.waiting import until

pytestmark = pytest.mark.anyio
REFUSED = """navigator.mediaDevices.getUserMedia = wish => Promise.reject(
    new DOMException("no", wish.video ? "NotAllowedError" : "NotFoundError"))"""
SCREEN = """navigator.mediaDevices.getDisplayMedia = async () => {
    const canvas = Object.assign(document.createElement("canvas"), {width: 2000, height: 1000});
    const pen = canvas.getContext("2d");
    setInterval(() => {
        pen.fillStyle = `hsl(${performance.now() / 10} 80% 50%)`;
        pen.fillRect(0, 0, 2000, 1000);
    }, 50);
    globalThis.screen_ = canvas.captureStream(10);
    return globalThis.screen_;
}"""
"""A screen of a size that is too large to be sent."""
ROOM = """{
    const canvas = Object.assign(document.createElement("canvas"), {width: 640, height: 480});
    const pen = canvas.getContext("2d");
    globalThis.shown = ["#707070", 0];
    setInterval(() => {
        pen.fillStyle = "#707070";
        pen.fillRect(0, 0, 640, 480);
        pen.fillStyle = shown[0];
        pen.fillRect(0, 0, shown[1], 480);
    }, 50);
    const ask = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
    navigator.mediaDevices.getUserMedia = async wish => wish.video ? canvas.captureStream(10) : ask(wish);
}"""
"""A camera before a grey wall, until ``shown`` puts something of a colour and a width before it."""
WATCHING = f"{SHOW}[sight]\nwatch = 0.5\nremark_every = 600\n"


async def choose(talk: Visitor, what: str) -> None:
    """Choose in the settings what it may see."""
    page = talk.page
    await page.get_by_role("button", name="Settings").click()
    await page.get_by_role("combobox", name="Let it see").click()
    await page.get_by_role("option", name=what).click()


async def close(talk: Visitor) -> None:
    await talk.page.keyboard.press("Escape")
    await expect(talk.page.get_by_role("dialog", name="Settings")).to_have_count(0)


def told(talk: Visitor) -> list[bool]:
    """What the program was told of the camera."""
    return [order["on"] for order in talk.orders if order["type"] == "camera"]


def size(jpeg: bytes) -> tuple[int, int]:
    """The width and height of a JPEG."""
    at = 2
    while True:
        marker, length = struct.unpack(">HH", jpeg[at : at + 4])
        if 0xFFC0 <= marker <= 0xFFC2:
            height, width = struct.unpack(">HH", jpeg[at + 5 : at + 9])
            return width, height
        at += 2 + length


@asynccontextmanager
async def spoken_to(talk: Visitor) -> AsyncIterator[None]:
    """Hold the button until something was said, then wait for what comes of it."""
    talk.voice.clear()
    button = talk.page.locator("button[data-held]")
    box = await button.bounding_box()
    assert box is not None
    await talk.page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    await talk.page.mouse.down()
    await until(lambda: len(talk.voice) > 20 and max(talk.voice) > 300, "speech in the microphone")
    await until(lambda: max(talk.voice[-40:]) < 50, "silence after the speech")
    await talk.page.mouse.up()
    yield


@pytest.mark.alone
async def test_it_sees_nothing_unless_it_is_let_and_then_everybody_sees_that(program: Marotte, visit: Visit) -> None:
    talk = await visit(program, "/talk")
    await talk.connected()
    assert told(talk) == []
    await choose(talk, "My camera")
    await expect(talk.page.get_by_role("dialog").get_by_label("What it can see now")).to_be_visible()
    await close(talk)
    sign = talk.page.get_by_role("region", name="What it can see now")
    await expect(sign.get_by_text("Pip can see you")).to_be_visible()
    await until(lambda: told(talk) == [True], "that it may see")
    picture = await talk.picture(lambda: spoken_to(talk))
    assert picture[:2] == b"\xff\xd8"
    assert len(picture) <= 200_000
    await sign.get_by_role("button", name="Hide it again").click()
    await expect(sign).to_have_count(0)
    assert told(talk) == [True, False]
    assert talk.complaints == []


@pytest.mark.alone
async def test_a_screen_is_seen_small_enough_and_until_the_browser_ends_it(program: Marotte, visit: Visit) -> None:
    talk = await visit(program, "/talk")
    await talk.connected()
    await talk.page.evaluate(SCREEN + "; 0")
    await choose(talk, "My screen")
    await close(talk)
    await expect(talk.page.get_by_text("Pip can see your screen")).to_be_visible()
    picture = await talk.picture(lambda: spoken_to(talk))
    assert size(picture) == (1280, 640)
    # The browser has a button of its own that ends it.
    await talk.page.evaluate("screen_.getTracks().forEach(each => each.dispatchEvent(new Event('ended')))")
    await until(lambda: told(talk) == [True, False], "that it sees no more")
    await expect(talk.page.get_by_text("Pip can see your screen")).to_have_count(0)


async def test_a_camera_that_is_not_allowed_is_said_so(program: Marotte, visit: Visit) -> None:
    talk = await visit(program, "/talk")
    await talk.connected()
    await talk.page.evaluate(REFUSED + "; 0")
    await choose(talk, "My camera")
    await expect(talk.page.get_by_text("It is not allowed.")).to_be_visible()
    await expect(talk.page.get_by_role("combobox", name="Let it see")).to_contain_text("Nothing")
    assert told(talk) == []


async def test_a_connection_that_came_back_knows_that_it_may_see(program: Marotte, visit: Visit) -> None:
    async with relay(program.url) as wire:
        talk = await visit(wire.url, "/talk")
        await talk.connected()
        await choose(talk, "My camera")
        await until(lambda: told(talk) == [True], "that it may see")
        sockets = talk.sockets
        wire.cut()
        wire.mend()
        await until(lambda: talk.sockets > sockets and told(talk) == [True, True], "that it may still see")


@pytest.mark.alone
async def test_when_it_is_quiet_it_remarks_on_what_has_changed_and_not_again(tmp_path: Path, visit: Visit) -> None:
    async with marotte(tmp_path, WATCHING) as program:
        talk = await visit(program, "/talk")
        await talk.connected()
        await talk.page.evaluate(ROOM + "; 0")
        await choose(talk, "My camera")
        await close(talk)
        await until(lambda: len(talk.pictures) >= 3, "some looks at an empty room")
        assert talk.events("turn_started") == [], "nothing has changed"
        await talk.page.evaluate("shown = ['#d02020', 400]")
        turn = await talk.event("turn_started", lane="sight")
        assert "red" in turn["text"]
        line = await talk.event("line_started", turn=turn["turn"])
        assert line["shown"]
        await talk.event("turn_ended", turn=turn["turn"])
        looked = len(talk.pictures)
        await talk.page.evaluate("shown = ['#2020d0', 600]")
        await until(lambda: len(talk.pictures) >= looked + 4, "it still looks")
        assert len(talk.events("turn_started")) == 1, "so soon it says nothing more"
        assert talk.complaints == []


@pytest.mark.parametrize("scheme", ["dark", "light"])
@pytest.mark.parametrize("window", [DESK, PHONE], ids=["desk", "phone"])
async def test_the_sign_is_accessible_and_fits(
    program: Marotte, visit: Visit, results: Path, window: tuple[int, int], scheme: str
) -> None:
    talk = await visit(program, "/talk", size=window, color_scheme=scheme)
    await talk.connected()
    await choose(talk, "My camera")
    await expect(talk.page.get_by_role("dialog").get_by_label("What it can see now")).to_be_visible()
    assert await violations(talk.page) == [], "the settings"
    await close(talk)
    await expect(talk.page.get_by_text("Pip can see you")).to_be_visible()
    # A button that has the focus or is pointed at shows its name.
    await talk.page.mouse.move(1, window[1] // 3)
    await talk.page.evaluate("document.activeElement.blur()")
    await expect(talk.page.get_by_role("tooltip", include_hidden=True)).to_have_count(0)
    assert await violations(talk.page) == []
    assert await talk.overflow() == 0
    await talk.page.screenshot(path=results / f"talk-seen-{'desk' if window == DESK else 'phone'}-{scheme}.png")
