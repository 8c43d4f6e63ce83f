"""Helix: what every request must bring, the points it costs, and the calls that write into a chat or read a channel.

https://dev.twitch.tv/docs/api/reference, https://dev.twitch.tv/docs/api/guide/#twitch-rate-limits
"""

import asyncio
import json
import math
import time
from collections.abc import Sequence
from typing import Any

from aiohttp import web

from tests.servers.faulty import Asked, abort
from tests.servers.twitch.happenings import Happenings
from tests.servers.twitch.state import (
    CLIENT_ID,
    REASONS,
    Bucket,
    ComplaintError,
    Token,
    User,
    Window,
    short_stamp,
)

LONGEST = 500
"""Characters of a message."""
COLORS = ("blue", "green", "orange", "purple", "primary")


class Helix(Happenings):
    """The part under ``/helix``: the guard of all calls, and those around the chat and the channel."""

    def __init__(self, second: float, keepalive: float | None, points: int, limit: int, mod_limit: int) -> None:
        super().__init__(second, keepalive, points, limit, mod_limit)
        self.silenced: dict[str, float] = {}
        """Accounts that wrote too much, and until when nothing of theirs is shown."""
        self._buckets: dict[str, Bucket] = {}
        self._written: dict[str, Window] = {}
        self._last: dict[str, tuple[str, float]] = {}
        self._announcements = Window()

    def helix_routes(self, app: web.Application) -> None:
        self.route(app, "GET", "users", self._users)
        self.route(app, "POST", "chat/messages", self._send_message)
        self.route(app, "POST", "chat/announcements", self._announce)
        self.route(app, "POST", "chat/shoutouts", self._shout)
        self.route(app, "GET", "chat/settings", self._settings)
        self.route(app, "GET", "streams", self._streams)
        self.route(app, "POST", "clips", self._clip)
        self.route(app, "GET", "clips", self._clips)

    # --- the guard

    def route(self, app: web.Application, method: str, path: str, answer: Any) -> None:
        async def handler(request: web.Request) -> web.StreamResponse:
            asked = Asked(f"{method} {path}", time.monotonic(), target=request.path_qs)
            self.requests.append(asked)
            headers: dict[str, str] = {}
            try:
                asked.body = await _peek(request)
                if fault := self._fault_for(method, path, asked.body):
                    response = await _misbehave(request, fault)
                else:
                    response = await answer(request, self._admit(request, headers))
            except ComplaintError as refused:
                self.complain(f"{method} {path}: {refused.status} {refused.told}")
                response = refused.response()
            response.headers.update(headers)
            asked.status, asked.ended = response.status, time.monotonic()
            return response

        app.router.add_route(method, f"/helix/{path}", handler)

    def _fault_for(self, method: str, path: str, body: dict[str, Any]) -> str:
        if path == "eventsub/subscriptions" and method == "POST":
            wanted = body.get("type")
            if fault := self.taken("subscribe:", path=wanted if isinstance(wanted, str) else ""):
                return fault
        return self.taken("helix:", path=path)

    def _admit(self, request: web.Request, headers: dict[str, str]) -> Token:
        """Return the token of a request, once it is found good and its point is spent."""
        scheme, _, value = request.headers.get("Authorization", "").partition(" ")
        if not value or scheme != "Bearer":
            raise ComplaintError(401, "OAuth token is missing")
        token = self.token_of(value)
        if token is None:
            raise ComplaintError(401, "Invalid OAuth token")
        if "Client-Id" not in request.headers:
            raise ComplaintError(401, "Client ID is missing")
        if request.headers["Client-Id"] != CLIENT_ID:
            raise ComplaintError(401, "Client ID and OAuth token do not match")
        now = self.now()
        bucket = self._buckets.setdefault(token.user.id if token.user else "", Bucket(self.points, now))
        allowed = bucket.take(now)
        headers["Ratelimit-Limit"] = str(self.points)
        headers["Ratelimit-Remaining"] = str(int(bucket.left))
        headers["Ratelimit-Reset"] = str(math.ceil(time.time() + bucket.full_in() * self.second))
        if not allowed:
            raise ComplaintError(429, "Too Many Requests")
        return token

    # --- what the calls share

    def needed(self, request: web.Request, name: str) -> str:
        if not request.query.get(name):
            raise ComplaintError(400, f'Missing required parameter "{name}"')
        return request.query[name]

    def scoped(self, token: Token, *scopes: str) -> User:
        """Return the user of a token that must have one of some scopes."""
        if token.user is None:
            raise ComplaintError(401, "Missing User OAUTH Token")
        if not set(scopes) & set(token.scopes):
            raise ComplaintError(401, f"Missing scope: {' or '.join(scopes)}")
        return token.user

    def moderator(self, request: web.Request, token: Token, scope: str, broadcaster: str = "broadcaster_id") -> User:
        """Return who moderates, who must be the token's user and may moderate the channel."""
        channel, wanted = self.needed(request, broadcaster), self.needed(request, "moderator_id")
        user = self.scoped(token, scope)
        if wanted != user.id:
            raise ComplaintError(
                401, "The ID in moderator_id must match the user ID found in the request's OAuth token."
            )
        if channel not in self.users:
            raise ComplaintError(400, f"The ID in {broadcaster} is not valid.")
        if channel != self.broadcaster.id or not self.moderates(user):
            raise ComplaintError(403, "The user in moderator_id is not one of the broadcaster's moderators.")
        return user

    def page(
        self, found: Sequence[Any], request: web.Request, most: int, usual: int = 20
    ) -> tuple[Any, dict[str, Any]]:
        """Return a page of what was found, and what tells where the next begins."""
        try:
            first = int(request.query.get("first", usual))
            after = int(request.query.get("after", "c0")[1:])
        except ValueError:
            raise ComplaintError(400, "The value of first or after is not valid.") from None
        if not 1 <= first <= most:
            raise ComplaintError(400, f'The parameter "first" must be between 1 and {most}.')
        more = after + first < len(found)
        return found[after : after + first], {"pagination": {"cursor": f"c{after + first}"} if more else {}}

    # --- the chat

    async def _send_message(self, request: web.Request, token: Token) -> web.StreamResponse:
        body = await body_of(request)
        channel, sender, text = (body.get(name) for name in ("broadcaster_id", "sender_id", "message"))
        if not all(isinstance(one, str) and one.strip() for one in (channel, sender, text)):
            raise ComplaintError(400, "broadcaster_id, sender_id and message are required.")
        user = self._sender(token, str(sender), body)
        if channel not in self.users:
            raise ComplaintError(400, "The ID in broadcaster_id is not valid.")
        if len(str(text)) > LONGEST:
            raise ComplaintError(422, "The message is too large.")
        reply = body.get("reply_parent_message_id") or ""
        if reply and reply not in self.messages:
            raise ComplaintError(400, "The ID in reply_parent_message_id is not valid.")
        if self.ban_of(user):
            raise ComplaintError(
                403, "The sender is not permitted to send chat messages to the broadcaster's chat room."
            )
        if dropped := self._dropped(user, str(text)):
            reason = {"code": dropped[0], "message": dropped[1]}
            return web.json_response({"data": [{"message_id": "", "is_sent": False, "drop_reason": reason}]})
        identity = self.chat(user, str(text), reply_to=reply)
        self.sent.append(self.messages[identity])
        return web.json_response({"data": [{"message_id": identity, "is_sent": True}]})

    def _sender(self, token: Token, sender: str, body: dict[str, Any]) -> User:
        """Return who writes: a user's token writes for its user, an app's for a bot that has agreed."""
        if token.user:
            if "for_source_only" in body:
                raise ComplaintError(400, "for_source_only cannot be set with a user access token.")
            user = self.scoped(token, "user:write:chat")
            if sender != user.id:
                raise ComplaintError(
                    401, "The ID in sender_id must match the user ID found in the request's OAuth token."
                )
            return user
        mine = {scope for one in self.tokens.values() if one.user and one.user.id == sender for scope in one.scopes}
        theirs = {scope for one in self.tokens.values() if one.user == self.broadcaster for scope in one.scopes}
        user = self.users.get(sender)
        if user is None or not {"user:write:chat", "user:bot"} <= mine:
            raise ComplaintError(401, "Missing scope: user:write:chat or user:bot")
        if "channel:bot" not in theirs and not self.moderates(user):
            raise ComplaintError(
                403, "The sender is not permitted to send chat messages to the broadcaster's chat room."
            )
        return user

    def _dropped(self, user: User, text: str) -> tuple[str, str] | None:
        """Return why a message is not shown, if it is not: the codes are those of IRC's notices."""
        now, moderates = self.now(), self.moderates(user)
        if fault := self.taken("message:"):
            return fault.partition(":")[2], "Your message was not sent."
        within = self._written.setdefault(user.id, Window()).take(
            now, self.mod_limit if moderates else self.limit, self.times.chat_window
        )
        if not within:
            self.silenced.setdefault(user.id, now + self.times.silenced)
            self.complain(f"{user.login} wrote more messages than an account may")
        if self.silenced.get(user.id, 0.0) > now:
            return "msg_ratelimit", "Your message was not sent because you are sending messages too quickly."
        self.silenced.pop(user.id, None)
        before, at = self._last.get(user.id, ("", 0.0))
        self._last[user.id] = (text, now)
        if before == text and now - at < self.times.duplicate and not moderates:
            self.complain(f"{user.login} wrote the same twice within {self.times.duplicate:g} seconds")
            return "msg_duplicate", (
                "Your message was not sent because it is identical to the one you sent less than 30 seconds ago."
            )
        return None

    async def _announce(self, request: web.Request, token: Token) -> web.StreamResponse:
        user = self.moderator(request, token, "moderator:manage:announcements")
        body = await body_of(request)
        text, color = body.get("message"), body.get("color", "primary")
        if not isinstance(text, str) or not text:
            raise ComplaintError(400, "The message field is required and may not be empty.")
        if color not in COLORS:
            raise ComplaintError(400, "The specified color is not valid.")
        if not self._announcements.take(self.now(), 1, self.times.announcement):
            raise ComplaintError(429, "The sender has exceeded the number of announcements they may send.")
        self.announced.append(text[:LONGEST])
        self.announce(user, text[:LONGEST], color)
        return web.Response(status=204)

    async def _shout(self, request: web.Request, token: Token) -> web.StreamResponse:
        user = self.moderator(request, token, "moderator:manage:shoutouts", "from_broadcaster_id")
        target = self.users.get(self.needed(request, "to_broadcaster_id"))
        if target is None:
            raise ComplaintError(400, "The ID in to_broadcaster_id is not valid.")
        if target == self.broadcaster:
            raise ComplaintError(400, "The broadcaster may not give themselves a Shoutout.")
        if not self.live:
            raise ComplaintError(400, "The broadcaster is not streaming live or does not have one or more viewers.")
        now = self.now()
        if now < self.shouted_at.get("", -math.inf) + self.times.shoutout:
            raise ComplaintError(429, "The broadcaster may send a Shoutout once every 2 minutes.")
        if now < self.shouted_at.get(target.id, -math.inf) + self.times.shoutout_same:
            raise ComplaintError(429, "The broadcaster may send the same broadcaster a Shoutout once every 60 minutes.")
        self.shouted.append(target.login)
        self.shoutout(target, user)
        return web.Response(status=204)

    async def _settings(self, request: web.Request, token: Token) -> web.StreamResponse:
        settings = {
            "broadcaster_id": self.needed(request, "broadcaster_id"), "emote_mode": False, "follower_mode": False,
            "follower_mode_duration": None, "slow_mode": False, "slow_mode_wait_time": None, "subscriber_mode": False,
            "unique_chat_mode": False,
        }  # fmt: skip
        return web.json_response({"data": [settings]})

    # --- people and the channel

    async def _users(self, request: web.Request, token: Token) -> web.StreamResponse:
        ids, logins = request.query.getall("id", []), request.query.getall("login", [])
        if len(ids) + len(logins) > 100:
            raise ComplaintError(400, "The request exceeded the maximum allowed number of query parameters.")
        if not ids and not logins:
            if token.user is None:
                raise ComplaintError(400, "The id or login query parameter is required.")
            ids = [token.user.id]
        found = [
            user for user in self.users.values() if user.id in ids or user.login in [one.lower() for one in logins]
        ]
        return web.json_response({"data": [_account(user, user == self.broadcaster) for user in found]})

    async def _streams(self, request: web.Request, token: Token) -> web.StreamResponse:
        ids, logins = request.query.getall("user_id", []), request.query.getall("user_login", [])
        owner = self.broadcaster
        asked = (not ids and not logins) or owner.id in ids or owner.login in logins
        found = [{
            "id": self.stream_id, "user_id": owner.id, "user_login": owner.login, "user_name": owner.name,
            "game_id": "509658", "type": "live", "started_at": self.started_at, "language": "en",
            "thumbnail_url": f"https://static-cdn.jtvnw.net/previews-ttv/live_user_{owner.login}-{{width}}x{{height}}.jpg",
            "tag_ids": [], "tags": [], "is_mature": False, **self.stream,
        }] if self.live and asked else []  # fmt: skip
        return web.json_response({"data": found, "pagination": {}})

    async def _clip(self, request: web.Request, token: Token) -> web.StreamResponse:
        user = self.scoped(token, "clips:edit")
        if self.needed(request, "broadcaster_id") not in self.users:
            raise ComplaintError(400, "The ID in broadcaster_id was not found.")
        if request.query["broadcaster_id"] != self.broadcaster.id or not self.live:
            raise ComplaintError(404, "Clipping is not possible for an offline channel.")
        name = f"FunnyPuppetClip{len(self.clips)}"
        self.clips.append({
            "id": name, "url": f"https://clips.twitch.tv/{name}", "embed_url": f"https://clips.twitch.tv/embed?clip={name}",
            "broadcaster_id": self.broadcaster.id, "broadcaster_name": self.broadcaster.name, "creator_id": user.id,
            "creator_name": user.name, "video_id": "", "game_id": "509658", "language": "en", "view_count": 0,
            "title": request.query.get("title", self.stream["title"]), "created_at": short_stamp(),
            "thumbnail_url": f"https://clips-media-assets.twitch.tv/{name}-preview-480x272.jpg",
            "duration": float(request.query.get("duration", 30)), "vod_offset": None, "is_featured": False,
        })  # fmt: skip
        edit = f"https://www.twitch.tv/{self.broadcaster.login}/clip/{name}"
        return web.json_response({"data": [{"id": name, "edit_url": edit}]}, status=202)

    async def _clips(self, request: web.Request, token: Token) -> web.StreamResponse:
        ids = request.query.getall("id", [])
        if bool(ids) == ("broadcaster_id" in request.query):
            raise ComplaintError(400, "Either id or broadcaster_id is required.")
        found = [one for one in self.clips if one["id"] in ids or one["broadcaster_id"] in request.query.values()]
        page, cursor = self.page(found, request, 100)
        return web.json_response({"data": page, **cursor})


