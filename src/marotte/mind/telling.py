"""Telling: what has happened, in the words of the show's templates, with all that people wrote in quotes."""

import json
import re
from collections.abc import Mapping
from random import Random

from marotte.config_emotes import Emotes
from marotte.config_prompts import Prompts
from marotte.events import (
    AnyPercept,
    Asked,
    ChatMessage,
    Due,
    Follow,
    GameContext,
    Gift,
    Happening,
    Lull,
    Raid,
    Redemption,
    Sighting,
    Subscription,
    Utterance,
)
from marotte.text.emotes import marked, unmarked
from marotte.text.holes import filled

_LONGEST = 1_500
_SIMPLE = re.compile(r"[^\W_][\w $€£¥.-]{0,29}|[$€£¥]?")
_DEFAULT, _EMOTES = Prompts(), Emotes()

Filling = Mapping[str, tuple[str, bool]]
"""What goes into each hole, and whether there is anything."""


def describe(percept: AnyPercept, prompts: Prompts = _DEFAULT, emotes: Emotes = _EMOTES) -> str:
    """Tell a brain that reads only text what has happened, with all of a viewer's own words in quotes."""
    kind, filling = _filling(percept, emotes)
    who = quoted(percept.viewer.name) if percept.viewer else "Somebody"
    filling = {"who": (who, percept.viewer is not None), **filling}
    values = {hole: text for hole, (text, _) in filling.items()}
    empty = [hole for hole, (_, there) in filling.items() if not there]
    # Chance has nothing to go by but the percept itself, so that another try is told the same.
    return filled(getattr(prompts, kind), values, Random(percept.id), empty)


def _filling(percept: AnyPercept, emotes: Emotes) -> tuple[str, Filling]:
    """Say which template tells of a percept, and what goes into it."""
    match percept:
        case ChatMessage():
            told = marked if emotes.told == "name" else unmarked
            return "chat_message", {"text": _words(told(percept.text, percept.emotes))}
        case Utterance():
            return "unsure" if percept.uncertain else "utterance", {"text": _words(percept.text)}
        case Asked():
            return "asked", {"text": (percept.text, True)}
        case Gift():
            holes = {"what": _words(percept.what), "unit": _plain(percept.unit), "text": _words(percept.message)}
            return "gift", {**holes, "amount": (f"{percept.amount:g}", True)}
        case Subscription():
            kind = "gift_subs" if percept.given else "resub" if percept.months > 1 else "subscription"
            numbers = {"months": (str(percept.months), True), "given": (str(percept.given), True)}
            return kind, {**numbers, "tier": _plain(percept.tier), "text": _words(percept.message)}
        case Redemption():
            return "redemption", {"reward": _words(percept.reward), "text": _words(percept.text)}
        case Follow():
            return "follow", {}
        case Raid():
            return "raid", {"party": (str(percept.party), True)}
        case Happening():
            return "happening", {"what": (percept.what, True), "text": _words(percept.text)}
        case Sighting():
            return "sighting", {"text": _words(percept.text)}
        case Due():
            # The show's own schedule speaks for itself; a reminder is in the words of a viewer.
            text = _words(percept.text) if percept.viewer else (percept.text, bool(percept.text))
            return "due", {"what": (percept.schedule, True), "text": text}
        case Lull():
            return "lull", {"seconds": (f"{percept.seconds:.0f}", True)}
        case GameContext():
            return "game_context", {"what": _words(percept.game), "text": _words(percept.text)}


def _words(text: str) -> tuple[str, bool]:
    return quoted(text), bool(text)


def _plain(text: str) -> tuple[str, bool]:
    """Leave a platform's own short word as it stands, such as bits or USD; anything else is quoted."""
    text = text.strip()
    return text if _SIMPLE.fullmatch(text) else quoted(text), bool(text)


def quoted(text: str) -> str:
    """Quote a stranger's words so that nothing in them can end the quotation."""
    return json.dumps(text[:_LONGEST], ensure_ascii=False)
