"""Helix, Twitch's REST interface: its limit of points is kept, a token that has run out is renewed once.

https://dev.twitch.tv/docs/api/guide/#twitch-rate-limits, https://dev.twitch.tv/docs/api/reference
"""

import asyncio
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

import msgspec

from marotte.links.irc.message import clean
from marotte.links.link import Passing, Refused
from marotte.links.twitch.account import Account, Dismissed
from marotte.time import Clock

if TYPE_CHECKING:
    import aiohttp

WITHIN = 10.0
"""Seconds that an answer may take."""
LARGEST = 4_000_000
_RESERVE = 1
"""Points that are left alone, since requests that are on their way cost too."""
_MINUTE = 60.0
Query = Mapping[str, str] | Sequence[tuple[str, str]]


class Denied(Refused):
    """Helix says no."""

    def __init__(self, status: int, said: str) -> None:
        super().__init__(f"Twitch refuses: {said} ({status})")
        self.status, self.said = status, said


class Limited(Passing):
    """Something has been asked for too often."""


class Helix:
    """Asks Helix, in the name of the account that is signed in."""

    def __init__(
        self, base: str, client_id: str, account: Account, http: "aiohttp.ClientSession", clock: Clock
    ) -> None:
        self.points = ""
        """What is left of the points of this minute, in words."""
        self._base, self._client_id = base.rstrip("/"), client_id
        self._account, self._http, self._clock = account, http, clock
        self._left, self._full = 1 << 30, 0.0

    async def ask(self, method: str, path: str, query: Query = (), body: Any = None) -> dict[str, Any]:
        """Return the answer to a request. Raises Denied, Passing (Limited where that was asked too often)."""
        self._spend()
        try:
            for last in (False, True):
                token = await self._account.access()
                status, headers, said = await self._send(method, path, query, body, token)
                if status != 401 or last or "scope" in _message(said).lower():
                    break
                await self._account.renew(token)
        except Dismissed as error:
            raise Denied(401, str(error)) from None
        return self._read(status, headers, said)

    async def every(self, path: str, query: Mapping[str, str], pages: int = 20) -> list[Any]:
        """Return what is listed, page after page. Raises Denied, Passing."""
        found: list[Any] = []
        more = dict(query)
        for _ in range(pages):
            answer = await self.ask("GET", path, more)
            found += listed(answer)
            cursor = cast("Any", answer.get("pagination") or {})
            after = cast("dict[str, Any]", cursor).get("cursor") if isinstance(cursor, dict) else None
            if not isinstance(after, str) or not after:
                break
            more["after"] = after
        return found

    async def _send(
        self, method: str, path: str, query: Query, body: Any, token: str
    ) -> "tuple[int, Mapping[str, str], bytes]":
        import aiohttp

        headers = {"Authorization": f"Bearer {token}", "Client-Id": self._client_id}
        where = f"{self._base}/{path}"
        try:
            async with (
                asyncio.timeout(WITHIN),
                self._http.request(
                    method, where, params=query, json=body, headers=headers, allow_redirects=False
                ) as response,
            ):
                said = b""
                async for piece in response.content.iter_chunked(65_536):
                    said += piece
                    if len(said) > LARGEST:
                        raise Passing("Twitch answers with too much")
                return response.status, response.headers, said
        except TimeoutError:
            raise Passing(f"Twitch does not answer within {WITHIN:.0f} s") from None
        except (aiohttp.ClientError, OSError, RuntimeError) as error:  # RuntimeError: the link is hanging up
            raise Passing(f"Twitch cannot be reached: {type(error).__name__}") from None

    def _read(self, status: int, headers: Mapping[str, str], said: bytes) -> dict[str, Any]:
        self._count(headers)
        if status == 429:
            raise Limited(f"Twitch has had enough requests for now: {_message(said)}", self._wait())
        if status >= 500:
            raise Passing(f"Twitch has failed ({status})")
        if status >= 400:
            raise Denied(status, _message(said))
        try:
            found: Any = msgspec.json.decode(said) if said else {}
        except (msgspec.MsgspecError, ValueError, RecursionError):
            raise Passing("Twitch answers what nobody can read") from None
        return cast("dict[str, Any]", found) if isinstance(found, dict) else {}

    # --- points

    def _spend(self) -> None:
        """Count a request; where the points of this minute are spent, say for how long. Raises Limited."""
        wait = self._full - self._clock.wall()
        if self._left <= _RESERVE and wait > 0:
            raise Limited("the points that Twitch gives for a minute are spent", self._wait())
        self._left -= 1

    def _wait(self) -> float:
        """Return in how many seconds to ask again; at least something, at most a minute."""
        return min(_MINUTE, max(0.2, self._full - self._clock.wall())) if self._left <= _RESERVE else 0.2

    def _count(self, headers: Mapping[str, str]) -> None:
        limit, left = headers.get("Ratelimit-Limit", ""), headers.get("Ratelimit-Remaining", "")
        if left.isdecimal() and len(left) < 10:
            self._left = int(left)
            self.points = f"{left} of {limit[:9]} are left"
        reset = headers.get("Ratelimit-Reset", "")
        if reset.isdecimal() and len(reset) < 12:
            now = self._clock.wall()
            self._full = min(max(float(reset), now), now + _MINUTE)


def listed(answer: Mapping[str, Any]) -> list[Any]:
    """Return what an answer lists under ``data``."""
    data = answer.get("data")
    return cast("list[Any]", data) if isinstance(data, list) else []


def first(answer: Mapping[str, Any]) -> dict[str, Any]:
    """Return the first thing that an answer lists; {} where there is none."""
    data = listed(answer)
    return cast("dict[str, Any]", data[0]) if data and isinstance(data[0], dict) else {}


def _message(said: bytes) -> str:
    """Return why Helix says no, in one short line."""
    try:
        found: Any = msgspec.json.decode(said)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return "no reason is given"
    told: Any = cast("dict[str, Any]", found).get("message") if isinstance(found, dict) else ""
    return clean(" ".join(told.split()))[:200] if isinstance(told, str) and told else "no reason is given"
