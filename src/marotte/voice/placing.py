"""Places the words and mouth shapes of a line on its sound, for voices that tell when they say what."""

from collections.abc import Iterable

from marotte.engines.kinds import Sound
from marotte.events import Word
from marotte.voice.mouth import Lips

_OPENING = " \t\n\u3000¿¡«“‘([{<「『（【"
"""What stands before a word and belongs to it, not to the one before."""


class Placing:
    """Places a line's words and mouth shapes on its sound, which may be made in parts."""

    def __init__(self, spoken: str, rate: int) -> None:
        self.rate = rate
        self.length = 0
        """Samples made so far."""
        self._spoken = spoken
        self._lips = Lips(rate)
        self._offset = 0
        self._start = 0
        self._word: tuple[int, int] | None = None

    def begin(self, offset: int) -> None:
        """Begin a part of the line, at ``offset`` of its spoken text."""
        self._offset, self._start = offset, self.length

    def place(self, pcm: bytes, words: Iterable[tuple[int, int]] = (), sounds: Iterable[tuple[int, str]] = ()) -> Sound:
        """Take the next sound of the part, with the words and the sounds of speech that begin in it.

        Words are given as (sample, offset), sounds as (sample, IPA), all from the start of the part.
        """
        placed = tuple(word for sample, offset in words if (word := self._begun(sample, offset)))
        heard = [(self._start + sample, ipa) for sample, ipa in sounds]
        self.length += len(pcm) // 2
        return Sound(pcm=pcm, rate=self.rate, words=placed, mouths=self._lips.hear(pcm, heard))

    def silence(self, seconds: float) -> Sound:
        """Return silence, with the mouth at rest."""
        return self.place(bytes(2 * round(seconds * self.rate)), sounds=[(self.length - self._start, "")])

    def finish(self) -> Sound:
        """Return what is left to place at the end of the line."""
        word = self._ended(len(self._spoken), self.length)
        return Sound(pcm=b"", rate=self.rate, words=(word,) if word else (), mouths=self._lips.finish())

    def _begun(self, sample: int, offset: int) -> Word | None:
        """Note that a word begins and return the one that it ends.

        A voice may read one word as several, or several as one; a word here is the text up to the next.
        """
        start, offset = self._start + sample, self._offset + offset
        again = self._word is not None and offset <= self._word[1]
        if again or not self._spoken[offset : offset + 1].strip():
            return None
        word = self._ended(offset, start)
        self._word = start, offset
        return word

    def _ended(self, offset: int, end: int) -> Word | None:
        if self._word is None:
            return None
        start, begin = self._word
        return Word(text=self._spoken[begin:offset].rstrip(_OPENING), start=start, end=end, offset=begin)
