"""The ear and the voice behind Wyoming, against the protocol's own server, which keeps to it and then does not."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from marotte.engines import wyoming
from marotte.engines.kinds import EngineError, EngineUnavailable, EngineUnsuited, Heard, Kit, Sound
from marotte.engines.wyoming import Offer, Program
from marotte.events import Line
from marotte.senses.hearing.ears.wyoming import WyomingEar, WyomingEarSettings
from marotte.voice.voices.wyoming import WyomingVoice, WyomingVoiceSettings
from tests.servers.openai import babble
from tests.servers.wyoming import RATE, Script, WyomingServer, spoken
from tests.waiting import PATIENCE, until

pytestmark = pytest.mark.anyio

LINE = Line(shown="Hello there, Ada.", spoken="Hello there, Ada.", language="en-GB")
SPEECH = babble(1.0, 16_000)
HEARD = [Heard(text="Turn on the lamp.", language="en")]


@pytest.fixture(params=[False, True], ids=["whole", "streaming"])
async def server(request: pytest.FixtureRequest) -> AsyncIterator[WyomingServer]:
    async with WyomingServer(Script(streams=request.param)) as server:
        yield server


def voice(server: WyomingServer | str, **settings: Any) -> WyomingVoice:
    uri = server if isinstance(server, str) else server.uri
    return WyomingVoice(WyomingVoiceSettings(uri=uri, **settings), Kit())


def ear(server: WyomingServer | str, kit: Kit | None = None, **settings: Any) -> WyomingEar:
    uri = server if isinstance(server, str) else server.uri
    return WyomingEar(WyomingEarSettings(uri=uri, **settings), kit or Kit())


async def speak(voice: WyomingVoice, line: Line = LINE) -> list[Sound]:
    return [sound async for sound in voice.speak(line)]


async def hear(ear: WyomingEar, language: str = "en", speech: bytes = SPEECH) -> list[Heard]:
    return [heard async for heard in ear.hear(spoken(speech), language)]


# --- the voice


async def test_sound_comes_whole_in_small_pieces(server: WyomingServer) -> None:
    sounds = await speak(voice(server))
    assert b"".join(sound.pcm for sound in sounds) == server.script.sound
    assert {sound.rate for sound in sounds} == {RATE}
    assert all(0 < len(sound.pcm) <= 2 * RATE // 10 and len(sound.pcm) % 2 == 0 for sound in sounds)
    [asked] = server.asked
    streams = ["synthesize-start", "synthesize-chunk", "synthesize", "synthesize-stop"]
    await until(lambda: asked.left, "the client's leaving")
    assert asked.types == ["describe", *(streams if server.script.streams else ["synthesize"])]
    [request] = (event for event in asked.events if event.type == "synthesize")
    assert request.data == {"text": LINE.spoken, "voice": {"language": "en_US"}}


async def test_what_a_show_may_set(server: WyomingServer) -> None:
    emotional = "de_DE-thorsten_emotional-medium"
    engine = voice(
        server,
        voice="en_US-lessac-medium",
        languages={"de": {"voice": emotional}},
        feelings={"anger": {"style": "angry"}},
    )
    await engine.warm()
    await speak(engine)
    await speak(engine, Line(shown="Raus!", spoken="Raus!", language="de", feeling="anger"))
    asked = [event.data["voice"] for each in server.asked for event in each.events if event.type == "synthesize"]
    assert asked == [{"name": "en_US-lessac-medium"}, {"name": emotional, "speaker": "angry"}]
    assert [each.types.count("describe") for each in server.asked] == [1, 0, 0], "it asks once what the server can do"


async def test_a_language_that_the_voice_does_not_have_is_for_another(server: WyomingServer) -> None:
    japanese = Line(shown="はい", spoken="はい", language="ja")
    for engine in (voice(server), voice(server, voice="en_US-lessac-medium")):
        with pytest.raises(EngineUnsuited, match="has no 'ja'"):
            await speak(engine, japanese)
    server.script.voices["x"] = ()
    assert await speak(voice(server, voice="x"), japanese), "it does not say what it speaks"


async def test_odd_pieces_are_joined_to_whole_samples(server: WyomingServer) -> None:
    server.fault("odd")
    sounds = await speak(voice(server))
    assert b"".join(sound.pcm for sound in sounds) == server.script.sound
    assert all(len(sound.pcm) % 2 == 0 for sound in sounds)


async def test_one_that_takes_connections_and_says_nothing_holds_up_no_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wyoming, "_CONNECT_WITHIN", 1.0)
    silent = await asyncio.start_server(lambda reader, _: reader.read(), "127.0.0.1", 0)
    uri = f"tcp://127.0.0.1:{silent.sockets[0].getsockname()[1]}"
    try:
        for engine in (voice(uri), ear(uri)):
            async with asyncio.timeout(PATIENCE):
                with pytest.raises(EngineUnavailable, match=r"did not say what it can do within 1 s"):
                    await engine.warm()
    finally:
        silent.close()


def test_only_what_wyoming_has_can_be_set() -> None:
    with pytest.raises(ValidationError, match="speed: this voice has no such setting"):
        WyomingVoiceSettings(speed=1.5)
    for wrong in ("http://127.0.0.1:10200", "tcp://127.0.0.1", "tcp://a/b:1", "unix://"):
        with pytest.raises(ValidationError, match="must be tcp://host:port"):
            WyomingVoiceSettings(uri=wrong)


@pytest.mark.parametrize(
    ("language", "tag"), [("en", "en_GB"), ("en-us", "en_US"), ("en-AU", "en_GB"), ("pt-BR", "pt"), ("", "")]
)
def test_languages_are_written_as_the_server_writes_them(language: str, tag: str) -> None:
    program = Program(streams=False, offers=(Offer("a", ("en_GB",)), Offer("b", ("en_US", "pt"))))
    assert program.tag(language) == tag
    assert Program(streams=False, offers=()).tag(language) == ""


# --- the ear


async def test_speech_is_sent_as_it_is_spoken_and_its_text_comes_back(server: WyomingServer) -> None:
    server.script.language = "en_US"
    kit = Kit(names=("Pip",), commands=("lights off",))
    heard = await hear(ear(server, kit, model="base-int8"))
    assert heard[-1] == Heard(text="Turn on the lamp.", language="en-US")
    partial = Heard(text="Turn on", language="en-US", final=False)
    assert heard[:-1] == (
        [partial, Heard(text="Turn on the lamp.", language="en-US", final=False)] * server.script.streams
    )
    [asked] = server.asked
    assert asked.types == ["describe", "transcribe", "audio-start", "audio-chunk", "audio-stop"]
    assert asked.speech == SPEECH
    assert asked.events[1].data == {
        "name": "base-int8",
        "language": "en",
        "transcript_names": ["Pip"],
        "transcript_terms": ["lights off"],
    }


async def test_the_server_hears_before_the_turn_is_over(server: WyomingServer) -> None:
    async def speech() -> AsyncIterator[bytes]:
        yield SPEECH[:640]
        await until(lambda: server.asked and server.asked[0].speech == SPEECH[:640], "the first piece")
        yield SPEECH[640:1_280]

    heard = [heard async for heard in ear(server).hear(speech(), "")]
    assert heard[-1].text == "Turn on the lamp."
    assert server.asked[0].speech == SPEECH[:1_280]


async def test_a_language_that_no_model_has_is_for_another(server: WyomingServer) -> None:
    with pytest.raises(EngineUnsuited, match="the server has no 'de-AT'"):
        await hear(ear(server), "de-AT")


async def test_a_turn_without_end_is_refused(server: WyomingServer) -> None:
    with pytest.raises(EngineUnsuited, match="more than 600 seconds"):
        [heard async for heard in ear(server).hear(spoken(bytes(32_000 * 601), 64_000), "")]


async def test_a_microphone_that_fails_is_told(server: WyomingServer) -> None:
    async def speech() -> AsyncIterator[bytes]:
        yield SPEECH[:640]
        raise RuntimeError("unplugged")

    with pytest.raises(RuntimeError, match="unplugged"):
        [heard async for heard in ear(server).hear(speech(), "")]


# --- both, when the server does not keep to it


async def ask(kind: str, server: WyomingServer | str) -> Any:
    if kind == "voice":
        return b"".join(sound.pcm for sound in await speak(voice(server)))
    return (await hear(ear(server)))[-1:]


@pytest.mark.parametrize(
    ("kind", "fault", "told", "late"),
    [
        *(
            (kind, fault, told, False)
            for kind in ("voice", "ear")
            for fault, told in [
                ("error", r"the server has failed: The model is broken\.$"),
                ("garbage", "sent what is no event"),
                ("long_line", "sent what is no event"),
                ("huge", "sent what is no event"),
                ("deep", "sent what is no event"),
                ("no_info", "sent what is no info"),
            ]
        ),
        ("voice", "close", "closed the connection before it had answered", True),
        ("voice", "empty", "sent no sound", True),
        ("voice", "stereo", "sent 2 channels of 2 bytes at 22050 Hz", False),
        ("voice", "rates", "changed from 22050 to 16000 Hz", True),
        ("ear", "no_text", "a transcript whose text is no text", True),
    ],
)
async def test_a_fault_is_told_and_the_next_request_is_well(
    server: WyomingServer, kind: str, fault: str, told: str, late: bool
) -> None:
    server.fault(fault)
    with pytest.raises(EngineError, match=told) as failure:
        await ask(kind, server)
    assert type(failure.value) is (EngineError if late else EngineUnavailable)
    assert await ask(kind, server) == (server.script.sound if kind == "voice" else HEARD)


async def test_a_transcript_that_breaks_off(server: WyomingServer) -> None:
    server.fault("close")
    with pytest.raises(EngineError, match="closed the connection before it had answered") as failure:
        await ask("ear", server)
    assert type(failure.value) is (EngineError if server.script.streams else EngineUnavailable)


@pytest.mark.parametrize("kind", ["voice", "ear"])
async def test_nobody_or_the_wrong_one_listens(kind: str, tmp_path: Path) -> None:
    with pytest.raises(EngineUnavailable, match=r"tcp://127\.0\.0\.1:9 cannot be reached"):
        await ask(kind, "tcp://127.0.0.1:9")
    with pytest.raises(EngineUnavailable, match="cannot be reached: No such file"):
        await ask(kind, f"unix://{tmp_path}/none")
    async with WyomingServer(Script(voices={}, models={})) as server:
        with pytest.raises(EngineUnavailable, match="offers no "):
            await ask(kind, server)


async def test_more_than_a_line_can_be_is_refused(server: WyomingServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("marotte.voice.voices.wyoming.LARGEST", 1_000_000)
    server.fault("endless")
    with pytest.raises(EngineError, match="more than 1 MB"):
        await speak(voice(server))


# --- cuts


async def test_the_first_sound_does_not_wait_for_the_last_and_a_cut_drops_the_connection(server: WyomingServer) -> None:
    server.gate.clear()
    async with asyncio.timeout(PATIENCE):
        async with aclosing(voice(server).speak(LINE)) as sounds:  # type: ignore[type-var]
            await anext(sounds)
    [asked] = server.asked
    await until(lambda: asked.left, "the client's leaving")
    server.gate.set()
    assert await ask("voice", server) == server.script.sound


async def test_a_cut_in_mid_stream(server: WyomingServer) -> None:
    server.fault("endless")
    async with aclosing(voice(server).speak(LINE)) as sounds:  # type: ignore[type-var]
        await anext(sounds)
    await until(lambda: server.asked[0].left, "the client's leaving")


@pytest.mark.parametrize("kind", ["voice", "ear"])
async def test_a_cut_while_the_server_hangs(server: WyomingServer, kind: str) -> None:
    server.fault("hang")
    asking = asyncio.create_task(ask(kind, server))
    await until(
        lambda: server.asked and server.asked[0].types[-1] in ("synthesize", "synthesize-stop", "audio-stop"), "it"
    )
    asking.cancel()
    await asyncio.wait({asking}, timeout=PATIENCE)
    assert asking.cancelled()
    await until(lambda: server.asked[0].left, "the client's leaving")
