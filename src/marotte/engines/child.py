"""Child processes: one helper program each, for libraries that block, burn the processor or carry another licence."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import suppress
from typing import Any, Literal

from marotte.engines.frames import LARGEST_HEADER, frame, parse_header
from marotte.engines.kinds import EngineError, EngineUnavailable

_KEPT = ("HOME", "LANG", "LC_ALL", "LC_CTYPE", "LD_LIBRARY_PATH", "PATH", "TMPDIR", "TZ", "XDG_CACHE_HOME")
_GRACE = 1.0
"""Seconds in which a program must end a request that was cancelled."""
_WAITING = 32
"""Requests that may wait for their turn."""
_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 30.0
"""Seconds until a program is started again after its second death in a row, and at most after many."""
_DEATH = 0.5
"""Seconds that the end of a program is waited for. One that was killed is gone within tens of milliseconds, even with
hundreds of megabytes on a busy machine; one that is stuck in the system must hold up neither a turn nor a shutdown."""

Frame = tuple[dict[str, Any], bytes]


def resident(pid: int | Literal["self"] = "self") -> int:
    """Return a process's resident memory in bytes; 0 where the system does not say."""
    try:
        with open(f"/proc/{pid}/statm", encoding="ascii") as statm:
            return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, IndexError):
        return 0


class Child:
    """One helper program: started when it is first needed, started anew after it died, ended with this process.

    It is given its time to start though whoever asked waits no longer: the next request finds it ready, or starting.

    The program runs ``python -m module arguments…`` with this process's import path, in a session of its own, and
    serves requests with ``marotte.engines.program.serve``, where the frames are described. It gets no secrets: its
    environment is reduced to what a program needs to run, and nothing else reaches it but its requests.
    """

    def __init__(self, name: str, module: str, arguments: Sequence[str] = (), start_within: float = 10.0) -> None:
        """``name`` is for error messages; ``start_within`` are the seconds in which the program must be ready."""
        self.name = name
        self.ready: dict[str, Any] = {}
        """What the program said of itself when it was ready."""
        self._command = (sys.executable, "-X", "utf8", "-P", "-m", module, *arguments)
        self._start_within = start_within
        self._turn = asyncio.Lock()
        self._waiting = 0
        self._number = 0
        self._running: _Running | None = None
        self._starting: asyncio.Task[_Running] | None = None
        self._deaths = 0
        self._not_before = 0.0
        self._closed = False
        self._settling: asyncio.Task[None] | None = None

    @property
    def pid(self) -> int:
        """The process id; 0 while it does not run."""
        return self._running.process.pid if self._running else 0

    def memory(self) -> int:
        """Return the resident memory in bytes; 0 where it does not run or the system does not say."""
        return resident(self.pid) if self.pid else 0

    async def start(self) -> None:
        """Start the program now, so that the first request finds it ready. Raises as ``request`` does."""
        async with self._turn:
            await self._started()

    async def request(
        self, header: dict[str, Any], payload: bytes = b"", more: AsyncIterator[Frame] | None = None
    ) -> AsyncGenerator[Frame]:
        """Ask the program and yield its answers; ``more`` are frames that follow the request while it is answered.

        Requests are served one after another. Closing the generator cancels the request without waiting for it; a
        program that does not obey within a second is killed. Raises EngineUnavailable where the program cannot be
        started or too many requests wait, EngineError where the program fails or dies, ValueError where a frame is
        too large.
        """
        if self._waiting >= _WAITING:
            raise EngineUnavailable(f"{self.name}: {self._waiting} requests wait already")
        number = self._number = self._number + 1
        data = frame({**header, "request": number, **({"more": True} if more else {})}, payload)
        self._waiting += 1
        try:
            await self._turn.acquire()
        finally:
            self._waiting -= 1
        running, pump, ended = None, None, False
        try:
            running = await self._started()
            await running.write(data)
            pump = asyncio.create_task(_pump(running, number, more)) if more else None
            while not ended:
                answer, sound = await running.read()
                if answer.pop("id", None) != number:
                    continue
                if "error" in answer:
                    ended = True
                    raise EngineError(f"{self.name}: {answer['error']}")
                ended = bool(answer.pop("end", False))
                if answer or sound or not ended:
                    yield answer, sound
            self._deaths = 0
            if pump and pump.done() and (error := pump.result()):
                raise error
        except _DiedError as error:
            ended = True
            await self._died(running)
            raise EngineError(f"{self.name}: {error}") from None
        finally:
            if pump:
                pump.cancel()
            if ended or running is None:
                self._turn.release()
            else:
                self._settling = asyncio.create_task(self._settle(running, number))

    async def close(self) -> None:
        """End the program and all it started, within half a second; later requests are refused."""
        self._closed = True
        if self._starting:
            self._starting.cancel()
        if self._running:
            await self._running.kill()
            self._running = None
        if ending := {task for task in (self._starting, self._settling) if task}:
            await asyncio.wait(ending, timeout=_DEATH)

    async def _started(self) -> "_Running":
        """Return the running program, started where it does not run; who is cancelled meanwhile leaves it to start."""
        if self._closed:
            raise EngineUnavailable(f"{self.name}: it was closed")
        if self._starting is None or self._starting.done():
            if self._running and self._running.process.returncode is None:
                return self._running
            if self._running:
                await self._died(self._running)
            if (pause := self._not_before - asyncio.get_running_loop().time()) > 0:
                raise EngineUnavailable(f"{self.name}: died {self._deaths} times; it is started again in {pause:.1f} s")
            self._starting = asyncio.create_task(self._start())
            self._starting.add_done_callback(_seen)
        starting = self._starting
        await asyncio.wait({starting})
        if starting.cancelled():
            raise EngineUnavailable(f"{self.name}: it was closed")
        return starting.result()

    async def _start(self) -> "_Running":
        """Start the program and wait until it is ready; only closing cuts this short."""
        try:
            self._running = running = await _Running.start(self._command)
        except OSError as error:
            raise EngineUnavailable(f"{self.name}: cannot start {self._command[0]}: {error}") from None
        try:
            async with asyncio.timeout(self._start_within):
                self.ready, _ = await running.read()
            if not self.ready.pop("ready", False):
                raise _DiedError("it did not say that it is ready")
        except (TimeoutError, _DiedError) as error:
            await self._died(running)
            why = str(error) or f"not ready within {self._start_within:g} s{running.last_words()}"
            raise EngineUnavailable(f"{self.name}: {why}") from None
        except BaseException:
            self._running = None
            await running.kill()
            raise
        return running

    async def _died(self, running: "_Running | None") -> None:
        """Clear away a program that is of no use any more; the more often in a row, the longer until the next."""
        if running is None or self._running is not running:
            return
        self._running = None
        self._deaths += 1
        pause = 0.0 if self._deaths == 1 else min(_LONGEST_PAUSE, _FIRST_PAUSE * 2.0 ** (self._deaths - 2))
        self._not_before = asyncio.get_running_loop().time() + pause
        await running.kill()

    async def _settle(self, running: "_Running", number: int) -> None:
        """Wait until the program has ended a cancelled request, else kill it; then let the next request have it."""
        try:
            async with asyncio.timeout(_GRACE):
                await running.write(frame({"cancel": number}))
                ended = False
                while not ended:
                    answer, _ = await running.read()
                    ended = answer.get("id") == number and ("end" in answer or "error" in answer)
        except (TimeoutError, _DiedError):
            if self._running is running:
                self._running = None
            await running.kill()
        finally:
            self._turn.release()


