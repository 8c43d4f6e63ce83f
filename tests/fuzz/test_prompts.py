"""Prompts and emotes: any template is taken or refused in words, no template unquotes, any set is read or refused."""

import json
import re

from hypothesis import given
from hypothesis import strategies as st

from marotte import config
from marotte.config_prompts import HOLES, Prompts
from marotte.events import ChatMessage, Emote, Gift, Redemption, Viewer
from marotte.mind.telling import describe
from marotte.text.emotes import MOST_NAMES, SetError, Spelling, found, marked, read_set, unmarked, written
from marotte.text.views import views
from tests.fuzz.hostile import hostile_text, looks, mutated, values

HOLE = st.sampled_from(sorted({f"{{{hole}}}" for holes in HOLES.values() for hole in holes}))
TEMPLATE = st.lists(
    HOLE | st.sampled_from(("{", "}", "[", "]", "{{", "}}", '"', "'", "\\", " ", "[joy]", "x")), max_size=20
)
SETS = tuple(
    json.dumps(one).encode()
    for one in (
        {"emotes": [{"name": "a", "data": {"host": {"url": "//cdn.7tv.app/emote/1", "files": [{"name": "2x.webp"}]}}}]},
        [{"id": "1a", "code": "b", "imageType": "png", "animated": False}],
        {"channelEmotes": [{"id": "1a", "code": "b"}], "sharedEmotes": []},
        {"sets": {"3": {"emoticons": [{"name": "c", "urls": {"1": "//cdn.frankerfacez.com/emote/1/1"}}]}}},
        {"set": {"emoticons": [{"name": "d", "urls": {"2": "x"}, "animated": {"2": "https://y"}}]}},
    )
)


def taken(kind: str, template: str) -> Prompts | None:
    try:
        return config.parse(f"[prompts]\n{kind} = {json.dumps(template)}\n").prompts
    except config.ShowError as refused:
        told = str(refused)
    assert re.match(rf"show\.toml:2: prompts\.{kind}: \S", told), told
    return None


@looks(400)
@given(st.sampled_from(("chat_message", "gift", "redemption")), TEMPLATE.map("".join), hostile_text, hostile_text)
def test_no_template_unquotes(kind: str, template: str, name: str, text: str) -> None:
    prompts = taken(kind, template)
    if prompts is None:
        return
    viewer = Viewer(id="x", name=f"NAME{name}")
    percept = {
        "chat_message": ChatMessage(viewer=viewer, text=f"TEXT{text}"),
        "gift": Gift(viewer=viewer, what=f"WHAT{text}", unit=f"UNIT{text}]", message=f"TEXT{text}"),
        "redemption": Redemption(viewer=viewer, reward=f"WHAT{text}", text=f"TEXT{text}"),
    }[kind]
    told = describe(percept, prompts)
    for mark, words in (("NAME", name), ("TEXT", text), ("WHAT", text), ("UNIT", f"{text}]")):
        whole = f"{mark}{words}"
        for quoted in {json.dumps(each[:1_500], ensure_ascii=False) for each in (whole, whole.strip())}:
            told = told.replace(quoted, "")
        assert mark not in told or re.fullmatch(r"[\w $€£¥.-]{1,30}", whole.strip())


@looks(300)
@given(mutated(SETS) | values.map(lambda value: json.dumps(value).encode()))
def test_any_set_is_read_or_refused(data: bytes) -> None:
    try:
        names = read_set(data)
    except SetError:
        return
    assert len(names) <= MOST_NAMES
    for name, picture in names.items():
        assert 1 <= len(name) <= 50
        assert not re.search(r"\s", name)
        assert picture.isascii()


@looks(300)
@given(hostile_text, st.lists(hostile_text.filter(bool), max_size=3), st.lists(st.integers(-5, 90), max_size=3))
def test_emotes_in_any_text_change_nothing_else(text: str, names: list[str], places: list[int]) -> None:
    pictures = dict.fromkeys([*names, *text.split()[:2]], "/emotes/x")
    emotes = found(text, pictures)
    for emote in emotes:
        assert text[emote.start : emote.end] == emote.name
    wrong = [Emote(name, at, at + 1) for name, at in zip(names, places, strict=False)]
    assert marked(text, emotes).replace(":", "") == text.replace(":", "")
    for told in (marked(text, wrong), unmarked(text, emotes), written(text, names)):
        assert len(told) <= 2 * len(text) + 2
    for named in (False, True):
        views(text, "en", Spelling(frozenset(names), named))
