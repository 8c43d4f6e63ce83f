"""``!quote``: what was said here and is worth keeping."""

from collections.abc import Callable
from random import Random

from marotte.mind.pastimes.use import Answer, Forget, Rows, Use, or_back

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

    def forget(self) -> Forget:
        """Return what takes out of mind, of those known now, which are no longer kept."""
        had = set(self._quotes)

        async def forget() -> None:
            for number in had - set(await self._rows.quotes()):
                self._quotes.pop(number, None)

        return forget

    def quote(self, use: Use) -> Answer:
        """Tell one: by its number, with a word in it, or any; moderators add and remove."""
        first, _, rest = use.args.partition(" ")
        if first.casefold() in ("add", "remove") and use.steers:
            return self._add(use, rest.strip()) if first.casefold() == "add" else self._remove(use, rest.strip())
        if not self._quotes:
            return use.no("quotes_none")
        wanted = use.args.strip("# ").casefold()
        if wanted.isdecimal():
            found = [n for n in self._quotes if str(n) == wanted]
        else:
            found = [n for n, text in self._quotes.items() if wanted in text.casefold()]
        if not found:
            return use.no("quote_none")
        number = self._rng.choice(found)
        text = self._quotes[number]
        # It was kept under the lists of its day.
        return Answer(f"#{number} {text}") if self._allowed(text) else use.no("quote_refused")

    def _add(self, use: Use, text: str) -> Answer:
        if not text or len(text) > LONGEST:
            return use.no("quote_length", most=LONGEST)
        if not self._allowed(text):
            return use.no("quote_refused")
        if len(self._quotes) >= MOST:
            return use.no("quotes_full", most=MOST)
        number = max(self._quotes, default=0) + 1
        self._quotes[number] = text
        keep = or_back(lambda: self._rows.keep_quote(number, text, use.who), lambda: self._quotes.pop(number, None))
        return Answer(use.say("quote_kept", number=number), keep=keep)

    def _remove(self, use: Use, which: str) -> Answer:
        number = int(which.strip("# ")) if which.strip("# ").isdecimal() and len(which) < 10 else -1
        if (text := self._quotes.pop(number, None)) is None:
            return use.no("quote_none")
        keep = or_back(lambda: self._rows.drop_quote(number), lambda: self._quotes.setdefault(number, text))
        return Answer(use.say("quote_gone", number=number), keep=keep)
