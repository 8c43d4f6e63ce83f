"""The faster-whisper ear with the real library in its own process, on models that say what a script wants."""

import asyncio
import sys
import threading
from collections.abc import AsyncIterator
from io import BytesIO
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from marotte.engines.kinds import EngineUnavailable, EngineUnsuited, Heard, Kit
from marotte.engines.program import Request
from marotte.events import Word
from marotte.senses.hearing.ears.faster_whisper import FasterWhisperEar, FasterWhisperSettings
from marotte.senses.hearing.ears.faster_whisper_program import Model
from tests.servers import scripted_faster_whisper

pytestmark = pytest.mark.anyio
SENTENCE = "what do you see skull"


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("ctranslate2") / "small"
    scripted_faster_whisper.write(folder, SENTENCE)
    return folder


@pytest.fixture
async def ear(model: Path) -> AsyncIterator[FasterWhisperEar]:
    ear = made(model)
    yield ear
    await ear.close()


def made(model: Path | str, **settings: object) -> FasterWhisperEar:
    return FasterWhisperEar(
        FasterWhisperSettings.model_validate({"model": str(model), "threads": 1, **settings}), Kit()
    )


async def noise(seconds: float) -> AsyncIterator[bytes]:
    samples = np.random.default_rng(1).integers(-3_000, 3_000, int(seconds * 16_000), dtype=np.int16)
    for start in range(0, len(samples), 320):
        yield samples[start : start + 320].tobytes()


async def heard(ear: FasterWhisperEar, seconds: float, language: str = "") -> list[Heard]:
    return [piece async for piece in ear.hear(noise(seconds), language)]


async def test_it_hears_turn_after_turn_and_knows_when_each_word_was_spoken(ear: FasterWhisperEar) -> None:
    [first] = await heard(ear, 4)
    assert (first.text, first.language, first.uncertain, first.final) == (SENTENCE, "en", False, True)
    assert 0 <= first.no_speech < 0.001
    assert first.words == (
        Word("what", 0, 8_000, 0),
        Word("do", 8_000, 16_000, 5),
        Word("you", 16_000, 24_000, 8),
        Word("see", 24_000, 32_000, 12),
        Word("skull", 32_000, 40_000, 16),
    )
    assert await heard(ear, 4, "en-GB") == [first]
    process = ear._child.pid
    await heard(ear, 0.3)
    assert ear._child.pid == process


async def test_silence_and_nothing_at_all_are_taken(ear: FasterWhisperEar) -> None:
    assert [piece.final for piece in await heard(ear, 0.0)] == [True]
    assert [piece.final for piece in await heard(ear, 0.02)] == [True]


async def test_it_says_the_language_and_how_likely_nobody_spoke(tmp_path: Path) -> None:
    scripted_faster_whisper.write(tmp_path / "m", "gracias por ver", "es", silent=0.7)
    ear = made(tmp_path / "m", words=False)
    try:
        [said] = await heard(ear, 3)
        assert (said.text, said.language, said.uncertain, said.words) == ("gracias por ver", "es", True, ())
        assert 0.6 < said.no_speech < 0.8
    finally:
        await ear.close()


async def test_a_language_that_the_model_does_not_know_is_for_another_ear(ear: FasterWhisperEar) -> None:
    with pytest.raises(EngineUnsuited, match="does not know the language 'tlh'"):
        await heard(ear, 1, "tlh")


async def test_a_turn_without_end_is_refused(ear: FasterWhisperEar) -> None:
    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield bytes(320_000)

    with pytest.raises(EngineUnsuited, match="more than 600 seconds"):
        [piece async for piece in ear.hear(endless(), "en")]


async def test_what_was_said_so_far_is_told_while_it_is_being_said(model: Path) -> None:
    ear, spoken = made(model, partials=1.0), asyncio.Event()

    async def speech() -> AsyncIterator[bytes]:
        async for piece in noise(1):
            yield piece
        await spoken.wait()  # nobody says any more until the first words were understood
        async for piece in noise(1):
            yield piece

    try:
        pieces: list[Heard] = []
        async for piece in ear.hear(speech(), ""):
            pieces.append(piece)
            spoken.set()
        assert [piece.final for piece in pieces] == [*[False] * (len(pieces) - 1), True]
        assert len(pieces) >= 2
        assert all(piece.text == SENTENCE and not piece.words for piece in pieces[:-1])
        assert pieces[-1].words
    finally:
        await ear.close()


async def test_beyond_one_window_only_the_last_reading_counts(model: Path) -> None:
    ear = made(model, partials=10.0)

    async def at_once() -> AsyncIterator[bytes]:
        yield bytes(2 * 16_000 * 31)

    try:
        pieces = [piece async for piece in ear.hear(at_once(), "en")]
        assert [piece.final for piece in pieces] == [True]
    finally:
        await ear.close()


