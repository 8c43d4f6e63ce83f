"""A faithful local TikTok: the sign server and the push WebSocket that TikTokLive 7 speaks to, for tests.

Start it by itself with ``python -m tests.servers.tiktok``: it prints its address, and a viewer chats. In a test::

    async with TikTokServer() as tiktok:
        monkeypatch.setenv("SIGN_API_URL", tiktok.url)
        client = TikTokLiveClient("jester")
        await client.start(room_id=tiktok.room, fetch_live_check=False)  # so tiktok.com is never asked
        tiktok.chat("Ada", "Good evening!")

*What it serves.* ``GET /webcast/fetch`` signs: it answers with protobuf that names the WebSocket, ``/im/push/v2/``,
whose frames carry gzip where the client asked for it. What happens while nobody is connected is lost, but for the last
six chat messages, which come again with the next signature. ``ping`` is how often a client is told to send heartbeats.

*Its rules.* The query, the key in ``X-Api-Key`` where one is wanted, and the subprotocol. A signed address lives 30 s
by ``clock``, then the handshake is refused, as the real one does: with 200 and the header Handshake-Msg. An ack names a
frame that was sent, once, and its ``internal_ext``; heartbeats are numbered and name the room. What a client does wrong
stands in ``complaints``; frames without an ack are in ``unacked()``, and tolerated.

*Its faults*, ``tiktok.fault(what, times=1)``: of the signature ``sign:401``, ``sign:429``, ``sign:429_bare`` (without
its headers), ``sign:500``, ``sign:503``, ``sign:hang``, ``sign:drop``, ``sign:garbage``, ``sign:empty``,
``sign:no_cookies``, ``sign:no_address``; of the handshake ``push:200``, ``push:400``, ``push:503``, ``push:hang``,
``push:late`` (the address is already too old); of the next message ``drop``, ``close``, ``garbage`` (no frame),
``bad_gzip``, ``text``, ``bad_message``, ``unknown``, ``huge``, ``bomb`` (small until it is unpacked), ``duplicate``,
``reorder``, ``no_ack``, ``silent``.
``await tiktok.down()`` refuses every connection until ``await tiktok.up()``, on the same port.

The protocol is no published one: this is what TikTokLive 7.0.1 asks for and reads
(https://github.com/isaackogan/TikTokLive). That library is licensed otherwise than this program, so its message classes
are imported only where they are used. Not known, so chosen here: ``repeat_end`` of a gift that makes no streaks (0).
"""

import argparse
import asyncio
import gzip
import itertools
import random
import time
import zlib
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache, lru_cache
from typing import Any

from aiohttp import WSMsgType, web

from tests.servers.door import Door

SIGN_FAULTS = ("401", "429", "429_bare", "500", "503", "hang", "drop", "garbage", "empty", "no_cookies", "no_address")
PUSH_FAULTS = ("200", "400", "503", "hang", "late")
MESSAGE_FAULTS = (
    "drop", "close", "garbage", "bad_gzip", "text", "bad_message", "unknown", "huge", "bomb", "duplicate", "reorder",
    "no_ack", "silent",
)  # fmt: skip
FAULTS = (*(f"sign:{what}" for what in SIGN_FAULTS), *(f"push:{what}" for what in PUSH_FAULTS), *MESSAGE_FAULTS)
LIFE = 30.0
"""Seconds that a signed address lives."""
LARGEST = 2_000_000
"""Bytes of a frame that is huge: more than the library takes."""
BOMB = 20_000_000
"""Bytes of what is packed into a frame that is not."""
COOKIE = "ttwid=test-ttwid"
_NO_PROTOBUF = bytes(range(256))
_SIGN_QUERY = {"client", "room_id", "platform", "client_enter", "user_agent", "session_id", "tt_target_idc"}


@dataclass
class Connection:
    """One client at the WebSocket: what it sent, and what it has still to be sent."""

    query: dict[str, str]
    queue: "asyncio.Queue[Any]"
    acks: set[int] = field(default_factory=set[int])
    heartbeats: int = 0
    entered: bool = False
    left: bool = False
    sent: dict[int, str] = field(default_factory=dict[int, str])
    """The frames that want an ack: their numbers, and what the ack must carry."""


