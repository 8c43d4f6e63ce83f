"""The speaker: sound on time, what was heard, to the sample."""

import asyncio
import itertools
from contextlib import asynccontextmanager

import pytest

from marotte.engines.chains import VoiceChain
from marotte.events import SAMPLE_RATE, Line, LineEnded, LineStarted, LineTimings, OutletChanged, Stopped
from marotte.ports import Rank
from marotte.time import Clock
from marotte.voice.floor import SpeakingFloor
from marotte.voice.speaker import CHUNK, Speaker
from tests.stand_ins import KeptOutlet, KeptRecord, Published, ScriptedVoice, built, tone

pytestmark = [pytest.mark.anyio, pytest.mark.virtual]


class Stage:
    """A floor with its speaker, on virtual time."""

    def __init__(self, *voices: ScriptedVoice, ahead: float = 6.0) -> None:
        self.clock = Clock(epoch=1_000_000.0)
        self.events = Published()
        self.record = KeptRecord()
        self.began = self.clock.now()
        chain = VoiceChain([built(f"v{n}", v) for n, v in enumerate(voices)], self.events, self.clock)
        self.speaker = Speaker("public", chain, self.events, self.clock, self.record, self.began, ahead)
        self.floor = SpeakingFloor(self.speaker, self.clock)

    def outlet(self, **more) -> KeptOutlet:
        outlet = KeptOutlet(now=lambda: self.clock.now() - self.began, **more)
        self.speaker.attach(outlet)
        return outlet

    async def say(self, *texts: str, turn: str = "t1"):
        async with self.floor.take(turn, self.clock.now()) as mouth:
            for text in texts:
                await mouth.say(Line(shown=text, spoken=text, answers=(f"answers {text}",)))
        return mouth.ending


@asynccontextmanager
async def stage(*voices: ScriptedVoice, ahead: float = 6.0):
    made = Stage(*(voices or (ScriptedVoice(),)), ahead=ahead)
    running = asyncio.create_task(made.speaker.run())
    try:
        yield made
    finally:
        running.cancel()


