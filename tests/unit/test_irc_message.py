import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marotte.events import ChatMessage, Gift, Raid, Subscription, decode, encode
from marotte.links.irc import message as message_module
from marotte.links.irc.message import (
    LONGEST,
    Message,
    Splitter,
    chat_message,
    clean,
    fit,
    is_target,
    parse,
    parts,
    plain,
    unescape,
)
from marotte.links.irc.percepts import percept

NOW = 1_800_000_000.0


def chat(line: str | bytes, link: str = "libera") -> ChatMessage | None:
    message = parse(line)
    assert message is not None
    return chat_message(message, link, NOW)


def one(line: str) -> ChatMessage:
    found = chat(line)
    assert found is not None
    return found


# --- parsing -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("PING", Message("", "", "PING", ())),
        ("ping :a b\r\n", Message("", "", "PING", ("a b",))),
        (":s 001 me :Hi: there :)", Message("", "s", "001", ("me", "Hi: there :)"))),
        (":n!u@h PRIVMSG #c hello", Message("", "n!u@h", "PRIVMSG", ("#c", "hello"))),
        (":n!u@h PRIVMSG #c :", Message("", "n!u@h", "PRIVMSG", ("#c", ""))),
        (":n!u@h PRIVMSG #c ::)", Message("", "n!u@h", "PRIVMSG", ("#c", ":)"))),
        (":n!u@h  PRIVMSG   #c  :a  b ", Message("", "n!u@h", "PRIVMSG", ("#c", "a  b "))),
        ("@a=1  :s CMD x", Message("a=1", "s", "CMD", ("x",))),
        ("@a=1;b= :s CMD", Message("a=1;b=", "s", "CMD", ())),
        (":s CMD a:b :c", Message("", "s", "CMD", ("a:b", "c"))),
        ("CMD \u3000wide\x0b", Message("", "", "CMD", ("\u3000wide\x0b",))),
    ],
)
def test_lines_are_taken_apart(line: str, expected: Message) -> None:
    assert parse(line) == expected
    assert parse(line.encode()) == expected


@pytest.mark.parametrize(
    "line", ["", " ", "\r\n", ":", ":only", "@", "@a=1", "@a=1 ", ": ", "@a=1 :src", "!!", "é x", ":s :x"]
)
def test_what_is_no_message_is_none(line: str) -> None:
    assert parse(line) is None


def test_the_source_is_taken_apart() -> None:
    message = Message("", "ada!a@host.example", "X", ("p",))
    assert (message.nick, message.user, message.host) == ("ada", "a", "host.example")
    assert Message("", "irc.test", "X", ()).nick == "irc.test"
    assert Message("", "ada@host", "X", ()).nick == "ada"
    assert (message.param(0), message.param(3), message.text) == ("p", "", "p")


@pytest.mark.parametrize(
    ("raw", "tags"),
    [
        ("a;b=1", {"a": "", "b": "1"}),  # kills one peer's receiving task
        ("a=1=2;b=x==", {"a": "1=2", "b": "x=="}),  # another cuts at the second "="
        (r"system-msg=A\ssubscribed\:\sagain", {"system-msg": "A subscribed; again"}),
        (r"a=\s\s;b=x", {"a": "  ", "b": "x"}),
        (r"a=\:;b=x", {"a": ";", "b": "x"}),
        (r"a=\\s;b=\\\s;c=\\\\;d=\r\n", {"a": r"\s", "b": "\\ ", "c": "\\\\", "d": "\r\n"}),
        (r"a=\b\t\u0041\/;b=x\ ".strip(), {"a": "btu0041/", "b": "x"}),  # unknown escapes, and a lone one at the end
        ('a="', {"a": '"'}),
        ("a=1;a=2", {"a": "2"}),
        (";;a=1;", {"a": "1"}),
        ("+example.com/x=é世", {"+example.com/x": "é世"}),
        ("a=\x01\x1f", {"a": "\x01\x1f"}),
    ],
)
def test_tags(raw: str, tags: dict[str, str]) -> None:
    message = parse(f"@{raw} X")
    assert message is not None
    assert message.tags == tags


