"""What is there on the local Discord: people, one guild, its channels and messages, and who may do what.

The shapes are those of https://discord.com/developers/docs/resources and …/topics/permissions.
"""

import itertools
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

EPOCH = 1_420_070_400_000
"""Milliseconds: where snowflakes begin."""
TEXT, DM, VOICE, THREAD = 0, 1, 2, 11
DEFAULT, REPLY = 0, 19
PERMISSIONS = {
    "kick_members": 1 << 1, "ban_members": 1 << 2, "administrator": 1 << 3, "add_reactions": 1 << 6,
    "view_channel": 1 << 10, "send_messages": 1 << 11, "manage_messages": 1 << 13, "read_message_history": 1 << 16,
    "mention_everyone": 1 << 17, "connect": 1 << 20, "speak": 1 << 21, "move_members": 1 << 24, "use_vad": 1 << 25,
    "moderate_members": 1 << 40,
}  # fmt: skip
EVERYONE = ("add_reactions", "view_channel", "send_messages", "read_message_history", "connect", "speak", "use_vad")
MODERATOR = ("kick_members", "ban_members", "manage_messages", "moderate_members", "move_members")
_MENTION = re.compile(r"<@(!|&)?(\d{1,20})>")
_MOST = 10_000
"""Messages and people that are kept."""


@dataclass(eq=False)
class User:
    """Somebody, with or without a place in the guild."""

    id: int
    name: str
    bot: bool = False
    role: int = 0
    """The position of their highest role: 0 is everybody's, the bot's own is 1, a stagehand's 2."""
    closed: bool = False
    """Takes no direct messages from the bot."""

    @property
    def mention(self) -> str:
        return f"<@{self.id}>"

    def shape(self) -> dict[str, Any]:
        return {"id": str(self.id), "username": self.name, "discriminator": "0000" if self.bot else "0",
                "global_name": None if self.bot else self.name.title(), "avatar": None, "bot": self.bot,
                "public_flags": 0, "avatar_decoration_data": None}  # fmt: skip


@dataclass(eq=False)
class Channel:
    """A text or voice channel of the guild, or a direct one."""

    id: int
    name: str
    kind: int = TEXT
    recipient: User | None = None
    user_limit: int = 0
    denied: int = 0
    """Permissions that its overwrite takes from the bot."""
    parent: "Channel | None" = None
    """Of which channel it is a thread."""


@dataclass(eq=False)
class Message:
    """One message, as it stands."""

    id: int
    channel: Channel
    author: User
    content: str
    sent_at: str
    mentions: list[User] = field(default_factory=list[User])
    everyone: bool = False
    reply_to: "Message | None" = field(default=None, repr=False)
    nonce: str | None = None
    edited_at: str | None = None
    deleted: bool = False


@dataclass(eq=False)
class VoiceState:
    """Where somebody is on the air."""

    user: User
    channel: Channel | None
    session: str
    self_mute: bool = False
    self_deaf: bool = False
    self_stream: bool = False


