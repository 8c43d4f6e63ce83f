"""The Twitch link and its account, against a faithful local Twitch: tokens, acts, limits, and no account at all."""

import asyncio
import os
import stat
import sys
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from marotte.events import (
    ActDone,
    ChatMessage,
    Clip,
    Fulfil,
    Gift,
    LinkState,
    Redemption,
    Send,
    ShoutOut,
    Subscription,
    Verdict,
    Viewer,
)
from marotte.links.device_login import LoginError
from marotte.links.tokens import Token, Tokens
from marotte.links.twitch import helix
from marotte.links.twitch.login import login
from marotte.links.twitch.rights import wanted
from marotte.time import Clock
from tests import waiting
from tests.integration.twitch_stage import Stage, settings_for, viewer
from tests.servers.marotte import marotte
from tests.servers.twitch import CLIENT_ID, TwitchServer
from tests.servers.twitch.state import User
from tests.servers.twitch_irc import TwitchIRC

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("quick_twitch")]


def named(login: str) -> Viewer:
    """Somebody of whom only the name is known."""
    return Viewer(id=f"twitch:{login}", name=login, platform="twitch")


# --- tokens


async def test_a_token_that_ran_out_is_renewed_once_and_kept(at: Stage, tmp_path: Path) -> None:
    twitch, before = at.twitch, at.tokens.load("twitch")
    assert before
    twitch.expire(before.access)
    done = await asyncio.gather(*(at.link.act(Send(link="twitch", text=f"line {n}")) for n in range(3)))
    assert [one.ok for one in done] == [True] * 3
    after = at.tokens.load("twitch")
    assert after
    assert (after.access != before.access, after.refresh != before.refresh) == (True, True)
    assert (after.account, after.name) == (twitch.broadcaster.id, "pip")
    assert len([one for one in twitch.requests if one.target == "/oauth2/token"]) == 1
    assert stat.S_IMODE((tmp_path / "twitch.json").stat().st_mode) == 0o600
    twitch.complaints.clear()  # the 401s


async def test_a_token_is_renewed_before_it_runs_out(twitch: TwitchServer, tmp_path: Path) -> None:
    stage = Stage(twitch, tmp_path)
    access = stage.sign_in(expires=Clock().wall() + 60)
    async with stage.on():
        kept = stage.tokens.load("twitch")
        assert kept
        assert kept.access != access
        assert kept.expires > Clock().wall() + 3_600


