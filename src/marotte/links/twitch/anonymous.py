"""The chat as anybody may read it, without an account: over IRC, as ``justinfan`` with a number.

https://dev.twitch.tv/docs/chat/irc; tags, https://dev.twitch.tv/docs/chat/irc#privmsg-tags
"""

from collections.abc import Callable
from random import Random

from msgspec.structs import replace

from marotte.config_links import Channel, Twitch
from marotte.events import ChatMessage, Event, Viewer
from marotte.links.irc.client import Client
from marotte.links.irc.message import Message
from marotte.links.irc.percepts import percept
from marotte.links.link import State
from marotte.time import Clock

_TLS = (443, 6697)


class Anonymous:
    """Reads one channel's chat and can do nothing else."""

    def __init__(
        self,
        settings: Twitch,
        link: str,
        clock: Clock,
        rng: Random,
        publish: Callable[[Event], None],
        tell: Callable[[State, str], None],
    ) -> None:
        host, _, port = settings.chat.rpartition(":")
        channel = Channel(
            host=host,
            port=int(port),
            tls=int(port) in _TLS,
            nick=f"justinfan{rng.randrange(10_000, 100_000)}",
            channels=(f"#{settings.channel.lower()}",),
            answer=False,
        )
        self.client = Client(channel, "", clock, rng, self._hear, tell)
        self._link, self._clock, self._publish = link, clock, publish

    async def run(self) -> None:
        """Stay connected until cancelled."""
        await self.client.run()

    def _hear(self, message: Message) -> None:
        made = percept(message, self._link, self._clock.wall())
        if made is None:
            return
        tags = message.tags
        if tags.get("source-room-id", tags.get("room-id")) != tags.get("room-id"):
            return  # of another channel, whose chat is shared with this one
        identity, viewer = tags.get("id", ""), made.viewer
        if viewer is not None and (user := tags.get("user-id")):
            owner = user == tags.get("room-id")
            roles = tuple(sorted({*viewer.roles, "operator"})) if owner else viewer.roles
            viewer = Viewer(id=f"twitch:{user[:40]}", name=viewer.name, platform="twitch", roles=roles)
        made = replace(made, viewer=viewer, link=self._link, source=identity)
        if isinstance(made, ChatMessage) and tags.get("first-msg") == "1":
            made = replace(made, first=True)
        self._publish(replace(made, id=f"twitch/{identity}") if identity else made)
