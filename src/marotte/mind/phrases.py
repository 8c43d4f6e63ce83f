"""The few sentences that the program itself says or writes, in its five languages: ``phrases.toml`` holds them."""

from collections.abc import Mapping
from functools import cache
from importlib import resources
from random import Random

import msgspec

from marotte.events import AnyPercept, Gift, Raid, Redemption, Subscription
from marotte.text.holes import filled
from marotte.text.language import base

_ANY_GIFT = "gift"
"""What a platform's gift is called where nothing else is known of it."""


@cache
def phrases() -> Mapping[str, Mapping[str, tuple[str, ...]]]:
    """Return all of them, by kind and language."""
    file = resources.files(__package__ or "") / "phrases.toml"
    return msgspec.toml.decode(file.read_bytes(), type=dict[str, dict[str, tuple[str, ...]]])


def phrase(kind: str, language: str, rng: Random, **slots: str) -> str:
    """Return one of the sentences of a kind to be said, in ``language`` or else in English."""
    return filled(rng.choice(_choices(kind, language)), {slot: _plain(value) for slot, value in slots.items()})


def sentence(kind: str, language: str, **slots: object) -> str:
    """Return the sentence of a kind to be written to a viewer, in ``language`` or else in English."""
    return filled(_choices(kind, language)[0], {slot: str(value) for slot, value in slots.items()})


def thanks(percept: AnyPercept, language: str, rng: Random) -> str:
    """Return a sentence that names who gave something; "" where nobody gave anything."""
    name = _plain(percept.viewer.name if percept.viewer else "") or phrase("friend", language, rng)
    match percept:
        case Gift():
            what = percept.what if percept.what != _ANY_GIFT else phrase("a_gift", language, rng)
            return phrase("gift", language, rng, name=name, what=what)
        case Subscription():
            return phrase("subscription", language, rng, name=name)
        case Redemption():
            return phrase("redemption", language, rng, name=name, what=percept.reward)
        case Raid():
            return phrase("raid", language, rng, name=name)
        case _:
            return ""


def _choices(kind: str, language: str) -> tuple[str, ...]:
    known = phrases()[kind]
    return known.get(base(language)) or known["en"]


def _plain(text: str) -> str:
    """A stranger's words inside a sentence of ours: no stage directions, no markup, not long."""
    return "".join(c for c in text if c.isprintable() and c not in "[]{}<>*_`")[:60].strip()
