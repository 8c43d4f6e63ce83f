"""What EventSub's events look like: every field that the reference documents, in functions without state.

https://dev.twitch.tv/docs/eventsub/eventsub-subscription-types, https://dev.twitch.tv/docs/eventsub/eventsub-reference
"""

import re
from collections.abc import Mapping
from typing import Any

from tests.servers.twitch.state import Redemption, User, stamp

TIERS = (10_000, 5_000, 1_000, 100, 1)
NOTICES = (
    "sub", "resub", "sub_gift", "community_sub_gift", "gift_paid_upgrade", "prime_paid_upgrade", "raid", "unraid",
    "pay_it_forward", "announcement", "bits_badge_tier", "charity_donation", "watch_streak", "modiversary",
    "shared_chat_sub", "shared_chat_resub", "shared_chat_modiversary",
    "shared_chat_sub_gift", "shared_chat_community_sub_gift", "shared_chat_gift_paid_upgrade",
    "shared_chat_prime_paid_upgrade", "shared_chat_raid", "shared_chat_pay_it_forward", "shared_chat_announcement",
)  # fmt: skip
ACTIONS = (
    "followers", "slow", "vip", "unvip", "mod", "unmod", "ban", "unban", "timeout", "untimeout", "raid", "unraid",
    "delete", "automod_terms", "unban_request", "warn", "shared_chat_ban", "shared_chat_timeout",
    "shared_chat_unban", "shared_chat_untimeout", "shared_chat_delete",
)  # fmt: skip
SOURCE: dict[str, Any] = {
    "source_broadcaster_user_id": None,
    "source_broadcaster_user_login": None,
    "source_broadcaster_user_name": None,
    "source_message_id": None,
    "source_badges": None,
    "is_source_only": None,
}
NOBODY: dict[str, Any] = {"user_id": None, "user_login": None, "user_name": None}


def channel(broadcaster: User) -> dict[str, Any]:
    return broadcaster.fields("broadcaster_")


def fragments(
    text: str, emotes: Mapping[str, str], users: Mapping[str, User], cheers: bool, *kinds: str
) -> list[dict[str, Any]]:
    """Tear a text into its pieces; only the kinds of metadata that are named stand in each, as null where absent."""
    logins = {user.login: user for user in users.values()}
    found: list[dict[str, Any]] = []

    def add(kind: str, piece: str, meta: dict[str, Any] | None = None) -> None:
        if kind == "text" and found and found[-1]["type"] == "text":
            found[-1]["text"] += piece
            return
        found.append({"type": kind, "text": piece, **{one: meta if one == kind else None for one in kinds}})

    for piece in re.split(r"(\s+)", text):
        cheer = re.fullmatch(r"([A-Za-z]+)([1-9]\d*)", piece) if cheers else None
        if cheer and "cheermote" in kinds:
            bits = int(cheer[2])
            tier = next(tier for tier in TIERS if bits >= tier)
            add("cheermote", piece, {"prefix": cheer[1].lower(), "bits": bits, "tier": tier})
        elif piece in emotes and "emote" in kinds:
            meta = {"id": emotes[piece], "emote_set_id": "0", "owner_id": "0", "format": ["static"]}
            add("emote", piece, meta)
        elif piece[:1] == "@" and piece[1:].lower() in logins and "mention" in kinds:
            add("mention", piece, logins[piece[1:].lower()].fields())
        elif piece:
            add("text", piece)
    return found


def places(text: str, emotes: Mapping[str, str]) -> list[dict[str, Any]]:
    """Return where in a text emotes stand, in the older shape, with both ends within."""
    found = [(match.start(), match.end() - 1, match[0]) for match in re.finditer(r"\S+", text)]
    return [{"begin": begin, "end": end, "id": emotes[word]} for begin, end, word in found if word in emotes]


def badges(broadcaster: User, user: User, moderator: bool, months: int = 0) -> list[dict[str, str]]:
    found: list[dict[str, str]] = []
    if user == broadcaster:
        found.append({"set_id": "broadcaster", "id": "1", "info": ""})
    elif moderator:
        found.append({"set_id": "moderator", "id": "1", "info": ""})
    if months:
        found.append({"set_id": "subscriber", "id": str(min(months, 12)), "info": str(months)})
    return found


def message(broadcaster: User, user: User, identity: str, text: str, pieces: list[Any], **more: Any) -> dict[str, Any]:
    """``channel.chat.message``; ``more`` overrides fields."""
    return {
        **channel(broadcaster), **user_as(user, "chatter_"), "message_id": identity,
        "message": {"text": text, "fragments": pieces}, "color": user.color, "badges": [], "message_type": "text",
        "cheer": None, "reply": None, "channel_points_custom_reward_id": None,
        "channel_points_animation_id": None, **SOURCE, **more,
    }  # fmt: skip


def notice(
    broadcaster: User, user: User | None, identity: str, kind: str, about: Any, told: str, **more: Any
) -> dict[str, Any]:
    """``channel.chat.notification`` of one kind; an anonymous giver is None."""
    chatter = user_as(user, "chatter_") if user else {f"chatter_{name}": None for name in NOBODY}
    return {
        **channel(broadcaster), **chatter, "chatter_is_anonymous": user is None, "color": user.color if user else "",
        "badges": [], "system_message": told, "message_id": identity, "message": {"text": "", "fragments": []},
        "notice_type": kind, **dict.fromkeys(NOTICES), kind: about, **SOURCE, **more,
    }  # fmt: skip


def user_as(user: User, prefix: str) -> dict[str, Any]:
    return user.fields(prefix)


