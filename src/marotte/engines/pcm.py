"""Samples of every plain form as those the program lives on: mono, signed 16 bits, little endian."""

import struct
from typing import Any, NamedTuple

import numpy as np

_PCM, _FLOAT, _EXTENSIBLE = 1, 3, 0xFFFE
_LOUDEST = 1e6
"""Times full scale: a float beyond that is a lie of its header, and its sums would overflow."""


class Form(NamedTuple):
    """What a WAV file's format chunk says of its samples."""

    kind: int
    """1 for whole numbers, 3 for floats."""
    channels: int
    rate: int
    bits: int

    @property
    def frame(self) -> int:
        """Bytes of one sample of every channel."""
        return self.bits // 8 * self.channels


def read_form(chunk: bytes) -> Form:
    """Read a format chunk, plain or extensible. Raises ValueError, "is …" or "has …", for what cannot be read."""
    if len(chunk) < 16:
        raise ValueError("is truncated: its format is incomplete")
    kind, channels, rate, _, _, bits = struct.unpack_from("<HHIIHH", chunk)
    if kind == _EXTENSIBLE and len(chunk) >= 26:
        kind = int.from_bytes(chunk[24:26], "little")
    if (kind, bits) not in ((_PCM, 8), (_PCM, 16), (_PCM, 24), (_PCM, 32), (_FLOAT, 32), (_FLOAT, 64)):
        raise ValueError(f"is compressed or of an unknown kind (format {kind}, {bits} bits): save it as PCM")
    if not 1 <= channels <= 16:
        raise ValueError(f"has {channels} channels: from 1 to 16 can be read")
    if not 1_000 <= rate <= 384_000:
        raise ValueError(f"has {rate} samples a second: from 1000 to 384000 can be read")
    return Form(kind, channels, rate, bits)


def mixed(sound: bytes, form: Form) -> Any:
    """Return whole frames as mono samples from -1 to 1. Raises ValueError where they are no numbers."""
    samples = _samples(sound, form)
    with np.errstate(invalid="ignore"):
        loudest = np.abs(samples).max(initial=0)
    if not loudest <= _LOUDEST:
        raise ValueError(f"holds samples that are no numbers, or more than {_LOUDEST:g} times full scale")
    return samples.reshape(-1, form.channels).mean(axis=1, dtype=np.float32)


def to_pcm(samples: Any) -> bytes:
    """Return samples from -1 to 1 as 16-bit PCM."""
    return np.clip(np.rint(samples * 32_768), -32_768, 32_767).astype("<i2").tobytes()


def _samples(sound: bytes, form: Form) -> Any:
    if form.kind == _FLOAT:
        return np.frombuffer(sound, f"<f{form.bits // 8}")
    if form.bits == 8:
        return (np.frombuffer(sound, np.uint8).astype(np.float32) - 128) / 128
    if form.bits == 24:
        wide = np.zeros((len(sound) // 3, 4), np.uint8)
        wide[:, 1:] = np.frombuffer(sound, np.uint8).reshape(-1, 3)
        return wide.view("<i4").ravel().astype(np.float32) / 2**31
    return np.frombuffer(sound, f"<i{form.bits // 8}").astype(np.float32) / 2 ** (form.bits - 1)
