"""The officer's key on the phone: taken once from a PKCS#12 file with its one-time code, then kept in the outbox.

A real phone keeps the key in its hardware; this one keeps it in a file of mode 0600, encrypted if there is a
passphrase.
"""

import re
from pathlib import Path

from cryptography import x509
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
from relay.files import sync_folder, write_durably
from relay.identity import CERTIFICATE_FILE, KEY_FILE, ROOT_FILE, NodeIdentity
from relay.protocol import cose, trust
from relay.protocol.certificates import der_of
from relay.protocol.identities import check_role
from relay.protocol.roles import Role

_CODE_LENGTH, _CODE_GROUP = 16, 4


def from_pkcs12(data: bytes, code: str, root: bytes) -> tuple[NodeIdentity, ec.EllipticCurvePrivateKey]:
    """The officer in a PKCS#12 file, checked against the pinned `root` (DER), and the key."""
    bundle = _open(data, code)
    if bundle.cert is None or not isinstance(bundle.key, ec.EllipticCurvePrivateKey):
        raise Rejected(Code.CERTIFICATE_MALFORMED, "The file holds no key with its certificate; ask for a new one.")
    pinned = trust.pin(root)
    above = [item.certificate for item in bundle.additional_certs if item.certificate != pinned.root]
    chain = tuple(der_of(certificate) for certificate in (bundle.cert.certificate, *above))
    who = pinned.identify(chain, at=None)
    check_role(who, Role.KPPS)
    if bundle.key.public_key() != who.public_key:
        raise Rejected(
            Code.CERTIFICATE_MALFORMED, "The key is not that of the certificate beside it; ask for a new one."
        )
    return NodeIdentity(cose.Signer(bundle.key, chain[0]), who, pinned), bundle.key


def keep(folder: Path, officer: NodeIdentity, key: ec.EllipticCurvePrivateKey, passphrase: bytes | None) -> None:
    """Writes the identity into a new `folder`, as `load` reads it; the key last, so that it is whole or absent."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if (folder / KEY_FILE).exists():
        raise Rejected(Code.FILE_EXISTS, f"{folder} has a key already; use another --outbox for another officer.")
    encryption: KeySerializationEncryption = BestAvailableEncryption(passphrase) if passphrase else NoEncryption()
    write_durably(folder / ROOT_FILE, _pem([der_of(officer.trust.root)]), replace=True)
    write_durably(folder / CERTIFICATE_FILE, _pem(officer.identity.chain), replace=True)
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption)
    write_durably(folder / KEY_FILE, pem, mode=0o600)
    sync_folder(folder.parent)


def load(folder: Path, passphrase: bytes | None = None) -> NodeIdentity:
    """The officer's identity, with the key that signs."""
    if not (folder / KEY_FILE).exists():
        raise Rejected(Code.FILE_UNREADABLE, f"{folder} has no key yet; begin with: relay phone init")
    return identity.load(folder, Role.KPPS, passphrase=passphrase)


def is_encrypted(folder: Path) -> bool:
    """Whether the key needs a passphrase."""
    return b"ENCRYPTED" in (folder / KEY_FILE).read_bytes()


def _open(data: bytes, code: str) -> pkcs12.PKCS12KeyAndCertificates:
    """Opens with the code as it was typed, then with its dashes and capitals put right."""
    for attempt in dict.fromkeys((code.strip(), _tidied(code))):
        try:
            return pkcs12.load_pkcs12(data, attempt.encode())
        except ValueError:
            continue
    raise Rejected(
        Code.PASSPHRASE_WRONG,
        "The file does not open: the one-time code is wrong, or the file is damaged. Type the code again as it stands "
        "in codes.csv, such as K7QM-2XHV-9TRA-CW4E.",
    )


def _tidied(code: str) -> str:
    letters = re.sub(r"[^A-Za-z0-9]", "", code).upper()
    if len(letters) != _CODE_LENGTH:
        return code.strip()
    return "-".join(letters[start : start + _CODE_GROUP] for start in range(0, _CODE_LENGTH, _CODE_GROUP))


def _pem(chain: tuple[bytes, ...] | list[bytes]) -> bytes:
    return b"".join(x509.load_der_x509_certificate(der).public_bytes(Encoding.PEM) for der in chain)
