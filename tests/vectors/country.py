"""A country that is the same every time: keys from their names, fixed serial numbers and times, no chance anywhere.

The certificates are those that `relay.authority.certificates` makes, signed anew with RFC 6979. The private keys
can be derived by anybody from this file: they certify nothing but examples.
"""

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from relay.authority import certificates
from relay.authority.certificates import Issuer, Revocation, Validity
from relay.protocol import cose
from relay.protocol.certificates import der_of, parse_certificate
from relay.protocol.roles import Role

JUDGED_AT = datetime(2026, 11, 21, 12, 0, 0, tzinfo=UTC)
"""The moment at which every example is judged."""
TPS = "6501082001001"
_YEAR = timedelta(days=365)
_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


@dataclass(frozen=True)
class Party:
    """Somebody with a certificate: their key, and their chain as DER, leaf first, without the root."""

    name: str
    key: ec.EllipticCurvePrivateKey
    chain: tuple[bytes, ...]

    @property
    def signer(self) -> cose.Signer:
        """What signs in their name."""
        return cose.Signer(self.key, self.chain[0])


def key(name: str) -> ec.EllipticCurvePrivateKey:
    """The P-256 key of whoever is called `name`: SHA-256 of the name, taken into the range of private keys."""
    digest = hashlib.sha256(f"relay test vector key: {name}".encode()).digest()
    return ec.derive_private_key(int.from_bytes(digest, "big") % (_ORDER - 1) + 1, ec.SECP256R1())


def _serial(name: str) -> int:
    return int.from_bytes(hashlib.sha256(f"relay test vector serial: {name}".encode()).digest()[:8], "big") | 1


def _again(made: x509.Certificate, name: str, signing: ec.EllipticCurvePrivateKey) -> x509.Certificate:
    """`made` with the serial number that belongs to `name`, signed so that every run gives the same bytes."""
    builder = x509.CertificateBuilder(made.issuer, made.subject, made.public_key(), _serial(name))
    builder = builder.not_valid_before(made.not_valid_before_utc).not_valid_after(made.not_valid_after_utc)
    for extension in made.extensions:
        builder = builder.add_extension(extension.value, extension.critical)
    return builder.sign(signing, hashes.SHA256(), ecdsa_deterministic=True)


def _years(before: float, after: float) -> Validity:
    return Validity(JUDGED_AT - before * _YEAR, JUDGED_AT + after * _YEAR)


def _root(name: str) -> Issuer:
    made = certificates.root(key(name), name, _years(1, 9))
    return Issuer(key(name), _again(made, name, key(name)))


def _ca(name: str, issuer: Issuer, scope: str, path_length: int, when: Validity) -> Issuer:
    made = certificates.ca(issuer, key(name).public_key(), scope, name, when, path_length)
    return issuer.below(key(name), _again(made, name, issuer.key))


ROOT = _root("KPU Root")
STRANGER = _root("Another Root")
KABUPATEN = _ca("KPU 6501", ROOT, "6501", 1, _years(0.9, 2))
KECAMATAN = _ca("KPU 650108", KABUPATEN, "650108", 0, _years(0.8, 1.5))
EXPIRED_CA = _ca("KPU 6502", ROOT, "6502", 1, _years(0.9, -0.1))
FOREIGN_CA = _ca("Another 6501", STRANGER, "6501", 1, _years(0.9, 2))


def party(
    name: str,
    role: Role,
    scope: str,
    issuer: Issuer = KABUPATEN,
    *,
    when: Validity | None = None,
    uri: str | None = None,
    dns: tuple[str, ...] = (),
) -> Party:
    """Somebody certified by `issuer`; `uri` replaces what role and scope would say."""
    validity = when or _years(0.5, 1)
    made = certificates.leaf(issuer, key(name).public_key(), role, scope, name, validity, dns=dns, uri=uri)
    return Party(name, key(name), (der_of(_again(made, name, issuer.key)), *issuer.chain))


OFFICER = party("Petugas 6501082001001", Role.KPPS, TPS)
VILLAGE_OFFICER = party("Petugas 6501082001", Role.KPPS, TPS[:10])
KECAMATAN_OFFICER = party("Petugas di bawah 650108", Role.KPPS, TPS, KECAMATAN)
NEIGHBOUR = party("Petugas 6501082001002", Role.KPPS, "6501082001002")
REVOKED = party("Petugas yang dicabut", Role.KPPS, TPS)
EXPIRED = party("Petugas lama", Role.KPPS, TPS, when=_years(0.8, -0.1))
UNDER_EXPIRED_CA = party("Petugas 6502012001001", Role.KPPS, "6502012001001", EXPIRED_CA)
OUTSIDE = party("Petugas di luar wilayah", Role.KPPS, "6502012001001")
UNKNOWN_ROLE = party("Dukun", Role.KPPS, TPS, uri=f"urn:kpu:dukun:{TPS}")
FOREIGNER = party("Petugas dari akar lain", Role.KPPS, TPS, FOREIGN_CA)
OPERATOR = party("Operator 650108", Role.PPK, "650108")
OPERATOR_NEXT_DOOR = party("Operator 650109", Role.PPK, "650109")
RELAY = party("relay-650108", Role.RELAY, "650108", dns=("relay-650108.local",))
CENTRE = party("pusat", Role.CENTRE, "", ROOT, dns=("pusat.example",))


def _crl(issuer: Issuer, revoked: tuple[Party, ...] = ()) -> bytes:
    when = Validity(JUDGED_AT - timedelta(days=10), JUDGED_AT + timedelta(days=20))
    serials = [parse_certificate(gone.chain[0]).serial_number for gone in revoked]
    entries = [Revocation(serial, when.start, x509.ReasonFlags.key_compromise) for serial in serials]
    made = certificates.crl(issuer, entries, 1, when)
    builder = x509.CertificateRevocationListBuilder().issuer_name(made.issuer)
    builder = builder.last_update(when.start).next_update(when.end)
    for extension in made.extensions:
        builder = builder.add_extension(extension.value, extension.critical)
    for entry in made:
        builder = builder.add_revoked_certificate(entry)
    return builder.sign(issuer.key, hashes.SHA256(), ecdsa_deterministic=True).public_bytes(Encoding.DER)


CRLS = {"root": _crl(ROOT), "kpu-6501": _crl(KABUPATEN, (REVOKED,)), "kpu-650108": _crl(KECAMATAN)}
"""One list for each CA of our root that has certified anybody who is judged."""
