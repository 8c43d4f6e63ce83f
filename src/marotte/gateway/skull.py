"""What is a skull's alone: its jaw, its light, acknowledgements, and what came of a press.

The protocol is told in docs/skull-protocol.md.
"""

import json
from collections import OrderedDict
from collections.abc import Callable
from random import Random
from typing import Any

from marotte.body.jaw import FRAME, MOST, Jaw
from marotte.engines.frames import pack
from marotte.events import Asked, Event, LineStarted, SpeechEnd, Transcript, TurnEnded, TurnStarted
from marotte.gateway.outbox import Outbox
from marotte.gateway.window import Mistake, WindowOutlet, number_of
from marotte.mind.phrases import phrase
from marotte.ports import Rank

SILENT = 15.0
"""Seconds without a frame after which a skull is taken for gone."""
JAW = {"every": FRAME, "most": MOST}
_MOST_ACKS = 64
"""So many frames are known to have been taken, so that one that comes again does nothing."""


class SkullOutlet(WindowOutlet):
    """A skull's loudspeaker: beside each piece of sound how far the jaw is open."""

    def __init__(self, name: str, outbox: Outbox, rank: Rank) -> None:
        super().__init__(name, outbox, rank)
        self._jaw = Jaw()
        self._line = ""

    def play(self, turn: str, line: str, sample: int, pcm: bytes) -> None:
        if line != self._line:
            self._line = line
            self._jaw.reset()
        for at in range(0, len(pcm), 2 * FRAME):
            piece = pcm[at : at + 2 * FRAME]
            place, level = sample + at // 2, self._jaw.level(piece)
            header = {"type": "sound", "turn": turn, "line": line, "sample": place, "jaw": level}
            self._outbox.put(pack(header, piece), turn)

    def stop(self, turn: str, sample: int) -> None:
        super().stop(turn, sample)
        self._jaw.reset()
        self._outbox.put(json.dumps({"type": "stop", "turn": turn, "sample": sample}))


class Skull:
    """Answers a skull's button, and shows it what goes on."""

    def __init__(
        self,
        outbox: Outbox,
        press: Callable[[], None],
        release: Callable[[], None],
        say: Callable[[Event], None],
        language: Callable[[], str],
        light: str = "idle",
    ) -> None:
        """``press`` and ``release`` may raise Mistake; ``say`` publishes what it says instead of an answer.

        ``light`` shows what goes on already.
        """
        self._outbox = outbox
        self._press = press
        self._release = release
        self._say = say
        self._language = language
        self._rng = Random(0)
        self._taken: OrderedDict[int, str] = OrderedDict()
        """The frames that were acknowledged, and what was sent."""
        self._recording = False
        self._pressed = False
        """Something is still to come of the last press."""
        self._light = ""
        self.show(light)

    # --- its button

    def on_begin_recording(self, frame: dict[str, Any]) -> None:
        """The button went down."""

        def begin() -> None:
            self._press()
            self._recording = self._pressed = True
            self.show("listening")

        self._acknowledge(frame, begin)

    def on_stop_recording(self, frame: dict[str, Any]) -> None:
        """The button went up."""

        def stop() -> None:
            if self._recording:
                self._recording = False
                self._release()
                self.show("thinking")

        self._acknowledge(frame, stop)

    def _acknowledge(self, frame: dict[str, Any], work: Callable[[], None]) -> None:
        """Do what a frame asks for, once, and say so each time that it comes."""
        number = int(number_of(frame, "id"))
        if number not in self._taken:
            answer: dict[str, Any] = {"type": "ack", "id": number, "of": frame["type"], "go": True}
            try:
                work()
            except Mistake as mistake:
                answer |= {"go": False, "why": str(mistake)}
            self._taken[number] = json.dumps(answer)
            if len(self._taken) > _MOST_ACKS:
                self._taken.popitem(last=False)
        self._outbox.put(self._taken[number])

    # --- what it shows

    def show(self, light: str) -> None:
        """Let its light tell what goes on."""
        if light != self._light:
            self._light = light
            self._outbox.put(json.dumps({"type": "light", "show": light}))

    def happened(self, event: Event) -> None:
        """Show what has happened on its floor."""
        match event:
            case SpeechEnd(why="too_long") if self._recording:
                self._recording = False
                held = {"type": "ack", "id": 0, "of": "stop_recording", "go": False, "why": "held"}
                self._outbox.put(json.dumps(held))
                self.show("thinking")
            case SpeechEnd(why="noise") if self._pressed and not self._recording:
                self._came_of_it("silence")
            case Transcript(final=True, text="") if self._pressed:
                self._came_of_it("not_understood")
            case TurnStarted():
                self._pressed = False
                self.show("thinking")
            case LineStarted():
                self.show("speaking")
            case TurnEnded(ending=ending):
                if ending.state in ("refused", "failed"):
                    self._tell(ending.state, ending.reason)
                self.show("listening" if self._recording else "idle")
            case _:
                pass

    def _came_of_it(self, what: str) -> None:
        """Nothing came of a press: say so, aloud and in writing."""
        self._pressed = False
        language = self._language()
        text = phrase(f"heard_{what}", language, self._rng)
        self._tell(what, text)
        self.show("idle")
        self._say(Asked(text=text, verbatim=True, language=language))

    def _tell(self, what: str, text: str) -> None:
        self._outbox.put(json.dumps({"type": "outcome", "what": what, "text": text}))
