"""Subjects of the bus: what matches is what NATS' rules say, and a malformed one is refused before it is used."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marotte.bus import NoResponders
from marotte.bus.local import LocalBus
from tests.fuzz.hostile import hostile_text, looks

pytestmark = pytest.mark.anyio
TOKENS = st.sampled_from(("event", "a", "b", "public", "*", ">", "", " ", "a*", ">>", "日本", "\u3000", "\0"))
SUBJECTS = st.lists(TOKENS, min_size=1, max_size=5).map(".".join) | hostile_text
LAWFUL = st.lists(st.sampled_from(("a", "b", "日本")), min_size=1, max_size=4).map(".".join)
PATTERNS = st.tuples(
    st.lists(st.sampled_from(("a", "b", "*", "日本")), min_size=1, max_size=4), st.sampled_from(("", ".>"))
).map(lambda parts: ".".join(parts[0]) + parts[1])


def is_lawful(subject: str, *, pattern: bool) -> bool:
    """NATS: tokens that are not empty and hold no white space; in patterns a ``*`` alone and a last ``>`` alone."""
    *before, last = subject.split(".")
    plain = re.compile(r"[^\s*>]+")
    return all(plain.fullmatch(t) or (pattern and t == "*") for t in before) and bool(
        plain.fullmatch(last) or (pattern and last in ("*", ">"))
    )


def matches(pattern: str, subject: str) -> bool:
    """The same rule as a regular expression."""
    body = r"\.".join(
        r"[^.]+" if token == "*" else r".+" if token == ">" else re.escape(token) for token in pattern.split(".")
    )
    return re.fullmatch(body, subject) is not None


@looks(400)
@given(SUBJECTS)
async def test_a_subject_is_lawful_or_refused(subject: str) -> None:
    bus = LocalBus()
    for pattern, use in ((False, lambda: bus.publish(subject, 1)), (True, lambda: bus.subscribe(subject))):
        if is_lawful(subject, pattern=pattern):
            use()
        else:
            with pytest.raises(ValueError, match="token"):
                use()


@looks(300)
@given(st.lists(PATTERNS, max_size=4), st.lists(LAWFUL, max_size=6), st.integers(0, 3))
async def test_every_mailbox_gets_what_its_pattern_matches_and_nothing_else(
    patterns: list[str], subjects: list[str], closes: int
) -> None:
    bus = LocalBus()
    boxes = [bus.subscribe(pattern, size=100) for pattern in patterns]
    sent: list[str] = []
    for place, subject in enumerate(subjects):
        bus.publish(subject, place)
        sent.append(subject)
        if place == closes and boxes:
            boxes.pop().close()  # which must change no other's routes
            patterns = patterns[:-1]
    for pattern, box in zip(patterns, boxes, strict=True):
        expected = [place for place, subject in enumerate(sent) if matches(pattern, subject)]
        box.close()
        assert [message.data for message in await box.batch()] == expected
    with pytest.raises(NoResponders):
        await LocalBus().request("a", 1)
