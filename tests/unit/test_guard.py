"""The guard alone: roles, tokens, guesses, limits, the audit log, on virtual time."""

import asyncio
import json
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marotte.gateway import limits
from marotte.gateway.audit import Audit, summary
from marotte.gateway.border import BODY_WITHIN, Border
from marotte.gateway.guard import GUEST, Denied, Guard, Wait
from marotte.gateway.limits import Attempts, Limits, caller_at
from marotte.gateway.tokens import MOST, PREFIX, TokenError, Tokens
from marotte.time import Clock

pytestmark = [pytest.mark.anyio, pytest.mark.virtual]
OPERATOR, VIEWER = "o" * 32, "v" * 32


def guard(data: Path, host: str = "127.0.0.1", origins: tuple[str, ...] = ()) -> Guard:
    return Guard(OPERATOR, VIEWER, host, data, Clock(epoch=1_000.0), origins)


async def test_each_token_opens_what_its_role_may(tmp_path: Path) -> None:
    it = guard(tmp_path)
    id, secret = it.tokens.issue("Ada's phone", "moderator")
    for token, rights in ((OPERATOR, "operator"), (VIEWER, "viewer"), (secret, "moderator")):
        assert it.admit(token, "a", here=False).rights == rights
    assert it.admit("", "a", here=True) == GUEST
    for wrong in (OPERATOR[:-1], OPERATOR + "x", secret[:-1], PREFIX, "\ud800", "é" * 32):
        with pytest.raises(Denied):
            it.admit(wrong, wrong, here=True)
    with pytest.raises(Denied):
        it.admit("", "a", here=False)
    with pytest.raises(Denied):
        guard(tmp_path, "0.0.0.0").admit("", "a", here=True)
    it.tokens.revoke(id)
    with pytest.raises(Denied):
        it.admit(secret, "a", here=True)


async def test_a_guesser_waits_longer_each_time_and_those_who_are_in_stay_in(tmp_path: Path) -> None:
    it = guard(tmp_path)
    it.admit(OPERATOR, "shared", here=True)
    waits: list[float] = []
    looked_at = 0
    while len(waits) < 14:
        try:
            it.admit(f"guess {looked_at}", "shared", here=True)
        except Denied:
            looked_at += 1
        except Wait as wait:
            waits.append(wait.seconds)
            with pytest.raises(Wait):
                it.admit(VIEWER, "shared", here=True)
            assert it.admit(OPERATOR, "shared", here=True).rights == "operator"
            assert it.admit("", "shared", here=True) == GUEST, "who shows no token guesses none"
            await asyncio.sleep(wait.seconds)
    assert waits == pytest.approx([1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900, 900, 900])
    assert looked_at == Attempts.FREE + len(waits) - 1
    await asyncio.sleep(Attempts.FORGOTTEN + 901)
    with pytest.raises(Denied):
        it.admit("one mistake", "shared", here=True)
    assert it.admit(VIEWER, "shared", here=True).rights == "viewer", "what was long ago is forgotten"


async def test_who_is_let_in_is_no_hint_while_an_address_waits(tmp_path: Path) -> None:
    it = guard(tmp_path)
    for _ in range(Attempts.FREE):
        with pytest.raises(Denied):
            it.admit("wrong", "a", here=True)
    said: set[str] = set()
    for token in ("wrong", OPERATOR, VIEWER):
        with pytest.raises(Wait) as told:
            it.admit(token, "a", here=True)
        said.add(str(told.value))
    assert said == {"too many wrong tokens came from your address; try again in 1 s"}
    assert it.admit(OPERATOR, "another", here=True).rights == "operator"


async def test_the_tables_of_callers_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MOST", 100)
    attempts, buckets = Attempts(Clock()), Limits(Clock(), 100)
    for n in range(1_000):
        attempts.judge(f"address {n}", "")
        attempts.judge(f"address {n}", "token")
        buckets.take(f"address {n}", "read")
    for table in (attempts._guessers, attempts._known, buckets._left):
        assert len(table) == 100
        assert "999" in str(list(table)[-1])


async def test_so_many_calls_a_second_and_a_few_at_once() -> None:
    it = Limits(Clock(), requests=10)
    assert [it.take("a", "read") for _ in range(40)] == [0.0] * 40
    assert it.take("a", "read") == pytest.approx(0.1)
    assert it.take("a", "change") == 0.0, "another kind of call has a measure of its own"
    assert it.take("b", "read") == 0.0, "so has another caller"
    await asyncio.sleep(0.1)
    assert it.take("a", "read") == 0.0
    assert it.take("a", "read") > 0.0
    assert it.take("a", "costly") == 0.0
    assert it.take("a", "costly") == pytest.approx(10)


