"""Kept sound: a line is kept when it is said twice, under what shapes its sound, in a folder that stays small."""

import asyncio
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from marotte.engines import sound_cache
from marotte.engines.chains import VoiceChain
from marotte.engines.kinds import EngineSettings, Sound, VoiceSettings
from marotte.engines.registry import Built
from marotte.engines.sound_cache import SoundCache, key_of, shape_of
from marotte.events import Cue, Line, Mouth, Used
from marotte.time import Clock
from tests.stand_ins import Published, ScriptedVoice

pytestmark = [pytest.mark.anyio, pytest.mark.virtual]

LINE = Line(turn="t", shown="Good evening to all of you.", spoken="Good evening to all of you.")


class Voice(ScriptedVoice):
    """Places a mouth shape on each piece besides."""

    async def speak(self, line: Line):
        place = 0
        async for sound in super().speak(line):
            yield replace(sound, mouths=(Mouth(place, "open", 0.5),))
            place += len(sound.pcm) // 2


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "data" / "sounds"


def chain(cache: SoundCache, *engines: Any, settings: EngineSettings | None = None) -> tuple[VoiceChain, Published]:
    events = Published()
    known = settings or VoiceSettings(first_within=1, next_within=1)
    voices = [cache.keep(Built(f"v{n}", engine, known)) for n, engine in enumerate(engines)]
    return VoiceChain(voices, events, Clock()), events


async def say(voices: VoiceChain, line: Line = LINE) -> list[Sound]:
    sounds = [sound async for sound in voices.speak(line)]
    return [replace(sound, kept=False) for sound in sounds]


async def settled(cache: SoundCache) -> None:
    """Wait until the thread has done what it was given."""
    await cache._work(lambda: None)


async def said(cache: SoundCache, line: Line, times: int = 2, voice: Any = None) -> list[list[Sound]]:
    voices, _ = chain(cache, voice or Voice())
    found = []
    for _ in range(times):
        found.append(await say(voices, line))
        await settled(cache)
    return found


def names(folder: Path) -> list[str]:
    return sorted(file.name for file in folder.iterdir())


def lines(folder: Path) -> list[Path]:
    return [folder / name for name in names(folder) if name != "said-once"]


def modes(folder: Path) -> tuple[int, set[int]]:
    return stat.S_IMODE(folder.stat().st_mode), {stat.S_IMODE(file.stat().st_mode) for file in folder.iterdir()}


async def test_what_is_said_again_is_made_twice_and_then_costs_nothing(folder: Path) -> None:
    cache, voice = SoundCache(folder, 10**7), Voice()
    voices, events = chain(cache, voice)
    first, second, third, fourth = [(await say(voices), await settled(cache))[0] for _ in range(4)]
    assert len(voice.asked) == 2
    assert first == second == third == fourth, "the same pieces, words and mouth shapes"
    assert any(sound.words for sound in third)
    assert any(sound.mouths for sound in third)
    assert [used.amount for used in events.of(Used)] == [len(LINE.spoken)] * 2
    assert (cache.hits["v0"], cache.misses["v0"], len(cache)) == (2, 2, 1)
    assert cache.bytes == lines(folder)[0].stat().st_size > sum(len(sound.pcm) for sound in third)


async def test_only_its_owner_may_look_at_what_is_kept(folder: Path) -> None:
    await said(SoundCache(folder, 10**7), LINE)
    assert modes(folder) == (0o700, {0o600})


async def test_what_is_said_once_leaves_no_sound_and_no_words(folder: Path) -> None:
    cache = SoundCache(folder, 10**7)
    await said(cache, LINE, 1)
    assert names(folder) == ["said-once"]
    assert (folder / "said-once").stat().st_size == 8


async def test_the_next_run_knows_what_was_kept_and_what_was_said_once(folder: Path) -> None:
    once = replace(LINE, spoken="Welcome back.")
    await said(SoundCache(folder, 10**7), LINE)
    await said(SoundCache(folder, 10**7), once, 1)
    cache, voice = SoundCache(folder, 10**7), Voice()
    await said(cache, LINE, 1, voice)
    assert not voice.asked
    await said(cache, once, 1, voice)
    await said(cache, once, 1, voice)
    assert len(voice.asked) == 1, "its second making, though the first was another run's"


