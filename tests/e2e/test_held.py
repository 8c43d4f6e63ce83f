"""What AutoMod holds back, in the control window: an operator lets one through, another is decided elsewhere."""

from pathlib import Path

import pytest
from playwright.async_api import expect

from tests.e2e.accessible import violations
from tests.e2e.conftest import Visit
from tests.e2e.on_air import OnAir, on_air
from tests.e2e.visitor import DESK, PHONE, Visitor
from tests.servers.marotte import TOKEN
from tests.waiting import until

pytestmark = pytest.mark.anyio
SIZES = {"desk": DESK, "phone": PHONE}
LONG = "such custard, " * 30


async def at(visit: Visit, stream: OnAir, **more: object) -> Visitor:
    """Open the part of the moderation page."""
    desk = await visit(stream.program, "/control/moderation", token=TOKEN, **more)
    await desk.connected()
    await desk.page.get_by_role("tab", name="Held back").click()
    return desk


async def test_messages_are_let_through_kept_out_and_decided_elsewhere(tmp_path: Path, visit: Visit) -> None:
    async with on_air(tmp_path) as stream:
        program, twitch = stream
        desk = await at(visit, stream)
        await expect(desk.page.get_by_text("Nothing is held back")).to_be_visible()
        twitch.automod_hold("ada", "you fool")
        other = twitch.automod_hold("bob", "such custard here", "custard")
        held = desk.card("Held back by the platform").get_by_role("listitem")
        ada, bob = held.filter(has_text="you fool"), held.filter(has_text="such custard")
        await expect(bob).to_contain_text("Held back: a blocked term, “custard”")
        await expect(desk.page.get_by_role("tab", name="Held back · 2")).to_be_visible()

        await ada.get_by_role("button", name="Let it through").click()
        await expect(ada).to_contain_text("let through")
        await expect(ada).to_contain_text("decided by Pip")
        await expect(ada.get_by_role("button")).to_have_count(0)
        twitch.automod_update(other, "denied", by="marotte")
        await expect(bob).to_contain_text("kept out")
        await expect(bob).to_contain_text("decided by Marotte")

        async def read() -> bool:
            found = await program.get("/api/v1/log?kind=chat_message")
            return [one["event"]["text"] for one in found["events"]] == ["you fool"]

        await until(read, "the message in the chat")
        assert desk.complaints == []


@pytest.mark.parametrize("scheme", ["dark", "light"])
@pytest.mark.parametrize("size", SIZES)
async def test_it_fits_and_everybody_can_use_it(
    tmp_path: Path, visit: Visit, results: Path, size: str, scheme: str
) -> None:
    async with on_air(tmp_path) as stream:
        twitch = stream.twitch
        twitch.automod_update(twitch.automod_hold("ada", "you fool"), "approved", by="pip")
        twitch.automod_update(twitch.automod_hold("dora", "you ass"), "expired")
        twitch.automod_update(twitch.automod_hold("emil", "ha ha"), "denied", by="marotte")
        twitch.automod_hold("bob", LONG, "custard")
        twitch.automod_hold("chiyo", "nobody decided on this yet")
        twitch.fault("helix:401", times=20, on="moderation/automod/message")
        desk = await at(visit, stream, size=SIZES[size], color_scheme=scheme)
        held = desk.card("Held back by the platform").get_by_role("listitem")
        await expect(held).to_have_count(5)
        await held.first.get_by_role("button", name="Keep it out").click()
        await expect(held.first.get_by_role("button", name="Keep it out")).to_be_enabled()
        await expect(held.first).to_contain_text("Not done")
        await desk.page.evaluate("document.activeElement.blur()")
        await desk.page.mouse.move(1, 1)
        await desk.page.evaluate("document.fonts.ready.then(() => true)")
        await desk.page.screenshot(path=results / f"control-held-{size}-{scheme}.png", animations="disabled")
        assert await violations(desk.page) == []
        assert await desk.overflow() == 0
