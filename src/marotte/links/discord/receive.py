"""Hears a voice channel: packets from the network become one microphone for each who speaks.

Packet → transport encryption → header extension → end-to-end encryption (DAVE) → order → Opus → 16 kHz mono, as which
Opus decodes itself, at a fraction of what 48 kHz stereo and a resampler would cost the event loop.
https://discord.com/developers/docs/topics/voice-connections, https://github.com/discord/dave-protocol
"""

import asyncio
import logging
from collections import Counter, deque
from collections.abc import AsyncIterator, Callable
from typing import Protocol

from marotte.links.discord.jitter import Jitter
from marotte.links.discord.rtp import SILENCE, Packet, PacketError, opened
from marotte.time import Clock

log = logging.getLogger(__name__)

MOST = 8
"""Speakers who are heard at the same time; for one more, the one who has been quiet longest is let go."""
TAIL = 3.0
"""Seconds of silence that follow what somebody said: the ears learn from it that it was all."""
WAIT = 0.1
"""Seconds without a packet after which silence is heard."""
_RATE = 16_000
_FRAME = _RATE // 50
_UNSORTED = 500
"""Packets that may wait for the event loop; the oldest are lost."""
_UNCLAIMED = 100
"""Packets that may wait for news of who sends them, which comes another way; they wait for a second."""
_FRAMES = 100
"""Decoded pieces that may wait for whoever listens; the oldest are lost."""
_CONCEALED = 3
"""Lost frames in a row that the decoder makes up for; further ones are silent."""
_CALM = 0.1
"""Seconds for which what cannot be decrypted yet is silence: keys are being changed."""


Decode = Callable[[bytes | None], bytes]
"""Makes 16 kHz mono 16-bit sound of Opus frames, None for a lost one; raises any error for what is none."""


class Voice:
    """What one person says: a ``Microphone``."""

    def __init__(self, decode: Decode, clock: Clock) -> None:
        self.spoke = clock.now()
        """When the last packet came."""
        self.spoilt = 0
        """Frames that could not be decoded."""
        self._decode = decode
        self._clock = clock
        self._jitter = Jitter()
        self._heard: deque[bytes] = deque(maxlen=_FRAMES)
        self._news = asyncio.Event()
        self._missing = 0
        self.ended = False
        """They have left."""

    @property
    def lost(self) -> int:
        """Frames that never came."""
        return self._jitter.lost

    def put(self, sequence: int, frame: bytes) -> None:
        """Take a frame of Opus."""
        self.spoke = self._clock.now()
        self._jitter.put(sequence, frame, self.spoke)
        self._settle()
        self._news.set()

    def end(self) -> None:
        """They have left: what came is heard to its end."""
        self.ended = True
        self._news.set()

    async def sound(self) -> AsyncIterator[bytes]:
        """Yield 16 kHz mono 16-bit sound as it comes, and silence for a while after it."""
        until = spoken = self._clock.now()
        while True:
            self._news.clear()
            while self._heard:
                yield self._heard.popleft()
                until = spoken = self._clock.now()
            if self.ended:
                return
            held = self._jitter.wait(self._clock.now())
            quiet = None if self._clock.now() - spoken >= TAIL else WAIT
            try:
                async with asyncio.timeout(held if held is not None else quiet):
                    await self._news.wait()
            except TimeoutError:
                self._settle()
                now = self._clock.now()
                if not self._heard and held is None:
                    yield bytes(2 * min(round((now - until) * _RATE), _RATE))
                    until = now

    def _settle(self) -> None:
        """Decode what has its place now."""
        for frame in self._jitter.take(self._clock.now()):
            if piece := self._decoded(frame):
                self._heard.append(piece)

    def _decoded(self, frame: bytes | None) -> bytes:
        self._missing = self._missing + 1 if frame is None else 0
        if self._missing <= _CONCEALED:
            try:
                return self._decode(frame)
            except Exception:  # whatever a stranger sends
                self.spoilt += 1
        return bytes(2 * _FRAME)


class Secrets(Protocol):
    """What a call is encrypted with, as it stands."""

    @property
    def mode(self) -> str: ...

    @property
    def key(self) -> bytes: ...

    def end_to_end(self, user: int, frame: bytes) -> bytes:
        """Return a frame without its end-to-end encryption, where the call has any. Raises ValueError."""
        ...


