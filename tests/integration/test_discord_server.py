"""The local Discord, as the real discord.py finds it: who can log in to it, can log in to the other one."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
import discord as library
import pytest
from discord.gateway import DiscordWebSocket
from discord.http import HTTPClient, Route

from tests.servers.discord import TOKEN, DiscordServer, patched
from tests.servers.discord.clients import Pip, dialled, general, identity, logged_in
from tests.waiting import until

pytestmark = pytest.mark.anyio

SILENT = library.AllowedMentions.none()


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the library try again at once."""
    monkeypatch.setattr("discord.backoff.ExponentialBackoff.delay", lambda _: 0.01)


@pytest.fixture
async def discord() -> AsyncIterator[DiscordServer]:
    async with DiscordServer() as server:
        with patched(server):
            yield server


@pytest.fixture
async def pip(discord: DiscordServer) -> AsyncIterator[Pip]:
    async with logged_in(discord) as pip:
        yield pip
    assert discord.complaints == []


# --- logging in


async def test_the_library_logs_in(discord: DiscordServer, pip: Pip) -> None:
    assert pip.user is not None
    assert pip.user.id == discord.world.bot.id
    guild = pip.guilds[0]
    assert guild.name == "The Little Theatre"
    assert guild.owner_id == discord.world.owner.id
    assert {channel.name for channel in guild.channels} == {"general", "backstage", "balcony", "cellar"}
    assert {member.name for member in guild.members} == {"pip", "director"}
    assert guild.me.guild_permissions.ban_members
    assert not general(pip, "backstage").permissions_for(guild.me).view_channel
    assert [asked.route for asked in discord.requests] == ["me", "application"]


async def test_members_are_sent_when_asked_for(discord: DiscordServer) -> None:
    for number in range(1200):
        discord.user(f"guest {number}")
    intents = library.Intents.all()
    intents.presences = False
    async with logged_in(discord, intents=intents) as pip:
        assert len(pip.guilds[0].members) == 1202
        assert pip.guilds[0].chunked
        assert [member.name for member in await pip.guilds[0].query_members("guest 1199")] == ["guest 1199"]
    assert discord.complaints == []


async def test_a_wrong_token_is_refused(discord: DiscordServer) -> None:
    discord.token = "another"
    with pytest.raises(library.LoginFailure):
        await Pip().login(TOKEN)


async def test_intents_that_are_off_in_the_portal_close_the_gateway(discord: DiscordServer) -> None:
    discord.switch_off("message_content")
    with pytest.raises(library.PrivilegedIntentsRequired):
        async with logged_in(discord):
            pass


@pytest.mark.parametrize("code", [4004, 4010, 4013])
async def test_fatal_closes_end_the_client(discord: DiscordServer, code: int) -> None:
    async with logged_in(discord) as pip:
        discord.fault(f"close:{code}")
        await until(pip.is_closed, "the end")


async def test_without_the_intent_words_are_hidden_unless_they_are_meant(discord: DiscordServer) -> None:
    discord.switch_off("message_content")
    intents = library.Intents.all()
    intents.message_content = False
    async with logged_in(discord, intents=intents) as pip:
        discord.message("ada", "to nobody", mention=False)
        discord.message("ada", "to you")
        discord.direct("ada", "to you alone")
        await until(lambda: len(pip.said()) == 3, "all three")
        assert pip.said() == ["", "@pip to you", "to you alone"]


# --- messages


async def test_a_mention_arrives_and_is_answered(discord: DiscordServer, pip: Pip) -> None:
    asked = discord.message("ada", "Good evening!")
    await until(pip.said, "the message")
    message = pip.events("message")[0][0]
    assert message.content == f"<@{discord.world.bot.id}> Good evening!"
    assert pip.user in message.mentions
    assert (message.author.name, message.guild, message.channel.name) == ("ada", pip.guilds[0], "general")
    answer = await message.reply(f"Hello, {message.author.mention}, and @everyone!", allowed_mentions=SILENT)
    (sent,) = discord.sent
    assert (sent.id, sent.reply_to, sent.mentions, sent.everyone) == (answer.id, asked, [], False)
    assert answer.reference is not None
    assert answer.reference.message_id == asked.id
    loud = await message.reply("Hello, @everyone!", mention_author=True)
    assert discord.sent[1].mentions == [discord.user("ada")]
    assert loud.mention_everyone


