"""The local YouTube misbehaves when it is asked to, as it was asked to, and is well again."""

import asyncio
import math
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import ClientConnectionError, ClientPayloadError, ClientSession

from tests.servers.youtube import LARGEST, YouTubeServer
from tests.servers.youtube.client import Client, Hands, Stream, strange
from tests.waiting import until

pytestmark = pytest.mark.anyio


@pytest.fixture
def clock() -> Hands:
    return Hands()


@pytest.fixture
async def youtube(clock: Hands) -> AsyncIterator[YouTubeServer]:
    async with YouTubeServer(clock=clock) as youtube:
        yield youtube


@pytest.fixture
async def client(youtube: YouTubeServer) -> AsyncIterator[Client]:
    async with ClientSession() as session:
        yield Client(youtube, session)


@pytest.mark.parametrize(
    ("fault", "wanted"),
    [
        ("401", (401, "authError")), ("403:quotaExceeded", (403, "quotaExceeded")),
        ("403:liveChatDisabled", (403, "liveChatDisabled")), ("403:liveChatEnded", (403, "liveChatEnded")),
        ("403:rateLimitExceeded", (403, "rateLimitExceeded")), ("404", (404, "liveChatNotFound")),
        ("429", (429, "rateLimitExceeded")), ("500", (500, "backendError")), ("503", (503, "backendError")),
    ],
)  # fmt: skip
async def test_a_refusal_that_is_asked_for_comes_once_and_where_it_was_asked_for(
    youtube: YouTubeServer, client: Client, fault: str, wanted: tuple[int, str]
) -> None:
    youtube.fault(fault, on="stream")
    await client.list()
    assert await client.reason("GET", "/liveChat/messages/stream", **client.wanted()) == wanted
    async with Stream(client) as stream:
        assert await stream.texts() == []
    assert youtube.complaints == []
    assert youtube.spent == 10


async def test_a_stream_breaks_in_the_midst_of_an_object_and_nothing_is_lost(
    youtube: YouTubeServer, client: Client
) -> None:
    async with Stream(client) as stream:
        first = await stream.next()
        assert first is not None
        youtube.fault("drop")
        youtube.chat("Ada", "道化師")
        with pytest.raises((ClientPayloadError, ClientConnectionError)):
            await stream.next()
    async with Stream(client, first["nextPageToken"]) as stream:
        assert await stream.texts() == ["道化師"]
        youtube.drop()
        with pytest.raises((ClientPayloadError, ClientConnectionError)):
            await stream.next()


async def test_a_stream_may_stand_still_be_silent_end_or_speak_nonsense(youtube: YouTubeServer, client: Client) -> None:
    youtube.fault("half")
    youtube.gate.clear()
    youtube.chat("Ada", "slow")
    async with Stream(client) as stream:
        reading = asyncio.create_task(stream.texts())
        await until(lambda: stream.answer.content.total_bytes, "the first half has come")
        assert not reading.done()
        youtube.gate.set()
        assert await reading == ["slow"]
        youtube.fault("end")
        youtube.chat("Ada", "after the end")
        assert await stream.next() is None
    youtube.fault("silent")
    async with Stream(client) as stream:
        reading = asyncio.create_task(stream.next())
        await until(lambda: youtube.streams, "the stream is open")
        youtube.chat("Ada", "unheard")
        await client.list()
        assert not reading.done()
        reading.cancel()
    youtube.fault("garbage")
    async with Stream(client) as stream:
        with pytest.raises((EOFError, UnicodeDecodeError)):
            await stream.next()
    youtube.fault("huge")
    async with Stream(client) as stream:
        await until(lambda: stream.answer.content.total_bytes > 60_000, "a beginning has come")
    assert LARGEST > 10_000_000


async def test_messages_come_twice_and_in_another_order(youtube: YouTubeServer, client: Client) -> None:
    async with Stream(client) as stream:
        await stream.next()
        youtube.fault("duplicate")
        youtube.chat("Ada", "twice")
        assert [await stream.texts(), await stream.texts()] == [["twice"], ["twice"]]
        youtube.fault("reorder")
        youtube.chat("Ada", "one")
        youtube.chat("Ada", "two")
        assert await stream.texts() == ["two", "one"]
    youtube.fault("duplicate")
    assert len((await client.list())["items"]) == 6


@pytest.mark.parametrize(
    ("fault", "look"),
    [
        ("missing_field:displayMessage", lambda a: "displayMessage" not in a["items"][0]["snippet"]),
        ("missing_field:snippet", lambda a: "snippet" not in a["items"][0]),
        ("missing_field:nextPageToken", lambda a: "nextPageToken" not in a),
        ("null_field:authorDetails", lambda a: a["items"][0]["authorDetails"] is None),
        ("wrong_type:items", lambda a: a["items"] == "a surprise"),
        ("wrong_type:messageText", lambda a: isinstance(a["items"][0]["snippet"]["textMessageDetails"]
                                                        ["messageText"], dict)),
        ("extra_fields", lambda a: "newThing" in a["items"][0]["snippet"] and a["newFlag"]),
        ("unknown_type", lambda a: a["items"][0]["snippet"]["type"] == "hologramEvent"),
    ],
)  # fmt: skip
async def test_one_message_is_bent_and_the_next_is_well(
    youtube: YouTubeServer, client: Client, fault: str, look: Any
) -> None:
    async with Stream(client) as stream:
        await stream.next()
        youtube.fault(fault)
        youtube.chat("Ada", "bent")
        assert look(await stream.next())
        youtube.chat("Ada", "well")
        answer = await stream.next()
        assert strange(answer, {"$ref": "LiveChatMessageListResponse"}) == []
        assert not look(answer)


async def test_faults_of_other_calls(youtube: YouTubeServer, client: Client) -> None:
    youtube.fault("drop", on="insert")
    with pytest.raises(ClientConnectionError):
        await client.say("a")
    youtube.fault("garbage", on="list")
    with pytest.raises(ValueError):
        await client.list()
    youtube.fault("500", on="token")
    assert (await client.form("/token"))[0] == 500
    youtube.fault("hang", on="insert")
    hanging = asyncio.create_task(client.say("a"))
    await until(lambda: len(youtube.requests) == 4, "it has been asked")
    await client.list()
    assert not hanging.done()
    hanging.cancel()
    await until(lambda: youtube.requests[-2].left, "the client went")
    youtube.fault("500", times=math.inf)
    assert (await client.say("a"))[0] == (await client.say("a"))[0] == 500
    youtube.heal()
    assert (await client.say("a"))[0] == 200
    for wrong in ("tired", "403:weather", "missing_field", "null_field:"):
        with pytest.raises(ValueError):
            youtube.fault(wrong)
    with pytest.raises(ValueError):
        youtube.fault("500", on="kitchen")


async def test_it_goes_away_and_comes_back_at_the_same_address(youtube: YouTubeServer, client: Client) -> None:
    before = youtube.url
    async with Stream(client) as stream:
        await stream.next()
        await youtube.down()
        with pytest.raises((ClientPayloadError, ClientConnectionError)):
            await stream.next()
        with pytest.raises(ClientConnectionError):
            await client.list()
        await youtube.up()
        await client.list()
    assert youtube.url == before
