"""Model servers on this machine: found on their usual ports, and offered."""

import asyncio
import json
from typing import Any, NamedTuple

from marotte.engines.kinds import Kit

USUAL = {
    "Ollama": "http://127.0.0.1:11434/v1",
    "llama.cpp": "http://127.0.0.1:8080/v1",
    "LM Studio": "http://127.0.0.1:1234/v1",
}
_WITHIN = 1.0
_LARGEST = 1_000_000


class Found(NamedTuple):
    """A server that answers as an OpenAI-compatible one does."""

    name: str
    url: str
    models: tuple[str, ...]


async def look_around(kit: Kit, usual: dict[str, str] | None = None) -> tuple[Found, ...]:
    """Ask every usual port for its models; whatever does not answer within a second, or not in JSON, is not there."""
    answers = await asyncio.gather(*(_ask(kit, name, url) for name, url in (usual or USUAL).items()))
    return tuple(found for found in answers if found)


async def _ask(kit: Kit, name: str, url: str) -> Found | None:
    import aiohttp

    try:
        timeout = aiohttp.ClientTimeout(total=_WITHIN)
        async with kit.http().get(f"{url}/models", timeout=timeout, allow_redirects=False) as response:
            if response.status != 200:
                return None
            body = await response.content.read(_LARGEST)
            models = _names(json.loads(body))
    except (aiohttp.ClientError, TimeoutError, ValueError, OSError):
        return None
    return Found(name, url, models) if models else None


def _names(answer: Any) -> tuple[str, ...]:
    """Read the names out of ``{"data": [{"id": …}]}``; raises ValueError where it is anything else."""
    try:
        return tuple(str(model["id"])[:200] for model in answer["data"])[:100]
    except (TypeError, KeyError) as error:
        raise ValueError("not a list of models") from error
