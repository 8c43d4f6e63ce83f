"""The bridge to LiveKit's plugins: the OpenAI plugin against a local server, and one on a script that streams."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from marotte.engines.kinds import EngineError, EngineUnavailable, EngineUnsuited, Heard, Kit
from marotte.events import Word
from marotte.senses.hearing.ears.livekit import LiveKitEar, LiveKitEarSettings
from marotte.voice.voices.livekit import LiveKitVoice, LiveKitVoiceSettings
from tests import servers
from tests.servers.openai import OpenAIServer, Script, babble
from tests.speaking import line, pcm, speak, words
from tests.waiting import PATIENCE, until

pytestmark = pytest.mark.anyio
KEY = "lk-0123456789abcdef"
TEXT = "Hello there, Ada."


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module", autouse=True)
def scripted_plugin() -> Any:
    """Let ``livekit.plugins.scripted`` be found, here and in child processes."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(Path(servers.__file__).parent / "livekit_plugins"))
        patch.setattr("marotte.engines.child._GRACE", PATIENCE)
        yield


@pytest.fixture(scope="module")
def kit() -> Kit:
    return Kit(secrets={"OPENAI_API_KEY": Script.key, "SCRIPTED_API_KEY": KEY, "OTHER_TOKEN": "other-token-xyz"})


@pytest.fixture(scope="module")
async def server() -> AsyncIterator[OpenAIServer]:
    async with OpenAIServer(Script(pace=50)) as server:
        yield server


@pytest.fixture(scope="module")
async def voice(server: OpenAIServer, kit: Kit) -> AsyncIterator[LiveKitVoice]:
    """The voice through LiveKit's own OpenAI plugin."""
    options = {"base_url": server.url, "response_format": "pcm"}
    feelings = {"joy": {"voice": "nova", "speed": 1.5, "style": "Sing."}}
    takes = {"voice": "voice", "speed": "speed", "style": "instructions"}
    settings = LiveKitVoiceSettings(plugin="openai", voice="alloy", options=options, feelings=feelings, takes=takes)
    voice = LiveKitVoice(settings, kit)
    await voice.warm()
    yield voice
    await voice.close()


@pytest.fixture(scope="module")
async def ear(server: OpenAIServer, kit: Kit) -> AsyncIterator[LiveKitEar]:
    options = {"base_url": server.url, "model": "whisper-1"}
    ear = LiveKitEar(LiveKitEarSettings(plugin="openai", options=options), kit)
    yield ear
    await ear.close()


@pytest.fixture(scope="module")
async def streaming(kit: Kit) -> AsyncIterator[LiveKitVoice]:
    settings = LiveKitVoiceSettings(
        plugin="scripted",
        takes={"voice": "voice", "speed": "speed", "language": "language"},
        languages={"ja": {"voice": "sakura", "speed": 2.0}},
    )
    voice = LiveKitVoice(settings, kit)
    yield voice
    await voice.close()


async def speech(seconds: float = 1.0) -> AsyncIterator[bytes]:
    for _ in range(round(seconds / 0.02)):
        yield bytes(640)


async def heard(ear: LiveKitEar, language: str = "en", seconds: float = 1.0) -> list[Heard]:
    return [piece async for piece in ear.hear(speech(seconds), language)]


async def test_the_openai_plugin_speaks_and_takes_the_manner(server: OpenAIServer, voice: LiveKitVoice) -> None:
    sounds = await speak(voice, line(TEXT))
    sent = babble(len(TEXT) * Script.per_character)
    assert pcm(sounds).startswith(sent)
    assert not any(pcm(sounds)[len(sent) :]), "livekit-agents ends with a moment of silence"
    assert {sound.rate for sound in sounds} == {24_000}
    await speak(voice, line(TEXT, feeling="joy"))
    usual, joy = (asked.body for asked in server.requests[-2:])
    assert (usual["voice"], usual["speed"], usual["input"]) == ("alloy", 1.0, TEXT)
    assert (joy["voice"], joy["speed"], joy["instructions"]) == ("nova", 1.5, "Sing.")


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        ("401", r"livekit openai does not accept the key in OPENAI_API_KEY \(401\)"),
        ("429", r"has had enough requests for now \(429\)"),
        ("500", r"has failed \(500\)"),
        ("empty", "no audio frames were pushed"),
    ],
)
async def test_refusals_in_plain_words_after_one_try(
    server: OpenAIServer, voice: LiveKitVoice, fault: str, told: str
) -> None:
    before = len(server.requests)
    server.fault("speech", fault, 1)
    with pytest.raises(EngineUnavailable, match=told) as failure:
        await speak(voice, line(TEXT))
    assert Script.key not in str(failure.value)
    assert len(server.requests) == before + 1, "the chain does the trying, not the plugin"


