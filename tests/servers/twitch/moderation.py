"""Helix's moderation and channel points: bans, deletions, warnings, rewards and their redemptions.

https://dev.twitch.tv/docs/api/reference/#ban-user, #delete-chat-messages, #warn-chat-user, #update-redemption-status
"""

from typing import Any

from aiohttp import web

from tests.servers.twitch import events
from tests.servers.twitch.helix import Helix, body_of
from tests.servers.twitch.state import CLIENT_ID, ComplaintError, Redemption, Reward, Token, User, short_stamp

LONGEST_TIMEOUT = 1_209_600
LONGEST_REASON = 500
_STATES = ("UNFULFILLED", "FULFILLED", "CANCELED")
_POINTS = ("channel:read:redemptions", "channel:manage:redemptions")


class Moderation(Helix):
    """The parts under ``/helix/moderation`` and ``/helix/channel_points``."""

    def moderation_routes(self, app: web.Application) -> None:
        self.route(app, "POST", "moderation/bans", self._ban)
        self.route(app, "DELETE", "moderation/bans", self._unban)
        self.route(app, "DELETE", "moderation/chat", self._delete)
        self.route(app, "POST", "moderation/warnings", self._warn)
        self.route(app, "GET", "channel_points/custom_rewards", self._list_rewards)
        self.route(app, "POST", "channel_points/custom_rewards", self._make_reward)
        self.route(app, "DELETE", "channel_points/custom_rewards", self._drop_reward)
        self.route(app, "GET", "channel_points/custom_rewards/redemptions", self._list_redemptions)
        self.route(app, "PATCH", "channel_points/custom_rewards/redemptions", self._settle)

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

    # --- channel points

    def _owner(self, request: web.Request, token: Token, *scopes: str) -> None:
        user = self.scoped(token, *scopes)
        if self.needed(request, "broadcaster_id") != user.id:
            raise ComplaintError(
                401, "The ID in broadcaster_id must match the user ID found in the request's OAuth token."
            )
        if user != self.broadcaster:
            raise ComplaintError(403, "The broadcaster is not a partner or affiliate.")

    def _own_reward(self, request: web.Request, name: str) -> Reward:
        reward = self.rewards.get(self.needed(request, name))
        if reward is None:
            raise ComplaintError(404, "The custom reward was not found.")
        if reward.client_id != CLIENT_ID:
            raise ComplaintError(
                403, "The ID in the Client-Id header must match the client ID used to create the custom reward."
            )
        return reward

    async def _list_rewards(self, request: web.Request, token: Token) -> web.StreamResponse:
        self._owner(request, token, *_POINTS)
        ids, only = request.query.getall("id", []), request.query.get("only_manageable_rewards") == "true"
        if len(ids) > 50:
            raise ComplaintError(400, "The request exceeds the maximum number of ids.")
        found = [one for one in self.rewards.values() if (not ids or one.id in ids)]
        if ids and not found:
            raise ComplaintError(404, "All of the custom rewards were not found.")
        return web.json_response({"data": [self._full(one) for one in found if not only or one.client_id == CLIENT_ID]})

    async def _make_reward(self, request: web.Request, token: Token) -> web.StreamResponse:
        self._owner(request, token, "channel:manage:redemptions")
        body = await body_of(request)
        title, cost, prompt = body.get("title"), body.get("cost"), body.get("prompt", "")
        if not isinstance(title, str) or not 1 <= len(title) <= 45:
            raise ComplaintError(400, "The title must contain a minimum of 1 character and a maximum of 45 characters.")
        if any(one.title == title for one in self.rewards.values()):
            raise ComplaintError(400, "CREATE_CUSTOM_REWARD_DUPLICATE_REWARD")
        if not isinstance(cost, int) or cost < 1:
            raise ComplaintError(400, "The cost field must contain a minimum of 1 point.")
        if not isinstance(prompt, str) or len(prompt) > 200 or len(self.rewards) >= 50:
            raise ComplaintError(400, "The prompt is too long, or there are 50 rewards.")
        made = self.reward(title, cost, prompt, user_input=bool(body.get("is_user_input_required")),
                           enabled=bool(body.get("is_enabled", True)),
                           skips_queue=bool(body.get("should_redemptions_skip_request_queue")))  # fmt: skip
        return web.json_response({"data": [self._full(made)]})

    async def _drop_reward(self, request: web.Request, token: Token) -> web.StreamResponse:
        self._owner(request, token, "channel:manage:redemptions")
        reward = self._own_reward(request, "id")
        del self.rewards[reward.id]
        for one in self.redemptions.values():
            if one.reward is reward and one.status == "UNFULFILLED":
                one.status = "FULFILLED"
        return web.Response(status=204)

    async def _list_redemptions(self, request: web.Request, token: Token) -> web.StreamResponse:
        self._owner(request, token, *_POINTS)
        reward = self._own_reward(request, "reward_id")
        ids, status = request.query.getall("id", []), request.query.get("status")
        sort = request.query.get("sort", "OLDEST")
        if not ids and status is None:
            raise ComplaintError(400, "The status query parameter is required if id is not given.")
        if (status is not None and status not in _STATES) or sort not in ("OLDEST", "NEWEST") or len(ids) > 50:
            raise ComplaintError(400, "The value of status, sort or id is not valid.")
        found = [one for one in self.redemptions.values() if one.reward is reward]
        found = [one for one in found if (one.id in ids if ids else one.status == status)]
        if ids and not found:
            raise ComplaintError(404, "All of the redemptions were not found.")
        page, cursor = self.page(found[::-1] if sort == "NEWEST" else found, request, 50)
        return web.json_response({"data": [self._told_redemption(one) for one in page], **cursor})

    async def _settle(self, request: web.Request, token: Token) -> web.StreamResponse:
        """Fulfil or cancel redemptions, each of which must still be waiting."""
        self._owner(request, token, "channel:manage:redemptions")
        self.needed(request, "id")
        reward = self._own_reward(request, "reward_id")
        status = (await body_of(request)).get("status")
        if status not in ("FULFILLED", "CANCELED"):
            raise ComplaintError(400, "The value in the status field is not valid.")
        ids = request.query.getall("id")
        found = [one for one in self.redemptions.values() if one.id in ids and one.reward is reward]
        waiting = [one for one in found if one.status == "UNFULFILLED"]
        if not waiting or len(ids) > 50:
            raise ComplaintError(404, "The redemptions were not found or their statuses weren't marked as UNFULFILLED.")
        for one in waiting:
            one.status = status
            kind = "channel.channel_points_custom_reward_redemption.update"
            self.emit(kind, events.redemption(self.broadcaster, one))
        return web.json_response({"data": [self._told_redemption(one) for one in waiting]})

    def _channel(self) -> dict[str, str]:
        own = self.broadcaster
        return {"broadcaster_id": own.id, "broadcaster_login": own.login, "broadcaster_name": own.name}

    def _told_redemption(self, one: Redemption) -> dict[str, Any]:
        return {**self._channel(), "id": one.id, **one.user.fields(), "reward": one.reward.brief(),
                "user_input": one.text, "status": one.status, "redeemed_at": one.redeemed_at}  # fmt: skip

    def _full(self, one: Reward) -> dict[str, Any]:
        images = {f"url_{size}x": f"https://static-cdn.jtvnw.net/custom-reward-images/default-{size}.png"
                  for size in (1, 2, 4)}  # fmt: skip
        return {
            **self._channel(), **one.brief(), "image": None, "default_image": images, "background_color": "#00E5CB",
            "is_enabled": one.enabled, "is_user_input_required": one.user_input,
            "max_per_stream_setting": {"is_enabled": False, "max_per_stream": 0},
            "max_per_user_per_stream_setting": {"is_enabled": False, "max_per_user_per_stream": 0},
            "global_cooldown_setting": {"is_enabled": False, "global_cooldown_seconds": 0}, "is_paused": False,
            "is_in_stock": True, "should_redemptions_skip_request_queue": one.skips_queue,
            "redemptions_redeemed_current_stream": None, "cooldown_expires_at": None,
        }  # fmt: skip
