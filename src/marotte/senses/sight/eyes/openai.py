"""An eye behind OpenAI's chat interface: OpenAI's own, and the servers that speak it with a model that sees.

llama.cpp, vLLM, LM Studio, Ollama and many more do. https://platform.openai.com/docs/guides/images-vision
"""

import base64
import re
from collections.abc import AsyncIterator
from typing import Any, ClassVar, Literal

import msgspec
from pydantic import Field

from marotte.engines.chat import UNREADABLE
from marotte.engines.kinds import EngineSettings, EngineUnavailable, EngineUnsuited, Kit
from marotte.engines.openai import OpenAISettings, Server
from marotte.senses.sight.asking import answer, order, words_of

NAME = "openai eye"
_FILTERED = re.compile(r"content.?(filter|policy|management)|safety system", re.IGNORECASE)
"""How OpenAI and Azure say, with status 400, that a picture is not let through to the model."""


class OpenAIEyeSettings(OpenAISettings):
    """Settings of the eye."""

    model: str = "gpt-5.4-mini"
    """The model's name, as the server knows it; it must see."""
    detail: Literal["", "low", "high", "auto"] = ""
    """How closely OpenAI's models look, which is paid for; "" leaves it to the server."""
    max_tokens: int | None = Field(default=None, ge=1)
    """The longest answer, in tokens, with a model's thoughts; left out, the server decides."""


class _Message(msgspec.Struct):
    content: str | None = None
    refusal: str | None = None


class _Choice(msgspec.Struct):
    message: _Message
    finish_reason: str | None = None


class _Answer(msgspec.Struct):
    choices: list[_Choice] | None = None
    error: Any = None


_answer = msgspec.json.Decoder(_Answer)


class OpenAIEye:
    """Sends a picture to a server and gives back what its model sees."""

    Settings: ClassVar[type[EngineSettings]] = OpenAIEyeSettings

    def __init__(self, settings: OpenAIEyeSettings, kit: Kit) -> None:
        self._settings = settings
        self._server = Server(NAME, settings, kit)

    @classmethod
    def check(cls, settings: OpenAIEyeSettings, kit: Kit) -> str:
        """Say what is missing for it to work, or ""."""
        return Server(NAME, settings, kit).missing()

    async def warm(self) -> None:
        """Get ready to send."""
        await self._server.warm()

    async def close(self) -> None:
        """It holds nothing: the connections are the kit's."""

    async def see(self, picture: bytes, language: str) -> AsyncIterator[str]:
        """Yield what is seen, once. Raises EngineUnsuited where the model, or a filter before it, declines."""
        try:
            said = await answer(self._server, "chat/completions", json=self._body(picture, language))
        except EngineUnavailable as error:
            if _FILTERED.search(str(error)):
                raise EngineUnsuited(str(error)) from None
            raise
        yield self._read(said)

    def _body(self, picture: bytes, language: str) -> dict[str, Any]:
        settings = self._settings
        shown = {"url": f"data:image/jpeg;base64,{base64.b64encode(picture).decode()}"}
        if settings.detail:
            shown["detail"] = settings.detail
        body: dict[str, Any] = {
            "model": settings.model,
            "messages": [
                {"role": "system", "content": order(language)},
                {"role": "user", "content": [{"type": "image_url", "image_url": shown}]},
            ],
        }
        if settings.max_tokens is not None:
            # OpenAI's own models that think refuse the old name, and other servers do not all know the new one.
            body["max_completion_tokens" if self._server.own else "max_tokens"] = settings.max_tokens
        return {**body, **settings.extra}

    def _read(self, data: bytes) -> str:
        """Take the words out of an answer."""
        try:
            read = _answer.decode(data)
        except UNREADABLE as error:
            raise EngineUnavailable(f"{NAME}: sent what is no answer ({error}): {self._server.message(data)}") from None
        if read.error:
            raise EngineUnavailable(f"{NAME}: the server has failed: {self._server.message(data)}")
        choice = (read.choices or [_Choice(_Message())])[0]
        if choice.message.refusal or choice.finish_reason == "content_filter":
            reason = self._server.clean(choice.message.refusal or "its content filter stopped it")
            raise EngineUnsuited(f"{NAME}: the model declines: {reason}")
        if not (words := words_of(choice.message.content or "")):
            raise EngineUnavailable(f"{NAME}: answered without a word ({choice.finish_reason})")
        return words
