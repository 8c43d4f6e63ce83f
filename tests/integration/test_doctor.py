"""The doctor: what it finds on a machine that is well and on one that is not, and that it never hangs."""

import asyncio
import json
import os
import socket
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import msgspec
import pytest

from marotte import config
from marotte.engines import registry
from marotte.ops import keeping, machine, measures
from marotte.ops.doctor import Patient, examine
from marotte.ops.findings import Check, Report
from marotte.ops.reach import reach
from tests.integration.test_cli import run
from tests.servers.marotte import marotte
from tests.servers.openai import OpenAIServer, Script
from tests.waiting import PATIENCE

pytestmark = pytest.mark.anyio
QUIET = "[attention]\nlull_after = 0\n[brain]\ndiscover = false\n"


def found(report: Report) -> dict[str, dict[str, Check]]:
    return {section.name.split(",")[0]: {check.name: check for check in section.checks} for section in report.sections}


def figures(check: Check) -> dict[str, float]:
    return {figure.name: figure.value for figure in check.figures}


def doctor(folder: Path, *arguments: str, **environment: str) -> tuple[int, dict[str, dict[str, Check]], Report]:
    done = run("doctor", "--json", *arguments, folder=folder, **environment)
    report = msgspec.json.decode(done.stdout, type=Report)
    return done.returncode, found(report), report


async def looked_at(text: str, folder: Path, **more: Any) -> dict[str, dict[str, Check]]:
    show = config.parse(text)
    kit = registry.kit(show, {})
    try:
        return found(await examine(Patient(show=show, kit=kit, data=folder / "data", windows=folder), **more))
    finally:
        await kit.close()


