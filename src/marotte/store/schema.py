"""Brings a database to the schema that this program knows."""

import sqlite3
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, cast

from sqlalchemy import Connection, inspect, text
from sqlalchemy.exc import DBAPIError, OperationalError, ProgrammingError
from sqlalchemy.ext.asyncio import AsyncConnection

from marotte.store.database import Database, StoreError
from marotte.store.tables import HEAD, metadata

if TYPE_CHECKING:
    from alembic.config import Config

_LOCK = 7_246_101
"""The key of PostgreSQL's advisory lock under which one program at a time migrates; any constant will do."""


async def bring_to_head(database: Database) -> None:
    """Run the migrations that are missing; a database at head costs one select. Raises StoreError."""
    async with database.readers.connect() as connection:
        if await _revision(connection) == HEAD:
            return
    async with database.flushed.begin() as connection:
        # SQLite's driver begins no transaction before a change of schema: without this a crash leaves half a schema.
        begin = "BEGIN IMMEDIATE" if database.sqlite else f"SELECT pg_advisory_xact_lock({_LOCK})"
        await connection.exec_driver_sql(begin)
        await connection.run_sync(_upgrade, database.where)


def config() -> "Config":
    """Return Alembic's settings for the migrations that travel with the package."""
    from alembic.config import Config

    settings = Config()
    settings.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    return settings


@cache
def known_revisions() -> frozenset[str]:
    """Return every revision of the schema that this version can bring to its own."""
    from alembic.script import ScriptDirectory

    return frozenset(script.revision for script in ScriptDirectory.from_config(config()).walk_revisions())


Shape = frozenset[tuple[str, str, str]]
"""Each table, index, trigger and view of an SQLite database: its kind, its name, and what it is made of."""


def shape(connection: sqlite3.Connection) -> Shape:
    """Return what an SQLite database is made of: tables by their columns, everything that runs by its SQL."""
    found: set[tuple[str, str, str]] = set()
    for kind, name, table, sql in connection.execute("SELECT type, name, tbl_name, sql FROM sqlite_schema"):
        made = str(sql)
        if kind == "table" and not made.upper().startswith("CREATE VIRTUAL"):
            columns = connection.execute("SELECT name, upper(type), pk FROM pragma_table_info(?)", (name,))
            made = str(sorted(columns))
        elif kind == "index":
            # SQL may be spelled in many ways, and an index that a constraint makes has none.
            made = str((table, connection.execute("SELECT name FROM pragma_index_info(?)", (name,)).fetchall()))
        found.add((str(kind), str(name), made))
    return frozenset(found)


@cache
def shape_of(revision: str) -> Shape:
    """Return the shape that the migrations give an SQLite database at a revision."""
    from alembic import command
    from sqlalchemy import create_engine
    from sqlalchemy.pool import StaticPool

    engine = create_engine("sqlite://", poolclass=StaticPool)
    settings = config()
    with engine.begin() as connection:
        settings.attributes["connection"] = connection
        command.upgrade(settings, revision)
        made = shape(cast("sqlite3.Connection", connection.connection.driver_connection))
    engine.dispose()
    return made


def _upgrade(connection: Connection, where: str) -> None:
    from alembic import command
    from alembic.runtime.migration import MigrationContext

    settings = config()
    revision = MigrationContext.configure(connection).get_current_revision()
    if revision is not None and revision not in known_revisions():
        raise StoreError(
            f"{where}: belongs to a newer version of Marotte (schema {revision}, this one knows {HEAD}):"
            " install that version, or name another database in store.url"
        )
    if revision is None and (foreign := set(inspect(connection).get_table_names()) & set(metadata.tables)):
        raise StoreError(
            f"{where}: holds tables of another program ({', '.join(sorted(foreign))}): name another in store.url"
        )
    settings.attributes["connection"] = connection
    command.upgrade(settings, "head")


async def _revision(connection: AsyncConnection) -> str | None:
    try:
        return (await connection.execute(text("SELECT version_num FROM alembic_version"))).scalar()
    except (OperationalError, ProgrammingError) as error:
        if _no_such_table(error):
            return None
        raise


def _no_such_table(error: DBAPIError) -> bool:
    return getattr(error.orig, "sqlstate", "") == "42P01" or "no such table" in str(error.orig)
