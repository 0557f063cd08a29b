"""One CA: a folder with its key, its certificate, its ledger and its CRL. All that issues passes through here.

    key.pem          PKCS#8, encrypted      certificate.pem  its certificate, then the CAs above it without the root
    root.pem         the pinned root        ledger.jsonl     what was issued and revoked
    crl.der crl.pem  the newest CRL

The folder can be on a machine of its own: nothing in it points outside.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from relay import identity
from relay.authority import certificates, folders, keys, ledger
from relay.authority.certificates import Issuer, Revocation, Validity
from relay.errors import Code, Rejected
from relay.files import write_durably
from relay.identity import CERTIFICATE_FILE, KEY_FILE, ROOT_FILE
from relay.protocol import codes, cose, roles, trust
from relay.protocol.certificates import der_of, parse_certificate
from relay.protocol.roles import Role, role_and_scope

LEDGER_FILE = "ledger.jsonl"
CRL_FILE = "crl.der"
CRL_PEM_FILE = "crl.pem"

ROOT_DAYS = 3650
CA_DAYS = 730
LEAF_DAYS = 365  # phones refuse TLS servers that are certified for much longer
CRL_DAYS = 30


@dataclass(frozen=True, slots=True)
class Subject:
    """Whom a certificate is for."""

    role: Role
    scope: str
    name: str
    dns: tuple[str, ...] = ()
    ips: tuple[IPv4Address | IPv6Address, ...] = ()


class Authority:
    """A CA at work. Opened without its passphrase it can be looked at, and signs nothing."""

    def __init__(self, folder: Path, chain: Sequence[bytes], root: bytes, key: ec.EllipticCurvePrivateKey | None):
        self.folder = folder
        self.root = root
        self.certificate = parse_certificate(chain[0])
        self.chain: tuple[bytes, ...] = () if chain[0] == root else tuple(chain)
        self.ledger = ledger.Ledger(folder / LEDGER_FILE)
        self._key = key

    @classmethod
    def create(
        cls,
        folder: Path,
        passphrase: bytes,
        *,
        name: str = "KPU Root",
        days: int = ROOT_DAYS,
        now: datetime | None = None,
    ) -> "Authority":
        """A new root in a new `folder` (0700)."""
        keys.check_passphrase(passphrase)
        key = keys.new_key()
        certificate = certificates.root(key, _checked_name(name), certificates.validity(_moment(now), days))
        der = der_of(certificate)
        return cls._found(folder, key, passphrase, [der], der)

    @classmethod
    def open(cls, folder: Path, passphrase: bytes | None = None) -> "Authority":
        """The CA in `folder`, checked: nobody else can read it, its key fits, its chain reaches its root."""
        keys.check_private(folder, keys.PRIVATE_FOLDER)
        chain = identity.read_certificates(folder / CERTIFICATE_FILE)
        root = identity.read_certificates(folder / ROOT_FILE)[0]
        pinned = trust.pin(root)
        if chain[0] != root:
            pinned.with_authority(*chain)
        key = identity.read_key(folder / KEY_FILE, passphrase) if passphrase is not None else None
        authority = cls(folder, chain, root, key)
        if key is not None and key.public_key() != authority.certificate.public_key():
            raise Rejected(Code.CONFIG_INVALID, f"{folder / KEY_FILE} is not the key of {folder / CERTIFICATE_FILE}.")
        return authority

    @property
    def scope(self) -> codes.Scope:
        """The region that this CA may certify in."""
        return role_and_scope(self.certificate)[1] if self.chain else codes.NATIONAL

    @property
    def issuer(self) -> Issuer:
        """What signs; `Rejected(passphrase-wrong)` if the CA was opened without its passphrase."""
        if self._key is None:
            raise Rejected(Code.PASSPHRASE_WRONG, "This authority was opened without its passphrase; it cannot sign.")
        return Issuer(self._key, self.certificate, self.chain)

    def issue_ca(
        self,
        scope: str,
        folder: Path,
        passphrase: bytes,
        *,
        name: str | None = None,
        days: int = CA_DAYS,
        now: datetime | None = None,
    ) -> "Authority":
        """A CA for a region inside this one's own, in a new `folder` that can be carried to another machine."""
        keys.check_passphrase(passphrase)
        key = keys.new_key()
        folders.check_new(folder)
        chain = self.certify_ca(key.public_key(), scope, name=name, days=days, now=now)
        return self._found(folder, key, passphrase, chain, self.root)

    def certify_ca(
        self,
        public_key: ec.EllipticCurvePublicKey,
        scope: str,
        *,
        name: str | None = None,
        days: int = CA_DAYS,
        now: datetime | None = None,
    ) -> list[bytes]:
        """The certificate of a CA that holds its own key, and this CA's chain (DER); the ledger has it."""
        moment, region = _moment(now), codes.scope(scope)
        self._check_may_issue(region, moment)
        if self.issuer.path_length < 1:
            raise Rejected(
                Code.CA_OUTSIDE_SCOPE, "A kecamatan CA certifies phones and relays, no further CA; use the one above."
            )
        path_length = 0 if len(region) >= 6 else self.issuer.path_length - 1
        title = _checked_name(name or f"KPU {codes.level(region)} {region}".strip())
        when = certificates.validity(moment, days, self.certificate)
        made = certificates.ca(self.issuer, public_key, region, title, when, path_length)
        self.ledger.append([_issued(made, moment)])
        return [der_of(made), *self.chain]

    def issue(
        self,
        subject: Subject,
        public_key: ec.EllipticCurvePublicKey,
        *,
        days: int = LEAF_DAYS,
        now: datetime | None = None,
        start: datetime | None = None,
    ) -> list[bytes]:
        """A certificate for a key that its holder keeps, and this CA's chain (DER); the ledger has it.

        Valid from `start`, else from a day before `now`; never longer than this CA itself.
        """
        moment = _moment(now)
        made = self.prepare(subject, public_key, days=days, now=moment, start=start)
        self.record([made], moment)
        return [der_of(made), *self.chain]

    def prepare(
        self,
        subject: Subject,
        public_key: ec.EllipticCurvePublicKey,
        *,
        days: int,
        now: datetime,
        start: datetime | None = None,
    ) -> x509.Certificate:
        """A certificate that nobody may have before `record` has returned."""
        self._check_may_issue(codes.scope(subject.scope), now)
        when = certificates.validity(now, days, self.certificate)
        when = Validity(start, when.end) if start else when
        name, scope = _checked_name(subject.name), subject.scope
        try:
            made = certificates.leaf(
                self.issuer, public_key, subject.role, scope, name, when, dns=subject.dns, ips=subject.ips
            )
        except ValueError as error:
            raise Rejected(Code.BAD_REQUEST, f"The certificate of {name} cannot be made: {error}") from error
        role_and_scope(made)  # what everybody will refuse is not issued
        return made

    def record(self, made: Iterable[x509.Certificate], now: datetime) -> None:
        """Writes certificates into the ledger; returns when they are on disk and may be handed out."""
        self.ledger.append([_issued(certificate, now) for certificate in made])

    def issue_node(
        self,
        subject: Subject,
        folder: Path,
        *,
        passphrase: bytes | None = None,
        days: int = LEAF_DAYS,
        now: datetime | None = None,
    ) -> None:
        """The identity folder of a relay or centre, as `relay.identity.load` reads it."""
        folders.check_new(folder)
        key = keys.new_key()
        chain = self.issue(subject, key.public_key(), days=days, now=now)
        folders.write_identity(folder, keys.key_pem(key, passphrase), chain, self.root)

    def issue_relay(
        self,
        scope: str,
        folder: Path,
        *,
        dns: Sequence[str] = (),
        ips: Sequence[IPv4Address | IPv6Address] = (),
        passphrase: bytes | None = None,
        days: int = LEAF_DAYS,
        now: datetime | None = None,
    ) -> None:
        """The relay of a kecamatan, known as `relay-SCOPE.local` and by every name and address given."""
        names = tuple(dict.fromkeys((f"relay-{codes.scope(scope)}.local", *dns)))
        subject = Subject(Role.RELAY, scope, f"Relay {scope}", names, tuple(ips))
        self.issue_node(subject, folder, passphrase=passphrase, days=days, now=now)

    def issue_centre(
        self,
        folder: Path,
        *,
        dns: Sequence[str] = (),
        ips: Sequence[IPv4Address | IPv6Address] = (),
        passphrase: bytes | None = None,
        days: int = LEAF_DAYS,
        now: datetime | None = None,
    ) -> None:
        """The centre: for the whole country, and so only from the root."""
        subject = Subject(Role.CENTRE, "", "KPU Pusat", tuple(dict.fromkeys(dns)), tuple(ips))
        self.issue_node(subject, folder, passphrase=passphrase, days=days, now=now)

    def revoke(
        self,
        serials: Iterable[str],
        reason: x509.ReasonFlags = x509.ReasonFlags.unspecified,
        *,
        now: datetime | None = None,
        crl_days: int = CRL_DAYS,
    ) -> list[ledger.Issued]:
        """Revokes for ever what this CA has issued, and writes a new CRL. Gives what was not revoked before.

        `Rejected(not-found)` if a serial number (hex) is not in the ledger; then nothing is revoked.
        """
        moment = _moment(now)
        wanted = dict.fromkeys(_normal(serial) for serial in serials)
        for serial in wanted:
            if serial not in self.ledger.issued:
                raise Rejected(
                    Code.NOT_FOUND,
                    f"This CA's ledger has no serial number {serial}; revoke it where it was issued, or give the "
                    "certificate itself.",
                )
        _ = self.issuer  # without the passphrase there is no CRL, and then nothing is half revoked
        new = [self.ledger.issued[serial] for serial in wanted if serial not in self.ledger.revoked]
        self.ledger.append([ledger.Revoked(entry.serial, reason.value, ledger.time_text(moment)) for entry in new])
        self.crl(days=crl_days, now=moment)
        return new

    def serials_of(self, urn: str) -> list[str]:
        """The serial numbers of every certificate issued for `urn` (`roles.urn`), revoked or not."""
        return [entry.serial for entry in self.ledger.issued.values() if entry.urn == urn]

    def adopt(self, der: bytes, *, now: datetime | None = None) -> str:
        """The serial number of a certificate that this CA signed, put into the ledger if it is not there.

        So that it can be revoked even after the ledger was restored from an old backup.
        """
        certificate = parse_certificate(der)
        try:
            certificate.verify_directly_issued_by(self.certificate)
        except (InvalidSignature, ValueError, TypeError) as error:
            raise Rejected(
                Code.CHAIN_BROKEN, "This certificate is not from this CA; revoke it with the CA that issued it."
            ) from error
        entry = _issued(certificate, _moment(now))
        if entry.serial not in self.ledger.issued:
            self.ledger.append([entry])
        return entry.serial

    def crl(self, *, days: int = CRL_DAYS, now: datetime | None = None) -> bytes:
        """A new CRL (DER) of all that is revoked, written as DER and PEM; the next is due in `days`."""
        moment = _moment(now)
        # Unix seconds, so that numbers go on rising even after the ledger was restored from an old backup.
        number = max(self.ledger.crl_number + 1, int(moment.timestamp()))
        self.ledger.append([ledger.CrlNumbered(number, ledger.time_text(moment))])
        entries = [
            Revocation(int(entry.serial, 16), datetime.fromisoformat(entry.time), x509.ReasonFlags(entry.reason))
            for entry in self.ledger.revoked.values()
        ]
        made = certificates.crl(self.issuer, entries, number, certificates.validity(moment, days))
        der = made.public_bytes(Encoding.DER)
        write_durably(self.folder / CRL_FILE, der, replace=True)
        write_durably(self.folder / CRL_PEM_FILE, made.public_bytes(Encoding.PEM), replace=True)
        return der

    def _check_may_issue(self, scope: codes.Scope, now: datetime) -> None:
        if not codes.covers(self.scope, scope):
            raise Rejected(
                Code.CA_OUTSIDE_SCOPE,
                f"This CA certifies in {self.scope}, and {scope or 'the whole country'} is outside of it; "
                "use the CA of that region, or the root.",
            )
        if not self.certificate.not_valid_before_utc <= now <= self.certificate.not_valid_after_utc:
            raise Rejected(
                Code.CERTIFICATE_NOT_VALID_NOW,
                f"This CA is valid from {self.certificate.not_valid_before_utc:%Y-%m-%d} to "
                f"{self.certificate.not_valid_after_utc:%Y-%m-%d}, not on {now:%Y-%m-%d}. If the clock is right, "
                "have a new CA issued.",
            )

    @classmethod
    def _found(
        cls, folder: Path, key: ec.EllipticCurvePrivateKey, passphrase: bytes, chain: Sequence[bytes], root: bytes
    ) -> "Authority":
        folders.check_new(folder)
        folders.write_identity(folder, keys.key_pem(key, passphrase), chain, root)
        write_durably(folder / LEDGER_FILE, b"", mode=keys.PRIVATE)
        return cls(folder, chain, root, key)


