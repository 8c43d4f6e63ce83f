"""The ear behind whisper.cpp's server, against one that keeps to what version 1.9.3 does and then does not."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from marotte.engines.kinds import EngineError, EngineUnavailable, EngineUnsuited, Heard, Kit
from marotte.events import Word
from marotte.senses.hearing.ears.whispercpp_server import WhisperCppServerEar, WhisperCppServerSettings
from tests.servers.whispercpp import WhisperServer

pytestmark = pytest.mark.anyio


@pytest.fixture
async def kit() -> AsyncIterator[Kit]:
    kit = Kit(secrets={"PROXY_KEY": "hush"})
    yield kit
    await kit.close()


@pytest.fixture
async def server() -> AsyncIterator[WhisperServer]:
    async with WhisperServer() as server:
        yield server


def ear(url: str, kit: Kit, **settings: object) -> WhisperCppServerEar:
    return WhisperCppServerEar(WhisperCppServerSettings.model_validate({"url": url, **settings}), kit)


async def spoken(seconds: float = 1.0) -> AsyncIterator[bytes]:
    for number in range(int(seconds * 50)):
        yield number.to_bytes(2, "little") * 320


async def hear(ear: WhisperCppServerEar, language: str = "", seconds: float = 1.0) -> list[Heard]:
    return [heard async for heard in ear.hear(spoken(seconds), language)]


async def test_the_text_comes_with_its_language_its_doubts_and_its_times(server: WhisperServer, kit: Kit) -> None:
    server.heard, server.language = "hola a todos", "es"
    words = (Word("hola", 0, 6_400, 0), Word("a", 8_000, 14_400, 5), Word("todos", 16_000, 22_400, 7))
    [heard] = await hear(ear(server.url, kit), seconds=2)
    assert heard == Heard(text="hola a todos", language="es", no_speech=0.01, words=words)
    [asked] = server.asked
    assert asked.pcm == b"".join([piece async for piece in spoken(2)])
    assert asked.fields == {
        "response_format": "verbose_json",
        "language": "auto",
        "no_language_probabilities": "true",
        "temperature_inc": "0.2",
    }


async def test_it_is_told_a_language_and_more_fields(server: WhisperServer, kit: Kit) -> None:
    talker = ear(server.url, kit, temperature_inc=0, extra={"beam_size": 5, "suppress_nst": True})
    assert [heard.language for heard in await hear(talker, "fr-CA")] == ["fr"]
    told = server.asked[0].fields
    assert (told["language"], told["temperature_inc"], told["beam_size"]) == ("fr", "0.0", "5")
    assert told["suppress_nst"] == "true"


async def test_an_english_only_model_says_so(kit: Kit) -> None:
    async with WhisperServer(multilingual=False) as server:
        assert [heard.language for heard in await hear(ear(server.url, kit), "fr")] == ["en"]


async def test_silence_is_no_word_and_doubt_is_told(server: WhisperServer, kit: Kit) -> None:
    server.heard = ""
    assert await hear(ear(server.url, kit)) == [Heard(text="", language="en")]
    server.heard, server.no_speech = "Thank you.", 0.8
    [heard] = await hear(ear(server.url, kit))
    assert (heard.text, heard.uncertain, heard.no_speech) == ("Thank you.", True, 0.8)
    server.heard = "[BLANK_AUDIO]"
    [heard] = await hear(ear(server.url, kit))
    assert (heard.text, heard.uncertain, heard.words) == ("", False, ())


async def test_norwegian_is_asked_for_by_the_code_that_whisper_has_for_it(server: WhisperServer, kit: Kit) -> None:
    await hear(ear(server.url, kit), "nb-NO")
    assert server.asked[0].fields["language"] == "no"


async def test_a_language_that_whisper_does_not_know_is_for_another_ear(server: WhisperServer, kit: Kit) -> None:
    with pytest.raises(EngineUnsuited, match="does not know the language 'tlh'"):
        await hear(ear(server.url, kit), "tlh")
    assert server.asked == []


@pytest.mark.parametrize(
    ("fault", "error", "reason"),
    [
        ("500", EngineUnavailable, r"has failed \(500\): failed to process audio"),
        ("401", EngineUnavailable, "does not accept the key in PROXY_KEY"),
        ("429", EngineUnavailable, "has had enough requests for now; it may be asked again in 7 s"),
        ("close", EngineError, "the connection broke while it answered"),
        ("empty", EngineUnavailable, "without a transcript"),
        ("garbage", EngineUnavailable, "without a transcript"),
        ("no text", EngineUnavailable, "without a transcript"),
        ("wrong", EngineUnavailable, "without a transcript"),
        ("page", EngineUnavailable, "sent text/html without a transcript: <html>Welcome"),
        ("huge", EngineError, "sent more than 1 MB for one turn"),
    ],
)
async def test_what_goes_wrong_is_told_in_plain_words(
    server: WhisperServer, kit: Kit, fault: str, error: type[EngineError], reason: str
) -> None:
    server.fault = fault
    with pytest.raises(error, match=reason) as raised:
        await hear(ear(server.url, kit, secret="PROXY_KEY"))
    assert "hush" not in str(raised.value)
    if fault == "429":
        assert isinstance(raised.value, EngineUnavailable)
        assert raised.value.retry_after == 7
    server.fault = ""
    assert [heard.text for heard in await hear(ear(server.url, kit))] == ["hello there"]


async def test_odd_details_cost_only_themselves(server: WhisperServer, kit: Kit) -> None:
    server.fault = "odd"
    assert await hear(ear(server.url, kit), "de") == [Heard(text="Hi", language="de")]


async def test_another_path_is_not_found(server: WhisperServer, kit: Kit) -> None:
    with pytest.raises(EngineUnavailable, match=r"no such path or model \(404\): File Not Found \(/elsewhere\)"):
        await hear(ear(server.url, kit, path="elsewhere"))


async def test_a_cut_leaves_the_server_at_once(server: WhisperServer, kit: Kit) -> None:
    server.fault = "hang"
    listening = asyncio.create_task(hear(ear(server.url, kit)))
    await server.computes.wait()
    listening.cancel()
    with pytest.raises(asyncio.CancelledError):
        await listening
    await server.left.wait()


async def test_without_a_server_it_says_so(kit: Kit) -> None:
    assert WhisperCppServerEar.check(WhisperCppServerSettings(), kit) == ""
    wants = WhisperCppServerSettings(secret="OTHER_KEY")
    assert "set OTHER_KEY" in WhisperCppServerEar.check(wants, kit)
    with pytest.raises(EngineUnavailable, match=r"whispercpp_server: http://127\.0\.0\.1:9 cannot be reached"):
        await hear(ear("http://127.0.0.1:9", kit))
