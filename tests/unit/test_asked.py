"""What a show wants made of a command or a reward: a brain goes by it, and nobody says it."""

import itertools
from random import Random

import pytest

from marotte import config
from marotte.engines.kinds import Kit
from marotte.events import ChatMessage, Redemption
from marotte.mind.brains.improviser import Improviser
from marotte.mind.redemptions import manner
from tests.house import house
from tests.pastimes import ADA, chat

pytestmark = [pytest.mark.anyio, pytest.mark.virtual]


def improviser(seed: int) -> Improviser:
    return Improviser(Improviser.Settings(), Kit(rng=Random(seed)))


def redeemed(text: str) -> Redemption:
    return Redemption(id="r1", viewer=ADA, reward="Whisper", text=text, link="twitch", source="r1")


@pytest.mark.parametrize("words", ["!fortune", "!fortune love and money", "!joke", "!joke fish"])
async def test_the_improviser_never_says_what_a_show_wants_made_of_a_command(words: str) -> None:
    prompt = "Zounds, tell {user} their fortune in one sentence[. They ask: {args}]"
    show = f'[commands.fortune]\nprompt = "{prompt}"\n[commands.joke]\nprompt = "{prompt}"\n'
    for seed in range(5):
        async with house(improviser(seed)) as h, chat(show) as there:  # pyright: ignore[reportArgumentType]
            h.attention.taken, there.commands.offer = there.commands.take, h.attention.offer
            h.director.manner = there.commands.manner
            h.attention.offer(ChatMessage(id="m1", text=words, viewer=ADA, link="twitch", channel="#pip"))
            heard = (await h.ending()).heard
        assert heard
        for instruction in ("Zounds", "sentence", "They ask", "tell"):
            assert instruction not in heard, heard


async def test_a_brain_is_told_the_viewers_words_in_quotes_and_the_shows_as_they_stand() -> None:
    show = '[commands.fortune]\nprompt = "Tell {user} their fortune[. They ask: {args}]"\ncooldown = 0\n'
    show += "viewer_cooldown = 0"
    async with house() as h, chat(show) as there:
        there.commands.offer, h.director.manner = h.attention.offer, there.commands.manner
        for number, words in enumerate(("!fortune will I win?", "!fortune"), 1):
            there.write(words)
            await h.ending(number)
        told = [prompt.text for prompt in h.brains[0].prompts]
    assert told == [
        'It is time for !fortune: "will I win?"\nTell "Ada" their fortune. They ask: "will I win?"',
        'It is time for !fortune\nTell "Ada" their fortune',
    ]


async def test_the_improviser_never_says_what_a_show_wants_made_of_a_reward() -> None:
    rewards = config.parse(
        '[redemptions.Whisper]\nprompt = "Zounds, whisper to {user}[, who wrote {args}]."'
    ).redemptions
    assert manner(rewards, redeemed("")).prompt == 'Zounds, whisper to "Ada".'
    assert manner(rewards, redeemed("hi")).prompt == 'Zounds, whisper to "Ada", who wrote "hi".'
    for seed, text in itertools.product(range(5), ("", "something nice")):
        async with house(improviser(seed)) as h:  # pyright: ignore[reportArgumentType]
            h.director.manner = lambda percept: manner(rewards, percept)
            await h.attention.keep(redeemed(text))
            heard = (await h.ending()).heard
        assert "Ada" in heard
        assert "Zounds" not in heard
        assert "who wrote" not in heard
