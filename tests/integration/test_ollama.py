"""The brain behind Ollama's own interface, against a server that keeps to it and then does not."""

import asyncio
import base64
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

import pytest
from msgspec.structs import replace
from pydantic import ValidationError

from marotte.engines.kinds import Call, Counted, EngineError, EngineUnavailable, Kit, Message, Prompt, Result, Tool
from marotte.mind.brains import ollama
from marotte.mind.brains.ollama import OllamaBrain, OllamaSettings
from tests.servers.ollama import OllamaServer, Script
from tests.waiting import PATIENCE, until

pytestmark = pytest.mark.anyio

KEY = "ollama-test-0123456789"
PROMPT = Prompt(system="You are Pip.", text='Ada says: "Hello!"')
PICTURE = b"\xff\xd8\xff\xe0 a cat"
TOOLS = (
    Tool(name="weather", description="Tells the weather.", parameters={"type": "object", "properties": {"city": {}}}),
    Tool(name="wink", description="Winks.", parameters={"type": "object"}),
)


@pytest.fixture
async def server() -> AsyncIterator[OllamaServer]:
    async with OllamaServer() as server:
        yield server


@pytest.fixture
async def kit() -> AsyncIterator[Kit]:
    kit = Kit(secrets={"OLLAMA_API_KEY": KEY})
    yield kit
    await kit.close()


def brain(server: OllamaServer, kit: Kit, **settings: Any) -> OllamaBrain:
    return OllamaBrain(OllamaSettings(**{"url": server.url, **settings}), kit)


async def reply(brain: OllamaBrain, prompt: Prompt = PROMPT) -> str:
    return "".join([piece async for piece in brain.reply(prompt) if isinstance(piece, str)])


async def test_a_reply_comes_word_by_word_and_is_counted(server: OllamaServer, kit: Kit) -> None:
    server.script.reply, server.script.thoughts = "Bonjour, Ada ! こんにちは。 🙂", "Ada is here."
    pieces = [piece async for piece in brain(server, kit).reply(PROMPT)]
    assert "".join(piece for piece in pieces if isinstance(piece, str)) == server.script.reply
    assert len(pieces) == 6
    assert pieces[-1] == Counted(26 + 5)
    assert server.requests[0].body == {
        "model": "qwen3:8b",
        "keep_alive": "1h",
        "think": False,
        "options": {"num_ctx": 8_192},
        "messages": [
            {"role": "system", "content": "You are Pip."},
            {"role": "user", "content": 'Ada says: "Hello!"'},
        ],
    }


async def test_what_may_be_set(server: OllamaServer, kit: Kit) -> None:
    settings = {"num_ctx": 0, "keep_alive": "-1", "think": True, "options": {"seed": 7}, "tools": False}
    server.script.thoughts = "Ada is here."
    engine = brain(server, kit, **settings)
    assert await reply(engine, replace(PROMPT, tools=TOOLS)) == server.script.reply, "its thoughts are not spoken"
    body = server.requests[0].body
    assert (body["keep_alive"], body["think"], body["options"]) == (-1, True, {"seed": 7})
    assert "tools" not in body
    with pytest.raises(ValidationError):
        OllamaSettings(keep_alive="for ever")


async def test_a_conversation_a_picture_and_a_reply_to_go_on_with(server: OllamaServer, kit: Kit) -> None:
    history = (Message(role="user", text="Hi", name="Bo"), Message(role="assistant", text="Hello, Bo."))
    prompt = replace(PROMPT, history=history, pictures=(PICTURE,))
    assert await reply(brain(server, kit), prompt) == server.script.reply
    assert server.requests[0].body["messages"][-1]["images"] == [base64.b64encode(PICTURE).decode()]
    assert await reply(brain(server, kit, pictures=False), replace(prompt, said="Well, I ")) == server.script.reply
    assert [message["role"] for message in server.requests[1].body["messages"]] == [
        "system", "user", "assistant", "user", "assistant", "user",
    ]  # fmt: skip
    assert not any("images" in message for message in server.requests[1].body["messages"])


@pytest.mark.parametrize("think", [False, "low"])
async def test_it_uses_tools_and_goes_on_with_their_results(server: OllamaServer, kit: Kit, think: bool | str) -> None:
    """In two rounds, the first of two calls at once, with the thoughts that led to them."""

    def calls(messages: list[dict[str, Any]]) -> list[tuple[str, dict[str, Any]]]:
        rounds = {0: [("weather", {"city": "Lima 🌫"}), ("wink", {})], 2: [("wink", {"eye": "left"})]}
        return rounds.get(sum(message["role"] == "tool" for message in messages), [])

    server.script.calls, server.script.reply, server.script.thoughts = calls, "Let me see.", "Weather first."
    engine, prompt = brain(server, kit, think=think), replace(PROMPT, tools=TOOLS)
    first, second = [piece async for piece in engine.reply(prompt)][-2:]
    assert isinstance(first, Call)
    assert isinstance(second, Call)
    assert [(call.tool, call.arguments) for call in (first, second)] == calls([])
    results = (Result(call=first, text="Fog."), Result(call=second, text="done"))
    *_, third = [piece async for piece in engine.reply(replace(prompt, said="Let me see.", results=results))]
    assert isinstance(third, Call)
    results += (Result(call=third, text="done"),)
    assert await reply(engine, replace(prompt, said="Let me see. Hm.", results=results)) == "Let me see."
    *_, asked, told, _, again, _ = server.requests[-1].body["messages"]
    assert (asked["content"], len(asked["tool_calls"])) == ("Let me see. Hm.", 2)
    assert asked.get("thinking") == ("Weather first." if think else None)
    assert told == {"role": "tool", "tool_call_id": first.id, "tool_name": "weather", "content": "Fog."}
    assert (again["content"], len(again["tool_calls"])) == ("", 1)


