"""``marotte token``: lists, issues and revokes tokens, through the run that lives or, where none does, in its file."""

import json
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

from marotte.gateway.running import alone, running
from marotte.gateway.tokens import Role, TokenError, Tokens


def listed(data: Path, secrets: Mapping[str, str]) -> list[dict[str, Any]]:
    """Return the issued tokens, oldest first. Raises TokenError, as all of these do."""
    address = running(data)
    if address is not None:
        return _call(address.url, data, secrets, "GET", "")
    return list(_kept(data).listed())


def issue(data: Path, secrets: Mapping[str, str], name: str, role: Role) -> str:
    """Issue a token and return its secret."""
    address = running(data)
    if address is not None:
        return _call(address.url, data, secrets, "POST", "", {"name": name, "role": role})["token"]
    with alone(data):
        return _kept(data).issue(name, role)[1]


def revoke(data: Path, secrets: Mapping[str, str], id: str) -> None:
    """Void a token."""
    address = running(data)
    if address is not None:
        _call(address.url, data, secrets, "DELETE", "/" + quote(id, safe=""))
        return
    with alone(data):
        try:
            _kept(data).revoke(id)
        except LookupError as error:
            raise TokenError(str(error)) from None


def table(tokens: list[dict[str, Any]]) -> str:
    """Draw tokens as lines of text."""
    rows = [("ID", "ROLE", "CREATED", "LAST USED", "NAME")]
    rows += [(t["id"], t["role"], _day(t["created"]), _day(t["used"]), t["name"]) for t in tokens]
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    return "\n".join(
        "  ".join((*(cell.ljust(w) for cell, w in zip(row, widths, strict=False)), row[4])) for row in rows
    )


def _day(at: float | None) -> str:
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(at)) if at else "never"


def _kept(data: Path) -> Tokens:
    return Tokens(data / "tokens.json", time.time)


def _call(
    url: str, data: Path, secrets: Mapping[str, str], method: str, path: str, body: dict[str, str] | None = None
) -> Any:
    """Ask the run that lives on this machine, with the operator's token."""
    token, file = secrets.get("MAROTTE_TOKEN", ""), data / "operator.token"
    try:
        token = token or file.read_text("ascii").strip()
        request = urllib.request.Request(  # noqa: S310 - the address is our own, from a file of ours
            f"{url}/api/v1/tokens{path}",
            json.dumps(body).encode() if body else None,
            {"content-type": "application/json", "authorization": f"Bearer {token}"},
            method=method,
        )
        # Past any proxy: it is this machine that is asked, and the token is for nobody else.
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(request, timeout=10) as response:
            return json.loads(response.read() or b"null")
    except urllib.error.HTTPError as error:
        raise TokenError(_detail(error)) from None
    except (OSError, ValueError) as error:
        raise TokenError(f"{url}: {error}") from None


def _detail(error: urllib.error.HTTPError) -> str:
    try:
        return str(json.loads(error.read(2_000))["detail"])
    except (ValueError, KeyError, TypeError):
        return f"{error.code} {error.reason}"
