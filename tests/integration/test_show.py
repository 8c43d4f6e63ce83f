"""The show with the real things around it: an IRC server, provider servers that misbehave, a found model server."""

import asyncio
from pathlib import Path

import pytest

from tests.servers import inspircd
from tests.servers.marotte import TOKEN, marotte
from tests.servers.ollama import OllamaServer
from tests.servers.openai import OpenAIServer, Script
from tests.waiting import PATIENCE, QUICK, until

pytestmark = pytest.mark.anyio
QUIET = f"{QUICK}[attention]\nlull_after = 0\n[gateway]\nrequests = 100_000\n[brain]\ndiscover = false\n"
GREETING = "Good evening to you, dear Ada, and to all of your friends."
FLOOD = 200
"""Messages; more than the lane of the chat holds."""


class Chatter:
    """Somebody with a plain IRC client."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    @classmethod
    async def join(cls, port: int, nick: str, channel: str) -> "Chatter":
        chatter = cls(*await asyncio.open_connection("127.0.0.1", port))
        chatter.send(f"NICK {nick}", f"USER {nick} 0 * :{nick}")
        await chatter.until(" 001 ")
        chatter.send(f"JOIN {channel}")
        await chatter.until(" 366 ")
        return chatter

    def send(self, *lines: str) -> None:
        for line in lines:
            self._writer.write(f"{line}\r\n".encode())

    async def until(self, *parts: str) -> str:
        async with asyncio.timeout(2 * PATIENCE):
            while line := (await self._reader.readline()).decode():
                if line.startswith("PING"):
                    self.send(line.replace("PING", "PONG").strip())
                if all(part in line for part in parts):
                    return line.strip()
        raise AssertionError(f"the server hung up before {parts}")

    def leave(self) -> None:
        self._writer.close()


async def test_somebody_on_irc_is_answered_there_and_aloud(tmp_path: Path) -> None:
    with inspircd.running(tmp_path) as server:
        there = f'host = "127.0.0.1"\nport = {server.port}\ntls = false'
        show = f'{QUIET}[irc.test]\n{there}\nnick = "pip"\nchannels = ["#stage"]\n'
        async with marotte(tmp_path, show) as program, program.window("stage", floor="public") as stage:
            ada = await Chatter.join(server.port, "ada", "#stage")

            async def up() -> bool:
                return (await program.get("/api/v1/connections"))[0]["state"] == "up"

            await until(up, "the link")
            await stage.send(type="sound", on=True)
            ada.send("PRIVMSG #stage :pip, who are you?")
            started = await stage.event("line_started")
            await stage.until("sound")
            ended = await _report_until_ended(stage)
            answer = await ada.until("PRIVMSG #stage", ":pip!")
            ada.leave()
            heard = ended["ending"]["heard"]
            assert answer.partition(" :")[2] == f"ada: {heard}"
            assert heard.startswith(started["spoken"][:10])
            turn = (await program.get("/api/v1/turns?limit=1"))[0]
            assert (turn["lane"], turn["state"], turn["heard"]) == ("chat", "done", heard)


async def _report_until_ended(window) -> dict:
    """Read on as a window that plays, until the turn is over."""
    while True:
        frame = await window.until("sound", "event")
        if frame["type"] == "sound":
            await window.send(type="played", sample=frame["sample"] + 960)
        elif frame["event"]["type"] == "turn_ended":
            return frame["event"]


def _show(server: OpenAIServer, late: str = "") -> str:
    """A show with engines in the cloud, of which the one on the route ``late`` is not waited for."""
    within = {route: 1.5 if route == late else 60.0 for route in ("chat", "speech")}
    return f"""{QUIET}
