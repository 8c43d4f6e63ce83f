"""A whisper.cpp model that always says one sentence, made in half a second: ``write(path, "what do you see")``.

The real library loads it and runs its whole path (file, mel spectrogram, encoder, decoder, search, tokens, segments),
but nothing in it was learnt: it tests what lies around a model and says nothing of any model's ears.

How: all matrices of encoder, attention and perceptron are zero, so nothing but the token's embedding and the position's
reach the decoder's end, and the position's is ten times the embedding of the token that the script wants next. The
output is tied to the embeddings, so that token wins with a probability of almost 1.
"""

import struct
from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO

import numpy as np

WIDTH, AUDIO_LAYERS, AUDIO_CONTEXT, TEXT_CONTEXT, MELS, BINS = 64, 4, 1500, 448, 80, 201
TEXT_TOKENS = 50_257
LANGUAGES = ("en", "zh", "de", "es", "ru", "ko", "fr", "ja")


def write(path: Path, sentence: str, language: str = "", split: bool = False) -> None:
    """Write a model that says ``sentence`` in ``language``, which it also detects; "" makes an English-only one.

    Its tokens are words with a space before each or, ``split``, single bytes, as those of rare letters are.
    """
    words = [bytes([byte]) for byte in sentence.encode()] if split else [f" {w}".encode() for w in sentence.split()]
    vocabulary = list(dict.fromkeys([b" ", *words]))  # whisper.cpp looks a lone space up
    vocabulary += [b"<%d>" % i for i in range(TEXT_TOKENS - len(vocabulary))]
    said = [vocabulary.index(word) for word in words]
    if language:
        tokens, end, begin, transcribe = 51_865, 50_257, 50_364, 50_359
        script = [50_259 + LANGUAGES.index(language), transcribe, begin, *said]
    else:
        tokens, end, begin = 51_864, 50_256, 50_363
        script = [begin, *said]
    embeddings = _embeddings(tokens)
    positions = np.stack([10 * embeddings[t] for t in [*script, *[end] * (TEXT_CONTEXT - len(script))]])
    with path.open("wb") as file:
        sizes = (tokens, AUDIO_CONTEXT, WIDTH, 1, AUDIO_LAYERS, TEXT_CONTEXT, WIDTH, 1, 1, MELS)
        file.write(struct.pack("<12i", 0x67676D6C, *sizes, 1))
        file.write(struct.pack("<2i", MELS, BINS) + _mel_bank().tobytes())
        file.write(struct.pack("<i", len(vocabulary)))
        for token in vocabulary:
            file.write(struct.pack("<i", len(token)) + token)
        _encoder(file)
        _tensor(file, "decoder.positional_embedding", positions, half=False)
        _tensor(file, "decoder.token_embedding.weight", embeddings)
        _norm(file, "decoder.ln")
        _block(file, "decoder.blocks.0", ("attn", "cross_attn"))


def _embeddings(tokens: int) -> np.ndarray:
    rows = np.random.default_rng(7).standard_normal((tokens, WIDTH)).astype(np.float32)
    rows -= rows.mean(axis=1, keepdims=True)
    return 4 * rows / np.linalg.norm(rows, axis=1, keepdims=True)


def _mel_bank() -> np.ndarray:
    """Triangles that overlap by half, evenly spaced on the mel scale up to 8 kHz."""
    corners = 700 * (10 ** (np.linspace(0, 2595 * np.log10(1 + 8_000 / 700), MELS + 2) / 2595) - 1)
    frequencies = np.linspace(0, 8_000, BINS)
    return np.stack(
        [np.interp(frequencies, corners[i : i + 3], [0, 1, 0], left=0, right=0) for i in range(MELS)]
    ).astype(np.float32)


def _encoder(file: BinaryIO) -> None:
    _zeros(file, "encoder.positional_embedding", (AUDIO_CONTEXT, WIDTH), half=False)
    for name, inputs in (("conv1", MELS), ("conv2", WIDTH)):
        _zeros(file, f"encoder.{name}.weight", (WIDTH, inputs, 3))
        _zeros(file, f"encoder.{name}.bias", (WIDTH, 1), half=False)
    _norm(file, "encoder.ln_post")
    for layer in range(AUDIO_LAYERS):
        _block(file, f"encoder.blocks.{layer}", ("attn",))


def _block(file: BinaryIO, prefix: str, attentions: Iterable[str]) -> None:
    for attention in attentions:
        _norm(file, f"{prefix}.{attention}_ln")
        _zeros(file, f"{prefix}.{attention}.key.weight", (WIDTH, WIDTH))
        for part in ("query", "value", "out"):
            _zeros(file, f"{prefix}.{attention}.{part}.weight", (WIDTH, WIDTH))
            _zeros(file, f"{prefix}.{attention}.{part}.bias", (WIDTH,))
    _norm(file, f"{prefix}.mlp_ln")
    for part, (outputs, inputs) in (("0", (4 * WIDTH, WIDTH)), ("2", (WIDTH, 4 * WIDTH))):
        _zeros(file, f"{prefix}.mlp.{part}.weight", (outputs, inputs))
        _zeros(file, f"{prefix}.mlp.{part}.bias", (outputs,))


def _norm(file: BinaryIO, name: str) -> None:
    _tensor(file, f"{name}.weight", np.ones(WIDTH))
    _zeros(file, f"{name}.bias", (WIDTH,))


def _zeros(file: BinaryIO, name: str, shape: tuple[int, ...], half: bool = True) -> None:
    _tensor(file, name, np.zeros(shape), half)


def _tensor(file: BinaryIO, name: str, values: np.ndarray, half: bool = True) -> None:
    """Write dimensions, length of the name, kind (1: 16-bit floats), sizes from the innermost out, name, values."""
    kind = int(half and values.ndim > 1)
    file.write(struct.pack("<3i", values.ndim, len(name), kind) + struct.pack(f"<{values.ndim}i", *values.shape[::-1]))
    file.write(name.encode() + values.astype("<f2" if kind else "<f4").tobytes())
