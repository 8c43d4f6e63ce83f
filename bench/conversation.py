"""A conversation by voice: from the end of speech to a transcript and to the first sound, and from an onset to silence.

Sentences that espeak-ng has spoken are fed in real time in pieces of 16 ms, as a window does. Speech begins and ends
where it is louder than a thirtieth of its peak. Ears, brain and voice are scripted but for the last figure, where they
are the embedded ones. The limit of what hearing does is the same endpointer and detector at work on the same sound
without any program around them, in samples and not in seconds: it holds the length of the frames and the detector's
own delay.

* A transcript is handed over once the silence is over, or once the ear has thought, whichever is later; counted is what
  it takes more. The ear is asked after ``hearing.settle`` of silence, and thinks for 0.1 s or 0.8 s. Promised are 30 ms
  beyond the silence and the ear's own time: of an ear that is slower than the silence this saves the whole silence
  but ``settle``, so that what is shown for it is more than is promised.
* An onset is counted to the moment when the outlet is told to stop, while the character speaks.
* What an early start saves is the difference between first sounds with it and without, in parts of the silence. Its
  limit is the silence less ``hearing.settle``.
* Sixteen partners at once write; the method is that of ``bench/first_sound.py``.
* With the embedded engines 0.15 of the utterance is granted to the ear. The limit is what ear and voice take alone.
"""

import asyncio
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Coroutine
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from pathlib import Path
from random import Random
from typing import Any, NamedTuple, cast

import numpy as np
import soxr

from bench import Row, Rows, go, median, percentile
from bench.first_sound import overheads
from bench.floors import SCRIPTED, Turn, company, warm
from bench.sink import Sink
from marotte import config
from marotte.engines.kinds import EngineSettings, Heard, Kit
from marotte.engines.registry import Built
from marotte.events import Event, Line, Utterance
from marotte.senses.hearing import endpoint
from marotte.senses.hearing.detectors import choose
from marotte.senses.hearing.hearing import Hearing
from marotte.senses.hearing.speech import RATE
from marotte.show import Run
from marotte.time import Clock
from marotte.voice.voices.espeak import EspeakSettings, EspeakVoice

HEARING = config.Hearing()
PIECE = 256
QUIET_AFTER = 2.2
"""Seconds that a microphone goes on after what was said."""
THINKS = (0.1, 0.8)
SAID = ("I would like to hear a story", "You have a lovely voice", "Any news from the theatre", "Are you alone here")
"""They begin with a voiced sound and have no pause."""
COMMANDS = ("what is your name", "tell me a joke")
"""What the embedded ear knows."""
FIRST_WORD = "0.4"
"""Seconds to the brain's first word: brain and voice take longer than the silence, or it would hide them wholly."""
INTERRUPTED = 4
"""Partners who interrupt, each with every sentence."""
PARTNERS = 16
REST = 0.3
"""Seconds of silence between two measurements."""
_SHOW = SCRIPTED + "begin_early = {early}\n"
_EMBEDDED = "[attention]\nlull_after = 0\npause = 0\n[brain]\ndiscover = false\n"


class Alone(NamedTuple):
    """When a bare endpointer tells of what was said, in seconds of the sound."""

    onset: float
    """After the first loud sample."""
    pause: float
    """After the last one."""
    end: float


