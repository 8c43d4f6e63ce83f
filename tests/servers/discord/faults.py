"""What the local Discord can be told to do wrong, and where it asks whether to."""

import math

REST = ("401", "429", "429:global", "500", "hang", "garbage")
"""The next request."""
CLOSES = tuple(f"close:{code}" for code in (4000, 4001, 4002, 4003, 4004, 4005, 4007, 4008, 4009, *range(4010, 4015)))
GATEWAY = (*CLOSES, "drop", "invalid_session", "invalid_session:resumable", "reconnect", "zombie")
"""The open connection at once, else the next one that identifies or resumes."""
VOICE = ("voice:4006", "voice:4009", "voice:4014", "voice:4015", "voice:4017", "voice:4021", "voice:4022", "voice:drop")
"""Likewise, of the voice gateway."""
LEAVING = ("voice_late",)
"""The next time that the bot leaves a voice channel, it is told so only when it asks for one again."""
UDP = ("udp_loss", "udp_reorder")
"""Until told otherwise (times 0); ``udp_loss:0.3`` loses three sound packets of ten, each way."""
FAULTS = (*REST, *GATEWAY, *VOICE, *LEAVING, *UDP)


class Faults:
    """The faults that wait to happen."""

    def __init__(self) -> None:
        self._waiting: dict[tuple[str, str], float] = {}
        self.loss = 0.0
        """Of sound packets, from 0 to 1."""
        self.reorder = False

    def add(self, what: str, times: float = 1, on: str = "") -> None:
        """Note a fault for the next ``times`` times (0 heals it), of one REST route or of any."""
        name, _, share = what.partition(":")
        if name == "udp_loss":
            self.loss = float(share) if times else 0.0
            if not 0 <= self.loss <= 1:
                raise ValueError("a share lies between 0 and 1")
        elif what == "udp_reorder":
            self.reorder = bool(times)
        elif what not in (*REST, *GATEWAY, *VOICE, *LEAVING):
            raise ValueError(f"there is no fault {what!r}")
        elif times > 0:
            self._waiting[what, on] = times
        else:
            self._waiting.pop((what, on), None)

    def take(self, *which: str, on: str = "") -> str:
        """Return one of these faults if it waits here, and count it."""
        for (what, where), times in list(self._waiting.items()):
            if what in which and where in ("", on):
                if times <= 1:
                    del self._waiting[what, where]
                elif times < math.inf:
                    self._waiting[what, where] = times - 1
                return what
        return ""
