"""What people do to the rows by hand, on SQLite and on a real PostgreSQL: finding, noting, editing, clearing."""

import asyncio
from pathlib import Path

import pytest
from sqlalchemy import text

from marotte.events import AnyPercept, ChatMessage, Ending, Gift, LineStarted, LineStopped, TurnStarted, Viewer
from marotte.store import Store
from marotte.store.browser import Stays
from marotte.store.database import Database
from marotte.store.edits import MOST_EDITS
from marotte.store.schema import config
from marotte.store.tables import edits, metadata
from marotte.time import Clock

pytestmark = pytest.mark.anyio

ADA = Viewer(id="irc:test/ada", name="Ada", platform="irc")
BOB = Viewer(id="irc:test/bob", name="Bob", platform="irc")


async def learn(store: Store, said: str, viewer: Viewer = ADA, scope: str = "public", found_by: str = "") -> int:
    return await store.add_fact(viewer.id, scope, "note", said, source="p1", quote=said, found_by=found_by)


def react(store: Store, turn: str, *said: AnyPercept, heard: str = "Well.", at: float = 1.0, floor: str = "public"):
    """Live through a whole turn."""
    names = tuple(percept.id for percept in said)
    store.begin_turn(TurnStarted(at=at, floor=floor, turn=turn, lane="chat", percepts=names, text="said"), said)
    line = {"line": f"l-{turn}", "shown": heard, "spoken": heard, "language": "en"}
    store.began(LineStarted(at=at, floor=floor, turn=turn, sample=0, **line))
    store.note_stopped(LineStopped(at=at, floor=floor, turn=turn, line=f"s-{turn}", shown=heard, reason="words"))
    store.end_turn(turn, Ending(state="done", heard=heard))


# --- viewers ---


async def test_viewers_are_found_by_any_part_of_their_name(store: Store) -> None:
    names = ("Ada", "Élodie", "Canada_99", "田中花子", "100%", "🙂")
    for at, name in enumerate(names):
        store.seen_viewer(Viewer(id=f"irc:{name}", name=name, platform="irc"), float(at))
    store.seen_viewer(Viewer(id="tw:1", name="Adam", platform="twitch"), 0.5)

    async def found(query: str, platform: str = "") -> list[str]:
        total, viewers = await store.find_viewers(query, platform)
        assert total == len(viewers)
        return [viewer.name for viewer in viewers]

    assert await found("ada") == ["Adam", "Ada", "Canada_99"], "beginnings first, then who was here last"
    assert await found("ELODIE") == ["Élodie"]
    assert await found("a_9") == ["Canada_99"]
    assert await found("中花") == await found("花子") == await found("中") == ["田中花子"]
    assert await found("0%") == ["100%"]
    assert await found("🙂") == ["🙂"]
    assert await found("tw:1") == ["Adam"]
    assert await found("%") == ["100%"]
    assert await found("nobody") == await found("'; DROP TABLE viewers; --") == []
    assert await found("ada", "twitch") == ["Adam"]
    assert len(await found("")) == 7


async def test_a_viewers_new_name_is_found_and_pages_follow_each_other(store: Store) -> None:
    for number in range(5):
        store.seen_viewer(Viewer(id=f"v{number}", name=f"Ada {number}", platform="irc"), float(number))
    store.seen_viewer(Viewer(id="v0", name="Zoe", platform="irc"), 9.0)
    assert [viewer.id for viewer in (await store.find_viewers("zoe"))[1]] == ["v0"]
    total, page = await store.find_viewers("ada", offset=1, limit=2)
    assert (total, [viewer.id for viewer in page]) == (4, ["v3", "v2"])


