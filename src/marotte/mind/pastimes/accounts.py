"""``!link``: a code that is given on one platform and written on another makes two accounts one person's.

The code stands in a public chat, where anybody may read it: whoever was given it says whether the other is them.
"""

import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from math import ceil

from marotte.events import Send, Viewer
from marotte.mind.pastimes.use import Answer, Use
from marotte.time import Clock

LASTS = 600.0
"""Seconds that a code is good for, and may be answered to."""
MOST = 500
"""Codes at a time; then the oldest goes."""
_LENGTH = 6
_SIGNS = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
"""What a code is made of: nothing that is taken for something else."""


@dataclass(frozen=True)
class _Code:
    use: Use
    until: float
    claim: Use | None = None
    """Who wrote it: the first who did. Another in their stead might be meant by nobody's yes."""


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
        """Give a code, take one, join who wrote it once its owner says so, or part again."""
        viewer = use.message.viewer
        if viewer is None:
            return use.no("who_are_you")
        said = use.args.strip().upper()
        if said == "UNDO":
            return Answer(use.say("link_parted"), keep=lambda: self._part(viewer.id))
        now = self._clock.now()
        self._codes = {code: one for code, one in self._codes.items() if one.until > now}
        if said in ("YES", "NO"):
            return self._decide(use, viewer, yes=said == "YES")
        return self._take(use, said, viewer) if said else self._give(use)

    def _give(self, use: Use) -> Answer:
        self._codes = {code: one for code, one in self._codes.items() if one.use.who != use.who}
        while len(self._codes) >= MOST:
            del self._codes[next(iter(self._codes))]
        code = self._made()
        self._codes[code] = _Code(use, self._clock.now() + LASTS)
        return Answer(use.say("link_code", code=code, minutes=round(LASTS / 60)))

    def _take(self, use: Use, code: str, viewer: Viewer) -> Answer:
        """Take down who says to be whoever was given a code, and ask the one who was."""
        given = self._codes.get(code)
        if given is None:
            return use.no("link_bad_code")
        first = given.use
        if first.who == use.who:
            return use.no("link_same_account")
        if first.message.viewer is not None and first.message.viewer.platform == viewer.platform:
            return use.no("link_same_platform")
        if given.claim is not None:
            return use.no("link_taken")
        self._codes[code] = replace(given, claim=use)
        minutes = ceil((given.until - self._clock.now()) / 60)
        asked = first.say("link_is_it_you", other=use.user, platform=viewer.platform, minutes=minutes)
        return Answer(use.say("link_asked", first=first.user), events=self._told(first, asked))

    def _decide(self, use: Use, viewer: Viewer, *, yes: bool) -> Answer:
        """Join the other account, or do not, as the very account says that was given the code."""
        for code, given in [*self._codes.items()]:
            other, first = given.claim, given.use.message.viewer
            if other is not None and first is not None and first.id == viewer.id:
                del self._codes[code]
                return self._joined(use, other) if yes else use.no("link_refused", other=other.user)
        return use.no("link_nobody")

    def _joined(self, use: Use, other: Use) -> Answer:
        added = other.message.viewer
        assert added is not None
        return Answer(
            use.say("link_joined", other=other.user),
            keep=lambda: self._join(use.who, added.id, "code"),
            events=self._told(other, other.say("link_told", first=use.user)),
        )

    def _told(self, use: Use, text: str) -> tuple[Send, ...]:
        """Write to whoever used a command earlier."""
        there = use.message
        if not there.link:
            return ()
        return (
            Send(
                at=self._clock.wall(),
                floor=there.floor,
                link=there.link,
                channel=there.channel,
                answers=there.source,
                text=text,
            ),
        )
