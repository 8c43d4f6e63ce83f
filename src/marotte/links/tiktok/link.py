"""The TikTok link: reads somebody's LIVE through a program of its own, which is started again whatever happens to it.

There is no interface of TikTok's for this. What is read is read as a browser would; a service that others run signs the
request (https://www.eulerstream.com). Nothing can be written.
"""

import asyncio
import logging
import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import aclosing
from importlib.util import find_spec
from random import Random
from typing import cast

import msgspec

from marotte.config_links import TikTok
from marotte.engines.child import Child
from marotte.engines.kinds import EngineError
from marotte.events import Event, Gap, StreamEnded, StreamStarted
from marotte.links.complaints import Complaints
from marotte.links.link import BaseLink, State
from marotte.links.pace import Backoff
from marotte.links.tiktok.percepts import QUIET, Percepts, Told
from marotte.ports import Standing
from marotte.time import Clock

log = logging.getLogger(__name__)

MISSING = "TikTokLive is missing: pip install 'marotte[tiktok]'"
SILENT = 120.0
"""Seconds without anything, how many watch included, after which a connection is taken for dead."""
LONGEST_PAUSE = 120.0
EAGER, RARE, EAGERLY = 60.0, 300.0, 900.0
"""Seconds between two looks whether they are live, at first and, after so many seconds of waiting, later."""
LIMITED_PAUSE = 60.0
REFUSED_PAUSE = 900.0
GAP = 0.5
"""Seconds of deafness that are worth telling: nothing but the last words comes again."""
_HISTORY = 2.0
"""Seconds in which the last words come again after a connection."""
_TICK = 1.0
_NUMBER = re.compile(r"[\w-]{1,64}")
_OFFLINE = ("UserOfflineError",)
_NOBODY = ("UserNotFoundError", "AgeRestrictedError")


