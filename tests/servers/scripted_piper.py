"""Piper voices without trained weights: every phone is a tone as long as the script wants.

A real Piper model is a VITS network; these have its inputs, its outputs and the name of its rounding (``Ceil``), where
Piper finds how long each phone is, and nothing in between. The length follows ``length_scale`` as in a real one.
"""

import json
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from piper.phoneme_ids import DEFAULT_PHONEME_ID_MAP

RATE = 22_050
HOP = 256
FRAMES = 4
"""Frames of each phone, and of each filling between two, at the usual speed."""


def write(
    path: Path, *, timings: bool = True, speakers: tuple[str, ...] = (), language: str = "en_US", **more: object
) -> Path:
    """Write a model and its description to ``path`` and ``path.json``; with ``timings`` it tells phones' lengths."""
    scale = helper.make_node("Gather", ["scales", "second"], ["scale"])
    wanted = helper.make_node("Mul", ["scale", "frames"], ["wanted"])
    nodes = [
        scale,
        wanted,
        helper.make_node("Cast", ["input"], ["ids"], to=TensorProto.FLOAT),  # [1, n]
        helper.make_node("Mul", ["ids", "zero"], ["none"]),
        helper.make_node("Add", ["none", "wanted"], ["lengths"]),
        helper.make_node("Ceil" if timings else "Round", ["lengths"], ["counts"]),  # [1, n], all alike
        helper.make_node("ReduceMax", ["counts"], ["count"], keepdims=0),
        helper.make_node("Mul", ["count", "hop"], ["samples"]),
        helper.make_node("Range", ["start", "samples", "step"], ["ramp"]),
        helper.make_node("Unsqueeze", ["ids", "last"], ["column"]),  # [1, n, 1]
        helper.make_node("Add", ["column", "twenty"], ["pitch"]),
        helper.make_node("Mul", ["pitch", "ramp"], ["turns"]),
        helper.make_node("Mul", ["turns", "angle"], ["phase"]),
        helper.make_node("Sin", ["phase"], ["tone"]),
        helper.make_node("Reshape", ["tone", "shape"], ["output"]),
    ]
    numbers = {
        "second": np.array(1, np.int64), "frames": np.array(FRAMES, np.float32), "zero": np.array(0, np.float32),
        "hop": np.array(HOP, np.float32), "start": np.array(0, np.float32), "step": np.array(1, np.float32),
        "last": np.array([2], np.int64), "twenty": np.array(20, np.float32),
        "angle": np.array(2 * np.pi * 6 / RATE, np.float32), "shape": np.array([1, 1, 1, -1], np.int64),
    }  # fmt: skip
    inputs = [
        helper.make_tensor_value_info("input", TensorProto.INT64, [1, "n"]),
        helper.make_tensor_value_info("input_lengths", TensorProto.INT64, [1]),
        helper.make_tensor_value_info("scales", TensorProto.FLOAT, [3]),
    ]
    if speakers:
        inputs.append(helper.make_tensor_value_info("sid", TensorProto.INT64, [1]))
        nodes[10] = helper.make_node("Add", ["column", "high"], ["pitch"])
        nodes.insert(10, helper.make_node("Cast", ["sid"], ["who"], to=TensorProto.FLOAT))
        nodes.insert(11, helper.make_node("Mul", ["who", "hundred"], ["higher"]))
        nodes.insert(12, helper.make_node("Add", ["higher", "twenty"], ["high"]))
        numbers["hundred"] = np.array(100, np.float32)
    graph = helper.make_graph(
        nodes,
        "scripted",
        inputs,
        [helper.make_tensor_value_info("output", TensorProto.FLOAT, [1, 1, 1, "t"])],
        [numpy_helper.from_array(value, name) for name, value in numbers.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 15)])
    model.ir_version = 8
    onnx.checker.check_model(model)
    onnx.save(model, path)
    described = {
        "audio": {"sample_rate": RATE, "quality": "scripted"},
        "espeak": {"voice": "en-us"},
        "language": {"code": language},
        "inference": {"noise_scale": 0.667, "length_scale": 1, "noise_w": 0.8},
        "phoneme_type": "espeak",
        "phoneme_map": {},
        "phoneme_id_map": DEFAULT_PHONEME_ID_MAP,
        "num_symbols": 256,
        "num_speakers": len(speakers) or 1,
        "speaker_id_map": {name: number for number, name in enumerate(speakers)},
        "hop_length": HOP,
        **more,
    }
    Path(f"{path}.json").write_text(json.dumps(described))
    return path
