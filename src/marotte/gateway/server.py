"""Serves a run until it is told to stop."""

import asyncio
import contextlib
import logging
import os
import signal
import socket
import webbrowser

import uvicorn
from fastapi import FastAPI

from marotte.gateway.app import build
from marotte.gateway.guard import SHORTEST, Guard, keep_token
from marotte.gateway.lan import Lan
from marotte.gateway.running import alone, announced
from marotte.gateway.tokens import TokenError
from marotte.log import redact
from marotte.show import Run

log = logging.getLogger(__name__)

GOING_ON = 1
"""Seconds that a request which goes on has to end by itself, once the program stops."""
STOP_WITHIN = GOING_ON + 0.3
"""Seconds until the servers are left to themselves; they look only every tenth of one whether they are to stop."""


class PortTaken(Exception):
    """Nobody can listen there; the message says what to do."""


async def serve(
    run: Run, host: str, port: int, *, token: str = "", browser: bool = True, at_home: bool = False
) -> None:
    """Start a run, serve it, and stop it cleanly on SIGTERM or Ctrl-C.

    ``at_home`` opens the windows to the home network as well: HTTPS on every address, on the port after this one.
    Raises PortTaken, LanError, running.AlreadyRunning, tokens.TokenError and StoreError before anything has begun.
    """
    listener = _listen(host, port)
    async with contextlib.AsyncExitStack() as stack:
        stack.callback(listener.close)
        stack.enter_context(alone(run.data))
        lan, door = _open_door(run, stack, port) if at_home else (None, None)
        guard, new = _guard(run, host, token, outside=at_home or bool(run.show.gateway.proxies))
        stack.callback(guard.close)
        address = f"http://{_in_url(host)}:{listener.getsockname()[1]}"
        app = build(run, guard, lan)
        servers = [(_server(app, run), listener)]
        if lan is not None and door is not None:
            servers.append((_server(app, run, lan), door))
        stack.push_async_callback(run.stop)
        await run.start()
        if lan is not None:
            run.supervisor.start("home network", lan.keep)
        stack.enter_context(announced(run.data, address))
        serving = [asyncio.create_task(server.serve([heard])) for server, heard in servers]
        stopping = _stop_signal()
        _greet(run, address, guard, new=new, browser=browser)
        if lan is not None:
            _invite(lan)
        await asyncio.wait((*serving, stopping), return_when=asyncio.FIRST_COMPLETED)
        log.info("stopping")
        # While the windows are still there to say what they played last.
        await run.hush()
        for server, _ in servers:
            server.should_exit = True
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(STOP_WITHIN):
                await asyncio.gather(*serving)


def _server(app: FastAPI, run: Run, lan: Lan | None = None) -> "_Server":
    gateway = run.show.gateway
    return _Server(
        uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            ws="websockets-sansio",
            ws_max_size=4 * gateway.largest_frame,
            ws_per_message_deflate=False,
            ws_ping_interval=20,
            timeout_graceful_shutdown=GOING_ON,
            server_header=False,
            lifespan="off",
            # What a request says of where it comes from counts only where a proxy that the show names says it.
            proxy_headers=bool(gateway.proxies),
            forwarded_allow_ips=list(gateway.proxies),
            ssl_context_factory=(lambda _config, _default: lan.context) if lan else None,
        )
    )


def _open_door(run: Run, stack: contextlib.AsyncExitStack, port: int) -> tuple[Lan, socket.socket]:
    """Listen to the home network. Raises PortTaken and LanError."""
    door = _listen("0.0.0.0", port and port + 1)  # noqa: S104 - HTTPS, and nothing without a token
    stack.callback(door.close)
    return Lan(run.data, run.clock, door.getsockname()[1]), door


class _Server(uvicorn.Server):
    """Uvicorn without its own hand on the signals: they are ours."""

    @contextlib.contextmanager
    def capture_signals(self):  # pyright: ignore[reportMissingParameterType]
        yield


def _listen(host: str, port: int) -> socket.socket:
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        return socket.create_server((host.strip("[]"), port), family=family, backlog=256)
    except socket.gaierror as error:
        raise PortTaken(f"{host}:{port}: {error.strerror}; choose another with --host") from None
    except (OSError, OverflowError) as error:
        reason = os.strerror(error.errno) if isinstance(error, OSError) and error.errno else str(error)
        raise PortTaken(f"{host}:{port}: {reason}; choose another with --port") from None


def _guard(run: Run, host: str, token: str, *, outside: bool) -> tuple[Guard, bool]:
    """Make the guard with its tokens; the operator's may come from the environment.

    ``outside`` says that others than this machine reach us, whatever address we bind to: nobody is let in unasked.
    """
    host = "0.0.0.0" if outside else host  # noqa: S104 - told to the guard, not bound to
    if token and len(token) < SHORTEST:
        raise TokenError(f"MAROTTE_TOKEN: has fewer than {SHORTEST} characters, which can be guessed")
    operator, new = (token, False) if token else keep_token(run.data / "operator.token")
    viewer, _ = keep_token(run.data / "capture.token")
    redact.add((operator, viewer))
    settings = run.show.gateway
    return Guard(operator, viewer, host, run.data, run.clock, settings.origins, settings.requests), new


def _stop_signal() -> "asyncio.Future[None]":
    """Return a future that is done once somebody tells the program to stop."""
    loop = asyncio.get_running_loop()
    stopping: asyncio.Future[None] = loop.create_future()

    def stop() -> None:
        if not stopping.done():
            stopping.set_result(None)

    for number in (signal.SIGINT, signal.SIGTERM):
        with contextlib.suppress(NotImplementedError):
            loop.add_signal_handler(number, stop)
    return stopping


def _greet(run: Run, address: str, guard: Guard, *, new: bool, browser: bool) -> None:
    """Say where the windows are; the operator's token is printed once, when it is made."""
    name = run.show.character.name
    print(f"\n  {name} is awake.\n\n    talk     {address}/talk\n    stage    {address}/stage", flush=True)
    if run.show.character.drawing == "skull":
        print(f"    skull    {address}/skull", flush=True)
    if new:
        print(f"    control  {address}/control#token={guard.operator}", flush=True)
        print(f"\n  That token is the operator's. It is kept in {run.data / 'operator.token'}", flush=True)
    else:
        print(f"    control  {address}/control    (token: {run.data / 'operator.token'})", flush=True)
    print("\n  Stop with Ctrl-C.\n", flush=True)
    if browser:
        # Without a token: the address becomes an argument that everybody on this machine can read.
        asyncio.get_running_loop().run_in_executor(None, webbrowser.open, f"{address}/talk")


def _invite(lan: Lan) -> None:
    """Show how a device of the home network comes in."""
    code, _ = lan.pairing.code()
    print(f"  At home: scan this with a phone, or open {lan.url}/pair\n\n{lan.text()}", flush=True)
    print(f"  Code {code[:3]} {code[3:]}, for one device, for five minutes; the control window has the next one.")
    print(f"  Authority {lan.authority.fingerprint}\n", flush=True)


def _in_url(host: str) -> str:
    if host in ("", "0.0.0.0", "::"):  # noqa: S104
        return "127.0.0.1"
    return f"[{host}]" if ":" in host and not host.startswith("[") else host
