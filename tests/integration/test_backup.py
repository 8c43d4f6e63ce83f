"""Backup and restore: whole while a run writes, checked before anything is replaced, and hostile archives refused."""

# ruff: noqa: ASYNC240 (a test may wait for its own few files)

import asyncio
import io
import json
import os
import sqlite3
import stat
import subprocess
import sys
import zipfile
from collections.abc import Callable
from contextlib import closing
from hashlib import sha256
from pathlib import Path

import aiohttp
import pytest

from marotte.events import Viewer
from marotte.gateway.running import alone
from marotte.store import Store, backup
from marotte.store.backup import BackupError
from marotte.store.schema import config
from marotte.store.tables import HEAD
from marotte.time import Clock
from tests.servers.marotte import marotte

pytestmark = pytest.mark.anyio
QUIET = "[attention]\nlull_after = 0\n[brain]\ndiscover = false\n"


@pytest.fixture
def database(tmp_path: Path) -> Path:
    (tmp_path / "data").mkdir()
    return tmp_path / "data" / "marotte.sqlite"


async def remember(database: Path, *said: str) -> None:
    store = await Store.open(f"sqlite:///{database}", Clock())
    store.seen_viewer(Viewer(id="irc:x/ada", name="Ada"), 1.0)
    for text in said:
        await store.add_fact("irc:x/ada", "public", "note", text, source="p1", quote=text)
    await store.close()


async def remembered(database: Path, query: str = "") -> list[str]:
    store = await Store.open(f"sqlite:///{database}", Clock())
    _, facts = await store.find_facts(query)
    await store.close()
    return [fact.text for fact in facts]


async def restore(archive: Path, database: Path) -> None:
    with archive.open("rb") as file:
        await backup.stage(file, archive.name, database)


def repacked(archive: Path, change: Callable[[dict[str, bytes]], object], *, rehash: bool = True) -> Path:
    """An archive with other contents, whose manifest says that all is well."""
    with zipfile.ZipFile(archive) as zipped:
        contents = {name: zipped.read(name) for name in zipped.namelist()}
    change(contents)
    if rehash:
        rows = contents["marotte.sqlite"]
        manifest = json.loads(contents["manifest.json"]) | {"sha256": sha256(rows).hexdigest(), "size": len(rows)}
        contents["manifest.json"] = json.dumps(manifest).encode()
    other = archive.with_name("other.zip")
    with zipfile.ZipFile(other, "w", zipfile.ZIP_DEFLATED) as zipped:
        for name, content in contents.items():
            zipped.writestr(name, content)
    return other


def sql(contents: dict[str, bytes], *statements: str) -> None:
    """Carry out SQL in the database of an archive."""
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.deserialize(contents["marotte.sqlite"])
        for statement in statements:
            connection.execute(statement)
        connection.commit()
        contents["marotte.sqlite"] = connection.serialize()


@pytest.fixture
async def archive(database: Path, tmp_path: Path) -> Path:
    """A backup of a database that remembers tea."""
    await remember(database, "Ada likes tea.")
    show = tmp_path / "show.toml"
    show.write_text('name = "Tea"\n')
    await asyncio.to_thread(backup.back_up, database, tmp_path / "tea.zip", show)
    return tmp_path / "tea.zip"


# --- what is whole


async def test_what_was_backed_up_comes_back_and_what_was_there_is_kept(archive: Path, database: Path) -> None:
    assert stat.S_IMODE(archive.stat().st_mode) == 0o600
    await remember(database, "Ada likes rain.")
    await restore(archive, database)
    with closing(sqlite3.connect(database)) as rows:
        assert rows.execute("SELECT count(*) FROM facts").fetchone() == (2,), "nothing changes before it is taken"
    assert backup.is_staged(database)
    assert await remembered(database) == ["Ada likes tea."]
    assert await remembered(database, "tea") == ["Ada likes tea."]
    assert not backup.is_staged(database)
    (replaced,) = database.parent.glob("*.replaced-*")
    with closing(sqlite3.connect(replaced)) as rows:
        assert rows.execute("SELECT count(*) FROM facts").fetchone() == (2,)
    assert {stat.S_IMODE(file.stat().st_mode) for file in database.parent.iterdir()} == {0o600}
    with archive.open("rb") as file:
        assert backup.show_in(file) == b'name = "Tea"\n'