class TikTokServer:
    """The server, on a free port of the loopback; use it as an async context manager."""

    def __init__(
        self,
        *,
        key: str = "",
        room: int = 123,
        ping: float = 5.0,
        together: float = 0.0,
        port: int = 0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """``key`` is wanted, or "" for none; ``ping`` is in seconds.

        What happens within the seconds of ``together`` comes in one frame, as it does from the real one.
        """
        self.key, self.room, self.ping, self.together, self.clock = key, room, ping, together, clock
        self.signed: dict[str, float] = {}
        """Until when each signature holds."""
        self.asked: list[dict[str, str]] = []
        """The queries that were to be signed."""
        self.connections: list[Connection] = []
        self.complaints: list[str] = []
        self.likes = 0
        self.url = ""
        self._recent: deque[tuple[str, Any, int]] = deque(maxlen=6)
        self._faults: dict[str, float] = {}
        self._ids = itertools.count(7_000_000_000_000_000_001)
        app = web.Application()
        app.router.add_get("/webcast/fetch", self._sign)
        app.router.add_get("/im/push/v2/", self._push)
        self._door = Door(app, port)

    async def __aenter__(self) -> "TikTokServer":
        await self.up()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._door.close()

    async def down(self) -> None:
        """Break every connection, and refuse new ones."""
        await self._door.shut()

    async def up(self) -> None:
        """Take connections, on the same port as before."""
        await self._door.open()
        self.url = f"http://127.0.0.1:{self._door.port}"

    def drop(self) -> None:
        """Break every connection without a word."""
        self._door.drop()

    def fault(self, what: str, times: float = 1) -> None:
        """Misbehave the next ``times`` times; 0 heals it."""
        if what not in FAULTS:
            raise ValueError(f"there is no fault {what!r}")
        self._faults.pop(what, None)
        if times > 0:
            self._faults[what] = times

    def here(self) -> list[Connection]:
        """Return who is connected and has entered the room."""
        return [connection for connection in self.connections if connection.entered and not connection.left]

    def unacked(self) -> list[int]:
        """Return the frames that wanted an ack and got none."""
        return [number for one in self.connections for number in one.sent if number not in one.acks]

    def _taken(self, *which: str) -> str:
        for what, times in self._faults.items():
            if what in which:
                self.fault(what, times - 1)
                return what
        return ""

    # --- what happens

    def chat(self, user: str, text: str, **more: Any) -> int:
        """Let a viewer write; ``more`` are fields of WebcastChatMessage. Return the message's number."""
        message = {"user": user, "content": text, "content_language": "en", **more}
        number = self._happen("WebcastChatMessage", **message)
        self._recent.append(("WebcastChatMessage", message, number))
        return number

    def gift(
        self,
        user: str,
        name: str = "Rose",
        count: int = 1,
        *,
        diamonds: int = 1,
        streak: bool = True,
        end: bool = True,
        grouped: bool = True,
    ) -> list[int]:
        """Give something: of what makes streaks, a message each time and a last one that ends it, unless it is lost."""
        proto, group, kind = _proto(), next(self._ids) if grouped else 0, 1 if streak else 2
        gift = proto.Gift(id=zlib.crc32(name.encode()), name=name, describe=f"sent {name}", diamond_count=diamonds,
                          type=kind, combo=streak)  # fmt: skip
        steps = [(at, 0) for at in range(1, count + 1)] if streak else [(count, 0)]
        if streak and end:
            steps.append((count, 1))
        return [
            self._happen("WebcastGiftMessage", user=user, gift_id=gift.id, gift=gift, group_id=group,
                         group_count=1, repeat_count=repeat, combo_count=repeat, repeat_end=over, fan_ticket_count=1)
            for repeat, over in steps
        ]  # fmt: skip

    def follow(self, user: str) -> int:
        text = "pm_main_follow_message_viewer_2"
        return self._happen("WebcastSocialMessage", text, user=user, action=1, follow_count=1)

    def share(self, user: str) -> int:
        return self._happen("WebcastSocialMessage", "pm_mt_guidance_share", user=user, action=3)

    def join(self, user: str) -> int:
        return self._happen("WebcastMemberMessage", "live_room_enter_toast", user=user, member_count=42)

    def subscribe(self, user: str, months: int = 1) -> int:
        proto = _proto()
        status = proto.OldSubscribeStatus.FIRST if months == 1 else proto.OldSubscribeStatus.RESUB
        return self._happen("WebcastSubNotifyMessage", user=user, sub_month=months,
                            subscribe_type=proto.SubscribeType.AUTO, old_subscribe_status=status)  # fmt: skip

    def super_fan(self, user: str, *, comes: bool = False) -> int:
        """Let somebody become a Super Fan, who pays each month; ``comes``: one who is already comes in."""
        kinds = _proto().BarrageMessageBarrageType
        from TikTokLiveProto.v3.webcast.model.message.common import Text

        what = "superFanJoined" if comes else "someoneBecameSuperFan"
        pattern = "Super Fan {0:user} joined" if comes else "{0:user} just became a Super Fan"
        content = bytes(Text(key=f"ttlive_superFan_commentNotif_{what}", default_pattern=pattern))
        return self._happen("WebcastBarrageMessage", user=user, content=content, common_barrage_content=content,
                            sub_type="fans_entrance" if comes else "BecomingSuperFanLv1",
                            msg_type=kinds.FANS_LEVEL_ENTRANCE if comes else kinds.COMMON_BARRAGE)  # fmt: skip

    def like(self, user: str, count: int = 1) -> int:
        self.likes += count
        return self._happen("WebcastLikeMessage", user=user, count=count, total=self.likes)

    def viewers(self, number: int) -> int:
        return self._happen("WebcastRoomUserSeqMessage", total=number, total_user=number * 3, pop_str=str(number))

    def pause(self, on: bool = True) -> int:
        actions = _proto().ControlAction
        return self._happen("WebcastControlMessage", action=actions.STREAM_PAUSED if on else actions.STREAM_UNPAUSED)

    def end(self) -> int:
        """End the stream; a client leaves by itself."""
        return self._happen("WebcastControlMessage", action=_proto().ControlAction.STREAM_ENDED)

    def _happen(self, method: str, text: str = "", **fields: Any) -> int:
        number = next(self._ids)
        packed = self._packed(method, fields, number, text)
        for connection in self.here():
            connection.queue.put_nowait(packed)
        return number

    def _packed(self, method: str, fields: dict[str, Any], number: int, text: str = "", history: bool = False) -> Any:
        proto = _proto()
        from TikTokLiveProto.v3.webcast.model.message.common import Text

        common = _written(
            proto.CommonMessageData, method=method, msg_id=number, room_id=self.room,
            create_time=int(time.time() * 1000), is_show_msg=True,
            display_text=bytes(Text(key=text, default_pattern=text)) if text else b"",
        )  # fmt: skip
        who = _person(fields["user"]) if "user" in fields else b""
        payload = _written(getattr(proto, method), **{**fields, "common": common, "user": who})
        return proto.ProtoMessageFetchResultBaseProtoMessage(
            method=method, payload=payload, msg_id=number, is_history=history
        )

    # --- the signature

    async def _sign(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(dict(request.query))
        fault = self._taken(*(f"sign:{what}" for what in SIGN_FAULTS)).removeprefix("sign:")
        if fault == "hang":
            await asyncio.Event().wait()
        if fault == "drop" and request.transport is not None:
            request.transport.abort()
            return web.Response()
        if fault[:3] in ("401", "429", "500", "503"):
            limits = {"RateLimit-Limit": "10", "RateLimit-Remaining": "0", "Retry-After": "7",
                      "RateLimit-Reset": str(int(time.time()) + 7)} if fault == "429" else {}  # fmt: skip
            told = {"code": int(fault[:3]), "message": "a fault that was asked for", "limit_label": "minute"}
            return web.json_response(told, status=int(fault[:3]), headers=limits)
        if wrong := self._wrong(request):
            self.complaints.append(f"sign: {wrong}")
            return web.json_response({"code": 400, "message": wrong}, status=400)
        if self.key and request.headers.get("X-Api-Key") != self.key:
            return web.json_response({"code": 401, "message": "the key is unknown"}, status=401)
        headers = {"Content-Type": "application/x-protobuf", "X-Request-Id": "test-request", "X-Agent-Id": "test-agent"}
        if fault != "no_cookies":
            headers["X-Set-TT-Cookie"] = f"{COOKIE}; Path=/"
        body = {"empty": b"", "garbage": b"\xff\xff\xff<html>"}.get(fault)
        return web.Response(body=self._signature(fault) if body is None else body, headers=headers)

    def _wrong(self, request: web.Request) -> str:
        query = request.query
        if unknown := sorted(query.keys() - _SIGN_QUERY):
            return f"unknown parameters {unknown}"
        if query.get("client") != "ttlive-python" or query.get("platform") != "web":
            return "client and platform"
        if query.get("room_id") != str(self.room) or not query.get("user_agent"):
            return "room_id and user_agent"
        return "" if query.get("client_enter") == "true" else "client_enter"

    def _signature(self, fault: str) -> bytes:
        proto, sign = _proto(), f"sign-{len(self.signed) + 1}"
        self.signed[sign] = self.clock() + LIFE
        signed = proto.ProtoMessageFetchResult(
            messages=[self._packed(method, one, number, history=True) for method, one, number in self._recent],
            cursor="1-0", internal_ext=f"internal-{sign}", fetch_interval=1000, heartbeat_duration=10_000,
            push_server="" if fault == "no_address" else self.url.replace("http", "ws") + "/im/push/v2/",
            route_params={"wrss": sign, "imprp": "test route (with spaces)"}, is_first=True, need_ack=True,
        )  # fmt: skip
        return bytes(signed)

    # --- the push

    async def _push(self, request: web.Request) -> web.StreamResponse:
        fault = self._taken(*(f"push:{what}" for what in PUSH_FAULTS)).removeprefix("push:")
        if fault == "hang":
            await asyncio.Event().wait()
        until = self.signed.get(request.query.get("wrss", ""), float("-inf"))
        if fault in ("late", "200") or self.clock() >= until:
            return web.Response(status=200, headers={"Handshake-Msg": "the signature is too old"})
        if fault:
            return web.Response(status=int(fault), headers={"Handshake-Msg": "a fault that was asked for"})
        if request.query.get("room_id") != str(self.room) or COOKIE not in request.headers.get("Cookie", ""):
            self.complaints.append("push: room_id, or the cookie of the signature")
        if "echo-protocol" not in request.headers.get("Sec-WebSocket-Protocol", ""):
            self.complaints.append("push: the subprotocol echo-protocol")
        socket = web.WebSocketResponse(protocols=("echo-protocol",), autoping=True)
        socket.headers["Handshake-Options"] = f"ping-interval={self.ping}"
        await socket.prepare(request)
        connection = Connection(dict(request.query), asyncio.Queue(10_000))
        self.connections.append(connection)
        writing = asyncio.create_task(self._write(request, socket, connection))
        try:
            async for message in socket:
                if message.type == WSMsgType.BINARY:
                    await self._read(socket, connection, message.data)
                else:
                    self.complaints.append("push: a frame of text")
        finally:
            connection.left = True
            writing.cancel()
            await asyncio.gather(writing, return_exceptions=True)
        return socket

    async def _read(self, socket: web.WebSocketResponse, connection: Connection, data: bytes) -> None:
        proto = _proto()
        frame = proto.WebcastPushFrame().parse(data)
        match frame.payload_type:
            case "im_enter_room":
                room = proto.WebcastImEnterRoomMessage().parse(frame.payload).room_id
                if room != self.room:
                    self.complaints.append(f"push: entered room {room}")
                connection.entered = True
                await socket.send_bytes(bytes(proto.WebcastPushFrame(payload_type="im_enter_room_resp")))
            case "hb":
                beat = proto.HeartBeatMessage().parse(frame.payload)
                connection.heartbeats += 1
                if (beat.room_id, beat.send_packet_seq_id) != (self.room, connection.heartbeats):
                    self.complaints.append(f"push: heartbeat {beat.send_packet_seq_id} of room {beat.room_id}")
                await socket.send_bytes(bytes(proto.WebcastPushFrame(payload_type="hb", payload_encoding="pb")))
            case "ack":
                if frame.log_id in connection.acks or connection.sent.get(frame.log_id) != frame.payload.decode():
                    self.complaints.append(f"push: ack {frame.log_id} with {frame.payload!r}")
                connection.acks.add(frame.log_id)
            case other:
                self.complaints.append(f"push: a frame of type {other!r}")

    async def _write(self, request: web.Request, socket: web.WebSocketResponse, connection: Connection) -> None:
        while True:
            packed = await connection.queue.get()
            fault = self._taken(*MESSAGE_FAULTS)
            match fault:
                case "drop":
                    if request.transport is not None:
                        request.transport.abort()
                    return
                case "close":
                    await socket.close(code=1011, message=b"bye")
                    return
                case "silent":
                    await asyncio.Event().wait()
                case "text":
                    await socket.send_str("{}")
                case "garbage":
                    await socket.send_bytes(_NO_PROTOBUF)
                case "bad_gzip":
                    proto = _proto()
                    header = proto.PushHeader(key="compress_type", value="gzip")
                    frame = proto.WebcastPushFrame(payload_type="msg", payload=b"not packed", headers=[header])
                    await socket.send_bytes(bytes(frame))
                case "reorder":
                    later = await connection.queue.get()
                    await self._send(socket, connection, [later, packed])
                case _:
                    bent = [self._bent(packed, fault)]
                    if self.together and not self._faults:
                        await asyncio.sleep(self.together)
                        bent += [connection.queue.get_nowait() for _ in range(connection.queue.qsize())]
                    await self._send(socket, connection, bent, ack=fault != "no_ack")
                    if fault == "duplicate":
                        await self._send(socket, connection, bent)

    def _bent(self, packed: Any, fault: str) -> Any:
        made = type(packed)
        if fault == "bad_message":
            return made(method=packed.method, payload=_NO_PROTOBUF, msg_id=packed.msg_id)
        if fault == "unknown":
            return made(method="WebcastHologramMessage", payload=packed.payload, msg_id=packed.msg_id)
        if fault == "huge":
            return made(method=packed.method, payload=random.Random(7).randbytes(LARGEST), msg_id=packed.msg_id)
        if fault == "bomb":
            return made(method="WebcastHologramMessage", payload=bytes(BOMB), msg_id=packed.msg_id)
        return packed

    async def _send(
        self, socket: web.WebSocketResponse, connection: Connection, messages: list[Any], *, ack: bool = True
    ) -> None:
        proto, number = _proto(), next(self._ids)
        extra = f"internal-{number}"
        whole = bytes(proto.ProtoMessageFetchResult(
            messages=messages, cursor=f"1-{number}", internal_ext=extra, fetch_interval=1000, need_ack=ack,
            now=int(time.time() * 1000),
        ))  # fmt: skip
        packs = connection.query.get("compress") == "gzip"
        if ack:
            connection.sent[number] = extra
        frame = proto.WebcastPushFrame(
            seq_id=len(connection.sent), log_id=number, service=10_000, method=8, payload_encoding="pb",
            payload_type="msg", payload=gzip.compress(whole, 1) if packs else whole,
            headers=[proto.PushHeader(key="compress_type", value="gzip" if packs else "none")],
        )  # fmt: skip
        await socket.send_bytes(bytes(frame))


def _written(kind: Any, **fields: Any) -> bytes:
    """Write a message of which only ``fields`` are set; the library itself looks at each of a hundred that are not."""
    from betterproto2 import _serialize_single

    known = kind._betterproto.meta_by_field_name
    return b"".join(
        _serialize_single(known[name].number, known[name].proto_type, value) for name, value in fields.items() if value
    )


@lru_cache(maxsize=1_000)
def _person(name: str) -> bytes:
    number = zlib.crc32(name.encode()) + 6_800_000_000_000_000_000
    user = _proto().User(id=number, id_str=str(number), nickname=name, display_id=name.lower().replace(" ", "_"))
    return bytes(user)


@cache
def _proto() -> Any:
    """Import the message classes, which are licensed otherwise than this program, where they are used."""
    import TikTokLive.proto
    from TikTokLive.events.proto_events import EVENT_MAPPINGS

    # What is known of a class is looked up once, and inherited. Were ours used first, the library's events, which
    # extend them, would have plain users in this process, and in no other.
    for event in EVENT_MAPPINGS.values():
        event()._betterproto  # noqa: B018  # pyright: ignore
    return TikTokLive.proto


async def _serve(port: int, every: float) -> None:
    async with TikTokServer(port=port) as tiktok:
        print(tiktok.url, flush=True)
        for number in itertools.count(1):
            await asyncio.sleep(every)
            tiktok.chat("Ada", f"Good evening, for the {number}. time!")


def main() -> None:
    """Run until it is stopped; the first line of output is the address, for SIGN_API_URL."""
    parser = argparse.ArgumentParser(prog="python -m tests.servers.tiktok", description="A local TikTok; room 123.")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--every", type=float, default=5.0, help="seconds between two messages of a viewer")
    given = parser.parse_args()
    try:
        asyncio.run(_serve(given.port, given.every))
    except KeyboardInterrupt:
        pass


if __name__ == "__main__":
    main()
