"""Logs: a line to read on the terminal, a JSON object a line in a bounded file; secrets are in neither."""

import json
import logging
import logging.handlers
import re
import sys
import time
from collections.abc import Iterable
from pathlib import Path

_SHORTEST_SECRET = 6
_ISSUED = re.compile(r"\bmarotte_[A-Za-z0-9_-]{32}")
"""A token that we issued: only its hash is kept, so that it is known by its shape alone (see gateway/tokens.py)."""
_FILE_SIZE, _FILES = 2_000_000, 5


class Redact(logging.Filter):
    """Takes secrets out of every message before anybody formats it."""

    def __init__(self) -> None:
        super().__init__()
        self._secrets: set[str] = set()

    def add(self, secrets: Iterable[str]) -> None:
        """Never let these values through."""
        self._secrets.update(s for s in secrets if len(s) >= _SHORTEST_SECRET)

    def clean(self, text: str) -> str:
        """Return ``text`` with every known secret and every issued token replaced."""
        for secret in self._secrets:
            if secret in text:
                text = text.replace(secret, "•••")
        return _ISSUED.sub("•••", text)

    def filter(self, record: logging.LogRecord) -> bool:
        """Clean the message; formatting happens here, so that arguments are covered too."""
        record.msg, record.args = self.clean(record.getMessage()), None
        if record.exc_info and not record.exc_text:
            record.exc_text = logging.Formatter().formatException(record.exc_info)
        if record.exc_text:
            record.exc_text = self.clean(record.exc_text)
        return True


redact = Redact()


class _Json(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        entry = {
            "at": round(record.created, 3),
            "level": record.levelname.lower(),
            "from": record.name,
            "message": record.getMessage(),
        }
        if record.exc_text:
            entry["trace"] = record.exc_text
        return json.dumps(entry, ensure_ascii=False)


class _File(logging.handlers.RotatingFileHandler):
    """A log file whose disk may be full: that is told once, and not with a trace for each line that is lost."""

    _failed = False
    _told = False

    def emit(self, record: logging.LogRecord) -> None:
        """Write a line, unless the disk is full."""
        self._failed = False
        super().emit(record)
        self._told = self._failed

    def handleError(self, record: logging.LogRecord) -> None:
        """Tell that a line was lost, where the one before was not."""
        self._failed = True
        if not self._told:
            print(f"{self.baseFilename}: cannot be written: {sys.exc_info()[1]}", file=sys.stderr)


class _Human(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        moment = time.strftime("%H:%M:%S", time.localtime(record.created))
        room = record.name.removeprefix("marotte.").split(".")[0]
        sign = {"WARNING": "! ", "ERROR": "!! ", "CRITICAL": "!!! "}.get(record.levelname, "")
        trace = f"\n{record.exc_text}" if record.exc_text else ""
        return f"{moment} {room:<9}{sign}{record.getMessage()}{trace}"


def set_up(folder: Path | None = None, level: int = logging.INFO, secrets: Iterable[str] = ()) -> None:
    """Log to the terminal, and to ``marotte.log`` in ``folder``: at most five files of 2 MB."""
    redact.add(secrets)
    terminal = logging.StreamHandler(sys.stderr)
    terminal.setFormatter(_Human())
    handlers: list[logging.Handler] = [terminal]
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        file = _File(folder / "marotte.log", maxBytes=_FILE_SIZE, backupCount=_FILES - 1, encoding="utf-8")
        file.setFormatter(_Json())
        handlers.append(file)
    for handler in handlers:
        handler.addFilter(redact)
    logging.basicConfig(level=level, handlers=handlers, force=True)
    for noisy in ("aiosqlite", "sqlalchemy", "asyncio", "uvicorn.access", "alembic", "httpx2"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
