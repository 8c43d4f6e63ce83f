"""A human voice, recorded in the open air through loudspeakers: what hearing makes of it, with everything real.

Other tests of hearing speak with a machine, which neither hesitates nor echoes. The recording is described in
``tests/data/README.md``; its speaker pauses twice for longer than a turn's end.
"""

import io
import wave
from collections.abc import AsyncIterator
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import soxr

from marotte.config import Hearing as Settings
from marotte.engines.kinds import Heard, Kit
from marotte.events import Event, Onset, SpeechEnd, Transcript, Utterance
from marotte.senses.hearing import endpoint
from marotte.senses.hearing.detectors import choose
from marotte.senses.hearing.ears.pocketsphinx import PocketsphinxEar, PocketsphinxSettings
from marotte.senses.hearing.hearing import Hearing
from marotte.senses.hearing.inventions import Loudness, invented
from marotte.senses.hearing.speech import RATE, Recording
from marotte.senses.hearing.wav import read_wav
from marotte.time import Clock
from tests.stand_ins import ScriptedEar

pytestmark = pytest.mark.anyio
FILE = Path(__file__).parents[1] / "data" / "kennedy-1961.wav"
SPOKEN = ((0.33, 2.2), (3.27, 4.43), (5.4, 11.0))
"""Where he speaks, in seconds of the recording, by its energy: "And so, my fellow Americans | ask not | what …"."""
BEFORE, AFTER = 1.0, 2.0
"""Seconds of silence around it: a microphone is open before somebody speaks."""
SOONEST, LATEST = -0.25, 0.3
"""How far a detector's onset may lie from that of the energy, in seconds."""


@cache
def recorded() -> bytes:
    return read_wav(FILE)


def room(snr: float | None = None) -> bytes:
    """Return the recording with silence around it, in white noise so many dB below the speech."""
    speech = np.frombuffer(recorded(), "<i2").astype(float)
    sound = np.pad(speech, (round(BEFORE * RATE), round(AFTER * RATE)))
    if snr is not None:
        loud = np.sqrt(np.mean(speech[np.abs(speech) > 500] ** 2))
        sound += np.random.default_rng(5).normal(0, loud / 10 ** (snr / 20), len(sound))
    return np.clip(sound, -32_768, 32_767).astype("<i2").tobytes()


def turns(pcm: bytes, **settings: object) -> list[tuple[float, float, str]]:
    """Return when each turn began and when its speech ended, in seconds of the recording, and why."""
    hearing = Settings.model_validate(settings)
    machine, found, began = endpoint.Endpointer(hearing, choose(hearing)), list[tuple[float, float, str]](), 0.0
    for start in range(0, len(pcm), 640):
        now = (start + 640) / 2 / RATE - BEFORE
        for happened in machine.feed(pcm[start : start + 640]):
            match happened:
                case endpoint.Onset():
                    began = now
                case endpoint.End(why, _, ago):
                    found.append((began, now - ago / RATE, why))
    return found


@pytest.mark.parametrize(("detector", "snr"), [("silero", None), ("silero", 20), ("silero", 10), ("webrtc", None)])
def test_his_three_phrases_are_found_where_their_energy_is(detector: str, snr: float | None) -> None:
    found = turns(room(snr), detector=detector)
    assert {why for _, _, why in found} == {"silence"}
    for begins, ends in SPOKEN:
        assert [True for began, _, _ in found if SOONEST <= began - begins <= LATEST] == [True], (begins, found)
        assert [True for _, ended, _ in found if abs(ended - ends) <= 0.35] == [True], (ends, found)
    assert len(found) == (4 if detector == "webrtc" else 3), found


def test_a_patient_endpointer_takes_all_of_it_for_one_turn_and_a_short_limit_ends_it() -> None:
    [(began, ended, why)] = turns(room(), silence=1.5)
    assert (round(began - SPOKEN[0][0]), round(ended - SPOKEN[-1][1]), why) == (0, 0, "silence")
    assert turns(room(), silence=1.5, longest=5.0)[0][2] == "too_long"


