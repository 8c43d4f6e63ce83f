"""What engines behind HTTP share: requests, refusals in plain words, and server-sent events."""

import asyncio
import json
import re
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any, ClassVar, cast

from pydantic import Field

from marotte.config import Url
from marotte.engines.kinds import EngineError, EngineSettings, EngineUnavailable, EngineUnsuited, Kit

if TYPE_CHECKING:
    import aiohttp

LARGEST_ERROR = 16_384
"""Bytes read of what a server says when it refuses."""
LARGEST_LINE = 1_000_000
"""Bytes of one line of a stream, or of a whole answer where a server does not stream."""
_GOODBYE = 0.05
"""Seconds in which a server must end its answer after the last event."""


class HttpSettings(EngineSettings):
    """Which server, and where its key is found."""

    url: Url
    secret: str = Field(default="", pattern=r"^([A-Z][A-Z0-9_]*(_KEY|_TOKEN|_SECRET|_PASSWORD|_PASS))?$")
    """Name of the environment variable with the key."""


class Server:
    """One server behind HTTP: sends requests and tells in plain words why it refuses."""

    declined: ClassVar[re.Pattern[bytes] | None] = None
    """What is found in an error where a filter has stopped a request: the model is well and will answer others."""

    def __init__(
        self, name: str, url: str, kit: Kit, secret: str = "", header: str = "Authorization", scheme: str = "Bearer "
    ) -> None:
        """``name`` is for error messages; the key that ``secret`` names goes into ``header``, behind ``scheme``."""
        self.name = name
        self.url = url.rstrip("/")
        self._secret = secret
        self._header, self._scheme = header, scheme
        self._kit = kit

    async def warm(self) -> None:
        """Load the HTTP library and open the session, so that the first request need not."""
        self._kit.http()

    def missing(self) -> str:
        """Say what is missing for it to work, or "": the key, where the settings name one."""
        return f"{self.url} wants a key: {self._hint}" if self._secret and not self.key else ""

    @property
    def _hint(self) -> str:
        return f"set {self._secret}" if self._secret else "name its variable in secret"

    @property
    def key(self) -> str:
        """The server's key, or ""."""
        return self._kit.secrets.get(self._secret, "")

    @asynccontextmanager
    async def post(
        self, path: str, headers: Mapping[str, str] | None = None, **body: Any
    ) -> "AsyncGenerator[aiohttp.ClientResponse]":
        """Send a request (``json=`` or ``data=``) and give its answer; see ``request``."""
        async with self.request("POST", path, headers, **body) as response:
            yield response

    @asynccontextmanager
    async def request(
        self, method: str, path: str, headers: Mapping[str, str] | None = None, **body: Any
    ) -> "AsyncGenerator[aiohttp.ClientResponse]":
        """Send a request and give its answer; leaving early closes the connection at once.

        Raises EngineUnavailable where the server cannot be reached or refuses, EngineError where the connection breaks
        while it answers.
        """
        import aiohttp

        try:
            sent = {**self.headers(), **(headers or {})}
            response = await self._kit.http().request(
                method, f"{self.url}/{path}", headers=sent, allow_redirects=False, **body
            )
        except aiohttp.ClientError as error:
            raise EngineUnavailable(f"{self.name}: {self.url} cannot be reached: {self.clean(error)}") from None
        try:
            if response.status != 200:
                raise self.refusal(response.status, response.headers, await _said(response))
            yield response
        except aiohttp.ClientError as error:
            raise EngineError(f"{self.name}: the connection broke while it answered: {self.clean(error)}") from None
        finally:
            response.close()

    async def complaint(self, response: "aiohttp.ClientResponse") -> str:
        """Read what a server says where it should have answered, in at most 300 characters."""
        return self.message(await _said(response))

    def declines(self, said: bytes) -> bool:
        """Say whether an error tells that this very request is declined, and not that anything has failed."""
        return bool(self.declined and self.declined.search(said))

    def refusal(self, status: int, headers: Mapping[str, str], said: bytes) -> EngineUnavailable:
        """Say in plain words why the server refuses; ``said`` is the body of its answer."""
        if self.declines(said):
            return EngineUnsuited(f"{self.name}: {self.url} declines this request ({status}): {self.message(said)}")
        return self.refused(status, headers, self.message(said))

    def message(self, said: bytes) -> str:
        """Take the message out of an error body: OpenAI's own shape, FastAPI's, one within the other, or any text."""
        try:
            found: Any = json.loads(said)
        except (ValueError, RecursionError):
            return self.clean(said.decode("utf-8", "replace"))
        for key in ("detail", "message", "error", "message"):
            if isinstance(found, dict):
                found = cast("dict[str, Any]", found).get(key, cast("Any", found))
        if isinstance(found, list) and found:
            return self.clean("; ".join(_mistake(mistake) for mistake in cast("list[Any]", found)))
        return self.clean(cast("Any", found))

    def clean(self, text: object) -> str:
        """Return a text fit for an error message: one line, short, without the key."""
        line = " ".join(str(text).split())
        return (line.replace(self.key, "…") if self.key else line)[:300]

    def headers(self) -> dict[str, str]:
        """Return the headers that a request needs: the key, where there is one."""
        return {self._header: self._scheme + self.key} if self.key else {}

    def refused(self, status: int, headers: Mapping[str, str] | None, complaint: str = "") -> EngineUnavailable:
        """Say in plain words why the server refuses, and for how long it wants to be left alone."""
        wait = (headers or {}).get("Retry-After", "")
        if status in (401, 403):
            reason = f"does not accept the key in {self._secret}" if self.key else f"wants a key: {self._hint}"
        elif status == 404:
            reason = "knows no such path or model"
        elif status == 429:
            reason = "has had enough requests for now" + (f"; it may be asked again in {wait[:40]} s" if wait else "")
        elif status >= 500:
            reason = "has failed"
        else:
            reason = "refuses the request"
        told = f"{self.name}: {self.url} {reason} ({status})"
        return EngineUnavailable(f"{told}: {complaint}" if complaint else told, _seconds(wait))


