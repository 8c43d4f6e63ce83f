"""A show that lives on Discord alone: no windows, no other platform, the same memory."""

import asyncio
import contextlib
import signal
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from marotte.config import Show
    from marotte.show import Run


async def alone(show: "Show", data: Path, secrets: dict[str, str]) -> None:
    """Live until somebody stops the program. Raises once.Failure.

    One run at a time may use a data folder: it holds the store open, keeps the run's log, and answers what is owed from
    before. A show that runs already brings its own ``[discord]`` along.
    """
    from marotte.config import ShowError
    from marotte.gateway import running
    from marotte.links.discord.link import INSTALL
    from marotte.once import IN_THE_WAY, WRONG, Failure
    from marotte.show import Run
    from marotte.store.database import StoreError

    if show.discord is None:
        raise Failure(WRONG, f"{show.file}: has no table [discord]; docs/discord.md tells what goes in there")
    if not secrets.get(show.discord.secret):
        raise Failure(WRONG, f"there is no {show.discord.secret} in the environment; docs/discord.md tells where it is")
    if find_spec("discord") is None:
        raise Failure(WRONG, INSTALL)
    away: dict[str, Any] = {"irc": {}, "twitch": None, "youtube": None, "tiktok": None, "device": None}
    away["sight"] = show.sight.model_copy(update={"camera": ""})
    only = show.model_copy(update=away)
    secrets.pop("MAROTTE_TOKEN", "")
    try:
        with running.alone(data):
            await _live(Run(only, data, secrets))
    except ShowError as error:
        raise Failure(WRONG, str(error)) from None
    except running.AlreadyRunning:
        raise Failure(
            IN_THE_WAY,
            f"{data}: a show that runs uses this memory, and two at once would answer the same people twice. Put a"
            " table [discord] into its own show file, and it talks there as well; or set MAROTTE_DATA_DIR to"
            " give this one a memory of its own.",
        ) from None
    except StoreError as error:
        raise Failure(IN_THE_WAY, str(error)) from None
    except PermissionError as error:
        raise Failure(
            IN_THE_WAY, f"{error.filename}: {error.strerror}; set MAROTTE_DATA_DIR to another place"
        ) from None


async def _live(run: "Run") -> None:
    """Start, wait for a signal, and end cleanly."""
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        with contextlib.suppress(NotImplementedError):
            loop.add_signal_handler(number, stopping.set)
    try:
        await run.start()
        print(f"\n  {run.show.character.name} is awake on Discord. Stop with Ctrl-C.\n", flush=True)
        await stopping.wait()
        await run.hush()
    finally:
        await run.stop()
        for number in (signal.SIGINT, signal.SIGTERM):
            with contextlib.suppress(NotImplementedError):
                loop.remove_signal_handler(number)
