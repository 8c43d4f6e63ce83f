"""A show on the air: the program signed in at the local Twitch, as ``marotte login twitch`` would leave it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NamedTuple

from marotte.config_links import Twitch
from marotte.links.tokens import Token, Tokens
from marotte.links.twitch.rights import wanted
from tests.e2e.visitor import SHOW
from tests.servers.marotte import Marotte, marotte
from tests.servers.twitch import CLIENT_ID, CLIENT_SECRET, TwitchServer
from tests.waiting import PATIENCE, until

TITLE = "Friday at the smallest theatre in town"


class OnAir(NamedTuple):
    """The program, and the Twitch that it is on."""

    program: Marotte
    twitch: TwitchServer


@asynccontextmanager
async def on_air(folder: Path, more: str = "", without: tuple[str, ...] = ()) -> AsyncIterator[OnAir]:
    """Run a show, live on Twitch; its token is without some scopes."""
    async with TwitchServer() as twitch:
        twitch.stream["title"] = TITLE
        where = f'api = "{twitch.api}"\nlogin = "{twitch.id}"\nevents = "{twitch.eventsub}"'
        scopes = tuple(scope for scope in wanted(Twitch()) if scope not in without)
        access = twitch.grant(scopes)
        token = Token(access=access, refresh=twitch.refresh_of(access), scopes=scopes)
        await Tokens(folder / "data" / "tokens").keep("twitch", token)
        show = f'{SHOW}{more}[twitch]\nclient_id = "{CLIENT_ID}"\n{where}\n'
        async with marotte(folder, show, TWITCH_CLIENT_SECRET=CLIENT_SECRET) as program:

            async def up() -> bool:
                [found] = await program.get("/api/v1/connections")
                return found["state"] == "up"

            await until(up, "Twitch", 2 * PATIENCE)
            yield OnAir(program, twitch)
