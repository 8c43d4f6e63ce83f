"""One line on its way to being heard: its sound, its timings, and where on the floor's clock they were placed."""

import asyncio
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from typing import NamedTuple

from marotte.events import SAMPLE_RATE, Line, LineStarted, Mouth, Word
from marotte.text.normal import is_wide
from marotte.text.sentences import seconds
from marotte.voice.mouth import follow

_CLOSING = "\"'”’»)]}.,;:!?…。、！？；：」』）】》"
_FOLLOWED = SAMPLE_RATE * 12 // 100
_NEARLY = SAMPLE_RATE // 100
"""So much may be missing of a word or line that counts as heard: 10 ms."""


class Span(NamedTuple):
    """A stretch of the line's sound and its place on the floor's clock, in samples."""

    start: int
    offset: int
    length: int


@dataclass(eq=False)
class Speech:
    """A line, the sound made of it so far, and how much of that has been given a place in time."""

    turn: str
    line: Line
    pcm: bytearray = field(default_factory=bytearray)
    """48 kHz, mono, 16 bits."""
    words: list[Word] = field(default_factory=list[Word])
    """In samples at 48 kHz from the start of the line, as are the mouth shapes."""
    mouths: list[Mouth] = field(default_factory=list[Mouth])
    has_lips: bool = False
    """The voice itself tells mouth shapes; otherwise they follow the sound."""
    made: bool = False
    """No more sound will come."""
    broken: bool = False
    """Its sound ends before the line does: its voice failed and no other went on, or it was cut in the making."""
    started: LineStarted | None = None
    """What was told when its first sample was placed."""
    spans: list[Span] = field(default_factory=list[Span])
    over: asyncio.Event = field(default_factory=asyncio.Event)
    """Set once the line was heard to its end, dropped, or could not be made."""
    result: tuple[str, bool] = ("", False)
    """What was heard of it, and whether that was all; known once it is closed."""
    kept: int = 0
    """The place on the clock at which what was heard was last kept."""
    _followed: int = 0
    _told_words: int = 0
    _told_mouths: int = 0

    @property
    def length(self) -> int:
        """Samples made so far."""
        return len(self.pcm) // 2

    @property
    def placed(self) -> int:
        """Samples that have a place on the clock."""
        return self.spans[-1].offset + self.spans[-1].length if self.spans else 0

    @property
    def complete(self) -> bool:
        """Whether all of it is made and placed."""
        return self.made and self.placed >= self.length

    @property
    def end(self) -> int:
        """The place on the clock behind the last placed sample."""
        return self.spans[-1].start + self.spans[-1].length if self.spans else 0

    def place(self, start: int, most: int) -> bytes:
        """Give the next ``most`` samples, or fewer, the place ``start`` on the clock, and return them."""
        offset = self.placed
        length = min(most, self.length - offset)
        last = self.spans[-1] if self.spans else None
        if last is not None and last.start + last.length == start:
            self.spans[-1] = Span(last.start, last.offset, last.length + length)
        else:
            self.spans.append(Span(start, offset, length))
        return bytes(self.pcm[2 * offset : 2 * (offset + length)])

    def follow(self) -> None:
        """Where the voice tells no mouth shapes, let them follow the sound that has a place."""
        if self.has_lips:
            return
        placed = self.placed
        # In strides, which cost about as much as a sample; in steps where the sound only trickles in.
        while self._followed < placed and (placed - self._followed >= _FOLLOWED or placed == self.length):
            piece = bytes(self.pcm[2 * self._followed : 2 * (self._followed + _FOLLOWED)])
            self.mouths += follow(piece, SAMPLE_RATE, self._followed)
            self._followed += len(piece) // 2

    def untold(self) -> tuple[tuple[Word, ...], tuple[Mouth, ...]]:
        """Return timings, on the floor's clock, that have become certain since the last call."""
        placed = self.placed
        first_word, first_mouth = self._told_words, self._told_mouths
        while self._told_words < len(self.words) and self.words[self._told_words].start < placed:
            self._told_words += 1
        while self._told_mouths < len(self.mouths) and self.mouths[self._told_mouths].start < placed:
            self._told_mouths += 1
        return self._placed(self.words[first_word : self._told_words], self.mouths[first_mouth : self._told_mouths])

    def told(self) -> tuple[tuple[Word, ...], tuple[Mouth, ...]]:
        """Return all timings that ``untold`` has given so far."""
        return self._placed(self.words[: self._told_words], self.mouths[: self._told_mouths])

    def _placed(self, words: list[Word], mouths: list[Mouth]) -> tuple[tuple[Word, ...], tuple[Mouth, ...]]:
        return (
            tuple(Word(w.text, w.start + self._shift(w.start), w.end + self._shift(w.start), w.offset) for w in words),
            tuple(Mouth(m.start + self._shift(m.start), m.shape, m.level) for m in mouths),
        )

    def _shift(self, offset: int) -> int:
        """Return what is to be added to an offset in the line to get its place on the clock."""
        span = next(s for s in reversed(self.spans) if s.offset <= offset)
        return span.start - span.offset

    def rewind(self, played: int) -> None:
        """Forget the places behind ``played`` on the clock: that sound was thrown away and will be placed anew."""
        kept: list[Span] = []
        for span in self.spans:
            length = min(span.length, played - span.start)
            if length > 0:
                kept.append(Span(span.start, span.offset, length))
        self.spans = kept
        placed = self.placed
        self.started = self.started if kept else None
        self._told_words = sum(1 for w in self.words if w.start < placed)
        self._told_mouths = sum(1 for m in self.mouths if m.start < placed)

    def heard_samples(self, played: int) -> int:
        """Return how many samples of the line lie before ``played`` on the clock."""
        heard = 0
        for span in self.spans:
            if played > span.start:
                heard = span.offset + min(span.length, played - span.start)
        return heard

    def place_of(self, samples: int) -> int:
        """Return the place on the clock at which so many samples of the line have sounded."""
        span = next((s for s in reversed(self.spans) if s.offset < samples), self.spans[0])
        return span.start + samples - span.offset

    def heard(self, played: int) -> tuple[str, bool]:
        """Return the words heard up to ``played`` on the clock, as they are shown, and whether that is the whole line.

        Exact where the voice placed its words; behind them in proportion to the text, to the nearest whole word.
        """
        samples, text = self.heard_samples(played), self.line.spoken
        if self.made and not self.broken and samples and samples >= self.length - _NEARLY:
            return self.line.shown, True
        if not samples:
            return "", not text
        if self.words and self.words[-1].end >= min(samples, self.length - SAMPLE_RATE // 2):
            return self._shown(self._known(samples)), False
        # The last word that is known was heard; how far it went from there is estimated.
        known, since = _prefix(text, self.words), self.words[-1].end if self.words else 0
        rest, length = text[known:], self.length - since
        if not self.made or self.broken:
            length = max(length, round(seconds(rest, self.line.language) * SAMPLE_RATE))
        end = known + round(len(rest) * min(1.0, (samples - since) / length))
        return self._shown(max(known, _whole_words(text, end))), False

    def _known(self, samples: int) -> int:
        """Return where in the spoken text the last word ends that was heard, where the voice has placed them.

        A clause without spaces may be placed as one: so much of it was heard as lies before.
        """
        text = self.line.spoken
        known = _prefix(text, [w for w in self.words if w.end <= samples + _NEARLY])
        present = next((w for w in self.words if w.start < samples < w.end - _NEARLY and w.offset >= 0), None)
        if present is None or not any(map(is_wide, present.text)):
            return known
        share = (samples - present.start) / (present.end - present.start)
        return max(known, _whole_words(text, present.offset + int(len(present.text) * share)))

    def _shown(self, heard: int) -> str:
        """Return what is shown of the first ``heard`` spoken characters: "$5" where "5 dollars" was heard."""
        shown, spoken = self.line.shown, self.line.spoken
        if shown == spoken:
            return shown[:heard]
        end = 0
        for block in SequenceMatcher(None, spoken, shown, autojunk=False).get_matching_blocks():
            if block.a >= heard:
                break
            end = block.b + min(block.size, heard - block.a)
        while 0 < end < len(shown) and shown[end] in _CLOSING:
            end += 1
        return shown[:end]


def _prefix(text: str, words: list[Word]) -> int:
    """Return where in ``text`` the last of ``words`` ends, with the marks that close it."""
    end = 0
    for word in words:
        at = word.offset if word.offset >= 0 else text.find(word.text, end)
        if at >= 0:
            end = max(end, at + len(word.text))
    while words and end < len(text) and text[end] in _CLOSING:
        end += 1
    return end


def _whole_words(text: str, end: int) -> int:
    """Cut ``text`` at ``end``, back to a word's border; between any two characters where words have no spaces."""
    if 0 < end < len(text) and (text[end].isalnum() or text[end] in "'’") and not is_wide(text[end]):
        while end and not text[end - 1].isspace() and not is_wide(text[end - 1]):
            end -= 1
    return len(text[: max(0, end)].rstrip())
