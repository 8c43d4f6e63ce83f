"""The local Twitch keeps to its protocol, in its login and its sockets: each rule granted once and refused once."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from tests.servers.twitch import CLIENT_ID, CLIENT_SECRET, FAULTS, KINDS, SCOPES, TwitchServer
from tests.servers.twitch.client import Client, closed, events, heard
from tests.servers.twitch_irc import TOKEN, TwitchIRC
from tests.waiting import PATIENCE

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


async def drained(socket: aiohttp.ClientWebSocketResponse) -> int:
    """Read until nothing more comes; return how many messages there were."""
    for number in range(1000):
        try:
            await socket.receive(0.3)
        except TimeoutError:
            return number
    raise AssertionError("it never falls silent")


# --- the login


async def test_a_device_code_becomes_a_token_once_somebody_agrees(twitch: TwitchServer, client: Client) -> None:
    status, code = await client.log_in("device", scopes="user:read:chat user:write:chat")
    assert status == 200
    assert (code["interval"], code["expires_in"]) == (5, 1800)
    poll = {"grant_type": "urn:ietf:params:oauth:grant-type:device_code", "device_code": code["device_code"]}
    assert await client.log_in("token", **poll) == (400, {"status": 400, "message": "authorization_pending"})
    twitch.approve(code["user_code"], "ada")
    status, token = await client.log_in("token", **poll)
    assert (status, token["scope"], token["token_type"]) == (200, ["user:read:chat", "user:write:chat"], "bearer")
    status, told = await client.validate(token["access_token"])
    assert (status, told["login"], told["client_id"], told["scopes"]) == (200, "ada", CLIENT_ID, token["scope"])
    assert 0 < told["expires_in"] <= token["expires_in"]
    assert not twitch.complaints
    assert (await client.log_in("token", **poll))[1]["message"] == "invalid device code"  # a code is used once


@pytest.mark.parametrize("ending", ["deny", "expire"])
async def test_a_device_code_may_be_denied_and_expires(twitch: TwitchServer, client: Client, ending: str) -> None:
    code = (await client.log_in("device", scopes="user:read:chat"))[1]
    getattr(twitch, ending)(code["device_code"])
    poll = {"grant_type": "urn:ietf:params:oauth:grant-type:device_code", "device_code": code["device_code"]}
    assert (await client.log_in("token", **poll))[1] == {"status": 400, "message": "invalid device code"}


async def test_a_refresh_token_works_once(twitch: TwitchServer, client: Client) -> None:
    refresh = twitch.refresh_of(client.token)
    renew = {"grant_type": "refresh_token", "refresh_token": refresh}
    status, token = await client.log_in("token", **renew)
    assert (status, token["refresh_token"] != refresh, sorted(token["scope"])) == (200, True, sorted(SCOPES))
    assert await client.log_in("token", **renew) == (400, {"status": 400, "message": "Invalid refresh token"})
    assert refresh not in str(twitch.requests)


async def test_a_token_expires_and_is_revoked(twitch: TwitchServer, client: Client) -> None:
    twitch.expire(client.token)
    assert (await client.validate(client.token))[0] == 401
    assert await client.ask("GET", "users") == (
        401,
        {"error": "Unauthorized", "status": 401, "message": "Invalid OAuth token"},
    )
    other = twitch.grant()
    assert (await client.log_in("revoke", token=other))[0] == 200
    assert (await client.validate(other))[0] == 401
    assert (await client.log_in("revoke", token=other))[0] == 400


async def test_an_app_has_a_token_of_its_own(twitch: TwitchServer, client: Client) -> None:
    status, token = await client.log_in("token", grant_type="client_credentials", client_secret=CLIENT_SECRET)
    assert (status, "refresh_token" in token) == (200, False)
    assert (await client.log_in("token", grant_type="client_credentials", client_secret="guess"))[0] == 403
    assert (await client.ask("GET", "users", token=token["access_token"], login="pip"))[0] == 200
    assert (await client.ask("GET", "users", token=token["access_token"]))[0] == 400


async def test_the_login_can_be_unwell(twitch: TwitchServer, client: Client) -> None:
    twitch.fault("login:503")
    assert (await client.log_in("device", scopes=""))[0] == 503
    assert (await client.log_in("device", scopes=""))[0] == 200


# --- sockets


async def test_a_session_is_welcomed_and_kept_alive(http: aiohttp.ClientSession) -> None:
    async with TwitchServer(second=SHORT) as twitch:
        twitch.times.first = 1000.0  # a slow machine may take its time to subscribe
        client = Client(twitch, http)
        socket, session = await client.connect()
        await client.subscribe(session["id"], "stream.online")
        assert session == {**session, "status": "connected", "keepalive_timeout_seconds": 10, "reconnect_url": None}
        for _ in range(3):
            told = await heard(socket, keepalives=True)
            assert (told["metadata"]["message_type"], told["payload"]) == ("session_keepalive", {})


@pytest.mark.parametrize(("asked", "told"), [("30", 30), ("1", 10), ("9999", 600), ("soon", 10)])
async def test_the_client_chooses_the_keepalive_within_bounds(client: Client, asked: str, told: int) -> None:
    _, session = await client.connect(f"?keepalive_timeout_seconds={asked}")
    assert session["keepalive_timeout_seconds"] == told


async def test_a_keepalive_can_be_told_and_kept_literally(http: aiohttp.ClientSession) -> None:
    async with TwitchServer(keepalive=0.05) as twitch:
        socket, session = await Client(twitch, http).connect()
        assert session["keepalive_timeout_seconds"] == 0.05
        assert (await heard(socket, keepalives=True))["metadata"]["message_type"] == "session_keepalive"


async def test_a_connection_that_is_not_used_is_closed(http: aiohttp.ClientSession) -> None:
    async with TwitchServer(second=SHORT) as twitch:
        socket, _ = await Client(twitch, http).connect()
        assert await closed(socket) == 4003
        assert "not used" in twitch.complaints[0]


async def test_a_client_that_speaks_is_closed(twitch: TwitchServer, client: Client) -> None:
    socket, _ = await client.connect()
    await socket.send_str("hello")
    assert await closed(socket) == 4001
    assert twitch.complaints == ["the client sent a TEXT frame"]


async def test_a_client_that_answers_no_ping_is_closed(twitch: TwitchServer, http: aiohttp.ClientSession) -> None:
    twitch.ping, twitch.pong = 0.05, 0.2
    socket = await http.ws_connect(twitch.eventsub, autoping=False)
    while (frame := await socket.receive(PATIENCE)).type in (aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.PING):
        pass
    assert (frame.type, socket.close_code) == (aiohttp.WSMsgType.CLOSE, 4002)


async def test_a_client_may_ping(client: Client) -> None:
    socket = await client.listening("channel.raid")
    await socket.ping()
    client.twitch.raid("ada", 3)
    assert (await events(socket, 1))[0][1]["viewers"] == 3


async def test_subscriptions_move_with_a_reconnect(http: aiohttp.ClientSession) -> None:
    async with TwitchServer(second=SHORT) as twitch:
        twitch.times.first = 1000.0  # a slow machine may take its time to subscribe
        twitch.times.grace = 100.0
        client = Client(twitch, http)
        old = await client.listening("channel.chat.message")
        await twitch.reconnect()
        session = (await heard(old))["payload"]["session"]
        assert (session["status"], session["keepalive_timeout_seconds"]) == ("reconnecting", None)
        twitch.chat("ada", "still on the old one")
        assert (await events(old, 1))[0][1]["message"]["text"] == "still on the old one"
        new, welcome = await client.connect(url=session["reconnect_url"])
        assert welcome["reconnect_url"] is None
        twitch.chat("ada", "on the new one")
        assert (await events(new, 1))[0][1]["message"]["text"] == "on the new one"
        assert await closed(old) == 4004
        assert twitch.complaints == []
        assert len(twitch.sessions) == 1
        again = await http.ws_connect(session["reconnect_url"])
        assert await closed(again) == 4007  # such an address works once


async def test_who_does_not_move_in_time_loses_all(http: aiohttp.ClientSession) -> None:
    async with TwitchServer(second=SHORT) as twitch:
        twitch.times.first = 1000.0  # a slow machine may take its time to subscribe
        old = await Client(twitch, http).listening("channel.chat.message")
        await twitch.reconnect()
        assert await closed(old) == 4004
        assert twitch.subscriptions == []
        assert "did not move" in twitch.complaints[0]


async def test_a_reconnect_can_lead_nowhere(twitch: TwitchServer, client: Client) -> None:
    old = await client.listening("channel.chat.message")
    twitch.fault("dead_reconnect")
    await twitch.reconnect()
    with pytest.raises(aiohttp.ClientError):
        await client.connect(url=(await heard(old))["payload"]["session"]["reconnect_url"])


async def test_a_hard_drop_loses_subscriptions_and_what_happens_meanwhile(twitch: TwitchServer, client: Client) -> None:
    socket = await client.listening("channel.follow")
    twitch.fault("drop")
    assert await closed(socket) == 1006
    twitch.follow("ada")
    assert (twitch.subscriptions, twitch.lost) == ([], 1)
    socket = await client.listening("channel.follow")
    twitch.follow("bob")
    assert (await events(socket, 1))[0][1]["user_login"] == "bob"


async def test_a_revoked_token_revokes_its_subscriptions(twitch: TwitchServer, client: Client) -> None:
    socket = await client.listening("channel.cheer", "stream.online")
    twitch.revoke(client.token)
    for kind in ("channel.cheer", "stream.online"):
        told = await heard(socket)
        assert (told["metadata"]["message_type"], told["metadata"]["subscription_type"]) == ("revocation", kind)
        assert told["payload"]["subscription"]["status"] == "authorization_revoked"
    assert twitch.subscriptions == []


# --- subscriptions


async def test_every_type_can_be_subscribed_to_once(twitch: TwitchServer, client: Client) -> None:
    _, session = await client.connect()
    for kind in KINDS:
        status, told = await client.subscribe(session["id"], kind)
        assert (status, told["data"][0]["status"], told["total_cost"]) == (202, "enabled", 0), kind
    assert {one.type for one in twitch.subscriptions} == set(KINDS)
    for kind in KINDS:
        assert (await client.subscribe(session["id"], kind))[0] == 409
    status, told = await client.ask("GET", "eventsub/subscriptions", type="channel.raid")
    assert (status, told["total"], [one["type"] for one in told["data"]]) == (200, len(KINDS), ["channel.raid"])
    found = told["data"][0]["id"]
    assert (await client.ask("DELETE", "eventsub/subscriptions", id=found))[0] == 204
    assert (await client.ask("DELETE", "eventsub/subscriptions", id=found))[0] == 404


@pytest.mark.parametrize("kind", [kind for kind in KINDS if KINDS[kind].scopes])
async def test_every_type_wants_its_scopes_and_its_people(twitch: TwitchServer, client: Client, kind: str) -> None:
    _, session = await client.connect()
    for group in KINDS[kind].scopes:
        lacking = twitch.grant([scope for scope in SCOPES if scope not in group])
        assert (await client.subscribe(session["id"], kind, token=lacking))[0] == 403
    stranger = twitch.grant(user="stranger")
    assert (await client.subscribe(session["id"], kind, token=stranger))[0] == 403


async def test_a_subscription_must_be_well_formed(twitch: TwitchServer, client: Client) -> None:
    _, session = await client.connect()

    async def refused(kind: str = "channel.follow", **changed: Any) -> tuple[int, str]:
        status, told = await client.subscribe(session["id"], kind, **changed)
        return status, told["message"]

    own = twitch.broadcaster.id
    assert (await refused(version="7"))[0] == 400
    assert (await refused(version="1"))[0] == 410
    assert (await refused("channel.hype_train.begin", version="1"))[0] == 410
    assert (await refused(type="channel.party"))[0] == 400
    assert "moderator_user_id" in (await refused(condition={"broadcaster_user_id": own}))[1]
    assert "exist" in (await refused(condition={"broadcaster_user_id": "77", "moderator_user_id": own}))[1]
    assert (await refused("channel.raid", condition={}))[0] == 400
    assert "session" in (await refused(transport={"method": "websocket", "session_id": "gone"}))[1]
    assert "transport" in (await refused(transport={"method": "webhook", "callback": "https://example.org"}))[1]
    assert (await client.subscribe(session["id"], "channel.follow", token=twitch.grant_app()))[0] == 400


async def test_subscriptions_are_limited(twitch: TwitchServer, client: Client) -> None:
    sessions = [(await client.connect())[1]["id"] for _ in range(4)]
    for session in sessions[:3]:
        assert (await client.subscribe(session, "stream.online"))[0] == 202
    status, told = await client.subscribe(sessions[3], "stream.offline")
    assert (status, told["message"]) == (429, "number of websocket transports limit exceeded")
    assert "type and condition" in (await client.subscribe(sessions[3], "stream.online"))[1]["message"]
    strangers = [twitch.user(f"stranger{number}").id for number in range(11)]
    answers = [
        await client.subscribe(sessions[0], "stream.online", condition={"broadcaster_user_id": one})
        for one in strangers
    ]
    assert [status for status, _ in answers] == [202] * 10 + [429]
    assert answers[9][1]["total_cost"] == 10


async def test_a_session_holds_three_hundred_subscriptions(http: aiohttp.ClientSession) -> None:
    async with TwitchServer(points=10_000) as twitch:
        client = Client(twitch, http)
        _, session = await client.connect()
        for number in range(301):
            viewer = twitch.user(f"viewer{number}")
            twitch.grant((), viewer)
            wish = {"broadcaster_user_id": viewer.id}
            status, _ = await client.subscribe(session["id"], "stream.online", condition=wish)
            assert status == (202 if number < 300 else 429)


# --- faults of sockets


@pytest.mark.parametrize("code", range(4000, 4008))
async def test_a_socket_is_closed_with_any_code(twitch: TwitchServer, client: Client, code: int) -> None:
    socket = await client.listening("stream.online")
    twitch.fault(f"close:{code}")
    assert await closed(socket) == code
    assert twitch.sessions == []


async def test_notifications_come_twice_late_and_misshapen(twitch: TwitchServer, client: Client) -> None:
    socket = await client.listening("channel.chat.message")

    async def text() -> str:
        return (await heard(socket))["payload"]["event"]["message"]["text"]

    twitch.fault("duplicate")
    twitch.chat("ada", "twice")
    first, second = await heard(socket), await heard(socket)
    assert first == second
    twitch.fault("reorder")
    twitch.chat("ada", "one")
    twitch.chat("ada", "two")
    assert [await text(), await text()] == ["two", "one"]
    twitch.fault("old_message")
    before, now = first, None
    twitch.chat("ada", "old")
    now = await heard(socket)
    assert now["metadata"]["message_timestamp"] < before["metadata"]["message_timestamp"]
    for fault, test in {
        "extra_fields": lambda event: "x_new" in event["message"],
        "missing_field:badges": lambda event: "badges" not in event,
        "null_field:badges": lambda event: event["badges"] is None,
        "wrong_type:badges": lambda event: isinstance(event["badges"], dict),
        "huge": lambda event: len(event["x_padding"]) > 1_000_000,
    }.items():
        twitch.fault(fault)
        twitch.chat("ada", "hm")
        assert test((await heard(socket))["payload"]["event"]), fault
    twitch.chat("ada", "well again")
    assert await text() == "well again"


async def test_a_socket_says_what_nobody_expects(twitch: TwitchServer, client: Client) -> None:
    socket = await client.listening("channel.chat.message")
    twitch.fault("unknown_type")
    assert (await heard(socket))["metadata"]["message_type"] == "session_party"
    assert (await heard(socket))["metadata"]["subscription_type"] == "channel.party"
    twitch.fault("garbage")
    assert (await socket.receive(PATIENCE)).data == "}{"
    twitch.chat("ada", "after it")
    while "after it" not in (await socket.receive(PATIENCE)).data:
        pass
    twitch.fault("burst")
    size = 0
    while size < 1_000_000:
        size += len((await socket.receive(PATIENCE)).data)
    twitch.fault("revoke")
    assert (await heard(socket))["metadata"]["message_type"] == "revocation"


@pytest.mark.parametrize("fault", ["silence", "half_open", "no_keepalive"])
async def test_a_socket_can_fall_silent(http: aiohttp.ClientSession, fault: str) -> None:
    async with TwitchServer(keepalive=0.05) as twitch:
        client = Client(twitch, http)
        socket = await client.listening("channel.chat.message")
        twitch.fault(fault)
        await twitch.flushed()
        await drained(socket)
        other = await client.listening("channel.chat.message")
        twitch.chat("ada", "hello?")
        assert (await events(other, 1))[0][1]["message"]["text"] == "hello?"
        if fault == "no_keepalive":
            assert (await heard(socket, keepalives=True))["metadata"]["message_type"] == "notification"
        for _ in range(5):  # the other gets its keepalives meanwhile
            assert (await heard(other, keepalives=True))["metadata"]["message_type"] == "session_keepalive"
        assert await drained(socket) == 0


async def test_the_next_connection_can_be_ill(twitch: TwitchServer, client: Client) -> None:
    twitch.fault("connect:503")
    with pytest.raises(aiohttp.WSServerHandshakeError):
        await client.connect()
    twitch.fault("welcome:extra")
    assert (await client.connect())[1]["recovery_url"] is None
    twitch.fault("welcome:garbage")
    assert (await client.connect())[1] is None
    twitch.drop()
    twitch.fault("close:4000")  # nobody is there: it waits for the next
    socket, _ = await client.connect()
    assert await closed(socket) == 4000
    twitch.fault("welcome:none")
    silent = await client.http.ws_connect(twitch.eventsub)
    with pytest.raises(TimeoutError):
        await silent.receive(0.2)
    twitch.heal()


async def test_the_server_goes_down_and_comes_up_on_its_port(twitch: TwitchServer, client: Client) -> None:
    socket, port = await client.listening("stream.online"), twitch.port
    await twitch.down()
    assert await closed(socket) == 1006
    with pytest.raises(aiohttp.ClientConnectionError):
        await client.ask("GET", "users")
    await twitch.up()
    assert twitch.port == port
    assert (await client.ask("GET", "users"))[0] == 200
    await client.listening("stream.online")


def test_unknown_faults_are_told() -> None:
    with pytest.raises(ValueError, match="no fault"):
        TwitchServer().fault("close:1234")
    assert len(set(FAULTS)) == len(FAULTS)


async def test_a_fault_can_come_again(twitch: TwitchServer, client: Client) -> None:
    first = await client.listening("stream.online")
    twitch.fault("close:4006", times=2)
    assert await closed(first) == 4006
    assert await closed((await client.connect())[0]) == 4006
    assert not (await client.listening("stream.online")).closed


async def test_irc_tells_who_is_banned() -> None:
    async with TwitchIRC() as irc:
        irc.banned.add("justme")
        reader, writer = await asyncio.open_connection("127.0.0.1", irc.port)
        writer.write(f"PASS {TOKEN}\r\nNICK justme\r\nUSER x 0 * :x\r\nPRIVMSG #pip :hello\r\n".encode())
        async with asyncio.timeout(PATIENCE):
            while b"msg-id=msg_banned" not in await reader.readline():
                pass
        writer.close()
        assert irc.heard == []
