"""Attention: what is bounded, merged, dropped and counted; what survives; what comes first."""

import asyncio

import pytest

from marotte import config
from marotte.events import Asked, ChatMessage, Dropped, Ending, Follow, Gift, Lull, Queued, Utterance, Viewer
from marotte.mind.attention import Attention
from marotte.mind.lanes import Mutes
from marotte.time import Clock
from tests.stand_ins import KeptRows, Published

pytestmark = [pytest.mark.anyio, pytest.mark.virtual]


def viewer(name: str) -> Viewer:
    return Viewer(id=f"x:{name}", name=name)


def chat(text: str, who: str = "ada") -> ChatMessage:
    return ChatMessage(text=text, viewer=viewer(who))


def attention(show: str = "", unread=lambda text: "") -> tuple[Attention, Published, KeptRows]:
    events, rows = Published(), KeptRows()
    return Attention("public", config.parse(show), rows, unread, events, Clock(epoch=0.0)), events, rows


async def test_higher_lanes_come_first() -> None:
    waiting, _, _ = attention()
    for percept in (
        Lull(seconds=9),
        chat("hi"),
        Gift(viewer=viewer("bob")),
        Utterance(text="hello"),
        Asked(text="sing"),
    ):
        waiting.offer(percept)
    assert [(await waiting.next()).lane for _ in range(5)] == ["operator", "spoken", "gifts", "chat", "lull"]


async def test_chat_keeps_the_newest_and_counts_the_rest() -> None:
    waiting, _, _ = attention('[lanes.chat]\nmerge = "last"\ntogether = 3\ncapacity = 10\neach_viewer = 0')
    for n in range(50):
        waiting.offer(chat(f"message number {n} {'abcdefghij'[n % 10] * 9}", f"viewer{n}"))
    bundle = await waiting.next()
    assert [p.text.split()[2] for p in bundle.percepts] == ["47", "48", "49"]
    assert waiting.dropped == {("chat", "capacity"): 40, ("chat", "superseded"): 7}
    assert waiting.depth()["chat"] == 0


async def test_latest_keeps_one() -> None:
    waiting, events, _ = attention()
    waiting.offer(Lull(seconds=1))
    waiting.offer(Lull(seconds=2))
    assert [p.seconds for p in (await waiting.next()).percepts] == [2]
    assert [(e.lane, e.reason) for e in events.of(Dropped)] == [("lull", "superseded")]


async def test_what_one_partner_says_in_pieces_is_joined() -> None:
    waiting, _, _ = attention()
    waiting.offer(Utterance(text="I have a dog", viewer=viewer("ada")))
    waiting.offer(Utterance(text="called Biscuit", viewer=viewer("ada")))
    waiting.offer(Utterance(text="and I am Bob", viewer=viewer("bob")))
    assert [p.text for p in (await waiting.next()).percepts] == ["I have a dog called Biscuit", "and I am Bob"]


async def test_one_viewer_cannot_hold_the_queue() -> None:
    waiting, _, _ = attention()
    waiting.offer(chat("what is your name?", "quiet"))
    for n in range(1_000):
        waiting.offer(chat(f"look at me {n}", "loud"))
    bundle = await waiting.next()
    assert "quiet" in {p.viewer.name for p in bundle.percepts}
    assert waiting.dropped["chat", "fairness"] == 998


async def test_the_same_said_by_many_is_one_with_a_count() -> None:
    waiting, _, _ = attention()
    for n in range(20):
        waiting.offer(chat("hello there everybody", f"v{n}"))
    waiting.offer(chat("Hello there, everybody!!", "another"))
    bundle = await waiting.next()
    assert len(bundle.waiting) == 1
    assert bundle.waiting[0].merged == 20


async def test_what_is_too_old_is_not_answered() -> None:
    waiting, _, _ = attention("[lanes.chat]\nexpiry = 5")
    waiting.offer(chat("old"))
    await asyncio.sleep(6)
    waiting.offer(chat("new", "bob"))
    assert [p.text for p in (await waiting.next()).percepts] == ["new"]
    assert waiting.dropped["chat", "expired"] == 1


