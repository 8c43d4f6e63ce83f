"""The control window's people, memory and database over REST, with the whole program behind it."""

from collections.abc import AsyncIterator
from urllib.parse import quote

import pytest

from tests.servers.marotte import Marotte, marotte
from tests.waiting import QUICK

pytestmark = pytest.mark.anyio
SHOW = f"{QUICK}[attention]\nlull_after = 0\n[brain]\ndiscover = false\n[gateway]\nrequests = 100000\n"
ADA = {"id": "irc:test/ada", "name": "Ada", "platform": "irc"}
PATH = "/api/v1/viewers/" + quote(ADA["id"], safe="")


@pytest.fixture(scope="module")
def anyio_backend() -> tuple[str, dict[str, object]]:
    return "asyncio", {}


@pytest.fixture(scope="module")
async def program(tmp_path_factory: pytest.TempPathFactory, anyio_backend) -> AsyncIterator[Marotte]:
    async with marotte(tmp_path_factory.mktemp("people"), SHOW) as running:
        yield running


@pytest.fixture(scope="module")
async def moderator(program: Marotte) -> str:
    """The token of a moderator."""
    _, issued = await program.post("/api/v1/tokens", {"name": "mia", "role": "moderator"})
    return issued["token"]


async def call(program: Marotte, method: str, path: str, body: object = None, **headers: str) -> int:
    more = {} if body is None else {"json": body}
    async with program.request(method, f"/api/v1{path}", headers=headers, **more) as response:
        return response.status


@pytest.fixture
async def met(program: Marotte) -> Marotte:
    """Ada has told something of herself, and was answered."""
    said = {"type": "chat_message", "text": "I love zanzibar, and my dog is called Biscuit.", "viewer": ADA}
    _, answer = await program.post("/api/v1/percepts?wait=90", said)
    assert answer["turn"]["state"] == "done"
    return program


async def test_a_viewer_is_found_noted_read_and_forgotten(met: Marotte) -> None:
    found = await met.get("/api/v1/viewers?q=ad&platform=irc")
    assert (found["total"], found["viewers"][0]["id"], found["viewers"][0]["note"]) == (1, ADA["id"], "")
    assert found["viewers"][0]["facts"] >= 1
    assert await met.get("/api/v1/viewers?q=nobody") == {"total": 0, "viewers": []}
    assert await call(met, "PUT", f"/viewers/{quote(ADA['id'], safe='')}/note", {"text": " Kind. "}) == 204
    viewer = await met.get(PATH)
    assert viewer["note"] == "Kind."
    assert "zanzibar" in viewer["exchanges"][0]["said"][0]
    assert viewer["exchanges"][0]["heard"]
    facts = await met.get(f"{PATH}/facts")
    assert any("Biscuit" in fact["quote"] for fact in facts)
    async with met.request("DELETE", PATH) as response:
        assert (await response.json())["deleted"] >= 3
    for rest in ("", "/note"):
        assert await call(met, "PUT" if rest else "GET", PATH.removeprefix("/api/v1") + rest, {"text": "x"}) == 404
    assert await met.get(f"{PATH}/facts") == []
    assert [edit for edit in await met.get("/api/v1/database/history") if edit["key"] == ADA["id"]] == []


async def test_a_fact_is_found_edited_with_its_history_and_deleted(met: Marotte) -> None:
    fact = (await met.get("/api/v1/facts?q=bisc&scope=public"))["facts"][0]
    assert set(fact) == {"id", "viewer", "scope", "key", "text", "source", "quote", "at"}
    assert await call(met, "PUT", f"/facts/{fact['id']}", {"text": "Ada's dog is called Crumpet."}) == 204
    assert (await met.get("/api/v1/facts?q=crumpet"))["total"] == 1
    (edit,) = await met.get(f"/api/v1/facts/{fact['id']}/history")
    assert (edit["by"], edit["before"], edit["after"]) == ("operator", fact["text"], "Ada's dog is called Crumpet.")
    assert await call(met, "PUT", f"/facts/{fact['id']}", {"text": " "}) == 422
    assert await call(met, "DELETE", f"/facts/{fact['id']}") == 204
    assert await call(met, "DELETE", f"/facts/{fact['id']}") == 404
    assert await call(met, "PUT", "/facts/999999", {"text": "x"}) == 404
    assert await call(met, "PUT", f"/facts/{2**63}", {"text": "x"}) == 422


