"""How far the jaw is from the sound, in milliseconds of the sound's own time, on speech of the embedded voice.

Around each onset of the sound, where its loudness rises by two fifths of the jaw's way, the jaw's levels, each held for
its 20 ms, are shifted until they lie best on the sound's: that shift is the error, whichever of both is first. The
limit is an envelope that knows the sound to come and has no delay, cut into the same 20 ms. With the servo it is its
angles at the sample that is heard, late by its latency.
"""

import math
from collections.abc import Sequence

import numpy as np

from bench import Row, Rows, go, percentile
from marotte.body.jaw import FRAME, MOST, Jaw, Servo
from marotte.engines.kinds import Kit
from marotte.events import SAMPLE_RATE, Line
from marotte.voice.resampler import Resampler
from marotte.voice.voices.espeak import EspeakSettings, EspeakVoice

STEP = FRAME // 4
RISE = 0.4
AROUND = 12
"""Steps of 5 ms before and after an onset that are compared."""
FAR = 24
"""The furthest shift that is tried, in steps."""
SENTENCES = (
    ("Good evening! Do come in. I would get up, but you know how it is.", "en"),
    ("A red jacket, and someone brave in it. My compliments to both.", "en"),
    ("Buenas noches, pase usted. El viento entra por la oreja izquierda.", "es"),
    ("Bonsoir, entrez donc, il fait froid dehors et la pomme est belle.", "fr"),
)

Track = Sequence[float]


def run() -> Rows:
    return go(_run())


async def _run() -> Rows:
    jaw, gaps, ideal, moved = Jaw(), list[float](), list[float](), list[float]()
    for pcm in await _speech():
        jaw.reset()
        sound, levels = _loudness(pcm), jaw.levels(pcm)
        held = [level / MOST for level in levels for _ in range(4)]
        cut = [float(np.mean(sound[at : at + 4])) for at in range(0, len(sound), 4) for _ in range(4)]
        begins = onsets(sound)
        gaps += errors(sound, held, begins)
        ideal += errors(sound, cut, begins)
        moved += errors(sound, _servo(levels), begins)
    limit = percentile(ideal, 0.95)
    return [
        Row(f"jaw: sound to level, p95 of {len(gaps)} onsets", "ms", percentile(gaps, 0.95), limit, 30),
        Row("jaw: sound to level, median", "ms", percentile(gaps, 0.5), percentile(ideal, 0.5)),
        Row("jaw: sound to a servo of 80 ms and 400 °/s, p95", "ms", percentile(moved, 0.95), limit, 30),
    ]


async def _speech() -> list[bytes]:
    voice = EspeakVoice(EspeakSettings(), Kit())
    made: list[bytes] = []
    for text, language in SENTENCES:
        resampler, pcm = Resampler(), b""
        async for sound in voice.speak(Line(shown=text, spoken=text, language=language)):
            pcm += resampler.take(sound)
        made.append(pcm + resampler.rest())
    await voice.close()
    return made


def _loudness(pcm: bytes) -> list[float]:
    """Return how loud each 5 ms are, on the scale of a jaw, with the loudness of the whole speech and no delay."""
    samples = np.frombuffer(pcm, "<i2").astype(float)
    blocks = (samples[: len(samples) // STEP * STEP].reshape(-1, STEP) ** 2).mean(axis=1)
    decibels = 10 * np.log10(np.convolve(blocks, (0.25, 0.5, 0.25), "same") + 1e-3)
    return (np.clip((decibels - np.percentile(decibels, 90) + 22) / 25, 0, 1) ** 1.5).tolist()


def _servo(levels: Sequence[int]) -> list[float]:
    """Return how far a simulated servo is open each 5 ms of what is heard, when it is commanded ahead."""
    servo = Servo(0, 30, latency=0.08)
    late, track = 0.08, list[float]()
    ahead = math.ceil(late * SAMPLE_RATE / STEP)
    for step in range(-ahead, 4 * len(levels) - ahead):
        due = servo.due(step * STEP) // FRAME
        track.append(servo.move(levels[due] if 0 <= due < len(levels) else 0, 5) / 30)
    return track


def onsets(track: Track) -> list[int]:
    """Return the steps at which a track has risen half of the way from a trough to the next peak."""
    found: list[int] = []
    trough = peak = 0
    for at, value in enumerate(track):
        if value > track[peak]:
            peak = at
        if value < track[peak] - RISE / 2 or at == len(track) - 1:
            if track[peak] - track[trough] >= RISE:
                half = (track[peak] + track[trough]) / 2
                found.append(next(i for i in range(trough, peak + 1) if track[i] >= half))
            trough = peak = at
        elif peak == trough and value <= track[trough]:
            trough = peak = at
    return found


def errors(sound: Track, jaw: Track, begins: Sequence[int]) -> list[float]:
    """Return the shift, in milliseconds, that lays the jaw's track on the sound's best around each onset."""
    margin = AROUND + FAR
    wide, late = (np.pad(np.array(track[: len(sound)]), (margin, 2 * margin)) for track in (sound, jaw))
    found: list[float] = []
    for at in begins:
        true = wide[at + margin - AROUND : at + margin + AROUND]
        shifts = sorted(range(-FAR, FAR + 1), key=abs)
        misfit = [float(np.var(late[at + shift + FAR : at + shift + FAR + 2 * AROUND] - true)) for shift in shifts]
        found.append(5.0 * abs(shifts[int(np.argmin(misfit))]))
    return found
