"""WhisperSpeech behind OpenAI's speech interface, as small as it can be: Marotte's voice ``openai`` speaks with it.

Run it in an environment of its own: ``pip install whisperspeech``, then ``python whisperspeech_server.py``.
A voice is a language, ``en`` or ``pl``, or a language and a sample to imitate: ``en/ada`` is ``voices/ada.wav``.

https://platform.openai.com/docs/api-reference/audio/createSpeech
"""

import argparse
import json
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

RATE = 24_000
LONGEST = 4_096
"""Characters of one text, as OpenAI has it."""
LARGEST = 1_000_000
"""Bytes of one request."""
USUAL_SPEED = 15
"""Characters a second."""


class Handler(BaseHTTPRequestHandler):
    """Answers ``POST /v1/audio/speech`` with raw sound, one text at a time."""

    protocol_version = "HTTP/1.1"
    pipeline = None
    voices = Path("voices")
    busy = threading.Lock()

    def do_POST(self):
        said = self.rfile.read(min(int(self.headers.get("Content-Length", 0)), LARGEST))
        try:
            pcm = self.sound(json.loads(said))
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            self.answer(400, "application/json", json.dumps({"error": {"message": str(error)}}).encode())
        else:
            self.answer(200, f"audio/pcm;rate={RATE}", pcm)

    def sound(self, asked):
        """Return the sound that a request asks for, as raw PCM. Raises ValueError where there is none."""
        text, speed = asked["input"][:LONGEST], float(asked.get("speed", 1))
        language, _, name = asked.get("voice", "en").partition("/")
        sample = self.voices / f"{name}.wav"
        if self.path != "/v1/audio/speech" or asked.get("response_format", "pcm") != "pcm" or not text.strip():
            raise ValueError("there is only /v1/audio/speech, which sends a text as pcm")
        if not re.fullmatch(r"[a-z]{2}", language) or (
            name and not (re.fullmatch(r"[\w-]+", name) and sample.is_file())
        ):
            raise ValueError(f"there is no voice {language}/{name}")
        with self.busy:
            sound = self.pipeline.generate(
                text, speaker=str(sample) if name else None, lang=language, cps=USUAL_SPEED * speed
            )
        return (sound.float().cpu().numpy().ravel().clip(-1, 1) * 32_767).astype("<i2").tobytes()

    def answer(self, status, kind, body):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def main():
    """Load the model and serve until it is stopped."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8090)
    parser.add_argument("--model", help="of whisperspeech on Hugging Face, usual is its own choice")
    parser.add_argument("--voices", type=Path, default=Path("voices"), help="folder of samples to imitate")
    given = parser.parse_args()
    from whisperspeech.pipeline import Pipeline

    Handler.pipeline = Pipeline(s2a_ref=given.model) if given.model else Pipeline()
    Handler.voices = given.voices
    server = ThreadingHTTPServer((given.host, given.port), Handler)
    print(f"http://{given.host}:{server.server_port}/v1", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
