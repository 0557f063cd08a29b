"""Enrolling people: a PKCS#12 file for each, the one-time codes that open them, and never one without the other.

Each group goes in four steps, each on disk before the next begins:

    1. ledger            what exists can be revoked
    2. .NAME.pending     the key files, under a name that is not theirs yet
    3. codes.csv         the codes that open them
    4. NAME              the key files get their names

A crash after 3 is finished by the next run (the code is there, the file gets its name); one before 3 leaves files
that nobody can open and that nobody was given: they are dropped and made anew.
"""

import fcntl
import os
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509

from relay.authority import folders, keys
from relay.authority.authority import LEAF_DAYS, Authority, Subject, serial_text
from relay.authority.one_time_codes import CodeBook, CodeRow
from relay.errors import Code, Rejected
from relay.files import sync_folder, write_durably
from relay.identity import ROOT_FILE
from relay.protocol.certificates import parse_certificate
from relay.protocol.roles import Role

CODES_FILE = "codes.csv"
_GROUP = 250
_PENDING = ".pending"

Progress = Callable[[int, int], None]
"""Told how many of how many are done."""


@dataclass(frozen=True, slots=True)
class Enrolled:
    """What a run did: files made now, files that were whole before, and codes whose file is elsewhere."""

    made: tuple[str, ...]
    left: tuple[str, ...]
    gone: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Parcel:
    file: str
    subject: Subject
    certificate: x509.Certificate
    data: bytes
    code: str


def enrol(
    authority: Authority,
    subjects: Sequence[Subject],
    out: Path,
    *,
    renew: bool = False,
    days: int = LEAF_DAYS,
    now: datetime | None = None,
    progress: Progress | None = None,
) -> Enrolled:
    """Keys for everybody in `subjects`, in `out`; who has theirs already is left alone.

    With `renew`, everybody gets a new one beside the old. Interrupted, the same call goes on where it stopped.
    """
    moment = (now or datetime.now(UTC)).astimezone(UTC)
    folders.make_private(out)
    with _alone(out), _disk_errors(out):
        _write_root(out, authority.root)
        book = CodeBook(out / CODES_FILE)
        _recover(out, book)
        todo, left, gone = _plan(out, book, subjects, renew)
        for start in range(0, len(todo), _GROUP):
            group = [_make(authority, subject, file, days, moment) for file, subject in todo[start : start + _GROUP]]
            authority.record((parcel.certificate for parcel in group), moment)
            _hand_out(out, book, group)
            if progress:
                progress(start + len(group), len(todo))
    return Enrolled(tuple(file for file, _ in todo), tuple(left), tuple(gone))


def file_name(subject: Subject) -> str:
    """`6501082001001.p12` for a station, `ppk-650108-siti-aminah.p12` for an operator."""
    if subject.role is Role.KPPS:
        return f"{subject.scope}.p12"
    words = re.sub(r"[^a-z0-9]+", "-", subject.name.lower()).strip("-")
    return f"{subject.role}-{subject.scope}-{words}.p12"


def _plan(
    out: Path, book: CodeBook, subjects: Sequence[Subject], renew: bool
) -> tuple[list[tuple[str, Subject]], list[str], list[str]]:
    todo: list[tuple[str, Subject]] = []
    left: list[str] = []
    gone: list[str] = []
    present = {entry.name for entry in os.scandir(out)}
    taken = present | set(book.rows)
    for subject in subjects:
        file = file_name(subject)
        if renew:
            file = _free_name(file, taken)
            taken.add(file)
        if file in present and file not in book.rows:
            raise Rejected(
                Code.FILE_EXISTS,
                f"{out / file} is there, but {CODES_FILE} has no code for it. Nothing was issued: move the file away, "
                "or use --renew to make a new one beside it.",
            )
        if file not in book.rows:
            todo.append((file, subject))
        elif file in present:
            left.append(file)
        else:
            gone.append(file)
    return todo, left, gone


def _free_name(file: str, taken: set[str]) -> str:
    stem, number = file.removesuffix(".p12"), 1
    while file in taken:
        number += 1
        file = f"{stem}-{number}.p12"
    return file


def _make(authority: Authority, subject: Subject, file: str, days: int, now: datetime) -> _Parcel:
    key, code = keys.new_key(), keys.new_code()
    certificate = authority.prepare(subject, key.public_key(), days=days, now=now)
    above = [parse_certificate(der) for der in authority.chain]
    data = keys.pkcs12_file(subject.name, key, certificate, above, code)
    return _Parcel(file, subject, certificate, data, code)


def _hand_out(out: Path, book: CodeBook, group: Sequence[_Parcel]) -> None:
    """Steps 2 to 4 for one group, whose certificates are in the ledger."""
    descriptors = [_write_pending(out / f".{parcel.file}{_PENDING}", parcel.data) for parcel in group]
    for descriptor in descriptors:  # all are written before the first is waited for: the disk takes them in one go
        os.fsync(descriptor)
        os.close(descriptor)
    sync_folder(out)
    book.append([_row(parcel) for parcel in group])  # from here on the next run finishes what a crash leaves
    for parcel in group:
        _give_name(out, parcel.file)
    sync_folder(out)


def _write_pending(path: Path, data: bytes) -> int:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, keys.PRIVATE)
    with os.fdopen(os.dup(descriptor), "wb") as file:
        file.write(data)
    return descriptor


def _row(parcel: _Parcel) -> CodeRow:
    serial = serial_text(parcel.certificate.serial_number)
    return CodeRow(parcel.subject.scope, parcel.subject.name, parcel.file, parcel.code, serial)


def _give_name(out: Path, file: str) -> None:
    os.link(out / f".{file}{_PENDING}", out / file)  # unlike a rename, a link never replaces
    (out / f".{file}{_PENDING}").unlink()


def _recover(out: Path, book: CodeBook) -> None:
    """Finishes or drops what a crash left, by whether its code is on disk."""
    for pending in out.glob(f".*.p12{_PENDING}"):
        file = pending.name.removeprefix(".").removesuffix(_PENDING)
        if file in book.rows and not (out / file).exists():
            _give_name(out, file)
        else:
            pending.unlink()
    sync_folder(out)


def _write_root(out: Path, root: bytes) -> None:
    path, data = out / ROOT_FILE, folders.pem([root])
    if not path.exists():
        write_durably(path, data)
    elif path.read_bytes() != data:
        raise Rejected(Code.FILE_EXISTS, f"{path} is another root's: name a folder of its own for this authority.")


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Holds `folder` against a second run; the lock goes with the process, however it ends."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError as error:
        raise Rejected(Code.BUSY, f"Another enrolment is at work in {folder}; wait until it has ended.") from error
    finally:
        os.close(descriptor)


@contextmanager
def _disk_errors(folder: Path) -> Iterator[None]:
    try:
        yield
    except BlockingIOError:
        raise
    except OSError as error:
        raise Rejected(
            Code.DISK_FULL,
            f"{folder} cannot be written: {error.strerror}. Mend that and run the same again: it goes on from here.",
        ) from error
