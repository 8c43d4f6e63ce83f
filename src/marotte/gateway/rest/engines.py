"""Engines: how they fare, and which brain leads."""

import asyncio
import base64
from random import Random
from typing import Any, cast

from fastapi import APIRouter, HTTPException
from pydantic import BaseModel, Field, ValidationError

from marotte.config import nearest
from marotte.engines import registry, trial
from marotte.engines.chain import Member
from marotte.engines.duplex import AsVoice
from marotte.engines.kinds import Engine, EngineError, Kind, Kit
from marotte.engines.local_servers import Speaks
from marotte.engines.registry import Built
from marotte.events import Line
from marotte.gateway.rest.access import Operator, TheRun, Viewer
from marotte.log import redact
from marotte.ops.measures import utterance
from marotte.ops.recorder import bare
from marotte.show import Run
from marotte.text.language import base

router = APIRouter()


_trying = asyncio.Lock()
_SENTENCES = {
    "en": "Hello! This is {name}, and this is my voice.",
    "es": "¡Hola! Soy {name}, y esta es mi voz.",
    "fr": "Bonjour ! Je suis {name}, et voici ma voix.",
    "zh": "你好！我是{name}，这是我的声音。",
    "ja": "こんにちは。{name}です。これが私の声です。",
}


class FoundServer(BaseModel):
    """A model server to think with."""

    url: str = Field(pattern=r"^https?://", max_length=500)
    model: str = Field(min_length=1, max_length=200)
    engine: Speaks | None = None
    """Which brain speaks to it; left out: the one that knows it best, where it was found, else ``openai``."""


@router.get("/engines", dependencies=[Viewer])
async def engines(run: TheRun) -> list[dict[str, Any]]:
    """Return every engine in the order of its chain: its breaker, its speed, what it consumed."""
    return [
        {
            "name": member.name,
            "kind": chain.kind,
            "engine": type(bare(member.engine)).__name__,
            "state": member.state,
            "detail": member.detail,
            "failures": member.failed,
            "calls": member.calls,
            "last_ms": round(member.last * 1_000, 1) if member.last >= 0 else None,
            "used": member.used,
            "kept": _kept(run, member) if chain is run.voices else None,
        }
        for chain in run.chains
        for member in chain.members
    ]


def _kept(run: Run, member: Member) -> dict[str, int] | None:
    """Return how often a voice needed not make a line, and how often it had to; None: nothing of it is kept."""
    if getattr(member.engine, "cheap", False):
        return None
    return {"hits": run.sounds.hits[member.name], "misses": run.sounds.misses[member.name]}


@router.get("/sounds", dependencies=[Viewer])
async def sounds(run: TheRun) -> dict[str, int]:
    """Return how much sound of earlier lines is kept, and how often it was used again in this run."""
    cache = run.sounds
    await cache.open()
    return {
        "lines": len(cache),
        "bytes": cache.bytes,
        "most": cache.most,
        "hits": cache.hits.total(),
        "misses": cache.misses.total(),
    }


@router.delete("/sounds", dependencies=[Operator])
async def clear_sounds(run: TheRun) -> dict[str, int]:
    """Delete the sound that is kept of earlier lines: voices make it again when it is next said."""
    return {"deleted": await asyncio.wrap_future(run.sounds.clear())}


@router.get("/found", dependencies=[Operator])
async def found(run: TheRun) -> list[dict[str, Any]]:
    """Return the model servers that were found on this machine."""
    return [server._asdict() for server in run.found]


@router.post("/brain", status_code=204, dependencies=[Operator])
async def use_brain(run: TheRun, body: FoundServer) -> None:
    """Let a model server lead the chain of brains for the rest of this run."""
    known = next((server.engine for server in run.found if server.url == body.url), "openai")
    entry = registry.installed("brain")[body.engine or known]
    try:
        built = registry.construct("found", entry, {"url": body.url, "model": body.model}, run.kit)
    except ValidationError as error:
        raise HTTPException(422, str(error.errors()[0]["msg"])) from None
    run.brains.put_first(built)


@router.post("/engines/{kind}/{name}/try", dependencies=[Operator])
async def try_engine(run: TheRun, kind: Kind, name: str) -> dict[str, Any]:
    """Try an engine by itself: a voice says a sentence, a brain answers a greeting, an ear hears a few words, an eye
    is shown a small drawing.

    A new one is built for it, with the same settings: the one in the chain goes on as if nothing had happened.
    """
    chain = next(chain for chain in run.chains if chain.kind == kind)
    member = next((m for m in chain.members if m.name == name), None)
    if member is None:
        raise HTTPException(404, f"there is no {kind} called {name!r}{nearest(name, (m.name for m in chain.members))}")
    if _trying.locked():
        raise HTTPException(429, "another engine is being tried just now", {"Retry-After": "5"})
    async with _trying:
        found = await _try(run, kind, member)
    answer: dict[str, Any] = {
        "ok": found.ok,
        "first_ms": found.first_ms,
        "seconds": found.seconds,
        "realtime": found.realtime,
        "detail": redact.clean(found.detail),
        "text": found.text,
    }
    if found.pcm:
        from marotte.senses.hearing.wav import write_wav

        answer["sound"] = base64.b64encode(write_wav(found.pcm, found.rate)).decode()
    return answer


async def _try(run: Run, kind: Kind, member: Member) -> trial.Trial:
    kit = Kit(run.clock, Random(), run.kit.secrets, run.kit.names, run.kit.commands)
    card = run.show.character
    language = base(card.languages[0])
    built = _another(member, kit)
    voice = _another(run.voices.members[-1], kit)
    try:
        try:
            async with asyncio.timeout(trial.WITHIN):
                if warm := getattr(built.engine, "warm", None):
                    await warm()
        except (EngineError, TimeoutError) as error:
            return trial.Trial(ok=False, detail=str(error) or f"it did not start within {trial.WITHIN:g} s")
        match kind:
            case "voice" | "duplex":
                text = _SENTENCES.get(language, _SENTENCES["en"]).format(name=card.name)
                line = Line(shown=text, spoken=text, language=language if language in _SENTENCES else "en")
                return await trial.speak(AsVoice(built.engine) if kind == "duplex" else built.engine, line, run.clock)
            case "brain":
                return await trial.reply(built.engine, language, card.name, run.clock)
            case "eye":
                return await trial.see(built.engine, language, run.clock)
            case "ear":
                speech = await utterance(voice, kit)
                if not speech:
                    return trial.Trial(ok=False, detail=f"there is nothing to hear: the voice {voice.name} is silent")
                return await trial.hear(built.engine, speech, "en", run.clock)
    finally:
        await asyncio.gather(built.engine.close(), voice.engine.close(), kit.close(), return_exceptions=True)


def _another(member: Member, kit: Kit) -> Built:
    """Build an engine like that of a chain."""
    settings = member.built.settings
    return Built(member.name, cast("type[Engine]", type(bare(member.engine)))(settings, kit), settings)
