"""The REST side of the local Discord: version 10, with its errors, permissions and rate limits.

https://discord.com/developers/docs/reference, …/resources, …/topics/rate-limits and …/opcodes-and-status-codes
"""

import asyncio
import hashlib
import json
import math
import time
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from aiohttp import web

from . import faults
from .answers import RefusedError, check_allowed, check_content, invalid, moment, reply
from .gateway import DIRECT_TYPING, MEMBERS, MODERATION, TYPING
from .world import DM, TEXT, Channel, Message, User, now

if TYPE_CHECKING:
    from . import DiscordServer

LIMITS = {"message": (5, 5.0), "delete": (5, 1.0)}
"""Requests in seconds, of one channel or guild; of other routes ``OTHERS``."""
OTHERS = (50, 1.0)
GLOBAL = (50, 1.0)
_MESSAGE = {"content", "nonce", "enforce_nonce", "tts", "embeds", "allowed_mentions", "message_reference",
            "components", "sticker_ids", "flags", "attachments", "poll"}  # fmt: skip


@dataclass
class Asked:
    """One request."""

    route: str
    method: str
    path: str
    at: float
    body: Any = None
    reason: str = ""
    """For the audit log."""
    status: int = 0


@dataclass
class Call:
    """What a handler is given: who and what the path names, and the body."""

    asked: Asked
    request: web.Request
    body: dict[str, Any]

    def id(self, name: str) -> int:
        found = self.request.match_info[name]
        if not found.isdecimal():
            raise invalid(f"{name}_id", "NUMBER_TYPE_COERCE", f'Value "{found}" is not snowflake.')
        return int(found)


Handler = Callable[[Call], Awaitable[Any]]


