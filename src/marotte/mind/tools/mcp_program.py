"""An MCP server that is a program of ours: its standard input and output as the SDK wants them.

One JSON-RPC message a line (https://modelcontextprotocol.io/specification, transports: stdio). The SDK's own transport
takes lines of any length and needs up to six undisturbed seconds to end a program that will not; here a line is
bounded, and whatever ends us ends the program and all that it has started.
"""

import asyncio
import os
import signal
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream
    from mcp.shared.message import SessionMessage

    Read = MemoryObjectReceiveStream[SessionMessage | Exception]
    Write = MemoryObjectSendStream[SessionMessage]

LARGEST_MESSAGE = 16_000_000
"""Bytes of one message; a program that sends more is lost."""
GOODBYE = 0.5
"""Seconds in which a program must end once nobody speaks to it any more."""


@asynccontextmanager
async def program(command: Sequence[str], more: Mapping[str, str]) -> "AsyncGenerator[tuple[Read, Write]]":
    """Start a program and give the way to it and back; ``more`` is added to the least environment that it needs.

    Raises OSError where it cannot be started.
    """
    import anyio
    from mcp.client.stdio import get_default_environment
    from mcp.shared.message import SessionMessage

    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env=get_default_environment() | dict(more),
        start_new_session=True,
        limit=LARGEST_MESSAGE,
    )
    came, read = anyio.create_memory_object_stream[SessionMessage | Exception](0)
    write, goes = anyio.create_memory_object_stream[SessionMessage](0)
    tasks = [asyncio.create_task(_listen(process, came)), asyncio.create_task(_speak(process, goes))]
    try:
        yield read, write
    finally:
        for task in tasks:
            task.cancel()
        for stream in (came, read, write, goes):
            stream.close()
        await _end(process)


async def _listen(
    process: asyncio.subprocess.Process, came: "MemoryObjectSendStream[SessionMessage | Exception]"
) -> None:
    """Pass on what the program says, until it ends or says too much at once."""
    from mcp.shared.message import SessionMessage
    from mcp_types import jsonrpc_message_adapter

    assert process.stdout is not None
    with came:
        while True:
            try:
                line = await process.stdout.readline()
            except ValueError:
                await came.send(ValueError(f"a message of more than {LARGEST_MESSAGE} bytes"))
                return
            if not line:
                return
            try:
                await came.send(SessionMessage(jsonrpc_message_adapter.validate_json(line, by_name=False)))
            except ValueError:
                continue  # programs print all sorts of things: what is no message is passed over


async def _speak(process: asyncio.subprocess.Process, goes: "MemoryObjectReceiveStream[SessionMessage]") -> None:
    """Tell the program what is for it."""
    assert process.stdin is not None
    with goes, suppress(ConnectionError):
        async for message in goes:
            process.stdin.write(message.message.model_dump_json(by_alias=True, exclude_unset=True).encode() + b"\n")
            await process.stdin.drain()


async def _end(process: asyncio.subprocess.Process) -> None:
    """Let the program end by itself, for a moment; then end it, and all that it has started."""
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.close()
    try:
        async with asyncio.timeout(GOODBYE):
            await process.wait()
    except TimeoutError:
        pass
    finally:
        with suppress(ProcessLookupError, PermissionError):
            if hasattr(os, "killpg"):
                os.killpg(process.pid, signal.SIGKILL)
            else:
                process.kill()
    # One that was killed is gone at once; its pipe is closed once it is read to its end.
    with suppress(TimeoutError):
        async with asyncio.timeout(GOODBYE):
            while await process.stdout.read(LARGEST_MESSAGE):
                pass
            await process.wait()
