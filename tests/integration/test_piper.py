"""Piper in its own process: the real library with scripted models."""

from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest

from marotte.engines.kinds import EngineUnavailable, EngineUnsuited, Kit
from marotte.voice.voices.piper import PiperSettings, PiperVoice
from tests.servers import scripted_piper
from tests.servers.scripted_piper import FRAMES, HOP, RATE
from tests.speaking import holds_together, line, mouths, pcm, seconds, speak, words
from tests.waiting import PATIENCE

pytestmark = pytest.mark.anyio
TEXT = "Mama said: hello there, Ada! How are you?"


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


def made(path: Path, **settings: Any) -> PiperVoice:
    return PiperVoice(PiperSettings(model=str(path), **settings), Kit())


@pytest.fixture(scope="module")
async def voice(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[PiperVoice]:
    path = scripted_piper.write(tmp_path_factory.mktemp("piper") / "en.onnx")
    voice = made(path, feelings={"joy": {"speed": 2.0}})
    await voice.warm()
    yield voice
    await voice.close()


async def test_sound_words_and_mouths(voice: PiperVoice) -> None:
    sounds = await speak(voice, line(TEXT))
    assert {sound.rate for sound in sounds} == {RATE}
    holds_together(TEXT, sounds)
    assert [word.text for word in words(sounds)] == TEXT.split()
    shapes = [mouth.shape for mouth in mouths(sounds)]
    assert shapes.count("closed") == 2  # the two of "Mama"
    assert all(mouth.start % (FRAMES * HOP) == 0 for mouth in mouths(sounds)), "each begins with a phone"


async def test_a_sentence_sounds_before_the_next_is_made(voice: PiperVoice) -> None:
    made = 0
    async for sound in voice.speak(line(TEXT)):
        made += len(sound.pcm) // 2
        assert all(word.start <= made for word in sound.words)
        assert len(sound.pcm) <= 2 * RATE // 10


async def test_speed(voice: PiperVoice) -> None:
    usual, fast = await speak(voice, line(TEXT)), await speak(voice, line(TEXT, feeling="joy"))
    assert seconds(fast) == pytest.approx(seconds(usual) / 2, rel=0.01)


async def test_where_words_are_read_otherwise_than_written_only_the_mouth_is_told(voice: PiperVoice) -> None:
    sounds = await speak(voice, line("I have 123 bells."))
    assert words(sounds) == []
    assert len(mouths(sounds)) > 10


async def test_double_brackets_of_a_viewer_are_no_phones(voice: PiperVoice) -> None:
    assert pcm(await speak(voice, line("Say [[ hello ]] now."))) == pcm(await speak(voice, line("Say hello now.")))


async def test_a_model_without_timings_still_speaks_and_its_mouth_follows_the_sound(tmp_path: Path) -> None:
    voice = made(scripted_piper.write(tmp_path / "v.onnx", timings=False))
    try:
        sounds = await speak(voice, line(TEXT))
        assert seconds(sounds) > 1
        assert (words(sounds), mouths(sounds)) == ([], [])
    finally:
        await voice.close()


async def test_speakers(tmp_path: Path) -> None:
    path = scripted_piper.write(tmp_path / "v.onnx", speakers=("ada", "bob"))
    voice = made(path, feelings={"joy": {"voice": "bob"}, "fear": {"voice": "1"}, "anger": {"voice": "eve"}})
    try:
        usual, bob, number = [pcm(await speak(voice, line(TEXT, feeling=feeling))) for feeling in ("", "joy", "fear")]
        assert usual != bob == number
        with pytest.raises(EngineUnavailable, match="no speaker 'eve'; it has 2"):
            await speak(voice, line(TEXT, feeling="anger"))
    finally:
        await voice.close()


async def test_a_model_speaks_its_own_language_unless_the_show_wants_more(tmp_path: Path) -> None:
    path = scripted_piper.write(tmp_path / "v.onnx", language="en_GB")
    own, told = made(path), made(path, speaks=("en", "de"))
    try:
        assert pcm(await speak(own, line("Hello.", "en-AU")))
        with pytest.raises(EngineUnsuited, match="speaks 'en', not 'de'"):
            await speak(own, line("Hallo.", "de"))
        assert pcm(await speak(told, line("Hallo.", "de")))
    finally:
        await own.close()
        await told.close()


@pytest.mark.parametrize("text", ["", " ", "!", "🙂"])
async def test_nothing_to_say(voice: PiperVoice, text: str) -> None:
    with pytest.raises(EngineUnsuited, match="nothing to say"):
        await speak(voice, line(text))


async def test_a_cut_stops_it_and_it_goes_on_with_the_next_line(
    voice: PiperVoice, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("marotte.engines.child._GRACE", PATIENCE)
    pid = voice._child.pid
    async with aclosing(voice.speak(line("This goes on. And on, and on. " * 100))) as sounds:
        await anext(sounds)
    assert pcm(await speak(voice, line("Yes.")))
    assert voice._child.pid == pid, "it obeyed and was not killed"


async def test_what_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def said(model: str) -> str:
        return PiperVoice.check(PiperSettings(model=model), Kit())

    assert "needs the path" in said("")
    assert said("/none.onnx") == "piper: there is no file /none.onnx"
    (tmp_path / "v.onnx").write_bytes(b"no model")
    assert "there is no file" in said(str(tmp_path / "v.onnx"))
    (tmp_path / "v.onnx.json").write_text("[]")
    assert "does not describe a voice" in said(str(tmp_path / "v.onnx"))
    pinyin = scripted_piper.write(tmp_path / "zh.onnx", phoneme_type="pinyin")
    assert "would download a model" in said(str(pinyin))
    with pytest.raises(EngineUnavailable, match="no file"):
        await speak(made(Path("/none.onnx")), line("Hello."))
    monkeypatch.setattr("marotte.voice.voices.piper.find_spec", lambda _: None)
    assert "pip install 'marotte[piper]' (GPL" in said("/none.onnx")


async def test_a_file_that_is_no_model(tmp_path: Path) -> None:
    path = scripted_piper.write(tmp_path / "v.onnx")
    path.write_bytes(b"this is no model" * 100)
    voice = made(path)
    with pytest.raises(EngineUnavailable, match="ended with status 1"):
        await speak(voice, line("Hello."))
    await voice.close()
