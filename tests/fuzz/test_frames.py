"""Frames: any bytes are one or are refused with a ValueError."""

import io
import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marotte.engines.frames import LARGEST_HEADER, pack, read_frame, unpack
from tests.fuzz.hostile import corpus, looks, mutated, values

CORPUS = corpus("frames")
SEEDS = (*CORPUS.values(), pack({"type": "microphone"}, bytes(320)), b'{"a":1,"length":3}\nabc', b"{}\n")


def is_read_or_refused(data: bytes) -> None:
    with suppress(ValueError):
        header, payload = unpack(data)
        assert isinstance(header, dict)
        assert data.endswith(bytes(payload))
    stream, read = io.BytesIO(data), 0
    with suppress(ValueError):
        while (frame := read_frame(stream)) is not None:
            assert isinstance(frame[0], dict)
            assert stream.tell() > read
            read = stream.tell()


@pytest.mark.parametrize("name", CORPUS)
def test_the_corpus_is_read_or_refused(name: str) -> None:
    is_read_or_refused(CORPUS[name])


@looks(400)
@given(mutated(SEEDS) | st.binary(max_size=200))
def test_wounded_frames_are_read_or_refused(data: bytes) -> None:
    is_read_or_refused(data)


@looks(200)
@given(st.dictionaries(st.text(max_size=10), values, max_size=4))
def test_what_json_writes_in_ascii_is_unpacked(header: dict[str, object]) -> None:
    data = json.dumps(header).encode() + b"\nxy"
    found, payload = unpack(data, LARGEST_HEADER)
    assert json.dumps(found) == json.dumps(header)
    assert bytes(payload) == b"xy"
