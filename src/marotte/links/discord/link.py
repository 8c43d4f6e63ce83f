"""The Discord link: what people write to the character becomes percepts, and what it says is written and spoken there.

https://discord.com/developers/docs/topics/gateway; the gateway itself is discord.py's work.
"""

import asyncio
import logging
import math
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from random import Random
from typing import TYPE_CHECKING, Any

from marotte.config_links import Discord
from marotte.events import Announce, Event, Gap, Moderated, Removed, Send, Verdict, Viewer, fresh_id
from marotte.links.complaints import Complaints
from marotte.links.discord.acts import Acts
from marotte.links.discord.percepts import chat_message, plain, viewer
from marotte.links.discord.voice import Hall, Talk
from marotte.links.link import BaseLink
from marotte.links.pace import Backoff
from marotte.ports import Standing
from marotte.time import Clock

if TYPE_CHECKING:
    import discord

    from marotte.links.discord.client import Bot

log = logging.getLogger(__name__)

AWAY = 60.0
"""Seconds without a connection after which the client begins anew: its own pauses grow to a quarter of an hour."""
ORDERS = frozenset(("say", "ask", "stop", "context"))
EDITS = 30.0
"""Seconds in which a changed message takes the place of what was written first; it may do so once."""
_KNOWN = 2_000
"""Messages that are known again."""
_MISSED, _ALL_MISSED = 500, 1_500
"""Messages of one place that are asked for after a gap, and of all together: fewer than are known again."""
_CHANNELS = 20
"""Channels and threads that are asked, and as many people's direct messages."""
_CATCH_UP = 120.0
"""Seconds that all of the asking may take."""
_OLDEST_GAP = 3_600.0
"""Seconds before which nothing is asked for: nobody waits for an answer any more."""
INSTALL = "discord.py is not installed: pip install 'marotte[discord]'"


