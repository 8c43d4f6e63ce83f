"""What can happen on a channel: each sends all the events that the real one sends for it.

https://dev.twitch.tv/docs/eventsub/eventsub-subscription-types
"""

from typing import Any

from tests.servers.twitch import events
from tests.servers.twitch.eventsub import EventSub
from tests.servers.twitch.state import Ban, ChatLine, Redemption, Reward, User, short_stamp, stamp

ANONYMOUS = User("407665396", "ananonymouscheerer", "AnAnonymousCheerer")
_REMEMBERED = 10_000


class Happenings(EventSub):
    """People do something on the broadcaster's channel."""

    def __init__(self, second: float, keepalive: float | None, points: int, limit: int, mod_limit: int) -> None:
        super().__init__(second, keepalive, points, limit, mod_limit)
        self.shouted_at: dict[str, float] = {}
        """When a shoutout was given, by whom it was for; "" is the last."""
        self.stream_id, self.started_at = "9001", short_stamp()
        self._gifts: dict[str, int] = {}
        self.rules: dict[str, int | None] = {}
        """What holds in the chat, by what moderators call it."""
        self._held: dict[str, tuple[User, str]] = {}
        self._polled: dict[str, Any] = {}
        self._predicted: dict[str, Any] = {}
        self._riding: dict[str, Any] = {}

    # --- the chat

    def chat(self, user: str | User, text: str, reply_to: str = "", **more: Any) -> str:
        """Let somebody write; ``more`` overrides fields of the event. Return the message's id."""
        who = self.user(user)
        line = ChatLine(self.new_id(), who, text, self.now(), reply_to)
        self.messages[line.id] = line
        while len(self.messages) > _REMEMBERED:
            self.messages.popitem(last=False)
        if reply_to:
            more = {"reply": self._reply(self.messages[reply_to]), **more}
        self.emit("channel.chat.message", self._line(line, **more))
        return line.id

    def line_of(self, user: str, text: str) -> dict[str, Any]:
        return self._line(ChatLine(self.new_id(), self.user(user), text, self.now()))

    def _line(self, line: ChatLine, **more: Any) -> dict[str, Any]:
        worn = events.badges(self.broadcaster, line.user, line.user.id in self.moderators)
        pieces = self._pieces(line.text, bool(more.get("cheer")))
        return events.message(self.broadcaster, line.user, line.id, line.text, pieces, **{"badges": worn, **more})

    def _pieces(self, text: str, cheers: bool = False, *kinds: str) -> list[dict[str, Any]]:
        return events.fragments(text, self.emotes, self.users, cheers, *(kinds or ("cheermote", "emote", "mention")))

    def _reply(self, parent: ChatLine) -> dict[str, Any]:
        thread = self.messages.get(parent.reply_to, parent)
        return {
            "parent_message_id": parent.id, "parent_message_body": parent.text, **parent.user.fields("parent_"),
            "thread_message_id": thread.id, **thread.user.fields("thread_"),
        }  # fmt: skip

    def _notice(self, user: User | None, kind: str, about: dict[str, Any], told: str, text: str = "") -> None:
        more = {"message": {"text": text, "fragments": self._pieces(text)}} if text else {}
        event = events.notice(self.broadcaster, user, self.new_id(), kind, about, told, **more)
        self.emit("channel.chat.notification", event)

    def announce(self, user: str | User, text: str, color: str = "primary") -> None:
        self._notice(self.user(user), "announcement", {"color": color.upper()}, "", text)

    # --- money

    def cheer(self, user: str | User | None, bits: int, text: str = "") -> str:
        """Let somebody cheer, anonymously where ``user`` is None; return the message's id."""
        who = self.user(user) if user else ANONYMOUS
        whole = text if "cheer" in text.lower() else f"Cheer{bits} {text}".strip()
        identity = self.chat(who, whole, cheer={"bits": bits})
        named = who.fields() if user else events.NOBODY
        here = events.channel(self.broadcaster)
        self.emit("channel.cheer", {"is_anonymous": not user, **named, **here, "message": whole, "bits": bits})
        pieces = self._pieces(whole, True, "cheermote", "emote")
        self._bits(who, bits, "cheer", {"text": whole, "fragments": pieces}, None)
        return identity

    def power_up(self, user: str | User, bits: int, kind: str = "message_effect", text: str = "") -> None:
        """Let somebody use a power-up, such as a message effect."""
        who = self.user(user)
        self.chat(who, text, message_type=f"power_ups_{kind}", channel_points_animation_id="simmer")
        about = {"type": kind, "emote": None, "message_effect_id": "simmer"}
        self._bits(who, bits, "power_up", {"text": text, "fragments": self._pieces(text)}, about)

    def _bits(self, user: User, bits: int, kind: str, message: dict[str, Any], power_up: Any) -> None:
        event = {**user.fields(), **events.channel(self.broadcaster), "bits": bits, "type": kind}
        self.emit("channel.bits.use", {**event, "power_up": power_up, "message": message, "custom_power_up": None})

    def subscribe(self, user: str | User, tier: str = "1000", prime: bool = False) -> None:
        who = self.user(user)
        self._subscribed(who, tier, False)
        how = "with Prime" if prime else f"at Tier {tier[0]}"
        about = {"sub_tier": tier, "is_prime": prime, "duration_months": 1}
        self._notice(who, "sub", about, f"{who.name} subscribed {how}.")

    def resub(
        self, user: str | User, months: int, text: str = "", tier: str = "1000", streak: int | None = None
    ) -> None:
        """Let somebody tell that they have subscribed on."""
        who = self.user(user)
        about = {
            "cumulative_months": months, "duration_months": 1, "streak_months": streak, "sub_tier": tier,
            "is_prime": False, "is_gift": False, "gifter_is_anonymous": None, "gifter_user_id": None,
            "gifter_user_name": None, "gifter_user_login": None,
        }  # fmt: skip
        told = f"{who.name} subscribed at Tier {tier[0]}. They've subscribed for {months} months!"
        self._notice(who, "resub", about, told, text)
        message = {"text": text, "emotes": events.places(text, self.emotes)}
        self.emit("channel.subscription.message", {
            **who.fields(), **events.channel(self.broadcaster), "tier": tier, "message": message,
            "cumulative_months": months, "streak_months": streak, "duration_months": 1,
        })  # fmt: skip

    def gift(self, user: str | User | None, total: int = 1, tier: str = "1000", to: tuple[str, ...] = ()) -> None:
        """Let somebody (None: anonymously) give subscriptions, to whom is named or to whoever comes."""
        giver = self.user(user) if user else None
        given = None
        if giver:
            given = self._gifts[giver.id] = self._gifts.get(giver.id, 0) + total
        name = giver.name if giver else "An anonymous user"
        community = None if to and total == 1 else str(next(self._ids))
        if community:
            about = {"id": community, "total": total, "cumulative_total": given, "sub_tier": tier}
            told = f"{name} is gifting {total} Tier {tier[0]} Subs to {self.broadcaster.name}'s community!"
            self._notice(giver, "community_sub_gift", about, told)
        self.emit("channel.subscription.gift", {
            **(giver.fields() if giver else events.NOBODY), **events.channel(self.broadcaster), "total": total,
            "tier": tier, "cumulative_total": given, "is_anonymous": giver is None,
        })  # fmt: skip
        for number in range(total):
            taker = self.user(to[number] if number < len(to) else f"lucky{number}")
            self._subscribed(taker, tier, True)
            about = {
                "duration_months": 1, "cumulative_total": None if community else given, "sub_tier": tier,
                **taker.fields("recipient_"), "community_gift_id": community,
            }  # fmt: skip
            self._notice(giver, "sub_gift", about, f"{name} gifted a Tier {tier[0]} sub to {taker.name}!")

    def _subscribed(self, user: User, tier: str, gift: bool) -> None:
        here = events.channel(self.broadcaster)
        self.emit("channel.subscribe", {**user.fields(), **here, "tier": tier, "is_gift": gift})

    def unsubscribe(self, user: str | User, tier: str = "1000", gift: bool = False) -> None:
        """Let a subscription end."""
        event = {**self.user(user).fields(), **events.channel(self.broadcaster), "tier": tier, "is_gift": gift}
        self.emit("channel.subscription.end", event)

    def watch_streak(self, user: str | User, streak: int, points: int = 450) -> None:
        """Let somebody share how many streams in a row they have watched."""
        who = self.user(user)
        about = {"streak_count": streak, "channel_points_awarded": points}
        self._notice(who, "watch_streak", about, f"{who.name} watched {streak} consecutive streams!")

    # --- channel points

    def reward(self, title: str, cost: int = 100, prompt: str = "", **more: Any) -> Reward:
        """Return the custom reward of that name, made if it is new; ``client_id=""`` is one made by hand."""
        for one in self.rewards.values():
            if one.title == title:
                return one
        made = Reward(self.new_id(), title, cost, prompt, **more)
        self.rewards[made.id] = made
        return made

    def redeem(self, user: str | User, reward: str | Reward, text: str = "") -> str:
        """Let somebody redeem a reward, which waits to be fulfilled; return the redemption's id.

        Raises ValueError where no viewer could: what is hidden or rests, or asks for a text that is not given.
        """
        who = self.user(user)
        what = reward if isinstance(reward, Reward) else self.reward(reward, user_input=bool(text))
        if not what.enabled or what.paused or (what.user_input and not text):
            raise ValueError(f"nobody can redeem {what}")
        status = "FULFILLED" if what.skips_queue else "UNFULFILLED"
        one = Redemption(self.new_id(), who, what, text, stamp(), status)
        self.redemptions[one.id] = one
        kind = "channel.channel_points_custom_reward_redemption.add"
        self.emit(kind, events.redemption(self.broadcaster, one))
        if text:
            self.chat(who, text, channel_points_custom_reward_id=what.id)
        return one.id

    def highlight(self, user: str | User, text: str, cost: int = 100) -> None:
        """Let somebody highlight a message, one of the rewards that every channel has."""
        who = self.user(user)
        self.chat(who, text, message_type="channel_points_highlighted")
        self.emit("channel.channel_points_automatic_reward_redemption.add", {
            **events.channel(self.broadcaster), **who.fields(), "id": self.new_id(),
            "reward": {"type": "send_highlighted_message", "channel_points": cost, "emote": None},
            "message": {"text": text, "fragments": self._pieces(text, False, "emote")}, "redeemed_at": stamp(),
        })  # fmt: skip

    # --- the channel

    def follow(self, user: str | User) -> None:
        here = events.channel(self.broadcaster)
        self.emit("channel.follow", {**self.user(user).fields(), **here, "followed_at": stamp()})

    def raid(self, user: str | User, viewers: int) -> None:
        """Let another broadcaster raid the channel."""
        who = self.user(user)
        raid = {**who.fields("from_broadcaster_"), **self.broadcaster.fields("to_broadcaster_"), "viewers": viewers}
        self.emit("channel.raid", raid)
        image = f"https://static-cdn.jtvnw.net/{who.login}-profile_image-300x300.png"
        about = {**who.fields(), "viewer_count": viewers, "profile_image_url": image}
        self._notice(who, "raid", about, f"{viewers} raiders from {who.name} have joined!")

    def stream_online(self) -> None:
        self.live, self.stream_id, self.started_at = True, str(next(self._ids) + 9001), short_stamp()
        here = events.channel(self.broadcaster)
        self.emit("stream.online", {"id": self.stream_id, **here, "type": "live", "started_at": self.started_at})

    def stream_offline(self) -> None:
        self.live = False
        self.emit("stream.offline", events.channel(self.broadcaster))

    def ad_break(self, seconds: int = 60, automatic: bool = False) -> None:
        self.emit("channel.ad_break.begin", {
            "duration_seconds": seconds, "started_at": stamp(), "is_automatic": automatic,
            **events.channel(self.broadcaster), **self.broadcaster.fields("requester_"),
        })  # fmt: skip

    def shoutout(self, user: str | User, moderator: str | User = "marotte") -> None:
        """Let a moderator recommend another channel."""
        who, now = self.user(user), self.now()
        self.shouted_at[""] = self.shouted_at[who.id] = now
        self.emit("channel.shoutout.create", {
            **events.channel(self.broadcaster), **self.user(moderator).fields("moderator_"),
            **who.fields("to_broadcaster_"), "started_at": stamp(), "viewer_count": self.stream["viewer_count"],
            "cooldown_ends_at": stamp(-self.times.shoutout),
            "target_cooldown_ends_at": stamp(-self.times.shoutout_same),
        })  # fmt: skip

    def shouted_out(self, by: str | User, viewers: int = 860) -> None:
        """Let another channel recommend this one."""
        self.emit("channel.shoutout.receive", {
            **events.channel(self.broadcaster), **self.user(by).fields("from_broadcaster_"),
            "viewer_count": viewers, "started_at": stamp(),
        })  # fmt: skip

    # --- what has phases

    def poll(
        self, phase: str, title: str = "Which song?", choices: tuple[str, ...] = ("Red", "Blue"), **votes: int
    ) -> None:
        """Let a poll ``begin``, make ``progress``, ``end``; votes by the choices' titles add up."""
        if phase == "begin":
            self._polled = {"id": self.new_id(), "title": title, "choices": choices, "votes": {}, "status": "completed",
                          "started_at": stamp(), "ends_at": stamp(-60)}  # fmt: skip
        for choice, number in votes.items():
            self._polled["votes"][choice] = self._polled["votes"].get(choice, 0) + number
        self.emit(f"channel.poll.{phase}", events.poll(self.broadcaster, phase, self._polled))

    def prediction(
        self,
        phase: str,
        title: str = "Will it rain?",
        outcomes: tuple[str, ...] = ("Yes", "No"),
        winner: str = "",
        **bets: int,
    ) -> None:
        """Let a prediction ``begin``, make ``progress``, ``lock``, ``end``; without a winner it is cancelled."""
        if phase == "begin":
            self._predicted = {"id": self.new_id(), "title": title, "outcomes": outcomes, "points": {},
                                "started_at": stamp(), "locks_at": stamp(-300)}  # fmt: skip
        for outcome, number in bets.items():
            self._predicted["points"][outcome] = self._predicted["points"].get(outcome, 0) + number
        event = events.prediction(self.broadcaster, phase, {**self._predicted, "winner": winner})
        self.emit(f"channel.prediction.{phase}", event)

    def hype_train(self, phase: str, total: int = 500, level: int = 1, top: str = "ada") -> None:
        """Let a hype train ``begin``, make ``progress``, ``end``."""
        if phase == "begin":
            self._riding = {"id": self.new_id(), "started_at": stamp()}
        best = [{**self.user(top).fields(), "type": "bits", "total": total}]
        self._riding |= {"total": total, "level": level, "top": best}
        self.emit(f"channel.hype_train.{phase}", events.hype_train(self.broadcaster, phase, self._riding))

    # --- moderation

    def ban_of(self, user: User) -> Ban | None:
        """Return a ban or timeout that lasts."""
        ban = self.banned.get(user.id)
        if ban and ban.until is not None and ban.until <= self.now():
            del self.banned[user.id]
            return None
        return ban

    def ban(self, user: str | User, reason: str = "", seconds: int | None = None, by: str | User = "pip") -> Ban:
        """Let a moderator ban somebody, or time them out."""
        who, moderator = self.user(user), self.user(by)
        until = None if seconds is None else self.now() + seconds
        made = Ban(who, moderator, reason, until, short_stamp())
        self.banned[who.id] = made
        ends_at = None if seconds is None else stamp(-seconds)
        self.emit("channel.ban", events.ban(self.broadcaster, moderator, who, reason, ends_at))
        if seconds is None:
            self._moderated(moderator, "ban", {**who.fields(), "reason": reason})
        else:
            self._moderated(moderator, "timeout", {**who.fields(), "reason": reason, "expires_at": ends_at})
        here = events.channel(self.broadcaster)
        self.emit("channel.chat.clear_user_messages", {**here, **who.fields("target_")})
        return made

    def unban(self, user: str | User, by: str | User = "pip") -> None:
        who, moderator = self.user(user), self.user(by)
        lifted = self.banned.pop(who.id)
        here = events.channel(self.broadcaster)
        self.emit("channel.unban", {**who.fields(), **here, **moderator.fields("moderator_")})
        self._moderated(moderator, "unban" if lifted.until is None else "untimeout", who.fields())

    def delete(self, message: str, by: str | User = "pip") -> None:
        """Let a moderator delete a message."""
        line = self.messages[message]
        line.deleted = True
        self.deleted.append(message)
        here, target = events.channel(self.broadcaster), line.user.fields("target_")
        self.emit("channel.chat.message_delete", {**here, **target, "message_id": message})
        about = {**line.user.fields(), "message_id": message, "message_body": line.text}
        self._moderated(self.user(by), "delete", about)

    def clear(self, by: str | User = "pip") -> None:
        """Let a moderator clear the chat."""
        for line in self.messages.values():
            line.deleted = True
        self.emit("channel.chat.clear", events.channel(self.broadcaster))
        self._moderated(self.user(by), "clear", None)

    def warn(self, user: str | User, reason: str, by: str | User = "pip") -> None:
        who, moderator = self.user(user), self.user(by)
        self.warned.append((who.login, reason))
        self.emit("channel.warning.send", {
            **events.channel(self.broadcaster), **moderator.fields("moderator_"), **who.fields(), "reason": reason,
            "chat_rules_cited": None,
        })  # fmt: skip
        self._moderated(moderator, "warn", {**who.fields(), "reason": reason, "chat_rules_cited": None})

    def chat_rule(self, rule: str, value: int | None = 1, by: str | User = "pip") -> None:
        """Let a moderator set a rule of the chat: ``slow`` in seconds, ``followers`` in minutes; None lifts it."""
        self.rules[rule] = value
        self.emit("channel.chat_settings.update", events.chat_settings(self.broadcaster, self.rules))
        about = {"slow": {"wait_time_seconds": value}, "followers": {"follow_duration_minutes": value}}.get(rule)
        self._moderated(self.user(by), rule if value is not None else f"{rule}off", None if value is None else about)

    def _moderated(self, moderator: User, action: str, about: dict[str, Any] | None) -> None:
        self.emit("channel.moderate", events.moderate(self.broadcaster, moderator, action, about))

    def automod_hold(self, user: str | User, text: str, term: str = "") -> str:
        """Let AutoMod hold a message back, or a blocked ``term`` of it: it is not in the chat yet. Return its id."""
        who, identity = self.user(user), self.new_id()
        self._held[identity] = (who, text)
        pieces = self._pieces(text, False, "cheermote", "emote")
        more = events.blocked(self.broadcaster, text, term) if term else {}
        self.emit("automod.message.hold", events.held(self.broadcaster, who, identity, text, pieces, **more))
        return identity

    def automod_update(self, message: str, status: str = "approved", by: str | User = "pip") -> None:
        """Let a moderator decide on a message that is held; one that is approved comes into the chat."""
        who, text = self._held.pop(message)
        pieces = self._pieces(text, False, "cheermote", "emote")
        more = {**self.user(by).fields("moderator_"), "status": status}
        self.emit("automod.message.update", events.held(self.broadcaster, who, message, text, pieces, **more))
        if status == "approved":
            self.chat(who, text)
