"""Seconds of ``marotte say``, the whole process, and of ``import marotte``, beside the starts they cannot do without.

The limit of ``say`` is a bare Python that ends at once, then the embedded voice's own program until it says that it is
ready. Seven rounds, in turns, after one that is dropped; medians.
"""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from bench import Row, Rows, median

ROUNDS = 7
PYTHON = (sys.executable, "-c")
VOICE = (sys.executable, "-X", "utf8", "-P", "-m", "marotte.voice.voices.espeak_program")


def _whole(*command: str) -> float:
    """Seconds until a command has ended well."""
    began = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=_environment())
    return time.perf_counter() - began


def _until_ready() -> float:
    """Seconds until the voice's program says its first word."""
    began = time.perf_counter()
    with subprocess.Popen(VOICE, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=_environment()) as child:
        assert child.stdout is not None
        assert child.stdout.readline()
        seconds = time.perf_counter() - began
        child.kill()
    return seconds


def _environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}


def run() -> Rows:
    with tempfile.TemporaryDirectory() as folder:
        out = str(Path(folder, "x.wav"))
        works: dict[str, Callable[[], float]] = {
            "say": lambda: _whole(sys.executable, "-m", "marotte", "say", "hi", "--out", out),
            "import": lambda: _whole(*PYTHON, "import marotte"),
            "bare": lambda: _whole(*PYTHON, "pass"),
            "voice": _until_ready,
        }
        took: dict[str, list[float]] = {name: [] for name in works}
        for _ in range(ROUNDS + 1):
            for name, work in works.items():
                took[name].append(work())
    of = {name: median(seconds[1:]) for name, seconds in took.items()}
    return [
        Row("say: `marotte say hi --out x.wav`", "s", of["say"], of["bare"] + of["voice"], 0.6),
        Row("say: `import marotte`, beyond a bare Python", "s", max(0.0, of["import"] - of["bare"]), None, 0.15),
    ]