class Said:
    """A sentence that was spoken, from its first loud sample to its last, as a microphone."""

    def __init__(self, samples: "np.ndarray[Any, Any]", before: float) -> None:
        """``before`` seconds of silence come first."""
        self.seconds = len(samples) / RATE
        after = np.zeros(round(QUIET_AFTER * RATE))
        self.samples = np.concatenate((np.zeros(round(before * RATE)), samples, after)).astype("<i2")
        self._before = before
        self._began = 0.0

    @property
    def onset(self) -> float:
        """When its first loud sample was spoken, in seconds of the monotonic clock."""
        return self._began + self._before

    @property
    def end(self) -> float:
        """When its last loud sample was."""
        return self.onset + self.seconds

    async def sound(self) -> AsyncIterator[bytes]:
        self._began = time.monotonic()
        for start in range(0, len(self.samples), PIECE):
            piece = self.samples[start : start + PIECE]
            await asyncio.sleep(self._began + (start + len(piece)) / RATE - time.monotonic())
            yield piece.tobytes()

    def alone(self) -> Alone:
        """Let the bare endpointer hear it."""
        pointer = endpoint.Endpointer(HEARING, choose(HEARING))
        at, found = 0, dict[type, list[float]]()
        for start in range(0, len(self.samples), 32):
            piece = self.samples[start : start + 32]
            at += len(piece)
            for happening in pointer.feed(piece.tobytes()):
                found.setdefault(type(happening), []).append(at / RATE - self._before)
        ends = (found[kind][-1] - self.seconds for kind in (endpoint.Pause, endpoint.End))
        return Alone(found[endpoint.Onset][0], *ends)


class ScriptedEar:
    """Understands the same of whatever it hears: word for word while it is said, or after so many seconds."""

    def __init__(self, thinks: float = 0.0) -> None:
        """``thinks``: it tells nothing while it listens, and then thinks so long; 0: it tells as it listens."""
        self.text = "oh wait a moment"
        self._thinks = thinks

    async def hear(self, speech: AsyncIterator[bytes], language: str) -> AsyncIterator[Heard]:
        told = False
        async for _ in speech:
            if not (told or self._thinks):
                told = True
                yield Heard(text=self.text, final=False, language="en")
        if self._thinks:
            await asyncio.sleep(self._thinks)
        yield Heard(text=self.text, language="en")

    async def close(self) -> None:
        pass


async def speak(sentences: tuple[str, ...]) -> list["np.ndarray[Any, Any]"]:
    """Let espeak-ng say them; the silence around them is cut off."""
    voice = EspeakVoice(EspeakSettings(), Kit())
    spoken: list[np.ndarray[Any, Any]] = []
    for sentence in sentences:
        sounds = [sound async for sound in voice.speak(Line(shown=sentence, spoken=sentence, language="en"))]
        samples = np.frombuffer(b"".join(sound.pcm for sound in sounds), "<i2").astype(float)
        samples = soxr.resample(samples, sounds[0].rate, RATE)
        loud = np.flatnonzero(np.abs(samples) > np.max(np.abs(samples)) / 30)
        spoken.append(samples[loud[0] : loud[-1] + 1])
    await voice.close()
    return spoken


# --- hearing alone


async def transcripts(spoken: list["np.ndarray[Any, Any]"], rng: Random) -> Rows:
    """Measure from the end of speech to the utterance's being published."""

    async def listen(thinks: float) -> Row:
        granted = max(HEARING.silence, HEARING.settle + thinks)
        asked = [Said(samples, rng.uniform(0.5, 1.0)) for samples in spoken * 2]
        heard = await asyncio.gather(*(_hear(said, thinks) for said in asked))
        over = [(at - said.end - granted) * 1e3 for said, at in zip(asked, heard, strict=True)]
        bare = [said.alone() for said in asked]
        alone = [(max(it.end, it.pause + thinks) - granted) * 1e3 for it in bare]
        name = f"end of speech to transcript, beyond silence and an ear of {thinks:g} s: median"
        return Row(name, "ms", median(over), median(alone), 30 if thinks < HEARING.silence else None)

    return [await listen(thinks) for thinks in THINKS]


async def _hear(said: Said, thinks: float) -> float:
    """Return when what was said had been understood."""
    heard: list[float] = []

    def publish(event: Event) -> None:
        if isinstance(event, Utterance):
            heard.append(time.monotonic())

    await Hearing("bench", HEARING, ScriptedEar(thinks), publish, Clock()).run(said)
    (at,) = heard
    return at


# --- with a floor


