"""When somebody begins to speak the speaker falls silent at once; if no words come of it, it goes on."""

import asyncio
from contextlib import suppress

from marotte.bus import Bus
from marotte.events import Onset, SpeechEnd, Transcript
from marotte.time import Clock
from marotte.voice.speaker import Speaker

_CUT_WITHIN = 0.05
"""Seconds in which the director cuts a turn once words have come."""


class Ducking:
    """Follows the onsets of one floor. The cut itself, on words, is the director's."""

    def __init__(self, speaker: Speaker, bus: Bus, clock: Clock, resume_after: float) -> None:
        self._speaker = speaker
        self._clock = clock
        self.resume_after = resume_after
        """Seconds without words after which the speaker goes on."""
        floor = speaker.floor
        self._heard = bus.subscribe(f"event.onset.{floor}", f"event.speech_end.{floor}", f"event.transcript.{floor}")
        self._waits_until = 0.0

    async def run(self) -> None:
        """Duck and resume, until cancelled."""
        while True:
            left = self._waits_until - self._clock.now() if self._speaker.paused and self._waits_until else None
            with suppress(TimeoutError):
                async with asyncio.timeout(max(0.0, left) if left is not None else None):
                    self._follow((await self._heard.get()).data)
                    continue
            self._speaker.resume()
            self._waits_until = 0.0

    def close(self) -> None:
        """Follow no more."""
        self._heard.close()

    def _follow(self, event: object) -> None:
        match event:
            case Onset():
                self._speaker.pause()
                self._waits_until = 0.0
            case SpeechEnd(why="noise"):
                self._waits_until = self._clock.now()
            case SpeechEnd():
                self._waits_until = self._clock.now() + self.resume_after
            case Transcript(final=True, text=""):
                self._waits_until = self._clock.now()
            case Transcript(final=True):
                # Words cut the turn that speaks; where they do not, it goes on. An answer need not wait for that.
                self._waits_until = self._clock.now() + (_CUT_WITHIN if self._speaker.speaking else 0.0)
            case Transcript():
                # Words are on their way: the ear decides.
                self._waits_until = self._clock.now() + self.resume_after
            case _:
                pass
