"""The files of deploy/gpu: the show finds its engines, and each health check asks its server for real work."""

import asyncio
import os
import re
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from marotte import config
from marotte.engines import registry
from tests.servers.openai import OpenAIServer, Script
from tests.servers.speech_servers import MeloTTSServer
from tests.servers.whisperlive import WhisperLiveServer

pytestmark = pytest.mark.anyio
FOLDER = Path(__file__).parents[2] / "deploy" / "gpu"
COMPOSE = yaml.safe_load((FOLDER / "compose.yaml").read_text("utf-8"))
SERVICES: dict[str, Any] = COMPOSE["services"]


def test_the_show_finds_its_engines_where_the_servers_listen() -> None:
    show = config.load(FOLDER / "show.toml")
    plans = {kind: {name: settings for name, _, settings in registry.plan(kind, show)} for kind in registry.EMBEDDED}
    assert [list(plan) for plan in plans.values()] == [
        ["vllm", "improviser"],
        ["melotts", "espeak"],
        ["whisperlive", "pocketsphinx"],
        ["opencv"],
    ]
    wanted = {"brain": plans["brain"]["vllm"], "voice": plans["voice"]["melotts"], "ear": plans["ear"]["whisperlive"]}
    for service, settings in wanted.items():
        (port,) = SERVICES[service]["ports"]
        address, outside, _ = port.split(":")
        assert f"{address}:{outside}" in settings.url
    assert f"--served-model-name={wanted['brain'].model}" in SERVICES["brain"]["command"]


def test_each_waits_for_those_that_take_their_memory_first() -> None:
    healthy = {"condition": "service_healthy"}
    assert SERVICES["voice"]["depends_on"] == {"brain": healthy}
    assert SERVICES["ear"]["depends_on"] == {"brain": healthy, "voice": healthy}
    built = {"condition": "service_completed_successfully"}
    assert SERVICES["ear-tensorrt"]["depends_on"] == {"brain": healthy, "voice": healthy, "engine": built}
    for name in ("brain", "voice", "ear", "ear-tensorrt"):
        assert SERVICES[name]["healthcheck"].keys() >= {"test", "start_period", "start_interval"}
        assert SERVICES[name]["deploy"]["resources"]["reservations"]["devices"][0]["driver"] == "nvidia"


def test_only_known_services_are_put_in_the_place_of_others() -> None:
    other = yaml.safe_load((FOLDER / "compose.tensorrt-llm.yaml").read_text("utf-8"))["services"]
    assert other.keys() <= SERVICES.keys()
    assert "--served_model_name=brain" in other["brain"]["command"], "the show stays as it is"


async def healthy(service: str, address: str, **environment: str) -> tuple[int | None, str]:
    """Run a service's health check as its container would, but at another address."""
    how, command = SERVICES[service]["healthcheck"]["test"]
    assert how == "CMD-SHELL"
    moved = re.sub(r"127\.0\.0\.1:\d+", address, command)
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    process = await asyncio.create_subprocess_shell(
        moved, env={"PATH": path, **environment}, stderr=asyncio.subprocess.PIPE
    )
    _, errors = await process.communicate()
    return process.returncode, errors.decode()


async def test_the_brain_is_healthy_once_it_thinks() -> None:
    async with OpenAIServer(Script(key="", models=("brain",))) as server:
        address = server.url.split("/")[2]
        assert (await healthy("brain", address))[0] == 0
        (asked,) = server.requests
        assert (asked.route, asked.body["max_tokens"]) == ("chat", 1)
        server.fault("chat", "500")
        assert (await healthy("brain", address))[0] == 1


async def test_the_voice_is_healthy_once_it_speaks_every_language() -> None:
    async with MeloTTSServer() as server:
        address = server.url.split("/")[2]
        code, errors = await healthy("voice", address, TTS_LANGUAGES="EN,JP")
        assert code == 0, errors
        assert [asked.body["language"] for asked in server.requests] == ["EN", "JP"]


async def test_the_ear_is_healthy_once_a_session_is_open() -> None:
    async with WhisperLiveServer() as server:
        address = server.url.split("/")[2]
        code, errors = await healthy("ear", address)
        assert code == 0, errors
    assert (await healthy("ear", address))[0] == 1, "nobody listens there any more"
