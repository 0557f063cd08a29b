"""What a statement, its slips, its receipt and its photographs prove, offline, under a root that somebody trusts.

Judges bytes and gives findings; opens no file, asks nobody, and reads no clock.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import pairwise

from cryptography import x509

from relay.errors import Code, Rejected
from relay.phone.proofs import Proofs
from relay.protocol import cose, statements, trust
from relay.protocol.certificates import key_identifier, parse_certificate
from relay.protocol.identities import Identity, check_speaks_for, check_valid_at
from relay.protocol.receipts import Outcome, Receipt, Verdict
from relay.protocol.roles import Role
from relay.protocol.slips import Slip
from relay.protocol.statements import DocumentHash, Statement


@dataclass(frozen=True, slots=True)
class Given:
    """What there is to judge; names are what the findings call each thing. Certificates and CRLs are DER."""

    statement: bytes
    root: bytes
    receipt: bytes | None = None
    slips: tuple[tuple[str, bytes], ...] = ()
    documents: tuple[tuple[str, DocumentHash], ...] = ()
    certificates: tuple[bytes, ...] = ()
    crls: tuple[tuple[str, bytes], ...] = ()
    at: datetime | None = None


@dataclass(slots=True)
class Evidence:
    """What was found. `problems` is empty exactly if nothing is false."""

    statement: Statement | None = None
    signer: Identity | None = None
    slips: list[tuple[str, Slip, Identity]] = field(default_factory=list)
    receipt: Receipt | None = None
    centre: Identity | None = None
    documents: dict[str, tuple[int, ...]] = field(default_factory=dict)
    """Name of a photograph given -> the pages that it is."""
    problems: list[tuple[Code, str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def outcome(self) -> Outcome | None:
        """What the centre says of this statement."""
        return self.receipt.outcome_for(self.statement.id) if self.receipt and self.statement else None


def judge(given: Given) -> Evidence:
    """All that can be said. Steps that need an earlier one are left out when that one failed."""
    return _Judge(given).run()


class _Judge:
    def __init__(self, given: Given) -> None:
        self._given = given
        self._found = Evidence()

    def run(self) -> Evidence:
        given, found = self._given, self._found
        # 1. the bytes are a statement, and the root is a root
        with _problems(found, "The statement"):
            found.statement = statements.parse(given.statement)
        with _problems(found, "The root"):
            self._proofs = Proofs(given.root)
        if found.statement is None or found.problems:
            return found
        # 2. what is known below the root; revocations apart, since their date counts
        self._learn()
        # 3. the officer's or operator's signature, chain, role and station
        with _problems(found, "The statement"):
            signer = self._proofs.signer(found.statement.signed)
            check_speaks_for(signer, found.statement)
            self._check_time(signer)
            found.signer = signer
        # 4. slips, 5. receipt, 6. photographs
        for name, data in given.slips:
            with _problems(found, f"The slip {name}"):
                self._slip(name, data, found.statement)
        if given.receipt is not None:
            with _problems(found, "The receipt"):
                self._receipt(given.receipt, found.statement)
        for name, document in given.documents:
            with _problems(found, f"The photograph {name}"):
                self._document(name, document, found.statement)
        # 7. nobody had been revoked when the centre recorded it
        self._revocations()
        return found

    def _learn(self) -> None:
        company = [(what, cose_chain(data)[1:]) for what, data in self._messages()]
        authorities = [der for _, chain in company for der in chain]
        self._proofs.learn(authorities, [])
        refused = self._proofs.learn(self._given.certificates, [], tuple(Role))
        for what, chain in company:
            for der in chain:  # not signed, and not needed where the CA is known otherwise; but somebody altered it
                with _problems(self._found, f"{what}: a certificate that came along"):
                    self._proofs.trust.with_authority(der)
                    _check_whole_bytes(der)
        self._found.notes += [f"A certificate given along is not used: {error.sentence}" for error in refused]
        self._revoking = self._proofs.trust
        for name, der in self._given.crls:
            with _problems(self._found, f"The revocation list {name}"):
                try:
                    self._revoking = self._revoking.with_crl(der)
                except Rejected as error:
                    if error.code is not Code.SIGNER_UNKNOWN:
                        raise
                    self._found.notes.append(f"The revocation list {name} is of a CA that nobody here depends on.")
        if not self._given.crls:
            self._found.notes.append("No revocation list was given: whether a certificate was revoked is not known.")

    def _messages(self) -> Iterable[tuple[str, bytes]]:
        yield "The statement", self._given.statement
        yield from ((f"The slip {name}", data) for name, data in self._given.slips)
        if self._given.receipt is not None:
            yield "The receipt", self._given.receipt

    def _slip(self, name: str, data: bytes, statement: Statement) -> None:
        slip, relay = self._proofs.slip(data)
        if slip.subject != statement.id and slip.subject not in {page.document for page in statement.pages}:
            raise Rejected(Code.NOT_FOUND, "It speaks neither of this statement nor of its photographs.")
        self._check_time(relay)
        self._found.slips.append((name, slip, relay))

    def _receipt(self, data: bytes, statement: Statement) -> None:
        receipt, centre = self._proofs.receipt_for(data, statement.id)
        self._revoking.still_stands(centre)
        self._check_time(centre)
        self._found.receipt, self._found.centre = receipt, centre

    def _document(self, name: str, document: DocumentHash, statement: Statement) -> None:
        pages = tuple(page.number for page in statement.pages if page.document == document)
        if not pages:
            raise Rejected(
                Code.DOCUMENT_ALTERED, "Its bytes are none of those that were signed: altered, or another file."
            )
        self._found.documents[name] = pages

    def _check_time(self, who: Identity) -> None:
        if self._given.at is not None:
            check_valid_at(who, self._given.at)

    def _revocations(self) -> None:
        """A revocation speaks against a proof unless the centre had recorded the statement before it."""
        found = self._found
        parties = [("The statement", found.signer), *((f"The slip {name}", relay) for name, _, relay in found.slips)]
        for what, who in parties:
            since = revoked_since(self._revoking, who) if who else None
            if who is None or since is None:
                continue
            outcome = found.outcome
            recorded = outcome is not None and outcome.verdict is not Verdict.REFUSED and found.receipt is not None
            if recorded and found.receipt is not None and found.receipt.issued_at < since.timestamp():
                found.notes.append(
                    f"{who.name} has been revoked since {since:%Y-%m-%d %H:%M} UTC; the centre had recorded the "
                    "statement before."
                )
            else:
                found.problems.append(
                    (
                        Code.SIGNER_REVOKED,
                        f"{what}: the certificate of {who.name} has been revoked since {since:%Y-%m-%d %H:%M} UTC.",
                    )
                )


class _problems:  # noqa: N801
    """Turns a `Rejected` inside into a finding that says what it is about."""

    def __init__(self, found: Evidence, what: str) -> None:
        self._found, self._what = found, what

    def __enter__(self) -> None:
        pass

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> bool:
        if isinstance(error, Rejected):
            self._found.problems.append((error.code, f"{self._what}: {error.sentence}"))
            return True
        return False


def _check_whole_bytes(der: bytes) -> None:
    """The one byte of a certificate that its signature does not cover and the library lets pass: X.690 8.6.2.2."""
    if not der.endswith(b"\x00" + parse_certificate(der).signature):
        raise Rejected(Code.CERTIFICATE_MALFORMED, "Its signature does not consist of whole bytes; it was altered.")


def cose_chain(data: bytes) -> tuple[bytes, ...]:
    """The certificates that travelled with a message; none if it is not one, which is said elsewhere."""
    try:
        return cose.parse(data).chain
    except Rejected:
        return ()


def revoked_since(known: trust.Trust, who: Identity) -> datetime | None:
    """When `who`, or a CA above, was revoked, as far as the CRLs in `known` say."""
    path: Sequence[x509.Certificate] = [*map(parse_certificate, who.chain), known.root]
    for certificate, issuer in pairwise(path):
        crl = known.crls.get(key_identifier(issuer))
        if crl is None:
            continue
        entry = x509.load_der_x509_crl(crl).get_revoked_certificate_by_serial_number(certificate.serial_number)
        if entry is not None:
            return entry.revocation_date_utc.astimezone(UTC)
    return None
