"""OpenAI's HTTP interface, as its own and many other servers speak it: what the brain, the voice and the ear share."""

import re
from typing import Any

from pydantic import Field

from marotte.config import Url
from marotte.engines import http
from marotte.engines.http import HttpSettings
from marotte.engines.kinds import Kit

_OWN = "https://api.openai.com/"

DONE = b"[DONE]"
"""The last event of a stream."""
TAKES_SEVERAL = ("gpt-transcribe", "gpt-live-transcribe")
"""How the models are called that write speech down and take several languages, never one, and words to listen for."""


class OpenAISettings(HttpSettings):
    """Which server, and what it wants besides. OpenAI's own is given OPENAI_API_KEY; no other is."""

    url: Url = "https://api.openai.com/v1"
    """What comes before ``/chat/completions`` and the like."""
    extra: dict[str, Any] = Field(default_factory=dict[str, Any])
    """More fields for the body of each request."""


class Server(http.Server):
    """One server that speaks OpenAI's HTTP interface."""

    # Azure's filter, gateways', OpenAI's for models that think; and OpenRouter's, which says 403 as for a wrong key.
    declined = re.compile(rb'"code":\s*"(content_filter|content_policy_violation|invalid_prompt)"|"flagged_input":')

    def __init__(self, name: str, settings: OpenAISettings, kit: Kit) -> None:
        """``name`` is for error messages."""
        self.own = settings.url.startswith(_OWN)
        super().__init__(name, settings.url, kit, settings.secret or ("OPENAI_API_KEY" if self.own else ""))
