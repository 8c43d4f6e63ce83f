"""The streamer's show: valid as it stands, and with every platform that it offers."""

import re

from marotte import config
from marotte.cli import shows

_OFFERED = re.compile(r"^# (?=\[\w+\]$|\w+ = )", re.MULTILINE)


def test_it_does_nothing_on_any_platform_until_it_is_told_to() -> None:
    show = config.load(shows()["streamer"])
    assert (show.twitch, show.youtube, show.tiktok, show.discord, show.irc) == (None, None, None, None, {})
    assert show.moderation.people.on
    assert show.moderation.people.rehearse


def test_it_is_valid_where_the_signs_are_taken_away() -> None:
    written = shows()["streamer"].read_text("utf-8")
    given = _OFFERED.sub("", written).replace('"the id of your application"', '"abc"')
    show = config.parse(given)
    assert show.twitch
    assert show.youtube
    assert show.tiktok
    assert show.discord
    assert (show.twitch.client_id, show.tiktok.user, show.discord.operators) == ("abc", "@yourname", ("streamer",))