async def test_notes_are_kept_with_their_history_and_keep_the_viewer(store: Store) -> None:
    store.seen_viewer(ADA, 1.0)
    assert not await store.note_viewer(BOB.id, "who?", "mia")
    assert await store.note_viewer(ADA.id, "Sings in a choir.", "mia")
    assert await store.note_viewer(ADA.id, "Sings in two choirs.", "tom")
    await learn(store, "Ada likes tea.")
    viewer = await store.viewer(ADA.id)
    assert viewer is not None
    assert (viewer.note, viewer.facts, viewer.count) == ("Sings in two choirs.", 1, 1)
    last, first = await store.edits_of("notes", ADA.id)
    assert (last.by, last.before, last.after) == ("tom", "Sings in a choir.", "Sings in two choirs.")
    assert (first.by, first.before) == ("mia", "")
    await store.prune(50.0)
    assert await store.note_viewer(ADA.id, "", "mia")
    viewer = await store.viewer(ADA.id)
    assert viewer is not None
    assert viewer.note == ""


async def test_the_exchanges_with_a_viewer_hold_only_their_words(store: Store) -> None:
    mine, other = ChatMessage(at=1.0, viewer=ADA, text="mine"), ChatMessage(at=1.0, viewer=BOB, text="theirs")
    react(store, "t1", mine, other, at=1.0)
    react(store, "t2", other, at=2.0)
    react(store, "t3", ChatMessage(at=3.0, viewer=ADA, floor="talk-1", text="private"), at=3.0, floor="talk-1")
    found = await store.exchanges_with(ADA.id)
    assert [exchange.turn for exchange in found] == ["t1", "t3"]
    assert found[0].percepts == (mine,)
    assert await store.exchanges_with("nobody") == []


# --- facts ---


async def test_facts_of_every_scope_are_listed_and_searched(store: Store) -> None:
    tea = await learn(store, "Ada likes green tea.", found_by="drink")
    rain = await learn(store, "Bob likes rain.", BOB)
    talk = await learn(store, "小明住在东京。", scope="talk-1")

    async def found(query: str = "", scope: str = "", viewer: str = "") -> list[int]:
        total, facts = await store.find_facts(query, scope, viewer)
        assert total == len(facts)
        return [fact.id for fact in facts]

    assert await found() == [talk, rain, tea], "newest first"
    assert await found(scope="public") == [rain, tea]
    assert await found(viewer=ADA.id) == [talk, tea]
    assert await found("likes") == await found("lik", scope="public") == [rain, tea]
    assert await found("green lik") == await found("drink") == [tea], "all words, which may be cut short"
    assert await found("likes", viewer=BOB.id) == [rain]
    assert await found("东京") == await found("东") == [talk]
    for nothing in ("green rain", "!!!", '" OR *', "a & b | !c:*", "NEAR(", "\\"):
        assert await found(nothing) == []
    assert await store.find_facts(offset=1, limit=1) == (3, [(await store.find_facts())[1][1]])


async def test_an_edited_fact_is_found_by_its_new_words_and_keeps_its_history(store: Store) -> None:
    fact = await learn(store, "Ada has a cat.", found_by="pet animal")
    assert await store.edit_fact(fact, "Ada has a dog.", "mia")
    assert await store.edit_fact(fact, "Ada has a dog.", "tom"), "nothing new is no edit"
    assert not await store.edit_fact(fact + 1, "Nothing.", "mia")
    assert [found.text for found in await store.search_facts("dog", "public")] == ["Ada has a dog."]
    assert [found.id for found in (await store.find_facts("animal"))[1]] == [fact], "what else it is found by stays"
    assert await store.search_facts("cat", "public") == []
    (edit,) = await store.fact_history(fact)
    assert (edit.by, edit.before, edit.after) == ("mia", "Ada has a cat.", "Ada has a dog.")
    assert edit.at > 1e9
    assert await store.forget_fact(fact)
    assert await store.fact_history(fact) == []


