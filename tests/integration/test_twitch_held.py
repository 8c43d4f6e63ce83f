"""What AutoMod holds and what other moderators decide on Twitch: the operator sees it, and decides it from here."""

from pathlib import Path
from typing import Literal

import pytest

from marotte.events import ActDone, ChatMessage, Held, Moderated, Removed, Verdict
from marotte.links.twitch.percepts import BANS, HELD, HOLD, UNBANS, WARNINGS
from tests import waiting
from tests.integration.twitch_stage import Stage, viewer
from tests.servers.twitch import TwitchServer

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("quick_twitch")]


async def held(stage: Stage, number: int) -> Held:
    await waiting.until(lambda: len(stage.of(Held)) >= number, f"{number} held: {stage.of(Held)}")
    return stage.of(Held)[number - 1]


async def test_what_automod_holds_is_told_and_is_no_percept(at: Stage) -> None:
    twitch = at.twitch
    message = twitch.automod_hold("ada", "you fool")
    one = await held(at, 1)
    assert (one.link, one.source, one.text, one.state) == ("twitch", message, "you fool", "held")
    assert one.viewer == viewer(twitch, "ada")
    assert one.reason == "aggressive, level 2"
    twitch.automod_hold("bob", "such custard here", "custard")
    assert (await held(at, 2)).reason == "a blocked term, “custard”"
    await at.settled()
    assert at.percepts() == []


async def test_what_becomes_of_it_is_told(at: Stage) -> None:
    twitch = at.twitch
    first, second = twitch.automod_hold("ada", "you fool"), twitch.automod_hold("bob", "you too")
    twitch.automod_update(first, "approved", by="marotte")
    twitch.automod_update(second, "expired")
    await held(at, 4)
    told = [(one.source, one.state, one.by) for one in at.of(Held)[2:]]
    assert told == [(first, "approved", "Marotte"), (second, "expired", "")]
    await at.heard(1)
    assert at.texts() == ["you fool"]


async def test_an_operator_decides_on_it(at: Stage) -> None:
    twitch = at.twitch

    async def decide(action: Literal["allow", "delete"], source: str) -> ActDone:
        ada = viewer(twitch, "ada")
        return await at.link.act(Verdict(link="twitch", viewer=ada, action=action, reason="seen", source=source))

    first, second = twitch.automod_hold("ada", "you fool"), twitch.automod_hold("ada", "you ass")
    third = twitch.automod_hold("ada", "gone soon")
    await held(at, 3)
    assert (await decide("allow", first)).ok
    assert (await decide("delete", second)).ok
    await held(at, 5)
    assert [(one.source, one.state) for one in at.of(Held)[3:]] == [(first, "approved"), (second, "denied")]
    await at.heard(1)
    assert [one.text for one in at.of(ChatMessage)] == ["you fool"]
    twitch._held.clear()  # pyright: ignore[reportPrivateUsage]
    done = await decide("allow", third)
    assert (done.ok, "decided before" in done.detail) == (True, True)
    twitch.complaints.clear()


async def test_a_decision_that_fails_at_first_is_still_about_the_message(at: Stage) -> None:
    twitch = at.twitch
    message = twitch.automod_hold("ada", "you fool")
    await held(at, 1)
    twitch.fault("helix:503", times=5, on="moderation/automod/message")
    act = Verdict(link="twitch", viewer=viewer(twitch, "ada"), action="allow", reason="seen", source=message)
    assert (await at.link.act(act)).ok
    assert (await held(at, 2)).state == "approved"
    await waiting.until(lambda: [one.text for one in at.of(ChatMessage)] == ["you fool"], "the message")


async def test_to_let_a_message_through_that_is_long_decided_lifts_no_ban(at: Stage) -> None:
    twitch = at.twitch
    twitch.ban("ada", "spam")
    act = Verdict(link="twitch", viewer=viewer(twitch, "ada"), action="allow", reason="seen", source="of-yesterday")
    done = await at.link.act(act)
    assert (done.ok, "decided before" in done.detail) == (True, True)
    assert twitch.user("ada").id in twitch.banned
    twitch.complaints.clear()


async def test_what_moderators_take_away_is_told(at: Stage) -> None:
    twitch = at.twitch
    message = twitch.chat("ada", "spam")
    twitch.delete(message)
    twitch.ban("ada", seconds=60)
    twitch.clear()
    await waiting.until(lambda: len(at.of(Removed)) == 3, "removals")
    told = [(one.link, one.what, one.which) for one in at.of(Removed)]
    ada = twitch.user("ada").id
    assert [one.reason for one in at.of(Removed)] == ["", "Ada was timed out for 60 s by Pip", ""]
    assert told == [("twitch", "message", message), ("twitch", "viewer", f"twitch:{ada}"), ("twitch", "chat", "")]


