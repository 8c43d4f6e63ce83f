"""Where what somebody says begins and ends: a synchronous machine over a detector's frames.

It counts samples and never looks at a clock, so the same sound always gives the same turns.
"""

from typing import TYPE_CHECKING, Literal

import msgspec

from marotte import config
from marotte.senses.hearing.speech import RATE

if TYPE_CHECKING:
    from marotte.senses.hearing.detectors import Detector

_IN_A_ROW = 2
"""Frames of speech that make an onset: a click is one. Of a frame that the detector is sure of one is enough."""
_HYSTERESIS = 0.15
"""How far the probability may fall below the threshold before speech that has begun counts as silence."""
_FADED = 1 / 30
"""What is softer than this share of the loudest of the last seconds is no speech any more: 30 dB less."""
_SOFTENS = 0.997
"""How much softer the loudest counts for every 8 ms that have passed: by half in two seconds."""
_LONGEST_FADE = 0.16
"""Seconds, at most, that detectors hear speech after its last sound."""


class Onset(msgspec.Struct, frozen=True):
    """Somebody has begun to speak, or pressed the button; it may yet turn out to be a noise."""


class Speech(msgspec.Struct, frozen=True):
    """Sound for an ear. The first piece comes once this is more than a noise, and begins with the pre-roll."""

    pcm: bytes


class Pause(msgspec.Struct, frozen=True):
    """It has just become quiet: perhaps they have said all."""


class GoesOn(msgspec.Struct, frozen=True):
    """They had not: after a pause they go on speaking."""

    quiet: int
    """How long they paused, in samples."""


class End(msgspec.Struct, frozen=True):
    """It is over. A noise had no ``Speech``."""

    why: Literal["silence", "released", "too_long", "noise"]
    speech: int
    """Samples from the onset to the last speech."""
    ago: int
    """Samples since the last speech."""


Happening = Onset | Speech | Pause | GoesOn | End


class _Fading:
    """How long it has been quiet already when a detector says so: it hears the last sound for a while after it."""

    BLOCKS = 4
    """Into so many parts a frame is cut."""

    def __init__(self, frame: int) -> None:
        # Loads numpy, as the detector has by now: a start without microphones does not wait for it.
        import numpy as np

        self._np, self._block = np, frame // self.BLOCKS
        self._loudest = 0.0
        self._quiet = 0

    def add(self, frame: bytes) -> None:
        """Take a whole frame of speech."""
        np = self._np
        samples = np.frombuffer(frame, "<i2").astype(np.float32)
        for loud in np.sqrt((samples * samples).reshape(self.BLOCKS, -1).mean(axis=1)).tolist():
            self._loudest = max(loud, self._loudest * _SOFTENS)
            self._quiet = self._quiet + 1 if loud < self._loudest * _FADED else 0

    @property
    def quiet(self) -> int:
        """Samples since the last sound."""
        return min(self._quiet * self._block, int(_LONGEST_FADE * RATE))


class _Turn:
    """What is being said now, in samples."""

    def __init__(self, held: bytearray, begun: int, fading: _Fading) -> None:
        self.held = held  # sound that no ear was given yet
        self.taken = self.voiced = begun  # since the onset; of it, speech
        self.quiet = 0  # since the last speech
        self.fading = fading
        self.paused = False


