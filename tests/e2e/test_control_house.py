"""The pages of the control window behind the scenes: moderation, engines, timings, log, settings, database, doctor,
security."""

import json
import re
import zipfile
from pathlib import Path

import pytest
from playwright.async_api import expect

from tests.e2e.accessible import violations
from tests.e2e.conftest import Visit
from tests.e2e.visitor import DESK, PHONE, SHOW, Visitor
from tests.servers.marotte import TOKEN, Marotte, marotte
from tests.waiting import until

pytestmark = pytest.mark.anyio
SIZES = {"desk": DESK, "phone": PHONE}
PAGES = {
    "moderation": "Word lists",
    "engines": "Engines",
    "timings": "Turns",
    "log": "Events",
    "settings": "The show file",
    "database": "Database",
    "doctor": "Doctor",
    "security": "Tokens",
}
"""Each page with the heading of a card on it."""


async def at(visit: Visit, program: Marotte, page: str, **more: object) -> Visitor:
    """Open one page of the control window as the operator."""
    control = await visit(program, f"/control/{page}", token=TOKEN, **more)
    await control.connected()
    return control


async def say(program: Marotte, text: str, *, verbatim: bool = True) -> str:
    """Have something said, wait for its end, and return the turn."""
    asked = {"type": "asked", "verbatim": verbatim, "text": text}
    _, accepted = await program.post("/api/v1/percepts?wait=60", asked)
    return accepted["turn"]["id"]


@pytest.mark.parametrize("scheme", ["dark", "light"])
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("page", PAGES)
async def test_a_page_fits_and_everybody_can_use_it(
    program: Marotte, visit: Visit, results: Path, page: str, size: str, scheme: str
) -> None:
    await say(program, "Good evening, everybody.")
    control = await at(visit, program, page, size=SIZES[size], color_scheme=scheme)
    await expect(control.card(PAGES[page])).to_be_visible()
    await expect(control.page.get_by_text("Loading…")).to_have_count(0)
    await control.page.evaluate("document.fonts.ready.then(() => true)")
    await control.page.screenshot(path=results / f"control-{page}-{size}-{scheme}.png")
    assert await violations(control.page) == []
    assert await control.overflow() == 0
    assert await control.page.evaluate("document.documentElement.scrollHeight <= innerHeight"), "the page never scrolls"
    assert control.complaints == []


async def test_a_word_is_put_on_a_list_tried_used_and_taken_back(program: Marotte, visit: Visit) -> None:
    control = await at(visit, program, "moderation")
    page = control.page
    words, trial = control.card("Word lists"), control.card("Try it")
    await trial.get_by_label("What is said or written").fill("I do like rhubarb.")
    await expect(trial.get_by_text("passes", exact=True)).to_have_count(2)
    await words.get_by_label("Your words, one on each line").fill("rhubarb")
    await words.get_by_role("button", name="Save the list").click()
    await expect(page.get_by_text("The list is in force.").first).to_be_visible()
    await trial.get_by_label("What is said or written").fill("I do like rhubarb!")
    await expect(trial.get_by_text("stopped", exact=True).first).to_be_visible()
    await say(program, "I do like rhubarb.")
    stopped = control.card("Stopped lines").get_by_role("listitem").filter(has_text="I do like rhubarb.").first
    await expect(stopped).to_be_visible()
    await expect(stopped.get_by_role("link", name="Show its turn")).to_be_visible()
    await words.get_by_role("button", name="Undo").click()
    await expect(words.get_by_label("Your words, one on each line")).to_have_value("")
    await trial.get_by_label("What is said or written").fill("I do like rhubarb?")
    await expect(trial.get_by_text("passes", exact=True)).to_have_count(2)


async def test_every_engine_can_be_tried(program: Marotte, visit: Visit) -> None:
    control = await at(visit, program, "engines")
    engines = control.card("Engines")
    for engine in ("pocketsphinx", "improviser", "espeak"):
        row = engines.get_by_role("listitem").filter(has_text=engine)
        await expect(row.get_by_text("ready", exact=True)).to_be_visible()
        await row.get_by_role("button", name="Try it").click()
        await expect(row.get_by_text("works", exact=True)).to_be_visible()
        await expect(row.get_by_role("status")).to_contain_text(re.compile(r"\d m?s"))
    await expect(control.card("Model servers on this machine")).to_be_visible()
    assert await violations(control.page) == []


