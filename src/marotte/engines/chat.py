"""What brains that take a chat share: messages that alternate, calls that come in pieces, and what goes back with them.

Each provider writes these in its own way; that is the business of its engine.
"""

import base64
import json
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import count, groupby
from typing import Any, Generic, TypeVar, cast

import msgspec

from marotte.engines.kinds import Call, EngineError, EngineSettings, Message, Prompt, Result, Tool

T = TypeVar("T")

UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What reading may raise where a server sends anything but the JSON that it should."""

GO_ON = "You were cut off there. Go on exactly where you broke off; repeat nothing and do not mention it."
LARGEST = 1_000_000
"""Characters of the thoughts behind a reply that are kept to go back with its calls."""
_LONGEST_CALL = 100_000
"""Characters of the arguments of one call."""
_MOST_CALLS = 32
_KEPT = 64
_NOTHING_SAID = "…"


class ChatSettings(EngineSettings):
    """What a show may set for any brain that takes a chat."""

    tools: bool = True
    """Offer it the show's tools; false for a model that has no use for them."""
    pictures: bool = True
    """Let it see what the character sees; false for a model that only reads."""


def spoken(prompt: Prompt) -> list[Message]:
    """Write what was said as messages that alternate, the first and the last a user's, as many models demand.

    Where the reply has begun and nothing was called, its beginning and the wish to go on stand at the end.
    """
    said = [*prompt.history, Message(role="user", text=prompt.text)]
    if not prompt.results:
        said += [
            Message(role="assistant", text=prompt.said),
            Message(role="user", text=GO_ON if prompt.said.strip() else ""),
        ]
    found: list[Message] = []
    for message in said:
        text = f"{message.name}: {message.text}" if message.name and message.role == "user" else message.text
        if found and found[-1].role == message.role and message.text.strip():
            text = f"{found.pop().text}\n{text}"
        if message.text.strip():
            found.append(Message(role=message.role, text=text))
    if not found or found[0].role != "user":
        found.insert(0, Message(role="user", text=_NOTHING_SAID))
    if found[-1].role != "user":
        found.append(Message(role="user", text=_NOTHING_SAID))
    return found


def pictures(prompt: Prompt, settings: ChatSettings) -> list[str]:
    """Return what the character sees as base64, or nothing where the model only reads."""
    return [base64.b64encode(picture).decode() for picture in prompt.pictures] if settings.pictures else []


def functions(tools: Sequence[Tool]) -> list[dict[str, Any]]:
    """Write tools as OpenAI does, and others after it."""
    return [
        {
            "type": "function",
            "function": {"name": tool.name, "description": tool.description, "parameters": tool.parameters},
        }
        for tool in tools
    ]


class Rounds(Generic[T]):
    """Remembers what a provider wants to see again beside its calls: its thoughts, and their signatures."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, T | None] = OrderedDict()
        self._numbers = count(1)

    def name(self, given: str) -> str:
        """Return an id for a call: the provider's own, unless it has given none, or the same before."""
        while not given or given in self._kept:
            given = f"call_{next(self._numbers)}"
        self._kept[given] = None
        return given

    def keep(self, calls: Iterable[Call], what: T) -> None:
        """Remember that ``what``, an object of its own, belongs to the calls of one reply; the oldest are forgotten."""
        for call in calls:
            self._kept[call.id] = what
        while len(self._kept) > _KEPT:
            self._kept.popitem(last=False)

    def of(self, results: Sequence[Result]) -> Iterator[tuple[T | None, list[Result]]]:
        """Give the results by the replies that asked for them, each with what was kept; None where nothing was."""
        for _, together in groupby(results, key=lambda result: id(self._kept.get(result.call.id))):
            found = list(together)
            yield self._kept.get(found[0].call.id), found


@dataclass
class _Pieces:
    id: str
    tool: str
    arguments: str = ""


class Calls:
    """Puts together the calls of one reply, whose arguments come in pieces of JSON."""

    def __init__(self, brain: str) -> None:
        """``brain`` is for error messages."""
        self._brain = brain
        self._all: list[_Pieces] = []
        self._open: dict[int, _Pieces] = {}

    def __bool__(self) -> bool:
        return bool(self._all)

    def add(self, number: int | None, id: str = "", tool: str = "", arguments: str = "") -> None:
        """Take a piece of the call with that number; another id at the same number begins another call.

        Raises EngineError where calls are too many or too long.
        """
        at = number if number is not None else max(0, len(self._all) - (not id))
        pieces = self._open.get(at)
        if pieces is None or (id and pieces.id and id != pieces.id):
            pieces = self._open[at] = _Pieces(id, "")
            self._all.append(pieces)
        pieces.id = pieces.id or id
        pieces.tool = pieces.tool or tool
        pieces.arguments += arguments
        if len(self._all) > _MOST_CALLS or len(pieces.arguments) > _LONGEST_CALL:
            raise EngineError(f"{self._brain}: called more, or with more, than anybody could want")

    def all(self, rounds: Rounds[Any]) -> list[Call]:
        """Return the whole calls. Raises EngineError where one names no tool, or its arguments are no JSON object."""
        calls: list[Call] = []
        for pieces in self._all:
            try:
                arguments: Any = json.loads(pieces.arguments or "{}")
            except (ValueError, RecursionError):
                arguments = None
            if not pieces.tool or not isinstance(arguments, dict):
                called = (pieces.tool or "a tool without a name")[:64]
                raise EngineError(f"{self._brain}: called {called} with what is no JSON object")
            found = cast("dict[str, Any]", arguments)
            calls.append(Call(id=rounds.name(pieces.id), tool=pieces.tool, arguments=found))
        return calls
