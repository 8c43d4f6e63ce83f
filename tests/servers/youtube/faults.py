"""What the local YouTube does wrong on request: which fault is due, and how a fault bends an answer."""

import copy
from dataclasses import dataclass
from typing import Any

STATUSES = ("401", "404", "429", "500", "503")
REASONS = (
    "quotaExceeded", "liveChatDisabled", "liveChatEnded", "rateLimitExceeded", "forbidden", "insufficientPermissions",
)  # fmt: skip
CONNECTION = ("hang", "drop", "garbage", "huge", "half", "silent", "end")
ORDER = ("duplicate", "reorder")
_NAMED = ("missing_field", "null_field", "wrong_type", "long_field")
BENT = (*_NAMED, "extra_fields", "unknown_type")
STREAM_ONLY = ("half", "end", "error")
"""Faults that wait for a stream."""
BARE = ("bare", "cut")
"""Answers that are not Google's own, or break; what follows the colon is their status."""


@dataclass
class Fault:
    what: str
    times: float
    on: str

    @property
    def kind(self) -> str:
        return self.what.partition(":")[0]


class Faults:
    """The faults that are still to come, oldest first."""

    def __init__(self) -> None:
        self._waiting: list[Fault] = []

    def add(self, what: str, times: float, on: str) -> None:
        """Raise ValueError for a fault that there is not."""
        kind, _, name = what.partition(":")
        known = (
            (kind == "403" and name in REASONS)
            or (kind in _NAMED and name)
            or (kind in ("error", *BARE) and name.isdecimal())
            or (what in (*STATUSES, *CONNECTION, *ORDER, *BENT) and what not in _NAMED)
        )
        if not known:
            raise ValueError(f"there is no fault {what!r}")
        self._waiting = [fault for fault in self._waiting if (fault.what, fault.on) != (what, on)]
        if times > 0:
            self._waiting.append(Fault(what, times, on))

    def clear(self) -> None:
        self._waiting.clear()

    def take(self, route: str, kinds: tuple[str, ...]) -> str:
        """Return the first fault of these kinds that is due on a route, and count it; else ""."""
        for fault in self._waiting:
            if fault.kind in kinds and fault.on in ("", route):
                fault.times -= 1
                if fault.times <= 0:
                    self._waiting.remove(fault)
                return fault.what
        return ""


def bend(answer: dict[str, Any], fault: str) -> dict[str, Any]:
    """Return a copy of an answer with one thing wrong, in its first message or in itself."""
    kind, _, name = fault.partition(":")
    bent = copy.deepcopy(answer)
    if kind == "unknown_type":
        for item in bent.get("items", [])[:1]:
            snippet = item.get("snippet", {})
            for field in [field for field in snippet if field.endswith("Details")]:
                del snippet[field]
            snippet |= {"type": "hologramEvent", "hologramDetails": {"colour": "ultraviolet"}}
    elif kind == "extra_fields":
        _everywhere(bent)
    else:
        parts = [bent] if name in bent else [bent, *bent.get("items", [])[:1]]
        for part in parts:
            _bend_field(part, kind, name)
    return bent


def _everywhere(part: Any) -> None:
    if isinstance(part, list):
        for one in part:
            _everywhere(one)
    elif isinstance(part, dict):
        for one in list(part.values()):
            _everywhere(one)
        part |= {"newThing": {"since": 2031}, "newList": [1, None, "three"], "newFlag": True}


def _bend_field(part: Any, kind: str, name: str) -> None:
    """Bend a field wherever it stands, but in no other message than the first."""
    if not isinstance(part, dict):
        return
    if name in part:
        if kind == "missing_field":
            del part[name]
        elif kind == "null_field":
            part[name] = None
        elif kind == "long_field":
            part[name] = "x" * 1_000_000
        else:
            part[name] = {"a": "surprise"} if isinstance(part[name], str) else "a surprise"
    for field, value in part.items():
        if field != "items":
            _bend_field(value, kind, name)
