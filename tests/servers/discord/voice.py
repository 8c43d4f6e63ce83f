"""The voice server of the local Discord: its gateway (version 8) and its UDP side.

https://discord.com/developers/docs/topics/voice-connections
"""

import asyncio
import json
import random
import secrets
import time
from collections import deque
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from aiohttp import WSMsgType, web

from . import faults, rtp
from .gateway import LATE, ClosedError, Session
from .world import VOICE, Channel, User, VoiceState

if TYPE_CHECKING:
    from . import DiscordServer

_KEPT = 1000
_MOST = 100_000
"""Frames that are remembered."""


@dataclass(frozen=True)
class Frame:
    """One Opus frame that a client sent."""

    opus: bytes = field(repr=False)
    sequence: int
    timestamp: int
    ssrc: int
    at: float
    """Seconds of the monotonic clock."""


@dataclass(eq=False)
class Call:
    """One client's place in a voice channel: it outlives a connection that drops, and can be resumed."""

    session: str
    token: str
    channel: Channel
    ssrc: int
    mode: str = ""
    key: bytes = field(default=b"", repr=False)
    address: tuple[str, int] | None = None
    seq: int = -1
    kept: deque[tuple[int, dict[str, Any]]] = field(default_factory=lambda: deque(maxlen=_KEPT))
    line: "Line | None" = None
    identified: bool = False
    spoke: bool = False
    """Has told its ssrc (opcode 5), without which it may send no sound."""
    speaking: int = 0
    last: rtp.Packet | None = None
    counter: int = 0
    """Of the packets that went to it."""
    speakers: dict[int, list[int]] = field(default_factory=dict[int, list[int]])
    """What those who spoke to it send with: ssrc, sequence, timestamp."""

    def send(self, op: int, d: Any, numbered: bool = False) -> None:
        payload = {"op": op, "d": d}
        if numbered:
            self.seq += 1
            payload["seq"] = self.seq
            self.kept.append((self.seq, payload))
        if self.line is not None:
            self.line.outbox.put_nowait(payload)

    def close(self, code: int, told: str) -> None:
        if self.line is not None:
            self.line.outbox.put_nowait(ClosedError(code, told, blame=False))


@dataclass(eq=False)
class Line:
    """One WebSocket of the voice gateway."""

    socket: web.WebSocketResponse
    request: web.Request
    outbox: "asyncio.Queue[dict[str, Any] | ClosedError]" = field(default_factory=lambda: asyncio.Queue(10_000))
    call: Call | None = None
    beat: float = field(default_factory=time.monotonic)

    def abort(self) -> None:
        if self.request.transport is not None:
            self.request.transport.abort()


