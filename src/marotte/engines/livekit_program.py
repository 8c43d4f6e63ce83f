"""The program that holds a plugin of LiveKit's: its arguments are ``TTS`` or ``STT`` and the plugin's name.

Every request has ``"options"`` and ``"secrets"``, with which the plugin's object is made. To a voice the payload is the
text; the answers are sound (16 bits) with ``"rate"``, ``"channels"`` and ``"words": [[text, start, end], …]`` in
seconds. To an ear a request has a ``"language"`` and is followed by speech, 16 kHz mono 16-bit; the answers are
``{"text": …, "final": …, "language": …, "confidence": …, "words": …}``. A failure of the provider is
``{"failed": message, "kind": exception, "status": HTTP status or -1}``.

The plugins' event loop runs in a thread of its own from the first request to the last, so that their connections live;
requests are taken in the main thread.
"""

import asyncio
import importlib
import json
import sys
import threading
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any

from marotte.engines.program import Request, serve

_RATE = 16_000
_MOST = 8
"""Objects of the plugin kept for different options."""
_PATIENCE = 10.0
"""Seconds to connect."""
_GOODBYE = 0.5
"""Seconds in which a plugin may end a cut request; nobody waits for it longer."""

Work = Callable[[], Coroutine[Any, Any, None]]


class Bridge:
    """One plugin: makes its objects and asks them."""

    def __init__(self, kind: str, name: str) -> None:
        self._kind = kind
        self._agents: Any = importlib.import_module("livekit.agents")
        self._rtc: Any = importlib.import_module("livekit.rtc")
        self._plugin: Any = importlib.import_module(f"livekit.plugins.{name}")  # it insists on the main thread
        if not hasattr(self._plugin, kind):
            raise SystemExit(f"livekit.plugins.{name} has no {kind}")
        self._once: Any = self._agents.APIConnectOptions(max_retry=0, timeout=_PATIENCE)
        self._made: dict[str, Any] = {}
        self._loop = asyncio.new_event_loop()
        self._work: asyncio.Queue[Work] = asyncio.Queue()
        threading.Thread(target=self._loop.run_until_complete, args=(self._run(),), daemon=True).start()

    async def _run(self) -> None:
        """Run what is asked, inside the HTTP session that plugins look for in their context."""
        async with self._agents.utils.http_context.open():
            running: set[asyncio.Task[None]] = set()
            while True:
                task = asyncio.create_task((await self._work.get())())
                running.add(task)
                task.add_done_callback(running.discard)

    def handle(self, request: Request) -> None:
        """Answer one request."""
        ended = threading.Event()
        speech: asyncio.Queue[bytes | None] = asyncio.Queue()
        tasks: list[asyncio.Task[None]] = []

        async def work() -> None:
            task = asyncio.current_task()
            assert task is not None
            tasks.append(task)
            try:
                await (self._speak(request) if self._kind == "TTS" else self._hear(request, speech))
            except Exception as error:
                said = " ".join(str(getattr(error, "message", "") or error or error.__cause__).split())[:1_000]
                status = getattr(error, "status_code", -1)
                request.send({"failed": said, "kind": type(error).__name__, "status": status})
                request.cancel()  # the speech that still comes is for nobody
            finally:
                ended.set()

        self._loop.call_soon_threadsafe(self._work.put_nowait, work)
        for _, piece in request.more():
            self._loop.call_soon_threadsafe(speech.put_nowait, piece)
        self._loop.call_soon_threadsafe(speech.put_nowait, None)
        while not ended.wait(0.02):
            if request.cancelled:
                for task in tasks:
                    self._loop.call_soon_threadsafe(task.cancel)
                ended.wait(_GOODBYE)
                return

    async def _object(self, request: Request) -> Any:
        """Return the plugin's object for the request's options; the one that was used longest ago makes room."""
        key = json.dumps(request.header["options"], sort_keys=True)
        made = self._made.pop(key, None)
        if made is None:
            made = getattr(self._plugin, self._kind)(**request.header["options"], **request.header["secrets"])
        if len(self._made) >= _MOST:
            await self._made.pop(next(iter(self._made))).aclose()
        self._made[key] = made
        return made

    async def _speak(self, request: Request) -> None:
        voice, text = await self._object(request), request.payload.decode()
        if (
            voice.capabilities.streaming
        ):  # over a socket that stays open, and with the times of words where there are any
            sounds = voice.stream(conn_options=self._once)
            sounds.push_text(text)
            sounds.end_input()
        else:
            sounds = voice.synthesize(text, conn_options=self._once)
        async with sounds:
            async for sound in sounds:
                frame = sound.frame
                words = _timed(frame.userdata.get("lk.timed_transcripts"))
                header = {"rate": frame.sample_rate, "channels": frame.num_channels}
                request.send({**header, **({"words": words} if words else {})}, bytes(frame.data))

    async def _hear(self, request: Request, speech: "asyncio.Queue[bytes | None]") -> None:
        ear = await self._object(request)
        language = {"language": request.header["language"]} if request.header["language"] else {}
        if not ear.capabilities.streaming:
            frames = [self._frame(piece) async for piece in _all(speech)]
            event = await ear.recognize(frames, conn_options=self._once, **language) if frames else None
            found = event.alternatives[0] if event and event.alternatives else None
            request.send(_heard([found] if found else [], True))
            return
        stream = ear.stream(conn_options=self._once, **language)
        feeding = asyncio.create_task(self._feed(stream, speech))
        finals: list[Any] = []
        try:
            async with stream:
                async for event in stream:
                    kind = event.type.value
                    if (
                        kind in ("interim_transcript", "preflight_transcript", "final_transcript")
                        and event.alternatives
                    ):
                        now = [*finals, event.alternatives[0]]
                        if kind == "final_transcript":
                            finals = now
                        request.send(_heard(now, False))
            request.send(_heard(finals, True))
        finally:
            feeding.cancel()

    async def _feed(self, stream: Any, speech: "asyncio.Queue[bytes | None]") -> None:
        async for piece in _all(speech):
            stream.push_frame(self._frame(piece))
        stream.end_input()

    def _frame(self, pcm: bytes) -> Any:
        return self._rtc.AudioFrame(pcm, _RATE, 1, len(pcm) // 2)


async def _all(speech: "asyncio.Queue[bytes | None]") -> AsyncIterator[bytes]:
    while (piece := await speech.get()) is not None:
        if piece:
            yield piece


def _timed(words: Any) -> list[tuple[str, float, float]]:
    """Return the words of which both times are told."""
    timed: list[tuple[str, float, float]] = []
    for word in words or ():
        start, end = getattr(word, "start_time", None), getattr(word, "end_time", None)
        if isinstance(start, int | float) and isinstance(end, int | float):
            timed.append((str(word), start, end))
    return timed


def _heard(found: list[Any], final: bool) -> dict[str, Any]:
    """Put together what was understood so far; languages without blanks between words need none between pieces."""
    language = str(found[-1].language or "") if found else ""
    blank = "" if language.split("-")[0] in ("ja", "zh", "th", "yue") else " "
    return {
        "text": blank.join(text for data in found if (text := data.text.strip())),
        "final": final,
        "language": language,
        "confidence": min((data.confidence for data in found), default=0.0),
        "words": [word for data in found for word in _timed(data.words)],
    }


if __name__ == "__main__":
    serve(Bridge(*sys.argv[1:3]).handle)
