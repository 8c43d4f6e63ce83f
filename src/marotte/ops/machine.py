"""What the doctor looks at on this machine: packages, disk, clock, port, fonts, sound devices."""

import asyncio
import errno
import json
import os
import platform
import re
import shutil
import socket
import sys
import time
from collections import defaultdict
from collections.abc import Iterable
from importlib import metadata
from pathlib import Path
from urllib.parse import urlsplit

from marotte import config
from marotte.ops.findings import Check, Figure

_LITTLE_DISK, _NO_DISK = 2_000_000_000, 500_000_000
_INSTALLED = Path(__file__).stat().st_mtime
_FONTS = ("Inter", "Noto Sans JP", "Noto Sans SC")
_LIST_DEVICES = """
import json, sounddevice as s
print(json.dumps([[d["name"], d["max_input_channels"], d["max_output_channels"]] for d in s.query_devices()]))
"""


def python() -> Check:
    """Look at the interpreter."""
    return Check(name="Python", detail=f"{platform.python_version()} on {platform.platform()}")


def packages() -> list[Check]:
    """Look for what the program needs, and for what each extra adds."""
    try:
        requires = metadata.requires("marotte") or []
    except metadata.PackageNotFoundError:
        remedy = "pip install 'marotte[embedded]'"
        return [Check(name="packages", state="warn", detail="marotte itself is not installed", remedy=remedy)]
    wanted: dict[str, list[str]] = defaultdict(list)
    for requirement in requires:
        extra = re.search(r"extra == ['\"]([^'\"]+)", requirement)
        wanted[extra[1] if extra else ""].append(re.split(r"[^A-Za-z0-9._-]", requirement, maxsplit=1)[0])
    return [_packages(extra, names) for extra, names in sorted(wanted.items())]


def _packages(extra: str, names: list[str]) -> Check:
    versions = {name: version for name in names if (version := _version(name))}
    missing = [name for name in names if name not in versions]
    title = f"extra {extra}" if extra else "packages"
    if not missing:
        return Check(name=title, detail=", ".join(f"{name} {version}" for name, version in versions.items()))
    return Check(
        name=title,
        state="ok" if extra not in ("", "embedded") else "warn" if extra else "bad",
        detail="not installed" if not versions else f"without {', '.join(missing)}",
        remedy=f"pip install 'marotte[{extra}]'" if extra else "pip install marotte",
    )


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return ""


def disk(folder: Path) -> Check:
    """Look how much room is left where the data lies."""
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free
    return Check(
        name="disk",
        state="bad" if free < _NO_DISK else "warn" if free < _LITTLE_DISK else "ok",
        detail=f"where {folder} is",
        remedy="make room: logs and rows need it" if free < _LITTLE_DISK else "",
        figures=(Figure(name="free", value=round(free / 1e9, 1), unit="GB"),),
    )


async def clock() -> Check:
    """Look whether the date can be true, and how late a timer of 10 ms rings here: sound is placed by such timers."""
    late = 0.0
    for _ in range(5):
        began = time.monotonic()
        await asyncio.sleep(0.01)
        late = max(late, time.monotonic() - began - 0.01)
    figure = Figure(name="a timer rang late by", value=round(late * 1e3, 2), unit="ms", limit=60)
    now = time.strftime("%Y-%m-%d %H:%M:%S %Z")
    if time.time() < _INSTALLED - 86_400:
        remedy = "set the date (on Linux: timedatectl set-ntp true)"
        return Check(name="clock", state="bad", detail=f"{now} is before this program was installed", remedy=remedy)
    busy = "this machine is too busy to keep time: end other programs" if figure.over else ""
    return Check(name="clock", state="warn" if busy else "ok", detail=now, remedy=busy, figures=(figure,))


def port(host: str, number: int, own: str) -> Check:
    """Look whether a run could listen there; ``own`` is where a run of ours listens, or ""."""
    name = f"port {number}"
    if own and _port_of(own) == number:
        return Check(name=name, detail=f"our own run listens at {own}")
    if number == 0:
        return Check(name=name, detail="a free one is taken at each start")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with socket.create_server((host.strip("[]"), number), family=family):
            return Check(name=name, detail=f"free on {host}")
    except OSError as error:
        taken = error.errno == errno.EADDRINUSE
        reason = "another program listens there" if taken else f"{host}: {os.strerror(error.errno or 0)}"
        return Check(name=name, state="bad", detail=reason, remedy="choose another with gateway.port or --port")