async def _said(response: "aiohttp.ClientResponse") -> bytes:
    """Read what a server says where it should have answered."""
    import aiohttp

    said = b""
    try:
        async with asyncio.timeout(2):
            while len(said) < LARGEST_ERROR and (piece := await response.content.read(LARGEST_ERROR)):
                said += piece
    except (TimeoutError, aiohttp.ClientError):
        pass  # what has come is enough
    return said


def _mistake(mistake: Any) -> str:
    """Read one mistake as FastAPI tells it: ``{"loc": ["body", "input"], "msg": "Field required"}``."""
    match mistake:
        case {"loc": [*place], "msg": told}:
            return f"{'.'.join(map(str, place))}: {told}"
        case {"msg": told}:
            return str(told)
        case _:
            return str(mistake)


def _seconds(wait: str) -> float:
    """Read a Retry-After; one that names a date instead of seconds is left to the breaker."""
    return min(float(wait), 3_600.0) if wait.isdigit() else 0.0


async def read(response: "aiohttp.ClientResponse", length: int, data: bytes = b"") -> bytes:
    """Read on from ``data`` until there are ``length`` bytes or more, or the answer ends."""
    while len(data) < length and (more := await response.content.readany()):
        data += more
    return data


async def events(name: str, response: "aiohttp.ClientResponse", last: bytes = b"") -> AsyncIterator[bytes]:
    """Yield the data of each server-sent event; a server that does not stream sends its whole answer as one.

    After ``last``, where a protocol has such an event, only the end of the answer is waited for, and not for long.


    Every ``data`` line is taken as a whole event: no server breaks its JSON over several, and some forget the blank
    line between events. Comments, other fields and blank lines keep the connection alive and mean nothing.
    https://html.spec.whatwg.org/multipage/server-sent-events.html
    """
    rest, done = b"", False
    streamed = response.content_type == "text/event-stream"
    while more := await _more(response, done):
        rest += more
        if streamed and (b"\n" in more or b"\r" in more):
            lines = rest.splitlines(keepends=True)
            rest = lines.pop() if not lines[-1].endswith((b"\n", b"\r")) else b""
            for event in _data(lines):
                done = done or (bool(last) and event == last)
                yield event
        if len(rest) > LARGEST_LINE:
            raise EngineError(f"{name}: sent a line of more than {LARGEST_LINE // 1_000_000} MB")
    for event in _data([rest]) if streamed else [rest]:
        yield event


async def _more(response: "aiohttp.ClientResponse", done: bool) -> bytes:
    """Read on. After the last event only the end of the body is wanted: without it the connection cannot be reused."""
    if not done:
        return await response.content.readany()
    with suppress(TimeoutError):
        async with asyncio.timeout(_GOODBYE):
            return await response.content.readany()
    return b""


def _data(lines: list[bytes]) -> Iterator[bytes]:
    for line in lines:
        if line.startswith(b"data:") and (data := line[5:].strip()):
            yield data