def _seen(starting: "asyncio.Task[_Running]") -> None:
    """Take notice of how a start has ended, which nobody may wait for any more."""
    if not starting.cancelled():
        starting.exception()


async def _pump(running: "_Running", number: int, more: AsyncIterator[Frame]) -> Exception | None:
    """Send the frames that follow a request; if their source fails, ask the program to end it and return the error."""
    try:
        async for header, payload in more:
            await running.write(frame({**header, "follow": number}, payload))
        await running.write(frame({"follow": number, "end": True}))
        return None
    except _DiedError:
        return None  # the reader of the answers tells it, with the last words
    except Exception as error:
        with suppress(_DiedError):
            await running.write(frame({"cancel": number}))
        return error


class _DiedError(Exception):
    """The program ended or speaks no frames."""


class _Running:
    """One life of a program: its process and its pipes."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        self.process = process
        self._in, self._out = process.stdin, process.stdout
        self._header: tuple[dict[str, Any], int] | None = None
        self._last = b""
        self._ending = False
        self._listening = asyncio.create_task(self._listen(process.stderr))

    @classmethod
    async def start(cls, command: Sequence[str]) -> "_Running":
        environment = {name: os.environ[name] for name in _KEPT if name in os.environ}
        environment["PYTHONPATH"] = os.pathsep.join(path for path in sys.path if path)
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=pipe,
            stdout=pipe,
            stderr=pipe,
            env=environment,
            start_new_session=True,
            limit=LARGEST_HEADER,
        )
        return cls(process)

    async def write(self, data: bytes) -> None:
        try:
            self._in.write(data)
            await self._in.drain()
        except (ConnectionError, RuntimeError):
            raise _DiedError(await self._epitaph()) from None

    async def read(self) -> Frame:
        """Return the next frame. May be cancelled at any point without losing the place in the stream."""
        if self._ending:
            raise _DiedError("it was ended")
        try:
            if self._header is None:
                self._header = parse_header(await self._out.readuntil(b"\n"))
            header, length = self._header
            payload = await self._out.readexactly(length) if length else b""
        except asyncio.IncompleteReadError:
            raise _DiedError(await self._epitaph()) from None
        except (ValueError, asyncio.LimitOverrunError) as error:
            self.signal()
            raise _DiedError(f"it speaks no frames: {error}{self.last_words()}") from None
        self._header = None
        return header, payload

    def last_words(self) -> str:
        """Return the end of what the program wrote to standard error, as the end of a sentence."""
        text = " | ".join(self._last.decode("utf-8", "replace").split("\n")[-4:]).strip(" |")
        return f"; it last said: {text[-500:]}" if text else ""

    def signal(self) -> None:
        """Kill the program and all it started, without waiting."""
        if self.process.returncode is None:
            try:
                os.killpg(self.process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass

    async def kill(self) -> None:
        """Kill the program and all it started; waits for the end of it for up to half a second."""
        self._ending = True
        self.signal()
        self._in.close()
        try:
            async with asyncio.timeout(_DEATH):
                with suppress(RuntimeError):  # somebody still waits for its answer and will see its end
                    while await self._out.read(LARGEST_HEADER):
                        pass
                await self.process.wait()
                await asyncio.wait({self._listening})
        except TimeoutError:
            pass

    async def _epitaph(self) -> str:
        """Say how the program ended."""
        try:
            async with asyncio.timeout(_DEATH):
                status = await self.process.wait()
                await asyncio.wait({self._listening})
        except TimeoutError:
            return f"it closed its output{self.last_words()}"
        how = f"was killed by signal {-status}" if status < 0 else f"ended with status {status}"
        return f"the program {how}{self.last_words()}"

    async def _listen(self, errors: asyncio.StreamReader) -> None:
        while piece := await errors.read(4_096):
            self._last = (self._last + piece)[-4_000:].rstrip(b"\n") + b"\n"
