"""What a stream must not voice, and what of a chat is not read."""

import re
from collections import OrderedDict
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable, Mapping
from importlib.resources import files
from itertools import groupby
from typing import Any

from marotte import config
from marotte.events import PUBLIC, Event, Line, LineStopped
from marotte.text.language import base, may_be
from marotte.text.names import shown_name
from marotte.text.normal import LINK, fold, plain
from marotte.time import Clock

LANGUAGES = ("en", "es", "fr", "zh", "ja")
"""Languages that the program brings a word list for."""

ALLOW = "allow"
"""The list of words that are never stopped."""

NOBODY = {
    "en": "a viewer",
    "es": "alguien del público",
    "fr": "quelqu'un du public",
    "zh": "一位观众",
    "ja": "視聴者さん",
}
"""What somebody is called whose name may not be said, a name a language."""

MOST_STOPPED = 64
"""So many stopped lines are kept at most for the operator to release."""

_SUBSTITUTES = {
    "en": ("Let me put that another way.", "Well, on to something nicer!", "My bells say: next question."),
    "es": (
        "Mejor lo digo de otra manera.",
        "Bueno, ¡pasemos a algo más bonito!",
        "Mis cascabeles piden otra pregunta.",
    ),
    "fr": ("Je vais le dire autrement.", "Bon, passons à plus joli !", "Mes grelots demandent une autre question."),
    "zh": ("我换个说法吧。", "好啦，聊点开心的！", "铃铛说：下一个问题。"),
    "ja": ("言い方を変えますね。", "さあ、もっと楽しい話をしましょう！", "鈴が言っています、次の質問をどうぞ。"),
}

_TAIL = 48
_FEWEST_CAPITALS = 10
_OWN_REPETITION = 3
"""The character itself may draw out a sound so many times longer than a chat message."""

_KATAKANA = "ァ-ヺー"
_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Za-z])(?=[0-9])|(?<=[0-9])(?=[A-Za-z])|_+")
_MOST_NAMES = 4_096
_INSIDE = 6
"""Words of so many Latin letters, one more in a single language, count anywhere in a name, where nobody parts words."""
_LOOSE_END = re.compile(r"[\W_]+$")


class Rules:
    """What a moderator goes by: the settings of a show and words of one's own, compiled. Never changes."""

    def __init__(
        self, settings: config.Moderation, never: Iterable[str] = (), own: Mapping[str, Iterable[str]] | None = None
    ) -> None:
        """Compile the lists, which takes some hundredths of a second.

        ``never`` are the character's own words that it never says; ``own`` has more words for the lists, ``allow``
        among them. Raises ValueError for a word that has no letter or digit, naming the list and the word.
        """
        self.settings = settings
        lists = {name: (*builtin(name),) if settings.builtin else () for name in ("any", *LANGUAGES)}
        lists[ALLOW] = (*builtin(ALLOW), *settings.allow)
        for name, added in (*settings.words.items(), *(own or {}).items()):
            lists[base(name)] = (*lists.get(base(name), ()), *added)
        self.words: Mapping[str, tuple[str, ...]] = lists
        """All words in force, by list; those of the list ``allow`` are never stopped."""
        stop = {name: words for name, words in lists.items() if words and name != ALLOW}
        self.lists = {name: compiled(words, f"moderation.words.{name}") for name, words in stop.items()}
        self.everything = compiled([word for words in stop.values() for word in words], "moderation.words")
        self.never = compiled(never, "character.never")
        self.allowed = compiled(lists[ALLOW], "moderation.allow")
        bare = ((name, word.removesuffix("*")) for name, words in stop.items() for word in words)
        self.inside = tuple(
            fold(word)
            for name, word in bare
            if len(word) >= _INSIDE + (name != "any") and word.isalpha() and word.isascii()
        )
        """Words that no name may hold, wherever they stand in it."""
        self.repeated = _repeated(settings.repetition)
        self.repeated_by_us = _repeated(settings.repetition * _OWN_REPETITION)


