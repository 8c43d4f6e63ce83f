"""The composition root: builds the rooms from the show's settings, joins the ports, runs and stops them."""

import asyncio
import contextlib
import gc
import hashlib
import importlib
import logging
import secrets as random_secrets
import time
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from random import Random
from typing import Any, get_args

import marotte
from marotte import config, events, here
from marotte.changes import changes, without_restart
from marotte.conversation import Conversation, Shared
from marotte.engines import registry
from marotte.engines.chain import Chain
from marotte.engines.chains import BrainChain, EarChain, EyeChain, VoiceChain
from marotte.engines.duplex import DuplexChain
from marotte.engines.kinds import Kind
from marotte.engines.local_servers import Found, look_around
from marotte.engines.registry import Built
from marotte.engines.sound_cache import SoundCache
from marotte.events import PRIVATE, PUBLIC, AnyPercept, FloorClosed, FloorOpened, Viewer, subject
from marotte.figures import counts
from marotte.held import HeldMessages
from marotte.links.emotes import EmoteShelf
from marotte.mind.lanes import Mutes
from marotte.mind.moderation import Moderator, Rules
from marotte.mind.persona import Persona
from marotte.mind.tools.mcp import MCPTools
from marotte.mind.tools.own import OwnTools
from marotte.mind.tools.people import people_tools
from marotte.mind.tools.toolbox import Toolbox
from marotte.mind.verdicts import Verdicts
from marotte.mind.word_lists import WordLists
from marotte.ops import runlog
from marotte.ops.history import History
from marotte.ops.metrics import Metrics
from marotte.ops.recorder import NotedBus, Recorder
from marotte.ops.runlog import Header
from marotte.ops.supervisor import Supervisor, Watched
from marotte.orders import NOT_LOGGED, Orders
from marotte.pastimes import Pastimes
from marotte.platforms import NEWS, Platforms
from marotte.senses.hearing.hearing import load_detector
from marotte.senses.lull import Lulls
from marotte.senses.sight.album import Album
from marotte.senses.sight.pictures import Pictures
from marotte.store.store import Store
from marotte.store.tables import HEAD
from marotte.time import Clock
from marotte.voice.outlets import LAST_REPORT

log = logging.getLogger(__name__)


class FloorsTaken(Exception):
    """All private floors are taken."""


