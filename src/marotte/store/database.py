"""How a database is reached: its URL, its connections and their policies, and errors that name file and remedy."""

from pathlib import Path
from typing import Any

from sqlalchemy import URL, event, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

READERS = 4
BUSY_SECONDS = 5.0
_DRIVERS = {
    "sqlite": "sqlite+aiosqlite",
    "sqlite+aiosqlite": "sqlite+aiosqlite",
    "postgres": "postgresql+psycopg",
    "postgresql": "postgresql+psycopg",
    "postgresql+psycopg": "postgresql+psycopg",
}
_REMEDIES = (
    ("not a database", "is damaged or no database: restore a copy, or move it away to start afresh"),
    ("malformed", "is damaged: restore a copy, or move it away to start afresh"),
    ("readonly", "cannot be written: make the file and its folder writable, or name another in store.url"),
    ("unable to open", "cannot be opened: make the file and its folder writable, or name another in store.url"),
    ("locked", "is held by another program: stop that program, or name another file in store.url"),
    ("full", "cannot grow, the disk is full: free some space"),
    ("connect", "cannot be reached: start the server, or correct host, port, user and password in store.url"),
    ("authentication", "refuses us: correct user and password in store.url"),
)


class StoreError(Exception):
    """The database does not do what it must; the message names it and the remedy, and no secret."""


def explain(where: str, error: BaseException) -> StoreError:
    """Put a driver's error into a sentence with the database and the remedy."""
    cause = error.orig if isinstance(error, DBAPIError) else error
    reason = str(cause).strip().split("\n")[0]
    remedy = next((text for sign, text in _REMEDIES if sign in reason.lower()), "failed")
    return StoreError(f"{where}: {remedy} ({reason})")


class Database:
    """The connections to one database: some to read, one for ordinary writes, one for writes flushed to disk.

    An ordinary write survives the death of this process (SQLite: WAL with ``synchronous=NORMAL``; PostgreSQL:
    ``synchronous_commit=off``), a flushed one also the loss of power (``FULL``; ``on``).
    """

    def __init__(self, url: str) -> None:
        """Take an SQLAlchemy URL of SQLite or PostgreSQL; connects to nothing yet. Raises StoreError."""
        self.url = self.parse(url)
        self.sqlite = self.url.get_backend_name() == "sqlite"
        self.where = str(self.url.database) if self.sqlite else self.url.render_as_string(hide_password=True)
        self.file = self.file_of(url)
        """The file of an SQLite database."""
        if self.file is not None:
            _make_file(self.file)
        build = self._sqlite if self.sqlite else self._postgres
        try:
            self.readers = build("NORMAL", READERS).execution_options(isolation_level="AUTOCOMMIT")
            self.ordinary = build("NORMAL", 1)
            self.flushed = build("FULL", 1)
        except ModuleNotFoundError as error:
            raise StoreError(f"{self.where}: needs {error.name}: pip install 'marotte[postgres]'") from None

    @classmethod
    def file_of(cls, url: str) -> Path | None:
        """Return the file of an SQLite database, or None. Raises StoreError."""
        parsed = cls.parse(url)
        return Path(str(parsed.database)) if parsed.get_backend_name() == "sqlite" else None

    @staticmethod
    def parse(url: str) -> URL:
        """Read an SQLAlchemy URL, with the driver that we use. Raises StoreError."""
        try:
            parsed = make_url(url)
        except ArgumentError:
            raise StoreError(
                "store.url: is no URL such as sqlite:////path/show.sqlite or postgresql://host/name"
            ) from None
        if parsed.drivername not in _DRIVERS:
            raise StoreError(f"store.url: {parsed.drivername!r} is not supported, only sqlite and postgresql are")
        if parsed.get_backend_name() == "sqlite" and parsed.database in (None, "", ":memory:"):
            raise StoreError("store.url: an SQLite URL must name a file, for example sqlite:////path/show.sqlite")
        return parsed.set(drivername=_DRIVERS[parsed.drivername])

    async def close(self) -> None:
        """Close every connection."""
        for engine in (self.readers, self.ordinary, self.flushed):
            await engine.dispose()

    def _sqlite(self, synchronous: str, size: int) -> AsyncEngine:
        # IMMEDIATE: a transaction takes the write lock at its first write, where the busy timeout still helps.
        engine = create_async_engine(
            self.url,
            pool_size=size,
            max_overflow=0,
            pool_reset_on_return=None,
            skip_autocommit_rollback=True,
            hide_parameters=True,
            connect_args={"isolation_level": "IMMEDIATE", "timeout": BUSY_SECONDS},
        )

        @event.listens_for(engine.sync_engine, "connect")
        def _policies(connection: Any, _record: Any) -> None:  # pyright: ignore[reportUnusedFunction]
            cursor = connection.cursor()
            # secure_delete: what is forgotten is overwritten in the file, not only unlinked.
            for pragma in (
                "journal_mode=WAL",
                f"synchronous={synchronous}",
                "foreign_keys=ON",
                "secure_delete=ON",
            ):
                cursor.execute(f"PRAGMA {pragma}")
            cursor.close()

        return engine

    def _postgres(self, synchronous: str, size: int) -> AsyncEngine:
        commit = "on" if synchronous == "FULL" else "off"
        return create_async_engine(
            self.url,
            pool_size=size,
            max_overflow=0,
            pool_pre_ping=True,  # a server that was started again is found before a row is lost on it
            skip_autocommit_rollback=True,
            hide_parameters=True,
            connect_args={"options": f"-c synchronous_commit={commit}", "connect_timeout": int(BUSY_SECONDS)},
        )


def _make_file(path: Path) -> None:
    """Create folder and file for this user alone: the rows hold what people said in private."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
    except OSError as error:
        raise StoreError(
            f"{path}: cannot be written: make the file and its folder writable, or name another in store.url"
            f" ({error.strerror})"
        ) from None
