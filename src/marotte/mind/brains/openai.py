"""A brain behind OpenAI's chat interface: OpenAI's own, and the servers that speak it (llama.cpp, Ollama, vLLM, …).

https://platform.openai.com/docs/api-reference/chat/create
"""

from collections.abc import AsyncIterator
from typing import Any, ClassVar

import msgspec
from pydantic import Field

from marotte.engines.kinds import Counted, EngineError, EngineSettings, EngineUnavailable, Kit, Prompt
from marotte.engines.openai import DONE, OpenAISettings, Server, events

GO_ON = "You were cut off there. Go on exactly where you broke off; repeat nothing and do not mention it."


class OpenAIBrainSettings(OpenAISettings):
    """Settings of the brain."""

    model: str = "gpt-4o-mini"
    temperature: float | None = Field(default=None, ge=0, le=2)
    max_tokens: int | None = Field(default=None, ge=1)


class _Words(msgspec.Struct):
    content: str | None = None


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

    def __init__(self, settings: OpenAIBrainSettings, kit: Kit) -> None:
        self._settings = settings
        self._server = Server("openai brain", settings, kit)

    @classmethod
    def check(cls, settings: OpenAIBrainSettings, kit: Kit) -> str:
        """Say what is missing for it to work, or ""."""
        return Server("openai brain", settings, kit).missing()

    async def warm(self) -> None:
        """Get ready to send."""
        await self._server.warm()

    async def close(self) -> None:
        """It holds nothing: the connections are the kit's."""

    async def reply(self, prompt: Prompt) -> AsyncIterator[str | Counted]:
        """Yield the reply in the pieces in which the server sends it, and the tokens that it has counted."""
        settings = self._settings
        body: dict[str, Any] = {"model": settings.model, "messages": messages(prompt), "stream": True}
        if settings.temperature is not None:
            body["temperature"] = settings.temperature
        if settings.max_tokens is not None:
            body["max_tokens"] = settings.max_tokens
        async with self._server.post("chat/completions", json={**body, **settings.extra}) as response:
            if response.content_type not in ("text/event-stream", "application/json"):
                complaint = await self._server.complaint(response)
                raise EngineUnavailable(f"openai brain: sent {response.content_type} instead of a stream: {complaint}")
            finished = False
            async for data in events(self._server.name, response):
                if data == DONE:
                    finished = True
                    continue
                chunk = self._read(data)
                for choice in (chunk.choices or ())[:1]:
                    words = choice.delta or choice.message
                    if words and words.content:
                        yield words.content
                    finished = finished or bool(choice.finish_reason)
                if chunk.usage:
                    yield Counted(chunk.usage.total_tokens)
            if not finished:
                raise EngineError("openai brain: the reply broke off")

    def _read(self, data: bytes) -> _Chunk:
        try:
            chunk = _chunk.decode(data)
        except msgspec.DecodeError as error:
            raise EngineError(f"openai brain: sent what is no reply ({error}): {self._server.message(data)}") from None
        if chunk.error:
            raise EngineError(f"openai brain: the server has failed: {self._server.message(data)}")
        return chunk


def messages(prompt: Prompt) -> list[dict[str, str]]:
    """Write a prompt as chat messages; roles alternate, as the templates of many models demand."""
    said = [(m.role, f"{m.name}: {m.text}" if m.name and m.role == "user" else m.text) for m in prompt.history]
    said.append(("user", prompt.text))
    if prompt.said:
        said += [("assistant", prompt.said), ("user", GO_ON)]
    found = [{"role": "system", "content": prompt.system}]
    for role, text in said:
        if found[-1]["role"] == role:
            found[-1]["content"] += f"\n{text}"
        else:
            found.append({"role": role, "content": text})
    return found
