"""Messages a second through the local bus, beside a bare ``asyncio.Queue``.

One task publishes, another takes what comes, in one event loop. Both sides do the same for both: the publisher gives
the loop a turn every 64 messages, the consumer takes one message after another. Five rounds, in turns; the best counts,
because other load on the machine only ever takes away.
"""

import asyncio
import time
from collections.abc import Callable

from bench import Row, Rows, go
from marotte.bus.local import LocalBus

MESSAGES, ROUNDS = 200_000, 5
EACH = 64
SUBJECT = "percept.chat_message.public"


async def _publish(put: Callable[[int], None]) -> None:
    for number in range(MESSAGES):
        put(number)
        if number % EACH == EACH - 1:
            await asyncio.sleep(0)


async def bus() -> float:
    local = LocalBus()
    box = local.subscribe("percept.chat_message.*", size=4 * EACH)

    async def consume() -> None:
        for _ in range(MESSAGES):
            await box.get()

    rate = await _both(lambda number: local.publish(SUBJECT, number), consume())
    assert local.dropped == 0
    return rate


async def queue() -> float:
    bare: asyncio.Queue[int] = asyncio.Queue(4 * EACH)

    async def consume() -> None:
        for _ in range(MESSAGES):
            await bare.get()

    return await _both(bare.put_nowait, consume())


async def _both(put: Callable[[int], None], consuming: "asyncio.Future[None] | object") -> float:
    began = time.perf_counter()
    await asyncio.gather(_publish(put), consuming)  # type: ignore[arg-type]
    return MESSAGES / (time.perf_counter() - began)


async def _measure() -> Rows:
    ours, limit = 0.0, 0.0
    for _ in range(ROUNDS):
        ours, limit = max(ours, await bus()), max(limit, await queue())
    return [
        Row("bus: messages a second", "/s", ours, limit),
        Row("bus: share of a bare queue", "", ours / limit, 1.0, 0.8, least=True),
    ]


def run() -> Rows:
    return go(_measure())
