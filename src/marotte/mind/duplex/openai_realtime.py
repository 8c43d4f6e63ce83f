"""OpenAI's Realtime interface: a model that hears speech and answers with speech.

https://platform.openai.com/docs/guides/realtime-conversations, over a WebSocket, in the form that has been generally
available since August 2025 (``session.type`` is ``realtime``). Who speaks when is decided here, not there:
``turn_detection`` is null, each speech is committed at its end, and each reply is asked for.
"""

import asyncio
import json
import logging
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from typing import Any, ClassVar, cast
from urllib.parse import quote
from weakref import WeakSet

import msgspec
from pydantic import Field

from marotte.engines.kinds import (
    Call,
    Counted,
    EngineError,
    EngineSettings,
    EngineUnavailable,
    EngineUnsuited,
    Kit,
    Piece,
    Prompt,
    Sound,
    Tool,
)
from marotte.engines.openai import TAKES_SEVERAL, OpenAISettings, Server
from marotte.mind.duplex.openai_realtime_events import Details, Error, Event, Item, Response, read
from marotte.mind.duplex.session import LARGEST_TEXT, LiveSession, said, sound
from marotte.mind.duplex.wire import RATE, Inbox

log = logging.getLogger(__name__)

NAME = "openai realtime"
_FORM = {"type": "audio/pcm", "rate": RATE}
_SHORTEST = 0.1
"""Seconds of sound that the server wants at least."""
_CANCEL = 5.0
"""Seconds in which a reply must have ended that was cancelled."""
_MOST_CALLS = 32
_ASIDE = ("language", "clear", "delete", "cancel", "truncate")
"""The ids of messages that nobody waits for the answer of: what is wrong with one of them is only told."""


class OpenAIRealtimeSettings(OpenAISettings):
    """Settings of the engine. OpenAI's own server is given OPENAI_API_KEY; no other is."""

    model: str = Field(default="gpt-realtime-2.1", min_length=1)
    """The model's name; ``gpt-realtime-2.1-mini`` costs less."""
    voice: str = Field(default="marin", min_length=1)
    """The voice's name, or the id of one of your own; ``marin`` and ``cedar`` are the best of OpenAI's."""
    speed: float = Field(default=1.0, ge=0.25, le=1.5)
    """1 is the voice's usual speed."""
    transcriber: str = Field(default="gpt-transcribe", min_length=1)
    """The model that writes down what was said; the answering model itself hears the sound."""
    languages: tuple[str, ...] = ()
    """Languages that may be spoken, as ISO 639-1 codes; empty: the one that the show expects."""
    patience: float = Field(default=3.0, gt=0, le=60)
    """Seconds after the end of speech in which its transcript must have come; else another ear is asked."""
    tools: bool = True
    """Offer it the show's tools."""
    extra: dict[str, Any] = Field(default_factory=dict[str, Any])
    """More fields for the session: ``{reasoning = {effort = "low"}}``."""


class _Spoken(msgspec.Struct):
    """The sound of one message of a reply."""

    item: str
    bytes: int = 0


class OpenAIRealtime:
    """Lets a model of OpenAI's Realtime interface hear and answer."""

    Settings: ClassVar[type[EngineSettings]] = OpenAIRealtimeSettings

    def __init__(self, settings: OpenAIRealtimeSettings, kit: Kit) -> None:
        self._settings, self._kit = settings, kit
        self._server = Server(NAME, settings, kit)
        self._sessions: WeakSet[OpenAIRealtimeSession] = WeakSet()

    @classmethod
    def check(cls, settings: OpenAIRealtimeSettings, kit: Kit) -> str:
        """Say what is missing for it to work, or ""."""
        return Server(NAME, settings, kit).missing()

    async def warm(self) -> None:
        """Get ready to connect."""
        await self._server.warm()

    def join(self, about: Callable[[], Awaitable[Prompt]]) -> "OpenAIRealtimeSession":
        """Return a conversation with one partner; see ``kinds.Duplex``."""
        session = OpenAIRealtimeSession(self._settings, self._server, self._kit, about)
        self._sessions.add(session)
        return session

    async def close(self) -> None:
        """End all conversations at once."""
        for session in list(self._sessions):
            await session.close()