async def test_what_the_server_refuses_is_told_in_plain_words(server: OllamaServer, kit: Kit) -> None:
    with pytest.raises(EngineUnavailable, match=r"no such path or model \(404\): model 'pip' not found"):
        await reply(brain(server, kit, model="pip"))
    server.script.thinks = False
    with pytest.raises(EngineUnavailable, match=r"refuses the request \(400\): .* does not support thinking"):
        await reply(brain(server, kit, think=True))
    with pytest.raises(EngineUnavailable, match=r"\(400\): option \"seed\" must be of type integer"):
        await reply(brain(server, kit, options={"seed": "x"}))
    server.script.key = KEY
    with pytest.raises(EngineUnavailable, match="wants a key: name its variable in secret"):
        await reply(brain(server, kit))
    assert await reply(brain(server, kit, secret="OLLAMA_API_KEY")) == server.script.reply


def test_the_check_asks_for_a_key_only_where_one_is_named() -> None:
    assert OllamaBrain.check(OllamaSettings(), Kit()) == ""
    wants = OllamaBrain.check(OllamaSettings(url="https://ollama.com", secret="OLLAMA_API_KEY"), Kit())
    assert wants == "https://ollama.com wants a key: set OLLAMA_API_KEY"


# --- loading


async def test_it_lets_the_model_be_loaded_before_anybody_speaks(server: OllamaServer, kit: Kit) -> None:
    server.script.loaded = False
    engine = brain(server, kit)
    await engine.warm()
    assert server.script.loaded
    assert server.requests[0].body == {**engine._body(), "messages": []}, "as it will be asked, or it is loaded twice"


async def test_a_model_is_loaded_on_though_nobody_waits_for_its_reply(server: OllamaServer, kit: Kit) -> None:
    """The server leaves off loading when its client leaves, and so would never be done with a large model."""
    server.script.loaded = False
    server.loads.clear()
    engine = brain(server, kit)
    asking = asyncio.create_task(reply(engine))
    await until(lambda: server.requests, "the request")
    asking.cancel()
    await until(lambda: len(server.requests) == 2, "the request to load")
    assert server.requests[1].body["messages"] == []
    await until(lambda: server.requests[0].cut, "the client's leaving")
    server.loads.set()
    await until(lambda: server.script.loaded, "the model")
    assert await reply(engine) == server.script.reply
    await engine.close()


async def test_it_leaves_off_loading_with_the_show(server: OllamaServer, kit: Kit) -> None:
    server.script.loaded = False
    server.loads.clear()
    engine = brain(server, kit)
    asking = asyncio.create_task(reply(engine))
    await until(lambda: server.requests, "the request")
    asking.cancel()
    await until(lambda: len(server.requests) == 2, "the request to load")
    await engine.close()
    await until(lambda: server.requests[1].cut, "the engine's leaving")


async def test_a_model_that_takes_too_long_to_load(
    server: OllamaServer, kit: Kit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ollama, "LONGEST_LOAD", 0.05)
    server.script.loaded = False
    server.loads.clear()
    with pytest.raises(EngineUnavailable, match=r"qwen3:8b is not loaded after 0.05 s"):
        await brain(server, kit).warm()


async def test_a_server_that_is_not_there(kit: Kit) -> None:
    engine = OllamaBrain(OllamaSettings(url="http://127.0.0.1:9"), kit)
    with pytest.raises(EngineUnavailable, match=r"127\.0\.0\.1:9 cannot be reached"):
        await engine.warm()


# --- faults

FAULTS = [
    ("401", EngineUnavailable, r"does not accept the key in OLLAMA_API_KEY \(401\): unauthorized …"),
    ("429", EngineUnavailable, r"enough requests for now; it may be asked again in 7 s \(429\): too many"),
    ("500", EngineUnavailable, r"has failed \(500\): model requires more system memory"),
    ("early_error", EngineUnavailable, "the server has failed: an error was encountered"),
    ("error", EngineError, "the server has failed: an error was encountered"),
    ("close", EngineError, "the connection broke while it answered"),
    ("wrong_type", EngineUnavailable, "sent text/html instead of a stream: <html>"),
    ("garbage", EngineUnavailable, "sent what is no reply"),
    ("empty", EngineError, "the reply broke off"),
    ("huge", EngineError, "a line of more than 1 MB"),
]


@pytest.mark.parametrize(("fault", "kind", "told"), FAULTS)
async def test_a_fault_is_told_and_the_next_request_is_well(
    kit: Kit, fault: str, kind: type[EngineError], told: str
) -> None:
    async with OllamaServer(Script(key=KEY)) as server:
        engine = brain(server, kit, secret="OLLAMA_API_KEY")
        server.fault("chat", fault, times=1)
        with pytest.raises(EngineError, match=told) as failure:
            await reply(engine)
        assert type(failure.value) is kind
        assert KEY not in str(failure.value)
        assert await reply(engine) == server.script.reply


async def test_the_first_word_does_not_wait_for_the_last_and_a_connection_is_used_again(
    server: OllamaServer, kit: Kit
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
async def test_a_cut_closes_the_connection(server: OllamaServer, kit: Kit, standing: bool) -> None:
    """Of a stream without end, and of one that stands still: neither is waited for."""
    engine = brain(server, kit)
    server.fault("chat", "endless", times=1)
    if standing:
        server.gate.clear()
    async with asyncio.timeout(PATIENCE):
        async with aclosing(engine.reply(PROMPT)) as pieces:  # type: ignore[type-var]
            await anext(pieces)
    await until(lambda: server.requests[0].cut, "the client's leaving")
    server.gate.set()
    assert await reply(engine) == server.script.reply
    assert len(server.requests) == 2, "what has begun to speak is loaded"
