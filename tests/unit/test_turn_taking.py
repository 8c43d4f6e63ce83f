"""Turn-taking on virtual time: what cuts in, what does not, and replies that are begun before somebody has said all."""

import asyncio

import pytest

from marotte.events import (
    Asked,
    ChatMessage,
    Dropped,
    Gift,
    LineEnded,
    LineStarted,
    Onset,
    SpeechEnd,
    Stopped,
    Transcript,
    TurnEnded,
    TurnStarted,
    Utterance,
    Viewer,
)
from marotte.mind.turn_taking import enough, is_backchannel
from tests.house import ADA, BOB, House, house
from tests.stand_ins import ScriptedBrain

pytestmark = [pytest.mark.anyio, pytest.mark.virtual]
STORY = "Once upon a time there was a puppet. It spoke all day long and never came to an end."


async def speaking(made: House) -> None:
    """Let the character speak, half a second long."""
    made.attention.offer(Utterance(text="Tell me a story.", viewer=ADA))
    async with asyncio.timeout(60):
        while not made.events.of(LineStarted):
            await asyncio.sleep(0.05)
    await asyncio.sleep(0.5)


async def say(made: House, text: str, seconds: float = 0.5, partial: str = "") -> None:
    """Let Ada speak for so long, and an ear understand it."""
    made.publish(Onset(viewer=ADA))
    await asyncio.sleep(seconds)
    if partial:
        made.publish(Transcript(text=partial, viewer=ADA))
        await asyncio.sleep(0)
    made.publish(SpeechEnd(viewer=ADA, seconds=seconds))
    made.publish(Transcript(text=text, final=True, viewer=ADA))
    if text:
        made.attention.offer(Utterance(text=text, viewer=ADA))
    await asyncio.sleep(0.1)


@pytest.mark.parametrize(
    "text",
    [
        "Uh-huh.",
        "Mm-hm",
        "Mm-hmm.",
        "Mhmm.",
        "d’accord",
        "yeah, yeah",
        "Right. Okay!",
        "vale",
        "sí, claro",
        "D'accord.",
        "うん",
        "うん、うん。",
        "なるほど",
        "嗯",
        "对对对。",
        "",
        "...",
    ],
)
def test_what_only_says_go_on(text: str) -> None:
    assert is_backchannel(text)


@pytest.mark.parametrize(
    "text",
    ["stop", "no", "wait a moment", "yes but why", "okay, tell me more about him", "やめて", "不是", "pourquoi ?"],
)
def test_what_says_more(text: str) -> None:
    assert not is_backchannel(text)


@pytest.mark.parametrize(
    ("text", "cuts"),
    [("stop", False), ("wait, stop", True), ("やめて", False), ("ちょっと待って", True), ("等一下吧", True)],
)
def test_how_many_words_cut_in_before_all_is_said(text: str, cuts: bool) -> None:
    assert enough(text) is cuts


def test_an_accent_makes_no_word_two() -> None:
    assert not enough("también")


@pytest.mark.parametrize("text", ["Uh-huh.", "うん", "vale", "d'accord", "嗯"])
async def test_a_backchannel_cuts_nothing_and_wants_no_answer(text: str) -> None:
    async with house(ScriptedBrain(STORY)) as made:
        await speaking(made)
        await say(made, text)
        ending = await made.ending()
    assert (ending.state, ending.heard) == ("done", STORY)
    assert [drop.reason for drop in made.events.of(Dropped)] == ["backchannel"]
    assert [stop.why for stop in made.events.of(Stopped)] == ["paused"]


async def test_the_same_word_is_an_answer_where_the_character_is_silent() -> None:
    async with house(ScriptedBrain("Good.")) as made:
        await say(made, "Okay.")
        assert (await made.ending()).state == "done"


async def test_who_speaks_into_silence_is_answered_without_a_wait() -> None:
    async with house(ScriptedBrain("Noon.", token=0.0)) as made:
        made.publish(Onset(viewer=ADA))
        await asyncio.sleep(0.5)
        made.publish(SpeechEnd(viewer=ADA, seconds=0.5))
        made.publish(Transcript(text="What time is it?", final=True, viewer=ADA))
        understood = made.clock.wall()
        made.attention.offer(Utterance(text="What time is it?", viewer=ADA))
        await made.ending()
    [started] = made.events.of(LineStarted)
    # There was nothing to cut: nobody has to decide whether the character goes on.
    assert started.at - understood < 0.04