async def test_a_connection_that_breaks_in_the_midst(server: OpenAIServer, voice: LiveKitVoice) -> None:
    server.fault("speech", "close", 1)
    with pytest.raises(EngineError, match="cannot be reached") as failure:
        await speak(voice, line(TEXT * 5))
    assert type(failure.value) is EngineError


async def test_a_page_is_no_sound(server: OpenAIServer, voice: LiveKitVoice) -> None:
    server.fault("speech", "wrong_type", 1)
    with pytest.raises(EngineError, match="sent no sound"):
        await speak(voice, line(TEXT))


async def test_a_cut_closes_the_connection_and_the_next_line_sounds(server: OpenAIServer, voice: LiveKitVoice) -> None:
    server.gate.clear()
    async with aclosing(voice.speak(line(TEXT * 20))) as sounds:
        await anext(sounds)
    asked = server.requests[-1]
    await until(lambda: asked.cut, "the server sees the cut")
    server.gate.set()
    assert pcm(await speak(voice, line(TEXT)))


async def test_the_openai_plugin_hears(server: OpenAIServer, ear: LiveKitEar) -> None:
    assert await heard(ear, "en-GB") == [Heard(text="hello there", language="en")]
    assert (server.requests[-1].body["language"], len(server.requests[-1].file) - 44) == ("en", 32_000)
    server.fault("transcriptions", "401", 1)
    with pytest.raises(EngineUnavailable, match="does not accept the key in OPENAI_API_KEY"):
        await heard(ear)
    assert await heard(ear, "", 0) == [Heard(text="", language="")]


async def test_word_times_of_a_plugin_that_streams(streaming: LiveKitVoice) -> None:
    sounds = await speak(streaming, line("Ha ha, Ada."))
    assert words(sounds) == [Word("Ha", 0, 3_200, 0), Word("ha,", 3_200, 6_400, 3), Word("Ada.", 6_400, 9_600, 7)]
    assert pcm(sounds).rstrip(b"\0") == b"\x10\x27" * 9_600


async def test_the_language_and_the_manner_go_where_the_plugin_takes_them(streaming: LiveKitVoice) -> None:
    told = [word.text for word in words(await speak(streaming, line("TOLD", "ja")))]
    assert told == ["voice=sakura", "speed=2.0", "language=ja"]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("401", r"does not accept the key in SCRIPTED_API_KEY \(401\): the key … is not known"),
        ("timeout", "did not answer in time"),
        ("away", "cannot be reached: nobody listens"),
        ("bug", "has failed: an unforeseen thing"),
    ],
)
async def test_a_plugin_that_fails(streaming: LiveKitVoice, text: str, told: str) -> None:
    with pytest.raises(EngineUnavailable, match=told):
        await speak(streaming, line(text))
    with pytest.raises(EngineError) as failure:
        await speak(streaming, line(f"One two three {text}"))
    assert KEY not in str(failure.value)


async def test_a_plugin_that_hangs_is_cut(streaming: LiveKitVoice) -> None:
    pid = streaming._plugin._children[0].pid
    async with aclosing(streaming.speak(line("One two HANG"))) as sounds:
        await anext(sounds)
    assert pcm(await speak(streaming, line("Yes.")))
    assert streaming._plugin._children[0].pid == pid, "it obeyed and was not killed"


async def test_two_channels_are_refused_and_nothing_is_unsuited(kit: Kit) -> None:
    voice = LiveKitVoice(LiveKitVoiceSettings(plugin="scripted", options={"channels": 2}), kit)
    try:
        with pytest.raises(EngineUnavailable, match="sent 2 channels"):
            await speak(voice, line(TEXT))
        with pytest.raises(EngineUnsuited, match="nothing to say"):
            await speak(voice, line(" "))
    finally:
        await voice.close()


