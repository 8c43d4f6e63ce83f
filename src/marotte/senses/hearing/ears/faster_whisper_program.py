"""The program that holds a model of faster-whisper, which its first argument names.

A request is ``{"language": "en", "beam": 5, "words": true, "temperatures": [0.0, 0.2]}`` ("" to find the language out)
with the whole speech as its payload, 16 kHz mono 16-bit. The answer is ``{"language": "en", "segments": […]}``, each
``{"text": " Hello", "no_speech_prob": 0.01, "avg_logprob": -0.2, "compression_ratio": 1.1, "words": [[" Hello", 0.1,
0.5]]}``, with times in seconds.
"""

import importlib
import os
import sys
from concurrent.futures import ThreadPoolExecutor, wait
from typing import Any

import numpy as np

from marotte.engines.program import Request, serve

_LOOK = 0.05
"""Seconds between two looks whether a request was cancelled."""


class Model:
    """One model, which transcribes turn after turn."""

    def __init__(self, path: str, device: str, compute_type: str, threads: int) -> None:
        os.environ["HF_HUB_OFFLINE"] = "1"  # nothing is ever downloaded; a name means a model that was fetched before
        library: Any = importlib.import_module("faster_whisper")
        self._model: Any = library.WhisperModel(
            path, device=device, compute_type=compute_type, cpu_threads=threads, local_files_only=True
        )
        self.languages: list[str] = list(self._model.supported_languages)
        self._worker = ThreadPoolExecutor(1)

    def handle(self, request: Request) -> None:
        """Answer one request; one that is cancelled is left to end by itself, for the library cannot be stopped."""
        work = self._worker.submit(self._transcribe, request)
        while not wait((work,), _LOOK).done:
            if request.cancelled:
                return
        request.send(work.result())

    def _transcribe(self, request: Request) -> dict[str, Any]:
        asked, told = request.header, list[dict[str, Any]]()
        if request.cancelled:
            return {}
        segments, about = self._model.transcribe(
            np.frombuffer(request.payload, "<i2").astype(np.float32) / 32_768,
            language=asked["language"] or None,
            beam_size=asked["beam"],
            word_timestamps=asked["words"],
            temperature=asked["temperatures"],
            condition_on_previous_text=False,  # a mistake of one window must not lead the next into a loop
        )
        for segment in segments:
            if request.cancelled:
                break
            told.append(
                {
                    "text": segment.text,
                    "no_speech_prob": segment.no_speech_prob,
                    "avg_logprob": segment.avg_logprob,
                    "compression_ratio": segment.compression_ratio,
                    "words": [[word.word, float(word.start), float(word.end)] for word in segment.words or ()],
                }
            )
        return {"language": about.language, "segments": told}


if __name__ == "__main__":
    model = Model(*sys.argv[1:4], threads=int(sys.argv[4]))
    serve(model.handle, languages=model.languages)
