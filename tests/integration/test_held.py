"""Messages that a platform holds back, over REST and the socket: who may know of them, and what a decision comes to."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from marotte.events import Held, Verdict, Viewer
from marotte.links.link import Refused
from tests.servers.marotte import TOKEN
from tests.servers.within import PlayedLink, Within, serving
from tests.waiting import until

pytestmark = pytest.mark.anyio
SHOW = "[attention]\nlull_after = 0\n[brain]\ndiscover = false\n"
ADA = Viewer(id="twitch:7", name="Ada", platform="twitch")


class Twitch:
    """A link that decides on what is held back, and what it was asked."""

    def __init__(self, link: PlayedLink) -> None:
        self.link = link
        self.decided: list[tuple[str, str]] = []
        self.refuses = ""
        link.acts[Verdict] = self._decide

    async def _decide(self, act: Verdict, until: float) -> str:
        if self.refuses:
            raise Refused(self.refuses)
        self.decided.append((act.action, act.source))
        self.hold(act.source, "approved" if act.action == "allow" else "denied", by="Pip")
        return ""

    def hold(self, source: str, state: str = "held", by: str = "") -> None:
        self.link.publish(
            Held(at=5.0, link="twitch", viewer=ADA, text="you fool", source=source, reason="rude", state=state, by=by)  # pyright: ignore[reportArgumentType]
        )


class House:
    """A program on a Twitch whose part the test plays."""

    def __init__(self, program: Within, twitch: Twitch) -> None:
        self.program, self.twitch = program, twitch

    async def press(self, action: str, source: str) -> int:
        body = {"viewer": ADA.id, "link": "twitch", "action": action, "source": source}
        return (await self.program.post("/api/v1/verdicts", body))[0]

    async def becomes(self, source: str, state: str, order: str) -> dict[str, object]:
        async def so() -> object:
            found = {one["source"]: one for one in await self.program.get("/api/v1/held")}[source]
            return found if (found["state"], found["order"]["state"]) == (state, order) else None

        return await until(so, f"{source} {state}, {order}")  # pyright: ignore[reportReturnType]


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    program = Within(tmp_path, SHOW)
    twitch = Twitch(program.played("twitch"))
    async with serving(program):
        yield House(program, twitch)


async def test_each_is_told_with_who_what_why_and_since_when(house: House) -> None:
    house.twitch.hold("m1")
    (one,) = await house.program.get("/api/v1/held")
    assert (one["viewer"]["name"], one["text"], one["reason"], one["at"]) == ("Ada", "you fool", "rude", 5.0)
    assert (one["link"], one["source"], one["state"], one["order"]) == ("twitch", "m1", "held", None)


async def test_one_is_let_through_and_another_is_kept_out(house: House) -> None:
    house.twitch.hold("m1")
    house.twitch.hold("m2")
    assert await house.press("allow", "m1") == 201
    assert await house.press("delete", "m2") == 201
    await house.becomes("m1", "approved", "done")
    await house.becomes("m2", "denied", "done")
    assert house.twitch.decided == [("allow", "m1"), ("delete", "m2")]


async def test_what_the_platform_refuses_is_told_with_why(house: House) -> None:
    house.twitch.hold("m1")
    house.twitch.refuses = "the token lacks a right"
    assert await house.press("allow", "m1") == 201
    found = await house.becomes("m1", "held", "refused")
    assert found["order"]["detail"] == "the token lacks a right"  # pyright: ignore[reportIndexIssue]


async def test_what_is_held_no_more_is_not_let_through_again(house: House) -> None:
    """A platform would take it for the lifting of a ban."""
    house.twitch.hold("m1")
    house.twitch.hold("m1", "denied", by="Mia")
    assert await house.press("allow", "m1") == 409
    assert await house.press("allow", "never held") == 409
    assert house.twitch.decided == []


async def test_viewers_are_not_told_of_it(house: House) -> None:
    _, token = await house.program.post("/api/v1/tokens", {"name": "Vi", "role": "viewer"})
    async with house.program.request(
        "GET", "/api/v1/held", headers={"Authorization": f"Bearer {token['token']}"}
    ) as response:
        assert response.status == 403
    async with (
        house.program.window("control", token=TOKEN) as operator,
        house.program.window("control", token=token["token"]) as viewer,
    ):
        house.twitch.hold("m1")
        house.twitch.link.tell("down", "the end of the test")
        for window in (operator, viewer):
            await window.event("link_state")
        assert "held" in [event["type"] for event in operator.events]
        assert "held" not in [event["type"] for event in viewer.events]
