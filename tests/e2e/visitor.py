"""A visitor: somebody with a real browser in front of one window of the program."""

import json
import os
import re
import shutil
import subprocess
import wave
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import numpy as np
import soxr
from playwright.async_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Locator,
    Page,
    Request,
    Response,
    WebSocket,
    async_playwright,
    expect,
)

from tests.waiting import PATIENCE, until

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or "/usr/bin/chromium"
WATCH = (Path(__file__).parent / "watch.js").read_text("utf-8")
CONVERSATION = re.compile("^(Conversation|Conversación|对话|会話)$")
DESK = (1280, 720)
PHONE = (390, 844)
SHOW = """
seed = 7
[character]
name = "Pip"
never = ["custard"]
[attention]
lull_after = 0
[moderation]
release_within = 120
[brain]
discover = false
"""
"""A show that is quiet unless it is spoken to."""
MICROPHONE = "--use-fake-ui-for-media-stream"
_ARGUMENTS = (
    "--use-fake-device-for-media-stream",
    "--autoplay-policy=no-user-gesture-required",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)

expect.set_options(timeout=PATIENCE * 1_000)


def spoken(text: str, file: Path, before: float = 1.0, after: float = 4.0) -> Path:
    """Write a WAV of ``text`` as flite says it: 48 kHz mono, with so many seconds of silence around it."""
    subprocess.run(["flite", "-voice", "slt", "-t", text, "-o", str(file)], check=True)
    with wave.open(str(file)) as bare:
        pcm, rate = np.frombuffer(bare.readframes(bare.getnframes()), "<i2"), bare.getframerate()
    sound = np.asarray(soxr.resample(pcm, rate, 48_000), "<i2")
    with wave.open(str(file), "wb") as padded:
        padded.setnchannels(1)
        padded.setsampwidth(2)
        padded.setframerate(48_000)
        padded.writeframes(np.pad(sound, (round(before * 48_000), round(after * 48_000))).tobytes())
    return file


@asynccontextmanager
async def chromium(*more: str) -> AsyncIterator[Browser]:
    """Start the browser; ``more`` are arguments of its command line."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=[*_ARGUMENTS, *more])
        try:
            yield browser
        finally:
            await browser.close()


class Visitor:
    """A page of a window with what passes over its socket, what it complains about, and what it sounds like."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.frames: list[dict[str, Any]] = []
        """Text frames that came from the program."""
        self.orders: list[dict[str, Any]] = []
        """Text frames that went to the program."""
        self.voice: list[float] = []
        """How loud each frame of the microphone was that left for the program."""
        self.pictures: list[bytes] = []
        """What its camera took."""
        self.sound: list[tuple[dict[str, Any], bytes]] = []
        """What came to be played: each frame's header and its sound."""
        self.sockets = 0
        self.complaints: list[str] = []
        page.on("websocket", self._socket)
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.complaints.append(f"script: {error}"))
        page.on("requestfailed", self._failed)
        page.on("response", self._answered)

    @property
    def welcome(self) -> dict[str, Any]:
        return next((frame for frame in reversed(self.frames) if frame["type"] == "welcome"), {})

    def events(self, *kinds: str) -> list[dict[str, Any]]:
        """What happened so far, of these kinds."""
        return [f["event"] for f in self.frames if f["type"] == "event" and f["event"]["type"] in kinds]

    async def event(self, kind: str, **fields: Any) -> dict[str, Any]:
        """Wait for an event of a kind with these fields."""
        return await until(
            lambda: next((e for e in self.events(kind) if fields.items() <= e.items()), None), f"{kind} {fields or ''}"
        )

    async def connected(self) -> None:
        await until(lambda: self.welcome, "a welcome")

    async def sounding(self) -> None:
        """Wait until the window has told the program that it plays its sound."""
        await until(lambda: {"type": "sound", "on": True} in self.orders, "sound in the window")

    async def watched(self, key: str) -> Any:
        """Read what watch.js keeps."""
        return await self.page.evaluate("key => globalThis.watched[key]", key)

    async def picture(self, asking: Callable[[], AbstractAsyncContextManager[Any]]) -> bytes:
        """Return the first picture that was sent while ``asking`` for one; where it was too slow, it is asked again."""
        for _ in range(5):
            refusals = self._too_slow()
            async with asking():
                await until(lambda before=refusals: self.pictures or self._too_slow() > before, "a picture")
            if self.pictures:
                return self.pictures[0]
        raise AssertionError(f"no picture: {self.orders}")

    def _too_slow(self) -> int:
        return sum(order["type"] == "no_picture" and "too slow" in order["reason"] for order in self.orders)

    async def sounds(self) -> bool:
        """Whether sound leaves the window now."""
        return max((await self.watched("energies"))[-3:], default=0) > 0.01

    def card(self, title: str) -> Locator:
        """A part of the control window by its heading."""
        return self.page.get_by_role("region", name=title, exact=True)

    @property
    def conversation(self) -> Locator:
        return self.page.get_by_role("list", name=CONVERSATION).locator("visible=true")

    async def write(self, text: str, placeholder: str = "Or type here…") -> None:
        """Type and send."""
        field = self.page.get_by_label(placeholder, exact=True).locator("visible=true")
        await field.fill(text)
        await field.press("Enter")

    async def overflow(self) -> int:
        """How many pixels the page is wider than its window."""
        return await self.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")

    def _socket(self, socket: WebSocket) -> None:
        self.sockets += 1
        socket.on("framereceived", self._received)
        socket.on("framesent", self._sent)

    def _received(self, payload: str | bytes) -> None:
        if isinstance(payload, str):
            self.frames.append(json.loads(payload))
        else:
            header, _, pcm = payload.partition(b"\n")
            self.sound.append((json.loads(header), pcm))

    def _sent(self, payload: str | bytes) -> None:
        if isinstance(payload, str):
            self.orders.append(json.loads(payload))
            return
        header, _, data = payload.partition(b"\n")
        if json.loads(header)["type"] == "picture":
            self.pictures.append(data)
        else:
            pcm = np.frombuffer(data, "<i2").astype(float)
            self.voice.append(float(np.sqrt(np.mean(pcm**2))) if len(pcm) else 0.0)

    def _console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(f"{message.type}: {message.text}")

    def _failed(self, request: Request) -> None:
        if request.failure == "net::ERR_ABORTED":  # the page was left while it asked
            return
        self.complaints.append(f"failed: {request.method} {request.url} {request.failure}")

    def _answered(self, response: Response) -> None:
        if response.status >= 400:
            self.complaints.append(f"{response.status}: {response.request.method} {response.url}")


async def enter(
    browser: Browser, address: str, *, size: tuple[int, int] = DESK, token: str = "", **context: Any
) -> Visitor:
    """Open a window in a browser context of its own; ``context`` are Playwright's options for it."""
    room: BrowserContext = await browser.new_context(viewport={"width": size[0], "height": size[1]}, **context)
    await room.add_init_script(WATCH)
    visitor = Visitor(await room.new_page())
    await visitor.page.goto(f"{address}#token={token}" if token else address)
    return visitor
