"""The store on SQLite and on a real PostgreSQL: one contract, and what each is asked to do when things go wrong."""

import asyncio
import os
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import event, text

from marotte.events import (
    AnyPercept,
    ChatMessage,
    Ending,
    Gift,
    Line,
    LineStarted,
    LineStopped,
    Timings,
    TurnStarted,
    Viewer,
)
from marotte.store import Store, StoreError
from marotte.store.database import Database
from marotte.store.people import MOST_FACTS
from marotte.store.schema import bring_to_head, config
from marotte.store.tables import HEAD, metadata
from marotte.time import Clock
from tests.servers.postgres import Postgres
from tests.waiting import until

pytestmark = pytest.mark.anyio

ADA = Viewer(id="irc:test/ada", name="Ada", platform="irc")
BOB = Viewer(id="irc:test/bob", name="Bob", platform="irc")


def started(turn: str, *percepts: AnyPercept, at: float = 1.0, floor: str = "public", said: str = "") -> TurnStarted:
    return TurnStarted(at=at, floor=floor, turn=turn, lane="chat", percepts=tuple(p.id for p in percepts), text=said)


def line(turn: str, name: str, shown: str = "Words.") -> LineStarted:
    return LineStarted(at=1.0, turn=turn, line=name, sample=0, shown=shown, spoken=shown, language="en")


def sounding(turn: str, name: str, *answers: AnyPercept, shown: str = "Words.") -> Line:
    return Line(id=name, turn=turn, shown=shown, spoken=shown, answers=tuple(percept.id for percept in answers))


async def add_fact(
    store: Store, said: str, viewer: Viewer = ADA, scope: str = "public", key: str = "note", **more: bool
):
    return await store.add_fact(viewer.id, scope, key, said, source="p1", quote=said, **more)


# --- accounts ---


async def test_accounts_of_one_person_are_remembered_under_one(store: Store) -> None:
    await store.join("twitch:1", "youtube:2", "code")
    await store.join("discord:4", "tiktok:3", "operator")
    assert await store.known_as() == {"youtube:2": "twitch:1", "tiktok:3": "discord:4"}
    # To join one of a group joins the whole of it, and an account that is known under another leads nobody.
    await store.join("youtube:2", "tiktok:3", "code")
    assert await store.known_as() == dict.fromkeys(("youtube:2", "discord:4", "tiktok:3"), "twitch:1")
    await store.join("discord:4", "twitch:1", "code")
    assert await store.known_as() == dict.fromkeys(("youtube:2", "discord:4", "tiktok:3"), "twitch:1")
    with pytest.raises(ValueError, match="to itself"):
        await store.join("twitch:1", "twitch:1", "operator")
    assert await store.part("youtube:2")
    assert not await store.part("youtube:2")
    assert await store.known_as() == dict.fromkeys(("discord:4", "tiktok:3"), "twitch:1")
    # Who is forgotten is forgotten on all their accounts.
    for account in ("twitch:1", "discord:4", "youtube:2"):
        store.seen_viewer(Viewer(id=account, name="Ada"), 1.0)
    await store.forget_viewer("twitch:1")
    assert await store.known_as() == {}
    assert [await store.viewer(account) is None for account in ("twitch:1", "discord:4", "youtube:2")] == [
        True,
        True,
        False,
    ]


# --- percepts ---


async def test_percepts_wait_until_a_line_answers_them(store: Store) -> None:
    late, early, old = (Gift(at=at, viewer=ADA, what="rose") for at in (3.0, 2.0, 1.0))
    for percept in (late, early, old, late):
        await store.keep_percept(percept, "gifts")
    assert await store.waiting_percepts() == [old, early, late]
    assert await store.waiting_percepts(limit=1) == [old]
    store.heard(sounding("t1", "l1", early), "Thank you.", 1, cut=False, final=False)
    store.heard(sounding("t1", "l1", late), "Thank", 2, cut=True, final=True)
    assert await store.waiting_percepts() == [old, early, late]
    store.heard(sounding("t1", "l1", early), "Thank you.", 3, cut=False, final=True)
    store.expired([old.id, early.id])
    assert await store.waiting_percepts() == [late]


