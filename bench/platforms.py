"""Chat at 2,000 messages a second over Twitch, YouTube, TikTok and Discord at once, through the real links.

Each platform is a local server in a process of its own (``bench/platform_servers.py``), which has of this machine what
the show leaves; somebody gives something there every second besides. The show answers with its own director and script,
and a scripted voice of 50 words a second, so that no gift waits for the one before it for long. The event loop's lag is
how much later than asked a sleep of 10 ms ends. Every message must be accounted for: it came through its link, and
attention took it, merged it with another, dropped it and counted it, or lost and counted it at its door.

The limit of the lag is a bare client in the same process: it reads the frames of Twitch, YouTube and Discord with
``json.loads`` and does nothing else; TikTok's are read in a child process by both. After that, Twitch cuts us off: how
long until we are subscribed again, from the moment at which one can be.
"""

import asyncio
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import aiohttp
import psutil
from tests.servers.discord import patched
from tests.stand_ins import built
from tests.stream_stage import QuickVoice

from bench import Row, Rows, go, percentile
from bench.attention import SETTLED
from bench.floors import warm
from bench.platform_servers import CHAT
from marotte import config
from marotte.events import ChatMessage, Gift, TurnEnded
from marotte.links.tokens import Token, Tokens
from marotte.mind.lanes import Bundle
from marotte.show import Run

RATES = {"twitch": 1_000, "youtube": 600, "tiktok": 200, "discord": 200}
"""Messages a second."""
SECONDS, BARE, LONG = 10.0, 5.0, 60.0
SETTLED_LONG = 36.0
"""Seconds after which memory must no longer grow: by then as many messages are known again, by their ids, as ever will
be, 20,000 of Twitch and as many of YouTube."""
BACK = (0.0, 0.0, 2.0)
"""Seconds for which Twitch is away; 0: the connection alone is gone."""
WORD = 0.02
PATIENCE = 60.0
"""Seconds after the flood in which everything must have come."""
_INTENTS = 1 << 9 | 1 << 15
SHOW = """
[attention]
lull_after = 0
pause = 0.05
[lanes.gifts]
together = 8
[brain]
discover = false
[twitch]
client_id = "{twitch.client}"
api = "{twitch.api}"
login = "{twitch.id}"
events = "{twitch.eventsub}"
answer = false
[youtube]
client_id = "{youtube.client}"
api = "{youtube.api}"
login = "{youtube.url}"
[tiktok]
user = "@pip"
room = "{tiktok.room}"
sign = "{tiktok.url}"
[discord]
every = true
answer = false
"""


class Server:
    """A platform in a process of its own."""

    def __init__(self, process: asyncio.subprocess.Process, about: dict[str, str]) -> None:
        self._process, self.about = process, SimpleNamespace(**about)

    @classmethod
    async def start(cls, platform: str) -> "Server":
        command = (sys.executable, "-m", "bench.platform_servers", platform)
        process = await asyncio.create_subprocess_exec(*command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert process.stdout is not None
        return cls(process, json.loads(await process.stdout.readline()))

    async def ask(self, **asked: Any) -> Any:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(asked).encode() + b"\n")
        return json.loads(await self._process.stdout.readline())

    async def stop(self) -> None:
        if self._process.returncode is None:
            self._process.kill()
        await self._process.wait()


Servers = dict[str, Server]


class Lag:
    """How late sleeps end."""

    def __init__(self) -> None:
        self.found: list[float] = []

    async def run(self) -> None:
        while True:
            due = time.monotonic() + 0.01
            await asyncio.sleep(0.01)
            self.found.append((time.monotonic() - due) * 1e3)


@asynccontextmanager
async def lag() -> AsyncIterator[list[float]]:
    """Measure the lag within the block, in milliseconds."""
    found = Lag()
    task = asyncio.create_task(found.run())
    try:
        yield found.found
    finally:
        task.cancel()


async def flood(servers: Servers, seconds: float) -> dict[str, Any]:
    """Let people write everywhere; return what was sent on each platform."""
    asked = (server.ask(flood=seconds, rate=RATES[name]) for name, server in servers.items())
    return dict(zip(servers, await asyncio.gather(*asked), strict=True))


