"""``!count deaths +1``: counters that everybody may read and moderators change."""

import re
from collections.abc import Callable

from marotte.mind.pastimes.use import Answer, Rows, Use, or_back

KIND = "counter"
MOST = 1_000
_MOST_COUNT = 1_000_000_000
_LONGEST_NAME = 40
_CHANGE = re.compile(r"(?<!\S)(?:([+-])\s*(\d{0,9})|=\s*(-?\d{1,9}))$")
"""A sign within a word is a part of the name: ``covid-19``."""


class Counters:
    """Counts, by name."""

    def __init__(self, rows: Rows, fit: Callable[[str], str]) -> None:
        """``fit`` returns a viewer's words as they may be written."""
        self._rows = rows
        self._fit = fit
        self._counts: dict[str, int] = {}

    async def open(self) -> None:
        """Read how they stand."""
        self._counts = dict(await self._rows.tallies(KIND))

    def count(self, use: Use) -> Answer:
        """Tell how a counter stands, or change it."""
        change = _CHANGE.search(use.args)
        name = use.command.counter or use.args[: change.start() if change else None].strip().casefold()[:_LONGEST_NAME]
        if not name:
            known = ", ".join(map(self._fit, sorted(self._counts)[:20]))
            return use.no("counters_known", known=known) if known else use.no("counter_which")
        before = self._counts.get(name)
        called = name if use.command.counter else self._fit(name)
        if change is None or not use.steers:
            # A question, or a wish of somebody who may not: both are told how it stands.
            stands = f"{called}: {before or 0}" if before is not None or use.command.counter else ""
            return Answer(stands, count=before or 0) if stands else use.no("counter_none", counter=called)
        if before is None and len(self._counts) >= MOST:
            return use.no("counters_full", most=MOST)
        by = int(change[2] or 1) if change[1] else 0
        count = int(change[3]) if change[3] is not None else (before or 0) + (by if change[1] == "+" else -by)
        if abs(count) > _MOST_COUNT:
            return use.no("counter_far")
        self._counts[name] = count

        def back() -> None:
            if self._counts.get(name) != count:  # it has been changed since
                return
            if before is None:
                del self._counts[name]
            else:
                self._counts[name] = before

        keep = or_back(lambda: self._rows.keep_tally(KIND, name, count), back)
        return Answer(f"{called}: {count}", count=count, keep=keep)
