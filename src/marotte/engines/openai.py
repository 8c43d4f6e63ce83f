"""OpenAI's HTTP interface, as its own and many other servers speak it: what the brain, the voice and the ear share."""

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any, cast

from pydantic import Field

from marotte.config import Url
from marotte.engines.kinds import EngineError, EngineSettings, EngineUnavailable, Kit

if TYPE_CHECKING:
    import aiohttp

LARGEST_ERROR = 16_384
"""Bytes read of what a server says when it refuses."""

_OWN = "https://api.openai.com/"

DONE = b"[DONE]"
"""The last event of a stream."""
_GOODBYE = 0.05
"""Seconds in which a server must end its answer after the last event."""
LARGEST_LINE = 1_000_000
"""Bytes of one line of a stream, or of a whole answer where a server does not stream."""


class OpenAISettings(EngineSettings):
    """Which server, and what it wants besides."""

    url: Url = "https://api.openai.com/v1"
    """What comes before ``/chat/completions`` and the like."""
    secret: str = Field(default="", pattern=r"^([A-Z][A-Z0-9_]*(_KEY|_TOKEN|_SECRET|_PASSWORD|_PASS))?$")
    """Name of the environment variable with the key. OpenAI's own server is given OPENAI_API_KEY; no other is."""
    extra: dict[str, Any] = Field(default_factory=dict[str, Any])
    """More fields for the body of each request."""


class Server:
    """One server that speaks OpenAI's HTTP interface: sends requests and tells in plain words why it refuses."""

    def __init__(self, name: str, settings: OpenAISettings, kit: Kit) -> None:
        """``name`` is for error messages."""
        self.name = name
        self._url = settings.url.rstrip("/")
        self._secret = settings.secret or ("OPENAI_API_KEY" if self._url.startswith(_OWN) else "")
        self._kit = kit

    async def warm(self) -> None:
        """Load the HTTP library and open the session, so that the first request need not."""
        self._kit.http()

    def missing(self) -> str:
        """Say what is missing for it to work, or ""."""
        if self._url.startswith(_OWN) and not self._key:
            return f"{self._url} wants a key: {self._hint}"
        return ""

    @property
    def _hint(self) -> str:
        return f"set {self._secret}" if self._secret else "name its variable in secret"

    @property
    def _key(self) -> str:
        return self._kit.secrets.get(self._secret, "")

    @asynccontextmanager
    async def post(self, path: str, **body: Any) -> "AsyncGenerator[aiohttp.ClientResponse]":
        """Send a request (``json=`` or ``data=``) and give its answer; leaving early closes the connection at once.

        Raises EngineUnavailable where the server cannot be reached or refuses, EngineError where the connection breaks
        while it answers.
        """
        import aiohttp

        headers = {"Authorization": f"Bearer {self._key}"} if self._key else {}
        try:
            response = await self._kit.http().post(
                f"{self._url}/{path}", headers=headers, allow_redirects=False, **body
            )
        except aiohttp.ClientError as error:
            raise EngineUnavailable(f"{self.name}: {self._url} cannot be reached: {self.clean(error)}") from None
        try:
            if response.status != 200:
                raise EngineUnavailable(
                    await self._refusal(response), _seconds(response.headers.get("Retry-After", ""))
                )
            yield response
        except aiohttp.ClientError as error:
            raise EngineError(f"{self.name}: the connection broke while it answered: {self.clean(error)}") from None
        finally:
            response.close()

    async def complaint(self, response: "aiohttp.ClientResponse") -> str:
        """Read what a server says where it should have answered, in at most 300 characters."""
        import aiohttp

        said = b""
        try:
            async with asyncio.timeout(2):
                while len(said) < LARGEST_ERROR and (piece := await response.content.read(LARGEST_ERROR)):
                    said += piece
        except (TimeoutError, aiohttp.ClientError):
            pass  # what has come is enough
        return self.message(said)

    def message(self, said: bytes) -> str:
        """Take the message out of an error body: OpenAI's own shape, FastAPI's, or any text."""
        try:
            found: Any = json.loads(said)
        except ValueError:
            return self.clean(said.decode("utf-8", "replace"))
        for key in ("error", "message", "detail"):
            if isinstance(found, dict):
                found = cast("dict[str, Any]", found).get(key, cast("Any", found))
        return self.clean(found)

    def clean(self, text: object) -> str:
        """Return a text fit for an error message: one line, short, without the key."""
        line = " ".join(str(text).split())
        return (line.replace(self._key, "…") if self._key else line)[:300]

    async def _refusal(self, response: "aiohttp.ClientResponse") -> str:
        status, wait = response.status, response.headers.get("Retry-After", "")
        if status in (401, 403):
            reason = f"does not accept the key in {self._secret}" if self._key else f"wants a key: {self._hint}"
        elif status == 404:
            reason = "knows no such path or model"
        elif status == 429:
            reason = "has had enough requests for now" + (f"; it may be asked again in {wait[:40]} s" if wait else "")
        elif status >= 500:
            reason = "has failed"
        else:
            reason = "refuses the request"
        return f"{self.name}: {self._url} {reason} ({status}): {await self.complaint(response)}"


def _seconds(wait: str) -> float:
    """Read a Retry-After; one that names a date instead of seconds is left to the breaker."""
    return min(float(wait), 3_600.0) if wait.isdigit() else 0.0


async def events(name: str, response: "aiohttp.ClientResponse") -> AsyncIterator[bytes]:
    """Yield the data of each server-sent event; a server that does not stream sends its whole answer as one.

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
                done = done or event == DONE
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
