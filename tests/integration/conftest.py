"""What the integration tests share."""

import pytest

from tests.waiting import PATIENCE


@pytest.fixture(autouse=True)
def slow_to_die(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let child programs take their time to end: where a machine stalls, nobody would be left to see how they did."""
    monkeypatch.setattr("marotte.engines.child._DEATH", PATIENCE)
