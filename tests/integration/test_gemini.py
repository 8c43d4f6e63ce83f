"""The brain and the ear behind Google's Gemini interface, against a server that keeps to its reference and then not."""

import asyncio
import base64
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

import pytest
from msgspec.structs import replace

from marotte.engines.kinds import (
    Call,
    Counted,
    EngineError,
    EngineUnavailable,
    EngineUnsuited,
    Heard,
    Kit,
    Message,
    Prompt,
    Result,
    Tool,
)
from marotte.mind.brains.gemini import GeminiBrain, GeminiBrainSettings
from marotte.senses.hearing.ears.gemini import GeminiEar, GeminiEarSettings
from marotte.senses.hearing.wav import read_wav
from tests.servers.gemini import GeminiServer, Script
from tests.waiting import PATIENCE, until

pytestmark = pytest.mark.anyio

KEY = Script.key
PROMPT = Prompt(system="You are Pip.", text='Ada says: "Hello!"')
PICTURE = b"\xff\xd8\xff\xe0 a cat"
TOOLS = (
    Tool(name="weather", description="Tells the weather.", parameters={"type": "object", "properties": {"city": {}}}),
    Tool(name="wink", description="Winks.", parameters={"type": "object", "additionalProperties": False}),
)


@pytest.fixture
async def server() -> AsyncIterator[GeminiServer]:
    async with GeminiServer() as server:
        yield server


@pytest.fixture
async def kit() -> AsyncIterator[Kit]:
    kit = Kit(secrets={"GEMINI_API_KEY": KEY}, names=("Pip",), commands=("stop",))
    yield kit
    await kit.close()


def brain(server: GeminiServer, kit: Kit, **settings: Any) -> GeminiBrain:
    return GeminiBrain(GeminiBrainSettings(**{"url": server.url, "secret": "GEMINI_API_KEY", **settings}), kit)


def ear(server: GeminiServer, kit: Kit, **settings: Any) -> GeminiEar:
    return GeminiEar(GeminiEarSettings(**{"url": server.url, "secret": "GEMINI_API_KEY", **settings}), kit)


async def reply(brain: GeminiBrain, prompt: Prompt = PROMPT) -> str:
    return "".join([piece async for piece in brain.reply(prompt) if isinstance(piece, str)])


async def spoken(seconds: float = 1.0) -> AsyncIterator[bytes]:
    for number in range(int(seconds * 50)):
        yield (number % 9_999).to_bytes(2, "little") * 320


async def hear(ear: GeminiEar, language: str = "") -> list[Heard]:
    return [heard async for heard in ear.hear(spoken(), language)]


# --- the brain


async def test_a_reply_comes_word_by_word_and_is_counted(server: GeminiServer, kit: Kit) -> None:
    server.script.reply, server.script.thoughts = "Bonjour, Ada ! こんにちは。 🙂", "Ada is here."
    pieces = [piece async for piece in brain(server, kit).reply(PROMPT)]
    words = [piece for piece in pieces if isinstance(piece, str)]
    assert "".join(words) == server.script.reply, "its thoughts are not spoken"
    assert len(words) == 5
    assert pieces[-1] == Counted(20 + 7)
    [asked] = server.requests
    assert asked.body == {
        "contents": [{"role": "user", "parts": [{"text": 'Ada says: "Hello!"'}]}],
        "systemInstruction": {"parts": [{"text": "You are Pip."}]},
    }
    assert asked.target == "/v1beta/models/gemini-3.5-flash-lite:streamGenerateContent?alt=sse"


async def test_a_conversation_a_picture_and_a_reply_to_go_on_with(server: GeminiServer, kit: Kit) -> None:
    prompt = replace(
        PROMPT,
        history=(Message(role="assistant", text="Anybody?"), Message(role="user", text="Hi", name="Bo")),
        pictures=(PICTURE,),
    )
    assert await reply(brain(server, kit), prompt) == server.script.reply
    picture, words = server.requests[0].body["contents"][-1]["parts"]
    assert picture["inlineData"] == {"mimeType": "image/jpeg", "data": base64.b64encode(PICTURE).decode()}
    assert words["text"] == "Bo: Hi\n" + PROMPT.text
    assert await reply(brain(server, kit, pictures=False), replace(prompt, said="Well, I ")) == server.script.reply
    assert [content["role"] for content in server.requests[1].body["contents"]][-3:] == ["user", "model", "user"]


