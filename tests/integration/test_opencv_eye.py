"""The embedded eye and the program that prepares pictures, with OpenCV as it is."""

import asyncio
import os
import re
import signal
import struct
import zlib
from collections.abc import AsyncIterator
from pathlib import Path
from random import Random
from typing import Any

import cv2
import numpy as np
import pytest

from marotte.engines.child import resident
from marotte.engines.kinds import EngineError, Kit
from marotte.engines.trial import PICTURE
from marotte.senses.sight import pictures
from marotte.senses.sight.eyes.opencv import OpenCVEye, OpenCVSettings
from marotte.senses.sight.header import size_of
from marotte.senses.sight.pictures import PictureError, Pictures, changed
from tests.integration.test_cli import run
from tests.unit.test_pictures import chunk, png
from tests.waiting import until

pytestmark = pytest.mark.anyio

ASTRONAUT = Path(__file__).parents[1] / "data" / "astronaut.jpg"
RED, GREEN, BLUE, WHITE, BLACK = (30, 30, 200), (40, 160, 40), (200, 60, 30), (250, 250, 250), (5, 5, 5)


def plain(width: int = 320, height: int = 240, colour: tuple[int, int, int] = GREEN) -> Any:
    return np.full((height, width, 3), colour, np.uint8)


def encoded(image: Any, kind: str = ".jpg", *options: int) -> bytes:
    return cv2.imencode(kind, image, options)[1].tobytes()


def astronaut(at: int = 0, width: int = 640) -> Any:
    """The photograph on a grey wall, so many pixels from its left."""
    wall = plain(width, 448, (140, 140, 140))
    photograph = cv2.resize(cv2.imread(str(ASTRONAUT)), (448, 448), interpolation=cv2.INTER_CUBIC)
    wall[:, at : at + 448] = photograph[:, : width - at]
    return wall


@pytest.fixture
async def preparing() -> AsyncIterator[Pictures]:
    preparing = Pictures()
    yield preparing
    await preparing.close()


@pytest.fixture
async def eye() -> AsyncIterator[OpenCVEye]:
    eye = OpenCVEye(OpenCVSettings(), Kit())
    yield eye
    await eye.close()


async def look(eye: OpenCVEye, image: Any, language: str = "en") -> str:
    return "".join([piece async for piece in eye.see(encoded(image), language)])


# --- preparing


@pytest.mark.parametrize("kind", [".jpg", ".png", ".webp"])
async def test_a_large_picture_is_made_small(preparing: Pictures, kind: str) -> None:
    for image in (plain(4_000, 3_000), plain(2_000, 2_600), plain(1_281, 700)):
        made = await preparing.prepare(encoded(image, kind))
        assert max(made.width, made.height) == 1_280
        assert made.width / made.height == pytest.approx(image.shape[1] / image.shape[0], rel=0.01)
        assert size_of(made.jpeg) == (made.width, made.height)
        assert len(made.thumbnail) == 48 * 36
        assert abs(made.thumbnail[0] - cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)[0, 0]) < 4


async def test_a_small_one_keeps_its_size_and_is_encoded_anew(preparing: Pictures) -> None:
    made = await preparing.prepare(PICTURE)
    assert (made.width, made.height) == (64, 64)
    assert made.jpeg != PICTURE


async def test_what_is_hidden_in_a_file_is_left_behind_and_the_picture_stands_upright(preparing: Pictures) -> None:
    """Orientation 6: the camera was held upright, and the first row is the right side."""
    entries = struct.pack(">HHII", 0x0112, 3, 1, 6 << 16) + struct.pack(">HHII", 0x010E, 2, 12, 38)
    exif = b"Exif\0\0MM\0*" + struct.pack(">IH", 8, 2) + entries + bytes(4) + b"47.36N 8.54E"
    image = plain(320, 240, WHITE)
    image[:, :160] = RED
    plainly = encoded(image)
    hidden = plainly[:2] + b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif + plainly[2:]
    made = await preparing.prepare(hidden)
    assert (made.width, made.height) == (240, 320)
    assert b"47.36N" in hidden
    assert b"47.36N" not in made.jpeg
    assert b"Exif" not in made.jpeg
    upright = cv2.imdecode(np.frombuffer(made.jpeg, np.uint8), cv2.IMREAD_COLOR)
    assert upright[10, 120, 0] < 80, "what was on the left is above"
    assert upright[310, 120, 0] > 200


