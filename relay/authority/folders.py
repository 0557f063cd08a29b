"""Folders of keys on disk: never written over, never open to others."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from cryptography.hazmat.primitives.serialization import Encoding

from relay.authority import keys
from relay.errors import Code, Rejected
from relay.files import sync_folder, write_durably
from relay.identity import CERTIFICATE_FILE, KEY_FILE, ROOT_FILE
from relay.protocol.certificates import parse_certificate


def check_new(folder: Path) -> None:
    """`Rejected(file-exists)` unless `folder` is not there yet, or is empty."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise Rejected(Code.FILE_EXISTS, f"{folder} is not empty and is left as it is; name a new folder.")


def make_private(folder: Path) -> None:
    """The folder, made if it is not there; one that others can read is refused with the command that mends it."""
    try:
        folder.mkdir(mode=keys.PRIVATE_FOLDER, parents=True, exist_ok=True)
    except OSError as error:
        raise Rejected(Code.FILE_UNREADABLE, f"{folder} cannot be made: {error.strerror}.") from error
    if not any(folder.iterdir()):
        folder.chmod(keys.PRIVATE_FOLDER)
    keys.check_private(folder, keys.PRIVATE_FOLDER)
    sync_folder(folder.parent)


def write_identity(folder: Path, key: bytes, chain: Sequence[bytes], root: bytes) -> None:
    """Key (PEM), chain and root (DER) in a new folder, as `relay.identity` reads them."""
    make_private(folder)
    write_durably(folder / KEY_FILE, key, mode=keys.PRIVATE)
    write_durably(folder / ROOT_FILE, pem([root]))
    write_durably(folder / CERTIFICATE_FILE, pem(chain))


def pem(chain: Iterable[bytes]) -> bytes:
    """Certificates (DER) as one PEM file."""
    return b"".join(parse_certificate(der).public_bytes(Encoding.PEM) for der in chain)
