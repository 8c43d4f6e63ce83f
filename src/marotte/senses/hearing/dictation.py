"""Words that a browser's own recognition tells, and of the sound beside them only that somebody speaks."""

import asyncio
from collections.abc import Callable
from typing import Literal

from marotte.engines.kinds import Heard
from marotte.senses.hearing.doubt import Doubt
from marotte.time import Clock

EAR = "browser"
"""What such words were understood by."""

Why = Literal["silence", "released", "too_long", "noise"]


class Dictation:
    """Joins words that come late, or never, to the speech of which they are.

    The sound tells when somebody begins and ends to speak. Where there is none, the first word and the last one do.
    """

    def __init__(
        self,
        clock: Clock,
        doubt: Doubt,
        begin: Callable[[], None],
        end: Callable[[float, Why], None],
        tell: Callable[[Heard, str], None],
        conclude: Callable[[Heard, float, str], None],
    ) -> None:
        """``begin`` and ``end`` tell of speech, ``tell`` of words so far, ``conclude`` of all words, perhaps none."""
        self.patience = 2.0
        """Seconds that words may take once nobody speaks."""
        self._clock = clock
        self._doubt = doubt
        self._begin, self._end, self._tell, self._conclude = begin, end, tell, conclude
        self._sounds = False
        """Somebody speaks, as far as can be heard."""
        self._since: float | None = None
        """Since when somebody has spoken, who has not ended yet."""
        self._worded = False
        """Words of it have come."""
        self._due: list[float] = []
        """The seconds of the speeches that have ended, and of which not all words have come."""
        self._timer: asyncio.TimerHandle | None = None

    @property
    def wordless(self) -> bool:
        """Whether something is being said of which no word has come."""
        return self._since is not None and not self._worded

    def sounds(self, pressed: bool = False) -> None:
        """Somebody begins to speak, or has ``pressed`` a button; where that is in doubt, only their words tell it."""
        self._sounds = True
        if not self._due:
            self._wait(False)
        if pressed or not self._doubt.doubts:
            self._begins()

    def silent(self, seconds: float, why: Why) -> None:
        """They have ended; without a word of it so far, what was short is a noise."""
        self._sounds = False
        if self._since is None:
            return  # its words have ended it already
        if why == "noise" and not self._worded:
            self._ends(seconds, "noise")
            return
        self._due.append(seconds)
        self._ends(seconds, "silence" if why == "noise" else why)
        self._wait(True)

    def hear(self, heard: Heard) -> None:
        """Take words. Final ones end what they are of; a final "" takes back what was told before."""
        if self._since is None and not self._due:
            if not heard.text:
                return
            self._begins()
        if not heard.final:
            if heard.text:
                self._worded = True
                self._doubt.understood(heard.text)
            self._wait(bool(self._due) or not self._sounds)
            self._tell(heard, EAR)
            return
        self._doubt.understood(heard.text)
        if self._due:
            self._concludes(heard)
            self._wait(bool(self._due))
            return
        assert self._since is not None
        seconds = self._clock.now() - self._since
        self._wait(False)
        self._ends(seconds, "silence" if heard.text else "noise")
        if heard.text:
            self._conclude(heard, seconds, EAR)

    def leave(self) -> None:
        """Nothing more is told: end what is open."""
        self._wait(False)
        self._sounds = False
        while self._due:
            self._concludes(Heard(text=""))
        if self._since is not None:
            self._ends(self._clock.now() - self._since, "noise")

    def hand_over(self) -> None:
        """What is being said, and has begun already, is somebody else's to end."""
        self._wait(bool(self._due))
        self._sounds, self._since, self._worded = False, None, False

    def _begins(self) -> None:
        if self._since is None:
            self._since, self._worded = self._clock.now(), False
            self._begin()

    def _ends(self, seconds: float, why: Why) -> None:
        self._since, self._worded = None, False
        self._end(seconds, why)

    def _concludes(self, heard: Heard) -> None:
        self._conclude(heard, self._due.pop(0), EAR)

    def _wait(self, waits: bool) -> None:
        """Give words some time to come, from now on; or wait for none."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if waits:
            self._timer = asyncio.get_running_loop().call_later(self.patience, self._give_up)

    def _give_up(self) -> None:
        """Nothing more comes of what was said; what is being said may still be told."""
        self._timer = None
        if self._due:
            self._doubt.understood("")
        while self._due:
            self._concludes(Heard(text=""))
        if self._since is not None and not self._sounds:
            self._ends(self._clock.now() - self._since, "noise")
