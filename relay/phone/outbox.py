"""The durable outbox: files alone say what was signed, who has it, and what the centre said. No database.

    identity/                   certificate.pem, key.pem (0600), root.pem
    trust/                      certificates and CRLs learned from relays, all of them checked under the root
    statements/ID/              one folder a statement, named by its id in hex; it appears whole or not at all
        statement.cose          the bare bytes, exactly as signed
        signer.pem              the officer's chain at that time
        photographs/SHA256      originals, byte for byte
        slips/RELAY-SUBJECT     one file a relay and subject, with the relay's chain
        receipt.cose            the newest receipt that speaks of it, with the centre's chain

Nothing unverified is ever written here, and every write is on disk before it is reported.
"""

import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from relay.errors import Code, Rejected
from relay.files import lock_folder, sync_folder, write_durably
from relay.identity import KEY_FILE, ROOT_FILE, NodeIdentity, read_trust_folder
from relay.phone import identity, photographs
from relay.phone.entries import PHOTOGRAPHS, RECEIPT, SIGNER, SLIPS, STATEMENT, Entry, read_entry
from relay.phone.proofs import Proofs
from relay.protocol import cose, forms, lifecycle, statements
from relay.protocol.codes import TpsCode
from relay.protocol.forms import Figures
from relay.protocol.identities import check_speaks_for
from relay.protocol.lifecycle import State
from relay.protocol.slips import Slip, Subject
from relay.protocol.statements import Page, Statement, StatementId

IDENTITY = "identity"
_BUILDING = ".building-"


def create(
    folder: Path, p12: bytes, code: str, root: bytes, clock: Callable[[], int], passphrase: bytes | None = None
) -> "Outbox":
    """A new outbox for the officer in a PKCS#12 file (opened by its one-time code), under the root (DER)."""
    officer, key = identity.from_pkcs12(p12, code, root)
    with disk_errors(folder):
        identity.keep(folder / IDENTITY, officer, key, passphrase)
    return Outbox(folder, clock)


