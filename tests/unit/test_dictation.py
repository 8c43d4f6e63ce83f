"""Words of a browser's own and the sound beside them, in whatever order they come: what begins ends, and in order."""

import asyncio
from random import Random

import pytest

from marotte.engines.kinds import Heard
from marotte.senses.hearing.dictation import Dictation
from marotte.senses.hearing.doubt import Doubt
from marotte.time import Clock

pytestmark = [pytest.mark.anyio, pytest.mark.virtual]


class Told:
    """What was told, and whether each speech that began has ended, and each that was no noise has its words."""

    def __init__(self) -> None:
        self.speaks = False
        self.owed = 0
        self.words: list[str] = []

    def begin(self) -> None:
        assert not self.speaks
        self.speaks = True

    def end(self, seconds: float, why: str) -> None:
        assert self.speaks
        assert seconds >= 0
        self.speaks = False
        self.owed += why != "noise"

    def tell(self, heard: Heard, ear: str) -> None:
        assert self.speaks or self.owed

    def conclude(self, heard: Heard, seconds: float, ear: str) -> None:
        assert self.owed > 0
        self.owed -= 1
        if heard.text:
            self.words.append(heard.text)


@pytest.mark.parametrize("seed", range(60))
async def test_each_speech_ends_and_each_word_counts_once(seed: int) -> None:
    rng, told = Random(seed), Told()
    dictation = Dictation(clock := Clock(), Doubt(clock), told.begin, told.end, told.tell, told.conclude)
    sounds, said = False, list[str]()
    for number in range(rng.randrange(5, 60)):
        match rng.randrange(6):
            case 0 | 1 if not sounds:
                sounds = True
                dictation.sounds()
            case 0 | 1:
                sounds = False
                dictation.silent(rng.random(), rng.choice(("silence", "noise", "too_long")))
            case 2:
                dictation.hear(Heard(text=f"word {number}", final=False))
            case 3:
                said.append(f"words {number}")
                dictation.hear(Heard(text=said[-1]))
            case 4:
                dictation.hear(Heard(text=""))
            case _:
                await asyncio.sleep(rng.choice((0.1, 1.0, 3.0)))
    assert told.words == said
    if sounds:
        dictation.silent(0.5, "silence")
    await asyncio.sleep(5)
    assert (told.speaks, told.owed) == (False, 0), "by itself"


@pytest.mark.parametrize("seed", range(20))
async def test_who_leaves_leaves_nothing_open(seed: int) -> None:
    rng, told = Random(seed), Told()
    dictation = Dictation(clock := Clock(), Doubt(clock), told.begin, told.end, told.tell, told.conclude)
    for _ in range(rng.randrange(1, 6)):
        dictation.sounds()
        if rng.random() < 0.5:
            dictation.hear(Heard(text="word", final=False))
        if rng.random() < 0.7:
            dictation.silent(0.5, "silence")
    dictation.leave()
    assert (told.speaks, told.owed) == (False, 0)
    await asyncio.sleep(5)
    assert (told.speaks, told.owed) == (False, 0)
