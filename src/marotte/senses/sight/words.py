"""What the embedded eye has seen, in words: one or two sentences in each of its languages.

They are careful, for it sees little: somebody, perhaps, to be seen; never who, how old, or of what looks.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import msgspec

_MANY = 6
"""From so many people on nobody counts."""


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """What was found on a picture."""

    light: Literal["dark", "dim", "bright", "glaring"]
    people: int = 0
    """How many faces."""
    side: Literal["left", "middle", "right"] = "middle"
    """Where the nearest of them is."""
    near: Literal["close", "far", ""] = ""
    clothes: str = ""
    """The colour below the nearest face, or ""."""
    colours: tuple[str, ...] = ()
    """At most two that there is most of."""


@dataclass(frozen=True)
class _Tongue:
    """How one language says it."""

    light: Mapping[str, str]
    near: Mapping[str, str]
    side: Mapping[str, str]
    colours: Mapping[str, str]
    whole: str
    nobody: str
    one: str
    many: str
    crowd: str
    one_wears: str
    many_wear: str
    mostly: str
    both: str


_TONGUES = {
    "en": _Tongue(
        light={
            "dark": "It is very dark",
            "dim": "The light is dim",
            "bright": "It is well lit",
            "glaring": "It is dazzlingly bright",
        },
        near={"close": ", close by", "far": ", some way off", "": ""},
        side={"left": ", on the left", "middle": ", in the middle", "right": ", on the right"},
        colours={},
        whole="{light}, and {people}.",
        nobody="no face is to be seen",
        one="somebody is there{near}{side}",
        many="perhaps {count} people are there",
        crowd="a crowd of people is there",
        one_wears=", perhaps wearing {colour}",
        many_wear=", one of them perhaps wearing {colour}",
        mostly=" Most of it is {colours}.",
        both="{} and {}",
    ),
    "es": _Tongue(
        light={
            "dark": "Está muy oscuro",
            "dim": "Hay poca luz",
            "bright": "Hay buena luz",
            "glaring": "La luz deslumbra",
        },
        near={"close": ", cerca", "far": ", algo lejos", "": ""},
        side={"left": ", a la izquierda", "middle": ", en el centro", "right": ", a la derecha"},
        colours={
            "black": "negro", "white": "blanco", "grey": "gris", "red": "rojo", "pink": "rosa", "brown": "marrón",
            "beige": "beis", "orange": "naranja", "yellow": "amarillo", "green": "verde", "turquoise": "turquesa",
            "blue": "azul", "purple": "morado",
        },
        whole="{light} y {people}.",
        nobody="no se ve ninguna cara",
        one="hay alguien{near}{side}",
        many="quizá haya {count} personas",
        crowd="hay mucha gente",
        one_wears=", quizá con ropa de color {colour}",
        many_wear=", una de ellas quizá con ropa de color {colour}",
        mostly=" Predomina el color {colours}.",
        both="{} y el {}",
    ),
    "fr": _Tongue(
        light={
            "dark": "Il fait très sombre",
            "dim": "Il y a peu de lumière",
            "bright": "Il fait clair",
            "glaring": "La lumière éblouit",
        },
        near={"close": ", tout près", "far": ", un peu plus loin", "": ""},
        side={"left": ", à gauche", "middle": ", au milieu", "right": ", à droite"},
        colours={
            "black": "noir", "white": "blanc", "grey": "gris", "red": "rouge", "pink": "rose", "brown": "marron",
            "beige": "beige", "orange": "orange", "yellow": "jaune", "green": "vert", "turquoise": "turquoise",
            "blue": "bleu", "purple": "violet",
        },
        whole="{light} et {people}.",
        nobody="on ne voit aucun visage",
        one="il y a quelqu'un{near}{side}",
        many="il y a peut-être {count} personnes",
        crowd="il y a beaucoup de monde",
        one_wears=", peut-être en {colour}",
        many_wear=", dont une peut-être en {colour}",
        mostly=" La couleur qui domine : {colours}.",
        both="{} et {}",
    ),
    "zh": _Tongue(
        light={"dark": "光线很暗", "dim": "光线昏暗", "bright": "光线明亮", "glaring": "光线刺眼"},
        near={"close": "，离得很近", "far": "，离得有点远", "": ""},
        side={"left": "，在左边", "middle": "，在中间", "right": "，在右边"},
        colours={
            "black": "黑色", "white": "白色", "grey": "灰色", "red": "红色", "pink": "粉色", "brown": "棕色",
            "beige": "米色", "orange": "橙色", "yellow": "黄色", "green": "绿色", "turquoise": "青绿色",
            "blue": "蓝色", "purple": "紫色",
        },
        whole="{light}，{people}。",
        nobody="看不到人脸",
        one="有一个人{side}{near}",
        many="也许有{count}个人",
        crowd="有很多人",
        one_wears="，也许穿着{colour}的衣服",
        many_wear="，其中一人也许穿着{colour}的衣服",
        mostly="画面以{colours}为主。",
        both="{}和{}",
    ),
    "ja": _Tongue(
        light={"dark": "とても暗く", "dim": "薄暗く", "bright": "明るく", "glaring": "まぶしいほど明るく"},
        near={"close": "すぐ近くの", "far": "少し遠くの", "": ""},
        side={"left": "左の方に", "middle": "真ん中に", "right": "右の方に"},
        colours={
            "black": "黒", "white": "白", "grey": "灰色", "red": "赤", "pink": "ピンク", "brown": "茶色",
            "beige": "ベージュ", "orange": "オレンジ", "yellow": "黄色", "green": "緑", "turquoise": "青緑",
            "blue": "青", "purple": "紫",
        },
        whole="{light}、{people}。",
        nobody="顔は見えない",
        one="{near}{side}誰かがいる",
        many="たぶん{count}人いる",
        crowd="大勢の人がいる",
        one_wears="。{colour}の服を着ているかもしれない",
        many_wear="。そのうちの一人は{colour}の服を着ているかもしれない",
        mostly="{colours}が多い。",
        both="{}と{}",
    ),
}  # fmt: skip


def seen_in(found: Mapping[str, Any]) -> Seen:
    """Read what the program has found. Raises msgspec.ValidationError."""
    return msgspec.convert(found, Seen)


def tell(seen: Seen, language: str) -> str:
    """Put what was seen into words, in English where ``language`` is none of ours."""
    tongue = _TONGUES.get(language.split("-")[0].lower(), _TONGUES["en"])
    where = {"near": tongue.near[seen.near], "side": tongue.side[seen.side]}
    if not seen.people:
        people = tongue.nobody
    elif seen.people == 1:
        people = tongue.one.format(**where)
    else:
        people = (tongue.many if seen.people < _MANY else tongue.crowd).format(count=seen.people)
    if seen.people and seen.clothes:
        wears = tongue.one_wears if seen.people == 1 else tongue.many_wear
        people += wears.format(colour=tongue.colours.get(seen.clothes, seen.clothes))
    told = tongue.whole.format(light=tongue.light[seen.light], people=people)
    names = [tongue.colours.get(colour, colour) for colour in seen.colours]
    if names:
        told += tongue.mostly.format(colours=tongue.both.format(*names) if len(names) == 2 else names[0])
    return told