chain = ["cloud"]
[brain.cloud]
engine = "openai"
url = "{server.url}"
model = "gpt-4o-mini"
secret = "TEST_KEY"
first_within = {within["chat"]}
next_within = {within["chat"]}
[voice]
chain = ["cloud"]
[voice.cloud]
engine = "openai"
url = "{server.url}"
model = "gpt-4o-mini-tts"
secret = "TEST_KEY"
first_within = {within["speech"]}
next_within = {within["speech"]}
"""


async def test_a_cloud_brain_and_voice_are_used_and_told(tmp_path: Path) -> None:
    async with OpenAIServer(Script(reply="Good evening, dear Ada.")) as server:
        async with marotte(tmp_path, _show(server), TEST_KEY=server.script.key) as program:
            _, answer = await program.post("/api/v1/percepts?wait=90", {"type": "asked", "text": "hello"})
            assert (answer["turn"]["state"], answer["turn"]["heard"]) == ("done", "Good evening, dear Ada.")
            engines = {(e["kind"], e["name"]): e for e in await program.get("/api/v1/engines")}
            assert engines["brain", "cloud"]["used"]["tokens"] > 0
            assert engines["voice", "cloud"]["used"]["characters"] > 0
            assert engines["brain", "improviser"]["calls"] == 0
            assert server.script.key not in program.output()


@pytest.mark.parametrize("fault", ["hang", "empty", "garbage", "wrong_type", "close", "huge", "401", "429", "500"])
@pytest.mark.parametrize("route", ["chat", "speech"])
async def test_the_understudy_finishes_the_turn(tmp_path: Path, route: str, fault: str) -> None:
    async with OpenAIServer(Script(reply=GREETING, per_character=0.02)) as server:
        server.fault(route, fault)
        async with marotte(
            tmp_path, _show(server, late=route if fault == "hang" else ""), TEST_KEY=server.script.key
        ) as program:
            _, answer = await program.post("/api/v1/percepts?wait=90", {"type": "asked", "text": "hello"})
            turn = answer["turn"]
            assert turn["state"] == "done"
            assert turn["heard"]
            assert not turn["cut"], turn
            if route == "speech":
                assert turn["heard"] == GREETING
            kind = {"chat": "brain", "speech": "voice"}[route]
            engines = {(e["kind"], e["name"]): e for e in await program.get("/api/v1/engines")}
            assert engines[kind, "cloud"]["state"] in ("resting", "probing")
            assert engines[kind, "cloud"]["detail"]
            assert server.script.key not in str(engines)
            assert server.script.key not in program.output()


async def test_a_found_model_server_can_lead_the_chain(tmp_path: Path) -> None:
    async with (
        OpenAIServer(Script(reply="I think with a model now.", key="")) as server,
        marotte(tmp_path, QUIET) as program,
    ):
        status, _ = await program.post("/api/v1/brain", {"url": server.url, "model": "gpt-4o-mini"})
        assert status == 204
        _, answer = await program.post("/api/v1/percepts?wait=90", {"type": "asked", "text": "hello"})
        assert answer["turn"]["heard"] == "I think with a model now."
        engines = [e["name"] for e in await program.get("/api/v1/engines") if e["kind"] == "brain"]
        assert engines == ["found", "improviser"]


async def test_ollama_leads_the_chain_over_its_own_interface(tmp_path: Path) -> None:
    async with OllamaServer() as server, marotte(tmp_path, QUIET) as program:
        asked = {"url": server.url, "model": "qwen3:8b", "engine": "ollama"}
        assert (await program.post("/api/v1/brain", asked))[0] == 204
        _, answer = await program.post("/api/v1/percepts?wait=90", {"type": "asked", "text": "hello"})
        assert answer["turn"]["heard"] == server.script.reply
        assert server.requests[-1].body["options"] == {"num_ctx": 8_192}, "what OpenAI's interface cannot say"
        [leads, _] = [e for e in await program.get("/api/v1/engines") if e["kind"] == "brain"]
        assert (leads["name"], leads["engine"]) == ("found", "OllamaBrain")


async def test_the_context_line_reaches_the_brain(tmp_path: Path) -> None:
    async with OpenAIServer(
        Script(reply=lambda messages: str("a juggling contest" in messages[0]["content"]))
    ) as server:
        async with marotte(tmp_path, _show(server), TEST_KEY=server.script.key) as program:
            async with program.request(
                "PUT", "/api/v1/show/context", json={"context": "a juggling contest"}
            ) as response:
                assert response.status == 204
            _, answer = await program.post("/api/v1/percepts?wait=90", {"type": "asked", "text": "hello"})
            assert answer["turn"]["heard"] == "True"


async def test_who_is_forgotten_is_forgotten_on_every_open_floor(tmp_path: Path) -> None:
    def knows(messages: list[dict]) -> str:
        return "I know." if "cellar" in str(messages) else "No idea."

    async with OpenAIServer(Script(reply=knows)) as server:
        async with (
            marotte(tmp_path, _show(server), TEST_KEY=server.script.key) as program,
            program.window(language="en", partner="a" * 32) as talk,
        ):
            floors = ("public", talk.welcome["floor"])

            async def heard(floor: str, text: str, who: str) -> str:
                said = {"type": "chat_message", "floor": floor, "text": text, "viewer": {"id": f"x:{who}", "name": who}}
                _, answer = await program.post("/api/v1/percepts?wait=90", said)
                return answer["turn"]["heard"]

            for floor in floors:
                assert await heard(floor, "My bells hang in the cellar, pip.", "ada") == "I know."
                assert await heard(floor, "Where are they, pip?", "bob") == "I know."
            async with program.request("DELETE", "/api/v1/viewers/x:ada") as response:
                assert response.status == 200
            for floor in floors:
                assert await heard(floor, "Where are they now, pip?", "bob") == "No idea."


async def test_a_flood_of_chat_leaves_the_gift_first_and_nothing_uncounted(tmp_path: Path) -> None:
    async with marotte(tmp_path, QUIET) as program, program.window("control", token=TOKEN) as control:
        await program.post("/api/v1/percepts", {"type": "asked", "verbatim": True, "text": "Wait, wait, wait. " * 200})
        await control.event("turn_started")
        for start in range(0, FLOOD, 20):  # as many at once as a browser of impatient people
            await asyncio.gather(*(program.post("/api/v1/percepts", _spam(n)) for n in range(start, start + 20)))
        await program.post("/api/v1/percepts", {"type": "gift", "what": "rose", "viewer": {"id": "a", "name": "Ada"}})
        await program.post("/api/v1/floors/public/stop")
        assert (await control.event("turn_started"))["lane"] == "gifts", "the gift does not wait behind the flood"
        # In this order nothing that moves on meanwhile is missed.
        waiting = sum(1 + q["merged"] for q in await program.get("/api/v1/queue") if q["lane"] == "chat")
        dropped = sum(d["count"] for d in await program.get("/api/v1/dropped") if d["lane"] == "chat")
        turns = await program.get("/api/v1/turns?limit=50")
        answered = sum(len(turn["percepts"]) for turn in turns if turn["lane"] == "chat")
        assert waiting + dropped + answered >= FLOOD


def _spam(number: int) -> dict:
    viewer = {"id": f"v{number}", "name": f"v{number}"}
    return {"type": "chat_message", "text": f"spam {number}", "viewer": viewer}
