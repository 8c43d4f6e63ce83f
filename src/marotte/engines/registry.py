"""Engines by name: found by entry point, built from the show's settings."""

from importlib.metadata import EntryPoint, distribution, entry_points
from random import Random
from typing import Any, NamedTuple, cast

from pydantic import ValidationError

from marotte import config
from marotte.engines.kinds import Engine, EngineSettings, Kind, Kit
from marotte.time import Clock

EMBEDDED: dict[Kind, str] = {"brain": "improviser", "voice": "espeak", "ear": "pocketsphinx", "eye": "opencv"}
"""The understudy of each kind: needs no key and no network, and is always the last of its chain.

Behind duplex engines, which are three in one, stand the other three chains.
"""

_TABLE: dict[Kind, str] = {"brain": "brain", "voice": "voice", "ear": "hearing", "duplex": "duplex", "eye": "sight"}


class Built(NamedTuple):
    """An engine, the name it bears in the show, and its settings."""

    name: str
    engine: Engine
    settings: EngineSettings
    aside: bool = False
    """It is asked only where somebody asks for it by its name."""


def installed(kind: Kind) -> dict[str, EntryPoint]:
    """Return every installed engine of a kind by its name."""
    return {entry.name: entry for entry in entry_points(group=_group(kind))}


def _ours(kind: Kind) -> dict[str, EntryPoint]:
    """Return the engines that come with the program: found at once, however much else is installed."""
    return {entry.name: entry for entry in distribution("marotte").entry_points.select(group=_group(kind))}


def _group(kind: Kind) -> str:
    return "marotte.duplexes" if kind == "duplex" else f"marotte.{kind}s"


def kit(show: config.Show, secrets: dict[str, str], clock: Clock | None = None, rng: Random | None = None) -> Kit:
    """Put together what a show lends to its engines."""
    card = show.character
    return Kit(
        clock=clock or Clock(),
        rng=rng or Random(show.seed or None),
        secrets=secrets,
        names=(card.name, *card.called),
        commands=show.hearing.commands,
    )


def build(kind: Kind, show: config.Show, kit: Kit) -> list[Built]:
    """Build the engines of a chain in their order, the embedded one last. Raises config.ShowError as ``plan`` does."""
    aside = _others(kind, show)
    return [Built(name, engine(settings, kit), settings, name in aside) for name, engine, settings in plan(kind, show)]


def plan(kind: Kind, show: config.Show) -> list[tuple[str, "type[Engine]", EngineSettings]]:
    """Return the engines of a chain in their order, with their settings; nothing is built.

    What follows a colon in a name is the engine's ``plugin``: ``livekit:cartesia`` is LiveKit's bridge to Cartesia.

    Raises config.ShowError, naming line and key, where the show asks for an engine that does not exist or sets one up
    wrongly.
    """
    table = _TABLE[kind]
    chain: config.Chain = getattr(show, table)
    engines: list[tuple[str, type[Engine], EngineSettings]] = []
    *first, last = dict.fromkeys(filter(None, (*chain.chain, EMBEDDED.get(kind)))) or ("",)
    for name in filter(None, (*first, *(others := _others(kind, show)), last)):
        settings = chain.settings(name)
        wanted, _, plugin = str(settings.get("engine") or name).partition(":")
        if plugin:
            settings = {"plugin": plugin, **settings}
        entry = _ours(kind).get(wanted) or installed(kind).get(wanted)
        if entry is None:
            known = installed(kind)
            raise show.mistake(
                (table, "others" if name in others else "chain"),
                f"there is no {kind} called {name!r}{config.nearest(wanted, known)}"
                f" (installed: {', '.join(sorted(known))}; another name takes a table [{table}.{name}]"
                ' with engine = "…")',
            )
        engine = cast("type[Engine]", entry.load())
        try:
            engines.append((name, engine, engine.Settings.model_validate(settings)))
        except ValidationError as error:
            raise show.mistakes((table, name), engine.Settings, error) from None
    return engines


def _others(kind: Kind, show: config.Show) -> tuple[str, ...]:
    """Return the voices that speak only where they are asked for by name."""
    listed = (*show.voice.chain, EMBEDDED.get(kind))
    return tuple(name for name in show.voice.others if name not in listed) if kind == "voice" else ()


def construct(name: str, entry: EntryPoint, table: dict[str, Any], kit: Kit) -> Built:
    """Build one engine from its table. Raises pydantic.ValidationError where the table is wrong."""
    engine = cast("type[Engine]", entry.load())
    settings = engine.Settings.model_validate(table)
    return Built(name, engine(settings, kit), settings)
