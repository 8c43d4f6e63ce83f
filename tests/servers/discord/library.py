"""Points the real discord.py at the local server, and puts everything back."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

if TYPE_CHECKING:
    from . import DiscordServer


@contextmanager
def patched(server: "DiscordServer") -> Iterator[None]:
    """Let discord.py speak with this server within the block.

    REST and the gateway have an address each. The voice gateway's is put together as ``wss://{endpoint}/?v=8`` in the
    middle of a function: the one place that dials takes that address, and no other, without TLS.
    """
    import yarl
    from discord.gateway import DiscordWebSocket
    from discord.http import HTTPClient, Route

    dial = HTTPClient.ws_connect
    ours = f"wss://{server.endpoint}/"

    async def ws_connect(self: HTTPClient, url: str, **options: Any) -> Any:
        if url.startswith(ours):
            url = f"ws://{url.removeprefix('wss://')}"
        elif not url.startswith(server.gateway):
            raise AssertionError(f"discord.py dials {url}")
        return await dial(self, url, **options)

    with (
        patch.object(Route, "BASE", server.api),
        patch.object(DiscordWebSocket, "DEFAULT_GATEWAY", yarl.URL(server.gateway)),
        patch.object(HTTPClient, "ws_connect", ws_connect),
    ):
        yield