class VoiceServer(asyncio.DatagramProtocol):
    """The voice gateway and the UDP socket of one server."""

    def __init__(self, server: "DiscordServer") -> None:
        self._server = server
        self.frames: deque[Frame] = deque(maxlen=_MOST)
        """What clients sent, opened, as it came."""
        self.speaking: deque[int] = deque(maxlen=1000)
        """The flags of every opcode 5 that came."""
        self.calls: list[Call] = []
        self.lines: list[Line] = []
        self.modes: tuple[str, ...] = rtp.MODES
        self.identified = self.resumed = self.lost = self.beats = 0
        self.dave: deque[int] = deque(maxlen=100)
        """The highest version of DAVE that each client offered."""
        self._late: VoiceState | None = None
        """That the bot has left, where nobody was told yet."""
        self._udp: asyncio.DatagramTransport | None = None
        self._random = random.Random(7)

    async def open(self) -> None:
        loop = asyncio.get_running_loop()
        self._udp, _ = await loop.create_datagram_endpoint(lambda: self, local_addr=("127.0.0.1", 0))

    def close(self) -> None:
        if self._udp is not None:
            self._udp.close()

    # --- who is on the air

    def wish(self, session: Session, d: dict[str, Any]) -> None:
        """Take a client's opcode 4 of the main gateway: into a channel, to another, out, or muted."""
        world = self._server.world
        state = world.voices.get(world.bot.id)
        channel = None if d["channel_id"] is None else world.channels.get(int(d["channel_id"]))
        if d["channel_id"] is None:
            if state is not None:
                self.hang_up(world.bot, close=False, late=bool(self._server.faults.take(*faults.LEAVING)))
            return
        if self._late is not None:
            late, self._late = self._late, None
            self._server.sessions.voice_state(late)
        if str(d["guild_id"]) != str(world.guild) or channel is None or channel.kind != VOICE:
            self._server.complain(f"gateway: no voice channel {d['channel_id']}")
            return
        full = channel.user_limit and len(self.people(channel)) >= channel.user_limit
        if not world.may("view_channel", "connect", channel=channel) or (full and not world.may("move_members")):
            return  # the real one says nothing, too
        if state is not None and state.channel is channel:
            muted = (state.self_mute, state.self_deaf) != (d["self_mute"], d["self_deaf"])
            state.self_mute, state.self_deaf = d["self_mute"], d["self_deaf"]
            if muted:
                self._server.sessions.voice_state(state)
                return
        state = VoiceState(world.bot, channel, session.id, d["self_mute"], d["self_deaf"])
        self.admit(session, state)

    def admit(self, session: Session, state: VoiceState) -> None:
        """Put the client into a channel, and tell it where the voice server is, with a ticket of its own."""
        world, channel = self._server.world, state.channel
        assert channel is not None
        moved = [call for call in self.calls if call.channel is not channel]
        world.voices[world.bot.id] = state
        self._server.sessions.voice_state(state)
        for call in moved:
            self.calls.remove(call)
            call.close(4014, "Disconnected.")
        self.calls = [call for call in self.calls if call.line is not None][-9:]
        call = Call(state.session, secrets.token_hex(8), channel, self._random.randrange(1000, 1_000_000))
        self.calls.append(call)
        data = {"token": call.token, "guild_id": str(world.guild), "endpoint": self._server.endpoint}
        self._server.sessions.to(session, "VOICE_SERVER_UPDATE", data)

    def people(self, channel: Channel) -> list[User]:
        return [state.user for state in self._server.world.voices.values() if state.channel is channel]

    def joins(self, state: VoiceState) -> None:
        """Note somebody's voice state, and tell everybody in the channel."""
        world = self._server.world
        before = world.voices.get(state.user.id)
        if before is not None and before.channel is not state.channel:
            self._tell_gone(before)
        world.voices[state.user.id] = state
        self._server.sessions.voice_state(state)
        for call in self.calls:
            if call.channel is state.channel and call.mode and (before is None or before.channel is not state.channel):
                call.send(11, {"user_ids": [str(state.user.id)]}, numbered=True)

    def hang_up(self, user: User, close: bool = True, late: bool = False) -> None:
        """Take somebody off the air; a client's own connection is closed with 4014. ``late``: tell it later."""
        state = self._server.world.voices.pop(user.id, None)
        if state is None:
            return
        gone = VoiceState(user, None, state.session, state.self_mute, state.self_deaf)
        if late:
            self._late = gone
        else:
            self._server.sessions.voice_state(gone)
        if user is self._server.world.bot:
            calls, self.calls = self.calls, []
            for call in calls:
                if close:
                    call.close(4014, "Disconnected.")
        else:
            self._tell_gone(state)

    def _tell_gone(self, state: VoiceState) -> None:
        for call in self.calls:
            if call.channel is state.channel and call.mode:
                call.speakers.pop(state.user.id, None)
                call.send(13, {"user_id": str(state.user.id)}, numbered=True)

    # --- its gateway

    async def serve(self, request: web.Request) -> web.StreamResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        line = Line(socket, request)
        self.lines.append(line)
        tasks = [asyncio.create_task(one) for one in (self._write(line), self._watch(line))]
        try:
            await self._converse(line)
        except ClosedError as closed:
            self._server.blame(closed, "voice")
            await socket.close(code=closed.code, message=str(closed).encode()[:120])
        except ConnectionError:
            pass
        finally:
            self.lines.remove(line)
            if line.call is not None and line.call.line is line:
                line.call.line = None
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        return socket

    async def _write(self, line: Line) -> None:
        with suppress(ConnectionError):
            while True:
                payload = await line.outbox.get()
                if isinstance(payload, ClosedError):
                    await line.socket.close(code=payload.code, message=str(payload).encode())
                else:
                    await line.socket.send_str(json.dumps(payload))

    async def _watch(self, line: Line) -> None:
        while not line.socket.closed:
            patience = self._server.voice_heartbeat + LATE
            await asyncio.sleep(patience / 4)
            if time.monotonic() - line.beat > patience:
                self._server.complain("voice: no heartbeat in time")
                line.outbox.put_nowait(ClosedError(4009, "Session timeout"))
                return

    async def _converse(self, line: Line) -> None:
        if line.request.query.get("v") != "8":
            raise ClosedError(4020, "this server speaks version 8")
        line.outbox.put_nowait({"op": 8, "d": {"v": 8, "heartbeat_interval": self._server.voice_heartbeat * 1000}})
        async for message in line.socket:
            if message.type == WSMsgType.BINARY:
                raise ClosedError(4001, "DAVE is not spoken here")
            payload: Any = None
            with suppress(ValueError):
                payload = json.loads(message.data)
            if not isinstance(payload, dict):
                raise ClosedError(4002, "Failed to decode payload")
            op: Any = payload.get("op")
            d: Any = payload.get("d")
            take = {0: self._identify, 1: self._select, 3: self._heartbeat, 5: self._speaks, 7: self._resume}.get(op)
            if take is None:
                raise ClosedError(4001, f"Unknown opcode {op!r}")
            if op != 3 and (op in (0, 7)) == (line.call is not None):
                raise (
                    ClosedError(4005, "Already authenticated")
                    if op in (0, 7)
                    else ClosedError(4003, "Not authenticated")
                )
            if not isinstance(d, dict):
                raise ClosedError(4002, f"Invalid payload of opcode {op}")
            take(line, d)

    def misbehave(self) -> None:
        """Commit what faults wait, on the open call; without one they wait on."""
        for call in [one for one in self.calls if one.line is not None]:
            if fault := self._server.faults.take(*faults.VOICE):
                self._commit(call, fault)

    def _commit(self, call: Call, fault: str) -> None:
        if fault == "voice:4014":  # kicked out
            self.hang_up(self._server.world.bot)
        elif fault != "voice:drop":
            call.close(int(fault.partition(":")[2]), "told to")
            if fault in ("voice:4006", "voice:4009"):  # cannot be resumed
                self.calls.remove(call)
        elif call.line is not None:
            call.line.abort()

    def _known(self, d: dict[str, Any]) -> Call:
        world = self._server.world
        if str(d.get("server_id")) != str(world.guild):
            raise ClosedError(4011, "Server not found")
        call = next((one for one in self.calls if one.token == d.get("token")), None)
        if call is None or call.session != d.get("session_id"):
            raise ClosedError(4006, "Session is no longer valid", blame=False)
        return call

    def _identify(self, line: Line, d: dict[str, Any]) -> None:
        call = self._known(d)
        if str(d.get("user_id")) != str(self._server.world.bot.id):
            raise ClosedError(4004, "Authentication failed")
        call.line, line.call, call.identified = line, call, True
        self.identified += 1
        self.dave.append(int(d.get("max_dave_protocol_version") or 0))
        if fault := self._server.faults.take(*faults.VOICE):
            self._commit(call, fault)
            return
        assert self._udp is not None
        ip, port = self._udp.get_extra_info("sockname")
        call.send(2, {"ssrc": call.ssrc, "ip": ip, "port": port, "modes": list(self.modes), "experiments": [],
                      "streams": [], "heartbeat_interval": 1})  # fmt: skip

    def _select(self, line: Line, d: dict[str, Any]) -> None:
        call, data = line.call, d.get("data")
        assert call is not None
        if d.get("protocol") != "udp":
            raise ClosedError(4012, "Unknown protocol")
        if not isinstance(data, dict) or not data.get("address") or not isinstance(data.get("port"), int):
            raise ClosedError(4020, "Bad request")
        if data.get("mode") not in self.modes:
            raise ClosedError(4016, "Unknown encryption mode")
        call.mode, call.key = data["mode"], secrets.token_bytes(32)
        call.address = call.address or (data["address"], data["port"])
        others = [str(user.id) for user in self.people(call.channel) if user is not self._server.world.bot]
        if others:
            call.send(11, {"user_ids": others}, numbered=True)
        call.send(4, {"mode": call.mode, "secret_key": list(call.key), "dave_protocol_version": 0,
                      "audio_codec": "opus", "media_session_id": call.token})  # fmt: skip

    def _heartbeat(self, line: Line, d: Any) -> None:
        line.beat, self.beats = time.monotonic(), self.beats + 1
        acknowledged = d.get("seq_ack", -1)
        if not isinstance(d.get("t"), int) or not isinstance(acknowledged, int):
            raise ClosedError(4020, "Bad request")
        if line.call is not None and not -1 <= acknowledged <= line.call.seq:
            self._server.complain(f"voice: a heartbeat with seq_ack {acknowledged}")
        line.outbox.put_nowait({"op": 6, "d": {"t": d["t"]}})

    def _speaks(self, line: Line, d: dict[str, Any]) -> None:
        call = line.call
        assert call is not None
        if d.get("ssrc") != call.ssrc or not isinstance(d.get("speaking"), int):
            raise ClosedError(4020, "Invalid SSRC")
        call.spoke, call.speaking = True, d["speaking"]
        self.speaking.append(call.speaking)

    def _resume(self, line: Line, d: dict[str, Any]) -> None:
        call, acknowledged = self._known(d), d.get("seq_ack", -1)
        missed = [payload for number, payload in call.kept if number > acknowledged]
        if not call.identified or not -1 <= acknowledged <= call.seq or len(missed) < call.seq - acknowledged:
            raise ClosedError(4006, "Session is no longer valid")
        if call.line is not None:
            call.line.abort()
        call.line, line.call = line, call
        self.resumed += 1
        line.outbox.put_nowait({"op": 9, "d": None})
        for payload in missed:
            line.outbox.put_nowait(payload)

    # --- UDP

    def datagram_received(self, data: bytes, addr: tuple[Any, ...]) -> None:
        if self._server.is_down or self._udp is None:
            return
        if asked := rtp.discovery(data, addr[0], addr[1]):
            call = next((one for one in self.calls if one.ssrc == asked[0]), None)
            if call is not None:
                call.address = (addr[0], addr[1])
                self._udp.sendto(asked[1], addr)
            return
        call = next((one for one in self.calls if one.address == addr and one.mode), None)
        if call is None or len(data) == 8:  # a stranger, or what keeps a router's door open
            return
        if self._random.random() < self._server.faults.loss:
            self.lost += 1
            return
        try:
            self._hear(call, data)
        except ValueError as wrong:
            self._server.complain(f"UDP: {wrong}")

    def _hear(self, call: Call, data: bytes) -> None:
        packet = rtp.opened(call.mode, call.key, data)
        if packet.ssrc != call.ssrc or not call.spoke:
            raise ValueError("sound before opcode 5, or with another ssrc")
        last, call.last = call.last, packet
        if last is not None and not self._server.faults.loss:
            if packet.counter == last.counter:
                raise ValueError(f"the nonce {packet.counter} was used before")
            if packet.sequence != (last.sequence + 1) % 65_536:
                raise ValueError(f"the sequence {packet.sequence} after {last.sequence}")
            step = (packet.timestamp - last.timestamp) % 2**32
            if not step or step % (rtp.FRAME // 8):  # Opus frames last 2.5 ms or a multiple
                raise ValueError(f"the timestamp {packet.timestamp} after {last.timestamp}")
        self.frames.append(Frame(packet.opus, packet.sequence, packet.timestamp, packet.ssrc, time.monotonic()))

    async def speak(self, user: User, opus: Iterable[bytes], pace: float = 0.02, silence: int = 5) -> None:
        """Let somebody speak: 20 ms a frame, ``pace`` seconds apart, and then frames of silence, as clients do."""
        state = self._server.world.voices.get(user.id)
        heard = [call for call in self.calls if state is not None and call.channel is state.channel and call.mode]
        if state is None:
            raise ValueError(f"{user.name} is in no voice channel")
        for call in heard:
            if user.id not in call.speakers:
                sender = [self._random.randrange(1000, 1_000_000), *(self._random.randrange(n) for n in (2**16, 2**32))]
                call.speakers[user.id] = sender
                call.send(5, {"user_id": str(user.id), "ssrc": sender[0], "speaking": 1}, numbered=True)
                self._to(call, rtp.report(call.mode, call.key, self._counter(call), sender[0]))
        await asyncio.sleep(0)
        held: dict[Call, bytes] = {}
        due = time.monotonic()
        for frame in (*opus, *(rtp.SILENCE,) * silence):
            for call in heard:
                if call in self.calls and user.id in call.speakers:
                    self._pass_on(call, call.speakers[user.id], frame, held)
            due += pace
            await asyncio.sleep(max(due - time.monotonic(), 0))
        for call, packet in held.items():
            self._to(call, packet)
        for call in heard:
            if user.id in call.speakers:  # time goes on while nobody speaks
                call.speakers[user.id][2] += rtp.FRAME * 50

    def _counter(self, call: Call) -> int:
        call.counter = (call.counter + 1) % 2**32
        return call.counter

    def _pass_on(self, call: Call, sender: list[int], frame: bytes, held: dict[Call, bytes]) -> None:
        """Send one frame; where packets are to be reordered, every other waits for the one after it."""
        ssrc, sequence, timestamp = sender
        sender[1:] = [(sequence + 1) % 2**16, (timestamp + rtp.FRAME) % 2**32]
        state = self._server.world.voices.get(self._server.world.bot.id)
        if state is None or state.self_deaf:  # the deaf are sent nothing
            return
        if self._random.random() < self._server.faults.loss:
            self.lost += 1
            return
        packet = rtp.sound(call.mode, call.key, self._counter(call), sequence, timestamp % 2**32, ssrc, frame)
        if self._server.faults.reorder and call not in held:
            held[call] = packet
            return
        self._to(call, packet)
        if call in held:
            self._to(call, held.pop(call))

    def _to(self, call: Call, packet: bytes) -> None:
        if self._udp is not None and call.address is not None and not self._server.is_down:
            self._udp.sendto(packet, call.address)
