"""``configuration.md``: every key of a show file, from the settings models and the docstrings below their fields."""

import ast
import inspect
import json
import types
from collections.abc import Iterator
from itertools import pairwise
from typing import Annotated, Any, Literal, NamedTuple, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from marotte import config
from marotte.engines import registry
from marotte.engines.kinds import EngineSettings, Kind, Manner, VoiceSettings
from tools.docs.markdown import generated, prose, table

_HEAD = """
# Configuration

A show file is TOML. Every key has a default, so an empty file is a valid show; a mistake stops the start and names the
line, the reason and the nearest valid name. `marotte init` writes a file to begin with; the settings page of the
[control window](windows.md) checks it as you type. [Write a show](show.md) explains the shape of it.

Secrets are never in the file: they come from the environment or from a file `.env` beside where you start Marotte.

| variable | meaning |
|---|---|
| `MAROTTE_TOKEN` | the operator's token, 16 characters or more; without it one is made and kept in the data folder |
| `MAROTTE_DATA_DIR` | the folder for what lasts: memory, logs, tokens; else `marotte` in the user's own data folder |
| `OPENAI_API_KEY` | for OpenAI's own servers: brain, voice, ear and eye `openai`, duplex engine `openai-realtime` |
| `ANTHROPIC_API_KEY` | for Anthropic's own: brain `anthropic` |
| `GEMINI_API_KEY` | for Google's own: brain, ear and eye `gemini`, duplex engine `gemini-live` |
| `OLLAMA_API_KEY` | for ollama.com: brain `ollama`, with `secret = "OLLAMA_API_KEY"` in its table |
| `ELEVENLABS_API_KEY` | for ElevenLabs' own: voice `elevenlabs` |
| `AZURE_SPEECH_KEY` | for Azure Speech in a region: voice and ear `azure` |
| `AZURE_VISION_KEY` | for Azure's Image Analysis: eye `azure` |
| `TWITCH_CLIENT_SECRET` | for [Twitch](twitch.md), where its application is *Confidential* |
| `YOUTUBE_CLIENT_SECRET` | for [YouTube](youtube.md) |
| `TIKTOK_SIGN_KEY` | for the service that signs requests to [TikTok](tiktok.md); it works without |
| `DISCORD_TOKEN` | for the bot on [Discord](discord.md) |
| any other | where a key asks for the *name* of a variable, it ends in `_KEY`, `_TOKEN`, `_SECRET` or `_PASSWORD` |

A key of the list above goes to its own house only. A server of your own, behind `url` or `host`, is given the key that
`secret` in its table names, or none.
"""

_SAID: dict[str, str] = {
    "name": "What the show is called.",
    "character.name": "What the character is called, and answers to in a chat.",
    "character.drawing": "What it looks like.",
    "character.manner": "The card: who it is, in your own words. Language models read it; the improviser has its own.",
    "character.topics": "Favourite matters: what it talks about by itself, and where the improviser's puns come from.",
    "brain.chain": "Who thinks, in the order in which they are tried; the improviser is always the last.",
    "voice.chain": "Who speaks, in the order in which they are tried; espeak-ng is always the last.",
    "duplex.chain": "Who hears, thinks and speaks in one, in the order in which they are tried; ears, brains and voices"
    " stand behind them. Empty: nobody.",
    "sight.chain": "Who puts pictures into words, in the order in which they are tried; OpenCV is always the last.",
    "hearing.chain": "Who hears, in the order in which they are tried; pocketsphinx is always the last.",
    "hearing.detector": "What tells speech from noise; auto takes Silero where onnxruntime is installed.",
    "hearing.threshold": "How sure the detector must be that it is speech.",
    "lanes.NAME.percepts": "The kinds of percepts that it takes; a kind that another lane had moves here.",
    "lanes.NAME.priority": "Which lane comes first: the higher.",
    "lanes.NAME.capacity": "At most so many percepts wait; then the oldest goes.",
    "moderation.links": "Whether a line with a link is stopped.",
    "irc.NAME.host": "The server; required.",
    "irc.NAME.port": "The server's port.",
    "irc.NAME.tls": "Whether the connection is encrypted.",
    "irc.NAME.verify": "Whether the server's certificate must be valid.",
    "irc.NAME.nick": "What the character is called there.",
    "irc.NAME.realname": "What the server tells of it to whoever asks.",
    "irc.NAME.channels": "Channels that it joins.",
    "irc.NAME.window": "Seconds over which `burst` counts.",
    "device.microphone": "Which microphone; empty: the system's own choice.",
    "device.loudspeaker": "Which loudspeaker; empty: the system's own choice.",
    "gateway.host": "The address to listen on. Any but this machine's asks everybody for a token.",
    "gateway.port": "The port to listen on; 0 takes a free one.",
    "gateway.largest_body": "Bytes that a request's body may have.",
    "gateway.largest_frame": "Bytes that a WebSocket frame may have.",
    "brain.openai.model": "The model's name, as the server knows it.",
    "brain.openai.temperature": "How freely it chooses its words; left out, the server decides.",
    "brain.openai.max_tokens": "The longest reply, in tokens; left out, the server decides.",
    "voice.openai.model": "The model's name, as the server knows it.",
    "hearing.openai.model": "The model's name, as the server knows it.",
    "voice.espeak.volume": "How loud it speaks; 100 is its own loudness.",
}
"""Words for keys whose name says enough to a reader of the source: everything else has a docstring there."""

