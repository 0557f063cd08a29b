"""Photographs on disk: files named by their SHA-256, and the partial files from which they grow.

`documents/ab/ab12….` is whole and verified; `incoming/….part` is growing, by appending (a phone's upload) or
by cells in any order (`….cells` beside it holds one byte a cell). A partial file needs no fsync: its content is
verified when it is whole, and if a power cut spoilt it, it begins again.
"""

import contextlib
import hashlib
import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from relay.errors import Code, NotNow, Rejected
from relay.files import sync_folder
from relay.protocol.parcels import CELL_BYTES, cells_in
from relay.protocol.planning import bitmap_of

_BLOCK_BYTES = 256 * 1024
_FULL_RETRY_SECONDS = 60.0


class DocumentFiles:
    """All functions block on the disk: call them in a thread. `reserve_bytes` of the disk are left free.

    Whoever appends and whoever writes cells has an `incoming` folder of its own: what is whole, they share.
    """

    def __init__(self, folder: Path, reserve_bytes: int, incoming: str = "incoming") -> None:
        self._documents = folder / "documents"
        self._incoming = folder / incoming
        self._reserve_bytes = reserve_bytes
        self._documents.mkdir(parents=True, exist_ok=True)
        self._incoming.mkdir(parents=True, exist_ok=True)

    def path(self, document: bytes) -> Path:
        """Where a whole document is or will be."""
        name = document.hex()
        return self._documents / name[:2] / name

    def arrived_bytes(self, document: bytes) -> int:
        """How many bytes of an appended upload are here."""
        try:
            return self._part(document).stat().st_size
        except FileNotFoundError:
            return 0

    def arriving(self) -> set[bytes]:
        """The documents of which a part is here."""
        return {bytes.fromhex(path.stem) for path in self._incoming.iterdir() if path.suffix == ".part"}

    def free_for_documents(self) -> int:
        """Bytes of the disk that photographs may still take."""
        state = os.statvfs(self._incoming)
        return state.f_bavail * state.f_frsize - self._reserve_bytes

    def check_room(self, size_bytes: int) -> None:
        """`NotNow(disk-full)` if `size_bytes` more would eat into what is reserved for tallies."""
        if self.free_for_documents() < size_bytes:
            raise NotNow(
                Code.DISK_FULL,
                "The relay's disk has no room for photographs now; figures are still taken. Keep the photographs on "
                "the phone, they are asked for again.",
                _FULL_RETRY_SECONDS,
            )

    def append(self, document: bytes, offset: int, data: bytes) -> int:
        """Appends to a partial file at `offset`, which must be its end; the new length."""
        self.check_room(len(data))
        try:
            with self._part(document).open("ab") as file:
                if file.tell() != offset:
                    raise _wrong_offset(file.tell())
                file.write(data)
        except OSError as error:
            raise _disk_error(error) from error
        return offset + len(data)

    def write_cells(self, document: bytes, sizes: Sequence[int], first_cell: int, data: bytes) -> None:
        """Writes a run of cells into a partial file; `sizes` are those that statements give the document."""
        self.check_room(len(data))
        offset, count = first_cell * CELL_BYTES, cells_in(len(data))
        end = offset + len(data)
        if end > max(sizes) or (len(data) % CELL_BYTES and end not in sizes):
            raise Rejected(Code.BATCH_MALFORMED, "A chunk does not lie on the document's grid.")
        try:
            _write_at(self._part(document), offset, data)
            _write_at(self._cells(document), first_cell, b"\x01" * count)
        except OSError as error:
            raise _disk_error(error) from error

    def cells_held(self, document: bytes, size_bytes: int) -> bytes:
        """The bitmap of cells of a partial file, or all ones if the document is whole."""
        count = cells_in(size_bytes)
        if self.path(document).exists():
            return bitmap_of(range(count), count)
        try:
            held = self._cells(document).read_bytes()
        except FileNotFoundError:
            return b""
        return bitmap_of((cell for cell, byte in enumerate(held[:count]) if byte), count)

    def complete_size(self, document: bytes, sizes: Sequence[int]) -> int | None:
        """The one of `sizes` up to which every cell of a partial file has been written, if there is one."""
        try:
            held, length = self._cells(document).read_bytes(), self._part(document).stat().st_size
        except FileNotFoundError:
            return None
        return next((size for size in sizes if size == length and held == b"\x01" * cells_in(size)), None)

    def finish(self, document: bytes, size_bytes: int, *, keep_partial: bool = False) -> None:
        """Turns a complete partial file into the document: verified, fsynced, renamed, folder fsynced.

        `Rejected(document-altered)` if the bytes are not those of its name: they are removed, to be sent again,
        unless `keep_partial`.
        """
        part, final = self._part(document), self.path(document)
        if not final.exists():
            if not part.exists() or part.stat().st_size != size_bytes or _sha256(part) != document:
                if not keep_partial:
                    self.discard(document)
                raise Rejected(
                    Code.DOCUMENT_ALTERED,
                    "The bytes that arrived are not those of the photograph that was signed; send it again.",
                )
            self._put_in_place(part, final)
        try:
            sync_folder(final.parent)
            sync_folder(self._documents)
            self._cells(document).unlink(missing_ok=True)
        except OSError as error:
            raise _disk_error(error) from error

    def _put_in_place(self, part: Path, final: Path) -> None:
        try:
            final.parent.mkdir(exist_ok=True)
            _sync_file(part)
            part.rename(final)
        except OSError as error:
            raise _disk_error(error) from error

    def sweep(self, unfinished: Iterable[bytes]) -> None:
        """Forgets partial files of all but these documents: the others have become whole by another way."""
        kept = {document.hex() for document in unfinished}
        for path in list(self._incoming.iterdir()):
            if path.suffix in (".part", ".cells") and path.stem not in kept:
                path.unlink(missing_ok=True)

    def discard(self, document: bytes) -> None:
        """Forgets a partial file."""
        self._part(document).unlink(missing_ok=True)
        self._cells(document).unlink(missing_ok=True)

    def drop(self, document: bytes) -> None:
        """Removes a whole document, as far as the disk lets us: what the centre has a receipt for, or is damaged."""
        with contextlib.suppress(OSError):
            self.path(document).unlink()

    def verify(self, document: bytes) -> bool:
        """Whether the whole document is here and still has the bytes of its name."""
        path = self.path(document)
        try:
            return path.exists() and _sha256(path) == document
        except OSError:  # a sector that cannot be read is damage like any other
            return False

    def read(self, document: bytes, offset: int, size_bytes: int) -> bytes:
        """A part of a whole document; `Rejected(document-altered)` if the disk does not give it."""
        try:
            with self.path(document).open("rb") as file:
                file.seek(offset)
                return file.read(size_bytes)
        except OSError as error:
            raise Rejected(Code.DOCUMENT_ALTERED, f"The photograph cannot be read ({error.strerror}).") from error

    def _part(self, document: bytes) -> Path:
        return self._incoming / f"{document.hex()}.part"

    def _cells(self, document: bytes) -> Path:
        return self._incoming / f"{document.hex()}.cells"


def _write_at(path: Path, offset: int, data: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        os.pwrite(descriptor, data, offset)
    finally:
        os.close(descriptor)


def _sync_file(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _sha256(path: Path) -> bytes:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK_BYTES):
            digest.update(block)
    return digest.digest()


def _wrong_offset(length: int) -> Rejected:
    return Rejected(
        Code.UPLOAD_OFFSET_MISMATCH, f"The relay holds {length} bytes of this; ask with HEAD and go on there."
    )


def _disk_error(error: OSError) -> NotNow:
    return NotNow(Code.DISK_FULL, f"The disk cannot take this now ({error.strerror}).", _FULL_RETRY_SECONDS)
