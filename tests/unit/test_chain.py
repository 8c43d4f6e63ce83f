"""Chains: the understudy takes over within the turn; the failing engine rests and is probed."""

import asyncio

import pytest
from msgspec.structs import replace

from marotte.engines.chains import BrainChain, EarChain, VoiceChain, rest_of
from marotte.engines.kinds import Call, Counted, EngineError, EngineUnavailable, EngineUnsuited, Prompt, Result, Sound
from marotte.events import Cue, EngineState, Line, Used, Word
from marotte.text.sentences import seconds
from marotte.time import Clock
from tests.stand_ins import Published, ScriptedBrain, ScriptedEar, ScriptedVoice, built

pytestmark = [pytest.mark.anyio, pytest.mark.virtual]
LINE = Line(shown="One two three four five six.", spoken="One two three four five six.")
PROMPT = Prompt(system="You are Pip.", text="Hello")
FAST = {"first_within": 1.0, "next_within": 1.0}


def voices(*engines, rest: float = 15.0) -> tuple[VoiceChain, Published]:
    events = Published()
    return VoiceChain([built(f"v{n}", e, **FAST) for n, e in enumerate(engines)], events, Clock(), rest), events


async def spoken(chain: VoiceChain, line: Line = LINE) -> list[Sound]:
    return [sound async for sound in chain.speak(line)]


def length(sounds: list[Sound]) -> float:
    return sum(len(s.pcm) / 2 / s.rate for s in sounds)


@pytest.mark.parametrize("fault", ["hang", "nothing", "raise"])
async def test_the_understudy_speaks_the_whole_line_if_the_first_gives_nothing(fault: str) -> None:
    chain, events = voices(ScriptedVoice(fault=fault), ScriptedVoice())
    assert length(await spoken(chain)) == pytest.approx(1.5)
    assert [(e.engine, e.state) for e in events.of(EngineState)] == [("v0", "resting")]
    assert chain.members[0].detail


async def test_the_understudy_goes_on_at_the_word_where_the_first_broke_off() -> None:
    understudy = ScriptedVoice()
    chain, _ = voices(ScriptedVoice(fault="break"), understudy)
    sounds = await spoken(chain)
    assert understudy.asked[0].spoken == "five six."
    words = [w for s in sounds for w in s.words]
    assert [LINE.spoken[w.offset :].split()[0] for w in words][-2:] == ["five", "six."]
    assert words[-1].start > words[-3].start, "the understudy's words stand behind what was spoken"
    assert [w.start for w in words] == sorted(w.start for w in words)


async def test_without_timings_the_understudy_goes_on_about_there() -> None:
    understudy = ScriptedVoice()
    chain, _ = voices(ScriptedVoice(fault="break", timings=False), understudy)
    await spoken(chain)
    rest = understudy.asked[0].spoken
    assert LINE.spoken.endswith(rest)
    assert 1 <= len(rest.split()) <= 5


@pytest.mark.parametrize(
    ("text", "language", "rest"),
    [
        (
            "Ada さん、今日はとてもいい天気ですね。一緒に散歩に行きましょう。",
            "ja",
            "もいい天気ですね。一緒に散歩に行きましょう。",
        ),
        ("你好 Bob，今天天气真不错，我们一起去公园散步好不好？", "zh", "气真不错，我们一起去公园散步好不好？"),
        ("สวัสดี Bob วันนี้อากาศดีมากเลยนะครับ", "th", "นนี้อากาศดีมากเลยนะครับ"),
        ("안녕하세요 여러분 반갑습니다", "ko", "여러분 반갑습니다"),
        ("All in one breath.", "en", "one breath."),
    ],
)
async def test_the_understudy_goes_on_where_words_have_no_blanks_between_them(
    text: str, language: str, rest: str
) -> None:
    line = Line(shown=text, spoken=text, language=language)
    made = Sound(pcm=bytes(2 * round(16_000 * 0.35 * seconds(text, language))), rate=16_000)
    assert rest_of(line, [made]).spoken == rest


