"""Repairs the character's name where an ear has misheard it, by the words that its card says it is misheard as."""

import re
from collections.abc import Sequence
from functools import lru_cache

_NO_SPACES = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff"
    "\uac00-\ud7af\uf900-\ufaff\uff66-\uff9d\U00020000-\U0003134f"
)
"""Scripts that put no space between words, or hang particles on a name as Korean does: a name may stand anywhere."""
_BEFORE, _AFTER = rf"(?<!(?![{_NO_SPACES}])\w)", rf"(?!(?![{_NO_SPACES}])\w)"
"""No letter of another word stands there."""


def repair(text: str, name: str, misheard: Sequence[str]) -> str:
    """Return a transcript with ``name`` for each of the words or phrases that it is misheard as; the rest is untouched.

    Only whole words count, in any case, with any white space or hyphen where a phrase has one; in scripts without
    spaces between words, as Chinese and Japanese, wherever they stand. Where the name stands already, it stays.
    """
    entries = tuple(dict.fromkeys(entry.strip() for entry in misheard if entry.strip()))
    if not (text and name and entries):
        return text
    return _pattern(name, entries).sub(lambda found: found[0] if found["name"] else name, text)


@lru_cache(maxsize=64)
def _pattern(name: str, entries: tuple[str, ...]) -> re.Pattern[str]:
    """Match the name as such, else the longest entry."""
    others = "|".join(_words(entry) for entry in sorted(entries, key=len, reverse=True))
    return re.compile(f"(?P<name>{_words(name)})|{others}", re.IGNORECASE)


def _words(phrase: str) -> str:
    inner = r"[\s-]+".join(re.escape(word) for word in re.split(r"[\s-]+", phrase) if word)
    before = _BEFORE if _bounded(phrase[0]) else ""
    return before + inner + (_AFTER if _bounded(phrase[-1]) else "")


def _bounded(char: str) -> bool:
    """Say whether a word that begins or ends with this letter is set apart from the next."""
    return bool(re.match(r"\w", char)) and not re.match(f"[{_NO_SPACES}]", char)
