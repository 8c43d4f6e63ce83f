"""Measure the figures and print them beside their limits.

    python -m bench                 every figure, within ten minutes
    python -m bench bus say         single ones
    python -m bench --long          also those that need the network or much time

It prints and judges no build: the exit code is 0 whenever it ran. The same goes as JSON and Markdown into
``bench/results/``. Close other programs first: what they take is missing here.
"""

import argparse
import json
import os
import platform
import sys
import time
import traceback
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict
from multiprocessing import get_context
from pathlib import Path

from bench import Row, Rows, measure

FIGURES = (
    "first_sound",
    "interrupt",
    "conversation",
    "cut_in",
    "attention",
    "irc",
    "twitch",
    "platforms",
    "bus",
    "sight",
    "jaw",
    "skull",
    "say",
    "start",
    "control",
    "replay",
    "windows",
)
LONG = ("install", "platforms_long")
RESULTS = Path(__file__).parent / "results"
HEAD = ("figure", "ours", "limit", "must reach", "")


def main() -> None:
    parser = argparse.ArgumentParser(
        "python -m bench", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help=" · ".join((*FIGURES, *LONG)))
    parser.add_argument("--long", action="store_true", help="also " + ", ".join(LONG))
    options = parser.parse_args()
    if unknown := set(options.names) - {*FIGURES, *LONG}:
        parser.error(f"there is no figure {', '.join(sorted(unknown))}; there are {', '.join((*FIGURES, *LONG))}")
    rows: Rows = []
    failures: list[str] = []
    for name in options.names or (*FIGURES, *(LONG if options.long else ())):
        print(f"measuring {name} …", file=sys.stderr, flush=True)
        try:
            # A process of its own: what one figure leaves in memory must not weigh on the next.
            with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
                rows += pool.submit(measure, name).result()
        except Exception:
            failures.append(f"{name}: not measured: {traceback.format_exc().strip().splitlines()[-1]}")
    circumstances = where_and_when()
    text = "\n".join((table(rows), "", *failures, circumstances))
    print(text)
    keep(rows, text, failures, circumstances)


def table(rows: Rows) -> str:
    """Write the rows as a Markdown table with aligned columns."""
    cells = [HEAD, *map(_cells, rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(HEAD))]
    lines = ["| " + " | ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)) + " |" for row in cells]
    lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(lines)


def _cells(row: Row) -> tuple[str, ...]:
    sign = "≥" if row.least else "≤"
    return (
        row.figure,
        _number(row.ours, row.unit),
        "–" if row.limit is None else _number(row.limit, row.unit),
        "–" if row.target is None else f"{sign} {_number(row.target, row.unit)}",
        {None: "", True: "ok", False: "OVER"}[row.ok],
    )


def _number(value: float, unit: str) -> str:
    digits = 0 if abs(value) >= 1_000 or value == int(value) else 1 if abs(value) >= 10 else 2
    return f"{value:,.{digits}f} {unit}".rstrip()


def where_and_when() -> str:
    """Say when and on what machine this was measured, with what load, and by which command."""
    load = " ".join(f"{part:.1f}" for part in os.getloadavg())
    return (
        f"{time.strftime('%Y-%m-%d %H:%M')} · {_processor()}, {os.cpu_count()} cores, load {load} ·"
        f" {platform.system()} {platform.release()} · Python {platform.python_version()} ·"
        f" `python -m bench {' '.join(sys.argv[1:])}".rstrip()
        + "`"
    )


def _processor() -> str:
    try:
        lines: Iterable[str] = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = ()
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor() or platform.machine())


def keep(rows: Rows, text: str, failures: list[str], circumstances: str) -> None:
    """Write the results beside the bench, as JSON for programs and Markdown for people."""
    RESULTS.mkdir(exist_ok=True)
    name = RESULTS / time.strftime("%Y%m%d-%H%M%S")
    found = {"circumstances": circumstances, "failures": failures, "rows": [{**asdict(r), "ok": r.ok} for r in rows]}
    name.with_suffix(".json").write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", "utf-8")
    name.with_suffix(".md").write_text(text + "\n", "utf-8")


if __name__ == "__main__":
    main()
