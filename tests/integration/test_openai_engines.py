"""What all engines behind OpenAI's interfaces share, whatever they are asked: faults, streams and cuts."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

import pytest

from marotte.engines.kinds import EngineError, EngineUnavailable, Kit, Prompt
from marotte.events import Line
from marotte.mind.brains.openai import OpenAIBrain, OpenAIBrainSettings
from marotte.senses.hearing.ears.openai import OpenAIEar, OpenAIEarSettings
from marotte.voice.voices.openai import OpenAIVoice, OpenAIVoiceSettings
from tests.servers.openai import OpenAIServer, Script, babble
from tests.waiting import PATIENCE, until

pytestmark = pytest.mark.anyio

TEXT = "Hello there, Ada."


def brain(url: str, kit: Kit) -> AsyncGenerator[str]:
    settings = OpenAIBrainSettings(url=url, secret="OPENAI_API_KEY")
    return OpenAIBrain(settings, kit).reply(Prompt(system="You are Pip.", text=TEXT))  # type: ignore[return-value]


async def voice(url: str, kit: Kit) -> AsyncGenerator[bytes]:
    settings = OpenAIVoiceSettings(url=url, secret="OPENAI_API_KEY")
    async with aclosing(OpenAIVoice(settings, kit).speak(Line(shown=TEXT, spoken=TEXT))) as sounds:  # type: ignore[type-var]
        async for sound in sounds:
            yield sound.pcm


async def ear(url: str, kit: Kit) -> AsyncGenerator[str]:
    async def speech() -> AsyncIterator[bytes]:
        yield bytes(32_000)

    settings = OpenAIEarSettings(url=url, secret="OPENAI_API_KEY")
    async with aclosing(OpenAIEar(settings, kit).hear(speech(), "")) as texts:  # type: ignore[type-var]
        async for heard in texts:
            yield heard.text


@dataclass(frozen=True)
class Engine:
    """One kind of engine: where it asks, how to ask it, and what comes of it when all is well."""

    route: str
    ask: Callable[[str, Kit], AsyncGenerator[Any]]
    whole: Any

    async def all(self, url: str, kit: Kit) -> Any:
        return type(self.whole)().join([piece async for piece in self.ask(url, kit)])


ENGINES = {
    "brain": Engine("chat", brain, Script.reply),
    "voice": Engine("speech", voice, babble(len(TEXT) * Script.per_character)),
    "ear": Engine("transcriptions", ear, Script.heard),
}
BROKEN = "the connection broke while it answered"
KEY_REFUSED = r"does not accept the key in OPENAI_API_KEY \(401\): Incorrect API key provided: …"
LATER = r"enough requests for now; it may be asked again in 7 s \(429\): Rate limit"
FAILED = r"has failed \(500\): The server had an error"
FAULTS = [
    *((engine, "401", EngineUnavailable, KEY_REFUSED) for engine in ENGINES),
    *((engine, "429", EngineUnavailable, LATER) for engine in ENGINES),
    *((engine, "500", EngineUnavailable, FAILED) for engine in ENGINES),
    *((engine, "close", EngineError, BROKEN) for engine in ENGINES),
    ("brain", "wrong_type", EngineUnavailable, "sent text/html instead of a stream: <html>"),
    ("brain", "garbage", EngineError, "sent what is no reply"),
    ("brain", "empty", EngineError, "broke off"),
    ("brain", "error", EngineError, "the server has failed: The model is overloaded."),
    ("brain", "huge", EngineError, "a line of more than 1 MB"),
    ("voice", "wrong_type", EngineUnavailable, "sent text/html instead of sound: <html>"),
    ("voice", "garbage", EngineError, "sent no sound"),
    ("voice", "empty", EngineError, "sent no sound"),
    ("ear", "wrong_type", EngineUnavailable, "sent text/html without a transcript: .*Welcome to the proxy"),
    ("ear", "garbage", EngineUnavailable, "sent application/json without a transcript"),
    ("ear", "empty", EngineUnavailable, "sent application/json without a transcript"),
    ("ear", "huge", EngineError, "sent more than 1 MB"),
]


@pytest.fixture
async def server() -> AsyncIterator[OpenAIServer]:
    async with OpenAIServer(Script(pace=50)) as server:
        yield server


@pytest.fixture
async def kit() -> AsyncIterator[Kit]:
    kit = Kit(secrets={"OPENAI_API_KEY": Script.key})
    yield kit
    await kit.close()


@pytest.mark.parametrize(("name", "fault", "kind", "told"), FAULTS)
async def test_a_fault_is_told_and_the_next_request_is_well(
    server: OpenAIServer, kit: Kit, name: str, fault: str, kind: type[EngineError], told: str
) -> None:
    engine = ENGINES[name]
    server.fault(engine.route, fault, times=1)
    with pytest.raises(EngineError, match=told) as failure:
        await engine.all(server.url, kit)
    assert type(failure.value) is kind
    assert Script.key not in str(failure.value)
    assert await engine.all(server.url, kit) == engine.whole


@pytest.mark.parametrize("name", ["brain", "voice"])
async def test_the_first_piece_does_not_wait_for_the_last(server: OpenAIServer, kit: Kit, name: str) -> None:
    engine = ENGINES[name]
    server.gate.clear()
    async with aclosing(engine.ask(server.url, kit)) as pieces:
        async with asyncio.timeout(PATIENCE):
            first = await anext(pieces)
        assert not server.requests[0].ended, "the server has not sent the rest"
        server.gate.set()
        assert type(engine.whole)().join([first, *[piece async for piece in pieces]]) == engine.whole


@pytest.mark.parametrize("standing", [False, True])
@pytest.mark.parametrize("name", ["brain", "voice"])
async def test_a_cut_closes_the_connection(
    server: OpenAIServer, kit: Kit, caplog: pytest.LogCaptureFixture, name: str, standing: bool
) -> None:
    """Of a stream without end, and of one that stands still: neither is waited for."""
    engine = ENGINES[name]
    server.fault(engine.route, "endless", times=1)
    if standing:
        server.gate.clear()
    async with asyncio.timeout(PATIENCE):
        async with aclosing(engine.ask(server.url, kit)) as pieces:
            await anext(pieces)
    await until(lambda: server.requests[0].cut, "the client's leaving")
    server.gate.set()
    assert await engine.all(server.url, kit) == engine.whole
    assert caplog.text == ""


@pytest.mark.parametrize("name", ENGINES)
async def test_a_cut_while_the_server_hangs(server: OpenAIServer, kit: Kit, name: str) -> None:
    engine = ENGINES[name]
    server.fault(engine.route, "hang", times=1)
    asking = asyncio.create_task(engine.all(server.url, kit))
    await until(lambda: server.requests, "the request")
    asking.cancel()
    await asyncio.wait({asking}, timeout=PATIENCE)
    assert asking.cancelled(), "it does not wait for an answer that never comes"
    await until(lambda: server.requests[0].cut, "the client's leaving")
    assert await engine.all(server.url, kit) == engine.whole
