"""What counts against a chat message, and what that comes to for who wrote it.

Evidence is about how somebody behaves, never about what a text claims: a message can only ever bring a verdict on its
own author, whatever stands in it. What one message is judged by is bounded, and costs microseconds.
"""

import re
from collections import OrderedDict, deque
from collections.abc import Iterable, Mapping
from itertools import pairwise
from math import inf
from typing import Literal, TypeVar, cast
from zlib import crc32

import msgspec

from marotte.config_people import Action, People
from marotte.events import ChatMessage, Emote, Viewer
from marotte.mind.moderation import builtin, compiled
from marotte.text.normal import LINK, fold, plain

LISTS = ("en", "es", "fr", "de", "ru")
"""Languages whose spam the program knows."""
MOST_SPARED = 1_000
"""So many viewers at most are let alone because a verdict on them was lifted."""

K = TypeVar("K")
V = TypeVar("V")
Kind = Literal[
    "first", "link", "hidden_link", "phrase", "name", "copies", "repeats", "rate", "capitals", "marks", "word"
]

_READ = 500
"""Characters of a message that are judged."""
_TEXTS, _VIEWERS, _JUDGED, _EACH = 512, 4_096, 4_096, 64
"""So many texts, viewers and judgements are kept in mind, and so many people of one text."""
_RAIDED = 100
"""So many links at most are known to be raided."""
_SKETCH = 4
"""So many of a text's pairs of words stand for it when one that is nearly the same is looked for."""
_FEWEST_LETTERS = 16
"""Shorter texts are no copies: a whole crowd cheers in the same few words."""
_FEWEST_CAPITALS = 10
_REPEATED = 3
_HIDDEN = re.compile(
    r"[a-z0-9-]{3,63}(?:\s+\.\s*|\s*[(\[{]\s*(?:\.|dot)\s*[)\]}]\s*|\s+dot\s+)"
    r"(?:com|org|net|info|biz|gg|ly|xyz|shop|site|online|club|ru)(?![a-z0-9])",
    re.I,
)
_PILED = re.compile("[\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]{3}")
_WORD = re.compile(r"\w+")
_HOST = re.compile(r"(?:https?://)?(?:www\.)?([a-z0-9.-]+)", re.I)

_WHY: Mapping[Kind, str] = {
    "first": "a first message",
    "link": "a link",
    "hidden_link": "a disguised link",
    "phrase": "a phrase of known spam",
    "name": "the name of a service known from spam",
    "copies": "the same text from several people",
    "repeats": "the same text again and again",
    "rate": "too many messages at once",
    "capitals": "capitals",
    "marks": "piled-up marks",
    "word": "a word that this chat does without",
}


