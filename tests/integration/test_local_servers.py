"""Model servers are found on their usual ports, each with the brain that knows it best."""

import asyncio
from collections.abc import Awaitable, Callable
from types import SimpleNamespace
from typing import Any, cast

import pytest
from aiohttp import web

from marotte.engines.chains import BrainChain
from marotte.engines.kinds import Kit
from marotte.engines.local_servers import USUAL, Found, Usual, look_around
from marotte.gateway.rest.engines import FoundServer, use_brain
from marotte.mind.brains.ollama import OllamaBrain
from marotte.mind.brains.openai import OpenAIBrain
from tests.servers.ollama import OllamaServer
from tests.servers.openai import OpenAIServer, Script
from tests.stand_ins import Published
from tests.waiting import PATIENCE

pytestmark = pytest.mark.anyio


@pytest.fixture(autouse=True)
def unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that stalls finds what is there all the same."""
    monkeypatch.setattr("marotte.engines.local_servers._WITHIN", PATIENCE)


async def test_ollama_is_found_under_its_own_interface_and_others_under_openais() -> None:
    kit = Kit()
    async with OllamaServer() as ollama, OpenAIServer(Script(key="")) as other:
        usual = (
            Usual("Ollama", ollama.url, "ollama"),
            Usual("llama.cpp", other.url),
            Usual("nobody", "http://127.0.0.1:1"),
        )
        found = await look_around(kit, usual)
        await kit.close()
    assert found == (
        Found("Ollama", ollama.url, ("qwen3:8b",), "ollama"),
        Found("llama.cpp", other.url, Script().models, "openai"),
    )


def test_ollamas_usual_port_is_spoken_to_as_ollama() -> None:
    assert {server.engine for server in USUAL if ":11434" in server.url} == {"ollama"}
    assert {server.engine for server in USUAL if ":11434" not in server.url} == {"openai"}


async def found_where(answer: Callable[[web.Request], Awaitable[web.StreamResponse]]) -> tuple[Found, ...]:
    """Return what is found at a port where models are asked of ``answer``."""
    app = web.Application()
    app.router.add_get("/v1/models", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    kit = Kit()
    try:
        return await look_around(kit, [Usual("x", "http://{}:{}/v1".format(*runner.addresses[0]))])
    finally:
        await kit.close()
        await runner.cleanup()


async def test_a_list_of_models_that_comes_in_pieces_is_read_whole() -> None:
    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b'{"data": [{"id": "one"},')
        await asyncio.sleep(0.05)  # a packet of its own
        await response.write(b' {"id": "two"}]}')
        return response

    [found] = await found_where(answer)
    assert found.models == ("one", "two")


async def test_what_is_no_list_of_models_is_no_server() -> None:
    async def answer(request: web.Request) -> web.Response:
        return web.json_response({"data": "none"})

    assert await found_where(answer) == ()


@pytest.mark.parametrize(
    ("asked", "engine"),
    [
        ({"url": "http://127.0.0.1:11434", "model": "qwen3:8b"}, OllamaBrain),
        ({"url": "http://127.0.0.1:8080/v1", "model": "a"}, OpenAIBrain),
        ({"url": "http://127.0.0.1:11434/v1", "model": "qwen3:8b"}, OpenAIBrain),
        ({"url": "http://10.0.0.7:11434", "model": "qwen3:8b", "engine": "ollama"}, OllamaBrain),
    ],
)
async def test_the_offer_is_taken_with_the_brain_that_knows_the_server(asked: dict[str, Any], engine: type) -> None:
    kit = Kit()
    found = (Found("Ollama", "http://127.0.0.1:11434", ("qwen3:8b",), "ollama"),)
    run = SimpleNamespace(found=found, kit=kit, brains=BrainChain([], Published(), kit.clock))
    await use_brain(cast("Any", run), FoundServer.model_validate(asked))
    [leads] = run.brains.members
    assert isinstance(leads.engine, engine)
    await kit.close()
