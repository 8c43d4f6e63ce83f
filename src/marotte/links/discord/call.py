"""discord.py's voice connection, as we need it: it tells when it has ended, and is never deaf to a new call.

Written against discord.py 2.7.1, whose private parts it names: the extra allows no later minor version.
"""

import asyncio
import logging
import select
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import discord
import discord.opus
from discord.gateway import DiscordVoiceWebSocket
from discord.voice_state import SocketReader, VoiceConnectionState

from marotte.links.discord.outlet import DiscordOutlet

log = logging.getLogger(__name__)

_LOOK = 0.1
"""Seconds after which the socket is looked for again: the library's own thread would wait on a former one for 30."""


class _Reader(SocketReader):
    """Reads what comes over the socket that the call has now."""

    def _do_run(self) -> None:
        while not self._end.is_set():
            if not self._running.wait(_LOOK):
                continue
            socket = self.state.socket
            try:
                readable = select.select([socket], [], [], _LOOK)[0]
                data = socket.recv(2_048) if readable else b""
            except (OSError, ValueError, TypeError):  # there is none now, or it was closed
                self._end.wait(_LOOK / 10)
                continue
            for callback in tuple(self._callbacks) if data else ():
                try:
                    callback(data)
                except Exception:
                    log.exception("discord: a packet could not be taken")


class _State(VoiceConnectionState):
    """Keeps the code with which Discord closed the call; nothing is tried again here, but by whoever called."""

    code = 0
    thrown_out = False

    def __init__(self, voice_client: "VoiceCall", *, hook: Any) -> None:
        super().__init__(voice_client, hook=hook)
        self._socket_reader.stop()
        self._socket_reader = _Reader(self)
        self._socket_reader.start()

    async def voice_state_update(self, data: Any) -> None:
        """Take where we are; somebody may have thrown us out."""
        if data["channel_id"] is None and not self._expecting_disconnect:
            if self.session_id is None:  # we are in no channel yet: it is about a former call, and comes late
                return
            self.thrown_out = True
        await super().voice_state_update(data)

    async def _connect(self, reconnect: bool, timeout: float, self_deaf: bool, self_mute: bool, resume: bool) -> None:
        if resume:  # the library waits in vain for news of a channel that we are in already
            raise TimeoutError
        await super()._connect(reconnect, timeout, self_deaf, self_mute, resume)

    async def _poll_voice_ws(self, reconnect: bool) -> None:
        try:
            await super()._poll_voice_ws(reconnect)
        except discord.ConnectionClosed as closed:
            self.code = closed.code
        except Exception as error:  # of what nobody can read, too: without this nobody would know that we are deaf
            log.info("discord: the call is lost: %s", type(error).__name__)
        self.voice_client.cleanup()

    async def hang_up(self) -> None:
        """Leave without waiting for anybody to agree."""
        own: Any = self
        tasks: tuple[asyncio.Task[Any] | None, ...] = (own._runner, own._connector)
        for task in tasks:
            if task is not None and task is not asyncio.current_task():
                task.cancel()
        with suppress(Exception):  # there may be no gateway to say goodbye to
            async with asyncio.timeout(2.0):
                await self.disconnect(force=True, cleanup=True, wait=False)
        self._socket_reader.stop()


class VoiceCall(discord.VoiceClient):
    """One stay in a voice channel."""

    _connection: _State  # pyright: ignore[reportIncompatibleVariableOverride]

    def __init__(self, client: discord.Client, channel: Any) -> None:
        self.ended = asyncio.Event()
        self.happened: Callable[[dict[str, Any]], None] = lambda message: None
        """Is told each message of the voice gateway."""
        super().__init__(client, channel)

    def create_connection_state(self) -> VoiceConnectionState:
        """Make the connection."""
        return _State(self, hook=self._hook)

    async def _hook(self, socket: DiscordVoiceWebSocket, message: dict[str, Any]) -> None:
        self.happened(message)

    def cleanup(self) -> None:
        """The call has ended."""
        super().cleanup()
        self.ended.set()

    @property
    def code(self) -> int:
        """With which code Discord closed the call; 0: it did not."""
        return self._connection.code

    @property
    def thrown_out(self) -> bool:
        """Whether somebody has disconnected us."""
        return self._connection.thrown_out

    async def hang_up(self) -> None:
        """Leave the channel."""
        self.stop()
        await self._connection.hang_up()
        self.cleanup()

    def hear(self, packet: Callable[[bytes], None]) -> None:
        """Hand over every packet that comes, on a thread of its own."""
        self._connection.add_socket_listener(packet)

    def speak(self, outlet: DiscordOutlet) -> None:
        """Send what an outlet plays. Raises discord.opus.OpusNotLoaded."""
        outlet.wake, outlet.rest = self.resume, self.pause  # first: the library's thread may take a frame at once
        source = _Source(outlet)
        self.play(source, after=self._silent, application="voip", bitrate=64, signal_type="voice", fec=True)

    def _silent(self, error: Exception | None) -> None:
        """Nothing is sent any more, on the library's thread: a call that cannot speak is none."""
        if error is not None:
            log.warning("discord: the call is silent: %s", type(error).__name__)
        with suppress(RuntimeError):  # there is no loop any more
            self.loop.call_soon_threadsafe(self.ended.set)

    # --- what receive.Secrets is

    @property
    def key(self) -> bytes:
        """The key of the transport's encryption."""
        return bytes(self.secret_key)

    def end_to_end(self, user: int, frame: bytes) -> bytes:
        """Return a frame without its end-to-end encryption. Raises ValueError."""
        session, version = self._connection.dave_session, self._connection.dave_protocol_version
        if session is None or not version:
            return frame
        if not session.ready:
            raise ValueError("NoValidCryptorFound: the group has no keys yet")
        import davey

        return session.decrypt(user, davey.MediaType.audio, frame)


class _Decoder(discord.opus.Decoder):
    """Decodes for ears, as which Opus itself goes down to 16 kHz and one channel."""

    SAMPLING_RATE = 16_000
    CHANNELS = 1
    SAMPLES_PER_FRAME = SAMPLING_RATE // 50


def decoder() -> Callable[[bytes | None], bytes]:
    """Return what makes 16 kHz mono 16-bit sound of one speaker's frames; None stands for a lost one."""
    own = _Decoder()
    return lambda frame: own.decode(None, fec=False) if frame is None else own.decode(frame, fec=False)


class _Source(discord.AudioSource):
    """What discord.py's thread takes its frames from."""

    def __init__(self, outlet: DiscordOutlet) -> None:
        self._outlet = outlet

    def read(self) -> bytes:
        return self._outlet.take()

    def is_opus(self) -> bool:
        return False
