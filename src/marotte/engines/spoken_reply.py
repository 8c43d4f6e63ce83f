"""What a duplex engine says in one reply: words, and the sound that says them, with no word of which belongs to which.

Providers stream both side by side and place no word. Where a line ends in the sound is estimated from the length of its
words, and the quietest moment near it is taken. The sound of one line follows on that of the line before it without a
gap, so a mistake of a syllable cannot be heard; it only moves what is shown, and what a cut counts as heard, by a word.
"""

import asyncio
from bisect import bisect_right
from collections.abc import AsyncGenerator
from typing import Any

from marotte.engines.kinds import Sound
from marotte.text.sentences import seconds

_SLACK = 0.35
"""The share of a line's expected length by which its end may lie elsewhere."""
_LEAST_SLACK, _MOST_SLACK = 0.3, 1.0
"""Seconds of the same."""
_FRAME = 0.02
"""Seconds of sound whose loudness is looked at together; a pause is three of them."""
_FAR = 0.3
"""How much louder, as a share of the mean, the quietest moment may be at the edge than where it is expected."""


class SpokenReply:
    """One reply's words and sound as they come, and the sound of each of its lines."""

    def __init__(self, pace: float = 1.0) -> None:
        """``pace``: how many times longer than expected its voice takes to say something."""
        self.text = ""
        self.ended = False
        self.broken = False
        """It ended before it was whole."""
        self._pace = pace
        self._letters = ""
        self._places: list[int] = []
        """Where each letter stands in the text."""
        self._sound = bytearray()
        self._rate = 0
        self._cuts: list[tuple[int, int]] = [(0, 0)]
        """Up to which letter, and which sample, its lines were said; the last is where the next begins."""
        self._news = asyncio.Event()

    # --- what comes

    def say(self, words: str) -> None:
        """Take words."""
        for place, char in enumerate(words, len(self.text)):
            found = letters(char)
            self._letters += found
            self._places += [place] * len(found)
        self.text += words
        self._tell()

    def sound(self, sound: Sound) -> None:
        """Take sound."""
        self._rate = self._rate or sound.rate
        self._sound += sound.pcm
        self._tell()

    def end(self, *, broken: bool = False) -> None:
        """No more will come."""
        if not self.ended:
            self.ended, self.broken = True, broken
            self._tell()

    def _tell(self) -> None:
        news, self._news = self._news, asyncio.Event()
        news.set()

    # --- what it gives

    def find(self, shown: str) -> tuple[int, int] | None:
        """Return which letters of it, not yet given away, are those of a line; None where it says no such thing."""
        wanted = letters(shown)
        at = self._letters.find(wanted, self._cuts[-1][0]) if wanted else -1
        return None if at < 0 else (at, at + len(wanted))

    async def said(self, first: int, last: int) -> AsyncGenerator[Sound]:
        """Yield the sound of the letters from ``first`` to ``last``, as it comes; less where the reply is broken."""
        if first > self._cuts[-1][0]:  # what stands before it is not said
            self._cuts.append((first, await self._place(first)))
        given = self._cuts[-1][1]
        while True:
            news = self._news
            certain, end = self._reach(last)
            certain = certain if end is None else end
            if certain > given:
                yield Sound(pcm=bytes(self._sound[2 * given : 2 * certain]), rate=self._rate)
                given = certain
            if end is not None:
                self._cuts.append((last, max(end, given)))
                return
            await news.wait()

    def after(self, letter: int) -> float:
        """Return after how many seconds of its sound it has come to a letter."""
        place = bisect_right([cut for cut, _ in self._cuts], letter)
        began_letter, began = self._cuts[place - 1]
        if place == len(self._cuts):
            takes = round(self._takes(began_letter, letter) * self._rate)
            return min(self._length, began + takes) / (self._rate or 1)
        ended_letter, ended = self._cuts[place]
        share = (letter - began_letter) / (ended_letter - began_letter)
        return (began + share * (ended - began)) / (self._rate or 1)

    @property
    def pace(self) -> float:
        """How many times longer than expected it took to say all."""
        expected = seconds(self.text)
        if self.broken or not self._rate or expected < 1:
            return self._pace
        return min(2.0, max(0.5, self._length / self._rate / expected))

    # --- where a line ends

    @property
    def _length(self) -> int:
        return len(self._sound) // 2

    async def _place(self, letter: int) -> int:
        """Wait until it is known where a letter begins."""
        while True:
            news = self._news
            _, end = self._reach(letter)
            if end is not None:
                return end
            await news.wait()

    def _reach(self, last: int) -> tuple[int, int | None]:
        """Return up to which sample sound certainly belongs before letter ``last``, and where that letter begins."""
        if self.ended and (last >= len(self._letters) or not self._rate):
            return self._length, self._length
        began_letter, began = self._cuts[-1]
        expected = self._takes(began_letter, last)
        if self.ended and not self.broken:
            whole = self._takes(began_letter, len(self._letters)) or 1.0
            expected *= (self._length - began) / self._rate / whole
        slack = min(_MOST_SLACK, max(_LEAST_SLACK, _SLACK * expected))
        earliest = began + round(max(0.0, expected - slack) * self._rate)
        latest = began + round((expected + slack) * self._rate)
        if not self._rate or (self._length < latest and not self.ended):
            return min(earliest, self._length), None
        return earliest, self._quietest(min(earliest, self._length), min(latest, self._length))

    def _takes(self, first: int, last: int) -> float:
        """Return how many seconds letters are expected to take."""
        return self._pace * seconds(self.text[self._at(first) : self._at(last)])

    def _at(self, letter: int) -> int:
        """Return where a letter stands in the text."""
        return self._places[letter] if letter < len(self._places) else len(self.text)

    def _quietest(self, earliest: int, latest: int) -> int:
        """Return the middle of the quietest moment between two samples; the nearer to the middle, the better."""
        import numpy as np

        frame = round(_FRAME * self._rate)
        count = (latest - earliest) // frame
        if count < 3:
            return (earliest + latest) // 2
        window = np.frombuffer(bytes(self._sound[2 * earliest : 2 * (earliest + count * frame)]), "<i2")
        loudness: Any = np.abs(window.astype(np.float32)).reshape(count, frame).mean(axis=1)
        pauses = np.convolve(loudness, np.ones(3) / 3, mode="same")
        pauses += _FAR * float(loudness.mean()) * np.abs(np.linspace(-1, 1, count))
        return earliest + int(pauses[1:-1].argmin() + 1) * frame + frame // 2


def letters(text: str) -> str:
    """Return the letters and digits of a text, all small: what is left of it however it is written and cut."""
    return "".join(char for char in text.casefold() if char.isalnum())
