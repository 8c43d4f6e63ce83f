"""What is remembered: facts of every floor, their history, and a floor's memory cleared."""

from typing import Annotated

from fastapi import APIRouter, HTTPException, Path, Query, Response
from pydantic import BaseModel, Field

from marotte.gateway.rest.access import Operator, TheRun, TheWho, as_json
from marotte.store.memories import LONGEST_FACT

router = APIRouter()
_Id = Annotated[int, Path(ge=0, lt=2**63)]


class Said(BaseModel):
    """One sentence about a viewer."""

    text: str = Field(min_length=1, max_length=LONGEST_FACT, pattern=r"\S")


@router.get("/facts", dependencies=[Operator])
async def find(
    run: TheRun,
    q: Annotated[str, Query(max_length=200, description="words, the last of which may be cut short")] = "",
    scope: Annotated[str, Query(max_length=200, description="the floor on which it is known")] = "",
    viewer: Annotated[str, Query(max_length=500)] = "",
    offset: Annotated[int, Query(ge=0, le=10_000_000)] = 0,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> Response:
    """Return what is remembered, newest first; of a search no more than 10,000 are counted."""
    total, found = await run.store.find_facts(q, scope, viewer, offset=offset, limit=limit)
    return as_json({"total": total, "facts": found})


@router.put("/facts/{fact}", status_code=204, dependencies=[Operator])
async def edit(run: TheRun, who: TheWho, fact: _Id, body: Said) -> None:
    """Put other words in the place of a fact's; the old ones stay in its history."""
    if not await run.store.edit_fact(fact, body.text.strip(), who.name):
        raise _unknown(fact)


@router.delete("/facts/{fact}", status_code=204, dependencies=[Operator])
async def forget(run: TheRun, fact: _Id) -> None:
    """Forget a fact and its history."""
    if not await run.store.forget_fact(fact):
        raise _unknown(fact)


@router.get("/facts/{fact}/history", dependencies=[Operator])
async def history(run: TheRun, fact: _Id) -> Response:
    """Return how a fact was edited, newest first."""
    found = await run.store.fact_history(fact)
    return as_json([{"at": e.at, "by": e.by, "before": e.before, "after": e.after} for e in found])


@router.delete("/floors/{name}/memory", dependencies=[Operator])
async def clear(run: TheRun, name: str) -> dict[str, int]:
    """Clear a floor's memory, whether it is open or not: what was said there, what was learnt, what it has in mind."""
    open_floor = run.floors.get(name)
    deleted = await (open_floor.memory.clear() if open_floor else run.store.clear_floor(name))
    for line in [line for line, stopped in run.stopped.items() if stopped.floor == name]:
        del run.stopped[line]
    return {"deleted": deleted}


def _unknown(fact: int) -> HTTPException:
    return HTTPException(404, f"there is no fact {fact}")
