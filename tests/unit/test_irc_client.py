"""The IRC client and link on virtual time, against a server that the test plays by hand."""

import asyncio
import base64
import itertools
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from random import Random

import pytest

from marotte.config import Channel
from marotte.events import ActDone, ChatMessage, Event, LinkState, Send, encode
from marotte.links.irc import client as client_module
from marotte.links.irc.link import IRCLink
from marotte.links.pace import Backoff, Window
from marotte.time import Clock

pytestmark = [pytest.mark.anyio, pytest.mark.virtual]

SECRET = "hunter2"


class Wire:
    """One connection, seen from the server: what the client wrote, and when; both its stream ends."""

    def __init__(self, server: "Server") -> None:
        self.reader = asyncio.StreamReader()
        self.lines: list[tuple[float, str]] = []
        self.unread = 0
        self.open = True
        self.nick = ""
        self._server = server
        self.transport = self

    def write(self, data: bytes) -> None:
        assert data.endswith(b"\r\n")
        assert data.count(b"\n") == data.count(b"\r") == 1
        line = data[:-2].decode()
        self.lines.append((asyncio.get_running_loop().time(), line))
        self._server.answer(self, line)

    def get_write_buffer_size(self) -> int:
        return self.unread

    def is_closing(self) -> bool:
        return not self.open

    def abort(self) -> None:
        self.hang_up()

    def send(self, *lines: str) -> None:
        if self.open:
            self.reader.feed_data("".join(f"{line}\r\n" for line in lines).encode())

    def hang_up(self) -> None:
        if self.open:
            self.open = False
            self.reader.feed_eof()

    def wrote(self, start: str) -> list[str]:
        return [line for _, line in self.lines if line.startswith(start)]

    def times(self, start: str) -> list[float]:
        return [at for at, line in self.lines if line.startswith(start)]


class Server:
    """An IRC server with switches for each thing that can go wrong."""

    def __init__(self) -> None:
        self.wires: list[Wire] = []
        self.attempts: list[float] = []
        self.capabilities: str | None = "message-tags server-time"
        self.taken: set[str] = set()
        self.welcome = True
        self.pongs = True
        self.refuse = ""
        self.unreachable = False
        self.confirm = True
        self.silent_join = False

    async def connect(self, _settings: Channel) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        self.attempts.append(asyncio.get_running_loop().time())
        if self.unreachable:
            raise OSError("nobody is there")
        wire = Wire(self)
        self.wires.append(wire)
        return wire.reader, wire  # type: ignore[return-value]

    def answer(self, wire: Wire, line: str) -> None:
        tags, _, rest = line.partition(" ") if line.startswith("@") else ("", "", line)
        verb, _, rest = rest.partition(" ")
        nick = next(reversed(wire.wrote("NICK ")), "NICK x").split()[1]
        match verb:
            case "CAP" if self.capabilities is None:
                wire.send(":s 421 * CAP :Unknown command")
            case "CAP" if rest.startswith("LS"):
                first, _, second = self.capabilities.partition("|")
                wire.send(
                    *([f":s CAP * LS * :{first}", f":s CAP * LS :{second}"] if second else [f":s CAP * LS :{first}"])
                )
            case "CAP" if rest.startswith("REQ"):
                wire.send(f":s CAP * ACK {rest[4:]}")
            case "AUTHENTICATE" if rest == "PLAIN":
                wire.send("AUTHENTICATE +")
            case "NICK" if rest in self.taken:
                wire.send(f":s 433 * {rest} :Nickname is already in use")
            case "NICK" if wire.nick:
                wire.send(f":{wire.nick}!u@h NICK :{rest}")
                wire.nick = rest
            case "NICK" | "USER" | "CAP":
                self._greet(wire, nick)
            case "JOIN" if not self.silent_join:
                wire.send(f":{nick}!marotte@host.test JOIN {rest}")
            case "PING" if self.pongs:
                wire.send(f":s PONG s {rest}")
            case "PRIVMSG" if tags and self.confirm:
                target = rest.split()[0]
                wire.send(
                    f"{tags} :s 404 {nick} {target} :Cannot send"
                    if target == "#mute"
                    else f"{tags} :{nick}!u@h PRIVMSG {rest}"
                )
            case "QUIT":
                wire.hang_up()
            case _:
                pass

    def _greet(self, wire: Wire, nick: str) -> None:
        if not wire.wrote("USER") or (self.capabilities is not None and not wire.wrote("CAP END")):
            return
        if self.refuse:
            wire.send(self.refuse)
        elif self.welcome and nick not in self.taken:
            wire.nick = nick
            wire.send(f":s 001 {nick} :Welcome")


