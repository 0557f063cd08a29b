"""Key files: the identity folder of a relay or centre, and the door through which private keys are read.

An identity folder holds `certificate.pem` (the node's certificate, then its CAs, without the root),
`key.pem` (PKCS#8, mode 0600, optionally encrypted) and `root.pem` (the pinned root).
"""

import contextlib
import os
import stat
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key

from relay.errors import Code, Rejected
from relay.protocol import cose, trust
from relay.protocol.identities import Identity, check_role
from relay.protocol.roles import Role

CERTIFICATE_FILE = "certificate.pem"
KEY_FILE = "key.pem"
ROOT_FILE = "root.pem"


@dataclass(frozen=True, slots=True)
class NodeIdentity:
    """Who a node is: its signing key, the identity that the chain proves, and the root it pins."""

    signer: cose.Signer
    identity: Identity
    trust: trust.Trust


def load(folder: Path, *roles: Role, passphrase: bytes | None = None) -> NodeIdentity:
    """The identity in `folder`, checked: key fits certificate, chain reaches root, role is one of `roles`."""
    pinned = trust.pin(read_certificates(folder / ROOT_FILE)[0])
    chain = read_certificates(folder / CERTIFICATE_FILE)
    identity = pinned.identify(chain, at=None)
    check_role(identity, *roles)
    for der in reversed(chain[1:]):
        pinned = pinned.with_authority(der)
    key = read_key(folder / KEY_FILE, passphrase)
    if key.public_key() != identity.public_key:
        raise Rejected(Code.CONFIG_INVALID, f"{folder / KEY_FILE} is not the key of {folder / CERTIFICATE_FILE}.")
    return NodeIdentity(cose.Signer(key, chain[0]), identity, pinned)


def read_certificates(path: Path) -> list[bytes]:
    """The DER of every certificate in a PEM file, in order; at least one."""
    try:
        return [item.public_bytes(Encoding.DER) for item in x509.load_pem_x509_certificates(path.read_bytes())]
    except OSError as error:
        raise Rejected(Code.FILE_UNREADABLE, f"{path} cannot be read: {error.strerror}.") from error
    except ValueError as error:
        raise Rejected(Code.CERTIFICATE_MALFORMED, f"{path} holds no certificate in PEM.") from error


def host_names(path: Path) -> list[str]:
    """The DNS names and IP addresses for which the first certificate in a PEM file is good as a server's."""
    certificate = x509.load_der_x509_certificate(read_certificates(path)[0])
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return []
    return [*names.get_values_for_type(x509.DNSName), *map(str, names.get_values_for_type(x509.IPAddress))]


def read_passphrase(path: Path) -> bytes:
    """The passphrase in a file that nobody but its owner may read; one line ending is not part of it."""
    try:
        mode, data = path.stat().st_mode, path.read_bytes()
    except OSError as error:
        raise Rejected(Code.FILE_UNREADABLE, f"{path} cannot be read: {error.strerror}.") from error
    _check_private(path, mode)
    return data.removesuffix(b"\n").removesuffix(b"\r")


def read_trust_folder(folder: Path) -> tuple[list[bytes], list[bytes]]:
    """The CA certificates and CRLs (DER) in a folder's files, PEM or DER; other files are passed over."""
    certificates: list[bytes] = []
    crls: list[bytes] = []
    try:
        paths = sorted(folder.iterdir())
    except OSError as error:
        raise Rejected(Code.FILE_UNREADABLE, f"{folder} cannot be read: {error.strerror}.") from error
    for path in paths:
        try:
            data = path.read_bytes()
        except OSError:  # a folder, a file just gone or not for us: the others count
            continue
        with contextlib.suppress(ValueError):
            certificates += [item.public_bytes(Encoding.DER) for item in x509.load_pem_x509_certificates(data)]
        with contextlib.suppress(ValueError):
            certificates.append(x509.load_der_x509_certificate(data).public_bytes(Encoding.DER))
        with contextlib.suppress(ValueError):
            crls.append(x509.load_pem_x509_crl(data).public_bytes(Encoding.DER))
        with contextlib.suppress(ValueError):
            crls.append(x509.load_der_x509_crl(data).public_bytes(Encoding.DER))
    return certificates, crls


def trust_folder_state(folder: Path) -> list[tuple[str, int]]:
    """Names and times of a trust folder's files: it differs once there is something to read again."""
    try:
        with os.scandir(folder) as entries:
            return sorted((entry.name, entry.stat(follow_symlinks=False).st_mtime_ns) for entry in entries)
    except OSError as error:
        raise Rejected(Code.FILE_UNREADABLE, f"{folder} cannot be read: {error.strerror}.") from error


def read_key(path: Path, passphrase: bytes | None) -> ec.EllipticCurvePrivateKey:
    """The P-256 private key in a PEM file that nobody but its owner may read."""
    try:
        mode = path.stat().st_mode
        data = path.read_bytes()
    except OSError as error:
        raise Rejected(Code.FILE_UNREADABLE, f"{path} cannot be read: {error.strerror}.") from error
    _check_private(path, mode)
    try:
        key = load_pem_private_key(data, passphrase)
    except TypeError as error:
        hint = "is encrypted: give its passphrase" if passphrase is None else "is not encrypted: give no passphrase"
        raise Rejected(Code.PASSPHRASE_WRONG, f"{path} {hint}.") from error
    except ValueError as error:
        raise Rejected(
            Code.PASSPHRASE_WRONG, f"{path} cannot be opened: wrong passphrase, or not a PEM key."
        ) from error
    if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
        raise Rejected(Code.ALGORITHM_UNSUPPORTED, f"{path} does not hold a P-256 key.")
    return key


def _check_private(path: Path, mode: int) -> None:
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise Rejected(Code.PERMISSIONS_TOO_OPEN, f"{path} can be read by others; run: chmod 600 {path}")