def test_bytes_that_are_no_utf8_are_read_as_latin1_and_spoil_nothing_else() -> None:
    line = "@display-name=Zoë世;x=".encode() + b"\xe9\xff :n!u@h PRIVMSG #c :caf\xe9 \xe4\xb8\x96 ok \xe4\xb8"
    message = parse(line)
    assert message is not None
    assert message.tags == {"display-name": "Zoë世", "x": "éÿ"}
    assert message.text == "café 世 ok \ufffd"  # the last character was cut by the server


def test_a_character_that_is_cut_does_not_reach_into_the_next_part_of_the_line() -> None:
    message = parse(b":n!u@\xe4\xb8 PRIVMSG #caf\xe9\xe4\xb8 :\xb8\x96 ok\r\n")
    assert message == Message("", "n!u@\ufffd", "PRIVMSG", ("#café\ufffd", "¸\x96 ok"))


def test_a_line_that_is_too_long_is_none() -> None:
    assert parse(b"PRIVMSG #c :" + b"x" * (LONGEST - 12)) is not None
    assert parse(b"PRIVMSG #c :" + b"x" * (LONGEST - 11)) is None


@given(st.binary(max_size=300))
def test_no_bytes_raise(data: bytes) -> None:
    for line in (data, b"@" + data, b"@" + data + b" :n!u@h PRIVMSG #c :" + data, b":n!u@h " + data):
        message = parse(line)
        if message is not None:
            found = percept(message, "x", NOW)
            assert found is None or decode(encode(found)) == found
            assert message.command.isascii()


@given(st.text(max_size=100))
def test_no_text_raises(text: str) -> None:
    for line in (text, f"@{text} X", f"@tmi-sent-ts={text};badges={text};time={text} :n!u@h PRIVMSG #c :{text}"):
        message = parse(line)
        assert message is None or percept(message, "x", NOW) is None or message.command == "PRIVMSG"


_KEYS = st.text("abcdefghijklmnopqrstuvwxyz-+/.", min_size=1, max_size=12)
_VALUES = st.text(st.characters(exclude_characters="\0", exclude_categories=("Cs",)), max_size=30)
_MIDDLE = st.text(st.characters(exclude_characters="\0\r\n :", exclude_categories=("Cs",)), min_size=1, max_size=10)
_TRAILING = st.text(st.characters(exclude_characters="\0\r\n", exclude_categories=("Cs",)), max_size=40)


def escape(value: str) -> str:
    for raw, escaped in (("\\", "\\\\"), (" ", "\\s"), (";", "\\:"), ("\r", "\\r"), ("\n", "\\n")):
        value = value.replace(raw, escaped)
    return value


@given(
    st.dictionaries(_KEYS, _VALUES, max_size=6),
    st.from_regex(r"\A[a-z]{1,8}![a-z]{1,5}@[a-z.]{1,12}\Z"),
    st.from_regex(r"\A[A-Z]{1,9}\Z|\A[0-9]{3}\Z"),
    st.lists(_MIDDLE, max_size=4),
    _TRAILING,
)
def test_a_round_trip(tags: dict[str, str], source: str, command: str, middle: list[str], trailing: str) -> None:
    packed = ";".join(f"{key}={escape(value)}" for key, value in tags.items())
    line = f"{f'@{packed} ' if tags else ''}:{source} {' '.join([command, *middle])} :{trailing}\r\n"
    message = parse(line.encode())
    assert message == Message(packed, source, command, (*middle, trailing))
    assert message.tags == tags


@given(_VALUES)
def test_unescape_undoes_escape(value: str) -> None:
    assert unescape(escape(value)) == value


# --- the stream ----------------------------------------------------------------------------------------------------


