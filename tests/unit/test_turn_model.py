"""The turn model: Whisper's features against a reference by the book, and a small network of the same signature."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper  # comes with piper-tts

from marotte.config import Hearing
from marotte.senses.hearing.turn_model import SECONDS, TurnModel, TurnModelError, load, log_mel

pytestmark = pytest.mark.anyio

RATE = 16_000


def sweep(seconds: float) -> "np.ndarray[Any, Any]":
    """Sound from 100 Hz to 7 kHz, with noise."""
    t = np.arange(round(seconds * RATE)) / RATE
    tone = np.sin(2 * np.pi * (100 * t + (7_000 - 100) * t**2 / (2 * seconds)))
    return (9_000 * tone + np.random.default_rng(4).normal(0, 300, len(t))).astype("<i2")


def by_the_book(samples: "np.ndarray[Any, Any]") -> "np.ndarray[Any, Any]":
    """Whisper's features from their definitions alone: the Fourier sum frame by frame, the triangles hertz by hertz."""
    sound = np.concatenate((np.zeros(max(0, SECONDS * RATE - len(samples))), samples / 32_768.0))[-SECONDS * RATE :]
    sound = (sound - np.mean(sound)) / np.sqrt(np.var(sound) + 1e-7)
    mirrored = np.concatenate((sound[200:0:-1], sound, sound[-2:-202:-1]))
    n = np.arange(400)
    window = np.sin(np.pi * n / 400) ** 2
    fourier = np.exp(-2j * np.pi * np.outer(np.arange(201), n) / 400)

    def hertz(mel: float) -> float:
        return mel * 200 / 3 if mel < 15 else 1_000 * np.exp((mel - 15) * np.log(6.4) / 27)

    top = 15 + 27 * np.log(8) / np.log(6.4)
    edges = [hertz(top * k / 81) for k in range(82)]
    filters = np.zeros((80, 201))
    for m in range(80):
        low, middle, high = edges[m : m + 3]
        for k in range(201):
            f = 40.0 * k
            up, down = (f - low) / (middle - low), (high - f) / (high - middle)
            filters[m, k] = max(0.0, min(up, down)) * 2 / (high - low)
    mels = np.empty((80, 800))
    for frame in range(800):
        spectrum = fourier @ (mirrored[160 * frame : 160 * frame + 400] * window)
        mels[:, frame] = np.log10(np.maximum(filters @ np.abs(spectrum) ** 2, 1e-10))
    return (np.maximum(mels, mels.max() - 8) + 4) / 4


@pytest.mark.parametrize("seconds", [0.4, 3.0, 8.0, 11.0])
def test_the_features_are_whispers(seconds: float) -> None:
    samples = sweep(seconds)
    features = log_mel(samples)
    assert (features.shape, features.dtype) == ((80, 800), np.float32)
    assert np.max(np.abs(features - by_the_book(samples))) < 1e-3


def test_silence_and_nothing_at_all_have_features() -> None:
    assert np.array_equal(log_mel(np.zeros(100, "<i2")), log_mel(np.zeros(0, "<i2")))
    assert np.isfinite(log_mel(np.zeros(0, "<i2"))).all()


def network(file: Path, mels: int = 80, inputs: int = 1) -> Path:
    """Write a network of smart-turn's signature: the sigmoid of the mean of the last 100 frames."""
    names = ["input_features", "more"][:inputs]
    graph = helper.make_graph(
        [
            helper.make_node("Slice", ["input_features", "from", "to", "axis"], ["last"]),
            helper.make_node("ReduceMean", ["last"], ["mean"], axes=[1, 2], keepdims=0),
            helper.make_node("Unsqueeze", ["mean", "one"], ["square"]),
            helper.make_node("Sigmoid", ["square"], ["logits"]),
        ],
        "turn",
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", mels, 800]) for name in names],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", 1])],
        [
            numpy_helper.from_array(np.array([value], np.int64), name)
            for name, value in (("from", 700), ("to", 800), ("axis", 2), ("one", 1))
        ],
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    file.write_bytes(made.SerializeToString())
    return file


async def test_it_hears_the_end_of_what_is_said(tmp_path: Path) -> None:
    model = TurnModel(network(tmp_path / "turn.onnx"))
    talk = sweep(3.0)
    for samples in (talk, np.concatenate((talk, np.zeros(RATE, "<i2")))):
        mean = by_the_book(samples)[:, 700:].mean()
        assert await model.likely(samples.tobytes()) == pytest.approx(1 / (1 + np.exp(-mean)), abs=1e-3)
    assert await model.likely(talk.tobytes()) > 0.5 > await model.likely(np.concatenate((talk, np.zeros(RATE, "<i2"))))


def test_a_show_need_not_have_one(tmp_path: Path) -> None:
    assert load(Hearing()) is None
    assert isinstance(load(Hearing(turn_model=str(network(tmp_path / "turn.onnx")))), TurnModel)


def test_a_file_that_is_none_is_told(tmp_path: Path) -> None:
    with pytest.raises(TurnModelError, match="there is no file"):
        TurnModel(tmp_path / "missing.onnx")
    (tmp_path / "text.onnx").write_text("no network")
    with pytest.raises(TurnModelError, match=r"text\.onnx is no ONNX network"):
        TurnModel(tmp_path / "text.onnx")
    for options in ({"mels": 128}, {"inputs": 2}):
        with pytest.raises(TurnModelError, match="is it smart-turn 3"):
            TurnModel(network(tmp_path / f"{options}.onnx", **options))
