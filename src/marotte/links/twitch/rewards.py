"""The rewards that the show wants on its channel: they are made, changed and put away as the show says.

https://dev.twitch.tv/docs/api/reference/#create-custom-rewards, #get-custom-reward, #update-custom-reward
"""

import logging
from collections.abc import Callable, Mapping
from typing import Any, cast

from marotte.config_pastimes import Reward
from marotte.links.link import Passing
from marotte.links.twitch.helix import Denied, Helix, listed
from marotte.links.twitch.login import AGAIN
from marotte.ports import Standing
from marotte.time import Clock

log = logging.getLogger(__name__)

LOOKS = 2.0
"""Seconds between two looks whether the show says something else of its rewards."""
LATER = 20.0
"""Seconds after which what something passing was in the way of is tried again."""
PATH = "channel_points/custom_rewards"
_LIMITS = {
    "per_stream": ("max_per_stream_setting", "is_max_per_stream_enabled", "max_per_stream"),
    "per_viewer": ("max_per_user_per_stream_setting", "is_max_per_user_per_stream_enabled", "max_per_user_per_stream"),
    "cooldown": ("global_cooldown_setting", "is_global_cooldown_enabled", "global_cooldown_seconds"),
}
"""Of each limit the table in which Twitch tells it, and by which words it is set: whether it counts, and how much."""
_PLAINLY = {
    "DUPLICATE_REWARD": "the channel has a reward of that name that was made by hand or by another program: it is"
    " answered, but only who made it can close its redemptions; delete it there and connect anew, and it is made here",
    "TOO_MANY_REWARDS": "the channel has as many rewards as Twitch allows, 50, counting those that are hidden",
    "AUTOMOD": "Twitch does not let its name or what it asks pass",
}
"""What Twitch's reasons mean, by a part of them."""
_NO_POINTS = "the channel has no channel points: Twitch gives them to affiliates and partners"
_HIDDEN = {"is_enabled": False}


class Rewards:
    """Keeps the rewards that this application made as the show wants them; those of others it leaves alone."""

    def __init__(self, wanted: Callable[[], Mapping[str, Reward]], clock: Clock, news: Callable[[], None]) -> None:
        """``wanted`` returns what the show says of its rewards now; ``news`` is called once they were looked after."""
        self.made: set[str] = set()
        """The titles of those that are on the channel as the show wants them."""
        self.refused: dict[str, str] = {}
        """Those that are not, by their titles, and why."""
        self._wanted, self._clock, self._news = wanted, clock, news

    def standing(self, owner: bool) -> list[Standing]:
        """Return how they stand; ``owner``: whether the account that is signed in is the channel's own."""
        costly = _costly(self._wanted())
        if costly and not owner:
            return [Standing("rewards", False, f"only the channel's own account makes them; {AGAIN}, as the channel")]
        made = f"{len(self.made)} made by this program, which closes their redemptions"
        refused = [Standing(f'reward "{title}"', False, why) for title, why in self.refused.items()]
        return [*([Standing("rewards", True, made)] if self.made else []), *refused]

    async def keep(self, helix: Helix, channel: str) -> None:
        """Make them so, and again whenever the show has changed, until cancelled. ``channel`` is its id."""
        had: Mapping[str, Reward] | None = None
        while True:
            if (wanted := self._wanted()) != had:
                before, had = self.refused, wanted if await self._tried(helix, channel, wanted) else None
                for title in self.refused if self.refused != before else ():
                    log.warning("twitch: the reward %r is not as the show wants it: %s", title, self.refused[title])
                self._news()
            await self._clock.sleep(LATER if had is None else LOOKS)

    async def _tried(self, helix: Helix, channel: str, wanted: Mapping[str, Reward]) -> bool:
        """Make them so as far as Twitch lets us; returns whether nothing passing was in the way."""
        self.made, self.refused = set(), {}
        try:
            await self._agree(helix, {"broadcaster_id": channel}, wanted)
        except Denied as error:
            self.refused = dict.fromkeys(_costly(wanted), _plainly(error))
        except Passing as error:
            for title in _costly(wanted).keys() - self.made - self.refused.keys():
                self.refused[title] = f"{error}; it is tried again"
            return False
        return True

    async def _agree(self, helix: Helix, query: Mapping[str, str], wanted: Mapping[str, Reward]) -> None:
        """Make what is missing, change what differs, hide what nobody wants. Raises Denied, Passing."""
        ours = _by_title(listed(await helix.ask("GET", PATH, {**query, "only_manageable_rewards": "true"})))
        titles = {title.casefold() for title in wanted}
        for name, found in ours.items():  # first, so that nobody redeems what nobody answers
            if name not in titles and found.get("is_enabled"):
                await self._one(helix, "PATCH", {**query, "id": found["id"]}, found["title"], _HIDDEN)
        for title, reward in _costly(wanted).items():
            body, found = _body(title, reward), ours.get(title.casefold())
            if found is None:
                done = await self._one(helix, "POST", query, title, body)
            elif any(_told(found, key) != value for key, value in body.items()):
                done = await self._one(helix, "PATCH", {**query, "id": found["id"]}, title, body)
            else:
                done = True
            if done:
                self.made.add(title)

    async def _one(self, helix: Helix, method: str, query: Mapping[str, str], title: str, body: object) -> bool:
        """Make or change one reward; returns whether Twitch let us. Raises Passing."""
        try:
            await helix.ask(method, PATH, query, body)
        except Denied as error:
            self.refused[title] = _plainly(error)
            return False
        deed = "hidden" if body is _HIDDEN else "made" if method == "POST" else "changed"
        log.info("twitch: the reward %r is %s", title, deed)
        return True


def _costly(wanted: Mapping[str, Reward]) -> dict[str, Reward]:
    """Return the rewards that are ours to make."""
    return {title: reward for title, reward in wanted.items() if reward.cost}


def _by_title(found: list[Any]) -> dict[str, dict[str, Any]]:
    """Return Twitch's rewards by their titles, in which it takes capital and small letters for the same."""
    rewards: dict[str, dict[str, Any]] = {}
    for one in found:
        match one:
            case {"id": str(), "title": str(title)}:
                rewards[title.casefold()] = cast("dict[str, Any]", one)
            case _:
                pass
    return rewards


def _body(title: str, reward: Reward) -> dict[str, Any]:
    """Return what Twitch is told of a reward; its picture, its colour and whether it rests are the streamer's."""
    body: dict[str, Any] = {
        "title": title,
        "cost": reward.cost,
        "prompt": reward.asks,
        "is_user_input_required": bool(reward.asks),
        "is_enabled": True,
        "should_redemptions_skip_request_queue": False,  # else they are fulfilled before anybody has heard of them
    }
    for key, (_, counts, number) in _LIMITS.items():
        limit: int = getattr(reward, key)
        body |= {counts: True, number: limit} if limit else {counts: False}
    return body


def _told(found: Mapping[str, Any], key: str) -> Any:
    """Return what Twitch tells of a reward under the name by which it is set."""
    for table, counts, number in _LIMITS.values():
        if key in (counts, number):
            limit = cast("Any", found.get(table))
            name = "is_enabled" if key == counts else number
            return cast("dict[str, Any]", limit).get(name) if isinstance(limit, dict) else None
    return found.get(key)


def _plainly(error: Denied) -> str:
    """Say in plain words why Twitch refuses."""
    if error.status == 403:
        return _NO_POINTS
    return next((told for part, told in _PLAINLY.items() if part in error.said.upper()), str(error))
