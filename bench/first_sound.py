"""Milliseconds from a text to the first sound, beyond what brain and voice themselves take, at 1, 8 and 32 floors.

Scripted providers over HTTP, in a process of their own (see ``bench/providers.py``), stamp when the first sentence was
sent whole and when the first sound was sent. The ideal is the sum of these two times; the overhead of a turn is what it
took more, from the text's coming (the end of speech recognition) to the first sound's being handed to the outlet. All
floors live in one process; the limit is a pipeline of 50 lines (``bench/bare.py``) in the same process, in turns. Each
turn sounds for 0.4 to 0.7 s and is then cut; the first of each conversation is dropped. The conversations of a round
start within 1.5 s, which is harsh: their bursts meet.
"""

import asyncio
from random import Random

from bench import Row, Rows, go, median, percentile
from bench.floors import Company, Turn, company
from bench.providers import MARK
from bench.sink import Sink

CROWDS = {1: (4, 4), 8: (2, 3), 32: (2, 3)}
"""Floors at once: rounds, and turns of each conversation in a round."""
MEDIANS = {1: 6.0, 8: 6.0, 32: 8.0}
P95 = 15.0


async def _some_sound(turn: Turn, sink: Sink) -> None:
    await sink.first()
    await asyncio.sleep(Random(turn.mark).uniform(0.4, 0.7))


async def overheads(company: Company, turns: list[Turn]) -> dict[str, list[float]]:
    """Return each contender's overheads in milliseconds."""
    stamps: dict[str, dict[str, dict[str, float]]] = {}
    for asked in await company.requests():
        text = asked["body"].get("input") or asked["body"]["messages"][-1]["content"]
        if marks := MARK.findall(text):
            stamps.setdefault(marks[-1].lower(), {}).setdefault(asked["route"], {**asked, **asked["body"]})
    found: dict[str, list[float]] = {name: [] for name in company.contenders}
    for turn in turns:
        chat, speech = stamps[turn.mark]["chat"], stamps[turn.mark]["speech"]
        ideal = chat["sentence"] - chat["at"] + speech["first"] - speech["at"]
        found[turn.contender].append((turn.first - turn.asked - ideal) * 1e3)
    return found


async def _measure() -> Rows:
    rows: Rows = []
    for count, (rounds, turns) in CROWDS.items():
        async with company(count) as talkers:
            found = await overheads(talkers, await talkers.rounds(rounds, turns, _some_sound))
        ours, bare = found["ours"], found["bare"]
        name = f"first sound over the ideal, {count} floor{'s' if count > 1 else ''}"
        rows += [
            Row(f"{name}: median", "ms", median(ours), median(bare), MEDIANS[count]),
            Row(f"{name}: p95", "ms", percentile(ours, 0.95), percentile(bare, 0.95), P95),
        ]
    return rows


def run() -> Rows:
    return go(_measure())
