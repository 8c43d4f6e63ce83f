"""A talking skull on a Raspberry Pi: button, light, microphone, loudspeaker, camera and a jaw, joined to Marotte.

    python3 skull.py                 with what is wired: see docs/skull.md
    python3 skull.py --mock          with pins, sound and speech of its own, and no hardware at all

It reads ``skull.json`` beside it, or the file that ``--settings`` names, and keeps there what it was calibrated to.
"""

import argparse
import asyncio
import contextlib
import json
import os
import secrets
import signal
import ssl
import sys
import threading
import time
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parent.parent))  # the shared part, in a checkout

import skull_settings
import websockets
from skull_motion import RATE, Player, Servo
from skull_protocol import Skull

BLOCK = 480
"""Samples that the loudspeaker takes at a time: 10 ms."""
TICK = 0.01
LISTEN = 320
"""Samples of 16 kHz that the microphone gives at a time: 20 ms."""
MORE = {
    "pins": {"servo": 18, "button": 17, "light": [22, 23, 24]},  # BCM numbers; light: red, green, blue, or one alone
    "pulse": [0.5, 2.5],  # milliseconds at 0 and at 180 degrees
    "microphone": "",  # a part of the device's name; "": the usual one
    "loudspeaker": "",
    "camera": ["rpicam-jpeg", "-n", "-t", "200", "--width", "1024", "--height", "768", "-q", "70", "-o", "-"],
}
LIGHTS = {  # red, green, blue; seconds on and off, 0: steady
    "idle": ((0.0, 0.1, 0.02), 0, 0),
    "listening": ((0.0, 1.0, 0.0), 0, 0),
    "thinking": ((0.6, 0.35, 0.0), 0.4, 0.4),
    "speaking": ((0.6, 0.1, 0.6), 0, 0),
    "trouble": ((1.0, 0.0, 0.0), 0.12, 0.12),
}


class Pins:
    """The servo, the button and the light, through gpiozero."""

    def __init__(self, settings, mock, on_button):
        """``on_button`` is called on a thread of gpiozero's with whether the button is down."""
        import gpiozero

        if mock:
            from gpiozero.pins.mock import MockFactory, MockPWMPin

            gpiozero.Device.pin_factory = MockFactory(pin_class=MockPWMPin)
        pins, pulse = settings["pins"], settings["pulse"]
        self.servo = gpiozero.AngularServo(
            pins["servo"],
            initial_angle=settings["jaw"]["closed"],
            min_angle=0,
            max_angle=180,
            min_pulse_width=pulse[0] / 1000,
            max_pulse_width=pulse[1] / 1000,
        )
        self.button = gpiozero.Button(pins["button"], bounce_time=None if mock else 0.02)
        self.button.when_pressed = lambda: on_button(True)
        self.button.when_released = lambda: on_button(False)
        light = pins["light"]
        self.coloured = isinstance(light, list)
        self.light = gpiozero.RGBLED(*light) if self.coloured else gpiozero.PWMLED(light)

    def show(self, name):
        """Show one of the five lights."""
        colour, on, off = LIGHTS[name]
        if on and self.coloured:
            self.light.blink(on, off, on_color=colour)
        elif on:
            self.light.blink(on, off)
        else:
            self.light.value = colour if self.coloured else max(colour) if name != "idle" else 0


class Loudspeaker:
    """Takes sound from the player, block by block, and knows which place is heard."""

    def __init__(self, player, lock):
        self.player, self.lock = player, lock
        self._place, self._at = 0, time.monotonic()

    def fill(self, out, latency):
        """Fill a block that will be heard ``latency`` seconds from now."""
        with self.lock:
            self._place, self._at = self.player.place - latency * RATE, time.monotonic()
            self.player.take(out)

    def place(self):
        """Return the place that is heard now."""
        with self.lock:
            heard = int(self._place + (time.monotonic() - self._at) * RATE)
            return min(heard, self.player.place)