@given(st.lists(st.tuples(st.floats(0, 3), st.sampled_from("ab")), max_size=60), st.floats(0.2, 50))
def test_no_pattern_of_calls_passes_more_than_the_limit(calls: list[tuple[float, str]], requests: float) -> None:
    class Still(Clock):
        time = 0.0

        def now(self) -> float:
            return self.time

    clock = Still()
    it, passed = Limits(clock, requests), {"a": 0, "b": 0}
    for pause, caller in calls:
        clock.time += pause
        wait = it.take(caller, "read")
        passed[caller] += not wait
        assert 0 <= wait <= 1 / requests
    assert all(count <= max(1, 4 * requests) + clock.time * requests + 1e-6 for count in passed.values())


@pytest.mark.parametrize(
    ("host", "counted"),
    [
        ("192.168.1.7", "192.168.1.7"),
        ("::ffff:192.168.1.7", "192.168.1.7"),
        ("2001:db8:1:2:aaaa::1", "2001:db8:1:2::"),
        ("fe80::1%eth0", "fe80::"),
        ("testclient", "testclient"),
    ],
)
def test_one_subscriber_is_one_caller(host: str, counted: str) -> None:
    assert caller_at(host) == counted


async def test_a_body_that_trickles_is_given_up(tmp_path: Path) -> None:
    async def app(*_: object) -> None:
        raise AssertionError("nobody is asked")

    async def trickle() -> dict[str, object]:
        await asyncio.sleep(5)
        return {"type": "http.request", "body": b"x", "more_body": True}

    answer: list[dict[str, object]] = []

    async def send(message: object) -> None:
        answer.append(dict(message))  # pyright: ignore[reportArgumentType, reportCallIssue]

    headers = [(b"host", b"127.0.0.1"), (b"authorization", b"Bearer " + OPERATOR.encode())]
    scope = {"type": "http", "method": "POST", "path": "/api/v1/percepts", "headers": headers, "client": ("a", 1)}
    before = asyncio.get_running_loop().time()
    await Border(app, guard(tmp_path), 1_000)(scope, trickle, send)
    assert answer[0]["status"] == 408
    assert asyncio.get_running_loop().time() - before == pytest.approx(BODY_WITHIN)


HERE = {"host": "127.0.0.1:8765"}


@pytest.mark.parametrize(
    ("headers", "welcome"),
    [
        (HERE, True),
        ({"host": "localhost:8765"}, True),
        ({"host": "[::1]:8765"}, True),
        ({}, False),
        ({"host": "evil.example"}, False),
        ({"host": "127.0.0.1.evil.example"}, False),
        ({"host": "[::1"}, False),
        (HERE | {"origin": "http://127.0.0.1:8765"}, True),
        (HERE | {"origin": "http://127.0.0.1:3000"}, False),
        (HERE | {"origin": "null"}, False),
        (HERE | {"origin": "https://my.site"}, True),
        (HERE | {"origin": "https://my.site.evil.example"}, False),
        ({"host": "my.site", "origin": "https://my.site"}, True),
        (HERE | {"sec-fetch-site": "same-origin"}, True),
        (HERE | {"sec-fetch-site": "none"}, True),
        (HERE | {"sec-fetch-site": "cross-site"}, False),
        (HERE | {"sec-fetch-site": "same-site"}, False),
        (HERE | {"sec-fetch-site": "cross-site", "origin": "https://my.site"}, True),
    ],
)
async def test_only_our_own_pages_may_ask(tmp_path: Path, headers: dict[str, str], welcome: bool) -> None:
    assert guard(tmp_path, origins=("https://My.Site/",)).from_here(headers) is welcome


@pytest.mark.parametrize("header", ["x-forwarded-for", "forwarded", "x-real-ip", "cf-connecting-ip", "via"])
async def test_what_was_passed_on_was_not_made_here(tmp_path: Path, header: str) -> None:
    it = guard(tmp_path, origins=("https://my.site",))
    assert it.made_here(HERE)
    assert not it.made_here(HERE | {header: "x"})
    assert not it.made_here({"host": "my.site"})


# --- tokens


