"""The Azure voice: Microsoft's own SDK in its program, against a local server that speaks with it."""

import asyncio
import io
import os
import re
import signal
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from pydantic import ValidationError

from marotte.engines.azure import locale
from marotte.engines.chains import VoiceChain
from marotte.engines.kinds import EngineError, EngineUnavailable, EngineUnsuited, Kit, Sound
from marotte.engines.program import Request
from marotte.events import Cue, Line, Mouth, Word
from marotte.time import Clock
from marotte.voice.voices import azure_program
from marotte.voice.voices.azure import AzureVoice, AzureVoiceSettings
from tests.servers.azure import KEY, PER_CHARACTER, AzureServer
from tests.servers.openai import babble
from tests.stand_ins import Published, ScriptedVoice, built
from tests.waiting import PATIENCE, until

pytestmark = pytest.mark.anyio

TEXT = "Hello there, Ada."
LINE = Line(shown=TEXT, spoken=TEXT)
SOUND = babble(len(TEXT) * PER_CHARACTER)
KIT = Kit(secrets={"AZURE_SPEECH_KEY": KEY})


@pytest.fixture
async def server() -> AsyncIterator[AzureServer]:
    async with AzureServer() as server:
        yield server


@pytest.fixture
async def voices(server: AzureServer) -> AsyncIterator[Any]:
    made: list[AzureVoice] = []

    def voice(kit: Kit = KIT, **settings: Any) -> AzureVoice:
        given = {"host": server.host, "secret": "AZURE_SPEECH_KEY", **settings}
        made.append(AzureVoice(AzureVoiceSettings(**given), kit))
        return made[-1]

    yield voice
    for voice_made in made:
        await voice_made.close()


@pytest.mark.parametrize(
    ("tag", "place"),
    [
        ("ja", "ja-JP"), ("pt-BR", "pt-BR"), ("es-419", "es-MX"), ("zh", "zh-CN"), ("zh-TW", "zh-TW"),
        ("zh-Hans", "zh-CN"), ("zh-Hant", "zh-TW"), ("zh-Hant-HK", "zh-HK"), ("sr-Latn-RS", "sr-Latn-RS"), ("xx", "xx"),
    ],
)  # fmt: skip
def test_a_language_is_told_with_its_place_as_the_service_wants_it(tag: str, place: str) -> None:
    assert locale(tag) == place


def programs(voice: AzureVoice) -> set[int]:
    return {child.pid for child in voice._programs._all}


async def speak(voice: AzureVoice, line: Line = LINE) -> list[Sound]:
    return [sound async for sound in voice.speak(line)]


def pcm(sounds: list[Sound]) -> bytes:
    return b"".join(sound.pcm for sound in sounds)


def words(sounds: list[Sound]) -> list[Word]:
    return [word for sound in sounds for word in sound.words]


def at(character: int) -> int:
    return round(character * PER_CHARACTER * 24_000)


