"""Who spoils a chat is told by evidence that adds up; what people say every day never comes to a ban."""

import re
from importlib.resources import files
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marotte import config
from marotte.config_people import ORDINARY
from marotte.events import ChatMessage, Emote, Viewer
from marotte.mind.people import LISTS, Judge, Judgement

NUMBERS = count()
DEFAULT = config.People(on=True)
FAMOUS = "Best viewers on dogehype .com (remove the space)"


def message(
    text: str, who: str = "bob", *roles: str, first: bool = False, emotes: tuple[Emote, ...] = ()
) -> ChatMessage:
    viewer = Viewer(id=f"twitch:{who}", name=who, platform="twitch", roles=roles)
    return ChatMessage(
        id=f"twitch/{next(NUMBERS)}", viewer=viewer, text=text, first=first, emotes=emotes, link="twitch"
    )


def with_emotes(text: str, *names: str) -> tuple[Emote, ...]:
    """Mark every place of these names in a text, the last first."""
    places = [found for name in names for found in re.finditer(rf"(?<!\S){re.escape(name)}(?!\S)", text)]
    return tuple(Emote(found[0], found.start(), found.end()) for found in reversed(places))


def judged(text: str, *roles: str, first: bool = False, show: str = "") -> Judgement:
    settings = config.parse(f"[moderation.people]\non = true\n{show}").moderation.people
    return Judge(settings).judge(message(text, "bob", *roles, first=first), 0.0)


def kinds(found: Judgement) -> set[str]:
    return {one.kind for one in found.evidence}


# --- what people say is no spam


@pytest.mark.parametrize("word", sorted(ORDINARY))
@pytest.mark.parametrize("text", ["{}", "{}!", "I love to {} this {}", "what a {} http", "{0} {0} {0}"])
def test_a_newcomer_who_says_an_ordinary_word_is_let_alone(word: str, text: str) -> None:
    assert judged(text.format(word, word), first=True).action == ""


SAID = sorted((ORDINARY - {"com"}) | {"the", "a", "your", "I", "on", "my", "nice"})


@given(st.lists(st.sampled_from(SAID), max_size=12))
def test_no_mixture_of_ordinary_words_without_a_link_bans_a_newcomer(words: list[str]) -> None:
    found = Judge(DEFAULT).judge(message(" ".join(words), first=True), 0.0)
    assert found.action in ("", "delete")


@pytest.mark.parametrize(
    "text",
    [
        "You have the best viewers on Twitch, honestly!",
        "lol somebody in the other chat said dogehype again",
        "does the jump need the space bar. Live and learn",
        "I want to follow your channel, where can I view the older streams?",
        "GOOOOOAAAAAL WHAT A GAME",
        "¡Qué canal tan bonito! ¿Puedo seguirte?",
        "フォローしました！チャンネル最高です",
    ],
)
def test_a_regular_may_say_this(text: str) -> None:
    assert judged(text).action == ""


def test_a_crowd_that_cheers_is_no_spam() -> None:
    judge = Judge(DEFAULT)
    for n in range(500):
        assert judge.judge(message("LET'S GOOO", f"v{n % 200}"), n / 20).action == ""


EMOTES = "KEKWLAUGH OMEGALULPOG KEKWLAUGH PEPELAUGHING"


def test_a_crowd_that_writes_the_same_emotes_is_no_spam() -> None:
    judge, emotes = Judge(DEFAULT), with_emotes(EMOTES, "KEKWLAUGH", "OMEGALULPOG", "PEPELAUGHING")
    for n in range(40):
        assert judge.judge(message(EMOTES, f"v{n % 10}", first=True, emotes=emotes), n * 3.0).action == ""
        assert kinds(judge.judge(message(EMOTES, f"v{n % 10}", emotes=emotes), n * 3.0)) <= {"rate"}


def test_emotes_in_a_flood_of_messages_are_a_flood_all_the_same() -> None:
    judge, emotes = Judge(DEFAULT), with_emotes("KEKW", "KEKW")
    found = [judge.judge(message("KEKW", emotes=emotes), n / 10) for n in range(12)]
    assert kinds(found[-1]) == {"rate"}


