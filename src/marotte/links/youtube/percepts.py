"""What a message of a live chat means to the character.

https://developers.google.com/youtube/v3/live/docs/liveChatMessages#snippet.type names the eighteen kinds. A tombstone,
members-only mode and a membership that was received (its gifting is told as one) bring nothing.
"""

import re
from collections.abc import Callable
from datetime import datetime
from functools import lru_cache
from typing import Any

from marotte.events import ChatMessage, Event, Gift, Happening, Removed, Subscription, Viewer
from marotte.links.youtube.frames import Author, Message, Money, Question

_LONGEST = 1_000
"""Characters of what somebody wrote; YouTube allows 200."""
_TITLE = 200
_NAME = 100
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_LARGEST = 10**15


class Percepts:
    """Turns messages into what is published."""

    def __init__(self, link: str) -> None:
        self._link = link

    def of(self, message: Message, now: float) -> Event | None:
        """Return what a message brings; None where that is nothing."""
        make = _MAKE.get(message.snippet.type)
        return None if make is None else make(self, message, moment(message.snippet.publishedAt, now))

    def _shared(self, message: Message, at: float) -> dict[str, Any]:
        return {
            "at": at,
            "id": "youtube/" + message.id,
            "viewer": _viewer(message),
            "link": self._link,
            "source": message.id,
        }

    def _chat(self, message: Message, at: float) -> Event | None:
        snippet = message.snippet
        details = snippet.textMessageDetails
        text = _plain((details.messageText if details else "") or snippet.displayMessage or "", _LONGEST)
        return ChatMessage(**self._shared(message, at), text=text) if text else None

    def _super_chat(self, message: Message, at: float) -> Event:
        snippet = message.snippet
        return self._gift("super chat", snippet.superChatDetails or snippet.fanFundingEventDetails, message, at)

    def _sticker(self, message: Message, at: float) -> Event:
        return self._gift("super sticker", message.snippet.superStickerDetails, message, at)

    def _gift(self, what: str, money: Money | None, message: Message, at: float) -> Gift:
        money = money or Money()
        micros = str(money.amountMicros or 0)
        amount = int(micros) if micros.isdecimal() and len(micros) < 20 else 0
        return Gift(
            **self._shared(message, at),
            what=what,
            amount=amount / 1_000_000,
            unit=_plain(money.currency or "", 8),
            message=_plain(money.userComment or "", _LONGEST),
        )

    def _present(self, message: Message, at: float) -> Event:
        """Read a gift of the kind that is bought with jewels."""
        details = message.snippet.giftDetails
        jewels = (details.jewelsAmount if details else 0) or 0
        what = _plain((details.giftName if details else "") or "", _NAME) or "gift"
        amount = float(min(max(jewels, 0), _LARGEST))
        return Gift(**self._shared(message, at), what=what, amount=amount, unit="jewels")

    def _member(self, message: Message, at: float) -> Event:
        details = message.snippet.newSponsorDetails
        tier = _plain((details.memberLevelName if details else "") or "", _NAME)
        return Subscription(**self._shared(message, at), tier=tier)

    def _milestone(self, message: Message, at: float) -> Event:
        details = message.snippet.memberMilestoneChatDetails
        return Subscription(
            **self._shared(message, at),
            tier=_plain((details.memberLevelName if details else "") or "", _NAME),
            months=min(max(1, (details.memberMonth if details else 1) or 1), 10_000),
            message=_plain((details.userComment if details else "") or "", _LONGEST),
        )

    def _gifting(self, message: Message, at: float) -> Event:
        details = message.snippet.membershipGiftingDetails
        return Subscription(
            **self._shared(message, at),
            tier=_plain((details.giftMembershipsLevelName if details else "") or "", _NAME),
            given=min(max(1, (details.giftMembershipsCount if details else 1) or 1), 1_000_000),
        )

    def _deleted(self, message: Message, at: float) -> Event | None:
        details = message.snippet.messageDeletedDetails
        return self._gone(details.deletedMessageId if details else "", at)

    def _retracted(self, message: Message, at: float) -> Event | None:
        details = message.snippet.messageRetractedDetails
        return self._gone(details.retractedMessageId if details else "", at)

    def _gone(self, which: str, at: float) -> Event | None:
        return Removed(at=at, link=self._link, what="message", which=which) if which else None

    def _banned(self, message: Message, at: float) -> Event | None:
        details = message.snippet.userBannedDetails
        if details is None or not details.bannedUserDetails.channelId:
            return None
        which = f"youtube:{details.bannedUserDetails.channelId}"
        return Removed(at=at, link=self._link, what="viewer", which=which)

    def _poll(self, message: Message, at: float) -> Event | None:
        poll = message.snippet.pollDetails
        if poll is None or poll.metadata is None:
            return None
        text = (_over if poll.status == "closed" else _begins)(poll.metadata)
        return Happening(at=at, id="youtube/" + message.id, link=self._link, what="poll", text=text[:_LONGEST])


