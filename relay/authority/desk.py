"""The desk of an authority: judges requests against the one-time codes, certifies, and replaces lost phones.

In this order, each on disk before the next: the ledger has the certificate (it can be revoked), the code is spent on
the key, the answer leaves. A crash between two of them loses nothing: whoever asks again gets what he was to get.
"""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from cryptography import x509

from relay.authority import requests
from relay.authority.authority import CRL_FILE, Authority, Subject, serial_text
from relay.authority.enrolment_codes import CodeEntry, EnrolmentCodes, new_entry
from relay.authority.ledger import time_text
from relay.authority.requests import EnrolmentRequest
from relay.authority.spent_codes import Spent, SpentCodes, digest_of
from relay.errors import Code, Rejected
from relay.protocol import codes, roles
from relay.protocol.certificates import parse_certificate
from relay.protocol.codes import Scope
from relay.protocol.enrolment import Answer, EnrolmentCode, State, answer_proof, refused
from relay.protocol.roles import Role

SPENT_FILE = "spent.jsonl"
_DECIDED = frozenset({Code.CODE_UNKNOWN, Code.CODE_SPENT, Code.SIGNER_REVOKED, Code.CA_OUTSIDE_SCOPE})
"""Why a request is refused; every other error is the desk's own, and the request may come again."""


@dataclass(frozen=True, slots=True)
class Replacement:
    """A lost phone's successor: the new code, how many certificates were revoked now, and the CRL (DER), if any."""

    code: EnrolmentCode
    scope: Scope
    revoked: int
    crl: bytes | None


class Desk:
    """An open authority and its codes. All functions block on disk: call them in a thread, one at a time."""

    def __init__(self, authority: Authority, codes_file: Path) -> None:
        _ = authority.issuer  # opened without its passphrase it could not answer
        self.authority = authority
        self._codes = EnrolmentCodes(codes_file)
        self._spent = SpentCodes(authority.folder / SPENT_FILE)

    def answer(self, request: bytes, now: datetime) -> tuple[Answer, bool]:
        """What becomes of a request (PKCS#10), and whether it was certified just now.

        Refused by its code: an answer that says so. `Rejected`: it cannot be read, or the desk cannot work now.
        """
        asked = requests.read_enrolment(request)
        self._codes.refresh()
        try:
            entry = self._codes.proven_by(asked.public_key, asked.proof)
            with self._spent.held():
                spent = self._spent.of_code(entry.code)
                certificate = self._given(spent, asked.id) if spent else self._certify(asked, entry, now)
        except Rejected as error:
            if error.code not in _DECIDED:
                raise
            return refused(asked.id, error), False
        return self._issued(asked.id, certificate, entry.code), spent is None

    def find(self, identifier: bytes) -> Answer | None:
        """The answer that a key was given last, by its id; None if it was given none."""
        with self._spent.held():
            spent = self._spent.of_key(identifier)
        entry = next((item for item in self._codes.entries if spent and digest_of(item.code) == spent.code), None)
        if spent is None or entry is None:
            return None
        try:
            return self._issued(identifier, self._given(spent, identifier), entry.code)
        except Rejected as error:
            return refused(identifier, error)

    def replace(self, scope: str, now: datetime) -> Replacement:
        """Revokes what was certified for the officers of a station or village, and makes a new code for them.

        Codes for them that nobody has used are worth nothing any more. Interrupted, do it again.
        """
        region = codes.scope(scope)
        if not codes.covers(self.authority.scope, region):
            raise Rejected(
                Code.CA_OUTSIDE_SCOPE,
                f"This relay's CA certifies in {self.authority.scope}; {region} is replaced by the CA of its region.",
            )
        with self._spent.held():
            self._codes.refresh()  # here, where nobody else adds a row meanwhile
            before = [item for item in self._codes.entries if item.role is Role.KPPS and item.scope == region]
            entry = new_entry(Role.KPPS, region, before[-1].name if before else f"KPPS {region}")
            self.authority.ledger.refresh()
            serials = self.authority.serials_of(roles.urn(Role.KPPS, region))
            revoked = self.authority.revoke(serials, x509.ReasonFlags.key_compromise, now=now) if serials else []
            for unused in (item for item in before if self._spent.of_code(item.code) is None):
                self._spent.spend(Spent(digest_of(unused.code), "", "", time_text(now)))
            self._codes.append(entry)
        return Replacement(entry.code, region, len(revoked), self.crl(now))

    def crl(self, now: datetime) -> bytes | None:
        """The newest CRL (DER), made again if a crash kept it from listing all; None if nothing was ever revoked."""
        path, revoked = self.authority.folder / CRL_FILE, self.authority.ledger.revoked
        if not revoked and not path.exists():
            return None
        der = path.read_bytes() if path.exists() else self.authority.crl(now=now)
        listed = {serial_text(item.serial_number) for item in x509.load_der_x509_crl(der)}
        return der if revoked.keys() <= listed else self.authority.crl(now=now)

    def _given(self, spent: Spent, identifier: bytes) -> bytes:
        """The certificate that this key was given for its code before."""
        if spent.key != identifier.hex():
            raise Rejected(
                Code.CODE_SPENT, "This one-time code was used already, or replaced. Ask the PPK for a new one."
            )
        certificate = bytes.fromhex(spent.certificate)
        self.authority.ledger.refresh()
        if serial_text(parse_certificate(certificate).serial_number) in self.authority.ledger.revoked:
            raise Rejected(
                Code.SIGNER_REVOKED, "This phone's certificate has been revoked. Ask the PPK for a new one-time code."
            )
        return certificate

    def _certify(self, asked: EnrolmentRequest, entry: CodeEntry, now: datetime) -> bytes:
        """A new certificate, on which the code is spent once this returns.

        It is valid for as long as the CA was before: a clock that runs ahead must not make it one of the future.
        """
        subject = Subject(entry.role, entry.scope, asked.name)
        start = self.authority.certificate.not_valid_before_utc
        leaf = self.authority.issue(subject, asked.key, now=now, start=start)[0]
        self._spent.spend(Spent(digest_of(entry.code), asked.id.hex(), leaf.hex(), time_text(now)))
        return leaf

    def _issued(self, identifier: bytes, leaf: bytes, code: EnrolmentCode) -> Answer:
        root = self.authority.root
        chain = (leaf, *self.authority.chain)
        return Answer(identifier, State.ISSUED, chain, root, answer_proof(code, leaf, root))
