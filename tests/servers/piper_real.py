"""Piper's own HTTP server as a program, for voices of ``scripted_piper``; it wants ``flask``."""

import asyncio
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from tests.waiting import PATIENCE, until


@asynccontextmanager
async def piper_server(folder: Path, voice: str) -> AsyncIterator[str]:
    """Run the server with the voices of a folder, of which ``voice`` is its usual one, and give its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with (folder / "log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "piper.http_server", "-m", voice, "--host", "127.0.0.1", "--port", str(port),
            "--data-dir", str(folder), cwd=folder, stdout=log, stderr=log,
        )  # fmt: skip
    try:

        def listens() -> bool:
            assert process.returncode is None, (folder / "log").read_text()
            with socket.socket() as probe:
                return probe.connect_ex(("127.0.0.1", port)) == 0

        await until(listens, "Piper's server to listen", PATIENCE * 2)
        yield f"http://127.0.0.1:{port}"
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
