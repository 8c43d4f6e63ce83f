"""Twitch: whatever comes over EventSub is one event, or is counted, and Helix's answers are read or refused."""

import asyncio
import json
from collections import Counter
from contextlib import suppress
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from marotte.config_links import Twitch
from marotte.events import Event, decode, encode
from marotte.links.link import Passing, Refused
from marotte.links.twitch import frames
from marotte.links.twitch.hearing import Hearing
from marotte.links.twitch.helix import Helix
from marotte.links.twitch.rights import kinds
from marotte.time import Clock
from tests.fuzz.hostile import hostile_text, looks, mutated, values
from tests.servers.twitch import TwitchServer


def samples() -> list[dict[str, Any]]:
    """Return frames of every type, as the local Twitch sends them."""
    found: list[dict[str, Any]] = []

    class Tape(TwitchServer):
        """A Twitch whose every event is written down."""

        def emit(self, kind: str, event: dict[str, Any]) -> int:
            head = {"message_id": f"f-{len(found)}", "message_type": "notification", "subscription_type": kind,
                    "message_timestamp": "2026-11-21T12:00:00.123456789Z", "subscription_version": "1"}  # fmt: skip
            found.append({"metadata": head, "payload": {"subscription": {"type": kind}, "event": event}})
            return 1

    async def happen() -> None:
        tape = Tape()
        message = tape.chat("ada", "hello Kappa @pip")
        tape.chat("bob", "and you", reply_to=message)
        tape.cheer("ada", 100, "well sung")
        tape.power_up("ada", 20)
        tape.subscribe("ada", prime=True)
        tape.resub("ada", 5, "still")
        tape.gift(None, 2)
        tape.redeem("ada", "Sing", "a song")
        tape.follow("ada")
        tape.raid("guy", 5)
        tape.shouted_out("guy")
        tape.announce("ada", "hear")
        for phase in ("begin", "progress", "end"):
            tape.hype_train(phase)
            tape.poll(phase)
            tape.prediction(phase)
        tape.prediction("lock")
        tape.ad_break()
        tape.stream_online()
        tape.stream_offline()
        tape.delete(message)
        tape.ban("ada")
        tape.ban("bob", "spam", 60)
        tape.automod_update(tape.automod_hold("ada", "held back"))
        tape.automod_update(tape.automod_hold("ada", "a blocked word", "blocked"), "denied")
        tape.unban("ada")
        tape.warn("ada", "manners")
        tape.chat_rule("slow", 30)
        tape.clear()

    asyncio.run(happen())
    return found


SAMPLES = samples()
FRAMES = tuple(json.dumps(one) for one in SAMPLES)


def hear(*texts: str) -> tuple[list[Event], Counter[str]]:
    published: list[Event] = []
    counted: Counter[str] = Counter()
    clock = Clock(epoch=1_795_262_405.0)
    hearing = Hearing("twitch", "pip", set(kinds(Twitch())), published.append, counted, clock)
    for text in texts:
        hearing.frame(text)
    for event in published:
        assert decode(encode(event)) == event
        assert len(encode(event)) < 20_000, "what is published is bounded"
    return published, counted


def paths(value: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the path of each field of a frame."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [at, *(path for key, item in inner for path in paths(item, (*at, key)))]


def changed(sample: dict[str, Any], path: tuple[Any, ...], how: str, value: Any) -> str:
    told = json.loads(json.dumps(sample))
    *way, last = path
    holder = told
    for key in way:
        holder = holder[key]
    if how == "missing":
        del holder[last]
    else:
        holder[last] = value
    return json.dumps(told)


def test_as_they_are_all_are_read() -> None:
    published, counted = hear(*FRAMES)
    assert counted["malformed"] == 0
    assert len(published) > 20
    assert {one["payload"]["subscription"]["type"] for one in SAMPLES} >= set(frames.EVENTS)


def test_every_field_may_be_missing_null_wrong_or_huge() -> None:
    wrong = (None, {"a": ["nest"]}, [1], "x", 5, -1, 1e300, True, 2**70, 10**400, "y" * 10_000)
    total = 0
    for sample in SAMPLES:
        for path in paths(sample)[1:]:
            texts = [changed(sample, path, "missing", None), *(changed(sample, path, "", value) for value in wrong)]
            for text in texts:
                published, counted = hear(text)
                assert len(published) <= 1
                total += 1
                assert counted["frames"] == 1
    assert total > 5_000


@looks(300)
@given(st.data())
def test_a_field_may_be_anything(data: st.DataObject) -> None:
    sample = data.draw(st.sampled_from(SAMPLES))
    path = data.draw(st.sampled_from(paths(sample)[1:]))
    hear(changed(sample, path, "", data.draw(values | hostile_text)))


@looks(400)
@given(mutated(tuple(text.encode() for text in FRAMES)) | st.binary(max_size=200))
def test_wounded_frames_are_read_or_counted(data: bytes) -> None:
    hear(data.decode("utf-8", "replace"))


@looks(200)
@given(hostile_text)
def test_any_text_may_be_written(text: str) -> None:
    sample = json.loads(FRAMES[0])
    sample["payload"]["event"]["message"]["text"] = text
    published, _ = hear(json.dumps(sample))
    for event in published:
        assert not set(getattr(event, "text", "")) & set(map(chr, range(32)))


@looks(200)
@given(st.dictionaries(st.sampled_from(("data", "pagination", "message", "error")), values, max_size=4) | values)
def test_whatever_helix_answers_is_read_or_refused(answer: Any) -> None:
    said = json.dumps(answer).encode()
    helix = Helix("http://127.0.0.1:1", "", None, None, Clock())  # type: ignore[arg-type]
    for status in (200, 204, 400, 401, 429, 500):
        with suppress(Passing, Refused):
            read = helix._read(status, {"Ratelimit-Remaining": "x", "Ratelimit-Reset": "9" * 50}, said)
            assert isinstance(read, dict)
            assert all(isinstance(one.id, str) for one in frames.redemptions(read.get("data")))
