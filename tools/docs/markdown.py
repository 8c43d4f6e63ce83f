"""What the generated pages share: tables, and docstrings as Markdown."""

import re
from collections.abc import Iterable, Sequence


def generated(by: str) -> str:
    """Return the note that a page's first line holds."""
    return f"<!-- Written by `python -m tools.docs` from {by}: change that, not this page. -->\n\n"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Write a table; a bar within a cell is escaped."""
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    lines += ["| " + " | ".join(_cell(cell) for cell in row) + " |" for row in rows]
    return "\n".join(lines) + "\n"


def prose(docstring: str) -> str:
    """Write a docstring's paragraphs as one line, its ``literals`` as Markdown's."""
    return " ".join(docstring.split()).replace("``", "`")


def _cell(text: str) -> str:
    return re.sub(r"(?<!\\)\|", r"\\|", text).replace("\n", " ").strip()
