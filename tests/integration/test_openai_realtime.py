"""The duplex engine behind OpenAI's Realtime interface, against a server that keeps to its protocol, or does not."""

import asyncio
import base64
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing
from typing import Any

import numpy as np
import pytest
from openai import AsyncOpenAI
from openai.types.realtime import RealtimeServerEvent
from pydantic import TypeAdapter, ValidationError

from marotte.engines.kinds import (
    Call,
    Counted,
    EngineError,
    EngineUnavailable,
    EngineUnsuited,
    Heard,
    Kit,
    Message,
    Piece,
    Prompt,
    Result,
    Sound,
    Tool,
)
from marotte.mind.duplex import openai_realtime, session, wire
from marotte.mind.duplex.openai_realtime import OpenAIRealtime, OpenAIRealtimeSession, OpenAIRealtimeSettings
from tests.servers.openai_realtime import FAULTS, KEY, PER_WORD, TOKENS, OpenAIRealtimeServer, Reply
from tests.servers.stalling_proxy import stalling_proxy
from tests.waiting import PATIENCE, until

pytestmark = pytest.mark.anyio

WORDS = "Good evening, dear Ada!"
WEATHER = Tool(name="weather", description="Tell the weather.", parameters={"type": "object", "properties": {}})
ABOUT = Prompt(
    system="You are Pip.",
    history=(
        Message(role="user", text="Hello!", name="Ada"),
        Message(role="assistant", text="Hello, Ada."),
        Message(role="user", text=" "),
    ),
    tools=(WEATHER,),
)
PROMPT = Prompt(system="You are Pip. It rains.", text="Ada says: “Good evening.”", tools=(WEATHER,))


@pytest.fixture
async def server() -> AsyncIterator[OpenAIRealtimeServer]:
    async with OpenAIRealtimeServer() as server:
        yield server


@pytest.fixture
async def kit() -> AsyncIterator[Kit]:
    kit = Kit(secrets={"TEST_KEY": KEY}, names=("Pip",))
    yield kit
    await kit.close()


class Engines:
    """Makes engines, and conversations with them."""

    def __init__(self, kit: Kit, url: str) -> None:
        self.kit, self.url, self.made, self.asked = kit, url, list[OpenAIRealtime](), 0

    def engine(self, **settings: Any) -> OpenAIRealtime:
        given = {"url": self.url, "secret": "TEST_KEY", "patience": PATIENCE, "first_within": PATIENCE, **settings}
        self.made.append(OpenAIRealtime(OpenAIRealtimeSettings.model_validate(given), self.kit))
        return self.made[-1]

    def join(self, **settings: Any) -> OpenAIRealtimeSession:
        return self.engine(**settings).join(self.about)

    async def about(self) -> Prompt:
        self.asked += 1
        return ABOUT


@pytest.fixture
async def engines(kit: Kit, server: OpenAIRealtimeServer) -> AsyncIterator[Engines]:
    engines = Engines(kit, server.url)
    yield engines
    for engine in engines.made:
        await engine.close()


def tone(seconds: float) -> bytes:
    at = np.arange(round(16_000 * seconds)) / 16_000
    return (8_000 * np.sin(2 * np.pi * 440 * at)).astype("<i2").tobytes()


async def spoken(pcm: bytes, piece: int = 641) -> AsyncIterator[bytes]:
    for at in range(0, len(pcm), piece):
        yield pcm[at : at + piece]


async def hear(talk: OpenAIRealtimeSession, seconds: float = 1.0, language: str = "en") -> list[Heard]:
    return [heard async for heard in talk.hear(spoken(tone(seconds)), language)]


async def reply(talk: OpenAIRealtimeSession, prompt: Prompt = PROMPT, *, to_speech: bool = False) -> list[Piece]:
    return [piece async for piece in talk.reply(prompt, to_speech=to_speech)]


def words(pieces: Sequence[Piece]) -> str:
    return "".join(piece for piece in pieces if isinstance(piece, str))


def seconds(pieces: Sequence[Piece]) -> float:
    return sum(len(piece.pcm) / 2 / piece.rate for piece in pieces if isinstance(piece, Sound))


# --- a conversation


