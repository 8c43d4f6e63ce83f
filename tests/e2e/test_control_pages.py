"""The control window's frame and its pages *now*, *people* and *memory*, as those who look after the show use them."""

import json
import re
from pathlib import Path

import pytest
from playwright.async_api import expect

from tests.e2e.accessible import violations
from tests.e2e.conftest import Visit
from tests.e2e.visitor import DESK, PHONE, Visitor
from tests.servers.marotte import TOKEN, Marotte
from tests.waiting import until

pytestmark = pytest.mark.anyio
SIZES = {"desk": DESK, "phone": PHONE}
LONG = "The first bell rings, the second bell rings, the third bell rings, and the curtain does not move at all. " * 8
FIRST_LOAD = 300_000
"""Bytes, as they are sent."""


async def wrote(program: Marotte, name: str, text: str, *, answered: bool = False) -> str:
    """Let a viewer write in the chat; returns the percept's id."""
    viewer = {"id": f"test:{name.lower()}", "name": name, "platform": "test"}
    percept = {"type": "chat_message", "text": text, "viewer": viewer}
    _, accepted = await program.post(f"/api/v1/percepts?wait={60 if answered else 0}", percept)
    return accepted["id"]


async def speaking(control: Visitor, program: Marotte) -> None:
    """Have something said that takes long, and wait until it sounds."""
    await program.post("/api/v1/percepts", {"type": "asked", "verbatim": True, "text": LONG})
    await control.event("line_started", floor="public")


async def token_of(program: Marotte, role: str) -> str:
    """Issue a token of a role."""
    _, issued = await program.post("/api/v1/tokens", {"name": f"a {role}", "role": role})
    return issued["token"]


@pytest.mark.parametrize("scheme", ["dark", "light"])
@pytest.mark.parametrize("size", SIZES)
async def test_every_page_fits_and_everybody_can_use_it(
    program: Marotte, visit: Visit, results: Path, size: str, scheme: str
) -> None:
    await wrote(program, "Ada", "My name is Ada and I love pears.", answered=True)
    control = await visit(program, "/control", token=TOKEN, size=SIZES[size], color_scheme=scheme)
    page = control.page
    await control.connected()
    await speaking(control, program)
    await wrote(program, "Ada", "Did you ever lose a bell, and if so, where did you look for it first?")
    await wrote(program, "Bruno", "こんばんは！")
    seen = {
        "now": ("/control", "Queue"),
        "people": ("/control/people", "People"),
        "viewer": ("/control/people?viewer=test:ada", "What is known of them"),
        "memory": ("/control/memory", "Memory"),
    }
    for name, (path, card) in seen.items():
        await page.goto(program.url + path)
        await expect(control.card(card)).to_be_visible()
        await expect(page.get_by_text("Loading…")).to_have_count(0)
        await page.evaluate("document.fonts.ready.then(() => true)")
        await page.screenshot(path=results / f"control-{name}-{size}-{scheme}.png")
        assert await violations(page) == [], name
        assert await control.overflow() == 0, name
        assert await page.evaluate("document.documentElement.scrollHeight <= innerHeight"), "the page never scrolls"
    assert control.complaints == []


async def test_what_waits_is_pinned_and_answered_now(program: Marotte, visit: Visit) -> None:
    control = await visit(program, "/control", token=TOKEN)
    await control.connected()
    await speaking(control, program)
    await wrote(program, "Ada", "Do you like pears?")
    bruno = await wrote(program, "Bruno", "Who are you?")
    rows = control.card("Queue").get_by_role("listitem").filter(has_text="public")
    await expect(rows).to_have_count(2)
    await rows.filter(has_text="Bruno").get_by_role("button", name="Pin: answer it next").click()
    await expect(rows.first).to_contain_text("Bruno")
    await rows.filter(has_text="Bruno").get_by_role("button", name=re.compile("^Answer now")).click()
    await until(lambda: [e for e in control.events("turn_started") if bruno in e["percepts"]], "the answer to Bruno")
    assert [e["ending"]["state"] for e in control.events("turn_ended")] == ["interrupted"]
    assert control.complaints == []


