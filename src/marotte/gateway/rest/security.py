"""Who may come in: tokens, and what was done with them."""

from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Query, Request, Response
from pydantic import BaseModel, Field

from marotte.gateway.border import address_of
from marotte.gateway.guard import Denied, Wait
from marotte.gateway.rest.access import Operator, TheGuard, as_json
from marotte.gateway.tokens import LONGEST_NAME, Role, TokenError

router = APIRouter()


class Key(BaseModel):
    """A token to try."""

    token: str = Field(min_length=1, max_length=500)


class NewToken(BaseModel):
    """A token to issue."""

    name: str = Field(min_length=1, max_length=LONGEST_NAME)
    """What it is called in the list and in the audit log: a person, a device, a program."""
    role: Role


@router.post("/login")
async def login(request: Request, guard: TheGuard, body: Key) -> dict[str, str]:
    """Say what a token opens. Nothing is set: whoever has a token sends it with each request."""
    try:
        who = guard.admit(body.token, address_of(request.scope), here=False)
    except Wait as wait:
        raise HTTPException(429, str(wait), {"Retry-After": str(round(wait.seconds) + 1)}) from None
    except Denied:
        guard.refused["token"] += 1
        raise HTTPException(401, "this token opens nothing", {"WWW-Authenticate": "Bearer"}) from None
    return {"role": who.rights, "name": who.name}


@router.get("/tokens", dependencies=[Operator])
async def tokens(guard: TheGuard) -> list[dict[str, Any]]:
    """Return the issued tokens, oldest first: whose, for what, since when, used when; never their secrets."""
    return list(guard.tokens.listed())


@router.post("/tokens", status_code=201, dependencies=[Operator])
async def issue(guard: TheGuard, body: NewToken) -> dict[str, str]:
    """Issue a token. Its secret is in this answer and nowhere else, ever."""
    try:
        id, secret = guard.tokens.issue(body.name, body.role)
    except TokenError as error:
        raise HTTPException(409, str(error)) from None
    return {"id": id, "token": secret}


@router.delete("/tokens/{id}", status_code=204, dependencies=[Operator])
async def revoke(guard: TheGuard, id: str) -> None:
    """Void a token at once, and close the windows that came in with it."""
    try:
        guard.tokens.revoke(id)
    except LookupError as error:
        raise HTTPException(404, str(error)) from None
    except TokenError as error:
        raise HTTPException(500, f"void until the next start only: {error}") from None


@router.get("/audit", dependencies=[Operator])
async def audit(guard: TheGuard, limit: Annotated[int, Query(ge=1, le=5_000)] = 200) -> Response:
    """Return what was changed, by whom and when, newest first."""
    return as_json(await guard.audit.newest(limit))
