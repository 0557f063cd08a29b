"""Proofs as a phone's page gives them away: an export as one ZIP file, and a short text from a QR code."""

import re
import shutil
import string
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from relay.errors import Code, Rejected
from relay.protocol import cbor, cose
from relay.protocol.statements import Key, Kind, payload_of

TEXT_START = b"KPU1:"
"""How the text of a QR code begins."""

_FILES_MAX = 256
_NAME = re.compile(r"[A-Za-z0-9][\w.-]{0,63}")
_ALPHABET = string.digits + string.ascii_uppercase + " $%*+-./:"


@contextmanager
def folder_of(export: Path) -> Iterator[Path]:
    """The folder of an export: `export` itself, or what a ZIP file holds, for as long as it is looked at."""
    if not export.is_file():
        yield export
        return
    with tempfile.TemporaryDirectory(prefix="relay-verify-") as folder:
        _unpack(export, Path(folder))
        yield Path(folder)


def read_text(data: bytes) -> tuple[bytes, bytes | None, bytes | None]:
    """The statement, receipt and slip in the text of a QR code: base45 (RFC 9285) of a CBOR array, no certificates.

    There is a receipt, a slip or neither. `Rejected(malformed-cbor)` if it is no such text.
    """
    items = cbor.decode_deterministic(_from_base45(data.strip().removeprefix(TEXT_START)))
    if not isinstance(items, list) or len(items) not in (1, 2) or not all(isinstance(item, bytes) for item in items):
        raise _unreadable("it does not hold a statement and one proof")
    statement, proof = (*items, None)[:2]
    if proof is None:
        return statement, None, None
    is_receipt = payload_of(cose.parse(proof)).get(Key.KIND) == Kind.RECEIPT
    return statement, proof if is_receipt else None, None if is_receipt else proof


def _unpack(file: Path, folder: Path) -> None:
    """Only plain files, and nothing compressed: what is unpacked is no larger than what was given."""
    try:
        with zipfile.ZipFile(file) as archive:
            for entry in _checked(archive.infolist(), file):
                with archive.open(entry) as source, (folder / entry.filename).open("xb") as copy:
                    shutil.copyfileobj(source, copy)
    except (zipfile.BadZipFile, NotImplementedError, EOFError) as error:
        raise Rejected(Code.FILE_UNREADABLE, f"{file} is not a whole ZIP file of a phone: {error}.") from error
    except OSError as error:
        raise Rejected(Code.FILE_UNREADABLE, f"{file} cannot be read: {error.strerror or error}.") from error


def _checked(entries: list[zipfile.ZipInfo], file: Path) -> list[zipfile.ZipInfo]:
    names = {entry.filename for entry in entries}
    stored = all(entry.compress_type == zipfile.ZIP_STORED and not entry.flag_bits & 1 for entry in entries)
    whole = sum(entry.file_size for entry in entries) <= file.stat().st_size
    if len(names) != len(entries) or len(names) > _FILES_MAX or not stored or not whole:
        raise Rejected(
            Code.FILE_UNREADABLE, f"{file} is not a ZIP file as phones write it; unpack it, and name the folder."
        )
    if not all(_NAME.fullmatch(name) for name in names):
        raise Rejected(Code.FILE_UNREADABLE, f"{file} holds a file with a name that no phone gives.")
    return entries


def _from_base45(text: bytes) -> bytes:
    try:
        numbers = [_ALPHABET.index(letter) for letter in text.decode("ascii")]
        groups = [numbers[at : at + 3] for at in range(0, len(numbers), 3)]
        return b"".join(
            sum(number * 45**place for place, number in enumerate(group)).to_bytes(len(group) - 1, "big")
            for group in groups
        )
    except (ValueError, OverflowError) as error:
        raise _unreadable("it is not base45, or part of it is missing") from error


def _unreadable(why: str) -> Rejected:
    return Rejected(Code.MALFORMED_CBOR, f"The text cannot be read: {why}. Scan the QR code again.")
