"""Where things stand in a TOML text, and what looks like a secret."""

import pytest

from marotte.cli import shows
from marotte.toml_lines import secret_lines


@pytest.mark.parametrize(
    "line",
    [
        'key = "sk-proj-abcdefghijklmnopqrstuv"',
        "# sk-ant-api03-abcdefghijklmnopqrstuv",
        'model = "gsk_abcdefghijklmnopqrstuvwx"',
        'x = "AIzaSyA1234567890abcdefghijklmnopqrstuv"',
        'x = "ghp_abcdefghijklmnopqrstuvwxyz0123"',
        'x = "oauth:abcdefghijklmnopqrstuvwxyz0123"',
        'url = "postgresql+psycopg://marotte:hunter2@db/marotte"',
        'password = "correcthorse"',
        'api_key = "abcdefgh12345678"',
        'bot.token = "abcdefgh12345678"',
        "-----BEGIN RSA PRIVATE KEY-----",
    ],
)
def test_what_looks_like_a_secret(line: str) -> None:
    assert secret_lines(f"# a show\n{line}\n") == [2]


@pytest.mark.parametrize(
    "line",
    [
        'secret = "LIBERA_PASSWORD"',
        'key = "OPENAI_API_KEY"',
        "tokens = 2000",
        'manner = "You guard a secret = nobody knows it."',
        'url = "http://127.0.0.1:11434/v1"',
        'url = "postgresql+psycopg://marotte@db/marotte"',
        'name = "risk-averse-but-otherwise-quite-daring"',
    ],
)
def test_what_does_not(line: str) -> None:
    assert secret_lines(line) == []


def test_the_shows_that_come_with_the_program_hold_none() -> None:
    for file in shows().values():
        assert secret_lines(file.read_text("utf-8")) == []