def redemption(broadcaster: User, one: Redemption) -> dict[str, Any]:
    """``channel.channel_points_custom_reward_redemption.add`` and ``.update``."""
    return {
        "id": one.id, **channel(broadcaster), **one.user.fields(), "user_input": one.text,
        "status": one.status.lower(), "reward": one.reward.brief(), "redeemed_at": one.redeemed_at,
    }  # fmt: skip


def moderate(broadcaster: User, moderator: User, action: str, about: dict[str, Any] | None) -> dict[str, Any]:
    """``channel.moderate`` of version 2."""
    return {
        **channel(broadcaster), **broadcaster.fields("source_broadcaster_"), **moderator.fields("moderator_"),
        "action": action, **dict.fromkeys(ACTIONS), **({action: about} if action in ACTIONS else {}),
    }  # fmt: skip


def ban(broadcaster: User, moderator: User, user: User, reason: str, ends_at: str | None) -> dict[str, Any]:
    return {
        **user.fields(), **channel(broadcaster), **moderator.fields("moderator_"), "reason": reason,
        "banned_at": stamp(), "ends_at": ends_at, "is_permanent": ends_at is None,
    }  # fmt: skip


def chat_settings(broadcaster: User, rules: dict[str, int | None]) -> dict[str, Any]:
    """``channel.chat_settings.update``."""
    held = {rule: value is not None for rule, value in rules.items()}
    return {
        **channel(broadcaster), "emote_mode": held.get("emoteonly", False), "slow_mode": held.get("slow", False),
        "slow_mode_wait_time_seconds": rules.get("slow"), "follower_mode": held.get("followers", False),
        "follower_mode_duration_minutes": rules.get("followers"), "subscriber_mode": held.get("subscribers", False),
        "unique_chat_mode": held.get("uniquechat", False),
    }  # fmt: skip


def held(broadcaster: User, user: User, identity: str, text: str, pieces: list[Any], **more: Any) -> dict[str, Any]:
    """``automod.message.hold`` of version 2; with a moderator and a status in ``more``, ``.update``."""
    ends = [{"start_pos": 0, "end_pos": max(0, len(text) - 1)}]
    return {
        **channel(broadcaster), **user.fields(), "message_id": identity,
        "message": {"text": text, "fragments": pieces}, "reason": "automod",
        "automod": {"category": "aggressive", "level": 2, "boundaries": ends}, "blocked_term": None,
        "held_at": stamp(), **more,
    }  # fmt: skip


def blocked(broadcaster: User, text: str, term: str) -> dict[str, Any]:
    """What a message is held for that has a blocked term in it."""
    begin = text.index(term)
    found = {"term_id": "t-1", **{f"owner_{name}": value for name, value in channel(broadcaster).items()},
             "boundary": {"start_pos": begin, "end_pos": begin + len(term) - 1}}  # fmt: skip
    return {"reason": "blocked_term", "automod": None, "blocked_term": {"terms_found": [found]}}


def poll(broadcaster: User, phase: str, base: dict[str, Any]) -> dict[str, Any]:
    """``channel.poll.begin``, ``.progress`` or ``.end`` of a poll that stands in ``base``."""
    choices = [
        {"id": str(at), "title": title, **({} if phase == "begin" else {
            "bits_votes": 0, "channel_points_votes": 0, "votes": base["votes"].get(title, 0)})}
        for at, title in enumerate(base["choices"])
    ]  # fmt: skip
    ends = {"status": base["status"], "ended_at": stamp()} if phase == "end" else {"ends_at": base["ends_at"]}
    return {
        "id": base["id"], **channel(broadcaster), "title": base["title"], "choices": choices,
        "bits_voting": {"is_enabled": False, "amount_per_vote": 0},
        "channel_points_voting": {"is_enabled": False, "amount_per_vote": 0}, "started_at": base["started_at"], **ends,
    }  # fmt: skip


def prediction(broadcaster: User, phase: str, base: dict[str, Any]) -> dict[str, Any]:
    """``channel.prediction.begin``, ``.progress``, ``.lock`` or ``.end``."""
    colors = ("blue", "pink")
    outcomes = [
        {"id": str(at), "title": title, "color": colors[at % 2], **({} if phase == "begin" else {
            "users": 0, "channel_points": base["points"].get(title, 0), "top_predictors": []})}
        for at, title in enumerate(base["outcomes"])
    ]  # fmt: skip
    won = str(base["outcomes"].index(base["winner"])) if base["winner"] else None
    ends = {
        "lock": {"locked_at": stamp()},
        "end": {"winning_outcome_id": won, "status": "resolved" if won else "canceled", "ended_at": stamp()},
    }.get(phase, {"locks_at": base["locks_at"]})
    return {"id": base["id"], **channel(broadcaster), "title": base["title"], "outcomes": outcomes,
            "started_at": base["started_at"], **ends}  # fmt: skip


def hype_train(broadcaster: User, phase: str, base: dict[str, Any]) -> dict[str, Any]:
    """``channel.hype_train.begin``, ``.progress`` or ``.end`` of version 2."""
    shared = {
        "id": base["id"], **channel(broadcaster), "total": base["total"], "level": base["level"],
        "top_contributions": base["top"], "shared_train_participants": None, "started_at": base["started_at"],
        "is_shared_train": False, "type": "regular",
    }  # fmt: skip
    if phase == "end":
        return {**shared, "ended_at": stamp(), "cooldown_ends_at": stamp(-3600)}
    moving = {**shared, "progress": base["total"] % 1800, "goal": 1800, "expires_at": stamp(-300)}
    return {**moving, "all_time_high_level": 4, "all_time_high_total": 2845} if phase == "begin" else moving
