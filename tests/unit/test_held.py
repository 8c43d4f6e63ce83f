"""What platforms' filters hold back of late, and what was decided on it."""

import pytest

from marotte.bus.local import LocalBus
from marotte.events import ActDone, Event, Held, Verdict, Viewer, subject
from marotte.held import MOST, HeldMessages

pytestmark = pytest.mark.anyio
ADA = Viewer(id="twitch:1", name="Ada", platform="twitch")


def hold(source: str, state: str = "held", at: float = 1.0, **more: str) -> Held:
    return Held(at=at, link="twitch", viewer=ADA, text=f"text of {source}", source=source, state=state, **more)  # pyright: ignore[reportArgumentType]


def order(source: str, action: str = "allow", act: str = "v1") -> Verdict:
    return Verdict(id=act, link="twitch", viewer=ADA, action=action, reason="seen", source=source)  # pyright: ignore[reportArgumentType]


class House:
    """A bus on which things happen, and what is kept of them."""

    def __init__(self) -> None:
        self.bus = LocalBus()
        self.held = HeldMessages(self.bus)

    def happens(self, *events: Event) -> None:
        for event in events:
            self.bus.publish(subject(event), event)

    @property
    def states(self) -> list[tuple[str, str]]:
        return [(one.source, one.state) for one in self.held.newest()]


@pytest.fixture
def house() -> House:
    return House()


async def test_the_newest_comes_first_and_the_oldest_go(house: House) -> None:
    house.happens(*(hold(f"m{n}") for n in range(MOST + 5)))
    states = house.states
    assert len(states) == MOST
    assert (states[0], states[-1]) == ((f"m{MOST + 4}", "held"), ("m5", "held"))


async def test_what_waits_outlasts_what_is_decided(house: House) -> None:
    house.happens(hold("waits"), *(hold(f"m{n}", "denied") for n in range(MOST + 5)))
    assert ("waits", "held") in house.states
    assert len(house.states) == MOST


async def test_what_somebody_decided_elsewhere_is_told_with_who_and_when(house: House) -> None:
    house.happens(hold("m1", reason="aggressive"), hold("m1", "denied", at=9.0, by="Mia"))
    (one,) = house.held.newest()
    assert (one.state, one.by, one.at, one.decided, one.reason) == ("denied", "Mia", 1.0, 9.0, "aggressive")


async def test_only_what_is_held_and_known_can_be_decided_on(house: House) -> None:
    house.happens(hold("m1"), hold("m2"), hold("m2", "approved"))
    assert house.held.undecided("twitch", "m1")
    for link, source in (("twitch", "m2"), ("twitch", "m3"), ("other", "m1")):
        assert not house.held.undecided(link, source)


async def test_a_decision_is_under_way_until_its_link_tells_what_became_of_it(house: House) -> None:
    house.happens(hold("m1"), order("m1"))
    (one,) = house.held.newest()
    assert one.order is not None
    assert (one.order.action, one.order.state) == ("allow", "waiting")
    house.happens(ActDone(act="v1", link="twitch", ok=False, detail="the token lacks a right"))
    (one,) = house.held.newest()
    assert one.order is not None
    assert (one.order.state, one.order.detail) == ("refused", "the token lacks a right")
    house.happens(order("m1", "delete", "v2"), ActDone(act="v2", link="twitch", ok=True))
    (one,) = house.held.newest()
    assert one.order is not None
    assert (one.order.action, one.order.state, one.order.detail) == ("delete", "done", "")


async def test_other_verdicts_are_not_about_it(house: House) -> None:
    house.happens(hold("m1"), order(""), order("m2"), order("m1", "timeout", "v3"))
    (one,) = house.held.newest()
    assert one.order is None


async def test_it_is_all_forgotten_with_somebody_who_is_forgotten(house: House) -> None:
    house.happens(hold("m1"))
    assert house.states
    house.happens(hold("m2"))
    house.held.forget()
    assert house.states == []
