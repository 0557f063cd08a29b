"""Private keys on their way to disk: encrypted PEM, PKCS#12, passphrases and one-time codes.

Nothing here writes; a passphrase comes from a file that only its owner reads, or from the keyboard, and never
from the command line, which every user of the machine can see.
"""

import getpass
import secrets
import stat
from collections.abc import Iterable
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
    pkcs12,
)

from relay import identity
from relay.errors import Code, Rejected

PASSPHRASE_LENGTH_MIN = 12
PRIVATE = 0o600
PRIVATE_FOLDER = 0o700
_OTHERS = stat.S_IRWXG | stat.S_IRWXO

_LETTERS = "ABCDEFGHJKMNPQRSTUVWXYZ23456789"  # none of 0 O, 1 I L
_GROUPS = 4
_GROUP_LENGTH = 4
# A code is 79 bits of chance: nobody guesses it however fast one guess is. Many rounds are for passphrases that
# people invent, and would only make a kabupaten's 10,000 files slow.
_ROUNDS = 2048


def new_key() -> ec.EllipticCurvePrivateKey:
    """A fresh P-256 key."""
    return ec.generate_private_key(ec.SECP256R1())


def key_pem(key: ec.EllipticCurvePrivateKey, passphrase: bytes | None) -> bytes:
    """PKCS#8 in PEM, encrypted if there is a passphrase."""
    encryption: KeySerializationEncryption = BestAvailableEncryption(passphrase) if passphrase else NoEncryption()
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption)


def new_code() -> str:
    """A one-time code that can be read out over the telephone, such as `K7QM-2XHV-9TRA-CW4E`."""
    groups = ("".join(secrets.choice(_LETTERS) for _ in range(_GROUP_LENGTH)) for _ in range(_GROUPS))
    return "-".join(groups)


def pkcs12_file(
    name: str,
    key: ec.EllipticCurvePrivateKey,
    certificate: x509.Certificate,
    above: Iterable[x509.Certificate],
    code: str,
) -> bytes:
    """Key, certificate and the CAs above it in one PKCS#12 file (RFC 7292), opened by `code`."""
    builder = PrivateFormat.PKCS12.encryption_builder().kdf_rounds(_ROUNDS)
    encryption = builder.key_cert_algorithm(pkcs12.PBES.PBESv2SHA256AndAES256CBC).hmac_hash(hashes.SHA256())
    return pkcs12.serialize_key_and_certificates(
        name.encode(), key, certificate, list(above), encryption.build(code.encode())
    )


def check_private(path: Path, mode: int) -> None:
    """`Rejected(permissions-too-open)` if others than its owner may do anything with `path`."""
    try:
        found = path.stat().st_mode
    except OSError as error:
        raise Rejected(Code.FILE_UNREADABLE, f"{path} cannot be read: {error.strerror}.") from error
    if found & _OTHERS:
        raise Rejected(Code.PERMISSIONS_TOO_OPEN, f"{path} is open to others; run: chmod {mode:o} {path}")


def check_passphrase(passphrase: bytes) -> bytes:
    """The passphrase for something new, if it is long enough."""
    if len(passphrase) < PASSPHRASE_LENGTH_MIN:
        raise Rejected(
            Code.CONFIG_INVALID,
            f"A passphrase has at least {PASSPHRASE_LENGTH_MIN} characters; four words that do not belong together "
            "are a good one.",
        )
    return passphrase


def read_passphrase(file: Path | None, what: str, *, new: bool = False) -> bytes:
    """The passphrase for `what`: from `file` (mode 0600, its line end is not part of it) or asked for.

    A `new` one is asked for twice, and must be long enough.
    """
    if file is not None:
        given = identity.read_passphrase(file)
    else:
        given = _ask(f"Passphrase for {what}: ")
        if new and _ask("Once more: ") != given:
            raise Rejected(Code.PASSPHRASE_WRONG, "The two passphrases differ; begin again.")
    return check_passphrase(given) if new else given


def _ask(prompt: str) -> bytes:
    try:
        return getpass.getpass(prompt).encode()
    except EOFError as error:
        raise Rejected(
            Code.PASSPHRASE_WRONG, "There is nobody to ask for the passphrase; give it with --passphrase-file."
        ) from error
