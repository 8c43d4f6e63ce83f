"""What a stream must not voice, and what of a chat is not read.

The words themselves stay in the lists: tests take them from there.
"""

from collections.abc import AsyncIterator
from importlib.resources import files

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marotte.config import Moderation
from marotte.events import Event, Line, LineStopped
from marotte.mind.moderation import LANGUAGES, MOST_STOPPED, Moderator
from marotte.time import Clock

pytestmark = pytest.mark.anyio

MODERATOR = Moderator(Moderation())


def listed(name: str) -> list[str]:
    text = files("marotte.mind").joinpath(f"words/{name}.txt").read_text("utf-8")
    return [line for line in text.splitlines() if line and not line.startswith("#")]


async def stream(*lines: Line) -> AsyncIterator[Line]:
    for line in lines:
        yield line


def line(text: str, spoken: str = "", **more: object) -> Line:
    return Line(turn="t", shown=text, spoken=spoken or text, **more)  # type: ignore[arg-type]


BAD = Moderation(builtin=False, words={"en": ("blorp*", "zing zang"), "any": ("quux",), "fr": ("chose",)})
STRICT = Moderator(BAD)


@pytest.mark.parametrize("language", ["any", *LANGUAGES])
def test_every_listed_word_is_stopped_in_its_language(language: str) -> None:
    entries = listed(language)
    assert 25 <= len(entries) <= 80
    assert len(set(entries)) == len(entries)
    for entry in entries:
        word = entry.removesuffix("*")
        assert MODERATOR.judge(f"“{word.upper()}!”", language), entry
        assert MODERATOR.unread(f"{word}"), entry


@pytest.mark.parametrize("entry", listed("allow"))
def test_allowed_words_pass(entry: str) -> None:
    text = entry.removesuffix("*")
    assert all(not MODERATOR.judge(text, language) for language in LANGUAGES)


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "Scunthorpe, Essex, a cockpit, a class in analysis, a snigger, the Dickens, Dick van Dyke."),
        ("en", "Niger and Nigeria, a raccoon, the assassin, therapist, a shitake mushroom, flame retardant"),
        ("es", "El computador, disputa, la reputación, un putt, el cono, la negra noche, Rio Negro"),
        ("fr", "en retard, une dispute, le député, computer, pédestre, la réputation, concours"),
        ("zh", "操作系统，体操比赛，你能干什么，几把椅子，小日子，操场，干你的活，幼女战记"),
        (
            "ja",
            "パチンコ、ワンマンコンサート、ロマンコメディ、ガイジンさん、彼氏ね、必死ね、背中出して、グレイプフルーツ、課外授業",
        ),
        ("ja", "死ねない、ページがめくられる、チンチン電車、ヒューマンコミュニケーション"),
        (
            "ja",
            "ちびっこ広場、とびっこのお寿司、行きちがい、聞きちがい、一日中出しっぱなし、支援交流会、わてがやりまんねん",
        ),
        ("zh", "十字路口交通灯，开支那么大，做爱吃的菜，妈妈逼我写作业，祝生日你妈妈快乐，出口交货，你去死海了吗"),
        ("fr", "une salopette bleue, une tapette à mouches"),
        ("en", "in 1488, a niggardly sum"),
    ],
)
def test_innocent_words_pass(language: str, text: str) -> None:
    assert MODERATOR.judge(text, language) == ""
    assert MODERATOR.unread(text) == ""


@pytest.mark.parametrize(
    "text",
    [
        "Blorp!",
        "b l o r p",
        "b.l.o.r.p",
        "bl0rp",
        "BLOOOORP",
        "blоrp",
        "bló\u200brp",
        "blorping",
        "zing  zang",
        "Zing-zang",
        "quux",
    ],
)
def test_disguised_words_are_stopped(text: str) -> None:
    assert "on the list" in STRICT.judge(f"so {text} then", "en-US")
    assert "on the list" in STRICT.unread(f"so {text} then")


@pytest.mark.parametrize("text", ["blor", "a blor p", "zing", "zang zing", "quuxer", "chose"])
def test_other_words_pass(text: str) -> None:
    assert STRICT.judge(text, "en") == ""


@pytest.mark.parametrize("text", ["gato negro", "un café negro", "en retard", "Retard de 5 minutes"])
def test_a_neighbours_everyday_word_is_read(text: str) -> None:
    assert MODERATOR.unread(text) == ""
    assert MODERATOR.named("Rio Negro") == "Rio Negro"


