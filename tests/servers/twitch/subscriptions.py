"""Helix's ``eventsub/subscriptions``: who may subscribe to what, and how much.

https://dev.twitch.tv/docs/api/reference/#create-eventsub-subscription, /eventsub/manage-subscriptions
"""

from typing import Any

from aiohttp import web

from tests.servers.twitch.helix import Helix, body_of
from tests.servers.twitch.kinds import KINDS, REMOVED, Kind
from tests.servers.twitch.state import ComplaintError, Session, Subscription, Token, User, stamp

MAX_CONNECTIONS = 3
MAX_SUBSCRIPTIONS = 300
MAX_SAME = 3
MAX_COST = 10


class Subscriptions(Helix):
    """The part under ``/helix/eventsub``."""

    def subscription_routes(self, app: web.Application) -> None:
        self.route(app, "POST", "eventsub/subscriptions", self._subscribe)
        self.route(app, "GET", "eventsub/subscriptions", self._list)
        self.route(app, "DELETE", "eventsub/subscriptions", self._unsubscribe)

    async def _subscribe(self, request: web.Request, token: Token) -> web.StreamResponse:
        body = await body_of(request)
        transport = body.get("transport") or {}
        if token.user is None or transport.get("method") != "websocket":
            raise ComplaintError(400, "invalid transport and auth combination")
        session = self._session_of(transport.get("session_id"))
        name, version, condition = body.get("type"), body.get("version"), body.get("condition")
        if (name, version) in REMOVED:
            raise ComplaintError(410, "This subscription type is not available.")
        kind = KINDS.get(name) if isinstance(name, str) else None
        if kind is None or kind.version != version:
            raise ComplaintError(400, "invalid subscription type and version")
        wanted = self._condition(kind, condition)
        self._may(kind, wanted, token, token.user)
        cost = 0 if self._authorised(wanted) else 1
        self._limits(str(name), wanted, session, token, cost)
        made = Subscription(self.new_id(), str(name), str(version), wanted, cost, session, token, stamp())
        session.subscriptions[made.id] = made
        session.subscribed = True
        return web.json_response({"data": [self._told_of(made)], **self._totals(token)}, status=202)

    def _session_of(self, identity: Any) -> Session:
        found = next((one for one in self.sessions if one.id == identity and not one.moving), None)
        if found is None:
            raise ComplaintError(400, "websocket transport session does not exist or has already disconnected")
        return found

    def _condition(self, kind: Kind, condition: Any) -> dict[str, str]:
        if not isinstance(condition, dict):
            raise ComplaintError(400, "missing condition")
        wanted = {key: value for key, value in condition.items() if isinstance(value, str) and value}
        if kind.either:
            present = [key for key in kind.condition if key in wanted]
            if len(present) != 1:
                raise ComplaintError(400, f"one of {', '.join(kind.condition)} is required in the condition")
        elif missing := [key for key in kind.condition if key not in wanted]:
            raise ComplaintError(400, f"missing {missing[0]} in the condition")
        for key, value in wanted.items():
            if key.endswith("user_id") and value not in self.users:
                raise ComplaintError(400, f"the user in {key} does not exist")
        return wanted

    def _may(self, kind: Kind, condition: dict[str, str], token: Token, user: User) -> None:
        """Check scopes, and that the token is of who reads, moderates, or owns the channel."""
        lacking = [group for group in kind.scopes if not set(group) & set(token.scopes)]
        if lacking:
            raise ComplaintError(403, "subscription missing proper authorization")
        if not kind.scopes:
            return
        owner = condition["broadcaster_user_id"]
        reader = condition.get("moderator_user_id") or condition.get("user_id")
        if reader is not None:
            allowed = reader == user.id
            if "moderator_user_id" in kind.condition:
                allowed = allowed and (owner == user.id or (owner == self.broadcaster.id and self.moderates(user)))
        elif kind.scopes == (("channel:moderate",),):
            allowed = owner == user.id or (owner == self.broadcaster.id and self.moderates(user))
        else:
            allowed = owner == user.id
        if not allowed:
            raise ComplaintError(403, "subscription missing proper authorization")

    def _authorised(self, condition: dict[str, str]) -> bool:
        """Whether somebody whom the condition names has authorised the app: then it costs nothing."""
        known = {token.user.id for token in self.tokens.values() if token.user and not token.revoked}
        return any(value in known for value in condition.values())

    def _own(self, token: Token) -> list[Subscription]:
        return [one for one in self.subscriptions if one.token.user == token.user]

    def _limits(self, name: str, condition: dict[str, str], session: Session, token: Token, cost: int) -> None:
        own = self._own(token)
        same = [one for one in own if one.type == name and one.condition == condition]
        if any(one.session is session for one in same):
            raise ComplaintError(409, "subscription already exists")
        if len(same) >= MAX_SAME:
            raise ComplaintError(429, "maximum subscriptions with type and condition exceeded")
        used = {one.session.id for one in own if not one.session.half_open}
        if session.id not in used and len(used) >= MAX_CONNECTIONS:
            raise ComplaintError(429, "number of websocket transports limit exceeded")
        if len(session.subscriptions) >= MAX_SUBSCRIPTIONS:
            raise ComplaintError(429, "number of subscriptions of the websocket transport exceeded")
        if sum(one.cost for one in own) + cost > MAX_COST:
            raise ComplaintError(429, "cost exceeded")

    def _told_of(self, one: Subscription) -> dict[str, Any]:
        told = one.told()
        return {**told, "transport": {**told["transport"], "connected_at": one.session.connected_at}}

    def _totals(self, token: Token) -> dict[str, int]:
        own = self._own(token)
        return {"total": len(own), "total_cost": sum(one.cost for one in own), "max_total_cost": MAX_COST}

    async def _list(self, request: web.Request, token: Token) -> web.StreamResponse:
        if token.user is None:
            raise ComplaintError(400, "invalid transport and auth combination")
        filters = [name for name in ("status", "type", "user_id", "subscription_id") if name in request.query]
        if len(filters) > 1:
            raise ComplaintError(400, "only one filter may be given")
        own = self._own(token)
        for name in filters:
            own = [one for one in own if _passes(one, name, request.query[name])]
        page, cursor = self.page(own, request, 100, 100)
        return web.json_response({"data": [self._told_of(one) for one in page], **self._totals(token), **cursor})

    async def _unsubscribe(self, request: web.Request, token: Token) -> web.StreamResponse:
        wanted = self.needed(request, "id")
        for one in self._own(token):
            if one.id == wanted:
                del one.session.subscriptions[wanted]
                return web.Response(status=204)
        raise ComplaintError(404, "subscription not found")


def _passes(one: Subscription, name: str, wanted: str) -> bool:
    if name == "user_id":
        return wanted in one.condition.values()
    return wanted == {"status": one.status, "type": one.type, "subscription_id": one.id}[name]
