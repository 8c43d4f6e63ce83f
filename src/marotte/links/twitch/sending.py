"""What we write into the chat: within the limits of an account, in pieces that fit, and known again as our own.

https://dev.twitch.tv/docs/chat/#rate-limits, https://dev.twitch.tv/docs/api/reference/#send-chat-message
"""

from collections import OrderedDict, deque
from collections.abc import Callable
from typing import Any, cast

from marotte.events import Send
from marotte.links.irc.message import clean
from marotte.links.link import Passing, Refused
from marotte.links.pace import Gate, Window
from marotte.links.twitch.helix import Denied, Helix, Limited, first
from marotte.time import Clock

LONGEST = 500
"""Characters of a message."""
MOST = 5
"""Messages that one act may take; more text than that is cut."""
SAME = 30.0
"""Seconds within which Twitch takes the same text but once, from who does not moderate."""
_ECHO = 60.0
"""Seconds in which our own message comes back to us."""
_KEPT = 200
_ENDS = ((". ", "! ", "? ", "。", "！", "？"), (" ", "、", "，"))
_SLOWER = {"msg_ratelimit": 30.0, "msg_slowmode": 5.0}
"""Why a message was not shown, where it may be tried again, and after how many seconds at the soonest."""


class Unless(Window):
    """A limit that holds only for who does not moderate; what is sent counts all the same."""

    def __init__(self, burst: int, seconds: float, exempt: Callable[[], bool]) -> None:
        super().__init__(burst, seconds)
        self._exempt = exempt

    def delay(self, now: float) -> float:
        """Return the seconds until one more may be sent; 0: now."""
        return 0.0 if self._exempt() else super().delay(now)


class Sending:
    """Writes into one channel, for one account."""

    def __init__(self, clock: Clock) -> None:
        self.account = self.channel = ""
        """The ids of who writes, and of where."""
        self.moderates = False
        """Whether the account moderates the channel, or owns it."""
        self._clock = clock
        exempt = lambda: self.moderates  # noqa: E731
        self.gate = Gate(clock, Window(100, 30.0), Unless(20, 30.0, exempt), Unless(1, 1.0, exempt))
        self._ours: OrderedDict[str, None] = OrderedDict()
        """The ids of messages that we wrote."""
        self._awaited: deque[tuple[str, float]] = deque(maxlen=_KEPT)
        """What we have written, or are about to, and when; it comes back to us."""
        self._written: deque[tuple[str, float]] = deque(maxlen=_KEPT)
        self._doubtful: OrderedDict[tuple[str, int], str] = OrderedDict()
        """The messages of acts of which nobody knows whether they were sent; "" once one has come back to us."""
        self._done: OrderedDict[str, int] = OrderedDict()
        """How many messages of an act have been sent."""

    # --- what comes back

    def expect(self, text: str) -> None:
        """Await that this text comes back as ours."""
        self._awaited.append((_same(text), self._clock.now()))

    def mine(self, user: str, message: str, text: str) -> bool:
        """Whether a message is our own.

        All are that a bot's account writes; where the streamer has lent us theirs, those that we have sent.
        """
        if user != self.account or not user:
            return False
        same, now = _same(text), self._clock.now()
        for awaited in self._awaited:
            if awaited[0] == same and now - awaited[1] < _ECHO:
                self._awaited.remove(awaited)
                for key, doubtful in self._doubtful.items():
                    if doubtful == same:
                        self._doubtful[key] = ""
                return True
        return self.account != self.channel or message in self._ours

    # --- what goes

    async def send(self, helix: Helix, act: Send, until: float) -> str:
        """Write what an act says, in as many messages as it needs. Raises Refused, Passing or Late."""
        texts = pieces(clean(act.text))
        if not texts:
            raise Refused("there is nothing to send")
        for place in range(self._done.get(act.id, 0), len(texts)):
            if self._doubtful.get((act.id, place)) != "":
                await self._one(helix, (act.id, place), texts[place], act.answers if place == 0 else "", until)
            self._doubtful.pop((act.id, place), None)
            self._done[act.id] = place + 1
            if len(self._done) > _KEPT:
                self._done.popitem(last=False)
        self._done.pop(act.id, None)
        return ""

    async def _one(self, helix: Helix, key: tuple[str, int], text: str, answers: str, until: float) -> None:
        """Write one message, which is known by ``key``."""
        same, tried = _same(text), key in self._doubtful
        await self.gate.enter(until)
        self._held(same, tried)
        if not tried:
            self.expect(text)
        try:
            message = await self._posted(helix, text, answers)
        except Limited:
            self._forget(same)
            raise
        except Refused as error:
            self._forget(same)
            if tried and "msg_duplicate" in str(error):
                return  # which says that it was sent
            raise
        except Passing:
            self._doubtful[key] = same
            if len(self._doubtful) > _KEPT:
                self._doubtful.popitem(last=False)
            raise
        self._ours[message] = None
        if len(self._ours) > _KEPT:
            self._ours.popitem(last=False)

    def _held(self, same: str, tried: bool) -> None:
        """Hold back what Twitch would take for the same message. Raises Refused."""
        now = self._clock.now()
        if not self.moderates and not tried:
            for text, at in self._written:
                if text == same and now - at < SAME:
                    raise Refused(f"the same was written {now - at:.0f} s ago, and Twitch takes it only once")
        self._written.append((same, now))

    async def _posted(self, helix: Helix, text: str, answers: str) -> str:
        body = {"broadcaster_id": self.channel, "sender_id": self.account, "message": text}
        try:
            answer = await helix.ask(
                "POST", "chat/messages", body={**body, "reply_parent_message_id": answers} if answers else body
            )
        except Denied as error:
            if not (answers and error.status == 400 and "reply" in error.said):
                raise
            answer = await helix.ask("POST", "chat/messages", body=body)  # what it answers is gone: it stands alone
        told = first(answer)
        if told.get("is_sent") is True:
            return str(told.get("message_id", ""))
        reason = told.get("drop_reason")
        given: dict[str, Any] = cast("dict[str, Any]", reason) if isinstance(reason, dict) else {}
        code = str(given.get("code", ""))[:50]
        why = f"Twitch did not show it: {str(given.get('message', 'no reason is given'))[:200]} ({code})"
        if wait := _SLOWER.get(code):
            self.gate.close(wait)
            raise Limited(why, wait)
        raise Refused(why)

    def _forget(self, same: str) -> None:
        for kept in (self._awaited, self._written):
            for entry in kept:
                if entry[0] == same:
                    kept.remove(entry)
                    break


def pieces(text: str, size: int = LONGEST, most: int = MOST) -> list[str]:
    """Cut a text into at most ``most`` pieces of ``size`` characters, where a sentence or a word ends if one does."""
    found: list[str] = []
    while text and len(found) < most:
        piece = text[:size]
        if len(piece) < len(text):
            ends = (max(piece.rfind(mark) + len(mark) for mark in marks) for marks in _ENDS)
            piece = piece[: next((end for end in ends if end > size // 2), size)]
        found.append(piece.strip())
        text = text[len(piece) :].lstrip()
    return [piece for piece in found if piece]


def _same(text: str) -> str:
    return " ".join(text.split())
