"""The bus inside one process."""

import asyncio
import itertools
from collections import deque
from collections.abc import AsyncIterator
from typing import Any

from marotte.bus import Message, NoResponders, Overflow


def _check(subject: str, pattern: bool) -> tuple[str, ...]:
    tokens = tuple(subject.split("."))
    for place, token in enumerate(tokens):
        wild = "*" in token or ">" in token
        lawful = pattern and (token == "*" or (token == ">" and place == len(tokens) - 1))
        if not token or any(c.isspace() for c in token) or (wild and not lawful):
            raise ValueError(f"{subject!r} is no {'pattern' if pattern else 'subject'}: token {place + 1} is {token!r}")
    return tokens


def _matches(pattern: tuple[str, ...], subject: tuple[str, ...]) -> bool:
    if pattern[-1] == ">":
        return len(subject) >= len(pattern) and _matches(pattern[:-1] or ("*",), subject[: len(pattern) - 1] or ("x",))
    return len(pattern) == len(subject) and all(p in ("*", s) for p, s in zip(pattern, subject, strict=True))


_numbers = itertools.count()


class LocalSubscription:
    """A mailbox: a bounded deque and whoever waits for it."""

    def __init__(
        self, bus: "LocalBus", patterns: tuple[tuple[str, ...], ...], queue: str, size: int, overflow: Overflow
    ) -> None:
        self._bus = bus
        self.number = next(_numbers)
        self.wild = tuple(pattern for pattern in patterns if "*" in pattern or pattern[-1] == ">")
        self.named = tuple(dict.fromkeys(pattern for pattern in patterns if pattern not in self.wild))
        """Patterns that are subjects."""
        self.queue = queue
        self.only_latest = overflow == "latest"
        self._size = 1 if self.only_latest else size
        self._keep_new = overflow != "drop_newest"
        self._box: deque[Message] = deque()
        self._waiters: deque[asyncio.Future[None]] = deque()
        self._closed = False
        self.dropped = 0

    def put(self, message: Message) -> None:
        """Take a message without waiting; drops by the overflow rule when full."""
        box = self._box
        if len(box) >= self._size:
            self.dropped += 1
            if not self._keep_new:
                return
            box.popleft()
        box.append(message)
        if self._waiters:
            self._wake()

    def _wake(self) -> None:
        """Let the one who waits longest look."""
        while self._waiters:
            waiter = self._waiters.popleft()
            if not waiter.done():
                waiter.set_result(None)
                return

    async def _filled(self) -> bool:
        while not self._box:
            if self._closed:
                self._wake()  # the next one may go too
                return False
            waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiters.append(waiter)
            try:
                await waiter
            except asyncio.CancelledError:
                if waiter in self._waiters:
                    self._waiters.remove(waiter)
                elif self._box or self._closed:
                    self._wake()  # the message that woke this one is another's
                raise
        return True

    async def get(self) -> Message:
        """Wait for the next message; raises StopAsyncIteration once closed and empty."""
        if self._box or await self._filled():
            return self._box.popleft()
        raise StopAsyncIteration

    async def batch(self) -> list[Message]:
        """Wait until something is there and take all of it; empty once closed."""
        if not self._box and not await self._filled():
            return []
        return self.take()

    def take(self) -> list[Message]:
        """Take all that is there, without waiting."""
        taken = list(self._box)
        self._box.clear()
        return taken

    def __aiter__(self) -> AsyncIterator[Message]:
        return self

    async def __anext__(self) -> Message:
        if self._box:
            return self._box.popleft()
        return await self.get()

    def close(self) -> None:
        """Receive no more; what waits can still be read."""
        if not self._closed:
            self._closed = True
            self._bus.forget(self)
            self._wake()


class _Group:
    """The members of a queue group take turns."""

    def __init__(self, members: list[LocalSubscription]) -> None:
        self._turns = itertools.cycle(members)

    def put(self, message: Message) -> None:
        next(self._turns).put(message)


