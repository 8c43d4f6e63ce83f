"""The web's border: who may come in, and what bad input meets."""

import asyncio
import gzip
import json
import os
import re
import stat
import sys
import wave
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.servers.marotte import TOKEN, Marotte, marotte
from tests.waiting import QUICK, until

pytestmark = pytest.mark.anyio
SHOW = (
    f"{QUICK}[attention]\nlull_after = 0\n[brain]\ndiscover = false\n[gateway]\npartners = 60\n"
    "[character]\nnever = ['xyzzy']\n[moderation]\nrelease_within = 120\n"
)
LOOKING = ("/api/v1/queue", "/api/v1/floors", "/api/v1/engines")
LONG = "to the crowd, and to the crew, " * 12
"""Some of what is asked while it is said has to wait."""
KENNEDY = Path(__file__).parents[1] / "data" / "kennedy-1961.wav"


@pytest.fixture(scope="module")
def anyio_backend() -> tuple[str, dict[str, object]]:
    return "asyncio", {}


@pytest.fixture(scope="module")
async def program(tmp_path_factory: pytest.TempPathFactory, anyio_backend) -> AsyncIterator[Marotte]:
    async with marotte(tmp_path_factory.mktemp("gateway"), SHOW) as running:
        yield running


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/api/v1/percepts"),
        ("PUT", "/api/v1/show/context"),
        ("GET", "/api/v1/queue"),
        ("DELETE", "/api/v1/queue/x"),
        ("GET", "/api/v1/floors"),
        ("POST", "/api/v1/floors/public/stop"),
        ("POST", "/api/v1/floors/public/press"),
        ("POST", "/api/v1/floors/public/release"),
        ("GET", "/api/v1/engines"),
        ("POST", "/api/v1/brain"),
        ("GET", "/api/v1/viewers/x/facts"),
        ("DELETE", "/api/v1/viewers/x"),
        ("POST", "/api/v1/stopped/x/release"),
    ],
)
@pytest.mark.parametrize("token", ["", "Basic abc", "Bearer", "capture"])
async def test_orders_need_a_token_whose_role_may_give_them(program: Marotte, method, path, token) -> None:
    expected = 401
    if token == "capture":
        token = f"Bearer {(program.data / 'capture.token').read_text().strip()}"
        expected = 200 if path in LOOKING else 403
    async with program.request(method, path, json={}, headers={"Authorization": token}) as response:
        assert response.status == expected
        assert TOKEN not in await response.text()


async def test_a_wrong_token_opens_not_even_what_needs_none(program: Marotte) -> None:
    headers = {"Authorization": "Bearer wrong-token-wrong-token"}
    async with program.request("GET", "/api/v1/turns", headers=headers) as response:
        assert response.status == 401
        assert response.headers["www-authenticate"] == "Bearer"
        assert (await response.json())["detail"] == "the token is wrong"


async def test_what_everybody_may_see_needs_no_token_here(program: Marotte) -> None:
    for path in ("/api/v1/show", "/api/v1/turns", "/api/v1/schema", "/healthz", "/readyz", "/metrics", "/talk"):
        async with program.request("GET", path, headers={"Authorization": ""}) as response:
            assert response.status == 200, path
            assert "default-src 'none'" in response.headers["content-security-policy"]
            assert response.headers["x-content-type-options"] == "nosniff"


async def test_scripts_are_packed_and_what_may_hold_secrets_is_not(program: Marotte) -> None:
    takes = {"Accept-Encoding": "gzip"}
    async with program.request("GET", "/talk", headers=takes, auto_decompress=False) as response:
        assert "content-encoding" not in response.headers
        (script,) = re.findall(r'<script [^>]*src="(/assets/[^"]+)"', await response.text())
    async with program.request("GET", script, headers=takes, auto_decompress=False) as response:
        assert response.headers["content-encoding"] == "gzip"
        assert response.headers["x-content-type-options"] == "nosniff"
        packed = await response.read()
    async with program.request("GET", script, headers={"Accept-Encoding": "identity"}) as response:
        assert "content-encoding" not in response.headers
        assert gzip.decompress(packed) == await response.read()
    for path in ("/api/v1/show", "/api/v1/settings", "/api/v1/openapi.json", "/metrics"):
        async with program.request("GET", path, headers=takes, auto_decompress=False) as response:
            assert (response.status, "content-encoding" in response.headers) == (200, False), path


