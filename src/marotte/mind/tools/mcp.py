"""Tools of MCP servers (Model Context Protocol, https://modelcontextprotocol.io/specification), through its own SDK.

A server is a program that is started and spoken to over its standard input and output, or an address (streamable HTTP).
What it says of itself and what it answers is data of a stranger: bounded in length, marked, and without rights. It may
ask nothing back: neither for words of our brain nor for our files.
"""

import asyncio
import importlib
import importlib.util
import json
import logging
from collections.abc import AsyncGenerator, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import TYPE_CHECKING, Any, cast

from marotte.config_tools import MCPServer
from marotte.engines.kinds import Tool
from marotte.engines.offers import LONGEST_RESULT, Cause, Offer, Offers, Refusal, as_data
from marotte.mind.tools.mcp_program import program
from marotte.mind.tools.schema import unfit

if TYPE_CHECKING:
    import mcp

log = logging.getLogger(__name__)

LOOK_AGAIN = 15.0
"""Seconds between two looks at what a server offers; by them it is seen that it has died or hangs."""
ANSWER_WITHIN = 10.0
"""Seconds in which a server must say what it offers."""
MOST_TOOLS = 50
"""So many tools of one server are offered."""
_MOST_PAGES = 10
_LONGEST_DESCRIPTION = 1_000
_LARGEST_SCHEMA = 8_000
_LONGEST_COMPLAINT = 300


class ServerLost(Exception):
    """A server cannot be reached or is gone; the message is for the operator."""


