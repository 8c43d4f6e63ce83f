"""Where a run of this machine listens, so that the command line finds it."""

import contextlib
import json
import os
from collections.abc import Generator
from pathlib import Path
from typing import NamedTuple

FILE = "running.json"


class Address(NamedTuple):
    """A run that lives."""

    pid: int
    url: str


def running(data: Path) -> Address | None:
    """Return where the run of this data directory listens, if one lives.

    It holds the lock then: after a crash its number may be another program's.
    """
    try:
        entry = json.loads((data / FILE).read_text("utf-8"))
        address = Address(int(entry["pid"]), str(entry["url"]))
        os.kill(address.pid, 0)
    except (OSError, ValueError, KeyError, TypeError):
        return None
    try:
        with alone(data):
            return None
    except (AlreadyRunning, OSError):
        return address


class AlreadyRunning(Exception):
    """Another run uses this data directory."""


@contextlib.contextmanager
def alone(data: Path) -> Generator[None]:
    """Hold a data directory for one run; raises AlreadyRunning. The lock goes with the process, however it ends."""
    data.mkdir(parents=True, exist_ok=True)
    with (data / "run.lock").open("w") as file:
        try:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except ImportError:
            pass  # A system without such locks: two runs are then the user's own care.
        except OSError:
            raise AlreadyRunning(
                f"{data}: another run uses it; set MAROTTE_DATA_DIR to give this one its own"
            ) from None
        yield


@contextlib.contextmanager
def announced(data: Path, url: str) -> Generator[None]:
    """Say where this run listens, while it lives."""
    file = data / FILE
    file.write_text(json.dumps({"pid": os.getpid(), "url": url}), "utf-8")
    try:
        yield
    finally:
        file.unlink(missing_ok=True)
