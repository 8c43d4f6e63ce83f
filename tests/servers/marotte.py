"""The program itself, in a process of its own, on a free loopback port."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp

from tests.waiting import PATIENCE

TOKEN = "a-token-for-the-tests-of-32-chars"


class Marotte:
    """A run that can be spoken to, killed and started again."""

    def __init__(self, folder: Path, show: str = "", **environment: str) -> None:
        self.folder = folder
        self.show = folder / "show.toml"
        self.show.write_text(show, "utf-8")
        self.data = folder / "data"
        self.log = folder / "out.log"
        self.url = ""
        self.arguments: tuple[str, ...] = ()
        """More for the command line of ``run``."""
        self._environment = environment
        self._process: subprocess.Popen[bytes] | None = None
        self._session: aiohttp.ClientSession | None = None

    async def start(self) -> None:
        environment = {
            **os.environ,
            "MAROTTE_DATA_DIR": str(self.data),
            "MAROTTE_TOKEN": TOKEN,
            "PYTHONPATH": os.pathsep.join(p for p in sys.path if p),
            **self._environment,
        }
        # Start as fast as an installed program does, whatever whoever runs the tests has set.
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        with self.log.open("ab") as log:
            command = [sys.executable, "-m", "tests.servers.patient", "run", str(self.show)]
            self._process = subprocess.Popen(
                [*command, "--port", "0", "--no-browser", *self.arguments],
                stdout=log,
                stderr=log,
                env=environment,
                cwd=self.folder,
            )
        self._session = aiohttp.ClientSession(headers={"Authorization": f"Bearer {TOKEN}"})
        announced = self.data / "running.json"
        async with asyncio.timeout(2 * PATIENCE):
            while True:
                if self._process.poll() is not None:
                    raise AssertionError(f"it ended with {self._process.returncode}: {self.output()}")
                try:
                    entry = json.loads(announced.read_text())
                    if entry["pid"] == self._process.pid:
                        self.url = entry["url"]
                        async with self._session.get(f"{self.url}/healthz") as response:
                            if response.status == 200:
                                return
                except (OSError, ValueError, aiohttp.ClientError):
                    pass
                await asyncio.sleep(0.05)

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def output(self) -> str:
        return self.log.read_text("utf-8", errors="replace")[-4_000:]

    def kill(self) -> None:
        """As a power cut would."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    async def stop(self) -> int:
        """Ask it to stop; returns its exit code."""
        assert self._process is not None
        if self._session is not None:
            await self._session.close()
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
        try:
            return await asyncio.to_thread(self._process.wait, PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            raise AssertionError(f"it did not stop: {self.output()}") from None

    async def get(self, path: str, **more: Any) -> Any:
        assert self._session is not None
        async with self._session.get(self.url + path, **more) as response:
            assert response.status == 200, f"{path}: {response.status}: {await response.text()}"
            return await response.json()

    async def post(self, path: str, body: Any = None, **more: Any) -> tuple[int, Any]:
        assert self._session is not None
        async with self._session.post(self.url + path, json=body, **more) as response:
            text = await response.text()
            return response.status, json.loads(text) if text else None

    def request(self, method: str, path: str, **more: Any) -> Any:
        """A request as it is, for tests of what is refused."""
        assert self._session is not None
        return self._session.request(method, self.url + path, **more)

    @asynccontextmanager
    async def window(self, window: str = "talk", **hello: Any) -> AsyncIterator["Window"]:
        headers = hello.pop("headers", {})
        greet = hello.pop("greet", True)
        async with (
            aiohttp.ClientSession() as session,
            session.ws_connect(f"{self.url}/ws", headers=headers, max_msg_size=0) as socket,
        ):
            opened = Window(socket)
            if greet:
                await socket.send_json({"type": "hello", "version": 1, "window": window, **hello})
                opened.welcome = await opened.until("welcome", "error")
            yield opened


class Window:
    """One WebSocket, read frame by frame."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = socket
        self.welcome: dict[str, Any] = {}
        self.sound: list[tuple[dict[str, Any], bytes]] = []
        self.events: list[dict[str, Any]] = []
        self.lights: list[str] = []
        """What a skull's light has shown."""
        self.seq = 0

    async def frame(self, within: float = 2 * PATIENCE) -> dict[str, Any] | None:
        """The next frame; sound is kept aside and comes as its header. None at the end."""
        message = await self.socket.receive(within)
        if message.type is aiohttp.WSMsgType.TEXT:
            frame = json.loads(message.data)
            if frame["type"] == "event":
                self.seq = frame["seq"]
                self.events.append(frame["event"])
            elif frame["type"] == "light":
                self.lights.append(frame["show"])
            return frame
        if message.type is aiohttp.WSMsgType.BINARY:
            header, _, pcm = message.data.partition(b"\n")
            self.sound.append((json.loads(header), pcm))
            return self.sound[-1][0]
        return None

    async def until(self, *types: str) -> dict[str, Any]:
        """The next frame of one of these types."""
        async with asyncio.timeout(2 * PATIENCE):
            while (frame := await self.frame()) is not None:
                if frame["type"] in types:
                    return frame
        raise AssertionError(f"the connection ended ({self.socket.close_code}) before any of {types}")

    async def event(self, *names: str) -> dict[str, Any]:
        """The next event of one of these names."""
        while True:
            frame = await self.until("event")
            if frame["event"]["type"] in names:
                return frame["event"]

    async def send(self, **frame: Any) -> None:
        await self.socket.send_json(frame)

    async def closed(self) -> int:
        """Read to the end; returns the close code."""
        while await self.frame() is not None:
            pass
        return self.socket.close_code or 0


@asynccontextmanager
async def marotte(folder: Path, show: str = "", **environment: str) -> AsyncIterator[Marotte]:
    """A run that is stopped in the end."""
    program = Marotte(folder, show, **environment)
    await program.start()
    try:
        yield program
    finally:
        code = await program.stop()
        assert code in (0, -9), f"it ended with {code}: {program.output()}"
