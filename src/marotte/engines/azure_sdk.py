"""The child programs' side of Azure Speech: the SDK, its configuration, and its refusals in plain words.

Microsoft's Speech SDK for Python, 1.50 and later.
https://learn.microsoft.com/python/api/azure-cognitiveservices-speech/azure.cognitiveservices.speech
"""

import importlib
from collections.abc import Callable
from typing import Any

TICKS = 10_000_000
"""The SDK's units of time in a second."""

sdk: Any = importlib.import_module("azure.cognitiveservices.speech")
"""The SDK, which has no types."""

_REASONS = {
    "TooManyRequests": "has had enough requests for now",
    "ConnectionFailure": "cannot be reached, or has hung up",
}


class Refusal(Exception):
    """The service will not."""


def config(service: dict[str, str]) -> Any:
    """Return a ``SpeechConfig`` for a service."""
    where = {"region": service["region"]} if service["region"] else {"host": service["host"]}
    return sdk.SpeechConfig(subscription=service["key"] or None, **where)


def refusal(service: dict[str, str], details: Any) -> Refusal:
    """Say why the service cancelled, without the key. ``details`` are the SDK's of a recognition or a synthesis."""
    code = (details.error_code if hasattr(details, "error_code") else details.code).name
    reason = _REASONS.get(code, "refuses the request")
    if code == "AuthenticationFailure":
        reason = f"does not accept the key in {service['secret']}" if service["key"] else "wants a key"
    told = " ".join(str(details.error_details).split())
    if service["key"]:
        told = told.replace(service["key"], "…")
    return Refusal(f"{service['region'] or service['host']} {reason} ({code}): {told[:300]}")


def connect(signal: Any, act: Callable[[Any], object]) -> None:
    """Let ``act`` follow an event of the SDK; it is called in a thread of the SDK's, and must be quick."""
    signal.connect(act)