def serial_text(serial: int) -> str:
    """A serial number as openssl prints it: upper-case hex, whole bytes."""
    text = f"{serial:X}"
    return text.zfill(len(text) + len(text) % 2)


def _issued(certificate: x509.Certificate, now: datetime) -> ledger.Issued:
    role, scope = role_and_scope(certificate)
    return ledger.Issued(
        serial_text(certificate.serial_number),
        roles.urn(role, scope),
        str(certificate.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)[0].value),
        ledger.time_text(certificate.not_valid_after_utc),
        cose.x5t_of(der_of(certificate)).hex(),
        ledger.time_text(now),
    )


def _normal(serial: str) -> str:
    try:
        return serial_text(int(serial.replace(":", "").strip(), 16))
    except ValueError as error:
        raise Rejected(Code.BAD_REQUEST, f"A serial number is hexadecimal; this is {serial[:60]!r}.") from error


def _checked_name(name: str) -> str:
    if not 1 <= len(name) <= 64 or not name.isprintable():  # RFC 5280 A.1, ub-common-name
        raise Rejected(Code.CONFIG_INVALID, f"A name has 1 to 64 printable characters; this is {name[:80]!r}.")
    return name


def _moment(now: datetime | None) -> datetime:
    return (now or datetime.now(UTC)).astimezone(UTC)
