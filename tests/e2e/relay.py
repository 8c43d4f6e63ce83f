"""A wire between a browser and the program that can be cut, and joined to another run."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit


class Relay:
    """Carries bytes from one port of its own to the program's."""

    def __init__(self, target: str) -> None:
        self.target = target
        self.url = ""
        self.open = True
        self._wires: set[asyncio.StreamWriter] = set()

    def cut(self) -> None:
        """Break every connection, and take no other until ``mend``."""
        self.open = False
        for wire in self._wires:
            wire.transport.abort()

    def mend(self, target: str = "") -> None:
        """Carry again; to another run of the program where ``target`` is its address."""
        self.target = target or self.target
        self.open = True

    async def carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not self.open:
            writer.transport.abort()
            return
        place = urlsplit(self.target)
        try:
            there, back = await asyncio.open_connection(place.hostname, place.port)
        except OSError:
            writer.transport.abort()
            return
        wires = {writer, back}
        self._wires |= wires
        try:
            await asyncio.gather(_copy(reader, back), _copy(there, writer))
        finally:
            self._wires -= wires


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()
    except OSError:
        pass
    finally:
        writer.close()


@asynccontextmanager
async def relay(target: str) -> AsyncIterator[Relay]:
    """A relay on a free loopback port."""
    made = Relay(target)
    server = await asyncio.start_server(made.carry, "127.0.0.1", 0)
    made.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield made
    finally:
        made.cut()
        server.close()
