"""The embedded voice, with espeak-ng itself."""

import asyncio
from array import array
from collections.abc import AsyncIterator
from contextlib import aclosing
from itertools import pairwise
from typing import Any

import pytest

from marotte.engines.child import Frame
from marotte.engines.kinds import EngineError, EngineUnavailable, EngineUnsuited, Kit, Manner, Sound
from marotte.events import Cue, Line
from marotte.voice.mouth import levels
from marotte.voice.voices.espeak import EspeakSettings, EspeakVoice
from tests.waiting import PATIENCE

pytestmark = pytest.mark.anyio

RATE = 22_050


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module")
async def voice() -> AsyncIterator[EspeakVoice]:
    voice = EspeakVoice(EspeakSettings(), Kit())
    await voice.warm()
    yield voice
    await voice.close()


def line(spoken: str, language: str = "en", **more: Any) -> Line:
    return Line(shown=spoken, spoken=spoken, language=language, **more)


async def speak(voice: EspeakVoice, line: Line) -> list[Sound]:
    return [sound async for sound in voice.speak(line)]


def pcm(sounds: list[Sound]) -> bytes:
    return b"".join(sound.pcm for sound in sounds)


TEXTS = {
    "en": "Hello, Ada! I have 3 bells; don't you think they're lovely?",
    "es": "¿Cómo estás, señorita? ¡Muy bien!",
    "fr": "L'été, c'est là-bas qu'il est né.",
    "zh": "你好，我是一个小丑。",
    "ja": "こんにちは、おげんきですか。",
}


@pytest.mark.parametrize("language", TEXTS)
async def test_five_languages_give_sound_words_and_mouths(voice: EspeakVoice, language: str) -> None:
    text = TEXTS[language]
    sounds = await speak(voice, line(text, language))
    total = len(pcm(sounds)) // 2
    loud = levels(pcm(sounds), RATE)
    assert {sound.rate for sound in sounds} == {RATE}
    assert max(len(sound.pcm) for sound in sounds) <= 2 * RATE * 0.061
    assert 1.0 < total / RATE < 6.0
    assert sum(level > 0.5 for level in loud) > 0.3 * len(loud), "it sounds for at least a third of the time"

    words = [word for sound in sounds for word in sound.words]
    assert all(text[word.offset :].startswith(word.text) for word in words)
    assert all(a.end == b.start and a.start < a.end and a.offset < b.offset for a, b in pairwise(words))
    assert words[0].start < RATE * 0.1
    assert words[-1].end == total
    assert [char for word in words for char in word.text] == [c for c in text if c not in " ¿¡"]

    mouths = [mouth for sound in sounds for mouth in sound.mouths]
    assert len(mouths) > len(text) / 3
    assert all(a.start <= b.start for a, b in pairwise(mouths))
    assert len({mouth.shape for mouth in mouths}) >= 4
    assert mouths[-1].shape == "rest"
    assert sum(mouth.level > 0.5 for mouth in mouths) > len(mouths) / 2


async def test_timings_come_no_earlier_than_their_sound(voice: EspeakVoice) -> None:
    made = 0
    async for sound in voice.speak(line(TEXTS["en"])):
        made += len(sound.pcm) // 2
        assert all(word.start <= made for word in sound.words)
        assert all(mouth.start <= made for mouth in sound.mouths)


async def test_lips_close_for_m_and_open_for_a(voice: EspeakVoice) -> None:
    sounds = await speak(voice, line("Mama, papa."))
    shapes = [mouth.shape for sound in sounds for mouth in sound.mouths]
    assert shapes.count("closed") == 4
    assert shapes[0] == "closed"
    assert "wide" in shapes


async def test_emoji_do_not_shift_the_words(voice: EspeakVoice) -> None:
    text = "Ha 🙂🙂 ha 👩‍👩‍👧 ho 𝄞 hi."
    words = [word for sound in await speak(voice, line(text)) for word in sound.words]
    assert all(word.text and text[word.offset :].startswith(word.text) for word in words)
    assert words[-1].text == "hi."


async def test_a_pause_is_silence_at_its_place(voice: EspeakVoice) -> None:
    text = "Well then. Goodbye."
    plain = await speak(voice, line(text))
    cues = (Cue(kind="pause", name="700ms", offset=10), Cue(kind="expression", name="joy", offset=4))
    paused = await speak(voice, line(text, cues=cues))
    assert len(pcm(paused)) - len(pcm(plain)) == pytest.approx(2 * 0.7 * RATE, rel=0.25)
    words = [word for sound in paused for word in sound.words]
    assert [(word.text, word.offset) for word in words] == [("Well", 0), ("then.", 5), ("Goodbye.", 11)]
    silence = levels(pcm(paused), RATE)
    before = round(words[2].start / RATE / 0.02)
    assert max(silence[before - 34 : before - 1]) == 0.0


