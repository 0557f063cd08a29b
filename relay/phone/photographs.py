"""Photographs on their way into the outbox: measured, copied byte for byte, on disk before anybody signs for them.

Copied and never hard-linked: a gallery that edits its file in place would change a link's bytes too.
"""

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

from relay.errors import Code, Rejected
from relay.protocol.statements import DOCUMENT_BYTES_MAX, DocumentHash, Page

_BLOCK_BYTES = 256 * 1024


def measure(path: Path) -> tuple[DocumentHash, int]:
    """SHA-256 and size of a photograph; `Rejected` if it cannot be read, is empty or too large."""
    digest, size = hashlib.sha256(), 0
    for block in _blocks(path):
        digest.update(block)
        size += len(block)
        if size > DOCUMENT_BYTES_MAX:
            raise Rejected(
                Code.DOCUMENT_TOO_LARGE,
                f"{path} has more than {DOCUMENT_BYTES_MAX} bytes; photograph the page with a lower resolution.",
            )
    if size == 0:
        raise Rejected(Code.DOCUMENT_ALTERED, f"{path} is empty; photograph the page again.")
    return DocumentHash(digest.digest()), size


def copy(source: Path, folder: Path, page: Page) -> None:
    """Copies the photograph of `page` into `folder` under its SHA-256, fsynced; the caller syncs the folder."""
    digest = hashlib.sha256()
    with (folder / page.document.hex()).open("wb") as file:
        for block in _blocks(source):
            digest.update(block)
            file.write(block)
        file.flush()
        os.fsync(file.fileno())
    if digest.digest() != page.document:
        raise Rejected(Code.DOCUMENT_ALTERED, f"{source} changed while it was read; nothing was signed. Try again.")


def check(path: Path, document: DocumentHash) -> None:
    """`Rejected(document-altered)` unless the original on this phone still has the bytes that were signed."""
    if measure(path)[0] != document:
        raise Rejected(
            Code.DOCUMENT_ALTERED,
            f"{path} is damaged on this phone's disk and is not sent; photograph the page again and sign it with the "
            "next --revision.",
        )


def _blocks(path: Path) -> Iterator[bytes]:
    try:
        with path.open("rb") as file:
            while block := file.read(_BLOCK_BYTES):
                yield block
    except OSError as error:
        raise Rejected(Code.FILE_UNREADABLE, f"{path} cannot be read: {error.strerror}.") from error
