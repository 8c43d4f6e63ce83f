"""The Discord link where the connection breaks, Discord is gone, or nobody lets it in."""

import asyncio
import itertools
import sys

import pytest

from marotte.events import ChatMessage, Gap, LinkState, Send
from marotte.links.discord import link as module
from tests.integration.test_discord import discord, impatient, running
from tests.servers.discord import TOKEN, DiscordServer
from tests.waiting import until

pytestmark = pytest.mark.anyio
_ = discord, impatient  # fixtures for this file, too


def deaf(discord: DiscordServer) -> None:
    """Let nothing more be told in the session that there is."""
    for session in discord.sessions.sessions.values():
        session.intents = 0


@pytest.mark.parametrize("fault", ["drop", "reconnect", "invalid_session:resumable", "close:4000", "close:4008"])
async def test_nothing_is_lost_where_the_session_is_resumed(discord: DiscordServer, fault: str) -> None:
    async with running() as stage:
        discord.fault(fault)
        discord.message("ada", "meanwhile")
        await until(lambda: discord.sessions.resumed, "the resume")
        discord.message("ada", "after")
        await until(lambda: len(stage.said()) == 2, "both")
        assert stage.said() == ["meanwhile", "after"]
        assert stage.of(Gap) == []


@pytest.mark.parametrize("fault", ["invalid_session", "close:4007", "close:4009"])
async def test_what_a_lost_session_missed_is_asked_for(discord: DiscordServer, fault: str) -> None:
    async with running() as stage:
        discord.message("ada", "before")
        await until(stage.said, "the first")
        for session in discord.sessions.sessions.values():
            session.intents = 0  # nothing more is told in this session
        discord.message("ada", "meanwhile")
        discord.fault(fault)
        await until(lambda: stage.of(Gap), "the gap")
        discord.message("ada", "after")
        await until(lambda: len(stage.said()) == 3, "all three")
        assert stage.said() == ["before", "meanwhile", "after"]
        assert stage.of(Gap)[0].recovered == 1


@pytest.mark.parametrize("ahead", [-90.0, 90.0])
async def test_what_was_missed_is_asked_for_by_discord_s_clock(discord: DiscordServer, ahead: float) -> None:
    discord.world.ahead = ahead
    async with running() as stage:
        discord.message("ada", "before")
        await until(stage.said, "the first")
        deaf(discord)
        discord.message("ada", "meanwhile")
        discord.fault("invalid_session")
        await until(lambda: stage.of(Gap), "the gap")
        assert stage.said() == ["before", "meanwhile"]


async def test_an_event_that_is_bent_costs_no_other(discord: DiscordServer, caplog: pytest.LogCaptureFixture) -> None:
    """A field that is missing, null, of a wrong type or endless: the library itself would hang up on most of them."""
    async with running() as stage:
        discord.message("ada", "hello")
        await until(stage.said, "the first")
        (session,) = discord.sessions.sessions.values()
        good, bent = session.kept[-1][1]["d"], itertools.count(10**17)
        for name in good:
            for value in (None, 5, "x" * 1_000_000, [], {"a": [1]}):
                discord.sessions.dispatch("MESSAGE_CREATE", {**good, "id": str(next(bent)), name: value})
            rest = {field: value for field, value in good.items() if field != name}
            discord.sessions.dispatch("MESSAGE_CREATE", rest)
        for event in ("MESSAGE_UPDATE", "MESSAGE_DELETE", "MESSAGE_DELETE_BULK", "GUILD_BAN_ADD", "GUILD_UPDATE",
                      "GUILD_CREATE", "CHANNEL_CREATE", "GUILD_ROLE_UPDATE", "VOICE_STATE_UPDATE"):  # fmt: skip
            for odd in (None, 5, "x", [], {}, {"id": {}, "guild_id": []}):
                discord.sessions.dispatch(event, odd)  # type: ignore[arg-type]
        discord.message("bob", "straight")
        await until(lambda: "straight" in stage.said(), "the other", 60)
        assert (discord.sessions.identified, discord.sessions.resumed) == (1, 0), "the connection lives"
        assert stage.link.counters["malformed"] > 50
        assert all(len(text) <= 4_000 for text in stage.said())
        named = [one for one in caplog.messages if "cannot be read" in one]
        assert len(named) == 20, "a flood of them does not fill the log"
        assert any("MESSAGE_CREATE 1000000000000" in one for one in named)
        assert all(len(one) < 400 for one in named)


