"""Backup and restore: one archive with the rows, the show file and a manifest; checked before it takes any place.

The archive is a zip with ``manifest.json``, ``marotte.sqlite`` (a whole database, by SQLite's online backup) and, where
there is one, ``show.toml``. PostgreSQL has tools of its own for this, and is told so. Everything here waits for the
disk: call it in a thread, ``stage`` excepted.
"""

import asyncio
import hashlib
import logging
import os
import shutil
import sqlite3
import struct
import tempfile
import time
import zipfile
import zlib
from collections.abc import Generator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

import msgspec
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

import marotte
from marotte.store.database import Database, StoreError
from marotte.store.schema import bring_to_head, known_revisions, shape, shape_of

log = logging.getLogger(__name__)

FORMAT = 1
LARGEST = 4_000_000_000
"""Bytes that a database in an archive may have."""
LARGEST_ARCHIVE = 2_000_000_000
KEPT = 3
"""So many replaced databases are kept beside the one in use; then the oldest goes."""
ON_POSTGRES = (
    "the rows lie in PostgreSQL, which keeps its own backups: pg_dump --format=custom makes one, pg_restore --clean"
    " takes it"
)
_MANIFEST, _ROWS, _SHOW = "manifest.json", "marotte.sqlite", "show.toml"
_SMALL = 1_000_000
"""Bytes that the manifest and the show file may have."""
_PIECE = 1 << 20
_END = struct.Struct("<4s4H2LH")
"""The end of a zip: APPNOTE.TXT, 4.3.16, of which the last but two is the size of the list of contents in bytes."""
_LOCATOR = 20
"""Bytes before it, in which a zip64 would tell of another such list; ours are too small to need one."""
_LONGEST_DIRECTORY = 4_096
_SPARE = 100_000_000
"""Bytes that a disk must have left beside what is written to it."""


class BackupError(Exception):
    """A backup cannot be made or taken; the message says which, why, and what to do."""


class Manifest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=False):
    """What an archive says of itself."""

    program: str = "marotte"
    format: int = FORMAT
    version: str
    schema: str
    """The revision of the database's schema."""
    made_at: float
    size: int
    """Bytes of the database."""
    sha256: str
    """Of the database."""


def sqlite_file(url: str, data: Path) -> Path:
    """Return the file of a show's database: of ``store.url``, or the one in the data folder. Raises BackupError."""
    if not url:
        return data / "marotte.sqlite"
    try:
        file = Database.file_of(url)
    except StoreError as error:
        raise BackupError(str(error)) from None
    if file is None:
        raise BackupError(ON_POSTGRES)
    return file


def name(at: float) -> str:
    """Return how a backup of this moment is called."""
    return time.strftime("marotte-%Y%m%d-%H%M%S.zip", time.gmtime(at))


# --- backup


def back_up(database: Path, archive: Path, show: Path | None = None) -> Manifest:
    """Write an archive of a database, which may be in use, and of the show file. Raises BackupError.

    The archive appears under its name once it is whole, and never in the place of another file.
    """
    if not database.is_file():
        raise BackupError(f"{database}: there is no database yet: nothing was ever remembered")
    if archive.exists():
        raise BackupError(f"{archive}: is there already: name another file")
    with _sorry(archive), tempfile.TemporaryDirectory(prefix=".backup-", dir=archive.parent) as folder:
        copy, whole = Path(folder) / _ROWS, Path(folder) / "whole.zip"
        _room(archive.parent, 2 * database.stat().st_size)
        with closing(_existing(database)) as source, closing(sqlite3.connect(copy)) as target:
            source.backup(target)
            target.execute("PRAGMA journal_mode=DELETE")
        manifest = Manifest(
            version=marotte.__version__,
            schema=_revision(copy) or "",
            made_at=round(time.time(), 3),
            size=copy.stat().st_size,
            sha256=_hash(copy),
        )
        with whole.open("xb") as file:
            os.fchmod(file.fileno(), 0o600)
            with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as zipped:
                zipped.writestr(_MANIFEST, msgspec.json.format(msgspec.json.encode(manifest)))
                zipped.write(copy, _ROWS)
                if show is not None and show.is_file():
                    zipped.write(show, _SHOW)
            file.flush()
            os.fsync(file.fileno())
        os.replace(whole, archive)
    return manifest


# --- restore


async def stage(archive: BinaryIO, where: str, database: Path) -> Manifest:
    """Check an archive and lay its rows, brought to this version's schema, beside a database. Raises BackupError.

    ``where`` is how errors call the archive. ``take`` puts the rows in the database's place. Rows that were laid there
    before are replaced; where the archive is refused, nothing changes.
    """
    folder = Path(f"{database}.restoring")
    rows = folder / _ROWS
    try:
        await asyncio.to_thread(_empty, folder)
        manifest = await asyncio.to_thread(_unpack, archive, where, rows)
        await _bring_up(rows, where)
        os.replace(rows, _staged(database))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return manifest


