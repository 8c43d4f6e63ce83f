"""Behind nginx and Caddy, with the very configurations that docs/reverse-proxy.md shows."""

import asyncio
import json
import os
import re
import shutil
import socket
import ssl
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

import aiohttp
import pytest

from marotte.gateway.authority import Authority
from tests.servers.marotte import TOKEN, Marotte, Window, marotte
from tests.waiting import until

pytestmark = pytest.mark.anyio
GUIDE = Path(__file__).parents[2] / "docs" / "reverse-proxy.md"
SHOW = '[attention]\nlull_after = 0\n[brain]\ndiscover = false\n[gateway]\nproxies = ["127.0.0.1"]\n'


@pytest.fixture(scope="module")
def anyio_backend() -> tuple[str, dict[str, object]]:
    return "asyncio", {}


def shown(language: str) -> str:
    """What the guide shows in this language."""
    [block] = re.findall(rf"```{language}\n(.*?)```", GUIDE.read_text("utf-8"), re.DOTALL)
    return block


def replaced(text: str, **changes: str) -> str:
    """Change what an installation differs in; each must be there."""
    for old, new in changes.items():
        assert old in text, old
        text = text.replace(old, new)
    return text


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def nginx(folder: Path, port: int, behind: str, certificate: Path) -> list[str]:
    site = replaced(
        shown("nginx"),
        **{
            "listen 443 ssl": f"listen 127.0.0.1:{port} ssl",
            "marotte.example;": "localhost;",
            "/etc/letsencrypt/live/marotte.example/fullchain.pem": str(certificate),
            "/etc/letsencrypt/live/marotte.example/privkey.pem": str(certificate),
            "http://127.0.0.1:8765": behind,
        },
    )
    places = "".join(
        f"{what}_temp_path {folder / what};\n" for what in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    (folder / "nginx.conf").write_text(
        f"daemon off;\npid {folder / 'pid'};\nerror_log stderr;\nevents {{}}\n"
        f"http {{\naccess_log off;\n{places}{site}}}\n"
    )
    return ["nginx", "-e", "stderr", "-p", str(folder), "-c", str(folder / "nginx.conf")]


def caddy(folder: Path, port: int, behind: str, certificate: Path) -> list[str]:
    site = replaced(
        shown("caddy"),
        **{
            "marotte.example {": f"https://localhost:{port} {{\nbind 127.0.0.1\ntls {certificate} {certificate}",
            "127.0.0.1:8765": urlsplit(behind).netloc,
        },
    )
    (folder / "Caddyfile").write_text(f"{{\n    admin off\n    auto_https off\n}}\n{site}")
    return ["caddy", "run", "--config", str(folder / "Caddyfile"), "--adapter", "caddyfile"]


class Behind(NamedTuple):
    """A run behind a proxy."""

    program: Marotte
    url: str
    trust: ssl.SSLContext


@asynccontextmanager
async def behind(proxy: str, folder: Path) -> AsyncIterator[Behind]:
    authority = Authority(folder / "ca")
    authority.certify(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), [])
    async with marotte(folder, SHOW) as program:
        port = free_port()
        command = {"nginx": nginx, "caddy": caddy}[proxy](folder, port, program.url, folder / "ca" / "machine.key")
        path = f"{os.environ['PATH']}:/usr/sbin"
        found = shutil.which(command[0], path=path)
        assert found, f"{proxy} is not installed: .ci/need installs it"
        with (folder / "proxy.log").open("wb") as log:
            server = subprocess.Popen(
                [found, *command[1:]], stdout=log, stderr=log, env={**os.environ, "HOME": str(folder), "PATH": path}
            )
        try:

            def up() -> bool:
                assert server.poll() is None, (folder / "proxy.log").read_text()
                with socket.socket() as probe:
                    return probe.connect_ex(("127.0.0.1", port)) == 0

            await until(up, f"{proxy} listens")
            trust = ssl.create_default_context(cadata=authority.certificate.decode())
            yield Behind(program, f"https://localhost:{port}", trust)
        finally:
            server.terminate()
            await asyncio.to_thread(server.wait, 10)


