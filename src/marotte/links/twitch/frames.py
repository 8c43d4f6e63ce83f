"""Frames of EventSub, read into what is needed of them and nothing else.

https://dev.twitch.tv/docs/eventsub/websocket-reference, https://dev.twitch.tv/docs/eventsub/eventsub-reference

A field that is new is skipped; one that is missing or null is empty, unless there is no event without it. What cannot
be read raises ``Malformed`` with the frame's id and never anything else.
"""

import re
from typing import Annotated, Any

import msgspec

LARGEST = 1 << 20
"""Characters of a frame; what is longer is not even looked at."""
Word = Annotated[str, msgspec.Meta(max_length=200)]
"""An id, a name, a kind: never long."""
Count = Annotated[int, msgspec.Meta(ge=-(2**53), le=2**53)]
"""A number of things."""
_ID = re.compile(r'"message_id"\s*:\s*"([\w-]{1,64})"')


class Malformed(Exception):
    """A frame that cannot be read; ``id`` is its own, as far as that is found, and the message says why."""

    def __init__(self, why: str, frame: str) -> None:
        super().__init__(why)
        found = _ID.search(frame[:500])
        self.id = found[1] if found else "?"


class Struct(msgspec.Struct, gc=False, frozen=True):
    """A part of a frame."""


class Metadata(Struct, frozen=True):
    """What a frame is."""

    message_id: Word
    message_type: Word
    message_timestamp: Word = ""
    subscription_type: Word | None = ""


class Told(Struct, frozen=True):
    """What a welcome, or a request to move, tells of the connection."""

    id: Word = ""
    keepalive_timeout_seconds: float | None = None
    reconnect_url: str | None = None


class Subscribed(Struct, frozen=True):
    """Which subscription a frame is of."""

    type: Word = ""
    status: Word = ""


class Payload(Struct, frozen=True):
    """What a frame brings."""

    session: Told | None = None
    subscription: Subscribed | None = None
    event: msgspec.Raw = msgspec.Raw()


class Frame(Struct, frozen=True):
    """One frame; ``event`` in its payload is read by its type."""

    metadata: Metadata
    payload: Payload


# --- events --------------------------------------------------------------------------------------------------------


class Here(Struct, frozen=True, kw_only=True):
    """What all events of a chat have."""

    broadcaster_user_id: Word
    source_broadcaster_user_id: Word | None = None
    """In a shared chat: on whose channel it was written."""


class Picture(Struct, frozen=True):
    """An emote."""

    id: Word = ""


class Fragment(Struct, frozen=True):
    """A piece of a text."""

    text: str = ""
    emote: Picture | None = None


class Text(Struct, frozen=True):
    """What somebody wrote."""

    text: str | None = ""
    fragments: list[Fragment] | None = None


class Badge(Struct, frozen=True):
    """What somebody wears beside their name."""

    set_id: Word = ""


class Cheer(Struct, frozen=True):
    """Bits, written with a message."""

    bits: Count


class ChatEvent(Here, frozen=True, kw_only=True):
    """``channel.chat.message``."""

    message_id: Word
    chatter_user_id: Word
    chatter_user_login: Word | None = ""
    chatter_user_name: Word | None = ""
    message: Text
    badges: list[Badge] | None = None
    message_type: Word | None = "text"
    cheer: Cheer | None = None
    channel_points_custom_reward_id: Word | None = None


class SubscriptionTold(Struct, frozen=True):
    """What a notice tells of a subscription, whichever of its kinds it is."""

    sub_tier: Word | None = ""
    is_prime: bool | None = False
    cumulative_months: Count | None = None
    total: Count | None = 1
    community_gift_id: Word | None = None


class Money(Struct, frozen=True):
    """A sum, in the smallest unit of its currency."""

    value: Count
    decimal_place: Count = 2
    currency: Word = ""


class Donation(Struct, frozen=True):
    """What was given to a charity."""

    charity_name: Word | None = ""
    amount: Money | None = None


