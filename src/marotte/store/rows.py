"""What is read from the store."""

import msgspec

from marotte.events import PUBLIC, AnyPercept, ChatMessage, Timings, Utterance


def person(percept: AnyPercept) -> str:
    """Return the id under which what this person says is remembered; "" where no person is behind the percept.

    Whoever speaks on a floor without being known as a viewer is remembered as that floor's partner.
    """
    if percept.viewer is not None:
        return percept.viewer.known_as or percept.viewer.id
    return f"floor:{percept.floor}" if isinstance(percept, Utterance | ChatMessage) else ""


class TurnRow(msgspec.Struct, frozen=True, kw_only=True):
    """One turn as it is kept."""

    id: str
    at: float
    floor: str
    lane: str
    state: str
    """``speaking``, or the state of its ``Ending``."""
    who: str
    """Whom it answers, by name."""
    text: str
    """What it answers."""
    heard: str
    cut: bool
    reason: str
    timings: Timings
    percepts: tuple[str, ...]


class Exchange(msgspec.Struct, frozen=True, kw_only=True):
    """What was said to the character in one turn, and what was heard of its answer."""

    turn: str
    at: float
    percepts: tuple[AnyPercept, ...]
    heard: str
    cut: bool = False


class AccountRow(msgspec.Struct, frozen=True, kw_only=True):
    """One account of a person who has several."""

    id: str
    name: str
    """"" where it has never written."""
    platform: str
    at: float
    """When it was joined; 0 for the account under which they are remembered."""
    by: str
    """Who joined it: an operator, or ``code``: they gave one on both."""


class Person(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody with several accounts."""

    main: str
    """The account under which they are remembered, the first of ``accounts``."""
    accounts: tuple[AccountRow, ...]


class Fact(msgspec.Struct, frozen=True, kw_only=True):
    """One sentence that is known of a viewer, and where it comes from."""

    id: int
    viewer: str
    scope: str = PUBLIC
    key: str
    text: str
    source: str
    """Id of the percept that it was learnt from."""
    quote: str
    """The words that it was learnt from."""
    at: float


class ViewerRow(msgspec.Struct, frozen=True, kw_only=True):
    """One viewer as they are kept, and how much is known of them."""

    id: str
    name: str
    platform: str
    first_seen: float
    last_seen: float
    language: str
    count: int
    """How often they were seen."""
    facts: int
    note: str
    """What those who look after the show wrote down about them."""


class Edit(msgspec.Struct, frozen=True, kw_only=True):
    """One change made by hand."""

    id: int
    at: float
    by: str
    table: str
    key: str
    column: str
    """"" where the whole row was deleted: ``before`` is then the row as JSON."""
    before: str
    after: str


class TimerRow(msgspec.Struct, frozen=True, kw_only=True):
    """One durable appointment."""

    id: str
    due: float
    floor: str
    schedule: str
    text: str