async def test_a_backup_made_while_rows_are_written_is_whole(database: Path, tmp_path: Path) -> None:
    store = await Store.open(f"sqlite:///{database}", Clock())
    made = asyncio.create_task(asyncio.to_thread(backup.back_up, database, tmp_path / "x.zip"))
    for number in range(20):
        await store.add_fact("v", "public", "note", f"fact {number}", source="p", quote="q")
    await made
    await store.close()
    await restore(tmp_path / "x.zip", database)


async def test_a_backup_takes_no_other_files_place(archive: Path, database: Path, tmp_path: Path) -> None:
    before = archive.read_bytes()
    with pytest.raises(BackupError, match=r"tea\.zip: is there already"):
        backup.back_up(database, archive)
    assert archive.read_bytes() == before
    with pytest.raises(BackupError, match="there is no database yet"):
        backup.back_up(tmp_path / "nothing.sqlite", tmp_path / "new.zip")
    with pytest.raises(BackupError, match="no such file or folder"):
        backup.back_up(database, tmp_path / "no" / "folder.zip")
    assert sorted(file.name for file in tmp_path.iterdir()) == ["data", "show.toml", "tea.zip"]


async def test_only_so_many_replaced_databases_are_kept(archive: Path, database: Path) -> None:
    for _ in range(backup.KEPT + 2):
        await restore(archive, database)
        backup.take(database)
    assert len(list(database.parent.glob("*.replaced-*"))) == backup.KEPT
    assert backup.take(database) is None


async def test_taking_goes_on_after_a_crash_in_its_middle(archive: Path, database: Path) -> None:
    await restore(archive, database)
    database.rename(f"{database}.replaced-20260101-000000-000")
    assert await remembered(database) == ["Ada likes tea."]


async def test_a_damaged_database_gives_way_and_is_kept(archive: Path, database: Path) -> None:
    await restore(archive, database)
    database.write_bytes(b"no database at all")
    assert await remembered(database) == ["Ada likes tea."]
    (replaced,) = database.parent.glob("*.replaced-*")
    assert replaced.read_bytes() == b"no database at all"


async def test_a_backup_of_the_first_schema_is_brought_up(archive: Path, database: Path) -> None:
    def first(contents: dict[str, bytes]) -> None:
        from alembic import command
        from sqlalchemy import create_engine

        old = database.with_name("old.sqlite")
        with create_engine(f"sqlite:///{old}").begin() as connection:
            settings = config()
            settings.attributes["connection"] = connection
            command.upgrade(settings, "0001")
        with closing(sqlite3.connect(old)) as rows:
            rows.execute(
                "INSERT INTO facts VALUES (1, 'v', 'public', 'note', 'An old fact.', 'p', 'q', 'old fact', 1.0)"
            )
            rows.commit()
        contents["marotte.sqlite"] = old.read_bytes()
        contents["manifest.json"] = contents["manifest.json"].replace(HEAD.encode(), b"0001")
        old.unlink()

    await restore(repacked(archive, first), database)
    assert await remembered(database, "old") == ["An old fact."]


# --- what is refused

