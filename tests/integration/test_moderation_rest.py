"""Moderation over REST: what was stopped and why, word lists that hold at once, undo, and trying them."""

from collections.abc import AsyncIterator

import pytest

from tests.servers.marotte import Marotte, marotte
from tests.waiting import QUICK, until

pytestmark = pytest.mark.anyio
SHOW = (
    f"{QUICK}[attention]\nlull_after = 0\n[brain]\ndiscover = false\n[character]\nnever = ['xyzzy']\n"
    "[moderation]\nrelease_within = 120\n"
)
API = "/api/v1/moderation"


@pytest.fixture(scope="module")
def anyio_backend() -> tuple[str, dict[str, object]]:
    return "asyncio", {}


@pytest.fixture(scope="module")
async def program(tmp_path_factory: pytest.TempPathFactory, anyio_backend) -> AsyncIterator[Marotte]:
    async with marotte(tmp_path_factory.mktemp("moderation"), SHOW) as running:
        yield running


async def put(program: Marotte, name: str, words: list[str]) -> tuple[int, str]:
    async with program.request("PUT", f"{API}/lists/{name}", json={"words": words}) as response:
        return response.status, await response.text()


async def judged(program: Marotte, text: str, language: str = "en") -> tuple[str, str]:
    _, answer = await program.post(f"{API}/try", {"text": text, "language": language})
    return answer["said"]["reason"], answer["read"]["reason"]


async def stopped(program: Marotte, text: str) -> None:
    code, _ = await program.post("/api/v1/percepts?wait=60", {"type": "asked", "text": text, "verbatim": True})
    assert code == 202


async def test_what_was_stopped_is_told_with_its_reason_page_by_page(program: Marotte) -> None:
    for n in range(3):
        await stopped(program, f"Number {n} is xyzzy.")
    page = await program.get(f"{API}/log?limit=2")
    assert page["total"] == 3
    assert [line["shown"] for line in page["lines"]] == ["Number 2 is xyzzy.", "Number 1 is xyzzy."]
    newest = page["lines"][0]
    assert newest["reason"] == "'xyzzy' is a word that it never says"
    assert newest["substitute"]
    assert newest["until"] > newest["at"]
    assert newest["released"] is False
    rest = await program.get(f"{API}/log?limit=2&offset=2")
    assert [line["shown"] for line in rest["lines"]] == ["Number 0 is xyzzy."]

    assert (await program.post(f"/api/v1/stopped/{newest['line']}/release"))[0] == 204

    async def released() -> bool:
        return (await program.get(f"{API}/log?limit=1"))["lines"][0]["released"]

    await until(released, "the line's release in the log")


async def test_a_list_of_ones_own_holds_at_once_and_can_be_undone(program: Marotte) -> None:
    assert await judged(program, "what a blorp") == ("", "")
    assert (await put(program, "en", ["blorp", "zonk"]))[0] == 204
    assert await judged(program, "what a blorp") == ("'blorp' is on the list 'en'",) * 2
    assert (program.data / "words" / "en.txt").read_text("utf-8") == "blorp\nzonk\n"
    lists = await program.get(f"{API}/lists")
    assert lists["own"] == {"en": ["blorp", "zonk"]}
    assert {"blorp", "zonk"} < set(lists["lists"]["en"])
    await stopped(program, "Here comes a zonk.")
    assert (await program.get(f"{API}/log?limit=1"))["lines"][0]["reason"] == "'zonk' is on the list 'en'"

    assert (await put(program, "allow", ["blorp"]))[0] == 204
    assert await judged(program, "what a blorp") == ("", "")
    assert (await program.post(f"{API}/undo"))[0] == 204
    assert (await judged(program, "what a blorp"))[0]
    assert (await program.post(f"{API}/undo"))[0] == 204
    assert await judged(program, "what a blorp") == ("", "")
    code, answer = await program.post(f"{API}/undo")
    assert code == 409
    assert "nothing to undo" in answer["detail"]
    assert list((program.data / "words").iterdir()) == []


@pytest.mark.parametrize(
    ("name", "words", "says"),
    [
        ("en", ["fine", "..."], "'...' has no letter or digit, so it would stop everything"),
        ("en", ["x" * 101], "longer than 100 characters"),
        ("en", [f"w{n}" for n in range(2_001)], "2,001 words in all lists together"),
        ("EN", ["x"], "'EN' is no list"),
    ],
)
async def test_a_mistake_is_told_with_its_word_and_changes_nothing(program: Marotte, name, words, says) -> None:
    before = await program.get(f"{API}/lists")
    code, text = await put(program, name, words)
    assert code == 422
    assert says in text
    assert await program.get(f"{API}/lists") == before


async def test_lists_are_read_again_at_the_next_start(tmp_path) -> None:
    (tmp_path / "data" / "words").mkdir(parents=True)
    (tmp_path / "data" / "words" / "any.txt").write_text("blorp\n", "utf-8")
    async with marotte(tmp_path, SHOW) as program:
        assert (await judged(program, "blorp"))[0] == "'blorp' is on the list 'any'"
