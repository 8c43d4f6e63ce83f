"""Twitch without a network: frames, what they mean, what is sent and how quickly, and what is asked for."""

import asyncio
import json
from collections import Counter
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any

import pytest

from marotte.config_links import Twitch
from marotte.events import ChatMessage, Event, Gift, Happening, Moderated, Redemption, Send, Subscription
from marotte.links.link import Passing, Refused
from marotte.links.pace import Late
from marotte.links.tokens import Tokens
from marotte.links.twitch import frames
from marotte.links.twitch.hearing import Hearing, Seen
from marotte.links.twitch.helix import Limited
from marotte.links.twitch.link import TwitchLink
from marotte.links.twitch.percepts import moment, seconds
from marotte.links.twitch.rights import ACTS, kinds, wanted
from marotte.links.twitch.sending import Sending, pieces
from marotte.links.twitch.session import UNREACHABLE, Ended
from marotte.time import Clock
from tests.servers.twitch import KINDS, SCOPES, User, events

NOW = 1_800_000_000.0
PIP, ADA = User("1", "pip", "Pip"), User("42", "ada", "Ada")
ALL = set(kinds(Twitch()))


def frame(kind: str, event: Any, identity: str = "f-1", stamp: str = "2027-01-15T07:59:59.123456789Z") -> str:
    head = {"message_id": identity, "message_type": "notification", "message_timestamp": stamp,
            "subscription_type": kind, "subscription_version": "1"}  # fmt: skip
    subscription = {"id": "s", "type": kind, "status": "enabled"}
    return json.dumps({"metadata": head, "payload": {"subscription": subscription, "event": event}})


def written(text: str, *pieces: dict[str, Any], **more: Any) -> dict[str, Any]:
    return events.message(PIP, ADA, more.pop("identity", "m-1"), text, list(pieces), **more)


def emote(text: str, identity: str = "25") -> dict[str, Any]:
    return {"type": "emote", "text": text, "emote": {"id": identity, "emote_set_id": "0"}}


class Heard:
    """A hearing and what it published."""

    def __init__(self, live: set[str] | None = None) -> None:
        self.events: list[Event] = []
        live = ALL if live is None else live
        self.hearing = Hearing("twitch", "pip", live, self.events.append, Counter(), Clock(epoch=NOW))

    def hear(self, kind: str, event: Any, identity: str = "", **more: Any) -> Any:
        """Let an event come; return what it brought, or None."""
        before = len(self.events)
        self.hearing.frame(frame(kind, event, identity or f"f-{self.counted['frames']}", **more))
        return self.events[before] if len(self.events) > before else None

    @property
    def counted(self) -> Counter[str]:
        return self.hearing.counted


# --- frames


def test_a_frame_that_is_no_notification_is_the_connections_own() -> None:
    welcome = {"metadata": {"message_id": "w", "message_type": "session_welcome", "message_timestamp": "x"},
               "payload": {"session": {"id": "s1", "keepalive_timeout_seconds": 10, "recovery_url": None}}}  # fmt: skip
    read = Heard().hearing.frame(json.dumps(welcome))
    assert read is not None
    assert read.payload.session == frames.Told(id="s1", keepalive_timeout_seconds=10)


@pytest.mark.parametrize(
    "text", ["", "}{", "[1]", "null", "{}", '{"metadata":5,"payload":[]}', "[" * 5_000, '"\\ud800"']
)
def test_what_is_no_frame_is_malformed_and_nothing_worse(text: str) -> None:
    heard = Heard()
    assert heard.hearing.frame(text) is None
    assert heard.counted == {"frames": 1, "malformed": 1}


def test_a_frame_that_is_too_long_is_not_read_but_its_id_is_known() -> None:
    text = frame("channel.chat.message", written("x" * frames.LARGEST), "f-77")
    with pytest.raises(frames.Malformed) as refused:
        frames.read(text)
    assert refused.value.id == "f-77"


def test_malformed_messages_fill_no_log(caplog: pytest.LogCaptureFixture) -> None:
    heard = Heard()
    for _ in range(1_000):
        heard.hearing.frame("{}")
    assert heard.counted["malformed"] == 1_000
    assert len(caplog.records) == 20


def test_ids_are_known_again_and_no_more_than_so_many_are_kept() -> None:
    seen = Seen(3)
    assert [seen.add(one) for one in "abacda"] == [True, True, False, True, True, True]
    assert len(seen._ids) == len(seen._order) == 3  # pyright: ignore[reportPrivateUsage]


