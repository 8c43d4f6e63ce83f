"""Eyes behind HTTP, against servers that keep to their references and then do not."""

import asyncio
import base64
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

import pytest

from marotte.engines.kinds import EngineError, EngineUnavailable, EngineUnsuited, Kit
from marotte.engines.trial import PICTURE
from marotte.senses.sight.eyes.azure import AzureEye, AzureEyeSettings
from marotte.senses.sight.eyes.florence import FlorenceEye, FlorenceSettings
from marotte.senses.sight.eyes.gemini import GeminiEye, GeminiEyeSettings
from marotte.senses.sight.eyes.openai import OpenAIEye, OpenAIEyeSettings
from tests.servers import gemini
from tests.servers.faulty import FaultyServer
from tests.servers.vision import AzureScript, AzureVision, ChatScript, FlorenceScript, Inference, OpenAIVision
from tests.waiting import until

pytestmark = pytest.mark.anyio

BALL = "A red ball lies on a green meadow."


@dataclass(frozen=True)
class Engine:
    """One eye: its server, the route it asks, how it is built, and what it sees when all is well."""

    server: Callable[[], FaultyServer]
    route: str
    build: Callable[[str, Kit], Any]
    seen: str
    told: str
    """How the server puts it that a key is wrong."""


def openai_eye(url: str, kit: Kit, **settings: Any) -> OpenAIEye:
    return OpenAIEye(OpenAIEyeSettings(**{"url": url, "secret": "EYE_KEY", **settings}), kit)


def gemini_eye(url: str, kit: Kit, **settings: Any) -> GeminiEye:
    return GeminiEye(GeminiEyeSettings(**{"url": url, "secret": "EYE_KEY", **settings}), kit)


def azure_eye(url: str, kit: Kit, **settings: Any) -> AzureEye:
    return AzureEye(AzureEyeSettings(**{"url": url, "secret": "EYE_KEY", **settings}), kit)


def florence_eye(url: str, kit: Kit, **settings: Any) -> FlorenceEye:
    return FlorenceEye(FlorenceSettings(**{"url": url, "secret": "EYE_KEY", **settings}), kit)


ENGINES = {
    "openai": Engine(OpenAIVision, "chat", openai_eye, BALL, "Incorrect API key provided: …"),
    "gemini": Engine(
        lambda: gemini.GeminiServer(gemini.Script(heard=BALL)),
        "generate",
        gemini_eye,
        BALL,
        "Request had invalid credentials …",
    ),
    "azure": Engine(
        AzureVision,
        "analyze",
        azure_eye,
        "A person holding a cup. There is a red cup; a wooden table.",
        "Access denied due to invalid subscription key …",
    ),
    "florence": Engine(
        Inference,
        "lmm",
        florence_eye,
        "The image shows a red ball on a green meadow.",
        "Unauthorized access to roboflow API - check API key …",
    ),
}


@pytest.fixture(params=ENGINES)
async def both(request: pytest.FixtureRequest) -> AsyncIterator[tuple[Engine, FaultyServer, Kit]]:
    """An engine, its server, and a kit with the key that the server wants."""
    engine = ENGINES[request.param]
    async with engine.server() as server:
        kit = Kit(secrets={"EYE_KEY": server.script.key})
        yield engine, server, kit
        await kit.close()


@pytest.fixture
async def kit() -> AsyncIterator[Kit]:
    kit = Kit(secrets={"EYE_KEY": ChatScript.key})
    yield kit
    await kit.close()


async def look(eye: Any, language: str = "en") -> str:
    return "".join([piece async for piece in eye.see(PICTURE, language)])


# --- what all of them share


async def test_a_picture_is_sent_whole_and_told_on_one_line(both: tuple[Engine, FaultyServer, Kit]) -> None:
    engine, server, kit = both
    assert await look(engine.build(server.url, kit)) == engine.seen
    sent = server.requests[0].file or str(server.requests[0].body)
    assert PICTURE in sent if isinstance(sent, bytes) else base64.b64encode(PICTURE).decode() in sent


