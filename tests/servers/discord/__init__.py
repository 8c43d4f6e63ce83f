"""A faithful local Discord for tests: REST version 10, the gateway, and a voice server with its UDP side.

It enforces the protocol, with Discord's own codes, tells in ``complaints`` what a client did wrong, and misbehaves on
request: ``discord.fault("drop")``. See the README beside this file. https://discord.com/developers/docs
"""

import asyncio
import time
from collections import deque
from typing import Any

from aiohttp import web

from .faults import FAULTS, Faults
from .gateway import (
    DIRECT,
    DIRECT_TYPING,
    GUILDS,
    MEMBERS,
    MESSAGES,
    MODERATION,
    PRESENCES,
    PRIVILEGED,
    TYPING,
    ClosedError,
    Gateway,
)
from .library import patched
from .rest import Asked, Rest
from .voice import Frame, VoiceServer
from .world import DM, VOICE, Channel, Message, User, VoiceState, World, bits, now

__all__ = ["FAULTS", "TOKEN", "Asked", "Channel", "DiscordServer", "Frame", "Message", "User", "patched"]

_MOST = 1000
"""Complaints that are kept."""
TOKEN = "a-token-of-the-local-discord"


class DiscordServer:
    """The servers, on free ports of the loopback; use it as an async context manager."""

    def __init__(self, port: int = 0) -> None:
        self.token = TOKEN
        self.world = World()
        self.faults = Faults()
        self.complaints: list[str] = []
        """What a client did against the protocol."""
        self.requests: deque[Asked] = deque(maxlen=10_000)
        self.sent: deque[Message] = deque(maxlen=10_000)
        """What the bot wrote."""
        self.banned: dict[int, str] = self.world.bans
        """Reasons, by the ids of people."""
        self.timeouts: dict[int, str] = {}
        """Until when, by the ids of people."""
        self.privileged = sum(PRIVILEGED.values())
        """The privileged intents that are switched on in the portal."""
        self.heartbeat, self.voice_heartbeat = 41.25, 13.75
        """Seconds, for connections that begin from now on."""
        self.retry_after = 0.2
        """Seconds that a client is asked to wait by the faults 429."""
        self.is_down = False
        self.sessions = Gateway(self)
        self.voice = VoiceServer(self)
        self.rest = Rest(self)
        self.api = self.gateway = self.gateway_url = self.endpoint = ""
        self._port = port
        app = web.Application(client_max_size=1 << 20, middlewares=[self._unless_down])
        app.router.add_get("/gw", self.sessions.serve)
        app.router.add_get("/gw/", self.sessions.serve)
        app.router.add_get("/", self.voice.serve)
        self.rest.add_to(app)
        self._runner = web.AppRunner(app, handler_cancellation=True, access_log=None, shutdown_timeout=0.1)
        self._site: web.TCPSite | None = None

    async def __aenter__(self) -> "DiscordServer":
        await self._runner.setup()
        await self._listen()
        await self.voice.open()
        return self

    async def __aexit__(self, *_: object) -> None:
        self.sessions.abort()
        await self._runner.cleanup()
        self.voice.close()

    async def _listen(self) -> None:
        self._site = web.TCPSite(self._runner, "127.0.0.1", self._port, reuse_address=True)
        await self._site.start()
        self._port = self._runner.addresses[0][1]
        self.endpoint = f"127.0.0.1:{self._port}"
        """Of the voice server, as VOICE_SERVER_UPDATE tells it."""
        self.api = f"http://{self.endpoint}/api/v10"
        self.gateway = self.gateway_url = f"ws://{self.endpoint}/gw"

    @web.middleware
    async def _unless_down(self, request: web.Request, handler: Any) -> web.StreamResponse:
        """Cut connections that were open when it went down, and are used again."""
        if self.is_down and request.transport is not None:
            request.transport.abort()
            return web.Response()
        return await handler(request)

    # --- misbehaving

    def fault(self, what: str, times: float = 1, on: str = "") -> None:
        """Misbehave the next ``times`` times; 0 heals it. ``on`` names the only REST route that does: "message", …"""
        self.faults.add(what, times, on)
        self.sessions.misbehave()
        self.voice.misbehave()

    async def down(self) -> None:
        """Be gone: connections are cut, and new ones refused."""
        self.is_down = True
        if self._site is not None:
            await self._site.stop()
            self._site = None
        self.sessions.abort()
        for line in list(self.voice.lines):
            line.abort()
        await asyncio.sleep(0)

    async def up(self) -> None:
        """Be there again, on the same port, with all sessions."""
        if self._site is None:
            await self._listen()
        self.is_down = False

    def blame(self, closed: ClosedError, where: str) -> None:
        if closed.blame:
            self.complain(f"{where}: {closed.code} {closed}")

    def complain(self, told: str) -> None:
        """Note what a client did wrong."""
        if len(self.complaints) < _MOST:
            self.complaints.append(told)

    def switch_off(self, *intents: str) -> None:
        """Switch privileged intents off: "members", "presences", "message_content"."""
        for name in intents:
            self.privileged &= ~PRIVILEGED[name]

    def deny(self, *permissions: str, channel: "str | Channel | None" = None) -> None:
        """Take permissions from the bot, in one channel or everywhere."""
        if channel is not None:
            one = self.world.channel(channel)
            one.denied |= bits(*permissions)
            self.sessions.dispatch("CHANNEL_UPDATE", self.world.channel_shape(one), GUILDS)
            return
        for role in self.world.permissions:
            self.world.permissions[role] &= ~bits(*permissions)
        for shape in self.world.role_shapes():
            self.sessions.dispatch("GUILD_ROLE_UPDATE", {"guild_id": str(self.world.guild), "role": shape}, GUILDS)

    # --- what people do

    def user(self, name: str) -> User:
        """Return a member of the guild by name, a new one where there is none."""
        return self.world.user(name)

    def message(
        self, user: "str | User", text: str, channel: "str | Channel" = "general", mention: bool = True,
        reply_to: Message | None = None,
    ) -> Message:  # fmt: skip
        """Let somebody write, to the bot if ``mention``; raises PermissionError if they are banned or timed out."""
        author = self.world.user(user)
        until = self.world.members.get(author.id, {}).get("communication_disabled_until")
        if author.id in self.banned or (until is not None and until > now()):
            raise PermissionError(f"{author.name} may not write")
        content = f"{self.world.bot.mention} {text}" if mention else text
        allowed = {"parse": ["users", "roles"], "replied_user": True}
        message = self.world.write(author, self.world.channel(channel), content, allowed, reply_to)
        self.sessions.message("MESSAGE_CREATE", message)
        return message

    def direct(self, user: "str | User", text: str) -> Message:
        """Let somebody write to the bot alone."""
        author = self.world.user(user)
        message = self.world.write(author, self.world.direct(author), text)
        self.sessions.message("MESSAGE_CREATE", message)
        return message

    def edit(self, message: Message, text: str) -> None:
        """Let a message's author change it."""
        message.content, message.edited_at = text, now()
        message.mentions, message.everyone = self.world.mentioned(text, None)
        self.sessions.message("MESSAGE_UPDATE", message)

    def delete(self, message: Message) -> None:
        """Delete a message, whoever it was."""
        message.deleted = True
        direct = message.channel.kind == DM
        data = {"id": str(message.id), "channel_id": str(message.channel.id)}
        data |= {} if direct else {"guild_id": str(self.world.guild)}
        self.sessions.dispatch("MESSAGE_DELETE", data, DIRECT if direct else MESSAGES)

    def types(self, user: "str | User", channel: "str | Channel" = "general") -> None:
        """Let somebody begin to write."""
        author, where = self.world.user(user), self.world.channel(channel)
        data: dict[str, Any] = {"channel_id": str(where.id), "user_id": str(author.id), "timestamp": int(time.time())}
        if where.kind != DM:
            data |= {"guild_id": str(self.world.guild), "member": self.world.member_shape(author)}
        self.sessions.dispatch("TYPING_START", data, DIRECT_TYPING if where.kind == DM else TYPING)

    def member_joins(self, name: str) -> User:
        """Let somebody new join the guild."""
        user = self.world.stranger(name)
        self.world.join(user)
        shape = self.world.member_shape(user) | {"guild_id": str(self.world.guild)}
        self.sessions.dispatch("GUILD_MEMBER_ADD", shape, MEMBERS)
        return user

    def member_leaves(self, user: "str | User") -> None:
        """Let a member leave, or be kicked."""
        gone = self.world.user(user)
        self.voice.hang_up(gone)
        if self.world.members.pop(gone.id, None) is not None:
            data = {"guild_id": str(self.world.guild), "user": gone.shape()}
            self.sessions.dispatch("GUILD_MEMBER_REMOVE", data, MEMBERS)

    def ban(self, user: "str | User", reason: str = "", seconds: int = 0) -> None:
        """Ban somebody, and delete what they wrote in the last ``seconds``."""
        gone = self.world.user(user)
        self.banned[gone.id] = reason
        data = {"guild_id": str(self.world.guild), "user": gone.shape()}
        self.sessions.dispatch("GUILD_BAN_ADD", data, MODERATION)
        self.member_leaves(gone)
        since = self.world.snowflake() - (seconds * 1000 << 22)
        for message in [one for one in self.world.messages.values() if one.author is gone and one.id > since]:
            if not message.deleted and message.channel.kind != DM:
                self.delete(message)

    def time_out(self, user: "str | User", until: str | None) -> None:
        """Let somebody be silent until then (ISO 8601), or speak again."""
        silent = self.world.user(user)
        self.world.members[silent.id]["communication_disabled_until"] = until
        if until is None:
            self.timeouts.pop(silent.id, None)
        else:
            self.timeouts[silent.id] = until
        shape = self.world.member_shape(silent) | {"guild_id": str(self.world.guild)}
        self.sessions.dispatch("GUILD_MEMBER_UPDATE", shape, MEMBERS)

    def streams(self, user: "str | User", on: bool = True, url: str = "https://www.twitch.tv/little_theatre") -> None:
        """Let somebody go live: their presence says so, and their place on the air, if they are in a voice channel."""
        star = self.world.user(user)
        activity = {"type": 1, "name": "Twitch", "details": "Live from the theatre", "url": url, "id": "custom",
                    "created_at": 0}  # fmt: skip
        self.world.activities[star.id] = [activity] if on else []
        self.sessions.dispatch("PRESENCE_UPDATE", self.world.presence_shape(star), PRESENCES)
        state = self.world.voices.get(star.id)
        if state is not None and state.self_stream != on:
            state.self_stream = on
            self.sessions.voice_state(state)

    def voice_join(self, user: "str | User", channel: "str | Channel" = "balcony") -> User:
        """Let somebody join a voice channel, or move to it; the bot can only be moved."""
        guest, where = self.world.user(user), self.world.channel(channel, VOICE)
        before = self.world.voices.get(guest.id)
        if guest is not self.world.bot:
            self.voice.joins(VoiceState(guest, where, f"{guest.id:x}"))
        elif before is None or (session := self.sessions.sessions.get(before.session)) is None:
            raise ValueError("the bot is in no voice channel")
        else:
            self.voice.admit(session, VoiceState(guest, where, session.id, before.self_mute, before.self_deaf))
        return guest

    def voice_leave(self, user: "str | User") -> None:
        """Let somebody leave the air; the bot is thrown out."""
        self.voice.hang_up(self.world.user(user))
