"""Records the show that tests/integration/test_replay.py replays: ten minutes, in real time.

    python -m tests.record [SECONDS] [FILE]

Chat, gifts, private floors, cuts, noises, mutes: what happens on an evening, by chance but seeded. A brain behind
OpenAI's interface answers (a local server), so that the recording does not depend on the improviser's lines.
"""

import asyncio
import gzip
import sys
import tempfile
from pathlib import Path
from random import Random

from marotte import config
from marotte.conversation import Conversation
from marotte.events import (
    ChatMessage,
    Follow,
    Gift,
    Onset,
    Raid,
    Redemption,
    SpeechEnd,
    Transcript,
    Utterance,
    Viewer,
)
from marotte.ports import Rank
from marotte.show import Run
from tests.servers.openai import OpenAIServer, Script

RECORDING = Path(__file__).parent / "data" / "ten-minutes.jsonl.gz"
SHOW = """
[brain]
chain = ["scripted"]
discover = false
[brain.scripted]
engine = "openai"
url = "{url}"
[attention]
lull_after = 20
[moderation.words]
any = ["rutabaga"]
"""
WORDS = ("curtain", "lantern", "apple", "drum", "moon", "whisper", "velvet", "ladder", "sparrow", "ticket", "shadow")
SAID = (
    "hello everybody",
    "what is behind the curtain?",
    "I am {name} and I love {word}",
    "tell me about the {word}",
    "my cat is called {word}",
    "what do you know of me?",
    "do you remember my {word}?",
    "lol",
)
ABROAD = {
    "es": "hola, ¿qué tal el {word}?",
    "fr": "bonjour, parle-moi du {word}",
    "ja": "こんにちは、{word}は好きですか",
}


class Loudspeaker:
    """An outlet that reports what it has played, as a window does."""

    rank, lead = Rank.WINDOW, 0.25

    def __init__(self, name: str, floor: Conversation) -> None:
        self.name = name
        self._speaker = floor.speaker
        self._until = 0

    def play(self, turn: str, line: str, sample: int, pcm: bytes) -> None:
        self._until = sample + len(pcm) // 2

    def stop(self, turn: str, sample: int) -> None:
        self._until = min(self._until, sample)

    async def run(self) -> None:
        self._speaker.attach(self)
        try:
            while True:
                await asyncio.sleep(0.05)
                if self._until:
                    self._speaker.played(self, min(self._until, self._speaker.now()))
        finally:
            self._speaker.detach(self)


def reply(messages: list[dict[str, str]]) -> str:
    """Answer with a few sentences that the question decides."""
    rng = Random(messages[-1]["content"])
    sentences = [
        f"{rng.choice(('Well,', 'Ah,', 'You see,'))} the {rng.choice(WORDS)} fell on the {rng.choice(WORDS)}."
        for _ in range(rng.randint(1, 4))
    ]
    if rng.random() < 0.1:
        sentences.insert(1, "Nobody mentions the rutabaga.")
    return " ".join(sentences)


async def evening(run: Run, seconds: float) -> None:
    """Let an evening happen."""
    rng = Random(42)
    people = [
        Viewer(id=f"irc:show/{name}", name=name, platform="irc") for name in ("Ada", "Bob", "Chiyo", "Dora", "Éric")
    ]
    ends = run.clock.now() + seconds
    private: list[tuple[Conversation, asyncio.Task[None]]] = []
    while run.clock.now() < ends:
        await asyncio.sleep(rng.expovariate(0.7))
        viewer, word = rng.choice(people), rng.choice(WORDS)
        text = rng.choice(SAID).format(name=viewer.name, word=word)
        at = run.clock.wall()
        match rng.choices(range(12), (14, 2, 1, 1, 1, 2, 2, 2, 1, 1, 1, 2))[0]:
            case 0:
                run.publish(ChatMessage(at=at, viewer=viewer, text=text, link="show", channel="#show"))
            case 1:
                await run.perceive(Gift(viewer=viewer, what=word, amount=rng.randint(1, 50), unit="coins"))
            case 2:
                run.publish(Follow(at=at, viewer=viewer))
            case 3:
                run.publish(Raid(at=at, viewer=viewer, party=rng.randint(2, 40)))
            case 4:
                await run.perceive(Redemption(viewer=viewer, reward="Say a word", text=word))
            case 5:
                run.orders.cut("public", "stopped by the operator")
            case 6:
                run.publish(Onset(at=at))
                await asyncio.sleep(rng.uniform(0.2, 0.6))
                run.publish(SpeechEnd(at=at, seconds=0.4, why="noise"))
            case 7:
                run.publish(Onset(at=at))
                await asyncio.sleep(rng.uniform(0.5, 1.2))
                run.publish(SpeechEnd(at=at, seconds=0.8))
                run.publish(Transcript(at=at, text=text, final=True))
                run.publish(Utterance(at=at, text=text, language="en", ear="scripted"))
            case 8 if len(private) < 3:
                language, said = rng.choice(list(ABROAD.items()))
                floor = run.open_floor(f"partner-{len(private)}", viewer.name, language)
                private.append((floor, asyncio.create_task(Loudspeaker(f"window {len(private)}", floor).run())))
                run.publish(
                    Utterance(
                        at=at, floor=floor.name, viewer=floor.partner, text=said.format(word=word), language=language
                    )
                )
            case 9 if private:
                floor, playing = private.pop()
                playing.cancel()
                await run.close_floor(floor.name)
            case 10:
                run.orders.mute("viewer", viewer.id, 8)
            case _:
                for _, _, waiting in run.public.attention.pending()[:1]:
                    run.orders.pin(waiting.percept.id, rng.random() < 0.3)
    for _, playing in private:
        playing.cancel()


async def record(seconds: float, file: Path) -> None:
    """Record so many seconds into a file."""
    script = Script(reply=reply, first_token=0.3, between=0.03, key="")
    with tempfile.TemporaryDirectory() as folder:
        async with OpenAIServer(script) as server:
            run = Run(config.parse(SHOW.format(url=server.url)), Path(folder), {})
            await run.start()
            playing = asyncio.create_task(Loudspeaker("loudspeaker", run.public).run())
            await evening(run, seconds)
            await run.hush()
            playing.cancel()
            await run.stop()
        (log,) = (Path(folder) / "runs").glob("*.jsonl")
        file.parent.mkdir(exist_ok=True)
        with gzip.GzipFile(file, "wb", mtime=0) as packed:
            packed.write(log.read_bytes())


if __name__ == "__main__":
    asyncio.run(
        record(float(sys.argv[1]) if len(sys.argv) > 1 else 600, Path(sys.argv[2]) if len(sys.argv) > 2 else RECORDING)
    )
