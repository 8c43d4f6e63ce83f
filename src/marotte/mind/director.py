"""The director: one turn after another on one floor."""

import asyncio
import logging
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from contextlib import aclosing, suppress
from random import Random
from typing import Literal, Protocol

from msgspec.structs import replace

from marotte import config
from marotte.config_tools import Tools
from marotte.engines.kinds import Call, EngineError, Prompt
from marotte.engines.offers import Cause
from marotte.events import (
    AnyPercept,
    Asked,
    ChatMessage,
    Ending,
    Event,
    Line,
    LineWritten,
    Send,
    TurnEnded,
    TurnStarted,
    Utterance,
)
from marotte.mind.attention import Attention
from marotte.mind.lanes import Bundle, Waiting, words
from marotte.mind.manner import AS_USUAL, Manner, last_answers
from marotte.mind.memory import Memory, wants_forgetting
from marotte.mind.moderation import Moderator
from marotte.mind.persona import Persona
from marotte.mind.phrases import phrase, thanks
from marotte.mind.tools.toolbox import Toolbox
from marotte.mind.turn import Early, Turn
from marotte.ports import Floor, Mouth, Scene
from marotte.store.rows import person
from marotte.text.emotes import written
from marotte.text.language import detect
from marotte.text.normal import uttered
from marotte.text.sentences import Splitter, Thoughts
from marotte.text.views import line
from marotte.time import Clock

log = logging.getLogger(__name__)

_RIGHT_OF_WAY = 0.02
"""Seconds for which rows wait at a turn's beginning, so that the brain is asked first."""
_NAME = 20
"""So many letters of a name tell who is meant; longer names are cut when they are spoken."""


class Brains(Protocol):
    """What answers a prompt: a chain of brains."""

    def reply(self, prompt: Prompt) -> AsyncGenerator[str | Call]:
        """Yield the reply's text, and last what tools it wants to use; raises EngineError where no brain can."""
        ...


class Rows(Protocol):
    """Where turns are kept."""

    def begin_turn(self, turn: TurnStarted, reacts_to: Sequence[AnyPercept]) -> None:
        """Keep that a turn begins, and what it reacts to; nobody waits for it."""
        ...


