"""The program that reads a LIVE on TikTok with TikTokLive 7, whose licence (AGPL-3.0) stays out of our process.

A request is ``{"user": …, "room": …, "sign": …, "key": …}``; it lasts as long as one connection. The answers are what
happens: ``{"what": "connected"}``, then ``chat``, ``gift``, ``follow``, ``subscribe``, ``like``, ``end``, ``malformed``
for what cannot be read, and ``alive`` where anything else comes. The last is
``{"what": "ended", "kind": …, "why": …, "status": …, "wait": …}``.

https://github.com/isaackogan/TikTokLive (7.0.1). TikTok publishes no interface for this: all of it may change any day.
"""

import asyncio
import importlib
import logging
import os
import time
from contextlib import suppress
from typing import Any

from marotte.engines.program import Request, serve

_LONGEST = 1_000
_NAME = 100
_GOODBYE = 0.5
_START = 45.0
"""Seconds to find the room, have the address signed and be connected."""
_ALIVE = 5.0
"""Seconds between two words that something comes."""
_MEMORY = 1 << 30
"""Bytes: what TikTok sends packed is unpacked without a limit."""
_READ = frozenset(
    f"Webcast{kind}Message" for kind in ("Chat", "Gift", "Social", "SubNotify", "Barrage", "Like", "Control")
)
"""What is told of; of the rest it is no loss where TikTok has changed it."""
_SUPER_FAN = "someonebecamesuperfan"
"""In the key of a banner that says that somebody pays each month now, which TikTok calls so instead of subscribing.

The library's own ``SuperFanEvent`` looks for that key in a field that its messages have no more.
"""
_COMBO = 1
"""The kind of gift that is given in streaks."""


class Reader:
    """Reads one LIVE after another."""

    def __init__(self) -> None:
        self._library: Any = importlib.import_module("TikTokLive")
        self._events: Any = importlib.import_module("TikTokLive.events")
        self._defaults: Any = importlib.import_module("TikTokLive.client.web.web_settings").WebDefaults
        logging.getLogger("TikTokLive").setLevel(logging.CRITICAL)

    def handle(self, request: Request) -> None:
        """Answer one request."""
        asyncio.run(self._read(request))

    async def _read(self, request: Request) -> None:
        asked = request.header
        self._defaults.tiktok_sign_url = asked["sign"]
        self._defaults.tiktok_sign_api_key = asked["key"] or None
        client: Any = self._library.TikTokLiveClient(asked["user"], ws_kwargs={"close_timeout": _GOODBYE})
        told = Told(request)
        for name, tell in told.of.items():
            client.add_listener(getattr(self._events, name), told.safely(tell))
        client._parse_webcast_response_message = told.parsed(client._parse_webcast_response_message)
        working = asyncio.ensure_future(self._work(client, asked["room"]))
        watching = asyncio.ensure_future(_until_cancelled(request))
        try:
            await asyncio.wait({working, watching}, return_when=asyncio.FIRST_COMPLETED)
            if working.done() and not request.cancelled:
                request.send({"what": "ended", **_ending(working.exception(), asked["key"])})
        finally:
            working.cancel()
            watching.cancel()
            await asyncio.wait({working, watching}, timeout=_GOODBYE)

    async def _work(self, client: Any, room: str) -> None:
        """Be connected, from the beginning to the end."""
        try:
            async with asyncio.timeout(_START):
                if room:
                    running = await client.start(room_id=int(room), fetch_live_check=False)
                else:
                    running = await client.start()
            await running
        finally:
            with suppress(Exception):  # it is over, whatever the library says
                async with asyncio.timeout(_GOODBYE):
                    await client.disconnect()
                    await client.web.close()


