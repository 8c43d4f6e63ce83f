"""Hears whether somebody has said all: smart-turn version 3, whose file the user brings (``hearing.turn_model``).

The network takes the last 8 s of a turn as Whisper's features and gives the probability that it is over. Its input is
``input_features``, (1, 80, 800); its output the probability, (1, 1). See https://github.com/pipecat-ai/smart-turn; the
features are those of ``audio.py`` in https://github.com/openai/whisper, over sound of mean 0 and variance 1.
"""

import asyncio
import importlib
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from marotte import config
from marotte.senses.hearing.speech import RATE

SECONDS = 8
"""So much of a turn's end is listened to; what is shorter begins with silence."""
_WINDOW, _HOP, _MELS, _FRAMES = 400, 160, 80, 800
_SHAPE = (1, _MELS, _FRAMES)

Floats = npt.NDArray[np.float32]


class TurnModelError(Exception):
    """The file cannot be used; the message says why."""


class TurnModel:
    """Says how likely it is that somebody has said all, by how it sounds."""

    def __init__(self, file: Path) -> None:
        """Load the network, on one thread; blocks for some 0.2 s. Raises TurnModelError."""
        self._session = _session(file)
        self._input: str = self._session.get_inputs()[0].name
        self._asked = asyncio.Semaphore(1)

    async def likely(self, pcm: bytes) -> float:
        """Return the probability, 0 to 1, that 16 kHz mono 16-bit speech is all that somebody says.

        It takes some 50 ms in a thread; the loop goes on meanwhile.
        """
        async with self._asked:
            return await asyncio.to_thread(self._likely, pcm)

    def _likely(self, pcm: bytes) -> float:
        features = log_mel(np.frombuffer(pcm, "<i2"))
        (output,) = self._session.run(None, {self._input: features[None]})
        return min(1.0, max(0.0, float(np.ravel(output)[0])))


def load(settings: config.Hearing) -> TurnModel | None:
    """Return the turn model that a show asks for, if it does; blocks as the model does. Raises TurnModelError."""
    return TurnModel(Path(settings.turn_model).expanduser()) if settings.turn_model else None


@cache
def _session(file: Path) -> Any:
    """Return the network of a file; all floors share it, as it keeps no state."""
    try:
        ort: Any = importlib.import_module("onnxruntime")
    except ImportError:
        raise TurnModelError("hearing.turn_model needs onnxruntime: pip install 'marotte[embedded]'") from None
    if not file.is_file():
        raise TurnModelError(f"hearing.turn_model: there is no file {file}")
    options = ort.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 4
    try:
        session = ort.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # its errors share no class
        raise TurnModelError(f"hearing.turn_model: {file} is no ONNX network: {str(error)[:200]}") from None
    shapes = [tuple(one.shape) for one in session.get_inputs()]
    if len(shapes) != 1 or shapes[0][1:] != _SHAPE[1:] or len(session.get_outputs()) != 1:
        raise TurnModelError(f"hearing.turn_model: {file} takes {shapes}, not one {_SHAPE}: is it smart-turn 3?")
    return session


def log_mel(samples: npt.NDArray[np.int16]) -> Floats:
    """Return Whisper's features, (80, 800), of the last 8 s of sound at 16 kHz."""
    sound = np.zeros(SECONDS * RATE, np.float32)
    last = samples[-len(sound) :]
    sound[len(sound) - len(last) :] = last
    sound /= 32_768
    sound = (sound - sound.mean()) / np.sqrt(sound.var() + 1e-7)
    padded = np.pad(sound, _WINDOW // 2, mode="reflect")
    frames = np.lib.stride_tricks.sliding_window_view(padded, _WINDOW)[::_HOP][:_FRAMES]
    power = np.abs(np.fft.rfft(frames * _hann())) ** 2
    mels = np.log10(np.maximum(_filters() @ power.T, 1e-10))
    return ((np.maximum(mels, mels.max() - 8) + 4) / 4).astype(np.float32)


@cache
def _hann() -> Floats:
    return np.hanning(_WINDOW + 1)[:-1].astype(np.float32)


@cache
def _filters() -> Floats:
    """Return Slaney's mel filters, (80, 201), each of the same area, from 0 to 8 kHz."""
    edges = _hertz(np.linspace(0, _mel(RATE / 2), _MELS + 2))
    bins = np.linspace(0, RATE / 2, _WINDOW // 2 + 1)
    rising = (bins - edges[:-2, None]) / (edges[1:-1] - edges[:-2])[:, None]
    falling = (edges[2:, None] - bins) / (edges[2:] - edges[1:-1])[:, None]
    area = 2 / (edges[2:] - edges[:-2])
    return (np.maximum(0, np.minimum(rising, falling)) * area[:, None]).astype(np.float32)


_STRAIGHT = 1_000.0
"""Hertz up to which Slaney's scale is straight, 15 mels; beyond it 27 mels are a factor of 6.4."""


def _mel(hertz: float) -> float:
    if hertz < _STRAIGHT:
        return 3 * hertz / 200
    return 15 + 27 * float(np.log(hertz / _STRAIGHT) / np.log(6.4))


def _hertz(mels: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return np.where(mels < 15, 200 * mels / 3, _STRAIGHT * 6.4 ** ((mels - 15) / 27))