async def test_words_cut_in_before_all_is_said() -> None:
    async with house(ScriptedBrain(STORY), ScriptedBrain("Yes?")) as made:
        await speaking(made)
        made.publish(Onset(viewer=ADA))
        await asyncio.sleep(0.3)
        made.publish(Transcript(text="wait", viewer=ADA))
        await asyncio.sleep(0.05)
        assert made.events.of(TurnEnded) == []
        made.publish(Transcript(text="wait a moment", viewer=ADA))
        await asyncio.sleep(0.5)
        [ended] = made.events.of(TurnEnded)
    assert ended.ending.state == "interrupted"
    assert ended.ending.heard
    assert STORY.startswith(ended.ending.heard)


async def test_speech_that_lasts_cuts_in_without_a_word() -> None:
    async with house(ScriptedBrain(STORY), show="[hearing]\ncut_after = 1.0") as made:
        await speaking(made)
        made.publish(Onset(viewer=ADA))
        await asyncio.sleep(0.9)
        assert made.events.of(TurnEnded) == []
        await asyncio.sleep(0.5)
        assert made.events.of(TurnEnded)[0].ending.state == "interrupted"


async def test_speech_that_ends_in_time_does_not() -> None:
    async with house(ScriptedBrain(STORY), show="[hearing]\ncut_after = 1.0") as made:
        await speaking(made)
        await say(made, "", seconds=0.9)
        assert (await made.ending()).heard == STORY


async def test_its_own_voice_in_a_microphone_cuts_nothing() -> None:
    async with house(ScriptedBrain(STORY)) as made:
        await speaking(made)
        await say(made, "there was a puppet", partial="there was a")
        ending = await made.ending()
    assert ending.heard == STORY
    assert [drop.reason for drop in made.events.of(Dropped)] == ["echo"]


async def test_who_repeats_after_the_character_is_answered() -> None:
    async with house(ScriptedBrain("There was a puppet."), ScriptedBrain("Well said.")) as made:
        await speaking(made)
        await made.ending()
        await asyncio.sleep(1.5)
        await say(made, "There was a puppet.")
        await made.ending(2)
    assert made.events.of(Dropped) == []


async def test_in_a_later_sentence_it_still_speaks() -> None:
    async with house(ScriptedBrain(STORY)) as made:
        await speaking(made)
        while not made.events.of(LineEnded):
            await asyncio.sleep(0.05)
        await asyncio.sleep(1.2)
        await say(made, "Uh-huh.")
        await asyncio.sleep(0.3)
        await say(made, "It spoke all day")
        assert (await made.ending()).heard == STORY
    assert [drop.reason for drop in made.events.of(Dropped)] == ["backchannel", "echo"]


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ("Shall we go on?", "Yes."),
        ("Do you want the red one or the blue one?", "The blue one."),
        ("Say it after me: good morning, moon.", "Good morning, moon."),
    ],
)
async def test_a_prompt_answer_is_one(asked: str, said: str) -> None:
    async with house(ScriptedBrain(asked), ScriptedBrain("Well said.")) as made:
        await speaking(made)
        await made.ending()
        await asyncio.sleep(0.5)
        await say(made, said)
        await made.ending(2)
    assert made.events.of(Dropped) == []


async def test_what_is_typed_is_no_echo_and_no_nod() -> None:
    async with house(ScriptedBrain(STORY), ScriptedBrain("Go on, then.")) as made:
        await speaking(made)
        await say(made, "Wait a moment, please.", partial="Wait a moment")
        await made.ending(2)
        await asyncio.sleep(10)
        made.attention.offer(Utterance(text="Yes.", viewer=ADA, ear="typed"))
        await made.ending(3)
    assert made.events.of(Dropped) == []


