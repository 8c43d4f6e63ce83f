"""IRC lines: cut out of a stream, taken apart, made into chat messages, and text made fit to be sent.

Sources: RFC 1459 and 2812, modern.ircdocs.horse, ircv3.net/specs/extensions/message-tags, dev.twitch.tv/docs/chat/irc.
Nothing here raises on what a server sends: a line that is no message gives ``None``.
"""

import codecs
import re
import unicodedata
from datetime import datetime
from functools import lru_cache

import msgspec

from marotte.events import ChatMessage, Viewer, fresh_id

LONGEST = 8191 + 512
"""Bytes that a line may have: message tags, and the rest. Twitch's rest is longer than 512, so only the sum is held."""


class Message(msgspec.Struct, frozen=True, gc=False):
    """One line of IRC, taken apart."""

    packed: str
    """Its tags as they were sent, ``name=value;name=value``: to unpack them costs more than all the rest of a line."""
    source: str
    """``nick!user@host``, or a server's name, or ""."""
    command: str
    """In capitals, or three digits."""
    params: tuple[str, ...]

    @property
    def tags(self) -> dict[str, str]:
        """The tags, unpacked anew each time."""
        pairs = (pair.partition("=") for pair in self.packed.split(";") if pair)
        return {key: unescape(value) for key, _, value in pairs}

    @property
    def nick(self) -> str:
        nick, bang, _ = self.source.partition("!")
        return nick if bang else nick.partition("@")[0]

    @property
    def user(self) -> str:
        return self.source.partition("!")[2].partition("@")[0]

    @property
    def host(self) -> str:
        return self.source.partition("@")[2]

    @property
    def text(self) -> str:
        """The last parameter: what a person wrote, or a server's explanation."""
        return self.params[-1] if self.params else ""

    def param(self, place: int) -> str:
        """The parameter at ``place``, "" where there are fewer."""
        return self.params[place] if place < len(self.params) else ""


class Splitter:
    """Cuts a stream into lines, and never holds more than the longest of them."""

    def __init__(self) -> None:
        self.refused = 0
        """Lines that were thrown away because they were too long."""
        self._rest = b""
        self._skipping = False

    def feed(self, data: bytes) -> list[bytes]:
        """Take what has arrived; return the lines that are complete, without their ends."""
        *lines, rest = (self._rest + data).split(b"\n")
        if lines and self._skipping:
            lines.pop(0)
            self._skipping = False
        if len(rest) > LONGEST and not self._skipping:
            self.refused += 1
            self._skipping = True
        self._rest = b"" if self._skipping else rest
        return lines


def parse(line: bytes | str) -> Message | None:
    """Take one line apart; its end of line may be gone already. Returns None where it is no message."""
    if isinstance(line, str):
        line = line.encode("utf-8", "replace")
    if len(line) > LONGEST:
        return None
    tags = b""
    if line.startswith(b"@"):
        tags, _, line = line.partition(b" ")
        line = line.lstrip(b" ")
    head, colon, trailing = line.rstrip(b"\r\n").partition(b" :")  # as bytes: text in Japanese is searched slowly
    words = head.decode("utf-8", "irc").split(" ")
    if "" in words:
        words = [word for word in words if word]
    source = words.pop(0)[1:] if words and words[0].startswith(":") else ""
    command = words.pop(0) if words else ""
    if command != "PRIVMSG":  # which nearly every line is, and needs no check
        if not (command.isalnum() and command.isascii()):
            return None
        command = command.upper()
    if colon:
        words.append(trailing.decode("utf-8", "irc"))
    return Message(tags[1:].decode("utf-8", "irc"), source, command, tuple(words))


def _undecodable(error: UnicodeError) -> tuple[str, int]:
    """Read a byte that is no UTF-8 as Latin-1; what is left of a character that was cut, as a replacement."""
    if not isinstance(error, UnicodeDecodeError):
        raise error
    bad = error.object[error.start : error.end]
    return bad.decode("latin-1") if len(bad) == 1 else "\ufffd", error.end


codecs.register_error("irc", _undecodable)


_ESCAPE = re.compile(r"\\(.?)", re.DOTALL)
_ESCAPED = {"s": " ", ":": ";", "r": "\r", "n": "\n"}


def unescape(value: str) -> str:
    """Undo the escapes of a tag's value; an unknown escape is the character itself, a last lone backslash nothing."""
    return _ESCAPE.sub(lambda found: _ESCAPED.get(found[1], found[1]), value) if "\\" in value else value


_USED = {
    "badges": r"[^;\\]*",
    "display-name": r"[^;\\]*",
    "id": r"[^;\\]+",
    "mod": "[01]",
    "subscriber": "[01]",
    "tmi-sent-ts": "[0-9]+",
}
_OTHER = rf"(?!account|{'|'.join(_USED)})[^;]*+"
_OTHERS = rf"(?:{_OTHER};)*+"
# The last group is the account, which is "": on Twitch every nick is one.
_TWITCH = re.compile("".join(f"{_OTHERS}{name}=({value});" for name, value in _USED.items()) + _OTHERS + _OTHER + "()")


def _used(message: Message) -> tuple[str | None, ...]:
    """Return the tags that a chat message needs: badges, name, id, moderator, subscriber, time, account.

    Twitch sends all but the last of them, in this order, once each and with nothing escaped: one regular expression
    finds them in a third of the time that unpacking takes. Where a message is not of that form, its tags are unpacked.
    """
    if found := _TWITCH.fullmatch(message.packed):
        return found.groups()
    get = message.tags.get
    return (
        get("badges"),
        get("display-name"),
        get("id") or get("msgid"),
        get("mod"),
        get("subscriber"),
        get("tmi-sent-ts") or get("time"),
        get("account"),
    )


