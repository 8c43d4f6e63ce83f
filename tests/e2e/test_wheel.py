"""The wheel of fortune on the stage: a moderator turns it in the chat, everybody sees where it stops."""

from typing import Any

import pytest
from playwright.async_api import expect

from tests.e2e.accessible import violations
from tests.e2e.conftest import Visit
from tests.e2e.visitor import DESK, PHONE, Visitor
from tests.servers.marotte import Marotte
from tests.waiting import until

pytestmark = pytest.mark.anyio
MODERATOR = {"id": "test:mo", "name": "Mo", "roles": ["moderator"]}
DISHES = ("pizza", "tomato soup", "chocolate cake", "a dish with a very, very long name", "こんばんは", "<b>pie</b>")
MANY = tuple(f"dish number {number}" for number in range(25))
WATCH = """() => {
  const seen = globalThis.wheel = {};
  const box = (element) => {
    const { left, top, right, bottom } = element.getBoundingClientRect();
    return { left, top, right, bottom };
  };
  const boxes = (selector) => [...document.querySelectorAll(selector)].map(box);
  const look = (wheel) => ({
    parts: boxes("[data-wheel] > div"),
    face: boxes("g[id$='-pupil-left'], g[id$='-pupil-right'], g[id$='-jaw']"),
    subtitles: box(document.querySelector("[data-subtitles]").parentElement),
    disc: box(wheel.querySelector("[data-disc]")),
    words: [...wheel.querySelectorAll("[data-sector]")].map((sector) => box(sector.querySelector("svg"))),
    turned: wheel.querySelector("[data-disc]").style.transform,
    moving: wheel.getAnimations({ subtree: true }).flatMap(({ effect }) => effect.getKeyframes())
      .filter(({ transform }) => transform).length,
    status: document.querySelector("[role=status]").textContent,
    winner: wheel.querySelector("[data-winner]")?.textContent ?? "",
    markup: wheel.querySelectorAll("b").length,
  });
  const keep = () => {
    const wheel = document.querySelector("[data-wheel]");
    const phase = wheel?.dataset.wheel ?? (seen.turns ? "gone" : "");
    if (!phase || seen[phase]) return;
    const kept = seen[phase] = {};
    const next = requestAnimationFrame;
    next(() => next(() => { kept.seen = wheel?.isConnected ? look(wheel) : { over: true }; }));
  };
  new MutationObserver(keep).observe(document.body, { subtree: true, childList: true, attributes: true });
}"""
"""Keeps what is to be seen of the wheel in each of its phases, as soon as it is drawn."""


async def turned(program: Marotte, stage: Visitor, items: tuple[str, ...]) -> dict[str, Any]:
    """Have a moderator turn the wheel; returns the event."""
    await stage.page.evaluate(WATCH)
    text = "!wheel " + " | ".join(item.replace(",", " and") for item in items)
    await program.post("/api/v1/percepts", {"type": "chat_message", "text": text, "viewer": MODERATOR})
    return await stage.event("wheel_spun")


async def seen(stage: Visitor, phase: str) -> dict[str, Any]:
    """What was to be seen in a phase; waits for it."""
    return await until(lambda: stage.page.evaluate("phase => globalThis.wheel[phase]?.seen ?? null", phase), phase)


def apart(one: dict[str, float], other: dict[str, float]) -> bool:
    return (
        one["right"] <= other["left"]
        or other["right"] <= one["left"]
        or one["bottom"] <= other["top"]
        or other["bottom"] <= one["top"]
    )


def under_the_pointer(sight: dict[str, Any]) -> int:
    """Whose words are to the left of the hub, at its height."""
    disc = sight["disc"]
    across, down = (disc["left"] + disc["right"]) / 2, (disc["top"] + disc["bottom"]) / 2
    left = [(at["top"] + at["bottom"], n) for n, at in enumerate(sight["words"]) if at["right"] < across]
    return min((abs(middle / 2 - down), n) for middle, n in left)[1]


@pytest.mark.parametrize("items", [DISHES, MANY], ids=["few", "many"])
@pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])
async def test_it_stops_where_the_program_says_and_hides_neither_words_nor_face(
    program: Marotte, visit: Visit, size: tuple[int, int], items: tuple[str, ...]
) -> None:
    stage = await visit(program, "/stage?background=house", size=size)
    await stage.connected()
    await expect(stage.page.get_by_role("img", name="Pip")).to_be_visible()
    spun = await turned(program, stage, items)
    winner = spun["items"][spun["winner"]]
    assert (await seen(stage, "turns"))["winner"] == ""
    assert await violations(stage.page) == []
    stands = await seen(stage, "stands")
    assert stands["winner"] == winner
    assert stands["status"] == f"The wheel stops at {winner}."
    assert stands["markup"] == 0
    assert len(stands["words"]) == len(items)
    assert under_the_pointer(stands) == spun["winner"]
    assert len(stands["face"]) == 3
    for part in stands["parts"]:
        assert part["left"] >= 0
        assert part["right"] <= size[0]
        assert apart(part, stands["subtitles"]), "it hides the subtitles"
        assert all(apart(part, feature) for feature in stands["face"]), "it hides the face"
    await seen(stage, "gone")
    await expect(stage.page.locator("[data-wheel]")).to_have_count(0)
    assert await stage.overflow() == 0
    assert stage.complaints == []


async def test_it_does_not_turn_for_those_who_want_less_motion(program: Marotte, visit: Visit) -> None:
    stage = await visit(program, "/stage", reduced_motion="reduce")
    await stage.connected()
    await expect(stage.page.get_by_role("img", name="Pip")).to_be_visible()
    spun = await turned(program, stage, DISHES)
    turns = await seen(stage, "turns")
    assert (turns["turned"], turns["moving"]) == ("rotate(0deg)", 0)
    assert turns["status"] == "Mo turns the wheel…"
    stands = await seen(stage, "stands")
    assert stands["moving"] == 0
    assert stands["winner"] == spun["items"][spun["winner"]]
    assert under_the_pointer(stands) == spun["winner"]


async def test_a_stage_can_be_without_it(program: Marotte, visit: Visit) -> None:
    bare = await visit(program, "/stage?wheel=off")
    stage = await visit(program, "/stage")
    for each in (bare, stage):
        await each.connected()
    await bare.page.evaluate(WATCH)
    await turned(program, stage, DISHES)
    await bare.event("wheel_spun")
    await seen(stage, "stands")
    assert await bare.page.evaluate("globalThis.wheel") == {}
