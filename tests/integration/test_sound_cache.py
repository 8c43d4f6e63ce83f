"""Kept sound in a show: a phrase that comes back asks no server, and everybody can see and end that."""

import asyncio
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from marotte import config
from marotte.engines.chains import VoiceChain
from marotte.engines.kinds import EngineSettings, Kit, Sound
from marotte.engines.registry import Built
from marotte.engines.sound_cache import SoundCache
from marotte.events import Asked, ChatMessage, Line, Viewer
from marotte.replay import replay
from marotte.show import Run
from marotte.store.backup import back_up, sqlite_file
from marotte.voice.voices.openai import OpenAIVoice, OpenAIVoiceSettings
from tests.record import Loudspeaker
from tests.servers.marotte import Marotte, marotte
from tests.servers.openai import OpenAIServer, Script, babble
from tests.stand_ins import Published, ScriptedVoice
from tests.waiting import PATIENCE, until

pytestmark = pytest.mark.anyio

PHRASE = "Welcome, all of you."
LINE = Line(turn="t", shown=PHRASE, spoken=PHRASE)


def show(server: OpenAIServer, more: str = "") -> str:
    return f"""
[attention]
lull_after = 0
pause = 0
[gateway]
requests = 100_000
[brain]
discover = false
[voice]
chain = ["cloud"]
{more}
[voice.cloud]
engine = "openai"
url = "{server.url}"
"""


@pytest.fixture
def script() -> Script:
    return Script(key="", pace=50, per_character=0.02)


def spoken_by(server: OpenAIServer) -> list[str]:
    return [asked.body["input"] for asked in server.requests]


async def say(program: Marotte, text: str = PHRASE) -> dict[str, Any]:
    _, answer = await program.post("/api/v1/percepts?wait=90", {"type": "asked", "text": text, "verbatim": True})
    return answer["turn"]


async def kept(program: Marotte, lines: int) -> dict[str, int]:
    async def there() -> Any:
        found = await program.get("/api/v1/sounds")
        return found if found["lines"] == lines else None

    return await until(there, f"{lines} lines are kept")


async def test_the_same_line_again_makes_no_request_and_sounds_the_same(tmp_path: Path, script: Script) -> None:
    kit, cache, events = Kit(), SoundCache(tmp_path / "sounds", 10**8), Published()
    async with OpenAIServer(script) as server:

        def voices(**more: Any) -> VoiceChain:
            settings = OpenAIVoiceSettings(url=server.url, **more)
            return VoiceChain([cache.keep(Built("cloud", OpenAIVoice(settings, kit), settings))], events, kit.clock)

        async def said(chain: VoiceChain) -> list[Sound]:
            sounds = [sound async for sound in chain.speak(LINE)]
            await cache._work(lambda: None)
            return sounds

        usual = voices()
        first, second = await said(usual), await said(usual)
        server.fault("speech", "500")
        third = await said(usual)
        assert len(server.requests) == 2
        whole = babble(len(PHRASE) * script.per_character)
        assert [b"".join(sound.pcm for sound in made) for made in (first, second, third)] == [whole] * 3
        assert {sound.rate for sound in third} == {24_000}
        assert [s.pcm for s in third] == [s.pcm for s in second], "in the pieces in which they came"
        assert {s.kept for s in third} == {True}
        server.fault("speech", "500", 0)
        await said(voices(speed=2.0))
        assert [asked.body.get("speed") for asked in server.requests] == [None, None, 2.0]
    await kit.close()


async def test_a_show_pays_twice_for_a_phrase_and_tells_so(tmp_path: Path, script: Script) -> None:
    async with OpenAIServer(script) as server, marotte(tmp_path, show(server)) as program:
        for _ in range(2):
            assert (await say(program))["heard"] == PHRASE
        assert (await kept(program, 1))["misses"] == 2
        for _ in range(3):
            assert (await say(program))["heard"] == PHRASE
        assert spoken_by(server) == [PHRASE] * 2

        engines = {e["name"]: e for e in await program.get("/api/v1/engines") if e["kind"] == "voice"}
        assert engines["cloud"]["kept"] == {"hits": 3, "misses": 2}
        assert engines["cloud"]["used"] == {"characters": 2 * len(PHRASE)}
        assert engines["espeak"]["kept"] is None
        async with program.request("GET", "/metrics") as answer:
            metrics = await answer.text()
        assert 'marotte_sound_cache_hits_total{engine="cloud"} 3.0' in metrics
        assert 'marotte_sound_cache_misses_total{engine="cloud"} 2.0' in metrics
        there = await program.get("/api/v1/sounds")
        assert f"marotte_sound_cache_bytes {float(there['bytes'])}" in metrics
        assert there == {"lines": 1, "bytes": there["bytes"], "most": 200_000_000, "hits": 3, "misses": 2}

        report = await program.get("/api/v1/doctor?quick=true")
        [check] = [c for s in report["sections"] for c in s["checks"] if c["name"] == "kept sound"]
        assert check["detail"] == str(program.data / "sounds")
        assert check["figures"][0]["limit"] == 200

        async with program.request("DELETE", "/api/v1/sounds") as answer:
            assert await answer.json() == {"deleted": 1}
        assert list((program.data / "sounds").iterdir()) == []
        [written] = [e for e in await program.get("/api/v1/audit") if "sounds" in e["what"]]
        assert (written["what"], written["status"]) == ("DELETE /api/v1/sounds", 200)
        await say(program)
        assert spoken_by(server) == [PHRASE] * 3


