"""Commands, rewards and appointments in a run with its real store: answered, kept over a restart, replayed."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from marotte import config
from marotte.events import (
    ActDone,
    AnyAct,
    ChatMessage,
    Due,
    Express,
    Followed,
    Fulfil,
    Gift,
    Redemption,
    Send,
    TurnEnded,
    Viewer,
)
from marotte.replay import replay
from marotte.senses.sight.pictures import Picture
from marotte.show import Run
from marotte.store import Store
from marotte.store.tables import timers
from marotte.time import Clock
from tests.pastimes import ADA, BOB, MOD, viewer
from tests.record import Loudspeaker
from tests.waiting import QUICK, until

pytestmark = pytest.mark.anyio
QUIET = f"{QUICK}[brain]\ndiscover = false\n[attention]\nlull_after = 0\n"
SHOW = f"""{QUIET}
[commands.hello]
reply = "Hello, {{user}}!"
[commands.joke]
reply = "{{random:Knock|Tap}}!"
spoken = true
[commands.fortune]
prompt = "Tell {{user}} their fortune."
[redemptions."Read it"]
speak = true
[redemptions."Brown hair"]
cue = "hotkey:Brown"
"""


class KeptLink:
    """A link that keeps what it is asked to do."""

    name = platform = "twitch"
    can = frozenset(("send", "fulfil", "shout_out"))
    counters: Mapping[str, int] = {}

    def __init__(self, run: Run, *, does: bool = True) -> None:
        self.run_of, self.does = run, does
        self.acts: list[AnyAct] = []

    def standing(self) -> list[Any]:
        return []

    async def run(self) -> None:
        await asyncio.get_running_loop().create_future()

    async def act(self, act: AnyAct) -> ActDone:
        self.acts.append(act)
        done = ActDone(act=act.id, link=self.name, ok=self.does)
        if self.does:
            self.run_of.publish(done)
        return done

    def written(self) -> list[str]:
        return [act.text for act in self.acts if isinstance(act, Send)]

    def closed(self) -> list[tuple[str, bool]]:
        return [(act.redemption, act.refund) for act in self.acts if isinstance(act, Fulfil)]


class There:
    """A run with a chat and an audience."""

    def __init__(self, run: Run, link: KeptLink) -> None:
        self.run, self.link = run, link
        self._number = 0

    def write(self, text: str, who: Viewer = ADA) -> None:
        self._number += 1
        source = f"{self.run.id}-{self._number}"
        self.run.publish(
            ChatMessage(
                at=self.run.clock.wall(), id=f"twitch/{source}", viewer=who, text=text, link="twitch", source=source
            )
        )

    async def reply(self, text: str, who: Viewer = ADA) -> str:
        before = len(self.link.written())
        self.write(text, who)
        await until(lambda: len(self.link.written()) > before, f"{text} is answered")
        return self.link.written()[-1]

    async def redeem(self, reward: str, number: int, text: str = "") -> None:
        await self.run.perceive(
            Redemption(
                id=f"twitch/redemption/{number}",
                viewer=ADA,
                reward=reward,
                text=text,
                link="twitch",
                source=str(number),
            )
        )


@asynccontextmanager
async def running(folder: Path, show: str = SHOW, *, does: bool = True) -> AsyncIterator[There]:
    run = Run(config.parse(show), folder, {})
    link = KeptLink(run, does=does)
    run.platforms.links["twitch"] = link  # type: ignore[assignment]
    await run.start()
    playing = asyncio.create_task(Loudspeaker("loudspeaker", run.public).run())
    try:
        yield There(run, link)
        await run.hush()
    finally:
        playing.cancel()
        await run.stop()


async def hastened(run: Run, schedule: str) -> None:
    """Let what is appointed be due now."""

    async def appointed() -> bool:
        return any(row.schedule == schedule for row in await run.store.due_timers(until=2e9))

    await until(appointed, f"{schedule} is appointed")
    await run.store._now(update(timers).values(due=1.0))
    run.pastimes.timers.wake()


async def test_commands_are_answered_over_their_link_and_never_reach_the_character(tmp_path: Path) -> None:
    async with running(tmp_path) as there:
        turns = there.run.bus.subscribe("event.turn_started.>")
        assert await there.reply("!hello") == "Hello, Ada!"
        there.write("!nobody-here-knows-this")
        assert "!remindme" in await there.reply("!commands", BOB)
        dropped = there.run.public.attention.dropped
        assert dropped["chat", "command"] == 3
        assert not there.run.public.attention.pending()
        there.write("what is your name?")
        assert (await turns.get()).data.text == "what is your name?"


async def test_a_reminder_is_told_aloud_and_in_writing_after_a_restart(tmp_path: Path) -> None:
    async with running(tmp_path) as there:
        assert "30 min" in await there.reply("!remindme 30m drink water")
    async with running(tmp_path) as there:
        ended = there.run.bus.subscribe("event.turn_ended.>")
        dues = there.run.bus.subscribe("percept.due.>")
        await hastened(there.run, "a reminder")
        due: Due = (await dues.get()).data
        assert due.text == '"Ada" asked to be reminded: "drink water"'
        ending: TurnEnded = (await ended.get()).data
        assert "drink water" in ending.ending.heard
        await until(lambda: "@Ada You wanted to be reminded: drink water" in there.link.written(), "it is written")

        async def kept() -> bool:
            return not await there.run.store.due_timers(until=2e9)

        await until(kept, "it is done")


async def test_the_wheels_winner_is_told_to_the_character_when_it_has_stopped(tmp_path: Path) -> None:
    async with running(tmp_path) as there:
        ended = there.run.bus.subscribe("event.turn_ended.>")
        spins = there.run.bus.subscribe("event.wheel_spun.>")
        there.write("!wheel pizza, soup, cake", MOD)
        spun = (await spins.get()).data
        await hastened(there.run, "the wheel")
        assert f"stops at {spun.items[spun.winner]}" in (await ended.get()).data.ending.heard.replace('"', "")


async def test_raffle_counters_and_quotes_are_kept_over_a_restart(tmp_path: Path) -> None:
    async with running(tmp_path) as there:
        await there.reply("!raffle a mug", MOD)
        for name in ("One", "Two"):
            await there.reply("!join", viewer(name))
            await asyncio.sleep(0)
        assert await there.reply("!count deaths +2", MOD) == "deaths: 2"
        assert await there.reply("!quote add Bells before brains", MOD) == "Kept as #1."
    async with running(tmp_path) as there:
        won = await there.reply("!draw", MOD)
        assert won in ("@One has won the raffle for a mug!", "@Two has won the raffle for a mug!")
        assert await there.reply("!count deaths") == "deaths: 2"
        assert await there.reply("!quote") == "#1 Bells before brains"


async def test_a_purse_outlives_a_restart_replays_itself_and_is_forgotten(tmp_path: Path) -> None:
    show = f"""{QUIET}
