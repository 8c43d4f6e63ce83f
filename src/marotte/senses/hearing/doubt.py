"""Doubt that a sound is speech: a radio or a busy kitchen is no reason to fall silent at every noise."""

from marotte.time import Clock

SPEECHES = 3
"""So many in a row of which came no word make the next doubtful."""
LASTS = 60.0
"""Seconds after the last of them in which there is still doubt."""


class Doubt:
    """Remembers of one microphone whether words have come of what a detector took for speech."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._wordless = 0
        self._last = 0.0

    @property
    def doubts(self) -> bool:
        """Whether what sounds like speech is only believed to be once words come of it."""
        return self._wordless >= SPEECHES and self._clock.now() - self._last < LASTS

    def understood(self, text: str) -> None:
        """An ear has heard a speech, or a part of one that has words, and understood this."""
        self._wordless = 0 if text.strip() else self._wordless + 1
        self._last = self._clock.now()
