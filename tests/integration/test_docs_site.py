"""The documents as a site: it builds without a warning, and asks no other host for anything."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.waiting import PATIENCE

ROOT = Path(__file__).resolve().parents[2]
LOADED = re.compile(r"""<(?:script|link|img|iframe)\b[^>]*?\b(?:src|href)=["']?((?:https?:)?//[^"'\s>]+)""")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)],
        cwd=ROOT,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        timeout=4 * PATIENCE,
    )
    assert done.returncode == 0, done.stderr
    return folder


def test_every_page_is_there(site: Path) -> None:
    for page in (ROOT / "docs").rglob("*.md"):
        html = (site / page.relative_to(ROOT / "docs").with_suffix(".html")).read_text("utf-8")
        title = re.search(r"^# (.+)$", page.read_text("utf-8"), re.M)
        assert title
        assert title[1].split("`")[0].replace("'", "’") in html.replace("'", "’").replace("&#39;", "’")
        assert html.count("<table>") == html.count("</table>")


def test_no_page_loads_anything_from_elsewhere(site: Path) -> None:
    for page in site.rglob("*.html"):
        assert LOADED.findall(page.read_text("utf-8")) == [], page.name
    for style in site.rglob("*.css"):
        assert not re.search(r"url\(\s*[\"']?(?:https?:)?//|@import", style.read_text("utf-8")), style.name


def test_tables_of_generated_pages_are_tables(site: Path) -> None:
    for name, rows in (("configuration", 100), ("rest", 40), ("troubleshooting", 100)):
        html = (site / f"{name}.html").read_text("utf-8")
        assert html.count("<tr>") > rows
        assert "<p>|" not in html
