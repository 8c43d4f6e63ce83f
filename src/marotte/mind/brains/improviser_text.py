"""The improviser's books of lines, one a language, and how a stranger's words are made safe to say back."""

import re
import unicodedata
from collections import deque
from collections.abc import Iterable
from functools import cache
from importlib import resources
from random import Random
from typing import Any

import msgspec

Values = dict[str, str]
"""What a line's slots are filled with."""
Pool = tuple[float, Iterable[str]]
"""Lines that may be said, and how much better they fit than others."""

LANGUAGES = ("en", "es", "fr", "zh", "ja")
LATELY = 20
"""What was among so many lines is not said again."""
LONGEST = 40
"""The longest quotation of somebody's words, in columns: a Chinese or Japanese character takes two."""
_READ = 2_000
"""So many characters of what somebody wrote are looked at for quoting."""

WORTH = {"word": 3, "quote": 3, "reflected": 3, "scene": 2, "fact": 2, "earlier": 2, "months": 3}
"""What it is worth that a line takes up something of this very moment."""
NOISE = 5.0
"""The best line does not always win: a partner who can be foreseen is no partner."""

_FOLDED = {
    code: unicodedata.normalize("NFKD", chr(code))[0].lower() for code in (*range(0x250), *range(0xFF01, 0xFF5F))
} | {ord("’"): "'"}
_SLOT = re.compile(r"\{(\w+)\}")
_TAG = re.compile(r"\[[^\]]*\]\s*")
_CLAUSE = re.compile(r".+?(?:[,.!?;:…、。！？，；：]+[\"”»」』]*\s*|$)", re.DOTALL)
_URL = re.compile(r"\b(?:https?://|www\.)\S+", re.IGNORECASE)
_MARKUP = re.compile(r"<[^<>]*>|\[[^\[\]]*\]")
_STAGE = re.compile(r"[\[\]<>{}|`*\"“”«»「」『』\\]")
_ENDS = re.compile(r"[.!?;:…]+(?=\s|$)")
_WIDE_ENDS = re.compile(r"[。！？；：]+")
_DANGLING = re.compile(r"(?: [^\W\d]{1,4})+$")
_EDGES = " ,-–—、，'’¡¿"


class Topic(msgspec.Struct, frozen=True):
    """A matter to pun about."""

    words: re.Pattern[str]
    puns: tuple[str, ...]
    """``setup | punch``; the bar is a beat of silence."""


class Riddle(msgspec.Struct, frozen=True):
    """A riddle, its answer, and what counts as having guessed it."""

    ask: str
    answer: str
    key: re.Pattern[str]


class Sight(msgspec.Struct, frozen=True):
    """Remarks on something that an eye may see."""

    see: re.Pattern[str]
    lines: tuple[str, ...]


class Book(msgspec.Struct, frozen=True):
    """One language: how to recognise what is meant, and what to say to it."""

    joint: str
    """What stands between two sentences."""
    comma: str
    last: str
    """What stands between names in a list, and before the last one."""
    word: re.Pattern[str]
    """What counts as a word worth taking up; matches nothing where words cannot be told without a dictionary."""
    dull: frozenset[str]
    """Words that are not worth taking up."""
    called: dict[str, str]
    """What a nameless viewer or gift is called; how one names somebody (``each``), and with their gift (``giver``,
    ``giver_unnamed``)."""
    intents: dict[str, re.Pattern[str]]
    """In the order in which they are tried."""
    lines: dict[str, tuple[str, ...]]
    """Kinds that end in ``_unnamed`` are for whoever gave or follows without a name."""
    topics: dict[str, Topic]
    riddles: tuple[Riddle, ...]
    sights: tuple[Sight, ...]
    about_you: re.Pattern[str] | None = None
    """A clause in which somebody speaks about themselves and that ``reflection`` can turn round."""
    reflection: dict[str, str] = {}

    def intent(self, text: str) -> str:
        """Return the first intent that ``text`` shows, or ""."""
        folded = fold(text)
        return next((name for name, pattern in self.intents.items() if pattern.search(folded)), "")

    def topic(self, text: str) -> Topic | None:
        """Return the topic that ``text`` touches first."""
        folded = fold(text)
        found = [(match.start(), topic) for topic in self.topics.values() if (match := topic.words.search(folded))]
        return min(found, key=lambda pair: pair[0])[1] if found else None

    def keyword(self, text: str) -> str:
        """Return the longest word of ``text`` that is worth taking up, or ""."""
        words = [text[m.start() : m.end()] for m in self.word.finditer(fold(text))]
        return max((w for w in reversed(words) if fold(w) not in self.dull), key=len, default="")

    def reflected(self, text: str) -> str:
        """Return what somebody says about themselves as said to them (I am → you are), or ""."""
        clause = self.about_you.search(fold(text)) if self.about_you else None
        if clause is None or columns(clause[0]) > LONGEST:
            return ""
        said = text[clause.start() : clause.end()].strip()
        own = "|".join(re.escape(own) for own in sorted(self.reflection, key=len, reverse=True))
        turned, end = "", 0
        for match in re.finditer(rf"\b(?:{own})\b" if self.joint else own, fold(said)):
            turned += said[end : match.start()] + self.reflection[match[0]]
            end = match.end()
        return turned + said[end:]

    def names(self, names: list[str]) -> str:
        """Return a list of names as one says it."""
        return self.last.join([self.comma.join(names[:-1]), names[-1]]) if len(names) > 1 else "".join(names)


