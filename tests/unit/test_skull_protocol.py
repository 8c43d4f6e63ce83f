"""A skull's half of the protocol, on simulated time: on this Python, and the same on MicroPython."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.servers.micropython import SKULL, micropython

RIG = '''
import json
from skull_motion import FRAME, RATE, Player, Servo
from skull_protocol import Skull
import skull_settings

class Life:
    """A skull whose loudspeaker and clock are moved by hand, 20 ms a step; what it sends is in ``sent``."""

    def __init__(self, behind=960, **jaw):
        self.settings = skull_settings.load("/nowhere.json", {"name": "x", "partner": "p" * 16})
        self.settings["jaw"].update(jaw)
        jaw = self.settings["jaw"]
        self.player = Player()
        servo = Servo(jaw["closed"], jaw["open"], jaw["speed"], jaw["dead"], jaw["latency"])
        self.skull = Skull(self.settings, self.player, servo)
        self.behind, self.now, self.sent, self.angles, self.heard = behind, 0, [], [], bytearray()
        self.block = bytearray(2 * FRAME)

    def join(self):
        self.skull.opened(self.now)
        self.say(type="welcome")
        self.drain()
        return self

    def say(self, **frame):
        self.skull.text(json.dumps(frame), self.now)
        self.drain()

    def sound(self, sample, level=0, loud=0, turn="t", line="l", count=FRAME):
        header = {"type": "sound", "turn": turn, "line": line, "sample": sample}
        if level is not None:
            header["jaw"] = level
        pcm = loud.to_bytes(2, "little") * count
        self.skull.binary(json.dumps(header).encode() + b"\\n" + pcm, self.now)

    def drain(self):
        for frame in self.skull.out:
            self.sent.append(json.loads(frame) if isinstance(frame, str) else frame)
        self.skull.out.clear()

    def step(self, times=1):
        for _ in range(times):
            self.player.take(self.block)
            if len(self.heard) < 300_000:
                self.heard.extend(self.block)
            place = self.player.place - self.behind
            self.angles.append((place, self.skull.angle(place, 20)))
            self.skull.tick(self.now, self.player.heard(place))
            self.drain()
            self.now += 20

    def of(self, kind):
        return [f for f in self.sent if isinstance(f, dict) and f["type"] == kind]
'''

LIVES = {
    "the jaw opens as the sound does, whatever the network does to it": """
for behind, latency in ((480, 0), (960, 80), (2944, 50), (2944, 120)):
    life = Life(behind, latency=latency, speed=2000).join()
    life.step(3)
    pattern = ([0] * 6 + [255] * 6) * 5
    ready = 0
    for index, level in enumerate(pattern):
        while index > ready + 12:
            life.step(); ready += 1
        life.sound(480000 + FRAME * index, level, 9 if level else 0)
    life.step(80)
    samples = [life.heard[at] for at in range(0, len(life.heard), 2)]
    sounds = [at for at in range(1, len(samples)) if samples[at] and not samples[at - 1]]
    moves = zip(life.angles, life.angles[1:])
    moved = [at + latency * 48 for (_, before), (at, angle) in moves if before == 90000 > angle]
    assert len(sounds) == len(moved) == 5, (sounds, moved)
    errors = [(jaw - sound) / 48 for jaw, sound in zip(moved, sounds)]
    assert max(map(abs, errors)) <= 20, errors
    gaps = [b - a for a, b in zip(sounds, sounds[1:])]
    assert gaps == [12 * FRAME] * 4, gaps
""",
    "sound comes out whole, with the gaps that its samples say": """
life = Life(latency=80).join()
life.step(2)
for index in range(10):
    life.sound(FRAME * index, 100, 5)
life.sound(FRAME * 15, 100, 6, line="m", count=300)
life.step(40)
said = [life.heard[at] for at in range(0, len(life.heard), 2)]
begin = said.index(5)
assert begin == 2 * FRAME + 80 * 48, begin
assert said[begin : begin + 10 * FRAME] == [5] * 10 * FRAME
assert said[begin + 10 * FRAME : begin + 15 * FRAME] == [0] * 5 * FRAME
assert said[begin + 15 * FRAME : begin + 15 * FRAME + 301] == [6] * 300 + [0]
assert [f["sample"] for f in life.of("played")][-1] == 15 * FRAME + 300
""",
    "reports come every 100 ms, at once after a stop, and in the end": """