async def test_after_a_false_cut_the_next_one_is_told_from_its_own_voice_too() -> None:
    async with house(ScriptedBrain(STORY)) as made:
        await speaking(made)
        await say(made, "Uh-huh.")
        await asyncio.sleep(0.3)
        await say(made, "Mm-hm.")
        assert (await made.ending()).heard == STORY
    assert [drop.reason for drop in made.events.of(Dropped)] == ["backchannel", "backchannel"]


# --- an ear that is behind: they have spoken again before it has told what they said


async def test_an_ear_that_is_behind_is_told_of_each_speech_by_itself() -> None:
    async with house(ScriptedBrain(STORY, "Well said.")) as made:
        await speaking(made)
        made.publish(Onset(viewer=ADA))  # its own voice
        await asyncio.sleep(0.4)
        made.publish(SpeechEnd(viewer=ADA, seconds=0.4))
        await made.ending()
        await asyncio.sleep(1.0)
        made.publish(Onset(viewer=ADA))  # somebody, into silence
        await asyncio.sleep(0.4)
        made.publish(SpeechEnd(viewer=ADA, seconds=0.4))
        for text in ("there was a puppet", "It spoke all day"):
            made.publish(Transcript(text=text, final=True, viewer=ADA))
        for text in ("there was a puppet", "It spoke all day"):
            made.attention.offer(Utterance(text=text, viewer=ADA))
        assert (await made.ending(2)).heard == "Well said."
    assert [drop.reason for drop in made.events.of(Dropped)] == ["echo"]


async def test_a_noise_between_two_speeches_is_neither() -> None:
    async with house(ScriptedBrain(STORY)) as made:
        await speaking(made)
        made.publish(Onset(viewer=ADA))
        await asyncio.sleep(0.3)
        made.publish(SpeechEnd(viewer=ADA, seconds=0.3))
        made.publish(Onset(viewer=ADA))
        made.publish(SpeechEnd(viewer=ADA, seconds=0.1, why="noise"))
        made.publish(Transcript(text="vale", final=True, viewer=ADA))
        made.attention.offer(Utterance(text="vale", viewer=ADA))
        assert (await made.ending()).heard == STORY
    assert [drop.reason for drop in made.events.of(Dropped)] == ["backchannel"]


async def test_words_of_before_do_not_wake_the_speaker_while_somebody_speaks() -> None:
    async with house(ScriptedBrain(STORY), ScriptedBrain("Yes?")) as made:
        await speaking(made)
        made.publish(Onset(viewer=ADA))
        await asyncio.sleep(0.3)
        made.publish(SpeechEnd(viewer=ADA, seconds=0.3))
        made.publish(Onset(viewer=ADA))
        await asyncio.sleep(0.1)
        made.publish(Transcript(text="", final=True, viewer=ADA))
        made.publish(Transcript(text="and", viewer=ADA, settled=True))
        await asyncio.sleep(5.0)  # they go on, and their ear tells nothing of it yet
        assert made.speaker.paused, "it talks over somebody"
        made.publish(SpeechEnd(viewer=ADA, seconds=5.0))
        made.publish(Transcript(text="", final=True, viewer=ADA))
        await asyncio.sleep(0.1)
        assert not made.speaker.paused


async def test_nothing_heard_of_one_speech_says_nothing_of_the_next() -> None:
    async with house(ScriptedBrain(STORY), ScriptedBrain("Yes?")) as made:
        await speaking(made)
        for _ in range(2):
            made.publish(Onset(viewer=ADA))
            await asyncio.sleep(0.2)
            made.publish(SpeechEnd(viewer=ADA, seconds=0.2))
        made.publish(Transcript(text="", final=True, viewer=ADA))
        await asyncio.sleep(0.3)
        assert made.speaker.paused  # the second may still be words
        made.publish(Transcript(text="", final=True, viewer=ADA))
        await asyncio.sleep(0.1)
        assert not made.speaker.paused
        assert (await made.ending()).heard == STORY


async def test_an_onset_whose_end_was_lost_silences_nobody_for_good() -> None:
    async with house(ScriptedBrain(STORY)) as made:
        await speaking(made)
        made.publish(Onset(viewer=ADA))
        await asyncio.sleep(30)  # somebody may speak for so long
        assert made.speaker.paused
        await asyncio.sleep(10)
        assert not made.speaker.paused


# --- replies that are begun early