async def test_an_attempt_is_no_answer(store: Store) -> None:
    gift, message = Gift(at=1.0, viewer=ADA), ChatMessage(at=2.0, viewer=BOB, text="hi")
    await store.keep_percept(gift, "gifts")
    store.begin_turn(started("t1", gift, message), [gift, message])
    store.end_turn("t1", Ending(state="interrupted", heard="Thank", cut=True))
    assert await store.waiting_percepts() == [gift]
    store.begin_turn(started("t2", gift), [gift])
    store.end_turn("t2", Ending(state="done", heard="Thank you.", answered=(gift.id,)))
    assert await store.waiting_percepts() == []


# --- turns and lines ---


async def test_turns_are_read_newest_first_with_all_that_is_known_of_them(store: Store) -> None:
    message = ChatMessage(at=1.0, viewer=ADA, text="hi")
    store.begin_turn(started("t1", message, at=1.0, said="hi"), [message])
    store.begin_turn(started("t2", at=2.0, floor="talk-1"), [])
    timings = Timings(waited=0.5, first_sample=0.9)
    store.end_turn("t1", Ending(state="interrupted", heard="Hel", cut=True, reason="Onset", timings=timings))
    second, first = await store.recent_turns()
    assert (first.id, first.state, first.text, first.heard, first.cut) == ("t1", "interrupted", "hi", "Hel", True)
    assert (first.reason, first.timings, first.percepts, first.lane) == ("Onset", timings, (message.id,), "chat")
    assert (second.id, second.state, second.floor) == ("t2", "speaking", "talk-1")
    assert [turn.id for turn in await store.recent_turns(floor="talk-1")] == ["t2"]
    assert [turn.id for turn in await store.recent_turns(limit=1)] == ["t2"]


async def test_history_is_one_floors_and_oldest_first(store: Store) -> None:
    one, two = ChatMessage(at=1.0, viewer=ADA, text="one"), ChatMessage(at=2.0, viewer=BOB, text="two")
    for number, (state, floor) in enumerate(
        [("done", "public"), ("discarded", "public"), ("done", "talk-1"), ("interrupted", "public")]
    ):
        said = [one, two] if number == 0 else []
        store.begin_turn(started(f"t{number}", *said, at=float(number), floor=floor), said)
        store.end_turn(f"t{number}", Ending(state=state, heard=f"answer {number}"))
    store.begin_turn(started("t9", at=9.0), [])
    first, last = await store.history("public")
    assert (first.turn, first.percepts, first.heard) == ("t0", (one, two), "answer 0")
    assert (last.turn, last.percepts, last.heard) == ("t3", (), "answer 3")
    assert [exchange.turn for exchange in await store.history("public", limit=1)] == ["t3"]


CRASH = """
import asyncio, os, signal, sys
from marotte.events import *
from marotte.store import Store
from marotte.time import Clock

async def main():
    store = await Store.open(sys.argv[1], Clock())
    gift = Gift(id="gift", at=1.0, what="rose")
    await store.keep_percept(gift, "gifts")
    started = TurnStarted(at=1.0, turn="t1", lane="gifts", percepts=("gift",), text="a rose")
    store.begin_turn(started, [gift])
    for name in ("l1", "l2", "l3"):
        store.began(LineStarted(turn="t1", line=name, sample=0, shown="x", spoken="x", language="en"))
    store.heard(Line(id="l1", shown="x", spoken="x"), "Thank you, dear Ada.", 48_000, cut=False, final=True)
    store.heard(Line(id="l2", shown="x", spoken="x"), "What a", 60_000, cut=False, final=False)
    await store.flush()
    os.kill(os.getpid(), signal.SIGKILL)

asyncio.run(main())
"""


async def test_what_was_heard_survives_kill_9(url: str) -> None:
    died = await asyncio.to_thread(
        subprocess.run, [sys.executable, "-c", CRASH, url], env={**os.environ, "PYTHONPATH": "src"}, timeout=60
    )
    assert died.returncode == -9
    store = await Store.open(url, Clock())
    assert store.recovered == 1
    (turn,) = await store.recent_turns()
    assert (turn.state, turn.heard, turn.cut) == ("interrupted", "Thank you, dear Ada. What a", True)
    assert [percept.id for percept in await store.waiting_percepts()] == ["gift"]
    assert await store.recover() == 0
    await store.close()