async def test_it_hears_and_answers_with_words_and_sound(server: OpenAIRealtimeServer, engines: Engines) -> None:
    talk = engines.join()
    server.transcripts.append("Good evening to you.")
    heard = await hear(talk)
    assert [(h.text, h.final) for h in heard] == [
        ("Good", False), ("Good evening", False), ("Good evening to", False), ("Good evening to you.", False),
        ("Good evening to you.", True),
    ]  # fmt: skip
    assert heard[-1].language == "en"
    pieces = await reply(talk, to_speech=True)
    assert words(pieces) == WORDS
    assert seconds(pieces) == pytest.approx(4 * PER_WORD)
    assert all(piece.rate == 24_000 for piece in pieces if isinstance(piece, Sound))
    assert pieces[-1] == Counted(TOKENS)
    assert isinstance(pieces[0], str)
    assert isinstance(pieces[1], Sound), "they come side by side"
    (connection,) = server.connections
    assert connection.said() == [
        ("user", "Ada: Hello!"), ("assistant", "Hello, Ada."), ("user", "Good evening to you."), ("assistant", WORDS),
    ]  # fmt: skip
    assert connection.asked[0]["instructions"] == "You are Pip. It rains."
    assert [tool["name"] for tool in connection.asked[0]["tools"]] == ["weather"]
    assert engines.asked == 1
    assert server.complaints == []


async def test_the_session_is_set_up_with_our_own_ends_of_turns(server: OpenAIRealtimeServer, engines: Engines) -> None:
    await hear(engines.join(voice="voice_mine", speed=1.2, extra={"reasoning": {"effort": "low"}}), language="en-GB")
    given = server.connections[0].session
    form = {"type": "audio/pcm", "rate": 24_000}
    transcription = {"model": "gpt-transcribe", "languages": ["en"], "keywords": ["Pip"]}
    assert given["audio"]["input"] == {"format": form, "transcription": transcription, "turn_detection": None}
    assert given["audio"]["output"] == {"format": form, "voice": {"id": "voice_mine"}, "speed": 1.2}
    assert (given["type"], given["output_modalities"], given["instructions"]) == ("realtime", ["audio"], "You are Pip.")
    assert given["reasoning"] == {"effort": "low"}
    assert server.complaints == []


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"languages": ["en", "fr"]}, {"model": "gpt-transcribe", "languages": ["en", "fr"], "keywords": ["Pip"]}),
        ({"transcriber": "whisper-1"}, {"model": "whisper-1", "language": "ja"}),
        ({"transcriber": "whisper-1", "languages": ["en", "fr"]}, {"model": "whisper-1"}),
    ],
)
async def test_who_writes_it_down_is_told_the_languages(
    server: OpenAIRealtimeServer, engines: Engines, settings: dict[str, Any], expected: dict[str, Any]
) -> None:
    await hear(engines.join(**settings), language="ja")
    assert server.connections[0].session["audio"]["input"]["transcription"] == expected
    assert server.complaints == []


async def test_another_language_is_told_when_it_is_expected(server: OpenAIRealtimeServer, engines: Engines) -> None:
    talk = engines.join()
    await hear(talk)
    server.transcripts.append("bonsoir")
    heard = await hear(talk, language="es")
    assert heard[-1].language == "fr", "the transcriber has found it out"
    assert server.connections[0].session["audio"]["input"]["transcription"]["languages"] == ["es"]
    assert server.complaints == []


async def test_speech_arrives_whole_at_24_khz(server: OpenAIRealtimeServer, engines: Engines) -> None:
    await hear(engines.join(), seconds=1.0)
    (pcm,) = server.connections[0].sound.values()
    samples = np.frombuffer(pcm, "<i2").astype(float)
    assert abs(len(samples) - 24_000) <= 24
    spectrum = np.abs(np.fft.rfft(samples))
    assert np.fft.rfftfreq(len(samples), 1 / 24_000)[spectrum.argmax()] == pytest.approx(440, abs=2)
    assert np.abs(samples[1_000:-1_000]).max() == pytest.approx(8_000, rel=0.05)


async def test_a_sound_too_short_for_the_server_is_made_longer(server: OpenAIRealtimeServer, engines: Engines) -> None:
    assert (await hear(engines.join(), seconds=0.03))[-1].final
    assert server.complaints == []


async def test_what_was_no_speech_is_answered_as_text(server: OpenAIRealtimeServer, engines: Engines) -> None:
    talk = engines.join()
    assert words(await reply(talk)) == WORDS
    assert server.connections[0].said()[-2:] == [("user", PROMPT.text), ("assistant", WORDS)]