FAULTS = {
    "401": (EngineUnavailable, r"does not accept the key in EYE_KEY \(401\): "),
    "429": (EngineUnavailable, r"had enough requests for now; it may be asked again in 7 s \(429\)"),
    "500": (EngineUnavailable, r"has failed \(500\)"),
    "close": (EngineError, "the connection broke while it answered"),
    "wrong_type": (EngineUnavailable, "sent text/html instead of words: .*Welcome to the proxy"),
    "garbage": (EngineUnavailable, "sent what is no answer"),
    "empty": (EngineUnavailable, "sent what is no answer"),
    "huge": (EngineError, "a line of more than 1 MB"),
}


@pytest.mark.parametrize("fault", FAULTS)
async def test_a_fault_is_told_without_the_key_and_the_next_look_is_well(
    both: tuple[Engine, FaultyServer, Kit], fault: str
) -> None:
    engine, server, kit = both
    kind, told = FAULTS[fault]
    eye = engine.build(server.url, kit)
    server.fault(engine.route, fault, times=1)
    with pytest.raises(EngineError, match=told) as failure:
        await look(eye)
    assert type(failure.value) is kind
    assert server.script.key not in str(failure.value)
    assert fault != "401" or engine.told in str(failure.value)
    assert fault != "429" or failure.value.retry_after == 7
    assert await look(eye) == engine.seen


async def test_a_cut_while_the_server_hangs_closes_the_connection(both: tuple[Engine, FaultyServer, Kit]) -> None:
    engine, server, kit = both
    server.fault(engine.route, "hang", times=1)
    looking = asyncio.create_task(look(engine.build(server.url, kit)))
    await until(lambda: server.requests, "the request")
    looking.cancel()
    await until(lambda: server.requests[0].cut, "the client's leaving")
    assert looking.cancelled()


async def test_without_a_server_or_a_key_it_says_so(both: tuple[Engine, FaultyServer, Kit]) -> None:
    engine, server, kit = both
    eye = engine.build("http://127.0.0.1:9", kit)
    with pytest.raises(EngineUnavailable, match=r"127\.0\.0\.1:9 cannot be reached"):
        await look(eye)
    keyless = engine.build(server.url, Kit())
    assert type(keyless).check(keyless.Settings(url=server.url, secret="EYE_KEY"), Kit()).endswith("set EYE_KEY")
    assert type(keyless).check(keyless.Settings(url=server.url, secret="EYE_KEY"), kit) == ""


@pytest.mark.parametrize(
    ("settings", "key"),
    [
        (OpenAIEyeSettings(), "OPENAI_API_KEY"),
        (GeminiEyeSettings(), "GEMINI_API_KEY"),
        (AzureEyeSettings(url="https://here.cognitiveservices.azure.com/"), "AZURE_VISION_KEY"),
    ],
)
def test_only_the_providers_own_server_is_given_the_usual_key(settings: Any, key: str) -> None:
    of = {OpenAIEyeSettings: OpenAIEye, GeminiEyeSettings: GeminiEye, AzureEyeSettings: AzureEye}
    eye: Any = of[type(settings)]
    assert f"set {key}" in eye.check(settings, Kit())
    elsewhere = type(settings)(url="http://127.0.0.1:9")
    assert eye.check(elsewhere, Kit()) == ""


# --- OpenAI's interface


async def test_the_model_is_told_what_to_tell_what_never_and_in_which_language(kit: Kit) -> None:
    async with OpenAIVision() as server:
        await look(openai_eye(server.url, kit, detail="low", max_tokens=80, extra={"temperature": 0.1}), "ja")
        body = server.requests[0].body
        assert (body["max_tokens"], body["temperature"]) == (80, 0.1)
        system, user = body["messages"]
        for wanted in ("place", "light", "colours", "wear", "Never say or guess who", "age", "good-looking"):
            assert wanted in system["content"]
        assert system["content"].endswith("Write in the language ja.")
        [part] = user["content"]
        assert part["image_url"]["detail"] == "low"


