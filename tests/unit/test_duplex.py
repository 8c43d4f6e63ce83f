"""A duplex engine on a floor: it hears, thinks and speaks, and everything around it stays as it was."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from marotte.engines.kinds import EngineError, Heard
from marotte.events import (
    SAMPLE_RATE,
    Asked,
    EngineState,
    LineStarted,
    LineStopped,
    LineWritten,
    Used,
    Utterance,
)
from tests.house import ADA, House, house
from tests.stand_ins import KeptOutlet, ScriptedBrain, ScriptedDuplex, ScriptedVoice

pytestmark = [pytest.mark.anyio, pytest.mark.virtual]

REPLY = "One two three. Four five six."


async def speech(seconds: float = 1.0) -> AsyncIterator[bytes]:
    for _ in range(round(seconds / 0.02)):
        yield bytes(640)


async def hear(h: House) -> list[Heard]:
    return [heard async for heard in h.ensemble.hear(speech(), "en")]


def starts(h: House) -> list[tuple[str, float]]:
    """Return what was said, and when, in seconds from its first line."""
    lines = h.events.of(LineStarted)
    return [(line.shown, (line.sample - lines[0].sample) / SAMPLE_RATE) for line in lines]


async def test_speech_is_answered_with_the_sound_that_came_of_it() -> None:
    duplex, voice = ScriptedDuplex(REPLY, hears="hello there"), ScriptedVoice()
    async with house(duplex=duplex, voice=voice) as h:
        (heard,) = await hear(h)
        assert (heard.text, heard.ear) == ("hello there", "duplex")
        h.attention.offer(Utterance(text="Hello there", viewer=ADA))
        ending = await h.ending()
        assert (ending.state, ending.heard, ending.cut) == ("done", REPLY, False)
        (session,) = duplex.sessions
        assert len(session.heard) == 32_000
        ((prompt, to_speech),) = session.prompts
        assert to_speech
        assert "Hello there" in prompt.text
        assert session.cuts == []
        assert voice.asked == []
        # Three words and the pause behind them.
        (first, at), (second, later) = starts(h)
        assert (first, at, second) == ("One two three.", 0.0, "Four five six.")
        assert 0.9 <= later <= 1.2
        assert [(used.unit, used.amount) for used in h.events.of(Used) if used.engine == "duplex"] == [
            ("seconds", 1.0),
            ("tokens", 11),
        ]


@pytest.mark.parametrize("said", ["something else was said", ""])
async def test_what_it_has_not_heard_it_is_told_in_words(said: str) -> None:
    duplex = ScriptedDuplex(REPLY)
    async with house(duplex=duplex) as h:
        if said:
            await hear(h)
            h.attention.offer(Utterance(text=said, viewer=ADA))
        else:
            h.attention.offer(Asked(text="Say something"))
        await h.ending()
        assert [to_speech for _, to_speech in duplex.sessions[0].prompts] == [False]


async def test_a_stopped_line_is_not_heard_and_its_substitute_is_a_voices() -> None:
    duplex, voice = ScriptedDuplex("One two three. A rutabaga here. Four five six."), ScriptedVoice()
    async with house(duplex=duplex, voice=voice, show='[moderation.words]\nany = ["rutabaga"]') as h:
        h.attention.offer(Asked(text="go"))
        ending = await h.ending()
        (stopped,) = h.events.of(LineStopped)
        assert stopped.shown == "A rutabaga here."
        assert [line.spoken for line in voice.asked] == [stopped.substitute]
        assert ending.heard == f"One two three. {stopped.substitute} Four five six."
        lengths = {written.shown: written.line for written in h.events.of(LineWritten)}
        assert "A rutabaga here." not in lengths


async def test_a_cut_is_told_back_with_what_was_heard() -> None:
    duplex, outlet = ScriptedDuplex("One two three. Four five six. Seven eight nine."), KeptOutlet()
    async with house(duplex=duplex) as h:
        outlet.now = h.clock.now
        h.speaker.attach(outlet)
        h.attention.offer(Asked(text="go"))
        while len(h.events.of(LineStarted)) < 2:
            await asyncio.sleep(0.01)
        second = h.events.of(LineStarted)[1].sample
        await asyncio.sleep(1.0)
        h.speaker.played(outlet, second + SAMPLE_RATE // 2)
        h.floor.cut()
        ending = await h.ending()
        assert (ending.state, ending.cut) == ("interrupted", True)
        ((seconds, text),) = duplex.sessions[0].cuts
        assert text == ending.heard
        assert text.startswith("One two three.")
        assert 0.9 <= seconds <= 1.8


async def test_a_cut_before_any_sound_is_told_back_as_nothing() -> None:
    duplex = ScriptedDuplex("One two three four five.", token=1.0)
    async with house(duplex=duplex) as h:
        h.attention.offer(Asked(text="go"))
        await asyncio.sleep(2.5)
        h.floor.cut()
        ending = await h.ending()
        assert ending.heard == ""
        assert duplex.sessions[0].cuts == [(0.0, "")]
        assert duplex.sessions[0].stopped == 1


async def test_a_long_reply_neither_stalls_nor_loses_anything() -> None:
    text = " ".join(f"This is sentence number {n} of a long story." for n in range(1, 25))
    duplex, voice = ScriptedDuplex(text, sound_late=True), ScriptedVoice()
    async with house(duplex=duplex, voice=voice) as h:
        h.attention.offer(Asked(text="go"))
        ending = await h.ending()
        assert (ending.state, ending.heard) == ("done", text)
        assert voice.asked == []


@pytest.mark.parametrize("fault", ["raise", "break", "mute"])
async def test_where_it_fails_the_chains_take_over_in_the_same_turn(fault: str) -> None:
    duplex, voice = ScriptedDuplex("One two three four. Five six seven eight.", fault=fault), ScriptedVoice()
    brain = ScriptedBrain("Nine ten eleven.")
    async with house(brain, duplex=duplex, voice=voice) as h:
        h.attention.offer(Asked(text="go"))
        ending = await h.ending()
        assert ending.state == "done"
        if fault == "mute":
            assert ending.heard == "One two three four. Five six seven eight."
            assert (brain.prompts, len(voice.asked)) == ([], 2)
            return
        assert ending.heard.endswith("Nine ten eleven.")
        assert voice.asked[-1].spoken == "Nine ten eleven."
        (prompt,) = brain.prompts
        assert prompt.said == ("" if fault == "raise" else "One two three four.")
        assert [(state.kind, state.state) for state in h.events.of(EngineState)] == [("duplex", "resting")]
        # While it rests nobody waits for it.
        h.attention.offer(Asked(text="again"))
        await h.ending(2)
        assert len(duplex.sessions[0].prompts) == 1


async def test_where_it_never_answers_the_chains_do_in_the_same_turn() -> None:
    duplex, brain = ScriptedDuplex(REPLY, fault="hang"), ScriptedBrain("Nine ten eleven.")
    async with house(brain, duplex=duplex) as h:
        h.attention.offer(Asked(text="go"))
        ending = await h.ending()
        assert (ending.state, ending.heard) == ("done", "Nine ten eleven.")
        assert ending.timings.first_line < 10


async def test_one_that_never_takes_notice_of_a_cut_holds_up_nobody() -> None:
    duplex = ScriptedDuplex("One two three four five.", token=1.0, fault="deaf to cuts")
    async with house(duplex=duplex) as h:
        h.attention.offer(Asked(text="go"))
        await asyncio.sleep(2.5)
        h.floor.cut()
        began = h.clock.now()
        await h.ending()
        assert h.clock.now() - began < 2


async def voice(level: bytes, seconds: float = 1.0) -> AsyncIterator[bytes]:
    """Speak as long as it takes to say it."""
    for _ in range(round(seconds / 0.02)):
        yield level * 640
        await asyncio.sleep(0.02)


async def test_of_two_who_speak_at_once_it_hears_the_first_and_the_ears_the_other() -> None:
    duplex = ScriptedDuplex(REPLY, hears="what Ada said")
    async with house(duplex=duplex) as h:

        async def understood(level: bytes, seconds: float) -> Heard:
            return [heard async for heard in h.ensemble.hear(voice(level, seconds), "en")][-1]

        ada = asyncio.create_task(understood(b"\1", 2.0))
        await asyncio.sleep(0.5)
        bob = await understood(b"\2", 0.5)
        assert (bob.text, bob.ear) == ("what the ear heard", "ear")
        assert bytes(h.ear.heard) == b"\2" * 16_000
        heard = await ada
        assert (heard.text, heard.ear) == ("what Ada said", "duplex")
        (session,) = duplex.sessions
        assert bytes(session.heard) == b"\1" * 64_000
        h.attention.offer(Utterance(text=heard.text, viewer=ADA))
        await h.ending()
        assert [to_speech for _, to_speech in session.prompts] == [True]
        # What she has said is what it answers, though somebody is heard beside it; then its ear is free again.
        assert (await understood(b"\3", 0.5)).ear == "duplex"


async def test_what_it_was_to_hear_in_vain_leaves_its_ear_free() -> None:
    duplex = ScriptedDuplex(REPLY)
    async with house(duplex=duplex) as h:
        given_up = asyncio.create_task(anext(h.ensemble.hear(voice(b"\1", 9.0), "en")))
        await asyncio.sleep(0.5)
        given_up.cancel()
        again = asyncio.create_task(hear(h))
        await asyncio.wait((given_up, again))
        assert [heard.ear for heard in again.result()] == ["duplex"]


async def test_where_it_is_deaf_the_ears_hear_the_same_speech() -> None:
    duplex = ScriptedDuplex(REPLY, fault="deaf")
    async with house(duplex=duplex) as h:
        (heard,) = await hear(h)
        assert (heard.text, heard.ear) == ("what the ear heard", "ear")
        assert len(h.ear.heard) == 32_000


async def test_where_nobody_hears_the_reason_is_told() -> None:
    duplex = ScriptedDuplex(REPLY, fault="deaf")
    async with house(duplex=duplex) as h:
        h.ear.fault = "raise"
        with pytest.raises(EngineError, match="no ear could answer"):
            await hear(h)


async def test_in_phrases_the_first_words_sound_before_their_sentence_is_whole() -> None:
    text = "One two three four five six seven eight nine ten."
    whole, few = ScriptedDuplex(text, token=0.2), ScriptedDuplex(text, token=0.2)
    async with house(duplex=whole) as h:
        h.attention.offer(Asked(text="go"))
        at_once = (await h.ending()).timings.first_sample
    async with house(duplex=few) as h:
        h.director.in_phrases = True
        h.attention.offer(Asked(text="go"))
        ending = await h.ending()
        assert ending.heard == text
        assert [written.shown for written in h.events.of(LineWritten)] == [
            "One two three four",
            "five six seven eight",
            "nine ten.",
        ]
        assert ending.timings.first_sample < at_once - 0.9


async def test_a_floor_that_closes_ends_its_session() -> None:
    duplex = ScriptedDuplex(REPLY)
    async with house(duplex=duplex) as h:
        h.attention.offer(Asked(text="go"))
        await h.ending()
        await h.ensemble.close()
        assert [session.closed for session in duplex.sessions] == [1]
