"""The show file over REST: checked as somebody types, edited by two, saved byte for byte, gone by without a stop."""

import asyncio
import hashlib
from pathlib import Path

import pytest

from marotte import config
from marotte.cli import shows
from marotte.mind.moderation import Rules
from marotte.replay import replay
from marotte.show import Run
from tests.servers.marotte import Marotte, marotte
from tests.waiting import PATIENCE

pytestmark = pytest.mark.anyio
SHOW = """# my show — with an umlaut: ä
name   =  "Mine"      # spaces stay

[attention]
lull_after = 0
[brain]
discover = false
[gateway]
port = 8765
"""
API = "/api/v1/settings"


async def put(program: Marotte, text: str, hash: str) -> tuple[int, dict]:
    async with program.request("PUT", API, json={"text": text, "hash": hash}) as response:
        return response.status, await response.json()


async def check(program: Marotte, text: str) -> dict:
    code, answer = await program.post(f"{API}/check", {"text": text})
    assert code == 200
    return answer


async def test_a_show_file_is_checked_saved_and_gone_by(tmp_path: Path) -> None:
    async with marotte(tmp_path, SHOW) as program:
        there = await program.get(API)
        assert there["text"] == SHOW
        assert there["file"] == str(program.show)
        assert there["hash"] == hashlib.sha256(SHOW.encode()).hexdigest()
        assert await check(program, SHOW) == {"mistakes": [], "needs": []}

        await _every_mistake_has_its_line(program)
        await _what_was_saved_holds(program, there["hash"])
        await _two_edit_the_file(program)
        await _a_secret_is_not_shown(program)


async def _every_mistake_has_its_line(program: Marotte) -> None:
    wrong = (
        "[character]\nnmae = 1\n[memory]\ntokens = 1\n[voice]\nchain = ['espaek']\n[voice.espeak]\nspeed = 5\n"
        "[moderation]\nallow = ['!']\n"
    )
    # What the models refuse comes first; engines and words are looked at once these are well.
    assert (await check(program, wrong))["mistakes"] == [
        {"line": 2, "key": "character.nmae", "reason": "there is no such key; did you mean 'name'?"},
        {"line": 4, "key": "memory.tokens", "reason": "Input should be greater than or equal to 100"},
    ]
    wrong = wrong.replace("nmae = 1\n", "").replace("tokens = 1", "tokens = 1000")
    found = (await check(program, wrong))["mistakes"]
    assert [(m["line"], m["key"]) for m in found] == [(5, "voice.chain"), (9, "moderation.allow")]
    assert "did you mean 'espeak'" in found[0]["reason"]
    found = (await check(program, wrong.replace("espaek", "espeak")))["mistakes"]
    assert (found[0]["line"], found[0]["key"]) == (7, "voice.espeak.speed")
    found = (await check(program, "x = [\n\n"))["mistakes"]
    assert found[0]["line"] >= 1
    assert "not valid TOML" in found[0]["reason"]
    code, answer = await put(program, wrong, "0")
    assert code == 422
    assert answer["detail"].startswith("line 5: voice.chain: there is no voice")
    assert program.show.read_text("utf-8") == SHOW


async def _what_was_saved_holds(program: Marotte, before: str) -> None:
    text = SHOW.replace("port = 8765", "port = 8766") + (
        '[character]\nname = "Ada"\nnever = ["blorp"]\n[voice.espeak]\nspeed = 1.8\n[lanes.chat]\npriority = 77\n'
    )
    needs = (await check(program, text))["needs"]
    assert {n["key"]: n["needs"] for n in needs} == {
        "character.name": "nothing",
        "character.never": "nothing",
        "gateway.port": "restart",
        "lanes.chat.priority": "nothing",
        "voice.espeak.speed": "nothing",
    }
    (engine,) = (engine for engine in await program.get("/api/v1/engines") if engine["kind"] == "voice")
    assert engine["name"] == "espeak"
    code, answer = await put(program, text, before)
    assert code == 200, answer
    assert answer["text"] == text
    assert answer["needs"] == needs
    assert program.show.read_bytes() == text.encode()
    assert program.show.with_name("show.toml.bak").read_text("utf-8") == SHOW
    assert not [file for file in program.folder.iterdir() if file.name.endswith(".new")]

    show = await program.get("/api/v1/show")
    assert show["character"]["name"] == "Ada"
    assert next(lane for lane in show["lanes"] if lane["name"] == "chat")["priority"] == 77
    _, judged = await program.post("/api/v1/moderation/try", {"text": "a blorp", "language": "en"})
    assert "never says" in judged["said"]["reason"]
    # The voice is another one now, and speaks.
    code, answer = await program.post(
        "/api/v1/percepts?wait=60", {"type": "asked", "text": "I am quicker now.", "verbatim": True}
    )
    assert answer["turn"]["heard"] == "I am quicker now."
    # What waits for a restart is still told.
    assert (await check(program, text))["needs"] == [{"key": "gateway.port", "needs": "restart"}]


async def _two_edit_the_file(program: Marotte) -> None:
    mine = await program.get(API)
    theirs = mine["text"].replace('"Mine"', '"Theirs"')
    program.show.write_text(theirs, "utf-8")
    code, answer = await put(program, mine["text"] + "# mine\n", mine["hash"])
    assert code == 409
    assert answer["detail"] == "somebody else has changed the file"
    assert '-name   =  "Theirs"      # spaces stay' in answer["difference"]
    assert "+# mine" in answer["difference"]
    assert program.show.read_text("utf-8") == theirs
    now = await program.get(API)
    assert now["text"] == theirs
    assert (await put(program, mine["text"], now["hash"]))[0] == 200
    # An answer that was lost on its way is asked for again.
    code, answer = await put(program, mine["text"], now["hash"])
    assert (code, answer["hash"]) == (200, mine["hash"])
    assert program.show.with_name(f"{program.show.name}.bak").read_text("utf-8") == theirs