@pytest.mark.parametrize(
    "headers",
    [{"Origin": "https://evil.example"}, {"Host": "evil.example"}, {"Origin": "null"}, {"Origin": "http://["}],
)
async def test_pages_from_elsewhere_are_refused(program: Marotte, headers: dict[str, str]) -> None:
    async with program.request("GET", "/api/v1/turns", headers=headers) as response:
        assert response.status == 403
    async with program.window("stage", headers=headers) as window:
        assert window.welcome["code"] == "origin"
        assert await window.closed() == 4403


async def test_its_own_page_is_welcome(program: Marotte) -> None:
    async with program.request("GET", "/api/v1/turns", headers={"Origin": program.url}) as response:
        assert response.status == 200
    async with program.window("stage", headers={"Origin": program.url}) as window:
        assert window.welcome["type"] == "welcome"


@pytest.mark.parametrize(
    ("body", "status", "says"),
    [
        ({"type": "asked"}, 422, "missing required field `text`"),
        ({"type": "aksed", "text": "x"}, 422, "Invalid value 'aksed'"),
        ({"text": "x"}, 422, "missing required field `type`"),
        ({"type": "asked", "text": 5}, 422, "$.text"),
        ({"type": "asked", "text": "x" * 30_000}, 413, "text: more than 20000 characters"),
        ({"type": "asked", "text": "x", "floor": "nowhere"}, 404, "there is no floor 'nowhere'"),
        ({"type": "gift", "viewer": {"id": 1}}, 422, "viewer.id"),
        ({"type": "asked", "text": "x", "id": "i" * 500}, 422, "id: must have"),
    ],
)
async def test_a_wrong_percept_is_refused_by_name(program: Marotte, body, status, says) -> None:
    code, answer = await program.post("/api/v1/percepts", body)
    assert code == status
    assert says in answer["detail"]


@pytest.mark.parametrize("data", [b"", b"{", b"[1]", b"\xff\xfe", b"[" * 20_000, b'"x"'])
async def test_a_body_that_is_no_object_is_refused(program: Marotte, data: bytes) -> None:
    async with program.request(
        "POST", "/api/v1/percepts", data=data, headers={"Content-Type": "application/json"}
    ) as response:
        assert response.status in (400, 422)


async def test_a_body_that_is_too_large_is_refused(program: Marotte) -> None:
    async with program.request("POST", "/api/v1/percepts", data=b"x" * 1_100_000) as response:
        assert response.status == 413

    async def endless() -> AsyncIterator[bytes]:
        for _ in range(40):
            yield b"x" * 50_000

    async with program.request("POST", "/api/v1/percepts", data=endless()) as response:
        assert response.status == 413
    assert (await program.get("/healthz"))["status"] == "alive"


@pytest.mark.parametrize(
    ("first", "code", "says"),
    [
        ("not json", 4400, "malformed"),
        ("{}", 4400, "missing required field"),
        ('{"type":"hello","version":2,"window":"talk"}', 4400, "speaks version 1, not 2"),
        ('{"type":"hello","version":1,"window":"kitchen"}', 4400, "$.window"),
        ('{"type":"hello","version":1,"window":"control"}', 4401, "token"),
        ('{"type":"hello","version":1,"window":"stage","token":"wrong"}', 4401, "token: wrong"),
        ('{"type":"hello","version":1,"window":"stage","floor":"private"}', 4404, "private floor"),
        ('{"type":"hello","version":1,"window":"talk","floor":"talk-9"}', 4401, "a guest has a private floor"),
    ],
)
async def test_a_wrong_hello_is_refused_by_name(program: Marotte, first: str, code: int, says: str) -> None:
    async with program.window(greet=False) as window:
        await window.socket.send_str(first)
        error = await window.until("error")
        assert says in error["message"]
        assert await window.closed() == code


async def test_a_window_that_says_nothing_is_shown_out(program: Marotte) -> None:
    async with program.window(greet=False) as window:
        assert "no hello came" in (await window.until("error"))["message"]
        assert await window.closed() == 4400


