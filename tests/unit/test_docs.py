"""The documents say what is so: generated pages are current, and whatever a page names exists."""

import argparse
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest
from pydantic import BaseModel
from tools.docs import configuration, rest, troubleshooting
from tools.docs.pages import DOCS, PAGES

from marotte import cli, config, config_pastimes
from marotte.engines import kinds, registry
from marotte.text.views import FEELINGS, GESTURES

ROOT = DOCS.parent
FILES = {file.relative_to(DOCS).as_posix(): file.read_text("utf-8") for file in sorted(DOCS.rglob("*.md"))}
LINK = re.compile(r"\]\(([^)\s]+)\)")
FENCE = re.compile(r"^( *)```(\w+)\n(.*?)^\1```", re.M | re.S)


def fences(kind: str) -> Iterator[tuple[str, str]]:
    for name, text in FILES.items():
        yield from (
            (name, re.sub(f"^{indent}", "", body, flags=re.M))
            for indent, language, body in FENCE.findall(text)
            if language == kind
        )


def anchors(name: str) -> set[str]:
    heads = re.findall(r"^#+ (.+)$", re.sub(FENCE, "", FILES[name]), re.M)
    return {re.sub(r"[^\w\- ]", "", head.lower()).strip().replace(" ", "-") for head in heads}


@pytest.mark.parametrize("name", PAGES)
def test_generated_pages_are_current(name: str) -> None:
    assert FILES[name] == PAGES[name](), f"docs/{name} is out of date: run  python -m tools.docs"


# --- configuration


def keys_of(model: type[BaseModel]) -> set[str]:
    return {name for name, field in model.model_fields.items() if configuration.model_in(field.annotation)[0] is None}


def test_every_key_of_every_model_is_told_with_its_meaning() -> None:
    models = {m for m in vars(config).values() if isinstance(m, type) and issubclass(m, config.Model | config.Chain)}
    tables = list(configuration.tables())
    told = {table.path: {key.path.rpartition(".")[2] for key in table.keys} for table in tables}
    for model in models - {config.Model, config.Chain, config.EarChain, config.EyeChain}:
        assert keys_of(model) in told.values(), f"{model.__name__} is not in configuration.md"
    tables_of = (("brain", "brain"), ("voice", "voice"), ("ear", "hearing"), ("duplex", "duplex"), ("eye", "sight"))
    for kind, chain in tables_of:
        for name, entry in registry.installed(kind).items():
            if entry.value.startswith("marotte."):
                settings = entry.load().Settings
                shared = (kinds.VoiceSettings if kind == "voice" else kinds.EngineSettings).model_fields
                as_usual = {k for k in shared if settings.model_fields[k].get_default() == shared[k].get_default()}
                assert told[f"{chain}.{name}"] == keys_of(settings) - as_usual
    assert configuration.unsaid() == set(), "a key needs a docstring, or words in tools/docs/configuration.py"
    for table in tables:
        assert all(f"\n| `{key.path.rpartition('.')[2]}` |" in FILES["configuration.md"] for key in table.keys)


def test_every_engine_is_told_among_its_kind() -> None:
    page = FILES["engines/index.md"]
    for kind, title in (("brain", "Brains"), ("voice", "Voices"), ("ear", "Ears"), ("eye", "Eyes")):
        told = set(re.findall(r"^\| \[?`(\w+)`", page.split(f"\n## {title}\n")[1].split("\n## ")[0], re.M))
        ours = {name for name, entry in registry.installed(kind).items() if entry.value.startswith("marotte.")}
        assert told == ours


# --- REST


def test_every_route_is_told_once_with_what_it_does() -> None:
    rows = re.findall(r"^\| `([A-Z]+)` \| `(\S+)` \| (\w+) \| (.+) \|$", FILES["rest.md"], re.M)
    assert sorted((method, path) for method, path, _, _ in rows) == sorted(rest.openapi())
    assert {role for _, _, role, _ in rows} == {"anybody", "guest", "viewer", "moderator", "operator"}


def test_roles_are_those_that_the_routes_ask_for() -> None:
    for row in (
        "| `GET` | `/api/v1/queue` | viewer |",
        "| `DELETE` | `/api/v1/queue/{percept}` | moderator |",
        "| `POST` | `/api/v1/tokens` | operator |",
        "| `GET` | `/api/v1/turns` | guest |",
        "| `POST` | `/api/v1/login` | anybody |",
    ):
        assert row in FILES["rest.md"]


# --- troubleshooting


def test_messages_are_found_where_they_are_raised(tmp_path: Path) -> None:
    source = tmp_path / "marotte"
    source.mkdir()
    (source / "a.py").write_text(
        'FULL = "the house is full"\n'
        "def f(name, error):\n"
        '    raise StoreError(f"{name}: is gone; restore a backup") from None\n'
        "    raise StoreError(FULL)\n"
        "    raise StoreError(str(error))\n"
        '    raise KeyError("of no concern to people")\n'
        '    raise self.show.mistake(("a", "b"), f"there is no {name!r}{nearest(name, all)}")\n',
        "utf-8",
    )
    said = [(m.error, m.text, m.where) for m in troubleshooting.messages(source)]
    assert said == [
        ("StoreError", "*name*: is gone; restore a backup", "marotte/a.py"),
        ("StoreError", "the house is full", "marotte/a.py"),
        ("mistake", "there is no *name*; did you mean *another*?", "marotte/a.py"),
    ]


