"""The local YouTube by itself: it prints its addresses, and a viewer chats every few seconds."""

import argparse
import asyncio

from tests.servers.youtube import SCOPE, YouTubeServer


async def _serve(port: int, every: float) -> None:
    async with YouTubeServer(port=port) as youtube:
        print(youtube.url, flush=True)
        print(f"chat {youtube.chat_id}, video {youtube.video_id}, token {youtube.grant(SCOPE).access}", flush=True)
        number = 0
        while True:
            await asyncio.sleep(every)
            number += 1
            youtube.chat("Ada", f"Good evening, for the {number}. time!")


def main() -> None:
    """Run until it is stopped; the first line of output is the address."""
    parser = argparse.ArgumentParser(prog="python -m tests.servers.youtube", description=__doc__)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--every", type=float, default=5.0, help="seconds between two messages of a viewer")
    given = parser.parse_args()
    try:
        asyncio.run(_serve(given.port, given.every))
    except KeyboardInterrupt:
        pass


if __name__ == "__main__":
    main()