async def test_a_cleared_floor_remembers_nothing_and_others_do(url: str, store: Store) -> None:
    cleared: list[int] = []
    store.on_forgotten = lambda: cleared.append(1)
    secret = ChatMessage(at=1.0, viewer=ADA, floor="talk-1", text="my zanzibar")
    gift = Gift(at=1.0, viewer=ADA, floor="talk-1", message="still waits")
    await store.keep_percept(gift, "gifts")
    react(store, "t1", secret, heard="A zanzibar!", floor="talk-1")
    react(store, "t2", ChatMessage(at=1.0, viewer=ADA, text="hello"))
    store.begin_turn(TurnStarted(at=2.0, floor="talk-1", turn="t3", lane="chat", percepts=("x",)), [])
    fact = await learn(store, "Ada has a zanzibar.", scope="talk-1")
    kept = await learn(store, "Ada has a drum.")
    assert await store.edit_fact(fact, "Ada has two of zanzibar.", "mia")
    assert await store.clear_floor("talk-1") == 4  # a fact, a percept, a turn and a stopped line
    assert [found.id for found in (await store.find_facts())[1]] == [kept]
    assert {turn.id for turn in await store.recent_turns()} == {"t2", "t3"}, "the turn that speaks goes on"
    assert await store.waiting_percepts() == [gift]
    assert await store.edits() == []
    assert cleared == [1]
    if url.startswith("sqlite"):
        for file in Path(url.removeprefix("sqlite:///")).parent.iterdir():
            assert b"zanzibar" not in file.read_bytes(), file.name


async def test_who_is_forgotten_takes_notes_and_every_edit_along(url: str, store: Store) -> None:
    secret, other = ChatMessage(at=1.0, viewer=ADA, text="my zanzibar"), ChatMessage(at=1.0, viewer=BOB, text="drum")
    for viewer in (ADA, BOB):
        store.seen_viewer(viewer, 1.0)
        await store.note_viewer(viewer.id, f"{viewer.name}: zanzibar" if viewer is ADA else "a drum", "mia")
    react(store, "t1", secret, other, heard="A zanzibar!")
    react(store, "t2", other, heard="A drum.")
    react(store, "t3", secret, heard="zanzibar again")
    fact = await learn(store, "Ada has a zanzibar.")
    await store.edit_fact(fact, "Ada has no zanzibar.", "mia")
    await store.edit_row("viewers", ADA.id, {"name": "Ada of zanzibar"}, "mia")
    for table, key in (("stopped", "s-t1"), ("turns", "t3"), ("turns", "t2"), ("facts", str(fact))):
        assert await store.delete_row(table, key, "mia")
    assert await store.forget_viewer(ADA.id) > 0
    async with store._database.readers.connect() as connection:
        for table in metadata.tables.values():
            rows = str((await connection.execute(table.select())).all())
            assert "zanzibar" not in rows, table.name
            assert ADA.id not in rows, table.name
    assert [(edit.table, edit.key) for edit in await store.edits()] == [("turns", "t2"), ("notes", BOB.id)]
    if url.startswith("sqlite"):
        for file in Path(url.removeprefix("sqlite:///")).parent.iterdir():
            assert b"zanzibar" not in file.read_bytes(), file.name


# --- tables ---


async def test_every_table_is_shown_with_what_may_be_edited(store: Store) -> None:
    await learn(store, "tea")
    tables = {table.name: table for table in await store.tables()}
    assert set(tables) == set(metadata.tables)
    assert (tables["facts"].rows, tables["facts"].key) == (1, "id")
    kinds = {column.name: (column.type, column.editable) for column in tables["facts"].columns}
    assert kinds["text"] == ("text", True)
    assert (kinds["id"], kinds["at"]) == (("integer", False), ("float", False))
    assert "search" not in kinds
    for table in tables.values():
        foreign = {column.name for column in metadata.tables[table.name].c if column.foreign_keys}
        assert not any(column.editable for column in table.columns if column.name in foreign | {table.key})
    assert await store.size() > 10_000


