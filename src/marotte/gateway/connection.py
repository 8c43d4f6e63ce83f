"""One connection of a window: what it sends, and what it is sent. The protocol is told in docs/protocol.md."""

import asyncio
import json
import logging
from typing import TYPE_CHECKING, Any, cast

import msgspec
from msgspec.structs import replace
from starlette.websockets import WebSocket, WebSocketDisconnect

from marotte.conversation import Conversation
from marotte.engines.frames import unpack
from marotte.events import SAMPLE_RATE, Event, Followed, Utterance, Viewer
from marotte.gateway.offers import WindowOffers
from marotte.gateway.outbox import Outbox
from marotte.gateway.refused import Refused
from marotte.gateway.session import Session, Why
from marotte.gateway.skull import JAW, SILENT, Skull, SkullOutlet
from marotte.gateway.window import (
    LEAD,
    Hello,
    Mistake,
    WindowButton,
    WindowCamera,
    WindowMicrophone,
    WindowOutlet,
    number_of,
    subtitles_of,
    text_of,
)
from marotte.ports import Rank
from marotte.senses.hearing.hearing import Hearing, SoundError
from marotte.text.language import base

if TYPE_CHECKING:
    from marotte.gateway.live import Windows

log = logging.getLogger(__name__)

VERSION = 1
MICROPHONE_RATE = 16_000
PARTNERS = ("talk", "skull")
"""Windows with a partner of their own in front of them."""
MOST_TEXT = 100
"""Text frames a second."""
_SHOWN_OUT: dict[Why, tuple[int, str, str]] = {
    "revoked": (4401, "token", "token: it was revoked"),
    "replaced": (4409, "replaced", "another skull of this name has come in its place"),
    "resumed": (4409, "resumed", "this window has come back on another connection"),
}


