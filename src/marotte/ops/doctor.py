"""The doctor: what is installed and configured here, and how to mend what is not."""

import os
import platform
import shutil
import sys
from collections.abc import Callable
from typing import get_args

from marotte import config
from marotte.engines import registry
from marotte.engines.kinds import Kind, Kit

_ENOUGH_DISK = 500_000_000


async def examine(show: config.Show, kit: Kit, tell: Callable[[str], None]) -> bool:
    """Tell, a line each, what is well and what is not, with its remedy; returns whether the show can go on."""
    well = True

    def say(good: bool, what: str, remedy: str = "", *, needed: bool = True) -> None:
        nonlocal well
        well = well and (good or not needed)
        tell(f"  {'✓' if good else ('✗' if needed else '–')} {what}{f': {remedy}' if remedy and not good else ''}")

    tell(f"Python {platform.python_version()} on {platform.platform()}")
    say(sys.version_info >= (3, 11), "Python 3.11 or newer", "install a newer Python")
    data = config.data_dir()
    _examine_folder(say)
    for kind in get_args(Kind):
        tell(f"{kind}s, in the order in which they are tried")
        try:
            engines = registry.build(kind, show, kit)
        except config.ShowError as error:
            say(False, str(error))
            continue
        missing = [type(b.engine).check(b.settings, kit) for b in engines]
        for built, remedy in zip(engines, missing, strict=True):
            say(not remedy, built.name, remedy, needed=False)
        say(not all(missing), f"at least one {kind} works", "install marotte[embedded]")
    tell("links")
    for name, channel in show.irc.items():
        say(
            not channel.secret or channel.secret in kit.secrets,
            f"irc {name}: {channel.host}:{channel.port}",
            f"set {channel.secret} in the environment or in .env",
        )
    if not show.irc:
        say(True, "none in this show")
    tell(f"data in {data}")
    return well


def _examine_folder(say: Callable[..., None]) -> None:
    data = config.data_dir()
    place = data
    while not place.exists():
        place = place.parent
    say(os.access(place, os.W_OK), f"{data} can be written", "change its owner, or set MAROTTE_DATA_DIR")
    free = shutil.disk_usage(place).free
    say(free > _ENOUGH_DISK, f"{free / 1e9:.1f} GB of disk are free", "make room")
