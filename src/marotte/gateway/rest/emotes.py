"""Emotes: which words are drawn as pictures, and what became of the sets that the show names."""

from fastapi import APIRouter, Request, Response

from marotte.gateway.rest.access import TheRights, TheRun, as_json

router = APIRouter()


@router.get("/emotes")
async def emotes(run: TheRun, rights: TheRights, request: Request) -> Response:
    """Return where the picture of each emote is found, by its name, and what became of each set."""
    privy = rights in ("operator", "moderator")
    mark = f'"{run.id}-{run.emotes.version}-{privy:d}"'
    headers = {"etag": mark, "cache-control": "private, no-cache"}
    if request.headers.get("if-none-match") == mark:
        return Response(status_code=304, headers=headers)
    answer = as_json(
        {"names": run.emotes.names(), "sets": [each._asdict() for each in run.emotes.sets] if privy else []}
    )
    answer.headers.update(headers)
    return answer
