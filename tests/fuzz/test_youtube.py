"""YouTube: whatever it answers, the link lives, says what it makes of it, and holds a bounded amount."""

import json
import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marotte.events import decode, encode
from marotte.links.youtube import frames
from marotte.links.youtube.percepts import Percepts
from marotte.links.youtube.sending import pieces
from tests.fuzz.hostile import hostile_text, looks, mutated, values
from tests.servers.youtube.events import Room

NOW = 1_900_000_000.0


def everything() -> list[dict[str, Any]]:
    """One message of every kind that there is."""
    room = Room()
    first = room.chat("Ada", "Good evening, 道化師!")
    room.super_chat("Bob", 5, "USD", "For the jester")
    room.super_sticker("Cleo", 2.99, "EUR")
    room.member("Dan")
    room.milestone("Dan", 7, "Seven months!")
    room.membership_gift("Eve", 1)
    room.gift_event("Fay")
    room.poll("Shall I sing?")
    room.close_poll((3, 1))
    room.message_retracted(first)
    room.message_deleted(first)
    room.user_banned("Mallory", 300)
    room.members_only(True)
    room.members_only(False)
    room.chat_ended()
    kinds = {message["snippet"]["type"]: message for message in room.messages}
    old = json.loads(json.dumps(kinds["superChatEvent"]).replace("superChat", "fanFundingEvent", 1))
    return [*room.messages, old, {**room.messages[0], "snippet": {"type": "tombstone"}}]


MESSAGES = everything()
PAGE = {"kind": "youtube#liveChatMessageListResponse", "nextPageToken": "next", "pollingIntervalMillis": 5000,
        "pageInfo": {"totalResults": 1}, "offlineAt": None}  # fmt: skip
SEEDS = tuple(json.dumps({**PAGE, "items": [one]}, indent=2, ensure_ascii=False).encode() for one in MESSAGES)


def lives(data: bytes) -> int:
    """Read an answer; return how many events it brings. Each of them can cross the bus."""
    try:
        page = frames.page(data)
    except frames.Malformed:
        return 0
    percepts, found = Percepts("youtube"), 0
    for message in page.messages:
        if (event := percepts.of(message, NOW)) is not None:
            assert decode(encode(event)) == event
            assert len(encode(event)) < 20_000
            assert event.at <= NOW
            found += 1
    assert len(page.token) <= 4_096
    assert 0 <= page.pause <= 600
    return found


def places(part: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return where every field of a message stands."""
    inner = part.items() if isinstance(part, dict) else enumerate(part) if isinstance(part, list) else ()
    return [found for name, one in inner for found in [(*path, name), *places(one, (*path, name))]]


def bent(message: dict[str, Any], path: tuple[Any, ...], value: Any) -> dict[str, Any]:
    copy = json.loads(json.dumps(message))
    part = copy
    for name in path[:-1]:
        part = part[name]
    if value is ...:
        del part[path[-1]]
    else:
        part[path[-1]] = value
    return copy


WRONG = (..., None, True, 0, -1, 2**63, 1.5, "", "x", "x" * 1_000_000, [], [None], {}, {"a": {"b": 1}})


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: message["snippet"]["type"])
def test_every_field_may_be_missing_null_wrong_or_a_megabyte_and_the_next_message_comes(
    message: dict[str, Any],
) -> None:
    good = MESSAGES[0]
    for path in places(message):
        for value in WRONG:
            assert lives(json.dumps({**PAGE, "items": [bent(message, path, value), good]}).encode()) >= 1, (path, value)


@pytest.mark.parametrize("name", [*PAGE, "items"])
def test_every_field_of_an_answer_may_be_wrong(name: str) -> None:
    for value in WRONG:
        whole = {**PAGE, "items": [MESSAGES[0]]} | {name: value}
        if value is ...:
            del whole[name]
        assert lives(json.dumps(whole).encode()) == (0 if name == "items" else 1), value


def test_new_fields_everywhere_change_nothing() -> None:
    def more(part: Any) -> Any:
        if isinstance(part, list):
            return [more(one) for one in part]
        if isinstance(part, dict):
            return {name: more(one) for name, one in part.items()} | {"new": {"since": 2031}, "newer": [1, None, "x"]}
        return part

    for message in MESSAGES:
        plain, changed = ({**PAGE, "items": [one]} for one in (message, more(message)))
        assert lives(json.dumps(plain).encode()) == lives(json.dumps(changed).encode())


@looks(400)
@given(mutated(SEEDS))
def test_wounded_answers_are_lived_through(data: bytes) -> None:
    lives(data)


@looks(200)
@given(st.recursive(values, lambda inner: st.dictionaries(st.sampled_from(tuple(PAGE)), inner), max_leaves=8))
def test_any_json_is_lived_through(value: Any) -> None:
    lives(json.dumps(value).encode())
    lives(json.dumps({**PAGE, "items": value}).encode())
    frames.refusal(json.dumps({"error": value}).encode())
    frames.made(json.dumps(value).encode())


@looks(200)
@given(mutated(tuple(b"[" + b",\n".join((one, one)) + b"\n]" for one in SEEDS)), st.integers(0, 2**32))
def test_a_wounded_stream_gives_the_same_however_it_is_cut(stream: bytes, seed: int) -> None:
    def taken(pieces: list[bytes]) -> tuple[list[bytes], bool]:
        splitter, found = frames.Splitter(), list[bytes]()
        try:
            for piece in pieces:
                for one in splitter.feed(piece):
                    found.append(one)
                    lives(one)
        except frames.Malformed:
            return found, False
        return found, True

    rng, cut, at = random.Random(seed), list[bytes](), 0
    while at < len(stream):
        size = rng.randint(1, 200)
        cut.append(stream[at : at + size])
        at += size
    small, good = taken(cut)
    if good:
        assert taken([stream]) == (small, True)


@looks(200)
@given(hostile_text)
def test_whatever_is_to_be_written_fits(text: str) -> None:
    found = pieces(text)
    assert len(found) <= 2
    assert all(0 < len(one) <= 200 and "\n" not in one for one in found)
