"""Sight on virtual time: what is looked at when, what an answer waits for, and what is remarked on."""

import asyncio
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from marotte import config
from marotte.bus.local import LocalBus
from marotte.engines.kinds import EngineError
from marotte.events import Onset, Seen, Sighting, subject
from marotte.ports import CameraError, Scene
from marotte.senses.sight import sight as sights
from marotte.senses.sight.album import Album
from marotte.senses.sight.pictures import Picture, PictureError
from marotte.senses.sight.sight import TAKEN_WITHIN, Sight
from marotte.time import Clock
from tests.stand_ins import Published

pytestmark = [pytest.mark.anyio, pytest.mark.virtual]


class Camera:
    """Gives what it is set to, after so many seconds."""

    def __init__(self, name: str = "camera", *, takes: float = 0.1, shows: bytes = b"a room") -> None:
        self.name, self.takes, self.shows = name, takes, shows
        self.taken = 0
        self.fault: Exception | None = None

    async def picture(self) -> bytes:
        await asyncio.sleep(self.takes)
        self.taken += 1
        if self.fault is not None:
            raise self.fault
        return self.shows


class Eyes:
    """Tells what the picture holds, after so many seconds."""

    def __init__(self, takes: float = 0.5) -> None:
        self.takes = takes
        self.asked: list[tuple[bytes, str]] = []
        self.warmed = 0
        self.blind = False

    async def see(self, picture: bytes, language: str) -> str:
        self.asked.append((picture, language))
        await asyncio.sleep(self.takes)
        if self.blind:
            raise EngineError("no eye could answer")
        return f"I see {picture.decode()}."

    async def warm(self) -> None:
        self.warmed += 1


class Pictures:
    def __init__(self) -> None:
        self.warmed = 0

    async def warm(self) -> None:
        self.warmed += 1

    async def prepare(self, data: bytes) -> Picture:
        if not data:
            raise PictureError("is no picture")
        return Picture(jpeg=data, width=64, height=48, thumbnail=data.ljust(1_728, b"."))


class Floor:
    def __init__(self, show: str = "") -> None:
        self.clock, self.bus, self.events = Clock(epoch=0.0), LocalBus(), Published()
        self.eyes, self.camera, self.pictures = Eyes(), Camera(), Pictures()
        self.sight = Sight(
            "public", config.parse(show).sight, self.eyes, self.pictures, self.bus, self.publish, self.clock
        )

    def publish(self, event) -> None:
        self.events(event)
        self.bus.publish(subject(event), event)


@asynccontextmanager
async def floor(show: str = "", *, camera: bool = True):
    made = Floor(show)
    if camera:
        made.sight.attach(made.camera)
    task = asyncio.create_task(made.sight.run())
    await asyncio.sleep(0.01)
    try:
        yield made
    finally:
        made.sight.close()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_eyes_are_warm_once_there_is_a_camera_and_not_before() -> None:
    async with floor(camera=False) as f:
        assert (f.eyes.warmed, f.pictures.warmed) == (0, 0)
        for camera in (f.camera, Camera("another"), f.camera):
            f.sight.attach(camera)
            await asyncio.sleep(0.01)
        assert (f.eyes.warmed, f.pictures.warmed) == (1, 1)
    async with floor('[sight]\nhow = "picture"') as f:
        assert (f.eyes.warmed, f.pictures.warmed) == (0, 1), "who gives the picture itself needs no eye"


async def test_it_looks_when_somebody_begins_to_speak_beside_the_ear() -> None:
    async with floor() as f:
        f.publish(Onset())
        await asyncio.sleep(1.0)
        began = f.clock.now()
        scene = await f.sight.scene()
        assert f.clock.now() == began, "what was seen while they spoke costs no wait"
        assert scene is not None
        assert scene.text == scene.told == "I see a room."
        assert scene.picture == b"", "who reads captions gets no picture"
        (seen,) = f.events.of(Seen)
        assert (seen.camera, seen.text) == ("camera", "I see a room.")
        assert seen.seconds == pytest.approx(0.6)


async def test_an_answer_waits_for_a_look_under_way_and_no_longer_than_the_show_says() -> None:
    async with floor("[sight]\nwithin = 1.5") as f:
        f.sight.glance()
        began = f.clock.now()
        assert await f.sight.scene() is not None
        assert f.clock.now() - began == pytest.approx(0.6)
        f.eyes.takes = 60
        await asyncio.sleep(20)
        f.sight.glance()
        began = f.clock.now()
        scene = await f.sight.scene()
        assert f.clock.now() - began == pytest.approx(1.5)
        assert scene is not None
        assert scene.told == "I see a room. (That was 22 seconds ago.)"


async def test_what_was_seen_long_ago_is_no_longer_there() -> None:
    async with floor("[sight]\nfresh = 30") as f:
        await f.sight.look()
        await asyncio.sleep(29)
        assert await f.sight.scene() is not None
        await asyncio.sleep(2)
        assert await f.sight.scene() is None


