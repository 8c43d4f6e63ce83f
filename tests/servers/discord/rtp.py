"""Sound packets as Discord's voice servers carry them: RTP in one of the two AEAD modes with "RTP size".

The RTP header, with the four bytes that announce an extension, is signed and stays readable; the extension's body and
the Opus frame are encrypted; a counter of 32 bits follows them and is the nonce's beginning.
https://discord.com/developers/docs/topics/voice-connections#transport-encryption-modes
"""

import struct
from dataclasses import dataclass

import nacl.exceptions
import nacl.secret
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

GCM, XCHACHA = "aead_aes256_gcm_rtpsize", "aead_xchacha20_poly1305_rtpsize"
MODES = (GCM, XCHACHA)
OPUS = 0x78
RECEIVER_REPORT = 201
FRAME = 960
"""Samples of 20 ms at 48 kHz."""
SILENCE = b"\xf8\xff\xfe"
_COUNTER = 4


@dataclass(frozen=True)
class Packet:
    """A sound packet that was opened."""

    sequence: int
    timestamp: int
    ssrc: int
    counter: int
    opus: bytes


def seal(mode: str, key: bytes, counter: int, header: bytes, plain: bytes) -> bytes:
    """Return the whole packet."""
    nonce = struct.pack(">I", counter)
    if mode == GCM:
        sealed = AESGCM(key).encrypt(nonce.ljust(12, b"\0"), plain, header)
    else:
        sealed = nacl.secret.Aead(key).encrypt(plain, header, nonce.ljust(24, b"\0")).ciphertext
    return header + sealed + nonce


def unseal(mode: str, key: bytes, packet: bytes, header: int) -> bytes:
    """Return what was encrypted behind a header of so many bytes; raises ValueError where the packet is not genuine."""
    aad, sealed, nonce = packet[:header], packet[header:-_COUNTER], packet[-_COUNTER:]
    try:
        if mode == GCM:
            return AESGCM(key).decrypt(nonce.ljust(12, b"\0"), sealed, aad)
        return nacl.secret.Aead(key).decrypt(sealed, aad, nonce.ljust(24, b"\0"))
    except (InvalidTag, nacl.exceptions.CryptoError) as failed:
        raise ValueError("a packet that is not genuine") from failed


def sound(mode: str, key: bytes, counter: int, sequence: int, timestamp: int, ssrc: int, opus: bytes) -> bytes:
    """Return one Opus frame as a voice server sends it: with a header extension (its loudness), as browsers add it."""
    extension = b"\x10\x30\x00\x00"  # one byte of level under the identifier 1, padded to a word
    header = struct.pack(">BBHIIHH", 0x90, OPUS, sequence, timestamp, ssrc, 0xBEDE, len(extension) // 4)
    return seal(mode, key, counter, header, extension + opus)


def report(mode: str, key: bytes, counter: int, ssrc: int) -> bytes:
    """Return a receiver report (RTCP), which arrives between sound packets and is none."""
    return seal(mode, key, counter, struct.pack(">BBHI", 0x81, RECEIVER_REPORT, 7, ssrc), bytes(24))


def opened(mode: str, key: bytes, packet: bytes) -> Packet:
    """Open a sound packet; raises ValueError."""
    if len(packet) < 12 + 16 + _COUNTER:
        raise ValueError(f"a packet of {len(packet)} bytes")
    first, kind, sequence, timestamp, ssrc = struct.unpack_from(">BBHII", packet)
    if first >> 6 != 2 or kind & 0x7F != OPUS:
        raise ValueError(f"a packet that begins with {packet[:2].hex()}")
    size, words = 12 + 4 * (first & 0x0F), 0
    if first & 0x10:
        size, words = size + 4, struct.unpack_from(">H", packet, size + 2)[0]
    plain = unseal(mode, key, packet, size)
    return Packet(sequence, timestamp, ssrc, struct.unpack(">I", packet[-_COUNTER:])[0], plain[4 * words :])


def discovery(packet: bytes, address: str, port: int) -> tuple[int, bytes] | None:
    """Return who asks for its address, and the answer; None if the packet asks for none."""
    if len(packet) != 74 or packet[:4] != b"\x00\x01\x00\x46":
        return None
    ssrc = struct.unpack_from(">I", packet, 4)[0]
    return ssrc, struct.pack(">HHI64sH", 2, 70, ssrc, address.encode(), port)
