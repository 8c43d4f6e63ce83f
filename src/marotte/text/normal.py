"""Text made comparable: folded against disguises, cut into search terms, measured."""

import re
import unicodedata
from functools import lru_cache

WIDE = (
    "\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003134f"
)
"""Han, kana and Hangul, as the inside of a regular expression's character class."""

EMOJI = (
    "\u200d\u20e3\u2139\u2190-\u21ff\u2300-\u23ff\u25a0-\u27bf\u2900-\u297f\u2b00-\u2bff\ufe0e\ufe0f"
    "\U0001f000-\U0001faff\U000e0020-\U000e007f"
)
"""Emoji, arrows, pictographs and what joins them, as the inside of a character class."""

LINK = re.compile(
    r"(?:https?://|www\.)[^\s<>\[\]「」『』（）、。]+"
    r"|(?<![a-z0-9_@.-])(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+"
    r"(?:(?:com|org|net|edu|gov|info|biz|tv|gg|ly|app|dev|xyz|link|live|shop|site|online|club|top|io|ru|cn|jp|uk|fr|eu"
    r"|br|mx|kr|tw|hk|nl|pl|cc)(?![a-z0-9_-])(?:/[^\s<>\[\]「」『』（）、。]*)?"
    r"|[a-z]{2}/[^\s<>\[\]「」『』（）、。]*)",
    re.I,
)
"""A web address, with or without its scheme; a bare host counts only under a common top-level domain or with a path."""

_LONGEST_LIKENESS = 1_000

_INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f"
    "\ufeff\uffa0\ufff9-\ufffb\U000e0000-\U000e0fff]"
)
_LATIN_MARKS = re.compile("(?<=[a-z0-9@$!|])[\u0300-\u036f]+")
_LOOSE_MARKS = re.compile("[\u0300-\u036f]+")
_LATIN_LETTERS = str.maketrans(
    {"ø": "o", "đ": "d", "ł": "l", "ı": "i", "ħ": "h", "æ": "ae", "œ": "oe", "ð": "d", "þ": "th"}
    | dict(zip("ᴀʙᴄᴅᴇꜰɢʜɪᴊᴋʟᴍɴᴏᴘʀꜱᴛᴜᴠᴡʏᴢɑɡƒɩ", "abcdefghijklmnoprstuvwyzagfi", strict=True))
    | {chr(first + i): chr(ord("a") + i) for first in (0x1F150, 0x1F170) for i in range(26)}
)
"""Letters that NFKC leaves as they are; small capitals and letters in black signs come from generators of text."""
_LOOKALIKES = str.maketrans(
    "аеорсухкмтвнігјѕԁԛԝһӏьαοεινκρτυχμηγωϲϳ",
    "aeopcyxkmtbhirjsdqwhlbaoeivkptuxmnywcj",
)
_FOREIGN = re.compile("[\u0370-\u03ff\u0400-\u052f]")
_ANY_WORD = re.compile(r"(?:[^\W_]|[@$!|])+")
_HAS_LATIN = re.compile("[a-z]")
_LOOKALIKE_ONLY = re.compile("[аеорсухкіјѕԁԛԝһӏ]{3,}")
_LEET = str.maketrans("0134578@$!|", "oieastbasii")
_LEET_WORD = re.compile(r"[a-z0-9@$!|]+")
_MAYBE_LEET = re.compile(r"[0-9@$|]|!(?=[a-z0-9])")
_SPACED = re.compile(r"(?<![^\W_])[a-z](?:[\s.,*_~+'/-]{1,3}[a-z0-9@$!](?![^\W_])){2,}")
_SEPARATORS = re.compile(r"[\s.,*_~+'/-]+")
_SPACED_WIDE = re.compile(rf"(?<![{WIDE}])[{WIDE}](?:[\s.*_~+'/-]{{1,3}}[{WIDE}](?![{WIDE}]))+")
_RUN = re.compile(r"(.)\1{2,}", re.S)
_TERM = re.compile(rf"[{WIDE}]+|[^\W_{WIDE}]+")
_NO_WORD = re.compile(r"[\W_]+")
_PIECE = re.compile(rf"([a-z]+)|(\d+)|([{WIDE}])|([{EMOJI}])|([^\W\d_]+)|(\S)", re.I)


def plain(text: str) -> str:
    """Return the text in its compatibility form, without characters that cannot be seen."""
    if text.isascii():
        return text
    return unicodedata.normalize("NFKC", _INVISIBLE.sub("", text))