class Connection:
    """One connection of a window."""

    def __init__(
        self,
        windows: "Windows",
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
        outlet = SkullOutlet if session.window == "skull" else WindowOutlet
        self._outlet = outlet(f"window {session.id}", self._outbox, rank)
        self._plays = False
        self._camera = WindowCamera(f"the camera of {hello.name[:60] or session.window}", self._outbox)
        self._skull = self._be_skull(hello) if session.window == "skull" else None
        self._offers = WindowOffers(session.window, session.id, floor.name, self._outbox, self._run.toolbox)
        self._button = WindowButton(self._outbox)
        self._since = seq
        self._shown_out: Why = "revoked"
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
        session.free.clear()
        # The floor may have been left in another language; a window that comes back has the last word on its own.
        if session.own and self._language and base(self._floor.director.language) != base(self._language):
            self._run.orders.language(self._floor.name, base(self._language))
        sender: asyncio.Task[None] | None = None
        stay = asyncio.timeout(None)

        def show_out(why: Why) -> None:
            session.show_out, self._shown_out = None, why
            stay.reschedule(0)

        try:
            async with stay:
                session.show_out = show_out
                missed = None if self._since is None else session.missed_since(self._since)
                await self._socket.send_text(json.dumps(self._welcome(resumed=missed is not None)))
                self._catch_up(missed)
                sender = asyncio.create_task(self._outbox.send_to(self._socket.send_text, self._socket.send_bytes))
                await self._receive()
        except TimeoutError:
            raise Refused(*_SHOWN_OUT[self._shown_out]) from None
        finally:
            if sender is not None:
                sender.cancel()
            self._floor.speaker.detach(self._outlet)
            self._offers.close()
            self._floor.sight.detach(self._camera)
            self._camera.gone()
            session.heed = None
            self._floor.buttons.remove(self._button)
            if self._microphone is not None:
                self._microphone.end()
            self._windows.left(session, for_good=stay.expired() and self._shown_out != "resumed")

    def _catch_up(self, missed: list[str] | None) -> None:
        """Tell a window that came back what it missed, a new one what sounds now, and all what happens from now on."""
        session = self._session
        for frame in missed or ():
            self._outbox.put(frame)
        session.outbox = self._outbox
        if self._skull is not None:
            session.heed = self._skull.happened
        elif missed is None and session.window != "control":
            for event in self._floor.speaker.present():
                session.tell(event)
        if session.window in PARTNERS and self._may_speak():
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
            "jaw": JAW,
            "character": {"name": card.name, "drawing": card.drawing, "languages": list(card.languages)},
        }

    async def _receive(self) -> None:
        largest = self._run.show.gateway.largest_frame
        silent = SILENT if self._skull is not None else None
        while True:
            try:
                frame = await asyncio.wait_for(self._socket.receive(), silent)
            except TimeoutError:
                raise WebSocketDisconnect from None
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
        name = kind if isinstance(kind, str) and kind.isidentifier() else ""
        take = getattr(self, f"_on_{name}", None) or getattr(self._skull, f"on_{name}", None)
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

    def _on_followed(self, frame: dict[str, Any]) -> None:
        cue, by = text_of(frame, "cue")[:200], self._session.window
        self._run.publish(Followed(at=self._run.clock.wall(), floor=self._floor.name, cue=cue, by=by))

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

    def _on_camera(self, frame: dict[str, Any]) -> None:
        self._speaks()
        sight = self._floor.sight
        (sight.attach if frame.get("on") else sight.detach)(self._camera)

    def _on_no_picture(self, frame: dict[str, Any]) -> None:
        self._camera.failed(int(number_of(frame, "id")), text_of(frame, "reason")[:200])

    def _on_hands_free(self, frame: dict[str, Any]) -> None:
        self._speaks()
        self._ears().hands_free = bool(frame.get("on"))

    def _on_reads(self, frame: dict[str, Any]) -> None:
        self._speaks()
        self._ears().let_read(bool(frame.get("on")))

    def _on_transcript(self, frame: dict[str, Any]) -> None:
        self._speaks()
        self._ears().hear_text(text_of(frame, "text"), bool(frame.get("final")))

    def _on_language(self, frame: dict[str, Any]) -> None:
        self._language = text_of(frame, "language")[:20]
        if self._hearing is not None:
            self._hearing.language = self._language
        if not self._floor.is_public:
            self._run.orders.language(self._floor.name, base(self._language))

    def _on_subtitles(self, frame: dict[str, Any]) -> None:
        self._read(subtitles_of(frame))

    def _read(self, language: str | None) -> None:
        """Let this window read a second language; see ``Translator.wish``. A control window is told of all anyway."""
        if self._session.window != "control" and not self._floor.translator.wish(self._session.id, language):
            self._tell("subtitles", f"this floor is read in as many second languages as it can be: no {language} now")

    def _on_name(self, frame: dict[str, Any]) -> None:
        self._name = text_of(frame, "name")[:60]
        if self._hearing is not None:
            self._hearing.viewer = self._viewer()

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

    def _be_skull(self, hello: Hello) -> Skull:
        """Let a skull hear, see and speak from now on, as far as it can."""
        floor = self._floor
        if "camera" in hello.can and self._may_speak():
            floor.sight.attach(self._camera)

        def say(event: Event) -> None:
            self._run.publish(replace(event, floor=floor.name, at=self._run.clock.wall()))

        if "loudspeaker" in hello.can:
            self._plays = True
            floor.speaker.attach(self._outlet)
        press, release = (lambda: self._on_press({})), (lambda: self._on_release({}))
        light = "speaking" if floor.speaker.speaking else "thinking" if floor.floor.turn else "idle"
        return Skull(self._outbox, press, release, say, lambda: floor.director.language or "en", light)

    # --- sound

    def _take_sound(self, data: bytes) -> None:
        self._speaks()
        try:
            header, payload = unpack(data)
        except ValueError as error:
            raise Mistake(f"binary frame: {error}") from None
        if header.get("type") == "picture":
            self._camera.came(int(number_of(header, "id")), bytes(payload))
            return
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
            if before is not None:
                self._hearing.hands_free = before.hands_free
                self._hearing.let_read(before.reads)
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
