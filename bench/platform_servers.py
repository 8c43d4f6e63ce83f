"""A local platform as a program, for ``bench/platforms.py``: people chat there at a pace, and give something at times.

    python -m bench.platform_servers twitch|youtube|tiktok|discord

Its first line of output says, as JSON, where it is and how one signs in. Then it does what each line of its input asks
for, as JSON, and answers with a line: ``{"flood": SECONDS, "rate": MESSAGES}`` answers what was sent; of Twitch alone
``{"away": SECONDS}`` cuts everybody off for so long (0: only cuts the connections) and answers how many seconds after
it was there again somebody was subscribed.
"""

import asyncio
import itertools
import json
import logging
import os
import sys
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from random import Random
from typing import Any

from tests.servers.discord import DiscordServer
from tests.servers.tiktok import TikTokServer
from tests.servers.twitch import CLIENT_ID, CLIENT_SECRET, TwitchServer
from tests.servers.youtube import CLIENT, SCOPE, SECRET, YouTubeServer

TICK = 0.005
CHATTERS = 300
CHAT = "channel.chat.message"
_WORDS = ("hello", "jester", "skull", "why", "bells", "song", "again", "real", "how", "stage", "moon", "lol", "apple")


class Platform:
    """One platform: how one signs in there, and how somebody writes or gives something."""

    def __init__(self, server: Any, about: dict[str, str], write: Callable[[str, str], Any], give: Any = None) -> None:
        self.server, self.about, self.write, self.give = server, about, write, give
        self._rng, self._numbers = Random(7), itertools.count()

    async def flood(self, seconds: float, rate: int) -> dict[str, Any]:
        """Let people write at a pace, and one of them give something each second; return how much was sent."""
        began, sent, gifts = time.monotonic(), 0, list[str]()
        while sent < rate * seconds:
            passed = time.monotonic() - began
            for _ in range(sent, min(round(rate * seconds), int(passed * rate))):
                words = " ".join(self._rng.choices(_WORDS, k=self._rng.randint(2, 8)))
                self.write(f"viewer{self._rng.randrange(CHATTERS)}", f"{words} {next(self._numbers)}")
                sent += 1
            if self.give is not None and len(gifts) < passed:
                gifts.append(f"Giver{next(self._numbers)}{sys.argv[1]}")
                self.give(gifts[-1])
            await asyncio.sleep(TICK)
        return {"sent": sent, "gifts": gifts, "took": time.monotonic() - began}

    async def away(self, seconds: float) -> float:
        """Cut everybody off; return the seconds from when one can come back until somebody is subscribed again."""
        twitch: TwitchServer = self.server
        if seconds:
            await twitch.down()
            await asyncio.sleep(seconds)
            await twitch.up()
        else:
            twitch.drop()
        there = time.monotonic()
        async with asyncio.timeout(60):
            while not any(one.type == CHAT for one in twitch.subscriptions):  # noqa: ASYNC110
                await asyncio.sleep(0.001)
        return time.monotonic() - there


def twitch() -> Platform:
    server = TwitchServer()
    about = {"client": CLIENT_ID, "secret": CLIENT_SECRET}
    return Platform(server, about, server.chat, lambda who: server.cheer(who, 100, "well sung"))


def youtube() -> Platform:
    server = YouTubeServer()
    return Platform(
        server, {"client": CLIENT, "secret": SECRET}, server.chat, lambda who: server.super_chat(who, 5, text="for you")
    )


def tiktok() -> Platform:
    server = TikTokServer(together=0.1)
    return Platform(server, {"room": str(server.room)}, server.chat, lambda who: server.gift(who, streak=False))


def discord() -> Platform:
    server = DiscordServer()
    return Platform(server, {"token": server.token}, lambda who, said: server.message(who, said, mention=False))


def there(platform: Platform) -> dict[str, str]:
    """Say where a platform is, and how one signs in."""
    server = platform.server
    where = {name: getattr(server, name, "") for name in ("api", "id", "eventsub", "url", "gateway", "endpoint")}
    match server:
        case TwitchServer():
            access = server.grant()
            where |= {"access": access, "refresh": server.refresh_of(access), "channel": server.broadcaster.id}
        case YouTubeServer():
            grant = server.grant(SCOPE)
            where |= {"access": grant.access, "refresh": grant.refresh, "chat": server.chat_id}
        case _:
            pass
    return {**platform.about, **where}


async def main() -> None:
    """Serve until the input ends."""
    logging.getLogger("aiohttp.server").disabled = True
    os.nice(10)  # platforms have machines of their own; here they are to have what the show leaves
    platform: Platform = {"twitch": twitch, "youtube": youtube, "tiktok": tiktok, "discord": discord}[sys.argv[1]]()
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(platform.server)
        print(json.dumps(there(platform)), flush=True)
        loop = asyncio.get_running_loop()
        while line := await loop.run_in_executor(None, sys.stdin.readline):
            asked = json.loads(line)
            away = "away" in asked
            done = await (platform.away(asked["away"]) if away else platform.flood(asked["flood"], asked["rate"]))
            print(json.dumps(done), flush=True)


if __name__ == "__main__":
    asyncio.run(main())
