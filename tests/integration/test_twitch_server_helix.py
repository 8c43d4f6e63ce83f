"""The local Twitch keeps to its protocol, in what happens and in Helix: each rule granted once and refused once."""

import asyncio
import math
import time
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from tests.servers.twitch import CLIENT_ID, KINDS, TwitchServer
from tests.servers.twitch.client import Client, events
from tests.servers.twitch.state import Bucket
from tests.waiting import until

pytestmark = pytest.mark.anyio

SHORT = 0.02
"""A second of the protocol, where a test waits for its clocks."""


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as http:
        yield http


@pytest.fixture
async def twitch() -> AsyncIterator[TwitchServer]:
    async with TwitchServer() as twitch:
        yield twitch


@pytest.fixture
async def client(twitch: TwitchServer, http: aiohttp.ClientSession) -> Client:
    return Client(twitch, http)


# --- what happens


async def test_a_cheer_is_three_events(twitch: TwitchServer, client: Client) -> None:
    socket = await client.listening("channel.chat.message", "channel.cheer", "channel.bits.use")
    identity = twitch.cheer("ada", 100, "hello @pip Kappa")
    (_, chat), (_, cheer), (_, bits) = await events(socket, 3)
    assert (chat["message_id"], chat["cheer"]) == (identity, {"bits": 100})
    kinds = [piece["type"] for piece in chat["message"]["fragments"]]
    assert kinds == ["cheermote", "text", "mention", "text", "emote"]
    assert "".join(piece["text"] for piece in chat["message"]["fragments"]) == chat["message"]["text"]
    assert chat["message"]["fragments"][0]["cheermote"] == {"prefix": "cheer", "bits": 100, "tier": 100}
    assert (cheer["bits"], cheer["user_login"], cheer["message"]) == (100, "ada", "Cheer100 hello @pip Kappa")
    assert (bits["bits"], bits["type"], bits["message"]["text"]) == (100, "cheer", cheer["message"])
    twitch.cheer(None, 1)
    assert (await events(socket, 3))[1][1] == {
        **cheer, "is_anonymous": True, "user_id": None, "user_login": None, "user_name": None, "bits": 1,
        "message": "Cheer1",
    }  # fmt: skip


async def test_a_resub_is_two_events(twitch: TwitchServer, client: Client) -> None:
    socket = await client.listening("channel.chat.notification", "channel.subscription.message", "channel.subscribe")
    twitch.resub("ada", 15, "VoHiYo again", streak=3)
    (first, notice), (second, message) = await events(socket, 2)
    assert (first, notice["notice_type"], notice["resub"]["cumulative_months"]) == (
        "channel.chat.notification", "resub", 15,
    )  # fmt: skip
    assert (second, message["streak_months"]) == ("channel.subscription.message", 3)
    assert message["message"]["emotes"] == [{"begin": 0, "end": 5, "id": "81274"}]
    twitch.subscribe("bob", prime=True)
    (_, fresh), (_, notice) = await events(socket, 2)
    assert (fresh["is_gift"], notice["notice_type"], notice["sub"]["is_prime"]) == (False, "sub", True)


async def test_gifts_are_a_gift_and_many_subscriptions(twitch: TwitchServer, client: Client) -> None:
    socket = await client.listening("channel.chat.notification", "channel.subscription.gift", "channel.subscribe")
    twitch.gift("ada", 2, to=("bob",))
    found = await events(socket, 6)
    notices = [event["notice_type"] for kind, event in found if kind == "channel.chat.notification"]
    assert notices == ["community_sub_gift", "sub_gift", "sub_gift"]
    assert [event["total"] for kind, event in found if kind == "channel.subscription.gift"] == [2]
    takers = [(event["user_login"], event["is_gift"]) for kind, event in found if kind == "channel.subscribe"]
    assert takers == [("bob", True), ("lucky1", True)]
    twitch.gift(None, 1, to=("cleo",))
    found = await events(socket, 3)
    assert (found[0][1]["is_anonymous"], found[0][1]["user_id"]) == (True, None)
    assert found[2][1]["chatter_is_anonymous"]