def test_words_beside_emotes_count_as_ever() -> None:
    text = "KEKW cheap followers KEKW"
    assert kinds(Judge(DEFAULT).judge(message(text, emotes=with_emotes(text, "KEKW")), 0.0)) == {"phrase"}
    text = "KEKW WHAT ARE YOU DOING"
    assert kinds(Judge(DEFAULT).judge(message(text, emotes=with_emotes(text, "KEKW")), 0.0)) == {"capitals"}
    judge = Judge(DEFAULT)
    for n in range(4):  # whatever emotes stand around it, it is the same text
        text = "KEKW " * n + "please look at my wonderful new hat"
        found = judge.judge(message(text, f"v{n}", emotes=with_emotes(text, "KEKW")), float(n))
    assert kinds(found) == {"copies"}


@pytest.mark.parametrize("places", [((-5, 3), (2, 900)), ((3, 1), (0, 4), (1, 2)), ((10**9, 10**9 + 1),)])
def test_places_that_no_text_has_break_nothing(places: tuple[tuple[int, int], ...]) -> None:
    emotes = tuple(Emote("x", start, end) for start, end in places)
    assert Judge(DEFAULT).judge(message("cheap followers here", emotes=emotes), 0.0).action in ("", "delete")


# --- what spam says


@pytest.mark.parametrize(
    "text",
    [
        FAMOUS,
        "B e s t  v i e w e r s  on  D0GEHYPE .com",
        "Wanna become famous? Buy followers, primes and viewers on bigfollows . com !",
        "Ｂｅｓｔ ｖｉｅｗｅｒｓ ｏｎ ｄоgеhуpе dot com",
        "cheap viewers on streamboo (.) com",
    ],
)
def test_what_spam_says_bans_a_newcomer_however_it_is_written(text: str) -> None:
    found = judged(text, first=True)
    assert (found.action, "first" in kinds(found)) == ("ban", True)
    assert {"phrase", "name", "hidden_link"} & kinds(found)


def test_no_list_holds_an_ordinary_word_by_itself() -> None:
    for name in (*LISTS, "names"):
        text = files("marotte.mind").joinpath(f"words/spam-{name}.txt").read_text("utf-8")
        entries = [line for line in text.splitlines() if line and not line.startswith("#")]
        assert len(entries) == len(set(entries)) > 3
        for entry in entries:
            words = entry.removesuffix("*").split()
            assert len(words) >= 2 or (name == "names" and words[0] not in ORDINARY), entry


@pytest.mark.parametrize(
    ("text", "kind", "detail"),
    [
        ("see https://evil.example/x", "link", "evil.example"),
        ("see www.evil.com", "link", "evil.com"),
        ("go to evil .com", "hidden_link", "evil .com"),
        ("go to evil dot com", "hidden_link", "evil dot com"),
        ("go to evil (dot) com", "hidden_link", "evil (dot) com"),
        ("cheap followers here", "phrase", "cheap followers"),
        ("DOGEHYPE is good", "name", "dogehype"),
        ("WHAT ARE YOU DOING", "capitals", ""),
        ("h̷̛̛̘ello", "marks", ""),
    ],
)
def test_each_piece_of_evidence_is_told_with_what_it_is_about(text: str, kind: str, detail: str) -> None:
    found = judged(text)
    assert [(one.kind, one.detail) for one in found.evidence] == [(kind, detail)]
    assert found.score == getattr(DEFAULT.weights, kind)


def test_links_to_hosts_that_are_welcome_do_not_count() -> None:
    assert judged("https://clips.twitch.tv/Abc").evidence == ()
    assert judged("https://www.my.site/x", show='hosts = ["my.site"]').evidence == ()
    assert kinds(judged("https://notmy.site/x", show='hosts = ["my.site"]')) == {"link"}


def test_the_same_from_several_people_counts_within_its_window() -> None:
    judge = Judge(DEFAULT)
    texts = [f"join us all at the big party number {n} tonight friends" for n in range(4)]
    found = [judge.judge(message(text, f"v{n}"), float(n)) for n, text in enumerate(texts)]
    assert [kinds(one) for one in found] == [set(), set(), set(), {"copies"}]
    assert found[3].evidence[0].detail == "4 people"
    assert kinds(judge.judge(message(texts[0], "late"), 1_000.0)) == set()