async def test_only_what_survives_the_bounds_is_looked_at() -> None:
    looked_at: list[str] = []

    def unread(text: str) -> str:
        looked_at.append(text)
        return "a link" if "http" in text else ""

    waiting, _, _ = attention(unread=unread)
    for n in range(10_000):
        waiting.offer(chat(f"http://spam {n}" if n % 2 else f"hello {n}", f"v{n}"))
    assert not looked_at
    assert all("hello" in p.text for p in (await waiting.next()).percepts)
    assert len(looked_at) <= 60
    assert waiting.dropped["chat", "blocked"] >= 1


async def test_a_show_may_answer_only_those_who_address_the_character() -> None:
    waiting, _, _ = attention('[attention]\nanswer = "addressed"\n[character]\nname = "Pip"\ncalled = ["jester"]')
    for n, text in enumerate(("nice weather", "PIP you are funny", "hey jester", "is it raining?", "元気？")):
        waiting.offer(chat(text, f"v{n}"))
    texts = {p.text for _ in range(2) for p in (await waiting.next()).percepts}
    assert texts == {"PIP you are funny", "hey jester", "is it raining?", "元気？"}


async def test_a_gift_is_a_row_before_it_is_acted_on() -> None:
    waiting, _, rows = attention()
    gift = Gift(viewer=viewer("ada"), what="rose")
    kept_first = []
    rows_keep = rows.keep_percept

    async def keep(percept, lane):
        kept_first.append(waiting.depth()["gifts"])
        return await rows_keep(percept, lane)

    rows.keep_percept = keep
    await waiting.keep(gift)
    assert kept_first == [0]
    assert (await waiting.next()).percepts == (gift,)


async def test_gifts_are_answered_together_but_each_whole() -> None:
    waiting, _, _ = attention()
    gifts = [Gift(viewer=viewer(f"v{n}"), what="rose", message="for you") for n in range(4)]
    for gift in gifts:
        await waiting.keep(gift)
    assert list((await waiting.next()).percepts) == gifts[:3]
    assert list((await waiting.next()).percepts) == gifts[3:]
    assert not waiting.dropped


async def test_gifts_beyond_the_capacity_wait_on_disk_and_none_is_lost_or_doubled() -> None:
    waiting, _, rows = attention("[lanes.gifts]\ncapacity = 5\ntogether = 2")
    for n in range(17):
        await waiting.keep(Gift(viewer=viewer(f"v{n}"), id=f"g{n}"))
    seen = []
    for _ in range(20):
        if len(seen) == 17:
            break
        bundle = await asyncio.wait_for(waiting.next(), 1)
        seen += [p.id for p in bundle.percepts]
        for percept in bundle.percepts:
            rows.percepts.pop(percept.id)
        waiting.settle(bundle, Ending(state="done", answered=tuple(p.id for p in bundle.percepts)))
    assert sorted(seen) == sorted(f"g{n}" for n in range(17))
    assert not waiting.dropped


async def test_an_interrupted_gift_comes_back_a_few_times() -> None:
    waiting, _, _ = attention()
    await waiting.keep(Gift(viewer=viewer("ada")))
    for _ in range(3):
        waiting.settle(await waiting.next(), Ending(state="interrupted", reason="interrupted"))
    assert waiting.depth()["gifts"] == 0, "now it waits on disk for the next start"


async def test_an_answered_gift_does_not_come_back() -> None:
    waiting, _, _ = attention()
    gift = Gift(viewer=viewer("ada"))
    await waiting.keep(gift)
    waiting.settle(await waiting.next(), Ending(state="done", answered=(gift.id,)))
    assert waiting.depth()["gifts"] == 0


async def test_a_restart_finds_what_was_not_answered() -> None:
    waiting, _, rows = attention()
    rows.percepts["g1"] = Gift(id="g1", viewer=viewer("ada"))
    rows.percepts["elsewhere"] = Gift(id="elsewhere", floor="talk-1")
    assert await waiting.recover() == 1
    assert [p.id for p in (await waiting.next()).percepts] == ["g1"]