async def test_speech_that_is_told_as_text_stands_there_once(server: OpenAIRealtimeServer, engines: Engines) -> None:
    talk = engines.join()
    await hear(talk)
    await reply(talk)
    assert server.connections[0].said()[2:] == [("user", PROMPT.text), ("assistant", WORDS)]
    assert server.complaints == []


async def test_two_conversations_do_not_mix(server: OpenAIRealtimeServer, engines: Engines) -> None:
    engine = engines.engine()
    one, two = engine.join(engines.about), engine.join(engines.about)

    async def turn(talk: OpenAIRealtimeSession, length: float) -> tuple[str, str]:
        heard = await hear(talk, length)
        return heard[-1].text, words(await reply(talk, to_speech=True))

    assert await asyncio.gather(turn(one, 1.0), turn(two, 2.0)) == [("1.0 seconds", WORDS), ("2.0 seconds", WORDS)]
    assert len(server.connections) == 2
    assert server.complaints == []


# --- tools


async def test_a_call_ends_the_reply_and_its_result_goes_on_with_it(
    server: OpenAIRealtimeServer, engines: Engines
) -> None:
    talk = engines.join()
    server.replies += [Reply("Let me see.", [("weather", {"city": "Bern"})]), Reply("", [("weather", {})]),
                       Reply("It rains.")]  # fmt: skip
    await hear(talk)
    first = await reply(talk, to_speech=True)
    assert words(first) == "Let me see."
    *_, call, counted = first
    assert isinstance(call, Call)
    assert (call.tool, call.arguments, counted) == ("weather", {"city": "Bern"}, Counted(TOKENS))
    results = (Result(call=call, text="rain"),)
    again = await reply(talk, Prompt(system="", text="…", said="Let me see.", results=results))
    assert isinstance(again[0], Call)
    results = (*results, Result(call=again[0], text="more rain"))
    assert words(await reply(talk, Prompt(system="", text="…", said="Let me see.", results=results))) == "It rains."
    assert server.connections[0].said()[2:] == [
        ("user", "1.0 seconds"), ("assistant", "Let me see."), ("function_call", "weather"),
        ("function_call_output", "rain"), ("function_call", "weather"), ("function_call_output", "more rain"),
        ("assistant", "It rains."),
    ]  # fmt: skip
    assert server.complaints == []


async def test_a_result_reaches_a_conversation_that_knows_nothing_of_its_call(
    server: OpenAIRealtimeServer, engines: Engines
) -> None:
    talk = engines.join()
    result = Result(call=Call(id="call_elsewhere", tool="weather", arguments={}), text="rain")
    await reply(talk, Prompt(system="", text="How is it?", results=(result,)))
    assert server.connections[0].said()[2:] == [
        ("user", "How is it?"), ("function_call", "weather"), ("function_call_output", "rain"), ("assistant", WORDS),
    ]  # fmt: skip
    assert server.complaints == []


async def test_tools_are_not_offered_where_the_show_wants_none(server: OpenAIRealtimeServer, engines: Engines) -> None:
    await reply(engines.join(tools=False))
    assert "tools" not in server.connections[0].asked[0]
    assert server.connections[0].session["tools"] == []


# --- cuts


async def test_a_cut_reply_is_cancelled_and_the_next_one_is_whole(
    server: OpenAIRealtimeServer, engines: Engines
) -> None:
    talk = engines.join()
    server.gate.clear()
    async with aclosing(talk.reply(PROMPT, to_speech=False)) as pieces:  # type: ignore[type-var]
        assert await anext(pieces) == "Good"
        assert isinstance(await anext(pieces), Sound)
    await talk.cut(0.04, "Goo")
    await until(lambda: server.connections[0].cancelled, "the cancellation")
    server.gate.set()
    server.replies.append(Reply("Pardon?"))
    assert words(await reply(talk)) == "Pardon?"
    (connection,) = server.connections
    assert connection.cancelled == 1
    assert [len(pcm) for pcm in connection.sound.values()] == [2 * 960, 2 * 2_400], "what was not heard is gone"
    assert server.complaints == []


