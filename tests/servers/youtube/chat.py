"""The interface of the local YouTube, call by call: its parameters, scopes, costs and refusals, and what it answers.

Parameters and scopes are the discovery document's (youtube.v3.json, revision 20261104), reasons the reference's:
https://developers.google.com/youtube/v3/live/docs/errors
"""

import base64
import json
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.servers.youtube.faults import BENT, ORDER, bend
from tests.servers.youtube.login import FORCE_SSL, READONLY, SCOPE, Grant

if TYPE_CHECKING:
    from tests.servers.youtube.server import YouTubeServer

LONGEST = 200
"""Characters of a message."""
LARGEST = 20_000_000
"""Bytes of what is huge."""
COSTS = {
    "broadcasts": 1, "videos": 1, "channels": 1, "list": 5, "stream": 5, "insert": 20, "delete": 20, "transition": 20,
    "ban": 50, "unban": 50,
}  # fmt: skip
"""Units of the day's quota. What a ban costs is documented nowhere: as other writes."""
ROUTES = (*COSTS, "device", "token", "revoke")
READ, WRITE = (SCOPE, FORCE_SSL, READONLY), (SCOPE, FORCE_SSL)
_PAGE = {"part", "liveChatId", "maxResults", "pageToken", "hl", "profileImageSize"}
PARAMETERS = {
    "broadcasts": {"part", "mine", "id", "broadcastStatus", "broadcastType", "maxResults", "pageToken"},
    "videos": {"part", "id", "maxResults", "pageToken", "hl"},
    "channels": {"part", "mine", "id", "maxResults", "pageToken", "hl"},
    "list": _PAGE, "stream": _PAGE, "insert": {"part"}, "delete": {"id"}, "transition": {"id", "status"},
    "ban": {"part"}, "unban": {"id"},
}  # fmt: skip
GLOBAL = {"key", "alt", "prettyPrint", "fields", "quotaUser", "access_token", "$.xgafv"}
"""Parameters of every call."""
PARTS = {
    "broadcasts": {"id", "snippet", "contentDetails", "monetizationDetails", "status", "statistics"},
    "videos": {"id", "snippet", "liveStreamingDetails", "status", "contentDetails", "statistics"},
    "channels": {"id", "snippet", "contentDetails", "statistics", "status", "brandingSettings"},
    "list": {"id", "snippet", "authorDetails"}, "stream": {"id", "snippet", "authorDetails"},
    "insert": {"id", "snippet", "authorDetails"}, "ban": {"id", "snippet"},
}  # fmt: skip


class RefusedError(Exception):
    """An answer that refuses, in Google's shape."""

    def __init__(self, status: int, reason: str, told: str, domain: str = "youtube.liveChat", at: str = "") -> None:
        super().__init__(f"{reason}: {told}")
        self.status, self.reason = status, reason
        self.asked_for = False
        """A test wanted it: the client did nothing wrong."""
        error: dict[str, Any] = {"message": told, "domain": domain, "reason": reason}
        if at:
            error |= {"location": at, "locationType": "header" if at == "Authorization" else "parameter"}
        self.body: dict[str, Any] = {"error": {"code": status, "message": told, "errors": [error]}}
        name = {401: "UNAUTHENTICATED", 403: "PERMISSION_DENIED", 429: "RESOURCE_EXHAUSTED", 500: "INTERNAL",
                503: "UNAVAILABLE"}.get(status)  # fmt: skip
        if domain == "global" and name:
            self.body["error"]["status"] = name


@dataclass
class Asked:
    """One request."""

    route: str
    query: dict[str, str]
    body: Any = None
    status: int = 0
    grant: Grant | None = field(default=None, repr=False)
    left: bool = False
    """The client went before the end."""

    @property
    def parts(self) -> set[str]:
        return {part for given in self.query.get("part", "").split(",") if (part := given.strip())}


