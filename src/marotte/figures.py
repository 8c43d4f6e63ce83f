"""What the rooms of a run count themselves, for its metrics."""

from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from marotte.show import Run


def counts(run: "Run") -> dict[str, Mapping[tuple[str, ...], float]]:
    """Return what is counted where it happens, by the names of the metrics."""
    depth: Counter[tuple[str, ...]] = Counter()
    dropped: Counter[tuple[str, ...]] = Counter({("private", *k): n for k, n in run.dropped_before.items()})
    for floor in run.floors.values():
        kind = "public" if floor.is_public else "private"
        depth.update({(kind, lane): n for lane, n in floor.attention.depth().items()})
        dropped.update({(kind, *key): n for key, n in floor.attention.dropped.items()})
    lines: dict[tuple[str, ...], float] = {}
    for link in run.platforms.links.values():
        lines |= {(link.name, what): float(count) for what, count in link.counters.items()}
    return {
        "marotte_queue_depth": depth,
        "marotte_dropped_total": dropped,
        "marotte_bus_dropped_total": {(): float(run.bus.dropped)},
        "marotte_floors": {(): float(len(run.floors))},
        "marotte_link_lines_total": lines,
        "marotte_redemptions_total": {(what,): float(n) for what, n in run.pastimes.redemptions.counted.items()},
        "marotte_sound_cache_hits_total": {(name,): float(n) for name, n in run.sounds.hits.items()},
        "marotte_sound_cache_misses_total": {(name,): float(n) for name, n in run.sounds.misses.items()},
        "marotte_sound_cache_bytes": {(): float(run.sounds.bytes)},
        **run.counted_elsewhere(),
    }
