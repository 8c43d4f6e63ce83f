"""The detectors' own rules; how well they do on speech is measured in ``tests/integration/test_hearing.py``."""

import sys

import numpy as np
import pytest

from marotte.config import Hearing
from marotte.senses.hearing import detectors
from marotte.senses.hearing.detectors import Detector, DetectorMissing, SileroDetector, WebRTCDetector, choose


def noise(level: float, frame: int, seed: int = 0) -> bytes:
    return np.random.default_rng(seed).normal(0, level, frame).astype("<i2").tobytes()


def share(detector: Detector, level: float, seconds: float) -> float:
    """Return the share of frames of white noise that it takes for speech."""
    frames = int(seconds * 16_000 / detector.frame)
    return sum(detector.speech(noise(level, detector.frame, n)) > 0.5 for n in range(frames)) / frames


@pytest.mark.parametrize("detector", [SileroDetector, WebRTCDetector])
@pytest.mark.parametrize("level", [0, 30, 300, 900])
def test_noise_is_no_speech(detector: type[Detector], level: float) -> None:
    assert share(detector(), level, 3) < 0.05


def test_the_gate_gets_used_to_a_fan_within_seconds() -> None:
    detector = WebRTCDetector()
    assert share(detector, 20, 2) == 0
    share(detector, 600, 6)
    assert share(detector, 600, 2) == 0


def test_detectors_share_a_network_and_no_state() -> None:
    one, other = SileroDetector(), SileroDetector()
    frame = noise(3_000, one.frame)
    first = one.speech(frame)
    assert one.speech(frame) != first
    assert other.speech(frame) == first


def test_auto_takes_silero_where_it_can_run(monkeypatch: pytest.MonkeyPatch) -> None:
    assert isinstance(choose(Hearing()), SileroDetector)
    assert isinstance(choose(Hearing(detector="webrtc")), WebRTCDetector)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert isinstance(choose(Hearing()), WebRTCDetector)


def test_what_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    detectors._session.cache_clear()
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    monkeypatch.setitem(sys.modules, "webrtcvad", None)
    with pytest.raises(DetectorMissing, match="silero needs onnxruntime: pip install"):
        choose(Hearing(detector="silero"))
    with pytest.raises(DetectorMissing, match="webrtc needs webrtcvad-wheels: pip install"):
        choose(Hearing(detector="webrtc"))