async def test_a_muted_lane_is_not_answered_until_it_is_unmuted(program: Marotte, visit: Visit) -> None:
    control = await visit(program, "/control", token=TOKEN)
    page, muted = control.page, control.card("Muted")
    await expect(muted.get_by_text("Nothing is muted")).to_be_visible()
    await muted.get_by_role("combobox", name="What to mute").click()
    await page.get_by_role("option", name="Lane chat", exact=True).click()
    await muted.get_by_role("button", name="Mute", exact=True).click()
    row = muted.get_by_role("listitem").filter(has_text="chat")
    await expect(row).to_contain_text("min left")
    await wrote(program, "Ada", "Can you hear me?")
    await expect(control.card("Dropped").get_by_text("it was muted")).to_be_visible()
    assert control.events("turn_started") == []
    await row.get_by_role("button", name="Unmute chat").click()
    await expect(muted.get_by_text("Nothing is muted")).to_be_visible()
    heard = await wrote(program, "Ada", "Can you hear me now?")
    await until(lambda: [e for e in control.events("turn_started") if heard in e["percepts"]], "an answer")
    assert control.complaints == []


async def test_what_is_said_lights_up_and_another_page_does_not_lose_it(program: Marotte, visit: Visit) -> None:
    control = await visit(program, "/control", token=TOKEN)
    await control.connected()
    await speaking(control, program)
    lit = control.card("Now").locator("[data-lit=true]")
    await expect(lit.nth(2)).to_be_visible()
    pages = control.page.get_by_role("navigation", name="Pages")
    await pages.get_by_role("link", name="People").click()
    await expect(control.page).to_have_title("Pip – people")
    await pages.get_by_role("link", name="Now").click()
    await expect(lit.nth(2)).to_be_visible()
    assert control.sockets == 1, "all pages are on one connection"


async def test_a_viewer_is_found_noted_and_forgotten(program: Marotte, visit: Visit) -> None:
    await wrote(program, "Zephyrine", "My name is Zephyrine and I love gooseberries.", answered=True)
    await wrote(program, "Ada", "Good evening!", answered=True)
    control = await visit(program, "/control/people", token=TOKEN)
    page, people = control.page, control.card("People")
    await people.get_by_role("searchbox").fill("zeph")
    await expect(people.get_by_role("button", name=re.compile("^Zephyrine"))).to_be_visible()
    await expect(people.get_by_role("button", name=re.compile("^Ada"))).to_have_count(0)
    await people.get_by_role("button", name=re.compile("^Zephyrine")).click()
    await expect(control.card("What is known of them").locator("blockquote").first).to_contain_text("gooseberries")
    await expect(control.card("What was said").get_by_text("gooseberries").first).to_be_visible()
    note = control.card("Note")
    await note.get_by_role("textbox").fill("Brings her own fruit.")
    await note.get_by_role("button", name="Keep").click()
    await expect(people.get_by_label("There is a note")).to_be_visible()
    await page.reload()
    await expect(note.get_by_role("textbox")).to_have_value("Brings her own fruit.")

    await control.card("Zephyrine").get_by_role("button", name="Forget").click()
    question = page.get_by_role("alertdialog", name="Forget Zephyrine?")
    await expect(question.get_by_role("button", name="Leave it")).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(question).to_have_count(0)
    assert (await program.get("/api/v1/viewers?q=zeph"))["total"] == 1, "nothing is done at the first key"
    await control.card("Zephyrine").get_by_role("button", name="Forget").click()
    await question.get_by_role("button", name="Forget").click()
    await expect(page.get_by_text("Zephyrine is forgotten").first).to_be_visible()
    await expect(page.get_by_text("Nobody is chosen")).to_be_visible()
    assert (await program.get("/api/v1/viewers?q=zeph"))["total"] == 0
    assert (await program.get("/api/v1/facts?q=gooseberries"))["total"] == 0
    assert control.complaints == []


async def test_a_fact_is_edited_with_its_history_and_a_floor_is_cleared(program: Marotte, visit: Visit) -> None:
    await wrote(program, "Quentin", "I love artichokes.", answered=True)
    control = await visit(program, "/control/memory", token=TOKEN)
    page, memory = control.page, control.card("Memory")
    await memory.get_by_role("searchbox").fill("artich")
    await expect(memory.get_by_role("listitem")).to_have_count(1)
    before = (await program.get("/api/v1/facts?q=artichokes"))["facts"][0]["text"]
    await memory.get_by_role("button", name=re.compile("^Edit")).click()
    dialog = page.get_by_role("dialog", name="Edit a fact")
    await expect(dialog.get_by_text("Nobody has edited it")).to_be_visible()
    await dialog.get_by_role("textbox").fill("Quentin is afraid of artichokes.")
    await dialog.get_by_role("button", name="Keep").click()
    await expect(memory.get_by_text("Quentin is afraid of artichokes.")).to_be_visible()
    await memory.get_by_role("button", name=re.compile("^Edit")).click()
    await expect(dialog.locator("del")).to_have_text(before)
    await page.keyboard.press("Escape")
    await expect(dialog).to_have_count(0)

    await control.card("Clear a floor").get_by_role("button", name="Clear").click()
    await page.get_by_role("alertdialog").get_by_role("button", name="Clear").click()
    await expect(page.get_by_text("No fact holds these words")).to_be_visible()
    assert (await program.get("/api/v1/facts"))["total"] == 0
    assert control.complaints == []


