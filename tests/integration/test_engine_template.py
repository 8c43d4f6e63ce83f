"""The engine template, really installed beside this program into a clean environment, and used from there."""

import os
import subprocess
import sys
import wave
from pathlib import Path

import numpy as np
import pytest

from tests.waiting import PATIENCE

ROOT = Path(__file__).resolve().parents[2]
TEMPLATE = ROOT / "examples" / "engine-template"
UV = Path(sys.executable).with_name("uv")


class Environment:
    """A virtual environment that holds this program, the template and pytest; nothing of ours is on its path."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._bin = folder / "venv" / "bin"

    def make(self) -> None:
        self._do(UV, "venv", "--quiet", "--python", sys.executable, self.folder / "venv")
        what = (ROOT, TEMPLATE, "pytest", "--constraint", ROOT / "constraints.txt")
        self._do(UV, "pip", "install", "--quiet", "--python", self._bin / "python", *what)

    def run(self, program: str, *arguments: object) -> subprocess.CompletedProcess[str]:
        return self._do(self._bin / program, *arguments, expected=None)

    def _do(self, *command: object, expected: int | None = 0) -> subprocess.CompletedProcess[str]:
        environment = {key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "VIRTUAL_ENV")}
        done = subprocess.run(
            [str(part) for part in command],
            cwd=self.folder,
            env={**environment, "MAROTTE_DATA_DIR": str(self.folder / "data"), "PYTHONDONTWRITEBYTECODE": "1"},
            capture_output=True,
            text=True,
            timeout=6 * PATIENCE,
        )
        assert expected in (None, done.returncode), done.stdout + done.stderr
        return done


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> Environment:
    environment = Environment(tmp_path_factory.mktemp("clean"))
    environment.make()
    return environment


def test_its_voice_is_heard_in_a_show(clean: Environment) -> None:
    done = clean.run("marotte", "say", "Good evening.", "--show", TEMPLATE / "show.toml", "--out", "hum.wav")
    assert (done.returncode, done.stderr) == (0, "")
    with wave.open(str(clean.folder / "hum.wav")) as file:
        assert file.getframerate() == 16_000
        pcm = np.frombuffer(file.readframes(file.getnframes()), np.int16)
    assert len(pcm) == round(16_000 * 0.06 * len("Good")) + round(16_000 * 0.06 * len("evening"))
    first = np.abs(np.fft.rfft(pcm[: round(16_000 * 0.06 * len("Good"))], 16_000))
    assert abs(int(first.argmax()) - 220) <= 2, "the show's pitch is hummed"


def test_a_mistake_in_its_settings_is_told_by_line_and_nearest_name(clean: Environment) -> None:
    show = clean.folder / "wrong.toml"
    show.write_text('[voice]\nchain = ["kazoo"]\n\n[voice.kazoo]\npich = 220\n', "utf-8")
    done = clean.run("marotte", "say", "hello", "--show", show, "--out", "no.wav")
    assert done.returncode == 2
    assert f"{show}:5: voice.kazoo.pich: there is no such key; did you mean 'pitch'?" in done.stderr


def test_a_show_with_it_still_thinks(clean: Environment) -> None:
    done = clean.run("marotte", "ask", "Who are you?", "--show", TEMPLATE / "show.toml")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.strip()


def test_its_own_tests_pass(clean: Environment) -> None:
    done = clean.run("python", "-m", "pytest", "-p", "no:cacheprovider", TEMPLATE)
    assert done.returncode == 0, done.stdout
    assert "4 passed" in done.stdout
