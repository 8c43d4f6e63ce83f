"""The voice behind OpenAI's speech interface, against a server that keeps to the interface and one that does not."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web

from marotte.engines.kinds import EngineError, EngineUnavailable, Kit, Sound
from marotte.events import Line
from marotte.voice.voices.openai import OpenAIVoice, OpenAIVoiceSettings
from tests.servers.openai import OpenAIServer, Script, _wav_header, babble

pytestmark = pytest.mark.anyio

LINE = Line(shown="Hello there, Ada.", spoken="Hello there, Ada.")
SOUND = babble(len(LINE.spoken) * Script.per_character)


@pytest.fixture
async def server() -> AsyncIterator[OpenAIServer]:
    async with OpenAIServer(Script(pace=50)) as server:
        yield server


@pytest.fixture
async def kit() -> AsyncIterator[Kit]:
    kit = Kit(secrets={"OPENAI_API_KEY": Script.key})
    yield kit
    await kit.close()


def voice(url: str, kit: Kit, **settings: Any) -> OpenAIVoice:
    return OpenAIVoice(OpenAIVoiceSettings(**{"url": url, "secret": "OPENAI_API_KEY", **settings}), kit)


async def speak(voice: OpenAIVoice, line: Line = LINE) -> list[Sound]:
    return [sound async for sound in voice.speak(line)]


async def test_sound_comes_whole_in_small_pieces_of_whole_samples(server: OpenAIServer, kit: Kit) -> None:
    sounds = await speak(voice(server.url, kit))
    assert b"".join(sound.pcm for sound in sounds) == SOUND
    assert {sound.rate for sound in sounds} == {24_000}
    assert all(len(sound.pcm) % 2 == 0 and len(sound.pcm) <= 4_800 for sound in sounds)
    assert server.requests[0].body == {
        "model": "gpt-4o-mini-tts",
        "voice": "alloy",
        "input": LINE.spoken,
        "response_format": "pcm",
    }


async def test_what_a_show_may_set(server: OpenAIServer, kit: Kit) -> None:
    settings = {"voice": "Ünïque", "languages": {"ja": {"voice": "jf_alpha"}}, "speed": 2.0, "style": "Whisper."}
    engine = voice(server.url, kit, **settings)
    await speak(engine)
    await speak(engine, Line(shown="はい", spoken="はい", language="ja-JP"))
    first, second = (asked.body for asked in server.requests)
    assert (first["voice"], first["speed"], first["instructions"]) == ("Ünïque", 2.0, "Whisper.")
    assert second["voice"] == "jf_alpha"


async def test_a_wav_file_is_taken_for_what_its_header_says(server: OpenAIServer, kit: Kit) -> None:
    sounds = await speak(voice(server.url, kit, extra={"response_format": "wav"}, rate=48_000))
    assert b"".join(sound.pcm for sound in sounds) == SOUND
    assert {sound.rate for sound in sounds} == {24_000}


async def test_ten_megabytes_in_one_chunk_are_cut_up(server: OpenAIServer, kit: Kit) -> None:
    server.fault("speech", "huge")
    sounds = await speak(voice(server.url, kit))
    assert sum(len(sound.pcm) for sound in sounds) == 10_000_000
    assert len(sounds[0].pcm) == 4_800
    assert max(len(sound.pcm) for sound in sounds) == 19_200


async def test_more_than_a_line_can_be_is_refused(
    server: OpenAIServer, kit: Kit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("marotte.voice.streamed.LARGEST", 1_000_000)
    server.fault("speech", "huge")
    with pytest.raises(EngineError, match="more than 1 MB"):
        await speak(voice(server.url, kit))


async def test_compressed_sound_is_refused(server: OpenAIServer, kit: Kit) -> None:
    with pytest.raises(EngineUnavailable, match="sent compressed sound"):
        await speak(voice(server.url, kit, extra={"response_format": "mp3"}))


@pytest.mark.parametrize(
    ("head", "body", "kind", "told"),
    [
        (b"\x01", "audio/pcm", EngineError, "sent no sound"),
        (
            b'{"detail": "no such voice"}',
            "application/json",
            EngineUnavailable,
            "sent application/json .*no such voice",
        ),
        (_wav_header(8)[:40], "audio/wav", EngineError, "a WAV file without sound"),
        (_wav_header(8).replace(b"\x01\0\x01\0", b"\x01\0\x20\0"), "audio/wav", EngineUnavailable, "32 channels"),
        (_wav_header(8).replace(b"fmt ", b"xxxx"), "audio/wav", EngineUnavailable, "without a format"),
    ],
)
async def test_what_is_no_sound(kit: Kit, head: bytes, body: str, kind: type[Exception], told: str) -> None:
    async def answer(request: web.Request) -> web.Response:
        return web.Response(body=head, content_type=body)

    app = web.Application()
    app.router.add_post("/v1/audio/speech", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        with pytest.raises(EngineError, match=told) as failure:
            await speak(voice("http://{}:{}/v1".format(*runner.addresses[0]), kit))
        assert type(failure.value) is kind
    finally:
        await runner.cleanup()
