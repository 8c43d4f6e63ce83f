"""Hearing on one floor: a microphone's sound in, ``Onset``, ``SpeechEnd``, ``Transcript`` and ``Utterance`` out."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING, Protocol

from marotte import config
from marotte.engines.kinds import EngineError, Heard
from marotte.events import Event, Onset, SpeechEnd, Transcript, Utterance, Viewer
from marotte.ports import Microphone
from marotte.senses.hearing import endpoint
from marotte.senses.hearing.speech import RATE
from marotte.time import Clock

if TYPE_CHECKING:
    from marotte.senses.hearing.detectors import Detector

log = logging.getLogger(__name__)

BACKLOG = 4
"""Turns that may wait while an ear still works on an earlier one."""
AHEAD = 5.0
"""Seconds of sound that a microphone may be ahead of real time."""
STALL = 2.0
"""Seconds without any sound after which what was being said has ended."""
_LOOKS = 20
"""So many looks after a microphone in ``STALL`` seconds.

Looks without sound are counted, and not seconds: an event loop that stood still takes one look at most before it takes
in the sound that came meanwhile.
"""
LONGEST_TEXT = 2_000
"""Characters that a browser may give as one transcript."""
_DRIFT = 1.02
"""How much faster than ours a microphone's clock may run."""


class SoundError(ValueError):
    """A microphone or a browser sent what cannot be; the message says what, for whoever feeds it."""


class Listener(Protocol):
    """What turns speech into text: the show's chain of ears."""

    def hear(self, speech: AsyncIterator[bytes], language: str) -> AsyncIterator[Heard]:
        """Take 16 kHz mono 16-bit speech as it comes; yield what is understood, the last one with ``final``."""
        ...


