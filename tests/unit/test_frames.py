"""Frames: on pipes and in binary WebSocket messages."""

import io
import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marotte.engines import frames
from marotte.engines.frames import frame, pack, read_frame, unpack, write_frame

HEADERS = st.dictionaries(
    st.text(max_size=20).filter(lambda name: name != "length"), st.integers() | st.text() | st.booleans(), max_size=5
)


@settings(max_examples=30)
@given(st.lists(st.tuples(HEADERS, st.binary(max_size=200)), max_size=5))
def test_what_is_written_to_a_pipe_is_read_from_it(sent: list[tuple[dict[str, Any], bytes]]) -> None:
    stream = io.BytesIO()
    for header, payload in sent:
        write_frame(stream, header, payload)
    stream.seek(0)
    assert list(iter(lambda: read_frame(stream), None)) == sent


@given(HEADERS, st.binary(max_size=200))
def test_what_is_packed_is_unpacked(header: dict[str, Any], payload: bytes) -> None:
    found, view = unpack(pack(header, payload), largest_header=100_000)
    assert (found, bytes(view)) == (header, payload)


@given(st.binary(max_size=300))
def test_any_bytes_are_a_frame_or_a_value_error(data: bytes) -> None:
    for read in (lambda: unpack(data), lambda: read_frame(io.BytesIO(data))):
        result = None
        with suppress(ValueError):
            result = read()
        assert result is None or isinstance(result[0], dict)


def test_a_payload_may_hold_lines_of_its_own() -> None:
    header, payload = unpack(b'{"turn":"a"}\n{"not":"a header"}\n\n')
    assert header == {"turn": "a"}
    assert payload.tobytes() == b'{"not":"a header"}\n\n'


@pytest.mark.parametrize(
    ("data", "wrong"),
    [
        (b"", "no header line"),
        (b'{"a":1}', "no header line"),
        (b'{"a":"' + b"x" * 3_000 + b'"}\n', "no header line within the first 2048 bytes"),
        (b"[1]\n", "no JSON object"),
        (b"\xff\xfe\n", "not JSON"),
        (b"[" * 2_000 + b"\n", "not JSON"),
    ],
)
def test_what_is_no_message(data: bytes, wrong: str) -> None:
    with pytest.raises(ValueError, match=wrong):
        unpack(data)


@pytest.mark.parametrize(
    ("data", "wrong"),
    [
        (b'{"length":-1}\n', "length must be a whole number from 0 to 67108864, not -1"),
        (b'{"length":true}\n', "length must be a whole number"),
        (b'{"length":1e3}\n', "length must be a whole number"),
        (b'{"length":99999999999}\n', "not 99999999999"),
        (b'{"length":5}\nabc', "ended after 3 of 5 bytes"),
        (b'{"a":1}', "does not end"),
        (b"x" * 70_000, "a header line of 65537 bytes does not end"),
    ],
)
def test_what_is_no_frame(data: bytes, wrong: str) -> None:
    with pytest.raises(ValueError, match=wrong):
        read_frame(io.BytesIO(data))


def test_what_is_too_large_is_not_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frames, "LARGEST_PAYLOAD", 10)
    assert frame({}, b"x" * 10) == b'{"length":10}\n' + b"x" * 10
    with pytest.raises(ValueError, match="a payload of 11 bytes is larger than 10"):
        frame({}, b"x" * 11)
    with pytest.raises(ValueError, match="a header of 70010 bytes is larger"):
        frame({"text": "x" * 69_998})


def test_a_header_is_one_line_of_json() -> None:
    line, _, payload = pack({"text": "a\nb", "日本": 1}, b"\n").partition(b"\n")
    assert json.loads(line) == {"text": "a\nb", "日本": 1}
    assert payload == b"\n"
