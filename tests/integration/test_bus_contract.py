"""The contract that every bus keeps; a later bus is added to BUSES and must pass it unchanged."""

import asyncio
from collections.abc import Callable

import pytest

from marotte.bus import Bus, NoResponders
from marotte.bus.local import LocalBus
from tests.waiting import PATIENCE

pytestmark = pytest.mark.anyio
BUSES: dict[str, Callable[[], Bus]] = {"local": LocalBus}


@pytest.fixture(params=BUSES)
def bus(request: pytest.FixtureRequest) -> Bus:
    return BUSES[request.param]()


async def _all(subscription, count: int) -> list:
    return [(await asyncio.wait_for(subscription.get(), PATIENCE)).data for _ in range(count)]


@pytest.mark.parametrize(
    ("pattern", "subject", "delivered"),
    [
        ("a.b", "a.b", True),
        ("a.*", "a.b", True),
        ("a.*", "a.b.c", False),
        ("*.b", "a.b", True),
        ("a.>", "a", False),
        ("a.>", "a.b", True),
        ("a.>", "a.b.c.d", True),
        (">", "anything.at.all", True),
        ("*.*.c", "a.b.c", True),
        ("a.*.c", "a.b.d", False),
    ],
)
async def test_patterns_follow_the_rules_of_nats(bus: Bus, pattern: str, subject: str, delivered: bool) -> None:
    mailbox = bus.subscribe(pattern)
    last = bus.subscribe("the.end")
    bus.publish(subject, 1)
    bus.publish("the.end", 2)
    await _all(last, 1)
    mailbox.close()
    assert [m.data async for m in mailbox if m.subject == subject] == ([1] if delivered else [])


@pytest.mark.parametrize("pattern", ["", "a..b", "a.>.b", "a*", "a b", ">a"])
async def test_a_malformed_pattern_is_refused(bus: Bus, pattern: str) -> None:
    with pytest.raises(ValueError, match="is no pattern"):
        bus.subscribe(pattern)


async def test_a_malformed_subject_is_refused(bus: Bus) -> None:
    with pytest.raises(ValueError, match="is no subject"):
        bus.publish("a.*", 1)


async def test_latest_keeps_the_newest_and_counts_the_rest(bus: Bus) -> None:
    mailbox = bus.subscribe("x", overflow="latest")
    for n in range(50):
        bus.publish("x", n)
    assert await _all(mailbox, 1) == [49]
    assert mailbox.dropped == 49


async def test_a_full_mailbox_drops_the_oldest_and_counts(bus: Bus) -> None:
    mailbox = bus.subscribe("x", size=10)
    for n in range(50):
        bus.publish("x", n)
    assert await _all(mailbox, 10) == list(range(40, 50))
    assert mailbox.dropped == 40


async def test_a_full_mailbox_may_drop_the_newest_instead(bus: Bus) -> None:
    mailbox = bus.subscribe("x", size=10, overflow="drop_newest")
    for n in range(50):
        bus.publish("x", n)
    assert await _all(mailbox, 10) == list(range(10))
    assert mailbox.dropped == 40


async def test_a_queue_group_shares_while_others_get_all(bus: Bus) -> None:
    members = [bus.subscribe("work.>", queue="scene", size=300) for _ in range(3)]
    watcher = bus.subscribe("work.scene", size=300)
    for n in range(300):
        bus.publish("work.scene", n)
    assert await _all(watcher, 300) == list(range(300))
    for member in members:
        member.close()
    shares = [[m.data async for m in member] for member in members]
    assert sorted(n for share in shares for n in share) == list(range(300))
    assert all(len(share) > 50 for share in shares)


async def test_request_and_reply(bus: Bus) -> None:
    service = bus.subscribe("svc.double")

    async def serve() -> None:
        async for message in service:
            bus.publish(message.reply, message.data * 2)

    task = asyncio.create_task(serve())
    assert await bus.request("svc.double", 21) == 42
    service.close()
    await task


async def test_a_request_that_nobody_serves_fails_at_once(bus: Bus) -> None:
    with pytest.raises(NoResponders):
        await bus.request("svc.nobody", 1, within=60)


async def test_a_request_without_an_answer_times_out(bus: Bus) -> None:
    bus.subscribe("svc.mute")
    with pytest.raises(TimeoutError):
        await bus.request("svc.mute", 1, within=0.01)


async def test_a_batch_takes_all_that_waits(bus: Bus) -> None:
    mailbox = bus.subscribe("x")
    for n in range(5):
        bus.publish("x", n)
    assert [m.data for m in await mailbox.batch()] == [0, 1, 2, 3, 4]
    mailbox.close()
    assert await mailbox.batch() == []


async def test_a_closed_mailbox_ends_its_reader_and_receives_no_more(bus: Bus) -> None:
    mailbox = bus.subscribe("x")
    reader = asyncio.create_task(_drain(mailbox))
    bus.publish("x", 1)
    await asyncio.sleep(0)
    mailbox.close()
    bus.publish("x", 2)
    assert await asyncio.wait_for(reader, PATIENCE) == [1]


async def test_two_readers_share_a_mailbox_and_one_may_be_cancelled(bus: Bus) -> None:
    mailbox = bus.subscribe("x")
    first, second = asyncio.create_task(mailbox.get()), asyncio.create_task(mailbox.get())
    await asyncio.sleep(0)
    first.cancel()
    bus.publish("x", 7)
    assert (await asyncio.wait_for(second, PATIENCE)).data == 7


async def _drain(mailbox) -> list:
    return [m.data async for m in mailbox]


async def test_a_mailbox_of_several_subjects_keeps_their_order(bus: Bus) -> None:
    mailbox = bus.subscribe("a.x", "b.*")
    for subject in ("a.x", "b.1", "a.y", "b.2", "a.x"):
        bus.publish(subject, subject)
    assert [m.data for m in mailbox.take()] == ["a.x", "b.1", "b.2", "a.x"]
    mailbox.close()
    bus.publish("a.x", "late")
    assert mailbox.take() == []


async def test_what_is_there_is_taken_without_waiting(bus: Bus) -> None:
    mailbox = bus.subscribe("x")
    assert mailbox.take() == []
    bus.publish("x", 1)
    assert [m.data for m in mailbox.take()] == [1]


async def test_a_reader_cancelled_as_its_message_comes_leaves_it_to_the_next(bus: Bus) -> None:
    mailbox = bus.subscribe("x")
    first, second = asyncio.create_task(mailbox.get()), asyncio.create_task(mailbox.get())
    await asyncio.sleep(0)
    bus.publish("x", 1)
    first.cancel()
    async with asyncio.timeout(60):
        assert (await second).data == 1
    assert first.cancelled()


async def test_everybody_who_waits_is_told_of_the_end(bus: Bus) -> None:
    mailbox = bus.subscribe("x")
    readers = [asyncio.create_task(mailbox.batch()) for _ in range(3)]
    await asyncio.sleep(0)
    mailbox.close()
    async with asyncio.timeout(60):
        assert await asyncio.gather(*readers) == [[], [], []]
