"""A small Twitch on one port of the loopback: Helix, the login and EventSub, as faithful as the documents allow."""

import asyncio
import socket
from contextlib import suppress

from aiohttp import web

from tests.servers.twitch.moderation import Moderation
from tests.servers.twitch.points import Points
from tests.servers.twitch.subscriptions import Subscriptions


class TwitchServer(Subscriptions, Moderation, Points):
    """The server, on a free port; use it as an async context manager.

    ``second`` is how many real seconds a second of the protocol lasts: with 0.02 a keepalive comes 50 times as
    often as the client is told. ``keepalive`` (real seconds, a fraction too) is told and kept literally instead.
    """

    def __init__(
        self,
        *,
        second: float = 1.0,
        keepalive: float | None = None,
        points: int = 800,
        limit: int = 20,
        mod_limit: int = 100,
        port: int = 0,
    ) -> None:
        super().__init__(second, keepalive, points, limit, mod_limit)
        self.port = port
        self._site: web.TCPSite | None = None
        self._kept: socket.socket | None = None
        app = web.Application(client_max_size=1_000_000)
        app.router.add_get("/ws", self.serve_socket)
        self.login_routes(app)
        self.helix_routes(app)
        self.moderation_routes(app)
        self.points_routes(app)
        self.subscription_routes(app)
        self._runner = web.AppRunner(app, handler_cancellation=True, access_log=None, shutdown_timeout=0.1)

    async def __aenter__(self) -> "TwitchServer":
        await self._runner.setup()
        await self.up()
        return self

    async def __aexit__(self, *_: object) -> None:
        self.drop()
        await self._runner.cleanup()
        if self._kept:
            self._kept.close()

    async def down(self) -> None:
        """Refuse all connections for a while, and break those that are open; the port stays ours."""
        if self._site is None:
            return
        self.drop()
        await self._site.stop()
        self._site = None
        for connection in list(self._runner.server.connections if self._runner.server else []):
            if connection.transport is not None:
                connection.transport.abort()
        await asyncio.sleep(0)
        self._kept = socket.socket()
        self._kept.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        with suppress(OSError):  # it is bound and not listened on, so that no other program takes it
            self._kept.bind(("127.0.0.1", self.port))

    async def up(self) -> None:
        """Listen, again on the same port after ``down``."""
        if self._site is not None:
            return
        if self._kept:
            self._kept.close()
            self._kept = None
        self._site = web.TCPSite(self._runner, "127.0.0.1", self.port, reuse_address=True)
        await self._site.start()
        self.port = self._runner.addresses[-1][1]