def open_sound(settings, loudspeaker, on_sound):
    """Open the devices; ``on_sound`` gets 16 kHz sound, on a thread of PortAudio's. Returns what to close."""
    import sounddevice

    def play(out, frames, when, status):
        loudspeaker.fill(out, max(0.0, when.outputBufferDacTime - when.currentTime))

    def hear(data, frames, when, status):
        on_sound(bytes(data))

    streams = []
    common = {"channels": 1, "dtype": "int16", "latency": "low"}
    device = settings["loudspeaker"] or None
    streams.append(sounddevice.RawOutputStream(RATE, BLOCK, device, callback=play, **common))
    if "microphone" in settings["can"]:
        device = settings["microphone"] or None
        streams.append(sounddevice.RawInputStream(16000, LISTEN, device, callback=hear, **common))
    for stream in streams:
        stream.start()
    return streams


async def pretend_sound(loudspeaker, on_sound):
    """Play into nothing and hear a hum, at the pace of real devices."""
    out, hum = bytearray(2 * BLOCK), bytes(2 * LISTEN)
    due = time.monotonic()
    while True:
        for _ in range(2):
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            due = max(due, time.monotonic() - 0.02) + BLOCK / RATE  # who was held up has lost time, as a device has
            loudspeaker.fill(out, 0.03)
        on_sound(hum)


