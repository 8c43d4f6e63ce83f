"""From sound to an utterance with everything real: flite speaks, Silero or WebRTC detects, PocketSphinx hears."""

import asyncio
import io
import os
import signal
import subprocess
import threading
from collections.abc import AsyncIterator
from functools import cache

import numpy as np
import psutil
import pytest
from pydantic import ValidationError

from marotte.config import Hearing as Settings
from marotte.engines.chains import EarChain
from marotte.engines.kinds import EngineUnsuited, Heard, Kit
from marotte.engines.program import Request
from marotte.engines.registry import Built
from marotte.events import Event, Onset, SpeechEnd, Transcript, Utterance, Viewer
from marotte.senses.hearing import endpoint
from marotte.senses.hearing.detectors import choose
from marotte.senses.hearing.ears.pocketsphinx import PocketsphinxEar, PocketsphinxSettings
from marotte.senses.hearing.ears.pocketsphinx_program import apart
from marotte.senses.hearing.hearing import Hearing
from marotte.senses.hearing.speech import RATE, Recording
from marotte.senses.hearing.wav import read_wav
from marotte.time import Clock
from tests.waiting import until

pytestmark = pytest.mark.anyio


@cache
def flite(text: str) -> np.ndarray:
    """Let flite (apt install flite) say it."""
    spoken = subprocess.run(
        ["flite", "-voice", "slt", "-t", text, "-o", "/dev/stdout"], check=True, capture_output=True
    )
    return np.frombuffer(read_wav(spoken.stdout), "<i2")


def room(*parts: str | float, snr: float = 50) -> bytes:
    """Return sentences and pauses in seconds, in white noise so many dB below the speech."""
    sounds = [flite(p) if isinstance(p, str) else np.zeros(int(p * RATE)) for p in parts]
    sound = np.concatenate(sounds).astype(float)
    loud = np.sqrt(np.mean(sound[np.abs(sound) > 100] ** 2))
    sound += np.random.default_rng(5).normal(0, loud / 10 ** (snr / 20), len(sound))
    return np.clip(sound, -32_768, 32_767).astype("<i2").tobytes()


@pytest.fixture(scope="module")
def anyio_backend() -> tuple[str, dict[str, object]]:
    return "asyncio", {}


@pytest.fixture(scope="module")
async def ear(anyio_backend: object) -> AsyncIterator[PocketsphinxEar]:
    kit = Kit(names=("Pip",), commands=("open the big curtain now", "praise zyxxo"))
    ear = PocketsphinxEar(PocketsphinxSettings(), kit)
    await ear.warm()
    yield ear
    await ear.close()


async def heard(ear: PocketsphinxEar, pcm: bytes, language: str = "en") -> Heard:
    async def speech() -> AsyncIterator[bytes]:
        for start in range(0, len(pcm), 3_200):
            yield pcm[start : start + 3_200]

    [heard] = [piece async for piece in ear.hear(speech(), language)]
    return heard


