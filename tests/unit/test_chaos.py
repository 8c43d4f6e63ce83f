"""Chaos on virtual time: whatever breaks, what was paid for is answered once, and nothing is stuck for ever."""

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from random import Random

import pytest

from marotte import config
from marotte.events import (
    SAMPLE_RATE,
    AnyPercept,
    Asked,
    ChatMessage,
    Gift,
    Line,
    LineEnded,
    LineStarted,
    LineStopped,
    Onset,
    SpeechEnd,
    Subscription,
    Transcript,
    TurnEnded,
    TurnStarted,
    Utterance,
    Viewer,
)
from marotte.mind.lanes import Mutes
from marotte.ports import Rank
from tests.house import House, house
from tests.stand_ins import KeptRows, ScriptedBrain, ScriptedVoice

pytestmark = [pytest.mark.anyio, pytest.mark.virtual]

_NAMES = ("Ada", "Bob", "Cleo", "Dora", "Emil", "夏子")
_PEOPLE = tuple(Viewer(id=f"x:{name}", name=name) for name in _NAMES)
_FAULTS = ("",) * 5 + ("hang", "break")
_SHOWS = tuple(
    '[character]\nname = "Pip"\nnever = ["zorgslur"]\n'
    f"[lanes.gifts]\ntogether = {together}\ncapacity = {capacity}\npreempt = '{preempt}'\n[lanes.chat]\ncapacity = 9\n"
    for together, capacity, preempt in ((3, 500, "after_line"), (1, 2, "at_once"), (2, 3, "never"))
)
_SAID = (
    "Thank you Ada. How nice of you, Bob.",
    "Well well. I sing for you all day long. And Cleo sings too.",
    "You are a zorgslur. Dora is not.",
    "zorgslur Emil zorgslur.",
    "",
    "Ha!",
    "One two three four five six seven eight nine ten eleven twelve. Emil, 夏子, Ada, Bob, Cleo, Dora, thank you.",
)
_SPOKEN = ("uh huh", "yeah", "wait a moment please", "what is that, Pip?", "", "one two three four", "No")


class Brain(ScriptedBrain):
    """Answers something, and breaks as it likes."""

    def __init__(self, rng: Random) -> None:
        super().__init__("")
        self.rng = rng

    async def reply(self, prompt):
        self.replies = [self.rng.choice(_SAID)]
        self.fault, self.token = self.rng.choice(_FAULTS), self.rng.choice((0.0, 0.02, 0.3))
        async for piece in super().reply(prompt):
            yield piece


class Voice(ScriptedVoice):
    """Speaks, and breaks as it likes."""

    def __init__(self, rng: Random) -> None:
        super().__init__()
        self.rng = rng

    async def speak(self, line: Line):
        self.fault = self.rng.choice((*_FAULTS, "", "", "", "nothing", "raise"))
        self.first, self.pace = self.rng.choice((0.0, 0.0, 0.3)), self.rng.choice((0.0, 0.1, 0.9, 1.5))
        self.timings = self.rng.random() < 0.7
        async for sound in super().speak(line):
            yield sound


@dataclass
class Rows(KeptRows):
    """Rows on a disk that takes its time; a line that was heard to its end answers at once."""

    given: list[str] = field(default_factory=list[str])
    answered: Counter[str] = field(default_factory=Counter[str])
    """How many turns had a line that names a percept and was heard to its end."""
    by: set[tuple[str, str]] = field(default_factory=set[tuple[str, str]])
    delay: float = 0.05

    async def keep_percept(self, percept: AnyPercept, lane: str) -> bool:
        await asyncio.sleep(self.delay)
        self.given.append(percept.id)
        return await super().keep_percept(percept, lane)

    async def waiting_percepts(self) -> list[AnyPercept]:
        await asyncio.sleep(self.delay)
        return await super().waiting_percepts()

    def began(self, line: LineStarted) -> None:
        pass

    def heard(self, line: Line, text: str, sample: int, *, cut: bool, final: bool) -> None:
        assert line.shown.startswith(text)
        for percept in line.answers if final and not cut else ():
            if (percept, line.turn) not in self.by:
                self.by.add((percept, line.turn))
                self.answered[percept] += 1
            self.percepts.pop(percept, None)


