"""The rows: one model for SQLite and PostgreSQL. Times are seconds since the epoch."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Dialect,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    TypeDecorator,
)

HEAD = "0004"
"""The revision of the schema below; a test holds it to the newest migration."""


class Words(TypeDecorator[str]):
    """Text from outside: PostgreSQL takes neither a NUL nor half a surrogate pair, and loses no row over one here."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """Leave out what no database takes."""
        return value and clean(value)


def clean(text: str) -> str:
    """Return the text without what no database takes."""
    return text.replace("\0", "").encode("utf-8", "ignore").decode()


metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# SQLite counts up only a column of exactly the type INTEGER.
_Counted = BigInteger().with_variant(Integer(), "sqlite")

percepts = Table(
    "percepts",
    metadata,
    Column("id", Words, primary_key=True),
    Column("at", Float, nullable=False),
    Column("floor", Words, nullable=False),
    Column("kind", Words, nullable=False),
    Column("viewer", Words, nullable=False),
    Column("lane", Words, nullable=False),
    Column("body", Words, nullable=False),
    # waiting: a restart answers it · answered: a line naming it was heard to its end · expired: never will be
    Column("state", Words, nullable=False),
    Column("turn", Words, nullable=False),
    Index(None, "state", "at"),
    Index(None, "turn"),
    Index(None, "viewer"),
    Index(None, "at"),
)

turns = Table(
    "turns",
    metadata,
    Column("id", Words, primary_key=True),
    Column("at", Float, nullable=False),
    Column("floor", Words, nullable=False),
    Column("lane", Words, nullable=False),
    Column("state", Words, nullable=False),  # speaking, or the state of its Ending
    Column("who", Words, nullable=False),
    Column("text", Words, nullable=False),
    Column("heard", Words, nullable=False),
    Column("cut", Boolean, nullable=False),
    Column("reason", Words, nullable=False),
    Column("timings", Words, nullable=False),
    Column("percepts", Words, nullable=False),
    Index(None, "floor", "at"),
    Index(None, "at"),
    Index(None, "state"),
)

lines = Table(
    "lines",
    metadata,
    Column("id", Words, primary_key=True),
    Column("turn", Words, ForeignKey("turns.id", ondelete="CASCADE"), nullable=False),
    Column("floor", Words, nullable=False),
    Column("at", Float, nullable=False),
    Column("ordinal", Integer, nullable=False),
    Column("shown", Words, nullable=False),
    Column("spoken", Words, nullable=False),
    Column("language", Words, nullable=False),
    Column("heard", Words, nullable=False),
    Column("sample", BigInteger, nullable=False),
    Column("cut", Boolean, nullable=False),
    Column("state", Words, nullable=False),  # speaking or ended
    Index(None, "turn", "ordinal"),
)

viewers = Table(
    "viewers",
    metadata,
    Column("id", Words, primary_key=True),
    Column("name", Words, nullable=False),
    Column("platform", Words, nullable=False),
    Column("first_seen", Float, nullable=False),
    Column("last_seen", Float, nullable=False),
    Column("language", Words, nullable=False),
    Column("count", Integer, nullable=False),  # how often they were seen
    Column("search", Words, nullable=False, server_default=""),  # the name as `searchable` writes it
    Index(None, "last_seen"),
)

facts = Table(
    "facts",
    metadata,
    Column("id", _Counted, primary_key=True),
    Column("viewer", Words, nullable=False),
    Column("scope", Words, nullable=False),
    Column("key", Words, nullable=False),
    Column("text", Words, nullable=False),
    Column("source", Words, nullable=False),  # the percept that it was learnt from
    Column("quote", Words, nullable=False),  # and the very words
    Column("at", Float, nullable=False),
    Column("search", Words, nullable=False),
    Index(None, "scope", "viewer", "key"),
    Index(None, "scope", "id"),
    Index(None, "viewer"),
)

timers = Table(
    "timers",
    metadata,
    Column("id", Words, primary_key=True),
    Column("due", Float, nullable=False),
    Column("floor", Words, nullable=False),
    Column("schedule", Words, nullable=False),
    Column("text", Words, nullable=False),
    Column("done", Boolean, nullable=False),
    Index(None, "done", "due"),
)

stopped = Table(
    "stopped",
    metadata,
    Column("line", Words, primary_key=True),
    Column("turn", Words, nullable=False),
    Column("floor", Words, nullable=False),
    Column("at", Float, nullable=False),
    Column("reason", Words, nullable=False),
    Column("shown", Words, nullable=False),
    Column("released", Boolean, nullable=False),
    Index(None, "at"),
    Index(None, "turn"),
)

# What those who look after the show write down about a viewer.
notes = Table(
    "notes",
    metadata,
    Column("viewer", Words, primary_key=True),
    Column("text", Words, nullable=False),
    Column("at", Float, nullable=False),
    Column("by", Words, nullable=False),
)

# What was changed by hand.
edits = Table(
    "edits",
    metadata,
    Column("id", _Counted, primary_key=True),
    Column("at", Float, nullable=False),
    Column("by", Words, nullable=False),
    Column("table", Words, nullable=False),
    Column("key", Words, nullable=False),
    Column("column", Words, nullable=False),  # "": the whole row, which is no more
    Column("before", Words, nullable=False),
    Column("after", Words, nullable=False),
    Column("viewers", Words, nullable=False),  # whom the row concerned, as JSON: who is forgotten takes the edit along
    Column("floor", Words, nullable=False),  # where it belonged: a memory that is cleared takes the edit along
    Index(None, "table", "key"),
    Index(None, "floor"),
)

# Further accounts of people who are remembered under another one.
accounts = Table(
    "accounts",
    metadata,
    Column("viewer", Words, primary_key=True),
    Column("main", Words, nullable=False),
    Column("at", Float, nullable=False),
    Column("by", Words, nullable=False),  # an operator, or "code": they gave one on both
    Index(None, "main"),
)

# What was decided on viewers.
verdicts = Table(
    "verdicts",
    metadata,
    Column("id", Words, primary_key=True),  # that of the act
    Column("at", Float, nullable=False),
    Column("link", Words, nullable=False),
    Column("channel", Words, nullable=False),
    Column("viewer", Words, nullable=False),
    Column("name", Words, nullable=False),
    Column("action", Words, nullable=False),
    Column("seconds", Float, nullable=False),
    Column("reason", Words, nullable=False),
    Column("source", Words, nullable=False),
    Column("evidence", Words, nullable=False),  # as JSON: what counted, and how much
    Column("by", Words, nullable=False),  # "program", "character", or an operator's name
    # rehearsed: nothing was done · suggested: it waits for an operator · waiting · done · refused · undone
    Column("state", Words, nullable=False),
    Column("detail", Words, nullable=False),
    Column("appeal", Words, nullable=False),
    Index(None, "at"),
    Index(None, "viewer"),
    Index(None, "state"),
)

# What is counted for the show: counters, redemptions by kind, tickets of a raffle.
tallies = Table(
    "tallies",
    metadata,
    Column("id", _Counted, primary_key=True),
    Column("kind", Words, nullable=False),
    Column("name", Words, nullable=False),
    Column("count", BigInteger, nullable=False),
    Index("ix_tallies_kind_name", "kind", "name", unique=True),
)

quotes = Table(
    "quotes",
    metadata,
    Column("id", _Counted, primary_key=True),
    Column("at", Float, nullable=False),
    Column("text", Words, nullable=False),
    Column("by", Words, nullable=False),
)

# Who has ever written on a link, so that a first message is known for one.
wrote = Table(
    "wrote",
    metadata,
    Column("id", _Counted, primary_key=True),
    Column("link", Words, nullable=False),
    Column("viewer", Words, nullable=False),
    Column("at", Float, nullable=False),
    Index("ix_wrote_viewer_link", "viewer", "link", unique=True),
)