async def test_text_that_no_database_takes_loses_no_row(store: Store) -> None:
    store.begin_turn(started("t1", said="a\0b\ud800c"), [])
    assert [turn.text for turn in await store.recent_turns()] == ["abc"]


# --- writing ---


async def test_writes_nobody_waits_for_are_committed_soon(url: str, store: Store) -> None:
    store.begin_turn(started("t1"), [])
    reader = Database(url)
    async with reader.readers.connect() as connection:

        async def committed() -> int:
            return (await connection.execute(text("SELECT count(*) FROM turns"))).scalar_one()

        await until(committed, "the row that nobody waits for")
    await reader.close()


async def test_closing_commits_what_waits_and_takes_no_more(url: str) -> None:
    store = await Store.open(url, Clock())
    for number in range(600):
        store.begin_turn(started(f"t{number}"), [])
    assert [(await store.counts())["writes"] for _ in range(2)] == [600, 0]
    store.begin_turn(started("last"), [])
    await store.close()
    with pytest.raises(StoreError, match="closed"):
        await store.keep_percept(Gift(), "gifts")
    again = await Store.open(url, Clock())
    assert (await again.counts())["turns"] == 601
    await again.close()


async def test_what_must_survive_is_flushed_and_what_was_heard_is_not_waited_for(store: Store) -> None:
    flushed, ordinary = [], []
    for engine, commits in ((store._database.flushed, flushed), (store._database.ordinary, ordinary)):
        event.listen(engine.sync_engine, "commit", commits.append)
    gift = Gift(at=1.0)
    await store.keep_percept(gift, "gifts")
    store.heard(sounding("t1", "l1", gift), "Words.", 1, cut=False, final=True)
    await store.flush()
    await store.done_timer(await store.add_timer(1.0))
    assert (len(flushed), len(ordinary)) == (4, 0)
    store.begin_turn(started("t1"), [])
    store.began(line("t1", "l1"))
    store.heard(sounding("t1", "l1"), "Words", 1, cut=False, final=False)
    await store.flush()
    assert len(flushed) == 4
    assert ordinary


async def test_one_bad_write_spoils_no_other(store: Store, caplog: pytest.LogCaptureFixture) -> None:
    store.begin_turn(started("t1"), [])
    store.began(line("no such turn", "l1"))
    store.began(line("t1", "l2"))
    kept = await asyncio.gather(*(store.keep_percept(Gift(at=float(n)), "gifts") for n in range(20)))
    assert len(kept) == len(await store.waiting_percepts()) == 20
    assert (await store.counts())["lines"] == 1
    assert "one write is lost" in caplog.text


async def test_a_cancelled_caller_stops_no_write(store: Store) -> None:
    caller = asyncio.create_task(store.keep_percept(Gift(at=1.0), "gifts"))
    await asyncio.sleep(0)
    caller.cancel()
    assert len(await store.waiting_percepts()) == 1


async def test_a_database_that_comes_back_gets_what_it_missed(postgres: Postgres) -> None:
    store = await Store.open(postgres.new_database(), Clock())
    postgres.stop()
    try:
        store.begin_turn(started("t1"), [])
        with pytest.raises(StoreError, match="reached"):
            await store.keep_percept(Gift(), "gifts")
        with pytest.raises(StoreError):
            await store.recent_turns()
    finally:
        postgres.start()
    await store.keep_percept(Gift(), "gifts")
    assert [turn.id for turn in await store.recent_turns()] == ["t1"]
    await store.close()


# --- people ---

FACTS = {
    "en": ("Ada's dogs are called Rex and Max.", "tell me about the dogs"),
    "es": ("Ada vive en un pueblo cerca de Córdoba.", "¿quién vive en cordoba?"),
    "fr": ("Ada préfère les crêpes à la châtaigne.", "une CREPE, des crêpes"),
    "zh": ("小明住在东京，养了一只白猫。", "谁住在东京？"),
    "ja": ("花子は大阪のうどんが好きです。", "うどんはどう？"),
}


