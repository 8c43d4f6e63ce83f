"""What an event of EventSub means to the character.

https://dev.twitch.tv/docs/eventsub/eventsub-subscription-types

Twitch tells one deed in several events. Each is taken from one of them: bits that are written with a message from the
message, subscriptions from the chat's notice, raids from ``channel.raid``, redemptions from their own, bans from
``channel.ban`` where we are told of it; a message that only comes with one of these is not taken again. What else
moderators do is taken from an event each: ``channel.moderate`` tells it once more, and wants eight rights for that. Ids
are made of the platform's own, so that what comes twice, or is asked for afterwards, is known again.
"""

import re
from collections.abc import Callable, Collection
from datetime import datetime
from functools import lru_cache
from typing import Any, Literal

from marotte.events import (
    ChatMessage,
    Emote,
    Event,
    Follow,
    Gift,
    Happening,
    Held,
    Moderated,
    Raid,
    Redemption,
    Removed,
    StreamEnded,
    StreamStarted,
    Subscription,
    Viewer,
)
from marotte.links.irc.message import action
from marotte.links.twitch import frames
from marotte.links.twitch.frames import Fragment, Frame, Text

REDEMPTIONS = "channel.channel_points_custom_reward_redemption.add"
BITS = "channel.bits.use"
BANS = "channel.ban"
UNBANS = "channel.unban"
WARNINGS = "channel.warning.send"
HOLD = "automod.message.hold"
HELD = "automod.message.update"
_LONGEST = 1_000
"""Characters of what somebody wrote; Twitch allows 500."""
_TITLE = 200
_REWARDS = 1_000
_MOST_HELD = 1_000
_TERMS = 5
"""Blocked terms that are named."""
_NOBODY = {"407665396", "274598607"}
"""The accounts that Twitch lets cheer and give for those who wish to be nameless."""
_CONTROLS = re.compile(r"[\x00-\x1f\x7f]")
_TAIL = " \U000e0000"
"""Some clients append this invisible character so that Twitch does not take a message for the last one again."""
_PICTURES = "https://static-cdn.jtvnw.net/emoticons/v2/{}/default/dark/2.0"
_EMOTE = re.compile(r"\w{1,100}", re.ASCII)
_TIERS = {"1000": "1", "2000": "2", "3000": "3"}
_BADGES = {
    "broadcaster": "moderator",
    "lead_moderator": "moderator",
    "moderator": "moderator",
    "vip": "vip",
    "subscriber": "subscriber",
    "founder": "subscriber",
}


