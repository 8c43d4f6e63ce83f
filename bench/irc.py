"""Lines of IRC a second on one core, from a socket's bytes to what attention takes, beside the least Python can do.

The corpus is generated with a fixed seed: full Twitch tags, 540 characters in the mean. Five rounds, in turns; the best
counts, because other load on the machine only ever takes away.
"""

import random
import time
from collections.abc import Callable

from bench import Row, Rows
from marotte.links.irc.message import chat_message, parse

LINES, ROUNDS = 100_000, 5
WORDS = ("the", "of", "hello", "skull", "jester", "why", "how", "is", "real", "bells", "lol", "again", "song", "日本語")
EMOTES = ("Kappa", "PogChamp", "LUL", "BibleThump", "HeyGuys")


def uuid(rng: random.Random) -> str:
    text = f"{rng.getrandbits(128):032x}"
    return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))


def line(rng: random.Random) -> bytes:
    """Make one line as Twitch sends it: 95 of 100 are chat, a third with emotes, a sixth answers to another."""
    name = f"{rng.choice(WORDS).title() if rng.random() < 0.2 else 'Viewer'}_{rng.randrange(50_000)}"
    nick = name.lower() if name.isascii() else f"viewer_{rng.randrange(50_000)}"
    kind = rng.random()
    if kind > 0.98:
        return rng.choice(
            (
                f":{nick}!{nick}@{nick}.tmi.twitch.tv JOIN #marotte",
                "PING :tmi.twitch.tv",
                f"@ban-duration=600;room-id=1337;target-user-id=42 :tmi.twitch.tv CLEARCHAT #marotte :{nick}",
            )
        ).encode()
    text = " ".join(rng.choices(WORDS, k=rng.randint(3, 18)))
    sub, mod, months = rng.random() < 0.4, rng.random() < 0.02, rng.randint(1, 60)
    badges = ",".join(
        ([f"subscriber/{months}"] if sub else [])
        + (["moderator/1"] if mod else [])
        + (["premium/1"] if rng.random() < 0.2 else [])
    )
    tags: dict[str, str] = {"badge-info": f"subscriber/{months}" if sub else "", "badges": badges}
    if rng.random() < 0.02:
        tags["bits"] = "100"
    if rng.random() < 0.6:
        tags["client-nonce"] = f"{rng.getrandbits(128):032x}"
    tags |= {"color": f"#{rng.getrandbits(24):06X}", "display-name": name, "emotes": ""}
    if rng.random() < 0.35:
        text += " " + rng.choice(EMOTES)
        tags["emotes"] = f"{rng.randrange(400_000)}:{len(text) - 6}-{len(text) - 1}"
    tags |= {"first-msg": "0", "flags": "", "id": uuid(rng), "mod": str(int(mod))}
    if rng.random() < 0.15:
        said = r"\s".join(rng.choices(WORDS, k=rng.randint(3, 12)))
        tags |= {
            "reply-parent-display-name": "Viewer_7", "reply-parent-msg-body": said, "reply-parent-msg-id": uuid(rng),
            "reply-parent-user-id": "12345678", "reply-parent-user-login": "viewer_7",
            "reply-thread-parent-msg-id": uuid(rng), "reply-thread-parent-user-login": "viewer_7",
        }  # fmt: skip
        text = f"@Viewer_7 {text}"
    tags |= {
        "returning-chatter": "0", "source-badges": badges, "source-id": uuid(rng), "room-id": "123456789",
        "source-room-id": "123456789", "subscriber": str(int(sub)),
        "tmi-sent-ts": str(1_700_000_000_000 + rng.randrange(10**9)), "turbo": "0",
        "user-id": str(rng.randrange(10**9)), "user-type": "mod" if mod else "",
    }  # fmt: skip
    command = "PRIVMSG"
    if kind > 0.951:
        command = "USERNOTICE"
        tags |= {
            "login": nick,
            "msg-id": "resub",
            "msg-param-sub-plan": "1000",
            "system-msg": rf"{name}\ssubscribed\sagain.",
        }
    packed = ";".join(f"{key}={value}" for key, value in tags.items())
    return f"@{packed} :{nick}!{nick}@{nick}.tmi.twitch.tv {command} #marotte :{text}".encode()


def limit(raw: bytes) -> tuple[dict[str, str], str, str, list[str]]:
    """Take a line apart with partition and nothing else: no check, no object. What plain Python can do."""
    text, tags, source = raw.decode(), {}, ""
    if text[0] == "@":
        packed, _, text = text[1:].partition(" ")
        for pair in packed.split(";"):
            key, _, value = pair.partition("=")
            if "\\" in value:
                value = value.replace("\\s", " ").replace("\\:", ";").replace("\\\\", "\\")
            tags[key] = value
    if text[0] == ":":
        source, _, text = text[1:].partition(" ")
    head, _, trailing = text.partition(" :")
    command, *params = head.split(" ")
    params.append(trailing)
    return tags, source, command, params


def ours(raw: bytes) -> object:
    message = parse(raw)
    return chat_message(message, "twitch", 1.8e9) if message else None


def rate(take: Callable[[bytes], object], lines: list[bytes]) -> float:
    began = time.perf_counter()
    for raw in lines:
        take(raw)
    return len(lines) / (time.perf_counter() - began)


def run() -> Rows:
    rng = random.Random(7)
    lines = [line(rng) for _ in range(LINES)]
    best = {limit: 0.0, parse: 0.0, ours: 0.0}
    for _ in range(ROUNDS):
        best = {take: max(top, rate(take, lines)) for take, top in best.items()}
    return [
        Row("irc: lines cut, tags left packed", "/s", best[parse], best[limit]),
        Row("irc: lines to ChatMessage a second", "/s", best[ours], best[limit], 120_000, least=True),
    ]