class Stage:
    """A link, its server and what it published."""

    def __init__(self, server: Server, link: IRCLink, events: list[Event]) -> None:
        self.server, self.link, self.events = server, link, events

    @property
    def wire(self) -> Wire:
        return self.server.wires[-1]

    def states(self) -> list[str]:
        return [event.state for event in self.events if isinstance(event, LinkState)]

    def details(self) -> str:
        return "\n".join(event.detail for event in self.events if isinstance(event, LinkState))

    def chats(self) -> list[ChatMessage]:
        return [event for event in self.events if isinstance(event, ChatMessage)]

    def act(self, text: str, channel: str = "#a") -> "asyncio.Task[ActDone]":
        return asyncio.ensure_future(self.link.act(Send(link="test", channel=channel, text=text)))


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch) -> Callable[..., object]:
    @asynccontextmanager
    async def build(server: Server | None = None, *, seed: int = 1, **settings: object) -> AsyncIterator[Stage]:
        server = server or Server()
        monkeypatch.setattr(client_module.Client.__init__, "__defaults__", (server.connect,))
        events: list[Event] = []
        show = Channel.model_validate({"host": "irc.test", "channels": ("#a", "#b"), **settings})
        link = IRCLink("test", show, {"IRC_PASSWORD": SECRET}, events.append, Clock(1.8e9), Random(seed))
        running = asyncio.ensure_future(link.run())
        await asyncio.sleep(0.001)
        try:
            yield Stage(server, link, events)
        finally:
            running.cancel()
            with pytest.raises(asyncio.CancelledError):
                await running
            assert SECRET not in "".join(encode(event).decode() for event in events)

    return build


# --- coming in -----------------------------------------------------------------------------------------------------


async def test_it_registers_joins_and_says_so(stage) -> None:
    async with stage() as at:
        assert [line for _, line in at.wire.lines] == [
            "CAP LS 302",
            "NICK marotte",
            "USER marotte 0 * :a Marotte character",
            "CAP REQ :message-tags server-time",
            "CAP END",
            "JOIN #a",
            "JOIN #b",
        ]
        assert at.states() == ["connecting", "up"]
    assert at.wire.wrote("QUIT")
    assert at.states()[-1] == "stopped"


async def test_a_long_list_of_capabilities_comes_in_parts(stage) -> None:
    server = Server()
    server.capabilities = "batch sts=port=1|echo-message=x labeled-response away-notify"
    async with stage(server) as at:
        assert at.wire.wrote("CAP REQ") == ["CAP REQ :echo-message batch labeled-response"]


async def test_a_server_without_capabilities_will_do(stage) -> None:
    server = Server()
    server.capabilities = None
    async with stage(server) as at:
        assert at.states() == ["connecting", "up"]


async def test_a_server_password_is_sent_where_no_account_is_set(stage) -> None:
    async with stage(secret="IRC_PASSWORD") as at:
        assert [line for _, line in at.wire.lines][1] == f"PASS {SECRET}"


async def test_sasl(stage) -> None:
    server = Server()
    server.capabilities = "sasl=EXTERNAL,PLAIN"
    async with stage(server, account="ada", secret="IRC_PASSWORD") as at:
        sent = at.wire.wrote("AUTHENTICATE")
        assert sent[0] == "AUTHENTICATE PLAIN"
        assert base64.b64decode(sent[1].split()[1]) == f"\0ada\0{SECRET}".encode()
        assert not at.wire.wrote("PASS")
        assert not at.wire.wrote("CAP END")
        at.wire.send(":s 900 * * ada :You are now logged in", ":s 903 * :SASL successful")
        await asyncio.sleep(0.1)
        assert at.wire.wrote("CAP END")


async def test_a_long_sasl_secret_is_sent_in_pieces(stage) -> None:
    server = Server()
    server.capabilities = "sasl"
    for length, pieces in ((291, [388]), (300, [400, len("+")]), (330, [400, 40])):
        account = "a" * (length - len(SECRET) - 2)
        async with stage(server, account=account, secret="IRC_PASSWORD") as at:
            assert [len(line.split()[1]) for line in at.wire.wrote("AUTHENTICATE")[1:]] == pieces


