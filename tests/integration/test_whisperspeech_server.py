"""The example that puts WhisperSpeech behind OpenAI's interface, with a stand-in for the library, which needs torch."""

import asyncio
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from marotte.engines.kinds import EngineUnavailable, Kit
from marotte.events import Line
from marotte.voice.voices.openai import OpenAIVoice, OpenAIVoiceSettings
from tests.waiting import PATIENCE

pytestmark = pytest.mark.anyio

EXAMPLE = Path(__file__).parents[2] / "examples" / "whisperspeech-server" / "whisperspeech_server.py"
PIPELINE = '''
import json, sys
import numpy

class Tensor:
    """As much of torch as the example touches."""
    def __init__(self, samples): self.samples = samples
    def float(self): return self
    def cpu(self): return self
    def numpy(self): return self.samples

class Pipeline:
    def __init__(self, t2s_ref=None, s2a_ref=None): pass
    def generate(self, text, speaker=None, lang="en", cps=15, step_callback=None):
        print(json.dumps([text, speaker, lang, cps]), flush=True)
        return Tensor(numpy.full((1, round(24_000 * len(text) / cps)), 0.25, "float32"))
'''


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[tuple[str, asyncio.StreamReader]]:
    package = tmp_path / "whisperspeech"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "pipeline.py").write_text(PIPELINE)
    (tmp_path / "ada.wav").touch()
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(EXAMPLE), "--port", "0", "--voices", str(tmp_path),
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL, env={"PYTHONPATH": str(tmp_path)},
    )  # fmt: skip
    assert process.stdout
    try:
        async with asyncio.timeout(PATIENCE):
            url = (await process.stdout.readline()).decode().strip()
        yield url, process.stdout
    finally:
        process.kill()
        await process.wait()


async def test_marotte_speaks_with_it(server: tuple[str, asyncio.StreamReader], tmp_path: Path) -> None:
    url, told = server
    kit = Kit()

    async def say(**settings: Any) -> bytes:
        voice = OpenAIVoice(OpenAIVoiceSettings(**{"url": url, "voice": "en", **settings}), kit)
        return b"".join([sound.pcm async for sound in voice.speak(Line(shown="x", spoken="Hello there."))])

    try:
        samples = np.frombuffer(await say(), "<i2")
        assert (len(samples), set(samples)) == (round(24_000 * 12 / 15), {8_191})
        assert len(await say(voice="pl/ada", speed=2.0)) == len(samples)  # half as many samples, of two bytes each
        assert await told.readline() == b'["Hello there.", null, "en", 15.0]\n'
        assert await told.readline() == f'["Hello there.", "{tmp_path}/ada.wav", "pl", 30.0]\n'.encode()
        for voice in ("en/nobody", "en/../ada", "English"):
            with pytest.raises(EngineUnavailable, match=f"there is no voice {voice}"):
                await say(voice=voice)
        with pytest.raises(EngineUnavailable, match="there is only /v1/audio/speech, which sends a text as pcm"):
            await say(extra={"response_format": "mp3"})
    finally:
        await kit.close()
