"""Commands: what viewers ask for with an exclamation mark, answered at once and in writing.

What a command does is decided when its message arrives, from percepts, the clock, seeded chance and rows, so that a
replay decides the same. What it promises is on the disk before anybody is told.
"""

import asyncio
import logging
import re
from collections import Counter, OrderedDict, deque
from collections.abc import Awaitable, Callable, Collection
from contextlib import suppress
from dataclasses import replace
from random import Random
from typing import NamedTuple, TypeVar

from marotte import config
from marotte.bus import Subscription
from marotte.config_pastimes import Action, cue_of, words_of
from marotte.events import AnyPercept, ChatMessage, Due, Event, Express, Send, Viewer
from marotte.mind.manner import AS_USUAL, Manner, harmless
from marotte.mind.pastimes.accounts import Links
from marotte.mind.pastimes.counters import Counters
from marotte.mind.pastimes.owed import PATIENCE, Owed
from marotte.mind.pastimes.purse import Purses
from marotte.mind.pastimes.quotes import Quotes
from marotte.mind.pastimes.raffle import Raffle
from marotte.mind.pastimes.reminders import Reminders
from marotte.mind.pastimes.shout_out import shout_out
from marotte.mind.pastimes.use import Answer, Forget, Rows, Use, may
from marotte.mind.pastimes.wheel import Wheel
from marotte.mind.persona import quoted
from marotte.mind.phrases import sentence
from marotte.store.database import StoreError
from marotte.text.holes import begins_with_words, filled, holes
from marotte.text.language import base, detect
from marotte.time import Clock

log = logging.getLogger(__name__)

K = TypeVar("K")
V = TypeVar("V")

USED = "used"
"""The kind of tally that counts how often a command was used."""
LONGEST_REPLY = 450
LONGEST_ARGS = 400
_MOST_RESTS = 5_000
_MOST_SEEN = 1_000
_MOST_JOBS = 500
_MOST_MANNERS = 500
_COURTESIES, _WITHIN = 5, 15.0
"""So many of what a crowd asks for at once is confirmed over a link in so many seconds: a platform takes few messages,
and these are to leave room for what matters."""
_MOST_LINKS = 100
_NAME = 40
_ORDERS = "/.!"
"""What a platform's own commands begin with: none is made out of a viewer's words."""
_NO_WORD = re.compile(r"[@_\d]")
"""Names, numbers and times tell nothing of a language."""
_CALL = re.compile(r"[!！]([^\W\d_][\w-]{0,29})(?:\s+(.*))?$", re.DOTALL)

Play = Callable[[Viewer | None, str], str | None]
"""A game that takes moves from the chat: it returns what to write back, or None where no move was meant for it."""


class _Job(NamedTuple):
    """What is told of a use once what it promises is kept."""

    use: Use
    keep: tuple[Callable[[], Awaitable[object]], ...]
    events: tuple[Event, ...]
    text: str
    paid: int = 0
    """What was taken out of the purse for it."""
    courtesy: bool = False
    """Whether it may go untold in a crowd."""


