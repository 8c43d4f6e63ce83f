"""The program as a whole: it wakes, answers, survives a kill, and stops cleanly."""

import asyncio
import itertools
import os
import signal
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.servers.marotte import TOKEN, Marotte, marotte
from tests.waiting import QUICK, until

pytestmark = pytest.mark.anyio
QUIET = f"{QUICK}[attention]\nlull_after = 0\n[brain]\ndiscover = false\n"
LONG = " ".join(["One two three four five six seven eight nine ten eleven twelve."] * 30)
"""Most of a minute: nothing that a test does takes as long."""


def kept(program: Marotte) -> str:
    """What of the character's words is in its rows as heard: what even a power cut leaves."""
    with closing(sqlite3.connect(f"file:{program.data / 'marotte.sqlite'}?mode=ro", uri=True)) as rows:
        return " ".join(heard for (heard,) in rows.execute("SELECT heard FROM lines WHERE heard != ''"))


async def test_it_answers_what_the_operator_asks(tmp_path: Path) -> None:
    async with marotte(tmp_path, QUIET) as program:
        status, answer = await program.post("/api/v1/percepts?wait=90", {"type": "asked", "text": "Who are you?"})
        assert status == 202
        assert answer["turn"]["state"] == "done"
        assert answer["turn"]["heard"]
        turns = await program.get("/api/v1/turns?limit=5")
        assert (turns[0]["state"], turns[0]["heard"]) == ("done", answer["turn"]["heard"])
        assert 0 <= turns[0]["timings"]["first_line"] <= turns[0]["timings"]["first_sample"]
        ready = await program.get("/readyz")
        assert ready["ready"]
        assert ready["engines"]["voice"]["espeak"] == "ready"


async def test_a_gift_survives_a_kill_and_memory_holds_only_what_was_heard(tmp_path: Path) -> None:
    program = Marotte(tmp_path, QUIET)
    await program.start()
    ada = {"id": "x:ada", "name": "Ada"}
    async with program.window("stage", floor="public", token=TOKEN) as stage:
        await program.post("/api/v1/percepts", {"type": "asked", "verbatim": True, "text": LONG})
        await stage.event("line_started")
        status, gift = await program.post("/api/v1/percepts", {"type": "gift", "what": "rose", "viewer": ada})
        assert status == 201
        await until(lambda: kept(program), "words in the rows")
        program.kill()
    await program.start()
    try:

        async def gifts() -> list[dict]:
            turns = await program.get("/api/v1/turns?limit=10")
            return [t for t in turns if t["lane"] == "gifts" and t["state"] == "done"]

        answered = await until(gifts, "an answer to the gift", 60)
        turns = await program.get("/api/v1/turns?limit=10")
        assert answered[0]["percepts"] == [gift["id"]]
        assert "Ada" in answered[0]["heard"]
        cut = next(t for t in turns if t["lane"] == "operator")
        assert (cut["state"], cut["cut"]) == ("interrupted", True)
        assert cut["heard"]
        assert LONG.startswith(cut["heard"])
        assert cut["heard"] != LONG
    finally:
        assert await program.stop() == 0
    again = Marotte(tmp_path, QUIET)
    await again.start()
    try:
        await again.post("/api/v1/percepts?wait=90", {"type": "asked", "verbatim": True, "text": "Still here."})
        assert await again.get("/api/v1/queue") == []
        again_answered = [t for t in await again.get("/api/v1/turns?limit=50") if t["lane"] == "gifts"]
        assert len(again_answered) == 1, "an answered gift is not answered again"
    finally:
        await again.stop()


async def test_it_stops_in_mid_speech_and_keeps_what_was_heard(tmp_path: Path) -> None:
    program = Marotte(tmp_path, QUIET)
    await program.start()
    async with program.window("stage", floor="public", token=TOKEN) as stage:
        await program.post("/api/v1/percepts", {"type": "asked", "verbatim": True, "text": LONG})
        await stage.event("line_started")
        await until(lambda: kept(program), "words in the rows")
        assert await program.stop() == 0
    again = Marotte(tmp_path, QUIET)
    await again.start()
    try:
        turn = (await again.get("/api/v1/turns?limit=1"))[0]
        assert (turn["state"], turn["cut"], turn["reason"]) == ("interrupted", True, "stopped")
        assert turn["heard"]
        assert LONG.startswith(turn["heard"])
        assert turn["heard"] != LONG
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