@pytest.mark.parametrize(
    ("frame", "says"),
    [
        ("nonsense", "not JSON"),
        ("[" * 5_000, "not JSON"),
        ("[]", "is no frame of this protocol"),
        ('{"type":"serve"}', "is no frame of this protocol"),
        ('{"type":"__class__"}', "is no frame of this protocol"),
        ('{"type":"text"}', "text: must be text"),
        (json.dumps({"type": "text", "text": "x" * 3_000}), "3000 characters are more than 2000"),
        ('{"type":"played","sample":"x"}', "sample: must be a number"),
        ('{"type":"played","sample":1e400}', "Number out of range"),
        ('{"type":"played","sample":true}', "sample: must be a number"),
        ('{"type":"text","text":"\\ud800 hi"}', "not JSON"),
        (b"no header", "there is no header line"),
        (b'{"type":"camera"}\nxx', "is no frame of this protocol"),
        (b'{"type":"microphone"}\nxxx', "no whole number of 16-bit samples"),
        (b"[1]\nxx", "no JSON object"),
    ],
)
async def test_a_wrong_frame_is_told_and_the_connection_goes_on(program: Marotte, frame, says: str) -> None:
    async with program.window(partner="frames") as window:
        await (window.socket.send_str(frame) if isinstance(frame, str) else window.socket.send_bytes(frame))
        assert says in (await window.until("error"))["message"]
        await window.send(type="ping", t=1)
        assert (await window.until("pong"))["t"] == 1


async def test_a_frame_that_is_too_large_closes_the_connection(program: Marotte) -> None:
    async with program.window(partner="large") as window:
        await window.socket.send_bytes(b'{"type":"microphone"}\n' + bytes(300_000))
        assert await window.closed() == 4413
    assert (await program.get("/healthz"))["status"] == "alive"


async def test_a_window_that_floods_is_told(program: Marotte) -> None:
    async with program.window(partner="flood") as window:

        async def flood() -> None:
            while True:
                await window.send(type="ping", t=1)
                await asyncio.sleep(0)

        flooding = asyncio.create_task(flood())
        try:
            assert "more than 100 frames a second" in (await window.until("error"))["message"]
        finally:
            flooding.cancel()


async def test_a_guest_on_the_public_floor_may_only_look(program: Marotte) -> None:
    async with program.window("talk", floor="public") as window:
        assert window.welcome["rights"] == "guest"
        for frame in ({"type": "text", "text": "hi"}, {"type": "stop"}, {"type": "press"}):
            await window.send(**frame)
            assert "only look and listen" in (await window.until("error"))["message"]


async def test_a_window_that_leaves_at_once_leaves_no_floor_behind(tmp_path: Path) -> None:
    async with marotte(tmp_path, SHOW, TESTS_KEEP_SESSIONS="1") as program:
        for n in range(5):
            async with program.window(greet=False) as window:
                await window.socket.send_json({"type": "hello", "version": 1, "window": "talk", "partner": f"gone {n}"})

        def opened() -> int:
            (log,) = (program.data / "runs").glob("*.jsonl")
            return log.read_bytes().count(b'"is":"opened"')

        async def empty() -> bool:
            return [floor["name"] for floor in await program.get("/api/v1/floors")] == ["public"]

        await until(lambda: opened() == 5, "a floor for each of them")
        await until(empty, "the end of the last private floor")


async def test_a_window_whose_line_died_silently_comes_back_where_it_was(program: Marotte) -> None:
    async with program.window(partner="lost") as lost:
        session, floor = lost.welcome["session"], lost.welcome["floor"]
        await lost.send(type="text", text="Who are you?")
        await lost.event("turn_ended")
        resume = {"session": session, "seq": lost.welcome["seq"]}
        async with program.window(partner="lost", resume=resume) as back:
            assert (back.welcome["session"], back.welcome["floor"]) == (session, floor)
            assert back.welcome["resumed"]
            await back.event("turn_ended")  # which the other was told, for all that the program knows
            assert await lost.closed() == 4409
            # What the other leaves behind must not take anything from the one that is there now.
            await back.send(type="text", text="And who am I?")
            await back.event("turn_started")
            await back.event("turn_ended")
            resume["seq"] = back.seq
            async with (
                program.window(partner="lost", resume=resume) as one,
                program.window(partner="lost", resume=resume) as other,
            ):
                assert other.welcome["session"] == session
                assert await one.closed() == 4409
                assert await back.closed() == 4409


async def test_a_session_is_taken_over_by_nobody_else(program: Marotte) -> None:
    async with program.window(partner="mine") as mine:
        resume = {"session": mine.welcome["session"], "seq": 0}
        async with program.window(partner="theirs", resume=resume, token=await _issued(program)) as theirs:
            assert theirs.welcome["session"] != mine.welcome["session"]
            assert not theirs.welcome["resumed"]
            await mine.send(type="ping", t=1)
            await mine.until("pong")


