"""The jaw and its servo: on the sound's own time, still in silence, and the same on a board."""

import json
import math
import os
import random
import subprocess
import sys
from array import array
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marotte.body.jaw import FRAME, Jaw, Servo
from tests.servers.micropython import SKULL, micropython

RATE = 48_000


def tone(seconds: float, loud: float = 0.3) -> bytes:
    """Sound of a voice's pitch; ``loud`` is its amplitude, 1 the most that there is."""
    count = round(seconds * RATE)
    return array("h", (round(32_767 * loud * math.sin(2 * math.pi * 160 * i / RATE)) for i in range(count))).tobytes()


def noise(seconds: float, loud: float) -> bytes:
    rng = random.Random(7)
    return array("h", (round(rng.gauss(0, 32_767 * loud)) for _ in range(round(seconds * RATE)))).tobytes()


def silence(seconds: float) -> bytes:
    return bytes(2 * round(seconds * RATE))


def words(loud: float = 0.3) -> bytes:
    """Six words of 200 ms with 200 ms between them."""
    return (tone(0.2, loud) + silence(0.2)) * 6


# --- the jaw


@given(st.lists(st.integers(1, 5_000), min_size=1, max_size=20))
def test_how_the_sound_is_cut_makes_no_difference(sizes: list[int]) -> None:
    pcm, jaw, found, at = words(), Jaw(), [], 0
    for size in sizes:
        found += jaw.levels(pcm[at : at + size])
        at += size
    found += jaw.levels(pcm[at:])
    assert found == Jaw().levels(pcm)
    assert len(found) == len(pcm) // 2 // FRAME


def test_it_opens_and_shuts_with_each_word() -> None:
    levels = Jaw().levels(words())
    assert len(levels) == 120
    for word in range(6):
        during, after = levels[20 * word : 20 * word + 10], levels[20 * word + 16 : 20 * word + 20]
        assert during[1] > 100
        assert max(during) > 180
        assert after == [0, 0, 0, 0]


def test_it_opens_in_the_very_frame_of_the_onset_and_shuts_within_80_ms() -> None:
    levels = Jaw().levels(silence(0.1) + tone(0.2) + silence(0.2))
    assert levels[:5] == [0] * 5
    assert levels[5] > 60
    assert levels[15] < levels[14]
    assert levels[19:] == [0] * (len(levels) - 19)


@pytest.mark.parametrize("loud", [0.0, 0.0005, 0.003])
def test_it_rests_in_silence_and_in_the_hiss_of_a_voice(loud: float) -> None:
    assert set(Jaw().levels(noise(3, loud))) == {0}
    jaw = Jaw()
    jaw.levels(words(0.5))
    assert set(jaw.levels(silence(0.1) + noise(3, loud))[5:]) == {0}


def test_noise_at_the_gate_does_not_make_it_chatter() -> None:
    levels = Jaw(gate=-48).levels(noise(4, 10 ** (-48 / 20)))
    assert sum((a == 0) != (b == 0) for a, b in pairwise(levels)) <= 2


def test_a_soft_voice_opens_it_as_wide_as_a_loud_one() -> None:
    def width(loud: float) -> int:
        jaw = Jaw()
        jaw.levels(words(loud))
        return max(jaw.levels(words(loud)))

    assert abs(width(0.02) - width(0.7)) < 25
    assert width(0.02) > 170


def test_a_pause_pumps_nothing_up() -> None:
    paused, went_on = Jaw(), Jaw()
    paused.levels(words() + silence(20))
    went_on.levels(words())
    assert paused.levels(words()) == went_on.levels(words())


def test_a_steady_sound_holds_it_still() -> None:
    levels = Jaw().levels(tone(2))
    assert len(set(levels[60:])) <= 2


def test_reset_shuts_it_and_forgets_half_a_frame_but_not_the_voice() -> None:
    jaw = Jaw()
    jaw.levels(words(0.03) + tone(0.05, 0.03))
    jaw.reset()
    assert jaw.levels(silence(0.02)) == [0]
    assert max(jaw.levels(words(0.03))) > 150