async def test_whoever_waits_while_it_stops_is_told_so(tmp_path: Path) -> None:
    async def never(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await reader.read()

    server = await asyncio.start_server(never, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
    show = f'{QUIET}chain = ["openai"]\n[brain.openai]\nurl = "{url}"\nmodel = "mute"\n'
    async with server, marotte(tmp_path, show) as program:
        asked = {"type": "asked", "text": "Are you there?"}
        for _ in range(4):
            await program.post("/api/v1/percepts", asked)
        waiting = asyncio.create_task(program.post("/api/v1/percepts?wait=100", asked))

        async def last() -> bool:
            return len(await program.get("/api/v1/queue")) == 4

        await until(last, "four that wait")
        os.kill(program.pid, signal.SIGTERM)
        assert await waiting == (503, {"detail": "the program is being stopped"})
        assert await program.stop() == 0
        assert "Traceback" not in program.output()


async def test_sound_flows_to_a_window_and_a_stop_ends_it(tmp_path: Path) -> None:
    async with marotte(tmp_path, QUIET) as program, program.window(language="en") as window:
        await window.send(type="sound", on=True)
        order = {"type": "asked", "verbatim": True, "text": LONG, "floor": window.welcome["floor"]}
        await program.post("/api/v1/percepts", order)
        started = await window.event("line_started")
        await window.until("sound")
        assert window.sound[0][0]["sample"] == started["sample"]
        for _ in range(20):
            header = await window.until("sound")
            await window.send(type="played", sample=header["sample"])
        await window.send(type="stop")
        await window.event("stopped")
        sent = len(window.sound)
        ended = await window.event("turn_ended")
        assert ended["ending"]["state"] == "interrupted"
        assert ended["ending"]["cut"]
        await window.send(type="ping", t=1)
        await window.until("pong")
        assert len(window.sound) == sent, "nothing of the cut turn follows"
        places = [(h["sample"], len(pcm) // 2) for h, pcm in window.sound]
        assert all(a + n <= b for (a, n), (b, _) in itertools.pairwise(places))
        lead = next(h["sample"] for h, _ in window.sound)
        assert lead >= window.welcome["sample"]


async def test_a_window_that_comes_back_is_told_what_it_missed(tmp_path: Path) -> None:
    async with marotte(tmp_path, QUIET) as program:
        async with program.window(language="en") as window:
            await window.send(type="text", text="hello")
            turn = (await window.event("line_started"))["turn"]
            session, seq, floor = window.welcome["session"], window.seq, window.welcome["floor"]

        async def over() -> bool:
            return any(t["id"] == turn and t["state"] != "speaking" for t in await program.get("/api/v1/turns?limit=5"))

        await until(over, "the end of the turn that nobody sees")
        async with program.window(resume={"session": session, "seq": seq}) as back:
            assert (back.welcome["resumed"], back.welcome["floor"]) == (True, floor)
            await back.event("turn_ended")
            assert back.events[0]["type"] != "turn_started"
            assert back.seq == seq + len(back.events)
        async with program.window(resume={"session": "s-unknown", "seq": 5}) as new:
            assert not new.welcome["resumed"]


async def test_a_crashed_task_is_started_again_and_shown(tmp_path: Path) -> None:
    async with marotte(tmp_path, QUIET + '[irc.nowhere]\nhost = "127.0.0.1"\nport = 1\ntls = false\n') as program:

        async def down() -> list[dict]:
            return [link for link in await program.get("/api/v1/connections") if link["state"] == "down"]

        assert (await until(down, "a link that is down"))[0]["detail"]
        assert (await program.get("/readyz"))["ready"], "the rest of the show goes on"
