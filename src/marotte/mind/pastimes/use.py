"""One use of a command, and what comes of it: what all pastimes share."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from marotte.config_pastimes import Command, Who
from marotte.events import PUBLIC, ChatMessage, Event, Viewer
from marotte.mind.phrases import sentence
from marotte.store.database import StoreError
from marotte.store.rows import TimerRow, person

_RIGHTS: dict[Who, frozenset[str]] = {
    "subscribers": frozenset(("subscriber", "moderator", "operator")),
    "vips": frozenset(("vip", "moderator", "operator")),
    "moderators": frozenset(("moderator", "operator")),
    "operator": frozenset(("operator",)),
}


class Rows(Protocol):
    """Where what was promised is kept; what returns is on the disk. All of it raises StoreError."""

    async def tallies(self, kind: str) -> Mapping[str, int]: ...

    async def keep_tally(self, kind: str, name: str, count: int) -> None: ...

    async def keep_tallies(self, counts: Mapping[tuple[str, str], int]) -> None: ...

    def keep_tally_soon(self, kind: str, name: str, count: int) -> None: ...

    async def drop_tallies(self, kind: str, *names: str) -> None: ...

    async def quotes(self) -> Mapping[int, str]: ...

    async def keep_quote(self, number: int, text: str, by: str) -> None: ...

    async def drop_quote(self, number: int) -> None: ...

    async def add_timer(self, due: float, *, schedule: str = "", text: str = "", floor: str = PUBLIC) -> str: ...

    async def due_timers(self, until: float | None = None, limit: int = 1_000) -> list[TimerRow]: ...


def may(viewer: Viewer | None, who: Who) -> bool:
    """Whether a viewer may use what is there for ``who``."""
    return who == "everyone" or (viewer is not None and not _RIGHTS[who].isdisjoint(viewer.roles))


@dataclass(frozen=True)
class Use:
    """Somebody uses a command."""

    message: ChatMessage
    name: str
    """The command's name in the show."""
    command: Command
    args: str
    """What stands behind it, on one line."""
    user: str
    """What to call them, fit to be written."""
    language: str = "en"
    """The language to answer in."""

    def say(self, kind: str, **slots: object) -> str:
        """Return one of the program's own sentences, to them and in their language."""
        return sentence(kind, self.language, **{"user": self.user, "command": self.name, **slots})

    def no(self, kind: str, **slots: object) -> "Answer":
        """Return the answer that nothing was done, and why, in one of the program's own sentences."""
        return Answer(self.say(kind, **slots), ok=False)

    @property
    def who(self) -> str:
        """Under which account they are remembered."""
        return person(self.message)

    @property
    def steers(self) -> bool:
        """Whether they look after the show."""
        return may(self.message.viewer, "moderators")


@dataclass(frozen=True)
class Answer:
    """What came of a use."""

    text: str = ""
    """What is written back."""
    ok: bool = True
    """False where nothing was done: the text says why, or how it is done."""
    count: int | None = None
    told: str = ""
    """What the character is told of it."""
    about: str = ""
    """What that is, in a word or two."""
    keep: Callable[[], Awaitable[object]] | None = None
    """What must be on the disk before anything is told; raises StoreError."""
    events: tuple[Event, ...] = ()
    """What is published besides."""


Forget = Callable[[], Awaitable[None]]
"""Asks the rows who was forgotten, and takes them out of mind; what others do meanwhile stays. Raises StoreError."""


def or_back(keep: Callable[[], Awaitable[object]], back: Callable[[], object]) -> Callable[[], Awaitable[object]]:
    """Return what keeps something, and where that fails takes back what was decided: it may be tried again."""

    async def kept() -> None:
        try:
            await keep()
        except StoreError:
            back()
            raise

    return kept


def in_words(seconds: float) -> str:
    """Say a time: ``1 h 2 min 3 s``."""
    whole = round(seconds)
    parts = ((whole // 3_600, "h"), (whole // 60 % 60, "min"), (whole % 60, "s"))
    return " ".join(f"{count} {unit}" for count, unit in parts if count) or "0 s"
