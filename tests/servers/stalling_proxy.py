"""A bad line to a program on the loopback: it stalls at moments that a seed decides, and breaks when told to."""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from random import Random
from urllib.parse import urlsplit

_ABRUPT = struct.pack("ii", 1, 0)
"""SO_LINGER: a socket that is closed sends a reset, and nothing that still waits."""


class StallingProxy:
    """Carries bytes both ways between a port of its own and the program's, each way with stalls of its own."""

    def __init__(self, target: str, seed: int, *, stall: float, every: float) -> None:
        """``stall``: seconds at most for which one way stands still, ``every`` so many on average; 0: no stall."""
        self.url = ""
        self.stalls = 0
        """So often something that had come was held back."""
        self.resets = 0
        self._target = urlsplit(target)
        self._rng = Random(seed)
        self._stall, self._every = stall, every
        self._open = asyncio.Event()
        self._open.set()
        self._wires: set[asyncio.StreamWriter] = set()

    def hold(self) -> None:
        """Let nothing through, either way, until ``go_on``."""
        self._open.clear()

    def go_on(self) -> None:
        """Let through what was held back, and what comes."""
        self._open.set()

    def reset(self) -> None:
        """Break every connection at once."""
        self.resets += bool(self._wires)
        self._break()

    def _break(self) -> None:
        for wire in self._wires:
            if not wire.transport.is_closing():
                wire.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _ABRUPT)
                wire.transport.abort()
        self._wires = set()

    def close(self) -> None:
        """End: no break of the line that anybody counts."""
        self.go_on()
        self._break()

    async def carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Carry one connection until either side ends it."""
        there, back = await asyncio.open_connection(self._target.hostname, self._target.port)
        wires = {writer, back}
        self._wires |= wires
        # A generator each: what one way draws must not depend on when the other one draws.
        ways = [Random(self._rng.random()) for _ in range(2)]
        try:
            await asyncio.gather(self._copy(reader, back, ways[0]), self._copy(there, writer, ways[1]))
        finally:
            self._wires -= wires

    async def _copy(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, rng: Random) -> None:
        clock = asyncio.get_running_loop().time
        due = clock() + rng.uniform(0.5, 1.5) * self._every
        try:
            while data := await reader.read(4_096):
                if self._stall and clock() >= due:
                    self.stalls += 1
                    await asyncio.sleep(rng.uniform(0.25, 1.0) * self._stall)
                    due = clock() + rng.uniform(0.5, 1.5) * self._every
                await self._open.wait()
                writer.write(data)
                await writer.drain()
        except OSError:
            pass
        finally:
            writer.close()


@asynccontextmanager
async def stalling_proxy(
    target: str, seed: int = 0, *, stall: float = 0.0, every: float = 1.0
) -> AsyncIterator[StallingProxy]:
    """A bad line to ``target``, on a free loopback port."""
    made = StallingProxy(target, seed, stall=stall, every=every)
    server = await asyncio.start_server(made.carry, "127.0.0.1", 0)
    made.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield made
    finally:
        server.close()
        made.close()
