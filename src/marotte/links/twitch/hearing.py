"""Takes the frames of EventSub: each event once, none that is old, and none that is wrong can do harm.

Twitch sends at least once, so the same id may come again: also over another connection, while we move.
https://dev.twitch.tv/docs/eventsub/handling-websocket-events, /docs/eventsub/#handling-duplicate-events
"""

from collections import Counter, deque
from collections.abc import Callable, Collection

from marotte.events import Event
from marotte.links.complaints import Complaints
from marotte.links.twitch import frames
from marotte.links.twitch.frames import ChatEvent, Frame, Here, Malformed, NoticeEvent
from marotte.links.twitch.percepts import Percepts, moment, seconds
from marotte.time import Clock

OLDEST = 600.0
"""Seconds after which a message is taken for an old one that somebody sends again."""
KNOWN = 20_000
"""Ids that are known again."""


class Seen:
    """Remembers ids, the latest so many."""

    def __init__(self, most: int = KNOWN) -> None:
        self._order: deque[str] = deque()
        self._ids: set[str] = set()
        self._most = most

    def add(self, identity: str) -> bool:
        """Remember an id; returns whether it is new."""
        ids = self._ids
        if identity in ids:
            return False
        ids.add(identity)
        self._order.append(identity)
        if len(ids) > self._most:
            ids.discard(self._order.popleft())
        return True


class Hearing:
    """Publishes what frames bring."""

    def __init__(
        self,
        link: str,
        channel: str,
        live: Collection[str],
        publish: Callable[[Event], None],
        counted: Counter[str],
        clock: Clock,
    ) -> None:
        """``channel`` is its name; ``live`` holds the types of events that Twitch sends us now."""
        self.counted = counted
        self.ahead = 0.0
        """Seconds that our clock is ahead of Twitch's."""
        self.percepts = Percepts(link, channel, live)
        self.mine: Callable[[str, str, str], bool] = lambda user, message, text: False
        """Whether a message, by its writer, its id and its text, is of our own making."""
        self._link, self._publish, self._clock = link, publish, clock
        self._seen = Seen()
        self._complaints = Complaints(link, counted, clock)

    def frame(self, text: str) -> Frame | None:
        """Take a frame; returns it where it is the connection's own affair, else None. Raises nothing."""
        self.counted["frames"] += 1
        try:
            frame = frames.read(text)
            if frame.metadata.message_type != "notification":
                if frame.metadata.message_type == "session_welcome":
                    self._compare(frame)
                return frame
            self._notified(frame)
        except Malformed as error:
            self._complaints.add(f"message {error.id}", str(error))
        return None

    def take(self, event: Event, identity: str) -> bool:
        """Publish what is told of, or was asked for, unless it was before; returns whether it was new."""
        if identity and not self._seen.add(identity):
            self.counted["doubled"] += 1
            return False
        self.counted["events"] += 1
        self._publish(event)
        return True

    def _notified(self, frame: Frame) -> None:
        metadata, now = frame.metadata, self._clock.wall()
        if not self._seen.add(metadata.message_id):
            self.counted["doubled"] += 1
            return
        at = moment(metadata.message_timestamp, now)
        if now - self.ahead - at > OLDEST:
            self.counted["old"] += 1
            return
        event = frames.event(frame)
        if event is None:
            self.counted["unknown"] += 1
        elif not (isinstance(event, Here) and self._not_for_us(event)):
            made = self.percepts.of(event, frame, at)
            if made is not None:
                self.take(made, getattr(made, "id", ""))

    def _not_for_us(self, event: Here) -> bool:
        """Whether an event is our own doing, or of another channel whose chat is shared with ours."""
        source = event.source_broadcaster_user_id
        if source is not None and source != event.broadcaster_user_id:
            self.counted["shared"] += 1
            return True
        if isinstance(event, ChatEvent):
            user, text = event.chatter_user_id, event.message.text
        elif isinstance(event, NoticeEvent) and event.notice_type == "announcement":
            user, text = event.chatter_user_id, event.message.text if event.message else ""
        else:
            return False
        own = self.mine(user or "", event.message_id, text or "")
        self.counted["own"] += own
        return own

    def _compare(self, welcome: Frame) -> None:
        """Hold our clock beside Twitch's: one that goes wrong must not make everything old."""
        at = seconds(welcome.metadata.message_timestamp)
        self.ahead = max(0.0, self._clock.wall() - at) if at else 0.0
