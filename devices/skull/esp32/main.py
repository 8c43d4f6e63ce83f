"""A talking skull on an ESP32 or ESP32-S3 with MicroPython 1.24 or later, joined to Marotte.

Copy it to the board with ``board.py``, ``websocket.py``, the three ``skull_*.py`` and your ``skull.json``: see
docs/skull.md. What can be wired differently is in ``board.py``; what is said, in ``skull_protocol.py``.
"""

import asyncio
import gc
import os
import time

import skull_settings
import websocket
from board import Board
from skull_motion import FRAME, RATE, Player, Servo
from skull_protocol import Skull

FILE = "skull.json"
TICK = 20  # milliseconds; a servo takes no more commands than that
DEBOUNCE = 30
MORE = {
    "can": ["button", "microphone", "loudspeaker", "light", "jaw"],
    "wifi": ["", ""],  # name and password
    "pins": {
        "servo": 13,
        "button": 14,
        "light": 48,
        "sound_clock": 5,
        "sound_word": 6,
        "sound_data": 7,
        "ear_clock": 15,
        "ear_word": 16,
        "ear_data": 17,
    },
    "pulse": [0.5, 2.5],  # milliseconds at 0 and at 180 degrees
    "gain": 3,  # bits by which the microphone is made louder
}


class Program:
    """Joins the board, the protocol and the network; all on one thread."""

    def __init__(self, file=FILE):
        self.file = file
        self.settings = skull_settings.load(file, MORE)
        if not self.settings["partner"]:
            self.settings["partner"] = "".join(f"{byte:02x}" for byte in os.urandom(16))
            skull_settings.keep(file, {"partner": self.settings["partner"]})
        jaw = self.settings["jaw"]
        self.servo = Servo(jaw["closed"], jaw["open"], jaw["speed"], jaw["dead"], jaw["latency"])
        self.player = Player()
        self.skull = Skull(self.settings, self.player, self.servo)
        self.board = Board(self.settings)
        self.to_send = asyncio.Event()
        self.over = asyncio.Event()
        self._taken_at = 0
        self._clock = [time.ticks_ms(), 0]

    def now(self):
        """Return milliseconds that only go forward; the board's own count begins anew every few days."""
        last, total = self._clock
        ticks = time.ticks_ms()
        self._clock = [ticks, total + time.ticks_diff(ticks, last)]
        return self._clock[1]

    async def run(self):
        """Live for ever."""
        await asyncio.gather(self.play(), self.listen(), self.follow(), self.stay_connected())

    async def play(self):
        """Feed the amplifier without a gap: silence too is sound."""
        block = bytearray(2 * FRAME)
        while True:
            self.player.take(block)
            self._taken_at = self.now()
            await self.board.play(block)

    async def listen(self):
        """Hand on what the microphone hears."""
        while True:
            heard = await self.board.hear()
            self.skull.microphone(heard, self.now())

    def place(self):
        """Return the place that is heard now."""
        since = min(20, self.now() - self._taken_at)
        return self.player.place - FRAME - self.board.behind + since * RATE // 1000

    async def follow(self):
        """Move the jaw, show the light, watch the button and see to what is due, fifty times a second."""
        before, angle, down, since = self.now(), None, False, 0
        while True:
            await asyncio.sleep(TICK / 1000)
            now, place = self.now(), self.place()
            pressed = self.board.pressed()
            since = now if pressed == down else since
            if now - since >= DEBOUNCE:
                down, since = pressed, now
                self.skull.button(down, now)
            wanted = self.skull.angle(place, now - before)
            before = now
            if wanted != angle:
                angle = wanted
                self.board.turn(angle)
            self.skull.tick(now, self.player.heard(place))
            self.board.show(self.skull.light, now)
            self.see_to_the_rest()

    def see_to_the_rest(self):
        """Tell what there is to tell, keep settings, tidy up where it is quiet."""
        if self.skull.said:
            print(self.skull.said)
            self.skull.said = None
        if self.skull.changed:
            self.skull.changed = False
            skull_settings.keep(self.file, {"jaw": self.settings["jaw"]})
        if self.skull.out:
            self.to_send.set()
        elif self.player.idle:
            gc.collect()
        if self.skull.give_up:
            self.over.set()

    async def stay_connected(self):
        """Connect, and again whenever the connection is lost."""
        while True:
            if not self.skull.may_connect(self.now()):
                await asyncio.sleep(0.05)
                continue
            try:
                await self.connect()
            except (OSError, ValueError, asyncio.TimeoutError) as error:
                print("no connection to {}: {!r}".format(self.settings["url"], error))
            self.skull.closed(self.now())

    async def connect(self):
        """Open the connection, and converse until either side has gone."""
        await self.board.join(self.settings["wifi"])
        secret, host, port, path = websocket.parts(self.settings["url"])
        reader, writer = await asyncio.wait_for(
            asyncio.open_connection(host, port, ssl=self.tls() if secret else None), 10
        )
        try:
            socket = websocket.WebSocket(reader, writer)
            await asyncio.wait_for(socket.shake_hands(f"{host}:{port}", path), 10)
            self.skull.opened(self.now())
            self.to_send.set()
            self.over.clear()
            parts = [asyncio.create_task(part) for part in (self.send(socket), self.receive(socket))]
            try:
                await self.over.wait()
            finally:
                for part in parts:
                    part.cancel()
        finally:
            writer.close()
            await writer.wait_closed()

    def tls(self):
        import ssl

        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.verify_mode = ssl.CERT_REQUIRED
        with open(self.settings["ca"], "rb") as handle:
            context.load_verify_locations(cadata=handle.read())
        return context

    async def send(self, socket):
        try:
            while True:
                await self.to_send.wait()
                self.to_send.clear()
                while self.skull.out:
                    await socket.send(self.skull.out.pop(0))
        except OSError as error:
            print(f"the connection is lost: {error}")
            self.over.set()

    async def receive(self, socket):
        try:
            while True:
                frame = await socket.receive()
                (self.skull.text if isinstance(frame, str) else self.skull.binary)(frame, self.now())
        except OSError as error:
            print(f"the connection is lost: {error}")
            self.over.set()


if __name__ == "__main__":
    asyncio.run(Program().run())