async def test_the_rest_of_a_line_keeps_what_still_applies() -> None:
    pauses = [Cue(kind="pause", name="1s", offset=at) for at in (0, 4, 5, 9, 13)]
    cues = (Cue(kind="expression", name="joy", offset=2), *pauses)
    line = Line(
        turn="t", shown="one *two* three", spoken="one two three", language="en-GB", feeling="joy", cues=cues,
        answers=("p",), firm=True, voice="deep",
    )  # fmt: skip
    made = Sound(pcm=bytes(3_200), rate=16_000, words=(Word("one", 0, 1_600, 0),))
    rest = rest_of(line, [made])
    assert rest.spoken == "two three"
    assert [(cue.kind, cue.offset) for cue in rest.cues] == [("pause", 0), ("pause", 1), ("pause", 5), ("pause", 9)]
    assert replace(rest, shown=line.shown, spoken=line.spoken, cues=line.cues) == line
    before = replace(line, cues=(Cue(kind="pause", name="1s", offset=3),))
    assert [cue.offset for cue in rest_of(before, [made]).cues] == [0], "a pause that stands right behind the last word"


@pytest.mark.parametrize("spoke_before", [True, False])
async def test_a_voice_of_one_language_is_probed_in_that(spoke_before: bool) -> None:
    class Japanese(ScriptedVoice):
        async def speak(self, line):
            if line.language != "ja":
                raise OSError("500: the model is trained with JP-Extra, but the language is not JP")
            async for sound in super().speak(line):
                yield sound

    japanese = Line(shown="はい。", spoken="はい。", language="ja")
    flaky = Japanese(fault="" if spoke_before else "raise")
    chain, _ = voices(flaky, ScriptedVoice())
    await spoken(chain, japanese)
    flaky.fault = ""
    if spoke_before:
        await spoken(chain)
    assert chain.members[0].state == "resting"
    await asyncio.sleep(16)
    await spoken(chain, japanese)
    await asyncio.sleep(1)
    assert chain.members[0].state == "ready"


async def test_many_who_meet_one_failure_at_once_count_it_once() -> None:
    chain, _ = voices(ScriptedVoice(fault="hang"), ScriptedVoice())
    await asyncio.gather(*(spoken(chain) for _ in range(8)))
    assert (chain.members[0].failures, chain.members[0].failed) == (1, 8)
    assert chain.members[0].rests_until - Clock().now() == pytest.approx(15, abs=1)


async def test_a_failure_that_comes_late_shortens_no_rest_that_the_provider_asks_for() -> None:
    class Busy(ScriptedVoice):
        async def speak(self, line):
            self.asked.append(line)
            if len(self.asked) == 2:
                raise EngineUnavailable("429", retry_after=500)
            await asyncio.sleep(1)
            raise EngineUnavailable("500")
            yield

    chain, _ = voices(Busy(), ScriptedVoice())
    began = Clock().now()
    await asyncio.gather(spoken(chain), spoken(chain))
    assert chain.members[0].failed == 2
    assert chain.members[0].rests_until - began == pytest.approx(500, abs=1)


async def test_a_failing_engine_rests_and_is_probed_in_the_background() -> None:
    flaky, understudy = ScriptedVoice(fault="raise"), ScriptedVoice()
    chain, events = voices(flaky, understudy)
    await spoken(chain)
    await spoken(chain)
    assert len(flaky.asked) == 1, "it rests"
    await asyncio.sleep(16)
    flaky.fault = ""
    await spoken(chain)
    assert len(understudy.asked) == 3, "the turn that finds the rest over does not wait for the probe"
    await asyncio.sleep(1)
    assert chain.members[0].state == "ready"
    await spoken(chain)
    assert len(understudy.asked) == 3
    assert [e.state for e in events.of(EngineState)] == ["resting", "probing", "ready"]