class Director:
    """Decides what is next on a floor, and directs it: think, check each sentence, say it, remember what was heard."""

    MOST_RELEASED = 100

    def __init__(
        self,
        floor: Floor,
        attention: Attention,
        persona: Persona,
        memory: Memory,
        moderator: Moderator,
        brain: Brains,
        rows: Rows,
        publish: Callable[[Event], None],
        clock: Clock,
        rng: Random,
        pause: float = 0.4,
    ) -> None:
        self.floor = floor
        self.language = ""
        """The language of the floor: its partner's, or the one spoken last."""
        self._attention = attention
        self._persona = persona
        self._memory = memory
        self._moderator = moderator
        self._brain = brain
        self._rows = rows
        self._publish = publish
        self._clock = clock
        self._rng = rng
        self.pause = pause
        """Seconds between one turn and the next."""
        self.pace: Callable[[Literal["turn", "line"]], Awaitable[None]] | None = None
        """Waited for before each turn and line: the program decides what, but in a replay the log says when."""
        self.begins_early = True
        """Whether a reply is begun when somebody has perhaps said all."""
        self.toolbox = Toolbox(Tools(), publish, clock)
        """What its brain may use; of its own it is empty."""
        self.scene: Callable[[str], Awaitable[Scene | None]] | None = None
        """What is to be seen now, for the turn that answers the percept of this id."""
        self.concluded: Callable[[Ending], Awaitable[None]] | None = None
        """Told how each turn has ended, before the next begins."""
        self.manner: Callable[[AnyPercept], Manner] = lambda percept: AS_USUAL
        """How a percept wants to be answered."""
        self.in_phrases = False
        """Whether a line may be a few words of a sentence."""
        self._turn: Turn | None = None
        self._expected: Turn | None = None
        self._answered: Counter[str] = Counter()
        """How many turns were answered in each language."""
        self._pressed = asyncio.Event()
        """Something waits that need not wait for the pause between turns."""
        self._released: dict[str, None] = {}
        attention.on_press = self._press

    async def run(self) -> None:
        """Answer what deserves an answer, until cancelled."""
        while True:
            if self.pace is not None:
                await self.pace("turn")
            bundle = await self._attention.next()
            self._pressed.clear()
            await self.react(self._meant(bundle))
            # A breath between two turns, but for who cuts in.
            with suppress(TimeoutError):
                async with asyncio.timeout(self.pause):
                    await self._pressed.wait()

    async def react(self, turn: Turn) -> Ending:
        """Answer one turn: think, check each sentence, say it; remember what was heard."""
        self._turn = turn
        self._answered[turn.language] += 1
        turn.committed.set()
        self._begin(turn)
        if turn.learns:
            self._learn(turn)
        ending = Ending(state="discarded", reason="stopped before it had the floor")
        mouth: Mouth | None = None
        try:
            async with self.floor.take(turn.id, turn.began) as mouth:
                self._mark_arrival(turn, mouth)
                async with aclosing(turn.early.lines() if turn.early else self._passed(turn)) as lines:
                    async for passed in lines:
                        await self._say(mouth, passed)
        finally:
            # A cut ends the block above, not this function.
            self._turn = None
            ending = mouth.ending if mouth is not None else ending
            await asyncio.shield(self._end(turn, ending))
        return ending

    # --- what is perhaps meant

    def expect(self, utterance: Utterance | None, paused: bool = True) -> None:
        """Begin to answer what somebody has perhaps said; nobody hears it until they have. None: they have not.

        Where they have not ``paused`` nothing is begun, and only what answers these very words is kept.
        """
        if self._expected is not None:
            if utterance is not None and self._is(self._expected, utterance):
                return
            self._discard("they said something else" if utterance and paused else "they went on")
        if utterance is None or not paused or not self.begins_early or self._turn is not None or self.floor.turn:
            return
        lane = self._attention.lane_for(utterance)
        if lane is None or wants_forgetting(utterance.text, utterance.language):
            return
        _, policy = lane
        if any(other.priority >= policy.priority or entry.pinned for _, other, entry in self._attention.pending()):
            return  # that is answered first
        waiting = Waiting(utterance, self._clock.now())
        language = self._persona.language((utterance,), self.language, self._answered)
        turn = Turn(Bundle(*lane, (waiting,)), language, self._clock.now())
        turn.early = Early(self._passed(turn), lambda said: self.floor.prepare(turn.id, said))
        self._expected = turn

    def _is(self, expected: Turn, meant: AnyPercept) -> bool:
        """Whether a reply that was begun answers what was really said."""
        (guess,) = expected.percepts
        return (
            isinstance(meant, Utterance)
            and meant.viewer == guess.viewer
            and self._persona.language((meant,), self.language, self._answered) == expected.language
            and uttered(words(meant)) == uttered(words(guess))
        )

    def _meant(self, bundle: Bundle) -> Turn:
        """Return the turn that answers a bundle: the one that was begun already, if it does."""
        begun, self._expected = self._expected, None
        if begun is not None:
            if len(bundle.percepts) == 1 and self._is(begun, bundle.percepts[0]):
                self.language = begun.language
                begun.bundle, begun.began = bundle, self._clock.now()
                return begun
            self._expected = begun
            self._discard("something else came")
        return Turn(bundle, self._language(bundle), self._clock.now())

    def _discard(self, why: str) -> None:
        """Throw away a reply that was begun; nobody has heard of it."""
        turn, self._expected = self._expected, None
        assert turn is not None
        assert turn.early is not None
        turn.early.discard()
        self.floor.discard(turn.id)
        self._publish(self._started(turn, ()))
        self._publish(self._ended(turn, Ending(state="discarded", reason=why)))

    def reseed(self, seed: str) -> None:
        """Let chance begin anew, at a point from which the run can be replayed."""
        self._rng.seed(seed)

    def release(self, stopped: Line) -> None:
        """Say a stopped line after all: the operator has released it."""
        asked = Asked(at=self._clock.wall(), floor=self.floor.name, text=stopped.shown, verbatim=True)
        self._released[asked.id] = None
        if len(self._released) > self.MOST_RELEASED:
            del self._released[next(iter(self._released))]
        self._attention.offer(asked)

    # --- when

    def _press(self, policy: config.Lane) -> None:
        """Something has arrived that may end the present turn early."""
        if policy.preempt == "at_once":
            self._pressed.set()
        if self._turn is None:
            return
        if policy.preempt == "at_once":
            self.floor.cut("interrupted")
        elif policy.preempt == "after_line" and policy.priority > self._turn.bundle.policy.priority:
            self.floor.yield_after_line()

    # --- a turn's stages

    def _language(self, bundle: Bundle) -> str:
        self.language = self._persona.language(bundle.percepts, self.language, self._answered)
        return self.language

    def _begin(self, turn: Turn) -> None:
        """Tell that a turn begins."""
        people = dict.fromkeys(
            person(p) for p in turn.percepts if wants_forgetting(words(p), p.language or turn.language)
        )
        turn.leaving = tuple(filter(None, people))
        started = self._started(turn, tuple(p.id for p in turn.percepts))
        self._publish(started)
        self._rows.begin_turn(started, turn.percepts)

    def _started(self, turn: Turn, percepts: tuple[str, ...]) -> TurnStarted:
        first = turn.percepts[0]
        return TurnStarted(
            at=self._clock.wall(),
            floor=self.floor.name,
            turn=turn.id,
            lane=turn.bundle.lane,
            percepts=percepts,
            text=" · ".join(filter(None, map(words, turn.percepts)))[:500],
            who=first.viewer.name if first.viewer else "",
        )

    def _ended(self, turn: Turn, ending: Ending) -> TurnEnded:
        return TurnEnded(
            at=self._clock.wall(), floor=self.floor.name, turn=turn.id, lane=turn.bundle.lane, ending=ending
        )

    def _mark_arrival(self, turn: Turn, mouth: Mouth) -> None:
        turn.mouth = mouth
        for stage in turn.reached:
            mouth.mark(stage, 0.0)
        mouth.mark("waited", turn.began - min(w.since for w in turn.bundle.waiting))
        recognised = [p.recognised for p in turn.percepts if isinstance(p, Utterance) and p.recognised >= 0]
        if recognised:
            mouth.mark("recognised", recognised[-1])

    def _passed(self, turn: Turn) -> AsyncGenerator[Line]:
        """Yield the turn's lines that moderation passes; words that the operator has released it does not check."""
        lines = self._lines(turn)
        if turn.bundle.policy.survives and self._manner(turn).verbatim:
            lines = last_answers(lines, [p.id for p in turn.percepts])
        if any(p.id in self._released for p in turn.percepts):
            return _as_generator(lines)
        return self._moderator.passed(lines, self.floor.name)

    async def _lines(self, turn: Turn) -> AsyncIterator[Line]:
        """Yield the turn's sentences as they are written."""
        splitter, thoughts = self._splitter(turn), Thoughts()
        try:
            async with aclosing(self._words(turn)) as pieces:
                async for piece in pieces:
                    turn.mark("first_token")
                    for sentence in splitter.feed(thoughts.feed(piece)):
                        if said := self._line(turn, sentence):
                            yield said
        except EngineError as error:
            log.error("turn %s: %s", turn.id, error)
            splitter = self._splitter(turn)  # half a sentence is no sentence
            yield self._own(turn, phrase("lost", turn.language, self._rng))
        else:
            for sentence in splitter.feed(thoughts.end()):
                if said := self._line(turn, sentence):
                    yield said
        for sentence in splitter.end():
            if said := self._line(turn, sentence):
                yield said
        for owed in self._owed(turn):
            yield owed

    def _splitter(self, turn: Turn) -> Splitter:
        return Splitter(turn.language, phrases=self.in_phrases)

    async def _words(self, turn: Turn) -> AsyncGenerator[str]:
        """Yield what is to be said: the operator's own words, our own, or a brain's."""
        if all(isinstance(p, Asked) and p.verbatim for p in turn.percepts):
            yield " ".join(map(words, turn.percepts))
            return
        for who in turn.leaving:
            await self._memory.forget(who)
            yield phrase("forgotten", turn.language, self._rng) + " "
        percepts = [p for p in turn.percepts if person(p) not in turn.leaving]
        if not percepts:
            return
        manner = self._manner(turn)
        if manner.verbatim:
            turn.named.update(p.id for p in turn.percepts)
            yield manner.verbatim
            return
        recalled = await self._memory.recall(percepts, turn.language)
        scene = (await self.scene(percepts[0].id) if self.scene is not None else None) or Scene()
        prompt = self._persona.prompt(
            percepts, turn.language, recalled.history, recalled.facts, scene.told, recalled.arrivals
        )
        if manner.prompt:
            prompt = replace(prompt, text=f"{prompt.text}\n{manner.prompt}")
        if scene.picture:
            prompt = replace(prompt, pictures=(scene.picture,))
        turn.mark("prompted")
        turn.learns = percepts
        if turn.committed.is_set():
            self._learn(turn)
        async with aclosing(self.toolbox.reply(prompt, self._cause(turn), self._brain.reply)) as pieces:
            async for piece in pieces:
                yield piece

    def _cause(self, turn: Turn) -> Cause:
        """Return who causes what a turn's brain does: nothing is done before the turn is meant."""

        def leave(who: str) -> None:
            turn.leaving = (*turn.leaving, who)

        return Cause(
            floor=self.floor.name,
            lane=turn.bundle.lane,
            turn=turn.id,
            behind=lambda: [p for p in turn.percepts if person(p) not in turn.leaving],
            leave=leave,
            committed=turn.committed,
        )

    def _learn(self, turn: Turn) -> None:
        """Learn from what was said: after its prompt, so that what is recalled never depends on how quickly."""
        for percept in turn.learns:
            self._soon(turn, lambda percept=percept: self._memory.learn(percept))

    def _soon(self, turn: Turn, work: Callable[[], Awaitable[object]]) -> None:
        """Do what nobody waits for once the brain's request is on its way."""

        async def later() -> None:
            await self._clock.sleep(_RIGHT_OF_WAY)
            await work()

        turn.rows.append(asyncio.create_task(later()))

    def _line(self, turn: Turn, sentence: str) -> Line | None:
        """Make a line of a sentence; None where nothing of it can be spoken."""
        known = self._persona.card.languages
        spelling = self._persona.spelling(turn.percepts)
        said = line(sentence, detect(sentence, known, turn.language), turn.id, spelling)
        if said is not None and all(isinstance(p, Asked) and p.firm for p in turn.percepts):
            said = replace(said, firm=True)
        if said is None:
            return None
        manner = self._manner(turn)
        said = manner.shape(said)
        if manner.verbatim or not turn.bundle.policy.survives:
            return said
        names = tuple(p.id for p in turn.percepts if _names(said.spoken, p))
        turn.named.update(names)
        return replace(said, answers=names)

    async def _say(self, mouth: Mouth, said: Line) -> None:
        if self.pace is not None:
            await self.pace("line")
        mouth.mark("first_line")
        self._publish(
            LineWritten(
                at=self._clock.wall(),
                floor=self.floor.name,
                turn=said.turn,
                line=said.id,
                shown=said.shown,
                language=said.language,
                feeling=said.feeling,
            )
        )
        await mouth.say(said)

    def _own(self, turn: Turn, text: str, answers: tuple[str, ...] = ()) -> Line:
        said = Line(turn=turn.id, shown=text, spoken=text, language=turn.language, answers=answers)
        return self._manner(turn).shape(said)

    def _manner(self, turn: Turn) -> Manner:
        return self.manner(turn.percepts[0]) if len(turn.percepts) == 1 else AS_USUAL

    def _owed(self, turn: Turn) -> list[Line]:
        """Nobody who gave something goes unnamed: lines for those whom the reply has not named."""
        if not turn.bundle.policy.survives:
            return []
        owed = [p for p in turn.percepts if p.id not in turn.named]
        return [self._own(turn, text, (p.id,)) for p in owed if (text := thanks(p, turn.language, self._rng))]

    async def _end(self, turn: Turn, ending: Ending) -> None:
        """Keep what was heard, and tell."""
        for failed in await asyncio.gather(*turn.rows, return_exceptions=True):
            if failed is not None:
                log.error("turn %s is not wholly kept: %s", turn.id, failed)
        if self.concluded is not None:
            await self.concluded(ending)
        self._attention.settle(turn.bundle, ending)
        await self._memory.keep(turn.id, turn.percepts, ending, turn.leaving)
        self._publish(self._ended(turn, ending))
        for act in self._answers(turn, ending):
            self._publish(act)

    def _answers(self, turn: Turn, ending: Ending) -> list[Send]:
        """What was said aloud goes back in writing to the chats that it answers."""
        heard = written(ending.heard, self._persona.spelling(turn.percepts).names)
        places: dict[tuple[str, str], list[ChatMessage]] = {}
        for percept in turn.percepts:
            if isinstance(percept, ChatMessage) and percept.link and percept.viewer:
                places.setdefault((percept.link, percept.channel), []).append(percept)
        return [
            Send(
                at=self._clock.wall(),
                floor=self.floor.name,
                link=link,
                channel=channel,
                text=f"{', '.join(dict.fromkeys(p.viewer.name for p in said if p.viewer))}: {heard}",
                answers=said[0].source if len(said) == 1 else "",
            )
            for (link, channel), said in places.items()
            if heard
        ]


def _names(spoken: str, percept: AnyPercept) -> bool:
    """Whether a line names who gave something; marks and decoration in a name are not spoken."""
    name = uttered(percept.viewer.name if percept.viewer else "")[:_NAME].strip()
    if not name:
        return True  # nobody can be named: any line answers
    if not name.isascii():
        return name in uttered(spoken)
    return f" {name} " in f" {uttered(spoken)} " or (len(name) == _NAME and f" {name}" in f" {uttered(spoken)}")


async def _as_generator(lines: AsyncIterator[Line]) -> AsyncGenerator[Line]:
    async for said in lines:
        yield said