@pytest.mark.parametrize("language", FACTS)
async def test_facts_are_found_in_every_language(store: Store, language: str) -> None:
    for said, _ in FACTS.values():
        await add_fact(store, said)
    said, query = FACTS[language]
    for known in (language, ""):
        assert [fact.text for fact in await store.search_facts(query, "public", language=known)] == [said]


async def test_a_single_character_is_found_where_a_word_begins_with_it(store: Store) -> None:
    await add_fact(store, "猫粮很贵")
    assert len(await store.search_facts("猫", "public")) == 1
    assert await store.search_facts("狗", "public") == []


@pytest.mark.parametrize(
    "query", ["", "the of and", "'; DROP TABLE facts; --", '" OR *', "a & b | !c:*", "\\", "NEAR("]
)
async def test_no_query_is_an_error(store: Store, query: str) -> None:
    await add_fact(store, "Ada likes tea.")
    assert await store.search_facts(query, "public") == []


async def test_the_likest_fact_comes_first(store: Store) -> None:
    for said in ("Ada likes green tea.", "Ada likes rain.", "Bob likes tea."):
        await add_fact(store, said)
    found = await store.search_facts("does Ada like green tea?", "public")
    assert found[0].text == "Ada likes green tea."
    assert len(await store.search_facts("Ada tea", "public", limit=1)) == 1


async def test_facts_are_found_in_their_scope_and_of_the_viewers_asked_for(store: Store) -> None:
    await add_fact(store, "tea one")
    await add_fact(store, "tea two", BOB)
    await add_fact(store, "tea three", scope="talk-1")
    found = await store.search_facts("tea", "public")
    assert {fact.text for fact in found} == {"tea one", "tea two"}
    assert [fact.text for fact in await store.search_facts("tea", "public", BOB.id)] == ["tea two"]
    assert [fact.text for fact in await store.facts_of("talk-1", ADA.id, BOB.id)] == ["tea three"]
    assert [fact.text for fact in await store.facts_of("public")] == ["tea two", "tea one"]


async def test_a_single_fact_is_replaced_and_the_same_one_is_kept_once(store: Store) -> None:
    for said in ("Paris", "Rome"):
        await add_fact(store, said, key="city", single=True)
    for said in ("tea", "jam", "tea"):
        await add_fact(store, said, key="likes")
    assert [fact.text for fact in await store.facts_of("public", ADA.id)] == ["tea", "jam", "Rome"]
    assert await store.search_facts("paris", "public") == []


async def test_facts_of_one_viewer_are_bounded(store: Store) -> None:
    for number in range(MOST_FACTS + 3):
        await add_fact(store, f"fact{number}")
    facts = await store.facts_of("public", ADA.id, limit=1_000)
    assert (len(facts), facts[0].text, facts[-1].text) == (MOST_FACTS, f"fact{MOST_FACTS + 2}", "fact3")


async def test_one_fact_is_forgotten(store: Store) -> None:
    fact = await add_fact(store, "tea")
    assert await store.forget_fact(fact)
    assert not await store.forget_fact(fact)
    assert await store.search_facts("tea", "public") == []


async def test_viewers_are_counted_and_keep_their_language(store: Store) -> None:
    store.seen_viewer(ADA, 1.0, "fr")
    store.seen_viewer(ADA, 5.0)
    await store.flush()
    async with store._database.readers.connect() as connection:
        (row,) = (await connection.execute(text("SELECT * FROM viewers"))).mappings().all()
    assert (row["first_seen"], row["last_seen"], row["language"], row["count"]) == (1.0, 5.0, "fr", 2)


