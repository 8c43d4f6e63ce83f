"""YouTube's interface over REST: the day's quota is asked before each call, a token that has run out is renewed once.

https://developers.google.com/youtube/v3/live/docs, its errors in https://developers.google.com/youtube/v3/live/docs/errors
"""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

from marotte.links.link import Passing, Refused
from marotte.links.youtube import frames
from marotte.links.youtube.account import Account
from marotte.links.youtube.login import Door
from marotte.links.youtube.quota import COSTS, REFUSED, Ledger

if TYPE_CHECKING:
    import aiohttp

WITHIN = 15.0
"""Seconds that an answer may take, or a stream its head."""
_WAIT = 5.0
"""Seconds for which something passing lasts where YouTube does not say."""
_PIECE = 65_536
_LONGEST_ID = 1_000
_SPENT = ("quotaExceeded", "dailyLimitExceeded")
_OFTEN = ("rateLimitExceeded", "userRateLimitExceeded", "RESOURCE_EXHAUSTED")
_PATHS = {
    "broadcasts": ("GET", "liveBroadcasts"),
    "list": ("GET", "liveChat/messages"),
    "stream": ("GET", "liveChat/messages/stream"),
    "insert": ("POST", "liveChat/messages"),
    "delete": ("DELETE", "liveChat/messages"),
    "ban": ("POST", "liveChat/bans"),
    "unban": ("DELETE", "liveChat/bans"),
}
_READ_AHEAD = ("broadcasts", "list", "stream")
"""Calls that are made though our count says that the units are spent: Google's is the one that counts."""


class Denied(Refused):
    """YouTube says no; ``reason`` is its word for it."""

    def __init__(self, status: int, reason: str, said: str) -> None:
        super().__init__(f"YouTube refuses: {said or reason or 'it does not say why'} ({status})")
        self.status, self.reason = status, reason


class Spent(Passing):
    """The day's units are spent: what is as good tomorrow waits for those."""

    def __init__(self, ledger: Ledger) -> None:
        super().__init__(f"the day's units of YouTube's quota are spent: {ledger.told}", ledger.reset() + 60.0)


class Unclear(Passing):
    """A request was sent, and what became of it is not known."""


class Broadcast(NamedTuple):
    """What is on the air."""

    id: str
    title: str
    chat: str
    began: str
    """When it went on the air, in RFC 3339; "" where YouTube does not say."""


