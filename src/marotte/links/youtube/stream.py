"""Reads one live chat to its end: a long call whose answer comes as people write, else a list that is asked for.

https://developers.google.com/youtube/v3/live/streaming-live-chat, /v3/live/docs/liveChatMessages/list

Each page says where to go on, so that after a break what was said meanwhile comes, once YouTube is there again.
"""

import asyncio
import logging
import math
from collections.abc import Callable
from random import Random
from typing import TYPE_CHECKING

from marotte.links.link import Passing, State
from marotte.links.pace import Backoff
from marotte.links.youtube import frames
from marotte.links.youtube.account import Dismissed
from marotte.links.youtube.api import Api, Denied, Spent
from marotte.links.youtube.frames import Page
from marotte.links.youtube.quota import COSTS, Ledger
from marotte.time import Clock

if TYPE_CHECKING:
    import aiohttp

log = logging.getLogger(__name__)

QUIET = 300.0
"""Seconds without a word after which a stream is asked for anew: it may be dead, and nobody would say so."""
FIRST = 10.0
"""Seconds after which a stream that says nothing at first has nothing to say."""
POLLS = 5.0
"""Seconds between two lists where YouTube does not say, and at least between the beginnings of two streams.

YouTube ends streams as it likes, at times each of them after ten seconds.
"""
LONGEST_PAUSE = 60.0
HOUR = 3_600.0
"""Seconds at most until we look again whether there are units."""
GAP = 5.0
"""Seconds of deafness that are worth telling."""
STUCK = 3
"""So often the same page may not be readable before we go on without it, or a stream be refused before we list."""
LISTED = 3_600.0
"""Seconds for which lists are asked for before the stream is asked for again."""
_FULL = 200
"""Messages of a page behind which there may be more."""
_ENDED = ("liveChatEnded",)
_SHUT = ("liveChatDisabled", "liveChatNotFound", "forbidden", "insufficientPermissions")
_PAGE = ("invalidPageToken", "pageTokenInvalid", "invalidValue")
_NO_STREAM = (400, 403, 404, 405, 501)


class Over(Exception):
    """There is no more to read; the message says why. ``told``: the chat itself has said that it is over."""

    def __init__(self, why: str, *, told: bool = False) -> None:
        super().__init__(why)
        self.told = told


class Broken(Exception):
    """A stream ended before its time; the message says how."""