@pytest.mark.parametrize("marks", [" ", ".", "*", "-", " * "])
def test_chinese_and_japanese_words_are_not_hidden_by_what_parts_them(marks: str) -> None:
    moderator = Moderator(Moderation(builtin=False, words={"zh": ("坏蛋人",), "ja": ("ぬけ",)}))
    assert moderator.judge(f"你 {marks.join('坏蛋人')}", "zh")
    assert moderator.unread(marks.join("ぬけ"))


def test_words_that_the_character_never_says() -> None:
    moderator = Moderator(Moderation(allow=("banana",)), never=("Banana", "秘密"))
    assert "never says" in moderator.judge("a banana split", "en")
    assert "never says" in moderator.judge("これは秘密だ", "ja")
    assert moderator.judge("bananas", "en") == ""
    assert moderator.unread("a banana split") == ""


def test_the_operator_may_allow_a_word_and_leave_the_lists_out() -> None:
    assert Moderator(Moderation(words={"en": ("blorp",)}, allow=("blorp fish",))).judge("a blorp fish", "en") == ""
    word = listed("en")[0].removesuffix("*")
    assert Moderator(Moderation(builtin=False)).judge(word, "en") == ""
    assert Moderator(Moderation(allow=(word,))).judge(word, "en") == ""


def test_a_word_without_letters_is_refused() -> None:
    with pytest.raises(ValueError, match=r"moderation\.words\.en: '\*'"):
        Moderator(Moderation(words={"en": ("*",)}))


def test_a_word_counts_only_where_the_text_may_be_in_its_language() -> None:
    moderator = Moderator(Moderation(builtin=False, words={"en": ("blorp",), "es": ("vale",)}))
    assert moderator.unread("blorp")
    assert moderator.unread("vale") == moderator.unread("esto vale mucho más") != ""
    assert moderator.unread("in the vale of tears there is hope") == ""


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("x " * 1000, "longer than 1,500 characters"),
        ("see https://example.com/x", "a link"),
        ("join ｅｘａｍｐｌｅ．ｃｏｍ", "a link"),
        ("example\u200b.com now", "a link"),
        ("WHY ARE YOU NOT ANSWERING", "too many capitals"),
        ("ПОЧЕМУ ТЫ МОЛЧИШЬ", "too many capitals"),
        ("aaaaaaaaaaaa", "the same again and again"),
        ("hahahahahahahahaha", "the same again and again"),
        ("go go go go go go go Go", "the same again and again"),
        ("哈哈哈哈哈哈哈哈", "the same again and again"),
    ],
)
def test_what_is_not_read(text: str, reason: str) -> None:
    assert MODERATOR.unread(text) == reason


@pytest.mark.parametrize(
    "text", ["", "GG WP", "LOL", "haha nice", "Ok.So what", "3.50", "WOW that was great", "wwww", "😀😀😀"]
)
def test_what_is_read(text: str) -> None:
    assert MODERATOR.unread(text) == ""


def test_limits_are_the_shows() -> None:
    moderator = Moderator(Moderation(links="allow", caps=1, repetition=20, longest=50))
    assert moderator.unread("WHY ARE YOU NOT ANSWERING example.com") == ""
    assert moderator.unread("a" * 19) == ""
    assert moderator.unread("ab" * 26) == "longer than 50 characters"
    assert moderator.judge("see example.com", "en") == ""
    assert MODERATOR.judge("see example.com", "en") == "a link"
    assert MODERATOR.judge("N" + "o" * 12 + "!", "en") == ""
    assert MODERATOR.judge("a" * 40, "en") == MODERATOR.judge("the " * 9, "en") == "the same again and again"


async def passed(moderator: Moderator, *lines: Line) -> list[str]:
    return [line.shown async for line in moderator.passed(stream(*lines))]


@pytest.mark.virtual
async def test_a_stopped_line_is_replaced_once_and_published() -> None:
    published: list[Event] = []
    clock = Clock(epoch=1_000_000.0)
    moderator = Moderator(BAD, publish=published.append, clock=clock)
    first, second = line("A blorp!", answers=("p1",)), line("quux")
    said = [said async for said in moderator.passed(stream(line("One."), first, line("Two."), second, line("Three.")))]
    assert [line.shown for line in said] == ["One.", said[1].shown, "Two.", "Three."]
    assert said[1].answers == ("p1",)
    assert said[1].turn == "t"
    assert said[1].id != first.id
    stopped, left_out = published
    assert isinstance(stopped, LineStopped)
    assert isinstance(left_out, LineStopped)
    assert (stopped.line, stopped.shown, stopped.substitute) == (first.id, "A blorp!", said[1].shown)
    assert stopped.until == pytest.approx(1_000_010.0)
    assert stopped.at == pytest.approx(1_000_000.0)
    assert (left_out.line, left_out.substitute) == (second.id, "")


