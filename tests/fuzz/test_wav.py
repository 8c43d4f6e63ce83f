"""WAV files: any bytes are sound or are refused with a WavError, without a warning on the way."""

import struct
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from marotte.senses.hearing.wav import WavError, read_wav
from tests.fuzz.hostile import looks, mutated
from tests.unit.test_wav import wav

SOUND = bytes(range(64))
SEEDS = (
    wav(SOUND),
    wav(SOUND, form=3, bits=32),
    wav(SOUND, form=3, bits=64),
    wav(SOUND, bits=24, channels=2, rate=44_100),
    wav(SOUND, bits=8, rate=8_000),
    wav(SOUND, channels=16, rate=1_000),
    wav(SOUND, before=b"LIST\x03\0\0\0abc\0"),
)
FLOATS = st.sampled_from((0.0, 1.0, -1.0, 1e-45, 3.4e38, -3.4e38, 1e300, -1e300, np.inf, -np.inf, np.nan)) | st.floats()


def is_sound_or_refused(data: bytes) -> None:
    with suppress(WavError):
        assert len(read_wav(data)) % 2 == 0


@looks(400)
@given(mutated(SEEDS))
def test_wounded_files_are_sound_or_refused(data: bytes) -> None:
    is_sound_or_refused(data)


@looks(400)
@given(st.integers(0, 2**16 - 1), st.integers(0, 20), st.integers(0, 2**32 - 1), st.integers(0, 70), st.binary())
def test_a_lying_header_is_sound_or_refused(form: int, channels: int, rate: int, bits: int, sound: bytes) -> None:
    described = struct.pack("<HHIIHH", form, channels, rate, 0, 0, bits)
    body = b"WAVEfmt " + struct.pack("<I", 16) + described + b"data" + struct.pack("<I", len(sound)) + sound
    is_sound_or_refused(b"RIFF" + struct.pack("<I", len(body)) + body)


@looks(300)
@given(
    st.lists(FLOATS, min_size=1, max_size=40),
    st.sampled_from((32, 64)),
    st.integers(1, 3),
    st.sampled_from((16_000, 8_000, 44_100, 384_000)),
)
def test_floats_of_any_size_are_sound_or_refused(samples: list[float], bits: int, channels: int, rate: int) -> None:
    with np.errstate(over="ignore"):
        sound = np.array(samples * channels).astype(f"<f{bits // 8}").tobytes()
    is_sound_or_refused(wav(sound, form=3, channels=channels, rate=rate, bits=bits))


@pytest.mark.parametrize("rate", [8_000, 16_000, 384_000])
@pytest.mark.parametrize("bits", [32, 64])
def test_samples_too_large_for_a_sum_are_refused(bits: int, rate: int) -> None:
    """Found: the mean of two channels at the greatest float overflowed, and so did 64 bits made 32."""
    sound = np.full(64, np.finfo(f"<f{bits // 8}").max).tobytes()
    with pytest.raises(WavError, match="no numbers"):
        read_wav(wav(sound, form=3, channels=2, rate=rate, bits=bits))


def test_loud_samples_are_clipped() -> None:
    sound = np.array([100.0, -100.0] * 8, "<f4").tobytes()
    assert set(np.frombuffer(read_wav(wav(sound, form=3, bits=32)), "<i2")) == {32_767, -32_768}


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "none.wav", Path("/dev/null/x"), tmp_path / ("x" * 300)):
        with pytest.raises(WavError):
            read_wav(path)
