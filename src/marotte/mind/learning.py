"""What can be learnt from what people say: patterns of English, Spanish, French, Chinese and Japanese.

A pattern sees a statement, never a question. In it ``<name>`` is a name, ``<thing>`` some words up to the statement's
``<end>``, ``<pet>`` an animal and ``<me>`` the Japanese or Chinese speaker.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from marotte.text.normal import EMOJI, LINK, WIDE

LONGEST = 300
"""Of what somebody says, so many characters are read."""
MOST = 5
"""So many facts are learnt at once."""


@dataclass(frozen=True, slots=True)
class Learnt:
    """One fact as it will be remembered."""

    key: str
    """What it is about: name, city, origin, job, birthday, likes, dislikes, note, ``pet dog``, ``favourite <what>``."""
    text: str
    """One sentence, in the language in which it was said."""
    quote: str
    """The words that it was learnt from."""
    found_by: str
    """Words in every language under which it is found, besides its own."""

    @property
    def single(self) -> bool:
        """Whether a newer fact under this key takes its place."""
        return self.key not in ("likes", "dislikes", "note")


_ANIMALS = {
    "dog": "dog puppy perro perra chien chienne 狗 小狗 犬",
    "cat": "cat kitten gato gata chat chatte 猫 貓 小猫",
    "bird": "bird parrot pájaro loro oiseau perroquet 鸟 鹦鹉 鳥 インコ",
    "rabbit": "rabbit bunny conejo coneja lapin lapine 兔子 うさぎ ウサギ",
    "hamster": "hamster hámster 仓鼠 ハムスター",
    "fish": "fish pez poisson 鱼 魚 金魚",
    "horse": "horse caballo yegua cheval jument 马 馬",
    "turtle": "turtle tortoise tortuga tortue 乌龟 亀 カメ",
}
_ANIMAL_OF = {name: animal for animal, names in _ANIMALS.items() for name in names.split()}

# The words of questions about a fact, so that "where do I live?" finds the city in whatever language it was told.
_ASKED_WITH = {
    "name": "name called nombre llamo llama nom appelle 名字 名前 叫什 お名",
    "city": "city town home live lives ciudad vivo vive ville habite 城市 住在 哪里 哪儿 住ん 町",
    "origin": "from origin country origen país viene pays 来自 哪里 出身",
    "job": "job work profession trabajo profesión travail métier 工作 职业 仕事 職業",
    "birthday": "birthday born cumpleaños anniversaire 生日 誕生 生日",
    "likes": "like love favourite gusta favorito aime préfère 喜欢 爱好 好き 趣味",
    "dislikes": "hate dislike odio detesto déteste 讨厌 嫌い 苦手",
    "note": "remember recuerda souviens 记住 覚え",
    "pet": "pet animal mascota 宠物 动物 ペット 動物",
    "favourite": "favourite favorite favorito préféré 最喜 喜欢 好き",
}
_SOMEBODY = {"en": "The partner", "es": "El interlocutor", "fr": "L'interlocuteur", "zh": "对方", "ja": "相手"}
_OWN = {
    "en": (re.compile(r"\bmy\b", re.I), "their"),
    "es": (re.compile(r"\bmi(s?)\b", re.I), r"su\1"),
    "fr": (re.compile(r"\bm(on|a|es)\b", re.I), r"s\1"),
    "zh": (re.compile("我的?"), "自己的"),
    "ja": (re.compile("(?:私|僕|俺)の"), "自分の"),
}
_NO_VALUES = (
    "you it this that him her them us not how what when everything nothing"
    " te lo que eso esto nada todo toi ça cela tout rien pas"
    " 你 你们 他 她 它 这个 那个 それ これ あれ 何 誰"
)
_NO_VALUE = frozenset(_NO_VALUES.split())
"""A value that begins so says nothing of the speaker."""
_NO_NAMES = (
    "a an the on in at by later back now anytime any whatever when if tomorrow tonight again names maybe also still so"
    " too very known spelled spelt written pronounced la el un una los las le les"
)
_NO_NAME = _NO_VALUE | frozenset(_NO_NAMES.split())
"""A name that begins so is none: "you can call me later", "me llamo la atención"."""

_NAME = r"(?P<value>[^\W\d_][\w'’-]*(?: (?-i:[A-ZÀ-Þ])[\w'’-]*){0,2})"
_THING = r"(?P<value>[^,;:!?]{2,80}?)"
_CJK = r"(?P<value>[^\s，。、,.!！~～?？「」『』“”]{1,20}?)"
_PARTS = {
    "en": {
        "name": _NAME,
        "thing": _THING,
        "end": r"(?= but | because | with | and (?:i|my) | so much| a lot|[,;:!?]|\.?$)",
    },
    "es": {
        "name": _NAME,
        "thing": _THING,
        "end": r"(?= pero | porque | con | y (?:me|mi|soy|vivo) | mucho|[,;:!?]|\.?$)",
    },
    "fr": {
        "name": _NAME,
        "thing": _THING,
        # "je viens de manger", not "de Lyon"
        "done": r"(?!(?:(?:me|te|se|la|les?|lui|nous|vous|y|en) |[mtsl]')*(?-i:[a-zà-ÿ])[\w-]*(?:er|ir|re)\b)",
        "end": r"(?= mais | parce | avec | et (?:je|mon|ma) | et j'| beaucoup|[,;:!?]|\.?$)",
    },
    "zh": {
        "name": _CJK,
        "thing": _CJK,
        "called": "(?![你您他她它了过過不没沒别別]|大家|人家|外[卖賣]|[车車妈媽爸])",
        "end": r"(?=[，。,.!！~～\s]|$)",
        "me": "我(?:现在|現在|也|真的|很|最|非常|超)*",
    },
    "ja": {
        "name": _CJK,
        "thing": _CJK,
        "end": r"(?=[、。!！~～\s]|$)",
        "me": "(?:(?:私|わたし|僕|ぼく|俺)は(?:今|、)*)",
    },
}
_NOT_SO = {
    "en": r"\b(?:if|unless|imagine|pretend|suppose|wish|never|nobody|doubt|(?:you|he|she|they|people) thinks?)\b[^,;]*$"
    r"|^(?:so |and |but )?(?:are|is|am|do|does|can|could|would|will|who|what|when|where|why|how)\b[^,;]*$"
    r"|(?:(?<!\bi )\b(?:says|said|tells|told|claims?)|\b(?:they|people|you|can't|don't|not) (?:say|tell))\b[^;]*$",
    "es": r"\b(?:si|ojalá|imagina|nunca|jamás|nadie|tampoco)\b[^,;]*$"
    r"|\b(?:dicen?|dijo|dijeron|creen?|piensan?)\b[^;]*$",
    "fr": r"\b(?:si|imagine[sz]?|jamais|personne)\b[^,;]*$"
    r"|(?<!\bje )\b(?:dit|disent|croi(?:t|ent)|pense(?:nt)?)\b[^;]*$",
    "zh": r"(?:如果|要是|假如|假[装裝]|希望|以前|(?:[他她你您们們妈媽爸人友家])都?(?:说|說|以[为為]|[觉覺]得))[^，,]*$",
    "ja": "もし|(?:彼女?|母|父|兄|姉|弟|妹|妻|夫|友達|友人|さん|ちゃん|くん)[はがも]|(?<![私僕俺])(?<!わたし)の$",
}
"""What before a statement makes it somebody else's, a question, or no more than a thought."""
_SUBJECT = re.compile(".[はがも](?=[一-鿿ァ-ヶ])")
"""In a Japanese value: 「彼は東京」に住んでいる speaks of somebody else."""
_DESU = "(?:です|だ|と(?:いいます|言います|申します)|って(?:いいます|言います))"