async def test_rows_are_browsed_searched_and_ordered(store: Store) -> None:
    for number, said in enumerate(("Tea, 100%", "a_b", "coffee")):
        await learn(store, said, BOB if number else ADA)

    async def found(query: str = "", order: str = "") -> list[str]:
        page = await (store.search_rows("facts", query, order) if query else store.rows("facts", order))
        assert (page.total, page.older) == (len(page.rows), None)
        return [row["text"] for row in page.rows]

    assert await found() == ["coffee", "a_b", "Tea, 100%"]
    assert await found("", "id") == ["Tea, 100%", "a_b", "coffee"]
    assert await found("", "-text") == ["coffee", "a_b", "Tea, 100%"]
    assert await found("TEA") == await found("100%") == ["Tea, 100%"]
    assert await found("_b") == ["a_b"], "signs of LIKE are looked for as they stand"
    assert await found("bob") == ["coffee", "a_b"], "in every column of text"
    assert await found("bob", "text") == ["a_b", "coffee"]
    assert (await store.rows("facts", limit=1, offset=1)).total == 3
    for limit, offset in ((1, 0), (1, 1), (2, 0), (5, 1), (5, 9)):
        page = await store.search_rows("facts", "bob", limit=limit, offset=offset)
        assert (page.total, len(page.rows)) == (2, max(0, min(limit, 2 - offset)))
    assert set((await store.rows("facts")).rows[0]) == {*metadata.tables["facts"].c.keys()} - {"search"}
    for name in metadata.tables:
        await store.search_rows(name, "x", before=5.5)
        with pytest.raises(ValueError, match="order"):
            await store.search_rows(name, "x", "nothing")