async def test_a_reply_cut_while_it_is_made_ends_where_it_had_come_to(
    server: OpenAIRealtimeServer, engines: Engines
) -> None:
    """The server may have made more than had come when it was cancelled."""
    talk = engines.join()
    server.gate.clear()
    async with aclosing(talk.reply(PROMPT, to_speech=False)) as pieces:  # type: ignore[type-var]
        await anext(pieces)
        assert isinstance(await anext(pieces), Sound)
    await talk.cut(9.0, "Good")
    await until(lambda: server.sent[-1]["type"] == "conversation.item.truncated", "the cut")
    assert server.sent[-1]["audio_end_ms"] == 1_000 * PER_WORD
    assert server.complaints == []


async def test_words_without_sound_are_cut_wholly(server: OpenAIRealtimeServer, engines: Engines) -> None:
    talk = engines.join()
    async with aclosing(talk.reply(PROMPT, to_speech=False)) as pieces:  # type: ignore[type-var]
        assert await anext(pieces) == "Good"
    await talk.cut(0.0, "")
    server.replies.append(Reply("Pardon?"))
    await reply(talk)
    assert [said for who, said in server.connections[0].said() if who == "assistant"] == ["Hello, Ada.", "Pardon?"]
    assert server.complaints == []


async def test_a_cut_before_the_first_piece(server: OpenAIRealtimeServer, engines: Engines) -> None:
    talk = engines.join()
    await reply(talk)
    asking = asyncio.create_task(anext(talk.reply(PROMPT, to_speech=False)))
    server.gate.clear()
    await asyncio.sleep(0)
    asking.cancel()
    await asyncio.gather(asking, return_exceptions=True)
    server.gate.set()
    assert words(await reply(talk)) == WORDS
    assert server.complaints == []


@pytest.mark.parametrize(
    ("heard", "left"),
    [(0.0, []), (0.25, [12_000]), (0.4, [19_200]), (9.0, [19_200])],
)
async def test_only_what_was_heard_of_a_whole_reply_is_kept(
    server: OpenAIRealtimeServer, engines: Engines, heard: float, left: list[int]
) -> None:
    talk = engines.join()
    await reply(talk)
    await talk.cut(heard, "…")
    await talk.cut(0.0, "a cut of nothing")
    await reply(talk)
    (connection,) = server.connections
    kept = [len(pcm) for item, pcm in connection.sound.items() if item in connection.items]
    assert kept == [*left, 19_200]
    assert server.complaints == []


async def test_a_cut_hearing_leaves_nothing_behind(server: OpenAIRealtimeServer, engines: Engines) -> None:
    talk = engines.join()
    more = asyncio.Event()
    hearing = asyncio.create_task(anext(talk.hear(_endless(more), "en")))
    await more.wait()
    hearing.cancel()
    await asyncio.gather(hearing, return_exceptions=True)
    assert (await hear(talk, 1.5))[-1].text == "1.5 seconds"
    assert server.connections[0].cleared == 1
    assert server.complaints == []


@pytest.mark.parametrize("fault", ["refuse_cancel", "refuse_truncate", "refuse_delete", "refuse_clear"])
async def test_what_cannot_be_taken_back_fails_neither_what_is_heard_next_nor_what_is_answered(
    server: OpenAIRealtimeServer, engines: Engines, fault: str, caplog: pytest.LogCaptureFixture
) -> None:
    talk = engines.join()
    server.fault(fault)
    match fault:
        case "refuse_cancel":
            server.gate.clear()
            async with aclosing(talk.reply(PROMPT, to_speech=False)) as pieces:  # type: ignore[type-var]
                await anext(pieces)
            hearing = asyncio.create_task(hear(talk, 1.5))
            await until(lambda: server.complaints, "the refusal")
            server.gate.set()
            assert (await hearing)[-1].text == "1.5 seconds"
        case "refuse_clear":
            more = asyncio.Event()
            cut = asyncio.create_task(anext(talk.hear(_endless(more), "en")))
            await more.wait()
            cut.cancel()
            await asyncio.gather(cut, return_exceptions=True)
            assert (await hear(talk, 1.5))[-1].text == "2.0 seconds"
        case _:
            await reply(talk)
            await talk.cut(0.2 if fault == "refuse_truncate" else 0.0, "Good")
    assert words(await reply(talk)) == WORDS
    assert len(server.complaints) == 1
    [told] = [record for record in caplog.records if record.name == openai_realtime.__name__]
    assert fault.removeprefix("refuse_") in told.getMessage()
    assert "Not now" in told.getMessage()
    assert KEY not in caplog.text