async def test_everything_that_can_happen_is_told(twitch: TwitchServer, client: Client) -> None:
    socket = await client.listening(*KINDS)
    twitch.redeem("ada", "Sing", "please")
    twitch.highlight("ada", "look at me")
    twitch.power_up("ada", 30, text="whoosh")
    twitch.cheer("ada", 5)
    twitch.follow("ada")
    twitch.subscribe("ada")
    twitch.resub("ada", 2)
    twitch.gift("ada", 1)
    twitch.unsubscribe("ada")
    twitch.raid("bob", 42)
    twitch.stream_offline()
    twitch.stream_online()
    twitch.ad_break(90)
    twitch.shoutout("bob")
    twitch.shouted_out("bob")
    for phase in ("begin", "progress", "end"):
        twitch.hype_train(phase)
        twitch.poll(phase, Red=2)
    for phase in ("begin", "progress", "lock", "end"):
        twitch.prediction(phase, Yes=10, winner="Yes" if phase == "end" else "")
    twitch.automod_update(twitch.automod_hold("ada", "you fool"))
    twitch.warn("ada", "manners")
    twitch.chat_rule("slow", 30)
    twitch.watch_streak("ada", 10)
    twitch.ban("ada", "spam", 10)
    twitch.unban("ada")
    twitch.delete(twitch.chat("ada", "oops"))
    twitch.clear()
    for one in twitch.redemptions.values():
        query = {"broadcaster_id": twitch.broadcaster.id, "reward_id": one.reward.id, "id": one.id}
        await client.ask("PATCH", "channel_points/custom_rewards/redemptions", {"status": "FULFILLED"}, **query)
    await twitch.flushed()
    seen: set[str] = set()
    while seen != set(KINDS):
        ((kind, event),) = await events(socket, 1)
        seen.add(kind)
        for name, value in event.items():
            if name.endswith("broadcaster_user_login"):
                assert value in (None, "pip", "bob"), kind
    assert twitch.complaints == []


# --- Helix


async def test_helix_wants_a_token_and_a_client(twitch: TwitchServer, client: Client) -> None:
    bearer = {"Authorization": f"Bearer {client.token}"}
    for headers in ({"Client-Id": CLIENT_ID}, bearer, {**bearer, "Client-Id": "other"}, {"Authorization": "Bearer x"}):
        assert (await client.ask("GET", "users", headers=headers))[0] == 401
    status, told = await client.ask("GET", "users")
    assert (status, told["data"][0]["login"], told["data"][0]["broadcaster_type"]) == (200, "pip", "affiliate")
    assert len(twitch.complaints) == 4
    assert client.headers["Ratelimit-Limit"] == "800"
    assert client.headers["Ratelimit-Remaining"] == "799"


async def test_helix_counts_points(http: aiohttp.ClientSession) -> None:
    async with TwitchServer(points=3) as twitch:
        client = Client(twitch, http)
        assert [(await client.ask("GET", "users"))[0] for _ in range(4)] == [200, 200, 200, 429]
        assert client.headers["Ratelimit-Remaining"] == "0"
        assert 30 < int(client.headers["Ratelimit-Reset"]) - time.time() < 62
        assert (await client.ask("GET", "users", token=twitch.grant(user="ada")))[0] == 200  # another's bucket


async def test_helix_can_be_unwell(twitch: TwitchServer, client: Client) -> None:
    twitch.fault("helix:500", on="streams")
    assert (await client.ask("GET", "users"))[0] == 200
    assert (await client.ask("GET", "streams"))[0] == 500
    twitch.fault("helix:429")
    assert (await client.ask("GET", "streams"))[0] == 429
    assert "Ratelimit-Reset" in client.headers
    twitch.fault("helix:garbage")
    with pytest.raises(ValueError):
        await client.ask("GET", "streams")
    twitch.fault("helix:drop")
    with pytest.raises(aiohttp.ClientError):
        await client.ask("POST", "clips")  # a GET is asked again by the client library itself
    twitch.fault("helix:hang")
    asking = asyncio.ensure_future(client.ask("GET", "streams"))
    await until(lambda: len(twitch.requests) == 6, "the request has come")
    assert not asking.done()
    asking.cancel()
    _, session = await client.connect()
    for status in (409, 429, 503, 403, 410):
        twitch.fault(f"subscribe:{status}")
        assert (await client.subscribe(session["id"], "stream.online"))[0] == status
    assert (await client.subscribe(session["id"], "stream.online"))[0] == 202
    assert twitch.complaints == []


