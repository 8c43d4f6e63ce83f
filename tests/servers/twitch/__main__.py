"""Run the local Twitch alone: it prints its addresses and a token, and does what is typed, a line each."""

import argparse
import asyncio
import inspect
import shlex
import sys

from tests.servers.twitch import CLIENT_ID, TwitchServer

ALLOWED = (
    "chat", "cheer", "follow", "subscribe", "resub", "gift", "raid", "redeem", "highlight", "hype_train", "poll",
    "prediction", "ad_break", "shoutout", "shouted_out", "stream_online", "stream_offline", "automod_hold",
    "automod_update", "ban", "unban", "delete", "clear", "warn", "fault", "heal", "approve", "deny", "expire",
    "revoke", "reconnect", "drop", "down", "up",
)  # fmt: skip


async def main() -> None:
    """Serve until the input ends or Ctrl-C."""
    parser = argparse.ArgumentParser(prog="python -m tests.servers.twitch", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--second", type=float, default=1.0, help="how long a second of the protocol lasts")
    given = parser.parse_args()
    async with TwitchServer(port=given.port, second=given.second) as twitch:
        print(f"Helix      {twitch.api}\nLogin      {twitch.id}\nEventSub   {twitch.eventsub}")
        print(f"Client-Id  {CLIENT_ID}\nToken      {twitch.grant()} of {twitch.broadcaster.login}", flush=True)
        print("Type what happens, for example: chat ada hello  |  cheer ada 100  |  fault close:4006", flush=True)
        loop = asyncio.get_running_loop()
        while line := await loop.run_in_executor(None, sys.stdin.readline):
            try:
                print(await _do(twitch, *shlex.split(line)), flush=True)
            except Exception as trouble:
                print(f"That went wrong: {type(trouble).__name__}: {trouble}", flush=True)
        await asyncio.Event().wait()  # the input has ended, as it does in the background: serve on


async def _do(twitch: TwitchServer, name: str = "", *words: str) -> object:
    if name not in ALLOWED:
        return "One of: " + " ".join(ALLOWED)
    act = getattr(twitch, name)
    wanted = [str(one.annotation) for one in inspect.signature(act).parameters.values()]
    given = (int(word) if at < len(wanted) and "int" in wanted[at] else word for at, word in enumerate(words))
    done = act(*given)
    return await done if inspect.isawaitable(done) else done


if __name__ == "__main__":
    try:
        asyncio.run(main())
    except KeyboardInterrupt:
        print()