async def test_only_the_operator_may_clear(tmp_path: Path, script: Script) -> None:
    async with OpenAIServer(script) as server, marotte(tmp_path, show(server)) as program:
        token = (program.data / "capture.token").read_text().strip()
        headers = {"Authorization": f"Bearer {token}"}
        async with program.request("DELETE", "/api/v1/sounds", headers=headers) as answer:
            assert answer.status == 403


async def test_the_next_run_has_it_still_and_a_backup_has_not(tmp_path: Path, script: Script) -> None:
    async with OpenAIServer(script) as server:
        async with marotte(tmp_path, show(server)) as program:
            await say(program)
            await say(program)
            await kept(program, 1)
        async with marotte(tmp_path, show(server)) as program:
            assert (await say(program))["heard"] == PHRASE
            data = program.data
        assert spoken_by(server) == [PHRASE] * 2
    import zipfile

    archive = tmp_path / "backup.zip"
    back_up(sqlite_file("", data), archive, tmp_path / "show.toml")
    assert not [name for name in zipfile.ZipFile(archive).namelist() if "sound" in name]


async def test_who_is_forgotten_takes_all_that_is_kept_along(tmp_path: Path, script: Script) -> None:
    async with OpenAIServer(script) as server:
        run = Run(config.parse(show(server)), tmp_path, {})
        await run.start()
        try:
            await run.sounds.open()
            for _ in range(2):
                async for _ in run.voices.speak(LINE):
                    pass
            await until(lambda: len(run.sounds) == 1, "it is kept")
            run.publish(ChatMessage(text="I like cats", viewer=Viewer(id="irc:t/ada", name="Ada", platform="irc")))
            await run.forget("irc:t/ada")
            await until(lambda: not list((tmp_path / "sounds").glob("?" * 64)), "all of it is deleted")
            assert len(run.sounds) == 0
        finally:
            await run.stop()


async def test_a_run_that_used_what_was_kept_replays_itself(tmp_path: Path, script: Script) -> None:
    async with OpenAIServer(script) as server:
        run = Run(config.parse(show(server)), tmp_path, {})
        await run.start()
        playing = asyncio.create_task(Loudspeaker("loudspeaker", run.public).run())
        turns = run.bus.subscribe("event.turn_ended.>")
        for time in range(4):
            run.publish(Asked(at=run.clock.wall(), text=PHRASE, verbatim=True))
            await turns.get()
            if time == 1:
                await until(lambda: len(run.sounds) == 1, "it is kept")
        assert run.sounds.hits["cloud"] == 2
        await run.hush()
        playing.cancel()
        await run.stop()
    (log,) = (tmp_path / "runs").glob("*.jsonl")
    found = await asyncio.to_thread(replay, log)
    assert found.difference is None
    assert (found.unlike, found.lines) == (0, 4)


async def test_a_try_asks_the_voice_itself(tmp_path: Path, script: Script) -> None:
    async with OpenAIServer(script) as server, marotte(tmp_path, show(server)) as program:
        for number in range(1, 4):
            status, found = await program.post("/api/v1/engines/voice/cloud/try")
            assert (status, found["ok"]) == (200, True)
            assert len(server.requests) == number
        assert (await program.get("/api/v1/sounds"))["misses"] == 0
        engine = next(engine for engine in await program.get("/api/v1/engines") if engine["kind"] == "voice")
        assert (engine["name"], engine["engine"]) == ("cloud", "OpenAIVoice")


async def test_other_settings_hold_while_it_runs(tmp_path: Path, script: Script) -> None:
    async with OpenAIServer(script) as server:
        run = Run(config.parse(show(server)), tmp_path, {})
        less = config.parse(show(server, "cache_mb = 3"))
        assert run.apply(less, run.moderator.rules) == ()
        assert run.sounds.most == 3_000_000
        await run.stop()


_WRITER = """
import sys
from pathlib import Path
from marotte.engines.kinds import Sound
from marotte.engines.sound_cache import SoundCache

cache = SoundCache(Path(sys.argv[1]), 10**9)
sound = Sound(pcm=bytes(range(256)) * 8_000, rate=48_000)
for number in range(10_000):
    cache._write(f"{number:064x}", (sound,) * (1 + number % 3))
    print(number, flush=True)
"""


async def test_a_killed_write_leaves_no_half_line(tmp_path: Path) -> None:
    for number in range(3):
        folder = tmp_path / str(number)
        writer = await asyncio.create_subprocess_exec(
            sys.executable, "-c", _WRITER, str(folder), stdout=asyncio.subprocess.PIPE
        )
        assert writer.stdout is not None
        for _ in range(5 + number):
            await asyncio.wait_for(writer.stdout.readline(), PATIENCE)
        writer.send_signal(signal.SIGKILL)
        await writer.wait()
        cache = SoundCache(folder, 10**9)
        await cache.open()
        assert len(cache) >= 5
        assert not list(folder.glob("*.part"))
        for file in folder.iterdir():
            assert await cache.find(file.name), "every line that is there is whole"


async def test_a_disk_that_hangs_holds_up_no_line_that_was_never_kept(tmp_path: Path) -> None:
    import threading

    gate = threading.Event()
    cache, voice = SoundCache(tmp_path / "sounds", 10**8), ScriptedVoice()
    await cache.open()
    chain = VoiceChain([cache.keep(Built("v", voice, EngineSettings()))], Published(), Kit().clock)
    wait: Callable[[], Any] = gate.wait
    cache._submit(wait)
    try:
        for _ in range(3):
            assert [sound async for sound in chain.speak(LINE)]
    finally:
        gate.set()
    assert len(voice.asked) == 3