class Rest:
    """The routes."""

    def __init__(self, server: "DiscordServer") -> None:
        self._server, self._world = server, server.world
        self._used: dict[tuple[str, str], deque[float]] = {}
        self._all: deque[float] = deque(maxlen=1000)
        self._nonces: dict[str, Message] = {}
        self.limits = dict(LIMITS)

    def add_to(self, app: web.Application) -> None:
        """Add all routes to an application."""
        channel, guild = "/channels/{channel}", "/guilds/{guild}"
        routes: tuple[tuple[str, str, str, Handler], ...] = (
            ("GET", "/gateway", "gateway", self._gateway), ("GET", "/gateway/bot", "gateway", self._gateway),
            ("GET", "/users/@me", "me", self._me), ("GET", "/users/{user}", "user", self._user),
            ("GET", "/oauth2/applications/@me", "application", self._application),
            ("GET", "/applications/@me", "application", self._application),
            ("POST", "/users/@me/channels", "dm", self._dm), ("GET", guild, "guild", self._guild),
            ("GET", f"{guild}/channels", "channels", self._channels), ("GET", f"{guild}/roles", "roles", self._roles),
            ("GET", f"{guild}/members", "members", self._members),
            ("GET", f"{guild}/members/{{user}}", "members", self._member),
            ("PATCH", f"{guild}/members/{{user}}", "member", self._edit_member),
            ("DELETE", f"{guild}/members/{{user}}", "kick", self._kick),
            ("GET", f"{guild}/bans/{{user}}", "bans", self._banned),
            ("PUT", f"{guild}/bans/{{user}}", "ban", self._ban),
            ("DELETE", f"{guild}/bans/{{user}}", "unban", self._unban),
            ("GET", channel, "channel", self._channel), ("GET", f"{channel}/messages", "history", self._history),
            ("GET", f"{channel}/messages/{{message}}", "history", self._one),
            ("POST", f"{channel}/messages", "message", self._post),
            ("PATCH", f"{channel}/messages/{{message}}", "edit", self._edit),
            ("DELETE", f"{channel}/messages/{{message}}", "delete", self._delete),
            ("POST", f"{channel}/typing", "typing", self._typing),
        )  # fmt: skip
        for method, path, name, handler in routes:
            app.router.add_route(method, f"/api/v10{path}", self._guarded(name, handler))
        app.router.add_route("*", "/api/{rest:.*}", self._guarded("unknown", self._unknown))

    # --- what every route does

    def _guarded(self, name: str, handler: Handler) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        async def guarded(request: web.Request) -> web.StreamResponse:
            reason = unquote(request.headers.get("X-Audit-Log-Reason", ""))
            asked = Asked(name, request.method, request.path.removeprefix("/api/v10"), time.monotonic(), reason=reason)
            self._server.requests.append(asked)
            headers: dict[str, str] = {}
            try:
                response = await self._checked(request, asked, handler, headers)
            except RefusedError as refused:
                response = reply(refused.body, refused.status)
            response.headers.update(headers)
            asked.status = response.status
            return response

        return guarded

    async def _checked(
        self, request: web.Request, asked: Asked, handler: Handler, headers: dict[str, str]
    ) -> web.StreamResponse:
        match self._server.faults.take(*faults.REST, on=asked.route):
            case "hang":
                await asyncio.Event().wait()
            case "garbage":
                return web.Response(body=b'{"id": \xff', headers={"Content-Type": "application/json"})
            case "500":
                return reply({"message": "500: Internal Server Error", "code": 0}, 500)
            case "401":
                return reply({"message": "401: Unauthorized", "code": 0}, 401)
            case "429" | "429:global" as fault:
                return self._limited(asked, self._server.retry_after, "user" if fault == "429" else "global", headers)
            case _:
                pass
        if request.headers.get("Authorization") != f"Bot {self._server.token}":
            return reply({"message": "401: Unauthorized", "code": 0}, 401)
        if not request.headers.get("User-Agent", "").startswith("DiscordBot ("):
            self._server.complain(f"REST: the User-Agent {request.headers.get('User-Agent')!r}")
        if scope := self._count(request, asked, headers):
            self._server.complain(f"REST: too many requests ({scope}): {asked.method} {asked.path}")
            return self._limited(asked, float(headers.get("X-RateLimit-Reset-After", "1")), scope, headers)
        if len(asked.reason) > 512:
            raise invalid("reason", "BASE_TYPE_MAX_LENGTH", "Must be 512 or fewer in length.")
        asked.body = body = await self._body(request)
        answer = await handler(Call(asked, request, body))
        return web.Response(status=204) if answer is None else reply(answer)

    def _count(self, request: web.Request, asked: Asked, headers: dict[str, str]) -> str:
        """Count a request and add what is left; return the scope of the limit that it breaks, or ""."""
        at = asked.at
        while self._all and self._all[0] <= at - GLOBAL[1]:
            self._all.popleft()
        if len(self._all) >= GLOBAL[0]:
            return "global"
        self._all.append(at)
        limit, per = self.limits.get(asked.route, OTHERS)
        major = request.match_info.get("channel") or request.match_info.get("guild") or ""
        if len(self._used) > 1000:
            self._used.clear()
        used = self._used.setdefault((asked.route, major), deque())
        if used and used[0] <= at - per:  # a window that is over
            used.clear()
        reset = (used[0] if used else at) + per - at
        left = limit - len(used) - 1
        headers |= {
            "X-RateLimit-Limit": str(limit), "X-RateLimit-Remaining": str(max(left, 0)),
            "X-RateLimit-Reset": f"{time.time() + reset:.3f}", "X-RateLimit-Reset-After": f"{reset + 0.001:.3f}",
            "X-RateLimit-Bucket": hashlib.sha256(asked.route.encode()).hexdigest()[:32],
        }  # fmt: skip
        if left < 0:
            return "user"
        used.append(at)
        return ""

    def _limited(self, asked: Asked, after: float, scope: str, headers: dict[str, str]) -> web.Response:
        """Answer 429. A client takes one without ``Via`` for Cloudflare's ban."""
        headers |= {"Retry-After": str(math.ceil(after)), "X-RateLimit-Scope": scope, "Via": "1.1 google"}
        if scope == "global":
            headers |= {"X-RateLimit-Global": "true"}
        told = {"message": "You are being rate limited.", "retry_after": after, "global": scope == "global"}
        return reply(told, 429)

    async def _body(self, request: web.Request) -> dict[str, Any]:
        data = await request.read()
        if not data:
            return {}
        if request.content_type != "application/json":
            self._server.complain(f"REST: the Content-Type {request.content_type!r}")
            raise invalid("_", "CONTENT_TYPE", "Expected application/json")
        try:
            body = json.loads(data)
        except ValueError:
            raise RefusedError(50109) from None
        if not isinstance(body, dict):
            raise RefusedError(50109)
        return body

    async def _unknown(self, call: Call) -> None:
        self._server.complain(f"REST: no route {call.asked.method} {call.asked.path}")
        raise RefusedError(0, 404, {"message": "404: Not Found", "code": 0})

    # --- what a path names

    def _in_guild(self, call: Call, *wanted: str) -> None:
        if call.id("guild") != self._world.guild:
            raise RefusedError(10004)
        if wanted and not self._world.may(*wanted):
            raise RefusedError(50013)

    def _channel_of(self, call: Call, *wanted: str) -> Channel:
        channel = self._world.channels.get(call.id("channel"))
        if channel is None:
            raise RefusedError(10003)
        if not self._world.may("view_channel", channel=channel):
            raise RefusedError(50001)
        if not self._world.may(*wanted, channel=channel):
            raise RefusedError(50013)
        return channel

    def _message_of(self, call: Call, channel: Channel) -> Message:
        message = self._world.messages.get(call.id("message"))
        if message is None or message.deleted or message.channel is not channel:
            raise RefusedError(10008)
        return message

    def _user_of(self, call: Call, member: bool = False) -> User:
        user = self._world.users.get(call.id("user"))
        if user is None:
            raise RefusedError(10013)
        if member and user.id not in self._world.members:
            raise RefusedError(10007)
        return user

    # --- reading

    async def _gateway(self, call: Call) -> Any:
        limits = {"total": 1000, "remaining": 1000 - self._server.sessions.identified, "reset_after": 86_400_000,
                  "max_concurrency": 1}  # fmt: skip
        return {"url": self._server.gateway_url, "shards": 1, "session_start_limit": limits}

    async def _me(self, call: Call) -> Any:
        return self._world.bot.shape() | {"mfa_enabled": False, "verified": True, "flags": 0}

    async def _application(self, call: Call) -> Any:
        return {"id": str(self._world.bot.id), "name": "Pip", "icon": None, "description": "", "bot_public": False,
                "bot_require_code_grant": False, "verify_key": "00" * 32, "flags": 0, "summary": "", "team": None,
                "owner": self._world.owner.shape(), "bot": self._world.bot.shape()}  # fmt: skip

    async def _user(self, call: Call) -> Any:
        return self._user_of(call).shape()

    async def _guild(self, call: Call) -> Any:
        self._in_guild(call)
        return self._world.guild_shape()

    async def _channels(self, call: Call) -> Any:
        self._in_guild(call)
        return [self._world.channel_shape(one) for one in self._world.channels.values() if one.kind != DM]

    async def _roles(self, call: Call) -> Any:
        self._in_guild(call)
        return self._world.role_shapes()

    async def _members(self, call: Call) -> Any:
        self._in_guild(call)
        if not self._server.privileged & MEMBERS:
            raise RefusedError(50001)
        query = call.request.query
        most, after = int(query.get("limit", "1")), int(query.get("after", "0"))
        found = sorted(id_ for id_ in self._world.members if id_ > after)[: min(most, 1000)]
        return [self._world.member_shape(self._world.users[id_]) for id_ in found]

    async def _member(self, call: Call) -> Any:
        self._in_guild(call)
        return self._world.member_shape(self._user_of(call, member=True))

    async def _banned(self, call: Call) -> Any:
        self._in_guild(call, "ban_members")
        user = self._user_of(call)
        if user.id not in self._world.bans:
            raise RefusedError(10026)
        return {"user": user.shape(), "reason": self._world.bans[user.id] or None}

    async def _channel(self, call: Call) -> Any:
        return self._world.channel_shape(self._channel_of(call))

    async def _history(self, call: Call) -> Any:
        channel = self._channel_of(call)
        query = call.request.query
        before, after = (int(query.get(name, "0")) for name in ("before", "after"))
        found = [one for one in self._world.messages.values() if one.channel is channel and not one.deleted
                 and (not before or one.id < before) and one.id > after]  # fmt: skip
        if not self._world.may("read_message_history", channel=channel):
            found = []
        most = min(int(query.get("limit", "50")), 100)
        return [self._world.message_shape(one) for one in reversed(found[:most] if after else found[-most:])]

    async def _one(self, call: Call) -> Any:
        channel = self._channel_of(call, "read_message_history")
        return self._world.message_shape(self._message_of(call, channel))

    # --- messages

    async def _post(self, call: Call) -> Any:
        channel = self._channel_of(call, "send_messages")
        if channel.recipient is not None and (channel.recipient.closed or channel.recipient.id in self._world.bans):
            raise RefusedError(50007)
        body = call.body
        if unknown := body.keys() - _MESSAGE:
            self._server.complain(f"REST: a message has no {sorted(unknown)}")
        content = check_content(body)
        allowed = body.get("allowed_mentions")
        check_allowed(allowed)
        nonce = None if body.get("nonce") is None else str(body["nonce"])
        if nonce is not None and body.get("enforce_nonce") and nonce in self._nonces:
            return self._world.message_shape(self._nonces[nonce])
        reply_to = self._answered(channel, body.get("message_reference"))
        message = self._world.write(self._world.bot, channel, content, allowed, reply_to, nonce)
        if nonce is not None:
            self._nonces[nonce] = message
            if len(self._nonces) > 1000:
                self._nonces.pop(next(iter(self._nonces)))
        self._server.sent.append(message)
        self._server.sessions.message("MESSAGE_CREATE", message)
        return self._world.message_shape(message)

    def _answered(self, channel: Channel, reference: Any) -> Message | None:
        if not reference:
            return None
        found = self._world.messages.get(int(reference.get("message_id", 0)))
        if found is not None and not found.deleted and found.channel is channel:
            if channel.kind != DM and not self._world.may("read_message_history", channel=channel):
                raise RefusedError(50013)
            return found
        if reference.get("fail_if_not_exists", True):
            raise invalid("message_reference", "REPLIES_UNKNOWN_MESSAGE", "Unknown message")
        return None

    async def _edit(self, call: Call) -> Any:
        message = self._message_of(call, self._channel_of(call))
        if message.author is not self._world.bot:
            raise RefusedError(50005)
        check_allowed(call.body.get("allowed_mentions"))
        message.content = check_content(call.body)
        message.mentions, message.everyone = self._world.mentioned(message.content, call.body.get("allowed_mentions"))
        message.edited_at = now()
        self._server.sessions.message("MESSAGE_UPDATE", message)
        return self._world.message_shape(message)

    async def _delete(self, call: Call) -> None:
        channel = self._channel_of(call)
        message = self._message_of(call, channel)
        if message.author is not self._world.bot:
            if channel.kind == DM:
                raise RefusedError(50003)
            if not self._world.may("manage_messages", channel=channel):
                raise RefusedError(50013)
        self._server.delete(message)

    async def _typing(self, call: Call) -> None:
        channel, world = self._channel_of(call, "send_messages"), self._world
        data: dict[str, Any] = {"channel_id": str(channel.id), "user_id": str(world.bot.id),
                                "timestamp": int(time.time())}  # fmt: skip
        if channel.kind == TEXT:
            data |= {"guild_id": str(world.guild), "member": world.member_shape(world.bot)}
        self._server.sessions.dispatch("TYPING_START", data, DIRECT_TYPING if channel.kind == DM else TYPING)

    async def _dm(self, call: Call) -> Any:
        user = self._world.users.get(int(call.body.get("recipient_id") or 0))
        if user is None:
            raise RefusedError(10013)
        if user is self._world.bot:
            raise RefusedError(50007)
        return self._world.channel_shape(self._world.direct(user))

    # --- moderation

    async def _ban(self, call: Call) -> None:
        self._in_guild(call, "ban_members")
        user = self._user_of(call)
        given = dict(call.request.query) | call.body
        seconds = str(given.get("delete_message_seconds", 0))
        if not seconds.isdecimal() or int(seconds) > 604_800:
            raise invalid("delete_message_seconds", "NUMBER_TYPE_MAX", "must be between 0 and 604800")
        if not self._world.outranks(user):
            raise RefusedError(50013)
        self._server.ban(user, call.asked.reason, int(seconds))

    async def _unban(self, call: Call) -> None:
        self._in_guild(call, "ban_members")
        user = self._user_of(call)
        if self._world.bans.pop(user.id, None) is None:
            raise RefusedError(10026)
        data = {"guild_id": str(self._world.guild), "user": user.shape()}
        self._server.sessions.dispatch("GUILD_BAN_REMOVE", data, MODERATION)

    async def _kick(self, call: Call) -> None:
        self._in_guild(call, "kick_members")
        user = self._user_of(call, member=True)
        if not self._world.outranks(user):
            raise RefusedError(50013)
        self._server.member_leaves(user)

    async def _edit_member(self, call: Call) -> Any:
        self._in_guild(call)
        user = self._user_of(call, member=True)
        if unknown := call.body.keys() - {"communication_disabled_until", "channel_id"}:
            self._server.complain(f"REST: this server does not change a member's {sorted(unknown)}")
        if "communication_disabled_until" in call.body:
            until = call.body["communication_disabled_until"]
            if not self._world.may("moderate_members") or not self._world.outranks(user):
                raise RefusedError(50013)
            if until is not None and moment(until) > datetime.now(UTC) + timedelta(days=28):
                told = "Timeouts cannot be longer than 28 days."
                raise invalid("communication_disabled_until", "INVALID_COMMUNICATION_DISABLED_TIMESTAMP", told)
            self._server.time_out(user, until)
        if "channel_id" in call.body:
            if not self._world.may("move_members"):
                raise RefusedError(50013)
            self._move(user, call.body["channel_id"])
        return self._world.member_shape(user)

    def _move(self, user: User, to: Any) -> None:
        if user.id not in self._world.voices:
            raise invalid("channel_id", "TARGET_NOT_CONNECTED", "Target user is not connected to voice.")
        if to is None:
            self._server.voice_leave(user)
        else:
            self._server.voice_join(user, self._world.channels[int(to)])
