"""What a server tells in Gemini's Live interface, and which answer of the model it belongs to.

https://ai.google.dev/api/live#receive-messages
"""

from typing import Any

import msgspec

from marotte.engines.gemini import FunctionCall
from marotte.engines.kinds import Call, Sound
from marotte.mind.duplex.wire import Inbox


class Transcript(msgspec.Struct, rename="camel"):
    """A piece of what was said."""

    text: str = ""
    finished: bool = False
    language_code: str = ""


class Blob(msgspec.Struct, rename="camel"):
    """Sound, as base64."""

    mime_type: str = ""
    data: str = ""


class Part(msgspec.Struct, rename="camel"):
    """A part of what the model makes; its thoughts are no sound."""

    inline_data: Blob | None = None
    thought: bool = False


class Content(msgspec.Struct):
    """What the model makes at once."""

    parts: list[Part] = msgspec.field(default_factory=list[Part])


class ServerContent(msgspec.Struct, rename="camel"):
    """What the server has understood, and what the model makes."""

    model_turn: Content | None = None
    input_transcription: Transcript | None = None
    interim_input_transcription: Transcript | None = None
    output_transcription: Transcript | None = None
    interrupted: bool = False
    generation_complete: bool = False
    turn_complete: bool = False
    turn_complete_reason: str = ""


class ToolCall(msgspec.Struct, rename="camel"):
    """Which tools the model wants to use."""

    function_calls: list[FunctionCall] = msgspec.field(default_factory=list[FunctionCall])


class Cancellation(msgspec.Struct):
    """Which calls are void."""

    ids: list[str] = msgspec.field(default_factory=list[str])


class Usage(msgspec.Struct, rename="camel"):
    """What was counted."""

    total_token_count: int = 0


class LiveMessage(msgspec.Struct, rename="camel"):
    """Anything that the server tells."""

    setup_complete: dict[str, Any] | None = None
    server_content: ServerContent | None = None
    tool_call: ToolCall | None = None
    tool_call_cancellation: Cancellation | None = None
    usage_metadata: Usage | None = None
    go_away: dict[str, Any] | None = None


class End(msgspec.Struct):
    """An answer is over; before its ``last`` end words may still come for what was said."""

    reason: str = ""
    last: bool = True


Made = str | Sound | list[Call] | End
"""What an answer is made of."""


class Answers:
    """Keeps apart the answers that the model makes one after the other, by their ends alone."""

    def __init__(self) -> None:
        self.made: Inbox[Made] = Inbox()
        self.wanted = False
        """Somebody waits, or will, for the last answer that was asked for."""
        self.owed = 0
        """So many answers before it are not over yet."""
        self._begun = False
        """Something has come of the answer that is being made."""
        self._bare = 0
        """So many ends may come of answers of which nothing came."""

    def begin(self) -> None:
        """Another answer was asked for."""
        self.drop()
        sure = min(self.owed, int(self._begun))  # the model need not answer a noise at all
        self._bare += self.owed - sure
        self.owed = sure
        self.made, self.wanted = Inbox(), True

    def drop(self) -> None:
        """Nobody wants the last answer any more."""
        if self.wanted:
            self.made.put(End())
            self.wanted = False
            self.owed += 1

    def put(self, piece: Made) -> None:
        """Take a piece of what is being made."""
        self._begun = True
        if self.wanted and not self.owed:
            self._bare = 0
            self.made.put(piece, len(piece.pcm) if isinstance(piece, Sound) else 0)

    def interrupted(self) -> None:
        """The model has broken off; the end of the answer is still to come."""
        self._begun = True
        if not self.owed:
            self.drop()

    def ended(self, reason: str) -> None:
        """An answer is over."""
        if self.owed:
            self.owed -= 1
        elif self._bare and not self._begun:
            self._bare -= 1
        elif self.wanted:
            self.made.put(End(reason))
            self.wanted = False
        self._begun = False

    def cancelled(self) -> None:
        """The calls that an answer waited for are void, and so is the answer; its end may come or not."""
        if not self.owed:
            self.drop()
        if self.owed:
            self.owed, self._bare, self._begun = self.owed - 1, self._bare + 1, False


_message = msgspec.json.Decoder(LiveMessage)


def read(data: bytes) -> LiveMessage:
    """Read a message. Raises what a JSON decoder raises."""
    return _message.decode(data)
