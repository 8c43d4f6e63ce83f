"""An eye behind Google's Gemini interface. https://ai.google.dev/gemini-api/docs/image-understanding"""

import base64
from collections.abc import AsyncIterator
from typing import Any, ClassVar

from marotte.engines.gemini import GeminiSettings, Server
from marotte.engines.kinds import EngineSettings, EngineUnavailable, Kit
from marotte.senses.sight.asking import answer, order, words_of

NAME = "gemini eye"


class GeminiEyeSettings(GeminiSettings):
    """Settings of the eye. Google's own server is given GEMINI_API_KEY; no other is."""


class GeminiEye:
    """Sends a picture to Gemini and gives back what it sees."""

    Settings: ClassVar[type[EngineSettings]] = GeminiEyeSettings

    def __init__(self, settings: GeminiEyeSettings, kit: Kit) -> None:
        self._model = settings.model
        self._server = Server(NAME, settings, kit)

    @classmethod
    def check(cls, settings: GeminiEyeSettings, kit: Kit) -> str:
        """Say what is missing for it to work, or ""."""
        return Server(NAME, settings, kit).missing()

    async def warm(self) -> None:
        """Get ready to send."""
        await self._server.warm()

    async def close(self) -> None:
        """It holds nothing: the connections are the kit's."""

    async def see(self, picture: bytes, language: str) -> AsyncIterator[str]:
        """Yield what is seen, once. Raises EngineUnsuited where the model may not answer."""
        body = self._body(picture, language)
        said = self._server.read(await answer(self._server, f"models/{self._model}:generateContent", json=body))
        self._server.judge(said)
        if not (words := words_of(said.words)):
            raise EngineUnavailable(f"{NAME}: answered without a word ({said.finished})")
        yield words

    def _body(self, picture: bytes, language: str) -> dict[str, Any]:
        shown = {"inlineData": {"mimeType": "image/jpeg", "data": base64.b64encode(picture).decode()}}
        more = {"systemInstruction": {"parts": [{"text": order(language)}]}}
        return self._server.body([{"role": "user", "parts": [shown]}], {}, **more)
