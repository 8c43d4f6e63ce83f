"""Hearing's own part, on virtual time: order, bounds, and that whatever begins also ends."""

import asyncio
import struct
from collections.abc import AsyncIterator, Callable

import pytest

from marotte.config import Character
from marotte.config import Hearing as Settings
from marotte.engines.kinds import EngineError, EngineUnavailable, Heard
from marotte.events import Event, Onset, SpeechEnd, Transcript, Utterance, Viewer
from marotte.senses.hearing import detectors
from marotte.senses.hearing.hearing import AHEAD, BACKLOG, LONGEST_TEXT, STALL, Hearing, SoundError
from marotte.senses.hearing.speech import Recording
from marotte.time import Clock, VirtualLoop

pytestmark = [pytest.mark.anyio, pytest.mark.virtual]

ADA = Viewer(id="window:1", name="Ada")
TALK = struct.pack("<h", 9_000) * 320  # 20 ms
QUIET = bytes(640)


class Loudness:
    """Takes whatever is loud for speech."""

    sure = 2.0
    frame = 320

    def speech(self, pcm: bytes) -> float:
        return float(pcm[-2:] != b"\0\0")


class FakeEar:
    """Understands the length of what it hears, in hundredths of a second, once it was thinking."""

    def __init__(self, thinks: float = 0.1) -> None:
        self.thinks = thinks
        self.given: list[float] = []
        self.languages: list[str] = []
        self.fails: Exception | None = None
        self.says: list[Heard] | None = None
        self.partial = "some"

    async def hear(self, speech: AsyncIterator[bytes], language: str) -> AsyncIterator[Heard]:
        self.languages.append(language)
        if self.fails:
            raise self.fails
        heard = 0
        async for piece in speech:
            if not heard:
                self.given.append(asyncio.get_running_loop().time())
                yield Heard(text=self.partial, final=False)
            heard += len(piece)
        await asyncio.sleep(self.thinks)
        for said in self.says if self.says is not None else [Heard(text=f"{heard // 320}", language="fr")]:
            yield said


class Pieces:
    """A microphone that gives what a test puts in."""

    def __init__(self) -> None:
        self.queue: asyncio.Queue[bytes | None] = asyncio.Queue()

    async def sound(self) -> AsyncIterator[bytes]:
        while (piece := await self.queue.get()) is not None:
            yield piece


@pytest.fixture(autouse=True)
def loudness(monkeypatch: pytest.MonkeyPatch) -> None:
    async def at_once(make: Callable[..., object], *given: object) -> object:
        return make(*given)

    monkeypatch.setattr(detectors, "choose", lambda settings: Loudness())
    monkeypatch.setattr(asyncio, "to_thread", at_once)  # virtual time does not wait for threads


def made(ear: FakeEar, **settings: float) -> tuple[Hearing, list[Event]]:
    events: list[Event] = []
    chosen = Settings(**{"pre_roll": 0.1, "settle": 1.0, "silence": 0.2, "shortest": 0.06, "longest": 2.0, **settings})
    return Hearing("den", chosen, ear, events.append, Clock(epoch=5_000.0), ADA), events


def script(*parts: tuple[bytes, float]) -> Recording:
    return Recording(b"".join(piece * round(seconds / 0.02) for piece, seconds in parts), Clock())


def kinds(events: list[Event]) -> list[str]:
    names: dict[type, Callable[[Event], str]] = {
        Onset: lambda e: "onset",
        SpeechEnd: lambda e: str(e.why),
        Transcript: lambda e: f"{'final' if e.final else 'partial'} {e.text}".strip(),
        Utterance: lambda e: f"utterance {e.text}",
    }
    return [names[type(e)](e) for e in events]


async def test_from_sound_to_utterance() -> None:
    ear = FakeEar()
    hearing, events = made(ear)
    hearing.language = "en"
    await hearing.run(script((QUIET, 0.5), (TALK, 0.4), (QUIET, 1.0)))
    # 0.1 s before the onset, 0.4 s of speech and the 0.2 s of silence that ended it
    assert kinds(events) == ["onset", "partial some", "silence", "final 70", "utterance 70"]
    onset, partial, end, final, utterance = events
    assert end.seconds == pytest.approx(0.4)
    assert onset.at - 5_000 == pytest.approx(0.54, abs=0.01)
    assert (partial.language, final.language, utterance.language) == ("en", "fr", "fr")
    assert utterance.recognised == pytest.approx(0.3)  # silence and thinking, counted from the last speech
    assert (utterance.viewer, utterance.seconds, utterance.floor) == (ADA, end.seconds, "den")
    assert ear.languages == ["en"]


