"""The home network, which only ``marotte run --lan`` lets in."""

from pathlib import Path
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, HTTPException, Request, Response
from fastapi.responses import FileResponse
from pydantic import BaseModel, Field

from marotte.gateway.lan import Lan, NotPaired
from marotte.gateway.rest.access import Operator, TheGuard
from marotte.gateway.tokens import TokenError

router = APIRouter()
pages = APIRouter(include_in_schema=False)
"""These are there only with ``--lan``."""
_PAIR = Path(__file__).resolve().parents[1] / "pair"


def _maybe(request: Request) -> Lan | None:
    return request.app.state.lan


def _the_lan(lan: Annotated[Lan | None, Depends(_maybe)]) -> Lan:
    if lan is None:
        raise HTTPException(404, "only `marotte run --lan` lets other devices in by a code")
    return lan


TheLan = Annotated[Lan, Depends(_the_lan)]


class Device(BaseModel):
    """A device that wants to come in."""

    code: str = Field(max_length=20, description="the six digits that the operator sees")
    name: str = Field(min_length=1, max_length=60, description="what the device is called in the list of tokens")


@router.get("/lan", dependencies=[Operator])
async def lan(lan: Annotated[Lan | None, Depends(_maybe)]) -> dict[str, Any]:
    """Return where the home network finds the windows, and the code that lets the next device in.

    Where the program keeps to this machine, ``on`` is false, and nothing else is told. ``pairing`` is null while too
    many wrong codes have come.
    """
    if lan is None:
        return {"on": False}
    code, expires = lan.pairing.code()
    return {
        "on": True,
        "url": lan.url,
        "qr_svg": lan.svg(),
        "pairing": {"code": code, "expires": expires} if code else None,
        "authority": {"url": f"{lan.url}/ca.crt", "sha256": lan.authority.fingerprint},
    }


@router.post("/pair")
async def pair(lan: TheLan, guard: TheGuard, body: Device) -> dict[str, str]:
    """Let a device in by the code: its token opens talk windows and the stage, until the operator revokes it."""
    try:
        lan.pairing.check("".join(body.code.split()))
        _, token = guard.tokens.issue(body.name, "viewer")
    except NotPaired as refused:
        guard.refused["pairing"] += 1
        headers = {"Retry-After": str(round(refused.retry_after) or 1)} if refused.retry_after else None
        raise HTTPException(refused.status, str(refused), headers) from None
    except TokenError as error:
        raise HTTPException(409, str(error)) from None
    lan.pairing.used()
    return {"token": token, "role": "viewer"}


@pages.get("/ca.crt")
async def authority(lan: TheLan) -> Response:
    """Return the authority's certificate; devices that open it offer to trust it."""
    return Response(lan.authority.certificate, media_type="application/x-x509-ca-cert")


@pages.get("/pair")
async def page() -> Response:
    """Return the page on which a device gives its code."""
    return FileResponse(_PAIR / "index.html", headers={"cache-control": "no-cache"})


@pages.get("/pair/pair.{kind}")
async def parts(kind: Literal["js", "css"]) -> Response:
    """Return that page's script or its looks."""
    return FileResponse(_PAIR / f"pair.{kind}", headers={"cache-control": "no-cache"})
