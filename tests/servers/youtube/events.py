"""What can happen in the local YouTube's live chat, each with the complete documented ``snippet`` and author.

https://developers.google.com/youtube/v3/live/docs/liveChatMessages#resource
"""

import asyncio
import hashlib
import itertools
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

TIERS = (1, 2, 5, 10, 20, 50, 100, 200, 300, 400, 500)
"""From which amount on a Super Chat is of the first tier, the second, …: in dollars, and here in any money."""
_SIGNS = {"USD": "$", "EUR": "€", "GBP": "£", "JPY": "¥"}


@dataclass
class Viewer:
    """Somebody in the chat."""

    id: str
    name: str
    owner: bool = False
    moderator: bool = False
    sponsor: bool = False
    verified: bool = False

    def profile(self) -> dict[str, Any]:
        """Return the fields of ChannelProfileDetails."""
        return {
            "channelId": self.id,
            "channelUrl": f"http://www.youtube.com/channel/{self.id}",
            "displayName": self.name,
            "profileImageUrl": f"https://yt3.ggpht.com/{self.id[2:]}=s88-c-k-c0x00ffffff-no-rj",
        }

    def details(self) -> dict[str, Any]:
        """Return the message part ``authorDetails``."""
        return self.profile() | {
            "isVerified": self.verified, "isChatOwner": self.owner, "isChatSponsor": self.sponsor,
            "isChatModerator": self.moderator,
        }  # fmt: skip