def test_the_same_is_heard_once_whichever_way_it_comes() -> None:
    heard = Heard()
    assert heard.hear("channel.chat.message", written("hello"), "f-1")
    assert not heard.hear("channel.chat.message", written("hello"), "f-1")
    assert not heard.hear("channel.chat.message", written("hello"), "f-2"), "over a second subscription"
    assert heard.counted["doubled"] == 2


def test_old_messages_are_left_out_by_twitchs_own_clock() -> None:
    heard = Heard()
    old = "2027-01-15T07:49:00Z"
    assert not heard.hear("channel.chat.message", written("old"), stamp=old)
    welcome = {"message_id": "w", "message_type": "session_welcome", "message_timestamp": "2027-01-15T07:49:00Z"}
    heard.hearing.frame(json.dumps({"metadata": welcome, "payload": {"session": {"id": "s"}}}))
    assert heard.hear("channel.chat.message", written("not so old", identity="m-2"), stamp=old)


def test_times_are_read_and_never_lie_ahead() -> None:
    assert seconds("2027-01-15T08:00:00.000000001Z") == NOW
    assert moment("2027-01-15T07:59:00Z", NOW) == NOW - 60
    assert [moment(one, NOW) for one in ("", None, "nonsense", "9999-01-01T00:00:00Z", "2027-01-15T09:00:00Z")] == [
        NOW
    ] * 5


# --- chat


def test_emotes_stand_where_they_are_written() -> None:
    message = written(
        " 日本 Kappa Kappa", {"type": "text", "text": " 日本 "}, emote("Kappa"), {"text": " "}, emote("Kappa")
    )
    chat = Heard().hear("channel.chat.message", message)
    assert isinstance(chat, ChatMessage)
    assert chat.text == "日本 Kappa Kappa"
    assert [chat.text[one.start : one.end] for one in chat.emotes] == ["Kappa", "Kappa"]
    assert chat.emotes[0].picture == "https://static-cdn.jtvnw.net/emoticons/v2/25/default/dark/2.0"


def test_an_emote_that_is_no_emote_has_no_picture() -> None:
    chat = Heard().hear("channel.chat.message", written("Kappa", emote("Kappa", "../../evil")))
    assert [one.picture for one in chat.emotes] == [""]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x01ACTION waves\x01", "*waves*"),
        ("twice \U000e0000", "twice"),
        ("a\nb\x07c", "a b c"),
        ("👩‍👩‍👧 family", "👩‍👩‍👧 family"),
        ("x" * 5_000, "x" * 1_000),
    ],
)
def test_text_is_made_fit(text: str, shown: str) -> None:
    assert Heard().hear("channel.chat.message", written(text)).text == shown


def test_nothing_written_is_nothing() -> None:
    assert Heard().hear("channel.chat.message", written("  \x07 ")) is None


def test_roles_are_read_from_badges_and_the_streamer_is_an_operator() -> None:
    def roles(*badges: str, **more: Any) -> tuple[str, ...]:
        worn = [{"set_id": one, "id": "1", "info": ""} for one in badges]
        return Heard().hear("channel.chat.message", written("x", badges=worn, **more)).viewer.roles

    assert roles("subscriber", "vip", "glhf-pledge") == ("subscriber", "vip")
    assert roles("moderator", "founder") == ("moderator", "subscriber")
    assert roles("broadcaster") == ("moderator",), "a badge alone makes nobody an operator"
    assert roles("broadcaster", chatter_user_id="1") == ("moderator", "operator")


def test_who_announces_is_known_by_their_badges_too() -> None:
    def roles(*badges: str, by: User = ADA) -> tuple[str, ...]:
        worn = [{"set_id": one, "id": "1", "info": ""} for one in badges]
        words = {"text": "hear", "fragments": []}
        told = events.notice(PIP, by, "n", "announcement", {"color": "BLUE"}, "", message=words, badges=worn)
        return Heard().hear("channel.chat.notification", told).viewer.roles

    assert roles("moderator", "vip") == ("moderator", "vip")
    assert roles("broadcaster", by=PIP) == ("moderator", "operator")
    assert roles() == ()


def test_a_first_message_is_marked() -> None:
    assert Heard().hear("channel.chat.message", written("hi", message_type="user_intro")).first


