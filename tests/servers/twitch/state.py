"""What the server knows: people, tokens, sessions, subscriptions, messages, rewards; and its menu of faults."""

import asyncio
import time
from collections import deque
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from aiohttp import web

from tests.servers.faulty import RefusedError

CLIENT_ID = "marottetestclient0123456789abc"
CLIENT_SECRET = "marotte-test-secret"

AT_ONCE = (
    *(f"close:{code}" for code in range(4000, 4008)), "drop", "silence", "half_open", "no_keepalive", "revoke",
    "garbage", "unknown_type", "burst",
)  # fmt: skip
"""Faults of the sockets that are open; where none is, of the next one, after its welcome."""
OF_MESSAGES = ("duplicate", "reorder", "old_message", "extra_fields", "huge")
"""Faults of the next notifications."""
OF_FIELDS = ("missing_field", "null_field", "wrong_type")
"""Faults of the next notifications, with the name of a field: ``missing_field:badges``."""
OF_CONNECTIONS = ("welcome:none", "welcome:garbage", "welcome:extra", "connect:429", "connect:500", "connect:503",
                  "dead_reconnect")  # fmt: skip
OF_REQUESTS = (
    *(f"subscribe:{what}" for what in ("400", "401", "403", "409", "410", "429", "500", "503", "hang")),
    *(f"helix:{what}" for what in ("400", "401", "403", "404", "409", "429", "500", "503", "hang", "garbage", "drop")),
    *(f"login:{what}" for what in ("429", "500", "503", "hang", "garbage", "drop")),
)  # fmt: skip
"""Faults of the next requests to ``POST eventsub/subscriptions``, to any of Helix, and to the login."""
FAULTS = (*AT_ONCE, *OF_MESSAGES, *OF_CONNECTIONS, *OF_REQUESTS)

REASONS = {
    400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found", 409: "Conflict", 410: "Gone",
    422: "Unprocessable Entity", 429: "Too Many Requests", 500: "Internal Server Error", 503: "Service Unavailable",
}  # fmt: skip


class ComplaintError(RefusedError):
    """A request that the client should not have sent, in Helix's shape of an error."""

    def __init__(self, status: int, told: str) -> None:
        super().__init__(status, {"error": REASONS[status], "status": status, "message": told})
        self.told = told


