"""The ear behind OpenAI's transcription interface, against a server that keeps to the reference and then does not."""

from collections.abc import AsyncIterator

import pytest
from aiohttp import web

from marotte.engines.kinds import EngineUnavailable, EngineUnsuited, Heard, Kit
from marotte.events import Word
from marotte.senses.hearing.ears.openai import OpenAIEar, OpenAIEarSettings
from marotte.senses.hearing.wav import read_wav
from tests.servers.openai import OpenAIServer, Script

pytestmark = pytest.mark.anyio
KEY = "sk-test-0123456789"


@pytest.fixture
async def kit() -> AsyncIterator[Kit]:
    kit = Kit(secrets={"OPENAI_API_KEY": KEY}, names=("Pip", "Pipkin"))
    yield kit
    await kit.close()


async def spoken(seconds: float = 1.0) -> AsyncIterator[bytes]:
    for number in range(int(seconds * 50)):
        yield (number % 9_999).to_bytes(2, "little") * 320


def ear(url: str, kit: Kit, **settings: object) -> OpenAIEar:
    given = {"url": url, "secret": "OPENAI_API_KEY", "model": "whisper-1", **settings}
    return OpenAIEar(OpenAIEarSettings.model_validate(given), kit)


async def hear(ear: OpenAIEar, language: str = "", seconds: float = 1.0) -> list[Heard]:
    return [heard async for heard in ear.hear(spoken(seconds), language)]


async def test_the_whole_turn_is_sent_as_wav_and_its_text_comes_back(kit: Kit) -> None:
    async with OpenAIServer(Script(heard="tell me a joke")) as server:
        assert await hear(ear(server.url, kit), "en-GB") == [Heard(text="tell me a joke", language="en-GB")]
        [asked] = server.requests
        assert asked.body == {"model": "whisper-1", "response_format": "json", "language": "en"}
        assert read_wav(asked.file) == b"".join([piece async for piece in spoken()])


async def test_openais_newest_model_is_told_languages_and_names_in_its_own_form(kit: Kit) -> None:
    async with OpenAIServer(Script(heard="tell me a joke")) as server:
        talker = ear(server.url, kit, model="gpt-transcribe")
        assert await hear(talker, "pt-BR") == [Heard(text="tell me a joke", language="en")]
        assert await hear(talker) == [Heard(text="tell me a joke", language="en")]
        named = {"model": "gpt-transcribe", "response_format": "json", "keywords[]": ["Pip", "Pipkin"]}
        assert [asked.body for asked in server.requests] == [{**named, "languages[]": ["pt"]}, named]


async def test_without_a_language_the_server_finds_it_out_and_verbose_tells_it(kit: Kit) -> None:
    async with OpenAIServer() as server:
        talker = ear(server.url, kit, response_format="verbose_json", extra={"temperature": 0.2})
        assert await hear(talker) == [Heard(text="hello there", language="en", no_speech=0.01)]
        assert server.requests[0].body == {
            "model": "whisper-1",
            "response_format": "verbose_json",
            "temperature": "0.2",
        }


async def test_when_each_word_was_spoken_is_asked_for_and_placed(kit: Kit) -> None:
    async with OpenAIServer(Script(heard="Hello there, Ada's friend!")) as server:
        [heard] = await hear(ear(server.url, kit, words=True))
        assert heard.words == (
            Word("Hello", 0, 4_000, 0),
            Word("there", 4_000, 8_000, 6),
            Word("Ada's", 8_000, 12_000, 13),
            Word("friend", 12_000, 16_000, 19),
        )
        assert server.requests[0].body["timestamp_granularities[]"] == ["word", "segment"]
        assert server.requests[0].body["response_format"] == "verbose_json"


async def test_extra_fields_stand_for_the_ears_own(kit: Kit) -> None:
    async with OpenAIServer(Script(models=("mine",))) as server:
        await hear(ear(server.url, kit, extra={"model": "mine"}))
        assert server.requests[0].body["model"] == "mine"


async def test_without_a_server_or_a_key_it_says_so(kit: Kit) -> None:
    with pytest.raises(EngineUnavailable, match=r"127\.0\.0\.1:9/v1 cannot be reached"):
        await hear(ear("http://127.0.0.1:9/v1", kit))
    settings = OpenAIEarSettings()
    assert "set OPENAI_API_KEY" in OpenAIEar.check(settings, Kit())
    assert OpenAIEar.check(settings, kit) == ""


async def test_a_turn_without_end_is_refused(kit: Kit) -> None:
    with pytest.raises(EngineUnsuited, match="more than 600 seconds"):
        await hear(ear("http://127.0.0.1:9/v1", kit), seconds=601)


@pytest.mark.parametrize(
    ("body", "kind", "heard"),
    [
        ('{"text":" Hello there.\\n"}', "application/json", Heard(text="Hello there.")),
        (" Hello there.\n", "text/html", Heard(text="Hello there.")),
        ('{"text":" [BLANK_AUDIO]\\n"}', "application/json", Heard(text="")),
        (
            '{"text":" Bonjour","language":"french","segments":[{"no_speech_prob":0.9,"avg_logprob":-0.2}]}',
            "application/json",
            Heard(text="Bonjour", language="fr", uncertain=True, no_speech=0.9),
        ),
    ],
)
async def test_an_answer_of_any_shape_is_understood(kit: Kit, body: str, kind: str, heard: Heard) -> None:
    async def inference(request: web.Request) -> web.Response:
        assert "file" in await request.post()
        return web.Response(text=body, content_type=kind)

    app = web.Application()
    app.router.add_post("/inference", inference)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        port = runner.addresses[0][1]
        assert await hear(ear(f"http://127.0.0.1:{port}", kit, path="inference")) == [heard]
    finally:
        await runner.cleanup()
