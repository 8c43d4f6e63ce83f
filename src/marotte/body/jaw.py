"""The jaw: how far it is open while a sound sounds, and how a servo brings it there in time.

Both are small enough for a board: the programs in ``devices/skull`` have the same arithmetic, and a test that both
give the same numbers.
"""

import math
from array import array
from operator import mul

from marotte.events import SAMPLE_RATE

FRAME = SAMPLE_RATE // 50
"""Samples of one level: 20 ms."""
MOST = 255
"""The level of a jaw that is wide open."""

_BLOCK = FRAME // 4
"""Samples that are weighed together: 5 ms, so that an onset within a frame is seen."""
_SECONDS = _BLOCK / SAMPLE_RATE
_TOP, _RANGE = 3.0, 25.0
"""Decibels above the voice's loudness at which the jaw is wide open, and from a shut jaw up to there."""
_USUAL = -20.0
"""Decibels below full scale that a voice is expected to have until it was heard."""
_RISES, _SINKS, _SETTLES = 0.05, 0.0015, 0.02
"""How far the loudness follows each 5 ms: towards louder, towards softer, and softer during the first second."""
_SETTLED = 200


class Jaw:
    """Turns a voice's sound into how far the jaw is open, on the sound's own time: no level is late.

    A level belongs to the very 20 ms that it was taken from. It is measured against the loudness of the voice so far,
    which sinks slowly and only while the voice speaks: a soft voice opens the jaw as wide as a loud one, and a pause
    opens it no wider afterwards.
    """

    def __init__(
        self,
        *,
        attack: float = 0.008,
        release: float = 0.025,
        gate: float = -48.0,
        hysteresis: float = 5.0,
        dead: int = 6,
        stride: int = 1,
    ) -> None:
        """``attack`` and ``release`` are seconds in which the jaw follows two thirds of the way.

        What is softer than ``gate`` (decibels below full scale) leaves it shut, once open until ``hysteresis`` below;
        a level that differs by less than ``dead`` from the one before is that one. ``stride`` takes every so manieth
        sample, for boards that cannot take all.
        """
        self._attack = 1 - math.exp(-_SECONDS / attack)
        self._release = 1 - math.exp(-_SECONDS / release)
        self._gate, self._hysteresis, self._dead, self._stride = gate, hysteresis, dead, stride
        self._loudness = _USUAL
        self._spoken = 0
        self._pcm = b""
        self._envelope, self._is_open, self._last = 0.0, False, 0

    def reset(self) -> None:
        """Shut it for a new line; how loud the voice is stays known."""
        self._pcm = b""
        self._envelope, self._is_open, self._last = 0.0, False, 0

    def levels(self, pcm: bytes) -> list[int]:
        """Return a level from 0, shut, to 255, wide open, for each 20 ms of 48 kHz mono 16-bit sound.

        Pieces may have any length: what is left over waits for the next.
        """
        pcm = self._pcm + pcm
        whole = len(pcm) // (2 * FRAME) * 2 * FRAME
        self._pcm = pcm[whole:]
        return [self.level(pcm[at : at + 2 * FRAME]) for at in range(0, whole, 2 * FRAME)]

    def level(self, pcm: bytes) -> int:
        """Return the level of one frame: 20 ms of sound, or the shorter end of a line."""
        samples = array("h", pcm[: len(pcm) // 2 * 2])
        opened = blocks = 0.0
        for at in range(0, len(samples), _BLOCK):
            opened += self._follow(samples[at : at + _BLOCK : self._stride])
            blocks += 1
        level = round(MOST * opened / blocks) if blocks else 0
        if level == 0 or abs(level - self._last) >= self._dead:
            self._last = level
        return self._last

    def _follow(self, block: "array[int]") -> float:
        """Return how far it is open, 0 to 1, at the end of a block."""
        power = sum(map(mul, block, block)) / len(block)
        decibels = 10 * math.log10(power / 32_768**2) if power else -100.0
        self._is_open = decibels > self._gate - (self._hysteresis if self._is_open else 0.0)
        wanted = 0.0
        if self._is_open:
            self._hear(decibels)
            # Between decibels, in which a jaw hardly ever shuts, and amplitude, in which it opens for vowels alone.
            wanted = min(1.0, max(0.0, 1 + (decibels - self._loudness - _TOP) / _RANGE)) ** 1.5
        self._envelope += (wanted - self._envelope) * (self._attack if wanted > self._envelope else self._release)
        if not wanted and self._envelope < 0.04:
            self._envelope = 0.0
        return self._envelope

    def _hear(self, decibels: float) -> None:
        """Learn how loud the voice is: near its loudest, because what is louder counts more."""
        self._spoken += 1
        sinks = _SINKS if self._spoken > _SETTLED else _SETTLES
        self._loudness += (decibels - self._loudness) * (_RISES if decibels > self._loudness else sinks)


class Servo:
    """Turns levels into angles that a servo can follow: within its limits, no faster than it turns, without trembling.

    All is counted in thousandths of a degree and of a second, so that a board without floating point agrees.
    """

    def __init__(
        self, closed: float, open: float, *, speed: float = 400.0, dead: float = 1.0, latency: float = 0.08
    ) -> None:
        """``closed`` and ``open`` are degrees, whichever is larger; ``speed`` is degrees a second.

        A change of less than ``dead`` degrees is not made. ``latency`` is the seconds from a command to the movement:
        the level that is given to ``move`` is that of the sound which is heard so much later.
        """
        self._closed, self._open = round(closed * 1_000), round(open * 1_000)
        self._speed, self._dead = round(speed), round(dead * 1_000)
        self._latency = round(latency * 1_000)
        self._angle = self._wanted = self._closed

    @property
    def angle(self) -> float:
        """The angle that is commanded now, in degrees."""
        return self._angle / 1_000

    def due(self, sample: int) -> int:
        """Return the sample whose level must be commanded while ``sample`` is heard."""
        return sample + self._latency * SAMPLE_RATE // 1_000

    def move(self, level: int, milliseconds: int) -> float:
        """Return the angle to command, in degrees, when so much time has passed since the last."""
        wanted = self._closed + ((self._open - self._closed) * level + MOST // 2) // MOST
        if level in (0, MOST) or abs(wanted - self._wanted) >= self._dead:
            self._wanted = wanted
        most = self._speed * milliseconds
        self._angle += max(-most, min(most, self._wanted - self._angle))
        return self.angle