@given(st.lists(st.binary(max_size=40).map(lambda line: line.replace(b"\n", b"")), max_size=10), st.integers(1, 17))
def test_a_stream_is_cut_into_the_same_lines_however_it_arrives(lines: list[bytes], size: int) -> None:
    stream = b"".join(line + b"\n" for line in lines)
    splitter = Splitter()
    found = [line for at in range(0, len(stream), size) for line in splitter.feed(stream[at : at + size])]
    assert found == lines


def test_an_endless_line_is_not_held() -> None:
    splitter = Splitter()
    for _ in range(1000):
        assert splitter.feed(b"x" * 5000) == []
        assert len(splitter._rest) <= LONGEST  # pyright: ignore[reportPrivateUsage]
    assert splitter.refused == 1
    assert splitter.feed(b"the end of it\nPING\nPI") == [b"PING"]
    assert splitter.feed(b"NG\n") == [b"PING"]


# --- chat ----------------------------------------------------------------------------------------------------------

TWITCH = (
    "@badge-info=subscriber/8;badges=moderator/1,subscriber/6;color=#FF69B4;display-name=Ada;emotes=25:0-4;id=abc-1;"
    "mod=1;room-id=1;subscriber=1;tmi-sent-ts=1700000000123;user-id=7 :ada!ada@ada.tmi.twitch.tv PRIVMSG #C :Kappa hi"
)


def test_a_message_from_twitch() -> None:
    found = chat(TWITCH, "twitch")
    assert found is not None
    assert (found.id, found.at, found.text, found.link, found.channel) == (
        "abc-1",
        1_700_000_000.123,
        "Kappa hi",
        "twitch",
        "#C",
    )
    assert found.viewer is not None
    assert (found.viewer.id, found.viewer.name, found.viewer.platform) == ("irc:twitch/ada", "Ada", "irc")
    assert found.viewer.roles == ("moderator", "subscriber")


def test_a_plain_message_needs_no_tags() -> None:
    found = one(":Ada!a@h PRIVMSG #c :hi")
    assert found.viewer is not None
    assert (found.viewer.id, found.viewer.name, found.viewer.roles, found.at) == ("irc:libera/~ada", "Ada", (), NOW)
    assert found.id


_VALUE = st.sampled_from(
    ["", "=", "=0", "=1", "=12", "=a=b", r"=A\sda", "=世\n", "=vip/1,founder/0", r"=vi\p/1", "=1600000000000", "=-1"]
)
_NAME = st.sampled_from(["account", "badges", "display-name", "id", "mod", "subscriber", "tmi-sent-ts", "idle", "+mod"])


@settings(max_examples=300)
@given(st.dictionaries(_NAME, _VALUE, max_size=2), st.lists(st.tuples(st.integers(0, 11), _NAME, _VALUE), max_size=2))
def test_what_is_picked_out_of_the_tags_is_what_unpacking_finds(
    changed: dict[str, str], added: list[tuple[int, str, str]]
) -> None:
    pairs = (tag.partition("=") for tag in TWITCH[1:].partition(" ")[0].split(";"))
    tags = [name + changed.get(name, f"={value}") for name, _, value in pairs]
    for place, name, value in added:
        tags.insert(place, name + value)
    line = f"@{';'.join(tags)};msgid=m :ada!ada@h PRIVMSG #c :hi"
    picked = one(line)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(message_module, "_TWITCH", re.compile("(?!)"))
        assert picked == one(line)


def test_twitchs_tags_need_no_unpacking(monkeypatch: pytest.MonkeyPatch) -> None:
    expected = chat(TWITCH)
    monkeypatch.delattr(Message, "tags")
    assert chat(TWITCH) == expected


def test_a_nick_that_no_account_holds_cannot_pass_for_an_account() -> None:
    account, nick = one("@account=ada :x!a@h PRIVMSG #c :hi"), one(":ada!a@h PRIVMSG #c :hi")
    assert account.viewer is not None
    assert nick.viewer is not None
    assert account.viewer.id != nick.viewer.id


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("short", ["short"]),
        ("One two three. Four five six.", ["One two three.", "Four five six."]),
        ("aaaaaaaaaa bbbbbbbbbb cccccccccc", ["aaaaaaaaaa", "bbbbbbbbbb", "cccccccccc"]),
        ("一二三四。五六七八。", ["一二三四。", "五六七八。"]),
        ("x" * 50, ["x" * 20, "x" * 20, "x" * 10]),
        ("y" * 200, ["y" * 20] * 3),
        ("   ", []),
    ],
)
def test_long_text_is_parted_where_a_sentence_or_a_word_ends(text: str, expected: list[str]) -> None:
    assert parts(text, 20, 3) == expected