async def test_rests_grow_and_honour_what_the_provider_asks_for() -> None:
    class Busy(ScriptedVoice):
        async def speak(self, line):
            self.asked.append(line)
            raise EngineUnavailable("429", retry_after=500)
            yield

    chain, _ = voices(Busy(), ScriptedVoice())
    await spoken(chain)
    assert chain.members[0].rests_until - Clock().now() == pytest.approx(500, abs=1)


async def test_an_engine_that_is_only_unsuited_stays_well() -> None:
    class English(ScriptedVoice):
        async def speak(self, line):
            raise EngineUnsuited("speaks no Japanese")
            yield

    chain, events = voices(English(), ScriptedVoice())
    assert length(await spoken(chain)) > 1
    assert chain.members[0].state == "ready"
    assert not events.of(EngineState)


async def test_when_all_fail_the_error_names_each() -> None:
    chain, _ = voices(ScriptedVoice(fault="raise"), ScriptedVoice(fault="nothing"))
    with pytest.raises(EngineError, match=r"v0: OSError: connection reset; v1: gave nothing"):
        await spoken(chain)
    with pytest.raises(EngineError, match=r"v1"):
        await spoken(chain)


async def test_an_endless_voice_is_stopped_and_the_line_ends() -> None:
    class Endless(ScriptedVoice):
        async def speak(self, line):
            while True:
                yield Sound(pcm=bytes(960_000), rate=48_000)

    chain, _ = voices(Endless(), ScriptedVoice())
    assert 5 < length(await spoken(chain)) < 25


async def test_usage_is_told() -> None:
    chain, events = voices(ScriptedVoice())
    await spoken(chain)
    assert [(u.engine, u.unit, u.amount) for u in events.of(Used)] == [("v0", "characters", len(LINE.spoken))]
    assert chain.members[0].used == {"characters": len(LINE.spoken)}


def brains(*engines) -> tuple[BrainChain, Published]:
    events = Published()
    return BrainChain([built(f"b{n}", e, **FAST) for n, e in enumerate(engines)], events, Clock()), events


async def test_what_a_server_counts_is_told_for_each_reply_though_two_run_at_once() -> None:
    class Counting(ScriptedBrain):
        async def reply(self, prompt):
            async for piece in super().reply(prompt):
                yield piece
            yield Counted(int(prompt.text))

    chain, events = brains(Counting("Hello there, all of you."))

    async def reply(text: str) -> str:
        return "".join([piece async for piece in chain.reply(Prompt(system="", text=text))])

    assert await asyncio.gather(reply("7"), reply("30")) == ["Hello there, all of you."] * 2
    assert sorted(used.amount for used in events.of(Used)) == [7, 30]


async def test_the_next_brain_is_told_what_was_said() -> None:
    second = ScriptedBrain("and so it goes.")
    chain, events = brains(ScriptedBrain("Once upon a time there was", fault="break"), second)
    reply = "".join([piece async for piece in chain.reply(PROMPT)])
    assert reply == "Once upon a" + "and so it goes."
    assert second.prompts[0].said == "Once upon a"
    assert events.of(Used)[0].amount > 5


async def test_the_next_brain_is_told_what_was_said_before_a_tool_was_used_too() -> None:
    second = ScriptedBrain("and so it goes.")
    chain, _ = brains(ScriptedBrain("It is raining in Oslo now, dear", fault="break"), second)
    call = Call(id="1", tool="weather", arguments={})
    prompt = replace(PROMPT, said="Let me look. ", results=(Result(call=call, text="rain"),))
    reply = "".join([piece async for piece in chain.reply(prompt) if isinstance(piece, str)])
    assert second.prompts[0].said == "Let me look. " + reply.removesuffix("and so it goes.")
    assert second.prompts[0].said.startswith("Let me look. It is")


