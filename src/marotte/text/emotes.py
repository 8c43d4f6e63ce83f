"""Emotes: small pictures that a chat writes as words. Found by exact word, told as ``:Kappa:``, never taken for more.

Three shapes of sets are read:
7TV's ``GET /v3/emote-sets/ID``, or a channel's ``GET /v3/users/twitch/ID`` (https://7tv.io/docs);
BTTV's ``GET /3/cached/emotes/global``, or a channel's ``GET /3/cached/users/twitch/ID``
(https://betterttv.com/developers/api);
FrankerFaceZ's ``GET /v1/set/ID``, ``/v1/set/global`` or ``/v1/room/NAME`` (https://api.frankerfacez.com/docs).
"""

import json
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple, cast

from marotte.events import Emote

MOST_NAMES = 20_000
MOST_FOUND = 100
"""In one text."""

_NAME = re.compile(r"[^\s\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]{1,50}")
_WORDLIKE = re.compile(r"[\w&'+-]+")
_ADDRESS = re.compile(r"[!-~]{1,500}")
_BTTV_ID = re.compile(r"[A-Za-z0-9]{1,40}")
MARK = re.compile(r"(?<![\w:]):([A-Za-z][\w&'+-]{0,49}):(?![\w:])")
"""An emote's name as a brain reads and writes it."""
_TOKEN = re.compile(r"\S+")
_BLANKS = re.compile(r" {2,}")
_BEFORE, _AFTER = "([{\"'«“¿¡", ".,;:!?…)]}\"'»”。，！？、"


class SetError(ValueError):
    """A set cannot be read; the message says why in plain words."""


def read_set(data: bytes, where: str = "the set") -> dict[str, str]:
    """Return where the picture of each name in a set is found. Raises SetError."""
    try:
        found: Any = json.loads(data)
    except (ValueError, RecursionError):
        raise SetError(f"{where} is no JSON") from None
    pairs = _pairs(found)
    if pairs is None:
        raise SetError(f"{where} is no set as 7TV, BTTV or FrankerFaceZ give it")
    names: dict[str, str] = {}
    for name, picture in pairs:
        if not (isinstance(name, str) and isinstance(picture, str) and _NAME.fullmatch(name)):
            continue
        picture = f"https:{picture}" if picture.startswith("//") else picture
        if _ADDRESS.fullmatch(picture):
            names.setdefault(name, picture)
        if len(names) == MOST_NAMES:
            break
    return names


def _pairs(found: Any) -> Iterator[tuple[Any, Any]] | None:
    match found:
        case {"emote_set": {"emotes": [*emotes]}} | {"emotes": [*emotes]}:
            return _seventv(emotes)
        case {"channelEmotes": [*own], "sharedEmotes": [*shared]}:
            return _bttv([*own, *shared])
        case {"sets": {**sets}}:
            return _ffz(sets.values())
        case {"set": {"emoticons": [*_]} as one}:
            return _ffz([one])
        case [*emotes]:
            return _bttv(emotes)
        case _:
            return None


def _seventv(emotes: list[Any]) -> Iterator[tuple[Any, Any]]:
    """Read ``{"name", "data": {"host": {"url": "//cdn.7tv.app/emote/ID", "files": [{"name": "2x.webp"}, …]}}}``."""
    for emote in emotes:
        match emote:
            case {"name": name, "data": {"host": {"url": str(base), "files": [*files]}}}:
                given = [file.get("name") for file in files if isinstance(file, dict)]  # pyright: ignore[reportUnknownVariableType, reportUnknownMemberType]
                best = next((file for file in ("2x.webp", "1x.webp", "2x.png", "2x.gif") if file in given), "")
                if best:
                    yield name, f"{base}/{best}"
            case _:
                pass


def _bttv(emotes: list[Any]) -> Iterator[tuple[Any, Any]]:
    """Read ``{"id", "code"}``: a picture lies under its id."""
    for emote in emotes:
        match emote:
            case {"id": str(number), "code": name} if _BTTV_ID.fullmatch(number):
                yield name, f"https://cdn.betterttv.net/emote/{number}/2x"
            case _:
                pass


