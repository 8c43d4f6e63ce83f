"""Platforms: the links that a show names, what comes through them, and the acts that go to them."""

import asyncio
from collections import deque
from collections.abc import Iterator
from random import Random
from typing import TYPE_CHECKING, TypeVar, cast, get_args

from msgspec.structs import replace

from marotte.events import (
    ActDone,
    AnyAct,
    ChatMessage,
    Event,
    Gap,
    LinkState,
    Percept,
    Removed,
    Send,
    StreamEnded,
    StreamStarted,
    tag,
)
from marotte.links.first_messages import FirstMessages
from marotte.links.irc.link import IRCLink
from marotte.links.tokens import Tokens
from marotte.ops.supervisor import Watched
from marotte.ports import Link

if TYPE_CHECKING:
    from marotte.show import Run

P = TypeVar("P", bound=Percept)

_ACTS = 10_000
"""So many acts wait at most: for their links, and for what is in their way to pass."""
_GAPS = 20
"""So many gaps are remembered of each link."""
NEWS = tuple(f"event.{tag(kind)}.>" for kind in (LinkState, Gap, StreamStarted, StreamEnded))
"""What ``follow`` is to be told."""


class Platforms:
    """Builds and runs a run's links."""

    def __init__(self, run: "Run") -> None:
        self._run = run
        self.links: dict[str, Link] = {}
        self.known_as: dict[str, str] = {}
        """Under which account the owner of each further account is remembered."""
        self.gaps: dict[str, deque[Gap]] = {}
        """What each link missed of late, oldest first."""
        self.on_air: dict[str, StreamStarted] = {}
        """The streams that go on, by link."""
        self._tasks: dict[str, Watched] = {}
        self.firsts: FirstMessages | None = None
        """Who has ever written on each link; None before the links are connected."""

    async def start(self) -> None:
        """Connect every link, and hand it the acts that are its own."""
        start = self._run.supervisor.start
        await self._know()
        self.firsts = FirstMessages(self._run.store, self._run.clock)
        start("first messages", self.firsts.run)
        for link in self._built():
            self.links[link.name] = link
            self._tasks[link.name] = start(f"{link.platform} {link.name}", link.run)
            self._run.arrivals.append(self._tasks[link.name])
        start("acts", self._carry_out)

    def follow(self, event: Event) -> None:
        """Keep how a link fares: its connection, whether it is on air, what it missed."""
        match event:
            case LinkState():
                self._run.link_states[event.link] = event
            case Gap():
                self.gaps.setdefault(event.link, deque(maxlen=_GAPS)).append(event)
            case StreamStarted():
                self.on_air[event.link] = event
            case StreamEnded():
                self.on_air.pop(event.link, None)
            case _:
                pass

    async def reconnect(self, name: str) -> bool:
        """Hang up, and connect a link anew; returns whether it hung up in time. Raises LookupError."""
        if name not in self._tasks:
            raise LookupError(f"there is no connection {name!r}")
        return await self._run.supervisor.restart(self._tasks[name])

    async def join(self, main: str, viewer: str, by: str) -> None:
        """Remember the owner of two accounts under ``main`` from now on. Raises ValueError where both are one."""
        await self._run.store.join(main, viewer, by)
        await self._know()

    async def part(self, viewer: str) -> bool:
        """Remember the owner of an account under it alone again; returns whether it had been joined to any."""
        parted = await self._run.store.part(viewer)
        await self._know()
        return parted

    def forget(self) -> None:
        """Somebody was forgotten: ask anew who is known under which account."""
        self._run.supervisor.start("accounts", self._know)
        if self.firsts is not None:
            self.firsts.forget()

    async def _know(self) -> None:
        self.known_as = dict(await self._run.store.known_as())

    def cannot_judge(self, link: str) -> str:
        """Say why nothing can be laid on anybody through a link, or ""."""
        found = self.links.get(link)
        if found is None:
            return f"there is no link {link!r}"
        return "" if "verdict" in found.can else f"{link} can lay nothing on anybody: Connections tells what it lacks"

    def _built(self) -> Iterator[Link]:
        """Build each link; a platform's library is loaded only where the show names it."""
        run = self._run
        show, secrets, tokens = run.show, run.kit.secrets, Tokens(run.data / "tokens")
        for name, channel in show.irc.items():
            yield IRCLink(name, channel, secrets, self._arrive, run.clock, Random())
        if show.twitch is not None:
            from marotte.links.twitch.link import TwitchLink

            yield TwitchLink(
                show.twitch, secrets, tokens, self._arrive, run.clock, Random(), lambda: run.show.redemptions
            )
        if show.youtube is not None:
            from marotte.links.youtube.link import YouTubeLink

            yield YouTubeLink(show.youtube, secrets, tokens, self._arrive, run.clock, Random())
        if show.tiktok is not None:
            from marotte.links.tiktok.link import TikTokLink

            yield TikTokLink(show.tiktok, secrets, self._arrive, run.clock, Random())
        if show.discord is not None:
            from marotte.links.discord.link import DiscordLink
            from marotte.on_discord import obey, tell_when_on_air, use_voice

            bot = DiscordLink(show.discord, secrets, self._arrive, run.clock, Random(), obey(run))
            yield bot
            if show.discord.voice:
                run.supervisor.start("discord voice", lambda: use_voice(run, bot))
            if show.discord.announce:
                run.supervisor.start("discord announcements", lambda: tell_when_on_air(run, bot))

    def _arrive(self, event: Event) -> None:
        """Publish what comes through a link."""
        if isinstance(event, Removed):
            self._run.orders.removed(event.link, event.what, event.which)
        self._run.publish(self.admitted(event) if isinstance(event, Percept) else event)

    def admitted(self, percept: P) -> P:
        """Return a percept as everybody here may see it: its viewer is called what may be said, and known as one
        person whichever account they use; its emotes are marked."""
        run, viewer = self._run, percept.viewer
        if not percept.at:
            percept = replace(percept, at=run.clock.wall())
        if viewer is not None:
            name = run.moderator.named(viewer.name, run.show.character.languages[0])
            known_as = self.known_as.get(viewer.id, "")
            if (name, known_as) != (viewer.name, viewer.known_as):
                percept = replace(percept, viewer=replace(viewer, name=name, known_as=known_as))
        return cast("P", self._read(percept)) if isinstance(percept, ChatMessage) else percept

    def _read(self, message: ChatMessage) -> ChatMessage:
        """Return a message with its emotes marked, and whether its author has ever written there before."""
        people, viewer = self._run.show.moderation.people, message.viewer
        if people.on and self.firsts is not None and viewer is not None and message.link:
            first = self.firsts.is_first(message.link, viewer.id, people.newcomers_after)
            if first and not (message.first or viewer.known_as):
                message = replace(message, first=True)
        return self._run.emotes.mark(message)

    async def _carry_out(self) -> None:
        """Hand acts to the link that they name; the link keeps its limits and their order."""
        asked = self._run.bus.subscribe(*(f"event.{tag(act)}.>" for act in get_args(AnyAct)), size=_ACTS)
        try:
            async with asyncio.TaskGroup() as group:
                doing: set[asyncio.Task[ActDone]] = set()
                async for message in asked:
                    act: AnyAct = message.data
                    link = self.links.get(act.link)
                    if link is None or (isinstance(act, Send) and "send" not in link.can):
                        continue  # a link that only reads is asked to write by every answer
                    if tag(act) not in link.can:
                        self._run.publish(_undone(act, f"{link.name} can do no {tag(act).replace('_', ' ')} now"))
                    elif len(doing) >= _ACTS:
                        self._run.publish(_undone(act, f"{_ACTS:,} acts wait already"))
                    else:
                        doing.add(task := group.create_task(link.act(act)))
                        task.add_done_callback(doing.discard)
        finally:
            asked.close()


def _undone(act: AnyAct, why: str) -> ActDone:
    return ActDone(at=act.at, floor=act.floor, act=act.id, link=act.link, ok=False, detail=why)
