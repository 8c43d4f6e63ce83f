"""The brain behind Anthropic's Messages interface, against a server that keeps to its reference and then does not."""

import asyncio
import base64
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

import pytest
from msgspec.structs import replace

from marotte.engines.anthropic import AnthropicSettings
from marotte.engines.kinds import (
    Call,
    Counted,
    EngineError,
    EngineUnavailable,
    EngineUnsuited,
    Kit,
    Message,
    Prompt,
    Result,
    Tool,
)
from marotte.mind.brains.anthropic import AnthropicBrain
from tests.servers.anthropic import AnthropicServer, Script
from tests.waiting import PATIENCE, until

pytestmark = pytest.mark.anyio

KEY = Script.key
PROMPT = Prompt(system="You are Pip.", text='Ada says: "Hello!"')
PICTURE = b"\xff\xd8\xff\xe0 a cat"
TOOLS = (
    Tool(name="weather", description="Tells the weather.", parameters={"type": "object", "properties": {"city": {}}}),
    Tool(name="wink", description="Winks.", parameters={"type": "object"}),
)


@pytest.fixture
async def server() -> AsyncIterator[AnthropicServer]:
    async with AnthropicServer() as server:
        yield server


@pytest.fixture
async def kit() -> AsyncIterator[Kit]:
    kit = Kit(secrets={"ANTHROPIC_API_KEY": KEY})
    yield kit
    await kit.close()


def brain(server: AnthropicServer, kit: Kit, **settings: Any) -> AnthropicBrain:
    return AnthropicBrain(AnthropicSettings(**{"url": server.url, "secret": "ANTHROPIC_API_KEY", **settings}), kit)


async def reply(brain: AnthropicBrain, prompt: Prompt = PROMPT) -> str:
    return "".join([piece async for piece in brain.reply(prompt) if isinstance(piece, str)])


async def test_a_reply_comes_word_by_word_and_is_counted(server: AnthropicServer, kit: Kit) -> None:
    server.script.reply = "Bonjour, Ada ! こんにちは。 🙂"
    pieces = [piece async for piece in brain(server, kit).reply(PROMPT)]
    assert "".join(piece for piece in pieces if isinstance(piece, str)) == server.script.reply
    assert len(pieces) > 4
    assert pieces[-1] == Counted(20 + 5 + 6), "read, read from the cache, and written"
    assert server.requests[0].body == {
        "model": "claude-haiku-5-5",
        "max_tokens": 4_096,
        "stream": True,
        "thinking": {"type": "disabled"},
        "system": [{"type": "text", "text": "You are Pip."}],
        "messages": [{"role": "user", "content": [{"type": "text", "text": 'Ada says: "Hello!"'}]}],
    }
    assert KEY not in server.requests[0].target


async def test_a_conversation_a_picture_and_a_reply_to_go_on_with(server: AnthropicServer, kit: Kit) -> None:
    prompt = replace(
        PROMPT,
        history=(Message(role="assistant", text="Anybody?"), Message(role="user", text="Hi", name="Bo")),
        pictures=(PICTURE,),
    )
    assert await reply(brain(server, kit), prompt) == server.script.reply
    opening, _, last = server.requests[0].body["messages"]
    assert opening["role"] == "user"
    picture, words = last["content"]
    assert picture["source"]["data"] == base64.b64encode(PICTURE).decode()
    assert words["text"] == "Bo: Hi\n" + PROMPT.text
    assert await reply(brain(server, kit, pictures=False), replace(prompt, said="Well, I ")) == server.script.reply
    assert [message["role"] for message in server.requests[1].body["messages"]][-3:] == ["user", "assistant", "user"]


