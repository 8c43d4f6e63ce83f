"""Settings: an empty file is a valid show; a mistake names the key, the line, the reason and the nearest name."""

from pathlib import Path

import pytest

from marotte import config, environment
from marotte.cli import shows
from marotte.engines import registry
from marotte.engines.kinds import Kit


def test_an_empty_file_is_a_valid_show() -> None:
    show = config.parse("")
    assert show == config.Show()
    assert show.character.name == "Pip"
    assert all(show.lane_of(kind) for kind in config.PERCEPTS)


@pytest.mark.parametrize("name", sorted(shows()))
def test_the_shows_that_come_with_the_program_are_valid(name: str) -> None:
    show = config.load(shows()[name])
    for kind in ("brain", "voice", "ear"):
        assert registry.build(kind, show, Kit())  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (
            "[lanes.chat]\n\nprioriti = 3",
            "show.toml:3: lanes.chat.prioriti: there is no such key; did you mean 'priority'?",
        ),
        ("seed = -1", "show.toml:1: seed: "),
        ("seed = 9007199254740992", "show.toml:1: seed: "),
        (
            '[character]\nname = "x"\ndrawing = "skul"',
            "show.toml:3: character.drawing: 'skul' is not one of jester, skull; did you mean 'skull'?",
        ),
        (
            '[lanes.chat]\npercepts = ["chat_mesage"]',
            "show.toml:2: lanes.chat.percepts: 'chat_mesage' is no percept; did you mean 'chat_message'?",
        ),
        ('[voice]\nchian = ["a"]', "show.toml:2: voice: 'chian' is no key here; did you mean 'chain'?"),
        ("[hearing]\nsilence = -1", "show.toml:2: hearing.silence: Input should be greater than or equal to 0"),
        ("gateway.port = 99999", "show.toml:1: gateway.port: Input should be less than or equal to 65535"),
        ("[characterr]", "show.toml:1: characterr: there is no such key; did you mean 'character'?"),
        ('[character]\nlanguages = ["English"]', "show.toml:2: character.languages.0: 'English' is no language"),
        ("[character]\nname = Pip", 'at line 2, column 8); a text stands in quotes: "…"'),
        ("gateway.lan = True", "at line 1, column 15); it is true or false, in small letters"),
        ('name = "a"\nname = "b"', "not valid TOML: Cannot overwrite a value (at end of document)"),
        ("name = “Pip”", 'a text stands in straight quotes: "…"'),
        ('model = "C:\\Users\\pip"', "a text with backslashes stands in single quotes"),
        (
            '[brain]\nchain = "openai"',
            'show.toml:2: brain.chain: must be a list in square brackets, also of one: ["…"]',
        ),
        ("irc = 3", "show.toml:1: irc: must be a table of keys and values"),
        (
            '[moderation.words]\nenglish = ["x"]',
            "show.toml:2: moderation.words.english.[key]: 'english' is no language",
        ),
        ("x = [", "show.toml: not valid TOML"),
        (
            '[lanes.gifts]\nmerge = "join"',
            "show.toml:1: lanes.gifts: a lane that survives cannot merge = 'join': that would lose what was given",
        ),
        ("[irc.libera]\nport = 6697", "show.toml:1: irc.libera.host: Field required"),
    ],
)
def test_a_mistake_is_named(text: str, says: str) -> None:
    with pytest.raises(config.ShowError) as error:
        config.parse(text)
    assert says in str(error.value)


def test_all_mistakes_are_named_at_once() -> None:
    with pytest.raises(config.ShowError) as error:
        config.parse("[memory]\ntokens = 1\n[gateway]\nport = -1")
    assert str(error.value).count("\n") == 1


def test_a_list_is_not_called_too_short_for_what_is_wrong_in_it() -> None:
    with pytest.raises(config.ShowError) as error:
        config.parse('[character]\nlanguages = ["English"]')
    assert "\n" not in str(error.value)


def test_a_file_as_windows_writes_it_is_a_show(tmp_path: Path) -> None:
    (tmp_path / "show.toml").write_bytes(b'\xef\xbb\xbfname = "Pip"\r\n[character]\r\nname = "Pip"\r\n')
    assert config.load(tmp_path / "show.toml").name == "Pip"


def test_a_secret_in_the_file_is_refused_and_not_repeated() -> None:
    with pytest.raises(config.ShowError) as error:
        config.parse('[irc.libera]\nhost = "irc.libera.chat"\nsecret = "hunter2"')
    assert "show.toml:3: irc.libera.secret: must be the name of an environment variable" in str(error.value)
    assert "hunter2" not in str(error.value)


def test_an_engine_that_does_not_exist_is_named_with_its_line() -> None:
    with pytest.raises(config.ShowError, match=r"show.toml:2: voice.chain: there is no voice called 'espaek'; did you"):
        registry.build("voice", config.parse('[voice]\nchain = ["espaek"]'), Kit())


def test_an_engine_set_up_wrongly_is_named_with_its_line() -> None:
    with pytest.raises(
        config.ShowError, match=r"show.toml:3: voice.espeak.pich: there is no such key; did you mean 'pitch'"
    ):
        registry.build("voice", config.parse("[voice]\n[voice.espeak]\npich = 3"), Kit())


def test_the_embedded_engine_is_always_the_last() -> None:
    show = config.parse('[brain]\nchain = ["mine"]\n[brain.mine]\nengine = "openai"\nurl = "http://127.0.0.1:1/v1"')
    assert [b.name for b in registry.build("brain", show, Kit())] == ["mine", "improviser"]


def test_a_lane_may_take_a_kind_from_another() -> None:
    show = config.parse(
        '[lanes.follows]\npercepts = ["follow", "raid"]\n[lanes.vip]\npercepts = ["redemption"]\npriority = 99'
    )
    assert show.lane_of("raid") == "follows"
    assert show.lane_of("redemption") == "vip"
    assert show.lanes["gifts"].percepts == ("gift", "subscription")


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", b"a = 1\n" * 200_000])
def test_a_file_that_is_no_show_is_refused(content: bytes, tmp_path: Path) -> None:
    file = tmp_path / "show.toml"
    file.write_bytes(content)
    with pytest.raises(config.ShowError, match=str(file)):
        config.load(file)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(config.ShowError, match=r"nowhere.toml: there is no such file"):
        config.load(tmp_path / "nowhere.toml")


def test_secrets_come_from_the_environment_and_from_env_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".env").write_text('# mine\nexport OPENAI_API_KEY="from file"\nMY_PASSWORD=p\nHOME_IS=x\n')
    monkeypatch.setenv("OPENAI_API_KEY", "from environment")
    found = environment.secrets(tmp_path)
    assert (found["OPENAI_API_KEY"], found["MY_PASSWORD"]) == ("from environment", "p")
    assert "HOME_IS" not in found
    assert "PATH" not in found


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("sk-0123 # the cheap one", "sk-0123"),
        ('"sk-0123" # the cheap one', "sk-0123"),
        ("'sk 0#1 # 2'", "sk 0#1 # 2"),
        ("sk-01#23", "sk-01#23"),
        ('"sk-0123', "sk-0123"),
    ],
)
def test_a_remark_behind_a_secret_is_no_part_of_it(
    written: str, value: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    (tmp_path / ".env").write_bytes(f"OPENAI_API_KEY={written}\r\n".encode("utf-8-sig"))
    assert environment.secrets(tmp_path)["OPENAI_API_KEY"] == value


def test_the_data_directory_can_be_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAROTTE_DATA_DIR", "/somewhere")
    assert environment.data_dir() == Path("/somewhere")
