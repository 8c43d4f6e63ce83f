"""The brain behind OpenAI's chat interface, against a server that keeps to the interface and one that does not."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from msgspec.structs import replace

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
from marotte.mind.brains.openai import OpenAIBrain, OpenAIBrainSettings
from tests.servers.openai import OpenAIServer, Script

pytestmark = pytest.mark.anyio

KEY = Script.key
PROMPT = Prompt(system="You are Pip.", text='Ada says: "Hello!"')
PICTURE = b"\xff\xd8\xff\xe0 a cat"
TOOLS = (
    Tool(name="weather", description="Tells the weather.", parameters={"type": "object", "properties": {"city": {}}}),
    Tool(name="wink", description="Winks.", parameters={"type": "object"}),
)


@pytest.fixture
async def server() -> AsyncIterator[OpenAIServer]:
    async with OpenAIServer() as server:
        yield server


@pytest.fixture
async def kit() -> AsyncIterator[Kit]:
    kit = Kit(secrets={"OPENAI_API_KEY": KEY})
    yield kit
    await kit.close()


def brain(url: str, kit: Kit, **settings: Any) -> OpenAIBrain:
    return OpenAIBrain(OpenAIBrainSettings(**{"url": url, "secret": "OPENAI_API_KEY", **settings}), kit)


async def reply(brain: OpenAIBrain, prompt: Prompt = PROMPT) -> str:
    return "".join([piece async for piece in brain.reply(prompt) if isinstance(piece, str)])


async def test_a_reply_comes_word_by_word(server: OpenAIServer, kit: Kit) -> None:
    server.script.reply = "Bonjour, Ada ! こんにちは。 🙂"
    engine = brain(server.url, kit, temperature=0.7, max_tokens=50)
    pieces = [piece async for piece in engine.reply(PROMPT)]
    assert "".join(pieces) == server.script.reply
    assert len(pieces) > 5
    assert server.requests[0].body == {
        "model": "gpt-5.4-mini",
        "stream": True,
        "temperature": 0.7,
        "max_tokens": 50,
        "messages": [
            {"role": "system", "content": "You are Pip."},
            {"role": "user", "content": 'Ada says: "Hello!"'},
        ],
    }


async def test_openais_own_server_is_told_the_longest_reply_by_its_new_name_and_asked_to_count(
    kit: Kit, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with OpenAIServer() as server:
        monkeypatch.setattr("marotte.engines.openai._OWN", server.url)
        pieces = [piece async for piece in brain(server.url, kit, max_tokens=50).reply(PROMPT)]
        assert server.requests[0].body["max_completion_tokens"] == 50
        assert "max_tokens" not in server.requests[0].body
        assert isinstance(pieces[-1], Counted)


async def test_tokens_are_counted_where_the_server_tells(server: OpenAIServer, kit: Kit) -> None:
    engine = brain(server.url, kit, extra={"stream_options": {"include_usage": True}})
    pieces = [piece async for piece in engine.reply(PROMPT)]
    (counted,) = [piece for piece in pieces if isinstance(piece, Counted)]
    assert counted.tokens > 10


async def test_pictures_are_sent_with_what_is_answered_now(server: OpenAIServer, kit: Kit) -> None:
    prompt = replace(
        PROMPT,
        history=(
            Message(role="user", text="Hi"),
            Message(role="assistant", text="Hello."),
        ),
    )
    assert await reply(brain(server.url, kit), replace(prompt, pictures=(PICTURE,))) == server.script.reply
    *before, last = server.requests[0].body["messages"]
    assert all(isinstance(message["content"], str) for message in before)
    words, picture = last["content"]
    assert words == {"type": "text", "text": PROMPT.text}
    assert picture["image_url"]["url"] == "data:image/jpeg;base64," + base64.b64encode(PICTURE).decode()
    await reply(brain(server.url, kit, pictures=False), replace(prompt, pictures=(PICTURE,)))
    assert server.requests[1].body["messages"][-1]["content"] == PROMPT.text


async def test_it_uses_tools_and_goes_on_with_their_results(server: OpenAIServer, kit: Kit) -> None:
    """In two rounds, the first of two calls at once, as the server's reference wants them back."""

    def calls(messages: list[dict[str, Any]]) -> list[tuple[str, dict[str, Any]]]:
        done = sum(message["role"] == "tool" for message in messages)
        rounds = {0: [("weather", {"city": 'Lima, "the grey" 🌫'}), ("wink", {})], 2: [("wink", {"eye": "left"})]}
        return rounds.get(done, [])

    server.script.calls, server.script.reply, server.script.reasoning = calls, "Let me see.", "Weather first."
    engine = brain(server.url, kit)
    prompt = replace(PROMPT, tools=TOOLS)
    pieces = [piece async for piece in engine.reply(prompt)]
    first, second = pieces[-2:]
    assert isinstance(first, Call)
    assert isinstance(second, Call)
    assert [(call.tool, call.arguments) for call in (first, second)] == calls([])
    assert "".join(piece for piece in pieces if isinstance(piece, str)) == "Let me see."
    results = (Result(call=first, text="Fog."), Result(call=second, text="done"))
    *_, third = [piece async for piece in engine.reply(replace(prompt, said="Let me see.", results=results))]
    assert isinstance(third, Call)
    results += (Result(call=third, text="done"),)
    assert await reply(engine, replace(prompt, said="Let me see. Hm.", results=results)) == "Let me see."
    asked = server.requests[-1].body["messages"]
    assert [message["role"] for message in asked] == [
        "system", "user", "assistant", "tool", "tool", "assistant", "tool",
    ]  # fmt: skip
    assert (asked[2]["content"], asked[5]["content"]) == ("Let me see. Hm.", "")
    assert asked[2]["reasoning_content"] == "Weather first.", "its thoughts go back beside the calls they led to"
    assert asked[3] == {"role": "tool", "tool_call_id": first.id, "content": "Fog."}