class Percepts:
    """Turns events into what is published."""

    def __init__(self, link: str, channel: str, live: Collection[str]) -> None:
        """``channel`` is its name; ``live`` holds the types of events that Twitch sends us now."""
        self._link, self._channel, self._live = link, f"#{channel}", live
        self._level = 0
        self.rewards: dict[str, str] = {}
        """The ids of rewards by their titles; a redemption bears the title."""
        self.held: dict[str, None] = {}
        """The ids of the messages that AutoMod holds, the oldest first."""

    def of(self, event: frames.Struct, frame: Frame, at: float) -> Event | None:
        """Return what an event, which happened ``at`` seconds since the epoch, brings; None where that is nothing."""
        if isinstance(event, frames.ChatEvent):  # which nearly all are
            return self._chat(event, frame, at)
        make = _MAKE.get(type(event))
        return None if make is None else make(self, event, frame, at)

    # --- people

    def _chat(self, event: frames.ChatEvent, frame: Frame, at: float) -> Event | None:
        kind = event.message_type or "text"
        if event.channel_points_custom_reward_id and REDEMPTIONS in self._live:
            return None
        if kind.startswith("power_ups") and BITS in self._live:
            return None
        text, emotes = _words(event.message)
        name = event.chatter_user_name or event.chatter_user_login or "somebody"
        viewer = Viewer(id="twitch:" + event.chatter_user_id, name=name, platform="twitch", roles=_worn(event))
        identity = "twitch/" + event.message_id
        if event.cheer is not None:
            return Gift(
                at=at,
                id=identity,
                viewer=None if event.chatter_user_id in _NOBODY else viewer,
                link=self._link,
                source=event.message_id,
                what="bits",
                amount=float(event.cheer.bits),
                unit="bits",
                message=text,
            )
        if not text:
            return None
        return ChatMessage(
            at=at,
            id=identity,
            viewer=viewer,
            link=self._link,
            source=event.message_id,
            text=text,
            channel=self._channel,
            first=kind == "user_intro",
            emotes=emotes,
        )

    def _notice(self, event: frames.NoticeEvent, frame: Frame, at: float) -> Event | None:
        """Read a notice: a subscription, an announcement that somebody wrote, a donation."""
        text, emotes = _words(event.message) if event.message else ("", ())
        viewer = None
        if event.chatter_user_id and event.chatter_user_id not in _NOBODY and not event.chatter_is_anonymous:
            viewer = _viewer(event.chatter_user_id, event.chatter_user_name, event.chatter_user_login, _worn(event))
        shared: dict[str, Any] = {
            "at": at,
            "id": "twitch/" + event.message_id,
            "viewer": viewer,
            "link": self._link,
            "source": event.message_id,
        }
        kind = event.notice_type
        if kind in _SUBSCRIPTIONS:
            return _subscription(event, shared, text)
        if kind == "charity_donation" and event.charity_donation and (sum_ := event.charity_donation.amount):
            amount = sum_.value / 10 ** min(max(sum_.decimal_place, 0), 9)
            what = (event.charity_donation.charity_name or "a charity")[:_TITLE]
            return Gift(**shared, what=f"a donation to {what}", amount=amount, unit=sum_.currency[:8], message=text)
        if kind == "announcement" and text and viewer:
            return ChatMessage(**shared, text=text, channel=self._channel, emotes=emotes)
        return None

    def _follow(self, event: frames.FollowEvent, frame: Frame, at: float) -> Event:
        identity = f"twitch/follow/{event.user_id}/{event.followed_at or frame.metadata.message_id}"
        viewer = _viewer(event.user_id, event.user_name, event.user_login)
        return Follow(at=at, id=identity, viewer=viewer, link=self._link)

    def _bits(self, event: frames.BitsEvent, frame: Frame, at: float) -> Event | None:
        """Read a use of bits; a cheer has come with its message."""
        if event.type == "cheer":
            return None
        return Gift(
            at=at,
            id="twitch/" + frame.metadata.message_id,
            viewer=_viewer(event.user_id, event.user_name, event.user_login) if event.user_id else None,
            link=self._link,
            what="bits",
            amount=float(event.bits),
            unit="bits",
            message=_words(event.message)[0] if event.message else "",
        )

    def _redeemed(self, event: frames.RedemptionEvent, frame: Frame, at: float) -> Event:
        return self.redemption(event, at)

    def redemption(self, event: frames.RedemptionEvent, at: float) -> Redemption:
        """Return a redemption, whether it was told or asked for."""
        title = _plain(event.reward.title)[:_TITLE]
        if len(self.rewards) < _REWARDS or title in self.rewards:
            self.rewards[title] = event.reward.id
        return Redemption(
            at=at,
            id="twitch/redemption/" + event.id,
            viewer=_viewer(event.user_id, event.user_name, event.user_login) if event.user_id else None,
            link=self._link,
            source=event.id,
            reward=title,
            text=_plain(event.user_input or "")[:_LONGEST],
            cost=event.reward.cost,
        )

    def _raid(self, event: frames.RaidEvent, frame: Frame, at: float) -> Event:
        who, name = event.from_broadcaster_user_id, event.from_broadcaster_user_name
        return Raid(
            at=at,
            id="twitch/" + frame.metadata.message_id,
            viewer=_viewer(who, name, event.from_broadcaster_user_login),
            link=self._link,
            party=max(0, event.viewers),
        )

    # --- the channel

    def _removed(self, event: frames.RemovedEvent, frame: Frame, at: float) -> Event | None:
        kind = frame.metadata.subscription_type
        if kind == "channel.chat.clear":
            return Removed(at=at, link=self._link, what="chat")
        if kind == "channel.chat.message_delete":
            message = event.message_id
            return Removed(at=at, link=self._link, what="message", which=message) if message else None
        viewer = event.target_user_id
        if BANS in self._live:
            return None  # which tells more of it
        return Removed(at=at, link=self._link, what="viewer", which=f"twitch:{viewer}") if viewer else None

    def _banned(self, event: frames.BanEvent, frame: Frame, at: float) -> Event:
        what, until = "banned", seconds(event.ends_at)
        if until and not event.is_permanent:
            what = f"timed out for {max(0.0, until - (seconds(event.banned_at) or at)):.0f} s"
        reason = _done_to(event, what)
        return Removed(at=at, link=self._link, what="viewer", which=f"twitch:{event.user_id}", reason=reason)

    def _judged(self, event: frames.JudgedEvent, frame: Frame, at: float) -> Event:
        warned = frame.metadata.subscription_type == WARNINGS
        what, text = "warned" if warned else "lifted", _done_to(event, "warned" if warned else "let back")
        return Moderated(at=at, link=self._link, what=what, which=f"twitch:{event.user_id}", text=text)

    def _ruled(self, event: frames.ChatRulesEvent, frame: Frame, at: float) -> Event:
        return Moderated(at=at, link=self._link, what="chat", text=_rules(event))

    def _kept_back(self, event: frames.HeldEvent, frame: Frame, at: float) -> Event | None:
        """Read what AutoMod holds, or what a moderator decided on it."""
        status = (event.status or "").lower() if frame.metadata.subscription_type == HELD else "held"
        if status not in ("held", "approved", "denied", "expired"):
            return None
        self.held.pop(event.message_id, None)
        if status == "held":
            self.held[event.message_id] = None
            if len(self.held) > _MOST_HELD:
                del self.held[next(iter(self.held))]
        decided = status in ("approved", "denied")
        return Held(
            at=at,
            link=self._link,
            viewer=_viewer(event.user_id, event.user_name, event.user_login) if event.user_id else None,
            text=_words(event.message)[0],
            source=event.message_id,
            state=status,
            reason=_why_held(event),
            by=_called(event.moderator_user_name, event.moderator_user_login) if decided else "",
        )

    def _stream(self, event: frames.StreamEvent, frame: Frame, at: float) -> Event:
        if frame.metadata.subscription_type == "stream.online":
            return StreamStarted(at=at, link=self._link)
        return StreamEnded(at=at, link=self._link)

    def _shout_out(self, event: frames.ShoutOutEvent, frame: Frame, at: float) -> Event:
        name = _plain(event.from_broadcaster_user_name)[:50]
        text = f"{name} recommends this channel to {event.viewer_count} viewers."
        return self._happening("shout_out", text, at, frame.metadata.message_id)

    def _goes_on(self, event: frames.GoingsOn, frame: Frame, at: float) -> Event | None:
        kind, _, phase = (frame.metadata.subscription_type or "").removeprefix("channel.").partition(".")
        identity = f"{kind}/{event.id or event.started_at or frame.metadata.message_id}/{phase}"
        match kind:
            case "hype_train":
                text = self._train(event, phase)
                return self._happening("hype_train", text, at, f"{identity}/{event.level}") if text else None
            case "poll":
                if phase == "end" and event.status not in ("completed", "terminated"):
                    return None  # archived, later on
                return self._happening("poll", _poll(event, phase), at, identity)
            case "prediction":
                return self._happening("prediction", _prediction(event, phase), at, identity)
            case _:
                text = f"A break for advertisements begins; it takes {event.duration_seconds} seconds."
                return self._happening("ad_break", text, at, identity)

    def _train(self, event: frames.GoingsOn, phase: str) -> str:
        """Tell of a hype train when it begins, climbs and ends; of its single steps nothing."""
        before, self._level = self._level, 0 if phase == "end" else event.level
        match phase:
            case "begin":
                return f"A hype train begins, at level {event.level}."
            case "end":
                return f"The hype train ends, at level {event.level}."
            case _:
                return f"The hype train reaches level {event.level}." if event.level > before > 0 else ""

    def _happening(
        self,
        what: Literal["hype_train", "poll", "prediction", "ad_break", "shout_out"],
        text: str,
        at: float,
        identity: str,
    ) -> Happening:
        return Happening(at=at, id=f"twitch/{identity}", link=self._link, what=what, text=text[:_LONGEST])


