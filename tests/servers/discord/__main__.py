"""Starts the local Discord alone: ``.venv/bin/python -m tests.servers.discord [port]``; what is typed in happens."""

import asyncio
import sys

from . import DiscordServer


async def main(port: int) -> None:
    async with DiscordServer(port) as discord:
        print(f"api {discord.api}\ngateway {discord.gateway}\nvoice wss://{discord.endpoint} (speaks ws://)")
        print(f"token {discord.token}\nguild {discord.world.guild}")
        print("type “ada: Good evening!”, “fault drop”, or nothing to see what came")
        while line := await asyncio.to_thread(sys.stdin.readline):
            name, _, rest = line.strip().partition(" ")
            try:
                if name == "fault":
                    discord.fault(rest)
                elif name.endswith(":"):
                    discord.message(name.removesuffix(":"), rest)
            except (ValueError, PermissionError) as wrong:
                print(wrong)
            for message in discord.sent:
                print(f"  {message.author.name}: {message.content}")
            discord.sent.clear()
            print(*discord.complaints, f"{len(discord.voice.frames)} frames heard", sep="\n")


asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 0))