@pytest.mark.parametrize("fault", ["hang", "flood"])
async def test_a_brain_that_hangs_or_floods_is_replaced(fault: str) -> None:
    chain, _ = brains(ScriptedBrain("A b c.", fault=fault), ScriptedBrain("Understudy."))
    reply = "".join([piece async for piece in chain.reply(PROMPT)])
    assert reply.endswith("Understudy.")
    assert len(reply) < 100


async def test_a_cut_stops_the_brain_at_once() -> None:
    brain = ScriptedBrain("one two three four five six seven eight", token=0.1)
    chain, _ = brains(brain)
    taken = []

    async def take() -> None:
        async for piece in chain.reply(PROMPT):
            taken.append(piece)

    task = asyncio.create_task(take())
    await asyncio.sleep(0.35)
    task.cancel()
    await asyncio.sleep(0.01)
    assert (len(taken), brain.stopped) == (3, 1)


async def test_a_brain_put_first_leads_from_the_next_turn_on() -> None:
    chain, _ = brains(ScriptedBrain("Script."))
    chain.put_first(built("found", ScriptedBrain("Model.")))
    assert "".join([p async for p in chain.reply(PROMPT)]) == "Model."


async def speech(pieces: int = 10):
    for _ in range(pieces):
        await asyncio.sleep(0.1)
        yield bytes(3_200)


async def test_the_next_ear_hears_the_same_speech_from_its_beginning() -> None:
    first, second = ScriptedEar("", fault="raise"), ScriptedEar("hello")
    chain = EarChain([built("e0", first, **FAST), built("e1", second, **FAST)], Published(), Clock())
    heard = [h async for h in chain.hear(speech(), "en")]
    assert [h.text for h in heard] == ["hello"]
    assert len(second.heard) == len(first.heard) == 32_000


async def test_an_ear_may_wait_as_long_as_somebody_speaks() -> None:
    chain = EarChain([built("e0", ScriptedEar("patience"), **FAST)], Published(), Clock())
    assert [h.text async for h in chain.hear(speech(100), "en")] == ["patience"]


async def test_an_ear_that_hangs_after_the_speech_is_replaced() -> None:
    class Deaf(ScriptedEar):
        async def hear(self, speech, language):
            async for _ in speech:
                pass
            await asyncio.sleep(3_600)
            yield

    chain = EarChain([built("e0", Deaf(""), **FAST), built("e1", ScriptedEar("yes"), **FAST)], Published(), Clock())
    assert [h.text async for h in chain.hear(speech(), "en")] == ["yes"]


async def test_understanding_nothing_is_an_answer() -> None:
    chain = EarChain([built("e0", ScriptedEar(""), **FAST)], Published(), Clock())
    assert [h.text async for h in chain.hear(speech(), "en")] == [""]
    assert chain.members[0].state == "ready"


@pytest.mark.virtual
async def test_other_engines_follow_and_those_that_stay_keep_their_breaker() -> None:
    stays, goes, comes = ScriptedVoice(), ScriptedVoice(), ScriptedVoice()
    closed: list[object] = []
    for voice in (stays, goes, comes):
        voice.close = lambda voice=voice: _note(closed, voice)  # type: ignore[method-assign]
    chain = VoiceChain([built("stays", stays), built("goes", goes)], Published(), Clock(), rest=15)
    chain.members[0].failed = 3
    chain.follow([built("comes", comes), built("stays", ScriptedVoice())], rest=5)
    assert [m.name for m in chain.members] == ["comes", "stays"]
    assert (chain.members[1].engine, chain.members[1].failed) == (stays, 3)
    assert closed == []
    await asyncio.sleep(61)
    assert closed == [goes]
    chain.follow([built("comes", comes, first_within=2.0)], rest=5)
    await chain.close()
    assert set(map(id, closed)) == {id(goes), id(stays), id(comes)}


async def _note(notes: list[object], what: object) -> None:
    notes.append(what)