async def test_tools_are_offered_only_to_a_model_that_has_a_use_for_them(server: OpenAIServer, kit: Kit) -> None:
    await reply(brain(server.url, kit), replace(PROMPT, tools=TOOLS))
    assert server.requests[0].body["tools"][0] == {
        "type": "function",
        "function": {
            "name": "weather",
            "description": "Tells the weather.",
            "parameters": {"type": "object", "properties": {"city": {}}},
        },
    }
    await reply(brain(server.url, kit, tools=False), replace(PROMPT, tools=TOOLS))
    assert "tools" not in server.requests[1].body


@pytest.mark.parametrize("field", ["reasoning_content", "reasoning"])
async def test_thoughts_are_not_spoken(server: OpenAIServer, kit: Kit, field: str) -> None:
    server.script.reasoning, server.script.reasoning_field = "Ada is here. Be kind to her.", field
    assert await reply(brain(server.url, kit)) == server.script.reply


async def test_a_refusal_is_not_spoken_and_not_held_against_the_server(server: OpenAIServer, kit: Kit) -> None:
    server.script.refusal = "I cannot help with that."
    with pytest.raises(EngineUnsuited, match="the model declines: I"):
        await reply(brain(server.url, kit))


async def test_words_that_the_servers_filter_stopped(kit: Kit) -> None:
    half = SSE + 'data: {"choices":[{"delta":{"content":"Once"},"finish_reason":"content_filter"}]}\n\n'
    async with raw(half.encode()) as url:
        pieces = brain(url, kit).reply(PROMPT)
        assert await anext(pieces) == "Once"
        with pytest.raises(EngineUnsuited, match="its content filter stopped it"):
            await anext(pieces)


@pytest.mark.parametrize(
    ("status", "message", "more"),
    [
        (400, "The response was filtered due to the prompt triggering Azure", {"code": "content_filter"}),
        (400, "Invalid prompt: your prompt was flagged as potentially violating", {"code": "invalid_prompt"}),
        (403, "Your input was flagged.", {"code": 403, "metadata": {"reasons": ["x"], "flagged_input": "Hello!"}}),
    ],
)
@pytest.mark.parametrize("streams", [False, True])
async def test_a_prompt_that_a_filter_stopped_is_not_held_against_the_server(
    kit: Kit, status: int, message: str, more: dict[str, Any], streams: bool
) -> None:
    """Else anybody who writes something nasty puts the brain to rest for everybody."""
    error = json.dumps({"error": {"message": message, **more}})
    head = f"HTTP/1.1 {status} No\r\nContent-Type: application/json\r\nContent-Length: {len(error)}\r\n\r\n"
    async with raw((f"{SSE}data: {error}\n\n" if streams else head + error).encode()) as url:
        with pytest.raises(EngineUnsuited, match=message):
            await reply(brain(url, kit))


async def test_words_mixed_with_thoughts_as_mistral_sends_them(kit: Kit) -> None:
    lines = [
        'data: {"choices":[{"delta":{"content":[{"type":"thinking","thinking":[{"type":"text","text":"Hm"}]}]}}]}',
        'data: {"choices":[{"delta":{"content":[{"type":"text","text":"Hello"}]}}]}',
        'data: {"choices":[{"delta":{"content":", Ada."},"finish_reason":"stop"}]}',
    ]
    async with raw((SSE + "\n\n".join(lines)).encode()) as url:
        assert await reply(brain(url, kit)) == "Hello, Ada."


async def test_a_call_that_breaks_off_is_no_call(kit: Kit) -> None:
    call = '{"index":0,"id":"a","function":{"name":"wink","arguments":"{\\"eye\\": \\"le"}}'
    whole = f'data: {{"choices":[{{"delta":{{"tool_calls":[{call}]}},"finish_reason":"length"}}]}}\n\n'
    async with raw((SSE + whole).encode()) as url:
        with pytest.raises(EngineError, match="called wink with what is no JSON object"):
            await reply(brain(url, kit), replace(PROMPT, tools=TOOLS))


