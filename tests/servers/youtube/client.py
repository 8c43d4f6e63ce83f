"""A plain client of the local YouTube, that takes nothing for granted: for the tests of the server itself."""

import codecs
import json
from contextlib import suppress
from functools import cache
from importlib.resources import files
from typing import Any

from aiohttp import ClientResponse, ClientSession

from tests.servers.youtube.login import SCOPE
from tests.servers.youtube.server import YouTubeServer


class Hands:
    """A clock that is turned by hand."""

    def __init__(self) -> None:
        self.at = 1000.0

    def __call__(self) -> float:
        return self.at


class Client:
    """A plain client of the interface."""

    def __init__(self, youtube: YouTubeServer, session: ClientSession) -> None:
        self.youtube, self.session, self.token = youtube, session, youtube.grant(SCOPE).access

    async def call(
        self, method: str, path: str, body: Any = None, *, token: str | None = None, **query: str
    ) -> tuple[int, Any]:
        token = self.token if token is None else token
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        url = self.youtube.api + path
        async with self.session.request(method, url, params=query, json=body, headers=headers) as answer:
            text = await answer.text()
            return answer.status, json.loads(text) if text else None

    async def reason(self, method: str, path: str, body: Any = None, **query: str) -> tuple[int, str]:
        """Call what is refused, and return why."""
        status, answer = await self.call(method, path, body, **query)
        error = (answer[0] if isinstance(answer, list) else answer)["error"]
        assert error["code"] == status
        assert error["errors"][0]["message"] == error["message"]
        assert error["errors"][0]["domain"]
        return status, error["errors"][0]["reason"]

    async def list(self, page: str = "", **query: str) -> dict[str, Any]:
        more = {"pageToken": page} if page else {}
        status, answer = await self.call("GET", "/liveChat/messages", **self.wanted(), **more, **query)
        assert status == 200, answer
        return answer

    def wanted(self) -> dict[str, str]:
        return {"liveChatId": self.youtube.chat_id, "part": "id,snippet,authorDetails"}

    async def say(self, text: Any, **snippet: Any) -> tuple[int, Any]:
        whole = {"liveChatId": self.youtube.chat_id, "type": "textMessageEvent",
                 "textMessageDetails": {"messageText": text}} | snippet  # fmt: skip
        return await self.call("POST", "/liveChat/messages", {"snippet": whole}, part="snippet")

    async def form(self, path: str, **form: str) -> tuple[int, dict[str, Any]]:
        async with self.session.post(self.youtube.url + path, data=form) as answer:
            return answer.status, await answer.json()


class Stream:
    """A stream that is read object by object, without waiting for what follows an object."""

    def __init__(self, client: Client, page: str = "") -> None:
        self.client, self.page, self._text = client, page, ""
        self._decoder = codecs.getincrementaldecoder("utf-8")()

    async def __aenter__(self) -> "Stream":
        query = self.client.wanted() | ({"pageToken": self.page} if self.page else {})
        self.answer: ClientResponse = await self.client.session.get(
            f"{self.client.youtube.api}/liveChat/messages/stream", params=query,
            headers={"Authorization": f"Bearer {self.client.token}"},
        )  # fmt: skip
        assert self.answer.status == 200
        return self

    async def __aexit__(self, *_: object) -> None:
        self.answer.close()

    async def next(self) -> dict[str, Any] | None:
        """Return the next object, or None at the end of the array."""
        while True:
            text = self._text.lstrip("[,\n")
            with suppress(json.JSONDecodeError):
                found, at = json.JSONDecoder().raw_decode(text)
                self._text = text[at:]
                return found
            if text == "]":
                return None
            piece = await self.answer.content.readany()
            if not piece:
                raise EOFError(text)
            self._text += self._decoder.decode(piece)

    async def texts(self) -> list[str]:
        answer = await self.next()
        return [item["snippet"].get("displayMessage", "") for item in answer["items"]] if answer else []


def document() -> dict[str, Any]:
    """Return the discovery document that comes with Google's own client."""
    found = files("googleapiclient.discovery_cache.documents").joinpath("youtube.v3.json")
    return json.loads(found.read_text("utf-8"))


@cache
def _schemas() -> dict[str, Any]:
    return document()["schemas"]


def strange(value: Any, schema: dict[str, Any], where: str = "") -> list[str]:
    """Return what of a value the discovery document does not know, or knows as another type."""
    if "$ref" in schema:
        schema = _schemas()[schema["$ref"]]
    kinds = {"string": str, "boolean": bool, "integer": int, "object": dict, "array": list}
    if type(value) is not kinds[schema["type"]]:
        return [f"{where}: {value!r} is no {schema['type']}"]
    if isinstance(value, list):
        return [wrong for at, one in enumerate(value) for wrong in strange(one, schema["items"], f"{where}[{at}]")]
    if not isinstance(value, dict):
        return [] if value in schema.get("enum", [value]) else [f"{where}: {value!r} is not in the enumeration"]
    found: list[str] = []
    for name, one in value.items():
        known = schema["properties"].get(name)
        found += strange(one, known, f"{where}.{name}") if known else [f"{where}.{name} is unknown"]
    return found
