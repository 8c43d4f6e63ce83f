"""Templates with holes, checked when a show is read and filled when they are used.

``{user}`` is a hole, ``{random:heads|tails}`` one of these, by chance. What stands in square brackets with a hole in it
is left out where that hole is empty: ``hello[ {user}]``. Other brackets, such as ``[joy]``, are words like any others.
"""

import re
from collections.abc import Collection, Iterator, Mapping
from functools import lru_cache
from random import Random
from typing import NamedTuple

from marotte.mistakes import nearest

RANDOM = "random"
_PART = re.compile(r"\[((?:[^\[\]{}]|\{[^{}]*\})*+)\]|\{([^{}:]*)(?::([^{}]*))?\}|([{}])")


class Part(NamedTuple):
    """A piece of a template: words as they stand, a hole, choices, or parts that are left out together."""

    words: str = ""
    hole: str = ""
    choices: tuple[str, ...] = ()
    within: "tuple[Part, ...]" = ()


@lru_cache(maxsize=1024)
def parts(template: str) -> tuple[Part, ...]:
    """Take a template apart. Raises ValueError, which says what is wrong with it."""
    found: list[Part] = []
    at = 0
    for match in _PART.finditer(template):
        found += Part(template[at : match.start()]), *(_hole(match) if match[1] is None else _bracketed(match[1]))
        at = match.end()
    return tuple(part for part in (*found, Part(template[at:])) if part != Part())


def _bracketed(inner: str) -> tuple[Part, ...]:
    within = parts(inner)
    # Chance is never empty: [joy] and [{random:joy|wink}] are no more than words.
    return (Part(within=within),) if any(part.hole for part in within) else (Part("["), *within, Part("]"))


def _hole(match: re.Match[str]) -> tuple[Part]:
    name, more = match[2], match[3]
    if match[4]:
        raise ValueError(f"a {match[4]} belongs to no hole, which is a name in braces")
    if name == RANDOM:
        if not (more or "").strip():
            raise ValueError("{random:…} needs something to choose from: {random:heads|tails}")
        return (Part(choices=tuple(choice.strip() for choice in more.split("|"))),)
    if not name:
        raise ValueError(f"{match[0]} names no hole")
    if more is not None:
        raise ValueError(f"{{{name}}} takes nothing after its name")
    return (Part(hole=name),)


def holes(template: str) -> list[str]:
    """Return the names of a template's holes, in their order. Raises ValueError where it is no template."""
    return list(_names(parts(template)))


def _names(found: Collection[Part]) -> Iterator[str]:
    for part in found:
        if part.hole:
            yield part.hole
        yield from _names(part.within)


def checked(template: str, *known: str) -> str:
    """Return a template whose holes are all known. Raises ValueError, which says what is wrong, and what would do."""
    for name in holes(template):
        if name not in known:
            others = f"; it has {', '.join(f'{{{other}}}' for other in known)}"
            raise ValueError(f"{{{name}}} is no hole here{nearest(name, (*known, RANDOM)) or others}")
    return template


def filled(template: str, values: Mapping[str, str], rng: Random | None = None, empty: Collection[str] = ()) -> str:
    """Fill a template, once: what goes into a hole is never read as a template.

    Without ``rng`` the first of several choices is taken. ``empty`` are holes that count as such whatever is written
    for them, as a quotation of nothing.
    """

    def there(part: Part) -> bool:
        return not part.hole or (bool(values.get(part.hole)) and part.hole not in empty)

    def written(part: Part) -> str:
        if part.within:
            return "".join(map(written, part.within)) if all(map(there, part.within)) else ""
        if part.choices:
            return rng.choice(part.choices) if rng else part.choices[0]
        return values.get(part.hole, "") if part.hole else part.words

    return "".join(map(written, parts(template)))


def begins_with_words(template: str) -> bool:
    """Whether what a template begins with is its own, and nothing that is filled in."""
    first = parts(template.strip())[:1]
    return all(part.words for part in first)
