"""The IRC link against a real InspIRCd, and against a faithful fake of Twitch where no IRC server is like it."""

import asyncio
import contextlib
import re
import signal
import ssl
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from random import Random

import pytest

from marotte.config import Channel
from marotte.events import ActDone, ChatMessage, Event, LinkState, Raid, Send, Subscription, encode
from marotte.links.irc.link import IRCLink
from marotte.time import Clock
from tests import waiting
from tests.servers.inspircd import InspIRCd, certificate, linked, running
from tests.servers.twitch_irc import TOKEN, TwitchIRC

pytestmark = pytest.mark.anyio


async def until(condition: Callable[[], object]) -> None:
    """Wait for what must happen; two servers need a while to find each other again."""
    await waiting.until(condition, "what must happen", 2 * waiting.PATIENCE)


class Person:
    """Somebody with a raw IRC client of their own."""

    def __init__(self, nick: str) -> None:
        self.nick = nick
        self.lines: list[bytes] = []

    async def come(self, port: int, *channels: str) -> "Person":
        reader, self._writer = await asyncio.open_connection("127.0.0.1", port)
        self._reading = asyncio.ensure_future(self._read(reader))
        self.write(f"NICK {self.nick}", f"USER {self.nick} 0 * :{self.nick}")
        await until(lambda: self.saw(f" 001 {self.nick} "))
        for channel in channels:
            self.write(f"JOIN {channel}")
            await until(lambda channel=channel: self.saw(f" 366 {self.nick} {channel} "))
        return self

    async def _read(self, reader: asyncio.StreamReader) -> None:
        with contextlib.suppress(ConnectionError):
            async for line in reader:
                self.lines.append(line)
                if line.startswith(b"PING"):
                    self.write(line.decode().replace("PING", "PONG", 1).strip())

    def write(self, *lines: str | bytes) -> None:
        for line in lines:
            self._writer.write((line.encode() if isinstance(line, str) else line) + b"\r\n")

    def saw(self, part: str) -> int:
        return sum(part.encode() in line for line in self.lines)

    async def go(self) -> None:
        self._writer.close()
        self._reading.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._reading


class Stage:
    """A running link and what it published."""

    def __init__(self, port: int, **settings: object) -> None:
        secrets = {"IRC_PASSWORD": str(settings.pop("password", ""))}
        shown = {"host": "127.0.0.1", "port": port, "tls": False, "channels": ("#a", "#b"), **settings}
        self.events: list[Event] = []
        self.link = IRCLink("test", Channel.model_validate(shown), secrets, self.events.append, Clock(), Random(1))

    def states(self) -> list[str]:
        return [event.state for event in self.events if isinstance(event, LinkState)]

    def state(self) -> str:
        return self.states()[-1] if self.states() else ""

    def details(self) -> str:
        return "\n".join(event.detail for event in self.events if isinstance(event, LinkState))

    def chats(self) -> list[tuple[str, str, str]]:
        found = [event for event in self.events if isinstance(event, ChatMessage)]
        return [(chat.viewer.name if chat.viewer else "", chat.channel, chat.text) for chat in found]

    async def say(self, text: str, channel: str = "#a") -> ActDone:
        return await self.link.act(Send(link="test", channel=channel, text=text))

    @contextlib.asynccontextmanager
    async def on(self) -> AsyncIterator["Stage"]:
        task = asyncio.ensure_future(self.link.run())
        try:
            yield self
        finally:
            task.cancel()
            await asyncio.wait({task}, timeout=waiting.PATIENCE)
            assert task.cancelled()
            assert self.state() == "stopped"


@contextlib.asynccontextmanager
async def person(nick: str, port: int, *channels: str) -> AsyncIterator[Person]:
    somebody = await Person(nick).come(port, *channels)
    try:
        yield somebody
    finally:
        await somebody.go()


async def joined(somebody: Person, nick: str, channel: str, times: int = 1) -> None:
    """Wait until ``somebody`` has seen ``nick`` come into ``channel``."""
    await until(lambda: somebody.saw(f":{nick}!marotte@127.0.0.1 JOIN :{channel}") >= times)


# --- InspIRCd ------------------------------------------------------------------------------------------------------


