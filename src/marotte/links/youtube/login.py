"""Signing in with Google: the code that somebody types, and tokens that are renewed.

https://developers.google.com/identity/protocols/oauth2/limited-input-device. Devices may ask for the scope ``youtube``
and not for ``youtube.force-ssl``; Google wants the application's secret even of such applications.
"""

import asyncio
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import msgspec

from marotte.config_links import YouTube
from marotte.engines.http import read
from marotte.links.device_login import Code, LoginError, Pending, sign_in
from marotte.links.link import Passing
from marotte.links.tokens import Token, Tokens, missing
from marotte.links.youtube import frames
from marotte.links.youtube.quota import COSTS, FILE, Ledger, QuotaFile
from marotte.time import Clock

if TYPE_CHECKING:
    import aiohttp

NAME = "youtube"
"""The link's name, by which its token is kept."""
SCOPE = "https://www.googleapis.com/auth/youtube"
AGAIN = "sign in again: marotte login youtube"
_DEVICE = "urn:ietf:params:oauth:grant-type:device_code"
_WITHIN = 10.0
"""Seconds that an answer may take."""
_LARGEST = 65_536
_OFTEN = ("rate_limit_exceeded", "temporarily_unavailable", "server_error", "internal_failure")
"""Google's words for what passes."""
T = TypeVar("T")


class No(LoginError):
    """Google says no; ``code`` is the word that OAuth has for it."""

    def __init__(self, code: str, said: str) -> None:
        super().__init__(f"Google's login refuses: {code}" + (f" ({said})" if said else ""))
        self.code = code


class _Code(msgspec.Struct):
    device_code: str
    user_code: str
    verification_url: str
    expires_in: float = 1_800.0
    interval: float = 5.0


class _Granted(msgspec.Struct):
    access_token: Annotated[str, msgspec.Meta(pattern="^[!-~]+$")]
    refresh_token: str | None = ""
    expires_in: float | None = 0.0
    scope: str | None = ""


class _No(msgspec.Struct):
    error: str
    error_description: str | None = ""


def lacks(settings: YouTube, secrets: Mapping[str, str]) -> str:
    """Say what is missing before anybody can sign in, or ""."""
    if not settings.client_id:
        return (
            "[youtube] needs client_id, the public id of your application (type: TVs and limited input devices) from"
            " https://console.cloud.google.com/apis/credentials; docs/youtube.md tells how"
        )
    if not secrets.get(settings.secret):
        return f"there is no {settings.secret or 'secret'} in the environment: it is the application's client secret"
    return ""


async def login(
    settings: YouTube,
    secrets: Mapping[str, str],
    tokens: Tokens,
    clock: Clock,
    say: Callable[[str], None],
    http: "aiohttp.ClientSession",
) -> Token:
    """Let somebody sign in on another device, and keep the token; ``say`` tells them what to do.

    Raises LoginError, or TokenError where it cannot be kept.
    """
    if lack := lacks(settings, secrets):
        raise LoginError(lack)
    door = Door(settings, secrets, http)
    try:
        found = await door.ask(_Code, "device/code", scope=SCOPE)
        say(f"Open {found.verification_url[:500]} and type {found.user_code[:20]}")
        code = Code(found.device_code, found.user_code, found.verification_url, found.interval, found.expires_in)

        async def redeemed(device: str) -> Token:
            return await door.redeemed(device, clock)

        token = await sign_in(code, redeemed, clock)
        if token.scopes and missing(token, (SCOPE,)):
            raise LoginError("the box that lets it manage the account's YouTube was not ticked; begin again")
        file = QuotaFile(tokens.folder / FILE)
        Ledger(settings.quota, clock, file.load(), file.keep).spend(COSTS["channels"])  # refused, it costs as much
        token = await door.known(token)
    except Passing as error:
        raise LoginError(f"{error}; try again in a moment") from None
    await tokens.keep(NAME, token)
    say(f"{token.name or 'The channel'} is signed in.")
    return token


