"""Which language a text is written in, told from its script and its small words."""

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from math import inf

_SCRIPTS = (
    ("ja", re.compile("[\u3041-\u30fa\u31f0-\u31ff\uff66-\uff9d]")),
    ("zh", re.compile("[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003134f]")),
    ("ko", re.compile("[\u1100-\u11ff\u3131-\u318e\uac00-\ud7af]")),
    ("ru", re.compile("[\u0400-\u052f]")),
    ("el", re.compile("[\u0370-\u03ff]")),
    ("ar", re.compile("[\u0600-\u06ff]")),
    ("he", re.compile("[\u0590-\u05ff]")),
    ("th", re.compile("[\u0e00-\u0e7f]")),
    ("hi", re.compile("[\u0900-\u097f]")),
)
_HAN = dict(_SCRIPTS)["zh"]
_IDEOGRAMS = ("ja", "zh", "ko")
_LETTERS = re.compile(r"[^\W\d_]+")

_SMALL_WORDS = {
    language: frozenset(words.split())
    for language, words in {
        "en": "the a an is are was were am be been i you he she it we they my your his her its our their this that "
        "these those and or but not of to in on at for with from what who how why when where do does did "
        "have has had will would can could should hello hi hey thanks thank please yes there here just so if "
        "about like love want know think no good me us him them tell say sing talk make give get go see look "
        "let now really much more some any all one again well okay as by up out than then because wait sorry speak "
        "play never mind maybe happy birthday great awesome funny game word world night morning evening day time also "
        "into over very only every something anything nothing everyone which while",
        "es": "el la los las un una unos unas es son era soy eres está están yo tú él ella nosotros mi tu su sus "
        "este esta esto y o pero no de del a al en con por para qué que quién cómo como cuándo dónde porque "
        "hola gracias sí muy más me te se lo le hay tengo tiene quiero puede bien bueno buenos buenas todo "
        "cuando donde también eso esa hoy aquí cuéntame dime canta chiste quiénes eres tal vale llamo llamas hasta "
        "luego encanta encantan gusta gustan otra otro vez noches tardes días año años amo espera beso besos ahora "
        "siempre nunca nada algo entiendo sabes puedes puedo haces hago estás estoy vamos va vas voy vivo vives claro "
        "hablas hablo",
        "fr": "le la les un une des est sont était suis es je tu il elle nous vous ils mon ma mes ton ta ses ce "
        "cette ces et ou mais pas ne de du au aux en dans avec pour sur que qui quoi comment pourquoi quand "
        "où bonjour salut merci oui non très plus me te se y ai as avons avez ont fait bien tout aussi qu ça "
        "bonsoir toi moi être avoir dis raconte chante blague bonne bon nuit va vas sais sait peux peut veux veut fais "
        "appelle appelles aime aimes adore vie monde rien jamais toujours demain désolé attends bisous anniversaire",
        "de": "der die das ein eine ist sind war bin ich du er sie es wir ihr mein dein und oder aber nicht von zu "
        "in auf mit für was wer wie warum wann wo hallo danke bitte ja nein sehr auch den dem des im am "
        "haben hat habe kann noch nur",
        "it": "il lo la gli le un uno una è sono era io tu lui lei noi voi mio tuo suo questo questa e o ma non di "
        "del della a al in con per che chi come perché quando dove ciao grazie sì molto più mi ti si ci ho "
        "hai ha anche bene tutto",
        "pt": "o a os as um uma é são era sou eu tu ele ela nós você vocês meu minha seu sua este esta isto e ou "
        "mas não de do da dos das em no na com por para que quem como porque quando onde olá obrigado "
        "obrigada sim muito mais me te se tem",
    }.items()
}
_SIGNS = {
    "es": re.compile("[ñ¿¡]"),
    "fr": re.compile("[çœêèùûîôë]|à(?= )"),
    "de": re.compile("[ßäöü]"),
    "it": re.compile("[èìòù]"),
    "pt": re.compile("[ãõçâ]"),
}
_SHORTENED = {
    "en": re.compile(r"[^\W\d_]['’](?:s|t|m|d|re|ve|ll)(?![\w'’])"),
    "fr": re.compile(r"(?<!\w)(?:[cdjlmnst]|qu)['’](?=[^\W\d_])"),
}
"""What is written together with an apostrophe: ``it's``, ``j'ai``."""
_ACCENTS = {"es": re.compile("[áéíóú]"), "fr": re.compile("[éà]"), "pt": re.compile("[áéíóú]"), "it": re.compile("à")}


