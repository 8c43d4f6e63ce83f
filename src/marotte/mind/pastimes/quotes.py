"""``!quote``: what was said here and is worth keeping."""

from collections.abc import Callable
from random import Random

from marotte.mind.pastimes.use import Answer, Rows, Use, no

MOST = 2_000
LONGEST = 300


class Quotes:
    """Quotes by their numbers."""

    def __init__(self, rows: Rows, rng: Random, allowed: Callable[[str], bool]) -> None:
        """``allowed`` says whether words may be kept and written."""
        self._rows = rows
        self._rng = rng
        self._allowed = allowed
        self._quotes: dict[int, str] = {}

    async def open(self) -> None:
        """Read them."""
        self._quotes = dict(await self._rows.quotes())

    def quote(self, use: Use) -> Answer:
        """Tell one: by its number, with a word in it, or any; moderators add and remove."""
        first, _, rest = use.args.partition(" ")
        if first.casefold() in ("add", "remove") and use.steers:
            return self._add(use, rest.strip()) if first.casefold() == "add" else self._remove(rest.strip())
        if not self._quotes:
            return no(f"There is no quote yet: !{use.name} add and what was said keeps one.")
        wanted = use.args.strip("# ").casefold()
        if wanted.isdecimal():
            found = [n for n in self._quotes if str(n) == wanted]
        else:
            found = [n for n, text in self._quotes.items() if wanted in text.casefold()]
        if not found:
            return no(f"There is no such quote, {use.user}.")
        number = self._rng.choice(found)
        return Answer(f"#{number} {self._quotes[number]}")

    def _add(self, use: Use, text: str) -> Answer:
        if not text or len(text) > LONGEST:
            return no(f"A quote has 1 to {LONGEST} characters.")
        if not self._allowed(text):
            return no("I would rather not repeat that.")
        if len(self._quotes) >= MOST:
            return no(f"There are {MOST} quotes already: remove one.")
        number = max(self._quotes, default=0) + 1
        self._quotes[number] = text
        return Answer(f"Kept as #{number}.", keep=lambda: self._rows.keep_quote(number, text, use.who))

    def _remove(self, which: str) -> Answer:
        number = int(which.strip("# ")) if which.strip("# ").isdecimal() and len(which) < 10 else -1
        if self._quotes.pop(number, None) is None:
            return no("There is no such quote.")
        return Answer(f"#{number} is gone.", keep=lambda: self._rows.drop_quote(number))
