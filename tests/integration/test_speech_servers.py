"""Voices behind the speech servers of the house, against servers that keep to their protocols and some that do not."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

import pytest
from pydantic import ValidationError

from marotte.engines.kinds import EngineError, EngineUnavailable, EngineUnsuited, Kit, Sound, VoiceSettings
from marotte.events import Line
from marotte.voice.streamed import HttpVoice
from marotte.voice.voices.melotts import MeloTTSVoice
from marotte.voice.voices.piper_http import PiperHttpVoice
from marotte.voice.voices.style_bert_vits2 import StyleBertVITS2Voice, parts
from marotte.voice.voices.xtts import XTTSVoice
from tests.servers.speech_servers import (
    MeloTTSServer,
    PiperServer,
    Script,
    SpeechServer,
    StyleBertVITS2Server,
    XTTSServer,
)
from tests.waiting import PATIENCE, until

pytestmark = pytest.mark.anyio

ENGINES: dict[str, tuple[type[HttpVoice], type[SpeechServer]]] = {
    "melotts": (MeloTTSVoice, MeloTTSServer),
    "xtts": (XTTSVoice, XTTSServer),
    "style_bert_vits2": (StyleBertVITS2Voice, StyleBertVITS2Server),
    "piper_http": (PiperHttpVoice, PiperServer),
}
HELLO = Line(shown="Hello there, Ada.", spoken="Hello there, Ada.", language="en-US")
JAPANESE = Line(shown="はい、元気です。", spoken="はい、元気です。", language="ja")


@pytest.fixture
async def kit() -> AsyncIterator[Kit]:
    kit = Kit(secrets={"PROXY_KEY": "sk-proxy-0123456789"})
    yield kit
    await kit.close()


@pytest.fixture(params=list(ENGINES))
def name(request: pytest.FixtureRequest) -> str:
    return request.param


def build(name: str, url: str, kit: Kit, **settings: Any) -> HttpVoice:
    engine = ENGINES[name][0]
    return engine(engine.Settings(**{"url": url, **settings}), kit)


async def speak(voice: Any, line: Line = HELLO) -> list[Sound]:
    return [sound async for sound in voice.speak(line)]


def pcm(sounds: list[Sound]) -> bytes:
    return b"".join(sound.pcm for sound in sounds)


def line(spoken: str, language: str = "en", feeling: str = "") -> Line:
    return Line(shown=spoken, spoken=spoken, language=language, feeling=feeling)


# --- what all of them do


async def test_a_line_is_heard_whole_in_small_pieces(name: str, kit: Kit) -> None:
    async with ENGINES[name][1]() as server:
        sounds = await speak(build(name, server.url, kit))
    assert pcm(sounds) == server.sound(HELLO.spoken)
    assert {sound.rate for sound in sounds} == {server.rate}
    assert len(sounds[0].pcm) <= server.rate // 10 * 2
    assert max(len(sound.pcm) for sound in sounds) <= server.rate * 2


async def test_one_connection_serves_line_after_line(name: str, kit: Kit) -> None:
    async with ENGINES[name][1]() as server:
        voice = build(name, server.url, kit)
        for _ in range(3):
            await speak(voice)
    assert len({asked.peer for asked in server.requests}) == 1


@pytest.mark.parametrize("pieces_taken", [0, 1])
async def test_a_cut_closes_the_connection_at_once(name: str, kit: Kit, pieces_taken: int) -> None:
    async with ENGINES[name][1]() as server:
        server.gate.clear()
        voice: Any = build(name, server.url, kit)
        async with asyncio.timeout(PATIENCE):
            async with aclosing(voice.speak(line("Long. " * 16))) as sounds:
                if pieces_taken:
                    assert (await anext(sounds)).pcm
                else:
                    first = asyncio.create_task(anext(sounds))
                    await until(lambda: server.requests, "the request")
                    first.cancel()
                    await asyncio.gather(first, return_exceptions=True)
            await until(lambda: any(asked.cut for asked in server.requests), "the server to see that nobody listens")


@pytest.mark.parametrize(
    ("fault", "kind", "told"),
    [
        ("401", EngineUnavailable, r"wants a key: name its variable in secret \(401\)"),
        ("429", EngineUnavailable, r"has had enough requests for now; it may be asked again in 7 s \(429\)"),
        ("500", EngineUnavailable, r"has failed \(500\): CUDA out of memory"),
        ("empty", EngineError, "sent no sound"),
        ("wrong_type", EngineUnavailable, "sent text/html instead of sound: <html><h1>Welcome to the proxy"),
        ("close", EngineError, "the connection broke while it answered"),
    ],
)
async def test_trouble_is_told_in_plain_words(
    name: str, kit: Kit, fault: str, kind: type[EngineError], told: str
) -> None:
    async with ENGINES[name][1]() as server:
        server.fault("speech", fault)
        with pytest.raises(EngineError, match=told) as failure:
            await speak(build(name, server.url, kit))
        assert type(failure.value) is kind
        assert str(failure.value).startswith(f"{name}: ")
        if fault == "429":
            assert getattr(failure.value, "retry_after", 0) == 7
        server.fault("speech", fault, 0)
        assert await speak(build(name, server.url, kit))


async def test_ten_megabytes_at_once_are_cut_up(name: str, kit: Kit) -> None:
    async with ENGINES[name][1]() as server:
        server.fault("speech", "huge")
        sounds = await speak(build(name, server.url, kit))
    assert sum(len(sound.pcm) for sound in sounds) == 10_000_000
    assert len(sounds[0].pcm) <= server.rate // 10 * 2
    assert max(len(sound.pcm) for sound in sounds) <= server.rate * 2


async def test_sound_without_end_has_one(name: str, kit: Kit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("marotte.voice.streamed.LARGEST", 1_000_000)
    async with ENGINES[name][1](Script(pace=1e6)) as server:
        server.fault("speech", "endless")
        with pytest.raises(EngineError, match="sent more than 1 MB for one line"):
            await speak(build(name, server.url, kit))


async def test_a_proxys_key_is_sent_and_never_told(name: str, kit: Kit) -> None:
    async with ENGINES[name][1](Script(key="sk-proxy-0123456789")) as server:
        assert await speak(build(name, server.url, kit, secret="PROXY_KEY"))
        server.fault("speech", "401")
        with pytest.raises(EngineUnavailable, match=r"does not accept the key in PROXY_KEY \(401\): not with …$"):
            await speak(build(name, server.url, kit, secret="PROXY_KEY"))


async def test_nobody_there(name: str, kit: Kit) -> None:
    async with ENGINES[name][1]() as server:
        url = server.url
    with pytest.raises(EngineUnavailable, match=f"{name}: {url} cannot be reached"):
        await speak(build(name, url, kit))


async def test_nothing_to_say(name: str, kit: Kit) -> None:
    with pytest.raises(EngineUnsuited, match="there is nothing to say"):
        await speak(build(name, "http://127.0.0.1:9", kit), line(" "))


def test_the_check_asks_nobody(name: str) -> None:
    engine = ENGINES[name][0]
    assert engine.check(engine.Settings(), Kit()) == ""
    told = engine.check(engine.Settings(**{"secret": "PROXY_KEY"}), Kit())
    assert told.endswith("wants a key: set PROXY_KEY")


# --- what each of them is asked


async def test_melotts_speaks_each_language_with_a_speaker_of_it(kit: Kit) -> None:
    settings = {"voice": "EN-BR", "feelings": {"joy": {"speed": 3.0, "pitch": 2.0}}, "sdp_ratio": 0.5}
    async with MeloTTSServer() as server:
        voice = build("melotts", server.url, kit, **settings)
        await speak(voice)
        await speak(voice, JAPANESE)
        sounds = await speak(voice, line("Hooray!", "en-GB", "joy"))
        await speak(build("melotts", server.url, kit, english="EN_NEWEST"))
    first, second, third, fourth = (asked.body for asked in server.requests)
    assert first == {
        "text": HELLO.spoken, "language": "EN", "speaker_id": "EN-BR", "stream_format": "pcm_s16le", "sdp_ratio": 0.5,
    }  # fmt: skip
    assert (second["language"], second["speaker_id"]) == ("JP", "JP")
    assert (third["speed"], third["tempo"], third["pitch_semitones"]) == (2.0, 1.5, 2.0)
    assert pcm(sounds) == server.sound("Hooray!", 3.0)
    assert (fourth["language"], fourth["speaker_id"]) == ("EN_NEWEST", "EN-Newest")


async def test_melotts_tells_what_it_lacks(kit: Kit) -> None:
    async with MeloTTSServer() as server:
        with pytest.raises(EngineUnsuited, match="does not speak 'de'"):
            await speak(build("melotts", server.url, kit), line("Hallo", "de"))
        assert not server.requests
        with pytest.raises(EngineUnavailable, match="Language 'KR' is not loaded"):
            await speak(build("melotts", server.url, kit), line("안녕", "ko"))
        with pytest.raises(EngineUnavailable, match="Invalid speaker_id 'EN-Nobody'"):
            await speak(build("melotts", server.url, kit, voice="EN-Nobody"))
    with pytest.raises(ValidationError, match="a speaker's name begins with its language"):
        MeloTTSVoice.Settings(**{"languages": {"de": {"voice": "Klaus"}}})


async def test_xtts_is_asked_in_the_query(kit: Kit) -> None:
    async with XTTSServer() as server:
        voice = build("xtts", server.url, kit, languages={"zh": {"voice": "male"}})
        await speak(voice, line("Is 2 + 2 = 4 & so on?"))
        await speak(voice, line("你好吗", "zh-TW"))
        assert [asked.body for asked in server.requests] == [
            {"text": "Is 2 + 2 = 4 & so on?", "speaker_wav": "female", "language": "en"},
            {"text": "你好吗", "speaker_wav": "male", "language": "zh-cn"},
        ]
        with pytest.raises(EngineUnsuited, match="does not speak 'fi'"):
            await speak(voice, line("Hei", "fi"))
        with pytest.raises(EngineError, match="the connection broke while it answered"):
            await speak(build("xtts", server.url, kit, voice="nobody"))
    with pytest.raises(ValidationError, match="speed: this voice has no such setting"):
        XTTSVoice.Settings(**{"speed": 1.2})


async def test_xtts_reads_no_file_of_the_server_out(kit: Kit) -> None:
    async with XTTSServer() as server:
        await speak(build("xtts", server.url, kit), line("/home/ada/diary.TXT"))
    assert server.requests[0].body["text"] == "/home/ada/diary.TXT "


async def test_piper_takes_no_phonemes_from_a_line(kit: Kit) -> None:
    async with PiperServer() as server:
        await speak(build("piper_http", server.url, kit), line("Say [[ həˈloʊ ]] to them."))
    assert "[[" not in server.requests[0].body["text"]


async def test_pipers_times_are_taken_only_where_they_are_of_this_very_sound(kit: Kit) -> None:
    """Somebody else may have spoken since, and the silence between sentences stands in no time."""
    text = "Hello there, Ada."
    rate = PiperServer.rate
    fitting = len(PiperServer().sound(text)) / 2 / rate
    phones = [("^", 0.1), ("h", 0.2), (" ", 0.1), ("ð", 0.1), (",", 0.1), (" ", 0.1), ("e", 0.1)]
    phones.append((".", fitting - sum(seconds for _, seconds in phones)))
    said = {"text": text, "alignments": [{"phoneme": phone, "seconds": seconds} for phone, seconds in phones]}
    short = {**said, "alignments": said["alignments"][:-1]}
    for last, words in ((said, ["Hello", "there,", "Ada."]), ({**said, "text": "Bye."}, []), (short, []), ({}, [])):
        async with PiperServer() as server:
            server.last = last or {"text": text}
            sounds = await speak(build("piper_http", server.url, kit), line(text))
        assert [word.text for sound in sounds for word in sound.words] == words
        assert any(sound.mouths for sound in sounds) == bool(words)
        assert pcm(sounds) == server.sound(text)


async def test_xtts_is_heard_while_it_is_made(kit: Kit) -> None:
    async with XTTSServer() as server:
        server.gate.clear()
        voice: Any = build("xtts", server.url, kit)
        async with aclosing(voice.speak(HELLO)) as sounds:
            async with asyncio.timeout(PATIENCE):
                assert (await anext(sounds)).pcm  # the server stands still before the second piece
            assert not server.requests[0].ended
            server.gate.set()
            assert [sound async for sound in sounds]


async def test_style_bert_vits2_takes_styles_for_feelings(kit: Kit) -> None:
    settings = {
        "voice": "jvnv-F1-jp/jvnv-F1-jp",
        "style_weight": 3,
        "feelings": {"joy": {"style": "Happy", "speed": 1.25}},
    }
    async with StyleBertVITS2Server() as server:
        voice = build("style_bert_vits2", server.url, kit, **settings)
        await speak(voice, JAPANESE)
        sounds = await speak(voice, line("やった！", "ja", "joy"))
        await speak(build("style_bert_vits2", server.url, kit), line("你好", "zh"))
        assert [asked.body for asked in server.requests] == [
            {"text": JAPANESE.spoken, "language": "JP", "model_name": "jvnv-F1-jp", "speaker_name": "jvnv-F1-jp",
             "style_weight": "3.0"},
            {"text": "やった！", "language": "JP", "model_name": "jvnv-F1-jp", "speaker_name": "jvnv-F1-jp",
             "style_weight": "3.0", "style": "Happy", "length": "0.8"},
            {"text": "你好", "language": "ZH"},
        ]  # fmt: skip
        assert pcm(sounds) == server.sound("やった！", 1.25)
        for wrong in ({"voice": "nobody"}, {"voice": "/nobody"}, {"style": "nobody"}):
            with pytest.raises(EngineUnavailable, match="=nobody not found"):
                await speak(build("style_bert_vits2", server.url, kit, **wrong), JAPANESE)
        with pytest.raises(EngineUnsuited, match="does not speak 'fr'"):
            await speak(voice, line("Bonjour", "fr"))


async def test_style_bert_vits2_is_asked_for_a_long_line_in_parts(kit: Kit) -> None:
    long = "First comes a sentence. " * 9
    async with StyleBertVITS2Server() as server:
        sounds = await speak(build("style_bert_vits2", server.url, kit), line(long))
    asked = [request.body["text"] for request in server.requests]
    assert " ".join(asked) == long.strip()
    assert [len(text) for text in asked] == [95, 95, 23]
    assert pcm(sounds) == b"".join(server.sound(text) for text in asked)


@pytest.mark.parametrize(
    ("text", "longest", "cut"),
    [
        ("", 20, []),
        ("  short  ", 20, ["short"]),
        ("One two. Three four five six", 20, ["One two.", "Three four five six"]),
        ("It is 3.14159 and a bit, you know", 26, ["It is 3.14159 and a bit,", "you know"]),
        ("今日は、とてもいい天気ですね。明日も晴れ。", 16, ["今日は、とてもいい天気ですね。", "明日も晴れ。"]),
        ("A, then a very long clause goes on", 24, ["A, then a very long", "clause goes on"]),
        ("x" * 45, 20, ["x" * 20, "x" * 20, "x" * 5]),
    ],
)
def test_parts(text: str, longest: int, cut: list[str]) -> None:
    assert list(parts(text, longest)) == cut


async def test_piper_is_asked_for_voices_that_it_has(kit: Kit) -> None:
    settings = {"languages": {"fr": {"voice": "fr_FR-siwis-low", "speed": 1.25}}, "voice": "/ada", "noise_scale": 0.5}
    async with PiperServer() as server:
        voice = build("piper_http", server.url, kit, **settings)
        await speak(voice)
        for _ in range(2):
            await speak(voice, line("Salut.", "fr"))
        assert [asked.target for asked in server.requests] == [
            "/synthesize", "/info", "/voices", "/synthesize", "/info", "/synthesize",
        ]  # fmt: skip
        first, second = server.requests[0].body, server.requests[3].body
        assert first == {"text": HELLO.spoken, "speaker": "ada", "noise_scale": 0.5}
        assert second == {
            "text": "Salut.",
            "voice": "fr_FR-siwis-low",
            "length_scale": 0.8,
            "noise_scale": 0.5,
        }
        assert await speak(build("piper_http", server.url, kit, voice="my-jon"))  # its list says "my-"
        unknown = build("piper_http", server.url, kit, voice="de_DE-thorsten-low")
        with pytest.raises(
            EngineUnavailable, match="no voice 'de_DE-thorsten-low'; it has en_US-lessac-medium, fr_FR-s"
        ):
            await speak(unknown)
        server.voices = {**server.voices, "de_DE-thorsten-low": {}}  # it was downloaded
        assert await speak(unknown)
        server.fault("voices", "garbage")
        with pytest.raises(EngineUnavailable, match="/voices sent no list of voices"):
            await speak(build("piper_http", server.url, kit, voice="fr_FR-siwis-low"))


async def test_an_old_piper_is_asked_at_its_root(kit: Kit) -> None:
    async with PiperServer() as server:
        with pytest.raises(EngineUnavailable, match=r"knows no such path or model \(404\)"):
            await speak(build("piper_http", server.url, kit, path=""))


def test_what_a_voice_has_nothing_for_is_a_mistake(name: str) -> None:
    settings = ENGINES[name][0].Settings
    assert issubclass(settings, VoiceSettings)
    assert settings.cannot
    for field in settings.cannot:
        with pytest.raises(ValidationError, match=f"{field}: this voice has no such setting"):
            settings.model_validate({"feelings": {"joy": {field: "x" if field == "style" else 1.5}}})
