"""``rest.md``: every route, its least role, and the first words of its docstring."""

import inspect
from collections.abc import Iterator
from importlib import import_module
from pkgutil import iter_modules
from types import ModuleType

from fastapi import FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute

from marotte.gateway import rest
from marotte.gateway.rest import access
from tools.docs.markdown import generated, prose, table

PREFIX = "/api/v1"
_HEAD = """
# REST

Everything under `/api/v1` speaks JSON. Whatever needs a role is asked with a token:

```sh
curl -H "Authorization: Bearer $(cat ~/.local/share/marotte/operator.token)" http://127.0.0.1:8765/api/v1/queue
```

**Role** is the least that may ask: each may do what those before it may, *guest*, *viewer*, *moderator*, *operator*.
A guest needs no token at this machine; *anybody* needs none at all. [Security](security.md) tells how to make a token.

An error is `{"detail": "…"}` with a status that says whose it is:

| status | meaning |
|---|---|
| 401 | the token is missing or wrong |
| 403 | the token's role is not enough, or a page from elsewhere asks |
| 404, 410 | there is no such thing, or its time is over |
| 408, 413 | what was sent did not come in time, or is too large |
| 409 | it does not go together with what is there |
| 422 | what was sent is wrong; the detail names what |
| 429 | too often; `Retry-After` says how many seconds to wait |

The program describes itself at `/api/v1/openapi.json`; what happens live crosses [the WebSocket](protocol.md). For
machines: `/healthz` (it lives), `/readyz` (each room, engine and link), `/metrics` (for Prometheus).
"""


def modules() -> dict[str, ModuleType]:
    """Return the modules of REST that hold routes, by name."""
    found = (import_module(f"{rest.__name__}.{module.name}") for module in iter_modules(rest.__path__))
    return {module.__name__.rpartition(".")[2]: module for module in found if hasattr(module, "router")}


def openapi() -> set[tuple[str, str]]:
    """Return what the program's own OpenAPI lists, as methods and paths."""
    app = FastAPI()
    app.include_router(rest.router)
    return {(method.upper(), path) for path, methods in app.openapi()["paths"].items() for method in methods}


def routes(module: ModuleType, listed: set[tuple[str, str]]) -> Iterator[tuple[str, str, APIRoute]]:
    """Yield those of a module's routes that are listed, as method, path and route."""
    for route in module.router.routes:
        if isinstance(route, APIRoute):
            path = PREFIX + route.path_format.removeprefix(PREFIX)
            yield from ((method, path, route) for method in sorted(route.methods or ()) if (method, path) in listed)


def role(route: APIRoute) -> str:
    """Return the least role that may call a route; "anybody" where nobody is asked who they are."""
    calls = list(_calls(route.dependant))
    for name, needed in (("operator", access.Operator), ("moderator", access.Moderator), ("viewer", access.Viewer)):
        if needed.dependency in calls:
            return name
    return "guest" if access.who_asks in calls else "anybody"


def _calls(dependant: Dependant) -> Iterator[object]:
    for inner in dependant.dependencies:
        yield inner.call
        yield from _calls(inner)


def page() -> str:
    """Write the page."""
    parts = [generated("src/marotte/gateway/rest/"), _HEAD.lstrip()]
    listed = openapi()
    for name, module in modules().items():
        rows = [
            (f"`{method}`", f"`{path}`", role(route), prose((route.endpoint.__doc__ or "").split("\n\n")[0]))
            for method, path, route in routes(module, listed)
        ]
        if rows:
            about = prose(inspect.getdoc(module) or "").partition(".")[0]
            head = f"\n## {name.capitalize()}\n\n{about}.\n\n"
            parts.append(head + table(("method", "path", "role", "what it does"), rows))
    return "".join(parts)
