"""Rows of people: viewers, what is known of them, finding it again, and forgetting it."""

from functools import cached_property
from typing import Any

import msgspec
from sqlalchemy import (
    ColumnElement,
    Insert,
    case,
    column,
    delete,
    func,
    literal_column,
    or_,
    select,
    table,
    text,
    true,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from marotte.events import Viewer
from marotte.store.base import Write
from marotte.store.rows import Fact
from marotte.store.tables import accounts, edits, facts, notes, quotes, tallies, timers, viewers, wrote
from marotte.store.turns import Turns
from marotte.store.verdicts import unname
from marotte.text.language import base
from marotte.text.normal import searchable, words

MOST_FACTS = 200
"""So many facts are kept of one viewer in one scope; then the oldest goes."""
MOST_TERMS = 32
"""So many words of a query are looked for."""

_SMALL_WORDS = {
    "en": "a am and are as at be been but by can could did do does for from had has have he her him his how i in is it"
    " its me my no not of on or our she so that the their them they this to was we were what when where which who why"
    " will with would yes you your m s t re ll ve don tell know remember about",
    "es": "al como con cual cuando de del donde el ella en eres es esta este hay la las lo los mas me mi mis nos o"
    " para pero por que quien se si sin soy su sus te tu tus un una y ya yo",
    "fr": "au aux avec c ce ces cet cette comment d dans des du elle en est et eu il ils j je l la le les leur ma mais"
    " me mes moi mon n ne nous on ou par pas pour qu quand que qui quel quelle sa se ses si son sont sur ta te tes toi"
    " ton tu un une vous y",
    "zh": "什么 我的 你的 是什 吗 的 了 是 我 你",
    "ja": "です ます した して いる ですか すか 私の は何 何で のは でし しょ って ない",
}
# What many facts hold and no question is about, as `words` writes it.
_SMALL = {language: frozenset(listed.split()) for language, listed in _SMALL_WORDS.items()}
_ALL_SMALL = frozenset[str]().union(*_SMALL.values())
_FACT = (*(c for c in facts.c if c.name != "search"),)
_INDEX = table("facts_search", column("rowid"))


class People(Turns):
    """Knows viewers and facts about them; each fact has one scope, and is found in that scope alone.

    Facts are committed before ``add_fact`` returns, so that to recall them a turn waits for no write.
    """

    @cached_property
    def _seen(self) -> Insert:
        seen = self._insert(viewers)
        new = seen.excluded
        changes = {
            "name": new.name,
            "search": new.search,
            "last_seen": new.last_seen,
            "count": viewers.c.count + 1,
            "language": case((new.language != "", new.language), else_=viewers.c.language),
        }
        return seen.on_conflict_do_update(index_elements=["id"], set_=changes)

    def seen_viewer(self, viewer: Viewer, at: float, language: str = "") -> None:
        """Keep that a viewer is here, and the language last used where it is known."""
        seen = {
            "id": viewer.id,
            "name": viewer.name,
            "platform": viewer.platform,
            "first_seen": at,
            "last_seen": at,
            "language": language,
            "count": 1,
            "search": searchable(viewer.name),
        }
        self._soon(Write(self._seen, seen))

    async def last_seen(self, *viewers_: str) -> dict[str, float]:
        """Return when each of these viewers was here last; who never was is not among them."""
        query = select(viewers.c.id, viewers.c.last_seen).where(viewers.c.id.in_(viewers_))
        return {row["id"]: row["last_seen"] for row in await self._read(query, settled=False)}

    async def add_fact(
        self,
        viewer: str,
        scope: str,
        key: str,
        text: str,
        *,
        source: str,
        quote: str,
        single: bool = False,
        found_by: str = "",
    ) -> int:
        """Keep one sentence about a viewer and return its id. Raises StoreError.

        ``source`` and ``quote`` are the percept and the words that it was learnt from. ``single``: it takes the place
        of what was known under ``key``. ``found_by``: further words under which it is found.
        """
        same = (facts.c.viewer == viewer, facts.c.scope == scope, facts.c.key == key)
        old = delete(facts).where(*same) if single else delete(facts).where(*same, facts.c.text == text)
        terms = " ".join(dict.fromkeys(words(f"{text} {found_by}")))
        new = facts.insert().values(
            viewer=viewer,
            scope=scope,
            key=key,
            text=text,
            source=source,
            quote=quote,
            at=self._clock.wall(),
            search=terms,
        )
        theirs = (facts.c.viewer == viewer, facts.c.scope == scope)
        newest = select(facts.c.id).where(*theirs).order_by(facts.c.at.desc(), facts.c.id.desc()).limit(MOST_FACTS)

        async def work(connection: AsyncConnection) -> int:
            await connection.execute(old)
            added = (await connection.execute(new.returning(facts.c.id))).scalar_one()
            await connection.execute(delete(facts).where(*theirs, facts.c.id.not_in(newest.scalar_subquery())))
            return added

        return await self._writer.now(work)

    async def facts_of(self, scope: str, *of: str, limit: int = MOST_FACTS) -> list[Fact]:
        """Return what is known in a scope, newest first: of these viewers, or of everybody where none is given."""
        query = select(*_FACT).where(*_known_in(scope, of)).order_by(facts.c.at.desc(), facts.c.id.desc())
        return [Fact(**row) for row in await self._read(query.limit(limit), settled=False)]

    async def search_facts(self, query: str, scope: str, *of: str, limit: int = 6, language: str = "") -> list[Fact]:
        """Return the facts of a scope that share words with ``query``, the likest first; ``of`` as in ``facts_of``.

        The small words of ``language`` do not count; where it is not known, those of every language.
        """
        small = _SMALL.get(base(language), _ALL_SMALL)
        terms = [term for term in dict.fromkeys(words(query)) if term not in small][:MOST_TERMS]
        if not terms:
            return []
        found = select(*_FACT).where(*_known_in(scope, of)).limit(limit)
        if self._database.sqlite:
            found = (
                found.join_from(_INDEX, facts, facts.c.id == _INDEX.c.rowid)
                .where(text("facts_search MATCH :terms"))
                .order_by(text("bm25(facts_search)"), facts.c.id.desc())
                .params(terms=" OR ".join(f'"{term}"{"*" * _alone(term)}' for term in terms))
            )
        else:
            vector: ColumnElement[Any] = literal_column("facts.facts_search")
            wanted = func.to_tsquery(
                literal_column("'simple'"), " | ".join(f"'{term}'{':*' * _alone(term)}" for term in terms)
            )
            found = found.where(vector.op("@@")(wanted)).order_by(
                func.ts_rank(vector, wanted).desc(), facts.c.id.desc()
            )
        return [Fact(**row) for row in await self._read(found, settled=False)]

    async def forget_fact(self, fact: int) -> bool:
        """Delete one fact and how it was edited; return whether there was one."""
        if not await self._read(select(facts.c.id).where(facts.c.id == fact)):
            return False

        async def work(connection: AsyncConnection) -> int:
            await connection.execute(delete(edits).where(edits.c["table"] == facts.name, edits.c["key"] == str(fact)))
            return (await connection.execute(delete(facts).where(facts.c.id == fact))).rowcount

        return await self._erase(work) > 0

    async def forget_viewer(self, viewer: str) -> int:
        """Delete all that a viewer said and all that is known of them, in every scope; return how many rows went.

        Whose accounts are joined under this one is forgotten on all of them.
        """
        further = select(accounts.c.viewer).where(accounts.c.main == viewer)

        async def work(connection: AsyncConnection) -> int:
            theirs = [viewer, *await connection.scalars(further)]
            return sum([await self._forget_account(connection, one) for one in theirs])

        return await self._erase(work)

    async def _forget_account(self, connection: AsyncConnection, viewer: str) -> int:
        concerned = self._elements(edits.c.viewers)
        edited = select(edits.c.id).join(concerned, true()).where(concerned.c.value == viewer)
        quoted = msgspec.json.encode(viewer).decode()  # as a reminder and a ticket hold it
        gone = await self._unsay(connection, viewer)
        await connection.execute(delete(edits).where(edits.c.id.in_(edited)))
        for statement in (
            delete(facts).where(facts.c.viewer == viewer),
            delete(notes).where(notes.c.viewer == viewer),
            delete(timers).where(timers.c.text.contains(quoted, autoescape=True)),
            delete(tallies).where(tallies.c.name.contains(quoted, autoescape=True)),
            delete(quotes).where(quotes.c.by == viewer),
            delete(wrote).where(wrote.c.viewer == viewer),
            delete(viewers).where(viewers.c.id == viewer),
            delete(accounts).where(or_(accounts.c.main == viewer, accounts.c.viewer == viewer)),
        ):
            gone += (await connection.execute(statement)).rowcount
        return gone + await unname(connection, viewer)


def _known_in(scope: str, viewers: tuple[str, ...]) -> list[ColumnElement[bool]]:
    return [facts.c.scope == scope, *([facts.c.viewer.in_(viewers)] if viewers else [])]


def _alone(term: str) -> bool:
    """Tell a single Chinese or Japanese character: it is looked for as the beginning of a pair."""
    return len(term) == 1 and term >= "\u3005"
