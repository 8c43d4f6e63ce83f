"""The scripted providers of the voice figures, as a program: a brain and a voice that answer on a stopwatch.

The brain gives its first word after 200 ms, or after the seconds that are its one argument, then 50 words a second:
four sentences, the first of ten words. The voice gives its first sound after 100 ms, then five times faster than it
sounds. Every request is stamped on the monotonic clock, which all processes of a machine share. The reply repeats the
mark of the turn that asks, ``turn`` and letters, so that its requests can be told from others'.
"""

import asyncio
import logging
import re
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextvars import ContextVar
from typing import Any

from aiohttp import web
from tests.servers import openai
from tests.servers.faulty import Asked, paced
from tests.servers.openai import OpenAIServer, Script

from marotte.time import new_loop

FIRST = 10
"""Words of the first sentence."""
MARK = re.compile(r"turn[a-z]+", re.IGNORECASE)
_asked: ContextVar[Asked] = ContextVar("asked")


def reply(messages: list[dict[str, Any]]) -> str:
    """Answer with four sentences, 41 words in all; the first bears the mark of the turn."""
    mark = MARK.findall(messages[-1]["content"])[-1].lower()
    return (
        f"You came back for {mark} and I am very glad. The curtain has been restless since the early morning hours."
        " Somebody in the third row brought apples for all of us. Shall we begin with the song about the moon?"
    )


class Providers(OpenAIServer):
    """The server of the tests, which stamps besides when the whole first sentence was sent."""

    async def _chat(self, request: web.Request, asked: Asked, fault: str) -> web.StreamResponse:
        _asked.set(asked)
        return await super()._chat(request, asked, fault)


async def _stamped(words: Sequence[str], first: float, between: float, fault: str) -> AsyncIterator[tuple[int, str]]:
    """Give words on the stopwatch of the server of the tests; stamp when the first sentence is whole."""
    async for index, word in paced(words, first, between, fault):
        if index == FIRST - 1:
            _asked.get().body["sentence"] = time.monotonic()
        yield index, word


async def main() -> None:
    openai.paced = _stamped
    logging.getLogger("aiohttp.server").disabled = True  # it would tell of every turn that is cut
    script = Script(
        reply=reply,
        first_token=float(sys.argv[1]) if sys.argv[1:] else 0.2,
        between=0.02,
        first_sound=0.1,
        pace=5.0,
        key="",
    )
    async with Providers(script) as server:
        print(server.url, flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=new_loop) as runner:
        runner.run(main())
