"""A floor with everything that belongs to it but scripted engines and rows in lists: what the mind's tests share."""

import asyncio
from collections.abc import Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from random import Random

from marotte import config
from marotte.bus.local import LocalBus
from marotte.engines.chains import BrainChain, EarChain, VoiceChain
from marotte.engines.duplex import DuplexChain, Ensemble
from marotte.engines.kinds import Prompt
from marotte.events import (
    AnyPercept,
    Ending,
    TurnEnded,
    Viewer,
    subject,
)
from marotte.mind.attention import Attention
from marotte.mind.director import Director
from marotte.mind.memory import Recollection
from marotte.mind.moderation import Moderator
from marotte.mind.persona import Persona
from marotte.mind.turn_taking import TurnTaking
from marotte.time import Clock
from marotte.voice.ducking import Ducking
from marotte.voice.floor import SpeakingFloor
from marotte.voice.speaker import Speaker
from tests.stand_ins import (
    KeptRecord,
    KeptRows,
    Published,
    ScriptedBrain,
    ScriptedDuplex,
    ScriptedEar,
    ScriptedVoice,
    built,
)

ADA = Viewer(id="irc:test/ada", name="Ada", platform="irc")
BOB = Viewer(id="irc:test/bob", name="Bob", platform="irc")


@dataclass
class KeptMemory:
    """Memory as a list."""

    rows: KeptRows
    kept: list[tuple[str, Ending]] = field(default_factory=list)
    forgotten: list[str] = field(default_factory=list)

    async def recall(self, percepts: Sequence[AnyPercept], language: str) -> Recollection:
        return Recollection(history=(), facts=("Ada has a dog called Biscuit.",))

    async def learn(self, percept: AnyPercept) -> list[str]:
        return []

    async def forget(self, viewer: str) -> int:
        self.forgotten.append(viewer)
        return 1

    async def keep(
        self, turn: str, percepts: Sequence[AnyPercept], ending: Ending, leaving: tuple[str, ...] = ()
    ) -> None:
        self.kept.append((turn, ending))
        self.forgotten += leaving
        self.rows.end_turn(turn, ending)


class House:
    def __init__(
        self,
        *brains: ScriptedBrain,
        voice: ScriptedVoice | None = None,
        duplex: ScriptedDuplex | None = None,
        show: str = "",
    ) -> None:
        settings = config.parse(show)
        self.clock = Clock(epoch=0.0)
        self.events = Published()
        self.bus = LocalBus()
        self.rows = KeptRows()
        self.memory = KeptMemory(self.rows)
        self.voice = voice or ScriptedVoice()
        began = self.clock.now()
        speaker_voices = VoiceChain([built("voice", self.voice)], self.publish, self.clock)
        self.brains = brains
        chain = BrainChain([built(f"b{n}", b) for n, b in enumerate(brains)], self.publish, self.clock)
        self.ear = ScriptedEar("what the ear heard")
        ears = EarChain([built("ear", self.ear)], self.publish, self.clock)
        duplexes = DuplexChain([built("duplex", duplex)] if duplex else [], self.publish, self.clock)
        self.ensemble = Ensemble(duplexes, ears, chain, speaker_voices, self.about)
        self.speaker = Speaker(
            "public", self.ensemble if duplex else speaker_voices, self.publish, self.clock, KeptRecord(), began
        )
        self.floor = SpeakingFloor(self.speaker, self.clock)
        self.moderator = Moderator(settings.moderation, settings.character.never, self.publish, self.clock)
        self.attention = Attention("public", settings, self.rows, self.moderator.unread, self.publish, self.clock)
        self.director = Director(
            self.floor,
            self.attention,
            Persona(settings.character),
            self.memory,  # type: ignore[arg-type]
            self.moderator,
            self.ensemble if duplex else chain,
            self.rows,
            self.publish,
            self.clock,
            Random(7),
        )
        if duplex is not None:
            self.director.concluded = self.ensemble.concluded
            self.director.begins_early = False
        self.ducking = Ducking(self.speaker, self.bus, self.clock, resume_after=2.0, longest=30.0)
        self.ducking.listens = self.attention.listen
        self.turn_taking = TurnTaking(self.floor, self.attention, self.bus, self.clock, settings.hearing.cut_after)
        self.turn_taking.expect = self.director.expect
        self.attention.meant = self.turn_taking.meant

    async def about(self) -> Prompt:
        return Prompt(system="You are Pip.")

    def publish(self, event) -> None:
        self.events(event)
        self.bus.publish(subject(event), event)

    async def ending(self, count: int = 1) -> Ending:
        """Wait for the end of so many turns and return the last ending."""
        async with asyncio.timeout(600):
            while len(self.events.of(TurnEnded)) < count:
                await asyncio.sleep(0.05)
        return self.events.of(TurnEnded)[count - 1].ending


@asynccontextmanager
async def house(*brains: ScriptedBrain, **more):
    made = House(*(brains or (ScriptedBrain("One two three. Four five six."),)), **more)
    tasks = [
        asyncio.create_task(work)
        for work in (made.speaker.run(), made.director.run(), made.ducking.run(), made.turn_taking.run())
    ]
    try:
        yield made
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
