"""What commands do once, without a run: say, ask, hear, see, log in. Each imports only what it needs."""

import argparse
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from marotte.config import Show
    from marotte.engines.kinds import Kit

OK, NO, WRONG, IN_THE_WAY, NO_ENGINE = range(5)


class Failure(Exception):
    """A command ends early; the message is for whoever called it."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


def kit_of(show: "Show") -> "Kit":
    """Put together what a show lends to its engines."""
    from marotte import environment
    from marotte.engines import registry

    return registry.kit(show, environment.secrets())


def build(kind: Any, show: "Show", kit: "Kit") -> Any:
    """Build a chain's engines; a mistake of the show ends the command."""
    from marotte import config
    from marotte.engines import registry

    try:
        return registry.build(kind, show, kit)
    except config.ShowError as error:
        raise Failure(WRONG, str(error)) from None


async def say(options: argparse.Namespace, show: "Show") -> None:
    """Say a text with the show's voice: on the loudspeaker, or into a file."""
    from marotte.engines.chains import VoiceChain
    from marotte.engines.kinds import EngineError
    from marotte.text.language import detect
    from marotte.text.sentences import Splitter
    from marotte.text.views import line

    kit = kit_of(show)
    voices = VoiceChain(build("voice", show, kit), lambda event: None, kit.clock)
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
            # Opened here: where wave cannot open a file itself, it leaves a trace of that on the terminal.
            with self._path.open("wb") as opened, wave.open(opened, "wb") as file:
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


def ask_running(text: str, url: str, data: Path) -> int:
    """Ask the run that lives on this machine."""
    import json
    import urllib.error
    import urllib.request

    from marotte import environment

    token = environment.secrets().get("MAROTTE_TOKEN", "")
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


async def ask(text: str, show: "Show") -> None:
    """Answer without a run: nothing is remembered."""
    from marotte.engines.chains import BrainChain
    from marotte.engines.kinds import EngineError
    from marotte.events import Asked, Line
    from marotte.mind.moderation import Moderator
    from marotte.mind.persona import Persona
    from marotte.text.sentences import Splitter, Thoughts
    from marotte.text.views import line

    kit = kit_of(show)
    brains = BrainChain(build("brain", show, kit), lambda event: None, kit.clock)
    persona = Persona(show.character)
    persona.use(show)
    asked = Asked(text=text)
    language = persona.language([asked], "")
    splitter, thoughts = Splitter(language), Thoughts()

    async def lines() -> AsyncIterator[Line]:
        async for piece in brains.reply(persona.prompt([asked], language)):
            if isinstance(piece, str):
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


async def see(options: argparse.Namespace, show: "Show") -> str:
    """Return what the show's eyes see on a picture."""
    from marotte.engines.chains import EyeChain
    from marotte.engines.kinds import EngineError
    from marotte.senses.sight.pictures import PictureError, Pictures

    try:
        data = options.picture.read_bytes()
    except OSError as error:
        raise Failure(IN_THE_WAY, f"{options.picture}: {error.strerror}") from None
    kit, pictures = kit_of(show), Pictures()
    eyes = EyeChain(build("eye", show, kit), lambda event: None, kit.clock, show.sight.rest)
    try:
        picture = await pictures.prepare(data)
        return await eyes.see(picture.jpeg, options.language or show.character.languages[0])
    except PictureError as error:
        raise Failure(IN_THE_WAY, f"{options.picture}: {error}") from None
    except EngineError as error:
        raise Failure(NO_ENGINE, str(error)) from None
    finally:
        await pictures.close()
        await eyes.close()
        await kit.close()


async def hear(options: argparse.Namespace, show: "Show") -> str:
    """Return what the show's ear understands of a recording."""
    from marotte.engines.chains import EarChain
    from marotte.engines.kinds import EngineError
    from marotte.senses.hearing.wav import WavError, read_wav

    try:
        pcm = read_wav(options.wav)
    except WavError as error:
        raise Failure(IN_THE_WAY, str(error)) from None
    kit = kit_of(show)
    ears = EarChain(build("ear", show, kit), lambda event: None, kit.clock)

    async def speech() -> AsyncIterator[bytes]:
        yield pcm

    try:
        return [heard async for heard in ears.hear(speech(), options.language)][-1].text
    except EngineError as error:
        raise Failure(NO_ENGINE, str(error)) from None
    finally:
        await ears.close()
        await kit.close()


async def login(options: argparse.Namespace, show: "Show", data: Path) -> None:
    """Let the character in on a platform, or forget how it was let in."""
    from importlib import import_module

    from marotte.links.device_login import LoginError
    from marotte.links.tokens import TokenError, Tokens

    platform: str = options.platform
    settings, tokens = getattr(show, platform), Tokens(data / "tokens")
    if options.forget:
        print("Forgotten." if tokens.drop(platform) else "There was no token.")
        return
    if settings is None:
        raise Failure(WRONG, f"{show.file}: has no table [{platform}]; docs/{platform}.md tells what goes in there")
    kit = kit_of(show)
    try:
        work = import_module(f"marotte.links.{platform}.login").login
        await work(settings, kit.secrets, tokens, kit.clock, print, kit.http())
    except (LoginError, TokenError) as error:
        raise Failure(IN_THE_WAY, str(error)) from None
    finally:
        await kit.close()
