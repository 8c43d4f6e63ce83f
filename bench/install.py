"""Megabytes that an installation takes: the core, and with the defaults that need no key and no network.

Each goes into a fresh virtual environment in a temporary folder, from this checkout, with the versions of
``constraints.txt``; counted is what lies in ``site-packages``, compiled files included. Needs the package registries.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

from bench import Row, Rows

HERE = Path(__file__).parents[1]
UV = Path(sys.executable).with_name("uv")


def size(what: str) -> float:
    """Install ``what`` into an environment of its own; returns the megabytes of its ``site-packages``."""
    with tempfile.TemporaryDirectory() as folder:
        python = f"{folder}/bin/python"
        subprocess.run((UV, "venv", "--quiet", "--python", sys.executable, folder), check=True)
        command = (UV, "pip", "install", "--quiet", "--compile-bytecode", "--python", python)
        subprocess.run((*command, "--constraint", HERE / "constraints.txt", what), check=True, cwd=HERE)
        (site,) = Path(folder).glob("lib/python*/site-packages")
        return sum(file.stat().st_size for file in site.rglob("*") if file.is_file() and not file.is_symlink()) / 1e6


def run() -> Rows:
    return [
        Row("install: core", "MB", size("."), None, 200),
        Row("install: with [embedded]", "MB", size(".[embedded]"), None, 520),
    ]
