"""WhisperLive's own server, its model exchanged for a scripted one: ``python -m tests.servers.whisperlive_real PORT``.

Wants the package ``whisper-live``, which brings half of PyTorch's world and needs none of it for this.
"""

import argparse
import sys
from types import ModuleType, SimpleNamespace
from typing import Any

from tests.servers.scripted_words import understand


class ScriptedModel:
    """Understands scripted words; what is no speech is given back as WhisperLive's own transcriber does."""

    def __init__(self, model: str, **_: Any) -> None:
        if model == "broken":
            raise RuntimeError("no such model")

    def transcribe(self, sound: Any, **asked: Any) -> tuple[Any, Any]:
        """Return segments and what is known of the language."""
        info = SimpleNamespace(language=asked["language"] or "fr", language_probability=0.9)
        segments = understand(sound)
        if not segments and asked["vad_filter"]:
            return None, None
        return [
            SimpleNamespace(
                start=words[0].start,
                end=words[-1].end,
                text="".join(word.text for word in words),
                no_speech_prob=0.1,
                words=[SimpleNamespace(word=w.text, start=w.start, end=w.end, probability=0.75) for w in words],
            )
            for words in segments
        ], info


def main() -> None:
    """Run until it is stopped."""
    parser = argparse.ArgumentParser()
    parser.add_argument("port", type=int)
    parser.add_argument("--max-clients", type=int, default=4)
    parser.add_argument("--max-connection-time", type=float, default=600)
    parser.add_argument("--api-key")
    given = parser.parse_args()
    torch: Any = ModuleType("torch")
    torch.cuda = SimpleNamespace(is_available=lambda: False)
    sys.modules["torch"] = torch
    from whisper_live import server
    from whisper_live.backend import faster_whisper_backend

    faster_whisper_backend.WhisperModel = ScriptedModel
    server.TranscriptionServer().run(
        "127.0.0.1",
        port=given.port,
        backend="faster_whisper",
        max_clients=given.max_clients,
        max_connection_time=given.max_connection_time,
        api_key=given.api_key,
    )


if __name__ == "__main__":
    main()
