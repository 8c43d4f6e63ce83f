"""``marotte backup`` and ``marotte restore``: a show's rows into an archive and out of it."""

import asyncio
import time
from pathlib import Path

from marotte.config import Show
from marotte.gateway.running import AlreadyRunning, alone
from marotte.store import backup
from marotte.store.backup import BackupError
from marotte.store.database import StoreError


def back_up(show: Show, data: Path, archive: Path | None) -> str:
    """Write an archive, whether a run lives or not; returns what to tell. Raises BackupError."""
    archive = archive or Path(backup.name(time.time()))
    made = backup.back_up(backup.sqlite_file(show.store.url, data), archive, show.file)
    return f"{archive} is written: {made.size / 1e6:.1f} MB of rows, schema {made.schema}"


def restore(show: Show, data: Path, archive: Path) -> str:
    """Check an archive and put its rows in their place; returns what to tell. Raises BackupError.

    The rows that were there, and the show file of the archive, lie beside them: no file of the user's is overwritten.
    """
    try:
        database = backup.sqlite_file(show.store.url, data)
        with alone(data), archive.open("rb") as file:
            asyncio.run(backup.stage(file, str(archive), database))
            replaced = backup.take(database)
            given = backup.show_in(file)
        told = f"{database} holds the rows of {archive}" + (f"; the old ones are in {replaced}" if replaced else "")
        if given is None:
            return told
        beside = data / "show.restored.toml"
        beside.write_bytes(given)
    except AlreadyRunning:
        raise BackupError(
            f"{data}: a run uses it: stop that run first, or restore on its control window's database page"
        ) from None
    except StoreError as error:
        raise BackupError(str(error)) from None
    except OSError as error:
        raise BackupError(f"{error.filename}: {error.strerror}") from None
    return f"{told}\nits show file is {beside}: compare it with yours"