_MAKE: dict[type[frames.Struct], Callable[[Percepts, Any, Frame, float], Event | None]] = {
    frames.NoticeEvent: Percepts._notice,  # pyright: ignore[reportPrivateUsage]
    frames.RemovedEvent: Percepts._removed,  # pyright: ignore[reportPrivateUsage]
    frames.ChatRulesEvent: Percepts._ruled,  # pyright: ignore[reportPrivateUsage]
    frames.JudgedEvent: Percepts._judged,  # pyright: ignore[reportPrivateUsage]
    frames.BanEvent: Percepts._banned,  # pyright: ignore[reportPrivateUsage]
    frames.HeldEvent: Percepts._kept_back,  # pyright: ignore[reportPrivateUsage]
    frames.FollowEvent: Percepts._follow,  # pyright: ignore[reportPrivateUsage]
    frames.BitsEvent: Percepts._bits,  # pyright: ignore[reportPrivateUsage]
    frames.RedemptionEvent: Percepts._redeemed,  # pyright: ignore[reportPrivateUsage]
    frames.RaidEvent: Percepts._raid,  # pyright: ignore[reportPrivateUsage]
    frames.StreamEvent: Percepts._stream,  # pyright: ignore[reportPrivateUsage]
    frames.ShoutOutEvent: Percepts._shout_out,  # pyright: ignore[reportPrivateUsage]
    frames.GoingsOn: Percepts._goes_on,  # pyright: ignore[reportPrivateUsage]
}

