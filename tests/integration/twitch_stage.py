"""A Twitch link on a stage: it runs against a local Twitch, and what it publishes is written down."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from random import Random
from typing import Any, TypeVar

from marotte.config_links import Twitch
from marotte.config_pastimes import Reward
from marotte.events import (
    ChatMessage,
    Event,
    LinkState,
    Percept,
    Viewer,
)
from marotte.links.tokens import Token, Tokens
from marotte.links.twitch.link import TwitchLink
from marotte.links.twitch.rights import wanted
from marotte.time import Clock
from tests import signing_in, waiting
from tests.servers.twitch import CLIENT_ID, CLIENT_SECRET, TwitchServer

E_ = TypeVar("E_", bound=Event)


def settings_for(twitch: TwitchServer, **more: Any) -> Twitch:
    where = {"api": twitch.api, "login": twitch.id, "events": twitch.eventsub, "client_id": CLIENT_ID}
    return Twitch().model_copy(update={**where, **more})


class Stage:
    """A running link and what it published."""

    def __init__(
        self,
        twitch: TwitchServer,
        folder: Path,
        rewards: Mapping[str, Reward] | None = None,
        clock: Clock | None = None,
        **more: Any,
    ) -> None:
        self.twitch, self.tokens = twitch, Tokens(folder)
        self.rewards = {"Sing": Reward()} if rewards is None else rewards
        """What the show says of rewards; may be changed while the link runs."""
        self.settings = settings_for(twitch, **more)
        self.events: list[Event] = []
        secrets = {"TWITCH_CLIENT_SECRET": CLIENT_SECRET}
        self.clock = clock or Clock()
        self.link = TwitchLink(
            self.settings, secrets, self.tokens, self.events.append, self.clock, Random(1), lambda: self.rewards
        )

    def sign_in(self, user: str = "pip", without: tuple[str, ...] = (), expires: float = 0.0) -> str:
        """Keep a token, as ``marotte login twitch`` does; return it."""
        scopes = tuple(scope for scope in wanted(self.settings) if scope not in without)
        access = self.twitch.grant(scopes, user)
        refresh = self.twitch.refresh_of(access)
        signing_in.sign_in(self.tokens, "twitch", Token(access=access, refresh=refresh, scopes=scopes, expires=expires))
        return access

    def of(self, kind: type[E_]) -> list[E_]:
        return [event for event in self.events if isinstance(event, kind)]

    def percepts(self) -> list[Percept]:
        return self.of(Percept)

    def texts(self) -> list[str]:
        return [event.text for event in self.of(ChatMessage)]

    def states(self) -> list[str]:
        return [event.state for event in self.of(LinkState)]

    def details(self) -> str:
        return "\n".join(event.detail for event in self.of(LinkState))

    def counted(self, what: str) -> int:
        return self.link.counters.get(what, 0)

    def lacks(self) -> dict[str, str]:
        return {one.name: one.detail for one in self.link.standing() if not one.ok}

    async def up(self, times: int = 1) -> None:
        await waiting.until(lambda: self.states().count("up") >= times, f"up: {self.details()}")

    async def heard(self, number: int) -> None:
        await waiting.until(lambda: len(self.percepts()) >= number, f"{number} percepts: {self.percepts()}")

    async def settled(self) -> None:
        """Wait until all that was sent before has been taken, and nothing more."""
        before, marks = len(self.texts()), f"mark {len(self.events)}"
        await self.twitch.flushed()
        self.twitch.chat("marker", marks)
        await waiting.until(lambda: marks in self.texts()[before:], "the mark")
        mark = next(event for event in self.of(ChatMessage) if event.text == marks)
        self.events.remove(mark)

    @contextlib.asynccontextmanager
    async def on(self, *, wait: bool = True) -> AsyncIterator["Stage"]:
        task = asyncio.ensure_future(self.link.run())
        try:
            if wait:
                await self.up()
            yield self
            assert not task.done(), task.exception()
        finally:
            task.cancel()
            await asyncio.wait({task}, timeout=waiting.PATIENCE)
            assert task.cancelled()
            assert self.states()[-1:] == ["stopped"]

    @contextlib.asynccontextmanager
    async def signed_in(self) -> AsyncIterator["Stage"]:
        self.sign_in()
        async with self.on():
            yield self


def viewer(twitch: TwitchServer, who: str) -> Viewer:
    user = twitch.user(who)
    return Viewer(id=f"twitch:{user.id}", name=user.name, platform="twitch")
