"""Which pages are generated, and by what. Each function is pure: the same source gives the same text."""

from collections.abc import Callable
from pathlib import Path

from tools.docs import configuration, rest, troubleshooting

DOCS = Path(__file__).resolve().parents[2] / "docs"
PAGES: dict[str, Callable[[], str]] = {
    "configuration.md": configuration.page,
    "rest.md": rest.page,
    "troubleshooting.md": troubleshooting.page,
}