async def reports(house: Stage, outlet: KeptOutlet, delay: float = 0.03) -> None:
    """Report every 100 ms what a loudspeaker would have played, while it plays."""
    last = -1
    while True:
        await asyncio.sleep(0.1)
        now = house.speaker.now() - delay * SAMPLE_RATE
        due = [s + len(p) // 2 for _, s, _, p in outlet.played if s + len(p) // 2 <= now]
        if due and max(due) != last:
            last = max(due)
            house.speaker.played(outlet, last)


async def test_lines_sound_one_after_another_and_all_is_heard() -> None:
    async with stage() as house:
        outlet = house.outlet(rank=Rank.CLOCK)
        watch = asyncio.create_task(reports(house, outlet))
        ending = await house.say("One two three.", "Four five.")
        watch.cancel()
        assert (ending.state, ending.heard, ending.cut) == ("done", "One two three. Four five.", False)
        assert ending.answered == ("answers One two three.", "answers Four five.")
        starts = [e.sample for e in house.events.of(LineStarted)]
        assert starts[1] - starts[0] == round(0.75 * SAMPLE_RATE)
        samples = [(s, len(p) // 2) for _, s, _, p in outlet.played]
        assert all(a + n == b for (a, n), (b, _) in itertools.pairwise(samples))


async def test_sound_is_handed_over_at_most_its_lead_ahead() -> None:
    async with stage() as house:
        near, far = house.outlet(name="a", lead=0.12), house.outlet(name="b", lead=0.6, rank=Rank.DEVICE)
        watch = asyncio.create_task(reports(house, far))
        await house.say("one two three four five six seven eight nine ten eleven twelve")
        watch.cancel()
        for outlet in (near, far):
            ahead = [sample / SAMPLE_RATE - at for at, sample, _, _ in outlet.played]
            assert max(ahead) <= outlet.lead
            assert max(ahead) > outlet.lead - 0.05
        assert b"".join(p for *_, p in near.played) == b"".join(p for *_, p in far.played)


async def test_without_an_outlet_the_clock_holds_the_truth() -> None:
    async with stage() as house:
        ending = await house.say("Hello there.")
        assert (ending.heard, house.speaker.outlet_of_record) == ("Hello there.", "clock")
        assert ending.timings.last_sample == pytest.approx(0.5, abs=0.05)


async def test_a_cut_inside_a_line_keeps_the_words_that_were_heard() -> None:
    async with stage() as house:
        outlet = house.outlet()
        watch = asyncio.create_task(reports(house, outlet))
        saying = asyncio.create_task(house.say("One two three four five six.", "Never heard."))
        await asyncio.sleep(0.9)  # three words are over, the fourth sounds
        assert house.floor.cut()
        stopped = len(outlet.played)
        ending = await saying
        watch.cancel()
        assert (ending.state, ending.heard, ending.cut) == ("interrupted", "One two three", True)
        assert ending.answered == ()
        await asyncio.sleep(1)
        assert len(outlet.played) == stopped, "nothing of the cut turn sounds afterwards"
        assert house.events.of(Stopped)[0].sample == outlet.stops[0][2]
        assert house.record.kept[-1][1:] == ("One two three", True, True)


async def test_a_cut_before_the_first_sound_leaves_nothing_heard() -> None:
    async with stage(ScriptedVoice(first=1.0)) as house:
        saying = asyncio.create_task(house.say("Too late."))
        await asyncio.sleep(0.5)
        house.floor.cut()
        ending = await saying
        assert (ending.state, ending.heard, ending.cut) == ("interrupted", "", True)
        assert not house.events.of(LineStarted)


async def test_a_cut_between_two_lines_keeps_the_first_whole() -> None:
    async with stage() as house:
        house.outlet(rank=Rank.CLOCK)
        del house
    async with stage(ScriptedVoice(first=0.4), ahead=0.1) as house:
        saying = asyncio.create_task(house.say("One two.", "Three four."))
        await asyncio.sleep(0.95)  # the first ended at 0.9, the second is not made yet
        house.floor.cut()
        ending = await saying
        assert (ending.heard, ending.answered) == ("One two.", ("answers One two.",))


async def test_the_last_report_after_a_cut_counts() -> None:
    async with stage() as house:
        outlet = house.outlet()
        saying = asyncio.create_task(house.say("One two three four five six."))
        await asyncio.sleep(1.1)
        house.floor.cut()
        await asyncio.sleep(0.05)
        house.speaker.played(outlet, round(0.76 * SAMPLE_RATE))
        assert (await saying).heard == "One two three"


async def test_a_report_is_held_to_what_was_sent_and_to_wall_time() -> None:
    async with stage() as house:
        outlet = house.outlet()
        saying = asyncio.create_task(house.say("One two three four five six."))
        await asyncio.sleep(0.3)
        house.speaker.played(outlet, 10**9)
        house.floor.cut()
        assert (await saying).heard == "One"


async def test_an_outlet_that_reports_nothing_loses_the_record() -> None:
    async with stage() as house:
        house.outlet()
        ending = await house.say("one two three four five six seven eight nine ten eleven twelve", "and more")
        assert ending.state == "done"
        assert [e.outlet for e in house.events.of(OutletChanged)] == ["window 1", "clock"]


async def test_a_long_silence_between_lines_makes_no_outlet_deaf() -> None:
    async with stage() as house:
        outlet = house.outlet()
        watch = asyncio.create_task(reports(house, outlet))
        await house.say("One two.")
        await asyncio.sleep(30)
        await house.say("Three four.", turn="t2")
        watch.cancel()
        assert [e.outlet for e in house.events.of(OutletChanged)] == ["window 1"]


async def test_who_comes_in_mid_line_is_told_what_sounds() -> None:
    async with stage() as house:
        saying = asyncio.create_task(house.say("One two three four five six."))
        await asyncio.sleep(0.6)
        started, timings = house.speaker.present()
        assert started == house.events.of(LineStarted)[0]
        assert [w.text for w in timings.words][:3] == ["One", "two", "three"]
        told = [w for e in house.events.of(LineTimings) for w in e.words]
        assert list(timings.words) == told
        await saying
        assert house.speaker.present() == []


async def test_the_best_outlet_holds_the_record_and_a_lost_one_passes_it_on() -> None:
    async with stage() as house:
        window = house.outlet()
        device = house.outlet(name="device", rank=Rank.DEVICE)
        assert house.speaker.outlet_of_record == "device"
        house.speaker.detach(device)
        assert house.speaker.outlet_of_record == "window 1"
        house.speaker.detach(window)
        assert house.speaker.outlet_of_record == "clock"


@pytest.mark.parametrize("before", [False, True])
async def test_an_outlet_that_comes_in_a_lines_last_moment_does_not_hold_the_turn(before: bool) -> None:
    async with stage() as house:
        if before:
            house.outlet(name="window 0")
        saying = asyncio.create_task(house.say("One two."))
        await asyncio.sleep(0.4)
        house.outlet(rank=Rank.DEVICE)  # all there is to play was given to others, or to nobody
        async with asyncio.timeout(1.0):
            ending = await saying
        assert (ending.state, ending.heard, ending.cut) == ("done", "One two.", False)


async def test_a_cut_soon_after_an_outlet_came_keeps_no_more_than_the_clock_tells() -> None:
    async with stage() as house:
        saying = asyncio.create_task(house.say("One two three four."))
        await asyncio.sleep(0.4)
        house.outlet()
        await asyncio.sleep(0.02)
        house.floor.cut()
        assert (await saying).heard == "One"


async def test_a_pause_resumes_at_the_sample_where_it_stopped() -> None:
    async with stage() as house:
        outlet = house.outlet()
        watch = asyncio.create_task(reports(house, outlet, delay=0.0))
        saying = asyncio.create_task(house.say("One two three four five six.", "Seven eight."))
        await asyncio.sleep(0.7)
        house.speaker.pause()
        silent = len(outlet.played)
        await asyncio.sleep(0.05)
        house.speaker.played(outlet, round(0.7 * SAMPLE_RATE))
        await asyncio.sleep(1.5)
        assert len(outlet.played) == silent
        house.speaker.resume()
        ending = await saying
        watch.cancel()
        assert (ending.state, ending.heard, ending.cut) == ("done", "One two three four five six. Seven eight.", False)
        resumed_at = round(0.7 * SAMPLE_RATE)
        after = [entry for entry in outlet.played if entry[0] > 2.0]
        assert after[0][3][:200] == tone(1.5)[2 * resumed_at : 2 * resumed_at + 200]
        heard = resumed_at + sum(len(p) // 2 for *_, p in after)
        assert heard == round(8 * 0.25 * SAMPLE_RATE)


async def test_a_pause_in_a_lines_last_moment_lets_time_go_on() -> None:
    async with stage() as house:
        saying = asyncio.create_task(house.say("One two."))
        await asyncio.sleep(0.4)  # all of it has its place, and nothing plays but the clock
        house.speaker.pause()
        async with asyncio.timeout(2.0):
            await asyncio.sleep(1.0)
        assert not saying.done()
        house.speaker.resume()
        assert (await saying).heard == "One two."


async def test_words_are_placed_on_the_clock_and_placed_anew_after_a_pause() -> None:
    async with stage() as house:
        saying = asyncio.create_task(house.say("One two three four."))
        await asyncio.sleep(0.6)
        house.speaker.pause()
        await asyncio.sleep(1.0)
        house.speaker.resume()
        await saying
        words = [w for e in house.events.of(LineTimings) for w in e.words]
        assert [w.text for w in words if w.start < 0.6 * SAMPLE_RATE] == ["One", "two", "three"]
        last = [w for w in words if w.text == "four."][-1]
        assert last.start / SAMPLE_RATE == pytest.approx(1.75, abs=0.03)
        shapes = [m for e in house.events.of(LineTimings) for m in e.mouths]
        assert {m.shape for m in shapes} - {"rest"}, "a voice without mouth shapes still moves the mouth"


async def test_without_word_timings_what_was_heard_is_right_to_a_word() -> None:
    async with stage(ScriptedVoice(timings=False)) as house:
        saying = asyncio.create_task(house.say("One four nine zero five six two ten."))
        await asyncio.sleep(1.0)
        house.floor.cut()
        heard = (await saying).heard.split()
        assert 3 <= len(heard) <= 5
        assert "One four nine zero five six two ten.".startswith(" ".join(heard))


async def test_what_was_heard_is_told_as_it_was_shown() -> None:
    shown, spoken = "The “bells” cost $5 today, my friend!", "The bells cost 5 dollars today, my friend!"

    async def say(house: Stage):
        async with house.floor.take("t", house.clock.now()) as mouth:
            await mouth.say(Line(shown=shown, spoken=spoken))
        return mouth.ending

    async with stage() as house:
        assert (await say(house)).heard == shown
    for after, heard in ((0.6, "The “bells”"), (1.3, "The “bells” cost $5"), (1.6, "The “bells” cost $5 today,")):
        async with stage() as house:
            saying = asyncio.create_task(say(house))
            await asyncio.sleep(after)
            house.floor.cut()
            assert (await saying).heard == heard


async def test_giving_way_ends_with_the_line_that_sounds() -> None:
    async with stage() as house:
        saying = asyncio.create_task(house.say("One two three.", "Four five.", "Six."))
        await asyncio.sleep(0.3)
        house.floor.yield_after_line()
        ending = await saying
        assert (ending.state, ending.heard, ending.cut) == ("interrupted", "One two three.", True)
        assert ending.answered == ("answers One two three.",)
        assert house.clock.now() - house.began == pytest.approx(0.75, abs=0.1)


async def test_giving_way_can_still_be_cut() -> None:
    async with stage() as house:
        saying = asyncio.create_task(house.say("One two three four five six.", "Seven."))
        await asyncio.sleep(0.3)
        house.floor.yield_after_line()
        await asyncio.sleep(0.3)
        house.floor.cut()
        assert (await saying).heard == "One two"


async def test_the_next_turn_waits_for_the_floor_and_nothing_of_the_cut_one_follows() -> None:
    async with stage() as house:
        outlet = house.outlet(rank=Rank.CLOCK)
        watch = asyncio.create_task(reports(house, outlet))
        first = asyncio.create_task(house.say("One two three four five six seven.", turn="a"))
        await asyncio.sleep(0.3)
        second = asyncio.create_task(house.say("Next.", turn="b"))
        await asyncio.sleep(0.2)
        house.floor.cut()
        await asyncio.gather(first, second)
        watch.cancel()
        turns = [turn for _, _, turn, _ in outlet.played]
        assert turns == sorted(turns)
        assert turns[-1] == "b"


async def test_a_voice_that_hangs_when_told_to_stop_does_not_delay_the_next_turn() -> None:
    async with stage(ScriptedVoice(fault="hang")) as house:
        saying = asyncio.create_task(house.say("Never."))
        await asyncio.sleep(0.2)
        before = house.clock.now()
        house.floor.cut()
        await saying
        assert house.clock.now() - before < 0.2


async def test_a_slow_voice_starves_the_line_but_loses_nothing() -> None:
    async with stage(ScriptedVoice(pace=2.0)) as house:
        outlet = house.outlet(rank=Rank.CLOCK)
        watch = asyncio.create_task(reports(house, outlet))
        ending = await house.say("One two three four.")
        watch.cancel()
        assert (ending.state, ending.heard) == ("done", "One two three four.")
        assert sum(len(p) // 2 for *_, p in outlet.played) == SAMPLE_RATE


@pytest.mark.parametrize("timings", [True, False])
async def test_a_cut_while_a_slow_voice_still_makes_the_line_keeps_only_what_sounded(timings: bool) -> None:
    async with stage(ScriptedVoice(pace=1.5, timings=timings)) as house:
        watch = asyncio.create_task(reports(house, house.outlet(), delay=0.0))
        saying = asyncio.create_task(house.say("One two three four."))
        await asyncio.sleep(0.535)  # so far 0.3 s of its second are made, and all of that has sounded
        house.floor.cut()
        ending = await saying
        watch.cancel()
        assert (ending.heard, ending.cut, ending.answered) == ("One", True, ())


async def test_prefetch_is_bounded_in_seconds() -> None:
    voice = ScriptedVoice()
    async with stage(voice, ahead=1.0) as house:
        saying = asyncio.create_task(house.say(*(f"{n} two three four." for n in range(10))))
        await asyncio.sleep(0.1)
        assert len(voice.asked) <= 3
        await saying
        assert len(voice.asked) == 10


async def test_a_turn_that_fails_gives_the_floor_back() -> None:
    async with stage() as house:
        with pytest.raises(ZeroDivisionError):
            async with house.floor.take("t", house.clock.now()) as mouth:
                await mouth.say(Line(shown="One two.", spoken="One two."))
                raise ZeroDivisionError
        assert mouth.ending.state == "failed"
        assert (await house.say("Next.", turn="b")).state == "done"


async def test_a_cancelled_task_stays_cancelled() -> None:
    async with stage() as house:
        saying = asyncio.create_task(house.say("One two three four."))
        await asyncio.sleep(0.3)
        saying.cancel()
        with pytest.raises(asyncio.CancelledError):
            await saying
        assert not house.speaker.speaking
        assert house.events.of(LineEnded)[-1].heard == "One"


async def test_chunks_are_short() -> None:
    async with stage() as house:
        outlet = house.outlet(rank=Rank.CLOCK)
        watch = asyncio.create_task(reports(house, outlet))
        await house.say("One two three.")
        watch.cancel()
        assert max(len(p) // 2 for *_, p in outlet.played) <= CHUNK


async def test_a_cut_and_a_long_silence_make_no_outlet_deaf() -> None:
    async with stage() as house:
        outlet = house.outlet()
        watch = asyncio.create_task(reports(house, outlet))
        saying = asyncio.create_task(house.say("One two three four."))
        await asyncio.sleep(0.6)
        house.floor.cut()
        await saying
        await asyncio.sleep(5)
        await house.say("Five six.", turn="t2")
        watch.cancel()
        assert [e.outlet for e in house.events.of(OutletChanged)] == ["window 1"]


async def test_a_speaker_that_crashed_can_be_started_again() -> None:
    house = Stage(ScriptedVoice())

    class Broken(KeptOutlet):
        def play(self, turn: str, line: str, sample: int, pcm: bytes) -> None:
            raise RuntimeError("on purpose")

    broken = Broken()
    house.speaker.attach(broken)
    saying = asyncio.create_task(house.say("One two three."))
    with pytest.raises(RuntimeError, match="on purpose"):
        await house.speaker.run()
    house.speaker.detach(broken)
    running = asyncio.create_task(house.speaker.run())
    assert (await asyncio.wait_for(saying, 5)).heard == ""
    assert (await house.say("Four five.", turn="t2")).heard == "Four five."
    running.cancel()


async def test_an_outlet_that_always_reports_the_same_does_not_hold_the_floor() -> None:
    async with stage() as house:
        outlet = house.outlet()

        async def stuck() -> None:
            while True:
                await asyncio.sleep(0.5)
                house.speaker.played(outlet, 0)

        reporting = asyncio.create_task(stuck())
        ending = await asyncio.wait_for(house.say("one two three four five six seven eight nine ten", "more"), 60)
        reporting.cancel()
        assert ending.state == "done"


@pytest.mark.parametrize("timings", [True, False])
async def test_a_line_that_no_voice_could_end_was_heard_as_far_as_it_was_made(timings: bool) -> None:
    async with stage(ScriptedVoice(fault="break", timings=timings)) as house:
        ending = await house.say("One two three four five six seven eight.")
    assert "One two" in ending.heard
    assert len(ending.heard) < len("One two three four five six seven")
    assert ending.cut
    assert ending.answered == ()
    assert house.events.of(LineEnded)[0].cut