async def test_private_floors_are_limited(tmp_path: Path) -> None:
    async with (
        marotte(tmp_path, SHOW.replace("partners = 60", "partners = 2\nwaiting = 0")) as program,
        program.window(partner="one") as one,
        program.window(partner="two"),
        program.window(partner="three") as three,
        program.window(partner="one") as again,
    ):
        assert (three.welcome["code"], three.welcome["retry_after"]) == ("full", 60)
        assert await three.closed() == 4429
        assert again.welcome["floor"] == one.welcome["floor"], "the same partner has the same floor"


async def test_who_finds_all_floors_taken_waits_in_order_and_is_told_how_long(tmp_path: Path) -> None:
    async with (
        marotte(tmp_path, SHOW.replace("partners = 60", "partners = 1\nwaiting = 2")) as program,
        program.window(partner="one", token=await _issued(program)) as one,
        program.window(greet=False) as two,
        program.window(greet=False) as three,
        program.window(greet=False) as four,
    ):
        hello = {"type": "hello", "version": 1, "window": "talk"}
        await two.send(**hello)
        assert await two.until("waiting") == {"type": "waiting", "place": 1, "seconds": None}
        await three.send(**hello, partner="three")
        assert (await three.until("waiting"))["place"] == 2
        await four.send(**hello)
        assert (await four.until("waiting", "error"))["code"] == "full"
        assert await four.closed() == 4429
        async with program.request("GET", "/metrics") as response:
            assert "marotte_waiting 2.0" in await response.text()
        assert await program.get("/api/v1/waiting") == {"waiting": 2, "seconds": None}
        (issued,) = [t for t in await program.get("/api/v1/tokens") if t["name"] == "a partner"]
        async with program.request("DELETE", f"/api/v1/tokens/{issued['id']}") as response:
            assert response.status == 204
        assert await one.closed() == 4401
        assert (await two.until("welcome"))["floor"] != one.welcome["floor"]
        while (told := await three.until("waiting"))["place"] != 1:
            pass
        assert told["seconds"] >= 0
        await two.send(type="text", text="Who are you?")
        assert (await two.event("turn_ended"))["ending"]["state"] == "done"


async def _issued(program: Marotte) -> str:
    code, answer = await program.post("/api/v1/tokens", {"name": "a partner", "role": "viewer"})
    assert code in (200, 201)
    return answer["token"]


async def test_a_button_elsewhere_presses_a_windows_microphone(program: Marotte) -> None:
    async with program.window(partner="deck") as window:
        floor = window.welcome["floor"]
        code, answer = await program.post(f"/api/v1/floors/{floor}/press")
        assert code == 409
        assert "nobody has a microphone" in answer["detail"]
        await window.send(type="microphone", on=True)
        await window.send(type="ping", t=1)
        await window.until("pong")
        for order in ("press", "press", "release", "release"):
            assert (await program.post(f"/api/v1/floors/{floor}/{order}"))[0] == 204
        assert [(await window.until("press", "release"))["type"] for _ in range(3)] == ["press", "press", "release"]
        await window.send(type="microphone", on=False)
        await window.send(type="ping", t=2)
        await window.until("pong")
        assert (await program.post(f"/api/v1/floors/{floor}/release"))[0] == 409
    assert (await program.post("/api/v1/floors/nowhere/press"))[0] == 404


async def test_what_a_browser_recognises_itself_is_said_once(program: Marotte) -> None:
    async with program.window(partner="web speech") as window:
        await window.send(type="press")
        await window.send(type="transcript", text="who are", final=False)
        await window.send(type="release")
        await window.send(type="transcript", text="Who are you?", final=True)
        await window.event("turn_ended")
        told = [(e["text"], e["ear"]) for e in window.events if e["type"] == "transcript" and e["final"]]
        assert told == [("Who are you?", "browser")]


async def test_while_the_browser_reads_the_sound_tells_only_that_somebody_speaks(program: Marotte) -> None:
    with wave.open(str(KENNEDY)) as recording:
        speech = recording.readframes(2 * 16_000)
    async with program.window(partner="web speech with sound") as window:
        await window.send(type="reads", on=True)
        await window.send(type="press")
        await window.socket.send_bytes(b'{"type":"microphone"}\n' + speech)
        assert (await window.event("onset", "transcript"))["type"] == "onset"
        await window.send(type="transcript", text="Who are you?", final=True)
        await window.send(type="release")
        await window.event("turn_ended")
        told = [e["text"] for e in window.events if e["type"] == "transcript" and e["final"]]
        assert told == ["Who are you?"]


