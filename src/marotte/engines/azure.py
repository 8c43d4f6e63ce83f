"""Azure Speech through Microsoft's Speech SDK: what the ear and the voice share.

How the SDK and the service talk is described for nobody else, so the SDK does it (extra ``azure``, 8 MB, under
Microsoft's own licence). Its calls block, its threads outlive what they were started for and abort a process that ends
before them: it lives in child programs, one for each line or turn at once, and what hangs is killed.

https://learn.microsoft.com/azure/ai-services/speech-service/speech-sdk
"""

import asyncio
import re
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from importlib.util import find_spec
from typing import Self

from pydantic import Field, model_validator

from marotte.engines.child import Child
from marotte.engines.kinds import EngineError, EngineSettings, EngineUnavailable, EngineUnsuited, Kit

MOST = 8
"""Lines or turns at once."""
_IDLE = 2
"""Programs that are kept for the next; one takes some 40 MB."""
_LOCALES = {
    "ar": "ar-EG", "cs": "cs-CZ", "da": "da-DK", "de": "de-DE", "el": "el-GR", "en": "en-US", "es": "es-ES",
    "fi": "fi-FI", "fr": "fr-FR", "he": "he-IL", "hi": "hi-IN", "hu": "hu-HU", "id": "id-ID", "it": "it-IT",
    "ja": "ja-JP", "ko": "ko-KR", "nb": "nb-NO", "nl": "nl-NL", "no": "nb-NO", "pl": "pl-PL", "pt": "pt-BR",
    "ro": "ro-RO", "ru": "ru-RU", "sv": "sv-SE", "th": "th-TH", "tr": "tr-TR", "uk": "uk-UA", "vi": "vi-VN",
    "zh": "zh-CN", "zh-hans": "zh-CN", "zh-hant": "zh-TW", "es-419": "es-MX",
}  # fmt: skip
"""Where a language is spoken unless its tag says so: the service wants to be told."""


class AzureSettings(EngineSettings):
    """Which Azure Speech. The service in a region is given AZURE_SPEECH_KEY, a container only the key that is named."""

    region: str = Field(default="", pattern=r"^[a-z0-9]*$")
    """The region of your Speech resource, ``westeurope``."""
    host: str = Field(default="", pattern=r"^(wss?://[A-Za-z0-9.-]+(:[0-9]+)?)?$")
    """Instead of a region: where a Speech container listens, ``ws://localhost:5000``."""
    secret: str = Field(default="", pattern=r"^([A-Z][A-Z0-9_]*(_KEY|_TOKEN|_SECRET|_PASSWORD|_PASS))?$")
    """Name of the environment variable with the key."""

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if self.region and self.host:
            raise ValueError("host: a container has no region; set one of them")
        return self


class Programs:
    """The child programs of one engine: as many as there are lines or turns at once, and used again."""

    def __init__(self, name: str, module: str, settings: AzureSettings, kit: Kit) -> None:
        """``name`` is for error messages."""
        self._name, self._module, self._settings = name, module, settings
        self._secret = settings.secret or ("AZURE_SPEECH_KEY" if settings.region else "")
        self._key = kit.secrets.get(self._secret, "")
        self._all: set[Child] = set()
        self._idle: list[Child] = []
        self._ending: set[asyncio.Task[None]] = set()

    @property
    def service(self) -> dict[str, str]:
        """What a program must know of the service; the key goes to it over its pipe and nowhere else."""
        return {"region": self._settings.region, "host": self._settings.host, "key": self._key, "secret": self._secret}

    def missing(self) -> str:
        """Say what is missing for it to work, or ""."""
        try:
            installed = find_spec("azure.cognitiveservices.speech")
        except ModuleNotFoundError:
            installed = None
        if installed is None:
            return "the Azure Speech SDK is missing: pip install 'marotte[azure]'"
        if not self._settings.region and not self._settings.host:
            return 'azure wants to know the region of your Speech resource: region = "westeurope"'
        return f"azure wants a key: set {self._secret}" if self._secret and not self._key else ""

    @asynccontextmanager
    async def one(self) -> AsyncGenerator[Child]:
        """Lend a program. One that has failed is ended, one that was cut settles before it is asked again.

        Raises EngineUnavailable where something is missing, EngineUnsuited where too many are lent.
        """
        if missing := self.missing():
            raise EngineUnavailable(f"{self._name}: {missing}")
        if not self._idle and len(self._all) >= MOST:
            raise EngineUnsuited(f"{self._name}: {MOST} requests are being answered already")
        child = self._idle.pop() if self._idle else Child(self._name, self._module)
        self._all.add(child)
        failed, ended = False, False
        try:
            yield child
            ended = True
        except EngineError as error:
            failed = not isinstance(error, EngineUnsuited)
            raise
        finally:
            if failed or len(self._idle) >= _IDLE:
                self._end(child)
            else:
                self._idle.insert(len(self._idle) if ended else 0, child)

    def _end(self, child: Child) -> None:
        """End a program; nobody waits for it."""
        self._all.discard(child)
        task = asyncio.create_task(child.close())
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)

    async def close(self) -> None:
        """End the programs."""
        self._idle.clear()
        await asyncio.gather(*(child.close() for child in self._all), *self._ending, return_exceptions=True)


def locale(tag: str) -> str:
    """Return a language with a place where it is spoken: ``ja-JP`` for ``ja``. Chinese has no script besides it."""
    return _LOCALES.get(tag.lower()) or re.sub("-Han[st]-", "-", tag)
