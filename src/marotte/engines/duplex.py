"""Duplex engines: one session with each partner, and the chains that stand in where none can.

A duplex engine takes the place of three chains on a floor and changes nothing around it. The floor's ears give it
speech and get words; the director asks it as it asks a brain; and when the speaker asks for the sound of a line, that
line has passed moderation, so the sound that was held until then is given.
"""

import asyncio
import logging
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import aclosing, suppress
from typing import Any, Protocol

from msgspec.structs import replace

from marotte.engines.chain import Chain, Member
from marotte.engines.chains import BrainChain, EarChain, Tape, VoiceChain, rest_of, shifted
from marotte.engines.kinds import Call, Counted, EngineError, Heard, Piece, Prompt, Session, Sound
from marotte.engines.spoken_reply import SpokenReply, letters
from marotte.events import Ending, Line, Utterance
from marotte.text.normal import likeness

log = logging.getLogger(__name__)

LONGEST_REPLY = 6_000
"""Characters of words, and of sound as if it were words, that may come in one reply."""
_A_SECOND = 15.0
"""Characters that a second of sound is as much as."""
_MOST_REPLIES = 8
"""So many replies of one turn are at hand: one for each time that its brain is asked."""
_THE_SAME = 0.8
"""How alike an utterance must be to what was heard, to be what was heard: names in it may have been repaired."""
_GOODBYE = 1.0
"""Seconds for which the next turn waits until an engine knows that it was cut."""


class Witness(Protocol):
    """Sees which sound a line got, and may give in its place what it got then."""

    def sound(self, engine: str, line: Line, sounds: AsyncGenerator[Sound]) -> AsyncGenerator[Sound]:
        """Return the sound of a line."""
        ...


class DuplexChain(Chain["Piece | Heard"]):
    """Duplex engines in the order in which they are tried; where none is ready, none is asked."""

    kind = "duplex"
    _unit = "characters"

    witness: Witness | None = None

    def _size(self, piece: Piece | Heard) -> float:
        match piece:
            case str():
                return len(piece)
            case Sound():
                return len(piece.pcm) / 2 / piece.rate * _A_SECOND
            case Heard():
                return 1 + len(piece.text)
            case Call():
                return 1
            case Counted():
                return 0

    def _candidates(self, wanted: str = "") -> list[Member]:
        return [member for member in super()._candidates(wanted) if member.state == "ready"]

    def _probe(self, member: Member) -> AsyncIterator[Piece | Heard]:
        return _greeted(member.engine, Prompt(system="Answer with one word.", text="Hello?"))

    async def hear(
        self, session: Callable[[Member], Session], tape: Tape, language: str
    ) -> AsyncGenerator[tuple[Member, Heard]]:
        """Yield what an engine understands, and which it is. Raises EngineError if none could hear."""
        asked: list[Member] = []

        def start(member: Member, _given: list[Piece | Heard]) -> AsyncIterator[Piece | Heard]:
            asked.append(member)
            return session(member).hear(tape.play(), language)

        try:
            async with aclosing(self._run(start, tape.ended)) as pieces:
                async for piece in pieces:
                    if isinstance(piece, Heard):
                        yield asked[-1], replace(piece, ear=asked[-1].name)
        finally:
            if asked:
                self._use(asked[-1], "seconds", tape.seconds)

    async def reply(
        self, session: Callable[[Member], Session], prompt: Prompt, to_speech: Callable[[Member], bool]
    ) -> AsyncGenerator[tuple[Member, str | Sound | Call]]:
        """Yield a reply's words, sound and calls, and whose they are. Raises EngineError if none could reply.

        Where one breaks off after its first piece no other goes on: two do not speak with one voice.
        """
        asked: list[Member] = []

        def start(member: Member, given: list[Piece | Heard]) -> AsyncIterator[Piece | Heard]:
            if given:
                raise EngineError("is not asked to go on with another's reply")
            asked.append(member)
            return session(member).reply(prompt, to_speech=to_speech(member))

        needed = not (prompt.results and prompt.said)
        async with aclosing(self._run(start, most=LONGEST_REPLY, needed=needed)) as pieces:
            async for piece in pieces:
                if isinstance(piece, Counted):
                    self._use(asked[-1], "tokens", piece.tokens)
                elif not isinstance(piece, Heard):
                    yield asked[-1], piece