class Partner:
    """A private floor with a microphone, whose sink tells when it was stopped."""

    def __init__(self, run: Run, number: int) -> None:
        self._run = run
        self.floor = run.open_floor(f"bench-{number:028}", f"Partner {number}", "en")
        speaker = self.floor.speaker
        self.sink = Sink(lambda sample: speaker.played(self.sink, sample), speaker.now)
        self.stopped: list[float] = []
        self._was_stopped = asyncio.Event()
        self._silence, self.sink.stop = self.sink.stop, self._stop
        speaker.attach(self.sink)
        self.sink.start()

    def _stop(self, turn: str, sample: int) -> None:
        self.stopped.append(time.monotonic())
        self._was_stopped.set()
        self._silence(turn, sample)

    async def answer(self, said: Said) -> float:
        """Return the seconds from the end of what is said to the first sound."""
        self.sink.expect()
        async with self._hearing(said):
            first = await self.sink.first(20.0)
        await asyncio.sleep(REST)
        return first - said.end

    async def interrupted(self, said: Said, text: str) -> float:
        """Let the character answer a text; return the seconds from the onset of what is said meanwhile to silence."""
        self.sink.expect()
        self._run.publish(
            Utterance(at=time.time(), floor=self.floor.name, viewer=self.floor.partner, text=text, language="en")
        )
        await self.sink.first()
        self.stopped.clear()
        self._was_stopped.clear()
        async with self._hearing(said), asyncio.timeout(10):
            await self._was_stopped.wait()
        await asyncio.sleep(REST)
        return self.stopped[0] - said.onset

    @asynccontextmanager
    async def _hearing(self, said: Said) -> AsyncIterator[None]:
        """Listen to a microphone; afterwards the floor is silent."""
        listening = asyncio.create_task(self.floor.hearing(self.floor.partner, "en").run(said))
        try:
            yield
        finally:
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)
            self.floor.floor.cut("stopped")


@asynccontextmanager
async def run_of(show: str, ear: ScriptedEar | None = None) -> AsyncIterator[Run]:
    """Run a show, warm, with an ear of ours."""
    async with AsyncExitStack() as stack:
        run = Run(config.parse(show), Path(stack.enter_context(tempfile.TemporaryDirectory())), {})
        stack.push_async_callback(run.stop)
        await run.start()
        if ear is not None:
            run.ears.put_first(Built("scripted", cast("Any", ear), EngineSettings()))
        await warm(run)
        yield run


@asynccontextmanager
async def providers() -> AsyncIterator[str]:
    """Start the scripted providers; yields their address."""
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bench.providers", FIRST_WORD, stdout=subprocess.PIPE
    )
    try:
        assert child.stdout is not None
        yield (await child.stdout.readline()).decode().strip()
    finally:
        child.kill()
        await child.wait()


def asked(rng: Random) -> str:
    """Return a text that no turn has had, with the mark by which the providers know it."""
    return "tell me about turn" + "".join(rng.sample("abcdefghijklmopqsvwxyz", k=8))


async def interruptions(url: str, spoken: list["np.ndarray[Any, Any]"], rng: Random) -> Rows:
    """Measure from the onset of speech to the outlet's being told to stop."""
    took: list[float] = []
    heard: list[Said] = []

    async def talk(partner: Partner) -> None:
        for samples in spoken:
            said = Said(samples, rng.uniform(0.5, 1.0))
            took.append(await partner.interrupted(said, asked(rng)) * 1e3)
            heard.append(said)

    async with run_of(_SHOW.format(url=url, early="false"), ScriptedEar()) as run:
        await asyncio.gather(*(talk(Partner(run, number)) for number in range(INTERRUPTED)))
    alone = [said.alone().onset * 1e3 for said in heard]
    name = "onset of speech to the speaker stopped"
    return [
        Row(f"{name}: median", "ms", median(took), median(alone)),
        Row(f"{name}: p95", "ms", percentile(took, 0.95), percentile(alone, 0.95), 70),
    ]


