"""OpenPGP for what is delivered: encrypted to the agency's certificate, signed with our key.

The keys are files: a certificate (public) beside the agency's file, our own secret key in the keys
folder, 0600 and without a passphrase, since no person is there when a report is due.
"""

import stat
from datetime import UTC, datetime
from pathlib import Path

from pysequoia import Cert, SignatureMode, Tsk, encrypt, sign

from survey.errors import ConfigError


def read_certificate(path: Path, fingerprint: str = "") -> Cert:
    """A certificate that we may encrypt to, now.

    Args:
        path: The file, armoured or not.
        fingerprint: What it must have, hex in capitals; "" if the agency told none.

    Raises:
        ConfigError: It can't be read, is expired or revoked, or has another fingerprint.
    """
    try:
        cert = Cert.from_bytes(path.read_bytes())
    except OSError as error:
        raise ConfigError(
            path, "", f"can't be read ({error.strerror})", "put the agency's OpenPGP key there"
        ) from error
    except Exception as error:  # pysequoia raises bare exceptions
        raise ConfigError(path, "", "is no OpenPGP certificate", "ask the agency again") from error
    if fingerprint and cert.fingerprint.upper() != fingerprint:
        raise ConfigError(
            path,
            "",
            f"has the fingerprint {cert.fingerprint.upper()}, not {fingerprint}",
            "ask the agency by another way which is right",
        )
    if cert.is_revoked:
        raise ConfigError(path, "", "was revoked by its owner", "ask the agency for a new key")
    expires = cert.expiration
    if expires is not None and expires <= datetime.now(UTC):
        raise ConfigError(
            path, "", f"expired on {expires:%Y-%m-%d}", "ask the agency for a new key"
        )
    try:
        encrypt(b"", recipients=[cert])
    except Exception as error:
        raise ConfigError(
            path, "", "has no key that we can encrypt to", "ask the agency for another key"
        ) from error
    return cert


def read_secret(path: Path) -> Tsk:
    """Our signing key.

    Raises:
        ConfigError: It is missing, others may read it, or it is not a key without a passphrase.
    """
    try:
        mode, data = path.stat().st_mode, path.read_bytes()
    except OSError as error:
        raise ConfigError(
            path, "", f"can't be read ({error.strerror})", "put our OpenPGP key there, 0600"
        ) from error
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise ConfigError(path, "", "others may read this key", f"chmod 600 {path}")
    try:
        key = Tsk.from_bytes(data)
        key.signer()
    except Exception as error:
        raise ConfigError(
            path, "", "is no OpenPGP key that can sign without a passphrase", "export it again"
        ) from error
    return key


def seal(data: bytes, recipient: Cert, signer: Tsk | None, *, armor: bool) -> bytes:
    """Encrypted to the recipient, and signed inside if we have a key."""
    return bytes(
        encrypt(data, recipients=[recipient], signer=signer and signer.signer(), armor=armor)
    )


def detached(data: bytes, signer: Tsk) -> bytes:
    """An armoured signature over these bytes, apart from them (SHA-512: micalg pgp-sha512)."""
    return bytes(sign(signer.signer(), data, mode=SignatureMode.DETACHED))
