"""Answers of YouTube's interface, read into what is needed of them and nothing else.

https://developers.google.com/youtube/v3/live/docs/liveChatMessages#resource and the discovery document of the Data API
(youtube.v3.json, revision 20261104), whose types they are: 64-bit numbers come as text.

A field that is new is skipped; one that is missing or null is empty, unless there is no message without it. What cannot
be read raises ``Malformed`` and never anything else; one message of a page that cannot be read costs no other.
"""

import re
from typing import Annotated, Any, NamedTuple, cast

import msgspec

LARGEST = 8 << 20
"""Bytes of one answer; what is longer is not even looked at."""
_MOST = 5_000
"""Messages of one page; YouTube sends at most 2,000."""
_TOKEN = 4_096
_TELLING = 20
"""So many messages of a page are described that cannot be read."""
_ID = re.compile(rb'"id"\s*:\s*"([!#-\[\]-~]{1,200})"')
_BETWEEN = b"[], \t\r\n"
_TEXT = re.compile(rb'(?:[^"\\]++|\\.)*+', re.DOTALL)
"""What a text goes on with, up to its end; a backslash at the end of what has come is left."""
_NO_BRACKETS = re.compile(rb'(?:[^"{}\[\]]++|"' + _TEXT.pattern + rb'")*+', re.DOTALL)
"""Everything up to the next bracket, or the beginning of a text whose end has not come."""
_OPENS, _QUOTES, _ESCAPES = b'{"\\'


Id = Annotated[str, msgspec.Meta(min_length=1, max_length=500)]


class Malformed(Exception):
    """What cannot be read; the message says why."""


class Struct(msgspec.Struct, gc=False, frozen=True):
    """A part of an answer."""


class Text(Struct, frozen=True):
    """``textMessageDetails``."""

    messageText: str | None = ""


class Money(Struct, frozen=True):
    """What super chats, super stickers and the fan funding before them have."""

    amountMicros: str | int | None = None
    currency: str | None = ""
    userComment: str | None = ""


class Member(Struct, frozen=True):
    """``newSponsorDetails`` and ``memberMilestoneChatDetails``."""

    memberLevelName: str | None = ""
    memberMonth: int | None = None
    userComment: str | None = ""


class Gifting(Struct, frozen=True):
    """``membershipGiftingDetails``."""

    giftMembershipsCount: int | None = 1
    giftMembershipsLevelName: str | None = ""


class Present(Struct, frozen=True):
    """``giftDetails``."""

    giftName: str | None = ""
    jewelsAmount: int | None = 0


class Deleted(Struct, frozen=True):
    """``messageDeletedDetails``."""

    deletedMessageId: Id


class Retracted(Struct, frozen=True):
    """``messageRetractedDetails``."""

    retractedMessageId: Id


class Profile(Struct, frozen=True):
    """A channel, of which little is needed."""

    channelId: Id


class Banned(Struct, frozen=True):
    """``userBannedDetails``."""

    bannedUserDetails: Profile


class Option(Struct, frozen=True):
    """What can be voted for; closed polls say how often it was."""

    optionText: str | None = ""
    tally: str | int | None = None


class Question(Struct, frozen=True):
    """What a poll asks."""

    questionText: str | None = ""
    options: list[Option] | None = None


class Poll(Struct, frozen=True):
    """``pollDetails``."""

    metadata: Question | None = None
    status: str | None = ""


class Snippet(Struct, frozen=True, kw_only=True):
    """What happened."""

    type: str
    publishedAt: str | None = ""
    authorChannelId: str | None = ""
    displayMessage: str | None = ""
    textMessageDetails: Text | None = None
    superChatDetails: Money | None = None
    superStickerDetails: Money | None = None
    fanFundingEventDetails: Money | None = None
    newSponsorDetails: Member | None = None
    memberMilestoneChatDetails: Member | None = None
    membershipGiftingDetails: Gifting | None = None
    giftDetails: Present | None = None
    messageDeletedDetails: Deleted | None = None
    messageRetractedDetails: Retracted | None = None
    userBannedDetails: Banned | None = None
    pollDetails: Poll | None = None


class Author(Struct, frozen=True):
    """Who did it."""

    channelId: str | None = ""
    displayName: str | None = ""
    isChatOwner: bool | None = False
    isChatModerator: bool | None = False
    isChatSponsor: bool | None = False


class Message(Struct, frozen=True):
    """One ``liveChatMessage``."""

    id: Id
    snippet: Snippet
    authorDetails: Author | None = None


class Page(NamedTuple):
    """One ``liveChatMessageListResponse``: what ``list`` answers, and a stream sends again and again."""

    messages: tuple[Message, ...] = ()
    malformed: int = 0
    """How many messages of it could not be read."""
    bent: tuple[str, ...] = ()
    """Which they are, the first of them, and why."""
    token: str = ""
    """Where to go on; "" where it does not say."""
    pause: float = 0.0
    """Seconds until ``list`` may be asked again; 0 where it does not say."""
    over: bool = False
    """There is no more: the stream went off the air."""
    error: int = 0
    """The status with which YouTube refuses in a page's place, in an answer that began well; 0: it does not."""


class _Page(msgspec.Struct):
    items: msgspec.Raw = msgspec.Raw(b"null")
    nextPageToken: Any = None
    pollingIntervalMillis: Any = None
    offlineAt: Any = None
    error: Any = None


class Titled(Struct, frozen=True):
    """A broadcast's snippet, or a channel's."""

    title: str | None = ""
    liveChatId: str | None = ""
    actualStartTime: str | None = ""


class Listed(Struct, frozen=True):
    """One broadcast, channel, inserted message or ban."""

    id: Id
    snippet: Titled | None = None


