"""The Twitch link: what happens on a channel becomes percepts, and acts are carried out there."""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextlib import suppress
from random import Random
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from marotte.config_links import Twitch
from marotte.config_pastimes import Reward
from marotte.events import Event, Fulfil, Gap, StreamEnded, StreamStarted
from marotte.links.link import BaseLink, Passing, Refused, State, first_of
from marotte.links.pace import Backoff
from marotte.links.tokens import TokenError, Tokens, missing
from marotte.links.twitch.account import Account, Dismissed
from marotte.links.twitch.acts import Acts
from marotte.links.twitch.anonymous import Anonymous
from marotte.links.twitch.hearing import Hearing
from marotte.links.twitch.helix import Helix, first
from marotte.links.twitch.login import AGAIN, Door
from marotte.links.twitch.percepts import REDEMPTIONS, moment
from marotte.links.twitch.recovery import missed, on_air
from marotte.links.twitch.rewards import Rewards
from marotte.links.twitch.rights import ACTS, FOLLOWS, acts, lost, wanted
from marotte.links.twitch.sending import Sending
from marotte.links.twitch.session import UNREACHABLE, Ended, Session
from marotte.links.twitch.subscriptions import LATER, Subscriptions
from marotte.ports import Standing
from marotte.time import Clock

if TYPE_CHECKING:
    import aiohttp

log = logging.getLogger(__name__)

KNOCK = 0.8
"""Seconds at most between two attempts to reach a server that is not there, so that it is found at once when it is."""
PATIENT = 300.0
"""Seconds for which we knock so often."""
LONGEST_PAUSE = 30.0
STABLE = 10.0
"""Seconds after which a connection that breaks was a good one: the next is tried at once."""
REFUSED_PAUSE = 900.0
"""Seconds after which we try again what Twitch refuses, although nobody has signed in again."""
LOOKED_BACK = 86_400.0
"""Redemptions that were made before the run, and are older than this, are left to people."""
_TITLE_WITHIN = 3.0
_TASKS = 50
_READ_ONLY = "the chat is only read, by nobody in particular"