OWLS = "OWL RAID OWL RAID OWL RAID HOOT HOOT twitch.tv/ada"


def test_a_raids_greeting_counts_neither_as_copied_nor_as_a_first_message() -> None:
    judge = Judge(DEFAULT)
    judge.raided("twitch", 100.0)
    for n in range(40):
        found = judge.judge(message(OWLS, f"v{n}", first=True), 100.0 + n)
        assert (found.action, kinds(found)) == ("", {"link"})
    for n in range(40):
        found = judge.judge(message(OWLS, f"w{n}", first=True), 280.0 + n)
    assert {"first", "copies"} <= kinds(found)


def test_what_is_no_greeting_counts_in_a_raid_too() -> None:
    judge = Judge(DEFAULT)
    judge.raided("twitch", 0.0)
    assert kinds(judge.judge(message(FAMOUS, first=True), 1.0)) == {"hidden_link", "phrase", "name"}
    for n in range(12):
        found = judge.judge(message(OWLS, "eve", first=True), 2.0 + n / 10)
    assert kinds(found) == {"link", "repeats", "rate"}


def test_a_raid_is_that_of_its_link_and_lasts_as_long_as_the_show_says() -> None:
    judge = Judge(DEFAULT)
    judge.raided("youtube", 0.0)
    assert kinds(judge.judge(message("hello", first=True), 1.0)) == {"first"}
    judge.raided("twitch", 0.0)
    assert kinds(judge.judge(message("hello", first=True), 1.0)) == set()
    judge.use(config.People(on=True, raid_grace=20))  # other settings end no raid
    assert kinds(judge.judge(message("hello", first=True), 19.0)) == set()
    assert kinds(judge.judge(message("hello", first=True), 20.0)) == {"first"}
    judge.forget()
    judge.use(DEFAULT)
    assert kinds(judge.judge(message("hello", first=True), 21.0)) == {"first"}
    judge.use(config.People(on=True, raid_grace=0))
    judge.raided("twitch", 30.0)
    assert kinds(judge.judge(message("hello", first=True), 30.0)) == {"first"}


def test_the_same_from_one_person_counts_by_itself() -> None:
    judge = Judge(DEFAULT)
    found = [judge.judge(message("please look at my wonderful new hat"), float(n)) for n in range(3)]
    assert [kinds(one) for one in found] == [set(), set(), {"repeats"}]


def test_who_writes_too_fast_is_told_from_who_writes_much() -> None:
    judge = Judge(DEFAULT)
    fast = [judge.judge(message(f"no {n}"), n / 10) for n in range(9)]
    assert [kinds(one) for one in fast] == [*[set()] * 8, {"rate"}]
    slow = [judge.judge(message(f"no {n}", "amy"), 100 + n * 1.5) for n in range(40)]
    assert all(one.evidence == () for one in slow)


# --- what it comes to


@pytest.mark.parametrize(
    ("text", "first", "action"),
    [
        ("hello", True, ""),
        ("look at https://a.example", True, ""),
        ("cheap followers", True, "delete"),
        ("cheap followers https://a.example", True, "timeout"),
        ("cheap followers at evil .com", True, "ban"),
    ],
)
def test_the_score_comes_to_what_the_show_declares(text: str, first: bool, action: str) -> None:
    found = judged(text, first=first)
    assert found.action == action
    assert found.seconds == (600 if action == "timeout" else 0)


def test_the_show_declares_weights_and_actions_of_its_own() -> None:
    show = '[moderation.people.weights]\nlink = 7\n[[moderation.people.actions]]\nscore = 7\naction = "warn"\n'
    found = judged("https://a.example", show=show)
    assert (found.score, found.action) == (7, "warn")
    assert judged(FAMOUS, first=True, show="actions = []").action == ""


def test_a_word_costs_its_seconds_and_only_as_a_whole_word() -> None:
    show = "words = {dota = 10, 'elden ring' = 30}"
    assert (judged("dota2 or DOTA?", show=show).action, judged("DOTA?", show=show).seconds) == ("timeout", 10)
    assert judged("anecdotal", show=show).action == ""
    found = judged("d0ta and elden-ring", show=show)
    assert (found.action, found.seconds, found.reason) == (
        "timeout",
        30,
        "A word that this chat does without, a word that this chat does without",
    )
    assert judged(FAMOUS + " dota", first=True, show=show).action == "ban"


