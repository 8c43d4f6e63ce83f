"""Helix's moderation: bans, deletions, warnings.

https://dev.twitch.tv/docs/api/reference/#ban-user, #delete-chat-messages, #warn-chat-user,
#manage-held-automod-messages
"""

from typing import Any

from aiohttp import web

from tests.servers.twitch.helix import Helix, body_of
from tests.servers.twitch.state import ComplaintError, Token, User, short_stamp

LONGEST_TIMEOUT = 1_209_600
LONGEST_REASON = 500


class Moderation(Helix):
    """The part under ``/helix/moderation``, and the deletion of messages."""

    def moderation_routes(self, app: web.Application) -> None:
        self.route(app, "POST", "moderation/bans", self._ban)
        self.route(app, "DELETE", "moderation/bans", self._unban)
        self.route(app, "DELETE", "moderation/chat", self._delete)
        self.route(app, "POST", "moderation/warnings", self._warn)
        self.route(app, "POST", "moderation/automod/message", self._decide)

    # --- people

    async def _data(self, request: web.Request) -> dict[str, Any]:
        data = (await body_of(request)).get("data")
        if not isinstance(data, dict) or not isinstance(data.get("user_id"), str):
            raise ComplaintError(400, "The user_id field is required.")
        if len(data.get("reason") or "") > LONGEST_REASON:
            raise ComplaintError(400, "The text in the reason field is too long.")
        return data

    def _target(self, identity: str, moderator: User, what: str) -> User:
        user = self.users.get(identity)
        if user is None or user in (self.broadcaster, moderator):
            raise ComplaintError(400, f"The user specified in the user_id field may not be {what}.")
        return user

    async def _ban(self, request: web.Request, token: Token) -> web.StreamResponse:
        moderator = self.moderator(request, token, "moderator:manage:banned_users")
        data = await self._data(request)
        seconds = data.get("duration")
        if seconds is not None and (
            not isinstance(seconds, int) or isinstance(seconds, bool) or not 1 <= seconds <= LONGEST_TIMEOUT
        ):
            raise ComplaintError(400, "The value in the duration field is not valid.")
        user = self._target(data["user_id"], moderator, "banned" if seconds is None else "put in a timeout")
        if (lasting := self.ban_of(user)) and lasting.until is None:
            raise ComplaintError(400, "user is already banned")
        made = self.ban(user, data.get("reason") or "", seconds, moderator)
        end = None if seconds is None else short_stamp(seconds)
        told = {"broadcaster_id": self.broadcaster.id, "moderator_id": moderator.id, "user_id": user.id,
                "created_at": made.created_at, "end_time": end}  # fmt: skip
        return web.json_response({"data": [told]})

    async def _unban(self, request: web.Request, token: Token) -> web.StreamResponse:
        moderator = self.moderator(request, token, "moderator:manage:banned_users")
        user = self.users.get(self.needed(request, "user_id"))
        if user is None or self.ban_of(user) is None:
            raise ComplaintError(400, "The user specified in the user_id query parameter is not banned.")
        self.unban(user, moderator)
        return web.Response(status=204)

    async def _delete(self, request: web.Request, token: Token) -> web.StreamResponse:
        moderator = self.moderator(request, token, "moderator:manage:chat_messages")
        wanted = request.query.get("message_id")
        if not wanted:
            self.clear(moderator)
            return web.Response(status=204)
        line = self.messages.get(wanted)
        if line is None or line.deleted or self.now() - line.at > self.times.deletable:
            raise ComplaintError(404, "The ID in message_id was not found.")
        if line.user == self.broadcaster:
            raise ComplaintError(400, "You may not delete the broadcaster's messages.")
        if line.user.id in self.moderators and line.user != moderator and moderator != self.broadcaster:
            raise ComplaintError(400, "You may not delete another moderator's messages.")
        self.delete(wanted, moderator)
        return web.Response(status=204)

    async def _decide(self, request: web.Request, token: Token) -> web.StreamResponse:
        """Let a message that AutoMod holds into the chat, or keep it out."""
        body = await body_of(request)
        if "moderator:manage:automod" not in token.scopes:
            raise ComplaintError(401, "Missing scope: moderator:manage:automod")
        if token.user is None or body.get("user_id") != token.user.id:
            raise ComplaintError(401, "The ID in user_id must match the user ID found in the access token.")
        if not self.moderates(token.user):
            raise ComplaintError(403, "The user is not one of the broadcaster's moderators.")
        status = {"ALLOW": "approved", "DENY": "denied"}.get(str(body.get("action")))
        if status is None:
            raise ComplaintError(400, "The value in the action field is not valid.")
        message = body.get("msg_id")
        if not isinstance(message, str) or message not in self._held:
            raise ComplaintError(404, "The message specified in the msg_id field was not found.")
        self.automod_update(message, status, token.user)
        return web.Response(status=204)

    async def _warn(self, request: web.Request, token: Token) -> web.StreamResponse:
        moderator = self.moderator(request, token, "moderator:manage:warnings")
        data = await self._data(request)
        if not data.get("reason"):
            raise ComplaintError(400, "The reason field is required.")
        user = self._target(data["user_id"], moderator, "warned")
        self.warn(user, data["reason"], moderator)
        told = {"broadcaster_id": self.broadcaster.id, "user_id": user.id, "moderator_id": moderator.id,
                "reason": data["reason"]}  # fmt: skip
        return web.json_response({"data": [told]})
