"""Verdicts on people: each is on disk before it is acted on, acted on once, and followed until it is known how it went.

A message brings a verdict on its own author and on nobody else. What the character says brings none at all: its tool
makes suggestions, which somebody who looks after the show accepts or dismisses.
"""

import asyncio
import logging
from collections import Counter, OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Literal, Protocol, TypeVar

import msgspec

from marotte.bus import Bus
from marotte.config_people import People
from marotte.events import ActDone, AnyPercept, ChatMessage, Event, LinkState, Moderated, Raid, Viewer, fresh_id
from marotte.mind.attention import Attention
from marotte.mind.people import Judge, Judgement, remember
from marotte.store.database import StoreError
from marotte.store.verdicts import VerdictRow
from marotte.time import Clock

log = logging.getLogger(__name__)

PROGRAM, CHARACTER = "program", "character"
LONGEST_REASON = 500
SUGGESTED = 600.0
"""Seconds of the timeout that the character suggests."""
MOST_SUGGESTED, SUGGESTED_WITHIN = 10, 600.0
"""So many suggestions of the character's are taken in so many seconds."""

T = TypeVar("T")
Laid = Literal["warn", "delete", "timeout", "ban", "allow"]

_MOST = 1_000
_ISSUED = 10_000
_TOLD = 300
"""Characters of a message that its verdict keeps."""
_AGAIN = 1.0
_TOGETHER = 100
_SAME = 600.0
"""Seconds for which a ban that is under way needs no other."""
_PAUSE = 30.0
"""Seconds until something else is laid on whom nothing could be laid: not with every message of theirs."""
_RANK = {"warn": 0, "delete": 0, "timeout": 1, "ban": 2}


class Grounds(msgspec.Struct, frozen=True, kw_only=True):
    """Why a verdict came to be, for those who look it up."""

    score: float = 0.0
    found: Sequence[object] = ()
    text: str = ""
    """What was written."""
    said: str = ""
    """What the character said about it."""


class Rows(Protocol):
    """Where verdicts are kept; see ``store.verdicts.Verdicts``."""

    async def keep_verdicts(self, rows: Sequence[VerdictRow]) -> list[VerdictRow]: ...
    async def settle_verdict(self, verdict: str, *, ok: bool, detail: str) -> bool: ...
    async def waiting_verdicts(self) -> list[VerdictRow]: ...
    async def accept_verdict(self, verdict: str, by: str, at: float) -> VerdictRow | None: ...
    async def dismiss_verdict(self, verdict: str, by: str) -> bool: ...
    async def undo_verdict(self, verdict: str, by: str, lift: VerdictRow) -> bool: ...
    async def verdict(self, verdict: str) -> VerdictRow | None: ...
    async def spared_viewers(self) -> list[str]: ...
    def expired(self, ids: Sequence[str]) -> None: ...


