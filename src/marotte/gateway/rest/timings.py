"""How long turns took, stage by stage, beside what they should take."""

from collections.abc import Iterable
from typing import Annotated, NamedTuple

import msgspec
from fastapi import APIRouter, Query, Response

from marotte.events import PUBLIC, Timings
from marotte.gateway.rest.access import TheRights, TheRun, Viewer, as_json
from marotte.store.rows import TurnRow

router = APIRouter()

TARGETS = {"recognition": 500, "answer": 1_000, "voice": 300, "all": 2_000}
"""Milliseconds that a stage should stay under."""
_BOUNDS = (25, 50, 100, 150, 200, 300, 400, 500, 750, 1_000, 1_500, 2_000, 3_000, 5_000, 10_000, 30_000)


class Histogram(msgspec.Struct):
    """How many turns took up to each bound; the last count is of those that took longer."""

    bounds_ms: tuple[int, ...]
    counts: list[int]


class Page(msgspec.Struct):
    """The newest turns first, and how their stages spread."""

    turns: list[TurnRow]
    histograms: dict[str, Histogram]
    targets: dict[str, int]


class Stages(NamedTuple):
    """Seconds that the stages of one turn took; -1 where one never came."""

    recognition: float
    """From the end of speech to its text."""
    waited: float
    """From the percept's arrival to the beginning of its turn."""
    answer: float
    """From there to the first sentence."""
    voice: float
    """From there to its first sample."""
    all: float
    """From the end of speech, or where nobody spoke the turn's beginning, to the first sample."""


def stages(timings: Timings) -> Stages:
    """Join a turn's timings to the stages that have targets."""
    line, sample = timings.first_line, timings.first_sample
    return Stages(
        recognition=timings.recognised,
        waited=timings.waited,
        answer=line,
        voice=sample - line if sample >= 0 and line >= 0 else -1.0,
        all=max(0.0, timings.recognised) + sample if sample >= 0 else -1.0,
    )


def histogram(seconds: Iterable[float]) -> Histogram:
    """Count what took how long; what never came is left out."""
    counts = [0] * (len(_BOUNDS) + 1)
    for took in seconds:
        if took >= 0:
            counts[sum(took * 1_000 > bound for bound in _BOUNDS)] += 1
    return Histogram(_BOUNDS, counts)


@router.get("/timings", dependencies=[Viewer])
async def timings(run: TheRun, rights: TheRights, limit: Annotated[int, Query(ge=1, le=1_000)] = 200) -> Response:
    """Return the last turns with their stages, and how these spread; private floors' are for the operator alone."""
    turns = await run.store.recent_turns(limit, None if rights == "operator" else PUBLIC)
    took = [stages(turn.timings) for turn in turns]
    spread = {name: histogram(getattr(of, name) for of in took) for name in Stages._fields}
    return as_json(Page(turns, spread, TARGETS))