@pytest.mark.parametrize("name", ["700ms", "0.7s", "0.7 s", "0.7"])
async def test_a_pause_alone(voice: EspeakVoice, name: str) -> None:
    sounds = await speak(voice, line("", cues=(Cue(kind="pause", name=name),)))
    assert len(pcm(sounds)) == 2 * round(0.7 * RATE)


async def test_a_cut_stops_it(voice: EspeakVoice, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("marotte.engines.child._GRACE", PATIENCE)
    running = voice._child._running
    assert running is not None
    read, frames = running.read, 0

    async def counted() -> Frame:
        nonlocal frames
        frames += 1
        return await read()

    monkeypatch.setattr(running, "read", counted)
    sounds = voice.speak(line("This goes on and on, and on. " * 150))
    async with aclosing(sounds):
        await anext(sounds)
    assert pcm(await speak(voice, line("Yes.")))
    assert frames < 2_000, "the whole line has three times as many pieces"
    assert voice._child._running is running, "it obeyed and was not killed"


async def test_a_floor_that_does_not_take_its_sound_keeps_no_other_waiting(voice: EspeakVoice) -> None:
    slow = voice.speak(line("A long story, told to somebody who listens slowly. " * 40))
    async with aclosing(slow):
        await anext(slow)
        async with asyncio.timeout(PATIENCE):
            assert pcm(await speak(voice, line("Me too!")))
        assert len([sound async for sound in slow]) > 500


async def test_every_language_and_its_fallbacks(voice: EspeakVoice) -> None:
    languages = await voice.languages()
    assert len(languages) > 100
    assert {"de", "ko", "pt-br"} <= set(languages)
    for tag in ("de", "de-AT", "en-GB", "pt-BR", "zh-Hant-TW", "es-MX", "ko"):
        assert len(pcm(await speak(voice, line("Alo 1 2 3.", tag)))) > RATE
    with pytest.raises(EngineUnsuited, match="espeak: it has no voice for the language 'tlz'"):
        await speak(voice, line("Qapla!", "tlz"))


async def test_settings_are_heard() -> None:
    text = line("The quick brown fox jumps over the lazy dog.")
    length: dict[str, int] = {}
    for name, settings in (
        ("usual", EspeakSettings()),
        ("fast", EspeakSettings(speed=1.8)),
        ("quiet", EspeakSettings(volume=10)),
        ("german", EspeakSettings(languages={"en": Manner(voice="de")})),
        ("plain", EspeakSettings(variant="")),
    ):
        voice = EspeakVoice(settings, Kit())
        sound = pcm(await speak(voice, text))
        await voice.close()
        length[name] = len(sound)
        peak = max(map(abs, array("h", sound)))
        assert peak < 8_000 if name == "quiet" else peak > 8_000
    assert length["fast"] < 0.7 * length["usual"]
    assert length["german"] != length["usual"]


async def test_what_it_cannot_say(voice: EspeakVoice) -> None:
    with pytest.raises(EngineUnsuited, match="a line of 6000 characters is longer than 5000"):
        await speak(voice, line("x" * 6_000))
    with pytest.raises(EngineUnsuited, match="there is nothing to say"):
        await speak(voice, line("  "))
    with pytest.raises(EngineUnsuited, match="there is nothing to say"):
        await speak(voice, line("", cues=(Cue(kind="expression", name="joy"),)))


async def test_after_a_crash_the_next_line_is_spoken() -> None:
    voice = EspeakVoice(EspeakSettings(), Kit())
    sounds = voice.speak(line("One, two, three. " * 280))
    await anext(sounds)
    voice._child._running.signal()
    with pytest.raises(EngineError):
        await speak_rest(sounds)
    assert pcm(await speak(voice, line("Still here.")))
    await voice.close()
    with pytest.raises(EngineUnavailable):
        await speak(voice, line("And now?"))


async def speak_rest(sounds: AsyncIterator[Sound]) -> None:
    async for _ in sounds:
        pass


def test_the_check() -> None:
    assert EspeakVoice.check(EspeakSettings(), Kit()) == ""
