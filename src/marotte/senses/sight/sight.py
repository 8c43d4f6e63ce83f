"""Sight: what a floor's cameras show, put into words beside the ear, and what has changed there."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Protocol

from marotte import config
from marotte.bus import Bus
from marotte.engines.kinds import EngineError
from marotte.events import Event, Seen, Sighting
from marotte.ports import Camera, CameraError, Scene
from marotte.senses.sight.pictures import Picture, PictureError, changed
from marotte.time import Clock

log = logging.getLogger(__name__)

TAKEN_WITHIN = 3.0
"""Seconds that a camera may take for a picture."""
MOST_CAMERAS = 4
"""Cameras of one floor; the one that was attached last is looked through."""
_MUCH = 0.12
"""The share of a picture that must have changed for a remark."""
_QUIET = 3.0
"""Seconds for which nobody has spoken when something is remarked on."""
_IDLE = 5.0
"""Seconds after which it is asked again whether anything is to be watched."""
_NOTHING_SEEN = (CameraError, PictureError, EngineError)


class Eyes(Protocol):
    """What puts a picture into words: the show's chain of eyes."""

    async def see(self, picture: bytes, language: str) -> str:
        """Return a sentence or two on a JPEG. Raises EngineError."""
        ...

    async def warm(self) -> None:
        """Let eyes that take a while to begin do so before they are asked."""
        ...


class Preparing(Protocol):
    """What makes a picture of whatever a camera has sent."""

    async def prepare(self, data: bytes) -> Picture:
        """Return it as a JPEG of a size that eyes take. Raises PictureError, and EngineError where it cannot work."""
        ...

    async def warm(self) -> None:
        """Begin, so that the first picture need not wait. Raises EngineError."""
        ...