async def test_the_ear_hears_while_it_is_still_being_said() -> None:
    ear = FakeEar()
    hearing, _ = made(ear)
    begun = asyncio.get_running_loop().time()
    await hearing.run(script((QUIET, 0.5), (TALK, 1.5), (QUIET, 0.3)))
    assert ear.given[0] - begun < 0.65


async def test_a_noise_costs_no_ear_anything() -> None:
    ear = FakeEar()
    hearing, events = made(ear)
    await hearing.run(script((TALK, 0.04), (QUIET, 0.5)))
    assert kinds(events) == ["onset", "noise"]
    assert ear.languages == []


async def test_nothing_understood_is_an_empty_transcript_and_no_utterance() -> None:
    ear = FakeEar()
    ear.says = [Heard(text="  ")]
    hearing, events = made(ear)
    await hearing.run(script((TALK, 0.4), (QUIET, 0.5)))
    assert kinds(events) == ["onset", "partial some", "silence", "final"]


@pytest.mark.parametrize("error", [EngineUnavailable("no ear could hear"), KeyError("a mistake in an ear")])
async def test_an_ear_that_fails_deafens_nobody(error: Exception, caplog: pytest.LogCaptureFixture) -> None:
    ear = FakeEar()
    ear.fails = error
    hearing, events = made(ear)
    await hearing.run(script((TALK, 0.4), (QUIET, 0.5), (TALK, 0.4), (QUIET, 0.5)))
    assert kinds(events) == ["onset", "silence", "final"] * 2
    assert str(error) in caplog.text
    assert ("Traceback" in caplog.text) == (not isinstance(error, EngineError))


async def test_turns_are_understood_in_order_while_others_are_said() -> None:
    ear = FakeEar(thinks=1.0)
    hearing, events = made(ear)
    await hearing.run(script((TALK, 0.2), (QUIET, 0.3), (TALK, 0.3), (QUIET, 0.3), (TALK, 0.4), (QUIET, 0.3)))
    said = [e.text for e in events if isinstance(e, Utterance)]
    assert said == ["40", "60", "70"]
    assert kinds(events).count("silence") == 3
    assert hearing.dropped == 0


async def test_a_backlog_that_is_full_drops_the_newest_and_counts() -> None:
    hearing, events = made(FakeEar(thinks=60.0))
    turn = ((TALK, 0.2), (QUIET, 0.3))
    await hearing.run(script(*turn * (BACKLOG + 3)))
    assert hearing.dropped == 2
    ends = [e.why for e in events if isinstance(e, SpeechEnd)]
    assert ends == ["silence"] * (BACKLOG + 1) + ["noise"] * 2
    assert len([e for e in events if isinstance(e, Utterance)]) == BACKLOG + 1


async def test_a_button_held_down() -> None:
    hearing, events = made(FakeEar())
    hearing.hands_free = False
    microphone = Pieces()
    running = asyncio.create_task(hearing.run(microphone))
    await asyncio.sleep(0.5)

    async def speak(piece: bytes, count: int) -> None:
        for _ in range(count):
            microphone.queue.put_nowait(piece)
            await asyncio.sleep(0.02)

    await speak(TALK, 20)
    assert events == []
    hearing.press()
    await speak(QUIET, 40)
    hearing.release()
    await speak(TALK, 5)
    microphone.queue.put_nowait(None)
    await running
    assert kinds(events)[:3] == ["onset", "partial some", "released"]
    assert kinds(events)[3].startswith("final ")
    assert len(events) == 5


async def test_a_button_pressed_before_the_microphone_is_open_is_held() -> None:
    hearing, events = made(FakeEar())
    hearing.hands_free = False
    microphone = Pieces()
    running = asyncio.create_task(hearing.run(microphone))
    hearing.press()
    await asyncio.sleep(3 * STALL)  # somebody is still asked whether the microphone may be used
    microphone.queue.put_nowait(TALK * 20)
    await asyncio.sleep(0.5)
    hearing.release()
    microphone.queue.put_nowait(None)
    await running
    assert kinds(events) == ["onset", "partial some", "released", "final 40", "utterance 40"]


