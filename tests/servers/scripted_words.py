"""Speech that is not spoken: each word is a steady level for a quarter of a second, and this hears which."""

from itertools import groupby, pairwise
from typing import NamedTuple

import numpy as np

WORDS = ("good", "evening", "my", "dear", "jester", "tell", "me", "a", "joke", "now")
RATE = 16_000
_WORD = RATE // 4
_STEP = 1_000
_SENTENCE = 3


class Spoken(NamedTuple):
    """A word in sound; seconds."""

    start: float
    end: float
    text: str


def say(*words: str, pause: float = 0.05) -> bytes:
    """Return words as 16 kHz 16-bit sound, each followed by a pause."""
    pause_pcm = bytes(2 * round(pause * RATE))
    return b"".join(
        np.full(_WORD, _STEP * (1 + WORDS.index(word)), "<i2").tobytes() + pause_pcm for word in words
    )  # fmt: skip


def understand(sound: "np.ndarray[tuple[int], np.dtype[np.float32]]") -> list[list[Spoken]]:
    """Return the words in sound, three to a segment; a word that is not even half there is not understood."""
    levels = np.rint(sound * 32_768 / _STEP).astype(int)
    edges = [0, *(np.flatnonzero(np.diff(levels)) + 1).tolist(), len(levels)]
    words = [
        Spoken(begin / RATE, end / RATE, f" {WORDS[levels[begin] - 1]}")
        for begin, end in pairwise(edges)
        if end - begin > _WORD // 2 and 0 < levels[begin] <= len(WORDS)
    ]
    return [[word for _, word in group] for _, group in groupby(enumerate(words), lambda at: at[0] // _SENTENCE)]
