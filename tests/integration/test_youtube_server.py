"""The local YouTube keeps to the documents and to Google's own client."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
import requests
from aiohttp import ClientSession
from google.api_core.rest_streaming import ResponseIterator
from google.oauth2.credentials import Credentials
from google.protobuf.json_format import MessageToDict
from google.protobuf.struct_pb2 import Struct
from googleapiclient.discovery import build
from googleapiclient.errors import HttpError

from tests.servers.youtube import CLIENT, FORCE_SSL, READONLY, SCOPE, SECRET, YouTubeServer
from tests.servers.youtube.client import Client, Hands, Stream, document, strange
from tests.waiting import until

pytestmark = pytest.mark.anyio

DEVICE = "urn:ietf:params:oauth:grant-type:device_code"


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


def everything(youtube: YouTubeServer) -> None:
    """Let everything happen that can."""
    first = youtube.chat("Ada", "Good evening, 道化師!")
    youtube.super_chat("Bob", 5, "USD", "For the jester")
    youtube.super_chat("Yuki", 500, "JPY")
    youtube.super_sticker("Cleo", 2.99, "EUR")
    youtube.member("Dan", "Court jester")
    youtube.milestone("Dan", 7, "Seven months!")
    youtube.membership_gift("Eve", 3)
    youtube.poll("Shall I sing?", ("Yes", "No", "Only softly"))
    youtube.close_poll((3, 1, 2))
    youtube.poll("Once more?")
    youtube.message_retracted(youtube.chat("Ada", "oops"))
    youtube.message_deleted(first)
    youtube.user_banned("Mallory", 300)
    youtube.user_banned("Mallory")
    youtube.gift_event("Fay", "Crown", 500, combo=3)
    youtube.members_only(True)
    youtube.members_only(False)


# --- shapes


async def test_every_message_has_the_documented_shape(youtube: YouTubeServer, client: Client) -> None:
    everything(youtube)
    youtube.chat("Zoe", "the last word")
    answer = await client.list()
    assert strange(answer, {"$ref": "LiveChatMessageListResponse"}) == []
    kinds = [item["snippet"]["type"] for item in answer["items"]]
    known = document()["schemas"]["LiveChatMessageSnippet"]["properties"]["type"]["enum"]
    assert set(known) - set(kinds) == {"invalidType", "tombstone", "fanFundingEvent", "chatEndedEvent"}
    assert kinds.count("giftMembershipReceivedEvent") == 3
    assert answer["activePollItem"]["snippet"]["pollDetails"]["status"] == "active"
    paid = {item["snippet"]["type"]: item for item in answer["items"]}["superChatEvent"]
    assert paid["snippet"]["superChatDetails"]["amountMicros"] == "500000000"
    assert paid["snippet"]["superChatDetails"]["amountDisplayString"] == "¥500"
    gift = next(item for item in answer["items"] if item["snippet"]["type"] == "membershipGiftingEvent")
    got = next(item for item in answer["items"] if item["snippet"]["type"] == "giftMembershipReceivedEvent")
    assert got["snippet"]["giftMembershipReceivedDetails"]["associatedMembershipGiftingMessageId"] == gift["id"]
    assert got["authorDetails"]["isChatSponsor"]
    assert "Good evening, 道化師!" not in [item["snippet"].get("displayMessage") for item in answer["items"]]


async def test_what_is_on_the_air_has_the_documented_shape(youtube: YouTubeServer, client: Client) -> None:
    for path, query, schema in (
        ("/liveBroadcasts", {"part": "id,snippet,status", "broadcastStatus": "active"}, "LiveBroadcastListResponse"),
        ("/liveBroadcasts", {"part": "snippet", "mine": "true"}, "LiveBroadcastListResponse"),
        ("/videos", {"part": "liveStreamingDetails,snippet", "id": youtube.video_id}, "VideoListResponse"),
        ("/channels", {"part": "id,snippet", "mine": "true"}, "ChannelListResponse"),
    ):
        status, answer = await client.call("GET", path, **query)
        assert status == 200
        assert len(answer["items"]) == 1
        assert strange(answer, {"$ref": schema}) == []
    youtube.chat_ended()
    _, over = await client.call("GET", "/liveBroadcasts", part="snippet", broadcastStatus="active")
    assert over["items"] == []
    _, over = await client.call("GET", "/videos", part="liveStreamingDetails", id=youtube.video_id)
    assert "activeLiveChatId" not in over["items"][0]["liveStreamingDetails"]
    assert youtube.spent == 6


async def test_what_is_asked_for_wrongly_is_refused_with_googles_reasons(
    youtube: YouTubeServer, client: Client
) -> None:
    chat = {"part": "snippet", "liveChatId": youtube.chat_id}
    for wanted, path, query in (
        ("incompatibleParameters", "/liveBroadcasts", {"part": "id", "mine": "true", "broadcastStatus": "active"}),
        ("missingRequiredParameter", "/liveBroadcasts", {"part": "id"}),
        ("missingRequiredParameter", "/liveChat/messages", {"liveChatId": youtube.chat_id}),
        ("unknownPart", "/liveChat/messages", {**chat, "part": "snippet,soul"}),
        ("invalidValue", "/liveChat/messages", {**chat, "maxResults": "20"}),
        ("invalidPageToken", "/liveChat/messages", {**chat, "pageToken": "tomorrow"}),
        ("badRequest", "/liveChat/messages", {**chat, "color": "red"}),
        ("liveChatIdRequired", "/liveChat/messages/stream", {"part": "id"}),
    ):
        assert await client.reason("GET", path, **query) == (400, wanted)
    assert len(youtube.complaints) == 8
    assert youtube.spent == 8, "an invalid call costs one unit"
    missing = {"part": "id", "liveChatId": "elsewhere"}
    assert await client.reason("GET", "/liveChat/messages", **missing) == (404, "liveChatNotFound")


# --- reading


async def test_lists_go_on_where_they_stopped_and_not_too_soon(
    youtube: YouTubeServer, client: Client, clock: Hands
) -> None:
    for number in range(450):
        youtube.chat("Ada", str(number))
    first = await client.list(maxResults="200")
    assert [item["snippet"]["displayMessage"] for item in first["items"]] == [str(n) for n in range(250, 450)]
    youtube.chat("Bob", "news")
    page = {"pageToken": first["nextPageToken"]}
    early = await client.reason("GET", "/liveChat/messages", **client.wanted(), **page)
    assert early == (403, "rateLimitExceeded")
    assert youtube.complaints
    clock.at += first["pollingIntervalMillis"] / 1000
    second = await client.list(first["nextPageToken"])
    assert [item["snippet"]["displayMessage"] for item in second["items"]] == ["news"]
    clock.at += 5
    assert (await client.list(second["nextPageToken"]))["items"] == []
    youtube.chat_ended()
    clock.at += 5
    last = await client.list(second["nextPageToken"])
    assert last["offlineAt"]
    assert last["items"][0]["snippet"]["type"] == "chatEndedEvent"
    assert "displayMessage" not in last["items"][0]["snippet"]
    over = await client.reason("GET", "/liveChat/messages", **client.wanted(), pageToken=last["nextPageToken"])
    assert over == (403, "liveChatEnded")


async def test_a_stream_says_at_once_what_happens_and_ends_with_the_chat(
    youtube: YouTubeServer, client: Client
) -> None:
    youtube.chat("Ada", "before")
    async with Stream(client) as stream:
        assert await stream.texts() == ["before"]
        for text in ("one", 'with "quotes", {braces} and ]', "道化師"):
            youtube.chat("Ada", text)
            answer = await stream.next()
            assert answer is not None
            assert [item["snippet"]["displayMessage"] for item in answer["items"]] == [text]
            assert strange(answer, {"$ref": "LiveChatMessageListResponse"}) == []
        assert youtube.streams == 1
    await until(lambda: youtube.streams == 0, "the stream is left")
    youtube.chat("Ada", "meanwhile")
    async with Stream(client, answer["nextPageToken"]) as stream:
        assert await stream.texts() == ["meanwhile"]
        youtube.chat_ended()
        last = await stream.next()
        assert last is not None
        assert last["offlineAt"]
        assert await stream.next() is None
    assert youtube.spent == 10
    assert (await client.reason("GET", "/liveChat/messages/stream", **client.wanted()))[1] == "liveChatEnded"


async def test_googles_own_parser_reads_a_stream(youtube: YouTubeServer, client: Client) -> None:
    everything(youtube)

    def read() -> list[Any]:
        headers = {"Authorization": f"Bearer {client.token}"}
        url = f"{youtube.api}/liveChat/messages/stream"
        with requests.get(url, params=client.wanted(), headers=headers, stream=True, timeout=60) as answer:
            answer.encoding = "utf-8"
            kind: Any = Struct
            return [MessageToDict(one) for one in ResponseIterator(answer, kind)]

    reading = asyncio.create_task(asyncio.to_thread(read))
    await until(lambda: youtube.streams, "a stream is open")
    youtube.chat("Ada", 'a "quoted" {brace} \\ and 道化師')
    youtube.chat_ended()
    found = [item for answer in await reading for item in answer["items"]]
    assert [item["id"] for item in found] == [m["id"] for m in youtube.messages if m["id"] not in youtube.gone]
    assert found[-2]["snippet"]["displayMessage"] == 'a "quoted" {brace} \\ and 道化師'


# --- writing


async def test_messages_are_inserted_and_deleted_within_the_rules(youtube: YouTubeServer, client: Client) -> None:
    status, made = await client.say("Good evening!")
    assert status == 200
    assert strange(made, {"$ref": "LiveChatMessage"}) == []
    assert youtube.said == ["Good evening!"]
    assert youtube.messages[-1]["authorDetails"]["isChatOwner"], "one's own messages come back"
    assert (await client.say("x" * 200))[0] == 200
    for text, snippet, wanted in (
        ("x" * 201, {}, "messageTextInvalid"),
        ("", {}, "messageTextRequired"),
        ("a", {"type": "superChatEvent"}, "invalidValue"),
        ("a", {"type": None}, "typeRequired"),
        ("a", {"liveChatId": ""}, "liveChatIdRequired"),
        ("a", {"colour": "red"}, "badRequest"),
    ):
        status, answer = await client.say(text, **snippet)
        assert (status, answer["error"]["errors"][0]["reason"]) == (400, wanted)
    assert youtube.spent == 46
    spam = youtube.chat("Mallory", "Buy!")
    assert await client.call("DELETE", "/liveChat/messages", id=spam) == (204, None)
    assert youtube.deleted == [spam]
    assert youtube.messages[-1]["snippet"]["messageDeletedDetails"] == {"deletedMessageId": spam}
    assert await client.reason("DELETE", "/liveChat/messages", id=spam) == (404, "liveChatMessageNotFound")
    youtube.viewer("Mod", moderator=True)
    theirs = youtube.chat("Mod", "Hello")
    assert await client.reason("DELETE", "/liveChat/messages", id=theirs) == (403, "modificationNotAllowed")
    youtube.disabled = True
    assert (await client.say("a"))[1]["error"]["errors"][0]["reason"] == "liveChatDisabled"


async def test_polls_are_opened_once_and_closed(youtube: YouTubeServer, client: Client) -> None:
    options = [{"optionText": text} for text in ("Yes", "No")]
    body = {"liveChatId": youtube.chat_id, "type": "pollEvent",
            "pollDetails": {"metadata": {"questionText": "Sing?", "options": options}}}  # fmt: skip
    path = "/liveChat/messages"
    status, made = await client.call("POST", path, {"snippet": body}, part="snippet")
    assert status == 200
    assert strange(made, {"$ref": "LiveChatMessage"}) == []
    assert await client.reason("POST", path, {"snippet": body}, part="snippet") == (400, "preconditionCheckFailed")
    status, closed = await client.call("POST", path + "/transition", id=made["id"], status="closed")
    assert (status, closed["snippet"]["pollDetails"]["status"]) == (200, "closed")


async def test_people_are_banned_for_a_while_or_for_ever(youtube: YouTubeServer, client: Client) -> None:
    mallory = youtube.viewer("Mallory").id
    path = "/liveChat/bans"

    def ban(channel: str = mallory, **snippet: Any) -> dict[str, Any]:
        whole = {"liveChatId": youtube.chat_id, "type": "permanent", "bannedUserDetails": {"channelId": channel}}
        return {"snippet": whole | snippet}

    status, made = await client.call("POST", path, ban(type="temporary", banDurationSeconds="60"), part="snippet")
    assert status == 200
    assert strange(made, {"$ref": "LiveChatBan"}) == []
    assert youtube.messages[-1]["snippet"]["userBannedDetails"]["banDurationSeconds"] == "60"
    _, default = await client.call("POST", path, ban(type="temporary"), part="snippet")
    assert default["snippet"]["banDurationSeconds"] == "300"
    assert list(youtube.banned) == [made["id"], default["id"]]
    assert await client.call("DELETE", path, id=made["id"]) == (204, None)
    assert list(youtube.banned) == [default["id"]]
    assert await client.reason("DELETE", path, id=made["id"]) == (404, "liveChatBanNotFound")
    for body, wanted in (
        (ban("UCnobody"), (400, "invalidChannelId")),
        (ban(banDurationSeconds=5), (400, "invalidValue")),
        (ban(type="for a day"), (400, "invalidValue")),
        (ban(liveChatId="elsewhere"), (404, "liveChatNotFound")),
        (ban(youtube.owner.id), (403, "liveChatBanInsertionNotAllowed")),
    ):
        assert await client.reason("POST", path, body, part="snippet") == wanted


async def test_the_day_has_so_many_units(client: Client, youtube: YouTubeServer) -> None:
    youtube.quota = 45
    assert (await client.say("one"))[0] == 200
    assert (await client.say("two"))[0] == 200
    status, answer = await client.say("three")
    assert status == 403
    assert answer["error"]["errors"][0] | {"message": ""} == {
        "message": "", "domain": "youtube.quota", "reason": "quotaExceeded"}  # fmt: skip
    await client.list()
    assert (youtube.spent, youtube.ledger) == (45, [("insert", 20), ("insert", 20), ("list", 5)])
    assert (await client.reason("GET", "/liveChat/messages/stream", **client.wanted()))[1] == "quotaExceeded"
    youtube.new_day()
    assert (await client.say("tomorrow"))[0] == 200


# --- signing in


async def test_a_device_signs_in_and_goes_on(youtube: YouTubeServer, client: Client, clock: Hands) -> None:
    me = {"client_id": CLIENT, "client_secret": SECRET}
    status, shown = await client.form("/device/code", client_id=CLIENT, scope=SCOPE)
    assert status == 200
    assert shown.keys() == {"device_code", "user_code", "verification_url", "expires_in", "interval"}
    ask = {**me, "grant_type": DEVICE, "device_code": shown["device_code"]}

    async def token(**form: str) -> tuple[int, Any]:
        status, answer = await client.form("/token", **form)
        return status, answer.get("error", answer)

    assert await token(**ask) == (428, "authorization_pending")
    assert await token(**ask) == (403, "slow_down")
    clock.at += shown["interval"]
    assert await token(**ask) == (403, "slow_down"), "five seconds more, from then on"
    clock.at += 15
    youtube.approve(shown["user_code"])
    status, tokens = await token(**ask)
    assert status == 200
    assert tokens.keys() == {"access_token", "expires_in", "refresh_token", "scope", "token_type"}
    assert await token(**ask) == (400, "invalid_grant"), "a code is used once"
    client.token = tokens["access_token"]
    await client.list()
    youtube.expire(client.token)
    assert await client.reason("GET", "/liveChat/messages", **client.wanted()) == (401, "authError")
    again = {**me, "grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
    status, fresh = await token(**again)
    assert (status, "refresh_token" in fresh) == (200, False)
    client.token = fresh["access_token"]
    clock.at += 5
    await client.list()
    youtube.revoke(tokens["refresh_token"])
    assert await client.reason("GET", "/liveChat/messages", **client.wanted()) == (401, "authError")
    assert await token(**again) == (400, "invalid_grant")
    assert await token(**{**again, "client_secret": "other"}) == (401, "invalid_client")
    assert await token(**me, grant_type="password") == (400, "unsupported_grant_type")


async def test_a_device_may_be_denied_or_wait_too_long_or_ask_too_much(
    youtube: YouTubeServer, client: Client, clock: Hands
) -> None:
    status, answer = await client.form("/device/code", client_id=CLIENT, scope=FORCE_SSL)
    assert (status, answer["error"]) == (400, "invalid_scope")
    for act, wanted in ((youtube.deny, (403, "access_denied")), (youtube.expire, (400, "expired_token"))):
        _, shown = await client.form("/device/code", client_id=CLIENT, scope=READONLY)
        act(shown["user_code"])
        status, answer = await client.form(
            "/token", client_id=CLIENT, client_secret=SECRET, grant_type=DEVICE, device_code=shown["device_code"]
        )
        assert (status, answer["error"]) == wanted


async def test_each_call_needs_its_scope_and_a_key_reads(youtube: YouTubeServer, client: Client) -> None:
    client.token = youtube.grant(READONLY).access
    await client.list()
    status, answer = await client.say("a")
    assert (status, answer["error"]["status"]) == (403, "PERMISSION_DENIED")
    assert answer["error"]["errors"][0]["reason"] == "insufficientPermissions"
    client.token = ""
    status, _ = await client.call("GET", "/videos", part="id", id=youtube.video_id, key=youtube.key)
    assert status == 200
    assert await client.reason("GET", "/videos", part="id", id="a", key="wrong") == (401, "authError")
    assert (await client.say("a"))[0] == 401
    client.token = youtube.grant(FORCE_SSL).access
    assert (await client.say("a"))[0] == 200


# --- Google's own client


async def test_googles_own_client_uses_it(youtube: YouTubeServer, client: Client, clock: Hands) -> None:
    def everywhere() -> None:
        options = {"api_endpoint": youtube.url}
        google: Any = build(
            "youtube", "v3", credentials=Credentials(client.token), client_options=options, cache_discovery=False
        )
        live = google.liveBroadcasts().list(part="snippet", broadcastStatus="active").execute()
        chat = live["items"][0]["snippet"]["liveChatId"]
        body = {"snippet": {"liveChatId": chat, "type": "textMessageEvent",
                            "textMessageDetails": {"messageText": "From Google's client"}}}  # fmt: skip
        made = google.liveChatMessages().insert(part="snippet", body=body).execute()
        listed = google.liveChatMessages().list(liveChatId=chat, part="id,snippet,authorDetails").execute()
        assert [item["id"] for item in listed["items"]] == [made["id"]]
        google.liveChatMessages().delete(id=made["id"]).execute()
        who = {"channelId": youtube.viewer("Mallory").id}
        told = {"liveChatId": chat, "type": "permanent", "bannedUserDetails": who}
        ban = google.liveChatBans().insert(part="snippet", body={"snippet": told}).execute()
        google.liveChatBans().delete(id=ban["id"]).execute()
        video = google.videos().list(part="liveStreamingDetails", id=youtube.video_id).execute()
        assert video["items"][0]["liveStreamingDetails"]["activeLiveChatId"] == chat
        assert google.channels().list(part="id", mine=True).execute()["items"][0]["id"] == youtube.owner.id
        with pytest.raises(HttpError) as early:
            google.liveChatMessages().list(liveChatId=chat, part="id").execute()
        assert "rateLimitExceeded" in str(early.value.error_details)

    await asyncio.to_thread(everywhere)
    assert youtube.said == ["From Google's client"]
    assert youtube.banned == {}
    assert len(youtube.complaints) == 1


async def test_googles_own_client_reads_a_whole_stream(youtube: YouTubeServer, client: Client) -> None:
    def read() -> Any:
        options = {"api_endpoint": youtube.url}
        google: Any = build(
            "youtube", "v3", credentials=Credentials(client.token), client_options=options, cache_discovery=False
        )
        stream = google.youtube().v3().liveChat().messages().stream
        return stream(liveChatId=youtube.chat_id, part="snippet").execute()

    reading = asyncio.create_task(asyncio.to_thread(read))
    await until(lambda: youtube.streams, "a stream is open")
    youtube.chat("Ada", "Good evening!")
    youtube.chat_ended()
    answers = await reading
    assert [item["snippet"]["type"] for answer in answers for item in answer["items"]] == [
        "textMessageEvent", "chatEndedEvent"]  # fmt: skip
