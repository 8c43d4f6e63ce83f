"""The ear behind WhisperLive, against a server that keeps to its protocol and then does not.

Where the package ``whisper-live`` is installed, its own server takes the place of ours in the first part.
"""

import asyncio
import importlib.util
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing
from typing import Any

import pytest
from pydantic import ValidationError

from marotte.engines.kinds import EngineError, EngineUnavailable, EngineUnsuited, Heard, Kit
from marotte.events import Word
from marotte.senses.hearing.ears import whisperlive
from marotte.senses.hearing.ears.whisperlive import WhisperLiveEar, WhisperLiveSettings
from tests.servers.scripted_words import WORDS, say
from tests.servers.whisperlive import WhisperLiveServer
from tests.waiting import PATIENCE, until

pytestmark = pytest.mark.anyio

SPEECH, TEXT = say(*WORDS), " ".join(WORDS)
KEY = "wl-test-0123456789"
REAL = ["real"] if importlib.util.find_spec("whisper_live") else []


@pytest.fixture
async def kit() -> AsyncIterator[Kit]:
    kit = Kit(secrets={"WHISPERLIVE_KEY": KEY})
    yield kit
    await kit.close()


@pytest.fixture
async def server() -> AsyncIterator[WhisperLiveServer]:
    async with WhisperLiveServer() as server:
        yield server
    assert server.complaints == []


@pytest.fixture
async def ears(kit: Kit, server: WhisperLiveServer) -> AsyncIterator["Ears"]:
    ears = Ears(kit, server.url)
    yield ears
    await ears.close()


class Ears:
    """Makes ears and closes them."""

    def __init__(self, kit: Kit, url: str) -> None:
        self._kit, self._url, self._made = kit, url, list[WhisperLiveEar]()

    def __call__(self, **settings: Any) -> WhisperLiveEar:
        given = {"url": self._url, "patience": PATIENCE, "keep": False, **settings}
        self._made.append(WhisperLiveEar(WhisperLiveSettings.model_validate(given), self._kit))
        return self._made[-1]

    async def close(self) -> None:
        for ear in self._made:
            await ear.close()


async def spoken(pcm: bytes) -> AsyncIterator[bytes]:
    for at in range(0, len(pcm), 640):
        yield pcm[at : at + 640]


async def hear(ear: WhisperLiveEar, language: str = "en", pcm: bytes = SPEECH) -> list[Heard]:
    return [heard async for heard in ear.hear(spoken(pcm), language)]


# --- what both servers do


@pytest.fixture(scope="module")
def real() -> Iterator[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "tests.servers.whisperlive_real", str(port), "--api-key", KEY]
    program = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    assert program.stderr
    try:
        while "listening" not in (line := program.stderr.readline()):
            assert line, "it did not start"
        yield f"ws://127.0.0.1:{port}"
    finally:
        program.kill()
        program.wait()


@pytest.fixture(params=["ours", *REAL])
async def both(request: pytest.FixtureRequest, kit: Kit) -> AsyncIterator[Ears]:
    if request.param == "real":
        ears = Ears(kit, request.getfixturevalue("real"))
        yield ears
        await ears.close()
        return
    async with WhisperLiveServer(key=KEY) as server:
        ears = Ears(kit, server.url)
        yield ears
        await ears.close()
    assert server.complaints == []


@pytest.mark.parametrize("keep", [False, True])
async def test_a_turn_is_understood_while_it_is_spoken_and_wholly_at_its_end(both: Ears, keep: bool) -> None:
    ear = both(secret="WHISPERLIVE_KEY", keep=keep)
    await ear.warm()
    for _ in range(2):
        *partial, last = await hear(ear)
        assert last == Heard(text=TEXT, language="en")
        assert all(not heard.final and TEXT.startswith(heard.text) for heard in partial)
        assert len({heard.text for heard in partial}) == len(partial), "each tells something new"


async def test_a_single_word(both: Ears) -> None:
    assert (await hear(both(secret="WHISPERLIVE_KEY"), pcm=say("joke")))[-1].text == "joke"


async def test_a_pause_in_the_turn(both: Ears) -> None:
    pcm = say("good", "evening") + bytes(64_000) + say("my", "dear", "jester", "tell")
    assert (await hear(both(secret="WHISPERLIVE_KEY"), pcm=pcm))[-1].text == "good evening my dear jester tell"


async def test_the_server_finds_out_the_language_and_when_each_word_was_said(both: Ears) -> None:
    ear = both(secret="WHISPERLIVE_KEY", word_timestamps=True)
    last = (await hear(ear, "", say("good", "evening", "my", "dear")))[-1]
    assert (last.text, last.language, last.uncertain, last.final) == ("good evening my dear", "fr", False, True)
    assert last.words == tuple(
        Word(word, at * 4_800, at * 4_800 + 4_000) for at, word in enumerate(("good", "evening", "my", "dear"))
    )


