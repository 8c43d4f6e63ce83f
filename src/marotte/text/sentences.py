"""Words that stream in, cut into sentences as soon as they are certain to be whole."""

import re
import unicodedata
from functools import lru_cache
from typing import Literal, NamedTuple

from marotte.text.language import base
from marotte.text.normal import EMOJI, WIDE

LONGEST = 12.0
"""Seconds of speech after which a sentence is cut wherever it can be."""

_LONGEST_TEXT = 600
_FIRST_CLAUSE = 10
_DEAREST = 0.3
"""More seconds than any one character takes."""
_NESTING = 8
_MEASURE_FIRST = int(LONGEST / _DEAREST)

_ENDS = ".!?…。！？｡．\n"
_CLOSES = dict(zip("([{“‘«„（「『【《〈［", ")]}”’»“）」』】》〉］", strict=True))
_SAME = "\"'*"
_CLOSERS = frozenset(_CLOSES.values()) - {"“"}
_STRAY = frozenset(_ENDS) | _CLOSERS
_LATIN_MARKS = ",;—"
_CJK_MARKS = "，、；"
_BLANKS = (" ", "\u00a0", "\u202f", "")
_QUOTING = "とっ"
"""With these, Japanese goes on after a quotation: 「…」と言った."""

_SPECIAL = re.compile(
    "[" + re.escape(_ENDS + "".join(_CLOSES) + "".join(_CLOSERS) + _SAME + _LATIN_MARKS + _CJK_MARKS) + "]"
)
_CONTENT = re.compile(rf"[^\W_{EMOJI}]|[{EMOJI}\[]")
_EMOJI_AFTER = re.compile(rf"(?: ?[{EMOJI}])*")
_WIDE_CHAR = re.compile(f"[{WIDE}]")
_WORD_BEFORE = re.compile(rf"[^\s\"“‘«(\[{{¿¡*，、。！？{WIDE}]*$")
_NEXT = re.compile(r"\S")
_CLAUSE = re.compile(r"[,;:](?=\s)|[—，、；：]|\s[–-](?=\s)")

_ACRONYM = re.compile(r"(?:[^\W\d_]{1,2}\.)+[^\W\d_]{1,2}")
_ADDRESS = re.compile(r"https?:|www\.|\S+[@/]\S", re.I)
_HOURS = frozenset({"a.m", "p.m"})


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


_TITLES = {
    "en": _set("mr mrs ms dr prof st mt rev gen lt sgt capt cmdr gov sen hon messrs vs approx figs e.g i.e"),
    "es": _set("sr sra srta sres dr dra dña prof profa lic ing ud uds vd vds pág págs p.ej av avda tel aprox ee"),
    "fr": _set("m mm mme mmes mlle mlles dr pr prof st ste cf env av apr boul tél p.ex chap"),
}
"""Words whose full stop never ends a sentence: something must follow them."""
_SHORTENED = {
    "en": _set("etc inc ltd corp jr sr dept est misc jan feb apr aug sept oct nov dec"),
    "es": _set("etc uu cía ltda ene feb abr ago sept oct nov dic"),
    "fr": _set("etc cie janv févr avr juil sept oct nov déc"),
}
"""Words whose full stop ends a sentence only before a capital."""
_COUNTED = {
    "en": _set("no nos vol fig p pp ch ep pt"),
    "es": _set("núm n.º vol fig cap art"),
    "fr": _set("no n° vol fig art p pp"),
}
"""Words whose full stop goes on before a number."""

_PHRASE = re.compile(rf"(?:[^\s{WIDE}]+(?:\s+|(?=[{WIDE}]))|[{WIDE}]{{2}}\s*){{4}}")
"""Four words; in a script without spaces two characters are one."""

Doubt = Literal["", "number", "letter", "title", "shortened", "counted", "address"]


class _Verdict(NamedTuple):
    """What to do at a mark: cut before ``at``, go on from ``at``, or wait for what follows."""

    what: Literal["cut", "on", "wait"]
    at: int


