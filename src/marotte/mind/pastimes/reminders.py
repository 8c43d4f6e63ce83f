"""``!remindme 1h2m3s drink water``: a promise that a restart does not break."""

import re
from collections.abc import Callable

from marotte.mind.pastimes.appointments import Appointment, read
from marotte.mind.pastimes.use import Answer, Forget, Rows, Use, in_words, or_back
from marotte.mind.persona import quoted
from marotte.time import Clock

SCHEDULE = "a reminder"
LONGEST = 86_400
"""Seconds until the latest reminder: one day."""
MOST_EACH = 3
"""Reminders that one viewer may have waiting."""
MOST = 500
LONGEST_TEXT = 200

_END = r"(?![^\W\d_\u3041-\u30ff\u3400-\u9fff])"
"""No letter follows but of a script that puts no blank between words: ``5 marbles`` is no time."""
_UNITS = {
    86_400: (r"d|days?|d[ií]as?|j|jours?", r"天(?!才)|日間?+(?!本)"),
    3_600: (r"h|hrs?|hours?|horas?|heures?", r"[个個]?(?:小时|小時)|時間"),
    60: (r"m|mins?|minutes?|minutos?", r"分[钟鐘間]?+(?![の之数數])"),
    1: (r"s|secs?|segs?|seconds?|segundos?|secondes?", r"秒[钟鐘間]?+(?![杀殺])"),
}
"""Words and signs by their seconds. A half is not understood: rather none than a time that lacks it."""
_PART = re.compile(
    r"(\d{1,6})\s?(?:"
    + "|".join(f"((?:(?:{words}){_END}|(?:{signs}))(?!半))" for words, signs in _UNITS.values())
    + r")\s*",
    re.IGNORECASE,
)
_MINUTES = re.compile(r"(?<=\dh)([0-5]\d)(?![\w.,:])\s*", re.IGNORECASE)
"""As in ``1h30``."""
_AND = re.compile(r"(?:,|and|y|et|和|と)\s*(?=\d)", re.IGNORECASE)
_LATER = re.compile(r"之?[后後](?:に|[,，、])?\s*")
"""``5分後に``: it is later whether that is said or not."""


def seconds_in(text: str) -> tuple[int, str] | None:
    """Read the time that a text begins with; return its seconds and the rest. None where it begins with none."""
    seconds, place = 0, 0
    while (part := _PART.match(text, place)) is not None:
        unit = next(unit for unit, found in zip(_UNITS, part.groups()[1:], strict=True) if found)
        seconds += int(part[1]) * unit
        place = part.end()
        if (minutes := _MINUTES.match(text, place)) is not None:
            seconds, place = seconds + 60 * int(minutes[1]), minutes.end()
        if (joined := _AND.match(text, place)) is not None and _PART.match(text, joined.end()):
            place = joined.end()
    if not place:
        return None
    later = _LATER.match(text, place)
    return seconds, text[later.end() if later else place :].strip()


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
        self._due = await self._kept()

    def forget(self) -> Forget:
        """Return what takes out of mind, of those who are to be reminded now, who no longer is."""
        had = set(self._due)

        async def forget() -> None:
            for who in had - set(await self._kept()):
                self._due.pop(who, None)

        return forget

    async def _kept(self) -> dict[str, list[float]]:
        found: dict[str, list[float]] = {}
        for row in await self._rows.due_timers(until=self._clock.wall() + 2 * LONGEST, limit=MOST):
            if row.schedule == SCHEDULE and (kept := read(row)) is not None:
                found.setdefault(kept.who, []).append(row.due)
        return found

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
        mine.append(due := now + seconds)
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

        def back() -> None:
            self._due[use.who] = [time for time in self._due.get(use.who, ()) if time != due]

        keep = or_back(
            lambda: self._rows.add_timer(due, schedule=SCHEDULE, text=kept.text(), floor=message.floor), back
        )
        return Answer(use.say("remind_promised", time=in_words(seconds)), keep=keep)