def test_noise_alone_is_no_turn() -> None:
    speech = np.frombuffer(recorded(), "<i2").astype(float)
    between = np.tile(speech[round(2.4 * RATE) : round(3.1 * RATE)], 6)  # the crowd and the hum between two phrases
    assert turns(between.astype("<i2").tobytes()) == []


def written(rate: int, channels: int, width: int = 2) -> bytes:
    """Return the recording as a WAV of another form."""
    sound = soxr.resample(np.frombuffer(room(), "<i2").astype(np.float64) / 32_768, RATE, rate)
    scaled = np.clip(np.round(sound * 2 ** (8 * width - 1)), -(2 ** (8 * width - 1)), 2 ** (8 * width - 1) - 1)
    file = io.BytesIO()
    with wave.open(file, "wb") as wav:
        wav.setnchannels(channels)
        wav.setsampwidth(width)
        wav.setframerate(rate)
        wav.writeframes(np.repeat(scaled, channels).astype(f"<i{width}").tobytes())
    return file.getvalue()


@pytest.mark.parametrize(
    ("rate", "channels", "width"), [(8_000, 1, 2), (16_000, 2, 2), (44_100, 1, 2), (44_100, 2, 4), (48_000, 2, 2)]
)
def test_in_whatever_form_it_was_recorded_the_turns_are_the_same(rate: int, channels: int, width: int) -> None:
    usual, other = turns(room()), turns(read_wav(written(rate, channels, width)))
    assert [why for *_, why in other] == [why for *_, why in usual]
    assert np.abs(np.array([turn[:2] for turn in other]) - [turn[:2] for turn in usual]).max() <= 0.1


def piece(begins: float, ends: float) -> bytes:
    return recorded()[2 * round(begins * RATE) : 2 * round(ends * RATE)]


@pytest.mark.parametrize(("begins", "ends"), SPOKEN)
def test_it_rises_above_its_noise_and_what_he_says_is_believed(begins: float, ends: float) -> None:
    loudness = Loudness()
    loudness.add(piece(max(0.0, begins - 0.3), ends + 0.5))
    assert loudness.rise > 15
    assert invented(Heard(text="thank you", no_speech=0.1), loudness.rise, ends - begins) == ""
    silence = Loudness()
    silence.add(piece(2.4, 3.1))
    assert invented(Heard(text="thank you", no_speech=0.7), silence.rise, 0.7)


@pytest.mark.virtual
async def test_each_phrase_becomes_an_utterance() -> None:
    events, clock = list[Event](), Clock()
    await Hearing("den", Settings(), ScriptedEar("ask not"), events.append, clock).run(Recording(room(), clock))
    spoken = [e for e in events if not isinstance(e, Transcript)]
    assert [type(e) for e in spoken] == [Onset, SpeechEnd, Utterance] * 3
    for (begins, ends), end in zip(SPOKEN, [e for e in events if isinstance(e, SpeechEnd)], strict=True):
        assert end.why == "silence"
        assert end.seconds == pytest.approx(ends - begins, abs=0.4)


async def understood(ear: PocketsphinxEar, pcm: bytes) -> Heard:
    async def speech() -> AsyncIterator[bytes]:
        for start in range(0, len(pcm), 3_200):
            yield pcm[start : start + 3_200]

    [heard] = [heard async for heard in ear.hear(speech(), "en")]
    return heard


async def test_the_embedded_ear_understands_much_of_it_and_says_that_it_guesses() -> None:
    ear = PocketsphinxEar(PocketsphinxSettings(), Kit())
    try:
        heard = [await understood(ear, piece(max(0.0, begins - 0.3), ends + 0.5)) for begins, ends in SPOKEN]
    finally:
        await ear.close()
    assert [each.uncertain for each in heard] == [True, True, True], "none of it is a command"
    assert "my fellow americans" in heard[0].text
    assert "not" in heard[1].text.split()
    assert "what you can do for your country" in heard[2].text
