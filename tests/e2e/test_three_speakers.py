"""Three people speak at once, each in their language and their own browser; one of them cuts in.

Pictures of the three windows are left in ``test-results/``.
"""

import asyncio
import json
import os
import re
import sqlite3
import sys
from contextlib import AsyncExitStack, closing
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Locator, Page, expect

from marotte.events import SAMPLE_RATE
from marotte.ops import runlog
from marotte.text.sentences import joined
from tests.e2e import tongues, visitor
from tests.e2e.visitor import DESK, MICROPHONE, PHONE, SHOW, WATCH, Visitor, chromium
from tests.servers.marotte import Marotte
from tests.waiting import until

pytestmark = [pytest.mark.anyio, pytest.mark.alone]
ENGINES = """
[voice.espeak]
first_within = 60
next_within = 60
[hearing]
chain = ["whisper"]
[hearing.whisper]
engine = "faster_whisper"
model = "{model}"
threads = 1
"""
"""An ear of ours, and a voice that is given time: three browsers may leave it little of this machine."""
SAID = {
    "es": (" cuéntame", " un", " cuento", " corto"),
    "ja": ("お話", "を聞かせて", "ください", "ね"),
    "en": (" tell", " me", " a", " story"),
}
"""What each partner's ear understands, in its pieces: a wish for a story, which lasts long enough to be cut."""
ALOUD = {"es": "Cuéntame un cuento corto.", "ja": "おはなしをきかせてくださいね。", "en": "Tell me a story."}
LOCALES = {"es": "es-ES", "ja": "ja-JP", "en": "en-GB"}
HANDS_FREE = {"es": "Manos libres", "ja": "ハンズフリー", "en": "Hands-free"}
CUT = {"es": "cortado", "ja": "中断", "en": "cut"}
QUIET = 1e-4
SLOW_TO_DRAW = """
  const draw = window.requestAnimationFrame;
  window.requestAnimationFrame = (then) => setTimeout(() => draw(then), 100);
  window.cancelAnimationFrame = clearTimeout;
"""
KINDS = ("transcript", "turn_started", "turn_ended", "line_written", "line_started", "line_timings", "line_ended")


class Partner(Visitor):
    """A visitor who speaks one language into a microphone, and what sound came to them."""

    def __init__(self, page: Page, language: str) -> None:
        self.pieces: list[tuple[str, int, int]] = []
        """The line, the place on the floor's clock and the samples of each piece of sound that came."""
        self.sounded: set[str] = set()
        """The turns that it was of."""
        self.language = language
        super().__init__(page)

    @property
    def floor(self) -> str:
        return self.welcome["floor"]

    @property
    def said(self) -> str:
        return "".join(SAID[self.language]).strip()

    @property
    def turns(self) -> list[str]:
        """The turns that answered them, without those that were begun too early and that nobody heard."""
        return [e["turn"] for e in self.events("turn_started") if e["percepts"]]

    def endings(self) -> dict[str, dict[str, Any]]:
        return {e["turn"]: e["ending"] for e in self.events("turn_ended") if e["turn"] in self.turns}

    @property
    def played(self) -> list[int]:
        """What the window said it had played last, each time since the first line."""
        first = self.events("line_started")[0]["sample"]
        return [o["sample"] for o in self.orders if o["type"] == "played" and o["sample"] >= first]

    def words(self, line: str, played: int) -> tuple[str, ...]:
        """The text of a line up to the last word that had been heard to its end, 10 ms more or less.

        Where the voice had not told yet when the word ends that sounded, it may be up to that word, too: law 2.
        """
        pieces = [(sample, length) for of, sample, length in self.pieces if of == line]

        def before(place: int) -> int:
            """How much of the line's sound came before a place on the clock: there may be gaps in it."""
            return sum(min(max(place - sample, 0), length) for sample, length in pieces)

        told = {w[3]: w for e in self.events("line_timings") if e["line"] == line for w in e["words"]}
        ends = {at + len(word): before(start) + end - start for word, start, end, at in told.values()}
        text = next(e["spoken"] for e in self.events("line_started") if e["line"] == line)
        heard = max((at for at, end in ends.items() if end <= before(played) + 480), default=0)
        if before(played) <= max(ends.values(), default=0) + 480:
            return (text[:heard],)
        word = re.match(r"\W*\w*", text[heard:])
        assert word
        return text[:heard], text[: heard + word.end()]

    async def silent(self) -> bool:
        return max((await self.watched("energies"))[-3:]) < QUIET

    def _received(self, payload: str | bytes) -> None:
        super()._received(payload)
        if isinstance(payload, bytes):
            header, _, pcm = payload.partition(b"\n")
            told = json.loads(header)
            self.pieces.append((told["line"], told["sample"], len(pcm) // 2))
            self.sounded.add(told["turn"])


async def arrive(stack: AsyncExitStack, program: Marotte, language: str, speech: Path) -> Partner:
    """Open a talk window in a browser of its own, with a microphone of its own."""
    browser = await stack.enter_async_context(
        chromium(MICROPHONE, f"--use-file-for-fake-audio-capture={speech}%noloop")
    )
    # Small, still and slow to draw: three desks full of drawings would leave this machine no time for the sound.
    room = await browser.new_context(
        viewport={"width": PHONE[0], "height": PHONE[1]},
        locale=LOCALES[language],
        reduced_motion="reduce",
        permissions=["microphone"],
    )
    await room.add_init_script(WATCH)
    await room.add_init_script(SLOW_TO_DRAW)
    partner = Partner(await room.new_page(), language)
    await partner.page.goto(f"{program.url}/talk")
    await partner.sounding()
    return partner


async def speak(partner: Partner) -> None:
    """Open the microphone, whatever lies over its switch."""
    switch = partner.page.get_by_role("switch", name=HANDS_FREE[partner.language], include_hidden=True)
    await switch.dispatch_event("click")


async def another_microphone(partner: Partner) -> Locator:
    """Look for another microphone, in Spanish: once it is chosen, the browser plays its recording anew."""
    await partner.page.get_by_role("button", name="Ajustes").click()
    await partner.page.get_by_role("combobox", name="Micrófono").click()
    return partner.page.get_by_role("option").last


async def answered(partner: Partner, count: int) -> None:
    await until(lambda: len(partner.endings()) >= count, f"{count} answers in {partner.language}")


async def replayed(log: Path) -> tuple[int | None, str]:
    """Let the program live through the log again: its exit code, and what it told."""
    replay = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "marotte", "replay", str(log)),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)},
    )
    told, _ = await replay.communicate()
    return replay.returncode, told.decode()


