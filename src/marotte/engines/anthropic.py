"""Anthropic's Messages interface: its settings, its events, and what has come of a reply.

https://platform.claude.com/docs/en/api/messages and …/build-with-claude/streaming, version 2026-10-21: the second
since 2023, with the key as a bearer, as Anthropic's own clients send both since then.
"""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any, Literal

import msgspec
from pydantic import Field

from marotte.config import Url
from marotte.engines import http
from marotte.engines.chat import LARGEST, UNREADABLE, Calls, ChatSettings
from marotte.engines.http import HttpSettings
from marotte.engines.kinds import EngineError, EngineUnavailable, EngineUnsuited, Kit

VERSION = {"anthropic-version": "2026-10-21"}
"""The header that every request bears."""
Block = dict[str, Any]
"""A content block, as it goes over the wire."""
_OWN = "https://api.anthropic.com/"
_GOODBYE = 0.05
"""Seconds in which the server must end its answer after the last event."""


class AnthropicSettings(HttpSettings, ChatSettings):
    """Settings of the brain. Anthropic's own server is given ANTHROPIC_API_KEY; no other is."""

    url: Url = _OWN + "v1"
    """What comes before ``/messages``."""
    model: str = "claude-haiku-5-5"
    """The model's name."""
    max_tokens: int = Field(default=4_096, ge=1)
    """The longest reply, in tokens, with its thoughts."""
    thinking: Literal["", "disabled", "adaptive", "between_tools"] = "disabled"
    """Whether it thinks before it speaks, which delays the first word; "" leaves it to the model."""
    effort: Literal["", "low", "medium", "high", "xhigh", "max"] = ""
    """How much it thinks; "" leaves it to the model. Older models know no effort."""
    cache: bool = False
    """Let the server keep what it has read: cheaper where the card is long and remembers little that changes."""
    extra: dict[str, Any] = Field(default_factory=dict[str, Any])
    """More fields for the body of each request."""


class _Block(msgspec.Struct):
    type: str = ""
    id: str = ""
    name: str = ""
    data: str = ""
    text: str = ""


class _Delta(msgspec.Struct):
    text: str = ""
    thinking: str = ""
    signature: str = ""
    partial_json: str = ""
    stop_reason: str | None = None


class _Usage(msgspec.Struct):
    input_tokens: int | None = None
    output_tokens: int | None = None
    cache_creation_input_tokens: int | None = None
    cache_read_input_tokens: int | None = None

    def read(self) -> int:
        """Return the tokens that were read, from the cache or not."""
        counts = (self.input_tokens, self.cache_creation_input_tokens, self.cache_read_input_tokens)
        return sum(count or 0 for count in counts)


class _Message(msgspec.Struct):
    usage: _Usage | None = None


class Event(msgspec.Struct):
    """One event of a stream; what it has that is not for us is left out."""

    type: str = ""
    index: int = 0
    message: _Message | None = None
    content_block: _Block | None = None
    delta: _Delta | None = None
    usage: _Usage | None = None


_event = msgspec.json.Decoder(Event)


class Reply:
    """What has come of a reply, besides the words that were passed on at once."""

    def __init__(self, name: str) -> None:
        self.calls = Calls(name)
        self.thoughts: dict[int, Block] = {}
        self.spoken = False
        self.read = 0
        self.stopped = ""

    def take(self, event: Event) -> str:
        """Take one event; return the words in it. Blocks and pieces of other kinds are not for us."""
        delta, words = event.delta or _Delta(), ""
        match event.type:
            case "message_start" if event.message and event.message.usage:
                self.read = event.message.usage.read()
            case "content_block_start" if event.content_block:
                words = self._begin(event.index, event.content_block)
            case "content_block_delta":
                words = delta.text
                if delta.partial_json:
                    self.calls.add(event.index, arguments=delta.partial_json)
                thought = self.thoughts.get(event.index)
                if thought and thought["type"] == "thinking" and len(thought["thinking"]) < LARGEST:
                    thought["thinking"] += delta.thinking
                    thought["signature"] += delta.signature
            case "message_delta":
                self.stopped = delta.stop_reason or self.stopped
            case _:
                pass
        self.spoken = self.spoken or bool(words)
        return words

    def _begin(self, index: int, block: _Block) -> str:
        match block.type:
            case "tool_use":
                self.calls.add(index, block.id, block.name)
            case "thinking":
                self.thoughts[index] = {"type": "thinking", "thinking": "", "signature": ""}
            case "redacted_thinking":
                self.thoughts[index] = {"type": "redacted_thinking", "data": block.data}
            case _:
                pass
        return block.text


class Server(http.Server):
    """One server that speaks Anthropic's Messages interface."""

    declined = re.compile(rb"blocked by content filtering policy")

    def __init__(self, name: str, settings: AnthropicSettings, kit: Kit) -> None:
        """``name`` is for error messages."""
        secret = settings.secret or ("ANTHROPIC_API_KEY" if settings.url.startswith(_OWN) else "")
        super().__init__(name, settings.url, kit, secret)

    def read(self, data: bytes, spoken: bool) -> Event:
        """Read an event. Raises EngineError where it is none, or tells of a failure once words were ``spoken``."""
        try:
            event = _event.decode(data)
        except UNREADABLE as error:
            raise EngineError(f"{self.name}: sent what is no event ({error}): {self.message(data)}") from None
        if event.type == "error" and self.declines(data):
            raise EngineUnsuited(f"{self.name}: the model declines: {self.message(data)}")
        if event.type == "error":
            failure = EngineError if spoken else EngineUnavailable
            raise failure(f"{self.name}: the server has failed: {self.message(data)}")
        return event


async def rest(stream: AsyncIterator[bytes]) -> None:
    """Read what follows the last event, for not long: only what has ended leaves its connection to the next request."""
    with suppress(TimeoutError):
        async with asyncio.timeout(_GOODBYE):
            async for _ in stream:
                pass
