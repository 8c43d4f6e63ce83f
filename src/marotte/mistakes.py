"""Mistakes in a show file, in words: the key, the line, the reason and the nearest valid name."""

import difflib
import re
from collections.abc import Iterable
from typing import Any, NamedTuple, get_args, get_origin

from pydantic import BaseModel

from marotte.toml_lines import line_of


def nearest(name: str, valid: Iterable[str]) -> str:
    """Return "; did you mean 'x'?" for the valid name that is most like ``name``, or ""."""
    near = difflib.get_close_matches(name, list(valid), 1)
    return f"; did you mean {near[0]!r}?" if near else ""


class Mistake(NamedTuple):
    """One thing that is wrong in a show file."""

    line: int
    """Counted from 1; 0 where the whole file is meant."""
    key: str
    reason: str


_SHAPES = {
    "tuple_type": 'a list in square brackets, also of one: ["…"]',
    "dict_type": "a table of keys and values",
    "model_type": "a table of keys and values",
}
"""What a value should have been, as whoever writes the file calls it."""


class ShowError(Exception):
    """The show file is wrong; the message names the key, the line, the reason and the nearest valid name."""

    def __init__(self, where: str, *mistakes: Mistake) -> None:
        """``where`` is the file."""
        self.where = where
        self.mistakes = mistakes
        super().__init__(
            "\n".join(f"{where}:{line}: {key}: {why}" if key else f"{where}: {why}" for line, key, why in mistakes)
        )


def explain(
    lines: dict[tuple[str, ...], int],
    error: Any,
    model: type[BaseModel],
    table: tuple[str, ...] = (),
) -> Mistake:
    """Say one of pydantic's errors as a mistake: line, key, reason, nearest valid name; ``model`` is of ``table``."""
    path = tuple(str(part) for part in error["loc"])
    place = (*table, *path)
    reason = str(error["msg"]).removeprefix("Value error, ")
    if quoted := re.match(r"'([^']+)' is no key", reason):
        place = (*place, quoted[1])
    if not place and (told := re.match(r"([^:]+): ", reason)):
        place = _place(told[1], lines)
    if error["type"] == "extra_forbidden":
        reason = "there is no such key" + nearest(path[-1], _names_at(path[:-1], model))
    elif error["type"] in _SHAPES:
        reason = f"must be {_SHAPES[error['type']]}"
    elif error["type"] == "literal_error" and isinstance(error["input"], str):
        expected = re.findall(r"'([^']+)'", reason)
        reason = f"{error['input']!r} is not one of {', '.join(expected)}" + nearest(error["input"], expected)
    return Mistake(line_of(lines, place), ".".join((*table, *path)) or "show", reason)


def _place(key: str, lines: dict[tuple[str, ...], int]) -> tuple[str, ...]:
    """Return the place of a dotted key, or of the nearest table that it would stand in."""
    places = {".".join(place): place for place in lines}
    while key and key not in places:
        key = key.rpartition(".")[0]
    return places.get(key, ())


def _names_at(path: tuple[str, ...], model: Any) -> list[str]:
    """Return the valid keys of the table at ``path`` below ``model``."""
    for part in path:
        if isinstance(model, type) and issubclass(model, BaseModel):
            model = model.model_fields[part].annotation if part in model.model_fields else None
        elif get_origin(model) is dict:
            model = get_args(model)[1]
        while get_args(model) and get_origin(model) is not dict:
            model = next((a for a in get_args(model) if isinstance(a, type) and issubclass(a, BaseModel)), None)
    return list(model.model_fields) if isinstance(model, type) and issubclass(model, BaseModel) else []
