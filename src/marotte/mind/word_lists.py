"""Words of one's own for moderation, edited while the show runs: a file a list, and what was before each change."""

import os
import re
from collections import deque
from collections.abc import Iterable
from pathlib import Path

from marotte.mind.moderation import ALLOW, LANGUAGES, checked
from marotte.text.language import base

MOST_WORDS, LONGEST_WORD = 2_000, 100
"""So many words in all lists together, and so many characters of one: to compile them takes a second."""
MOST_UNDONE = 50
"""So many changes can be undone, the last one first."""

_NAME = re.compile(r"[a-z]{2,3}\Z")
_LARGEST = 4 * MOST_WORDS * (LONGEST_WORD + 1)


class WordLists:
    """Keeps the lists of one folder, ``NAME.txt`` with a word on each line; ``NAME`` is a language, any or allow."""

    def __init__(self, folder: Path) -> None:
        """Read what is there. Raises ValueError, which names the file and the word, and OSError."""
        self._folder = folder
        self._before: deque[tuple[str, tuple[str, ...]]] = deque(maxlen=MOST_UNDONE)
        self.lists: dict[str, tuple[str, ...]] = {}
        for file in sorted(folder.glob("*.txt")):
            try:
                if file.stat().st_size > _LARGEST:
                    raise ValueError(f"is larger than {_LARGEST:,} bytes")
                self.lists[file.stem] = validated(file.stem, file.read_text("utf-8").splitlines())
            except ValueError as error:
                raise ValueError(f"{file}: {error}") from None

    def changed(self, name: str, words: Iterable[str]) -> dict[str, tuple[str, ...]]:
        """Return the lists as they would be with other words in one; nothing is kept. Raises ValueError."""
        lists = {**self.lists, name: validated(name, words)}
        count = sum(map(len, lists.values()))
        if count > MOST_WORDS:
            raise ValueError(f"{count:,} words in all lists together: {MOST_WORDS:,} are the most")
        return {name: words for name, words in lists.items() if words}

    def keep(self, name: str, words: tuple[str, ...]) -> None:
        """Keep other words in a list, whole or not at all. Raises OSError, and then nothing has changed."""
        before = self.lists.get(name, ())
        if words != before:
            self._write(name, words)
            self._before.append((name, before))

    @property
    def last(self) -> tuple[str, tuple[str, ...]] | None:
        """The list that was changed last, and its words before; None where nothing can be undone."""
        return self._before[-1] if self._before else None

    def undo(self) -> None:
        """Keep the words again that were there before the last change. Raises OSError and IndexError."""
        self._write(*self._before[-1])
        self._before.pop()

    def _write(self, name: str, words: tuple[str, ...]) -> None:
        file = self._folder / f"{name}.txt"
        if words:
            self._folder.mkdir(parents=True, exist_ok=True)
            new = file.with_suffix(".new")
            with new.open("w", encoding="utf-8") as handle:
                handle.write("\n".join(words) + "\n")
                handle.flush()
                os.fsync(handle.fileno())
            new.replace(file)
            self.lists[name] = words
        else:
            file.unlink(missing_ok=True)
            self.lists.pop(name, None)


def validated(name: str, words: Iterable[str]) -> tuple[str, ...]:
    """Return a list's words without what is empty or stands there twice. Raises ValueError, which names the word."""
    if name not in ("any", ALLOW, *LANGUAGES) and not (_NAME.match(name) and base(name) == name):
        raise ValueError(f"{name[:40]!r} is no list: it is called any, {ALLOW}, or by a language as en or pt")
    found = tuple(dict.fromkeys(filter(None, (" ".join(word.split()) for word in words))))
    for word in found:
        if len(word) > LONGEST_WORD:
            raise ValueError(f"{word[:20]!r}…: longer than {LONGEST_WORD} characters")
        checked(word)
    return found
