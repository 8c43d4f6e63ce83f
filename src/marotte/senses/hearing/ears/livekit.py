"""Any provider that LiveKit has a plugin for, as an ear: ``livekit:deepgram``, ``livekit:soniox``, …

livekit-agents 1.8: https://docs.livekit.io/agents/models/stt/. See ``marotte.engines.livekit``.
"""

from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import ClassVar

from marotte.engines.child import Frame
from marotte.engines.kinds import EngineError, EngineSettings, EngineUnsuited, Heard, Kit
from marotte.engines.livekit import LiveKitSettings, Plugin
from marotte.events import Word
from marotte.senses.hearing.speech import LONGEST_TURN, RATE, words_of

_SURE = 0.4
"""The plugin's confidence below which a transcript is uncertain; many tell none."""


class LiveKitEarSettings(LiveKitSettings):
    """Settings of the ear."""


class LiveKitEar:
    """Hears through a plugin while somebody speaks, where the provider can."""

    Settings: ClassVar[type[EngineSettings]] = LiveKitEarSettings

    def __init__(self, settings: LiveKitEarSettings, kit: Kit) -> None:
        self._plugin = Plugin("STT", settings, kit)

    @classmethod
    def check(cls, settings: LiveKitEarSettings, kit: Kit) -> str:
        """Say what is missing for it to work, or ""."""
        return Plugin.missing(settings, kit)

    async def warm(self) -> None:
        """Import the plugin in its program, so that the first turn need not wait for it."""
        await self._plugin.warm()

    async def close(self) -> None:
        """End the program."""
        await self._plugin.close()

    async def hear(self, speech: AsyncIterator[bytes], language: str) -> AsyncIterator[Heard]:
        """Yield what is understood so far, where the provider streams, and the whole at the end."""
        final = False
        asked = self._plugin.ask({"language": language}, {}, more=_frames(speech))
        async with aclosing(asked) as answers:
            async for answer, _ in answers:
                final = bool(answer["final"])
                text = words_of(answer["text"])
                if not (text or final):
                    continue
                yield Heard(
                    text=text,
                    language=answer["language"] or language,
                    uncertain=bool(text) and 0 < answer["confidence"] < _SURE,
                    final=final,
                    words=tuple(
                        Word(text=said.strip(), start=round(start * RATE), end=round(end * RATE))
                        for said, start, end in answer["words"]
                    ),
                )
        if not final:
            raise EngineError(f"{self._plugin.name}: ended without a transcript")


async def _frames(speech: AsyncIterator[bytes]) -> AsyncIterator[Frame]:
    """Pass speech on; raises EngineUnsuited beyond the longest turn."""
    taken = 0
    async for piece in speech:
        taken += len(piece)
        if taken > 2 * RATE * LONGEST_TURN:
            raise EngineUnsuited(f"more than {LONGEST_TURN} seconds in one turn")
        yield {}, piece
