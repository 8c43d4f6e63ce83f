"""What axe-core finds wrong with a page for those who cannot see it or use no mouse."""

from pathlib import Path

from playwright.async_api import Page

AXE = Path(__file__).parents[2] / "web/node_modules/axe-core/axe.min.js"
_RUN = """async () => (await axe.run(document, {resultTypes: ["violations"]})).violations.map(
    ({id, help, nodes}) => `${id}: ${help}: ${nodes.map((node) => node.html.slice(0, 200)).join(" | ")}`)"""
_STILL = """() => Promise.all(document.getAnimations().filter(({effect}) => effect.getTiming().iterations !== Infinity)
    .map(({finished}) => finished.catch(() => {})))"""


async def violations(page: Page) -> list[str]:
    """Return the rules that a page breaks, each with what breaks it."""
    await page.evaluate(_STILL)  # what is still fading in has too little contrast
    await page.evaluate(AXE.read_text("utf-8"))
    return await page.evaluate(_RUN)