async def test_it_uses_tools_and_goes_on_with_their_results(server: GeminiServer, kit: Kit) -> None:
    """In two rounds, the first of two calls at once; the server wants the signature of each round back."""

    def calls(contents: list[dict[str, Any]]) -> list[tuple[str, dict[str, Any]]]:
        rounds = {1: [("weather", {"city": "Lima 🌫"}), ("wink", {})], 3: [("wink", {"eye": "left"})]}
        return rounds.get(len(contents), [])

    server.script.calls, server.script.reply = calls, "Let me see."
    engine, prompt = brain(server, kit), replace(PROMPT, tools=TOOLS)
    pieces = [piece async for piece in engine.reply(prompt)]
    first, second = pieces[-2:]
    assert isinstance(first, Call)
    assert isinstance(second, Call)
    assert [(call.tool, call.arguments) for call in (first, second)] == calls([{}])
    results = (Result(call=first, text="Fog."), Result(call=second, text="done"))
    *_, third = [piece async for piece in engine.reply(replace(prompt, said="Let me see.", results=results))]
    assert isinstance(third, Call)
    results += (Result(call=third, text="done"),)
    assert await reply(engine, replace(prompt, said="Let me see. Hm.", results=results)) == "Let me see."
    _, asked, told, again, _ = server.requests[-1].body["contents"]
    assert [next(iter(part)) for part in asked["parts"]] == ["text", "functionCall", "functionCall"]
    assert told["parts"][0]["functionResponse"] == {
        "id": first.id,
        "name": "weather",
        "response": {"output": "Fog."},
    }
    assert len(again["parts"]) == 1


async def test_results_of_calls_that_another_brain_made(server: GeminiServer, kit: Kit) -> None:
    calls = [Call(id=f"call:{number}", tool="wink", arguments={}) for number in range(2)]
    prompt = replace(PROMPT, said=" ", results=tuple(Result(call=call, text="done") for call in calls))
    assert await reply(brain(server, kit), prompt) == server.script.reply
    asked = server.requests[0].body["contents"][1]["parts"]
    assert [part.get("thoughtSignature") for part in asked] == ["skip_thought_signature_validator", None]


async def test_what_may_be_set(server: GeminiServer, kit: Kit) -> None:
    extra = {"safetySettings": [], "generationConfig": {"seed": 3}}
    engine = brain(server, kit, thinking="low", max_tokens=9, tools=False, extra=extra)
    await reply(engine, replace(PROMPT, tools=TOOLS))
    body = server.requests[0].body
    assert body["generationConfig"] == {"thinkingConfig": {"thinkingLevel": "low"}, "maxOutputTokens": 9, "seed": 3}
    assert body["safetySettings"] == []
    assert "tools" not in body


async def test_what_the_server_refuses_is_told_in_plain_words(server: GeminiServer, kit: Kit) -> None:
    kit.secrets["MY_KEY"] = "AIza-wrong-and-secret"
    with pytest.raises(EngineUnavailable, match=r"refuses the request \(400\): API key not valid\..*\(…\)") as failure:
        await reply(brain(server, kit, secret="MY_KEY"))
    assert "AIza-wrong" not in str(failure.value)
    with pytest.raises(EngineUnavailable, match=r"wants a key: name its variable in secret \(403\)"):
        await reply(brain(server, kit, secret=""))
    with pytest.raises(EngineUnavailable, match=r"no such path or model \(404\): models/pip is not found"):
        await reply(brain(server, kit, model="pip"))
    with pytest.raises(EngineUnavailable, match=r"\(400\): Invalid JSON payload received. Unknown name \"seed\""):
        await reply(brain(server, kit, extra={"seed": 1}))
    with pytest.raises(ValueError, match="should match pattern"):
        brain(server, kit, model="../secrets?x")


