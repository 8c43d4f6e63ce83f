"""A show that speaks and listens through this machine, with stand-ins for PortAudio and for the keyboard."""

import asyncio
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from marotte import config
from marotte.engines.kinds import EngineSettings, Heard
from marotte.engines.registry import Built
from marotte.events import PUBLIC, Event, Onset, SpeechEnd, Utterance
from marotte.show import Run
from tests.unit.test_hotkey import KEYBOARD, FakeListener
from tests.unit.test_sound_device import BLOCK, FakeLibrary
from tests.waiting import PATIENCE

pytestmark = pytest.mark.anyio

SHOW = """
[device]
echo = "off"
hotkey = "f9"
[attention]
lull_after = 0
"""


class Ear:
    """Understands that somebody spoke."""

    async def hear(self, speech, language):
        async for _ in speech:
            pass
        yield Heard(text="hello there")

    async def close(self) -> None:
        pass


async def test_it_listens_while_the_keys_are_held(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    library = FakeLibrary()
    monkeypatch.setitem(sys.modules, "sounddevice", library)
    monkeypatch.setitem(sys.modules, "pynput", SimpleNamespace(keyboard=KEYBOARD))
    for name in ("XDG_SESSION_TYPE", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(Run, "warm_ears", lambda self: None)
    FakeListener.made.clear()
    run = Run(config.parse(SHOW), tmp_path, {})
    run.ears.put_first(Built("scripted", Ear(), EngineSettings()))
    events: asyncio.Queue[Event] = asyncio.Queue()
    await run.start()
    try:
        subscribed = [run.bus.subscribe(f"{kind}.*.{PUBLIC}", size=1_000) for kind in ("event", "percept")]

        async def follow(news) -> None:
            async for message in news:
                if isinstance(message.data, Onset | SpeechEnd | Utterance):
                    events.put_nowait(message.data)

        following = [asyncio.create_task(follow(news)) for news in subscribed]
        async with asyncio.timeout(2 * PATIENCE):
            while not (FakeListener.made and "start input" in library.log):
                await asyncio.sleep(0.01)

            async def speak(blocks: int) -> None:
                for _ in range(blocks):
                    library.streams["input"].push(8_000 * np.sin(np.arange(BLOCK) / 20))
                    await asyncio.sleep(BLOCK / 48_000)

            await speak(25)
            assert events.empty(), "it listened though no key was held"
            (listener,) = FakeListener.made
            listener.on_press("f9")
            assert isinstance(await events.get(), Onset)
            await speak(25)
            listener.on_release("f9")
            end = await events.get()
            assert isinstance(end, SpeechEnd)
            assert end.why == "released"
            said = await events.get()
            assert isinstance(said, Utterance)
            assert (said.text, said.viewer and said.viewer.id) == ("hello there", "host")
        for task in following:
            task.cancel()
    finally:
        await run.stop()
    assert library.log[-2:] == ["close output", "close input"]
    assert "hotkey" not in run.supervisor.tasks