# --- the limit


async def bare(servers: Servers) -> float:
    """Return the 99th percentile of the lag of a client that does nothing but read."""
    async with aiohttp.ClientSession() as http:
        reading = [_twitch(http, servers["twitch"].about), _youtube(http, servers["youtube"].about)]
        tasks = [asyncio.create_task(one) for one in (*reading, _discord(http, servers["discord"].about))]
        await asyncio.sleep(2.0)
        async with lag() as found:
            await flood({name: one for name, one in servers.items() if name != "tiktok"}, BARE)
        for task in tasks:
            task.cancel()
        for ended in await asyncio.gather(*tasks, return_exceptions=True):
            if not isinstance(ended, asyncio.CancelledError):
                raise RuntimeError(f"the bare client ended: {ended!r}")
    return percentile(found, 0.99)


async def _twitch(http: aiohttp.ClientSession, about: SimpleNamespace) -> None:
    async with http.ws_connect(about.eventsub) as socket:
        session = (await socket.receive_json())["payload"]["session"]["id"]
        body = {
            "type": CHAT,
            "version": "1",
            "condition": {"broadcaster_user_id": about.channel, "user_id": about.channel},
            "transport": {"method": "websocket", "session_id": session},
        }
        headers = {"Authorization": f"Bearer {about.access}", "Client-Id": about.client}
        async with http.post(f"{about.api}/eventsub/subscriptions", json=body, headers=headers) as answer:
            answer.raise_for_status()
        async for frame in socket:
            json.loads(frame.data)


async def _youtube(http: aiohttp.ClientSession, about: SimpleNamespace) -> None:
    query = {"liveChatId": about.chat, "part": "id,snippet,authorDetails"}
    headers = {"Authorization": f"Bearer {about.access}"}
    text, decoder = "", json.JSONDecoder()
    async with http.get(f"{about.api}/liveChat/messages/stream", params=query, headers=headers) as answer:
        async for piece in answer.content.iter_any():
            text += piece.decode()
            # Objects are written with an indent: one ends where a brace stands at the beginning of a line.
            while "\n}\n" in text:
                text = text.lstrip("[, \n")
                text = text[decoder.raw_decode(text)[1] :]


async def _discord(http: aiohttp.ClientSession, about: SimpleNamespace) -> None:
    async with http.ws_connect(f"{about.gateway}?v=10&encoding=json", max_msg_size=0) as socket:
        await socket.receive()
        properties = {"os": "linux", "browser": "bench", "device": "bench"}
        await socket.send_json(
            {"op": 2, "d": {"token": about.token, "intents": _INTENTS | 1, "properties": properties}}
        )
        async for frame in socket:
            json.loads(frame.data)


# --- ours