async def test_a_token_that_is_refused_for_good_is_told(
    rough: TwitchServer, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    stage = Stage(rough, tmp_path)
    access = stage.sign_in()
    async with stage.on():
        rough.revoke(access)
        await waiting.until(lambda: "refused" in stage.states(), "refused")
        assert "marotte login twitch" in stage.details()
        assert stage.link.can == frozenset()
        asked, ups = len(rough.requests), stage.states().count("up")
        stage.sign_in()
        await stage.up(ups + 1)
        rough.chat("ada", "welcome back")
        await waiting.until(lambda: "welcome back" in stage.texts(), "heard")
        assert len(rough.requests) > asked
    secrets = [token.value for token in rough.tokens.values()] + [t.refresh for t in rough.tokens.values() if t.refresh]
    assert not any(secret in repr(stage.events) + caplog.text for secret in secrets)


async def test_who_signs_in_while_the_refused_token_is_still_being_renewed_is_let_in(
    rough: TwitchServer, tmp_path: Path
) -> None:
    stage = Stage(rough, tmp_path)
    access = stage.sign_in()
    async with stage.on():
        rough.revoke(access)
        await waiting.until(lambda: "refused" in stage.states(), "refused")
        ups = stage.states().count("up")
        stage.sign_in()
        await stage.link._account.renew(access)  # pyright: ignore[reportPrivateUsage]
        await stage.up(ups + 1)


async def test_who_is_to_be_forgotten_is_signed_out_and_kept_no_more(twitch: TwitchServer, tmp_path: Path) -> None:
    stage = Stage(twitch, tmp_path)
    access = stage.sign_in()
    async with stage.on():
        assert stage.tokens.drop("twitch")
        await stage.link._account.renew(access)  # pyright: ignore[reportPrivateUsage]
        assert stage.link._account.token.access != access  # pyright: ignore[reportPrivateUsage]
        assert stage.tokens.load("twitch") is None, "it was forgotten"
        await waiting.until(lambda: "nobody is signed in" in stage.details(), "it only reads")
        assert stage.link.can == frozenset()
        ups = stage.states().count("up")
        stage.sign_in()
        await stage.up(ups + 1)


async def test_a_login_that_is_away_is_waited_for(rough: TwitchServer, tmp_path: Path) -> None:
    stage = Stage(rough, tmp_path)
    stage.sign_in()
    rough.fault("login:503", times=2)
    async with stage.on():
        assert "down" in stage.states()


async def test_more_rights_are_taken_up_without_a_restart(twitch: TwitchServer, tmp_path: Path) -> None:
    stage = Stage(twitch, tmp_path)
    stage.sign_in(without=("clips:edit",))
    async with stage.on():
        assert "clip" not in stage.link.can
        stage.sign_in()
        await waiting.until(lambda: "clip" in stage.link.can, "clips")
        await waiting.until(lambda: not stage.lacks(), "all rights")


async def signing_in(twitch: TwitchServer, folder: Path, says: list[str]) -> Token:
    clock = Clock()
    async with aiohttp.ClientSession() as http:
        return await login(settings_for(twitch), {}, Tokens(folder), clock, says.append, http)


async def test_somebody_signs_in_with_a_code(tmp_path: Path) -> None:
    async with TwitchServer() as twitch:
        twitch.times.device_interval = 0.0
        says: list[str] = []
        task = asyncio.ensure_future(signing_in(twitch, tmp_path, says))
        await waiting.until(lambda: says, "the code")
        code = next(iter(twitch.codes.values()))
        assert code.user_code in says[0]
        assert set(code.scopes) == set(wanted(settings_for(twitch)))
        assert code.code not in says[0]
        twitch.approve()
        token = await task
        assert (token.name, token.account) == ("pip", twitch.broadcaster.id)
        assert Tokens(tmp_path).load("twitch") == token
        assert "pip" in says[-1]


async def test_a_code_that_is_refused_is_told(tmp_path: Path) -> None:
    async with TwitchServer() as twitch:
        twitch.times.device_interval = 0.0
        says: list[str] = []
        task = asyncio.ensure_future(signing_in(twitch, tmp_path, says))
        await waiting.until(lambda: says, "the code")
        twitch.deny()
        with pytest.raises(LoginError, match="begin again"):
            await task
        assert Tokens(tmp_path).load("twitch") is None


# --- acts


async def test_it_writes_and_answers(at: Stage) -> None:
    message = at.twitch.chat("ada", "hello?")
    assert (await at.link.act(Send(link="twitch", text="Hello, Ada!", answers=message))).ok
    assert (await at.link.act(Send(link="twitch", channel="#pip", text="To all", answers="gone"))).ok
    long = " ".join(f"word{number}" for number in range(200))
    assert (await at.link.act(Send(link="twitch", text=long))).ok
    sent = at.twitch.sent
    assert [(one.text, one.reply_to) for one in sent[:2]] == [("Hello, Ada!", message), ("To all", "")]
    assert all(len(one.text) <= 500 for one in sent)
    assert " ".join(one.text for one in sent[2:]) == long
    refused = await at.link.act(Send(link="twitch", channel="#elsewhere", text="x"))
    assert not refused.ok
    assert not (await at.link.act(Send(link="twitch", text=" \n"))).ok
    at.twitch.complaints.clear()  # the message that it answered was gone


async def test_a_message_that_is_not_shown_is_told(at: Stage) -> None:
    at.twitch.fault("message:msg_rejected")
    done = await at.link.act(Send(link="twitch", text="rude"))
    assert not done.ok
    assert "msg_rejected" in done.detail


async def test_a_bot_without_rights_keeps_the_limits(tmp_path: Path) -> None:
    async with TwitchServer() as twitch:
        twitch.moderators.clear()
        stage = Stage(twitch, tmp_path, channel="pip")
        stage.sign_in("marotte")
        async with stage.on():
            loop = asyncio.get_running_loop()
            assert (await stage.link.act(Send(link="twitch", text="one"))).ok
            began = loop.time()
            same = await stage.link.act(Send(link="twitch", text="one"))
            assert (same.ok, "same" in same.detail) == (False, True)
            assert (await stage.link.act(Send(link="twitch", text="two"))).ok
            assert loop.time() - began > 0.9, "one a second"
        assert [one.text for one in twitch.sent] == ["one", "two"]
        assert not [told for told in twitch.complaints if "wrote" in told]


@pytest.mark.parametrize("fault", ["429", "500", "503", "garbage", "drop", "hang"])
async def test_what_passes_is_tried_again(
    rough: TwitchServer, tmp_path: Path, fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = Stage(rough, tmp_path)
    stage.sign_in()
    async with stage.on():
        monkeypatch.setattr(helix, "WITHIN", 1.0 if fault == "hang" else 10.0)
        rough.fault(f"helix:{fault}", on="chat/messages")
        assert (await stage.link.act(Send(link="twitch", text="at last"))).ok
        assert [one.text for one in rough.sent] == ["at last"]


async def test_points_are_kept(tmp_path: Path) -> None:
    async with TwitchServer(points=40, second=0.02) as twitch:
        stage = Stage(twitch, tmp_path)
        stage.sign_in()
        ada = viewer(twitch, "ada")
        acts = [
            Verdict(link="twitch", viewer=ada, action="delete", reason="spam", source=f"m{number}")
            for number in range(60)
        ]
        async with stage.on():
            done = await asyncio.gather(*map(stage.link.act, acts))
            assert all("gone" in one.detail for one in done), {one.detail for one in done}
        throttled = [one for one in twitch.requests if one.status == 429]
        assert len(throttled) <= 30, "it stops by itself when there are none left"


async def test_moderation(at: Stage) -> None:
    twitch, ada = at.twitch, viewer(at.twitch, "ada")

    async def verdict(action: Any, **more: Any) -> ActDone:
        return await at.link.act(Verdict(link="twitch", viewer=ada, action=action, reason="spam", **more))

    message = twitch.chat("ada", "spam")
    assert (await verdict("delete", source=message)).ok
    assert message in twitch.deleted
    again = await verdict("delete", source=message)
    assert (again.ok, "gone" in again.detail) == (True, True)
    assert not (await verdict("delete")).ok, "without a message Twitch would clear the chat"
    assert (await verdict("warn")).ok
    assert twitch.warned == [("ada", "spam")]
    assert (await verdict("timeout", seconds=0.2)).ok
    assert (await verdict("ban")).ok
    assert (await verdict("ban")).detail == "they are banned already"
    assert (await verdict("allow")).ok
    assert (await verdict("allow")).ok
    assert twitch.banned == {}
    stranger = Viewer(id="irc:libera/ada", name="ada")
    assert not (await at.link.act(Verdict(link="twitch", viewer=stranger, action="ban", reason="x"))).ok
    assert (await at.link.act(Verdict(link="twitch", viewer=named("ada"), action="ban", reason="x"))).ok
    assert list(twitch.banned) == [twitch.user("ada").id]
    twitch.complaints.clear()


async def test_redemptions_are_closed(at: Stage) -> None:
    twitch = at.twitch
    ids = [twitch.redeem("ada", "Sing", f"song {number}") for number in range(2)]
    by_hand = twitch.redeem("ada", twitch.reward("By hand", client_id=""))
    await at.heard(3)
    for place, redemption in enumerate(at.of(Redemption)[:2]):
        act = Fulfil(link="twitch", redemption=redemption.source, reward=redemption.reward, refund=place == 1)
        assert (await at.link.act(act)).ok
        assert (await at.link.act(act)).ok, "closed before"
    assert [twitch.redemptions[one].status for one in ids] == ["FULFILLED", "CANCELED"]
    denied = await at.link.act(Fulfil(link="twitch", redemption=by_hand, reward="By hand"))
    assert (denied.ok, "application" in denied.detail) == (False, True)
    unknown = await at.link.act(Fulfil(link="twitch", redemption="x", reward="Nothing"))
    assert (unknown.ok, "no reward" in unknown.detail) == (False, True)
    at.link._hearing.percepts.rewards.clear()  # type: ignore[union-attr]  # pyright: ignore
    again = await at.link.act(Fulfil(link="twitch", redemption=ids[0], reward="Sing"))
    assert again.ok, "the reward is looked up after a restart"
    twitch.complaints.clear()


async def test_shout_outs_and_clips(at: Stage) -> None:
    kim = at.twitch.user("kim")
    at.twitch.users["9999"] = User("9999", kim.id, kim.id)  # whose name is the number of somebody else
    unknown = await at.link.act(ShoutOut(link="twitch", viewer=named("9999")))
    assert (unknown.ok, "nobody" in unknown.detail) == (False, True), "who shouts out knows no numbers"
    assert (await at.link.act(ShoutOut(link="twitch", viewer=named(kim.id)))).ok
    assert at.twitch.shouted == [kim.id]
    clip = await at.link.act(Clip(link="twitch"))
    assert (clip.ok, clip.detail) == (True, at.twitch.clips[0]["url"])
    at.twitch.stream_offline()
    offline = await at.link.act(Clip(link="twitch"))
    assert (offline.ok, "not live" in offline.detail) == (False, True)
    at.twitch.complaints.clear()


async def test_more_than_the_right_to_write_is_needed(at: Stage) -> None:
    at.twitch.tokens[next(iter(at.twitch.tokens))].scopes = ()
    done = await at.link.act(Send(link="twitch", text="x"))
    assert (done.ok, "scope" in done.detail) == (False, True)
    at.twitch.complaints.clear()


# --- without an account


async def test_without_an_account_the_chat_is_read(twitch: TwitchServer, tmp_path: Path) -> None:
    async with TwitchIRC() as irc:
        stage = Stage(twitch, tmp_path, channel="Pip", client_id="", chat=f"127.0.0.1:{irc.port}")
        async with stage.on():
            await asyncio.wait_for(irc.joined.wait(), waiting.PATIENCE)
            irc.chat("#pip", "ada", "hello", id="m1", room_id="1", user_id="42", first_msg="1")
            irc.chat("#pip", "ada", "not ours", id="m2", room_id="1", source_room_id="2")
            irc.chat("#pip", "bob", "cheer", id="m3", bits="50")
            irc.raw(
                "@a;b=1;id=m4 :cy!cy@cy.tmi.twitch.tv PRIVMSG #pip :odd tags",
                "@id=m5;room-id=1;user-id=7;login=dan;display-name=Dan;msg-id=submysterygift;"
                "msg-param-mass-gift-count=5;system-msg=Dan\\sgives :tmi.twitch.tv USERNOTICE #pip",
            )
            await stage.heard(4)
            chat, gift, odd, given = stage.percepts()
            assert isinstance(odd, ChatMessage)
            assert isinstance(given, Subscription)
            assert (given.given, given.viewer and given.viewer.id) == (5, "twitch:7")
            assert isinstance(chat, ChatMessage)
            assert (chat.id, chat.source, chat.link, chat.channel) == ("twitch/m1", "m1", "twitch", "#pip")
            assert (chat.first, odd.first) == (True, False)
            assert chat.viewer == Viewer(id="twitch:42", name="Ada", platform="twitch")
            assert isinstance(gift, Gift)
            assert (gift.id, gift.link, gift.amount) == ("twitch/m3", "twitch", 50)
            assert stage.link.can == frozenset()
            assert "marotte login twitch" in stage.lacks()["account"]
            assert "marotte login twitch" in stage.of(LinkState)[-1].detail
        assert twitch.connections == 0


async def test_who_signs_in_later_is_taken_in(twitch: TwitchServer, tmp_path: Path) -> None:
    async with TwitchIRC() as irc:
        stage = Stage(twitch, tmp_path, channel="pip", chat=f"127.0.0.1:{irc.port}")
        async with stage.on():
            stage.sign_in()
            await waiting.until(lambda: stage.link.can, "signed in")


async def test_without_a_channel_or_an_account_it_says_what_to_do(twitch: TwitchServer, tmp_path: Path) -> None:
    stage = Stage(twitch, tmp_path, client_id="")
    async with stage.on(wait=False):
        await waiting.until(lambda: stage.states() == ["refused"], "refused")
        assert "client_id" in stage.details()
        assert "marotte login twitch" in stage.details()


async def test_a_damaged_token_is_told(twitch: TwitchServer, tmp_path: Path) -> None:
    (tmp_path / "twitch.json").write_text("{nonsense")
    stage = Stage(twitch, tmp_path)
    async with stage.on(wait=False):
        await waiting.until(lambda: stage.states() == ["refused"], "refused")
        assert "twitch.json" in stage.details()
        stage.sign_in()
        await stage.up()


# --- the program


async def test_from_signing_in_to_an_answer_in_the_chat(rough: TwitchServer, tmp_path: Path) -> None:
    rough.times.device_interval = 0.0
    show = (
        "[attention]\nlull_after = 0\n[gateway]\nrequests = 100_000\n[brain]\ndiscover = false\n"
        f'[twitch]\nclient_id = "{CLIENT_ID}"\napi = "{rough.api}"\nlogin = "{rough.id}"\nevents = "{rough.eventsub}"\n'
    )
    (tmp_path / "show.toml").write_text(show, "utf-8")
    environment = {**os.environ, "MAROTTE_DATA_DIR": str(tmp_path / "data"), "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-m", "marotte", "login", "twitch", "--show", str(tmp_path / "show.toml")]
    signing_in = await asyncio.create_subprocess_exec(
        *command, env=environment, cwd=tmp_path, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    await waiting.until(lambda: rough.codes, "it asks for a code", 2 * waiting.PATIENCE)
    rough.approve()
    told, _ = await signing_in.communicate()
    assert signing_in.returncode == 0, told
    assert b"pip is signed in" in told
    assert stat.S_IMODE((tmp_path / "data" / "tokens" / "twitch.json").stat().st_mode) == 0o600
    async with marotte(tmp_path, show) as program:
        await waiting.until(lambda: rough.subscriptions, "it listens", 2 * waiting.PATIENCE)
        message = rough.chat("ada", "Pip, who are you?")
        await waiting.until(lambda: rough.sent, f"an answer: {program.output()}", 2 * waiting.PATIENCE)
        assert rough.sent[0].reply_to == message
        assert not [event for event in rough.complaints if "401" in event or "403" in event]