class Program:
    """Joins the hardware, the protocol and the network."""

    def __init__(self, file, mock):
        self.file, self.mock = file, mock
        self.settings = skull_settings.load(file, MORE)
        if not self.settings["partner"]:
            self.settings["partner"] = secrets.token_urlsafe(24)
            self.keep("partner")
        jaw = self.settings["jaw"]
        self.servo = Servo(jaw["closed"], jaw["open"], jaw["speed"], jaw["dead"], jaw["latency"])
        self.player, self.lock = Player(), threading.Lock()
        self.skull = Skull(self.settings, self.player, self.servo)
        self.loudspeaker = Loudspeaker(self.player, self.lock)
        self.loop = asyncio.get_running_loop()
        self.pins = Pins(self.settings, mock, self._on_button)
        self.to_send, self.over = asyncio.Event(), asyncio.Event()
        self.taking = None
        self._shown, self._angle = "", None

    def keep(self, key):
        """Write a setting; the file holds a token and a secret, so that only its owner may read it."""
        os.umask(0o077)
        skull_settings.keep(self.file, {key: self.settings[key]}, lambda settings: json.dumps(settings, indent=2))

    def _on_button(self, down):
        self.loop.call_soon_threadsafe(lambda: self.skull.button(down, now()))

    def _on_sound(self, pcm):
        self.loop.call_soon_threadsafe(lambda: self.skull.microphone(pcm, now()))

    async def run(self):
        """Live until cancelled."""
        with contextlib.ExitStack() as stack:
            work = [self.follow(), self.stay_connected()]
            if self.mock:
                work += [pretend_sound(self.loudspeaker, self._on_sound), self.take_orders()]
            else:
                for stream in open_sound(self.settings, self.loudspeaker, self._on_sound):
                    stack.callback(stream.close)
            await asyncio.gather(*work)

    async def follow(self):
        """Move the jaw, show the light and see to what is due, a hundred times a second."""
        before = now()
        while True:
            await asyncio.sleep(TICK)
            moment, place = now(), self.loudspeaker.place()
            with self.lock:
                angle = self.skull.angle(place, moment - before)
                heard = self.player.heard(place)
                self.skull.tick(moment, heard)
                sample = None if self.player.offset is None else place - self.player.offset
            before = moment
            if angle != self._angle:
                self.turn(angle, sample)
            if self.skull.light != self._shown:
                self._shown = self.skull.light
                self.pins.show(self._shown)
                self.trace(light=self._shown)
            self.see_to_the_rest()

    def turn(self, angle, sample=None):
        """Command the servo, in thousandths of a degree, while ``sample`` of the floor is heard."""
        self._angle = angle
        self.pins.servo.angle = angle / 1000
        self.trace(angle=angle / 1000, sample=sample)

    def see_to_the_rest(self):
        """Take a picture, keep settings, tell what there is to tell."""
        if self.skull.said:
            print(self.skull.said, file=sys.stderr, flush=True)
            self.skull.said = None
        if self.skull.changed:
            self.skull.changed = False
            self.keep("jaw")
        if self.skull.wants_picture is not None and self.taking is None:
            self.taking = asyncio.ensure_future(self.take_picture(self.skull.wants_picture))
            self.taking.add_done_callback(lambda task: setattr(self, "taking", None))
        if self.skull.out:
            self.to_send.set()
        if self.skull.give_up:
            self.over.set()

    async def take_picture(self, id):
        """Run the camera's command and send what it writes."""
        try:
            process = await asyncio.create_subprocess_exec(
                *self.settings["camera"], stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL
            )
        except OSError as error:
            self.skull.no_picture(id, "{}: {}".format(self.settings["camera"][0], error.strerror))
            return
        try:
            data, _ = await asyncio.wait_for(process.communicate(), 2.7)
        except asyncio.TimeoutError:
            process.kill()
            await process.wait()
            self.skull.no_picture(id, "the camera takes too long")
            return
        if process.returncode or not data:
            self.skull.no_picture(id, "the camera gives no picture")
        else:
            self.skull.picture(id, data)

    async def stay_connected(self):
        """Connect, and again whenever the connection is lost."""
        while True:
            if not self.skull.may_connect(now()):
                await asyncio.sleep(0.05)
                continue
            try:
                async with websockets.connect(
                    self.settings["url"], ssl=self.tls(), max_size=2**20, ping_interval=None, close_timeout=1
                ) as socket:
                    await self.converse(socket)
            except (OSError, ssl.SSLError, asyncio.TimeoutError, websockets.exceptions.WebSocketException) as error:
                print("no connection to {}: {}".format(self.settings["url"], error), file=sys.stderr, flush=True)
            finally:
                with self.lock:
                    self.skull.closed(now())

    async def converse(self, socket):
        """Send and receive until either side has gone."""
        self.skull.opened(now())
        self.to_send.set()
        self.over.clear()
        work = [asyncio.ensure_future(part) for part in (self.send(socket), self.receive(socket), self.over.wait())]
        try:
            done, _ = await asyncio.wait(work, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in work:
                task.cancel()
            await asyncio.gather(*work, return_exceptions=True)

    async def send(self, socket):
        while True:
            await self.to_send.wait()
            self.to_send.clear()
            while self.skull.out:
                await socket.send(self.skull.out.pop(0))

    async def receive(self, socket):
        async for frame in socket:
            with self.lock:
                (self.skull.text if isinstance(frame, str) else self.skull.binary)(frame, now())

    def tls(self):
        if not self.settings["url"].startswith("wss://"):
            return None
        return ssl.create_default_context(cafile=self.settings["ca"] or None)

    # --- without hardware

    def trace(self, **what):
        if self.mock:
            print(json.dumps(what), flush=True)

    async def take_orders(self):
        """Press the button as whoever started the program wishes: ``press`` and ``release``, a line each."""
        lines = asyncio.StreamReader()
        await self.loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
        while line := (await lines.readline()).strip():
            pin = self.pins.button.pin
            if line == b"press":
                pin.drive_low()
            elif line == b"release":
                pin.drive_high()
        await asyncio.Event().wait()


def now():
    """Return whole milliseconds that only go forward."""
    return time.monotonic_ns() // 1_000_000


async def live(options):
    """Run the program until it is told to stop; the jaw is shut in the end."""
    program = Program(options.settings, options.mock)
    work = asyncio.ensure_future(program.run())
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, work.cancel)
    try:
        with contextlib.suppress(asyncio.CancelledError):
            await work
    finally:
        program.turn(1000 * program.settings["jaw"]["closed"])


def main():
    """Read the command line and live."""
    parser = argparse.ArgumentParser(description="A talking skull.")
    parser.add_argument("--settings", default=str(Path(__file__).with_name("skull.json")), metavar="FILE")
    parser.add_argument("--mock", action="store_true", help="no hardware: type press and release")
    options = parser.parse_args()
    try:
        asyncio.run(live(options))
    except (skull_settings.SettingsError, OSError, ImportError) as error:
        sys.exit(f"skull: {error}")


if __name__ == "__main__":
    main()
