"""Brings what voices make to the rate of the floors."""

from typing import TYPE_CHECKING

from marotte.engines.kinds import Sound
from marotte.events import SAMPLE_RATE

if TYPE_CHECKING:
    import soxr  # pyright: ignore[reportMissingTypeStubs]


class Resampler:
    """Brings the pieces of a line to 48 kHz without a seam; a voice may change its rate within a line."""

    def __init__(self) -> None:
        self._rate = 0
        self._stream: soxr.ResampleStream | None = None

    def take(self, sound: Sound) -> bytes:
        """Return what can be said at 48 kHz so far."""
        before = b""
        if sound.rate != self._rate:
            before = self.rest()
            self._rate = sound.rate
            if sound.rate != SAMPLE_RATE:
                import soxr  # pyright: ignore[reportMissingTypeStubs]

                self._stream = soxr.ResampleStream(sound.rate, SAMPLE_RATE, 1, dtype="int16", quality="MQ")
        return before + (self._through(sound.pcm, last=False) if self._stream else sound.pcm)

    def rest(self) -> bytes:
        """Return what is still inside."""
        rest = self._through(b"", last=True) if self._stream else b""
        self._stream, self._rate = None, 0
        return rest

    def _through(self, pcm: bytes, *, last: bool) -> bytes:
        import numpy as np

        assert self._stream is not None
        return self._stream.resample_chunk(np.frombuffer(pcm, np.int16), last=last).tobytes()
