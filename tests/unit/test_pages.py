"""The windows' files: packed where the browser takes it, kept for good where their name says what is in them."""

import asyncio
import gzip
from pathlib import Path

import pytest
from fastapi import FastAPI
from starlette.types import Message

from marotte.gateway.pages import serve_pages

pytestmark = pytest.mark.anyio
SCRIPT = b"export const bells = 3;" * 100


class Answer:
    """What was sent: its status, headers and body."""

    def __init__(self) -> None:
        self.status, self.body = 0, b""
        self.headers: dict[str, str] = {}

    async def take(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.headers = {name.decode(): value.decode() for name, value in message["headers"]}
        else:
            self.body += message.get("body", b"")


async def patience() -> Message:
    """Say nothing more, and stay."""
    await asyncio.Event().wait()
    return {"type": "http.disconnect"}


@pytest.fixture
def app(tmp_path: Path) -> FastAPI:
    assets = tmp_path / "windows" / "assets"
    assets.mkdir(parents=True)
    (assets / "talk-1a2b.js").write_bytes(SCRIPT)
    (assets / "talk-1a2b.js.gz").write_bytes(gzip.compress(SCRIPT))
    (assets / "inter.woff2").write_bytes(b"a font")
    (assets.parent / "favicon.svg").write_text("<svg/>")
    (assets.parent / "index.html").write_text('<script src="/assets/talk-1a2b.js"></script>' * 50)
    (tmp_path / "secret.txt").write_text("secret")
    app = FastAPI()
    serve_pages(app, assets.parent.resolve())
    return app


async def get(app: FastAPI, path: str, **headers: str) -> Answer:
    given = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    scope = {"type": "http", "method": "GET", "path": path, "query_string": b"", "headers": given, "extensions": {}}
    answer = Answer()
    await app(scope, patience, answer.take)
    return answer


@pytest.mark.parametrize("accepted", ["gzip", "gzip, deflate, br, zstd", "br;q=1.0, gzip;q=0.8", "GZIP ; q=0.001"])
async def test_a_script_is_sent_packed_to_whom_takes_it(app: FastAPI, accepted: str) -> None:
    answer = await get(app, "/assets/talk-1a2b.js", accept_encoding=accepted)
    assert (answer.status, answer.headers["content-encoding"]) == (200, "gzip")
    assert answer.headers["content-type"].startswith("text/javascript")
    assert answer.headers["vary"] == "Accept-Encoding"
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert int(answer.headers["content-length"]) == len(answer.body) < len(SCRIPT)
    assert gzip.decompress(answer.body) == SCRIPT


@pytest.mark.parametrize("accepted", ["", "identity", "br", "gzip;q=0", "gzip; q=0.0, br", "x-gzip2", "*;q=0"])
async def test_a_script_is_sent_as_it_is_to_whom_does_not(app: FastAPI, accepted: str) -> None:
    answer = await get(app, "/assets/talk-1a2b.js", accept_encoding=accepted)
    assert (answer.status, answer.body) == (200, SCRIPT)
    assert "content-encoding" not in answer.headers
    assert answer.headers["vary"] == "Accept-Encoding", "or a cache would hand one to who asked for the other"


async def test_each_form_of_a_file_has_an_etag_of_its_own_and_is_sent_once(app: FastAPI) -> None:
    path = "/assets/talk-1a2b.js"
    plain, packed = await get(app, path), await get(app, path, accept_encoding="gzip")
    assert plain.headers["etag"] != packed.headers["etag"]
    for first, accepted in ((plain, ""), (packed, "gzip")):
        again = await get(app, path, accept_encoding=accepted, if_none_match=first.headers["etag"])
        assert (again.status, again.body) == (304, b"")
        assert (again.headers["etag"], again.headers["vary"]) == (first.headers["etag"], "Accept-Encoding")
    crossed = await get(app, path, accept_encoding="gzip", if_none_match=plain.headers["etag"])
    assert crossed.status == 200


async def test_what_the_build_has_not_packed_goes_out_as_it_is(app: FastAPI) -> None:
    font = await get(app, "/assets/inter.woff2", accept_encoding="gzip")
    assert (font.body, "content-encoding" in font.headers, "vary" in font.headers) == (b"a font", False, False)
    icon = await get(app, "/favicon.svg", accept_encoding="gzip")
    assert (icon.body, icon.headers["cache-control"]) == (b"<svg/>", "no-cache")
    assert icon.headers["content-type"] == "image/svg+xml"


async def test_the_page_with_its_nonce_is_never_packed(app: FastAPI) -> None:
    answer = await get(app, "/talk", accept_encoding="gzip")
    assert "content-encoding" not in answer.headers
    assert b'<script nonce="' in answer.body


@pytest.mark.parametrize("path", ["/../secret.txt", "/assets/../../secret.txt", "//etc/passwd", "/assets/nothing.js"])
async def test_nothing_beside_the_windows_is_served(app: FastAPI, path: str) -> None:
    answer = await get(app, path, accept_encoding="gzip")
    assert answer.status == 404
    assert b"secret" not in answer.body.replace(b"secret.txt", b"")
