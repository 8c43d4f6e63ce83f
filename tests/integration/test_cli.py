"""The command line as scripts see it: what it prints, writes and exits with."""

import asyncio
import json
import os
import socket
import subprocess
import sys
import wave
from pathlib import Path

import numpy as np
import pytest

from marotte.gateway import server
from tests.servers.marotte import TOKEN, marotte
from tests.waiting import PATIENCE, QUICK


def run(*arguments: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "marotte", *arguments],
        cwd=folder,
        env={
            **os.environ,
            "MAROTTE_DATA_DIR": str(folder / "data"),
            "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),  # this program, whatever is installed
            **environment,
        },
        capture_output=True,
        text=True,
        timeout=4 * PATIENCE,
    )


def test_say_writes_a_wav_with_a_voice_in_it(tmp_path: Path) -> None:
    done = run("say", "Good evening, ladies and gentlemen.", "--out", "out.wav", folder=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    with wave.open(str(tmp_path / "out.wav")) as file:
        pcm = np.frombuffer(file.readframes(file.getnframes()), np.int16)
        assert 1 < file.getnframes() / file.getframerate() < 6
    assert np.sqrt(np.mean(pcm.astype(float) ** 2)) > 500


@pytest.mark.parametrize("language", ["es", "fr", "zh", "ja"])
def test_say_speaks_other_languages(tmp_path: Path, language: str) -> None:
    text = {"es": "Buenas noches.", "fr": "Bonsoir à tous.", "zh": "大家晚上好。", "ja": "こんばんは。"}[language]
    assert run("say", text, "--language", language, "--out", "out.wav", folder=tmp_path).returncode == 0
    assert (tmp_path / "out.wav").stat().st_size > 10_000


def test_say_fails_as_scripts_expect(tmp_path: Path) -> None:
    nothing = run("say", "🙂", "--out", "out.wav", folder=tmp_path)
    assert (nothing.returncode, "nothing in this text" in nothing.stderr) == (1, True)
    nowhere = run("say", "hi", "--out", "no/such/folder.wav", folder=tmp_path)
    assert (nowhere.returncode, nowhere.stderr) == (3, "marotte: no/such/folder.wav: No such file or directory\n")


def test_ask_answers_without_a_run(tmp_path: Path) -> None:
    done = run("ask", "Who are you?", folder=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.strip()
    assert "[" not in done.stdout


def test_ask_answers_where_a_run_left_only_its_address(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    # After a crash and a new start of the machine the number of a run is another program's.
    left = {"pid": os.getpid(), "url": "http://127.0.0.1:9"}
    (tmp_path / "data" / "running.json").write_text(json.dumps(left))
    done = run("ask", "Who are you?", folder=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.strip()


@pytest.mark.anyio
async def test_ask_asks_the_run_that_lives(tmp_path: Path) -> None:
    async with marotte(tmp_path, f"{QUICK}[attention]\nlull_after = 0\n[brain]\ndiscover = false\n") as program:
        done = await asyncio.to_thread(run, "ask", "Who are you?", folder=tmp_path, MAROTTE_TOKEN=TOKEN)
        assert (done.returncode, done.stderr) == (0, "")
        turns = await program.get("/api/v1/turns?limit=1")
        assert turns[0]["heard"] == done.stdout.strip()
        wrong = await asyncio.to_thread(run, "ask", "hi", folder=tmp_path, MAROTTE_TOKEN="wrong-token-wrong-token")
        assert (wrong.returncode, "401" in wrong.stderr) == (3, True)


@pytest.mark.anyio
async def test_ask_passes_by_every_proxy(tmp_path: Path) -> None:
    async with marotte(tmp_path, f"{QUICK}[attention]\nlull_after = 0\n[brain]\ndiscover = false\n"):
        with socket.socket() as nobody:
            nobody.bind(("127.0.0.1", 0))  # and never listens
            proxy = f"http://127.0.0.1:{nobody.getsockname()[1]}"
            named = {"http_proxy": proxy, "HTTP_PROXY": proxy, "no_proxy": "", "NO_PROXY": ""}
            done = await asyncio.to_thread(run, "ask", "Who are you?", folder=tmp_path, MAROTTE_TOKEN=TOKEN, **named)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.strip()


def test_hear_understands_a_recording(tmp_path: Path) -> None:
    subprocess.run(["flite", "-voice", "slt", "-t", "tell me a joke", "-o", "joke.wav"], cwd=tmp_path, check=True)
    done = run("hear", "joke.wav", folder=tmp_path)
    assert (done.returncode, done.stdout.strip()) == (0, "tell me a joke")


def test_hear_fails_as_scripts_expect(tmp_path: Path) -> None:
    (tmp_path / "noise.wav").write_bytes(b"RIFF????WAVEjunk")
    for file in ("noise.wav", "missing.wav"):
        done = run("hear", file, folder=tmp_path)
        assert (done.returncode, file in done.stderr, done.stdout) == (3, True, "")
        assert "Traceback" not in done.stderr


def test_init_writes_a_show_that_is_valid(tmp_path: Path) -> None:
    assert run("init", folder=tmp_path).returncode == 0
    text = (tmp_path / "show.toml").read_text()
    assert text.count("#") > 20
    assert run("doctor", folder=tmp_path).returncode == 0
    again = run("init", folder=tmp_path)
    assert (again.returncode, "--force writes over it" in again.stderr) == (3, True)
    assert run("init", "--force", "--character", "skull", folder=tmp_path).returncode == 0
    assert 'drawing = "skull"' in (tmp_path / "show.toml").read_text()
    assert run("init", "other.toml", "--character", "dragon", folder=tmp_path).returncode == 2


def test_a_name_that_is_no_address_is_told_as_such(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "create_server", unknown)
    with pytest.raises(server.PortTaken, match=r"^nowhere:80: Name or service not known; "):
        server._listen("nowhere", 80)


def test_a_wrong_show_stops_every_command(tmp_path: Path) -> None:
    (tmp_path / "show.toml").write_text('[character]\nnaem = "x"\n')
    for command in (["run", "--no-browser"], ["say", "hi", "--out", "x.wav"], ["ask", "hi"], ["doctor"]):
        done = run(*command, folder=tmp_path)
        assert done.returncode == 2, command
        assert "show.toml:2: character.naem: there is no such key; did you mean 'name'?" in done.stderr


def test_doctor_tells_what_is_missing(tmp_path: Path) -> None:
    (tmp_path / "show.toml").write_text('[brain]\nchain = ["openai"]\n[irc.x]\nhost = "x"\nsecret = "X_PASSWORD"\n')
    done = run("doctor", folder=tmp_path, OPENAI_API_KEY="", X_PASSWORD="")
    assert done.returncode == 1
    assert "✗ irc x: x:6697: set X_PASSWORD in the environment or in .env" in done.stdout
    assert "– openai: https://api.openai.com/v1 wants a key: set OPENAI_API_KEY" in done.stdout
    assert "✓ improviser" in done.stdout


def test_unknown_words_are_the_commands_fault(tmp_path: Path) -> None:
    assert run("sing", folder=tmp_path).returncode == 2
    assert run("--version", folder=tmp_path).stdout.startswith("marotte 0.")
    assert run("run", "nowhere.toml", "--no-browser", folder=tmp_path).returncode == 2
