"""Certificates and revocation lists as values: keys, names and a time in, X.509 out. No disk, no clock.

Nothing here asks whether the issuer *should* sign: scope and expiry are judged in `authority`, and judged again
by everybody who reads a certificate (`protocol.trust`). Only serial numbers are random.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address, IPv6Address

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from relay.protocol import roles
from relay.protocol.certificates import der_of
from relay.protocol.codes import NATIONAL, Scope
from relay.protocol.roles import Role, role_and_scope

ROOT_PATH_LENGTH = 2  # root -> kabupaten CA -> kecamatan CA -> leaf
_HASH = hashes.SHA256()
_CLOCKS_DIFFER = timedelta(days=1)  # a phone whose clock is behind takes a new certificate all the same
_CERTIFYING = frozenset({"key_cert_sign", "crl_sign"})
_SIGNING = frozenset({"digital_signature"})
_SERVED = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
_PURPOSES = {
    Role.RELAY: _SERVED,
    Role.CENTRE: _SERVED,
    Role.KPPS: [ExtendedKeyUsageOID.CLIENT_AUTH],
    Role.PPK: [ExtendedKeyUsageOID.CLIENT_AUTH],
}


@dataclass(frozen=True, slots=True)
class Issuer:
    """A CA that can sign: its key, its certificate, and the DER that goes along with what it issues.

    `chain` is the CA's certificate and those above it without the root; empty for the root itself.
    """

    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate
    chain: tuple[bytes, ...] = ()

    @property
    def scope(self) -> Scope:
        """The region that it may certify in; the root certifies everywhere."""
        return role_and_scope(self.certificate)[1] if self.chain else NATIONAL

    @property
    def path_length(self) -> int:
        """How many further CAs may follow below it."""
        return self.certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.path_length or 0

    def below(self, key: ec.EllipticCurvePrivateKey, certificate: x509.Certificate) -> "Issuer":
        """The CA that `certificate`, issued by this one, makes of `key`."""
        return Issuer(key, certificate, (der_of(certificate), *self.chain))


@dataclass(frozen=True, slots=True)
class Validity:
    """From when until when (aware)."""

    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class Revocation:
    """One line of a revocation list."""

    serial: int
    moment: datetime
    reason: x509.ReasonFlags = x509.ReasonFlags.unspecified


def validity(now: datetime, days: int, issuer: x509.Certificate | None = None) -> Validity:
    """`days` from `now`, begun a day early for clocks that are behind, and never longer than the issuer's."""
    start, end = now.replace(microsecond=0) - _CLOCKS_DIFFER, now.replace(microsecond=0) + timedelta(days=days)
    if issuer is None:
        return Validity(start, end)
    return Validity(max(start, issuer.not_valid_before_utc), min(end, issuer.not_valid_after_utc))


def root(key: ec.EllipticCurvePrivateKey, name: str, when: Validity) -> x509.Certificate:
    """The certificate that everybody pins: it signs itself."""
    builder = _start(key.public_key(), name, when).issuer_name(_name(name))
    builder = _with_authority(builder, ROOT_PATH_LENGTH)
    return builder.add_extension(_authority_key(key.public_key()), critical=False).sign(key, _HASH)


def ca(
    issuer: Issuer, public_key: ec.EllipticCurvePublicKey, scope: str, name: str, when: Validity, path_length: int
) -> x509.Certificate:
    """A CA for `scope`, below which `path_length` further CAs may follow."""
    builder = _below(issuer, public_key, name, when)
    builder = _with_authority(builder, path_length)
    return _with_names(builder, roles.urn(Role.CA, scope), (), ()).sign(issuer.key, _HASH)


def leaf(
    issuer: Issuer,
    public_key: ec.EllipticCurvePublicKey,
    role: Role,
    scope: str,
    name: str,
    when: Validity,
    *,
    dns: Sequence[str] = (),
    ips: Sequence[IPv4Address | IPv6Address] = (),
    uri: str | None = None,
) -> x509.Certificate:
    """A certificate for whoever speaks as `role` in `scope`; `uri` replaces what role and scope would say."""
    builder = _below(issuer, public_key, name, when)
    builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    builder = builder.add_extension(_usage(_SIGNING), critical=True)
    builder = builder.add_extension(x509.ExtendedKeyUsage(_PURPOSES[role]), critical=False)
    return _with_names(builder, uri or roles.urn(role, scope), dns, ips).sign(issuer.key, _HASH)


def crl(
    issuer: Issuer, revocations: Iterable[Revocation], number: int, when: Validity
) -> x509.CertificateRevocationList:
    """The issuer's list of what it has revoked; `when.end` is when the next one is due."""
    builder = x509.CertificateRevocationListBuilder().issuer_name(issuer.certificate.subject)
    builder = builder.last_update(when.start).next_update(when.end)
    builder = builder.add_extension(_authority_key(issuer.key.public_key()), critical=False)
    builder = builder.add_extension(x509.CRLNumber(number), critical=False)
    for entry in revocations:
        builder = builder.add_revoked_certificate(_revoked(entry))
    return builder.sign(issuer.key, _HASH)


def _revoked(entry: Revocation) -> x509.RevokedCertificate:
    builder = x509.RevokedCertificateBuilder().serial_number(entry.serial).revocation_date(entry.moment.astimezone(UTC))
    if entry.reason is not x509.ReasonFlags.unspecified:  # RFC 5280 5.3.1: unspecified is said by saying nothing
        builder = builder.add_extension(x509.CRLReason(entry.reason), critical=False)
    return builder.build()


def _below(issuer: Issuer, public_key: ec.EllipticCurvePublicKey, name: str, when: Validity) -> x509.CertificateBuilder:
    builder = _start(public_key, name, when).issuer_name(issuer.certificate.subject)
    return builder.add_extension(_authority_key(issuer.key.public_key()), critical=False)


def _start(public_key: ec.EllipticCurvePublicKey, name: str, when: Validity) -> x509.CertificateBuilder:
    builder = x509.CertificateBuilder().subject_name(_name(name)).public_key(public_key)
    builder = builder.serial_number(x509.random_serial_number())
    builder = builder.not_valid_before(when.start.astimezone(UTC)).not_valid_after(when.end.astimezone(UTC))
    return builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)


def _with_authority(builder: x509.CertificateBuilder, path_length: int) -> x509.CertificateBuilder:
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=path_length), critical=True)
    return builder.add_extension(_usage(_CERTIFYING), critical=True)


def _with_names(
    builder: x509.CertificateBuilder, uri: str, dns: Sequence[str], ips: Sequence[IPv4Address | IPv6Address]
) -> x509.CertificateBuilder:
    names: list[x509.GeneralName] = [x509.UniformResourceIdentifier(uri)]
    names += [x509.DNSName(name) for name in dns]
    names += [x509.IPAddress(address) for address in ips]
    return builder.add_extension(x509.SubjectAlternativeName(names), critical=False)


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _authority_key(public_key: ec.EllipticCurvePublicKey) -> x509.AuthorityKeyIdentifier:
    return x509.AuthorityKeyIdentifier.from_issuer_public_key(public_key)


def _usage(allowed: frozenset[str]) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature="digital_signature" in allowed,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign="key_cert_sign" in allowed,
        crl_sign="crl_sign" in allowed,
        encipher_only=False,
        decipher_only=False,
    )