async def test_a_wrong_key_a_missing_key_and_an_unknown_model(server: OpenAIServer, kit: Kit) -> None:
    kit.secrets["MY_KEY"] = "sk-wrong-and-secret"
    with pytest.raises(EngineUnavailable, match=r"key in MY_KEY \(401\)") as failure:
        await reply(brain(server.url, kit, secret="MY_KEY"))
    assert "sk-wrong" not in str(failure.value)
    with pytest.raises(EngineUnavailable, match=r"wants a key: set OTHER_KEY \(401\)"):
        await reply(brain(server.url, kit, secret="OTHER_KEY"))
    with pytest.raises(EngineUnavailable, match=r"no such path or model \(404\): The model `pip` does not exist"):
        await reply(brain(server.url, kit, model="pip"))
    with pytest.raises(EngineUnavailable, match=r"refuses the request \(400\): Unrecognized .*: top_k"):
        await reply(brain(server.url, kit, extra={"top_k": 3}))


async def test_a_server_without_a_key_and_one_that_is_not_there(kit: Kit) -> None:
    kit.secrets.clear()
    async with OpenAIServer(Script(key="")) as server:
        assert await reply(brain(server.url, kit)) == server.script.reply
        url = server.url
    with pytest.raises(EngineUnavailable, match=r"openai brain: .* cannot be reached"):
        await reply(brain(url, kit))


def test_the_check_asks_for_a_key_where_one_is_needed() -> None:
    assert OpenAIBrain.check(OpenAIBrainSettings(), Kit()).endswith("wants a key: set OPENAI_API_KEY")
    assert OpenAIBrain.check(OpenAIBrainSettings(), Kit(secrets={"OPENAI_API_KEY": KEY})) == ""
    assert OpenAIBrain.check(OpenAIBrainSettings(url="http://localhost:8080/v1"), Kit()) == ""


SSE = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"


@pytest.mark.parametrize("step", [1, 7, 100_000])
async def test_a_stream_however_it_is_cut_up(kit: Kit, step: int) -> None:
    """CRLF and bare CR, comments, other fields, no blank lines, no space, null content, nothing after the last line."""
    lines = [
        ": keep alive", "", "event: message", 'data: {"choices":[{"delta":{"role":"assistant","content":null}}]}', "",
        'data:{"choices":[{"delta":{"content":"Ça "}}]}', 'data: {"choices":[{"delta":{"content":"日本\\n"}}]}', ":",
        "", 'data: {"choices":[]}', "", 'data: {"choices":[{"delta":{"content":"🙂"},"finish_reason":null}]}', "",
        'data: {"choices":[{"delta":{},"finish_reason":"stop"}]}',
    ]  # fmt: skip
    for end in ("\n", "\r\n", "\r"):
        async with raw(SSE.encode() + end.join(lines).encode(), step) as url:
            assert await reply(brain(url, kit)) == "Ça 日本\n🙂"


async def test_a_stream_that_ends_too_early(kit: Kit) -> None:
    half = SSE + 'data: {"choices":[{"delta":{"content":"Once upon"}}]}\n\n'
    async with raw(half.encode()) as url:
        pieces = brain(url, kit).reply(PROMPT)
        assert await anext(pieces) == "Once upon"
        with pytest.raises(EngineError, match="the reply broke off"):
            await anext(pieces)


async def test_a_server_that_does_not_stream(kit: Kit) -> None:
    body = '{"choices":[{"message":{"content":"All at once."},"finish_reason":"stop"}]}'
    head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    async with raw((head + body).encode(), 11) as url:
        assert await reply(brain(url, kit)) == "All at once."


async def test_connections_are_used_again(server: OpenAIServer, kit: Kit) -> None:
    for _ in range(3):
        await reply(brain(server.url, kit))
    assert len({asked.peer for asked in server.requests}) == 1


async def test_a_server_that_never_ends_its_stream(kit: Kit) -> None:
    lines = 'data: {"choices":[{"delta":{"content":"Hi"}}]}\n\ndata: [DONE]\n\n'
    async with raw((SSE + lines).encode(), stays=True) as url:
        assert await reply(brain(url, kit)) == "Hi", "the server hangs up only after the client"


async def test_a_redirect_is_not_followed(kit: Kit) -> None:
    async with raw(b"HTTP/1.1 307 X\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n") as url:
        with pytest.raises(EngineUnavailable, match=r"refuses the request \(307\)"):
            await reply(brain(url, kit))


@asynccontextmanager
async def raw(answer: bytes, step: int = 100_000, stays: bool = False) -> AsyncIterator[str]:
    """Serve one fixed answer, ``step`` bytes at a time; where it ``stays``, until the client leaves."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        for at in range(0, len(answer), step):
            writer.write(answer[at : at + step])
            await writer.drain()
            await asyncio.sleep(0)
        if stays:
            await reader.read()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield "http://{}:{}/v1".format(*server.sockets[0].getsockname())
    finally:
        server.close()
