"""What the doctor looks at in the data folder: who may read it, tokens, the database and its schema."""

import asyncio
import os
import sqlite3
from pathlib import Path

from marotte.ops.findings import Check, Figure

_SHORTEST_TOKEN = 16
_WITHIN = 8.0


def folder(data: Path) -> Check:
    """Look whether what lasts can be written."""
    place = data
    while not place.exists():
        place = place.parent
    if not place.is_dir() or not os.access(place, os.W_OK | os.X_OK):
        return Check(
            name="folder",
            state="bad",
            detail=f"{data} cannot be written" if place.is_dir() else f"{place} is no folder",
            remedy="change its owner, or set MAROTTE_DATA_DIR to another place",
        )
    size = sum(file.stat().st_size for file in data.rglob("*") if file.is_file())
    return Check(name="folder", detail=str(data), figures=(Figure(name="size", value=round(size / 1e6, 1), unit="MB"),))


def sounds(data: Path, most: int) -> Check:
    """Look how much sound of earlier lines is kept, of at most so many megabytes."""
    place = data / "sounds"
    files = [file.stat().st_size for file in place.iterdir() if file.is_file()] if place.is_dir() else []
    if not most:
        return Check(name="kept sound", detail="none is kept: cache_mb = 0")
    size = Figure(name="size", value=round(sum(files) / 1e6, 1), unit="MB", limit=most)
    return Check(name="kept sound", detail=str(place), figures=(size,))


def tokens(data: Path) -> list[Check]:
    """Look whether tokens and keys are read by their owner alone, and whether they are long enough."""
    files = sorted([*data.glob("*.token"), *data.glob("tokens.*"), *data.glob("lan/*.key")])
    if not files:
        return [Check(name="tokens", detail="made at the first run")]
    return [_token(file) for file in files]


def _token(file: Path) -> Check:
    name = f"{file.name}"
    if file.stat().st_mode & 0o077:
        remedy = f"chmod 600 {file}, and delete it if somebody may have read it: a new one is made"
        return Check(name=name, state="bad", detail="others on this machine can read it", remedy=remedy)
    try:
        short = file.suffix == ".token" and len(file.read_text("ascii").strip()) < _SHORTEST_TOKEN
    except (OSError, UnicodeDecodeError) as error:
        return Check(name=name, state="bad", detail=str(error), remedy=f"delete {file}: a new one is made")
    if short:
        remedy = f"delete {file}: a new one is made"
        return Check(name=name, state="bad", detail=f"shorter than {_SHORTEST_TOKEN} characters", remedy=remedy)
    return Check(name=name, detail="read by its owner alone")


def dotenv(place: Path) -> list[Check]:
    """Look whether the file with the secrets is read by its owner alone, where there is one."""
    file = place / ".env"
    if not file.is_file():
        return []
    if file.stat().st_mode & 0o077:
        return [Check(name=".env", state="warn", detail="others can read your keys", remedy=f"chmod 600 {file}")]
    return [Check(name=".env", detail="read by its owner alone")]


async def database(url: str, data: Path) -> Check:
    """Look whether the database can be read and which schema it has; nothing is written or migrated."""
    from marotte.store.tables import HEAD

    name = "database"
    try:
        async with asyncio.timeout(_WITHIN):
            where, revision = await (_server(url) if url else asyncio.to_thread(_file, data / "marotte.sqlite"))
    except TimeoutError:
        remedy = "look whether it runs and can be reached from here"
        return Check(name=name, state="bad", detail=f"no answer within {_WITHIN:g} s", remedy=remedy)
    except Exception as error:
        # What a driver raises is told in the store's own words where it has some.
        return Check(
            name=name,
            state="bad",
            detail=str(error).split("\n")[0],
            remedy="mend it, or name another database in store.url",
        )
    if revision is None:
        return Check(name=name, detail=f"{where}: made at the first run")
    if revision == HEAD:
        return Check(name=name, detail=f"{where}: schema {revision}")
    if revision < HEAD:
        return Check(name=name, detail=f"{where}: schema {revision}, brought to {HEAD} at the next run")
    remedy = "install the newer version of Marotte that wrote it, or name another database in store.url"
    return Check(name=name, state="bad", detail=f"{where}: schema {revision}, newer than {HEAD}", remedy=remedy)


def _file(file: Path) -> tuple[str, str | None]:
    """Read the schema's revision of an SQLite file. Raises StoreError."""
    from marotte.store.database import explain

    if not file.is_file():
        return str(file), None
    try:
        connection = sqlite3.connect(f"{file.resolve().as_uri()}?mode=ro", uri=True, timeout=2.0)
        try:
            row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
        finally:
            connection.close()
    except sqlite3.OperationalError as error:
        if "no such table" in str(error):
            return str(file), None
        raise explain(str(file), error) from None
    except sqlite3.Error as error:
        raise explain(str(file), error) from None
    return str(file), row[0] if row else None


async def _server(url: str) -> tuple[str, str | None]:
    """Read the schema's revision from the database of a URL. Raises StoreError."""
    from sqlalchemy import make_url, text
    from sqlalchemy.exc import ArgumentError, DBAPIError

    from marotte.store.database import Database, StoreError, explain

    try:
        parsed = make_url(url)
    except ArgumentError:
        raise StoreError("store.url: is no URL such as sqlite:////path/show.sqlite or postgresql://host/name") from None
    if parsed.get_backend_name() == "sqlite":
        # Read only: to look must not make the file.
        return await asyncio.to_thread(_file, Path(str(parsed.database)))
    database = Database(url)
    try:
        async with database.readers.connect() as connection:
            return database.where, (await connection.execute(text("SELECT version_num FROM alembic_version"))).scalar()
    except DBAPIError as error:
        if getattr(error.orig, "sqlstate", "") == "42P01":
            return database.where, None
        raise explain(database.where, error) from None
    finally:
        await database.close()
