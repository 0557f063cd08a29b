"""One statement with all its proof as a folder of plain files, which `relay verify --export` checks anywhere.

statement.cose receipt.cose slip-1.cose …   each with the chain of its signer (x5chain)
page-1.jpg …                                the originals that are still on this phone
root.pem crl-1.der …                        what this phone trusts; whoever verifies should have a root of their own
"""

from pathlib import Path

from relay.errors import Code, Rejected
from relay.files import write_durably
from relay.phone.entries import Entry
from relay.phone.outbox import Outbox, disk_errors

_SUFFIXES = {b"\xff\xd8\xff": ".jpg", b"\x89PN": ".png", b"RIF": ".webp"}


def export(outbox: Outbox, entry: Entry, folder: Path) -> list[str]:
    """Writes everything there is of `entry` into a new `folder`; the names of the files."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise Rejected(Code.FILE_EXISTS, f"{folder} is not empty and is left as it is; name a new folder.")
    files = {"statement.cose": entry.statement.signed.with_chain(entry.signer_chain)}
    if entry.receipt is not None and entry.receipt_bytes is not None:
        files["receipt.cose"] = entry.receipt_bytes
    files |= {f"slip-{at}.cose": s.signed.with_chain(s.signed.chain) for at, s in enumerate(entry.slips, 1)}
    files |= {f"crl-{at}.der": der for at, der in enumerate(outbox.proofs.trust.crls.values(), 1)}
    files["root.pem"] = outbox.root_file.read_bytes()
    with disk_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        for name, data in files.items():
            write_durably(folder / name, data)
        pages = [_export_page(entry, page.number, page.document, folder) for page in entry.statement.pages]
    return [*files, *(name for name in pages if name)]


def _export_page(entry: Entry, number: int, document: bytes, folder: Path) -> str:
    path = entry.photograph(document)
    if not path.exists():  # forgotten after the receipt
        return ""
    data = path.read_bytes()
    name = f"page-{number}{_SUFFIXES.get(data[:3], '.bin')}"
    write_durably(folder / name, data)
    return name