@pytest.mark.parametrize(
    "refusal",
    [
        ":s 464 * :Password incorrect",
        ":s 904 * :SASL authentication failed",
        ":s 465 * :You are banned",
        ":s NOTICE * :Login authentication failed",
        ":s 432 * marotte :Erroneous nickname",
        "ERROR :Closing link: (u@h) [Z-Lined: go away]",
    ],
)
async def test_refused_is_refused_for_long(stage, refusal: str) -> None:
    server = Server()
    server.refuse = refusal
    async with stage(server) as at:
        await asyncio.sleep(800)
        assert at.states() == ["connecting", "refused"]
        assert len(server.attempts) == 1
        server.refuse = ""
        await asyncio.sleep(5_000)
        assert at.states()[-1] == "up"
        assert len(server.attempts) == 2


@pytest.mark.parametrize("capabilities", [None, "message-tags", "sasl=EXTERNAL"])
async def test_an_account_that_the_server_cannot_check_is_refused(stage, capabilities: str | None) -> None:
    server = Server()
    server.capabilities = capabilities
    async with stage(server, account="ada", secret="IRC_PASSWORD") as at:
        await asyncio.sleep(1)
        assert at.states() == ["connecting", "refused"]
        assert "SASL" in at.details()


async def test_a_secret_that_is_not_there_is_named_and_nothing_is_tried(stage) -> None:
    async with stage(secret="OTHER_PASSWORD") as at:
        await asyncio.sleep(5_000)
        assert at.states() == ["refused"]
        assert "OTHER_PASSWORD" in at.details()
        assert not at.server.attempts


async def test_a_server_that_gives_no_welcome_is_left(stage) -> None:
    server = Server()
    server.welcome = False
    async with stage(server) as at:
        await asyncio.sleep(29)
        assert at.states() == ["connecting"]
        await asyncio.sleep(2)
        assert at.states()[1] == "down"
        assert "30 s" in at.details()


# --- the nick ------------------------------------------------------------------------------------------------------


async def test_a_taken_nick_is_lengthened_then_changed_and_regained(stage) -> None:
    server = Server()
    server.taken = {"marotte", "marotte_", "marotte__"}
    async with stage(server) as at:
        nicks = at.wire.wrote("NICK")
        assert at.link._client.nick == nicks[-1].split()[1]
        assert nicks[:3] == ["NICK marotte", "NICK marotte_", "NICK marotte__"]
        assert nicks[3].startswith("NICK marot")
        assert nicks[3][-3:].isdigit()
        assert at.states() == ["connecting", "up"]
        await asyncio.sleep(61)
        assert at.wire.wrote("NICK")[-1] == "NICK marotte"
        assert len(at.wire.wrote("NICK")) == 5
        server.taken = set()
        await asyncio.sleep(60)
        await asyncio.sleep(120)
        assert len(at.wire.wrote("NICK")) == 6


@pytest.mark.parametrize("leaves", [":marotte!u@h QUIT :bye", ":marotte!u@h NICK :somebody"])
async def test_the_nick_is_regained_the_moment_it_is_free(stage, leaves: str) -> None:
    server = Server()
    server.taken = {"marotte"}
    async with stage(server) as at:
        at.wire.send(leaves)
        await asyncio.sleep(0.1)
        assert at.wire.wrote("NICK")[-1] == "NICK marotte"


async def test_no_nick_free_at_all_is_no_loop(stage) -> None:
    class AllTaken(set[str]):
        def __contains__(self, _nick: object) -> bool:
            return True

    server = Server()
    server.taken = AllTaken()
    async with stage(server) as at:
        assert at.states()[:2] == ["connecting", "down"]
        assert len(server.wires[0].wrote("NICK")) == 9


# --- staying -------------------------------------------------------------------------------------------------------


async def test_pings_are_answered(stage) -> None:
    async with stage() as at:
        at.wire.send("PING :a b", "PING x")
        await asyncio.sleep(0.1)
        assert at.wire.wrote("PONG") == ["PONG :a b", "PONG :x"]


async def test_a_quiet_server_is_asked_and_a_dead_one_is_left(stage) -> None:
    async with stage() as at:
        await asyncio.sleep(1_000)
        assert len(at.wire.wrote("PING")) == 11
        assert at.states() == ["connecting", "up"]
        at.server.pongs = False
        await asyncio.sleep(115)
        assert at.states()[2] == "down"
        assert "silent for 110 s" in at.details()