async def test_where_nobody_spoke_nothing_is_understood(both: Ears) -> None:
    assert await hear(both(secret="WHISPERLIVE_KEY", patience=0.3), pcm=bytes(32_000)) == [
        Heard(text="", language="en")
    ]


async def test_a_key_that_is_missing_or_wrong(both: Ears, kit: Kit) -> None:
    with pytest.raises(EngineUnavailable, match=r"wants a key: .*\(401\)"):
        await hear(both())
    kit.secrets["OTHER_KEY"] = "sk-wrong"
    with pytest.raises(EngineUnavailable, match=r"does not accept the key in OTHER_KEY \(401\)") as failure:
        await hear(both(secret="OTHER_KEY"))
    assert "sk-wrong" not in str(failure.value)


# --- how it asks


async def test_the_handshake(server: WhisperLiveServer, ears: Ears) -> None:
    await hear(ears(model="tiny", use_vad=False, extra={"hotwords": "Pip", "same_output_threshold": 5}), "en-GB")
    options = server.sessions[0].options
    assert len(options.pop("uid")) == 36
    assert options == {
        "language": "en",
        "task": "transcribe",
        "model": "tiny",
        "use_vad": False,
        "word_timestamps": False,
        "same_output_threshold": 5,
        "hotwords": "Pip",
    }
    await until(lambda: server.sessions[0].ended, "the goodbye")


async def test_the_first_words_are_told_before_the_last_are_spoken(server: WhisperLiveServer, ears: Ears) -> None:
    told = asyncio.Event()

    async def speech() -> AsyncIterator[bytes]:
        yield say("good", "evening", "my", "dear")
        await told.wait()
        yield say("jester")

    texts = []
    async for heard in ears().hear(speech(), "en"):
        texts.append((heard.text, heard.final))
        told.set()
    assert texts[0] == ("good evening my dear", False)
    assert texts[-1] == ("good evening my dear jester", True)


async def test_what_was_begun_before_the_end_of_the_turn_is_not_taken_for_all(
    server: WhisperLiveServer, ears: Ears
) -> None:
    """A transcription that comes after the last sound may not know of it."""

    async def speech() -> AsyncIterator[bytes]:
        yield say("good", "evening", "my", "dear")
        await until(lambda: server.sessions[0].looks, "the first look")
        yield say("jester")

    async def open_gate() -> None:
        await until(lambda: server.sessions and server.sessions[0].pinged, "the end of the turn")
        server.gate.set()

    server.gate.clear()
    opening = asyncio.create_task(open_gate())
    texts = [heard.text async for heard in ears().hear(speech(), "en")]
    await opening
    assert texts == ["good evening my dear", "good evening my dear jester"]


async def test_a_server_that_answers_pings_before_it_has_taken_in_all(server: WhisperLiveServer, ears: Ears) -> None:
    """Up to 16 messages and 64 KiB wait for it, as in the library that WhisperLive is built on."""
    server.fault("lag")
    assert (await hear(ears()))[-1].text == TEXT


async def test_a_session_is_ready_for_the_next_turn_in_the_same_language(server: WhisperLiveServer, ears: Ears) -> None:
    ear = ears(keep=True)
    await hear(ear)
    await until(lambda: len(server.sessions) == 2 and server.sessions[1].options, "the next session")
    await hear(ear, "en-US")
    await until(lambda: len(server.sessions) == 3 and server.sessions[2].options, "the session after it")
    await hear(ear, "ja")
    await until(lambda: len(server.sessions) == 5 and server.sessions[4].options, "sessions in another language")
    await until(lambda: server.sessions[1].ended and server.sessions[2].left, "the goodbyes")
    languages = [session.options["language"] for session in server.sessions]
    assert languages == ["en", "en", "en", "ja", "ja"]
    assert [len(session.sound) > 0 for session in server.sessions] == [True, True, False, True, False]
    await ear.close()
    await until(lambda: server.sessions[4].left, "the last goodbye")


async def test_an_ear_that_is_closed_opens_nothing_more(server: WhisperLiveServer, ears: Ears) -> None:
    ear = ears(keep=True)
    async with aclosing(ear.hear(spoken(SPEECH), "en")) as texts:  # type: ignore[type-var]
        await anext(texts)
        await ear.close()
    await until(lambda: server.sessions[0].left, "the goodbye")
    assert len(server.sessions) == 1


async def test_a_session_that_waits_is_renewed_before_the_server_ends_it(
    server: WhisperLiveServer, ears: Ears, monkeypatch: pytest.MonkeyPatch
) -> None:
    ear = ears(keep=True)
    with monkeypatch.context() as patch:
        patch.setattr(whisperlive, "_OLDEST", 0.05)
        await ear.warm()
    await until(lambda: len(server.sessions) == 2 and server.sessions[1].options, "another")
    assert (await hear(ear, ""))[-1].text == TEXT
    assert [len(session.sound) > 0 for session in server.sessions[:2]] == [False, True]


