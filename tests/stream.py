"""Ten minutes of a stream over Twitch, YouTube, TikTok and Discord at once, scripted and seeded: the whole, proved.

    python -m tests.stream [SECONDS]     lets it last so long (600: as long as it is), and prints what came of it

One run with the real links against the local servers: ordinary chat, 200 things that were paid for, spam, and every
twenty seconds something breaks. In the end each account is closed: what was paid for and reached us is answered once,
a ban is laid once, a redemption is closed once, and what never reached us was told as a gap.

What is scaled by 600 / SECONDS: the script, Twitch's own second, how long a word sounds, the pause between two turns,
the pauses of the links between two attempts, and how long a break has to be for YouTube to tell it (TikTok tells any).
What is not: discord.py's own pauses, the other servers' times, and the time it takes to think.
"""

import asyncio
import sqlite3
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import closing, suppress
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

from marotte.events import (
    ActDone,
    ChatMessage,
    Event,
    Fulfil,
    Gap,
    Gift,
    LinkState,
    Percept,
    Redemption,
    Subscription,
    TaskFailed,
    TurnEnded,
    Verdict,
    tag,
)
from marotte.show import Run
from tests.stream_stage import Servers, run_of, servers
from tests.waiting import PATIENCE, until

LASTS = 600.0
"""Seconds of the script."""
PAID, CHAT, SPAMMERS = 200, 900, 24
EVERY = 20.0
"""Seconds between two faults."""
OWED = 3 * PATIENCE
"""Real seconds that everything may take that is owed when the script is over."""
OUTAGE = 12.0
"""Seconds that a platform is away."""
FAULTS: tuple[tuple[str, str], ...] = (
    ("twitch", "drop"), ("youtube", "drop"), ("tiktok", "drop"), ("discord", "drop"),
    ("twitch", "duplicate"), ("youtube", "duplicate"), ("twitch", "expire"), ("tiktok", "duplicate"),
    ("discord", "reconnect"), ("twitch", "close:4006"), ("youtube", "end"), ("tiktok", "sign:503"),
    ("twitch", "reconnect"), ("youtube", "503"), ("discord", "close:4000"), ("twitch", "down"),
    ("tiktok", "reorder"), ("youtube", "garbage"), ("twitch", "reorder"), ("discord", "429"),
    ("youtube", "down"), ("twitch", "connect:503"), ("tiktok", "close"), ("youtube", "expire"),
    ("twitch", "garbage"), ("discord", "invalid_session"), ("twitch", "helix:503"), ("youtube", "reorder"),
    ("tiktok", "down"),
)  # fmt: skip
"""What breaks, in this order."""
_SLACK = 4.0
"""Seconds after a break in which it is told."""
_SYLLABLES = ("lor", "mi", "ven", "ta", "rel", "do", "zan", "ki", "mar", "su", "bel", "no")
_WORDS = ("curtain", "lantern", "apple", "drum", "moon", "whisper", "velvet", "ladder", "sparrow", "ticket", "shadow")
_KEY = {  # the subscription without which a deed on Twitch is not told
    "cheer": "channel.chat.message",
    "redeem": "channel.channel_points_custom_reward_redemption.add",
}
_NOTICE = "channel.chat.notification"


class Entry(NamedTuple):
    """Something that happens at a second of the script."""

    at: float
    do: Callable[[], Any]


@dataclass
class Told:
    """Something that somebody did on a platform."""

    platform: str
    kind: str
    at: float
    """On the wall clock."""
    arrives: bool
    """Whether it must reach us: somebody listened, or it can be asked for afterwards."""


@dataclass
class Account:
    """What came of a stream."""

    problems: list[str] = field(default_factory=list[str])
    numbers: dict[str, int] = field(default_factory=dict[str, int])

    def __str__(self) -> str:
        told = [f"{number:6}  {what}" for what, number in self.numbers.items()]
        return "\n".join([*told, *(self.problems or ["every account is closed"])])


