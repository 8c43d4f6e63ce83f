"""The command line. Each command imports only what it needs, so that the small ones answer at once.

Exit codes: 0 done · 1 done, but the answer is "nothing" or "no" · 2 the command or the show file is wrong ·
3 something outside is in the way (a port, a file, the database) · 4 no engine could.
"""

import argparse
import asyncio
import contextlib
import os
import sys
import threading
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import marotte
from marotte.once import IN_THE_WAY, NO, OK, WRONG, Failure, kit_of
from marotte.time import new_loop

if TYPE_CHECKING:
    from marotte.config import Show
    from marotte.ops.doctor import Patient
    from marotte.ops.findings import Section


def main(arguments: list[str] | None = None) -> NoReturn:
    """Run a command and leave with its exit code."""
    options = _parser().parse_args(arguments)
    try:
        code = options.command(options)
    except Failure as failure:
        print(f"marotte: {failure}", file=sys.stderr)
        code = failure.code
    except KeyboardInterrupt:
        code = 130
    except BrokenPipeError:
        # Whoever read our output has enough of it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        code = OK
    raise SystemExit(code)


def _parser() -> argparse.ArgumentParser:
    # Long, for it is a list: a paragraph for each command.
    parser = argparse.ArgumentParser("marotte", description="Brings a character to life.")
    parser.add_argument("--version", action="version", version=f"marotte {marotte.__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(name: str, work: Callable[[argparse.Namespace], int], text: str) -> argparse.ArgumentParser:
        sub = commands.add_parser(name, help=text, description=text)
        sub.set_defaults(command=work)
        return sub

    def show(sub: argparse.ArgumentParser, *, positional: bool = False) -> None:
        sub.add_argument(
            "show" if positional else "--show",
            nargs="?" if positional else None,
            metavar="SHOW",
            help="a show file, or the name of one that comes with the program (jester, skull, streamer)",
        )

    run = command("run", _run, "Bring a character to life and serve its windows.")
    show(run, positional=True)
    run.add_argument("--host", help="address to listen on (this machine alone)")
    run.add_argument("--port", type=int, help="port to listen on; 0 takes a free one (8765)")
    run.add_argument("--lan", action="store_true", help="let the home network in, over HTTPS, on the port after it")
    run.add_argument("--no-browser", action="store_true", help="do not open a window in the browser")
    say = command("say", _say, "Say a text with the show's voice.")
    say.add_argument("text")
    say.add_argument("--language", default="", help="a language tag such as en or ja; found from the text")
    say.add_argument("--out", type=Path, metavar="WAV", help="write a file instead of playing it")
    show(say)
    ask = command("ask", _ask, "Ask the character something and print its answer.")
    ask.add_argument("text")
    show(ask)
    hear = command("hear", _hear, "Print what the show's ear understands of a recording.")
    hear.add_argument("wav", type=Path)
    hear.add_argument("--language", default="", help="the language spoken, as a tag such as en")
    show(hear)
    see = command("see", _see, "Print what the show's eyes see on a picture.")
    see.add_argument("picture", type=Path, help="a JPEG, PNG or WebP file")
    see.add_argument("--language", default="", help="the language to tell it in, as a tag such as en; the show's first")
    show(see)
    init = command("init", _init, "Write a show file to start from, with what it sets explained.")
    init.add_argument("file", nargs="?", type=Path, default=Path("show.toml"))
    init.add_argument("--character", default="jester", help="which character to start from (jester, skull, streamer)")
    init.add_argument("--force", action="store_true", help="write over a file that is there")
    doctor = command("doctor", _doctor, "Check what is installed, configured, reachable and quick, and how to mend it.")
    show(doctor, positional=True)
    doctor.add_argument("--json", action="store_true", help="print what was found as JSON")
    depth = doctor.add_mutually_exclusive_group()
    depth.add_argument("--quick", action="store_true", help="measure no engine and reach for no server")
    depth.add_argument("--engines", action="store_true", help="measure the engines alone, each several times")
    replay = command("replay", _replay, "Live through the log of a run again, and tell where it departs from it.")
    replay.add_argument("log", type=Path, help="a file of DATA/runs")
    token = command("token", _token, "List, issue and revoke the tokens by which others come in.")
    actions = token.add_subparsers(dest="action", required=True, metavar="ACTION")
    actions.add_parser("list", help="print every token: whose, for what, used when")
    new = actions.add_parser("new", help="issue a token and print it, this once")
    new.add_argument("name", help="what it is called: a person, a device, a program")
    new.add_argument("--role", choices=("operator", "moderator", "viewer", "guest"), default="viewer")
    actions.add_parser("revoke", help="void a token and close its windows").add_argument("id", help="as listed")
    login = command("login", _login, "Let the character in on a platform, by a code that you type in a browser.")
    login.add_argument("platform", choices=("twitch", "youtube", "discord"))
    login.add_argument("--forget", action="store_true", help="forget the token by which it is let in")
    show(login)
    discord = command("discord", _discord, "Live on Discord alone, without windows, with the same memory.")
    show(discord, positional=True)
    skull = command("skull", _skull, "Look after a talking skull: find how its jaw moves and how late it is.")
    calibrate = skull.add_subparsers(required=True, metavar="ACTION").add_parser(
        "calibrate", help="find the jaw's angles, direction and latency, step by step; stop Marotte first"
    )
    calibrate.add_argument("--host", default="127.0.0.1", help="address to wait for the skull at (this machine alone)")
    calibrate.add_argument("--port", type=int, default=8765, help="port to wait for the skull at (8765)")
    calibrate.add_argument(
        "--lan", action="store_true", help="wait as `run --lan` does: over HTTPS, on the port after it"
    )
    calibrate.add_argument("--simulate", action="store_true", help="try the steps without a skull")
    backup = command("backup", _archive, "Write all that is remembered, and the show file, into one archive.")
    backup.add_argument("file", nargs="?", type=Path, help="the archive; named after the moment if left out")
    restore = command("restore", _archive, "Check an archive and put what it remembers in the place of what is there.")
    restore.add_argument("file", type=Path, help="an archive that `marotte backup` wrote")
    for sub, work in ((backup, "back_up"), (restore, "restore")):
        sub.set_defaults(work=work)
        show(sub)
    return parser


# --- shows


def shows() -> dict[str, Path]:
    """Return the show files that come with the program, by name."""
    here = Path(__file__).parent
    folder = next(f for f in (here / "shows", here.parents[1] / "shows") if f.is_dir())
    return {file.stem: file for file in sorted(folder.glob("*.toml"))}


def _find_show(given: str | None) -> Path:
    if given is None:
        own = Path("show.toml")
        if own.is_file():
            return own
        given = "jester"
    return _edited(given) or shows().get(given) or Path(given)


def _edited(name: str) -> Path | None:
    """Return what the control window has made of a show that comes with the program, where it was edited there."""
    from marotte import environment

    file = environment.data_dir() / "shows" / f"{name}.toml"
    return file if name in shows() and file.is_file() else None


def _load(given: str | None) -> "Show":
    from marotte import config

    try:
        return config.load(_find_show(given))
    except config.ShowError as error:
        raise Failure(WRONG, str(error)) from None


# --- commands


def _say(options: argparse.Namespace) -> int:
    from marotte import once

    _finish(once.say(options, _load(options.show)))
    return OK


def _ask(options: argparse.Namespace) -> int:
    from marotte import environment, once
    from marotte.gateway.running import running

    address = running(environment.data_dir())
    if address is not None and options.show is None:
        return once.ask_running(options.text, address.url, environment.data_dir())
    _finish(once.ask(options.text, _load(options.show)))
    return OK


def _hear(options: argparse.Namespace) -> int:
    from marotte import once

    text = _finish(once.hear(options, _load(options.show)))
    if not text:
        raise Failure(NO, f"{options.wav}: nothing was understood")
    print(text)
    return OK


def _see(options: argparse.Namespace) -> int:
    from marotte import once

    print(_finish(once.see(options, _load(options.show))))
    return OK


def _run(options: argparse.Namespace) -> int:
    from marotte import environment, log

    show = _load(options.show)
    secrets = environment.secrets()
    data = environment.data_dir()
    try:
        log.set_up(data / "logs", secrets=secrets.values())
    except OSError as error:
        raise Failure(IN_THE_WAY, f"{data}: {error.strerror}; set MAROTTE_DATA_DIR to another place") from None
    _finish(_serve(options, show, data, secrets))
    return OK


async def _serve(options: argparse.Namespace, show: "Show", data: Path, secrets: dict[str, str]) -> None:
    from marotte import config
    from marotte.gateway.authority import LanError
    from marotte.gateway.guard import is_loopback
    from marotte.gateway.running import AlreadyRunning
    from marotte.gateway.server import PortTaken, serve
    from marotte.gateway.tokens import TokenError
    from marotte.show import Run
    from marotte.store.database import StoreError

    host = options.host or show.gateway.host
    port = show.gateway.port if options.port is None else options.port
    if options.lan and not is_loopback(host):
        raise Failure(WRONG, f"--lan serves every address by HTTPS already: leave the host at 127.0.0.1, not {host}")
    token = secrets.pop("MAROTTE_TOKEN", "")
    try:
        run = Run(show, data, secrets)
        await serve(run, host, port, token=token, browser=not options.no_browser, at_home=options.lan)
    except config.ShowError as error:
        raise Failure(WRONG, str(error)) from None
    except (PortTaken, LanError, AlreadyRunning, TokenError, StoreError) as error:
        raise Failure(IN_THE_WAY, str(error)) from None
    except PermissionError as error:
        raise Failure(
            IN_THE_WAY, f"{error.filename}: {error.strerror}; set MAROTTE_DATA_DIR to another place"
        ) from None


def _init(options: argparse.Namespace) -> int:
    known = shows()
    if options.character not in known:
        raise Failure(WRONG, f"there is no character {options.character!r}; there are {', '.join(known)}")
    if options.file.exists() and not options.force:
        raise Failure(IN_THE_WAY, f"{options.file} is there already; --force writes over it")
    try:
        options.file.write_text(known[options.character].read_text("utf-8"), "utf-8")
    except OSError as error:
        raise Failure(IN_THE_WAY, f"{options.file}: {error.strerror}") from None
    print(f"{options.file} is written. Bring it to life: marotte run {options.file}")
    return OK


def _doctor(options: argparse.Namespace) -> int:
    from marotte import config, environment
    from marotte.gateway.running import running
    from marotte.ops.doctor import Patient

    file = _find_show(options.show)
    try:
        show, mistakes = config.load(file), ()
    except config.ShowError as error:
        show, mistakes = config.Show(), tuple(str(error).splitlines())
    address = running(environment.data_dir())
    patient = Patient(
        show=show,
        mistakes=mistakes,
        file=str(file),
        kit=kit_of(show),
        data=environment.data_dir(),
        windows=Path(__file__).parent / "gateway" / "windows",
        running=address.url if address else "",
    )
    well = _finish(_examine(patient, options))
    if mistakes:
        raise Failure(WRONG, "\n".join(mistakes))
    return OK if well else NO


async def _examine(patient: "Patient", options: argparse.Namespace) -> bool:
    import msgspec

    from marotte.ops.doctor import examine

    def tell(section: "Section") -> None:
        if not options.json:
            print(section.table() if options.engines else section, flush=True)

    try:
        report = await examine(patient, quick=options.quick, thorough=options.engines, tell=tell)
    finally:
        await patient.kit.close()
    if options.json:
        print(msgspec.json.format(msgspec.json.encode(report)).decode())
    return report.well


def _replay(options: argparse.Namespace) -> int:
    import time

    from marotte.ops.runlog import LogError, stamp
    from marotte.replay import replay, told

    began = time.monotonic()
    try:
        found = replay(options.log, lambda done: print(f"{stamp(done.t)}  {done.floor}  {told(done)}"))
    except LogError as error:
        raise Failure(IN_THE_WAY, str(error)) from None
    took = time.monotonic() - began
    print(f"\n{stamp(found.seconds)} of {found.header.run} lived through in {took:.1f} s, {found.lines} lines")
    if not found.whole:
        print("the log breaks off: what came after its end is not compared")
    if found.unlike:
        print(f"{found.unlike} times an engine was asked something else than then")
    if found.difference is not None:
        print(f"the first difference is {found.difference}")
        return NO
    print("every line is the same, byte for byte")
    return OK


def _token(options: argparse.Namespace) -> int:
    from marotte import environment
    from marotte.gateway import tokens_cli
    from marotte.gateway.running import AlreadyRunning
    from marotte.gateway.tokens import TokenError

    data, secrets = environment.data_dir(), environment.secrets()
    try:
        if options.action == "list":
            print(tokens_cli.table(tokens_cli.listed(data, secrets)))
        elif options.action == "new":
            print(tokens_cli.issue(data, secrets, options.name, options.role))
        else:
            tokens_cli.revoke(data, secrets, options.id)
    except (TokenError, AlreadyRunning) as error:
        raise Failure(IN_THE_WAY, str(error)) from None
    return OK


def _login(options: argparse.Namespace) -> int:
    from marotte import environment, once

    _finish(once.login(options, _load(options.show), environment.data_dir()))
    return OK


def _discord(options: argparse.Namespace) -> int:
    from marotte import environment, log
    from marotte.alone import alone

    show = _load(options.show)
    secrets, data = environment.secrets(), environment.data_dir()
    try:
        log.set_up(data / "logs", secrets=secrets.values())
    except OSError as error:
        raise Failure(IN_THE_WAY, f"{data}: {error.strerror}; set MAROTTE_DATA_DIR to another place") from None
    _finish(alone(show, data, secrets))
    return OK


def _skull(options: argparse.Namespace) -> int:
    from marotte import calibration, environment
    from marotte.gateway.authority import LanError

    async def ask(question: str) -> str:
        """Ask at the terminal, on a thread that a Ctrl-C leaves behind."""
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[str] = loop.create_future()

        def wait() -> None:
            try:
                given = input(question)
            except EOFError:
                given = "q"
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(lambda: answer.done() or answer.set_result(given))

        threading.Thread(target=wait, daemon=True).start()
        return await answer

    try:
        if options.simulate:
            work = calibration.calibrate(calibration.SimulatedJaw(print), ask, print)
        else:
            door = calibration.door(options.host, options.port, environment.data_dir() if options.lan else None)
            work = calibration.calibrate_skull(*door, ask, print)
        found = _finish(work)
    except (calibration.CalibrationError, LanError) as error:
        raise Failure(IN_THE_WAY, str(error)) from None
    print(f"Kept: {found}" if found else "Nothing was changed.")
    return OK if found else NO


def _archive(options: argparse.Namespace) -> int:
    from marotte import environment
    from marotte.gateway import backup_cli
    from marotte.store.backup import BackupError

    try:
        print(getattr(backup_cli, options.work)(_load(options.show), environment.data_dir(), options.file))
    except BackupError as error:
        raise Failure(IN_THE_WAY, str(error)) from None
    return OK


def _finish(work: Coroutine[Any, Any, Any]) -> Any:
    with asyncio.Runner(loop_factory=new_loop) as loop:
        return loop.run(work)


if __name__ == "__main__":
    main()