async def test_what_was_missed_is_asked_for_where_it_reads_however_many_channels_there_are(
    discord: DiscordServer,
) -> None:
    for number in range(30):
        discord.world.channel(f"attic-{number}")
    last = discord.world.channel("archive")
    async with running(channels=("archive",)) as stage:
        await until(lambda: discord.sessions.sessions, "a session")
        for session in discord.sessions.sessions.values():
            session.intents = 0
        discord.message("ada", "meanwhile", channel="archive")
        discord.fault("invalid_session")
        await until(lambda: stage.of(Gap), "the gap")
        assert stage.of(Gap)[0].recovered == 1
        asked = {one.path for one in discord.requests if one.route == "history"}
        assert asked == {f"/channels/{last.id}/messages"}


@pytest.mark.parametrize("known", [False, True])
async def test_places_that_it_may_not_read_take_no_other_s_turn(
    discord: DiscordServer, known: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where Discord left us out of its news, we do not know what we may: what was written last comes first."""
    for number in range(30):
        attic = discord.world.channel(f"attic-{number}")
        discord.deny("view_channel" if number % 2 else "read_message_history", channel=attic)
    archive = discord.world.channel("archive")
    if not known:
        monkeypatch.setattr("discord.Guild.me", None)
    async with running() as stage:
        deaf(discord)
        discord.message("ada", "meanwhile", channel="archive")
        discord.fault("invalid_session")
        await until(lambda: stage.of(Gap), "the gap")
        assert stage.of(Gap)[0].recovered == 1
        asked = [one.path for one in discord.requests if one.route == "history"]
        assert asked[0] == f"/channels/{archive.id}/messages"
        assert len(asked) == (2 if known else 20)


async def test_more_than_a_page_that_was_missed_is_read(discord: DiscordServer) -> None:
    async with running() as stage:
        deaf(discord)
        for number in range(220):
            discord.message("ada", f"line {number}", mention=number in (0, 100, 219))
        discord.fault("invalid_session")
        await until(lambda: stage.of(Gap), "the gap")
        assert stage.said() == ["line 0", "line 100", "line 219"]
        assert (stage.of(Gap)[0].recovered, stage.of(Gap)[0].detail) == (3, "")


async def test_what_is_left_out_of_what_was_missed_is_told(
    discord: DiscordServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_MISSED", 25)
    monkeypatch.setattr(module, "_ALL_MISSED", 35)
    for name in ("archive", "attic"):
        discord.world.channel(name)
    async with running() as stage:
        deaf(discord)
        discord.message("ada", "for you", channel="attic")
        for number in range(26):
            discord.message("bob", f"word {number}", mention=number in (0, 9, 10))
        for number in range(26):
            discord.message("eve", f"note {number}", channel="archive", mention=number in (0, 24, 25))
        discord.fault("invalid_session")
        await until(lambda: stage.of(Gap), "the gap")
        assert stage.said() == ["note 0", "note 24", "word 0", "word 9"], "where it was written last comes first"
        assert stage.of(Gap)[0].recovered == 4
        assert stage.of(Gap)[0].detail == "in 3 places what was written is not read to its end"


async def test_what_was_missed_in_threads_is_asked_for_where_their_channel_is_read(discord: DiscordServer) -> None:
    discord.world.thread("a riddle", "general")
    discord.world.thread("behind", "backstage")
    discord.world.channel("attic")
    discord.world.thread("dust", "attic")
    async with running(channels=("general", "backstage")) as stage:
        deaf(discord)
        for place in ("a riddle", "behind", "dust"):
            discord.message("ada", f"meanwhile in {place}", channel=place)
        discord.fault("invalid_session")
        await until(lambda: stage.of(Gap), "the gap")
        assert stage.said() == ["meanwhile in a riddle"]
        (heard,) = stage.of(ChatMessage)
        assert heard.channel == str(discord.world.channel("a riddle").id), "it is answered there"
        assert stage.of(Gap)[0].detail == ""


async def test_places_beyond_the_limit_are_told_where_something_is_new(discord: DiscordServer) -> None:
    for number in range(25):
        discord.world.channel(f"attic-{number}")
    async with running() as stage:
        deaf(discord)
        for number in range(22):
            discord.message("ada", "meanwhile", channel=f"attic-{number}")
        discord.fault("invalid_session")
        await until(lambda: stage.of(Gap), "the gap")
        assert len(stage.said()) == 20
        assert stage.of(Gap)[0].detail == "in 2 places what was written is not read to its end"


async def test_direct_messages_that_were_missed_are_asked_for(discord: DiscordServer) -> None:
    async with running() as stage:
        discord.direct("bob", "before")
        await until(stage.said, "the first")
        deaf(discord)
        missed = [discord.direct("bob", text) for text in ("meanwhile", "and more")]
        discord.fault("invalid_session")
        await until(lambda: stage.of(Gap), "the gap")
        assert stage.said() == ["before", "meanwhile", "and more"]
        assert [message.source for message in stage.of(ChatMessage)[1:]] == [str(message.id) for message in missed]
        assert stage.of(Gap)[0].recovered == 2


async def test_only_so_many_people_s_direct_messages_are_asked_for(discord: DiscordServer) -> None:
    async with running() as stage:
        for number in range(25):
            discord.direct(f"guest-{number}", "hello")
        await until(lambda: len(stage.said()) == 25, "all")
        for number in range(25):
            discord.direct("guest-0" if number else "guest-1", "again")
        await until(lambda: len(stage.said()) == 50, "all")
        assert len(stage.link._direct) == 20
        deaf(discord)
        discord.direct("guest-0", "meanwhile")
        discord.fault("invalid_session")
        await until(lambda: stage.of(Gap), "the gap")
        assert stage.said()[50:] == ["meanwhile"], "who wrote lately is remembered"


async def test_orders_that_were_missed_are_out_of_date(discord: DiscordServer) -> None:
    async with running(operators=["stagehands"], every=True) as stage:
        discord.direct("director", "before")
        await until(stage.said, "the first")
        deaf(discord)
        discord.direct("director", "!say Good morning")
        discord.message("director", "!stop", mention=False)
        discord.message("director", "and how are you?", mention=False)
        discord.fault("invalid_session")
        await until(lambda: stage.of(Gap), "the gap")
        assert (stage.orders, stage.said()) == ([], ["before", "and how are you?"])
        assert stage.of(Gap)[0].recovered == 1
        discord.direct("director", "!say Good evening")
        await until(lambda: stage.orders == [("say", "Good evening")], "an order of now")


async def test_who_wrote_what_was_missed_is_known(discord: DiscordServer) -> None:
    """What Discord tells of a former message has the roles of nobody."""
    discord.user("helper").role = 2
    discord.world.join(discord.user("helper"))
    async with running(operators=["stagehands"]) as stage:
        deaf(discord)
        discord.message("helper", "meanwhile")
        discord.message("ada", "nothing for you", mention=False)
        discord.fault("invalid_session")
        await until(lambda: stage.of(Gap), "the gap")
        assert [message.viewer.roles for message in stage.of(ChatMessage)] == [("operator",)]
        assert len([one for one in discord.requests if one.route == "members"]) == 1, "only where it matters"


async def test_a_gap_is_told_although_nobody_can_read_what_was_missed(discord: DiscordServer) -> None:
    async with running() as stage:
        discord.message("ada", "before")
        await until(stage.said, "the first")
        for session in discord.sessions.sessions.values():
            session.intents = 0
        discord.message("ada", "meanwhile")
        discord.fault("garbage", 100, on="history")
        discord.fault("invalid_session")
        await until(lambda: stage.of(Gap), "the gap")
        assert stage.of(Gap)[0].recovered == 0
        discord.message("ada", "after")
        await until(lambda: stage.said() == ["before", "after"], "what is said from now on")


async def test_it_is_back_after_discord_was_down(discord: DiscordServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "AWAY", 3.0)
    async with running() as stage:
        await discord.down()
        await until(lambda: stage.states().count("connecting") >= 3, "further attempts")
        done = asyncio.create_task(stage.act(Send(link="discord", channel="general", text="I am here")))
        await discord.up()
        discord.message("ada", "meanwhile")
        await until(lambda: stage.said() and stage.states()[-1] == "up", "the connection")
        assert (await done).ok
        assert stage.said() == ["meanwhile"]


@pytest.mark.parametrize(("fault", "told"), [("close:4004", "4004"), ("close:4013", "4013"), ("401", "DISCORD_TOKEN")])
async def test_what_only_a_person_can_mend(discord: DiscordServer, fault: str, told: str) -> None:
    discord.fault(fault)
    async with running(up=False) as stage:
        await until(lambda: stage.states()[-1:] == ["refused"], "the refusal")
        assert told in stage.of(LinkState)[-1].detail
        assert TOKEN not in str(stage.events)


async def test_no_token_and_no_library(monkeypatch: pytest.MonkeyPatch) -> None:
    async with running(token="", up=False) as stage:
        await until(stage.states, "the refusal")
        assert "DISCORD_TOKEN" in stage.of(LinkState)[0].detail
    monkeypatch.setitem(sys.modules, "discord", None)
    async with running(up=False) as stage:
        await until(stage.states, "the refusal")
        assert "pip install 'marotte[discord]'" in stage.of(LinkState)[0].detail


async def test_it_tells_what_the_server_has_not(discord: DiscordServer) -> None:
    async with running(channels=["generl"], announce="general", operators=["stagehands", "kings"]) as stage:
        lacking = [one.name for one in stage.link.standing() if not one.ok]
        assert lacking == ["channel: generl", "role: kings"]
