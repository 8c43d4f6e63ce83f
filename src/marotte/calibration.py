"""``marotte skull calibrate``: finds how far a skull's jaw goes, which way, and how late it is, step by step.

It listens in the program's place, so that a skull comes to it by itself, as it is and where it stands. What it says
beyond docs/skull-protocol.md: ``jaw`` holds the servo at an angle, ``settings`` sets and keeps what was found.
"""

import asyncio
import json
import math
import ssl
from array import array
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

import msgspec

from marotte.body.jaw import FRAME, MOST
from marotte.events import SAMPLE_RATE

MOST_LATENCY = 240
"""Milliseconds; sound comes no further ahead."""
_STEPS = {"++": 5.0, "+": 1.0, "-": -1.0, "--": -5.0}
_LATER = {"++": 50, "+": 10, "-": -10, "--": -50}
_PATIENCE = 10.0


class CalibrationError(Exception):
    """It cannot go on; the message says why."""


@dataclass(frozen=True)
class Limits:
    """What a skull keeps: degrees of the shut and of the open jaw, milliseconds from a command to its movement."""

    closed: float = 90.0
    open: float = 60.0
    latency: int = 80

    def __str__(self) -> str:
        way = "up" if self.open > self.closed else "down"
        return f"closed {self.closed:g}°, open {self.open:g}° (it opens {way}wards), latency {self.latency} ms"


class Jaw(Protocol):
    """A jaw that can be calibrated."""

    limits: Limits

    async def turn(self, angle: float) -> None:
        """Hold the servo at an angle, in degrees."""
        ...

    async def take(self, limits: Limits, *, keep: bool = False) -> None:
        """Use these limits from now on; ``keep`` them beyond this."""
        ...

    async def chatter(self) -> None:
        """Say four short words, so that one sees whether jaw and sound are together."""
        ...


Ask = Callable[[str], Awaitable[str]]
"""Asks for one line; the empty one means: that is right."""


async def calibrate(jaw: Jaw, ask: Ask, tell: Callable[[str], None]) -> Limits | None:
    """Lead through the steps; returns what was kept, or None where it was left with ``q``."""
    found = jaw.limits
    tell(f"\nNow: {found}\nAnswer ++ + - -- or a number, Enter when it is right, q to leave everything as it was.\n")
    try:
        tell("1. The shut jaw. Take the jaw's string or rod off the servo if you are not sure of its way.")
        found = replace(found, closed=await _angle(jaw, ask, "   teeth together, without force", found.closed))
        await jaw.turn(found.closed)
        tell("2. The open jaw: as wide as for a loud ah. On which side of the shut one it lies decides its direction.")
        wide = await _angle(jaw, ask, "   wide open, before it meets a stop", _beside(found))
        while abs(wide - found.closed) < 3:
            tell("   That is the shut jaw: less than 3 degrees are no movement.")
            wide = await _angle(jaw, ask, "   wide open", _beside(found))
        found = replace(found, open=wide)
        tell("3. How late it is: it says ta, ta, ta, ta. + where the jaw comes after the sound, - where before.")
        found = await _latency(jaw, ask, found)
    except _Left:
        await jaw.take(jaw.limits)
        return None
    await jaw.take(found, keep=True)
    return found


class _Left(Exception):
    """Whoever was asked wants no more."""


def _beside(limits: Limits) -> float:
    """Where a search for the open jaw begins: near the shut one, towards where it was open so far."""
    return min(180.0, max(0.0, limits.closed + math.copysign(10, limits.open - limits.closed)))


async def _angle(jaw: Jaw, ask: Ask, what: str, angle: float) -> float:
    while True:
        await jaw.turn(angle)
        answer = await _answer(ask, f"{what}: {angle:g}° ")
        if answer is None:
            return angle
        angle = min(180.0, max(0.0, angle + _STEPS[answer] if isinstance(answer, str) else answer))


async def _latency(jaw: Jaw, ask: Ask, found: Limits) -> Limits:
    while True:
        await jaw.take(found)
        await jaw.chatter()
        answer = await _answer(ask, f"   {found.latency} ms ")
        if answer is None:
            return found
        wanted = found.latency + _LATER[answer] if isinstance(answer, str) else round(answer)
        found = replace(found, latency=min(MOST_LATENCY, max(0, wanted)))


async def _answer(ask: Ask, question: str) -> str | float | None:
    """Return a step, a number, or None for: that is right. Raises _Left."""
    while True:
        given = (await ask(question)).strip().lower()
        if given in ("", "ok"):
            return None
        if given in ("q", "quit"):
            raise _Left
        if given in _STEPS:
            return given
        with suppress(ValueError):
            if math.isfinite(number := float(given)):
                return number
        question = "   ++ + - --, a number, Enter or q: "


# --- without a skull


class SimulatedJaw:
    """A jaw drawn in the terminal, for trying the steps out."""

    def __init__(self, tell: Callable[[str], None]) -> None:
        self.limits = Limits()
        self._tell = tell

    async def turn(self, angle: float) -> None:
        self._tell("   " + "·" * round(angle / 4) + "●" + "·" * (45 - round(angle / 4)))

    async def take(self, limits: Limits, *, keep: bool = False) -> None:
        if keep:
            self.limits = limits

    async def chatter(self) -> None:
        self._tell("   ta   ta   ta   ta")


# --- with a skull