async def pause(made: House, text: str, viewer=ADA) -> None:
    made.publish(Onset(viewer=ADA))
    await asyncio.sleep(0.3)
    made.publish(Transcript(text=text, settled=True, viewer=viewer))


async def test_a_reply_begun_at_a_pause_is_heard_once_that_was_all() -> None:
    brain = ScriptedBrain("It is noon.", token=0.03)
    async with house(brain) as made:
        await pause(made, "What time is it?")
        await asyncio.sleep(0.5)
        assert len(brain.prompts) == 1
        assert made.events.of(TurnStarted, LineStarted, LineEnded) == []
        made.publish(SpeechEnd(viewer=ADA, seconds=0.3))
        made.publish(Transcript(text="What time is it?", final=True, viewer=ADA))
        utterance = Utterance(text="What time is it?", viewer=ADA)
        made.attention.offer(utterance)
        ending = await made.ending()
    assert (ending.state, ending.heard) == ("done", "It is noon.")
    assert len(brain.prompts) == 1
    [started] = made.events.of(TurnStarted)
    assert started.percepts == (utterance.id,)
    assert ending.timings.first_token == ending.timings.first_line == 0.0
    assert 0 <= ending.timings.first_sound < 0.05  # the brain took a third of a second


async def test_an_ear_that_says_the_same_again_throws_nothing_away() -> None:
    async with house(ScriptedBrain("Good evening to you.")) as made:
        made.publish(Onset(viewer=ADA))
        await asyncio.sleep(0.3)
        made.publish(Transcript(text="good evening", settled=True, viewer=ADA))
        await asyncio.sleep(0.1)
        made.publish(Transcript(text="Good evening.", viewer=ADA))  # as an ear does that writes what it is sure of
        await asyncio.sleep(0.1)
        made.publish(SpeechEnd(viewer=ADA, seconds=0.3))
        made.publish(Transcript(text="Good evening.", final=True, viewer=ADA))
        made.attention.offer(Utterance(text="Good evening.", viewer=ADA))
        await made.ending()
    assert [end.ending.state for end in made.events.of(TurnEnded)] == ["done"]
    assert len(made.brains[0].prompts) == 1


async def test_a_reply_begun_on_other_words_is_thrown_away_unheard() -> None:
    brain = ScriptedBrain("It is noon.", token=0.03)
    async with house(brain) as made:
        await pause(made, "What time")
        await asyncio.sleep(0.5)
        made.publish(Transcript(text="What time does it begin?", settled=True, viewer=ADA))
        await asyncio.sleep(0.05)
        made.publish(SpeechEnd(viewer=ADA, seconds=0.8))
        made.publish(Transcript(text="What time does it begin?", final=True, viewer=ADA))
        made.attention.offer(Utterance(text="What time does it begin?", viewer=ADA))
        await made.ending(2)
    thrown, kept = made.events.of(TurnEnded)
    assert (thrown.ending.state, thrown.ending.heard) == ("discarded", "")
    assert kept.ending.state == "done"
    assert [len(started.percepts) for started in made.events.of(TurnStarted)] == [0, 1]
    assert len(made.events.of(LineStarted)) == 1
    assert [prompt.text for prompt in brain.prompts][-1].find("begin") > 0


async def test_a_word_that_turns_the_meaning_is_another_wish() -> None:
    brain = ScriptedBrain("It is done.", token=0.03)
    meant = "please turn off the big lamp in the dressing room"
    async with house(brain) as made:
        await pause(made, "Please turn on the big lamp in the dressing room.")
        await asyncio.sleep(0.5)
        made.publish(SpeechEnd(viewer=ADA, seconds=0.3))
        made.publish(Transcript(text=meant, final=True, viewer=ADA))
        made.attention.offer(Utterance(text=meant, viewer=ADA))
        await made.ending(2)
    assert made.events.of(TurnEnded)[0].ending.state == "discarded"
    assert "turn off" in brain.prompts[-1].text


