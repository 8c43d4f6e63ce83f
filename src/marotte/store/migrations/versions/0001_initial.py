"""The first schema."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

TABLES = ("stopped", "timers", "facts", "viewers", "lines", "turns", "percepts")

# FTS5 keeps its own index of facts.search and no second copy of the text; triggers hold the two together.
FTS5 = (
    "CREATE VIRTUAL TABLE facts_search USING fts5"
    " (search, content='facts', content_rowid='id', tokenize='porter unicode61')",
    "CREATE TRIGGER facts_search_added AFTER INSERT ON facts BEGIN"
    " INSERT INTO facts_search (rowid, search) VALUES (new.id, new.search); END",
    "CREATE TRIGGER facts_search_removed AFTER DELETE ON facts BEGIN"
    " INSERT INTO facts_search (facts_search, rowid, search) VALUES ('delete', old.id, old.search); END",
    "CREATE TRIGGER facts_search_changed AFTER UPDATE OF search ON facts BEGIN"
    " INSERT INTO facts_search (facts_search, rowid, search) VALUES ('delete', old.id, old.search);"
    " INSERT INTO facts_search (rowid, search) VALUES (new.id, new.search); END",
)
# Stored, because ranking would otherwise take every fact that matches apart again.
TSVECTOR = (
    "ALTER TABLE facts ADD COLUMN facts_search tsvector GENERATED ALWAYS AS (to_tsvector('simple', search)) STORED",
    "CREATE INDEX facts_search ON facts USING gin (facts_search)",
)


def upgrade() -> None:
    """Create every table, and the search index in the database's own kind."""
    _conversation()
    _people()
    for statement in FTS5 if op.get_bind().dialect.name == "sqlite" else TSVECTOR:
        op.execute(statement)


def downgrade() -> None:
    """Remove everything."""
    if op.get_bind().dialect.name == "sqlite":
        op.execute("DROP TABLE facts_search")
    for table in TABLES:
        op.drop_table(table)


def _text(*names: str) -> list[sa.Column[str]]:
    return [sa.Column(name, sa.Text, nullable=False) for name in names]


def _float(*names: str) -> list[sa.Column[float]]:
    return [sa.Column(name, sa.Float, nullable=False) for name in names]


def _key() -> sa.Column[str]:
    return sa.Column("id", sa.Text, nullable=False)


def _flag(name: str) -> sa.Column[bool]:
    return sa.Column(name, sa.Boolean, nullable=False)


def _index(table: str, *columns: str) -> None:
    op.create_index(f"ix_{table}_{'_'.join(columns)}", table, list(columns))


def _conversation() -> None:
    op.create_table(
        "percepts",
        _key(),
        *_float("at"),
        *_text("floor", "kind", "viewer", "lane", "body", "state", "turn"),
        sa.PrimaryKeyConstraint("id", name="pk_percepts"),
    )
    for columns in (("state", "at"), ("turn",), ("viewer",), ("at",)):
        _index("percepts", *columns)
    op.create_table(
        "turns",
        _key(),
        *_float("at"),
        *_text("floor", "lane", "state", "who", "text", "heard", "reason", "timings", "percepts"),
        _flag("cut"),
        sa.PrimaryKeyConstraint("id", name="pk_turns"),
    )
    for columns in (("floor", "at"), ("at",), ("state",)):
        _index("turns", *columns)
    op.create_table(
        "lines",
        _key(),
        *_text("turn", "floor", "shown", "spoken", "language", "heard", "state"),
        *_float("at"),
        sa.Column("ordinal", sa.Integer, nullable=False),
        sa.Column("sample", sa.BigInteger, nullable=False),
        _flag("cut"),
        sa.PrimaryKeyConstraint("id", name="pk_lines"),
        sa.ForeignKeyConstraint(["turn"], ["turns.id"], name="fk_lines_turn", ondelete="CASCADE"),
    )
    _index("lines", "turn", "ordinal")
    op.create_table(
        "stopped",
        *_text("line", "turn", "floor", "reason", "shown"),
        *_float("at"),
        _flag("released"),
        sa.PrimaryKeyConstraint("line", name="pk_stopped"),
    )
    for columns in (("at",), ("turn",)):
        _index("stopped", *columns)


def _people() -> None:
    op.create_table(
        "viewers",
        _key(),
        *_text("name", "platform", "language"),
        *_float("first_seen", "last_seen"),
        sa.Column("count", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_viewers"),
    )
    _index("viewers", "last_seen")
    op.create_table(
        "facts",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        *_text("viewer", "scope", "key", "text", "source", "quote", "search"),
        *_float("at"),
        sa.PrimaryKeyConstraint("id", name="pk_facts"),
    )
    for columns in (("scope", "viewer", "key"), ("viewer",)):
        _index("facts", *columns)
    op.create_table(
        "timers",
        _key(),
        *_float("due"),
        *_text("floor", "schedule", "text"),
        _flag("done"),
        sa.PrimaryKeyConstraint("id", name="pk_timers"),
    )
    _index("timers", "done", "due")
