"""Every window on a desk and on a phone, dark and light: nothing overflows, nothing fails, all can be reached by key.

The pictures are left in ``test-results/`` for people to look at.
"""

import re
from pathlib import Path

import pytest
from playwright.async_api import expect

from tests.e2e.conftest import Visit
from tests.e2e.visitor import DESK, PHONE, Visitor
from tests.servers.marotte import TOKEN, Marotte
from tests.waiting import until

pytestmark = pytest.mark.anyio
SIZES = {"desk": DESK, "phone": PHONE}
WINDOWS = {
    "talk": ("/talk", "", "Pip – Marotte"),
    "stage": ("/stage?background=house", "", "Pip – stage"),
    "control": ("/control", TOKEN, "Pip – control"),
}
FOCUSED = """() => {
  const at = document.activeElement;
  if (!at || at === document.body) return "";
  const label = at.id && document.querySelector(`label[for="${CSS.escape(at.id)}"]`);
  return at.getAttribute("aria-label") ?? label?.textContent ?? at.textContent;
}"""


async def steps(visitor: Visitor, most: int = 120) -> list[str]:
    """The names of everything that Tab reaches, in its order."""
    names: list[str] = []
    for _ in range(most):
        await visitor.page.keyboard.press("Tab")
        name = (await visitor.page.evaluate(FOCUSED)).strip()
        if not name and names:
            break
        names.append(name)
    return names


@pytest.mark.parametrize("scheme", ["dark", "light"])
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("window", WINDOWS)
async def test_a_window_fits_and_nothing_fails(
    program: Marotte, visit: Visit, results: Path, window: str, size: str, scheme: str
) -> None:
    path, token, title = WINDOWS[window]
    visitor = await visit(program, path, token=token, size=SIZES[size], color_scheme=scheme)
    page = visitor.page
    await visitor.connected()
    await expect(page).to_have_title(title)
    if window == "control":
        await _loaded(visitor)
    else:
        await expect(page.get_by_role("img", name="Pip")).to_be_visible()
    await page.evaluate("document.fonts.ready.then(() => true)")
    await page.screenshot(path=results / f"{window}-{size}-{scheme}.png")
    assert visitor.complaints == []
    if window != "control":
        assert await _whole(visitor), "the whole character is seen"
    assert await visitor.overflow() == 0
    assert await page.evaluate("document.documentElement.scrollHeight <= innerHeight"), "the page itself never scrolls"
    cut = await page.evaluate(
        """() => [...document.querySelectorAll("button, input, textarea, [role=switch]")]
            .filter(each => each.checkVisibility() && !each.ariaHidden)
            .map(each => [each.ariaLabel ?? each.textContent, each.getBoundingClientRect()])
            .filter(([, box]) => box.width && (box.left < -0.5 || box.right > innerWidth + 0.5))
            .map(([name]) => name)"""
    )
    assert cut == [], "controls beyond the edge"


async def _loaded(control: Visitor) -> None:
    """Wait until the control window shows all that it has asked for."""
    await expect(control.card("Ask or say")).to_be_visible()
    await expect(control.page.get_by_text("Loading…", exact=True)).to_have_count(0)


async def _whole(visitor: Visitor) -> bool:
    """Whether nothing of the drawing is beyond the window's edge."""
    box = await visitor.page.get_by_role("img", name="Pip").bounding_box()
    size = visitor.page.viewport_size
    assert box is not None
    assert size is not None
    return box["x"] >= 0 and box["x"] + box["width"] <= size["width"] and box["y"] + box["height"] <= size["height"]


async def test_the_theme_follows_the_system_and_the_switch(program: Marotte, visit: Visit) -> None:
    talk = await visit(program, "/talk", color_scheme="dark")
    await talk.connected()
    colour = "getComputedStyle(document.documentElement).backgroundColor"

    async def house(other_than: str = "") -> str:
        """The colour of the house, once it is another one."""

        async def now() -> str:
            seen = await talk.page.evaluate(colour)
            return "" if seen == other_than else seen

        return await until(now, "another colour")

    dark = await house()
    await talk.page.emulate_media(color_scheme="light")
    light = await house(other_than=dark)
    await talk.page.get_by_role("button", name="Dark house").click()
    assert await house(other_than=light) == dark
    await talk.page.reload()
    assert await house(other_than=light) == dark, "the choice outlasts a reload"


async def test_every_control_of_the_talk_window_is_reached_by_key(program: Marotte, visit: Visit) -> None:
    talk = await visit(program, "/talk")
    await talk.connected()
    await expect(talk.page.get_by_role("switch", name="Hands-free")).to_be_enabled()
    names = await steps(talk)
    for name in (
        "Your name", "Language of the conversation", "Settings", "Tell me a joke", "Hands-free", "Hold to talk",
        "Sound on", "Or type here…",
    ):  # fmt: skip
        assert name in names, f"{name!r} is not among {names}"

    await talk.page.get_by_role("button", name="Settings").press("Enter")
    dialog = talk.page.get_by_role("dialog", name="Settings")
    await expect(dialog).to_be_visible()
    await expect(dialog.locator(":focus")).to_have_count(1)
    await talk.page.keyboard.press("Escape")
    await expect(dialog).to_have_count(0)
    await expect(talk.page.get_by_role("button", name="Settings")).to_be_focused()

    await talk.page.get_by_role("combobox", name="Language of the conversation").press("Enter")
    await expect(talk.page.get_by_role("option", name="English")).to_be_focused()  # only then it listens to keys
    await talk.page.keyboard.press("ArrowDown")
    await expect(talk.page.get_by_role("option", name="Español")).to_be_focused()
    await talk.page.keyboard.press("Enter")
    await expect(talk.page.get_by_role("button", name="Mantén pulsado para hablar")).to_be_visible()
    await talk.write("Hola", "O escribe aquí…")
    assert (await talk.event("line_started"))["language"] == "es"


