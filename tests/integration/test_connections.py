"""Connections over REST: how links fare, reconnecting them, one person's accounts, and which messages are answered."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from marotte.events import ChatMessage, Gap, Send, StreamEnded, StreamStarted, Viewer, decode_percept
from marotte.ports import Standing
from marotte.store import Store
from tests.servers.within import PlayedLink, Within, serving
from tests.waiting import until

pytestmark = pytest.mark.anyio
SHOW = (
    '[character]\nname = "Pip"\n[attention]\nlull_after = 0\n[brain]\ndiscover = false\n[gateway]\nrequests = 100_000\n'
)
ADA = Viewer(id="twitch:7", name="Ada", platform="twitch")
ADA_TOO = Viewer(id="youtube:UC7", name="Ada L.", platform="youtube")
ADA_THIRD = Viewer(id="discord:77", name="ada", platform="discord")


@pytest.fixture
async def program(tmp_path: Path) -> AsyncIterator[Within]:
    """A program with a link to Twitch, as ``program.run.platforms.links["twitch"]``."""
    program = Within(tmp_path, SHOW)
    rows = (Standing("account", True, "pip"), Standing("moderator:manage:banned_users", False, "no bans; sign in"))
    program.played("twitch", *rows).able(Send)
    async with serving(program):
        yield program


def link_of(program: Within) -> PlayedLink:
    link = program.run.platforms.links["twitch"]
    assert isinstance(link, PlayedLink)
    return link


async def twitch(program: Within) -> dict[str, Any]:
    """What is told of the link."""
    [found] = await program.get("/api/v1/connections")
    return found


async def call(program: Within, method: str, path: str, body: object = None, token: str = "") -> tuple[int, str]:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    async with program.request(method, f"/api/v1{path}", json=body, headers=headers) as response:
        return response.status, await response.text()


async def token_of(program: Within, role: str) -> str:
    _, issued = await program.post("/api/v1/tokens", {"name": f"a {role}", "role": role})
    return issued["token"]


async def test_a_connection_tells_how_it_fares_what_it_lacks_and_what_it_missed(program: Within) -> None:
    async def up() -> bool:
        return (await twitch(program))["state"] == "up"

    await until(up, "the link")
    link = link_of(program)
    link.counted["events"] = 3
    for number in range(25):
        link.publish(Gap(at=100.0 + number, link="twitch", seconds=number, recovered=1, detail="the network"))
    link.publish(Gap(at=1.0, link="another", seconds=1))
    link.publish(StreamStarted(at=200.0, link="twitch", title="Friday at the theatre"))

    async def told() -> dict[str, Any] | None:
        found = await twitch(program)
        return found if found["stream"] else None

    found = await until(told, "the stream")
    assert (found["name"], found["platform"], found["can"]) == ("twitch", "twitch", ["send"])
    assert found["detail"] == "as pip, for the 1. time"
    assert found["since"] > 0
    assert found["standing"][1] == {
        "name": "moderator:manage:banned_users",
        "ok": False,
        "detail": "no bans; sign in",
    }
    assert found["counters"] == {"events": 3}
    assert [gap["seconds"] for gap in found["gaps"]] == [*range(24, 4, -1)], "the last twenty, the newest first"
    assert found["gaps"][0] == {"at": 124.0, "seconds": 24.0, "recovered": 1, "detail": "the network"}
    assert found["stream"] == {"at": 200.0, "title": "Friday at the theatre"}
    link.publish(StreamEnded(at=300.0, link="twitch"))

    async def over() -> bool:
        return (await twitch(program))["stream"] is None

    await until(over, "the end of the stream")


async def test_a_connection_is_made_anew(program: Within) -> None:
    link = link_of(program)
    await until(lambda: link.lives == 1, "the connection")
    assert (await call(program, "POST", "/connections/twitch/reconnect"))[0] == 204
    await until(lambda: link.lives == 2, "another connection")
    assert [watched.task is not None and not watched.task.done() for watched in program.run.arrivals] == [True]
    status, said = await call(program, "POST", "/connections/twich/reconnect")
    assert status == 404
    assert "there is no connection 'twich'" in said


async def test_who_presses_twice_gets_one_connection_and_not_two(program: Within) -> None:
    link = link_of(program)
    await until(lambda: link.lives == 1, "the connection")
    link.clings = True
    presses = [asyncio.create_task(call(program, "POST", "/connections/twitch/reconnect")) for _ in range(2)]
    await until(lambda: "twitch twitch" not in program.run.supervisor.tasks, "the end of the first")
    link.let_go.set()
    assert [(await press)[0] for press in presses] == [204, 204]
    await until(lambda: link.lives >= 2, "another connection")
    assert "twitch twitch" in program.run.supervisor.tasks


async def test_accounts_of_one_person_are_joined_shown_and_parted(program: Within) -> None:
    for viewer in (ADA, ADA_TOO, ADA_THIRD):
        program.run.store.seen_viewer(viewer, program.run.clock.wall())
    assert await program.get("/api/v1/accounts") == []
    assert (await call(program, "POST", "/accounts", {"main": ADA.id, "viewer": ADA_TOO.id}))[0] == 204
    assert (await call(program, "POST", "/accounts", {"main": ADA_TOO.id, "viewer": ADA_THIRD.id}))[0] == 204
    for viewer in (ADA, ADA_TOO, ADA_THIRD):
        [person] = await program.get("/api/v1/accounts?viewer=" + quote(viewer.id, safe=""))
        assert person["main"] == ADA.id
        told = [(each["id"], each["name"], each["platform"], each["by"]) for each in person["accounts"]]
        assert told == [
            (ADA.id, "Ada", "twitch", ""),
            (ADA_TOO.id, "Ada L.", "youtube", "operator"),
            (ADA_THIRD.id, "ada", "discord", "operator"),
        ]
    heard = program.run.bus.subscribe("percept.chat_message.>", size=10)
    program.run.platforms._arrive(ChatMessage(viewer=ADA_TOO, text="It is me, Pip.", link="youtube"))
    assert (await heard.get()).data.viewer.known_as == ADA.id
    heard.close()

    assert (await call(program, "DELETE", "/accounts/" + quote(ADA_TOO.id, safe="")))[0] == 204
    [person] = await program.get("/api/v1/accounts")
    assert [each["id"] for each in person["accounts"]] == [ADA.id, ADA_THIRD.id]
    assert (await call(program, "DELETE", "/accounts/" + quote(ADA_TOO.id, safe="")))[0] == 404
    assert (await call(program, "DELETE", "/accounts/" + quote(ADA.id, safe="")))[0] == 204
    assert await program.get("/api/v1/accounts") == []


@pytest.mark.parametrize(
    ("body", "status", "says"),
    [
        ({"main": ADA.id, "viewer": ADA.id}, 422, "cannot be joined to itself"),
        ({"main": ADA.id, "viewer": "twitch:nobody"}, 404, "there is no viewer 'twitch:nobody'"),
        ({"main": "", "viewer": ADA.id}, 422, "main"),
        ({"main": ADA.id}, 422, "viewer"),
    ],
)
async def test_a_wrong_pair_is_refused_with_its_reason(program: Within, body: Any, status: int, says: str) -> None:
    program.run.store.seen_viewer(ADA, program.run.clock.wall())
    code, said = await call(program, "POST", "/accounts", body)
    assert code == status
    assert says in said
    assert await program.get("/api/v1/accounts") == []


async def test_only_what_is_addressed_is_answered_once_somebody_says_so(program: Within) -> None:
    assert (await program.get("/api/v1/show"))["answer"] == "everything"
    assert (await call(program, "PUT", "/answer", {"which": "named"}))[0] == 204
    assert (await program.get("/api/v1/show"))["answer"] == "named"
    assert (await call(program, "PUT", "/answer", {"which": "nobody"}))[0] == 422
    program.run.platforms._arrive(ChatMessage(viewer=ADA, text="What a night, is it not?", link="twitch"))

    async def dropped() -> bool:
        return any(row["reason"] == "unaddressed" for row in await program.get("/api/v1/dropped"))

    await until(dropped, "a message that is not meant for it")


async def test_what_waits_says_through_which_link_it_came_and_that_its_lane_is_muted(program: Within) -> None:
    program.run.orders.mute("lane", "gifts")
    await program.post(
        "/api/v1/percepts", {"type": "gift", "what": "rose", "link": "twitch", "viewer": {"id": "t", "name": "T"}}
    )
    [row] = await until(lambda: program.get("/api/v1/queue"), "the gift in the queue")
    assert (row["link"], row["text"]) == ("twitch", "1 rose")
    assert row["why"] == "waits until its lane is no longer muted"


@pytest.mark.parametrize(
    ("method", "path", "least"),
    [
        ("GET", "/connections", "viewer"),
        ("POST", "/connections/twitch/reconnect", "operator"),
        ("GET", "/accounts", "moderator"),
        ("POST", "/accounts", "operator"),
        ("DELETE", "/accounts/twitch:7", "operator"),
        ("PUT", "/answer", "moderator"),
    ],
)
async def test_each_is_for_its_role(program: Within, method: str, path: str, least: str) -> None:
    ranks = ("viewer", "moderator", "operator")
    for role in ranks[:2]:
        status, _ = await call(program, method, path, {}, await token_of(program, role))
        assert (status == 403) == (ranks.index(role) < ranks.index(least)), role


@pytest.mark.parametrize(
    ("percept", "text"),
    [
        ({"type": "redemption", "reward": "Sing something"}, "Sing something"),
        ({"type": "redemption", "reward": "Say my text", "text": "hello"}, "Say my text · hello"),
        ({"type": "gift", "what": "bits", "amount": 500, "unit": "bits", "message": "Hi!"}, "500 bits · Hi!"),
        ({"type": "subscription", "given": 5}, "5 given"),
        ({"type": "subscription", "months": 12, "message": "A year!"}, "12 months · A year!"),
        ({"type": "raid", "party": 40}, "40 viewers"),
    ],
)
async def test_what_waits_says_what_was_given(program: Within, percept: dict[str, Any], text: str) -> None:
    for lane in program.run.show.lanes:
        program.run.orders.mute("lane", lane)
    program.run.platforms._arrive(decode_percept(json.dumps({**percept, "viewer": {"id": "twitch:7", "name": "Ada"}})))

    async def waiting() -> list[str]:
        return [row["text"] for row in await program.get("/api/v1/queue")]

    assert await until(waiting, "it in the queue") == [text]


async def test_people_with_several_accounts_are_read_page_by_page(store: Store) -> None:
    for number in range(3):
        await store.join(f"twitch:{number}", f"youtube:{number}", "mia")
    store.seen_viewer(Viewer(id="twitch:1", name="Ada", platform="twitch"), 1.0)
    assert [person.main for person in await store.accounts()] == ["twitch:0", "twitch:1", "twitch:2"]
    [person] = await store.accounts(offset=1, limit=1)
    assert [(one.id, one.name, one.by) for one in person.accounts] == [
        ("twitch:1", "Ada", ""),
        ("youtube:1", "", "mia"),
    ]
    assert await store.accounts("youtube:2") == await store.accounts("twitch:2")
    assert await store.accounts("youtube:9") == []
