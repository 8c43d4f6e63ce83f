"""What is done on Discord: words written, messages deleted, people timed out, banned and let in again."""

import asyncio
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from marotte.config_links import Discord
from marotte.events import Announce, Send, Verdict
from marotte.links.link import Passing, Refused
from marotte.links.pace import Late, Turns
from marotte.time import Clock

if TYPE_CHECKING:
    import discord

    from marotte.links.discord.client import Bot

LONGEST = 2_000
"""Characters of a message: https://discord.com/developers/docs/resources/message#create-message"""
_PARTS = 3
"""Messages that one act may take; more text than that is cut."""
_WITHIN = 10.0
"""Seconds that Discord may take for an answer, unless it asks us to wait."""
_LONGEST_TIMEOUT = 28 * 86_400


class Acts:
    """Carries out acts through whichever bot is connected."""

    def __init__(self, settings: Discord, bot: Callable[[], "Bot | None"], clock: Clock) -> None:
        """``bot`` returns the connected one, or None."""
        self._settings = settings
        self._bot = bot
        self._clock = clock
        self._turns = Turns(clock)

    async def send(self, act: Send, until: float) -> str:
        """Write into a channel, under the message that is answered. Raises Refused, Passing or Late."""
        bot = self._connected()
        place = self._place(bot, act.channel or next(iter(self._settings.channels), ""))
        return await self._write(place, act.id, act.text, until, act.answers)

    async def announce(self, act: Announce, until: float) -> str:
        """Write where the show is announced. Raises Refused, Passing or Late."""
        if not self._settings.announce:
            raise Refused("discord.announce names no channel")
        return await self._write(self._place(self._connected(), self._settings.announce), act.id, act.text, until)

    async def verdict(self, act: Verdict, until: float) -> str:
        """Delete, time out, ban, or let in again. Raises Refused or Passing."""
        bot = self._connected()
        if bot.guild is None:
            raise Refused("the bot is in no server")
        if act.action == "delete":
            await self._delete(bot, act)
        elif act.action == "warn":
            raise Refused("Discord knows no warnings")
        else:
            await self._judge(bot.guild, act)
        return ""

    async def _write(self, place: Any, key: str, text: str, until: float, answers: str = "") -> str:
        import discord

        reference = None
        if answers.isdecimal() and len(answers) <= 20:
            reference = discord.MessageReference(message_id=int(answers), channel_id=place.id, fail_if_not_exists=False)
        async with self._turns.hold(until):
            for number, part in enumerate(parts(text)):
                with self._told(until):
                    async with asyncio.timeout(max(0.0, min(_WITHIN, until - self._clock.now()))):
                        # A nonce that comes again is not written again: an answer that was lost does no harm.
                        await place.send(
                            part,
                            nonce=f"{key[-22:]}.{number}",
                            reference=None if number else reference,
                            mention_author=False,
                            allowed_mentions=discord.AllowedMentions.none(),
                            suppress_embeds=False,
                        )
        return ""

    async def _delete(self, bot: "Bot", act: Verdict) -> None:
        if not act.source.isdecimal() or len(act.source) > 20:
            raise Refused("it names no message")
        place = self._place(bot, act.channel)
        with self._told(), suppress_unknown():
            async with asyncio.timeout(_WITHIN):
                await place.get_partial_message(int(act.source)).delete()

    async def _judge(self, guild: "discord.Guild", act: Verdict) -> None:
        import discord

        number = act.viewer.id.removeprefix("discord:")
        if not number.isdecimal() or len(number) > 20:
            raise Refused(f"{act.viewer.id[:40]!r} is nobody on Discord")
        user, reason = discord.Object(int(number)), act.reason[:500] or None
        with self._told():
            async with asyncio.timeout(_WITHIN):
                if act.action == "ban":
                    await guild.ban(user, reason=reason, delete_message_seconds=0)
                    return
                if act.action == "allow":
                    with suppress_unknown():
                        await guild.unban(user, reason=reason)
                    with suppress_unknown():
                        await (await guild.fetch_member(user.id)).timeout(None, reason=reason)
                    return
                seconds = min(max(act.seconds, 1.0), _LONGEST_TIMEOUT - 60)
                await (await guild.fetch_member(user.id)).timeout(timedelta(seconds=seconds), reason=reason)

    def _connected(self) -> "Bot":
        bot = self._bot()
        if bot is None:
            raise Passing("there is no connection with Discord")
        return bot

    def _place(self, bot: "Bot", wanted: str) -> Any:
        """Return what can be written into: a channel by name or number. Raises Refused."""
        guild = bot.guild
        named = next((one for one in guild.text_channels if one.name == wanted.lstrip("#")), None) if guild else None
        if named is not None:
            return named
        if wanted.isdecimal() and len(wanted) <= 20:
            return bot.get_partial_messageable(int(wanted), guild_id=guild.id if guild else None)
        raise Refused(f"there is no channel {wanted[:100]!r}" if wanted else "it names no channel")

    @contextmanager
    def _told(self, until: float | None = None) -> Generator[None]:
        """Tell what is in the way as what it means for an act."""
        import aiohttp
        import discord

        try:
            yield
        except discord.RateLimited as error:
            raise Passing("Discord asks to wait", error.retry_after) from None
        except discord.DiscordServerError:
            raise Passing("Discord has failed") from None
        except discord.HTTPException as error:
            if error.status == 429:
                raise Passing("Discord asks to wait") from None
            raise Refused(f"Discord refuses: {error.text[:200]} ({error.code or error.status})") from None
        except TimeoutError:
            if until is not None and self._clock.now() >= until:
                raise Late("it is stale before Discord answers") from None
            raise Passing("Discord does not answer") from None
        except (ValueError, TypeError, LookupError, AttributeError):
            raise Passing("Discord answers what nobody can read") from None
        except (aiohttp.ClientError, OSError, RuntimeError) as error:
            raise Passing(f"Discord cannot be reached: {type(error).__name__}") from None


@contextmanager
def suppress_unknown() -> Generator[None]:
    """Be content where what is to be gone is gone already."""
    import discord

    with suppress(discord.NotFound):
        yield


def parts(text: str) -> list[str]:
    """Cut a text into messages, between words where it can be."""
    found: list[str] = []
    rest = text.strip()
    while rest and len(found) < _PARTS:
        if len(rest) <= LONGEST:
            return [*found, rest]
        at = rest.rfind(" ", LONGEST // 2, LONGEST + 1)
        at = at if at > 0 else LONGEST
        found.append(rest[:at].rstrip())
        rest = rest[at:].lstrip()
    return found