class Outbox:
    """The outbox in `folder`. All functions block on the disk: call them in a thread where others wait."""

    def __init__(self, folder: Path, clock: Callable[[], int]) -> None:
        self.folder = folder
        self.identity_folder = folder / IDENTITY
        self.root_file = self.identity_folder / ROOT_FILE
        self._statements = folder / "statements"
        self._trust = folder / "trust"
        self._clock = clock
        if not (self.identity_folder / KEY_FILE).exists():
            raise Rejected(
                Code.FILE_UNREADABLE,
                f"{folder} is not an outbox yet; begin with: relay phone init --outbox {folder} --identity OFFICER.p12 "
                "--root root.pem",
            )
        with disk_errors(folder):
            self._statements.mkdir(exist_ok=True)
            self._trust.mkdir(exist_ok=True)
            sync_folder(folder)
        self.proofs = Proofs.from_file(self.root_file)
        self.proofs.learn(*read_trust_folder(self._trust))

    def officer(self, passphrase: bytes | None = None) -> NodeIdentity:
        """The officer, with the key that signs. Sending needs no key, and so no passphrase."""
        return identity.load(self.identity_folder, passphrase)

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Holds the sending side of the outbox; `Rejected(busy)` if another process is sending from it."""
        with lock_folder(self.folder):
            yield

    # signing

    def sign_tally(
        self,
        officer: NodeIdentity,
        tps: TpsCode,
        form: int,
        figures: Figures,
        revision: int = 1,
        *,
        anyway: bool = False,
    ) -> Entry:
        """Signs the figures of one form; returns once they are on disk. The same figures again are the same entry.

        `Rejected` for figures over 999, a station that is not the officer's, or other figures under a revision that
        exists (unless `anyway`). Broken rules are no reason: `entry.flags` says them.
        """
        known = forms.catalogue().get(form)
        if known is None:
            names = ", ".join(f"{item.code} ({item.name})" for item in forms.catalogue().values())
            raise Rejected(Code.FORM_UNKNOWN, f"There is no form {form} in this version; there are {names}.")
        if len(figures) != len(known.fields):
            raise Rejected(Code.FIGURES_MALFORMED, f"{known.name} has {len(known.fields)} figures, not {len(figures)}.")
        packed = forms.pack(figures)
        payload = statements.tally(tps=tps, form=form, revision=revision, signed_at=self._clock(), figures=packed)
        return self._keep(officer, payload, {}, anyway)

    def sign_documents(
        self,
        officer: NodeIdentity,
        tps: TpsCode,
        form: int,
        pages: Mapping[int, Path],
        revision: int = 1,
        *,
        anyway: bool = False,
    ) -> Entry:
        """Signs the list of page photographs and keeps the originals; returns once all is on disk.

        A correction is a new revision with the whole list. Raises as `sign_tally`.
        """
        listing = []
        for number, path in sorted(pages.items()):
            document, size = photographs.measure(path)
            listing.append(Page(number, document, size))
        payload = statements.documents(tps=tps, form=form, revision=revision, signed_at=self._clock(), pages=listing)
        return self._keep(officer, payload, pages, anyway)

    def _keep(self, officer: NodeIdentity, payload: bytes, pages: Mapping[int, Path], anyway: bool) -> Entry:
        statement = statements.read(officer.signer.sign(payload))
        check_speaks_for(officer.identity, statement)
        with disk_errors(self.folder), lock_folder(self._statements):
            for leftover in self._statements.glob(f"{_BUILDING}*"):  # what a crash left: it was never reported
                shutil.rmtree(leftover)
            before = self._same(statement, anyway)
            return before or self._build(statement, officer.identity.chain, pages)

    def _same(self, statement: Statement, anyway: bool) -> Entry | None:
        """The entry that claims exactly this already; `Rejected` if one claims otherwise under this revision."""
        mine = (statement.tps, statement.form, statement.kind, statement.revision)
        rivals = [
            entry
            for entry in self.entries()
            if (entry.statement.tps, entry.statement.form, entry.statement.kind, entry.statement.revision) == mine
            and entry.state is not State.REFUSED
        ]
        for entry in rivals:
            if entry.statement.content == statement.content:
                return entry
        if rivals and not anyway:
            other = rivals[0].statement
            raise Rejected(
                Code.BAD_REQUEST,
                f"TPS {other.tps}, form {other.form}, revision {other.revision} is signed already with other content "
                f"({other.short_id}). A correction is a new revision: use --revision {other.revision + 1}, or --anyway "
                "to sign both, which the centre will show as a conflict.",
            )
        return None

    def _build(self, statement: Statement, chain: tuple[bytes, ...], pages: Mapping[int, Path]) -> Entry:
        temporary = Path(tempfile.mkdtemp(prefix=_BUILDING, dir=self._statements))
        for name in (PHOTOGRAPHS, SLIPS):
            (temporary / name).mkdir()
        write_durably(temporary / STATEMENT, statement.signed.bare)
        write_durably(temporary / SIGNER, pem(chain))
        for page in statement.pages:
            photographs.copy(pages[page.number], temporary / PHOTOGRAPHS, page)
        sync_folder(temporary / PHOTOGRAPHS)
        sync_folder(temporary)
        final = self._statements / statement.id.hex()
        temporary.rename(final)
        sync_folder(self._statements)  # from here on a crash changes nothing
        return read_entry(final)

    # reading

    def entries(self) -> list[Entry]:
        """Every statement that can be read, in the order of signing; see also `damaged`."""
        read = (_readable(path) for path in self._folders())
        found = [entry for entry in read if isinstance(entry, Entry)]
        return sorted(found, key=lambda entry: (entry.statement.signed_at, entry.statement.id))

    def damaged(self) -> list[str]:
        """A sentence for each statement that cannot be read any more."""
        return [
            f"{path} is damaged on this phone's disk ({error.sentence}) Keep the folder and ask the kabupaten for help."
            for path in self._folders()
            if isinstance(error := _readable(path), Rejected)
        ]

    def _folders(self) -> list[Path]:
        return sorted(path for path in self._statements.iterdir() if not path.name.startswith("."))

    def entry(self, statement: StatementId) -> Entry:
        """One statement as the files say it is now."""
        return read_entry(self._statements / statement.hex())

    def find(self, name: str) -> Entry:
        """The one statement whose id begins with `name`."""
        found = [entry for entry in self.entries() if entry.statement.id.hex().startswith(name.lower())]
        if len(found) != 1 or not name:
            raise Rejected(
                Code.NOT_FOUND,
                f"{len(found)} statements here have an id that begins with {name[:64]!r}; see: relay phone status",
            )
        return found[0]

    # what comes back

    def learn(self, certificates: list[bytes], crls: list[bytes]) -> list[Rejected]:
        """Takes in what a relay says of trust, as far as it holds under the root, and writes that down."""
        refused = self.proofs.learn(certificates, crls)
        known = self.proofs.trust
        keep = {f"{cose.sha256(der).hex()}.der": der for der in known.authority_certificates[1:]}
        keep |= {f"{cose.sha256(der).hex()}.der": der for der in self.proofs.leaves.values()}
        keep |= {f"{key.hex()}.crl": der for key, der in known.crls.items()}
        with disk_errors(self.folder):
            for name, der in keep.items():
                path = self._trust / name
                if not path.exists() or path.read_bytes() != der:
                    write_durably(path, der, replace=True)
        return refused

    def keep_slip(self, entry: Entry, data: bytes, kind: Subject, subject: bytes) -> Slip:
        """Verifies a slip and writes it; `Rejected` and nothing written if it is false."""
        slip, relay = self.proofs.slip_for(data, kind, subject)
        path = entry.folder / SLIPS / f"{relay.x5t.hex()}-{subject.hex()}.cose"
        with disk_errors(self.folder):
            write_durably(path, slip.signed.with_chain(relay.chain), replace=True)
        return slip

    def keep_receipt(self, entry: Entry, data: bytes) -> State:
        """Verifies a receipt and writes it if it says something newer; the state after it.

        `Rejected` and nothing written if it is false or speaks of other statements.
        """
        receipt, centre = self.proofs.receipt_for(data, entry.statement.id)
        now = self.entry(entry.statement.id)
        outcome = receipt.outcome_for(entry.statement.id)
        if outcome is None:
            raise RuntimeError("receipt_for has seen to this")
        event = lifecycle.EVENT_OF[outcome.verdict]
        # a receipt that the table makes nothing of is an older one that comes late: it must not hide the newer
        if lifecycle.step(now.state, event) is not lifecycle.step(State.ON_PHONE, event):
            return now.state
        newer = now.receipt is None or now.state is not lifecycle.step(State.ON_PHONE, event)
        if newer or (now.receipt is not None and now.receipt.issued_at < receipt.issued_at):
            with disk_errors(self.folder):
                write_durably(now.folder / RECEIPT, receipt.signed.with_chain(centre.chain), replace=True)
        return self.entry(entry.statement.id).state

    def forget(self, entry: Entry) -> int:
        """Removes the photographs of a statement that the centre has recorded; how many were removed.

        The receipt is verified once more. Statement, slips and receipt stay as proof.
        """
        if entry.receipt_bytes is None:
            raise Rejected(
                Code.BAD_REQUEST,
                f"{entry.statement.short_id} has no receipt from the centre; its photographs stay on this phone.",
            )
        self.proofs.receipt_for(entry.receipt_bytes, entry.statement.id)
        if entry.state not in (State.AT_CENTRE, State.IN_CONFLICT):
            raise Rejected(
                Code.BAD_REQUEST, f"{entry.statement.short_id} is {entry.state}; its photographs stay on this phone."
            )
        removed = 0
        with disk_errors(self.folder):
            for path in (entry.folder / PHOTOGRAPHS).iterdir():
                path.unlink()
                removed += 1
            sync_folder(entry.folder / PHOTOGRAPHS)
        return removed


def _readable(folder: Path) -> Entry | Rejected:
    try:
        return read_entry(folder)
    except (OSError, ValueError) as error:
        return Rejected(Code.FILE_UNREADABLE, f"{error}.")
    except Rejected as error:
        return error


def pem(chain: tuple[bytes, ...] | list[bytes]) -> bytes:
    """Certificates (DER) as one PEM file."""
    return b"".join(x509.load_der_x509_certificate(der).public_bytes(Encoding.PEM) for der in chain)


@contextmanager
def disk_errors(folder: Path) -> Iterator[None]:
    """Foreign errors of the disk as a sentence."""
    try:
        yield
    except OSError as error:
        raise Rejected(
            Code.DISK_FULL,
            f"{folder} cannot be written: {error.strerror or error}. Nothing that was reported as kept is lost; make "
            "room on the phone and do it again.",
        ) from error
