"""What engines behind HTTP share: why a server refuses, in plain words."""

import json
from typing import Any

import pytest

from marotte.engines.http import Server
from marotte.engines.kinds import Kit

KEY = "sk-test-0123456789"


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ({"error": {"message": "Incorrect API key", "type": "invalid_request_error"}}, "Incorrect API key"),
        ({"error": "model not found"}, "model not found"),
        ({"message": "out of credits"}, "out of credits"),
        ({"detail": "no such voice"}, "no such voice"),
        ({"detail": {"error": "validation_error", "message": "Voice xx not found"}}, "Voice xx not found"),
        ({"detail": {"status": "quota", "message": "out of credits"}}, "out of credits"),
        ({"detail": {"error": {"message": "in the midst"}}}, "in the midst"),
        (
            {"detail": [{"type": "missing", "loc": ["body", "input"], "msg": "Field required"}, {"msg": "too long"}]},
            "body.input: Field required; too long",
        ),
        ({"detail": ["a", 1]}, "a; 1"),
        ({"detail": []}, "[]"),
        ([], "[]"),
        (7, "7"),
        ({"detail": f"{KEY} is\nwrong"}, "… is wrong"),
    ],
)
def test_the_message_is_taken_out_of_an_error(body: Any, told: str) -> None:
    server = Server("a voice", "http://127.0.0.1:1", Kit(secrets={"X_KEY": KEY}), "X_KEY")
    assert server.message(json.dumps(body).encode()) == told


def test_what_is_no_json_is_told_as_it_is_and_short() -> None:
    server = Server("a voice", "http://127.0.0.1:1", Kit())
    assert server.message(b"<html>\n  Bad gateway") == "<html> Bad gateway"
    assert server.message(b"[" * 100_000) == "[" * 300
    assert len(server.message(json.dumps({"detail": "x" * 1_000}).encode())) == 300
