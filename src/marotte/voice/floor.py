"""A floor: one conversation, one turn at a time. To interrupt is to cancel."""

import asyncio
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Any, Literal

from msgspec.structs import replace

from marotte.events import Ending, Line, Timings
from marotte.ports import Mouth
from marotte.text.sentences import joined
from marotte.time import Clock
from marotte.voice.speaker import Speaker
from marotte.voice.speech import Speech


class SpeakingFloor:
    """The floor whose turns sound through a speaker."""

    def __init__(self, speaker: Speaker, clock: Clock) -> None:
        self.name = speaker.floor
        self.speaker = speaker
        self.clock = clock
        self.free = asyncio.Lock()
        self.hold: _Hold | None = None
        self.finished: Callable[[], Awaitable[None]] | None = None
        """Awaited when a turn has said all, before it ends: a replay ends it when the run did."""
        speaker.on_mark = self._mark

    @property
    def turn(self) -> str:
        """The turn that holds the floor, or ""."""
        return self.hold.turn if self.hold else ""

    def take(self, turn: str, began: float) -> "_Hold":
        """Hold the floor for one turn that began at ``began`` of the clock; see ``ports.Floor``."""
        return _Hold(self, turn, began)

    def cut(self, reason: str = "interrupted") -> bool:
        """End the present turn now: brain, synthesis and sound. Returns whether there was one."""
        return self.hold is not None and self.hold.cut(reason)

    def yield_after_line(self) -> None:
        """End the present turn when the line that sounds now is over."""
        if self.hold is not None:
            self.hold.yield_after_line()

    def prepare(self, turn: str, line: Line) -> None:
        """Make the sound of a line that may be said next; see ``ports.Floor``."""
        if self.hold is None:
            self.speaker.prepare(turn, replace(line, turn=turn))

    def discard(self, turn: str) -> None:
        """Throw away what was prepared for a turn that will not be."""
        self.speaker.discard(turn)

    def _mark(self, turn: str, stage: str) -> None:
        if self.hold is not None and self.hold.turn == turn:
            self.hold.mark(stage)


class _Hold(Mouth):
    """One turn's hold of the floor.

    Works like ``asyncio.timeout``: a cut cancels the task inside the block, and the block's end takes that
    cancellation back, so that a cut ends the block and not the function around it.
    """

    def __init__(self, floor: SpeakingFloor, turn: str, began: float) -> None:
        self.turn = turn
        self._floor = floor
        self._speaker = floor.speaker
        self._began = began
        self._marks: dict[str, float] = {}
        self._speeches: list[Speech] = []
        self._unsaid = False
        self._task: asyncio.Task[Any] | None = None
        self._cancelling = 0
        self._cancelled = False
        """We have cancelled the task ourselves, and it has not been taken back."""
        self._leaving = False
        self._end: Literal["", "cut", "yield"] = ""
        self._reason = ""
        self._ending = Ending(state="failed")

    @property
    def ending(self) -> Ending:
        """How the turn ended and what was heard of it; complete once the floor has been given back."""
        return self._ending

    async def say(self, line: Line) -> None:
        """Hand over the next line; waits while enough sound is ahead."""
        self._unsaid = True
        self._speeches.append(await self._speaker.say(self.turn, replace(line, turn=self.turn)))
        self._unsaid = False

    def mark(self, stage: str, after: float | None = None) -> None:
        """Note that a stage was reached: the first time counts, for the last sample the last."""
        at = self._floor.clock.now() - self._began if after is None else after
        if stage == "last_sample" or stage not in self._marks:
            self._marks[stage] = at

    def cut(self, reason: str) -> bool:
        """Silence the turn now and stop what makes it; true where it was not cut already."""
        if self._end == "cut" or self._task is None:
            return False
        if reason == "interrupted" and self._speaker.firm:
            self.yield_after_line()
            return True
        stop_thinking = not self._leaving and not self._end
        self._end, self._reason = "cut", reason
        self._speaker.cut(self.turn)
        if stop_thinking:
            self._cancelled = self._task.cancel()
        return True

    def yield_after_line(self) -> None:
        """Stop thinking; say the present line to its end and no more."""
        if self._end or self._task is None:
            return
        self._end, self._reason = "yield", "gave way"
        self._speaker.drop_waiting(self.turn)
        if not self._leaving:
            self._cancelled = self._task.cancel()

    async def __aenter__(self) -> Mouth:
        await self._floor.free.acquire()
        self._floor.hold = self
        self._task = asyncio.current_task()
        assert self._task is not None
        self._cancelling = self._task.cancelling()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        self._leaving = True
        try:
            if error is None:
                error = await self._wait(self._finish())
            ours = self._take_back(error)
            if ours and self._end == "yield":
                error = await self._wait(self._speaker.finish(self.turn))
                ours = error is None
            elif error is not None:
                self._speaker.cut(self.turn)
            if late := await self._wait(self._speaker.close_cut()):
                error, ours = late, False
            self._ending = self._conclude(None if ours else error)
        finally:
            self._floor.hold = None
            self._floor.free.release()
        if error is not None and not ours and isinstance(error, asyncio.CancelledError):
            raise error
        return ours

    async def _finish(self) -> None:
        await self._speaker.finish(self.turn)
        if self._floor.finished is not None:
            await self._floor.finished()

    async def _wait(self, what: Awaitable[None]) -> asyncio.CancelledError | None:
        """Wait for something; returns the cancellation that came instead, if one did."""
        try:
            await what
            # A cut that came while nothing was awaited is delivered only here.
            if self._task is not None and self._task.cancelling() > self._cancelling:
                await asyncio.sleep(0)
        except asyncio.CancelledError as cancelled:
            return cancelled
        return None

    def _take_back(self, error: BaseException | None) -> bool:
        """Whether a cancellation is our own cut, which ends here."""
        if not isinstance(error, asyncio.CancelledError) or not self._cancelled:
            return False
        assert self._task is not None
        self._cancelled = False
        return self._task.uncancel() <= self._cancelling

    def _conclude(self, error: BaseException | None) -> Ending:
        """Put together what was heard."""
        heard, whole = "", not self._unsaid and not self._end
        answered: list[str] = []
        for speech in self._speeches:
            text, complete = speech.result
            whole = whole and complete
            heard = joined(heard, text)
            if complete:
                answered += speech.line.answers
        if error is not None and not isinstance(error, asyncio.CancelledError):
            state, reason = "failed", str(error) or type(error).__name__
        elif error is not None:
            state, reason = "interrupted", "stopped"
        elif self._end:
            state, reason = "interrupted", self._reason
        else:
            state, reason = "done", ""
        return Ending(
            state=state,
            heard=heard,
            cut=not whole,
            reason=reason,
            answered=tuple(dict.fromkeys(answered)),
            timings=Timings(**self._marks),
        )
