"""The Discord link against the local Discord, through the real discord.py."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from marotte import config
from marotte.alone import alone
from marotte.config_links import Discord
from marotte.events import (
    ActDone,
    Announce,
    Asked,
    ChatMessage,
    Emote,
    Event,
    LinkState,
    Moderated,
    Removed,
    Send,
    Verdict,
    Viewer,
)
from marotte.links.device_login import LoginError
from marotte.links.discord.link import DiscordLink
from marotte.links.discord.login import login
from marotte.links.tokens import Tokens
from marotte.once import IN_THE_WAY, WRONG, Failure
from marotte.show import Run
from marotte.time import Clock
from tests.servers.discord import TOKEN, DiscordServer, patched
from tests.waiting import until

pytestmark = pytest.mark.anyio


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the library, and us, try again at once."""

    async def at_once(self: Any, shard_id: int | None, *, initial: bool = False) -> None:
        return None

    monkeypatch.setattr("discord.backoff.ExponentialBackoff.delay", lambda _: 0.01)
    monkeypatch.setattr("discord.Client.before_identify_hook", at_once)
    monkeypatch.setattr("marotte.links.pace.Backoff.next", lambda self, lasted: 0.02)


@pytest.fixture
async def discord() -> AsyncIterator[DiscordServer]:
    async with DiscordServer() as server:
        with patched(server):
            yield server


class Stage:
    """A running link and what it published."""

    def __init__(self, settings: Discord, token: str = TOKEN) -> None:
        self.events: list[Event] = []
        self.orders: list[tuple[str, str]] = []
        self.restart: Any = None
        secrets = {"DISCORD_TOKEN": token} if token else {}
        order = lambda *what: self.orders.append(what)  # noqa: E731
        self.link = DiscordLink(settings, secrets, self.events.append, Clock(), Random(1), order)

    def of(self, kind: type[Any]) -> list[Any]:
        return [event for event in self.events if type(event) is kind]

    def said(self) -> list[str]:
        return [message.text for message in self.of(ChatMessage)]

    def states(self) -> list[str]:
        return [state.state for state in self.of(LinkState)]

    async def act(self, act: Any) -> ActDone:
        return await self.link.act(act)


@asynccontextmanager
async def running(token: str = TOKEN, up: bool = True, **settings: Any) -> AsyncIterator[Stage]:
    stage = Stage(Discord(**settings), token)
    task = asyncio.create_task(stage.link.run())
    try:
        if up:
            await until(lambda: task.done() or "up" in stage.states(), "up")
        yield stage
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    assert stage.states()[-1] == "stopped"


# --- words


async def test_what_mentions_it_and_what_is_meant_for_it_alone_arrives(discord: DiscordServer) -> None:
    async with running() as stage:
        discord.message("ada", "nothing for you", mention=False)
        asked = discord.message("ada", "Good <:wave:77> evening!")
        direct = discord.direct("bob", "psst")
        await until(lambda: len(stage.said()) == 2, "both")
        first, second = stage.of(ChatMessage)
        ada = discord.user("ada")
        assert first.viewer == Viewer(id=f"discord:{ada.id}", name="Ada", platform="discord")
        assert (first.id, first.source, first.link) == (f"discord/{asked.id}", str(asked.id), "discord")
        assert first.channel == str(discord.world.channel("general").id)
        assert first.text == "Good wave evening!"
        assert first.emotes == (Emote("wave", 5, 9, "https://cdn.discordapp.com/emojis/77.webp"),)
        assert (second.text, second.source) == ("psst", str(direct.id))
    assert discord.complaints == []


async def test_it_reads_everything_where_it_is_told_to(discord: DiscordServer) -> None:
    async with running(every=True, channels=["#general"]) as stage:
        discord.message("ada", "to nobody in particular", mention=False)
        discord.message("ada", "elsewhere", channel="lobby")
        discord.direct("bob", "and alone")
        await until(lambda: len(stage.said()) == 2, "both")
        assert stage.said() == ["to nobody in particular", "and alone"]


async def test_its_own_words_and_other_bots_are_no_news(discord: DiscordServer) -> None:
    async with running(every=True) as stage:
        discord.user("robot").bot = True
        discord.message("robot", "beep")
        await stage.act(Send(link="discord", channel="general", text="mine"))
        discord.message("ada", "last")
        await until(stage.said, "a message")
        assert stage.said() == ["last"]