def bare(text: str) -> list[str]:
    return re.findall(r"\w+", text)


@pytest.fixture
def modest_browsers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Three browsers that draw leave two processors no time for the program, which talks in real time: they wait."""
    modest = tmp_path / "chromium"
    # Linux may share processors out among sessions, of which each browser has its own, before it looks at processes.
    modest.write_text(
        "#!/bin/sh\n"
        "if [ -w /proc/self/autogroup ]; then echo 5 > /proc/self/autogroup; fi\n"
        f'exec nice -n 5 {visitor.CHROMIUM} "$@"\n',
        "utf-8",
    )
    modest.chmod(0o755)
    monkeypatch.setattr(visitor, "CHROMIUM", str(modest))


@pytest.mark.usefixtures("modest_browsers")
async def test_three_speakers_at_once_are_each_answered_in_their_language(tmp_path: Path, results: Path) -> None:
    model = tmp_path / "model"
    tongues.write(model, SAID)
    async with AsyncExitStack() as stack:
        program = Marotte(tmp_path, SHOW + ENGINES.format(model=model))
        await program.start()
        stack.push_async_callback(program.stop)
        for code, speech in [(code, await tongues.spoken(aloud, code)) for code, aloud in ALOUD.items()]:
            (tmp_path / f"{code}.wav").write_bytes(speech)
        partners = [await arrive(stack, program, code, tmp_path / f"{code}.wav") for code in SAID]
        spanish, *others = partners
        assert len({partner.floor for partner in partners}) == 3

        again = await another_microphone(spanish)
        await asyncio.gather(*map(speak, partners))
        for partner in partners:
            await partner.event("line_started")
        # The Spanish one has heard some words, and speaks again into the answer.
        begun = (await spanish.event("line_started"))["sample"]
        await until(lambda: max(spanish.played, default=0) > begun + 1.5 * SAMPLE_RATE, "1.5 s that were heard")
        await again.click()
        await answered(spanish, 1)
        await spanish.page.keyboard.press("Escape")
        for partner in others:
            await answered(partner, 1)
            await until(partner.silent, "silence")
            assert await partner.watched("loudest") > 0.03
            await partner.page.evaluate("globalThis.watched.loudest = 0")
        await answered(spanish, 2)
        assert await spanish.watched("loudest") > 0.03
        for partner in others:
            assert await partner.watched("loudest") < QUIET, "while only the Spanish one was answered"
        for partner in partners:
            await partner.page.set_viewport_size({"width": DESK[0], "height": DESK[1]})
            await partner.page.screenshot(path=results / f"three-speakers-{partner.language}.png")

        in_their_own_language_and_nothing_else(partners)
        await shown(partners)
        assert await program.stop() == 0
        (log,) = (program.data / "runs").glob("*.jsonl")
        exactly_what_was_heard(partners, list(runlog.read(log)), program.data / "marotte.sqlite")
        code, told = await replayed(log)
        assert code == 0, told
        assert "every line is the same, byte for byte" in told


def in_their_own_language_and_nothing_else(partners: list[Partner]) -> None:
    """What came over each socket: answers to its own partner, in their language, and nothing of anybody else's."""
    began = [partner.events("line_started")[0]["at"] for partner in partners]
    ended = [partner.events("turn_ended")[0]["at"] for partner in partners]
    assert max(began) < min(ended), "all three were being answered at once"
    for partner in partners:
        finals = [e for e in partner.events("transcript") if e["final"]]
        assert {(e["text"], e["language"], e["ear"]) for e in finals} == {(partner.said, partner.language, "whisper")}
        assert len(finals) == len(partner.turns) == (2 if partner.language == "es" else 1)
        assert {e["floor"] for e in partner.events(*KINDS)} == {partner.floor}
        assert {e["language"] for e in partner.events("line_started", "line_written")} == {partner.language}
        assert partner.sounded == set(partner.turns)
        for other in partners:
            if other is not partner:
                told = json.dumps(partner.frames, ensure_ascii=False)
                assert other.floor not in told
                assert other.said not in told
                assert not [text for text in texts(other) if text in told]


