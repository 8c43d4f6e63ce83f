"""Moderation: what it stopped and why, the word lists, and a place to try them."""

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Query, Response
from pydantic import BaseModel, Field

from marotte.gateway.rest.access import Moderator, TheRun, as_json
from marotte.mind.moderation import Rules
from marotte.mind.word_lists import MOST_WORDS
from marotte.show import Run
from marotte.text.language import detect

router = APIRouter()


class Words(BaseModel):
    """Words of one's own in a list."""

    words: list[Annotated[str, Field(max_length=500)]] = Field(max_length=2 * MOST_WORDS)


class Tried(BaseModel):
    """A text to try."""

    text: str = Field(max_length=5_000)
    language: str = Field(default="", max_length=20)
    """The language in which it would be said; found from the text where it is not given."""


@router.get("/moderation/log", dependencies=[Moderator])
async def stopped_lines(
    run: TheRun,
    offset: Annotated[int, Query(ge=0, le=10_000_000)] = 0,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
) -> Response:
    """Return the lines that were stopped, newest first; what was said instead is known of the last fifty."""
    total, rows = await run.store.stopped_lines(offset, limit)
    lines: list[dict[str, Any]] = []
    for row in rows:
        recent = run.stopped.get(row["line"])
        more = {"substitute": recent.substitute, "until": recent.until} if recent else {"substitute": "", "until": 0.0}
        lines.append({**row, **more})
    return as_json({"total": total, "lines": lines})


@router.get("/moderation/lists", dependencies=[Moderator])
async def lists(run: TheRun) -> Response:
    """Return every word in force, by list, and which of them are one's own; ``allow`` is never stopped."""
    return as_json({"lists": run.moderator.rules.words, "own": run.words.lists})


@router.put("/moderation/lists/{name}", status_code=204, dependencies=[Moderator])
async def set_list(run: TheRun, name: str, body: Words) -> None:
    """Take other words of one's own into a list, from the next line on; a mistake is told with its word."""
    try:
        changed = run.words.changed(name, body.words)
    except ValueError as error:
        raise HTTPException(422, str(error)) from None
    await _go_by(run, name, changed.get(name, ()))


@router.post("/moderation/undo", status_code=204, dependencies=[Moderator])
async def undo(run: TheRun) -> None:
    """Take back the last change of a list of one's own."""
    last = run.words.last
    if last is None:
        raise HTTPException(409, "there is nothing to undo: no list was changed since the program was started")
    await _go_by(run, *last, undone=True)


async def _go_by(run: Run, name: str, words: tuple[str, ...], *, undone: bool = False) -> None:
    """Compile first, aside, so that nobody waits for it; then keep the words and go by them."""
    before, show = run.words.last, run.show
    own = {**run.words.lists, name: words}
    rules = await asyncio.to_thread(Rules, show.moderation, show.character.never, own)
    if run.words.last is not before or run.show is not show:
        raise HTTPException(409, "somebody else changed the lists just now: look at them, and try again")
    try:
        if undone:
            run.words.undo()
        else:
            run.words.keep(name, words)
    except OSError as error:
        raise HTTPException(507, f"the list cannot be kept: {error.strerror}") from None
    run.moderator.rules = rules
    run.orders.note("words", (name, list(words)))


@router.post("/moderation/try", dependencies=[Moderator])
async def judge(run: TheRun, body: Tried) -> dict[str, dict[str, str]]:
    """Tell why a text would not be said, and why it would not be read in a chat; "" where it would."""
    languages = run.show.character.languages
    language = body.language or detect(body.text, languages, languages[0])
    return {
        "said": {"reason": run.moderator.judge(body.text, language)},
        "read": {"reason": run.moderator.unread(body.text)},
    }