class MCPTools:
    """Stays connected with one MCP server and offers its tools while it is there."""

    def __init__(self, name: str, settings: MCPServer, secrets: Mapping[str, str], offers: Offers) -> None:
        self.name = name
        self._settings = settings
        self._key = secrets.get(settings.secret, "")
        self._offers = offers
        self._owner = f"mcp {name}"
        self._look = asyncio.Event()
        """Something has changed: look at once what the server offers."""

    def missing(self) -> str:
        """Say what is missing here for it to work, or "": the SDK, or the key where the settings name one."""
        if importlib.util.find_spec("mcp") is None:
            return f"tools.mcp.{self.name}: the extra mcp is not installed: pip install 'marotte[mcp]'"
        if self._settings.secret and not self._key:
            return f"tools.mcp.{self.name}: wants a key: set {self._settings.secret}"
        return ""

    async def run(self) -> None:
        """Offer the server's tools until it is lost: raises ServerLost. Returns at once where something is missing."""
        if missing := self.missing():
            log.error("%s", missing)
            return
        for heavy in ("mcp", "jsonschema"):  # seconds of imports, which must not hold up the voice
            await asyncio.to_thread(importlib.import_module, heavy)
        try:
            async with asyncio.timeout(None) as patience, self._client(patience) as client:
                await self._follow(client)
        except Exception as error:
            raise ServerLost(f"{self._owner} is gone: {self._told(error)}") from None
        finally:
            self._offers.withdraw(self._owner)

    @asynccontextmanager
    async def _client(self, patience: asyncio.Timeout) -> "AsyncGenerator[mcp.Client]":
        """Connect."""
        from mcp import Client

        loop = asyncio.get_running_loop()
        patience.reschedule(loop.time() + ANSWER_WITHIN)
        async with self._transport() as transport:
            client = Client(
                transport, read_timeout_seconds=ANSWER_WITHIN, cache=None, message_handler=self._take_notification
            )
            async with client:
                patience.reschedule(None)
                yield client

    @asynccontextmanager
    async def _transport(self) -> AsyncGenerator[AbstractAsyncContextManager[Any]]:
        """Give the way to the server; neither the environment nor a .netrc of ours adds a key to it."""
        settings = self._settings
        if settings.url:
            import httpx2
            from mcp.client.streamable_http import streamable_http_client

            headers = {"Authorization": f"Bearer {self._key}"} if self._key else {}
            timeout = httpx2.Timeout(ANSWER_WITHIN, read=300)
            async with httpx2.AsyncClient(headers=headers, timeout=timeout, trust_env=False) as http:
                yield streamable_http_client(settings.url, http_client=http)
            return
        yield program(settings.command, {settings.secret: self._key} if self._key else {})

    async def _follow(self, client: "mcp.Client") -> None:
        """Offer what the server has, and look again and again."""
        before: list[Tool] = []
        while True:
            self._look.clear()
            offers = [offer async for offer in self._offered(client)]
            tools = [offer.tool for offer in offers]
            if tools != before:
                self._offer(offers)
                before = tools
                log.info("%s offers %s", self._owner, ", ".join(tool.name for tool in tools) or "nothing")
            try:
                async with asyncio.timeout(LOOK_AGAIN):
                    await self._look.wait()
            except TimeoutError:
                pass

    def _offer(self, offers: list[Offer]) -> None:
        try:
            self._offers.offer(self._owner, offers)
        except ValueError as error:
            self._offers.withdraw(self._owner)
            log.error("%s: none of its tools are offered: %s", self._owner, error)

    async def _offered(self, client: "mcp.Client") -> AsyncGenerator[Offer]:
        cursor: str | None = None
        count = 0
        for _ in range(_MOST_PAGES):
            page = await client.list_tools(cursor=cursor)
            for tool in page.tools:
                if self._settings.only and tool.name not in self._settings.only:
                    continue
                count += 1
                if count > MOST_TOOLS:
                    log.warning("%s has more than %d tools: name the ones you want in only", self._owner, MOST_TOOLS)
                    return
                if offer := self._as_offer(client, tool):
                    yield offer
            cursor = page.next_cursor
            if cursor is None:
                return

    def _as_offer(self, client: "mcp.Client", tool: "mcp.Tool") -> Offer | None:
        name = f"{self.name}__{''.join(c if c.isascii() and (c.isalnum() or c in '_-') else '_' for c in tool.name)}"
        complaint = "its name is too long" if len(name) > 64 else unfit(tool.input_schema)
        if not complaint and len(json.dumps(tool.input_schema)) > _LARGEST_SCHEMA:
            complaint = f"its schema has more than {_LARGEST_SCHEMA} bytes"
        if complaint:
            log.warning("%s: %s is not offered: %s", self._owner, tool.name[:64], complaint)
            return None

        async def use(given: dict[str, Any], cause: Cause) -> str:
            return await self._call(client, tool.name, given)

        described = _line(tool.description or tool.name, _LONGEST_DESCRIPTION)
        return Offer(
            tool=Tool(name=name, description=described, parameters=tool.input_schema),
            use=use,
            lanes=self._settings.lanes,
            deadline=self._settings.deadline,
        )

    async def _call(self, client: "mcp.Client", tool: str, given: dict[str, Any]) -> str:
        try:
            result = await client.call_tool(tool, given, read_timeout_seconds=self._settings.deadline + 1)
        except Exception as error:
            self._look.set()  # if it is gone, that is seen now
            raise Refusal(f"It failed. {as_data(self._told(error))}") from None
        words = "\n".join(_told(result.content))
        if not words and result.structured_content is not None:
            words = json.dumps(result.structured_content, ensure_ascii=False, default=str)
        words = as_data(self._clean(words[: 2 * LONGEST_RESULT]))
        if result.is_error:
            raise Refusal(f"It failed. {words}")
        return words

    async def _take_notification(self, message: Any) -> None:
        """Look again where the server says that its tools have changed, or the connection has a fault."""
        if isinstance(message, Exception) or getattr(message, "method", "") == "notifications/tools/list_changed":
            self._look.set()

    def _told(self, error: BaseException) -> str:
        """Say an error in one line, of a group of them the first."""
        while isinstance(error, BaseExceptionGroup):
            error = cast("BaseExceptionGroup[BaseException]", error).exceptions[0]
        if isinstance(error, TimeoutError):
            return f"it gave no answer within {ANSWER_WITHIN:g} s"
        return _line(self._clean(f"{type(error).__name__}: {error}"), _LONGEST_COMPLAINT)

    def _clean(self, text: str) -> str:
        return text.replace(self._key, "…") if self._key else text


def _told(content: list[Any]) -> Iterator[str]:
    """Yield the words of a result; of what is no words, that it is there."""
    for block in content:
        yield block.text if block.type == "text" else f"[{block.type}, which you cannot see]"


def _line(text: str, most: int) -> str:
    words = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return words if len(words) <= most else f"{words[: most - 1]}…"