@pytest.mark.parametrize(("how", "text", "picture"), [("picture", "", b"a room"), ("both", "I see a room.", b"a room")])
async def test_a_brain_that_sees_gets_the_picture_itself(how: str, text: str, picture: bytes) -> None:
    async with floor(f'[sight]\nhow = "{how}"') as f:
        scene = await f.sight.look()
        assert (scene.text, scene.picture) == (text, picture)
        assert bool(f.eyes.asked) == bool(text)


@pytest.mark.parametrize("fault", ["no camera", "late", "broken", "no picture"])
async def test_where_nothing_is_seen_nobody_is_held_up(fault: str) -> None:
    async with floor(camera=fault != "no camera") as f:
        if fault == "late":
            f.camera.takes = 60
        elif fault == "broken":
            f.camera.fault = CameraError("the lens is covered")
        elif fault == "no picture":
            f.camera.shows = b""
        began = f.clock.now()
        f.publish(Onset())
        await asyncio.sleep(0.01)
        assert await f.sight.scene() is None
        assert f.clock.now() - began <= f.sight.settings.within + 0.1
        with pytest.raises((CameraError, PictureError)) as told:
            await f.sight.look()
        assert str(told.value)
        assert f.clock.now() - began <= TAKEN_WITHIN + 2


async def test_where_no_eye_sees_the_picture_is_still_there_for_a_brain() -> None:
    async with floor('[sight]\nhow = "both"') as f:
        f.eyes.blind = True
        scene = await f.sight.look()
        assert scene == Scene("", b"a room")


async def test_one_look_at_a_time_through_the_camera_that_came_last() -> None:
    async with floor() as f:
        other = Camera("another", shows=b"a hall")
        f.sight.attach(other)
        for _ in range(5):
            f.publish(Onset())
            f.sight.glance()
        assert (await f.sight.look()).text == "I see a hall."
        assert (other.taken, f.camera.taken) == (1, 0)
        f.sight.detach(other)
        assert (await f.sight.look()).text == "I see a room."
        for number in range(10):
            f.sight.attach(Camera(f"c{number}"))
        assert len(f.sight._cameras) == sights.MOST_CAMERAS


WATCHING = "[sight]\nwatch = 2\nremark_every = 60"


async def test_what_has_changed_is_remarked_on_when_it_is_quiet_and_not_too_often() -> None:
    async with floor(WATCHING) as f:
        await asyncio.sleep(10)
        assert f.events.of(Sighting) == [], "what was always there is no news"
        busy = True
        f.sight.busy = lambda: busy
        f.camera.shows = b"a guest" * 200
        await asyncio.sleep(10)
        assert f.events.of(Sighting) == [], "nobody is talked over"
        busy = False
        await asyncio.sleep(10)
        assert len(f.events.of(Sighting)) == 1
        f.camera.shows = b"two guests" * 150
        await asyncio.sleep(30)
        assert len(f.events.of(Sighting)) == 1, "not so soon again"
        await asyncio.sleep(40)
        assert len(f.events.of(Sighting)) == 2


@pytest.mark.parametrize("show", ["", "[sight]\nwatch = 2\nremark_every = 0"])
async def test_who_is_not_to_remark_remarks_nothing(show: str) -> None:
    async with floor(show) as f:
        for shown in (b"a" * 999, b"b" * 999, b"c" * 999):
            f.camera.shows = shown
            await asyncio.sleep(30)
        assert f.events.of(Sighting) == []


async def test_pictures_are_stored_only_where_the_show_wants_it() -> None:
    stored: list[tuple[bytes, int]] = []

    async def keep(picture: Picture, most: int) -> None:
        stored.append((picture.jpeg, most))
        raise OSError(28, "No space left on device")

    for keeps in (0, 3):
        async with floor(f"[sight]\nkeep = {keeps}") as f:
            f.sight.keep = keep
            assert (await f.sight.look()).text, "a full disk blinds nobody"
    assert stored == [(b"a room", 3)]


async def test_an_album_holds_so_many_pictures_for_its_owner_alone(tmp_path: Path) -> None:
    folder = tmp_path / "pictures"
    album = Album(folder)
    for number in range(6):
        await album.keep(Picture(jpeg=b"%d" % number, width=64, height=48, thumbnail=b""), 3)
    assert [file.read_bytes() for file in sorted(folder.iterdir())] == [b"3", b"4", b"5"]
    assert {file.stat().st_mode & 0o777 for file in folder.iterdir()} == {0o600}
    await album.bound(2)
    assert [file.read_bytes() for file in sorted(folder.iterdir())] == [b"4", b"5"]
    await album.bound(0)
    assert not [*folder.iterdir()]
    await Album(tmp_path / "none").bound(0)
