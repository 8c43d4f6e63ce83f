"""The Japanese voice, with Open JTalk itself."""

import io
import shutil
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path

import pyopenjtalk
import pytest

from marotte.engines.kinds import EngineUnavailable, EngineUnsuited, Kit
from marotte.engines.program import Request
from marotte.events import Cue
from marotte.voice.voices import openjtalk_program
from marotte.voice.voices.openjtalk import OpenJTalkSettings, OpenJTalkVoice
from tests.speaking import holds_together, line, mouths, pcm, pitch, seconds, speak, words
from tests.waiting import PATIENCE

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module")
async def voice() -> AsyncIterator[OpenJTalkVoice]:
    voice = OpenJTalkVoice(OpenJTalkSettings(feelings={"joy": {"speed": 2.0}, "fear": {"pitch": 12}}), Kit())
    await voice.warm()
    yield voice
    await voice.close()


TEXT = "今日は、良い天気ですね。東京で3時に会いましょう！"


async def test_it_reads_kanji_and_says_when(voice: OpenJTalkVoice) -> None:
    sounds = await speak(voice, line(TEXT, "ja-JP"))
    assert {sound.rate for sound in sounds} == {48_000}
    assert 3 < seconds(sounds) < 8
    holds_together(TEXT, sounds)
    assert [word.text for word in words(sounds)] == [
        "今日", "は、", "良い", "天気", "です", "ね。", "東京", "で", "3", "時", "に", "会い", "ましょう！",
    ]  # fmt: skip
    assert len({mouth.shape for mouth in mouths(sounds)}) >= 5


async def test_a_phrase_sounds_before_the_next_is_made(voice: OpenJTalkVoice) -> None:
    made = 0
    async for sound in voice.speak(line(TEXT, "ja")):
        made += len(sound.pcm) // 2
        assert all(word.start <= made for word in sound.words)
        assert all(mouth.start <= made for mouth in sound.mouths)
        assert len(sound.pcm) <= 2 * 4_800


async def test_lips_close_for_m_and_open_for_a(voice: OpenJTalkVoice) -> None:
    shapes = [mouth.shape for mouth in mouths(await speak(voice, line("まま、ぱぱ。", "ja")))]
    assert shapes.count("closed") == 4
    assert shapes.count("wide") == 4


async def test_speed_and_pitch(voice: OpenJTalkVoice) -> None:
    usual = await speak(voice, line("ああああ。", "ja"))
    fast = await speak(voice, line("ああああ。", "ja", feeling="joy"))
    high = await speak(voice, line("ああああ。", "ja", feeling="fear"))
    assert seconds(fast) == pytest.approx(seconds(usual) / 2, rel=0.1)
    assert seconds(high) == pytest.approx(seconds(usual), rel=0.01)
    assert pitch(high) / pitch(usual) == pytest.approx(2, rel=0.1)


async def test_signs_that_are_not_japanese_shift_no_word(voice: OpenJTalkVoice) -> None:
    text = "「Hello」🙂 世界𠮷は、ﾊﾝｶｸです…。"
    sounds = await speak(voice, line(text, "ja"))
    holds_together(text, sounds)
    assert "世界" in [word.text for word in words(sounds)]


async def test_a_pause_is_silence_at_its_place(voice: OpenJTalkVoice) -> None:
    plain = await speak(voice, line("はい。そうです。", "ja"))
    paused = await speak(voice, line("はい。そうです。", "ja", cues=(Cue(kind="pause", name="2s", offset=3),)))
    assert seconds(paused) - seconds(plain) == pytest.approx(2, abs=0.7)
    assert [word.offset for word in words(paused)][:2] == [0, 3]


async def test_other_languages_are_for_other_voices_unless_the_show_wants_it(voice: OpenJTalkVoice) -> None:
    with pytest.raises(EngineUnsuited, match="it speaks Japanese, not 'en'"):
        await speak(voice, line("Hello."))
    every = OpenJTalkVoice(OpenJTalkSettings(speaks=()), Kit())
    try:
        assert pcm(await speak(every, line("Hello.")))
    finally:
        await every.close()


@pytest.mark.parametrize("text", ["。", "🙂", " "])
async def test_nothing_to_say(voice: OpenJTalkVoice, text: str) -> None:
    with pytest.raises(EngineUnsuited, match="nothing to say"):
        await speak(voice, line(text, "ja"))


async def test_a_cut_stops_it_and_it_goes_on_with_the_next_line(
    voice: OpenJTalkVoice, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("marotte.engines.child._GRACE", PATIENCE)
    pid = voice._child.pid
    async with aclosing(voice.speak(line("これはとても長い話です、" * 100, "ja"))) as sounds:
        await anext(sounds)
    assert pcm(await speak(voice, line("はい。", "ja")))
    assert voice._child.pid == pid, "it obeyed and was not killed"


def test_a_cut_stops_it_in_the_midst_of_a_phrase() -> None:
    labels = pyopenjtalk.make_label(pyopenjtalk.run_frontend("これはとても長い話です" * 20))
    voice = openjtalk_program.Voice(pyopenjtalk.DEFAULT_HTS_VOICE)
    request = Request({"request": 1}, b"", io.BytesIO())
    whole, starts = voice.make(labels, request)
    request.cancel()
    cut, _ = voice.make(labels, request)
    again, _ = voice.make(labels, Request({"request": 2}, b"", io.BytesIO()))
    voice.close()
    assert len(starts) == len(labels)
    assert again == whole
    assert not any(cut[len(cut) // 2 :]), "nothing was made of the second half"


async def test_a_voice_of_ones_own(voice: OpenJTalkVoice, tmp_path: Path) -> None:
    shutil.copy(pyopenjtalk.DEFAULT_HTS_VOICE.decode(), tmp_path / "own.htsvoice")
    (tmp_path / "broken.htsvoice").write_bytes(b"this is no voice")
    own = OpenJTalkVoice(
        OpenJTalkSettings(
            voice=str(tmp_path / "own.htsvoice"), feelings={"joy": {"voice": str(tmp_path / "broken.htsvoice")}}
        ),
        Kit(),
    )
    try:
        assert pcm(await speak(own, line("はい。", "ja"))) == pcm(await speak(voice, line("はい。", "ja")))
        with pytest.raises(EngineUnavailable, match=r"broken\.htsvoice is no HTS voice"):
            await speak(own, line("はい。", "ja", feeling="joy"))
    finally:
        await own.close()


def test_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    assert OpenJTalkVoice.check(OpenJTalkSettings(), Kit()) == ""
    assert OpenJTalkVoice.check(OpenJTalkSettings(voice="/none.htsvoice"), Kit()) == (
        "openjtalk: there is no voice file at /none.htsvoice"
    )
    monkeypatch.setattr("marotte.voice.voices.openjtalk.find_spec", lambda _: None)
    assert "pip install 'marotte[ja]'" in OpenJTalkVoice.check(OpenJTalkSettings(), Kit())
