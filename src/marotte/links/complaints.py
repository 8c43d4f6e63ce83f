"""What a platform sends that nobody can read: counted, and named in the log as often as that can bear."""

import logging
from collections import Counter

from marotte.links.pace import Window
from marotte.time import Clock

log = logging.getLogger(__name__)

_MOST, _SECONDS = 20, 60.0
"""So many are named in so many seconds; all are counted."""


class Complaints:
    """Counts what cannot be read as ``malformed``, and says which it is."""

    def __init__(self, link: str, counted: Counter[str], clock: Clock) -> None:
        self._link, self._counted, self._clock = link, counted, clock
        self._named = Window(_MOST, _SECONDS)

    def add(self, what: str, why: str) -> None:
        """Count one, which was left out; ``what`` tells it from others, and is fit for a log."""
        self._counted["malformed"] += 1
        now = self._clock.now()
        if self._named.delay(now) == 0:
            self._named.note(now)
            log.warning("%s: %s cannot be read and is left out: %s", self._link, what, why[:200])
