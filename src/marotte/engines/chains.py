"""The chains of each kind of engine: how an understudy goes on where another broke off."""

import asyncio
import re
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from contextlib import aclosing
from typing import Protocol

from msgspec.structs import replace

from marotte.engines.chain import LONGEST_LINE, Chain, Member
from marotte.engines.kinds import Call, Counted, EngineUnsuited, Heard, Prompt, Sound, VoiceSettings
from marotte.engines.trial import PICTURE
from marotte.events import Line
from marotte.ports import Scene
from marotte.text.language import base
from marotte.text.normal import tokens
from marotte.text.sentences import seconds

LONGEST_REPLY = 20_000
"""Characters that a brain may give in one reply."""
LONGEST_SIGHT = 1_500
"""Characters that an eye may give of one picture."""
_AH = {"ja": "あ", "zh": "啊", "ko": "아"}
"""What a voice is probed with, where its language has letters of its own; else "ah"."""
_BEGIN = re.compile(r"\s+|(?=[\u0e01-\u0e2e\u0e40-\u0e44\u3041-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003134f])")
"""Where speech may go on: behind a blank, or before a letter of a script that puts none between its words."""


class VoiceChain(Chain[Sound]):
    """Voices: the understudy goes on at the word where the first broke off."""

    kind = "voice"
    _unit = "seconds of sound"

    def _size(self, piece: Sound) -> float:
        return len(piece.pcm) / 2 / piece.rate

    def _probe(self, member: Member) -> AsyncIterator[Sound]:
        language = member.language or "en"
        ah = _AH.get(base(language), "ah")
        return member.engine.speak(Line(shown=ah, spoken=ah, language=language))

    async def speak(self, line: Line) -> AsyncGenerator[Sound]:
        """Yield the line's sound. Raises EngineError if no voice could make any."""
        asked: list[tuple[Member, int]] = []
        kept = False

        def start(member: Member, given: list[Sound]) -> AsyncIterator[Sound]:
            rest = rest_of(line, given) if given else line
            if not rest.spoken.strip():
                return _end(given)
            settings = member.built.settings
            if isinstance(settings, VoiceSettings) and not settings.serves(line.language):
                raise EngineUnsuited(f"is not asked to speak {line.language!r}")
            asked.append((member, len(rest.spoken)))
            member.language = member.language or line.language
            sounds = member.engine.speak(rest)
            return shifted(sounds, given, len(line.spoken) - len(rest.spoken)) if given else sounds

        most = min(LONGEST_LINE, 5 + 4 * seconds(line.spoken, line.language))
        try:
            async with aclosing(self._run(start, most=most, wanted=line.voice)) as sounds:
                async for sound in sounds:
                    kept = sound.kept
                    asked[-1][0].language = line.language
                    yield sound
        finally:
            # Whoever spoke last may have needed nobody: see ``sound_cache.py``.
            for member, characters in asked[: -1 if kept else None]:
                self._use(member, "characters", characters)


def rest_of(line: Line, given: Sequence[Sound]) -> Line:
    """Return the part of a line that ``given`` has not yet spoken: from the next word, as nearly as can be told."""
    made = sum(len(s.pcm) / 2 / s.rate for s in given)
    placed = [word for sound in given for word in sound.words if word.offset >= 0]
    share = min(1.0, made / max(0.1, seconds(line.spoken, line.language)))
    offset = placed[-1].offset + len(placed[-1].text) if placed else round(share * len(line.spoken))
    begin = _BEGIN.search(line.spoken, offset)
    rest = line.spoken[begin.end() :] if begin else ("" if " " in line.spoken else line.spoken[offset:])
    start = len(line.spoken) - len(rest)
    cues = tuple(replace(cue, offset=max(0, cue.offset - start)) for cue in line.cues if cue.offset >= offset)
    return replace(line, shown=rest, spoken=rest, cues=cues)


async def shifted(sounds: AsyncIterator[Sound], given: Sequence[Sound], chars: int) -> AsyncIterator[Sound]:
    """Place an understudy's timings behind what was already spoken."""
    made = sum(len(s.pcm) / 2 / s.rate for s in given)
    async for sound in sounds:
        shift = round(made * sound.rate)
        words = (
            type(w)(w.text, w.start + shift, w.end + shift, w.offset + chars if w.offset >= 0 else -1)
            for w in sound.words
        )
        mouths = (type(m)(m.start + shift, m.shape, m.level) for m in sound.mouths)
        yield replace(sound, words=tuple(words), mouths=tuple(mouths))