class TwitchLink(BaseLink):
    """A channel on Twitch."""

    platform = "twitch"

    def __init__(
        self,
        settings: Twitch,
        secrets: Mapping[str, str],
        tokens: Tokens,
        publish: Callable[[Event], None],
        clock: Clock,
        rng: Random,
        rewards: Callable[[], Mapping[str, Reward]] = dict,
    ) -> None:
        """Its name is ``twitch``, under which its token is kept and which its events bear.

        ``rewards`` returns what the show says of rewards now.
        """
        super().__init__("twitch", publish, clock, rng)
        self._settings, self._secrets = settings, secrets
        self._account = Account(tokens, clock)
        self._channel = settings.channel.lower()
        self._state = "nobody is signed in"
        self._out = ""
        """Why we are signed in no longer, or may hear nothing."""
        self._sending = Sending(clock)
        self._helix: Helix | None = None
        self._subscriptions: Subscriptions | None = None
        self._hearing: Hearing | None = None
        self._on_air: bool | None = None
        self._stream = asyncio.Lock()
        self._silent: float | None = None
        """Since when we hear nothing, on the clock; None: we do, or have not begun."""
        self._in = False
        """Whether we are subscribed."""
        self._looked_back = False
        """Whether we were told of the redemptions that were made before the run, and in each gap since."""
        self._rewards = Rewards(rewards, clock, self._up)
        self._beside: list[asyncio.Task[None]] = []
        """What is done beside a session for as long as it lasts."""
        self._looking = False
        self._told = ("", "")
        self._tasks: set[asyncio.Task[None]] = set()

    # --- how it stands

    def standing(self) -> Sequence[Standing]:
        """Return what it has and lacks, for whoever looks after it."""
        token, subscriptions = self._account.token, self._subscriptions
        channel = Standing("channel", bool(self._channel), f"#{self._channel}" if self._channel else "none is named")
        if self._out:
            return (Standing("account", False, self._out), channel)
        if not token.access or subscriptions is None:
            return (Standing("account", False, f"{self._state}: {_READ_ONLY}; {self._way_in}"), channel)
        found = [Standing("account", True, f"{token.name}, {self._state}"), channel]
        for scope in wanted(self._settings):
            away = bool(missing(token, (scope,)))
            detail = f"without it there are none of these: {lost(self._settings, scope)}; {AGAIN}" if away else ""
            found.append(Standing(scope, not away, detail))
        for name, kind in subscriptions.kinds.items():
            live = name in subscriptions.live
            why = subscriptions.lost.get(name, "it is not subscribed to yet")
            found.append(Standing(name, live, kind.brings if live else f"{kind.brings}: {why}"))
        if self._settings.redemptions:
            found += self._rewards.standing(self._account.id == subscriptions.channel)
        if self._helix is not None and self._helix.points:
            found.append(Standing("points", True, self._helix.points))
        return found

    @property
    def _way_in(self) -> str:
        return AGAIN if self._settings.client_id else "set client_id in [twitch], then sign in: marotte login twitch"

    def _news(self, state: State, detail: str = "") -> None:
        """Tell how the connection is, where that is news."""
        self._state = detail or state
        if (state, detail) != self._told:
            self._told = (state, detail)
            self.tell(state, detail)

    # --- from the beginning to the end

    async def run(self) -> None:
        """Stay connected until cancelled."""
        import aiohttp

        try:
            timeout = aiohttp.ClientTimeout(total=None, sock_connect=5)
            async with aiohttp.ClientSession(timeout=timeout, connector=aiohttp.TCPConnector(limit=20)) as http:
                self._account.open(Door(self._settings, self._secrets, http))
                while True:
                    await self._once(http)
        finally:
            self.acts.clear()
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            self._news("stopped")

    async def _once(self, http: "aiohttp.ClientSession") -> None:
        """Be signed in for as long as that lasts, else read without an account until somebody signs in."""
        try:
            signed_in = bool(self._settings.client_id) and self._account.load()
        except TokenError as error:
            self._out = str(error)
            self._news("refused", str(error))
            await self._account.changed()
            return
        if not signed_in:
            self._out = ""
            self.acts.clear()
            await first_of(self._read_only(), self._account.changed())
            return
        try:
            await self._signed_in(http)
        except (Dismissed, Refused) as error:
            log.error("twitch: %s", error)
            self.acts.clear()
            self._out = str(error)
            self._news("refused", str(error))
            refused = self._account.token.access
            await first_of(self._account.changed(refused), self.clock.sleep(REFUSED_PAUSE))

    async def _read_only(self) -> None:
        """Read the chat without an account."""
        if not self._settings.channel:
            self._news("refused", f"no channel is named and nobody is signed in; {self._way_in}")
            await asyncio.get_running_loop().create_future()

        def tell(state: State, detail: str) -> None:
            self._news(state, f"{detail}; {_READ_ONLY}; {self._way_in}")

        await Anonymous(self._settings, self.name, self.clock, self.rng, self._count, tell).run()

    def _count(self, event: Event) -> None:
        self.counted["events"] += 1
        self.publish(event)

    async def _signed_in(self, http: "aiohttp.ClientSession") -> None:
        """Hear, and carry out acts, until Twitch knows us no longer. Raises Dismissed, Refused."""
        ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        def dismissed(why: str) -> None:
            if not ended.done():
                ended.set_exception(Dismissed(why))

        self._account.dismissed = dismissed
        account = self._account
        await first_of(self._listen(http), ended, account.changed(), account.forgotten(), account.run())

    # --- listening

    async def _listen(self, http: "aiohttp.ClientSession") -> None:
        """Hold one session after another. Raises Dismissed, Refused."""
        self._news("connecting", "Twitch")
        await self._arrive(http)
        backoff, unreachable = Backoff(self.rng, 0.25, LONGEST_PAUSE, STABLE), 0.0
        while True:
            began = self.clock.now()
            try:
                await self._hold(http)
            except Ended as error:
                now = self.clock.now()
                if error.code == UNREACHABLE:
                    unreachable = unreachable or now
                    most = KNOCK if now - unreachable < PATIENT else LONGEST_PAUSE
                    pause = self.rng.uniform(most / 4, most)
                else:
                    unreachable, pause = 0.0, backoff.next(now - began)
                (log.error if error.code == 4001 else log.info)("twitch: %s", error)
                self._news("down", str(error))
                await self.clock.sleep(pause)
                self.counted["reconnects"] += 1

    async def _hold(self, http: "aiohttp.ClientSession") -> None:
        """Hold one session. Raises Ended, Dismissed, Refused."""
        assert self._hearing is not None
        session = Session(http, self._settings.events, self.clock, self._hearing, self._subscribe, self._revoked)
        try:
            await session.run()
        finally:
            for task in self._beside:
                task.cancel()
            if self._silent is None and self._in:
                self._silent = session.heard or self.clock.now()
            self._in = False

    async def _arrive(self, http: "aiohttp.ClientSession") -> None:
        """Learn whose the token is and which channel to be on, however long it takes. Raises Dismissed, Refused."""
        helix = self._helix = Helix(self._settings.api, self._settings.client_id, self._account, http, self.clock)
        backoff = Backoff(self.rng, 0.5, LONGEST_PAUSE)
        while True:
            try:
                await self._account.look()
                channel = await self._owner(helix)
                break
            except Passing as error:
                self._news("down", str(error))
                await self.clock.sleep(max(error.wait, backoff.next(0.0)))
        if self._subscriptions is None or self._subscriptions.channel != channel:
            self._silent = self._on_air = None
            self._looked_back = False
            self._subscriptions = Subscriptions(self._settings, self._account, channel, self.clock)
            live = self._subscriptions.live
            self._hearing = Hearing(self.name, self._channel, live, self._heard, self.counted, self.clock)
        assert self._hearing is not None
        self._equip(helix, self._hearing, channel)

    async def _owner(self, helix: Helix) -> str:
        """Return the channel's id. Raises Denied, Refused, Passing, Dismissed."""
        self._channel = self._settings.channel.lower() or self._account.token.name
        if self._channel == self._account.token.name:
            return self._account.id
        found = first(await helix.ask("GET", "users", {"login": self._channel}))
        if not isinstance(found.get("id"), str):
            raise Refused(f"there is no channel {self._channel!r} on Twitch: check channel in [twitch]")
        return found["id"]

    def _equip(self, helix: Helix, hearing: Hearing, channel: str) -> None:
        """Make ready for the acts that we have the right to."""
        sending = self._sending
        sending.account, sending.channel = self._account.id, channel
        sending.moderates = self._account.id == channel
        hearing.mine = sending.mine
        able = Acts(helix, sending, self._channel, hearing.percepts, self.clock)
        self.acts.clear()
        for act in acts(self._settings):
            if not missing(self._account.token, ACTS[act][0]):
                self.acts[act] = able.of[act]

    # --- a session

    async def _subscribe(self, session: str) -> None:
        """Subscribe a new session, and ask for what was missed before it. Raises Ended, Refused."""
        helix, subscriptions = self._helix, self._subscriptions
        assert helix is not None
        assert subscriptions is not None
        began = self.clock.now()
        await subscriptions.make(helix, session)
        if not subscriptions.live:
            why = next(iter(subscriptions.lost.values()), "no reason is given")
            if subscriptions.unsure:
                raise Ended(503, f"Twitch takes no subscriptions at present: {why}")
            raise Refused(f"Twitch tells us nothing: {why}")
        self._in, self._out = True, ""
        self._sending.moderates = self._account.id == subscriptions.channel or FOLLOWS in subscriptions.live
        self._up()
        for task in self._beside:
            task.cancel()
        works = [subscriptions.mend(helix, session, lambda name: self._had(helix, name, began))]
        if self._may_ask:
            works.append(self._rewards.keep(helix, subscriptions.channel))
        self._beside = [task for work in works if (task := self._aside(work)) is not None]
        behind = not self._looked_back
        if self._silent is not None:
            await self._recover(helix, self._silent)
        await self._look_on_air(helix)
        if self._may_ask and (task := self._aside(self._look_back(helix, 0.0 if behind else LATER))) is not None:
            self._beside.append(task)

    async def _had(self, helix: Helix, name: str, began: float) -> None:
        """A subscription that failed when the session ``began``, on the clock, is had: ask for what came meanwhile."""
        self._up()
        if name != REDEMPTIONS:
            return
        try:
            self.counted["recovered"] += await self._ask_for_redemptions(helix, began)
        except (Dismissed, Refused, Passing) as error:
            self._later(error)

    def _later(self, error: Exception) -> None:
        self._looked_back = False
        log.info("twitch: what was redeemed unheard is asked for again: %s", error)

    def _up(self) -> None:
        if self._subscriptions is not None:
            away = len(self._subscriptions.lost)
            lacking = f"; {away} of {len(self._subscriptions.kinds)} subscriptions are missing" if away else ""
            if refused := len(self._rewards.refused):
                lacking += f"; {refused} of the rewards are not as the show wants them"
            self._news("up", f"as {self._account.token.name} in #{self._channel}{lacking}")

    async def _recover(self, helix: Helix, since: float) -> None:
        """Ask for what can be asked for of a gap, and tell of it."""
        gap = self.clock.now() - since
        detail, recovered = "what was written meanwhile is lost", 0
        try:
            recovered = await self._ask_for_redemptions(helix, since)
        except (Refused, Passing) as error:
            self._later(error)
            detail += f"; redemptions could not be asked for: {error}; it is tried again"
        self._silent = None
        self.counted["gaps"] += 1
        self.counted["recovered"] += recovered
        self.publish(Gap(at=self.clock.wall(), link=self.name, seconds=gap, recovered=recovered, detail=detail))

    async def _look_back(self, helix: Helix, pause: float) -> None:
        """Ask for the redemptions that were made before the run, and again wherever something is in the way of asking.

        Begins after a pause, and lasts until cancelled. Which redemptions were answered, their rows tell.
        """
        while True:
            await self.clock.sleep(pause)
            pause = LATER
            if self._looked_back:
                continue
            try:
                found = await self._ask_for_redemptions(helix, self.clock.now() - LOOKED_BACK)
            except (Dismissed, Refused, Passing) as error:
                self._later(error)
                pause = LATER if isinstance(error, Passing) else REFUSED_PAUSE
            else:
                self._looked_back = True
                self.counted["recovered"] += found

    @property
    def _may_ask(self) -> bool:
        """Whether Twitch lists redemptions to us: that takes the channel's own account and the right to close them."""
        subscriptions = self._subscriptions
        return subscriptions is not None and self._account.id == subscriptions.channel and Fulfil in self.acts

    async def _ask_for_redemptions(self, helix: Helix, since: float) -> int:
        """Publish the redemptions since a time of the clock that wait and are new; returns how many these are.

        Whether we are told of new ones does not matter: while we are not, they are asked for all the more.
        Raises Refused, Passing.
        """
        hearing, subscriptions = self._hearing, self._subscriptions
        if hearing is None or subscriptions is None or not self._may_ask:
            return 0
        new = 0
        # What Twitch lists bears the time of Twitch's clock.
        there = self.clock.wall() - hearing.ahead - (self.clock.now() - since)
        for one in await missed(helix, subscriptions.channel, there, self.clock):
            made = hearing.percepts.redemption(one, moment(one.redeemed_at, self.clock.wall()))
            new += hearing.take(made, made.id)
        return new

    def _revoked(self, name: str, why: str) -> None:
        """Twitch has taken a subscription back: what that means for all the others, the token tells."""
        if self._subscriptions is None or name not in self._subscriptions.kinds:
            return
        self.counted["revoked"] += 1
        self._subscriptions.revoked(name, why)
        if not self._looking:
            self._looking = True
            self._aside(self._look())

    async def _look(self) -> None:
        try:
            await self._account.look()
        except (Dismissed, Passing):
            pass  # who is dismissed is told so already
        finally:
            self._looking = False
        if self._subscriptions is not None and not self._subscriptions.live:
            self._account.dismissed(f"Twitch has taken back all that we were subscribed to; {AGAIN}")
        elif self._in:
            self._up()

    # --- the stream

    def _heard(self, event: Event) -> None:
        if isinstance(event, StreamStarted | StreamEnded):
            self._aside(self._went(event))
        else:
            self.publish(event)

    async def _went(self, event: StreamStarted | StreamEnded) -> None:
        """The stream began or ended: tell of it once, and of its title where that is soon known."""
        async with self._stream:
            started = isinstance(event, StreamStarted)
            if self._on_air is started:
                return
            self._on_air = started
            if isinstance(event, StreamStarted) and self._helix is not None and self._subscriptions is not None:
                title = ""
                with suppress(TimeoutError, Refused, Passing):
                    async with asyncio.timeout(_TITLE_WITHIN):
                        _, title = await on_air(self._helix, self._subscriptions.channel)
                event = replace(event, title=title)
            self.publish(event)

    async def _look_on_air(self, helix: Helix) -> None:
        """See whether the stream began or ended while we did not hear of it."""
        assert self._subscriptions is not None
        try:
            live, title = await on_air(helix, self._subscriptions.channel)
        except (Refused, Passing):
            return
        async with self._stream:
            before, self._on_air = bool(self._on_air), live
            at = self.clock.wall()
            if live and not before:
                self.publish(StreamStarted(at=at, link=self.name, title=title))
            elif before and not live:
                self.publish(StreamEnded(at=at, link=self.name))

    def _aside(self, work: Coroutine[Any, Any, None]) -> "asyncio.Task[None] | None":
        """Do something beside the rest, until the link ends."""
        if len(self._tasks) >= _TASKS:
            work.close()
            return None
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task
