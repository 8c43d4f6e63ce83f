"""The live side of the gateway: one WebSocket a window. The protocol is told in docs/protocol.md."""

import asyncio
import json
import logging
import math
from collections import Counter
from collections.abc import Mapping
from typing import Any, cast

import msgspec
from starlette.websockets import WebSocket, WebSocketDisconnect

from marotte.conversation import Conversation
from marotte.engines.frames import unpack
from marotte.events import PUBLIC, SAMPLE_RATE, Utterance, Viewer
from marotte.gateway.border import address_of
from marotte.gateway.guard import Denied, Guard, Wait, Who
from marotte.gateway.offers import WindowOffers
from marotte.gateway.outbox import Outbox
from marotte.gateway.refused import Refused, turn_away
from marotte.gateway.session import KEPT_SECONDS, Session
from marotte.gateway.waiting import WaitingList
from marotte.gateway.window import (
    LEAD,
    Hello,
    Mistake,
    WindowButton,
    WindowMicrophone,
    WindowOutlet,
    number_of,
    subtitles_of,
    text_of,
)
from marotte.ports import Rank
from marotte.senses.hearing.hearing import Hearing, SoundError
from marotte.show import FloorsTaken, Run

log = logging.getLogger(__name__)

VERSION = 1
MICROPHONE_RATE = 16_000
HELLO_WITHIN = 5.0
MOST_WINDOWS = 500
"""Sessions at once, those that are kept for a window that may come back among them."""
MOST_TEXT = 100
"""Text frames a second."""


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
                who = self._who(hello, socket, address)  # a token may have been revoked meanwhile
            await _Connection(self, socket, address, *self._admit(hello, who)).serve()
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
        private = hello.window == "talk" and hello.floor in ("", "private")
        resumed = self.sessions.get(hello.resume.session) if hello.resume else None
        if not private or (resumed is not None and resumed.floor in self.run.floors):
            return False
        return self.waiting.needed(hello.partner[:200])

    async def _wait(self, socket: WebSocket, hello: Hello) -> None:
        try:
            await self.waiting.wait(socket, hello.partner[:200])
        except FloorsTaken as taken:
            raise Refused(4429, "full", str(taken), retry_after=60) from None

    def _admit(self, hello: Hello, who: Who) -> tuple[Session, Conversation, Hello, int | None]:
        """Find or open the window's session and floor; the last is the ``seq`` from which it resumes."""
        if hello.resume and (session := self.sessions.get(hello.resume.session)):
            floor = self.run.floors.get(session.floor)
            if floor is not None and session.who == who and session.outbox is None:
                return session, floor, hello, hello.resume.seq
        if len(self.sessions) >= MOST_WINDOWS:
            raise Refused(4429, "full", f"{MOST_WINDOWS} windows are open already", retry_after=KEPT_SECONDS)
        floor = self._floor(hello, who)
        own = (hello.floor or "private") == "private"
        session = Session(hello.window, who, floor.name, self.run.bus, own=own and not floor.is_public)
        session.second = lambda: floor.translator.read_by(session.id)
        session.open()
        self.sessions[session.id] = session
        return session, floor, hello, None

    def _floor(self, hello: Hello, who: Who) -> Conversation:
        name = hello.floor or ("private" if hello.window == "talk" else PUBLIC)
        if name == "private":
            if hello.window != "talk":
                raise Refused(4404, "floor", "floor: only a talk window has a private floor")
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
                session.show_out()
            elif session.leaving is not None:
                session.leaving.cancel()
                self._forget(session)

    def left(self, session: Session, *, for_good: bool) -> None:
        """A connection is gone: keep its session for a while, unless it ended ``for_good``."""
        if session.outbox is not None:
            self._missed += session.outbox.missed
        session.outbox = session.show_out = None
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


