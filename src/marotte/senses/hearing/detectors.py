"""Voice activity: how likely it is that somebody speaks in a frame of sound.

Silero's network (file of silero-vad 6.2.3, MIT, see ``silero/LICENSE``) holds in noise and music and is taken where
onnxruntime is installed; WebRTC's detector is a hundred times cheaper and good in a quiet room. Neither knows the
character's voice or other people's chatter from the partner's: an endpointer always limits a turn.
"""

import importlib
import importlib.util
from functools import cache
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from marotte import config
from marotte.senses.hearing.speech import RATE


class DetectorMissing(Exception):
    """The detector that the show asks for is not installed; the message says how to get it."""


class Detector(Protocol):
    """Says how likely speech is, frame by frame; keeps the state of one microphone."""

    frame: int
    """Samples at 16 kHz that it takes at a time."""

    sure: float
    """The probability from which on a single frame is enough to believe that somebody speaks."""

    def speech(self, pcm: bytes) -> float:
        """Return the probability, 0 to 1, that the next frame (``2 * frame`` bytes) holds speech."""
        ...


class SileroDetector:
    """Silero's recurrent network, run by onnxruntime on one thread: 0.2 ms for each frame of 32 ms."""

    frame = 512
    sure = 0.7
    """Clicks, claps, knocks and keys stay below it as long as they do for two frames of 0.5."""
    _CONTEXT = 64

    def __init__(self) -> None:
        """Load the network, once in a process. Raises DetectorMissing without onnxruntime."""
        self._session = _session()
        self._state = np.zeros((2, 1, 128), np.float32)
        self._input = np.zeros((1, self._CONTEXT + self.frame), np.float32)
        self._rate = np.array(RATE, np.int64)

    def speech(self, pcm: bytes) -> float:
        self._input[0, : self._CONTEXT] = self._input[0, -self._CONTEXT :]
        self._input[0, self._CONTEXT :] = np.frombuffer(pcm, "<i2") / 32_768
        given = {"input": self._input, "state": self._state, "sr": self._rate}
        probability, self._state = self._session.run(None, given)
        return float(probability[0, 0])


@cache
def _session() -> Any:
    """Return the network that all Silero detectors of this process share; it keeps no state of its own."""
    try:
        ort: Any = importlib.import_module("onnxruntime")
    except ImportError:
        raise DetectorMissing("hearing.detector: silero needs onnxruntime: pip install 'marotte[embedded]'") from None
    options = ort.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    model = Path(__file__).parent / "silero" / "silero_vad_16k_op15.onnx"
    return ort.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])


class WebRTCDetector:
    """WebRTC's detector in its strictest mode, behind a gate that follows the noise floor of the room.

    Alone it takes steady noise for speech and never lets a turn end.
    """

    frame = 480
    sure = 2.0
    """It knows no doubt, and takes a click for speech."""
    _QUIETEST = 30.0
    """Root mean square below which nothing is speech: -61 dB of full scale."""
    _LOUDEST = 1_000.0
    """How high the floor may begin: somebody may be speaking already."""
    _GATE = 2.0
    """How far above the floor speech is: 6 dB."""
    _RISE = 1.0209
    """How fast the floor may rise, each frame: 6 dB a second. It falls at once."""

    def __init__(self) -> None:
        """Raises DetectorMissing without webrtcvad."""
        try:
            import webrtcvad  # pyright: ignore[reportMissingTypeStubs]
        except ImportError:
            raise DetectorMissing(
                "hearing.detector: webrtc needs webrtcvad-wheels: pip install 'marotte[embedded]'"
            ) from None
        self._vad: Any = webrtcvad.Vad(3)
        self._floor = self._LOUDEST

    def speech(self, pcm: bytes) -> float:
        samples = np.frombuffer(pcm, "<i2").astype(np.float32)
        level = float(np.sqrt(np.mean(samples * samples)))
        self._floor = max(self._QUIETEST, min(level, self._floor * self._RISE))
        return float(level > self._floor * self._GATE and self._vad.is_speech(pcm, RATE))


def choose(settings: config.Hearing) -> Detector:
    """Return a new detector as the show asks for it: ``auto`` is Silero where it can run, else WebRTC.

    Blocks for some 0.2 s the first time: call it in a thread. Raises DetectorMissing.
    """
    if settings.detector == "silero":
        return SileroDetector()
    if settings.detector == "auto" and importlib.util.find_spec("onnxruntime"):
        return SileroDetector()
    return WebRTCDetector()
