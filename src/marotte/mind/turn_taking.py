"""Turn-taking on one floor: what cuts in, what only says "go on", what is the character's own voice come back."""

import asyncio
import re
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Literal, Protocol

from marotte.bus import Bus
from marotte.events import LineEnded, LineStarted, Onset, SpeechEnd, Stopped, Transcript, Utterance, Viewer
from marotte.ports import Floor
from marotte.text.normal import is_wide, uttered
from marotte.time import Clock

_BACKCHANNELS: dict[str, tuple[str, ...]] = {
    "en": (
        "uh huh", "uhhuh", "mhm", "mm hm", "mm", "mmm", "hm", "hmm", "yeah", "yep", "yes", "right", "okay", "ok",
        "sure", "i see", "oh", "ah", "wow", "really", "go on", "aha", "cool", "nice", "got it", "of course",
    ),
    "es": (
        "vale", "ajá", "aja", "sí", "si", "claro", "ya", "ya veo", "bueno", "ok", "okay", "mhm", "mm", "hm", "ah",
        "oh", "anda", "de acuerdo", "entiendo", "sigue", "exacto", "guau",
    ),
    "fr": (
        "d'accord", "oui", "ouais", "mhm", "mm", "hm", "hum", "ah", "oh", "ok", "okay", "bien sûr", "je vois",
        "voilà", "c'est ça", "exact", "exactement", "ah bon", "tout à fait", "continue", "super",
    ),
    "zh": (
        "嗯", "嗯嗯", "对", "对对", "对对对", "是", "是的", "是啊", "好", "好的", "哦", "啊", "哇", "行", "明白",
        "知道了", "没错", "真的",
    ),
    "ja": (
        "うん", "うんうん", "ううん", "はい", "はいはい", "ええ", "へえ", "へー", "ふーん", "ふうん", "そう",
        "そうそう", "そうですね", "そうなんだ", "そうなんですか", "なるほど", "なるほどね", "ほう", "おお", "あー",
        "ああ", "たしかに", "確かに", "すごい",
    ),
}  # fmt: skip
"""What a listener says to mean "go on"; said while the character speaks, it cuts nothing and wants no answer."""
_ALL = {said for language in _BACKCHANNELS.values() for said in language}
_HUM = re.compile(r"h?m+(h+m+)?")

_WORDS = 2
"""So many words of somebody who still speaks cut in; of languages without spaces so many times two characters."""
_MEMORY = 12
"""So many lines are remembered to know the character's own voice."""
_BEHIND = 16
"""So many speeches may wait for an ear, and so many that it has understood are remembered."""
_MOST_PARTNERS = 64
"""So many people who speak on one floor are told apart."""
_AFTERWARDS = 0.3
"""Seconds after a line in which its echo may still begin: who answers its question takes longer, or is answered."""


class Meant(Protocol):
    """What may cut in: attention."""

    def preempts(self, kind: str) -> bool:
        """Whether percepts of a kind cut whatever is being said."""
        ...


class _Speech:
    """Somebody's speech, or the character's own voice come back."""

    def __init__(self, over: bool, echoes: Iterable[str]) -> None:
        self.over = over
        """It began while the character spoke."""
        self.cut = False
        """The character has given way to it."""
        self.echoes = deque(echoes, maxlen=_MEMORY)
        """What of the character's own it may be."""

    def is_own(self, text: str) -> bool:
        """Whether these are words of the character's own, as a microphone hears them out of its loudspeaker."""
        heard = uttered(text)
        return enough(text) and any(
            f" {heard} " in f" {uttered(said)} " or _within(heard, uttered(said)) for said in self.echoes
        )

    def nods(self, text: str) -> bool:
        """Whether these words only say "go on" to a character that speaks."""
        return self.over and is_backchannel(text)


class _Partner:
    """One of those who speak on a floor."""

    def __init__(self) -> None:
        self.begun: deque[_Speech] = deque(maxlen=_BEHIND)
        """The speeches that no ear has understood yet, in their order: an ear may be behind."""
        self.understood: deque[tuple[str, _Speech]] = deque(maxlen=_BEHIND)
        """What became of the others, newest last."""
        self.cut_at: float | None = None
        """When speech that lasts cuts in, whatever words come of it."""