class Commands:
    """Takes the commands out of a chat and does what they say."""

    def __init__(
        self,
        show: config.Show,
        rows: Rows,
        publish: Callable[[Event], None],
        clock: Clock,
        seed: str,
        unwritten: Callable[[str], str],
        join: Callable[[str, str, str], Awaitable[object]],
        part: Callable[[str], Awaitable[object]],
    ) -> None:
        """``unwritten`` says why a viewer's words are not written by us; ``join``, ``part``: accounts of one person."""
        self.offer: Callable[[AnyPercept], None] = lambda percept: None
        """Takes what the character is told or asked."""
        self.appointed: Callable[[], None] = lambda: None
        """Called when there may be a new appointment."""
        self.waiting: Callable[[], Collection[str]] | None = None
        """Returns the ids of the percepts that wait for the character; without it nothing paid is followed."""
        self.games: list[Play] = []
        self.counted: Counter[str] = Counter()
        self._rows = rows
        self._publish = publish
        self._clock = clock
        self._unwritten = unwritten
        self._rng = rng = Random(seed)
        self.reminders = Reminders(rows, clock, self._fit)
        self.raffle = Raffle(rows, rng, self._fit)
        self.wheel = Wheel(rows, clock, rng, self._allowed)
        self.counters = Counters(rows, self._fit)
        self.quotes = Quotes(rows, rng, self._allowed)
        self.purses = Purses(rows, clock)
        self.owed = Owed(clock)
        self.links = Links(clock, join, part)
        self._actions: dict[Action, Callable[[Use], Answer]] = {
            "commands": self._list,
            "remind": self.reminders.remind,
            "raffle": self.raffle.raffle,
            "join": self.raffle.join,
            "draw": self.raffle.draw,
            "wheel": self.wheel.spin,
            "count": self.counters.count,
            "quote": self.quotes.quote,
            "shout_out": lambda use: shout_out(use, clock.wall(), self._allowed),
            "link": self.links.link,
            "play": self._play,
            "purse": self.purses.tell,
        }
        self._used: dict[str, int] = {}
        self._rests: OrderedDict[tuple[str, str], float] = OrderedDict()
        """Until when a command rests, for everybody ("") or for one."""
        self._seen: OrderedDict[str, None] = OrderedDict()
        self._manners: OrderedDict[str, Manner] = OrderedDict()
        """How what a command asks for wants to be answered, by its percept."""
        self._courtesies: OrderedDict[str, deque[float]] = OrderedDict()
        """When something was last confirmed over each link."""
        self._jobs: asyncio.Queue[_Job | list[Forget]] = asyncio.Queue(_MOST_JOBS)
        self.use(show)

    def use(self, show: config.Show) -> None:
        """Go by a show's settings from now on."""
        self._commands = show.commands
        self.purses.use(show.purse)
        self._words = words_of(show.commands)
        self._languages = show.character.languages
        names = sorted(map(re.escape, (show.character.name, *show.character.called)), key=len, reverse=True)
        self._addressed = re.compile(rf"@?(?:{'|'.join(names)})\s*[,:，：]?\s+(?=[!！])", re.IGNORECASE)

    def reseed(self, seed: str) -> None:
        """Begin anew, at a point from which the run can be replayed."""
        self._rng.seed(seed)
        self._rests.clear()
        self.purses.reseed()

    async def open(self) -> None:
        """Read what was counted, kept and promised. Raises StoreError."""
        self._used = dict(await self._rows.tallies(USED))
        for pastime in (self.reminders, self.raffle, self.counters, self.quotes, self.purses):
            await pastime.open()

    def forget(self) -> None:
        """Somebody was forgotten: what is in mind of them goes once the rows tell who it was."""
        if not self._jobs.full():  # behind what is to be kept before it
            pastimes = (self.reminders, self.raffle, self.quotes, self.purses)
            self._jobs.put_nowait([pastime.forget() for pastime in pastimes])

    async def run(self) -> None:
        """Keep what is promised, then tell, until cancelled."""
        while True:
            job = await self._jobs.get()
            if isinstance(job, _Job):
                await self._tell(job)
                continue
            try:
                for forget in job:
                    await forget()
            except StoreError as error:
                log.error("somebody who was forgotten may still be in mind: %s", error)

    async def follow(self, news: Subscription) -> None:
        """Give back what was paid for and not heard, as ``news`` of a floor's turns tell, until cancelled."""
        while True:
            event = None
            with suppress(TimeoutError):
                async with asyncio.timeout(PATIENCE):
                    event = (await news.get()).data
            for use in self.owed.happened(event):
                await self._settle(use)
            await self._give_back()

    # --- in

    def take(self, message: ChatMessage) -> bool:
        """Take a message where it is a command, ours or another program's; returns whether it was."""
        self.purses.earn(message)
        call = self._call(message.text)
        if call is None:
            return False
        if message.id in self._seen:
            return True
        _remember(self._seen, message.id, None, _MOST_SEEN)
        name = self._words.get(call[1].casefold())
        if name is None:
            self.counted["unknown"] += 1
            return True
        command = self._commands[name]
        args = " ".join((call[2] or "")[: 2 * LONGEST_ARGS].split())[:LONGEST_ARGS]
        use = Use(message, name, command, args, "")
        if not may(message.viewer, command.who):
            self.counted["not theirs"] += 1
        elif self._jobs.full() or (command.cost and self.owed.full):
            self.counted["too many"] += 1
        elif not use.steers and self._resting(use):
            self.counted["resting"] += 1
        else:
            language = self._language(use)
            use = replace(use, user=self._named(message.viewer, language), language=language)
            if self._affords(use):
                self.counted["used"] += 1
                self._do(use)
            else:
                self.counted["too poor"] += 1
                held = {"cost": command.cost, "count": self.purses.holds(use.who), "coins": self.purses.name}
                self._jobs.put_nowait(_Job(use, (), (), use.say("purse_short", **held), courtesy=True))
        return True

    def manner(self, percept: AnyPercept) -> Manner:
        """Return how what a command asks for wants to be answered."""
        return self._manners.get(percept.id, AS_USUAL)

    def _call(self, text: str) -> re.Match[str] | None:
        """Find a command at the beginning of a message, behind the character's name where that comes first."""
        if "!" not in text and "！" not in text:
            return None
        text = text.strip()
        addressed = self._addressed.match(text)
        return _CALL.match(text, addressed.end() if addressed else 0)

    def _language(self, use: Use) -> str:
        """Choose the language of an answer: the viewer's own, else that of their words, else the character's first."""
        if base(use.message.language) in map(base, self._languages):
            return base(use.message.language)
        said = " ".join(word for word in use.args.split() if not _NO_WORD.search(word))
        return base(detect(said, self._languages, self._languages[0]))

    def _resting(self, use: Use) -> bool:
        """Whether it is too early for a command; if not, it rests from now on, for all only where it will be done."""
        now, command = self._clock.now(), use.command
        rests = (
            ((use.name, use.who or "somebody"), command.viewer_cooldown),
            ((use.name, ""), command.cooldown),
        )
        if any(self._rests.get(key, now) > now for key, _ in rests):
            return True
        for key, seconds in rests if self._affords(use) else rests[:1]:
            if seconds:
                _remember(self._rests, key, now + seconds, _MOST_RESTS)
        return False

    def _affords(self, use: Use) -> bool:
        cost = use.command.cost
        return not cost or use.steers or self.purses.holds(use.who) >= cost

    # --- what it does

    def _do(self, use: Use) -> None:
        command = use.command
        work = self._actions.get(command.action)
        answer = work(use) if work is not None else Answer()
        keep = [answer.keep] if answer.keep is not None else []
        count = answer.count
        if count is None and "count" in (*holes(command.reply), *holes(command.prompt)):
            count = self._used[use.name] = self._used.get(use.name, 0) + 1
            keep.append(lambda: self._rows.keep_tally(USED, use.name, count or 0))
        text = self._reply(use, answer, count or 0)
        events = [*answer.events]
        if answer.ok:
            events += self._shown(use)
            self._ask(use, answer, count or 0)
        if text and command.spoken:
            said = harmless(text)
            self._offer(use, "said", said, Manner(verbatim=said))
        paid = command.cost if answer.ok and not use.steers else 0
        if paid:
            self.purses.pay(use.who, paid)
            self._owe(use, text)
            keep.append(lambda: self.purses.keep(use, paid if self.owed.owes(use) else 0))
        self._jobs.put_nowait(_Job(use, tuple(keep), tuple(events), text, paid, command.action == "join"))

    def _owe(self, use: Use, text: str) -> None:
        """Follow what the character was asked for money: nobody pays for what was not done."""
        if self.waiting is not None:
            for what, asked in (("asked", use.command.prompt), ("said", use.command.spoken and text)):
                if asked:
                    self.owed.add(f"{use.message.id}/{what}", use)

    async def _settle(self, use: Use) -> None:
        """What was paid for a use has been heard: no restart gives it back."""
        try:
            await self.purses.keep(use, 0)
        except StoreError as error:
            log.error("that !%s was heard is not kept: %s", use.name, error)

    async def _give_back(self) -> None:
        """Give back, and tell, what was paid for and is not done any more."""
        for use in self.owed.lost(self.waiting() if self.waiting is not None else ()):
            if self.purses.give_back(use.who, use.command.cost):
                self.counted["given back"] += 1
                text = use.say("purse_back", cost=use.command.cost, coins=self.purses.name)
                await self._jobs.put(_Job(use, (lambda use=use: self.purses.keep(use, 0),), (), text))

    def _reply(self, use: Use, answer: Answer, count: int) -> str:
        """Return what is written back, on one line."""
        template = use.command.reply
        if not template or not answer.ok:
            return _one_line(answer.text)
        values = {"user": use.user, "args": self._fit(use.args), "count": str(count), "answer": answer.text}
        text = _one_line(filled(template, values, self._rng))
        return text if begins_with_words(template) else text.lstrip(_ORDERS)

    def _shown(self, use: Use) -> list[Event]:
        cue = cue_of(use.command.cue) if use.command.cue else None
        return [Express(at=self._clock.wall(), floor=use.message.floor, cue=cue)] if cue is not None else []

    def _ask(self, use: Use, answer: Answer, count: int) -> None:
        """Tell the character what came of it, and ask what the show wants asked."""
        if answer.told:
            self._offer(use, "told", answer.told, about=answer.about, language=use.language)
        if use.command.prompt:
            values = {"user": quoted(use.user), "args": quoted(use.args), "count": str(count)}
            prompt = filled(use.command.prompt, values, self._rng, () if use.args else ("args",))
            # The viewer's words are what has happened; the show's own are what to make of it, and never said.
            self._offer(use, "asked", use.args, Manner(prompt=prompt))

    def _offer(
        self, use: Use, what: str, text: str, manner: Manner = AS_USUAL, *, about: str = "", language: str = ""
    ) -> None:
        """Tell the character what a command has done, or asks for. Not published: a replay has it from the command."""
        message = use.message
        due = Due(
            at=message.at,
            floor=message.floor,
            id=f"{message.id}/{what}",
            viewer=message.viewer,
            language=language or message.language,
            link=message.link,
            source=message.source,
            schedule=about or f"!{use.name}",
            text=text,
        )
        if manner != AS_USUAL:
            _remember(self._manners, due.id, manner, _MOST_MANNERS)
        self.offer(due)

    def _list(self, use: Use) -> Answer:
        """Tell which commands there are for whoever asks."""
        mine = {n: c.cost for n, c in self._commands.items() if c.on and may(use.message.viewer, c.who)}
        return Answer(" ".join(f"!{name} ({cost})" if cost else f"!{name}" for name, cost in mine.items()))

    def _play(self, use: Use) -> Answer:
        """Offer a move to the games that are on."""
        for game in self.games:
            if (told := game(use.message.viewer, use.args)) is not None:
                return Answer(self._fit(told))
        return use.no("no_game")

    def _allowed(self, text: str) -> bool:
        return not self._unwritten(text)

    def _named(self, viewer: Viewer | None, language: str) -> str:
        name = self._fit(" ".join(viewer.name.split())[:_NAME].lstrip(_ORDERS)) if viewer else ""
        return name or sentence("somebody", language)

    def _fit(self, text: str) -> str:
        """Return a viewer's words as they may be written by us."""
        return text if self._allowed(text) else "…"

    # --- out

    async def _tell(self, job: _Job) -> None:
        """Keep what is promised, then tell it."""
        text, events = job.text if self._told_now(job) else "", job.events
        try:
            for keep in job.keep:
                await keep()
        except (StoreError, ValueError) as error:
            log.error("!%s is not kept: %s", job.use.name, error)
            text, events = job.use.say("not_written_down"), ()
            self.purses.give_back(job.use.who, job.paid)
            self.owed.drop(job.use)
        if job.keep:
            self.appointed()
        message = job.use.message
        for event in events:
            self._publish(event)
        if text and message.link:
            self._publish(
                Send(
                    at=self._clock.wall(),
                    floor=message.floor,
                    link=message.link,
                    channel=message.channel,
                    text=text,
                    answers=message.source,
                )
            )

    def _told_now(self, job: _Job) -> bool:
        """Whether an answer is written: of what a crowd asks for at once only so much, or all else would be late."""
        if not job.courtesy:
            return True
        link, now = job.use.message.link, self._clock.now()
        times = self._courtesies.get(link) or deque[float](maxlen=_COURTESIES)
        if len(times) == _COURTESIES and now - times[0] < _WITHIN:
            self.counted["not confirmed"] += 1
            return False
        times.append(now)
        _remember(self._courtesies, link, times, _MOST_LINKS)
        return True


def _one_line(text: str) -> str:
    return " ".join(text.split())[:LONGEST_REPLY]


def _remember(table: "OrderedDict[K, V]", key: K, value: V, most: int) -> None:
    table.pop(key, None)
    table[key] = value
    while len(table) > most:
        table.popitem(last=False)