class Teller:
    """Chooses among lines: what fits best, with some chance, and nothing that was said lately."""

    def __init__(self, rng: Random, last: deque[str], said: list[str]) -> None:
        """``last`` are the lines told before and is kept up to date; ``said`` is what was heard of the character."""
        self._rng, self._last = rng, last
        self._said = [bare(text) for text in said[-LATELY:]]

    def pick(self, values: Values, *pools: Pool) -> str:
        """Return the line that scores best, filled; of lines that were all said lately, the one said longest ago."""
        fitting = [(bonus, line) for bonus, lines in pools for line in lines if slots(line) <= values.keys()]
        if fresh := [(bonus, line) for bonus, line in fitting if self.fresh(line, values)]:
            scores = [bonus + sum(WORTH.get(slot, 0) for slot in slots(line)) for bonus, line in fresh]
            noisy = [score + NOISE * self._rng.random() for score in scores]
            line = fresh[noisy.index(max(noisy))][1]
        else:
            said = list(self._last)
            line = min((line for _, line in fitting), key=lambda line: said.index(line) if line in said else -1)
        if line in self._last:
            self._last.remove(line)
        self._last.append(line)
        return fill(play(line, self._rng.choice(("laugh", "wink", "joy"))), values)

    def fresh(self, line: str, values: Values) -> bool:
        """Return whether a line can be filled and was not said lately."""
        if line in self._last or not slots(line) <= values.keys():
            return False
        words = bare(fill(line, values))
        return not any(words in said for said in self._said)


@cache
def book(language: str) -> Book:
    """Load the lines of one of ``LANGUAGES`` when they are first needed."""
    file = resources.files(__package__ or "") / "improviser_lines" / f"{language}.toml"
    return msgspec.toml.decode(file.read_bytes(), type=Book, dec_hook=_pattern)


def _pattern(kind: Any, text: Any) -> re.Pattern[str]:
    return re.compile(text)


def choose(wanted: str, *others: str) -> str:
    """Return the first of the BCP-47 tags whose base language has a book, else English."""
    bases = (tag.split("-")[0].lower() for tag in (wanted, *others))
    return next((base for base in bases if base in LANGUAGES), "en")


def fold(text: str) -> str:
    """Lower the case and drop accents; in text of the form NFC every character keeps its place, so matches fit it."""
    return unicodedata.normalize("NFC", text).translate(_FOLDED)


def quotable(text: str, longest: int = LONGEST) -> str:
    """Return somebody's words as one phrase that is safe to quote: no links, markup, stage directions or controls.

    It is cut after a word that can end a phrase, is at most ``longest`` columns long, and may be empty.
    """
    text = _plain(_MARKUP.sub(" ", _URL.sub(" ", text[:_READ])))
    text = _ENDS.sub(" –", _WIDE_ENDS.sub(" ", text)).strip(_EDGES)[: longest + 1]
    if columns(text) <= longest:
        return text
    while columns(text) > longest:
        text = text.rpartition(" ")[0] or text[:-1]
    return _DANGLING.sub("", text).rstrip(_EDGES)


def columns(text: str) -> int:
    """Return how wide text is: a Chinese or Japanese character takes two columns, any other one."""
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def callable_name(name: str) -> str:
    """Return a viewer's name as it can be called out, or "" where nothing of it can."""
    return _plain(_URL.sub(" ", re.sub(r"<[^<>]*>", "", name)))[:40].strip()


def _plain(text: str) -> str:
    """Drop what is no plain text: controls, invisible marks, piled-up accents, brackets, quotes."""
    text = "".join(" " if unicodedata.category(c)[0] in "CZ" else c for c in unicodedata.normalize("NFC", text))
    return " ".join(_STAGE.sub("", re.sub(r"[\u0300-\u036f]+", "", text)).split())


def slots(line: str) -> set[str]:
    """Return the names of what a line needs to be filled with."""
    return set(_SLOT.findall(line))


def fill(line: str, values: Values) -> str:
    """Fill a line's slots."""
    return _SLOT.sub(lambda slot: values[slot[1]], line)


def play(line: str, feeling: str) -> str:
    """Turn a line's bar, if it has one, into a beat of silence; a punch that is a sentence gets the feeling."""
    setup, bar, punch = (part.strip() for part in line.partition("|"))
    gap = " " if " " in setup else ""
    mood = f"[{feeling}]{gap}" if setup.endswith((".", "!", "?", "。", "！", "？")) else ""
    return f"{setup}{gap}[pause 700ms]{gap}{mood}{punch}" if bar else line


def unstaged(text: str) -> str:
    """Return text without its stage directions."""
    return " ".join(_TAG.sub("", text).split())


def bare(text: str) -> str:
    """Return text without its stage directions, spaces and case, for comparing."""
    return fold("".join(unstaged(text.replace("|", " ")).split()))


def clauses(text: str) -> list[str]:
    """Split a reply where one would breathe; the pieces joined give the text again."""
    return _CLAUSE.findall(text)
