"""The stage window, as a capture program and its viewers see it."""

import struct
import zlib
from pathlib import Path

import pytest
from playwright.async_api import expect

from tests.e2e.conftest import Visit
from tests.e2e.visitor import PHONE, SHOW, Visitor
from tests.servers.marotte import TOKEN, Marotte, marotte
from tests.waiting import until

pytestmark = pytest.mark.anyio
BONES = SHOW.replace('name = "Pip"', 'name = "Mr. Bones"\ndrawing = "skull"')
JAPANESE = "今夜は小さな劇場へようこそ、どうぞゆっくりしていってください。鈴が三つ鳴ったら、物語がはじまります。"
KEEP_ROWS = """element => {
  // Every state of the subtitles: its rows as they were broken, from the places of its characters, and whether it fits.
  const states = (globalThis.states = []);
  const keep = () => {
    const rows = [];
    for (const walker = document.createTreeWalker(element, NodeFilter.SHOW_TEXT); walker.nextNode(); ) {
      const text = walker.currentNode;
      for (let at = 0; at < text.length; at++) {
        const range = document.createRange();
        range.setStart(text, at);
        range.setEnd(text, at + 1);
        const box = range.getBoundingClientRect();
        if (!box.width) continue;
        const row = rows.find((each) => Math.abs(each.top - box.top) < box.height / 2);
        if (row) row.text += text.data[at];
        else rows.push({ top: box.top, text: text.data[at] });
      }
    }
    if (!rows.length) return;
    const box = element.getBoundingClientRect();
    const page = document.documentElement;
    const fits = box.left >= 0 && box.right <= innerWidth && box.bottom <= innerHeight
      && element.scrollWidth <= element.clientWidth && page.scrollWidth <= page.clientWidth;
    states.push({ rows: rows.map((row) => row.text), lang: element.lang, fits });
  };
  new MutationObserver(keep).observe(element, { subtree: true, childList: true, characterData: true });
}"""


async def see_through(stage: Visitor) -> bool:
    """Whether what is behind the page is seen everywhere."""
    painted = "e => [...document.querySelectorAll(e)].map(each => getComputedStyle(each).backgroundColor)"
    return set(await stage.page.evaluate(painted, "html, body, #root, #root *")) <= {"rgba(0, 0, 0, 0)"}


async def test_who_is_not_let_in_is_told_so_and_a_capture_stays_transparent(program: Marotte, visit: Visit) -> None:
    wrong = "no-such-token-anywhere-at-all"
    stage = await visit(program, "/stage", token=wrong)
    await expect(stage.page.get_by_role("alert")).to_contain_text("token")
    await stage.page.get_by_label("Token").fill(TOKEN)
    await stage.page.get_by_role("button", name="Come in").click()
    await expect(stage.page.get_by_role("img", name="Pip")).to_be_visible()

    _, issued = await program.post("/api/v1/tokens", {"name": "a capture", "role": "viewer"})
    capture = await visit(program, "/stage?background=transparent", token=issued["token"])
    await expect(capture.page.get_by_role("img", name="Pip")).to_be_visible()
    async with program.request("DELETE", f"/api/v1/tokens/{issued['id']}") as response:
        assert response.status == 204
    await expect(capture.page).to_have_title("Not let in – Marotte")
    assert await capture.page.inner_text("body") == ""
    assert await see_through(capture)


async def say(program: Marotte, text: str) -> None:
    status, _ = await program.post("/api/v1/percepts", {"type": "asked", "verbatim": True, "text": text})
    assert status == 202


async def test_it_is_transparent_unless_the_house_is_wanted(program: Marotte, visit: Visit) -> None:
    stage = await visit(program, "/stage")
    await stage.connected()
    await expect(stage.page.get_by_role("img", name="Pip")).to_be_visible()
    painted = "e => [...document.querySelectorAll(e)].map(each => getComputedStyle(each).backgroundColor)"
    assert set(await stage.page.evaluate(painted, "html, body, #root, main")) == {"rgba(0, 0, 0, 0)"}
    # A picture without a background of its own shows what is behind: nothing.
    corner = await stage.page.screenshot(omit_background=True, clip={"x": 0, "y": 0, "width": 4, "height": 4})
    assert _alpha(corner) == 0
    house = await visit(program, "/stage?background=house")
    await house.connected()
    corner = await house.page.screenshot(omit_background=True, clip={"x": 0, "y": 0, "width": 4, "height": 4})
    assert _alpha(corner) == 255


