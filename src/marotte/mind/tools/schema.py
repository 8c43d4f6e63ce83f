"""Checks a call's arguments against the JSON schema of its tool.

What is checked: types, required and unknown keys, choices, limits and lengths. Patterns, references and formats are
left to whoever offers the tool: a stranger's schema must not decide how long a check takes.
"""

import json
from typing import Any, cast

DEEPEST = 12
"""Values that are nested deeper are not checked further."""

_TYPES: dict[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "number": (int, float),
    "integer": (int,),
    "boolean": (bool,),
    "null": (type(None),),
}


def unfit(schema: dict[str, Any]) -> str:
    """Say why a schema cannot be that of a tool's arguments, or "". One bad schema spoils a brain's whole request."""
    properties: Any = schema.get("properties", {})
    required: Any = schema.get("required", [])
    if schema.get("type", "object") != "object":
        return "it must be the schema of an object"
    if not isinstance(properties, dict) or not all(
        isinstance(rules, dict) for rules in cast("dict[str, Any]", properties).values()
    ):
        return "its properties must be schemas by name"
    if not isinstance(required, list) or not all(isinstance(name, str) for name in cast("list[Any]", required)):
        return "required must be a list of names"
    return ""


def wrong(value: Any, schema: Any, place: str = "", depth: int = 0) -> str:
    """Say the first thing that is wrong with a value, and where, or ""."""
    if not isinstance(schema, dict) or depth > DEEPEST:
        return ""
    rules = cast("dict[str, Any]", schema)
    where = f"{place}: " if place else ""
    if not _is_of(value, rules.get("type")):
        return f"{where}must be {_listed(rules['type'])}"
    choices: Any = [rules["const"]] if "const" in rules else rules.get("enum")
    if isinstance(choices, list) and not any(_same(value, choice) for choice in cast("list[Any]", choices)):
        return f"{where}must be one of {json.dumps(choices, ensure_ascii=False)[:300]}"
    if isinstance(value, dict):
        return _wrong_object(cast("dict[str, Any]", value), rules, place, depth)
    if isinstance(value, list):
        return _wrong_list(cast("list[Any]", value), rules, place, depth)
    if isinstance(value, str):
        return _beyond(len(value), rules, where, "minLength", "maxLength", " characters")
    if isinstance(value, int | float) and not isinstance(value, bool):
        return _beyond(value, rules, where, "minimum", "maximum")
    return ""


def _wrong_object(value: dict[str, Any], rules: dict[str, Any], place: str, depth: int) -> str:
    known: Any = rules.get("properties")
    properties = cast("dict[str, Any]", known) if isinstance(known, dict) else {}
    required: Any = rules.get("required")
    for key in cast("list[Any]", required) if isinstance(required, list) else ():
        if key not in value:
            return f"{_below(place, str(key))}: is missing"
    for key, inner in value.items():
        if key in properties:
            if complaint := wrong(inner, properties[key], _below(place, key), depth + 1):
                return complaint
        elif rules.get("additionalProperties") is False:
            return f"{_below(place, key[:60])}: there is no such argument"
    return ""


def _wrong_list(value: list[Any], rules: dict[str, Any], place: str, depth: int) -> str:
    if complaint := _beyond(len(value), rules, f"{place}: " if place else "", "minItems", "maxItems", " entries"):
        return complaint
    complaints = (wrong(entry, rules.get("items"), f"{place}[{n}]", depth + 1) for n, entry in enumerate(value))
    return next(filter(None, complaints), "")


def _beyond(size: float, rules: dict[str, Any], where: str, least: str, most: str, unit: str = "") -> str:
    low, high = rules.get(least), rules.get(most)
    if isinstance(low, int | float) and size < low:
        return f"{where}must be at least {low:g}{unit}"
    if isinstance(high, int | float) and size > high:
        return f"{where}must be at most {high:g}{unit}"
    return ""


def _is_of(value: Any, kinds: Any) -> bool:
    names: list[Any] = cast("list[Any]", kinds) if isinstance(kinds, list) else [kinds]
    known = [name for name in names if isinstance(name, str) and name in _TYPES]
    if not known:
        return True
    if isinstance(value, bool):
        return "boolean" in known
    whole = isinstance(value, float) and value.is_integer() and "integer" in known
    return whole or any(isinstance(value, _TYPES[name]) for name in known)


def _same(one: Any, other: Any) -> bool:
    return one == other and isinstance(one, bool) == isinstance(other, bool)


def _listed(kinds: Any) -> str:
    return " or ".join(map(str, cast("list[Any]", kinds))) if isinstance(kinds, list) else str(kinds)


def _below(place: str, key: str) -> str:
    return f"{place}.{key}" if place else key