class Endpointer:
    """Finds onset and end of speech in a microphone's sound, by a detector or by a button held down.

    ``hands_free`` lets the detector begin and end speech; without it only ``press`` and ``release`` do. While the
    button is held all sound is speech and silence ends nothing. The longest turn holds for both.
    """

    def __init__(self, settings: config.Hearing, detector: "Detector", hands_free: bool = True) -> None:
        self.hands_free = hands_free
        self._detector = detector
        self._size = 2 * detector.frame
        self._begins = settings.threshold
        self._sure = detector.sure
        self._goes_on = max(settings.threshold - _HYSTERESIS, settings.threshold / 2)
        self._pre_roll = 2 * int(settings.pre_roll * RATE)
        self.silence = int(settings.silence * RATE)
        """Samples of silence that end what is said now; whoever knows what was said may set it anew at any time."""
        self._usual = self.silence
        self.settle: int = int(settings.settle * RATE)
        """Samples of silence that make a pause; twice as many after each pause that was not the end."""
        self._settles: int = self.settle
        self._shortest = int(settings.shortest * RATE)
        self._longest = int(settings.longest * RATE)
        self._rest = bytearray()  # does not fill a frame yet
        self._before = bytearray()  # the pre-roll
        self._in_a_row = 0
        self._pressed = False
        self._turn: _Turn | None = None
        self._spent = False  # the last turn ended before its speech did: nothing begins until it is quiet
        self._quiet = 0

    def feed(self, pcm: bytes) -> list[Happening]:
        """Take 16 kHz mono 16-bit sound of any even length; return what happened in it, in order."""
        happened: list[Happening] = []
        self._rest += pcm
        while len(self._rest) >= self._size:
            frame = bytes(self._rest[: self._size])
            del self._rest[: self._size]
            happened += self._frame(frame, self._detector.speech(frame))
        return happened

    def press(self) -> list[Happening]:
        """The button goes down: the pre-roll and all sound from now on is speech, until ``release``."""
        if self._pressed:
            return []
        self._pressed, self._spent = True, False
        return [] if self._turn else self._begin(0)

    def release(self) -> list[Happening]:
        """The button comes up: what was said ends here."""
        if not self._pressed:
            return []
        happened = self.finish()
        self._pressed, self._spent, self._quiet = False, True, 0
        return happened

    def finish(self) -> list[Happening]:
        """The sound ends here, perhaps only for a while: end what is being said."""
        rest, self._rest = bytes(self._rest), bytearray()
        if self._turn is None:
            return []
        return [*self._take(self._turn, rest, self._pressed), *self._end("released")]

    def _frame(self, frame: bytes, probability: float) -> list[Happening]:
        if self._turn is None:
            return self._wait(frame, probability)
        if not (self.hands_free or self._pressed):
            return self._end("released")
        paused = self._turn.quiet
        voiced = self._pressed or probability >= self._goes_on
        if not voiced and not self._turn.quiet:
            self._turn.quiet = self._turn.fading.quiet
        happened = self._take(self._turn, frame, voiced)
        if voiced:
            self._turn.fading.add(frame)
        if self._turn.quiet and self._turn.quiet >= self.silence:
            return [*happened, *self._end("silence")]
        happened += self._pauses(self._turn, paused)
        if self._turn.taken >= self._longest:
            self._spent, self._quiet = True, 0
            return [*happened, *self._end("too_long")]
        return happened

    def _wait(self, frame: bytes, probability: float) -> list[Happening]:
        """Look for an onset in a frame."""
        self._before += frame
        del self._before[: -self._pre_roll - _IN_A_ROW * self._size]
        if self._spent:
            self._quiet = self._quiet + self._detector.frame if probability < self._goes_on else 0
            self._spent = self._pressed or self._quiet < self._usual
            return []
        if self._pressed:  # the sound had stopped, and comes again
            return self._begin(0)
        self._in_a_row = self._in_a_row + 1 if probability >= self._begins else 0
        if not self.hands_free or (self._in_a_row < _IN_A_ROW and probability < max(self._begins, self._sure)):
            return []
        return self._begin(self._in_a_row * self._detector.frame)

    def _begin(self, samples: int) -> list[Happening]:
        """Begin a turn whose first ``samples`` are the last ones of the pre-roll."""
        self._turn = _Turn(self._before, samples, _Fading(self._detector.frame))
        self.silence, self.settle = self._usual, self._settles
        self._before, self._in_a_row = bytearray(), 0
        return [Onset()]

    def _take(self, turn: _Turn, pcm: bytes, voiced: bool) -> list[Happening]:
        """Add sound to the turn; give it away as soon as the turn is known to be more than a noise."""
        samples = len(pcm) // 2
        turn.held += pcm
        turn.taken += samples
        turn.voiced += samples if voiced else 0
        turn.quiet = 0 if voiced else turn.quiet + samples
        if turn.voiced < self._shortest or not turn.held:
            return []
        given, turn.held = bytes(turn.held), bytearray()
        return [Speech(given)]

    def _pauses(self, turn: _Turn, quiet: int) -> list[Happening]:
        """Tell of a pause in speech, and of its end after ``quiet`` samples."""
        if turn.paused and not turn.quiet:
            turn.paused, self.settle = False, 2 * self.settle
            return [GoesOn(quiet)]
        if not turn.paused and turn.quiet >= self.settle and turn.voiced >= self._shortest:
            turn.paused = True
            return [Pause()]
        return []

    def _end(self, why: Literal["silence", "released", "too_long"]) -> list[Happening]:
        turn, self._turn = self._turn, None
        if turn is None:
            return []
        noise = turn.voiced < self._shortest
        return [End("noise" if noise else why, turn.taken - turn.quiet, turn.quiet)]