async def test_timings_lead_to_the_events_of_a_turn(program: Marotte, visit: Visit) -> None:
    turn = await say(program, "Good evening, everybody.")
    control = await at(visit, program, "timings")
    page = control.page
    newest = control.card("Turns").get_by_role("listitem").filter(has_text="Good evening, everybody.").first
    await expect(newest.get_by_role("button", name=re.compile("^Time to the first sample: .* in all"))).to_be_visible()
    for stage in ("Recognition", "Answer", "Voice", "All together"):
        await expect(page.get_by_role("img", name=re.compile(f"^{stage}: "))).to_be_visible()
    await newest.get_by_role("link", name="Show its events").click()
    await expect(page).to_have_url(re.compile(rf"/control/log\?turn={turn}$"))
    card = control.card("Turn")
    await expect(card.get_by_text("Good evening, everybody.").first).to_be_visible()
    await expect(card.get_by_text("done", exact=True)).to_be_visible()
    await expect(control.card("Events").get_by_text("turn ended", exact=True)).to_have_count(1)


async def test_the_log_is_followed_filtered_and_left_for_a_turn(program: Marotte, visit: Visit) -> None:
    control = await at(visit, program, "log")
    page, events = control.page, control.card("Events")
    await expect(events).to_contain_text(re.compile(r"\d remembered"))
    await say(program, "The curtain is made of velvet.")
    line = events.get_by_role("listitem").filter(has_text="The curtain is made of velvet.").first
    await expect(line).to_be_visible()
    await events.get_by_role("searchbox").fill("velvet")
    await expect(events.get_by_role("listitem").filter(has_not_text="velvet")).to_have_count(0)
    await page.get_by_role("combobox", name="Kind").click()
    await page.get_by_role("option", name="line started").click()
    await expect(events.get_by_role("listitem")).to_have_count(1)
    await expect(page).to_have_url(re.compile(r"q=velvet&kind=line_started"))
    await page.reload()
    await expect(events.get_by_role("listitem")).to_have_count(1)
    await events.get_by_role("button", name="Show its turn").click()
    await expect(control.card("Turn").get_by_text("The curtain is made of velvet.").first).to_be_visible()
    assert await violations(page) == []
    await page.go_back()
    await expect(control.card("Turn")).to_have_count(0)


async def test_the_show_file_is_checked_saved_and_defended_against_two_people(tmp_path: Path, visit: Visit) -> None:
    async with marotte(tmp_path, SHOW) as program:
        control = await at(visit, program, "settings")
        page = control.page
        text = page.get_by_label("The show file’s text")
        await expect(text).to_have_value(SHOW)

        await text.fill(SHOW.replace("lull_after", "lul_after"))
        await expect(page.get_by_text("1 mistake", exact=True)).to_be_visible()
        await expect(page.get_by_role("button", name="Save", exact=True)).to_be_disabled()
        line = SHOW[: SHOW.index("lull_after")].count("\n") + 1
        await control.card("Mistakes").get_by_role("button", name=f"line {line}").click()
        assert await text.evaluate("e => e.value.slice(0, e.selectionStart).split('\\n').length") == line
        assert await violations(page) == []

        mine = SHOW.replace("lull_after = 0", "lull_after = 600")
        await text.fill(mine)
        await expect(page.get_by_text("No mistakes", exact=True)).to_be_visible()
        await expect(control.card("What your changes need").get_by_text("attention.lull_after")).to_be_visible()
        await page.get_by_role("button", name="Save", exact=True).click()
        await expect(page.get_by_text("not saved yet", exact=True)).to_have_count(0)
        assert program.show.read_text("utf-8") == mine

        await text.fill(mine.replace("600", "700"))
        await expect(page.get_by_role("button", name="Save", exact=True)).to_be_enabled()
        theirs = mine.replace("seed = 7", "seed = 8")
        program.show.write_text(theirs, "utf-8")
        await page.get_by_role("button", name="Save", exact=True).click()
        conflict = page.get_by_role("dialog", name="Somebody else changed the file")
        await expect(conflict.get_by_text("− seed = 8", exact=True)).to_be_visible()
        await expect(conflict.get_by_text("+ seed = 7", exact=True)).to_be_visible()
        assert await violations(page) == []
        assert program.show.read_text("utf-8") == theirs, "nobody's words were written over"
        await conflict.get_by_role("button", name="Take theirs").click()
        await expect(text).to_have_value(theirs)