async def _end(given: Sequence[Sound]) -> AsyncIterator[Sound]:
    """End a line of which nothing is left to say: with a hundredth of a second of silence."""
    yield Sound(pcm=bytes(2 * (given[-1].rate // 100)), rate=given[-1].rate)


class BrainChain(Chain[str | Counted | Call]):
    """Brains: the understudy is told what was already said and goes on from there."""

    kind = "brain"
    _unit = "characters"

    def _size(self, piece: str | Counted | Call) -> float:
        return len(piece) if isinstance(piece, str) else float(isinstance(piece, Call))

    def _probe(self, member: Member) -> AsyncIterator[str | Counted | Call]:
        return member.engine.reply(Prompt(system="Answer with one word.", text="Hello?"))

    async def reply(self, prompt: Prompt) -> AsyncGenerator[str | Call]:
        """Yield the reply's text, and last what tools it wants to use. Raises EngineError if no brain could."""
        said: list[str] = []
        asked: list[Member] = []
        counted = 0

        def start(member: Member, given: list[str | Counted | Call]) -> AsyncIterator[str | Counted | Call]:
            nonlocal counted
            asked.append(member)
            counted = 0
            return member.engine.reply(replace(prompt, said=prompt.said + "".join(said)) if said else prompt)

        try:
            # Whoever has spoken and used a tool may have nothing to add.
            needed = not (prompt.results and prompt.said)
            async with aclosing(self._run(start, most=LONGEST_REPLY, needed=needed)) as pieces:
                async for piece in pieces:
                    if isinstance(piece, Counted):
                        counted = piece.tokens  # some servers count up with every piece
                    else:
                        if isinstance(piece, str):
                            said.append(piece)
                        yield piece
        finally:
            if asked:
                # Where the server counts, its figure; else an estimate.
                if not counted:
                    read = prompt.system + prompt.text + "".join(m.text for m in prompt.history)
                    counted = tokens(read) + tokens("".join(said))
                self._use(asked[-1], "tokens", counted)


class EarChain(Chain[Heard]):
    """Ears: the understudy hears the same speech from its beginning."""

    kind = "ear"
    _unit = "transcripts"

    def _size(self, piece: Heard) -> float:
        return 1 + len(piece.text)

    def _probe(self, member: Member) -> AsyncIterator[Heard]:
        async def silence() -> AsyncIterator[bytes]:
            yield bytes(16_000)

        return member.engine.hear(silence(), "")

    async def hear(self, speech: AsyncIterator[bytes], language: str) -> AsyncGenerator[Heard]:
        """Yield what is understood, the last one final. Raises EngineError if no ear could hear."""
        tape = Tape(speech)
        asked: list[Member] = []

        def start(member: Member, given: list[Heard]) -> AsyncIterator[Heard]:
            asked.append(member)
            return member.engine.hear(tape.play(), language)

        try:
            async with aclosing(self._run(start, tape.ended)) as heard:
                async for piece in heard:
                    yield replace(piece, ear=asked[-1].name)
        finally:
            tape.close()
            if asked:
                self._use(asked[-1], "seconds", tape.seconds)


class SceneWitness(Protocol):
    """Sees what each turn is told to be seen, and may give in its place what it was told then."""

    async def seen(self, percept: str, look: Callable[[], Awaitable[Scene | None]]) -> Scene | None:
        """Return what is to be seen, for the turn that answers a percept."""
        ...


class EyeChain(Chain[str]):
    """Eyes: the understudy sees the same picture from the beginning."""

    kind = "eye"
    _unit = "characters"

    witness: SceneWitness | None = None

    def _size(self, piece: str) -> float:
        return len(piece)

    def _probe(self, member: Member) -> AsyncIterator[str]:
        return member.engine.see(PICTURE, "en")

    async def see(self, picture: bytes, language: str) -> str:
        """Return what is to be seen on a JPEG, in words. Raises EngineError if no eye could see."""
        asked: list[Member] = []
        said = ""

        def start(member: Member, given: list[str]) -> AsyncIterator[str]:
            nonlocal said
            said = ""  # of the one before, which broke off
            asked.append(member)
            return member.engine.see(picture, language)

        async with aclosing(self._run(start, most=LONGEST_SIGHT)) as pieces:
            async for piece in pieces:
                said += piece
        self._use(asked[-1], "pictures", 1)
        return " ".join(said.split())


class Tape:
    """Speech that can be heard again from its beginning, while it still comes in."""

    def __init__(self, speech: AsyncIterator[bytes]) -> None:
        self._pieces: list[bytes] = []
        self._more = asyncio.Event()
        self.ended = asyncio.Event()
        self._reader = asyncio.create_task(self._record(speech))

    @property
    def seconds(self) -> float:
        return sum(map(len, self._pieces)) / 32_000

    async def _record(self, speech: AsyncIterator[bytes]) -> None:
        try:
            async for piece in speech:
                self._pieces.append(piece)
                self._more.set()
        finally:
            self.ended.set()
            self._more.set()

    async def play(self) -> AsyncIterator[bytes]:
        place = 0
        while True:
            while place < len(self._pieces):
                place += 1
                yield self._pieces[place - 1]
            if self.ended.is_set():
                return
            self._more.clear()
            await self._more.wait()

    def close(self) -> None:
        self._reader.cancel()
