"""What the doctor measures, on virtual time: the figures are exact, and no engine keeps it for long."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from msgspec.structs import replace

from marotte.engines.kinds import EngineSettings, Kit, Sound
from marotte.engines.trial import PICTURE
from marotte.events import Line
from marotte.ops.findings import Check, Figure, Section
from marotte.ops.measures import THOROUGH, measure_brain, measure_ear, measure_eye, measure_voice, utterance
from tests.stand_ins import ScriptedBrain, ScriptedEar, ScriptedVoice, built

pytestmark = [pytest.mark.anyio, pytest.mark.virtual]


def figures(check) -> dict[str, tuple[float, bool]]:
    return {figure.name: (figure.value, figure.over) for figure in check.figures}


async def test_a_voice_within_its_limits_is_well() -> None:
    check = await measure_voice(built("v", ScriptedVoice(first=0.2, pace=0.5)), Kit(), "en")
    assert check.state == "ok"
    seen = figures(check)
    assert seen["first sound"] == (pytest.approx(230, abs=1), False)
    assert 0.5 < seen["real-time factor"][0] < 1


async def test_a_voice_slower_than_speech_is_told_with_a_remedy() -> None:
    check = await measure_voice(built("v", ScriptedVoice(first=0.5, pace=1.2)), Kit(), "en")
    assert check.state == "warn"
    assert check.remedy.startswith("first sound and real-time factor over the limit")


@pytest.mark.parametrize(
    ("fault", "says"), [("hang", "within 3 s"), ("raise", "connection reset"), ("nothing", "made no sound")]
)
async def test_a_voice_that_fails_is_told_in_its_own_words(fault: str, says: str) -> None:
    kit = Kit()
    began = kit.clock.now()
    check = await measure_voice(built("v", ScriptedVoice(fault=fault), first_within=2, next_within=1), kit, "en")
    assert (check.state, says in check.detail, check.figures) == ("warn", True, ())
    assert kit.clock.now() - began <= 3.1


async def test_a_brain_is_asked_for_one_word() -> None:
    brain = ScriptedBrain("Well met by moonlight", token=0.4)
    check = await measure_brain(built("b", brain), Kit(names=("Pip",)), "en-GB")
    assert figures(check)["first word"] == (pytest.approx(400), False)
    assert (brain.stopped, brain.prompts[0].language) == (1, "en")
    slow = await measure_brain(built("b", ScriptedBrain("Well met", token=1.5)), Kit(), "en")
    assert (slow.state, figures(slow)["first word"][1]) == ("warn", True)


async def test_an_ear_hears_what_a_voice_says() -> None:
    kit = Kit()
    speech = await utterance(built("v", ScriptedVoice(rate=22_050)), kit)
    assert len(speech) / 2 == pytest.approx(16_000 * (4 * ScriptedVoice.WORD + 0.5), rel=0.01)
    ear = ScriptedEar("tell me a joke")
    check = await measure_ear(built("e", ear), kit, speech)
    assert (check.state, check.detail) == ("ok", "heard 'tell me a joke'")
    assert bytes(ear.heard) == speech
    deaf = await measure_ear(built("e", ScriptedEar("", fault="raise")), kit, speech)
    assert (deaf.state, deaf.detail) == ("warn", "no route to host")
    assert await utterance(built("v", ScriptedVoice(fault="raise")), kit) == b""


# --- thoroughly


class Warming(ScriptedVoice):
    """A voice that loads for three seconds when it is first asked."""

    async def speak(self, line: Line) -> AsyncIterator[Sound]:
        await asyncio.sleep(0 if self.asked else 3)
        async for sound in super().speak(line):
            yield sound


async def test_the_first_time_does_not_count() -> None:
    voice = Warming(first=0.2, pace=0.5)
    check = await measure_voice(built("v", voice), Kit(), "en", THOROUGH)
    seen = figures(check)
    assert len(voice.asked) == THOROUGH
    assert (check.state, seen["first sound"]) == ("ok", (pytest.approx(230, abs=1), False))
    assert seen["slowest"] == (pytest.approx(230, abs=1), False)
    assert seen["first time"] == (pytest.approx(3_230, abs=1), False)
    assert "memory here" in seen


async def test_a_slow_engine_is_not_asked_for_ever() -> None:
    kit, voice = Kit(), ScriptedVoice(first=7)
    began = kit.clock.now()
    check = await measure_voice(built("v", voice), kit, "en", THOROUGH)
    assert (check.state, len(voice.asked)) == ("warn", 4)
    assert kit.clock.now() - began < 40


async def test_a_brain_that_is_measured_thoroughly_writes_its_reply() -> None:
    brain = ScriptedBrain("Well met by moonlight", token=0.5)
    seen = figures(await measure_brain(built("b", brain), Kit(), "en", THOROUGH))
    assert len(brain.prompts) == THOROUGH
    assert seen["first word"] == (pytest.approx(500), False)
    assert seen["real-time factor"][1], "four words in two seconds are slower than speech"


async def test_an_eye_is_shown_a_drawing() -> None:
    class Eye:
        Settings = EngineSettings

        def __init__(self, text: str) -> None:
            self.text, self.shown = text, list[tuple[bytes, str]]()

        async def see(self, picture, language):
            self.shown.append((picture, language))
            await asyncio.sleep(0.4)
            yield self.text

    eye = Eye("A red ball on a meadow. " * 9)
    check = await measure_eye(built("e", eye), Kit(), "ja", THOROUGH)
    assert figures(check)["description"] == (pytest.approx(400), False)
    assert check.detail == f"saw {eye.text[:100]!r}"
    assert eye.shown == [(PICTURE, "ja")] * THOROUGH
    check = await measure_eye(built("e", Eye("")), Kit(), "en")
    assert (check.state, check.detail) == ("warn", "it gave no word")


def test_figures_stand_below_each_other() -> None:
    quick = Figure(name="first sound", value=3, unit="ms", limit=300)
    checks = [
        Check(name="espeak", figures=(quick,)),
        Check(
            name="azure",
            state="warn",
            detail="far",
            figures=(replace(quick, value=1_234), Figure(name="memory", value=40, unit="MB")),
        ),
        Check(name="melotts", state="warn", detail="cannot be reached", remedy="start it"),
    ]
    assert Section("voices", checks).table().splitlines() == [
        "voices",
        "                       first sound  memory",
        "  ✓ espeak      3 ms (at most 300)",
        "  – azure   1,234 ms (at most 300)   40 MB",
        "  – azure: far",
        "  – melotts: cannot be reached: start it",
    ]
    assert Section("voices", checks[2:]).table().splitlines() == ["voices", "  – melotts: cannot be reached: start it"]
