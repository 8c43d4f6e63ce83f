"""How a frame of EventSub can be wrong: what no client should fall over."""

import json
from typing import Any

GARBAGE = ("}{", "[1]", "null", '"hello"', "{}", '{"metadata": 5, "payload": []}', '{"metadata": {}, "payload": {}}')
HUGE = 2_000_000
"""Characters of a field that nobody needs."""
WRONG: dict[type, Any] = {
    str: {"a": ["nest"]},
    bool: "yes",
    int: "many",
    float: "much",
    list: {"0": None},
    dict: "flat",
}


def misshape(frame: str, fault: str) -> str:
    """Return a frame with a fault of its fields, or as it was."""
    kind, _, name = fault.partition(":")
    if kind not in ("extra_fields", "missing_field", "null_field", "wrong_type", "huge"):
        return frame
    told = json.loads(frame)
    if kind == "huge":
        told["payload"]["event"]["x_padding"] = "x" * HUGE
    elif kind == "extra_fields":
        _extend(told)
    else:
        _change(told, kind, name)
    return json.dumps(told)


def unknown(identity: str, session: str) -> tuple[str, str]:
    """Return a message of an unknown type, and a notification of an unknown subscription."""
    head = {"message_id": identity, "message_timestamp": "2026-01-01T00:00:00.000000000Z"}
    party = {**head, "message_type": "session_party"}
    more = {"message_type": "notification", "subscription_type": "channel.party", "subscription_version": "7"}
    transport = {"method": "websocket", "session_id": session}
    subscription = {"id": identity, "type": "channel.party", "version": "7", "status": "enabled", "cost": 0,
                    "condition": {}, "transport": transport, "created_at": head["message_timestamp"]}  # fmt: skip
    return (
        json.dumps({"metadata": party, "payload": {"cake": True}}),
        json.dumps({"metadata": head | more, "payload": {"subscription": subscription, "event": {"guests": 3}}}),
    )


def _extend(told: Any) -> None:
    if isinstance(told, dict):
        for value in list(told.values()):
            _extend(value)
        told["x_new"] = {"since": 2027, "list": [None, 1, "two"]}
    elif isinstance(told, list):
        for value in told:
            _extend(value)


def _change(told: Any, kind: str, name: str) -> None:
    """Change every field of that name, wherever in the frame it stands."""
    if isinstance(told, list):
        for value in told:
            _change(value, kind, name)
    elif isinstance(told, dict):
        for key in list(told):
            if key != name:
                _change(told[key], kind, name)
            elif kind == "missing_field":
                del told[key]
            elif kind == "null_field":
                told[key] = None
            else:
                told[key] = WRONG.get(type(told[key]), [1])
