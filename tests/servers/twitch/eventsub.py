"""EventSub over WebSocket, to the letter: welcome, keepalive, reconnect, revocation, close codes, and its faults.

https://dev.twitch.tv/docs/eventsub/handling-websocket-events, /eventsub/websocket-reference
"""

import asyncio
import json
from contextlib import suppress
from typing import Any

from aiohttp import WSMsgType, web

from tests.servers.faulty import abort
from tests.servers.twitch.login import Login
from tests.servers.twitch.misshapen import GARBAGE, misshape, unknown
from tests.servers.twitch.state import AT_ONCE, OF_FIELDS, OF_MESSAGES, Session, Subscription, Token, stamp

CLOSES = {
    4000: "internal server error", 4001: "sent inbound traffic", 4002: "failed ping pong", 4003: "connection unused",
    4004: "client reconnect grace time expired", 4005: "network timeout", 4006: "network error",
    4007: "invalid reconnect attempt",
}  # fmt: skip
BURST = 1_000_000
"""Characters of the frames of a burst."""
_MATCHED = ("broadcaster_user_id", "to_broadcaster_user_id", "from_broadcaster_user_id")


class EventSub(Login):
    """The sockets: who is connected, and what is told to whom."""

    # --- what a test does

    def close(self, code: int) -> None:
        """Close all open sockets with a code."""
        for session in self.sessions:
            session.outgoing.put_nowait(code)

    def drop(self) -> None:
        """Break all sockets without a close frame."""
        for session in list(self.sessions):
            self._leave(session)
            abort(session.request)

    async def reconnect(self) -> None:
        """Ask all clients to move, and wait until that is written: their old sockets stay up for the grace."""
        dead = bool(self.taken("dead_reconnect"))
        for session in [one for one in self.sessions if not one.moving]:
            session.moving = f"move{next(self._ids):028d}"
            where = f"{self.eventsub}?reconnect_token={session.moving}&session={session.id}"
            if dead:  # nobody listens on the port for discarded packets
                where = "ws://127.0.0.1:9/ws?reconnect_token=" + session.moving
            told = self._told(session, "reconnecting", None, where)
            self._put(session, self._frame("session_reconnect", {"session": told}))
            self._later(self.times.grace, self._expire, session)
        await self.flushed()

    def revoke_subscriptions(self, status: str = "authorization_revoked", kind: str = "") -> None:
        """Revoke all subscriptions, or those of a type, for a reason that Twitch has."""
        for subscription in self.subscriptions:
            if not kind or subscription.type == kind:
                self._revoke_one(subscription, status)

    def withdraw(self, token: Token) -> None:
        for subscription in self.subscriptions:
            if subscription.token is token:
                self._revoke_one(subscription, "authorization_revoked")

    async def flushed(self) -> None:
        """Wait until all that has happened is written to the sockets; what was held back comes now."""
        for session in list(self.sessions):
            for frame in session.held:
                self._put(session, frame)
            session.held.clear()
            if not session.mute:
                await session.outgoing.join()

    # --- what is told

    def emit(self, kind: str, event: dict[str, Any]) -> int:
        found = [one for one in self.subscriptions if one.type == kind and _concerns(one.condition, event)]
        for subscription in found:
            self._notify(subscription, event)
        self.lost += not found
        return len(found)

    def act(self, what: str) -> bool:
        sessions = list(self.sessions)
        for session in sessions:
            self._act_on(session, what)
        return bool(sessions)

    def _act_on(self, session: Session, what: str) -> None:
        kind, _, code = what.partition(":")
        match kind:
            case "close":
                session.outgoing.put_nowait(int(code))
            case "drop":
                self._leave(session)
                abort(session.request)
            case "silence":
                session.mute = True
            case "half_open":
                session.mute = session.half_open = True
                if session.request.transport:
                    session.request.transport.pause_reading()
            case "no_keepalive":
                session.keepalive = float("inf")
            case "garbage":
                for frame in GARBAGE:
                    self._put(session, frame)
            case "unknown_type":
                for frame in unknown(self.new_id(), session.id):
                    self._put(session, frame)
            case "revoke":
                for subscription in list(session.subscriptions.values()):
                    self._revoke_one(subscription, "authorization_revoked")
            case _:
                self._burst(session)

    def _burst(self, session: Session) -> None:
        found = [one for one in session.subscriptions.values() if one.type == "channel.chat.message"]
        size = 0
        while found and size < BURST:
            frame = self._notification(found[0], self.line_of("flood", f"I am one of many ({size})"))
            self._put(session, frame)
            size += len(frame)

    def line_of(self, user: str, text: str) -> dict[str, Any]:
        """Return the event of a message in the chat."""
        raise NotImplementedError

    def _notify(self, subscription: Subscription, event: dict[str, Any]) -> None:
        session = subscription.session
        fault = self.taken(*OF_MESSAGES, *OF_FIELDS)
        frame = self._notification(subscription, event, fault)
        if fault == "reorder":
            session.held.append(frame)
            return
        for one in [frame, *session.held, *([frame] if fault == "duplicate" else [])]:
            self._put(session, one)
        session.held.clear()

    def _notification(self, subscription: Subscription, event: dict[str, Any], fault: str = "") -> str:
        payload = {"subscription": subscription.told(), "event": event}
        more = {"subscription_type": subscription.type, "subscription_version": subscription.version}
        ago = 660.0 if fault == "old_message" else 0.0
        return misshape(self._frame("notification", payload, ago, **more), fault)

    def _revoke_one(self, subscription: Subscription, status: str) -> None:
        subscription.status = status
        subscription.session.subscriptions.pop(subscription.id, None)
        more = {"subscription_type": subscription.type, "subscription_version": subscription.version}
        payload = {"subscription": subscription.told()}
        self._put(subscription.session, self._frame("revocation", payload, 0.0, **more))

    def _frame(self, kind: str, payload: dict[str, Any], ago: float = 0.0, **more: Any) -> str:
        head = {"message_id": self.new_id(), "message_type": kind, "message_timestamp": stamp(ago), **more}
        return json.dumps({"metadata": head, "payload": payload})

    def _told(self, session: Session, status: str, keepalive: float | None, where: str | None) -> dict[str, Any]:
        return {"id": session.id, "status": status, "connected_at": session.connected_at,
                "keepalive_timeout_seconds": keepalive, "reconnect_url": where}  # fmt: skip

    def _put(self, session: Session, frame: str) -> None:
        if not session.mute and not session.left:
            session.outgoing.put_nowait(frame)

    # --- a connection

    async def serve_socket(self, request: web.Request) -> web.StreamResponse:
        if fault := self.taken("connect:"):
            return web.Response(status=int(fault.partition(":")[2]))
        socket = web.WebSocketResponse(autoping=False, max_msg_size=65_536, timeout=2.0)
        await socket.prepare(request)
        self.connections += 1
        session = self._opened(request, socket)
        token = request.query.get("reconnect_token", "")
        old = next((one for one in self.sessions if token and one.moving == token), None)
        if token and (old is None or old.moved):
            self.complain("a connection came with a reconnect_url that is not valid")
            await self._shut(session, 4007)
            return socket
        self.sessions.append(session)
        if old:
            self._move(old, session)
        tasks = [asyncio.ensure_future(work) for work in (self._write(session), self._keep(session),
                                                          self._ping(session))]  # fmt: skip
        try:
            self._welcome(session)
            await self._read(session)
        except ConnectionError:
            pass
        finally:
            self._leave(session)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        return socket

    def _opened(self, request: web.Request, socket: web.WebSocketResponse) -> Session:
        try:
            wished = float(request.query["keepalive_timeout_seconds"])
        except (KeyError, ValueError):
            wished = self.times.keepalive
        told = self.keepalive or min(max(wished, 10.0), 600.0)
        real = self.keepalive or told * self.second
        identity = f"AgoQ{next(self._ids):032d}IGY2VsbC1j"
        return Session(identity, socket, request, real, told, stamp())

    def _move(self, old: Session, new: Session) -> None:
        """Let a new connection take over what the old one had subscribed to; its session has an id of its own."""
        old.moved = True
        new.subscriptions, old.subscriptions = old.subscriptions, {}
        new.subscribed = True
        for subscription in new.subscriptions.values():
            subscription.session = new

    def _welcome(self, session: Session) -> None:
        fault = self.taken("welcome:")
        if fault == "welcome:none":
            session.mute = True
        elif fault == "welcome:garbage":
            self._put(session, '{"metadata": {"message_type": "session_welcome"}, "payload": {"session": null}}')
        else:
            told = int(session.told_keepalive) if session.told_keepalive % 1 == 0 else session.told_keepalive
            body = self._told(session, "connected", told, None)
            if fault == "welcome:extra":
                body |= {"recovery_url": None, "wishes": ["good luck"]}
            self._put(session, self._frame("session_welcome", {"session": body}))
        self._later(self.times.first, self._unused, session)
        if at_once := self.taken(*AT_ONCE):
            self._act_on(session, at_once)

    async def _read(self, session: Session) -> None:
        """Read what may not come: a client answers pings and is silent else."""
        async for message in session.socket:
            if message.type is WSMsgType.PING:
                await session.socket.pong(message.data)
            elif message.type is WSMsgType.PONG:
                session.ponged.set()
            else:
                self.complain(f"the client sent a {message.type.name} frame")
                await self._shut(session, 4001)
                return

    async def _write(self, session: Session) -> None:
        """Send what is told, in its order; a number closes the connection."""
        while True:
            what = await session.outgoing.get()
            try:
                if isinstance(what, int):
                    await self._shut(session, what)
                elif not session.mute and not session.socket.closed:
                    session.spoke = asyncio.get_running_loop().time()
                    await session.socket.send_str(what)
            except ConnectionError:
                self._leave(session)
            finally:
                session.outgoing.task_done()

    async def _keep(self, session: Session) -> None:
        """Send a keepalive wherever nothing else was sent for as long as was promised."""
        loop = asyncio.get_running_loop()
        session.spoke = loop.time()
        while True:
            rest = session.spoke + session.keepalive - loop.time()
            if rest <= 0:
                self._put(session, self._frame("session_keepalive", {}))
                session.spoke = loop.time()
            await asyncio.sleep(min(max(rest, session.keepalive / 20, 0.001), 3600.0, 1.0))

    async def _ping(self, session: Session) -> None:
        while not session.socket.closed:
            await asyncio.sleep(self.ping)
            if session.half_open:
                return
            session.ponged.clear()
            with suppress(ConnectionError):
                await session.socket.ping()
            try:
                async with asyncio.timeout(self.pong):
                    await session.ponged.wait()
            except TimeoutError:
                self.complain("the client did not answer a ping")
                session.outgoing.put_nowait(4002)
                return

    async def _shut(self, session: Session, code: int) -> None:
        self._leave(session)
        if session.half_open:
            abort(session.request)
            return
        with suppress(ConnectionError):
            await session.socket.close(code=code, message=CLOSES[code].encode())

    def _leave(self, session: Session) -> None:
        """Forget a session: all that it was subscribed to is gone."""
        session.left = True
        session.subscriptions.clear()
        if session in self.sessions:
            self.sessions.remove(session)
        while not session.outgoing.empty():
            session.outgoing.get_nowait()
            session.outgoing.task_done()

    def _later(self, seconds: float, do: Any, session: Session) -> None:
        asyncio.get_running_loop().call_later(seconds * self.second, do, session)

    def _unused(self, session: Session) -> None:
        if not session.subscribed and not session.left:
            if not session.mute:
                self.complain("a connection was not used: no subscription in time")
            session.outgoing.put_nowait(4003)

    def _expire(self, session: Session) -> None:
        if not session.left:
            if not session.moved and not session.mute:
                self.complain("the client did not move in time after session_reconnect")
            session.outgoing.put_nowait(4004)


def _concerns(condition: dict[str, str], event: dict[str, Any]) -> bool:
    """Whether an event happened where a condition says; whose eyes see it (user_id, moderator) matters not."""
    if (reward := condition.get("reward_id")) and event.get("reward", {}).get("id") != reward:
        return False
    return all(event.get(name) == value for name, value in condition.items() if name in _MATCHED and value)