@lru_cache(maxsize=4096)
def _cost(char: str, han: float) -> float:
    """Seconds that one character takes to say."""
    if "\u3040" <= char <= "\u30ff":
        return 0.13
    if _WIDE_CHAR.match(char):
        return 0.2 if "\uac00" <= char <= "\ud7af" else han
    if char.isdigit():
        return 0.25
    return 0.0 if unicodedata.category(char) in ("Mn", "Me", "Cf", "So", "Sk") else 1 / 15


def joined(*sentences: str) -> str:
    """Join sentences as they are written: with spaces, but not between characters that know none."""
    text = ""
    for sentence in filter(None, sentences):
        space = " " if text and (text[-1].isascii() or sentence[0].isascii()) else ""
        text = f"{text}{space}{sentence}"
    return text


def seconds(text: str, language: str = "") -> float:
    """Estimate how long a text takes to say, in seconds, from its script; right within about a third."""
    han = 0.29 if base(language) == "ja" else 0.23
    return sum([_cost(char, han) for char in text])


class Splitter:
    """Cuts streamed text into sentences, each handed on at the mark that ends it.

    It waits for what follows a mark only where the mark may not end the sentence: after a number, a single letter, a
    known abbreviation, an address, or inside a quotation or bracket, whose closing mark is then kept with the sentence.
    Every character comes out once and in order, but for white space around sentences, for text without any word or
    picture in it, and for marks that end or close and arrive after the sentence they belong to has been handed on.
    """

    def __init__(self, language: str = "", first_clause: bool = False, *, phrases: bool = False) -> None:
        """Expect ``language`` (a BCP-47 tag, "" unknown); ``first_clause`` lets the first piece end at a comma.

        With ``phrases`` no piece is longer than a few words, wherever they stand in their sentence.
        """
        self._language = language
        names = [base(language)] if base(language) in _TITLES else list(_TITLES)
        self._titles = frozenset[str]().union(*(_TITLES[name] for name in names))
        self._shortened = frozenset[str]().union(*(_SHORTENED[name] for name in names))
        self._counted = frozenset[str]().union(*(_COUNTED[name] for name in names))
        self._first_clause = first_clause
        self._phrases = phrases
        self._text = ""
        self._at = 0
        self._open = ""
        self._handed_on = False
        self._measure_at = _MEASURE_FIRST

    def feed(self, piece: str) -> list[str]:
        """Take the next piece of text, of any length; return the sentences that are whole now."""
        if self._handed_on:
            piece = self._without_strays(piece)
        if not self._text:
            piece = piece.lstrip()
        self._text += piece
        return self._cut(final=False)

    def end(self) -> list[str]:
        """Return what is left; the splitter is then as new, but no longer looks for a first clause."""
        pieces = self._cut(final=True)
        rest = self._text.strip()
        if rest and _CONTENT.search(rest):
            pieces.append(rest)
        self._text, self._at, self._open, self._handed_on = "", 0, "", False
        self._measure_at = _MEASURE_FIRST
        return pieces

    def _without_strays(self, piece: str) -> str:
        """Drop marks that arrive right after the sentence that they belong to."""
        start = 0
        while start < len(piece) and piece[start] in _STRAY:
            start += 1
        self._handed_on = start == len(piece)
        return piece[start:]

    def _cut(self, final: bool) -> list[str]:
        pieces: list[str] = []
        while end := self._next(final):
            piece, rest = self._text[:end].strip(), self._text[end:]
            if _CONTENT.search(piece):
                pieces.append(piece)
                self._first_clause = False
            self._handed_on = not rest
            self._at = max(0, self._at - end)
            self._text = rest.lstrip()
            self._at = max(0, self._at - (len(rest) - len(self._text)))
            self._measure_at = _MEASURE_FIRST
        return pieces

    def _next(self, final: bool) -> int:
        """Return where the next piece ends, or 0 where that is not known yet."""
        end = 0
        # Not beyond the longest piece: what is cut there is looked at again, and over and over in a run of marks.
        while mark := _SPECIAL.search(self._text, self._at, _LONGEST_TEXT):
            what, at = self._judge(mark.start(), final)
            if what == "on":
                self._at = at
                continue
            end = at if what == "cut" else 0
            break
        limit = end or len(self._text)
        if self._phrases and (phrase := _PHRASE.match(self._text, 0, limit)):
            return phrase.end()
        return (self._overlong(limit) if limit >= self._measure_at else 0) or end

    def _judge(self, at: int, final: bool) -> _Verdict:
        """Decide on the mark at ``at``."""
        char = self._text[at]
        if char == "\n":
            self._open = ""
            return _Verdict("cut" if _CONTENT.search(self._text, 0, at) else "on", at + 1)
        if char in _ENDS:
            return self._judge_end(at, final)
        if self._first_clause and self._ends_clause(at, char):
            return _Verdict("cut", at + 1)
        self._nest(at, char)
        return _Verdict("on", at + 1)

    def _nest(self, at: int, char: str) -> None:
        """Follow which brackets and quotations are open."""
        before = self._text[at - 1] if at else " "
        if char == "*" == before:
            return
        if char in self._open:
            self._open = self._open[: self._open.rindex(char)]
        elif char in _CLOSES:
            self._open = (self._open + _CLOSES[char])[-_NESTING:]
        elif char in _SAME and not before.isalnum():
            self._open = (self._open + char)[-_NESTING:]

    def _ends_clause(self, at: int, char: str) -> bool:
        """Say whether the first piece may end at this comma: enough was said, and it stands in no number."""
        if self._open or not (char in _CJK_MARKS or (char in _LATIN_MARKS and not self._text[at - 1].isdigit())):
            return False
        if char in _LATIN_MARKS and self._text[at + 1 : at + 2].strip():
            return False
        said = self._text[:at]
        return sum(map(str.isalnum, said)) + len(_WIDE_CHAR.findall(said)) >= _FIRST_CLAUSE

    def _judge_end(self, at: int, final: bool) -> _Verdict:
        """Decide whether the run of marks at ``at`` ends the sentence, and where the closing marks after it end."""
        text, stop = self._text, at + 1
        while text[stop : stop + 1] and text[stop] in _ENDS[:-1]:
            stop += 1
        if not _CONTENT.search(text, 0, at):
            return _Verdict("on", stop)
        doubt = self._doubt(at) if stop == at + 1 else ""
        end, closed, still_open = self._closing(stop)
        verdict = _Verdict("wait", at)
        if final or not self._must_wait(end, doubt or closed, still_open):
            glued = end == stop == at + 1 and (text[at] in ".．" or doubt == "address")
            verdict = self._weigh(at, end, doubt, closed, glued, final)
        if verdict.what != "wait":
            self._open = still_open
        return verdict

    def _must_wait(self, end: int, doubtful: object, still_open: str) -> bool:
        """Say whether the next character has to come first: it may change the meaning of the mark, or close."""
        rest = self._text[end:]
        return (not rest and bool(doubtful or still_open)) or (still_open[-1:] == "»" and rest in _BLANKS)

    def _weigh(self, at: int, end: int, doubt: Doubt, closed: bool, glued: bool, final: bool) -> _Verdict:
        """Let what follows ``end`` decide where the mark at ``at`` alone does not."""
        following = self._text[end : end + 1]
        if following and (following in ",;:，、；：" or (glued and _joins(following))):
            return _Verdict("on", end)
        if doubt == "number":
            counts_items = not self._text[:at].strip(" \t#>*-0123456789")
            return _Verdict("on", end) if counts_items else self._finish(end)
        if doubt in ("", "address") and not closed:
            return self._finish(end)
        later = _NEXT.search(self._text, end)
        if "\n" in self._text[end : later.start() if later else None]:
            return self._finish(end)
        if not later:
            return self._finish(end) if final else _Verdict("wait", at)
        char = later[0]
        if doubt == "counted":
            goes_on = char.isdigit()
        elif doubt in ("letter", "title"):
            goes_on = char.isalnum()
        else:
            goes_on = char.islower() or char.isdigit() or (closed and char in _QUOTING)
        return _Verdict("on", end) if goes_on else self._finish(end)

    def _finish(self, end: int) -> _Verdict:
        """Cut at ``end``, taking the emoji along that are in hand."""
        emoji = _EMOJI_AFTER.match(self._text, end)
        return _Verdict("cut", emoji.end() if emoji else end)

    def _closing(self, stop: int) -> tuple[int, bool, str]:
        """Return where the marks end that close something, whether they close what is open, and what stays open."""
        text, still_open, closed = self._text, self._open, False
        while stop < len(text):
            char = text[stop]
            if char in still_open:
                still_open, closed = still_open[: still_open.rindex(char)], True
            elif char in _BLANKS and still_open[-1:] == "»" == text[stop + 1 : stop + 2]:
                pass
            elif char not in _CLOSERS and not char == "*" == text[stop - 1]:
                break
            stop += 1
        return stop, closed, still_open

    def _doubt(self, at: int) -> Doubt:
        """Say why the full stop at ``at`` may not end the sentence, or ""."""
        match = _WORD_BEFORE.search(self._text, max(0, at - 40), at)
        word = match[0].lstrip("'") if match else ""
        if self._text[at] not in ".．":
            return "address" if _ADDRESS.match(word) else ""
        small = word.lower()
        if word[-1:].isdecimal():
            return "number"
        if small in self._titles:
            return "title"
        if small in self._shortened or small in _HOURS:
            return "shortened"
        if small in self._counted and match and self._text[: match.start()].strip():
            return "counted"
        if _ACRONYM.fullmatch(word) or (len(word) == 1 and word.isalpha()):
            return "shortened" if word == "I" else "letter"
        if not word and (not at or self._text[at - 1].isspace()):
            return "counted"
        return "address" if _ADDRESS.match(word) else ""

    def _overlong(self, end: int) -> int:
        """Return where to cut a piece that would reach to ``end``, or 0 where it is short enough to stay whole."""
        text, han = self._text, 0.29 if base(self._language) == "ja" else 0.23
        said, reach = 0.0, 0
        for reach in range(min(end, _LONGEST_TEXT)):
            said += _cost(text[reach], han)
            if said > LONGEST:
                break
        else:
            if end < _LONGEST_TEXT:
                self._measure_at = min(_LONGEST_TEXT, end + max(1, int((LONGEST - said) / _DEAREST)))
                return 0
        inside = text.rfind("[", 0, reach)
        if inside > 0 and "]" not in text[inside:reach]:
            reach = inside
        marks = [mark.end() for mark in _CLAUSE.finditer(text, reach // 4, reach)]
        return marks[-1] if marks else text.rfind(" ", reach // 4, reach) + 1 or _whole(text, reach)


def _joins(char: str) -> bool:
    """Say whether this character, right after a full stop, belongs to the same word: ``example.com``."""
    return (char.isalnum() and not _WIDE_CHAR.match(char)) or char in "-/@_&=%+"


def _whole(text: str, at: int) -> int:
    """Move a cut back so that it does not part a character from its marks or an emoji from its joiner."""
    back = at
    while back > 1 and (
        unicodedata.combining(text[back]) or "\u200d" in text[back - 1 : back + 1] or text[back] == "\ufe0f"
    ):
        back -= 1
    return back if back > 1 else max(1, at)


_THOUGHTS = ("think", "thinking", "thought", "reasoning")
_TAGS = tuple(f"{slash}{name}>" for slash in ("", "/") for name in _THOUGHTS)
_LONGEST_TAG = max(map(len, _TAGS))


class Thoughts:
    """Takes a brain's private thoughts out of its words: ``<think>…</think>`` and its like, however cut up."""

    def __init__(self) -> None:
        self._held = ""
        self._inside = ""

    def feed(self, piece: str) -> str:
        """Take the next piece; return what of it is meant to be said."""
        said = ""
        rest = self._held + piece
        self._held = ""
        while rest:
            before, bracket, after = rest.partition("<")
            said += "" if self._inside else before
            if not bracket:
                break
            tag, closing, rest_after = after[:_LONGEST_TAG].partition(">")
            name = tag.lower()
            if closing and name.removeprefix("/") in _THOUGHTS:
                if not self._inside and not name.startswith("/"):
                    self._inside = name
                elif name == "/" + self._inside:
                    self._inside = ""
                rest = rest_after + after[_LONGEST_TAG:]
            elif not closing and any(start.startswith(name) for start in _TAGS):
                self._held = "<" + after
                break
            else:
                said += "" if self._inside else "<"
                rest = after
        return said

    def end(self) -> str:
        """Return what was held back because a tag might have begun; a thought without an end is dropped."""
        held, self._held = self._held, ""
        inside, self._inside = self._inside, ""
        return "" if inside else held