class Moderator:
    """Checks each line before it is synthesised and each chat message before it is read."""

    def __init__(
        self,
        settings: config.Moderation,
        never: Iterable[str] = (),
        publish: Callable[[Event], None] = lambda _: None,
        clock: Clock | None = None,
        own: Mapping[str, Iterable[str]] | None = None,
    ) -> None:
        """Compile the rules, see ``Rules``. Raises ValueError for a word that has no letter or digit."""
        self.rules = Rules(settings, never, own)
        """What it goes by; others hold from the next line on."""
        self._publish = publish
        self._clock = clock or Clock()
        self._stopped: OrderedDict[str, tuple[float, Line]] = OrderedDict()
        self._next_substitute = 0
        self._names: OrderedDict[str, tuple[Rules, bool]] = OrderedDict()

    # --- what the character says ---------------------------------------------------------------------------------

    def judge(self, text: str, language: str) -> str:
        """Return why the character must not say this, or ""."""
        return self._unsaid(text, base(language), "any")

    def unwritten(self, text: str) -> str:
        """Return why words of a viewer's are not written by us, or "": too few to tell their language, by any list."""
        return self._unsaid(text, *self.rules.lists)

    async def passed(self, lines: AsyncIterator[Line], floor: str = PUBLIC) -> AsyncGenerator[Line]:
        """Yield the lines of one turn on ``floor`` that may be said, each as it comes.

        The first that may not is replaced by a substitute in its language, any further one is left out, unless it
        answers what no line before it does; each is published as ``LineStopped`` and may be released for a while.
        """
        tail, substituted, answered = "", False, set[str]()
        try:
            async for line in lines:
                reason = self._judge_line(line, tail)
                if not reason:
                    tail = f"{tail} {line.spoken}"[-_TAIL:]
                    answered.update(line.answers)
                    yield line
                    continue
                # Where nothing said aloud answered it, it would be asked again, and stopped again.
                needed = not substituted or not answered.issuperset(line.answers)
                substitute = self._substitute(line) if needed else None
                self._stop(line, reason, substitute, floor)
                if substitute is not None:
                    tail, substituted = "", True
                    answered.update(line.answers)
                    yield substitute
        finally:
            if isinstance(lines, AsyncGenerator):
                await lines.aclose()

    def release(self, line_id: str) -> Line | None:
        """Give back a stopped line for saying after all, once, while the time for it lasts; else None."""
        until, line = self._stopped.pop(line_id, (0.0, None))
        return line if self._clock.wall() <= until else None

    def _judge_line(self, line: Line, tail: str) -> str:
        """Check what is shown, what is spoken, and the seam to what was said before."""
        reason = self.judge(line.shown, line.language)
        if not reason and line.spoken != line.shown:
            reason = self.judge(line.spoken, line.language)
        if reason or not tail:
            return reason
        before = fold(tail)
        for seam in (f"{tail} {line.spoken}", _LOOSE_END.sub("", tail) + line.spoken):
            reason = self._word(fold(seam), base(line.language), "any")
            # The tail may have been cut within a word; what it holds by itself was judged when it was whole.
            if reason and reason != self._word(before, base(line.language), "any"):
                return reason + ", over two lines"
        return ""

    def _stop(self, line: Line, reason: str, substitute: Line | None, floor: str) -> None:
        until = self._clock.wall() + self.rules.settings.release_within
        self._stopped[line.id] = (until, line)
        while len(self._stopped) > MOST_STOPPED:
            self._stopped.popitem(last=False)
        said = substitute.shown if substitute is not None else ""
        self._publish(
            LineStopped(
                at=self._clock.wall(),
                floor=floor,
                turn=line.turn,
                line=line.id,
                shown=line.shown,
                reason=reason,
                substitute=said,
                until=until,
            )
        )

    def _substitute(self, line: Line) -> Line:
        """Make the line that is said instead; it answers what the stopped one would have answered."""
        own = self.rules.settings.substitute
        language = line.language if base(line.language) in {*map(base, own), *_SUBSTITUTES} else "en"
        given = next((text for name, text in own.items() if base(name) == base(language)), "")
        choices = (given,) if given else _SUBSTITUTES[base(language)]
        text = choices[self._next_substitute % len(choices)]
        self._next_substitute += 1
        return Line(turn=line.turn, shown=text, spoken=text, language=language, answers=line.answers)

    # --- what people call themselves ------------------------------------------------------------------------------

    def named(self, name: str, language: str = "en") -> str:
        """Return a viewer's name as it may be shown and spoken; "a viewer", in a language, where it may not be."""
        clean = shown_name(name)
        return clean if clean and self._may_be_named(clean) else NOBODY.get(base(language), NOBODY["en"])

    def _may_be_named(self, name: str) -> bool:
        """Judge a name by every list: it has no language, and its words are parted by anything or by nothing."""
        rules, known = self.rules, self._names.get(name)
        if known is not None and known[0] is rules:
            return known[1]
        spaced = _HUMP.sub(" ", name)
        folded = [fold(name), fold(spaced), fold("".join(spaced.split()))]
        patterns = [pattern for pattern in (rules.never, rules.everything) if pattern is not None]
        may = (
            not any(self._first(pattern, text) for pattern in patterns for text in folded)
            and not any(word in folded[2] for word in rules.inside)
            and not _has_link(name)
        )
        self._names[name] = (rules, may)
        if len(self._names) > _MOST_NAMES:
            self._names.popitem(last=False)
        return may

    # --- what is read --------------------------------------------------------------------------------------------

    def unread(self, text: str) -> str:
        """Return why a chat message is not read, or ""."""
        settings = self.rules.settings
        if len(text) > settings.longest:
            return f"longer than {settings.longest:,} characters"
        if settings.links == "stop" and _has_link(text):
            return "a link"
        folded = fold(text)
        if (
            self.rules.everything is not None
            and self.rules.everything.search(folded)
            and (reason := self._unwanted(text, folded))
        ):
            return reason
        capitals = sum(map(str.isupper, text))
        if capitals >= _FEWEST_CAPITALS and capitals > settings.caps * sum(map(_is_cased, text)):
            return "too many capitals"
        return "the same again and again" if self._repeats(text, self.rules.repeated) else ""

    def _unwanted(self, text: str, folded: str) -> str:
        """Look closer at a text of unknown language: a list counts only where the text may be in its language."""
        for name in self.rules.lists:
            reason = self._listed(folded, name)
            if reason and (name == "any" or may_be(text, name, (*self.rules.lists,))):
                return reason
        return ""

    # --- shared --------------------------------------------------------------------------------------------------

    def _unsaid(self, text: str, *lists: str) -> str:
        """Return why nothing like this is said or written by us, or "": a word on one of the lists, a link, babble."""
        if reason := self._word(fold(text), *lists):
            return reason
        if self.rules.settings.links == "stop" and _has_link(text):
            return "a link"
        return "the same again and again" if self._repeats(text, self.rules.repeated_by_us) else ""

    def _word(self, folded: str, *lists: str) -> str:
        """Say which word in a folded text the character must not say: one of its own, or the first on these lists."""
        if self.rules.never is not None and (hit := self.rules.never.search(folded)):
            return f"{hit[0]!r} is a word that it never says"
        return next(filter(None, (self._listed(folded, name) for name in lists)), "")

    def _listed(self, folded: str, name: str) -> str:
        pattern = self.rules.lists.get(name)
        hit = self._first(pattern, folded) if pattern is not None else ""
        return f"{hit!r} is on the list {name!r}" if hit else ""

    def _first(self, pattern: re.Pattern[str], folded: str) -> str:
        """Return the first hit that does not stand inside an allowed word, or ""."""
        for hit in pattern.finditer(folded):
            allowed = self.rules.allowed.finditer(folded) if self.rules.allowed is not None else ()
            if not any(word.start() <= hit.start() and hit.end() <= word.end() for word in allowed):
                return hit[0]
        return ""

    def _repeats(self, text: str, pattern: re.Pattern[str]) -> bool:
        if pattern.search(text):
            return True
        words = text.casefold().split()
        limit = self.rules.settings.repetition
        return len(words) >= limit and any(len([*same]) >= limit for _, same in groupby(words))


