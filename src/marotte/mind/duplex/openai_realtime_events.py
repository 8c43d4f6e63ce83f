"""What a server tells in OpenAI's Realtime interface: https://platform.openai.com/docs/api-reference/realtime."""

import msgspec


class Error(msgspec.Struct):
    """What went wrong, and which message of ours was the cause."""

    message: str | None = None
    code: str | None = None
    type: str | None = None
    event_id: str | None = None

    def __str__(self) -> str:
        return ": ".join(filter(None, (self.code or self.type, self.message))) or "for no reason given"


class Item(msgspec.Struct):
    """A part of the conversation."""

    type: str = ""
    id: str | None = None
    status: str | None = None
    call_id: str | None = None
    name: str | None = None
    arguments: str | None = None


class Details(msgspec.Struct):
    """Why a reply ended as it did."""

    reason: str | None = None
    error: Error | None = None


class Usage(msgspec.Struct):
    """What a reply has cost."""

    total_tokens: int | None = None


class Response(msgspec.Struct):
    """A reply, begun or over."""

    id: str | None = None
    status: str | None = None
    status_details: Details | None = None
    usage: Usage | None = None


class Language(msgspec.Struct):
    """A language in which something was said."""

    code: str = ""


class Event(msgspec.Struct):
    """Anything that the server tells; what nobody needs of it is left out."""

    type: str
    item_id: str = ""
    response_id: str = ""
    delta: str | None = None
    transcript: str = ""
    languages: list[Language] | None = None
    error: Error | None = None
    item: Item | None = None
    response: Response | None = None


_event = msgspec.json.Decoder(Event)


def read(data: bytes) -> Event:
    """Read an event. Raises what a JSON decoder raises."""
    return _event.decode(data)
