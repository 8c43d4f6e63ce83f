"""Keys that are held while speaking, with a stand-in for pynput whose keys the test moves."""

import asyncio
import sys
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any

import pytest

from marotte.links.hotkey import Hotkey, HotkeyError, _pynput, parse

pytestmark = pytest.mark.anyio


class FakeListener:
    """What of ``pynput.keyboard.Listener`` is used."""

    made: "list[FakeListener]" = []

    def __init__(self, on_press: Any, on_release: Any) -> None:
        self.on_press, self.on_release = on_press, on_release
        self.fails: Exception | None = None
        self._over = threading.Event()
        FakeListener.made.append(self)

    def start(self) -> None:
        pass

    def wait(self) -> None:
        pass

    def stop(self) -> None:
        self._over.set()

    def join(self) -> None:
        self._over.wait(10)
        if self.fails:
            raise self.fails

    def canonical(self, key: str) -> str:
        return key.removesuffix("_l").removesuffix("_r").lower()


class Distrusted(FakeListener):
    IS_TRUSTED = False


class FakeHotKey:
    KNOWN = ("ctrl", "alt", "space", "f9")

    @staticmethod
    def parse(keys: str) -> list[str]:
        parts = keys.split("+")
        if not all(part[1:-1] in FakeHotKey.KNOWN if part.startswith("<") else len(part) == 1 for part in parts):
            raise ValueError(keys)
        return [part.strip("<>") for part in parts]


KEYBOARD = SimpleNamespace(Listener=FakeListener, HotKey=FakeHotKey)


@asynccontextmanager
async def watched(keys: str = "<ctrl>+<alt>+<space>") -> AsyncIterator[tuple[FakeListener, list[str], Any]]:
    told: list[str] = []
    hotkey = Hotkey(keys, lambda: told.append("press"), lambda: told.append("release"), KEYBOARD)
    running = asyncio.create_task(hotkey.run())
    FakeListener.made.clear()
    while not FakeListener.made:
        await asyncio.sleep(0)
    try:
        yield FakeListener.made[0], told, running
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def test_it_is_down_while_all_its_keys_are_whatever_their_order_and_side() -> None:
    async with watched() as (listener, told, _):
        for key in ("alt_l", "ctrl_r", "x", "space"):
            listener.on_press(key)
        await asyncio.sleep(0)
        assert told == ["press"]
        for _ in range(5):
            listener.on_press("space")  # the keyboard repeats what is held
        listener.on_release("x")
        await asyncio.sleep(0)
        assert told == ["press"]
        listener.on_release("alt_l")
        listener.on_release("space")
        await asyncio.sleep(0)
        assert told == ["press", "release"]


async def test_what_is_held_comes_up_when_the_watch_ends() -> None:
    async with watched("f9") as (listener, told, _):
        listener.on_press("f9")
        await asyncio.sleep(0)
    assert told == ["press", "release"]
    assert listener._over.is_set()


async def test_a_desktop_that_fails_is_told() -> None:
    async with watched() as (listener, _, running):
        listener.fails = OSError("connection to the X server lost")
        listener.stop()
        with pytest.raises(HotkeyError, match=r"device\.hotkey: connection to the X server lost"):
            await running


async def test_macos_must_trust_it() -> None:
    hotkey = Hotkey("f9", list, list, SimpleNamespace(Listener=Distrusted, HotKey=FakeHotKey))
    with pytest.raises(HotkeyError, match="Accessibility"):
        await hotkey.run()


def test_names_of_keys_need_no_brackets_and_unknown_ones_are_told() -> None:
    assert parse("Ctrl + <alt>+space", KEYBOARD) == {"ctrl", "alt", "space"}
    assert parse("<ctrl>+a", KEYBOARD) == {"ctrl", "a"}
    for keys in ("<ctrl>+<spcae>", "a++b", "+"):
        with pytest.raises(HotkeyError, match=r"is no combination of keys: write for example <ctrl>\+<alt>\+<space>"):
            parse(keys, KEYBOARD)


@pytest.mark.parametrize(
    ("environment", "modules", "reason"),
    [
        ({"XDG_SESSION_TYPE": "wayland"}, {}, "Wayland"),
        ({"WAYLAND_DISPLAY": "wayland-0"}, {}, "Wayland"),
        ({}, {"pynput": None}, r"pip install 'marotte\[hotkey\]'"),
    ],
)
def test_where_it_cannot_be_the_reason_is_told(
    environment: dict[str, str], modules: dict[str, Any], reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("XDG_SESSION_TYPE", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(sys, "platform", "linux")
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    for name, module in modules.items():
        monkeypatch.setitem(sys.modules, name, module)
    with pytest.raises(HotkeyError, match=reason):
        _pynput()