class OpenAIRealtimeSession(LiveSession):
    """One conversation with the model."""

    name = NAME
    rate = RATE
    oldest = 55 * 60.0

    def __init__(
        self, settings: OpenAIRealtimeSettings, server: Server, kit: Kit, about: Callable[[], Awaitable[Prompt]]
    ) -> None:
        super().__init__(server, kit, about, within=settings.first_within, patience=settings.patience)
        self._settings = settings
        self._item = ""
        """What was said last, as an item of the conversation."""
        self._past: deque[str] = deque(maxlen=64)
        """Items whose transcripts nobody waits for any more."""
        self._unwanted = 0
        """So many speeches were committed and then cut before the server had told their items."""
        self._expected = ""
        self._made: Inbox[str | Sound | Item | Response] | None = None
        self._idle = asyncio.Event()
        self._cancelled = False
        self._response = ""
        self._spoken: list[_Spoken] = []
        self._question = False
        """What the present turn answers stands in the conversation."""
        self._calls: set[str] = set()
        """Calls that stand in the conversation, and those that have their result."""
        self._told: set[str] = set()

    # --- the connection

    def _address(self) -> str:
        return f"{self._server.url}/realtime?model={quote(self._settings.model, safe='')}"

    def _greet(self, about: Prompt) -> Iterator[dict[str, Any]]:
        settings = self._settings
        self._item, self._unwanted, self._response, self._expected = "", 0, "", self._language
        self._question, self._spoken = False, []
        self._calls, self._told = set(), set()
        self._idle.set()
        output: dict[str, Any] = {"format": _FORM, "voice": settings.voice, "speed": settings.speed}
        if settings.voice.startswith("voice_"):
            output["voice"] = {"id": settings.voice}
        session = {
            "type": "realtime",
            "output_modalities": ["audio"],
            "instructions": about.system,
            "audio": {"input": self._input(), "output": output},
            **self._tools(about.tools),
            **settings.extra,
        }
        yield {"type": "session.update", "event_id": "greet", "session": session}
        for role, text in said(about):
            yield _message(role, text)

    def _input(self) -> dict[str, Any]:
        """Return how speech is taken, and how it is written down."""
        transcription: dict[str, Any] = {"model": self._settings.transcriber}
        languages = self._settings.languages or ((self._expected.split("-")[0],) if self._expected else ())
        if transcription["model"].startswith(TAKES_SEVERAL):
            wished: dict[str, Any] = {"languages": list(languages), "keywords": list(self._kit.names)}
            transcription |= {key: value for key, value in wished.items() if value}
        elif len(languages) == 1:
            transcription["language"] = languages[0]
        return {"format": _FORM, "transcription": transcription, "turn_detection": None}

    def _tools(self, tools: Sequence[Tool]) -> dict[str, Any]:
        if not self._settings.tools:
            return {}
        offered = [
            {"type": "function", "name": tool.name, "description": tool.description, "parameters": tool.parameters}
            for tool in tools
        ]
        return {"tools": offered, "tool_choice": "auto"}

    # --- hearing

    def _start(self) -> None:
        self._past.append(self._item)
        self._item = ""  # the speech before may stay: it was answered, or it is what came before
        if self._expected != self._language:
            self._expected = self._language
            session = {"type": "realtime", "audio": {"input": self._input()}}
            self._post({"type": "session.update", "event_id": "language", "session": session})

    def _say(self, pcm: str) -> None:
        self._post({"type": "input_audio_buffer.append", "audio": pcm})

    def _end(self, seconds: float) -> None:
        if seconds < _SHORTEST:
            self._pass(bytes(round(2 * _SHORTEST * RATE)))
        self._post({"type": "input_audio_buffer.commit", "event_id": "hear"})

    def _unhear(self) -> None:
        if not self._ended:
            self._post({"type": "input_audio_buffer.clear", "event_id": "clear"})
        elif self._item:
            self._forget()
        else:
            self._unwanted += 1

    def _forget(self) -> None:
        """Take what was said last out of the conversation."""
        self._past.append(self._item)
        self._delete(self._item)
        self._item = ""

    def _delete(self, item: str) -> None:
        self._post({"type": "conversation.item.delete", "event_id": "delete", "item_id": item})

    # --- replying

    async def reply(self, prompt: Prompt, *, to_speech: bool) -> AsyncIterator[Piece]:
        """Yield words and sound as the model makes them, then its calls, and last the tokens that were counted."""
        await self._connect(anew=not (to_speech or prompt.results))
        await self._quiet()
        for item in self._asked(prompt, to_speech):
            self._post(item)
        made = self._made = Inbox[str | Sound | Item | Response]()
        self._spoken, self._response = [], ""
        self._idle.clear()
        self._cancelled = False
        asked = {"instructions": prompt.system, **self._tools(prompt.tools)}
        self._post({"type": "response.create", "event_id": "reply", "response": asked})
        begun, letters, calls = False, 0, list[Call]()
        try:
            while not isinstance(piece := await made.get(), Response):
                letters += len(piece) if isinstance(piece, str) else 0
                if letters > LARGEST_TEXT or len(calls) > _MOST_CALLS:
                    raise EngineError(f"{NAME}: sent more words or calls than anybody could want")
                if isinstance(piece, Item):
                    calls.append(_call(piece))
                else:
                    begun = True
                    yield piece
        except EngineError as error:
            raise error if begun else EngineUnavailable(str(error)) from None
        finally:
            if self._made is made:
                self._made = None
                self._cancel()
        self._judge(piece, bool(begun or calls))
        self._calls |= {call.id for call in calls}
        for call in calls:
            yield call
        if piece.usage and piece.usage.total_tokens:
            yield Counted(piece.usage.total_tokens)

    async def _quiet(self) -> None:
        """Wait until the reply before, which may have been cut, is over: there may be one at a time."""
        try:
            async with asyncio.timeout(_CANCEL):
                await self._idle.wait()
        except TimeoutError:
            self._drop()
            raise EngineUnavailable(f"{NAME}: a reply that was cancelled has not ended") from None

    def _asked(self, prompt: Prompt, to_speech: bool) -> Iterator[dict[str, Any]]:
        """Yield what the conversation lacks of what is to be answered."""
        stands = self._question if prompt.results else to_speech and self._stands
        if not (to_speech or prompt.results) and self._stands and self._item:
            self._forget()  # the text tells what was said, too
        if not stands and prompt.text.strip():
            yield _message("user", prompt.text)
        self._question, self._stands = True, False
        for result in prompt.results:
            call = result.call
            if call.id in self._told:
                continue
            if call.id not in self._calls:
                arguments = json.dumps(call.arguments, ensure_ascii=False)
                yield _create({"type": "function_call", "call_id": call.id, "name": call.tool, "arguments": arguments})
            yield _create({"type": "function_call_output", "call_id": call.id, "output": result.text})
            self._told.add(call.id)
            self._calls.discard(call.id)

    def _cancel(self) -> None:
        """End the reply that is being made, if one is."""
        if not (self._idle.is_set() or self._cancelled):
            self._cancelled = True
            self._post({"type": "response.cancel", "event_id": "cancel"})

    async def cut(self, seconds: float, text: str) -> None:
        """Take out of the conversation what was not heard of the last reply; its text goes with the sound."""
        self._cancel()
        left, spoken, self._spoken = round(seconds * 1_000), self._spoken, []
        for message in spoken:
            length = message.bytes * 1_000 // (2 * RATE)
            if left <= 0:
                self._delete(message.item)
            elif left < length or (self._cancelled and message is spoken[-1]):  # more was made than has come
                cut = {"item_id": message.item, "content_index": 0, "audio_end_ms": min(left, length)}
                self._post({"type": "conversation.item.truncate", "event_id": "truncate", **cut})
            left -= length

    def _judge(self, response: Response, begun: bool) -> None:
        """Raise what a reply's end asks for."""
        failure = EngineError if begun else EngineUnavailable
        details = response.status_details or Details()
        if details.reason == "content_filter":
            raise EngineUnsuited(f"{NAME}: the model declines: its content filter stopped it")
        if response.status in ("failed", "cancelled"):
            told = self._server.clean(details.error or details.reason or "for no reason given")
            raise failure(f"{NAME}: the reply {'failed' if response.status == 'failed' else 'was cancelled'}: {told}")
        if not begun:
            raise failure(f"{NAME}: the model said nothing")

    # --- what comes

    def _take(self, data: bytes) -> None:
        event = read(data)
        match event.type:
            case "session.updated":
                self._greeting.put(None)
            case "error":
                self._complain(event.error or Error())
            case "input_audio_buffer.committed":
                self._item = event.item_id
                if self._unwanted:
                    self._unwanted -= 1
                    self._forget()
            case _ if event.type.startswith("conversation.item.input_audio_transcription."):
                if event.item_id == self._item or not (self._item or event.item_id in self._past):
                    self._written(event)
            case _ if event.type.startswith("response."):
                self._answered(event)
            case _:
                pass  # it tells much that nobody needs

    def _written(self, event: Event) -> None:
        """Take what the transcriber has made of a speech."""
        match event.type.rpartition(".")[2]:
            case "delta":
                self._understood(event.delta or "")
            case "completed":
                self._words = event.transcript
                languages = event.languages or []
                self._understood("", final=True, language=languages[0].code if languages else "")
            case "failed" if self._hearing:
                told = self._server.clean(event.error or Error())
                self._hearing.fail(EngineError(f"{NAME}: the speech could not be written down: {told}"))
            case _:
                pass

    def _answered(self, event: Event) -> None:
        """Take a piece of a reply."""
        if event.type == "response.created" and event.response:
            self._response = event.response.id or ""
        elif event.type == "response.done":
            self._idle.set()
            if self._made:
                self._made.put(event.response or Response())
        elif self._made is None or event.response_id != self._response:
            return
        elif event.type in ("response.output_audio_transcript.delta", "response.output_text.delta"):
            self._made.put(event.delta or "")
        elif event.type == "response.output_audio.delta" and (piece := sound(NAME, event.delta or "")):
            for message in self._spoken:
                message.bytes += len(piece.pcm) if message.item == event.item_id else 0
            self._made.put(piece, len(piece.pcm))
        elif event.item and event.item.type == "message" and event.type == "response.output_item.added":
            self._spoken.append(_Spoken(event.item.id or ""))
        elif event.item and event.item.type == "function_call" and event.item.status == "completed":
            self._made.put(event.item)

    def _complain(self, error: Error) -> None:
        """Tell an error to whoever's message caused it, or, where the server names none, to everybody who waits."""
        if error.code == "response_cancel_not_active":
            return  # it is over already
        told = self._server.clean(error)
        if error.event_id in _ASIDE:
            log.warning("%s: refused our %r: %s", NAME, error.event_id, told)
            return
        if error.event_id == "hear" and self._unwanted:
            self._unwanted -= 1
            return
        if error.event_id == "reply":
            self._idle.set()
        failure = EngineError(f"{NAME}: {told}")
        for cause, inbox in (("greet", self._greeting), ("hear", self._hearing), ("item", self._made)):
            if inbox and error.event_id in (cause, None, "reply" if inbox is self._made else None):
                inbox.fail(failure)

    def _fail(self, error: EngineError) -> None:
        if self._made:
            self._made.fail(error)


def _create(item: dict[str, Any]) -> dict[str, Any]:
    return {"type": "conversation.item.create", "event_id": "item", "item": item}


def _message(role: str, text: str) -> dict[str, Any]:
    kind = "input_text" if role == "user" else "output_text"
    return _create({"type": "message", "role": role, "content": [{"type": kind, "text": text}]})


def _call(item: Item) -> Call:
    """Read a call. Raises EngineError where it is none."""
    try:
        arguments: Any = json.loads(item.arguments or "{}")
    except (ValueError, RecursionError):
        arguments = None
    if not (item.name and item.call_id) or not isinstance(arguments, dict):
        raise EngineError(f"{NAME}: called {(item.name or 'a tool without a name')[:64]} with what is no JSON object")
    return Call(id=item.call_id, tool=item.name, arguments=cast("dict[str, Any]", arguments))
