"""The log of events, the timings of turns, and trying an engine, over REST."""

import base64
from collections.abc import AsyncIterator

import pytest

from marotte.senses.hearing.wav import read_wav
from tests.servers.marotte import Marotte, marotte
from tests.waiting import until

pytestmark = pytest.mark.anyio
SHOW = "[attention]\nlull_after = 0\n[brain]\ndiscover = false\n"


@pytest.fixture(scope="module")
def anyio_backend() -> tuple[str, dict[str, object]]:
    return "asyncio", {}


@pytest.fixture(scope="module")
async def program(tmp_path_factory: pytest.TempPathFactory, anyio_backend) -> AsyncIterator[Marotte]:
    async with marotte(tmp_path_factory.mktemp("back"), SHOW) as running:
        yield running


async def test_a_turn_is_found_in_the_log_by_its_words_and_its_id(program: Marotte) -> None:
    _, answer = await program.post(
        "/api/v1/percepts?wait=60", {"type": "asked", "text": "A pelican came by.", "verbatim": True}
    )
    turn = answer["turn"]["id"]
    page = await program.get("/api/v1/log?q=PELICAN")
    kinds = [entry["event"]["type"] for entry in page["events"]]
    assert {"asked", "turn_started", "line_started", "turn_ended"} <= set(kinds)
    assert kinds.index("turn_ended") < kinds.index("turn_started")
    mine = await program.get(f"/api/v1/log?turn={turn}")
    assert {entry["event"]["turn"] for entry in mine["events"]} == {turn}
    assert "line_timings" not in {entry["event"]["type"] for entry in mine["events"]}
    (ended,) = (await program.get(f"/api/v1/log?turn={turn}&kind=turn_ended"))["events"]
    assert ended["event"]["ending"]["heard"] == "A pelican came by."
    older = await program.get(f"/api/v1/log?before={ended['seq']}&limit=1")
    assert older["events"][0]["seq"] == ended["seq"] - 1


async def test_private_floors_are_for_the_operator_alone(program: Marotte) -> None:
    _, issued = await program.post("/api/v1/tokens", {"name": "Mo", "role": "moderator"})
    moderator = {"Authorization": f"Bearer {issued['token']}"}
    async with program.window(partner="one") as window:
        floor = window.welcome["floor"]
        assert floor != "public"

        async def seen() -> bool:
            return bool((await program.get(f"/api/v1/log?floor={floor}"))["events"])

        await until(seen, "the private floor in the log")
        assert (await program.get(f"/api/v1/log?floor={floor}", headers=moderator))["events"] == []
    floors = {e["event"]["floor"] for e in (await program.get("/api/v1/log", headers=moderator))["events"]}
    assert floors == {"public"}


@pytest.mark.parametrize("query", ["limit=0", "limit=1001", "before=-1", "before=x", f"q={'x' * 201}"])
async def test_a_wrong_question_is_refused(program: Marotte, query: str) -> None:
    async with program.request("GET", f"/api/v1/log?{query}") as response:
        assert response.status == 422


async def test_timings_have_targets_and_every_turn_is_counted(program: Marotte) -> None:
    await program.post("/api/v1/percepts?wait=60", {"type": "asked", "text": "Hello.", "verbatim": True})
    page = await program.get("/api/v1/timings")
    assert page["targets"] == {"recognition": 500, "answer": 1_000, "voice": 300, "all": 2_000}
    spoken = [turn for turn in page["turns"] if turn["timings"]["first_sample"] >= 0]
    assert spoken
    for stage, counted in page["histograms"].items():
        assert len(counted["counts"]) == len(counted["bounds_ms"]) + 1
        assert sum(counted["counts"]) == (0 if stage == "recognition" else len(spoken)), stage


async def test_engines_are_tried_by_themselves(program: Marotte) -> None:
    before = await program.get("/api/v1/engines")
    code, voice = await program.post("/api/v1/engines/voice/espeak/try")
    assert (code, voice["ok"], voice["detail"]) == (200, True, "")
    assert voice["first_ms"] > 0
    assert voice["realtime"] > 0
    assert len(read_wav(base64.b64decode(voice["sound"]))) > 16_000
    code, brain = await program.post("/api/v1/engines/brain/improviser/try")
    assert (code, brain["ok"]) == (200, True)
    assert brain["text"]
    code, ear = await program.post("/api/v1/engines/ear/pocketsphinx/try")
    assert (code, ear["ok"], ear["text"]) == (200, True, "tell me a joke")
    code, eye = await program.post("/api/v1/engines/eye/opencv/try")
    assert (code, eye["ok"], "no face is to be seen" in eye["text"]) == (200, True, True)
    assert await program.get("/api/v1/engines") == before


@pytest.mark.parametrize(("path", "code"), [("voice/espaek", 404), ("nose/espeak", 422)])
async def test_an_engine_that_is_not_there(program: Marotte, path: str, code: int) -> None:
    status, answer = await program.post(f"/api/v1/engines/{path}/try")
    assert status == code
    assert code == 422 or "did you mean 'espeak'" in answer["detail"]


async def test_an_engine_that_cannot_says_why(tmp_path) -> None:
    show = SHOW.replace("discover = false", "discover = false\nchain = ['mine']") + (
        "[brain.mine]\nengine = 'openai'\nurl = 'http://127.0.0.1:9/v1'\nmodel = 'x'\n"
    )
    async with marotte(tmp_path, show) as program:
        code, tried = await program.post("/api/v1/engines/brain/mine/try")
        assert (code, tried["ok"], tried["first_ms"]) == (200, False, None)
        assert "127.0.0.1:9" in tried["detail"]
        states = {e["name"]: (e["state"], e["failures"]) for e in await program.get("/api/v1/engines")}
        assert states["mine"] == ("ready", 0)