@pytest.mark.parametrize(
    ("script", "told"),
    [
        (ChatScript(refusal="I can't help with that."), "the model declines: I can't help with that."),
        (ChatScript(reply="", finish="content_filter"), "the model declines: its content filter stopped it"),
        (
            ChatScript(filtered="Your input image may contain content that is not allowed by our safety system."),
            "not allowed by our safety system",
        ),
        (
            ChatScript(filtered="The response was filtered due to Azure OpenAI's content management policy."),
            "content management policy",
        ),
    ],
)
async def test_a_filter_speaks_of_this_picture_not_of_the_eye(kit: Kit, script: ChatScript, told: str) -> None:
    async with OpenAIVision(script) as server:
        with pytest.raises(EngineUnsuited, match=told):
            await look(openai_eye(server.url, kit))


async def test_thoughts_are_left_out_and_nothing_but_thoughts_is_nothing(kit: Kit) -> None:
    async with OpenAIVision(ChatScript(reply="<think>A ball?\nYes.</think>\n\nA red\nball.")) as server:
        assert await look(openai_eye(server.url, kit)) == "A red ball."
        server.script.reply, server.script.finish = "<think>A ball? No", "length"
        with pytest.raises(EngineUnavailable, match=r"answered without a word \(length\)"):
            await look(openai_eye(server.url, kit))


# --- Gemini


async def test_gemini_is_told_the_same_and_may_decline(kit: Kit) -> None:
    script = gemini.Script(heard=BALL, key=ChatScript.key)
    async with gemini.GeminiServer(script) as server:
        eye = gemini_eye(server.url, kit)
        await look(eye, "fr")
        [order] = server.requests[0].body["systemInstruction"]["parts"]
        assert order["text"].endswith("Write in the language fr.")
        script.blocked = "PROHIBITED_CONTENT"
        with pytest.raises(EngineUnsuited, match="may not answer this: PROHIBITED_CONTENT"):
            await look(eye)
        script.blocked, script.heard, script.finish = "", "", "MAX_TOKENS"
        with pytest.raises(EngineUnavailable, match=r"answered without a word \(MAX_TOKENS\)"):
            await look(eye)


# --- Azure


async def test_azure_is_asked_for_captions_without_gender(kit: Kit) -> None:
    async with AzureVision(AzureScript(key=ChatScript.key)) as server:
        await look(azure_eye(server.url, kit), "es")
        assert server.requests[0].body == {
            "api-version": "2024-02-01",
            "features": "denseCaptions",
            "language": "en",
            "gender-neutral-caption": "true",
        }


async def test_azure_tells_the_whole_however_unsure_and_of_parts_only_what_is_sure(kit: Kit) -> None:
    async with AzureVision(AzureScript(captions=(("a dark room", 0.3), ("a cat", 0.5)), key=ChatScript.key)) as server:
        assert await look(azure_eye(server.url, kit)) == "A dark room."
        server.script.captions = ()
        with pytest.raises(EngineUnavailable, match="described nothing"):
            await look(azure_eye(server.url, kit))


async def test_a_picture_too_small_for_azure_is_another_eyes(kit: Kit) -> None:
    small = PICTURE.replace(b"\x00\x11\x08\x00\x40\x00\x40", b"\x00\x11\x08\x00\x20\x00\x20")
    eye = azure_eye("http://127.0.0.1:9", kit)
    for picture, told in ((small, "wants 50 pixels a side, not 32 × 32"), (b"hello", "no picture")):
        with pytest.raises(EngineUnsuited, match=told):
            async with aclosing(eye.see(picture, "en")) as pieces:
                await anext(pieces)


# --- Florence-2


async def test_florence_is_asked_for_the_caption_that_the_show_wants(kit: Kit) -> None:
    async with Inference(FlorenceScript(key=ChatScript.key)) as server:
        await look(florence_eye(server.url, kit, model="florence-2-large", detail="MORE_DETAILED_CAPTION"))
        body = server.requests[0].body
        assert (body["model_id"], body["prompt"]) == ("florence-2-large", "<MORE_DETAILED_CAPTION>")
        server.script.caption = "</s><s></s>"
        with pytest.raises(EngineUnavailable, match="answered without a word"):
            await look(florence_eye(server.url, kit))


async def test_a_florence_server_with_a_key_of_its_own_is_given_none() -> None:
    kit = Kit()
    async with Inference(FlorenceScript(key="")) as server:
        assert await look(florence_eye(server.url, kit, secret="")) == ENGINES["florence"].seen
        assert "api_key" not in server.requests[0].body
    await kit.close()
