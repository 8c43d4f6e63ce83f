"""Why a window's connection cannot go on, and how it is told."""

import asyncio
import json
import logging

from starlette.websockets import WebSocket, WebSocketDisconnect

log = logging.getLogger(__name__)

CLOSE_WITHIN = 2.0


class Refused(Exception):
    """The connection cannot go on."""

    def __init__(self, close: int, code: str, message: str, **more: object) -> None:
        super().__init__(message)
        self.close, self.code, self.more = close, code, more


async def turn_away(socket: WebSocket, refused: Refused) -> None:
    """Tell a window why, and close its connection."""
    try:
        # A window that reads nothing is not told why.
        async with asyncio.timeout(CLOSE_WITHIN):
            await socket.send_text(
                json.dumps({"type": "error", "code": refused.code, "message": str(refused), **refused.more})
            )
            await socket.close(refused.close, refused.code)
    except (WebSocketDisconnect, RuntimeError, TimeoutError):
        log.debug("a window that was refused is gone already")
