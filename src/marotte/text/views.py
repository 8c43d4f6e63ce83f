"""One sentence of a brain, seen three ways: for the eye, for the ear, and for the body."""

import re
from typing import Literal, cast

import msgspec

from marotte.events import Cue, Line
from marotte.text.emotes import SKIPPED, Spelling, emoji_names, for_the_ear
from marotte.text.language import base
from marotte.text.normal import EMOJI, LINK, WIDE
from marotte.text.numbers import money

FEELINGS = ("neutral", "joy", "laugh", "sad", "angry", "surprised", "shy", "thinking", "wink")
"""The expressions that every character has; ``[joy]`` in a brain's text shows one."""

GESTURES = (
    "nod",
    "shake",
    "tilt",
    "bow",
    "wave",
    "jump",
    "spin",
    "shrug",
    "clap",
    "dance",
    "sigh",
    "gasp",
    "yawn",
    "whisper",
)
"""The animations that a brain may ask for; a body does those it can."""

LONGEST_PAUSE = 10_000
"""Milliseconds that a pause in a line may last."""

_PAUSE = 500


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


_ALIASES = {
    "neutral": "calm normal relaxed bored sleepy calme tranquilo tranquila",
    "joy": "happy happily smile smiles smiling smiled grin grins grinning beams beaming excited excitedly cheerful "
    "cheerfully delighted proud proudly love loving warmly feliz sonríe sonriendo contenta contento sourit "
    "souriant joyeux joyeuse 开心 高兴 微笑 微笑む 笑顔 嬉しい 喜び にっこり",
    "laugh": "笑う laughs laughing laughed laughter giggle giggles giggling chuckle chuckles chuckling cackle cackles "
    "snickers ríe riendo risas carcajada rit rires rigole 笑 大笑 笑い 爆笑 くすくす",
    "sad": "sadly sadness crying cries cry sobs sobbing sniffles pouts pouting triste llora llorando pleure 难过 "
    "伤心 悲伤 哭 悲しい 泣く 涙",
    "angry": "anger angrily mad furious annoyed growls growling frowns frowning glares huffs enojado enojada "
    "enfadado enfadada fâché fâchée furieux furieuse 生气 愤怒 怒り 怒る",
    "surprised": "surprise shocked amazed astonished startled scared fear afraid sorprendido sorprendida surpris "
    "surprise étonné étonnée 惊讶 吃惊 驚き びっくり",
    "shy": "shyly blush blushes blushing embarrassed bashful bashfully tímido tímida timide rougit "
    "害羞 脸红 照れ 恥ずかしい",
    "thinking": "think thinks ponder ponders pondering hmm confused curious curiously wondering pensativo "
    "pensativa piensa réfléchit pensif pensive 思考 沉思 考え中",
    "wink": "winks winking smirk smirks smirking mischievous mischievously playful playfully guiño guiña "
    "clin 眨眼 ウインク",
    "nod": "nods nodding nodded asiente hoche 点头 うなずく 頷く",
    "shake": "shakes headshake niega 摇头",
    "tilt": "tilts ladea penche 歪头 首をかしげる",
    "bow": "bows bowing inclina 鞠躬 お辞儀",
    "wave": "waves waving saluda salue 挥手 手を振る",
    "jump": "jumps jumping hops bounces bouncing salta saute 跳",
    "spin": "spins spinning twirls twirling gira tourne",
    "shrug": "shrugs shrugging 耸肩",
    "clap": "claps clapping applauds aplaude applaudit 鼓掌 拍手",
    "dance": "dances dancing baila danse 跳舞 踊る",
    "sigh": "sighs sighing suspira soupire 叹气 ため息",
    "gasp": "gasps gasping",
    "yawn": "yawns yawning bosteza bâille 打哈欠 あくび",
    "whisper": "whispers whispering whispered softly quietly susurra susurrando chuchote murmure 小声 ささやく",
}
_NAMES = {alias: name for name, aliases in _ALIASES.items() for alias in (name, *aliases.split())}
_PLAIN_VERBS = _set(
    "laugh giggle smile grin cry pout nod shake tilt bow wave jump spin shrug clap dance sigh gasp yawn whisper "
    "wink smirk think ponder happy sad angry surprised shy thinking joy neutral calm normal mad love proud excited "
    "curious confused surprise softly quietly relaxed bored sleepy playful salta gira clin 跳"
)
"""Names that are as likely to be stressed as to be played: a direction only at an end of the sentence."""