@pytest.mark.parametrize("thinking", ["disabled", "adaptive", ""])
async def test_it_uses_tools_and_goes_on_with_their_results(server: AnthropicServer, kit: Kit, thinking: str) -> None:
    """In two rounds, the first of two calls at once; the server takes its signed thoughts only as it gave them."""

    def calls(messages: list[dict[str, Any]]) -> list[tuple[str, dict[str, Any]]]:
        rounds = {1: [("weather", {"city": 'Lima, "the grey" 🌫'}), ("wink", {})], 3: [("wink", {"eye": "left"})]}
        return rounds.get(len(messages), [])

    server.script.calls, server.script.reply, server.script.thoughts = calls, "Let me see.", "The weather, then a wink."
    engine, prompt = brain(server, kit, thinking=thinking), replace(PROMPT, tools=TOOLS)
    pieces = [piece async for piece in engine.reply(prompt)]
    assert "".join(piece for piece in pieces if isinstance(piece, str)) == "Let me see.", "its thoughts are not spoken"
    first, second = pieces[-2:]
    assert isinstance(first, Call)
    assert isinstance(second, Call)
    assert [(call.tool, call.arguments) for call in (first, second)] == calls([{}])
    results = (Result(call=first, text="Fog."), Result(call=second, text="done"))
    *_, third = [piece async for piece in engine.reply(replace(prompt, said="Let me see.", results=results))]
    assert isinstance(third, Call)
    results += (Result(call=third, text="done"),)
    assert await reply(engine, replace(prompt, said="Let me see. Hm.", results=results)) == "Let me see."
    _, asked, told, again, _ = server.requests[-1].body["messages"]
    assert [block["type"] for block in asked["content"]][-3:] == ["text", "tool_use", "tool_use"]
    assert told["content"][0] == {"type": "tool_result", "tool_use_id": first.id, "content": "Fog."}
    assert [block["type"] for block in again["content"]][-1] == "tool_use"


async def test_results_of_calls_that_another_brain_made_and_no_more_tools(server: AnthropicServer, kit: Kit) -> None:
    call = Call(id="functions.wink:0", tool="wink", arguments={"eye": "left"})
    prompt = replace(PROMPT, said=" ", results=(Result(call=call, text="done"),))
    assert await reply(brain(server, kit), prompt) == server.script.reply
    body = server.requests[0].body
    assert body["tools"] == [{"name": "wink", "input_schema": {"type": "object"}}]
    assert body["tool_choice"] == {"type": "none"}
    assert body["messages"][1]["content"][0]["id"] == "functions_wink_0"


async def test_what_may_be_set(server: AnthropicServer, kit: Kit) -> None:
    engine = brain(
        server, kit, effort="low", thinking="", cache=True, max_tokens=9, tools=False, extra={"stop_sequences": ["!"]}
    )
    await reply(engine, replace(PROMPT, tools=TOOLS))
    body = server.requests[0].body
    assert body["output_config"] == {"effort": "low"}
    assert body["system"][0]["cache_control"] == {"type": "ephemeral"}
    assert (body["max_tokens"], body["stop_sequences"]) == (9, ["!"])
    assert "tools" not in body
    assert "thinking" not in body


async def test_what_the_server_refuses_is_told_in_plain_words(server: AnthropicServer, kit: Kit) -> None:
    kit.secrets["MY_KEY"] = "sk-wrong-and-secret"
    with pytest.raises(EngineUnavailable, match=r"key in MY_KEY \(401\): invalid bearer token …") as failure:
        await reply(brain(server, kit, secret="MY_KEY"))
    assert "sk-wrong" not in str(failure.value)
    with pytest.raises(EngineUnavailable, match=r"no such path or model \(404\): model: pip"):
        await reply(brain(server, kit, model="pip"))
    with pytest.raises(EngineUnavailable, match=r"refuses the request \(400\): \"thinking.type.disabled\" is not"):
        await reply(brain(server, kit, model="claude-opus-5-5"))
    with pytest.raises(EngineUnavailable, match=r"\(400\): temperature: Extra inputs are not permitted"):
        await reply(brain(server, kit, extra={"temperature": 1}))


