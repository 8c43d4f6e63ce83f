"""Memory: what was said lately on a floor, and what is known of those who say it."""

import logging
import re
from collections import OrderedDict, deque
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from marotte import config
from marotte.engines.kinds import Arrival, Message
from marotte.events import AnyPercept, Asked, ChatMessage, Ending, Gift, Redemption, Subscription, Utterance
from marotte.mind.learning import learnable
from marotte.store import Exchange, Store, StoreError, person
from marotte.text.language import base
from marotte.text.normal import tokens
from marotte.time import Clock

log = logging.getLogger(__name__)

MOST_EXCHANGES = 200
"""So many exchanges are read back after a restart, before the tokens are counted."""
MOST_PEOPLE = 8
"""Of so many people who speak at once facts are recalled."""
MOST_MET = 10_000
"""Of so many people it is known that they were welcomed."""
AWAY = 3_600.0
"""Whoever was here within so many seconds has not been away."""
OTHERS = 3
"""Of the facts recalled, one in so many may be about somebody else who is spoken of."""

# Each asks it for the speaker's own sake; "don't forget me" and the like must not match.
_FORGET_ME = {
    "en": r"(?:^|[.,!?;:] *|\b(?:please|can you|(?<!how )(?:could|would) you|you to|just|now) )"
    r"(?:(?:hey|hi|ok|okay) )?(?:@?(?!dont|never|not|to|you|i|they|we|will|people|all|always|every|who)\w+,? )?"
    r"(?:please )?(?:forget (?:about )?(?:me(?! not)|everything (?:you know )?about me"
    r"|(?:everything|all|what) i(?:'ve| have)? (?:just )?(?:said|told you))"
    r"|(?:delete|erase|remove) (?:(?:all )?(?:of )?my data|everything (?:you know )?about me))\b",
    "es": r"(?<!no )(?:\bolv[ií]d[ae]n?me\b|\bolv[ií]date de m[ií]\b|\b(?:borr|elimin)[ae] (?:todos )?mis datos\b"
    r"|\b(?:quiero|puedes|podrías) (?:que me olvides|olvidarme)\b"
    r"|\b(?:olvid|borr)a (?:todo )?lo que (?:(?:te )?(?:he dicho|dije|cont[eé])|sabes (?:de|sobre) m[ií])\b)",
    "fr": r"\boublie[zs]?[- ]moi\b|\bque (?:tu|vous) m'oubli(?:es|iez)\b"
    r"|\b(?:efface|supprime)[zs]? (?:toutes )?mes données\b"
    r"|(?<!n')\boublie[zs]? (?:tout )?ce que (?:(?:je (?:t'|vous )ai|j'ai|je viens de) di(?:t|re)"
    r"|(?:tu sais|vous savez) (?:de|sur) moi)\b",
    "zh": "(?:^|[请請，。！,.! ])(?:忘[了掉记記]?(?:我(?=$|[吧。！!，, 说說所])|关于我|關於我)|把我(?:的事)?忘[了掉])"
    "|(?<!别)(?<!不要)[删刪]除?(?:所有)?我的(?:[数數][据據]|[资資]料|信息|資訊)",
    "ja": "(?:私|わたし|僕|ぼく|俺|自分)(?:を|(?:のこと|の事|の話|が(?:言|話)(?:っ|し)たこと)(?:を|は)?)(?:全部|、)?"
    "忘れて(?=$|[。！!、 ]|ください|下さい|くれ|ほしい|欲しい|ね(?![?？]))"
    "|(?:私|わたし|僕|ぼく|俺|自分)の(?:データ|情報|記録)を?(?:全部|すべて)?(?:消して|削除して|消去して)(?!な|い)",
}
_FORGET_ME_IN_ANY = re.compile("|".join(_FORGET_ME.values()), re.IGNORECASE)
# So short a message means it only where it is all that is said, in the floor's own language.
_FORGET_ALL = {
    "en": "forget (?:it all|everything)",
    "es": "olv[ií]dalo todo|olvida todo",
    "fr": "oublie[zs]? tout",
    "zh": "(?:全部?|都)?忘[了掉](?:吧|一切)",
    "ja": "(?:全部|すべて)?忘れて(?:ください|ね)?",
}


_SPEAKS_OF_FORGETTING = re.compile(
    r"\b(?:forget|delete|erase|remove)|\b(?:olv[ií]d|borr|elimin)|\b(?:oubli|effac|supprim)|[忘删刪]|消し|消去|削除",
    re.IGNORECASE,
)


def speaks_of_forgetting(text: str) -> bool:
    """Tell whether words may be a wish to be forgotten at all; whether they are one, somebody else decides."""
    return _SPEAKS_OF_FORGETTING.search(text) is not None