class Ensemble:
    """What hears, thinks and speaks on one floor: a duplex engine, and the chains behind it."""

    def __init__(
        self,
        duplexes: DuplexChain,
        ears: EarChain,
        brains: BrainChain,
        voices: VoiceChain,
        about: Callable[[], Awaitable[Prompt]],
    ) -> None:
        """``about``: see ``kinds.Duplex.join``."""
        self._duplexes = duplexes
        self._ears = ears
        self._brains = brains
        self._voices = voices
        self._about = about
        self._sessions: dict[str, tuple[Any, Session]] = {}
        self._heard: tuple[Member, str] | None = None
        """Who has heard what last, and has not yet replied to it."""
        self._hearing = False
        """Whether a duplex engine, or who stands in for it, is hearing somebody."""
        self._turn = ""
        self._replies: deque[tuple[Member, SpokenReply]] = deque(maxlen=_MOST_REPLIES)
        """What was said in the present turn."""
        self._lines: list[tuple[int, tuple[Member, SpokenReply, int] | None]] = []
        """The lines of the turn in their order: their letters, and where they stand in whose reply."""
        self._paces: dict[str, float] = {}

    async def close(self) -> None:
        """End every session."""
        sessions, self._sessions = self._sessions, {}
        await asyncio.gather(*(session.close() for _, session in sessions.values()), return_exceptions=True)

    def _session(self, member: Member) -> Session:
        """Return this floor's session with an engine; another of the same name is another engine."""
        engine, session = self._sessions.get(member.name, (None, None))
        if session is None or engine is not member.engine:
            session = member.engine.join(self._about)
            self._sessions[member.name] = (member.engine, session)
        return session

    # --- an ear

    async def hear(self, speech: AsyncIterator[bytes], language: str) -> AsyncGenerator[Heard]:
        """Yield what is understood, the last one final. Raises EngineError if nobody could hear."""
        tape = Tape(speech)
        # A session hears one voice: who speaks beside it, on another microphone of this floor, is for the ears.
        alone, self._hearing = not self._hearing, True
        try:
            if alone:
                self._heard = None
                try:
                    async with aclosing(self._duplexes.hear(self._session, tape, language)) as pieces:
                        async for member, heard in pieces:
                            if heard.final:
                                self._heard = (member, heard.text)
                            yield heard
                    return
                except EngineError as error:
                    log.info("the ears hear for the duplex engines: %s", error)
            async with aclosing(self._ears.hear(tape.play(), language)) as understood:
                async for heard in understood:
                    yield heard
        finally:
            if alone:
                self._hearing = False
            tape.close()

    # --- a brain

    async def reply(self, prompt: Prompt) -> AsyncGenerator[str | Call]:
        """Yield the reply's words, and last what tools it wants to use. Raises EngineError if nobody could reply.

        Its sound is taken in meanwhile, however long whoever reads the words takes for them.
        """
        words: asyncio.Queue[str | Call | EngineError | None] = asyncio.Queue()
        taking_in = asyncio.create_task(self._take_in(prompt, words))
        said: list[str] = []
        try:
            while (piece := await words.get()) is not None:
                if isinstance(piece, EngineError):
                    log.info("the brains reply for the duplex engines: %s", piece)
                    break
                if isinstance(piece, str):
                    said.append(piece)
                yield piece
            else:
                return
        finally:
            if not taking_in.done():
                taking_in.cancel()
        instead = replace(prompt, said=prompt.said + "".join(said)) if said else prompt
        async with aclosing(self._brains.reply(instead)) as pieces:
            async for piece in pieces:
                yield piece

    async def _take_in(self, prompt: Prompt, words: "asyncio.Queue[str | Call | EngineError | None]") -> None:
        """Part a reply's words from its sound. A chain bounds how much comes, and so what waits in ``words``."""
        spoken: SpokenReply | None = None
        try:
            async with aclosing(self._duplexes.reply(self._session, prompt, self._answers(prompt))) as pieces:
                async for member, piece in pieces:
                    if spoken is None:
                        spoken = SpokenReply(self._paces.get(member.name, 1.0))
                        self._replies.append((member, spoken))
                    if isinstance(piece, Sound):
                        spoken.sound(piece)
                        continue
                    if isinstance(piece, str):
                        spoken.say(piece)
                    words.put_nowait(piece)
            if spoken is not None:
                spoken.end()
                self._paces[self._replies[-1][0].name] = spoken.pace
            words.put_nowait(None)
        except EngineError as error:
            words.put_nowait(error)
        finally:
            if spoken is not None:
                spoken.end(broken=True)

    def _answers(self, prompt: Prompt) -> Callable[[Member], bool]:
        """Return who has heard, and not yet answered, just what a prompt is about."""
        heard, self._heard = self._heard, None

        def answers(member: Member) -> bool:
            if heard is None or heard[0] is not member or len(prompt.percepts) != 1:
                return False
            (percept,) = prompt.percepts
            return isinstance(percept, Utterance) and likeness(percept.text, heard[1]) >= _THE_SAME

        return answers

    # --- a voice

    async def speak(self, line: Line) -> AsyncGenerator[Sound]:
        """Yield the line's sound: what a duplex engine has said, else what a voice makes of it."""
        if line.turn != self._turn:
            self._turn, self._lines = line.turn, []
        count = len(letters(line.shown))
        for member, spoken in self._replies:
            if (place := spoken.find(line.shown)) is not None:
                self._lines.append((count, (member, spoken, place[0])))
                given: list[Sound] = []
                sounds = spoken.said(*place)
                if self._duplexes.witness is not None:
                    sounds = self._duplexes.witness.sound(member.name, line, sounds)
                async with aclosing(sounds):
                    async for sound in sounds:
                        given.append(sound)
                        yield sound
                if given and not spoken.broken:
                    return
                rest = rest_of(line, given) if given else line
                if not rest.spoken.strip():
                    return
                left = shifted(self._voices.speak(rest), given, len(line.spoken) - len(rest.spoken)) if given else None
                async for sound in left or self._voices.speak(rest):
                    yield sound
                return
        self._lines.append((count, None))
        async with aclosing(self._voices.speak(line)) as made:
            async for sound in made:
                yield sound

    # --- a cut

    async def concluded(self, ending: Ending) -> None:
        """A turn is over; where it was cut, the engine that spoke is told how far it was heard."""
        lines, self._lines = self._lines, []
        last = self._replies[-1] if self._replies else None
        self._replies.clear()
        if last is None or not (ending.cut or ending.state == "discarded"):
            return
        member, spoken = last
        left, after = len(letters(ending.heard)), 0.0
        for count, place in lines:
            if place is not None and place[1] is spoken and left > 0:
                after = spoken.after(place[2] + min(left, count))
            left -= count
        # In a task of its own: one that takes no notice, not even of being cancelled, holds up no turn.
        telling = asyncio.create_task(self._tell_cut(member, after, ending.heard))
        await asyncio.wait({telling}, timeout=_GOODBYE)
        telling.cancel()

    async def _tell_cut(self, member: Member, after: float, heard: str) -> None:
        with suppress(EngineError):
            await self._session(member).cut(after, heard)


class AsVoice:
    """A duplex engine asked as a voice is, by itself: it answers what another would read aloud."""

    def __init__(self, engine: Any) -> None:
        self.engine = engine

    async def speak(self, line: Line) -> AsyncIterator[Sound]:
        """Yield the sound of an answer to the line."""
        prompt = Prompt(system="Answer with one short sentence.", text=line.shown, language=line.language)
        async with aclosing(_greeted(self.engine, prompt)) as pieces:
            async for piece in pieces:
                if isinstance(piece, Sound):
                    yield piece

    async def close(self) -> None:
        """Give back the engine."""
        await self.engine.close()


async def _nothing() -> Prompt:
    return Prompt(system="")


async def _greeted(engine: Any, prompt: Prompt) -> AsyncGenerator[Piece]:
    """Yield what a duplex engine replies to a text, in a session of its own."""
    session: Session = engine.join(_nothing)
    try:
        async for piece in session.reply(prompt, to_speech=False):
            yield piece
    finally:
        await session.close()
