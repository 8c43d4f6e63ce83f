"""What the doctor finds: sections of checks, each with a state, figures and a remedy; as JSON and as lines to read."""

from typing import Literal

import msgspec
from msgspec.structs import replace

State = Literal["ok", "warn", "bad"]
_SIGNS: dict[State, str] = {"ok": "✓", "warn": "–", "bad": "✗"}


class Figure(msgspec.Struct, frozen=True, kw_only=True):
    """One measured number beside what it should not exceed."""

    name: str
    value: float
    unit: str
    """``ms``, ``MB``, ``GB``; "" for a bare ratio."""
    limit: float | None = None
    """What it should stay below; None where there is no such limit."""

    @property
    def over(self) -> bool:
        """Whether it exceeds its limit."""
        return self.limit is not None and self.value > self.limit

    @property
    def told(self) -> str:
        """The value with its unit, and its limit."""
        unit = f" {self.unit}" if self.unit else ""
        limit = "" if self.limit is None else f" (at most {self.limit:g})"
        return f"{self.value:,.6g}{unit}{limit}"

    def __str__(self) -> str:
        return f"{self.name} {self.told}"


class Check(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that was looked at."""

    name: str
    state: State = "ok"
    """ok · warn: it can be done without, or is slow · bad: the show cannot do what it is set to."""
    detail: str = ""
    remedy: str = ""
    """What to do about it, in one line; "" where nothing is to be done."""
    figures: tuple[Figure, ...] = ()

    def __str__(self) -> str:
        seen = ", ".join(str(figure) for figure in self.figures)
        said = [part for part in (self.name, self.detail, seen, self.remedy) if part]
        return f"{_SIGNS[self.state]} {': '.join(said)}"


class Section(msgspec.Struct, frozen=True):
    """Checks of one concern."""

    name: str
    checks: list[Check]

    def __str__(self) -> str:
        return "\n".join((self.name, *(f"  {check}" for check in self.checks)))

    def table(self) -> str:
        """Return the checks as the rows of a table, a column for each figure; words stand below it."""
        measured = [check for check in self.checks if check.figures]
        if not measured:
            return str(self)
        names = list(dict.fromkeys(figure.name for check in measured for figure in check.figures))
        rows = [["", *names]]
        for check in measured:
            told = {figure.name: figure.told for figure in check.figures}
            rows.append([f"{_SIGNS[check.state]} {check.name}", *(told.get(name, "") for name in names)])
        wide = [max(map(len, column)) for column in zip(*rows, strict=True)]
        aligned = [
            [row[0].ljust(wide[0]), *(cell.rjust(width) for cell, width in zip(row[1:], wide[1:], strict=True))]
            for row in rows
        ]
        lines = ["  " + "  ".join(row).rstrip() for row in aligned]
        words = [replace(check, figures=()) for check in self.checks if check.detail or check.remedy]
        return "\n".join((self.name, *lines, *(f"  {check}" for check in words)))


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that was found."""

    at: float
    """Seconds since the epoch."""
    version: str
    """Of the program."""
    quick: bool
    """Nothing was measured or reached for."""
    well: bool
    """Nothing is bad."""
    sections: list[Section]
