"""The windows' files and one socket beside them: lets a page play a skull with a scripted host."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
from aiohttp import WSMsgType, web

from marotte.gateway.pages import WINDOWS


@asynccontextmanager
async def theatre(socket: str, files: Path = WINDOWS) -> AsyncIterator[str]:
    """Serve ``files`` on a free loopback port, with ``/ws`` joined to the server at ``socket``; yields the address."""

    async def page(request: web.Request) -> web.FileResponse:
        file = files / request.match_info["path"]
        return web.FileResponse(file if file.is_file() else files / "index.html")

    async def join(request: web.Request) -> web.WebSocketResponse:
        near = web.WebSocketResponse(max_msg_size=2**20)
        await near.prepare(request)
        async with aiohttp.ClientSession() as session, session.ws_connect(socket, max_msg_size=2**20) as far:
            back = asyncio.create_task(_carry(far, near))
            await _carry(near, far)
            await back
        return near

    app = web.Application()
    app.router.add_get("/ws", join)
    app.router.add_get("/{path:.*}", page)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


Side = web.WebSocketResponse | aiohttp.ClientWebSocketResponse


async def _carry(source: Side, target: Side) -> None:
    """Carry frames one way until the source ends, and end the target as it did."""
    try:
        async for message in source:
            if message.type == WSMsgType.TEXT:
                await target.send_str(message.data)
            elif message.type == WSMsgType.BINARY:
                await target.send_bytes(message.data)
    except (ConnectionError, RuntimeError):
        pass
    await target.close(code=source.close_code or 1011)
