"""What the character says, for a voice channel: 20 ms at a time, on time, silent at once where it is cut."""

import threading
from collections import deque
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from marotte.events import SAMPLE_RATE
from marotte.ports import Rank

LEAD = 0.25
FRAME = SAMPLE_RATE // 50
"""Samples that Discord is sent at a time."""
_MOST = 10 * SAMPLE_RATE
"""Samples that may wait to be played."""
_LINGER = 15
"""Frames of silence after which nothing is sent any more; shorter pauses between lines are sent."""


class _Piece(NamedTuple):
    """Sound that waits: where it belongs, and its first sample on the floor's clock."""

    position: int
    sample: int
    pcm: bytes


class DiscordOutlet:
    """A floor's ``Outlet``: the event loop fills it, discord.py's thread takes a frame every 20 ms."""

    name = "discord"
    rank = Rank.WINDOW
    lead = LEAD

    def __init__(self, report: Callable[[int], None], now: Callable[[], int]) -> None:
        """``report`` is called, on the thread that takes frames, with the floor's sample that was played last.

        ``now`` tells the present place on the floor's clock, from any thread.
        """
        self.lost = 0
        """Samples that came while too many waited."""
        self.wake: Callable[[], None] = lambda: None
        """There is sound again. Called, as ``rest``, while nothing else may happen to the outlet: it must not wait."""
        self.rest: Callable[[], None] = lambda: None
        """There has been none for a while: no more frames need be taken until ``wake``."""
        self._report = report
        self._now = now
        self._lock = threading.Lock()
        self._pieces: deque[_Piece] = deque()
        self._waiting = 0
        self._position = 0  # of the next frame; the floor's clock, from when the outlet woke
        self._end: int = 0  # of the sound that waits
        self._offset: int = 0  # by how much sound sounds later than it is due
        self._line = ""
        self._quiet = _LINGER + 1  # frames of silence in a row; more than that: it rests
        self._told = False  # whether whoever takes the frames knows that it rests
        self._last: int | None = None  # the sample behind the frame that is sounding

    @property
    def resting(self) -> bool:
        """Whether nothing is to be sent."""
        return self._quiet > _LINGER

    def play(self, turn: str, line: str, sample: int, pcm: bytes) -> None:
        """Take 48 kHz mono 16-bit sound whose first sample is due at ``sample`` of the floor's clock."""
        with self._lock:
            if self._waiting + len(pcm) // 2 > _MOST:
                self.lost += len(pcm) // 2
                return
            if self.resting:
                self._position = self._now()
                self._end = self._offset = self._quiet = 0
                self._told = False
                self.wake()
            earliest = max(self._position, self._end)
            place: int = max(earliest, sample + self._offset)
            if line != self._line:
                place = max(earliest, min(sample, self._position + int(self.lead * SAMPLE_RATE)))
            self._offset, self._line = place - sample, line
            self._pieces.append(_Piece(place, sample, pcm))
            self._end = place + len(pcm) // 2
            self._waiting += len(pcm) // 2

    def stop(self, turn: str, sample: int) -> None:
        """Throw away everything not yet played: silent with the next frame."""
        with self._lock:
            self._pieces.clear()
            self._waiting = self._end = self._offset = 0

    def take(self) -> bytes:
        """Return the next frame: 48 kHz stereo 16-bit. What was taken before has been played by now."""
        with self._lock:
            played = self._last
            frame, self._last = self._next()
            self._quiet = 0 if self._pieces or self._last is not None else self._quiet + 1
            if self.resting and not self._told:
                self._told = True
                self.rest()
        if played is not None:
            self._report(played)
        return np.repeat(np.frombuffer(frame, np.int16), 2).tobytes()

    def _next(self) -> tuple[bytearray, int | None]:
        begin, end = self._position, self._position + FRAME
        frame, last = bytearray(2 * FRAME), None
        while self._pieces and self._pieces[0].position < end:
            position, sample, pcm = self._pieces.popleft()
            count = min(end - position, len(pcm) // 2)
            place = 2 * (position - begin)
            frame[place : place + 2 * count] = pcm[: 2 * count]
            self._waiting -= count
            last = sample + count
            if 2 * count < len(pcm):
                self._pieces.appendleft(_Piece(position + count, last, pcm[2 * count :]))
        self._position = end
        return frame, last