def _bare(text: str) -> str:
    """Return the text in small letters, Latin ones without their diacritics."""
    if text.isascii():
        return text.lower()
    # Case folding may undo the compatibility form and the other way round, so both are done again.
    text = unicodedata.normalize("NFKC", plain(text).casefold()).casefold()
    text = unicodedata.normalize("NFD", text.translate(_LATIN_LETTERS))
    text = unicodedata.normalize("NFC", _LATIN_MARKS.sub("", text))
    return plain(_LOOSE_MARKS.sub("", text))


def _latin(match: re.Match[str]) -> str:
    """Read a word with Cyrillic or Greek letters as the Latin one that it looks like, if it poses as one."""
    word = match[0]
    return word.translate(_LOOKALIKES) if _HAS_LATIN.search(word) or _LOOKALIKE_ONLY.fullmatch(word) else word


def _unleet(match: re.Match[str]) -> str:
    """Read digits and signs inside a word as letters; a sign before or after it is none of it."""
    word = match[0]
    if word.isalpha() or not _HAS_LATIN.search(word):
        return word
    core = word.rstrip("!|@").lstrip("!|@")
    before, _, after = word.partition(core)
    return before + core.translate(_LEET) + after


def _closed_up(match: re.Match[str]) -> str:
    return _SEPARATORS.sub("", match[0])


def fold(text: str) -> str:
    """Return the text as a reader hears it in the mind, so that a disguised word equals the plain one.

    Compatibility forms, case, Latin diacritics, invisible characters, look-alikes of other alphabets, digits and signs
    that stand for letters, letters spaced out, and runs longer than two are undone. Folding twice changes nothing.
    For comparing only: it spoils numbers inside words.
    """
    text = _RUN.sub(r"\1\1", _bare(text))
    if not text.isascii():
        text = _SPACED_WIDE.sub(_closed_up, text)
        text = _RUN.sub(r"\1\1", _ANY_WORD.sub(_latin, text) if _FOREIGN.search(text) else text)
    text = _SPACED.sub(_closed_up, text)
    return _RUN.sub(r"\1\1", _LEET_WORD.sub(_unleet, text)) if _MAYBE_LEET.search(text) else _RUN.sub(r"\1\1", text)


def words(text: str) -> list[str]:
    """Return the terms under which a text is found: small words without Latin diacritics, CJK as overlapping pairs."""
    terms: list[str] = []
    for run in _TERM.findall(_bare(text)):
        if len(run) > 1 and is_wide(run[0]):
            terms += [run[i : i + 2] for i in range(len(run) - 1)]
        else:
            terms.append(run)
    return terms


def uttered(text: str) -> str:
    """Return the words of a text as they are spoken: in small letters, without any mark but apostrophes."""
    return " ".join("".join(c if c.isalnum() or c == "'" else " " for c in text.casefold().replace("’", "'")).split())


def searchable(text: str) -> str:
    """Return the terms of a text for a full-text column; a query is made with the same ``words``."""
    return " ".join(words(text))


def is_wide(char: str) -> bool:
    """Whether a character is of a script that is written without spaces."""
    return char >= "\u3005" and re.match(f"[{WIDE}]", char) is not None


@lru_cache(maxsize=256)
def _shingles(text: str) -> frozenset[str]:
    letters = _NO_WORD.sub("", fold(text))
    return frozenset(letters[i : i + 2] for i in range(len(letters) - 1)) or frozenset({letters or text})


def likeness(a: str, b: str) -> float:
    """Say how alike two texts are, 0 to 1, by the pairs of letters they share; the first 1,000 characters count."""
    if a == b:
        return 1.0
    first, second = _shingles(a[:_LONGEST_LIKENESS]), _shingles(b[:_LONGEST_LIKENESS])
    return 2 * len(first & second) / (len(first) + len(second))


def tokens(text: str) -> int:
    """Estimate how many tokens a language model counts in a text, for budgets only.

    A word of English counts one, a long one more; a Chinese or Japanese character a little less than one. Meant to
    lie within a quarter of what the vocabularies of 100,000 to 200,000 entries give for a paragraph of prose, rather
    above than below; older vocabularies count up to twice as much for Chinese and Japanese.
    """
    count = 0.0
    for ascii_word, number, wide, emoji, word, _ in _PIECE.findall(text):
        if ascii_word:
            count += 1 + (len(ascii_word) - 1) // 7 * 0.8
        elif number:
            count += (len(number) + 2) // 3
        elif wide:
            count += 0.85
        elif emoji:
            count += 2
        else:
            count += 1 + (len(word) - 1) // 3 * 0.7 if word else 0.9
    return int(count + 0.999)
