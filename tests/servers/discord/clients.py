"""Clients for the local Discord: the real discord.py as a bot that notes what comes, and one that says anything."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import discord as library

from tests.servers.discord import TOKEN, DiscordServer
from tests.waiting import PATIENCE, until


class Pip(library.Client):
    """A bot that notes what reaches it."""

    def __init__(self, intents: library.Intents | None = None, **options: Any) -> None:
        super().__init__(intents=intents or library.Intents.all(), guild_ready_timeout=0.05, **options)
        self.happened: list[tuple[Any, ...]] = []

    async def before_identify_hook(self, shard_id: int | None, *, initial: bool = False) -> None:
        """Do not wait five seconds."""

    def dispatch(self, event: str, /, *args: Any, **more: Any) -> None:
        if hasattr(self, "happened"):
            self.happened.append((event, *args))
        super().dispatch(event, *args, **more)

    def events(self, name: str) -> list[tuple[Any, ...]]:
        return [happened[1:] for happened in self.happened if happened[0] == name]

    def said(self) -> list[str]:
        assert self.user is not None
        return [args[0].clean_content for args in self.events("message") if args[0].author.id != self.user.id]


@asynccontextmanager
async def logged_in(server: DiscordServer, **options: Any) -> AsyncIterator[Pip]:
    """A client that is ready, and that ends without a complaint of the server's."""
    pip = Pip(**options)
    task = asyncio.create_task(pip.start(server.token))
    try:
        await until(lambda: task.done() or (pip.events("ready") and pip.guilds[0].chunked), "ready")
        if task.done():
            await task
        yield pip
    finally:
        await pip.close()
        await asyncio.gather(task, return_exceptions=True)


def general(pip: Pip, name: str = "general") -> Any:
    return next(channel for channel in pip.guilds[0].channels if channel.name == name)


class Raw:
    """A WebSocket client that says what it is told to."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = socket

    async def send(self, op: int, d: Any) -> None:
        await self.socket.send_json({"op": op, "d": d})

    async def next(self, op: int, event: str | None = None) -> dict[str, Any]:
        async with asyncio.timeout(PATIENCE):
            while True:
                payload = await self.socket.receive_json()
                if payload["op"] == op and (event is None or payload["t"] == event):
                    return payload

    async def code(self) -> int | None:
        async with asyncio.timeout(PATIENCE):
            while not self.socket.closed:
                await self.socket.receive()
            return self.socket.close_code


@asynccontextmanager
async def dialled(url: str) -> AsyncIterator[Raw]:
    async with aiohttp.ClientSession() as session, session.ws_connect(url) as socket:
        yield Raw(socket)


def identity(**changes: Any) -> dict[str, Any]:
    properties = {"os": "linux", "browser": "raw", "device": "raw"}
    return {"token": TOKEN, "properties": properties, "intents": 1 | 1 << 7 | 1 << 9 | 1 << 15} | changes
