"""Draw the installed window's icons from the jester's drawing: ``python web/scripts/icons.py``, with Chromium."""

import asyncio
import os
import re
import shutil
from pathlib import Path

from playwright.async_api import async_playwright

WEB = Path(__file__).resolve().parents[1]
JESTER = (WEB.parent / "characters" / "jester.svg").read_text("utf-8")
HEAD = (400, 402, 732)
"""The middle of the head with its cap in the drawing, and how wide it is."""
ICONS = {"icon-192": (192, 0.94), "icon-512": (512, 0.94), "maskable-512": (512, 0.66), "apple-180": (180, 0.86)}
"""Pixels of each icon, and how much of them the head takes: of a maskable one any edge may be cut off."""


def page(pixels: int, share: float, *, round_: bool) -> str:
    """Return a page as large as the icon, with rounded corners where the system gives it none."""
    x, y, width = HEAD
    side = width / share
    box = f'viewBox="{x - side / 2} {y - side / 2} {side} {side}"'
    head = re.sub(r'viewBox="[^"]*"', f'{box} width="100%" height="100%"', JESTER, count=1)
    return f"""<!doctype html><style>
      html, body {{ margin: 0; background: transparent }}
      div {{ width: {pixels}px; height: {pixels}px; display: grid; place-items: center; overflow: hidden;
             border-radius: {"22%" if round_ else "0"};
             background: radial-gradient(circle at 50% 42%, #4a3a63, #241a34 62%, #15111d) }}
    </style><div>{head}</div>"""


async def main() -> None:
    """Draw each icon in a tab of its size."""
    folder = WEB / "public" / "icons"
    folder.mkdir(exist_ok=True)
    browser_program = os.environ.get("CHROMIUM") or shutil.which("chromium")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=browser_program, args=["--no-sandbox"])
        for name, (pixels, share) in ICONS.items():
            tab = await browser.new_page(viewport={"width": pixels, "height": pixels})
            await tab.set_content(page(pixels, share, round_=name.startswith("icon")))
            await tab.screenshot(path=folder / f"{name}.png", omit_background=True)
            await tab.close()
        await browser.close()


asyncio.run(main())
