"""Signing in on Twitch: the code that somebody types, and tokens that are renewed and looked at.

https://dev.twitch.tv/docs/authentication/getting-tokens-oauth/#device-code-grant-flow, /refresh-tokens,
/validate-tokens. An application of the type *public* needs no secret; of one of the type *confidential* it is read from
the environment.
"""

import asyncio
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from marotte.config_links import Twitch
from marotte.engines.http import read
from marotte.links.device_login import Code, LoginError, Pending, sign_in
from marotte.links.irc.message import clean
from marotte.links.link import Passing
from marotte.links.tokens import Token, Tokens
from marotte.links.twitch.rights import wanted
from marotte.time import Clock

if TYPE_CHECKING:
    import aiohttp

NAME = "twitch"
"""The link's name, by which its token is kept."""
SECRET = "TWITCH_CLIENT_SECRET"
AGAIN = "sign in again: marotte login twitch"
_WITHIN = 10.0
"""Seconds that an answer may take."""
_LARGEST = 65_536
T = TypeVar("T")


class _Code(msgspec.Struct):
    device_code: str
    user_code: str
    verification_uri: str
    expires_in: float = 1_800.0
    interval: float = 5.0


class _Granted(msgspec.Struct):
    access_token: str
    refresh_token: str = ""
    expires_in: float = 0.0
    scope: list[str] | None = None


class _Valid(msgspec.Struct):
    user_id: str
    login: str = ""
    scopes: list[str] | None = None
    expires_in: float = 0.0


class _No(msgspec.Struct):
    message: str = ""


async def login(
    settings: Twitch,
    secrets: Mapping[str, str],
    tokens: Tokens,
    clock: Clock,
    say: Callable[[str], None],
    http: "aiohttp.ClientSession",
) -> Token:
    """Let somebody sign in on another device, and keep the token; ``say`` tells them what to do.

    Raises LoginError, or TokenError where it cannot be kept.
    """
    if not settings.client_id:
        raise LoginError(
            "[twitch] needs client_id, the public id of your application: make one on https://dev.twitch.tv/console"
            " (client type: Public) and copy its id into the show"
        )
    scopes = " ".join(wanted(settings))
    door = Door(settings, secrets, http)
    try:
        found = await door.ask(_Code, "device", scopes=scopes)
        say(f"Open {found.verification_uri[:500]} and type {found.user_code[:20]}, or agree where it stands already.")
        code = Code(found.device_code, found.user_code, found.verification_uri, found.interval, found.expires_in)

        async def redeemed(device: str) -> Token:
            return await door.redeemed(device, scopes, clock)

        token = await door.known(await sign_in(code, redeemed, clock), clock)
    except Passing as error:
        raise LoginError(f"{error}; try again in a moment") from None
    await tokens.keep(NAME, token)
    say(f"{clean(token.name)[:60]} is signed in.")
    return token


class Door:
    """Twitch's login, as it is asked."""

    def __init__(self, settings: Twitch, secrets: Mapping[str, str], http: "aiohttp.ClientSession") -> None:
        self._base = settings.login.rstrip("/")
        self._client = {"client_id": settings.client_id}
        self._secret = {"client_secret": secrets[SECRET]} if secrets.get(SECRET) else {}
        self._http = http

    async def redeemed(self, device: str, scopes: str, clock: Clock) -> Token:
        """Ask whether the code was typed. Raises Pending, LoginError."""
        grant = "urn:ietf:params:oauth:grant-type:device_code"
        try:
            granted = await self.ask(_Granted, "token", grant_type=grant, device_code=device, scopes=scopes)
        except LoginError as error:
            if "authorization_pending" in str(error):
                raise Pending from None
            if "slow_down" in str(error):
                raise Pending(slower=True) from None
            if "invalid device code" in str(error):
                raise LoginError("Twitch was told no, or the code is too old; begin again") from None
            raise
        except Passing:
            raise Pending(slower=True) from None
        return _token(granted, clock)

    async def renewed(self, token: Token, clock: Clock) -> Token:
        """Exchange a token for a new one; a public application's can be exchanged once. Raises LoginError, Passing."""
        if not token.refresh:
            raise LoginError("the token cannot be renewed")
        form = {"grant_type": "refresh_token", "refresh_token": token.refresh, **self._secret}
        new = _token(await self.ask(_Granted, "token", **form), clock)
        return msgspec.structs.replace(
            new,
            refresh=new.refresh or token.refresh,
            scopes=new.scopes or token.scopes,
            account=token.account,
            name=token.name,
        )

    async def known(self, token: Token, clock: Clock) -> Token:
        """Ask whose a token is, what it may do and for how long. Raises LoginError where it is none, Passing."""
        valid = await self._answer(_Valid, "GET", "validate", headers={"Authorization": f"OAuth {token.access}"})
        return msgspec.structs.replace(
            token,
            account=valid.user_id,
            name=valid.login,
            scopes=tuple(valid.scopes or ()),
            expires=clock.wall() + valid.expires_in if valid.expires_in > 0 else 0.0,
        )

    async def ask(self, kind: type[T], path: str, **form: str) -> T:
        """Send a form. Raises LoginError where Twitch says no, Passing where it does not answer."""
        return await self._answer(kind, "POST", path, data={**self._client, **form})

    async def _answer(self, kind: type[T], method: str, path: str, **more: Any) -> T:
        import aiohttp

        try:
            async with asyncio.timeout(_WITHIN):
                async with self._http.request(
                    method, f"{self._base}/{path}", allow_redirects=False, **more
                ) as response:
                    body = await read(response, _LARGEST)
        except (TimeoutError, aiohttp.ClientError, OSError, RuntimeError) as error:  # RuntimeError: the link hangs up
            raise Passing(f"Twitch's login does not answer: {type(error).__name__}") from None
        if response.status in (400, 401, 403):
            raise LoginError(f"Twitch's login refuses: {_said(body)} ({response.status})")
        if response.status != 200:
            raise Passing(f"Twitch's login has failed ({response.status})")
        try:
            return msgspec.json.decode(body, type=kind)
        except (msgspec.MsgspecError, ValueError):
            raise Passing("Twitch's login answers what nobody can read") from None


def _token(granted: _Granted, clock: Clock) -> Token:
    return Token(
        access=granted.access_token,
        refresh=granted.refresh_token,
        expires=clock.wall() + granted.expires_in if granted.expires_in > 0 else 0.0,
        scopes=tuple(granted.scope or ()),
    )


def _said(body: bytes) -> str:
    try:
        return clean(" ".join(msgspec.json.decode(body, type=_No).message.split()))[:200]
    except (msgspec.MsgspecError, ValueError):
        return "no reason is given"