TRIGGER = "CREATE TRIGGER spy AFTER INSERT ON facts BEGIN DELETE FROM viewers; END"


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda c: c.update({"../../evil.sh": b"x"}), "holds '../../evil.sh'"),
        (lambda c: c.update({"/etc/passwd": b"x"}), "holds '/etc/passwd'"),
        (lambda c: c.update({"marotte.sqlite-wal": b"x"}), "which no backup of ours does"),
        (lambda c: c.update({"show.toml": b"x" * 1_100_000}), "show.toml is larger than 1 MB"),
        (lambda c: c.update({"marotte.sqlite": b"SQLite format 3\0" + b"x" * 9_000}), "is damaged"),
        (lambda c: c.update({"marotte.sqlite": b""}), "at most"),
        (lambda c: sql(c, "UPDATE alembic_version SET version_num = '9999'"), "not the one that its manifest tells"),
        (lambda c: sql(c, "DROP TABLE alembic_version"), "not the one that its manifest tells of"),
        (lambda c: sql(c, TRIGGER), "its trigger 'spy' differs from schema"),
        (lambda c: sql(c, "CREATE VIEW leak AS SELECT * FROM facts"), "its view 'leak' differs"),
        (lambda c: sql(c, "CREATE TABLE more (x)"), "its table 'more' differs"),
        (lambda c: sql(c, "DROP TABLE timers"), "differs from schema"),
        (lambda c: sql(c, "ALTER TABLE facts ADD COLUMN x TEXT"), "its table 'facts' differs"),
        (
            lambda c: sql(c, "INSERT INTO lines VALUES ('l','none','f',1,0,'','','','',0,0,'ended')"),
            "database is damaged",
        ),
    ],
)
async def test_what_is_none_of_ours_is_refused_and_changes_nothing(archive: Path, database: Path, change, says) -> None:
    before = database.read_bytes()
    with pytest.raises(BackupError, match=says):
        await restore(repacked(archive, change), database)
    assert [file.name for file in database.parent.iterdir()] == [database.name]
    assert database.read_bytes() == before


@pytest.mark.parametrize(
    ("manifest", "says"),
    [
        (b"{", "its manifest is damaged"),
        (b'{"program": "other"}', "its manifest is damaged"),
        ({"program": "other"}, "a backup of another program, 'other'"),
        ({"format": 2, "version": "9.9"}, r"made by a newer version of Marotte \(9.9\)"),
        ({"sha256": "0" * 64}, "sha256 differs"),
        ({"size": 10}, "larger than its manifest says"),
        ({"size": 10**12}, "at most 4 GB"),
        ({"size": -1}, "at most 4 GB"),
    ],
)
async def test_a_manifest_that_lies_is_found_out(archive: Path, database: Path, manifest, says) -> None:
    def lie(contents: dict[str, bytes]) -> None:
        told = json.loads(contents["manifest.json"])
        contents["manifest.json"] = manifest if isinstance(manifest, bytes) else json.dumps(told | manifest).encode()

    with pytest.raises(BackupError, match=says):
        await restore(repacked(archive, lie, rehash=False), database)


async def test_a_backup_of_a_newer_schema_is_refused(archive: Path, database: Path) -> None:
    def newer(contents: dict[str, bytes]) -> None:
        sql(contents, "UPDATE alembic_version SET version_num = '9999'")
        contents["manifest.json"] = contents["manifest.json"].replace(f'"{HEAD}"'.encode(), b'"9999"')

    with pytest.raises(BackupError, match=r"newer version of Marotte \(.*schema 9999\): install that version"):
        await restore(repacked(archive, newer), database)


async def test_an_archive_that_says_less_than_it_holds_fills_no_disk(archive: Path, database: Path) -> None:
    def bomb(contents: dict[str, bytes]) -> None:
        contents["marotte.sqlite"] += bytes(300_000_000)

    bombed = repacked(archive, bomb, rehash=False)
    assert bombed.stat().st_size < 2_000_000
    with pytest.raises(BackupError, match="larger than its manifest says"):
        await restore(bombed, database)
    assert [file.name for file in database.parent.iterdir()] == [database.name]


def _twice(data: bytes) -> bytes:
    file = io.BytesIO(data)
    with pytest.warns(UserWarning, match="Duplicate"), zipfile.ZipFile(file, "a") as zipped:
        zipped.writestr("manifest.json", "{}")
    return file.getvalue()


def _many(data: bytes) -> bytes:
    file = io.BytesIO(data)
    with zipfile.ZipFile(file, "a") as zipped:
        for number in range(200):
            zipped.writestr(f"file {number}", b"")
    return file.getvalue()