class Stream:
    """Lets the script happen, and keeps account of it."""

    def __init__(self, there: Servers, run: Run, seconds: float, *, paid: int = PAID, seed: int = 5) -> None:
        """It lasts so many real ``seconds``; of what is paid for there is so much, and of all else in proportion."""
        self.there, self.run, self.speed = there, run, LASTS / seconds
        self.share = paid / PAID
        self.rng = Random(seed)
        names = ["".join(parts) for parts in product(_SYLLABLES, repeat=3)]
        self.rng.shuffle(names)
        self._names = iter(names)
        self.paid: dict[str, Told] = {}
        """By who gave it: everybody gives once."""
        self.redeemed: dict[str, str] = {}
        """The ids of redemptions, by who redeemed."""
        self.chat: dict[str, Told] = {}
        """By its text: nothing is written twice."""
        self.spam: dict[tuple[str, str], bool] = {}
        """Who wrote spam where, and whether it reached us."""
        self.events: list[Event] = []
        self.faults = 0
        tags = (ActDone, Fulfil, Gap, LinkState, TaskFailed, TurnEnded, Verdict)
        self._watching = run.bus.subscribe("percept.>", *(f"event.{tag(kind)}.>" for kind in tags), size=200_000)

    def entries(self) -> list[Entry]:
        """Return what happens, and when."""
        rng, found = self.rng, list[Entry]()

        def some_time(do: Callable[..., Any], *each: Iterable[Any]) -> None:
            given = zip(*each, strict=False)
            found.extend(Entry(rng.uniform(1, LASTS - 5), lambda it=it: do(*it)) for it in given)

        kinds = [rng.choice(_DEEDS) for _ in range(round(PAID * self.share))]
        some_time(self.give, kinds, self._names)
        where = ("twitch", "twitch", "twitch", "youtube", "youtube", "tiktok", "discord")
        some_time(self.write, [rng.choice(where) for _ in range(round(CHAT * self.share))], range(CHAT))
        sellers = [
            (("twitch", "youtube", "discord")[n % 3], next(self._names)) for n in range(round(SPAMMERS * self.share))
        ]
        some_time(self.spam_from, *zip(*sellers, *sellers, strict=True))
        found += [Entry(at * EVERY, lambda it=it: self.breaks(*it)) for at, it in enumerate(FAULTS, 1)]
        for platform, at in [(it[0], at) for at, it in enumerate(FAULTS, 1) if it[1] == "down"]:
            found.append(Entry(at * EVERY + OUTAGE, getattr(self.there, platform).up))
        return sorted(found, key=lambda entry: entry.at)

    async def play(self) -> None:
        """Let everything happen at its time, then wait until all that is owed is done."""
        watching = asyncio.create_task(self._watch())
        began = self.run.clock.now()
        try:
            for entry in self.entries():
                await asyncio.sleep(max(0.0, began + entry.at / self.speed - self.run.clock.now()))
                if (waits := entry.do()) is not None:
                    await waits
            await self.there.all_up()
            await self.there.twitch.flushed()
            with suppress(AssertionError):  # what is missing, the account tells
                await until(self._settled, "all that is owed", OWED)
            await asyncio.sleep(1.0)  # what is done twice is done a second time soon
            self.run.orders.mute("lane", "chat", 2 * PATIENCE)
            await until(lambda: not self.run.public.floor.turn, "the character has said all")
        finally:
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)

    async def _watch(self) -> None:
        async for message in self._watching:
            self.events.append(message.data)

    def of(self, *kinds: type[Event]) -> list[Any]:
        return [event for event in self.events if isinstance(event, kinds)]

    # --- what people do

    def _arrives(self, platform: str, kind: str) -> bool:
        """Whether what happens now must reach us."""
        twitch = self.there.twitch
        if platform == "twitch":
            return kind == "redeem" or _KEY.get(kind, _NOTICE) in {one.type for one in twitch.subscriptions}
        return platform != "tiktok" or bool(self.there.tiktok.here())

    def give(self, deed: tuple[str, str], name: str) -> None:
        """Let somebody give something."""
        platform, kind = deed
        self.paid[name.title()] = Told(platform, kind, self.run.clock.wall(), self._arrives(platform, kind))
        rng, twitch, youtube, tiktok = self.rng, self.there.twitch, self.there.youtube, self.there.tiktok
        match deed:
            case "twitch", "cheer":
                twitch.cheer(name, rng.choice((1, 100, 500)), "well sung")
            case "twitch", "subscribe":
                twitch.subscribe(name)
            case "twitch", "resub":
                twitch.resub(name, rng.randint(2, 40), "still here")
            case "twitch", "gift":
                twitch.gift(name, rng.choice((1, 5)))
            case "twitch", _:
                say = rng.random() < 0.3
                self.redeemed[name.title()] = twitch.redeem(
                    name, "Say it" if say else "Sing", "the moon is a drum" if say else ""
                )
            case "youtube", "super_chat":
                youtube.super_chat(name.title(), rng.choice((2, 5, 20)), text="for the bells")
            case "youtube", "super_sticker":
                youtube.super_sticker(name.title())
            case "youtube", "member":
                youtube.member(name.title())
            case "youtube", "milestone":
                youtube.milestone(name.title(), rng.randint(2, 30))
            case "youtube", _:
                youtube.membership_gift(name.title(), 2)
            case _, "subscribe":
                tiktok.subscribe(name.title(), rng.randint(1, 9))
            case _:
                tiktok.gift(name.title(), rng.choice(("Rose", "Lion")), rng.randint(1, 3), streak=rng.random() < 0.5)

    def write(self, platform: str, number: int) -> None:
        """Let somebody write."""
        rng = self.rng
        said = f"what of the {rng.choice(_WORDS)} and the {rng.choice(_WORDS)}, act {number}?"
        self.chat[said] = Told(platform, "cheer", self.run.clock.wall(), self._arrives(platform, "cheer"))
        self._say(platform, f"viewer{rng.randrange(60)}", said)

    def spam_from(self, platform: str, name: str) -> None:
        """Let somebody try to sell followers."""
        # Nobody who is banned can write on Discord any more.
        with suppress(PermissionError):
            self._say(platform, name.title(), f"Buy followers and cheap viewers on {name}.example.com")
            self.spam[platform, name.title()] = self.spam.get((platform, name.title()), False) or self._arrives(
                platform, "cheer"
            )

    def _say(self, platform: str, name: str, said: str) -> None:
        there = self.there
        match platform:
            case "twitch":
                there.twitch.chat(name.lower(), said)
            case "youtube":
                there.youtube.chat(name, said)
            case "tiktok":
                there.tiktok.chat(name, said)
            case _:
                there.discord.message(name, said, mention=False)

    # --- what breaks

    async def breaks(self, platform: str, what: str) -> None:
        """Let something go wrong; what was sent before has arrived by then."""
        self.faults += 1
        await getattr(self, f"_{platform}_breaks")(what)

    async def _twitch_breaks(self, what: str) -> None:
        twitch = self.there.twitch
        await twitch.flushed()
        match what:
            case "down":
                await twitch.down()
            case "reconnect":
                await twitch.reconnect()
            case "expire":
                for value, token in list(twitch.tokens.items()):
                    if not token.revoked:
                        twitch.expire(value)
            case "connect:503":
                twitch.fault(what, times=2)
                twitch.fault("drop")
            case "helix:503":
                for path in ("moderation/bans", "channel_points/custom_rewards/redemptions", "chat/messages"):
                    twitch.fault(what, on=path)
            case _:
                twitch.fault(what, times=3 if what in ("duplicate", "reorder") else 1)

    async def _youtube_breaks(self, what: str) -> None:
        youtube = self.there.youtube
        match what:
            case "down":
                await youtube.down()
            case "drop":
                youtube.drop()
            case "expire":
                for token in [one.access for one in youtube.login.grants]:
                    youtube.expire(token)
            case "503":
                youtube.fault(what, on="stream")
                youtube.drop()
            case _:
                youtube.fault(what, on="stream")

    async def _tiktok_breaks(self, what: str) -> None:
        tiktok = self.there.tiktok
        if what in ("duplicate", "reorder"):
            tiktok.fault(what)
            return
        await until(lambda: all(one.queue.empty() for one in tiktok.here()), "all is written")
        await asyncio.sleep(0.1)
        if what == "down":
            await tiktok.down()
            return
        if what not in ("drop", "close"):
            tiktok.fault(what)
        for connection in tiktok.here():
            tiktok.fault("close" if what == "close" else "drop")
            tiktok.like("Somebody")  # it is this that is lost
            await until(lambda one=connection: one.left, "the connection is broken")

    async def _discord_breaks(self, what: str) -> None:
        discord = self.there.discord
        if what == "down":
            await discord.down()
        else:
            discord.fault(what)

    # --- what came of it

    def _settled(self) -> bool:
        answered = {one for ended in self.of(TurnEnded) for one in ended.ending.answered}
        mine = self._percepts()
        owed = [name for name, told in self.paid.items() if told.arrives]
        return (
            all(mine.get(name) and set(mine[name]) <= answered for name in owed)
            and all(self._status(one) != "UNFULFILLED" for one in self.redeemed.values())
            and {who for who, reached in self.spam.items() if reached} <= set(self.bans())
            and {said for said, told in self.chat.items() if told.arrives} <= {one.text for one in self.of(ChatMessage)}
            and not self._untold()
        )

    def _status(self, redemption: str) -> str:
        return self.there.twitch.redemptions[redemption].status

    def _percepts(self) -> dict[str, list[str]]:
        """Return the ids of what was told of each giver."""
        found: dict[str, list[str]] = {}
        for event in self.of(Gift, Subscription, Redemption):
            found.setdefault(event.viewer.name if event.viewer else "", []).append(event.id)
        return found

    def bans(self) -> Counter[tuple[str, str]]:
        """Return how often the platforms have carried out a ban, by platform and name."""
        there = self.there
        found: Counter[tuple[str, str]] = Counter()
        for asked in there.twitch.requests:
            if asked.route.endswith("moderation/bans") and asked.status == 200 and asked.body:
                found["twitch", there.twitch.user(asked.body["data"]["user_id"]).name] += 1
        who = {viewer.id: name for name, viewer in there.youtube.viewers.items()}
        for asked in there.youtube.requests:
            if asked.route == "ban" and asked.status == 200:
                found["youtube", who[asked.body["snippet"]["bannedUserDetails"]["channelId"]]] += 1
        members = {user.id: user.name for user in there.discord.world.users.values()}
        for asked in there.discord.requests:
            if asked.route == "ban" and asked.status == 204:
                found["discord", members[int(asked.path.rpartition("/")[2])]] += 1
        return found

    def account(self) -> Account:
        """Close the accounts."""
        found = Account()
        self._paid_for(found, self._rows())
        self._redemptions(found)
        self._bans(found)
        self._written(found)
        self._gaps(found)
        found.problems += [f"a task failed: {event.task}: {event.detail}" for event in self.of(TaskFailed)]
        found.problems += [f"against the protocol: {told}" for told in self.there.complaints()[:20]]
        found.problems += [f"{self._watching.dropped} events were not seen"] if self._watching.dropped else []
        found.numbers |= {"faults": self.faults, "turns": len(self.of(TurnEnded))}
        return found

    def _rows(self) -> dict[str, str]:
        """Return the state of each percept's row."""
        with closing(sqlite3.connect(self.run.data / "marotte.sqlite")) as rows:
            return dict(rows.execute("SELECT id, state FROM percepts"))

    def _paid_for(self, found: Account, rows: dict[str, str]) -> None:
        mine = self._percepts()
        # Two lines of one turn may name somebody: that is one answer.
        answered = Counter(one for ended in self.of(TurnEnded) for one in set(ended.ending.answered))
        for name, told in self.paid.items():
            ids, what = mine.get(name, []), f"{name}'s {told.kind} on {told.platform}"
            if len(ids) != 1 if told.arrives else len(ids) > 1:
                found.problems.append(f"{what} was told {len(ids)} times")
            for one in ids:
                if answered[one] != 1 or rows.get(one) != "answered":
                    found.problems.append(f"{what} was answered {answered[one]} times, and is {rows.get(one)}")
        found.problems += [f"{one} was answered {times} times" for one, times in answered.items() if times > 1]
        found.problems += [f"nobody gave what {name!r} was thanked for" for name in mine.keys() - self.paid.keys()]
        reached = sum(told.arrives for told in self.paid.values())
        found.numbers |= {"paid for": len(self.paid), "of it reached us": reached, "answered": len(answered)}

    def _redemptions(self, found: Account) -> None:
        closed: Counter[str] = Counter()
        for asked in self.there.twitch.requests:
            if asked.route.startswith("PATCH ") and asked.status == 200:
                closed.update(one for one in self.redeemed.values() if one in asked.target)
        for name, one in self.redeemed.items():
            if closed[one] != 1 or self._status(one) != "FULFILLED":
                found.problems.append(f"{name}'s redemption was closed {closed[one]} times: {self._status(one)}")
        found.numbers["redemptions closed"] = closed.total()

    def _bans(self, found: Account) -> None:
        bans = self.bans()
        for who, reached in self.spam.items():
            if bans[who] != 1 if reached else bans[who] > 1:
                found.problems.append(f"{who[1]} was banned {bans[who]} times on {who[0]}")
        found.problems += [f"{who} was banned, and wrote no spam" for who in bans.keys() - self.spam.keys()]
        found.numbers["bans"] = bans.total()

    def _written(self, found: Account) -> None:
        heard = Counter(event.text for event in self.of(ChatMessage))
        for said, told in self.chat.items():
            if heard[said] != 1 if told.arrives else heard[said] > 1:
                found.problems.append(f"{said!r} on {told.platform} was heard {heard[said]} times")
        once = Counter(event.id for event in self.of(Percept))
        found.problems += [f"{one} was told {times} times" for one, times in once.items() if times > 1]
        found.numbers["messages heard"] = heard.total()

    def _untold(self) -> list[Told]:
        """Return what never reached us and was told as no gap."""
        gaps: list[Gap] = self.of(Gap)
        return [
            told
            for told in (*self.paid.values(), *self.chat.values())
            if not told.arrives
            and not any(g.link == told.platform and g.at - g.seconds - _SLACK <= told.at <= g.at for g in gaps)
        ]

    def _gaps(self, found: Account) -> None:
        for told in self._untold():
            found.problems.append(f"what was lost on {told.platform} at {told.at:.1f} was not told as a gap")
        found.numbers["gaps told"] = len(self.of(Gap))


_DEEDS = (
    *(("twitch", kind) for kind in ("cheer", "cheer", "subscribe", "resub", "gift", "redeem", "redeem", "redeem")),
    *(("youtube", kind) for kind in ("super_chat", "super_sticker", "member", "milestone", "membership_gift")),
    *(("tiktok", kind) for kind in ("gift", "gift", "subscribe")),
)
"""What people give, and where."""


async def stream(folder: Path, seconds: float, *, paid: int = PAID) -> Account:
    """Let a stream last so many real seconds, and close its accounts."""
    speed = LASTS / seconds
    async with servers(speed) as there, run_of(there, folder, speed) as run:
        show = Stream(there, run, seconds, paid=paid)
        await show.play()
        return show.account()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as kept:
        print(asyncio.run(stream(Path(kept), float(sys.argv[1]) if len(sys.argv) > 1 else LASTS)))