def _empty(folder: Path) -> None:
    """Make a folder for this user alone, without what a crash has left there."""
    with _sorry(folder):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(mode=0o700, parents=True)


async def _bring_up(rows: Path, where: str) -> None:
    """Migrate the rows of an archive to this version's schema, and make their search index anew."""
    opened = Database(f"sqlite:///{rows}")
    try:
        await bring_to_head(opened)
        async with opened.flushed.begin() as connection:
            await connection.execute(text("INSERT INTO facts_search (facts_search) VALUES ('rebuild')"))
    except (StoreError, DBAPIError) as error:
        raise BackupError(f"{where}: its database cannot be used: {error}") from None
    finally:
        await opened.close()


def show_in(archive: BinaryIO) -> bytes | None:
    """Return the show file of an archive that was checked, or None."""
    with zipfile.ZipFile(archive) as zipped:
        return zipped.read(_SHOW) if _SHOW in zipped.namelist() else None


def is_staged(database: Path) -> bool:
    """Whether rows of a backup lie beside a database and are taken at the next start."""
    return _staged(database).is_file()


def take(database: Path) -> Path | None:
    """Put staged rows in the place of a database that nobody uses; returns where the old one is now, if any.

    Done again after a crash in its middle, it goes on. Without staged rows it does nothing. Raises StoreError.
    """
    try:
        return _take(database)
    except OSError as error:
        raise StoreError(f"{error.filename or database}: a backup cannot take its place: {error.strerror}") from None


def _take(database: Path) -> Path | None:
    staged = _staged(database)
    if not staged.is_file():
        return None
    replaced = None
    if database.exists():
        # What only lies in the log beside it belongs to it; a damaged one is kept with its log as it is.
        with suppress(sqlite3.DatabaseError), closing(sqlite3.connect(database)) as old:
            old.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        replaced = _free_name(database)
        for end in ("-wal", "-shm", ""):
            if (file := Path(f"{database}{end}")).exists():
                os.replace(file, f"{replaced}{end}")
    os.replace(staged, database)
    log.info("%s: a backup took its place%s", database, f"; the old one is {replaced}" if replaced else "")
    for old in sorted(database.parent.glob(f"{database.name}.replaced-*[0-9]"))[:-KEPT]:
        for end in ("-wal", "-shm", ""):
            Path(f"{old}{end}").unlink(missing_ok=True)
    return replaced


def _free_name(database: Path) -> Path:
    stamp = time.strftime("%Y%m%d-%H%M%S", time.gmtime())
    names = (Path(f"{database}.replaced-{stamp}-{number:03}") for number in range(1_000))
    return next(name for name in names if not name.exists())


def _staged(database: Path) -> Path:
    return Path(f"{database}.restore")


# --- the check


def _unpack(archive: BinaryIO, where: str, rows: Path) -> Manifest:
    """Write the database of an archive to ``rows``, believing nothing that it says of itself. Raises BackupError."""
    with _sorry(rows):
        if archive.seek(0, os.SEEK_END) > LARGEST_ARCHIVE:
            raise BackupError(f"{where}: is larger than {LARGEST_ARCHIVE / 1e9:g} GB: this is no backup of ours")
        _directory(archive, where)
        try:
            with zipfile.ZipFile(archive) as zipped:
                _members(zipped, where)
                manifest = _manifest(zipped, where)
                _room(rows.parent, manifest.size)
                hashed = _extract(zipped, rows, manifest.size, where)
        except (zipfile.BadZipFile, zlib.error, NotImplementedError, EOFError, RuntimeError, ValueError) as error:
            # All that zipfile raises for what is no zip, is cut, encrypted, or packed in a way of its own.
            raise BackupError(f"{where}: is no backup, or a damaged one ({error})") from None
    if hashed != manifest.sha256:
        raise BackupError(f"{where}: is damaged: its database is not the one that was written (sha256 differs)")
    _examine(rows, manifest, where)
    return manifest


def _directory(file: BinaryIO, where: str) -> None:
    """Refuse an archive whose list of contents is no short one at its very end: zipfile reads it all into memory."""
    file.seek(-min(_END.size + _LOCATOR, file.seek(0, os.SEEK_END)), os.SEEK_END)
    end = file.read()
    if len(end) < _END.size + _LOCATOR or end.startswith(b"PK\6\7"):
        raise BackupError(f"{where}: is no backup of ours")
    magic, *_, size, _, comment = _END.unpack(end[-_END.size :])
    if magic != b"PK\5\6" or comment or size > _LONGEST_DIRECTORY:
        raise BackupError(f"{where}: is no backup of ours, or it was cut short")