async def test_nobody_else_is_answered_over_somebody_who_still_speaks() -> None:
    async with house(ScriptedBrain(STORY), ScriptedBrain("To you."), ScriptedBrain("To all.")) as made:
        await speaking(made)
        made.publish(Onset(viewer=ADA))
        made.attention.offer(ChatMessage(text="Are you there?", viewer=BOB))
        await asyncio.sleep(0.3)
        made.publish(Transcript(text="wait a moment", viewer=ADA))
        await asyncio.sleep(3.0)
        assert len(made.events.of(LineStarted)) == 1
        made.publish(SpeechEnd(viewer=ADA, seconds=3.3))
        made.publish(Transcript(text="wait a moment, please", final=True, viewer=ADA))
        made.attention.offer(Utterance(text="wait a moment, please", viewer=ADA))
        await made.ending(2)


@pytest.mark.parametrize("why", ["noise", "somebody else", "more words"])
async def test_a_reply_nobody_has_asked_for_is_thrown_away(why: str) -> None:
    brain = ScriptedBrain("It is noon.")
    async with house(brain) as made:
        await pause(made, "What time is it?")
        await asyncio.sleep(0.3)
        if why == "noise":
            made.publish(Transcript(text="", final=True, viewer=ADA))
        elif why == "more words":
            made.publish(Transcript(text="What time is it in", viewer=ADA))
        else:
            made.publish(SpeechEnd(viewer=ADA, seconds=0.3))
            made.publish(Transcript(text="What time is it?", final=True, viewer=ADA))
            made.attention.offer(Utterance(text="What day is it?", viewer=BOB))
            made.attention.offer(Utterance(text="What time is it?", viewer=ADA))
        await asyncio.sleep(0.2)
        assert made.events.of(TurnEnded)[0].ending.state == "discarded"


async def test_nothing_is_begun_while_the_character_speaks_or_where_the_show_does_not_want_it() -> None:
    brain = ScriptedBrain(STORY)
    async with house(brain) as made:
        await speaking(made)
        await pause(made, "Uh-huh")
        await asyncio.sleep(0.3)
        assert len(brain.prompts) == 1
    brain = ScriptedBrain(STORY)
    async with house(brain) as made:
        made.director.begins_early = False
        await pause(made, "What time is it?")
        await asyncio.sleep(0.3)
        assert brain.prompts == []


async def test_a_reply_is_begun_though_others_wait_who_are_answered_later_and_not_before_others() -> None:
    brain = ScriptedBrain("It is noon.")
    async with house(brain) as made:
        made.publish(Onset(viewer=ADA))
        await asyncio.sleep(0.1)
        made.attention.offer(ChatMessage(text="Pip, what is your favourite colour?", viewer=BOB))
        made.publish(Transcript(text="What time is it?", settled=True, viewer=ADA))
        await asyncio.sleep(0.3)
        assert len(brain.prompts) == 1
        made.director.expect(None)
        made.attention.offer(Asked(text="Say something nice."))
        made.publish(Transcript(text="What time is it now?", settled=True, viewer=ADA))
        await asyncio.sleep(0.3)
        assert len(brain.prompts) == 1


async def test_who_asks_to_be_forgotten_is_not_forgotten_on_a_guess() -> None:
    async with house(ScriptedBrain("Done.")) as made:
        await pause(made, "Forget me.")
        await asyncio.sleep(0.5)
        assert made.memory.forgotten == []


async def test_a_firm_line_is_heard_to_its_end_whoever_speaks_and_the_operator_can_still_stop_it() -> None:
    notice = "This show is a work of fiction. Now for something else."
    for stopped in (False, True):
        async with house(ScriptedBrain("Yes?")) as made:
            made.attention.offer(Asked(text=notice, verbatim=True, firm=True))
            async with asyncio.timeout(60):
                while not made.events.of(LineStarted):
                    await asyncio.sleep(0.05)
            await asyncio.sleep(0.4)
            if stopped:
                made.floor.cut("stopped")
            else:
                await say(made, "Wait a moment, please.", partial="Wait a moment")
            ending = await made.ending()
            stops = [stop.why for stop in made.events.of(Stopped)]
        if stopped:
            assert ending.heard in ("This", "This show")
        else:
            assert ending.heard == "This show is a work of fiction."
            assert stops == []


# --- who speaks on and on, and who speaks beside them