class Run:
    """One life of the program: a show with its floors, links and engines."""

    def __init__(self, show: config.Show, data: Path, secrets: dict[str, str], clock: Clock | None = None) -> None:
        """Build everything that needs no waiting. Raises config.ShowError."""
        # Long, for it is a list: each part of a run once, in the order in which they need one another.
        self.show = show
        self.data = data
        self.clock = clock or Clock()
        self.id = f"{time.strftime('%Y%m%d-%H%M%S', time.gmtime(self.clock.wall()))}-{random_secrets.token_hex(2)}"
        self.recorder = Recorder(data / "runs", self.id, self.clock)
        self.bus = NotedBus(self.recorder.note)
        self.orders = Orders(self, self.recorder.order)
        self.mutes = Mutes()
        self.seed = show.seed or random_secrets.randbits(32)
        self.floors: dict[str, Conversation] = {}
        self.platforms = Platforms(self)
        self.pastimes = Pastimes(self)
        self.link_states: dict[str, events.LinkState] = {}
        self.found: tuple[Found, ...] = ()
        """Local model servers found at start."""
        self.kit = registry.kit(show, secrets, self.clock, Random(self.seed))
        self.supervisor = Supervisor(self.publish, self.clock)
        self.sounds = SoundCache(data / "sounds", show.voice.cache_mb * 1_000_000)
        self.voices = VoiceChain(self._heard("voice"), self.publish, self.clock, show.voice.rest)
        self.ears = EarChain(registry.build("ear", show, self.kit), self.publish, self.clock, show.hearing.rest)
        self.brains = BrainChain(self._heard("brain"), self.publish, self.clock, show.brain.rest)
        self.duplexes = DuplexChain(self._heard("duplex"), self.publish, self.clock, show.duplex.rest)
        self.eyes = EyeChain(registry.build("eye", show, self.kit), self.publish, self.clock, show.sight.rest)
        self.pictures = Pictures()
        self.emotes = EmoteShelf(show.emotes, show.file.parent, data / "emotes", self.kit.http, self.clock.now)
        self.chains: tuple[Chain[Any], ...] = (self.ears, self.brains, self.voices, self.duplexes, self.eyes)
        self.persona = Persona(show.character)
        self.persona.use(show)
        self.persona.directs = not self.duplexes.members
        try:
            self.words = WordLists(data / "words")
            """Words of one's own that moderation goes by."""
        except (ValueError, OSError) as error:
            raise config.ShowError(str(data), config.Mistake(0, "", str(error))) from None
        try:
            self.moderator = Moderator(
                show.moderation, show.character.never, self.publish, self.clock, self.words.lists
            )
        except ValueError as error:
            key, _, reason = str(error).partition(": ")
            raise show.mistake(tuple(key.split(".")), reason) from None
        self.toolbox = Toolbox(show.tools, self.publish, self.clock)
        self.duplexes.witness = self.eyes.witness = self.toolbox.witness = self.recorder
        judged, cannot = show.moderation.people, self.platforms.cannot_judge
        self.verdicts = Verdicts(judged, self.bus, self.publish, self.clock, cannot, self.orders.spare)
        floors = self.floors
        own = OwnTools(show, self.publish, self.clock, lambda f: floors[f].memory, lambda f: floors[f].sight.look())
        self.toolbox.offer("the program", own.offers())
        self.toolbox.offer("people", people_tools(show, self.verdicts))
        self._link_news = self.bus.subscribe(*NEWS, size=1_000)
        self._stopped_news = self.bus.subscribe("event.line_stopped.>", size=1_000)
        self.metrics = Metrics(self.bus, self.clock, lambda: counts(self))
        self.history = History(self.bus)
        self.held = HeldMessages(self.bus)
        self.counted_elsewhere: Callable[[], Mapping[str, Mapping[tuple[str, ...], float]]] = dict
        """What the gateway counts, for the metrics."""
        self.stopped: dict[str, events.LineStopped] = {}
        """The last 50 lines that moderation stopped, oldest first."""
        self._shared: Shared | None = None
        self.dropped_before: Counter[tuple[str, str]] = Counter()
        """What the lanes of floors that are closed have dropped."""
        self.arrivals: list[Watched] = []
        """Tasks through which something arrives: they end first."""
        self._names = 0
        self._ears_warm = False
        self._prepared_to_hear = False

    def _heard(self, kind: Kind) -> list[Built]:
        """Build the engines of a kind, so that their answers are noted, those that were kept among them."""
        engines = registry.build(kind, self.show, self.kit)
        if kind == "voice":
            engines = [self.sounds.keep(built) for built in engines]
        return [self.recorder.listen_to(built) for built in engines]

    # --- life

    async def start(self, *, alone: bool = False) -> None:
        """Open the store and begin. Raises StoreError. ``alone``: nothing comes in from outside, as in a replay."""
        self.data.mkdir(parents=True, exist_ok=True)
        url = self.show.store.url or f"sqlite+aiosqlite:///{self.data / 'marotte.sqlite'}"
        store = await Store.open(url, self.clock, lasting=not alone)
        self._shared = Shared(
            self.show,
            self.bus,
            self.clock,
            store,
            self.voices,
            self.ears,
            self.brains,
            self.duplexes,
            self.eyes,
            self.pictures,
            Album(self.data / "pictures"),
            self.persona,
            self.moderator,
            self.supervisor,
            self.recorder,
            self.mutes,
            self.toolbox,
            self.seed,
            self.clock.now(),
        )
        store.on_forgotten = self._forget_events
        await self.verdicts.open(store)
        await self.pastimes.open(store)
        if not alone:
            await self._begin_log()
            self.supervisor.start("run log", self._keep_log)
            self.supervisor.start("warming up", self._warm_up)
            self.supervisor.start("metrics", self.metrics.watch)
            self.supervisor.start("history", self.history.watch)
            self.supervisor.start("held messages", self.held.watch)
            self.supervisor.start("event loop", self.metrics.measure_lag)
        self.supervisor.start("moderation log", self._keep_stopped_lines)
        public = self.enter(PUBLIC, None, "")
        self.verdicts.watch(public.attention)
        self.pastimes.join(public)
        left = await public.attention.recover()
        if left:
            log.info("%d percepts of an earlier run are still to be answered", left)
        if not alone:
            await self.platforms.start()
            self.supervisor.start("verdicts", self.verdicts.run)
            self.pastimes.let_in()
            self._let_in()

    def _let_in(self) -> None:
        """Begin what brings something in from outside, and what keeps house."""
        for name, server in self.show.tools.mcp.items():
            tools = MCPTools(name, server, self.kit.secrets, self.toolbox)
            self.supervisor.start(f"mcp {name}", tools.run)
        self.supervisor.start("clock", self.clock.keep)
        self.supervisor.start("link states", self._follow_links)
        self.supervisor.start("housekeeping", self._keep_house)
        if self.show.emotes.sets:
            self.supervisor.start("emotes", self.emotes.load)
        if self.show.device is not None:
            self.supervisor.start("sound device", lambda: here.use_sound(self))
        if self.show.sight.camera:
            self.supervisor.start("camera", lambda: here.use_camera(self))
        self._wait_for_lulls()
        if self.show.brain.discover and self.show.brain.chain == ("improviser",):
            self.supervisor.start("discovery", self._discover)

    async def hush(self) -> None:
        """Cut every turn, and wait until it is known what was heard of it."""
        cut = [name for name in self.floors if self.orders.cut(name, "stopped")]
        if cut:
            await self.clock.sleep(LAST_REPORT + 0.05)

    async def stop(self) -> None:
        """End cleanly: turns are cut, what was heard is kept, nothing is left running."""
        await self.supervisor.stop(*self.arrivals, within=1.0)
        await asyncio.gather(*(floor.stop() for floor in self.floors.values()))
        if self._shared is not None:
            await self.supervisor.stop_all(within=1.0)
            await asyncio.gather(*(chain.close() for chain in self.chains), self.pictures.close())
            await self.emotes.close()
            await self.kit.close()
            await self._shared.store.close()
            self.recorder.close()
        self.sounds.close()

    @property
    def shared(self) -> Shared:
        """What all floors use; known once the run has started."""
        assert self._shared is not None, "the run has not started"
        return self._shared

    @property
    def store(self) -> Store:
        """Where rows are kept."""
        return self.shared.store

    def publish(self, event: events.Event) -> None:
        """Let everybody who watches know."""
        self.bus.publish(subject(event), event)

    # --- floors

    @property
    def public(self) -> Conversation:
        """The public floor."""
        return self.floors[PUBLIC]

    def open_floor(self, key: str = "", name: str = "", language: str = "") -> Conversation:
        """Open a private floor, or return the one that the same key has opened.

        ``key`` is a secret that only the partner has: memory of the floor is kept under it. Raises FloorsTaken.
        """
        self._names += 1
        if (opened := self.floor_of(key)) is not None:
            return opened
        mark = _mark(key) if key else f"{self.id}-{self._names}"
        floor = PRIVATE + mark
        if self.full:
            raise FloorsTaken(f"all {self.show.gateway.partners} private floors are taken")
        called = self.moderator.named(name, language or self.show.character.languages[0]) if name else ""
        return self.enter(floor, Viewer(id=f"talk:{mark}", name=called, platform="talk"), language)

    def floor_of(self, key: str) -> Conversation | None:
        """Return the private floor that a key has opened, if it is open."""
        return self.floors.get(PRIVATE + _mark(key)) if key else None

    @property
    def full(self) -> bool:
        """Whether all private floors are taken."""
        return len(self.floors) > self.show.gateway.partners

    async def close_floor(self, name: str) -> None:
        """Close a private floor: its partner has left."""
        conversation = self.floors.pop(name, None)
        if conversation is not None:
            self.recorder.closed(name)
            await conversation.stop()
            self.dropped_before.update(conversation.attention.dropped)
            if name not in self.floors:  # else the partner has come back meanwhile
                self.publish(FloorClosed(at=self.clock.wall(), floor=name))

    def enter(self, name: str, partner: Viewer | None, language: str) -> Conversation:
        """Open a floor under its name; ``open_floor`` finds the name of a private one."""
        if name != PUBLIC:
            self.recorder.opened(name, partner, language)
        conversation = Conversation(name, self.shared, partner, language)
        self.floors[name] = conversation
        conversation.start()
        self.publish(FloorOpened(at=self.clock.wall(), floor=name))
        return conversation

    def prepare_to_hear(self) -> None:
        """Somebody may speak soon: load voice activity, so that not even the first press waits for it."""
        if not self._prepared_to_hear:
            self._prepared_to_hear = True
            self.supervisor.start("loading voice activity", self._load_detector)

    async def _load_detector(self) -> None:
        from marotte.senses.hearing.detectors import DetectorMissing

        # One that is missing is told to whoever opens a microphone.
        with contextlib.suppress(DetectorMissing):
            await asyncio.to_thread(load_detector, self.show.hearing)

    def warm_ears(self) -> None:
        """Somebody has a microphone: load the ears, once."""
        if not self._ears_warm:
            self._ears_warm = True
            self.supervisor.start("warming ears", self.ears.warm)

    # --- what comes in from outside

    async def perceive(self, percept: AnyPercept) -> bool:
        """Take in a percept from outside; returns whether it survives a crash from now on.

        Raises LookupError for a floor that is not open.
        """
        conversation = self.floors.get(percept.floor)
        if conversation is None:
            raise LookupError(f"there is no floor {percept.floor!r}")
        percept = self.platforms.admitted(percept)
        if conversation.attention.survives(percept):
            return not await self.bus.request(subject(percept), percept, within=10.0)
        self.publish(percept)
        return False

    async def forget(self, viewer: str) -> int:
        """Forget a viewer: rows, and what every floor still has in mind; returns how many rows went."""
        deleted = [await floor.memory.forget(viewer) for floor in self.floors.values()]
        return max(deleted, default=0)

    def _forget_events(self) -> None:
        """Somebody was forgotten: so is all that tells what happened, wherever it is noted."""
        self.recorder.forget()
        self.sounds.clear()
        self.supervisor.start("album", lambda: self.shared.album.bound(0))
        self.history.forget()
        self.held.forget()
        self.pastimes.forget()
        self.platforms.forget()
        for floor in self.floors.values():
            floor.translator.forget()

    # --- other settings

    def apply(self, show: config.Show, rules: Rules) -> tuple[str, ...]:
        """Go by other settings, from the next turn on; returns the keys that wait for a restart.

        ``rules`` are its moderation, compiled. Raises config.ShowError, and then nothing has changed.
        """
        old, new, different = self.show, without_restart(self.show, show), changes(self.show, show)
        for kind in get_args(Kind):
            registry.plan(kind, new)
        tables = {key.split(".")[0] for key, need in different if need != "restart"}
        self.show, self.moderator.rules, self.persona.card = new, rules, new.character
        self.toolbox.settings = new.tools
        self.verdicts.use(new.moderation.people)
        self.toolbox.offer("people", people_tools(new, self.verdicts))
        self.persona.use(new)
        if new.character.context != old.character.context:
            self.persona.context = new.character.context
        self._follow_engines(tables)
        if self._shared is not None:
            self._shared = self._shared._replace(show=new)
            for floor in self.floors.values():
                floor.use(self._shared)
            self.pastimes.use(new)
        waiting = self.supervisor.tasks.get("lull")
        if waiting is not None and waiting.task is not None and new.attention.lull_after != old.attention.lull_after:
            waiting.task.cancel()
            self._wait_for_lulls()
        return tuple(key for key, need in different if need == "restart")

    def _follow_engines(self, tables: set[str]) -> None:
        """Let the chains go by the settings in these tables of the show."""
        show, kit = self.show, self.kit
        names = (show.character.name, *show.character.called)
        listen_anew = (names, show.hearing.commands) != (kit.names, kit.commands)
        kit.names, kit.commands = names, show.hearing.commands
        if "voice" in tables:
            self.sounds.bound(show.voice.cache_mb * 1_000_000)
            self.voices.follow(self._heard("voice"), show.voice.rest)
        if "brain" in tables:
            self.brains.follow(self._heard("brain"), show.brain.rest)
        if "hearing" in tables or listen_anew:
            self.ears.follow(registry.build("ear", show, kit), show.hearing.rest, anew=listen_anew)
            self._ears_warm = False
        if "sight" in tables:
            self.eyes.follow(registry.build("eye", show, kit), show.sight.rest)
        if tables & {"voice", "brain"}:
            self.supervisor.start("warming up", self._warm_up)

    # --- tasks of the run

    def _wait_for_lulls(self) -> None:
        lulls = Lulls(PUBLIC, self.show.attention.lull_after, self.bus, self.clock, self._somebody_is_there)
        self.supervisor.start("lull", lulls.run)

    async def _keep_log(self) -> None:
        """Bring the log to the disk every second; begin a new one when it is full, or somebody was forgotten."""
        while True:
            await self.clock.sleep(1.0)
            self.recorder.flush()
            if self.recorder.wants_new and self._quiet():
                self.seed = random_secrets.randbits(32)
                self.kit.rng.seed(self.seed)
                for floor in self.floors.values():
                    floor.director.reseed(f"{self.seed} {floor.name}")
                self.pastimes.reseed()
                await self._begin_log()

    def _quiet(self) -> bool:
        return not any(floor.floor.turn or floor.attention.pending() for floor in self.floors.values())

    async def _begin_log(self) -> None:
        """Begin a log with all that a replay needs to know of what was before."""
        header = Header(
            format=runlog.FORMAT,
            run=self.id,
            version=marotte.__version__,
            schema=HEAD,
            seed=self.seed,
            began=self.clock.wall(),
            # What reaches outside, and may hold a password, a replay does not need.
            show=self.show.model_dump(mode="json", exclude=NOT_LOGGED),
            context=self.persona.context,
        )
        self.recorder.begin(header, await self.store.snapshot())
        for name, words in self.words.lists.items():
            self.recorder.order("words", (name, words))
        self.verdicts.judge.forget()
        for viewer in self.verdicts.judge.spared:
            self.recorder.order("spare", (viewer,))
        for floor in self.floors.values():
            if not floor.is_public:
                self.recorder.opened(floor.name, floor.partner, floor.director.language)
            for outlet in floor.speaker.outlets:
                self.recorder.attached(floor.name, outlet)

    async def _follow_links(self) -> None:
        async for message in self._link_news:
            self.platforms.follow(message.data)

    async def _keep_stopped_lines(self) -> None:
        async for message in self._stopped_news:
            self.stopped[message.data.line] = message.data
            while len(self.stopped) > 50:
                del self.stopped[next(iter(self.stopped))]
            self.store.note_stopped(message.data)

    async def _keep_house(self) -> None:
        """Delete what is older than the show keeps, at start and every hour."""
        while True:
            await self.store.prune(self.clock.wall() - self.show.memory.keep_days * 86_400)
            await self.shared.album.bound(self.show.sight.keep)
            await self.clock.sleep(3_600)

    async def _warm_up(self) -> None:
        """Pay for the voice's start, and for what the speaker imports, before anybody waits for it."""
        await asyncio.to_thread(importlib.import_module, "soxr")
        await self.voices.warm()
        await self.brains.warm()
        await self.duplexes.warm()
        # What is here now stays: the collector need not look at it again, which would hold up the voice for long.
        gc.collect()
        gc.freeze()

    async def _discover(self) -> None:
        self.found = await look_around(self.kit)
        for server in self.found:
            log.info(
                "found %s at %s (%s): the control window offers it",
                server.name,
                server.url,
                ", ".join(server.models[:3]),
            )

    def _somebody_is_there(self) -> bool:
        return self.public.speaker.outlet_of_record != "clock" or any(
            state.state == "up" for state in self.link_states.values()
        )


def _mark(key: str) -> str:
    """Return what a private floor is called by; nobody can tell the key from it."""
    return hashlib.sha256(key.encode()).hexdigest()[:12]