class NoticeEvent(Here, frozen=True, kw_only=True):
    """``channel.chat.notification``."""

    message_id: Word
    notice_type: Word
    chatter_user_id: Word | None = None
    chatter_user_login: Word | None = ""
    chatter_user_name: Word | None = ""
    chatter_is_anonymous: bool | None = False
    message: Text | None = None
    badges: list[Badge] | None = None
    sub: SubscriptionTold | None = None
    resub: SubscriptionTold | None = None
    sub_gift: SubscriptionTold | None = None
    community_sub_gift: SubscriptionTold | None = None
    charity_donation: Donation | None = None


class RemovedEvent(Here, frozen=True, kw_only=True):
    """``channel.chat.message_delete``, ``.clear_user_messages`` and ``.clear``."""

    message_id: Word | None = ""
    target_user_id: Word | None = ""


class UserEvent(Struct, frozen=True, kw_only=True):
    """Somebody did something on the channel."""

    user_id: Word | None = None
    user_login: Word | None = ""
    user_name: Word | None = ""


class Filter(Struct, frozen=True):
    """What AutoMod takes a text for."""

    category: Word | None = ""
    level: Count | None = 0


class Bounds(Struct, frozen=True):
    """Where something stands in a text; the last character belongs to it."""

    start_pos: Count = 0
    end_pos: Count = 0


class Found(Struct, frozen=True):
    """A term that the channel has blocked."""

    boundary: Bounds | None = None


class Blocked(Struct, frozen=True):
    """The blocked terms of a text."""

    terms_found: list[Found] | None = None


class HeldEvent(UserEvent, frozen=True, kw_only=True):
    """``automod.message.hold`` and ``.update``, which has a status and a moderator as well."""

    message_id: Word
    message: Text
    automod: Filter | None = None
    blocked_term: Blocked | None = None
    status: Word | None = ""
    moderator_user_login: Word | None = ""
    moderator_user_name: Word | None = ""


class JudgedEvent(Struct, frozen=True, kw_only=True):
    """``channel.unban``, and ``channel.warning.send``, which says why: what a moderator does to somebody."""

    user_id: Word
    user_login: Word | None = ""
    user_name: Word | None = ""
    moderator_user_login: Word | None = ""
    moderator_user_name: Word | None = ""
    reason: str | None = ""
    chat_rules_cited: list[str] | None = None


class BanEvent(JudgedEvent, frozen=True, kw_only=True):
    """``channel.ban``: a ban, or a timeout."""

    banned_at: Word | None = ""
    ends_at: Word | None = None
    is_permanent: bool | None = None


class ChatRulesEvent(Struct, frozen=True, kw_only=True):
    """``channel.chat_settings.update``: who may write in the chat now, what, and how often."""

    emote_mode: bool | None = False
    follower_mode: bool | None = False
    follower_mode_duration_minutes: Count | None = None
    slow_mode: bool | None = False
    slow_mode_wait_time_seconds: Count | None = None
    subscriber_mode: bool | None = False
    unique_chat_mode: bool | None = False


class FollowEvent(Struct, frozen=True, kw_only=True):
    """``channel.follow``."""

    user_id: Word
    user_login: Word | None = ""
    user_name: Word | None = ""
    followed_at: Word | None = ""


class BitsEvent(UserEvent, frozen=True, kw_only=True):
    """``channel.bits.use``."""

    bits: Count
    type: Word
    message: Text | None = None


class Reward(Struct, frozen=True):
    """What is redeemed."""

    id: Word
    title: str = ""
    cost: Count = 0


class RedemptionEvent(UserEvent, frozen=True, kw_only=True):
    """``channel.channel_points_custom_reward_redemption.add``; Helix lists them in the same shape."""

    id: Word
    reward: Reward
    user_input: str | None = ""
    status: Word | None = ""
    redeemed_at: Word | None = ""