async def test_without_the_intent_it_reads_what_is_meant_for_it_and_says_so(discord: DiscordServer) -> None:
    discord.switch_off("message_content")
    async with running(every=True) as stage:
        discord.message("ada", "to nobody", mention=False)
        discord.message("ada", "to you")
        await until(stage.said, "a message")
        assert stage.said() == ["to you"]
        lacking = [one for one in stage.link.standing() if not one.ok]
        assert [one.name for one in lacking] == ["all messages"]
        assert "Message Content" in lacking[0].detail


async def test_who_is_who(discord: DiscordServer) -> None:
    discord.user("helper").role = 2
    discord.world.join(discord.user("helper"))
    async with running(operators=["stagehands"]) as stage:
        for name in ("director", "helper", "ada"):
            discord.message(name, "hello")
        await until(lambda: len(stage.said()) == 3, "all")
        assert [message.viewer.roles for message in stage.of(ChatMessage)] == [
            ("operator", "moderator"),
            ("operator",),
            (),
        ]


async def test_operators_give_orders_and_others_only_talk(discord: DiscordServer) -> None:
    async with running(operators=["stagehands"]) as stage:
        discord.message("ada", "!say I am a robot", mention=False)
        discord.message("ada", "who wants cake?", mention=False)
        discord.message("director", "!say Good evening", mention=False)
        discord.message("director", "!stop")
        discord.direct("director", "!context It is late.")
        discord.message("director", "!dance", mention=False)
        await until(lambda: len(stage.said()) == 2 and len(stage.orders) == 3, "all")
        assert stage.said() == ["!say I am a robot", "!dance"]
        assert sorted(stage.orders) == [("context", "It is late."), ("say", "Good evening"), ("stop", "")]


async def test_what_is_deleted_or_changed_or_whose_writer_is_banned(discord: DiscordServer) -> None:
    async with running() as stage:
        first, second = discord.message("ada", "one"), discord.message("ada", "two")
        await until(lambda: len(stage.said()) == 2, "both")
        discord.delete(first)
        discord.edit(second, f"{discord.world.bot.mention} three")
        await until(lambda: len(stage.said()) == 3, "the change")
        discord.edit(second, f"{discord.world.bot.mention} four")
        discord.ban("ada")
        await until(lambda: len(stage.of(Removed)) == 3, "the ban")
        gone = [(event.what, event.which) for event in stage.of(Removed)]
        ada = f"discord:{discord.user('ada').id}"
        assert gone == [("message", str(first.id)), ("message", str(second.id)), ("viewer", ada)]
        assert stage.said() == ["one", "two", "three"]
        assert len({message.id for message in stage.of(ChatMessage)}) == 3


async def test_who_somebody_is_is_asked_again_where_discord_did_not_tell(discord: DiscordServer) -> None:
    stranger = discord.world.stranger("stranger")
    async with running(operators=["stagehands"]) as stage:
        discord.fault("garbage", on="members")
        for text in ("one", "two"):
            discord.direct("director", text)
            await until(lambda text=text: text in stage.said(), text)
        assert [message.viewer.roles for message in stage.of(ChatMessage)] == [(), ("operator", "moderator")]
        count = len(discord.requests)
        for text in ("three", "four"):
            discord.direct(stranger, text)
            await until(lambda text=text: text in stage.said(), text)
        assert len(discord.requests) == count + 1, "that somebody is no member is known"


