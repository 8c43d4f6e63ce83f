"""A brain behind Google's Gemini interface.

https://ai.google.dev/api/generate-content (streamGenerateContent), with its functions, pictures and thinking. Thoughts
are never spoken; their signatures go back with the calls that they led to, without which the server refuses them.
"""

from collections.abc import AsyncIterator
from typing import Any, ClassVar, Literal

from pydantic import Field

from marotte.engines.chat import ChatSettings, Rounds, pictures, spoken
from marotte.engines.gemini import GeminiSettings, Part, Server
from marotte.engines.http import events
from marotte.engines.kinds import Call, Counted, EngineError, EngineSettings, EngineUnavailable, Kit, Prompt, Result

NAME = "gemini brain"
_MOST_CALLS = 32
_FOREIGN = "skip_thought_signature_validator"
"""The signature that Google gives to calls which its model did not make itself."""


class GeminiBrainSettings(GeminiSettings, ChatSettings):
    """Settings of the brain. Google's own server is given GEMINI_API_KEY; no other is."""

    thinking: Literal["", "minimal", "low", "medium", "high"] = ""
    """How much it thinks before it speaks, which delays the first word; "" leaves it to the model."""
    max_tokens: int | None = Field(default=None, ge=1)
    """The longest reply, in tokens, with its thoughts; left out, the server decides."""


class GeminiBrain:
    """Asks Gemini for a reply and passes its words on as they come."""

    Settings: ClassVar[type[EngineSettings]] = GeminiBrainSettings
    translates: ClassVar[bool] = True
    stops_at_once: ClassVar[bool] = True

    def __init__(self, settings: GeminiBrainSettings, kit: Kit) -> None:
        self._settings = settings
        self._server = Server(NAME, settings, kit)
        self._rounds: Rounds[dict[str, str]] = Rounds()

    @classmethod
    def check(cls, settings: GeminiBrainSettings, kit: Kit) -> str:
        """Say what is missing for it to work, or ""."""
        return Server(NAME, settings, kit).missing()

    async def warm(self) -> None:
        """Get ready to send."""
        await self._server.warm()

    async def close(self) -> None:
        """It holds nothing: the connections are the kit's."""

    async def reply(self, prompt: Prompt) -> AsyncIterator[str | Counted | Call]:
        """Yield the reply in the pieces in which the server sends it, the tokens that it has counted, and its calls."""
        path = f"models/{self._settings.model}:streamGenerateContent?alt=sse"
        calls, signatures = list[Call](), dict[str, str]()
        begun, finished, tokens = False, "", 0
        async with self._server.post(path, json=self._body(prompt)) as response:
            if response.content_type != "text/event-stream":
                complaint = await self._server.complaint(response)
                raise EngineUnavailable(f"{NAME}: sent {response.content_type} instead of a stream: {complaint}")
            async for data in events(NAME, response):
                answer = self._server.read(data, begun)
                if answer.words:
                    begun = True
                    yield answer.words
                calls += self._calls(answer.parts, signatures)
                if len(calls) > _MOST_CALLS:
                    raise EngineError(f"{NAME}: called more than anybody could want")
                self._server.judge(answer, begun)
                finished, tokens = finished or answer.finished, answer.tokens or tokens
        if tokens:
            yield Counted(tokens)
        if not finished:
            raise EngineError(f"{NAME}: the reply broke off")
        if finished == "MAX_TOKENS" and not begun and not calls:
            raise EngineUnavailable(f"{NAME}: all its tokens went into thoughts: raise max_tokens or lower thinking")
        self._rounds.keep(calls, signatures)
        for call in calls:
            yield call

    def _calls(self, parts: list[Part], signatures: dict[str, str]) -> list[Call]:
        """Return the calls among the parts of an answer, and put their signatures by their ids."""
        calls: list[Call] = []
        for part in parts:
            if part.function_call and part.function_call.name:
                asked = part.function_call
                calls.append(Call(id=self._rounds.name(asked.id), tool=asked.name, arguments=asked.args or {}))
                if part.thought_signature:
                    signatures[calls[-1].id] = part.thought_signature
        return calls

    def _body(self, prompt: Prompt) -> dict[str, Any]:
        settings, generation = self._settings, dict[str, Any]()
        if settings.thinking:
            generation["thinkingConfig"] = {"thinkingLevel": settings.thinking}
        if settings.max_tokens is not None:
            generation["maxOutputTokens"] = settings.max_tokens
        more: dict[str, Any] = {}
        if prompt.system:
            more["systemInstruction"] = {"parts": [{"text": prompt.system}]}
        if prompt.tools and settings.tools:
            declared = [
                {"name": tool.name, "description": tool.description, "parametersJsonSchema": tool.parameters}
                for tool in prompt.tools
            ]
            more["tools"] = [{"functionDeclarations": declared}]
        return self._server.body(self._contents(prompt), generation, **more)

    def _contents(self, prompt: Prompt) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = [
            {"role": "model" if m.role == "assistant" else "user", "parts": [{"text": m.text}]} for m in spoken(prompt)
        ]
        found[-1]["parts"][:0] = [
            {"inlineData": {"mimeType": "image/jpeg", "data": picture}} for picture in pictures(prompt, self._settings)
        ]
        said = [{"text": prompt.said}] if prompt.said.strip() else []
        for signatures, results in self._rounds.of(prompt.results):
            asked = [_asked(result, signatures) for result in results]
            if signatures is None:  # of several calls at once, the first bears the signature
                asked[0]["thoughtSignature"] = _FOREIGN
            found += [{"role": "model", "parts": [*said, *asked]}, {"role": "user", "parts": list(map(_told, results))}]
            said = []
        return found


def _asked(result: Result, signatures: dict[str, str] | None) -> dict[str, Any]:
    call = result.call
    part: dict[str, Any] = {"functionCall": {"id": call.id, "name": call.tool, "args": call.arguments}}
    if signature := (signatures or {}).get(call.id):
        part["thoughtSignature"] = signature
    return part


def _told(result: Result) -> dict[str, Any]:
    told = {"id": result.call.id, "name": result.call.tool, "response": {"output": result.text}}
    return {"functionResponse": told}
