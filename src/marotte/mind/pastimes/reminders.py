"""``!remindme 1h2m3s drink water``: a promise that a restart does not break."""

import re

from marotte.mind.pastimes.appointments import Appointment, read
from marotte.mind.pastimes.use import Answer, Rows, Use, in_words, no
from marotte.mind.persona import quoted
from marotte.time import Clock

SCHEDULE = "a reminder"
LONGEST = 86_400
"""Seconds until the latest reminder: one day."""
MOST_EACH = 3
"""Reminders that one viewer may have waiting."""
MOST = 500
LONGEST_TEXT = 200

_UNITS = {"d": 86_400, "h": 3_600, "m": 60, "s": 1}
_PART = re.compile(
    r"(\d{1,6})\s?(d(?:ays?)?|h(?:ours?)?|m(?:in(?:utes?)?)?|s(?:ec(?:onds?)?)?)(?![^\W\d_])\s*", re.IGNORECASE
)
_HOW = "Write it like this: !{name} 1h30m drink water. At most one day ahead: d, h, m and s."


def seconds_in(text: str) -> tuple[int, str] | None:
    """Read the time that a text begins with; return its seconds and the rest. None where it begins with none."""
    seconds, place = 0, 0
    while (part := _PART.match(text, place)) is not None:
        seconds += int(part[1]) * _UNITS[part[2][0].lower()]
        place = part.end()
    return (seconds, text[place:].strip()) if place else None


class Reminders:
    """Knows who is to be reminded; the rows know of what."""

    def __init__(self, rows: Rows, clock: Clock) -> None:
        self._rows = rows
        self._clock = clock
        self._due: dict[str, list[float]] = {}
        """When each viewer's reminders are due."""

    async def open(self) -> None:
        """Read who was promised what."""
        found: dict[str, list[float]] = {}
        for row in await self._rows.due_timers(until=self._clock.wall() + 2 * LONGEST, limit=MOST):
            if row.schedule == SCHEDULE and (kept := read(row)) is not None:
                found.setdefault(kept.who, []).append(row.due)
        self._due = found

    def remind(self, use: Use) -> Answer:
        """Promise a reminder."""
        how = _HOW.format(name=use.name)
        found = seconds_in(use.args)
        if found is None:
            return no(f"I cannot read that time, {use.user}. {how}")
        seconds, text = found
        if not text or not seconds:
            return no(f"{'When' if not seconds else 'Of what'}, {use.user}? {how}")
        if seconds > LONGEST:
            return no(f"One day ahead is as far as I can see, {use.user}.")
        now = self._clock.wall()
        self._due = {who: left for who, times in self._due.items() if (left := [t for t in times if t > now])}
        mine = self._due.setdefault(use.who, [])
        if len(mine) >= MOST_EACH:
            return no(f"You have {MOST_EACH} reminders waiting already, {use.user}.")
        if sum(map(len, self._due.values())) >= MOST:
            return no(f"I have too much to remember already, {use.user}. Try again later.")
        mine.append(now + seconds)
        text, message = text[:LONGEST_TEXT], use.message
        kept = Appointment(
            who=use.who,
            viewer=message.viewer,
            told=f"{quoted(use.user)} asked to be reminded: {quoted(text)}",
            written=f"@{use.user} You wanted to be reminded: {text}",
            link=message.link,
            channel=message.channel,
            source=message.source,
        )
        return Answer(
            f"I will remind you in {in_words(seconds)}, {use.user}.",
            keep=lambda: self._rows.add_timer(now + seconds, schedule=SCHEDULE, text=kept.text(), floor=message.floor),
        )
