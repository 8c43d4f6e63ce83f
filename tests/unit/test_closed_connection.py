"""Whoever asks a platform through a connection that was closed meanwhile is told that this passes."""

from collections.abc import Awaitable, Callable
from pathlib import Path

import aiohttp
import pytest

from marotte.config_links import Twitch, YouTube
from marotte.links.link import Passing
from marotte.links.tokens import Token, Tokens
from marotte.links.twitch import account as twitch_account
from marotte.links.twitch import login as twitch_login
from marotte.links.twitch.helix import Helix
from marotte.links.youtube import account as youtube_account
from marotte.links.youtube import login as youtube_login
from marotte.links.youtube.api import Api, Unclear
from marotte.links.youtube.quota import Ledger
from marotte.time import Clock

pytestmark = pytest.mark.anyio

TOKEN = Token(access="a", refresh="r", account="1", name="pip")
NOWHERE = "http://127.0.0.1:9"
Asking = Callable[[aiohttp.ClientSession, Tokens, Clock], Awaitable[object]]


def helix(http: aiohttp.ClientSession, tokens: Tokens, clock: Clock) -> Awaitable[object]:
    account = twitch_account.Account(tokens, clock)
    account.token = TOKEN
    return Helix(NOWHERE, "id", account, http, clock).ask("POST", "moderation/bans", body={})


def twitch_door(http: aiohttp.ClientSession, tokens: Tokens, clock: Clock) -> Awaitable[object]:
    return twitch_login.Door(Twitch(login=NOWHERE), {}, http).renewed(TOKEN, clock)


def youtube(http: aiohttp.ClientSession, tokens: Tokens, clock: Clock) -> Awaitable[object]:
    account = youtube_account.Account(tokens, clock)
    account.token = TOKEN
    door = youtube_login.Door(YouTube(), {}, http)
    return Api(NOWHERE, account, door, Ledger(10_000, clock), http).insert("chat", "hello")


def youtube_door(http: aiohttp.ClientSession, tokens: Tokens, clock: Clock) -> Awaitable[object]:
    return youtube_login.Door(YouTube(login=NOWHERE), {}, http).renewed(TOKEN, clock)


@pytest.mark.parametrize("ask", [helix, twitch_door, youtube, youtube_door])
async def test_a_connection_that_was_closed_is_in_the_way_and_passes(ask: Asking, tmp_path: Path) -> None:
    async with aiohttp.ClientSession() as http:
        pass
    with pytest.raises(Passing) as told:
        await ask(http, Tokens(tmp_path), Clock())
    assert not isinstance(told.value, Unclear), "nothing was sent, so that it may be sent again"
