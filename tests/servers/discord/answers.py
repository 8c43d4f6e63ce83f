"""What the REST side answers, and what it thinks of what it was given."""

import json
import re
from datetime import datetime
from typing import Any

from aiohttp import web

LONGEST = 2000
"""Characters of a message."""
_PARSE = {"users", "roles", "everyone"}
ERRORS = {
    10003: (404, "Unknown Channel"), 10004: (404, "Unknown Guild"), 10007: (404, "Unknown Member"),
    10008: (404, "Unknown Message"), 10013: (404, "Unknown User"), 10026: (404, "Unknown Ban"),
    50001: (403, "Missing Access"), 50003: (403, "Cannot execute action on a DM channel"),
    50005: (403, "Cannot edit a message authored by another user"), 50006: (400, "Cannot send an empty message"),
    50007: (403, "Cannot send messages to this user"), 50013: (403, "Missing Permissions"),
    50109: (400, "The request body contains invalid JSON."),
}  # fmt: skip


class RefusedError(Exception):
    """An answer that refuses, with Discord's code."""

    def __init__(self, code: int, status: int = 0, body: dict[str, Any] | None = None) -> None:
        self.status = status or ERRORS[code][0]
        self.body = body or {"message": ERRORS[code][1], "code": code}
        super().__init__(f"{self.status} {self.body}")


def reply(body: Any, status: int = 200) -> web.Response:
    """Answer as Discord does: the content type has no charset, and clients compare it to the letter."""
    return web.Response(body=json.dumps(body).encode(), status=status, headers={"Content-Type": "application/json"})


def invalid(name: str, code: str, told: str) -> RefusedError:
    """Return what a body with a bad field is answered."""
    errors = {name: {"_errors": [{"code": code, "message": told}]}}
    return RefusedError(50035, 400, {"message": "Invalid Form Body", "code": 50035, "errors": errors})


def check_content(body: dict[str, Any]) -> str:
    content = body.get("content")
    if content is None or (isinstance(content, str) and not content.strip()):
        raise RefusedError(50006)
    if not isinstance(content, str):
        raise invalid("content", "BASE_TYPE_STRING", "Could not interpret value as string.")
    if len(content) > LONGEST:
        raise invalid("content", "BASE_TYPE_MAX_LENGTH", f"Must be {LONGEST} or fewer in length.")
    return content


def check_allowed(allowed: Any) -> None:
    if allowed is None:
        return
    if not isinstance(allowed, dict) or allowed.keys() - {"parse", "roles", "users", "replied_user"}:
        raise invalid("allowed_mentions", "DICT_TYPE_CONVERT", "Only dictionaries may be used in a DictType")
    parse = allowed.get("parse") or []
    if set(parse) - _PARSE:
        raise invalid("allowed_mentions", "BASE_TYPE_CHOICES", "Value must be one of ('users', 'roles', 'everyone').")
    for name in ("users", "roles"):
        if name in parse and allowed.get(name):
            told = f"parse:[{name!r}] and {name}: [ids...] are mutually exclusive."
            raise invalid("allowed_mentions", "MESSAGE_ALLOWED_MENTIONS_PARSE_EXCLUSIVE", told)
        if len(allowed.get(name) or []) > 100:
            raise invalid("allowed_mentions", "BASE_TYPE_BAD_LENGTH", "Must be between 0 and 100 in length.")


def moment(written: Any) -> datetime:
    """Read an ISO 8601 time, which must have a zone."""
    if isinstance(written, str) and re.search(r"(Z|[+-]\d\d:\d\d)$", written):
        try:
            return datetime.fromisoformat(written)
        except ValueError:
            pass
    raise invalid("communication_disabled_until", "DATE_TIME_TYPE_PARSE", f"Could not parse {written}.")
