"""Florence-2 behind Roboflow's Inference server, which runs it on a machine of your own; it writes English.

https://inference.roboflow.com, version 1.5, route ``/infer/lmm``. The server loads the model's weights (MIT) with a key
of Roboflow; vLLM, which served Florence-2 until 0.10, does so no more.
"""

import base64
import re
from collections.abc import AsyncIterator
from typing import Any, ClassVar, Literal

import msgspec
from pydantic import Field

from marotte.config import Url
from marotte.engines.chat import UNREADABLE
from marotte.engines.http import HttpSettings, Server
from marotte.engines.kinds import EngineSettings, EngineUnavailable, Kit
from marotte.senses.sight.asking import answer, words_of

NAME = "florence"
_MARKS = re.compile(r"</?[a-z_0-9]+>", re.IGNORECASE)
"""What a model's vocabulary has besides words: ``</s>``, ``<pad>``."""


class FlorenceSettings(HttpSettings):
    """Settings of the eye."""

    url: Url = "http://127.0.0.1:9001"
    """Where Inference listens."""
    model: str = Field(default="florence-2-base", pattern=r"^[A-Za-z0-9._/-]+$")
    """``florence-2-base``, ``florence-2-large``, or a project of your own on Roboflow."""
    detail: Literal["CAPTION", "DETAILED_CAPTION", "MORE_DETAILED_CAPTION"] = "DETAILED_CAPTION"
    """The model's task: a few words, a sentence or two, or a paragraph."""


class _Answer(msgspec.Struct):
    response: dict[str, Any] | str


_answer = msgspec.json.Decoder(_Answer)


class FlorenceEye:
    """Sends a picture to Florence-2 and gives back its caption."""

    Settings: ClassVar[type[EngineSettings]] = FlorenceSettings

    def __init__(self, settings: FlorenceSettings, kit: Kit) -> None:
        self._settings = settings
        self._server = Server(NAME, settings.url, kit, settings.secret)

    @classmethod
    def check(cls, settings: FlorenceSettings, kit: Kit) -> str:
        """Say what is missing for it to work, or ""."""
        return Server(NAME, settings.url, kit, settings.secret).missing()

    async def warm(self) -> None:
        """Get ready to send."""
        await self._server.warm()

    async def close(self) -> None:
        """It holds nothing: the connections are the kit's."""

    async def see(self, picture: bytes, language: str) -> AsyncIterator[str]:
        """Yield what is seen, once, in English."""
        yield self._read(await answer(self._server, "infer/lmm", json=self._body(picture)))

    def _body(self, picture: bytes) -> dict[str, Any]:
        body: dict[str, Any] = {
            "model_id": self._settings.model,
            "image": {"type": "base64", "value": base64.b64encode(picture).decode()},
            "prompt": f"<{self._settings.detail}>",
        }
        # The header, which the server of the kit sends, is read from 1.5 on; older servers look here.
        return {**body, "api_key": self._server.key} if self._server.key else body

    def _read(self, data: bytes) -> str:
        """Take the caption out of an answer: a text, or one under the name of its task."""
        try:
            given = _answer.decode(data).response
        except UNREADABLE as error:
            raise EngineUnavailable(f"{NAME}: sent what is no answer ({error}): {self._server.message(data)}") from None
        said = given if isinstance(given, str) else given.get(f"<{self._settings.detail}>")
        words = words_of(_MARKS.sub(" ", said)) if isinstance(said, str) else ""
        if not words:
            raise EngineUnavailable(f"{NAME}: answered without a word: {self._server.message(data)}")
        return words
