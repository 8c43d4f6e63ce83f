"""What is the Raspberry Pi's alone: its pins, its camera, its command line, its Python."""

import ast
import asyncio
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.servers.skull_host import SkullHost
from tests.servers.skull_program import ROOT, skull_program
from tests.waiting import until

pytestmark = pytest.mark.anyio

PROGRAM = ROOT / "devices/skull/pi/skull.py"


@pytest.mark.parametrize("file", [*sorted((ROOT / "devices/skull").glob("*.py")), PROGRAM], ids=lambda file: file.name)
def test_it_is_python_3_9(file: Path) -> None:
    ast.parse(file.read_text("utf-8"), feature_version=(3, 9))


async def see(tmp_path: Path, camera: list[str]) -> tuple[dict[int, bytes], list[dict[str, Any]]]:
    """Ask a skull with that camera for a picture; returns what came of it."""
    async with SkullHost() as host:
        async with skull_program("pi", tmp_path / "skull.json", url=host.url, camera=camera) as skull:
            await until(lambda: host.skulls, "a hello")
            await skull.shows("idle")
            await host.snapshot(7)
            await until(lambda: host.skull.pictures or host.skull.of("no_picture"), "an answer")
        assert host.complaints == []
        return host.skull.pictures, host.skull.of("no_picture")


async def test_a_picture_is_what_the_camera_s_command_writes(tmp_path: Path) -> None:
    (tmp_path / "room.jpg").write_bytes(b"\xff\xd8 a room \xff\xd9")
    assert await see(tmp_path, ["cat", str(tmp_path / "room.jpg")]) == ({7: b"\xff\xd8 a room \xff\xd9"}, [])


@pytest.mark.parametrize(
    ("camera", "reason"),
    [
        (["/nowhere/camera"], "/nowhere/camera: No such file or directory"),
        (["false"], "the camera gives no picture"),
        (["true"], "the camera gives no picture"),
        (["sleep", "20"], "the camera takes too long"),
        (["head", "-c", "200001", "/dev/zero"], "the picture has 200 kB"),
    ],
)
async def test_why_there_is_no_picture(camera: list[str], reason: str, tmp_path: Path) -> None:
    assert await see(tmp_path, camera) == ({}, [{"type": "no_picture", "id": 7, "reason": reason}])


async def test_its_settings_are_its_owner_s_alone_and_stay_as_they_were_written(tmp_path: Path) -> None:
    async with SkullHost(token="mt_secret") as host:
        async with skull_program("pi", tmp_path / "skull.json", url=host.url, token="mt_secret") as skull:
            await until(lambda: host.skulls, "a hello")
            kept = json.loads(skull.file.read_text())
            assert skull.file.stat().st_mode & 0o077 == 0
    assert set(kept) == {"url", "token", "partner"}
    assert len(kept["partner"]) >= 32


async def test_the_jaw_is_shut_when_it_ends(tmp_path: Path) -> None:
    async with SkullHost() as host:
        async with skull_program("pi", tmp_path / "skull.json", url=host.url) as skull:
            await until(lambda: host.skulls, "a hello")
            await host.say({"type": "jaw", "angle": 65})
            await until(lambda: skull.angles[-1][0] == 65, "an open jaw")
        assert skull.process.returncode == 0
        assert skull.angles[-1][0] == 90


async def test_a_mistake_in_the_settings_is_told(tmp_path: Path) -> None:
    (tmp_path / "skull.json").write_text('{"jaw": {"open": 270}}')
    command = (sys.executable, PROGRAM, "--mock", "--settings", tmp_path / "skull.json")
    process = await asyncio.create_subprocess_exec(*command, stderr=asyncio.subprocess.PIPE)
    _, said = await process.communicate()
    assert process.returncode == 1
    assert said.decode().strip() == f"skull: {tmp_path}/skull.json: jaw.open: must be degrees from 0 to 180"