async def test_what_a_second_stopped_line_would_have_answered_is_answered_by_a_substitute() -> None:
    lines = (line("A blorp!", answers=("p1",)), line("quux", answers=("p1",)), line("quux", answers=("p1", "p2")))
    said = [said async for said in Moderator(BAD).passed(stream(*lines, line("quux")))]
    assert [line.answers for line in said] == [("p1",), ("p1", "p2")]
    lines = (line("A blorp!"), line("Two."), line("quux", answers=("p1",)))
    assert [line.answers async for line in Moderator(BAD).passed(stream(*lines))] == [(), (), ("p1",)]


@pytest.mark.virtual
async def test_a_stopped_line_may_be_released_once_and_in_time() -> None:
    clock = Clock(epoch=0.0)
    moderator = Moderator(BAD, clock=clock)
    early, late = line("A blorp!"), line("quux")
    await passed(moderator, early, late)
    await clock.sleep(9.0)
    assert moderator.release(early.id) == early
    assert moderator.release(early.id) is None
    await clock.sleep(2.0)
    assert moderator.release(late.id) is None
    assert moderator.release("nobody") is None


async def test_stopped_lines_are_bounded() -> None:
    moderator = Moderator(BAD)
    lines = [line("quux") for _ in range(MOST_STOPPED + 10)]
    await passed(moderator, *lines)
    assert sum(moderator.release(each.id) is not None for each in lines) == MOST_STOPPED


async def test_shown_and_spoken_are_both_checked() -> None:
    moderator = Moderator(BAD)
    assert "blorp" not in await passed(moderator, line("blorp", spoken="fine"))
    assert "fine" not in await passed(moderator, line("fine", spoken="blorp"))


@pytest.mark.parametrize("lines", [("Now bl", "orp it."), ("It is zing.", "Zang!"), ("So I say bl-", "orp")])
async def test_a_word_over_two_lines_is_stopped(lines: tuple[str, ...]) -> None:
    published: list[Event] = []
    moderator = Moderator(BAD, publish=published.append)
    said = await passed(moderator, *map(line, lines))
    assert said[:-1] == list(lines[:-1])
    assert said[-1] != lines[-1]
    assert isinstance(published[0], LineStopped)
    assert published[0].reason.endswith("over two lines")


async def test_innocent_seams_pass() -> None:
    lines = ["Say qu.", "Uxen graze.", "Zang.", "Zing.", "And so on and so forth until all of it is said.", "The end."]
    assert await passed(Moderator(BAD), *map(line, lines)) == lines
    lines = ["昨日はパチンコ", "に行った。", "楽しかった。"]
    assert await passed(MODERATOR, *(line(text, language="ja") for text in lines)) == lines


@pytest.mark.parametrize("language", [*LANGUAGES, "de"])
async def test_substitutes_are_kind_and_change(language: str) -> None:
    moderator = Moderator(BAD)
    said = [(await passed(moderator, line("quux", language=language)))[0] for _ in range(4)]
    assert len(set(said[:3])) == 3
    assert said[3] == said[0]
    assert all(MODERATOR.judge(text, language) == "" for text in said)


async def test_the_shows_own_substitute() -> None:
    moderator = Moderator(BAD.model_copy(update={"substitute": {"de": "Hoppla!"}}))
    assert await passed(moderator, line("quux", language="de-AT")) == ["Hoppla!"]


async def test_giving_up_closes_the_source() -> None:
    closed: list[bool] = []

    async def source() -> AsyncIterator[Line]:
        try:
            yield line("One.")
            yield line("Two.")
        finally:
            closed.append(True)

    lines = Moderator(BAD).passed(source())
    assert (await anext(lines)).shown == "One."
    await lines.aclose()
    assert closed == [True]


@settings(max_examples=200)
@given(st.text(max_size=80), st.sampled_from(["en", "ja", "xx", ""]))
def test_any_text_is_judged(text: str, language: str) -> None:
    assert isinstance(MODERATOR.judge(text, language), str)
    assert isinstance(MODERATOR.unread(text), str)


@given(st.text(alphabet="abcdefghijklmnopqrstuvwxyz ", max_size=20), st.text(alphabet="abcdefghij ", max_size=20))
def test_a_stopped_word_is_found_wherever_it_stands(before: str, after: str) -> None:
    assert STRICT.judge(f"{before}, quux! {after}", "en")
