"""What YouTube's answers are read into, and what they mean."""

import json
from typing import Any

import pytest

from marotte.events import ChatMessage, Gift, Subscription
from marotte.links.youtube import frames
from marotte.links.youtube.frames import Malformed, Splitter
from marotte.links.youtube.percepts import Percepts, moment
from marotte.links.youtube.sending import Ours, pieces
from marotte.time import Clock
from tests.servers.youtube.events import Room

NOW = 1_900_000_000.0


def message(kind: str = "textMessageEvent", **snippet: Any) -> dict[str, Any]:
    return {
        "id": "m1",
        "snippet": {"type": kind, "publishedAt": "2026-11-21T10:00:00+00:00", **snippet},
        "authorDetails": {"channelId": "UCa", "displayName": "Ada"},
    }


def read(*items: Any, **more: Any) -> frames.Page:
    return frames.page(json.dumps({"items": items, **more}).encode())


def percept(**given: Any) -> Any:
    (found,) = read(message(**given)).messages
    return Percepts("youtube").of(found, NOW)


def test_every_kind_of_the_real_shape_is_read() -> None:
    room = Room()
    for happens in (
        lambda: room.chat("Ada", "hello"), lambda: room.super_chat("Ada", 5), lambda: room.super_sticker("Ada"),
        lambda: room.member("Ada"), lambda: room.milestone("Ada"), lambda: room.membership_gift("Ada", 2),
        lambda: room.gift_event("Ada"), lambda: room.poll("Why?"), lambda: room.close_poll((1, 2)),
        lambda: room.message_deleted("x"), lambda: room.user_banned("Ada"), lambda: room.members_only(True),
        lambda: room.chat_ended(),
    ):  # fmt: skip
        happens()
    page = read(*room.messages, nextPageToken="next", offlineAt="2026-11-21T10:00:00Z", pollingIntervalMillis=5000)
    assert (page.malformed, page.token, page.over, page.pause) == (0, "next", True, 5.0)
    kinds = [type(event).__name__ for one in page.messages if (event := Percepts("youtube").of(one, NOW))]
    assert kinds == [
        "ChatMessage", "Gift", "Gift", "Subscription", "Subscription", "Subscription", "Gift", "Happening",
        "Happening", "Removed", "Removed",
    ]  # fmt: skip


def test_a_refusal_in_a_pages_place_is_known_by_its_status_and_what_is_none_is_not() -> None:
    told = ({"code": 503}, {"code": 404, "message": "x"}, {}, {"code": "x"}, {"code": True}, {"code": 14}, {"code": 0})
    assert [read(error=error).error for error in told] == [503, 404, 500, 500, 500, 500, 500]
    assert [read(error=error).error for error in (None, "", "x", 5, [], [{"code": 503}])] == [0] * 6


def test_amounts_are_money_and_nonsense_is_none() -> None:
    for micros, amount in (("5000000", 5.0), (1_500_000, 1.5), (None, 0.0), ("-5", 0.0), ("1e9", 0.0), ("9" * 30, 0.0)):
        gift = percept(kind="superChatEvent", superChatDetails={"amountMicros": micros, "currency": "EUR"})
        assert isinstance(gift, Gift)
        assert (gift.amount, gift.unit) == (amount, "EUR")
    assert isinstance(percept(kind="superChatEvent"), Gift), "what was paid is told, though nobody knows how much"


def test_details_that_are_missing_have_a_meaning() -> None:
    gifting = percept(kind="membershipGiftingEvent")
    assert isinstance(gifting, Subscription)
    assert gifting.given == 1
    milestone = percept(kind="memberMilestoneChatEvent", memberMilestoneChatDetails={"memberMonth": None})
    assert milestone.months == 1
    for nothing in ("messageDeletedEvent", "userBannedEvent", "pollEvent", "tombstone", "giftMembershipReceivedEvent"):
        assert percept(kind=nothing) is None
    assert percept(textMessageDetails={"messageText": "\x00 \n"}) is None
    said = percept(displayMessage="only this\u2028is shown")
    assert isinstance(said, ChatMessage)
    assert said.text == "only this is shown"
    assert len(percept(displayMessage="x" * 100_000).text) == 1_000


def test_a_time_that_is_none_or_yet_to_come_is_now() -> None:
    assert moment("2026-11-21T10:00:00.123456+00:00", NOW) == 1795255200.123456
    assert moment("2026-11-21T10:00:00Z", NOW) == 1795255200.0
    for stamp in (None, "", "yesterday", "9999-12-31T23:59:59Z", "0001-01-01T00:00:00Z"):
        assert moment(stamp, NOW) == NOW


def test_one_message_that_cannot_be_read_costs_no_other() -> None:
    good = message(displayMessage="good")
    page = read({}, None, "x", {"id": ""}, {"id": "a" * 501, "snippet": {"type": "x"}}, good, nextPageToken=7)
    assert len(page.messages) == 1
    assert (page.malformed, page.token) == (5, "")
    for odd in (b"null", b"[]", b"3", b"", b"{", b'"x"'):
        with pytest.raises(Malformed):
            frames.page(odd)
    for odd in (b'{"items": "x"}', b'{"items": {}}', b'{"items": 3, "nextPageToken": "t"}'):
        page = frames.page(odd)
        assert (page.messages, page.malformed) == ((), 1), "a list that is none is counted"
    for none in (b"{}", b'{"items": null}', b'{"items": []}'):
        assert (frames.page(none).malformed, frames.page(none).bent) == (0, ())


