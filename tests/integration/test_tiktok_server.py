"""The local TikTok against the library that is really used: TikTokLive signs in, hears, acks, and meets every fault."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import ClientSession

from tests.servers.tiktok import COOKIE, LARGEST, LIFE, TikTokServer
from tests.waiting import until

pytestmark = pytest.mark.anyio


class Hands:
    """A clock that is turned by hand."""

    def __init__(self) -> None:
        self.at = 1000.0

    def __call__(self) -> float:
        return self.at


class Visitor:
    """One client of the real library, and what it has heard."""

    def __init__(self, tiktok: TikTokServer) -> None:
        from TikTokLive import TikTokLiveClient, events

        # Who hangs up waits for the other side, for twice as long as this.
        self.tiktok, self.client = tiktok, TikTokLiveClient("jester", ws_kwargs={"close_timeout": 0.5})
        self.heard: list[Any] = []
        self.task: asyncio.Task[Any] | None = None
        for kind in (
            events.CommentEvent, events.GiftEvent, events.FollowEvent, events.ShareEvent, events.LikeEvent,
            events.RoomUserSeqEvent, events.SubNotifyEvent, events.JoinEvent, events.LiveEndEvent,
            events.LivePauseEvent, events.LiveUnpauseEvent, events.UnknownEvent, events.ConnectEvent,
            events.DisconnectEvent,
        ):  # fmt: skip
            self.client.add_listener(kind, self._hear)

    async def _hear(self, event: Any) -> None:
        self.heard.append(event)

    async def come(self) -> "Visitor":
        before = len(self.tiktok.here())
        self.task = await self.client.start(room_id=self.tiktok.room, fetch_live_check=False)
        await until(lambda: len(self.tiktok.here()) > before or self.gone(), "the visitor is in the room")
        return self

    def gone(self) -> bool:
        return self.task is not None and self.task.done()

    async def leave(self) -> None:
        await self.client.disconnect()
        await self.client.web.close()

    def names(self) -> list[str]:
        return [type(event).__name__ for event in self.heard]

    def of(self, kind: str) -> list[Any]:
        return [event for event in self.heard if type(event).__name__ == kind]

    def texts(self) -> list[str]:
        return [event.content for event in self.of("CommentEvent")]

    async def hears(self, *texts: str) -> None:
        await until(lambda: self.texts() == list(texts), f"{texts} and not {self.texts()}")


@pytest.fixture
def clock() -> Hands:
    return Hands()


@pytest.fixture
async def tiktok(clock: Hands, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[TikTokServer]:
    async with TikTokServer(ping=0.02, key="test-key", clock=clock) as tiktok:
        monkeypatch.setenv("SIGN_API_URL", tiktok.url)
        monkeypatch.setenv("SIGN_API_KEY", "test-key")
        yield tiktok


@pytest.fixture
async def visitor(tiktok: TikTokServer) -> AsyncIterator[Visitor]:
    visitor = Visitor(tiktok)
    yield visitor
    await visitor.leave()


async def test_everything_that_happens_is_heard_and_acknowledged(tiktok: TikTokServer, visitor: Visitor) -> None:
    await visitor.come()
    assert tiktok.asked[0]["client"] == "ttlive-python"
    tiktok.chat("Ada", "Good evening, 道化師!")
    tiktok.follow("Bob")
    tiktok.share("Cleo")
    tiktok.join("Dan")
    tiktok.subscribe("Eve", 3)
    tiktok.like("Fay", 15)
    tiktok.like("Fay", 5)
    tiktok.viewers(77)
    tiktok.pause()
    tiktok.pause(False)
    await until(lambda: visitor.of("LiveUnpauseEvent"), "all of it is heard")
    comment = visitor.of("CommentEvent")[0]
    assert (comment.content, comment.user.nickname, comment.user.unique_id) == ("Good evening, 道化師!", "Ada", "ada")
    assert visitor.of("FollowEvent")[0].user.nickname == "Bob"
    assert visitor.of("ShareEvent")[0].user.nickname == "Cleo"
    assert visitor.of("JoinEvent")[0].user.nickname == "Dan"
    assert visitor.of("SubNotifyEvent")[0].sub_month == 3
    assert [event.total for event in visitor.of("LikeEvent")] == [15, 20]
    assert visitor.of("RoomUserSeqEvent")[0].total == 77
    assert visitor.of("LivePauseEvent")
    await until(lambda: not tiktok.unacked(), "every frame is acknowledged")
    await until(lambda: tiktok.connections[0].heartbeats > 3, "the client's heart beats")
    assert tiktok.complaints == []


async def test_gifts_come_in_streaks(tiktok: TikTokServer, visitor: Visitor) -> None:
    await visitor.come()
    tiktok.gift("Ada", "Rose", 3)
    tiktok.gift("Bob", "Galaxy", 1, diamonds=1000, streak=False)
    tiktok.gift("Cleo", "Rose", 2, end=False)
    await until(lambda: len(visitor.of("GiftEvent")) == 7, "seven messages")
    gifts = visitor.of("GiftEvent")
    assert [(gift.repeat_count, gift.repeat_end, gift.streaking) for gift in gifts] == [
        (1, 0, True), (2, 0, True), (3, 0, True), (3, 1, False), (1, 0, False), (1, 0, True), (2, 0, True)]  # fmt: skip
    assert [gift.value for gift in gifts[3:5]] == [0.015, 5.0]
    assert len({gift.group_id for gift in gifts}) == 3
    assert (gifts[4].gift.name, gifts[4].gift.diamond_count) == ("Galaxy", 1000)


async def test_the_end_lets_the_client_leave(tiktok: TikTokServer, visitor: Visitor) -> None:
    await visitor.come()
    tiktok.end()
    await until(lambda: visitor.gone() and visitor.of("DisconnectEvent"), "the visitor left")
    assert visitor.of("LiveEndEvent")
    await until(lambda: tiktok.here() == [], "the connection is over")


async def test_who_comes_again_hears_the_last_words_again_but_not_the_rest(
    tiktok: TikTokServer, visitor: Visitor
) -> None:
    await visitor.come()
    for number in range(7):
        tiktok.chat("Ada", str(number))
    await visitor.hears(*"0123456")
    tiktok.drop()
    await until(visitor.gone, "the visitor lost the connection")
    tiktok.follow("Bob")
    again = await Visitor(tiktok).come()
    try:
        await again.hears(*"123456")
        first = {event.common.msg_id for event in visitor.of("CommentEvent")}
        assert {event.common.msg_id for event in again.of("CommentEvent")} < first
        assert not again.of("FollowEvent")
        assert again.of("ConnectEvent")
    finally:
        await again.leave()
    assert tiktok.complaints == []


# --- the signature


async def test_a_signature_is_refused_to_who_asks_wrongly(tiktok: TikTokServer) -> None:
    right = {"client": "ttlive-python", "room_id": "123", "platform": "web", "client_enter": "true", "user_agent": "me"}
    url = f"{tiktok.url}/webcast/fetch"
    async with ClientSession() as session:
        for change in ({"client": "other"}, {"room_id": "4"}, {"user_agent": ""}, {"colour": "red"}):
            async with session.get(url, params=right | change, headers={"X-Api-Key": "test-key"}) as answer:
                assert answer.status == 400
        assert len(tiktok.complaints) == 4
        async with session.get(url, params=right, headers={"X-Api-Key": "other"}) as answer:
            assert answer.status == 401
        async with session.get(url, params=right, headers={"X-Api-Key": "test-key"}) as answer:
            assert answer.status == 200
            assert answer.headers["X-Set-TT-Cookie"].startswith(COOKIE)


@pytest.mark.parametrize(
    ("fault", "error", "told"),
    [
        ("sign:401", "SignAPIError", "401"), ("sign:429", "SignatureRateLimitError", "RATE_LIMIT"),
        ("sign:429_bare", "TypeError", ""), ("sign:500", "SignAPIError", "500"), ("sign:503", "SignAPIError", "503"),
        ("sign:empty", "SignAPIError", "EMPTY_PAYLOAD"), ("sign:no_cookies", "SignAPIError", "EMPTY_COOKIES"),
        ("sign:drop", "RemoteProtocolError", ""), ("sign:garbage", "", ""),
    ],
)  # fmt: skip
async def test_the_library_tells_what_was_wrong_with_a_signature(
    tiktok: TikTokServer, visitor: Visitor, fault: str, error: str, told: str
) -> None:
    tiktok.fault(fault)
    with pytest.raises(Exception) as raised:
        await visitor.come()
    assert type(raised.value).__name__ == (error or type(raised.value).__name__)
    assert told in str(raised.value)
    assert tiktok.connections == []
    await visitor.come()
    assert tiktok.here()


async def test_a_signature_may_never_come(tiktok: TikTokServer, visitor: Visitor) -> None:
    tiktok.fault("sign:hang")
    coming = asyncio.create_task(visitor.client.start(room_id=123, fetch_live_check=False))
    await until(lambda: tiktok.asked, "it has been asked")
    assert not coming.done()
    coming.cancel()
    await asyncio.gather(coming, return_exceptions=True)


async def test_the_server_may_be_away(tiktok: TikTokServer, visitor: Visitor) -> None:
    await tiktok.down()
    with pytest.raises(Exception) as raised:
        await visitor.come()
    assert "CONNECT_ERROR" in str(raised.value)
    await tiktok.up()
    await visitor.come()
    assert tiktok.here()


# --- the push


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ("push:200", "WebcastBlockedError"), ("push:late", "WebcastBlockedError"), ("push:400", "WebcastBlockedError"),
        ("push:503", "InvalidStatusCode"), ("sign:no_address", "WebsocketURLMissingError"),
    ],
)  # fmt: skip
async def test_a_handshake_is_refused(tiktok: TikTokServer, visitor: Visitor, fault: str, error: str) -> None:
    tiktok.fault(fault)
    await visitor.come()
    assert visitor.task is not None
    assert type(visitor.task.exception()).__name__ == error
    assert tiktok.connections == []
    await visitor.come()
    assert tiktok.here()


async def test_a_signed_address_lives_thirty_seconds(tiktok: TikTokServer, visitor: Visitor, clock: Hands) -> None:
    await visitor.come()
    url = f"{tiktok.url}/im/push/v2/"
    query = {"wrss": "sign-1", "room_id": "123"}
    async with ClientSession() as session:
        clock.at += LIFE - 1
        headers = {"Cookie": COOKIE}
        async with session.ws_connect(url, params=query, protocols=("echo-protocol",), headers=headers) as socket:
            assert socket.protocol == "echo-protocol"
        clock.at += 1
        async with session.get(url, params=query) as answer:
            assert answer.status == 200
            assert "too old" in answer.headers["Handshake-Msg"]
        async with session.get(url, params={**query, "wrss": "my own"}) as answer:
            assert answer.headers["Handshake-Msg"]
    assert tiktok.here(), "who is in stays in"
    assert tiktok.complaints == []


@pytest.mark.parametrize("fault", ["drop", "close", "garbage", "bad_gzip", "huge"])
async def test_a_connection_ends_badly(tiktok: TikTokServer, visitor: Visitor, fault: str) -> None:
    await visitor.come()
    tiktok.fault(fault)
    tiktok.chat("Ada", "lost")
    await until(visitor.gone, "the visitor is gone")
    assert visitor.texts() == []
    await until(lambda: tiktok.here() == [], "the connection is over")
    assert LARGEST > 2**20


async def test_messages_that_are_bad_unknown_twice_or_in_another_order(tiktok: TikTokServer, visitor: Visitor) -> None:
    await visitor.come()
    for fault, text in (
        ("bad_message", "bad"), ("unknown", "strange"), ("text", "{}"), ("bomb", "boom"), ("duplicate", "twice"),
        ("no_ack", "quiet"),
    ):  # fmt: skip
        tiktok.fault(fault)
        tiktok.chat("Ada", text)
        await until(lambda: not any(one.queue.qsize() for one in tiktok.here()), "it is sent")
    await visitor.hears("twice", "twice", "quiet")
    assert visitor.of("UnknownEvent")
    tiktok.fault("reorder")
    tiktok.chat("Ada", "one")
    tiktok.chat("Ada", "two")
    await visitor.hears("twice", "twice", "quiet", "two", "one")
    await until(lambda: not tiktok.unacked(), "every frame is acknowledged")
    assert tiktok.complaints == []
    with pytest.raises(ValueError):
        tiktok.fault("tired")


async def test_nothing_more_is_said_and_the_heart_goes_on(tiktok: TikTokServer, visitor: Visitor) -> None:
    await visitor.come()
    tiktok.fault("silent")
    tiktok.chat("Ada", "unheard")
    beats = tiktok.connections[0].heartbeats
    await until(lambda: tiktok.connections[0].heartbeats > beats + 2, "the heart beats")
    assert visitor.texts() == []
    assert not visitor.gone()


async def test_wrong_acks_and_heartbeats_are_noticed_and_missing_ones_tolerated(tiktok: TikTokServer) -> None:
    from TikTokLive.proto import HeartBeatMessage, WebcastImEnterRoomMessage, WebcastPushFrame

    tiktok.signed["sign-9"] = float("inf")

    def frame(kind: str, payload: bytes, log_id: int = 0) -> bytes:
        return bytes(WebcastPushFrame(payload_type=kind, payload_encoding="pb", payload=payload, log_id=log_id))

    async with ClientSession() as session:
        url = f"{tiktok.url}/im/push/v2/?wrss=sign-9&room_id=123"
        async with session.ws_connect(url, protocols=("echo-protocol",), headers={"Cookie": COOKIE}) as socket:
            await socket.send_bytes(frame("im_enter_room", bytes(WebcastImEnterRoomMessage(room_id=123))))
            assert WebcastPushFrame().parse(await socket.receive_bytes()).payload_type == "im_enter_room_resp"
            tiktok.chat("Ada", "hello")
            plain = WebcastPushFrame().parse(await socket.receive_bytes())
            assert plain.headers[0].value == "none", "gzip only where it was asked for"
            tiktok.chat("Ada", "hello again")
            await socket.receive_bytes()
            assert len(tiktok.unacked()) == 2
            await socket.send_bytes(frame("ack", b"something else", plain.log_id))
            await socket.send_bytes(frame("hb", bytes(HeartBeatMessage(room_id=123, send_packet_seq_id=5))))
            await socket.send_bytes(frame("poem", b""))
            await socket.send_str("hello")
            await until(lambda: len(tiktok.complaints) == 4, "four complaints")
