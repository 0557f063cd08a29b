"""What an authority is and has done, for people and for programs. Needs no passphrase."""

from collections import Counter
from dataclasses import asdict, dataclass
from datetime import UTC, datetime

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from rich.markup import escape
from rich.table import Table

from relay.authority.authority import CRL_FILE, Authority, serial_text
from relay.errors import Code, Rejected
from relay.protocol import codes
from relay.protocol.certificates import parse_certificate


@dataclass(frozen=True, slots=True)
class RoleCount:
    """How many certificates of one role were issued, and how many of those are revoked."""

    issued: int
    revoked: int


@dataclass(frozen=True, slots=True)
class Report:
    """Times in ISO 8601 UTC; fingerprints SHA-256 in hex; `warnings` are sentences."""

    name: str
    scope: str
    level: str
    root: bool
    serial: str
    fingerprint: str
    root_fingerprint: str
    not_before: str
    not_after: str
    roles: dict[str, RoleCount]
    crl_number: int | None
    crl_next_update: str | None
    warnings: tuple[str, ...]

    def as_json(self) -> dict[str, object]:
        """The same as plain values."""
        return asdict(self)


def report(authority: Authority, now: datetime) -> Report:
    """What there is to say about `authority`."""
    certificate = authority.certificate
    crl = _crl(authority)
    return Report(
        name=str(certificate.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)[0].value),
        scope=authority.scope,
        level=codes.level(authority.scope),
        root=not authority.chain,
        serial=serial_text(certificate.serial_number),
        fingerprint=certificate.fingerprint(hashes.SHA256()).hex(),
        root_fingerprint=parse_certificate(authority.root).fingerprint(hashes.SHA256()).hex(),
        not_before=certificate.not_valid_before_utc.isoformat(),
        not_after=certificate.not_valid_after_utc.isoformat(),
        roles=_roles(authority),
        crl_number=crl.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number if crl else None,
        crl_next_update=crl.next_update_utc.isoformat() if crl and crl.next_update_utc else None,
        warnings=tuple(_warnings(authority, crl, now.astimezone(UTC))),
    )


def table(what: Report) -> Table:
    """The report for a person."""
    kind = "root" if what.root else f"CA for {what.level} {what.scope}"
    rows = Table(title=escape(f"{what.name}: {kind}"), title_justify="left", show_header=False)
    rows.add_row("valid", f"{what.not_before[:10]} to {what.not_after[:10]}")
    rows.add_row("serial", what.serial)
    rows.add_row("SHA-256", _grouped(what.fingerprint))
    if not what.root:
        rows.add_row("root SHA-256", _grouped(what.root_fingerprint))
    rows.add_section()
    for role, count in what.roles.items():
        rows.add_row(role, f"{count.issued} issued, {count.revoked} revoked")
    if not what.roles:
        rows.add_row("issued", "nothing yet")
    rows.add_section()
    due = f"number {what.crl_number}, next due {(what.crl_next_update or '')[:10]}"
    rows.add_row("CRL", due if what.crl_number is not None else "none yet")
    for warning in what.warnings:
        rows.add_row("[bold red]note", warning)
    return rows


def _roles(authority: Authority) -> dict[str, RoleCount]:
    book = authority.ledger
    role_of = {serial: entry.urn.split(":")[2] for serial, entry in book.issued.items()}
    issued = Counter(role_of.values())
    revoked = Counter(role_of[serial] for serial in book.revoked if serial in role_of)
    return {role: RoleCount(issued[role], revoked[role]) for role in sorted(issued)}


def _warnings(authority: Authority, crl: x509.CertificateRevocationList | None, now: datetime) -> list[str]:
    said = []
    listed = {serial_text(entry.serial_number) for entry in crl} if crl else set()
    missing = len(authority.ledger.revoked.keys() - listed)
    if missing:
        said.append(f"{missing} revoked certificates are not in the CRL yet; run: relay authority crl")
    if crl and crl.next_update_utc and crl.next_update_utc < now:
        said.append("the CRL is overdue; run: relay authority crl")
    if authority.certificate.not_valid_after_utc < now:
        said.append("this CA has expired and issues nothing more")
    if authority.ledger.torn:
        said.append("the ledger's last line was cut short by a crash; the next command that issues drops it")
    return said


def _crl(authority: Authority) -> x509.CertificateRevocationList | None:
    path = authority.folder / CRL_FILE
    if not path.exists():
        return None
    try:
        return x509.load_der_x509_crl(path.read_bytes())
    except (OSError, ValueError) as error:
        raise Rejected(Code.CRL_MALFORMED, f"{path} cannot be read; write it anew with: relay authority crl") from error


def _grouped(fingerprint: str) -> str:
    pairs = [fingerprint[start : start + 4] for start in range(0, len(fingerprint), 4)]
    return " ".join(pairs[:8]) + "\n" + " ".join(pairs[8:])
