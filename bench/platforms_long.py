"""The figures of ``bench/platforms.py``, with a flood of a minute."""

from bench import Rows, go
from bench.platforms import LONG, measured


def run() -> Rows:
    return go(measured(LONG))
