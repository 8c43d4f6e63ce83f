"""What the first bytes of a picture say of it: its kind and size, and whether its end is there. Nothing is decoded.

JPEG: ITU-T T.81, annex B · PNG: https://www.w3.org/TR/png-3/ · WebP: RFC 9649.
"""

from collections.abc import Callable

_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
"""JPEG's markers of a frame, in which its size stands."""
_MOST_PARTS = 10_000
"""Segments or chunks of a file; of twelve megabytes in the smallest of them, nobody made a picture."""
_NO_PICTURE = "this is no picture that can be read here: it must be JPEG, PNG or WebP"
_CUT_OFF = "the picture is cut off: its end is missing"


class PictureError(ValueError):
    """A picture cannot be taken; the message says why in plain words, and may be shown to whoever sent it."""


def size_of(data: bytes) -> tuple[int, int]:
    """Return width and height as they are stored. Raises PictureError for what is no whole JPEG, PNG or WebP."""
    read: Callable[[bytes], tuple[int, int]]
    if data.startswith(b"\xff\xd8\xff"):
        read = _jpeg
    elif data.startswith(b"\x89PNG\r\n\x1a\n"):
        read = _png
    elif data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        read = _webp
    else:
        raise PictureError(_NO_PICTURE)
    try:
        return read(data)
    except IndexError:
        raise PictureError(_CUT_OFF) from None


def _jpeg(data: bytes) -> tuple[int, int]:
    """Walk over the segments until the first scan; within scans no other marker looks like that of the end."""
    at, size = 2, (0, 0)
    for _ in range(_MOST_PARTS):
        if data[at] != 0xFF:
            break
        marker = data[at + 1]
        if marker == 0xFF:  # a byte to fill up
            at += 1
            continue
        length = _big(data, at + 2, 2)
        if marker in _FRAMES and size == (0, 0):
            size = (_big(data, at + 7, 2), _big(data, at + 5, 2))
        if marker == 0xDA:
            if data.find(b"\xff\xd9", at + length) < 0:
                raise PictureError(_CUT_OFF)
            return size
        at += 2 + length
    raise PictureError(_NO_PICTURE)


def _png(data: bytes) -> tuple[int, int]:
    if data[12:16] != b"IHDR":
        raise PictureError(_NO_PICTURE)
    at = 8
    for _ in range(_MOST_PARTS):
        if _exactly(data, at, 12)[4:8] == b"IEND":
            return _big(data, 16, 4), _big(data, 20, 4)
        at += 12 + _big(data, at, 4)
    raise PictureError(_NO_PICTURE)


def _webp(data: bytes) -> tuple[int, int]:
    if len(data) < 8 + _little(data, 4, 4):
        raise PictureError(_CUT_OFF)
    match data[12:16]:
        case b"VP8X":
            return 1 + _little(data, 24, 3), 1 + _little(data, 27, 3)
        case b"VP8L":
            bits = _little(data, 21, 4)
            return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
        case b"VP8 ":
            return _little(data, 26, 2) & 0x3FFF, _little(data, 28, 2) & 0x3FFF
        case _:
            raise PictureError(_NO_PICTURE)


def _big(data: bytes, at: int, length: int) -> int:
    return int.from_bytes(_exactly(data, at, length), "big")


def _little(data: bytes, at: int, length: int) -> int:
    return int.from_bytes(_exactly(data, at, length), "little")


def _exactly(data: bytes, at: int, length: int) -> bytes:
    """Return so many bytes. Raises IndexError where there are fewer."""
    data[at + length - 1]
    return data[at : at + length]
