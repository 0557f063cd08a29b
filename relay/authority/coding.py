"""A folder of one-time codes: the list that a desk answers from, and cards to hand out. Never written over."""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from relay.authority import cards, enrolment_codes, folders, keys
from relay.authority.authority import Subject
from relay.authority.enrolment_codes import CodeEntry, new_entry
from relay.files import write_durably

CODES_FILE = "enrolment-codes.csv"
CARDS_FILE = "cards.pdf"


def write(
    folder: Path, entries: Sequence[CodeEntry], root: bytes, progress: Callable[[int, int], None] | None = None
) -> None:
    """The cards first, and the list last: a folder with a list is whole. `Rejected(file-exists)` if it is not empty."""
    folders.check_new(folder)
    drawn = cards.make(entries, root, progress)
    folders.make_private(folder)
    write_durably(folder / CARDS_FILE, drawn, mode=keys.PRIVATE)
    enrolment_codes.write(folder / CODES_FILE, entries)


def entries_for(subjects: Iterable[Subject]) -> list[CodeEntry]:
    """A new code for everybody."""
    return [new_entry(subject.role, subject.scope, subject.name) for subject in subjects]
