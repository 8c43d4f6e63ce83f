"""Where a show reaches people: ``[irc.NAME]``, ``[twitch]``, ``[youtube]``, ``[tiktok]`` and ``[discord]``."""

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from marotte.config_engines import Seconds
from marotte.environment import SECRET_NAME


def _secret_name(secret: str) -> str:
    if secret and not SECRET_NAME.match(secret):
        raise ValueError(
            "must be the name of an environment variable that ends in _KEY, _TOKEN, _SECRET or _PASSWORD,"
            " never the secret itself"
        )
    return secret


Secret = Annotated[str, AfterValidator(_secret_name)]
Address = Annotated[str, Field(pattern=r"^(https?|wss?)://[^\s/@]+(/\S*)?$")]


class Model(BaseModel):
    """A table of the show: frozen, and every key must be known."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Channel(Model):
    """One IRC server and its channels."""

    host: str = Field(min_length=1)
    port: int = Field(default=6697, ge=1, le=65535)
    tls: bool = True
    verify: bool = True
    nick: str = Field(default="marotte", pattern=r"^[A-Za-z\[\]\\`_^{|}][A-Za-z0-9\[\]\\`_^{|}-]{0,29}$")
    realname: str = "a Marotte character"
    channels: tuple[str, ...] = ()
    account: str = ""
    """SASL account; its password comes from ``secret``."""
    secret: Secret = ""
    """Name of the environment variable with the password (SASL, or the server's where no account is given)."""
    answer: bool = True
    """Write what was said aloud into the channel as well."""
    burst: int = Field(default=5, ge=1, le=100)
    """At most so many lines are sent in ``window`` seconds."""
    window: Seconds = 10.0


class Twitch(Model):
    """A channel on Twitch; ``marotte login twitch`` lets the character in."""

    channel: str = Field(default="", pattern=r"^[A-Za-z0-9_]{0,25}$")
    """The channel whose chat it reads; "": that of the account that signed in."""
    client_id: str = Field(default="", pattern=r"^[a-z0-9]{0,40}$")
    """The public id of your application on dev.twitch.tv; without it chat is read anonymously over IRC."""
    answer: bool = True
    """Write what was said aloud into the chat as well."""
    moderate: bool = True
    """Ask for the rights to delete messages, to time out and to ban."""
    redemptions: bool = True
    """Ask for the rights to see and to close channel point redemptions."""
    api: Address = "https://api.twitch.tv/helix"
    """Where its interface is reached, as the three below: other addresses are of use only to try something out."""
    login: Address = "https://id.twitch.tv/oauth2"
    """Where accounts sign in."""
    events: Address = "wss://eventsub.wss.twitch.tv/ws"
    """Where events come from."""
    chat: str = Field(default="irc.chat.twitch.tv:6697", pattern=r"^[A-Za-z0-9.-]+:[0-9]{1,5}$")
    """Where chat is read without an account."""


class YouTube(Model):
    """The live chat of a channel on YouTube; ``marotte login youtube`` lets the character in."""

    client_id: str = Field(default="", pattern=r"^[A-Za-z0-9._-]{0,200}$")
    """The public id of your application in Google's console, of the type for TVs and limited input devices."""
    secret: Secret = "YOUTUBE_CLIENT_SECRET"
    """Name of the environment variable with that application's secret."""
    answer: bool = False
    """Write what was said aloud into the chat as well: each message costs 20 units of the day's quota."""
    quota: int = Field(default=10_000, ge=100, le=100_000_000)
    """Units of Google's quota that a day has."""
    api: Address = "https://www.googleapis.com/youtube/v3"
    """Where its interface is reached, as the one below: other addresses are of use only to try something out."""
    login: Address = "https://oauth2.googleapis.com"
    """Where accounts sign in."""


class TikTok(Model):
    """Somebody's LIVE on TikTok, which can only be read (extra ``tiktok``)."""

    user: str = Field(pattern=r"^@?[A-Za-z0-9_.]{1,40}$")
    """Whose LIVE: ``@name``."""
    room: str = Field(default="", pattern=r"^[0-9]{0,25}$")
    """The number of the room where it is known; else it is looked up."""
    secret: Secret = "TIKTOK_SIGN_KEY"
    """Name of the environment variable with a key of the service that signs requests; it works without, more slowly."""
    sign: Address = "https://api.eulerstream.com"
    """The service that signs requests."""


class Discord(Model):
    """A Discord server (extra ``discord``)."""

    guild: str = Field(default="", pattern=r"^[0-9]{0,20}$")
    """The number of the server; "": the first that the bot is in."""
    channels: tuple[Annotated[str, Field(max_length=100)], ...] = Field(default=(), max_length=50)
    """Text channels that it reads, by name or number; empty: every channel that it may read."""
    every: bool = False
    """Answer every message there, not only those that mention it."""
    voice: str = Field(default="", max_length=100)
    """The voice channel that it joins and talks in, by name or number; "": none."""
    announce: str = Field(default="", max_length=100)
    """The text channel where it writes that the show is on air; "": it does not."""
    operators: tuple[Annotated[str, Field(max_length=100)], ...] = Field(default=(), max_length=50)
    """Roles, by name or number, whose members may give it orders."""
    answer: bool = True
    """Write what was said aloud under the message that it answers."""
    secret: Secret = "DISCORD_TOKEN"
    """Name of the environment variable with the bot's token."""
