"""Helix's channel points: rewards, which only the app that made them may change, and their redemptions.

https://dev.twitch.tv/docs/api/reference/#create-custom-rewards, #get-custom-reward, #update-custom-reward,
#update-redemption-status
"""

from typing import Any

from aiohttp import web

from tests.servers.twitch import events
from tests.servers.twitch.helix import Helix, body_of
from tests.servers.twitch.state import CLIENT_ID, ComplaintError, Redemption, Reward, Token

MOST = 50
"""Rewards that a channel may have, whoever made them."""
_STATES = ("UNFULFILLED", "FULFILLED", "CANCELED")
_POINTS = ("channel:read:redemptions", "channel:manage:redemptions")
_YES_OR_NO = (bool, False, True, "The value must be a boolean.")
_FIELDS: dict[str, tuple[str, type, int, int, str]] = {
    "title": ("title", str, 1, 45, "The title must contain a minimum of 1 character and a maximum of 45 characters."),
    "cost": ("cost", int, 1, 1_000_000_000, "The cost must be at least 1 point."),
    "prompt": ("prompt", str, 0, 200, "The prompt is limited to a maximum of 200 characters."),
    "is_user_input_required": ("user_input", *_YES_OR_NO),
    "is_enabled": ("enabled", *_YES_OR_NO),
    "is_paused": ("paused", *_YES_OR_NO),
    "should_redemptions_skip_request_queue": ("skips_queue", *_YES_OR_NO),
}
"""Of each field our own name, its type, its least and its most (of a text: its length), and what is told otherwise."""
_LIMITS = {
    "per_stream": ("is_max_per_stream_enabled", "max_per_stream", 1_000_000_000),
    "per_viewer": ("is_max_per_user_per_stream_enabled", "max_per_user_per_stream", 1_000_000_000),
    "cooldown": ("is_global_cooldown_enabled", "global_cooldown_seconds", 604_800),
}


class Points(Helix):
    """The part under ``/helix/channel_points``."""

    def points_routes(self, app: web.Application) -> None:
        self.route(app, "GET", "channel_points/custom_rewards", self._list_rewards)
        self.route(app, "POST", "channel_points/custom_rewards", self._make_reward)
        self.route(app, "PATCH", "channel_points/custom_rewards", self._change_reward)
        self.route(app, "DELETE", "channel_points/custom_rewards", self._drop_reward)
        self.route(app, "GET", "channel_points/custom_rewards/redemptions", self._list_redemptions)
        self.route(app, "PATCH", "channel_points/custom_rewards/redemptions", self._settle)

    def _owner(self, request: web.Request, token: Token, *scopes: str) -> None:
        user = self.scoped(token, *scopes)
        if self.needed(request, "broadcaster_id") != user.id:
            raise ComplaintError(
                401, "The ID in broadcaster_id must match the user ID found in the request's OAuth token."
            )
        if user != self.broadcaster or not self.affiliate:
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
        wanted = await self._wanted(request, "CREATE", None)
        if not {"title", "cost"} <= wanted.keys():
            raise ComplaintError(400, "The title and cost fields are required.")
        if len(self.rewards) >= MOST:
            raise ComplaintError(400, "CREATE_CUSTOM_REWARD_TOO_MANY_REWARDS")
        return web.json_response({"data": [self._full(self.reward(**wanted))]})

    async def _change_reward(self, request: web.Request, token: Token) -> web.StreamResponse:
        self._owner(request, token, "channel:manage:redemptions")
        reward = self._own_reward(request, "id")
        for name, value in (await self._wanted(request, "UPDATE", reward)).items():
            setattr(reward, name, value)
        return web.json_response({"data": [self._full(reward)]})

    async def _wanted(self, request: web.Request, verb: str, of: Reward | None) -> dict[str, Any]:
        """Return what a body says of a reward, once it keeps to the limits."""
        body = await body_of(request)
        wanted: dict[str, Any] = {}
        for key, (name, kind, least, most, told) in _FIELDS.items():
            if key not in body:
                continue
            value = body[key]
            size = len(value) if isinstance(value, str) else value
            if type(value) is not kind or not least <= size <= most:
                raise ComplaintError(400, told)
            wanted[name] = value
        for name, (counts, number, most) in _LIMITS.items():
            if not body.get(counts, False):
                if number in body:
                    raise ComplaintError(400, f"{counts} must be true where {number} is specified.")
                if counts in body:
                    wanted[name] = 0
                continue
            if type(body.get(number)) is not int or not 1 <= body[number] <= most:
                raise ComplaintError(400, f"The parameter {number} is invalid")
            wanted[name] = body[number]
        others = [one.title.casefold() for one in self.rewards.values() if one is not of]
        if wanted.get("title", "").casefold() in others:
            raise ComplaintError(400, f"{verb}_CUSTOM_REWARD_DUPLICATE_REWARD")
        return wanted

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
            "is_enabled": one.enabled, "is_user_input_required": one.user_input, "is_paused": one.paused,
            "max_per_stream_setting": _limit("max_per_stream", one.per_stream),
            "max_per_user_per_stream_setting": _limit("max_per_user_per_stream", one.per_viewer),
            "global_cooldown_setting": _limit("global_cooldown_seconds", one.cooldown),
            "is_in_stock": True, "should_redemptions_skip_request_queue": one.skips_queue,
            "redemptions_redeemed_current_stream": None, "cooldown_expires_at": None,
        }  # fmt: skip


def _limit(name: str, number: int) -> dict[str, Any]:
    return {"is_enabled": number > 0, name: number}
