"""``!remindme 1h2m3s drink water``: a promise that a restart does not break."""

import re
from collections.abc import Callable

from marotte.mind.pastimes.appointments import Appointment, read
from marotte.mind.pastimes.use import Answer, Rows, Use, in_words
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


def seconds_in(text: str) -> tuple[int, str] | None:
    """Read the time that a text begins with; return its seconds and the rest. None where it begins with none."""
    seconds, place = 0, 0
    while (part := _PART.match(text, place)) is not None:
        seconds += int(part[1]) * _UNITS[part[2][0].lower()]
        place = part.end()
    return (seconds, text[place:].strip()) if place else None


class Reminders:
    """Knows who is to be reminded; the rows know of what."""

    def __init__(self, rows: Rows, clock: Clock, fit: Callable[[str], str]) -> None:
        """``fit`` returns a viewer's words as they may be written."""
        self._rows = rows
        self._fit = fit
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
        how = use.say("remind_how")
        found = seconds_in(use.args)
        if found is None:
            return use.no("remind_unread", how=how)
        seconds, text = found
        if not text or not seconds:
            return use.no("remind_what" if seconds else "remind_when", how=how)
        if seconds > LONGEST:
            return use.no("remind_far")
        now = self._clock.wall()
        self._due = {who: left for who, times in self._due.items() if (left := [t for t in times if t > now])}
        mine = self._due.setdefault(use.who, [])
        if len(mine) >= MOST_EACH:
            return use.no("remind_enough", most=MOST_EACH)
        if sum(map(len, self._due.values())) >= MOST:
            return use.no("remind_full")
        mine.append(now + seconds)
        text, message = self._fit(text[:LONGEST_TEXT]), use.message
        kept = Appointment(
            who=use.who,
            viewer=message.viewer,
            language=use.language,
            told=use.say("remind_told", user=quoted(use.user), text=quoted(text)),
            written=use.say("remind_due", text=text),
            link=message.link,
            channel=message.channel,
            source=message.source,
        )
        return Answer(
            use.say("remind_promised", time=in_words(seconds)),
            keep=lambda: self._rows.add_timer(now + seconds, schedule=SCHEDULE, text=kept.text(), floor=message.floor),
        )
