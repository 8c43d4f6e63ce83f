"""Google's Live interface of Gemini: a model that hears speech and answers with speech.

https://ai.google.dev/api/live (BidiGenerateContent over a WebSocket, version v1beta), with a key of Google AI Studio,
which goes into a header. Who speaks when is decided here, not there: automatic activity detection is disabled.

The model begins to answer as soon as a speech has ended, asked or not; what it makes waits until somebody wants it.
Nothing tells which answer a message belongs to, only where one ends, so what nobody wants is dropped up to its end.
"""

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import suppress
from typing import Any, ClassVar
from weakref import WeakSet

from pydantic import Field

from marotte.config import Url
from marotte.engines.gemini import FunctionCall, GeminiSettings, Server
from marotte.engines.kinds import (
    Call,
    Counted,
    EngineError,
    EngineSettings,
    EngineUnavailable,
    Heard,
    Kit,
    Piece,
    Prompt,
    Result,
)
from marotte.mind.duplex.gemini_live_messages import Answers, End, Made, ServerContent, read
from marotte.mind.duplex.session import LARGEST_TEXT, LiveSession, said, sound
from marotte.mind.duplex.wire import Inbox

NAME = "gemini live"
_MOST_CALLS = 32
_TAIL = 0.25
"""Seconds that are waited for last words when all is made."""
_NOTHING_SAID = "…"
_CUT = "(You were interrupted. Of your last answer only this was heard: “{}”)"
_UNHEARD = "(You were interrupted before anything of your last answer was heard.)"


class GeminiLiveSettings(GeminiSettings):
    """Settings of the engine. Google's own server is given GEMINI_API_KEY; no other is."""

    url: Url = (
        "https://generativelanguage.googleapis.com"
        "/ws/google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateContent"
    )
    """Where the WebSocket is."""
    model: str = Field(default="gemini-3.8-live", pattern=r"^[A-Za-z0-9._-]+$")
    """The model's name."""
    voice: str = "Kore"
    """The name of one of Google's voices; "" leaves it to the model."""
    languages: tuple[str, ...] = ()
    """Languages that may be spoken, as BCP-47 tags, for the transcript; empty: it finds out."""
    patience: float = Field(default=3.0, gt=0, le=60)
    """Seconds after the end of speech in which its transcript must have come; else another ear is asked."""
    tools: bool = True
    """Offer it the show's tools."""
    extra: dict[str, Any] = Field(default_factory=dict[str, Any])
    """More fields for the set-up of a session; those of ``generationConfig`` are added to it."""


class GeminiLive:
    """Lets a model of Gemini's Live interface hear and answer."""

    Settings: ClassVar[type[EngineSettings]] = GeminiLiveSettings

    def __init__(self, settings: GeminiLiveSettings, kit: Kit) -> None:
        self._settings, self._kit = settings, kit
        self._server = Server(NAME, settings, kit)
        self._sessions: WeakSet[GeminiLiveSession] = WeakSet()

    @classmethod
    def check(cls, settings: GeminiLiveSettings, kit: Kit) -> str:
        """Say what is missing for it to work, or ""."""
        return Server(NAME, settings, kit).missing()

    async def warm(self) -> None:
        """Get ready to connect."""
        await self._server.warm()

    def join(self, about: Callable[[], Awaitable[Prompt]]) -> "GeminiLiveSession":
        """Return a conversation with one partner; see ``kinds.Duplex``."""
        session = GeminiLiveSession(self._settings, self._server, self._kit, about)
        self._sessions.add(session)
        return session

    async def close(self) -> None:
        """End all conversations at once."""
        for session in list(self._sessions):
            await session.close()


