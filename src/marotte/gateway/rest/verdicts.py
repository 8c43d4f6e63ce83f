"""Verdicts on people: what was decided and why, undoing it, suggestions, doing it by hand, and a place to try it."""

from typing import Annotated, Any, Literal

import msgspec
from fastapi import APIRouter, HTTPException, Path, Query, Response
from pydantic import BaseModel, Field

from marotte.config_people import LONGEST_TIMEOUT
from marotte.events import Viewer
from marotte.gateway.rest.access import Moderator, TheRun, TheWho, as_json
from marotte.mind.verdicts import LONGEST_REASON, Laid
from marotte.store.verdicts import LONGEST_APPEAL, State, VerdictRow

router = APIRouter(dependencies=[Moderator])
_Id = Annotated[str, Path(min_length=1, max_length=300)]
_Name = Annotated[str, Field(max_length=300)]


class ByHand(BaseModel):
    """Something that is laid on a viewer by hand, or lifted: ``allow``."""

    viewer: str = Field(min_length=3, max_length=300)
    """Their id, as the list of viewers has it: ``twitch:123456``."""
    link: str = Field(min_length=1, max_length=100)
    """The link that carries it out, by its name in the show."""
    action: Laid
    reason: str = Field(default="", max_length=LONGEST_REASON)
    seconds: float = Field(default=0, ge=0, le=LONGEST_TIMEOUT)
    """How long a timeout lasts."""
    name: _Name = ""
    channel: _Name = ""
    source: _Name = ""
    """The message that is deleted, or of those that are held back let through, as its platform names it."""


class Appealed(BaseModel):
    """What somebody says against a verdict; an empty text removes it."""

    text: str = Field(max_length=LONGEST_APPEAL)


class Tried(BaseModel):
    """A text, and who is to have written it."""

    text: str = Field(max_length=5_000)
    viewer: _Name = ""
    roles: list[Literal["operator", "moderator", "vip", "subscriber"]] = Field(default=[], max_length=4)
    first: bool = False
    """Whether it is their first message ever."""


@router.get("/verdicts")
async def find(
    run: TheRun,
    state: State | Literal[""] = "",
    action: Laid | Literal[""] = "",
    viewer: Annotated[str, Query(max_length=300, description="an id, or any part of a name")] = "",
    by: Annotated[str, Query(max_length=100, description="program, character, or the name of a token")] = "",
    appealed: bool = False,
    offset: Annotated[int, Query(ge=0, le=10_000_000)] = 0,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
) -> Response:
    """Return the verdicts of this kind, newest first, each with its evidence; how many there are of each state."""
    wanted: dict[str, Any] = {"state": state, "action": action, "viewer": viewer, "by": by, "appealed": appealed}
    total, rows = await run.store.find_verdicts(**wanted, offset=offset, limit=limit)
    people = run.show.moderation.people
    return as_json(
        {
            "total": total,
            "verdicts": [_shown(row) for row in rows],
            "states": await run.store.verdict_counts(),
            "on": people.on,
            "rehearse": people.rehearse,
            "appeal": people.appeal.text,
            "links": [name for name in run.platforms.links if not run.platforms.cannot_judge(name)],
        }
    )


@router.get("/held")
async def held(run: TheRun) -> Response:
    """Return what platforms' own filters held back of late, newest first, and what became of it."""
    return as_json(run.held.newest())


@router.post("/verdicts", status_code=201)
async def lay(run: TheRun, who: TheWho, body: ByHand) -> Response:
    """Lay something on a viewer by hand, or lift it; it is done even where the program only rehearses."""
    if (body.action == "timeout") != (body.seconds >= 1):
        raise HTTPException(422, "seconds: a timeout needs 1 at least, and nothing else has any")
    if body.action == "delete" and not body.source:
        raise HTTPException(422, "source: which message is to go?")
    if body.action == "allow" and body.source and not run.held.undecided(body.link, body.source):
        raise HTTPException(409, "this message is not held back, or no longer: somebody else was quicker")
    known = await run.store.viewer(body.viewer)
    platform = known.platform if known else body.viewer.partition(":")[0]
    name = run.moderator.named(body.name or (known.name if known else ""), run.show.character.languages[0])
    try:
        row = await run.verdicts.lay(
            Viewer(id=body.viewer, name=name, platform=platform),
            body.link,
            body.action,
            who.name,
            reason=body.reason.strip() or "A moderator decided it",
            seconds=body.seconds,
            channel=body.channel,
            source=body.source,
        )
    except ValueError as error:
        raise HTTPException(409, str(error)) from None
    answer = as_json(_shown(row))
    answer.status_code = 201
    return answer


@router.post("/verdicts/try")
async def judge(run: TheRun, body: Tried) -> Response:
    """Judge a text by itself as if a viewer wrote it: nothing is done, and nothing of it is kept."""
    viewer = Viewer(id=body.viewer or "nobody", name="", roles=tuple(body.roles))
    found = run.verdicts.judge.tried(body.text, viewer, first=body.first)
    return as_json({**msgspec.to_builtins(found), "reason": found.reason})


@router.post("/verdicts/{verdict:path}/undo")
async def undo(run: TheRun, who: TheWho, verdict: _Id) -> Response:
    """Undo a verdict: a timeout or ban is lifted, and its viewer is let alone from now on."""
    try:
        lift = await run.verdicts.undo(verdict, who.name)
    except (LookupError, ValueError) as error:
        raise _refused(error) from None
    return as_json({"lifted": lift is not None})


@router.post("/verdicts/{verdict:path}/accept")
async def accept(run: TheRun, who: TheWho, verdict: _Id) -> Response:
    """Act on a suggestion, or on what was only rehearsed."""
    try:
        return as_json(_shown(await run.verdicts.accept(verdict, who.name)))
    except (LookupError, ValueError) as error:
        raise _refused(error) from None


@router.post("/verdicts/{verdict:path}/dismiss", status_code=204)
async def dismiss(run: TheRun, who: TheWho, verdict: _Id) -> None:
    """Do nothing about a suggestion."""
    try:
        await run.verdicts.dismiss(verdict, who.name)
    except (LookupError, ValueError) as error:
        raise _refused(error) from None


@router.put("/verdicts/{verdict:path}/appeal", status_code=204)
async def appeal(run: TheRun, verdict: _Id, body: Appealed) -> None:
    """Note what somebody says against a verdict; an empty text removes the note."""
    if not await run.store.note_appeal(verdict, body.text.strip()):
        raise HTTPException(404, f"there is no verdict {verdict[:100]!r}")


def _refused(error: Exception) -> HTTPException:
    return HTTPException(404 if isinstance(error, LookupError) else 409, str(error))


def _shown(row: VerdictRow) -> dict[str, Any]:
    """Return a row with its evidence as it was found."""
    shown: dict[str, Any] = msgspec.to_builtins(row)
    return {**shown, "evidence": msgspec.json.decode(row.evidence or "{}")}