@pytest.mark.parametrize("kind", [".webp", ".png"])
async def test_of_a_moving_picture_its_beginning_is_taken(preparing: Pictures, kind: str) -> None:
    moving = cv2.Animation()
    moving.frames = [plain(colour=RED), plain(colour=BLUE), plain(colour=GREEN)]
    moving.durations = [100, 100, 100]
    made = await preparing.prepare(cv2.imencodeanimation(kind, moving)[1].tobytes())
    blue, green, red = cv2.imdecode(np.frombuffer(made.jpeg, np.uint8), cv2.IMREAD_COLOR)[120, 160]
    assert red > 150 > max(green, blue)


async def test_bombs_do_no_harm(preparing: Pictures) -> None:
    zeros = zlib.compress(bytes(100_000_000), 1)
    row = zlib.compress(bytes(64 * 193))
    taken = [
        png(64, 64, chunk(b"zTXt", b"a\0\0" + zeros), chunk(b"IDAT", row)),
        png(64, 64, chunk(b"iCCP", b"a\0\0" + zeros), chunk(b"IDAT", row)),
        encoded(plain(8_000, 6_000), ".png", cv2.IMWRITE_PNG_COMPRESSION, 9),
    ]
    await preparing.prepare(PICTURE)
    pid = preparing._child.pid
    for data in taken:
        assert len(data) < pictures.LARGEST
        made = await preparing.prepare(data)
        assert max(made.width, made.height) <= 1_280
    with pytest.raises(PictureError, match="damaged"):
        await preparing.prepare(png(7_000, 7_000))  # claims what is not there
    assert preparing._child.pid == pid, "the program has lived through it"
    assert resident(pid) < 300_000_000


@pytest.mark.parametrize("kind", [".jpg", ".png", ".webp"])
async def test_damaged_pictures_are_taken_or_refused_and_the_program_lives(preparing: Pictures, kind: str) -> None:
    whole, rng, pids = encoded(astronaut()[::4, ::4], kind), Random(5), set[int]()
    for _ in range(60):
        data = bytearray(whole)
        for _ in range(rng.choice((1, 3, 10))):
            data[rng.randrange(len(data))] = rng.randrange(256)
        try:
            made = await preparing.prepare(bytes(data))
            assert size_of(made.jpeg) == (made.width, made.height)
        except PictureError:
            pass
        pids.add(preparing._child.pid)
    assert len(pids - {0}) == 1


async def test_a_picture_that_takes_for_ever_is_given_up_and_the_next_is_taken(
    preparing: Pictures, monkeypatch: pytest.MonkeyPatch
) -> None:
    await preparing.prepare(PICTURE)
    os.kill(preparing._child.pid, signal.SIGSTOP)
    with monkeypatch.context() as patience:
        patience.setattr(pictures, "_WITHIN", 0.05)
        with pytest.raises(PictureError, match=r"could not be read within 0\.05 s"):
            await preparing.prepare(PICTURE)
    assert (await preparing.prepare(PICTURE)).width == 64


async def test_a_program_that_dies_is_told_and_started_anew(preparing: Pictures) -> None:
    await preparing.prepare(PICTURE)
    os.kill(preparing._child.pid, signal.SIGSTOP)
    waiting = asyncio.create_task(preparing.prepare(PICTURE))
    await until(preparing._child._turn.locked, "the request")
    os.kill(preparing._child.pid, signal.SIGKILL)
    with pytest.raises(EngineError, match="pictures: the program was killed by signal 9"):
        await waiting
    assert (await preparing.prepare(PICTURE)).width == 64


async def test_pictures_of_one_place_tell_whether_anybody_came(preparing: Pictures) -> None:
    wall = plain(960, 448, (140, 140, 140))
    empty, darker, visited = [
        await preparing.prepare(encoded(image)) for image in (wall, (wall * 0.85).astype(np.uint8), astronaut(320, 960))
    ]
    assert changed(empty, darker) == 0
    assert 0.1 < changed(empty, visited) < 0.48
    assert 0.1 < changed(darker, visited) < 0.48


