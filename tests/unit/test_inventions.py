"""What Whisper invents is told from what somebody said, and never by a list of phrases alone."""

import math
import tomllib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from marotte.engines.kinds import Heard
from marotte.senses.hearing import inventions
from marotte.senses.hearing.inventions import Loudness, invented, known, loops

LISTS = tomllib.loads(Path(inventions.__file__).with_name("inventions.toml").read_text("utf-8"))
CLEAR, FAINT, FLAT = 25.0, 8.0, 2.0
ENDINGS = (
    "Thank you for watching!",
    "Subtitles by the Amara.org community",
    "¡Suscribete al canal!",
    "Sous-titrage ST' 501",
    "请不吝点赞 订阅 转发 打赏支持明镜与点点栏目",
    "字幕by索兰娅",
    "ご視聴ありがとうございました。",
    "Thank you. Please subscribe. Bye!",
)
SAID = (
    "Thank you.",
    "you",
    "Bye. Bye.",
    "¡Gracias!",
    "Merci beaucoup",
    "谢谢大家",
    "ありがとうございました",
    "Thank you. Bye!",
)


@pytest.mark.parametrize("text", [*ENDINGS, *SAID])
def test_what_is_clearly_spoken_is_believed_whatever_it_is(text: str) -> None:
    assert invented(Heard(text=text, no_speech=0.05), CLEAR, 2.0) == ""
    assert invented(Heard(text=text)) == ""


@pytest.mark.parametrize("text", ENDINGS)
def test_the_end_of_a_video_needs_one_thing_that_speaks_against_it(text: str) -> None:
    assert "rises only 8 dB" in invented(Heard(text=text, no_speech=0.01), FAINT, 2.0)
    assert "probability of 0.30" in invented(Heard(text=text, no_speech=0.3), CLEAR, 2.0)
    assert "doubts" in invented(Heard(text=text, uncertain=True), CLEAR, 2.0)


@pytest.mark.parametrize("text", SAID)
def test_what_people_say_too_needs_more(text: str) -> None:
    for believed in (
        (Heard(text=text, no_speech=0.05), FAINT),
        (Heard(text=text), FAINT),
        (Heard(text=text, no_speech=0.4), CLEAR),
        (Heard(text=text, uncertain=True), CLEAR),
    ):
        assert invented(*believed, 1.0) == ""
    assert "rises only 2 dB" in invented(Heard(text=text, no_speech=0.01), FLAT, 1.0)
    assert "rises only 8 dB" in invented(Heard(text=text, no_speech=0.3), FAINT, 1.0)
    assert "probability of 0.70" in invented(Heard(text=text, no_speech=0.7), CLEAR, 1.0)


def test_any_words_out_of_nothing_are_an_invention_and_faint_words_are_not() -> None:
    words = "What do you see over there?"
    assert "rises only 2 dB" in invented(Heard(text=words, no_speech=0.8), FLAT, 2.0)
    assert invented(Heard(text=words, no_speech=0.8), CLEAR, 2.0) == ""
    assert invented(Heard(text=words, no_speech=0.3, uncertain=True), FLAT, 2.0) == ""
    assert invented(Heard(text=words), FLAT, 2.0) == ""


@pytest.mark.parametrize(
    ("text", "times"),
    [
        ("you you you you", 4),
        ("You, you. YOU you you", 5),
        ("je ne sais pas, je ne sais pas, je ne sais", 2),
        ("I am here. I am here. I am here. I am here. I", 4),
        ("我会上课我会上课我会上课我会上课我会", 4),
        ("はい、はい、はい、はい", 4),
        ("hahahahaha", 1),
        ("no, no, no, I said", 1),
        ("hello", 1),
        ("", 1),
        ("…!", 1),
    ],
)
def test_loops_are_counted(text: str, times: int) -> None:
    assert loops(text) == times


def test_text_without_end_is_judged_at_once() -> None:
    assert loops("a b " * 100_000 + "c") == 1
    assert loops("you " * 100_000) == 100_000
    assert known("you " * 100_000) == ""