def test_tokens_are_kept_as_hashes_for_the_owner_alone(tmp_path: Path) -> None:
    file = tmp_path / "tokens.json"
    it = Tokens(file, lambda: 5.0)
    _, secret = it.issue("  Ada's \n phone ", "viewer")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert secret not in file.read_text()
    assert list(tmp_path.iterdir()) == [file], "nothing is left of the writing"
    again = Tokens(file, lambda: 9.0)
    found = again.find(secret)
    assert found is not None
    assert (found.name, found.role, found.created, found.used) == ("Ada's phone", "viewer", 5.0, 9.0)
    assert [set(entry) for entry in again.listed()] == [{"id", "name", "role", "created", "used"}]
    again.keep_uses()
    assert Tokens(file, lambda: 9.0).listed()[0]["used"] == 9.0
    file.chmod(0o644)
    Tokens(file, lambda: 9.0)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


@pytest.mark.parametrize("name", ["", " ", "x" * 61, "a\x00b", "a\x1bb", "phone", "operator", "viewer"])
def test_a_name_that_misleads_is_refused(tmp_path: Path, name: str) -> None:
    it = Tokens(tmp_path / "tokens.json", lambda: 5.0)
    it.issue("phone", "guest")
    with pytest.raises(TokenError):
        it.issue(name, "guest")


def test_there_are_so_many_tokens_and_no_more(tmp_path: Path) -> None:
    it = Tokens(tmp_path / "tokens.json", lambda: 5.0)
    first, _ = it.issue("name 0", "viewer")
    for n in range(1, MOST):
        it.issue(f"name {n}", "viewer")
    with pytest.raises(TokenError, match="100 tokens already"):
        it.issue("one more", "viewer")
    it.revoke(first)
    it.issue("one more", "viewer")


@pytest.mark.parametrize("kept", ["", "{", "{}", '[{"id": 5}]', '[{"role": "king"}]', "\xff"])
def test_a_damaged_file_stops_the_start_with_the_remedy(tmp_path: Path, kept: str) -> None:
    file = tmp_path / "tokens.json"
    file.write_text(kept, "latin-1")
    with pytest.raises(TokenError, match=r"is damaged .*delete it, and issue new tokens"):
        Tokens(file, lambda: 5.0)


def test_a_token_that_cannot_be_kept_is_not_issued(tmp_path: Path) -> None:
    it = Tokens(tmp_path / "nowhere" / "tokens.json", lambda: 5.0)
    with pytest.raises(TokenError, match="cannot be written"):
        it.issue("phone", "viewer")
    assert it.listed() == []


def test_a_revoked_token_is_void_even_where_the_disk_is_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    it = Tokens(tmp_path / "tokens.json", lambda: 5.0)
    id, secret = it.issue("phone", "viewer")
    told: list[str] = []
    it.on_revoked.append(told.append)

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(TokenError, match="No space left"):
        it.revoke(id)
    assert told == [id]
    assert it.find(secret) is None


# --- the audit log


async def test_the_audit_log_is_bounded_and_survives_a_torn_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("marotte.gateway.audit._SIZE", 2_000)
    it = Audit(tmp_path / "audit.jsonl", lambda: 5.0)
    for n in range(200):
        it.write("Ada", "moderator", "127.0.0.1", f"DELETE /api/v1/queue/{n}", 204)
    it._hand.submit((tmp_path / "audit.jsonl").open("ab").write, b'{"at": 5, "wh').result()
    newest = await asyncio.to_thread(it._read, 30)
    assert [entry.what.rsplit("/", 1)[1] for entry in newest] == [str(n) for n in range(199, 169, -1)]
    it.close()
    files = await asyncio.to_thread(lambda: sorted(tmp_path.iterdir()))
    assert len(files) == 5
    assert all(file.stat().st_size <= 2_000 and stat.S_IMODE(file.stat().st_mode) == 0o600 for file in files)


@pytest.mark.parametrize(
    ("body", "kind", "says"),
    [
        (b"", "", ""),
        (b'{"token": "SECRET"}', "application/json", "token"),
        (b'{"name": "phone", "role": "viewer"}', "application/json", "name = phone, role = viewer"),
        (b'{"text": "SECRET", "hash": "SECRET"}', "application/json", "text, hash"),
        (b'{"name": {"SECRET": 1}}', "application/json", "name"),
        (b'{"name": "' + b"x" * 500 + b'"}', "application/json", f"name = {'x' * 80}"),
        (b'["SECRET"]', "application/json", "10 bytes"),
        (b"SECRET", "application/json", "6 bytes that are no JSON"),
        (b"SECRET", "text/plain", "6 bytes"),
    ],
)
def test_what_a_call_held_is_told_without_secrets(body: bytes, kind: str, says: str) -> None:
    assert summary(body, kind) == says


def test_a_summary_is_short() -> None:
    body = json.dumps({f"{'k' * 500}{n}": n for n in range(1_000)}).encode()
    assert len(summary(body, "application/json")) < 500