async def shown(partners: list[Partner]) -> None:
    """What each window shows: both sides of its own conversation, as it was heard, and nothing of the others'."""
    for partner in partners:
        said = partner.conversation.get_by_text(partner.said, exact=True)
        await expect(said).to_have_count(len(partner.turns))
        for ending in partner.endings().values():
            await expect(partner.conversation.get_by_text(ending["heard"], exact=True)).to_be_visible()
        cut = partner.conversation.get_by_text(CUT[partner.language], exact=True)
        await expect(cut).to_have_count(1 if partner.language == "es" else 0)
        page = await partner.page.locator("body").inner_text()
        assert not [text for other in partners if other is not partner for text in texts(other) if text in page]
        assert partner.complaints == []


def texts(partner: Partner) -> set[str]:
    return {e["shown"] for e in partner.events("line_written")}


def exactly_what_was_heard(partners: list[Partner], log: list[runlog.AnyEntry], database: Path) -> None:
    """Log and rows hold, of each answer, the words that the window said it had played, and no other."""
    for partner in partners:
        asked = [e.percept.text for e in log if isinstance(e, runlog.Perceived) and e.percept.floor == partner.floor]
        assert asked == [partner.said] * len(partner.turns)
        samples = {e["line"]: e["sample"] for e in partner.events("line_started")}
        starts = [samples.get(e["line"]) for e in partner.events("line_written")]
        reports = [e for e in log if isinstance(e, runlog.Reported) and e.floor == partner.floor]
        played = [starts[report.line] + report.offset for report in reports]
        assert played == partner.played[: len(played)], "the log holds every report of the window"
        ends = [e for e in log if isinstance(e, runlog.Said) and (e.floor, e.what) == (partner.floor, "end")]
        for turn, end in zip(partner.turns, ends, strict=True):
            heard_until = max(sample for report, sample in zip(reports, played, strict=True) if report.t <= end.t)
            cut = partner.language == "es" and turn == partner.turns[0]
            lines = heard_of_lines(partner, turn, heard_until, cut)
            said = joined(*(heard for _, heard, _ in lines))
            state = "interrupted" if cut else "done"
            ending = partner.endings()[turn]
            assert (ending["state"], ending["heard"], ending["cut"]) == (state, said, cut)
            assert end.words[:3] == (state, said, "cut" if cut else "whole")
            assert kept(database, turn) == ((state, said, cut), lines)


def heard_of_lines(partner: Partner, turn: str, played: int, cut: bool) -> list[tuple[str, str, bool]]:
    """The lines of a turn that began to sound, what was heard of each, and whether it was cut: at a word, by words."""
    shown = {e["line"]: e["shown"] for e in partner.events("line_started") if e["turn"] == turn}
    parts = [(e["line"], e["heard"], e["cut"]) for e in partner.events("line_ended") if e["turn"] == turn]
    assert [line for line, _, _ in parts] == list(shown)
    cuts = [was_cut for _, _, was_cut in parts]
    assert cuts == sorted(cuts), "nothing was heard behind the cut"
    assert cut or not any(cuts), "it may be cut between two lines, too"
    for line, heard, was_cut in parts:
        assert shown[line].startswith(heard)
        assert (heard != shown[line]) == was_cut
        assert not was_cut or bare(heard) in map(bare, partner.words(line, played))
    return parts


def kept(database: Path, turn: str) -> tuple[tuple[str, str, bool], list[tuple[str, str, bool]]]:
    """The row of a turn, and those of its lines that sounded: what was heard, and whether it was cut."""
    with closing(sqlite3.connect(database)) as rows:
        state, heard, cut = rows.execute("SELECT state, heard, cut FROM turns WHERE id = ?", (turn,)).fetchone()
        lines = rows.execute("SELECT id, heard, cut FROM lines WHERE turn = ? ORDER BY ordinal", (turn,)).fetchall()
    return (state, heard, bool(cut)), [(line, text, bool(part)) for line, text, part in lines]
