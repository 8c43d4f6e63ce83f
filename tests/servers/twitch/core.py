"""What all parts of the server share: its clock, its people, its records, its faults."""

import asyncio
import itertools
import uuid
from collections import OrderedDict
from typing import Any

from tests.servers.faulty import Asked
from tests.servers.twitch.state import (
    AT_ONCE,
    FAULTS,
    OF_FIELDS,
    Ban,
    ChatLine,
    DeviceCode,
    Redemption,
    Reward,
    Session,
    Subscription,
    Times,
    Token,
    User,
)


class Core:
    """The state of a small Twitch with one channel."""

    def __init__(self, second: float, keepalive: float | None, points: int, limit: int, mod_limit: int) -> None:
        self.second = second
        self.keepalive = keepalive
        self.points, self.limit, self.mod_limit = points, limit, mod_limit
        self.pong = 10.0
        """Real seconds that a client may take to answer a ping."""
        self.ping = 30.0
        """Real seconds between pings."""
        self.times = Times()
        self.port = 0
        self.users: dict[str, User] = {}
        """By their ids."""
        self.broadcaster = self.user("pip")
        self.bot = self.user("marotte")
        self.moderators: set[str] = {self.bot.id}
        """The ids of who may moderate, besides the broadcaster."""
        self.emotes: dict[str, str] = {"Kappa": "25", "VoHiYo": "81274"}
        """Words that are emotes, with their ids."""
        self.affiliate = True
        """Whether the channel has channel points."""
        self.live = True
        self.stream: dict[str, Any] = {"title": "A puppet speaks", "game_name": "Just Chatting", "viewer_count": 12}
        # --- records
        self.requests: list[Asked] = []
        self.complaints: list[str] = []
        """What a client did against the protocol."""
        self.sent: list[ChatLine] = []
        """Messages that the client's accounts wrote and that reached the chat."""
        self.announced: list[str] = []
        self.banned: dict[str, Ban] = {}
        """By the ids of users: who is banned or timed out now."""
        self.deleted: list[str] = []
        """Ids of messages."""
        self.warned: list[tuple[str, str]] = []
        """(login, reason)."""
        self.shouted: list[str] = []
        self.clips: list[dict[str, Any]] = []
        self.rewards: dict[str, Reward] = {}
        self.redemptions: dict[str, Redemption] = {}
        self.messages: OrderedDict[str, ChatLine] = OrderedDict()
        """The last 10,000 messages of the chat."""
        self.lost: int = 0
        """Events that happened while no session was subscribed to them."""
        self.sessions: list[Session] = []
        """Those that are open."""
        self.connections = 0
        """How many there were."""
        self.tokens: dict[str, Token] = {}
        self.codes: dict[str, DeviceCode] = {}
        self._faults: dict[str, tuple[float, str]] = {}
        self._ids = itertools.count(1)

    # --- addresses

    @property
    def api(self) -> str:
        return f"http://127.0.0.1:{self.port}/helix"

    @property
    def id(self) -> str:
        return f"http://127.0.0.1:{self.port}/oauth2"

    @property
    def eventsub(self) -> str:
        return f"ws://127.0.0.1:{self.port}/ws"

    # --- people and things

    def user(self, who: str | User) -> User:
        """Return somebody by login or id; a login that is new makes an account."""
        if isinstance(who, User):
            return who
        login = who.lower()
        for known in self.users.values():
            if login in (known.login, known.id):
                return known
        made = User(str(1000 + len(self.users)), login, who if who != login else who.title())
        self.users[made.id] = made
        return made

    def moderates(self, user: User) -> bool:
        return user.id in self.moderators or user == self.broadcaster

    @property
    def subscriptions(self) -> list[Subscription]:
        """All that are enabled."""
        return [one for session in self.sessions for one in session.subscriptions.values()]

    def now(self) -> float:
        """Return the server's clock, in seconds of the protocol."""
        return asyncio.get_running_loop().time() / self.second

    def new_id(self) -> str:
        return str(uuid.UUID(int=next(self._ids) << 80, version=4))

    # --- faults

    def fault(self, what: str, times: float = 1, on: str = "") -> None:
        """Misbehave: at once, or the next ``times`` times; ``on`` narrows a fault of Helix to one path, and one of
        subscribing to one type."""
        if what not in FAULTS and what.partition(":")[0] not in (*OF_FIELDS, "message"):
            raise ValueError(f"there is no fault {what!r}")
        if what in AT_ONCE and self.act(what):
            times -= 1
        if times > 0:
            self._faults[what] = (times, on)

    def heal(self) -> None:
        """Forget all faults that have not come yet; sockets that are silent stay so."""
        self._faults.clear()

    def act(self, what: str) -> bool:
        """Do a fault to all open sockets; return whether there was one."""
        raise NotImplementedError

    def taken(self, *prefixes: str, path: str = "") -> str:
        """Return the next fault that begins with one of ``prefixes`` and is meant for ``path``, once less."""
        for what, (times, on) in list(self._faults.items()):
            if what.startswith(prefixes) and (not on or on == path):
                if times > 1:
                    self._faults[what] = (times - 1, on)
                else:
                    del self._faults[what]
                return what
        return ""

    def complain(self, told: str) -> None:
        if len(self.complaints) < 1000:
            self.complaints.append(told)

    def emit(self, kind: str, event: dict[str, Any]) -> int:
        """Send an event to who is subscribed to it; return to how many."""
        raise NotImplementedError
