"""The stage of the scripted stream: four local platforms, and a run that is signed in to all of them."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

from marotte import config
from marotte.links.pace import Backoff
from marotte.links.tiktok import link as tiktok_link
from marotte.links.tokens import Token, Tokens
from marotte.links.twitch.rights import wanted
from marotte.links.youtube import stream as youtube_stream
from marotte.show import Run
from tests import signing_in
from tests.servers import tiktok as tiktok_server
from tests.servers.discord import DiscordServer, patched
from tests.servers.twitch import CLIENT_ID, CLIENT_SECRET, TwitchServer
from tests.servers.youtube import CLIENT, SCOPE, SECRET, YouTubeServer
from tests.stand_ins import ScriptedVoice, built
from tests.waiting import PATIENCE, until

SHOW = """
name = "The stream"
seed = 11
[brain]
discover = false
[attention]
lull_after = 0
pause = {pause}
[lanes.gifts]
together = 8
[moderation.people]
on = true
rehearse = false
actions = [{{ score = 6, action = "ban" }}]
[redemptions."Sing"]
[redemptions."Say it"]
speak = true
[twitch]
client_id = "{twitch_client}"
api = "{twitch.api}"
login = "{twitch.id}"
events = "{twitch.eventsub}"
[youtube]
client_id = "{youtube_client}"
api = "{youtube.api}"
login = "{youtube.url}"
[tiktok]
user = "@pip"
room = "{tiktok.room}"
sign = "{tiktok.url}"
[discord]
every = true
"""


@dataclass
class Servers:
    """The four platforms."""

    twitch: TwitchServer
    youtube: YouTubeServer
    tiktok: tiktok_server.TikTokServer
    discord: DiscordServer

    async def all_up(self) -> None:
        """End every outage, and forget the faults that have not come."""
        self.twitch.heal()
        self.youtube.heal()
        for server in (self.twitch, self.youtube, self.tiktok, self.discord):
            await server.up()

    def complaints(self) -> list[str]:
        """Return what the links did against a protocol; that a token was too old is no fault of theirs."""
        each = (self.twitch, self.youtube, self.tiktok, self.discord)
        return [told for server in each for told in server.complaints if "401" not in told]


class QuickVoice(ScriptedVoice):
    """A scripted voice whose words are as long as the show's time is quick."""

    def __init__(self, word: float) -> None:
        super().__init__()
        self.WORD = word


@asynccontextmanager
async def servers(speed: float) -> AsyncIterator[Servers]:
    """Start the platforms; discord.py speaks with ours meanwhile."""
    async with (
        TwitchServer(second=1 / speed) as twitch,
        YouTubeServer() as youtube,
        tiktok_server.TikTokServer() as tiktok,
        DiscordServer() as discord,
    ):
        twitch.times.first *= speed
        tiktok_server._proto()  # seconds of imports, which must not stop the show  # pyright: ignore
        for title in ("Sing", "Say it"):
            twitch.reward(title, user_input=title == "Say it")
        with patched(discord), hurried(speed):
            yield Servers(twitch, youtube, tiktok, discord)


@contextmanager
def hurried(speed: float) -> Iterator[None]:
    """Let the links wait for less between two attempts, and take shorter breaks for gaps."""
    patient = Backoff.next

    def quick(self: Backoff, lasted: float) -> float:
        return patient(self, lasted * speed) / speed

    with (
        patch.object(Backoff, "next", quick),
        patch.object(youtube_stream, "GAP", youtube_stream.GAP / speed),
        patch.object(tiktok_link, "GAP", 0.0),  # it tells nothing again but six messages: no break is too short
    ):
        yield


@asynccontextmanager
async def run_of(there: Servers, folder: Path, speed: float) -> AsyncIterator[Run]:
    """Run the show against the platforms, signed in everywhere and connected."""
    clients = {"twitch_client": CLIENT_ID, "youtube_client": CLIENT}
    shown = SHOW.format(pause=0.4 / speed, **clients, **vars(there))
    show = config.parse(shown, str(folder / "show.toml"))
    sign_in(there, folder, show)
    secrets = {
        "TWITCH_CLIENT_SECRET": CLIENT_SECRET,
        "YOUTUBE_CLIENT_SECRET": SECRET,
        "DISCORD_TOKEN": there.discord.token,
    }
    run = Run(show, folder, secrets)
    # Under the name of the show's own voice, so that a replay finds its answers.
    voice = run.recorder.listen_to(built("espeak", QuickVoice(ScriptedVoice.WORD / speed)))
    run.voices.follow([voice], 60.0, anew=True)
    await run.start()
    try:
        await until(lambda: _all_here(run, there), f"connected: {run.link_states}", 2 * PATIENCE)
        yield run
        await run.hush()
    finally:
        await run.stop()


def _all_here(run: Run, there: Servers) -> bool:
    up = {name for name, state in run.link_states.items() if state.state == "up"}
    return up == set(run.platforms.links) and bool(there.youtube.streams and there.tiktok.here())


def sign_in(there: Servers, folder: Path, show: config.Show) -> None:
    """Keep the tokens that ``marotte login`` would have kept."""
    tokens = Tokens(folder / "tokens")
    assert show.twitch
    scopes = wanted(show.twitch)
    access = there.twitch.grant(scopes, "pip")
    signing_in.sign_in(tokens, "twitch", Token(access=access, refresh=there.twitch.refresh_of(access), scopes=scopes))
    grant, owner = there.youtube.grant(SCOPE), there.youtube.owner
    kept = Token(access=grant.access, refresh=grant.refresh, scopes=(SCOPE,), account=owner.id, name=owner.name)
    signing_in.sign_in(tokens, "youtube", kept)
