"""Follows a voice through the text of a line, for voices that say what they speak but not where it stands."""

import re

from marotte.text.normal import WIDE

_WORD = re.compile(rf"[{WIDE}]|[^\s{WIDE}]*[^\W{WIDE}][^\s{WIDE}]*")
_LETTERS, _WORDS = 4, 24
"""Characters of the line that a voice may pass over at once, if it goes by letters or by words."""


class Reading:
    """Goes through a line with what is spoken of it, letter by letter or word by word."""

    def __init__(self, spoken: str, before: str = "") -> None:
        """``before`` was sent to the voice before the line and is not of it."""
        self._spoken, self._before = spoken, before
        self._starts = {match.start() for match in _WORD.finditer(spoken)}
        self._at = 0

    def goes_on(self, text: str) -> int | None:
        """Go on by what is spoken next; return the offset of the word that begins with it, or None.

        What the line does not have near by is passed over: a voice may write a sign out or leave one out.
        """
        if text and self._before.startswith(text):
            self._before = self._before[len(text) :]
            return None
        self._before = ""
        reach = self._at + len(text) + (_LETTERS if len(text) == 1 else _WORDS)
        found = self._spoken.find(text, self._at, reach) if text.strip() else -1
        if found < 0:
            return None
        begun = self._starts.intersection(range(self._at, found + 1))
        self._at = found + len(text)
        return max(begun, default=None)