async def test_who_speaks_on_after_a_cut_cuts_once_and_what_waits_is_answered_afterwards() -> None:
    async with house(ScriptedBrain(STORY, *["Thank you, Bob!"] * 5)) as made:
        await speaking(made)
        made.publish(Onset(viewer=ADA))
        await asyncio.sleep(0.4)
        made.attention.offer(Gift(amount=5, unit="EUR", viewer=BOB))
        made.attention.offer(ChatMessage(text="Pip, what is your favourite colour?", viewer=BOB))
        said = "wait a moment please I want to tell you what happened yesterday when I was out"
        for end in range(11, len(said), 5):
            made.publish(Transcript(text=said[:end], viewer=ADA))
            await asyncio.sleep(0.4)
        assert [e.ending.state for e in made.events.of(TurnEnded)] == ["interrupted"]
        assert len(made.events.of(TurnStarted)) == 1, "nobody is answered while she speaks"
        made.publish(SpeechEnd(viewer=ADA, seconds=5))
        made.publish(Transcript(text=said, final=True, viewer=ADA))
        made.attention.offer(Utterance(text=said, viewer=ADA))
        await made.ending(4)
        lanes = [(e.lane, e.ending.state) for e in made.events.of(TurnEnded)[1:]]
        assert lanes == [("spoken", "done"), ("gifts", "done"), ("chat", "done")]


async def test_somebodys_cough_does_not_let_it_talk_over_somebody_else() -> None:
    async with house(ScriptedBrain(STORY)) as made:
        await speaking(made)
        made.publish(Onset(viewer=ADA))
        await asyncio.sleep(0.3)
        made.publish(Onset(viewer=BOB))
        await asyncio.sleep(0.3)
        made.publish(SpeechEnd(viewer=BOB, seconds=0.1, why="noise"))
        await asyncio.sleep(0.1)
        assert made.speaker.paused
        assert not made.events.of(TurnEnded)
        await asyncio.sleep(1.5)
        assert made.events.of(TurnEnded)[0].ending.state == "interrupted", "her speech lasts"


async def test_what_is_said_into_a_firm_line_keeps_nobody_waiting_for_ever() -> None:
    async with house(ScriptedBrain("Yes?")) as made:
        made.attention.offer(Asked(text="This show is a work of fiction.", verbatim=True, firm=True))
        await asyncio.sleep(0.5)
        made.publish(Onset(viewer=ADA))
        made.publish(SpeechEnd(viewer=ADA, seconds=0.5))  # and no ear ever tells what that was
        made.attention.offer(ChatMessage(text="Pip, what is your favourite colour?", viewer=BOB))
        await made.ending(2)
        assert made.events.of(TurnEnded)[1].at - made.events.of(TurnEnded)[0].at < 10


async def test_the_words_of_two_who_speak_at_once_are_each_judged_by_their_own_onset() -> None:
    async with house(ScriptedBrain(STORY, "Good.")) as made:
        made.publish(Onset(viewer=BOB))  # into silence
        await asyncio.sleep(0.2)
        made.publish(SpeechEnd(viewer=BOB, seconds=0.2))
        await asyncio.sleep(3)
        await speaking(made)
        made.publish(Onset(viewer=ADA))  # over the story
        await asyncio.sleep(0.3)
        made.publish(SpeechEnd(viewer=ADA, seconds=0.3))
        made.publish(Transcript(text="Uh-huh.", final=True, viewer=ADA))
        made.attention.offer(Utterance(text="Uh-huh.", viewer=ADA))
        made.publish(Transcript(text="Yes.", final=True, viewer=BOB))
        made.attention.offer(Utterance(text="Yes.", viewer=BOB))
        await asyncio.sleep(0.1)
        assert [e.reason for e in made.events.of(Dropped)] == ["backchannel"]


async def test_those_who_have_spoken_are_told_apart_in_bounded_memory() -> None:
    async with house(ScriptedBrain()) as made:
        for n in range(200):
            somebody = Viewer(id=f"x:{n}", name="")
            made.publish(Onset(viewer=somebody))
            made.publish(SpeechEnd(viewer=somebody, seconds=0.1, why="noise"))
            await asyncio.sleep(0)
        assert len(made.turn_taking._partners) <= 64
