"""The login: device codes, tokens that expire and are renewed once, validation, revocation.

https://dev.twitch.tv/docs/authentication/getting-tokens-oauth, /refresh-tokens, /validate-tokens, /revoke-tokens
"""

import asyncio
import time
from typing import Any

from aiohttp import web

from tests.servers.faulty import Asked, RefusedError, abort
from tests.servers.twitch.core import Core
from tests.servers.twitch.kinds import SCOPES
from tests.servers.twitch.state import CLIENT_ID, CLIENT_SECRET, REASONS, DeviceCode, Token, User

_LARGEST_FORM = 16_384


class _LoginError(RefusedError):
    """A refusal in the login's shape, which names the reason only where the status is not 400."""

    def __init__(self, status: int, told: str) -> None:
        super().__init__(status, {"status": status, "message": told})
        self.told = told


class Login(Core):
    """The part under ``/oauth2``."""

    # --- what a test does

    def grant(self, scopes: "tuple[str, ...] | list[str]" = SCOPES, user: str | User | None = None) -> str:
        """Return a new token of the broadcaster, or of whom is named; ``refresh_of`` knows its other half."""
        return self._granted(tuple(scopes), self.broadcaster if user is None else self.user(user)).value

    def grant_app(self) -> str:
        """Return a token of the app itself, which stands for no user."""
        return self._granted((), None).value

    def refresh_of(self, token: str) -> str:
        return self.tokens[token].refresh

    def approve(self, code: str = "", user: str | User | None = None) -> None:
        """Let somebody type a code (of either kind; by default the last one that was made) and agree."""
        found = self._code(code)
        found.state, found.user = "approved", self.broadcaster if user is None else self.user(user)

    def deny(self, code: str = "") -> None:
        self._code(code).state = "denied"

    def expire(self, what: str) -> None:
        """Let a token, or a device code, expire now."""
        if token := self.tokens.get(what):
            token.expires = self.now()
        else:
            self._code(what).expires = self.now()

    def revoke(self, token: str) -> None:
        """Take a token back, as somebody does on their page of connections: its subscriptions are revoked too."""
        self.tokens[token].revoked = True
        self.withdraw(self.tokens[token])

    def withdraw(self, token: Token) -> None:
        """Revoke the subscriptions that were made with a token."""
        raise NotImplementedError

    # --- what the parts ask

    def token_of(self, value: str) -> Token | None:
        token = self.tokens.get(value)
        return token if token and not token.revoked and token.expires > self.now() else None

    def _code(self, code: str) -> DeviceCode:
        if not code:
            return list(self.codes.values())[-1]
        return next(one for one in self.codes.values() if code in (one.code, one.user_code))

    def _granted(self, scopes: tuple[str, ...], user: User | None) -> Token:
        number = next(self._ids)
        expires = self.now() + self.times.token
        token = Token(f"access{number:024d}", user, scopes, f"refresh{number:043d}" if user else "", expires)
        self.tokens[token.value] = token
        return token

    # --- what a client asks

    def login_routes(self, app: web.Application) -> None:
        app.router.add_post("/oauth2/device", self._login(self._device))
        app.router.add_post("/oauth2/token", self._login(self._token))
        app.router.add_post("/oauth2/revoke", self._login(self._revoke))
        app.router.add_get("/oauth2/validate", self._login(self._validate))

    def _login(self, answer: Any) -> Any:
        async def handler(request: web.Request) -> web.StreamResponse:
            asked = Asked("login:" + request.path, time.monotonic(), target=request.path)
            self.requests.append(asked)
            try:
                if fault := self.taken("login:"):
                    return await _misbehave(request, fault.partition(":")[2])
                form = {**request.query, **{name: str(value) for name, value in (await request.post()).items()}}
                asked.body = {name: "…" if "token" in name or "secret" in name else form[name] for name in form}
                response = web.json_response(answer(request, form))
            except _LoginError as refused:
                if refused.told != "authorization_pending":
                    self.complain(f"{request.method} {request.path}: {refused.status} {refused.told}")
                response = refused.response()
            asked.status = response.status
            return response

        return handler

    def _client(self, form: dict[str, str]) -> None:
        if "client_id" not in form:
            raise _LoginError(400, "missing client id")
        if form["client_id"] != CLIENT_ID:
            raise _LoginError(400, "invalid client")

    def _device(self, request: web.Request, form: dict[str, str]) -> dict[str, Any]:
        self._client(form)
        scopes = form.get("scopes", form.get("scope", "")).split()
        if unknown := [scope for scope in scopes if ":" not in scope]:
            raise _LoginError(400, f"invalid scope requested: '{unknown[0]}'")
        number = next(self._ids)
        user_code = "".join(chr(65 + number * step % 26) for step in (1, 3, 5, 7, 9, 11, 15, 17))
        expires = self.now() + self.times.device_code
        made = DeviceCode(f"device{number:034d}", user_code, tuple(scopes), expires)
        self.codes[made.code] = made
        uri = f"https://www.twitch.tv/activate?public=true&device-code={user_code}"
        return {"device_code": made.code, "expires_in": int(self.times.device_code), "user_code": user_code,
                "interval": int(self.times.device_interval), "verification_uri": uri}  # fmt: skip

    def _token(self, request: web.Request, form: dict[str, str]) -> dict[str, Any]:
        self._client(form)
        match form.get("grant_type"):
            case "urn:ietf:params:oauth:grant-type:device_code":
                return self._redeem_code(form)
            case "refresh_token":
                return self._refresh(form.get("refresh_token", ""))
            case "client_credentials":
                if form.get("client_secret") != CLIENT_SECRET:
                    raise _LoginError(403, "invalid client secret")
                return self._token_told(self._granted((), None))
            case _:
                raise _LoginError(400, "invalid grant type")

    def _redeem_code(self, form: dict[str, str]) -> dict[str, Any]:
        code = self.codes.get(form.get("device_code", ""))
        if code is None or code.expires <= self.now() or code.state == "denied":
            raise _LoginError(400, "invalid device code")
        if code.state == "pending" or code.user is None:
            raise _LoginError(400, "authorization_pending")
        del self.codes[code.code]
        return self._token_told(self._granted(code.scopes, code.user))

    def _refresh(self, refresh: str) -> dict[str, Any]:
        """Renew a token: the old refresh token of a public client is used up by that."""
        old = next((token for token in self.tokens.values() if refresh and token.refresh == refresh), None)
        if old is None or old.revoked:
            raise _LoginError(400, "Invalid refresh token")
        old.refresh = ""
        return self._token_told(self._granted(old.scopes, old.user))

    def _token_told(self, token: Token) -> dict[str, Any]:
        told: dict[str, Any] = {"access_token": token.value, "expires_in": int(self.times.token),
                                "token_type": "bearer"}  # fmt: skip
        return {**told, "refresh_token": token.refresh, "scope": list(token.scopes)} if token.user else told

    def _validate(self, request: web.Request, form: dict[str, str]) -> dict[str, Any]:
        scheme, _, value = request.headers.get("Authorization", "").partition(" ")
        token = self.token_of(value)
        if scheme not in ("OAuth", "Bearer") or token is None:
            raise _LoginError(401, "invalid access token")
        told: dict[str, Any] = {"client_id": CLIENT_ID, "scopes": list(token.scopes),
                                "expires_in": max(0, int(token.expires - self.now()))}  # fmt: skip
        return {**told, "login": token.user.login, "user_id": token.user.id} if token.user else told

    def _revoke(self, request: web.Request, form: dict[str, str]) -> dict[str, Any]:
        self._client(form)
        if self.token_of(form.get("token", "")) is None:
            raise _LoginError(400, "Invalid token")
        self.revoke(form["token"])
        return {}


async def _misbehave(request: web.Request, fault: str) -> web.StreamResponse:
    """Answer with a fault: a status, nothing, no JSON, or a broken connection."""
    if fault == "hang":
        await asyncio.Event().wait()
    if fault == "drop":
        abort(request)
        return web.Response()
    if fault == "garbage":
        return web.Response(body=b"{\x00\xff", content_type="application/json")
    status = int(fault)
    return web.json_response({"status": status, "message": REASONS[status].lower()}, status=status)