class Evidence(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that counts against a message."""

    kind: Kind
    weight: float
    detail: str = ""
    """What it is about: the phrase, the host, how many."""


class Judgement(msgspec.Struct, frozen=True, kw_only=True):
    """What a message comes to."""

    score: float = 0.0
    evidence: tuple[Evidence, ...] = ()
    action: Literal["", "warn", "delete", "timeout", "ban"] = ""
    """What is to be done; "": nothing."""
    seconds: float = 0.0
    exempt: str = ""
    """Why it was not judged at all."""

    @property
    def reason(self) -> str:
        """Why, for whom it concerns: it repeats neither their words nor their name."""
        told = ", ".join(_WHY[found.kind] for found in self.evidence)
        return told[:1].upper() + told[1:]


class _Copies:
    """A text, and who wrote it or nearly the same, and when."""

    __slots__ = ("by", "last", "parts")

    def __init__(self, parts: frozenset[str]) -> None:
        self.parts = parts
        self.last = 0.0
        self.by: OrderedDict[str, list[float]] = OrderedDict()

    def add(self, viewer: str, now: float, window: float) -> tuple[int, int]:
        """Note that somebody wrote it; return how many people did within the window, and how often this one."""
        theirs = [t for t in self.by.pop(viewer, ()) if now - t <= window][-_REPEATED:]
        self.by[viewer] = [*theirs, now]
        self.last = now
        while self.by and (len(self.by) > _EACH or now - next(iter(self.by.values()))[-1] > window):
            self.by.popitem(last=False)
        return len(self.by), len(theirs) + 1


class _Text:
    """What a text holds, whoever writes it."""

    __slots__ = ("evidence", "parts", "sketch", "words")

    def __init__(self, folded: str, evidence: tuple[Evidence, ...], words: tuple[str, ...]) -> None:
        self.evidence, self.words = evidence, words
        self.parts, self.sketch = _sketch(folded)


class Judge:
    """Judges chat messages by what a show counts against them."""

    def __init__(self, settings: People) -> None:
        """Compile what it looks for. Raises ValueError for a phrase without a letter, naming it."""
        self.spared: OrderedDict[str, None] = OrderedDict()
        """Viewers who are let alone: a verdict on them was lifted."""
        self._raids: OrderedDict[str, float] = OrderedDict()
        """Links, and when the last raid came on each."""
        self.use(settings)

    def use(self, settings: People) -> None:
        """Go by other settings from the next message on. Raises ValueError, and then nothing has changed."""
        known = [phrase for name in LISTS for phrase in builtin(f"spam-{name}")] if settings.builtin else []
        phrases = compiled((*known, *settings.phrases), "moderation.people.phrases")
        names = compiled(builtin("spam-names") if settings.builtin else (), "moderation.people")
        self._words = [
            (word, compiled((word,), "moderation.people.words"), seconds) for word, seconds in settings.words.items()
        ]
        self._any_word = compiled(settings.words, "moderation.people.words")
        self._lists: tuple[tuple[Kind, re.Pattern[str] | None, float], ...] = (
            ("phrase", phrases, settings.weights.phrase),
            ("name", names, settings.weights.name),
        )
        self._settings = settings
        self._allowed = frozenset(settings.allow)
        self._exempt = frozenset(settings.exempt)
        self._actions = sorted(settings.actions, key=lambda action: -action.score)
        self._forget_messages()

    def forget(self) -> None:
        """Forget all messages and raids so far."""
        self._raids.clear()
        self._forget_messages()

    def _forget_messages(self) -> None:
        self._copies: OrderedDict[int, _Copies] = OrderedDict()
        self._rates: OrderedDict[str, deque[float]] = OrderedDict()
        self._texts: OrderedDict[str, _Text] = OrderedDict()
        self._judged: OrderedDict[str, Judgement] = OrderedDict()

    def spare(self, viewer: str, spared: bool = True) -> None:
        """Let a viewer alone from now on, or no longer."""
        self.spared.pop(viewer, None)
        if spared:
            remember(self.spared, viewer, None, MOST_SPARED)

    def raided(self, link: str, now: float) -> None:
        """Another stream's viewers arrive on a link: for a while all are new there, and greet in the same words."""
        self._raids.pop(link, None)
        remember(self._raids, link, now, _RAIDED)

    def judge(self, message: ChatMessage, now: float) -> Judgement:
        """Judge a message that was written at a place on the clock; the same message again is judged the same."""
        if (known := self._judged.get(message.id)) is not None:
            return known
        judgement = self._judgement(message, now)
        remember(self._judged, message.id, judgement, _JUDGED)
        return judgement

    def tried(self, text: str, viewer: Viewer, *, first: bool) -> Judgement:
        """Judge a text as if this viewer wrote it, by itself: nothing of it is kept."""
        if why := self.exempted(viewer):
            return Judgement(exempt=why)
        found = self._text(text[:_READ])
        return self._sum([*self._first(first), *found.evidence], found.words)

    def exempted(self, viewer: Viewer | None) -> str:
        """Say why a viewer is not judged, or ""."""
        if viewer is None:
            return "nobody is known to have written it"
        if not self._exempt.isdisjoint(viewer.roles):
            return f"is {'an' if 'operator' in viewer.roles else 'a'} " + next(
                role for role in viewer.roles if role in self._exempt
            )
        if viewer.id in self._allowed or (viewer.known_as and viewer.known_as in self._allowed):
            return "is allowed by the show"
        return "a verdict on them was lifted" if viewer.id in self.spared else ""

    # --- evidence

    def _judgement(self, message: ChatMessage, now: float) -> Judgement:
        if why := self.exempted(message.viewer):
            return Judgement(exempt=why)
        viewer = cast("Viewer", message.viewer).id
        raw = message.text[:_READ]
        if message.emotes:
            raw = _without(raw, message.emotes)
        found = self._texts.get(raw)
        if found is None:
            found = self._text(raw)
            remember(self._texts, raw, found, _TEXTS)
        raid = now - self._raids.get(message.link, -inf) < self._settings.raid_grace
        first = message.first and not raid
        behaved = (*self._rate(viewer, now), *self._same(found, viewer, now, raid=raid))
        if not (found.evidence or behaved or found.words or first):
            return _NOTHING
        return self._sum([*self._first(first), *found.evidence, *behaved], found.words)

    def _sum(self, found: Iterable[Evidence], words: tuple[str, ...]) -> Judgement:
        """Add up, and see what it comes to; a word that costs some seconds costs them at least."""
        evidence = [one for one in found if one.weight > 0]
        score = sum(one.weight for one in evidence)
        action = next((action for action in self._actions if score >= action.score), None)
        seconds = max((self._settings.words[word] for word in words), default=0.0)
        evidence += [Evidence(kind="word", weight=0, detail=word) for word in words]
        if seconds and (action is None or action.action in ("warn", "delete") or 0 < action.seconds < seconds):
            action = Action(score=1, action="timeout", seconds=seconds)
        return Judgement(
            score=score,
            evidence=tuple(evidence),
            action=action.action if action else "",
            seconds=action.seconds if action else 0.0,
        )

    def _first(self, first: bool) -> tuple[Evidence, ...]:
        return (Evidence(kind="first", weight=self._settings.weights.first),) if first else ()

    def _text(self, text: str) -> _Text:
        """Look at a text by itself."""
        weights = self._settings.weights
        folded = fold(text)
        found = [*self._links(text)]
        for kind, pattern, weight in self._lists:
            if pattern is not None and (hit := pattern.search(folded)):
                found.append(Evidence(kind=kind, weight=weight, detail=hit[0][:60]))
        capitals = sum(map(str.isupper, text))
        if capitals >= _FEWEST_CAPITALS and capitals > 0.8 * sum(map(str.isalpha, text)):
            found.append(Evidence(kind="capitals", weight=weights.capitals))
        if not text.isascii() and _PILED.search(text):
            found.append(Evidence(kind="marks", weight=weights.marks))
        words: tuple[str, ...] = ()
        if self._any_word is not None and self._any_word.search(folded):
            words = tuple(word for word, pattern, _ in self._words if pattern is not None and pattern.search(folded))
        return _Text(folded, tuple(found), words)

    def _links(self, text: str) -> Iterable[Evidence]:
        clear = plain(text)
        weights = self._settings.weights
        if "." in clear or "://" in clear:
            for link in LINK.finditer(clear):
                host = _HOST.match(link[0])
                name = host[1].lower().rstrip(".") if host else ""
                if not any(name == own or name.endswith(f".{own}") for own in self._settings.hosts):
                    yield Evidence(kind="link", weight=weights.link, detail=name[:60])
                    return
        if ("." in clear or "dot" in clear.lower()) and (hidden := _HIDDEN.search(clear)):
            yield Evidence(kind="hidden_link", weight=weights.hidden_link, detail=hidden[0][:60])

    def _rate(self, viewer: str, now: float) -> tuple[Evidence, ...]:
        settings = self._settings
        times = self._rates.get(viewer)
        if times is None:
            times = deque[float](maxlen=settings.most + 1)
            remember(self._rates, viewer, times, _VIEWERS)
        else:
            self._rates.move_to_end(viewer)
        times.append(now)
        if len(times) > settings.most and now - times[0] < settings.per:
            detail = f"{len(times)} in {now - times[0]:.0f} s"
            return (Evidence(kind="rate", weight=settings.weights.rate, detail=detail),)
        return ()

    def _same(self, text: _Text, viewer: str, now: float, *, raid: bool) -> Iterable[Evidence]:
        """Yield that others wrote nearly the same, as raiders may, or the same person again and again."""
        if not text.sketch:
            return
        settings = self._settings
        people, times = self._written(text, now).add(viewer, now, settings.window)
        if people >= settings.copies and not raid:
            yield Evidence(kind="copies", weight=settings.weights.copies, detail=f"{people} people")
        if times >= _REPEATED:
            yield Evidence(kind="repeats", weight=settings.weights.repeats, detail=f"{times} times")

    def _written(self, text: _Text, now: float) -> _Copies:
        """Find the text that this one is nearly the same as, else keep it as one of its own."""
        settings, kept = self._settings, self._copies
        met: set[int] = set()
        for part in text.sketch:
            copies = kept.get(part)
            if copies is None or now - copies.last > settings.window:
                continue
            # One number in common is chance, two deserve a look.
            if id(copies) in met or len(text.sketch) < _SKETCH:
                if _alike(copies.parts, text.parts) >= settings.near:
                    return copies
            else:
                met.add(id(copies))
        copies = _Copies(text.parts)
        for part in text.sketch:
            self._copies.pop(part, None)
            remember(self._copies, part, copies, _TEXTS * _SKETCH)
        return copies


_NOTHING = Judgement()


def _without(text: str, emotes: Iterable[Emote]) -> str:
    """Return a text without its emotes: pictures are neither shouted nor copied, whatever their names are."""
    kept, done = list[str](), 0
    for start, end in sorted((emote.start, emote.end) for emote in emotes):
        if done <= start < end:
            kept.append(text[done:start])
            done = end
    return " ".join(" ".join((*kept, text[done:])).split())


def _sketch(folded: str) -> tuple[frozenset[str], tuple[int, ...]]:
    """Return a text's words, and a few numbers most of which one that is nearly the same shares; none where short."""
    words = _WORD.findall(folded)
    letters = "".join(words)
    if len(letters) < _FEWEST_LETTERS:
        return frozenset(), ()
    if len(words) >= 4:
        parts, pairs = frozenset(words), {f"{one} {two}" for one, two in pairwise(words)}
    else:
        parts = pairs = frozenset(letters[n : n + 3] for n in range(len(letters) - 2))
    return parts, tuple(sorted(crc32(part.encode()) for part in pairs)[:_SKETCH])


def _alike(one: frozenset[str], other: frozenset[str]) -> float:
    return 2 * len(one & other) / (len(one) + len(other))


def remember(kept: OrderedDict[K, V], key: K, value: V, most: int) -> None:
    """Keep something under a key, and no more than so many things; the oldest goes."""
    kept[key] = value
    if len(kept) > most:
        kept.popitem(last=False)