def chat_message(message: Message, link: str, now: float) -> ChatMessage | None:
    """Make a chat message of a PRIVMSG that came through ``link`` at ``now`` (seconds since the epoch).

    Returns None for any other command, for CTCP requests and where nothing readable was written. A CTCP ACTION
    (``/me waves``) reads ``*waves*``. A message to the nick itself has the sender's nick for its channel.
    """
    if message.command != "PRIVMSG" or len(message.params) != 2:
        return None
    target, text = message.params
    if not text.isprintable():
        text = plain(action(text) if text.startswith("\x01") else text)
    nick, bang, _ = message.source.partition("!")
    if not text or not nick or not bang:  # without "!" it is a server that speaks, and a server is no viewer
        return None
    badges, name, sent_id, moderator, subscriber, sent_at, account = _used(message)
    # A nick is anybody's for the taking: only an account tells who somebody is (on Twitch every nick is one).
    who = account or (f"~{nick}" if name is None else nick)
    return ChatMessage(
        at=_at(sent_at, now),
        id=sent_id or fresh_id(),
        viewer=Viewer(
            id=f"irc:{link}/{who.lower()}",
            name=name or nick,
            platform="irc",
            roles=_roles(badges, moderator, subscriber),
        ),
        text=text,
        link=link,
        channel=target if target[:1] == "#" else _channel(target) or nick,
    )


def action(text: str) -> str:
    """Return ``*what*`` for the CTCP ``ACTION what``, and "" for any other CTCP."""
    command, _, what = text.strip("\x01").partition(" ")
    return f"*{what}*" if command == "ACTION" and what else ""


_FORMAT = re.compile(r"\x03(?:\d{1,2}(?:,\d{1,2})?)?|\x04[0-9A-Fa-f]{6}|[\x00-\x1f\x7f]")


def plain(text: str) -> str:
    """Take out colours, bold and all other control characters."""
    return _FORMAT.sub("", text).strip()


def _channel(target: str) -> str:
    """Return the channel that a message went to, "" where it went to a nick."""
    target = target.lstrip("@+%~")  # a message to a channel's operators only is still said in the channel
    return target if target.startswith(("#", "&", "!")) else ""


def _at(sent: str | None, now: float) -> float:
    """Read Twitch's milliseconds or IRCv3's ISO time; a server whose clock runs ahead is not believed."""
    if not sent:
        return now
    try:
        at = datetime.fromisoformat(sent).timestamp() if "-" in sent else float(sent) / 1000
    except (ValueError, OverflowError):
        return now
    return at if 0 < at < now else now


_BADGES = {
    "broadcaster": "moderator",
    "lead_moderator": "moderator",
    "moderator": "moderator",
    "vip": "vip",
    "subscriber": "subscriber",
    "founder": "subscriber",
}


@lru_cache(4096)
def _roles(badges: str | None, mod: str | None, subscriber: str | None) -> tuple[str, ...]:
    """Read Twitch's badges: ``moderator/1,subscriber/12``."""
    roles = {_BADGES.get(badge.partition("/")[0], "") for badge in (badges or "").split(",")}
    roles |= {"moderator"} if mod == "1" else set()
    roles |= {"subscriber"} if subscriber == "1" else set()
    return tuple(sorted(roles - {""}))


# --- what is sent --------------------------------------------------------------------------------------------------

_CONTROLS = re.compile(r"[\x00-\x1f\x7f]+")
_TARGET = re.compile(r"[^\x00-\x20\x7f,:][^\x00-\x20\x7f,]{0,199}")
_JOINER = "\u200d"


def clean(text: str) -> str:
    """Make one line of ``text`` that can neither end the line nor begin a CTCP: no control characters at all."""
    return _CONTROLS.sub(" ", text).strip()


def is_target(name: str) -> bool:
    """Whether a message can go to ``name``: one channel or one nick, never a list of them."""
    return _TARGET.fullmatch(name) is not None


_ENDS = ((". ", "! ", "? ", "。", "！", "？"), (" ", "、", "，"))


def fit(text: str, size: int) -> str:
    """Cut ``text`` to at most ``size`` bytes of UTF-8, between characters and never within an accent or an emoji."""
    data = text.encode("utf-8", "replace")
    cut = data[: max(0, size)].decode("utf-8", "ignore")
    if len(data) <= size:
        return cut
    while cut and (_continues(text[len(cut)]) or cut.endswith(_JOINER)):
        cut = cut[:-1]
    return cut


def parts(text: str, size: int, most: int) -> list[str]:
    """Cut ``text`` into at most ``most`` parts of ``size`` bytes, where a sentence or a word ends if one does."""
    found: list[str] = []
    while text and len(found) < most:
        part = fit(text, size)
        if len(part) < len(text):
            ends = (max(part.rfind(mark) + len(mark) for mark in marks) for marks in _ENDS)
            part = part[: next((end for end in ends if end > len(part) // 2), len(part))]
        found.append(part.strip())
        text = text[len(part) :].lstrip()
    return [part for part in found if part]


def _continues(character: str) -> bool:
    """Whether this is no character of its own: an accent, a skin tone, a joiner or what it joins."""
    return unicodedata.category(character) in ("Mn", "Me", "Cf") or "\U0001f3fb" <= character <= "\U0001f3ff"