def test_a_loop_is_removed_only_where_something_speaks_against_it() -> None:
    loop = "I don't know. I don't know. I don't know. I don't know."
    assert invented(Heard(text=loop, no_speech=0.05), CLEAR, 4.0) == ""
    assert "repeats itself" in invented(Heard(text=loop, no_speech=0.05), FAINT, 4.0)
    assert "repeats itself" in invented(Heard(text=loop, uncertain=True), CLEAR, 4.0)
    assert invented(Heard(text="No, no, no!", no_speech=0.3), FAINT, 2.0) == ""


def test_nobody_says_so_much_in_so_short_a_time() -> None:
    story = "and then she said that the whole of the second act would have to be written anew " * 2
    assert "so much in 0.5 s" in invented(Heard(text=story, no_speech=0.01), CLEAR, 0.5)
    assert "so much in 0.4 s" in invented(Heard(text="谢谢观看" * 12, language="zh", no_speech=0.01), CLEAR, 0.4)
    assert invented(Heard(text=story, no_speech=0.01), CLEAR, 4.0) == ""
    assert invented(Heard(text=story), CLEAR, 0.0) == ""


@pytest.mark.parametrize(
    "text",
    [
        "Thank you for watching the kids.",
        "Thank you, that was funny!",
        "Do you see me?",
        "Subtitles by me are wrong, so tell me what the second line of the song really is",
        "Gracias, nos vemos mañana",
        "Merci d'avoir relu le document",
        "谢谢你的帮助",
        "ありがとう、マロット",
        "",
        "…",
    ],
)
def test_a_phrase_within_a_sentence_is_a_sentence(text: str) -> None:
    assert known(text) == ""


def test_nothing_is_made_of_no_words() -> None:
    assert invented(Heard(text="  ", no_speech=0.99), FLAT, 1.0) == ""


@pytest.mark.parametrize("language", ["en", "es", "fr", "zh", "ja"])
def test_every_phrase_of_the_lists_is_known_as_what_it_is_listed(language: str) -> None:
    table = LISTS[language]
    assert table.keys() == {"credits", "said"}
    assert all(known(phrase.replace("…", " Ada")) == "credits" for phrase in table["credits"])
    assert all(known(phrase) == "said" for phrase in table["said"])
    assert len(table["credits"]) >= 15


def sound(*parts: tuple[float, float]) -> bytes:
    """Return noise of so many seconds at such a level, 0 to 32767, one part after another."""
    rng = np.random.default_rng(3)
    pieces = [rng.normal(0, level, int(seconds * 16_000)) for seconds, level in parts]
    return np.concatenate(pieces).clip(-32_768, 32_767).astype("<i2").tobytes()


def rise(pcm: bytes, piece: int = 640) -> float:
    loudness = Loudness()
    for start in range(0, len(pcm), piece):
        loudness.add(pcm[start : start + piece])
    return loudness.rise


def test_what_rises_above_the_noise_around_it_is_measured() -> None:
    assert 19 < rise(sound((0.3, 100), (1.0, 1_000), (0.6, 100))) < 22
    assert 39 < rise(sound((0.3, 30), (0.3, 3_000), (0.6, 30))) < 42


@pytest.mark.parametrize("level", [0, 2, 50, 3_000])
def test_steady_noise_and_silence_do_not_rise(level: float) -> None:
    assert 0 <= rise(sound((3.0, level))) < 1.5


def test_a_click_is_no_rise_and_a_microphone_that_is_off_between_words_is_no_infinite_one() -> None:
    assert rise(sound((1.0, 100), (0.02, 20_000), (1.0, 100))) < 2
    assert 35 < rise(sound((1.0, 0), (1.0, 1_000))) < 45


def test_too_little_sound_tells_nothing() -> None:
    assert rise(b"") == math.inf
    assert rise(sound((0.1, 500))) == math.inf


@given(st.integers(1, 4_000))
def test_it_does_not_matter_in_which_pieces_the_sound_comes(size: int) -> None:
    pcm = sound((0.2, 50), (0.4, 900))
    assert rise(pcm, size) == pytest.approx(rise(pcm))
