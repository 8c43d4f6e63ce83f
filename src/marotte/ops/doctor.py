"""The doctor: what is installed, configured, reachable and how quick, and how to mend what is not."""

import asyncio
import importlib.util
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import marotte
from marotte import config
from marotte.config_tools import MCPServer
from marotte.engines import registry
from marotte.engines.kinds import Kind, Kit
from marotte.engines.registry import Built
from marotte.ops import keeping, machine, measures
from marotte.ops.findings import Check, Report, Section, State
from marotte.ops.reach import reach

_KINDS: tuple[Kind, ...] = ("voice", "brain", "ear", "eye", "duplex")
"""In the order in which they are examined: the ears hear what a voice says."""
_MANY: dict[Kind, str] = {
    "voice": "voices",
    "brain": "brains",
    "ear": "ears",
    "eye": "eyes",
    "duplex": "duplex engines",
}


@dataclass(kw_only=True)
class Patient:
    """What is examined."""

    show: config.Show
    mistakes: tuple[str, ...] = ()
    """What is wrong with the show file; ``show`` is then the default show."""
    file: str = ""
    """The show file, where it is known."""
    kit: Kit
    data: Path
    windows: Path
    """Where the build of the windows lies."""
    running: str = ""
    """Where a run of this data folder listens, or ""."""
    engines: Mapping[Kind, Sequence[Built]] | None = None
    """The engines of a run; None: build them, and close them in the end."""


def _ignore(section: Section) -> None:
    pass


async def examine(
    patient: Patient, *, quick: bool = False, thorough: bool = False, tell: Callable[[Section], None] = _ignore
) -> Report:
    """Look at everything, one after another, and ``tell`` each section as it is done.

    ``quick`` measures no engine and reaches for no server; ``thorough`` looks at the engines alone and asks each
    several times. Everything has a deadline; an engine is asked past its chain, so that no breaker moves. To ask is to
    send one short sentence, which an engine may charge for.
    """
    sections: list[Section] = []

    def add(name: str, checks: Sequence[Check]) -> None:
        sections.append(Section(name, list(checks)))
        tell(sections[-1])

    add("program", [machine.python(), *([] if thorough else machine.packages())])
    add("configuration", _configuration(patient))
    if not patient.mistakes:
        await _Clinic(patient, quick, measures.THOROUGH if thorough else 1, add).engines()
    if not thorough:
        await _surroundings(patient, quick, add)
    return Report(
        at=time.time(),
        version=marotte.__version__,
        quick=quick,
        well=all(check.state != "bad" for section in sections for check in section.checks),
        sections=sections,
    )


async def _surroundings(patient: Patient, quick: bool, add: Callable[[str, Sequence[Check]], None]) -> None:
    """Look at what is around the engines: links, sound, windows, this machine, what is kept."""
    if not patient.mistakes:
        add("links", await _links(patient, quick))
        add("sound", await machine.sound_devices(patient.show.device))
    gateway = patient.show.gateway
    add("windows", await asyncio.to_thread(machine.windows, patient.windows))
    here = [
        machine.disk(patient.data),
        await machine.clock(),
        machine.port(gateway.host, gateway.port, patient.running),
    ]
    add("machine", here)
    rows = await keeping.database(patient.show.store.url, patient.data)
    kept = await asyncio.to_thread(keeping.sounds, patient.data, patient.show.voice.cache_mb)
    add("data", [await asyncio.to_thread(keeping.folder, patient.data), kept, *keeping.tokens(patient.data), rows])


def _configuration(patient: Patient) -> list[Check]:
    remedy = f"correct {patient.file or 'the show file'}; a new one to start from: marotte init new.toml"
    wrong = [Check(name="show", state="bad", detail=mistake, remedy=remedy) for mistake in patient.mistakes]
    fine = Check(name="show", detail=", ".join(part for part in (patient.show.name, patient.file) if part))
    return [*(wrong or [fine]), *_subtitles(patient.show), *keeping.dotenv(Path.cwd())]


def _subtitles(show: config.Show) -> list[Check]:
    """Look whether any brain of a show can translate, where it wants a second language to be read."""
    if not show.subtitles.second:
        return []
    try:
        brains = registry.plan("brain", show)
    except config.ShowError:
        return []  # told where the brains are examined
    able = [name for name, brain, _ in brains if getattr(brain, "translates", False)]
    remedy = "" if able else "add a brain that is a language model to [brain] chain: the improviser cannot translate"
    return [
        Check(
            name="second subtitles",
            state="ok" if able else "warn",
            detail=f"{show.subtitles.second}, by {', '.join(able) or 'nobody'}",
            remedy=remedy,
        )
    ]


async def _links(patient: Patient, quick: bool) -> list[Check]:
    """Look whether each link has its secret, and whether its server can be reached."""
    checks: list[Check] = []
    for name, channel in patient.show.irc.items():
        missing = bool(channel.secret) and channel.secret not in patient.kit.secrets
        checks.append(
            Check(
                name=f"irc {name}",
                state="bad" if missing else "ok",
                detail=f"{channel.host}:{channel.port}",
                remedy=f"set {channel.secret} in the environment or in .env" if missing else "",
            )
        )
        if not quick:
            checks.append(await reach(f"irc {name}, reached", channel.host, channel.port))
    checks += _platforms(patient)
    for name, settings in (("twitch", patient.show.twitch), ("youtube", patient.show.youtube)):
        if settings is not None and not quick:
            api = urlsplit(settings.api)
            checks.append(await reach(f"{name}, reached", api.hostname or "", api.port or 443))
    checks += [_mcp(name, server, patient.kit) for name, server in patient.show.tools.mcp.items()]
    return checks or [Check(name="links", detail="none in this show")]


