"""Subtitles in a second language, as somebody reads them on the stage and in a conversation of their own."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import expect

from marotte.text.sentences import joined
from tests.e2e.accessible import violations
from tests.e2e.conftest import Visit, hush
from tests.e2e.visitor import DESK, PHONE, SHOW, Visitor
from tests.servers.marotte import TOKEN, Marotte, marotte
from tests.servers.openai import OpenAIServer, Script
from tests.waiting import until

pytestmark = [pytest.mark.anyio, pytest.mark.alone]
SAID = "Welcome to the smallest theatre in town, where every chair is taken and every bell is out of tune tonight."
SPANISH = (
    "Bienvenidos al teatro más pequeño de la ciudad, donde todas las butacas están ocupadas y esta noche"
    " ningún cascabel está afinado."
)
JAPANESE = "町でいちばん小さな劇場へようこそ。今夜は満席で、鈴はどれも調子が外れています。"
KEEP = """() => {
  // Every state of both subtitles, and where they stood in it.
  globalThis.states = [];
  const place = (element) => element?.getBoundingClientRect().toJSON() ?? null;
  const keep = () => {
    const first = document.querySelector("[data-subtitles]");
    const second = document.querySelector("[data-second-subtitles]");
    globalThis.states.push({
      own: first?.textContent ?? "",
      other: second?.textContent ?? "",
      language: second?.getAttribute("lang"),
      first: place(first),
      second: place(second),
      figure: place(document.querySelector("[role=img][aria-label=Pip]")),
      wider: document.documentElement.scrollWidth - document.documentElement.clientWidth,
    });
  };
  new MutationObserver(keep).observe(document.body, { subtree: true, childList: true, characterData: true });
}"""


async def watched(visitor: Visitor, ask: Callable[[], Awaitable[Any]], whole: str, picture: Path) -> list[Any]:
    """Have a line said and look at the page meanwhile; returns every state in which there is the second language.

    Where this machine stalls, a part of the ``whole`` line may be shown for no time, or be gone while somebody looks
    at it: the line is asked for again then.
    """
    for _ in range(5):
        over = len(visitor.events("turn_ended"))
        await visitor.page.evaluate(KEEP)
        await ask()

        async def shown() -> str:
            return await visitor.page.evaluate("document.querySelector('[data-second-subtitles]')?.textContent ?? ''")

        async def come(over: int = over) -> bool:
            return bool(await shown()) or len(visitor.events("turn_ended")) > over

        await until(come, whole)
        await visitor.page.screenshot(path=picture)
        wrong = await violations(visitor.page)
        looked = await shown()
        await until(lambda over=over: len(visitor.events("turn_ended")) > over, "the end of the turn")
        await expect(visitor.page.locator("[data-second-subtitles]")).to_be_hidden()
        assert wrong == []
        states = [state for state in await visitor.page.evaluate("states") if state["other"]]
        assert all(state["own"] for state in states), "never without its own line"
        assert all(state["wider"] == 0 for state in states)
        if looked and joined(*dict.fromkeys(state["other"] for state in states)) == whole:
            return states
    raise AssertionError(f"it was never seen whole: {states}")


def answer(messages: list[dict[str, Any]]) -> str:
    system = str(messages[0]["content"])
    if "subtitles" not in system:
        return SAID
    assert json.loads(messages[-1]["content"]) == SAID
    return SPANISH if "into Spanish" in system else JAPANESE


@pytest.fixture(scope="module")
async def house_abroad(anyio_backend: object, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Marotte]:
    async with OpenAIServer(Script(reply=answer)) as server:
        show = (
            SHOW
            + f"""chain = ["cloud"]
[brain.cloud]
engine = "openai"
url = "{server.url}"
model = "gpt-4o-mini"
secret = "TEST_KEY"
"""
        )
        async with marotte(tmp_path_factory.mktemp("abroad"), show, TEST_KEY=server.script.key) as program:
            yield program


@pytest.fixture
async def abroad(house_abroad: Marotte) -> Marotte:
    """Their program, silent at the beginning of a test."""
    await hush(house_abroad)
    return house_abroad


@pytest.mark.parametrize(("size", "name"), [(DESK, "desk"), (PHONE, "phone")])
async def test_the_stage_shows_it_below_its_own_while_the_line_sounds(
    abroad: Marotte, visit: Visit, results: Path, size: tuple[int, int], name: str
) -> None:
    stage = await visit(abroad, "/stage?background=house&subtitles=es", size=size)
    await stage.connected()

    async def ask() -> None:
        await abroad.post("/api/v1/percepts", {"type": "asked", "text": "hello"})

    await expect(stage.page.get_by_role("img", name="Pip")).to_be_visible()
    figure = await stage.page.get_by_role("img", name="Pip").bounding_box()
    assert figure is not None
    states = await watched(stage, ask, SPANISH, results / f"second-stage-{name}.png")
    assert {state["language"] for state in states} == {"es"}
    for state in states:
        above, below = state["first"], state["second"]
        assert above["bottom"] <= below["top"]
        assert below["bottom"] <= size[1]
        stands = {key: state["figure"][key] for key in figure}
        assert stands == figure, "the character stays where it was"
    assert stage.complaints == []


@pytest.mark.parametrize(("size", "name"), [(DESK, "desk"), (PHONE, "phone")])
async def test_a_partner_chooses_it_in_the_settings_and_the_browser_remembers(
    abroad: Marotte, visit: Visit, results: Path, size: tuple[int, int], name: str
) -> None:
    talk = await visit(abroad, "/talk", size=size, color_scheme="dark" if size == DESK else "light")
    await talk.connected()
    page = talk.page
    await page.get_by_role("button", name="Settings").click()
    await page.get_by_role("combobox", name="Subtitles in a second language").click()
    await page.get_by_role("option", name="日本語").click()
    await expect(page.get_by_text("Each line is shown in it as well")).to_be_visible()
    await page.screenshot(path=results / f"second-settings-{name}.png")
    assert await violations(page) == []
    await page.keyboard.press("Escape")
    assert {"type": "subtitles", "language": "ja"} in talk.orders

    await page.reload()
    await until(lambda: talk.sockets == 2 and talk.welcome["subtitles"] == "ja", "a welcome in Japanese")
    await talk.sounding()
    states = await watched(talk, lambda: talk.write("hello"), JAPANESE, results / f"second-talk-{name}.png")
    assert {state["language"] for state in states} == {"ja"}
    await expect(page.locator("[data-second-subtitles]")).to_have_count(0)
    assert talk.complaints == []


async def test_only_its_own_floor_is_told_and_who_cannot_have_it_is_told_why(
    abroad: Marotte, program: Marotte, visit: Visit
) -> None:
    talk = await visit(abroad, "/talk?subtitles=ja")
    stage = await visit(abroad, "/stage?subtitles=es")
    await stage.connected()
    await talk.sounding()
    await talk.write("hello")
    await talk.event("turn_ended")
    assert [event["language"] for event in talk.events("line_translated")] == ["ja"]
    assert stage.events("line_translated") == []

    embedded = await visit(program, "/talk?subtitles=ja", token=TOKEN)
    await embedded.connected()
    await embedded.page.get_by_role("button", name="Settings").click()
    await expect(embedded.page.get_by_text("Nobody can translate here")).to_be_visible()
