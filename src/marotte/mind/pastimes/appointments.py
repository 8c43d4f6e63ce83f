"""What a timer's row holds for a viewer, and what becomes of it when it is due."""

import msgspec

from marotte.events import Due, Event, Send, Viewer
from marotte.store.rows import TimerRow


class Appointment(msgspec.Struct, frozen=True, kw_only=True):
    """Something that was promised to a viewer; a timer's row keeps it as its text."""

    who: str
    """Under which account they are remembered: who is forgotten is not reminded."""
    viewer: Viewer | None
    told: str
    """What the character is told when it is due."""
    language: str = ""
    """The language that it is told in."""
    written: str = ""
    """What is written to them then."""
    link: str = ""
    channel: str = ""
    source: str = ""

    def text(self) -> str:
        """Return it as a row holds it."""
        return msgspec.json.encode(self).decode()


def read(row: TimerRow) -> Appointment | None:
    """Read a row's text; None where it is no viewer's appointment."""
    try:
        return msgspec.json.decode(row.text, type=Appointment)
    except msgspec.MsgspecError:
        return None


def due(row: TimerRow, at: float) -> tuple[Due, tuple[Event, ...]]:
    """Return what comes due with a row, and what is published besides."""
    kept = read(row)
    if kept is None:
        return Due(at=at, id=f"timer/{row.id}", floor=row.floor, schedule=row.schedule, text=row.text), ()
    told = Due(
        at=at,
        id=f"timer/{row.id}",
        floor=row.floor,
        viewer=kept.viewer,
        language=kept.language,
        link=kept.link,
        source=kept.source,
        schedule=row.schedule,
        text=kept.told,
    )
    if not (kept.written and kept.link):
        return told, ()
    written = Send(
        at=at, floor=row.floor, id=f"timer/{row.id}/written", link=kept.link, channel=kept.channel, text=kept.written
    )
    return told, (written,)
