"""The command line. Each command imports only what it needs, so that the small ones answer at once.

Exit codes: 0 done · 1 done, but the answer is "nothing" or "no" · 2 the command or the show file is wrong ·
3 something outside is in the way (a port, a file, the database) · 4 no engine could.
"""

import argparse
import asyncio
import os
import sys
from collections.abc import AsyncIterator, Callable, Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import marotte

if TYPE_CHECKING:
    from marotte.config import Show
    from marotte.engines.kinds import Kit

OK, NO, WRONG, IN_THE_WAY, NO_ENGINE = range(5)


class Failure(Exception):
    """A command ends early; the message is for whoever called it."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


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
            help="a show file, or the name of one that comes with the program (jester, skull)",
        )

    run = command("run", _run, "Bring a character to life and serve its windows.")
    show(run, positional=True)
    run.add_argument("--host", help="address to listen on (this machine alone)")
    run.add_argument("--port", type=int, help="port to listen on; 0 takes a free one (8765)")
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
    init = command("init", _init, "Write a show file to start from, with every setting explained.")
    init.add_argument("file", nargs="?", type=Path, default=Path("show.toml"))
    init.add_argument("--character", default="jester", help="which character to start from (jester, skull)")
    init.add_argument("--force", action="store_true", help="write over a file that is there")
    doctor = command("doctor", _doctor, "Check what is installed and configured, and say how to mend what is not.")
    show(doctor)
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
        return own if own.is_file() else shows()["jester"]
    return shows().get(given) or Path(given)


def _load(given: str | None) -> "Show":
    from marotte import config

    try:
        return config.load(_find_show(given))
    except config.ShowError as error:
        raise Failure(WRONG, str(error)) from None


def _kit(show: "Show") -> "Kit":
    from marotte import config
    from marotte.engines import registry

    return registry.kit(show, config.secrets())


# --- commands


def _run(options: argparse.Namespace) -> int:
    from marotte import config, log

    show = _load(options.show)
    secrets = config.secrets()
    data = config.data_dir()
    try:
        log.set_up(data / "logs", secrets=secrets.values())
    except OSError as error:
        raise Failure(IN_THE_WAY, f"{data}: {error.strerror}; set MAROTTE_DATA_DIR to another place") from None
    _finish(_serve(options, show, data, secrets))
    return OK


async def _serve(options: argparse.Namespace, show: "Show", data: Path, secrets: dict[str, str]) -> None:
    from marotte import config
    from marotte.gateway.guard import TokenError
    from marotte.gateway.running import AlreadyRunning
    from marotte.gateway.server import PortTaken, serve
    from marotte.show import Run
    from marotte.store.database import StoreError

    host = options.host or show.gateway.host
    port = show.gateway.port if options.port is None else options.port
    token = secrets.pop("MAROTTE_TOKEN", "")
    try:
        run = Run(show, data, secrets)
        await serve(run, host, port, token=token, browser=not options.no_browser)
    except config.ShowError as error:
        raise Failure(WRONG, str(error)) from None
    except (PortTaken, AlreadyRunning, TokenError, StoreError) as error:
        raise Failure(IN_THE_WAY, str(error)) from None
    except PermissionError as error:
        raise Failure(
            IN_THE_WAY, f"{error.filename}: {error.strerror}; set MAROTTE_DATA_DIR to another place"
        ) from None


def _say(options: argparse.Namespace) -> int:
    _finish(_speak(options, _load(options.show)))
    return OK


async def _speak(options: argparse.Namespace, show: "Show") -> None:
    from marotte.engines.chain import VoiceChain
    from marotte.engines.kinds import EngineError
    from marotte.text.language import detect
    from marotte.text.sentences import Splitter
    from marotte.text.views import line

    kit = _kit(show)
    voices = VoiceChain(_build("voice", show, kit), lambda event: None, kit.clock)
    language = options.language or detect(options.text, show.character.languages, show.character.languages[0])
    splitter = Splitter(language)
    out = _Wav(options.out) if options.out else _Loudspeaker()
    try:
        for sentence in (*splitter.feed(options.text), *splitter.end()):
            if said := line(sentence, language):
                async for sound in voices.speak(said):
                    out.write(sound.pcm, sound.rate)
        out.close()
    except EngineError as error:
        raise Failure(NO_ENGINE, str(error)) from None
    finally:
        await voices.close()
        await kit.close()


class _Wav:
    """Writes what is said to a file, at the rate at which the voice speaks."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._pcm = bytearray()
        self._rate = 0

    def write(self, pcm: bytes, rate: int) -> None:
        if self._rate and rate != self._rate:
            raise Failure(NO_ENGINE, f"the voice changed from {self._rate} to {rate} Hz in mid-speech")
        self._rate = rate
        self._pcm += pcm

    def close(self) -> None:
        import wave

        if not self._pcm:
            raise Failure(NO, "there is nothing in this text that can be spoken")
        try:
            with wave.open(str(self._path), "wb") as file:
                file.setnchannels(1)
                file.setsampwidth(2)
                file.setframerate(self._rate)
                file.writeframes(bytes(self._pcm))
        except OSError as error:
            raise Failure(IN_THE_WAY, f"{self._path}: {error.strerror}") from None


