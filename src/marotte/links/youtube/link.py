"""The YouTube link: the live chat of a channel becomes percepts, and acts are carried out there."""

import asyncio
import logging
import math
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import TYPE_CHECKING

from marotte.config_links import YouTube
from marotte.events import Event, Gap, Gift, Send, StreamEnded, StreamStarted, Subscription, Verdict
from marotte.links.complaints import Complaints
from marotte.links.link import BaseLink, Passing, Refused, State, first_of
from marotte.links.pace import Backoff
from marotte.links.tokens import TokenError, Tokens, missing
from marotte.links.youtube.account import Account, Dismissed
from marotte.links.youtube.acts import Acts
from marotte.links.youtube.api import Api, Broadcast, Denied, Spent
from marotte.links.youtube.frames import Page
from marotte.links.youtube.login import AGAIN, NAME, SCOPE, Door, lacks
from marotte.links.youtube.percepts import Percepts, moment
from marotte.links.youtube.quota import FILE, Ledger, QuotaFile
from marotte.links.youtube.sending import Ours
from marotte.links.youtube.stream import Chat, Over
from marotte.ports import Standing
from marotte.time import Clock

if TYPE_CHECKING:
    import aiohttp

log = logging.getLogger(__name__)

EAGER, EAGERLY = 60.0, 600.0
"""Seconds between two looks whether a broadcast is live, for a unit each, in the first ten minutes of waiting."""
RARE = 180.0
"""And later."""
LONGEST_PAUSE = 60.0
REFUSED_PAUSE = 900.0
"""Seconds after which we try again although nobody has signed in again."""
HOUR = 3_600.0
_SLACK = 10.0
"""Seconds by which YouTube's clock may differ from ours."""
_KEPT = 20_000
"""So many messages are known again when they come twice."""
_CHATS = 100