# Each: what it is about, what is said, what is remembered.
_SAID: dict[str, tuple[tuple[str, str, str], ...]] = {
    "en": (
        ("name", r"\bmy name(?:'s| is) (?:actually |really |just )?<name>", "{who}'s name is {value}."),
        ("name", r"\b(?:i am called|i'm called|you can call me|please call me) <name>", "{who}'s name is {value}."),
        ("city", r"\bi(?:'m| am)? (?:live|living) in <thing><end>", "{who} lives in {value}."),
        ("origin", r"\bi(?:'m| am| come) from <thing><end>", "{who} comes from {value}."),
        ("pet", r"\bmy <pet>(?:'s name is| is (?:called|named)) <name>", "{who}'s {kind} is called {value}."),
        ("likes", r"\bi (?:really |also |just )*(?:like|love|adore|enjoy) <thing><end>", "{who} likes {value}."),
        (
            "dislikes",
            r"\bi (?:really )?(?:hate|dislike|can't stand|don't like) <thing><end>",
            "{who} dislikes {value}.",
        ),
        ("job", r"\bi(?:'m| am| work as) (?P<value>an? (?:[\w-]+ )??<job>)<post>", "{who} is {value}."),
        ("birthday", r"\bmy birthday(?:'s| is) (?:on )?(?:the )?<thing><end>", "{who}'s birthday is {value}."),
        ("favourite", r"\bmy favou?rite <kind> (?:is|are) <thing><end>", "{who}'s favourite {kind} is {value}."),
        ("note", r"(?<!you )\bremember that <rest>$", "{who} asked you to remember: “{value}”."),
    ),
    "es": (
        ("name", r"(?<!no )\b(?:me llamo|mi nombre es) <name>", "{who} se llama {value}."),
        ("city", r"(?<!no )\bvivo en <thing><end>", "{who} vive en {value}."),
        ("origin", r"(?<!no )\b(?:soy|vengo) de <thing><end>", "{who} es de {value}."),
        ("pet", r"\bmi <pet> se llama <name>", "{who} tiene un animal ({kind}) que se llama {value}."),
        ("likes", r"(?<!no )\b(?:me (?:gusta|encanta)n?|adoro) (?:mucho )?<thing><end>", "A {who} le gusta {value}."),
        ("dislikes", r"\b(?:no me gustan?|odio|detesto) <thing><end>", "A {who} no le gusta {value}."),
        ("job", r"(?<!no )\b(?:soy|trabajo (?:de|como)) (?P<value>(?:una? )?<job>)\b", "{who} es {value}."),
        ("birthday", r"\bmi cumpleaños es (?:el )?<thing><end>", "El cumpleaños de {who} es el {value}."),
        ("favourite", r"\bmi <kind> favorit[oa] es <thing><end>", "De {kind}, lo que {who} prefiere es {value}."),
        ("note", r"\b(?:recuerda|acuérdate de) que <rest>$", "{who} te pidió recordar: «{value}»."),
    ),
    "fr": (
        ("name", r"\b(?:je m'appelle|mon (?:pré)?nom est) <name>", "{who} s'appelle {value}."),
        (
            "city",
            r"\b(?:j'habite|je vis) (?P<value>(?:à|a|en|au|aux|dans) [^,;:!?]{2,60}?)<end>",
            "{who} habite {value}.",
        ),
        ("origin", r"\bje viens (?P<value>(?:de |du |des |d')<done>[^,;:!?]{2,60}?)<end>", "{who} vient {value}."),
        ("pet", r"\bm(?:on|a) <pet> s'appelle <name>", "{who} a un animal ({kind}) qui s'appelle {value}."),
        ("likes", r"\bj'(?:aime|adore) (?!pas )(?:bien |beaucoup )?<thing><end>", "{who} aime {value}."),
        ("dislikes", r"\b(?:je n'aime pas|j'aime pas|je déteste) <thing><end>", "{who} n'aime pas {value}."),
        ("job", r"\bje (?:suis|travaille comme) (?P<value>(?:une? )?<job>)\b", "{who} est {value}."),
        (
            "birthday",
            r"\bmon anniversaire,? (?:c'est|est) (?:le )?<thing><end>",
            "L'anniversaire de {who} est le {value}.",
        ),
        ("favourite", r"\bm(?:on|a) <kind> préférée? (?:est|c'est) <thing><end>", "En {kind}, {who} préfère {value}."),
        (
            "note",
            r"\b(?:souviens-toi|rappelle-toi|retiens) (?:que |qu')<rest>$",
            "{who} t'a demandé de retenir : « {value} ».",
        ),
    ),
    "zh": (
        ("name", r"<me>(?:的名字(?:是|叫)|名叫|叫做|叫)<called><name><end>", "{who}的名字是{value}。"),
        ("city", r"<me>住在<thing><end>", "{who}住在{value}。"),
        ("origin", r"<me>[来來]自<thing><end>", "{who}来自{value}。"),
        ("pet", r"我家?的?<pet>(?:的名字)?(?:叫做|叫|是)<name><end>", "{who}的{kind}叫{value}。"),
        ("favourite", r"我最喜[欢歡]的<kind>是<thing><end>", "{who}最喜欢的{kind}是{value}。"),
        ("likes", r"<me>(?:喜[欢歡](?!的)|[爱愛](?!好))<thing><end>", "{who}喜欢{value}。"),
        ("dislikes", r"<me>(?:讨厌|討厭|不喜[欢歡]|恨)<thing><end>", "{who}不喜欢{value}。"),
        ("job", r"我是(?:一?[个個名位])?(?P<value>[^\s，。,.!！是我你的]{0,6}<job>)<end>", "{who}是{value}。"),
        ("birthday", r"我的?生日[是在]<thing><end>", "{who}的生日是{value}。"),
        ("note", r"(?:[请請帮幫]我?|要)(?:[记記]住|[记記]得)[，,：: ]?<rest>$", "{who}请你记住：“{value}”。"),
    ),
    "ja": (
        (
            "name",
            r"<me><name>(?:と(?:いいます|言います|申します)|って(?:いいます|言います))",
            "{who}の名前は{value}です。",
        ),
        ("name", r"(?:^|私の|僕の|俺の)名前は<name><desu>", "{who}の名前は{value}です。"),
        ("city", r"<me>?<thing>に住んで(?:い?ます|い?る)(?![一-鿿ァ-ヶ])", "{who}は{value}に住んでいます。"),
        ("origin", r"<me>?<thing>(?:から来ました|の?出身です)", "{who}は{value}の出身です。"),
        ("pet", r"(?:うち|私|僕|俺)の<pet>(?:の名前)?は<name><desu>", "{who}の{kind}の名前は{value}です。"),
        ("favourite", r"好きな<kind>は<thing>(?:です|だ|<end>)", "{who}の好きな{kind}は{value}です。"),
        (
            "likes",
            r"<me>?<thing>が(?:とても|本当に|一番)?(?:大)?好き(?!な|じゃ|では|でし|だった)",
            "{who}は{value}が好きです。",
        ),
        (
            "dislikes",
            r"<me>?<thing>が(?:とても|本当に)?(?:大?嫌い|苦手|好きじゃない)",
            "{who}は{value}が好きではありません。",
        ),
        ("job", r"(?:<me>|仕事は)(?P<value>[^\s、。はが]{0,10}<job>)(?:です|だ|を?して)", "{who}の仕事は{value}です。"),
        ("birthday", r"誕生日は<thing>(?:です|だ|<end>)", "{who}の誕生日は{value}です。"),
        (
            "note",
            r"<rest>(?:って|ことを|と|を)覚えて(?:おいて|いて|ね|ください)",
            "{who}に覚えてと頼まれたこと：「{value}」。",
        ),
    ),
}
_JOBS = {
    "en": r"(?:\w{2,}(?:er|or|ist|ician|eer|yst|ect)|student|nurse|chef|cook|pilot|vet|judge|barista|poet|guard|coach"
    r"|clerk|accountant|assistant|librarian|comedian)",
    "es": r"(?!mejor|peor|mayor|menor|solter|enter)(?:\w{2,}(?:ora?|er[oa]|ista|ólog[oa])|estudiante|cantante|médic[oa]"
    r"|abogad[oa]|músic[oa]|chef|piloto|agente)",
    "fr": r"(?!premi|derni|meill|enti)(?:\w{2,}(?:eur|euse|ier|ière|iste|icien|icienne|trice)|étudiante?|prof|avocate?"
    r"|médecin|chef|pilote|juge|secrétaire|vétérinaire)",
    "zh": "(?:[师師]|[员員]|学生|學生|医生|醫生|家|工人|手|[记記]者|教授|警察)",
    "ja": "(?:先生|師|員|学生|生徒|家|者|士|医|手|エンジニア|デザイナー|プログラマー|ライター)",
}


