"""A real InspIRCd, or two linked ones, on free loopback ports in a temporary folder."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

PROGRAM = shutil.which("inspircd") or "/usr/sbin/inspircd"

_CONFIG = """
<server name="{name}.irc.test" id="{id}" description="test" network="TestNet">
<admin name="a" nick="a" email="a@a">
<bind address="127.0.0.1" port="{port}" type="clients">
<bind address="127.0.0.1" port="{tls_port}" type="clients" sslprofile="own">
<bind address="127.0.0.1" port="{link_port}" type="servers">
<module name="ssl_gnutls">
<sslprofile name="own" provider="gnutls" certfile="{folder}/cert.pem" keyfile="{folder}/key.pem">
<module name="ircv3"><module name="cap"><module name="ircv3_accounttag"><module name="ircv3_ctctags">
<module name="ircv3_echomessage"><module name="ircv3_msgid"><module name="ircv3_servertime"><module name="ircv3_batch">
<module name="ircv3_labeledresponse"><module name="chanhistory"><module name="spanningtree">
<chanhistory maxlines="50" bots="yes">
<connect allow="*" password="{password}" timeout="60" threshold="{threshold}" commandrate="{commandrate}" fakelag="off"
 recvq="65536" softsendq="65536" hardsendq="1048576" localmax="1000" globalmax="1000" modes="" resolvehostnames="no">
<class name="god" commands="*" usermodes="*" chanmodes="*" privs="*">
<type name="god" classes="god">
<oper name="root" password="root" host="*@*" type="god">
<performance softlimit="1000" nouserdns="yes">
<options hostintopic="no" splitwhois="no">
{link}
<log method="file" level="default" type="*" target="{folder}/{name}.log">
<pid file="{folder}/{name}.pid">
"""
_LINK = """<link name="{name}.irc.test" ipaddr="127.0.0.1" port="{port}" sendpass="link" recvpass="link">
<autoconnect period="2" server="{name}.irc.test">
"""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def certificate(folder: Path) -> None:
    """Make a self-signed certificate for localhost."""
    command = "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -keyout key.pem -out cert.pem"
    subprocess.run(command.split(), cwd=folder, check=True, capture_output=True)


class InspIRCd:
    """One server; it can be stopped and started again on the same ports."""

    def __init__(
        self,
        folder: Path,
        name: str = "one",
        *,
        password: str = "",
        strict: bool = False,
        link_port: int | None = None,
        other: "InspIRCd | None" = None,
    ) -> None:
        self.folder, self.name = folder, name
        self.port, self.tls_port = free_port(), free_port()
        self.link_port = link_port or free_port()
        link = _LINK.format(name=other.name, port=other.link_port) if other else ""
        if not (folder / "cert.pem").exists():
            certificate(folder)
        self.config = folder / f"{name}.conf"
        text = _CONFIG.format(
            name=name,
            id={"one": "1AA", "two": "2AA"}[name],
            folder=folder,
            port=self.port,
            tls_port=self.tls_port,
            link_port=self.link_port,
            password=password,
            threshold=10 if strict else 1000,
            commandrate=1000 if strict else 100_000,
            link=link,
        )
        self.config.write_text(text)
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        command = [PROGRAM, "--nofork", "--config", str(self.config)]
        if os.geteuid() == 0:
            command.insert(1, "--runasroot")
        with (self.folder / f"{self.name}.out").open("ab") as out:
            self._process = subprocess.Popen(command, stdout=out, stderr=out)
        until = time.monotonic() + 20
        while time.monotonic() < until:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
                return
            if self._process.poll() is not None:
                break
            time.sleep(0.05)
        out_text = (self.folder / f"{self.name}.out").read_text(errors="replace")
        raise RuntimeError(f"InspIRCd does not start:\n{out_text[-2000:]}")

    def stop(self, how: int = signal.SIGTERM) -> None:
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait(10)
            self._process = None


@contextlib.contextmanager
def running(folder: Path, **options: object) -> Iterator[InspIRCd]:
    """One server, started and stopped."""
    server = InspIRCd(folder, **options)  # type: ignore[arg-type]
    server.start()
    try:
        yield server
    finally:
        server.stop()


@contextlib.contextmanager
def linked(folder: Path) -> Iterator[tuple[InspIRCd, InspIRCd]]:
    """Two servers of one network; the second connects to the first, and again every two seconds."""
    port = free_port()
    two = InspIRCd(folder, "two", link_port=port)
    one = InspIRCd(folder, "one", other=two)
    two_config = two.config.read_text()
    link_back = _LINK.format(name="one", port=one.link_port)
    two.config.write_text(two_config + link_back)
    one.start()
    try:
        two.start()
        try:
            yield one, two
        finally:
            two.stop()
    finally:
        one.stop()