class RaidEvent(Struct, frozen=True):
    """``channel.raid``."""

    from_broadcaster_user_id: Word
    from_broadcaster_user_login: Word | None = ""
    from_broadcaster_user_name: Word | None = ""
    viewers: Count = 0


class ShoutOutEvent(Struct, frozen=True):
    """``channel.shoutout.receive``."""

    from_broadcaster_user_name: Word
    viewer_count: Count = 0
    started_at: Word | None = ""


class Choice(Struct, frozen=True):
    """One of several, to vote or bet for."""

    id: Word = ""
    title: str = ""
    votes: Count | None = 0


class GoingsOn(Struct, frozen=True):
    """A poll, a prediction, a hype train or a break for advertisements, whichever it is."""

    id: Word = ""
    title: str = ""
    status: Word | None = ""
    choices: list[Choice] | None = None
    outcomes: list[Choice] | None = None
    winning_outcome_id: Word | None = None
    level: Count = 0
    duration_seconds: Count = 0
    started_at: Word | None = ""


class StreamEvent(Struct, frozen=True):
    """``stream.online`` and ``stream.offline``."""

    id: Word = ""
    type: Word = ""


EVENTS: dict[str, type[Struct]] = {
    "channel.chat.message": ChatEvent,
    "channel.chat.notification": NoticeEvent,
    "channel.chat.message_delete": RemovedEvent,
    "channel.chat.clear_user_messages": RemovedEvent,
    "channel.chat.clear": RemovedEvent,
    "channel.chat_settings.update": ChatRulesEvent,
    "channel.ban": BanEvent,
    "channel.unban": JudgedEvent,
    "channel.warning.send": JudgedEvent,
    "automod.message.hold": HeldEvent,
    "automod.message.update": HeldEvent,
    "channel.follow": FollowEvent,
    "channel.bits.use": BitsEvent,
    "channel.channel_points_custom_reward_redemption.add": RedemptionEvent,
    "channel.raid": RaidEvent,
    "channel.shoutout.receive": ShoutOutEvent,
    **dict.fromkeys(
        (
            "channel.hype_train.begin", "channel.hype_train.progress", "channel.hype_train.end", "channel.poll.begin",
            "channel.poll.end", "channel.prediction.begin", "channel.prediction.lock", "channel.prediction.end",
            "channel.ad_break.begin",
        ),
        GoingsOn,
    ),
    "stream.online": StreamEvent,
    "stream.offline": StreamEvent,
}  # fmt: skip
"""What is read of each type of event that is subscribed to."""

_frames = msgspec.json.Decoder(Frame)
_events: dict[str | None, msgspec.json.Decoder[Any]] = {
    name: msgspec.json.Decoder(kind) for name, kind in EVENTS.items()
}
_WRONG = (msgspec.MsgspecError, ValueError, RecursionError)  # ValueError: a lone surrogate


def read(frame: str) -> Frame:
    """Read a frame. Raises Malformed."""
    if len(frame) > LARGEST:
        raise Malformed(f"it has {len(frame):,} characters", frame)
    try:
        return _frames.decode(frame)
    except _WRONG as error:
        raise Malformed(_why(error), frame) from None


def event(frame: Frame) -> Struct | None:
    """Read the event of a notification; None where it is of a type that we do not know. Raises Malformed."""
    decoder = _events.get(frame.metadata.subscription_type)
    if decoder is None:
        return None
    try:
        return decoder.decode(frame.payload.event)
    except _WRONG as error:
        raise Malformed(_why(error), f'"message_id":"{frame.metadata.message_id}"') from None


def redemptions(data: Any) -> list[RedemptionEvent]:
    """Read what Helix lists, leaving out what cannot be read."""
    found: list[RedemptionEvent] = []
    for one in data if isinstance(data, list) else []:  # pyright: ignore[reportUnknownVariableType]
        try:
            found.append(msgspec.convert(one, RedemptionEvent))
        except _WRONG:
            continue
    return found


def _why(error: Exception) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__
