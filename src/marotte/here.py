"""This machine's own devices, joined to the public floor: its loudspeaker and microphone, and its camera."""

import asyncio
from typing import TYPE_CHECKING

from marotte.events import Viewer

if TYPE_CHECKING:
    from marotte.show import Run


async def use_sound(run: "Run") -> None:
    """Speak and listen through this machine's loudspeaker and microphone, on the public floor."""
    from marotte.links.hotkey import Hotkey
    from marotte.links.sound_device import SoundDevice

    assert run.show.device is not None
    public, keys = run.public, run.show.device.hotkey

    def report(sample: int) -> None:
        public.speaker.played(device, sample)

    device = SoundDevice(run.show.device, report, lambda: public.speaker.speaking and not public.speaker.paused)
    host = Viewer(id="host", name="the host", platform="device", roles=("operator",))
    public.speaker.attach(device)
    run.warm_ears()
    hearing = public.hearing(host)
    public.buttons.add(hearing)
    hearing.hands_free = not keys
    hotkey = run.supervisor.start("hotkey", Hotkey(keys, hearing.press, hearing.release).run) if keys else None
    try:
        async with asyncio.TaskGroup() as both:
            both.create_task(hearing.run(device))
            both.create_task(device.run())
    finally:
        if hotkey:
            await run.supervisor.stop(hotkey)
        public.buttons.remove(hearing)
        public.speaker.detach(device)


async def use_camera(run: "Run") -> None:
    """Look through this machine's camera on the public floor."""
    from marotte.links.camera import LocalCamera

    camera, sight = LocalCamera(run.show.sight.camera), run.public.sight
    sight.attach(camera)
    try:
        await asyncio.Event().wait()
    finally:
        sight.detach(camera)
        await camera.close()