class Counts:
    """What came through the links, and what attention did with it."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self.messages = dict.fromkeys(RATES, 0)
        self.gifts: dict[str, str] = {}
        """Ids, by who gave."""
        self.answered: set[str] = set()
        self.taken = 0
        self._attention = run.public.attention
        self._next, self._attention.next = self._attention.next, self._taken
        # What came before does not count: YouTube tells a newcomer the last messages again.
        self._before = 0
        self._before = self.known()
        self._watching = run.bus.subscribe("percept.>", "event.turn_ended.>", size=500_000)

    async def _taken(self) -> Bundle:
        bundle = await self._next()
        if bundle.lane == "chat":
            self.taken += sum(1 + entry.merged for entry in bundle.waiting)
        return bundle

    async def watch(self) -> None:
        while batch := await self._watching.batch():
            for message in batch:
                match message.data:
                    case ChatMessage(link=link):
                        self.messages[link] += 1
                    case Gift(id=gift, viewer=viewer):
                        self.gifts[viewer.name if viewer else ""] = gift
                    case TurnEnded(ending=ending):
                        self.answered.update(ending.answered)
                    case _:
                        pass

    def all_answered(self, given: set[str]) -> bool:
        """Whether all who gave something were answered."""
        return all(self.gifts.get(who) in self.answered for who in given)

    def known(self) -> int:
        """Return of how many messages it is known what became of them."""
        attention = self._attention
        dropped = sum(count for (lane, _), count in attention.dropped.items() if lane == "chat")
        return self.taken + dropped + attention.depth()["chat"] - self._before


@asynccontextmanager
async def run_of(servers: Servers, folder: Path) -> AsyncIterator[Run]:
    """Run the show, signed in and connected everywhere."""
    about = {name: server.about for name, server in servers.items()}
    tokens = Tokens(folder / "tokens")
    for name in ("twitch", "youtube"):
        await tokens.keep(name, Token(access=about[name].access, refresh=about[name].refresh))
    secrets = {"YOUTUBE_CLIENT_SECRET": about["youtube"].secret, "TWITCH_CLIENT_SECRET": about["twitch"].secret}
    run = Run(config.parse(SHOW.format(**about)), folder, {**secrets, "DISCORD_TOKEN": about["discord"].token})
    run.voices.follow([built("espeak", QuickVoice(WORD))], 60.0, anew=True)
    with patched(cast("Any", about["discord"])):
        await run.start()
        try:
            await warm(run)
            async with asyncio.timeout(90):
                while {link for link, state in run.link_states.items() if state.state == "up"} != RATES.keys():  # noqa: ASYNC110
                    await asyncio.sleep(0.1)
            await asyncio.sleep(2.0)
            yield run
        finally:
            await run.stop()


async def ours(servers: Servers, folder: Path, seconds: float, limit: float) -> Rows:
    """Flood the show, then cut it off from Twitch."""
    settled = SETTLED if seconds < LONG else SETTLED_LONG
    async with run_of(servers, folder) as run:
        counts, process = Counts(run), psutil.Process()
        watching = asyncio.create_task(counts.watch())
        async with lag() as found:
            flooding = asyncio.create_task(flood(servers, seconds))
            await asyncio.sleep(settled)
            before = process.memory_info().rss
            sent = await flooding
        grown = process.memory_info().rss - before
        given = {who for one in sent.values() for who in one["gifts"]}
        wanted = {name: one["sent"] for name, one in sent.items()}
        with suppress(TimeoutError):  # what does not come is shown
            async with asyncio.timeout(PATIENCE):
                while counts.messages != wanted or not counts.all_answered(given):  # noqa: ASYNC110
                    await asyncio.sleep(0.05)
        away = sum(abs(number - counts.messages[name]) for name, number in wanted.items())
        unknown = abs(sum(counts.messages.values()) - counts.known())
        unanswered = len([who for who in given if counts.gifts.get(who) not in counts.answered])
        watching.cancel()
        back = [await servers["twitch"].ask(away=gone) for gone in BACK]
    total, took = sum(wanted.values()), max(one["took"] for one in sent.values())
    name = f"platforms: {sum(RATES.values()):,} messages a second for {seconds:g} s"
    return [
        Row("platforms: messages a second over four", "/s", total / took, sum(RATES.values())),
        Row(f"{name}: event loop lag, p99", "ms", percentile(found, 0.99), limit, 15),
        Row(f"{name}: memory grown after {settled:g} s", "MB", grown / 1e6, None, 5 if seconds >= LONG else None),
        Row(f"{name}: gifts unanswered, of {len(given)}", "", unanswered, None, 0),
        Row(f"{name}: messages unaccounted for, of {total:,}", "", away + unknown, None, 0),
        Row("platforms: subscribed again after Twitch is there again, worst", "s", max(back), None, 1),
    ]


async def measured(seconds: float) -> Rows:
    """Measure everything, with a flood of so many seconds."""
    async with AsyncExitStack() as stack:
        servers: Servers = {}
        for name in RATES:
            servers[name] = await Server.start(name)
            stack.push_async_callback(servers[name].stop)
        limit = await bare(servers)
        with tempfile.TemporaryDirectory() as folder:
            return await ours(servers, Path(folder), seconds, limit)


def run() -> Rows:
    return go(measured(SECONDS))