async def early_starts(url: str, spoken: list["np.ndarray[Any, Any]"], rng: Random) -> Rows:
    """Measure what it saves to begin an answer before the silence is over, while the words do not change."""
    took: dict[str, list[float]] = {"true": [], "false": []}

    async def talk(early: str, partner: Partner, ear: ScriptedEar) -> None:
        for samples in spoken:
            ear.text = asked(rng)
            took[early].append(await partner.answer(Said(samples, 0.5)))

    async with AsyncExitStack() as stack:
        talks: list[Coroutine[None, None, None]] = []
        for early in took:
            ear = ScriptedEar()
            run = await stack.enter_async_context(run_of(_SHOW.format(url=url, early=early), ear))
            talks.append(talk(early, Partner(run, 0), ear))
        await asyncio.gather(*talks)
    saved = median(took["false"][1:]) - median(took["true"][1:])
    limit = 100 * (HEARING.silence - HEARING.settle) / HEARING.silence
    return [
        Row("an early start saves, of the silence", "%", 100 * saved / HEARING.silence, limit, 80, least=True),
        Row("end of speech to first sound, early start", "ms", median(took["true"][1:]) * 1e3),
    ]


async def partners() -> Rows:
    """Measure the first sound over the ideal while sixteen write at once."""
    async with company(PARTNERS) as talkers:
        found = await overheads(talkers, await talkers.rounds(1, 2, _first_sound))
    ours, bare = (percentile(found[name], 0.95) for name in ("ours", "bare"))
    return [Row(f"first sound over the ideal, {PARTNERS} partners: p95", "ms", ours, bare, 15)]


async def _first_sound(turn: Turn, sink: Sink) -> None:
    await sink.first()
    await asyncio.sleep(Random(turn.mark).uniform(0.2, 0.4))


async def round_trips(spoken: list["np.ndarray[Any, Any]"]) -> Rows:
    """Measure from the end of speech to the first sound with the embedded engines."""
    over: list[float] = []
    alone: list[float] = []
    async with run_of(_EMBEDDED) as run:
        await run.ears.warm()
        partner = Partner(run, 0)
        for samples in spoken:
            said = Said(samples, 0.5)
            granted = HEARING.silence + 0.15 * said.seconds
            over.append((await partner.answer(said) - granted) * 1e3)
            alone.append((max(HEARING.silence, HEARING.settle + await _ear(run, samples)) - granted) * 1e3)
            alone[-1] += await _voice(run) * 1e3
    name = "embedded: end of speech to first sound, beyond silence and 0.15 of the utterance"
    return [
        Row(f"{name}: median", "ms", median(over), median(alone), 200),
        Row(f"{name}: worst of {len(over)}", "ms", max(over), max(alone)),
    ]


async def _ear(run: Run, samples: "np.ndarray[Any, Any]") -> float:
    """Return the seconds that the ear takes alone."""

    async def speech() -> AsyncIterator[bytes]:
        yield samples.astype("<i2").tobytes()

    began = time.monotonic()
    async for _ in run.ears.hear(speech(), "en"):
        pass
    return time.monotonic() - began


async def _voice(run: Run) -> float:
    """Return the seconds to the voice's first sound alone."""
    text = f"Welcome back, number {run.clock.now():.0f}."
    began = time.monotonic()
    async with aclosing(run.voices.speak(Line(shown=text, spoken=text, language="en"))) as sounds:
        await anext(sounds)
    return time.monotonic() - began


async def _measure() -> Rows:
    rng = Random(7)
    sentences, commands = await speak(SAID), await speak(COMMANDS)
    rows = await transcripts(sentences, rng)
    async with providers() as url:
        rows += await interruptions(url, sentences, rng)
        rows += await early_starts(url, sentences, rng)
    rows += await partners()
    return rows + await round_trips(commands)


def run() -> Rows:
    return go(_measure())