[purse]
name = "bells"
begins = 9
[commands.bells]
action = "purse"
cooldown = 0
viewer_cooldown = 0
[commands.joke]
reply = "{{random:Knock|Tap}}!"
spoken = true
cost = 7
"""
    async with running(tmp_path, show) as there:
        turns = there.run.bus.subscribe("event.turn_ended.>")
        assert await there.reply("!joke") in ("Knock!", "Tap!")
        await turns.get()
        assert await there.reply("!bells") == "Ada, you have 3 bells."
    async with running(tmp_path, show) as there:
        turns = there.run.bus.subscribe("event.turn_ended.>")
        assert await there.reply("!joke") == "Ada, !joke costs 7 bells; you have 4."
        there.write("!joke", BOB)
        await turns.get()
        name = there.run.id
        assert await there.run.store.tallies("purse") == {'"twitch:ada"': 4, '"twitch:bob"': 3}
    (log,) = (tmp_path / "runs").glob(f"*{name}*.jsonl")
    found = await asyncio.to_thread(replay, log)
    assert found.difference is None, str(found.difference)
    assert found.lines == 1
    async with running(tmp_path, show) as there:
        await there.run.forget(ADA.id)
        assert await there.run.store.tallies("purse") == {'"twitch:bob"': 3}


async def test_what_was_paid_for_and_muted_is_given_back_and_kept(tmp_path: Path) -> None:
    show = f"""{QUIET}
