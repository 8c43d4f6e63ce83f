"""The log of a run: all that a replay needs, one JSON object a line.

A log begins with a ``Header`` (settings, seed, versions) and the rows that memory held; then comes, in its order, what
came from outside: percepts, what the ears noticed, orders, outlets and what they played, the answers of outside
engines. Between them stands what the character made of it (``Said``), which a replay is held to. ``t`` is in seconds
since the run began.
"""

import gzip
import logging
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec

from marotte.events import AnyPercept, Onset, SpeechEnd, Transcript, Viewer

log = logging.getLogger(__name__)

FORMAT = 2
LARGEST = 64_000_000
"""Bytes after which a log is closed and a new one begun, when the show is quiet."""
LONGEST_LINE = 4_000_000
KEPT_LOGS = 20
KEPT_BYTES = 1_000_000_000
"""So many logs, and so many bytes of them, are kept; the oldest go."""


REPORTS_WITHIN = 0.25
"""Of reports that come so many seconds after one another the last is enough."""


class LogError(Exception):
    """A log cannot be replayed; the message names file, line and reason."""


class Entry(msgspec.Struct, kw_only=True, tag=str.lower, tag_field="is"):
    """One line of a log."""

    t: float = 0.0


class Header(Entry):
    """What the run was."""

    format: int
    run: str
    version: str
    schema: str
    """The revision of the rows' schema."""
    seed: int
    began: float
    """Seconds since the epoch."""
    show: dict[str, Any]
    context: str = ""


class Row(Entry):
    """A row that memory held when the log began."""

    table: str
    values: dict[str, Any]


class Opened(Entry):
    """A private floor was opened."""

    floor: str
    partner: Viewer | None
    language: str


class Closed(Entry):
    """A private floor was closed."""

    floor: str


class Perceived(Entry):
    """A percept came."""

    percept: AnyPercept


class Noticed(Entry):
    """The ears noticed something that is not yet a percept."""

    event: Onset | SpeechEnd | Transcript


class Ordered(Entry):
    """Somebody ordered something (see ``orders.py``)."""

    order: str
    given: tuple[Any, ...]


class Attached(Entry):
    """An outlet began to play."""

    floor: str
    outlet: str
    rank: int
    lead: float


class Detached(Entry):
    """An outlet plays no more."""

    floor: str
    outlet: str


class Reported(Entry):
    """An outlet said which sample it played last: so many samples after the start of the n-th line written.

    In relation to a line, because a replay places its lines some milliseconds earlier: it takes no time to compute.
    """

    floor: str
    outlet: str
    line: int
    offset: int
    gaps: int = 0
    """Of them so many in which the line was silent, because its sound had run dry."""
    everything: bool = False
    """It had played all that it was given."""


class Called(Entry):
    """An outside engine was asked."""

    call: int
    engine: str
    asked: str
    """What it was asked, in short: the same words give the same short form."""


class Gave(Entry):
    """An outside engine gave a piece: words, or the length and the timings of sound."""

    call: int
    piece: str | dict[str, Any]


class Finished(Entry):
    """An outside engine gave all, or failed."""

    call: int
    error: str = ""
    kind: str = ""
    """The class of the error."""


class Concluded(Entry):
    """A turn had said all that it wanted to, and ended."""

    floor: str


class Late(Entry):
    """A percept was taken in only now, some time after it had come."""

    percept: str


class Stalled(Entry):
    """For a while the machine gave the run no time: what was due then came at the end."""

    since: float
    until: float


class Said(Entry):
    """What the character did: a turn began, a line was written or stopped, a turn ended."""

    floor: str
    what: str
    words: tuple[str, ...]


class Gap(Entry):
    """From here on nothing was noted: more came than a log takes."""


class Ended(Entry):
    """The run ended as it should."""


AnyEntry = (
    Header
    | Row
    | Opened
    | Closed
    | Perceived
    | Noticed
    | Ordered
    | Attached
    | Detached
    | Reported
    | Called
    | Gave
    | Finished
    | Concluded
    | Late
    | Stalled
    | Said
    | Gap
    | Ended
)

_decoder = msgspec.json.Decoder(AnyEntry)
_encoder = msgspec.json.Encoder()


