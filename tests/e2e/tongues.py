"""Partners of several tongues: what each says, as espeak-ng says it, and one ear that understands each in their own.

The ear is a model for CTranslate2 like that of ``scripted_faster_whisper``, but with a sentence for each language:
``write(folder, {"es": (" cuéntame", " un", " cuento"), "ja": …})``. Which one it says is decided by the language that
it is asked for, and by nothing else: it proves which language reaches the ear, not what an ear understands.

How: each position of the decoder wants the next piece of every sentence alike. All pieces of a language share one
direction, which is also the embedding of its token. The one attention that is not zero looks back at all that was
said so far, the language's token among it, and brings back how the languages' directions differ there: so the pieces
of that language win.
"""

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import soxr
import tokenizers

from marotte.engines.kinds import Kit
from marotte.senses.hearing.wav import write_wav
from marotte.voice.voices.espeak import EspeakSettings, EspeakVoice
from tests import speaking
from tests.servers import scripted_faster_whisper as scripted
from tests.servers.scripted_faster_whisper import LANGUAGES, TEXT_CONTEXT, TEXT_TOKENS, WIDTH, WORD

_FIRM = 16.0
"""How much the language weighs beside what comes next."""
_END = "<|endoftext|>"


async def spoken(text: str, language: str, before: float = 0.5, after: float = 4.0) -> bytes:
    """Return a WAV of ``text``: 48 kHz mono, with so many seconds of silence around it."""
    voice = EspeakVoice(EspeakSettings(), Kit())
    try:
        sounds = await speaking.speak(voice, speaking.line(text, language))
    finally:
        await voice.close()
    pcm = np.frombuffer(speaking.pcm(sounds), "<i2")
    sound = np.asarray(soxr.resample(pcm, sounds[0].rate, 48_000), "<i2")
    return write_wav(np.pad(sound, (round(before * 48_000), round(after * 48_000))).tobytes(), 48_000)


def write(folder: Path, sentences: dict[str, tuple[str, ...]]) -> None:
    """Write a model that says a language's sentence where it is asked for that language; all have as many pieces."""
    (length,) = {len(pieces) for pieces in sentences.values()}
    as_bytes = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False).pre_tokenize_str
    scripts = [[as_bytes(piece)[0][0] for piece in pieces] for pieces in sentences.values()]
    languages = [f"<|{code}|>" for code in (*LANGUAGES, *(f"z{i}" for i in range(99 - len(LANGUAGES))))]
    times = [f"<|{i * 0.02:.2f}|>" for i in range(1501)]
    special = [_END, "<|startoftranscript|>", *languages, "<|translate|>", "<|transcribe|>", "<|startoflm|>",
               "<|startofprev|>", "<|nospeech|>", "<|notimestamps|>", *times]  # fmt: skip
    tokens = ["<unk>", "\u0120", *dict.fromkeys(piece for script in scripts for piece in script)]
    tokens += [*(f"<x{i}>" for i in range(TEXT_TOKENS - len(tokens))), "", *special]
    ids = {token: number for number, token in enumerate(tokens)}
    begin, end = times[0], times[length * WORD]
    columns = [[begin], *map(list, zip(*scripts, strict=True)), [end], *[[_END]] * TEXT_CONTEXT]

    rows, directions = np.zeros((len(tokens), WIDTH), np.float32), _directions()
    tongues = np.stack([next(directions) for _ in scripts])
    for tongue, code, script in zip(tongues, sentences, scripts, strict=True):
        rows[ids[f"<|{code}|>"]] = 4 * tongue
        rows[[ids[piece] for piece in script]] = [4 * (tongue + next(directions)) / np.sqrt(2) for _ in script]
    rows[[ids[begin], ids[end], ids[_END]]] = [4 * next(directions) for _ in range(3)]
    # The first two places hold the beginning and the language, whatever comes next.
    positions = np.zeros((TEXT_CONTEXT, WIDTH), np.float32)
    positions[2:] = [10 * rows[[ids[t] for t in column]].sum(axis=0) for column in columns[: TEXT_CONTEXT - 2]]

    spec = scripted._spec(rows, positions, length)
    [back] = [layer.self_attention.linear for layer in spec.decoder.layer]
    back[0].weight[2 * WIDTH :] = tongues.T @ (tongues - tongues.mean(axis=0))
    back[1].weight = _FIRM * np.eye(WIDTH, dtype=np.float32)
    spec.register_vocabulary(tokens)
    spec.config.suppress_ids, spec.config.suppress_ids_begin = [], [ids["\u0120"], ids[_END]]
    spec.config.lang_ids, spec.config.alignment_heads = [ids[token] for token in languages], [(0, 0)]
    spec.validate()
    folder.mkdir(parents=True, exist_ok=True)
    spec.save(str(folder))
    scripted._tokenizer(ids, special).save(str(folder / "tokenizer.json"))
    (folder / "preprocessor_config.json").write_text(json.dumps({"feature_size": 80, "sampling_rate": 16_000}))


def _directions() -> Iterator[np.ndarray]:
    """Yield directions at right angles to each other and to all ones, which a layer's norm takes away."""
    random = np.random.default_rng(0).standard_normal((WIDTH, WIDTH)).astype(np.float32)
    random[:, 0] = 1
    return iter(np.linalg.qr(random)[0].T[1:])
