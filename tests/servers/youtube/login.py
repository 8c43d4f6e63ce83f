"""Google's sign-in for devices with little to type on, and the tokens that it gives.

https://developers.google.com/identity/protocols/oauth2/limited-input-device; expired_token is RFC 8628's.
"""

import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

CLIENT = "1234567890-marotte.apps.googleusercontent.com"
SECRET = "GOCSPX-test-secret-0123456789"
_AUTH = "https://www.googleapis.com/auth/"
SCOPE = _AUTH + "youtube"
READONLY = _AUTH + "youtube.readonly"
FORCE_SSL = _AUTH + "youtube.force-ssl"
DEVICE_SCOPES = {SCOPE, READONLY, "email", "openid", "profile", _AUTH + "drive.file", _AUTH + "drive.appdata"}
"""What a device may ask for."""
LIFE = 3599
"""Seconds that an access token lives."""
CODE_LIFE = 1800
INTERVAL = 5
"""Seconds between two questions of a device."""
_DEVICE = "urn:ietf:params:oauth:grant-type:device_code"


@dataclass
class Grant:
    """What somebody has allowed, and the two tokens that stand for it."""

    access: str = field(repr=False)
    refresh: str = field(repr=False)
    scopes: tuple[str, ...]
    until: float
    """By the server's clock, when the access token expires."""
    revoked: bool = False


@dataclass
class Device:
    """One device that waits to be allowed."""

    code: str
    user_code: str
    scopes: tuple[str, ...]
    until: float
    interval: float
    asked: float = float("-inf")
    answer: str = ""
    """What the person said: approved or denied; then used."""


class LoginError(Exception):
    """An answer that refuses, in the shape of OAuth."""

    def __init__(self, status: int, error: str, told: str) -> None:
        super().__init__(f"{error}: {told}")
        self.status, self.body = status, {"error": error, "error_description": told}


class Login:
    """Who may do what, by the server's clock."""

    def __init__(self, clock: Callable[[], float], url: Callable[[], str]) -> None:
        self.clock, self._url = clock, url
        self.grants: list[Grant] = []
        self.devices: list[Device] = []
        self._numbers = itertools.count(1)

    # --- what happens

    def grant(self, *scopes: str) -> Grant:
        """Allow these scopes at once."""
        number = next(self._numbers)
        made = Grant(f"ya29.test-access-{number:04}", f"1//test-refresh-{number:04}", scopes, self.clock() + LIFE)
        self.grants.append(made)
        return made

    def decide(self, user_code: str, answer: str) -> None:
        """Answer a device as the person would who types its code."""
        device = next((device for device in self.devices if device.user_code == user_code), None)
        if device is None:
            raise ValueError(f"no device shows the code {user_code!r}")
        device.answer = answer

    def expire(self, token: str) -> None:
        """Let an access token, or the code of a device, be too old from now on."""
        for grant in self.grants:
            if grant.access == token:
                grant.until = self.clock()
        for device in self.devices:
            if token in (device.code, device.user_code):
                device.until = self.clock()

    def revoke(self, token: str) -> bool:
        """Take back what a token of either kind stands for; return whether it stood for anything."""
        live = [grant for grant in self.grants if not grant.revoked]
        found = {grant.refresh for grant in live if token in (grant.access, grant.refresh)}
        for grant in live:
            grant.revoked = grant.refresh in found
        return bool(found)

    def holder(self, access: str) -> Grant | None:
        """Return what an access token stands for while it holds."""
        for grant in self.grants:
            if grant.access == access and not grant.revoked and self.clock() < grant.until:
                return grant
        return None

    # --- what is served

    async def code(self, request: web.Request) -> web.Response:
        form = await _form(request)
        _client(form, secret=False)
        scopes = tuple(str(form.get("scope", "")).split())
        if not scopes:
            raise LoginError(400, "invalid_request", "scope is missing")
        if bad := sorted(set(scopes) - DEVICE_SCOPES):
            raise LoginError(400, "invalid_scope", f"not for devices: {bad}")
        number = next(self._numbers)
        code, user_code = f"AH-1Ng-test-device-{number:04}", f"GQVQ-{number:04}"
        self.devices.append(Device(code, user_code, scopes, self.clock() + CODE_LIFE, INTERVAL))
        return web.json_response({"device_code": code, "user_code": user_code, "expires_in": CODE_LIFE,
                                  "interval": INTERVAL, "verification_url": f"{self._url()}/device"})  # fmt: skip

    async def token(self, request: web.Request) -> web.Response:
        form = await _form(request)
        _client(form, secret=True)
        kind = form.get("grant_type")
        if kind == _DEVICE:
            grant = self._of_device(str(form.get("device_code", "")))
            more = {"refresh_token": grant.refresh}
        elif kind == "refresh_token":
            grant, more = self._refreshed(str(form.get("refresh_token", ""))), {}
        else:
            raise LoginError(400, "unsupported_grant_type", f"not {kind!r}")
        return web.json_response({"access_token": grant.access, "expires_in": LIFE, "scope": " ".join(grant.scopes),
                                  "token_type": "Bearer", **more}, headers={"Cache-Control": "no-store"})  # fmt: skip

    def _of_device(self, code: str) -> Grant:
        now = self.clock()
        device = next((device for device in self.devices if device.code == code), None)
        if device is None or device.answer == "used":
            raise LoginError(400, "invalid_grant", "the code is unknown, or was used")
        if now >= device.until:
            raise LoginError(400, "expired_token", "the code is too old")
        early, device.asked = now - device.asked < device.interval, now
        if early:
            device.interval += 5.0
            raise LoginError(403, "slow_down", f"not sooner than {device.interval:g} s")
        if device.answer == "denied":
            raise LoginError(403, "access_denied", "somebody said no")
        if device.answer != "approved":
            raise LoginError(428, "authorization_pending", "nobody has said yes")
        device.answer = "used"
        return self.grant(*device.scopes)

    def _refreshed(self, refresh: str) -> Grant:
        for grant in self.grants:
            if grant.refresh == refresh and not grant.revoked:
                # The access token before it goes on holding, as long as it lives.
                made = Grant(f"ya29.test-access-{next(self._numbers):04}", refresh, grant.scopes, self.clock() + LIFE)
                self.grants.append(made)
                return made
        raise LoginError(400, "invalid_grant", "the token is unknown, too old, or was taken back")

    async def take_back(self, request: web.Request) -> web.Response:
        token = request.query.get("token") or str((await _form(request)).get("token", ""))
        if not self.revoke(token):
            raise LoginError(400, "invalid_token", "the token stands for nothing")
        return web.json_response({})

    async def told(self, request: web.Request) -> web.Response:
        grant = self.holder(request.query.get("access_token", ""))
        if grant is None:
            raise LoginError(400, "invalid_token", "the token stands for nothing")
        left = int(grant.until - self.clock())
        return web.json_response({"azp": CLIENT, "aud": CLIENT, "scope": " ".join(grant.scopes), "exp": str(left),
                                  "expires_in": str(left), "access_type": "offline"})  # fmt: skip


async def _form(request: web.Request) -> dict[str, Any]:
    if request.content_type != "application/x-www-form-urlencoded":
        raise LoginError(400, "invalid_request", f"a form is wanted, not {request.content_type}")
    return dict(await request.post())


def _client(form: dict[str, Any], *, secret: bool) -> None:
    if form.get("client_id") != CLIENT or (secret and form.get("client_secret") != SECRET):
        raise LoginError(401, "invalid_client", "the client is unknown")