# --- parts ---------------------------------------------------------------------------------------------------------

_SUBSCRIPTIONS = {"sub", "resub", "sub_gift", "community_sub_gift", "gift_paid_upgrade", "prime_paid_upgrade"}


def _subscription(event: frames.NoticeEvent, shared: dict[str, Any], text: str) -> Subscription | None:
    """Read a subscription; what is given to many is told as one, and of each of the many nothing."""
    kind = event.notice_type
    told = {"sub": event.sub, "resub": event.resub, "sub_gift": event.sub_gift}.get(kind, event.community_sub_gift)
    told = told or frames.SubscriptionTold()
    if kind == "sub_gift" and told.community_gift_id:
        return None
    given = {"sub_gift": 1, "community_sub_gift": max(1, told.total or 1)}.get(kind, 0)
    return Subscription(
        **shared,
        tier="prime" if told.is_prime else _TIERS.get(told.sub_tier or "", ""),
        months=max(1, told.cumulative_months or 1),
        given=given,
        message=text,
    )


def _poll(event: frames.GoingsOn, phase: str) -> str:
    title, choices = _plain(event.title)[:_TITLE], event.choices or []
    if phase == "begin":
        return f"A poll begins: {title} ({' / '.join(_plain(choice.title)[:50] for choice in choices[:10])})"
    best = max(choices, key=lambda choice: choice.votes or 0, default=None)
    if best is None or not best.votes:
        return f"The poll is over: {title} Nobody voted."
    return f"The poll is over: {title} Most votes went to {_plain(best.title)[:50]} ({best.votes})."


def _prediction(event: frames.GoingsOn, phase: str) -> str:
    title, outcomes = _plain(event.title)[:_TITLE], event.outcomes or []
    if phase == "begin":
        return f"A prediction begins: {title} ({' / '.join(_plain(one.title)[:50] for one in outcomes[:10])})"
    if phase == "lock":
        return f"No more bets on the prediction: {title}"
    won = next((one for one in outcomes if event.winning_outcome_id and one.id == event.winning_outcome_id), None)
    return f"The prediction is over: {title} " + (f"It is {_plain(won.title)[:50]}." if won else "It was called off.")


def _done_to(event: frames.JudgedEvent, what: str) -> str:
    """Say what was done to somebody, by whom and why."""
    by = _called(event.moderator_user_name, event.moderator_user_login)
    cited = (_plain(one).strip() for one in (event.reason or "", *(event.chat_rules_cited or ())))
    why = "; ".join(filter(None, cited))
    return (f"{_called(event.user_name, event.user_login)} was {what} by {by}" + (f": {why}" if why else ""))[:_LONGEST]