async def test_who_is_forgotten_is_gone_from_every_row(url: str, store: Store) -> None:
    secret, other = ChatMessage(at=1.0, viewer=ADA, text="my zanzibar"), ChatMessage(at=1.0, viewer=BOB, text="mine")
    store.seen_viewer(ADA, 1.0)
    store.seen_viewer(BOB, 1.0)
    await add_fact(store, "Ada has a zanzibar.")
    await add_fact(store, "Bob has a drum.", BOB)
    for number, said in enumerate(([secret], [secret, other], [other])):
        words = "zanzibar" if secret in said else "drum"
        store.begin_turn(started(f"t{number}", *said, at=float(number), said=words), said)
        store.began(line(f"t{number}", f"l{number}", words))
        store.heard(sounding(f"t{number}", f"l{number}"), words, 1, cut=False, final=True)
        store.note_stopped(LineStopped(turn=f"t{number}", line=f"s{number}", shown=words, reason="words"))
        store.end_turn(f"t{number}", Ending(state="done", heard=words))
    assert await store.forget_viewer(ADA.id) == 3
    assert await store.search_facts("zanzibar", "public") == []
    assert [turn.heard for turn in await store.recent_turns()] == ["drum", "", ""]
    assert [exchange.percepts for exchange in await store.history("public")] == [(), (), (other,)]
    counts = await store.counts()
    assert {name: counts[name] for name in ("facts", "viewers", "percepts", "stopped")} == {
        "facts": 1,
        "viewers": 1,
        "percepts": 1,
        "stopped": 1,
    }
    async with store._database.readers.connect() as connection:
        for table in metadata.tables.values():
            rows = (await connection.execute(table.select())).all()
            assert "zanzibar" not in str(rows)
            assert ADA.id not in str(rows)
    if url.startswith("sqlite"):
        for file in Path(url.removeprefix("sqlite:///")).parent.iterdir():
            assert b"zanzibar" not in file.read_bytes(), file.name


async def test_who_is_forgotten_is_forgotten_on_every_account_of_theirs(store: Store) -> None:
    elsewhere = Viewer(id="discord:7", name="Ada", platform="discord")
    store.seen_viewer(elsewhere, 1.0)
    await add_fact(store, "Ada has a zanzibar.", elsewhere)
    await store.keep_tally("purse", '"discord:7"', 5)
    store.keep_wrote([("discord", elsewhere.id, 1.0), ("discord", BOB.id, 1.0)])
    said = ChatMessage(at=1.0, viewer=elsewhere, text="my zanzibar")
    store.begin_turn(started("t1", said, said="zanzibar"), [said])
    await store.join(ADA.id, elsewhere.id, "code")
    await store.forget_viewer(ADA.id)
    async with store._database.readers.connect() as connection:
        for table in metadata.tables.values():
            rows = str((await connection.execute(table.select())).all())
            assert "zanzibar" not in rows
            assert elsewhere.id not in rows
    assert (await store.counts())["wrote"] == 1


# --- timers, moderation, upkeep ---


async def test_timers_come_due_in_order_and_once(store: Store) -> None:
    late = await store.add_timer(20.0, schedule="news", text="The news!", floor="talk-1")
    soon = await store.add_timer(10.0, text="Tea!")
    assert [timer.id for timer in await store.due_timers()] == [soon, late]
    assert [timer.id for timer in await store.due_timers(until=15.0)] == [soon]
    await store.done_timer(soon)
    (timer,) = await store.due_timers(until=30.0)
    assert (timer.id, timer.schedule, timer.text, timer.floor, timer.due) == (late, "news", "The news!", "talk-1", 20.0)


async def test_stopped_lines_are_kept_and_may_be_released(store: Store) -> None:
    store.note_stopped(LineStopped(at=1.0, turn="t1", line="l1", shown="damn", reason="words"))
    store.note_released("l1")
    await store.flush()
    async with store._database.readers.connect() as connection:
        (row,) = (await connection.execute(text("SELECT * FROM stopped"))).mappings().all()
    assert (row["shown"], row["reason"], bool(row["released"])) == ("damn", "words", True)


async def test_old_rows_are_pruned_and_facts_stay(store: Store) -> None:
    for at in (1.0, 100.0):
        message = ChatMessage(at=at, viewer=ADA, text="hi")
        store.begin_turn(started(f"t{at}", message, at=at), [message])
        store.began(line(f"t{at}", f"l{at}"))
        store.note_stopped(LineStopped(at=at, turn=f"t{at}", line=f"s{at}", shown="x", reason="words"))
        await store.add_timer(at)
    await store.done_timer((await store.due_timers())[0].id)
    await add_fact(store, "tea")
    store.seen_viewer(ADA, 1.0)
    store.seen_viewer(BOB, 1.0)
    assert await store.prune(50.0) == 5  # a percept, a turn, a stopped line, a timer and Bob, of whom nothing is known
    counts = await store.counts()
    kept = {"percepts", "turns", "lines", "viewers", "facts", "timers", "stopped"}
    assert {name: counts[name] for name in kept} == dict.fromkeys(kept, 1)


