"""The certificates by which coordinator and workers know each other (mutual TLS).

One private authority per installation.  Its key is forgotten as soon as it has signed the two
certificates, so nobody can make a third; they are made anew, all together, when they are to expire.
A role is the name in a certificate: a worker's can't pass for the coordinator's.
"""

import ssl
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from survey.errors import ConfigError
from survey.storage.files import replacing

COORDINATOR = "coordinator"
WORKER = "worker"

LIFETIME = timedelta(days=1095)
"""Of a set of certificates."""

RENEWAL = timedelta(days=90)
"""A set that has no more than this left is replaced by `survey keys init`."""

_CURE = "make the certificates with `survey keys init`, and copy them to every worker"


@dataclass(frozen=True, slots=True)
class Certificates:
    """Where the set lies in a folder of keys.

    Attributes:
        folder: The folder.
    """

    folder: Path

    @property
    def authority(self) -> Path:
        """The authority's certificate, by which each side checks the other."""
        return self.folder / "authority.pem"

    def own(self, role: str) -> Path:
        """Key and certificate of a role, in one file."""
        return self.folder / f"{role}.pem"


def make_certificates(folder: Path, now: datetime | None = None) -> bool:
    """Make the set if there is none, or if it is to expire soon; whether it was made."""
    now = now or datetime.now(UTC)
    files = Certificates(folder)
    if _good_until(files) - RENEWAL > now:
        return False
    key = ec.generate_private_key(ec.SECP256R1())
    authority = _authority(key, now)
    for role in (COORDINATOR, WORKER):
        own = ec.generate_private_key(ec.SECP256R1())
        secret = own.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        _write(files.own(role), secret + _pem(_certificate(role, own, authority, key, now)))
    _write(files.authority, _pem(authority))
    return True


def coordinator_tls(folder: Path) -> ssl.SSLContext:
    """The coordinator's end; it talks to workers of this installation only.

    Raises:
        ConfigError: A file is missing, others may read it, or it is no certificate.
    """
    return _context(folder, COORDINATOR, ssl.PROTOCOL_TLS_SERVER)


def worker_tls(folder: Path) -> ssl.SSLContext:
    """A worker's end; connect with ``server_hostname=COORDINATOR``.

    Raises:
        ConfigError: As for ``coordinator_tls``.
    """
    return _context(folder, WORKER, ssl.PROTOCOL_TLS_CLIENT)


def _context(folder: Path, role: str, protocol: int) -> ssl.SSLContext:
    files = Certificates(folder)
    own = files.own(role)
    try:
        if own.stat().st_mode & 0o077:
            raise ConfigError(own, "", "others may read this key", f"chmod 600 {own}")
        context = ssl.SSLContext(protocol)
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(files.authority)
        context.load_cert_chain(own)
    except OSError as error:  # ssl.SSLError is one
        path = own if not own.exists() or files.authority.exists() else files.authority
        raise ConfigError(path, "", f"can't be used ({error.strerror or error})", _CURE) from error
    return context


def _good_until(files: Certificates) -> datetime:
    """When the first of the set expires; long ago if it is no set."""
    try:
        authority = x509.load_pem_x509_certificate(files.authority.read_bytes())
        own = [
            x509.load_pem_x509_certificate(files.own(role).read_bytes())
            for role in (COORDINATOR, WORKER)
        ]
        for certificate in own:
            certificate.verify_directly_issued_by(authority)
    except Exception:  # noqa: BLE001 - whatever is wrong with it, it is no set
        return datetime.min.replace(tzinfo=UTC) + RENEWAL
    return min(each.not_valid_after_utc for each in (authority, *own))


def _authority(key: ec.EllipticCurvePrivateKey, now: datetime) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "survey authority")])
    usage = _usage(signs_certificates=True)
    return (
        _builder(name, name, key, now)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=True)
        .sign(key, hashes.SHA256())
    )


def _certificate(
    role: str,
    own: ec.EllipticCurvePrivateKey,
    authority: x509.Certificate,
    key: ec.EllipticCurvePrivateKey,
    now: datetime,
) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, role)])
    # Dask's processes speak with all the others, so each is server and client at once.
    both = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH])
    issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key())
    return (
        _builder(name, authority.subject, own, now)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(both, critical=False)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(role)]), critical=False)
        .add_extension(issuer, critical=False)
        .sign(key, hashes.SHA256())
    )


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, now: datetime
) -> x509.CertificateBuilder:
    public = key.public_key()
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))  # another machine's clock may be behind
        .not_valid_after(now + LIFETIME)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def _write(path: Path, content: bytes) -> None:
    with replacing(path) as part:
        part.write_bytes(content)