class Api:
    """Asks YouTube, in the name of the account that is signed in."""

    def __init__(self, base: str, account: Account, door: Door, ledger: Ledger, http: "aiohttp.ClientSession") -> None:
        self._base = base.rstrip("/")
        self._account, self._door = account, door
        self._ledger, self._http = ledger, http

    async def on_air(self) -> list[Broadcast]:
        """Return the account's broadcasts that are live and have a chat. Raises as ``ask`` does."""
        query = {"part": "id,snippet", "broadcastStatus": "active", "broadcastType": "all"}
        try:
            found = frames.listed(await self.ask("broadcasts", query))
        except frames.Malformed:
            raise Passing("YouTube answers what nobody can read") from None
        return [
            Broadcast(
                one.id[:100],
                (one.snippet.title or "")[:200],
                one.snippet.liveChatId,
                one.snippet.actualStartTime or "",
            )
            for one in found
            if one.snippet is not None and one.snippet.liveChatId and len(one.snippet.liveChatId) <= _LONGEST_ID
        ]

    async def page(self, chat: str, token: str) -> frames.Page:
        """List what was said since a page. Raises as ``ask`` and ``taken`` do."""
        return self.taken(await self.ask("list", _where(chat, token, "2000")))

    def taken(self, data: bytes) -> frames.Page:
        """Read a page. Raises Malformed, and where a refusal stands in its place, Denied, Spent, Passing (Unclear)."""
        page = frames.page(data)
        if page.error:
            raise self._refused(page.error, data)
        return page

    async def insert(self, chat: str, text: str) -> str:
        """Write into a chat; return the message's id, "" where YouTube does not say. Raises as ``ask`` does."""
        snippet = {"liveChatId": chat, "type": "textMessageEvent", "textMessageDetails": {"messageText": text}}
        return frames.made(await self.ask("insert", {"part": "snippet"}, {"snippet": snippet}))

    async def delete(self, message: str) -> None:
        """Delete a message. Raises as ``ask`` does."""
        await self.ask("delete", {"id": message})

    async def ban(self, chat: str, channel: str, seconds: int) -> str:
        """Ban somebody, for so many seconds, 0: for ever; return the ban's id. Raises as ``ask`` does."""
        kind = {"type": "temporary", "banDurationSeconds": str(seconds)} if seconds else {"type": "permanent"}
        snippet = {"liveChatId": chat, **kind, "bannedUserDetails": {"channelId": channel}}
        return frames.made(await self.ask("ban", {"part": "snippet"}, {"snippet": snippet}))

    async def unban(self, ban: str) -> None:
        """Lift a ban. Raises as ``ask`` does."""
        await self.ask("unban", {"id": ban})

    async def ask(self, call: str, query: Mapping[str, str], body: Any = None) -> bytes:
        """Return the answer to a call. Raises Denied, Spent, Dismissed, Passing (Unclear)."""
        async with self._answered(call, query, body) as response:
            return await self._read(response)

    @asynccontextmanager
    async def stream(self, chat: str, token: str) -> "AsyncGenerator[aiohttp.StreamReader]":
        """Hold one long call, whose body comes as things happen. Raises as ``ask`` does; what breaks it, OSError."""
        async with self._answered("stream", _where(chat, token)) as response:
            yield response.content

    @asynccontextmanager
    async def _answered(
        self, call: str, query: Mapping[str, str], body: Any = None
    ) -> "AsyncGenerator[aiohttp.ClientResponse]":
        """Send a request, once more with a new token where ours is not taken; yield the answer where it is no refusal.

        Its units are counted as soon as its head tells them: what becomes of its body changes nothing.
        """
        for last in (False, True):
            async with self._sent(call, query, body) as (response, token):
                if response.status < 300:
                    self._ledger.spend(COSTS[call])
                    yield response
                    return
                if response.status != 401 or last:
                    self._ledger.spend(REFUSED)
                    raise self._refused(response.status, await self._read(response), _wait(response))
            await self._account.renew(token, self._door)

    @asynccontextmanager
    async def _sent(
        self, call: str, query: Mapping[str, str], body: Any = None
    ) -> "AsyncGenerator[tuple[aiohttp.ClientResponse, str]]":
        """Send a request; yield its answer, whose head has come, and the token that was used."""
        import aiohttp

        if not self._ledger.allows(call) and call not in _READ_AHEAD:
            raise Spent(self._ledger)
        token = await self._account.access(self._door)
        method, path = _PATHS[call]
        request = self._http.request(
            method,
            f"{self._base}/{path}",
            params=query,
            json=body,
            headers={"Authorization": f"Bearer {token}"},
            allow_redirects=False,
        )
        try:
            async with asyncio.timeout(WITHIN):
                response = await request
        except (aiohttp.ClientConnectorError, RuntimeError) as error:  # RuntimeError: the link is hanging up
            raise Passing(f"YouTube cannot be reached: {type(error).__name__}") from None
        except TimeoutError:
            self._ledger.spend(COSTS[call])
            raise Unclear(f"YouTube does not answer within {WITHIN:.0f} s") from None
        except (aiohttp.ClientError, OSError) as error:
            self._ledger.spend(COSTS[call])
            raise Unclear(f"YouTube has broken the connection: {type(error).__name__}") from None
        try:
            yield response, token
        finally:
            response.close()

    async def _read(self, response: "aiohttp.ClientResponse") -> bytes:
        """Read an answer to its end. Raises Unclear."""
        import aiohttp

        said = bytearray()
        try:
            async with asyncio.timeout(WITHIN):
                async for piece in response.content.iter_chunked(_PIECE):
                    said += piece
                    if len(said) > frames.LARGEST:
                        raise Unclear("YouTube answers with too much")
        except TimeoutError:
            raise Unclear(f"YouTube does not answer within {WITHIN:.0f} s") from None
        except (aiohttp.ClientError, OSError) as error:
            raise Unclear(f"YouTube has broken the connection: {type(error).__name__}") from None
        return bytes(said)

    def _refused(self, status: int, body: bytes, wait: float = _WAIT) -> Exception:
        """Return what is to be raised for a refusal; ``wait``: for so many seconds where it passes."""
        reason, said = frames.refusal(body)
        if reason in _SPENT:
            self._ledger.exhaust()
            return Spent(self._ledger)
        if status == 429 or reason in _OFTEN:
            return Passing(f"YouTube has had enough requests for now ({status})", wait)
        if status == 503:
            return Passing("YouTube cannot serve anybody now (503)", wait)
        if status >= 500:
            return Unclear(f"YouTube has failed ({status})")
        if status == 401:
            return Passing("YouTube does not take our token (401)", wait)
        return Denied(status, reason, said)


def _where(chat: str, token: str, most: str = "") -> dict[str, str]:
    query = {"liveChatId": chat, "part": "id,snippet,authorDetails"}
    return query | ({"pageToken": token} if token else {}) | ({"maxResults": most} if most else {})


def _wait(response: "aiohttp.ClientResponse") -> float:
    told = response.headers.get("Retry-After", "")
    return min(300.0, float(told)) if told.isdecimal() and len(told) < 6 else _WAIT