async def test_without_a_place_for_the_next_session_it_asks_again(server: WhisperLiveServer, ears: Ears) -> None:
    ear = ears(keep=True)
    await ear.warm()
    server.fault("wait")
    assert (await hear(ear, ""))[-1].text == TEXT
    await until(lambda: len(server.sessions) == 2 and server.sessions[1].left, "no place for the next session")
    assert (await hear(ear, ""))[-1].text == TEXT
    assert [len(session.sound) > 0 for session in server.sessions[:3]] == [True, False, True]


async def test_two_floors_are_heard_at_once(server: WhisperLiveServer, ears: Ears) -> None:
    ear = ears(keep=True)
    turns = await asyncio.gather(hear(ear), hear(ear, pcm=say("tell", "me")))
    assert [turn[-1].text for turn in turns] == [TEXT, "tell me"]


async def test_a_turn_without_end_is_refused(ears: Ears) -> None:
    async def speech() -> AsyncIterator[bytes]:
        for _ in range(61):
            yield bytes(320_000)

    with pytest.raises(EngineUnsuited, match="more than 600 seconds"):
        [heard async for heard in ears().hear(speech(), "")]


async def test_a_microphone_that_fails_is_told(ears: Ears) -> None:
    async def speech() -> AsyncIterator[bytes]:
        yield SPEECH
        raise RuntimeError("unplugged")

    with pytest.raises(RuntimeError, match="unplugged"):
        [heard async for heard in ears().hear(speech(), "")]


# --- when the server does not keep to it


@pytest.mark.parametrize(
    ("fault", "told", "kind"),
    [
        ("wait", "the server is full; a place is free in about 7 min", EngineUnavailable),
        ("error", "the server has failed: Failed to load model: small", EngineUnavailable),
        ("disconnect", "the server ended the session: it was longer than it allows", EngineError),
        ("close", "closed the connection before it had answered", EngineUnavailable),
        ("garbage", "sent what is no message of its protocol", EngineUnavailable),
        ("list", "sent what is no message of its protocol", EngineUnavailable),
        ("malformed", "sent what is no message of its protocol", EngineUnavailable),
        ("huge", "closed the connection", EngineUnavailable),
        ("long", "more than 100000 characters", EngineError),
    ],
)
async def test_a_fault_is_told_and_the_next_turn_is_well(
    server: WhisperLiveServer, ears: Ears, fault: str, told: str, kind: type[EngineError]
) -> None:
    server.fault(fault)
    ear = ears()
    with pytest.raises(EngineError, match=told) as failure:
        await hear(ear)
    assert type(failure.value) is kind
    assert getattr(failure.value, "retry_after", 0.0) == (444.0 if fault == "wait" else 0.0)
    assert (await hear(ear))[-1].text == TEXT


async def test_a_warning_is_passed_over(server: WhisperLiveServer, ears: Ears) -> None:
    server.fault("warning")
    assert (await hear(ears()))[-1].text == TEXT


async def test_words_that_the_server_is_not_sure_of(server: WhisperLiveServer, ears: Ears) -> None:
    server.fault("unsure")
    assert (await hear(ears(word_timestamps=True)))[-1].uncertain


async def test_nobody_or_the_wrong_one_listens(kit: Kit, server: WhisperLiveServer) -> None:
    with pytest.raises(EngineUnavailable, match=r"ws://127\.0\.0\.1:9 cannot be reached"):
        await hear(Ears(kit, "ws://127.0.0.1:9")())
    with pytest.raises(EngineUnavailable, match="is it a WhisperLive server"):
        await Ears(kit, f"{server.url}/other")().warm()
    with pytest.raises(ValidationError, match="url"):
        WhisperLiveSettings(url="http://127.0.0.1:9090")
    settings = WhisperLiveSettings(secret="WHISPERLIVE_KEY")
    assert "set WHISPERLIVE_KEY" in WhisperLiveEar.check(settings, Kit())
    assert WhisperLiveEar.check(settings, kit) == ""


# --- cuts


async def test_a_cut_ends_the_session(server: WhisperLiveServer, ears: Ears) -> None:
    async def speech() -> AsyncIterator[bytes]:
        yield SPEECH
        await asyncio.Event().wait()

    async with asyncio.timeout(PATIENCE):
        async with aclosing(ears().hear(speech(), "en")) as texts:  # type: ignore[type-var]
            await anext(texts)
    await until(lambda: server.sessions[0].left, "the client's leaving")


@pytest.mark.parametrize("fault", ["hang", "silent"])
async def test_a_cut_while_the_server_hangs(server: WhisperLiveServer, ears: Ears, fault: str) -> None:
    server.fault(fault)
    ear = ears()
    asking = asyncio.create_task(hear(ear))
    await until(lambda: server.sessions and server.sessions[0].options, "the handshake")
    asking.cancel()
    await asyncio.wait({asking}, timeout=PATIENCE)
    assert asking.cancelled()
    await until(lambda: server.sessions[0].left, "the client's leaving")
    assert (await hear(ear))[-1].text == TEXT
