"""Which sound of a duplex engine's reply says which line."""

import asyncio

import pytest

from marotte.engines.kinds import Sound
from marotte.engines.spoken_reply import SpokenReply
from tests.stand_ins import tone

pytestmark = [pytest.mark.anyio, pytest.mark.virtual]

RATE = 24_000
FIRST, SECOND, THIRD = "One two three.", "Four five, six seven.", "Eight."


def sound(seconds: float, loud: bool = True) -> Sound:
    return Sound(pcm=tone(seconds, RATE) if loud else bytes(2 * round(seconds * RATE)), rate=RATE)


def spoken(*sentences: tuple[str, float], pause: float = 0.2) -> SpokenReply:
    """A reply whose sentences take so many seconds, with a pause after each."""
    reply = SpokenReply()
    for text, seconds in sentences:
        reply.say(f"{text} ")
        reply.sound(sound(seconds))
        reply.sound(sound(pause, loud=False))
    reply.end()
    return reply


async def said(reply: SpokenReply, text: str) -> float:
    """Return how many seconds of sound a line is given."""
    place = reply.find(text)
    assert place is not None
    return sum([len(piece.pcm) / 2 / piece.rate async for piece in reply.said(*place)])


async def test_each_line_ends_in_the_pause_behind_it() -> None:
    reply = spoken((FIRST, 0.9), (SECOND, 1.2), (THIRD, 0.4))
    lengths = [await said(reply, text) for text in (FIRST, SECOND, THIRD)]
    assert sum(lengths) == pytest.approx(0.9 + 1.2 + 0.4 + 0.6)
    assert 0.9 <= lengths[0] <= 1.1
    assert 1.1 + 1.2 <= sum(lengths[:2]) <= 1.1 + 1.2 + 0.2


async def test_a_voice_that_is_slower_than_expected_is_followed_once_its_pace_is_known() -> None:
    slow = spoken((FIRST, 1.8), (SECOND, 2.4), (THIRD, 0.8))
    for text in (FIRST, SECOND, THIRD):
        await said(slow, text)
    assert 1.4 < slow.pace <= 2.0
    reply = SpokenReply(slow.pace)
    reply.say(FIRST)
    reply.sound(sound(1.8))
    reply.sound(sound(0.3, loud=False))
    reply.sound(sound(2.0))
    assert 1.8 <= await said(reply, FIRST) <= 2.1


async def test_what_surely_belongs_to_a_line_is_given_before_the_line_is_whole() -> None:
    reply = SpokenReply()
    reply.say(SECOND)
    reply.sound(sound(0.5))
    place = reply.find(SECOND)
    assert place is not None
    pieces = reply.said(*place)
    first = await anext(pieces)
    assert 0.4 < len(first.pcm) / 2 / RATE <= 0.5
    waiting = asyncio.create_task(anext(pieces))
    await asyncio.sleep(1)
    assert not waiting.done()
    reply.sound(sound(0.7))
    reply.end()
    rest = await waiting
    assert len(first.pcm + rest.pcm) / 2 / RATE == pytest.approx(1.2)


async def test_sound_that_comes_long_after_the_words_is_waited_for() -> None:
    reply = SpokenReply()
    reply.say(f"{FIRST} {SECOND}")
    length = asyncio.create_task(said(reply, FIRST))
    await asyncio.sleep(5)
    assert not length.done()
    for piece in (sound(0.9), sound(0.2, loud=False), sound(1.2)):
        reply.sound(piece)
    assert 0.9 <= await length <= 1.1


async def test_the_sound_of_a_line_that_is_not_said_is_left_out() -> None:
    reply = spoken((FIRST, 0.9), (SECOND, 1.2), (THIRD, 0.4))
    await said(reply, FIRST)
    assert 0.3 <= await said(reply, THIRD) <= 0.7


async def test_the_same_words_again_are_the_next_ones() -> None:
    reply = spoken((THIRD, 0.4), (SECOND, 1.2), (THIRD, 0.4))
    first = await said(reply, THIRD)
    await said(reply, SECOND)
    assert 0.3 <= first <= 0.65
    assert 0.3 <= await said(reply, THIRD) <= 0.75
    assert reply.find(THIRD) is None


@pytest.mark.parametrize("line", ["Nine.", "", "…"])
async def test_words_that_it_did_not_say_are_not_found(line: str) -> None:
    assert spoken((FIRST, 0.9)).find(line) is None


async def test_a_line_is_found_however_it_is_written() -> None:
    reply = SpokenReply()
    reply.say("“Él dijo:  ¡HOLA!” 3,5 日本語。")
    assert reply.find("él dijo: ¡hola!") == (0, 10)
    assert reply.find("日本語") == (12, 15)


async def test_a_broken_reply_gives_what_it_has_and_keeps_lines_apart() -> None:
    reply = SpokenReply()
    reply.say(f"{FIRST} {SECOND}")
    for piece in (sound(0.9), sound(0.2, loud=False), sound(0.5)):
        reply.sound(piece)
    reply.end(broken=True)
    assert 0.9 <= await said(reply, FIRST) <= 1.1
    assert 0.5 <= await said(reply, SECOND) <= 0.7


async def test_it_knows_after_how_much_sound_a_letter_came() -> None:
    reply = spoken((FIRST, 0.9), (SECOND, 1.2))
    end = await said(reply, FIRST)
    letters = len("onetwothree")
    assert reply.after(0) == 0
    assert reply.after(letters) == pytest.approx(end)
    await said(reply, SECOND)
    assert end < reply.after(letters + 4) < reply.after(letters + 8) < 2.5
    assert reply.after(10_000) == pytest.approx(2.5)