class Api:
    """The calls, each of which takes what was asked and gives the answer, or None for an empty one."""

    def __init__(self, youtube: "YouTubeServer") -> None:
        self.youtube = youtube
        self.polled: dict[str, float] = {}
        """When each asker may list again."""

    # --- who is on the air

    def broadcasts(self, asked: Asked) -> dict[str, Any]:
        query, youtube = asked.query, self.youtube
        given = [name for name in ("broadcastStatus", "id", "mine") if name in query]
        if len(given) != 1:
            reason = "incompatibleParameters" if given else "missingRequiredParameter"
            raise RefusedError(400, reason, f"exactly one filter is wanted, not {given}", "youtube.parameter")
        live, status = not youtube.ended_at, query.get("broadcastStatus", "all")
        if status not in ("all", "active", "upcoming", "completed"):
            raise RefusedError(400, "invalidValue", "broadcastStatus", "youtube.parameter", "broadcastStatus")
        fits = query["id"] == youtube.video_id if given == ["id"] else (
            status == "all" or status == ("active" if live else "completed"))  # fmt: skip
        snippet = {
            "publishedAt": youtube.started_at, "channelId": youtube.owner.id, "title": youtube.title,
            "description": "", "scheduledStartTime": youtube.started_at, "actualStartTime": youtube.started_at,
            "isDefaultBroadcast": False, "liveChatId": youtube.chat_id,
        } | ({} if live else {"actualEndTime": youtube.ended_at})  # fmt: skip
        item = {
            "kind": "youtube#liveBroadcast", "etag": "test-broadcast", "id": youtube.video_id, "snippet": snippet,
            "status": {
                "lifeCycleStatus": "live" if live else "complete", "privacyStatus": "public",
                "recordingStatus": "recording" if live else "recorded", "madeForKids": False,
                "selfDeclaredMadeForKids": False,
            },
        }  # fmt: skip
        return _listed("youtube#liveBroadcastListResponse", [_parts(item, asked)] if fits else [])

    def videos(self, asked: Asked) -> dict[str, Any]:
        youtube, live = self.youtube, not self.youtube.ended_at
        if "id" not in asked.query:
            raise RefusedError(400, "missingRequiredParameter", "id", "youtube.parameter", "id")
        details = {"actualStartTime": youtube.started_at, "scheduledStartTime": youtube.started_at}
        details |= {"concurrentViewers": str(youtube.watching), "activeLiveChatId": youtube.chat_id} if live else {
            "actualEndTime": youtube.ended_at}  # fmt: skip
        item = {
            "kind": "youtube#video", "etag": "test-video", "id": youtube.video_id, "liveStreamingDetails": details,
            "snippet": {"publishedAt": youtube.started_at, "channelId": youtube.owner.id, "title": youtube.title,
                        "channelTitle": youtube.owner.name, "liveBroadcastContent": "live" if live else "none"},
        }  # fmt: skip
        found = youtube.video_id in asked.query["id"].split(",")
        return _listed("youtube#videoListResponse", [_parts(item, asked)] if found else [])

    def channels(self, asked: Asked) -> dict[str, Any]:
        youtube = self.youtube
        given = [name for name in ("id", "mine") if name in asked.query]
        if len(given) != 1:
            raise RefusedError(400, "missingRequiredParameter", "one filter is wanted", "youtube.parameter")
        if given == ["mine"] and asked.grant is None:
            raise RefusedError(401, "authorizationRequired", "mine needs a token", "youtube.common", "Authorization")
        item = {
            "kind": "youtube#channel", "etag": "test-channel", "id": youtube.owner.id,
            "snippet": {"title": youtube.owner.name, "description": "", "customUrl": f"@{youtube.owner.name.lower()}",
                        "publishedAt": youtube.started_at},
        }  # fmt: skip
        fits = given == ["mine"] or asked.query["id"] == youtube.owner.id
        return _listed("youtube#channelListResponse", [_parts(item, asked)] if fits else [])

    # --- what is said

    def list(self, asked: Asked) -> dict[str, Any]:
        youtube, who = self.youtube, asked.grant.access if asked.grant else "key"
        start = self._start(asked)
        now = youtube.clock()
        if now < self.polled.get(who, 0.0):
            raise RefusedError(403, "rateLimitExceeded", "pollingIntervalMillis is not over")
        self.polled[who] = now + youtube.polling
        silent = youtube.faults.take("list", ("silent",))
        until = start if silent else min(start + self._limit(asked), len(youtube.messages))
        answer: dict[str, Any] = self._answer(asked, start, until) | {
            "pollingIntervalMillis": round(youtube.polling * 1000)
        }
        match youtube.faults.take("list", ORDER) if answer["items"] else "":
            case "duplicate":
                answer["items"] = answer["items"] * 2
            case "reorder":
                answer["items"] = answer["items"][::-1]
        return self._bent("list", answer)

    async def stream(self, asked: Asked) -> AsyncGenerator[dict[str, Any], None]:
        """Yield one answer after another: at once what has been said, then what is; the last has ``offlineAt``."""
        youtube, at, first = self.youtube, self._start(asked), True
        while True:
            least = 1
            if not first:
                await youtube.news(at)
                if youtube.faults.take("stream", ("reorder",)):
                    least = 2
                    await youtube.news(at + 1)
            until = min(at + self._limit(asked), len(youtube.messages))
            answer = self._answer(asked, at, until)
            at, first = until, False
            if least == 2:
                answer["items"] = answer["items"][::-1]
            twice = answer["items"] and youtube.faults.take("stream", ("duplicate",))
            yield self._bent("stream", answer)
            if twice:
                yield answer
            if "offlineAt" in answer:
                return

    def _start(self, asked: Asked) -> int:
        """Return the number of the first message that is wanted, of a chat that can be read."""
        youtube, token = self.youtube, asked.query.get("pageToken", "")
        self._open(asked.query.get("liveChatId", ""))
        limit, end = self._limit(asked), len(youtube.messages)
        try:
            start = int(base64.urlsafe_b64decode(token.encode())[4:]) if token else max(0, end - limit)
        except ValueError:
            raise RefusedError(400, "invalidPageToken", "pageToken", "youtube.parameter", "pageToken") from None
        if youtube.ended_at and (start >= end or not token):
            raise RefusedError(403, "liveChatEnded", "the chat is over")
        return start

    def _limit(self, asked: Asked) -> int:
        given = asked.query.get("maxResults", "500")
        if not given.isdigit() or not 200 <= int(given) <= 2000:
            raise RefusedError(400, "invalidValue", "maxResults: 200 to 2000", "youtube.parameter", "maxResults")
        return int(given)

    def _open(self, chat_id: str, *, write: bool = False) -> None:
        if not chat_id:
            raise RefusedError(400, "liveChatIdRequired", "liveChatId", at="liveChatId")
        if chat_id != self.youtube.chat_id:
            raise RefusedError(404, "liveChatNotFound", "there is no such chat", at="liveChatId")
        if self.youtube.disabled:
            raise RefusedError(403, "liveChatDisabled", "the chat is disabled")
        if write and self.youtube.ended_at:
            raise RefusedError(403, "liveChatEnded", "the chat is over")

    def _answer(self, asked: Asked, start: int, until: int) -> dict[str, Any]:
        youtube = self.youtube
        items = [m for m in youtube.messages[start:until] if m["id"] not in youtube.gone]
        answer = _listed("youtube#liveChatMessageListResponse", [_parts(item, asked) for item in items])
        answer["nextPageToken"] = base64.urlsafe_b64encode(f"page{until}".encode()).decode()
        if youtube.poll_item is not None:
            answer["activePollItem"] = _parts(youtube.poll_item, asked)
        if youtube.ended_at and until == len(youtube.messages):
            answer["offlineAt"] = youtube.ended_at
        return answer

    def _bent(self, route: str, answer: dict[str, Any]) -> dict[str, Any]:
        fault = self.youtube.faults.take(route, BENT) if answer["items"] else ""
        return bend(answer, fault) if fault else answer

    # --- what is done

    def insert(self, asked: Asked) -> dict[str, Any]:
        snippet = _snippet(asked.body, {"liveChatId", "type", "textMessageDetails", "pollDetails"})
        self._open(snippet.get("liveChatId", ""), write=True)
        match snippet.get("type"):
            case "textMessageEvent":
                text = _object(snippet, "textMessageDetails", {"messageText"}).get("messageText")
                if not text:
                    raise RefusedError(400, "messageTextRequired", "snippet.textMessageDetails.messageText")
                if not isinstance(text, str) or len(text) > LONGEST or not text.strip():
                    raise RefusedError(400, "messageTextInvalid", f"1 to {LONGEST} characters")
                self.youtube.chat(self.youtube.owner.name, text)
            case "pollEvent":
                self._poll(_object(snippet, "pollDetails", {"metadata"}))
            case None:
                raise RefusedError(400, "typeRequired", "snippet.type")
            case other:
                raise RefusedError(400, "invalidValue", f"nobody can insert a {other}")
        made = self.youtube.messages[-1]
        self.youtube.inserted.append(made)
        return _parts(made, asked)

    def _poll(self, details: dict[str, Any]) -> None:
        metadata = _object(details, "metadata", {"questionText", "options"})
        options = [option.get("optionText") for option in metadata.get("options", [])]
        if not metadata.get("questionText") or not 2 <= len(options) <= 4 or not all(options):
            raise RefusedError(400, "invalidValue", "a question and two to four options")
        if self.youtube.poll_item is not None:
            raise RefusedError(400, "preconditionCheckFailed", "there is a poll already")
        self.youtube.poll(metadata["questionText"], tuple(options))

    def transition(self, asked: Asked) -> dict[str, Any]:
        poll = self.youtube.poll_item
        if poll is None or poll["id"] != asked.query.get("id"):
            raise RefusedError(404, "liveChatMessageNotFound", "there is no such poll", at="id")
        if asked.query.get("status") != "closed":
            raise RefusedError(400, "invalidValue", "status: closed", "youtube.parameter", "status")
        self.youtube.close_poll()
        return self.youtube.messages[-1]

    def delete(self, asked: Asked) -> None:
        message = self.youtube.message(asked.query.get("id", ""))
        if message is None:
            raise RefusedError(404, "liveChatMessageNotFound", "there is no such message", at="id")
        author, own = message["authorDetails"], message in self.youtube.inserted
        if (author["isChatOwner"] or author["isChatModerator"]) and not own:
            raise RefusedError(403, "modificationNotAllowed", "this message cannot be deleted")
        self.youtube.message_deleted(message["id"])
        self.youtube.deleted.append(message["id"])

    def ban(self, asked: Asked) -> dict[str, Any]:
        snippet = _snippet(asked.body, {"liveChatId", "type", "banDurationSeconds", "bannedUserDetails"})
        if snippet.get("liveChatId") != self.youtube.chat_id:
            raise RefusedError(404, "liveChatNotFound", "there is no such chat")
        kind, given = snippet.get("type"), snippet.get("banDurationSeconds")
        if kind not in ("permanent", "temporary"):
            raise RefusedError(400, "invalidValue", "snippet.type: permanent or temporary")
        if given is not None and (kind == "permanent" or not str(given).isdigit() or int(given) < 1):
            raise RefusedError(400, "invalidValue", "snippet.banDurationSeconds")
        channel = _object(snippet, "bannedUserDetails", {"channelId"}).get("channelId")
        viewer = next((viewer for viewer in self.youtube.viewers.values() if viewer.id == channel), None)
        if viewer is None:
            raise RefusedError(400, "invalidChannelId", "snippet.bannedUserDetails.channelId")
        if viewer.owner or viewer.moderator:
            raise RefusedError(403, "liveChatBanInsertionNotAllowed", "not the owner, and no moderator")
        seconds = None if kind == "permanent" else int(given or 300)
        told = {"liveChatId": self.youtube.chat_id, "type": kind, "bannedUserDetails": viewer.profile()}
        number = self.youtube.user_banned(viewer.name, seconds)
        made = {
            "kind": "youtube#liveChatBan", "etag": "test-ban", "id": f"BAN.{number}",
            "snippet": told | ({} if seconds is None else {"banDurationSeconds": str(seconds)}),
        }  # fmt: skip
        self.youtube.banned[made["id"]] = made
        return _parts(made, asked)

    def unban(self, asked: Asked) -> None:
        if self.youtube.banned.pop(asked.query.get("id", ""), None) is None:
            raise RefusedError(404, "liveChatBanNotFound", "there is no such ban", at="id")