async def test_a_server_that_does_not_read_is_left(stage) -> None:
    async with stage() as at:
        at.wire.unread = 1 << 20
        at.wire.send("PING :x")
        await asyncio.sleep(0.01)
        assert at.states()[2] == "down"


async def test_waits_double_with_jitter_to_five_minutes(stage) -> None:
    server = Server()
    server.unreachable = True
    async with stage(server) as at:
        await asyncio.sleep(20_000)
        waits = [b - a for a, b in itertools.pairwise(server.attempts)]
        assert all(wait <= min(300, 2 ** (place + 1)) for place, wait in enumerate(waits))
        assert 100 < sum(waits[9:]) / len(waits[9:]) < 200
        assert len({round(wait, 3) for wait in waits}) == len(waits)
        assert at.link.counters["reconnects"] == len(waits)
        assert "nobody is there" in at.details()


async def test_the_same_seed_waits_the_same(stage) -> None:
    runs: list[list[float]] = []
    for seed in (5, 5, 6):
        server = Server()
        server.unreachable = True
        async with stage(server, seed=seed):
            await asyncio.sleep(2_000)
        runs.append([round(at - server.attempts[0], 6) for at in server.attempts])
    assert runs[0] == runs[1] != runs[2]


async def test_a_stable_minute_begins_the_waits_anew(stage) -> None:
    async with stage() as at:
        for _ in range(12):  # each connection dies at once: the waits grow
            at.wire.hang_up()
            await asyncio.sleep(301)
        attempts = len(at.server.attempts)
        await asyncio.sleep(61)
        at.wire.hang_up()
        await asyncio.sleep(2.1)
        assert len(at.server.attempts) == attempts + 1


@pytest.mark.parametrize(
    "end", ["RECONNECT", ":tmi.twitch.tv RECONNECT", ":op!o@h KILL marotte :bye", "ERROR :Closing link"]
)
async def test_it_comes_back_and_joins_again(stage, end: str) -> None:
    async with stage() as at:
        await asyncio.sleep(61)
        at.wire.send(end)
        await asyncio.sleep(3)
        assert at.states() == ["connecting", "up", "down", "connecting", "up"]
        assert at.wire.wrote("JOIN") == ["JOIN #a", "JOIN #b"]
        assert at.link.counters["reconnects"] == 1


async def test_after_a_kick_it_comes_back_later_and_later(stage) -> None:
    async with stage() as at:
        for _ in range(8):
            at.wire.send(
                ":op!o@h KICK #a marotte :out", ":op!o@h KICK #b ada :not us", ":op!o@h KICK #other marotte :x"
            )
            await asyncio.sleep(302)
        assert at.wire.wrote("JOIN").count("JOIN #b") == 1
        assert at.wire.wrote("JOIN").count("JOIN #a") == 9
        assert at.states()[-1] == "up"
        assert "kicked out of #a by op: out" in at.details()


async def test_a_channel_that_cannot_be_joined_is_tried_again_with_backoff(stage) -> None:
    server = Server()
    server.silent_join = True
    async with stage(server) as at:
        for _ in range(12):
            at.wire.send(":s 473 marotte #A :Cannot join channel (invite only)")
            await asyncio.sleep(302)
        times = at.wire.times("JOIN #a")
        assert len(times) == 13
        assert "cannot join #A: Cannot join channel (invite only)" in at.details()


async def test_many_channels_are_joined_within_the_limit(stage) -> None:
    async with stage(channels=tuple(f"#c{n}" for n in range(40)), burst=5, window=10) as at:
        await asyncio.sleep(100)
        times = at.wire.times("JOIN")
        assert len(times) == 40
        assert all(b - a >= 2 for a, b in itertools.pairwise(times[6:]))


# --- what is heard -------------------------------------------------------------------------------------------------


async def test_people_are_heard_and_nobody_else(stage) -> None:
    async with stage() as at:
        at.wire.send(
            ":ada!a@h PRIVMSG #a :hello 世界",
            ":ada!a@h PRIVMSG marotte :psst",
            ":ada!a@h NOTICE #a :bots must not answer this",
            ":marotte!m@h PRIVMSG #a :our own echo",
            ":irc.test NOTICE marotte :server talk",
            "@a;b=1 :ada!a@h PRIVMSG #a :odd tags",
            "@@@@ \0 nonsense !!",
            ":",
            "",
        )
        await asyncio.sleep(0.1)
        assert [(chat.text, chat.channel) for chat in at.chats()] == [
            ("hello 世界", "#a"),
            ("psst", "ada"),
            ("odd tags", "#a"),
        ]
        assert at.link.counters["malformed"] == 2