def test_roles_and_allowed_viewers_are_never_judged() -> None:
    for role in ("operator", "moderator", "vip", "subscriber"):
        found = judged(FAMOUS, role, first=True)
        assert (found.action, found.evidence) == ("", ())
        assert role in found.exempt
    assert judged(FAMOUS, "subscriber", first=True, show='exempt = ["operator"]').action == "ban"
    assert judged(FAMOUS, first=True, show='allow = ["twitch:bob"]').exempt == "is allowed by the show"
    assert Judge(DEFAULT).judge(ChatMessage(text=FAMOUS, first=True), 0.0).action == ""


def test_who_is_spared_is_judged_no_more_until_they_are_again() -> None:
    judge = Judge(DEFAULT)
    judge.spare("twitch:bob")
    assert judge.judge(message(FAMOUS, first=True), 0.0).exempt == "a verdict on them was lifted"
    judge.spare("twitch:bob", False)
    assert judge.judge(message(FAMOUS, first=True), 0.0).action == "ban"


def test_a_message_that_comes_twice_is_judged_once() -> None:
    judge, twice = Judge(DEFAULT), message("please look at my wonderful new hat")
    assert len({judge.judge(twice, 0.0) for _ in range(10)}) == 1


def test_a_reason_repeats_neither_the_words_nor_the_name() -> None:
    reason = judged(FAMOUS, first=True).reason
    assert reason.startswith("A first message, a disguised link, a phrase of known spam")
    assert "dogehype" not in reason.lower()
    assert "bob" not in reason


def test_to_try_a_text_leaves_nothing_behind() -> None:
    judge = Judge(DEFAULT)
    for _ in range(20):
        tried = judge.tried("please look at my wonderful new hat", Viewer(id="twitch:bob", name="bob"), first=False)
        assert tried.evidence == ()
    assert judge.judge(message("please look at my wonderful new hat"), 0.0).evidence == ()


# --- bounds


def test_a_flood_is_kept_in_bounds() -> None:
    judge = Judge(DEFAULT)
    for n in range(12_000):
        judge.judge(message(f"a sentence that nobody else wrote {n} {n * 7} {n * 13}", f"v{n}"), n / 2_000)
        judge.raided(f"link {n}", n / 2_000)
    kept = vars(judge)
    assert max(len(kept[name]) for name in ("_copies", "_rates", "_texts", "_judged", "_raids")) <= 4_096


@given(st.text(max_size=3_000))
def test_no_text_breaks_it(text: str) -> None:
    Judge(DEFAULT).judge(message(text, first=True), 0.0)


# --- the settings


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('phrases = ["view"]', "'view' alone is no spam"),
        ('phrases = ["!!!"]', "'!!!' has no letter or digit"),
        ('words = {"..." = 10}', "'...' has no letter or digit"),
        ("words = {dota = 0}", "greater than or equal to 1"),
        ('[[moderation.people.actions]]\nscore = 5\naction = "timeout"', "a timeout needs its seconds"),
        ('[[moderation.people.actions]]\nscore = 5\naction = "ban"\nseconds = 5', "a timeout needs its seconds"),
        ('[[moderation.people.actions]]\nscore = 5\naction = "bann"', "did you mean 'ban'?"),
        ("[moderation.people.weights]\nlinks = 5", "did you mean 'link'?"),
        ('exempt = ["mods"]', "'mods' is not one of operator, moderator, vip, subscriber"),
        ("rehearsal = true", "did you mean 'rehearse'?"),
    ],
)
def test_a_mistake_names_its_line_and_its_reason(text: str, says: str) -> None:
    with pytest.raises(config.ShowError) as refused:
        config.parse(f"[moderation.people]\n{text}\n")
    assert says in str(refused.value)
    assert refused.value.mistakes[0].line >= 1


def test_nobody_is_judged_and_nothing_is_done_until_the_show_says_so() -> None:
    settings = config.Show().moderation.people
    assert (settings.on, settings.rehearse) == (False, True)