class Hearing:
    """Finds what is said into a floor's microphone and publishes it: that somebody speaks at once, then what.

    It is understood strictly in order. Each ``Onset`` has its ``SpeechEnd``, and each ``SpeechEnd`` that is no noise
    its final ``Transcript``, which is empty where no ear understood anything.
    """

    def __init__(
        self,
        floor: str,
        settings: config.Hearing,
        ears: Listener,
        publish: Callable[[Event], None],
        clock: Clock,
        viewer: Viewer | None = None,
    ) -> None:
        self.hands_free = True
        """Whether to speak is enough to be heard; otherwise only between ``press`` and ``release``."""
        self.language = ""
        """The language that is expected, as a BCP-47 tag; "" leaves it to the ear."""
        self.dropped = 0
        """How often somebody spoke while ``BACKLOG`` turns were waiting, so that nobody heard it."""
        self._floor = floor
        self._settings = settings
        self._ears = ears
        self._publish = publish
        self._clock = clock
        self._viewer = viewer
        self._endpointer: endpoint.Endpointer | None = None
        self._pressed = False
        self._backlog: asyncio.Queue[_Turn] = asyncio.Queue(BACKLOG)
        self._turn: _Turn | None = None
        self._reading_since: float | None = None
        self._looks = 0
        """How many looks found no sound since the last piece."""

    async def run(self, microphone: Microphone) -> None:
        """Take the microphone's sound until it ends and all of it is understood.

        Raises SoundError for what is no 16-bit sound or comes faster than anybody speaks, detectors.DetectorMissing,
        and RuntimeError while another microphone is open here.
        """
        detector = await asyncio.to_thread(load_detector, self._settings)
        if self._endpointer:
            raise RuntimeError(f"a microphone is open already on floor {self._floor!r}")
        self._endpointer = endpoint.Endpointer(self._settings, detector, self.hands_free)
        self._backlog = asyncio.Queue(BACKLOG)
        understanding = asyncio.create_task(self._understand(self._backlog))
        try:
            try:
                if self._pressed:
                    self._note(self._endpointer.press())
                await self._take_in(microphone, self._endpointer)
            finally:
                self._note(self._endpointer.finish())
                self._endpointer = None
            await self._backlog.join()
        finally:
            understanding.cancel()

    def press(self) -> None:
        """The partner holds the button down: silence ends nothing until ``release``.

        Where the microphone is still being opened, it is held down from its first sound on.
        """
        self._pressed = True
        if self._endpointer:
            self._note(self._endpointer.press())

    def release(self) -> None:
        """The partner lets the button go: what was said has ended."""
        self._pressed = False
        if self._endpointer:
            self._note(self._endpointer.release())

    def hear_text(self, text: str, final: bool, uncertain: bool = False) -> None:
        """Take what a browser's own recognition makes of speech; the same events come of it as of sound.

        A final "" ends what a partial text began. Raises SoundError for text longer than ``LONGEST_TEXT``.
        """
        if len(text) > LONGEST_TEXT:
            raise SoundError(f"a transcript of {len(text)} characters is longer than {LONGEST_TEXT}")
        text, now = text.strip(), self._clock.now()
        if self._reading_since is None:
            if not text:
                return
            self._reading_since = now
            self._publish(Onset(at=self._clock.wall(), floor=self._floor))
        heard = Heard(text=text, uncertain=uncertain, final=final)
        if not final:
            self._tell(heard, "browser")
            return
        seconds, self._reading_since = now - self._reading_since, None
        why = "silence" if text else "noise"
        self._publish(SpeechEnd(at=self._clock.wall(), floor=self._floor, seconds=seconds, why=why))
        self._conclude(heard, seconds, "browser")

    # --- sound to turns

    async def _take_in(self, microphone: Microphone, endpointer: endpoint.Endpointer) -> None:
        allowance, last = AHEAD, self._clock.now()
        self._looks = _LOOKS + 1  # before the first sound nothing stalls
        looking = asyncio.create_task(self._look_after(endpointer))
        try:
            async for pcm in microphone.sound():
                now = self._clock.now()
                allowance = min(AHEAD, allowance + (now - last) * _DRIFT) - len(pcm) / (2 * RATE)
                last = now
                if len(pcm) % 2:
                    raise SoundError(f"a piece of {len(pcm)} bytes: 16-bit sound has an even number")
                if allowance < 0:
                    raise SoundError(f"more than {AHEAD:g} s of sound ahead of real time: send it as it is spoken")
                endpointer.hands_free = self.hands_free
                self._looks = 0
                self._note(endpointer.feed(pcm))
        finally:
            looking.cancel()

    async def _look_after(self, endpointer: endpoint.Endpointer) -> None:
        """End what is being said when its microphone stalls."""
        while True:
            await self._clock.sleep(STALL / _LOOKS)
            self._looks += 1
            if self._looks == _LOOKS + 1:
                self._note(endpointer.finish())

    def _note(self, happenings: list[endpoint.Happening]) -> None:
        """Publish what happened in the sound and hand speech on to whoever understands it."""
        for happening in happenings:
            match happening:
                case endpoint.Onset():
                    self._publish(Onset(at=self._clock.wall(), floor=self._floor))
                    self._turn = None
                case endpoint.Speech(pcm):
                    if self._turn is None:
                        self._turn = _Turn()
                        self._enqueue(self._turn)
                    self._turn.add(pcm)
                case endpoint.End(why, speech, ago):
                    if self._turn:
                        self._turn.end(speech / RATE, self._clock.now() - ago / RATE)
                        why = why if self._turn.waits else "noise"
                    end = SpeechEnd(at=self._clock.wall(), floor=self._floor, seconds=speech / RATE, why=why)
                    self._publish(end)

    def _enqueue(self, turn: "_Turn") -> None:
        try:
            self._backlog.put_nowait(turn)
        except asyncio.QueueFull:
            turn.waits = False
            self.dropped += 1
            log.warning("floor %s: %d turns wait for an ear; what is said now is lost", self._floor, BACKLOG)

    # --- turns to text

    async def _understand(self, backlog: "asyncio.Queue[_Turn]") -> None:
        """Let the ears hear one turn after another, each while it is still being said."""
        while True:
            turn = await backlog.get()
            heard = Heard(text="")
            try:
                async for heard in self._ears.hear(turn.speech(), self.language):
                    if not heard.final:
                        self._tell(heard, heard.ear)
            except Exception as error:
                # No ear's failure, not even a mistake in one, may deafen the floor.
                unforeseen = not isinstance(error, EngineError)
                log.warning("floor %s: no ear understood: %s", self._floor, error, exc_info=unforeseen)
                heard = Heard(text="")
            await turn.over.wait()
            self._conclude(heard, turn.seconds, heard.ear, self._clock.now() - turn.ended)
            backlog.task_done()

    def _tell(self, heard: Heard, ear: str = "") -> None:
        self._publish(
            Transcript(
                at=self._clock.wall(),
                floor=self._floor,
                text=heard.text.strip(),
                final=heard.final,
                uncertain=heard.uncertain,
                language=heard.language or self.language,
                ear=ear,
            )
        )

    def _conclude(self, heard: Heard, seconds: float, ear: str = "", recognised: float = -1.0) -> None:
        """Publish the final transcript and, if there are words in it, the utterance."""
        text = heard.text.strip()
        self._tell(Heard(text=text, language=heard.language, uncertain=heard.uncertain), ear)
        if text:
            self._publish(
                Utterance(
                    at=self._clock.wall(),
                    floor=self._floor,
                    viewer=self._viewer,
                    language=heard.language or self.language,
                    text=text,
                    uncertain=heard.uncertain,
                    ear=ear,
                    seconds=seconds,
                    recognised=recognised,
                )
            )


class _Turn:
    """What is being said, on its way to an ear. The endpointer bounds it: the longest turn and no more."""

    def __init__(self) -> None:
        self.waits = True
        """Whether an ear will hear it."""
        self.over = asyncio.Event()
        self.seconds = 0.0
        self.ended = 0.0
        self._pieces: asyncio.Queue[bytes | None] = asyncio.Queue()

    def add(self, pcm: bytes) -> None:
        """Take sound."""
        if self.waits:
            self._pieces.put_nowait(pcm)

    def end(self, seconds: float, ended: float) -> None:
        """Note how long it was and when, on the clock, the last speech was."""
        self.seconds, self.ended = seconds, ended
        self._pieces.put_nowait(None)
        self.over.set()

    async def speech(self) -> AsyncIterator[bytes]:
        """Yield its sound as it comes."""
        while (piece := await self._pieces.get()) is not None:
            yield piece


def load_detector(settings: config.Hearing) -> "Detector":
    """Return a detector for a microphone; to import and load the first takes its time, so this runs in a thread."""
    from marotte.senses.hearing.detectors import choose

    return choose(settings)
