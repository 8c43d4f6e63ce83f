"""Where a floor's lines sound, by numbers that a replay shares."""

from collections import OrderedDict, deque

_WRITTEN = 200
"""So many lines that were written last may begin to sound."""
_SOUNDED = 1_000
"""So many lines are remembered; an outlet reports on those that it played last."""


class LinePlaces:
    """Counts lines as they are written, which is the same in a run and its replay.

    What begins to sound is not: a line that is placed just before everything falls silent may come too late in one.
    """

    def __init__(self) -> None:
        self._count = 0
        self._numbers: OrderedDict[str, int] = OrderedDict()
        self._starts: deque[tuple[int, int]] = deque(maxlen=_SOUNDED)
        """Numbers and samples at which they start, in their order."""

    def written(self, line: str) -> None:
        """A line was written."""
        self._numbers[line] = self._count
        self._count += 1
        if len(self._numbers) > _WRITTEN:
            self._numbers.popitem(last=False)

    def started(self, line: str, sample: int) -> None:
        """A line begins to sound there; where nothing of it was heard before all fell silent, it begins once more."""
        number = self._numbers.get(line)
        if number is None:
            return
        if self._starts and self._starts[-1][0] == number:
            self._starts.pop()
        self._starts.append((number, sample))

    def playing(self, sample: int) -> tuple[int, int] | None:
        """Return the number of the line at a sample, and where that starts; None before the first."""
        return next((start for start in reversed(self._starts) if start[1] <= sample), None)

    def start(self, number: int) -> int | None:
        """Return where a line starts; None where it has not begun."""
        return next((sample for known, sample in reversed(self._starts) if known == number), None)
