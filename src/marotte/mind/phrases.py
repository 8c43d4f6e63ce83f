"""The few sentences that the program itself puts in the character's mouth, in its five languages."""

from random import Random

from marotte.events import AnyPercept, Gift, Raid, Redemption, Subscription

_PHRASES: dict[str, dict[str, tuple[str, ...]]] = {
    "lost": {
        "en": ("I lost my thread. Say it again?", "My words ran off without me. Once more?"),
        "es": ("Se me fue el hilo. ¿Me lo repites?", "Mis palabras se han escapado. ¿Otra vez?"),
        "fr": ("J'ai perdu le fil. Tu peux répéter ?", "Mes mots ont filé sans moi. Encore une fois ?"),
        "zh": ("我一下子忘词了，再说一遍好吗？", "话到嘴边跑掉了，再来一次？"),
        "ja": ("話の糸が切れちゃった。もう一回言って？", "言葉が逃げちゃった。もう一度お願い。"),
    },
    "heard_silence": {
        "en": ("I heard nothing but my own bones. Hold the button while you speak.",),
        "es": ("No he oído nada. Mantén pulsado el botón mientras hablas.",),
        "fr": ("Je n'ai rien entendu. Garde le bouton enfoncé pendant que tu parles.",),
        "zh": ("我什么也没听到。说话时请按住按钮。",),
        "ja": ("何も聞こえなかったよ。話すあいだボタンを押していてね。",),
    },
    "heard_not_understood": {
        "en": ("I heard you, and understood nothing. Once more?", "That went through one ear hole and out the other."),
        "es": ("Te oí, pero no entendí nada. ¿Otra vez?",),
        "fr": ("Je t'ai entendu sans rien comprendre. Encore une fois ?",),
        "zh": ("我听到了，可没听懂。再说一遍？",),
        "ja": ("聞こえたけど、わからなかった。もう一回？",),
    },
    "forgotten": {
        "en": ("Done. What you told me is forgotten.",),
        "es": ("Hecho. He olvidado lo que me contaste.",),
        "fr": ("C'est fait. J'ai oublié ce que tu m'as dit.",),
        "zh": ("好了，你告诉我的事我都忘了。",),
        "ja": ("できたよ。教えてくれたことは忘れたからね。",),
    },
    "gift": {
        "en": ("Thank you for the {what}, {name}!",),
        "es": ("¡Gracias por tu regalo, {name}!",),
        "fr": ("Merci pour ton cadeau, {name} !",),
        "zh": ("谢谢你的礼物，{name}！",),
        "ja": ("{name}さん、贈り物をありがとう！",),
    },
    "subscription": {
        "en": ("Thank you for the subscription, {name}!",),
        "es": ("¡Gracias por la suscripción, {name}!",),
        "fr": ("Merci pour l'abonnement, {name} !",),
        "zh": ("谢谢你的订阅，{name}！",),
        "ja": ("{name}さん、登録ありがとう！",),
    },
    "redemption": {
        "en": ("{name}, your {what} is noted!",),
        "es": ("¡{name}, tu recompensa está anotada!",),
        "fr": ("{name}, ta récompense est notée !",),
        "zh": ("{name}，你的兑换收到啦！",),
        "ja": ("{name}さん、交換うけとりました！",),
    },
    "raid": {
        "en": ("Welcome, {name} and company!",),
        "es": ("¡Bienvenidos, {name} y compañía!",),
        "fr": ("Bienvenue, {name} et compagnie !",),
        "zh": ("欢迎{name}和朋友们！",),
        "ja": ("{name}さんとみんな、ようこそ！",),
    },
}


_SOMEBODY = {"en": "my friend", "es": "amigo mío", "fr": "mon ami", "zh": "朋友", "ja": "お友だち"}


def phrase(kind: str, language: str, rng: Random, **slots: str) -> str:
    """Return one of the sentences of a kind, in ``language`` or else in English."""
    choices = _PHRASES[kind].get(language) or _PHRASES[kind]["en"]
    return rng.choice(choices).format_map({key: _plain(value) for key, value in slots.items()})


def thanks(percept: AnyPercept, language: str, rng: Random) -> str:
    """Return a sentence that names who gave something; "" where nobody gave anything."""
    name = _plain(percept.viewer.name if percept.viewer else "") or _SOMEBODY.get(language, _SOMEBODY["en"])
    match percept:
        case Gift():
            return phrase("gift", language, rng, name=name, what=percept.what)
        case Subscription():
            return phrase("subscription", language, rng, name=name)
        case Redemption():
            return phrase("redemption", language, rng, name=name, what=percept.reward)
        case Raid():
            return phrase("raid", language, rng, name=name)
        case _:
            return ""


def _plain(text: str) -> str:
    """A stranger's words inside a sentence of ours: no stage directions, no markup, not long."""
    return "".join(c for c in text if c.isprintable() and c not in "[]{}<>*_`")[:60].strip()
