"""How long to wait in silence before somebody has said all: by the shape of their words, and by their habits."""

import re
from collections import deque

from marotte import config

_SAYS_ALL = re.compile(r"[.!?。！？][\"'”’»)」』]*$")
_HANGS = re.compile(r"(\.\.\.|…|[,;:–—、，；：-])[\"'”’»)」』]*$")
_OPEN: dict[str, tuple[str, ...]] = {
    "en": (
        "and", "but", "or", "so", "because", "if", "when", "that", "which", "who", "than", "then", "um", "uh",
        "er", "hmm", "the", "a", "an", "to", "of", "in", "on", "at", "for", "with", "from", "about", "my", "your",
        "his", "her", "our", "their", "is", "are", "was", "i", "we", "they", "very", "really", "just", "well",
    ),
    "es": (
        "y", "e", "o", "u", "pero", "porque", "si", "cuando", "que", "como", "entonces", "este", "eh", "em", "pues",
        "el", "la", "los", "las", "un", "una", "de", "del", "al", "a", "en", "con", "por", "para", "sin", "mi", "tu",
        "su", "muy", "más", "yo", "es", "son",
    ),
    "fr": (
        "et", "ou", "mais", "parce", "car", "si", "quand", "que", "qui", "donc", "alors", "comme", "euh", "ben", "bah",
        "le", "la", "les", "un", "une", "des", "du", "de", "à", "au", "aux", "en", "dans", "avec", "pour", "par",
        "sans", "sur", "mon", "ton", "son", "ma", "ta", "sa", "très", "plus", "je", "tu", "il", "elle", "est", "sont",
    ),
    "zh": (
        "然后", "因为", "所以", "但是", "可是", "不过", "而且", "如果", "的话", "还有", "就是", "那个", "这个",
        "嗯", "呃", "和", "跟", "在", "把", "被", "我", "你", "的时候",
    ),
    "ja": (
        "けど", "けれど", "から", "ので", "のに", "たら", "なら", "えっと", "ええと", "あの", "その", "まあ",
        "それで", "でも", "そして", "だから", "が", "を", "に", "は", "も", "と", "の", "で", "って",
    ),
}  # fmt: skip
"""Words after which hardly anybody has said all."""
_WITHOUT_SPACES = {"zh", "ja"}

_WHOLE, _UNKNOWN, _HANGING = 0.6, 1.0, 2.0
"""Times the usual silence."""
_LEAST = 0.2
"""Seconds of silence beyond the pause at which the words were asked for."""
_HABITS = 20
"""So many of a speaker's pauses are remembered."""
_KNOWN = 4
"""From so many pauses on they tell something."""
_MARGIN = 1.25
"""How much longer than nearly all of a speaker's pauses the silence must be."""


class Patience:
    """Knows how long one speaker's silence may be before it is their turn's end."""

    def __init__(self, settings: config.Hearing) -> None:
        self._usual = settings.silence
        self._shortest = min(settings.silence, settings.settle + _LEAST)
        self._longest = max(settings.silence, settings.longest_silence)
        self._pauses: deque[float] = deque(maxlen=_HABITS)

    def paused(self, seconds: float) -> None:
        """Learn that they paused so long within what they said."""
        self._pauses.append(seconds)

    def silence(self, text: str, language: str, likely: float = -1.0) -> float:
        """Return the seconds of silence that end a turn with these words.

        ``likely``: how likely they are all, 0 to 1, where a turn model says so; else -1.
        """
        wait = self._usual * shape(text, language)
        if likely >= 0:
            wait *= 1.5 - likely
        if len(self._pauses) >= _KNOWN:
            wait = max(wait, _MARGIN * sorted(self._pauses)[int(0.9 * (len(self._pauses) - 1))])
        return min(self._longest, max(self._shortest, wait))


def shape(text: str, language: str) -> float:
    """Tell by a transcript's last word and mark how many times the usual silence is needed to believe it whole."""
    text = text.strip()
    if not text:
        return _UNKNOWN
    tag = language.split("-")[0].lower()
    bare = re.sub(r"[\W_]+$", "", text).casefold()
    if _HANGS.search(text):
        return _HANGING
    opens = _OPEN.get(tag, ())
    if tag in _WITHOUT_SPACES:
        hangs = bare.endswith(opens) if opens else False
    else:
        hangs = bool(bare) and re.split(r"[\s'’]+", bare)[-1] in opens
    said = bool(_SAYS_ALL.search(text))
    if hangs:
        return _UNKNOWN if said else _HANGING
    return _WHOLE if said else _UNKNOWN