async def _a_secret_is_not_shown(program: Marotte) -> None:
    there = await program.get(API)
    secret = "sk-proj-abcdefghijklmnopqrstuvwxyz"
    text = there["text"] + f"# {secret}\n"
    line = text.count("\n")
    (mistake,) = (await check(program, text))["mistakes"]
    assert mistake["line"] == line
    assert ".env" in mistake["reason"]
    assert secret not in str(mistake)
    code, answer = await put(program, text, there["hash"])
    assert (code, secret in str(answer)) == (422, False)
    program.show.write_text(text, "utf-8")
    async with program.request("GET", API) as response:
        said = await response.text()
        assert response.status == 409
    assert f"show.toml:{line}: this line looks like a key" in said
    assert secret not in said


async def test_bytes_that_are_odd_are_kept(tmp_path: Path) -> None:
    text = '# dos\r\nname = "Mine"\r\n\r\n\t# ends without a line feed\r\n[attention]\r\nlull_after = 0'
    async with marotte(tmp_path, text) as program:
        program.show.write_bytes(text.encode())
        there = await program.get(API)
        assert there["text"] == text
        assert (await put(program, text + "\r\n", there["hash"]))[0] == 200
        assert program.show.read_bytes() == f"{text}\r\n".encode()


async def test_a_link_to_the_file_stays_a_link(tmp_path: Path) -> None:
    async with marotte(tmp_path, SHOW) as program:
        real = tmp_path / "elsewhere.toml"
        program.show.rename(real)
        program.show.symlink_to(real)
        there = await program.get(API)
        assert (await put(program, SHOW + "# more\n", there["hash"]))[0] == 200
        assert program.show.is_symlink()
        assert real.read_text("utf-8").endswith("# more\n")


async def test_a_replay_goes_by_the_same_words_and_settings(tmp_path: Path) -> None:
    async with marotte(tmp_path, SHOW) as program:

        async def say(text: str) -> str:
            _, answer = await program.post(
                "/api/v1/percepts?wait=60", {"type": "asked", "text": text, "verbatim": True}
            )
            return answer["turn"]["heard"]

        async with program.request("PUT", "/api/v1/moderation/lists/en", json={"words": ["blorp"]}) as response:
            assert response.status == 204
        assert "blorp" not in await say("What a blorp.")
        there = await program.get(API)
        text = SHOW + '[character]\nnever = ["zonk"]\n[voice.espeak]\nspeed = 1.5\n'
        assert (await put(program, text, there["hash"]))[0] == 200
        assert "zonk" not in await say("What a zonk.")
    (log,) = (tmp_path / "data" / "runs").glob("*.jsonl")
    found = await asyncio.to_thread(replay, log)
    assert found.difference is None
    assert found.whole
    assert sum(entry.what == "stopped" for entry in found.done) == 2


async def test_what_was_made_of_a_show_that_comes_with_the_program_stands_in_for_it(tmp_path: Path) -> None:
    program = Marotte(tmp_path)
    program.show.unlink()
    program.show = "jester"  # type: ignore[assignment]
    ours = shows()["jester"].read_text("utf-8")
    await program.start()
    try:
        there = await program.get(API)
        assert there["text"] == ours
        assert there["file"] == str(program.data / "shows" / "jester.toml")
        text = ours.replace('name = "Pip"', 'name = "Zanni"')
        assert (await put(program, text, there["hash"]))[0] == 200
        assert shows()["jester"].read_text("utf-8") == ours
        again = await program.get(API)
        assert (await put(program, text + "# again\n", again["hash"]))[0] == 200
    finally:
        await program.stop()
    await program.start()
    try:
        assert (await program.get("/api/v1/show"))["character"]["name"] == "Zanni"
        assert (await program.get(API))["text"] == text + "# again\n"
    finally:
        await program.stop()


async def test_a_lull_comes_by_the_new_settings_without_a_restart(tmp_path: Path) -> None:
    run = Run(config.parse(SHOW), tmp_path, {})
    run._somebody_is_there = lambda: True  # type: ignore[method-assign]
    await run.start()
    try:
        lulls = run.bus.subscribe("percept.lull.public")
        new = config.parse(SHOW.replace("lull_after = 0", "lull_after = 0.2").replace("8765", "1"))
        rules = Rules(new.moderation)
        assert run.apply(new, rules) == ("gateway.port",)
        async with asyncio.timeout(PATIENCE):
            assert (await lulls.get()).data.seconds == 0.2
        waiting = run.supervisor.tasks["lull"].task
        assert run.apply(config.parse(SHOW), rules) == ()
        assert waiting is not None
        await asyncio.wait([waiting], timeout=PATIENCE)
        assert waiting.done()
    finally:
        await run.stop()


async def test_settings_that_no_engine_takes_change_nothing(tmp_path: Path) -> None:
    run = Run(config.parse(SHOW), tmp_path, {})
    new = config.parse(SHOW + '[character]\nname = "Ada"\n[voice.espeak]\nspeed = 5\n')
    with pytest.raises(config.ShowError, match=r"voice\.espeak\.speed"):
        run.apply(new, Rules(new.moderation))
    assert run.show.character.name == run.persona.card.name == "Pip"
