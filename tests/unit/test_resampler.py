"""The resampler, from line to line: nothing of one is heard in the next."""

from typing import Any

import numpy as np

from marotte.engines.kinds import Sound
from marotte.voice.resampler import Resampler

RATE = 24_000
LOUD = Sound(pcm=(np.random.default_rng(7).integers(-20_000, 20_000, RATE // 10)).astype("<i2").tobytes(), rate=RATE)
SILENT = Sound(pcm=bytes(RATE // 5), rate=RATE)


_DITHER = 2
"""Samples that are the same may differ by so much: they are rounded by chance."""


def said(resampler: Resampler, *sounds: Sound) -> "np.ndarray[Any, Any]":
    pcm = b"".join(resampler.take(sound) for sound in sounds) + resampler.rest()
    return np.frombuffer(pcm, "<i2").astype(int)


def test_a_line_behind_another_is_as_it_is_alone() -> None:
    resampler = Resampler()
    alone = said(Resampler(), LOUD, SILENT)
    for _ in range(3):
        assert np.abs(said(resampler, LOUD, SILENT) - alone).max() <= _DITHER


def test_nothing_of_a_line_that_was_cut_is_heard_in_the_next() -> None:
    resampler = Resampler()
    resampler.take(LOUD)
    resampler.clear()
    assert np.abs(said(resampler, SILENT)).max() <= _DITHER


def test_a_voice_may_change_its_rate_and_none_is_lost() -> None:
    resampler = Resampler()
    pieces = (LOUD, Sound(pcm=SILENT.pcm, rate=16_000), Sound(pcm=SILENT.pcm, rate=48_000))
    samples = len(said(resampler, *pieces))
    wanted = sum(len(piece.pcm) / 2 / piece.rate for piece in pieces) * 48_000
    assert abs(samples - wanted) < 48
    assert np.abs(said(resampler, LOUD) - said(Resampler(), LOUD)).max() <= _DITHER