_SIGN = {
    "en": (" dot ", " at ", " percent", "number ", " and ", " plus ", " times ", " equals "),
    "es": (" punto ", " arroba ", " por ciento", "número ", " y ", " más ", " por ", " igual a "),
    "fr": (" point ", " arobase ", " pour cent", "numéro ", " et ", " plus ", " fois ", " égale "),
    "zh": ("点", "艾特", "%", "第", "和", "加", "乘", "等于"),
    "ja": ("ドット", "アットマーク", "パーセント", "ナンバー", "と", "足す", "かける", "は"),
}

_MARK = 0xF0000
_DROPPED = chr(_MARK + 0xFFF0)
_MOST_CUES = 32
_MARKS = re.compile("([\U000f0000-\U000ffffd])")
_UNWANTED = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff\ud800-\udfff\U000e0000-\U0010ffff]"
)
_BLANKS = re.compile("[ \t]{2,}|\t")
_BLANK_LINES = re.compile(r"\n{2,}")
_FENCE = re.compile(r"^[ \t]*(?:```|~~~)[^\n`]*$", re.M)
_IMAGE_OR_LINK = re.compile(r"!?\[([^\[\]]*)\]\(([^()\s]*)(?:\s+\"[^\"]*\")?\)")
_MARKUP_TAG = re.compile(r"</?[A-Za-z][^<>]{0,80}>")
_LINE_START = re.compile(r"^[ \t]*(?:#{1,6}[ \t]+|>[ \t]?|[-+*•‣][ \t]+)+", re.M)
_RULE = re.compile(r"^[ \t]*(?:[-*_=][ \t]*){3,}$", re.M)
_STARRED = re.compile(r"(?<!\d)(\*{1,3}|~~)(?=\S)([^*\n]+?)(?<=\S)\1")
_UNDERLINED = re.compile(r"(?<![\w\\])(_{1,3})(?=[^\s_])([^_\n]+?)(?<=[^\s_])\1(?!\w)")
_STRAY_STARS = re.compile(r"\*{2,}|~~|(?<![\d\s*])\*|\*(?![\d\s*])")
_BRACKETED = re.compile(r"\[([^\[\]\n]{0,120})\]|【([^【】\n]{0,120})】")
_STAGED = re.compile(r"\*([^*\n]{1,60})\*|\(([^()\n]{1,60})\)|（([^（）\n]{1,60})）")
_WHO = re.compile(r"^\s*(?:she|he|they|ella|él|elle|il|se)\s+")
"""Who does it, where a direction tells that: ``*she smiles*``, ``*se ríe*``."""
_DIRECTION = re.compile(r"(expression|animation|hotkey|sound|overlay)\s*[:= ]\s*(\S.{0,58})", re.I)
_PAUSED = re.compile(r"(?:pause|beat|silence|wait)\b[\s:=]*(?:(\d{1,6}(?:[.,]\d+)?)\s*(ms|s|sec|seconds?)?)?\.?", re.I)

_EMOJI = re.compile(f"[{EMOJI}\U000fe000-\U000fefff]+")
_EMOTICON = re.compile(
    r"(?<![^\s.,!?])(?:[:;=][-']?[()\[\]DPpOo3/|\\*]+|<3+|\^[_.o]?\^;*|[xX]D+|T_T|>[_.]<|o_O|¯\\_\(ツ\)_/¯)(?![^\s.,!?])"
)
_FACE = re.compile(r"[(（][^()（）]{0,4}[´`≧>^・ω;°□╯ﾟ＾][^()（）]{0,10}[)）][ﾉノ♪☆]*")
_JAPANESE_LAUGHTER = re.compile(rf"(?<=[{WIDE}。！？!?\s])[wｗ]+(?![a-z0-9])", re.I)
_EMAIL = re.compile(r"(?<![\w.+-])([\w.+-]+)@([\w-]+(?:\.[\w-]+)+)")
_MENTION = re.compile(r"(?<!\w)[@#](?=[^\W\d])")
_NUMBERED = re.compile(r"(?<!\w)#(?=\d)")
_SHARP = re.compile(r"(?<![A-Za-z\d])([A-G])#(?!\w)")
_BETWEEN_NUMBERS = re.compile(r"(?<=\d)\s*([*×+=])\s*(?=\d)")
_LONG_RUN = re.compile(r"([^\W\d])\1{3,}")
_UNSPEAKABLE = re.compile(r"[\[\]{}<>|\\^~`_*#【】«»“”\"→←↑↓]+")
_PUNCTUATION = tuple(",.;:!?…、。，！？")
_HAS_WORD = re.compile(r"[^\W_]")