class Verdicts:
    """Takes verdicts, has them kept, hands them to their links as acts, and notes what became of them."""

    def __init__(
        self,
        settings: People,
        bus: Bus,
        publish: Callable[[Event], None],
        clock: Clock,
        cannot: Callable[[str], str],
        spare: Callable[[str, bool], None],
    ) -> None:
        """``cannot`` says why a link can lay nothing on anybody, or ""; ``spare`` has ``judge`` let a viewer alone.

        Raises ValueError as ``Judge`` does.
        """
        self.judge = Judge(settings)
        self.settings = settings
        self._spare = spare
        self.counted: Counter[str] = Counter()
        """How many verdicts there were by what they came to, and how many were lost."""
        self._rows: Rows | None = None
        self._publish = publish
        self._clock = clock
        self._cannot = cannot
        self._decided: asyncio.Queue[VerdictRow] = asyncio.Queue(_MOST)
        self._laid: OrderedDict[str, tuple[int, float, str]] = OrderedDict()
        """What is under way on each viewer, until when nothing less is needed, and by which verdict."""
        self._issued: OrderedDict[str, str] = OrderedDict()
        """Acts that were handed to their links in this run, and on whom."""
        self._suggested: list[float] = []
        self._news = bus.subscribe("event.act_done.>", "event.link_state.>", "event.moderated.>", size=_ISSUED)

    async def open(self, rows: Rows) -> None:
        """Keep verdicts there from now on, and know whom earlier ones let alone. Raises StoreError."""
        self._rows = rows
        for viewer in await rows.spared_viewers():
            self.judge.spare(viewer)

    def watch(self, attention: Attention) -> None:
        """Judge who writes on a floor; spam does not come back after a restart either."""

        def judged(percept: AnyPercept) -> bool:
            if isinstance(percept, Raid):
                self.judge.raided(percept.link, self._clock.now())
            spam = isinstance(percept, ChatMessage) and self.judged(percept)
            if spam and attention.survives(percept):
                self._kept.expired([percept.id])
            return spam

        attention.judged = judged

    def use(self, settings: People) -> None:
        """Go by other settings from the next message on. Raises ValueError, and then nothing has changed."""
        if settings != self.settings:
            self.judge.use(settings)
            self.settings = settings

    # --- what comes of chat

    def judged(self, message: ChatMessage) -> bool:
        """Judge a chat message; returns whether it is spam, and not to be read. Waits for nothing."""
        if not self.settings.on:
            return False
        # When it was written counts, and not when it came: after a break what was said in an hour comes at once.
        late = max(0.0, self._clock.wall() - message.at) if message.at else 0.0
        found = self.judge.judge(message, self._clock.now() - late)
        if not found.action or message.viewer is None:
            return False
        self._decide(message, message.viewer, found)
        return not self.settings.rehearse and found.action != "warn"

    def _decide(self, message: ChatMessage, viewer: Viewer, found: Judgement) -> None:
        action, now = found.action, self._clock.now()
        assert action
        # The message's own id: delivered twice, or judged again after a crash, it brings one verdict.
        verdict = f"verdict/{message.id}"
        rank, until, _ = self._laid.get(viewer.id, (0, 0.0, ""))
        if _RANK[action] and now < until and _RANK[action] <= rank:
            return
        if _RANK[action]:
            self._laid.pop(viewer.id, None)
            lasts = min(found.seconds, _SAME) if action == "timeout" else _SAME
            remember(self._laid, viewer.id, (_RANK[action], now + lasts, verdict), _MOST)
        row = VerdictRow(
            id=verdict,
            at=self._clock.wall(),
            link=message.link,
            channel=message.channel,
            viewer=viewer.id,
            name=viewer.name[:_TOLD],
            action=action,
            seconds=found.seconds,
            reason=self._told(found.reason, action),
            source=message.source,
            evidence=_grounds(Grounds(score=found.score, found=found.evidence, text=message.text[:_TOLD])),
            by=PROGRAM,
            state="rehearsed" if self.settings.rehearse else "waiting",
        )
        self.counted[f"{row.state} {action}"] += 1
        try:
            self._decided.put_nowait(row)
        except asyncio.QueueFull:
            # It is not read all the same, and whoever writes on is judged again.
            self._laid.pop(viewer.id, None)
            self.counted["lost"] += 1

    def _told(self, reason: str, action: str) -> str:
        """Say a reason as whoever it concerns is told it."""
        appeal = self.settings.appeal.text.strip() if action in ("timeout", "ban") else ""
        return f"{reason}. {appeal}".strip()[:LONGEST_REASON] if appeal else reason[:LONGEST_REASON]

    # --- what the character suggests

    async def suggest(self, message: ChatMessage, said: str) -> bool:
        """Suggest a timeout for who wrote a message; an operator decides. False where it is not taken."""
        now, viewer = self._clock.now(), message.viewer
        self._suggested = [t for t in self._suggested if now - t < SUGGESTED_WITHIN]
        if viewer is None or self.judge.exempted(viewer) or len(self._suggested) >= MOST_SUGGESTED:
            return False
        self._suggested.append(now)
        row = VerdictRow(
            id=f"suggestion/{message.id}",
            at=self._clock.wall(),
            link=message.link,
            channel=message.channel,
            viewer=viewer.id,
            name=viewer.name[:_TOLD],
            action="timeout",
            seconds=SUGGESTED,
            reason="Reported by the character",
            source=message.source,
            evidence=_grounds(Grounds(text=message.text[:_TOLD], said=said[:_TOLD])),
            by=CHARACTER,
            state="suggested",
        )
        return bool(await self._kept.keep_verdicts([row]))

    # --- what people who look after the show do; each raises LookupError or ValueError in words

    async def lay(
        self,
        viewer: Viewer,
        link: str,
        action: Laid,
        by: str,
        *,
        reason: str = "",
        seconds: float = 0.0,
        channel: str = "",
        source: str = "",
    ) -> VerdictRow:
        """Lay something on a viewer by hand, whatever is only rehearsed."""
        if why := self._cannot(link):
            raise ValueError(why)
        row = VerdictRow(
            id=fresh_id(),
            at=self._clock.wall(),
            link=link,
            channel=channel,
            viewer=viewer.id,
            name=viewer.name,
            action=action,
            seconds=seconds,
            reason=self._told(reason, action),
            source=source,
            evidence=_grounds(Grounds()),
            by=by,
            state="waiting",
        )
        await self._kept.keep_verdicts([row])
        if action != "allow" or not source:  # one message that is let through spares nobody
            self._spare(viewer.id, action == "allow")
        await self._issue(row)
        return row

    async def accept(self, verdict: str, by: str) -> VerdictRow:
        """Act on a suggestion, or on what was only rehearsed."""
        found = await self._found(verdict)
        if why := self._cannot(found.link):
            raise ValueError(why)
        row = await self._kept.accept_verdict(verdict, by, self._clock.wall())
        if row is None:
            raise ValueError("this is neither a suggestion nor rehearsed: it was decided already")
        await self._issue(row)
        return row

    async def dismiss(self, verdict: str, by: str) -> None:
        """Do nothing about a suggestion."""
        await self._found(verdict)
        if not await self._kept.dismiss_verdict(verdict, by):
            raise ValueError("this is no suggestion that waits: it was decided already")

    async def undo(self, verdict: str, by: str) -> VerdictRow | None:
        """Undo a verdict, and let its viewer alone from now on; returns what lifts it where there is anything to."""
        found = await self._found(verdict)
        if found.action == "allow":
            raise ValueError("to allow somebody cannot be undone: lay something on them instead")
        laid = found.action in ("timeout", "ban") and found.state in ("waiting", "done")
        # Where there is nothing to lift the row is kept all the same: by it they are let alone after a restart, too.
        lift = msgspec.structs.replace(
            found,
            id=fresh_id(),
            at=self._clock.wall(),
            action="allow",
            seconds=0.0,
            source="",
            reason="It was undone",
            evidence=_grounds(Grounds()),
            by=by,
            state="waiting" if laid else "done",
            detail="" if laid else "there was nothing to lift",
            appeal="",
        )
        if not await self._kept.undo_verdict(verdict, by, lift):
            raise ValueError("there is nothing to undo: nothing was done, or it was undone already")
        self._laid.pop(found.viewer, None)
        self._spare(found.viewer, True)
        remember(self._issued, found.id, found.viewer, _ISSUED)  # if it was still to be handed over, it no longer is
        if not laid:
            return None
        await self._issue(lift)
        return lift

    async def _found(self, verdict: str) -> VerdictRow:
        found = await self._kept.verdict(verdict)
        if found is None:
            raise LookupError(f"there is no verdict {verdict[:100]!r}")
        return found

    # --- carrying out

    @property
    def _kept(self) -> Rows:
        assert self._rows is not None, "the store is not open"
        return self._rows

    async def run(self) -> None:
        """Have verdicts kept and carried out until cancelled."""
        for row in await self._kept.waiting_verdicts():
            # Those of links that are still there are issued again once these are up.
            if self._cannot(row.link).startswith("there is no"):
                await self._kept.settle_verdict(row.id, ok=False, detail=self._cannot(row.link))
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._keep())
            tasks.create_task(self._follow())

    async def _keep(self) -> None:
        while True:
            batch = [await self._decided.get()]
            while not self._decided.empty() and len(batch) < _TOGETHER:
                batch.append(self._decided.get_nowait())
            for row in await self._tried(partial(self._kept.keep_verdicts, batch)):
                if row.state == "waiting":
                    await self._issue(row)

    async def _follow(self) -> None:
        async for message in self._news:
            event: ActDone | LinkState | Moderated = message.data
            if isinstance(event, Moderated):
                if event.what == "lifted":  # elsewhere: whoever goes on is judged anew
                    self._laid.pop(event.which, None)
            elif isinstance(event, LinkState):
                if event.state == "up":
                    await self._issue_again(event.link)
            elif event.act in self._issued:
                await self._settle(event.act, event.ok, event.detail)

    async def _issue(self, row: VerdictRow) -> None:
        """Hand a verdict to its link, once in this run."""
        if row.id in self._issued:
            return
        remember(self._issued, row.id, row.viewer, _ISSUED)
        if why := self._cannot(row.link):
            await self._settle(row.id, False, why)
        else:
            self._publish(row.act())

    async def _issue_again(self, link: str) -> None:
        """Hand to a link what an earlier run did not see done; a ban is as good an hour later, words are not."""
        for row in await self._tried(self._kept.waiting_verdicts):
            if row.link == link and row.id not in self._issued:
                lasting = row.action in ("ban", "allow")
                await self._issue(msgspec.structs.replace(row, at=self._clock.wall()) if lasting else row)

    async def _settle(self, verdict: str, ok: bool, detail: str) -> None:
        await self._tried(lambda: self._kept.settle_verdict(verdict, ok=ok, detail=detail))
        self.counted["done" if ok else "refused"] += 1
        viewer = self._issued.get(verdict, "")
        rank, until, by = self._laid.get(viewer, (0, 0.0, ""))
        if not ok and by == verdict:
            self._laid[viewer] = (rank, min(until, self._clock.now() + _PAUSE), by)

    async def _tried(self, work: Callable[[], Awaitable[T]]) -> T:
        """Do something with the rows, again and again while the store is away."""
        while True:
            try:
                return await work()
            except StoreError as error:
                log.error("verdicts: %s; tried again", error)
                await self._clock.sleep(_AGAIN)


def _grounds(grounds: Grounds) -> str:
    return msgspec.json.encode(grounds).decode()