life = Life(latency=0).join()
for index in range(12):
    life.sound(FRAME * index, 100, 5)
life.step(8)
before = [f["sample"] for f in life.of("played")]
assert before and all(b - a >= 4800 for a, b in zip(before, before[1:])), before
life.say(type="stop", turn="t", sample=FRAME * 8)
life.step()
assert len(life.of("played")) == len(before) + 1
life.step(5)
assert life.angles[-1][1] == 90000
assert life.player.idle
assert life.of("played")[-1]["sample"] <= FRAME * 8
assert max(life.heard[-2 * FRAME * 5 :]) == 0
""",
    "15 seconds of silence end the connection, pings keep it": """
life = Life().join()
for _ in range(8):
    life.step(250)
    life.say(type="pong", t=0, sample=0)
assert not life.skull.give_up
assert len(life.of("ping")) in (7, 8)
life.step(751)
assert life.skull.give_up
""",
    "it comes back in growing steps, and at once again after a welcome": """
life = Life()
waits = []
for _ in range(8):
    life.skull.closed(life.now)
    began = life.now
    while not life.skull.may_connect(life.now):
        life.step()
    waits.append(life.now - began)
assert waits == [500, 1000, 2000, 4000, 8000, 15000, 15000, 15000], waits
assert life.skull.light == "trouble"
life.join()
assert life.skull.light == "idle"
life.skull.closed(life.now)
life.step(25)
assert life.skull.may_connect(life.now)
""",
    "a refusal is told and not insisted on": """
life = Life()
life.skull.opened(life.now)
life.say(type="error", code="full", message="all floors are taken", retry_after=90)
assert life.skull.give_up and life.skull.said == "all floors are taken"
life.skull.closed(life.now)
life.step(89 * 50)
assert not life.skull.may_connect(life.now)
life.step(51)
assert life.skull.may_connect(life.now)
""",
    "a tap shorter than the ack's way is begun and ended": """
life = Life().join()
life.skull.button(True, life.now)
life.skull.button(False, life.now)
life.step()
life.say(type="ack", id=1, of="begin_recording", go=True)
assert not life.skull.recording
told = [(f["type"], f["id"]) for f in life.sent if "recording" in f["type"]]
assert told == [("begin_recording", 1), ("stop_recording", 2)]
life.say(type="ack", id=1, of="begin_recording", go=True)
life.say(type="ack", id=2, of="stop_recording", go=True)
life.step(60)
assert len([f for f in life.sent if "recording" in f["type"]]) == 2
""",
    "a button held while the connection was lost is not pressed for Marotte": """
life = Life().join()
life.skull.button(True, life.now)
life.say(type="ack", id=1, of="begin_recording", go=True)
assert life.skull.recording and life.skull.light == "listening"
life.skull.closed(life.now)
assert not life.skull.recording and life.skull.light == "trouble"
life.sent.clear()
life.join()
life.step(5)
assert not life.of("begin_recording")
life.skull.button(False, life.now)
life.skull.button(True, life.now)
life.drain()
assert [f["id"] for f in life.of("begin_recording")] == [2]
""",
    "speech goes out in pieces of 200 ms at most, while it is wanted, and piles up nowhere": """
life = Life().join()
life.skull.microphone(bytes(640), life.now)
life.skull.button(True, life.now)
life.say(type="ack", id=1, of="begin_recording", go=True)
life.sent.clear()
life.skull.microphone(bytes(16000), life.now)
life.drain()
assert [len(f) - len(b'{"type":"microphone"}') - 1 for f in life.sent] == [6400, 6400, 3200]
for _ in range(500):
    life.skull.microphone(bytes(640), life.now)
assert len(life.skull.out) <= 200
""",
    "pictures: taken, too large, too late, not asked for, refused": """
life = Life().join()
life.say(type="snapshot", id=3)
assert life.skull.wants_picture == 3
life.skull.picture(3, b"JPEG")
life.drain()
header, _, picture = life.sent[-1].partition(b"\\n")
assert json.loads(header) == {"type": "picture", "id": 3} and picture == b"JPEG"
life.say(type="snapshot", id=4)
life.skull.picture(4, bytes(200001))
life.drain()
assert life.sent[-1] == {"type": "no_picture", "id": 4, "reason": "the picture has 200 kB"}
life.say(type="snapshot", id=5)
life.step(141)
assert life.of("no_picture")[-1] == {"type": "no_picture", "id": 5, "reason": "the camera takes too long"}
count = len(life.sent)
life.skull.picture(5, b"JPEG")
life.drain()
assert len(life.sent) == count
life.say(type="error", code="mistake", message="picture 3: is no picture")
assert life.skull.said == "picture 3: is no picture" and not life.skull.give_up
life.settings["can"] = ["button"]
life.say(type="snapshot", id=6)
assert life.of("no_picture")[-1]["reason"] == "there is no camera"
""",
    "outcomes are told, and a failure shows": """
