"""Emotes: read from sets, found in what people write, told to a brain, left out of what is heard."""

import json

import pytest

from marotte.events import ChatMessage, Emote, LineStarted, Send
from marotte.text.emotes import (
    MOST_FOUND,
    MOST_NAMES,
    SetError,
    Spelling,
    emoji_names,
    found,
    marked,
    read_set,
    unmarked,
    written,
)
from marotte.text.views import line, views
from tests.house import ADA, house
from tests.stand_ins import ScriptedBrain

SEVENTV = {"name": "catJAM", "data": {"host": {"url": "//cdn.7tv.app/emote/1", "files": [{"name": "2x.webp"}]}}}
PICTURES = {"Clap": "/emotes/1", "catJAM": "/emotes/2", ":tf:": "/emotes/3", "D:": "/emotes/4"}


def told(text: str, *emotes: Emote) -> str:
    return marked(text, emotes or found(text, PICTURES))


def test_a_set_of_7tv_is_read() -> None:
    names = {"catJAM": "https://cdn.7tv.app/emote/1/2x.webp"}
    assert read_set(json.dumps({"id": "s", "name": "n", "emotes": [SEVENTV]}).encode()) == names
    assert read_set(json.dumps({"id": "u", "emote_set": {"id": "s", "emotes": [SEVENTV]}}).encode()) == names


def test_a_set_of_bttv_is_read() -> None:
    emote = {"id": "54fa", "code": ":tf:", "imageType": "png", "animated": False}
    shared = {"id": "0b", "code": "monkaS"}
    assert read_set(json.dumps([emote]).encode()) == {":tf:": "https://cdn.betterttv.net/emote/54fa/2x"}
    user = {"id": "u", "channelEmotes": [emote], "sharedEmotes": [shared]}
    assert list(read_set(json.dumps(user).encode())) == [":tf:", "monkaS"]


def test_a_set_of_frankerfacez_is_read() -> None:
    still = {"id": 1, "name": "LilZ", "urls": {"1": "//cdn.frankerfacez.com/emote/1/1", "2": None}}
    moving = {**still, "name": "Dance", "animated": {"2": "https://cdn.frankerfacez.com/emote/1/animated/2"}}
    names = {
        "LilZ": "https://cdn.frankerfacez.com/emote/1/1",
        "Dance": "https://cdn.frankerfacez.com/emote/1/animated/2",
    }
    one = {"id": 3, "emoticons": [still, moving]}
    assert read_set(json.dumps({"set": one}).encode()) == names
    assert read_set(json.dumps({"default_sets": [3], "sets": {"3": one}}).encode()) == names


@pytest.mark.parametrize("data", [b"", b"<svg>", b"{}", b"3", b'"x"', b'{"emotes": 3}', b"[" * 100_000])
def test_what_is_no_set_is_refused_in_words(data: bytes) -> None:
    with pytest.raises(SetError, match=r"^x is no (JSON|set as 7TV, BTTV or FrankerFaceZ give it)$"):
        read_set(data, "x")


def test_what_is_no_emote_in_a_set_is_left_out() -> None:
    bad = ["a b", "", "x" * 51, "\u202eabc", "a\u200bb", 3, None, ["x"]]
    ids = [{"id": "../../etc", "code": "up"}, {"id": "1?x", "code": "ask"}, 3, None, {"code": "no id"}]
    assert read_set(json.dumps([*({"id": "1", "code": name} for name in bad), *ids]).encode()) == {}


def test_a_set_has_at_most_so_many_names() -> None:
    many = [{"id": f"{n}", "code": f"e{n}"} for n in range(MOST_NAMES + 5)]
    assert len(read_set(json.dumps(many).encode())) == MOST_NAMES


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("hi Clap", "hi :Clap:"),
        ("clap Clapping Clapx xClap", "clap Clapping Clapx xClap"),
        ("(catJAM), Clap! catJAM…", "(:catJAM:), :Clap:! :catJAM:…"),
        ("so :tf: D: then", "so :tf: D: then"),
        ("日本 Clap 語", "日本 :Clap: 語"),
        ("", ""),
    ],
)
def test_emotes_are_found_by_exact_word(text: str, expected: str) -> None:
    assert told(text) == expected