async def _endless(more: asyncio.Event) -> AsyncIterator[bytes]:
    yield tone(0.5)
    more.set()
    await asyncio.Event().wait()


@pytest.mark.parametrize("known", [True, False])
async def test_a_hearing_cut_after_the_speech_takes_it_back(
    server: OpenAIRealtimeServer, engines: Engines, known: bool
) -> None:
    talk = engines.join()
    await hear(talk, 0.3)
    server.gate.clear()
    ended = asyncio.Event()

    async def ending() -> AsyncIterator[bytes]:
        yield tone(0.5)
        ended.set()

    hearing = asyncio.create_task(anext(talk.hear(ending(), "en")))
    await ended.wait()
    if known:
        await until(lambda: len(server.connections[0].sound) == 2 and talk._item, "the server's word of it")
    else:
        await until(lambda: talk._wire and not talk._wire._out.qsize(), "the end of the speech")
    hearing.cancel()
    await asyncio.gather(hearing, return_exceptions=True)
    server.gate.set()
    assert (await hear(talk, 1.5))[-1].text == "1.5 seconds"
    assert [said for who, said in server.connections[0].said() if "seconds" in said] == ["0.3 seconds", "1.5 seconds"]
    assert server.complaints == []


async def test_speech_goes_on_while_a_reply_is_made(server: OpenAIRealtimeServer, engines: Engines) -> None:
    talk = engines.join()
    server.gate.clear()
    pieces = talk.reply(PROMPT, to_speech=False)
    assert await anext(pieces) == "Good"
    hearing = asyncio.create_task(hear(talk))
    await until(lambda: server.connections[0].sound and talk._item, "the speech")
    server.gate.set()
    assert (await hearing)[-1].text == "1.0 seconds"
    assert "Good" + words([piece async for piece in pieces]) == WORDS
    assert server.complaints == []


# --- the connection


async def test_a_lost_connection_is_opened_again_with_what_was_said(
    server: OpenAIRealtimeServer, engines: Engines
) -> None:
    talk = engines.join()
    await hear(talk)
    await server.connections[0].socket.close()
    await until(lambda: talk._wire and not talk._wire.open, "its loss")
    assert words(await reply(talk, to_speech=True)) == WORDS
    assert server.connections[1].said() == [
        ("user", "Ada: Hello!"), ("assistant", "Hello, Ada."), ("user", PROMPT.text), ("assistant", WORDS),
    ]  # fmt: skip
    assert engines.asked == 2
    assert server.complaints == []


async def test_a_line_that_went_dead_without_a_word_is_noticed_in_a_lull(
    server: OpenAIRealtimeServer, engines: Engines, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "_HEARTBEAT", 1.0)
    async with stalling_proxy(server.url) as line:
        engines.url = f"{line.url}/v1"
        talk = engines.join()
        await hear(talk)
        line.hold()
        await until(lambda: talk._wire and not talk._wire.open, "its loss")
        line.go_on()
        assert words(await reply(talk, to_speech=True)) == WORDS


async def test_it_is_renewed_before_the_server_ends_it(
    server: OpenAIRealtimeServer, engines: Engines, monkeypatch: pytest.MonkeyPatch
) -> None:
    talk = engines.join()
    await hear(talk)
    monkeypatch.setattr(OpenAIRealtimeSession, "oldest", -1.0)
    await reply(talk, to_speech=True)
    assert len(server.connections) == 1, "not between a speech and its answer"
    await hear(talk)
    assert len(server.connections) == 2
    await until(lambda: server.connections[0].left, "its leaving the first")


@pytest.mark.parametrize(
    ("fault", "told", "wait"),
    [
        ("401", r"does not accept the key in TEST_KEY \(401\)", 0),
        ("403", r"does not accept the key in TEST_KEY \(403\)", 0),
        ("404", "knows no such path or model", 0),
        ("429", "has had enough requests", 7),
        ("500", "has failed", 0),
        ("refuse_session", "Invalid voice", 0),
    ],
)
async def test_a_refusal_is_told_in_plain_words(
    server: OpenAIRealtimeServer, engines: Engines, fault: str, told: str, wait: float
) -> None:
    talk = engines.join()
    for ask in (lambda: hear(talk), lambda: reply(talk)):
        server.fault(fault)
        with pytest.raises(EngineUnavailable, match=told) as failure:
            await ask()
        assert failure.value.retry_after == wait
        assert KEY not in str(failure.value)
    assert words(await reply(talk)) == WORDS


