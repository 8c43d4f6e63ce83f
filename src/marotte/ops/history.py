"""The last events of a run, in memory, to be searched."""

import asyncio
import zlib
from collections import Counter, deque
from collections.abc import Callable, Iterable
from typing import Literal, NamedTuple, get_origin

import msgspec

from marotte import events
from marotte.bus import Bus, Message
from marotte.events import PUBLIC, Event

MOST = 100_000
"""So many events are remembered."""
A_SECOND = 200
"""So many events of one kind are remembered each second: a flood must not push out all that was before it."""
_LEFT_OUT = (events.LineTimings, events.Played, events.Used)
"""Kinds that come many times a second and tell little."""
_REST = 0.1
"""Seconds between one look at what has happened and the next: to wake for each event would hold up the voice."""
_BLOCK = 250
"""Events that are packed together: a tenth of their size, in less than 2 ms."""
_AT_ONCE = 16
"""So many blocks are looked through before others have their turn: a voice must not wait for a search."""


class _Head(msgspec.Struct, gc=False, frozen=True):
    seq: int
    """Its place among all events of the run, from 1."""
    kind: str
    floor: str
    turn: str


class Remembered(_Head, gc=False, frozen=True):
    """One event as it is remembered."""

    json: bytes


class _Block:
    """Some events in a row, and their texts, folded; once it is full, in one string, so that one look tells."""

    def __init__(self) -> None:
        self._heads: list[_Head] = []
        self._marks: set[str] = set()
        """The kinds, floors and turns that are in it."""
        self._texts: list[str] = []
        self._joined = ""
        self._jsons: list[bytes] = []
        self._packed = b""

    def __len__(self) -> int:
        return len(self._heads)

    def add(self, head: _Head, json: bytes, text: str, full: int) -> None:
        """Take in an event; with the last one that it takes it is closed."""
        self._heads.append(head)
        self._marks.update((head.kind, head.floor, head.turn))
        self._texts.append(text)
        self._jsons.append(json)
        if len(self) == full:
            self._joined, self._texts = "\0".join(self._texts), []
            self._packed, self._jsons = zlib.compress(b"\n".join(self._jsons), 1), []

    def having(self, text: str, marks: set[str], passes: Callable[[_Head], bool]) -> Iterable[Remembered]:
        """Yield the events that pass and whose texts hold a text, newest first; ``marks`` must be on some of them."""
        if not marks <= self._marks or (self._joined and text not in self._joined):
            return
        texts = self._texts or self._joined.split("\0")
        jsons = self._jsons
        for place, head in reversed([*enumerate(self._heads)]):
            if passes(head) and text in texts[place]:
                jsons = jsons or zlib.decompress(self._packed).split(b"\n")
                yield Remembered(head.seq, head.kind, head.floor, head.turn, jsons[place])


class Asked(NamedTuple):
    """What is looked for; empty fields let everything pass."""

    text: str = ""
    kind: str = ""
    floor: str = ""
    turn: str = ""


class History:
    """Remembers the last events, each as its JSON, and finds them again; the high-volume kinds are left out."""

    def __init__(self, bus: Bus, most: int = MOST) -> None:
        """Listen from now on; ``watch`` takes in what was heard."""
        self._seen = bus.subscribe(">", size=20_000)
        self._full = min(_BLOCK, most)
        self._blocks: deque[_Block] = deque([_Block()], maxlen=most // self._full)
        self._last = 0
        self._second, self._taken = 0, Counter[type[Event]]()
        self._texts: dict[type[Event], tuple[str, ...]] = {}

    def __len__(self) -> int:
        return sum(map(len, self._blocks))

    async def watch(self) -> None:
        """Take in what happens, until cancelled."""
        while batch := await self._seen.batch():
            self._take_in(batch)
            await asyncio.sleep(_REST)

    def _take_in(self, batch: Iterable[Message]) -> None:
        second = int(asyncio.get_running_loop().time())
        if second != self._second:
            self._second, self._taken = second, Counter[type[Event]]()
        for message in batch:
            if isinstance(message.data, Event):
                kind = type(message.data)
                self._taken[kind] += 1
                if self._taken[kind] <= A_SECOND:
                    self.add(message.data)

    def add(self, event: Event) -> None:
        """Remember one event, unless its kind is left out; the oldest go."""
        if isinstance(event, _LEFT_OUT) or (isinstance(event, events.Transcript) and not event.final):
            return
        if len(self._blocks[-1]) == self._full:
            self._blocks.append(_Block())
        self._last += 1
        kind, turn = str(event.__struct_config__.tag), getattr(event, "turn", "")
        head = _Head(self._last, kind, event.floor, turn)
        self._blocks[-1].add(head, events.encode(event), self._words(event), self._full)

    def forget(self) -> None:
        """Forget everything: it holds the words of somebody who was forgotten."""
        self._seen.take()
        self._blocks.clear()
        self._blocks.append(_Block())

    async def find(self, asked: Asked, before: int = 0, limit: int = 200, *, private: bool = True) -> list[Remembered]:
        """Return what is looked for, newest first, from before a place on (0: from the newest).

        Without ``private`` events of private floors are passed over. Others have their turn while it searches.
        """
        self._take_in(self._seen.take())
        found: list[Remembered] = []
        text, marks = asked.text.casefold(), {mark for mark in asked[1:] if mark}
        passes = _filter(asked, before if before > 0 else self._last + 1, private)
        for place, block in enumerate(reversed([*self._blocks]), 1):
            for entry in block.having(text, marks, passes):
                found.append(entry)
                if len(found) == limit:
                    return found
            if place % _AT_ONCE == 0:
                await asyncio.sleep(0)
        return found

    def _words(self, event: Event) -> str:
        fields = self._texts.get(type(event))
        if fields is None:
            fields = self._texts[type(event)] = _text_fields(type(event))
        texts = [getattr(event, name) for name in fields]
        viewer = getattr(event, "viewer", None)
        if viewer is not None:
            texts += (viewer.name, viewer.id)
        if isinstance(event, events.TurnEnded):
            texts += (event.ending.state, event.ending.heard, event.ending.reason)
        return "\n".join(texts).replace("\0", "").casefold()


def _text_fields(kind: type[Event]) -> tuple[str, ...]:
    """Return the fields of a kind that hold text."""
    return tuple(
        field.name
        for field in msgspec.structs.fields(kind)
        if field.name != "floor" and (field.type is str or get_origin(field.type) is Literal)
    )


def _filter(asked: Asked, before: int, private: bool) -> Callable[[_Head], bool]:
    """Return what tells whether an event is looked for, but for its text."""
    _, kind, floor, turn = asked

    def passes(entry: _Head) -> bool:
        return (
            entry.seq < before
            and (not kind or entry.kind == kind)
            and (not floor or entry.floor == floor)
            and (not turn or entry.turn == turn)
            and (private or entry.floor == PUBLIC)
        )

    return passes