async def test_a_talk_in_two_channels_and_in_private(tmp_path: Path) -> None:
    with running(tmp_path) as server:
        async with person("ada", server.port, "#a", "#b") as ada:
            async with Stage(server.port).on() as at:
                await joined(ada, "marotte", "#b")
                began = time.time()
                ada.write("PRIVMSG #a :hello 世界 👋", "PRIVMSG #b :\x01ACTION waves\x01", "PRIVMSG marotte :psst")
                ada.write("NOTICE #a :a bot must not hear this", "PRIVMSG marotte :\x01VERSION\x01")
                ada.write(b"PRIVMSG #a :caf\xe9")
                await until(lambda: len(at.chats()) == 4)
                assert at.chats() == [
                    ("ada", "#a", "hello 世界 👋"),
                    ("ada", "#b", "*waves*"),
                    ("ada", "ada", "psst"),
                    ("ada", "#a", "café"),
                ]
                first = next(event for event in at.events if isinstance(event, ChatMessage))
                assert began - 2 < first.at < time.time() + 2, "the server's time, which it keeps to the second"
                assert "~" in first.id, "the server's own, as InspIRCd makes them"
                await until(lambda: ada.saw("NOTICE ada :\x01VERSION Marotte\x01"))
                assert (await at.say("こんにちは、皆さん")).ok
                assert (await at.say("psst yourself", "ada")).ok
                refused = await at.say("is anybody there?", "#nowhere")
                assert (refused.ok, refused.detail) == (False, "No such channel")
                await until(lambda: ada.saw("PRIVMSG ada :psst yourself"))
                assert ada.saw("PRIVMSG #a :こんにちは、皆さん") == 1
                assert len(at.chats()) == 4  # our own echoes are not heard
                assert at.link.counters["malformed"] == 0
            await until(lambda: ada.saw("QUIT :") and ada.saw("The curtain falls"))


async def test_a_long_text_in_chinese_arrives_whole_characters(tmp_path: Path) -> None:
    with running(tmp_path) as server:
        async with person("ada", server.port, "#a") as ada, Stage(server.port).on() as at:
            await joined(ada, "marotte", "#a")
            assert (await at.say("一二三四五六七八九十" * 60)).ok
            await until(lambda: ada.saw("PRIVMSG #a :") == 5)
            lines = [line for line in ada.lines if b"PRIVMSG #a" in line]
            assert all(len(line) <= 512 for line in lines)
            assert "".join(line.decode().strip().partition(" :")[2] for line in lines) == "一二三四五六七八九十" * 60


async def test_a_nick_that_is_taken_is_regained(tmp_path: Path) -> None:
    with running(tmp_path) as server:
        async with person("marotte", server.port, "#a") as thief, Stage(server.port).on() as at:
            await joined(thief, "marotte_", "#a")
            thief.write("NICK somebody")
            await until(lambda: thief.saw(":marotte_!marotte@127.0.0.1 NICK :marotte"))
            thief.write("PRIVMSG #a :marotte_ is not you any more")
            await until(lambda: at.chats() == [("somebody", "#a", "marotte_ is not you any more")])
            assert (await at.say("I have my name back")).ok
            await until(lambda: thief.saw("I have my name back"))
            thief.write("PRIVMSG #a :so you have")
            await until(lambda: at.chats()[-1] == ("somebody", "#a", "so you have"))
            assert len(at.chats()) == 2, "its own words are no news"


async def test_killed_and_kicked_it_comes_back(tmp_path: Path) -> None:
    with running(tmp_path) as server:
        async with person("oper", server.port, "#a") as oper, Stage(server.port).on() as at:
            await joined(oper, "marotte", "#a")
            oper.write("KICK #a marotte :behave")
            await joined(oper, "marotte", "#a", 2)
            assert "kicked out of #a by oper: behave" in at.details()
            oper.write("OPER root root", "KILL marotte :enough")
            await joined(oper, "marotte", "#a", 3)
            assert "killed by oper" in at.details()
            await until(lambda: at.states() == ["connecting", "up", "up", "down", "connecting", "up"])
            assert (await at.say("I am back")).ok


async def test_banned_from_the_server_it_waits_long(tmp_path: Path) -> None:
    with running(tmp_path) as server:
        async with person("oper", server.port, "#a") as oper, Stage(server.port).on() as at:
            await joined(oper, "marotte", "#a")
            oper.write("OPER root root", "GLINE marotte@127.0.0.1 1h :no bots")
            await until(lambda: at.state() == "refused")
            assert re.search(r"tried again in \d\d min", at.details())
            assert at.link.counters["reconnects"] == 0


async def test_a_server_that_restarts_is_joined_again(tmp_path: Path) -> None:
    server = InspIRCd(tmp_path)
    server.start()
    try:
        async with Stage(server.port).on() as at:
            await until(lambda: at.state() == "up")
            server.stop(signal.SIGKILL)
            await until(lambda: "down" in at.states())
            server.start()
            async with person("ada", server.port, "#a", "#b") as ada:
                await until(lambda: ada.saw("marotte"))
                await until(lambda: at.state() == "up")
                assert (await at.say("I am back", "#b")).ok
                await until(lambda: ada.saw("PRIVMSG #b :I am back"))
    finally:
        server.stop()


