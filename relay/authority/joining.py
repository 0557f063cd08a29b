"""A CA whose key never leaves its machine: it asks with a request, and takes the certificate that comes back."""

from collections.abc import Sequence
from pathlib import Path

from relay.authority import folders, keys, requests
from relay.authority.authority import LEDGER_FILE, Authority
from relay.errors import Code, Rejected
from relay.files import write_durably
from relay.identity import CERTIFICATE_FILE, KEY_FILE, ROOT_FILE
from relay.protocol import codes, trust
from relay.protocol.certificates import parse_certificate

REQUEST_FILE = "request.pem"


def ask(folder: Path, passphrase: bytes, scope: str) -> Path:
    """A new key in a new authority `folder`, and the request to take to the CA above."""
    folders.check_new(folder)
    name = f"KPU {codes.scope(scope)}"
    key = keys.new_key()
    folders.make_private(folder)
    write_durably(folder / KEY_FILE, keys.key_pem(key, keys.check_passphrase(passphrase)), mode=keys.PRIVATE)
    write_durably(folder / REQUEST_FILE, requests.request_for(key, name))
    return folder / REQUEST_FILE


def accept(folder: Path, certificates: Sequence[bytes]) -> Authority:
    """Makes the folder a CA with the answer to its request: its certificate, the CAs above it, the root last (DER).

    Whether it is the right root is for people to compare, by its fingerprint.
    """
    if (folder / CERTIFICATE_FILE).exists():
        raise Rejected(Code.FILE_EXISTS, f"{folder} is a CA already and is left as it is.")
    *chain, root = certificates
    if not chain:
        raise Rejected(Code.CHAIN_BROKEN, "The answer holds the CA's certificate, those above it, and the root last.")
    trust.pin(root).with_authority(*chain)
    try:
        asked = requests.public_key_of((folder / REQUEST_FILE).read_bytes())
    except OSError as error:
        raise Rejected(Code.FILE_UNREADABLE, f"{folder / REQUEST_FILE} cannot be read: {error.strerror}.") from error
    if parse_certificate(chain[0]).public_key() != asked:
        raise Rejected(Code.CONFIG_INVALID, f"The certificate is not for the key in {folder}; take the right answer.")
    write_durably(folder / LEDGER_FILE, b"", mode=keys.PRIVATE, replace=True)  # empty: nothing can be issued before
    write_durably(folder / ROOT_FILE, folders.pem([root]), replace=True)
    write_durably(folder / CERTIFICATE_FILE, folders.pem(chain))  # from here on it is a CA
    return Authority.open(folder)
