"""What a change of the show's settings needs before it holds, and what of it can hold while the show goes on."""

from typing import Any, Literal, NamedTuple, cast

from pydantic import BaseModel

from marotte.config import Show

Need = Literal["nothing", "reload", "restart"]
"""nothing: saved, it holds from the next turn on · reload: for windows and microphones opened from then on ·
restart: after the program was started again."""

NEEDS: dict[str, Need] = {
    "name": "reload",
    "seed": "restart",
    "character": "nothing",
    "character.drawing": "reload",
    "brain": "nothing",
    "brain.discover": "restart",
    "voice": "nothing",
    "voice.ahead": "restart",
    "duplex": "restart",
    "hearing": "reload",
    "hearing.chain": "nothing",
    "hearing.rest": "nothing",
    "hearing.commands": "nothing",
    "hearing.resume_after": "nothing",
    "sight": "nothing",
    "sight.camera": "restart",
    "attention": "nothing",
    "lanes": "nothing",
    "lanes.*.percepts": "restart",
    "lanes.*.survives": "restart",
    "memory": "nothing",
    "moderation": "nothing",
    "prompts": "nothing",
    "emotes": "nothing",
    "emotes.sets": "restart",
    "emotes.hosts": "restart",
    "subtitles": "nothing",
    "tools": "nothing",
    "commands": "nothing",
    "purse": "nothing",
    "redemptions": "nothing",
    "tools.zone": "restart",
    "tools.mcp": "restart",
    "irc": "restart",
    "twitch": "restart",
    "youtube": "restart",
    "tiktok": "restart",
    "discord": "restart",
    "device": "restart",
    "gateway": "restart",
    "gateway.partners": "nothing",
    "gateway.waiting": "nothing",
    "store": "restart",
}
"""Of each key what its change needs: the longest entry that it begins with counts, ``*`` being any name."""


class Change(NamedTuple):
    """A key that differs, and what that needs."""

    key: str
    needs: Need


def need_of(key: str) -> Need:
    """Return what a change of a key needs. Raises LookupError for a key that nobody has thought of."""
    parts = key.split(".")
    for length in range(len(parts), 0, -1):
        for entry, need in NEEDS.items():
            known = entry.split(".")
            if len(known) == length and all(k in ("*", p) for k, p in zip(known, parts[:length], strict=True)):
                return need
    raise LookupError(f"it is not said what a change of {key} needs")


def changes(old: Show, new: Show) -> list[Change]:
    """Return every key that differs between two shows, in the order of its name.

    Lanes share out the percepts among them: where one of them needs a restart, all do.
    """
    before, after = _leaves(old.model_dump()), _leaves(new.model_dump())
    keys = sorted(key for key in {**before, **after} if before.get(key, _NONE) != after.get(key, _NONE))
    found = [Change(key, need_of(key)) for key in keys]
    held_up = any(key.startswith("lanes.") and need == "restart" for key, need in found)
    return [
        Change(key, "restart") if held_up and key.startswith("lanes.") else Change(key, need) for key, need in found
    ]


def without_restart(old: Show, new: Show) -> Show:
    """Return the new show as far as it can hold in a run of the old one."""
    kept: dict[str, Any] = {}
    for key, need in changes(old, new):
        if need != "restart":
            continue
        table, _, below = key.partition(".")
        theirs = getattr(old, table)
        if isinstance(theirs, BaseModel) and isinstance(ours := kept.get(table, getattr(new, table)), BaseModel):
            field = below.split(".")[0]
            kept[table] = ours.model_copy(update={field: getattr(theirs, field)})
        else:
            kept[table] = theirs
    return new.model_copy(update=kept)


_NONE = object()


def _leaves(table: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Flatten tables into dotted keys; an empty table is a leaf, as a list is."""
    found: dict[str, Any] = {}
    for name, value in table.items():
        if isinstance(value, dict) and value:
            found |= _leaves(cast("dict[str, Any]", value), f"{prefix}{name}.")
        else:
            found[f"{prefix}{name}"] = value
    return found
