"""A plain client of the local Twitch, for its own tests: it does what it is told, right or wrong."""

import json
from typing import Any

import aiohttp

from tests.servers.twitch.kinds import KINDS
from tests.servers.twitch.server import TwitchServer
from tests.servers.twitch.state import CLIENT_ID
from tests.waiting import PATIENCE


class Client:
    """Somebody with a token who asks, connects and subscribes."""

    def __init__(self, twitch: TwitchServer, http: aiohttp.ClientSession) -> None:
        self.twitch, self.http = twitch, http
        self.token = twitch.grant()
        self.sockets: list[aiohttp.ClientWebSocketResponse] = []
        """Kept, since a socket that nobody holds closes."""

    async def ask(
        self, method: str, path: str, body: Any = None, *, token: str | None = None, headers: Any = None, **query: Any
    ) -> tuple[int, Any]:
        """Ask Helix; return the status and the body."""
        sent = {"Authorization": f"Bearer {self.token if token is None else token}", "Client-Id": CLIENT_ID}
        where = f"{self.twitch.api}/{path}"
        async with self.http.request(method, where, json=body, params=query, headers=headers or sent) as answer:
            text = await answer.text()
            self.headers = answer.headers
            return answer.status, json.loads(text) if text else None

    async def log_in(self, path: str, **form: str) -> tuple[int, Any]:
        async with self.http.post(f"{self.twitch.id}/{path}", data={"client_id": CLIENT_ID, **form}) as answer:
            return answer.status, await answer.json()

    async def validate(self, token: str) -> tuple[int, Any]:
        headers = {"Authorization": f"OAuth {token}"}
        async with self.http.get(f"{self.twitch.id}/validate", headers=headers) as answer:
            return answer.status, await answer.json()

    async def connect(self, query: str = "", url: str = "") -> "tuple[aiohttp.ClientWebSocketResponse, dict[str, Any]]":
        """Connect, and return the socket and the session of its welcome."""
        socket = await self.http.ws_connect(url or self.twitch.eventsub + query, max_msg_size=0)
        self.sockets.append(socket)
        welcome = await heard(socket)
        assert welcome["metadata"]["message_type"] == "session_welcome"
        return socket, welcome["payload"]["session"]

    async def subscribe(self, session: str, kind: str, token: str | None = None, **changed: Any) -> tuple[int, Any]:
        return await self.ask("POST", "eventsub/subscriptions", {**self.wish(session, kind), **changed}, token=token)

    def wish(self, session: str, kind: str) -> dict[str, Any]:
        own = self.twitch.broadcaster.id
        keys = KINDS[kind].condition[:1] if KINDS[kind].either else KINDS[kind].condition
        transport = {"method": "websocket", "session_id": session}
        return {"type": kind, "version": KINDS[kind].version, "condition": dict.fromkeys(keys, own),
                "transport": transport}  # fmt: skip

    async def listening(self, *kinds: str) -> aiohttp.ClientWebSocketResponse:
        """Connect and subscribe to some types."""
        socket, session = await self.connect()
        for kind in kinds:
            status, told = await self.subscribe(session["id"], kind)
            assert status == 202, told
        return socket


async def heard(socket: aiohttp.ClientWebSocketResponse, *, keepalives: bool = False) -> dict[str, Any]:
    """Return the next message."""
    while True:
        frame = await socket.receive(PATIENCE)
        assert frame.type is aiohttp.WSMsgType.TEXT, frame
        told = json.loads(frame.data)
        if keepalives or told["metadata"]["message_type"] != "session_keepalive":
            return told


async def events(socket: aiohttp.ClientWebSocketResponse, number: int) -> list[tuple[str, dict[str, Any]]]:
    """Return the next notifications: their types and events."""
    found: list[tuple[str, dict[str, Any]]] = []
    for _ in range(number):
        told = await heard(socket)
        assert told["metadata"]["subscription_type"] == told["payload"]["subscription"]["type"]
        found.append((told["metadata"]["subscription_type"], told["payload"]["event"]))
    return found


async def closed(socket: aiohttp.ClientWebSocketResponse) -> int | None:
    """Wait for the end of a connection; return its code."""
    while (frame := await socket.receive(PATIENCE)).type is aiohttp.WSMsgType.TEXT:
        pass
    assert frame.type in (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.ERROR)
    return socket.close_code