async def test_pressing_lanes_are_told() -> None:
    waiting, _, _ = attention()
    pressed = []
    waiting.on_press = lambda lane: pressed.append(lane.preempt)
    for percept in (chat("hi"), Gift(), Utterance(text="stop"), Follow()):
        waiting.offer(percept)
    assert pressed == ["after_line", "at_once"]


async def test_an_operator_can_skip_what_waits() -> None:
    waiting, _, _ = attention()
    message = chat("skip me")
    waiting.offer(message)
    assert waiting.skip(message.id)
    assert not waiting.skip(message.id)
    assert waiting.dropped["chat", "skipped"] == 1


async def test_a_percept_that_no_lane_takes_is_counted() -> None:
    waiting, _, _ = attention("[lanes.follows]\npercepts = []")
    waiting.offer(Follow())
    assert waiting.dropped == {("none", "blocked"): 1}


async def test_a_flood_is_not_announced_message_by_message() -> None:
    waiting, events, _ = attention()
    for n in range(5_000):
        waiting.offer(chat(f"message {n}", f"v{n}"))
    assert len(events.of(Queued)) <= 20
    assert len(events.of(Dropped)) <= 60
    assert sum(waiting.dropped.values()) + waiting.depth()["chat"] == 5_000


async def test_a_gift_that_is_delivered_twice_is_answered_once() -> None:
    waiting, _, _ = attention()
    gift = Gift(id="g1", viewer=viewer("ada"))
    await waiting.keep(gift)
    await waiting.keep(gift)
    assert waiting.depth()["gifts"] == 1


# --- what the operator wants ---


async def test_what_is_pinned_is_next_by_itself_and_cannot_be_pushed_out() -> None:
    waiting, _, _ = attention('[lanes.chat]\nmerge = "last"\ntogether = 3\ncapacity = 5\neach_viewer = 2\nexpiry = 5')
    pinned = chat("what is behind the curtain?", "ada")
    waiting.offer(pinned)
    assert waiting.pin(pinned.id)
    assert not waiting.pin("nothing of this name")
    for n in range(20):
        waiting.offer(chat(f"message number {n}", f"viewer{n}"))
        waiting.offer(chat(f"look at me {n}", "ada"))
    waiting.offer(Asked(text="sing"))
    await asyncio.sleep(6)
    assert [p.id for p in (await waiting.next()).percepts] == [pinned.id]
    assert (await waiting.next()).lane == "operator"


async def test_to_answer_now_presses_whatever_the_lane() -> None:
    waiting, _, _ = attention()
    pressed = []
    waiting.on_press = lambda policy: pressed.append(policy.preempt)
    later, now = chat("one"), chat("two", "bob")
    waiting.offer(later)
    waiting.offer(now)
    waiting.pin(later.id)
    assert pressed == []
    waiting.pin(now.id, at_once=True)
    assert pressed == ["at_once"]


@pytest.mark.parametrize(("what", "name"), [("lane", "chat"), ("sense", "chat_message"), ("viewer", "x:ada")])
async def test_what_is_muted_is_counted_and_not_answered_until_the_time_is_over(what: str, name: str) -> None:
    mutes = Mutes()
    events = Published()
    clock = Clock(epoch=0.0)
    waiting = Attention("public", config.parse(""), KeptRows(), lambda text: "", events, clock, mutes)
    mutes.add(what, name, clock.now() + 10)
    waiting.offer(chat("hello"))
    waiting.offer(Asked(text="sing"))
    assert (await waiting.next()).lane == "operator"
    assert waiting.dropped == {("chat", "muted"): 1}
    await asyncio.sleep(11)
    waiting.offer(chat("hello again"))
    assert (await waiting.next()).lane == "chat"
    assert not mutes


async def test_a_gift_in_a_muted_lane_waits_and_is_not_lost() -> None:
    mutes = Mutes()
    clock = Clock(epoch=0.0)
    waiting = Attention("public", config.parse(""), KeptRows(), lambda text: "", Published(), clock, mutes)
    mutes.add("lane", "gifts", clock.now() + 10)
    mutes.add("viewer", "x:ada")
    waiting.offer(Gift(viewer=viewer("ada"), what="rose"))
    began = clock.now()
    assert (await waiting.next()).lane == "gifts"
    assert 10 <= clock.now() - began < 12
    assert mutes.remove("viewer", "x:ada")
    assert not mutes.remove("viewer", "x:ada")