class World:
    """One guild with its people. It knows nothing of connections: who changes it tells the gateway."""

    def __init__(self) -> None:
        self._counter = itertools.count()
        self.ahead = 0.0
        """Seconds by which its clock is ahead of ours."""
        self.bot = User(self.snowflake(), "pip", bot=True, role=1)
        self.owner = User(self.snowflake(), "director", role=9)
        self.guild = self.snowflake()
        self.bot_role, self.stagehands = self.snowflake(), self.snowflake()
        self.permissions: dict[int, int] = {self.guild: bits(*EVERYONE), self.bot_role: bits(*MODERATOR)}
        self.users: dict[int, User] = {user.id: user for user in (self.bot, self.owner)}
        self.members: dict[int, dict[str, Any]] = {}
        self.channels: dict[int, Channel] = {}
        self.messages: dict[int, Message] = {}
        self.voices: dict[int, VoiceState] = {}
        self.bans: dict[int, str] = {}
        self.activities: dict[int, list[dict[str, Any]]] = {}
        for user in (self.bot, self.owner):
            self.join(user)
        for name, kind in (("general", TEXT), ("backstage", TEXT), ("balcony", VOICE), ("cellar", VOICE)):
            self.channel(name, kind)
        self.channel("backstage").denied = bits("view_channel")

    def snowflake(self) -> int:
        """Return a new id: later ones are greater."""
        return (int((time.time() + self.ahead) * 1000) - EPOCH << 22) + next(self._counter) % (1 << 22)

    # --- who and where

    def user(self, who: "str | User") -> User:
        """Return somebody by name; who is new is a member from now on, without a word about it."""
        if isinstance(who, User):
            return who
        found = next((user for user in self.users.values() if user.name == who), None)
        if found is None:
            found = self.stranger(who)
            self.join(found)
        return found

    def stranger(self, name: str, role: int = 0) -> User:
        """Add somebody who is no member."""
        if len(self.users) >= _MOST:
            raise ValueError("there are too many people")
        user = User(self.snowflake(), name, role=role)
        self.users[user.id] = user
        return user

    def join(self, user: User) -> None:
        roles = [self.bot_role] if user is self.bot else [self.stagehands] if user.role else []
        self.members[user.id] = {"joined_at": now(), "roles": [str(role) for role in roles], "nick": None,
                                 "communication_disabled_until": None}  # fmt: skip

    def channel(self, which: "str | Channel", kind: int = TEXT) -> Channel:
        """Return a channel by name; a new one where there is none."""
        if isinstance(which, Channel):
            return which
        found = next((one for one in self.channels.values() if one.name == which and one.kind != DM), None)
        if found is None:
            found = Channel(self.snowflake(), which, kind)
            self.channels[found.id] = found
        return found

    def thread(self, name: str, parent: "str | Channel") -> Channel:
        """Begin a thread in a channel; it is told with the guild to who connects from now on."""
        found = Channel(self.snowflake(), name, THREAD, parent=self.channel(parent))
        self.channels[found.id] = found
        return found

    def direct(self, user: User) -> Channel:
        """Return the channel between the bot and somebody."""
        found = next((one for one in self.channels.values() if one.recipient is user), None)
        if found is None:
            found = Channel(self.snowflake(), "", DM, recipient=user)
            self.channels[found.id] = found
        return found

    def may(self, *names: str, channel: Channel | None = None) -> bool:
        """Say whether the bot has these permissions, in a channel or in the whole guild."""
        wanted = bits(*names)
        if channel is not None and channel.kind == DM:
            return True
        held = self.permissions[self.guild] | self.permissions[self.bot_role]
        if held & PERMISSIONS["administrator"]:
            return True
        place = (channel.parent or channel) if channel else None
        return wanted & held & ~(place.denied if place else 0) == wanted

    def outranks(self, user: User) -> bool:
        """Say whether the bot's highest role is above somebody's."""
        return user not in (self.owner, self.bot) and user.role < self.bot.role

    # --- messages

    def write(
        self, author: User, channel: Channel, content: str, allowed: Mapping[str, Any] | None = None,
        reply_to: Message | None = None, nonce: str | None = None,
    ) -> Message:  # fmt: skip
        """Add a message; ``allowed`` are its allowed mentions, None allows all."""
        message = Message(self.snowflake(), channel, author, content, now(), reply_to=reply_to, nonce=nonce)
        message.mentions, message.everyone = self.mentioned(content, allowed)
        pinged = reply_to is not None and (allowed is None or allowed.get("replied_user"))
        if reply_to is not None and pinged and reply_to.author not in message.mentions:
            message.mentions.append(reply_to.author)
        while len(self.messages) >= _MOST:
            self.messages.pop(next(iter(self.messages)))
        self.messages[message.id] = message
        return message

    def mentioned(self, content: str, allowed: Mapping[str, Any] | None) -> tuple[list[User], bool]:
        """Return whom a text notifies: named people, and whether everyone."""
        parse = ("users", "roles", "everyone") if allowed is None else allowed.get("parse") or ()
        named = {int(one) for one in (allowed or {}).get("users") or ()}
        found: list[User] = []
        for sign, number in _MENTION.findall(content):
            user = None if sign == "&" else self.users.get(int(number))
            if user and user not in found and ("users" in parse or user.id in named):
                found.append(user)
        loud = "everyone" in parse and re.search(r"@(everyone|here)\b", content) is not None
        return found, loud

    # --- shapes

    def message_shape(self, message: Message, deep: bool = True) -> dict[str, Any]:
        """Return a message as the gateway and REST tell it; ``deep`` with what it answers."""
        shape: dict[str, Any] = {
            "id": str(message.id), "channel_id": str(message.channel.id), "author": message.author.shape(),
            "content": message.content, "timestamp": message.sent_at, "edited_timestamp": message.edited_at,
            "tts": False, "mention_everyone": message.everyone, "mention_roles": [], "attachments": [], "embeds": [],
            "mentions": [user.shape() for user in message.mentions], "pinned": False, "flags": 0, "components": [],
            "type": REPLY if message.reply_to else DEFAULT,
        }  # fmt: skip
        if message.nonce is not None:
            shape["nonce"] = message.nonce
        if message.reply_to is not None:
            shape["message_reference"] = {"type": 0, "message_id": str(message.reply_to.id),
                                          "channel_id": str(message.channel.id)}  # fmt: skip
            if deep:
                gone = message.reply_to.deleted
                shape["referenced_message"] = None if gone else self.message_shape(message.reply_to, deep=False)
        return shape

    def event_shape(self, message: Message) -> dict[str, Any]:
        """Return a message as MESSAGE_CREATE and MESSAGE_UPDATE tell it: with its guild and member."""
        shape = self.message_shape(message)
        if message.channel.kind != DM:
            shape["guild_id"] = str(self.guild)
            if message.author.id in self.members:
                shape["member"] = self.member_shape(message.author, whole=False)
            for user in shape["mentions"]:
                if int(user["id"]) in self.members:
                    user["member"] = self.member_shape(self.users[int(user["id"])], whole=False)
        return shape

    def member_shape(self, user: User, whole: bool = True) -> dict[str, Any]:
        shape = {**self.members[user.id], "avatar": None, "banner": None, "premium_since": None, "deaf": False,
                 "mute": False, "pending": False, "flags": 0}  # fmt: skip
        return {**shape, "user": user.shape()} if whole else shape

    def channel_shape(self, channel: Channel) -> dict[str, Any]:
        if channel.recipient is not None:
            return {"id": str(channel.id), "type": DM, "last_message_id": None, "flags": 0,
                    "recipients": [channel.recipient.shape()]}  # fmt: skip
        overwrites = [{"id": str(self.bot.id), "type": 1, "allow": "0", "deny": str(channel.denied)}]
        shape: dict[str, Any] = {
            "id": str(channel.id), "type": channel.kind, "guild_id": str(self.guild), "name": channel.name,
            "position": list(self.channels).index(channel.id), "parent_id": None, "nsfw": False, "flags": 0,
            "permission_overwrites": overwrites if channel.denied else [], "rate_limit_per_user": 0,
            "last_message_id": max((str(one.id) for one in self.messages.values() if one.channel is channel),
                                   default=None),
        }  # fmt: skip
        if channel.parent is not None:
            metadata = {"archived": False, "locked": False, "auto_archive_duration": 1_440, "archive_timestamp": now()}
            return shape | {"parent_id": str(channel.parent.id), "owner_id": str(self.owner.id), "message_count": 0,
                            "member_count": 1, "thread_metadata": metadata}  # fmt: skip
        extra = {"bitrate": 64_000, "user_limit": channel.user_limit, "rtc_region": None} if channel.kind else {}
        return shape | (extra or {"topic": None})

    def voice_shape(self, state: VoiceState) -> dict[str, Any]:
        shape: dict[str, Any] = {
            "guild_id": str(self.guild), "channel_id": str(state.channel.id) if state.channel else None,
            "user_id": str(state.user.id), "session_id": state.session, "deaf": False, "mute": False,
            "self_deaf": state.self_deaf, "self_mute": state.self_mute, "self_video": False, "suppress": False,
            "self_stream": state.self_stream, "request_to_speak_timestamp": None,
        }  # fmt: skip
        if state.user.id in self.members:
            shape["member"] = self.member_shape(state.user)
        return shape

    def presence_shape(self, user: User) -> dict[str, Any]:
        activities = self.activities.get(user.id, [])
        return {"user": {"id": str(user.id)}, "guild_id": str(self.guild), "status": "online",
                "activities": activities, "client_status": {"desktop": "online"}}  # fmt: skip

    def role_shapes(self) -> list[dict[str, Any]]:
        held = self.permissions
        roles = ((self.guild, "@everyone", 0), (self.bot_role, "pip", 1), (self.stagehands, "stagehands", 2))
        return [{"id": str(id_), "name": name, "position": position, "permissions": str(held.get(id_, 0)), "color": 0,
                 "colors": {"primary_color": 0, "secondary_color": None, "tertiary_color": None}, "hoist": False,
                 "icon": None, "unicode_emoji": None, "managed": id_ == self.bot_role, "mentionable": False,
                 "flags": 0} for id_, name, position in roles]  # fmt: skip

    def guild_shape(self) -> dict[str, Any]:
        """Return the guild as REST tells it."""
        return {"id": str(self.guild), "name": "The Little Theatre", "icon": None, "splash": None, "banner": None,
                "discovery_splash": None, "owner_id": str(self.owner.id), "afk_channel_id": None, "afk_timeout": 300,
                "verification_level": 0, "default_message_notifications": 1, "explicit_content_filter": 0,
                "roles": self.role_shapes(), "emojis": [], "stickers": [], "features": [], "mfa_level": 0,
                "application_id": None, "system_channel_id": None, "system_channel_flags": 0, "rules_channel_id": None,
                "vanity_url_code": None, "description": None, "premium_tier": 0, "premium_subscription_count": 0,
                "preferred_locale": "en-US", "public_updates_channel_id": None, "nsfw_level": 0,
                "premium_progress_bar_enabled": False, "safety_alerts_channel_id": None}  # fmt: skip

    def guild_create_shape(self, presences: bool) -> dict[str, Any]:
        """Return the guild as GUILD_CREATE tells it; without presences it names only the bot and who is on the air."""
        named = list(self.members) if presences else [*{self.bot.id: 0, **dict.fromkeys(self.voices)}]
        members = [self.users[id_] for id_ in named if id_ in self.members]
        return self.guild_shape() | {
            "joined_at": self.members[self.bot.id]["joined_at"], "large": False, "unavailable": False,
            "member_count": len(self.members), "members": [self.member_shape(user) for user in members],
            "channels": [self.channel_shape(one) for one in self.channels.values() if one.kind not in (DM, THREAD)],
            "voice_states": [self.voice_shape(state) for state in self.voices.values()],
            "threads": [self.channel_shape(one) for one in self.channels.values() if one.kind == THREAD],
            "presences": [self.presence_shape(user) for user in members] if presences else [], "stage_instances": [],
            "guild_scheduled_events": [], "soundboard_sounds": [],
        }  # fmt: skip


def bits(*names: str) -> int:
    """Return permissions as bits."""
    return sum(PERMISSIONS[name] for name in set(names))


def now() -> str:
    """Return the time as Discord writes it."""
    return datetime.now(UTC).isoformat()
