"""Who asks, and for which run: what every route depends on."""

from typing import Annotated, Any

import msgspec
from fastapi import Depends, HTTPException, Request, Response

from marotte.gateway.guard import Guard, Rights
from marotte.show import Run


def the_run(request: Request) -> Run:
    """Return the run that this server shows."""
    return request.app.state.run


def rights_of(request: Request) -> Rights:
    """Say who asks; raises 401 where the token opens nothing."""
    guard: Guard = request.app.state.guard
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    rights = guard.rights(token.strip() if scheme.lower() == "bearer" else "")
    if rights is None:
        guard.refused["token"] += 1
        raise HTTPException(401, "the token is wrong or missing", {"WWW-Authenticate": "Bearer"})
    return rights


def _operator(request: Request, rights: Annotated[Rights, Depends(rights_of)]) -> None:
    if rights != "operator":
        guard: Guard = request.app.state.guard
        guard.refused["rights"] += 1
        raise HTTPException(
            401,
            f"needs the operator's token as Authorization: Bearer; it is in {the_run(request).data / 'operator.token'}",
            {"WWW-Authenticate": "Bearer"},
        )


TheRun = Annotated[Run, Depends(the_run)]
TheRights = Annotated[Rights, Depends(rights_of)]
Operator = Depends(_operator)


def as_json(value: Any) -> Response:
    """Answer with what msgspec can write: structs, dictionaries, lists."""
    return Response(msgspec.json.encode(value), media_type="application/json")