def _rules(event: frames.ChatRulesEvent) -> str:
    """Say who may write in the chat now, what, and how often."""
    minutes, pause = event.follower_mode_duration_minutes, event.slow_mode_wait_time_seconds
    rules = {
        "only subscribers may write": event.subscriber_mode,
        "only followers may write" + (f", after {minutes} minutes" if minutes else ""): event.follower_mode,
        "one message" + (f" in {pause} seconds" if pause else " in a while"): event.slow_mode,
        "nothing but emotes": event.emote_mode,
        "nothing twice": event.unique_chat_mode,
    }
    return "; ".join(rule for rule, holds in rules.items() if holds) or "everybody may write, whatever and as often"


def _why_held(event: frames.HeldEvent) -> str:
    text, terms = event.message.text or "", event.blocked_term
    if terms is not None and terms.terms_found:
        bounds = [found.boundary for found in terms.terms_found[:_TERMS] if found.boundary is not None]
        named = [text[max(0, one.start_pos) : max(0, one.end_pos + 1)] for one in bounds]
        return ", ".join(["a blocked term", *(f"“{_plain(one)[:50]}”" for one in named if one)])
    if event.automod is not None and event.automod.category:
        return f"{_plain(event.automod.category)}, level {event.automod.level or 0}"
    return ""


def _called(name: str | None, login: str | None) -> str:
    return _plain(name or login or "somebody")[:50]


def _viewer(identity: str, name: str | None, login: str | None, roles: tuple[str, ...] = ()) -> Viewer:
    return Viewer(id=f"twitch:{identity}", name=name or login or "somebody", platform="twitch", roles=roles)


def _words(message: Text) -> tuple[str, tuple[Emote, ...]]:
    """Return what somebody wrote, fit to be read, and where emotes stand in it."""
    text = message.text or ""
    if not text.isprintable() or len(text) > _LONGEST:
        if text.startswith("\x01"):
            return action(text)[:_LONGEST], ()
        text = _plain(text)[:_LONGEST]  # one character for each, so that emotes stay where they are
    found: list[Emote] = []
    pieces = message.fragments
    if pieces and (len(pieces) > 1 or pieces[0].emote is not None):
        found = _emotes(pieces, text)
    begin = len(text) - len(text.lstrip())
    if begin:
        found = [Emote(one.name, one.start - begin, one.end - begin, one.picture) for one in found]
    return text.strip(), tuple(found)


def _emotes(pieces: list[Fragment], text: str) -> list[Emote]:
    found: list[Emote] = []
    at = 0
    for piece in pieces:
        name, emote = piece.text, piece.emote
        end = at + len(name)
        if emote is not None and name and text[at:end] == name:
            found.append(Emote(name, at, end, _PICTURES.format(emote.id) if _EMOTE.fullmatch(emote.id) else ""))
        at = end
    return found


def _plain(text: str) -> str:
    return text if text.isprintable() else _CONTROLS.sub(" ", text).rstrip(_TAIL)


def _worn(event: frames.ChatEvent | frames.NoticeEvent) -> tuple[str, ...]:
    """Return the roles of who writes, by their badges; the channel's owner is an operator."""
    badges = event.badges
    roles = _roles(tuple([badge.set_id for badge in badges[:20]])) if badges else ()
    if event.chatter_user_id == event.broadcaster_user_id:
        return tuple(sorted({*roles, "operator"}))
    return roles


@lru_cache(4096)
def _roles(badges: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(sorted({_BADGES.get(badge, "") for badge in badges} - {""}))


def moment(stamp: str | None, now: float) -> float:
    """Read a time in RFC 3339 as seconds since the epoch; one that cannot be read, or is yet to come, is ``now``."""
    at = seconds(stamp)
    return at if 0 < at < now else now


def seconds(stamp: str | None) -> float:
    """Read a time in RFC 3339 as seconds since the epoch; 0 where it cannot be read."""
    try:
        return datetime.fromisoformat(stamp or "").timestamp()
    except (ValueError, OverflowError, OSError):
        return 0.0