@dataclass(frozen=True, slots=True)
class _Rule:
    language: str
    key: str
    pattern: re.Pattern[str]
    sentence: str
    not_so: re.Pattern[str]

    def learns(self, match: re.Match[str]) -> bool:
        """Whether what matched is said outright, by the speaker and of themselves."""
        if self.key == "note":
            return True
        before = match.string[: match.start() if self.language == "ja" else match.start("value")]
        quoted = _IN_QUOTES.search(_QUOTED.sub("", before))
        return not (quoted or self.not_so.search(before) or _SUBJECT.search(match["value"]))


def _rules() -> Iterator[_Rule]:
    animals = "|".join(sorted(_ANIMAL_OF, key=len, reverse=True))
    for language, said in _SAID.items():
        not_so = re.compile(_NOT_SO[language], re.I)
        parts = {
            "pet": rf"(?P<kind>{animals})",
            "kind": r"(?P<kind>[^\s,;:.!?，。是は][^,;:.!?，。是は]{0,30}?)",
            "rest": r"(?P<value>.{2,160}?)",
            "job": _JOBS[language],
            "post": "(?=[,;!?.]|$| (?:at|in|for|from|and|but|who|by|here) )",
            "desu": _DESU,
            **_PARTS[language],
        }
        for key, pattern, sentence in said:
            whole = re.sub(r"(?<!\?P)<(\w+)>", lambda part, parts=parts: parts[part[1]], pattern)
            yield _Rule(language, key, re.compile(whole, re.I), sentence, not_so)