_MAKE: dict[str, Callable[[Percepts, Message, float], Event | None]] = {
    "textMessageEvent": Percepts._chat,  # pyright: ignore[reportPrivateUsage]
    "superChatEvent": Percepts._super_chat,  # pyright: ignore[reportPrivateUsage]
    "fanFundingEvent": Percepts._super_chat,  # pyright: ignore[reportPrivateUsage]
    "superStickerEvent": Percepts._sticker,  # pyright: ignore[reportPrivateUsage]
    "giftEvent": Percepts._present,  # pyright: ignore[reportPrivateUsage]
    "newSponsorEvent": Percepts._member,  # pyright: ignore[reportPrivateUsage]
    "memberMilestoneChatEvent": Percepts._milestone,  # pyright: ignore[reportPrivateUsage]
    "membershipGiftingEvent": Percepts._gifting,  # pyright: ignore[reportPrivateUsage]
    "messageDeletedEvent": Percepts._deleted,  # pyright: ignore[reportPrivateUsage]
    "messageRetractedEvent": Percepts._retracted,  # pyright: ignore[reportPrivateUsage]
    "userBannedEvent": Percepts._banned,  # pyright: ignore[reportPrivateUsage]
    "pollEvent": Percepts._poll,  # pyright: ignore[reportPrivateUsage]
}


def _viewer(message: Message) -> Viewer | None:
    author = message.authorDetails or Author()
    who = author.channelId or message.snippet.authorChannelId
    if not who or len(who) > _LONGEST:
        return None
    roles = _roles(author.isChatOwner, author.isChatModerator, author.isChatSponsor)
    name = _plain(author.displayName or "", _NAME).removeprefix("@")  # a handle, and nobody says "at"
    return Viewer(id="youtube:" + who, name=name or "somebody", platform="youtube", roles=roles)


@lru_cache(64)
def _roles(owner: bool | None, moderator: bool | None, member: bool | None) -> tuple[str, ...]:
    names = (("moderator", moderator or owner), ("operator", owner), ("subscriber", member))
    return tuple(name for name, has in names if has)


def _begins(poll: Question) -> str:
    options = " / ".join(_plain(one.optionText or "", 50) for one in (poll.options or [])[:10])
    return f"A poll begins: {_plain(poll.questionText or '', _TITLE)} ({options})"


def _over(poll: Question) -> str:
    title = _plain(poll.questionText or "", _TITLE)
    votes = [(_number(one.tally), _plain(one.optionText or "", 50)) for one in (poll.options or [])[:10]]
    most, best = max(votes, key=lambda vote: vote[0], default=(0, ""))
    return f"The poll is over: {title} " + (f"Most votes went to {best} ({most})." if most else "Nobody voted.")


def _number(text: str | int | None) -> int:
    found = str(text or 0)
    return int(found) if found.isdecimal() and len(found) < 16 else 0


def _plain(text: str, longest: int) -> str:
    """Return a text as one line that can be read."""
    text = text[: 4 * longest]
    return (text if text.isprintable() else _CONTROLS.sub(" ", text)).strip()[:longest]


def moment(stamp: str | None, now: float) -> float:
    """Read a time in RFC 3339 as seconds since the epoch; one that cannot be read, or is yet to come, is ``now``."""
    try:
        at = datetime.fromisoformat((stamp or "")[:40]).timestamp()
    except (ValueError, OverflowError, OSError):
        return now
    return at if 0 < at < now else now