class YouTubeLink(BaseLink):
    """The live chat of the account that signed in."""

    platform = "youtube"

    def __init__(
        self,
        settings: YouTube,
        secrets: Mapping[str, str],
        tokens: Tokens,
        publish: Callable[[Event], None],
        clock: Clock,
        rng: Random,
    ) -> None:
        """Its name is ``youtube``, under which its token is kept and which its events bear."""
        super().__init__(NAME, publish, clock, rng)
        self._settings, self._secrets = settings, secrets
        self._account = Account(tokens, clock)
        file = QuotaFile(tokens.folder / FILE)
        self._ledger = Ledger(settings.quota, clock, file.load(), file.keep, self._alarmed)
        self._percepts, self._ours = Percepts(self.name), Ours(clock)
        self._acts = Acts(self._ours, lambda: self._broadcast.chat if self._broadcast else "", clock)
        self._broadcast: Broadcast | None = None
        """What is on the air."""
        self._chat: Chat | None = None
        self._over: OrderedDict[str, float] = OrderedDict()
        """Chats that are over, and until when on the clock we take that for granted."""
        self._seen: OrderedDict[str, None] = OrderedDict()
        self._complaints = Complaints(self.name, self.counted, clock)
        self._began = clock.wall()
        self._caught_up = False
        """Whether what was said before we came to the chat has come: what comes now is new, whatever its clock says."""
        self._waits = clock.now()
        """Since when we wait for a broadcast."""
        self._told: tuple[State, str] = ("stopped", "")
        self.acts[Verdict] = self._verdict
        if settings.answer:
            self.acts[Send] = self._send

    # --- how it stands

    def standing(self) -> Sequence[Standing]:
        """Return what it has and lacks, for whoever looks after it."""
        token, dismissed = self._account.token, self._account.dismissed
        if not token.access or dismissed:
            lack = lacks(self._settings, self._secrets)
            why = dismissed or lack or "nobody is signed in: marotte login youtube"
            account = Standing("account", False, why)
        else:
            account = Standing("account", True, token.name or token.account)
        away = bool(token.access) and bool(token.scopes) and bool(missing(token, (SCOPE,)))
        on_air, chat = self._broadcast, self._chat
        way = "" if chat is None or chat.streams else "; its chat is listed, not streamed, which costs more"
        return (
            account,
            Standing("rights", not away, f"without them there is nothing; {AGAIN}" if away else ""),
            Standing("quota", not self._ledger.low, self._ledger.told),
            Standing("broadcast", True, on_air.title + way if on_air else "none is live; one is looked for"),
        )

    def _news(self, state: State, detail: str = "") -> None:
        """Tell how the connection is, where that is news."""
        if (state, detail) != self._told:
            self._told = (state, detail)
            self.tell(state, detail)

    def _alarmed(self, told: str) -> None:
        self.tell(self._told[0], told)

    # --- from the beginning to the end

    async def run(self) -> None:
        """Stay connected until cancelled."""
        import aiohttp

        self._began, self._waits = self.clock.wall(), self.clock.now()
        try:
            if lack := lacks(self._settings, self._secrets):
                self._news("refused", lack)
                await asyncio.get_running_loop().create_future()
            timeout = aiohttp.ClientTimeout(total=None, sock_connect=10)
            async with aiohttp.ClientSession(timeout=timeout, connector=aiohttp.TCPConnector(limit=20)) as http:
                while True:
                    await self._once(http)
        finally:
            self._acts.api = None
            self._news("stopped")

    async def _once(self, http: "aiohttp.ClientSession") -> None:
        """Be signed in for as long as that lasts."""
        try:
            if not self._account.load():
                self._acts.api = None
                self._news("refused", "nobody is signed in: marotte login youtube")
                await self._account.changed()
                return
        except TokenError as error:
            self._news("refused", str(error))
            await self._account.changed()
            return
        try:
            await first_of(self._signed_in(http), self._account.forgotten())
        except (Dismissed, Denied) as error:
            log.error("youtube: %s", error)
            self._news("refused", str(error))
            waiting = asyncio.ensure_future(self._account.changed())
            try:
                # Who was dismissed can only sign in again; what is denied may be allowed elsewhere.
                await asyncio.wait({waiting}, timeout=None if isinstance(error, Dismissed) else REFUSED_PAUSE)
            finally:
                waiting.cancel()

    async def _signed_in(self, http: "aiohttp.ClientSession") -> None:
        """Read one chat after another. Raises Dismissed, Denied."""
        door = Door(self._settings, self._secrets, http)
        api = self._acts.api = Api(self._settings.api, self._account, door, self._ledger, http)
        self._news("connecting", "YouTube")
        while True:
            broadcast = await self._look(api)
            self._on_air(broadcast)
            if broadcast is None:
                self._news("up", f"as {self._name}; no broadcast is live")
                eager = self.clock.now() - self._waits < EAGERLY
                await self.clock.sleep((EAGER if eager else RARE) * self.rng.uniform(0.9, 1.1))
                continue
            await self._read(api, broadcast)

    @property
    def _name(self) -> str:
        return self._account.token.name or "somebody"

    async def _look(self, api: Api) -> Broadcast | None:
        """Return what is on the air, whatever is in the way meanwhile. Raises Dismissed, Denied."""
        backoff = Backoff(self.rng, 1.0, LONGEST_PAUSE)
        while True:
            try:
                live = [one for one in await api.on_air() if self._over.get(one.chat, 0.0) <= self.clock.now()]
                same = (one for one in live if self._broadcast and one.chat == self._broadcast.chat)
                return next(same, live[0] if live else None)
            except Spent as error:
                why, pause = str(error), min(self._ledger.reset() + 60.0, HOUR)
            except Passing as error:
                why, pause = str(error), max(error.wait, backoff.next(0.0))
            self._news("down", f"{why}; tried again in {pause:.0f} s")
            await self.clock.sleep(pause)

    def _on_air(self, broadcast: Broadcast | None) -> None:
        """Tell what has begun, and what has ended."""
        before, self._broadcast = self._broadcast, broadcast
        if before is not None and (broadcast is None or broadcast.id != before.id):
            self._waits = self.clock.now()
            self.publish(StreamEnded(at=self.clock.wall(), link=self.name))
        if broadcast is not None and (before is None or broadcast.id != before.id):
            self.publish(StreamStarted(at=self.clock.wall(), link=self.name, title=broadcast.title))

    async def _read(self, api: Api, broadcast: Broadcast) -> None:
        """Read a chat to its end. Raises Dismissed."""
        if self._chat is None or self._chat.id != broadcast.chat:
            self._chat = Chat(broadcast.chat, self._ledger, self._hear, self._gap, self._state, self.clock, self.rng)
            self._caught_up = False
        try:
            await self._chat.read(api)
        except Over as over:
            log.info("youtube: %s", over)
            # What a refusal says may be a mistake; what the chat says of itself is not.
            self._over[broadcast.chat] = math.inf if over.told else self.clock.now() + EAGERLY
            while len(self._over) > _CHATS:
                self._over.popitem(last=False)
            self._on_air(None)
        except Denied as error:
            self._news("down", f"the chat of {broadcast.title!r} cannot be read: {error}")
            await self.clock.sleep(RARE)

    def _state(self, state: State, detail: str) -> None:
        self._caught_up = self._caught_up or state == "up"
        title = self._broadcast.title if self._broadcast else ""
        self._news(state, detail or f"as {self._name}, in the chat of {title!r}")

    # --- what comes

    def _hear(self, page: Page) -> int:
        """Publish what a page brings; return how many of its messages are new."""
        new, now = 0, self.clock.wall()
        self._complain(page)
        for message in page.messages:
            if message.id in self._seen:
                self.counted["duplicates"] += 1
                continue
            self._seen[message.id] = None
            if len(self._seen) > _KEPT:
                self._seen.popitem(last=False)
            if self._ours.is_ours(message, self._account.token.account):
                continue
            new += 1
            event = self._percepts.of(message, now)
            if event is None:
                continue
            if self._is_old(event):
                self.counted["old"] += 1
                continue
            self.counted["events"] += 1
            self.publish(event)
        return new

    def _is_old(self, event: Event) -> bool:
        """Whether something happened before we were there, or the stream was; of what was paid for, long before us."""
        if self._caught_up:
            return False
        if isinstance(event, Gift | Subscription):
            return event.at < self._began - HOUR
        # A chat is open long before its broadcast: who waited for that in it is no crowd that writes all at once.
        began = self._broadcast.began if self._broadcast else ""
        return event.at < max(self._began, moment(began, self.clock.wall()) if began else 0.0) - _SLACK

    def _complain(self, page: Page) -> None:
        """Count what cannot be read; a page names only the first of it."""
        self.counted["malformed"] += page.malformed - len(page.bent)
        for which in page.bent:
            self._complaints.add("a message", which)

    def _gap(self, seconds: float, recovered: int, detail: str) -> None:
        self.counted["gaps"] += 1
        self.publish(Gap(at=self.clock.wall(), link=self.name, seconds=seconds, recovered=recovered, detail=detail))

    # --- what goes

    async def _send(self, act: Send, until: float) -> str:
        return await self._doing().send(act, until)

    async def _verdict(self, act: Verdict, until: float) -> str:
        return await self._doing().verdict(act, until)

    def _doing(self) -> Acts:
        if self._account.dismissed:
            raise Refused(self._account.dismissed)
        return self._acts
