"""The program that holds a whisper.cpp model, loaded from the path that is its first argument.

A request is ``{"language": "en"}`` ("" to find out) with the whole speech as its payload, 16 kHz mono 16-bit. The
answer is ``{"text": "…", "language": "en", "probability": 0.9, "words": [[" Hello", 0.1, 0.5]]}``: the mean probability
of its words, and the pieces that they are made of with their times in seconds.
"""

import importlib
import sys
from collections.abc import Iterator
from typing import Any

import numpy as np

from marotte.engines.program import Request, serve

_SHORTEST = 17_600
"""Samples: whisper.cpp takes nothing shorter than a second."""


class Model:
    """One model, which transcribes turn after turn."""

    def __init__(self, path: str, threads: int) -> None:
        module: Any = importlib.import_module("pywhispercpp.model")
        self._binding: Any = importlib.import_module("_pywhispercpp")
        options = {"n_threads": threads} if threads else {}
        self._model = module.Model(path, print_progress=False, print_realtime=False, **options)
        self._context = self._model._ctx  # the library keeps to itself what only this can tell
        self._knows_languages = bool(self._binding.whisper_is_multilingual(self._context))

    def handle(self, request: Request) -> None:
        """Answer one request."""
        sound = np.frombuffer(request.payload, "<i2").astype(np.float32) / 32_768
        sound = np.pad(sound, (0, max(0, _SHORTEST - len(sound))))
        segments = self._model.transcribe(
            sound,
            language=(request.header["language"] or "auto") if self._knows_languages else "en",
            extract_probability=True,
            token_timestamps=True,
            abort_callback=lambda: request.cancelled,
        )
        likely = [float(segment.probability) for segment in segments]
        request.send(
            {
                "text": " ".join(segment.text.strip() for segment in segments),
                "language": self._binding.whisper_lang_str(self._binding.whisper_full_lang_id(self._context)),
                "probability": sum(likely) / len(likely) if likely else 0.0,
                "words": list(self._pieces()),
            }
        )

    def _pieces(self) -> Iterator[tuple[str, float, float]]:
        """Yield what was last transcribed piece by piece; a letter may be spread over several tokens."""
        binding, context, end = self._binding, self._context, self._binding.whisper_token_eot(self._context)
        for segment in range(binding.whisper_full_n_segments(context)):
            said, since = b"", -1.0
            for number in range(binding.whisper_full_n_tokens(context, segment)):
                token = binding.whisper_full_get_token_data(context, segment, number)
                if token.id >= end:
                    continue
                said += binding.whisper_token_to_bytes(context, token.id)
                since = token.t0 / 100 if since < 0 else since
                try:
                    yield said.decode(), since, token.t1 / 100
                except UnicodeDecodeError:
                    continue
                said, since = b"", -1.0


if __name__ == "__main__":
    serve(Model(sys.argv[1], int(sys.argv[2])).handle)
