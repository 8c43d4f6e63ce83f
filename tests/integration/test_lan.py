"""The home network: HTTPS with an authority of our own, and devices that come in by a code."""

import ssl
import stat
import xml.etree.ElementTree
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import pytest

from marotte.gateway.lan import Pairing
from tests.integration.test_cli import run as command
from tests.servers.marotte import TOKEN, Marotte, Window, marotte
from tests.waiting import QUICK

pytestmark = pytest.mark.anyio
SHOW = f"{QUICK}[attention]\nlull_after = 0\n[brain]\ndiscover = false\n"


@pytest.fixture(scope="module")
def anyio_backend() -> tuple[str, dict[str, object]]:
    return "asyncio", {}


class Home:
    """A run with ``--lan``, and a device that trusts its authority."""

    def __init__(self, program: Marotte, port: int, trust: ssl.SSLContext) -> None:
        self.program = program
        self.url = f"https://127.0.0.1:{port}"
        self.trust = trust

    async def code(self) -> str:
        return (await self.program.get("/api/v1/lan"))["pairing"]["code"]

    async def ask(self, method: str, path: str, token: str = "", **more: Any) -> tuple[int, Any, Any]:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        async with (
            aiohttp.ClientSession(headers=headers) as session,
            session.request(method, self.url + path, ssl=self.trust, **more) as response,
        ):
            kind = response.content_type
            return response.status, await (response.json() if kind == "application/json" else response.text()), response

    async def pair(self, code: str, name: str) -> tuple[int, Any, Any]:
        return await self.ask("POST", "/api/v1/pair", json={"code": code, "name": name})

    @asynccontextmanager
    async def window(self, window: str, **hello: Any) -> AsyncIterator[Window]:
        async with (
            aiohttp.ClientSession() as session,
            session.ws_connect(
                f"{self.url}/ws", ssl=self.trust, headers={"Origin": self.url}, max_msg_size=0
            ) as socket,
        ):
            opened = Window(socket)
            await opened.send(type="hello", version=1, window=window, **hello)
            opened.welcome = await opened.until("welcome", "error")
            yield opened


@asynccontextmanager
async def at_home(folder: Path) -> AsyncIterator[Home]:
    program = Marotte(folder, SHOW)
    program.arguments = ("--lan",)
    await program.start()
    try:
        told = await program.get("/api/v1/lan")
        port = urlsplit(told["url"]).port
        assert port is not None
        # As a phone does: taken once past the warning, its fingerprint compared with the terminal's.
        async with aiohttp.ClientSession() as session:
            async with session.get(f"https://127.0.0.1:{port}/ca.crt", ssl=False) as response:
                assert response.content_type == "application/x-x509-ca-cert"
                pem = await response.text()
        assert told["authority"]["sha256"] in program.output()
        yield Home(program, port, ssl.create_default_context(cadata=pem))
    finally:
        assert await program.stop() == 0, program.output()


@pytest.fixture(scope="module")
async def home(tmp_path_factory: pytest.TempPathFactory, anyio_backend) -> AsyncIterator[Home]:
    async with at_home(tmp_path_factory.mktemp("lan")) as running:
        yield running


async def test_a_device_that_trusts_the_authority_sees_no_warning(home: Home) -> None:
    status, page, _ = await home.ask("GET", "/pair")
    assert (status, "Six-digit code" in page) == (200, True)
    for part in ("/pair/pair.js", "/pair/pair.css"):
        assert part in page
        assert (await home.ask("GET", part))[0] == 200
    async with aiohttp.ClientSession() as stranger:
        with pytest.raises(aiohttp.ClientConnectorCertificateError):
            await stranger.get(home.url)


@pytest.mark.parametrize("where", ["https", "http"])
async def test_nobody_is_let_in_without_a_token_not_even_on_this_machine(home: Home, where: str) -> None:
    if where == "https":
        assert (await home.ask("GET", "/api/v1/show"))[0] == 401
        async with home.window("talk") as window:
            assert (window.welcome["code"], await window.closed()) == ("token", 4401)
    else:
        async with home.program.request("GET", "/api/v1/show", headers={"Authorization": ""}) as response:
            assert response.status == 401
        async with home.program.window("talk") as window:
            assert (window.welcome["code"], await window.closed()) == ("token", 4401)