@pytest.mark.parametrize(
    ("path", "body", "where"),
    [
        ("mutes", '{"what": "lane", "name": "x", "seconds": NaN}', "seconds"),
        ("mutes", '{"what": "lane", "name": "x", "seconds": Infinity}', "seconds"),
        ("mutes", '{"what": "lane", "name": "\\ud800"}', "name"),
        ("verdicts/try", '{"text": "\\udc00"}', "text"),
        ("percepts", '{"type": "asked", "text": "\\ud800"}', "surrogates not allowed"),
    ],
)
async def test_what_no_json_can_hold_is_told_as_a_mistake(program: Marotte, path: str, body: str, where: str) -> None:
    async with program.request(
        "POST", f"/api/v1/{path}", data=body, headers={"content-type": "application/json"}
    ) as got:
        assert got.status == 422
        assert where in await got.text()


async def test_a_new_name_is_that_of_what_is_spoken_too(program: Marotte) -> None:
    async with program.window(partner="a newcomer") as window:
        names: list[str] = []
        for name in ("", "Ada"):
            await window.send(type="name", name=name)
            await window.send(type="transcript", text="Who are you?", final=True)
            names.append((await window.event("turn_started"))["who"])
            await window.event("turn_ended")
        assert names == ["", "Ada"]


async def test_a_window_that_comes_back_has_the_last_word_on_its_floors_language(program: Marotte) -> None:
    async def spoken() -> str:
        (floor,) = [each for each in await program.get("/api/v1/floors") if each["name"] == name]
        return floor["language"]

    async with program.window(partner="a traveller", language="en") as window:
        name, session = window.welcome["floor"], window.welcome["session"]
    async with program.window(partner="a traveller", language="ja", resume={"session": session, "seq": 0}) as window:
        assert window.welcome["resumed"]
        assert await spoken() == "ja"
    async with program.window(partner="a traveller", language="fr-CA") as window:
        assert window.welcome["floor"] == name
        assert await spoken() == "fr"


async def test_a_window_that_does_not_read_loses_events_and_slows_nobody(program: Marotte) -> None:
    async with program.window("stage", floor="public", token=TOKEN) as slow:
        await slow.send(type="sound", on=True)
        code, answer = await program.post(
            "/api/v1/percepts?wait=90", {"type": "asked", "verbatim": True, "text": "Nobody waits for a slow window."}
        )
        assert (code, answer["turn"]["state"]) == (202, "done")


async def test_the_tokens_are_for_the_owner_alone(program: Marotte) -> None:
    mode = stat.S_IMODE(os.stat(program.data / "capture.token").st_mode)
    assert mode == 0o600
    assert TOKEN not in program.output()


async def test_metrics_tell_of_turns_and_refusals(program: Marotte) -> None:
    async with program.request("GET", "/api/v1/turns", headers={"Authorization": "Bearer wrong"}) as response:
        assert response.status == 401
    await program.post("/api/v1/percepts?wait=90", {"type": "asked", "verbatim": True, "text": "Count me."})
    async with program.request("GET", "/metrics") as response:
        text = await response.text()
    for name in (
        'marotte_turns_total{lane="operator",state="done"}',
        'marotte_turn_stage_seconds_bucket{le="0.25",stage="first_line"}',
        'marotte_refused_total{reason="token"}',
        "marotte_event_loop_lag_seconds_count",
        'marotte_engine_used_total{engine="espeak",kind="voice",unit="characters"}',
        'marotte_queue_depth{floor="public",lane="chat"}',
    ):
        assert name in text


async def test_head_tells_what_get_would_without_its_body(program: Marotte) -> None:
    for path in ("/healthz", "/metrics", "/talk", "/", "/api/v1/queue", "/api/v1/nothing"):
        async with program.request("GET", path, allow_redirects=False) as get:
            pass
        async with program.request("HEAD", path, allow_redirects=False) as head:
            assert (head.status, await head.read()) == (get.status, b"")
            assert head.headers.get("content-type") == get.headers.get("content-type")


