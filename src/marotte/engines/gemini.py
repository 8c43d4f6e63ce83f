"""Google's Gemini interface, as the brain and the ear speak it: settings, requests, and what comes back.

https://ai.google.dev/api/generate-content, version v1beta, with a key of Google AI Studio. The key goes into a header.
"""

import re
from collections.abc import Mapping
from typing import Any

import msgspec
from pydantic import Field

from marotte.config import Url
from marotte.engines import http
from marotte.engines.chat import UNREADABLE
from marotte.engines.http import HttpSettings
from marotte.engines.kinds import EngineError, EngineUnavailable, EngineUnsuited, Kit

_OWN = "https://generativelanguage.googleapis.com/"
_DECLINED = frozenset(
    {
        "SAFETY", "RECITATION", "LANGUAGE", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII", "IMAGE_SAFETY", "MODEL_ARMOR",
        "ESCALATION",
    }
)  # fmt: skip
"""Why a reply stops that the model is not allowed to give; it is well and will answer others."""
_WAIT = re.compile(rb'"retryDelay":\s*"(\d+)(?:\.\d+)?s"')
"""How long it wants to be left alone: https://cloud.google.com/apis/design/errors, ``google.rpc.RetryInfo``."""


class GeminiSettings(HttpSettings):
    """Which server, and what it wants besides. Google's own server is given GEMINI_API_KEY; no other is."""

    url: Url = _OWN + "v1beta"
    """What comes before ``/models``."""
    model: str = Field(default="gemini-3.5-flash-lite", pattern=r"^[A-Za-z0-9._-]+$")
    """The model's name."""
    extra: dict[str, Any] = Field(default_factory=dict[str, Any])
    """More fields for the body of each request; those of ``generationConfig`` are added to it."""


class FunctionCall(msgspec.Struct):
    """A model's wish to use a tool."""

    name: str = ""
    args: dict[str, Any] | None = None
    id: str = ""


class Transcription(msgspec.Struct, rename="camel"):
    """What a model that only transcribes has heard."""

    text: str = ""
    language_code: str = ""


class Part(msgspec.Struct, rename="camel"):
    """A part of what a model gives: words, a thought or a call."""

    text: str = ""
    thought: bool = False
    thought_signature: str = ""
    function_call: FunctionCall | None = None
    audio_transcription: Transcription | None = None


class Content(msgspec.Struct):
    """What a model gives at once."""

    parts: list[Part] = msgspec.field(default_factory=list[Part])


class Candidate(msgspec.Struct, rename="camel"):
    """The one answer of which all pieces are parts."""

    content: Content | None = None
    finish_reason: str = ""
    finish_message: str = ""


class _Feedback(msgspec.Struct, rename="camel"):
    block_reason: str = ""


class _Usage(msgspec.Struct, rename="camel"):
    total_token_count: int = 0


class _Answer(msgspec.Struct, rename="camel"):
    candidates: list[Candidate] | None = None
    prompt_feedback: _Feedback | None = None
    usage_metadata: _Usage | None = None
    error: Any = None


_answer = msgspec.json.Decoder(_Answer)


class Answer:
    """A piece of an answer, or a whole one."""

    def __init__(self, read: _Answer) -> None:
        candidate = (read.candidates or [Candidate()])[0]
        self.parts = candidate.content.parts if candidate.content else []
        self.finished = candidate.finish_reason
        self.why = candidate.finish_message
        self.blocked = read.prompt_feedback.block_reason if read.prompt_feedback else ""
        self.tokens = read.usage_metadata.total_token_count if read.usage_metadata else 0

    @property
    def words(self) -> str:
        """Return the words, without thoughts."""
        return "".join(part.text for part in self.parts if not part.thought)


class Server(http.Server):
    """One server that speaks Gemini's interface."""

    def __init__(self, name: str, settings: GeminiSettings, kit: Kit) -> None:
        """``name`` is for error messages."""
        secret = settings.secret or ("GEMINI_API_KEY" if settings.url.startswith(_OWN) else "")
        super().__init__(name, settings.url, kit, secret, header="x-goog-api-key", scheme="")
        self._extra = settings.extra

    def refusal(self, status: int, headers: Mapping[str, str], said: bytes) -> EngineUnavailable:
        """Say why the server refuses; for how long it wants to be left alone it tells in no header."""
        wait = _WAIT.search(said)
        return super().refusal(status, {"Retry-After": str(int(wait[1]) + 1)} if wait else headers, said)

    def body(self, contents: list[dict[str, Any]], generation: dict[str, Any], **more: Any) -> dict[str, Any]:
        """Put a request together: the conversation, how the answer is made, and what the settings add."""
        added: dict[str, Any] = self._extra.get("generationConfig", {})
        config = {"generationConfig": {**generation, **added}} if generation or added else {}
        return {"contents": contents, **more, **self._extra, **config}

    def read(self, data: bytes, begun: bool = False) -> Answer:
        """Read what the server sent; ``begun``: some of the answer was already passed on.

        Raises EngineUnsuited where the model may not answer this, else EngineUnavailable or EngineError.
        """
        failure = EngineError if begun else EngineUnavailable
        try:
            read = _answer.decode(data)
        except UNREADABLE as error:
            raise failure(f"{self.name}: sent what is no answer ({error}): {self.message(data)}") from None
        if read.error:
            raise failure(f"{self.name}: the server has failed: {self.message(data)}")
        return Answer(read)

    def judge(self, answer: Answer, begun: bool = False) -> None:
        """Raise what an answer's end asks for: EngineUnsuited where it was blocked, an error where it went wrong."""
        reason = answer.blocked or answer.finished
        told = self.clean(f"{reason}: {answer.why}" if answer.why else reason)
        if answer.blocked or reason in _DECLINED:
            raise EngineUnsuited(f"{self.name}: the model may not answer this: {told}")
        if reason not in ("", "STOP", "MAX_TOKENS", "CONTINUATION"):
            failure = EngineError if begun else EngineUnavailable
            raise failure(f"{self.name}: the model has failed: {told}")
