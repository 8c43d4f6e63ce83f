"""The home network's own certificate authority: what lets a phone trust this machine over HTTPS.

The authority may vouch for private addresses and local names alone (RFC 5280, 4.2.1.10): whoever stole its key could
not pretend to be a bank with it. Kept in ``lan/`` of the data folder; its keys are read by their owner alone.
"""

import contextlib
import datetime as dt
import os
import socket
import ssl
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

HOME = tuple(
    IPv4Network(network)
    for network in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "169.254.0.0/16", "127.0.0.0/8")
)
"""Private networks (RFC 1918, 6598, 3927) and this machine itself: what the authority may vouch for."""
_DOMAINS = ("local", "localhost", "lan", "home.arpa", "internal")
_AUTHORITY_LASTS, _LASTS, _RENEWED_BEFORE = dt.timedelta(days=3_650), dt.timedelta(days=90), dt.timedelta(days=30)
_SKEW = dt.timedelta(hours=1)
"""How much a device's clock may be behind ours."""


class LanError(Exception):
    """The home network cannot be served; the message says what to do."""


class Issued(NamedTuple):
    """A certificate and its key."""

    certificate: "x509.Certificate"
    key: "EllipticCurvePrivateKey"


def local_name() -> str:
    """Return this machine's name in its home network, as mDNS tells it."""
    return f"{socket.gethostname().split('.')[0].lower() or 'marotte'}.local"


class Authority:
    """Keeps an authority and the certificate that it issues to this machine."""

    def __init__(self, folder: Path) -> None:
        """Read the authority, or make it at the first start. Raises LanError."""
        try:
            import cryptography as _library  # noqa: F401  # pyright: ignore[reportUnusedImport]
        except ImportError:
            raise LanError("--lan needs two packages more: pip install 'marotte[lan]'") from None
        self._folder = folder
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._own = _read(folder / "authority.key") or self._make()
        except OSError as error:
            raise LanError(f"{error.filename or folder}: {error.strerror}") from None

    @property
    def certificate(self) -> bytes:
        """The authority's certificate as PEM, for devices to trust."""
        from cryptography.hazmat.primitives.serialization import Encoding

        return self._own.certificate.public_bytes(Encoding.PEM)

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the authority's certificate, to compare by eye."""
        from cryptography.hazmat.primitives.hashes import SHA256

        return self._own.certificate.fingerprint(SHA256()).hex(":").upper()

    def certify(self, context: ssl.SSLContext, addresses: Sequence[IPv4Address]) -> bool:
        """Let ``context`` show a certificate for these addresses; returns whether it was issued anew.

        One that covers them and lasts for another month is kept. Blocks for a few milliseconds. Raises LanError.
        """
        file = self._folder / "machine.key"
        try:
            kept = _read(file)
            new = kept is None or not self._covers(kept.certificate, addresses)
            if new:
                _write(file, self._issue(addresses))
            context.load_cert_chain(file)
        except (OSError, ssl.SSLError) as error:
            raise LanError(f"{file}: {error.strerror or error}; delete it and a new one is made") from None
        return new

    def _make(self) -> Issued:
        from cryptography import x509
        from cryptography.hazmat.primitives.asymmetric import ec

        key = ec.generate_private_key(ec.SECP256R1())
        name = _name(f"Marotte on {local_name()}")
        permitted = [*(x509.IPAddress(network) for network in HOME), *(x509.DNSName(domain) for domain in _DOMAINS)]
        certificate = (
            _draft(name, name, key, _AUTHORITY_LASTS)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_usage(sign=True), critical=True)
            .add_extension(x509.NameConstraints(permitted, None), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        )
        own = Issued(_signed(certificate, key), key)
        _write(self._folder / "authority.key", own)
        return own

    def _issue(self, addresses: Sequence[IPv4Address]) -> Issued:
        from cryptography import x509
        from cryptography.hazmat.primitives.asymmetric import ec
        from cryptography.x509.oid import ExtendedKeyUsageOID

        key = ec.generate_private_key(ec.SECP256R1())
        issuer, ours = self._own
        names = [
            *(x509.DNSName(name) for name in (local_name(), "localhost")),
            *(x509.IPAddress(address) for address in (*addresses, IPv4Address("127.0.0.1"))),
        ]
        vouched = x509.AuthorityKeyIdentifier.from_issuer_public_key(ours.public_key())
        certificate = (
            _draft(_name(local_name()), issuer.subject, key, _LASTS)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(sign=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
            .add_extension(x509.SubjectAlternativeName(names), critical=False)
            .add_extension(vouched, critical=False)
        )
        return Issued(_signed(certificate, ours), key)

    def _covers(self, certificate: "x509.Certificate", addresses: Sequence[IPv4Address]) -> bool:
        """Whether a certificate is ours, names what it must, and lasts."""
        from cryptography import x509
        from cryptography.exceptions import InvalidSignature

        with contextlib.suppress(ValueError, TypeError, InvalidSignature, x509.ExtensionNotFound):
            certificate.verify_directly_issued_by(self._own.certificate)
            names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
            known = {*names.get_values_for_type(x509.DNSName), *names.get_values_for_type(x509.IPAddress)}
            lasts = certificate.not_valid_after_utc - _today() > _RENEWED_BEFORE
            return lasts and known >= {local_name(), *addresses}
        return False


def _today() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


def _name(common: str) -> "x509.Name":
    from cryptography import x509
    from cryptography.x509.oid import NameOID

    return x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Marotte"),
            x509.NameAttribute(NameOID.COMMON_NAME, common[:64]),
        ]
    )


def _draft(
    subject: "x509.Name", issuer: "x509.Name", key: "EllipticCurvePrivateKey", lasts: dt.timedelta
) -> "x509.CertificateBuilder":
    from cryptography import x509

    builder = x509.CertificateBuilder(subject_name=subject, issuer_name=issuer, public_key=key.public_key())
    builder = builder.serial_number(x509.random_serial_number())
    return builder.not_valid_before(_today() - _SKEW).not_valid_after(_today() + lasts)


def _usage(*, sign: bool) -> "x509.KeyUsage":
    from cryptography import x509

    return x509.KeyUsage(
        digital_signature=not sign,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=sign,
        crl_sign=sign,
        encipher_only=False,
        decipher_only=False,
    )


def _signed(builder: "x509.CertificateBuilder", key: "EllipticCurvePrivateKey") -> "x509.Certificate":
    from cryptography.hazmat.primitives.hashes import SHA256

    return builder.sign(key, SHA256())


def _read(file: Path) -> Issued | None:
    """Read a key and its certificate from one file; None where there is none. Raises OSError and LanError."""
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        pem = file.read_bytes()
        if file.stat().st_mode & 0o077:
            file.chmod(0o600)
        key = load_pem_private_key(pem, None)
        assert isinstance(key, EllipticCurvePrivateKey)
        return Issued(x509.load_pem_x509_certificate(pem), key)
    except FileNotFoundError:
        return None
    except (ValueError, TypeError, AssertionError):
        raise LanError(f"{file}: is damaged: delete it, and trust the new authority on your devices") from None


def _write(file: Path, issued: Issued) -> None:
    """Put a key and its certificate in one file that only its owner reads: the old one or the new one, never half."""
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    pem = issued.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    new = file.with_suffix(".new")
    new.unlink(missing_ok=True)
    with open(os.open(new, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as handle:
        handle.write(pem + issued.certificate.public_bytes(Encoding.PEM))
        handle.flush()
        os.fsync(handle.fileno())
    new.replace(file)