def _listed(kind: str, items: list[dict[str, Any]]) -> dict[str, Any]:
    info = {"totalResults": len(items), "resultsPerPage": len(items)}
    return {"kind": kind, "etag": f"test-{len(items)}", "pageInfo": info, "items": items}


def _parts(item: dict[str, Any], asked: Asked) -> dict[str, Any]:
    """Keep of a resource what was asked for; its id always comes along."""
    return {k: v for k, v in json.loads(json.dumps(item)).items() if k in ("kind", "etag", "id") or k in asked.parts}


def _object(parent: dict[str, Any], name: str, fields: set[str]) -> dict[str, Any]:
    given = parent.get(name, {})
    if not isinstance(given, dict):
        raise RefusedError(400, "badRequest", f"{name} must be an object", "global")
    if unknown := sorted(given.keys() - fields):
        raise RefusedError(400, "badRequest", f"Unknown name in {name}: {unknown}", "global")
    return given


def _snippet(body: Any, fields: set[str]) -> dict[str, Any]:
    if not isinstance(body, dict):
        raise RefusedError(400, "parseError", "the body must be a JSON object", "global")
    if unknown := sorted(body.keys() - {"snippet", "kind", "id", "etag"}):
        raise RefusedError(400, "badRequest", f"Unknown name: {unknown}", "global")
    return _object(body, "snippet", fields)