_QUOTED = re.compile('"[^"]*"')
_IN_QUOTES = re.compile('["“«「『][^”»」』]*$')
_RULES = tuple(_rules())
_SENTENCE = re.compile(r"[^.!?。！？\n]+(?:\.(?=\S)[^.!?。！？\n]*)*[.!?。！？]*")
_SHORT = re.compile(r"\b(St|Mt|Mr|Mrs|Ms|Dr)\.(?= )")
_LAUGHTER = re.compile(
    r"(?>[\s,、，]*(?:\b(?:lol|lmao|rofl|xd+|(?:ha|he|ja|je){2,}\w*|ptdr|mdr)\b|[(（]笑[)）]|哈哈|[:;]-?[()dp]"
    rf"|[{EMOJI}]|(?<=[{WIDE}])[wｗ]+))++[哈\s.!]*$",
    re.I,
)
_ASKS = re.compile(r"[?？]|(?:か|吗|呢|嗎)[。.]?$")


def learnable(text: str, who: str = "") -> list[Learnt]:
    """Return what a person called ``who`` says of themselves in ``text``; "" where nobody knows their name."""
    found: dict[str, Learnt] = {}
    for statement in _statements(LINK.sub(" ", text[:LONGEST])):
        for rule in _RULES:
            for match in rule.pattern.finditer(statement):
                if rule.learns(match) and (fact := _learnt(rule, match, who)):
                    found.setdefault(fact.text, fact)
    return list(found.values())[:MOST]