def test_mutes_are_bounded() -> None:
    mutes = Mutes()
    for n in range(Mutes.MOST + 5):
        mutes.add("viewer", f"x:{n}")
    assert len(mutes.all(0.0)) == Mutes.MOST
    assert not mutes.has("viewer", "x:4", 0.0)


async def test_what_a_platform_took_away_is_not_answered_but_what_was_given_is() -> None:
    def said(who: str, source: str, link: str = "twitch") -> ChatMessage:
        return ChatMessage(text=f"{link} {who} {source}", viewer=viewer(who), link=link, source=source)

    waiting, events, _ = attention("[lanes.chat]\neach_viewer = 0")
    for percept in (said("ada", "1"), said("ada", "2"), said("bob", "3"), said("ada", "1", "youtube")):
        waiting.offer(percept)
    waiting.offer(Gift(viewer=viewer("ada"), link="twitch"))
    assert len(waiting.removed("twitch", "message", "3")) == 1
    assert waiting.removed("twitch", "message", "3") == []
    assert len(waiting.removed("twitch", "viewer", "x:ada")) == 2
    assert waiting.depth()["chat"] == waiting.depth()["gifts"] == 1
    assert len(waiting.removed("youtube", "chat", "")) == 1
    assert [(event.lane, event.reason) for event in events.of(Dropped)] == [("chat", "removed")] * 4


CHOICE = '[lanes.chat]\ntogether = 1\ncapacity = 50\neach_viewer = 0\n[character]\nname = "Pip"'


async def chosen(waiting: Attention, *messages: ChatMessage) -> str:
    """Return the text that is answered first of these."""
    for message in messages:
        waiting.offer(message)
    return (await waiting.next()).percepts[0].text  # type: ignore[union-attr]


async def test_of_many_the_one_is_answered_that_gives_most() -> None:
    waiting, _, _ = attention(CHOICE)
    plain, question, named = chat("what a day it was", "a"), chat("where do puns grow?", "b"), chat("pip, hello", "c")
    assert await chosen(waiting, plain, question, named) == "pip, hello"
    assert (await waiting.next()).percepts == (question,)
    # What was not chosen waits on, and comes where nothing better does.
    assert (await waiting.next()).percepts == (plain,)
    assert waiting.dropped == {}


async def test_who_was_answered_lately_lets_others_go_first() -> None:
    waiting, _, _ = attention(CHOICE)
    assert await chosen(waiting, chat("do you like rain?", "ada")) == "do you like rain?"
    assert await chosen(waiting, chat("and what of snow?", "ada"), chat("bells or drums?", "bob")) == "bells or drums?"
    await asyncio.sleep(80)
    # What is as old as that is chosen only where nobody else says anything.
    assert await chosen(waiting, chat("is there a moon tonight?", "eve")) == "is there a moon tonight?"


async def test_what_is_new_and_who_is_new_count() -> None:
    waiting, _, _ = attention(CHOICE)
    await chosen(waiting, chat("what is your favourite colour?", "a"))
    again, other = chat("what is your favorite color?", "b"), chat("can a marotte swim?", "c")
    assert await chosen(waiting, again, other) == "can a marotte swim?"
    waiting, _, _ = attention(CHOICE)
    newcomer = ChatMessage(text="it is cold in here", viewer=viewer("new"), first=True)
    assert await chosen(waiting, chat("it was warm yesterday", "old"), newcomer) == "it is cold in here"
    moderator = ChatMessage(text="the doors are open", viewer=Viewer(id="x:m", name="m", roles=("moderator",)))
    assert await chosen(waiting, chat("the roof is closed", "some"), moderator) == "the doors are open"


async def test_a_flood_is_still_bounded_first() -> None:
    looked: list[str] = []
    waiting, _, _ = attention("[lanes.chat]\neach_viewer = 0", lambda text: looked.append(text) or "")
    for n in range(5_000):
        waiting.offer(chat(f"{n} {'abcdefghij'[n % 10] * 9}", f"v{n}"))
    assert len((await waiting.next()).percepts) == 3
    assert len(looked) == 3
    assert waiting.dropped["chat", "capacity"] == 4_940


