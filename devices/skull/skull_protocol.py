"""A skull's half of the conversation with Marotte, without any hardware: see docs/skull-protocol.md.

Runs on MicroPython and on Python 3.9 and later. Whoever drives it tells it what happens (``opened``, ``text``,
``binary``, ``button``, ``microphone``, ``picture``, ``tick``, ``closed``), each with the time in whole milliseconds,
then sends what is in ``out`` and shows what ``light`` says.
"""

import json

from skull_motion import Jaw

PATIENCE = 1000  # an ack takes no longer
TRIES = 3
PING = 5000
GONE = 15000  # whoever was silent for so long is gone
PICTURE = 2800  # a picture takes no longer: Marotte waits for three seconds
LARGEST = 200000  # bytes of a picture
REPORT = 100
BLINK = 1500  # trouble is shown for so long where it passes
BACKOFF = (500, 1000, 2000, 4000, 8000, 15000)
REFUSED = 60000  # who was refused asks no sooner
MICROPHONE = 6400  # bytes of 200 ms
WAITING = 200  # frames that may wait for a slow network; sound that comes on top is lost


class Skull:
    """One skull: its button, its light, its voice, its eyes."""

    def __init__(self, settings, player, servo):
        """``settings`` are those of skull.json; the player and the servo are driven by whoever drives the sound."""
        self.settings = settings
        self.player = player
        self.servo = servo
        player.delay = servo.due(0)
        self.jaw = Jaw(stride=settings["jaw"]["stride"])
        self.live = settings["jaw"]["mode"] == "live"
        self.out = []
        self.said = None  # a text for whoever stands at a terminal
        self.recording = False
        self.wants_picture = None  # the id of the picture that is to be taken now
        self.changed = False  # the settings have, and are to be kept
        self.held_angle = None  # the angle that calibration holds the jaw at, in thousandths of a degree
        self.give_up = False  # the connection is over: close it
        self._id = 0
        self._failures = 0
        self._not_before = 0
        self._replaced = False
        self._down = False
        self._trouble_until = 0
        self._forget()

    def _forget(self):
        """Begin anew with each connection."""
        self.out = []
        self.welcome = False
        self.give_up = False
        self.recording = False
        self.wants_picture = None
        self.held_angle = None
        self._shown = "idle"
        self._told_down = False
        self._pending = None  # [frame, when it was sent last, how often]
        self._blocked = self._down  # until the button was up once: what it was told is not known here
        self._picture_due = 0
        self._heard_at = self._pinged_at = self._reported_at = 0
        self._heard = None  # the floor's sample that was heard last
        self._owes = False  # a report, at once
        self._line = None

    # --- the connection

    def may_connect(self, now):
        """Whether it is time to try: after a loss, in growing steps; after ``replaced``, once the button is pressed."""
        return now >= self._not_before and not self._replaced

    def opened(self, now):
        """The connection is there: say hello."""
        self._forget()
        self._heard_at = self._pinged_at = now
        hello = {"type": "hello", "version": 1, "window": "skull"}
        for key in ("name", "token", "partner", "language", "can"):
            hello[key] = self.settings[key]
        hello["jaw"] = self._angles()
        self._send(hello)

    def closed(self, now):
        """The connection is lost or could not be made."""
        self.player.clear()
        step = BACKOFF[min(self._failures, len(BACKOFF) - 1)]
        self._failures += 1
        self._not_before = max(self._not_before, now + step)
        self._forget()

    @property
    def light(self):
        """What the light shows: ``idle``, ``listening``, ``thinking``, ``speaking`` or ``trouble``."""
        if not self.welcome or self._trouble_until:
            return "trouble"
        return "listening" if self.recording else self._shown

    # --- what happens here

    def button(self, down, now):
        """The button went down or up."""
        self._down = down
        if down:
            self._replaced = False
        else:
            self._blocked = self.recording = False
        self._follow_button(now)

    def microphone(self, pcm, now):
        """Send 16 kHz sound on, while it is wanted."""
        if self.recording and len(self.out) < WAITING:
            for at in range(0, len(pcm), MICROPHONE):
                self.out.append(b'{"type":"microphone"}\n' + pcm[at : at + MICROPHONE])

    def picture(self, id, data):
        """A picture was taken; one that is too large or too late is not sent."""
        if id != self.wants_picture:
            return
        if len(data) > LARGEST:
            self.no_picture(id, f"the picture has {len(data) // 1000} kB")
            return
        self.wants_picture = None
        self.out.append(json.dumps({"type": "picture", "id": id}).encode() + b"\n" + data)

    def no_picture(self, id, reason):
        """No picture could be taken."""
        if id == self.wants_picture:
            self.wants_picture = None
            self._send({"type": "no_picture", "id": id, "reason": reason})

    def tick(self, now, heard=None):
        """See to what is due: at least every 50 ms. ``heard`` is the floor's sample that was heard last."""
        if self._trouble_until and now >= self._trouble_until:
            self._trouble_until = 0
        if now - self._heard_at >= GONE:
            self.give_up = True
        if not self.welcome:
            return
        if now - self._pinged_at >= PING:
            self._pinged_at = now
            self._send({"type": "ping", "t": now})
        if self.wants_picture is not None and now >= self._picture_due:
            self.no_picture(self.wants_picture, "the camera takes too long")
        self._follow_button(now)
        self._report(now, heard)

    # --- what comes

    def text(self, frame, now):
        """A text frame came."""
        self._heard_at = now
        try:
            frame = json.loads(frame)
            work = getattr(self, "_on_" + frame["type"], None)
            if work is not None:
                work(frame, now)
        except (ValueError, KeyError, TypeError) as error:
            self.said = f"a frame was not understood: {error!r}"

    def binary(self, frame, now):
        """A binary frame came: sound."""
        self._heard_at = now
        try:
            end = frame.find(b"\n")
            header = json.loads(frame[:end])
            if header["type"] == "sound":
                self._put(header, frame[end + 1 :])
        except (ValueError, KeyError, TypeError) as error:
            self.said = f"a frame was not understood: {error!r}"

    def _put(self, header, sound):
        level = None if self.live else header.get("jaw")
        if header["line"] != self._line:
            self._line = header["line"]
            self.jaw.reset()
        if level is None:
            level = self.jaw.level(sound)
        self.player.put(header["turn"], header["sample"], sound, level)

    def angle(self, place, ms):
        """Return the angle to command, in thousandths of a degree, when ``place`` of the player is heard now.

        ``ms`` have passed since the last command.
        """
        if self.held_angle is not None:
            return self.servo.towards(self.held_angle, ms)
        return self.servo.move(self.player.level(self.servo.due(place)), ms)

    def _on_welcome(self, frame, now):
        self.welcome = True
        self._failures = 0
        self._trouble_until = 0

    def _on_light(self, frame, now):
        self._shown = frame["show"]

    def _on_stop(self, frame, now):
        self.player.stop(frame["turn"])
        self._owes = True

    def _on_snapshot(self, frame, now):
        self.wants_picture = frame["id"]
        self._picture_due = now + PICTURE
        if "camera" not in self.settings["can"]:
            self.no_picture(frame["id"], "there is no camera")

    def _on_outcome(self, frame, now):
        self.said = frame["text"]
        if frame["what"] == "failed":
            self._trouble_until = now + BLINK

    def _on_ack(self, frame, now):
        if frame["id"] == 0:  # held too long: let go from there
            self._told_down = self.recording = False
            self._pending = None
            self._blocked = self._down
            return
        if self._pending is None or frame["id"] != self._pending[0]["id"]:
            return  # of a frame that was sent twice
        of, self._pending = self._pending[0]["type"], None
        self._told_down = of == "begin_recording" and frame["go"]
        if of == "begin_recording":
            self._blocked = not frame["go"]
            self.recording = frame["go"] and self._down
            if not frame["go"]:
                self.said = frame.get("why", "not now")
        self._follow_button(now)

    def _on_error(self, frame, now):
        self.said = frame.get("message", "")
        code = frame.get("code")
        if code == "replaced":
            self._on_replaced(frame, now)
        elif not self.welcome:
            self._not_before = now + max(REFUSED, int(1000 * frame.get("retry_after", 0)))
            self.give_up = True

    def _on_replaced(self, frame, now):
        """Another skull has this name now. To come back at once would throw that out in turn."""
        self.said = "another skull has the name {} now; press the button to be it again".format(self.settings["name"])
        self._replaced = self.give_up = True

    # --- calibration (marotte skull calibrate)

    def _on_jaw(self, frame, now):
        angle = frame.get("angle")
        self.held_angle = None if angle is None else round(1000 * max(0, min(180, angle)))

    def _on_settings(self, frame, now):
        jaw = self.settings["jaw"]
        for key in ("closed", "open", "latency"):
            if key in frame["jaw"]:
                jaw[key] = frame["jaw"][key]
        self.servo.set(jaw["closed"], jaw["open"], jaw["latency"])
        self.player.delay = self.servo.due(0)
        self.held_angle = None
        self.changed = self.changed or bool(frame.get("keep"))
        self._send({"type": "settings", "jaw": self._angles()})

    def _angles(self):
        return {key: self.settings["jaw"][key] for key in ("closed", "open", "latency")}

    # --- what goes out

    def _send(self, frame):
        self.out.append(json.dumps(frame))

    def _follow_button(self, now):
        """Let Marotte know whether the button is down: one frame at a time, until it is acknowledged."""
        if not self.welcome:
            return
        if self._pending is not None:
            frame, sent, tries = self._pending
            if now - sent < PATIENCE:
                return
            if tries < TRIES:
                self._pending = [frame, now, tries + 1]
                self._send(frame)
                return
            self._pending = None
            self._told_down = self.recording = False
            self._blocked = self._down
            self._trouble_until = now + BLINK
            self.said = "Marotte does not acknowledge the button"
        wanted = self._down and not self._blocked
        if wanted != self._told_down:
            self._id += 1
            frame = {"type": "begin_recording" if wanted else "stop_recording", "id": self._id}
            self._pending = [frame, now, 1]
            self._send(frame)

    def _report(self, now, heard):
        """Tell what was heard: while sound plays, after a stop, and when nothing is left."""
        news = heard is not None and heard != self._heard
        if news:
            self._heard = heard
            self._owes = self._owes or self.player.idle or now - self._reported_at >= REPORT
        if self._owes and self._heard is not None:
            self._owes = False
            self._reported_at = now
            self._send({"type": "played", "sample": self._heard})
