"""``!wheel pizza, soup, cake``: turns for a few seconds; when it stops, the character is told where."""

import re
from collections.abc import Callable
from random import Random

from marotte.events import WheelSpun
from marotte.mind.pastimes.appointments import Appointment
from marotte.mind.pastimes.use import Answer, Rows, Use
from marotte.mind.persona import quoted
from marotte.time import Clock

SCHEDULE = "the wheel"
SHORTEST, LONGEST = 5.0, 10.0
"""Seconds that it turns."""
MOST = 50
"""Items."""
LONGEST_ITEM = 40


class Wheel:
    """One wheel at a time."""

    def __init__(self, rows: Rows, clock: Clock, rng: Random, allowed: Callable[[str], bool]) -> None:
        """``allowed`` says whether what a viewer wrote may be shown."""
        self._rows = rows
        self._clock = clock
        self._rng = rng
        self._allowed = allowed
        self._until = 0.0

    def spin(self, use: Use) -> Answer:
        """Turn it."""
        now = self._clock.wall()
        if now < self._until:
            return use.no("wheel_busy")
        given = [item.strip()[:LONGEST_ITEM] for item in re.split(r"[,，、;|]", use.args)]
        items = tuple(dict.fromkeys(filter(None, given))) or use.command.items
        if not 2 <= len(items) <= MOST:
            return use.no("wheel_how", most=MOST)
        if not self._allowed(" ".join(given)):
            return use.no("wheel_refused")
        winner, seconds = self._rng.randrange(len(items)), round(self._rng.uniform(SHORTEST, LONGEST), 1)
        self._until = now + seconds
        message = use.message
        kept = Appointment(
            who=use.who,
            viewer=message.viewer,
            language=use.language,
            told=use.say("wheel_told", user=quoted(use.user), item=quoted(items[winner])),
            written=use.say("wheel_stopped", item=items[winner]),
            link=message.link,
            channel=message.channel,
        )
        return Answer(
            use.say("wheel_turns", items=", ".join(items))[:300],
            keep=lambda: self._rows.add_timer(now + seconds, schedule=SCHEDULE, text=kept.text(), floor=message.floor),
            events=(WheelSpun(at=now, floor=message.floor, items=items, winner=winner, seconds=seconds, who=use.user),),
        )