async def test_a_request_that_claims_to_be_made_here_is_not_believed(home: Home) -> None:
    async with aiohttp.ClientSession() as session:
        headers = {"Host": "127.0.0.1", "X-Forwarded-For": "127.0.0.1"}
        async with session.get(f"{home.url}/api/v1/show", ssl=home.trust, headers=headers) as response:
            assert response.status == 401


async def test_a_paired_device_talks_and_sees_no_more_than_a_viewer(home: Home) -> None:
    code = await home.code()
    status, refusal, _ = await home.pair("000000" if code != "000000" else "000001", "phone")
    assert (status, refusal["detail"]) == (403, "this is not the code")
    status, given, _ = await home.pair(f"{code[:3]} {code[3:]}", "phone")
    assert (status, given["role"]) == (200, "viewer")
    assert given["token"] not in home.program.output()

    assert (await home.ask("GET", "/api/v1/show", given["token"]))[0] == 200
    assert (await home.ask("GET", "/api/v1/lan", given["token"]))[0] == 403
    async with home.window("talk", token=given["token"], language="en") as window:
        assert window.welcome["type"] == "welcome"
        await window.send(type="text", text="hello there")
        ended = await window.event("turn_ended")
        assert ended["ending"]["state"] == "done"

    status, refusal, _ = await home.pair(code, "another phone")
    assert (status, refusal["detail"].split(":")[0]) == (410, "this code is over")


async def test_a_name_that_is_taken_leaves_the_code_valid(home: Home) -> None:
    assert (await home.pair(await home.code(), "tablet"))[0] == 200
    code = await home.code()
    status, refusal, _ = await home.pair(code, "tablet")
    assert (status, "already" in refusal["detail"]) == (409, True)
    assert (await home.pair(code, "second tablet"))[0] == 200


async def test_only_the_operator_sees_the_code(home: Home) -> None:
    for token, status in (("", 401), ("wrong-wrong-wrong-wrong", 401), (TOKEN, 200)):
        assert (await home.ask("GET", "/api/v1/lan", token))[0] == status
    told = await home.program.get("/api/v1/lan")
    drawn = xml.etree.ElementTree.fromstring(told["qr_svg"])
    assert drawn.tag.endswith("svg")
    code = told["pairing"]["code"]
    assert (len(code), code.isdigit()) == (6, True)


async def test_keys_are_read_by_their_owner_alone(home: Home) -> None:
    kept = home.program.data / "lan"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o700
    assert {file.name: stat.S_IMODE(file.stat().st_mode) for file in kept.iterdir()} == {
        "authority.key": 0o600,
        "machine.key": 0o600,
    }


async def test_guessing_closes_the_door_even_to_the_right_code(tmp_path: Path) -> None:
    async with at_home(tmp_path) as home:
        code = await home.code()
        wrong = "000000" if code != "000000" else "000001"
        assert [(await home.pair(wrong, "guesser"))[0] for _ in range(Pairing.ATTEMPTS)] == [403] * Pairing.ATTEMPTS
        status, _, response = await home.pair(code, "phone")
        assert status == 429
        assert 0 < int(response.headers["Retry-After"]) <= Pairing.LASTS
        assert (await home.program.get("/api/v1/lan"))["pairing"] is None


async def test_without_lan_there_is_no_such_door(tmp_path: Path) -> None:
    async with marotte(tmp_path, SHOW) as program:
        assert await program.get("/api/v1/lan") == {"on": False}
        for method, path in (("GET", "/ca.crt"), ("GET", "/pair"), ("GET", "/pair/pair.js")):
            async with program.request(method, path) as response:
                assert response.status == 404, path
        status, _ = await program.post("/api/v1/pair", {"code": "123456", "name": "phone"})
        assert status == 404
        assert not (program.data / "lan").exists()


def test_an_open_address_and_the_home_network_exclude_each_other(tmp_path: Path) -> None:
    done = command("run", "--lan", "--host", "0.0.0.0", "--no-browser", folder=tmp_path)
    assert (done.returncode, "leave the host at 127.0.0.1" in done.stderr) == (2, True)