class _Loudspeaker:
    """Plays what is said on this machine's loudspeaker."""

    def __init__(self) -> None:
        try:
            import sounddevice  # pyright: ignore[reportMissingTypeStubs]
        except (ImportError, OSError):
            raise Failure(
                IN_THE_WAY,
                "no loudspeaker can be used: install marotte[device] and libportaudio2, or name a file with --out",
            ) from None
        self._library: Any = sounddevice
        self._stream: Any = None

    def write(self, pcm: bytes, rate: int) -> None:
        if self._stream is None:
            try:
                self._stream = self._library.RawOutputStream(samplerate=rate, channels=1, dtype="int16")
                self._stream.start()
            except self._library.PortAudioError as error:
                raise Failure(IN_THE_WAY, f"the loudspeaker: {error}; name a file with --out") from None
        self._stream.write(pcm)

    def close(self) -> None:
        if self._stream is None:
            raise Failure(NO, "there is nothing in this text that can be spoken")
        self._stream.stop()
        self._stream.close()


def _ask(options: argparse.Namespace) -> int:
    from marotte import config
    from marotte.gateway.running import running

    address = running(config.data_dir())
    if address is not None and options.show is None:
        return _ask_running(options.text, address.url, config.data_dir())
    _finish(_think(options.text, _load(options.show)))
    return OK


def _ask_running(text: str, url: str, data: Path) -> int:
    """Ask the run that lives on this machine."""
    import json
    import urllib.error
    import urllib.request

    from marotte import config

    token = config.secrets().get("MAROTTE_TOKEN", "")
    file = data / "operator.token"
    if not token and file.is_file():
        token = file.read_text("ascii").strip()
    request = urllib.request.Request(  # noqa: S310 - the address is our own, from a file of ours
        f"{url}/api/v1/percepts?wait=100",
        json.dumps({"type": "asked", "text": text}).encode(),
        {"content-type": "application/json", "authorization": f"Bearer {token}"},
    )
    try:
        # Past any proxy: it is this machine that is asked, and the token is for nobody else.
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(request, timeout=110) as response:
            turn = json.load(response)["turn"]
    except urllib.error.HTTPError as error:
        raise Failure(IN_THE_WAY, f"{url}: {error.code}: {error.read(500).decode(errors='replace')}") from None
    except (OSError, ValueError, KeyError) as error:
        raise Failure(IN_THE_WAY, f"{url}: {error}") from None
    if not turn or not turn["heard"]:
        raise Failure(NO, f"no answer ({turn['reason'] or turn['state'] if turn else 'the turn did not end in time'})")
    print(turn["heard"])
    return OK


async def _think(text: str, show: "Show") -> None:
    """Answer without a run: nothing is remembered."""
    from marotte.engines.chain import BrainChain
    from marotte.engines.kinds import EngineError
    from marotte.events import Asked, Line
    from marotte.mind.moderation import Moderator
    from marotte.mind.persona import Persona
    from marotte.text.sentences import Splitter, Thoughts
    from marotte.text.views import line

    kit = _kit(show)
    brains = BrainChain(_build("brain", show, kit), lambda event: None, kit.clock)
    persona = Persona(show.character)
    asked = Asked(text=text)
    language = persona.language([asked], "")
    splitter, thoughts = Splitter(language), Thoughts()

    async def lines() -> AsyncIterator[Line]:
        async for piece in brains.reply(persona.prompt([asked], language)):
            for sentence in splitter.feed(thoughts.feed(piece)):
                if said := line(sentence, language):
                    yield said
        for sentence in (*splitter.feed(thoughts.end()), *splitter.end()):
            if said := line(sentence, language):
                yield said

    try:
        moderator = Moderator(show.moderation, show.character.never)
        print(" ".join([said.shown async for said in moderator.passed(lines())]))
    except EngineError as error:
        raise Failure(NO_ENGINE, str(error)) from None
    finally:
        await brains.close()
        await kit.close()


def _hear(options: argparse.Namespace) -> int:
    text = _finish(_listen(options, _load(options.show)))
    if not text:
        raise Failure(NO, f"{options.wav}: nothing was understood")
    print(text)
    return OK


async def _listen(options: argparse.Namespace, show: "Show") -> str:
    from marotte.engines.chain import EarChain
    from marotte.engines.kinds import EngineError
    from marotte.senses.hearing.wav import WavError, read_wav

    try:
        pcm = read_wav(options.wav)
    except WavError as error:
        raise Failure(IN_THE_WAY, str(error)) from None
    kit = _kit(show)
    ears = EarChain(_build("ear", show, kit), lambda event: None, kit.clock)

    async def speech() -> AsyncIterator[bytes]:
        yield pcm

    try:
        return [heard async for heard in ears.hear(speech(), options.language)][-1].text
    except EngineError as error:
        raise Failure(NO_ENGINE, str(error)) from None
    finally:
        await ears.close()
        await kit.close()


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
    from marotte.ops.doctor import examine

    show = _load(options.show)
    return OK if _finish(examine(show, _kit(show), print)) else NO


def _build(kind: Any, show: "Show", kit: "Kit") -> Any:
    from marotte import config
    from marotte.engines import registry

    try:
        return registry.build(kind, show, kit)
    except config.ShowError as error:
        raise Failure(WRONG, str(error)) from None


def _finish(work: Coroutine[Any, Any, Any]) -> Any:
    return asyncio.run(work)


if __name__ == "__main__":
    main()
