"""OpenAI's HTTP interface, as its own and many other servers speak it: what the brain, the voice and the ear share."""

from typing import Any

from pydantic import Field

from marotte.config import Url
from marotte.engines import http
from marotte.engines.http import HttpSettings
from marotte.engines.kinds import Kit

_OWN = "https://api.openai.com/"

DONE = b"[DONE]"
"""The last event of a stream."""


class OpenAISettings(HttpSettings):
    """Which server, and what it wants besides. OpenAI's own is given OPENAI_API_KEY; no other is."""

    url: Url = "https://api.openai.com/v1"
    """What comes before ``/chat/completions`` and the like."""
    extra: dict[str, Any] = Field(default_factory=dict[str, Any])
    """More fields for the body of each request."""


class Server(http.Server):
    """One server that speaks OpenAI's HTTP interface."""

    def __init__(self, name: str, settings: OpenAISettings, kit: Kit) -> None:
        """``name`` is for error messages."""
        self.own = settings.url.startswith(_OWN)
        super().__init__(name, settings.url, kit, settings.secret or ("OPENAI_API_KEY" if self.own else ""))