def test_a_flood_of_emotes_is_bounded() -> None:
    assert len(found("Clap " * 1_000, PICTURES)) == MOST_FOUND


def test_a_platforms_own_emote_counts_only_where_its_name_stands() -> None:
    assert told("Kappa hi", Emote("Kappa", 0, 5)) == ":Kappa: hi"
    assert told("hello world", Emote("Kappa", 0, 5), Emote("", 3, 3), Emote("lo", 999, 1001)) == "hello world"
    assert unmarked("Kappa hi Kappa", (Emote("Kappa", 0, 5), Emote("Kappa", 9, 14))) == "hi"


@pytest.mark.parametrize(
    ("said", "shown", "spoken", "named"),
    [
        ("Nice one :Kappa: you.", "Nice one :Kappa: you.", "Nice one you.", "Nice one Kappa you."),
        ("Nice :smile: one.", "Nice :smile: one.", "Nice one.", "Nice one."),
        ("PogChamp it is!", "PogChamp it is!", "it is!", "PogChamp it is!"),
        ("Clap your hands, Kappa.", "Clap your hands, Kappa.", "Clap your hands, Kappa.", "Clap your hands, Kappa."),
        ("KEKW, well.", "KEKW, well.", ", well.", "KEKW, well."),
        ("Party 🎉🎉 time!", "Party 🎉🎉 time!", "Party time!", "Party party popper time!"),
        ("At 10:30:45 a:b:c.", "At 10:30:45 a:b:c.", "At 10:30:45 a:b:c.", "At 10:30:45 a:b:c."),
    ],
)
def test_what_is_heard_of_emotes(said: str, shown: str, spoken: str, named: str) -> None:
    names = frozenset({"Kappa", "PogChamp", "Clap", "KEKW"})
    skipped, by_name = views(said, "en", Spelling(names)), views(said, "en", Spelling(names, named=True))
    assert (skipped.shown, by_name.shown) == (shown, shown)
    assert (skipped.spoken.strip(", "), by_name.spoken) == (spoken.strip(", "), named)


def test_emoji_are_named_in_english_only() -> None:
    by_name = Spelling(named=True)
    assert emoji_names("❤️🎉") == "heavy black heart, party popper"
    assert views("¡Hola 🎉!", "es", by_name).spoken == "¡Hola!"
    assert line("🎉", "en", "", by_name) is not None
    assert line("🎉") is None
    assert line(":Kappa: :Kappa:") is None


def test_a_chat_is_answered_with_emotes_as_it_writes_them() -> None:
    assert written("Thanks :Kappa: and :smile:!", ["Kappa"]) == "Thanks Kappa and :smile:!"


def test_a_message_says_where_its_emotes_stand() -> None:
    message = ChatMessage(text="well, Clap!", emotes=found("well, Clap!", PICTURES))
    (emote,) = message.emotes
    assert message.text[emote.start : emote.end] == emote.name == "Clap"


@pytest.mark.anyio
@pytest.mark.virtual
async def test_an_emote_goes_through_a_turn_and_back_into_its_chat() -> None:
    async with house(ScriptedBrain("Ha :Kappa: nice. :Kappa: :Kappa: Clap then :smile: all.")) as h:
        message = ChatMessage(text="look Kappa", viewer=ADA, link="test", emotes=(Emote("Kappa", 5, 10),))
        h.attention.offer(message)
        ending = await h.ending()
        assert '"look :Kappa:"' in h.brains[0].prompts[0].text
        lines = [(each.shown, each.spoken) for each in h.events.of(LineStarted)]
        assert lines == [
            ("Ha :Kappa: nice.", "Ha nice."),
            (":Kappa: :Kappa: Clap then :smile: all.", "Clap then all."),
        ]
        assert ending.heard == " ".join(shown for shown, _ in lines)
        assert h.events.of(Send)[0].text == "Ada: Ha Kappa nice. Kappa Kappa Clap then :smile: all."
