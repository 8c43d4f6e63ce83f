"""WAV files: any plain one as speech, and speech as one."""

import struct
from pathlib import Path
from typing import Any

import soxr  # pyright: ignore[reportMissingTypeStubs]

from marotte.engines.pcm import Form, mixed, read_form, to_pcm
from marotte.senses.hearing.speech import RATE

LONGEST = 600
"""Seconds that a file may last."""
_LARGEST = 500_000_000
_PCM = 1


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
    except ValueError as error:
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
    form, sound = _parse(data)
    seconds = len(sound) / form.frame / form.rate
    if seconds > LONGEST:
        raise WavError(f"lasts {seconds:.0f} s: more than {LONGEST} s")
    samples = mixed(sound[: len(sound) - len(sound) % form.frame], form)
    if form.rate != RATE:
        samples: Any = soxr.resample(samples, form.rate, RATE)  # pyright: ignore[reportUnknownMemberType]
    return to_pcm(samples)


def _parse(data: bytes) -> tuple[Form, bytes]:
    """Find the form of the samples and the samples in a RIFF file."""
    if data[:4] != b"RIFF" or data[8:12] != b"WAVE":
        raise WavError("is no WAV file (it does not begin with RIFF … WAVE)")
    described: Form | None = None
    place = 12
    while place + 8 <= len(data):
        kind, length = data[place : place + 4], int.from_bytes(data[place + 4 : place + 8], "little")
        body = place + 8
        if kind == b"fmt ":
            described = read_form(data[body : body + length])
        elif kind == b"data":
            if described is None:
                raise WavError("its samples come before their format")
            if length in (0, 0xFFFFFFFF):
                length = len(data) - body
            if body + length > len(data):
                raise WavError(f"is truncated: {len(data) - body} of {length} bytes of sound are there")
            return described, data[body : body + length]
        place = body + length + length % 2
    raise WavError("is truncated: it holds no sound")
