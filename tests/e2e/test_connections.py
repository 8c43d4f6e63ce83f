"""What is new for a streamer: the page *connections*, which chat messages are answered, links that are muted, and one
person's accounts, with links whose part the test plays and one to a real IRC server.
"""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from playwright.async_api import expect

from marotte.events import ChatMessage, Emote, Gap, Send, StreamEnded, StreamStarted, Verdict, Viewer
from marotte.ports import Standing
from tests.e2e.accessible import violations
from tests.e2e.conftest import Visit
from tests.e2e.on_air import on_air
from tests.e2e.visitor import DESK, PHONE, SHOW, Visitor
from tests.servers import inspircd
from tests.servers.marotte import TOKEN, Marotte
from tests.servers.within import PlayedLink, Within, serving
from tests.waiting import until

pytestmark = pytest.mark.anyio
SIZES = {"desk": DESK, "phone": PHONE}
BANS = "moderator:manage:banned_users"
TWITCH = (
    Standing("account", True, "pip_the_jester, as pip"),
    Standing("channel", True, "#pip"),
    Standing("user:read:chat", True),
    Standing(BANS, False, "without it there are none of these: moderation; sign in again: marotte login twitch"),
    Standing("channel.chat.message", True, "what people write, and their cheers"),
    Standing("channel.follow", False, "who follows: it is not subscribed to yet"),
    Standing("points", True, "790 of 800 are left"),
)
YOUTUBE = (
    Standing("account", True, "Pip the jester"),
    Standing("quota", True, "9,140 of 10,000 units are spent today; they begin anew in 3.5 h"),
)
ADA = Viewer(id="twitch:7", name="Ada", platform="twitch", roles=("subscriber",))
ADA_TOO = Viewer(id="youtube:UC7", name="Ada L.", platform="youtube")


@asynccontextmanager
async def streaming(folder: Path, more: str = "") -> AsyncIterator[Within]:
    """A show on Twitch and YouTube, on air on the first."""
    program = Within(folder, SHOW + more)
    twitch = program.played("twitch", *TWITCH)
    twitch.able(Send)
    twitch.able(Verdict)
    program.played("youtube", *YOUTUBE)
    async with serving(program):
        wall = program.run.clock.wall()
        twitch.counted.update({"events": 1_234, "acts": 17, "reconnects": 1})
        twitch.publish(StreamStarted(at=wall - 3_600, link="twitch", title="Friday at the theatre, with bells"))
        twitch.publish(Gap(at=wall - 900, link="twitch", seconds=12.5, recovered=3, detail="the network was away"))
        yield program


def link_of(program: Within, name: str) -> PlayedLink:
    link = program.run.platforms.links[name]
    assert isinstance(link, PlayedLink)
    return link


async def wrote(program: Within, viewer: Viewer, text: str, **more: object) -> None:
    """Let somebody write through the link of their platform."""
    link = link_of(program, viewer.platform)
    link.publish(ChatMessage(viewer=viewer, text=text, link=link.name, at=program.run.clock.wall(), **more))  # type: ignore[arg-type]


async def at(visit: Visit, program: Marotte, page: str, **more: object) -> Visitor:
    """Open one page of the control window as the operator."""
    control = await visit(program, f"/control/{page}", token=TOKEN, **more)
    await control.connected()
    return control


@pytest.mark.parametrize("scheme", ["dark", "light"])
@pytest.mark.parametrize("size", SIZES)
async def test_the_page_fits_and_everybody_can_use_it(
    tmp_path: Path, visit: Visit, results: Path, size: str, scheme: str
) -> None:
    async with streaming(tmp_path) as program:
        control = await at(visit, program, "connections", size=SIZES[size], color_scheme=scheme)
        page, twitch = control.page, control.card("Twitch")
        await expect(twitch.get_by_text("up", exact=True)).to_be_visible()
        await expect(twitch.get_by_text("on air", exact=True)).to_be_visible()
        for name in ("rights and subscriptions are in order", "1 gap"):
            await twitch.get_by_text(re.compile(name)).click()
        await page.evaluate("document.fonts.ready.then(() => true)")
        await page.screenshot(path=results / f"control-connections-{size}-{scheme}.png")
        assert await violations(page) == []
        assert await control.overflow() == 0
        assert await page.evaluate("document.documentElement.scrollHeight <= innerHeight"), "the page never scrolls"
        assert control.complaints == []


