"""``read_wav``: every plain WAV becomes the same 16 kHz mono sound, and everything else a sentence."""

import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from marotte.senses.hearing.wav import LONGEST, WavError, read_wav


def wav(
    sound: bytes, form: int = 1, channels: int = 1, rate: int = 16_000, bits: int = 16, before: bytes = b""
) -> bytes:
    frame = channels * bits // 8
    described = struct.pack("<HHIIHH", form, channels, rate, rate * frame, frame, bits)
    body = b"WAVE" + before + b"fmt " + struct.pack("<I", len(described)) + described
    body += b"data" + struct.pack("<I", len(sound)) + sound
    return b"RIFF" + struct.pack("<I", len(body)) + body


def tone(rate: int, seconds: float = 0.5) -> np.ndarray:
    return 0.5 * np.sin(2 * np.pi * 440 * np.arange(int(rate * seconds)) / rate)


def encoded(samples: np.ndarray, form: int, bits: int) -> bytes:
    if form == 3:
        return samples.astype(f"<f{bits // 8}").tobytes()
    if bits == 8:
        return np.rint(samples * 127 + 128).astype(np.uint8).tobytes()
    whole = np.rint(samples * (2 ** (bits - 1) - 1)).astype("<i8").view(np.uint8).reshape(-1, 8)
    return whole[:, : bits // 8].tobytes()


@pytest.mark.parametrize(("form", "bits"), [(1, 8), (1, 16), (1, 24), (1, 32), (3, 32), (3, 64)])
@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("rate", [8_000, 16_000, 22_050, 44_100, 48_000])
def test_every_plain_form_gives_the_same_sound(form: int, bits: int, channels: int, rate: int) -> None:
    samples = np.repeat(tone(rate), channels)
    got = np.frombuffer(read_wav(wav(encoded(samples, form, bits), form, channels, rate, bits)), "<i2") / 32_768
    assert abs(len(got) - 8_000) <= 1
    inner = slice(400, 7_600)  # a resampler rings at the ends
    assert np.abs(got[inner] - tone(16_000)[inner]).max() < 0.02


def test_channels_are_mixed() -> None:
    both = np.stack([np.full(100, 0.5), np.full(100, -0.25)], axis=1)
    got = np.frombuffer(read_wav(wav(encoded(both.ravel(), 1, 16), channels=2)), "<i2")
    assert np.abs(got - 0.125 * 32_768).max() <= 2


def test_chunks_before_the_format_and_odd_ones_are_passed_over() -> None:
    extra = b"LIST" + struct.pack("<I", 3) + b"abc\0"
    assert read_wav(wav(b"\1\0\2\0", before=extra)) == b"\1\0\2\0"


def test_an_extensible_header_is_read() -> None:
    described = (
        struct.pack("<HHIIHH", 0xFFFE, 1, 16_000, 32_000, 2, 16) + struct.pack("<HHIH", 22, 16, 4, 1) + bytes(14)
    )
    body = b"WAVEfmt " + struct.pack("<I", len(described)) + described + b"data" + struct.pack("<I", 2) + b"\5\0"
    assert read_wav(b"RIFF" + struct.pack("<I", len(body)) + body) == b"\5\0"


def test_a_length_that_was_never_filled_in_means_to_the_end() -> None:
    made = wav(b"\1\0\2\0")
    for unknown in (0, 0xFFFFFFFF):
        assert read_wav(made[:40] + struct.pack("<I", unknown) + made[44:]) == b"\1\0\2\0"


def test_full_scale_does_not_wrap() -> None:
    got = np.frombuffer(read_wav(wav(np.array([2.0, -2.0, 1.0], "<f4").tobytes(), 3, bits=32)), "<i2")
    assert list(got) == [32_767, -32_768, 32_767]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "is no WAV file"),
        (b"ID3\4" + bytes(100), "is no WAV file"),
        (wav(bytes(100))[:60], "is truncated: 16 of 100 bytes"),
        (wav(bytes(100))[:30], "is truncated"),
        (wav(bytes(8), form=85), r"compressed or of an unknown kind \(format 85"),
        (wav(bytes(8), bits=12), "12 bits"),
        (wav(bytes(8), channels=0), "has 0 channels"),
        (wav(bytes(8), rate=5), "has 5 samples a second"),
        (wav(bytes(2_000 * (LONGEST + 2)), rate=1_000), f"lasts {LONGEST + 2} s"),
        (wav(np.array([np.nan], "<f4").tobytes(), 3, bits=32), "no numbers"),
    ],
)
def test_everything_else_is_refused_with_the_reason(data: bytes, reason: str) -> None:
    with pytest.raises(WavError, match=reason):
        read_wav(data)


def test_the_message_names_the_file(tmp_path: Path) -> None:
    with pytest.raises(WavError, match=r"none\.wav: cannot be read: No such file"):
        read_wav(tmp_path / "none.wav")
    (tmp_path / "a.wav").write_bytes(b"hello")
    with pytest.raises(WavError, match=r"a\.wav: is no WAV file"):
        read_wav(tmp_path / "a.wav")


@given(st.binary(max_size=80), st.integers(0, 60))
def test_no_bytes_whatever_do_more_than_be_refused(junk: bytes, cut: int) -> None:
    for data in (junk, wav(bytes(16))[:cut] + junk):
        try:
            assert len(read_wav(data)) % 2 == 0
        except WavError:
            pass
