"""Hearing on one floor: a microphone's sound in, ``Onset``, ``SpeechEnd``, ``Transcript`` and ``Utterance`` out."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING, Protocol

from msgspec.structs import replace

from marotte import config
from marotte.engines.kinds import EngineError, Heard
from marotte.events import Event, Onset, SpeechEnd, Transcript, Utterance, Viewer
from marotte.ports import Microphone
from marotte.senses.hearing import endpoint
from marotte.senses.hearing.dictation import Dictation, Why
from marotte.senses.hearing.doubt import Doubt
from marotte.senses.hearing.names import repair
from marotte.senses.hearing.patience import Patience
from marotte.senses.hearing.speech import RATE
from marotte.senses.hearing.turn import Take, Turn
from marotte.time import Clock

if TYPE_CHECKING:
    from marotte.senses.hearing.detectors import Detector
    from marotte.senses.hearing.turn_model import TurnModel

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
    its final ``Transcript``, which is empty where no ear understood anything. Where sound of which came no word is
    followed by more of it, nothing is told of that until words come of it.
    """

    def __init__(
        self,
        floor: str,
        settings: config.Hearing,
        ears: Listener,
        publish: Callable[[Event], None],
        clock: Clock,
        viewer: Viewer | None = None,
        character: config.Character | None = None,
    ) -> None:
        """``character``: whose name may be misheard."""
        self.hands_free = True
        """Whether to speak is enough to be heard; otherwise only between ``press`` and ``release``."""
        self.language = ""
        """The language that is expected, as a BCP-47 tag; "" leaves it to the ear."""
        self.viewer = viewer
        """Who speaks."""
        self.asks_early = True
        """Whether ears are asked already for what may be all; not those that keep what they hear."""
        self.dropped = 0
        """How often somebody spoke while ``BACKLOG`` turns were waiting, so that nobody heard it."""
        self._floor = floor
        self._settings = settings
        self._ears = ears
        self._publish = publish
        self._clock = clock
        self._character = character or config.Character()
        self._endpointer: endpoint.Endpointer | None = None
        self._pressed = False
        self._backlog: asyncio.Queue[Turn] = asyncio.Queue(BACKLOG)
        self._turn: Turn | None = None
        self._patience = Patience(settings)
        self._turn_model: TurnModel | None = None
        self._judging: asyncio.Task[None] | None = None
        self._doubt = Doubt(clock)
        self._hidden = False
        """Somebody may speak now, and nobody was told: it may well be a noise."""
        self._dictation = Dictation(clock, self._doubt, self._begins, self._ends, self._tell, self._conclude)
        self._dictation.patience = settings.resume_after
        self._reads = False
        self._unheard: Turn | None = None
        """What is said now, where a browser tells it: our ears hear it only if the browser gives up."""
        self._untold = 0
        """So many speeches have ended, of which no ear has told what was said."""
        self._looks = 0
        """How many looks found no sound since the last piece."""

    async def run(self, microphone: Microphone) -> None:
        """Take the microphone's sound until it ends and all of it is understood.

        Raises SoundError for what is no 16-bit sound or comes faster than anybody speaks, detectors.DetectorMissing,
        and RuntimeError while another microphone is open here.
        """
        detector = await asyncio.to_thread(load_detector, self._settings)
        self._turn_model = await asyncio.to_thread(_load_turn_model, self._settings)
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
                self._dictation.leave()
            await self._backlog.join()
        finally:
            understanding.cancel()
            for _ in range(self._untold):  # nobody will understand it any more
                self._conclude(Heard(text=""), 0.0)
            self._untold = 0

    def press(self) -> None:
        """The partner holds the button down: silence ends nothing until ``release``.

        Where the microphone is still being opened, it is held down from its first sound on.
        """
        self._pressed = True
        if self._hidden:  # no noise presses a button
            self._hidden = False
            if self._turn is None:
                self._begins()
            else:
                self._admit(self._turn)
        if self._endpointer:
            self._note(self._endpointer.press())

    def release(self) -> None:
        """The partner lets the button go: what was said has ended."""
        was_pressed, self._pressed = self._pressed, False
        if self._endpointer:
            self._note(self._endpointer.release())
        elif was_pressed:  # the microphone was not even open: nothing can have been heard
            self._note([endpoint.Onset(), endpoint.End("noise", 0, 0)])

    @property
    def reads(self) -> bool:
        """Whether a browser tells what is said: of its sound then only counts that somebody speaks."""
        return self._reads

    def let_read(self, on: bool) -> None:
        """Have a browser tell what is said, or no longer: then our ears hear what it has told nothing of."""
        self._reads = on
        if on or self._unheard is None or not self._dictation.wordless:
            return
        turn, self._unheard = self._unheard, None
        self._dictation.hand_over()
        self._turn = turn if turn.pieces else None
        if self._turn is not None:
            self._enqueue(self._turn)

    def hear_text(self, text: str, final: bool, uncertain: bool = False) -> None:
        """Take what a browser's own recognition makes of speech; the same events come of it as of sound.

        A final "" takes back what a partial text told. What comes to no end has ended ``resume_after`` seconds after
        its last word, or after its sound. Raises SoundError for text longer than ``LONGEST_TEXT``.
        """
        if len(text) > LONGEST_TEXT:
            raise SoundError(f"a transcript of {len(text)} characters is longer than {LONGEST_TEXT}")
        text = repair(text.strip(), self._character.name, self._character.misheard)
        self._dictation.hear(Heard(text=text, uncertain=uncertain, final=final))

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
                case endpoint.Onset() if self._reads:
                    self._unheard = Turn()
                    self._dictation.sounds(self._pressed)
                case endpoint.Speech(pcm) if self._unheard:
                    self._unheard.add(pcm)
                case endpoint.End(why, speech) if self._unheard:
                    self._unheard = None
                    self._dictation.silent(speech / RATE, why)
                case _ if self._unheard:
                    pass
                case endpoint.Onset():
                    self._turn, self._hidden = None, self._doubt.doubts and not self._pressed
                    if not self._hidden:
                        self._begins()
                case endpoint.Speech(pcm):
                    if self._turn is None:
                        self._turn = Turn(told=not self._hidden)
                        self._enqueue(self._turn)
                    self._turn.add(pcm)
                case endpoint.Pause():
                    self._pause()
                case endpoint.GoesOn(quiet):
                    self._patience.paused(quiet / RATE)
                    if self._judging:
                        self._judging.cancel()
                    if self._turn:
                        self._turn.go_on()
                case endpoint.End(why, speech, ago):
                    told, self._hidden = not self._hidden, False
                    if self._turn:
                        told, why = self._turn.told, why if self._turn.waits else "noise"
                        self._turn.end(speech / RATE, self._clock.now() - ago / RATE, why)
                    if told:
                        self._untold += why != "noise"
                        self._ends(speech / RATE, why)

    def _admit(self, turn: Turn) -> None:
        """It is speech: tell so now, where nobody was told."""
        if not turn.told:
            turn.told = True
            self._begins()
            if turn.over.is_set():
                self._untold += 1
                self._ends(turn.seconds, turn.why)

    def _begins(self) -> None:
        self._publish(Onset(at=self._clock.wall(), floor=self._floor, viewer=self.viewer))

    def _ends(self, seconds: float, why: Why) -> None:
        self._publish(SpeechEnd(at=self._clock.wall(), floor=self._floor, seconds=seconds, why=why, viewer=self.viewer))

    def _enqueue(self, turn: Turn) -> None:
        try:
            self._backlog.put_nowait(turn)
        except asyncio.QueueFull:
            turn.waits = False
            self.dropped += 1
            log.warning("floor %s: %d turns wait for an ear; what is said now is lost", self._floor, BACKLOG)

    # --- turns to text

    async def _understand(self, backlog: "asyncio.Queue[Turn]") -> None:
        """Let the ears hear one turn after another, each while it is still being said."""
        while True:
            turn = await backlog.get()
            while True:
                take = turn.take()
                heard = await self._hear(turn, take)
                if heard is not None and not take.outdated:
                    break
            await turn.over.wait()
            if not turn.unheard:
                self._doubt.understood(heard.text)
            if turn.told:
                self._untold -= 1
                self._conclude(heard, turn.seconds, heard.ear, self._clock.now() - turn.ended)
            backlog.task_done()

    async def _hear(self, turn: Turn, take: Take) -> Heard | None:
        """Let the ears hear a take and wait for what becomes of it; None where more was said meanwhile."""
        hearing = asyncio.create_task(self._understand_take(turn, take))
        outdated = asyncio.create_task(take.went_on.wait())
        over = asyncio.create_task(turn.over.wait())
        try:
            await asyncio.wait((hearing, outdated), return_when=asyncio.FIRST_COMPLETED)
            if take.outdated:
                return None
            heard = hearing.result()
            if take.early and not turn.over.is_set():
                self._settle(turn, heard)
            await asyncio.wait((over, outdated), return_when=asyncio.FIRST_COMPLETED)
            return heard
        finally:
            for task in (hearing, outdated, over):
                task.cancel()

    async def _understand_take(self, turn: Turn, take: Take) -> Heard:
        heard = Heard(text="")
        try:
            async for heard in self._ears.hear(take.speech(), self.language):
                heard = self._believed(turn, heard)
                if heard.text.strip():
                    self._doubt.understood(heard.text)
                    self._admit(turn)
                if not heard.final:
                    turn.partial = heard
                    if turn.paused:
                        self._settle(turn, heard)  # the last words before the pause, or better ones
                    elif turn.told:
                        self._tell(heard, heard.ear)
        except Exception as error:
            # No ear's failure, not even a mistake in one, may deafen the floor.
            unforeseen = not isinstance(error, EngineError)
            log.warning("floor %s: no ear understood: %s", self._floor, error, exc_info=unforeseen)
            heard, turn.unheard = Heard(text=""), True
        return heard

    def _believed(self, turn: Turn, heard: Heard) -> Heard:
        """Leave out what an ear has invented on silence, and put the character's name where it was misheard."""
        if not heard.text.strip():
            return heard
        if why := turn.invented(heard):
            log.info("floor %s: %r is not believed: %s", self._floor, heard.text[:80], why)
            return replace(heard, text="")
        return replace(heard, text=repair(heard.text, self._character.name, self._character.misheard))

    # --- pauses

    def _pause(self) -> None:
        """They pause: this may be all. Ears that tell nothing as they go are asked for it now."""
        turn = self._turn
        if turn is None or not turn.waits:
            return
        turn.paused = True
        if self._turn_model is not None:
            self._judging = asyncio.create_task(self._judge(turn, self._turn_model))
        if turn.partial is not None:
            self._settle(turn, turn.partial)
        elif self.asks_early:
            turn.ask_early()

    async def _judge(self, turn: Turn, model: "TurnModel") -> None:
        """Let the turn model hear whether this is all; what it says holds until more is said."""
        turn.likely = await model.likely(b"".join(turn.pieces))
        self._wait(turn, turn.settled)

    def _wait(self, turn: Turn, heard: Heard) -> None:
        """Let silence last as long as these words, and how they sounded, want it."""
        turn.settled = heard
        if turn is self._turn and self._endpointer is not None:
            seconds = self._patience.silence(heard.text, heard.language or self.language, turn.likely)
            self._endpointer.silence = round(seconds * RATE)

    def _settle(self, turn: Turn, heard: Heard) -> None:
        """Tell what they have said if this is all, and wait as long as that wants."""
        self._wait(turn, heard)
        if heard.text.strip():
            self._tell(replace(heard, final=False), heard.ear, settled=True)

    def _tell(self, heard: Heard, ear: str = "", *, settled: bool = False) -> None:
        self._publish(
            Transcript(
                at=self._clock.wall(),
                floor=self._floor,
                text=heard.text.strip(),
                final=heard.final,
                settled=settled,
                uncertain=heard.uncertain,
                language=heard.language or self.language,
                ear=ear,
                viewer=self.viewer,
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
                    viewer=self.viewer,
                    language=heard.language or self.language,
                    text=text,
                    uncertain=heard.uncertain,
                    ear=ear,
                    seconds=seconds,
                    recognised=recognised,
                )
            )


def load_detector(settings: config.Hearing) -> "Detector":
    """Return a detector for a microphone; to import and load the first takes its time, so this runs in a thread."""
    from marotte.senses.hearing.detectors import choose

    return choose(settings)


def _load_turn_model(settings: config.Hearing) -> "TurnModel | None":
    from marotte.senses.hearing.turn_model import load

    return load(settings)