def test_a_message_that_comes_with_something_else_is_not_taken_twice() -> None:
    reward = written("sing", channel_points_custom_reward_id="r-1")
    power = written("boo", message_type="power_ups_gigantified_emote")
    assert Heard().hear("channel.chat.message", reward) is None
    assert Heard().hear("channel.chat.message", power) is None
    without = Heard({"channel.chat.message"})
    assert without.hear("channel.chat.message", reward).text == "sing", "where redemptions are not told"
    assert Heard({"channel.chat.message"}).hear("channel.chat.message", power).text == "boo"


def test_shared_chats_notices_are_left_out() -> None:
    heard = Heard()
    about = {"id": "1", "total": 5, "cumulative_total": 5, "sub_tier": "1000"}
    there = events.notice(PIP, ADA, "n", "shared_chat_community_sub_gift", about, "", source_broadcaster_user_id="9")
    assert heard.hear("channel.chat.notification", there) is None
    assert heard.hear("channel.chat.message", written("x", source_broadcaster_user_id="9")) is None
    assert heard.counted["shared"] == 2


# --- the rest


@pytest.mark.parametrize(
    ("kind", "about", "tier", "months", "given"),
    [
        ("sub", {"sub_tier": "1000", "is_prime": True, "duration_months": 1}, "prime", 1, 0),
        ("resub", {"sub_tier": "3000", "cumulative_months": 20, "is_prime": False}, "3", 20, 0),
        ("sub_gift", {"sub_tier": "1000", "community_gift_id": None, "recipient_user_id": "5"}, "1", 1, 1),
        ("community_sub_gift", {"sub_tier": "2000", "total": 50, "id": "1"}, "2", 1, 50),
        ("gift_paid_upgrade", {"gifter_is_anonymous": True}, "", 1, 0),
        ("resub", None, "", 1, 0),
    ],
)
def test_subscriptions(kind: str, about: Any, tier: str, months: int, given: int) -> None:
    told = Heard().hear("channel.chat.notification", events.notice(PIP, ADA, "n-1", kind, about, "told"))
    assert isinstance(told, Subscription)
    assert (told.id, told.tier, told.months, told.given) == ("twitch/n-1", tier, months, given)


def test_one_of_many_gifts_is_not_told_again() -> None:
    about = {"sub_tier": "1000", "community_gift_id": "7"}
    assert Heard().hear("channel.chat.notification", events.notice(PIP, ADA, "n", "sub_gift", about, "")) is None


def test_donations() -> None:
    about = {"charity_name": "Lifeboats", "amount": {"value": 1050, "decimal_place": 2, "currency": "EUR"}}
    gift = Heard().hear("channel.chat.notification", events.notice(PIP, ADA, "n", "charity_donation", about, ""))
    assert isinstance(gift, Gift)
    assert (gift.what, gift.amount, gift.unit) == ("a donation to Lifeboats", 10.5, "EUR")


def test_cheers_are_told_with_their_message_and_not_again() -> None:
    heard = Heard()
    gift = heard.hear("channel.chat.message", written("Cheer100 hi", cheer={"bits": 100}))
    assert isinstance(gift, Gift)
    assert (gift.amount, gift.unit, gift.source) == (100, "bits", "m-1")
    used = {**ADA.fields(), **events.channel(PIP), "bits": 100, "type": "cheer", "message": {"text": "Cheer100 hi"}}
    assert heard.hear("channel.bits.use", used) is None


def test_a_prediction_that_is_called_off() -> None:
    base = {"id": "p", "title": "Rain?", "outcomes": ("Yes", "No"), "points": {}, "winner": "",
            "started_at": "", "locks_at": ""}  # fmt: skip
    told = Heard().hear("channel.prediction.end", events.prediction(PIP, "end", base))
    assert isinstance(told, Happening)
    assert told.text == "The prediction is over: Rain? It was called off."


def test_what_helix_lists_is_the_same_redemption() -> None:
    reward = {"id": "r-1", "title": "Sing", "cost": 100, "prompt": ""}
    one = {
        "id": "x-1",
        **ADA.fields(),
        "user_input": "la",
        "status": "UNFULFILLED",
        "redeemed_at": "",
        "reward": reward,
    }
    heard = Heard()
    told = heard.hear("channel.channel_points_custom_reward_redemption.add", {**one, **events.channel(PIP)})
    asked = [heard.hearing.percepts.redemption(found, told.at) for found in frames.redemptions([one, {"id": 5}, None])]
    assert [told] == asked
    assert isinstance(told, Redemption)
    assert heard.hearing.percepts.rewards == {"Sing": "r-1"}
    assert not heard.hearing.take(asked[0], asked[0].id), "it is known again"