def _members(zipped: zipfile.ZipFile, where: str) -> None:
    """Refuse an archive that holds anything but our own files, each once: no name of it ever becomes a path."""
    names = zipped.namelist()
    if strange := [n for n in names if n not in (_MANIFEST, _ROWS, _SHOW)]:
        raise BackupError(f"{where}: holds {strange[0][:80]!r}, which no backup of ours does")
    if len(set(names)) < len(names):
        raise BackupError(f"{where}: holds a file twice, which no backup of ours does")
    if missing := [n for n in (_MANIFEST, _ROWS) if n not in names]:
        raise BackupError(f"{where}: is no backup of ours: {missing[0]} is missing")
    for entry in zipped.infolist():
        if entry.filename != _ROWS and entry.file_size > _SMALL:
            raise BackupError(f"{where}: its {entry.filename} is larger than {_SMALL / 1e6:g} MB")


def _manifest(zipped: zipfile.ZipFile, where: str) -> Manifest:
    with zipped.open(_MANIFEST) as file:
        text = file.read(_SMALL)
    try:
        manifest = msgspec.json.decode(text, type=Manifest)
    except msgspec.MsgspecError as error:
        raise BackupError(f"{where}: its manifest is damaged ({error})") from None
    if manifest.program != "marotte":
        raise BackupError(f"{where}: is a backup of another program, {manifest.program[:50]!r}")
    if manifest.format > FORMAT:
        raise BackupError(
            f"{where}: was made by a newer version of Marotte ({manifest.version[:50]}): install that one"
        )
    if not 0 < manifest.size <= LARGEST:
        raise BackupError(
            f"{where}: its database would be {manifest.size} bytes; at most {LARGEST / 1e9:g} GB are taken"
        )
    return manifest


def _extract(zipped: zipfile.ZipFile, rows: Path, size: int, where: str) -> str:
    """Write the database to a file and return its hash; stops at the size that the manifest promised."""
    hashed, written = hashlib.sha256(), 0
    with zipped.open(_ROWS) as packed, rows.open("xb") as file:
        os.fchmod(file.fileno(), 0o600)
        while piece := packed.read(_PIECE):
            written += len(piece)
            if written > size:
                raise BackupError(f"{where}: its database is larger than its manifest says: it was tampered with")
            hashed.update(piece)
            file.write(piece)
        file.flush()
        os.fsync(file.fileno())
    return hashed.hexdigest()


def _examine(rows: Path, manifest: Manifest, where: str) -> None:
    """Refuse a database that is damaged, of a schema that this version does not know, or not exactly of ours."""
    try:
        with closing(sqlite3.connect(rows)) as connection:
            # Nothing that its schema says is carried out while it is looked at.
            connection.execute("PRAGMA trusted_schema=OFF")
            connection.execute("PRAGMA cell_size_check=ON")
            revision = _revision_of(connection)
            if revision != manifest.schema or revision is None:
                raise BackupError(f"{where}: its database is not the one that its manifest tells of")
            if revision not in known_revisions():
                raise BackupError(
                    f"{where}: belongs to a newer version of Marotte ({manifest.version[:50]}, schema {revision[:50]}):"
                    " install that version"
                )
            if differences := shape(connection) ^ shape_of(revision):
                kind, named, _ = min(differences)
                raise BackupError(
                    f"{where}: is no database of ours: its {kind} {named[:80]!r} differs from schema {revision}"
                )
            for pragma in ("integrity_check", "foreign_key_check"):
                found = connection.execute(f"PRAGMA {pragma}").fetchmany(3)
                if found and found != [("ok",)]:
                    raise BackupError(f"{where}: its database is damaged: {str(found[0][0])[:200]}")
    except sqlite3.DatabaseError as error:
        raise BackupError(f"{where}: its database is damaged ({error})") from None


def _revision(file: Path) -> str | None:
    with closing(_existing(file)) as connection:
        return _revision_of(connection)


def _existing(file: Path) -> sqlite3.Connection:
    # Not "ro": whoever may only read leaves the log behind that a database has beside it while it is open.
    return sqlite3.connect(f"{file.resolve().as_uri()}?mode=rw", uri=True)


def _revision_of(connection: sqlite3.Connection) -> str | None:
    try:
        found = connection.execute("SELECT version_num FROM alembic_version").fetchmany(2)
    except sqlite3.OperationalError:
        return None
    return str(found[0][0]) if len(found) == 1 else None


def _hash(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def _room(folder: Path, size: int) -> None:
    free = shutil.disk_usage(folder).free
    if free < size + _SPARE:
        raise BackupError(
            f"{folder}: has {free / 1e6:.0f} MB left and needs {(size + _SPARE) / 1e6:.0f}: free some space"
        )


@contextmanager
def _sorry(file: Path) -> Generator[None]:
    """Put what the disk and SQLite refuse into a sentence."""
    try:
        yield
    except FileNotFoundError as error:
        raise BackupError(f"{error.filename or file}: there is no such file or folder") from None
    except OSError as error:
        raise BackupError(f"{error.filename or file}: {error.strerror or error}") from None
    except sqlite3.Error as error:
        raise BackupError(f"{file}: the database cannot be copied ({error})") from None
