"""The Azure ear: Microsoft's own SDK in its program, against a local server that speaks with it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

import pytest
from pydantic import ValidationError

from marotte.engines.kinds import EngineError, EngineUnavailable, EngineUnsuited, Heard, Kit
from marotte.events import Word
from marotte.senses.hearing.ears.azure import AzureEar, AzureEarSettings
from tests.servers.azure import KEY, AzureServer
from tests.servers.openai import babble
from tests.waiting import until

pytestmark = pytest.mark.anyio

SPEECH = babble(1.5, 16_000)
KIT = Kit(secrets={"AZURE_SPEECH_KEY": KEY}, names=("Pip", "Marotte"), commands=("curtain",))
WORDS = (Word("hello", 1_600, 6_400), Word("there", 8_000, 12_800), Word("ada", 14_400, 19_200))


@pytest.fixture
async def server() -> AsyncIterator[AzureServer]:
    async with AzureServer() as server:
        yield server


@pytest.fixture
async def ears(server: AzureServer) -> AsyncIterator[Any]:
    made: list[AzureEar] = []

    def ear(kit: Kit = KIT, **settings: Any) -> AzureEar:
        given = {"host": server.host, "secret": "AZURE_SPEECH_KEY", **settings}
        made.append(AzureEar(AzureEarSettings(**given), kit))
        return made[-1]

    yield ear
    for ear_made in made:
        await ear_made.close()


async def speech(until_told: asyncio.Event | None = None) -> AsyncIterator[bytes]:
    for start in range(0, len(SPEECH), 640):
        yield SPEECH[start : start + 640]
    if until_told:
        await until_told.wait()


async def hear(ear: AzureEar, language: str = "") -> list[Heard]:
    return [heard async for heard in ear.hear(speech(), language)]


async def test_partials_come_first_and_the_words_at_the_end(server: AzureServer, ears: Any) -> None:
    assert await hear(ears()) == [
        Heard(text="hello", language="en-US", final=False),
        Heard(text="Hello there, Ada.", language="en-US", final=False),
        Heard(text="Hello there, Ada.", language="en-US", words=WORDS),
    ]
    [asked] = server.requests
    assert bytes(asked.sound) == SPEECH
    assert asked.query["language"] == "en-US"
    assert asked.query["format"] == "detailed"


async def test_it_understands_while_somebody_still_speaks(server: AzureServer, ears: Any) -> None:
    silent = asyncio.Event()
    async with aclosing(ears().hear(speech(silent), "")) as heard:
        assert (await anext(heard)).text == "hello"
        assert not server.requests[0].ended
        silent.set()
        assert [piece.final async for piece in heard] == [False, True]


async def test_it_finds_out_the_language_among_a_few(server: AzureServer, ears: Any) -> None:
    server.heard = [("おはようございます。", "ja-JP", 0.9), ("元気ですか?", "ja-JP", 0.8)]
    heard = await hear(ears(languages=("en", "ja")))
    assert heard[-1].text == "おはようございます。元気ですか?"
    assert heard[-1].language == "ja-JP"
    assert server.requests[0].context["languageId"]["languages"] == ["en-US", "ja-JP"]


async def test_the_language_that_is_expected_is_the_one(server: AzureServer, ears: Any) -> None:
    heard = await hear(ears(languages=("en", "ja")), "pt")
    assert heard[-1].language == "pt"
    assert server.requests[0].context["phraseDetection"]["language"] == "pt-BR"


async def test_it_listens_for_names_and_commands_and_masks_nothing(server: AzureServer, ears: Any) -> None:
    await hear(ears(model="1234-abcd"))
    told = str(server.requests[0].context)
    assert all(name in told for name in ("Pip", "Marotte", "curtain"))
    assert "'profanity': 'raw'" in told
    assert server.requests[0].query["cid"] == "1234-abcd"


async def test_what_it_doubts_is_uncertain(server: AzureServer, ears: Any) -> None:
    server.heard = [("Hello there.", "en-US", 0.9), ("Mumble mumble.", "en-US", 0.2)]
    heard = await hear(ears())
    assert (heard[-1].text, heard[-1].uncertain) == ("Hello there. Mumble mumble.", True)
    assert not heard[1].uncertain


async def test_nothing_said(server: AzureServer, ears: Any) -> None:
    server.fault("nothing_heard")
    assert await hear(ears(), "en") == [Heard(text="", language="en")]


async def test_two_turns_at_once(ears: Any) -> None:
    ear = ears()
    both = await asyncio.gather(hear(ear), hear(ear))
    assert [heard[-1].text for heard in both] == ["Hello there, Ada."] * 2


async def test_a_connection_that_breaks_is_made_again(server: AzureServer, ears: Any) -> None:
    server.fault("close", times=1)
    heard = await hear(ears())
    assert heard[-1].text == "Hello there, Ada."
    assert len(server.requests) == 2


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        ("401", r"does not accept the key in AZURE_SPEECH_KEY \(AuthenticationFailure\)"),
        ("429", r"has had enough requests for now \(TooManyRequests\)"),
        ("close", r"\(ConnectionFailure\)"),
    ],
)
async def test_a_fault_that_lasts_is_told(server: AzureServer, ears: Any, fault: str, told: str) -> None:
    server.fault(fault)
    ear = ears()
    with pytest.raises(EngineError, match=told) as failure:
        await hear(ear)
    assert KEY not in str(failure.value)
    server.heal()
    assert (await hear(ear))[-1].text == "Hello there, Ada."


async def test_nobody_there(ears: Any) -> None:
    with pytest.raises(EngineUnavailable, match="cannot be reached"):
        await hear(ears(host="ws://127.0.0.1:1"))


async def test_a_cut_hangs_up(server: AzureServer, ears: Any) -> None:
    ear = ears()
    async with aclosing(ear.hear(speech(asyncio.Event()), "")) as heard:
        await anext(heard)
    await until(lambda: server.requests[0].gone, "the client's leaving")
    assert (await hear(ear))[-1].text == "Hello there, Ada."


async def test_more_than_a_turn_can_be(ears: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("marotte.senses.hearing.ears.azure.LONGEST_TURN", 1)
    with pytest.raises(EngineUnsuited, match="more than 1 seconds in one turn"):
        await hear(ears())


async def test_so_many_turns_at_once_and_no_more(ears: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("marotte.engines.azure.MOST", 2)
    ear, never = ears(), asyncio.Event()
    turns = [ear.hear(speech(never), "") for _ in range(2)]
    await asyncio.gather(*(anext(turn) for turn in turns))
    with pytest.raises(EngineUnsuited, match="2 requests are being answered already"):
        await hear(ear)
    await asyncio.gather(*(turn.aclose() for turn in turns))


async def test_a_service_that_hangs_is_not_waited_for(server: AzureServer, ears: Any) -> None:
    ear = ears()
    server.fault("hang", times=1)
    asking = asyncio.create_task(hear(ear))
    await until(lambda: server.requests and len(server.requests[0].sound) == len(SPEECH), "the speech")
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    await until(lambda: server.requests[0].gone, "the client's leaving")
    assert (await hear(ear))[-1].text == "Hello there, Ada."


async def test_speech_that_fails_is_told(ears: Any) -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield SPEECH
        raise OSError("the microphone is gone")

    with pytest.raises(OSError, match="the microphone is gone"):
        async for _ in ears().hear(broken(), ""):
            pass


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"languages": ()}, "at least 1 item"),
        ({"languages": ("en", "ja", "es", "fr", "de")}, "at most 4 items"),
        ({"model": "a b"}, "model"),
    ],
)
def test_a_wrong_setting_is_a_mistake_before_the_show(settings: dict[str, Any], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        AzureEarSettings(**settings)


async def test_what_is_missing() -> None:
    ear = AzureEar(AzureEarSettings(region="westeurope"), Kit())
    assert AzureEar.check(AzureEarSettings(region="westeurope"), Kit()) == "azure wants a key: set AZURE_SPEECH_KEY"
    with pytest.raises(EngineUnavailable, match="azure wants a key: set AZURE_SPEECH_KEY"):
        await hear(ear)
    with pytest.raises(EngineUnavailable, match="azure wants a key: set AZURE_SPEECH_KEY"):
        await ear.warm()
