"""A floor's clock: the speaker turns lines into sound on time, and knows what was heard.

Time is a sample number: 48,000 a second since the run began, through speech and silence alike. Sound is placed on it
in pieces of 20 ms, handed to each outlet at most its lead ahead of being due, and counted as heard only when the
outlet of record says that it was played.
"""

import asyncio
import logging
from collections import deque
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import Literal, Protocol

from marotte.engines.kinds import EngineError, Sound
from marotte.events import (
    SAMPLE_RATE,
    Event,
    Line,
    LineEnded,
    LineStarted,
    LineTimings,
    Mouth,
    Played,
    Stopped,
    Word,
)
from marotte.ports import Outlet, Record
from marotte.time import Clock
from marotte.voice.outlets import Outlets
from marotte.voice.resampler import Resampler
from marotte.voice.speech import Speech

log = logging.getLogger(__name__)

CHUNK = SAMPLE_RATE // 50
_TICK = 0.02
"""Seconds, at least, between two looks at the clock while anything is to be said."""
_LATE = 0.05
"""Seconds after which a look at the clock came late: this machine had no time for us."""
_LOOKS = 4
"""So many looks at the clock while an outlet plays what it holds: it never runs dry for want of one."""
_NEARLY = CHUNK // 2
"""So many samples may be missing of a line that counts as played."""


class Voices(Protocol):
    """What makes sound of a line: a chain of voices."""

    def speak(self, line: Line) -> AsyncGenerator[Sound]:
        """Yield the line's sound; raises EngineError where no voice can."""
        ...