async def test_what_is_changed_or_deleted_while_its_writer_is_asked_for(
    discord: DiscordServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running() as stage:
        answered, waiting = asyncio.Event(), list[Any]()

        async def slowly(user: Any) -> Any:
            waiting.append(user)
            await answered.wait()
            return user

        monkeypatch.setattr(stage.link, "_member", slowly)
        changed, deleted, both = (discord.direct("bob", text) for text in ("one", "two", "three"))
        await until(lambda: len(waiting) == 3, "all")
        discord.edit(changed, "four")
        discord.delete(deleted)
        discord.edit(both, "five")
        await until(lambda: len(waiting) == 5, "the changes")
        discord.delete(both)
        discord.direct("bob", "last")
        await until(lambda: len(waiting) == 6, "the last")
        answered.set()
        await until(lambda: "last" in stage.said(), "the last")
        assert stage.said() == ["four", "last"]


# --- acts


async def test_it_answers_under_the_message_and_wakes_nobody(discord: DiscordServer) -> None:
    async with running() as stage:
        asked = discord.message("ada", "hello")
        await until(stage.said, "the message")
        (heard,) = stage.of(ChatMessage)
        text = f"Hello {discord.user('ada').mention} and @everyone!"
        done = await stage.act(Send(link="discord", channel=heard.channel, text=text, answers=heard.source))
        assert done.ok
        (sent,) = discord.sent
        assert (sent.content, sent.reply_to, sent.mentions, sent.everyone) == (text, asked, [], False)
        discord.delete(asked)
        assert (await stage.act(Send(link="discord", channel=heard.channel, text="late", answers=heard.source))).ok
        discord.direct("bob", "psst")
        await until(lambda: len(stage.said()) == 2, "the direct message")
        assert (await stage.act(Send(link="discord", channel=stage.of(ChatMessage)[1].channel, text="yes?"))).ok
        assert discord.sent[-1].channel.recipient is discord.user("bob")
    assert discord.complaints == []


async def test_long_words_are_cut_between_words(discord: DiscordServer) -> None:
    async with running(channels=["general"]) as stage:
        assert (await stage.act(Send(link="discord", text="word " * 700))).ok
        assert [len(message.content) for message in discord.sent] == [1999, 1499]


@pytest.mark.parametrize("fault", ["429", "500", "garbage", "hang"])
async def test_what_passes_is_waited_out_and_written_once(
    discord: DiscordServer, fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if fault == "hang":
        monkeypatch.setattr("marotte.links.discord.acts._WITHIN", 1.0)
    async with running() as stage:
        discord.fault(fault, on="message")
        done = await stage.act(Send(link="discord", channel="general", text="once"))
        assert done.ok, done.detail
        assert [message.content for message in discord.sent] == ["once"]


async def test_what_discord_refuses_is_told(discord: DiscordServer) -> None:
    async with running() as stage:
        discord.deny("send_messages", channel="general")
        for channel, why in (("general", "50013"), ("nowhere", "no channel 'nowhere'"), ("1", "10003"), ("", "names")):
            done = await stage.act(Send(link="discord", channel=channel, text="x"))
            assert (done.ok, why in done.detail) == (False, True), done


async def test_verdicts(discord: DiscordServer) -> None:
    async with running() as stage:
        bad = discord.message("eve", "spam")
        await until(stage.said, "the message")
        (message,) = stage.of(ChatMessage)
        eve = discord.user("eve")

        async def judge(action: Any, **more: Any) -> ActDone:
            more = {"viewer": message.viewer, "action": action, "reason": "spam", **more}
            return await stage.act(Verdict(link="discord", **more))

        assert (await judge("delete", source=message.source, channel=message.channel)).ok
        assert bad.deleted
        assert (await judge("delete", source=message.source, channel=message.channel)).ok, "gone is gone"
        assert (await judge("timeout", seconds=60.0)).ok
        assert eve.id in discord.timeouts
        assert (await judge("allow")).ok
        assert eve.id not in discord.timeouts
        assert (await judge("ban")).ok
        assert discord.banned == {eve.id: "spam"}
        assert (await judge("allow")).ok
        assert discord.banned == {}
        await until(lambda: stage.of(Moderated), "that it is lifted is told")
        (told,) = stage.of(Moderated)
        assert (told.what, told.which, told.text) == ("lifted", message.viewer.id, "Eve was let back")
        director = Viewer(id=f"discord:{discord.world.owner.id}", name="director")
        refused = await judge("ban", viewer=director)
        assert (refused.ok, "50013" in refused.detail) == (False, True)
        assert not (await judge("warn")).ok
        assert not (await judge("ban", viewer=Viewer(id="discord:x/../1", name="x"))).ok
    assert discord.complaints == []


async def test_going_live_is_announced(discord: DiscordServer) -> None:
    async with running(announce="general") as stage:
        assert (await stage.act(Announce(link="discord", text="The curtain rises."))).ok
        await stage.link.going_live("We are on air!")
        assert [message.content for message in discord.sent] == ["The curtain rises.", "We are on air!"]
    async with running() as stage:
        await stage.link.going_live("to nobody")
        assert len(discord.sent) == 2


# --- signing in, and living there alone


async def test_signing_in_tells_what_is_missing(discord: DiscordServer, tmp_path: Path) -> None:
    said: list[str] = []
    async with aiohttp.ClientSession() as http:

        async def asked(settings: Discord, token: str = TOKEN) -> None:
            said.clear()
            secrets = {"DISCORD_TOKEN": token} if token else {}
            await login(settings, secrets, Tokens(tmp_path), Clock(), said.append, http, discord.api)

        await asked(Discord(every=True, voice="balcony"))
        assert "Pip" in said[0]
        assert f"client_id={discord.world.bot.id}&scope=bot&permissions=" in said[1]
        assert "Missing: the intent Message Content" in said[2]
        await asked(Discord())
        assert "No privileged intent" in said[2]
        for token, told in (("", "there is no DISCORD_TOKEN"), ("wrong", "does not know the token")):
            with pytest.raises(LoginError, match=told) as refused:
                await asked(Discord(), token)
            assert TOKEN not in str(refused.value)
        discord.fault("garbage")
        with pytest.raises(LoginError, match="Discord"):
            await asked(Discord())


async def test_an_answer_that_comes_in_pieces_is_read_to_its_end(tmp_path: Path) -> None:
    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        for piece in (b'{"id": "12", "na', b'me": null, "flags"', b": null}"):
            await response.write(piece)
            await asyncio.sleep(0.02)
        return response

    app = web.Application()
    app.router.add_get("/applications/@me", answer)
    said: list[str] = []
    async with aiohttp.ClientSession() as http, TestServer(app) as server:
        where = str(server.make_url("")).rstrip("/")
        await login(Discord(), {"DISCORD_TOKEN": TOKEN}, Tokens(tmp_path), Clock(), said.append, http, where)
    assert said[0] == "The token is good: it is a bot's."
    assert "client_id=12&" in said[1]


async def test_it_lives_there_alone(discord: DiscordServer, tmp_path: Path) -> None:
    show = config.parse('[discord]\n[irc.home]\nhost = "irc.invalid"\n[attention]\nlull_after = 0\n')
    living = asyncio.create_task(alone(show, tmp_path, {"DISCORD_TOKEN": TOKEN}))
    await until(lambda: living.done() or discord.sessions.identified, "the connection")
    discord.message("ada", "Who are you?")
    await until(lambda: living.done() or discord.sent, "an answer", 60)
    with pytest.raises(Failure, match="a show that runs uses this memory") as refused:
        await alone(show, tmp_path, {"DISCORD_TOKEN": TOKEN})
    assert refused.value.code == IN_THE_WAY
    os.kill(os.getpid(), signal.SIGTERM)
    await asyncio.wait_for(living, 30)
    assert discord.complaints == []


@pytest.mark.parametrize(("text", "token", "told"), [("", TOKEN, "[discord]"), ("[discord]", "", "DISCORD_TOKEN")])
async def test_it_cannot_live_there_alone(tmp_path: Path, text: str, token: str, told: str) -> None:
    with pytest.raises(Failure) as refused:
        await alone(config.parse(text), tmp_path, {"DISCORD_TOKEN": token})
    assert told in str(refused.value)
    assert refused.value.code == WRONG


async def test_it_cannot_live_there_without_the_library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("marotte.alone.find_spec", lambda name: None)
    with pytest.raises(Failure, match=r"marotte\[discord\]") as refused:
        await alone(config.parse("[discord]"), tmp_path, {"DISCORD_TOKEN": TOKEN})
    assert refused.value.code == WRONG


async def test_a_show_answers_there(discord: DiscordServer, tmp_path: Path) -> None:
    show = config.parse('[discord]\noperators = ["stagehands"]\n[attention]\nlull_after = 0\n')
    run = Run(show, tmp_path, {"DISCORD_TOKEN": TOKEN})
    asked = run.bus.subscribe("percept.asked.>", size=10)
    await run.start()
    try:
        await until(lambda: discord.sessions.identified, "the connection")
        question = discord.message("ada", "Who are you?")
        await until(lambda: discord.sent, "an answer", 60)
        assert discord.sent[0].reply_to is question
        discord.message("director", "!say Welcome.", mention=False)
        message = await asyncio.wait_for(asked.get(), 30)
        assert (type(message.data), message.data.text, message.data.verbatim) == (Asked, "Welcome.", True)
    finally:
        await run.stop()
    assert discord.complaints == []