@pytest.mark.parametrize("detector", ["silero", "webrtc"])
async def test_from_a_microphone_to_an_utterance(
    ear: PocketsphinxEar, detector: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A machine that stalls gives nothing for a while, and then all at once.
    monkeypatch.setattr("marotte.senses.hearing.hearing.STALL", 60.0)
    monkeypatch.setattr("marotte.senses.hearing.hearing.AHEAD", 60.0)
    events: list[Event] = []
    clock = Clock()
    ada = Viewer(id="window:1", name="Ada")
    unhurried = PocketsphinxSettings(first_within=60, next_within=60)
    ears = EarChain([Built("pocketsphinx", ear, unhurried)], lambda event: None, clock)
    hearing = Hearing("den", Settings(detector=detector), ears, events.append, clock, ada)
    recording = Recording(room(0.6, "tell me a joke", 1.0), clock)
    await hearing.run(recording)
    told = [e for e in events if not (isinstance(e, Transcript) and e.settled)]
    assert [type(e) for e in told] == [Onset, SpeechEnd, Transcript, Utterance]
    _, end, transcript, utterance = told
    assert end.why == "silence"
    assert 0.6 < end.seconds < 1.4
    assert (transcript.text, transcript.final) == ("tell me a joke", True)
    assert (utterance.text, utterance.uncertain, utterance.viewer) == ("tell me a joke", False, ada)
    assert utterance.recognised >= 0.6, "the silence that ends a turn"
    assert await _silent(hearing, clock, events) == []


async def _silent(hearing: Hearing, clock: Clock, events: list[Event]) -> list[Event]:
    """Return what else comes of a second of an empty room."""
    events.clear()
    await hearing.run(Recording(bytes(RATE), clock))
    return events


@pytest.mark.parametrize(
    ("detector", "snr"), [("silero", 50), ("silero", 10), ("silero", 5), ("webrtc", 50), ("webrtc", 20)]
)
def test_two_sentences_are_two_turns_even_in_noise(detector: str, snr: float) -> None:
    settings = Settings(detector=detector)
    pcm = room(1.0, "tell me a joke", 1.2, "i bought a new bicycle yesterday", 1.2, snr=snr)
    machine = endpoint.Endpointer(settings, choose(settings))
    places: list[tuple[str, float]] = []
    for start in range(0, len(pcm), 640):
        for happened in machine.feed(pcm[start : start + 640]):
            if isinstance(happened, endpoint.Onset | endpoint.End):
                what = happened.why if isinstance(happened, endpoint.End) else "onset"
                places.append((what, (start + 640) / 2 / RATE))
    assert [what for what, _ in places] == ["onset", "silence", "onset", "silence"]
    audible = np.flatnonzero(np.abs(flite("tell me a joke")) > 500) / RATE
    begin, first_end = 1.0 + audible[0], 1.0 + audible[-1]
    assert begin < places[0][1] < begin + 0.25
    assert first_end + 0.5 < places[1][1] < first_end + 0.9


async def test_commands_are_known_and_the_rest_is_a_guess(ear: PocketsphinxEar) -> None:
    for command in (
        "sing a song",
        "who are you",
        "what do you see",
        "open the big curtain now",
        "hey pip tell me a joke",
    ):
        assert await heard(ear, room(0.3, command, 0.5)) == Heard(text=command, language="en")
    for other in ("the weather in paris is lovely today", "i bought a new bicycle yesterday"):
        guess = await heard(ear, room(0.3, other, 0.5))
        assert guess.uncertain
        assert len(set(guess.text.split()) & set(other.split())) >= 3


async def test_a_word_that_it_cannot_pronounce_is_told(ear: PocketsphinxEar) -> None:
    await heard(ear, room(0.3, "hello", 0.3))
    assert ear.unknown == ("zyxxo",)


async def test_an_empty_room_and_a_puff_of_breath_are_no_command(ear: PocketsphinxEar) -> None:
    rng = np.random.default_rng(2)
    room = rng.normal(0, 20, 2 * RATE)
    assert await heard(ear, room.astype("<i2").tobytes()) == Heard(text="", language="en")
    room[12_000:14_000] += rng.normal(0, 5_000, 2_000) * np.hanning(2_000)
    puff = await heard(ear, room.astype("<i2").tobytes())
    assert puff.uncertain or not puff.text


@pytest.mark.parametrize("phones", ["", "XX YY", "F UW1", "f uw", "F  UW"])
def test_sounds_that_crash_the_library_are_refused_in_the_show(phones: str) -> None:
    with pytest.raises(ValidationError, match=r"pronunciations\.zyxxo"):
        PocketsphinxSettings(pronunciations={"zyxxo": phones})


async def test_a_name_that_no_dictionary_has_is_known_by_its_sound() -> None:
    ear = PocketsphinxEar(PocketsphinxSettings(pronunciations={"zyxxo": "Z IH K S OW"}), Kit(names=("Zyxxo",)))
    try:
        assert (await heard(ear, room(0.3, "hello zixo", 0.3))).text == "hello zyxxo"
        assert ear.unknown == ()
        for nothing in (b"", bytes(2), bytes(640)):
            assert not (await heard(ear, nothing)).text
    finally:
        await ear.close()


async def test_a_search_that_is_cut_ends_and_the_model_stays(
    ear: PocketsphinxEar, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody goes on after a pause: nobody wants to know what the half sentence was."""
    monkeypatch.setattr("marotte.engines.child._GRACE", 4.0)  # the search would take twice as long
    program = psutil.Process(ear._child.pid)

    def spent() -> float:
        searching = [child.cpu_times().user for child in program.children()]
        return program.cpu_times().user + sum(searching)

    asking, before = asyncio.create_task(heard(ear, 20 * room(0.3, "my brother lives in a small house"))), spent()
    await until(lambda: spent() > before + 2.5, "the second of its searches, which is the long one")
    asking.cancel()
    await asyncio.gather(asking, return_exceptions=True)
    assert asking.cancelled()
    assert (await heard(ear, room(0.3, "sing a song", 0.5))).text == "sing a song"
    assert ear._child.pid == program.pid, "it obeyed and was not killed"
    assert program.children() == []


def asked() -> Request:
    return Request({"request": 1}, b"", io.BytesIO())


def test_work_is_done_apart_and_leaves_nothing_here() -> None:
    done: list[int] = []
    assert apart(lambda: {"pid": os.getpid(), "more": done.append(1)}, asked()) != {"pid": os.getpid(), "more": None}
    assert done == []


def test_work_that_fails_apart_fails_here() -> None:
    with pytest.raises(RuntimeError, match="the search ended with status 1"):
        apart(lambda: {"nothing": {}["such"]}, asked())
    with pytest.raises(RuntimeError, match="the search ended with status -9"):
        apart(lambda: os.kill(os.getpid(), signal.SIGKILL) or {}, asked())


def test_work_that_nobody_waits_for_ends_apart() -> None:
    request = asked()
    threading.Timer(0.1, request.cancel).start()
    ours, theirs = os.pipe()
    assert apart(lambda: {"never": threading.Event().wait()}, request) is None
    os.close(theirs)
    assert os.read(ours, 1) == b"", "nobody holds the other end: the copy is gone"
    os.close(ours)


async def test_other_languages_are_left_to_other_ears(ear: PocketsphinxEar) -> None:
    with pytest.raises(EngineUnsuited, match="only English, not 'fr'"):
        await heard(ear, bytes(3_200), "fr")
    assert (await heard(ear, room(0.3, "hello", 0.3), "en-GB")).text == "hello"
