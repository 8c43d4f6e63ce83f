"""Talks in a voice channel: joins it, comes back where the call breaks, and says plainly why it cannot."""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack, suppress
from random import Random
from typing import TYPE_CHECKING, Any, Protocol

from marotte.events import Viewer
from marotte.links.discord.outlet import DiscordOutlet
from marotte.links.pace import Backoff
from marotte.ports import Microphone, Outlet, Standing
from marotte.time import Clock

if TYPE_CHECKING:
    import discord

    from marotte.links.discord.client import Bot
    from marotte.links.discord.receive import Receiver, Voice

log = logging.getLogger(__name__)

THROWN_OUT = 300.0
"""Seconds that it stays away after somebody threw it out of the channel."""
_JOIN = 30.0
_DEAF = 5.0
"""Seconds after which ears that failed are tried again."""
_WHY = {
    4004: "Discord's voice server does not know this bot",
    4017: "the channel is end-to-end encrypted, and Discord does not let in who cannot take part in that: bring the "
    "extra up to date, pip install --upgrade 'marotte[discord]'",
    4021: "Discord asks for fewer calls",
}
"""https://discord.com/developers/docs/topics/opcodes-and-status-codes#voice-voice-close-event-codes"""


class Hall(Protocol):
    """The floor that a call is joined to."""

    def now(self) -> int:
        """Return the present place on its clock, from any thread."""
        ...

    def attach(self, outlet: Outlet) -> None:
        """The call can be spoken to."""
        ...

    def detach(self, outlet: Outlet) -> None:
        """It has ended."""
        ...

    def played(self, outlet: Outlet, sample: int) -> None:
        """Take its report of the sample that was played last."""
        ...

    async def listen(self, viewer: Viewer, microphone: Microphone) -> None:
        """Hear one person until their microphone ends."""
        ...


class CallError(Exception):
    """There is no call; the message says why. ``pause``: seconds until it makes sense to try again."""

    def __init__(self, why: str, pause: float = 0.0) -> None:
        super().__init__(why)
        self.pause = pause