# --- opening ---


def test_head_is_the_newest_migration() -> None:
    from alembic.script import ScriptDirectory

    assert ScriptDirectory.from_config(config()).get_heads() == [HEAD]


async def test_the_migrations_make_exactly_the_model(store: Store) -> None:
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    def compare(connection):
        def ours(_thing, name, _kind, reflected, _compared):
            return not (reflected and name and name.startswith("facts_search"))

        return compare_metadata(MigrationContext.configure(connection, opts={"include_object": ours}), metadata)

    async with store._database.readers.connect() as connection:
        assert await connection.run_sync(compare) == []


async def test_the_migrations_can_be_taken_back(url: str) -> None:
    from alembic import command

    def downgrade(connection):
        settings = config()
        settings.attributes["connection"] = connection
        command.downgrade(settings, "base")

    database = Database(url)
    await bring_to_head(database)
    async with database.flushed.begin() as connection:
        await connection.run_sync(downgrade)
    await bring_to_head(database)
    await database.close()


async def test_opening_a_database_at_head_does_not_import_alembic(url: str) -> None:
    await (await Store.open(url, Clock())).close()
    script = (
        "import asyncio, sys; from marotte.store import Store; from marotte.time import Clock\n"
        "async def main(): await (await Store.open(sys.argv[1], Clock())).close()\n"
        "asyncio.run(main()); print('alembic' in sys.modules)"
    )
    done = await asyncio.to_thread(
        subprocess.check_output, [sys.executable, "-c", script, url], env={**os.environ, "PYTHONPATH": "src"}, text=True
    )
    assert done.strip() == "False"


async def test_a_database_from_a_newer_version_is_left_alone(url: str) -> None:
    store = await Store.open(url, Clock())
    async with store._database.flushed.begin() as connection:
        await connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    await store.close()
    with pytest.raises(StoreError, match=r"newer version of Marotte \(schema 9999.*install that version"):
        await Store.open(url, Clock())


async def test_another_programs_tables_are_left_alone(url: str) -> None:
    database = Database(url)
    async with database.flushed.begin() as connection:
        await connection.execute(text("CREATE TABLE lines (poem TEXT)"))
    await database.close()
    with pytest.raises(StoreError, match=r"tables of another program \(lines\)"):
        await Store.open(url, Clock())


async def test_each_connection_keeps_its_policy(url: str) -> None:
    database = Database(url)
    question = "PRAGMA synchronous" if database.sqlite else "SHOW synchronous_commit"
    answers = []
    for engine in (database.ordinary, database.flushed):
        async with engine.connect() as connection:
            answers.append((await connection.execute(text(question))).scalar_one())
    assert answers == ([1, 2] if database.sqlite else ["off", "on"])
    await database.close()


async def test_a_damaged_file_is_named_with_the_remedy(tmp_path: Path) -> None:
    file = tmp_path / "show.sqlite"
    file.write_bytes(b"this is no database at all" * 100)
    with pytest.raises(StoreError, match=r"show\.sqlite: is damaged or no database: restore a copy"):
        await Store.open(f"sqlite:///{file}", Clock())
    assert file.read_bytes().startswith(b"this is no database")


async def test_a_file_that_is_damaged_within_is_named_with_the_remedy(tmp_path: Path) -> None:
    file = tmp_path / "show.sqlite"
    await (await Store.open(f"sqlite:///{file}", Clock())).close()
    data = bytearray(file.read_bytes())
    data[4096:] = b"\xff" * (len(data) - 4096)
    file.write_bytes(data)
    with pytest.raises(StoreError, match=r"show\.sqlite: is damaged: restore a copy"):
        await Store.open(f"sqlite:///{file}", Clock())


