"""The IRC link: what is written in a channel becomes percepts, and what the character says can be written there."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from random import Random

from marotte.config_links import Channel
from marotte.events import Event, Send
from marotte.links.irc.client import Client
from marotte.links.irc.message import Message, parts
from marotte.links.irc.percepts import percept
from marotte.links.link import WITHIN, BaseLink, Refused
from marotte.ports import Standing
from marotte.time import Clock

_ROOM = 380
"""Bytes of text that fit into one message, whatever the server writes before them."""
_MOST = 5
"""Messages that one act may take; more text than that is cut."""
CTCP_REST = 30.0
"""Seconds between two answers to CTCP requests: whoever asks for more gets none."""


class IRCLink(BaseLink):
    """One IRC server and its channels."""

    platform = "irc"

    def __init__(
        self,
        name: str,
        settings: Channel,
        secrets: Mapping[str, str],
        publish: Callable[[Event], None],
        clock: Clock,
        rng: Random,
    ) -> None:
        """``name`` is the server's name in the show; events bear it as their link."""
        super().__init__(name, publish, clock, rng)
        self._settings = settings
        self._password = secrets.get(settings.secret, "")
        self._client = Client(settings, self._password, clock, rng, self._hear, self.tell)
        self._answered = -CTCP_REST
        if settings.answer:
            self.acts[Send] = self._send

    @property
    def counters(self) -> Mapping[str, int]:
        """What it has done since the run began."""
        return vars(self._client.counters)

    def standing(self) -> Sequence[Standing]:
        """Return which channels it is to be in, and how."""
        how = "with TLS" if self._settings.tls else "without TLS"
        return (
            Standing("server", True, f"{self._settings.host}:{self._settings.port}, {how}"),
            Standing("nick", True, self._client.nick),
            Standing("channels", bool(self._settings.channels), ", ".join(self._settings.channels) or "none is named"),
        )

    async def run(self) -> None:
        """Stay connected until cancelled."""
        try:
            if not self._password and (self._settings.secret or self._settings.account):
                missing = self._settings.secret or "a secret for the account"
                self.tell("refused", f"there is no {missing} in the environment: set it and start again")
                await asyncio.get_running_loop().create_future()
            await self._client.run()
        finally:
            self.tell("stopped")

    async def _send(self, act: Send, until: float) -> str:
        """Write what an act says, in as many messages as its text needs."""
        waited = WITHIN[Send] - (until - self.clock.now())
        pieces = parts(act.text, _ROOM, _MOST) or [act.text]
        details = await asyncio.gather(*(self._client.send(act.channel, piece, waited) for piece in pieces))
        if detail := next(filter(None, details), ""):
            raise Refused(detail)
        return ""

    def _hear(self, message: Message) -> None:
        """Publish what somebody wrote; our own words come back as an echo and are no news."""
        if message.nick == self._client.nick:
            return
        if event := percept(message, self.name, self.clock.wall()):
            self.publish(event)
        elif message.text.startswith("\x01"):
            self._answer(message)

    def _answer(self, message: Message) -> None:
        """Answer VERSION and PING, at most one in ``CTCP_REST`` seconds."""
        request, _, rest = message.text.strip("\x01").partition(" ")
        answer = {"VERSION": "VERSION Marotte", "PING": f"PING {rest[:64]}"}.get(request)
        if answer and self.clock.now() - self._answered >= CTCP_REST:
            self._answered = self.clock.now()
            self._client.reply(message.nick, answer)
