"""The jaw of a skull, without any hardware: sound to levels, levels to angles, and what sounds when.

Runs on MicroPython and on Python 3.9 and later. The arithmetic is that of ``marotte/body/jaw.py``. Times are whole
milliseconds, angles thousandths of a degree: a board's floating point is too short to count samples in.
"""

import math
from array import array

RATE = 48000
FRAME = 960  # samples of 20 ms, which have one level
BLOCK = 240  # samples that are weighed together
MOST = 255


class Jaw:
    """Turns sound into levels on the board itself, where it is set to ``live`` or no level came with the sound."""

    def __init__(self, attack=8, release=25, gate=-48.0, hysteresis=5.0, dead=6, stride=1):
        self.attack = 1 - math.exp(-5 / attack)
        self.release = 1 - math.exp(-5 / release)
        self.gate = gate
        self.hysteresis = hysteresis
        self.dead = dead
        self.stride = stride
        self.loudness = -20.0
        self.spoken = 0
        self.reset()

    def reset(self):
        """Shut it for a new line; how loud the voice is stays known."""
        self.envelope = 0.0
        self.is_open = False
        self.last = 0

    def level(self, pcm):
        """Return the level, 0 to 255, of one frame of 48 kHz sound, or of the shorter end of a line."""
        samples = array("h", bytes(pcm[: len(pcm) // 2 * 2]))
        opened = 0.0
        blocks = 0
        for at in range(0, len(samples), BLOCK):
            opened += self._follow(samples, at, min(at + BLOCK, len(samples)))
            blocks += 1
        level = round(MOST * opened / blocks) if blocks else 0
        if level == 0 or abs(level - self.last) >= self.dead:
            self.last = level
        return self.last

    def _follow(self, samples, start, end):
        power = 0
        count = 0
        for at in range(start, end, self.stride):
            power += samples[at] * samples[at]
            count += 1
        decibels = 10 * math.log10(power / count / 1073741824) if power else -100.0
        self.is_open = decibels > self.gate - (self.hysteresis if self.is_open else 0.0)
        wanted = 0.0
        if self.is_open:
            self._hear(decibels)
            wanted = min(1.0, max(0.0, 1 + (decibels - self.loudness - 3.0) / 25.0)) ** 1.5
        self.envelope += (wanted - self.envelope) * (self.attack if wanted > self.envelope else self.release)
        if not wanted and self.envelope < 0.04:
            self.envelope = 0.0
        return self.envelope

    def _hear(self, decibels):
        self.spoken += 1
        sinks = 0.0015 if self.spoken > 200 else 0.02
        self.loudness += (decibels - self.loudness) * (0.05 if decibels > self.loudness else sinks)


class Servo:
    """Turns levels into angles that a servo can follow."""

    def __init__(self, closed, open, speed=400, dead=1, latency=80):
        """Angles in degrees, speed in degrees a second, latency in milliseconds."""
        self.speed = round(speed)
        self.dead = round(dead * 1000)
        self.set(closed, open, latency)
        self.angle = self.wanted

    def set(self, closed, open, latency):
        """Take other limits; the jaw goes to the closed one."""
        self.closed = round(closed * 1000)
        self.open = round(open * 1000)
        self.latency = round(latency)
        self.wanted = self.closed

    def due(self, place):
        """Return the place whose level must be commanded while ``place`` is heard."""
        return place + self.latency * RATE // 1000

    def move(self, level, ms):
        """Return the angle to command, in thousandths of a degree, when ``ms`` have passed since the last."""
        wanted = self.closed + ((self.open - self.closed) * level + MOST // 2) // MOST
        if level in (0, MOST) or abs(wanted - self.wanted) >= self.dead:
            self.wanted = wanted
        return self.towards(self.wanted, ms)

    def towards(self, wanted, ms):
        """Turn towards an angle, no faster than the servo turns."""
        self.wanted = wanted
        most = self.speed * ms
        self.angle += max(-most, min(most, wanted - self.angle))
        return self.angle


class Player:
    """The sound that waits for the loudspeaker, on the loudspeaker's own clock, with the jaw's levels beside it.

    A place on that clock is how many samples were taken so far. One thread may ``put`` while another takes, if the
    same lock guards both.
    """

    MOST = 10 * RATE  # samples that may wait

    def __init__(self):
        self.delay = 0  # samples by which a first frame is held back, so that the servo can begin before it
        self.place = 0  # of the next sample that is taken
        self.waiting = []  # [place, sample, sound, turn], in order
        self.track = []  # [place, sample, count, level, turn] of what waits and of what was taken and is not yet heard
        self.offset = None  # place less sample
        self.end = 0  # of what waits
        self.turn = None
        self.lost = 0

    def put(self, turn, sample, sound, level):
        """Add a frame of sound that is due at ``sample``."""
        count = len(sound) // 2
        silent = self.end <= self.place
        if self.end - self.place > self.MOST:
            self.lost += 1
            return
        place = None if self.offset is None else sample + self.offset
        earliest = max(self.place, self.end)
        if place is None or place < earliest or (silent and turn != self.turn):
            place = earliest + (self.delay if silent else 0)
        self.offset = place - sample
        self.turn = turn
        self.end = place + count
        self.waiting.append([place, sample, sound, turn])
        self.track.append([place, sample, count, level, turn])

    def stop(self, turn):
        """Throw away what waits of a turn, and the jaw's way with it."""
        self.waiting = [piece for piece in self.waiting if piece[3] != turn]
        for piece in self.track:
            if piece[4] == turn:
                piece[2] = min(piece[2], max(0, self.place - piece[0]))
        self.track = [piece for piece in self.track if piece[2]]
        self.end = max((piece[0] + piece[2] for piece in self.track), default=self.place)

    def clear(self):
        """Throw away all that waits: the connection is lost."""
        for turn in {piece[3] for piece in self.waiting}:
            self.stop(turn)
        self.offset = None

    def take(self, out):
        """Fill ``out``, a writable buffer of 16-bit sound, and go on by as much; silence where nothing is due."""
        count = len(out) // 2
        out[:] = bytes(2 * count)
        end = self.place + count
        while self.waiting and self.waiting[0][0] < end:
            piece = self.waiting[0]
            begin = piece[0] - self.place
            fits = min(count - begin, len(piece[2]) // 2)
            out[2 * begin : 2 * (begin + fits)] = piece[2][: 2 * fits]
            if 2 * fits < len(piece[2]):
                self.waiting[0] = [piece[0] + fits, piece[1] + fits, piece[2][2 * fits :], piece[3]]
            else:
                self.waiting.pop(0)
        self.place = end

    def level(self, place):
        """Return how far the jaw is open at a place."""
        for piece in self.track:
            if piece[0] <= place < piece[0] + piece[2]:
                return piece[3]
        return 0

    def heard(self, place):
        """Return the floor's sample that was heard last at a place, or None; forget what is past."""
        found = None
        while self.track and self.track[0][0] < place:
            first = self.track[0]
            found = first[1] + min(first[2], place - first[0])
            if first[0] + first[2] > place:
                break
            self.track.pop(0)
        return found

    @property
    def idle(self):
        """Whether nothing waits and nothing sounds."""
        return not self.track
