"""Amounts of money, put the way they are said."""

import re

from marotte.text.language import base

_UNITS = {
    "$": {
        "en": ("dollar", "dollars"),
        "es": ("dólar", "dólares"),
        "fr": ("dollar", "dollars"),
        "zh": "美元",
        "ja": "ドル",
    },
    "€": {"en": ("euro", "euros"), "es": ("euro", "euros"), "fr": ("euro", "euros"), "zh": "欧元", "ja": "ユーロ"},
    "£": {
        "en": ("pound", "pounds"),
        "es": ("libra", "libras"),
        "fr": ("livre", "livres"),
        "zh": "英镑",
        "ja": "ポンド",
    },
    "¥": {"en": ("yen", "yen"), "es": ("yen", "yenes"), "fr": ("yen", "yens"), "zh": "元", "ja": "円"},
}
_SCALE = r"(?:k|thousand|million|billion|millions?|milliards?|millones|mil|mille|万|億|亿|千)"
_BEFORE = re.compile(rf"(?:US)?([$€£¥])\s?(\d[\d.,]*)(?<![.,])(?:\s?({_SCALE})(?!\w))?", re.I)
_AFTER = re.compile(r"(?<![\d.,])(\d[\d.,]*)(?<![.,])[ \u00a0\u202f]?([$€£¥])(?![a-z0-9])", re.I)
_CENTS = re.compile(r"(\d+)[.,](\d\d)")


def money(text: str, language: str) -> str:
    """Write amounts as they are said: ``$3.50`` becomes ``3 dollars 50``, in Japanese ``3.50ドル``."""
    text = text.replace("￥", "¥").replace("＄", "$").replace("￡", "£")
    spoken = base(language)
    text = _BEFORE.sub(lambda match: _said(match[1], match[2], match[3] or "", spoken), text)
    return _AFTER.sub(lambda match: _said(match[2], match[1], "", spoken), text)


def _said(sign: str, amount: str, scale: str, language: str) -> str:
    unit = _UNITS[sign].get(language, _UNITS[sign]["en"])
    if isinstance(unit, str):
        return f"{amount}{scale}{unit}"
    if scale:
        of = (
            {"es": " de", "fr": " de"}.get(language, "")
            if scale.lower().startswith("mill") and scale != "mille"
            else ""
        )
        return f"{amount} {'thousand' if scale in 'kK' and language == 'en' else scale}{of} {unit[1]}"
    name = unit[0] if amount == "1" else unit[1]
    if cents := _CENTS.fullmatch(amount):
        name = unit[0] if cents[1] == "1" else unit[1]
        return f"{cents[1]} {name}" + (f" {cents[2]}" if cents[2] != "00" else "")
    return f"{amount} {name}"