async def test_a_message_is_sent_and_told_to_all(twitch: TwitchServer, client: Client) -> None:
    socket = await client.listening("channel.chat.message")
    own = twitch.broadcaster.id
    line = {"broadcaster_id": own, "sender_id": own, "message": "Good evening!"}
    status, told = await client.ask("POST", "chat/messages", line)
    assert (status, told["data"][0]["is_sent"], [one.text for one in twitch.sent]) == (200, True, ["Good evening!"])
    identity = told["data"][0]["message_id"]
    assert (await events(socket, 1))[0][1]["message_id"] == identity
    await client.ask("POST", "chat/messages", {**line, "reply_parent_message_id": identity})
    reply = (await events(socket, 1))[0][1]["reply"]
    assert (reply["parent_message_id"], reply["parent_message_body"]) == (identity, "Good evening!")
    assert twitch.complaints == []


@pytest.mark.parametrize(
    ("changed", "status"),
    [
        ({"message": "x" * 501}, 422), ({"message": " "}, 400), ({"message": None}, 400), ({"sender_id": "1001"}, 401),
        ({"broadcaster_id": "77"}, 400), ({"reply_parent_message_id": "none"}, 400), ({"for_source_only": True}, 400),
    ],
)  # fmt: skip
async def test_a_message_that_is_wrong_is_refused(
    twitch: TwitchServer, client: Client, changed: Any, status: int
) -> None:
    own = twitch.broadcaster.id
    line = {"broadcaster_id": own, "sender_id": own, "message": "hello"} | changed
    assert (await client.ask("POST", "chat/messages", line))[0] == status
    assert (twitch.sent, len(twitch.complaints)) == ([], 1)


async def test_who_may_not_write_is_refused(twitch: TwitchServer, client: Client) -> None:
    ada = twitch.user("ada")
    line = {"broadcaster_id": twitch.broadcaster.id, "sender_id": ada.id, "message": "hello"}
    mute = twitch.grant(["user:read:chat"], ada)
    assert (await client.ask("POST", "chat/messages", line, token=mute))[0] == 401
    twitch.ban(ada)
    token = twitch.grant(user=ada)
    assert (await client.ask("POST", "chat/messages", line, token=token))[0] == 403
    twitch.unban(ada)
    assert (await client.ask("POST", "chat/messages", line, token=token))[0] == 200
    app = twitch.grant_app()
    assert (await client.ask("POST", "chat/messages", line | {"message": "by the app"}, token=app))[0] == 200


async def test_an_account_writes_so_much_and_no_more(http: aiohttp.ClientSession) -> None:
    async with TwitchServer(second=SHORT) as twitch:
        twitch.times.chat_window, twitch.times.silenced = 2500.0, 5000.0  # 50 and 100 real seconds
        client = Client(twitch, http)
        ada = twitch.user("ada")
        token = twitch.grant(user=ada)

        async def write(number: int, token: str = token, sender: str = ada.id) -> dict[str, Any]:
            line = {"broadcaster_id": twitch.broadcaster.id, "sender_id": sender, "message": f"number {number}"}
            return (await client.ask("POST", "chat/messages", line, token=token))[1]["data"][0]

        sent = [await write(number) for number in range(22)]
        assert [one["is_sent"] for one in sent] == [True] * 20 + [False] * 2
        assert sent[21]["drop_reason"]["code"] == "msg_ratelimit"
        assert "more messages" in twitch.complaints[0]
        own = twitch.broadcaster.id
        assert all([(await write(number, client.token, own))["is_sent"] for number in range(100)])
        assert not (await write(100, client.token, own))["is_sent"]


async def test_the_same_twice_is_dropped_unless_one_moderates(twitch: TwitchServer, client: Client) -> None:
    bot = twitch.bot
    token = twitch.grant(user=bot)
    line = {"broadcaster_id": twitch.broadcaster.id, "sender_id": bot.id, "message": "again"}

    async def write() -> dict[str, Any]:
        return (await client.ask("POST", "chat/messages", line, token=token))[1]["data"][0]

    assert [(await write())["is_sent"] for _ in range(2)] == [True, True]
    twitch.moderators.clear()
    assert (await write())["drop_reason"]["code"] == "msg_duplicate"
    twitch.fault("message:msg_rejected")
    assert (await write())["drop_reason"]["code"] == "msg_rejected"