_CHAINS: dict[str, Kind] = {"brain": "brain", "voice": "voice", "hearing": "ear", "duplex": "duplex", "sight": "eye"}
_SHARED = "engines"
_VOICES = "voices"
_TITLES = {"": "The top of the file", _SHARED: "Every engine", _VOICES: "Every voice"}


class Key(NamedTuple):
    """One key of a show file."""

    path: str
    kind: str
    default: str
    meaning: str

    @property
    def name(self) -> str:
        """The key without its table."""
        return self.path.rpartition(".")[2]


class Table(NamedTuple):
    """One table of a show file."""

    path: str
    about: str
    keys: tuple[Key, ...]


def tables() -> Iterator[Table]:
    """Yield every table of a show file, the top first, each engine after the chain that lists it."""
    yield _table("", config.Show)
    for name, field in config.Show.model_fields.items():
        model, several = model_in(field.annotation)
        if model is None:
            continue
        yield _table(f"{name}.NAME" if several else name, model)
        yield from _below(name, model)
        if name in _CHAINS:
            yield from _engines(name, _CHAINS[name])


def _below(path: str, model: type[BaseModel]) -> Iterator[Table]:
    """Yield the tables within a table, each before those within it."""
    for name, field in model.model_fields.items():
        deeper, several = model_in(field.annotation)
        if deeper not in (None, Manner):
            yield _table(f"{path}.{name}.NAME" if several else f"{path}.{name}", deeper)
            yield from _below(f"{path}.{name}", deeper)


def unsaid() -> set[str]:
    """Return keys that nothing explains, and words of ours for keys that are gone or explain themselves."""
    keys = {key.path: key.meaning for table in tables() for key in table.keys}
    return {path for path, meaning in keys.items() if not meaning} | {
        path for path in _SAID if keys.get(path) != _SAID[path]
    }


def page() -> str:
    """Write the page."""
    parts = [generated("the settings models of src/marotte/config.py and of each engine"), _HEAD.lstrip()]
    for path, about, keys in tables():
        rows = [(f"`{key.name}`", key.kind, key.default, key.meaning) for key in keys]
        title = _TITLES.get(path, f"`[{path}]`")
        body = table(("key", "type", "default", "meaning"), rows) if rows else "It has nothing to set of its own.\n"
        parts.append(f"\n## {title}\n\n{about}\n\n{body}")
        if path == "lanes.NAME":
            parts.append(_lanes())
    return "".join(parts)


def _engines(chain: str, kind: Kind) -> Iterator[Table]:
    """Yield the tables of the engines that come with the program."""
    if kind == "brain":
        about = "Keys that the table of every engine may have."
        yield Table(_SHARED, about, tuple(_keys(_SHARED, EngineSettings)))
    if kind == "voice":
        about = prose(inspect.getdoc(VoiceSettings) or "") + " A voice says below where it has nothing for a key."
        yield Table(_VOICES, about, tuple(k for k in _keys(_VOICES, VoiceSettings) if k.name not in _shared("brain")))
    for name, entry in sorted(registry.installed(kind).items()):
        if entry.value.startswith("marotte."):
            engine = entry.load()
            about = prose((inspect.getdoc(engine) or "").split("\n\n")[0])
            keys = _keys(f"{chain}.{name}", engine.Settings)
            own = (key for key in keys if (key.name, key.default) not in _shared(kind).items())
            cannot = ", ".join(f"`{name}`" for name in sorted(getattr(engine.Settings, "cannot", ())))
            about += f" It has nothing for {cannot}." if cannot else ""
            yield Table(f"{chain}.{name}", about, tuple(own))


