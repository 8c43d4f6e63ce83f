"""The whisper.cpp ear with the real library in its own process, on models that say what a script wants."""

from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest
from msgspec.structs import replace

from marotte.engines.kinds import EngineUnavailable, Heard, Kit
from marotte.senses.hearing.ears.whispercpp import WhisperCppEar, WhisperCppSettings
from tests.servers import scripted_whisper

pytestmark = pytest.mark.anyio
SENTENCE = "what do you see skull"


@pytest.fixture(scope="module")
def english(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("whisper") / "english.bin"
    scripted_whisper.write(path, SENTENCE)
    return path


async def noise(seconds: float) -> AsyncIterator[bytes]:
    samples = np.random.default_rng(1).integers(-3_000, 3_000, int(seconds * 16_000), dtype=np.int16)
    for start in range(0, len(samples), 320):
        yield samples[start : start + 320].tobytes()


async def heard(ear: WhisperCppEar, seconds: float, language: str) -> list[Heard]:
    """Return what it hears; when each word was spoken has its own test."""
    return [replace(piece, words=()) async for piece in ear.hear(noise(seconds), language)]


async def test_it_hears_turn_after_turn_in_one_process(english: Path) -> None:
    ear = WhisperCppEar(WhisperCppSettings(model=str(english), threads=1), Kit())
    try:
        assert await heard(ear, 2, "en-GB") == [Heard(text=SENTENCE, language="en")]
        assert await heard(ear, 0.3, "") == [Heard(text=SENTENCE, language="en")]
    finally:
        await ear.close()
    with pytest.raises(EngineUnavailable, match="closed"):
        await heard(ear, 1, "en")


async def test_it_says_when_each_word_was_spoken(english: Path) -> None:
    ear = WhisperCppEar(WhisperCppSettings(model=str(english), threads=1), Kit())
    try:
        [piece] = [piece async for piece in ear.hear(noise(2.5), "en")]
    finally:
        await ear.close()
    assert [(word.text, word.offset) for word in piece.words] == [
        ("what", 0), ("do", 5), ("you", 8), ("see", 12), ("skull", 16),
    ]  # fmt: skip
    times = [time for word in piece.words for time in (word.start, word.end)]
    assert times == sorted(times)
    assert times[0] == 0
    assert 16_000 < times[-1] <= 40_000


async def test_letters_that_are_spread_over_tokens_are_put_together(tmp_path: Path) -> None:
    scripted_whisper.write(tmp_path / "m.bin", "\u4f60\u597d", "zh", split=True)
    ear = WhisperCppEar(WhisperCppSettings(model=str(tmp_path / "m.bin"), threads=1), Kit())
    try:
        [piece] = [piece async for piece in ear.hear(noise(2), "zh")]
    finally:
        await ear.close()
    assert piece.text == "\u4f60\u597d"
    assert [word.text for word in piece.words] == ["\u4f60", "\u597d"]


async def test_it_finds_out_the_language(tmp_path: Path) -> None:
    scripted_whisper.write(tmp_path / "m.bin", "hola a todos", "es")
    ear = WhisperCppEar(WhisperCppSettings(model=str(tmp_path / "m.bin"), threads=1), Kit())
    try:
        assert await heard(ear, 2, "") == [Heard(text="hola a todos", language="es")]
    finally:
        await ear.close()


async def test_a_noise_in_brackets_is_no_word(tmp_path: Path) -> None:
    scripted_whisper.write(tmp_path / "m.bin", "[BLANK_AUDIO]")
    ear = WhisperCppEar(WhisperCppSettings(model=str(tmp_path / "m.bin"), threads=1), Kit())
    try:
        assert await heard(ear, 1.5, "en") == [Heard(text="", language="en")]
    finally:
        await ear.close()


@pytest.mark.parametrize(
    ("model", "reason"),
    [("", "needs the path"), ("/none/ggml.bin", "cannot read the model at /none/ggml.bin: No such file")],
)
async def test_without_a_model_it_says_so_and_downloads_nothing(model: str, reason: str) -> None:
    settings = WhisperCppSettings(model=model)
    assert reason in WhisperCppEar.check(settings, Kit())
    with pytest.raises(EngineUnavailable, match=reason):
        await heard(WhisperCppEar(settings, Kit()), 1, "")


async def test_a_file_that_is_no_model_is_refused(tmp_path: Path) -> None:
    (tmp_path / "m.bin").write_bytes(b"this is no model" * 100)
    ear = WhisperCppEar(WhisperCppSettings(model=str(tmp_path / "m.bin")), Kit())
    with pytest.raises(EngineUnavailable, match=r"m\.bin is no model in whisper\.cpp's format"):
        await heard(ear, 1, "en")


@pytest.fixture
def half(english: Path, tmp_path: Path) -> Path:
    (tmp_path / "half.bin").write_bytes(english.read_bytes()[:3_000_000])
    return tmp_path / "half.bin"


async def test_a_model_that_is_cut_short_takes_only_its_own_process_down(half: Path) -> None:
    ear = WhisperCppEar(WhisperCppSettings(model=str(half)), Kit())
    try:
        with pytest.raises(EngineUnavailable, match=r"whispercpp: the program .*failed to load model"):
            await heard(ear, 1, "en")
    finally:
        await ear.close()


def test_a_model_of_the_users_own_is_found_at_home(english: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(english.parent))
    assert WhisperCppEar.check(WhisperCppSettings(model="~/english.bin"), Kit()) == ""