async def test_a_press_that_ends_before_the_microphone_is_open_is_a_noise() -> None:
    hearing, events = made(FakeEar())
    hearing.hands_free = False
    hearing.press()
    hearing.release()
    assert kinds(events) == ["onset", "noise"]
    hearing.release()
    assert len(events) == 2


async def test_a_microphone_that_closes_or_stalls_ends_what_is_being_said() -> None:
    hearing, events = made(FakeEar())
    await hearing.run(script((TALK, 0.4)))
    assert kinds(events) == ["onset", "partial some", "released", "final 40", "utterance 40"]

    hearing, events = made(FakeEar())
    microphone = Pieces()
    running = asyncio.create_task(hearing.run(microphone))
    for _ in range(20):
        microphone.queue.put_nowait(TALK)
    await asyncio.sleep(STALL - 0.2)
    assert kinds(events) == ["onset", "partial some"]
    await asyncio.sleep(0.5)
    assert kinds(events) == ["onset", "partial some", "released", "final 40", "utterance 40"]
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


def stand_still(seconds: float) -> None:
    """Hold up the event loop, as a library does that computes for so long."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualLoop)
    loop.jumping.skipped += seconds


@pytest.mark.parametrize("held_up", [STALL - 0.01, STALL + 0.01, 2 * STALL])
async def test_a_loop_that_stands_still_splits_nothing_that_is_being_said(held_up: float) -> None:
    hearing, events = made(FakeEar(), longest=20.0)
    microphone = Pieces()
    running = asyncio.create_task(hearing.run(microphone))
    for _ in range(20):
        microphone.queue.put_nowait(TALK)
        await asyncio.sleep(0.02)
    stand_still(held_up)
    await asyncio.sleep(0)  # a first round of the loop reads what the socket has, the next ones bring it here
    microphone.queue.put_nowait(TALK * round(held_up / 0.02))
    await asyncio.sleep(0.5)
    assert kinds(events) == ["onset", "partial some"]
    microphone.queue.put_nowait(QUIET * 20)
    microphone.queue.put_nowait(None)
    await running
    assert kinds(events).count("onset") == 1
    assert kinds(events)[2:3] == ["silence"]


async def test_a_microphone_that_stalls_while_the_loop_does_ends_all_the_same() -> None:
    hearing, events = made(FakeEar())
    microphone = Pieces()
    running = asyncio.create_task(hearing.run(microphone))
    microphone.queue.put_nowait(TALK * 20)
    await asyncio.sleep(0.1)
    stand_still(2 * STALL)
    await asyncio.sleep(STALL + 0.5)
    assert kinds(events)[:3] == ["onset", "partial some", "released"]
    microphone.queue.put_nowait(TALK * 20)
    await asyncio.sleep(0.1)
    assert kinds(events).count("onset") == 2, "it is heard again when it comes back"
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_a_partner_who_leaves_leaves_nothing_open() -> None:
    hearing, events = made(FakeEar(thinks=60.0))
    running = asyncio.create_task(hearing.run(script((TALK, 5.0))))
    await asyncio.sleep(1.0)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert kinds(events) == ["onset", "partial some", "released", "final"]
    await asyncio.sleep(100)
    assert len(events) == 4
    assert len(asyncio.all_tasks()) <= 2


async def test_half_samples_and_floods_are_refused() -> None:
    hearing, events = made(FakeEar())
    microphone = Pieces()
    microphone.queue.put_nowait(TALK * 10)
    microphone.queue.put_nowait(TALK + b"\0")
    with pytest.raises(SoundError, match="a piece of 641 bytes"):
        await hearing.run(microphone)
    assert kinds(events)[-2:] == ["released", "final"]

    microphone = Pieces()
    for _ in range(int(AHEAD) + 1):
        microphone.queue.put_nowait(QUIET * 50)
    with pytest.raises(SoundError, match="more than 5 s of sound ahead of real time"):
        await hearing.run(microphone)


async def test_a_clock_that_runs_a_little_fast_is_no_flood() -> None:
    hearing, events = made(FakeEar())
    microphone = Pieces()
    running = asyncio.create_task(hearing.run(microphone))
    for _ in range(2_000):
        microphone.queue.put_nowait(QUIET * 51)  # 2 % more than real time, for half an hour
        await asyncio.sleep(1)
    assert not running.done()
    microphone.queue.put_nowait(None)
    await running
    assert events == []


async def test_one_microphone_at_a_time() -> None:
    hearing, _ = made(FakeEar())
    first = asyncio.create_task(hearing.run(script((QUIET, 2.0))))
    await asyncio.sleep(1)
    with pytest.raises(RuntimeError, match="open already on floor 'den'"):
        await hearing.run(script((QUIET, 0.1)))
    await first
    await hearing.run(script((QUIET, 0.1)))


async def test_text_from_a_browser_makes_the_same_events() -> None:
    hearing, events = made(FakeEar())
    hearing.language = "ja"
    hearing.hear_text("", final=True)
    assert events == []
    hearing.hear_text("こん", final=False)
    await asyncio.sleep(0.5)
    hearing.hear_text(" こんにちは ", final=True, uncertain=True)
    assert kinds(events) == ["onset", "partial こん", "silence", "final こんにちは", "utterance こんにちは"]
    utterance = events[-1]
    assert (utterance.ear, utterance.uncertain, utterance.language) == ("browser", True, "ja")
    assert (utterance.seconds, utterance.recognised) == (pytest.approx(0.5), -1)


async def test_text_that_a_browser_takes_back_ends_as_a_noise() -> None:
    hearing, events = made(FakeEar())
    hearing.hear_text("hm", final=False)
    hearing.hear_text("", final=True)
    assert kinds(events) == ["onset", "partial hm", "noise"]
    with pytest.raises(SoundError, match="2001 characters"):
        hearing.hear_text("x" * (LONGEST_TEXT + 1), final=True)


async def test_a_browser_that_tells_what_is_said_leaves_the_sound_to_tell_that_somebody_speaks() -> None:
    ear, microphone = FakeEar(), Pieces()
    hearing, events = made(ear)
    hearing.let_read(True)
    running = asyncio.create_task(hearing.run(microphone))
    await talk(microphone, 0.4)
    assert kinds(events) == ["onset"]  # before there is a word
    hearing.hear_text("tell", final=False)
    await talk(microphone, 0.4)
    await talk(microphone, 1.0, QUIET)
    assert kinds(events) == ["onset", "partial tell", "silence"]
    hearing.hear_text("tell me", final=True)
    await asyncio.sleep(5)
    assert kinds(events)[3:] == ["final tell me", "utterance tell me"]
    assert events[-1].seconds == pytest.approx(0.8, abs=0.05)
    hearing.let_read(False)
    await talk(microphone, 0.4)
    await talk(microphone, 1.0, QUIET)
    microphone.queue.put_nowait(None)
    await running
    assert kinds(events)[5:] == ["onset", "partial some", "silence", "final 70", "utterance 70"]
    assert len(ear.given) == 1


async def test_sound_of_which_a_browser_makes_no_word_is_over_when_it_is_silent() -> None:
    microphone = Pieces()
    hearing, events = made(FakeEar(), resume_after=1.5)
    hearing.let_read(True)
    running = asyncio.create_task(hearing.run(microphone))
    await talk(microphone, 0.04)  # a click
    await talk(microphone, 0.5, QUIET)
    assert kinds(events) == ["onset", "noise"]
    await talk(microphone, 0.4)
    await talk(microphone, 0.5, QUIET)
    assert kinds(events)[2:] == ["onset", "silence"]
    await talk(microphone, 0.4)  # the browser may be slow
    assert kinds(events)[4:] == ["onset"]
    await talk(microphone, 2.5, QUIET)
    assert kinds(events)[5:] == ["silence", "final", "final"]
    await talk(microphone, 0.4)
    microphone.queue.put_nowait(None)
    await running
    assert kinds(events)[8:] == ["onset", "released", "final"]  # whose microphone is gone tells no more


async def test_words_without_sound_and_without_an_end_end_by_themselves() -> None:
    hearing, events = made(FakeEar(), resume_after=1.5)
    hearing.hear_text("some words", final=False)
    await asyncio.sleep(1.4)
    hearing.hear_text("some more words", final=False)
    await asyncio.sleep(1.6)
    assert kinds(events) == ["onset", "partial some words", "partial some more words", "noise"]


async def test_words_that_end_before_their_sound_does_are_heard_once() -> None:
    microphone = Pieces()
    hearing, events = made(FakeEar())
    hearing.let_read(True)
    running = asyncio.create_task(hearing.run(microphone))
    await talk(microphone, 0.4)
    hearing.hear_text("tell me", final=True)
    await talk(microphone, 0.2)
    await talk(microphone, 5.0, QUIET)
    assert kinds(events) == ["onset", "silence", "final tell me", "utterance tell me"]
    await talk(microphone, 0.4)
    hearing.hear_text("a joke", final=False)
    hearing.hear_text("", final=True)  # it takes that back
    await talk(microphone, 5.0, QUIET)
    assert kinds(events)[4:] == ["onset", "partial a joke", "noise"]
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


@pytest.mark.parametrize("told", ["", "partial", "final"])
async def test_where_the_browser_gives_up_in_mid_speech_our_ears_hear_what_it_has_told_nothing_of(told: str) -> None:
    ear, microphone = FakeEar(), Pieces()
    hearing, events = made(ear, longest=5.0)
    hearing.let_read(True)
    running = asyncio.create_task(hearing.run(microphone))
    hearing.press()
    await talk(microphone, 0.4)
    if told:
        hearing.hear_text("tell", final=told == "final")
    hearing.let_read(False)
    await talk(microphone, 0.6)
    hearing.release()
    microphone.queue.put_nowait(None)
    await running
    assert (
        kinds(events)
        == {
            "": ["onset", "partial some", "released", "final 100", "utterance 100"],
            "partial": ["onset", "partial tell", "released", "final"],
            "final": ["onset", "silence", "final tell", "utterance tell"],
        }[told]
    )


async def test_ears_that_are_taken_away_leave_no_speech_without_its_words() -> None:
    hearing, events = made(FakeEar(thinks=60.0))
    running = asyncio.create_task(
        hearing.run(script((TALK, 0.4), (QUIET, 1.0), (TALK, 0.4), (QUIET, 1.0), (TALK, 1.0)))
    )
    await asyncio.sleep(3.3)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    told = kinds(events)
    assert told.count("final") == 3 == told.count("silence") + told.count("released")
    assert told[-3:] == ["final"] * 3


async def talk(microphone: Pieces, seconds: float, piece: bytes = TALK) -> None:
    """Give a microphone sound as it is spoken."""
    for _ in range(round(seconds / 0.02)):
        microphone.queue.put_nowait(piece)
        await asyncio.sleep(0.02)


# --- pauses


class WholeEar(FakeEar):
    """Tells nothing before it has heard all."""

    async def hear(self, speech: AsyncIterator[bytes], language: str) -> AsyncIterator[Heard]:
        async for heard in super().hear(speech, language):
            if heard.final:
                yield heard


def settled(events: list[Event]) -> list[str]:
    return [e.text for e in events if isinstance(e, Transcript) and e.settled]


async def test_at_a_pause_the_ear_is_asked_already_and_not_again_if_that_was_all() -> None:
    ear = WholeEar(thinks=0.2)
    hearing, events = made(ear, settle=0.1, silence=0.4)
    await hearing.run(script((QUIET, 0.5), (TALK, 0.4), (QUIET, 1.0)))
    assert len(ear.given) == 1
    assert settled(events) == ["60"]  # the pre-roll, the speech, and the pause so far
    assert kinds(events)[-2:] == ["final 60", "utterance 60"]
    utterance = events[-1]
    assert isinstance(utterance, Utterance)
    assert utterance.recognised == pytest.approx(0.4)  # it thought while silence was waited for


async def test_who_goes_on_after_a_pause_is_heard_from_the_beginning() -> None:
    ear = WholeEar(thinks=0.05)
    hearing, events = made(ear, settle=0.1, silence=0.4)
    await hearing.run(script((TALK, 0.4), (QUIET, 0.3), (TALK, 0.4), (QUIET, 1.0)))
    assert kinds(events) == ["onset", "partial 50", "partial 130", "silence", "final 130", "utterance 130"]
    assert settled(events) == ["50", "130"]


async def test_who_goes_on_while_the_ear_still_thinks_costs_no_wait_for_it() -> None:
    ear = WholeEar(thinks=10.0)
    hearing, events = made(ear, settle=0.1, silence=0.4)
    await hearing.run(script((TALK, 0.4), (QUIET, 0.3), (TALK, 0.4), (QUIET, 0.6)))
    assert settled(events) == []
    assert kinds(events)[-1] == "utterance 130"


async def test_an_ear_that_tells_as_it_goes_is_not_asked_again() -> None:
    ear = FakeEar()
    hearing, events = made(ear, settle=0.1, silence=0.4)
    await hearing.run(script((TALK, 0.4), (QUIET, 0.3), (TALK, 0.4), (QUIET, 0.6)))
    assert len(ear.given) == 1
    assert settled(events) == ["some", "some"]
    assert kinds(events)[-1] == "utterance 150"


class SlowWriter(FakeEar):
    """Tells as it goes, each word a quarter of a second after it was spoken."""

    async def hear(self, speech: AsyncIterator[bytes], language: str) -> AsyncIterator[Heard]:
        async for _ in speech:
            if not self.given:
                self.given.append(0.0)
                yield Heard(text="good", final=False)
                await asyncio.sleep(0.7)
                yield Heard(text="good evening", final=False)
        yield Heard(text="good evening")


async def test_a_word_that_an_ear_tells_during_the_pause_is_settled_too() -> None:
    hearing, events = made(SlowWriter(), settle=0.1, silence=0.8)
    await hearing.run(script((TALK, 0.4), (QUIET, 1.5)))
    assert settled(events) == ["good", "good evening"]


async def test_words_that_want_more_are_waited_for_longer_and_whole_ones_less() -> None:
    waits: dict[str, float] = {}
    for said in ("I went there and", "I went there.", "I went there"):
        ear = WholeEar(thinks=0.0)
        ear.says = [Heard(text=said, language="en")]
        hearing, events = made(ear, settle=0.1, silence=0.4)
        await hearing.run(script((TALK, 0.4), (QUIET, 1.5)))
        utterance = events[-1]
        assert isinstance(utterance, Utterance)
        waits[said] = utterance.recognised
    assert list(waits.values()) == pytest.approx([0.8, 0.3, 0.4], abs=0.021)


async def test_who_pauses_often_is_asked_after_ever_longer_pauses() -> None:
    ear = WholeEar(thinks=0.0)
    hearing, events = made(ear, settle=0.1, silence=0.6, longest=30.0)
    parts = ((TALK, 0.2), (QUIET, 0.3)) * 6
    await hearing.run(script(*parts, (QUIET, 1.0)))
    assert len(settled(events)) == 3
    assert kinds(events)[-1].startswith("utterance")


async def test_what_an_ear_invents_on_noise_is_no_utterance_and_the_same_words_spoken_are() -> None:
    for sound, kinds_of in ((TALK, ["utterance Thanks for watching!"]), (b"\x10\x00" * 320, [])):
        ear = WholeEar(thinks=0.0)
        ear.says = [Heard(text="Thanks for watching!", language="en", no_speech=0.3 if not kinds_of else 0.01)]
        hearing, events = made(ear)
        await hearing.run(script((QUIET, 0.5), (sound, 0.6), (QUIET, 0.5)))
        assert [kind for kind in kinds(events) if kind.startswith("utterance")] == kinds_of


async def test_the_name_is_put_where_it_was_misheard() -> None:
    ear = WholeEar(thinks=0.0)
    ear.says = [Heard(text="Hey peep, who are you?", language="en")]
    hearing, events = made(ear)
    hearing._character = Character(name="Pip", misheard=("peep",))
    await hearing.run(script((TALK, 0.4), (QUIET, 0.5)))
    assert kinds(events)[-1] == "utterance Hey Pip, who are you?"


NOISE = (TALK, 0.4), (QUIET, 0.6)


async def test_after_noises_of_which_no_word_came_only_words_tell_that_somebody_speaks() -> None:
    ear = FakeEar()
    ear.says = [Heard(text="")]
    ear.partial = ""
    hearing, events = made(ear)
    microphone = Pieces()
    running = asyncio.create_task(hearing.run(microphone))

    async def hears(*parts: tuple[bytes, float]) -> list[str]:
        events.clear()
        for piece, seconds in parts:
            for _ in range(round(seconds / 0.02)):
                await asyncio.sleep(0.02)
                microphone.queue.put_nowait(piece)
        await asyncio.sleep(0.1)
        return kinds(events)

    for _ in range(3):
        assert await hears(*NOISE) == ["onset", "partial", "silence", "final"]
    assert await hears(*NOISE) == await hears((TALK, 0.04), (QUIET, 0.3)) == []
    ear.says = [Heard(text="Stop!")]
    assert await hears(*NOISE) == ["onset", "silence", "final Stop!", "utterance Stop!"]
    assert hearing.viewer == events[0].viewer == ADA
    ear.says = [Heard(text="")]
    assert await hears(*NOISE) == ["onset", "partial", "silence", "final"], "it is believed again"
    microphone.queue.put_nowait(None)
    await running


async def noisy(ear: FakeEar) -> tuple[Hearing, list[Event]]:
    """Return what hears where noise has made it doubt, and what it tells from then on."""
    ear.says, ear.partial = [Heard(text="")], ""
    hearing, events = made(ear)
    await hearing.run(script(*NOISE, *NOISE, *NOISE))
    assert kinds(events) == ["onset", "partial", "silence", "final"] * 3
    events.clear()
    return hearing, events


async def test_a_noise_of_which_words_come_as_it_goes_is_told_in_its_midst() -> None:
    ear = FakeEar()
    hearing, events = await noisy(ear)
    ear.says, ear.partial = None, "some"
    await hearing.run(script((TALK, 0.4), (QUIET, 0.3)))
    assert kinds(events) == ["onset", "partial some", "silence", "final 60", "utterance 60"]


async def test_doubt_passes_and_a_button_leaves_none() -> None:
    ear = FakeEar()
    hearing, events = await noisy(ear)
    microphone = Pieces()
    running = asyncio.create_task(hearing.run(microphone))
    microphone.queue.put_nowait(TALK * 2)
    await asyncio.sleep(0.1)
    assert kinds(events) == []
    hearing.press()
    assert kinds(events) == ["onset"], "it may have begun before"
    microphone.queue.put_nowait(TALK * 20)
    await asyncio.sleep(0.5)
    hearing.release()
    await asyncio.sleep(0.5)
    assert kinds(events) == ["onset", "partial", "released", "final"]
    hearing.press()
    assert kinds(events)[4:] == ["onset"]
    hearing.release()
    microphone.queue.put_nowait(None)
    await running
    events.clear()
    await asyncio.sleep(60)
    await hearing.run(script(*NOISE))
    assert kinds(events) == ["onset", "partial", "silence", "final"]


async def test_words_that_an_ear_takes_back_leave_no_doubt_that_somebody_spoke() -> None:
    ear = FakeEar()
    ear.says = [Heard(text="")]
    hearing, events = made(ear)
    await hearing.run(script(*NOISE * 5))
    assert kinds(events) == ["onset", "partial some", "silence", "final"] * 5
    hearing.let_read(True)
    events.clear()
    microphone = Pieces()
    running = asyncio.create_task(hearing.run(microphone))
    for _ in range(5):
        microphone.queue.put_nowait(TALK * 20 + QUIET * 20)
        await asyncio.sleep(1)
        hearing.hear_text("wait", final=False)
        hearing.hear_text("", final=True)
    assert kinds(events) == ["onset", "silence", "partial wait", "final"] * 5
    microphone.queue.put_nowait(None)
    await running


async def test_ears_that_fail_make_nobody_doubt() -> None:
    ear = FakeEar()
    ear.fails = EngineUnavailable("no ear could hear")
    hearing, events = made(ear)
    await hearing.run(script(*NOISE, *NOISE, *NOISE, *NOISE))
    assert kinds(events) == ["onset", "silence", "final"] * 4


async def test_where_a_browser_makes_no_word_of_noise_only_its_words_tell_that_somebody_speaks() -> None:
    hearing, events = made(FakeEar())
    hearing.let_read(True)
    for _ in range(4):
        await hearing.run(script(*NOISE))
    assert kinds(events) == ["onset", "silence", "final"] * 4, "it had no time to tell any"
    events.clear()
    microphone = Pieces()
    running = asyncio.create_task(hearing.run(microphone))
    for _ in range(3):
        microphone.queue.put_nowait(TALK * 20 + QUIET * 20)
        await asyncio.sleep(3)
    assert kinds(events) == ["onset", "silence", "final"] * 3
    events.clear()
    microphone.queue.put_nowait(TALK * 20)
    await asyncio.sleep(0.5)
    assert kinds(events) == []
    hearing.hear_text("wait", final=False)
    assert kinds(events) == ["onset", "partial wait"]
    microphone.queue.put_nowait(TALK * 20 + QUIET * 20)
    await asyncio.sleep(1)
    hearing.hear_text("wait a moment", final=True)
    assert kinds(events)[2:] == ["silence", "final wait a moment", "utterance wait a moment"]
    microphone.queue.put_nowait(None)
    await running
