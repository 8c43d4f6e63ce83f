"""The live side of the gateway: one WebSocket a window. The protocol is told in docs/protocol.md."""

import asyncio
import logging
import math
from collections import Counter
from collections.abc import Mapping

import msgspec
from starlette.websockets import WebSocket, WebSocketDisconnect

from marotte.conversation import Conversation
from marotte.events import PUBLIC
from marotte.gateway.border import address_of
from marotte.gateway.connection import PARTNERS, VERSION, Connection
from marotte.gateway.guard import Denied, Guard, Wait, Who
from marotte.gateway.refused import Refused, turn_away
from marotte.gateway.session import KEPT_SECONDS, Session
from marotte.gateway.waiting import WaitingList
from marotte.gateway.window import Hello
from marotte.show import FloorsTaken, Run

log = logging.getLogger(__name__)

HELLO_WITHIN = 5.0
MOST_WINDOWS = 500
"""Sessions at once, those that are kept for a window that may come back among them."""


class Windows:
    """All windows of a run."""

    def __init__(self, run: Run, guard: Guard) -> None:
        self.run = run
        self.guard = guard
        self.sessions: dict[str, Session] = {}
        self.waiting = WaitingList(run)
        self._missed = 0
        guard.tokens.on_revoked.append(self._revoked)

    async def serve(self, socket: WebSocket) -> None:
        """Speak with one window until it leaves."""
        await socket.accept()
        try:
            if not self.guard.from_here(socket.headers):
                raise Refused(4403, "origin", "this page comes from elsewhere")
            address = address_of(socket.scope)
            if wait := self.guard.limits.take(address, "window"):
                raise Refused(4429, "rate", "too many windows were opened", retry_after=math.ceil(wait))
            hello = await self._hello(socket)
            who = self._who(hello, socket, address)
            if self._must_wait(hello):
                await self._wait(socket, hello)
            await self._take_over(hello, who)
            who = self._who(hello, socket, address)  # a token may have been revoked meanwhile
            await Connection(self, socket, address, *self._admit(hello, who)).serve()
        except Refused as refused:
            self.guard.refused[refused.code] += 1
            await turn_away(socket, refused)
        except (WebSocketDisconnect, RuntimeError):
            log.debug("a window is gone before it was served")

    async def _hello(self, socket: WebSocket) -> Hello:
        try:
            async with asyncio.timeout(HELLO_WITHIN):
                frame = await socket.receive()
        except TimeoutError:
            raise Refused(4400, "bad_hello", f"no hello came within {HELLO_WITHIN:g} s") from None
        if frame["type"] != "websocket.receive":
            raise WebSocketDisconnect
        try:
            hello = msgspec.json.decode(frame.get("text") or b"", type=Hello)
        except (msgspec.MsgspecError, RecursionError) as error:
            raise Refused(4400, "bad_hello", f"the first frame is no hello: {error}") from None
        if hello.version != VERSION:
            raise Refused(4400, "bad_hello", f"version: this program speaks version {VERSION}, not {hello.version}")
        return hello

    def _who(self, hello: Hello, socket: WebSocket, address: str) -> Who:
        try:
            who = self.guard.admit(hello.token, address, here=self.guard.made_here(socket.headers))
        except Wait as wait:
            raise Refused(4429, "wait", str(wait), retry_after=math.ceil(wait.seconds)) from None
        except Denied as denied:
            raise self._token(str(denied)) from None
        if hello.window == "control" and who.rights == "guest":
            raise self._token("is not enough" if who.id else "needed here")
        return who

    def _token(self, what: str) -> Refused:
        return Refused(4401, "token", f"token: {what}; the operator's is in {self.run.data / 'operator.token'}")

    def _must_wait(self, hello: Hello) -> bool:
        private = hello.window in PARTNERS and hello.floor in ("", "private")
        resumed = self.sessions.get(hello.resume.session) if hello.resume else None
        if not private or (resumed is not None and resumed.floor in self.run.floors):
            return False
        return self.waiting.needed(hello.partner[:200])

    async def _wait(self, socket: WebSocket, hello: Hello) -> None:
        try:
            await self.waiting.wait(socket, hello.partner[:200])
        except FloorsTaken as taken:
            raise Refused(4429, "full", str(taken), retry_after=60) from None

    async def _take_over(self, hello: Hello, who: Who) -> None:
        """End the connection that a window which comes back had: its line may have died without a word."""
        session = self.sessions.get(hello.resume.session) if hello.resume else None
        while session is not None and session.who == who and not session.free.is_set():
            if session.show_out is not None:
                session.show_out("resumed")
            await session.free.wait()

    def _admit(self, hello: Hello, who: Who) -> tuple[Session, Conversation, Hello, int | None]:
        """Find or open the window's session and floor; the last is the ``seq`` from which it resumes."""
        if hello.resume and (session := self.sessions.get(hello.resume.session)):
            floor = self.run.floors.get(session.floor)
            if floor is not None and session.who == who and session.free.is_set():
                return session, floor, hello, hello.resume.seq
        if len(self.sessions) >= MOST_WINDOWS:
            raise Refused(4429, "full", f"{MOST_WINDOWS} windows are open already", retry_after=KEPT_SECONDS)
        self._replace(hello, who)
        floor = self._floor(hello, who)
        own = (hello.floor or "private") == "private"
        session = Session(hello.window, who, floor.name, self.run.bus, own=own and not floor.is_public)
        session.name = hello.name
        session.second = lambda: floor.translator.read_by(session.id)
        session.open()
        self.sessions[session.id] = session
        return session, floor, hello, None

    def _replace(self, hello: Hello, who: Who) -> None:
        """Of two skulls of one name the later counts."""
        for session in list(self.sessions.values()) if hello.window == "skull" else ():
            same = (session.window, session.who, session.name) == ("skull", who, hello.name)
            if same and session.show_out is not None:
                session.show_out("replaced")

    def _floor(self, hello: Hello, who: Who) -> Conversation:
        name = hello.floor or ("private" if hello.window in PARTNERS else PUBLIC)
        if name == "private":
            if hello.window not in PARTNERS:
                raise Refused(4404, "floor", "floor: only a talk window and a skull have a private floor")
            try:
                return self.run.open_floor(hello.partner[:200], hello.name[:60], hello.language[:20])
            except FloorsTaken as taken:
                raise Refused(4429, "full", str(taken), retry_after=60) from None
        if name != PUBLIC and who.rights not in ("operator", "moderator"):
            raise Refused(
                4401, "token", f"floor: a {who.rights} has a private floor of its own, and watches the public one"
            )
        floor = self.run.floors.get(name)
        if floor is None:
            raise Refused(4404, "floor", f"floor: there is no floor {name[:60]!r}")
        return floor

    def _revoked(self, token: str) -> None:
        """Show out every window that came in with a token, and forget it."""
        for session in [session for session in self.sessions.values() if session.who.id == token]:
            if session.show_out is not None:
                session.show_out("revoked")
            elif session.leaving is not None:
                session.leaving.cancel()
                self._forget(session)

    def left(self, session: Session, *, for_good: bool) -> None:
        """A connection is gone: keep its session for a while, unless it ended ``for_good``."""
        if session.outbox is not None:
            self._missed += session.outbox.missed
        session.outbox = session.show_out = None
        session.free.set()
        if for_good:
            self._forget(session)
            return
        loop = asyncio.get_running_loop()
        session.leaving = loop.call_later(KEPT_SECONDS, self._forget, session)

    def _forget(self, session: Session) -> None:
        session.close()
        self.sessions.pop(session.id, None)
        if (floor := self.run.floors.get(session.floor)) is not None:
            floor.translator.wish(session.id, None)
        alone = all(other.floor != session.floor for other in self.sessions.values())
        if alone and session.floor in self.run.floors and not self.run.floors[session.floor].is_public:
            self.run.supervisor.start(f"close {session.floor}", lambda: self._close(session.floor))

    async def _close(self, name: str) -> None:
        floor = self.run.floors.get(name)
        await self.run.close_floor(name)
        if floor is not None:
            self.waiting.ended(self.run.clock.wall() - floor.opened)

    def counts(self) -> dict[str, Mapping[tuple[str, ...], float]]:
        """Return figures for the metrics."""
        connected = [s for s in self.sessions.values() if s.outbox is not None]
        missed = self._missed + sum(s.outbox.missed for s in connected if s.outbox)
        windows = Counter(s.window for s in connected)
        return {
            "marotte_windows": {(window,): float(count) for window, count in windows.items()},
            "marotte_waiting": {(): float(len(self.waiting))},
            "marotte_window_missed_total": {(): float(missed)},
            "marotte_refused_total": {(reason,): float(n) for reason, n in self.guard.refused.items()},
        }
