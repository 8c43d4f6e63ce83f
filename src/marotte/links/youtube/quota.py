"""The day's quota of Google's interface: what each call costs, what is spent, and when it begins anew.

https://developers.google.com/youtube/v3/determine_quota_cost and /v3/getting-started#quota: some ten thousand units a
day, until midnight in California; a call that is refused costs one. What a ban costs is said nowhere: as other writes.
"""

import logging
from collections.abc import Callable
from datetime import UTC, datetime, time, timedelta, timezone, tzinfo
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from marotte.time import Clock

log = logging.getLogger(__name__)

COSTS = {"broadcasts": 1, "channels": 1, "list": 5, "stream": 5, "insert": 20, "delete": 20, "ban": 50, "unban": 50}
"""Units, by the name of the call."""
REFUSED = 1
FILE = "quota.json"
"""Where what was spent is kept, beside the token."""
ALARM = 0.8
"""The part of a day's units at which somebody should know."""


def _pacific() -> tzinfo:
    try:
        return ZoneInfo("America/Los_Angeles")
    except (ZoneInfoNotFoundError, OSError):  # a machine without the table of time zones: an hour wrong in summer
        return timezone(timedelta(hours=-8))


class Kept(msgspec.Struct, frozen=True):
    """What is kept of a day."""

    day: str = ""
    spent: int = 0


class QuotaFile:
    """Keeps what was spent in a file, so that a run knows what the one before it has spent."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def load(self) -> Kept:
        """Return what is kept; nothing where the file is missing or damaged, which costs no more than a wrong count."""
        try:
            return msgspec.json.decode(self._file.read_bytes(), type=Kept)
        except (OSError, msgspec.MsgspecError, ValueError):
            return Kept()

    def keep(self, kept: Kept) -> None:
        """Replace the file; a disk that does not take it costs no more than a wrong count."""
        new = self._file.with_suffix(".new")
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            new.write_bytes(msgspec.json.encode(kept))
            new.replace(self._file)
        except OSError as error:
            log.warning("youtube: %s cannot be written: %s", self._file, error.strerror)


class Ledger:
    """Counts the units of the day."""

    def __init__(
        self,
        units: int,
        clock: Clock,
        kept: Kept | None = None,
        keep: Callable[[Kept], None] = lambda kept: None,
        alarm: Callable[[str], None] = lambda told: None,
    ) -> None:
        """``keep`` is given every change, ``alarm`` is told once a day that most is spent, and that all is."""
        self.units = units
        self._clock, self._keep, self._alarm = clock, keep, alarm
        self._zone = _pacific()
        kept = kept or Kept()
        self._day, self._spent = kept.day, max(0, kept.spent)
        self._told = self._level() if self._day == self._today() else 0

    @property
    def spent(self) -> int:
        """Units spent today."""
        self._turn()
        return self._spent

    @property
    def left(self) -> int:
        """Units left today."""
        return max(0, self.units - self.spent)

    @property
    def low(self) -> bool:
        """Whether most of the day's units are spent."""
        return self.spent >= ALARM * self.units

    @property
    def told(self) -> str:
        """How it stands, in words."""
        hours = self.reset() / 3_600
        return f"{self.spent:,} of {self.units:,} units are spent today; they begin anew in {hours:.1f} h"

    def allows(self, call: str) -> bool:
        """Whether a call may still be made today."""
        return COSTS[call] <= self.left

    def spend(self, units: int) -> None:
        """Count what a call cost."""
        self._turn()
        self._spent += units
        self._changed()

    def exhaust(self) -> None:
        """Google says that nothing is left, whatever we have counted."""
        self._turn()
        self._spent = max(self._spent, self.units)
        self._changed()

    def reset(self) -> float:
        """Return the seconds until the next day's units."""
        now = datetime.fromtimestamp(self._clock.wall(), UTC)
        tomorrow = now.astimezone(self._zone).date() + timedelta(days=1)
        midnight = datetime.combine(tomorrow, time(), self._zone)
        return max(0.0, (midnight.astimezone(UTC) - now).total_seconds())

    def _turn(self) -> None:
        """Begin a new day where there is one."""
        today = self._today()
        if today != self._day:
            self._day, self._spent, self._told = today, 0, 0

    def _today(self) -> str:
        return datetime.fromtimestamp(self._clock.wall(), self._zone).date().isoformat()

    def _level(self) -> int:
        return (self._spent >= ALARM * self.units) + (self._spent >= self.units)

    def _changed(self) -> None:
        self._keep(Kept(self._day, self._spent))
        if (level := self._level()) > self._told:
            self._told = level
            told = f"YouTube's quota: {self.told}"
            log.warning("%s", told)
            self._alarm(told)
