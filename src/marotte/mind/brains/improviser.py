"""The embedded brain: a partner in improvisation that needs no key, no network and no model, and says so."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from random import Random
from typing import ClassVar

from marotte.engines.kinds import EngineSettings, Kit, Prompt
from marotte.events import (
    AnyPercept,
    Asked,
    ChatMessage,
    Due,
    Follow,
    GameContext,
    Gift,
    Happening,
    Raid,
    Redemption,
    Sighting,
    Subscription,
    Utterance,
)
from marotte.mind.brains.improviser_text import (
    LANGUAGES,
    LATELY,
    LONGEST,
    Pool,
    Teller,
    Topic,
    Values,
    bare,
    book,
    callable_name,
    choose,
    clauses,
    columns,
    fill,
    fold,
    quotable,
    unstaged,
)

PERFORMANCES = ("riddle", "song", "story", "scare", "about", "joke")
CHATTY = ("greet", "how", "thanks", "compliment", "laugh", "yes", "no", "statement", "joke", "lull")
"""What may be answered with any good line once its own have been used up; the others rather say the truth twice."""


class Settings(EngineSettings):
    """The improviser has nothing to set."""


class Improviser:
    """Answers by rule and by chance from a book of lines: seeded, instant, and honest about being a script."""

    Settings: ClassVar[type[EngineSettings]] = Settings
    deterministic: ClassVar[bool] = True
    """The run's seed decides what it says: a replay asks it again."""

    def __init__(self, settings: EngineSettings, kit: Kit) -> None:
        self._kit = kit
        self._last: deque[str] = deque(maxlen=LATELY)

    @classmethod
    def check(cls, settings: EngineSettings, kit: Kit) -> str:
        return ""

    async def reply(self, prompt: Prompt) -> AsyncIterator[str]:
        """Yield the reply clause by clause. The same seed and the same prompts give the same words."""
        for clause in clauses(_Reply(prompt, self._kit.rng, self._last).write()):
            yield clause
            await self._kit.clock.sleep(0)

    async def warm(self) -> None:
        """Open its books now: to read one takes longer than to answer from it."""
        await asyncio.to_thread(lambda: [book(language) for language in LANGUAGES])

    async def close(self) -> None:
        pass