def _has_link(text: str) -> bool:
    clear = plain(text)
    return ("." in clear or "://" in clear) and LINK.search(clear) is not None


def _is_cased(char: str) -> bool:
    return char.isupper() or char.islower()


def _repeated(times: int) -> re.Pattern[str]:
    """Match one to four characters so many times in a row: aaaa, hahaha."""
    return re.compile(rf"(\S{{1,4}}?)\1{{{times - 1}}}")


def builtin(name: str) -> tuple[str, ...]:
    """Read a word list that comes with the program."""
    text = files("marotte.mind").joinpath(f"words/{name}.txt").read_text("utf-8")
    return tuple(line for line in map(str.strip, text.splitlines()) if line and not line.startswith("#"))


def checked(word: str) -> None:
    """Raise ValueError, which names the word, where it could not stand in a list."""
    _atoms(word, "")


def compiled(words: Iterable[str], where: str) -> re.Pattern[str] | None:
    """Compile words into one regular expression over folded text, branching letter by letter; None for no words."""
    tree: dict[str, Any] = {}
    for word in words:
        node = tree
        for atom in _atoms(word, where):
            node = node.setdefault(atom, {})
        node[""] = {}
    return re.compile("|".join(_guarded(before, below) for before, below in tree.items())) if tree else None


def _atoms(word: str, where: str) -> list[str]:
    """Cut a word into regular expressions, one a letter.

    Letters may be drawn out (folded text holds no run longer than two), words parted by anything that is no letter.
    Latin and katakana are matched as whole words, because runs of them are words; other scripts wherever they stand.
    A final ``*`` takes any ending along.
    """
    folded = fold(word.strip().removesuffix("*")).strip()
    if not any(map(str.isalnum, folded)):
        place = f"{where}: " if where else ""
        raise ValueError(f"{place}{word!r} has no letter or digit, so it would stop everything")
    atoms = [_before(folded[0])]
    for char, run in groupby(folded):
        if char.isspace():
            atoms.append(r"[\W_]+")
        else:
            letter = re.escape(char)
            atoms.append(letter * 2 if len([*run]) > 1 else f"{letter}{letter}?")
    return atoms if word.strip().endswith("*") else [*atoms, _after(folded[-1])]


def _before(char: str) -> str:
    return "(?<![a-z0-9])" if char.isascii() else f"(?<![{_KATAKANA}])" if "ァ" <= char <= "ー" else ""


def _after(char: str) -> str:
    return _before(char).replace("?<!", "?!")


def _guarded(before: str, below: dict[str, Any]) -> str:
    """Write all words that share a left border; naming their first letters together spares trying each of them."""
    first = "".join(sorted({atom[:2] if atom[0] == "\\" else atom[0] for atom in below}))
    return f"{before}(?=[{first}]){_branches(below)}"


def _branches(node: dict[str, Any]) -> str:
    """Write a tree of pieces as nested alternatives, longer words before their beginnings."""
    choices = [atom + _branches(below) for atom, below in node.items() if atom]
    if not choices:
        return ""
    joined = choices[0] if len(choices) == 1 else f"(?:{'|'.join(choices)})"
    return f"(?:{joined})?" if "" in node else joined