async def test_a_server_that_never_gets_ready(server: OpenAIRealtimeServer, engines: Engines) -> None:
    server.gate.clear()
    server.fault("hang", 2)
    with pytest.raises(EngineUnavailable, match=r"was not ready within 0\.3 s"):
        await reply(engines.join(first_within=0.3))
    asking = asyncio.create_task(reply(engines.join()))
    await until(lambda: len(server.connections) == 2, "the connection")
    server.gate.set()
    assert words(await asking) == WORDS, "one that is only slow"


async def test_nobody_listens(kit: Kit) -> None:
    with pytest.raises(EngineUnavailable, match="cannot be reached"):
        await reply(Engines(kit, "http://127.0.0.1:9/v1").join())


async def test_a_closed_conversation_ends_what_is_going_on(server: OpenAIRealtimeServer, engines: Engines) -> None:
    engine = engines.engine()
    talk = engine.join(engines.about)
    server.gate.clear()
    asking = asyncio.create_task(reply(talk))
    await until(lambda: server.connections and server.connections[0].active, "the reply")
    await engine.close()
    with pytest.raises(EngineError, match="was closed"):
        await asking
    await until(lambda: server.connections[0].left, "its leaving")


# --- faults


@pytest.mark.parametrize(
    ("fault", "told", "kind"),
    [
        ("close", r"closed the connection \(1001\): bye", EngineError),
        ("garbage", "sent what is no message of its protocol", EngineError),
        ("list", "sent what is no message of its protocol", EngineError),
        ("malformed", "sent what is no message of its protocol", EngineError),
        ("huge", "the connection broke", EngineError),
        ("error", "The server had an error", EngineError),
        ("expired", "maximum duration of 60 minutes", EngineError),
        ("failed", "the reply failed: rate_limit_exceeded", EngineUnavailable),
        ("cancelled", "the reply was cancelled: turn_detected", EngineError),
        ("filtered", "content filter", EngineUnsuited),
        ("mute", "the model said nothing", EngineUnavailable),
        ("no_base64", "no base64", EngineError),
        ("half", "half a sample", EngineError),
        ("endless", "more words or calls than anybody could want", EngineError),
    ],
)
async def test_a_fault_in_mid_reply_is_told_and_the_next_reply_is_well(
    server: OpenAIRealtimeServer, engines: Engines, fault: str, told: str, kind: type[EngineError]
) -> None:
    talk = engines.join()
    server.fault(fault)
    with pytest.raises(EngineError, match=told) as failure:
        await reply(talk)
    assert type(failure.value) is kind
    assert KEY not in str(failure.value)
    assert words(await reply(talk)) == WORDS
    assert server.complaints == []


async def test_a_reply_that_was_cut_short_by_its_limit_is_a_reply(
    server: OpenAIRealtimeServer, engines: Engines
) -> None:
    server.fault("incomplete")
    assert words(await reply(engines.join())) == WORDS


async def test_a_call_that_is_none(server: OpenAIRealtimeServer, engines: Engines) -> None:
    server.fault("bad_call")
    server.replies.append(Reply("", [("weather", {})]))
    with pytest.raises(EngineUnavailable, match="called weather with what is no JSON object"):
        await reply(engines.join())


@pytest.mark.parametrize(
    ("fault", "told", "patience"),
    [
        ("transcription_failed", "could not be written down: transcription_failed: busy …", PATIENCE),
        ("no_transcript", r"no transcript came within 0\.3 s", 0.3),
    ],
)
async def test_speech_that_was_not_written_down_is_forgotten(
    server: OpenAIRealtimeServer, engines: Engines, fault: str, told: str, patience: float
) -> None:
    talk = engines.join(patience=patience)
    server.fault(fault)
    with pytest.raises(EngineError, match=told):
        await hear(talk)
    assert words(await reply(talk, to_speech=True)) == WORDS
    assert server.connections[0].said()[2:] == [("user", PROMPT.text), ("assistant", WORDS)]
    assert server.complaints == []


