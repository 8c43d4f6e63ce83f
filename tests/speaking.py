"""What the tests of voices share: lines, their sound, and whether the timings hold."""

from itertools import pairwise
from typing import Any

import numpy as np

from marotte.engines.kinds import Sound, Voice
from marotte.events import Line, Mouth, Word


def line(spoken: str, language: str = "en", **more: Any) -> Line:
    return Line(shown=spoken, spoken=spoken, language=language, **more)


async def speak(voice: Voice, line: Line) -> list[Sound]:
    return [sound async for sound in voice.speak(line)]


def pcm(sounds: list[Sound]) -> bytes:
    return b"".join(sound.pcm for sound in sounds)


def seconds(sounds: list[Sound]) -> float:
    return len(pcm(sounds)) / 2 / sounds[0].rate


def words(sounds: list[Sound]) -> list[Word]:
    return [word for sound in sounds for word in sound.words]


def mouths(sounds: list[Sound]) -> list[Mouth]:
    return [mouth for sound in sounds for mouth in sound.mouths]


def holds_together(text: str, sounds: list[Sound]) -> None:
    """Assert that the words follow each other without a gap and stand in the text, and that the mouth ends at rest."""
    told, total = words(sounds), len(pcm(sounds)) // 2
    assert all(text[word.offset :].startswith(word.text) for word in told)
    assert all(a.end == b.start and a.start < a.end and a.offset < b.offset for a, b in pairwise(told))
    assert told[-1].end == total
    moved = mouths(sounds)
    assert all(a.start <= b.start for a, b in pairwise(moved))
    assert (moved[-1].shape, moved[-1].start <= total) == ("rest", True)


def pitch(sounds: list[Sound]) -> float:
    """Return the fundamental frequency, in Hz, of the middle of the sound: the median of its loud parts."""
    rate = sounds[0].rate
    samples = np.frombuffer(pcm(sounds), "<i2").astype(float)
    parts = samples[: len(samples) // (rate // 20) * (rate // 20)].reshape(-1, rate // 20)
    return float(np.median([_pitch(part, rate) for part in parts if np.std(part) > np.std(samples) / 2]))


def _pitch(part: "np.ndarray[Any, Any]", rate: int) -> float:
    """Return the frequency at which a twentieth of a second repeats itself."""
    alike = np.correlate(part, part, "full")[len(part) - 1 :] / np.arange(len(part), 0, -1)
    lags = range(rate // 800, rate // 60)
    peaks = [lag for lag in lags if alike[lag] >= max(alike[lag - 1], alike[lag + 1])]
    best = max(alike[lag] for lag in peaks)
    return rate / next(lag for lag in peaks if alike[lag] > 0.85 * best)