class RunLog:
    """Writes one log; where the disk refuses, the show goes on without it."""

    def __init__(self, path: Path) -> None:
        """Begin a log at ``path``, for this user alone."""
        self.path = path
        self.size = 0
        self._file: Any = None
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            path.touch(mode=0o600)
            self._file = path.open("ab", buffering=1 << 16)
        except OSError as error:
            self._give_up(error)

    def write(self, entry: Entry) -> None:
        """Write one entry; it is on its way to the disk within a second (see ``flush``)."""
        if self._file is None:
            return
        line = _encoder.encode(entry) + b"\n"
        try:
            self._file.write(line)
        except OSError as error:
            self._give_up(error)
        self.size += len(line)

    def flush(self) -> None:
        """Hand what was written to the system, so that the death of this process loses none of it."""
        if self._file is not None:
            try:
                self._file.flush()
            except OSError as error:
                self._give_up(error)

    def close(self) -> None:
        """End the log."""
        if self._file is not None:
            self.flush()
        if self._file is not None:
            self._file.close()
            self._file = None

    def _give_up(self, error: OSError) -> None:
        log.error("%s: this run cannot be replayed: %s", self.path, error.strerror or error)
        file, self._file = self._file, None
        if file is not None:
            try:
                file.close()
            except OSError:
                pass


def sweep(folder: Path, most: int = KEPT_LOGS, most_bytes: int = KEPT_BYTES) -> None:
    """Delete the oldest logs of a folder, so that ``most`` are left, and no more bytes than ``most_bytes``."""
    logs = sorted(folder.glob("*.jsonl"), key=lambda path: path.stat().st_mtime, reverse=True)
    total = 0
    for place, path in enumerate(logs):
        total += path.stat().st_size
        if place >= most or total > most_bytes:
            path.unlink(missing_ok=True)


def name_of(run: str, part: int = 0) -> str:
    """Return the file's name for a run's log; ``part`` counts up where a long run has begun new ones."""
    return f"{run}{f'-{part:03}' if part else ''}.jsonl"


def read(path: Path) -> Iterator[AnyEntry]:
    """Yield the entries of a log; the first is its ``Header``. Raises LogError, which names file, line and reason.

    It may be packed with gzip. A log that breaks off in the middle of its last line, as a killed run leaves it, ends
    before that line.
    """
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            yield from _entries(path, file)
    except (OSError, EOFError, zlib.error) as error:
        raise LogError(f"{path}: {getattr(error, 'strerror', None) or error}") from None


def _entries(path: Path, file: Any) -> Iterator[AnyEntry]:
    number, last = 0, 0.0
    while line := file.readline(LONGEST_LINE + 1):
        number += 1
        if len(line) > LONGEST_LINE:
            raise LogError(f"{path}:{number}: a line of more than {LONGEST_LINE:,} bytes: this is no log of a run")
        if not line.endswith(b"\n") and number > 1:
            log.warning("%s:%d: the log breaks off here, as that of a killed run does", path, number)
            return
        try:
            entry = _decoder.decode(line)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise LogError(f"{path}:{number}: is no entry of a log: {error}") from None
        if (number == 1) != isinstance(entry, Header):
            raise LogError(
                f"{path}:{number}: " + ("is no header: a log begins with one" if number == 1 else "is a second header")
            )
        if isinstance(entry, Header) and entry.format != FORMAT:
            raise LogError(
                f"{path}: is written in format {entry.format} by version {entry.version}; this version replays"
                f" format {FORMAT}: use that version"
            )
        if isinstance(entry, Header) and not 0 <= entry.began < 1e11:
            raise LogError(f"{path}:{number}: began: {entry.began} is no moment at which a run began")
        if not last <= entry.t < 1e9:
            raise LogError(f"{path}:{number}: t: {entry.t} comes before {last}: the order of the log is broken")
        if isinstance(entry, Stalled) and not 0 <= entry.since <= entry.until <= entry.t:
            raise LogError(f"{path}:{number}: stalled: {entry.since} to {entry.until} is no time before {entry.t}")
        last = entry.t
        yield entry
    if not number:
        raise LogError(f"{path}: is empty")


def telling(entries: Sequence[AnyEntry]) -> Iterator[AnyEntry]:
    """Return the entries without the reports of outlets that tell nothing: another came of the same line right before.

    The last report before anything else is told, so that what was heard is known wherever it matters.
    """
    told: dict[tuple[str, str], Reported] = {}
    waiting: dict[tuple[str, str], int] = {}
    left_out: set[int] = set()
    for place, entry in enumerate(entries):
        if isinstance(entry, Reported):
            key = (entry.floor, entry.outlet)
            before, last = told.get(key), waiting.pop(key, place)
            goes_on = before and (before.line, before.everything) == (entry.line, entry.everything)
            if before and goes_on and entry.t - before.t < REPORTS_WITHIN:
                left_out.add(place)
                waiting[key] = place
                continue
            if not goes_on:
                left_out.discard(last)
            told[key] = entry
        elif not isinstance(entry, Called | Gave | Finished):
            left_out.difference_update(waiting.values())
            waiting.clear()
    left_out.difference_update(waiting.values())
    return (entry for place, entry in enumerate(entries) if place not in left_out)


def stamp(seconds: float) -> str:
    """Write a place in a run for people: minutes, seconds, tenths."""
    tenths = int(seconds * 10)
    return f"{tenths // 600:02}:{tenths // 10 % 60:02}.{tenths % 10}"