async def test_a_cleared_floor_has_nothing_in_mind(met: Marotte) -> None:
    async with met.request("DELETE", "/api/v1/floors/public/memory") as response:
        assert (await response.json())["deleted"] >= 2
    assert (await met.get("/api/v1/facts?scope=public"))["total"] == 0
    assert (await met.get(PATH))["exchanges"] == []
    async with met.request("DELETE", "/api/v1/floors/nowhere/memory") as response:
        assert await response.json() == {"deleted": 0}


async def test_the_tables_are_browsed_and_edited(met: Marotte) -> None:
    told = await met.get("/api/v1/database")
    assert told["where"].endswith("marotte.sqlite")
    assert told["size"] > 10_000
    assert {table["name"]: table["key"] for table in told["tables"]}["stopped"] == "line"
    rows = await met.get("/api/v1/database/facts?q=zanzibar&order=-id&limit=1")
    assert rows["total"] >= 1
    key = rows["rows"][0]["id"]
    assert await call(met, "PUT", f"/database/facts/{key}", {"text": "Ada loves Crete."}) == 204
    newest = (await met.get("/api/v1/database/history?limit=1"))[0]
    assert (newest["by"], newest["table"], newest["key"], newest["column"]) == ("operator", "facts", str(key), "text")
    assert await call(met, "PUT", f"/database/facts/{key}", {"viewer": "x"}) == 422
    assert await call(met, "PUT", "/database/facts/none", {"text": "x"}) == 404
    assert await call(met, "PUT", "/database/nothing/1", {"text": "x"}) == 404
    assert await call(met, "PUT", "/database/viewers/irc%3Atest%2Fada", {"name": "Ada L."}) == 204
    assert await call(met, "DELETE", "/database/viewers/irc%3Atest%2Fada") == 409
    turn = (await met.get("/api/v1/database/turns"))["rows"][0]["id"]
    assert await call(met, "DELETE", f"/database/turns/{turn}") == 204
    assert await call(met, "DELETE", f"/database/turns/{turn}") == 404
    assert await call(met, "GET", "/database/facts?order=nothing") == 422
    assert await call(met, "GET", "/database/sqlite_master") == 404


READS = ["/facts", "/facts/1/history", "/database", "/database/facts", "/database/history"]
WRITES = [
    ("PUT", "/facts/1"),
    ("DELETE", "/facts/1"),
    ("DELETE", "/floors/public/memory"),
    ("POST", "/database/backup"),
]
WRITES += [("PUT", "/database/facts/1"), ("DELETE", "/database/facts/1"), ("POST", "/database/restore")]
PEOPLE = [("GET", "/viewers"), ("GET", "/viewers/x"), ("GET", "/viewers/x/facts"), ("PUT", "/viewers/x/note")]


@pytest.mark.parametrize(("method", "path"), [*(("GET", path) for path in READS), *WRITES, *PEOPLE])
async def test_each_is_for_its_role(program: Marotte, moderator: str, method: str, path: str) -> None:
    viewer = (program.data / "capture.token").read_text().strip()
    body = {"text": "x"} if method == "PUT" else None
    assert await call(program, method, path, body, Authorization="") == 401
    assert await call(program, method, path, body, Authorization=f"Bearer {viewer}") == 403
    as_moderator = await call(program, method, path, body, Authorization=f"Bearer {moderator}")
    assert as_moderator in (200, 204, 404) if (method, path) in PEOPLE else as_moderator == 403
