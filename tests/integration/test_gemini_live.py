"""The duplex engine behind Gemini's Live interface, against a server that keeps to its protocol, or does not."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing
from typing import Any

import pytest
from pydantic import ValidationError

from marotte.engines.kinds import (
    Call,
    Counted,
    EngineError,
    EngineUnavailable,
    Heard,
    Kit,
    Message,
    Piece,
    Prompt,
    Result,
    Sound,
    Tool,
)
from marotte.mind.duplex.gemini_live import GeminiLive, GeminiLiveSession, GeminiLiveSettings
from tests.servers.gemini_live import FAULTS, KEY, PER_WORD, TOKENS, Answer, GeminiLiveServer
from tests.waiting import PATIENCE, until

pytestmark = pytest.mark.anyio

WORDS = "Good evening, dear Ada!"
WEATHER = Tool(name="weather", description="Tell the weather.", parameters={"type": "object", "properties": {}})
BAN = Tool(name="ban", description="Ban somebody.", parameters={"type": "object", "properties": {}})
ABOUT = Prompt(
    system="You are Pip.",
    history=(
        Message(role="user", text="Hello!", name="Ada"),
        Message(role="assistant", text="Hello, Ada."),
        Message(role="user", text=" "),
    ),
    tools=(WEATHER, BAN),
)
BEFORE = [("user", "Ada: Hello!"), ("model", "Hello, Ada.")]
PROMPT = Prompt(system="You are Pip. It rains.", text="Ada says: “Good evening.”", tools=(WEATHER,))


@pytest.fixture
async def server() -> AsyncIterator[GeminiLiveServer]:
    async with GeminiLiveServer() as server:
        yield server
    assert server.complaints == []


@pytest.fixture
async def kit() -> AsyncIterator[Kit]:
    kit = Kit(secrets={"TEST_KEY": KEY})
    yield kit
    await kit.close()


class Engines:
    """Makes engines, and conversations with them."""

    def __init__(self, kit: Kit, url: str) -> None:
        self.kit, self.url, self.made, self.asked = kit, url, list[GeminiLive](), 0

    def engine(self, **settings: Any) -> GeminiLive:
        given = {"url": self.url, "secret": "TEST_KEY", "patience": PATIENCE, "first_within": PATIENCE, **settings}
        self.made.append(GeminiLive(GeminiLiveSettings.model_validate(given), self.kit))
        return self.made[-1]

    def join(self, **settings: Any) -> GeminiLiveSession:
        return self.engine(**settings).join(self.about)

    async def about(self) -> Prompt:
        self.asked += 1
        return ABOUT


@pytest.fixture
async def engines(kit: Kit, server: GeminiLiveServer) -> AsyncIterator[Engines]:
    engines = Engines(kit, server.url)
    yield engines
    for engine in engines.made:
        await engine.close()


async def spoken(seconds: float, piece: int = 641) -> AsyncIterator[bytes]:
    pcm = bytes(range(200)) * round(160 * seconds)
    for at in range(0, len(pcm), piece):
        yield pcm[at : at + piece]


async def hear(talk: GeminiLiveSession, seconds: float = 1.0, language: str = "en") -> list[Heard]:
    return [heard async for heard in talk.hear(spoken(seconds), language)]


async def reply(talk: GeminiLiveSession, prompt: Prompt = PROMPT, *, to_speech: bool = False) -> list[Piece]:
    return [piece async for piece in talk.reply(prompt, to_speech=to_speech)]


def words(pieces: Sequence[Piece]) -> str:
    return "".join(piece for piece in pieces if isinstance(piece, str))


def seconds(pieces: Sequence[Piece]) -> float:
    return sum(len(piece.pcm) / 2 / piece.rate for piece in pieces if isinstance(piece, Sound))


def said(server: GeminiLiveServer) -> list[tuple[str, str]]:
    return server.connections[-1].said


# --- a conversation


async def test_it_hears_and_answers_with_words_and_sound(server: GeminiLiveServer, engines: Engines) -> None:
    talk = engines.join()
    server.transcripts.append("Good evening to you.")
    heard = await hear(talk)
    assert heard[-1] == Heard(text="Good evening to you.", language="en-US")
    assert [h.text for h in heard[:-1] if not h.final] == [
        "Good", "Good evening", "Good evening to", "Good evening to you."
    ][: len(heard) - 1]  # fmt: skip
    pieces = await reply(talk, to_speech=True)
    assert words(pieces) == WORDS
    assert seconds(pieces) == pytest.approx(4 * PER_WORD)
    assert all(piece.rate == 24_000 for piece in pieces if isinstance(piece, Sound))
    assert pieces[-1] == Counted(TOKENS)
    assert said(server) == [*BEFORE, ("user", "Good evening to you."), ("model", WORDS)]
    assert server.connections[0].speeches == [bytes(range(200)) * 160]
    assert engines.asked == 1


async def test_the_session_is_set_up_with_our_own_ends_of_turns(server: GeminiLiveServer, engines: Engines) -> None:
    extra = {"generationConfig": {"temperature": 1}, "contextWindowCompression": {"slidingWindow": {}}}
    await hear(engines.join(languages=["en-GB", "fr"], extra=extra))
    declared = [
        {"name": tool.name, "description": tool.description, "parametersJsonSchema": tool.parameters,
         "behavior": "BLOCKING"}
        for tool in (WEATHER, BAN)
    ]  # fmt: skip
    assert server.connections[0].setup == {
        "model": "models/gemini-3.8-live",
        "generationConfig": {
            "responseModalities": ["AUDIO"],
            "speechConfig": {"voiceConfig": {"prebuiltVoiceConfig": {"voiceName": "Kore"}}},
            "temperature": 1,
        },
        "systemInstruction": {"parts": [{"text": "You are Pip."}]},
        "tools": [{"functionDeclarations": declared}],
        "inputAudioTranscription": {"languageCodes": ["en-GB", "fr"]},
        "outputAudioTranscription": {},
        "realtimeInputConfig": {"automaticActivityDetection": {"disabled": True}},
        "historyConfig": {"initialHistoryInClientContent": True},
        "contextWindowCompression": {"slidingWindow": {}},
    }


async def test_without_history_tools_and_voice_nothing_is_said_of_them(
    server: GeminiLiveServer, engines: Engines
) -> None:
    async def nobody() -> Prompt:
        return Prompt(system="")

    assert words(await reply(engines.engine(voice="", tools=False).join(nobody))) == WORDS
    assert server.connections[0].setup.keys() == {
        "model", "generationConfig", "inputAudioTranscription", "outputAudioTranscription", "realtimeInputConfig"
    }  # fmt: skip
    assert said(server)[0] == ("user", PROMPT.text)


async def test_what_was_no_speech_is_answered_as_text(server: GeminiLiveServer, engines: Engines) -> None:
    talk = engines.join()
    assert words(await reply(talk)) == WORDS
    assert words(await reply(talk, Prompt(system=""))) == WORDS
    assert said(server)[2:] == [("user", PROMPT.text), ("model", WORDS), ("user", "…"), ("model", WORDS)]


async def test_an_answer_to_speech_that_is_told_as_text_is_not_said(server: GeminiLiveServer, engines: Engines) -> None:
    talk = engines.join()
    server.answers += [Answer("Never heard."), Answer("Heard.")]
    await hear(talk)
    assert words(await reply(talk)) == "Heard."


async def test_an_answer_that_nobody_asked_for_is_not_the_next_one(server: GeminiLiveServer, engines: Engines) -> None:
    talk = engines.join()
    server.answers += [Answer("Never heard."), Answer("Heard.")]
    await hear(talk)
    await hear(talk)
    assert words(await reply(talk, to_speech=True)) == "Heard."


@pytest.mark.parametrize("fault", ["finished", "late_transcript"])
async def test_the_transcript_tells_its_end_or_comes_late(
    server: GeminiLiveServer, engines: Engines, fault: str
) -> None:
    server.fault(fault)
    assert (await hear(engines.join()))[-1].text == "1.0 seconds"


async def test_the_end_of_an_answer_is_not_waited_for_until_it_was_heard(
    server: GeminiLiveServer, engines: Engines
) -> None:
    """The server tells it when it takes all sound to be played."""
    talk = engines.join()
    server.fault("playback")
    pieces = await reply(talk)
    assert (words(pieces), seconds(pieces)) == (WORDS, pytest.approx(4 * PER_WORD))
    server.answers.append(Answer("Again."))
    assert words(await reply(talk)) == "Again."


async def test_two_conversations_do_not_mix(server: GeminiLiveServer, engines: Engines) -> None:
    engine = engines.engine()
    one, two = engine.join(engines.about), engine.join(engines.about)

    async def turn(talk: GeminiLiveSession, length: float) -> tuple[str, str]:
        heard = await hear(talk, length)
        return heard[-1].text, words(await reply(talk, to_speech=True))

    assert await asyncio.gather(turn(one, 1.0), turn(two, 2.0)) == [("1.0 seconds", WORDS), ("2.0 seconds", WORDS)]
    assert len(server.connections) == 2


# --- tools


async def test_a_call_ends_the_reply_and_its_result_goes_on_with_it(server: GeminiLiveServer, engines: Engines) -> None:
    talk = engines.join()
    server.answers += [Answer("Let me see.", [("weather", {"city": "Bern"})]), Answer("", [("weather", {})]),
                       Answer("It rains.")]  # fmt: skip
    await hear(talk)
    first = await reply(talk, to_speech=True)
    assert words(first) == "Let me see."
    *_, call, counted = first
    assert isinstance(call, Call)
    assert (call.tool, call.arguments, counted) == ("weather", {"city": "Bern"}, Counted(TOKENS))
    results = (Result(call=call, text="rain"),)
    prompt = Prompt(system="", text="…", said="Let me see.", tools=(WEATHER,), results=results)
    again = await reply(talk, prompt)
    assert isinstance(again[0], Call)
    results = (*results, Result(call=again[0], text="more rain"))
    prompt = Prompt(system="", text="…", said="Let me see.", tools=(WEATHER,), results=results)
    assert words(await reply(talk, prompt)) == "It rains."
    assert [what for who, what in said(server) if who == "result"] == ['{"output": "rain"}', '{"output": "more rain"}']


async def test_a_reply_closed_at_its_call_goes_on_all_the_same(server: GeminiLiveServer, engines: Engines) -> None:
    talk = engines.join()
    server.answers += [Answer("", [("weather", {})]), Answer("It rains.")]
    async with aclosing(talk.reply(PROMPT, to_speech=False)) as pieces:  # type: ignore[type-var]
        call = await anext(pieces)
    assert isinstance(call, Call)
    prompt = Prompt(system="", text="…", tools=(WEATHER,), results=(Result(call=call, text="rain"),))
    assert words(await reply(talk, prompt)) == "It rains."


async def test_a_tool_that_this_reply_may_not_use_is_refused_at_once(
    server: GeminiLiveServer, engines: Engines
) -> None:
    """A session offers from its start what any reply may use."""
    talk = engines.join()
    server.answers += [Answer("", [("ban", {"who": "Ada"})]), Answer("I may not.")]
    assert words(await reply(talk)) == "I may not."
    assert ("result", '{"error": "This may not be used now."}') in said(server)


async def test_a_result_reaches_a_conversation_that_knows_nothing_of_its_call(
    server: GeminiLiveServer, engines: Engines
) -> None:
    talk = engines.join()
    result = Result(call=Call(id="elsewhere", tool="weather", arguments={"city": "Bern"}), text="rain")
    assert words(await reply(talk, Prompt(system="", text="How is it?", results=(result,)))) == WORDS
    assert said(server)[2] == (
        "user", 'How is it?\n(You have used weather with {"city": "Bern"}. What came of it: rain)'
    )  # fmt: skip


async def test_speech_makes_a_call_void_and_is_answered(server: GeminiLiveServer, engines: Engines) -> None:
    talk = engines.join()
    server.answers += [Answer("", [("weather", {})]), Answer("Of course.")]
    assert isinstance((await reply(talk))[0], Call)
    await hear(talk)
    assert words(await reply(talk, to_speech=True)) == "Of course."


# --- cuts


async def test_a_cut_reply_is_dropped_and_the_next_one_is_whole(server: GeminiLiveServer, engines: Engines) -> None:
    talk = engines.join()
    server.gate.clear()
    await hear(talk)
    async with aclosing(talk.reply(PROMPT, to_speech=True)) as pieces:  # type: ignore[type-var]
        assert isinstance(await anext(pieces), Sound)
    server.answers.append(Answer("Pardon?"))
    hearing = asyncio.create_task(hear(talk))
    await until(lambda: server.connections[0].interrupted, "the interruption")
    server.gate.set()
    await hearing
    assert words(await reply(talk, to_speech=True)) == "Pardon?"


async def test_a_cut_reply_that_the_model_finishes_is_dropped(server: GeminiLiveServer, engines: Engines) -> None:
    talk = engines.join()
    async with aclosing(talk.reply(PROMPT, to_speech=False)) as pieces:  # type: ignore[type-var]
        await anext(pieces)
    server.answers.append(Answer("Pardon?"))
    assert words(await reply(talk)) == "Pardon?"


async def test_the_model_is_told_what_was_heard_before_a_cut(server: GeminiLiveServer, engines: Engines) -> None:
    talk = engines.join()
    await reply(talk)
    await talk.cut(0.2, "Good evening,")
    await hear(talk)
    await reply(talk, to_speech=True)
    await talk.cut(0.0, "")
    await reply(talk)
    assert said(server)[4:] == [
        ("user", "(You were interrupted. Of your last answer only this was heard: “Good evening,”)"),
        ("user", "1.0 seconds"), ("model", WORDS),
        ("user", "(You were interrupted before anything of your last answer was heard.)"),
        ("user", PROMPT.text), ("model", WORDS),
    ]  # fmt: skip


async def test_a_cut_that_is_told_late_does_not_break_off_what_came_after(
    server: GeminiLiveServer, engines: Engines
) -> None:
    talk = engines.join()
    await reply(talk)
    await hear(talk)
    await talk.cut(0.2, "Good evening,")
    assert words(await reply(talk, to_speech=True)) == WORDS
    await hear(talk)
    assert said(server)[-3][1].startswith("(You were interrupted.")
    assert server.connections[0].interrupted == 0


async def test_a_cut_hearing_leaves_nothing_behind(server: GeminiLiveServer, engines: Engines) -> None:
    talk = engines.join()
    more = asyncio.Event()

    async def endless() -> AsyncIterator[bytes]:
        yield bytes(16_000)
        more.set()
        await asyncio.Event().wait()

    async def first() -> None:
        async for _ in talk.hear(endless(), "en"):
            pass

    server.answers += [Answer("Never heard."), Answer("Heard.")]
    hearing = asyncio.create_task(first())
    await more.wait()
    hearing.cancel()
    await asyncio.gather(hearing, return_exceptions=True)
    await until(lambda: said(server)[-1] == ("model", "Never heard."), "the answer that nobody wants")
    assert (await hear(talk, 1.5))[-1].text == "1.5 seconds"
    assert words(await reply(talk, to_speech=True)) == "Heard."


async def test_what_is_written_down_late_does_not_get_into_the_next_speech(
    server: GeminiLiveServer, engines: Engines
) -> None:
    talk = engines.join()
    server.gate.clear()
    server.fault("late_transcript")
    server.answers += [Answer("Never heard."), Answer("Heard.")]
    broken = asyncio.Event()

    async def speech() -> AsyncIterator[bytes]:
        yield bytes(32_000)
        await broken.wait()

    server.transcripts += ["what was said before", "what is said now"]
    hearing = asyncio.create_task(hear(talk))
    await until(lambda: server.connections and said(server)[-1:] == [("model", "Never")], "the beginning of an answer")
    hearing.cancel()
    await asyncio.gather(hearing, return_exceptions=True)
    found = asyncio.create_task(_all(talk.hear(speech(), "en")))
    await until(lambda: server.connections[0].interrupted, "the interruption")
    broken.set()
    server.gate.set()
    assert all("what is said now".startswith(heard.text) for heard in await found)
    assert (await found)[-1].text == "what is said now"
    assert words(await reply(talk, to_speech=True)) == "Heard."


async def _all(heard: AsyncIterator[Heard]) -> list[Heard]:
    return [one async for one in heard]


async def test_a_noise_that_the_model_does_not_answer_spoils_nothing(
    server: GeminiLiveServer, engines: Engines
) -> None:
    talk = engines.join()
    for _ in range(2):
        server.fault("no_answer")
        talk._patience = 0.2
        with pytest.raises(EngineError, match=r"no transcript came within 0\.2 s"):
            await hear(talk)
        talk._patience = PATIENCE  # nothing will come of the noise; what comes of speech may take its time
        assert (await hear(talk))[-1].text == "1.0 seconds"
        assert words(await reply(talk, to_speech=True)) == WORDS


async def test_who_speaks_while_it_is_made_ends_the_reply_there(server: GeminiLiveServer, engines: Engines) -> None:
    talk = engines.join()
    server.gate.clear()
    pieces = talk.reply(PROMPT, to_speech=False)
    assert isinstance(await anext(pieces), Sound)
    assert await anext(pieces) == "Good"
    hearing = asyncio.create_task(hear(talk))
    assert words([piece async for piece in pieces]) == ""
    server.gate.set()
    assert (await hearing)[-1].text == "1.0 seconds"
    assert words(await reply(talk, to_speech=True)) == WORDS


# --- the connection


async def test_a_lost_connection_is_opened_again_with_what_was_said(server: GeminiLiveServer, engines: Engines) -> None:
    talk = engines.join()
    await hear(talk)
    await server.connections[0].socket.close()
    await until(lambda: talk._wire and not talk._wire.open, "its loss")
    assert words(await reply(talk, to_speech=True)) == WORDS
    assert said(server) == [*BEFORE, ("user", PROMPT.text), ("model", WORDS)]
    assert (len(server.connections), engines.asked) == (2, 2)


async def test_it_leaves_for_another_connection_when_it_is_told_to_go(
    server: GeminiLiveServer, engines: Engines
) -> None:
    talk = engines.join()
    server.fault("go_away")
    await hear(talk)
    assert words(await reply(talk, to_speech=True)) == WORDS, "not between a speech and its answer"
    assert len(server.connections) == 1
    await hear(talk)
    assert words(await reply(talk, to_speech=True)) == WORDS
    assert len(server.connections) == 2
    await until(lambda: server.connections[0].left, "its leaving the first")


@pytest.mark.parametrize(
    ("fault", "told", "wait"),
    [
        ("401", r"does not accept the key in TEST_KEY \(401\)", 0),
        ("403", r"does not accept the key in TEST_KEY \(403\)", 0),
        ("429", "has had enough requests", 7),
        ("500", "has failed", 0),
        ("bad_key", r"closed the connection \(1007\): API key not valid", 0),
        ("quota", r"closed the connection \(1011\): You exceeded your current quota", 0),
    ],
)
async def test_a_refusal_is_told_in_plain_words(
    server: GeminiLiveServer, engines: Engines, fault: str, told: str, wait: float
) -> None:
    talk = engines.join()
    for ask in (lambda: hear(talk), lambda: reply(talk)):
        server.fault(fault)
        with pytest.raises(EngineUnavailable, match=told) as failure:
            await ask()
        assert failure.value.retry_after == wait
        assert KEY not in str(failure.value)
    assert words(await reply(talk)) == WORDS


async def test_a_server_that_never_gets_ready(server: GeminiLiveServer, engines: Engines) -> None:
    server.gate.clear()
    server.fault("hang", 2)
    with pytest.raises(EngineUnavailable, match=r"was not ready within 0\.3 s"):
        await reply(engines.join(first_within=0.3))
    asking = asyncio.create_task(reply(engines.join()))
    await until(lambda: len(server.connections) == 2, "the connection")
    server.gate.set()
    assert words(await asking) == WORDS, "one that is only slow"


async def test_a_closed_conversation_ends_what_is_going_on(server: GeminiLiveServer, engines: Engines) -> None:
    engine = engines.engine()
    talk = engine.join(engines.about)
    server.gate.clear()
    asking = asyncio.create_task(reply(talk))
    await until(lambda: server.connections and bool(server.connections[0].answering), "the answer")
    await engine.close()
    with pytest.raises(EngineError, match="was closed"):
        await asking
    await until(lambda: server.connections[0].left, "its leaving")


# --- faults


@pytest.mark.parametrize(
    ("fault", "told", "kind"),
    [
        ("close", r"closed the connection \(1011\): Internal error", EngineError),
        ("garbage", "sent what is no message of its protocol", EngineError),
        ("list", "sent what is no message of its protocol", EngineError),
        ("malformed", "sent what is no message of its protocol", EngineError),
        ("huge", "the connection broke", EngineError),
        ("rejected", "the model said nothing: RESPONSE_REJECTED", EngineUnavailable),
        ("no_base64", "no base64", EngineUnavailable),
        ("half", "half a sample", EngineUnavailable),
        ("endless", "more than 100000 characters", EngineError),
    ],
)
async def test_a_fault_in_mid_reply_is_told_and_the_next_reply_is_well(
    server: GeminiLiveServer, engines: Engines, fault: str, told: str, kind: type[EngineError]
) -> None:
    talk = engines.join()
    server.fault(fault)
    with pytest.raises(EngineError, match=told) as failure:
        await reply(talk)
    assert type(failure.value) is kind
    assert words(await reply(talk)) == WORDS


async def test_a_call_without_a_name(server: GeminiLiveServer, engines: Engines) -> None:
    server.fault("nameless_call")
    server.answers.append(Answer("", [("weather", {})]))
    with pytest.raises(EngineUnavailable, match="called more than anybody could want, or what has no name"):
        await reply(engines.join())


async def test_speech_that_was_not_written_down_is_answered_as_text(server: GeminiLiveServer, engines: Engines) -> None:
    talk = engines.join(patience=0.3)
    server.fault("no_transcript")
    server.answers += [Answer("Never heard."), Answer("Heard.")]
    with pytest.raises(EngineError, match=r"no transcript came within 0\.3 s"):
        await hear(talk)
    assert words(await reply(talk, to_speech=True)) == "Heard."
    assert said(server)[-2] == ("user", PROMPT.text)


async def test_settings_and_what_is_missing(kit: Kit) -> None:
    assert "set GEMINI_API_KEY" in GeminiLive.check(GeminiLiveSettings(), Kit())
    assert GeminiLive.check(GeminiLiveSettings(secret="TEST_KEY"), kit) == ""
    assert GeminiLive.check(GeminiLiveSettings(url="http://127.0.0.1:8000/live"), Kit()) == ""
    for wrong in ({"speed": 1.6}, {"model": "models/x"}, {"url": "wss://x"}, {"patience": 0}, {"thinking": "low"}):
        with pytest.raises(ValidationError):
            GeminiLiveSettings.model_validate(wrong)


def test_every_fault_is_tried() -> None:
    with open(__file__, encoding="utf-8") as tests:
        text = tests.read()
    assert [fault for fault in FAULTS if f'"{fault}"' not in text] == []