class Door:
    """Google's login, as it is asked."""

    def __init__(self, settings: YouTube, secrets: Mapping[str, str], http: "aiohttp.ClientSession") -> None:
        self._base, self._api = settings.login.rstrip("/"), settings.api.rstrip("/")
        self._client = {"client_id": settings.client_id}
        self._secret = {"client_secret": secrets.get(settings.secret, "")}
        self._http = http

    async def redeemed(self, device: str, clock: Clock) -> Token:
        """Ask whether the code was typed. Raises Pending, LoginError."""
        try:
            granted = await self.ask(_Granted, "token", grant_type=_DEVICE, device_code=device, **self._secret)
        except No as error:
            match error.code:
                case "authorization_pending":
                    raise Pending from None
                case "slow_down":
                    raise Pending(slower=True) from None
                case "access_denied":
                    raise LoginError("Google was told no; begin again") from None
                case "expired_token" | "invalid_grant":
                    raise LoginError("the code is too old; begin again") from None
                case _:
                    raise
        except Passing:
            raise Pending(slower=True) from None
        return _token(granted, clock)

    async def renewed(self, token: Token, clock: Clock) -> Token:
        """Exchange a token for a new one. Raises LoginError where Google does not, Passing."""
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

    async def known(self, token: Token) -> Token:
        """Ask whose a token is. Raises LoginError where it has no channel, Passing."""
        headers = {"Authorization": f"Bearer {token.access}"}
        status, body = await self._send(
            "GET", f"{self._api}/channels", params={"part": "id,snippet", "mine": "true"}, headers=headers
        )
        if status != 200:
            reason, said = frames.refusal(body)
            raise LoginError(f"YouTube refuses to say whose channel it is: {said or reason} ({status})")
        try:
            channels = frames.listed(body)
        except frames.Malformed:
            raise Passing("YouTube answers what nobody can read") from None
        if not channels:
            raise LoginError("this account has no channel on YouTube; make one, or sign in with another")
        snippet = channels[0].snippet
        name = (snippet.title if snippet else "") or ""
        return msgspec.structs.replace(token, account=channels[0].id[:100], name=name[:100])

    async def ask(self, kind: type[T], path: str, **form: str) -> T:
        """Send a form. Raises No where Google says no, Passing where it does not answer."""
        status, body = await self._send("POST", f"{self._base}/{path}", data={**self._client, **form})
        if status in (400, 401, 403, 428):
            try:
                said = msgspec.json.decode(body, type=_No)
            except (msgspec.MsgspecError, ValueError):  # whoever says so is not Google: a proxy, a hotel's network
                raise Passing(f"Google's login answers what nobody can read ({status})") from None
            if said.error in _OFTEN:
                raise Passing(f"Google's login has had enough for now ({said.error})")
            raise No(said.error[:60] or f"status {status}", " ".join((said.error_description or "").split())[:200])
        if status != 200:
            raise Passing(f"Google's login has failed ({status})")
        try:
            return msgspec.json.decode(body, type=kind)
        except (msgspec.MsgspecError, ValueError):
            raise Passing("Google's login answers what nobody can read") from None

    async def _send(self, method: str, where: str, **more: Any) -> tuple[int, bytes]:
        import aiohttp

        try:
            async with asyncio.timeout(_WITHIN):
                async with self._http.request(method, where, allow_redirects=False, **more) as response:
                    return response.status, await read(response, _LARGEST)
        except (TimeoutError, aiohttp.ClientError, OSError, RuntimeError) as error:  # RuntimeError: the link hangs up
            raise Passing(f"Google does not answer: {type(error).__name__}") from None


def _token(granted: _Granted, clock: Clock) -> Token:
    lasts = granted.expires_in or 0.0
    return Token(
        access=granted.access_token,
        refresh=granted.refresh_token or "",
        expires=clock.wall() + lasts if lasts > 0 else 0.0,
        scopes=tuple((granted.scope or "").split()),
    )
