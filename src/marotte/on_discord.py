"""Discord, joined to a run: the character talks in a voice channel, obeys operators, and tells that it is on air."""

import logging
from collections.abc import Callable
from contextlib import aclosing
from typing import TYPE_CHECKING

from marotte.engines.kinds import EngineError
from marotte.events import Asked, StreamEnded, StreamStarted, Viewer
from marotte.links.discord.link import DiscordLink
from marotte.mind.telling import quoted
from marotte.ports import Microphone, Outlet
from marotte.store.database import StoreError
from marotte.text.sentences import Thoughts
from marotte.text.views import line

if TYPE_CHECKING:
    from marotte.show import Run

log = logging.getLogger(__name__)

_TOLD = "on air, told until"
_LONGEST_STREAM, _BREAK = 43_200.0, 900.0
"""Seconds after which a stream is taken for another one: since it was told, and since it ended."""
_LONGEST = 500
"""Characters that the character may write of its going on air."""


async def tell_when_on_air(run: "Run", link: DiscordLink) -> None:
    """Let the character write where the show is announced, in its own words, whenever it goes on air elsewhere.

    It does so once for a stream, on however many platforms that is, and however often the program starts meanwhile.
    """
    news = run.bus.subscribe("event.stream_started.>", "event.stream_ended.>", size=20)
    on_air: set[str] = set()
    try:
        async for message in news:
            event: StreamStarted | StreamEnded = message.data
            try:
                if isinstance(event, StreamEnded):
                    on_air.discard(event.link)
                elif event.link != link.name:
                    on_air.add(event.link)
                    await _tell(run, link, event)
                if not on_air:
                    await _end(run, link)
            except StoreError as error:
                log.error("whether the show's going on air was told is not known: %s", error)
    finally:
        news.close()


async def _tell(run: "Run", link: DiscordLink, started: StreamStarted) -> None:
    """Tell of a stream that is not told yet."""
    if run.clock.wall() < (await run.store.tallies(_TOLD)).get(link.name, 0):
        return
    if (text := await _announcement(run, started)) and await link.going_live(text):
        await run.store.keep_tally(_TOLD, link.name, round(run.clock.wall() + _LONGEST_STREAM))


async def _end(run: "Run", link: DiscordLink) -> None:
    """Tell of the next stream again, unless it is the same that has come back."""
    soon = round(run.clock.wall() + _BREAK)
    if (await run.store.tallies(_TOLD)).get(link.name, 0) > soon:
        await run.store.keep_tally(_TOLD, link.name, soon)


async def _announcement(run: "Run", started: StreamStarted) -> str:
    """Return what the character writes, or "" where no brain can, or it may not be said."""
    language = run.show.character.languages[0]
    title = f", under the title {quoted(started.title)}" if started.title else ""
    asked = Asked(text=f"You have just gone on air on {started.link}{title}. Invite everybody in one or two sentences.")
    thoughts, said = Thoughts(), ""
    try:
        async with aclosing(run.brains.reply(run.persona.prompt((asked,), language))) as pieces:
            async for piece in pieces:
                said += thoughts.feed(piece) if isinstance(piece, str) else ""
                if len(said) > _LONGEST:
                    break
    except EngineError as error:
        log.warning("nobody wrote that the show is on air: %s", error)
        return ""
    shown = line(said + thoughts.end(), language)
    text = shown.shown[:_LONGEST] if shown is not None else ""
    if why := run.moderator.judge(text, language):
        log.warning("what was written of going on air is not sent: %s", why)
        return ""
    return text


async def use_voice(run: "Run", link: DiscordLink) -> None:
    """Speak and listen in the show's voice channel, on the public floor."""
    await link.speak(_PublicHall(run))


def obey(run: "Run") -> Callable[[str, str], None]:
    """Return what carries out an operator's orders: ``say``, ``ask``, ``stop`` and ``context``, with their words."""

    def order(what: str, text: str) -> None:
        if what == "stop":
            run.orders.cut(run.public.name, "stopped by the operator")
        elif what == "context":
            run.orders.context(text)
        else:
            run.publish(Asked(at=run.clock.wall(), text=text, verbatim=what == "say"))

    return order


class _PublicHall:
    """The public floor, as the call is joined to it."""

    def __init__(self, run: "Run") -> None:
        self._run = run
        self._public = run.public

    def now(self) -> int:
        return self._public.speaker.now()

    def attach(self, outlet: Outlet) -> None:
        self._run.warm_ears()
        self._public.speaker.attach(outlet)

    def detach(self, outlet: Outlet) -> None:
        self._public.speaker.detach(outlet)

    def played(self, outlet: Outlet, sample: int) -> None:
        self._public.speaker.played(outlet, sample)

    async def listen(self, viewer: Viewer, microphone: Microphone) -> None:
        hearing = self._public.hearing(viewer)
        hearing.hands_free = True
        await hearing.run(microphone)