def _platforms(patient: Patient) -> list[Check]:
    """Look whether the character is let in on each platform of a show, and whether its library is there."""
    show, kit = patient.show, patient.kit
    checks: list[Check] = []

    def add(name: str, detail: str, remedy: str, state: State = "bad") -> None:
        checks.append(Check(name=name, state=state if remedy else "ok", detail=detail, remedy=remedy))

    def way_in(name: str, client_id: str, secret: str = "") -> str:
        """Return what is to be done until somebody is signed in, or ""."""
        if not client_id:
            return f"set client_id in [{name}], then sign in: marotte login {name}"
        if secret and secret not in kit.secrets:
            return f"set {secret} in the environment or in .env"
        return "" if (patient.data / "tokens" / f"{name}.json").is_file() else f"sign in: marotte login {name}"

    if show.twitch is not None:
        remedy, channel = way_in("twitch", show.twitch.client_id), show.twitch.channel
        alone = f"nobody is signed in: the chat of #{channel} is only read" if channel else "nobody is signed in"
        add("twitch", alone if remedy else "signed in", remedy, "warn" if channel else "bad")
    if show.youtube is not None:
        remedy = way_in("youtube", show.youtube.client_id, show.youtube.secret)
        add("youtube", "nobody is signed in" if remedy else "signed in", remedy)
    if show.tiktok is not None:
        add("tiktok", show.tiktok.user, "" if _has("TikTokLive") else "pip install 'marotte[tiktok]'")
    if show.discord is not None:
        secret = show.discord.secret
        lack = "" if secret in kit.secrets else f"set {secret} in the environment or in .env"
        add("discord", "its bot", lack if _has("discord") else "pip install 'marotte[discord]'")
    return checks


def _has(module: str) -> bool:
    return importlib.util.find_spec(module) is not None


def _mcp(name: str, server: MCPServer, kit: Kit) -> Check:
    """Look whether an MCP server has its program and its secret, and whether its protocol can be spoken here."""
    remedy = ""
    if not _has("mcp"):
        remedy = "install the extra: pip install 'marotte[mcp]'"
    elif server.secret and server.secret not in kit.secrets:
        remedy = f"set {server.secret} in the environment or in .env"
    elif server.command and shutil.which(server.command[0]) is None:
        remedy = f"install {server.command[0]}, or write where it lies"
    detail = server.url or server.command[0]
    return Check(name=f"mcp {name}", state="bad" if remedy else "ok", detail=detail, remedy=remedy)


class _Clinic:
    """Examines the engines of a show, kind by kind."""

    def __init__(self, patient: Patient, quick: bool, times: int, add: Callable[[str, Sequence[Check]], None]) -> None:
        """``times``: how often each engine is asked."""
        self._patient = patient
        self._quick = quick
        self._times = times
        self._add = add
        self._language = patient.show.character.languages[0]
        self._utterance = b""

    async def engines(self) -> None:
        """Add a section for each kind."""
        own: list[Built] = []
        try:
            for kind in _KINDS:
                try:
                    chain = self._chain(kind, own)
                except config.ShowError as error:
                    self._add(_MANY[kind], [Check(name="chain", state="bad", detail=str(error), remedy="correct it")])
                else:
                    if chain:
                        self._add(f"{_MANY[kind]}, in the order in which they are tried", await self._kind(kind, chain))
        finally:
            await asyncio.gather(*(built.engine.close() for built in own), return_exceptions=True)

    def _chain(self, kind: Kind, own: list[Built]) -> Sequence[Built]:
        """Return a run's engines, or build them and note them as our own. Raises ShowError."""
        patient = self._patient
        if patient.engines is not None:
            return patient.engines[kind]
        chain = registry.build(kind, patient.show, patient.kit)
        own += chain
        return chain

    async def _kind(self, kind: Kind, chain: Sequence[Built]) -> list[Check]:
        checks = [await self._engine(kind, built) for built in chain]
        if kind == "duplex" or any(check.state == "ok" or check.figures for check in checks):
            return checks
        return [
            *checks,
            Check(name="chain", state="bad", detail=f"no {kind} works", remedy="pip install 'marotte[embedded]'"),
        ]

    async def _engine(self, kind: Kind, built: Built) -> Check:
        if missing := type(built.engine).check(built.settings, self._patient.kit):
            return Check(name=built.name, state="warn", remedy=missing)
        if self._quick:
            return Check(name=built.name, detail="installed, not measured")
        kit = self._patient.kit
        if kind == "voice":
            check = await measures.measure_voice(built, kit, self._language, self._times)
            if check.figures and not self._utterance:
                self._utterance = await measures.utterance(built, kit)
            return check
        if kind == "duplex":
            return await measures.measure_duplex(built, kit, self._language, self._times)
        if kind == "brain":
            return await measures.measure_brain(built, kit, self._language, self._times)
        if kind == "eye":
            return await measures.measure_eye(built, kit, self._language, self._times)
        if not self._utterance:
            return Check(name=built.name, state="warn", detail="no voice could say anything for it to hear")
        return await measures.measure_ear(built, kit, self._utterance, self._times)
