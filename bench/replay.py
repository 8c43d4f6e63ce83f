"""A recorded show of ten minutes, lived through again: how many times faster than it was.

The limit is the same virtual clock with nothing on it but as many timers as the log has entries.
"""

import asyncio
import sys
import time
from pathlib import Path

from bench import Row, Rows
from marotte.ops import runlog
from marotte.replay import replay
from marotte.time import VirtualLoop

RECORDING = Path(__file__).parents[1] / "tests" / "data" / "ten-minutes.jsonl.gz"


async def _timers(moments: list[float]) -> None:
    began = asyncio.get_running_loop().time()
    for moment in moments:
        await asyncio.sleep(began + moment - asyncio.get_running_loop().time())


def run() -> Rows:
    entries = list(runlog.read(RECORDING))
    began = time.monotonic()
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(_timers([entry.t for entry in entries]))
    bare = time.monotonic() - began
    began = time.monotonic()
    found = replay(RECORDING)
    took = time.monotonic() - began
    if found.difference is not None:
        print(found.difference, file=sys.stderr)
    return [
        Row("replay: times faster than the show was", "×", found.seconds / took, found.seconds / bare, 100.0, True),
        Row("replay: lines that differ", "", float(found.difference is not None), 0.0, 0.0),
    ]