class GeminiLiveSession(LiveSession):
    """One conversation with the model."""

    name = NAME
    oldest = float("inf")  # the server says when it is about to leave

    def __init__(
        self, settings: GeminiLiveSettings, server: Server, kit: Kit, about: Callable[[], Awaitable[Prompt]]
    ) -> None:
        super().__init__(server, kit, about, within=settings.first_within, patience=settings.patience)
        self._settings = settings
        self._answers = Answers()
        self._spoke = ""
        """The language in which the transcript says that it was said."""
        self._note = ""
        """What the model has yet to be told of a cut."""
        self._calls: set[str] = set()
        """Calls that the server wants a result of."""
        self._told: set[str] = set()
        self._tokens = 0
        """Counted, and not yet told."""

    # --- the connection

    def _address(self) -> str:
        return self._server.url

    def _greet(self, about: Prompt) -> Iterator[dict[str, Any]]:
        self._answers, self._note = Answers(), ""
        self._calls, self._told = set(), set()
        history = [_turn(role, text) for role, text in said(about)]
        yield {"setup": self._setup(about, bool(history))}
        if history:
            yield _content(history)

    def _setup(self, about: Prompt, history: bool) -> dict[str, Any]:
        settings, extra = self._settings, self._settings.extra
        generation: dict[str, Any] = {"responseModalities": ["AUDIO"]}
        if settings.voice:
            generation["speechConfig"] = {"voiceConfig": {"prebuiltVoiceConfig": {"voiceName": settings.voice}}}
        setup: dict[str, Any] = {
            "model": f"models/{settings.model}",
            "inputAudioTranscription": {"languageCodes": list(settings.languages)} if settings.languages else {},
            "outputAudioTranscription": {},
            "realtimeInputConfig": {"automaticActivityDetection": {"disabled": True}},
        }
        if about.system:
            setup["systemInstruction"] = {"parts": [{"text": about.system}]}
        if about.tools and settings.tools:
            declared = [
                {
                    "name": tool.name,
                    "description": tool.description,
                    "parametersJsonSchema": tool.parameters,
                    "behavior": "BLOCKING",
                }
                for tool in about.tools
            ]
            setup["tools"] = [{"functionDeclarations": declared}]
        if history:
            setup["historyConfig"] = {"initialHistoryInClientContent": True}
        return {**setup, **extra, "generationConfig": {**generation, **extra.get("generationConfig", {})}}

    # --- hearing

    def _start(self) -> None:
        self._spoke = ""
        self._notify()
        self._post({"realtimeInput": {"activityStart": {}}})

    def _say(self, pcm: str) -> None:
        self._post({"realtimeInput": {"audio": {"data": pcm, "mimeType": "audio/pcm;rate=16000"}}})

    def _end(self, seconds: float) -> None:
        self._post({"realtimeInput": {"activityEnd": {}}})
        self._answers.begin()

    def _unhear(self) -> None:
        if not self._ended:
            self._end(0.0)
        self._answers.drop()

    def _late(self) -> Heard | None:
        text = self._words.strip()
        return Heard(text=text, language=self._spoke or self._language) if text else None

    # --- replying

    async def reply(self, prompt: Prompt, *, to_speech: bool) -> AsyncIterator[Piece]:
        """Yield words and sound as the model makes them, then its calls, and last the tokens that were counted."""
        await self._connect(anew=not (to_speech or prompt.results))
        self._ask(prompt, to_speech)
        made, begun, letters, calls, reason = self._answers.made, False, 0, list[Call](), ""
        try:
            async for piece in _pieces(made):
                if isinstance(piece, End):
                    reason = piece.reason
                elif isinstance(piece, list):
                    if calls := self._offered(piece, prompt):
                        break
                else:
                    begun = True
                    letters += len(piece) if isinstance(piece, str) else 0
                    if letters > LARGEST_TEXT:
                        raise EngineError(f"{NAME}: sent a reply of more than {LARGEST_TEXT} characters")
                    yield piece
        except EngineError as error:
            raise error if begun else EngineUnavailable(str(error)) from None
        finally:
            if not calls and made is self._answers.made:
                self._answers.drop()
        if not (begun or calls):
            told = self._server.clean(reason or "it gave no reason")
            raise EngineUnavailable(f"{NAME}: the model said nothing: {told}")
        for call in calls:
            yield call
        if self._tokens:
            tokens, self._tokens = self._tokens, 0
            yield Counted(tokens)

    def _ask(self, prompt: Prompt, to_speech: bool) -> None:
        """Send what the model has yet to be told for its answer."""
        new = [result for result in prompt.results if result.call.id not in self._told]
        self._told |= {result.call.id for result in new}
        if new and all(result.call.id in self._calls for result in new):
            self._calls -= {result.call.id for result in new}
            self._respond({result.call.id: (result.call.tool, {"output": result.text}) for result in new})
        elif new or not (to_speech and self._stands):
            self._notify()
            text = "\n".join((prompt.text.strip() or _NOTHING_SAID, *map(_in_words, new)))
            self._answers.begin()
            self._post(_content([_turn("user", text)]))
        self._stands = False

    def _respond(self, results: dict[str, tuple[str, dict[str, Any]]]) -> None:
        told = [{"id": id, "name": name, "response": response} for id, (name, response) in results.items()]
        self._post({"toolResponse": {"functionResponses": told}})

    def _offered(self, calls: list[Call], prompt: Prompt) -> list[Call]:
        """Return the calls of tools that this reply may use, and refuse the others: a session offers all of them."""
        names = {tool.name for tool in prompt.tools}
        refused = [call for call in calls if call.tool not in names]
        if refused:
            self._calls -= {call.id for call in refused}
            self._respond({call.id: (call.tool, {"error": "This may not be used now."}) for call in refused})
        return [call for call in calls if call.tool in names]

    async def cut(self, seconds: float, text: str) -> None:
        """Tell the model what was heard of its last answer: at once, or before what it hears or answers next."""
        self._note = _CUT.format(text.strip()) if text.strip() else _UNHEARD
        if self._hearing is None and not self._answers.wanted:
            self._notify()

    def _notify(self) -> None:
        if self._note:
            self._post(_content([_turn("user", self._note)], complete=False))
            self._note = ""

    # --- what comes

    def _take(self, data: bytes) -> None:
        message = read(data)
        if message.setup_complete is not None:
            self._greeting.put(None)
        if message.go_away is not None:
            self._leaving = True
        if message.usage_metadata:
            self._tokens += message.usage_metadata.total_token_count
        if message.tool_call_cancellation:
            self._calls -= set(message.tool_call_cancellation.ids)
            self._answers.cancelled()
        if message.tool_call:
            self._called(message.tool_call.function_calls)
        if content := message.server_content:
            self._heard(content)
            self._answered(content)

    def _called(self, wished: list[FunctionCall]) -> None:
        if len(wished) > _MOST_CALLS or not all(call.id and call.name for call in wished):
            raise EngineError(f"{NAME}: called more than anybody could want, or what has no name")
        self._calls |= {call.id for call in wished}
        self._answers.put([Call(id=call.id, tool=call.name, arguments=call.args or {}) for call in wished])
        self._settle()

    def _heard(self, content: ServerContent) -> None:
        """Take what the server has understood of a speech."""
        if told := content.input_transcription:
            self._spoke = told.language_code or self._spoke
            if self._answers.owed:  # it may belong to the speech before
                self._words = (self._words + told.text)[:LARGEST_TEXT]
            else:
                self._understood(told.text)
            if told.finished:
                self._settle()
        elif (told := content.interim_input_transcription) and not self._answers.owed:
            self._understood("", guessed=told.text)

    def _answered(self, content: ServerContent) -> None:
        """Take what the model makes."""
        if (told := content.output_transcription) and told.text:
            self._answers.put(told.text)
        for part in content.model_turn.parts if content.model_turn else ():
            if part.inline_data and part.inline_data.mime_type.startswith("audio/pcm"):
                rate = part.inline_data.mime_type.partition("rate=")[2]
                if piece := sound(NAME, part.inline_data.data, int(rate) if rate.isdigit() else 24_000):
                    self._answers.put(piece)
        if content.model_turn or content.output_transcription:
            self._settle()
        if content.generation_complete:
            self._answers.put(End(last=False))
        if content.interrupted:
            self._answers.interrupted()
        if content.turn_complete:
            if self._answers.owed:
                self._words = ""  # of the speech before
            self._answers.ended(content.turn_complete_reason)

    def _settle(self) -> None:
        """Take what was understood for all of it: the transcript says so, or the model answers already."""
        if self._ended and self._words.strip() and self._answers.wanted and not self._answers.owed:
            self._understood("", final=True, language=self._spoke)

    def _fail(self, error: EngineError) -> None:
        self._answers.made.fail(error)


async def _pieces(made: Inbox[Made]) -> AsyncIterator[Made]:
    """Yield what is made to its end.

    The server tells of the end when it takes the answer to be heard: when all is made, it is waited for but shortly.
    """
    within = None
    with suppress(TimeoutError):
        while True:
            piece = await made.get(within)
            if not isinstance(piece, End):
                yield piece
            elif piece.last:
                yield piece
                return
            else:
                within = _TAIL


def _content(turns: list[dict[str, Any]], *, complete: bool = True) -> dict[str, Any]:
    return {"clientContent": {"turns": turns, "turnComplete": complete}}


def _turn(role: str, text: str) -> dict[str, Any]:
    return {"role": "model" if role == "assistant" else "user", "parts": [{"text": text}]}


def _in_words(result: Result) -> str:
    """Write a result for a model that has forgotten its call."""
    arguments = json.dumps(result.call.arguments, ensure_ascii=False)
    return f"(You have used {result.call.tool} with {arguments}. What came of it: {result.text})"