def _alpha(png: bytes) -> int:
    """The alpha of a picture of one colour; 255 where it has none."""
    colour = png[25]
    if colour == 2:
        return 255
    assert colour == 6, "RGB or RGBA"
    at, data = 8, b""
    while at < len(png):
        (size,) = struct.unpack(">I", png[at : at + 4])
        if png[at + 4 : at + 8] == b"IDAT":
            data += png[at + 8 : at + 8 + size]
        at += 12 + size
    return zlib.decompress(data)[4]


async def test_japanese_subtitles_name_their_language_and_break_well_on_a_phone(program: Marotte, visit: Visit) -> None:
    stage = await visit(program, "/stage", size=PHONE)
    await stage.sounding()
    subtitles = stage.page.locator("[data-subtitles]")
    await subtitles.evaluate(KEEP_ROWS)
    await say(program, JAPANESE)
    await stage.event("turn_ended")
    states = await stage.page.evaluate("globalThis.states")
    assert {state["lang"] for state in states} == {"ja"}
    assert all(state["fits"] for state in states), "nothing is beyond the edge"
    seen = {"".join(state["rows"]): state["rows"] for state in states}
    for rows in seen.values():
        assert len(rows) <= 3, f"too many rows: {rows}"
        for row in rows:
            assert row[0] not in "、。」』）！？ーゃゅょっ", f"{row!r} begins with what must not begin a row"
    assert "".join(dict.fromkeys(seen)) == JAPANESE, "every word was shown once, in its order"
    assert await stage.watched("loudest") > 0.03
    assert stage.complaints == []


async def test_a_capture_token_only_looks_and_listens(program: Marotte, visit: Visit) -> None:
    capture = (program.data / "capture.token").read_text("ascii").strip()
    stage = await visit(program, "/stage", token=capture)
    await stage.sounding()
    assert stage.welcome["rights"] == "viewer"
    asking = """async ([method, path, token, body]) => (await fetch(path, {
        method, body, headers: {authorization: `Bearer ${token}`, "content-type": "application/json"}})).status"""
    for method, path, body in (
        ("GET", "/api/v1/tokens", None),
        ("GET", "/api/v1/stopped", None),
        ("POST", "/api/v1/percepts", '{"type": "asked", "text": "Who are you?"}'),
        ("POST", "/api/v1/floors/public/stop", None),
        ("PUT", "/api/v1/show/context", '{"context": "mine"}'),
    ):
        assert await stage.page.evaluate(asking, [method, path, capture, body]) == 403, (method, path)
    await say(program, "Good evening, everybody.")
    await stage.event("turn_ended")
    assert await stage.watched("loudest") > 0.03, "it hears the show"


async def test_parts_of_the_stage_can_be_left_out(program: Marotte, visit: Visit) -> None:
    words = await visit(program, "/stage?character=off&sound=off")
    bare = await visit(program, "/stage?subtitles=off&size=0.5")
    for stage in (words, bare):
        await stage.connected()
    await say(program, "Good evening, everybody.")
    await expect(words.page.locator("[data-subtitles]")).to_contain_text("Good evening")
    await bare.event("turn_ended")
    assert await words.page.get_by_role("img", name="Pip").count() == 0
    assert await words.watched("loudest") == 0
    assert await bare.page.locator("[data-subtitles]").count() == 0
    picture = await bare.page.get_by_role("img", name="Pip").bounding_box()
    assert picture is not None
    assert picture["height"] < 0.75 * 720


async def test_the_skull_speaks_with_its_jaw(tmp_path: Path, visit: Visit) -> None:
    async with marotte(tmp_path, BONES) as program:
        stage = await visit(program, "/stage")
        skull = stage.page.get_by_role("img", name="Mr. Bones")
        await expect(skull).to_be_visible()
        await stage.sounding()
        jaw = skull.locator("g[id$='-jaw']")
        chin = "jaw => jaw.getBoundingClientRect().bottom"
        closed = await jaw.evaluate(chin)
        await say(program, "Alas, poor me. I have all my bones, and not one pocket to put them in.")
        lowest = 0.0

        async def over() -> bool:
            nonlocal lowest
            lowest = max(lowest, await jaw.evaluate(chin))
            return bool(stage.events("turn_ended"))

        await until(over, "the end of what it says")
        assert lowest > closed + 8, f"the jaw moved only {lowest - closed:.1f} px"
        assert len(set(await stage.watched("shapes"))) >= 3
        assert await stage.watched("loudest") > 0.03
        assert stage.complaints == []