def wants_forgetting(text: str, language: str) -> bool:
    """Tell whether somebody asks that what they said be forgotten; ``language`` is the one spoken on the floor.

    A short text is easily taken for another language: whoever asks outright is understood in any of the five.
    """
    said = text.replace("’", "'").strip()
    whole = _FORGET_ALL.get(base(language), "")
    if whole and re.fullmatch(rf"(?:{whole})[.!。！ ]*", said, re.IGNORECASE):
        return True
    return _FORGET_ME_IN_ANY.search(said) is not None


@dataclass(frozen=True, slots=True)
class Recollection:
    """What is remembered for one turn."""

    history: tuple[Message, ...] = ()
    """What was said and what was heard, oldest first."""
    facts: tuple[str, ...] = ()
    """What is known, one sentence each."""
    arrivals: tuple[Arrival, ...] = ()
    """Those of the speakers who have just come."""


@dataclass(frozen=True, slots=True)
class _Past:
    """One exchange as a prompt takes it."""

    turn: str
    messages: tuple[Message, ...]
    tokens: int
    people: frozenset[str]


class Memory:
    """Remembers one floor: its rows lie in the store under ``scope``, and its last exchanges here as well.

    Where the store fails the conversation goes on with what is left: only ``forget`` raises StoreError.
    """

    def __init__(self, store: Store, settings: config.Memory, clock: Clock, scope: str) -> None:
        self._store = store
        self.settings = settings
        self._clock = clock
        self._scope = scope
        self._tail: deque[_Past] | None = None
        """The last exchanges, as many as a prompt takes; None until they were read from the rows."""
        self._knows_somebody = True
        """Whether there may be facts: where there are none, no turn pays for looking."""
        self._has_learnt = False
        self._began = clock.wall()
        self._met: OrderedDict[str, None] = OrderedDict()
        """Those who have spoken in this run, the latest last."""

    async def open(self) -> None:
        """Read what was said before, so that the first turn need not wait for it."""
        try:
            await self._read_back()
        except StoreError as error:
            log.error("what was said before is not recalled: %s", error)

    async def _read_back(self) -> None:
        if self._tail is None:
            exchanges = await self._store.history(self._scope, MOST_EXCHANGES)
            somebody = bool(await self._store.facts_of(self._scope, limit=1))
            if self._tail is None:
                self._tail = self._fitting(map(_past, exchanges))
                self._knows_somebody = somebody or self._has_learnt

    async def recall(self, percepts: Sequence[AnyPercept], language: str) -> Recollection:
        """Return what was said lately, within the show's tokens, and what is known of those who speak now."""
        facts: tuple[str, ...] = ()
        arrivals: tuple[Arrival, ...] = ()
        try:
            await self._read_back()
            facts = await self._facts(percepts, language)
            arrivals = await self._arrivals(percepts)
        except StoreError as error:
            log.error("not everything is recalled: %s", error)
        return Recollection(tuple(message for past in self._tail or () for message in past.messages), facts, arrivals)

    async def _arrivals(self, percepts: Sequence[AnyPercept]) -> tuple[Arrival, ...]:
        """Return those who speak for the first time in this run, and were not here shortly before it."""
        named = [p for p in percepts if p.viewer is not None and p.viewer.name]
        new = {who: p for p in named if (who := person(p)) not in self._met}
        if not new or not self.settings.welcome:
            return ()
        accounts = {id for who, p in new.items() for id in (who, p.viewer.id if p.viewer else who)}
        seen = await self._store.last_seen(*accounts)
        arrivals: list[Arrival] = []
        for who, percept in new.items():
            assert percept.viewer is not None
            last = max(seen.get(who, 0.0), seen.get(percept.viewer.id, 0.0))
            away = self._began - last
            if not last or (isinstance(percept, ChatMessage) and percept.first):
                arrivals.append(Arrival(percept.viewer.name))
            elif away >= AWAY:
                arrivals.append(Arrival(percept.viewer.name, away))
        return tuple(arrivals)

    async def learn(self, percept: AnyPercept) -> list[str]:
        """Learn what a person says of themselves, and that they are here; return the new facts, one sentence each."""
        if percept.viewer is not None:
            self._store.seen_viewer(percept.viewer, percept.at, percept.language)
            self._met[person(percept)] = None
            while len(self._met) > MOST_MET:
                self._met.popitem(last=False)
        who, said = person(percept), _said(percept)
        uncertain = isinstance(percept, Utterance) and percept.uncertain
        if not who or not said or uncertain or wants_forgetting(said, percept.language):
            return []
        learnt: list[str] = []
        try:
            for fact in learnable(said, percept.viewer.name if percept.viewer else ""):
                await self._store.add_fact(
                    who,
                    self._scope,
                    fact.key,
                    fact.text,
                    source=percept.id,
                    quote=fact.quote,
                    single=fact.single,
                    found_by=fact.found_by,
                )
                learnt.append(fact.text)
                self._knows_somebody = self._has_learnt = True
        except StoreError as error:
            log.error("what was said is not learnt: %s", error)
        return learnt

    async def remember(self, percept: AnyPercept, fact: str) -> None:
        """Keep one sentence on the person behind a percept, whose own words are its source. Raises StoreError."""
        await self._store.add_fact(
            person(percept), self._scope, "noted", fact, source=percept.id, quote=_said(percept)[:500]
        )
        self._knows_somebody = self._has_learnt = True

    async def forget(self, viewer_id: str) -> int:
        """Delete all that a viewer said, what was answered, and what is known of them; return how many rows went."""
        if not viewer_id:
            return 0
        if self._tail is not None:
            self._tail = deque(past for past in self._tail if viewer_id not in past.people)
        return await self._store.forget_viewer(viewer_id)

    async def clear(self) -> int:
        """Delete all that was said on this floor and learnt on it; return how many rows went. Raises StoreError."""
        self._tail = deque()
        return await self._store.clear_floor(self._scope)

    def drop(self, turn: str) -> None:
        """Have one exchange no longer in mind: its row was deleted."""
        if self._tail is not None:
            self._tail = deque(past for past in self._tail if past.turn != turn)

    async def keep(
        self, turn: str, percepts: Sequence[AnyPercept], ending: Ending, leaving: Collection[str] = ()
    ) -> None:
        """Keep exactly what was heard of a turn that has ended; who asked in it to be forgotten is, and with it."""
        self._store.end_turn(turn, ending)
        if self._tail is not None and ending.state != "discarded":
            exchange = Exchange(
                turn=turn, at=self._clock.wall(), percepts=tuple(percepts), heard=ending.heard, cut=ending.cut
            )
            self._tail = self._fitting((*self._tail, _past(exchange)))
        for who in leaving:
            try:
                await self.forget(who)
            except StoreError as error:
                log.error("%s asked to be forgotten and is not: %s", who, error)

    def _fitting(self, pasts: Iterable[_Past]) -> deque[_Past]:
        """Return the last exchanges that fit a prompt together: the oldest are dropped first."""
        tail = deque(pasts, MOST_EXCHANGES)
        cost = sum(past.tokens for past in tail)
        while cost > self.settings.tokens:
            cost -= tail.popleft().tokens
        return tail

    async def _facts(self, percepts: Sequence[AnyPercept], language: str) -> tuple[str, ...]:
        """Return what is known of those who speak, what their words touch first, and of others they speak of."""
        most = self.settings.recall
        people = _people(percepts)[:MOST_PEOPLE]
        said = " ".join(map(_said, percepts))
        if not most or not self._knows_somebody:
            return ()
        hits = await self._store.search_facts(said, self._scope, limit=4 * most, language=language)
        touched = [fact for fact in hits if fact.viewer in people]
        if people and len(hits) == 4 * most:
            # In a crowd the likest facts of all may be other people's.
            touched = await self._store.search_facts(said, self._scope, *people, limit=most, language=language)
        known = await self._store.facts_of(self._scope, *people, limit=most) if people else []
        own = dict.fromkeys(fact.text for fact in (*touched, *known))
        others = dict.fromkeys(fact.text for fact in hits if fact.viewer not in people)
        share = max(most - len(own), most // OTHERS)
        told = list(others)[:share]
        return (*list(own)[: most - len(told)], *told)


def _past(exchange: Exchange) -> _Past:
    messages = [
        Message(role="user", text=said, name=percept.viewer.name if percept.viewer else "")
        for percept in exchange.percepts
        if (said := _said(percept))
    ]
    if exchange.heard:
        messages.append(Message(role="assistant", text=exchange.heard))
    cost = sum(tokens(message.name) + tokens(message.text) for message in messages)
    return _Past(exchange.turn, tuple(messages), cost, frozenset(_people(exchange.percepts)))


def _people(percepts: Iterable[AnyPercept]) -> list[str]:
    """Return the ids of those who are behind percepts, each once."""
    return list(dict.fromkeys(who for percept in percepts if (who := person(percept))))


def _said(percept: AnyPercept) -> str:
    """Return the words that a person said with a percept, or ""."""
    match percept:
        case Asked(verbatim=True):
            return ""
        case ChatMessage() | Utterance() | Redemption() | Asked():
            return percept.text
        case Gift() | Subscription():
            return percept.message
        case _:
            return ""