WORDS = """() => [...document.querySelectorAll("body *")].flatMap((element) => [
  ...["aria-label", "placeholder", "title", "alt"].map((name) => element.getAttribute(name) ?? ""),
  ...[...element.childNodes].filter((node) => node.nodeType === Node.TEXT_NODE).map((node) => node.data),
])"""


@pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])
@pytest.mark.parametrize(
    ("locale", "settings", "closes"),
    [
        ("es-MX", "Ajustes", "Cerrar"),
        ("fr-FR", "Réglages", "Fermer"),
        ("zh-CN", "设置", "关闭"),
        ("ja-JP", "設定", "閉じる"),
    ],
)
async def test_the_talk_window_is_written_in_the_partners_language(
    program: Marotte, visit: Visit, results: Path, locale: str, settings: str, closes: str, size: tuple[int, int]
) -> None:
    talk = await visit(program, "/talk", size=size, locale=locale)
    await talk.connected()
    language = locale[:2]
    await expect(talk.page.locator("html")).to_have_attribute("lang", language)
    await expect(talk.page.get_by_role("combobox").first).to_be_enabled()
    seen = set(await talk.page.evaluate(WORDS))
    await talk.page.screenshot(path=results / f"talk-{language}-{size[0]}.png")
    await talk.page.get_by_role("button", name=settings).click()
    await expect(talk.page.get_by_role("dialog", name=settings)).to_be_visible()
    await talk.page.screenshot(path=results / f"talk-settings-{language}-{size[0]}.png")
    seen |= set(await talk.page.evaluate(WORDS))
    assert await talk.overflow() == 0
    if language in ("zh", "ja"):
        latin = {word for text in seen for word in re.findall(r"[A-Za-z]{2,}", text)}
        assert latin <= {"Pip", "Notifications"}, "but for the name, and where the program's own messages appear"
    await talk.page.get_by_role("button", name=closes).click()
    await expect(talk.page.get_by_role("dialog")).to_have_count(0)
    assert talk.complaints == []


async def test_a_space_that_is_typed_does_not_talk(program: Marotte, visit: Visit) -> None:
    talk = await visit(program, "/talk")
    await talk.connected()
    field = talk.page.get_by_label("Or type here…", exact=True).locator("visible=true")
    await expect(field).to_be_enabled()
    await field.press_sequentially("who are you")
    await expect(field).to_have_value("who are you")
    await expect(talk.page.get_by_role("button", name="Hold to talk")).to_have_attribute("aria-pressed", "false")
    assert talk.voice == []


async def test_every_control_of_the_control_window_is_reached_by_key(program: Marotte, visit: Visit) -> None:
    control = await visit(program, "/control", token=TOKEN)
    await control.connected()
    await _loaded(control)
    names = await steps(control)
    for name in (
        "Open the talk window", "Open the stage", "Floor", "What to ask the character", "Word for word",
        "A line that the character knows about this moment",
    ):  # fmt: skip
        assert name in names, f"{name!r} is not among {names}"
    field = control.card("Ask or say").get_by_role("textbox")
    await field.fill("Who are you?")
    await field.press("Enter")
    await control.event("turn_started", floor="public")


async def test_the_phone_keeps_the_conversation_in_a_sheet(program: Marotte, visit: Visit, results: Path) -> None:
    talk = await visit(program, "/talk", size=PHONE, has_touch=True, is_mobile=True)
    await talk.connected()
    await talk.write("Who are you?")
    heard = (await talk.event("turn_ended"))["ending"]["heard"]
    await talk.page.get_by_role("button", name="Conversation").tap()
    sheet = talk.page.get_by_role("dialog", name="Conversation")
    await expect(sheet.get_by_text(heard)).to_be_visible()
    await expect(talk.page.get_by_role("tooltip", include_hidden=True)).to_have_count(0)
    await talk.page.screenshot(path=results / "talk-phone-sheet.png")
    assert await talk.overflow() == 0
    await talk.page.keyboard.press("Escape")
    await expect(sheet).to_have_count(0)


@pytest.mark.parametrize(("path", "heading"), [("/nowhere", "Nothing plays here"), ("/", "")])
async def test_a_strange_door_leads_somewhere(program: Marotte, visit: Visit, path: str, heading: str) -> None:
    visitor = await visit(program, path)
    if heading:
        await expect(visitor.page.get_by_role("heading", name=heading)).to_be_visible()
        await visitor.page.get_by_role("link", name="Talk").click()
    await visitor.page.wait_for_url("**/talk")
    await until(lambda: visitor.welcome, "a conversation")