async def test_everybody_sees_what_their_token_opens_and_no_more(program: Marotte, visit: Visit) -> None:
    control = await visit(program, "/control", token=await token_of(program, "moderator"))
    page = control.page
    pages = page.get_by_role("navigation", name="Pages").get_by_role("link")
    await expect(page.get_by_role("banner").get_by_text("moderator", exact=True)).to_be_visible()
    await expect(pages).to_have_text(["Now", "People", "Moderation", "Connections", "Log", "Timings", "Engines"])
    await expect(control.card("Now").get_by_role("button", name="Stop")).to_be_visible()
    await expect(control.card("Ask or say")).to_have_count(0)
    assert control.complaints == []
    await page.goto(f"{program.url}/control/settings")
    await expect(page.get_by_text("Settings is not among what your token opens")).to_be_visible()
    await page.get_by_role("button", name="Come in with another token").click()
    await expect(page.get_by_role("heading", name="This door asks for a key")).to_be_visible()

    viewer = await visit(program, "/control", token=await token_of(program, "viewer"))
    seen = viewer.page.get_by_role("navigation", name="Pages").get_by_role("link")
    await expect(seen).to_have_text(["Now", "Connections", "Timings", "Engines"])
    await expect(viewer.card("Queue")).to_be_visible()
    await expect(viewer.card("Now").get_by_role("button", name="Stop")).to_have_count(0)
    await expect(viewer.card("Stopped lines")).to_have_count(0)
    assert viewer.complaints == []


async def test_a_device_stays_in_only_if_asked_and_until_it_leaves(program: Marotte, visit: Visit) -> None:
    control = await visit(program, "/control")
    page = control.page
    await page.get_by_label("Token").fill(TOKEN)
    await page.get_by_role("switch", name="Stay in on this device").click()
    await page.get_by_role("button", name="Come in").click()
    await expect(control.card("Queue")).to_be_visible()
    later = await page.context.new_page()
    await later.goto(f"{program.url}/control/people")
    await expect(later.get_by_role("region", name="People", exact=True)).to_be_visible()
    await later.get_by_role("button", name="Leave").click()
    await expect(later.get_by_role("heading", name="This door asks for a key")).to_be_visible()
    assert await later.evaluate("localStorage.length + sessionStorage.length") == 0


async def test_a_phone_reaches_every_page(program: Marotte, visit: Visit) -> None:
    control = await visit(program, "/control", token=TOKEN, size=PHONE, has_touch=True, is_mobile=True)
    page = control.page
    bar = page.get_by_role("navigation", name="Pages")
    await bar.get_by_role("link", name="People").tap()
    await expect(control.card("People")).to_be_visible()
    await bar.get_by_role("button", name="More").tap()
    sheet = page.get_by_role("dialog", name="Pages")
    names = [name.strip() for name in await sheet.get_by_role("link").all_text_contents()]
    assert names == [
        "Now", "People", "Memory", "Moderation", "Connections", "Log", "Timings", "Engines", "Settings", "Database",
        "Doctor", "Security",
    ]  # fmt: skip
    await sheet.get_by_role("link", name="Memory").tap()
    await expect(sheet).to_have_count(0)
    await expect(control.card("Memory")).to_be_visible()
    assert await control.overflow() == 0