async def test_interim_results_come_while_somebody_speaks(kit: Kit) -> None:
    ear = LiveKitEar(LiveKitEarSettings(plugin="scripted", options={"sure": 0.3}), kit)
    first = asyncio.Event()

    async def talk() -> AsyncIterator[bytes]:
        for _ in range(6):
            yield bytes(640)
        await first.wait()  # the rest is said once the first word was understood
        for _ in range(14):
            yield bytes(640)

    got: list[Heard] = []
    try:
        async with asyncio.timeout(PATIENCE):
            async for piece in ear.hear(talk(), "en"):
                got.append(piece)
                first.set()
    finally:
        await ear.close()
    assert [piece.text for piece in got] == [
        "good", "good evening", "good evening every", "good evening every body", "good evening every body",
    ]  # fmt: skip
    assert [piece.final for piece in got] == [False] * 4 + [True]
    assert got[-1].uncertain
    assert got[-1].words[1:3] == (Word("evening", 1_600, 3_200), Word("every", 3_200, 4_800))


async def test_two_partners_are_heard_at_once_by_two_programs(kit: Kit) -> None:
    ear = LiveKitEar(LiveKitEarSettings(plugin="scripted", programs=2), kit)
    other = asyncio.Event()

    async def waiting() -> AsyncIterator[bytes]:
        yield bytes(6_400)
        await other.wait()  # goes on speaking until the other was understood

    async def long() -> list[Heard]:
        return [piece async for piece in ear.hear(waiting(), "en")]

    first = asyncio.create_task(long())
    try:
        async with asyncio.timeout(PATIENCE):
            await until(lambda: ear._plugin._asked, "the first is being heard")
            assert (await heard(ear))[-1].text == "good evening every body"
            assert not first.done()
            other.set()
            assert (await first)[-1].text == "good evening"
    finally:
        first.cancel()
        await ear.close()


@pytest.mark.parametrize("error", ["401", "timeout"])
async def test_an_ear_that_fails_says_so_before_the_speech_has_ended(kit: Kit, error: str) -> None:
    ear = LiveKitEar(LiveKitEarSettings(plugin="scripted", options={"error": error}), kit)

    async def endless() -> AsyncIterator[bytes]:
        yield bytes(6_400)
        await asyncio.Event().wait()

    try:
        with pytest.raises(EngineUnavailable, match=r"SCRIPTED_API_KEY|in time"):
            async with asyncio.timeout(PATIENCE):
                async for _ in ear.hear(endless(), "en"):
                    pass
    finally:
        await ear.close()


async def test_what_is_missing_or_wrong(kit: Kit, monkeypatch: pytest.MonkeyPatch) -> None:
    def said(kit: Kit = kit, **settings: Any) -> str:
        return LiveKitVoice.check(LiveKitVoiceSettings(**settings), kit)

    assert said(plugin="scripted") == ""
    assert said(plugin="no_such") == "LiveKit's plugin no_such is missing: pip install livekit-plugins-no-such"
    assert said(Kit(), plugin="scripted", secret="OTHER_TOKEN") == "livekit scripted wants a key: set OTHER_TOKEN"
    assert said(Kit(), plugin="scripted", secrets={"k": "OTHER_KEY"}) == "livekit scripted wants a key: set OTHER_KEY"
    with pytest.raises(ValidationError, match="say in takes which option"):
        LiveKitVoiceSettings(plugin="scripted", feelings={"joy": {"pitch": 3}})
    with pytest.raises(ValidationError, match="plugin"):
        LiveKitVoiceSettings(plugin="../evil")
    wrong = LiveKitVoice(LiveKitVoiceSettings(plugin="scripted", options={"modle": "x"}), kit)
    with pytest.raises(EngineUnavailable, match="unexpected keyword argument 'modle'"):
        await speak(wrong, line(TEXT))
    await wrong.close()
    monkeypatch.setattr("marotte.engines.livekit.find_spec", lambda _: None)
    assert "pip install 'marotte[livekit]'" in said(plugin="scripted")
