"""WAV files: any plain one as speech, and speech as one."""

import struct
from pathlib import Path
from typing import Any

import numpy as np
import soxr  # pyright: ignore[reportMissingTypeStubs]

from marotte.senses.hearing.speech import RATE

LONGEST = 600
"""Seconds that a file may last."""
_LARGEST = 500_000_000
_LOUDEST = 1e6
"""Times full scale: a float beyond that is a lie of its header, and its sums would overflow."""
_PCM, _FLOAT, _EXTENSIBLE = 1, 3, 0xFFFE


class WavError(ValueError):
    """A file is no WAV that can be read; the message names the file and says why."""


def write_wav(pcm: bytes, rate: int = RATE) -> bytes:
    """Return mono 16-bit sound as a WAV file."""
    head = struct.pack("<4sI4s", b"RIFF", 36 + len(pcm), b"WAVE")
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, _PCM, 1, rate, 2 * rate, 2, 16)
    return head + form + struct.pack("<4sI", b"data", len(pcm)) + pcm


def read_wav(source: Path | bytes) -> bytes:
    """Return a WAV's sound as 16 kHz mono 16-bit PCM; channels are mixed.

    Takes integer samples of 8, 16, 24 or 32 bits and floats of 32 or 64, any rate from 1 to 384 kHz and up to 16
    channels, as RIFF WAVE with or without the extensible header. A length of 0 or 0xFFFFFFFF, as programs write into
    a pipe, means "to the end". Raises WavError for anything else, a truncated file, or more than ``LONGEST`` seconds.
    """
    name = str(source) if isinstance(source, Path) else "the sound"
    try:
        return _convert(_load(source))
    except WavError as error:
        raise WavError(f"{name}: {error}") from None


def _load(source: Path | bytes) -> bytes:
    if isinstance(source, bytes):
        return source
    try:
        size = source.stat().st_size
        if size > _LARGEST:
            raise WavError(f"{size} bytes: larger than {_LARGEST} is no speech")
        return source.read_bytes()
    except OSError as error:
        raise WavError(f"cannot be read: {error.strerror}") from None


def _convert(data: bytes) -> bytes:
    form, channels, rate, bits, sound = _parse(data)
    width = bits // 8 * channels
    seconds = len(sound) / width / rate
    if seconds > LONGEST:
        raise WavError(f"lasts {seconds:.0f} s: more than {LONGEST} s")
    whole = sound[: len(sound) - len(sound) % width]
    samples = _samples(whole, form, bits)
    with np.errstate(invalid="ignore"):
        loudest = np.abs(samples).max(initial=0)
    if not loudest <= _LOUDEST:
        raise WavError(f"holds samples that are no numbers, or more than {_LOUDEST:g} times full scale")
    samples = samples.reshape(-1, channels).mean(axis=1, dtype=np.float32)
    if rate != RATE:
        samples: Any = soxr.resample(samples, rate, RATE)  # pyright: ignore[reportUnknownMemberType]
    return np.clip(np.rint(samples * 32_768), -32_768, 32_767).astype("<i2").tobytes()


def _parse(data: bytes) -> tuple[int, int, int, int, bytes]:
    """Find format (integer or float), channels, rate, bits of a sample and the samples in a RIFF file."""
    if data[:4] != b"RIFF" or data[8:12] != b"WAVE":
        raise WavError("is no WAV file (it does not begin with RIFF … WAVE)")
    described: tuple[int, int, int, int] | None = None
    place = 12
    while place + 8 <= len(data):
        kind, length = data[place : place + 4], int.from_bytes(data[place + 4 : place + 8], "little")
        body = place + 8
        if kind == b"fmt ":
            described = _described(data[body : body + length])
        elif kind == b"data":
            if described is None:
                raise WavError("its samples come before their format")
            if length in (0, 0xFFFFFFFF):
                length = len(data) - body
            if body + length > len(data):
                raise WavError(f"is truncated: {len(data) - body} of {length} bytes of sound are there")
            return *described, data[body : body + length]
        place = body + length + length % 2
    raise WavError("is truncated: it holds no sound")


def _described(chunk: bytes) -> tuple[int, int, int, int]:
    """Read a format chunk."""
    if len(chunk) < 16:
        raise WavError("is truncated: its format is incomplete")
    form, channels, rate, _, _, bits = struct.unpack_from("<HHIIHH", chunk)
    if form == _EXTENSIBLE and len(chunk) >= 26:
        form = int.from_bytes(chunk[24:26], "little")
    if (form, bits) not in ((_PCM, 8), (_PCM, 16), (_PCM, 24), (_PCM, 32), (_FLOAT, 32), (_FLOAT, 64)):
        raise WavError(f"is compressed or of an unknown kind (format {form}, {bits} bits): save it as PCM")
    if not 1 <= channels <= 16:
        raise WavError(f"has {channels} channels: from 1 to 16 can be read")
    if not 1_000 <= rate <= 384_000:
        raise WavError(f"has {rate} samples a second: from 1000 to 384000 can be read")
    return form, channels, rate, bits


def _samples(sound: bytes, form: int, bits: int) -> Any:
    """Return samples as numbers from -1 to 1."""
    if form == _FLOAT:
        return np.frombuffer(sound, f"<f{bits // 8}")
    if bits == 8:
        return (np.frombuffer(sound, np.uint8).astype(np.float32) - 128) / 128
    if bits == 24:
        wide = np.zeros((len(sound) // 3, 4), np.uint8)
        wide[:, 1:] = np.frombuffer(sound, np.uint8).reshape(-1, 3)
        return wide.view("<i4").ravel().astype(np.float32) / 2**31
    return np.frombuffer(sound, f"<i{bits // 8}").astype(np.float32) / 2 ** (bits - 1)
