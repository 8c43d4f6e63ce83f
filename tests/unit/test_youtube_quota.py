"""The day's quota: what is counted, when it is alarmed, and when it begins anew."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from marotte.links.youtube.quota import COSTS, Kept, Ledger, QuotaFile
from marotte.time import Clock


class Hand(Clock):
    """A clock that is turned by hand."""

    def __init__(self, at: str) -> None:
        self.at = datetime.fromisoformat(at).replace(tzinfo=UTC).timestamp()

    def wall(self) -> float:
        return self.at


def test_a_day_ends_at_midnight_in_california_in_winter_and_in_summer() -> None:
    for at, hours in (("2026-11-21T07:00:00", 1.0), ("2026-07-01T06:30:00", 0.5), ("2026-11-21T08:00:00", 24.0)):
        assert Ledger(10_000, Hand(at)).reset() == pytest.approx(3_600 * hours)
    # The days on which the clocks are changed are an hour longer, and shorter.
    assert Ledger(10_000, Hand("2026-11-01T07:00:00")).reset() == 25 * 3_600
    assert Ledger(10_000, Hand("2026-03-08T08:00:00")).reset() == 23 * 3_600


def test_what_is_spent_is_kept_and_forgotten_the_next_day() -> None:
    clock, kept, told = Hand("2026-11-21T07:00:00"), list[Kept](), list[str]()
    ledger = Ledger(100, clock, None, kept.append, told.append)
    for _ in range(4):
        assert ledger.allows("insert")
        ledger.spend(COSTS["insert"])
    assert kept[-1] == Kept("2026-11-20", 80)
    assert ledger.low
    assert len(told) == 1
    assert "80 of 100" in told[0]
    ledger.spend(5)
    assert not ledger.allows("insert")
    assert ledger.allows("stream")
    assert len(told) == 1, "once a day"
    ledger.exhaust()
    assert (ledger.left, len(told)) == (0, 2)
    again = Ledger(100, clock, kept[-1], kept.append, told.append)
    assert again.left == 0
    again.spend(1)
    assert len(told) == 2, "nor by the run after it"
    clock.at += 3_601
    assert (again.spent, again.low, again.left) == (0, False, 100)
    again.spend(20)
    assert kept[-1] == Kept("2026-11-21", 20)


def test_a_file_that_is_damaged_missing_or_cannot_be_written_costs_nothing_but_the_count(tmp_path: Path) -> None:
    file = QuotaFile(tmp_path / "tokens" / "quota.json")
    assert file.load() == Kept()
    file.keep(Kept("2026-11-21", 7))
    assert file.load() == Kept("2026-11-21", 7)
    for damage in (b"", b"{", b'{"day": 3}', b'{"spent": "x"}', b"\xff"):
        (tmp_path / "tokens" / "quota.json").write_bytes(damage)
        assert file.load() == Kept()
    (tmp_path / "a file").touch()
    QuotaFile(tmp_path / "a file" / "quota.json").keep(Kept("2026-11-21", 7))
