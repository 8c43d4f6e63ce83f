"""How long silence is waited for, by words and by habit."""

import pytest

from marotte.config import Hearing
from marotte.senses.hearing.patience import Patience, shape


@pytest.mark.parametrize(
    ("text", "language", "times"),
    [
        ("", "en", 1),
        ("I would like a coffee.", "en", 0.6),
        ("Would you?", "en-GB", 0.6),
        ("I would like", "en", 1),
        ("I would like a", "en", 2),
        ("I was there, and", "en", 2),
        ("Well...", "en", 2),
        ("I was there and.", "en", 1),  # ears close every sentence with a mark
        ("Quiero un café pero", "es", 2),
        ("Quiero un café.", "es", 0.6),
        ("Je voudrais un", "fr", 2),
        ("C'est tout !", "fr", 0.6),
        ("我想喝咖啡。", "zh", 0.6),
        ("我想喝咖啡然后", "zh", 2),
        ("コーヒーを飲みたいけど", "ja", 2),
        ("コーヒーを飲みたいです。", "ja", 0.6),
        ("コーヒー", "ja", 1),
        ("Кофе и", "ru", 1),  # no list for it: only its marks tell
    ],
)
def test_the_shape_of_words(text: str, language: str, times: float) -> None:
    assert shape(text, language) == times


def test_silence_stays_within_its_bounds() -> None:
    patience = Patience(Hearing(silence=0.6, settle=0.2, longest_silence=1.0))
    assert patience.silence("I was there and", "en") == 1.0
    assert patience.silence("Yes.", "en") == pytest.approx(0.4)
    assert patience.silence("Yes.", "en", likely=1.0) == pytest.approx(0.4)
    assert patience.silence("I went", "en", likely=0.0) == pytest.approx(0.9)


def test_who_pauses_long_is_given_time() -> None:
    patience = Patience(Hearing(silence=0.6, settle=0.2, longest_silence=2.0))
    for _ in range(3):
        patience.paused(0.8)
    assert patience.silence("I went", "en") == pytest.approx(0.6)  # three pauses are no habit yet
    patience.paused(0.8)
    assert patience.silence("I went", "en") == pytest.approx(1.0)
    for _ in range(20):
        patience.paused(0.3)
    assert patience.silence("I went", "en") == pytest.approx(0.6)
