"""A real PostgreSQL on a free loopback port, in a folder of its own."""

import itertools
import os
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path
from types import TracebackType

USER = "app"


class Postgres:
    """Starts a server on entering and stops it on leaving; ``new_database`` returns the URL of an empty one."""

    def __init__(self, *, locale: str = "C") -> None:
        self._bin = _binaries()
        self._locale = locale
        self._names = itertools.count()
        self.port = 0

    def __enter__(self) -> "Postgres":
        self._folder = Path(tempfile.mkdtemp(prefix="marotte-postgres-"))
        # initdb refuses to run as root, and the server wants a folder that is its user's alone.
        self._as = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"] if os.geteuid() == 0 else []
        if self._as:
            shutil.chown(self._folder, "postgres", "postgres")
        initdb = ["initdb", "-D", "data", "-U", USER, "-A", "trust", "-E", "UTF8", "--no-sync"]
        self._call(*initdb, f"--locale={self._locale}")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self.stop("immediate")  # nothing of it is needed any more, so nothing is written back
        finally:
            shutil.rmtree(self._folder, ignore_errors=True)

    def start(self) -> None:
        """Start the server and wait until it answers."""
        options = f"-p {self.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={self._folder}"
        self._call("pg_ctl", "-D", "data", "-w", "-t", "30", "-l", "server.log", "-o", options, "start")

    def stop(self, mode: str = "fast") -> None:
        """Stop the server and cut its connections; its files stay until the end."""
        self._call("pg_ctl", "-D", "data", "-w", "-t", "30", "-m", mode, "stop")

    def new_database(self) -> str:
        """Create an empty database and return its SQLAlchemy URL."""
        name = f"test{next(self._names)}"
        self._call("createdb", "-h", "127.0.0.1", "-p", str(self.port), "-U", USER, name)
        return f"postgresql://{USER}@127.0.0.1:{self.port}/{name}"

    def _call(self, program: str, *arguments: str) -> None:
        # No pipes: the server that pg_ctl leaves behind would hold them open.
        with (self._folder / "calls.log").open("a+") as output:
            done = subprocess.run(
                [*self._as, str(self._bin / program), *arguments],
                cwd=self._folder,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                timeout=60,
            )
            if done.returncode:
                output.seek(0)
                raise RuntimeError(f"{program} failed:\n{output.read()}")


def _binaries() -> Path:
    """Find the newest server that is installed."""
    installed = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    found = str(installed[-1]) if installed else shutil.which("initdb")
    if found is None:
        raise RuntimeError("no PostgreSQL server is installed: apt install postgresql")
    return Path(found).parent
