"""What happens in a LIVE means to the character: streaks of gifts are one, what comes twice is told once."""

import re
from collections import OrderedDict
from collections.abc import Callable
from typing import Annotated, Literal, TypeVar

import msgspec

from marotte.events import ChatMessage, Event, Follow, Gift, Subscription, Viewer
from marotte.time import Clock

QUIET = 10.0
"""Seconds after which a streak of gifts is over though nobody has said so."""
_SLACK = 10.0
"""Seconds by which TikTok's clock may differ from ours."""
_TWICE = 60.0
"""Seconds within which TikTok may tell one subscription in two ways: by a banner, and without."""
_KEPT = 5_000
_STREAKS = 1_000
_LONGEST = 1_000
_NAME = 100
_MOST = 1_000_000
T = TypeVar("T")
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}")
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")


Short = Annotated[str, msgspec.Meta(max_length=300)]


class User(msgspec.Struct, frozen=True):
    """Who did it."""

    id: Short = ""
    name: Short = ""


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the program."""

    what: Literal["connected", "chat", "gift", "follow", "subscribe", "like", "end", "alive", "malformed", "ended"]
    message: Short = ""
    """Its number."""
    at: float = 0.0
    user: User = User()
    text: str = ""
    language: Short = ""
    roles: tuple[Literal["operator", "moderator", "subscriber"], ...] = ()
    gift: Short = ""
    count: int = 1
    group: Short = ""
    over: bool = True
    months: int = 1
    kind: Short = ""
    why: str = ""
    status: int = 0
    wait: float = 0.0


class _Streak(msgspec.Struct):
    """Gifts of one kind that somebody gives in a row."""

    first: Told
    count: int
    at: float
    """When the last came, on the clock."""


class Percepts:
    """Turns what is told into what is published."""

    def __init__(self, link: str, publish: Callable[[Event], None], clock: Clock) -> None:
        self.began = clock.wall()
        """What was said before then is not answered, until the last words of before have come: 0 from then on."""
        self.likes = 0
        self._link, self._publish, self._clock = link, publish, clock
        self._seen: OrderedDict[str, None] = OrderedDict()
        self._streaks: OrderedDict[str, _Streak] = OrderedDict()
        self._given: OrderedDict[str, int] = OrderedDict()
        """How many gifts of a streak have been told."""
        self._subscribed: OrderedDict[str, tuple[str, float]] = OrderedDict()
        """How it was told that each of them subscribed, and when on the clock."""

    def take(self, told: Told) -> bool:
        """Publish what is told; returns whether it was new."""
        if told.what == "gift":
            return self._gift(told)
        if not told.message or told.message in self._seen:
            return False
        _keep(self._seen, told.message, None, _KEPT)
        at = self._at(told)
        identity, viewer = f"tiktok/{told.message}", _viewer(told)
        match told.what:
            case "chat":
                text = _plain(told.text, _LONGEST)
                if not text or at < self.began - _SLACK:
                    return False
                language = told.language if _LANGUAGE.fullmatch(told.language) else ""
                self._publish(
                    ChatMessage(
                        at=at,
                        id=identity,
                        viewer=viewer,
                        link=self._link,
                        source=told.message,
                        text=text,
                        language=language,
                    )
                )
            case "follow":
                self._publish(Follow(at=at, id=identity, viewer=viewer, link=self._link))
            case "subscribe":
                kind, before = self._subscribed.pop(told.user.id, (told.kind, 0.0))
                if kind != told.kind and self._clock.now() - before < _TWICE:
                    return False
                if told.user.id:
                    _keep(self._subscribed, told.user.id, (told.kind, self._clock.now()), _KEPT)
                months = min(max(1, told.months), 10_000)
                self._publish(Subscription(at=at, id=identity, viewer=viewer, link=self._link, months=months))
            case "like":
                self.likes += min(max(0, told.count), _MOST)
            case _:
                return False
        return True

    def flush(self, quiet: float) -> None:
        """Tell the streaks that nothing was added to for so many seconds."""
        now = self._clock.now()
        for group, streak in list(self._streaks.items()):
            if now - streak.at >= quiet:
                self._finish(group)

    def _gift(self, told: Told) -> bool:
        """Add to a streak, and tell it where it ends."""
        group = f"{told.user.id}-{told.group}"
        count = min(max(1, told.count), _MOST)
        if count <= self._given.get(group, 0):
            return False
        streak = self._streaks.get(group)
        if streak is None:
            streak = self._streaks[group] = _Streak(told, count, self._clock.now())
        streak.count, streak.at = max(streak.count, count), self._clock.now()
        if told.over:
            self._finish(group)
        elif len(self._streaks) > _STREAKS:
            self._finish(next(iter(self._streaks)))
        return True

    def _finish(self, group: str) -> None:
        """Tell what a streak has come to, less what was told of it before."""
        streak = self._streaks.pop(group)
        before, first = self._given.pop(group, 0), streak.first
        _keep(self._given, group, streak.count, _KEPT)
        if streak.count <= before:
            return
        self._publish(
            Gift(
                at=self._at(first),
                id=f"tiktok/gift/{group}" + (f"/{streak.count}" if before else ""),
                viewer=_viewer(first),
                link=self._link,
                source=first.message,
                what=_plain(first.gift, _NAME) or "gift",
                amount=float(streak.count - before),
            )
        )

    def _at(self, told: Told) -> float:
        now = self._clock.wall()
        return told.at if 0 < told.at < now else now


def _keep(kept: "OrderedDict[str, T]", key: str, value: T, most: int) -> None:
    kept[key] = value
    while len(kept) > most:
        kept.popitem(last=False)


def _viewer(told: Told) -> Viewer | None:
    if not told.user.id:
        return None
    name = _plain(told.user.name, _NAME) or told.user.id[:_NAME]
    return Viewer(id=f"tiktok:{told.user.id[:_NAME]}", name=name, platform="tiktok", roles=told.roles)


def _plain(text: str, longest: int) -> str:
    return (text if text.isprintable() else _CONTROLS.sub(" ", text)).strip()[:longest]