async def test_a_stopped_line_can_be_released_and_the_queue_skipped(program: Marotte) -> None:
    async with program.window("control", token=TOKEN) as control:
        await program.post("/api/v1/percepts", {"type": "asked", "verbatim": True, "text": f"Say xyzzy {LONG}."})
        stopped = await control.event("line_stopped")
        assert (await program.get("/api/v1/stopped"))[0]["line"] == stopped["line"]
        assert (await program.post(f"/api/v1/stopped/{stopped['line']}/release"))[0] == 204
        assert (await program.post(f"/api/v1/stopped/{stopped['line']}/release"))[0] == 410
        while "xyzzy" not in (await control.event("line_started"))["spoken"]:
            pass
        for text in (LONG, LONG, LONG, "Waiting in the wings."):
            await program.post("/api/v1/percepts", {"type": "asked", "verbatim": True, "text": text})
        waiting = await program.get("/api/v1/queue")
        assert waiting[-1]["why"]
        for entry in reversed(waiting):  # the first of them may begin meanwhile, where this machine stalls
            async with program.request("DELETE", f"/api/v1/queue/{entry['percept']}") as response:
                assert response.status == 204 or entry is not waiting[-1]
        assert (await program.post("/api/v1/floors/public/stop"))[0] == 204


async def test_unknown_paths_are_not_the_application(program: Marotte) -> None:
    for path in (
        "/api/v1/nothing",
        "/api/",
        "/assets/nothing.js",
        "/../../etc/passwd",
        "/%2e%2e/%2e%2e/etc/passwd",
        "/%00",
    ):
        async with program.request("GET", path) as response:
            assert response.status == 404, path
            assert "root:" not in await response.text()


async def test_another_address_needs_a_token_for_everything(tmp_path: Path) -> None:
    async with marotte(tmp_path, SHOW.replace("[gateway]", '[gateway]\nhost = "0.0.0.0"')) as program:
        async with program.request("GET", "/api/v1/turns", headers={"Authorization": ""}) as response:
            assert response.status == 401
        async with program.window("talk") as window:
            assert window.welcome["code"] == "token"
        capture = (program.data / "capture.token").read_text().strip()
        async with program.window("stage", token=capture) as window:
            assert window.welcome["rights"] == "viewer"
            await window.send(type="stop")
            assert "only look and listen" in (await window.until("error"))["message"]


async def test_tokens_are_issued_and_revoked_from_the_command_line(tmp_path: Path) -> None:
    async def order(*arguments: str) -> tuple[int, str]:
        done = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "marotte", "token", *arguments),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            env={**os.environ, "MAROTTE_DATA_DIR": str(tmp_path / "data"), "MAROTTE_TOKEN": TOKEN},
        )
        said, _ = await done.communicate()
        return done.returncode or 0, said.decode().strip()

    (tmp_path / "data").mkdir()
    assert (await order("list"))[1].split() == ["ID", "ROLE", "CREATED", "LAST", "USED", "NAME"]
    code, early = await order("new", "Ada's phone", "--role", "moderator")
    assert code == 0
    async with marotte(tmp_path, SHOW) as program:
        async with program.window("control", token=early) as window:
            assert window.welcome["rights"] == "moderator"
            code, late = await order("new", "screen")
            assert code == 0
            assert await order("new", "screen") == (
                3,
                "marotte: there is a token called 'screen' already; revoke it or take another name",
            )
            ada, screen = (line.split() for line in (await order("list"))[1].splitlines()[1:])
            assert (ada[1], ada[-2:], screen[1], screen[-1]) == ("moderator", ["Ada's", "phone"], "viewer", "screen")
            assert await order("revoke", ada[0]) == (0, "")
            assert await window.closed() == 4401
        async with program.window("stage", token=late) as window:
            assert window.welcome["rights"] == "viewer"
    assert await order("revoke", ada[0]) == (3, f"marotte: there is no token {ada[0]!r}")
    assert await order("revoke", screen[0]) == (0, "")


async def test_it_says_what_is_in_the_way(tmp_path: Path) -> None:
    async with marotte(tmp_path, SHOW) as program:
        port = program.url.rsplit(":", 1)[1]
        other = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "marotte", "run", "--port", port, "--no-browser"),
            stderr=asyncio.subprocess.PIPE,
            env={**os.environ, "MAROTTE_DATA_DIR": str(tmp_path / "other")},
        )
        _, error = await other.communicate()
        assert other.returncode == 3
        assert f"127.0.0.1:{port}: Address already in use; choose another with --port" in error.decode()
