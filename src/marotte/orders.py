"""Orders: what people who steer a run have it do. Each is in the run's log, so that a replay gives it again."""

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar

from marotte.config import Answers
from marotte.mind.moderation import Rules

if TYPE_CHECKING:
    from marotte.conversation import Conversation
    from marotte.show import Run

P = ParamSpec("P")
T = TypeVar("T")


def _logged(order: Callable[Concatenate["Orders", P], T]) -> Callable[Concatenate["Orders", P], T]:
    """Note an order with all that it was given before it is carried out."""

    def noted(self: "Orders", *args: P.args, **kwargs: P.kwargs) -> T:
        self.note(order.__name__, (*args, *kwargs.values()))
        return order(self, *args, **kwargs)

    noted.__doc__ = order.__doc__
    return noted


class Orders:
    """Carries out what an operator, a moderator or a partner orders. Raises LookupError for a floor that is not open.

    All that an order needs is text and numbers: that is what the log keeps of it.
    """

    def __init__(self, run: "Run", note: Callable[[str, tuple[Any, ...]], None]) -> None:
        """``note`` is given each order's name and what it was given."""
        self._run = run
        self.note = note

    @_logged
    def cut(self, floor: str, reason: str) -> bool:
        """End the present turn of a floor now; returns whether there was one."""
        return self._floor(floor).floor.cut(reason)

    @_logged
    def language(self, floor: str, language: str) -> None:
        """Speak a language on a private floor from now on."""
        self._floor(floor).director.language = language

    @_logged
    def context(self, text: str) -> None:
        """Tell the character what is going on, from its next turn on."""
        self._run.persona.context = text

    @_logged
    def answer(self, which: Answers) -> None:
        """Answer everything in chats, or only what is addressed to the character, from now on."""
        for floor in self._run.floors.values():
            floor.attention.answer = which

    @_logged
    def skip(self, percept: str) -> bool:
        """Drop what waits under an id; returns whether there was any."""
        found = any(floor.attention.skip(percept) for floor in self._run.floors.values())
        if found:
            self._run.store.expired([percept])
        return found

    @_logged
    def removed(self, link: str, what: str, name: str) -> None:
        """Answer no more what a platform took away: a ``message``, a ``viewer``'s words, or the whole ``chat``."""
        for floor in self._run.floors.values():
            self._run.store.expired(floor.attention.removed(link, what, name))

    @_logged
    def pin(self, percept: str, at_once: bool = False) -> bool:
        """Answer what waits under an id next, or at once, whatever speaks; returns whether there was any."""
        return any(floor.attention.pin(percept, at_once=at_once) for floor in self._run.floors.values())

    @_logged
    def mute(self, what: str, name: str, seconds: float = 0.0) -> None:
        """Answer no ``sense``, ``lane``, ``link`` or ``viewer`` of this name for so many seconds; 0: until unmuted.

        What must survive waits in a muted lane; of a muted link, sense or viewer it is answered all the same.
        """
        self._run.mutes.add(what, name, self._run.clock.now() + seconds if seconds else math.inf)

    @_logged
    def unmute(self, what: str, name: str) -> bool:
        """Answer it again; returns whether it was muted."""
        return self._run.mutes.remove(what, name)

    @_logged
    def spare(self, viewer: str, spared: bool = True) -> None:
        """Judge a viewer's messages no more, because a verdict on them was lifted; or judge them again."""
        self._run.verdicts.judge.spare(viewer, spared)

    @_logged
    def release(self, floor: str, shown: str) -> bool:
        """Say a line after all that moderation stopped; false where it is unknown or too late.

        It is named by its words: a replayed run has lines of its own.
        """
        for stopped in reversed(self._run.stopped.values()):
            if (stopped.floor, stopped.shown) == (floor, shown):
                line = self._run.moderator.release(stopped.line)
                if line is None:
                    return False
                self._run.store.note_released(stopped.line)
                self._floor(floor).director.release(line)
                return True
        return False

    @_logged
    def words(self, name: str, words: list[str]) -> None:
        """Let moderation go by other words of one's own in a list."""
        run = self._run
        run.words.keep(name, tuple(words))
        run.moderator.rules = Rules(run.show.moderation, run.show.character.never, run.words.lists)

    @_logged
    def settings(self, show: dict[str, Any]) -> None:
        """Go by other settings: all but those of what reaches outside."""
        run = self._run
        new = run.show.model_validate({**run.show.model_dump(include=OUTSIDE), **show})
        run.apply(new, Rules(new.moderation, new.character.never, run.words.lists))

    def _floor(self, name: str) -> "Conversation":
        if name not in self._run.floors:
            raise LookupError(f"there is no floor {name!r}")
        return self._run.floors[name]


_PLATFORMS = ("irc", "twitch", "youtube", "tiktok", "discord")
OUTSIDE = {"store", "device", "gateway", "brain", "voice", "hearing", *_PLATFORMS}
"""Tables of a show whose changes a replay cannot follow: they reach outside, and may hold a password."""
NOT_LOGGED: dict[str, Any] = {"store": True, "device": True, "gateway": True, "tools": {"mcp"}} | dict.fromkeys(
    _PLATFORMS, True
)
"""What of a show no log tells: it reaches outside, and may hold a password."""
ORDERS = frozenset(
    (
        "cut",
        "language",
        "context",
        "answer",
        "skip",
        "removed",
        "pin",
        "mute",
        "unmute",
        "spare",
        "release",
        "words",
        "settings",
    )
)
"""What a log may order."""
