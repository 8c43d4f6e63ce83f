"""What a line of IRC means to the character; Twitch's own kinds of line are known here and nowhere else.

Source: dev.twitch.tv/docs/chat/irc, USERNOTICE and the tag ``bits``.
"""

from marotte.events import Gift, Percept, Raid, Subscription
from marotte.links.irc.message import Message, chat_message

_SUBSCRIPTIONS = {
    "sub", "resub", "subgift", "submysterygift", "primepaidupgrade", "giftpaidupgrade", "anongiftpaidupgrade",
}  # fmt: skip
_TIERS = {"Prime": "prime", "1000": "1", "2000": "2", "3000": "3"}


def percept(message: Message, link: str, now: float) -> Percept | None:
    """Return what ``message``, which came through ``link`` at ``now``, brings; None where it is nobody's words."""
    if message.command == "USERNOTICE":
        return _notice(message, link, now)
    chat = chat_message(message, link, now)
    if chat is None or "bits=" not in message.packed or not (bits := message.tags.get("bits")):
        return chat
    return Gift(
        at=chat.at,
        id=chat.id,
        viewer=chat.viewer,
        what="bits",
        amount=_number(bits),
        unit="bits",
        message=chat.text,
    )


def _notice(message: Message, link: str, now: float) -> Percept | None:
    """Read a USERNOTICE: a subscription, a raid, or an announcement that somebody wrote."""
    tags = message.tags
    kind = tags.get("msg-id", "")
    written = message.text if len(message.params) > 1 else ""
    login = tags.get("login", "")
    words = message.param(0), written or tags.get("system-msg", "")
    chat = chat_message(Message(message.packed, f"{login}!{login}@", "PRIVMSG", words), link, now)
    if chat is None or (kind == "subgift" and "msg-param-community-gift-id" in tags):
        return None  # a subgift with such an id is one of those that a submysterygift has told of
    if kind in _SUBSCRIPTIONS:
        given = {"subgift": 1, "submysterygift": int(_number(tags.get("msg-param-mass-gift-count", "1")))}.get(kind, 0)
        return Subscription(
            at=chat.at,
            id=chat.id,
            viewer=chat.viewer,
            tier=_TIERS.get(tags.get("msg-param-sub-plan", ""), ""),
            months=int(_number(tags.get("msg-param-cumulative-months", "1"))),
            given=given,
            message=chat.text if written else "",
        )
    if kind == "raid":
        party = int(_number(tags.get("msg-param-viewerCount", "0")))
        return Raid(at=chat.at, id=chat.id, viewer=chat.viewer, party=party)
    return chat if written else None


def _number(text: str) -> float:
    """Read a whole number that a server claims; anything else is 1."""
    return float(text) if text.isdecimal() and len(text) < 10 else 1.0
