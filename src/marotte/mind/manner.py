"""How something wants to be answered, where the show has a wish of its own."""

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from typing import NamedTuple

from msgspec.structs import replace

from marotte.events import Line


class Manner(NamedTuple):
    """How a percept wants to be answered; one that has any is answered in a turn of its own."""

    feeling: str = ""
    voice: str = ""
    """The voice that is to speak, by its name in the show."""
    prompt: str = ""
    """What the character is asked to do with it."""
    verbatim: str = ""
    """Words that are said as they stand, instead of an answer."""

    def shape(self, line: Line) -> Line:
        """Return a line as it is to be said."""
        return replace(line, feeling=self.feeling or line.feeling, voice=self.voice or line.voice)


AS_USUAL = Manner()


def harmless(text: str) -> str:
    """Return a stranger's words without anything that could be a stage direction or markup."""
    return " ".join("".join(c if c.isprintable() and c not in "[]{}<>*_`|\\" else " " for c in text).split())


async def last_answers(lines: AsyncIterator[Line], answers: Sequence[str]) -> AsyncGenerator[Line]:
    """Yield lines of which only the last answers: what is to be said as it stands is not said before its end."""
    held: Line | None = None
    try:
        async for line in lines:
            if held is not None:
                yield held
            held = line
        if held is not None:
            yield replace(held, answers=tuple(answers))
    finally:
        if isinstance(lines, AsyncGenerator):
            await lines.aclose()