class Chat:
    """One live chat, read from page to page."""

    def __init__(
        self,
        id: str,
        ledger: Ledger,
        hear: Callable[[Page], int],
        gap: Callable[[float, int, str], None],
        tell: Callable[[State, str], None],
        clock: Clock,
        rng: Random,
    ) -> None:
        """``hear`` gets each page and returns how many messages were new; ``gap`` what a break has cost."""
        self.id = id
        self._lists_until = -math.inf
        """Until when on the clock lists are asked for, and not the stream."""
        self._refusals = 0
        """How often in a row the stream was refused."""
        self._ledger = ledger
        self._hear, self._gap, self._tell = hear, gap, tell
        self._clock, self._rng = clock, rng
        self._token = ""
        self._stuck = 0
        self._since: float | None = None
        """Since when we hear nothing, on the clock; None: we do, or have not begun."""
        self._silent = self._lost = False
        self._recovered = 0
        self._heard = clock.now()

    @property
    def streams(self) -> bool:
        """Whether it is streamed; else lists are asked for."""
        return self._clock.now() >= self._lists_until

    async def read(self, api: Api) -> None:
        """Read until there is no more. Raises Over, Denied, Dismissed."""
        backoff = Backoff(self._rng, 0.5, LONGEST_PAUSE)
        self._deaf(silent=True)
        while True:
            began = self._clock.now()
            try:
                await (self._stream(api) if self.streams else self._list(api))
            except Dismissed:
                self._deaf()
                raise
            except Denied as error:
                self._deaf()
                self._denied(error)
                why, pause = str(error), backoff.next(0.0)
            except Spent as error:
                self._deaf()
                why, pause = str(error), min(self._ledger.reset() + 60.0, HOUR) * self._rng.uniform(1.0, 1.1)
            except frames.Malformed as error:
                self._deaf()
                self._skip(error)
                why, pause = f"YouTube sends what nobody can read: {error}", backoff.next(0.0)
            except Broken as error:
                why, pause = str(error), backoff.next(self._clock.now() - began)
            except Passing as error:
                self._deaf()
                why, pause = str(error), max(error.wait, backoff.next(self._clock.now() - began))
            else:  # that a stream ends is nothing bad, and what is said meanwhile comes with the next
                await self._clock.sleep(began + max(POLLS, self._thrift()) - self._clock.now())
                continue
            pause = max(pause, self._thrift())
            self._tell("down", f"{why}; tried again in {pause:.0f} s")
            await self._clock.sleep(pause)

    def _denied(self, error: Denied) -> None:
        """Do what a refusal asks for; what is final is raised."""
        if error.reason in _ENDED:
            raise Over(str(error))
        if self._token and error.reason in _PAGE:
            self._token, self._lost = "", True
            return
        if error.reason not in _SHUT and self.streams and error.status in _NO_STREAM:
            self._refusals += 1
            if self._refusals >= STUCK:  # one may come from whoever stands between us, or from a bad moment there
                log.warning("youtube: %s; the chat is listed instead, which costs more of the quota", error)
                self._lists_until = self._clock.now() + LISTED
            return
        raise error

    def _skip(self, error: frames.Malformed) -> None:
        """Go on without a page that cannot be read however often."""
        self._stuck += 1
        if self._stuck >= STUCK:
            log.error("youtube: a page of the chat is left out: %s", error)
            self._stuck, self._token, self._lost = 0, "", True

    # --- the two ways

    async def _stream(self, api: Api) -> None:
        """Hold one call until it ends well. Raises Broken, Malformed, Over and what the call raises."""
        import aiohttp

        splitter = frames.Splitter()
        async with api.stream(self.id, self._token) as body:
            began = self._heard = self._clock.now()
            pages = 0
            try:
                while (piece := await self._piece(body)) is not None:
                    for data in splitter.feed(piece):
                        self._take(api.taken(data))
                        self._refusals = 0
                        pages += 1
                    self._heard = self._clock.now()
            except (aiohttp.ClientError, OSError) as error:
                self._deaf()
                raise Broken(f"YouTube has broken the connection: {type(error).__name__}") from None
            if not pages and self._clock.now() - began < POLLS:
                raise Broken("YouTube has ended the stream before anything came")

    async def _piece(self, body: "aiohttp.StreamReader") -> bytes | None:
        """Return what comes next; None where the stream has ended, or says nothing for so long that it may be dead."""
        while True:
            try:
                async with asyncio.timeout(QUIET if self._since is None else min(QUIET, FIRST)):
                    piece = await body.readany()
                if not piece:
                    self._deaf(silent=True)
                return piece or None
            except TimeoutError:
                if self._since is None:  # nobody wrote, or nobody told us: only what comes next can tell
                    self._deaf(self._heard, silent=True)
                    return None
                self._found(Page(), 0)

    async def _list(self, api: Api) -> None:
        """Ask for one list after another while they are wanted. Raises Malformed, Over and what the call raises."""
        while not self.streams:
            page = await api.page(self.id, self._token)
            self._heard = self._clock.now()
            self._take(page)
            await self._clock.sleep(max(page.pause or POLLS, self._thrift()))

    def _take(self, page: Page) -> None:
        """Hand over a page. Raises Over where it is the last."""
        self._token, self._stuck = page.token or self._token, 0
        new = self._hear(page)
        self._found(page, new)
        if page.over or any(message.snippet.type == "chatEndedEvent" for message in page.messages):
            raise Over("the chat is over", told=True)

    def _thrift(self) -> float:
        """Return how many seconds to leave between two calls, so that what is left of the quota lasts."""
        if not self._ledger.low:
            return 0.0
        cost = COSTS["stream"]
        return min(HOUR / 4, self._ledger.reset() * cost / max(self._ledger.left, cost))

    # --- what a break costs

    def _deaf(self, since: float | None = None, *, silent: bool = False) -> None:
        """We hear nothing from now, or from ``since``, on; ``silent``: perhaps there is nothing to hear."""
        if self._since is None:
            self._since = self._clock.now() if since is None else since
            self._silent, self._recovered = silent, 0
        self._silent = self._silent and silent

    def _found(self, page: Page, new: int) -> None:
        """We hear again; tell what the break has cost once all that was said meanwhile has come."""
        if self._since is None:
            return
        self._recovered += new
        if len(page.messages) >= _FULL:
            return
        seconds = self._heard - self._since  # not until now: who writes only later was not missed
        if (seconds >= GAP or self._lost) and (self._recovered or not self._silent):
            detail = "YouTube does not know any more where we were: some of it may be missing" if self._lost else ""
            self._gap(seconds, self._recovered, detail)
        self._since, self._lost = None, False
        self._tell("up", "")
