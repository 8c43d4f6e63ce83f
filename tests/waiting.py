"""How tests wait: for what must happen, never for a time in which it may."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

PATIENCE = 60.0
"""Seconds that a busy machine may take for anything."""
QUICK = "[voice.espeak]\nspeed = 2.7\n"
"""For the show of a test that waits for the end of what is said: it is said as quickly as the embedded voice can."""


async def until(condition: Callable[[], Any], what: str, within: float = PATIENCE) -> Any:
    """Wait until ``condition`` gives or resolves to something true, and return that."""
    try:
        async with asyncio.timeout(within):
            while True:
                found = condition()
                if isinstance(found, Awaitable):
                    found = await found
                if found:
                    return found
                await asyncio.sleep(0.02)
    except TimeoutError:
        raise AssertionError(f"{what}: not within {within:g} s") from None