class Skull:
    """A skull that came in, as a jaw that can be calibrated."""

    def __init__(self, socket: Any, hello: dict[str, Any]) -> None:
        self.name = str(hello["name"])[:100]
        self.limits = msgspec.convert(hello["jaw"], Limits)
        self._socket = socket
        self._sample = 0
        self._turns = 0
        self._settled = asyncio.Event()

    async def turn(self, angle: float) -> None:
        await self._send({"type": "jaw", "angle": angle})

    async def take(self, limits: Limits, *, keep: bool = False) -> None:
        self._settled.clear()
        jaw = {"closed": limits.closed, "open": limits.open, "latency": limits.latency}
        await self._send({"type": "settings", "jaw": jaw, "keep": keep})
        try:
            async with asyncio.timeout(_PATIENCE):
                await self._settled.wait()
        except TimeoutError:
            raise CalibrationError(f"{self.name}: does not take settings: is its program up to date?") from None

    async def chatter(self) -> None:
        self._turns += 1
        for index, (level, pcm) in enumerate(words()):
            header = {"type": "sound", "turn": f"c{self._turns}", "line": "c", "sample": self._sample, "jaw": level}
            await self._send(json.dumps(header).encode() + b"\n" + pcm)
            self._sample += FRAME
            if index >= 10:  # so far ahead as a show is
                await asyncio.sleep(FRAME / SAMPLE_RATE)

    async def listen(self) -> None:
        """Answer what it says until it is gone. Raises CalibrationError then."""
        from websockets.exceptions import ConnectionClosed

        try:
            async for frame in self._socket:
                said: dict[str, Any] = json.loads(frame) if isinstance(frame, str) else {}
                if said.get("type") == "ping":
                    await self._send({"type": "pong", "t": said.get("t"), "sample": self._sample})
                elif said.get("type") == "settings":
                    self._settled.set()
                elif said.get("type") in ("begin_recording", "stop_recording"):
                    of, go = said["type"], said["type"] == "stop_recording"
                    await self._send({"type": "ack", "id": said["id"], "of": of, "go": go, "why": "calibrating"})
        except (ConnectionClosed, ValueError, KeyError, AttributeError):
            pass
        raise CalibrationError(f"{self.name}: has gone")

    async def _send(self, frame: dict[str, Any] | bytes) -> None:
        from websockets.exceptions import ConnectionClosed

        try:
            await self._socket.send(frame if isinstance(frame, bytes) else json.dumps(frame))
        except ConnectionClosed:
            raise CalibrationError(f"{self.name}: has gone") from None


def words() -> list[tuple[int, bytes]]:
    """Return four short words with pauses, frame by frame: how far the jaw is open, and 48 kHz sound."""
    frames: list[tuple[int, bytes]] = []
    for index in range(4 * 30 + 5):
        sounds = index % 30 < 8 and index < 120
        first = FRAME * index
        wave = (9_000 * math.sin(2 * math.pi * 220 * at / SAMPLE_RATE) for at in range(first, first + FRAME))
        frames.append((MOST, array("h", map(round, wave)).tobytes()) if sounds else (0, bytes(2 * FRAME)))
    return frames


def door(host: str, port: int, data: Path | None) -> tuple[str, int, ssl.SSLContext | None]:
    """Return where to listen: there, or for the home network as ``run --lan`` does, with the data folder's authority.

    Raises LanError.
    """
    if data is None:
        return host, port, None
    from marotte.gateway.authority import Authority
    from marotte.gateway.lan import addresses

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    Authority(data / "lan").certify(context, addresses())
    return "0.0.0.0", port + 1, context  # noqa: S104 - nothing but a jaw can be reached there


async def calibrate_skull(
    host: str, port: int, context: ssl.SSLContext | None, ask: Ask, tell: Callable[[str], None]
) -> Limits | None:
    """Wait for a skull to come in and calibrate it. Raises CalibrationError, also where nobody can listen there."""
    from websockets.asyncio.server import ServerConnection, serve

    came: asyncio.Queue[Skull] = asyncio.Queue(1)

    async def meet(socket: ServerConnection) -> None:
        try:
            async with asyncio.timeout(5):
                skull = Skull(socket, json.loads(await socket.recv()))
        except (TimeoutError, ValueError, KeyError, TypeError):
            await socket.close(4400, "no skull that can be calibrated")
            return
        welcome = {"type": "welcome", "version": 1, "floor": "calibration", "sample": 0, "rate": SAMPLE_RATE}
        welcome |= {"microphone_rate": 16_000, "lead": 0.25, "jaw": {"every": FRAME, "most": MOST}}
        await socket.send(json.dumps(welcome))
        if came.full():
            await socket.close(4429, "another skull is being calibrated")
            return
        came.put_nowait(skull)
        await socket.wait_closed()

    try:
        server = await serve(meet, host, port, ssl=context, max_size=2**20)
    except OSError as error:
        raise CalibrationError(
            f"{host}:{port}: {error.strerror}; stop Marotte first, or choose another --port"
        ) from None
    async with server:
        tell(
            f"Waiting for a skull at {'wss' if context else 'ws'}://{host}:{port}/ws; it comes by itself. Ctrl-C ends."
        )
        skull = await came.get()
        tell(f"{skull.name} is here.")
        listening = asyncio.create_task(skull.listen())
        steps = asyncio.create_task(calibrate(skull, ask, tell))
        try:
            done, _ = await asyncio.wait((listening, steps), return_when=asyncio.FIRST_COMPLETED)
            return (steps if steps in done else listening).result()  # pyright: ignore[reportReturnType]
        finally:
            for task in (listening, steps):
                task.cancel()
            await asyncio.gather(listening, steps, return_exceptions=True)
