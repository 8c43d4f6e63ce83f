"""What the link does on Twitch when it is asked to, beside writing into the chat.

https://dev.twitch.tv/docs/api/reference/#ban-user, #delete-chat-messages, #warn-chat-user, #send-chat-announcement,
#update-redemption-status, #send-a-shoutout, #create-clip
"""

from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import quote

from marotte.events import Act, Announce, Clip, Fulfil, Send, ShoutOut, Verdict, Viewer
from marotte.links.irc.message import clean
from marotte.links.link import Passing, Refused
from marotte.links.pace import Gate, Window
from marotte.links.twitch.helix import Denied, Helix, first, listed
from marotte.links.twitch.percepts import Percepts
from marotte.links.twitch.sending import LONGEST, Sending
from marotte.time import Clock

LONGEST_TIMEOUT = 1_209_600
_REASON = 500
_GONE = 404
_CONFLICT = 409


class Acts:
    """Carries out acts; those of moderation are done, too, where somebody was quicker."""

    def __init__(self, helix: Helix, sending: Sending, channel: str, percepts: Percepts, clock: Clock) -> None:
        """``channel`` is its name; who writes where, by their ids, ``sending`` knows; of what, ``percepts``."""
        self.of: dict[type[Act], Callable[[Any, float], Awaitable[str]]] = {
            Send: self._send,
            Announce: self._announce,
            Verdict: self._verdict,
            Fulfil: self._fulfil,
            ShoutOut: self._shout_out,
            Clip: self._clip,
        }
        self._helix, self._sending, self._channel = helix, sending, channel
        self._percepts = percepts
        self._announcements = Gate(clock, Window(1, 2.0))

    @property
    def _as_moderator(self) -> dict[str, str]:
        return {"broadcaster_id": self._sending.channel, "moderator_id": self._sending.account}

    async def _send(self, act: Send, until: float) -> str:
        if (wanted := act.channel.lstrip("#").lower()) and wanted != self._channel:
            raise Refused(f"this link leads to #{self._channel} alone")
        return await self._sending.send(self._helix, act, until)

    async def _announce(self, act: Announce, until: float) -> str:
        text = clean(act.text)[:LONGEST]
        if not text:
            raise Refused("there is nothing to announce")
        await self._announcements.enter(until)
        self._sending.expect(text)
        await self._helix.ask("POST", "chat/announcements", self._as_moderator, {"message": text})
        return ""

    # --- people

    async def _verdict(self, act: Verdict, until: float) -> str:
        match act.action:
            case "allow" if act.source:  # one message, held back or no longer: never the lifting of a ban
                return await self._decide(act.source, "ALLOW")
            case "delete" if act.source in self._percepts.held:
                return await self._decide(act.source, "DENY")
            case "delete":
                return await self._delete(act.source)
            case "allow":
                return await self._lift(act.viewer)
            case "warn":
                body = {"user_id": await self._user(act.viewer), "reason": clean(act.reason)[:_REASON] or "warned"}
                await self._helix.ask("POST", "moderation/warnings", self._as_moderator, {"data": body})
                return ""
            case _:
                return await self._ban(act)

    async def _ban(self, act: Verdict) -> str:
        """Ban somebody, or time them out."""
        body: dict[str, Any] = {"user_id": await self._user(act.viewer), "reason": clean(act.reason)[:_REASON]}
        if act.action == "timeout":
            body["duration"] = min(max(1, round(act.seconds)), LONGEST_TIMEOUT)
        try:
            await self._helix.ask("POST", "moderation/bans", self._as_moderator, {"data": body})
        except Denied as error:
            if error.status == 400 and "already banned" in error.said.lower():
                return "they are banned already"
            if error.status == _CONFLICT:
                raise Passing("another moderator decides on them at this moment", 1.0) from None
            raise
        return ""

    async def _lift(self, viewer: Viewer) -> str:
        query = {**self._as_moderator, "user_id": await self._user(viewer)}
        try:
            await self._helix.ask("DELETE", "moderation/bans", query)
        except Denied as error:
            if error.status == 400 and "not banned" in error.said.lower():
                return "nothing was laid on them"
            if error.status == _CONFLICT:
                raise Passing("another moderator decides on them at this moment", 1.0) from None
            raise
        return ""

    async def _delete(self, message: str) -> str:
        if not message:
            raise Refused("no message is named")  # Twitch would clear the whole chat
        try:
            await self._helix.ask("DELETE", "moderation/chat", {**self._as_moderator, "message_id": message})
        except Denied as error:
            if error.status != _GONE:
                raise
            return "it is gone already, or older than six hours"
        return ""

    async def _decide(self, message: str, action: str) -> str:
        """Let a message that AutoMod holds into the chat, or keep it out.

        https://dev.twitch.tv/docs/api/reference/#manage-held-automod-messages
        """
        body = {"user_id": self._sending.account, "msg_id": message, "action": action}
        try:
            await self._helix.ask("POST", "moderation/automod/message", body=body)
        except Denied as error:
            if error.status != _GONE:
                raise
            self._percepts.held.pop(message, None)
            return "it was decided before, or has waited too long"
        self._percepts.held.pop(message, None)
        return ""

    async def _user(self, viewer: Viewer, *, named: bool = False) -> str:
        """Return somebody's id at Twitch; whoever is only known by name is asked for. Raises Refused, Passing.

        ``named``: only the name is known, whatever it looks like: it may be all digits.
        """
        platform, _, who = viewer.id.partition(":")
        if platform != "twitch" or not who:
            raise Refused(f"{viewer.id[:60]!r} is no account on Twitch")
        if who.isdecimal() and not named:
            return who
        found = first(await self._helix.ask("GET", "users", {"login": who.lower()[:50]}))
        if not found.get("id"):
            raise Refused(f"nobody on Twitch is called {who[:50]!r}")
        return str(found["id"])

    # --- the show

    async def _fulfil(self, act: Fulfil, until: float) -> str:
        query = {
            "broadcaster_id": self._sending.channel,
            "reward_id": await self._reward(act.reward),
            "id": act.redemption,
        }
        body = {"status": "CANCELED" if act.refund else "FULFILLED"}
        try:
            await self._helix.ask("PATCH", "channel_points/custom_rewards/redemptions", query, body)
        except Denied as error:
            if error.status == _GONE:
                return "it was closed before"
            if error.status == 403:
                raise Refused(f"{error}: only the application that made a reward may close its redemptions") from None
            raise
        return ""

    async def _reward(self, title: str) -> str:
        """Return the id of a reward, which is named by its title or its id. Raises Refused, Passing."""
        if title not in self._percepts.rewards:
            query = {"broadcaster_id": self._sending.channel}
            for reward in listed(await self._helix.ask("GET", "channel_points/custom_rewards", query)):
                match reward:
                    case {"id": str(identity), "title": str(name)}:
                        self._percepts.rewards[name] = self._percepts.rewards[identity] = identity
                    case _:
                        pass
        if title not in self._percepts.rewards:
            raise Refused(f"there is no reward {title[:60]!r} any more")
        return self._percepts.rewards[title]

    async def _shout_out(self, act: ShoutOut, until: float) -> str:
        query = {
            "from_broadcaster_id": self._sending.channel,
            "to_broadcaster_id": await self._user(act.viewer, named=True),
            "moderator_id": self._sending.account,
        }
        await self._helix.ask("POST", "chat/shoutouts", query)
        return ""

    async def _clip(self, act: Clip, until: float) -> str:
        try:
            made = first(await self._helix.ask("POST", "clips", {"broadcaster_id": self._sending.channel}))
        except Denied as error:
            if error.status != _GONE:
                raise
            raise Refused("the channel is not live") from None
        if not made.get("id"):
            raise Passing("Twitch names no clip")
        return f"https://clips.twitch.tv/{quote(str(made['id'])[:200], safe='')}"