class Speaker:
    """Says the lines of one floor, one after another."""

    def __init__(
        self,
        floor: str,
        voices: Voices,
        publish: Callable[[Event], None],
        clock: Clock,
        record: Record,
        began: float,
        ahead: float = 6.0,
    ) -> None:
        """``began`` is the run's start on the clock; ``ahead`` the seconds of sound made before they are due."""
        self.floor = floor
        self.voices = voices
        self.on_mark: Callable[[str, str], None] = lambda turn, stage: None
        self.on_late: Callable[[float], None] = lambda due: None
        """Called where the clock is looked at late; ``due`` is when it was to be."""
        self._publish = publish
        self._clock = clock
        self._record = record
        self._ahead = round(ahead * SAMPLE_RATE)
        self._speeches: deque[Speech] = deque()
        """Lines that are not over, in the order in which they sound."""
        self._prepared: dict[str, Speech] = {}
        """Lines that may be said, by their ids; their sound is made already."""
        self._dropped: deque[Speech] = deque()
        """Lines that were cut and not yet closed."""
        self._cursor = 0
        """Where the next sample will be placed at the earliest."""
        self._paused = False
        self._has_run = False
        self._starved = True
        """Sound that comes now is due at once, or nearly."""
        self._wake = asyncio.Event()
        self._room = asyncio.Event()
        self._resampler = Resampler()
        self._making: tuple[Speech, asyncio.Task[None]] | None = None
        self.outlets = Outlets(floor, publish, clock, began)
        """What plays, and what was played."""

    # --- time

    def now(self) -> int:
        """Return the present place on the clock, in samples."""
        return self.outlets.now()

    @property
    def speaking(self) -> bool:
        """Whether any line is not over."""
        return bool(self._speeches)

    @property
    def turn(self) -> str:
        """The turn whose line sounds now, or ""."""
        return self._speeches[0].turn if self._speeches else ""

    # --- outlets

    def attach(self, outlet: Outlet) -> None:
        """Let an outlet play from now on."""
        self.outlets.attach(outlet)

    def detach(self, outlet: Outlet) -> None:
        """An outlet is gone; what it reported last stays what was heard of it."""
        self.outlets.detach(outlet)

    def played(self, outlet: Outlet, sample: int) -> None:
        """An outlet reports the sample that it played last; held to what was sent and to wall time."""
        played = self.outlets.played(outlet, sample, self._gaps(sample))
        if self._speeches and (head := self._speeches[0]).complete and played >= head.end - _NEARLY:
            self._wake.set()  # a line may be over; all else has time until the next look at the clock

    def _gaps(self, sample: int) -> int:
        """Return how many samples before ``sample`` the line that sounds there was silent: its sound had run dry."""
        begun = [s for s in (*self._dropped, *self._speeches) if s.started and s.started.sample <= sample]
        if not begun:
            return 0
        assert begun[-1].started is not None
        return min(sample, begun[-1].end) - begun[-1].started.sample - begun[-1].heard_samples(sample)

    def place_of(self, start: int, samples: int) -> int:
        """Return the place at which so many samples of the line that began at ``start`` have sounded."""
        lines = (*self._dropped, *self._speeches)
        speech = next((s for s in lines if s.started and s.started.sample == start), None)
        return speech.place_of(samples) if speech else start + samples

    @property
    def outlet_of_record(self) -> str:
        """The name of the outlet that holds the truth; ``clock`` where none is attached."""
        return self.outlets.of_record or "clock"

    def _heard_until(self) -> int:
        return self.outlets.heard_until(self._cursor)

    # --- lines

    async def say(self, turn: str, line: Line) -> Speech:
        """Take the next line; waits while enough sound is ahead."""
        while self._ahead_now() >= self._ahead or sum(1 for s in self._speeches if not s.made) > 1:
            self._room.clear()
            await self._room.wait()
        speech = self._prepared.pop(line.id, None) or Speech(turn, line)
        if speech.pcm:
            self.on_mark(turn, "first_sound")
        self._speeches.append(speech)
        self._make_next()
        self._wake.set()
        return speech

    def prepare(self, turn: str, line: Line) -> None:
        """Make the sound of a line that may be said next; it waits until it is, or until it is discarded."""
        if not self._speeches and not self._prepared:
            self._prepared[line.id] = Speech(turn, line)
            self._make_next()

    def discard(self, turn: str) -> None:
        """Throw away what was prepared of a turn."""
        for speech in [s for s in self._prepared.values() if s.turn == turn]:
            del self._prepared[speech.line.id]
            if self._making and self._making[0] is speech:
                self._making[1].cancel()

    def _ahead_now(self) -> int:
        return sum(s.length for s in self._speeches) - sum(s.heard_samples(self._heard_until()) for s in self._speeches)

    async def finish(self, turn: str) -> None:
        """Wait until every line of a turn is over."""
        for speech in [s for s in self._speeches if s.turn == turn]:
            await speech.over.wait()

    def cut(self, turn: str) -> None:
        """Stop a turn's sound now; ``close_cut`` says what was heard of it. A pause goes on: somebody speaks."""
        if any(s.turn == turn for s in self._speeches):
            self._drop([s for s in self._speeches if s.turn == turn])
            self._silence(turn, "interrupted")

    def drop_waiting(self, turn: str) -> None:
        """Drop the lines of a turn that have not begun to sound."""
        self._drop([s for s in self._speeches if s.turn == turn and not s.started])

    def _drop(self, speeches: list[Speech]) -> None:
        if self._making and self._making[0] in speeches:
            self._making[1].cancel()
        for speech in speeches:
            self._speeches.remove(speech)
            self._dropped.append(speech)
            speech.over.set()
        self._room.set()
        self._wake.set()

    def _silence(self, turn: str, why: Literal["interrupted", "paused"]) -> None:
        """Void everything that outlets hold."""
        at = self.now()
        self._cursor = at
        self.outlets.stop(turn, at)
        self._publish(Stopped(at=self._clock.wall(), floor=self.floor, turn=turn, sample=at, why=why))

    async def close_cut(self) -> None:
        """Say of dropped lines what was heard, once the outlet of record has reported, or soon without it."""
        if any(s.started for s in self._dropped):
            await self.outlets.last_report()
        until = self._heard_until()
        self.outlets.owe_nothing()
        while self._dropped:
            self._close(self._dropped.popleft(), until)

    # --- ducking

    @property
    def firm(self) -> bool:
        """Whether a line sounds that nobody may interrupt."""
        return bool(self._speeches) and self._speeches[0].started is not None and self._speeches[0].line.firm

    def pause(self) -> None:
        """Fall silent at once, or stay so, ready to go on from the sample that was heard last; not in a firm line."""
        if not self._paused and not self.firm:
            self._paused = True
            if self._speeches:
                self._silence(self.turn, "paused")

    def resume(self) -> None:
        """Go on where ``pause`` stopped."""
        if self._paused:
            until = self._heard_until()
            self.outlets.owe_nothing()
            for speech in self._speeches:
                speech.rewind(until)
            self._paused = False
            self._cursor = self.now()
            self._wake.set()

    @property
    def paused(self) -> bool:
        """Whether it waits to be resumed."""
        return self._paused

    # --- at work

    async def run(self) -> None:
        """Make and place sound until cancelled. What a crash left unsaid is dropped: its turn ends."""
        if self._has_run:
            self._drop(list(self._speeches))
            self._paused = False
        self._has_run = True
        loop = asyncio.get_running_loop()
        try:
            while True:
                self._wake.clear()
                if not self._paused:
                    self._place()
                self._hand_over()
                self._tell()
                self._settle()
                self._make_next()
                if not self._speeches:
                    await self._wake.wait()
                    continue
                pause = self._pause()
                due, timer = self._clock.now() + pause, loop.call_later(pause, self._wake.set)
                await self._wake.wait()
                timer.cancel()
                if self._clock.now() - due > _LATE:
                    self.on_late(due)
        finally:
            if self._making is not None:
                self._making[1].cancel()
            self._resampler.close()

    def _pause(self) -> float:
        """Return the seconds until the clock is looked at again: at the latest when the clock has played a line."""
        head = self._speeches[0]
        tick = max(_TICK, self.outlets.leads[0] / _LOOKS)
        if self._paused or self.outlets.of_record or not head.complete:
            return tick
        return min(tick, max(0.0, (head.end - _NEARLY - self.now()) / SAMPLE_RATE))

    def _make_next(self) -> None:
        """Begin to make the sound of the next line, unless one is being made or enough lies ahead."""
        if self._making is not None:
            return
        speech = next((s for s in (*self._speeches, *self._prepared.values()) if not s.made), None)
        head = self._speeches[0] if self._speeches else None
        if speech is not None and (speech is head or self._ahead_now() < self._ahead):
            task = asyncio.create_task(self._make(speech))
            self._making = (speech, task)
            task.add_done_callback(self._made)

    def _made(self, task: "asyncio.Task[None]") -> None:
        """No more sound of a line will come: it is whole, was cut, or could not be made."""
        assert self._making is not None
        speech, self._making = self._making[0], None
        speech.made = True
        if task.cancelled():
            speech.broken = True
        elif error := task.exception():
            speech.broken = True
            log.error("line %s has no sound", speech.line.id, exc_info=error)
        self._room.set()
        self._wake.set()

    async def _make(self, speech: Speech) -> None:
        """Fill a speech with the sound of its line."""
        resampler = self._resampler
        resampler.clear()
        try:
            async with aclosing(self.voices.speak(speech.line)) as sounds:
                async for sound in sounds:
                    self._add(speech, sound, resampler.take(sound))
            self._add(speech, None, resampler.rest())
        except EngineError as error:
            speech.broken = True
            log.error("line %s has no sound: %s", speech.line.id, error)

    def _add(self, speech: Speech, sound: Sound | None, pcm: bytes) -> None:
        if pcm and not speech.pcm:
            self.on_mark(speech.turn, "first_sound")
        speech.pcm += pcm
        if sound is not None:
            scale = SAMPLE_RATE / sound.rate
            speech.words += (
                Word(w.text, max(0, round(w.start * scale)), round(w.end * scale), w.offset) for w in sound.words
            )
            speech.mouths += (Mouth(max(0, round(m.start * scale)), m.shape, m.level) for m in sound.mouths)
            speech.has_lips = speech.has_lips or bool(sound.mouths)
        if self._starved:
            self._wake.set()

    def _place(self) -> None:
        """Give made sound its place, as far ahead as the most patient outlet takes it."""
        now = self.now()
        horizon = now + round(self.outlets.leads[1] * SAMPLE_RATE)
        self._starved = True
        for speech in self._speeches:
            while not speech.complete:
                start = max(self._cursor, now)
                waits = speech.length - speech.placed
                starving = start - now < CHUNK
                if start >= horizon:
                    self._starved = False
                    return
                if not waits or (waits < CHUNK and not speech.made and not starving):
                    return
                self._begin(speech, start)
                pcm = speech.place(start, CHUNK)
                self._cursor = start + len(pcm) // 2
                self.outlets.give(start, speech.turn, speech.line.id, pcm)

    def _tell(self) -> None:
        """Publish when the words and mouth shapes of placed sound come; the sound itself is on its way already."""
        for speech in self._speeches:
            if speech.started is None:
                return
            speech.follow()
            if timings := self._timings(speech, *speech.untold()):
                self._publish(timings)

    def _timings(self, speech: Speech, words: tuple[Word, ...], mouths: tuple[Mouth, ...]) -> LineTimings | None:
        if not words and not mouths:
            return None
        return LineTimings(
            at=self._clock.wall(),
            floor=self.floor,
            turn=speech.turn,
            line=speech.line.id,
            words=words,
            mouths=mouths,
        )

    def present(self) -> list[Event]:
        """Return what somebody who comes in now must know of the present line: its start, and its timings so far."""
        speech = self._speeches[0] if self._speeches else None
        if speech is None or speech.started is None:
            return []
        timings = self._timings(speech, *speech.told())
        return [speech.started, timings] if timings else [speech.started]

    def _begin(self, speech: Speech, start: int) -> None:
        if speech.started is not None:
            return
        speech.kept = start
        line = speech.line
        speech.started = LineStarted(
            at=self._clock.wall(),
            floor=self.floor,
            turn=speech.turn,
            line=line.id,
            sample=start,
            shown=line.shown,
            spoken=line.spoken,
            language=line.language,
            feeling=line.feeling,
            cues=line.cues,
        )
        self._record.began(speech.started)
        self._publish(speech.started)

    def _hand_over(self) -> None:
        """Feed every outlet what is due within its lead."""
        self.outlets.hand_over(lambda turn: self.on_mark(turn, "first_sample"))
        if not self.outlets and self._speeches and self._speeches[0].started:
            self.on_mark(self.turn, "first_sample")

    def _settle(self) -> None:
        """Close lines that have been heard to their end; keep what was heard every second."""
        if not self._paused:
            self.outlets.notice_deaf()
        until = self._heard_until()
        while self._speeches and (head := self._speeches[0]).complete and until >= head.end - _NEARLY:
            self._speeches.popleft()
            self._close(head, max(until, head.end))
            self.on_mark(head.turn, "last_sample")
            self._room.set()
        if self._speeches and (head := self._speeches[0]).started and until - head.kept >= SAMPLE_RATE:
            head.kept = until
            self._record.heard(head.line, head.heard(until)[0], until, cut=False, final=False)
            self._publish(Played(at=self._clock.wall(), floor=self.floor, outlet=self.outlet_of_record, sample=until))
        if self._ahead_now() < self._ahead:
            self._room.set()

    def _close(self, speech: Speech, until: int) -> None:
        speech.result = heard, whole = speech.heard(until)
        speech.over.set()
        if speech.started:
            self._record.heard(speech.line, heard, until, cut=not whole, final=True)
            self._publish(
                LineEnded(
                    at=self._clock.wall(),
                    floor=self.floor,
                    turn=speech.turn,
                    line=speech.line.id,
                    sample=until,
                    heard=heard,
                    cut=not whole,
                )
            )
