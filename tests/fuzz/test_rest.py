"""REST: schemathesis reads our own OpenAPI and asks the program everything that it allows, and much that it does not.

Nothing is answered with an error of the server's, and what the OpenAPI declares is what comes. Left out are what ends
the run or puts another database in its place, and whatever would reach out of this machine.
"""

from collections.abc import AsyncIterator
from typing import Any

import pytest
import requests
import schemathesis
from fastapi import FastAPI
from hypothesis import given
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import content_type_conformance, response_schema_conformance

from marotte.gateway import rest
from tests.fuzz.hostile import looks
from tests.servers.marotte import TOKEN, Marotte, marotte
from tests.waiting import QUICK

SHOW = (
    f"{QUICK}[attention]\nlull_after = 0\n[brain]\ndiscover = false\n[gateway]\nrequests = 1_000_000\n[character]\n"
    "name = 'Pip'\n[memory]\nrecall = 6\n"
)
LEFT_OUT = {("POST", "/api/v1/database/restore")}
SELDOM = {("GET", "/api/v1/doctor"), ("POST", "/api/v1/database/backup")}
"""They take seconds, or the disk."""
_app = FastAPI()
_app.include_router(rest.router)
ROUTES = sorted(
    {
        (method.upper(), path)
        for path, methods in _app.openapi()["paths"].items()
        for method in methods
        if (method.upper(), path) not in LEFT_OUT
    }
)


@pytest.fixture(scope="module")
def anyio_backend() -> tuple[str, dict[str, object]]:
    return "asyncio", {}


@pytest.fixture(scope="module")
async def program(tmp_path_factory: pytest.TempPathFactory, anyio_backend: object) -> AsyncIterator[Marotte]:
    async with marotte(tmp_path_factory.mktemp("rest"), SHOW) as running:
        assert (await running.post("/api/v1/percepts", {"type": "asked", "text": "I am Ada and I love cheese"}))[
            0
        ] == 202
        yield running
        assert "Exception in ASGI application" not in running.log.read_text("utf-8", errors="replace")


@pytest.fixture(scope="module")
def api(program: Marotte) -> Any:
    return schemathesis.openapi.from_url(f"{program.url}/api/v1/openapi.json")


def harmless(case: Any) -> Any:
    """Keep a case on this machine and within its time."""
    case.headers = {**{k: v for k, v in (case.headers or {}).items() if k.lower() != "authorization"}}
    case.headers["Authorization"] = f"Bearer {TOKEN}"
    if case.path == "/api/v1/percepts" and case.query:
        case.query.pop("wait", None)
    if case.path == "/api/v1/doctor":
        case.query = {"quick": "true"}
    if case.path == "/api/v1/brain" and isinstance(case.body, dict) and isinstance(case.body.get("url"), str):
        case.body["url"] = "http://127.0.0.1:9/" + case.body["url"].partition("://")[2].replace("@", "")
    return case


@pytest.mark.parametrize(("method", "path"), ROUTES, ids=lambda part: part.removeprefix("/api/v1"))
def test_no_request_is_too_much(api: Any, method: str, path: str) -> None:
    operation = api[path][method]
    session = requests.Session()

    @looks(2 if (method, path) in SELDOM else 12)
    @given(case=operation.as_strategy().map(harmless))
    def asks(case: Any) -> None:
        response = case.call(session=session, timeout=30)
        case.validate_response(
            response, checks=[not_a_server_error, response_schema_conformance, content_type_conformance]
        )

    asks()


@pytest.mark.anyio
async def test_the_show_goes_on(program: Marotte) -> None:
    assert (await program.get("/healthz"))["status"] == "alive"
    status, answer = await program.post(
        "/api/v1/percepts", {"type": "asked", "text": "Are you still there?"}, params={"wait": 60}
    )
    assert (status, answer["turn"] is not None) == (202, True)
