"""Who asks, and for which run: what every route depends on.

A route names the least role that may call it: ``Operator``, ``Moderator`` or ``Viewer`` among its ``dependencies``.
Whoever has no token, or a wrong one, is told 401; whose token is not enough 403. A changing call is written to the
audit log by the border, whatever becomes of it.
"""

from typing import Annotated, Any

import msgspec
from fastapi import Depends, HTTPException, Request, Response

from marotte.gateway.guard import Guard, Rights, Who
from marotte.show import Run


def the_run(request: Request) -> Run:
    """Return the run that this server shows."""
    return request.app.state.run


def the_guard(request: Request) -> Guard:
    """Return who decides on rights."""
    return request.app.state.guard


def who_asks(request: Request) -> Who:
    """Say who asks; raises 401 where nobody may come in without a token."""
    who: Who | None = request.state.who
    if who is None:
        raise _unknown(request, "the token is wrong or missing")
    return who


def rights_of(who: Annotated[Who, Depends(who_asks)]) -> Rights:
    """Say what whoever asks may do."""
    return who.rights


def _unknown(request: Request, message: str) -> HTTPException:
    the_guard(request).refused["token"] += 1
    return HTTPException(401, message, {"WWW-Authenticate": "Bearer"})


class _Needs:
    """Lets through whoever has one of some roles."""

    def __init__(self, *roles: Rights) -> None:
        self._roles = roles

    def __call__(self, request: Request, who: Annotated[Who, Depends(who_asks)]) -> None:
        if who.rights in self._roles:
            return
        least = self._roles[-1]
        if not who.id:
            file = the_run(request).data / "operator.token"
            raise _unknown(
                request, f"needs a token as Authorization: Bearer, a {least}'s at least; the operator's is in {file}"
            )
        the_guard(request).refused["rights"] += 1
        raise HTTPException(
            403, f"this is for {' and '.join(f'{role}s' for role in self._roles)}, not for a {who.rights}"
        )


TheRun = Annotated[Run, Depends(the_run)]
TheGuard = Annotated[Guard, Depends(the_guard)]
TheRights = Annotated[Rights, Depends(rights_of)]
TheWho = Annotated[Who, Depends(who_asks)]
"""Who asks: ``name`` is what the token is called, as edits and the audit log say it."""
Operator = Depends(_Needs("operator"))
Moderator = Depends(_Needs("operator", "moderator"))
Viewer = Depends(_Needs("operator", "moderator", "viewer"))


def as_json(value: Any) -> Response:
    """Answer with what msgspec can write: structs, dictionaries, lists."""
    return Response(msgspec.json.encode(value), media_type="application/json")