[purse]
name = "bells"
begins = 9
[commands.song]
prompt = "Sing of {{args}}."
cost = 7
cooldown = 0
viewer_cooldown = 0
"""
    async with running(tmp_path, show) as there:
        turns = there.run.bus.subscribe("event.turn_ended.>")
        there.write("!song the sea", BOB)
        await turns.get()
        there.run.public.attention._mutes.add("lane", "schedule")
        there.write("!song the sky")
        await until(lambda: any("7 bells back" in text for text in there.link.written()), "it is given back")
        assert await there.run.store.tallies("purse") == {'"twitch:ada"': 10, '"twitch:bob"': 3}
        assert await there.run.store.tallies("owed") == {}
        there.write("!song the moon", viewer("Eve"))

        async def paid() -> bool:
            return [*(await there.run.store.tallies("owed")).values()] == [7]

        await until(paid, "it is paid")
    async with running(tmp_path, show) as there:
        held = await there.run.store.tallies("purse")
        assert held == {'"twitch:ada"': 10, '"twitch:bob"': 3, '"twitch:eve"': 10}, "it had not been heard"
        assert await there.run.store.tallies("owed") == {}


async def test_accounts_are_joined_by_a_code_in_the_store(tmp_path: Path) -> None:
    async with running(tmp_path, f"{SHOW}[commands.link]\nviewer_cooldown = 0\n") as there:
        code = (await there.reply("!link")).split("!link ")[1][:6]
        await there.reply(f"!link {code}", viewer("AdaTube", platform="youtube"))
        assert await there.run.store.known_as() == {}
        there.write("!link yes")
        await until(lambda: len(there.run.platforms.known_as) == 1, "they are joined")
        assert await there.run.store.known_as() == {"youtube:adatube": "twitch:ada"}
        assert there.run.platforms.known_as == {"youtube:adatube": "twitch:ada"}


async def test_who_is_forgotten_has_no_reminder_ticket_or_quote(tmp_path: Path) -> None:
    async with running(tmp_path) as there:
        await there.reply("!raffle", MOD)
        await there.reply("!join")
        await there.reply("!remindme 1h tea")
        await there.reply("!join", BOB)
        await there.run.shared.album.keep(Picture(jpeg=b"Ada, perhaps", width=64, height=48, thumbnail=b""), 3)
        await there.run.forget(ADA.id)
        await until(lambda: not [*(tmp_path / "pictures").iterdir()], "no picture is kept")
        assert not await there.run.store.due_timers(until=2e9)
        assert [*(await there.run.store.tallies("raffle ticket"))] == ['["twitch:bob", "Bob"]']
        # What is in mind is read again from the rows a moment later.
        await until(lambda: ADA.id not in there.run.pastimes.commands.raffle._tickets, "it is out of mind")
        assert await there.reply("!draw", MOD) == "@Bob has won the raffle!"


async def test_redemptions_are_closed_once_whatever_happens(tmp_path: Path) -> None:
    async with running(tmp_path, does=False) as there:
        await there.redeem("Read it", 1, "Hello everybody.")
        await until(lambda: there.link.closed() == [("1", False)], "it is fulfilled")
        express = there.run.bus.subscribe("event.express.>")
        await there.redeem("Brown hair", 2)
        shown: Express = (await express.get()).data
        there.run.publish(Followed(cue=shown.id, by="a test"))
        await until(lambda: there.link.closed()[1:] == [("2", False)], "it is fulfilled")
        await there.redeem("Brown hair", 2)
    async with running(tmp_path) as there:
        await until(lambda: sorted(there.link.closed()) == [("1", False), ("2", False)], "they are asked for again")
        decided = there.run.store.tallies

        async def closed() -> bool:
            return set((await decided("redemption decided")).values()) == {11}

        await until(closed, "the platform has closed them")
        assert await decided("redeemed") == {"Brown hair": 1, "Read it": 1}
    async with running(tmp_path) as there:
        assert await there.reply("!hello") == "Hello, Ada!"
        assert not there.link.closed()


async def test_a_run_with_commands_and_rewards_replays_itself(tmp_path: Path) -> None:
    async with running(tmp_path) as there:
        turns = there.run.bus.subscribe("event.turn_ended.>")
        await there.reply("!raffle a mug", MOD)
        await turns.get()
        for n in range(9):
            there.write("!join", viewer(f"V{n}"))
        there.write("!draw", MOD)
        await turns.get()
        there.write("!joke")
        await turns.get()
        there.write("!fortune", BOB)
        await turns.get()
        await there.redeem("Read it", 1, "I say: bells! And bows.")
        await turns.get()
        await there.run.perceive(Gift(viewer=BOB, what="rose"))
        await turns.get()
        there.write("!wheel a, b, c", MOD)
        await hastened(there.run, "the wheel")
        await turns.get()
        there.write("what is your name?")
        await turns.get()
    (log,) = (tmp_path / "runs").glob("*.jsonl")
    found = await asyncio.to_thread(replay, log)
    assert found.difference is None, str(found.difference)
    said = " ".join(entry.words[0] for entry in found.done if entry.what == "line")
    for words in ("has won the raffle", "k!" if "Knock" in said else "Tap!", "I say: bells!", "stops at"):
        assert words in said
    assert found.whole


async def test_a_log_in_the_middle_knows_who_is_in_the_raffle(tmp_path: Path) -> None:
    async with running(tmp_path) as there:
        await there.reply("!raffle", MOD)
        await there.reply("!join")
        await there.reply("!remindme 1h tea", BOB)
        await there.reply("!quote add Bells", MOD)
    async with running(tmp_path) as there:
        turns = there.run.bus.subscribe("event.turn_ended.>")
        there.write("!draw", MOD)
        assert "Ada" in (await turns.get()).data.ending.heard
        name = there.run.id
    (log,) = (tmp_path / "runs").glob(f"*{name}*.jsonl")
    found = await asyncio.to_thread(replay, log)
    assert found.difference is None, str(found.difference)


async def test_other_settings_hold_from_the_next_command_on(tmp_path: Path) -> None:
    async with running(tmp_path) as there:
        new = config.parse(SHOW.replace("Hello, {user}!", "Good day, {user}."))
        there.run.orders.settings(new.model_dump(mode="json", include={"commands"}))
        assert await there.reply("!hello") == "Good day, Ada."


# --- rows


async def test_what_is_counted_and_quoted_is_kept_by_its_name(store: Store) -> None:
    for name, count in (("deaths", 1), ("deaths", -4), ("wins", 2**40)):
        await store.keep_tally("counter", name, count)
    await store.keep_tally("other", "deaths", 9)
    assert await store.tallies("counter") == {"deaths": -4, "wins": 2**40}
    await store.drop_tallies("counter", "wins")
    assert await store.tallies("counter") == {"deaths": -4}
    await store.drop_tallies("counter")
    assert await store.tallies("counter") == {}
    assert await store.tallies("other") == {"deaths": 9}
    for number in (1, 2, 7):
        await store.keep_quote(number, f"Quote {number}", "twitch:ada" if number == 7 else "twitch:mo")
    await store.drop_quote(2)
    assert await store.quotes() == {1: "Quote 1", 7: "Quote 7"}
    await store.forget_viewer("twitch:ada")
    assert await store.quotes() == {1: "Quote 1"}


async def test_what_becomes_of_redemptions_goes_with_them(store: Store) -> None:
    redemption = Redemption(id="r", at=50.0, viewer=ADA, reward="Read it", link="twitch", source="1")
    assert await store.keep_percept(redemption, "gifts")
    assert not await store.keep_percept(redemption, "gifts"), "the same event delivered twice is one"
    assert await store.redemptions(since=0.0) == [(redemption, "waiting")]
    assert await store.redemptions(since=60.0) == []
    assert await store.decide("r", "Read it", 1, "fulfilled")
    assert not await store.decide("r", "Read it", 2, "refunded")
    await store.closed("r")
    await store.closed("r")
    assert await store.tallies("redemption decided") == {"r": 11}
    assert await store.tallies("redeemed") == {"Read it": 1}
    await store.prune(before=60.0)
    assert await store.tallies("redemption decided") == {}
    assert await store.tallies("redeemed") == await store.tallies("redeemed: fulfilled") == {"Read it": 1}
    assert await store.tallies("redeemed: refunded") == {}


async def test_pastimes_are_in_a_snapshot_but_not_what_was_decided_or_is_owed(store: Store, tmp_path: Path) -> None:
    await store.keep_tally("raffle ticket", '["twitch:ada", "Ada"]', 2)
    await store.keep_quote(3, "Bells", "twitch:mo")
    due = await store.add_timer(2e9, schedule="a reminder", text="{}")
    await store.done_timer(await store.add_timer(5.0))
    await store.decide("r", "Read it", 1, "fulfilled")
    await store.keep_tallies({("purse", '"twitch:ada"'): 3, ("owed", '["twitch:ada", "c1"]'): 4})
    fresh = await Store.open(f"sqlite:///{tmp_path / 'fresh.sqlite'}", Clock(), lasting=False)
    await fresh.put_back(await store.snapshot())
    assert await fresh.tallies("raffle ticket") == {'["twitch:ada", "Ada"]': 2}
    assert await fresh.quotes() == {3: "Bells"}
    assert [row.id for row in await fresh.due_timers(until=3e9)] == [due]
    assert await fresh.tallies("redemption decided") == {}
    assert await fresh.tallies("purse") == {'"twitch:ada"': 3}
    assert await fresh.tallies("owed") == {}, "the run itself settles it"
    await fresh.close()
