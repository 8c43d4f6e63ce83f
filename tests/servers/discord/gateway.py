"""The gateway of the local Discord: sessions that outlive their connections, events numbered and kept for a resume.

https://discord.com/developers/docs/events/gateway and …/events/gateway-events
"""

import asyncio
import json
import secrets
import time
import zlib
from collections import deque
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from aiohttp import WSMsgType, web

from .faults import CLOSES, GATEWAY
from .world import DM, Message, VoiceState

if TYPE_CHECKING:
    from . import DiscordServer

GUILDS, MEMBERS, MODERATION, VOICES, PRESENCES = 1, 1 << 1, 1 << 2, 1 << 7, 1 << 8
MESSAGES, TYPING, DIRECT, DIRECT_TYPING, CONTENT = 1 << 9, 1 << 11, 1 << 12, 1 << 14, 1 << 15
PRIVILEGED = {"members": MEMBERS, "presences": PRESENCES, "message_content": CONTENT}
_KNOWN = sum(1 << bit for bit in (*range(17), 20, 21, 24, 25))
LARGEST = 4096
"""Bytes of a payload that a client sends."""
KEPT = 1000
"""Events that are kept for a resume."""
ALLOWED, PER = 120, 60.0
"""Payloads in seconds."""
LATE = 10.0
"""Seconds that a heartbeat may be late, beyond its interval: a busy machine is no dead client."""


class ClosedError(Exception):
    """The connection is to be closed, with this code."""

    def __init__(self, code: int, told: str, blame: bool = True) -> None:
        super().__init__(told)
        self.code, self.blame = code, blame


@dataclass(eq=False)
class Session:
    """What a client identified for: it lives on without a connection, for a while."""

    id: str
    intents: int
    seq: int = 0
    kept: deque[tuple[int, dict[str, Any]]] = field(default_factory=lambda: deque(maxlen=KEPT))
    connection: "Connection | None" = None


@dataclass(eq=False)
class Connection:
    """One WebSocket, with what is yet to be sent on it."""

    socket: web.WebSocketResponse
    request: web.Request
    outbox: "asyncio.Queue[dict[str, Any] | ClosedError]" = field(default_factory=lambda: asyncio.Queue(10_000))
    session: Session | None = None
    taken: deque[float] = field(default_factory=lambda: deque(maxlen=ALLOWED))
    beat: float = field(default_factory=time.monotonic)
    beats: int = 0
    zombie: bool = False
    deflate: Any = None

    def send(self, op: int, d: Any = None, **more: Any) -> None:
        if not self.zombie:
            self.outbox.put_nowait({"op": op, "d": d, "s": None, "t": None} | more)

    def abort(self) -> None:
        """Drop the connection as a cut cable would."""
        if self.request.transport is not None:
            self.request.transport.abort()


