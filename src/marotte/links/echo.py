"""Takes the loudspeaker's sound out of what the microphone hears: WebRTC's canceller out of LiveKit's wheel (``echo``).

See https://docs.livekit.io/reference/python/livekit/rtc/apm.html: it takes 10 ms at a time, first what the loudspeaker
is given, then what the microphone heard.
"""

from typing import Any

from marotte.events import SAMPLE_RATE

WARM_UP = 2.0
"""Seconds of the loudspeaker's sound after which it knows the room."""
_FRAME = 2 * SAMPLE_RATE // 100


class Canceller:
    """Learns how the loudspeaker sounds in one microphone, and takes that out; a partner's voice stays."""

    def __init__(self) -> None:
        """Raises ImportError without the library ``livekit``; blocks for some 0.3 s the first time."""
        from livekit import rtc

        self._frame: Any = rtc.AudioFrame
        self._module: Any = rtc.AudioProcessingModule(echo_cancellation=True, high_pass_filter=True)
        self._to_learn = round(2 * WARM_UP * SAMPLE_RATE)

    @property
    def warm(self) -> bool:
        """Whether it has heard enough of the loudspeaker to be relied on."""
        return self._to_learn <= 0

    def plays(self, pcm: bytes) -> None:
        """Take what the loudspeaker is given: 48 kHz mono 16-bit sound in whole frames of 10 ms."""
        if pcm.count(0) < len(pcm):
            self._to_learn -= len(pcm)
        for start in range(0, len(pcm), _FRAME):
            self._module.process_reverse_stream(self._as_frame(pcm[start : start + _FRAME]))

    def clean(self, pcm: bytes, delay: float) -> bytes:
        """Return what the microphone heard, likewise, without the loudspeaker.

        ``delay``: seconds from ``plays`` to the return of that sound to here, as far as the drivers know.
        """
        cleaned = bytearray()
        for start in range(0, len(pcm), _FRAME):
            frame = self._as_frame(pcm[start : start + _FRAME])
            self._module.set_stream_delay_ms(min(500, max(0, round(1_000 * delay))))
            self._module.process_stream(frame)
            cleaned += bytes(frame.data)
        return bytes(cleaned)

    def _as_frame(self, pcm: bytes) -> Any:
        return self._frame(bytearray(pcm), SAMPLE_RATE, 1, _FRAME // 2)
