"""Names that people give themselves, made fit to be shown and spoken: whatever one holds, it stays one short line."""

import re
import unicodedata
from functools import lru_cache

from marotte.text.normal import EMOJI

LONGEST_NAME = 40
"""Characters of a name that are shown."""
_READ = 1_000
_MOST_MARKS = 2
"""So many marks may stand over one letter, as in Thai and Hindi; over a Latin one, written as one already, one more."""
_UNSEEN = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\u3164\ufeff"
    "\uffa0\ufff0-\uffff\U000e0000-\U000e0fff]"
)
_EMOJI = re.compile(f"[{EMOJI}]")
_JOINERS = re.compile(rf"(?<![{EMOJI}\u0600-\u06ff\u0900-\u0dff])[\u200c\u200d]|[\u200c\u200d]$")


@lru_cache(4_096)
def shown_name(name: str) -> str:
    """Return a name on one line, without what cannot be seen, turns writing round, or piles up; "" if nothing is left.

    What it means is not judged here. The same is returned where it is done again.
    """
    kept: list[str] = []
    marks = 0
    for char in unicodedata.normalize("NFC", _UNSEEN.sub("", name[:_READ])):
        kind = unicodedata.category(char)
        if kind in ("Cc", "Cs", "Co", "Zl", "Zp") or (kind == "Cn" and not _EMOJI.match(char)):
            kept.append(" ")
            continue
        if (kind == "Me" and char != "\u20e3") or "\u0334" <= char <= "\u0338":  # but for the frame of a keycap
            continue
        marks = marks + 1 if kind == "Mn" else 0
        # A mark belongs to a letter: none stands by itself.
        most = 1 if "\u0300" <= char <= "\u036f" else _MOST_MARKS
        if marks > most or (marks and not (kept and kept[-1].strip())):
            continue
        kept.append(char)
    text = " ".join("".join(kept).split())[:LONGEST_NAME]
    text = _JOINERS.sub("", text).strip()
    return text if any(map(_can_be_seen, text)) else ""


def _can_be_seen(char: str) -> bool:
    return unicodedata.category(char)[0] not in "CZM"