class Gateway:
    """The main gateway."""

    def __init__(self, server: "DiscordServer") -> None:
        self._server = server
        self.sessions: dict[str, Session] = {}
        self.connections: list[Connection] = []
        self.identified = 0
        self.resumed = 0
        self.presences: deque[dict[str, Any]] = deque(maxlen=100)
        """What the client asked to be shown as."""

    # --- what others tell it

    def dispatch(self, event: str, data: dict[str, Any], intent: int = 0) -> None:
        """Send an event to every session that wants it, and keep it for those without a connection."""
        for session in self.sessions.values():
            if not intent or session.intents & intent:
                self.to(session, event, data)

    def message(self, event: str, message: Message) -> None:
        """Tell of a message; those without the intent learn its words only where they are meant."""
        world = self._server.world
        direct = message.channel.kind == DM
        for session in self.sessions.values():
            if not session.intents & (DIRECT if direct else MESSAGES):
                continue
            if not direct and not world.may("view_channel", channel=message.channel):
                continue
            shape = world.event_shape(message)
            meant = direct or message.author is world.bot or world.bot in message.mentions
            if not session.intents & CONTENT and not meant:
                shape |= {"content": "", "embeds": [], "attachments": [], "components": []}
            self.to(session, event, shape)

    def voice_state(self, state: VoiceState) -> None:
        self.dispatch("VOICE_STATE_UPDATE", self._server.world.voice_shape(state), VOICES)

    def to(self, session: Session, event: str, data: dict[str, Any]) -> None:
        session.seq += 1
        payload = {"op": 0, "d": data, "s": session.seq, "t": event}
        session.kept.append((session.seq, payload))
        if session.connection is not None:
            session.connection.send(**payload)

    def misbehave(self) -> None:
        """Commit what faults wait, on the open connection; without one they wait on."""
        for connection in [one for one in self.connections if one.session is not None]:
            if fault := self._server.faults.take(*GATEWAY):
                self._commit(connection, fault)

    def _commit(self, connection: Connection, fault: str) -> None:
        if fault in CLOSES:
            connection.outbox.put_nowait(ClosedError(int(fault.partition(":")[2]), "told to", blame=False))
        elif fault == "drop":
            self._leave(connection)
            connection.abort()
        elif fault == "reconnect":
            connection.send(7)
        elif fault == "zombie":
            connection.zombie = True
        else:
            resumable = fault.endswith(":resumable")
            if not resumable and connection.session is not None:
                self.end(connection.session)
            connection.send(9, resumable)

    def end(self, session: Session) -> None:
        """Forget a session: it cannot be resumed, and its client is no longer on the air."""
        if self.sessions.pop(session.id, None) is not None and not self.sessions:
            self._server.voice.hang_up(self._server.world.bot)

    def abort(self) -> None:
        for connection in list(self.connections):
            self._leave(connection)
            connection.abort()

    def _leave(self, connection: Connection) -> None:
        if connection.session is not None and connection.session.connection is connection:
            connection.session.connection = None

    # --- the connection

    async def serve(self, request: web.Request) -> web.StreamResponse:
        socket = web.WebSocketResponse(compress=False)
        await socket.prepare(request)
        connection = Connection(socket, request)
        if request.query.get("compress") == "zlib-stream":
            connection.deflate = zlib.compressobj()
        self.connections.append(connection)
        tasks = [asyncio.create_task(one) for one in (self._write(connection), self._watch(connection))]
        try:
            await self._converse(connection)
        except ClosedError as closed:
            self._server.blame(closed, "gateway")
            await socket.close(code=closed.code, message=str(closed).encode()[:120])
        except ConnectionError:
            pass
        finally:
            session = connection.session
            if session is not None and session.connection is connection and socket.close_code in (1000, 1001):
                self.end(session)  # a client that says goodbye is offline
            self._leave(connection)
            self.connections.remove(connection)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        return socket

    async def _write(self, connection: Connection) -> None:
        with suppress(ConnectionError):
            while True:
                payload = await connection.outbox.get()
                if isinstance(payload, ClosedError):
                    if payload.code in (4007, 4009) and connection.session is not None:
                        self.end(connection.session)
                    self._leave(connection)
                    await connection.socket.close(code=payload.code, message=str(payload).encode())
                elif connection.deflate is None:
                    await connection.socket.send_str(json.dumps(payload))
                else:
                    data = connection.deflate.compress(json.dumps(payload).encode())
                    await connection.socket.send_bytes(data + connection.deflate.flush(zlib.Z_SYNC_FLUSH))

    async def _watch(self, connection: Connection) -> None:
        """Close the connection of a client whose heart has stopped."""
        while not connection.socket.closed:
            patience = self._server.heartbeat + LATE
            await asyncio.sleep(patience / 4)
            if time.monotonic() - connection.beat > patience and not connection.zombie:
                self._server.complain("gateway: no heartbeat in time")
                connection.outbox.put_nowait(ClosedError(4000, "no heartbeat"))
                return

    async def _converse(self, connection: Connection) -> None:
        query = connection.request.query
        if query.get("v") != "10":
            raise ClosedError(4012, "Invalid API version")
        if query.get("encoding") != "json":
            raise ClosedError(4002, "only JSON is spoken here")
        connection.send(10, {"heartbeat_interval": round(self._server.heartbeat * 1000)})
        async for message in connection.socket:
            payload: Any = None
            with suppress(ValueError):
                payload = json.loads(message.data) if message.type == WSMsgType.TEXT else None
            if not isinstance(payload, dict) or len(message.data) > LARGEST:
                raise ClosedError(4002, "Decode error")
            now = time.monotonic()
            if len(connection.taken) == ALLOWED and now - connection.taken[0] < PER:
                raise ClosedError(4008, "Rate limited")
            connection.taken.append(now)
            if not connection.zombie:
                self._take(connection, payload.get("op"), payload.get("d"))

    def _take(self, connection: Connection, op: Any, d: Any) -> None:
        if op == 1:
            self._heartbeat(connection, d)
            return
        take = {2: self._identify, 3: self._presence, 4: self._voice_state, 6: self._resume, 8: self._members}.get(op)
        if take is None:
            raise ClosedError(4001, f"Unknown opcode {op!r}")
        if (op in (2, 6)) == (connection.session is not None):
            raise ClosedError(4005, "Already authenticated") if op in (2, 6) else ClosedError(4003, "Not authenticated")
        if not isinstance(d, dict):
            raise ClosedError(4002, f"Invalid payload of opcode {op}")
        take(connection, d)

    def _heartbeat(self, connection: Connection, d: Any) -> None:
        connection.beat, connection.beats = time.monotonic(), connection.beats + 1
        last = connection.session.seq if connection.session else None
        if d is not None and (not isinstance(d, int) or (last is not None and d > last)):
            raise ClosedError(4002, f"a heartbeat with the sequence {d!r}")
        connection.send(11)

    def _identify(self, connection: Connection, d: dict[str, Any]) -> None:
        if fault := self._server.faults.take(*GATEWAY):
            self._commit(connection, fault)
            return
        if d.get("token") != self._server.token:
            raise ClosedError(4004, "Authentication failed")
        intents = d.get("intents")
        if not isinstance(intents, int) or intents & ~_KNOWN:
            raise ClosedError(4013, "Invalid intent(s)")
        if intents & sum(PRIVILEGED.values()) & ~self._server.privileged:
            raise ClosedError(4014, "Disallowed intent(s)")
        if set(d.get("properties") or {}) != {"os", "browser", "device"}:
            raise ClosedError(4002, "properties are missing")
        if d.get("shard", [0, 1]) != [0, 1]:
            raise ClosedError(4010, "Invalid shard")
        while len(self.sessions) >= 100:
            self.end(next(iter(self.sessions.values())))
        session = Session(secrets.token_hex(16), intents, connection=connection)
        self.sessions[session.id] = session
        connection.session = session
        self.identified += 1
        world = self._server.world
        guilds = [{"id": str(world.guild), "unavailable": True}]
        self.to(session, "READY", {
            "v": 10, "user": world.bot.shape(), "guilds": guilds, "session_id": session.id, "private_channels": [],
            "resume_gateway_url": self._server.gateway_url, "session_type": "normal",
            "application": {"id": str(world.bot.id), "flags": 0}, **({"shard": d["shard"]} if "shard" in d else {}),
        })  # fmt: skip
        if intents & GUILDS:
            self.to(session, "GUILD_CREATE", world.guild_create_shape(bool(intents & PRESENCES)))

    def _resume(self, connection: Connection, d: dict[str, Any]) -> None:
        if fault := self._server.faults.take(*GATEWAY):
            self._commit(connection, fault)
            return
        if d.get("token") != self._server.token:
            raise ClosedError(4004, "Authentication failed")
        session = self.sessions.get(str(d.get("session_id")))
        if session is None:
            connection.send(9, False)
            return
        seq = d.get("seq")
        if not isinstance(seq, int) or not 0 <= seq <= session.seq:
            self.end(session)
            raise ClosedError(4007, "Invalid seq")
        if session.kept and session.kept[0][0] > seq + 1:  # too much was missed
            self.end(session)
            connection.send(9, False)
            return
        if session.connection is not None:
            session.connection.abort()
        session.connection, connection.session = connection, session
        for number, payload in list(session.kept):
            if number > seq:
                connection.send(**payload)
        self.resumed += 1
        self.to(session, "RESUMED", {})

    def _presence(self, connection: Connection, d: dict[str, Any]) -> None:
        if d.keys() != {"since", "activities", "status", "afk"} or not isinstance(d["activities"], list):
            raise ClosedError(4002, "an incomplete presence")
        if d["status"] not in ("online", "dnd", "idle", "invisible", "offline"):
            raise ClosedError(4002, f"the status {d['status']!r}")
        self.presences.append(d)

    def _voice_state(self, connection: Connection, d: dict[str, Any]) -> None:
        session = connection.session
        assert session is not None
        if d.keys() != {"guild_id", "channel_id", "self_mute", "self_deaf"}:
            raise ClosedError(4002, "an incomplete voice state")
        self._server.voice.wish(session, d)

    def _members(self, connection: Connection, d: dict[str, Any]) -> None:
        session, world = connection.session, self._server.world
        assert session is not None
        query, asked = d.get("query"), d.get("user_ids")
        if str(d.get("guild_id")) != str(world.guild) or (query is None) == (asked is None):
            raise ClosedError(4002, "a request for members of no guild, or for nobody")
        if query == "" and not d.get("limit") and not session.intents & MEMBERS:
            raise ClosedError(4014, "Disallowed intent(s)")
        wanted = [str(one) for one in (asked if isinstance(asked, list) else [asked])]
        found = [world.users[id_] for id_ in world.members
                 if (str(id_) in wanted if query is None else world.users[id_].name.startswith(query))]  # fmt: skip
        found = found[: d.get("limit") or (len(found) if query == "" else 100)]
        batches = [found[at : at + 1000] for at in range(0, max(len(found), 1), 1000)]
        for index, batch in enumerate(batches):
            chunk: dict[str, Any] = {
                "guild_id": str(world.guild), "members": [world.member_shape(user) for user in batch],
                "chunk_index": index, "chunk_count": len(batches),
            }  # fmt: skip
            if d.get("presences") and session.intents & PRESENCES:
                chunk["presences"] = [world.presence_shape(user) for user in batch]
            if len(str(d.get("nonce", ""))) in range(1, 33):
                chunk["nonce"] = d["nonce"]
            self.to(session, "GUILD_MEMBERS_CHUNK", chunk)
