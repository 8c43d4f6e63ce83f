"""What the ears around Whisper share: how its segments and its words are read, whichever library or server gives them.

https://github.com/openai/whisper/blob/main/whisper/transcribe.py names the limits.
"""

import unicodedata
from collections.abc import Iterable, Mapping
from typing import Any

from marotte.events import Word
from marotte.senses.hearing.speech import RATE
from marotte.text.language import base

_SILENT, _UNLIKELY, _REPEATED = 0.6, -1.0, 2.4
"""Whisper's own limits: above which probability of silence, below which mean log probability of its words and above
which compression ratio it does not believe itself."""
_NO_SPACES = ("CJK", "HIRAGANA", "KATAKANA", "IDEOGRAPHIC", "THAI")
"""Scripts that put no space between words: each of Whisper's pieces is placed as a word."""

LANGUAGES = {
    "english": "en", "chinese": "zh", "german": "de", "spanish": "es", "russian": "ru", "korean": "ko", "french": "fr",
    "japanese": "ja", "portuguese": "pt", "turkish": "tr", "polish": "pl", "catalan": "ca", "dutch": "nl",
    "arabic": "ar", "swedish": "sv", "italian": "it", "indonesian": "id", "hindi": "hi", "finnish": "fi",
    "vietnamese": "vi", "hebrew": "he", "ukrainian": "uk", "greek": "el", "malay": "ms", "czech": "cs",
    "romanian": "ro", "danish": "da", "hungarian": "hu", "tamil": "ta", "norwegian": "no", "thai": "th", "urdu": "ur",
    "croatian": "hr", "bulgarian": "bg", "lithuanian": "lt", "latin": "la", "maori": "mi", "malayalam": "ml",
    "welsh": "cy", "slovak": "sk", "telugu": "te", "persian": "fa", "latvian": "lv", "bengali": "bn", "serbian": "sr",
    "azerbaijani": "az", "slovenian": "sl", "kannada": "kn", "estonian": "et", "macedonian": "mk", "breton": "br",
    "basque": "eu", "icelandic": "is", "armenian": "hy", "nepali": "ne", "mongolian": "mn", "bosnian": "bs",
    "kazakh": "kk", "albanian": "sq", "swahili": "sw", "galician": "gl", "marathi": "mr", "punjabi": "pa",
    "sinhala": "si", "khmer": "km", "shona": "sn", "yoruba": "yo", "somali": "so", "afrikaans": "af", "occitan": "oc",
    "georgian": "ka", "belarusian": "be", "tajik": "tg", "sindhi": "sd", "gujarati": "gu", "amharic": "am",
    "yiddish": "yi", "lao": "lo", "uzbek": "uz", "faroese": "fo", "haitian creole": "ht", "pashto": "ps",
    "turkmen": "tk", "nynorsk": "nn", "maltese": "mt", "sanskrit": "sa", "luxembourgish": "lb", "myanmar": "my",
    "tibetan": "bo", "tagalog": "tl", "malagasy": "mg", "assamese": "as", "tatar": "tt", "hawaiian": "haw",
    "lingala": "ln", "hausa": "ha", "bashkir": "ba", "javanese": "jw", "sundanese": "su", "cantonese": "yue",
}  # fmt: skip
"""What Whisper's languages are called in a verbose answer, and their codes."""
CODES = frozenset(LANGUAGES.values())
_OTHERWISE = {"nb": "no", "fil": "tl", "jv": "jw"}
"""Languages for which Whisper has another code than their tags."""


def code(tag: str) -> str:
    """Return Whisper's code for the language of a BCP-47 tag: ``zh`` for ``zh-TW``, ``no`` for ``nb``; "" for ""."""
    return _OTHERWISE.get(base(tag), base(tag))


def code_of(named: str) -> str:
    """Return the code of a language that a server names ("english", "en"), or ""."""
    named = named.strip().lower()
    return named if named in CODES else LANGUAGES.get(named, "")


def doubts(segments: Iterable[Mapping[str, Any]]) -> bool:
    """Say whether a segment holds it likely that nobody spoke, its words unlikely, or repeats itself."""
    return any(
        _number(segment, "no_speech_prob", 0.0) > _SILENT
        or _number(segment, "avg_logprob", 0.0) < _UNLIKELY
        or _number(segment, "compression_ratio", 0.0) > _REPEATED
        for segment in segments
    )


def no_speech(segments: Iterable[Mapping[str, Any]]) -> float:
    """Return how likely nobody spoke in any of the segments, 0 to 1; -1 where they do not say."""
    told = [_number(segment, "no_speech_prob", -1.0) for segment in segments]
    told = [probability for probability in told if 0 <= probability <= 1]
    return min(told, default=-1.0)


def place(pieces: Iterable[tuple[str, float, float]], text: str, samples: int) -> tuple[Word, ...]:
    """Place the words of a text that Whisper gives in pieces: what it says, and from when to when, in seconds.

    ``samples`` is how long the speech is: Whisper hears half a minute, and may place a word in the silence behind it.
    A piece that begins with a space begins a word; what is not in the text, as a noise in brackets, is left out.
    """
    joined: list[tuple[str, float, float]] = []
    for said, start, end in pieces:
        if joined and not _begins(said):
            before, began, ended = joined[-1]
            joined[-1] = (before + said, began, max(ended, end))
        elif said.strip():
            joined.append((said.strip(), start, end))
    words: list[Word] = []
    at = 0
    for said, start, end in joined:
        said = said.rstrip()
        while at < len(text) and not text[at].isalnum() and not text.startswith(said, at):
            at += 1
        if text.startswith(said, at):
            first = min(max(0, round(start * RATE)), samples)
            words.append(Word(said, first, min(max(first, round(end * RATE)), samples), at))
            at += len(said)
    return tuple(words)


def _begins(piece: str) -> bool:
    """Say whether a piece begins a word of its own."""
    if not piece[:1].strip():
        return bool(piece)
    return unicodedata.name(piece[0], "").startswith(_NO_SPACES) and not unicodedata.category(piece[0]).startswith("P")


def _number(segment: Mapping[str, Any], name: str, otherwise: float) -> float:
    value = segment.get(name)
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else otherwise
