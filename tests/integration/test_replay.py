"""Replay: the log of a run gives the same lines again, or says where it departs from them."""

import asyncio
import gzip
import json
import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from marotte import cli, config
from marotte.events import Asked, ChatMessage, Gift, Viewer
from marotte.mind import director
from marotte.ops import recorder, runlog
from marotte.ops.runlog import LogError
from marotte.replay import Replayed, replay
from marotte.show import Run
from tests.record import RECORDING, Loudspeaker
from tests.waiting import QUICK, until

pytestmark = pytest.mark.anyio
QUIET = f"{QUICK}[brain]\ndiscover = false\n[attention]\nlull_after = 0\n"
COUNTED = "One two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen."
ADA = Viewer(id="irc:test/ada", name="Ada", platform="irc")


async def replayed(path: Path) -> Replayed:
    """Replay in a thread: it has an event loop of its own."""
    return await asyncio.to_thread(replay, path)


async def live(folder: Path, show: str = QUIET) -> Path:
    """Let a short run happen, and return its log."""
    run = Run(config.parse(show), folder, {})
    await run.start()
    playing = asyncio.create_task(Loudspeaker("loudspeaker", run.public).run())
    turns = run.bus.subscribe("event.turn_ended.>")
    run.publish(ChatMessage(at=run.clock.wall(), text="I am Ada and I love cheese", viewer=ADA))
    await turns.get()
    await run.perceive(Gift(viewer=ADA, what="rose", amount=5, unit="coins"))
    await turns.get()
    run.publish(Asked(at=run.clock.wall(), text="What do I love?"))
    await until(lambda: run.public.speaker.speaking, "it speaks")
    run.orders.cut("public", "stopped by the operator")
    await turns.get()
    partner = run.open_floor("a-key-of-a-partner", "Bob", "es")
    run.publish(Asked(at=run.clock.wall(), floor=partner.name, text="¿quién eres?", language="es"))
    await turns.get()
    await run.hush()
    playing.cancel()
    await run.stop()
    (log,) = (folder / "runs").glob("*.jsonl")
    return log


async def test_ten_minutes_are_lived_through_again_line_by_line() -> None:
    found = await replayed(RECORDING)
    assert found.difference is None
    assert (found.unlike, found.whole) == (0, True)
    assert found.seconds > 600
    assert found.lines > 150


async def test_a_run_with_the_embedded_engines_replays_itself(tmp_path: Path) -> None:
    log = await live(tmp_path)
    assert log.stat().st_mode & 0o777 == 0o600
    found = await replayed(log)
    assert found.difference is None
    ends = [entry.words[0] for entry in found.done if entry.what == "end"]
    assert ends[:3] == ["done", "done", "interrupted"]
    assert {entry.floor for entry in found.done} == {"public", found.done[-1].floor}


async def test_the_first_difference_is_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = await live(tmp_path)
    make = director.line

    def louder(sentence: str, language: str = "en", turn: str = "", *more: Any) -> Any:
        return make(sentence.replace("Ada", "ADA"), language, turn, *more)

    monkeypatch.setattr(director, "line", louder)
    found = await replayed(log)
    assert found.difference is not None
    was, now = found.difference.was, found.difference.now
    assert was is not None
    assert now is not None
    assert was.what == now.what == "line"
    assert was.words[0].replace("Ada", "ADA") == now.words[0] != was.words[0]
    assert "then: says" in str(found.difference)


