"""Trying an engine: its figures, its faults in plain words, and a deadline that no engine can overstay."""

import pytest

from marotte.engines import trial
from marotte.engines.kinds import EngineError
from marotte.events import Line
from marotte.time import Clock
from tests.stand_ins import ScriptedBrain, ScriptedEar, ScriptedVoice

pytestmark = [pytest.mark.anyio, pytest.mark.virtual]
LINE = Line(shown="Hello there, you.", spoken="Hello there, you.")


async def test_a_voice_is_measured() -> None:
    found = await trial.speak(ScriptedVoice(first=0.5, pace=0.5), LINE, Clock())
    assert found.ok
    assert found.first_ms is not None
    assert found.first_ms >= 500
    assert found.realtime is not None
    assert found.realtime > 0.5
    assert found.pcm
    assert found.rate


async def test_a_voice_that_never_ends_is_broken_off() -> None:
    class Endless(ScriptedVoice):
        async def speak(self, line):
            while True:
                async for sound in super().speak(line):
                    yield sound

    found = await trial.speak(Endless(), LINE, Clock())
    assert found.ok
    assert len(found.pcm) / 2 / found.rate < 20


async def test_a_brain_answers() -> None:
    found = await trial.reply(ScriptedBrain("Good evening to you.", token=0.1), "en", "Pip", Clock())
    assert (found.ok, found.text) == (True, "Good evening to you.")
    assert found.first_ms == pytest.approx(100, abs=1)


async def test_an_ear_hears_and_is_timed_from_the_end_of_speech() -> None:
    ear = ScriptedEar("tell me a joke")
    found = await trial.hear(ear, bytes(32_000), "en", Clock())
    assert (found.ok, found.text, found.first_ms) == (True, "tell me a joke", 0.0)
    assert bytes(ear.heard) == bytes(32_000)


async def test_silence_is_told() -> None:
    found = await trial.hear(ScriptedEar(""), bytes(3_200), "en", Clock())
    assert (found.ok, found.detail) == (True, "it understood nothing")
    found = await trial.reply(ScriptedBrain(""), "en", "Pip", Clock())
    assert (found.ok, found.detail) == (False, "it gave no word")


class ScriptedEye:
    """Says what it is told to, in pieces, and keeps what it was shown."""

    def __init__(self, *pieces: str) -> None:
        self.pieces = pieces
        self.shown: list[tuple[bytes, str]] = []

    async def see(self, picture, language):
        self.shown.append((picture, language))
        for piece in self.pieces:
            yield piece


async def test_an_eye_is_shown_a_drawing() -> None:
    eye = ScriptedEye("A red ball ", "on a meadow. ")
    found = await trial.see(eye, "fr", Clock())
    assert (found.ok, found.text, found.detail) == (True, "A red ball on a meadow.", "")
    assert found.first_ms is not None
    assert eye.shown == [(trial.PICTURE, "fr")]
    found = await trial.see(ScriptedEye("x" * 600, "y" * 600, "never asked for"), "en", Clock())
    assert (found.ok, found.text) == (True, "x" * 500)
    found = await trial.see(ScriptedEye(" "), "en", Clock())
    assert (found.ok, found.detail) == (False, "it gave no word")


@pytest.mark.parametrize("error", [EngineError("no key"), OSError("no route"), RuntimeError("what a stranger raises")])
async def test_a_fault_is_told_and_never_raised(error: Exception) -> None:
    class Faulty:
        async def reply(self, prompt):
            raise error
            yield ""

    found = await trial.reply(Faulty(), "en", "Pip", Clock())
    assert (found.ok, found.detail, found.first_ms) == (False, str(error), None)


async def test_an_engine_that_hangs_even_when_it_is_told_to_stop_is_not_waited_for() -> None:
    clock = Clock()
    began = clock.now()
    found = await trial.reply(ScriptedBrain("x", fault="hang"), "en", "Pip", clock, within=5)
    assert clock.now() - began == pytest.approx(5, abs=0.1)
    assert (found.ok, found.detail) == (False, "it was not done within 5 s")
    assert found.seconds == pytest.approx(5, abs=0.1)