def _port_of(url: str) -> int | None:
    try:
        return urlsplit(url).port
    except ValueError:
        return None


def windows(folder: Path) -> list[Check]:
    """Look whether the windows are built, and whether every file of their fonts is there and is a font."""
    if not (folder / "index.html").is_file():
        remedy = "run `make run`, or `npm run build` in web/"
        return [Check(name="windows", state="warn", detail="they are not built", remedy=remedy)]
    styles = "".join(file.read_text("utf-8", errors="replace") for file in folder.glob("assets/*.css"))
    files: dict[str, set[str]] = defaultdict(set)
    for face in re.findall(r"@font-face\s*{[^}]*}", styles):
        family = re.search(r"font-family:\s*[\"']?([^\"';]+)", face)
        files[family[1].strip() if family else ""].update(re.findall(r"url\([\"']?(?!data:)([^\"')]+)", face))
    return [Check(name="windows", detail="built"), *(_font(folder, font, files) for font in _FONTS)]


def _font(folder: Path, font: str, faces: dict[str, set[str]]) -> Check:
    files = [folder / path.lstrip("/") for family, paths in faces.items() if family.startswith(font) for path in paths]
    wrong = [file.name for file in files if not _is_font(file)]
    size = Figure(name="size", value=round(sum(f.stat().st_size for f in files if f.is_file()) / 1e6, 2), unit="MB")
    if files and not wrong:
        return Check(name=font, detail=f"{len(files)} files", figures=(size,))
    detail = f"{len(wrong)} of {len(files)} files are missing or damaged" if files else "not in the windows"
    return Check(name=font, state="warn", detail=detail, remedy="build the windows again: npm run build in web/")


def _is_font(file: Path) -> bool:
    try:
        with file.open("rb") as opened:
            return opened.read(4) == b"wOF2"
    except OSError:
        return False


async def sound_devices(device: config.Device | None) -> list[Check]:
    """Look for a microphone and a loudspeaker, in a program of its own: sound libraries may hang or crash."""
    if device is None:
        return [Check(name="device", detail="this show does not use this machine's microphone and loudspeaker")]
    if not _version("sounddevice"):
        remedy = "pip install 'marotte[device]'"
        return [Check(name="device", state="bad", detail="the show has [device]", remedy=remedy)]
    listing, reason = await _ask_python(_LIST_DEVICES)
    if reason:
        remedy = "install PortAudio (Debian: apt install libportaudio2) and look whether a sound server runs"
        return [Check(name="device", state="bad", detail=reason, remedy=remedy)]
    devices: list[tuple[str, int, int]] = json.loads(listing)
    microphones = [name for name, inputs, _ in devices if inputs]
    loudspeakers = [name for name, _, outputs in devices if outputs]
    return [
        _device("microphone", device.microphone, microphones),
        _device("loudspeaker", device.loudspeaker, loudspeakers),
        _echo(device),
    ]


def _echo(device: config.Device) -> Check:
    if device.echo == "off" or (device.echo == "auto" and device.headset):
        detail = "a headset keeps it out" if device.headset else "off: it does not listen while it speaks"
        return Check(name="echo", detail=detail)
    if version := _version("livekit"):
        return Check(name="echo", detail=f"taken out by WebRTC's canceller (livekit {version})")
    detail = "nothing takes it out, so it does not listen while it speaks"
    remedy = "pip install 'marotte[echo]', or headset = true where one is worn"
    return Check(name="echo", state="bad" if device.echo == "on" else "warn", detail=detail, remedy=remedy)


def _device(what: str, wanted: str, there: Iterable[str]) -> Check:
    fitting = [name for name in there if wanted.lower() in name.lower()]
    if fitting:
        return Check(name=what, detail=", ".join(fitting[:3]))
    detail = f"none is called {wanted!r}; there are {', '.join(there)}" if wanted and there else "there is none"
    remedy = f"plug one in, or name another as device.{what}"
    return Check(name=what, state="bad", detail=detail, remedy=remedy)


async def _ask_python(script: str, within: float = 10.0) -> tuple[str, str]:
    """Run a script in another process; returns what it printed, and why it failed, or ""."""
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", script, stdout=pipe, stderr=pipe)
    try:
        async with asyncio.timeout(within):
            out, errors = await process.communicate()
    except TimeoutError:
        process.kill()
        return "", f"the sound system did not answer within {within:g} s"
    if process.returncode:
        return "", (errors.decode(errors="replace").strip() or f"ended with {process.returncode}").splitlines()[-1]
    return out.decode(), ""