async def test_direct_messages_go_both_ways(discord: DiscordServer, pip: Pip) -> None:
    discord.direct("ada", "psst")
    await until(pip.said, "the message")
    message = pip.events("message")[0][0]
    assert message.guild is None
    assert message.author.name == "ada"
    await message.channel.send("yes?")
    bob = pip.get_user(discord.user("bob").id) or await pip.fetch_user(discord.user("bob").id)
    await bob.send("Good evening")
    assert [sent.channel.recipient for sent in discord.sent] == [discord.user("ada"), discord.user("bob")]
    discord.user("bob").closed = True
    with pytest.raises(library.Forbidden) as refused:
        await bob.send("Are you there?")
    assert refused.value.code == 50007


async def test_messages_are_edited_and_deleted(discord: DiscordServer, pip: Pip) -> None:
    theirs = discord.message("ada", "a rude wird")
    await until(pip.said, "the message")
    discord.edit(theirs, "a rude word")
    await until(lambda: pip.events("message_edit"), "the edit")
    await pip.events("message")[0][0].delete()
    assert theirs.deleted
    await until(lambda: pip.events("message_delete"), "the end of it")
    with pytest.raises(library.NotFound):
        await pip.events("message")[0][0].delete()
    mine = await general(pip).send("one")
    await mine.edit(content="two")
    assert discord.sent[0].content == "two"
    assert discord.sent[0].edited_at
    assert [one.content async for one in general(pip).history()] == ["two"]


@pytest.mark.parametrize(("text", "code"), [("x" * 2001, 50035), ("  ", 50006)])
async def test_what_cannot_be_sent_is_refused(pip: Pip, text: str, code: int) -> None:
    await general(pip).send("x" * 2000)
    with pytest.raises(library.HTTPException) as refused:
        await general(pip).send(text)
    assert refused.value.code == code


async def test_an_answer_to_a_message_that_is_gone(discord: DiscordServer, pip: Pip) -> None:
    theirs = discord.message("ada", "oops")
    await until(pip.said, "the message")
    discord.delete(theirs)
    message = pip.events("message")[0][0]
    with pytest.raises(library.HTTPException) as refused:
        await message.reply("what?")
    assert refused.value.code == 50035
    await general(pip).send("what?", reference=message.to_reference(fail_if_not_exists=False))
    assert discord.sent[0].reply_to is None


async def test_somebody_types(discord: DiscordServer, pip: Pip) -> None:
    discord.message("ada", "wait")
    discord.types("ada")
    await until(lambda: pip.events("typing"), "typing")
    async with general(pip).typing():
        pass
    assert discord.requests[-1].route == "typing"


# --- moderation


async def test_a_ban_and_its_end(discord: DiscordServer, pip: Pip) -> None:
    rude = discord.message("bob", "a rude word")
    await until(pip.said, "the message")
    member = pip.guilds[0].get_member(discord.user("bob").id) or pip.events("message")[0][0].author
    await pip.guilds[0].ban(member, reason="a rude word, 50 % off", delete_message_seconds=600)
    assert discord.banned == {member.id: "a rude word, 50 % off"}
    assert rude.deleted
    await until(lambda: pip.events("member_ban") and pip.events("raw_member_remove"), "the ban")
    with pytest.raises(PermissionError):
        discord.message("bob", "again")
    await pip.guilds[0].unban(member)
    assert discord.banned == {}
    with pytest.raises(library.NotFound) as refused:
        await pip.guilds[0].unban(member)
    assert refused.value.code == 10026


async def test_a_timeout_and_its_end(discord: DiscordServer, pip: Pip) -> None:
    discord.message("bob", "a rude word")
    await until(pip.said, "the message")
    member = pip.events("message")[0][0].author
    await member.timeout(timedelta(minutes=10), reason="rude")
    assert datetime.fromisoformat(discord.timeouts[member.id]) > datetime.now(UTC)
    with pytest.raises(PermissionError):
        discord.message("bob", "again")
    with pytest.raises(library.HTTPException) as refused:
        await member.timeout(timedelta(days=29))
    assert refused.value.code == 50035
    await member.timeout(None)
    assert discord.timeouts == {}


