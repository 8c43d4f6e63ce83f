"""Frames: one line of JSON, the header, and a payload of bytes. Spoken on the pipes of child processes and in binary
WebSocket messages.

On a pipe the header says how long its payload is (``"length"``, 0 where it is left out); a WebSocket message ends by
itself. This module imports as little as it can: a child process pays for it at every start.
"""

import json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, BinaryIO

LARGEST_HEADER = 65_536
"""Bytes of a header on a pipe."""
LARGEST_PAYLOAD = 67_108_864
"""Bytes of a payload on a pipe."""


def pack(header: "dict[str, Any]", payload: bytes = b"") -> bytes:
    """Return one binary WebSocket message."""
    return _line(header) + payload


def unpack(data: bytes, largest_header: int = 2_048) -> "tuple[dict[str, Any], memoryview]":
    """Take a binary WebSocket message apart; raises ValueError that says what is wrong with it.

    The payload is a view into ``data``, not a copy.
    """
    end = data.find(b"\n", 0, largest_header + 1)
    if end < 0:
        raise ValueError(f"there is no header line within the first {largest_header} bytes")
    return _parse(data[:end]), memoryview(data)[end + 1 :]


def frame(header: "dict[str, Any]", payload: bytes = b"") -> bytes:
    """Return one frame for a pipe; raises ValueError where it is larger than the other side would take."""
    if len(payload) > LARGEST_PAYLOAD:
        raise ValueError(f"a payload of {len(payload)} bytes is larger than {LARGEST_PAYLOAD}")
    line = _line({**header, "length": len(payload)} if payload else header)
    if len(line) > LARGEST_HEADER:
        raise ValueError(f"a header of {len(line)} bytes is larger than {LARGEST_HEADER}")
    return line + payload


def parse_header(line: bytes) -> "tuple[dict[str, Any], int]":
    """Read the header line of a frame on a pipe: the header and the length of its payload. Raises ValueError."""
    header = _parse(line)
    length = header.pop("length", 0)
    if type(length) is not int or not 0 <= length <= LARGEST_PAYLOAD:
        raise ValueError(f"length must be a whole number from 0 to {LARGEST_PAYLOAD}, not {str(length)[:40]}")
    return header, length


def read_frame(stream: "BinaryIO") -> "tuple[dict[str, Any], bytes] | None":
    """Wait for the next frame on a buffered stream; ``None`` at its end. Raises ValueError for what is no frame."""
    line = stream.readline(LARGEST_HEADER + 1)
    if not line:
        return None
    if not line.endswith(b"\n"):
        raise ValueError(f"a header line of {len(line)} bytes does not end")
    header, length = parse_header(line)
    payload = stream.read(length) if length else b""
    if len(payload) < length:
        raise ValueError(f"the stream ended after {len(payload)} of {length} bytes of a payload")
    return header, payload


def write_frame(stream: "BinaryIO", header: "dict[str, Any]", payload: bytes = b"") -> None:
    """Write one frame and flush it. Raises ValueError as ``frame`` does."""
    stream.write(frame(header, payload))
    stream.flush()


def _line(header: "dict[str, Any]") -> bytes:
    return json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def _parse(line: bytes) -> "dict[str, Any]":
    try:
        header = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"the header is not JSON ({error}): {line[:80]!r}") from None
    if not isinstance(header, dict):
        raise ValueError(f"the header is no JSON object: {line[:80]!r}")
    return header  # pyright: ignore[reportUnknownVariableType]
