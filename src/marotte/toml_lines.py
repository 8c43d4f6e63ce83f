"""Where things stand in a TOML text, which tomllib does not tell: keys, and what looks like a secret."""

import re

_HEADER = re.compile(r"^\s*\[{1,2}\s*([^\]]+?)\s*\]{1,2}\s*(#.*)?$")
_KEY = re.compile(r"""^\s*((?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*')(?:\s*\.\s*(?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*'))*)\s*=""")
_PART = re.compile(r"""[A-Za-z0-9_-]+|"[^"]*"|'[^']*'""")


def key_lines(text: str) -> dict[tuple[str, ...], int]:
    """Find the line on which each key of a TOML text stands."""
    found: dict[tuple[str, ...], int] = {}
    table: tuple[str, ...] = ()
    for number, line in enumerate(text.splitlines(), 1):
        if header := _HEADER.match(line):
            table = tuple(part.strip("\"'") for part in _PART.findall(header[1]))
            found.setdefault(table, number)
        elif key := _KEY.match(line):
            found.setdefault((*table, *(part.strip().strip("\"'") for part in key[1].split("."))), number)
    return found


def line_of(lines: dict[tuple[str, ...], int], key: tuple[str, ...]) -> int:
    """Return the line of a key, or of the nearest table that it would stand in."""
    while key and key not in lines:
        key = key[:-1]
    return lines.get(key, 1)


_SECRET = re.compile(
    r"""\b(?:sk|pk|rk|gsk|xai|hf|glpat)[-_][A-Za-z0-9_-]{20,}    # OpenAI, Anthropic, Groq, xAI, Hugging Face, GitLab
    |\bAIza[A-Za-z0-9_-]{30,}                                    # Google
    |\b(?:gh[pousr]_|github_pat_)[A-Za-z0-9_]{20,}|\bxox[abeprs]-[A-Za-z0-9-]{10,}|\bA[KS]IA[A-Z0-9]{16}\b
    |\boauth:[a-z0-9]{25,}|\beyJ[A-Za-z0-9_-]{15,}\.[A-Za-z0-9_-]{15,}|-----BEGIN\ [A-Z ]*PRIVATE\ KEY
    |://[^\s:/@"']+:[^\s@/"']+@                                 # a password in an address
    |^\s*["']?(?i:[\w.-]*(?:password|passwd|api_?key|token|secret))["']?\s*=\s*["'][^"'\s]{8,}["']""",
    re.VERBOSE,
)
_NAMES_A_SECRET = re.compile(r"""=\s*["'][A-Z][A-Z0-9_]*_(?:KEY|TOKEN|SECRET|PASSWORD|PASS)["']""")


def secret_lines(text: str) -> list[int]:
    """Return the lines that hold what looks like a key, a token or a password, and not the name of one."""
    return [
        number
        for number, line in enumerate(text.splitlines(), 1)
        if _SECRET.search(line) and not _NAMES_A_SECRET.search(line)
    ]