life = Life().join()
life.say(type="outcome", what="not_understood", text="I did not catch that.")
assert life.skull.said == "I did not catch that." and life.skull.light == "idle"
life.say(type="outcome", what="failed", text="Something broke.")
assert life.skull.light == "trouble"
life.step(80)
assert life.skull.light == "idle"
""",
    "what cannot be understood is passed over": """
life = Life().join()
for frame in ("", "[]", "7", "{", '{"type": 7}', '{"type": "stop"}', '{"type": "news", "x": 1}', '{"type":"ack"}'):
    life.skull.text(frame, life.now)
for frame in (b"", b"x", b"{}\\n", b'{"type":"sound"}\\nxx', b'{"type":"film"}\\nxx', b"[]\\n"):
    life.skull.binary(frame, life.now)
life.step(3)
assert life.skull.light == "idle" and life.player.idle and not life.skull.give_up
""",
    "without a level the sound itself moves the jaw": """
for mode in ("track", "live"):
    life = Life(latency=0, mode=mode, speed=2000).join()
    for index in range(12):
        life.sound(FRAME * index, None if mode == "track" else 0, 8000)
    life.step(6)
    assert min(angle for _, angle in life.angles) < 80000
    life.step(20)
    assert life.angles[-1][1] == 90000
""",
    "sound that nobody plays piles up nowhere": """
life = Life().join()
for index in range(900):
    life.sound(FRAME * index, 9, 9)
assert life.player.lost > 0
assert len(life.player.waiting) <= 502
""",
}


def on_python(program: str) -> None:
    done = subprocess.run([sys.executable, "-c", program], cwd=SKULL, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("life", LIVES, ids=[name.split(",")[0] for name in LIVES])
def test_on_python(life: str) -> None:
    on_python(RIG + LIVES[life])


def test_all_of_it_on_micropython() -> None:
    lives = "".join(f"\ndef life_{at}():\n" + _indented(code) for at, code in enumerate(LIVES.values()))
    calls = "".join(f"life_{at}()\nprint({at})\n" for at in range(len(LIVES)))
    assert micropython(f"{RIG}{lives}\n{calls}").split() == [str(at) for at in range(len(LIVES))]


def _indented(code: str) -> str:
    return "".join(f"    {line}\n" for line in code.strip().splitlines())


# --- settings

SETTINGS = """
import json, sys, skull_settings
def refused(text):
    with open("s.json", "w") as handle:
        handle.write(text)
    try:
        skull_settings.load("s.json")
    except skull_settings.SettingsError as error:
        return str(error)
    return ""
assert "is no JSON" in refused("{")
assert refused("[]") == "s.json: must be a JSON object"
assert "there is no key naem; there are ca, can" in refused('{"naem": "x"}')
assert refused('{"jaw": {"open": 200}}') == "s.json: jaw.open: must be degrees from 0 to 180"
assert refused('{"jaw": {"closed": "90"}}') == "s.json: jaw.closed: must be degrees from 0 to 180"
assert refused('{"jaw": {"latency": 300}}') == "s.json: jaw.latency: must be from 0 to 240"
assert "track" in refused('{"jaw": {"mode": "loud"}}')
assert "ws://" in refused('{"url": "http://x"}')
assert refused('{"jaw": {"open": 30}, "name": "y"}') == ""
assert skull_settings.load("s.json")["jaw"]["open"] == 30
assert skull_settings.load("s.json")["jaw"]["closed"] == 90
skull_settings.keep("s.json", {"jaw": {"latency": 70}})
assert json.load(open("s.json")) == {"jaw": {"open": 30, "latency": 70}, "name": "y"}
print("well")
"""


def test_settings(tmp_path: Path) -> None:
    command = [sys.executable, "-c", SETTINGS]
    done = subprocess.run(command, cwd=tmp_path, env={"PYTHONPATH": str(SKULL)}, capture_output=True, text=True)
    assert done.stdout == "well\n", done.stderr
    assert micropython(SETTINGS) == "well\n"
