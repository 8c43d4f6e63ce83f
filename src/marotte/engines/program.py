"""The child's side of ``Child``: serves one request after another over its standard input and output.

A program calls ``serve(handle)``; ``handle`` gets each request in the main thread and sends its answers. It runs on the
standard library alone and imports as little of it as it can.

What is spoken, frame by frame:

- the program first sends ``{"ready": true, …}``;
- a request is ``{"request": 1, …}``, by its number; with ``"more": true`` it is followed by frames
  ``{"follow": 1, …}``, the last of which says ``"end": true``;
- the program answers with any number of ``{"id": 1, …}`` and ends with ``{"id": 1, "end": true, …}``, or, where it
  failed, with ``{"id": 1, "error": "…"}``;
- ``{"cancel": 1}`` asks it to end that request at once, with the ordinary end.
"""

import os
import sys
import threading
from collections import deque

from marotte.engines.frames import LARGEST_PAYLOAD, read_frame, write_frame

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any, BinaryIO

    Frame = tuple[dict[str, Any], bytes]


class Request:
    """One request: what it asks for, what follows it, and where its answers go."""

    def __init__(self, header: "dict[str, Any]", payload: bytes, out: "BinaryIO") -> None:
        self.id: int = header.pop("request")
        self._complete: bool = not header.pop("more", False)
        self.header = header
        self.payload = payload
        self.cancelled = False
        """Look at it often: nobody waits for the answer any more, and the program is killed if it goes on for long."""
        self._out = out
        self._frames: deque[Frame] = deque()
        self._ahead = 0
        self._changed = threading.Condition()

    def send(self, header: "dict[str, Any]", payload: bytes = b"") -> None:
        """Answer with a frame; waits while the pipe is full."""
        write_frame(self._out, {"id": self.id, **header}, payload)

    def more(self) -> "Iterator[Frame]":
        """Yield the frames that follow the request, as they come, until the last one or until it is cancelled.

        Raises ValueError where they come so much faster than they are used that 64 MB wait.
        """
        while True:
            with self._changed:
                while not (self._frames or self._complete or self.cancelled):
                    self._changed.wait()
                if self._ahead > LARGEST_PAYLOAD:
                    raise ValueError("the frames that follow come faster than they are used")
                if self.cancelled or not self._frames:
                    return
                item = self._frames.popleft()
                self._ahead -= len(item[1])
            yield item

    def take(self, header: "dict[str, Any]", payload: bytes) -> None:
        """Add a frame that follows the request."""
        with self._changed:
            self._complete = self._complete or bool(header.pop("end", False))
            if (header or payload) and self._ahead <= LARGEST_PAYLOAD:
                self._frames.append((header, payload))
                self._ahead += len(payload)
            self._changed.notify()

    def cancel(self) -> None:
        """Ask the handler to stop."""
        with self._changed:
            self.cancelled = True
            self._changed.notify()


def serve(handle: "Callable[[Request], None]", **ready: object) -> None:
    """Serve requests until standard input ends; ``ready`` is told to the parent first.

    What libraries print goes to standard error. An exception in ``handle`` fails that request only.
    """
    die_with_parent()
    out = os.fdopen(os.dup(1), "wb", buffering=65_536)
    os.dup2(2, 1)
    requests: deque[Request] = deque()
    arrived = threading.Semaphore(0)
    write_frame(out, {"ready": True, **ready})
    threading.Thread(target=_read, args=(requests, arrived, out), daemon=True).start()
    while True:
        arrived.acquire()
        _answer(requests[0], handle)
        requests.popleft()


def _answer(request: Request, handle: "Callable[[Request], None]") -> None:
    try:
        if not request.cancelled:
            handle(request)
        request.send({"end": True})
    except BrokenPipeError:
        os._exit(0)
    except Exception as error:
        request.send({"error": f"{type(error).__name__}: {error}"[:1_000]})


def _read(requests: "deque[Request]", arrived: threading.Semaphore, out: "BinaryIO") -> None:
    """Take in frames beside the handler, so that a cancel is seen at once; end the process when the parent is gone."""
    status = 0
    try:
        while item := read_frame(sys.stdin.buffer):
            header, payload = item
            if "request" in header:
                requests.append(Request(header, payload, out))
                arrived.release()
                continue
            cancel = "cancel" in header
            number = header.pop("cancel" if cancel else "follow", None)
            request = next((request for request in tuple(requests) if request.id == number), None)
            if request and cancel:
                request.cancel()
            elif request:
                request.take(header, payload)
    except ValueError as error:
        print(f"the parent sent what is no frame: {error}", file=sys.stderr, flush=True)
        status = 2
    os._exit(status)


def die_with_parent() -> None:
    """Ask Linux to end this process when its parent ends; elsewhere the end of standard input does it."""
    if sys.platform == "linux":
        import ctypes
        import signal

        ctypes.CDLL(None).prctl(1, int(signal.SIGKILL))  # PR_SET_PDEATHSIG: prctl(2)