SETTINGS = VoiceSettings(
    voice="a", languages={"ja": {"voice": "b"}}, feelings={"joy": {"speed": 1.2}}, speaks=("en", "ja")
)


@pytest.mark.parametrize(
    ("alike", "settings", "line"),
    [
        (True, SETTINGS, replace(LINE, id="other", turn="other", answers=("x",), shown="GOOD evening")),
        (True, SETTINGS.model_copy(update={"first_within": 1.0, "speaks": ()}), LINE),
        (True, SETTINGS, replace(LINE, feeling="anger")),
        (True, SETTINGS, replace(LINE, cues=(Cue(kind="animation", name="nod"),))),
        (False, SETTINGS, replace(LINE, feeling="joy")),
        (False, SETTINGS, replace(LINE, language="ja")),
        (False, SETTINGS, replace(LINE, language="de")),
        (False, SETTINGS, replace(LINE, spoken="Good evening.")),
        (False, SETTINGS, replace(LINE, cues=(Cue(kind="pause", name="1s", offset=4),))),
        (False, SETTINGS.model_copy(update={"voice": "c"}), LINE),
        (False, SETTINGS.model_copy(update={"speed": 1.1}), LINE),
        (False, SETTINGS.model_copy(update={"pitch": 2.0}), LINE),
        (False, SETTINGS.model_copy(update={"style": "whispering"}), LINE),
    ],
)
async def test_one_key_for_what_sounds_alike(alike: bool, settings: VoiceSettings, line: Line) -> None:
    key = key_of(shape_of(Voice, SETTINGS), SETTINGS, LINE)
    assert (key_of(shape_of(Voice, settings), settings, line) == key) is alike


async def test_another_engine_server_or_model_is_another_key() -> None:
    from marotte.voice.voices.openai import OpenAIVoice, OpenAIVoiceSettings

    usual = OpenAIVoiceSettings(secret="A_KEY")
    shape = shape_of(OpenAIVoice, usual)
    assert shape_of(OpenAIVoice, OpenAIVoiceSettings(secret="B_KEY")) == shape
    assert b"_KEY" not in shape
    for other in ({"url": "http://127.0.0.1:9/v1"}, {"model": "tts-1"}, {"rate": 48_000}, {"extra": {"seed": 1}}):
        assert shape_of(OpenAIVoice, OpenAIVoiceSettings(**other)) != shape
    assert shape_of(Voice, usual) != shape


async def test_feeling_counts_where_a_voice_of_ones_own_knows_no_manner() -> None:
    plain = EngineSettings()
    shape = shape_of(Voice, plain)
    assert key_of(shape, plain, LINE) != key_of(shape, plain, replace(LINE, feeling="joy"))


async def test_the_line_not_said_for_longest_goes_first(folder: Path) -> None:
    a, b, c = (replace(LINE, spoken=f"Number {n} is here.") for n in ("one", "two", "six"))
    probe = SoundCache(folder.parent / "probe", 10**7)
    await said(probe, a)
    cache, voice = SoundCache(folder, round(2.5 * probe.bytes)), Voice()
    for line in (a, b):
        await said(cache, line, 2, voice)
    await said(cache, a, 1, voice)
    await said(cache, c, 2, voice)
    assert len(cache) == 2
    assert len(lines(folder)) == 2
    assert cache.bytes == sum(file.stat().st_size for file in lines(folder)) <= cache.most
    before = len(voice.asked)
    await said(cache, a, 1, voice)
    await said(cache, c, 1, voice)
    assert len(voice.asked) == before
    await said(cache, b, 1, voice)
    assert len(voice.asked) == before + 1, "it had to go"


async def test_the_order_survives_a_restart(folder: Path) -> None:
    a, b = (replace(LINE, spoken=f"Number {n} is here.") for n in ("one", "two"))
    cache = SoundCache(folder, 10**7)
    await said(cache, a)
    await said(cache, b)
    await said(cache, a, 1)
    again, voice = SoundCache(folder, cache.bytes - 1), Voice()
    await said(again, a, 1, voice)
    assert len(again) == 1
    assert not voice.asked


