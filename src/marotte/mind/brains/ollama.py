"""A brain behind Ollama's own interface, version 0.9 or newer: a model on this machine, or in Ollama's cloud.

https://docs.ollama.com/api/chat. Ollama speaks OpenAI's interface too, but there it takes no ``num_ctx``, ``think`` or
``keep_alive``: a long conversation is cut at a small default without a word, and the model is unloaded in a lull.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, suppress
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import msgspec
from pydantic import Field

from marotte.config import Url
from marotte.engines.chat import LARGEST, UNREADABLE, ChatSettings, Rounds, functions, pictures, spoken
from marotte.engines.http import LARGEST_LINE, HttpSettings, Server
from marotte.engines.kinds import Call, Counted, EngineError, EngineSettings, EngineUnavailable, Kit, Prompt

if TYPE_CHECKING:
    import aiohttp

NAME = "ollama brain"
LONGEST_LOAD = 300.0
"""Seconds that the server may take to load a model."""
_MOST_CALLS = 32


class OllamaSettings(HttpSettings, ChatSettings):
    """Settings of the brain. A server in your own house wants no key; Ollama's cloud does."""

    url: Url = "http://127.0.0.1:11434"
    """What comes before ``/api/chat``."""
    model: str = "qwen3:8b"
    """The model's name, as ``ollama list`` tells it."""
    num_ctx: int = Field(default=8_192, ge=0)
    """Tokens that it keeps in mind: the card, the conversation and the reply; more takes more memory. 0: its usual."""
    keep_alive: str = Field(default="1h", pattern=r"^(-1|\d+(ms|s|m|h))$")
    """How long the model stays loaded after a reply: ``"30m"``, ``"-1"`` for ever."""
    think: bool | Literal["low", "medium", "high"] = False
    """Whether a model that can think does so before it speaks, which delays the first word."""
    options: dict[str, Any] = Field(default_factory=dict[str, Any])
    """More options of the model: ``{temperature = 0.8, num_predict = 300}``."""


class _Function(msgspec.Struct):
    name: str = ""
    arguments: dict[str, Any] | None = None


class _Call(msgspec.Struct):
    id: str = ""
    function: _Function = msgspec.field(default_factory=_Function)


class _Words(msgspec.Struct):
    content: str = ""
    thinking: str = ""
    tool_calls: list[_Call] | None = None


class _Chunk(msgspec.Struct):
    message: _Words = msgspec.field(default_factory=_Words)
    done: bool = False
    prompt_eval_count: int = 0
    eval_count: int = 0
    error: Any = None


_chunk = msgspec.json.Decoder(_Chunk)