async def test_announcements_and_shoutouts_have_their_pace(twitch: TwitchServer, client: Client) -> None:
    socket = await client.listening("channel.chat.notification", "channel.shoutout.create")
    own = twitch.broadcaster.id
    who = {"broadcaster_id": own, "moderator_id": own}
    twitch.times.announcement = twitch.times.shoutout = 600.0
    said = {"message": "Tonight!", "color": "purple"}
    assert (await client.ask("POST", "chat/announcements", said, **who))[0] == 204
    assert (await events(socket, 1))[0][1]["announcement"] == {"color": "PURPLE"}
    assert (await client.ask("POST", "chat/announcements", said, **who))[0] == 429
    assert (await client.ask("POST", "chat/announcements", {"message": "", "color": "pink"}, **who))[0] == 400
    bob, cleo = twitch.user("bob"), twitch.user("cleo")
    out = {"from_broadcaster_id": own, "moderator_id": own}
    assert (await client.ask("POST", "chat/shoutouts", to_broadcaster_id=bob.id, **out))[0] == 204
    assert (await events(socket, 1))[0][1]["to_broadcaster_user_login"] == "bob"
    assert (await client.ask("POST", "chat/shoutouts", to_broadcaster_id=cleo.id, **out))[0] == 429
    twitch.times.shoutout = 0.0
    assert (await client.ask("POST", "chat/shoutouts", to_broadcaster_id=cleo.id, **out))[0] == 204
    assert (await client.ask("POST", "chat/shoutouts", to_broadcaster_id=bob.id, **out))[0] == 429
    assert (await client.ask("POST", "chat/shoutouts", to_broadcaster_id=own, **out))[0] == 400
    assert (twitch.announced, twitch.shouted) == (["Tonight!"], ["bob", "cleo"])


async def test_people_are_banned_and_forgiven(twitch: TwitchServer, client: Client) -> None:
    socket = await client.listening("channel.ban", "channel.unban", "channel.moderate")
    own, ada = twitch.broadcaster.id, twitch.user("ada")
    who = {"broadcaster_id": own, "moderator_id": own}

    async def ban(**data: Any) -> int:
        return (await client.ask("POST", "moderation/bans", {"data": {"user_id": ada.id, **data}}, **who))[0]

    assert [await ban(duration=seconds) for seconds in (0, 1_209_601, "10")] == [400, 400, 400]
    assert await ban(reason="x" * 501) == 400
    assert await ban(duration=600, reason="spam") == 200
    (_, told), (_, moderated) = await events(socket, 2)
    assert (told["is_permanent"], told["reason"], moderated["action"]) == (False, "spam", "timeout")
    assert moderated["timeout"]["expires_at"] == told["ends_at"]
    assert await ban() == 200  # a timeout may become a ban, and not the reverse
    assert (await events(socket, 2))[0][1]["ends_at"] is None
    assert [await ban(), await ban(duration=5), await ban(user_id=own)] == [400, 400, 400]
    twitch.fault("helix:409", on="moderation/bans")
    assert await ban() == 409
    assert list(twitch.banned) == [ada.id]
    lift = {**who, "user_id": ada.id}
    assert (await client.ask("DELETE", "moderation/bans", **lift))[0] == 204
    assert [kind for kind, _ in await events(socket, 2)] == ["channel.unban", "channel.moderate"]
    assert (await client.ask("DELETE", "moderation/bans", **lift))[0] == 400
    stranger = twitch.user("stranger")
    mine = {"broadcaster_id": own, "moderator_id": stranger.id, "user_id": ada.id}
    assert (await client.ask("DELETE", "moderation/bans", token=twitch.grant(user=stranger), **mine))[0] == 403
    assert (await client.ask("DELETE", "moderation/bans", token=twitch.grant([]), **lift))[0] == 401


async def test_a_timeout_ends(http: aiohttp.ClientSession) -> None:
    async with TwitchServer(second=SHORT) as twitch:
        twitch.ban("ada", "", 5)
        await until(lambda: twitch.ban_of(twitch.user("ada")) is None, "the timeout has ended")