async def test_a_flood_without_line_ends_is_not_kept(stage) -> None:
    async with stage() as at:
        at.wire.reader.feed_data(b"x" * 1_000_000)
        at.wire.send("", ":ada!a@h PRIVMSG #a :still here")
        await asyncio.sleep(0.1)
        assert [chat.text for chat in at.chats()] == ["still here"]
        assert at.link.counters["malformed"] == 1


async def test_what_the_server_plays_back_is_not_heard_again(stage) -> None:
    async with stage() as at:
        at.wire.send(
            ":s BATCH +1 chathistory #a",
            "@batch=1 :ada!a@h PRIVMSG #a :old",
            ":s BATCH -1",
            ":s BATCH +2 netsplit a b",
            "@batch=2 :ada!a@h PRIVMSG #a :new",
            "@batch=1 :ada!a@h PRIVMSG #a :newer",
        )
        await asyncio.sleep(0.1)
        assert [chat.text for chat in at.chats()] == ["new", "newer"]


async def test_ctcp_is_answered_rarely(stage) -> None:
    async with stage() as at:
        at.wire.send(*[":ada!a@h PRIVMSG marotte :\x01VERSION\x01"] * 50, ":ada!a@h PRIVMSG #a :\x01DCC SEND x\x01")
        await asyncio.sleep(0.1)
        assert at.wire.wrote("NOTICE") == ["NOTICE ada :\x01VERSION Marotte\x01"]
        await asyncio.sleep(31)
        at.wire.send(":ada!a@h PRIVMSG marotte :\x01PING 123\x01")
        await asyncio.sleep(0.1)
        assert at.wire.wrote("NOTICE")[1:] == ["NOTICE ada :\x01PING 123\x01"]
        assert not at.chats()


# --- what is said --------------------------------------------------------------------------------------------------


async def test_an_act_is_carried_out_and_its_result_published(stage) -> None:
    async with stage() as at:
        done = await at.act("hello")
        assert done.ok
        assert done in at.events
        assert at.wire.wrote("PRIVMSG") == ["PRIVMSG #a :hello"]
        assert at.link.counters["sent"] == 1


async def test_a_server_that_labels_its_answers_confirms_or_objects(stage) -> None:
    server = Server()
    server.capabilities = "batch echo-message labeled-response message-tags"
    async with stage(server) as at:
        assert (await at.act("hello")).ok
        refused = await at.act("hello", "#mute")
        assert (refused.ok, refused.detail) == (False, "Cannot send")
        server.confirm = False
        unsure = await at.act("hello")
        assert not unsure.ok
        assert "did not confirm" in unsure.detail
        broken = at.act("hello")
        await asyncio.sleep(0.1)
        at.wire.hang_up()
        assert "broke" in (await broken).detail


async def test_no_window_ever_holds_more_than_the_burst(stage) -> None:
    async with stage(burst=20, window=30) as at:  # Twitch's limit, which counts the account's lines in all channels
        acts: list[asyncio.Task[ActDone]] = []
        for number in range(300):
            acts.append(at.act(f"line {number}", "#a" if number % 2 else "#b"))
            await asyncio.sleep(at.link._client._rng.uniform(0, 2))
        done = [await act for act in acts]
        times = at.wire.times("PRIVMSG")
        assert max(sum(1 for other in times if at_ <= other < at_ + 30) for at_ in times) == 20
        assert len(times) == sum(act.ok for act in done) == at.link.counters["sent"]
        sent = [int(line.split()[-1]) for line in at.wire.wrote("PRIVMSG")]
        assert sent == sorted(sent)


async def test_a_stale_line_is_dropped_and_never_sent_late(stage) -> None:
    server = Server()
    server.unreachable = True
    async with stage(server) as at:
        act = at.act("too late")
        await asyncio.sleep(19)
        assert not act.done()
        await asyncio.sleep(2)
        assert "stale" in act.result().detail
        assert act.result() in at.events
        server.unreachable = False
        await asyncio.sleep(600)
        assert at.states()[-1] == "up"
        assert not at.wire.wrote("PRIVMSG")
        assert at.link.counters["dropped"] == 1