def test_the_check_asks_for_a_key_where_one_is_needed() -> None:
    for engine, settings in ((GeminiBrain, GeminiBrainSettings), (GeminiEar, GeminiEarSettings)):
        assert engine.check(settings(), Kit()).endswith("wants a key: set GEMINI_API_KEY")  # type: ignore[arg-type]
        assert engine.check(settings(), Kit(secrets={"GEMINI_API_KEY": KEY})) == ""  # type: ignore[arg-type]
        assert engine.check(settings(url="http://localhost:1/v1beta"), Kit()) == ""  # type: ignore[arg-type]


@pytest.mark.parametrize("blocked", ["SAFETY", "PROHIBITED_CONTENT"])
async def test_a_prompt_that_is_blocked(server: GeminiServer, kit: Kit, blocked: str) -> None:
    server.script.blocked = blocked
    with pytest.raises(EngineUnsuited, match=f"the model may not answer this: {blocked}"):
        await reply(brain(server, kit))


async def test_a_reply_that_is_stopped_and_one_that_goes_wrong(server: GeminiServer, kit: Kit) -> None:
    for reason in ("SAFETY", "ESCALATION"):
        server.script.finish = reason
        with pytest.raises(EngineUnsuited, match=f"may not answer this: {reason}"):
            await reply(brain(server, kit))
    server.script.finish = "MALFORMED_FUNCTION_CALL"
    with pytest.raises(EngineError, match="the model has failed: MALFORMED_FUNCTION_CALL") as failure:
        await reply(brain(server, kit))
    assert type(failure.value) is EngineError
    for reason in ("CONTINUATION", "MAX_TOKENS"):
        server.script.finish = reason
        assert await reply(brain(server, kit)) == server.script.reply, "what was said was said"
    server.script.reply = ""
    with pytest.raises(EngineUnavailable, match="all its tokens went into thoughts"):
        await reply(brain(server, kit))


FAILED = "the server has failed: The model is overloaded."
FAULTS = [
    ("401", EngineUnavailable, r"does not accept the key in GEMINI_API_KEY \(401\): .* invalid credentials …"),
    ("429", EngineUnavailable, r"enough requests for now; it may be asked again in 7 s \(429\): You exceeded"),
    ("500", EngineUnavailable, r"has failed \(500\): An internal error"),
    ("503", EngineUnavailable, r"has failed \(503\): The model is overloaded"),
    ("early_error", EngineUnavailable, FAILED),
    ("error", EngineError, FAILED),
    ("close", EngineError, "the connection broke while it answered"),
    ("wrong_type", EngineUnavailable, "sent text/html instead of a stream: <html>"),
    ("garbage", EngineUnavailable, "sent what is no answer"),
    ("empty", EngineError, "the reply broke off"),
    ("huge", EngineError, "a line of more than 1 MB"),
]


@pytest.mark.parametrize(("fault", "kind", "told"), FAULTS)
async def test_a_brains_fault_is_told_and_the_next_request_is_well(
    server: GeminiServer, kit: Kit, fault: str, kind: type[EngineError], told: str
) -> None:
    engine = brain(server, kit)
    server.fault("stream", fault, times=1)
    with pytest.raises(EngineError, match=told) as failure:
        await reply(engine)
    assert type(failure.value) is kind
    assert KEY not in str(failure.value)
    assert await reply(engine) == server.script.reply


async def test_the_first_word_does_not_wait_for_the_last_and_a_connection_is_used_again(
    server: GeminiServer, kit: Kit
) -> None:
    engine = brain(server, kit)
    server.gate.clear()
    async with aclosing(engine.reply(PROMPT)) as pieces:  # type: ignore[type-var]
        async with asyncio.timeout(PATIENCE):
            assert await anext(pieces) == "Hello"
        assert not server.requests[0].ended, "the server has not sent the rest"
        server.gate.set()
        assert len([piece async for piece in pieces]) > 5
    await reply(engine)
    assert len({asked.peer for asked in server.requests}) == 1


