"""The ElevenLabs voice against a server that keeps to its interface, and misbehaves when asked."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

import pytest
from pydantic import ValidationError

from marotte.engines.kinds import EngineError, EngineUnavailable, EngineUnsuited, Kit, Sound
from marotte.events import Line, Word
from marotte.voice.voices.elevenlabs import ElevenLabsSettings, ElevenLabsVoice
from tests.servers.elevenlabs import KEY, PER_CHARACTER, VOICE, ElevenLabsServer
from tests.servers.openai import babble
from tests.waiting import PATIENCE, until

pytestmark = pytest.mark.anyio

TEXT = "Hello there, Ada Lovelace."
LINE = Line(shown=TEXT, spoken=TEXT)
SECRET = {"secret": "ELEVENLABS_API_KEY"}


@pytest.fixture
async def server() -> AsyncIterator[ElevenLabsServer]:
    async with ElevenLabsServer() as server:
        yield server


@pytest.fixture
async def kit() -> AsyncIterator[Kit]:
    kit = Kit(secrets={"ELEVENLABS_API_KEY": KEY})
    yield kit
    await kit.close()


def voice(url: str, kit: Kit, **settings: Any) -> ElevenLabsVoice:
    return ElevenLabsVoice(ElevenLabsSettings(**{"url": url, **SECRET, **settings}), kit)


async def speak(voice: ElevenLabsVoice, line: Line = LINE) -> list[Sound]:
    return [sound async for sound in voice.speak(line)]


def pcm(sounds: list[Sound]) -> bytes:
    return b"".join(sound.pcm for sound in sounds)


def words(sounds: list[Sound]) -> list[Word]:
    return [word for sound in sounds for word in sound.words]


def at(character: int, rate: int = 24_000) -> int:
    return round(character * PER_CHARACTER * rate)


async def test_sound_comes_in_small_pieces_with_its_words_in_their_places(server: ElevenLabsServer, kit: Kit) -> None:
    sounds = await speak(voice(server.url, kit))
    assert pcm(sounds) == babble(len(TEXT) * PER_CHARACTER)
    assert all(len(sound.pcm) <= 4_800 for sound in sounds)
    assert words(sounds) == [
        Word("Hello", 0, at(6), 0),
        Word("there,", at(6), at(13), 6),
        Word("Ada", at(13), at(17), 13),
        Word("Lovelace.", at(17), at(26), 17),
    ]
    assert not any(sound.mouths for sound in sounds), "the mouth follows the sound"
    [asked] = server.requests
    assert asked.path == f"/v1/text-to-speech/{VOICE}/stream/with-timestamps"
    assert asked.query == {"output_format": "pcm_24000"}
    assert asked.body == {"text": TEXT, "model_id": "eleven_flash_v2_5", "language_code": "en"}


@pytest.mark.parametrize("fault", ["odd", "one_line"])
async def test_however_the_network_and_the_server_cut_it(server: ElevenLabsServer, kit: Kit, fault: str) -> None:
    server.fault(fault)
    sounds = await speak(voice(server.url, kit))
    assert pcm(sounds) == babble(len(TEXT) * PER_CHARACTER)
    assert [word.text for word in words(sounds)] == ["Hello", "there,", "Ada", "Lovelace."]


@pytest.mark.parametrize("fault", ["no_alignment", "bad_alignment"])
async def test_without_timings_it_still_speaks(server: ElevenLabsServer, kit: Kit, fault: str) -> None:
    server.fault(fault)
    sounds = await speak(voice(server.url, kit))
    assert pcm(sounds) == babble(len(TEXT) * PER_CHARACTER)
    assert words(sounds) == []


async def test_what_a_show_may_set(server: ElevenLabsServer, kit: Kit) -> None:
    settings = {"stability": 0.3, "similarity": 0.9, "speed": 4, "rate": 16_000, "extra": {"seed": 7},
                "feelings": {"joy": {"style": "0.6", "speed": 0.9}}}  # fmt: skip
    engine = voice(server.url, kit, **settings)
    sounds = await speak(engine)
    assert pcm(sounds) == babble(len(TEXT) * PER_CHARACTER, 16_000)
    assert {sound.rate for sound in sounds} == {16_000}
    await speak(engine, Line(shown="Ah", spoken="Ah", feeling="joy"))
    first, second = (asked.body for asked in server.requests)
    assert first["voice_settings"] == {"stability": 0.3, "similarity_boost": 0.9, "speed": 1.2}
    assert first["seed"] == 7
    assert second["voice_settings"] == {"stability": 0.3, "similarity_boost": 0.9, "style": 0.6, "speed": 0.9}


async def test_a_model_of_one_mind_is_not_told_the_language(server: ElevenLabsServer, kit: Kit) -> None:
    await speak(voice(server.url, kit, model="eleven_multilingual_v2"))
    assert "language_code" not in server.requests[0].body


async def test_an_audio_tag_is_sent_before_the_line_and_is_no_word_of_it(server: ElevenLabsServer, kit: Kit) -> None:
    sounds = await speak(voice(server.url, kit, model="eleven_v3", style="whispers"))
    assert server.requests[0].body["text"] == f"[whispers] {TEXT}"
    assert [(word.text, word.offset) for word in words(sounds)][:2] == [("Hello", 0), ("there,", 6)]
    assert words(sounds)[0].start == at(len("[whispers] "))


async def test_japanese_is_placed_sign_by_sign(server: ElevenLabsServer, kit: Kit) -> None:
    text = "はい、元気です。"
    sounds = await speak(voice(server.url, kit), Line(shown=text, spoken=text, language="ja"))
    assert "".join(word.text for word in words(sounds)) == text
    assert [word.offset for word in words(sounds)] == [0, 1, 3, 4, 5, 6]


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"style": "whispers"}, "eleven_flash_v2_5 takes a number from 0 to 1"),
        ({"style": "2"}, "a number goes from 0 to 1"),
        ({"style": "[whispers]", "model": "eleven_v3"}, "without its brackets"),
        ({"feelings": {"joy": {"pitch": 3}}}, "pitch: this voice has no such setting"),
        ({"stability": 1.5}, "less than or equal to 1"),
        ({"voice": ""}, "at least 1 character"),
    ],
)
def test_a_wrong_setting_is_a_mistake_before_the_show(settings: dict[str, Any], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        ElevenLabsSettings(**settings)


BUSY = r"refuses the request \(429\): too_many_concurrent_requests: Too many"
FAULTS = [
    ("401", EngineUnavailable, r"does not accept the key in ELEVENLABS_API_KEY \(401\): invalid_api_key: .*…"),
    ("quota", EngineUnavailable, r"refuses the request \(401\): quota_exceeded: This request exceeds your quota"),
    ("policy", EngineUnsuited, r"declines this request \(403\): content_against_policy: Text you"),
    ("429", EngineUnavailable, BUSY),
    ("500", EngineUnavailable, r"has failed \(500\): Internal Server Error"),
    ("html", EngineUnavailable, "sent text/html instead of sound: .*Welcome to the proxy"),
    ("mp3", EngineUnavailable, "sent compressed sound"),
    ("empty", EngineError, "sent no sound$"),
    ("no_sound", EngineError, "sent no sound$"),
    ("close", EngineError, "the connection broke while it answered"),
    ("garbage", EngineError, "sent what is no JSON object: }{"),
    ("nested", EngineError, "sent what is no JSON object"),
    ("no_base64", EngineError, "sent what is no base64 for sound"),
    ("error", EngineError, "sent no sound but: system_busy: We are busy."),
    ("huge", EngineError, "sent a line of more than 8 MB"),
]


@pytest.mark.parametrize(("fault", "kind", "told"), FAULTS)
async def test_a_fault_is_told_and_the_next_line_is_well(
    server: ElevenLabsServer, kit: Kit, fault: str, kind: type[EngineError], told: str
) -> None:
    server.fault(fault, times=1)
    engine = voice(server.url, kit)
    with pytest.raises(EngineError, match=told) as failure:
        await speak(engine)
    assert type(failure.value) is kind
    assert KEY not in str(failure.value)
    assert pcm(await speak(engine)) == babble(len(TEXT) * PER_CHARACTER)


async def test_how_long_it_asks_to_be_left_alone(server: ElevenLabsServer, kit: Kit) -> None:
    server.fault("429")
    with pytest.raises(EngineUnavailable) as failure:
        await speak(voice(server.url, kit))
    assert failure.value.retry_after == 7


async def test_a_voice_or_a_field_that_it_does_not_know(server: ElevenLabsServer, kit: Kit) -> None:
    with pytest.raises(EngineUnavailable, match="voice_not_found: A voice with the id a/b was not found"):
        await speak(voice(server.url, kit, voice="a/b"))
    with pytest.raises(EngineUnavailable, match=r"\(422\): \['body', 'loudness'\]: Extra inputs are not permitted"):
        await speak(voice(server.url, kit, extra={"loudness": 1}))


async def test_more_than_a_line_can_be_is_refused(
    server: ElevenLabsServer, kit: Kit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("marotte.voice.voices.elevenlabs.LARGEST", 1_000_000)
    server.fault("endless")
    with pytest.raises(EngineError, match="more than 1 MB"):
        await speak(voice(server.url, kit))


async def test_the_first_piece_does_not_wait_for_the_last(server: ElevenLabsServer, kit: Kit) -> None:
    server.gate.clear()
    async with aclosing(voice(server.url, kit).speak(LINE)) as sounds:  # type: ignore[type-var]
        async with asyncio.timeout(PATIENCE):
            first = await anext(sounds)
        assert not server.requests[0].ended, "the server has not sent the rest"
        server.gate.set()
        rest = [sound async for sound in sounds]
    assert pcm([first, *rest]) == babble(len(TEXT) * PER_CHARACTER)


@pytest.mark.parametrize("standing", [False, True])
async def test_a_cut_closes_the_connection(server: ElevenLabsServer, kit: Kit, standing: bool) -> None:
    server.fault("endless", times=1)
    if standing:
        server.gate.clear()
    async with asyncio.timeout(PATIENCE):
        async with aclosing(voice(server.url, kit).speak(LINE)) as sounds:  # type: ignore[type-var]
            await anext(sounds)
    await until(lambda: server.requests[0].cut, "the client's leaving")


async def test_a_cut_while_the_server_hangs(server: ElevenLabsServer, kit: Kit) -> None:
    server.fault("hang", times=1)
    asking = asyncio.create_task(speak(voice(server.url, kit)))
    await until(lambda: server.requests and server.requests[0].body, "the request")
    asking.cancel()
    await until(lambda: server.requests[0].cut, "the client's leaving")
    with pytest.raises(asyncio.CancelledError):
        await asking


async def test_without_a_key_it_says_what_to_set(server: ElevenLabsServer) -> None:
    assert ElevenLabsVoice.check(ElevenLabsSettings(), Kit()) == (
        "https://api.elevenlabs.io/v1 wants a key: set ELEVENLABS_API_KEY"
    )
    assert ElevenLabsVoice.check(ElevenLabsSettings(), Kit(secrets={"ELEVENLABS_API_KEY": KEY})) == ""
    kit = Kit()
    with pytest.raises(EngineUnavailable, match="wants a key: set ELEVENLABS_API_KEY"):
        await speak(voice(server.url, kit))
    await kit.close()


async def test_another_server_is_not_given_the_key(server: ElevenLabsServer, kit: Kit) -> None:
    with pytest.raises(EngineUnavailable, match="wants a key: name its variable in secret"):
        await speak(voice(server.url, kit, secret=""))