async def test_a_netsplit_and_its_healing(tmp_path: Path) -> None:
    with linked(tmp_path) as (one, two):
        async with person("near", one.port, "#a") as near, person("far", two.port, "#a") as far:
            await until(lambda: near.saw(":far!far@127.0.0.1 JOIN :#a") or near.saw("353 near = #a :far"))
            async with Stage(one.port).on() as at:
                await joined(far, "marotte", "#a")
                far.write("PRIVMSG #a :from afar")
                await until(lambda: at.chats() == [("far", "#a", "from afar")])
                near.write("OPER root root", "SQUIT two.irc.test :split")
                await until(lambda: near.saw("QUIT :one.irc.test two.irc.test") or near.saw("QUIT :*.net *.split"))
                far.write("PRIVMSG #a :into the void")
                near.write("PRIVMSG #a :just us")
                assert (await at.say("the far side cannot hear this")).ok
                await until(lambda: len(at.chats()) == 2)
                await joined(far, "marotte", "#a", 2)  # the servers have found each other again
                far.write("PRIVMSG #a :is it mended?")
                await until(lambda: at.chats()[-1] == ("far", "#a", "is it mended?"))
                assert (await at.say("it is")).ok
                await until(lambda: far.saw("PRIVMSG #a :it is"))
                assert at.states() == ["connecting", "up"]
                assert not far.saw("the far side cannot hear this")
                assert ("far", "#a", "into the void") not in at.chats()


async def test_our_flood_limit_keeps_a_strict_server_from_killing_us(tmp_path: Path) -> None:
    with running(tmp_path, strict=True) as server:
        async with person("ada", server.port, "#a") as ada:
            async with Stage(server.port, burst=4, window=5).on() as at:
                await joined(ada, "marotte", "#a")
                acts = await asyncio.gather(*(at.say(f"line {number}") for number in range(12)))
                assert all(act.ok for act in acts)
                await until(lambda: ada.saw("PRIVMSG #a :line") == 12)
                assert at.states() == ["connecting", "up"]
            async with Stage(server.port, burst=100, window=1, nick="rash").on() as rash:
                await until(lambda: ada.saw(":rash!rash@127.0.0.1 JOIN :#a"))
                acts = await asyncio.gather(*(rash.say(f"flood {number}") for number in range(60)))
                await until(lambda: ada.saw("QUIT :Excess Flood"))  # the server is strict indeed
                await until(lambda: "down" in rash.states())
                assert (
                    sum(act.ok for act in acts) <= ada.saw("PRIVMSG #a :flood") < 60
                )  # none is claimed that was not sent


async def test_what_inspircd_plays_back_on_joining_is_not_heard(tmp_path: Path) -> None:
    with running(tmp_path) as server:
        async with person("ada", server.port, "#a") as ada:
            ada.write("MODE #a +H 10:1h", "PRIVMSG #a :said before")
            await until(lambda: ada.saw("MODE #a +H"))
            async with Stage(server.port).on() as at:
                await joined(ada, "marotte", "#a")
                ada.write("PRIVMSG #a :said now")
                await until(lambda: at.chats())
                assert at.chats() == [("ada", "#a", "said now")]


async def test_tls(tmp_path: Path) -> None:
    with running(tmp_path) as server:
        async with person("ada", server.port, "#a") as ada:
            async with Stage(server.tls_port, tls=True, verify=False).on() as at:
                await joined(ada, "marotte", "#a")
                assert (await at.say("in secret")).ok
            async with Stage(server.tls_port, tls=True).on() as strict:
                await until(lambda: "down" in strict.states())
                assert "certificate verify failed" in strict.details()


async def test_a_server_password(tmp_path: Path) -> None:
    with running(tmp_path, password="sesame") as server:
        async with Stage(server.port, secret="IRC_PASSWORD", password="sesame").on() as right:
            await until(lambda: right.state() == "up")
        async with Stage(server.port, secret="IRC_PASSWORD", password="wrong-word").on() as wrong:
            await until(lambda: wrong.state() == "refused")
            assert re.search(r"tried again in \d\d min", wrong.details())
            assert wrong.link.counters["reconnects"] == 0
        said = b"".join(encode(event) for event in right.events + wrong.events)
        assert b"sesame" not in said
        assert b"wrong-word" not in said


# --- Twitch --------------------------------------------------------------------------------------------------------


def twitch(server: TwitchIRC, **settings: object) -> Stage:
    return Stage(server.port, **{"channels": ("#jester",), "secret": "IRC_PASSWORD", "password": TOKEN, **settings})


