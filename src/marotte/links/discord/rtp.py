"""Opens the packets that carry sound on Discord: RTP (RFC 3550) within one of its two AEAD modes of "RTP size".

The header and the four bytes that announce its extension are signed and readable; the extension's body and the Opus
frame are encrypted; the last four bytes are a counter, the beginning of the nonce.
https://discord.com/developers/docs/topics/voice-connections#transport-encryption-modes
"""

import struct
from typing import NamedTuple

XCHACHA = "aead_xchacha20_poly1305_rtpsize"
GCM = "aead_aes256_gcm_rtpsize"
OPUS = 0x78
"""RTP's payload type of sound."""
SILENCE = b"\xf8\xff\xfe"
"""An Opus frame of silence, as Discord's clients and servers send it."""
_HEADER, _TAG, _COUNTER = 12, 16, 4
_LARGEST = 2_048


class PacketError(ValueError):
    """It is no packet of sound, or not a genuine one."""


class Packet(NamedTuple):
    """One packet of sound, opened."""

    sequence: int
    timestamp: int
    """Of its first sample, at 48 kHz."""
    ssrc: int
    """Who sends it, by a number of this call."""
    payload: bytes
    """An Opus frame, end-to-end encrypted where the call is."""


def opened(mode: str, key: bytes, packet: bytes) -> Packet:
    """Open a packet. Raises PacketError."""
    if not _HEADER + _TAG + _COUNTER <= len(packet) <= _LARGEST:
        raise PacketError("too short or too long")
    first, kind, sequence, timestamp, ssrc = struct.unpack_from(">BBHII", packet)
    if first >> 6 != 2 or kind & 0x7F != OPUS:
        raise PacketError("no sound")
    size, words = _HEADER + 4 * (first & 0x0F), 0
    if first & 0x10:
        size += 4
        if len(packet) < size + _TAG + _COUNTER:
            raise PacketError("too short for its header")
        words = struct.unpack_from(">H", packet, size - 2)[0]
    if len(packet) < size + _TAG + _COUNTER:
        raise PacketError("too short for its header")
    plain = _decrypted(mode, key, packet, size)[4 * words :]
    if first & 0x20 and plain:  # padding, whose last byte says how much there is
        plain = plain[: -plain[-1]] if 0 < plain[-1] <= len(plain) else b""
    if not plain:
        raise PacketError("empty")
    return Packet(sequence, timestamp, ssrc, plain)


def _decrypted(mode: str, key: bytes, packet: bytes, size: int) -> bytes:
    head, sealed, nonce = packet[:size], packet[size:-_COUNTER], packet[-_COUNTER:]
    if mode == XCHACHA:
        from nacl.exceptions import CryptoError
        from nacl.secret import Aead

        try:
            return Aead(key).decrypt(sealed, head, nonce.ljust(24, b"\0"))
        except (CryptoError, ValueError):
            raise PacketError("not genuine") from None
    if mode == GCM:
        from cryptography.exceptions import InvalidTag
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        try:
            return AESGCM(key).decrypt(nonce.ljust(12, b"\0"), sealed, head)
        except (InvalidTag, ValueError):
            raise PacketError("not genuine") from None
    raise PacketError(f"the mode {mode[:40]!r} is unknown")
