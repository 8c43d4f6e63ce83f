"""A conversation: everything that belongs to one floor and to no other. Nothing leaks, because nothing is shared."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from random import Random
from typing import NamedTuple

from msgspec.structs import replace

from marotte import config
from marotte.bus import Bus, Message
from marotte.buttons import Buttons
from marotte.engines.chains import BrainChain, EarChain, EyeChain, VoiceChain
from marotte.engines.duplex import DuplexChain, Ensemble
from marotte.engines.kinds import Prompt
from marotte.events import PUBLIC, AnyPercept, Event, Utterance, Viewer, subject
from marotte.mind.attention import Attention
from marotte.mind.director import Director
from marotte.mind.lanes import Mutes
from marotte.mind.memory import Memory
from marotte.mind.moderation import Moderator
from marotte.mind.persona import Persona
from marotte.mind.tools.toolbox import Toolbox
from marotte.mind.translation import Translator, Translators
from marotte.mind.turn_taking import TurnTaking
from marotte.ops.recorder import Recorder
from marotte.ops.supervisor import Supervisor
from marotte.ports import Scene
from marotte.senses.hearing.hearing import Hearing
from marotte.senses.sight.album import Album
from marotte.senses.sight.pictures import Pictures
from marotte.senses.sight.sight import Sight
from marotte.store.database import StoreError
from marotte.store.store import Store
from marotte.time import Clock
from marotte.voice.ducking import Ducking
from marotte.voice.floor import SpeakingFloor
from marotte.voice.speaker import Speaker

log = logging.getLogger(__name__)

AT_ONCE = 100
"""So many percepts of a flood are taken in before others have their turn: a gift does not wait for a flood of chat."""
TAKE_IN_WITHIN = 0.7
"""Seconds in which what has arrived must be taken in when a floor closes."""


class Shared(NamedTuple):
    """What all floors of a run use: nothing in it remembers a conversation."""

    show: config.Show
    bus: Bus
    clock: Clock
    store: Store
    voices: VoiceChain
    ears: EarChain
    brains: BrainChain
    duplexes: DuplexChain
    eyes: EyeChain
    pictures: Pictures
    album: Album
    persona: Persona
    moderator: Moderator
    supervisor: Supervisor
    recorder: Recorder
    mutes: Mutes
    toolbox: Toolbox
    seed: int
    began: float

    def publish(self, event: Event) -> None:
        """Let everybody who watches know."""
        self.bus.publish(subject(event), event)


class Conversation:
    """One floor with its partner, speaker, attention, director and memory."""

    def __init__(self, name: str, shared: Shared, partner: Viewer | None = None, language: str = "") -> None:
        """Join the rooms of one floor; nothing runs yet."""
        show, clock = shared.show, shared.clock
        self.name = name
        self.partner = partner
        self.opened = clock.wall()
        self.buttons = Buttons()
        self._shared = shared
        self._ensemble = (
            Ensemble(shared.duplexes, shared.ears, shared.brains, shared.voices, self._about)
            if shared.duplexes.members
            else None
        )
        voices, brains = self._ensemble or shared.voices, self._ensemble or shared.brains
        self.speaker = Speaker(name, voices, shared.publish, clock, shared.store, shared.began, show.voice.ahead)
        self.speaker.outlets.watched_by = shared.recorder
        self.speaker.on_late = shared.recorder.stalled
        self.floor = SpeakingFloor(self.speaker, clock)
        self.floor.finished = self._concluded
        self.attention = Attention(
            name, show, shared.store, shared.moderator.unread, shared.publish, clock, shared.mutes
        )
        self.attention.comes = shared.recorder.taken_in
        self.memory = Memory(shared.store, show.memory, clock, name)
        self.director = Director(
            self.floor,
            self.attention,
            shared.persona,
            self.memory,
            shared.moderator,
            brains,
            shared.store,
            shared.publish,
            clock,
            Random(f"{shared.seed} {name}"),
            show.attention.pause,
        )
        self.director.language = language
        self.director.toolbox = shared.toolbox
        if self._ensemble is not None:
            self.director.concluded = self._ensemble.concluded
            self.director.in_phrases = show.duplex.release == "words"
        self._begin_early(show)
        self._turn_taking = TurnTaking(self.floor, self.attention, shared.bus, clock, show.hearing.cut_after)
        self._turn_taking.expect = self.director.expect
        self.attention.meant = self._turn_taking.meant
        self.sight = Sight(name, show.sight, shared.eyes, shared.pictures, shared.bus, shared.publish, clock)
        self.sight.language = lambda: shared.persona.language((), self.director.language)
        self.sight.busy = lambda: bool(self.floor.turn or self.attention.pending())
        self.sight.keep = shared.album.keep
        self.director.scene = self._scene
        translators = Translators(shared.brains, shared.publish, clock)
        self.translator = Translator(name, translators, shared.moderator.judge, shared.bus, shared.publish, clock)
        self.translator.use(show.subtitles.second)
        self._ducking = Ducking(self.speaker, shared.bus, clock, show.hearing.resume_after, show.hearing.longest)
        self._ducking.listens = self.attention.listen
        # A lane of its own in the bus for each kind: a flood of one can never push out another.
        self._doors = {kind: shared.bus.subscribe(f"percept.{kind}.{name}", size=4_096) for kind in config.PERCEPTS}

    def use(self, shared: Shared) -> None:
        """Go by other settings from the next turn on."""
        show, self._shared = shared.show, shared
        self.attention.use(show)
        self.memory.settings = show.memory
        self.director.pause = show.attention.pause
        self._begin_early(show)
        self.translator.use(show.subtitles.second)
        self.sight.settings = show.sight
        self._ducking.resume_after = show.hearing.resume_after
        self._turn_taking.cut_after = show.hearing.cut_after

    def start(self) -> None:
        """Begin."""
        start = self._shared.supervisor.start
        self._door_tasks = [start(f"{self.name} {kind}", self._door(kind)) for kind in self._doors]
        self._mind_tasks = [
            start(f"{self.name} memory", self.memory.open),
            start(f"{self.name} director", self.director.run),
            start(f"{self.name} ducking", self._ducking.run),
            start(f"{self.name} turn-taking", self._turn_taking.run),
            start(f"{self.name} translator", self.translator.run),
            start(f"{self.name} sight", self.sight.run),
        ]
        self._speaker_task = start(f"{self.name} speaker", self.speaker.run)

    async def stop(self) -> None:
        """End: what has arrived is taken in, the present turn is cut, and what was heard of it is kept."""
        stop = self._shared.supervisor.stop
        for door in self._doors.values():
            door.close()
        taking_in = [watched.task for watched in self._door_tasks if watched.task is not None]
        await asyncio.wait(taking_in, timeout=TAKE_IN_WITHIN)
        self._ducking.close()
        self._turn_taking.close()
        self.translator.close()
        self.sight.close()
        await stop(*self._door_tasks, *self._mind_tasks)
        await stop(self._speaker_task)
        if self._ensemble is not None:
            await self._ensemble.close()

    def hearing(self, viewer: Viewer | None, language: str = "") -> Hearing:
        """Return ears for one more microphone on this floor."""
        shared = self._shared
        show = shared.show
        ears = self._ensemble or shared.ears
        hearing = Hearing(self.name, show.hearing, ears, shared.publish, shared.clock, viewer, show.character)
        hearing.asks_early = self._ensemble is None
        hearing.language = language
        return hearing

    async def _scene(self, percept: str) -> Scene | None:
        witness = self._shared.eyes.witness
        return await (witness.seen(percept, self.sight.scene) if witness else self.sight.scene())

    def _begin_early(self, show: config.Show) -> None:
        # A duplex engine keeps all that it hears: what may not be all must not reach it as if it were.
        self.director.begins_early = show.attention.begin_early and self._ensemble is None

    async def _about(self) -> Prompt:
        """Return what a duplex engine may know of this floor before anything happens."""
        persona, language = self._shared.persona, self.director.language
        percepts: list[AnyPercept] = [Utterance(floor=self.name, viewer=self.partner, text="")] if self.partner else []
        recalled = await self.memory.recall(percepts, language)
        known = persona.prompt((), persona.language((), language), recalled.history, recalled.facts)
        tools = self._shared.toolbox.tools(self._shared.show.lane_of("utterance"), self.name)
        return replace(known, tools=tools)

    @property
    def is_public(self) -> bool:
        """Whether it is the public floor."""
        return self.name == PUBLIC

    async def _concluded(self) -> None:
        self._shared.recorder.concluded(self.name)

    def _door(self, kind: str) -> Callable[[], Awaitable[None]]:
        async def take_in() -> None:
            while batch := await self._doors[kind].batch():
                await asyncio.gather(*(self._take_in(message) for message in batch if message.data is not None))

        async def take_in_quickly() -> None:
            offer, door, lost = self.attention.offer, self._doors[kind], 0
            while batch := await door.batch():
                for place, message in enumerate(batch, 1):
                    offer(message.data)
                    if place % AT_ONCE == 0:
                        await asyncio.sleep(0)
                self.attention.lost(kind, door.dropped - lost)
                lost = door.dropped

        lane = self._shared.show.lanes.get(self._shared.show.lane_of(kind))
        return take_in if lane is not None and lane.survives else take_in_quickly

    async def _take_in(self, message: Message) -> None:
        """Take in a percept that survives; whoever asked is told when it is on disk, or why it is not."""
        percept: AnyPercept = message.data
        error = ""
        try:
            await self.attention.keep(percept)
        except StoreError as refused:
            # It is answered all the same: better now and not after a crash than not at all.
            error = str(refused)
            log.error("percept %s could not be kept: %s", percept.id, error)
            self.attention.offer(percept)
        if message.reply:
            self._shared.bus.publish(message.reply, error)
