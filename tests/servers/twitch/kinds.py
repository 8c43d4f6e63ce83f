"""The types of EventSub that the server offers, and what a subscription to each must bring.

https://dev.twitch.tv/docs/eventsub/eventsub-subscription-types
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Kind:
    """One type of subscription."""

    version: str
    condition: tuple[str, ...]
    """Keys that are wanted; where ``either`` is true, one of them."""
    scopes: tuple[tuple[str, ...], ...] = ()
    """Of each group the token must have one."""
    either: bool = False


def _scope(*names: str) -> tuple[tuple[str, ...]]:
    return (names,)


def _read_or_manage(*what: str) -> tuple[tuple[str, ...], ...]:
    return tuple((f"moderator:read:{one}", f"moderator:manage:{one}") for one in what)


CHANNEL = ("broadcaster_user_id",)
CHATTER = ("broadcaster_user_id", "user_id")
MODERATOR = ("broadcaster_user_id", "moderator_user_id")

_CHAT = Kind("1", CHATTER, _scope("user:read:chat"))
_SUBSCRIBERS = Kind("1", CHANNEL, _scope("channel:read:subscriptions"))
_POINTS = Kind("1", CHANNEL, _scope("channel:read:redemptions", "channel:manage:redemptions"))
_BITS = Kind("1", CHANNEL, _scope("bits:read"))
_BANS = Kind("1", CHANNEL, _scope("channel:moderate"))
_AUTOMOD = Kind("2", MODERATOR, _scope("moderator:manage:automod"))
_TRAIN = Kind("2", CHANNEL, _scope("channel:read:hype_train"))
_POLL = Kind("1", CHANNEL, _scope("channel:read:polls", "channel:manage:polls"))
_PREDICTION = Kind("1", CHANNEL, _scope("channel:read:predictions", "channel:manage:predictions"))
_SHOUTOUT = Kind("1", MODERATOR, _read_or_manage("shoutouts"))
_WARNING = Kind("1", MODERATOR, _read_or_manage("warnings"))
_MODERATE = Kind(
    "2",
    MODERATOR,
    (
        *_read_or_manage(
            "blocked_terms", "chat_settings", "unban_requests", "banned_users", "chat_messages", "warnings"
        ),
        ("moderator:read:moderators",),
        ("moderator:read:vips",),
    ),
)

KINDS: dict[str, Kind] = {
    "channel.chat.message": _CHAT,
    "channel.chat.notification": _CHAT,
    "channel.chat.message_delete": _CHAT,
    "channel.chat.clear": _CHAT,
    "channel.chat.clear_user_messages": _CHAT,
    "channel.chat_settings.update": _CHAT,
    "channel.follow": Kind("2", MODERATOR, _scope("moderator:read:followers")),
    "channel.subscribe": _SUBSCRIBERS,
    "channel.subscription.gift": _SUBSCRIBERS,
    "channel.subscription.message": _SUBSCRIBERS,
    "channel.subscription.end": _SUBSCRIBERS,
    "channel.cheer": _BITS,
    "channel.bits.use": _BITS,
    "channel.channel_points_custom_reward_redemption.add": _POINTS,
    "channel.channel_points_custom_reward_redemption.update": _POINTS,
    "channel.channel_points_automatic_reward_redemption.add": Kind("2", CHANNEL, _POINTS.scopes),
    "channel.raid": Kind("1", ("to_broadcaster_user_id", "from_broadcaster_user_id"), either=True),
    "channel.ban": _BANS,
    "channel.unban": _BANS,
    "channel.moderate": _MODERATE,
    "channel.warning.send": _WARNING,
    "automod.message.hold": _AUTOMOD,
    "automod.message.update": _AUTOMOD,
    "channel.hype_train.begin": _TRAIN,
    "channel.hype_train.progress": _TRAIN,
    "channel.hype_train.end": _TRAIN,
    "channel.poll.begin": _POLL,
    "channel.poll.progress": _POLL,
    "channel.poll.end": _POLL,
    "channel.prediction.begin": _PREDICTION,
    "channel.prediction.progress": _PREDICTION,
    "channel.prediction.lock": _PREDICTION,
    "channel.prediction.end": _PREDICTION,
    "channel.ad_break.begin": Kind("1", CHANNEL, _scope("channel:read:ads")),
    "channel.shoutout.create": _SHOUTOUT,
    "channel.shoutout.receive": _SHOUTOUT,
    "stream.online": Kind("1", CHANNEL),
    "stream.offline": Kind("1", CHANNEL),
}

REMOVED = {("channel.follow", "1")} | {(name, "1") for name in KINDS if name.startswith("channel.hype_train.")}
"""Versions that Twitch has withdrawn: a subscription to them is answered with 410."""

SCOPES = tuple(
    sorted(
        {group[0] for kind in KINDS.values() for group in kind.scopes}
        | {
            "user:write:chat", "user:bot", "channel:bot", "clips:edit", "channel:manage:redemptions",
            "moderator:manage:announcements", "moderator:manage:banned_users", "moderator:manage:chat_messages",
            "moderator:manage:shoutouts", "moderator:manage:warnings",
        }
    )
)  # fmt: skip
"""What a token must have to do everything here."""