async def test_who_stands_higher_and_what_is_hidden(discord: DiscordServer, pip: Pip) -> None:
    guild = pip.guilds[0]
    with pytest.raises(library.Forbidden) as refused:
        await guild.ban(library.Object(discord.world.owner.id))
    assert refused.value.code == 50013
    with pytest.raises(library.Forbidden) as refused:
        await general(pip, "backstage").send("Who is there?")
    assert refused.value.code == 50001
    discord.deny("ban_members")
    with pytest.raises(library.Forbidden) as refused:
        await guild.ban(library.Object(discord.user("bob").id))
    assert refused.value.code == 50013
    await until(lambda: not guild.me.guild_permissions.ban_members, "the news")
    discord.message("ada", "whispered", channel="backstage")
    discord.message("ada", "aloud")
    await until(pip.said, "what is not hidden")
    assert pip.said() == ["@pip aloud"]


async def test_people_come_and_go_live(discord: DiscordServer, pip: Pip) -> None:
    ada = discord.member_joins("ada")
    await until(lambda: pip.events("member_join"), "ada")
    discord.voice_join("ada")
    discord.streams(ada)
    await until(lambda: len(pip.events("voice_state_update")) == 2, "her voice states")
    before, after = pip.events("voice_state_update")[-1][1:]
    assert after.self_stream
    assert not before.self_stream
    assert after.channel.name == "balcony"
    (activity,) = pip.events("presence_update")[-1][1].activities
    assert isinstance(activity, library.Streaming)
    assert activity.platform == "Twitch"
    discord.streams(ada, on=False)
    discord.voice_leave("ada")
    await until(lambda: len(pip.events("voice_state_update")) == 4, "her end")
    assert pip.events("voice_state_update")[-1][2].channel is None
    discord.member_leaves("ada")
    await until(lambda: pip.events("member_remove"), "her way home")


# --- the connection


@pytest.mark.parametrize(
    "fault", ["drop", "reconnect", "close:4000", "close:4008", "invalid_session:resumable", "zombie"]
)
async def test_no_message_is_lost_over_a_resume(discord: DiscordServer, fault: str) -> None:
    discord.heartbeat = 0.1
    async with logged_in(discord, heartbeat_timeout=1.0 if fault == "zombie" else 60.0) as pip:
        discord.message("ada", "one")
        await until(pip.said, "the first")
        discord.fault(fault)
        discord.message("ada", "two")
        discord.message("ada", "three")
        await until(lambda: pip.events("resumed"), "resumed")
        discord.message("ada", "four")
        await until(lambda: len(pip.said()) >= 4, "all four")
        assert pip.said() == [f"@pip {word}" for word in ("one", "two", "three", "four")]
        assert discord.sessions.identified == 1
    assert discord.complaints == []


@pytest.mark.parametrize("fault", ["invalid_session", "close:4007", "close:4009"])
async def test_a_session_that_is_over_begins_anew(discord: DiscordServer, pip: Pip, fault: str) -> None:
    discord.fault(fault)
    await until(lambda: discord.sessions.identified == 2 and len(pip.events("ready")) == 2, "a new session")
    discord.message("ada", "still there?")
    await until(pip.said, "the message")


async def test_it_goes_away_and_comes_back(discord: DiscordServer, pip: Pip) -> None:
    await discord.down()
    discord.message("ada", "anybody?")
    await until(lambda: pip.events("disconnect"), "the end")
    with pytest.raises(aiohttp.ClientError):
        await general(pip).send("hello?")
    await discord.up()
    await until(pip.said, "what was written meanwhile")
    await general(pip).send("here I am")
    assert discord.sessions.identified == 1


async def test_its_presence_is_seen(discord: DiscordServer, pip: Pip) -> None:
    await pip.change_presence(activity=library.Game("a skull"), status=library.Status.dnd)
    await until(lambda: discord.sessions.presences, "the presence")
    assert discord.sessions.presences[0]["activities"][0]["name"] == "a skull"


# --- limits and troubles of REST


@pytest.mark.parametrize("fault", ["429", "429:global", "500"])
async def test_a_refusal_that_passes_is_waited_out(discord: DiscordServer, pip: Pip, fault: str) -> None:
    discord.fault(fault, on="message")
    await asyncio.gather(general(pip).send("late"), general(pip).typing())
    assert [sent.content for sent in discord.sent] == ["late"]
    assert [asked.status for asked in discord.requests if asked.route == "message"] == [int(fault[:3]), 200]


async def test_buckets_are_kept_to(discord: DiscordServer, pip: Pip) -> None:
    discord.rest.limits["message"] = (2, 0.5)
    await asyncio.gather(*(general(pip).send(str(number)) for number in range(6)))
    assert len(discord.sent) == 6