class SlowLibrary:
    """Takes the library's place in the program: computes until it is let go."""

    def __init__(self) -> None:
        self.supported_languages = ["en"]
        self.computes, self.go_on = threading.Event(), threading.Event()
        self.read = 0

    def WhisperModel(self, *_: object, **__: object) -> "SlowLibrary":
        return self

    def transcribe(self, sound: np.ndarray, **_: object) -> tuple[list[object], SimpleNamespace]:
        self.read += 1
        self.computes.set()
        self.go_on.wait()
        return [], SimpleNamespace(language="en")


def test_a_cut_waits_for_no_library_and_the_next_turn_waits_for_both(monkeypatch: pytest.MonkeyPatch) -> None:
    library = SlowLibrary()
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")  # the program sets it for good
    monkeypatch.setitem(sys.modules, "faster_whisper", library)
    model = Model("m", "cpu", "int8", threads=1)
    asked, outs = {"language": "", "beam": 1, "words": False, "temperatures": [0.0]}, [BytesIO() for _ in range(3)]
    cut, waiting, after = (Request({"request": n, **asked}, b"", out) for n, out in enumerate(outs))
    threading.Thread(target=lambda: (library.computes.wait(), cut.cancel())).start()
    model.handle(cut)
    waiting.cancel()
    model.handle(waiting)
    library.go_on.set()
    model.handle(after)
    assert [out.getvalue() for out in outs[:2]] == [b"", b""]
    assert b'"segments":[]' in outs[2].getvalue().replace(b" ", b"")
    assert library.read == 2


@pytest.mark.parametrize(
    ("step", "temperatures"), [(0.2, [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]), (0.5, [0.0, 0.5, 1.0]), (0.0, [0.0])]
)
async def test_the_last_reading_takes_all_care_and_those_before_it_none(
    model: Path, monkeypatch: pytest.MonkeyPatch, step: float, temperatures: list[float]
) -> None:
    ear, asked = made(model, partials=1.0, beam_size=3, temperature_inc=step), list[dict[str, object]]()

    async def request(header: dict[str, object], payload: bytes) -> AsyncIterator[tuple[dict[str, object], bytes]]:
        asked.append(header)
        yield {"language": "en", "segments": []}, b""

    monkeypatch.setattr(ear._child, "request", request)
    try:
        await heard(ear, 1.5)
    finally:
        await ear.close()
    assert asked == [
        {"language": "", "beam": 1, "words": False, "temperatures": [0.0]},
        {"language": "", "beam": 3, "words": True, "temperatures": pytest.approx(temperatures)},
    ]


def test_without_the_library_it_says_how_to_get_it(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    settings = FasterWhisperSettings(model=str(model))
    assert "pip install 'marotte[faster-whisper]'" in FasterWhisperEar.check(settings, Kit())


@pytest.mark.parametrize(
    ("model", "reason"),
    [
        ("", "needs the folder or the name of a model"),
        ("small", "fetched once: hf download Systran/faster-whisper-small"),
        ("turbo", "hf download mobiuslabsgmbh/faster-whisper-large-v3-turbo"),
        ("distil-large-v3", "hf download Systran/faster-distil-whisper-large-v3"),
        ("somebody/else", "hf download somebody/else"),
    ],
)
async def test_without_a_model_it_says_so_and_downloads_nothing(
    model: str, reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    ear = made(model)
    assert reason in FasterWhisperEar.check(ear._settings, Kit())
    with pytest.raises(EngineUnavailable, match=reason):
        await heard(ear, 1)


async def test_a_model_that_was_fetched_before_is_found_by_its_name(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    kept = tmp_path / ".cache/huggingface/hub/models--Systran--faster-whisper-small"
    (kept / "refs").mkdir(parents=True)
    (kept / "refs/main").write_text("0a1b")
    (kept / "snapshots").mkdir()
    (kept / "snapshots/0a1b").symlink_to(model)
    ear = made("small")
    try:
        assert FasterWhisperEar.check(ear._settings, Kit()) == ""
        assert [piece.text for piece in await heard(ear, 1)] == [SENTENCE]
    finally:
        await ear.close()


async def test_a_folder_that_is_no_model_is_refused(model: Path, tmp_path: Path) -> None:
    for name in ("model.bin", "config.json"):
        (tmp_path / name).write_bytes(b"no model")
    with pytest.raises(EngineUnavailable, match=r"is no model for CTranslate2: no tokenizer\.json"):
        await heard(made(tmp_path), 1)
    (tmp_path / "tokenizer.json").write_bytes((model / "tokenizer.json").read_bytes())
    ear = made(tmp_path)
    try:
        with pytest.raises(EngineUnavailable, match=r"faster_whisper: the program ended .*model"):
            await heard(ear, 1)
    finally:
        await ear.close()
