"""The address of a local server: shut, it refuses everybody; open again, it is where it was."""

from aiohttp import web


class Door:
    """Serves an application on one port of the loopback, which stays the same."""

    def __init__(self, app: web.Application, port: int = 0) -> None:
        # A handler is cancelled when its client leaves: that is how a server notices.
        self._runner = web.AppRunner(app, handler_cancellation=True, access_log=None, shutdown_timeout=0.1)
        self._site: web.TCPSite | None = None
        self.port = port

    async def open(self) -> None:
        """Take connections."""
        if self._site is None:
            if self._runner.server is None:
                await self._runner.setup()
            self._site = web.TCPSite(self._runner, "127.0.0.1", self.port, reuse_address=True)
            await self._site.start()
            self.port = self._runner.addresses[0][1]

    async def shut(self) -> None:
        """Refuse connections, and break those that there are."""
        if self._site is not None:
            await self._site.stop()
            self._site = None
        self.drop()

    def drop(self) -> None:
        """Break every connection without a word."""
        for handler in list(self._runner.server.connections if self._runner.server else ()):
            if handler.transport is not None:
                handler.transport.abort()

    async def close(self) -> None:
        """End the server."""
        await self._runner.cleanup()
