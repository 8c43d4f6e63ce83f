"""An ear behind WhisperLive: Whisper on a server of yours, which understands while somebody still speaks.

https://github.com/collabora/WhisperLive (0.10): its WebSocket, with the faster_whisper or the openvino backend.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any, ClassVar, NamedTuple
from uuid import uuid4

from msgspec.structs import replace
from pydantic import Field

from marotte.engines.http import LARGEST_LINE, HttpSettings, Server
from marotte.engines.kinds import EngineSettings, EngineUnavailable, Heard, Kit
from marotte.senses.hearing import whisper
from marotte.senses.hearing.ears.whisperlive_session import Session

_LOADING = 120.0
"""Seconds that the server may take to load its model."""
_OLDEST = 240.0
"""Seconds after which a session that waits is renewed: a server ends each after 300 as it comes, a turn and all."""
_REPEATS = 1_000
"""The server completes a segment that it has repeated so often: never, for what is still open it goes on telling."""


class WhisperLiveSettings(HttpSettings):
    """Settings of the ear."""

    first_within: float = 20.0
    url: str = Field(default="ws://127.0.0.1:9090", pattern=r"^wss?://[^\s/]+")
    """Where the server listens."""
    model: str = "small"
    """Whisper's size (``tiny`` to ``large-v3-turbo``), unless the server was started with a model of its own."""
    use_vad: bool = True
    """Let the server pass over what is no speech."""
    word_timestamps: bool = False
    """Have it tell when each word was said and how sure it is; takes the server longer."""
    patience: float = Field(default=3.0, gt=0, le=60)
    """Seconds that one transcription may take the server; where it tells nothing for so long, nothing was said."""
    keep: bool = True
    """Have a session ready for the next turn: the server may load its model for each. It takes a place there."""
    extra: dict[str, Any] = Field(default_factory=dict[str, Any])
    """More for the handshake: ``{initial_prompt = "…", hotwords = "…", no_speech_thresh = 0.45}``."""


class WhisperLiveEar:
    """Sends speech to a server as it is spoken and gives back what it understands so far, then all of it."""

    Settings: ClassVar[type[EngineSettings]] = WhisperLiveSettings

    def __init__(self, settings: WhisperLiveSettings, kit: Kit) -> None:
        self._settings, self._kit = settings, kit
        self._server = Server("whisperlive", settings.url, kit, settings.secret)
        self._keep = settings.keep
        self._next: _Ready | None = None
        self._goodbyes: set[asyncio.Task[None]] = set()

    @classmethod
    def check(cls, settings: WhisperLiveSettings, kit: Kit) -> str:
        """Say what is missing for it to work, or ""."""
        return Server("whisperlive", settings.url, kit, settings.secret).missing()

    async def warm(self) -> None:
        """Let the server load its model. Raises EngineUnavailable where it cannot."""
        self._next = ready = self._next or self._prepare("")
        try:
            await asyncio.shield(ready.session)
        finally:
            if not self._keep:
                self._next = None
                self._discard(ready)

    async def close(self) -> None:
        """End the session that is ready, and open none any more."""
        self._keep = False
        if self._next:
            self._discard(self._next)
            await asyncio.gather(self._next.session, return_exceptions=True)
        await asyncio.gather(*self._goodbyes, return_exceptions=True)

    async def hear(self, speech: AsyncIterator[bytes], language: str) -> AsyncIterator[Heard]:
        """Yield what is understood whenever it changes, and last all of it; each language has sessions of its own."""
        session = await self._session(language)
        saying = asyncio.create_task(session.say(speech))
        told = ""
        try:
            while True:
                heard = await session.heard(self._settings.patience)
                if heard.final or heard.text != told:
                    yield replace(heard, language=heard.language or language)
                if heard.final:
                    return
                told = heard.text
        finally:
            saying.cancel()
            self._leave(session)
            if self._keep and not self._next:
                self._next = self._prepare(language)

    # --- sessions

    async def _session(self, language: str) -> Session:
        """Return the session that is ready for a language, or a new one."""
        ready, self._next = self._next, None
        if ready and ready.serves(language):
            ready.renewal.cancel()
            with suppress(EngineUnavailable):  # the place that was not free then may be free now
                return await ready.session
        elif ready:
            self._discard(ready)
        return await self._open(language)

    async def _open(self, language: str) -> Session:
        """Open a session. Raises EngineUnavailable where the server cannot be reached, refuses, or is full."""
        import aiohttp

        uid = str(uuid4())
        try:
            websocket = await self._kit.http().ws_connect(
                self._settings.url, headers=self._server.headers(), autoping=False, max_msg_size=LARGEST_LINE
            )
            session = Session(websocket, uid)
        except aiohttp.WSServerHandshakeError as error:
            raise self._server.refused(error.status, error.headers, "is it a WhisperLive server?") from None
        except (aiohttp.ClientError, OSError) as error:
            told = self._server.clean(error)
            raise EngineUnavailable(f"whisperlive: {self._settings.url} cannot be reached: {told}") from None
        try:
            async with asyncio.timeout(_LOADING):
                await websocket.send_json(self._handshake(uid, language))
                await session.ready()
        except TimeoutError:
            self._leave(session)
            raise EngineUnavailable(f"whisperlive: the server was not ready within {_LOADING:g} s") from None
        except BaseException:
            self._leave(session)
            raise
        return session

    def _handshake(self, uid: str, language: str) -> dict[str, Any]:
        settings = self._settings
        return {
            "uid": uid,
            "language": whisper.code(language) or None,
            "task": "transcribe",
            "model": settings.model,
            "use_vad": settings.use_vad,
            "word_timestamps": settings.word_timestamps,
            "same_output_threshold": _REPEATS,
            **settings.extra,
        }

    def _prepare(self, language: str) -> "_Ready":
        session = asyncio.create_task(self._open(language))
        session.add_done_callback(lambda task: task.cancelled() or task.exception())  # told to whoever needs it
        return _Ready(language, session, asyncio.get_running_loop().call_later(_OLDEST, self._renew, language))

    def _renew(self, language: str) -> None:
        if self._next:
            self._discard(self._next)
        self._next = self._prepare(language)

    def _discard(self, ready: "_Ready") -> None:
        ready.renewal.cancel()
        if not ready.session.done():
            ready.session.cancel()
        elif not ready.session.cancelled() and not ready.session.exception():
            self._leave(ready.session.result())

    def _leave(self, session: Session) -> None:
        """Say goodbye without waiting for it."""
        goodbye = asyncio.create_task(session.close())
        self._goodbyes.add(goodbye)
        goodbye.add_done_callback(self._goodbyes.discard)


class _Ready(NamedTuple):
    """A session that waits for its turn, or is being opened for it."""

    language: str
    session: asyncio.Task[Session]
    renewal: asyncio.TimerHandle

    def serves(self, language: str) -> bool:
        if language.split("-")[0] != self.language.split("-")[0] or self.session.cancelled():
            return False
        return not self.session.done() or not (self.session.exception() or self.session.result().error)