def _shared(kind: Kind) -> dict[str, str]:
    """Return the keys that all engines of a kind share, with their defaults."""
    model = VoiceSettings if kind == "voice" else EngineSettings
    return {name: _default(field) for name, field in model.model_fields.items()}


def _table(path: str, model: type[BaseModel]) -> Table:
    about = prose((inspect.getdoc(model) or "").split("\n\n")[0])
    return Table(path, about, tuple(_keys(path, model)))


def _keys(path: str, model: type[BaseModel]) -> Iterator[Key]:
    said = _docstrings(model)
    for name, field in model.model_fields.items():
        if model_in(field.annotation)[0] not in (None, Manner):
            continue
        full = f"{path}.{name}" if path else name
        meaning = said.get(name) or _SAID.get(full, "")
        yield Key(full, _type(field.annotation) + _bounds(field), _default(field), meaning)


def _docstrings(model: type[BaseModel]) -> dict[str, str]:
    """Return what stands below each field of a model and of those that it builds on."""
    found: dict[str, str] = {}
    for cls in reversed(model.__mro__):
        if not issubclass(cls, BaseModel) or cls is BaseModel:
            continue
        (definition,) = ast.parse(inspect.getsource(cls)).body
        assert isinstance(definition, ast.ClassDef)
        for above, below in pairwise(definition.body):
            match above, below:
                case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(said))):
                    found[name] = prose(said)
    return found


def model_in(annotation: Any) -> tuple[type[BaseModel] | None, bool]:
    """Return the model that an annotation is or holds, and whether it holds several by name."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation, False
    several = get_origin(annotation) is dict
    for part in get_args(annotation):
        model, _ = model_in(part)
        if model is not None:
            return model, several
    return None, False


_NAMES = {str: "text", bool: "true or false", int: "whole number", float: "number", Any: "anything"}


def _type(annotation: Any) -> str:
    """Say a type in plain words."""
    if annotation is Manner:
        return "`voice`, `style`, `speed`, `pitch`"
    origin, inner = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _type(inner[0])
    if origin is Literal:
        return " or ".join(f"`{value}`" for value in inner)
    if origin in (Union, types.UnionType):
        return " or ".join(_type(part) for part in inner if part is not type(None))
    if origin is tuple:
        if inner[-1] is Ellipsis:
            return f"list of {_type(inner[0])}"
        return " and ".join(_type(part) for part in inner)
    if origin is list:
        return f"list of {_type(inner[0])}"
    if origin is dict:
        return f"table of {_type(inner[1])}"
    return _NAMES[annotation]


def _bounds(field: FieldInfo) -> str:
    """Say a field's limits."""
    found: dict[str, Any] = {}
    for held in field.metadata:
        for name in ("ge", "gt", "le", "lt", "min_length", "max_length"):
            if (limit := getattr(held, name, None)) is not None:
                found[name] = limit
    low = f"from {found['ge']:,}" if "ge" in found else f"above {found['gt']:,}" if "gt" in found else ""
    high = f"to {found['le']:,}" if "le" in found else f"below {found['lt']:,}" if "lt" in found else ""
    size = f"at most {found['max_length']:,}" if "max_length" in found else ""
    limits = " ".join(part for part in (low, high, size) if part)
    return f", {limits}" if limits else ""


def _default(field: FieldInfo) -> str:
    value = field.get_default(call_default_factory=True)
    if field.is_required():
        return "required"
    if value is None:
        return "none"
    written = json.dumps(value, ensure_ascii=False)
    return f"`{written}`" if len(written) <= 80 else f'`{written[:76]}…"`'


def _lanes() -> str:
    """Write the lanes that a show has without a word of its own."""
    head = ("lane", "percepts", "priority", "merge", "together", "capacity", "expiry", "preempt", "survives")
    rows = [
        (
            f"`{name}`",
            ", ".join(lane.percepts),
            str(lane.priority),
            lane.merge,
            str(lane.together),
            f"{lane.capacity:,}",
            f"{lane.expiry:g} s" if lane.expiry else "never",
            lane.preempt,
            "yes" if lane.survives else "",
        )
        for name, lane in config.Show().lanes.items()
    ]
    return "\nThe lanes that are there from the start; a table of the same name changes one:\n\n" + table(head, rows)
