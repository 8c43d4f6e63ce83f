"""Whom the answers of a log belong to, where turns were cut before they had asked, or before they were answered."""

import asyncio

import pytest

from marotte.ops import runlog
from marotte.replay.answers import Past
from marotte.time import Clock

pytestmark = [pytest.mark.anyio, pytest.mark.virtual]


def past(*calls: tuple[float, str, float | None]) -> Past:
    """A log of calls to one voice: when each was asked, what, and when it came to its end."""
    entries: list[runlog.AnyEntry] = []
    for number, (at, asked, finished) in enumerate(calls):
        entries.append(runlog.Called(t=at, call=number, engine="voice", asked=asked))
        if finished is not None:
            entries.append(runlog.Finished(t=finished, call=number))
    clock = Clock()
    began = clock.now()
    return Past(entries, lambda t: clock.sleep(began + t - clock.now()), lambda: clock.now() - began)


async def test_who_is_cut_before_it_had_asked_leaves_the_answer_to_the_next() -> None:
    then = past((5.0, "Hello.", 6.0))
    early = asyncio.create_task(then.asked_again("voice", "Hello."))
    await asyncio.sleep(1.0)
    early.cancel()
    await asyncio.wait({early})
    found = await then.asked_again("voice", "Hello.")
    assert found is not None
    assert (found.at, then.unlike) == (5.0, 0)


async def test_what_was_cut_short_and_is_long_over_is_not_asked_again() -> None:
    then = past((1.0, "Hello.", None), (5.0, "Hello.", 6.0))
    await asyncio.sleep(3.0)
    found = await then.asked_again("voice", "Hello.")
    assert found is not None
    assert found.at == 5.0


async def test_what_was_cut_short_is_cut_short_again() -> None:
    then = past((1.0, "Hello.", None), (5.0, "Hello.", 6.0))
    found = await then.asked_again("voice", "Hello.")
    assert found is not None
    assert (found.at, list(found.answers)) == (1.0, [])


async def test_two_who_ask_the_same_at_once_are_answered_in_their_order() -> None:
    then = past((1.0, "Hello.", 2.0), (1.5, "Hello.", 2.5))
    found = await asyncio.gather(*(then.asked_again("voice", "Hello.") for _ in range(2)))
    assert [call.at for call in found if call is not None] == [1.0, 1.5]
    assert await then.asked_again("voice", "Hello.") is None


async def test_something_else_is_counted_once_it_was_asked() -> None:
    then = past((1.0, "Hello.", 2.0))
    assert await then.asked_again("voice", "Goodbye.") is not None
    assert then.unlike == 1
