"""The bot on Discord's gateway: discord.py's client, that hands what happens to whoever listens."""

import sys
from collections.abc import Callable
from typing import Any, Protocol

import discord

_GUILDS_WITHIN = 1.0
"""Seconds without news of a further server after which all are known."""

_ESSENTIAL = {"READY", "RESUMED"}
"""Events without which there is no session."""


class Listener(Protocol):
    """Who is told what happens."""

    async def ready(self) -> None:
        """A session has begun: what was before is not told any more."""
        ...

    def resumed(self) -> None:
        """The session goes on; what was missed has been told."""
        ...

    def lost(self) -> None:
        """The connection is gone; the client tries again by itself."""
        ...

    async def wrote(self, message: discord.Message) -> None:
        """Somebody wrote."""
        ...

    async def changed(self, before: discord.Message, after: discord.Message) -> None:
        """Somebody changed what they wrote."""
        ...

    def deleted(self, guild: int | None, messages: list[int]) -> None:
        """Messages are gone."""
        ...

    def banned(self, guild: int, user: int) -> None:
        """Somebody was banned."""
        ...

    def unbanned(self, guild: int, user: int, name: str) -> None:
        """Somebody's ban was lifted."""
        ...

    def malformed(self, event: str, which: str, error: BaseException | None) -> None:
        """An event cannot be read, or done with; ``which`` is its number, as far as that is known."""
        ...


class Bot(discord.Client):
    """One life of the client."""

    def __init__(self, listener: Listener, guild: str, *, content: bool) -> None:
        """``guild`` is the server's number, "" the first; ``content``: ask for what is meant for others, too."""
        intents = discord.Intents(
            guilds=True,
            guild_messages=True,
            dm_messages=True,
            voice_states=True,
            moderation=True,
            message_content=content,
        )
        super().__init__(
            intents=intents,
            allowed_mentions=discord.AllowedMentions.none(),
            max_ratelimit_timeout=30.0,
            max_messages=1_000,
            chunk_guilds_at_startup=False,
            guild_ready_timeout=_GUILDS_WITHIN,
            enable_debug_events=False,
        )
        self._listener = listener
        self._wanted = guild
        parsers = self._connection.parsers
        for event in parsers.keys() - _ESSENTIAL:
            parsers[event] = self._safely(event, parsers[event])

    @property
    def guild(self) -> discord.Guild | None:
        """The server that is meant, or None where the bot is not in it."""
        return next((guild for guild in self.guilds if self._wanted in ("", str(guild.id))), None)

    def _safely(self, event: str, parse: Callable[[Any], None]) -> Callable[[Any], None]:
        """Return what reads one kind of event; the library hangs up on one that it cannot read."""

        def take(data: Any) -> None:
            try:
                parse(data)
            except Exception as error:
                self._listener.malformed(event, _number(data), error)

        return take

    async def close(self) -> None:
        """Hang up, also in the midst of getting ready."""
        getting_ready: Any = getattr(self._connection, "_ready_task", None)
        if getting_ready is not None:
            getting_ready.cancel()
        await super().close()

    async def on_error(self, event_method: str, /, *args: Any, **kwargs: Any) -> None:
        self._listener.malformed(event_method, _number(args[-1] if args else None), sys.exception())

    async def on_ready(self) -> None:
        await self._listener.ready()

    async def on_resumed(self) -> None:
        self._listener.resumed()

    async def on_disconnect(self) -> None:
        self._listener.lost()

    async def on_message(self, message: discord.Message) -> None:
        await self._listener.wrote(message)

    async def on_message_edit(self, before: discord.Message, after: discord.Message) -> None:
        if before.content != after.content:
            await self._listener.changed(before, after)

    async def on_raw_message_delete(self, gone: discord.RawMessageDeleteEvent) -> None:
        self._listener.deleted(gone.guild_id, [gone.message_id])

    async def on_raw_bulk_message_delete(self, gone: discord.RawBulkMessageDeleteEvent) -> None:
        self._listener.deleted(gone.guild_id, list(gone.message_ids))

    async def on_member_ban(self, guild: discord.Guild, user: Any) -> None:
        self._listener.banned(guild.id, user.id)

    async def on_member_unban(self, guild: discord.Guild, user: discord.User) -> None:
        self._listener.unbanned(guild.id, user.id, user.display_name)


def _number(thing: Any) -> str:
    """Return the number of what an event is about, "?" where it has none."""
    found: Any = thing.get("id") if isinstance(thing, dict) else getattr(thing, "id", None)  # pyright: ignore
    return str(found) if isinstance(found, int | str) and str(found).isdecimal() and len(str(found)) <= 20 else "?"