@pytest.fixture
def unprivileged(tmp_path: Path) -> Iterator[None]:
    """Root may write everywhere: be nobody for a while."""
    if os.geteuid() != 0:
        yield
        return
    root = Path(tempfile.gettempdir()).resolve()
    for folder in (tmp_path, *tmp_path.parents):
        if folder.is_relative_to(root) and folder != root:
            folder.chmod(0o755)
    os.seteuid(65534)
    yield
    os.seteuid(0)


@pytest.fixture(params=["new file", "old file"])
def closed(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A database in a folder that may only be read."""
    file = tmp_path / "closed" / "show.sqlite"
    if request.param == "old file":
        asyncio.run(_written(file))
        file.chmod(0o444)
    file.parent.mkdir(exist_ok=True)
    file.parent.chmod(0o555)
    return file


async def test_a_place_that_cannot_be_written_is_named_with_the_remedy(closed: Path, unprivileged: None) -> None:
    with pytest.raises(StoreError, match=r"show\.sqlite: cannot be .*: make the file and its folder writable"):
        await Store.open(f"sqlite:///{closed}", Clock())


async def test_a_file_that_another_program_holds_is_named_with_the_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("marotte.store.database.BUSY_SECONDS", 0.1)
    file = tmp_path / "show.sqlite"
    await (await Store.open(f"sqlite:///{file}", Clock())).close()
    holder = sqlite3.connect(file, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreError, match=r"show\.sqlite: is held by another program: stop that program"):
        await _written(file)
    holder.execute("ROLLBACK")
    holder.close()
    await _written(file)


async def test_a_file_that_another_program_holds_for_a_while_loses_nothing_that_was_heard(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("marotte.store.database.BUSY_SECONDS", 0.01)
    monkeypatch.setattr("marotte.store.writer.AGAIN", 0.01)
    file = tmp_path / "show.sqlite"
    store = await Store.open(f"sqlite:///{file}", Clock())
    gift = Gift(viewer=ADA, what="rose")
    await store.keep_percept(gift, "gifts")
    store.begin_turn(started("t1", gift), [gift])
    store.began(line("t1", "l1", "Thank you. Good night."))
    await store.flush()
    holder = sqlite3.connect(file, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")

    async def tried(times: int) -> None:
        await until(lambda: caplog.text.count("is held by another program") >= times, f"{times} tries")

    store.heard(sounding("t1", "l1", gift), "Thank you.", 48_000, cut=False, final=False)
    await tried(2)
    store.heard(sounding("t1", "l1", gift), "Thank you. Good night.", 96_000, cut=False, final=True)
    store.end_turn("t1", Ending(state="done", heard="Thank you. Good night.", answered=(gift.id,)))
    await tried(4)
    assert holder.execute("SELECT heard FROM lines").fetchall() == [("",)], "the other program holds it indeed"
    holder.execute("ROLLBACK")
    await until(lambda: holder.execute("SELECT state FROM turns").fetchall() == [("done",)], "the end of the turn")
    rows = "SELECT heard, sample, lines.state, percepts.state FROM lines, percepts"
    assert holder.execute(rows).fetchall() == [("Thank you. Good night.", 96_000, "ended", "answered")]
    holder.close()
    await store.close()


async def _written(file: Path) -> None:
    store = await Store.open(f"sqlite:///{file}", Clock())
    try:
        await store.keep_percept(Gift(), "gifts")
    finally:
        await store.close()


async def test_the_folder_is_made_and_the_file_is_the_users_alone(tmp_path: Path) -> None:
    file = tmp_path / "new" / "folder" / "show.sqlite"
    await (await Store.open(f"sqlite:///{file}", Clock())).close()
    assert file.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("", "is no URL"),
        ("not a url", "is no URL"),
        ("mysql://root:hunter2@localhost/x", "'mysql' is not supported"),
        ("sqlite://", "must name a file"),
        ("sqlite:///:memory:", "must name a file"),
        ("postgresql://app:hunter2@127.0.0.1:1/x", "cannot be reached: start the server"),
    ],
)
async def test_a_url_that_leads_nowhere_is_refused_without_its_secrets(url: str, message: str) -> None:
    with pytest.raises(StoreError, match=message) as refused:
        await Store.open(url, Clock())
    assert "hunter2" not in str(refused.value)