class Views(msgspec.Struct, frozen=True, kw_only=True):
    """What of a sentence is shown, what is spoken, and what the body does at which place of the spoken text."""

    shown: str
    spoken: str
    cues: tuple[Cue, ...] = ()
    feeling: str = ""
    """The first expression among the cues, or ""."""


def views(sentence: str, language: str = "en", emotes: Spelling = SKIPPED) -> Views:
    """Take a sentence apart. ``spoken`` may be empty: a line of emoji makes no sound.

    Directions stand in square brackets (``[joy]``, ``[nod]``, ``[pause 700ms]``, ``[sound drum]``); known ones also
    between asterisks or parentheses (``*laughs*``, ``(whispers)``). Bracketed ones that mean nothing here are left out
    of both texts. A pause is a cue whose name is its length, such as ``700ms``. ``emotes`` says what is heard
    of ``:Kappa:`` and of emoji.
    """
    cues: list[Cue] = []
    text = _BLANKS.sub(" ", _BLANK_LINES.sub("\n", _UNWANTED.sub("", sentence)))
    text = _RULE.sub("", _FENCE.sub("", text)).replace("`", "")
    text = _MARKUP_TAG.sub("", _IMAGE_OR_LINK.sub(r"\1", text))
    text = _BRACKETED.sub(lambda match: _bracket(match, cues), text)
    text = _STAGED.sub(lambda match: _stage(match, cues), _LINE_START.sub("", text))
    text = _plain(text)
    shown, _ = _place(text)
    spoken, offsets = _place(_for_the_ear(text, base(language), emotes))
    if not _HAS_WORD.search(spoken):
        spoken, offsets = "", dict.fromkeys(offsets, 0)
    placed = [
        msgspec.structs.replace(cues[mark], offset=offset) for mark, offset in offsets.items() if mark < len(cues)
    ]
    feeling = next((cue.name for cue in placed if cue.kind == "expression"), "")
    return Views(shown=shown, spoken=spoken, cues=tuple(placed), feeling=feeling)


def line(sentence: str, language: str = "en", turn: str = "", emotes: Spelling = SKIPPED) -> Line | None:
    """Make a line of a sentence; None where nothing of it can be spoken."""
    view = views(sentence, language, emotes)
    if not view.spoken:
        return None
    return Line(
        turn=turn, shown=view.shown, spoken=view.spoken, cues=view.cues, language=language, feeling=view.feeling
    )


def _cue(text: str) -> Cue | None:
    """Read a direction as it stands in square brackets."""
    text = text.strip().strip("*_").strip()
    if (direction := _DIRECTION.fullmatch(text)) is not None:
        name = direction[2].strip()
        kind = cast('Literal["expression", "animation", "hotkey", "sound", "overlay"]', direction[1].lower())
        return Cue(kind=kind, name=_NAMES.get(name.lower(), name) if kind in ("expression", "animation") else name)
    if (pause := _PAUSED.fullmatch(text)) is not None:
        length = float((pause[1] or "0").replace(",", "."))
        whole_seconds = (pause[2] or "").lower().startswith("s") or (not pause[2] and length < 20)
        milliseconds = length * 1000 if whole_seconds else length
        return Cue(kind="pause", name=f"{min(LONGEST_PAUSE, int(milliseconds)) if pause[1] else _PAUSE}ms")
    known = text.lower().split(maxsplit=1)[:1]
    name = _NAMES.get(text.lower()) or (_NAMES.get(known[0]) if known and len(text.split()) <= 4 else None)
    if name is None:
        return None
    return Cue(kind="expression" if name in FEELINGS else "animation", name=name)