@lru_cache(maxsize=1_000)
def base(tag: str) -> str:
    """Return the language of a BCP-47 tag: ``en`` of ``en-US``."""
    return re.split("[-_]", tag, maxsplit=1)[0].lower()


def detect(text: str, among: Sequence[str], default: str) -> str:
    """Return the one of ``among`` (BCP-47 tags) that the text is written in, or ``default`` where it does not tell."""
    offered = {base(tag): tag for tag in reversed(among)}
    latin = sum(map(len, _LETTERS.findall(text)))
    found = {language: len(pattern.findall(text)) for language, pattern in _SCRIPTS} if not text.isascii() else {}
    latin -= sum(found.values())
    script = max(found, key=lambda language: found[language], default="")
    # A character of these scripts says as much as two or three letters.
    if found and found[script] * (2.5 if script in _IDEOGRAMS else 1) > latin:
        return offered.get(_ideograms(text, found, offered, default) if script in ("ja", "zh") else script, default)
    return _latin(text, offered, default) if latin > 0 else default


def may_be(text: str, language: str, among: Sequence[str]) -> bool:
    """Whether nothing tells that the text is in another of ``among``; many a short one may be in several."""
    if base(detect(text, among, language)) != base(language):
        return False
    scores = _scores(text, map(base, among))
    return scores.get(base(language), inf) >= max(scores.values(), default=0.0)


def _ideograms(text: str, found: dict[str, int], offered: dict[str, str], default: str) -> str:
    """Tell Japanese from Chinese: kana is Japanese; a few Han characters may be either where both write them."""
    if found["ja"] or "zh" not in offered:
        return "ja"
    han = [char for char in text if _HAN.match(char)]
    if "ja" in offered and (chinese := _only(han, "cp932")) != (japanese := _only(han, "gb2312", "big5")):
        return "zh" if chinese > japanese else "ja"
    return "ja" if base(default) == "ja" and len(han) <= 4 else "zh"


def _only(han: list[str], *other: str) -> int:
    """Count the characters that a writer of the other language does not use: none of its national sets has them."""
    return sum(not any(_is_in(char, charset) for charset in other) for char in han)


@lru_cache(maxsize=4_096)
def _is_in(char: str, charset: str) -> bool:
    try:
        return bool(char.encode(charset))
    except UnicodeEncodeError:
        return False


def _latin(text: str, offered: dict[str, str], default: str) -> str:
    """Take the language that has most to say for it; a tie is the default's."""
    scores = _scores(text, offered)
    best = max(scores.values(), default=0.0)
    winners = [language for language, score in scores.items() if score == best]
    return offered[winners[0]] if best > 0 and len(winners) == 1 else default


def _scores(text: str, among: Iterable[str]) -> dict[str, float]:
    """Count small words, apostrophes and diacritics for each of the languages in Latin letters."""
    text = text.lower()
    small = _LETTERS.findall(text)
    scores: dict[str, float] = {}
    for language in set(among) & _SMALL_WORDS.keys():
        known = _SMALL_WORDS[language]
        score = float(sum(word in known for word in small))
        if language in _SHORTENED:
            score += len(_SHORTENED[language].findall(text))
        if not text.isascii():
            score += 2 * bool(language in _SIGNS and _SIGNS[language].search(text))
            score += 0.5 * bool(language in _ACCENTS and _ACCENTS[language].search(text))
        scores[language] = score
    return scores
