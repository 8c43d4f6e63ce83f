"""Brings what voices make to the rate of the floors."""

from typing import TYPE_CHECKING

from marotte.engines.kinds import Sound
from marotte.events import SAMPLE_RATE

if TYPE_CHECKING:
    import soxr  # pyright: ignore[reportMissingTypeStubs]


class Resampler:
    """Brings the pieces of one line after another to 48 kHz without a seam; a voice may change its rate within a line.

    The filter of a rate is kept from line to line: to make one takes longer than to bring the first piece through it.
    """

    def __init__(self) -> None:
        self._rate = 0
        self._stream: soxr.ResampleStream | None = None
        self._inside = False
        """Sound of the present line has gone into the filter."""

    def take(self, sound: Sound) -> bytes:
        """Return what can be said at 48 kHz so far."""
        before = b""
        if sound.rate != self._rate:
            before = self.rest()
            self._rate = sound.rate
            self._stream = None
            if sound.rate != SAMPLE_RATE:
                import soxr  # pyright: ignore[reportMissingTypeStubs]

                self._stream = soxr.ResampleStream(sound.rate, SAMPLE_RATE, 1, dtype="int16", quality="MQ")
        return before + (self._through(sound.pcm, last=False) if self._stream else sound.pcm)

    def rest(self) -> bytes:
        """Return what is still inside, and be ready for another line."""
        rest = self._through(b"", last=True) if self._inside else b""
        self.clear()
        return rest

    def clear(self) -> None:
        """Throw away what is still inside, of a line that was cut."""
        if self._stream is not None and self._inside:
            self._stream.clear()
        self._inside = False

    def close(self) -> None:
        """Give back the filter."""
        self._stream, self._rate, self._inside = None, 0, False

    def _through(self, pcm: bytes, *, last: bool) -> bytes:
        import numpy as np

        assert self._stream is not None
        self._inside = True
        return self._stream.resample_chunk(np.frombuffer(pcm, np.int16), last=last).tobytes()
