"""The program that hears with Microsoft's Speech SDK, in a process of its own.

A request ``{"service": {…}, "languages": ["en-US", …], "phrases": […], "model": …}`` is followed by frames of 16 kHz
mono 16-bit speech. It is answered, while they come, with ``{"final": …, "text": …, "language": …}``, the final ones
with the SDK's detailed result as their payload.
https://learn.microsoft.com/azure/ai-services/speech-service/how-to-recognize-speech?pivots=programming-language-python
"""

import queue
import threading
from contextlib import suppress
from typing import Any

from marotte.engines.azure_sdk import config, connect, refusal, sdk
from marotte.engines.program import Request, serve

_RATE = 16_000
_PATIENCE = 0.02
"""Seconds after which it looks whether it was cut."""


def answer(request: Request) -> None:
    """Answer a request until its end or until it is cut."""
    events: queue.SimpleQueue[tuple[bool, Any] | None] = queue.SimpleQueue()  # bounded by the longest turn
    stream = sdk.audio.PushAudioInputStream(sdk.audio.AudioStreamFormat(_RATE, 16, 1))
    recognizer = _recognizer(request.header, sdk.audio.AudioConfig(stream=stream))
    connect(recognizer.recognizing, lambda told: events.put((False, told.result)))
    connect(recognizer.recognized, lambda told: events.put((True, told.result)))
    connect(recognizer.canceled, lambda told: events.put((True, told.cancellation_details)))
    connect(recognizer.session_stopped, lambda told: events.put(None))
    starting = recognizer.start_continuous_recognition_async()
    threading.Thread(target=_feed, args=(request, stream), daemon=True).start()
    while not request.cancelled:
        try:
            event = events.get(timeout=_PATIENCE)
        except queue.Empty:
            continue
        if event is None:
            break
        final, told = event
        if isinstance(told, sdk.CancellationDetails):
            if told.reason == sdk.CancellationReason.Error:
                raise refusal(request.header["service"], told)
        elif told.text:
            tell = {"final": final, "text": told.text, "language": _language(told)}
            request.send(tell, told.json.encode() if final else b"")
    starting.get()
    stopping = recognizer.stop_continuous_recognition_async()
    stream.close()  # else it waits for more of what was cut
    stopping.get()


def _feed(request: Request, stream: Any) -> None:
    """Pass the speech on, beside the answers."""
    for _, pcm in request.more():
        stream.write(pcm)
    if not request.cancelled:
        stream.close()


def _recognizer(asked: dict[str, Any], audio: Any) -> Any:
    settings = config(asked["service"])
    settings.output_format = sdk.OutputFormat.Detailed
    settings.request_word_level_timestamps()
    settings.set_profanity(sdk.ProfanityOption.Raw)  # what to do about it is moderation's to say
    if asked["model"]:
        settings.endpoint_id = asked["model"]
    if len(asked["languages"]) == 1:
        recognizer = sdk.SpeechRecognizer(settings, audio, language=asked["languages"][0])
    else:
        among = sdk.languageconfig.AutoDetectSourceLanguageConfig(languages=asked["languages"])
        recognizer = sdk.SpeechRecognizer(settings, audio, auto_detect_source_language_config=among)
    phrases = sdk.PhraseListGrammar.from_recognizer(recognizer)
    for phrase in asked["phrases"]:
        phrases.addPhrase(phrase)
    return recognizer


def _language(result: Any) -> str:
    """Return the language that was found out; there is none where only one was asked for."""
    found = ""
    with suppress(Exception):
        found = sdk.AutoDetectSourceLanguageResult(result).language or ""
    return "" if found == "Unknown" else found


if __name__ == "__main__":
    serve(answer)
