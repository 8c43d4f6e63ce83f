"""Brains and ears behind HTTP: whatever a server sends, they give words, or say in plain words that they cannot."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marotte.engines.anthropic import AnthropicSettings
from marotte.engines.kinds import Call, Counted, EngineError, Heard, Kit, Prompt, Tool
from marotte.mind.brains.anthropic import AnthropicBrain
from marotte.mind.brains.gemini import GeminiBrain, GeminiBrainSettings
from marotte.mind.brains.ollama import OllamaBrain, OllamaSettings
from marotte.mind.brains.openai import OpenAIBrain, OpenAIBrainSettings
from marotte.senses.hearing.ears.gemini import GeminiEar, GeminiEarSettings
from tests.fuzz.hostile import looks, mutated

SSE, LINES, JSON = "text/event-stream", "application/x-ndjson", "application/json"
PROMPT = Prompt(system="Pip", text="Hi", tools=(Tool(name="wink", description="", parameters={"type": "object"}),))
STREAMS = {
    "openai": (
        b'data: {"choices":[{"index":0,"delta":{"role":"assistant","content":"Hi","reasoning":"hm"}}]}\n\n'
        b'data: {"choices":[{"delta":{"content":[{"type":"text","text":"Ada"}],"reasoning_content":"hm"}}]}\n\n'
        b'data: {"choices":[{"delta":{"tool_calls":[{"index":0,"id":"a","function":{"name":"wink",'
        b'"arguments":"{}"}}]},"finish_reason":"tool_calls"}],"usage":{"total_tokens":9}}\n\ndata: [DONE]\n\n',
    ),
    "anthropic": (
        b'data: {"type":"message_start","message":{"usage":{"input_tokens":3,"output_tokens":1}}}\n\n'
        b'data: {"type":"content_block_start","index":0,"content_block":{"type":"thinking","thinking":""}}\n\n'
        b'data: {"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":"hm"}}\n\n'
        b'data: {"type":"content_block_start","index":1,"content_block":{"type":"redacted_thinking","data":"x"}}\n\n'
        b'data: {"type":"content_block_delta","index":2,"delta":{"type":"text_delta","text":"Hi"}}\n\n'
        b'data: {"type":"content_block_start","index":3,"content_block":{"type":"tool_use","id":"a","name":"wink"}}\n\n'
        b'data: {"type":"content_block_delta","index":3,"delta":{"partial_json":"{}"}}\n\n'
        b'data: {"type":"message_delta","delta":{"stop_reason":"tool_use"},"usage":{"output_tokens":4}}\n\n'
        b'data: {"type":"message_stop"}\n\n',
    ),
    "gemini": (
        b'data: {"candidates":[{"content":{"parts":[{"text":"hm","thought":true},{"text":"Hi"}]}}]}\r\n\r\n'
        b'data: {"candidates":[{"content":{"parts":[{"functionCall":{"name":"wink","args":{},"id":"a"},'
        b'"thoughtSignature":"s"}]},"finishReason":"STOP"}],"usageMetadata":{"totalTokenCount":9}}\r\n\r\n',
        b'data: {"promptFeedback":{"blockReason":"SAFETY"}}\r\n\r\n',
    ),
    "ollama": (
        b'{"message":{"role":"assistant","content":"Hi","thinking":"hm"},"done":false}\n'
        b'{"message":{"tool_calls":[{"id":"a","function":{"index":0,"name":"wink","arguments":{}}}]}}\n'
        b'{"message":{"content":""},"done":true,"prompt_eval_count":3,"eval_count":2}\n',
    ),
    "ear": (
        b'{"candidates":[{"content":{"parts":[{"text":"{\\"text\\":\\"Hi\\",\\"language\\":\\"en\\"}"}]},'
        b'"finishReason":"STOP"}]}',
    ),
}


class Body:
    """An answer whose bytes are known beforehand, in pieces."""

    def __init__(self, sent: bytes, kind: str) -> None:
        self.content_type, self.content = kind, self
        self._pieces = [sent[at : at + 97] for at in range(0, len(sent), 97)]

    async def readany(self) -> bytes:
        return self._pieces.pop(0) if self._pieces else b""

    async def iter_any(self) -> AsyncIterator[bytes]:
        while self._pieces:
            yield self._pieces.pop(0)


def given_by(engine: Any, sent: bytes, kind: str) -> list[Any]:
    """Return what an engine makes of an answer, an error among it."""

    @asynccontextmanager
    async def post(*_: object, **__: object) -> AsyncIterator[Body]:
        yield Body(sent, kind)

    async def speech() -> AsyncIterator[bytes]:
        yield bytes(640)

    async def run() -> list[Any]:
        engine._server.post = post
        pieces: list[Any] = []
        try:
            async for piece in engine.hear(speech(), "en") if hasattr(engine, "hear") else engine.reply(PROMPT):
                pieces.append(piece)
        except EngineError as error:
            pieces.append(error)
        return pieces

    return asyncio.run(run())


def engines() -> dict[str, tuple[Any, str]]:
    kit = Kit(secrets={"OPENAI_API_KEY": "k", "GEMINI_API_KEY": "k", "ANTHROPIC_API_KEY": "k"})
    return {
        "openai": (OpenAIBrain(OpenAIBrainSettings(), kit), SSE),
        "anthropic": (AnthropicBrain(AnthropicSettings(), kit), SSE),
        "gemini": (GeminiBrain(GeminiBrainSettings(), kit), SSE),
        "ollama": (OllamaBrain(OllamaSettings(), kit), LINES),
        "ear": (GeminiEar(GeminiEarSettings(), kit), JSON),
    }


@pytest.mark.parametrize("name", STREAMS)
def test_the_seeds_are_understood(name: str) -> None:
    engine, kind = engines()[name]
    pieces = given_by(engine, STREAMS[name][0], kind)
    assert not [piece for piece in pieces if isinstance(piece, EngineError)]
    if name == "ear":
        assert pieces == [Heard(text="Hi", language="en")]
    else:
        assert "".join(piece for piece in pieces if isinstance(piece, str)) in ("Hi", "HiAda")
        assert pieces[-1] == Call(id="a", tool="wink", arguments={})


@pytest.mark.parametrize("wound", [b"\x80i", b"\\ud800i", b"\0i"])
@pytest.mark.parametrize("name", STREAMS)
def test_text_that_is_none(name: str, wound: bytes) -> None:
    engine, kind = engines()[name]
    *_, error = given_by(engine, STREAMS[name][0].replace(b"Hi", wound), kind)
    assert isinstance(error, EngineError)


@pytest.mark.parametrize("name", ["openai", "gemini", "ollama", "ear"])
def test_json_without_bottom(name: str) -> None:
    engine, kind = engines()[name]
    deep = b'{"error":' + b"[" * 100_000 + b"]" * 100_000 + b"}"
    *_, error = given_by(engine, (b"data: " if kind == SSE else b"") + deep + b"\n\n", kind)
    assert isinstance(error, EngineError)


@pytest.mark.parametrize("name", STREAMS)
@looks(120)
@given(data=st.data())
def test_whatever_comes_is_words_or_an_error_in_plain_words(name: str, data: st.DataObject) -> None:
    engine, kind = engines()[name]
    sent = data.draw(st.one_of(mutated(STREAMS[name]), st.binary(max_size=200)))
    pieces = given_by(engine, sent, kind)
    for piece in pieces:
        assert isinstance(piece, str | Counted | Call | Heard | EngineError)
    for error in pieces[-1:]:
        if isinstance(error, EngineError):
            assert 0 < len(str(error)) < 1_000
            assert "\n" not in str(error)
