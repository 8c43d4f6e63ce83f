"""The limit of a voice turn: the least code that streams a brain's words, sentence by sentence, through a voice.

No check, no memory, no levels, no understudy: a sentence ends at its mark, and goes to the voice at once.
"""

import asyncio
import json

import aiohttp

from bench.sink import Sink


class Bare:
    """One conversation: words in, sound to the sink, until cancelled."""

    def __init__(self, url: str, session: aiohttp.ClientSession) -> None:
        self.sink = Sink(lambda sample: None)
        self._url = url
        self._session = session
        self._task: asyncio.Task[None] | None = None

    def ask(self, text: str) -> None:
        self._task = asyncio.create_task(self._answer(text))

    def cut(self) -> None:
        assert self._task is not None
        self._task.cancel()
        self.sink.stop("", 0)

    async def _answer(self, text: str) -> None:
        sentences: asyncio.Queue[str] = asyncio.Queue()
        async with asyncio.TaskGroup() as tasks:
            speaking = tasks.create_task(self._speak(sentences))
            body = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": text}], "stream": True}
            async with self._session.post(f"{self._url}/chat/completions", json=body) as response:
                sentence = ""
                async for line in response.content:
                    if line.startswith(b"data: {"):
                        sentence += json.loads(line[6:])["choices"][0]["delta"].get("content", "")
                        if sentence.endswith((".", "!", "?")):
                            sentences.put_nowait(sentence.strip())
                            sentence = ""
            await sentences.join()
            speaking.cancel()

    async def _speak(self, sentences: asyncio.Queue[str]) -> None:
        cursor = 0
        while True:
            body = {"model": "gpt-4o-mini-tts", "voice": "x", "input": await sentences.get(), "response_format": "pcm"}
            async with self._session.post(f"{self._url}/audio/speech", json=body) as response:
                async for pcm in response.content.iter_any():
                    cursor = max(cursor, self.sink.now())
                    self.sink.play("", "", cursor, pcm)
                    cursor += len(pcm)  # 24 kHz, 2 bytes: as many samples at 48 kHz as bytes
            sentences.task_done()
