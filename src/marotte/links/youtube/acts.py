"""What the link does on YouTube when it is asked to: it writes into the chat, and moderates it.

https://developers.google.com/youtube/v3/live/docs/liveChatMessages/insert, /delete, /liveChatBans/insert, /delete
"""

from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import TypeVar

from marotte.events import Send, Verdict
from marotte.links.link import Passing, Refused
from marotte.links.pace import Gate, Turns, Window
from marotte.links.youtube.account import Dismissed
from marotte.links.youtube.api import Api, Denied, Unclear
from marotte.links.youtube.sending import Ours, pieces
from marotte.time import Clock

_BANS = 1_000
"""So many bans can be lifted; a ban is lifted by an id that YouTube tells but once."""
_TIMEOUT = 300.0
"""Seconds of a timeout that does not say how long it is."""
_LONGEST = 86_400.0
_SPEED = 20
"""Messages in half a minute: no limit is documented; people who write faster are taken for machines."""
_KEPT = 200
T = TypeVar("T")


class Acts:
    """Carries out acts; those of moderation are done, too, where somebody was quicker.

    It lasts as long as its link, however often that signs in: the bans of a run are lifted by what is known here.
    """

    def __init__(self, ours: Ours, chat: Callable[[], str], clock: Clock) -> None:
        """``chat`` gives the id of the chat that is open, or ""."""
        self.api: Api | None = None
        """By which we are signed in; None: nobody is."""
        self._ours, self._chat = ours, chat
        self._turns = Turns(clock)
        """In which messages are written, so that none comes between the pieces of another."""
        self._gate = Gate(clock, Window(_SPEED, 30.0))
        self._bans: OrderedDict[str, str] = OrderedDict()
        self._done: OrderedDict[str, int] = OrderedDict()
        """How many messages of an act have been sent, so that what is tried again goes on."""

    async def send(self, act: Send, until: float) -> str:
        """Write what an act says. Raises Refused, Passing or Late."""
        texts = pieces(act.text)
        if not texts:
            raise Refused("there is nothing to send")
        async with self._turns.hold(until):
            for number, text in enumerate(texts):
                if number < self._done.get(act.id, 0):
                    continue
                await self._gate.enter(until)
                await self._write(text)
                self._done[act.id] = number + 1
                while len(self._done) > _KEPT:
                    self._done.popitem(last=False)
        return ""

    async def _write(self, text: str) -> None:
        """Write one message, once: where nobody knows whether it was written, it is not written again."""
        chat = self._open()
        self._ours.expect(text)
        try:
            message = await self._asked(lambda api: api.insert(chat, text))
        except Unclear as error:
            raise Refused(f"{error}; whether it was written is not known, so it is not written again") from None
        except (Refused, Passing):
            self._ours.forget(text)
            raise
        if message:
            self._ours.written(text, message)

    async def verdict(self, act: Verdict, until: float) -> str:
        """Do to a viewer what was decided. Raises Refused or Passing."""
        channel = act.viewer.id.removeprefix("youtube:")
        match act.action:
            case "delete":
                return await self._delete(act.source)
            case "timeout":
                seconds = min(max(1.0, act.seconds or _TIMEOUT), _LONGEST)
                return await self._ban(channel, round(seconds))
            case "ban":
                return await self._ban(channel, 0)
            case "allow":
                return await self._allow(channel)
            case "warn":
                raise Refused("YouTube has no warnings")

    async def _delete(self, message: str) -> str:
        if not message:
            raise Refused("it does not say which message")
        try:
            await self._asked(lambda api: api.delete(message))
        except Denied as error:
            if error.status != 404:
                raise
            return "it was gone already"
        return ""

    async def _ban(self, channel: str, seconds: int) -> str:
        self._signed_in()
        if not seconds and not self._chat():
            raise Passing("no broadcast is live, so there is no chat")  # it holds for the next one as well
        chat = self._open()
        ban = await self._asked(lambda api: api.ban(chat, channel, seconds))
        if ban:
            self._bans.pop(channel, None)
            self._bans[channel] = ban
            while len(self._bans) > _BANS:
                self._bans.popitem(last=False)
        return ""

    async def _allow(self, channel: str) -> str:
        ban = self._bans.get(channel)
        if ban is None:
            raise Refused("this run has laid no ban on them; lift it in YouTube Studio, Settings, Community")
        try:
            await self._asked(lambda api: api.unban(ban))
        except Denied as error:
            if error.status != 404:
                raise
        self._bans.pop(channel, None)
        return ""

    def _signed_in(self) -> Api:
        if self.api is None:
            raise Passing("nobody is signed in on YouTube")
        return self.api

    def _open(self) -> str:
        self._signed_in()
        if not (chat := self._chat()):
            raise Refused("no broadcast is live, so there is no chat")
        return chat

    async def _asked(self, call: Callable[[Api], Awaitable[T]]) -> T:
        api = self._signed_in()
        try:
            return await call(api)
        except Dismissed as error:
            raise Refused(str(error)) from None
