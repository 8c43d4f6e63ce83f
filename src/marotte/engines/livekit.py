"""LiveKit's plugins without LiveKit: what the ear and the voice share that speak through one (extra ``livekit``).

livekit-agents 1.8 (Apache-2.0) has adapters to some seventy providers, one package each, that work without a room or a
session: https://docs.livekit.io/agents/models/. They run in a child process (``livekit_program.py``). A plugin must be
imported by the main thread, which takes seconds of computing and 120 MB; and what these packages bring along, telemetry
and native libraries among it, stays out of the process whose event loop the character's voice hangs on.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from importlib.util import find_spec
from typing import Annotated, Any, Literal

from pydantic import Field

from marotte.engines.child import Child, Frame
from marotte.engines.kinds import EngineError, EngineSettings, EngineUnavailable, Kit

_PROGRAM = "marotte.engines.livekit_program"
_SECRET = r"^[A-Z][A-Z0-9_]*(_KEY|_TOKEN|_SECRET|_PASSWORD|_PASS)$"


class LiveKitSettings(EngineSettings):
    """Which plugin, and what it is told when it is made. ``livekit:deepgram`` in a chain sets ``plugin`` by itself."""

    plugin: str = Field(pattern=r"^[a-z][a-z0-9_]{0,40}$")
    """The last part of ``livekit.plugins.…``: ``cartesia``, ``deepgram``, ``openai``, …"""
    options: dict[str, Any] = Field(default_factory=dict[str, Any])
    """What the plugin's ``TTS(…)`` or ``STT(…)`` takes: ``{model = "sonic-3"}``. Never a key."""
    secret: str = Field(default="", pattern=rf"{_SECRET}|^$")
    """Name of the environment variable whose value it gets as ``api_key``; usual is ``CARTESIA_API_KEY`` for cartesia,
    and so on, where that is set."""
    secrets: dict[str, Annotated[str, Field(pattern=_SECRET)]] = Field(default_factory=dict[str, str])
    """Variables for its other options that are secret: ``{speech_key = "AZURE_SPEECH_KEY"}``."""
    programs: int = Field(default=1, ge=1, le=8)
    """How many processes there may be, some 150 MB each: so many partners are heard, or lines made, at once."""


class Plugin:
    """One plugin in programs of its own; the first is started early, the others when they are needed."""

    def __init__(self, kind: Literal["TTS", "STT"], settings: LiveKitSettings, kit: Kit) -> None:
        self.name = f"livekit {settings.plugin}"
        self._settings, self._kit = settings, kit
        self._children = [
            Child(self.name, _PROGRAM, (kind, settings.plugin), start_within=60.0) for _ in range(settings.programs)
        ]
        self._asked: list[Child] = []
        """Those that have requests, once for each."""

    @staticmethod
    def missing(settings: LiveKitSettings, kit: Kit) -> str:
        """Say what is missing for it to work, or ""."""
        if not find_spec("livekit") or not find_spec("livekit.agents"):
            return "livekit-agents is missing: pip install 'marotte[livekit]'"
        if not find_spec("livekit.plugins") or not find_spec(f"livekit.plugins.{settings.plugin}"):
            package = f"livekit-plugins-{settings.plugin.replace('_', '-')}"
            return f"LiveKit's plugin {settings.plugin} is missing: pip install {package}"
        for variable in (settings.secret, *settings.secrets.values()):
            if variable and not kit.secrets.get(variable):
                return f"livekit {settings.plugin} wants a key: set {variable}"
        return ""

    async def warm(self) -> None:
        """Start the program, which imports the plugin. Raises EngineUnavailable where that fails."""
        if missing := self.missing(self._settings, self._kit):
            raise EngineUnavailable(missing)
        await self._children[0].start()

    async def close(self) -> None:
        """End the programs."""
        await asyncio.gather(*(child.close() for child in self._children))

    async def ask(
        self,
        header: dict[str, Any],
        options: dict[str, Any],
        payload: bytes = b"",
        more: AsyncIterator[Frame] | None = None,
    ) -> AsyncGenerator[Frame]:
        """Yield the plugin's answers; ``options`` go before those of the settings.

        Raises EngineUnavailable where it fails before its first answer, EngineError after.
        """
        child = min(self._children, key=self._asked.count)
        if not child.pid and (missing := self.missing(self._settings, self._kit)):
            raise EngineUnavailable(missing)
        asked = {**header, "options": {**self._settings.options, **options}, "secrets": self._keys()}
        given = False
        self._asked.append(child)
        try:
            async with aclosing(child.request(asked, payload, more)) as answers:
                async for answer, data in answers:
                    if "failed" in answer:
                        raise EngineError(f"{self.name} {self._reason(answer)}")
                    given = True
                    yield answer, data
        except EngineError as error:
            if isinstance(error, EngineUnavailable):
                raise
            raise (EngineError if given else EngineUnavailable)(self._clean(str(error))) from None
        finally:
            self._asked.remove(child)

    def _keys(self) -> dict[str, str]:
        settings, known = self._settings, self._kit.secrets
        named = {"api_key": settings.secret or f"{settings.plugin.upper()}_API_KEY", **settings.secrets}
        return {option: known[variable] for option, variable in named.items() if known.get(variable)}

    def _clean(self, text: str) -> str:
        """Return a text fit for an error message: one line, short, without the keys."""
        line = " ".join(text.split())
        for key in self._keys().values():
            line = line.replace(key, "…")
        return line[:300]

    def _reason(self, answer: dict[str, Any]) -> str:
        """Tell in plain words why a provider refuses."""
        status, said = answer["status"], answer["failed"]
        if status in (401, 403):
            key = self._settings.secret or f"{self._settings.plugin.upper()}_API_KEY"
            reason = f"does not accept the key in {key}"
        elif status == 404:
            reason = "knows no such path or model"
        elif status == 429:
            reason = "has had enough requests for now"
        elif status >= 500:
            reason = "has failed"
        elif status > 0:
            reason = "refuses the request"
        else:
            kinds = {"APIConnectionError": "cannot be reached", "APITimeoutError": "did not answer in time"}
            return f"{kinds.get(answer['kind'], 'has failed')}: {said}"
        return f"{reason} ({status}): {said}"