# --- seeing


@pytest.mark.parametrize(("at", "side"), [(0, "on the left"), (120, "in the middle"), (280, "on the right")])
async def test_somebody_on_a_photograph_is_found_where_they_are(eye: OpenCVEye, at: int, side: str) -> None:
    told = await look(eye, astronaut(at))
    assert re.fullmatch(rf"It is well lit, and somebody is there.*, {side}, perhaps wearing orange\. .* grey.*", told)


async def test_how_near_somebody_is(eye: OpenCVEye) -> None:
    face = cv2.imread(str(ASTRONAUT))[10:120, 60:220]
    assert "close by" in await look(eye, cv2.resize(face, (800, 550)))
    assert "some way off" in await look(eye, cv2.copyMakeBorder(astronaut(96), 224, 224, 0, 0, 0, value=WHITE))


async def test_two_are_counted(eye: OpenCVEye) -> None:
    two = np.hstack([astronaut(0, 448), astronaut(0, 448)])
    assert "perhaps 2 people are there, one of them perhaps wearing orange" in await look(eye, two)


@pytest.mark.parametrize(
    ("colour", "told"),
    [
        (BLACK, "It is very dark, and no face is to be seen."),
        (WHITE, "It is dazzlingly bright, and no face is to be seen. Most of it is white."),
        (RED, "It is dazzlingly bright, and no face is to be seen. Most of it is red."),
        ((60, 30, 60), "The light is dim, and no face is to be seen. Most of it is purple."),
        ((128, 128, 128), "It is well lit, and no face is to be seen. Most of it is grey."),
        (GREEN, "It is well lit, and no face is to be seen. Most of it is green."),
    ],
)
async def test_light_and_colour_of_a_plain_wall(eye: OpenCVEye, colour: tuple[int, int, int], told: str) -> None:
    assert await look(eye, plain(colour=colour)) == told


async def test_two_colours_are_told_in_the_order_of_how_much_there_is(eye: OpenCVEye) -> None:
    flag = plain(colour=BLUE)
    flag[:, :120] = (30, 220, 240)
    assert (await look(eye, flag)).endswith("Most of it is blue and yellow.")


async def test_it_tells_it_in_five_languages_and_the_same_each_time(eye: OpenCVEye) -> None:
    somebody = astronaut(96)
    told = {language: await look(eye, somebody, language) for language in ("en", "es", "fr", "zh", "ja")}
    assert len(set(told.values())) == 5
    assert told == {language: await look(eye, somebody, language) for language in told}


async def test_what_is_no_picture_fails_that_look_only(eye: OpenCVEye) -> None:
    with pytest.raises(EngineError, match="opencv: ValueError: this is no picture"):
        async for _ in eye.see(b"hello", "en"):
            pass
    assert await look(eye, plain())


async def test_a_strip_as_thin_as_can_be_is_looked_at(eye: OpenCVEye) -> None:
    assert "no face" in await look(eye, plain(1_280, 16))
    assert "no face" in await look(eye, plain(16, 1_280))


def test_check_says_nothing_where_nothing_is_missing() -> None:
    assert OpenCVEye.check(OpenCVSettings(), Kit()) == ""


# --- the command


def test_see_tells_what_is_on_a_picture(tmp_path: Path) -> None:
    done = run("see", str(ASTRONAUT), folder=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert "somebody is there" in done.stdout
    assert "quizá" in run("see", str(ASTRONAUT), "--language", "es", folder=tmp_path).stdout


def test_see_fails_as_scripts_expect(tmp_path: Path) -> None:
    (tmp_path / "words.jpg").write_text("This is no picture.")
    for file, told in (("words.jpg", "must be JPEG, PNG or WebP"), ("missing.jpg", "No such file")):
        done = run("see", file, folder=tmp_path)
        assert (done.returncode, f"{file}: " in done.stderr, told in done.stderr, done.stdout) == (3, True, True, "")
