"""The voice ``piper_http`` with Piper's own server, whose voices are tones."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from marotte.engines.kinds import EngineUnavailable, Kit, Sound
from marotte.events import Line
from marotte.voice.voices.piper_http import PiperHttpSettings, PiperHttpVoice
from tests.servers import scripted_piper
from tests.servers.piper_real import piper_server
from tests.servers.scripted_piper import FRAMES, HOP, RATE

pytestmark = pytest.mark.anyio


SIGN = FRAMES * HOP
"""Samples of one sign of the phonemes."""


@pytest.fixture
async def url(tmp_path: Path) -> AsyncIterator[str]:
    scripted_piper.write(tmp_path / "en_US-tones-low.onnx")
    scripted_piper.write(tmp_path / "fr_FR-tones-low.onnx", espeak={"voice": "fr"})
    async with piper_server(tmp_path, "en_US-tones-low") as url:
        yield url


async def test_the_real_server_speaks(url: str) -> None:
    kit = Kit()

    async def say(text: str, language: str = "en", **settings: Any) -> list[Sound]:
        voice = PiperHttpVoice(PiperHttpSettings(**{"url": url, **settings}), kit)
        return [sound async for sound in voice.speak(Line(shown=text, spoken=text, language=language))]

    try:
        usual = await say("Hello there, Ada.")
        assert {sound.rate for sound in usual} == {RATE}
        samples = sum(len(sound.pcm) for sound in usual) // 2
        assert (samples % SIGN, samples > 20 * SIGN) == (0, True)
        words = [word for sound in usual for word in sound.words]
        assert [(word.text, word.offset) for word in words] == [("Hello", 0), ("there,", 6), ("Ada.", 13)]
        assert words[0].start % SIGN == words[1].start % SIGN == 0
        assert words[0].start < words[0].end == words[1].start < words[2].start < words[2].end == samples
        shapes = [mouth for sound in usual for mouth in sound.mouths]
        assert len({mouth.shape for mouth in shapes}) > 3
        assert not [word for sound in await say("It was 1984.") for word in sound.words]  # one word, said as several
        french = await say("Hello there, Ada.", "fr", languages={"fr": {"voice": "fr_FR-tones-low", "speed": 1.5}})
        assert b"".join(sound.pcm for sound in french) != b"".join(sound.pcm for sound in usual)
        assert not [word for sound in french for word in sound.words]  # it tells them of its usual voice only
        slow = await say("Hello there, Ada.", speed=0.5)
        assert sum(len(sound.pcm) for sound in slow) // 2 == 2 * samples
        with pytest.raises(EngineUnavailable, match="no voice 'de_DE-nobody'; it has en_US-tones-low, fr_FR-tones-low"):
            await say("Hallo.", "de", voice="de_DE-nobody")
        with pytest.raises(EngineUnavailable, match=r"refuses the request \(405\)"):
            await say("Hello there.", path="")
    finally:
        await kit.close()