def _account(user: User, affiliate: bool) -> dict[str, Any]:
    return {
        "id": user.id, "login": user.login, "display_name": user.name, "type": "",
        "broadcaster_type": "affiliate" if affiliate else "", "description": "", "view_count": 0,
        "profile_image_url": f"https://static-cdn.jtvnw.net/{user.login}-profile_image-300x300.png",
        "offline_image_url": "", "created_at": "2016-12-14T20:32:28Z",
    }  # fmt: skip


async def body_of(request: web.Request) -> dict[str, Any]:
    """Return a request's body, which must be a JSON object."""
    try:
        body = json.loads(await request.read())
    except ValueError:
        body = None
    if request.content_type != "application/json" or not isinstance(body, dict):
        raise ComplaintError(400, "The request body is not valid JSON.")
    return body


async def _peek(request: web.Request) -> dict[str, Any]:
    """Return the body for the record, whatever it is."""
    try:
        found = json.loads(await request.read() or b"{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


async def _misbehave(request: web.Request, fault: str) -> web.StreamResponse:
    what = fault.partition(":")[2]
    if what == "hang":
        await asyncio.Event().wait()
    if what == "drop":
        abort(request)
        return web.Response()
    if what == "garbage":
        return web.Response(body=b"{\x00\xff", content_type="application/json")
    status = int(what)
    told = {"error": REASONS[status], "status": status, "message": "an injected fault"}
    headers = {"Ratelimit-Reset": str(int(time.time()) + 1)} if status == 429 else {}
    return web.json_response(told, status=status, headers=headers)