class OllamaBrain:
    """Asks Ollama for a reply and passes its words on as they come."""

    Settings: ClassVar[type[EngineSettings]] = OllamaSettings
    translates: ClassVar[bool] = True
    stops_at_once: ClassVar[bool] = True

    def __init__(self, settings: OllamaSettings, kit: Kit) -> None:
        self._settings = settings
        self._server = Server(NAME, settings.url, kit, settings.secret)
        self._rounds: Rounds[dict[str, str]] = Rounds()
        self._loading: asyncio.Task[None] | None = None

    @classmethod
    def check(cls, settings: OllamaSettings, kit: Kit) -> str:
        """Say what is missing for it to work, or ""."""
        return Server(NAME, settings.url, kit, settings.secret).missing()

    async def warm(self) -> None:
        """Let the server load the model. Raises EngineUnavailable where it cannot."""
        try:
            async with asyncio.timeout(LONGEST_LOAD):
                async for _ in self._chat({**self._body(), "messages": []}):
                    pass
        except TimeoutError:
            raise EngineUnavailable(f"{NAME}: {self._settings.model} is not loaded after {LONGEST_LOAD:g} s") from None

    async def close(self) -> None:
        """Leave off loading."""
        if self._loading is not None:
            self._loading.cancel()

    async def reply(self, prompt: Prompt) -> AsyncIterator[str | Counted | Call]:
        """Yield the reply in the pieces in which the server sends it, the tokens that it has counted, and its calls."""
        calls, thoughts, begun, done = list[Call](), "", False, False
        try:
            async with aclosing(self._chat({**self._body(), **self._conversation(prompt)})) as chunks:
                async for chunk in chunks:
                    words, begun, done = chunk.message, True, chunk.done
                    if words.content:
                        yield words.content
                    thoughts += words.thinking if len(thoughts) < LARGEST else ""
                    calls += [self._call(call) for call in words.tool_calls or ()]
                    if len(calls) > _MOST_CALLS:
                        raise EngineError(f"{NAME}: called more than anybody could want")
                    if done:
                        yield Counted(chunk.prompt_eval_count + chunk.eval_count)
        except asyncio.CancelledError:
            if not begun:
                self._load_behind()
            raise
        if not done:
            raise EngineError(f"{NAME}: the reply broke off")
        self._rounds.keep(calls, {"thinking": thoughts} if thoughts else {})
        for call in calls:
            yield call

    def _load_behind(self) -> None:
        """Let the model be loaded though its reply is not awaited: with who asked, the server leaves off loading."""
        if self._loading is None or self._loading.done():
            self._loading = asyncio.get_running_loop().create_task(self._load())

    async def _load(self) -> None:
        with suppress(EngineError):  # the next request will tell
            await self.warm()

    def _call(self, call: _Call) -> Call:
        if not call.function.name:
            raise EngineError(f"{NAME}: called a tool without a name")
        return Call(id=self._rounds.name(call.id), tool=call.function.name, arguments=call.function.arguments or {})

    async def _chat(self, body: dict[str, Any]) -> AsyncGenerator[_Chunk]:
        begun = False
        async with self._server.post("api/chat", json=body) as response:
            if response.content_type not in ("application/x-ndjson", "application/json"):
                complaint = await self._server.complaint(response)
                raise EngineUnavailable(f"{NAME}: sent {response.content_type} instead of a stream: {complaint}")
            async for line in _lines(response):
                failure = EngineError if begun else EngineUnavailable
                try:
                    chunk = _chunk.decode(line)
                except UNREADABLE as error:
                    told = self._server.message(line)
                    raise failure(f"{NAME}: sent what is no reply ({error}): {told}") from None
                if chunk.error:
                    raise failure(f"{NAME}: the server has failed: {self._server.message(line)}")
                begun = begun or bool(chunk.message.content)
                yield chunk

    def _body(self) -> dict[str, Any]:
        settings = self._settings
        context = {"num_ctx": settings.num_ctx} if settings.num_ctx else {}
        return {
            "model": settings.model,
            "keep_alive": -1 if settings.keep_alive == "-1" else settings.keep_alive,
            "think": settings.think,
            "options": {**context, **settings.options},
        }

    def _conversation(self, prompt: Prompt) -> dict[str, Any]:
        found: list[dict[str, Any]] = [{"role": "system", "content": prompt.system}]
        found += ({"role": message.role, "content": message.text} for message in spoken(prompt))
        if seen := pictures(prompt, self._settings):
            found[-1]["images"] = seen
        said = prompt.said
        for thoughts, results in self._rounds.of(prompt.results):
            asked = [
                {"id": r.call.id, "function": {"index": index, "name": r.call.tool, "arguments": r.call.arguments}}
                for index, r in enumerate(results)
            ]
            found.append({"role": "assistant", "content": said, **(thoughts or {}), "tool_calls": asked})
            found += (
                {"role": "tool", "tool_call_id": r.call.id, "tool_name": r.call.tool, "content": r.text}
                for r in results
            )
            said = ""
        tools = {"tools": functions(prompt.tools)} if prompt.tools and self._settings.tools else {}
        return {"messages": found, **tools}


async def _lines(response: "aiohttp.ClientResponse") -> AsyncIterator[bytes]:
    """Yield the lines of an answer, of which each is a JSON object. Raises EngineError where one is too long."""
    rest = b""
    async for more in response.content.iter_any():
        *lines, rest = (rest + more).split(b"\n")
        for line in lines:
            if line.strip():
                yield line
        if len(rest) > LARGEST_LINE:
            raise EngineError(f"{NAME}: sent a line of more than {LARGEST_LINE // 1_000_000} MB")
    if rest.strip():
        yield rest