class Sight:
    """Looks through the cameras of one floor: when somebody begins to speak, when it is asked, and for what changes."""

    def __init__(
        self,
        floor: str,
        settings: config.Sight,
        eyes: Eyes,
        pictures: Preparing,
        bus: Bus,
        publish: Callable[[Event], None],
        clock: Clock,
    ) -> None:
        self.settings = settings
        self.language: Callable[[], str] = lambda: "en"
        """The language of the floor."""
        self.busy: Callable[[], bool] = lambda: False
        """Whether somebody speaks or is to be answered: nothing is remarked on then."""
        self.keep: Callable[[Picture, int], Awaitable[None]] | None = None
        """Stores a picture, and so many in all, where the show wants some stored."""
        self._floor = floor
        self._eyes = eyes
        self._pictures = pictures
        self._publish = publish
        self._clock = clock
        self._cameras: list[Camera] = []
        self._warming: asyncio.Task[None] | None = None
        """Set once there was a camera."""
        self._looking: asyncio.Task[Scene] | None = None
        self._last: Scene | None = None
        self._seen_at = 0.0
        self._shown: Picture | None = None
        """What was looked at last."""
        self._remarked: Picture | None = None
        self._next_remark = 0.0
        self._onsets = bus.subscribe(f"event.onset.{floor}", size=1, overflow="latest")

    # --- cameras

    def attach(self, camera: Camera) -> None:
        """Look through a camera from now on."""
        self.detach(camera)
        self._cameras = [*self._cameras[-(MOST_CAMERAS - 1) :], camera]
        if self._warming is None:
            self._warming = asyncio.create_task(self._warm())

    def detach(self, camera: Camera) -> None:
        """A camera is gone; what was seen through it stays for as long as it is fresh."""
        self._cameras = [other for other in self._cameras if other is not camera]

    @property
    def sees(self) -> bool:
        """Whether there is any camera."""
        return bool(self._cameras)

    async def _warm(self) -> None:
        """Let what looks begin now that there is a camera: the first look is not to wait, nor who has none to pay."""
        try:
            await self._pictures.warm()
            if self.settings.how != "picture":
                await self._eyes.warm()
        except EngineError as error:
            log.warning("floor %s: nothing will be seen: %s", self._floor, error)

    # --- looking

    def glance(self) -> None:
        """Begin to look, unless it looks already: what comes of it is there when the words are."""
        if self._cameras and (self._looking is None or self._looking.done()):
            self._looking = asyncio.create_task(self._look(self._cameras[-1]))
            self._looking.add_done_callback(_tell_failure)

    async def scene(self) -> Scene | None:
        """Return what is there: what a look under way finds in time, else what was seen lately. Never raises.

        None where there is no camera, or nothing was seen that is still fresh.
        """
        if self._looking is not None and not self._looking.done():
            with suppress(TimeoutError, *_NOTHING_SEEN):
                async with asyncio.timeout(self.settings.within):
                    await asyncio.shield(self._looking)
        before = self._clock.now() - self._seen_at
        return self._last._replace(before=before) if self._last and before <= self.settings.fresh else None

    async def look(self) -> Scene:
        """Look now. Raises CameraError, PictureError for what is no picture, and EngineError."""
        self.glance()
        if self._looking is None or not self._cameras:
            raise CameraError("there is no camera here")
        return await asyncio.shield(self._looking)

    async def _look(self, camera: Camera) -> Scene:
        began = self._clock.now()
        try:
            async with asyncio.timeout(TAKEN_WITHIN):
                data = await camera.picture()
        except TimeoutError:
            raise CameraError(f"{camera.name}: gave no picture within {TAKEN_WITHIN:g} s") from None
        picture, text = await self._pictures.prepare(data), ""
        if self.settings.how != "picture":
            try:
                text = await self._eyes.see(picture.jpeg, self.language())
            except EngineError as error:
                log.warning("floor %s: no eye saw anything: %s", self._floor, error)
        self._shown, self._seen_at = picture, began
        self._last = Scene(text, picture.jpeg if self.settings.how != "caption" else b"")
        if self.keep is not None and self.settings.keep:
            try:
                await self.keep(picture, self.settings.keep)
            except OSError as error:
                log.warning("a picture cannot be stored: %s", error.strerror)
        took = self._clock.now() - began
        self._publish(Seen(at=self._clock.wall(), floor=self._floor, camera=camera.name, text=text, seconds=took))
        return self._last

    # --- at work

    async def run(self) -> None:
        """Glance whenever somebody begins to speak, and watch for what changes, until cancelled."""
        async with asyncio.TaskGroup() as both:
            watching = both.create_task(self._watch())
            async for _ in self._onsets:
                self.glance()
            watching.cancel()

    def close(self) -> None:
        """Look no more."""
        self._onsets.close()
        self._cameras = []
        for task in (self._warming, self._looking):
            if task is not None:
                task.cancel()

    async def _watch(self) -> None:
        quiet = 0.0
        while True:
            pause = self.settings.watch or _IDLE
            await self._clock.sleep(pause)
            quiet = 0.0 if self.busy() else quiet + pause
            if self.settings.watch and self._cameras and quiet >= _QUIET:
                with suppress(*_NOTHING_SEEN):
                    self._remark(await self.look())

    def _remark(self, scene: Scene) -> None:
        """Tell the mind what has changed, where that is much, and not too often."""
        settings, now, before, shown = self.settings, self._clock.now(), self._remarked, self._shown
        assert shown is not None
        if before is None:
            self._remarked = shown
            return
        if not (settings.remark_every and scene.text) or now < self._next_remark or self.busy():
            return
        if changed(before, shown) >= _MUCH:
            self._remarked, self._next_remark = shown, now + settings.remark_every
            self._publish(Sighting(at=self._clock.wall(), floor=self._floor, text=scene.text))


def _tell_failure(looking: "asyncio.Task[Scene]") -> None:
    if looking.cancelled() or (error := looking.exception()) is None:
        return
    if isinstance(error, _NOTHING_SEEN):
        log.info("nothing was seen: %s", error)
    else:
        log.error("a look failed", exc_info=error)
