"""The windows for everybody: talk, stage and the pairing page in every state that axe-core can judge."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import expect

from tests.e2e.accessible import violations
from tests.e2e.conftest import Visit
from tests.e2e.visitor import DESK, PHONE, SHOW
from tests.servers.marotte import Marotte

pytestmark = pytest.mark.anyio
everywhere = pytest.mark.parametrize("scheme", ["dark", "light"])
sized = pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])


@everywhere
@sized
async def test_the_talk_window(program: Marotte, visit: Visit, size: tuple[int, int], scheme: str) -> None:
    talk = await visit(program, "/talk", size=size, color_scheme=scheme)
    await talk.connected()
    await expect(talk.page.get_by_role("img", name="Pip")).to_be_visible()
    assert await violations(talk.page) == [], "before anything is said"
    await talk.write("Who are you?")
    await talk.event("line_started")
    assert await violations(talk.page) == [], "while it speaks"
    await talk.event("turn_ended")
    if size == PHONE:
        await talk.page.get_by_role("button", name="Conversation").click()
        await expect(talk.page.get_by_role("dialog", name="Conversation")).to_be_visible()
        assert await violations(talk.page) == [], "the conversation"
        await talk.page.keyboard.press("Escape")
    await talk.page.get_by_role("button", name="Settings").click()
    await expect(talk.page.get_by_role("dialog", name="Settings")).to_be_visible()
    assert await violations(talk.page) == [], "its settings"


@everywhere
@sized
@pytest.mark.parametrize("background", ["", "?background=house"], ids=["transparent", "house"])
async def test_the_stage(program: Marotte, visit: Visit, size: tuple[int, int], scheme: str, background: str) -> None:
    stage = await visit(program, f"/stage{background}", size=size, color_scheme=scheme)
    await stage.connected()
    await expect(stage.page.get_by_role("img", name="Pip")).to_be_visible()
    assert await violations(stage.page) == [], "while it is silent"
    await program.post("/api/v1/percepts", {"type": "asked", "verbatim": True, "text": "Good evening, everybody here."})
    await stage.event("line_started")
    assert await violations(stage.page) == [], "while it speaks"
    await stage.event("turn_ended")


@pytest.fixture(scope="module")
async def home(anyio_backend: object, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Marotte]:
    """A program that lets other devices in."""
    program = Marotte(tmp_path_factory.mktemp("home"), SHOW)
    program.arguments = ("--lan",)
    await program.start()
    try:
        yield program
    finally:
        assert await program.stop() == 0, program.output()


@everywhere
@sized
async def test_the_pairing_page(home: Marotte, visit: Visit, results: Path, size: tuple[int, int], scheme: str) -> None:
    port = (await home.get("/api/v1/lan"))["url"].rpartition(":")[2]
    phone = await visit(f"https://127.0.0.1:{port}", "/pair", size=size, color_scheme=scheme, ignore_https_errors=True)
    page = phone.page
    await expect(page.get_by_role("heading", name="Come in")).to_be_visible()
    assert await violations(page) == []
    await page.get_by_label("Six-digit code").fill("000000")
    await page.get_by_role("button", name="Let me in").click()
    await expect(page.get_by_role("alert")).to_have_text("this is not the code")
    await page.screenshot(path=results / f"pair-{'desk' if size == DESK else 'phone'}-{scheme}.png")
    assert await violations(page) == [], "after a wrong code"
    assert await phone.overflow() == 0