async def test_messages_are_deleted_and_people_warned(twitch: TwitchServer, client: Client) -> None:
    socket = await client.listening("channel.chat.message_delete", "channel.chat.clear", "channel.warning.send")
    own, ada = twitch.broadcaster.id, twitch.user("ada")
    who = {"broadcaster_id": own, "moderator_id": own}
    bad, mine, old = twitch.chat(ada, "bad"), twitch.chat("pip", "mine"), twitch.chat(ada, "old")
    twitch.messages[old].at -= 7 * 3600
    found = [(await client.ask("DELETE", "moderation/chat", message_id=one, **who))[0] for one in (bad, mine, old, bad)]
    assert found == [204, 400, 404, 404]
    assert twitch.deleted == [bad]
    assert (await events(socket, 1))[0][1]["target_user_login"] == "ada"
    assert (await client.ask("DELETE", "moderation/chat", **who))[0] == 204
    assert (await events(socket, 1))[0][0] == "channel.chat.clear"
    warn = {"data": {"user_id": ada.id, "reason": "manners"}}
    assert (await client.ask("POST", "moderation/warnings", warn, **who))[0] == 200
    assert (await events(socket, 1))[0][1]["reason"] == "manners"
    assert (await client.ask("POST", "moderation/warnings", {"data": {"user_id": ada.id}}, **who))[0] == 400


async def test_the_chats_rules_change(twitch: TwitchServer, client: Client) -> None:
    socket = await client.listening("channel.chat_settings.update", "channel.moderate")
    twitch.chat_rule("slow", 30)
    (_, told), (_, moderated) = await events(socket, 2)
    assert (told["slow_mode"], told["slow_mode_wait_time_seconds"], told["follower_mode"]) == (True, 30, False)
    assert (moderated["action"], moderated["slow"]) == ("slow", {"wait_time_seconds": 30})
    twitch.chat_rule("slow", None)
    (_, told), (_, moderated) = await events(socket, 2)
    assert (told["slow_mode"], told["slow_mode_wait_time_seconds"]) == (False, None)
    assert (moderated["action"], moderated["slow"]) == ("slowoff", None)


async def test_redemptions_wait_until_they_are_settled(twitch: TwitchServer, client: Client) -> None:
    update = "channel.channel_points_custom_reward_redemption.update"
    socket = await client.listening(update)
    path, own = "channel_points/custom_rewards/redemptions", twitch.broadcaster.id
    made = [twitch.redeem("ada", "Sing", f"song {number}") for number in range(5)]
    where = {"broadcaster_id": own, "reward_id": twitch.reward("Sing").id}
    status, first = await client.ask("GET", path, status="UNFULFILLED", first="3", **where)
    after = first["pagination"]["cursor"]
    _, rest = await client.ask("GET", path, status="UNFULFILLED", first="3", after=after, **where)
    assert (status, [one["id"] for one in first["data"] + rest["data"]]) == (200, made)
    assert rest["pagination"] == {}
    assert (await client.ask("PATCH", path, {"status": "FULFILLED"}, id=made[0], **where))[0] == 200
    assert (await events(socket, 1))[0][1]["status"] == "fulfilled"
    assert (await client.ask("PATCH", path, {"status": "CANCELED"}, id=made[0], **where))[0] == 404
    assert (await client.ask("PATCH", path, {"status": "UNFULFILLED"}, id=made[1], **where))[0] == 400
    assert (await client.ask("PATCH", path, {"status": "CANCELED"}, id=made[1], **where))[0] == 200
    assert [twitch.redemptions[one].status for one in made[:3]] == ["FULFILLED", "CANCELED", "UNFULFILLED"]
    assert (await client.ask("GET", path, **where))[0] == 400
    hand = twitch.reward("Made by hand", client_id="")
    theirs = {"broadcaster_id": own, "reward_id": hand.id, "status": "UNFULFILLED"}
    assert (await client.ask("GET", path, **theirs))[0] == 403


