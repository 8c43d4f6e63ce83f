"""An eye behind Azure's Image Analysis 4.0: it describes the whole and up to nine parts, in English.

https://learn.microsoft.com/azure/ai-services/computer-vision/how-to/call-analyze-image-40, version 2024-02-01, feature
``denseCaptions``, with a key of a Vision resource. Microsoft ends the service on 25 September 2028.
"""

from collections.abc import AsyncIterator
from typing import ClassVar

import msgspec

from marotte.config import Url
from marotte.engines.chat import UNREADABLE
from marotte.engines.http import HttpSettings, Server
from marotte.engines.kinds import EngineSettings, EngineUnavailable, EngineUnsuited, Kit
from marotte.senses.sight.asking import answer
from marotte.senses.sight.header import PictureError, size_of

NAME = "azure eye"
_PATH = (
    "computervision/imageanalysis:analyze?api-version=2024-02-01&features=denseCaptions"
    "&language=en&gender-neutral-caption=true"
)
_OWN = (".cognitiveservices.azure.com", ".cognitiveservices.azure.us", ".cognitiveservices.azure.cn")
_SMALLEST = 50
"""Pixels a side."""
_SURE = 0.6
"""How sure it must be of a part."""
_MOST_PARTS = 4


class AzureEyeSettings(HttpSettings):
    """Settings of the eye. Azure's own servers are given AZURE_VISION_KEY; no other is."""

    url: Url
    """Where your Vision resource is: ``https://NAME.cognitiveservices.azure.com``."""


class _Caption(msgspec.Struct):
    text: str
    confidence: float


class _Captions(msgspec.Struct):
    values: list[_Caption]


class _Answer(msgspec.Struct, rename="camel"):
    dense_captions_result: _Captions


_answer = msgspec.json.Decoder(_Answer)


class AzureEye:
    """Sends a picture to Azure and gives back what it describes."""

    Settings: ClassVar[type[EngineSettings]] = AzureEyeSettings

    def __init__(self, settings: AzureEyeSettings, kit: Kit) -> None:
        self._server = _server(settings, kit)

    @classmethod
    def check(cls, settings: AzureEyeSettings, kit: Kit) -> str:
        """Say what is missing for it to work, or ""."""
        return _server(settings, kit).missing()

    async def warm(self) -> None:
        """Get ready to send."""
        await self._server.warm()

    async def close(self) -> None:
        """It holds nothing: the connections are the kit's."""

    async def see(self, picture: bytes, language: str) -> AsyncIterator[str]:
        """Yield what is seen, once, in English. Raises EngineUnsuited for a picture that is too small for it."""
        try:
            size = size_of(picture)
        except PictureError as error:
            raise EngineUnsuited(f"{NAME}: {error}") from None
        if min(size) < _SMALLEST:
            raise EngineUnsuited(f"{NAME}: it wants {_SMALLEST} pixels a side, not {size[0]} × {size[1]}")
        headers = {"Content-Type": "application/octet-stream"}
        said = await answer(self._server, _PATH, headers, data=picture)
        try:
            captions = _answer.decode(said).dense_captions_result.values
        except UNREADABLE as error:
            raise EngineUnavailable(f"{NAME}: sent what is no answer ({error}): {self._server.message(said)}") from None
        yield _told(captions)


def _server(settings: AzureEyeSettings, kit: Kit) -> Server:
    own = settings.url.rstrip("/").endswith(_OWN)
    secret = settings.secret or ("AZURE_VISION_KEY" if own else "")
    return Server(NAME, settings.url, kit, secret, header="Ocp-Apim-Subscription-Key", scheme="")


def _told(captions: list[_Caption]) -> str:
    """Put captions into two sentences: the whole, which comes first, and the parts that it is sure of, each once."""
    if not captions:
        raise EngineUnavailable(f"{NAME}: described nothing")
    whole, *parts = (" ".join(caption.text.split()).rstrip(".") for caption in captions if _sure(caption, captions))
    others = [part for part in dict.fromkeys(parts) if part != whole][:_MOST_PARTS]
    return f"{_capital(whole)}." + (f" There is {'; '.join(others)}." if others else "")


def _sure(caption: _Caption, captions: list[_Caption]) -> bool:
    return caption is captions[0] or caption.confidence >= _SURE


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