def test_what_cannot_be_read_is_named_and_not_repeated() -> None:
    bent = {"id": "LCC.a-b_c", "snippet": {"type": 5, "displayMessage": "x" * 1_000_000}}
    page = read(*[bent] * 100)
    assert page.malformed == 100
    assert len(page.bent) == 20
    assert page.bent[0].startswith("LCC.a-b_c: ")
    assert "$.snippet.type" in page.bent[0]
    assert all(len(one) < 500 for one in page.bent)
    assert read({"id": "\x1b[2J", "snippet": None}).bent[0].startswith("?: ")


def test_a_refusal_is_read_in_both_shapes() -> None:
    body = {"error": {"code": 403, "message": "No  more.", "errors": [{"reason": "quotaExceeded"}]}}
    for shape in (body, [body]):
        assert frames.refusal(json.dumps(shape, indent=2).encode()) == ("quotaExceeded", "No more.")
    assert frames.refusal(b'{"error": {"status": "UNAVAILABLE"}}') == ("UNAVAILABLE", "")
    for odd in (b"", b"[]", b"<html>", b'{"error": null}', b'{"error": {"errors": [3]}}'):
        assert frames.refusal(odd) == ("", "")


@pytest.mark.parametrize("size", [1, 2, 7, 1_000_000])
def test_a_stream_is_taken_apart_however_it_is_cut(size: int) -> None:
    objects = [{"a": 'br{ace "} \\'}, {"b": [{}, [], "]}"]}, {"道": "化\\\\"}]
    stream = (
        b"[" + b",\n".join(json.dumps(one, indent=2, ensure_ascii=False).encode() + b"\n" for one in objects) + b"]"
    )
    splitter, found = Splitter(), list[bytes]()
    for at in range(0, len(stream), size):
        found += splitter.feed(stream[at : at + size])
    assert [json.loads(one) for one in found] == objects


@pytest.mark.parametrize("size", [3, 64, 1_000_000])
def test_a_stream_whose_objects_are_odd_is_taken_apart_as_well(size: int) -> None:
    objects = [b'{"a" "b"}', b"{\xff}", b"{}", b'{"a": [[[{"b": "\\\\\\""}]]]}']
    for between in (b"", b"\n", b",", b"]["):
        splitter, found = Splitter(), list[bytes]()
        stream = between.join(objects * 2)
        for at in range(0, len(stream), size):
            found += splitter.feed(stream[at : at + size])
        assert found == objects * 2
    for odd in (b"{}, 3", b'{}, "{}"', b"null, {}", b"{}, null"):
        with pytest.raises(Malformed, match="between"):
            Splitter().feed(odd)


def test_a_long_text_in_small_pieces_is_looked_at_once() -> None:
    splitter, piece = Splitter(), b'\\"{[' * 64
    splitter.feed(b'{"a": "')
    for number in range(16_000):
        assert splitter.feed(piece) == []
        assert splitter._at >= 256 * number, "what was looked at is left behind"
    (found,) = splitter.feed(b'"}')
    assert len(json.loads(found)["a"]) == 16_000 * 192


def test_a_stream_that_is_none_or_has_no_end_is_given_up() -> None:
    for odd in (b"}{", b"<html>", b"null", b'"'):
        with pytest.raises(Malformed):
            Splitter().feed(odd)
    splitter = Splitter()
    with pytest.raises(Malformed, match="bytes"):
        for _ in range(200):
            splitter.feed(b'[{"a": "' + b"x" * 100_000)


def test_what_is_written_is_cut_where_a_sentence_ends_and_never_too_long() -> None:
    assert pieces("") == pieces(" \n ") == []
    assert pieces("One line.\nAnd another.") == ["One line. And another."]
    long = "A short sentence. " * 40
    assert [len(one) <= 200 and one.endswith(".") for one in pieces(long)] == [True, True]
    assert [len(one) for one in pieces("字" * 1_000)] == [200, 200]


@pytest.mark.anyio
@pytest.mark.virtual
async def test_own_words_are_known_before_and_after_their_id_is() -> None:
    ours, (said,) = Ours(Clock()), read(message(textMessageDetails={"messageText": "Good  evening"})).messages
    assert not ours.is_ours(said, "UCa")
    ours.expect("Good evening")
    assert not ours.is_ours(said, "UCb"), "somebody else says the same"
    assert ours.is_ours(said, "UCa")
    assert not ours.is_ours(said, "UCa"), "once"
    ours.written("Good evening", "m1")
    assert ours.is_ours(said, "UCa")


@pytest.mark.parametrize(("told", "name"), [("@ada", "ada"), ("Ada L.", "Ada L."), ("@", "somebody"), ("a@b", "a@b")])
def test_a_handle_is_a_name_without_its_sign(told: str, name: str) -> None:
    """YouTube shows handles in chats, and nobody says "at"."""
    given = message(textMessageDetails={"messageText": "hi"})
    given["authorDetails"]["displayName"] = told
    event = Percepts("youtube").of(read(given).messages[0], NOW)
    assert isinstance(event, ChatMessage)
    assert event.viewer is not None
    assert event.viewer.name == name