def test_the_short_end_of_a_line_has_a_level_too() -> None:
    jaw = Jaw()
    for _ in range(5):
        jaw.level(tone(0.02))
    assert jaw.level(tone(0.007)) > 60
    assert jaw.level(b"") == 0
    assert jaw.level(b"\1") == 0


# --- the servo


def test_a_servo_keeps_its_limits_either_way_round() -> None:
    for closed, opened in ((90, 60), (20, 55)):
        servo = Servo(closed, opened)
        angles = [servo.move(level, 1_000) for level in (0, 255, 0, 128, 255)]
        assert angles[:3] == [closed, opened, closed]
        assert angles[3] == pytest.approx((closed + opened) / 2, abs=0.1)
        assert angles[4] == opened


def test_a_servo_is_asked_for_no_more_than_it_can_turn() -> None:
    servo = Servo(0, 60, speed=300)
    assert [servo.move(255, 20) for _ in range(11)] == [6, 12, 18, 24, 30, 36, 42, 48, 54, 60, 60]
    assert servo.move(0, 100) == 30


def test_a_servo_makes_no_small_moves_but_shuts_wholly() -> None:
    servo = Servo(0, 30, dead=2)
    assert servo.move(120, 1_000) == pytest.approx(14.1, abs=0.1)
    assert len({servo.move(level, 1_000) for level in (124, 116, 130, 110)}) == 1
    assert servo.move(140, 1_000) > 16
    assert servo.move(10, 1_000) < 1.5
    assert servo.move(0, 1_000) == 0


def test_a_servo_begins_before_the_sound() -> None:
    assert Servo(0, 30, latency=0.1).due(48_000) == 52_800


# --- the boards

SCRIPT = """
import json, sys
from skull_motion import Jaw, Servo
def run(pcm, levels):
    results = []
    for stride in (1, 4):
        jaw = Jaw(stride=stride)
        results.append([jaw.level(pcm[at : at + 1920]) for at in range(0, len(pcm), 1920)])
    servo = Servo(90, 55, 300, 2, 70)
    results.append([servo.move(level, 20) for level in levels])
    results.append([servo.due(480000)])
    return results
"""


def ours(pcm: bytes, levels: list[int]) -> list[list[int]]:
    found: list[list[int]] = []
    for stride in (1, 4):
        jaw = Jaw(stride=stride)
        found.append([jaw.level(pcm[at : at + 2 * FRAME]) for at in range(0, len(pcm), 2 * FRAME)])
    servo = Servo(90, 55, speed=300, dead=2, latency=0.07)
    found.append([round(1_000 * servo.move(level, 20)) for level in levels])
    found.append([servo.due(480_000)])
    return found


def speech() -> tuple[bytes, list[int]]:
    rng = random.Random(3)
    bursts = b"".join(noise(0.04, 0.2 * rng.random() ** 3) for _ in range(40))
    pcm = words(0.4) + noise(0.5, 0.002) + words(0.05) + bursts
    return pcm + tone(0.013), [rng.choice((0, 255, rng.randrange(256))) for _ in range(400)]


def test_the_boards_have_the_same_arithmetic() -> None:
    pcm, levels = speech()
    code = f"{SCRIPT}\npcm = sys.stdin.buffer.read()\nprint(json.dumps(run(pcm, {levels})))"
    env = {**os.environ, "PYTHONPATH": str(SKULL)}
    done = subprocess.run([sys.executable, "-c", code], input=pcm, capture_output=True, check=True, env=env)
    assert json.loads(done.stdout) == ours(pcm, levels)


def test_micropython_has_the_same_arithmetic() -> None:
    pcm, levels = speech()
    code = f"{SCRIPT}\nprint(json.dumps(run(bytes.fromhex('{pcm.hex()}'), {levels})))"
    found = json.loads(micropython(code))
    expected = ours(pcm, levels)
    assert found[2:] == expected[2:]
    for theirs, own in zip(found[:2], expected[:2], strict=True):
        assert len(theirs) == len(own)
        assert max(abs(a - b) for a, b in zip(theirs, own, strict=True)) <= 1