async def test_a_connection_tells_what_it_lacks_and_is_made_anew(tmp_path: Path, visit: Visit) -> None:
    async with streaming(tmp_path) as program:
        control = await at(visit, program, "connections")
        twitch, youtube = control.card("Twitch"), control.card("YouTube")
        lacking = twitch.get_by_role("listitem").filter(has_text=BANS)
        await expect(lacking).to_contain_text("marotte login twitch")
        await expect(twitch.get_by_text("“Friday at the theatre, with bells”")).to_be_visible()
        await expect(twitch.get_by_text("write · delete, time out, ban")).to_be_visible()
        await expect(youtube.get_by_text("It can only read.")).to_be_visible()
        quota = youtube.get_by_role("meter", name="quota")
        await expect(quota).to_have_attribute("aria-valuenow", "9140")
        await expect(twitch.get_by_text("12.5 s unheard, 3 asked for afterwards")).to_be_hidden()
        await twitch.get_by_text("1 gap").click()
        await expect(twitch.get_by_text("12.5 s unheard, 3 asked for afterwards")).to_be_visible()

        await expect(twitch.get_by_text("for the 1. time")).to_be_visible()
        await twitch.get_by_role("button", name="Connect anew Twitch").focus()
        await control.page.keyboard.press("Enter")
        await expect(twitch.get_by_text("for the 2. time")).to_be_visible()
        link_of(program, "twitch").publish(StreamEnded(link="twitch"))
        await expect(twitch.get_by_text("on air", exact=True)).to_have_count(0)
        link_of(program, "twitch").tell("refused", "Twitch knows us no longer; sign in again: marotte login twitch")
        await expect(twitch.get_by_text("refused", exact=True)).to_be_visible()
        assert control.complaints == []


async def test_where_nothing_is_connected_it_says_how_to(program: Marotte, visit: Visit) -> None:
    control = await at(visit, program, "connections")
    await expect(control.page.get_by_text("Nothing is connected yet")).to_be_visible()
    ways = control.card("Connect a platform")
    for words in ("[twitch]", "marotte login twitch", "[youtube]", "[tiktok]", "[discord]", "[irc.libera]"):
        await expect(ways.get_by_text(words).first).to_be_visible()
    assert await violations(control.page) == []
    assert control.complaints == []


async def test_a_real_irc_server_is_left_and_joined_again_at_one_press(tmp_path: Path, visit: Visit) -> None:
    (tmp_path / "irc").mkdir()
    with inspircd.running(tmp_path / "irc") as server:
        there = f'[irc.test]\nhost = "127.0.0.1"\nport = {server.port}\ntls = false\nchannels = ["#stage"]\n'
        async with streaming(tmp_path, there) as program:
            control = await at(visit, program, "connections")
            irc = control.card("IRC · test")
            await expect(irc.get_by_text("up", exact=True)).to_be_visible()
            await expect(irc.get_by_text("#stage").first).to_be_visible()
            await irc.get_by_role("button", name=re.compile("^Connect anew")).click()
            await control.event("link_state", link="test", state="stopped")

            def states() -> list[str]:
                return [event["state"] for event in control.events("link_state") if event["link"] == "test"]

            await until(lambda: states()[-1] == "up", "the connection that was made anew")
            assert states()[-3:] == ["stopped", "connecting", "up"]
            await expect(irc.get_by_text("up", exact=True)).to_be_visible()
            assert control.complaints == []


async def test_only_what_names_it_is_answered_and_a_muted_link_is_silent(tmp_path: Path, visit: Visit) -> None:
    async with streaming(tmp_path) as program:
        control = await at(visit, program, "")
        page, queue, dropped, muted = (
            control.page,
            control.card("Queue"),
            control.card("Dropped"),
            control.card("Muted"),
        )
        await queue.get_by_role("combobox", name="Which chat messages it answers").click()
        await page.get_by_role("option", name="When named").click()
        await expect(page.get_by_text("It answers only what names it.").first).to_be_visible()
        await wrote(program, ADA, "What a night, is it not?")
        await expect(dropped.get_by_text("not meant for the character")).to_be_visible()
        await wrote(program, ADA, "Pip, who are you?")
        await control.event("turn_ended")

        await muted.get_by_role("combobox", name="What to mute").click()
        await page.get_by_role("option", name="Link twitch", exact=True).click()
        await muted.get_by_role("button", name="Mute", exact=True).click()
        await expect(muted.get_by_role("button", name="Unmute twitch")).to_be_visible()
        await wrote(program, ADA, "Pip, do you hear me?")
        await expect(dropped.get_by_text("it was muted")).to_be_visible()
        assert len(control.events("turn_started")) == 1
        assert control.complaints == []


