"""What we write into the chat: in pieces that fit, and known again as our own."""

from collections import OrderedDict, deque

from marotte.links.irc.message import clean
from marotte.links.youtube.frames import Message
from marotte.time import Clock

LONGEST = 200
"""Characters of a message."""
MOST = 2
"""Messages that one act may take; more text than that is cut."""
_ECHO = 120.0
"""Seconds in which our own message comes back to us."""
_KEPT = 100
_IDS = 1_000
_ENDS = ((". ", "! ", "? ", "。", "！", "？"), (" ", "、", "，"))
_JOINER = "\u200d"


class Ours:
    """Knows what we wrote: it comes back under the streamer's own name, as what they write themself does."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._ids: OrderedDict[str, None] = OrderedDict()
        self._awaited: deque[tuple[str, float]] = deque(maxlen=_KEPT)

    def expect(self, text: str) -> None:
        """Await that this text comes back: it may be here before YouTube says under which id."""
        self._awaited.append((_same(text), self._clock.now()))

    def written(self, text: str, message: str) -> None:
        """A message of ours has this id, whether it has come back or not."""
        self.forget(text)
        self._ids[message] = None
        while len(self._ids) > _IDS:
            self._ids.popitem(last=False)

    def forget(self, text: str) -> None:
        """A text was not written after all."""
        same = _same(text)
        for awaited in self._awaited:
            if awaited[0] == same:
                self._awaited.remove(awaited)
                return

    def is_ours(self, message: Message, channel: str) -> bool:
        """Whether we wrote a message; ``channel`` is the id of who we are signed in as."""
        if message.id in self._ids:
            return True
        details = message.snippet.textMessageDetails
        author = message.authorDetails
        who = (author and author.channelId) or message.snippet.authorChannelId
        if details is None or not details.messageText or (channel and who != channel):
            return False
        same, now = _same(details.messageText), self._clock.now()
        for awaited in self._awaited:
            if awaited[0] == same and now - awaited[1] < _ECHO:
                self._awaited.remove(awaited)
                return True
        return False


def pieces(text: str) -> list[str]:
    """Cut a text into at most ``MOST`` messages, where a sentence or a word ends if one does."""
    text, found = clean(text), list[str]()
    while text and len(found) < MOST:
        piece = text[:LONGEST]
        if len(text) > LONGEST:
            ends = (max(piece.rfind(mark) + len(mark) for mark in marks) for marks in _ENDS)
            piece = piece[: next((end for end in ends if end > LONGEST // 2), LONGEST)].removesuffix(_JOINER)
        found.append(piece.strip())
        text = text[len(piece) :].lstrip()
    return [piece for piece in found if piece]


def _same(text: str) -> str:
    return " ".join(text.split()).casefold()