@asynccontextmanager
async def listening(answer: bytes = b"") -> AsyncIterator[int]:
    """A server that takes every connection and never says more than ``answer``."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(answer)
        with suppress(ConnectionError):
            await reader.read()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


def test_every_engine_of_a_show_is_measured(tmp_path: Path) -> None:
    (tmp_path / "show.toml").write_text("[gateway]\nport = 0\n")
    code, sections, report = doctor(tmp_path)
    assert (code, report.well, report.quick) == (0, True, False)
    assert figures(sections["voices"]["espeak"]).keys() == {"first sound", "real-time factor", "start", "memory"}
    assert 1 < figures(sections["voices"]["espeak"])["memory"] < 500
    assert figures(sections["brains"]["improviser"])["first word"] >= 0
    ear = sections["ears"]["pocketsphinx"]
    assert ear.detail == "heard 'tell me a joke'"
    assert figures(ear)["memory"] > 20
    eye = sections["eyes"]["opencv"]
    assert eye.detail.startswith("saw 'It is dazzlingly bright, and no face is to be seen.")
    assert figures(eye).keys() == {"description", "start", "memory"}
    limits = {figure.name: figure.limit for check in sections["voices"].values() for figure in check.figures}
    assert (limits["first sound"], limits["real-time factor"]) == (300, 1)
    assert sections["program"]["extra embedded"].detail.startswith("espeakng-loader ")
    assert not (tmp_path / "data").exists(), "to look must leave nothing behind"


def test_quick_measures_nothing(tmp_path: Path) -> None:
    text = '[gateway]\nport = 0\n[irc.x]\nhost = "irc.invalid"\n'
    (tmp_path / "other.toml").write_text(text)
    code, sections, report = doctor(tmp_path, "other.toml", "--quick")
    assert (code, report.quick) == (0, True)
    assert sections["voices"]["espeak"].detail == "installed, not measured"
    assert sections["links"].keys() == {"irc x"}
    assert sections["configuration"]["show"].detail.endswith("other.toml")


def test_servers_of_tools_are_looked_at(tmp_path: Path) -> None:
    (tmp_path / "show.toml").write_text(
        '[gateway]\nport = 0\n[tools.mcp.a]\ncommand = ["no-such-program"]\n'
        '[tools.mcp.b]\nurl = "http://127.0.0.1:9/mcp"\nsecret = "LAMP_TOKEN"\n'
        '[tools.mcp.c]\ncommand = ["sh"]\n'
    )
    code, sections, _ = doctor(tmp_path, "--quick")
    links = sections["links"]
    assert code == 1
    assert links["mcp a"].remedy == "install no-such-program, or write where it lies"
    assert links["mcp b"].remedy == "set LAMP_TOKEN in the environment or in .env"
    assert (links["mcp c"].state, links["mcp c"].remedy) == ("ok", "")


def test_platforms_are_looked_at(tmp_path: Path) -> None:
    mine = "abcdefghij0123456789"
    (tmp_path / "show.toml").write_text(
        '[gateway]\nport = 0\n[twitch]\nchannel = "pip"\n[tiktok]\nuser = "@pip"\n[discord]\n'
        f'[youtube]\nclient_id = "{mine}"\nsecret = "MINE_SECRET"\n'
    )
    code, sections, _ = doctor(tmp_path, "--quick")
    links = sections["links"]
    assert (code, links.keys()) == (1, {"twitch", "youtube", "tiktok", "discord"})
    assert links["twitch"].state == "warn"
    assert links["twitch"].detail == "nobody is signed in: the chat of #pip is only read"
    assert links["twitch"].remedy == "set client_id in [twitch], then sign in: marotte login twitch"
    assert (links["youtube"].state, links["youtube"].remedy) == ("bad", "set MINE_SECRET in the environment or in .env")
    assert links["tiktok"].state == "ok"
    assert links["discord"].remedy == "set DISCORD_TOKEN in the environment or in .env"
    tokens = tmp_path / "data" / "tokens"
    tokens.mkdir(parents=True)
    for name in ("twitch", "youtube"):
        (tokens / f"{name}.json").write_text('{"access": "x"}')
    (tmp_path / ".env").write_text("MINE_SECRET=0123456789\nDISCORD_TOKEN=0123456789\n")
    (tmp_path / "show.toml").write_text(
        f'[gateway]\nport = 0\n[twitch]\nclient_id = "{mine}"\n[discord]\n'
        f'[youtube]\nclient_id = "{mine}"\nsecret = "MINE_SECRET"\n'
    )
    code, sections, _ = doctor(tmp_path, "--quick")
    assert (code, {check.state for check in sections["links"].values()}) == (0, {"ok"})


def test_engines_alone_are_measured_thoroughly(tmp_path: Path) -> None:
    (tmp_path / "show.toml").write_text("[gateway]\nport = 0\n")
    code, sections, report = doctor(tmp_path, "--engines")
    assert (code, report.well) == (0, True)
    assert sections.keys() == {"program", "configuration", "voices", "brains", "ears", "eyes"}
    thorough = {"real-time factor", "slowest", "first time", "start"}
    assert figures(sections["voices"]["espeak"]).keys() == {"first sound", "memory", *thorough}
    assert figures(sections["brains"]["improviser"]).keys() == {"first word", "memory here", *thorough}
    assert figures(sections["ears"]["pocketsphinx"]).keys() == {"recognition", "memory", *thorough}
    assert figures(sections["eyes"]["opencv"]).keys() == {"description", "memory", *thorough} - {"real-time factor"}


async def test_servers_are_asked_several_times_and_told_where_they_are_not_there(tmp_path: Path) -> None:
    async with OpenAIServer(Script(key="")) as server:
        text = (
            f'[voice]\nchain = ["openai", "melotts"]\n[voice.openai]\nurl = "{server.url}"\n'
            '[voice.melotts]\nurl = "http://127.0.0.1:9"\n[gateway]\nport = 0\n'
        )
        sections = await looked_at(text, tmp_path, thorough=True)
        asked = [request for request in server.requests if request.route == "speech"]
    assert len(asked) == measures.THOROUGH + 1, "and once for the ears"
    assert "memory here" in figures(sections["voices"]["openai"])
    there = sections["voices"]["melotts"]
    assert (there.state, there.figures, "cannot be reached" in there.detail) == ("warn", (), True)
    assert there.remedy == "start that server, or correct url in its table; until then its understudy serves"


def test_a_wrong_show_is_told_and_the_machine_is_examined_all_the_same(tmp_path: Path) -> None:
    (tmp_path / "show.toml").write_text("[character]\nnaem = 1\n[voice]\nrset = 2\n")
    code, sections, report = doctor(tmp_path)
    assert (code, report.well) == (2, False)
    assert "show.toml:2: character.naem: there is no such key" in report.sections[1].checks[0].detail
    assert len(report.sections[1].checks) == 2
    assert all(check.state == "bad" for check in report.sections[1].checks)
    assert "voices" not in sections
    assert sections["machine"]["disk"].figures


def test_lines_to_read_name_remedy_and_limit(tmp_path: Path) -> None:
    (tmp_path / "show.toml").write_text('[gateway]\nport = 0\n[voice]\nchain = ["nobody"]\n')
    done = run("doctor", "--quick", folder=tmp_path)
    assert done.returncode == 1
    assert "✗ chain: " in done.stdout
    assert "there is no voice called 'nobody'" in done.stdout
    assert "✓ Python: 3." in done.stdout


async def test_an_engine_that_hangs_costs_its_deadline_and_no_more(tmp_path: Path) -> None:
    async with listening() as port:
        hole = f'engine = "openai"\nurl = "http://127.0.0.1:{port}/v1"\nfirst_within = 0.3\nnext_within = 0.2\n'
        text = "".join(
            f'[{table}]\nchain = ["hole"]\n[{table}.hole]\n{hole}' for table in ("voice", "brain", "hearing", "sight")
        )
        async with asyncio.timeout(4 * PATIENCE):
            sections = await looked_at(f"[gateway]\nport = 0\n{text}", tmp_path)
    understudies = {"voices": "espeak", "brains": "improviser", "ears": "pocketsphinx", "eyes": "opencv"}
    for kind, understudy in understudies.items():
        hanging = sections[kind]["hole"]
        assert (hanging.state, "within 0.5 s" in hanging.detail) == ("warn", True), hanging
        assert hanging.remedy
        assert sections[kind][understudy].figures, "the next is measured all the same"


async def test_links_are_reached_for(tmp_path: Path) -> None:
    async with listening(b"NOTICE * :hello\r\n") as port:
        up = await reach("up", "127.0.0.1", port)
    assert (up.state, set(figures(up))) == ("ok", {"name", "connection"})
    down = await reach("down", "127.0.0.1", port)
    assert (down.state, "Connection refused" in down.detail, bool(down.remedy)) == ("bad", True, True)
    nowhere = await reach("nowhere", "no-such-host.invalid", 6697)
    assert (nowhere.state, "no-such-host.invalid" in nowhere.detail) == ("bad", True)


async def test_a_name_that_is_never_answered_has_a_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    from marotte.ops import reach as module

    answered = __import__("threading").Event()
    monkeypatch.setattr(module.socket, "getaddrinfo", lambda *_, **__: answered.wait())
    monkeypatch.setattr(module, "_WITHIN", 0.1)
    try:
        silent = await reach("silent", "slow.example", 6697)
    finally:
        answered.set()
    assert (silent.state, "no answer within 0.1 s" in silent.detail) == ("bad", True)


async def test_a_port_that_somebody_else_has_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        number = taken.getsockname()[1]
        foreign = machine.port("127.0.0.1", number, "http://127.0.0.1:1")
        own = machine.port("127.0.0.1", number, f"http://127.0.0.1:{number}")
    assert (foreign.state, foreign.detail) == ("bad", "another program listens there")
    assert (own.state, "our own run" in own.detail) == ("ok", True)


def test_a_data_folder_that_is_a_file_is_told(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("")
    for place in (tmp_path / "data", tmp_path / "data" / "below"):
        found = keeping.folder(place)
        assert (found.state, found.detail) == ("bad", f"{tmp_path / 'data'} is no folder")
    assert keeping.folder(tmp_path / "new").state == "ok"


def test_tokens_that_others_can_read_are_told(tmp_path: Path) -> None:
    for name, text, mode in (("operator", "x" * 32, 0o644), ("capture", "short", 0o600), ("other", "x" * 32, 0o600)):
        (tmp_path / f"{name}.token").write_text(text)
        (tmp_path / f"{name}.token").chmod(mode)
    checks = {check.name: check for check in keeping.tokens(tmp_path)}
    assert checks["operator.token"].state == "bad"
    assert "chmod 600" in checks["operator.token"].remedy
    assert (checks["capture.token"].state, "shorter" in checks["capture.token"].detail) == ("bad", True)
    assert checks["other.token"].state == "ok"
    assert "xxxx" not in str(checks)


@pytest.mark.parametrize(
    ("rows", "state", "says"),
    [("9999", "bad", "newer than"), ("0000", "ok", "brought to"), (None, "ok", "made at the first run")],
)
async def test_the_schema_is_looked_at_and_left_alone(tmp_path: Path, rows: str | None, state: str, says: str) -> None:
    file = tmp_path / "marotte.sqlite"
    if rows is not None:
        with sqlite3.connect(file) as connection:
            connection.execute("CREATE TABLE alembic_version (version_num TEXT)")
            connection.execute("INSERT INTO alembic_version VALUES (?)", (rows,))
        connection.close()
    before = file.read_bytes() if rows else b""
    check = await keeping.database("", tmp_path)
    assert (check.state, says in check.detail) == (state, True), check
    assert (file.read_bytes() if file.exists() else b"") == before


async def test_a_damaged_database_is_told(tmp_path: Path) -> None:
    (tmp_path / "marotte.sqlite").write_bytes(b"no database at all" * 100)
    check = await keeping.database("", tmp_path)
    assert (check.state, "damaged" in check.detail) == ("bad", True)
    check = await keeping.database("postgresql://127.0.0.1:1/nobody", tmp_path)
    assert (check.state, "cannot be reached" in check.detail) == ("bad", True)


def test_a_font_that_is_missing_is_told(tmp_path: Path) -> None:
    assert machine.windows(tmp_path)[0].state == "warn"
    (tmp_path / "assets").mkdir()
    (tmp_path / "index.html").write_text("<!doctype html>")
    face = "@font-face{font-family:%s Variable;src:url(/assets/%s.woff2)format('woff2')}"
    names = (("Inter", "inter"), ("Noto Sans JP", "jp"))
    (tmp_path / "assets" / "x.css").write_text("".join(face % pair for pair in names))
    (tmp_path / "assets" / "inter.woff2").write_bytes(b"wOF2....")
    checks = {check.name: (check.state, check.detail) for check in machine.windows(tmp_path)}
    assert checks["Inter"] == ("ok", "1 files")
    assert checks["Noto Sans JP"] == ("warn", "1 of 1 files are missing or damaged")
    assert checks["Noto Sans SC"] == ("warn", "not in the windows")


async def test_the_run_is_examined_without_its_chains_noticing(tmp_path: Path) -> None:
    async with marotte(tmp_path, QUIET) as program:
        (program.folder / "data" / "operator.token").write_text("x" * 32)
        (program.folder / "data" / "operator.token").chmod(0o600)
        before = await program.get("/api/v1/engines")
        async with program.request("GET", "/api/v1/doctor", headers={"Authorization": ""}) as response:
            assert response.status == 401
        answer = await program.get("/api/v1/doctor")
        sections = found(msgspec.json.decode(json.dumps(answer), type=Report))
        assert await program.get("/api/v1/engines") == before
        assert {m["state"] for m in before} == {"ready"}
        for kind, name in (("voices", "espeak"), ("brains", "improviser"), ("ears", "pocketsphinx")):
            assert sections[kind][name].figures
        assert sections["data"]["database"].state == "ok"
        assert sections["machine"]["port 8765"]
        assert (await program.get("/api/v1/doctor?quick=true"))["quick"]
        # The command finds the run's folder as well, and agrees.
        there = {"MAROTTE_DATA_DIR": str(program.data), "PATH": os.environ["PATH"]}
        code, sections, _ = await asyncio.to_thread(doctor, tmp_path, "--quick", **there)
        assert sections["data"]["operator.token"].detail == "read by its owner alone"
        assert code in (0, 1)  # 8765 may be another program's on the machine that tests