async def test_a_search_looks_through_so_many_rows_and_goes_on_with_older_ones(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("marotte.store.browser.MOST_SEARCHED", 3)
    for number in range(7):
        await learn(store, f"bell {number}")
        gift = Gift(id=f"p{number}", at=float(number // 2), what="bell")  # two at each moment
        await store.keep_percept(gift, "gifts")
    for table, column, parts in (
        ("facts", "text", [["bell 6", "bell 5", "bell 4"], ["bell 3", "bell 2", "bell 1"], ["bell 0"]]),
        ("percepts", "id", [["p6", "p5", "p4"], ["p3", "p2", "p1", "p0"]]),
    ):
        seen, before = [], None
        while not seen or before is not None:
            page = await store.search_rows(table, "BELL", before=before)
            seen.append([row[column] for row in page.rows])
            assert page.total == len(page.rows)
            before = page.older
        assert seen == parts
    assert (await store.search_rows("facts", "bell 0")).rows == []


@pytest.mark.parametrize("table", ["alembic_version", "facts_search", "sqlite_master", "facts; --", "", "FACTS"])
async def test_other_tables_are_not_there(store: Store, table: str) -> None:
    for work in (store.rows(table), store.edit_row(table, "1", {}, "mia"), store.delete_row(table, "1", "mia")):
        with pytest.raises(LookupError, match="there is no table"):
            await work


@pytest.mark.parametrize("order", ["nothing", "search", "text desc", "--text", "1", "text; DROP TABLE facts"])
async def test_an_order_is_a_column_or_refused(store: Store, order: str) -> None:
    with pytest.raises(ValueError, match="order: facts has no column"):
        await store.rows("facts", order)


@pytest.mark.parametrize(
    ("table", "change", "says"),
    [
        ("facts", {"id": 5}, "facts.id: cannot be edited"),
        ("facts", {"viewer": "x"}, "facts.viewer: cannot be edited"),
        ("facts", {"search": "x"}, "facts.search: cannot be edited"),
        ("facts", {"text": "x", "no": 1}, "facts: there is no column 'no'"),
        ("facts", {"text": 5}, "facts.text: must be text"),
        ("facts", {"text": " \0 "}, "facts.text: must have 1 to 2000 characters"),
        ("facts", {"text": "x" * 2_001}, "facts.text: must have 1 to 2000 characters"),
        ("lines", {"heard": "never"}, "lines.heard: cannot be edited"),
        ("lines", {"turn": "t2"}, "lines.turn: cannot be edited"),
        ("edits", {"by": "x"}, "edits.by: cannot be edited"),
        ("viewers", {"language": "no tag!"}, "viewers.language: must be a language tag"),
        ("timers", {"due": True}, "timers.due: must be a number"),
        ("timers", {"due": float("nan")}, "timers.due: must be a number"),
        ("timers", {"due": -1}, "timers.due: must lie between"),
        ("timers", {"done": "yes"}, "timers.done: must be true or false"),
    ],
)
async def test_what_may_not_be_edited_is_refused_by_name(store: Store, table, change, says) -> None:
    with pytest.raises(ValueError, match=says):
        await store.edit_row(table, "1", change, "mia")


async def test_a_row_is_edited_and_what_stood_there_is_kept(store: Store) -> None:
    timer = await store.add_timer(10.0, text="Tea!")
    assert await store.edit_row("timers", timer, {"due": 20, "done": True, "text": "Tea!"}, "mia")
    assert not await store.edit_row("timers", "no such", {"due": 20}, "mia")
    assert not await store.edit_row("facts", "no number", {"text": "x"}, "mia")
    assert not await store.edit_row("facts", "9" * 30, {"text": "x"}, "mia")
    changed = {edit.column: (edit.by, edit.before, edit.after) for edit in await store.edits()}
    assert changed == {"due": ("mia", "10.0", "20.0"), "done": ("mia", "false", "true")}
    store.seen_viewer(ADA, 1.0)
    assert await store.edit_row("viewers", ADA.id, {"name": "Ada Lovelace", "language": "en-GB"}, "mia")
    assert [viewer.name for viewer in (await store.find_viewers("lovelace"))[1]] == ["Ada Lovelace"]


async def test_a_row_is_deleted_and_what_it_was_is_kept(store: Store) -> None:
    react(store, "t1", ChatMessage(at=1.0, viewer=ADA, text="hi"), heard="Hello.")
    gift = Gift(at=1.0, viewer=ADA)
    await store.keep_percept(gift, "gifts")
    store.begin_turn(TurnStarted(at=2.0, turn="t2", lane="chat", percepts=()), [])
    for table, key, why in (
        ("lines", "l-t1", "delete its turn"),
        ("viewers", ADA.id, "forget the viewer"),
        ("edits", "1", "kept as it is"),
        ("percepts", gift.id, "waits for an answer"),
        ("turns", "t2", "it speaks"),
    ):
        with pytest.raises(Stays, match=why):
            await store.delete_row(table, key, "mia")
    assert await store.delete_row("turns", "no such", "mia") is None
    row = await store.delete_row("turns", "t1", "mia")
    assert row is not None
    assert row["heard"] == "Hello."
    counts = await store.counts()
    assert (counts["turns"], counts["lines"]) == (1, 0)
    (edit,) = await store.edits()
    assert (edit.table, edit.key, edit.column, edit.after) == ("turns", "t1", "", "")
    assert '"heard":"Hello."' in edit.before


async def test_the_history_of_edits_is_bounded(store: Store) -> None:
    async with store._database.flushed.begin() as connection:
        empty = dict.fromkeys(("by", "table", "key", "column", "before", "after", "floor"), "")
        await connection.execute(
            edits.insert(), [{"at": 1.0, "viewers": "[]", **empty, "key": str(n)} for n in range(MOST_EDITS)]
        )
    fact = await learn(store, "one")
    await store.edit_fact(fact, "two", "mia")
    assert (await store.counts())["edits"] == MOST_EDITS
    newest = await store.edits(limit=2)
    assert [edit.key for edit in newest] == [str(fact), str(MOST_EDITS - 1)]


async def test_a_database_of_the_first_schema_is_brought_up_with_its_viewers(url: str) -> None:
    from alembic import command

    def first(connection) -> None:
        settings = config()
        settings.attributes["connection"] = connection
        command.upgrade(settings, "0001")

    database = Database(url)
    async with database.flushed.begin() as connection:
        await connection.run_sync(first)
        await connection.execute(
            text(
                "INSERT INTO viewers (id, name, platform, language, first_seen, last_seen, count)"
                " VALUES ('v1', 'Élodie', 'irc', '', 1.0, 2.0, 3)"
            )
        )
    await database.close()
    store = await Store.open(url, Clock())
    (found,) = (await store.find_viewers("elo"))[1]
    assert (found.id, found.count) == ("v1", 3)
    await store.close()


async def test_edits_of_two_people_at_once_are_both_kept(store: Store) -> None:
    fact = await learn(store, "zero")
    await asyncio.gather(*(store.edit_fact(fact, f"said {n}", f"person {n}") for n in range(10)))
    history = await store.fact_history(fact)
    assert len(history) == 10
    assert [edit.before for edit in history[:-1]] == [edit.after for edit in history[1:]]