class _Connection:
    """One connection of a window."""

    def __init__(
        self,
        windows: Windows,
        socket: WebSocket,
        address: str,
        session: Session,
        floor: Conversation,
        hello: Hello,
        seq: int | None,
    ) -> None:
        self._run = windows.run
        self._windows = windows
        self._socket = socket
        self._address = address
        self._session = session
        self._floor = floor
        self._outbox = Outbox()
        # Whoever may only look cannot say what was heard.
        rank = Rank.CLOCK if session.who.rights == "guest" and floor.is_public else Rank.WINDOW
        self._outlet = WindowOutlet(f"window {session.id}", self._outbox, rank)
        self._offers = WindowOffers(session.window, session.id, floor.name, self._outbox, self._run.toolbox)
        self._button = WindowButton(self._outbox)
        self._plays = False
        self._since = seq
        self._name = hello.name[:60]
        self._language = hello.language[:20]
        self._hearing: Hearing | None = None
        self._microphone: WindowMicrophone | None = None
        self._listening: asyncio.Task[None] | None = None
        self._allowance, self._last = float(MOST_TEXT), self._run.clock.now()
        self._read(hello.subtitles)

    async def serve(self) -> None:
        """Greet, then carry frames both ways until either side ends."""
        session = self._session
        if session.leaving is not None:
            session.leaving.cancel()
            session.leaving = None
        sender: asyncio.Task[None] | None = None
        stay = asyncio.timeout(None)
        try:
            async with stay:
                session.show_out = lambda: stay.reschedule(0)
                missed = None if self._since is None else session.missed_since(self._since)
                await self._socket.send_text(json.dumps(self._welcome(resumed=missed is not None)))
                self._catch_up(missed)
                sender = asyncio.create_task(self._outbox.send_to(self._socket.send_text, self._socket.send_bytes))
                await self._receive()
        except TimeoutError:
            raise Refused(4401, "token", "token: it was revoked") from None
        finally:
            if sender is not None:
                sender.cancel()
            self._floor.speaker.detach(self._outlet)
            self._offers.close()
            self._floor.buttons.remove(self._button)
            if self._microphone is not None:
                self._microphone.end()
            self._windows.left(session, for_good=stay.expired())

    def _catch_up(self, missed: list[str] | None) -> None:
        """Tell a window that came back what it missed, a new one what sounds now, and all what happens from now on."""
        session = self._session
        for frame in missed or ():
            self._outbox.put(frame)
        session.outbox = self._outbox
        if missed is None and session.window != "control":
            for event in self._floor.speaker.present():
                session.tell(event)
        if session.window == "talk" and self._may_speak():
            self._run.prepare_to_hear()

    def _welcome(self, *, resumed: bool) -> dict[str, object]:
        card = self._run.show.character
        return {
            "type": "welcome",
            "version": VERSION,
            "session": self._session.id,
            "rights": self._session.who.rights,
            "floor": self._floor.name,
            "resumed": resumed,
            "run": self._run.id,
            "sample": self._floor.speaker.now(),
            "rate": SAMPLE_RATE,
            "lead": LEAD,
            "microphone_rate": MICROPHONE_RATE,
            "partners": len(self._run.floors) - 1,
            "seq": self._session.seq,
            "subtitles": self._session.second(),
            "translates": self._floor.translator.able,
            "character": {"name": card.name, "drawing": card.drawing, "languages": list(card.languages)},
        }

    async def _receive(self) -> None:
        largest = self._run.show.gateway.largest_frame
        while True:
            frame = await self._socket.receive()
            if frame["type"] != "websocket.receive":
                return
            data: str | bytes = frame.get("text") or frame.get("bytes") or b""
            if len(data) > largest:
                raise Refused(4413, "too_large", f"a frame of {len(data)} bytes is larger than {largest}")
            try:
                if isinstance(data, str):
                    self._limit()
                    self._take_text(data)
                else:
                    self._take_sound(data)
            except (Mistake, SoundError) as mistake:
                self._windows.guard.refused["frame"] += 1
                self._tell("mistake", str(mistake))

    def _limit(self) -> None:
        """Let through so many text frames a second."""
        now = self._run.clock.now()
        self._allowance = min(MOST_TEXT, self._allowance + (now - self._last) * MOST_TEXT)
        self._last = now
        if self._allowance < 1:
            raise Mistake(f"more than {MOST_TEXT} frames a second: this one is not read")
        self._allowance -= 1

    def _tell(self, code: str, message: str) -> None:
        self._outbox.put(json.dumps({"type": "error", "code": code, "message": message}))

    # --- text frames

    def _take_text(self, data: str) -> None:
        try:
            frame: Any = msgspec.json.decode(data)
        except (msgspec.DecodeError, UnicodeEncodeError, RecursionError) as error:
            raise Mistake(f"not JSON: {error}") from None
        kind = cast("dict[str, Any]", frame).get("type") if isinstance(frame, dict) else None
        take = getattr(self, f"_on_{kind}", None) if isinstance(kind, str) and kind.isidentifier() else None
        if take is None:
            raise Mistake(f"type: {str(kind)[:40]!r} is no frame of this protocol")
        take(cast("dict[str, Any]", frame))

    def _on_ping(self, frame: dict[str, Any]) -> None:
        self._outbox.put(json.dumps({"type": "pong", "t": number_of(frame, "t"), "sample": self._floor.speaker.now()}))

    def _on_sound(self, frame: dict[str, Any]) -> None:
        if bool(frame.get("on")) != self._plays:
            self._plays = not self._plays
            speaker = self._floor.speaker
            (speaker.attach if self._plays else speaker.detach)(self._outlet)

    def _on_played(self, frame: dict[str, Any]) -> None:
        self._floor.speaker.played(self._outlet, int(number_of(frame, "sample")))

    def _on_text(self, frame: dict[str, Any]) -> None:
        self._speaks()
        text = text_of(frame, "text").strip()
        if text:
            self._keep("text")
            self._run.publish(
                Utterance(
                    at=self._run.clock.wall(),
                    floor=self._floor.name,
                    viewer=self._viewer(),
                    language=self._language,
                    text=text,
                    ear="typed",
                )
            )

    def _on_press(self, frame: dict[str, Any]) -> None:
        self._speaks()
        self._keep("press")
        self._run.orders.cut(self._floor.name, "interrupted by the partner")
        self._ears().press()

    def _on_release(self, frame: dict[str, Any]) -> None:
        self._speaks()
        self._ears().release()

    def _on_microphone(self, frame: dict[str, Any]) -> None:
        self._speaks()
        buttons = self._floor.buttons
        (buttons.add if frame.get("on") else buttons.remove)(self._button)

    def _on_hands_free(self, frame: dict[str, Any]) -> None:
        self._speaks()
        self._ears().hands_free = bool(frame.get("on"))

    def _on_transcript(self, frame: dict[str, Any]) -> None:
        self._speaks()
        self._ears().hear_text(text_of(frame, "text"), bool(frame.get("final")))

    def _on_language(self, frame: dict[str, Any]) -> None:
        self._language = text_of(frame, "language")[:20]
        if self._hearing is not None:
            self._hearing.language = self._language
        if not self._floor.is_public:
            self._run.orders.language(self._floor.name, self._language.split("-")[0])

    def _on_subtitles(self, frame: dict[str, Any]) -> None:
        self._read(subtitles_of(frame))

    def _read(self, language: str | None) -> None:
        """Let this window read a second language; see ``Translator.wish``. A control window is told of all anyway."""
        if self._session.window != "control" and not self._floor.translator.wish(self._session.id, language):
            self._tell("subtitles", f"this floor is read in as many second languages as it can be: no {language} now")

    def _on_name(self, frame: dict[str, Any]) -> None:
        self._name = text_of(frame, "name")[:60]

    def _on_stop(self, frame: dict[str, Any]) -> None:
        if self._session.who.rights != "moderator":
            self._speaks()
        self._keep("stop")
        self._run.orders.cut(self._floor.name, "stopped by the partner")

    def _on_offer(self, frame: dict[str, Any]) -> None:
        if self._session.who.rights != "operator":
            raise Mistake("only an operator's window may offer actions")
        self._keep("offer")
        self._offers.offer(frame, self._run.show.lanes)

    def _on_result(self, frame: dict[str, Any]) -> None:
        self._offers.result(frame)

    def _may_speak(self) -> bool:
        return self._session.own or self._session.who.rights == "operator"

    def _speaks(self) -> None:
        """Refuse a frame by which somebody speaks who may only look and listen."""
        if not self._may_speak():
            raise Mistake("on this floor this window may only look and listen")

    def _keep(self, what: str) -> None:
        """Keep in the audit log what somebody did on a floor that is not their own."""
        if not self._session.own:
            who = self._session.who
            self._windows.guard.audit.write(who.name, who.rights, self._address, f"{what} on {self._floor.name}")

    def _viewer(self) -> Viewer:
        partner = self._floor.partner
        if partner is None:
            return Viewer(id="operator", name=self._name or "the host", platform="talk", roles=("operator",))
        return Viewer(id=partner.id, name=self._name or partner.name, platform=partner.platform)

    # --- sound

    def _take_sound(self, data: bytes) -> None:
        self._speaks()
        try:
            header, payload = unpack(data)
        except ValueError as error:
            raise Mistake(f"binary frame: {error}") from None
        if header.get("type") != "microphone":
            raise Mistake(f"binary frame: type: {str(header.get('type'))[:40]!r} is no frame of this protocol")
        if len(payload) % 2:
            raise Mistake(f"microphone: {len(payload)} bytes are no whole number of 16-bit samples")
        self._ears()
        assert self._microphone is not None
        self._microphone.put(bytes(payload))

    def _ears(self) -> Hearing:
        """Return this connection's ears; they begin to listen when they are first needed."""
        if self._hearing is None or self._listening is None or self._listening.done():
            before = self._hearing
            self._hearing = self._floor.hearing(self._viewer(), self._language)
            self._hearing.hands_free = before is not None and before.hands_free
            self._microphone = WindowMicrophone()
            self._listening = asyncio.create_task(self._listen(self._hearing, self._microphone))
            self._run.warm_ears()
        return self._hearing

    async def _listen(self, hearing: Hearing, microphone: WindowMicrophone) -> None:
        try:
            await hearing.run(microphone)
        except Exception as error:
            log.warning("a microphone on %s is no longer heard: %s", self._floor.name, error)
            self._tell("microphone", str(error))