async def test_the_log_of_a_killed_run_is_replayed_as_far_as_it_goes(tmp_path: Path) -> None:
    whole = gzip.decompress(RECORDING.read_bytes())
    cut = tmp_path / "cut.jsonl"
    cut.write_bytes(whole[: len(whole) // 4])
    found = await replayed(cut)
    assert (found.difference, found.whole) == (None, False)
    assert 50 < found.seconds < 400


def entries() -> list[dict[str, Any]]:
    with gzip.open(RECORDING) as file:
        return [json.loads(file.readline()) for _ in range(400)]


def header(**changes: Any) -> Callable[[list[dict[str, Any]]], None]:
    return lambda log: log[0].update(changes)


def behind(entry: dict[str, Any]) -> Callable[[list[dict[str, Any]]], None]:
    return lambda log: log.append({"t": log[-1].get("t", 0.0), **entry})


@pytest.mark.parametrize(
    ("lie", "complaint"),
    [
        (header(format=99, version="9.9"), "format 99 by version 9.9"),
        (header(show={"character": {"name": 5}}), "show: "),
        (header(seed="seven"), ":1: is no entry of a log"),
        (lambda log: log.pop(0), ":1: is no header"),
        (lambda log: log.insert(3, log[0]), ":4: is a second header"),
        (behind({"is": "ordered", "order": "__init__", "given": []}), "there is no order '__init__'"),
        (behind({"is": "ordered", "order": "cut", "given": ["nowhere", ""]}), "there is no floor 'nowhere'"),
        (behind({"is": "ordered", "order": "cut", "given": []}), "ordered"),
        (behind({"is": "reported", "floor": "public", "outlet": "ghost", "line": 0, "offset": 1}), "reported"),
        (behind({"is": "detached", "floor": "public", "outlet": "ghost"}), "detached"),
        (behind({"is": "row", "table": "sqlite_master", "values": {}}), "a row of 'sqlite_master'"),
        (behind({"is": "said", "t": 0.5, "floor": "public", "what": "line", "words": []}), "comes before"),
        (behind({"is": "stalled", "since": 1.0, "until": 1e8}), "stalled: 1.0 to 100000000.0 is no time before"),
        (behind({"is": "dance"}), "is no entry of a log"),
    ],
)
async def test_a_log_that_lies_is_refused_in_words(tmp_path: Path, lie: Any, complaint: str) -> None:
    log = entries()
    lie(log)
    path = tmp_path / "lie.jsonl"
    path.write_text("".join(json.dumps(entry) + "\n" for entry in log), "utf-8")
    with pytest.raises(LogError, match=r"lie\.jsonl") as refused:
        await replayed(path)
    assert complaint in str(refused.value)


@pytest.mark.parametrize("content", [b"", b"\xff\xfe\x00", b"{}\n", b"[" * 100_000 + b"\n", b"x" * 5_000_000])
async def test_what_is_no_log_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "no.jsonl"
    path.write_bytes(content)
    with pytest.raises(LogError, match=r"no\.jsonl"):
        await replayed(path)


async def test_who_is_forgotten_is_gone_from_the_logs(tmp_path: Path) -> None:
    run = Run(config.parse(QUIET), tmp_path, {})
    await run.start()
    old = tmp_path / "runs" / "an-old-run.jsonl"
    old.write_text("my name is Ada", "utf-8")
    turns = run.bus.subscribe("event.turn_ended.>")
    run.publish(ChatMessage(at=run.clock.wall(), text="my name is Ada, I love cheese", viewer=ADA))
    await turns.get()
    await run.forget(ADA.id)
    # By now the next log may be begun.
    assert not [log for log in (tmp_path / "runs").iterdir() if b"Ada" in log.read_bytes()]
    await until(lambda: bool(list((tmp_path / "runs").iterdir())), "a new log is begun")
    run.publish(Asked(at=run.clock.wall(), text="Hello!"))
    await turns.get()
    await run.stop()
    (log,) = (tmp_path / "runs").iterdir()
    assert b"cheese" not in log.read_bytes()
    assert (await replayed(log)).difference is None


async def test_a_full_log_is_followed_by_another_that_can_be_replayed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recorder, "LARGEST", 30_000)
    run = Run(config.parse(QUIET), tmp_path, {})
    await run.start()
    turns = run.bus.subscribe("event.turn_ended.>")
    run.publish(Asked(at=run.clock.wall(), text="x" * 19_000))
    await turns.get()

    def logs() -> int:
        return len([*(tmp_path / "runs").iterdir()])

    while logs() == 1 and not run.recorder.wants_new:  # answers are not all as long
        run.publish(Asked(at=run.clock.wall(), text="And who is that?"))
        await turns.get()
    await until(lambda: logs() == 2, "a second log is begun")
    run.publish(Asked(at=run.clock.wall(), text="And who are you?"))
    await turns.get()
    await run.stop()
    for log in (tmp_path / "runs").iterdir():
        found = await replayed(log)
        assert found.difference is None
        assert found.lines


async def test_a_flood_leaves_a_gap_and_no_endless_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recorder, "LARGEST", 20_000)
    run = Run(config.parse(QUIET), tmp_path, {})
    await run.start()
    for number in range(1_000):
        run.publish(ChatMessage(at=run.clock.wall(), text=f"message {number}", viewer=ADA))
    await run.stop()
    (log,) = (tmp_path / "runs").iterdir()
    assert log.stat().st_size < 50_000
    assert (await replayed(log)).whole is False