async def test_a_line_larger_than_all_there_is_pushes_nothing_out(folder: Path) -> None:
    cache = SoundCache(folder, 200_000)
    await said(cache, replace(LINE, spoken="Hello."))
    await said(cache, replace(LINE, spoken="word " * 40))
    assert len(cache) == 1
    assert len(lines(folder)) == 1


async def test_a_smaller_bound_holds_at_once_and_none_keeps_nothing(folder: Path) -> None:
    cache, voice = SoundCache(folder, 10**7), Voice()
    await said(cache, LINE, 2, voice)
    cache.bound(0)
    await said(cache, LINE, 3, voice)
    assert len(voice.asked) == 5
    assert (len(cache), cache.bytes, lines(folder)) == (0, 0, [])
    assert cache.misses["v0"] == 2, "what is off is not counted"


def _cut(data: bytes) -> bytes:
    return data[: len(data) // 2]


def _flip(data: bytes) -> bytes:
    return data[:-5] + bytes([data[-5] ^ 1]) + data[-4:]


def _other(data: bytes) -> bytes:
    import hashlib

    body = b"\x92\xa1a\xc0"
    return hashlib.blake2b(body, digest_size=16).digest() + body


@pytest.mark.parametrize("damage", [_cut, _flip, _other, lambda data: b""])
async def test_what_is_damaged_is_made_again(folder: Path, damage: Callable[[bytes], bytes]) -> None:
    cache, voice = SoundCache(folder, 10**7), Voice()
    [whole, _] = await said(cache, LINE, 2, voice)
    [file] = lines(folder)
    file.write_bytes(damage(file.read_bytes()))
    [again] = await said(cache, LINE, 1, voice)
    assert again == whole
    assert len(voice.asked) == 3
    [kept] = await said(cache, LINE, 1, voice)
    assert kept == whole
    assert len(voice.asked) == 3
    assert cache.bytes == sum(file.stat().st_size for file in lines(folder))


async def test_a_file_that_somebody_deleted_is_made_again(folder: Path) -> None:
    cache, voice = SoundCache(folder, 10**7), Voice()
    await said(cache, LINE, 2, voice)
    lines(folder)[0].unlink()
    await said(cache, LINE, 1, voice)
    assert len(voice.asked) == 3


async def test_a_write_that_was_killed_leaves_nothing_to_be_taken_for_a_line(folder: Path) -> None:
    await said(SoundCache(folder, 10**7), LINE, 1)
    (folder / ("a" * 64 + ".part")).write_bytes(b"half")
    cache = SoundCache(folder, 10**7)
    await cache.open()
    assert len(cache) == 0
    assert lines(folder) == []


async def test_a_write_that_fails_leaves_nothing(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(self: Path, target: Path) -> None:
        raise OSError(28, "No space left on device")

    cache, voice = SoundCache(folder, 10**7), Voice()
    monkeypatch.setattr(Path, "replace", full)
    await said(cache, LINE, 3, voice)
    assert lines(folder) == []
    assert (len(cache), cache.bytes, len(voice.asked)) == (0, 0, 3)


async def test_a_folder_that_cannot_be_made_silences_nobody(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("a file")
    cache, voice = SoundCache(tmp_path / "file" / "sounds", 10**7), Voice()
    found = await said(cache, LINE, 3, voice)
    assert len(voice.asked) == len(found) == 3
    assert all(found)


@pytest.mark.parametrize("fault", ["break", "raise", "nothing", "hang"])
async def test_a_line_that_failed_is_not_kept(folder: Path, fault: str) -> None:
    cache = SoundCache(folder, 10**7)
    for _ in range(3):
        voices, _ = chain(cache, Voice(fault=fault), ScriptedVoice())
        await say(voices)
    await settled(cache)
    key = key_of(shape_of(Voice, VoiceSettings()), VoiceSettings(), LINE)
    assert not (folder / key).exists()


async def test_a_line_that_was_cut_is_not_kept(folder: Path) -> None:
    cache = SoundCache(folder, 10**7)
    voices, events = chain(cache, Voice(pace=1.0))
    for _ in range(3):
        cut = asyncio.create_task(say(voices))
        await asyncio.sleep(0.5)
        cut.cancel()
        await asyncio.wait([cut])
    await asyncio.sleep(1)
    await settled(cache)
    assert len(cache) == 0
    assert len(events.of(Used)) == 3, "it was asked for, whatever was heard of it"


async def test_a_line_of_half_a_minute_and_more_is_not_kept(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sound_cache, "LONGEST", 1.0)
    cache = SoundCache(folder, 10**7)
    await said(cache, LINE)
    await said(cache, replace(LINE, spoken="Good evening."))
    assert len(cache) == 1


async def test_a_voice_as_quick_as_a_disk_is_left_alone(folder: Path) -> None:
    from marotte.voice.voices.espeak import EspeakVoice
    from marotte.voice.voices.flite import FliteVoice
    from marotte.voice.voices.openjtalk import OpenJTalkVoice

    class Cheap(ScriptedVoice):
        cheap = True

    cache, engine = SoundCache(folder, 10**7), Cheap()
    assert cache.keep(Built("v", engine, EngineSettings())).engine is engine
    assert all(voice.cheap for voice in (EspeakVoice, FliteVoice, OpenJTalkVoice))


async def test_a_trial_of_the_breaker_asks_the_voice_itself(folder: Path) -> None:
    cache, voice = SoundCache(folder, 10**7), Voice()
    await said(cache, replace(LINE, shown="ah", spoken="ah"), 2, voice)
    voices, _ = chain(cache, voice, ScriptedVoice())
    voice.fault = "raise"
    await say(voices)
    assert voices.members[0].state == "resting"
    await asyncio.sleep(16)
    await say(voices)
    await asyncio.sleep(1)
    assert voices.members[0].state == "resting", "what is kept says nothing of how it fares"


async def test_an_understudy_goes_on_with_what_it_has_kept(folder: Path) -> None:
    cache = SoundCache(folder, 10**7)
    found = []
    for _ in range(3):
        second = Voice()
        voices, events = chain(cache, Voice(fault="break"), second)
        found.append(await say(voices))
        await settled(cache)
    assert not second.asked
    assert found[0] == found[1] == found[2], "its timings stand behind what was spoken, as the first time"
    assert [used.engine for used in events.of(Used)] == ["v0"]


async def test_floors_that_ask_for_the_same_line_at_once(folder: Path) -> None:
    cache, voice = SoundCache(folder, 10**7), Voice(first=0.1, pace=0.1)
    voices, _ = chain(cache, voice)
    found = await asyncio.gather(*(say(voices) for _ in range(5)))
    await settled(cache)
    assert all(each == found[0] for each in found)
    assert len(lines(folder)) == len(cache) == 1
    assert cache.bytes == lines(folder)[0].stat().st_size
    asked = len(voice.asked)
    again = await asyncio.gather(*(say(voices) for _ in range(5)))
    assert all(each == found[0] for each in again)
    assert len(voice.asked) == asked


async def test_forgetting_deletes_all_and_what_is_being_made_too(folder: Path) -> None:
    cache, voice = SoundCache(folder, 10**7), Voice(pace=0.5)
    other = replace(LINE, spoken="Ada likes cats.")
    await said(cache, LINE, 2, voice)
    await said(cache, other, 1, voice)
    voices, _ = chain(cache, voice)
    making = asyncio.create_task(say(voices, other))
    await asyncio.sleep(0.2)
    assert await asyncio.wrap_future(cache.clear()) == 1
    assert names(folder) == []
    await making
    await settled(cache)
    assert names(folder) == [], "the line that was being made is not kept either"
    await said(cache, LINE, 1, voice)
    assert names(folder) == ["said-once"], "as if it were said for the first time"


async def test_what_was_said_once_is_bounded(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sound_cache, "REMEMBERED", 10)
    cache = SoundCache(folder, 10**7)
    await cache.open()
    keys = [f"{n:064x}"[::-1] for n in range(100)]
    for key in keys:
        assert not cache.said_before(key)
        cache.write_down(key)
        await settled(cache)
        assert (folder / "said-once").stat().st_size <= 10 * 8
    again = SoundCache(folder, 10**7)
    await again.open()
    assert again.said_before(keys[-1])
    assert not again.said_before(keys[0])
