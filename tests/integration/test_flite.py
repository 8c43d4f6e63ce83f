"""The small English voice, with Flite itself."""

from collections.abc import AsyncIterator
from contextlib import aclosing

import pytest
from pydantic import ValidationError

from marotte.engines.kinds import EngineUnsuited, Kit
from marotte.voice.voices.flite import VOICES, FliteSettings, FliteVoice
from tests.speaking import holds_together, line, mouths, pcm, pitch, seconds, speak, words
from tests.waiting import PATIENCE

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module")
async def voice() -> AsyncIterator[FliteVoice]:
    manners = {"joy": {"speed": 2.0}, "fear": {"pitch": 7}, **{name: {"voice": name} for name in VOICES}}
    voice = FliteVoice(FliteSettings(feelings=manners), Kit())
    await voice.warm()
    yield voice
    await voice.close()


TEXT = "Well, “quoted” 🙂 — it’s déjà-vu; ha ha ha. Dr. Smith pays $5.50 at 3 o’clock (yes)!"


@pytest.mark.parametrize("name", VOICES)
async def test_each_voice_says_when(voice: FliteVoice, name: str) -> None:
    sounds = await speak(voice, line(TEXT, feeling=name))
    assert {sound.rate for sound in sounds} == {VOICES[name]}
    assert 4 < seconds(sounds) < 14
    holds_together(TEXT, sounds)
    told = [word.text for word in words(sounds)]
    assert told[0] == "Well,"
    assert [text.strip(".,") for text in told].count("ha") == 3
    assert {"$5.50", "Smith", "déjà-vu;"} <= set(told)
    assert len({mouth.shape for mouth in mouths(sounds)}) == 7


async def test_it_sounds_while_it_is_being_made(voice: FliteVoice) -> None:
    made = 0
    async for sound in voice.speak(line(TEXT)):
        made += len(sound.pcm) // 2
        assert all(word.start <= made for word in sound.words)
        assert all(mouth.start <= made for mouth in sound.mouths)
        assert len(sound.pcm) <= 2 * 1_600


async def test_lips_close_for_m_and_open_for_a(voice: FliteVoice) -> None:
    shapes = [mouth.shape for mouth in mouths(await speak(voice, line("Mama, papa.")))]
    assert shapes.count("closed") == 4
    assert "wide" in shapes


async def test_speed_and_pitch(voice: FliteVoice) -> None:
    usual = await speak(voice, line("Ah, ah, ah."))
    assert seconds(await speak(voice, line("Ah, ah, ah.", feeling="joy"))) == pytest.approx(seconds(usual) / 2, rel=0.1)
    high = await speak(voice, line("Ah, ah, ah.", feeling="fear"))
    assert pitch(high) / pitch(usual) == pytest.approx(1.5, rel=0.15)


@pytest.mark.parametrize("text", ["--help", "-f /etc/passwd", "$(id) `id` | cat", "a\0b", "'\"\\ %s%n"])
async def test_a_text_is_never_an_option_or_a_command(voice: FliteVoice, text: str) -> None:
    assert seconds(await speak(voice, line(text))) > 0.3


@pytest.mark.parametrize("text", ["", "   ", "🙂🙂", "…"])
async def test_nothing_to_say(voice: FliteVoice, text: str) -> None:
    with pytest.raises(EngineUnsuited, match="nothing to say"):
        await speak(voice, line(text))


async def test_other_languages_are_for_other_voices(voice: FliteVoice) -> None:
    with pytest.raises(EngineUnsuited, match="it speaks English, not 'de'"):
        await speak(voice, line("Hallo.", "de"))


async def test_a_cut_stops_it_and_it_goes_on_with_the_next_line(
    voice: FliteVoice, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("marotte.engines.child._GRACE", PATIENCE)
    pid = voice._child.pid
    async with aclosing(voice.speak(line("This goes on and on, and on. " * 100))) as sounds:
        await anext(sounds)
    assert pcm(await speak(voice, line("Yes.")))
    assert voice._child.pid == pid, "it obeyed and was not killed"


def test_what_is_missing_or_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    assert FliteVoice.check(FliteSettings(), Kit()) == ""
    monkeypatch.setattr("marotte.voice.voices.flite.find_library", lambda _: None)
    assert FliteVoice.check(FliteSettings(), Kit()) == "Flite is missing: apt install flite"
    with pytest.raises(ValidationError, match="no voice 'sam'; there are slt"):
        FliteSettings(feelings={"joy": {"voice": "sam"}})