async def test_what_a_platform_takes_away_leaves_the_queue_and_says_so(tmp_path: Path, visit: Visit) -> None:
    async with streaming(tmp_path) as program:
        control = await at(visit, program, "")
        await program.post(
            "/api/v1/percepts", {"type": "asked", "verbatim": True, "text": "The curtain does not move. " * 20}
        )
        await control.event("line_started")
        kappa = Emote("Kappa", 0, 5, "")
        await wrote(program, ADA, "Kappa, who are you?", source="m1", emotes=(kappa,))
        row = control.card("Queue").get_by_role("listitem").filter(has_text="twitch · public")
        await expect(row).to_have_count(1)
        assert await violations(control.page) == []
        program.run.orders.removed("twitch", "message", "m1")
        await expect(row).to_have_count(0)
        await expect(control.card("Dropped").get_by_text("its platform took it away")).to_be_visible()


@pytest.mark.parametrize("size", SIZES)
async def test_accounts_of_one_person_are_joined_and_parted(
    tmp_path: Path, visit: Visit, results: Path, size: str
) -> None:
    async with streaming(tmp_path) as program:
        for viewer in (ADA, ADA_TOO):
            program.run.store.seen_viewer(viewer, program.run.clock.wall())
        control = await at(visit, program, "people?viewer=twitch:7", size=SIZES[size])
        page, accounts = control.page, control.card("Accounts")
        await expect(accounts.get_by_text("No other account of theirs is known")).to_be_visible()
        await accounts.get_by_role("button", name="Join another").click()
        dialog = page.get_by_role("dialog", name="Which other account is Ada’s?")
        await dialog.get_by_role("searchbox").fill("ada l")
        other = dialog.get_by_role("button", name=re.compile("Ada L"))
        await expect(other).to_be_visible()
        assert await violations(page) == [], "the dialog"
        await other.press("Enter")
        await expect(dialog).to_have_count(0)
        await expect(accounts.get_by_role("link", name="Ada L.")).to_be_visible()
        await page.screenshot(path=results / f"control-accounts-{size}.png")
        assert await violations(page) == []
        assert await control.overflow() == 0
        assert program.run.platforms.known_as == {ADA_TOO.id: ADA.id}

        await accounts.get_by_role("link", name="Ada L.").click()
        await expect(control.card("Accounts").get_by_role("link", name="Ada", exact=True)).to_be_visible()
        await control.card("Accounts").get_by_role("button", name="Part Ada L.").click()
        await expect(accounts.get_by_text("No other account of theirs is known")).to_be_visible()
        assert program.run.platforms.known_as == {}
        assert control.complaints == []


async def test_a_stream_on_twitch_is_seen_from_the_desk(tmp_path: Path, visit: Visit) -> None:
    async with on_air(tmp_path, without=("moderator:read:followers",)) as (program, twitch):
        control = await at(visit, program, "connections")
        card = control.card("Twitch")
        await expect(card.get_by_text("up", exact=True)).to_be_visible()
        lacking = card.get_by_role("listitem").filter(has_text="moderator:read:followers").first
        await expect(lacking).to_contain_text("marotte login twitch")
        await expect(card.get_by_role("meter", name="points")).to_be_visible()
        twitch.stream_online()
        await expect(card.get_by_text("on air", exact=True)).to_be_visible()
        await control.page.goto(f"{program.url}/control")
        await expect(control.card("Queue")).to_be_visible()
        await program.post(
            "/api/v1/percepts", {"type": "asked", "verbatim": True, "text": "The curtain does not move. " * 20}
        )
        await control.event("line_started")
        twitch.chat("ada", "Pip, did you ever lose a bell?")
        row = control.card("Queue").get_by_role("listitem").filter(has_text="twitch · public")
        await expect(row).to_contain_text("did you ever lose a bell?")
        assert control.complaints == []
