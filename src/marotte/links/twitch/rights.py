"""What is subscribed to and what may be done: versions, conditions, the rights (scopes) of each, and what they are for.

https://dev.twitch.tv/docs/eventsub/eventsub-subscription-types, https://dev.twitch.tv/docs/authentication/scopes
"""

from typing import Literal, NamedTuple

from marotte.config_links import Twitch
from marotte.events import Act, Announce, Clip, Fulfil, Send, ShoutOut, Verdict
from marotte.links.twitch.percepts import BANS, BITS, HELD, HOLD, REDEMPTIONS, UNBANS, WARNINGS


class Kind(NamedTuple):
    """A type of event that is subscribed to."""

    version: str
    whose: Literal["reader", "moderator", "owner", "anybody", "raided"]
    """Who may: whoever reads the chat, its moderators, the channel's owner alone, or anybody."""
    scope: str
    brings: str
    """What is lost without it."""

    def condition(self, channel: str, account: str) -> dict[str, str]:
        """Return which channel it is of, and who looks, both by their ids."""
        if self.whose == "raided":
            return {"to_broadcaster_user_id": channel}
        who = {"reader": "user_id", "moderator": "moderator_user_id"}.get(self.whose)
        return {"broadcaster_user_id": channel, **({who: account} if who else {})}


CHAT = "channel.chat.message"
FOLLOWS = "channel.follow"
ONLINE = "stream.online"
_READ = "user:read:chat"
_TRAINS = "channel:read:hype_train"
_POLLS = "channel:read:polls"
_PREDICTIONS = "channel:read:predictions"
_POINTS = "channel:manage:redemptions"
_SHOUTS = "moderator:manage:shoutouts"
_BANS = "channel:moderate"
_WARNINGS = "moderator:manage:warnings"
_AUTOMOD = "moderator:manage:automod"

_KINDS: dict[str, Kind] = {
    CHAT: Kind("1", "reader", _READ, "what people write, and their cheers"),
    "channel.chat.notification": Kind("1", "reader", _READ, "subscriptions, gifts of them, and announcements"),
    "channel.chat.message_delete": Kind("1", "reader", _READ, "which messages moderators delete"),
    "channel.chat.clear_user_messages": Kind("1", "reader", _READ, "whom moderators ban or time out"),
    "channel.chat.clear": Kind("1", "reader", _READ, "when moderators clear the chat"),
    "channel.raid": Kind("1", "raided", "", "raids"),
    ONLINE: Kind("1", "anybody", "", "when the stream begins"),
    "stream.offline": Kind("1", "anybody", "", "when the stream ends"),
    REDEMPTIONS: Kind("1", "owner", _POINTS, "redemptions of channel points"),
    FOLLOWS: Kind("2", "moderator", "moderator:read:followers", "who follows"),
    BITS: Kind("1", "owner", "bits:read", "power-ups that are paid with bits"),
    "channel.chat_settings.update": Kind("1", "reader", _READ, "who may write in the chat, and how often"),
    BANS: Kind("1", "owner", _BANS, "by whom, why and for how long somebody is banned or timed out"),
    UNBANS: Kind("1", "owner", _BANS, "who is let back, and by whom"),
    WARNINGS: Kind("1", "moderator", _WARNINGS, "who is warned, by whom and why"),
    HOLD: Kind("2", "moderator", _AUTOMOD, "what AutoMod holds back"),
    HELD: Kind("2", "moderator", _AUTOMOD, "what becomes of what AutoMod held back"),
    "channel.hype_train.begin": Kind("2", "owner", _TRAINS, "hype trains"),
    "channel.hype_train.progress": Kind("2", "owner", _TRAINS, "the levels of hype trains"),
    "channel.hype_train.end": Kind("2", "owner", _TRAINS, "the ends of hype trains"),
    "channel.poll.begin": Kind("1", "owner", _POLLS, "polls"),
    "channel.poll.end": Kind("1", "owner", _POLLS, "the results of polls"),
    "channel.prediction.begin": Kind("1", "owner", _PREDICTIONS, "predictions"),
    "channel.prediction.lock": Kind("1", "owner", _PREDICTIONS, "when predictions close"),
    "channel.prediction.end": Kind("1", "owner", _PREDICTIONS, "the results of predictions"),
    "channel.ad_break.begin": Kind("1", "owner", "channel:read:ads", "breaks for advertisements"),
    "channel.shoutout.receive": Kind("1", "moderator", _SHOUTS, "who recommends the channel"),
}

_OF_MODERATORS = (BANS, UNBANS, WARNINGS, HOLD, HELD)

ACTS: dict[type[Act], tuple[tuple[str, ...], str]] = {
    Send: (("user:write:chat",), "writing into the chat"),
    Announce: (("moderator:manage:announcements",), "announcements"),
    Verdict: (
        ("moderator:manage:banned_users", "moderator:manage:chat_messages", _WARNINGS),
        "moderation: deleting, warning, timing out, banning",
    ),
    Fulfil: ((_POINTS,), "closing and refunding redemptions"),
    ShoutOut: ((_SHOUTS,), "shout-outs"),
    Clip: (("clips:edit",), "clips"),
}
"""The scopes that each act needs, and what it is."""


def kinds(settings: Twitch) -> dict[str, Kind]:
    """Return the types of events that these settings want, the most important first."""
    without = {
        *(() if settings.moderate else _OF_MODERATORS),
        *(() if settings.redemptions else (REDEMPTIONS,)),
    }
    return {name: kind for name, kind in _KINDS.items() if name not in without}


def acts(settings: Twitch) -> list[type[Act]]:
    """Return the acts that these settings want."""
    without = {
        *(() if settings.answer else (Send, Announce)),
        *(() if settings.moderate else (Verdict,)),
        *(() if settings.redemptions else (Fulfil,)),
    }
    return [act for act in ACTS if act not in without]


def wanted(settings: Twitch) -> tuple[str, ...]:
    """Return the scopes that these settings need, each once."""
    scopes = [kind.scope for kind in kinds(settings).values() if kind.scope]
    return tuple(dict.fromkeys(scopes + [scope for act in acts(settings) for scope in ACTS[act][0]]))


def lost(settings: Twitch, scope: str) -> str:
    """Say what is lost without a scope."""
    things = [kind.brings for kind in kinds(settings).values() if kind.scope == scope]
    things += [ACTS[act][1] for act in acts(settings) if scope in ACTS[act][0]]
    return ", ".join(things)
