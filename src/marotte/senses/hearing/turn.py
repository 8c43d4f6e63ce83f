"""What is being said, on its way to an ear."""

import asyncio
from collections.abc import AsyncIterator

from marotte.engines.kinds import Heard
from marotte.senses.hearing.dictation import Why


class Turn:
    """What is being said, on its way to an ear. The endpointer bounds it: the longest turn and no more."""

    def __init__(self, told: bool = True) -> None:
        self.told = told
        """Whether it was told that somebody speaks."""
        self.waits = True
        """Whether an ear will hear it."""
        self.unheard = False
        """No ear could hear it."""
        self.why: Why = "silence"
        """Why it was over."""
        self.over = asyncio.Event()
        self.seconds = 0.0
        self.ended = 0.0
        self.partial: Heard | None = None
        """What an ear has told of it so far."""
        self.pieces: list[bytes] = []
        self.more = asyncio.Event()
        """There is more of it, or no more will come."""
        self.paused = False
        """They have paused, and not gone on."""
        self.likely = -1.0
        """How likely this is all, where a turn model says so."""
        self.settled = Heard(text="")
        """What they have said if this is all."""
        self._take: Take | None = None
        # Loads numpy, as the detector has by now: a start without microphones does not wait for it.
        from marotte.senses.hearing.inventions import Loudness, invented

        self._loudness, self._invented = Loudness(), invented

    def invented(self, heard: Heard) -> str:
        """Say why nobody can have said this, or ""."""
        return self._invented(heard, self._loudness.rise, self.seconds)

    def add(self, pcm: bytes) -> None:
        """Take sound."""
        if self.waits:
            self._loudness.add(pcm)
            self.pieces.append(pcm)
            self.more.set()

    def end(self, seconds: float, ended: float, why: Why) -> None:
        """Note how long it was, when, on the clock, the last speech was, and why it is over."""
        self.seconds, self.ended, self.why = seconds, ended, why
        self.over.set()
        self.more.set()

    def take(self) -> "Take":
        """Let an ear hear it from its beginning."""
        self._take = Take(self)
        return self._take

    def ask_early(self) -> None:
        """Let the ear take what was said so far for all."""
        if self._take is not None:
            self._take.early = True
            self.more.set()

    def go_on(self) -> None:
        """More is said: what an ear took for all was not."""
        self.paused, self.likely = False, -1.0
        if self._take is not None and self._take.early:
            self._take.went_on.set()


class Take:
    """A turn as one ear hears it: to its end, or to a pause that may be its end."""

    def __init__(self, turn: Turn) -> None:
        self.early = False
        """It ended at a pause."""
        self.went_on = asyncio.Event()
        self._turn = turn

    @property
    def outdated(self) -> bool:
        """Whether more was said after the pause at which it ended."""
        return self.went_on.is_set()

    async def speech(self) -> AsyncIterator[bytes]:
        """Yield its sound as it comes."""
        turn, place = self._turn, 0
        while True:
            while place < len(turn.pieces):
                place += 1
                yield turn.pieces[place - 1]
            if self.early or turn.over.is_set():
                return
            turn.more.clear()
            await turn.more.wait()
