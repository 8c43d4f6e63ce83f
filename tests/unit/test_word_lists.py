"""Words of one's own: kept in files, checked, bounded, undone; and moderation that goes by them at once."""

import re
from pathlib import Path

import pytest

from marotte.config import Moderation
from marotte.mind.moderation import Moderator, Rules
from marotte.mind.word_lists import MOST_WORDS, WordLists


def test_a_list_is_kept_and_read_again(tmp_path: Path) -> None:
    lists = WordLists(tmp_path / "words")
    assert lists.lists == {}
    lists.keep("en", lists.changed("en", ["blorp", "  two  words ", "", "blorp"])["en"])
    assert (tmp_path / "words" / "en.txt").read_text("utf-8") == "blorp\ntwo words\n"
    assert WordLists(tmp_path / "words").lists == {"en": ("blorp", "two words")}


def test_an_empty_list_leaves_no_file(tmp_path: Path) -> None:
    lists = WordLists(tmp_path)
    lists.keep("ja", ("やめて",))
    lists.keep("ja", lists.changed("ja", []).get("ja", ()))
    assert lists.lists == {}
    assert list(tmp_path.iterdir()) == []


def test_changes_are_undone_one_by_one(tmp_path: Path) -> None:
    lists = WordLists(tmp_path)
    lists.keep("en", ("one",))
    lists.keep("en", ("one", "two"))
    lists.keep("any", ("three",))
    lists.keep("any", ("three",))
    assert lists.last == ("any", ())
    lists.undo()
    lists.undo()
    assert lists.lists == {"en": ("one",)}
    lists.undo()
    assert lists.lists == {}
    assert lists.last is None


def test_what_can_be_undone_is_bounded(tmp_path: Path) -> None:
    lists = WordLists(tmp_path)
    for n in range(60):
        lists.keep("en", (f"word{n}",))
    undone = 0
    while lists.last is not None:
        lists.undo()
        undone += 1
    assert undone == 50


@pytest.mark.parametrize(
    ("name", "words", "says"),
    [
        ("en", ["fine", "!!"], "'!!' has no letter or digit"),
        ("en", ["x" * 101], "longer than 100 characters"),
        ("en", [f"word{n}" for n in range(MOST_WORDS + 1)], "2,001 words in all lists together"),
        ("../evil", ["x"], "'../evil' is no list"),
        ("en-US", ["x"], "is no list"),
        ("", ["x"], "is no list"),
    ],
)
def test_a_mistake_is_told_with_its_word_and_nothing_changes(tmp_path: Path, name, words, says) -> None:
    lists = WordLists(tmp_path)
    with pytest.raises(ValueError, match=re.escape(says)):
        lists.changed(name, words)
    assert lists.lists == {}
    assert list(tmp_path.iterdir()) == []


def test_a_file_with_a_mistake_is_named(tmp_path: Path) -> None:
    (tmp_path / "en.txt").write_text("fine\n***\n", "utf-8")
    with pytest.raises(ValueError, match=r"en\.txt: '\*\*\*' has no letter or digit"):
        WordLists(tmp_path)


def test_other_rules_hold_at_once() -> None:
    moderator = Moderator(Moderation())
    assert moderator.judge("what a blorp", "en") == ""
    moderator.rules = Rules(Moderation(), own={"en": ("blorp",), "pt": ("chato",)})
    assert moderator.judge("what a blorp", "en") == "'blorp' is on the list 'en'"
    assert moderator.judge("um chato", "pt") == "'chato' is on the list 'pt'"
    moderator.rules = Rules(Moderation(words={"en": ("blorp",)}), own={"allow": ("blorp fish",)})
    assert moderator.judge("a blorp fish", "en") == ""
    assert moderator.judge("a blorp", "en") == "'blorp' is on the list 'en'"
    assert "blorp fish" in moderator.rules.words["allow"]