class TurnTaking:
    """Follows what is said on a floor, by the character and to it, and cuts the character off when somebody means it.

    The speaker ducks by itself at every onset; here it is decided whether that becomes a cut: by words, or by speech
    that lasts. A word that only says "go on", and the character's own words out of its loudspeaker, cut nothing.
    """

    def __init__(self, floor: Floor, attention: Meant, bus: Bus, clock: Clock, cut_after: float) -> None:
        self.expect: Callable[[Utterance | None, bool], None] = lambda utterance, paused: None
        """Told what somebody has perhaps said, and whether they have paused; None: nothing was."""
        self.cut_after = cut_after
        """Seconds of speech that cut in whatever words come of it."""
        self._floor = floor
        self._attention = attention
        self._clock = clock
        # These alone: what happens on the way to the first sound must not wake it.
        kinds = ("onset", "speech_end", "transcript", "line_started", "line_ended", "stopped")
        self._heard = bus.subscribe(*(f"event.{kind}.{floor.name}" for kind in kinds))
        self._sounding: OrderedDict[str, str] = OrderedDict()
        """The words of the lines that sound, by their ids: the next begins a little before the last is over."""
        self._last: tuple[str, float] = ("", -1e9)
        """The words of the line that ended last, and when."""
        self._partners: OrderedDict[str, _Partner] = OrderedDict()
        """Who has spoken, by their ids; whoever has been silent longest is forgotten."""

    async def run(self) -> None:
        """Follow the floor, until cancelled."""
        while True:
            lasting = min((p.cut_at for p in self._partners.values() if p.cut_at is not None), default=None)
            left = None if lasting is None else max(0.0, lasting - self._clock.now())
            with suppress(TimeoutError):
                async with asyncio.timeout(left):
                    self._follow((await self._heard.get()).data)
                    continue
            now = self._clock.now()
            for partner in self._partners.values():
                if partner.cut_at is not None and now >= partner.cut_at:  # else the speech has ended meanwhile
                    self._cut(partner)

    def close(self) -> None:
        """Follow no more."""
        self._heard.close()

    def meant(self, utterance: Utterance) -> Literal["backchannel", "echo"] | None:
        """Say why something that was spoken is no turn of somebody's; None where it is one."""
        for message in self._heard.take():
            self._follow(message.data)  # what led to it, where that has not been followed yet
        if utterance.ear == "typed":
            return None
        understood = reversed(self._partner(utterance.viewer).understood)
        speech = next((speech for text, speech in understood if text == utterance.text), None)
        if speech is None:
            return None
        return "backchannel" if speech.nods(utterance.text) else "echo" if speech.is_own(utterance.text) else None

    def _follow(self, event: object) -> None:
        match event:
            case LineStarted():
                self._sounding[event.line] = event.spoken
                if len(self._sounding) > _MEMORY:
                    self._sounding.popitem(last=False)
                for partner in self._partners.values():
                    for speech in partner.begun:
                        if speech.over:
                            speech.echoes.append(event.spoken)
            case LineEnded():
                if said := self._sounding.pop(event.line, ""):
                    self._last = said, self._clock.now()
            case Stopped(why="interrupted"):
                self._sounding.clear()
            case Onset():
                self._begin(self._partner(event.viewer))
            case SpeechEnd():
                partner = self._partner(event.viewer)
                partner.cut_at = None
                if event.why == "noise":  # no words will come of it
                    if partner.begun:
                        partner.begun.pop()
                    self.expect(None, True)
            case Transcript(final=True):
                partner = self._partner(event.viewer)
                partner.understood.append(
                    (event.text, partner.begun.popleft() if partner.begun else _Speech(False, ()))
                )
                if not event.text:
                    self.expect(None, True)
            case Transcript():
                self._read(event, self._partner(event.viewer))
            case _:
                pass

    def _partner(self, viewer: Viewer | None) -> _Partner:
        key = viewer.id if viewer else ""
        partner = self._partners.setdefault(key, _Partner())
        self._partners.move_to_end(key)
        if len(self._partners) > _MOST_PARTNERS:
            self._partners.popitem(last=False)
        return partner

    def _begin(self, partner: _Partner) -> None:
        """Somebody begins to speak, or the character's own voice comes back."""
        now, (last, ended) = self._clock.now(), self._last
        echoes = [*self._sounding.values(), *([last] if now - ended < _AFTERWARDS else ())]
        partner.begun.append(_Speech(bool(self._sounding), echoes))
        partner.cut_at = now + self.cut_after if self._sounding else None

    def _read(self, heard: Transcript, partner: _Partner) -> None:
        """Read what somebody says while they still say it."""
        speech = partner.begun[0] if partner.begun else _Speech(False, ())
        if speech.nods(heard.text) or speech.is_own(heard.text):
            return
        if speech.over and not speech.cut and self._floor.turn and enough(heard.text):
            self._cut(partner)
        perhaps = Utterance(
            at=heard.at,
            floor=self._floor.name,
            viewer=heard.viewer,
            language=heard.language,
            text=heard.text,
            uncertain=heard.uncertain,
            ear=heard.ear,
        )
        self.expect(perhaps, heard.settled)

    def _cut(self, partner: _Partner) -> None:
        """Somebody means to speak: the character gives way, once."""
        partner.cut_at = None
        for speech in partner.begun:
            speech.cut = True
        if self._attention.preempts("utterance"):
            self._floor.cut("interrupted")


def is_backchannel(text: str) -> bool:
    """Whether a text only says "go on", perhaps more than once: "uh-huh", "yeah, yeah", "うん", "vale", "嗯"."""
    said = uttered(text)
    if not said:
        return True
    if said in _ALL or said.replace(" ", "") in _ALL:
        return True
    return len(said) <= 40 and all(part in _ALL or _HUM.fullmatch(part) for part in said.split())


def enough(text: str) -> bool:
    """Whether there are so many words that somebody means to speak."""
    said = uttered(text)
    return len(said.split()) >= _WORDS or (" " not in said and sum(map(is_wide, said)) >= 2 * _WORDS)


def _within(heard: str, said: str) -> bool:
    """Whether words without spaces between them stand in what was said."""
    return not heard.isascii() and heard.replace(" ", "") in said.replace(" ", "")