async def test_rewards_are_made_listed_and_dropped(twitch: TwitchServer, client: Client) -> None:
    path, where = "channel_points/custom_rewards", {"broadcaster_id": twitch.broadcaster.id}
    status, told = await client.ask("POST", path, {"title": "Dance", "cost": 300}, **where)
    assert (status, told["data"][0]["cost"], told["data"][0]["is_in_stock"]) == (200, 300, True)
    for wrong in ({"title": "Dance", "cost": 1}, {"title": "x" * 46, "cost": 1}, {"title": "Free", "cost": 0}):
        assert (await client.ask("POST", path, wrong, **where))[0] == 400
    twitch.reward("Made by hand", client_id="")
    assert len((await client.ask("GET", path, **where))[1]["data"]) == 2
    assert len((await client.ask("GET", path, only_manageable_rewards="true", **where))[1]["data"]) == 1
    assert (await client.ask("DELETE", path, id=told["data"][0]["id"], **where))[0] == 204
    assert (await client.ask("GET", path, id=told["data"][0]["id"], **where))[0] == 404


async def test_rewards_are_changed_by_who_made_them_alone(twitch: TwitchServer, client: Client) -> None:
    path, own = "channel_points/custom_rewards", {"broadcaster_id": twitch.broadcaster.id}
    sing, hand = twitch.reward("Sing"), twitch.reward("Made by hand", client_id="")

    async def changed(body: dict[str, object], reward: str = sing.id) -> int:
        return (await client.ask("PATCH", path, body, id=reward, **own))[0]

    limits = {"is_max_per_stream_enabled": True, "max_per_stream": 3, "is_global_cooldown_enabled": False}
    assert await changed({"title": "SING", "cost": 5, "prompt": "Which?", "is_user_input_required": True}) == 200
    assert (sing.title, sing.cost, sing.prompt, sing.user_input) == ("SING", 5, "Which?", True)
    status, told = await client.ask("PATCH", path, limits, id=sing.id, **own)
    assert (status, told["data"][0]["max_per_stream_setting"]) == (200, {"is_enabled": True, "max_per_stream": 3})
    assert await changed({"is_enabled": False}) == 200
    with pytest.raises(ValueError, match="nobody can redeem"):
        twitch.redeem("ada", sing, "of the sea")
    for wrong in (
        {"title": "made BY hand"}, {"title": ""}, {"cost": True}, {"cost": 0}, {"prompt": "x" * 201},
        {"is_max_per_stream_enabled": True, "max_per_stream": 0}, {"is_global_cooldown_enabled": True},
        {"is_global_cooldown_enabled": True, "global_cooldown_seconds": 604_801}, {"max_per_stream": 4},
    ):  # fmt: skip
        assert await changed(wrong) == 400, wrong
    assert await changed({"cost": 1}, hand.id) == 403
    assert await changed({"cost": 1}, "nothing") == 404
    for number in range(48):
        twitch.reward(f"Another {number}")
    status, told = await client.ask("POST", path, {"title": "One too many", "cost": 1}, **own)
    assert (status, told["message"]) == (400, "CREATE_CUSTOM_REWARD_TOO_MANY_REWARDS")
    twitch.affiliate = False
    assert (await client.ask("GET", path, **own))[0] == 403


async def test_streams_and_clips_depend_on_being_live(twitch: TwitchServer, client: Client) -> None:
    own = twitch.broadcaster.id
    assert (await client.ask("GET", "streams", user_id=own))[1]["data"][0]["type"] == "live"
    status, told = await client.ask("POST", "clips", broadcaster_id=own)
    assert status == 202
    assert (await client.ask("GET", "clips", id=told["data"][0]["id"]))[1]["data"][0]["creator_id"] == own
    twitch.stream_offline()
    assert (await client.ask("GET", "streams", user_id=own))[1]["data"] == []
    assert (await client.ask("POST", "clips", broadcaster_id=own))[0] == 404
    assert (await client.ask("GET", "chat/settings", broadcaster_id=own))[1]["data"][0]["slow_mode"] is False


def test_the_points_come_back_evenly() -> None:
    bucket = Bucket(60, 0.0)
    assert [bucket.take(0.0) for _ in range(61)] == [True] * 60 + [False]
    assert bucket.take(1.0)
    assert not bucket.take(1.0)
    assert math.isclose(bucket.full_in(), 60.0)


async def test_no_two_ids_are_the_same(twitch: TwitchServer) -> None:
    assert len({twitch.new_id() for _ in range(70_000)}) == 70_000
