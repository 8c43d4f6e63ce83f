"""What is written on Discord, as percepts: words as people see them, small pictures, and who somebody is there."""

import re
from collections.abc import Collection
from typing import TYPE_CHECKING, Any

from marotte.events import ChatMessage, Emote, Viewer

if TYPE_CHECKING:
    import discord

_EMOJI = re.compile(r"<(a?):(\w{2,32}):(\d{1,20})>")
"""https://discord.com/developers/docs/reference#message-formatting"""
_PICTURE = "https://cdn.discordapp.com/emojis/{}.{}"
_LONGEST, _LONGEST_NAME = 4_000, 80
"""Characters of what somebody wrote, who pays Discord for it, and of what they are called."""
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_KEEPS_ORDER = ("ban_members", "moderate_members", "manage_messages")


def viewer(person: Any, operators: Collection[str], guild: "discord.Guild | None") -> Viewer:
    """Return somebody; ``person`` is a ``discord.Member``, or a ``discord.User`` of whom no roles are known."""
    name = plain(str(person.display_name), _LONGEST_NAME)
    roles: list[str] = []
    if guild is not None and hasattr(person, "roles"):
        held = {text for role in person.roles for text in (role.name, str(role.id))}
        may = person.guild_permissions
        if person.id == guild.owner_id or held & set(operators):
            roles.append("operator")
        if may.administrator or any(getattr(may, right) for right in _KEEPS_ORDER):
            roles.append("moderator")
        if person.premium_since is not None:
            roles.append("subscriber")
    return Viewer(id=f"discord:{person.id}", name=name or str(person.id), platform="discord", roles=tuple(roles))


def words(text: str, own: str) -> tuple[str, tuple[Emote, ...]]:
    """Return a text without the mention of ourselves (``own``, as people see it), and its small pictures."""
    if own:
        text = re.sub(rf"(?<!\w){re.escape(own)}(?!\w)[,:]?", " ", text, count=1)
    text = plain(text, _LONGEST)
    emotes: list[Emote] = []
    parts: list[str] = []
    length = done = 0
    for found in _EMOJI.finditer(text):
        animated, name, number = found.groups()
        before = text[done : found.start()]
        start = length + len(before)
        parts += [before, name]
        length, done = start + len(name), found.end()
        emotes.append(Emote(name, start, length, _PICTURE.format(number, "gif" if animated else "webp")))
    return "".join([*parts, text[done:]]), tuple(emotes)


def chat_message(message: "discord.Message", by: Viewer, own: str, link: str, again: int = 0) -> ChatMessage | None:
    """Return what a message says, or None where it says nothing. ``again``: how often it was changed."""
    text, emotes = words(message.clean_content, own)
    if not text:
        return None
    return ChatMessage(
        at=message.created_at.timestamp(),
        id=f"discord/{message.id}/{again}" if again else f"discord/{message.id}",
        viewer=by,
        link=link,
        source=str(message.id),
        text=text,
        channel=str(message.channel.id),
        emotes=emotes,
    )


def plain(text: str, longest: int) -> str:
    """Return a text as one line that can be read."""
    return " ".join(_CONTROLS.sub(" ", text[: 4 * longest]).split())[:longest]