async def test_a_row_is_found_edited_and_its_history_kept(program: Marotte, visit: Visit) -> None:
    viewer = {"id": "test:rosalind", "name": "Rosalind"}
    await program.post(
        "/api/v1/percepts?wait=60", {"type": "chat_message", "text": "My name is Rosalind.", "viewer": viewer}
    )
    control = await at(visit, program, "database")
    page = control.page
    await page.get_by_role("combobox", name="Table").click()
    await page.get_by_role("option", name=re.compile("^viewers")).click()
    await page.get_by_role("searchbox").fill("rosalind")
    await page.get_by_role("button", name="Open row test:rosalind").click()
    dialog = page.get_by_role("dialog", name="viewers · test:rosalind")
    await dialog.get_by_label("name", exact=True).fill("Rosalind the Bold")
    assert await violations(page) == []
    await dialog.get_by_role("button", name="Save").click()
    await expect(page.get_by_role("cell", name="Rosalind the Bold")).to_be_visible()
    await page.get_by_role("tab", name="Edits").click()
    edit = control.card("Edits by hand").get_by_role("listitem").first
    await expect(edit).to_contain_text("viewers · test:rosalind · name")
    await expect(edit).to_contain_text("Rosalind the Bold")


async def test_a_backup_comes_out_and_a_wrong_file_does_not_go_in(
    program: Marotte, visit: Visit, tmp_path: Path
) -> None:
    control = await at(visit, program, "database")
    page = control.page
    await page.get_by_role("tab", name="Backup").click()
    async with page.expect_download() as coming:
        await page.get_by_role("button", name="Download a backup").click()
    download = await coming.value
    assert re.fullmatch(r"marotte-\d{8}-\d{6}\.zip", download.suggested_filename)
    archive = tmp_path / "backup.zip"
    await download.save_as(archive)
    with zipfile.ZipFile(archive) as zipped:
        assert json.loads(zipped.read("manifest.json"))["program"] == "marotte"

    wrong = tmp_path / "holiday.zip"
    wrong.write_bytes(b"no archive at all")
    await page.get_by_label("A backup file").set_input_files(wrong)
    await page.get_by_role("button", name="Restore this backup").click()
    asked = page.get_by_role("alertdialog", name="Restore this backup?")
    assert await violations(page) == []
    await asked.get_by_role("button", name="Restore this backup").click()
    await expect(page.get_by_text(re.compile(r"holiday\.zip: is no backup")).first).to_be_visible()
    assert not (await program.get("/api/v1/database"))["staged"]


async def test_the_doctor_gives_a_remedy_and_measures_when_asked(program: Marotte, visit: Visit) -> None:
    control = await at(visit, program, "doctor")
    page = control.page
    await expect(page.get_by_text("Nothing is measured yet")).to_be_visible()
    await page.get_by_role("button", name="Measure everything").click()
    await expect(page.get_by_text("Nothing is measured yet")).to_have_count(0, timeout=120_000)
    await expect(page.get_by_text("real-time factor").first).to_be_visible()
    report = await program.get("/api/v1/doctor?quick=true")
    gaps = [check for section in report["sections"] for check in section["checks"] if check["remedy"]]
    for gap in gaps[:3]:
        await expect(page.get_by_text(gap["remedy"]).first).to_be_visible()
    assert await violations(page) == []


async def test_a_token_is_made_shown_once_used_and_revoked(program: Marotte, visit: Visit) -> None:
    control = await at(visit, program, "security")
    page = control.page
    await expect(control.card("Home network").get_by_text("Only this machine can come in")).to_be_visible()
    await page.get_by_role("button", name="Make a token").click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_label("Name").fill("Ada’s phone")
    await dialog.get_by_role("button", name="Make a token").click()
    secret = await dialog.get_by_label("Token", exact=True).input_value()
    assert await violations(page) == []
    await dialog.get_by_role("button", name="I have it").click()
    await expect(dialog).to_have_count(0)
    assert secret not in await page.content()

    hers = await visit(program, "/control/security", token=secret)
    await hers.connected()
    assert hers.welcome["rights"] == "moderator"
    await expect(hers.card("Tokens")).to_have_count(0)

    await expect(control.card("What was changed").get_by_text("POST /api/v1/tokens").first).to_be_visible()
    await page.get_by_role("button", name="Revoke Ada’s phone").click()
    await page.get_by_role("alertdialog").get_by_role("button", name="Revoke").click()
    await expect(page.get_by_role("button", name="Revoke Ada’s phone")).to_have_count(0)
    await expect(hers.page.get_by_role("heading", name="This door asks for a key")).to_be_visible()
    assert [token["name"] for token in await program.get("/api/v1/tokens")] == []

    async def written() -> bool:
        entries = await program.get("/api/v1/audit?limit=20")
        assert secret not in json.dumps(entries)
        return any(entry["what"].startswith("DELETE /api/v1/tokens/") for entry in entries)

    await until(written, "the revocation in the audit log")
