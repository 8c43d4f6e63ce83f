"""Push to talk: keys that are held while speaking, whatever window is in front (extra ``hotkey``).

pynput sees the keys of Windows, macOS and X; see https://pynput.readthedocs.io. Wayland lets no program see what is
typed into another, and macOS only one that is trusted with it.
"""

import asyncio
import os
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any


class HotkeyError(Exception):
    """The keys cannot be watched here; the message says why and what to do."""


class Hotkey:
    """Tells when a combination of keys goes down, and when it comes up."""

    def __init__(self, keys: str, press: Callable[[], None], release: Callable[[], None], keyboard: Any = None) -> None:
        """``keys`` are joined by ``+``, as in ``<ctrl>+<alt>+<space>``; ``press`` and ``release`` run on the loop.

        ``keyboard`` is the module ``pynput.keyboard`` or what stands in for it; it is imported when it is needed.
        """
        self._keys = keys
        self._press = press
        self._release = release
        self._keyboard = keyboard
        self._down = False

    async def run(self) -> None:
        """Watch the keys until cancelled. Raises HotkeyError where they do not exist or nobody may watch them."""
        keyboard = self._keyboard or await asyncio.to_thread(_pynput)
        wanted, held = parse(self._keys, keyboard), set[Any]()
        loop = asyncio.get_running_loop()
        gone: asyncio.Future[str] = loop.create_future()

        def tell(work: Callable[..., object], *given: object) -> None:
            with suppress(RuntimeError):  # the loop has ended first
                loop.call_soon_threadsafe(work, *given)

        def pressed(key: Any) -> None:
            held.add(listener.canonical(key))  # again and again while it is held
            tell(self._follow, wanted <= held)

        def released(key: Any) -> None:
            held.discard(listener.canonical(key))
            tell(self._follow, wanted <= held)

        def watch() -> None:
            reason = "the desktop has stopped telling of keys"
            try:
                listener.start()
                listener.wait()
                if not getattr(listener, "IS_TRUSTED", True):
                    reason = "macOS wants it allowed in System Settings, Privacy & Security, Accessibility"
                    listener.stop()
                listener.join()
            except Exception as error:  # every desktop's library has errors of its own
                reason = str(error) or type(error).__name__
            tell(lambda: gone.done() or gone.set_result(reason))

        listener = keyboard.Listener(on_press=pressed, on_release=released)
        threading.Thread(target=watch, name="hotkey", daemon=True).start()
        try:
            raise HotkeyError(f"device.hotkey: {await gone}")
        finally:
            with suppress(Exception):  # the desktop may be gone
                listener.stop()
            self._follow(False)

    def _follow(self, down: bool) -> None:
        if down != self._down:
            self._down = down
            (self._press if down else self._release)()


def parse(keys: str, keyboard: Any) -> frozenset[Any]:
    """Return the keys that a combination names. Raises HotkeyError for a name that there is none of."""
    parts = [part.strip() for part in keys.lower().split("+")]
    named = "+".join(part if len(part) <= 1 or part.startswith("<") else f"<{part}>" for part in parts)
    try:
        return frozenset(keyboard.HotKey.parse(named))
    except ValueError:
        example = "write for example <ctrl>+<alt>+<space>"
        raise HotkeyError(f"device.hotkey: {keys!r} is no combination of keys: {example}") from None


def _pynput() -> Any:
    if sys.platform == "linux" and (os.environ.get("XDG_SESSION_TYPE") == "wayland" or "WAYLAND_DISPLAY" in os.environ):
        raise HotkeyError(
            "device.hotkey: this desktop runs on Wayland, where no program sees keys typed elsewhere:"
            " log in to an X session, or use the button of the talk window"
        )
    try:
        from pynput import keyboard  # pyright: ignore[reportMissingModuleSource]
    except ModuleNotFoundError:
        raise HotkeyError("device.hotkey: pynput is not installed: pip install 'marotte[hotkey]'") from None
    except ImportError:
        raise HotkeyError("device.hotkey: there is no desktop here whose keys could be watched") from None
    return keyboard
