"""A helper program for the tests of ``Child``: does on request what helper programs should not do."""

import os
import signal
import subprocess
import sys
import time

from marotte.engines.program import Request, serve


def handle(request: Request) -> None:
    what = request.header["do"]
    if what == "echo":
        request.send({"got": request.header, "environment": sorted(os.environ)}, request.payload)
    elif what == "count":
        for number in range(request.header["to"]):
            if request.cancelled:
                print("stopped at", number, file=sys.stderr, flush=True)
                return
            request.send({"number": number}, b"x" * 1_000)
            time.sleep(request.header.get("every", 0))
    elif what == "sum":
        request.send({"sum": sum(len(payload) for _, payload in request.more()), "cancelled": request.cancelled})
    elif what == "fail":
        raise KeyError("no such thing")
    elif what == "crash":
        print("about to fall over", file=sys.stderr, flush=True)
        os._exit(3)
    elif what == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    elif what == "hang":
        request.send({"hanging": True})
        time.sleep(60)
    elif what == "print":
        print("this is no frame")
        request.send({"printed": True})
    elif what == "garbage":
        request._out.write(b"\xff\xfegarbage" * 10_000)
        request._out.flush()
        time.sleep(60)
    elif what == "offspring":
        request.send({"pid": subprocess.Popen(["sleep", "60"]).pid})
        time.sleep(60)


if __name__ == "__main__":
    if "crash" in sys.argv:
        sys.exit("cannot start today")
    if "silent" in sys.argv:
        time.sleep(60)
    if "slow" in sys.argv:  # to load: until there is a file of this name
        while not os.path.exists(sys.argv[-1]):
            time.sleep(0.01)
    serve(handle, version=7)
