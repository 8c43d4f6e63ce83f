"""One turn as the mind has it: what it reacts to, and the lines that are written before they may be said."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field

from marotte.events import AnyPercept, Line, fresh_id
from marotte.mind.lanes import Bundle
from marotte.ports import Mouth


@dataclass
class Turn:
    """One reaction on one floor."""

    bundle: Bundle
    language: str
    began: float
    id: str = field(default_factory=fresh_id)
    committed: asyncio.Event = field(default_factory=asyncio.Event)
    """It is meant: what reaches outside the reply may be done."""
    early: "Early | None" = None
    """Its reply was begun before it was known to be meant."""
    mouth: Mouth | None = None
    reached: list[str] = field(default_factory=list[str])
    """Stages that were reached before it was meant."""
    learns: Sequence[AnyPercept] = ()
    """What there is to be learnt from once it is meant."""
    leaving: tuple[str, ...] = ()
    """Who asks in it to be forgotten."""
    named: set[str] = field(default_factory=set[str])
    """Ids of surviving percepts that a line has named."""
    rows: list[asyncio.Task[None]] = field(default_factory=list[asyncio.Task[None]])
    """What is being written of it."""

    @property
    def percepts(self) -> tuple[AnyPercept, ...]:
        """What it reacts to."""
        return self.bundle.percepts

    def mark(self, stage: str) -> None:
        """Note that a stage was reached."""
        if self.mouth is not None:
            self.mouth.mark(stage)
        elif stage not in self.reached:
            self.reached.append(stage)


class Early:
    """Lines that are written before they may be said; the first is made to sound already."""

    MOST = 3

    def __init__(self, lines: AsyncGenerator[Line], prepare: Callable[[Line], None]) -> None:
        self._written: asyncio.Queue[Line | Exception | None] = asyncio.Queue(self.MOST)
        self._writing = asyncio.create_task(self._write(lines, prepare))

    async def _write(self, lines: AsyncGenerator[Line], prepare: Callable[[Line], None]) -> None:
        try:
            async with aclosing(lines):
                async for said in lines:
                    prepare(said)
                    await self._written.put(said)
            await self._written.put(None)
        except Exception as error:
            await self._written.put(error)

    async def lines(self) -> AsyncGenerator[Line]:
        """Yield the lines, those to come too."""
        try:
            while (said := await self._written.get()) is not None:
                if isinstance(said, Exception):
                    raise said
                yield said
        finally:
            self.discard()

    def discard(self) -> None:
        """Write no more."""
        self._writing.cancel()
