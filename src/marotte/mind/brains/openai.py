"""A brain behind OpenAI's chat interface: OpenAI's own, and the servers that speak it.

llama.cpp, vLLM, TensorRT-LLM, LM Studio and many more do. https://platform.openai.com/docs/api-reference/chat
A model's reasoning comes in fields that OpenAI does not have (``reasoning_content``, ``reasoning``): it is never
spoken, and goes back only beside the calls that it led to, as several providers demand.
"""

import json
from collections.abc import AsyncIterator
from typing import Any, ClassVar

import msgspec
from pydantic import Field

from marotte.engines.chat import LARGEST, UNREADABLE, Calls, ChatSettings, Rounds, functions, pictures, spoken
from marotte.engines.http import events
from marotte.engines.kinds import (
    Call,
    Counted,
    EngineError,
    EngineSettings,
    EngineUnavailable,
    EngineUnsuited,
    Kit,
    Prompt,
)
from marotte.engines.openai import DONE, OpenAISettings, Server

NAME = "openai brain"
Thoughts = dict[str, str]
"""A model's reasoning under the name of the field in which it came."""


class OpenAIBrainSettings(OpenAISettings, ChatSettings):
    """Settings of the brain."""

    model: str = "gpt-5.4-mini"
    """The model's name, as the server knows it."""
    temperature: float | None = Field(default=None, ge=0, le=2)
    """How freely it chooses its words; left out, the server decides."""
    max_tokens: int | None = Field(default=None, ge=1)
    """The longest reply, in tokens; left out, the server decides."""


class _Function(msgspec.Struct):
    name: str | None = None
    arguments: str | None = None


class _Call(msgspec.Struct):
    index: int | None = None
    id: str | None = None
    function: _Function | None = None


class _Part(msgspec.Struct):
    type: str = ""
    text: Any = None


class _Words(msgspec.Struct):
    content: str | list[_Part] | None = None
    refusal: str | None = None
    reasoning_content: Any = None
    reasoning: Any = None
    tool_calls: list[_Call] | None = None

    def text(self) -> str:
        """Return the words to be spoken; Mistral's own models mix them with thoughts, as parts of a list."""
        if isinstance(self.content, list):
            return "".join(part.text for part in self.content if part.type == "text" and isinstance(part.text, str))
        return self.content or ""


class _Choice(msgspec.Struct):
    delta: _Words | None = None
    message: _Words | None = None
    finish_reason: str | None = None


class _Usage(msgspec.Struct):
    total_tokens: int = 0


class _Chunk(msgspec.Struct):
    choices: list[_Choice] | None = None
    usage: _Usage | None = None
    error: Any = None


_chunk = msgspec.json.Decoder(_Chunk)