def test_the_oldest_logs_go(tmp_path: Path) -> None:
    import os

    for number in range(30):
        path = tmp_path / f"{number:02}.jsonl"
        path.write_bytes(b"x" * 100)
        os.utime(path, (number, number))
    runlog.sweep(tmp_path, most=20, most_bytes=10_000)
    assert sorted(path.stem for path in tmp_path.iterdir()) == [f"{number:02}" for number in range(10, 30)]
    runlog.sweep(tmp_path, most=20, most_bytes=500)
    assert len(list(tmp_path.iterdir())) == 5


async def test_a_disk_that_refuses_stops_the_log_and_not_the_show(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "runs").write_text("a file where a folder should be", "utf-8")
    run = Run(config.parse(QUIET), tmp_path, {})
    with caplog.at_level(logging.ERROR):
        await run.start()
        turns = run.bus.subscribe("event.turn_ended.>")
        run.publish(Asked(at=run.clock.wall(), text="Hello!"))
        assert (await turns.get()).data.ending.state == "done"
        await run.stop()
    assert "this run cannot be replayed" in caplog.text


def test_the_command_tells_all_and_its_exit_code_says_whether_it_is_the_same(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = entries()
    path = tmp_path / "run.jsonl"
    line = next(entry for entry in log if entry["is"] == "said" and entry["what"] == "line")
    for words, code, told in (
        (line["words"], cli.OK, "every line is the same, byte for byte"),
        (["What nobody said.", "en", ""], cli.NO, "then: says 'What nobody said.'"),
    ):
        line["words"] = words
        path.write_text("".join(json.dumps(entry) + "\n" for entry in log), "utf-8")
        with pytest.raises(SystemExit) as ended:
            cli.main(["replay", str(path)])
        assert ended.value.code == code
        out = capsys.readouterr().out
        assert told in out
        assert "the log breaks off" in out
    with pytest.raises(SystemExit) as ended:
        cli.main(["replay", str(tmp_path / "none.jsonl")])
    assert ended.value.code == cli.IN_THE_WAY


def test_of_reports_in_a_row_only_the_telling_ones_are_lived_through_again() -> None:
    def report(t: float, line: int = 0, *, everything: bool = False) -> runlog.Reported:
        return runlog.Reported(t=t, floor="public", outlet="window", line=line, offset=0, everything=everything)

    entries = [
        *map(report, (0.00, 0.06, 0.12)),
        runlog.Gave(t=0.13, call=1, piece="word"),  # what an engine gives changes nothing for them
        *map(report, (0.18, 0.24, 0.30)),
        runlog.Said(t=0.31, floor="public", what="end", words=("interrupted",)),
        report(0.35),
        report(0.36, 1),
        report(0.37, 1, everything=True),
    ]
    kept = [entry.t for entry in runlog.telling(entries) if isinstance(entry, runlog.Reported)]
    # Every quarter of a second, the first of each line and of its end, and the last before anything else.
    assert kept == [0.00, 0.30, 0.35, 0.36, 0.37]


async def test_what_was_heard_of_a_line_with_a_gap_in_it_replays_itself(tmp_path: Path) -> None:
    run = Run(config.parse(QUIET.removeprefix(QUICK)), tmp_path, {})
    await run.start()
    playing = asyncio.create_task(Loudspeaker("loudspeaker", run.public).run())
    turns, lines = run.bus.subscribe("event.turn_ended.>"), run.bus.subscribe("event.line_started.>")
    run.publish(Asked(at=run.clock.wall(), text=COUNTED, verbatim=True))
    begun = (await lines.get()).data.sample
    await until(lambda: run.public.speaker.now() > begun + 48_000, "a second of it")
    time.sleep(1.0)  # noqa: ASYNC251  # the loop stands still, and the outlet runs dry
    await until(lambda: run.public.speaker.now() > begun + 3 * 48_000, "three seconds of it")
    run.orders.cut("public", "stopped by the operator")
    heard = (await turns.get()).data.ending.heard
    assert 0 < len(heard.split()) < 12
    await run.hush()
    playing.cancel()
    await run.stop()
    (log,) = (tmp_path / "runs").glob("*.jsonl")
    assert (await replayed(log)).difference is None
