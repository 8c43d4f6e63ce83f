"""Templates with holes, such as ``{user}`` and ``{random:heads|tails}``: checked when read, filled when used."""

import re
from collections.abc import Mapping
from random import Random

from marotte.mistakes import nearest

RANDOM = "random"
_HOLE = re.compile(r"\{([a-z]+)(?::([^{}]*))?\}")


def unfilled(template: str, *known: str) -> str:
    """Return why a template cannot be filled, or "". ``known`` are the holes that there are values for."""
    for name, choices in _HOLE.findall(template):
        if name == RANDOM:
            if not choices.strip():
                return "{random:…} needs something to choose from: {random:heads|tails}"
        elif name not in known:
            return f"{{{name}}} is no hole here{nearest(name, (*known, RANDOM))}"
        elif choices:
            return f"{{{name}}} takes nothing after its name"
    return "a brace stands alone: {user} and the like are all that braces are for" if _left(template) else ""


def holds(template: str, name: str) -> bool:
    """Whether a template has a hole of this name."""
    return any(found == name for found, _ in _HOLE.findall(template))


def filled(template: str, values: Mapping[str, str], rng: Random) -> str:
    """Fill a template's holes once: braces in a value are only text."""

    def value(hole: re.Match[str]) -> str:
        if hole[1] == RANDOM:
            return rng.choice(hole[2].split("|")).strip()
        return values.get(hole[1], "")

    return _HOLE.sub(value, template)


def _left(template: str) -> bool:
    return bool(re.search(r"[{}]", _HOLE.sub("", template)))
