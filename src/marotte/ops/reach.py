"""Whether a server can be reached from here: its name, and a TCP connection."""

import asyncio
import contextlib
import os
import socket
import threading
import time
from typing import Any

from marotte.ops.findings import Check, Figure

_WITHIN = 6.0


async def reach(name: str, host: str, port: int) -> Check:
    """Find a server's address and connect to it; nothing is said to it."""
    began = time.monotonic()
    try:
        async with asyncio.timeout(_WITHIN):
            found = await _look_up(host, port)
            named = time.monotonic()
            _, writer = await _connect(found)
            connected = time.monotonic()
    except TimeoutError:
        remedy = "look whether host and port are right and no firewall is in the way"
        return Check(name=name, state="bad", detail=f"{host}:{port}: no answer within {_WITHIN:g} s", remedy=remedy)
    except socket.gaierror as error:
        remedy = "correct the host's name, or look whether this machine is online"
        return Check(name=name, state="bad", detail=f"{host}: {error.strerror}", remedy=remedy)
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else str(error)
        remedy = "start that server, or correct host and port"
        return Check(name=name, state="bad", detail=f"{host}:{port}: {reason}", remedy=remedy)
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()
    return Check(
        name=name,
        detail=f"{host}:{port} can be reached",
        figures=(
            Figure(name="name", value=round((named - began) * 1e3, 1), unit="ms"),
            Figure(name="connection", value=round((connected - named) * 1e3, 1), unit="ms"),
        ),
    )


async def _connect(found: list[Any]) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Connect to the first of a name's addresses that answers. Raises OSError."""
    failed: OSError | None = None
    for family, _, _, _, address in found:
        try:
            return await asyncio.open_connection(address[0], address[1], family=family)
        except OSError as error:
            failed = error
    raise failed or OSError("the name has no address")


async def _look_up(host: str, port: int) -> list[Any]:
    """Ask for a name's addresses in a thread that nobody waits for: a resolver may hang long after the deadline."""
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[list[Any]] = loop.create_future()

    def settle(found: list[Any] | None, error: OSError | None) -> None:
        if answer.done():
            return
        if error is not None:
            answer.set_exception(error)
        else:
            answer.set_result(found or [])

    def ask() -> None:
        try:
            found, error = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM), None
        except OSError as failed:
            found, error = None, failed
        with contextlib.suppress(RuntimeError):  # the loop has ended meanwhile
            loop.call_soon_threadsafe(settle, found, error)

    threading.Thread(target=ask, name="resolver", daemon=True).start()
    return await answer
