"""Metrics for Prometheus: what a turn's stages took, what waits and what was dropped, how the engines fare."""

import asyncio
import logging
import re
from collections.abc import Callable, Iterable, Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from marotte import events
from marotte.bus import Bus, Message
from marotte.time import Clock

log = logging.getLogger(__name__)

_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
_COUNTED = ("turn_ended", "engine_state", "used", "line_stopped", "task_failed")
_PRIVATE = re.compile(rf"\b{events.PRIVATE}\S+")
LAG_EVERY = 0.25
_REST = 0.1
"""Seconds between one look at what has happened and the next: to wake for each event would hold up the voice."""


class Metrics:
    """Watches the bus and the event loop, and is read by ``/metrics``."""

    def __init__(
        self, bus: Bus, clock: Clock, state: Callable[[], Mapping[str, Mapping[tuple[str, ...], float]]]
    ) -> None:
        """``state`` gives what is counted elsewhere: by metric name, then by label values (see ``_STATE``)."""
        self.registry = CollectorRegistry()
        self._clock = clock
        self._events = bus.subscribe(*(f"event.{kind}.>" for kind in _COUNTED), size=10_000)
        self._stage = Histogram(
            "marotte_turn_stage_seconds",
            "Seconds from the beginning of a turn to each of its stages",
            ["stage"],
            buckets=_BUCKETS,
            registry=self.registry,
        )
        self._turns = Counter("marotte_turns", "Turns by how they ended", ["state", "lane"], registry=self.registry)
        self._failures = Counter(
            "marotte_engine_failures",
            "Times that an engine failed and was rested",
            ["kind", "engine"],
            registry=self.registry,
        )
        self._used = Counter(
            "marotte_engine_used", "What engines consumed", ["kind", "engine", "unit"], registry=self.registry
        )
        self._stopped = Counter("marotte_lines_stopped", "Lines stopped by moderation", registry=self.registry)
        self._crashes = Counter("marotte_task_crashes", "Crashes of the show's tasks", ["task"], registry=self.registry)
        self._lag = Histogram(
            "marotte_event_loop_lag_seconds",
            "How late the event loop wakes a sleeper",
            buckets=(0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 1.0),
            registry=self.registry,
        )
        self.lag = 0.0
        """The lag measured last, in seconds."""
        Gauge("marotte_up", "1 while the show runs", registry=self.registry).set(1)
        self.registry.register(_State(state))

    def text(self) -> bytes:
        """Return all metrics in Prometheus' text format."""
        self._take_in(self._events.take())
        return generate_latest(self.registry)

    async def watch(self) -> None:
        """Count what happens, until cancelled."""
        while batch := await self._events.batch():
            self._take_in(batch)
            await asyncio.sleep(_REST)

    def _take_in(self, batch: Iterable[Message]) -> None:
        for message in batch:
            self._count(message.data)

    async def measure_lag(self) -> None:
        """Measure how late sleepers wake, until cancelled."""
        while True:
            due = self._clock.now() + LAG_EVERY
            await asyncio.sleep(LAG_EVERY)
            self.lag = max(0.0, self._clock.now() - due)
            self._lag.observe(self.lag)

    def _count(self, event: events.AnyEvent) -> None:
        match event:
            case events.TurnEnded(lane=lane, ending=ending):
                self._turns.labels(ending.state, lane).inc()
                for stage in ending.timings.__struct_fields__:
                    seconds = getattr(ending.timings, stage)
                    if seconds >= 0:
                        self._stage.labels(stage).observe(seconds)
            case events.EngineState(state="resting"):
                self._failures.labels(event.kind, event.engine).inc()
            case events.Used():
                self._used.labels(event.kind, event.engine, event.unit).inc(event.amount)
            case events.LineStopped():
                self._stopped.inc()
            case events.TaskFailed():
                # Each private floor has a name of its own: a series for each would never end.
                self._crashes.labels(_PRIVATE.sub("private", event.task)).inc()
            case _:
                pass


_STATE: dict[str, tuple[str, tuple[str, ...]]] = {
    "marotte_queue_depth": ("Percepts that wait", ("floor", "lane")),
    "marotte_dropped_total": ("Percepts that left unanswered", ("floor", "lane", "reason")),
    "marotte_bus_dropped_total": ("Events lost by mailboxes that were full", ()),
    "marotte_floors": ("Floors that are open", ()),
    "marotte_windows": ("Windows that are connected", ("window",)),
    "marotte_waiting": ("Windows that wait until a private floor is free", ()),
    "marotte_window_missed_total": ("Events lost by windows that were too slow", ()),
    "marotte_link_lines_total": ("Lines on links", ("link", "what")),
    "marotte_redemptions_total": ("Redemptions by what became of them", ("outcome",)),
    "marotte_sound_cache_hits_total": ("Lines whose sound was kept and needed not be made", ("engine",)),
    "marotte_sound_cache_misses_total": ("Lines that voices had to make", ("engine",)),
    "marotte_sound_cache_bytes": ("Bytes of sound that are kept", ()),
    "marotte_refused_total": ("Requests and frames refused, by reason", ("reason",)),
}


class _State(Collector):
    """Reads, at each scrape, what the rooms count themselves."""

    def __init__(self, state: Callable[[], Mapping[str, Mapping[tuple[str, ...], float]]]) -> None:
        self._state = state

    def collect(self) -> Iterable[Metric]:
        values = self._state()
        for name, (text, labels) in _STATE.items():
            family = CounterMetricFamily if name.endswith("_total") else GaugeMetricFamily
            metric = family(name, text, labels=labels)
            for key, value in values.get(name, {}).items():
                metric.add_metric(list(key), value)
            yield metric
