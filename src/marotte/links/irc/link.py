"""The IRC link: what is written in a channel becomes percepts, and what the character says can be written there."""

import asyncio
from collections.abc import Callable, Mapping
from random import Random

from marotte.config import Channel
from marotte.events import ActDone, Event, LinkState, Send
from marotte.links.irc.client import Client, State
from marotte.links.irc.message import Message, parts
from marotte.links.irc.percepts import percept
from marotte.links.irc.session import Counters
from marotte.time import Clock

_ROOM = 380
"""Bytes of text that fit into one message, whatever the server writes before them."""
_MOST = 5
"""Messages that one act may take; more text than that is cut."""
CTCP_REST = 30.0
"""Seconds between two answers to CTCP requests: whoever asks for more gets none."""


class IRCLink:
    """One IRC server and its channels."""

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
        self.name = name
        self._settings, self._publish, self._clock = settings, publish, clock
        self._password = secrets.get(settings.secret, "")
        self._client = Client(settings, self._password, clock, rng, self._hear, self._tell)
        self._answered = -CTCP_REST

    @property
    def counters(self) -> Counters:
        """What it has done since the run began."""
        return self._client.counters

    async def run(self) -> None:
        """Stay connected until cancelled."""
        try:
            if not self._password and (self._settings.secret or self._settings.account):
                missing = self._settings.secret or "a secret for the account"
                self._tell("refused", f"there is no {missing} in the environment: set it and start again")
                await asyncio.get_running_loop().create_future()
            await self._client.run()
        finally:
            self._publish(LinkState(at=self._clock.wall(), link=self.name, state="stopped"))

    async def send(self, act: Send) -> ActDone:
        """Carry out an act, in as many messages as its text needs; what became of it is returned and published.

        An act that bears no time is new.
        """
        waited = max(0.0, self._clock.wall() - act.at) if act.at else 0.0
        pieces = parts(act.text, _ROOM, _MOST) or [act.text]
        details = await asyncio.gather(*(self._client.send(act.channel, piece, waited) for piece in pieces))
        detail = next(filter(None, details), "")
        done = ActDone(at=self._clock.wall(), floor=act.floor, act=act.id, link=self.name, ok=not detail, detail=detail)
        self._publish(done)
        return done

    def _tell(self, state: State, detail: str) -> None:
        self._publish(LinkState(at=self._clock.wall(), link=self.name, state=state, detail=detail))

    def _hear(self, message: Message) -> None:
        """Publish what somebody wrote; our own words come back as an echo and are no news."""
        if message.nick == self._client.nick:
            return
        if event := percept(message, self.name, self._clock.wall()):
            self._publish(event)
        elif message.text.startswith("\x01"):
            self._answer(message)

    def _answer(self, message: Message) -> None:
        """Answer VERSION and PING, at most one in ``CTCP_REST`` seconds."""
        request, _, rest = message.text.strip("\x01").partition(" ")
        answer = {"VERSION": "VERSION Marotte", "PING": f"PING {rest[:64]}"}.get(request)
        if answer and self._clock.now() - self._answered >= CTCP_REST:
            self._answered = self._clock.now()
            self._client.reply(message.nick, answer)