@pytest.mark.parametrize(
    "change",
    [
        lambda data: b"",
        lambda data: b"PK",
        lambda data: b"x" * 10_000,
        lambda data: data[: len(data) // 2],
        lambda data: data[:-1],
        lambda data: data + b"x",
        lambda data: data[:200] + bytes(500) + data[700:],
        lambda data: data.replace(b"PK\1\2", b"PK\1\3"),
        _twice,
        _many,
    ],
)
async def test_a_file_that_is_no_whole_archive_is_refused(archive: Path, database: Path, change) -> None:
    archive.write_bytes(change(archive.read_bytes()))
    with pytest.raises(BackupError, match=r"^tea\.zip: "):
        await restore(archive, database)
    assert [file.name for file in database.parent.iterdir()] == [database.name]


async def test_postgresql_is_told_its_own_way(tmp_path: Path) -> None:
    with pytest.raises(BackupError, match="pg_dump") as refused:
        backup.sqlite_file("postgresql://app:hunter2@localhost/x", tmp_path)
    assert "hunter2" not in str(refused.value)
    assert backup.sqlite_file("", tmp_path) == tmp_path / "marotte.sqlite"
    assert backup.sqlite_file("sqlite:////x/y.sqlite", tmp_path) == Path("/x/y.sqlite")


# --- the commands and the window


def run(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "marotte", *arguments],
        cwd=folder,
        env={**os.environ, "MAROTTE_DATA_DIR": str(folder / "data"), "PYTHONPATH": str(Path("src").resolve())},
        capture_output=True,
        text=True,
        timeout=60,
    )


async def test_the_commands_make_and_take_a_backup(database: Path, tmp_path: Path) -> None:
    assert "there is no database yet" in run("backup", folder=tmp_path).stderr
    await remember(database, "Ada likes tea.")
    made = run("backup", folder=tmp_path)
    (archive,) = tmp_path.glob("marotte-*.zip")
    assert (made.returncode, made.stderr, archive.name in made.stdout) == (0, "", True)
    await remember(database, "Ada likes rain.")
    with alone(tmp_path / "data"):
        held = run("restore", archive.name, folder=tmp_path)
    assert (held.returncode, "a run uses it: stop that run first" in held.stderr) == (3, True)
    done = run("restore", archive.name, folder=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert "the old ones are in" in done.stdout
    assert await remembered(database) == ["Ada likes tea."]
    for wrong in ("nowhere.zip", "show.toml"):
        (tmp_path / "show.toml").write_text("")
        refused = run("restore", wrong, folder=tmp_path)
        assert (refused.returncode, wrong in refused.stderr, "Traceback" in refused.stderr) == (3, True, False)


async def test_the_window_downloads_a_backup_and_sends_it_back(tmp_path: Path) -> None:
    async with marotte(tmp_path, QUIET) as program:
        async with program.request("POST", "/api/v1/database/backup") as response:
            assert response.status == 200
            assert "marotte-" in response.headers["content-disposition"]
            archive = await response.read()
        with zipfile.ZipFile(io.BytesIO(archive)) as zipped:
            assert zipped.namelist() == ["manifest.json", "marotte.sqlite", "show.toml"]
            assert zipped.read("show.toml").decode() == QUIET

        async def send(content: bytes, name: str = "file", **headers: str) -> tuple[int, dict]:
            form = aiohttp.FormData()
            form.add_field(name, content, filename="mine.zip")
            async with program.request("POST", "/api/v1/database/restore", data=form, headers=headers) as response:
                return response.status, await response.json()

        large = os.urandom(3_000_000)
        assert (await send(large))[0] == 422, "larger than other bodies may be, and still no backup"
        assert await send(archive, "other") == (422, {"detail": "file: send the archive under this name"})
        viewer = (program.data / "capture.token").read_text().strip()
        assert (await send(large, Authorization=f"Bearer {viewer}"))[0] == 403
        assert (await send(large, Authorization=""))[0] == 401
        assert not (await program.get("/api/v1/database"))["staged"]
        status, answer = await send(archive)
        assert status == 200, answer
        assert "when the program is started again" in answer["detail"]
        assert (await program.get("/api/v1/database"))["staged"]
        assert not list(program.data.glob("*.replaced-*"))
    async with marotte(tmp_path, QUIET) as again:
        assert not (await again.get("/api/v1/database"))["staged"]
        assert len(list(again.data.glob("*.replaced-*"))) == 1
