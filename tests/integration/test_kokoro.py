"""Kokoro through the voice ``openai``: the example of its page, with a server that keeps to its protocol."""

import re
import textwrap
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from marotte import config
from marotte.engines import registry
from marotte.engines.kinds import EngineUnavailable, Kit
from marotte.events import Line
from marotte.voice.voices.openai import OpenAIVoice, OpenAIVoiceSettings
from tests.servers.kokoro import KokoroServer

pytestmark = pytest.mark.anyio

PAGE = Path(__file__).parents[2] / "docs" / "engines" / "openai-voice.md"


@pytest.fixture
async def server() -> AsyncIterator[KokoroServer]:
    async with KokoroServer() as server:
        yield server


@pytest.fixture
async def kit() -> AsyncIterator[Kit]:
    kit = Kit()
    yield kit
    await kit.close()


async def say(settings: OpenAIVoiceSettings, kit: Kit, **line: Any) -> bytes:
    voice = OpenAIVoice(settings, kit)
    spoken = {"shown": "Hello there.", "spoken": "Hello there.", **line}
    return b"".join([sound.pcm async for sound in voice.speak(Line(**spoken))])


async def test_the_example_of_the_page_speaks_each_language(server: KokoroServer, kit: Kit) -> None:
    example = re.search(r"^( *)```toml\n(.*?)^ *```", PAGE.read_text(), re.M | re.S)
    assert example
    show = config.parse(textwrap.dedent(example[2]).replace("http://127.0.0.1:8880/v1", server.url))
    settings = registry.plan("voice", show)[0][2]
    assert isinstance(settings, OpenAIVoiceSettings)
    for language in ("en", "en-GB", "es", "fr", "ja", "zh"):
        assert await say(settings, kit, language=language) == server.sound("Hello there.")
    assert tuple(asked.body["voice"] for asked in server.requests) == server.voices
    await say(settings, kit, feeling="joy")
    assert server.requests[-1].body == {
        "model": "kokoro", "voice": "af_heart", "input": "Hello there.", "response_format": "pcm", "speed": 1.1,
    }  # fmt: skip


async def test_mixed_voices_wav_and_its_refusals(server: KokoroServer, kit: Kit) -> None:
    def made(**settings: Any) -> OpenAIVoiceSettings:
        return OpenAIVoiceSettings(**{"url": server.url, "model": "kokoro", "voice": "af_heart", **settings})

    mixed = made(voice="af_heart(2)+bf_emma(1)", extra={"response_format": "wav", "volume_multiplier": 1.2})
    assert await say(mixed, kit) == server.sound("Hello there.")
    with pytest.raises(EngineUnavailable, match=r"refuses the request \(400\): .*Voice 'alloy2' not found"):
        await say(made(voice="alloy2"), kit)
    with pytest.raises(EngineUnavailable, match="Unsupported model: kokoro-9"):
        await say(made(model="kokoro-9"), kit)