async def test_a_reply_that_cannot_be_cancelled_ends_the_connection(
    server: OpenAIRealtimeServer, engines: Engines, monkeypatch: pytest.MonkeyPatch
) -> None:
    talk = engines.join()
    monkeypatch.setattr(openai_realtime, "_CANCEL", 0.2)

    async def deaf(*_: object) -> None:
        pass

    monkeypatch.setattr(server, "_response_cancel", deaf)
    server.gate.clear()
    async with aclosing(talk.reply(PROMPT, to_speech=False)) as pieces:  # type: ignore[type-var]
        await anext(pieces)
    with pytest.raises(EngineUnavailable, match="has not ended"):
        await reply(talk)
    server.gate.set()
    assert words(await reply(talk)) == WORDS
    assert len(server.connections) == 2


async def test_sound_that_nobody_takes_does_not_pile_up(
    server: OpenAIRealtimeServer, engines: Engines, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wire, "_MOST_SOUND", 10_000)
    talk = engines.join()
    with pytest.raises(EngineError, match="sound wait to be taken"):
        async for _ in talk.reply(PROMPT, to_speech=False):
            await until(lambda: not server.connections[0].active, "the whole reply")


async def test_a_speech_without_end_is_refused(server: OpenAIRealtimeServer, engines: Engines) -> None:
    async def speech() -> AsyncIterator[bytes]:
        for _ in range(61):
            yield bytes(320_000)

    with pytest.raises(EngineUnsuited, match="more than 600 seconds"):
        [heard async for heard in engines.join().hear(speech(), "")]


async def test_a_microphone_that_fails_is_told(engines: Engines) -> None:
    async def speech() -> AsyncIterator[bytes]:
        yield tone(0.5)
        raise RuntimeError("unplugged")

    with pytest.raises(RuntimeError, match="unplugged"):
        [heard async for heard in engines.join().hear(speech(), "")]


async def test_settings_and_what_is_missing(kit: Kit) -> None:
    assert "set OPENAI_API_KEY" in OpenAIRealtime.check(OpenAIRealtimeSettings(), Kit())
    assert OpenAIRealtime.check(OpenAIRealtimeSettings(secret="TEST_KEY"), kit) == ""
    assert OpenAIRealtime.check(OpenAIRealtimeSettings(url="http://127.0.0.1:8000/v1"), Kit()) == ""
    for wrong in ({"speed": 1.6}, {"voice": ""}, {"url": "wss://x"}, {"patience": 0}, {"temperature": 1}):
        with pytest.raises(ValidationError):
            OpenAIRealtimeSettings.model_validate(wrong)


# --- the server itself


async def test_the_server_speaks_as_the_providers_own_client_expects(server: OpenAIRealtimeServer) -> None:
    """OpenAI's client talks with our server, and its types read every event that the server sends."""
    server.replies.append(Reply("Good evening!", [("weather", {})]))
    client = AsyncOpenAI(api_key=KEY, base_url=server.url, websocket_base_url=server.url.replace("http", "ws"))
    async with client, client.realtime.connect(model="gpt-realtime-2.1") as theirs:
        form: Any = {"type": "audio/pcm", "rate": 24_000}
        given: Any = {"format": form, "transcription": {"model": "gpt-transcribe"}, "turn_detection": None}
        await theirs.session.update(session={"type": "realtime", "audio": {"input": given}})
        await theirs.input_audio_buffer.append(audio=base64.b64encode(bytes(48_000)).decode())
        await theirs.input_audio_buffer.commit()
        await theirs.response.create()
        seen = set[str]()
        while not {"response.done", "conversation.item.input_audio_transcription.completed"} <= seen:
            event = await theirs.recv()
            seen.add(event.type)
        await theirs.response.cancel()
        assert (await theirs.recv()).type == "rate_limits.updated"
        refused = await theirs.recv()
        assert refused.type == "error"
        assert refused.error.code == "response_cancel_not_active"
    reader: TypeAdapter[Any] = TypeAdapter(RealtimeServerEvent)
    for event in server.sent:
        reader.validate_python(event)
    assert len({event["type"] for event in server.sent}) > 20


def test_every_fault_is_tried() -> None:
    with open(__file__, encoding="utf-8") as tests:
        text = tests.read()
    assert [fault for fault in FAULTS if f'"{fault}"' not in text] == []
