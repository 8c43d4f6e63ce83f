"""Puts one speaker's packets in order again, and says which are lost, without making anybody wait for long."""

HOLD = 0.1
"""Seconds that what came waits at most for what should have come before it."""
MOST = 25
"""Frames that may be missing in a row; after more than that something new begins, and nothing is made up for them."""
_SPAN = 1 << 16


class Jitter:
    """Holds what came too early; numbers are RTP's sequence numbers, which begin again after 65,535."""

    def __init__(self) -> None:
        self.lost = 0
        self._next = -1
        self._held: dict[int, tuple[float, bytes]] = {}

    def put(self, sequence: int, frame: bytes, now: float) -> None:
        """Take a frame that came ``now``; one that came before, or comes too late, is dropped."""
        if self._next < 0:
            self._next = sequence
        ahead = (sequence - self._next) % _SPAN
        if ahead >= _SPAN // 2:
            if _SPAN - ahead <= 10 * MOST:
                return
            self._begin(sequence)
        elif ahead > 10 * MOST:
            self._begin(sequence)
        self._held.setdefault(sequence, (now, frame))

    def take(self, now: float) -> list[bytes | None]:
        """Return the frames whose time has come, in order; None stands for one that is lost."""
        frames: list[bytes | None] = []
        while self._held:
            if (held := self._held.pop(self._next, None)) is not None:
                frames.append(held[1])
            elif now - min(came for came, _ in self._held.values()) < HOLD - 1e-6:
                break
            else:
                missing = self._missing()
                if missing > MOST:
                    self.lost += missing
                    self._next = (self._next + missing) % _SPAN
                    continue
                self.lost += 1
                frames.append(None)
            self._next = (self._next + 1) % _SPAN
        return frames

    def wait(self, now: float) -> float | None:
        """Return the seconds until something is given up that is missing; None where nothing is."""
        if not self._held:
            return None
        return max(0.0, min(came for came, _ in self._held.values()) + HOLD - now)

    def _missing(self) -> int:
        return min((sequence - self._next) % _SPAN for sequence in self._held)

    def _begin(self, sequence: int) -> None:
        self._held.clear()
        self._next = sequence
