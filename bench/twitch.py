"""Frames of Twitch's EventSub a second on one core, from text to what attention takes, beside ``json.loads``.

The corpus is generated with a fixed seed: chat messages with all documented fields, 1,700 characters in the mean, a
third with emotes. Five rounds, in turns; the best counts, because other load on the machine only ever takes away.
"""

import json
import random
import time
from collections import Counter
from collections.abc import Callable

from bench import Row, Rows
from bench.irc import EMOTES, WORDS, uuid
from marotte.links.twitch.frames import read
from marotte.links.twitch.hearing import Hearing
from marotte.time import Clock

FRAMES, ROUNDS = 20_000, 5


def frame(rng: random.Random) -> str:
    """Make one frame as Twitch sends it."""
    who, own = str(rng.randrange(10**9)), {"broadcaster_user_id": "123456789", "broadcaster_user_login": "marotte",
                                           "broadcaster_user_name": "Marotte"}  # fmt: skip
    text = " ".join(rng.choices(WORDS, k=rng.randint(3, 18)))
    plain = {"cheermote": None, "emote": None, "mention": None}
    fragments: list[dict[str, object]] = [{"type": "text", "text": text, **plain}]
    if rng.random() < 0.35:
        emote = rng.choice(EMOTES)
        about = {"id": str(rng.randrange(400_000)), "emote_set_id": "0", "owner_id": "0", "format": ["static"]}
        fragments[0]["text"] = text + " "
        fragments.append({"type": "emote", "text": emote, **plain, "emote": about})
        text += " " + emote
    badges = [{"set_id": "subscriber", "id": "12", "info": "14"}] if rng.random() < 0.4 else []
    event = {
        **own, "source_broadcaster_user_id": None, "source_broadcaster_user_login": None,
        "source_broadcaster_user_name": None, "chatter_user_id": who, "chatter_user_login": f"viewer_{who}",
        "chatter_user_name": f"Viewer_{who}", "message_id": uuid(rng), "source_message_id": None,
        "is_source_only": None, "message": {"text": text, "fragments": fragments}, "color": "#1E90FF",
        "badges": badges, "source_badges": None, "message_type": "text", "cheer": None, "reply": None,
        "channel_points_custom_reward_id": None, "channel_points_animation_id": None,
    }  # fmt: skip
    kind, version = "channel.chat.message", "1"
    subscription = {
        "id": uuid(rng), "status": "enabled", "type": kind, "version": version, "cost": 0,
        "condition": {"broadcaster_user_id": "123456789", "user_id": "987654321"},
        "transport": {"method": "websocket", "session_id": "AgoQ" + uuid(rng) + "IGY2VsbC1j"},
        "created_at": "2026-11-21T12:00:00.123456789Z",
    }  # fmt: skip
    metadata = {
        "message_id": uuid(rng), "message_type": "notification", "subscription_type": kind,
        "message_timestamp": f"2026-11-21T12:{rng.randrange(60):02}:{rng.randrange(60):02}.{rng.randrange(10**9):09}Z",
        "subscription_version": version,
    }  # fmt: skip
    return json.dumps({"metadata": metadata, "payload": {"subscription": subscription, "event": event}})


def rate(take: Callable[[str], object], frames: list[str]) -> float:
    began = time.perf_counter()
    for one in frames:
        take(one)
    return len(frames) / (time.perf_counter() - began)


def hearing() -> Hearing:
    """Return what takes frames as the link does; each round has one that has heard nothing yet."""
    return Hearing(
        "twitch", "marotte", {"channel.chat.message"}, lambda _: None, Counter(), Clock(epoch=1_795_264_000.0)
    )


def run() -> Rows:
    rng = random.Random(7)
    frames = [frame(rng) for _ in range(FRAMES)]
    limit = parsed = ours = 0.0
    for _ in range(ROUNDS):
        limit = max(limit, rate(json.loads, frames))
        parsed = max(parsed, rate(read, frames))
        ours = max(ours, rate(hearing().frame, frames))
    return [
        Row("twitch: frames read, events left packed", "/s", parsed, limit),
        Row("twitch: frames to ChatMessage a second, known ones left out", "/s", ours, limit, 60_000, least=True),
    ]
