"""The program as a whole: it wakes, answers, survives a kill, and stops cleanly."""

import asyncio
import itertools
import time
from pathlib import Path

import pytest

from tests.servers.marotte import TOKEN, Marotte, marotte

pytestmark = pytest.mark.anyio
QUIET = "[attention]\nlull_after = 0\n[brain]\ndiscover = false\n"
LONG = "One two three four five six seven eight nine ten eleven twelve."


async def test_it_answers_what_the_operator_asks(tmp_path: Path) -> None:
    async with marotte(tmp_path, QUIET) as program:
        status, answer = await program.post("/api/v1/percepts?wait=30", {"type": "asked", "text": "Who are you?"})
        assert status == 202
        assert answer["turn"]["state"] == "done"
        assert answer["turn"]["heard"]
        turns = await program.get("/api/v1/turns?limit=5")
        assert (turns[0]["state"], turns[0]["heard"]) == ("done", answer["turn"]["heard"])
        assert 0 <= turns[0]["timings"]["first_line"] <= turns[0]["timings"]["first_sample"]
        ready = await program.get("/readyz")
        assert ready["ready"]
        assert ready["engines"]["voice"]["espeak"]["state"] == "ready"


async def test_a_gift_survives_a_kill_and_memory_holds_only_what_was_heard(tmp_path: Path) -> None:
    program = Marotte(tmp_path, QUIET)
    await program.start()
    ada = {"id": "x:ada", "name": "Ada"}
    async with program.window("stage", floor="public", token=TOKEN) as stage:
        await program.post("/api/v1/percepts", {"type": "asked", "verbatim": True, "text": LONG})
        await stage.event("line_started")
        status, gift = await program.post("/api/v1/percepts", {"type": "gift", "what": "rose", "viewer": ada})
        assert status == 201
        await asyncio.sleep(2.2)  # so that some words were heard and a second's row is written
        program.kill()
    await program.start()
    try:
        async with asyncio.timeout(30):
            while True:
                turns = await program.get("/api/v1/turns?limit=10")
                answered = [t for t in turns if t["lane"] == "gifts" and t["state"] == "done"]
                if answered:
                    break
                await asyncio.sleep(0.2)
        assert answered[0]["percepts"] == [gift["id"]]
        assert "Ada" in answered[0]["heard"]
        cut = next(t for t in turns if t["lane"] == "operator")
        assert (cut["state"], cut["cut"]) == ("interrupted", True)
        assert cut["heard"]
        assert LONG.startswith(cut["heard"])
        assert len(cut["heard"].split()) < 9
    finally:
        assert await program.stop() == 0
    again = Marotte(tmp_path, QUIET)
    await again.start()
    try:
        await asyncio.sleep(1)
        gifts = [t for t in await again.get("/api/v1/turns?limit=50") if t["lane"] == "gifts"]
        assert len(gifts) == 1, "an answered gift is not answered again"
    finally:
        await again.stop()


async def test_it_stops_within_three_seconds_in_mid_speech_and_keeps_what_was_heard(tmp_path: Path) -> None:
    program = Marotte(tmp_path, QUIET)
    await program.start()
    async with program.window("stage", floor="public", token=TOKEN) as stage:
        await program.post("/api/v1/percepts", {"type": "asked", "verbatim": True, "text": LONG})
        await stage.event("line_started")
        await asyncio.sleep(1.5)
        began = time.monotonic()
        assert await program.stop() == 0
        assert time.monotonic() - began < 3
    again = Marotte(tmp_path, QUIET)
    await again.start()
    try:
        turn = (await again.get("/api/v1/turns?limit=1"))[0]
        assert (turn["state"], turn["cut"], turn["reason"]) == ("interrupted", True, "stopped")
        assert turn["heard"]
        assert LONG.startswith(turn["heard"])
    finally:
        await again.stop()
    assert "Traceback" not in program.output()


async def test_private_floors_leak_nothing(tmp_path: Path) -> None:
    async with (
        marotte(tmp_path, QUIET) as program,
        program.window(name="Ada", language="en", partner="a" * 32) as ada,
        program.window(name="Léa", language="fr", partner="b" * 32) as lea,
        program.window("stage") as stage,
    ):
        assert ada.welcome["floor"] != lea.welcome["floor"]
        await ada.send(type="text", text="my dog is called Biscuit")
        ended = await ada.event("turn_ended")
        assert ended["floor"] == ada.welcome["floor"]
        await lea.send(type="text", text="qu'est-ce que tu sais de moi ?")
        await lea.event("turn_ended")
        assert not any("Biscuit" in str(event) for event in lea.events)
        assert all(event["floor"] == lea.welcome["floor"] for event in lea.events)
        spoken = [event for event in lea.events if event["type"] == "line_started"]
        assert {event["language"] for event in spoken} == {"fr"}
        await stage.send(type="ping", t=1)
        await stage.until("pong")
        assert not stage.events


async def test_sound_flows_to_a_window_and_a_stop_ends_it(tmp_path: Path) -> None:
    async with marotte(tmp_path, QUIET) as program, program.window(language="en") as window:
        await window.send(type="sound", on=True)
        await window.send(type="text", text="tell me a story")
        started = await window.event("line_started")
        await window.until("sound")
        assert window.sound[0][0]["sample"] == started["sample"]
        for _ in range(20):
            header = await window.until("sound")
            await window.send(type="played", sample=header["sample"])
        await window.send(type="stop")
        stopped = await window.event("stopped")
        ended = await window.event("turn_ended")
        assert ended["ending"]["state"] == "interrupted"
        assert ended["ending"]["cut"]
        after = [h for h, _ in window.sound if h["sample"] >= stopped["sample"] + 48_000 * 0.25]
        assert not after, "nothing of the cut turn follows"
        places = [(h["sample"], len(pcm) // 2) for h, pcm in window.sound]
        assert all(a + n <= b for (a, n), (b, _) in itertools.pairwise(places))
        lead = next(h["sample"] for h, _ in window.sound)
        assert lead >= window.welcome["sample"]


async def test_a_window_that_comes_back_is_told_what_it_missed(tmp_path: Path) -> None:
    async with marotte(tmp_path, QUIET) as program:
        async with program.window(language="en") as window:
            await window.send(type="text", text="hello")
            await window.event("line_started")
            session, seq, floor = window.welcome["session"], window.seq, window.welcome["floor"]
        await asyncio.sleep(1.0)
        async with program.window(resume={"session": session, "seq": seq}) as back:
            assert (back.welcome["resumed"], back.welcome["floor"]) == (True, floor)
            await back.event("turn_ended")
            assert back.events[0]["type"] != "turn_started"
            assert back.seq == seq + len(back.events)
        async with program.window(resume={"session": "s-unknown", "seq": 5}) as new:
            assert not new.welcome["resumed"]


async def test_a_crashed_task_is_started_again_and_shown(tmp_path: Path) -> None:
    async with marotte(tmp_path, QUIET + '[irc.nowhere]\nhost = "127.0.0.1"\nport = 1\ntls = false\n') as program:
        async with asyncio.timeout(10):
            while not (links := await program.get("/api/v1/links")) or links[0]["state"] != "down":
                await asyncio.sleep(0.1)
        assert links[0]["detail"]
        assert (await program.get("/readyz"))["ready"], "the rest of the show goes on"