class _Reply:
    """Writes one reply."""

    def __init__(self, prompt: Prompt, rng: Random, last: deque[str]) -> None:
        self._prompt, self._rng = prompt, rng
        self._language = choose(prompt.language, *prompt.languages)
        self._book = book(self._language)
        self._said = [message.text for message in prompt.history if message.role == "assistant"]
        self._heard = [message for message in prompt.history if message.role == "user"][-LATELY:]
        self._teller = Teller(rng, last, self._said)
        self._favourites = [
            topic
            for key, topic in self._book.topics.items()
            if key in prompt.topics or any(topic.words.search(fold(name)) for name in prompt.topics)
        ]

    def write(self) -> str:
        percepts = [_as_message(percept) for percept in self._prompt.percepts]
        givers = [p for p in percepts if isinstance(p, Gift | Subscription | Redemption | Raid)]
        if self._prompt.said:
            unnamed = [p for p in givers if self._name(p) not in self._prompt.said]
            return self._thank_all(unnamed) if unnamed else self._say("carry_on", self._values())
        parts = [self._thank(giver) for giver in givers[:3]]
        if len(givers) == 1:
            parts += self._asked_for(givers[0])
        elif rest := givers[3:]:
            parts.append(self._thank_all(rest))
        parts.append(self._welcome_followers([p for p in percepts if isinstance(p, Follow)]))
        parts += self._answers([p for p in percepts if isinstance(p, ChatMessage | Utterance | Asked)])
        parts += [self._remark(p) for p in percepts if isinstance(p, Sighting | Due | GameContext | Happening)]
        if not percepts and self._prompt.text:
            parts.append(self._answer(self._prompt.text, self._values(self._prompt.text)))
        return self._book.joint.join(part for part in parts if part) or self._lull()

    # --- what was given

    def _thank(self, giver: Gift | Subscription | Redemption | Raid) -> str:
        given = giver.text if isinstance(giver, Redemption) else getattr(giver, "message", "")
        values = self._values(given, giver) | {"gift": self._gift(giver)}
        unnamed = "" if _called(giver) else "_unnamed"
        match giver:
            case Subscription(given=count) if count:
                return self._say("subscriptions" + unnamed, values | {"count": str(count)})
            case Subscription(months=months):
                return self._say("subscription" + unnamed, values | ({"months": str(months)} if months > 1 else {}))
            case Raid(party=party):
                return self._say("raid" + unnamed, values | ({"count": str(party)} if party else {}))
            case Redemption():
                return self._say("redemption" + unnamed, values)
            case Gift():
                return self._say("gift" + unnamed, values)

    def _thank_all(self, givers: list[Gift | Subscription | Redemption | Raid]) -> str:
        called = self._book.called
        named = dict.fromkeys(
            fill(called["giver" if _called(p) else "giver_unnamed"], {"name": _called(p), "gift": self._gift(p)})
            for p in givers
        )
        return self._say("thank_all", self._values() | {"names": self._book.names(list(named))})

    def _welcome_followers(self, followers: list[Follow]) -> str:
        each = self._book.called["each"]
        names = list(dict.fromkeys(fill(each, {"name": _called(p)}) for p in followers if _called(p)))
        if names:
            return self._say("follow", self._values() | {"names": self._book.names(names)})
        return self._say("follow_unnamed") if followers else ""

    def _gift(self, giver: Gift | Subscription | Redemption | Raid) -> str:
        called = self._book.called
        match giver:
            case Gift(what=what, amount=amount, unit=unit):
                what = callable_name(what if what != "gift" else "") or called["gift"]
                return f"{amount:g} {callable_name(unit)}" if unit else what if amount == 1 else f"{amount:g} × {what}"
            case Redemption(reward=reward):
                return callable_name(reward) or called["gift"]
            case Subscription(given=count):
                return f"{count} × {called['subscription']}" if count else called["subscription"]
            case Raid():
                return called["raid"]

    def _asked_for(self, giver: Gift | Subscription | Redemption | Raid) -> list[str]:
        """Perform what a reward or a giver's message asks for, and care where it is no matter for a show."""
        match giver:
            case Redemption(reward=reward, text=more):
                text = f"{reward} {more}"
            case Gift(message=text) | Subscription(message=text):
                pass
            case Raid():
                text = ""
        intent = self._book.intent(text)
        return [self._perform(intent, text, self._values(text, giver))] if intent in ("grave", *PERFORMANCES) else []

    # --- what was said

    def _answers(self, percepts: list[ChatMessage | Utterance | Asked]) -> list[str]:
        """Answer the one or two that give most to play with, in the order in which they came."""
        parts: list[str] = []
        for percept in [p for p in percepts if p in sorted(percepts, key=self._appeal, reverse=True)[:2]]:
            if isinstance(percept, Asked) and percept.verbatim:
                parts.append(percept.text)
                continue
            values = self._values(percept.text, percept)
            if isinstance(percept, Utterance) and percept.uncertain and self._book.intent(percept.text) != "grave":
                part = self._say("uncertain", values)
            else:
                part = self._answer(percept.text, values)
            welcome = self._welcome(percept)
            if welcome:
                part = self._say(welcome, {"name": self._name(percept)}) + self._book.joint + part
            elif isinstance(percept, ChatMessage) and not any(values["name"] in said for said in (part, *parts)):
                part = fill(self._rng.choice(self._book.lines["address"]), values) + self._book.joint + part
            parts.append(part)
        return parts

    def _welcome(self, percept: AnyPercept) -> str:
        """Return which lines welcome the one behind a percept, or "": whoever is in need is not met with a joke."""
        if percept.viewer is None or self._book.intent(getattr(percept, "text", "")) == "grave":
            return ""
        kinds = {a.name: "returner" if a.away else "newcomer" for a in self._prompt.arrivals}
        return kinds.get(percept.viewer.name, "")

    def _appeal(self, percept: ChatMessage | Utterance | Asked) -> float:
        text, intent = percept.text, self._book.intent(percept.text)
        called = bool(self._prompt.character) and fold(self._prompt.character) in fold(text)
        return (
            9.0 * (intent == "grave")
            + 3.0 * isinstance(percept, Asked)
            + 2.0 * (intent not in ("", "insult", "yes", "no", "laugh"))
            + 1.5 * called
            + 1.0 * (self._book.topic(text) is not None)
            + min(len(text), 40) / 40
        )

    def _answer(self, text: str, values: Values) -> str:
        intent = self._book.intent(text)
        before = self._said[-1] if self._said else ""
        for riddle in self._book.riddles:
            if bare(riddle.ask) in bare(before):
                if riddle.key.search(fold(text)):
                    return self._say("riddle_right", values | {"answer": riddle.answer})
                if intent in ("", "question", "no", "help"):
                    return self._say("riddle_wrong", values | {"answer": riddle.answer})
        if intent == "yes":
            intent = next((act for act in PERFORMANCES if self._book.intents[act].search(fold(before))), intent)
        if intent in PERFORMANCES:
            return self._perform(intent, text, values)
        topic = self._book.topic(text)
        match intent:
            case "see" if self._prompt.scene:
                return self._look(self._prompt.scene, values)
            case "recall" if "fact" not in values:
                return self._say("forgot", values)
            case "repeat":
                return self._say("repeat" if before else "unsaid", values | {"said": unstaged(before)})
            case "question":
                pun = self._teller.pick(values, (0, topic.puns)) if topic else ""
                return self._book.joint.join(filter(None, (self._say("question", values), pun)))
            case "":
                return self._say("statement", values, (3, topic.puns if topic else ()))
            case _:
                return self._say(intent, values)

    def _perform(self, intent: str, text: str, values: Values) -> str:
        topic = self._book.topic(text)
        if intent == "riddle":
            return self._teller.pick(values, (0, [riddle.ask for riddle in self._book.riddles]))
        if intent not in ("about", "joke"):
            return self._say(intent, values)
        if topic:
            return self._teller.pick(values, (0, topic.puns))
        opening = self._say("no_pun", values) if intent == "about" else ""
        return self._book.joint.join(filter(None, (opening, self._say("joke", values, *self._puns()))))

    # --- what is seen, due or quiet

    def _remark(self, percept: Sighting | Due | GameContext | Happening) -> str:
        match percept:
            case Sighting(text=text):
                return self._look(text, self._values(percept=percept) | self._scene(text, percept.language))
            case Due(text=text):
                return text.strip()
            case Happening(text=text):
                return self._say("happening", self._values(text, percept))
            case GameContext(game=game, text=text):
                return self._say("game", self._values(text, percept) | {"game": callable_name(game)})

    def _look(self, scene: str, values: Values) -> str:
        return self._say("sighting", values, (2, self._sights(scene)))

    def _lull(self) -> str:
        said = [m for m in self._heard if m.name and self._worth_recalling(m.text)]
        values = self._values()
        if said:
            earlier = self._rng.choice(said[-8:])
            values |= {
                "who": callable_name(earlier.name) or self._book.called["friend"],
                "earlier": quotable(earlier.text),
            }
        return self._say("lull", values, *self._puns(favourites_only=True), (2, self._sights(self._prompt.scene)))

    # --- choosing

    def _say(self, kind: str, values: Values | None = None, *more: Pool) -> str:
        """Say one of the lines of a kind, or of ``more``; chatty kinds move on to any good line when used up."""
        pools = [(0.0, self._book.lines[kind]), *more]
        values = values or self._values()
        if kind in CHATTY and not any(self._teller.fresh(line, values) for _, lines in pools for line in lines):
            pools = [*self._puns(), (0, self._book.lines["joke"]), (0, self._book.lines["lull"]), *pools]
        return self._teller.pick(values, *pools)

    def _puns(self, favourites_only: bool = False) -> list[Pool]:
        every: list[Topic] = [] if favourites_only else list(self._book.topics.values())
        pools: list[Pool] = [(2, topic.puns) for topic in self._favourites]
        return pools + [(0, topic.puns) for topic in every if topic not in self._favourites]

    def _sights(self, scene: str) -> list[str]:
        folded = fold(scene)
        return [line for sight in self._book.sights if sight.see.search(folded) for line in sight.lines]

    # --- what lines are filled with

    def _values(self, text: str = "", percept: AnyPercept | None = None) -> Values:
        """Collect what may be named: the viewer, their words, the scene, what is remembered."""
        values: Values = {"character": callable_name(self._prompt.character)} if self._prompt.character else {}
        if percept is not None and (percept.viewer is not None or isinstance(percept, ChatMessage)):
            values["name"] = self._name(percept)
        if text and self._book.intent(text) not in ("insult", "grave"):
            plain = quotable(text, 200)
            values |= {
                "quote": quotable(text),
                "word": self._book.keyword(plain),
                "reflected": self._book.reflected(plain),
            }
        said = [
            message.text
            for message in self._heard
            if message.text != text
            and callable_name(message.name) == values.get("name", "")
            and self._worth_recalling(message.text)
        ]
        if said:
            values["earlier"] = quotable(self._rng.choice(said[-8:]))
        if self._prompt.facts:
            values["fact"] = quotable(self._rng.choice(self._prompt.facts), 2 * LONGEST)
        values |= self._scene(self._prompt.scene, "")
        return {slot: value for slot, value in values.items() if value}

    def _scene(self, scene: str, language: str) -> Values:
        """Return the scene for quoting, unless it is told in another language than this reply."""
        cjk = any(c >= "\u3040" for c in scene)
        foreign = choose(language) != self._language if language else cjk != (self._language in ("zh", "ja"))
        return {} if foreign or not scene else {"scene": quotable(scene, 2 * LONGEST)}

    def _name(self, percept: AnyPercept) -> str:
        return _called(percept) or self._book.called["friend"]

    def _worth_recalling(self, text: str) -> bool:
        return not self._book.intent(text) and columns(quotable(text)) > LONGEST // 4


def _called(percept: AnyPercept) -> str:
    """Return what the one behind a percept can be called out as, or ""."""
    return callable_name(percept.viewer.name if percept.viewer else "")


def _as_message(percept: AnyPercept) -> AnyPercept:
    """Take a command that asks for something as what its viewer writes: ``!joke fish`` wants a joke about fish."""
    if isinstance(percept, Due) and percept.schedule.startswith("!"):
        return ChatMessage(viewer=percept.viewer, text=f"{percept.schedule[1:]} {percept.text}".strip())
    return percept
