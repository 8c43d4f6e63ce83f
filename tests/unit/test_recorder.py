"""The recorder: what it notes of a machine that stalled."""

from pathlib import Path

from marotte.ops import runlog
from marotte.ops.recorder import Recorder
from marotte.time import Clock


class Hand(Clock):
    """A clock that is turned by hand."""

    def __init__(self) -> None:
        self.at = 100.0

    def now(self) -> float:
        return self.at


def header() -> runlog.Header:
    return runlog.Header(format=runlog.FORMAT, run="r", version="0", schema="1", seed=1, began=0.0, show={})


def test_a_stall_ends_where_something_was_noted_and_knows_nothing_of_the_log_before(tmp_path: Path) -> None:
    clock = Hand()
    recorder = Recorder(tmp_path, "r", clock)
    recorder.begin(header(), ())
    for at, due in ((105.0, None), (107.0, 104.0), (107.01, 107.0)):
        clock.at = at
        recorder.stalled(due) if due else recorder.concluded("public")
    recorder.begin(header(), ())
    clock.at = 109.0
    recorder.stalled(108.0)
    recorder.close()
    logs = [list(runlog.read(path)) for path in (tmp_path / "r.jsonl", tmp_path / "r-001.jsonl")]
    stalls = [[(round(e.since, 3), e.until, e.t) for e in log if isinstance(e, runlog.Stalled)] for log in logs]
    assert stalls == [[(4.0, 5.0, 7.0)], [(0.99, 1.99, 1.99)]]


def test_a_place_in_a_long_run_is_told_beyond_its_first_hour() -> None:
    assert [runlog.stamp(seconds) for seconds in (0.0, 61.25, 3_599.99, 3_700.0, 90_000.5)] == [
        "00:00.0",
        "01:01.2",
        "59:59.9",
        "61:40.0",
        "1500:00.5",
    ]
