"""The control window, as the operator uses it."""

import re

import pytest
from playwright.async_api import expect

from tests.e2e.conftest import Visit
from tests.e2e.visitor import PHONE, Visitor
from tests.servers.marotte import TOKEN, Marotte
from tests.waiting import until

pytestmark = pytest.mark.anyio
LONG = "The first bell rings, the second bell rings, the third bell rings, and the curtain does not move at all. " * 8


async def order(control: Visitor, text: str, *, verbatim: bool) -> None:
    """Write something into the card that asks, and send it off."""
    card = control.card("Ask or say")
    switch = card.get_by_role("switch", name="Word for word")
    if await switch.is_checked() != verbatim:
        await switch.click()
    await card.get_by_role("textbox").fill(text)
    await card.get_by_role("button", name="Say" if verbatim else "Ask", exact=True).click()
    await expect(card.get_by_role("textbox")).to_have_value("")


async def test_without_a_token_it_asks_for_one_and_takes_only_the_right_one(program: Marotte, visit: Visit) -> None:
    control = await visit(program, "/control")
    page = control.page
    await expect(page.get_by_role("heading", name="This door asks for a key")).to_be_visible()
    await expect(page.get_by_role("region", name="Now")).to_have_count(0)
    await page.get_by_label("Token").fill("wrong-wrong-wrong-wrong-wrong")
    await page.get_by_role("button", name="Come in").click()
    await expect(page.get_by_text("token: wrong")).to_be_visible()
    await page.get_by_label("Token").fill(TOKEN)
    await page.get_by_role("button", name="Come in").click()
    await expect(control.card("Now")).to_be_visible()
    await expect(page.get_by_text("connected", exact=True)).to_be_visible()


async def test_the_token_in_the_address_opens_the_door_and_leaves_the_address(program: Marotte, visit: Visit) -> None:
    control = await visit(program, "/control", token=TOKEN)
    await expect(control.page.get_by_text("connected", exact=True)).to_be_visible()
    assert TOKEN not in control.page.url
    await control.page.reload()
    await expect(control.card("Now")).to_be_visible()
    assert control.complaints == []


async def test_asking_saying_and_stopping(program: Marotte, visit: Visit) -> None:
    control = await visit(program, "/control", token=TOKEN)
    await control.connected()
    now = control.card("Now")
    await order(control, "Who are you?", verbatim=False)
    await control.event("turn_ended", floor="public")
    answered = (await program.get("/api/v1/turns?limit=1"))[0]
    turns = control.card("Last turns")
    await expect(turns.get_by_text(answered["heard"], exact=True).first).to_be_visible()
    await expect(turns.get_by_text("Who are you?").first).to_be_visible()

    await order(control, LONG, verbatim=True)
    await expect(now.get_by_text("speaking", exact=True)).to_be_visible()
    await expect(now.locator("[data-lit=true]").nth(3)).to_be_visible()
    await now.get_by_role("button", name="Stop").click()
    await expect(now.get_by_text("Nobody speaks")).to_be_visible()
    stopped = (await program.get("/api/v1/turns?limit=1"))[0]
    assert (stopped["state"], stopped["cut"]) == ("interrupted", True)
    assert LONG.startswith(stopped["heard"])
    await expect(turns.get_by_text("interrupted", exact=True).first).to_be_visible()
    assert control.complaints == []


async def test_what_waits_is_shown_with_its_reason_and_can_be_skipped(program: Marotte, visit: Visit) -> None:
    control = await visit(program, "/control", token=TOKEN)
    await control.connected()
    await order(control, LONG, verbatim=True)
    await control.event("line_started", floor="public")
    ada = {"id": "test:ada", "name": "Ada"}
    await program.post("/api/v1/percepts", {"type": "chat_message", "text": "Do you like pears?", "viewer": ada})
    entry = control.card("Queue").get_by_role("listitem").filter(has_text="Do you like pears?")
    await expect(entry).to_contain_text("Ada")
    await expect(entry).to_contain_text("waits for the turn that speaks")
    await entry.get_by_role("button", name="Skip").click()
    await expect(entry).to_have_count(0)
    await expect(control.card("Queue").get_by_text("Nothing waits")).to_be_visible()
    await expect(control.card("Dropped").get_by_text("you skipped it")).to_be_visible()
    assert await program.get("/api/v1/queue") == []
    assert control.complaints == []


async def test_a_stopped_line_appears_and_can_be_released(program: Marotte, visit: Visit) -> None:
    control = await visit(program, "/control", token=TOKEN)
    await control.connected()
    await order(control, "I adore custard.", verbatim=True)
    line = control.card("Stopped lines").get_by_role("listitem").filter(has_text="I adore custard.").first
    await expect(line).to_be_visible()
    await line.get_by_role("button", name=re.compile("^Release")).click()

    async def said() -> bool:
        return any(turn["heard"] == "I adore custard." for turn in await program.get("/api/v1/turns?limit=5"))

    await until(said, "the released line in what was heard")
    await expect(control.card("Last turns").get_by_text("I adore custard.", exact=True).first).to_be_visible()


async def test_the_floors_that_are_open_are_listed(program: Marotte, visit: Visit) -> None:
    control = await visit(program, "/control", token=TOKEN)
    await expect(control.card("Floors").get_by_text("everybody")).to_be_visible()


async def test_what_is_going_on_is_kept(program: Marotte, visit: Visit) -> None:
    control = await visit(program, "/control", token=TOKEN)
    card = control.card("What is going on")
    await card.get_by_role("textbox").fill("It snows in the theatre.")
    await card.get_by_role("button", name="Keep").click()
    await expect(control.page.get_by_text("The character knows it from its next turn on.").first).to_be_visible()
    assert (await program.get("/api/v1/show"))["character"]["context"] == "It snows in the theatre."
    await control.page.reload()
    await expect(card.get_by_role("textbox")).to_have_value("It snows in the theatre.")
    await expect(card.get_by_role("button", name="Keep")).to_be_disabled()


async def test_a_phone_has_all_that_goes_on_below_each_other(program: Marotte, visit: Visit) -> None:
    control = await visit(program, "/control", token=TOKEN, size=PHONE, has_touch=True, is_mobile=True)
    for card in ("Now", "Queue", "Ask or say", "Stopped lines", "Muted", "Floors", "Dropped", "Last turns"):
        await control.card(card).scroll_into_view_if_needed()
        await expect(control.card(card)).to_be_in_viewport()
        assert await control.overflow() == 0
    await order(control, "Good evening.", verbatim=True)
    await control.event("turn_ended", floor="public")
