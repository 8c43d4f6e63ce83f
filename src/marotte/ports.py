"""The few direct hand-overs between rooms that must lose nothing and stop at once. Protocols only.

``show.py`` builds the rooms and hands each the ports it needs; no room imports another.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from enum import IntEnum
from typing import NamedTuple, Protocol

from marotte.events import ActDone, AnyAct, Ending, Line, LineStarted


class Mouth(Protocol):
    """What a turn speaks through while it holds the floor."""

    @property
    def ending(self) -> Ending:
        """How the turn ended and what was heard of it; complete once the floor has been given back."""
        ...

    async def say(self, line: Line) -> None:
        """Hand over the next line; waits while enough sound is ahead. Lines of a turn sound in the order given."""
        ...

    def mark(self, stage: str, after: float | None = None) -> None:
        """Note in the turn's timings that ``stage`` (a field of ``Timings``) was reached, now or ``after`` seconds."""
        ...


class Floor(Protocol):
    """One conversation: one speaker, one turn at a time."""

    @property
    def name(self) -> str: ...

    def take(self, turn: str, began: float) -> AbstractAsyncContextManager[Mouth]:
        """Hold the floor for one turn that began at ``began`` of the clock.

        Leaving the block waits until all its lines have been heard. A cut cancels the block's body and ends the block
        without an error; the mouth's ``ending`` says what was heard.
        """
        ...

    def cut(self, reason: str = "interrupted") -> bool:
        """End the present turn now: brain, synthesis and sound. Returns whether there was one.

        Whoever only interrupts lets a firm line be heard to its end.
        """
        ...

    def yield_after_line(self) -> None:
        """End the present turn when the line that sounds now is over."""
        ...

    @property
    def turn(self) -> str:
        """The turn that holds the floor, or ""."""
        ...

    def prepare(self, turn: str, line: Line) -> None:
        """Make the sound of a line that may be said next; nobody hears it before it is said."""
        ...

    def discard(self, turn: str) -> None:
        """Throw away what was prepared for a turn that will not be."""
        ...


class Rank(IntEnum):
    """Which outlet holds the truth of what was heard: the lowest rank that is attached."""

    DEVICE = 0
    LOCAL = 1
    BROADCASTER = 2
    WINDOW = 3
    CLOCK = 4


class Outlet(Protocol):
    """Something that plays a floor's sound. None of its methods may block or raise for the sake of its far end."""

    @property
    def name(self) -> str: ...

    @property
    def rank(self) -> Rank: ...

    @property
    def lead(self) -> float:
        """At most so many seconds of sound are handed over before they are due."""
        ...

    def play(self, turn: str, line: str, sample: int, pcm: bytes) -> None:
        """Take 48 kHz mono 16-bit sound whose first sample is due at ``sample`` of the floor's clock."""
        ...

    def stop(self, turn: str, sample: int) -> None:
        """Throw away everything not yet played; sound of ``turn`` from ``sample`` on is void."""
        ...


class Record(Protocol):
    """Where what was heard is kept: each line at its end, and every second while it sounds. Must not block."""

    def began(self, line: LineStarted) -> None:
        """Keep that a line begins to sound."""
        ...

    def heard(self, line: Line, text: str, sample: int, *, cut: bool, final: bool) -> None:
        """Keep that ``text`` of a line has been heard up to ``sample``.

        A line heard to its end (``final`` and not ``cut``) has answered the percepts that it names.
        """
        ...


class Scene(NamedTuple):
    """What was there when somebody looked."""

    text: str = ""
    """In words; "" where no eye was asked, or none could tell."""
    picture: bytes = b""
    """JPEG, for brains that see; b"" where they get none."""
    before: float = 0.0
    """How many seconds ago that was."""

    @property
    def told(self) -> str:
        """The words, with their age where they are old."""
        if not self.text or self.before < 5:
            return self.text
        age = f"{self.before:.0f} seconds" if self.before < 90 else f"{self.before / 60:.0f} minutes"
        return f"{self.text} (That was {age} ago.)"


class CameraError(Exception):
    """A camera gave no picture; the message says which and why."""


class Camera(Protocol):
    """What takes pictures for a floor."""

    @property
    def name(self) -> str: ...

    async def picture(self) -> bytes:
        """Take a picture now: JPEG, PNG or WebP, of any size. Raises CameraError."""
        ...


class Microphone(Protocol):
    """A partner's microphone."""

    def sound(self) -> AsyncIterator[bytes]:
        """Yield 16 kHz mono 16-bit sound in pieces of any length, as it comes."""
        ...


class Standing(NamedTuple):
    """One thing that a link has or lacks: an account, a right, a subscription, what is left of a quota."""

    name: str
    ok: bool
    detail: str = ""
    """Where it is not: what that costs, and how to get it."""


class Link(Protocol):
    """One supervised connection to another program: it publishes percepts and carries out acts."""

    @property
    def name(self) -> str: ...

    @property
    def platform(self) -> str:
        """Which kind of program it leads to, for example ``twitch``."""
        ...

    @property
    def can(self) -> frozenset[str]:
        """The acts that it can carry out, by their tags; what is missing for the others ``standing`` tells."""
        ...

    @property
    def counters(self) -> Mapping[str, int]:
        """What it has done since the run began."""
        ...

    def standing(self) -> Sequence[Standing]:
        """Return what it has and lacks, for whoever looks after it."""
        ...

    async def run(self) -> None:
        """Stay connected until cancelled."""
        ...

    async def act(self, act: AnyAct) -> ActDone:
        """Carry out an act, as soon as its limits allow; what became of it is returned and published."""
        ...
