"""The control window's searches: of 100,000 events in its log, and of 100,000 rows of a table.

The log's is measured as REST serves it, beside a bare scan of the same strings.

Half of the queries are for a word that nobody said, so that everything is looked through; the others for words that are
frequent, rare, and in another script, with and without a filter. The limit is a loop over the same strings, folded
beforehand, that looks for the same text and keeps as many. Ours looks at a thousand events at once, and may be quicker.

A search of a table is one step of the database page: the newest rows, or the next older ones. Its limit is SQLite's own
count over as many rows.
"""

import asyncio
import sqlite3
import tempfile
import time
from pathlib import Path
from random import Random

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from bench import Row, Rows, go, median, percentile
from marotte.bus.local import LocalBus
from marotte.events import ChatMessage, Ending, Event, LineStarted, Queued, TurnEnded, Viewer
from marotte.ops.history import MOST, Asked, History
from marotte.store import Store
from marotte.store.browser import MOST_SEARCHED
from marotte.store.tables import facts, percepts
from marotte.time import Clock

ROUNDS = 60
LIMIT = 200
BROWSED = ("pelican", "ペリカン", "jester", "song again moon", "irc:x/17", "x")
BARE = {
    "facts": "SELECT count(*) FROM (SELECT text FROM facts ORDER BY id DESC LIMIT ?) WHERE text LIKE ?",
    "percepts": "SELECT count(*) FROM (SELECT body FROM percepts ORDER BY at DESC LIMIT ?) WHERE body LIKE ?",
}
"""One column of each, the one with the words."""
WORDS = ("hello", "jester", "bells", "song", "again", "moon", "apple", "curtain", "très", "舞台", "面白い", "why")
ASKED = (
    Asked("pelican"),
    Asked("pelican", floor="public"),
    Asked("ペリカン"),
    Asked("zzz", kind="chat_message"),
    Asked("jester"),
    Asked("舞台", kind="line_started"),
    Asked("viewer 4321"),
    Asked(turn="t17"),
)


def an_event(rng: Random, number: int) -> Event:
    """Make what a busy show publishes: chat, what waits, lines, endings."""
    text = " ".join(rng.choices(WORDS, k=rng.randint(2, 14)))
    viewer, turn = rng.randrange(20_000), f"t{number // 50}"
    match number % 10:
        case 0 | 1 | 2 | 3 | 4:
            return ChatMessage(text=text, viewer=Viewer(id=f"irc:x/{viewer}", name=f"Viewer {viewer}"), at=1.8e9)
        case 5 | 6 | 7:
            return Queued(percept=f"p{number}", lane="chat", text=text, who=f"Viewer {viewer}", at=1.8e9)
        case 8:
            return LineStarted(turn=turn, line=f"l{number}", sample=number, shown=text, spoken=text, language="en")
        case _:
            return TurnEnded(turn=turn, lane="chat", ending=Ending(state="done", heard=text), at=1.8e9)


def bare(strings: list[str], text: str) -> int:
    """Look for a text in strings, newest first."""
    found = 0
    for string in reversed(strings):
        if text in string:
            found += 1
            if found == LIMIT:
                break
    return found


async def _measure() -> Rows:
    rng, history = Random(5), History(LocalBus())
    busy = [an_event(rng, number) for number in range(MOST)]
    began = time.perf_counter()
    for event in busy:
        history.add(event)
    filling = (time.perf_counter() - began) / MOST
    strings = [history._words(event) for event in busy]
    del busy
    ours, limit, held = [], [], []
    for _ in range(ROUNDS):
        for asked in ASKED:
            began = time.perf_counter()
            search = asyncio.create_task(history.find(asked, limit=LIMIT))
            while not search.done():
                turn = time.perf_counter()
                await asyncio.sleep(0)
                held.append(time.perf_counter() - turn)
            ours.append((time.perf_counter() - began) * 1e3)
            began = time.perf_counter()
            bare(strings, asked.text.casefold() or asked.turn)
            limit.append((time.perf_counter() - began) * 1e3)
    return [
        Row(f"control: search of {MOST:,} events, median", "ms", median(ours), median(limit)),
        Row(f"control: search of {MOST:,} events, p95", "ms", percentile(ours, 0.95), percentile(limit, 0.95), 50),
        Row("control: the longest that a search holds up the event loop", "ms", max(held) * 1e3, None),
        Row("control: to remember an event", "µs", filling * 1e6, None),
    ]


async def _browse() -> Rows:
    ours, limit = [], []
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "show.sqlite"
        store = await Store.open(f"sqlite:///{file}", Clock())
        await store._writer.now(_fill)
        bare = sqlite3.connect(file)
        for _ in range(5):
            for table in ("facts", "percepts"):
                for query in BROWSED:
                    before: float | None = None
                    for _ in range(3):
                        began = time.perf_counter()
                        page = await store.search_rows(table, query, before=before)
                        ours.append((time.perf_counter() - began) * 1e3)
                        before = page.older
                    began = time.perf_counter()
                    bare.execute(BARE[table], (MOST_SEARCHED, f"%{query}%")).fetchall()
                    limit.append((time.perf_counter() - began) * 1e3)
        bare.close()
        await store.close()
    what = f"control: {MOST_SEARCHED:,} of {MOST:,} rows searched"
    return [
        Row(f"{what}, median", "ms", median(ours), median(limit)),
        Row(f"{what}, p95", "ms", percentile(ours, 0.95), percentile(limit, 0.95), 50),
    ]


async def _fill(connection: AsyncConnection) -> None:
    """Write down what a year of shows leaves."""
    rng = Random(5)
    known, came = [], []
    for number in range(MOST):
        text, viewer = " ".join(rng.choices(WORDS, k=rng.randint(4, 14))), f"irc:x/{rng.randrange(20_000)}"
        mark = {"viewer": viewer, "at": 1.8e9 + number}
        fact = {"scope": "public", "key": "note", "text": text, "quote": text, "search": text, "source": f"p{number}"}
        body = msgspec.json.encode(ChatMessage(text=text, viewer=Viewer(id=viewer, name="Viewer"))).decode()
        percept = {"id": f"{rng.getrandbits(96):024x}", "floor": "public", "kind": "chat_message", "lane": "chat"}
        known.append(fact | mark)
        came.append(percept | mark | {"body": body, "state": "answered", "turn": f"t{number}"})
    await connection.execute(facts.insert(), known)
    await connection.execute(percepts.insert(), came)


async def _all() -> Rows:
    return [*await _measure(), *await _browse()]


def run() -> Rows:
    return go(_all())