@pytest.fixture(scope="module", params=["nginx", "caddy"])
async def site(request, tmp_path_factory: pytest.TempPathFactory, anyio_backend) -> AsyncIterator[Behind]:
    async with behind(request.param, tmp_path_factory.mktemp(request.param)) as running:
        yield running


async def audited(program: Marotte) -> str:
    """The audit log, once something is in it: it is written behind the answer."""
    file = program.data / "audit.jsonl"
    return await until(lambda: file.is_file() and file.read_text("utf-8"), "a line in the audit log")


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"} if token else {}


async def test_page_and_rest_are_served(site: Behind) -> None:
    async with aiohttp.ClientSession() as session:
        async with session.get(f"{site.url}/talk", ssl=site.trust) as response:
            assert response.status == 200
            assert "default-src" in response.headers["content-security-policy"]
        for token, status in ((TOKEN, 200), ("", 401), ("wrong-wrong-wrong-wrong", 401)):
            headers = {**bearer(token), "Origin": site.url}
            async with session.get(f"{site.url}/api/v1/show", ssl=site.trust, headers=headers) as response:
                assert response.status == status, token
        headers = {**bearer(TOKEN), "Origin": "https://evil.example"}
        async with session.get(f"{site.url}/api/v1/show", ssl=site.trust, headers=headers) as response:
            assert response.status == 403


async def test_one_talks_through_it(site: Behind) -> None:
    token = (site.program.data / "capture.token").read_text().strip()
    async with (
        aiohttp.ClientSession(headers={"Origin": site.url}) as session,
        session.ws_connect(f"{site.url}/ws", ssl=site.trust, max_msg_size=0) as socket_,
    ):
        window = Window(socket_)
        await window.send(type="hello", version=1, window="talk", token=token, language="en")
        assert (await window.until("welcome", "error"))["type"] == "welcome"
        await window.send(type="sound", on=True)
        await window.send(type="text", text="hello there")
        await window.event("line_started")
        await window.until("sound")
        assert window.sound[-1][1], "a header and sound behind it"


@pytest.mark.parametrize("origin", ["own", "https://evil.example"])
async def test_the_live_side_wants_a_token_and_a_page_of_its_own(site: Behind, origin: str) -> None:
    headers = {"Origin": site.url if origin == "own" else origin}
    async with (
        aiohttp.ClientSession(headers=headers) as session,
        session.ws_connect(f"{site.url}/ws", ssl=site.trust) as socket_,
    ):
        window = Window(socket_)
        await window.send(type="hello", version=1, window="talk")
        refused = await window.until("welcome", "error")
        assert refused.get("code") == ("token" if origin == "own" else "origin")


async def test_nobody_lies_about_where_they_come_from(site: Behind) -> None:
    """The audit log names the address that the proxy saw, whatever the client claims."""
    headers = {**bearer(TOKEN), "X-Forwarded-For": "203.0.113.66", "Origin": site.url}
    async with (
        aiohttp.ClientSession() as session,
        session.put(
            f"{site.url}/api/v1/show/context", ssl=site.trust, headers=headers, json={"context": "a proxy"}
        ) as response,
    ):
        assert response.status == 204
    audit = await audited(site.program)
    entry = json.loads(audit.splitlines()[-1])
    assert "203.0.113.66" not in audit
    assert "127.0.0.1" in entry.values()


@pytest.mark.parametrize(("proxies", "believed"), [("['127.0.0.1']", True), ("[]", False)])
async def test_only_a_proxy_that_the_show_names_is_believed(tmp_path: Path, proxies: str, believed: bool) -> None:
    show = SHOW.replace('["127.0.0.1"]', proxies)
    async with marotte(tmp_path, show) as program:
        headers = {**bearer(TOKEN), "X-Forwarded-For": "203.0.113.7"}
        async with program.request(
            "PUT", "/api/v1/show/context", headers=headers, json={"context": "here"}
        ) as response:
            assert response.status == 204
        assert ("203.0.113.7" in await audited(program)) is believed
        # Who came through something is no guest of this machine, named or not.
        async with program.request("GET", "/api/v1/show", headers={**headers, "Authorization": ""}) as response:
            assert response.status == 401