async def test_a_ban_by_another_moderator_is_told_once_with_who_and_why(at: Stage) -> None:
    twitch = at.twitch
    twitch.ban("ada", "spam", by="marotte")
    await waiting.until(lambda: at.of(Removed), "the ban")
    await at.settled()
    (one,) = at.of(Removed)
    assert (one.what, one.which) == ("viewer", f"twitch:{twitch.user('ada').id}")
    assert one.reason == "Ada was banned by Marotte: spam"


async def moderated(stage: Stage, number: int) -> list[Moderated]:
    await waiting.until(lambda: len(stage.of(Moderated)) >= number, f"{number} told: {stage.of(Moderated)}")
    return stage.of(Moderated)


async def test_who_is_let_back_or_warned_is_told_with_by_whom_and_why(at: Stage) -> None:
    twitch = at.twitch
    twitch.ban("ada", "spam", 600)
    twitch.unban("ada", by="marotte")
    twitch.warn("bob", "mind your manners")
    twitch.warn("bob", "", by="marotte")
    ada, bob = (f"twitch:{twitch.user(who).id}" for who in ("ada", "bob"))
    told = await moderated(at, 3)
    await at.settled()
    assert [(one.link, one.what, one.which, one.text) for one in told] == [
        ("twitch", "lifted", ada, "Ada was let back by Marotte"),
        ("twitch", "warned", bob, "Bob was warned by Pip: mind your manners"),
        ("twitch", "warned", bob, "Bob was warned by Marotte"),
    ]
    assert len(at.of(Removed)) == 1, "the timeout alone takes anything away"
    assert at.percepts() == []


async def test_a_ban_that_was_laid_and_lifted_from_here_is_told_once_each(at: Stage) -> None:
    ada = viewer(at.twitch, "ada")
    for action in ("ban", "allow"):
        assert (await at.link.act(Verdict(link="twitch", viewer=ada, action=action, reason="seen"))).ok
    await moderated(at, 1)
    await at.settled()
    assert [(one.what, one.which) for one in at.of(Moderated)] == [("lifted", ada.id)]
    assert [(one.what, one.which) for one in at.of(Removed)] == [("viewer", ada.id)]


async def test_other_rules_of_the_chat_are_told(at: Stage) -> None:
    twitch = at.twitch
    twitch.chat_rule("followers", 10)
    twitch.chat_rule("slow", 30, by="marotte")
    twitch.chat_rule("followers", None)
    twitch.chat_rule("emoteonly")
    for rule in ("emoteonly", "slow"):
        twitch.chat_rule(rule, None)
    told = await moderated(at, 6)
    assert {(one.what, one.which) for one in told} == {("chat", "")}
    assert [one.text for one in told] == [
        "only followers may write, after 10 minutes",
        "only followers may write, after 10 minutes; one message in 30 seconds",
        "one message in 30 seconds",
        "one message in 30 seconds; nothing but emotes",
        "one message in 30 seconds",
        "everybody may write, whatever and as often",
    ]


async def test_a_ban_is_told_to_who_may_not_know_why(twitch: TwitchServer, tmp_path: Path) -> None:
    stage = Stage(twitch, tmp_path)
    stage.sign_in(without=("channel:moderate", "moderator:manage:automod", "moderator:manage:warnings"))
    async with stage.on():
        assert {BANS, UNBANS, WARNINGS, HOLD, HELD} <= set(stage.lacks())
        assert "who is let back" in stage.lacks()["channel:moderate"]
        assert "who is warned" in stage.lacks()["moderator:manage:warnings"]
        assert "AutoMod" in stage.lacks()["moderator:manage:automod"]
        twitch.ban("ada", "spam")
        await waiting.until(lambda: stage.of(Removed), "the ban")
        assert stage.of(Removed)[0].which == f"twitch:{twitch.user('ada').id}"


async def test_who_does_not_moderate_asks_for_no_right_to(twitch: TwitchServer, tmp_path: Path) -> None:
    stage = Stage(twitch, tmp_path, moderate=False)
    stage.sign_in()
    async with stage.on():
        assert stage.lacks() == {}
        kinds = {one.type for one in twitch.subscriptions}
        assert not kinds & {BANS, UNBANS, WARNINGS, HOLD, HELD}