def test_account_time_and_id_of_ircv3() -> None:
    found = one("@account=Lovelace;msgid=m1;time=2027-01-01T00:00:00.500Z :Ada!a@h PRIVMSG #c :hi")
    assert found.viewer is not None
    assert (found.viewer.id, found.viewer.name) == ("irc:libera/lovelace", "Ada")
    assert (found.id, found.at) == ("m1", 1_798_761_600.5)


@pytest.mark.parametrize("sent", ["nan", "inf", "-1", "1e999", "9" * 5000, "soon", "2999-01-01T00:00:00Z", "20-1"])
def test_a_time_that_cannot_be_is_now(sent: str) -> None:
    assert one(f"@time={sent} :n!u@h PRIVMSG #c :x").at == NOW
    assert one(f"@tmi-sent-ts={sent} :n!u@h PRIVMSG #c :x").at == NOW


@pytest.mark.parametrize(
    ("tags", "roles"),
    [
        ("badges=broadcaster/1", ("moderator",)),
        ("badges=vip/1,founder/0;subscriber=0", ("subscriber", "vip")),
        ("mod=1;subscriber=1", ("moderator", "subscriber")),
        ("badges=lead_moderator/1", ("moderator",)),
        ("badges=operator/1,staff/1,,/;mod=0", ()),
    ],
)
def test_roles(tags: str, roles: tuple[str, ...]) -> None:
    viewer = one(f"@{tags} :n!u@h PRIVMSG #c :x").viewer
    assert viewer is not None
    assert viewer.roles == roles


@pytest.mark.parametrize(
    ("target", "channel"), [("#c", "#c"), ("&c", "&c"), ("@#c", "#c"), ("+#c", "#c"), ("marotte", "n"), ("@+", "n")]
)
def test_where_a_message_was_said(target: str, channel: str) -> None:
    assert one(f":n!u@h PRIVMSG {target} :x").channel == channel


@pytest.mark.parametrize(
    ("written", "text"),
    [
        ("\x01ACTION waves\x01", "*waves*"),
        ("\x01ACTION waves", "*waves*"),
        ("\x02bold\x02 \x0304,12red\x03 \x04ff0000hex\x0f \x1fu\x1f", "bold red hex u"),
        ("👩‍👩‍👧 日本語", "👩‍👩‍👧 日本語"),
        ("a\tb\0c", "abc"),
    ],
)
def test_text_is_plain(written: str, text: str) -> None:
    assert one(f":n!u@h PRIVMSG #c :{written}").text == text


@pytest.mark.parametrize(
    "line",
    [
        ":n!u@h NOTICE #c :x",
        ":n!u@h PRIVMSG #c :\x01VERSION\x01",
        ":n!u@h PRIVMSG #c :\x01ACTION\x01",
        ":n!u@h PRIVMSG #c :\x02\x02",
        ":n!u@h PRIVMSG #c :",
        ":n!u@h PRIVMSG :x",
        "PRIVMSG #c :x",
        ":!u@h PRIVMSG #c :x",
        ":irc.server PRIVMSG #c :x",
    ],
)
def test_what_is_nobodys_words(line: str) -> None:
    assert chat(line) is None


def test_plain_keeps_digits_that_are_no_colour() -> None:
    assert plain("\x03 5 apples \x0399x12") == "5 apples x12"


# --- Twitch's other kinds of line ----------------------------------------------------------------------------------


def notice(tags: str, text: str = "") -> object:
    trailing = f" :{text}" if text else ""
    message = parse(f"@login=ada;display-name=Ada;id=n1;{tags} :tmi.twitch.tv USERNOTICE #c{trailing}")
    assert message is not None
    return percept(message, "twitch", NOW)