class DiscordLink(BaseLink):
    """One Discord server, and the direct messages of its people."""

    platform = "discord"

    def __init__(
        self,
        settings: Discord,
        secrets: Mapping[str, str],
        publish: Callable[[Event], None],
        clock: Clock,
        rng: Random,
        orders: Callable[[str, str], None] | None = None,
    ) -> None:
        """``orders`` is given what an operator orders there: one of ``ORDERS``, and its words."""
        super().__init__("discord", publish, clock, rng)
        self._settings = settings
        self._token = secrets.get(settings.secret, "")
        self._orders = orders
        self._bot: Bot | None = None
        self._up, self._lost = asyncio.Event(), asyncio.Event()
        self._down_since = 0.0
        self._ahead = timedelta()
        """By how much our clock is ahead of Discord's, as the last message told."""
        self._known: OrderedDict[int, float | None] = OrderedDict()  # since when; None: it is deleted
        self._direct: OrderedDict[int, None] = OrderedDict()  # channels of direct messages, the last at the end
        self._members: OrderedDict[int, tuple[float, Any]] = OrderedDict()
        self._complaints = Complaints(self.name, self.counted, clock)
        self._lacks_words = False
        self._trouble = "" if self._token else f"there is no {settings.secret} in the environment"
        self.talk = Talk(settings.voice, self._viewer, clock, rng, self.counted, self.malformed)
        acts = Acts(settings, lambda: self._bot if self._up.is_set() else None, clock)
        if settings.answer:
            self.acts[Send] = acts.send
        if settings.announce:
            self.acts[Announce] = acts.announce
        self.acts[Verdict] = acts.verdict

    def standing(self) -> Sequence[Standing]:
        """Return what it has and lacks."""
        guild = self._bot.guild if self._bot is not None else None
        found = [Standing("server", guild is not None, guild.name if guild else self._trouble or "not connected")]
        if self._lacks_words:
            lack = "the intent Message Content is off: only mentions and direct messages are read (docs/discord.md)"
            found.append(Standing("all messages", False, lack))
        if guild is not None:
            found += self._named(guild)
        if self._settings.voice:
            found.append(self.talk.standing())
        return found

    def _named(self, guild: "discord.Guild") -> list[Standing]:
        """Say what of the show's names the server does not have."""
        channels = {text for channel in guild.text_channels for text in (channel.name, str(channel.id))}
        roles = {text for role in guild.roles for text in (role.name, str(role.id))}
        announce = (self._settings.announce,) if self._settings.announce else ()
        wanted = [("channel", name, channels) for name in (*self._settings.channels, *announce)]
        wanted += [("role", name, roles) for name in self._settings.operators]
        return [
            Standing(f"{kind}: {name}", False, f"there is no such {kind} that the bot may see")
            for kind, name, there in wanted
            if name.lstrip("#") not in there
        ]

    async def going_live(self, text: str) -> bool:
        """Write in the character's own words that the show is on air, where the show says; returns whether it was."""
        if Announce not in self.acts:
            return False
        return (await self.act(Announce(id=fresh_id(), at=self.clock.wall(), link=self.name, text=text))).ok

    async def speak(self, hall: Hall) -> None:
        """Talk and listen in the voice channel until cancelled."""
        await self.talk.run(hall)

    # --- the connection

    async def run(self) -> None:
        """Stay connected until cancelled."""
        try:
            if not self._token:
                await self._refused(f"{self._trouble}: set it and start again")
            try:
                import discord  # noqa: F401  # pyright: ignore[reportUnusedImport]
            except ImportError:
                await self._refused(INSTALL)
            backoff = Backoff(self.rng, 1.0, 120.0)
            self._lacks_words, content = False, self._settings.every or bool(self._settings.operators)
            while True:
                began = self.clock.now()
                self.tell("connecting")
                self._trouble = await self._live(content and not self._lacks_words)
                if self._trouble:
                    self.tell("down", self._trouble)
                    await self.clock.sleep(backoff.next(self.clock.now() - began))
        finally:
            self.tell("stopped")

    async def _refused(self, why: str) -> None:
        """Say what only a person can mend, and wait."""
        self._trouble = why
        self.tell("refused", why)
        await asyncio.get_running_loop().create_future()

    async def _live(self, content: bool) -> str:
        """Let one client live; returns what ended it, "" where it is to begin anew at once."""
        from marotte.links.discord.client import Bot

        self._up, self._lost = asyncio.Event(), asyncio.Event()
        bot = Bot(self, self._settings.guild, content=content)
        living = asyncio.create_task(bot.start(self._token))
        watching = asyncio.create_task(self._watch())
        self._bot = bot
        try:
            await asyncio.wait((living, watching), return_when=asyncio.FIRST_COMPLETED)
            if not living.done():
                return f"Discord has not answered for {AWAY:.0f} s"
            return await self._ended(living.exception(), content)
        finally:
            self._noted_as_lost()
            self.talk.bot(None)
            watching.cancel()
            living.cancel()
            self._bot = None
            await asyncio.gather(living, watching, return_exceptions=True)
            try:
                async with asyncio.timeout(3.0):
                    await bot.close()
            except Exception as error:
                log.debug("discord: the client did not close: %s", type(error).__name__)

    async def _ended(self, error: BaseException | None, content: bool) -> str:
        """Say what a client's end means; waits forever where nothing but a person can mend it."""
        import discord

        match error:
            case discord.LoginFailure():
                await self._refused(f"Discord does not know the token in {self._settings.secret}: see docs/discord.md")
            case discord.PrivilegedIntentsRequired():
                if not content:
                    await self._refused("Discord refuses the bot's intents: see docs/discord.md")
                self._lacks_words = True
                log.warning("discord: the intent Message Content is off: only what is meant for the bot is read")
                return ""
            case discord.ConnectionClosed() if error.code == 4004 or 4010 <= error.code <= 4014:
                await self._refused(f"Discord closed the connection for good ({error.code}): see docs/discord.md")
            case discord.DiscordException() | OSError() | None:
                return f"the connection was lost: {str(error)[:200]}" if error else "the connection was closed"
            case _:
                return f"the client failed: {type(error).__name__}"
        return ""

    async def _watch(self) -> None:
        """Return when there has been no connection for too long."""
        while True:
            try:
                async with asyncio.timeout(AWAY):
                    await self._up.wait()
            except TimeoutError:
                return
            await self._lost.wait()

    # --- what the client tells

    async def ready(self) -> None:
        """A session has begun."""
        self._is_up()
        if self._bot is not None:
            self.talk.bot(self._bot)
            guild = self._bot.guild
            if guild is None:
                lack = "the bot is not in that server" if self._settings.guild else "the bot is in no server yet"
                self.tell("up", f"{lack}: `marotte login discord` prints the link that invites it")
        if self._down_since:
            seconds, self._down_since = self.clock.wall() - self._down_since, 0.0
            recovered, left_out = await self._catch_up(seconds)
            at = self.clock.wall()
            self.publish(Gap(at=at, link=self.name, seconds=seconds, recovered=recovered, detail=left_out))

    def resumed(self) -> None:
        """The session goes on."""
        self._down_since = 0.0
        self._is_up()

    def lost(self) -> None:
        """The connection is gone."""
        if self._up.is_set():
            self.tell("down", "the connection was lost")
        self._noted_as_lost()

    def _is_up(self) -> None:
        self._trouble = ""
        self._up.set()
        self._lost.clear()
        self.tell("up")

    def _noted_as_lost(self) -> None:
        if self._up.is_set():
            self._down_since = self.clock.wall()
        self._up.clear()
        self._lost.set()

    async def wrote(self, message: "discord.Message") -> None:
        """Somebody wrote: it reaches the character where it is meant to."""
        ahead = datetime.now(UTC) - message.created_at
        if abs(ahead.total_seconds()) < _OLDEST_GAP:
            self._ahead = ahead
        await self._hear(message)

    async def changed(self, before: "discord.Message", after: "discord.Message") -> None:
        """Somebody changed what they wrote a moment ago: that is what they mean."""
        first = self._known.get(after.id)
        if first is None or self.clock.now() - first > EDITS:
            return
        self._known[after.id] = -math.inf  # once is enough
        self.publish(Removed(at=self.clock.wall(), link=self.name, what="message", which=str(after.id)))
        await self._hear(after, again=1)

    def deleted(self, guild: int | None, messages: list[int]) -> None:
        """What is deleted is not answered."""
        if guild is None or self._is_ours(guild):
            for message in [one for one in messages if self._known.get(one) is not None]:
                self._known[message] = None
                self.publish(Removed(at=self.clock.wall(), link=self.name, what="message", which=str(message)))

    def banned(self, guild: int, user: int) -> None:
        """Whoever is banned is not answered."""
        if self._is_ours(guild):
            self.publish(Removed(at=self.clock.wall(), link=self.name, what="viewer", which=f"discord:{user}"))

    def unbanned(self, guild: int, user: int, name: str) -> None:
        """Whoever is let back is judged anew."""
        if self._is_ours(guild):
            who, text = f"discord:{user}", f"{plain(name, 50)} was let back"
            self.publish(Moderated(at=self.clock.wall(), link=self.name, what="lifted", which=who, text=text))

    def malformed(self, event: str, which: str, error: BaseException | None) -> None:
        """Count what cannot be read, or done with."""
        self._complaints.add(f"{event[:60]} {which}", f"{type(error).__name__}: {error}")

    def _is_ours(self, guild: int) -> bool:
        ours = self._bot.guild if self._bot is not None else None
        return ours is not None and ours.id == guild

    # --- words

    async def _hear(self, message: "discord.Message", again: int = 0, missed: bool = False) -> bool:
        """Publish what a message says, or carry out what it orders; returns whether it was either.

        ``missed``: it was written while we were away, and its orders are out of date.
        """
        bot = self._bot
        if bot is None or bot.user is None or not self._is_read(message):
            return False
        if not again and not self._note(message.id):
            return False
        if message.guild is None:
            self._note_direct(message.channel.id)
        me: Any = message.guild.me if message.guild is not None else None  # None where Discord left us out of its news
        own = f"@{me.display_name}" if me is not None else ""
        meant = message.guild is None or bot.user in message.mentions or _answers(message, bot.user.id)
        command = message.clean_content.startswith("!")  # of the show, or of nobody's: attention knows
        heard, order = meant or command or self._settings.every, _order(message.clean_content, own)
        if not (heard or order):
            return False
        stood = self._known.get(message.id)
        author: Any = message.author
        by = self._viewer(author if hasattr(author, "roles") else await self._member(author))
        if self._known.get(message.id) != stood:  # it was changed or deleted while we asked who wrote it
            return False
        if order and not again and "operator" in by.roles and self._orders is not None:
            return not missed and self._obey(*order)
        if not heard:
            return False
        percept = chat_message(message, by, own if bot.user in message.mentions else "", self.name, again)
        if percept is not None:
            self.counted["messages"] += 1
            self.publish(percept)
        return percept is not None

    def _is_read(self, message: "discord.Message") -> bool:
        """Whether somebody wrote it, by hand, where we read."""
        bot = self._bot
        if message.author.bot or message.webhook_id is not None or message.type.value not in (0, 19):
            return False
        if message.guild is None or bot is None:
            return bot is not None
        return self._is_ours(message.guild.id) and self._is_place(message.channel)

    def _is_place(self, place: Any) -> bool:
        """Whether we read a channel, or the channel of a thread."""
        parent: Any = getattr(place, "parent", None) or place
        names = {str(place.id), getattr(place, "name", ""), str(parent.id), getattr(parent, "name", "")}
        return not self._settings.channels or any(name.lstrip("#") in names for name in self._settings.channels)

    def _note(self, message: int) -> bool:
        """Remember a message; returns whether it is new."""
        if message in self._known:
            return False
        while len(self._known) >= _KNOWN:
            self._known.popitem(last=False)
        self._known[message] = self.clock.now()
        return True

    def _note_direct(self, channel: int) -> None:
        """Remember where somebody writes to us alone: the library forgets it with each session."""
        self._direct[channel] = None
        self._direct.move_to_end(channel)
        while len(self._direct) > _CHANNELS:
            self._direct.popitem(last=False)

    def _obey(self, verb: str, rest: str) -> bool:
        """Carry out an operator's order, if it has the words that it needs; returns that it was one."""
        if self._orders is not None and (rest or verb in ("stop", "context")):
            self._orders(verb, rest)
        return True

    def _viewer(self, person: Any) -> Viewer:
        guild = self._bot.guild if self._bot is not None else None
        return viewer(person, self._settings.operators, guild)

    async def _member(self, user: Any) -> Any:
        """Return somebody of whom Discord told no roles as a member of our server, if they are one."""
        import discord

        guild = self._bot.guild if self._bot is not None else None
        if guild is None:
            return user
        if (member := guild.get_member(user.id)) is not None:
            return member
        at, known = self._members.get(user.id, (0.0, None))
        if known is not None and self.clock.now() - at < 600.0:
            return known
        try:
            async with asyncio.timeout(5.0):
                known = await guild.fetch_member(user.id)
        except discord.NotFound:
            known = user
        except Exception as error:  # whatever Discord answers: they are somebody, and asked about again
            log.info("discord: it cannot be told who somebody is: %s", type(error).__name__)
            return user
        while len(self._members) >= _KNOWN:
            self._members.popitem(last=False)
        self._members[user.id] = (self.clock.now(), known)
        return known

    async def _catch_up(self, seconds: float) -> tuple[int, str]:
        """Ask for what was written while we were away; returns how much of it was for us, and what is left out."""
        since = datetime.now(UTC) - self._ahead - timedelta(seconds=min(seconds, _OLDEST_GAP) + 5.0)
        places, beyond = self._places(since)
        recovered, most, whole = 0, _ALL_MISSED, 0
        try:
            async with asyncio.timeout(_CATCH_UP):
                for place in places:
                    messages, all_of_it = await _written(place, since, min(_MISSED, most))
                    most -= len(messages)
                    for message in messages:
                        recovered += await self._hear_late(message)
                    whole += all_of_it
        except TimeoutError:
            log.info("discord: what was written meanwhile is not read to its end: Discord is slow")
        cut = len(places) - whole + beyond
        left_out = [f"in {cut} places what was written is not read to its end"] if cut else []
        if seconds > _OLDEST_GAP:
            left_out.append(f"nothing older than {_OLDEST_GAP / 60:.0f} min is read")
        return recovered, "; ".join(left_out)

    async def _hear_late(self, message: "discord.Message") -> bool:
        """Hear what was written while we were away; what cannot be done with costs no other message."""
        try:
            return await self._hear(message, missed=True)
        except Exception as error:
            self.malformed("a former message", str(message.id), error)
            return False

    def _places(self, since: datetime) -> tuple[list[Any], int]:
        """Return where something for us may have been written: first to us alone, then where it was most lately.

        With them comes how many more there are with something new.
        """
        import discord

        bot = self._bot
        if bot is None:
            return [], 0
        direct = [bot.get_partial_messageable(channel) for channel in reversed(self._direct)]
        guild = bot.guild
        channels = [one for one in (*guild.text_channels, *guild.threads) if self._is_place(one)] if guild else []
        me: Any = guild.me if guild is not None else None
        if me is not None:
            held = [(one, one.permissions_for(me)) for one in channels]
            channels = [one for one, may in held if may.read_messages and may.read_message_history]
        channels.sort(key=lambda one: one.last_message_id or 0, reverse=True)
        new = discord.utils.time_snowflake(since)
        beyond = sum((one.last_message_id or 0) > new for one in channels[_CHANNELS:])
        return [*direct, *channels[:_CHANNELS]], beyond


async def _written(place: Any, since: datetime, most: int) -> "tuple[list[discord.Message], bool]":
    """Return what was written in a place since then, the oldest first, and whether that is all of it."""
    found: list[discord.Message] = []
    try:
        async with asyncio.timeout(10.0):
            async for message in place.history(limit=most + 1, after=since, oldest_first=True):
                found.append(message)  # noqa: PERF401  # what came before an error is kept
    except Exception as error:  # whatever Discord answers: the gap is told all the same
        log.info("discord: what was written meanwhile cannot be read: %s", type(error).__name__)
        return found[:most], False
    return found[:most], len(found) <= most


def _order(text: str, own: str) -> tuple[str, str] | None:
    """Return the order and its words where a text is one: ``!say``, ``!ask``, ``!stop`` or ``!context``."""
    text = text.strip().removeprefix(own).strip()
    verb, _, rest = text[1:].partition(" ")
    return (verb, rest.strip()) if text.startswith("!") and verb in ORDERS else None


def _answers(message: "discord.Message", ours: int) -> bool:
    """Whether a message is written under one of ours."""
    resolved: Any = message.reference.resolved if message.reference is not None else None
    author: Any = getattr(resolved, "author", None)
    return author is not None and author.id == ours
