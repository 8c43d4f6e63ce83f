"""The brain behind OpenAI's chat interface, against a server that keeps to the interface and one that does not."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from marotte.engines.kinds import Counted, EngineError, EngineUnavailable, Kit, Message, Prompt
from marotte.mind.brains.openai import OpenAIBrain, OpenAIBrainSettings, messages
from tests.servers.openai import OpenAIServer, Script

pytestmark = pytest.mark.anyio

KEY = Script.key
PROMPT = Prompt(system="You are Pip.", text='Ada says: "Hello!"')


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
        "model": "gpt-4o-mini",
        "stream": True,
        "temperature": 0.7,
        "max_tokens": 50,
        "messages": [
            {"role": "system", "content": "You are Pip."},
            {"role": "user", "content": 'Ada says: "Hello!"'},
        ],
    }


async def test_tokens_are_counted_where_the_server_tells(server: OpenAIServer, kit: Kit) -> None:
    engine = brain(server.url, kit, extra={"stream_options": {"include_usage": True}})
    pieces = [piece async for piece in engine.reply(PROMPT)]
    (counted,) = [piece for piece in pieces if isinstance(piece, Counted)]
    assert counted.tokens > 10


def test_a_prompt_becomes_messages_whose_roles_alternate() -> None:
    prompt = Prompt(
        system="You are Pip.",
        history=(
            Message(role="user", text="Hi", name="Ada"),
            Message(role="user", text="Me too", name="Bo"),
            Message(role="assistant", text="Hello both.", name="Pip"),
        ),
        text="Ada asks a riddle.",
        said="Well, I",
    )
    system, *rest = messages(prompt)
    assert system == {"role": "system", "content": "You are Pip."}
    assert [(m["role"], m["content"]) for m in rest[:4]] == [
        ("user", "Ada: Hi\nBo: Me too"),
        ("assistant", "Hello both."),
        ("user", "Ada asks a riddle."),
        ("assistant", "Well, I"),
    ]
    assert rest[4]["role"] == "user"
    assert "broke off" in rest[4]["content"]


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