async def test_an_act_is_as_old_as_it_says(stage) -> None:
    async with stage() as at:
        now = at.link.clock.wall()
        old = await at.link.act(Send(at=now - 25, link="test", channel="#a", text="old"))
        young = await at.link.act(Send(at=now - 15, link="test", channel="#a", text="young"))
        ahead = await at.link.act(Send(at=now + 1e6, link="test", channel="#a", text="ahead"))
        assert (old.ok, young.ok, ahead.ok) == (False, True, True)
        assert "stale" in old.detail
        assert len(at.wire.wrote("PRIVMSG")) == 2


async def test_what_waits_is_bounded(stage) -> None:
    server = Server()
    server.unreachable = True
    async with stage(server) as at:
        acts = [at.act(f"line {number}") for number in range(130)]
        await asyncio.sleep(0.1)
        assert sum(act.done() for act in acts) == 30
        assert "wait already" in acts[-1].result().detail
        await asyncio.gather(*acts)
        assert at.link.counters["dropped"] == 130


async def test_a_line_waits_for_a_short_reconnection(stage) -> None:
    async with stage() as at:
        await asyncio.sleep(61)
        at.wire.hang_up()
        await asyncio.sleep(0.001)
        assert (await at.act("I am back")).ok
        assert at.wire.wrote("PRIVMSG") == ["PRIVMSG #a :I am back"]


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("a\r\nQUIT :b", "a QUIT :b"),
        ("a\nb\0c", "a b c"),
        ("\x01ACTION waves\x01", "ACTION waves"),
        (" \x01\x02 :x", ":x"),
        ("surrogate \ud800!", "surrogate ?!"),
    ],
)
async def test_text_cannot_become_a_command(stage, text: str, written: str) -> None:
    async with stage() as at:
        assert (await at.act(text)).ok
        assert at.wire.wrote("PRIVMSG") == [f"PRIVMSG #a :{written}"]
        assert not at.wire.wrote("QUIT")


@pytest.mark.parametrize("target", ["#a,#b", "a b", "#a\r\nQUIT", "", ":a", "x\0"])
async def test_a_target_is_one_channel_or_nick(stage, target: str) -> None:
    async with stage() as at:
        done = await at.act("x", target)
        assert not done.ok
        assert "no channel or nick" in done.detail
        assert len(at.wire.lines) == 7


async def test_nothing_to_send_is_not_sent(stage) -> None:
    async with stage() as at:
        assert not (await at.act(" \r\n\x01")).ok
        assert not at.wire.wrote("PRIVMSG")


@pytest.mark.parametrize("text", ["日本語" * 200, "x" * 2000, "é" * 700])
async def test_a_line_fits_into_512_bytes_as_others_get_it(stage, text: str) -> None:
    async with stage() as at:
        await at.act(text)
        lines = at.wire.wrote("PRIVMSG")
        assert 2 < len(lines) <= 5
        assert all(len(f":marotte!marotte@host.test {line}\r\n".encode()) <= 512 for line in lines)
        assert text.startswith("".join(line.partition(":")[2] for line in lines))


# --- going ---------------------------------------------------------------------------------------------------------


async def test_it_leaves_within_half_a_second_even_if_the_server_does_not_hang_up(stage, monkeypatch) -> None:
    server = Server()
    async with stage(server) as at:
        wire = at.wire
        monkeypatch.setattr(server, "answer", lambda *_: None)
        loop = asyncio.get_running_loop()
        began = loop.time()
    assert wire.lines[-1][1].startswith("QUIT")
    assert loop.time() - began <= 0.5
    assert not wire.open


def test_backoff_begins_anew_after_a_stable_while() -> None:
    backoff = Backoff(Random(3), 1.0, 300.0)
    assert all(backoff.next(0) <= min(300, 2 ** (n + 1)) for n in range(5_000))
    assert backoff.next(60) <= 2


def test_a_window_counts_from_anywhere() -> None:
    window = Window(2, 10)
    assert window.delay(0) == 0
    window.note(0)
    window.note(9)
    assert window.delay(9.5) == pytest.approx(1.0)
    assert window.delay(10.6) == 0
    window.note(10.6)
    assert window.delay(10.7) == pytest.approx(8.8)
    assert Window(1, 0).delay(5) == 0
