"""A brain behind Anthropic's Messages interface: Claude, and the local servers that speak it.

https://platform.claude.com/docs/en/api/messages, with its tools, pictures and thinking. Claude's thoughts are never
spoken; they go back, signed as they came, beside the calls that they led to.
"""

import re
from collections.abc import AsyncIterator
from typing import ClassVar

from marotte.engines.anthropic import VERSION, AnthropicSettings, Block, Reply, Server, rest
from marotte.engines.chat import Rounds, pictures, spoken
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

NAME = "anthropic brain"
_CONTROL = {"cache_control": {"type": "ephemeral"}}


class AnthropicBrain:
    """Asks Claude for a reply and passes its words on as they come."""

    Settings: ClassVar[type[EngineSettings]] = AnthropicSettings
    translates: ClassVar[bool] = True
    stops_at_once: ClassVar[bool] = True

    def __init__(self, settings: AnthropicSettings, kit: Kit) -> None:
        self._settings = settings
        self._server = Server(NAME, settings, kit)
        self._rounds: Rounds[list[Block]] = Rounds()

    @classmethod
    def check(cls, settings: AnthropicSettings, kit: Kit) -> str:
        """Say what is missing for it to work, or ""."""
        return Server(NAME, settings, kit).missing()

    async def warm(self) -> None:
        """Get ready to send."""
        await self._server.warm()

    async def close(self) -> None:
        """It holds nothing: the connections are the kit's."""

    async def reply(self, prompt: Prompt) -> AsyncIterator[str | Counted | Call]:
        """Yield the reply in the pieces in which the server sends it, the tokens that it has counted, and its calls."""
        reply = Reply(NAME)
        async with self._server.post("messages", VERSION, json=self._body(prompt)) as response:
            if response.content_type != "text/event-stream":
                complaint = await self._server.complaint(response)
                raise EngineUnavailable(f"{NAME}: sent {response.content_type} instead of a stream: {complaint}")
            over, stream = False, events(NAME, response)
            async for data in stream:
                event = self._server.read(data, reply.spoken)
                if words := reply.take(event):
                    yield words
                if event.type == "message_delta" and event.usage:
                    yield Counted(reply.read + (event.usage.output_tokens or 0))
                if over := event.type == "message_stop":
                    await rest(stream)
                    break
            if not over:
                raise EngineError(f"{NAME}: the reply broke off")
        self._check(reply)
        whole = reply.calls.all(self._rounds)
        self._rounds.keep(whole, list(reply.thoughts.values()))
        for call in whole:
            yield call

    def _check(self, reply: Reply) -> None:
        """Raise EngineUnsuited where Claude declines, EngineUnavailable where it has thought and said nothing."""
        if reply.stopped == "refusal":
            raise EngineUnsuited(f"{NAME}: the model declines to answer this")
        if reply.stopped == "max_tokens" and not reply.spoken:
            spent = self._settings.max_tokens
            raise EngineUnavailable(f"{NAME}: its {spent} tokens went into thoughts: raise max_tokens or lower effort")

    def _body(self, prompt: Prompt) -> Block:
        settings, system = self._settings, {"type": "text", "text": prompt.system}
        body: Block = {
            "model": settings.model,
            "max_tokens": settings.max_tokens,
            "messages": self._messages(prompt),
            "stream": True,
        }
        if prompt.system:
            body["system"] = [{**system, **(_CONTROL if settings.cache else {})}]
        if settings.thinking:
            body["thinking"] = {"type": settings.thinking}
        if settings.effort:
            body["output_config"] = {"effort": settings.effort}
        if prompt.tools and settings.tools:
            body["tools"] = [
                {"name": tool.name, "description": tool.description, "input_schema": tool.parameters}
                for tool in prompt.tools
            ]
        elif prompt.results:  # what was called must be declared, even where nothing more may be called
            names = dict.fromkeys(result.call.tool for result in prompt.results)
            body["tools"] = [{"name": name, "input_schema": {"type": "object"}} for name in names]
            body["tool_choice"] = {"type": "none"}
        return {**body, **settings.extra}

    def _messages(self, prompt: Prompt) -> list[Block]:
        found: list[Block] = [{"role": m.role, "content": [_text(m.text)]} for m in spoken(prompt)]
        found[-1]["content"][:0] = [
            {"type": "image", "source": {"type": "base64", "media_type": "image/jpeg", "data": picture}}
            for picture in pictures(prompt, self._settings)
        ]
        said = [_text(prompt.said)] if prompt.said.strip() else []
        for thoughts, results in self._rounds.of(prompt.results):
            asked = [
                {"type": "tool_use", "id": _id(r.call), "name": r.call.tool, "input": r.call.arguments} for r in results
            ]
            found.append({"role": "assistant", "content": [*(thoughts or ()), *said, *asked]})
            told = [{"type": "tool_result", "tool_use_id": _id(r.call), "content": r.text} for r in results]
            found.append({"role": "user", "content": told})
            said = []
        return found


def _text(text: str) -> Block:
    return {"type": "text", "text": text}


def _id(call: Call) -> str:
    """Return a call's id in the letters that Claude allows: another brain may have given it."""
    return re.sub(r"[^A-Za-z0-9_-]", "_", call.id)
