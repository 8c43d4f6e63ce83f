"""Milliseconds from the decision to interrupt to the last sample written, and what comes after it, at 1 and 8 floors.

The floor is cut 0.2 to 1.6 s after the text came: while the brain writes, while the voice makes its first sound, and in
mid-speech. The outlet writes sound when it is due, as a device does. Counted is every piece handed over or written
within 0.5 s of the cut. The limit is a bare pipeline whose task is cancelled, in the same process, in turns.
"""

import asyncio
from random import Random

from bench import Row, Rows, go
from bench.floors import Turn, company
from bench.sink import Sink

CROWDS = {1: (1, 10), 8: (1, 6)}
"""Floors at once: rounds, and turns of each conversation in a round."""


async def _some_time(turn: Turn, sink: Sink) -> None:
    await asyncio.sleep(Random(turn.mark).uniform(0.2, 1.6))


async def _measure() -> Rows:
    rows: Rows = []
    for count, (rounds, turns) in CROWDS.items():
        async with company(count) as talkers:
            taken = await talkers.rounds(rounds, turns, _some_time)
        last: dict[str, list[float]] = {name: [] for name in talkers.contenders}
        late: dict[str, int] = dict.fromkeys(last, 0)
        for turn in taken:
            last[turn.contender].append(max((at - turn.cut for at in turn.late), default=0.0) * 1e3)
            late[turn.contender] += len(turn.late)
        name = f"interrupt, {count} floor{'s' if count > 1 else ''}"
        rows += [
            Row(f"{name}: decision to last sample, worst", "ms", max(last["ours"]), max(last["bare"]), 20),
            Row(f"{name}: pieces after the cut, of {len(last['ours'])} turns", "", late["ours"], late["bare"], 0),
        ]
    return rows


def run() -> Rows:
    return go(_measure())
