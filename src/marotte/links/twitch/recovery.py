"""What a gap can be asked for afterwards: redemptions that wait to be fulfilled, and whether the stream is on.

https://dev.twitch.tv/docs/api/reference/#get-custom-reward-redemption, #get-streams
"""

from typing import Any, cast

from marotte.links.link import Passing
from marotte.links.twitch.frames import RedemptionEvent, redemptions
from marotte.links.twitch.helix import Helix, first, listed
from marotte.links.twitch.percepts import seconds
from marotte.time import Clock

MARGIN = 60.0
"""Seconds by which the clocks may differ; what was heard before is known by its id."""
_TRIES = 4
_PAGES = 10


async def missed(helix: Helix, channel: str, since: float, clock: Clock) -> list[RedemptionEvent]:
    """Return the redemptions since a time of the wall clock that wait, the oldest first. Raises Denied, Passing.

    Twitch lists only those of rewards that this application made.
    """
    for attempt in range(_TRIES):
        try:
            return await _missed(helix, channel, since)
        except Passing as error:
            if attempt == _TRIES - 1:
                raise
            await clock.sleep(max(error.wait, 0.5 * 2**attempt))
    raise AssertionError


async def _missed(helix: Helix, channel: str, since: float) -> list[RedemptionEvent]:
    query = {"broadcaster_id": channel, "only_manageable_rewards": "true"}
    found: list[RedemptionEvent] = []
    for reward in listed(await helix.ask("GET", "channel_points/custom_rewards", query)):
        which: Any = cast("dict[str, Any]", reward).get("id") if isinstance(reward, dict) else None
        if not isinstance(which, str):
            continue
        wanted = {"broadcaster_id": channel, "reward_id": which, "status": "UNFULFILLED"}
        path = "channel_points/custom_rewards/redemptions"
        waiting = await helix.every(path, {**wanted, "sort": "NEWEST", "first": "50"}, _PAGES)
        found += [one for one in redemptions(waiting) if seconds(one.redeemed_at) >= since - MARGIN]
    return sorted(found, key=lambda one: seconds(one.redeemed_at))


async def on_air(helix: Helix, channel: str) -> tuple[bool, str]:
    """Return whether a channel is live, and the stream's title. Raises Denied, Passing."""
    stream = first(await helix.ask("GET", "streams", {"user_id": channel}))
    title = stream.get("title")
    return bool(stream), title[:300] if isinstance(title, str) else ""
