"""``troubleshooting.md``: every message with which the program stops or refuses, from where it is raised.

The source is read, not run. A message says what to do after a semicolon or a colon, where it can; a helper that makes
messages is followed only as far as its own literal text.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import marotte
from tools.docs.markdown import generated, table

SOURCE = Path(marotte.__file__).parent
_HEAD = """
# Troubleshooting

Begin with the doctor, here or on the doctor's page of the [control window](windows.md): it looks at everything and
says, in a line each, how to mend what is amiss.

```sh
marotte doctor
marotte doctor --engines     # the engines alone, each measured several times
```

Below is what the program says when something is in the way, from its own source: find the words that you see; what
differs each time stands as *name*. The logs are in `logs/` of the data folder, which the doctor names.
"""


class Group(NamedTuple):
    """Errors that are told of together."""

    title: str
    about: str
    errors: tuple[str, ...]


GROUPS = (
    Group(
        "The show file",
        "Each comes with the file, the line and the key. Nothing starts before it is mended; the settings page shows it"
        " as you type.",
        ("ShowError", "marotte/config.py:Mistake", "marotte/config.py:ValueError", "mistake"),
    ),
    Group("The command line", "The command ends with 1, 2, 3 or 4; see the end of this page.", ("Failure",)),
    Group(
        "Starting and coming in",
        "",
        ("PortTaken", "AlreadyRunning", "TokenError", "LanError", "NotPaired", "Denied"),
    ),
    Group("Memory and backups", "", ("StoreError", "BackupError", "Stays")),
    Group(
        "Engines",
        "An engine that fails rests, and its understudy answers within the same turn: the show goes on. The engines"
        " page says how it fares, and *Try it* asks it again.",
        ("EngineError", "EngineUnavailable", "EngineUnsuited", "DetectorMissing"),
    ),
    Group("Sound and microphones", "", ("WavError", "SoundError", "DeviceError", "HotkeyError", "TurnModelError")),
    Group(
        "Links",
        "A link that is lost comes back by itself, at first within seconds; one that was refused waits longer.",
        ("Lost", "marotte/links/irc/session.py:_refuse"),
    ),
    Group("Logs and replays", "", ("LogError",)),
    Group(
        "Windows and REST",
        "What a page of the control window or a script is told.",
        (
            "Refused",
            "FloorsTaken",
            "HTTPException",
            "_unknown",
            "_later",
            "marotte/gateway/border.py:_refuse",
            "marotte/gateway/connection.py:Mistake",
            "marotte/gateway/window.py:Mistake",
            "marotte/mind/word_lists.py:ValueError",
            "marotte/store/browser.py:ValueError",
        ),
    ),
)
_CODES = """
## Exit codes

| code | meaning |
|---|---|
| 0 | done |
| 1 | done, but the answer is "nothing" or "no" |
| 2 | the command or the show file is wrong |
| 3 | something outside is in the way: a port, a file, the database |
| 4 | no engine could |
"""


class Said(NamedTuple):
    """A message, as it stands in the source."""

    error: str
    text: str
    """What differs each time stands as *name*."""
    where: str


def messages(folder: Path = SOURCE) -> Iterator[Said]:
    """Yield every literal message that is raised with an error of ``GROUPS``, once, in the order of the source."""
    known = {error.rpartition(":")[2] for group in GROUPS for error in group.errors}
    seen: set[tuple[str, str]] = set()
    for file in sorted(folder.rglob("*.py")):
        if file.name.endswith("_program.py"):
            continue  # a child's own words reach people through its engine
        where, tree = file.relative_to(folder.parent).as_posix(), ast.parse(file.read_text("utf-8"))
        constants = _constants(tree)
        for call in _calls(tree):
            error = ast.unparse(call.func).rpartition(".")[2]
            text = _longest(call, constants) if error in known else ""
            if text and (error, text) not in seen:
                seen.add((error, text))
                yield Said(error, text, where)


def page() -> str:
    """Write the page."""
    parts = [generated("the errors of src/marotte/"), _HEAD.lstrip()]
    found = list(messages())
    for title, about, errors in GROUPS:
        rows = [_row(said) for said in found if {said.error, f"{said.where}:{said.error}"} & {*errors}]
        if rows:
            told = table(("message", "where", "what to do"), rows)
            parts.append(f"\n## {title}\n\n" + (f"{about}\n\n" if about else "") + told)
    return "".join(parts) + _CODES


def _calls(tree: ast.Module) -> list[ast.Call]:
    """Return every call of a file, in the order in which one reads them."""
    found = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    return sorted(found, key=lambda call: (call.lineno, call.col_offset))


def _constants(tree: ast.Module) -> dict[str, str]:
    """Return the texts that have names in a file."""
    return {
        node.targets[0].id: node.value.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
        if isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
    }


def _longest(call: ast.Call, constants: dict[str, str]) -> str:
    """Return the message among a call's arguments: the longest text that people could read."""
    found = [_text(argument, constants) for argument in call.args]
    readable = [text for text in found if " " in re.sub(r"\*[^*]*\*", "", text).strip(" :;")]
    return max(readable, key=len, default="")


def _text(node: ast.expr, constants: dict[str, str]) -> str:
    """Write an expression as a message; what is only known when it runs stands as *name*."""
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.Name(id=name) | ast.Attribute(attr=name) if name in constants:
            return constants[name]
        case ast.JoinedStr(values=values):
            return "".join(_text(value, constants) for value in values)
        case ast.FormattedValue(value=ast.Call(func=func)) | ast.Call(func=func) if "nearest" in ast.unparse(func):
            return _NEAREST
        case ast.FormattedValue(value=value):
            return f"*{_name(value)}*"
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            return _text(left, constants) + _text(right, constants)
        case _:
            return ""


def _name(node: ast.expr) -> str:
    """Return a short name for what stands in a message."""
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name.strip("_").replace("_", " ").lower()
        case ast.Call(func=func, args=args):
            return _name(args[0]) if args else _name(func)
        case ast.BinOp(left=node) | ast.Subscript(value=node) | ast.Await(value=node) | ast.IfExp(body=node):
            return _name(node)
        case ast.BoolOp(values=[node, *_]):
            return _name(node)
        case _:
            return "…"


_NEAREST = "; did you mean *another*?"
_ORDERS = (
    "install|pip install|choose|name|delete|set|use|leave|take|revoke|stop|save|send|write|wait|try|ask|run|see|start|"
    "check|make|issue|give|free|close|remove|look|open|build|--force|it is started|the next|restore|repair|convert"
)
_ORDER = re.compile(rf"(?:[;:,]\s+)(?=(?:{_ORDERS})\b)")


def _row(said: Said) -> tuple[str, str, str]:
    """Split a message into what happened and what to do, where the text itself says it."""
    text = " ".join(said.text.split()).replace("<", "&lt;")
    happened, *order = _ORDER.split(text, maxsplit=1)
    return happened.strip(" ;:"), f"`{said.where}`", order[0] if order else ""