class Talk:
    """Keeps one voice channel's call, on whichever bot is connected."""

    def __init__(
        self,
        wanted: str,
        viewer: Callable[[Any], Viewer],
        clock: Clock,
        rng: Random,
        counted: Counter[str],
        malformed: Callable[[str, str, BaseException | None], None],
    ) -> None:
        """``wanted`` names the channel; ``viewer`` makes ours of a member; ``malformed`` is a ``Listener``'s."""
        self._wanted = wanted
        self._viewer = viewer
        self._clock = clock
        self._rng = rng
        self._counted = counted
        self._malformed = malformed
        self._bot: Bot | None = None
        self._there = asyncio.Event()
        self._gone = asyncio.Event()
        self._why = "not joined yet"
        self._deaf = ""
        self._receiver: Receiver | None = None
        self._listening: set[asyncio.Task[None]] = set()

    def bot(self, bot: "Bot | None") -> None:
        """Talk through this connection from now on; None: there is none."""
        self._gone.set()
        self._gone = asyncio.Event()
        self._bot = bot
        (self._there.clear if bot is None else self._there.set)()

    def standing(self) -> Standing:
        """Return whether it is in the channel, and hears."""
        undecipherable = self._receiver.undecipherable if self._receiver is not None else ""
        why = self._why or self._deaf or undecipherable
        return Standing(f"voice: {self._wanted}"[:100], not why, why)

    async def run(self, hall: Hall) -> None:
        """Stay in the channel until cancelled."""
        backoff = Backoff(self._rng, 1.0, 60.0)
        try:
            while True:
                await self._there.wait()
                began, pause = self._clock.now(), 0.0
                try:
                    await self._call(hall)
                    self._why = "the call broke off; it is made again"
                except CallError as error:
                    self._why, pause = str(error), error.pause
                log.warning("discord: voice: %s", self._why)
                await self._rest(max(pause, backoff.next(self._clock.now() - began)))
        finally:
            for listening in self._listening:
                listening.cancel()

    async def _rest(self, seconds: float) -> None:
        """Wait before the next attempt; a new connection with Discord is a new beginning."""
        gone = self._gone
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await gone.wait()

    async def _call(self, hall: Hall) -> None:
        """Join, talk and listen until the call is over. Raises CallError."""
        bot, gone = self._bot, self._gone
        assert bot is not None
        call = await _joined(bot, self._wanted)
        loop = asyncio.get_running_loop()

        def report(sample: int) -> None:
            loop.call_soon_threadsafe(hall.played, outlet, sample)

        outlet = DiscordOutlet(report, hall.now)
        try:
            with ExitStack() as stack:
                self._listen(call, hall, stack)
                try:
                    call.speak(outlet)
                except Exception as error:
                    raise CallError(_opus(error), 60.0) from None
                hall.attach(outlet)
                stack.callback(hall.detach, outlet)
                self._why = ""
                self._counted["calls"] += 1
                await _either(call.ended, gone)
        finally:
            await call.hang_up()
        if call.code in _WHY:
            raise CallError(_WHY[call.code], 60.0)
        if call.thrown_out and not gone.is_set():
            raise CallError("somebody has disconnected it from the channel; it comes back in a while", THROWN_OUT)

    def _listen(self, call: Any, hall: Hall, stack: ExitStack) -> None:
        """Give everybody who speaks ears of their own."""
        from marotte.links.discord.call import decoder
        from marotte.links.discord.receive import Receiver, Voice

        def speaks(user: int, voice: Voice) -> None:
            member = call.guild.get_member(user)
            if member is not None and member.bot:
                return
            viewer = (
                self._viewer(member) if member else Viewer(id=f"discord:{user}", name="a guest", platform="discord")
            )
            listening = asyncio.create_task(self._heard(hall, viewer, voice))
            self._listening.add(listening)
            listening.add_done_callback(self._listening.discard)

        def happened(message: dict[str, Any]) -> None:
            op = message.get("op")
            data: Any = message.get("d") or {}
            try:
                if op == 5 and "user_id" in data:
                    receiver.user(int(data["ssrc"]), int(data["user_id"]))
                elif op == 13:
                    receiver.left(int(data["user_id"]))
            except (LookupError, TypeError, ValueError) as error:
                self._malformed(f"voice event {op}", "?", error)

        receiver = Receiver(call, decoder, speaks, self._clock, asyncio.get_running_loop())
        receiver.counted, self._receiver = self._counted, receiver
        stack.callback(receiver.close)
        call.happened = happened
        call.hear(receiver.packet)

    async def _heard(self, hall: Hall, viewer: Viewer, voice: "Voice") -> None:
        """Hear one person until they leave; what went wrong once is tried again."""
        while not voice.ended:
            try:
                await hall.listen(viewer, voice)
                self._deaf = ""
            except Exception as error:
                why = f"somebody is not heard: {error}"[:300]
                if why != self._deaf:  # the same for everybody, and again and again
                    log.warning("discord: %s", why)
                self._deaf = why
                await self._clock.sleep(_DEAF)


async def _either(*events: asyncio.Event) -> None:
    waiting = [asyncio.create_task(event.wait()) for event in events]
    try:
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for one in waiting:
            one.cancel()


async def _joined(bot: "Bot", wanted: str) -> Any:
    """Join the channel. Raises CallError."""
    import discord

    channel = _channel(bot, wanted)
    try:
        from marotte.links.discord.call import VoiceCall

        former: Any = channel.guild.voice_client
        if former is not None:  # of a task that was cancelled in the midst of joining
            await former.hang_up()
        return await channel.connect(timeout=_JOIN, reconnect=False, cls=VoiceCall)
    except discord.ConnectionClosed as closed:
        raise CallError(_WHY.get(closed.code, f"Discord's voice server closed the call ({closed.code})")) from None
    except (ImportError, RuntimeError) as error:  # of the library, where PyNaCl or davey is missing
        raise CallError(f"{error}: pip install 'marotte[discord]'", 60.0) from None
    except TimeoutError:
        raise CallError("Discord does not let it in: may it see the channel, connect and speak?") from None
    except Exception as error:  # whatever Discord's servers answer to the library
        raise CallError(f"the call failed: {type(error).__name__}: {error}"[:200]) from None


def _channel(bot: "Bot", wanted: str) -> "discord.VoiceChannel":
    guild = bot.guild
    if guild is None:
        raise CallError("the bot is in no server", 10.0)
    for channel in guild.voice_channels:
        if wanted in (str(channel.id), channel.name):
            return channel
    names = ", ".join(channel.name for channel in guild.voice_channels[:10])
    raise CallError(f"there is no voice channel {wanted!r} that the bot may see; there is {names or 'none'}", 10.0)


def _opus(error: Exception) -> str:
    if type(error).__name__ == "OpusNotLoaded":
        return "Opus is not installed: on Debian and Ubuntu, apt install libopus0"
    return f"it cannot speak there: {error}"[:200]