def test_the_check_asks_for_a_key_where_one_is_needed() -> None:
    assert AnthropicBrain.check(AnthropicSettings(), Kit()).endswith("wants a key: set ANTHROPIC_API_KEY")
    assert AnthropicBrain.check(AnthropicSettings(), Kit(secrets={"ANTHROPIC_API_KEY": KEY})) == ""
    assert AnthropicBrain.check(AnthropicSettings(url="http://localhost:11434/v1"), Kit()) == ""


async def test_its_key_goes_to_no_other_server(server: AnthropicServer, kit: Kit) -> None:
    with pytest.raises(EngineUnavailable, match="wants a key: name its variable in secret"):
        await reply(brain(server, kit, secret=""))


async def test_a_reply_that_the_model_declines(server: AnthropicServer, kit: Kit) -> None:
    server.script.stop_reason = "refusal"
    with pytest.raises(EngineUnsuited, match="declines to answer this"):
        await reply(brain(server, kit))


async def test_thoughts_that_leave_no_tokens_for_words(server: AnthropicServer, kit: Kit) -> None:
    server.script.reply, server.script.thoughts, server.script.stop_reason = "", "Hm, hm, hm.", "max_tokens"
    with pytest.raises(EngineUnavailable, match="its 5 tokens went into thoughts: raise max_tokens"):
        await reply(brain(server, kit, thinking="", max_tokens=5))


FAULTS = [
    ("401", EngineUnavailable, r"does not accept the key in ANTHROPIC_API_KEY \(401\): invalid bearer token …"),
    ("429", EngineUnavailable, r"enough requests for now; it may be asked again in 7 s \(429\): Your account"),
    ("500", EngineUnavailable, r"has failed \(500\): Internal server error"),
    ("529", EngineUnavailable, r"has failed \(529\): Overloaded"),
    ("filtered", EngineUnsuited, r"declines this request \(400\): Output blocked by content filtering policy"),
    ("filters", EngineUnsuited, "the model declines: Output blocked by content filtering policy"),
    ("early_error", EngineUnavailable, "the server has failed: Overloaded"),
    ("error", EngineError, "the server has failed: Overloaded"),
    ("close", EngineError, "the connection broke while it answered"),
    ("wrong_type", EngineUnavailable, "sent text/html instead of a stream: <html>"),
    ("garbage", EngineError, "sent what is no event"),
    ("empty", EngineError, "the reply broke off"),
    ("huge", EngineError, "a line of more than 1 MB"),
]


@pytest.mark.parametrize(("fault", "kind", "told"), FAULTS)
async def test_a_fault_is_told_and_the_next_request_is_well(
    server: AnthropicServer, kit: Kit, fault: str, kind: type[EngineError], told: str
) -> None:
    engine = brain(server, kit)
    server.fault("messages", fault, times=1)
    with pytest.raises(EngineError, match=told) as failure:
        await reply(engine)
    assert type(failure.value) is kind
    assert KEY not in str(failure.value)
    assert getattr(failure.value, "retry_after", 0) == (7 if fault == "429" else 0)
    assert await reply(engine) == server.script.reply


async def test_the_first_word_does_not_wait_for_the_last_and_a_connection_is_used_again(
    server: AnthropicServer, kit: Kit
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
async def test_a_cut_closes_the_connection(server: AnthropicServer, kit: Kit, standing: bool) -> None:
    """Of a stream without end, and of one that stands still: neither is waited for."""
    engine = brain(server, kit)
    server.fault("messages", "endless", times=1)
    if standing:
        server.gate.clear()
    async with asyncio.timeout(PATIENCE):
        async with aclosing(engine.reply(PROMPT)) as pieces:  # type: ignore[type-var]
            await anext(pieces)
    await until(lambda: server.requests[0].cut, "the client's leaving")
    server.gate.set()
    assert await reply(engine) == server.script.reply


async def test_a_server_that_never_ends_its_stream(server: AnthropicServer, kit: Kit) -> None:
    server.fault("messages", "stays")
    assert await reply(brain(server, kit)) == server.script.reply
    await until(lambda: server.requests[0].cut, "the client's leaving")
