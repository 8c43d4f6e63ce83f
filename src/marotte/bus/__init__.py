"""The bus: events cross it, and anybody may watch.

Subjects follow the rules of NATS: tokens joined by dots; in a pattern ``*`` stands for one token and a final ``>`` for
one or more. Delivery is at most once, locally and scaled out alike: a mailbox that is full drops and counts. What must
not be lost goes through a port or is a row.
"""

from collections.abc import AsyncIterator
from typing import Any, Literal, Protocol

import msgspec

Overflow = Literal["drop_oldest", "drop_newest", "latest"]


class NoResponders(Exception):
    """Nobody listens on the subject of a request."""


class Message(msgspec.Struct, frozen=True, gc=False):
    """What a subscription receives."""

    subject: str
    data: Any
    reply: str = ""
    """Where an answer is awaited, or ""."""


class Subscription(Protocol):
    """A bounded mailbox of messages that match a pattern."""

    @property
    def dropped(self) -> int:
        """How many messages this mailbox has lost since it was opened."""
        ...

    def __aiter__(self) -> AsyncIterator[Message]: ...

    async def get(self) -> Message:
        """Wait for the next message; raises StopAsyncIteration once closed and empty."""
        ...

    async def batch(self) -> list[Message]:
        """Wait until something is there and take all of it; empty once closed."""
        ...

    def take(self) -> list[Message]:
        """Take all that is there, without waiting."""
        ...

    def close(self) -> None:
        """Receive no more; what waits can still be read."""
        ...


class Bus(Protocol):
    """Carries messages between rooms. Every implementation passes the contract test."""

    def publish(self, subject: str, data: Any, reply: str = "") -> None:
        """Deliver to every matching mailbox, and to one member of each queue group; never waits for a receiver."""
        ...

    def subscribe(
        self, *patterns: str, queue: str = "", size: int = 1024, overflow: Overflow = "drop_oldest"
    ) -> Subscription:
        """Open a mailbox of ``size`` messages that match any of the patterns, in the order in which they come.

        ``latest`` keeps one. Raises ValueError for a malformed pattern.
        """
        ...

    async def request(self, subject: str, data: Any, within: float = 2.0) -> Any:
        """Ask, and return the first answer's data. Raises NoResponders at once, TimeoutError after ``within`` s."""
        ...