async def test_it_can_be_installed_and_keeps_nothing_but_assets(program: Marotte, visit: Visit) -> None:
    control = await visit(program, "/control", token=TOKEN)
    page = control.page
    await expect(control.card("Queue")).to_be_visible()
    async with program.request("GET", "/manifest.webmanifest") as response:
        assert response.headers["content-type"].startswith("application/manifest+json")
        manifest = json.loads(await response.text())
    assert (manifest["start_url"], manifest["display"]) == ("/control", "standalone")
    for icon in manifest["icons"]:
        size = await page.evaluate(
            "src => { const it = new Image(); it.src = src;"
            " return it.decode().then(() => `${it.naturalWidth}x${it.naturalHeight}`) }",
            icon["src"],
        )
        assert size == icon["sizes"]
    await page.evaluate("navigator.serviceWorker.ready.then(() => true)")
    await page.reload()
    await page.goto(f"{program.url}/control/people")
    await expect(control.card("People")).to_be_visible()
    await expect(page.get_by_text("Loading…")).to_have_count(0)
    kept = await page.evaluate(
        """async () => {
            const all = [];
            for (const name of await caches.keys())
                for (const key of await (await caches.open(name)).keys()) all.push(new URL(key.url).pathname);
            return all;
        }"""
    )
    assert kept
    assert all(path.startswith("/assets/") for path in kept)
    assert control.complaints == []


async def test_the_first_load_is_small_and_pages_come_when_they_are_seen(program: Marotte, visit: Visit) -> None:
    control = await visit(program, "/control", token=TOKEN)
    page = control.page
    await expect(control.card("Queue")).to_be_visible()
    await page.wait_for_load_state("networkidle")
    loaded = await page.evaluate("performance.getEntriesByType('resource').map(each => new URL(each.name).pathname)")
    bodies: dict[str, int] = {}
    for path in {"/control", *(path for path in loaded if not path.startswith("/api/"))}:
        async with program.request("GET", path) as response:
            bodies[path] = int(response.headers["content-length"])  # as it is sent, packed where it was built so
    print(f"first load: {sum(bodies.values())} bytes in {len(bodies)} files")
    assert any("NowPage" in path for path in bodies)
    assert not any(name in path for path in bodies for name in ("People", "Settings", "Database", "Talk"))
    assert sum(bodies.values()) <= FIRST_LOAD, bodies


FLOOD = """([seconds, rate]) => new Promise((done) => {
    const socket = globalThis.lastSocket;
    let seq = 1e9, sent = 0;
    const began = performance.now();
    const viewer = (n) => ({id: `flood:${n}`, name: `v${n}`, platform: "flood", roles: []});
    const told = (event) => socket.onmessage({data: JSON.stringify({type: "event", seq: ++seq, event})});
    const more = () => {
        const due = Math.min(seconds * rate, (performance.now() - began) / 1000 * rate);
        for (; sent < due; sent++) {
            const on = {at: Date.now() / 1000, floor: "public"};
            told({type: "chat_message", ...on, id: `f${sent}`, viewer: viewer(sent % 500), language: "en",
                  text: `message ${sent}`, link: "x", channel: "y"});
            told({type: "queued", ...on, percept: `f${sent}`, lane: "chat", text: "m", who: "v", merged: 0});
            if (sent % 10) continue;
            told({type: "dropped", ...on, lane: "chat", reason: "capacity", count: 1, percept: ""});
        }
        if (sent < seconds * rate) setTimeout(more, 4); else done(sent);
    };
    more();
})"""
KEEP_SOCKET = """const Real = WebSocket; globalThis.WebSocket = class extends Real {
    constructor(...all) { super(...all); globalThis.lastSocket = this; } };"""


async def test_two_thousand_messages_a_second_do_not_freeze_the_window(program: Marotte, visit: Visit) -> None:
    control = await visit(program, "/talk")
    page = control.page
    await page.add_init_script(KEEP_SOCKET)
    await page.goto(f"{program.url}/control#token={TOKEN}")
    await page.reload()
    await expect(control.card("Queue")).to_be_visible()
    await expect(page.get_by_text("connected", exact=True)).to_be_visible()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    await page.evaluate(f"globalThis.flooding = ({FLOOD})([4, 2000])")
    # In the midst of it the window does what it is told.
    await page.get_by_role("navigation", name="Pages").get_by_role("link", name="People").click()
    await expect(control.card("People")).to_be_visible()
    await page.get_by_role("navigation", name="Pages").get_by_role("link", name="Now").click()
    await expect(control.card("Queue")).to_be_visible()
    assert await page.evaluate("globalThis.flooding") == 8_000
    queues = [url for url in asked if url.endswith("/api/v1/queue")]
    assert 1 <= len(queues) <= 60, "the queue is asked for again, but not for each message"
    assert control.complaints == []
