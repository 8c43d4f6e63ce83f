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
_SHORT = {
    "k": {"en": "thousand", "es": "mil", "fr": "mille"},
    "m": {"en": "million", "es": "millones", "fr": "millions"},
    "b": {"en": "billion", "es": "mil millones", "fr": "milliards"},
    "bn": {"en": "billion", "es": "mil millones", "fr": "milliards"},
}
_SCALE = r"(?:k|m|bn?|thousand|million|billion|millions?|milliards?|millones|mil|mille|万|億|亿|千)"
_BEFORE = rf"(?:US)?([$€£¥])\s?(\d[\d.,]*)(?<![.,])(?:\s?({_SCALE})(?!\w))?"
_AFTER = r"(?<![\d.,])(\d[\d.,]*)(?<![.,])[ \u00a0\u202f]?([$€£¥])(?![a-z0-9])"
_AMOUNT = re.compile(f"{_BEFORE}|{_AFTER}", re.I)
"""From left to right: the sign in "5 € 10" belongs to what stands before it."""
_CENTS = re.compile(r"(\d+)[.,](\d\d)")


def money(text: str, language: str) -> str:
    """Write amounts as they are said: ``$3.50`` becomes ``3 dollars 50``, in Japanese ``3.50ドル``."""
    text = text.replace("￥", "¥").replace("＄", "$").replace("￡", "£")
    spoken = base(language)
    return _AMOUNT.sub(lambda match: _said(match[1] or match[5], match[2] or match[4], match[3] or "", spoken), text)


def _said(sign: str, amount: str, scale: str, language: str) -> str:
    unit = _UNITS[sign].get(language, _UNITS[sign]["en"])
    if isinstance(unit, str):
        return f"{amount}{scale}{unit}"
    if scale:
        scale = _SHORT.get(scale.lower(), {}).get(language, scale)
        of = " de" if language in ("es", "fr") and "mill" in scale.lower() and scale != "mille" else ""
        return f"{amount} {scale}{of} {unit[1]}"
    name = unit[0] if amount == "1" else unit[1]
    if cents := _CENTS.fullmatch(amount):
        name = unit[0] if cents[1] == "1" else unit[1]
        return f"{cents[1]} {name}" + (f" {cents[2]}" if cents[2] != "00" else "")
    return f"{amount} {name}"
