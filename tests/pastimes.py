"""What the tests of commands, redemptions and timers share: rows in memory, and a chat to write into."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from marotte import config
from marotte.events import AnyPercept, ChatMessage, Due, Send, Viewer
from marotte.mind.commands import Commands
from marotte.mind.moderation import Moderator
from marotte.store.database import StoreError
from marotte.store.rows import TimerRow
from marotte.time import Clock
from tests.stand_ins import Published


def viewer(name: str, *roles: str, platform: str = "twitch") -> Viewer:
    return Viewer(id=f"{platform}:{name.lower()}", name=name, platform=platform, roles=roles)


ADA, BOB, MOD = viewer("Ada"), viewer("Bob"), viewer("Mo", "moderator")


@dataclass
class PastimeRows:
    """Rows in dictionaries; ``away`` fails every write."""

    kinds: dict[str, dict[str, int]] = field(default_factory=dict)
    kept_quotes: dict[int, str] = field(default_factory=dict)
    timers: dict[str, TimerRow] = field(default_factory=dict)
    done: list[str] = field(default_factory=list)
    known: list[tuple[AnyPercept, str]] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)
    away: bool = False

    def _write(self) -> None:
        if self.away:
            raise StoreError("the disk is full")

    async def tallies(self, kind: str) -> Mapping[str, int]:
        return dict(sorted(self.kinds.get(kind, {}).items()))

    async def keep_tally(self, kind: str, name: str, count: int) -> None:
        self._write()
        self.kinds.setdefault(kind, {})[name] = count

    async def keep_tallies(self, counts: Mapping[tuple[str, str], int]) -> None:
        self._write()
        for (kind, name), count in counts.items():
            self.kinds.setdefault(kind, {})[name] = count

    def keep_tally_soon(self, kind: str, name: str, count: int) -> None:
        self.kinds.setdefault(kind, {})[name] = count

    async def drop_tallies(self, kind: str, *names: str) -> None:
        self._write()
        for name in names or [*self.kinds.get(kind, {})]:
            self.kinds[kind].pop(name, None)

    async def quotes(self) -> Mapping[int, str]:
        return dict(self.kept_quotes)

    async def keep_quote(self, number: int, text: str, by: str) -> None:
        self._write()
        self.kept_quotes[number] = text

    async def drop_quote(self, number: int) -> None:
        self._write()
        del self.kept_quotes[number]

    async def add_timer(self, due: float, *, schedule: str = "", text: str = "", floor: str = "public") -> str:
        self._write()
        name = f"t{len(self.timers) + 1}"
        self.timers[name] = TimerRow(id=name, due=due, floor=floor, schedule=schedule, text=text)
        return name

    async def due_timers(self, until: float | None = None, limit: int = 1_000) -> list[TimerRow]:
        rows = [row for row in self.timers.values() if row.id not in self.done and (until is None or row.due <= until)]
        return sorted(rows, key=lambda row: row.due)[:limit]

    async def done_timer(self, timer: str) -> None:
        self.done.append(timer)

    # redemptions

    async def redemptions(self, since: float) -> list[tuple[AnyPercept, str]]:
        return [row for row in self.known if row[0].at >= since]

    async def decide(self, percept: str, reward: str, what: int, outcome: str) -> bool:
        self._write()
        decided = self.kinds.setdefault("redemption decided", {})
        if percept in decided:
            return False
        decided[percept] = what
        for kind in ("redeemed", f"redeemed: {outcome}"):
            counted = self.kinds.setdefault(kind, {})
            counted[reward] = counted.get(reward, 0) + 1
        return True

    async def closed(self, percept: str) -> None:
        self.kinds["redemption decided"][percept] += 10

    def expired(self, ids: Sequence[str]) -> None:
        self.gone += ids


class Chat:
    """A chat with its commands; what the character is told or asked is kept."""

    def __init__(self, show: str = "", rows: PastimeRows | None = None, seed: str = "7") -> None:
        self.clock = Clock(epoch=1_000.0)
        self.rows = rows or PastimeRows()
        self.events = Published()
        self.told: list[Due] = []
        self.joined: list[tuple[str, str, str]] = []
        self.parted: list[str] = []
        settings = config.parse(show)

        async def join(main: str, other: str, by: str) -> None:
            self.joined.append((main, other, by))

        async def part(other: str) -> None:
            self.parted.append(other)

        self.moderator = Moderator(settings.moderation)
        unwritten = self.moderator.unwritten
        self.commands = Commands(settings, self.rows, self.events, self.clock, seed, unwritten, join, part)
        self.commands.offer = self.told.append  # type: ignore[assignment]
        self._numbers = 0

    def write(self, text: str, who: Viewer = ADA, link: str = "twitch", language: str = "") -> bool:
        """Write into the chat; returns whether it was taken as a command."""
        self._numbers += 1
        number = f"m{self._numbers}"
        message = ChatMessage(
            at=self.clock.wall(),
            id=f"{link}/{number}",
            viewer=who,
            language=language,
            text=text,
            link=link,
            channel="#pip",
            source=number,
        )
        return self.commands.take(message)

    async def replies(self) -> list[str]:
        """Return all that was written back so far."""
        await asyncio.sleep(0.01)
        return [event.text for event in self.events.of(Send)]

    async def reply(self, text: str, who: Viewer = ADA, link: str = "twitch", language: str = "") -> str:
        """Write into the chat; return what is written back, or ""."""
        before = len(await self.replies())
        assert self.write(text, who, link, language)
        after = (await self.replies())[before:]
        return after[-1] if after else ""

    async def rest(self) -> None:
        """Let every cooldown pass."""
        await asyncio.sleep(60)


@asynccontextmanager
async def chat(show: str = "", rows: PastimeRows | None = None, seed: str = "7") -> AsyncIterator[Chat]:
    made = Chat(show, rows, seed)
    await made.commands.open()
    task = asyncio.create_task(made.commands.run())
    try:
        yield made
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
