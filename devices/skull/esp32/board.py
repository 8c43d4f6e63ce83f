"""The wires of a skull on an ESP32 or ESP32-S3: I2S sound, a servo, a button, a light. MicroPython only."""

import asyncio

import machine
import micropython
import neopixel
import network

BUFFER = 3840  # bytes of sound between the program and the amplifier: 40 ms
DMA = 1024  # samples that the chip's own buffers hold
LIGHTS = {
    "idle": (0, 6, 1),
    "listening": (0, 90, 0),
    "thinking": (60, 35, 0),
    "speaking": (50, 8, 50),
    "trouble": (90, 0, 0),
}
BLINKS = {"thinking": 400, "trouble": 120}  # milliseconds on, and off


@micropython.viper
def _upper(source: ptr32, target: ptr16, count: int, gain: int):  # noqa: F821
    """Take 16 bits of each 32, louder by so many bits; what does not fit is cut off."""
    for at in range(count):
        value = source[at] >> (16 - gain)
        if value > 32767:
            value = 32767
        elif value < -32768:
            value = -32768
        target[at] = value


class Board:
    """What is wired."""

    behind = BUFFER // 2 + DMA  # samples between the one that was given last and the one that is heard

    def __init__(self, settings):
        pins = settings["pins"]
        self.pulse = settings["pulse"]
        self.gain = settings["gain"]
        self.servo = machine.PWM(machine.Pin(pins["servo"]), freq=50)
        self.button = machine.Pin(pins["button"], machine.Pin.IN, machine.Pin.PULL_UP)
        self.light = neopixel.NeoPixel(machine.Pin(pins["light"]), 1)
        self.out = asyncio.StreamWriter(
            machine.I2S(
                0,
                sck=machine.Pin(pins["sound_clock"]),
                ws=machine.Pin(pins["sound_word"]),
                sd=machine.Pin(pins["sound_data"]),
                mode=machine.I2S.TX,
                bits=16,
                format=machine.I2S.MONO,
                rate=48000,
                ibuf=BUFFER,
            )
        )
        self.ear = asyncio.StreamReader(
            machine.I2S(
                1,
                sck=machine.Pin(pins["ear_clock"]),
                ws=machine.Pin(pins["ear_word"]),
                sd=machine.Pin(pins["ear_data"]),
                mode=machine.I2S.RX,
                bits=32,
                format=machine.I2S.MONO,
                rate=16000,
                ibuf=8000,
            )
        )
        self._raw = bytearray(4 * 320)
        self._blinks = False

    async def join(self, wifi):
        """Join the wireless network, and stay until it is there."""
        station = network.WLAN(network.STA_IF)
        station.active(True)
        if not station.isconnected():
            station.connect(wifi[0], wifi[1])
        while not station.isconnected():
            await asyncio.sleep_ms(200)
        station.config(pm=station.PM_NONE)  # else sound comes in lumps, up to 100 ms late

    async def play(self, sound):
        """Play a block; returns when there is room for the next."""
        self.out.out_buf = sound
        await self.out.drain()

    async def hear(self):
        """Return 20 ms of 16 kHz sound."""
        await self.ear.readinto(self._raw)
        heard = bytearray(640)
        _upper(self._raw, heard, 320, self.gain)
        return bytes(heard)

    def turn(self, angle):
        """Turn the servo to an angle in thousandths of a degree."""
        shut, wide = self.pulse
        self.servo.duty_ns(int(shut * 1000000) + int((wide - shut) * 1000) * angle // 180)

    def pressed(self):
        """Whether the button is down."""
        return not self.button.value()

    def show(self, name, now):
        """Show one of the five lights; call it again and again, for those that blink."""
        blink = BLINKS.get(name, 0)
        dark = blink and now // blink % 2
        self.light[0] = (0, 0, 0) if dark else LIGHTS[name]
        self.light.write()
