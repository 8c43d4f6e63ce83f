"""Emote sets from local servers of the three providers, with their faults; pictures through our own origin."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from marotte.config_emotes import Emotes
from marotte.events import ChatMessage, Emote
from marotte.links import emotes as links
from marotte.links.discord.percepts import words
from marotte.links.emotes import EmoteShelf
from tests.servers.emotes import PNG, WEBP, EmoteServer
from tests.servers.marotte import marotte
from tests.waiting import QUICK

pytestmark = pytest.mark.anyio
TWITCH = "https://static-cdn.jtvnw.net/emoticons/v2/25/default/dark/2.0"


@pytest.fixture
async def server() -> AsyncIterator[EmoteServer]:
    async with EmoteServer() as running:
        yield running


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


class Shelves:
    def __init__(self, server: EmoteServer, folder: Path, http: aiohttp.ClientSession) -> None:
        self.server, self.folder, self.http, self.now = server, folder, http, 1_000.0

    async def shelf(self, *sets: str, hosts: tuple[str, ...] | None = None) -> EmoteShelf:
        settings = Emotes(sets=sets, hosts=(self.server.host,) if hosts is None else hosts)
        shelf = EmoteShelf(settings, self.folder, self.folder / "emotes", lambda: self.http, lambda: self.now)
        await shelf.load()
        return shelf


@pytest.fixture
def shelves(server: EmoteServer, tmp_path: Path, http: aiohttp.ClientSession) -> Shelves:
    return Shelves(server, tmp_path, http)


def name_of(shelf: EmoteShelf, emote: str) -> str:
    return shelf.names()[emote].removeprefix("/emotes/")


async def test_sets_of_all_three_are_read(shelves: Shelves) -> None:
    paths = ("/v3/emote-sets/01S", "/3/cached/emotes/global", "/3/cached/users/twitch/1", "/v1/set/global")
    shelf = await shelves.shelf(*map(shelves.server.url, paths))
    assert sorted(shelf.names()) == [":tf:", "Clap", "Dance", "LilZ", "adaHi", "catJAM", "monkaS"]
    assert [each.problem for each in shelf.sets] == ["", "", "", ""]
    assert shelves.server.asked == list(paths), "each is asked for once"


async def test_a_file_beside_the_show_is_a_set(shelves: Shelves) -> None:
    (shelves.folder / "own.json").write_text('[{"id": "1a", "code": "mine"}]', "utf-8")
    shelf = await shelves.shelf("own.json", "gone.json")
    assert list(shelf.names()) == ["mine"]
    assert shelf.sets[1].problem == "gone.json cannot be read: No such file or directory"


@pytest.mark.parametrize(
    ("fault", "why"),
    [
        ("404", "answers 404"),
        ("huge", "is larger than 5 MB"),
        ("garbage", "is no JSON"),
        ("slow", "did not answer within 0.2 s"),
        ("elsewhere", "answers 302"),
    ],
)
async def test_a_faulty_provider_leaves_what_was_fetched_last(
    shelves: Shelves, monkeypatch: pytest.MonkeyPatch, fault: str, why: str
) -> None:
    where = shelves.server.url("/v3/emote-sets/01S")
    if fault == "slow":
        monkeypatch.setattr(links, "_WITHIN", 0.2)
    shelves.server.fault = fault  # pyright: ignore[reportAttributeAccessIssue]
    first = await shelves.shelf(where)
    assert first.names() == {}
    assert first.sets[0].problem == f"{where} {why}"
    shelves.server.fault = ""
    monkeypatch.setattr(links, "_WITHIN", 60.0)
    assert sorted((await shelves.shelf(where)).names()) == ["Clap", "catJAM"]
    shelves.server.fault = fault  # pyright: ignore[reportAttributeAccessIssue]
    if fault == "slow":
        monkeypatch.setattr(links, "_WITHIN", 0.2)
    again = await shelves.shelf(where)
    assert sorted(again.names()) == ["Clap", "catJAM"]
    assert again.sets[0].problem.endswith("; the set is as it was fetched last")


async def test_a_picture_is_fetched_once_and_kept(shelves: Shelves) -> None:
    where = shelves.server.url("/v3/emote-sets/01S")
    shelf = await shelves.shelf(where)
    both = await asyncio.gather(*(shelf.picture(name_of(shelf, "catJAM")) for _ in range(20)))
    assert {(picture.data, picture.type) for picture in both if picture} == {(WEBP, "image/webp")}
    assert shelves.server.asked.count("/emote/01A/2x.webp") == 1
    again = await shelves.shelf(where)
    assert await again.picture(name_of(again, "catJAM")) == both[0]
    assert shelves.server.asked.count("/emote/01A/2x.webp") == 1, "it lies on disk"


@pytest.mark.parametrize("fault", ["404", "huge", "garbage", "elsewhere"])
async def test_what_is_no_picture_is_not_kept_and_not_asked_for_at_once_again(shelves: Shelves, fault: str) -> None:
    shelf = await shelves.shelf(shelves.server.url("/v1/set/global"))
    name = name_of(shelf, "Dance")
    shelves.server.fault = fault  # pyright: ignore[reportAttributeAccessIssue]
    assert await shelf.picture(name) is None
    shelves.server.fault = ""
    assert await shelf.picture(name) is None
    assert shelves.server.asked.count("/emote/7/animated/2") == 1
    shelves.now += 301
    picture = await shelf.picture(name)
    assert picture is not None
    assert picture.type == "image/gif"


async def test_pictures_come_from_allowed_hosts_alone(shelves: Shelves) -> None:
    shelf = await shelves.shelf(shelves.server.url("/v3/emote-sets/01S"), hosts=())
    assert shelf.names() == {}, "its pictures lie on a host that nobody has allowed"
    evil = (
        "http://static-cdn.jtvnw.net/a",
        "https://static-cdn.jtvnw.net.evil.test/a",
        "https://x@static-cdn.jtvnw.net/a",
        "https://static-cdn.jtvnw.net:8443/a",
        "file:///etc/passwd",
        "https://[::1",
        "javascript:alert(1)",
        "/emotes/0123456789abcdef",
    )
    for address in evil:
        marked = shelf.mark(ChatMessage(text="Kappa", emotes=(Emote("Kappa", 0, 5, address),)))
        assert marked.emotes == (Emote("Kappa", 0, 5, ""),)
    assert shelf.names() == {}
    assert await shelf.picture("../../marotte.sqlite") is None
    assert await shelf.picture("0123456789abcdef") is None


async def test_a_platforms_own_and_custom_emotes_are_marked_once(shelves: Shelves) -> None:
    shelf = await shelves.shelf(shelves.server.url("/v3/emote-sets/01S"))
    message = ChatMessage(text="Kappa Clap hi", emotes=(Emote("Kappa", 0, 4, TWITCH), Emote("nowhere", 1, 5, TWITCH)))
    marked = shelf.mark(message)
    assert [(each.name, each.start, each.end) for each in marked.emotes] == [("Kappa", 0, 5), ("Clap", 6, 10)]
    assert all(each.picture == shelf.names()[each.name] for each in marked.emotes)
    assert shelf.mark(ChatMessage(text="nothing here")).emotes == ()


@pytest.mark.parametrize("written", ["<:wave:77>", "<a:wave:77>"])
async def test_discords_own_emotes_are_marked(shelves: Shelves, written: str) -> None:
    shelf = await shelves.shelf(hosts=())
    text, emotes = words(f"hi {written}", "")
    (emote,) = shelf.mark(ChatMessage(text=text, emotes=emotes)).emotes
    assert emote.picture == shelf.names()["wave"]


async def test_no_more_is_known_of_emotes_however_many_pictures_one_name_has(
    shelves: Shelves, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(links, "MOST_SEEN", 50)
    shelf = await shelves.shelf(hosts=())
    for number in range(500):
        text, emotes = words(f"<:wave:{number}> <:name{number}:1>", "")
        shelf.mark(ChatMessage(text=text, emotes=emotes))
    assert len(shelf._seen) <= 50
    assert len(shelf._seen_addresses) <= 50


async def test_a_file_that_is_gone_before_the_shelf_is_looked_through_costs_no_picture(shelves: Shelves) -> None:
    shelf = await shelves.shelf(shelves.server.url("/v3/emote-sets/01S"))
    pictures = shelves.folder / "emotes" / "pictures"
    pictures.mkdir(parents=True)
    (pictures / "0123.7.part").symlink_to(pictures / "moved")
    assert await shelf.picture(name_of(shelf, "catJAM")) is not None


async def test_a_set_that_cannot_be_kept_is_read_all_the_same(shelves: Shelves) -> None:
    (shelves.folder / "emotes").mkdir()
    (shelves.folder / "emotes" / "sets").write_text("in the way")
    shelf = await shelves.shelf(shelves.server.url("/v3/emote-sets/01S"), shelves.server.url("/v1/set/global"))
    assert {"catJAM", "Dance"} <= shelf.names().keys()


async def test_a_window_gets_pictures_from_our_own_origin(server: EmoteServer, tmp_path: Path) -> None:
    show = (
        f"{QUICK}[attention]\nlull_after = 0\n[brain]\ndiscover = false\n[gateway]\nrequests = 100000\n"
        f'[emotes]\nsets = ["{server.url("/v3/emote-sets/01S")}", "gone.json"]\nhosts = ["{server.host}"]\n'
    )
    async with marotte(tmp_path, show) as program:
        while not (told := await program.get("/api/v1/emotes"))["names"]:
            await asyncio.sleep(0.05)
        async with program.request("GET", told["names"]["Clap"]) as response:
            assert response.status == 200
            assert await response.read() == WEBP
            assert response.headers["content-type"] == "image/webp"
            assert response.headers["x-content-type-options"] == "nosniff"
            assert "img-src 'self'" in response.headers["content-security-policy"]
        async with program.request("GET", "/emotes/0123456789abcdef") as response:
            assert response.status == 404
        async with program.request("GET", "/api/v1/emotes") as response:
            known = {"if-none-match": response.headers["etag"]}
        async with program.request("GET", "/api/v1/emotes", headers=known) as response:
            assert response.status == 304
        said = {"type": "chat_message", "text": "Look: Clap", "viewer": {"id": "a", "name": "Ada"}}
        await program.post("/api/v1/percepts?wait=90", said)
        logged = await program.get("/api/v1/log?kind=chat_message")
        assert logged["events"][0]["event"]["emotes"] == [["Clap", 6, 10, told["names"]["Clap"]]]


def test_only_what_begins_as_a_picture_does_is_one() -> None:
    assert links.type_of(PNG) == "image/png"
    assert links.type_of(b"\0\0\0\x1cftypavif") == "image/avif"
    for data in (b"", b"<svg xmlns=", b"<html>", b"RIFFxxxxWAVE", b"%PDF"):
        assert links.type_of(data) == ""
