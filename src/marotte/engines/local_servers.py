"""Model servers on this machine: found on their usual ports, and offered."""

import asyncio
import json
from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

from marotte.engines.http import read
from marotte.engines.kinds import Kit

Speaks = Literal["openai", "ollama"]
"""The brain that speaks a server's interface."""


class Usual(NamedTuple):
    """Where a server usually is, and which brain knows it best: they all list their models as OpenAI does."""

    name: str
    url: str
    engine: Speaks = "openai"


USUAL = (
    Usual("Ollama", "http://127.0.0.1:11434", "ollama"),
    Usual("llama.cpp", "http://127.0.0.1:8080/v1"),
    Usual("LM Studio", "http://127.0.0.1:1234/v1"),
)
_WITHIN = 1.0
_LARGEST = 1_000_000


class Found(NamedTuple):
    """A server that answers."""

    name: str
    url: str
    models: tuple[str, ...]
    engine: Speaks = "openai"


async def look_around(kit: Kit, usual: Sequence[Usual] = USUAL) -> tuple[Found, ...]:
    """Ask every usual port for its models; whatever does not answer within a second, or not in JSON, is not there."""
    answers = await asyncio.gather(*(_ask(kit, server) for server in usual))
    return tuple(found for found in answers if found)


async def _ask(kit: Kit, server: Usual) -> Found | None:
    import aiohttp

    try:
        models_at = f"{server.url.removesuffix('/v1')}/v1/models"
        timeout = aiohttp.ClientTimeout(total=_WITHIN)
        async with kit.http().get(models_at, timeout=timeout, allow_redirects=False) as response:
            if response.status != 200:
                return None
            models = _names(json.loads(await read(response, _LARGEST)))
    except (aiohttp.ClientError, TimeoutError, ValueError, OSError):
        return None
    return Found(server.name, server.url, models, server.engine) if models else None


def _names(answer: Any) -> tuple[str, ...]:
    """Read the names out of ``{"data": [{"id": …}]}``; raises ValueError where it is anything else."""
    try:
        return tuple(str(model["id"])[:200] for model in answer["data"])[:100]
    except (TypeError, KeyError) as error:
        raise ValueError("not a list of models") from error