async def test_twitch_tags_and_lines_that_kill_other_clients() -> None:
    async with TwitchIRC() as server, twitch(server).on() as at:
        await server.joined.wait()
        server.chat("#jester", "ada", "hi Kappa", badges="vip/1,subscriber/3", subscriber="1", emotes="25:3-7")
        server.raw("@a;b=1 :bob!bob@bob.tmi.twitch.tv PRIVMSG #jester :odd tags")
        server.raw("@a=1=2;reply-parent-msg-body=A\\ssubscribed\\:\\\\ :bob!bob@h PRIVMSG #jester :an answer")
        server.raw(
            "@login=eve;display-name=Eve;msg-id=submysterygift;msg-param-mass-gift-count=5 :t USERNOTICE #jester"
        )
        server.raw("@login=eve;msg-id=raid;msg-param-viewerCount=9;system-msg=9\\sraiders :t USERNOTICE #jester")
        server.raw(
            "@login=eve;msg-id=submysterygift;msg-param-mass-gift-count=5;system-msg=5\\sgifts :t USERNOTICE #jester"
        )
        server.raw("@ban-duration=600 :tmi.twitch.tv CLEARCHAT #jester :troll", "@", "@a=1", ":", "\x00\x01")
        server.chat("#jester", "zoe", "日本語" * 160)  # 500 characters are more than 512 bytes, and Twitch sends them
        await until(lambda: len(at.chats()) == 4)
        assert at.chats()[:3] == [
            ("Ada", "#jester", "hi Kappa"),
            ("bob", "#jester", "odd tags"),
            ("bob", "#jester", "an answer"),
        ]
        assert at.chats()[3][2] == "日本語" * 160
        chats = [event for event in at.events if isinstance(event, ChatMessage)]
        assert chats[0].viewer is not None
        assert (chats[0].viewer.id, chats[0].viewer.roles) == ("irc:test/ada", ("subscriber", "vip"))
        assert [event.party for event in at.events if isinstance(event, Raid)] == [9]
        assert [event.given for event in at.events if isinstance(event, Subscription)] == [5]
        assert at.link.counters["malformed"] == 4
        assert (await at.say("hello", "#jester")).ok
        await until(lambda: server.heard == [("marotte", "#jester", "hello")])


async def test_twitch_asks_to_reconnect() -> None:
    async with TwitchIRC() as server, twitch(server).on() as at:
        await server.joined.wait()
        await until(lambda: at.state() == "up")
        server.raw(":tmi.twitch.tv RECONNECT")
        await until(lambda: server.logins == 2 and at.state() == "up")
        assert at.states() == ["connecting", "up", "down", "connecting", "up"]
        server.drop()
        await until(lambda: server.logins == 3 and at.state() == "up")


async def test_twitch_refuses_a_token_and_is_left_in_peace() -> None:
    async with TwitchIRC() as server, twitch(server, password="oauth:wrong").on() as at:
        await until(lambda: at.state() == "refused")
        assert re.search(r"tried again in \d\d min", at.details())
        assert server.logins == 1
        assert "Login authentication failed" in at.details()
        assert "oauth:wrong" not in at.details()


async def test_twitch_without_an_account_is_read() -> None:
    async with TwitchIRC() as server, twitch(server, nick="justinfan12345", secret="").on() as at:
        await server.joined.wait()
        server.chat("#jester", "ada", "anybody can read")
        await until(lambda: at.chats() == [("Ada", "#jester", "anybody can read")])


async def test_twitchs_limit_is_kept_over_all_channels_of_the_account() -> None:
    """Whoever sends 21 messages in the server's window is silenced; ours is longer by all that may hold a line up."""
    async with TwitchIRC(window=1.0) as server, twitch(server, channels=("#x", "#y"), burst=20, window=8.0).on() as at:
        await server.joined.wait()
        acts = await asyncio.gather(*(at.say(f"line {number}", "#x" if number % 2 else "#y") for number in range(30)))
        assert all(act.ok for act in acts)
        await until(lambda: len(server.heard) == 30)
        assert not server.silenced


async def test_sasl() -> None:
    async with TwitchIRC(sasl=("ada", "sesame")) as server:
        settings = {"channels": ("#a",), "account": "ada", "secret": "IRC_PASSWORD"}
        async with Stage(server.port, **settings, password="sesame").on() as right:
            await server.joined.wait()
            await until(lambda: right.state() == "up")
        async with Stage(server.port, **settings, password="wrong").on() as wrong:
            await until(lambda: wrong.state() == "refused")
            assert "'ada'" in wrong.details()


async def test_tls_with_a_certificate_that_is_trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    certificate(tmp_path)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(tmp_path / "cert.pem", tmp_path / "key.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "cert.pem"))
    async with TwitchIRC(tls=tls) as server:
        async with twitch(server, tls=True, host="localhost").on() as at:
            await until(lambda: at.state() == "up")
        async with twitch(server, tls=True, host="127.0.0.1").on() as other:
            await until(lambda: "down" in other.states())
            assert "IP address mismatch" in other.details()
