"""A duplex engine in a whole run: a partner speaks, is answered aloud, cuts in, and the log lives through it again."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest
import soxr

from marotte import config
from marotte.engines.kinds import Kit
from marotte.events import Line, LineStarted, TurnEnded, Used, Utterance
from marotte.replay import replay
from marotte.senses.hearing.speech import RATE
from marotte.show import Run
from marotte.voice.voices.espeak import EspeakSettings, EspeakVoice
from tests.record import Loudspeaker
from tests.servers import gemini_live, openai_realtime
from tests.waiting import until

pytestmark = pytest.mark.anyio

SHOW = """
[duplex]
chain = ["{engine}"]
[duplex.{engine}]
url = "{url}"
secret = "DUPLEX_KEY"
[brain]
discover = false
[attention]
lull_after = 0
pause = 0
[hearing]
silence = 0.3
"""
LONG = " ".join(f"And this is sentence number {n} of it." for n in range(1, 12))
PIECE = RATE // 50


class Talker:
    """A microphone into which somebody speaks when they are told to."""

    def __init__(self, spoken: bytes) -> None:
        self._spoken = spoken
        self._left = b""

    def speak(self) -> None:
        self._left = self._spoken

    async def sound(self) -> AsyncIterator[bytes]:
        loop = asyncio.get_running_loop()
        due = loop.time()
        while True:
            piece, self._left = self._left[: 2 * PIECE], self._left[2 * PIECE :]
            # Where this machine stalls time is lost, as with a microphone, and not caught up with in one burst.
            due = max(due + PIECE / RATE, loop.time() - 0.2)
            await asyncio.sleep(due - loop.time())
            yield piece.ljust(2 * PIECE, b"\0")


async def spoken(text: str) -> bytes:
    voice = EspeakVoice(EspeakSettings(), Kit())
    sounds = [sound async for sound in voice.speak(Line(shown=text, spoken=text, language="en"))]
    await voice.close()
    samples = np.frombuffer(b"".join(sound.pcm for sound in sounds), "<i2").astype(float)
    return soxr.resample(samples, sounds[0].rate, RATE).astype("<i2").tobytes()


@pytest.mark.parametrize("engine", ["openai-realtime", "gemini-live"])
async def test_a_partner_is_answered_by_speech_and_cuts_in(tmp_path: Path, engine: str) -> None:
    ours = openai_realtime if engine == "openai-realtime" else gemini_live
    server = openai_realtime.OpenAIRealtimeServer() if ours is openai_realtime else gemini_live.GeminiLiveServer()
    server.transcripts.extend(["Tell me a long story.", "Stop, that is enough now."])
    if isinstance(server, openai_realtime.OpenAIRealtimeServer):
        server.replies.extend([openai_realtime.Reply(LONG), openai_realtime.Reply("As you wish.")])
    else:
        server.answers.extend([gemini_live.Answer(LONG), gemini_live.Answer("As you wish.")])
    async with server:
        run = Run(config.parse(SHOW.format(engine=engine, url=server.url)), tmp_path, {"DUPLEX_KEY": ours.KEY})
        await run.start()
        events = run.bus.subscribe("event.>", "percept.>", size=10_000)
        happened: list[object] = []

        def all_of(kind: type) -> list:
            happened.extend(message.data for message in events.take())
            return [event for event in happened if isinstance(event, kind)]

        floor = run.open_floor("a partner's secret key 01", "Ada", "en")
        playing = asyncio.create_task(Loudspeaker("loudspeaker", floor).run())
        talker = Talker(await spoken("Tell me a long story"))
        listening = asyncio.create_task(floor.hearing(floor.partner, "en").run(talker))
        try:
            talker.speak()
            await until(lambda: len(all_of(LineStarted)) >= 2, "the second line of the story")
            talker.speak()
            await until(lambda: len(all_of(TurnEnded)) >= 2, "both turns")
        finally:
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)
            await run.hush()
            playing.cancel()
            await run.stop()
        assert [percept.text for percept in all_of(Utterance)] == ["Tell me a long story.", "Stop, that is enough now."]
        first, second = (event.ending for event in all_of(TurnEnded))
        assert (first.state, first.cut) == ("interrupted", True)
        assert LONG.startswith(first.heard)
        assert len(first.heard.split()) >= 4
        assert (second.state, second.heard) == ("done", "As you wish.")
        assert {(used.engine, used.kind) for used in all_of(Used)} == {(engine, "duplex")}
        assert server.complaints == []
        (connection,) = server.connections
        if isinstance(connection, openai_realtime.Connection):
            told = [text for role, text in connection.said() if role == "assistant"]
            assert len(told[0].split()) < len(LONG.split()), "it was told what was not heard"
    (log,) = (tmp_path / "runs").glob("*.jsonl")
    found = await asyncio.to_thread(replay, log)
    assert found.difference is None
    assert (found.unlike, found.whole) == (0, True)
