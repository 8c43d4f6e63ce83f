"""Mouth shapes: from the sounds of speech where a voice tells them, else from how loud it is.

Shapes are few, as a hand puppet's: what somebody sees from a seat in the house, not what a phonetician would draw.
"""

import math
import unicodedata
from collections.abc import Iterable, Iterator
from typing import Literal

from marotte.events import Mouth

Shape = Literal["rest", "closed", "teeth", "wide", "round", "narrow", "open"]

STEP = 0.02
"""Seconds of one level."""
_FLOOR, _TOP = -50.0, -12.0
"""Decibels below full scale at which a mouth is shut, and at which it is wide open."""

_SHAPES: dict[Shape, str] = {
    "closed": "pbmɓʙ",
    "teeth": "fvʋɱ",
    "wide": "aɑæɐ",
    "round": "oɔuwʊøœyʏɒɹɻʃʒʍɵɥɸβ",
    "open": "əʌɛɜɚɝɤɘɞhɦʔħ",
}
_SHAPE_OF: dict[str, Shape] = {sign: shape for shape, signs in _SHAPES.items() for sign in signs}
_HEARD_THROUGH = 0.15
"""A mouth that speaks is never shut further than this."""


def shape(ipa: str) -> Shape:
    """Return the shape of the mouth for a sound in the International Phonetic Alphabet; "" is a pause.

    The first sign that is a letter decides, so that a diphthong or an affricate has the shape it begins with.
    """
    for sign in unicodedata.normalize("NFD", ipa):
        if unicodedata.category(sign) in ("Ll", "Lo"):
            return _SHAPE_OF.get(sign, "narrow")
    return "rest"


def levels(pcm: bytes, rate: int) -> tuple[float, ...]:
    """Return how loud each 20 ms of mono 16-bit sound are, in even steps of decibels: 0 silence, 1 loud speech."""
    return tuple(_level(power) for power, _ in _powers(pcm, round(rate * STEP)))


def follow(pcm: bytes, rate: int, start: int = 0) -> tuple[Mouth, ...]:
    """Move a mouth by the sound alone, for voices that tell no sounds; ``start`` is the place of the first sample."""
    found: list[Mouth] = []
    step = round(rate * 2 * STEP)
    for index, (power, change) in enumerate(_powers(pcm, step)):
        level = _level(power)
        now = _guess(level, rate / math.pi * math.asin(min(1.0, math.sqrt(change / power) / 2)) if power else 0.0)
        if not found or found[-1].shape != now or abs(found[-1].level - level) > 0.1:
            level = round(level, 2) if now != "rest" else 0.0
            found.append(Mouth(start=start + index * step, shape=now, level=level))
    return tuple(found)


class Lips:
    """Joins the sounds that a voice places in a line with how loud they are: one ``Mouth`` for each."""

    def __init__(self, rate: int) -> None:
        self._rate = rate
        self._pcm = bytearray()
        self._start = 0
        self._waiting: list[tuple[int, Shape]] = []

    def hear(self, pcm: bytes, sounds: Iterable[tuple[int, str]] = ()) -> tuple[Mouth, ...]:
        """Take the next piece of sound and the sounds placed so far, as (sample of the line, IPA).

        Returns the mouths whose end is known: each lasts until the next.
        """
        self._pcm += pcm
        for sample, ipa in sounds:
            now = shape(ipa)
            if now != "rest" or not self._waiting or self._waiting[-1][1] != "rest":
                self._waiting.append((sample, now))
        return tuple(self._finished(self._start + len(self._pcm) // 2))

    def finish(self) -> tuple[Mouth, ...]:
        """Return the last mouths, and shut the mouth at the end."""
        end = self._start + len(self._pcm) // 2
        self._waiting.append((end, "rest"))
        last = tuple(self._finished(end))
        return last if last and last[-1].shape == "rest" else (*last, Mouth(start=end, shape="rest", level=0.0))

    def _finished(self, end: int) -> Iterator[Mouth]:
        while len(self._waiting) > 1 and self._waiting[1][0] <= end:
            start, now = self._waiting.pop(0)
            yield self._mouth(start, now, self._waiting[0][0])

    def _mouth(self, start: int, now: Shape, end: int) -> Mouth:
        """Blend the shape of a sound with its loudness and forget the sound."""
        pcm = bytes(self._pcm[2 * max(0, start - self._start) : 2 * (end - self._start)])
        del self._pcm[: 2 * (end - self._start)]
        self._start = max(self._start, end)
        if now in ("rest", "closed"):
            return Mouth(start=start, shape=now, level=0.0)
        return Mouth(start=start, shape=now, level=round(max(_HEARD_THROUGH, 0.0, *levels(pcm, self._rate)), 2))


def _powers(pcm: bytes, step: int) -> list[tuple[float, float]]:
    """Return the mean square of each ``step`` samples, and that of the change from sample to sample."""
    import numpy as np

    samples = np.frombuffer(pcm[: len(pcm) // 2 * 2], "<i2").astype(np.float32)
    if not len(samples):
        return []
    starts = range(0, len(samples), step)
    changes = np.zeros_like(samples)
    np.subtract(samples[1:], samples[:-1], out=changes[1:])
    sums = np.add.reduceat(samples * samples, starts), np.add.reduceat(changes * changes, starts)
    counts = [min(step, len(samples) - start) for start in starts]
    return [
        (power / n, change / n) for power, change, n in zip(sums[0].tolist(), sums[1].tolist(), counts, strict=True)
    ]


def _level(power: float) -> float:
    decibels = 10 * math.log10(power / 32_768**2) if power else -100.0
    return min(1.0, max(0.0, (decibels - _FLOOR) / (_TOP - _FLOOR)))


def _guess(level: float, frequency: float) -> Shape:
    """Guess a shape from loudness and from the frequency, in Hz, around which the sound lies: high is a hiss."""
    if level < 0.1:
        return "rest"
    if frequency > 2_500:
        return "narrow"
    if level > 0.75:
        return "wide"
    return "open" if level > 0.4 else "round"