@pytest.mark.parametrize("standing", [False, True])
async def test_a_cut_closes_the_connection(server: GeminiServer, kit: Kit, standing: bool) -> None:
    """Of a stream without end, and of one that stands still: neither is waited for."""
    engine = brain(server, kit)
    server.fault("stream", "endless", times=1)
    if standing:
        server.gate.clear()
    async with asyncio.timeout(PATIENCE):
        async with aclosing(engine.reply(PROMPT)) as pieces:  # type: ignore[type-var]
            await anext(pieces)
    await until(lambda: server.requests[0].cut, "the client's leaving")
    server.gate.set()
    assert await reply(engine) == server.script.reply


# --- the ear


async def test_the_whole_turn_is_sent_as_wav_and_its_text_comes_back(server: GeminiServer, kit: Kit) -> None:
    assert await hear(ear(server, kit), "en-GB") == [Heard(text="Tell me a joke.", language="en")]
    [asked] = server.requests
    sound = asked.body["contents"][0]["parts"][0]["inlineData"]
    assert sound["mimeType"] == "audio/wav"
    assert read_wav(base64.b64decode(sound["data"])) == b"".join([piece async for piece in spoken()])
    [task] = asked.body["systemInstruction"]["parts"]
    assert "Most likely it is en-GB." in task["text"]
    assert '["Pip", "stop"]' in task["text"]
    assert asked.body["generationConfig"]["responseMimeType"] == "application/json"
    assert asked.target == "/v1beta/models/gemini-3.5-flash-lite:generateContent"


@pytest.mark.parametrize(
    ("answer", "heard"),
    [
        ('{"text": "", "language": ""}', Heard(text="", language="fr")),
        ('{"text": " [BLANK_AUDIO] ", "language": "the language"}', Heard(text="", language="fr")),
        ('{"text": "Hola.", "language": "es-MX", "more": 1}', Heard(text="Hola.", language="es-MX")),
    ],
)
async def test_answers_are_read_with_care(server: GeminiServer, kit: Kit, answer: str, heard: Heard) -> None:
    server.script.heard = answer
    assert await hear(ear(server, kit), "fr") == [heard]


@pytest.mark.parametrize("answer", ["Tell me a joke.", '{"text": 7}', "[]", ""])
async def test_an_answer_without_a_transcript(server: GeminiServer, kit: Kit, answer: str) -> None:
    server.script.heard = answer
    with pytest.raises(EngineUnavailable, match=r"answered without a transcript \(STOP\)"):
        await hear(ear(server, kit))


async def test_a_model_that_only_transcribes_is_asked_in_its_own_way(server: GeminiServer, kit: Kit) -> None:
    server.script.heard = "Bonjour, Pip."
    engine = ear(server, kit, model="gemini-3.5-transcribe")
    assert await hear(engine, "fr") == [Heard(text="Bonjour, Pip.", language="fr-FR")]
    assert server.requests[0].body["generationConfig"] == {
        "audioTranscriptionConfig": {"languageCodes": ["fr"], "customVocabulary": ["Pip", "stop"]}
    }


async def test_sound_that_is_blocked(server: GeminiServer, kit: Kit) -> None:
    server.script.blocked = "PROHIBITED_CONTENT"
    with pytest.raises(EngineUnsuited, match="may not answer this: PROHIBITED_CONTENT"):
        await hear(ear(server, kit))


EAR_FAULTS = [
    *FAULTS[:4],
    ("close", EngineError, "the connection broke while it answered"),
    ("wrong_type", EngineUnavailable, "sent text/html without a transcript: <html>"),
    ("garbage", EngineUnavailable, "sent what is no answer"),
    ("empty", EngineUnavailable, "sent what is no answer"),
    ("huge", EngineError, "more than 1 MB"),
]


@pytest.mark.parametrize(("fault", "kind", "told"), EAR_FAULTS)
async def test_an_ears_fault_is_told_and_the_next_request_is_well(
    server: GeminiServer, kit: Kit, fault: str, kind: type[EngineError], told: str
) -> None:
    engine = ear(server, kit)
    server.fault("generate", fault, times=1)
    with pytest.raises(EngineError, match=told) as failure:
        await hear(engine)
    assert type(failure.value) is kind
    assert KEY not in str(failure.value)
    assert await hear(engine) == [Heard(text="Tell me a joke.", language="en")]