async def test_the_operator_may_have_it_answer_only_who_names_it() -> None:
    waiting, _, _ = attention("[lanes.chat]\neach_viewer = 0")
    waiting.answer = "named"
    for text in ("is it raining?", "pip, is it raining?", "nice weather"):
        waiting.offer(chat(text))
    assert [p.text for p in (await waiting.next()).percepts] == ["pip, is it raining?"]
    waiting.answer = "addressed"
    waiting.offer(chat("is it snowing?"))
    waiting.offer(chat("lovely bells"))
    assert [p.text for p in (await waiting.next()).percepts] == ["is it snowing?"]
    assert {reason for _, reason in waiting.dropped} == {"unaddressed"}


async def test_a_muted_link_brings_no_chat_but_what_is_given() -> None:
    mutes = Mutes()
    waiting = Attention("public", config.parse(""), KeptRows(), lambda text: "", Published(), Clock(epoch=0.0), mutes)
    mutes.add("link", "tiktok")
    waiting.offer(ChatMessage(text="hello", viewer=viewer("a"), link="tiktok"))
    waiting.offer(Gift(viewer=viewer("b"), link="tiktok"))
    waiting.offer(ChatMessage(text="hello there", viewer=viewer("c"), link="twitch"))
    assert [(await waiting.next()).lane for _ in range(2)] == ["gifts", "chat"]
    assert waiting.dropped == {("chat", "muted"): 1}


CUT = Ending(state="interrupted", reason="interrupted")


async def test_words_of_which_no_answer_was_heard_come_back_before_others_a_few_times() -> None:
    waiting, _, _ = attention()
    waiting.offer(ChatMessage(text="What is your favourite colour?", viewer=viewer("bob"), id="b"))
    for _ in range(3):
        bundle = await waiting.next()
        assert [p.id for p in bundle.percepts] == ["b"]
        waiting.settle(bundle, CUT)
    assert waiting.depth()["chat"] == 0
    waiting.offer(Utterance(text="Tell me of cats.", viewer=viewer("ada")))
    bundle = await waiting.next()
    waiting.offer(Utterance(text="No, of dogs.", viewer=viewer("ada")))
    waiting.settle(bundle, CUT)
    assert [p.text for p in (await waiting.next()).percepts] == ["Tell me of cats. No, of dogs."]


@pytest.mark.parametrize(
    "ending",
    [
        Ending(state="interrupted", reason="interrupted", heard="My favourite"),
        Ending(state="interrupted", reason="stopped by the operator"),
        Ending(state="failed", reason="no brain answers"),
        Ending(state="done"),
    ],
    ids=["heard", "stopped", "failed", "done"],
)
async def test_words_that_were_answered_or_stopped_do_not_come_back(ending: Ending) -> None:
    waiting, _, _ = attention()
    waiting.offer(ChatMessage(text="What is your favourite colour?", viewer=viewer("bob")))
    waiting.settle(await waiting.next(), ending)
    assert waiting.depth()["chat"] == 0


async def test_what_comes_back_displaces_nothing() -> None:
    waiting, _, _ = attention()
    bob = viewer("bob")
    waiting.offer(ChatMessage(text="What is your favourite colour?", viewer=bob))
    bundle = await waiting.next()
    for text in ("And how old are you?", "Where do you live?"):
        waiting.offer(ChatMessage(text=text, viewer=bob))
    waiting.settle(bundle, CUT)
    assert [entry.percept.text for _, _, entry in waiting.pending()] == ["And how old are you?", "Where do you live?"]


async def test_nothing_is_answered_while_somebody_speaks() -> None:
    waiting, _, _ = attention()
    waiting.listen(True)
    waiting.offer(ChatMessage(text="What is your favourite colour?", viewer=viewer("bob")))
    asked = asyncio.create_task(waiting.next())
    await asyncio.sleep(10)
    assert not asked.done()
    waiting.listen(False)
    assert (await asyncio.wait_for(asked, 1)).lane == "chat"
