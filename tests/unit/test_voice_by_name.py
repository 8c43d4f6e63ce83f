"""A line may ask for a voice by its name; the chain speaks where that one cannot, and it speaks nothing else."""

import pytest
from pydantic import ValidationError

from marotte import config
from marotte.config import ShowError
from marotte.engines import registry
from marotte.engines.chains import VoiceChain
from marotte.engines.kinds import EngineError
from marotte.events import Line
from marotte.time import Clock
from tests.stand_ins import Published, ScriptedVoice, built

pytestmark = [pytest.mark.anyio, pytest.mark.virtual]


def voices(host: ScriptedVoice, usual: ScriptedVoice | None = None) -> VoiceChain:
    engines = [
        built("usual", usual or ScriptedVoice()),
        built("host", host)._replace(aside=True),
        built("last", ScriptedVoice()),
    ]
    return VoiceChain(engines, Published(), Clock(epoch=0.0))


async def spoken(chain: VoiceChain, voice: str) -> str:
    """Speak a line; return who spoke it."""
    before = {member.name: member.calls for member in chain.members}
    line = Line(shown="One two.", spoken="One two.", voice=voice)
    assert [sound async for sound in chain.speak(line)]
    return ", ".join(member.name for member in chain.members if member.calls > before[member.name])


async def test_a_voice_speaks_what_asks_for_it_by_name_and_nothing_else() -> None:
    chain = voices(ScriptedVoice())
    assert [await spoken(chain, name) for name in ("", "host", "last", "nobody", "")] == [
        "usual",
        "host",
        "last",
        "usual",
        "usual",
    ]


async def test_the_chain_goes_on_where_the_wanted_voice_fails() -> None:
    chain = voices(ScriptedVoice(fault="raise"))
    assert await spoken(chain, "host") == "usual, host"
    assert await spoken(chain, "host") == "usual", "it rests"


async def test_a_voice_aside_stands_in_for_nobody() -> None:
    chain = voices(ScriptedVoice(), ScriptedVoice(fault="raise"))
    assert await spoken(chain, "") == "usual, last"
    alone = VoiceChain([built("a", ScriptedVoice(fault="raise"))], Published(), Clock(epoch=0.0))
    with pytest.raises(EngineError):
        await spoken(alone, "host")


async def test_others_are_built_beside_the_chain_and_follow_the_settings() -> None:
    show = config.parse('[voice]\nothers = ["host", "espeak"]\n[voice.host]\nengine = "espeak"\npitch = 1.2')
    engines = registry.build("voice", show, registry.kit(show, {}))
    assert [(e.name, e.aside) for e in engines] == [("host", True), ("espeak", False)]
    chain = VoiceChain(engines, Published(), Clock(epoch=0.0))
    first = chain.members[1]
    promoted = config.parse('[voice]\nchain = ["host"]\n[voice.host]\nengine = "espeak"\npitch = 1.2')
    chain.follow(registry.build("voice", promoted, registry.kit(promoted, {})), 15.0)
    assert [(m.name, m.built.aside) for m in chain.members] == [("host", False), ("espeak", False)]
    assert chain.members[1] is first
    for member in chain.members:
        await member.engine.close()


async def test_another_voice_that_does_not_exist_is_a_mistake() -> None:
    show = config.parse('\n[voice]\nothers = ["espek"]')
    with pytest.raises(ShowError, match=r"show\.toml:3: voice\.others: there is no voice called 'espek'; did you mean"):
        registry.plan("voice", show)


async def test_only_voices_stand_aside() -> None:
    with pytest.raises((ShowError, ValidationError)):
        config.parse('[brain]\nothers = ["openai"]')