@pytest.mark.parametrize(
    "message",
    [
        "*file*: is damaged (*error*) | `marotte/gateway/tokens.py` | delete it, and issue new tokens |",
        "*path*: is empty | `marotte/ops/runlog.py` |",
        "there is no such file | `marotte/config.py` |",
    ],
)
def test_messages_stand_with_place_and_remedy(message: str) -> None:
    assert message in FILES["troubleshooting.md"]


# --- every page


@pytest.mark.parametrize("name", FILES)
def test_every_link_leads_somewhere(name: str) -> None:
    for link in LINK.findall(re.sub(FENCE, "", FILES[name])):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        there = (DOCS / name).parent.joinpath(path).resolve() if path else DOCS / name
        assert there.is_file(), f"{name}: {link} leads nowhere"
        if anchor:
            assert anchor in anchors(there.relative_to(DOCS).as_posix()), f"{name}: {link} has no such heading"


def test_every_picture_and_drawing_is_shown() -> None:
    shown = {link for text in FILES.values() for link in LINK.findall(text)} | {"drawings/marotte.svg"}
    there = {f"{kind}/{file.name}" for kind in ("pictures", "drawings") for file in (DOCS / kind).iterdir()}
    assert there - shown == set(), "a picture that no page shows"


def test_every_page_is_in_the_table_of_contents() -> None:
    listed = set(re.findall(r": ([\w./-]+\.md)$", (ROOT / "mkdocs.yml").read_text("utf-8"), re.M))
    assert listed == set(FILES)


def commands() -> dict[str, argparse.ArgumentParser]:
    parser = cli._parser()
    (actions,) = (action for action in parser._actions if isinstance(action, argparse._SubParsersAction))
    return dict(actions.choices)


def test_every_command_that_is_named_exists() -> None:
    known = commands()
    for name, text in FILES.items():
        for command in re.findall(r"`marotte ([a-z]+)", text):
            assert command in known, f"{name}: there is no command {command!r}"


def test_every_command_line_is_understood() -> None:
    lines = [(name, line) for name, body in fences("sh") for line in body.splitlines() if line.startswith("marotte ")]
    assert len(lines) > 15
    for name, line in lines:
        try:
            cli._parser().parse_args(shlex.split(line, comments=True)[1:])
        except SystemExit:
            pytest.fail(f"{name}: marotte does not understand: {line}")


def test_every_command_is_told_of() -> None:
    everything = "".join(FILES.values())
    assert [name for name in commands() if f"marotte {name}" not in everything] == []


def test_every_show_is_valid() -> None:
    shows = [(name, body) for name, body in fences("toml") if not body.startswith("# pyproject.toml")]
    shows += [(name, (ROOT / name).read_text("utf-8")) for name in ("deploy/gpu/show.toml", "shows/streamer.toml")]
    shows += [
        ("README.md", body)
        for _, kind, body in FENCE.findall((ROOT / "README.md").read_text("utf-8"))
        if kind == "toml"
    ]
    assert len(shows) > 80
    for name, body in shows:
        show = config.parse(body, name)
        for kind in get_args(kinds.Kind) if '"kazoo"' not in body else ():
            for engine, _, settings in registry.plan(kind, show):
                feelings = set(settings.feelings) if isinstance(settings, kinds.VoiceSettings) else set()
                assert feelings <= {*FEELINGS}, f"{name}: no line has this feeling, so {engine} never speaks so"


def test_the_walk_through_the_template_shows_the_template() -> None:
    template = ROOT / "examples" / "engine-template"
    files = [file.read_text("utf-8") for file in template.rglob("*") if file.suffix in (".py", ".toml")]
    shown = [body for name, body in fences("python") if name == "engine.md"]
    shown += [body.removeprefix("# pyproject.toml\n") for name, body in fences("toml") if name == "engine.md"]
    assert shown
    for body in shown:
        assert any(body.strip("\n") in text for text in files), f"the template has no such lines:\n{body}"
    engine = (template / "src" / "marotte_kazoo" / "kazoo.py").read_text("utf-8")
    assert len(engine.splitlines()) < 80


def test_every_stage_direction_is_told() -> None:
    assert [word for word in (*FEELINGS, *GESTURES) if f"`[{word}]`" not in FILES["character.md"]] == []


def test_every_command_of_the_chat_is_told() -> None:
    page = FILES["commands.md"]
    assert [name for name in config.Show().commands if f"`!{name}" not in page] == []
    actions = get_args(config_pastimes.Command.model_fields["action"].annotation)
    assert [action for action in actions if f"`{action}`" not in page] == []


def test_every_page_of_the_control_window_is_told() -> None:
    for page in (ROOT / "web/src/windows/control").glob("*/index.tsx"):
        found = re.search(r'title: "([^"]+)"', page.read_text("utf-8"))
        assert found
        assert f"| **{found[1]}** |" in FILES["windows.md"]