class _List(msgspec.Struct):
    items: list[msgspec.Raw] | None = None


class _Reason(Struct, frozen=True):
    reason: str | None = ""


class _Error(Struct, frozen=True):
    message: str | None = ""
    errors: list[_Reason] | None = None
    status: str | None = ""


class _Refusal(Struct, frozen=True):
    error: _Error


_pages = msgspec.json.Decoder(_Page)
_raws = msgspec.json.Decoder(list[msgspec.Raw])
_items: msgspec.json.Decoder[list[msgspec.Raw] | None] = msgspec.json.Decoder(list[msgspec.Raw] | None)
_messages = msgspec.json.Decoder(Message)
_lists = msgspec.json.Decoder(_List)
_listed = msgspec.json.Decoder(Listed)
_refusals = msgspec.json.Decoder(_Refusal)
_WRONG = (msgspec.MsgspecError, ValueError, RecursionError)  # ValueError: a lone surrogate


def page(data: bytes) -> Page:
    """Read a page. Raises Malformed where it is none."""
    try:
        found = _pages.decode(data)
    except _WRONG as error:
        raise Malformed(_why(error)) from None
    messages, bent, malformed = list[Message](), list[str](), 0
    try:
        raws = _items.decode(found.items) or []
    except _WRONG:
        raws, malformed, bent = [], 1, ["? of a page whose items are no list"]
    for raw in raws[:_MOST]:
        try:
            messages.append(_messages.decode(raw))
        except _WRONG as error:
            malformed += 1
            if len(bent) < _TELLING:
                known = _ID.search(raw)
                bent.append(f"{known[1].decode() if known else '?'}: {_why(error)}")
    malformed += max(0, len(raws) - _MOST)
    token, pause, over = found.nextPageToken, found.pollingIntervalMillis, found.offlineAt
    return Page(
        messages=tuple(messages),
        malformed=malformed,
        bent=tuple(bent),
        token=token if isinstance(token, str) and len(token) <= _TOKEN else "",
        pause=min(max(pause, 0), 600_000) / 1_000 if isinstance(pause, int | float) else 0.0,
        over=isinstance(over, str) and bool(over),
        error=_status(found.error),
    )


def _status(error: Any) -> int:
    """Return the status that an error tells, 500 where it tells none; 0 for what is no error."""
    if not isinstance(error, dict):
        return 0
    code = cast("dict[str, Any]", error).get("code")
    return code if isinstance(code, int) and 400 <= code < 600 else 500


def listed(data: bytes) -> list[Listed]:
    """Read what a list holds, leaving out what cannot be read. Raises Malformed where it is none."""
    try:
        raws = _lists.decode(data).items or []
    except _WRONG as error:
        raise Malformed(_why(error)) from None
    found: list[Listed] = []
    for raw in raws[:_MOST]:
        try:
            found.append(_listed.decode(raw))
        except _WRONG:
            continue
    return found


def made(data: bytes) -> str:
    """Return the id of what was made; "" where it cannot be read."""
    try:
        return _listed.decode(data).id
    except _WRONG:
        return ""


def refusal(data: bytes) -> tuple[str, str]:
    """Return the reason of a refusal as Google names it, and what is said of it; both may be "".

    A stream refuses with an array of one (https://developers.google.com/youtube/v3/live/docs/errors).
    """
    try:
        found = _refusals.decode(data.strip().removeprefix(b"[").removesuffix(b"]"))
    except _WRONG:
        return "", ""
    error = found.error
    reason = (error.errors[0].reason if error.errors else error.status) or ""
    return reason[:60], " ".join((error.message or "").split())[:200]


class Splitter:
    """Takes a stream apart into its objects: an array, pretty-printed, whose commas lead the next object.

    What comes whole is read as such; what is cut is walked through from bracket to bracket, each byte at most twice.
    """

    def __init__(self) -> None:
        self._held = bytearray()
        self._at = 0
        """So far it was looked at."""
        self._depth = 0
        self._text = False

    def feed(self, data: bytes) -> list[bytes]:
        """Take what has come, and return the objects that are complete. Raises Malformed for what is no stream."""
        self._held += data
        found = self._whole()
        while end := self._end():
            found.append(bytes(self._held[:end]))
            del self._held[:end]
            self._at = 0
        if len(self._held) > LARGEST:
            raise Malformed(f"an object of more than {LARGEST:,} bytes")
        return found

    def _whole(self) -> list[bytes]:
        """Return the objects that are held where each is complete, which is so nearly always; else nothing."""
        if self._depth:
            return []
        whole = bytes(self._held).strip(_BETWEEN)
        try:
            found = [bytes(one) for one in _raws.decode(b"[%b]" % whole)]
        except _WRONG:
            return []
        if not all(one[0] == _OPENS for one in found):
            return []
        self._held.clear()
        return found

    def _end(self) -> int:
        """Return where the object ends with which what is held begins; 0 while its end has not come."""
        held = self._held
        if not self._depth:
            del held[: len(held) - len(held.lstrip(_BETWEEN))]
            if held and held[0] != _OPENS:
                raise Malformed("there is something between the objects")
        while found := (_TEXT if self._text else _NO_BRACKETS).match(held, self._at):
            self._at = found.end()
            if self._at == len(held) or (held[self._at] == _ESCAPES and self._text):
                break
            mark = held[self._at]
            self._at += 1
            if mark == _QUOTES:
                self._text = not self._text
            elif mark in b"{[":
                self._depth += 1
            else:
                self._depth -= 1
                if not self._depth:
                    return self._at
        return 0


def _why(error: Exception) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__