class Told:
    """Tells what happens, a line each."""

    def __init__(self, request: Request) -> None:
        self._request = request
        self._alive = 0.0
        self.of: dict[str, Any] = {
            "ConnectEvent": self._connected,
            "CommentEvent": self._chat,
            "GiftEvent": self._gift,
            "FollowEvent": self._follow,
            "SubNotifyEvent": self._subscribe,
            "BarrageEvent": self._banner,
            "LikeEvent": self._like,
            "LiveEndEvent": self._end,
            "WebsocketResponseEvent": self._anything,
        }

    def _send(self, what: str, event: Any = None, **more: Any) -> None:
        self._alive = time.monotonic()
        if event is not None:
            head = event.common
            more |= {
                "message": str(head.msg_id if head else ""),
                "at": (head.create_time if head else 0) / 1_000,
                "user": _user(event.user),
            }
        self._request.send({"what": what, **more})

    def safely(self, tell: Any) -> Any:
        """Return what tells of an event, and of one that is not as it should be."""

        async def tells(event: Any) -> None:
            try:
                await tell(event)
            except Exception as error:
                head = getattr(event, "common", None)
                self._malformed(getattr(head, "msg_id", ""), f"{type(event).__name__}, {type(error).__name__}")

        return tells

    def parsed(self, parse: Any) -> Any:
        """Return the library's ``parse`` of one message, so that it tells what it leaves out in silence."""

        async def parses(webcast_response: Any, webcast_response_message: Any) -> list[Any]:
            made: list[Any] = []
            with suppress(Exception):
                made = await parse(webcast_response=webcast_response, webcast_response_message=webcast_response_message)
            kind = getattr(webcast_response_message, "method", "")
            if kind in _READ and len(made) < 2:  # else there is the event, and the word that something came
                self._malformed(webcast_response_message.msg_id, kind)
            return made

        return parses

    def _malformed(self, message: Any, why: str) -> None:
        self._request.send({"what": "malformed", "message": str(message)[:_NAME], "why": why[:_NAME]})

    async def _connected(self, event: Any) -> None:
        self._send("connected")

    async def _chat(self, event: Any) -> None:
        who = event.user_identity
        roles = [
            name
            for name, field in (
                ("operator", "is_anchor"),
                ("moderator", "is_moderator_of_anchor"),
                ("subscriber", "is_subscriber_of_anchor"),
            )
            if getattr(who, field, False)
        ]
        text, language = str(event.content)[:_LONGEST], str(event.content_language)[:20]
        self._send("chat", event, text=text, language=language, roles=roles)

    async def _gift(self, event: Any) -> None:
        gift = event.gift
        streak = gift is not None and int(gift.type) == _COMBO
        # Where nothing ties a gift to others, its message is all that it can be known by.
        group = event.group_id or (0 if streak else event.common.msg_id)
        self._send(
            "gift",
            event,
            gift=str(gift.name if gift else "")[:_NAME],
            count=int(event.repeat_count),
            group=f"{event.gift_id}-{group}",
            over=not streak or bool(event.repeat_end),
        )

    async def _follow(self, event: Any) -> None:
        self._send("follow", event)

    async def _subscribe(self, event: Any) -> None:
        self._send("subscribe", event, months=int(event.sub_month))

    async def _banner(self, event: Any) -> None:
        texts = (event.content, event.common_barrage_content)
        if any(_SUPER_FAN in text.key.lower() for text in texts if text is not None):
            self._send("subscribe", event, months=1, kind="banner")

    async def _like(self, event: Any) -> None:
        self._send("like", event, count=int(event.count))

    async def _end(self, event: Any) -> None:
        self._send("end")

    async def _anything(self, event: Any) -> None:
        if time.monotonic() - self._alive > _ALIVE:
            self._send("alive")


def _user(user: Any) -> dict[str, str]:
    if user is None:
        return {}
    number = int(user.id or 0)
    return {"id": str(user.display_id or number or "")[:_NAME], "name": str(user.nickname or "")[:_NAME]}


def _ending(error: BaseException | None, key: str) -> dict[str, Any]:
    """Say how a connection ended."""
    if error is None:
        return {"kind": "", "why": "TikTok closed the connection", "status": 0, "wait": 0.0}
    kind, why = type(error).__name__, " ".join(str(error).split())
    if isinstance(error, TypeError):  # the library, of a refusal that does not say for how long
        kind, why = "SignatureRateLimitError", "too many connections"
    response = getattr(error, "response", None)
    wait = str(response.headers.get("Retry-After", "")) if response is not None else ""
    return {
        "kind": kind,
        "why": (why.replace(key, "…") if key else why)[:300],
        "status": response.status_code if response is not None else 0,
        "wait": float(wait) if wait.isdecimal() and len(wait) < 6 else 0.0,
    }


async def _until_cancelled(request: Request) -> None:
    while not request.cancelled:  # noqa: ASYNC110 - another thread says so
        await asyncio.sleep(0.05)


def _bounded() -> None:
    """Let this program have so much memory and no more."""
    try:
        import resource

        resource.setrlimit(resource.RLIMIT_DATA, (_MEMORY, _MEMORY))
    except (ImportError, ValueError, OSError):
        pass


if __name__ == "__main__":
    os.environ.pop("SIGN_API_URL", None)
    _bounded()
    serve(Reader().handle)
