"""The figures that Marotte promises, each beside the limit measured in the same run.

``python -m bench`` measures all of them, one script a figure, each in a process of its own. See ``bench/__main__.py``.
"""

import asyncio
import importlib
import statistics
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass

from marotte.time import new_loop


@dataclass(frozen=True)
class Row:
    """One figure: what we measured, the limit of the same run, and what must be reached."""

    figure: str
    unit: str
    ours: float
    limit: float | None = None
    """What physics, the bare library or the least possible program gives; None where zero is the limit."""
    target: float | None = None
    """None: shown, not promised."""
    least: bool = False
    """The target is the least that must be reached, not the most that may be taken."""

    @property
    def ok(self) -> bool | None:
        """Whether the target is reached; None where nothing is promised."""
        if self.target is None:
            return None
        return self.ours >= self.target if self.least else self.ours <= self.target


Rows = list[Row]


def median(values: Sequence[float]) -> float:
    return statistics.median(values)


def percentile(values: Sequence[float], part: float) -> float:
    """Return the value that ``part`` (0 to 1) of the values do not exceed: one of them, never between two."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(part * len(ordered)))]


def go(work: Coroutine[None, None, Rows]) -> Rows:
    """Run a figure's coroutine on the loop that the program itself uses."""
    with asyncio.Runner(loop_factory=new_loop) as loop:
        return loop.run(work)


def measure(name: str) -> Rows:
    """Measure a figure, which has a module of its name, in this process."""
    return importlib.import_module(f"bench.{name}").run()