def _statements(text: str) -> Iterator[str]:
    """Yield what is stated; of a sentence that ends in a question, only what stands before its last comma."""
    for sentence in _SENTENCE.findall(_SHORT.sub(r"\1", text.replace("’", "'"))):
        sentence = _LAUGHTER.sub("", sentence)
        if _ASKS.search(sentence):
            sentence = re.split(r"[,，、;]", sentence)
            yield from (part.strip() for part in sentence[:-1])
        else:
            yield sentence.strip()


def _learnt(rule: _Rule, match: re.Match[str], who: str) -> Learnt | None:
    value = match["value"].strip(" .\"'«»“”「」。！!")
    if not value or value.casefold().split(" ")[0] in (_NO_NAME if rule.key == "name" else _NO_VALUE):
        return None
    kind = match.groupdict().get("kind", "").strip()
    animal = _ANIMAL_OF.get(kind.casefold(), "") if rule.key == "pet" else ""
    key = " ".join(filter(None, (rule.key, animal or kind.casefold())))
    own, theirs = _OWN[rule.language]
    shown = value if rule.key == "note" else own.sub(theirs, value)
    return Learnt(
        key=key,
        text=rule.sentence.format(who=who or _SOMEBODY[rule.language], value=shown, kind=kind),
        quote=match.string,
        found_by=" ".join((value, _ASKED_WITH[rule.key], _ANIMALS.get(animal, kind))),
    )