def _ffz(sets: Iterable[Any]) -> Iterator[tuple[Any, Any]]:
    """Read ``{"emoticons": [{"name", "urls": {"1": …, "2": …}, "animated": {"1": …}}]}``; some have no ``animated``."""
    for one in sets:
        match one:
            case {"emoticons": [*emotes]}:
                for emote in emotes:
                    match emote:
                        case {"name": name, "urls": {**urls}}:
                            moving: Any = emote.get("animated")
                            addresses = cast("dict[str, Any]", moving if moving and isinstance(moving, dict) else urls)
                            yield name, addresses.get("2") or addresses.get("1")
                        case _:
                            pass
            case _:
                pass


# --- in what people write


def found(text: str, pictures: Mapping[str, str]) -> tuple[Emote, ...]:
    """Return the words of a text that are exactly the name of an emote; marks around a word are none of it."""
    emotes: list[Emote] = []
    for token in _TOKEN.finditer(text) if pictures else ():
        word, start = token[0], token.start()
        if word not in pictures:
            bare = word.lstrip(_BEFORE)
            start += len(word) - len(bare)
            word = bare if bare in pictures else bare.rstrip(_AFTER)
        if word in pictures:
            emotes.append(Emote(word, start, start + len(word), pictures[word]))
            if len(emotes) == MOST_FOUND:
                break
    return tuple(emotes)


def marked(text: str, emotes: Iterable[Emote]) -> str:
    """Write each emote of a text as ``:Kappa:``, where its name is a word."""
    return _replaced(text, emotes, lambda name: f":{name}:" if _WORDLIKE.fullmatch(name) else name)


def unmarked(text: str, emotes: Iterable[Emote]) -> str:
    """Leave each emote of a text out."""
    left = _replaced(text, emotes, lambda name: "")
    return text if left == text else _BLANKS.sub(" ", left).strip()


def _replaced(text: str, emotes: Iterable[Emote], written: Callable[[str], str]) -> str:
    built, at = "", 0
    for emote in sorted(emotes, key=lambda each: each.start):
        end = emote.start + len(emote.name)
        if emote.name and at <= emote.start and text[emote.start : end] == emote.name:
            built += text[at : emote.start] + written(emote.name)
            at = end
    return built + text[at:]


# --- in what the character writes


class Spelling(NamedTuple):
    """What of emotes and emoji is heard in a line."""

    names: frozenset[str] = frozenset()
    """Emotes of those who are answered: the character may write them without colons."""
    named: bool = False
    """Whether they are said by their names, and not skipped."""


SKIPPED = Spelling()


def for_the_ear(text: str, spelling: Spelling, instead: str = " ") -> str:
    """Write a line's emotes as they are to be said; ``instead`` stands for one that is not.

    ``:Kappa:`` is always one. Without colons it must be one of ``names``, and look like no plain word: nobody would
    hear "Clap" in "Clap your hands" if it were left out.
    """
    text = MARK.sub(lambda mark: mark[1] if spelling.named and mark[1] in spelling.names else instead, text)
    odd = [name for name in spelling.names if name[1:] != name[1:].lower()]
    if odd and not spelling.named:
        names = "|".join(map(re.escape, sorted(odd, key=len, reverse=True)))
        text = re.sub(rf"(?<!\w)(?:{names})(?!\w)", instead, text)
    return text


def written(text: str, names: Iterable[str]) -> str:
    """Write the emotes of a line as a chat writes them: ``:Kappa:`` as ``Kappa``."""
    known = frozenset(names)
    return MARK.sub(lambda mark: mark[1] if mark[1] in known else mark[0], text) if known else text


def emoji_names(emoji: str) -> str:
    """Return what a run of emoji is called in English, each once: "party popper, red heart"."""
    names = dict.fromkeys(
        unicodedata.name(char, "").lower()
        for char in emoji
        if unicodedata.category(char) == "So" and ord(char) > 0x2300
    )
    return ", ".join(filter(None, list(names)[:5]))
