"""The door to the home network by itself: its code on virtual time, its authority's certificates."""

import datetime as dt
import ssl
from ipaddress import IPv4Address
from pathlib import Path

import pytest

from marotte.gateway import authority as authorities
from marotte.gateway import lan as lans
from marotte.gateway.authority import Authority, LanError
from marotte.gateway.lan import Lan, NotPaired, Pairing
from marotte.time import Clock


@pytest.mark.anyio
@pytest.mark.virtual
async def test_a_code_ends_after_five_minutes() -> None:
    clock = Clock(epoch=0.0)
    pairing = Pairing(clock)
    code, until = pairing.code()
    assert until == pytest.approx(Pairing.LASTS)
    await clock.sleep(Pairing.LASTS - 1)
    assert pairing.code()[0] == code
    pairing.check(code)
    await clock.sleep(2)
    with pytest.raises(NotPaired) as refused:
        pairing.check(code)
    assert refused.value.status == 410
    assert pairing.code()[1] == pytest.approx(2 * Pairing.LASTS + 1)


@pytest.mark.anyio
@pytest.mark.virtual
async def test_after_guesses_there_is_a_new_code_five_minutes_later() -> None:
    clock = Clock(epoch=0.0)
    pairing = Pairing(clock)
    pairing.code()
    for _ in range(Pairing.ATTEMPTS):
        with pytest.raises(NotPaired):
            pairing.check("x")
    assert pairing.code() == ("", pytest.approx(Pairing.LASTS))
    await clock.sleep(Pairing.LASTS + 1)
    code, _ = pairing.code()
    pairing.check(code)
    pairing.used()
    with pytest.raises(NotPaired):
        pairing.check(code)


# --- the authority


def shaken(server: ssl.SSLContext, authority: Authority, name: str) -> str:
    """Let a client that trusts the authority shake hands with a server; returns why it refuses, or ""."""
    trust = ssl.create_default_context(cadata=authority.certificate.decode())
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = trust.wrap_bio(to_client, to_server, server_hostname=name)
    other = server.wrap_bio(to_server, to_client, server_side=True)
    for side in (client, other, client, other):
        try:
            side.do_handshake()
        except ssl.SSLWantReadError:
            continue
        except ssl.SSLCertVerificationError as error:
            return error.verify_message
    return ""


def context() -> ssl.SSLContext:
    return ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)


def test_a_certificate_is_kept_and_issued_anew_for_a_new_address(tmp_path: Path) -> None:
    first, server = Authority(tmp_path), context()
    assert first.certify(server, [IPv4Address("192.168.1.5")])
    assert not first.certify(context(), [IPv4Address("192.168.1.5")])
    again = Authority(tmp_path)
    assert again.fingerprint == first.fingerprint
    assert shaken(server, again, "192.168.1.5") == ""
    assert "192.168.1.6" in shaken(server, again, "192.168.1.6")
    assert again.certify(server, [IPv4Address("192.168.1.6")])
    assert shaken(server, first, "192.168.1.6") == ""


def test_a_certificate_is_renewed_before_it_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    authority, today = Authority(tmp_path), dt.datetime.now(dt.UTC)
    assert authority.certify(context(), [])
    monkeypatch.setattr(authorities, "_today", lambda: today + dt.timedelta(days=55))
    assert not authority.certify(context(), [])
    monkeypatch.setattr(authorities, "_today", lambda: today + dt.timedelta(days=65))
    assert authority.certify(context(), [])


def test_the_authority_cannot_vouch_for_a_bank(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    authority, server = Authority(tmp_path), context()
    monkeypatch.setattr(authorities, "local_name", lambda: "bank.example")
    authority.certify(server, [])
    assert "permitted subtree violation" in shaken(server, authority, "bank.example")
    authority.certify(server, [IPv4Address("8.8.8.8")])
    assert "permitted subtree violation" in shaken(server, authority, "8.8.8.8")


def test_a_damaged_key_is_told_by_its_file(tmp_path: Path) -> None:
    Authority(tmp_path).certify(context(), [])
    for name in ("machine.key", "authority.key"):
        (tmp_path / name).write_text("no key")
        with pytest.raises(LanError, match=f"{name}: is damaged: delete it"):
            Authority(tmp_path).certify(context(), [])


def test_the_network_may_change_while_the_run_lives(tmp_path: Path) -> None:
    here = [IPv4Address("192.168.1.5")]
    lan = Lan(tmp_path, Clock(), 8766, lambda: tuple(here))
    assert lan.url == "https://192.168.1.5:8766"
    assert lan.invitation().startswith("https://192.168.1.5:8766/pair#code=")
    here[:] = [IPv4Address("10.0.0.7")]
    lan.look()
    assert lan.url == "https://10.0.0.7:8766"
    assert shaken(lan.context, lan.authority, "10.0.0.7") == ""
    here.clear()
    lan.look()
    assert lan.url == f"https://{authorities.local_name()}:8766"
    assert "█" in lan.text()


def test_only_addresses_of_homes_are_served() -> None:
    assert all(any(address in network for network in authorities.HOME) for address in lans.addresses())


@pytest.mark.parametrize("package", ["cryptography", "segno"])
def test_what_is_not_installed_is_told_with_its_remedy(tmp_path: Path, monkeypatch, package: str) -> None:
    monkeypatch.setitem(__import__("sys").modules, package, None)
    with pytest.raises(LanError, match=r"pip install 'marotte\[lan\]'"):
        Lan(tmp_path, Clock(), 8766)
