"""A model for CTranslate2 that always says one sentence, made in half a second: ``write(folder, "what do you see")``.
The words sound one after another from the start, each for half a second.

The real library loads it and runs its whole path (features, encoder, language detection, beam search, tokenizer, word
alignment), but nothing in it was learnt: it tests what lies around a model and says nothing of any model's ears.

How: as in ``scripted_whisper``, what comes next is written into the decoder's positions, each ten times the embedding
of the token that is wanted. Where a word sounds is written into the encoder's positions and found by the one attention
that is not zero: it takes the decoder's position to the frames of its word and brings nothing back.
"""

import json
from pathlib import Path

import numpy as np
import tokenizers
from ctranslate2.specs import whisper_spec

WIDTH, FRAMES, TEXT_CONTEXT, TEXT_TOKENS = 64, 1500, 448, 50_256
WORD = 25
"""Frames of a word, each 20 ms."""
LANGUAGES = ("en", "zh", "de", "es", "ru", "ko", "fr", "ja")
_SPACE = "\u0120"
_END, _SILENT = "<|endoftext|>", "<|nospeech|>"


def write(folder: Path, sentence: str, language: str = "en", silent: float = 0.0) -> None:
    """Write a model that says ``sentence`` in ``language``, which it also detects, and how likely nobody spoke."""
    words = [_SPACE + word for word in sentence.split()]
    languages = [f"<|{code}|>" for code in (*LANGUAGES, *(f"z{i}" for i in range(99 - len(LANGUAGES))))]
    special = [
        _END, "<|startoftranscript|>", *languages, "<|translate|>", "<|transcribe|>", "<|startoflm|>",
        "<|startofprev|>", _SILENT, "<|notimestamps|>", *(f"<|{i * 0.02:.2f}|>" for i in range(1501)),
    ]  # fmt: skip
    end = f"<|{len(words) * WORD * 0.02:.2f}|>"  # without it the library would read on behind the last word
    tokens = list(dict.fromkeys(["<unk>", _SPACE, *words]))
    tokens += [f"<x{i}>" for i in range(TEXT_TOKENS - len(tokens))]
    tokens += ["", *special]  # by the empty one the library knows that the model speaks many languages
    ids = {token: number for number, token in enumerate(tokens)}
    script = [ids[token] for token in (f"<|{language}|>", "<|transcribe|>", "<|0.00|>", *words, end)]
    rows = np.random.default_rng(0).standard_normal((len(tokens), WIDTH)).astype(np.float32)
    rows -= rows.mean(axis=1, keepdims=True)
    rows *= 4 / np.linalg.norm(rows, axis=1, keepdims=True)
    positions = 10 * rows[[*script, *[ids[_END]] * (TEXT_CONTEXT - len(script))]]
    if silent:
        positions[0] = _between(rows[script[0]], rows[ids[_SILENT]], silent)
    spec = _spec(rows, positions, len(words))
    spec.register_vocabulary(tokens)
    spec.config.suppress_ids, spec.config.suppress_ids_begin = [], [ids[_SPACE], ids[_END]]
    spec.config.lang_ids, spec.config.alignment_heads = [ids[token] for token in languages], [(0, 0)]
    spec.validate()
    folder.mkdir(parents=True, exist_ok=True)
    spec.save(str(folder))
    _tokenizer(ids, special).save(str(folder / "tokenizer.json"))
    (folder / "preprocessor_config.json").write_text(json.dumps({"feature_size": 80, "sampling_rate": 16_000}))


def _between(wanted: np.ndarray, other: np.ndarray, probability: float) -> np.ndarray:
    """Return a position at which ``other`` has a probability, beside what is wanted."""
    # Where the two scores differ by the log odds; a score is 8 (a norm of the last layer) times 4 times a cosine.
    share = np.log(probability / (1 - probability)) / 32 / (1 - wanted @ other / 16)
    return 10 * ((1 - share) * wanted + (1 + share) * other)


def _spec(rows: np.ndarray, positions: np.ndarray, words: int) -> whisper_spec.WhisperSpec:
    spec = whisper_spec.WhisperSpec(1, 1, 1, 1)
    places = np.random.default_rng(2).standard_normal((words + 1, WIDTH)).astype(np.float32)
    places -= places.mean(axis=1, keepdims=True)
    places /= np.linalg.norm(places, axis=1, keepdims=True)
    frames = np.zeros((FRAMES, WIDTH), np.float32)
    frames[: len(places) * WORD] = places.repeat(WORD, axis=0)[:FRAMES]
    encoder, decoder = spec.encoder, spec.decoder
    encoder.conv1.weight, encoder.conv1.bias = _zeros(WIDTH, 80, 3), _zeros(WIDTH)
    encoder.conv2.weight, encoder.conv2.bias = _zeros(WIDTH, WIDTH, 3), _zeros(WIDTH)
    encoder.position_encodings.encodings = frames
    decoder.embeddings.weight = decoder.projection.weight = rows
    decoder.position_encodings.encodings = positions.astype(np.float32)
    for part in (encoder, decoder):
        _norm(part.layer_norm)
        for layer in part.layer:
            _norm(layer.self_attention.layer_norm)
            _linear(layer.self_attention.linear[0], 3 * WIDTH, WIDTH)
            _linear(layer.self_attention.linear[1], WIDTH, WIDTH)
            _norm(layer.ffn.layer_norm)
            _linear(layer.ffn.linear_0, 4 * WIDTH, WIDTH)
            _linear(layer.ffn.linear_1, WIDTH, 4 * WIDTH)
    [attention] = [layer.attention for layer in decoder.layer]
    _norm(attention.layer_norm)
    for linear, outputs in zip(attention.linear, (WIDTH, 2 * WIDTH, WIDTH), strict=True):
        _linear(linear, outputs, WIDTH)
    said = positions[3 : 3 + len(places)]
    attention.linear[0].weight = 3 * places.T @ (said / np.linalg.norm(said, axis=1, keepdims=True))
    attention.linear[1].weight[:WIDTH] = np.eye(WIDTH)
    return spec


def _zeros(*shape: int) -> np.ndarray:
    return np.zeros(shape, np.float32)


def _norm(norm: object) -> None:
    norm.gamma, norm.beta = np.ones(WIDTH, np.float32), _zeros(WIDTH)


def _linear(linear: object, outputs: int, inputs: int) -> None:
    linear.weight, linear.bias = _zeros(outputs, inputs), _zeros(outputs)


def _tokenizer(ids: dict[str, int], special: list[str]) -> tokenizers.Tokenizer:
    tokenizer = tokenizers.Tokenizer(tokenizers.models.WordLevel(ids, unk_token="<unk>"))
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = tokenizers.decoders.ByteLevel()
    tokenizer.add_special_tokens(special)
    return tokenizer
