"""The border: what holds for every request before any route sees it, and for every answer."""

import asyncio
import math
from collections.abc import Callable

from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from marotte.gateway.audit import summary
from marotte.gateway.guard import Denied, Guard, Wait, Who
from marotte.gateway.limits import Kind, caller_at

BODY_WITHIN = 20.0
_API = "/api/"
_DOORS = ("/api/v1/login", "/api/v1/pair")
"""Where whoever has no token yet may come: these give or check one."""
_COSTLY = ("/try", "/database/backup", "/database/restore", "/doctor", "/brain")
"""Ends of paths behind which there is work for seconds, or for money."""
_UPLOAD = "/api/v1/database/restore"
"""What is sent here is too large to be held: once it knows who asks, the route itself reads it, within its limits."""
_SAFE = ("GET", "HEAD", "OPTIONS")
_ASKING = ("/api/v1/settings/check", "/api/v1/moderation/try", "/api/v1/verdicts/try")
"""What is sent here as somebody types is only judged: it changes nothing that the audit log should tell of."""


def policy(nonce: str = "") -> str:
    """Return what a page may load and run: our own files, and styles that carry the ``nonce`` of this answer."""
    styles = f"'self' 'nonce-{nonce}'" if nonce else "'self'"
    return (
        f"default-src 'none'; script-src 'self'; style-src {styles}; img-src 'self' data: blob:;"
        " media-src 'self' blob:; worker-src 'self' blob:; connect-src 'self'; font-src 'self' data:;"
        " manifest-src 'self'; frame-ancestors 'self'; base-uri 'none'; form-action 'none'"
    )


_HEADERS = {
    "content-security-policy": policy(),
    "x-content-type-options": "nosniff",
    "x-frame-options": "SAMEORIGIN",
    "referrer-policy": "no-referrer",
    "permissions-policy": "microphone=(self), camera=(self), autoplay=(self), geolocation=(), payment=(), usb=()",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}


class Border:
    """Origin, token, rate, size of the body; the audit log; headers that browsers obey."""

    def __init__(self, app: ASGIApp, guard: Guard, largest: int) -> None:
        """``largest`` is how many bytes a body may have."""
        self._app = app
        self._guard = guard
        self._largest = largest

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        refusal = self._refusal(scope)
        body: bytes | None = b""
        if refusal is None and scope["path"] != _UPLOAD:
            try:
                async with asyncio.timeout(BODY_WITHIN):
                    body = await self._body(Headers(scope=scope).get("content-length", "0"), receive)
            except TimeoutError:
                refusal = self._refuse(408, "body", f"the body did not come within {BODY_WITHIN:g} s")
            if body is None:
                refusal = self._refuse(413, "body", f"the body is larger than {self._largest} bytes")
            receive = _replay(body or b"", receive)
        if scope["method"] == "HEAD":
            # What GET would be answered (RFC 9110, 9.3.2); whoever wrote the request's line leaves the body away.
            scope = {**scope, "method": "GET"}
        answered: Callable[[int], None] = self._witness(scope, body or b"")
        send = _marked(send, answered)
        if refusal is not None:
            await refusal(scope, receive, send)
            return
        try:
            await self._app(scope, receive, send)
        except asyncio.CancelledError:
            # Only a server that stops ends a request that goes on.
            if scope["state"].get("begun"):
                raise
            await JSONResponse({"detail": "the program is being stopped"}, 503)(scope, receive, send)

    def _refusal(self, scope: Scope) -> JSONResponse | None:
        """Say who asks (``request.state.who``), or why nobody may ask this."""
        headers, path, method = Headers(scope=scope), str(scope["path"]), str(scope["method"])
        who: Who | None = None
        scope["state"] = {**scope.get("state", {}), "who": None}
        if not self._guard.from_here(headers, page=not path.startswith(_API)):
            return self._refuse(403, "origin", "this request comes from elsewhere")
        address = address_of(scope)
        if path.startswith(_API):
            try:
                who = self._guard.admit(bearer(headers), address, here=self._guard.made_here(headers))
            except Wait as wait:
                return _later(str(wait), wait.seconds)
            except Denied as denied:
                if bearer(headers) or (method not in _SAFE and path not in _DOORS):
                    return self._refuse(401, "token", f"the token is {denied}")
            scope["state"]["who"] = who
        kind = _kind(method, path)
        if wait := self._guard.limits.take(who.id if who and who.id else address, kind):
            self._guard.refused["rate"] += 1
            return _later("too many requests of this kind came from you", wait)
        if method not in _SAFE and path not in _DOORS and (who is None or not who.id):
            return self._refuse(401, "token", "what changes something needs a token as Authorization: Bearer")
        return None

    def _refuse(self, status: int, reason: str, message: str) -> JSONResponse:
        self._guard.refused[reason] += 1
        return JSONResponse({"detail": message}, status, {"www-authenticate": "Bearer"} if status == 401 else None)

    def _witness(self, scope: Scope, body: bytes) -> Callable[[int], None]:
        """Return what keeps in the audit log that somebody whom we know changed something, or tried to."""

        def answered(status: int) -> None:
            scope["state"]["begun"] = True
            who: Who | None = scope["state"]["who"]
            method, path = str(scope["method"]), str(scope["path"])
            if method not in _SAFE and path not in _ASKING and ((who and who.id) or (path in _DOORS and status < 400)):
                about = summary(body, Headers(scope=scope).get("content-type", ""))
                name, rights = (who.name, who.rights) if who else ("", "")
                self._guard.audit.write(name, rights, address_of(scope), f"{method} {path}", status, about)

        return answered

    async def _body(self, length: str, receive: Receive) -> bytes | None:
        """Read the body; None where it is larger than the limit, whatever its header claims."""
        if not length.isdigit() or int(length) > self._largest:
            return None
        body = bytearray()
        while True:
            message = await receive()
            body += message.get("body", b"")
            if len(body) > self._largest:
                return None
            if not message.get("more_body"):
                return bytes(body)


def bearer(headers: Headers) -> str:
    """Return the token that a request carries, or ""."""
    scheme, _, token = headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def address_of(scope: Scope) -> str:
    """Return the address by which whoever asks is counted."""
    return caller_at(scope["client"][0]) if scope.get("client") else ""


def _kind(method: str, path: str) -> Kind:
    if not path.startswith(_API):
        return "page"
    if path in _DOORS:
        return "login"
    if path.endswith(_COSTLY) and path not in _ASKING:
        return "costly"
    return "read" if method in _SAFE else "change"


def _later(message: str, seconds: float) -> JSONResponse:
    return JSONResponse({"detail": message}, 429, {"retry-after": str(math.ceil(seconds))})


def _marked(send: Send, answered: Callable[[int], None]) -> Send:
    async def marked(message: Message) -> None:
        if message["type"] == "http.response.start":
            answered(message["status"])
            given = list(message.get("headers", ()))
            names = {name.lower() for name, _ in given}
            message["headers"] = [
                *given,
                *((k.encode(), v.encode()) for k, v in _HEADERS.items() if k.encode() not in names),
            ]
        await send(message)

    return marked


def _replay(body: bytes, receive: Receive) -> Receive:
    """Give the body once, and then whatever else comes."""
    given = False

    async def replayed() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replayed
