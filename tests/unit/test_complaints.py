"""What cannot be read is all counted, and named as often as a log can bear."""

import logging
from collections import Counter

import pytest

from marotte.links.complaints import Complaints
from marotte.time import Clock

pytestmark = [pytest.mark.anyio, pytest.mark.virtual]


async def test_a_flood_of_what_cannot_be_read_is_counted_and_seldom_named(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING, "marotte")
    counted, clock = Counter[str](), Clock()
    complaints = Complaints("twitch", counted, clock)
    for number in range(500):
        complaints.add(f"message {number}", "x" * 10_000)
    assert counted == {"malformed": 500}
    assert [record.message for record in caplog.records] == [
        f"twitch: message {number} cannot be read and is left out: {'x' * 200}" for number in range(20)
    ]
    await clock.sleep(70)
    complaints.add("message 500", "no JSON")
    assert "message 500" in caplog.records[-1].message