def stamp(ago: float = 0.0) -> str:
    """Return the wall clock in RFC 3339 with nanoseconds, some real seconds ago."""
    nanoseconds = time.time_ns() - int(ago * 1e9)
    whole = datetime.fromtimestamp(nanoseconds // 1_000_000_000, UTC)
    return f"{whole:%Y-%m-%dT%H:%M:%S}.{nanoseconds % 1_000_000_000:09d}Z"


def short_stamp(later: float = 0.0) -> str:
    """Return the wall clock in RFC 3339 with whole seconds, as Helix writes it."""
    return f"{datetime.fromtimestamp(time.time() + later, UTC):%Y-%m-%dT%H:%M:%SZ}"


@dataclass
class Times:
    """How long the protocol waits, in its own seconds (see ``TwitchServer``'s ``second``)."""

    keepalive: float = 10.0
    """Where the client asks for nothing else."""
    first: float = 10.0
    """Until a connection without a subscription is closed."""
    grace: float = 30.0
    """Until the old connection is closed after ``session_reconnect``."""
    chat_window: float = 30.0
    duplicate: float = 30.0
    silenced: float = 1800.0
    announcement: float = 2.0
    shoutout: float = 120.0
    shoutout_same: float = 3600.0
    deletable: float = 6 * 3600.0
    device_code: float = 1800.0
    device_interval: float = 5.0
    token: float = 14_400.0


@dataclass(frozen=True)
class User:
    """An account of Twitch."""

    id: str
    login: str
    name: str
    color: str = "#1E90FF"

    def fields(self, prefix: str = "") -> dict[str, Any]:
        """Return its three names as EventSub writes them: ``{prefix}user_id`` and so on."""
        return {f"{prefix}user_id": self.id, f"{prefix}user_login": self.login, f"{prefix}user_name": self.name}


@dataclass
class Token:
    """An access token; an app's own has no user."""

    value: str
    user: User | None
    scopes: tuple[str, ...]
    refresh: str
    expires: float
    """In the server's seconds."""
    revoked: bool = False


@dataclass
class DeviceCode:
    """A code with which somebody may log in on another machine."""

    code: str
    user_code: str
    scopes: tuple[str, ...]
    expires: float
    state: str = "pending"
    user: User | None = None


@dataclass
class Subscription:
    """One subscription of a session."""

    id: str
    type: str
    version: str
    condition: dict[str, str]
    cost: int
    session: "Session"
    token: Token
    created_at: str
    status: str = "enabled"

    def told(self) -> dict[str, Any]:
        transport = {"method": "websocket", "session_id": self.session.id}
        return {
            "id": self.id, "status": self.status, "type": self.type, "version": self.version, "cost": self.cost,
            "condition": self.condition, "transport": transport, "created_at": self.created_at,
        }  # fmt: skip


@dataclass
class Session:
    """One connection of EventSub."""

    id: str
    socket: web.WebSocketResponse
    request: web.Request = field(repr=False)
    keepalive: float
    """Real seconds of silence until a keepalive."""
    told_keepalive: float
    connected_at: str
    subscriptions: dict[str, Subscription] = field(default_factory=dict[str, Subscription])
    outgoing: "asyncio.Queue[Any]" = field(default_factory=lambda: asyncio.Queue(20_000), repr=False)
    held: list[str] = field(default_factory=list[str], repr=False)
    """Notifications that wait to come too late."""
    spoke: float = 0.0
    """When something was sent last, on the loop's clock."""
    ponged: asyncio.Event = field(default_factory=asyncio.Event, repr=False)
    subscribed: bool = False
    mute: bool = False
    """Nothing more is sent, and nobody notices."""
    half_open: bool = False
    moving: str = ""
    """The token of the address that it was sent to with ``session_reconnect``."""
    moved: bool = False
    """A newer connection has taken its subscriptions."""
    left: bool = False


@dataclass
class ChatLine:
    """A message in the chat, of whomever."""

    id: str
    user: User
    text: str
    at: float
    reply_to: str = ""
    deleted: bool = False


@dataclass
class Reward:
    """A custom reward of channel points."""

    id: str
    title: str
    cost: int
    prompt: str = ""
    user_input: bool = False
    client_id: str = CLIENT_ID
    """Who made it: only that app may read and change its redemptions."""
    enabled: bool = True
    paused: bool = False
    skips_queue: bool = False
    per_stream: int = 0
    """Redemptions in a stream; 0: as many as wanted."""
    per_viewer: int = 0
    cooldown: int = 0
    """Seconds."""

    def brief(self) -> dict[str, Any]:
        return {"id": self.id, "title": self.title, "cost": self.cost, "prompt": self.prompt}


@dataclass
class Redemption:
    """A reward that somebody has paid for."""

    id: str
    user: User
    reward: Reward
    text: str
    redeemed_at: str
    status: str = "UNFULFILLED"


@dataclass
class Ban:
    """A ban; a timeout where ``until`` is not None."""

    user: User
    moderator: User
    reason: str
    until: float | None
    created_at: str = ""


class Window:
    """So many in so long, as a log of times: no burst at a border passes."""

    def __init__(self) -> None:
        self._times: deque[float] = deque()

    def take(self, now: float, limit: int, seconds: float) -> bool:
        """Count one; return whether it is still within the limit."""
        while self._times and self._times[0] <= now - seconds:
            self._times.popleft()
        self._times.append(now)
        return len(self._times) <= limit


class Bucket:
    """Points of Helix: so many, refilled evenly in a minute."""

    def __init__(self, points: int, now: float) -> None:
        self.points, self.left, self._at = points, float(points), now

    def take(self, now: float) -> bool:
        """Spend a point; return whether there was one."""
        self.left = min(float(self.points), self.left + (now - self._at) * self.points / 60.0)
        self._at = now
        if self.left < 1.0:
            return False
        self.left -= 1.0
        return True

    def full_in(self) -> float:
        """Return in how many seconds of the protocol it is full again."""
        return (self.points - self.left) * 60.0 / self.points