class Receiver:
    """Sorts a call's packets by who sent them."""

    def __init__(
        self,
        secrets: Secrets,
        decoder: Callable[[], Decode],
        speaks: Callable[[int, Voice], None],
        clock: Clock,
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        """``speaks`` is given each person who begins to speak, by their number, with their microphone."""
        self.counted: Counter[str] = Counter()
        self.undecipherable: str = ""
        """Why somebody is not heard whose end-to-end encryption cannot be opened; "": everybody is."""
        self._secrets = secrets
        self._decoder = decoder
        self._speaks = speaks
        self._clock = clock
        self._loop = loop
        self._users: dict[int, int] = {}
        self._voices: dict[int, Voice] = {}
        self._failing: dict[int, float] = {}
        self._unclaimed: deque[tuple[float, Packet]] = deque(maxlen=_UNCLAIMED)
        self._unsorted: deque[bytes] = deque(maxlen=_UNSORTED)
        self._called = False

    def packet(self, data: bytes) -> None:
        """Take a packet; from any thread."""
        self._unsorted.append(data)
        if not self._called:
            self._called = True
            try:
                self._loop.call_soon_threadsafe(self.sort)
            except RuntimeError:  # the loop is closed
                return

    def user(self, ssrc: int, user: int) -> None:
        """Learn whose packets bear a number."""
        while len(self._users) >= 1_000:
            del self._users[next(iter(self._users))]
        self._users[ssrc] = user
        now, unclaimed = self._clock.now(), list(self._unclaimed)
        self._unclaimed.clear()
        for at, packet in unclaimed:
            if packet.ssrc != ssrc:
                self._unclaimed.append((at, packet))
            elif now - at <= 1.0:
                self._hear(user, packet)

    def left(self, user: int) -> None:
        """They have left the channel."""
        self._users = {ssrc: one for ssrc, one in self._users.items() if one != user}
        self._failing.pop(user, None)
        if voice := self._voices.pop(user, None):
            voice.end()

    def close(self) -> None:
        """The call is over."""
        for voice in self._voices.values():
            voice.end()
        self._voices.clear()

    def sort(self) -> None:
        """Hand every packet that came to its voice."""
        self._called = False
        while self._unsorted:
            self._sort(self._unsorted.popleft())

    def _sort(self, data: bytes) -> None:
        if len(data) > 1 and 192 <= data[1] <= 223:
            return  # RTCP, which tells how well packets arrive (RFC 5761, 4)
        try:
            packet = opened(self._secrets.mode, self._secrets.key, data)
        except PacketError:
            self.counted["packets refused"] += 1
            return
        user = self._users.get(packet.ssrc)
        if user is None:
            self.counted["packets of nobody yet"] += 1
            self._unclaimed.append((self._clock.now(), packet))
            return
        self._hear(user, packet)

    def _hear(self, user: int, packet: Packet) -> None:
        frame = self._without_encryption(user, packet.payload)
        if frame is None:
            self.counted["frames undecipherable"] += 1
            return
        self.counted["frames heard"] += 1
        self._voice(user).put(packet.sequence, frame)

    def _voice(self, user: int) -> Voice:
        voice = self._voices.get(user)
        if voice is None:
            while len(self._voices) >= MOST:
                quietest = min(self._voices, key=lambda one: self._voices[one].spoke)
                self._voices.pop(quietest).end()
            voice = self._voices[user] = Voice(self._decoder(), self._clock)
            self._speaks(user, voice)
        return voice

    def _without_encryption(self, user: int, frame: bytes) -> bytes | None:
        """Open the end-to-end encryption; None for what must not be heard. While keys change, silence is heard."""
        if frame == SILENCE:  # the server's own, which knows no keys
            return frame
        try:
            plain = self._secrets.end_to_end(user, frame)
        except ValueError as error:
            now = self._clock.now()
            since = self._failing.setdefault(user, now)
            if now - since <= _CALM and "NoValidCryptorFound" in str(error):
                return SILENCE
            if now - since > 5.0 and not self.undecipherable:
                self.undecipherable = f"somebody's end-to-end encryption cannot be opened: {str(error)[:100]}"
                log.warning("discord: %s", self.undecipherable)
            return None
        self._failing.pop(user, None)
        self.undecipherable = "" if not self._failing else self.undecipherable
        return plain
