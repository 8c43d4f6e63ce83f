"""``!link``: a code that is given on one platform and written on another makes two accounts one person's."""

import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from marotte.events import Send
from marotte.mind.pastimes.use import Answer, Use
from marotte.time import Clock

LASTS = 600.0
"""Seconds that a code is good for."""
MOST = 500
"""Codes at a time; then the oldest goes."""
_LENGTH = 6
_SIGNS = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
"""What a code is made of: nothing that is taken for something else."""


@dataclass(frozen=True)
class _Code:
    use: Use
    until: float


class Links:
    """Gives codes and takes them back, each once."""

    def __init__(
        self,
        clock: Clock,
        join: Callable[[str, str, str], Awaitable[object]],
        part: Callable[[str], Awaitable[object]],
        made: Callable[[], str] | None = None,
    ) -> None:
        """``join`` remembers two accounts under the first, ``part`` takes one out again; ``made`` makes a code."""
        self._clock = clock
        self._join = join
        self._part = part
        self._made = made or (lambda: "".join(secrets.choice(_SIGNS) for _ in range(_LENGTH)))
        self._codes: dict[str, _Code] = {}

    def link(self, use: Use) -> Answer:
        """Give a code, take one, or part again."""
        viewer = use.message.viewer
        if viewer is None:
            return use.no("who_are_you")
        said = use.args.strip().upper()
        if said == "UNDO":
            return Answer(use.say("link_parted"), keep=lambda: self._part(viewer.id))
        now = self._clock.now()
        self._codes = {code: one for code, one in self._codes.items() if one.until > now}
        return self._take(use, said, viewer.id) if said else self._give(use)

    def _give(self, use: Use) -> Answer:
        self._codes = {code: one for code, one in self._codes.items() if one.use.who != use.who}
        while len(self._codes) >= MOST:
            del self._codes[next(iter(self._codes))]
        code = self._made()
        self._codes[code] = _Code(use, self._clock.now() + LASTS)
        return Answer(use.say("link_code", code=code, minutes=round(LASTS / 60)))

    def _take(self, use: Use, code: str, viewer: str) -> Answer:
        given = self._codes.get(code)
        if given is None:
            return use.no("link_bad_code")
        first = given.use
        if first.who == use.who:
            return use.no("link_same_account")
        del self._codes[code]
        there = first.message
        told = Send(
            at=self._clock.wall(),
            floor=there.floor,
            link=there.link,
            channel=there.channel,
            answers=there.source,
            text=first.say("link_told", other=use.user),
        )
        return Answer(
            use.say("link_joined", first=first.user),
            keep=lambda: self._join(first.who, viewer, "code"),
            events=(told,) if there.link else (),
        )
