"""When somebody begins to speak the speaker falls silent at once; if no words come of it, it goes on."""

import asyncio
from collections.abc import Callable
from contextlib import suppress

from marotte.bus import Bus
from marotte.events import Onset, SpeechEnd, Transcript
from marotte.time import Clock
from marotte.voice.speaker import Speaker

_CUT_WITHIN = 0.05
"""Seconds in which the director cuts a turn once words have come."""
_MARGIN = 5.0
"""Seconds over the longest speech after which the news of its end must have been lost."""


class Ducking:
    """Follows the onsets of one floor. The cut itself, on words, is the director's."""

    def __init__(self, speaker: Speaker, bus: Bus, clock: Clock, resume_after: float, longest: float) -> None:
        """``longest``: seconds that one speech lasts at most."""
        self._speaker = speaker
        self._clock = clock
        self.resume_after = resume_after
        """Seconds without words after which the speaker goes on."""
        self._longest = longest
        floor = speaker.floor
        self._heard = bus.subscribe(f"event.onset.{floor}", f"event.speech_end.{floor}", f"event.transcript.{floor}")
        self.listens: Callable[[bool], None] = lambda on: None
        """Told whether somebody speaks, or has and no ear has told yet what."""
        self._speaking = 0
        """So many people speak right now."""
        self._unread = 0
        """So many speeches are over, and no ear has told yet what was said."""
        self._waits_until = 0.0

    async def run(self) -> None:
        """Duck and resume, until cancelled."""
        while True:
            left = max(0.0, self._waits_until - self._clock.now()) if self._waits_until else None
            with suppress(TimeoutError):
                async with asyncio.timeout(left):
                    self._follow((await self._heard.get()).data)
                    self.listens(bool(self._speaking or self._unread))
                    continue
            self._speaker.resume()
            self._speaking, self._unread, self._waits_until = 0, 0, 0.0
            self.listens(False)

    def close(self) -> None:
        """Follow no more."""
        self._heard.close()

    def _follow(self, event: object) -> None:
        match event:
            case Onset():
                self._speaker.pause()
                self._speaking += 1
                self._wait(self._longest + _MARGIN)
            case SpeechEnd():
                self._speaking = max(0, self._speaking - 1)
                self._unread += event.why != "noise"
                if not self._speaking:
                    self._wait(self.resume_after if self._unread else 0.0)
            case Transcript(final=True):
                self._unread = max(0, self._unread - 1)
                if self._speaking:
                    return  # what was said before; what is said now is not over
                if event.text:
                    # Words cut the turn that speaks; where they do not, it goes on. An answer need not wait for that.
                    self._wait(_CUT_WITHIN if self._speaker.speaking else 0.0)
                else:
                    self._wait(self.resume_after if self._unread else 0.0)
            case Transcript() if not self._speaking:
                self._wait(self.resume_after)  # words are on their way: the ear decides
            case _:
                pass

    def _wait(self, seconds: float) -> None:
        """Go on after so many seconds, unless something else is heard until then."""
        self._waits_until = self._clock.now() + seconds
