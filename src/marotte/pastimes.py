"""Pastimes: joins commands, redemptions and appointments to a run's public floor."""

from typing import TYPE_CHECKING

from marotte import config
from marotte.events import PUBLIC, AnyPercept
from marotte.mind.commands import Commands
from marotte.mind.manner import AS_USUAL, Manner
from marotte.mind.pastimes.appointments import due
from marotte.mind.redemptions import Redemptions
from marotte.senses.timers import Timers
from marotte.store.store import Store

if TYPE_CHECKING:
    from marotte.conversation import Conversation
    from marotte.show import Run


class Pastimes:
    """What viewers may ask for by a command or a reward. Once the run has started, all of it is there."""

    commands: Commands
    redemptions: Redemptions
    timers: Timers

    def __init__(self, run: "Run") -> None:
        self._run = run

    async def open(self, store: Store) -> None:
        """Build them, and read what was counted and promised. Raises StoreError."""
        run = self._run
        self.commands = Commands(
            run.show,
            store,
            run.publish,
            run.clock,
            self._seed(),
            run.moderator.unwritten,
            run.platforms.join,
            run.platforms.part,
        )
        self.redemptions = Redemptions(run.show, store, run.bus, run.clock, PUBLIC)
        self.timers = Timers(store, run.bus, run.clock, due, run.perceive)
        self.commands.appointed = self.timers.wake
        await self.commands.open()
        await self.commands.purses.look_back()

    def join(self, floor: "Conversation") -> None:
        """Take commands out of a floor's chat, and let redemptions shape its turns."""
        self.commands.offer = floor.attention.offer
        floor.attention.taken = self.commands.take
        floor.attention.alone = lambda percept: self.manner(percept) != AS_USUAL
        floor.director.manner = self.manner
        self.commands.waiting = lambda: {entry.percept.id for _, _, entry in floor.attention.pending()}
        self._run.supervisor.start("commands", self.commands.run)
        self._run.supervisor.start("what is owed", self._follow)

    def let_in(self) -> None:
        """Begin what reaches outside, or is told by the clock: a replay has it from its log."""
        self._run.supervisor.start("timers", self.timers.run)
        self._run.supervisor.start("redemptions", self.redemptions.run)

    def manner(self, percept: AnyPercept) -> Manner:
        """Return how a percept wants to be answered."""
        asked = self.redemptions.manner(percept)
        return self.commands.manner(percept) if asked == AS_USUAL else asked

    def use(self, show: config.Show) -> None:
        """Go by other settings from now on."""
        self.commands.use(show)
        self.redemptions.show = show

    def reseed(self) -> None:
        """Let chance begin anew, at a point from which the run can be replayed."""
        self.commands.reseed(self._seed())

    def forget(self) -> None:
        """Somebody was forgotten: what is in mind of them goes, too."""
        self.commands.forget()

    async def _follow(self) -> None:
        """Tell the commands of the public floor's turns: what was paid for and not heard is given back."""
        news = self._run.bus.subscribe(f"event.turn_started.{PUBLIC}", f"event.turn_ended.{PUBLIC}")
        try:
            await self.commands.follow(news)
        finally:
            news.close()

    def _seed(self) -> str:
        return f"{self._run.seed} commands"
