"""The client's half of a WebSocket (RFC 6455) on a pair of streams. Runs on MicroPython and on Python."""

import binascii
import hashlib
import os
import struct

LARGEST = 65536
_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_TEXT, _BINARY, _CLOSE, _PING, _PONG = 1, 2, 8, 9, 10


class Closed(OSError):
    """The connection is over."""


def parts(url):
    """Return whether a URL is secret, its host, its port and its path."""
    scheme, _, rest = url.partition("://")
    host, slash, path = rest.partition("/")
    name, _, port = host.partition(":")
    return scheme == "wss", name, int(port) if port else 443 if scheme == "wss" else 80, slash + path or "/"


class WebSocket:
    """One connection, after its handshake."""

    def __init__(self, reader, writer):
        self.reader = reader
        self.writer = writer

    async def shake_hands(self, host, path):
        """Ask for the WebSocket. Raises Closed where there is none."""
        key = binascii.b2a_base64(os.urandom(16)).strip()
        lines = (
            b"GET " + path.encode() + b" HTTP/1.1",
            b"Host: " + host.encode(),
            b"Upgrade: websocket",
            b"Connection: Upgrade",
            b"Sec-WebSocket-Key: " + key,
            b"Sec-WebSocket-Version: 13",
            b"",
            b"",
        )
        self.writer.write(b"\r\n".join(lines))
        await self.writer.drain()
        status = await self.reader.readline()
        accepted = b""
        while True:
            line = (await self.reader.readline()).strip()
            if not line:
                break
            name, _, value = line.partition(b":")
            if name.lower() == b"sec-websocket-accept":
                accepted = value.strip()
        expected = binascii.b2a_base64(hashlib.sha1(key + _GUID).digest()).strip()  # noqa: S324 - the RFC has it
        if b" 101 " not in status or accepted != expected:
            raise Closed("there is no WebSocket: " + status.decode().strip())

    async def send(self, data):
        """Send text or bytes as one frame."""
        if isinstance(data, str):
            await self._send(_TEXT, data.encode())
        else:
            await self._send(_BINARY, data)

    async def receive(self):
        """Return the next text or bytes. Raises Closed at the end."""
        whole, kind = b"", 0
        while True:
            try:
                first, second = await self.reader.readexactly(2)
                size = second & 127
                if size > 125:
                    more = await self.reader.readexactly(2 if size == 126 else 8)
                    size = struct.unpack(">H" if size == 126 else ">Q", more)[0]
                if len(whole) + size > LARGEST or second & 128:
                    raise Closed("a frame is too large or masked")
                payload = await self.reader.readexactly(size) if size else b""
            except EOFError:
                raise Closed("the connection is lost") from None
            code = first & 15
            if code == _CLOSE:
                await self._send(_CLOSE, payload[:2])
                code = struct.unpack(">H", payload[:2])[0] if len(payload) > 1 else 1005
                raise Closed(f"closed with {code}")
            if code == _PING:
                await self._send(_PONG, payload)
            elif code in (0, _TEXT, _BINARY):
                kind = code or kind
                whole += payload
                if first & 128:
                    return whole.decode() if kind == _TEXT else whole

    async def _send(self, code, payload):
        size = len(payload)
        head = bytes((128 | code, 128 | size)) if size < 126 else struct.pack(">BBH", 128 | code, 254, size)
        # A mask of zeros leaves the payload as it is. It is there to keep pages in browsers from forging requests to
        # proxies, which no page does here; to mask 50 frames a second byte by byte would take a board's whole time.
        self.writer.write(head + b"\0\0\0\0" + payload)
        await self.writer.drain()