class Room:
    """One live chat: who is in it, and what has happened, oldest first."""

    def __init__(self) -> None:
        self.now: Callable[[], datetime] = lambda: datetime.now(UTC)
        """The day and time on messages."""
        self.chat_id = "KicKGFVDbWFyb3R0ZS10ZXN0LWNoYW5uZWwSC3Rlc3QtdmlkZW8x"
        self.video_id = "test-video1"
        self.messages: list[dict[str, Any]] = []
        self.gone: set[str] = set()
        """Messages that were deleted or retracted: they are told no more."""
        self.ended_at = ""
        """Since when the chat is over."""
        self.poll_item: dict[str, Any] | None = None
        self.viewers: dict[str, Viewer] = {}
        self._ids = itertools.count(1)
        self._news = asyncio.Event()
        self.owner = self.viewer("Pip", owner=True, verified=True)
        """Whose channel it is, and who holds every token."""

    def viewer(self, name: str, **what: bool) -> Viewer:
        """Return who has this name; ``owner``, ``moderator``, ``sponsor`` and ``verified`` may be set."""
        if name not in self.viewers:
            code = hashlib.sha256(name.encode()).hexdigest()[:22]
            self.viewers[name] = Viewer(f"UC{code}", name)
        for flag, value in what.items():
            setattr(self.viewers[name], flag, value)
        return self.viewers[name]

    async def news(self, seen: int) -> None:
        """Wait until there are more messages than were seen, or the chat is over."""
        while len(self.messages) <= seen and not self.ended_at:
            await self._news.wait()

    def happen(
        self, kind: str, who: str, display: str | None, details: dict[str, Any] | None = None, **more: str
    ) -> str:
        """Let a message of any type happen and return its id; ``details`` is the object that goes with its type."""
        viewer, number = self.viewer(who), next(self._ids)
        snippet: dict[str, Any] = {
            "type": kind, "liveChatId": self.chat_id, "authorChannelId": viewer.id,
            "publishedAt": self.now().isoformat(timespec="microseconds"), "hasDisplayContent": display is not None,
        }  # fmt: skip
        if display is not None:
            snippet["displayMessage"] = display
        message = {
            "kind": "youtube#liveChatMessage",
            "etag": hashlib.sha256(f"{kind}{number}{display}".encode()).hexdigest()[:27],
            "id": f"LCC.test-{number:06}",
            "snippet": snippet | (details or {}) | more,
            "authorDetails": viewer.details(),
        }
        self.messages.append(message)
        self._tell()
        return message["id"]

    def _tell(self) -> None:
        self._news.set()
        self._news = asyncio.Event()

    # --- what viewers do

    def chat(self, user: str, text: str) -> str:
        return self.happen("textMessageEvent", user, text, {"textMessageDetails": {"messageText": text}})

    def super_chat(self, user: str, amount: float | str, currency: str = "USD", text: str = "") -> str:
        money = _money(amount, currency)
        display = f"{money['amountDisplayString']} from {user}" + (f': "{text}"' if text else "")
        return self.happen("superChatEvent", user, display, {"superChatDetails": {**money, "userComment": text}})

    def super_sticker(
        self, user: str, amount: float | str = 2, currency: str = "USD", alt: str = "A jester juggles three bells"
    ) -> str:
        sticker = {"stickerId": "jester_bells_v1", "altText": alt, "altTextLanguage": "en"}
        money = _money(amount, currency)
        display = f"{money['amountDisplayString']} from {user}"
        details = {"superStickerDetails": {**money, "superStickerMetadata": sticker}}
        return self.happen("superStickerEvent", user, display, details)

    def member(self, user: str, level: str = "Court jester", *, upgrade: bool = False) -> str:
        self.viewer(user, sponsor=True)
        details = {"newSponsorDetails": {"memberLevelName": level, "isUpgrade": upgrade}}
        return self.happen("newSponsorEvent", user, f"Welcome to {level}!", details)

    def milestone(self, user: str, months: int = 6, text: str = "", level: str = "Court jester") -> str:
        self.viewer(user, sponsor=True)
        told = {"memberMonth": months, "memberLevelName": level, "userComment": text}
        display = f"{user} has been a member for {months} months" + (f': "{text}"' if text else "")
        return self.happen("memberMilestoneChatEvent", user, display, {"memberMilestoneChatDetails": told})

    def membership_gift(
        self, user: str, n: int, level: str = "Court jester", to: tuple[str, ...] | None = None
    ) -> list[str]:
        """Give ``n`` memberships away; return the ids of the gift and of each that was received."""
        told = {"giftMembershipsCount": n, "giftMembershipsLevelName": level}
        display = f"{user} gifted {n} {level} memberships"
        gift = self.happen("membershipGiftingEvent", user, display, {"membershipGiftingDetails": told})
        ids = [gift]
        for name in to or tuple(f"Lucky {number}" for number in range(1, n + 1)):
            self.viewer(name, sponsor=True)
            got = {
                "memberLevelName": level, "gifterChannelId": self.viewer(user).id,
                "associatedMembershipGiftingMessageId": gift,
            }  # fmt: skip
            display = f"{name} was gifted a membership by {user}"
            details = {"giftMembershipReceivedDetails": got}
            ids.append(self.happen("giftMembershipReceivedEvent", name, display, details))
        return ids

    def gift_event(self, user: str, name: str = "Bells", jewels: int = 10, combo: int = 1) -> str:
        told = {
            "giftName": name, "jewelsAmount": jewels, "comboCount": combo, "hasVisualEffect": jewels >= 100,
            "giftDuration": "3.500s", "giftUrl": "https://www.gstatic.com/youtube/img/gifts/bells.webp",
            "altText": f"A gift: {name}", "language": "en",
        }  # fmt: skip
        return self.happen("giftEvent", user, f"{user} sent {name}", {"giftDetails": told})

    def message_retracted(self, message_id: str) -> str:
        """Let its author take a message back."""
        author = self._author(message_id)
        self.gone.add(message_id)
        details = {"messageRetractedDetails": {"retractedMessageId": message_id}}
        return self.happen("messageRetractedEvent", author, None, details)

    # --- what the owner and the moderators do

    def poll(self, question: str, options: tuple[str, ...] = ("Yes", "No")) -> str:
        told = {
            "metadata": {
                "questionText": question,
                "options": [{"optionText": option, "tally": "0"} for option in options],
            },
            "status": "active",
        }
        made = self.happen("pollEvent", self.owner.name, question, {"pollDetails": told})
        self.poll_item = self.messages[-1]
        return made

    def close_poll(self, tallies: tuple[int, ...] = ()) -> str:
        if self.poll_item is None:
            raise ValueError("there is no poll")
        poll = self.poll_item["snippet"]["pollDetails"]
        options = [
            option | {"tally": str(tally)}
            for option, tally in zip(poll["metadata"]["options"], tallies or (0,) * 9, strict=False)
        ]
        told = {"metadata": {**poll["metadata"], "options": options}, "status": "closed"}
        display, self.poll_item = poll["metadata"]["questionText"], None
        return self.happen("pollEvent", self.owner.name, display, {"pollDetails": told})

    def message_deleted(self, message_id: str, by: str = "") -> str:
        self.gone.add(message_id)
        details = {"messageDeletedDetails": {"deletedMessageId": message_id}}
        return self.happen("messageDeletedEvent", by or self.owner.name, None, details)

    def user_banned(self, user: str, seconds: int | None = None, by: str = "") -> str:
        """Ban somebody, for a while or for ever."""
        told: dict[str, Any] = {"bannedUserDetails": self.viewer(user).profile()}
        told |= {"banType": "permanent"} if seconds is None else {"banType": "temporary",
                                                                  "banDurationSeconds": str(seconds)}  # fmt: skip
        return self.happen("userBannedEvent", by or self.owner.name, None, {"userBannedDetails": told})

    def members_only(self, on: bool) -> str:
        kind = "sponsorOnlyModeStartedEvent" if on else "sponsorOnlyModeEndedEvent"
        return self.happen(kind, self.owner.name, f"Members-only mode is {'on' if on else 'off'}")

    def chat_ended(self) -> str:
        """End the chat: its last message, and ``offlineAt``."""
        self.ended_at = self.now().isoformat(timespec="seconds")
        return self.happen("chatEndedEvent", self.owner.name, None)

    def _author(self, message_id: str) -> str:
        found = self.message(message_id)
        if found is None:
            raise ValueError(f"there is no message {message_id!r}")
        return found["authorDetails"]["displayName"]

    def message(self, message_id: str) -> dict[str, Any] | None:
        """Return a message that is not gone."""
        return next((m for m in self.messages if m["id"] == message_id and message_id not in self.gone), None)


def _money(amount: float | str, currency: str) -> dict[str, Any]:
    exact = Decimal(str(amount))
    shown = f"{exact:.0f}" if currency == "JPY" else f"{exact:.2f}"
    return {
        "amountMicros": str(int(exact * 1_000_000)),
        "currency": currency,
        "amountDisplayString": f"{_SIGNS[currency]}{shown}" if currency in _SIGNS else f"{currency} {shown}",
        "tier": max(1, sum(exact >= least for least in TIERS)),
    }
