"""How a YouTube chat is read on and on: streams that end as YouTube likes, and what a break is said to have cost."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from itertools import pairwise
from random import Random
from typing import Any

import pytest

from marotte.links.youtube import frames
from marotte.links.youtube.frames import Page
from marotte.links.youtube.quota import Kept, Ledger
from marotte.links.youtube.stream import POLLS, Chat
from marotte.time import Clock

pytestmark = [pytest.mark.anyio, pytest.mark.virtual]

END = b""


def page(*messages: str, token: str = "next") -> bytes:
    items = [{"id": text, "snippet": {"type": "textMessageEvent"}} for text in messages]
    return json.dumps({"items": items, "nextPageToken": token}).encode()


class Streams:
    """A YouTube of which each stream brings the same, each piece so many seconds after the one before, and ends."""

    def __init__(self, *pieces: tuple[float, bytes]) -> None:
        self.pieces: Sequence[tuple[float, bytes]] = pieces
        self.clock = Clock(epoch=1_000_000.0)
        self.asked: list[tuple[float, str]] = []
        """When a stream was asked for, and from where on."""
        self.heard: list[str] = []
        self.gaps: list[tuple[float, int]] = []
        self.states: list[str] = []
        ledger = Ledger(1_000_000, self.clock, Kept(), lambda kept: None, lambda told: None)
        self.chat = Chat(
            "chat", ledger, self._hear, self._gap, lambda state, _: self.states.append(state), self.clock, Random(7)
        )

    def _hear(self, found: Page) -> int:
        self.heard += [message.id for message in found.messages]
        return len(found.messages)

    def _gap(self, seconds: float, recovered: int, detail: str) -> None:
        self.gaps.append((round(seconds, 1), recovered))

    @asynccontextmanager
    async def stream(self, chat: str, token: str) -> AsyncIterator[Any]:
        self.asked.append((self.clock.now(), token))
        yield _Body(self.pieces)

    def taken(self, data: bytes) -> Page:
        return frames.page(data)

    async def read(self, seconds: float) -> None:
        reading = asyncio.create_task(self.chat.read(self))  # type: ignore[arg-type]
        await self.clock.sleep(seconds)
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)


class _Body:
    def __init__(self, pieces: Sequence[tuple[float, bytes]]) -> None:
        self._pieces = [*pieces]

    async def readany(self) -> bytes:
        if not self._pieces:
            return END
        after, piece = self._pieces.pop(0)
        await asyncio.sleep(after)
        return piece


async def test_a_stream_that_ends_after_ten_seconds_each_time_is_gone_on_with_at_once() -> None:
    youtube = Streams((0.2, page("early")), (9.8, page(token="further")), (0.2, END))
    await youtube.read(600)
    began = [at for at, _ in youtube.asked]
    pauses = [later - sooner for sooner, later in pairwise(began)]
    assert max(pauses) < 10.5, "nobody waits longer for an answer than where a stream goes on"
    assert {token for _, token in youtube.asked[1:]} == {"further"}
    assert set(youtube.states) == {"up"}
    assert youtube.gaps == []


async def test_streams_that_end_soon_are_asked_for_no_more_often_than_lists() -> None:
    youtube = Streams((0.2, page("early")))
    await youtube.read(600)
    began = [at for at, _ in youtube.asked]
    assert min(later - sooner for sooner, later in pairwise(began)) >= POLLS - 1e-6
    assert len(began) > 100


async def test_streams_that_end_without_a_word_are_asked_for_ever_more_rarely() -> None:
    youtube = Streams()
    await youtube.read(600)
    assert len(youtube.asked) < 40
    assert "down" in youtube.states


async def test_who_writes_some_seconds_after_a_stream_began_was_not_missed() -> None:
    youtube = Streams((7.0, page("not missed")), (3.0, page()))
    await youtube.read(600)
    assert len(youtube.heard) > 50
    assert youtube.gaps == []