def _mark(cue: Cue, cues: list[Cue]) -> str:
    """Keep the cue and return the character that holds its place; private, so that no text brings its own."""
    if len(cues) >= _MOST_CUES:
        return _DROPPED
    cues.append(cue)
    return chr(_MARK + len(cues) - 1)


def _bracket(match: re.Match[str], cues: list[Cue]) -> str:
    inside = match[1] if match[1] is not None else match[2]
    cue = _cue(inside)
    return _mark(cue, cues) if cue is not None else _DROPPED


def _stage(match: re.Match[str], cues: list[Cue]) -> str:
    """Take ``*laughs*`` and ``(whispers)`` as directions, and leave stressed words and ordinary remarks alone."""
    inside = (_WHO.sub("", match[1].lower()) if match[1] else match[2] or match[3]).strip().lower()
    first = inside.split(maxsplit=1)[0] if inside else ""
    if first not in _NAMES or len(inside.split()) > 4:
        return match[0]
    if first in _PLAIN_VERBS:
        text = match.string
        at_an_end = not _HAS_WORD.search(text, 0, match.start()) or not _HAS_WORD.search(text, match.end())
        if not at_an_end or (len(inside.split()) > 1 and first == inside):
            return match[0]
    cue = _cue(inside)
    return _mark(cue, cues) if cue is not None else match[0]


def _plain(text: str) -> str:
    """Take the Markdown away and keep its words."""
    text = _UNDERLINED.sub(r"\2", _STARRED.sub(r"\2", _STARRED.sub(r"\2", text)))
    return _STRAY_STARS.sub("", text)


def _for_the_ear(text: str, language: str, emotes: Spelling) -> str:
    """Write the text as it is to be said."""
    text = for_the_ear(text, emotes, _DROPPED)
    if emotes.named and language == "en":
        text = _EMOJI.sub(lambda run: f" {emoji_names(run[0])} ", text)
    dot, at, percent, number, also, plus, times, equals = _SIGN.get(language, _SIGN["en"])
    text = _EMOTICON.sub(_DROPPED, _FACE.sub(_DROPPED, _EMOJI.sub(_DROPPED, text)))
    text = _EMAIL.sub(lambda match: match[1] + at + match[2].replace(".", dot), text)
    text = LINK.sub(lambda match: _host(match[0], dot), text)
    text = _SHARP.sub(r"\1シャープ" if language == "ja" else r"\1 sharp", money(text, language))
    text = _NUMBERED.sub(number, _MENTION.sub("", text))
    signs = {"+": plus, "=": equals, "*": times, "×": times}
    text = _BETWEEN_NUMBERS.sub(lambda match: signs[match[1]], text)
    text = re.sub(r"\s*&\s*", also, text)
    text = re.sub(r"(?<=\d)\s?[%％]", percent, text)
    if language == "ja":
        text = _JAPANESE_LAUGHTER.sub(_DROPPED, text)
    text = text.replace("〜", "ー").replace("～", "ー") if language == "ja" else text.replace("～", "")
    return _LONG_RUN.sub(r"\1\1\1", _UNSPEAKABLE.sub(" ", text))


def _host(address: str, dot: str) -> str:
    """Say of an address only where it leads; keep the mark that ends the sentence."""
    bare = address.rstrip(".,;:!?)'\"")
    host = re.split(r"[/?#:]", re.sub(r"^(?:https?://)?(?:www\.)?", "", bare, flags=re.I), maxsplit=1)[0]
    return host.rpartition("@")[2].replace(".", dot) + address[len(bare) :]


def _place(text: str) -> tuple[str, dict[int, int]]:
    """Tidy the white space and take the cues' marks out; return the text and each mark's offset in it."""
    built, offsets = "", dict[int, int]()
    for index, part in enumerate(_MARKS.split(text)):
        if index % 2:
            offsets[ord(part) - _MARK] = len(built)
            continue
        part = re.sub(r"\s+", " ", part)
        if index and part[:1] in _PUNCTUATION:
            built = built.rstrip()
        built += part.lstrip() if built[-1:] in ("", " ") else part
    built = built.rstrip()
    return built, {mark: min(offset, len(built)) for mark, offset in offsets.items()}
