"""What the environment decides: secrets, and where data lies."""

import os
import re
from pathlib import Path

SECRETS = ("MAROTTE_TOKEN", "OPENAI_API_KEY")
SECRET_NAME = re.compile(r"[A-Z][A-Z0-9_]*(_KEY|_TOKEN|_SECRET|_PASSWORD|_PASS)$")


def secrets(folder: Path | None = None) -> dict[str, str]:
    """Collect secrets from the environment and from ``.env`` in ``folder``; the environment wins."""
    found: dict[str, str] = {}
    file = (folder or Path.cwd()) / ".env"
    if file.is_file():
        # Some editors begin a file with a mark of its encoding, which is no part of the first name.
        for line in file.read_text("utf-8-sig", errors="replace").splitlines():
            name, separator, value = line.strip().removeprefix("export ").partition("=")
            if separator and not name.startswith("#"):
                found[name.strip()] = _value(value.strip())
    found.update(os.environ)
    return {name: value for name, value in found.items() if value and (name in SECRETS or SECRET_NAME.match(name))}


def _value(written: str) -> str:
    """Return a value without its quotes, and without a remark behind it."""
    if written[:1] in ("'", '"') and (end := written.find(written[0], 1)) > 0:
        return written[1:end]
    return re.split(r"\s#", written, maxsplit=1)[0].strip().strip("\"'")


def data_dir() -> Path:
    """Return the folder for what lasts: ``MAROTTE_DATA_DIR``, else the user's own data folder."""
    given = os.environ.get("MAROTTE_DATA_DIR")
    if given:
        return Path(given).expanduser()
    base = os.environ.get("XDG_DATA_HOME")
    return (Path(base) if base else Path.home() / ".local" / "share") / "marotte"
