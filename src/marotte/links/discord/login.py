"""Looks whether the bot can come in: its token, the link that invites it, and what is switched off in its portal.

A bot does not sign in as a person does: its owner copies its token from https://discord.com/developers/applications.
"""

import asyncio
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import msgspec

import marotte
from marotte.config_links import Discord
from marotte.engines.http import read
from marotte.links.device_login import LoginError
from marotte.links.tokens import Tokens
from marotte.time import Clock

if TYPE_CHECKING:
    import aiohttp

API = "https://discord.com/api/v10"
_WITHIN = 10.0
_LARGEST = 262_144
_CONTENT = 1 << 18 | 1 << 19
"""The flags that say that a bot may read all messages, on fewer than 100 servers or on more.

https://discord.com/developers/docs/resources/application#application-object-application-flags
"""
_RIGHTS = {
    "view channels": 1 << 10,
    "send messages": 1 << 11,
    "read message history": 1 << 16,
}
_VOICE = {"connect": 1 << 20, "speak": 1 << 21, "use voice activity": 1 << 25}
_ORDER = {"ban members": 1 << 2, "manage messages": 1 << 13, "time out members": 1 << 40}
"""https://discord.com/developers/docs/topics/permissions"""


class _Application(msgspec.Struct):
    id: str
    name: str | None = ""
    flags: int | None = 0


async def login(
    settings: Discord,
    secrets: Mapping[str, str],
    tokens: Tokens,
    clock: Clock,
    say: Callable[[str], None],
    http: "aiohttp.ClientSession",
    api: str = API,
) -> None:
    """Tell whether the token is good, how the bot is invited, and what is switched off. Raises LoginError."""
    token = secrets.get(settings.secret, "").strip()
    if not token:
        raise LoginError(
            f"there is no {settings.secret} in the environment: make an application on"
            " https://discord.com/developers/applications, copy the token of its bot (page Bot, Reset Token) there"
        )
    application = await _ask(http, f"{api}/applications/@me", token, settings.secret)
    say(f"The token is good: it is {(application.name or 'a bot')[:80]}'s.")
    say(f"Invite it with: {invitation(application.id, settings)}")
    if not (settings.every or settings.operators):
        say("No privileged intent is needed: it reads what mentions it, and direct messages.")
    elif (application.flags or 0) & _CONTENT:
        say("The intent Message Content is on.")
    else:
        say(
            "Missing: the intent Message Content, without which it reads only what mentions it, and direct messages."
            f" Switch it on: https://discord.com/developers/applications/{application.id}/bot"
        )


def invitation(application: str, settings: Discord) -> str:
    """Return the link that lets a bot into a server with the rights that this show needs.

    https://discord.com/developers/docs/topics/oauth2#bot-authorization-flow
    """
    rights = sum(_RIGHTS.values()) + sum(_ORDER.values()) + (sum(_VOICE.values()) if settings.voice else 0)
    where = f"&guild_id={settings.guild}" if settings.guild else ""
    return f"https://discord.com/oauth2/authorize?client_id={application}&scope=bot&permissions={rights}{where}"


async def _ask(http: "aiohttp.ClientSession", url: str, token: str, secret: str) -> _Application:
    import aiohttp

    headers = {
        "Authorization": f"Bot {token}",
        "User-Agent": f"DiscordBot (https://pypi.org/project/marotte, {marotte.__version__})",
    }
    try:
        async with asyncio.timeout(_WITHIN):
            async with http.get(url, headers=headers, allow_redirects=False) as response:
                body = await read(response, _LARGEST)
    except (TimeoutError, aiohttp.ClientError, OSError, ValueError) as error:
        raise LoginError(f"Discord does not answer: {type(error).__name__}") from None
    if response.status in (401, 403):
        raise LoginError(f"Discord does not know the token in {secret}: copy a new one (page Bot, Reset Token)")
    if response.status != 200:
        raise LoginError(f"Discord has failed ({response.status}); try again in a moment")
    try:
        found = msgspec.json.decode(body, type=_Application)
    except (msgspec.MsgspecError, ValueError):
        raise LoginError("Discord answers what nobody can read") from None
    if not found.id.isdecimal():
        raise LoginError("Discord answers what nobody can read")
    return found