async def test_who_does_not_wait_is_refused(discord: DiscordServer) -> None:
    headers = {"Authorization": f"Bot {TOKEN}", "User-Agent": "DiscordBot (https://example.org, 1)"}
    url = f"{discord.api}/channels/{discord.world.channel('general').id}/messages"
    async with aiohttp.ClientSession(headers=headers) as session:
        for left in "43210":
            async with session.post(url, json={"content": "x"}) as response:
                assert response.status == 200
                assert response.headers["Content-Type"] == "application/json"
                assert response.headers["X-RateLimit-Remaining"] == left
        async with session.post(url, json={"content": "x"}) as response:
            told = await response.json()
            assert response.status == 429
            assert response.headers["X-RateLimit-Scope"] == "user"
            assert 0 < told["retry_after"] <= 5
            assert told["global"] is False
        both = {"content": "x", "allowed_mentions": {"parse": ["users"], "users": ["1"]}}
        discord.rest.limits["message"] = (10, 5.0)
        async with session.post(url, json=both) as response:
            assert response.status == 400
            assert (await response.json())["code"] == 50035
        async with session.get(f"{discord.api}/nothing") as response:
            assert response.status == 404
    assert [complaint.partition(":")[0] for complaint in discord.complaints] == ["REST", "REST"]


async def test_rubbish_and_silence(discord: DiscordServer, pip: Pip) -> None:
    discord.fault("garbage", on="message")
    with pytest.raises(ValueError):
        await general(pip).send("x")
    discord.fault("hang", on="message")
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(general(pip).send("x"), 0.2)
    discord.fault("401", on="message")
    with pytest.raises(library.HTTPException) as refused:
        await general(pip).send("x")
    assert refused.value.status == 401


# --- raw: what no good client does


@pytest.mark.parametrize(
    ("op", "d", "code"),
    [
        (2, identity(token="x"), 4004), (2, identity(intents=1 << 31), 4013), (2, identity(intents=None), 4013),
        (2, identity(properties={}), 4002), (2, identity(shard=[3, 2]), 4010), (2, [], 4002), (99, {}, 4001),
        (4, {}, 4003), (6, {"token": "x", "session_id": "x", "seq": 1}, 4004),
    ],
)  # fmt: skip
async def test_mistakes_are_closed_with_their_codes(discord: DiscordServer, op: int, d: Any, code: int) -> None:
    async with dialled(f"{discord.gateway}?v=10&encoding=json") as raw:
        await raw.next(10)
        await raw.send(op, d)
        assert await raw.code() == code
    assert discord.complaints[0].startswith(f"gateway: {code}")


async def test_what_cannot_be_resumed(discord: DiscordServer) -> None:
    async with dialled(f"{discord.gateway}?v=10&encoding=json") as raw:
        await raw.send(2, identity())
        ready = (await raw.next(0, "READY"))["d"]
        await raw.send(2, identity())
        assert await raw.code() == 4005
    asked = {"token": TOKEN, "session_id": ready["session_id"], "seq": 2}
    for _ in range(1100):
        discord.message("ada", "x")
    for seq, answer in ((2, False), (2, False)):  # too much was missed; and now it is unknown
        async with dialled(f"{ready['resume_gateway_url']}?v=10&encoding=json") as raw:
            await raw.send(6, asked | {"seq": seq})
            assert (await raw.next(9))["d"] is answer
    async with dialled(f"{discord.gateway}?v=10&encoding=json") as raw:
        await raw.send(2, identity())
        asked |= {"session_id": (await raw.next(0, "READY"))["d"]["session_id"], "seq": 77}
        await raw.socket.close(code=4000)
    async with dialled(f"{discord.gateway}?v=10&encoding=json") as raw:
        await raw.send(6, asked)
        assert await raw.code() == 4007


# --- itself


async def test_everything_is_put_back() -> None:
    before = (Route.BASE, DiscordWebSocket.DEFAULT_GATEWAY, HTTPClient.ws_connect)
    async with DiscordServer() as server:
        with patched(server):
            assert server.api == Route.BASE
        assert (Route.BASE, DiscordWebSocket.DEFAULT_GATEWAY, HTTPClient.ws_connect) == before
        with pytest.raises(ValueError):
            server.fault("nonsense")
        with pytest.raises(ValueError):
            server.fault("udp_loss:2")
