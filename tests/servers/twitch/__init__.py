"""A faithful local Twitch: Helix, the login and EventSub on one port. See README.md beside this file."""

from tests.servers.twitch.kinds import KINDS, SCOPES
from tests.servers.twitch.server import TwitchServer
from tests.servers.twitch.state import CLIENT_ID, CLIENT_SECRET, FAULTS, ChatLine, Redemption, Reward, Times, User

__all__ = [
    "CLIENT_ID", "CLIENT_SECRET", "FAULTS", "KINDS", "SCOPES", "ChatLine", "Redemption", "Reward", "Times",
    "TwitchServer", "User",
]  # fmt: skip
