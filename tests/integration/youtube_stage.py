"""A YouTube link on a stage: it runs against a local YouTube, on a fast clock; what it publishes is written down."""

import asyncio
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any

from marotte.config_links import YouTube
from marotte.events import ChatMessage, Event, LinkState
from marotte.links.tokens import Token, Tokens
from marotte.links.youtube.link import YouTubeLink
from tests import signing_in
from tests.fast import Fast
from tests.servers.youtube import CLIENT, SCOPE, SECRET, YouTubeServer
from tests.waiting import until

SECRETS = {"YOUTUBE_CLIENT_SECRET": SECRET}
SPEED = 600.0
"""The link's clock runs so much faster than the machine's: ten minutes in a second."""


class Stage:
    """A running link, its YouTube, and what it published."""

    def __init__(self, youtube: YouTubeServer, folder: Path, **settings: Any) -> None:
        self.youtube, self.tokens, self.clock = youtube, Tokens(folder / "tokens"), Fast(SPEED)
        youtube.now = self.now
        shown = {"client_id": CLIENT, "api": youtube.api, "login": youtube.url, "answer": True}
        self.settings = YouTube(**{**shown, **settings})
        self.events: list[Event] = []
        self.task: asyncio.Task[None] | None = None

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.clock.wall(), UTC)

    def sign_in(self, **more: Any) -> Any:
        grant = self.youtube.grant(SCOPE)
        token = {"access": grant.access, "refresh": grant.refresh, "scopes": (SCOPE,), "name": "Pip", **more}
        signing_in.sign_in(self.tokens, "youtube", Token(account=self.youtube.owner.id, **token))
        return grant

    def start(self) -> None:
        self.link = YouTubeLink(self.settings, SECRETS, self.tokens, self.events.append, self.clock, Random(7))
        self.resume()

    def resume(self) -> None:
        """Let the link that there is run, again where it has been stopped."""
        self.task = asyncio.create_task(self.link.run())

    async def stop(self) -> None:
        if self.task is not None:
            self.task.cancel()
            with suppress(asyncio.CancelledError):
                await self.task
        self.task = None

    async def up(self) -> "Stage":
        self.start()
        await until(lambda: self.youtube.streams or (self.task and self.task.done()), "the chat is streamed")
        return self

    def of(self, *kinds: type[Event]) -> list[Any]:
        return [event for event in self.events if isinstance(event, kinds)]

    def texts(self) -> list[str]:
        return [event.text for event in self.of(ChatMessage)]

    async def hears(self, *texts: str) -> None:
        await until(lambda: self.texts()[-len(texts) :] == list(texts), f"{texts}, and not {self.texts()}")

    async def told(self, state: str, part: str = "") -> LinkState:
        found = lambda: next((s for s in self.of(LinkState) if s.state == state and part in s.detail), None)  # noqa: E731
        return await until(found, f"{state} {part!r} is told, and not {self.of(LinkState)}")

    def calls(self, route: str) -> list[Any]:
        return [asked for asked in self.youtube.requests if asked.route == route]
