"""The log of a run: whatever stands in it, it is read and replayed, or refused with a LogError that names the file."""

import asyncio
import copy
import gzip
import json
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marotte.bus.local import LocalBus
from marotte.ops.history import Asked, History
from marotte.ops.runlog import Header, LogError, read
from marotte.replay import replay
from tests.fuzz.hostile import corpus, looks, mutated, values
from tests.record import RECORDING

CORPUS = corpus("log")


@cache
def recorded() -> tuple[dict[str, Any], ...]:
    """The first seconds of the recording: a turn, its brain's words, its voice's sound, an outlet."""
    with gzip.open(RECORDING) as file:
        return tuple(json.loads(file.readline()) for _ in range(60))


def lines(entries: list[dict[str, Any]]) -> bytes:
    return "".join(json.dumps(entry) + "\n" for entry in entries).encode()


SHORT = lines([dict(entry) for entry in recorded()])
MORE: tuple[dict[str, Any], ...] = (
    {"is": "opened", "floor": "talk-1", "partner": None, "language": "es"},
    {"is": "closed", "floor": "talk-1"},
    {"is": "perceived", "percept": {"type": "asked", "text": "hello", "floor": "public"}},
    {"is": "noticed", "event": {"type": "onset", "at": 1.0, "floor": "public"}},
    {"is": "ordered", "order": "cut", "given": ["public", "x"]},
    {"is": "ordered", "order": "mute", "given": ["viewer", "x", 5]},
    {"is": "ordered", "order": "language", "given": ["public", "es"]},
    {"is": "attached", "floor": "public", "outlet": "o", "rank": 1, "lead": 0.25},
    {"is": "reported", "floor": "public", "outlet": "o", "line": 0, "offset": 5},
    {"is": "detached", "floor": "public", "outlet": "o"},
    {"is": "called", "call": 9, "engine": "scripted", "asked": "x"},
    {"is": "gave", "call": 9, "piece": {"rate": 8_000, "samples": 80}},
    {"is": "finished", "call": 9, "error": "x", "kind": "EngineError"},
    {"is": "row", "table": "viewers", "values": {"id": "x", "name": "X"}},
    {"is": "said", "floor": "public", "what": "line", "words": ["x"]},
    {"is": "concluded", "floor": "public"},
    {"is": "gap"},
    {"is": "ended"},
)


@contextmanager
def names(path: Path) -> Iterator[None]:
    """Let nothing pass but a LogError that names the file."""
    refused = ""
    try:
        yield
    except LogError as error:
        refused = str(error)
    assert not refused or refused.startswith(f"{path}:")


def is_read_or_refused(path: Path) -> None:
    with names(path):
        first, *_ = read(path)
        assert isinstance(first, Header)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("logs")


@pytest.mark.parametrize("name", CORPUS)
def test_the_corpus_is_read_or_refused(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(CORPUS[name])
    is_read_or_refused(path)


@looks(300)
@given(mutated((SHORT, *CORPUS.values())), st.booleans(), st.booleans())
def test_a_wounded_log_is_read_or_refused(folder: Path, data: bytes, named_packed: bool, is_packed: bool) -> None:
    path = folder / ("wounded.jsonl.gz" if named_packed else "wounded.jsonl")
    path.write_bytes(gzip.compress(data, 1) if is_packed else data)
    is_read_or_refused(path)


@looks(300)
@given(mutated((gzip.compress(SHORT, mtime=0),)))
def test_a_wounded_packed_log_is_read_or_refused(folder: Path, data: bytes) -> None:
    path = folder / "wounded.jsonl.gz"
    path.write_bytes(data)
    is_read_or_refused(path)


def test_packing_that_is_broken_inside_is_refused(tmp_path: Path) -> None:
    """Found: zlib has an error of its own, which left ``read``."""
    packed = bytearray(gzip.compress(SHORT, mtime=0))
    packed[10] |= 6  # a kind of block that there is not
    path = tmp_path / "broken.jsonl.gz"
    path.write_bytes(packed)
    with pytest.raises(LogError, match=r"broken\.jsonl\.gz: "):
        list(read(path))


def is_replayed_or_refused(folder: Path, entries: list[dict[str, Any]]) -> None:
    path = folder / "lie.jsonl"
    path.write_bytes(lines(entries))
    with names(path):
        found = replay(path)
        assert found.lines >= 0
        assert found.difference is None or str(found.difference)


@st.composite
def lies(draw: st.DrawFn) -> list[dict[str, Any]]:
    """The recording with entries changed, left out, told twice, or made up; in the right order, or it is not read."""
    log = copy.deepcopy(list(recorded()))
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(log) - 1))
        match draw(st.integers(0, 3)):
            case 0:
                log[at][draw(st.sampled_from([key for key in log[at] if key not in ("is", "t")] or ["x"]))] = draw(
                    values
                )
            case 1 if at:
                del log[at]
            case 2 if at:
                log.insert(at, copy.deepcopy(log[at]))
            case _:
                made = copy.deepcopy(draw(st.sampled_from(MORE)))
                if draw(st.booleans()):
                    made[draw(st.sampled_from([key for key in made if key != "is"] or ["x"]))] = draw(values)
                log.insert(at + 1, {**made, "t": log[at].get("t", 0.0)})
    return log


@looks(25)
@given(lies())
def test_a_lying_log_is_replayed_or_refused(folder: Path, entries: list[dict[str, Any]]) -> None:
    is_replayed_or_refused(folder, entries)


@pytest.mark.parametrize(
    "lie",
    [
        {"is": "attached", "floor": "public", "outlet": "o", "rank": 99, "lead": 0.25},
        {"is": "perceived", "percept": {"type": "asked", "text": "x", "floor": "a b"}},
        {"is": "noticed", "event": {"type": "onset", "at": 1.0, "floor": " "}},
        {"is": "opened", "floor": "", "partner": None, "language": ""},
    ],
    ids=lambda lie: lie["is"],
)
def test_a_value_that_no_run_could_have_is_refused(tmp_path: Path, lie: dict[str, Any]) -> None:
    """Found: a ValueError left ``replay``."""
    path = tmp_path / "lie.jsonl"
    path.write_bytes(lines([*recorded(), {**lie, "t": recorded()[-1]["t"]}]))
    with pytest.raises(LogError, match=r"lie\.jsonl"):
        replay(path)


@pytest.mark.parametrize("began", [-1e300, 1e300, -5.0])
def test_a_run_that_began_at_no_time_is_refused(tmp_path: Path, began: float) -> None:
    """Found: an OverflowError left ``replay``."""
    path = tmp_path / "lie.jsonl"
    path.write_bytes(lines([{**recorded()[0], "began": began}, *recorded()[1:]]))
    with pytest.raises(LogError, match=r"lie\.jsonl:1: began"):
        replay(path)


@pytest.mark.parametrize(
    ("table", "key", "value"), [("brain", "chain", ["nope"]), ("moderation", "words", {"any": ["("]})]
)
def test_a_show_that_this_program_refuses_is_refused(tmp_path: Path, table: str, key: str, value: Any) -> None:
    """Found: a ShowError left ``replay``, and named a file that is not there."""
    log = copy.deepcopy(list(recorded()))
    log[0]["show"][table][key] = value
    path = tmp_path / "lie.jsonl"
    path.write_bytes(lines(log))
    with pytest.raises(LogError, match=r"lie\.jsonl:1: show"):
        replay(path)


def test_an_empty_history_is_searched() -> None:
    """Found: ``GET /log?q=x`` failed as long as nothing had happened, and after somebody was forgotten."""
    assert asyncio.run(History(LocalBus()).find(Asked("x"))) == []
