"""What a picture's header says, and what has changed from one picture to the next. Nothing is decoded here."""

import asyncio
import struct
import zlib
from random import Random

import pytest

from marotte.engines.kinds import EngineUnavailable
from marotte.engines.trial import PICTURE
from marotte.senses.sight import pictures
from marotte.senses.sight.header import PictureError, size_of
from marotte.senses.sight.pictures import THUMBNAIL, Picture, Pictures, changed

WIDTH, HEIGHT = THUMBNAIL


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width: int, height: int, *more: bytes) -> bytes:
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + b"".join(more) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


def webp(kind: bytes, data: bytes) -> bytes:
    body = b"WEBP" + kind + struct.pack("<I", len(data)) + data
    return b"RIFF" + struct.pack("<I", len(body)) + body


# --- headers


@pytest.mark.parametrize(
    ("data", "size"),
    [
        (PICTURE, (64, 64)),
        (PICTURE + b"what a camera hangs on", (64, 64)),
        (png(640, 480), (640, 480)),
        (png(640, 480, chunk(b"tEXt", b"IEND is in here")), (640, 480)),
        (webp(b"VP8X", bytes(4) + struct.pack("<HB", 639, 0) + struct.pack("<HB", 479, 0)), (640, 480)),
        (webp(b"VP8L", b"\x2f" + struct.pack("<I", 639 | 479 << 14)), (640, 480)),
        (webp(b"VP8 ", bytes(3) + b"\x9d\x01\x2a" + struct.pack("<HH", 640 | 1 << 14, 480)), (640, 480)),
    ],
)
def test_the_size_is_read_from_the_header(data: bytes, size: tuple[int, int]) -> None:
    assert size_of(data) == size


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"hello",
        b"GIF89a" + bytes(50),
        b"BM" + bytes(90),
        b"<svg/>",
        webp(b"JUNK", bytes(9)),
        b"\x89PNG\r\n\x1a\n" + chunk(b"tEXt", b"no head"),
        b"\xff\xd8\xff" + bytes(50),
    ],
    ids=["empty", "text", "gif", "bmp", "svg", "webp of a kind", "png without head", "jpeg without anything"],
)
def test_what_is_no_picture_is_told_so(data: bytes) -> None:
    with pytest.raises(PictureError, match="it must be JPEG, PNG or WebP"):
        size_of(data)


@pytest.mark.parametrize("whole", [PICTURE, png(64, 64), webp(b"VP8L", bytes(40))], ids=["jpeg", "png", "webp"])
def test_a_picture_that_is_cut_off_anywhere_is_told_so(whole: bytes) -> None:
    for length in range(16, len(whole)):
        with pytest.raises(PictureError, match="cut off"):
            size_of(whole[:length])


@pytest.mark.parametrize(
    "data",
    [
        b"\xff\xd8\xff" + b"\xff" * 100_000,
        b"\xff\xd8" + b"\xff\xe0\x00\x02" * 50_000,
        png(64, 64, *[chunk(b"aaaa", b"")] * 20_000),
    ],
    ids=["filled up", "segments", "chunks"],
)
def test_a_header_without_end_is_not_read_to_its_end(data: bytes) -> None:
    with pytest.raises(PictureError):
        size_of(data)


@pytest.mark.parametrize("whole", [PICTURE, png(64, 64), webp(b"VP8X", bytes(40))], ids=["jpeg", "png", "webp"])
def test_whatever_bytes_come_they_are_a_picture_or_none(whole: bytes) -> None:
    rng = Random(7)
    for _ in range(2_000):
        data = bytearray(whole)
        for _ in range(rng.choice((1, 4, 16))):
            data[rng.randrange(len(data))] = rng.randrange(256)
        try:
            width, height = size_of(bytes(data))
            assert width >= 0
            assert height >= 0
        except PictureError:
            pass


# --- what nobody tries to decode


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("data", "told"),
    [
        (bytes(50_000_000), "50.0 MB; it may have 12"),
        (png(65_535, 65_535), "65535 × 65535 pixels; it may have 50 million in all"),
        (png(1, 1), "1 × 1 pixels: too few"),
        (png(0, 0), "0 × 0 pixels: too few"),
        (png(640, 15), "too few, or too narrow"),
        (png(40_000, 100), "too few, or too narrow"),
        (PICTURE[:300], "cut off"),
    ],
)
async def test_a_picture_that_nobody_should_decode_is_refused_before_a_program_is_started(
    data: bytes, told: str
) -> None:
    prepared = Pictures()
    with pytest.raises(PictureError, match=told):
        await prepared.prepare(data)
    assert prepared._child.pid == 0
    await prepared.close()


@pytest.mark.anyio
async def test_without_opencv_it_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pictures.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(EngineUnavailable, match=r"pip install 'marotte\[embedded\]'"):
        await Pictures().prepare(PICTURE)


# --- what has changed


def picture(levels: bytes) -> Picture:
    assert len(levels) == WIDTH * HEIGHT
    return Picture(jpeg=b"", width=640, height=480, thumbnail=levels)


def room(light: float = 1.0, noise: int = 0, seed: int = 1, *, somebody: int = 0) -> Picture:
    """A room with light from the left, and perhaps somebody so many columns wide in the middle of it."""
    rng = Random(seed)
    levels = bytearray()
    for y in range(HEIGHT):
        for x in range(WIDTH):
            level = 60 + 3 * (WIDTH - x) if not (somebody and abs(x - 20) * 2 < somebody and y > 10) else 30
            levels.append(min(255, max(0, round(level * light) + rng.randint(-noise, noise))))
    return picture(bytes(levels))


def test_nothing_has_changed_where_nothing_has() -> None:
    assert changed(room(), room()) == 0
    assert changed(room(noise=6, seed=1), room(noise=6, seed=2)) < 0.01


@pytest.mark.parametrize("light", [0.8, 0.9, 1.1, 1.25])
def test_light_that_flickers_changes_nothing(light: float) -> None:
    assert changed(room(), room(light, noise=4)) < 0.02
    assert changed(room(light, noise=4), room()) < 0.02


def test_whoever_comes_in_changes_as_much_as_they_cover() -> None:
    covered = 12 * (HEIGHT - 11) / (WIDTH * HEIGHT)
    assert changed(room(), room(somebody=12)) == pytest.approx(covered, rel=0.15)
    assert changed(room(), room(0.85, noise=4, somebody=12)) == pytest.approx(covered, rel=0.15)
    assert changed(room(somebody=12), room()) == pytest.approx(covered, rel=0.15)


def test_light_that_is_switched_off_or_on_changes_nearly_everything() -> None:
    assert changed(room(), room(0.1)) > 0.9
    assert changed(room(0.1), room()) > 0.9
    black, white = picture(bytes(WIDTH * HEIGHT)), picture(b"\xff" * (WIDTH * HEIGHT))
    assert changed(black, white) == changed(white, black) == 1


def test_it_is_asked_on_the_event_loop_and_may_not_take_long() -> None:
    """A look now and then beside the voice: a thousand of them are done within the patience of a test."""

    async def often() -> None:
        async with asyncio.timeout(20):
            for _ in range(1_000):
                changed(room_a, room_b)
                await asyncio.sleep(0)

    room_a, room_b = room(), room(somebody=12)
    asyncio.run(often())