class TikTokLink(BaseLink):
    """Somebody's LIVE."""

    platform = "tiktok"

    def __init__(
        self,
        settings: TikTok,
        secrets: Mapping[str, str],
        publish: Callable[[Event], None],
        clock: Clock,
        rng: Random,
    ) -> None:
        """Its name is ``tiktok``, which its events bear."""
        super().__init__("tiktok", publish, clock, rng)
        self._user = "@" + settings.user.lstrip("@")
        self._settings, self._key = settings, secrets.get(settings.secret, "")
        self._percepts = Percepts(self.name, self._count, clock)
        self._child = Child("tiktok", "marotte.links.tiktok.tiktok_program", start_within=120.0)
        self._told: tuple[State, str] = ("stopped", "")
        self._complaints = Complaints(self.name, self.counted, clock)
        self._on_air = False
        self._lost: float | None = None
        """Since when we hear nothing, on the clock; None: we do, or have not begun."""
        self._gap: tuple[float, float] | None = None
        """How long a break was that is to be told, and when it ended."""
        self._resumed = 0.0
        """When the connection began, in seconds since the epoch."""
        self._recovered = 0
        self._waits = clock.now()

    # --- how it stands

    @property
    def counters(self) -> Mapping[str, int]:
        """What it has done since the run began."""
        return {**self.counted, "likes": self._percepts.likes}

    def standing(self) -> Sequence[Standing]:
        """Return what it has and lacks, for whoever looks after it."""
        there, keyed = _installed(), bool(self._key)
        without = f"without {self._settings.secret or 'a key'} the signing service allows few connections an hour"
        return (
            Standing("library", there, "" if there else MISSING),
            Standing("key", True, "" if keyed else without),
            Standing("broadcast", True, f"{self._user} is live" if self._on_air else f"{self._user} is not live"),
        )

    def _news(self, state: State, detail: str = "") -> None:
        """Tell how the connection is, where that is news."""
        if (state, detail) != self._told:
            self._told = (state, detail)
            self.tell(state, detail)

    # --- from the beginning to the end

    async def run(self) -> None:
        """Stay connected until cancelled."""
        self._percepts.began, self._waits = self.clock.wall(), self.clock.now()
        ticking: asyncio.Task[None] | None = None
        try:
            if not _installed():
                self._news("refused", MISSING)
                await asyncio.get_running_loop().create_future()
            ticking = asyncio.create_task(self._tick())
            backoff = Backoff(self.rng, 1.0, LONGEST_PAUSE)
            while True:
                self._news("connecting", self._user)
                began = self.clock.now()
                ended = await self._connection()
                self._deaf()
                await self._pause(ended, backoff, self.clock.now() - began)
        finally:
            if ticking is not None:
                ticking.cancel()
            self._percepts.flush(0.0)
            await self._child.close()
            self._news("stopped")

    async def _connection(self) -> Told:
        """Hold one connection; return how it ended."""
        asked = {
            "user": self._user,
            "room": self._settings.room,
            "sign": self._settings.sign.rstrip("/"),
            "key": self._key,
        }
        try:
            await self._child.start()
            async with aclosing(self._child.request(asked)) as answers:
                while True:
                    try:
                        async with asyncio.timeout(SILENT):
                            header, _ = await anext(answers)
                    except StopAsyncIteration:
                        return Told(what="ended", why="TikTok closed the connection")
                    except TimeoutError:
                        return Told(what="ended", why=f"there was nothing for {SILENT:.0f} s")
                    if (told := self._read(header)) is not None and told.what == "ended":
                        return told
        except EngineError as error:
            return Told(what="ended", kind="program", why=str(error))

    async def _pause(self, ended: Told, backoff: Backoff, lasted: float) -> None:
        """Wait for as long as it takes until another attempt may go better."""
        why = ended.why[:300] or "the connection has ended"
        if ended.kind in _OFFLINE:
            self._ends()
            self._news("up", f"{self._user} is not live")
            eager = self.clock.now() - self._waits < EAGERLY
            await self.clock.sleep((EAGER if eager else RARE) * self.rng.uniform(0.9, 1.1))
            return
        pause = backoff.next(lasted)
        state: State = "down"
        if ended.kind in _NOBODY:
            state, pause, why = "refused", REFUSED_PAUSE, f"{self._user} cannot be watched: {why}"
        elif ended.status in (401, 403):
            state, pause = "refused", REFUSED_PAUSE
            why = f"the signing service does not accept the key in {self._settings.secret} ({ended.status})"
        elif ended.kind == "SignatureRateLimitError" or ended.status == 429:
            pause = max(pause, ended.wait, LIMITED_PAUSE)
            why = (
                f"the signing service allows no more connections for now (429); a key in {self._settings.secret} helps"
            )
        if not self._on_air and not ended.kind and self._told[0] == "up":  # it has ended well
            pause = max(pause, EAGER)
        pause *= self.rng.uniform(1.0, 1.2)
        self._news(state, f"{why}; tried again in {pause:.0f} s")
        await self.clock.sleep(pause)

    async def _tick(self) -> None:
        """Look now and then what has ended in silence."""
        while True:
            await self.clock.sleep(_TICK)
            self._percepts.flush(QUIET)
            if self._lost is None and 0 < self._resumed <= self.clock.wall() - _HISTORY:
                self._percepts.began = 0.0  # what comes now is new, whatever its clock says
            if self._gap is not None and self.clock.now() - self._gap[1] >= _HISTORY:
                seconds, recovered, self._gap = self._gap[0], self._recovered, None
                detail = "TikTok tells again only the last six messages of the chat"
                self.counted["gaps"] += 1
                self.publish(
                    Gap(at=self.clock.wall(), link=self.name, seconds=seconds, recovered=recovered, detail=detail)
                )

    # --- what comes

    def _read(self, header: object) -> Told | None:
        """Do what one line of the program asks for; return it, or None where nobody can read it."""
        try:
            told = msgspec.convert(header, Told)
        except (msgspec.ValidationError, ValueError) as error:
            which: object = cast("dict[str, object]", header).get("message") if isinstance(header, dict) else None
            self._complain(which if isinstance(which, str) else "", str(error))
            return None
        match told.what:
            case "connected":
                self._connected()
            case "end":
                self._ends()
            case "malformed":
                self._complain(told.message, told.why)
            case "alive" | "ended":
                pass
            case _:
                new = self._percepts.take(told)
                self.counted["duplicates"] += not new
                again = self._lost is not None or (self._gap is not None and told.at < self._resumed)
                self._recovered += new and again and told.what == "chat"
        return told

    def _complain(self, which: str, why: str) -> None:
        self._complaints.add(f"message {which if _NUMBER.fullmatch(which) else '?'}", why)

    def _count(self, event: Event) -> None:
        self.counted["events"] += 1
        self.publish(event)

    def _connected(self) -> None:
        now = self.clock.now()
        if self._lost is not None and now - self._lost >= GAP and self._on_air:
            self._gap = (now - self._lost, now)
        self._lost, self._resumed = None, self.clock.wall()
        if not self._on_air:
            self._on_air = True
            self.publish(StreamStarted(at=self.clock.wall(), link=self.name))
        self._news("up", f"in the LIVE of {self._user}")

    def _deaf(self) -> None:
        """We hear nothing from now on."""
        if self._lost is None:
            self._lost, self._recovered = self.clock.now(), 0

    def _ends(self) -> None:
        """They are not live any more."""
        self._percepts.flush(0.0)
        if self._on_air:
            self._on_air, self._waits = False, self.clock.now()
            self.publish(StreamEnded(at=self.clock.wall(), link=self.name))


def _installed() -> bool:
    return find_spec("TikTokLive") is not None