@dataclass(eq=False)
class Loudspeaker:
    """Plays what is due, ``lag`` seconds late, and tells what it played last, unless it lies."""

    house: House
    name: str
    rank: Rank
    lead: float
    lag: float
    lies: str
    waiting: list[tuple[int, str, int]] = field(default_factory=list)
    truth: Counter[str] = field(default_factory=Counter[str])
    """Samples that were played of each line."""
    last: int = 0

    def play(self, turn: str, line: str, sample: int, pcm: bytes) -> None:
        self.waiting.append((sample, line, len(pcm) // 2))

    def stop(self, turn: str, sample: int) -> None:
        self._play()
        self.waiting.clear()
        self._tell()

    def _play(self) -> None:
        now = self.house.speaker.now() - self.lag * SAMPLE_RATE
        while self.waiting and self.waiting[0][0] + self.waiting[0][2] <= now:
            start, line, length = self.waiting.pop(0)
            self.truth[line] += length
            self.last = start + length

    def _tell(self) -> None:
        said = {"": self.last, "far": self.last + 10**7, "back": self.last // 2, "silent": 0}[self.lies]
        if self.last and said:
            asyncio.get_running_loop().call_later(0.01, self.house.speaker.played, self, said)

    async def run(self) -> None:
        while True:
            await asyncio.sleep(0.05)
            before = self.last
            self._play()
            if self.last != before:
                self._tell()


class Chaos:
    """One life of the process: everything happens at random."""

    def __init__(self, made: House, rng: Random, rows: Rows) -> None:
        self.made, self.rng, self.rows = made, rng, rows
        self.tasks: list[asyncio.Task[None]] = []
        self.outlets: list[Loudspeaker] = []
        made.attention._rows = made.director._rows = made.memory.rows = rows
        made.speaker._record = rows
        made.attention._mutes = self.mutes = Mutes()
        self.steady = rng.random() < 0.4
        """One honest outlet plays all the time."""
        if self.steady:
            self.attach(Rank.WINDOW, "", 0.1)

    def soon(self, work) -> None:
        self.tasks.append(asyncio.create_task(work))

    def step(self) -> None:
        """Let one thing happen."""
        rng, made = self.rng, self.made
        who = rng.choice(_PEOPLE)
        waiting = [entry.percept.id for _, _, entry in made.attention.pending()]
        match rng.choices(
            (
                "give",
                "flood",
                "chat",
                "speak",
                "ask",
                "cut",
                "pin",
                "skip",
                "mute",
                "attach",
                "detach",
                "use",
                "release",
            ),
            (8, 1, 6, 6, 2, 2, 3, 1, 1, 2, 1, 1, 1),
        )[0]:
            case "give" | "flood" as deed:
                for _ in range(9 if deed == "flood" else 1):
                    giver = rng.choice((who, None))
                    kind = rng.choice((Gift, Subscription))
                    self.soon(made.attention.keep(kind(viewer=giver, floor="public")))
            case "chat":
                text = rng.choice(("hello there Pip", "what now?", "lol", f"number {rng.random()}?"))
                made.attention.offer(ChatMessage(viewer=who, text=text, floor="public"))
            case "speak":
                self.soon(self.speak(who))
            case "ask":
                firm = rng.random() < 0.3
                words = rng.choice(("Say this now.", "zorgslur you say.", "A long word of mine for you all. And more."))
                made.attention.offer(Asked(text=words, verbatim=rng.random() < 0.7 or firm, firm=firm, floor="public"))
            case "cut":
                made.floor.cut(rng.choice(("interrupted", "stopped by the operator")))
            case "pin" if waiting:
                made.attention.pin(rng.choice(waiting), at_once=rng.random() < 0.5)
            case "skip" if waiting and (one := rng.choice(waiting)) not in self.rows.percepts:
                made.attention.skip(one)
            case "mute":
                self.mutes.add("lane", rng.choice(("gifts", "chat", "spoken")), made.clock.now() + rng.uniform(1, 9))
            case "attach" if not self.steady:
                lies = rng.choice(("", "", "", "far", "back", "silent"))
                self.attach(rng.choice(list(Rank)), lies, rng.choice((0.0, 0.1, 0.4)))
            case "detach" if self.outlets and not self.steady:
                made.speaker.detach(self.outlets.pop(rng.randrange(len(self.outlets))))
            case "use":
                made.attention.use(config.parse(rng.choice(_SHOWS)))
            case "release" if stopped := made.events.of(LineStopped):
                if (line := made.moderator.release(stopped[-1].line)) is not None:
                    made.director.release(line)
            case _:
                pass

    def attach(self, rank: Rank, lies: str, lag: float) -> None:
        """Let something more play, or the same again."""
        lead = {Rank.DEVICE: 0.6, Rank.BROADCASTER: 0.12}.get(rank, 0.25)
        name = f"{rank.name} {self.rng.randrange(2)}"
        self.outlets = [one for one in self.outlets if one.name != name]
        self.outlets.append(outlet := Loudspeaker(self.made, name, rank, lead, lag, lies))
        self.made.speaker.attach(outlet)
        self.soon(outlet.run())

    async def speak(self, who: Viewer) -> None:
        """Let somebody speak into a microphone; what an ear tells may be late, doubled or nothing."""
        rng, publish = self.rng, self.made.publish
        words = rng.choice(_SPOKEN)
        publish(Onset(floor="public", viewer=who))
        await asyncio.sleep(rng.uniform(0.1, 1.5))
        if rng.random() < 0.5:
            settled = rng.random() < 0.5
            publish(Transcript(floor="public", viewer=who, text=words[: rng.randrange(1, 30)], settled=settled))
            await asyncio.sleep(rng.uniform(0.0, 0.8))
        if rng.random() < 0.1:
            return  # its end is lost
        noise = rng.random() < 0.2
        publish(SpeechEnd(floor="public", viewer=who, seconds=1.0, why="noise" if noise else "silence"))
        if noise or rng.random() < 0.1:
            return  # no ear tells anything
        await asyncio.sleep(rng.choice((0.0, 0.2, 3.0)))
        publish(Transcript(floor="public", viewer=who, text=words, final=True))
        if words:
            self.made.attention.offer(Utterance(floor="public", viewer=who, text=words))

    async def live(self, seconds: float) -> None:
        """Let everything happen for so long."""
        until = self.made.clock.now() + seconds
        while self.made.clock.now() < until:
            await asyncio.sleep(self.rng.choice((0.0, 0.1, 0.5, 2.0, 6.0)))
            self.step()
            assert len(self.made.attention.pending()) < 9 + 500 + 60
            assert len(self.made.speaker._speeches) < 60

    async def rest(self) -> None:
        """Let nothing happen any more until all is quiet; then nothing may be left over."""
        made = self.made
        async with asyncio.timeout(3_000):
            quiet = 0
            while quiet < 60:  # a lane that was too full takes in the rest when it is empty
                await asyncio.sleep(1)
                quiet = 0 if made.attention.pending() or made.floor.turn else quiet + 1
        speaker = made.speaker
        assert not speaker.paused
        assert not made.attention._listens
        assert not speaker._speeches
        assert not speaker._prepared or made.director._expected
        assert not speaker._dropped
        assert speaker._making is None
        assert not made.attention._in_hand
        ended = Counter(event.turn for event in made.events.of(TurnEnded))
        assert set(ended.values()) <= {1}
        assert set(ended) == {event.turn for event in made.events.of(TurnStarted)}

    def close(self) -> None:
        for task in self.tasks:
            task.cancel()


async def lives(seed: int) -> Counter[str]:
    """Let a show live, die and live again, then rest; return how often each gift was answered."""
    rng, rows = Random(seed), Rows()
    other = Gift(viewer=_PEOPLE[0], floor="private")
    rows.percepts[other.id] = other  # another floor's is nothing of ours
    for life in range(3):
        calm = ScriptedBrain("Ada and Bob.")
        brains = (calm,) if life == 2 else (Brain(rng), ScriptedBrain("So it is."))
        voice = ScriptedVoice() if life == 2 else Voice(rng)
        async with house(*brains, voice=voice, show=rng.choice(_SHOWS)) as made:
            chaos = Chaos(made, rng, rows)
            try:
                chaos.soon(made.attention.recover())
                if life < 2:
                    await chaos.live(rng.uniform(20, 200))
                if life == 2 or rng.random() < 0.5:
                    await chaos.rest()
                assert all(other.id not in started.percepts for started in made.events.of(TurnStarted))
                _heard_truly(chaos)
            finally:
                chaos.close()
    assert set(rows.percepts) == {other.id}
    return Counter({one: rows.answered[one] for one in rows.given})


def _heard_truly(chaos: Chaos) -> None:
    """Nothing counts as heard that no line has; nor, to a word, what the one honest outlet has not played."""
    shown = {event.line: event.shown for event in chaos.made.events.of(LineStarted)}
    for ended in chaos.made.events.of(LineEnded):
        assert shown[ended.line].startswith(ended.heard)
        assert ended.cut or ended.heard == shown[ended.line]
        if chaos.steady:
            played = chaos.outlets[0].truth[ended.line] / SAMPLE_RATE
            assert (len(ended.heard.split()) - 1.5) * ScriptedVoice.WORD <= played, (ended, played)


@pytest.mark.parametrize("seed", range(9))
async def test_whatever_breaks_what_was_paid_for_is_answered_once(seed: int) -> None:
    answered = await lives(seed)
    assert {one: times for one, times in answered.items() if times != 1} == {}