class OpenAIBrain:
    """Asks a server for a reply and passes its words on as they come."""

    Settings: ClassVar[type[EngineSettings]] = OpenAIBrainSettings
    translates: ClassVar[bool] = True
    stops_at_once: ClassVar[bool] = True

    def __init__(self, settings: OpenAIBrainSettings, kit: Kit) -> None:
        self._settings = settings
        self._server = Server(NAME, settings, kit)
        self._rounds: Rounds[Thoughts] = Rounds()

    @classmethod
    def check(cls, settings: OpenAIBrainSettings, kit: Kit) -> str:
        """Say what is missing for it to work, or ""."""
        return Server(NAME, settings, kit).missing()

    async def warm(self) -> None:
        """Get ready to send."""
        await self._server.warm()

    async def close(self) -> None:
        """It holds nothing: the connections are the kit's."""

    async def reply(self, prompt: Prompt) -> AsyncIterator[str | Counted | Call]:
        """Yield the reply in the pieces in which the server sends it, the tokens that it has counted, and its calls."""
        calls, thoughts, finished = Calls(NAME), Thoughts(), False
        async with self._server.post("chat/completions", json=self._body(prompt)) as response:
            if response.content_type not in ("text/event-stream", "application/json"):
                complaint = await self._server.complaint(response)
                raise EngineUnavailable(f"{NAME}: sent {response.content_type} instead of a stream: {complaint}")
            async for data in events(NAME, response, last=DONE):
                if data == DONE:
                    finished = True
                    continue
                chunk = self._read(data)
                for choice in (chunk.choices or ())[:1]:
                    words = choice.delta or choice.message or _Words()
                    if text := words.text():
                        yield text
                    _aside(words, calls, thoughts)
                    if words.refusal or choice.finish_reason == "content_filter":
                        reason = self._server.clean(words.refusal or "its content filter stopped it")
                        raise EngineUnsuited(f"{NAME}: the model declines: {reason}")
                    finished = finished or bool(choice.finish_reason)
                if chunk.usage:
                    yield Counted(chunk.usage.total_tokens)
            if not finished:
                raise EngineError(f"{NAME}: the reply broke off")
        whole = calls.all(self._rounds)
        self._rounds.keep(whole, thoughts)
        for call in whole:
            yield call

    def _body(self, prompt: Prompt) -> dict[str, Any]:
        settings = self._settings
        body: dict[str, Any] = {"model": settings.model, "messages": self._messages(prompt), "stream": True}
        if self._server.own:
            body["stream_options"] = {"include_usage": True}
        if settings.temperature is not None:
            body["temperature"] = settings.temperature
        if settings.max_tokens is not None:
            # OpenAI's own models that think refuse the old name, and other servers do not all know the new one.
            body["max_completion_tokens" if self._server.own else "max_tokens"] = settings.max_tokens
        if prompt.tools and settings.tools:
            body["tools"] = functions(prompt.tools)
        return {**body, **settings.extra}

    def _messages(self, prompt: Prompt) -> list[dict[str, Any]]:
        """Write a prompt as chat messages."""
        found: list[dict[str, Any]] = [{"role": "system", "content": prompt.system}]
        found += ({"role": message.role, "content": message.text} for message in spoken(prompt))
        if seen := pictures(prompt, self._settings):
            urls = [
                {"type": "image_url", "image_url": {"url": f"data:image/jpeg;base64,{picture}"}} for picture in seen
            ]
            found[-1]["content"] = [{"type": "text", "text": found[-1]["content"]}, *urls]
        said = prompt.said
        for thoughts, results in self._rounds.of(prompt.results):
            asked = [_asked(result.call) for result in results]
            found.append({"role": "assistant", "content": said, **(thoughts or {}), "tool_calls": asked})
            found += ({"role": "tool", "tool_call_id": r.call.id, "content": r.text} for r in results)
            said = ""
        return found

    def _read(self, data: bytes) -> _Chunk:
        try:
            chunk = _chunk.decode(data)
        except UNREADABLE as error:
            raise EngineError(f"{NAME}: sent what is no reply ({error}): {self._server.message(data)}") from None
        if chunk.error:
            declines = self._server.declines(data)
            told = f"the {'model declines' if declines else 'server has failed'}: {self._server.message(data)}"
            raise (EngineUnsuited if declines else EngineError)(f"{NAME}: {told}")
        return chunk


def _aside(words: _Words, calls: Calls, thoughts: Thoughts) -> None:
    """Take what comes beside the words: thoughts, and pieces of calls."""
    for field in ("reasoning_content", "reasoning"):
        piece = getattr(words, field)
        if isinstance(piece, str) and piece and len(thoughts.get(field, "")) < LARGEST:
            thoughts[field] = thoughts.get(field, "") + piece
    for call in words.tool_calls or ():
        function = call.function or _Function()
        calls.add(call.index, call.id or "", function.name or "", function.arguments or "")


def _asked(call: Call) -> dict[str, Any]:
    arguments = json.dumps(call.arguments, ensure_ascii=False)
    return {"id": call.id, "type": "function", "function": {"name": call.tool, "arguments": arguments}}