async def test_sound_words_and_mouth_shapes_come_in_their_places(voices: Any) -> None:
    sounds = await speak(voices())
    assert pcm(sounds) == SOUND
    assert all(len(sound.pcm) <= 4_800 for sound in sounds)
    assert words(sounds) == [
        Word("Hello", 0, at(6), 0),
        Word("there,", at(6), at(13), 6),
        Word("Ada.", at(13), len(SOUND) // 2, 13),
    ]
    mouths = [mouth for sound in sounds for mouth in sound.mouths]
    assert [(mouth.start, mouth.shape) for mouth in mouths] == [
        (0, "closed"), (1_440, "wide"), (at(6), "closed"), (at(6) + 1_440, "wide"), (at(11), "rest"),
        (at(13), "closed"), (at(13) + 1_440, "wide"), (at(16), "rest"),
    ]  # fmt: skip
    assert mouths[0] == Mouth(0, "closed", 0.0)
    assert mouths[1].level > 0.5


@pytest.mark.parametrize("rate", [16_000, 24_000, 48_000])
async def test_at_any_rate_however_it_is_cut(server: AzureServer, voices: Any, rate: int) -> None:
    server.fault("torn")
    sounds = await speak(voices(rate=rate))
    assert pcm(sounds) == babble(len(TEXT) * PER_CHARACTER, rate)
    assert {sound.rate for sound in sounds} == {rate}


async def test_one_connection_carries_line_after_line(server: AzureServer, voices: Any) -> None:
    voice = voices()
    for _ in range(3):
        assert pcm(await speak(voice)) == SOUND
    assert [len(asked.ssml) for asked in server.requests] == [3]
    assert len(programs(voice)) == 1


async def test_it_connects_before_the_first_line(server: AzureServer, voices: Any) -> None:
    voice = voices()
    await voice.warm()
    await until(lambda: server.requests, "the connection")
    assert pcm(await speak(voice)) == SOUND


def seen(pid: int, place: str) -> bytes:
    return Path(f"/proc/{pid}/{place}").read_bytes()


async def test_two_lines_at_once(server: AzureServer, voices: Any) -> None:
    voice = voices()
    server.gate.clear()
    both = asyncio.gather(speak(voice), speak(voice))
    await until(lambda: sum(len(asked.ssml) for asked in server.requests) == 2, "both lines")
    server.gate.set()
    assert [pcm(sounds) for sounds in await both] == [SOUND, SOUND]


async def test_a_language_without_visemes_leaves_the_mouth_to_the_sound(server: AzureServer, voices: Any) -> None:
    server.fault("no_visemes")
    sounds = await speak(voices())
    assert not any(sound.mouths for sound in sounds)
    assert [word.text for word in words(sounds)] == ["Hello", "there,", "Ada."]


async def test_without_any_timings_it_still_speaks(server: AzureServer, voices: Any) -> None:
    server.fault("no_metadata")
    sounds = await speak(voices())
    assert pcm(sounds) == SOUND
    assert not any(sound.words or sound.mouths for sound in sounds)


def texts(document: str) -> list[str]:
    return [text for text in ElementTree.fromstring(document).itertext() if text]


HOSTILE = [
    '</prosody></voice><voice name="en-US-AriaNeural">I am free',
    '<break time="10s"/><audio src="https://example.com/x.wav"/>',
    "&lt;audio&gt; & ]]> <![CDATA[ <!-- --> <?xml?> <!DOCTYPE x>",
    "\"quotes' and \u2028 lines\n",
]


@pytest.mark.parametrize("text", HOSTILE)
async def test_whatever_somebody_writes_is_spoken_and_never_obeyed(server: AzureServer, voices: Any, text: str) -> None:
    line = Line(shown=text, spoken=text, language='en"><x/>')
    await speak(voices(style="whispering", speed=1.5, pitch=-2), line)
    [document] = server.requests[0].ssml
    assert texts(document) == [text]
    assert [element.tag.split("}")[1] for element in ElementTree.fromstring(document).iter()] == [
        "speak", "voice", "silence", "silence", "express-as", "lang", "prosody",
    ]  # fmt: skip


def ssml(text: str, **how: Any) -> str:
    usual = {
        "language": "en-US",
        "voice": "en-US-AriaNeural",
        "style": "",
        "degree": 1,
        "speed": 1,
        "pitch": 0,
        "tail": 200,
    }
    return azure_program.ssml(text, {**usual, **how})


def test_what_may_not_stand_in_xml_is_left_out() -> None:
    assert texts(ssml("a\x00b\x1bc\ud800d\ufffee🎃")) == ["a b c d e🎃"]


def test_style_prosody_and_silence() -> None:
    head = '<speak xmlns="http://www.w3.org/2001/10/synthesis" xmlns:mstts="https://www.w3.org/2001/mstts" '
    silence = '<mstts:silence type="Leading-exact" value="0ms" /><mstts:silence type="Tailing-exact" value="200ms" />'
    assert ssml("Ah", style="cheerful", degree=1.5) == (
        f'{head}version="1.0" xml:lang="en-US"><voice name="en-US-AriaNeural">{silence}'
        '<mstts:express-as style="cheerful" styledegree="1.5">Ah</mstts:express-as></voice></speak>'
    )
    assert ssml("はい", language="ja-JP", voice="ja-JP-NanamiNeural", speed=0.9, pitch=3.0) == (
        f'{head}version="1.0" xml:lang="ja-JP"><voice name="ja-JP-NanamiNeural">{silence}'
        '<prosody rate="-10%" pitch="+3st">はい</prosody></voice></speak>'
    )


async def test_each_language_in_its_manner(server: AzureServer, voices: Any) -> None:
    manners = {"ja": {"voice": "ja-JP-NanamiNeural", "style": "", "speed": 0.9}}
    voice = voices(voice="en-US-AriaNeural", style="cheerful", degree=2, languages=manners)
    await speak(voice)
    await speak(voice, Line(shown="はい", spoken="はい", language="ja"))
    english, japanese = server.requests[0].ssml
    assert 'xml:lang="en-US"><voice name="en-US-AriaNeural">' in english
    assert '<mstts:express-as style="cheerful" styledegree="2">' in english
    assert 'xml:lang="ja-JP"><voice name="ja-JP-NanamiNeural">' in japanese
    assert 'rate="-10%"' in japanese
    assert "express-as" not in japanese


async def test_a_pause_is_kept(server: AzureServer, voices: Any) -> None:
    line = Line(shown=TEXT, spoken=TEXT, cues=(Cue(kind="pause", name="300ms", offset=13),))
    sounds = await speak(voices(), line)
    assert len(server.requests[0].ssml) == 2
    assert [(word.text, word.offset) for word in words(sounds)] == [("Hello", 0), ("there,", 6), ("Ada.", 13)]
    assert any(sound.pcm == bytes(14_400) for sound in sounds)


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"region": "westeurope", "host": "ws://localhost"}, "a container has no region"),
        ({"region": "West Europe"}, "region"),
        ({"host": "http://localhost"}, "host"),
        ({"degree": 3}, "less than or equal to 2"),
    ],
)
def test_a_wrong_setting_is_a_mistake_before_the_show(settings: dict[str, Any], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        AzureVoiceSettings(**settings)


@pytest.mark.parametrize(
    ("settings", "secrets", "told"),
    [
        ({}, {}, "the region of your Speech resource"),
        ({"region": "westeurope"}, {}, "azure wants a key: set AZURE_SPEECH_KEY"),
        ({"region": "westeurope"}, {"AZURE_SPEECH_KEY": "k"}, "^$"),
        ({"host": "ws://localhost:5000"}, {"AZURE_SPEECH_KEY": "k"}, "^$"),
    ],
)
async def test_what_is_missing(settings: dict[str, Any], secrets: dict[str, str], told: str) -> None:
    missing = AzureVoice.check(AzureVoiceSettings(**settings), Kit(secrets=secrets))
    assert re.search(told, missing)
    if missing:
        with pytest.raises(EngineUnavailable, match=told):
            await speak(AzureVoice(AzureVoiceSettings(**settings), Kit(secrets=secrets)))


def test_without_the_sdk_it_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("marotte.engines.azure.find_spec", lambda name: None)
    missing = AzureVoice.check(AzureVoiceSettings(region="westeurope"), KIT)
    assert missing == "the Azure Speech SDK is missing: pip install 'marotte[azure]'"


FAULTS = [
    ("401", EngineUnavailable, r"does not accept the key in AZURE_SPEECH_KEY \(AuthenticationFailure\)"),
    ("close", EngineError, r"\(ConnectionFailure\)"),
    ("empty", EngineUnavailable, "sent no sound"),
]


@pytest.mark.parametrize(("fault", "kind", "told"), FAULTS)
async def test_a_fault_is_told_and_the_next_line_is_well(
    server: AzureServer, voices: Any, fault: str, kind: type[EngineError], told: str
) -> None:
    server.fault(fault, times=1)
    voice = voices()
    with pytest.raises(EngineError, match=told) as failure:
        await speak(voice)
    assert type(failure.value) is kind
    assert KEY not in str(failure.value)
    assert pcm(await speak(voice)) == SOUND


async def test_too_many_requests(server: AzureServer, voices: Any) -> None:
    """The SDK tries again by itself; only a service that goes on refusing is told of."""
    voice = voices()
    server.fault("429", times=1)
    assert pcm(await speak(voice)) == SOUND
    server.fault("429")
    with pytest.raises(EngineUnavailable, match=r"has had enough requests for now \(TooManyRequests\)"):
        await speak(voices())


async def test_a_voice_that_there_is_not(voices: Any) -> None:
    with pytest.raises(EngineUnavailable, match=r"refuses the request \(BadRequest\): .*Unsupported voice nobody"):
        await speak(voices(voice="nobody"))


async def test_a_wrong_key_is_not_told(voices: Any) -> None:
    wrong = "f" * 32
    with pytest.raises(EngineUnavailable, match="does not accept the key in AZURE_SPEECH_KEY") as failure:
        await speak(voices(Kit(secrets={"AZURE_SPEECH_KEY": wrong})))
    assert wrong not in str(failure.value)


async def test_nobody_there(voices: Any) -> None:
    with pytest.raises(EngineUnavailable, match="cannot be reached"):
        await speak(voices(host="ws://127.0.0.1:1"))


async def test_more_than_a_line_can_be_is_refused(voices: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(azure_program, "LARGEST", 9_000)
    placer = azure_program._Placer("Ah", 24_000)
    request = Request({"request": 1}, b"", io.BytesIO())
    placer.sound(request, bytes(9_000))
    with pytest.raises(azure_program.Refusal, match="more than 0 MB for one line"):
        placer.sound(request, bytes(2))


async def test_the_first_piece_does_not_wait_for_the_last(server: AzureServer, voices: Any) -> None:
    server.gate.clear()
    async with aclosing(voices().speak(LINE)) as sounds:
        async with asyncio.timeout(PATIENCE):
            first = await anext(sounds)
        assert not server.requests[0].ended, "the server has not sent the rest"
        server.gate.set()
        rest = [sound async for sound in sounds]
    assert pcm([first, *rest]) == SOUND


@pytest.mark.parametrize("standing", [False, True])
async def test_a_cut_closes_the_connection(server: AzureServer, voices: Any, standing: bool) -> None:
    voice = voices()
    server.fault("endless", times=1)
    if standing:
        server.gate.clear()
    async with asyncio.timeout(PATIENCE):
        async with aclosing(voice.speak(LINE)) as sounds:
            await anext(sounds)
    await until(lambda: server.requests[0].gone, "the client's leaving")
    server.gate.set()
    assert pcm(await speak(voice)) == SOUND


async def test_a_cut_while_the_service_hangs(server: AzureServer, voices: Any) -> None:
    server.fault("hang", times=1)
    voice = voices()
    asking = asyncio.create_task(speak(voice))
    await until(lambda: server.requests and server.requests[0].ssml, "the line")
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    await until(lambda: server.requests[0].gone, "the client's leaving")
    assert pcm(await speak(voice)) == SOUND


async def test_so_many_lines_at_once_and_no_more(
    server: AzureServer, voices: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("marotte.engines.azure.MOST", 2)
    server.fault("hang")
    voice = voices()
    asking = [asyncio.create_task(speak(voice)) for _ in range(2)]
    await until(lambda: sum(len(asked.ssml) for asked in server.requests) == 2, "the lines")
    understudy = ScriptedVoice()
    chain = VoiceChain([built("azure", voice), built("understudy", understudy)], Published(), Clock())
    assert [sound async for sound in chain.speak(LINE)]
    assert understudy.asked == [LINE]
    assert chain.members[0].state == "ready", "our own limit is no failure of the service"
    with pytest.raises(EngineUnsuited, match="2 requests are being answered already"):
        await speak(voice)
    for task in asking:
        task.cancel()
    await asyncio.gather(*asking, return_exceptions=True)


async def test_a_program_that_dies_is_started_again(server: AzureServer, voices: Any) -> None:
    voice = voices()
    await speak(voice)
    [pid] = programs(voice)
    os.kill(pid, signal.SIGKILL)
    await until(lambda: server.requests[0].gone, "its end")
    assert pcm(await speak(voice)) == SOUND


async def test_the_key_is_seen_nowhere_but_in_the_pipe(voices: Any) -> None:
    voice = voices()
    await speak(voice)
    [pid] = programs(voice)
    assert not [place for place in ("cmdline", "environ") if KEY.encode() in seen(pid, place)]