def test_subscriptions() -> None:
    found = notice(
        r"msg-id=resub;msg-param-cumulative-months=8;msg-param-sub-plan=2000;system-msg=Ada\ssubscribed", "love it"
    )
    assert isinstance(found, Subscription)
    assert (found.tier, found.months, found.given, found.message) == ("2", 8, 0, "love it")
    assert found.viewer is not None
    assert found.viewer.id == "irc:twitch/ada"
    gifts = notice(r"msg-id=submysterygift;msg-param-mass-gift-count=20;msg-param-sub-plan=1000;system-msg=20\sgifts")
    assert isinstance(gifts, Subscription)
    assert (gifts.given, gifts.message) == (20, "")
    for kind in ("sub", "subgift", "primepaidupgrade", "giftpaidupgrade", "anongiftpaidupgrade"):
        assert isinstance(notice(f"msg-id={kind};system-msg=x"), Subscription), kind


def test_the_gifts_of_a_mystery_gift_are_told_once() -> None:
    assert notice("msg-id=subgift;msg-param-community-gift-id=5;system-msg=x") is None


def test_raids_announcements_and_the_rest() -> None:
    raid = notice("msg-id=raid;msg-param-viewerCount=250;system-msg=250\\sraiders")
    assert isinstance(raid, Raid)
    assert raid.party == 250
    said = notice("msg-id=announcement;system-msg=", "big news")
    assert isinstance(said, ChatMessage)
    assert said.text == "big news"
    assert notice("msg-id=bitsbadgetier;system-msg=x") is None
    assert notice("msg-id=raid;msg-param-viewerCount=many;system-msg=x") is not None
    empty = parse(":tmi.twitch.tv USERNOTICE")
    assert empty is not None
    assert percept(empty, "twitch", NOW) is None


@pytest.mark.parametrize("tags", ["badges=bits/100", "x-bits=100", "bits", "bits="])
def test_not_all_that_is_named_bits_is_a_gift(tags: str) -> None:
    message = parse(f"@{tags} :ada!a@h PRIVMSG #c :cheer100 wow")
    assert message is not None
    assert isinstance(percept(message, "twitch", NOW), ChatMessage)


def test_bits_are_a_gift() -> None:
    message = parse("@bits=100;id=b1 :ada!a@h PRIVMSG #c :cheer100 wow")
    assert message is not None
    found = percept(message, "twitch", NOW)
    assert isinstance(found, Gift)
    assert (found.what, found.amount, found.unit, found.message, found.id) == (
        "bits",
        100,
        "bits",
        "cheer100 wow",
        "b1",
    )


# --- what is sent --------------------------------------------------------------------------------------------------


@given(st.text(max_size=60), st.integers(0, 80))
def test_text_is_cut_between_characters(text: str, size: int) -> None:
    cut = fit(text, size)
    assert len(cut.encode()) <= size
    assert text.encode("utf-8", "replace").decode().startswith(cut)


def test_nothing_is_cut_in_two() -> None:
    assert fit("日本語", 8) == "日本"
    assert fit("cafe\u0301", 5) == "caf"
    assert fit("x👩‍👧", 6) == "x"
    assert fit("x👍🏽", 6) == "x"
    assert fit("short", 5) == "short"


@given(st.text(max_size=60))
def test_clean_text_is_one_line_without_controls(text: str) -> None:
    found = clean(text)
    assert not any(character < " " or character == "\x7f" for character in found)


def test_clean() -> None:
    assert clean("a\r\nQUIT :b\0c") == "a QUIT :b c"
    assert clean("\x01ACTION waves\x01") == "ACTION waves"


def test_targets() -> None:
    assert all(map(is_target, ("#c", "ada", "#日本", "&local")))
    assert not any(map(is_target, ("", "a b", "#a,#b", ":x", "a\r\nQUIT", "a\0", "x" * 300, "\x01")))
