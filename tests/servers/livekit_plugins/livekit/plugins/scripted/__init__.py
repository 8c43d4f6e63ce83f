"""A LiveKit plugin on a script: streams as Cartesia's or Deepgram's do, with word times and interim results.

It stands on livekit-agents' own base classes, so that what it may do they allow. A text or an option says what goes
wrong.
"""

import asyncio
from typing import Any

from livekit.agents import APIConnectionError, APIStatusError, APITimeoutError, Plugin, stt, tts, utils
from livekit.agents.types import DEFAULT_API_CONNECT_OPTIONS, APIConnectOptions, TimedString

RATE = 16_000
_ERRORS = {
    "401": lambda key: APIStatusError(f"the key {key} is not known", status_code=401),
    "429": lambda _: APIStatusError("slow down", status_code=429),
    "timeout": lambda _: APITimeoutError(),
    "away": lambda _: APIConnectionError("nobody listens"),
    "bug": lambda _: ValueError("an unforeseen thing"),
}


class _Scripted(Plugin):
    def __init__(self) -> None:
        super().__init__(__name__, "1.0", __package__ or "")


Plugin.register_plugin(_Scripted())  # refused outside the main thread


class TTS(tts.TTS):
    """Each word is a fifth of a second of a tone."""

    def __init__(self, *, api_key: str, voice: str = "", speed: float = 1.0, language: str = "", channels: int = 1):
        capabilities = tts.TTSCapabilities(streaming=True, aligned_transcript=True)
        super().__init__(capabilities=capabilities, sample_rate=RATE, num_channels=channels)
        self.key, self.told = api_key, {"voice": voice, "speed": speed, "language": language}

    def synthesize(self, text: str, *, conn_options: APIConnectOptions = DEFAULT_API_CONNECT_OPTIONS) -> Any:
        return self._synthesize_with_stream(text, conn_options=conn_options)

    def stream(self, *, conn_options: APIConnectOptions = DEFAULT_API_CONNECT_OPTIONS) -> "_Speaking":
        return _Speaking(tts=self, conn_options=conn_options)


class _Speaking(tts.SynthesizeStream):
    async def _run(self, output_emitter: tts.AudioEmitter) -> None:
        scripted: Any = self._tts
        assert not utils.http_context.http_session().closed
        output_emitter.initialize(
            request_id="1", sample_rate=RATE, num_channels=scripted.num_channels, mime_type="audio/pcm", stream=True
        )
        output_emitter.start_segment(segment_id="1")
        text = "".join([piece async for piece in self._input_ch if isinstance(piece, str)])
        words = text.split()
        if words[0] == "TOLD":
            words = [f"{name}={value}" for name, value in scripted.told.items()]
        for index, word in enumerate(words):
            if word in _ERRORS:
                raise _ERRORS[word](scripted.key)
            if word == "HANG":
                await asyncio.Event().wait()
            length = round(RATE / 5 / scripted.told["speed"])
            start = index * length / RATE
            output_emitter.push_timed_transcript(
                TimedString(f"{word} ", start_time=start, end_time=start + length / RATE)
            )
            output_emitter.push(b"\x10\x27" * length * scripted.num_channels)
            output_emitter.flush()
            await asyncio.sleep(0)
        output_emitter.end_segment()


class STT(stt.STT):
    """Understands a word for each tenth of a second, and says so at once."""

    def __init__(self, *, api_key: str, error: str = "", sure: float = 0.9) -> None:
        super().__init__(capabilities=stt.STTCapabilities(streaming=True, interim_results=True))
        self.key, self.error, self.sure = api_key, error, sure

    async def _recognize_impl(self, *_: Any, **__: Any) -> stt.SpeechEvent:
        raise NotImplementedError

    def stream(self, *, language: Any = "", conn_options: APIConnectOptions = DEFAULT_API_CONNECT_OPTIONS) -> Any:
        return _Hearing(self, str(language), conn_options)


class _Hearing(stt.RecognizeStream):
    def __init__(self, ear: STT, language: str, conn_options: APIConnectOptions) -> None:
        super().__init__(stt=ear, conn_options=conn_options, sample_rate=RATE)
        self._scripted, self._language = ear, language

    async def _run(self) -> None:
        words, samples = ["good", "evening", "every", "body"], 0
        async for frame in self._input_ch:
            if isinstance(frame, self._FlushSentinel):
                continue
            if self._scripted.error:
                raise _ERRORS[self._scripted.error](self._scripted.key)
            before, samples = samples, samples + frame.samples_per_channel
            for count in range(before // 1_600, samples // 1_600):
                if count < len(words):
                    # Two words are settled at a time, as a provider settles its segments.
                    kind = stt.SpeechEventType.FINAL_TRANSCRIPT if count % 2 else stt.SpeechEventType.INTERIM_TRANSCRIPT
                    self._told(kind, words[count // 2 * 2 : count + 1], count // 2 * 0.2)

    def _told(self, kind: stt.SpeechEventType, words: list[str], start: float) -> None:
        timed = [
            TimedString(word, start_time=start + 0.1 * index, end_time=start + 0.1 * (index + 1))
            for index, word in enumerate(words)
        ]
        data = stt.SpeechData(
            language=self._language or "en", text=" ".join(words), confidence=self._scripted.sure, words=timed
        )
        self._event_ch.send_nowait(stt.SpeechEvent(type=kind, alternatives=[data]))