class LocalBus:
    """In-process mailboxes under the subject rules of NATS."""

    MOST_ROUTES = 10_000

    def __init__(self) -> None:
        self._subscriptions: dict[LocalSubscription, None] = {}
        """In the order in which they came."""
        self._named: dict[tuple[str, ...], list[LocalSubscription]] = {}
        """Who receives a subject that they name: one lookup, however many floors there are."""
        self._routes: dict[str, tuple[LocalSubscription | _Group, ...]] = {}
        self._inboxes = itertools.count()
        self.closed_drops = 0

    @property
    def dropped(self) -> int:
        """How many messages mailboxes have lost, closed ones included; to keep but the latest loses nothing."""
        return self.closed_drops + sum(s.dropped for s in self._subscriptions if not s.only_latest)

    def publish(self, subject: str, data: Any, reply: str = "") -> None:
        """Deliver to every matching mailbox, and to one member of each queue group; never waits for a receiver."""
        routes = self._routes.get(subject)
        if routes is None:
            routes = self._resolve(subject)
        if routes:
            message = Message(subject, data, reply)
            for route in routes:
                route.put(message)

    def subscribe(
        self, *patterns: str, queue: str = "", size: int = 1024, overflow: Overflow = "drop_oldest"
    ) -> LocalSubscription:
        """Open a mailbox of ``size`` messages. ``latest`` keeps one. Raises ValueError for a malformed pattern."""
        if size < 1:
            raise ValueError(f"a mailbox holds at least one message, not {size}")
        checked = tuple(_check(pattern, pattern=True) for pattern in patterns)
        subscription = LocalSubscription(self, checked, queue, size, overflow)
        self._subscriptions[subscription] = None
        for pattern in subscription.named:
            self._named.setdefault(pattern, []).append(subscription)
        self._unlearn(subscription)
        return subscription

    def forget(self, subscription: LocalSubscription) -> None:
        """Deliver nothing more to a closed mailbox."""
        if subscription in self._subscriptions:
            del self._subscriptions[subscription]
            for pattern in subscription.named:
                self._named[pattern].remove(subscription)
                if not self._named[pattern]:
                    del self._named[pattern]
            self.closed_drops += 0 if subscription.only_latest else subscription.dropped
            self._unlearn(subscription)

    def _unlearn(self, subscription: LocalSubscription) -> None:
        """Forget the routes that a subscription changes: single subjects', or all where a pattern is wild."""
        if subscription.wild:
            self._routes.clear()
        for pattern in subscription.named:
            self._routes.pop(".".join(pattern), None)

    async def request(self, subject: str, data: Any, within: float = 2.0) -> Any:
        """Ask, and return the first answer's data. Raises NoResponders at once, TimeoutError after ``within`` s."""
        if not (self._routes.get(subject) or self._resolve(subject)):
            raise NoResponders(subject)
        reply = f"_INBOX.{next(self._inboxes)}"
        inbox = self.subscribe(reply, size=1)
        try:
            self.publish(subject, data, reply)
            async with asyncio.timeout(within):
                return (await inbox.get()).data
        finally:
            inbox.close()

    def _resolve(self, subject: str) -> tuple[LocalSubscription | _Group, ...]:
        """Find who receives a subject; remembered until a subscription comes or goes."""
        tokens = _check(subject, pattern=False)
        found = set(self._named.get(tokens, ()))
        found.update(s for s in self._subscriptions if s.wild and any(_matches(pattern, tokens) for pattern in s.wild))
        matching = sorted(found, key=lambda subscription: subscription.number)
        groups: dict[str, list[LocalSubscription]] = {}
        for subscription in matching:
            if subscription.queue:
                groups.setdefault(subscription.queue, []).append(subscription)
        routes = (*(s for s in matching if not s.queue), *map(_Group, groups.values()))
        if len(self._routes) >= self.MOST_ROUTES:
            self._routes.clear()
        self._routes[subject] = routes
        return routes