def test_the_rules_that_a_warning_cites_are_told_and_none_is_longer_than_it_may_be() -> None:
    who = {**ADA.fields(), **events.channel(PIP), **PIP.fields("moderator_")}
    told = Heard().hear("channel.warning.send", {**who, "reason": "", "chat_rules_cited": ["No spam", "Be\nkind"]})
    assert isinstance(told, Moderated)
    assert told.text == "Ada was warned by Pip: No spam; Be kind"
    told = Heard().hear("channel.warning.send", {**who, "reason": None, "chat_rules_cited": ["x" * 900] * 9})
    assert isinstance(told, Moderated)
    assert len(told.text) == 1_000


def test_what_is_wanted_exists() -> None:
    for name, kind in kinds(Twitch()).items():
        assert name in frames.EVENTS
        known = KINDS[name]
        assert known.version == kind.version
        assert not known.scopes or kind.scope in known.scopes[0]
        assert set(kind.condition("1", "2")) <= set(known.condition)
    assert set(wanted(Twitch())) <= set(SCOPES) | {"moderator:manage:shoutouts"}
    assert all(scopes for scopes, _ in ACTS.values())


# --- coming back


@pytest.mark.virtual
@pytest.mark.anyio
async def test_a_server_that_is_away_is_found_within_a_second_of_its_return(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    link = TwitchLink(Twitch(), {}, Tokens(tmp_path), lambda _: None, Clock(), Random(1))
    tries: list[float] = []
    enough = asyncio.Event()

    async def hold(http: Any) -> None:
        tries.append(link.clock.now())
        if tries[-1] > tries[0] + 900:
            enough.set()
        raise Ended(UNREACHABLE, "nobody is there")

    async def arrive(http: Any) -> None:
        pass

    monkeypatch.setattr(link, "_hold", hold)
    monkeypatch.setattr(link, "_arrive", arrive)
    task = asyncio.ensure_future(link._listen(None))  # type: ignore[arg-type]  # pyright: ignore
    await enough.wait()
    task.cancel()
    pauses = [after - before for before, after in pairwise(tries)]
    soon = [pause for before, pause in zip(tries, pauses, strict=False) if before < tries[0] + 299]
    assert max(soon) < 1.0
    assert len(set(soon)) > 100, "with jitter"
    assert max(pauses) > 5, "later less often"
    assert max(pauses) <= 30


# --- what is sent


class Chat:
    """Helix, as far as messages go, on virtual time."""

    def __init__(self, sending: Sending, clock: Clock) -> None:
        self.sent: list[tuple[float, str]] = []
        self.faults: list[Any] = []
        self._sending, self._clock = sending, clock

    async def ask(self, method: str, path: str, query: Any = (), body: Any = None) -> dict[str, Any]:
        fault = self.faults.pop(0) if self.faults else None
        if isinstance(fault, Exception):
            raise fault
        if isinstance(fault, dict):
            return {"data": [fault]}
        self.sent.append((self._clock.now(), body["message"]))
        return {"data": [{"message_id": f"s-{len(self.sent)}", "is_sent": True}]}


class Writer:
    """A sending and the chat that it writes into."""

    def __init__(self, moderates: bool = False) -> None:
        self.clock = Clock()
        self.sending = Sending(self.clock)
        self.sending.account, self.sending.channel, self.sending.moderates = "2", "1", moderates
        self.chat = Chat(self.sending, self.clock)

    async def write(self, text: str, within: float = 1_000.0, act: Send | None = None) -> str:
        act = act or Send(link="twitch", text=text)
        return await self.sending.send(self.chat, act, self.clock.now() + within)  # type: ignore[arg-type]  # pyright: ignore

    def most(self, seconds: float) -> int:
        times = [at for at, _ in self.chat.sent]
        return max(sum(begin <= at < begin + seconds for at in times) for begin in times)


@pytest.mark.virtual
@pytest.mark.anyio
@pytest.mark.parametrize(("moderates", "most", "a_second"), [(False, 20, 1), (True, 100, 100)])
async def test_an_account_keeps_its_limit_wherever_one_begins_to_count(
    moderates: bool, most: int, a_second: int
) -> None:
    writer, rng = Writer(moderates), Random(3)
    for number in range(250):
        await writer.write(f"message {number}")
        if rng.random() < 0.02:
            await writer.clock.sleep(rng.uniform(0, 20))
    assert writer.most(30.0) == most
    assert writer.most(1.0) <= a_second
    assert [text for _, text in writer.chat.sent] == [f"message {number}" for number in range(250)]


@pytest.mark.virtual
@pytest.mark.anyio
async def test_who_loses_the_right_to_moderate_has_sent_what_they_have() -> None:
    writer = Writer(moderates=True)
    for number in range(50):
        await writer.write(f"message {number}")
    writer.sending.moderates = False
    with pytest.raises(Late):
        await writer.write("too much", within=20.0)


@pytest.mark.virtual
@pytest.mark.anyio
async def test_the_same_text_waits_for_nobody_but_is_refused() -> None:
    writer = Writer()
    await writer.write("again")
    with pytest.raises(Refused, match="same"):
        await writer.write("again ")
    await writer.clock.sleep(31)
    await writer.write("again")
    assert len(writer.chat.sent) == 2


@pytest.mark.virtual
@pytest.mark.anyio
async def test_a_message_of_which_nobody_knows_whether_it_was_sent_is_not_sent_twice() -> None:
    writer, act = Writer(), Send(link="twitch", text="did it?")
    writer.chat.faults = [Passing("no answer")]
    with pytest.raises(Passing):
        await writer.write("", act=act)
    assert writer.sending.mine("2", "s-9", "did it?"), "it comes back as ours"
    await writer.write("", act=act)
    assert writer.chat.sent == []
    again = Send(link="twitch", text="and this?")
    writer.chat.faults = [Passing("no answer"), {"is_sent": False, "drop_reason": {"code": "msg_duplicate"}}]
    with pytest.raises(Passing):
        await writer.write("", act=again)
    await writer.write("", act=again)
    assert writer.chat.sent == [], "Twitch says that it has it"


@pytest.mark.virtual
@pytest.mark.anyio
async def test_a_long_text_goes_on_where_it_was_stopped() -> None:
    writer, act = Writer(moderates=True), Send(link="twitch", text="one. " * 150)
    writer.chat.faults = [None, Limited("too much", 1.0)]
    with pytest.raises(Passing):
        await writer.write("", act=act)
    await writer.write("", act=act)
    assert " ".join(text for _, text in writer.chat.sent) == act.text.strip()


@pytest.mark.virtual
@pytest.mark.anyio
async def test_who_is_told_to_be_slower_is() -> None:
    writer = Writer()
    writer.chat.faults = [{"is_sent": False, "drop_reason": {"code": "msg_ratelimit", "message": "too quick"}}]
    with pytest.raises(Passing, match="too quick"):
        await writer.write("one")
    with pytest.raises(Late):
        await writer.write("two", within=20.0)
    await writer.write("one")
    assert len(writer.chat.sent) == 1


@pytest.mark.virtual
@pytest.mark.anyio
async def test_what_is_written_with_the_streamers_account_is_told_from_their_own() -> None:
    writer = Writer(moderates=True)
    writer.sending.account = writer.sending.channel = "1"
    await writer.write("hello")
    assert writer.sending.mine("1", "s-1", "hello")
    assert not writer.sending.mine("1", "other", "hello"), "the streamer says the same"
    assert not writer.sending.mine("5", "x", "hello")
    await writer.write("bye")
    await asyncio.sleep(3_600)
    assert not writer.sending.mine("1", "other", "bye")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("short", ["short"]),
        ("", []),
        ("a" * 25, ["a" * 10, "a" * 10, "a" * 5]),
        ("one two three four", ["one two", "three four"]),
        ("Einse. Zwei drei", ["Einse.", "Zwei drei"]),
        ("一二三四五六。七八九十", ["一二三四五六。", "七八九十"]),
        ("x " * 100, ["x x x x x"] * 5),
    ],
)
def test_texts_are_cut_where_a_sentence_or_a_word_ends(text: str, found: list[str]) -> None:
    assert pieces(text, 10) == found
