"""``!so @friend``: recommends another channel."""

import re
from collections.abc import Callable

from marotte.events import ShoutOut, Viewer
from marotte.mind.pastimes.use import Answer, Use

_NAME = re.compile(r"@?([\w.-]{1,40})(?:\s|$)")


def shout_out(use: Use, at: float, allowed: Callable[[str], bool]) -> Answer:
    """Recommend whoever is named, where ``allowed`` lets their name be written.

    Only their name is known, and stands for their number: the link looks that up.
    """
    found = _NAME.match(use.args)
    if found is None:
        return use.no("shout_out_whom")
    if not allowed(found[1]):
        return use.no("quote_refused")
    message = use.message
    platform = message.viewer.platform if message.viewer else ""
    whom = Viewer(id=f"{platform}:{found[1].lower()}", name=found[1], platform=platform)
    return Answer(
        use.say("shout_out", friend=found[1]),
        events=(ShoutOut(at=at, floor=message.floor, link=message.link, viewer=whom),) if message.link else (),
    )
