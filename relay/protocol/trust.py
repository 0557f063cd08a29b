"""Who may say what: X.509 chain, role, scope, revocation, as numbered steps. Time is an argument.

Path validation (signatures, basic constraints, key usage, validity) is `cryptography`'s; what this file adds
is what X.509 does not know: that a CA may certify only inside its own region, and which role may sign what.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import StrEnum
from itertools import pairwise

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.utils import CryptographyDeprecationWarning
from cryptography.x509 import verification

from relay.errors import Code, Rejected
from relay.protocol import codes, cose
from relay.protocol.codes import NATIONAL, Scope
from relay.protocol.cose import X5t
from relay.protocol.revocations import Revocations
from relay.protocol.statements import Kind, Statement

_URN = "urn:kpu:"
_KABUPATEN_DIGITS = 4
_CAS_BELOW_MAX = 128  # of one kabupaten: it has 51 kecamatan at most, and a key may be lost
_CHAIN_LENGTH_MAX = 3  # leaf, kecamatan CA, kabupaten CA; the root is pinned, not sent
_UNREADABLE = (
    ValueError,
    TypeError,
    UnsupportedAlgorithm,
    x509.InvalidVersion,
    x509.DuplicateExtension,
    x509.UnsupportedGeneralNameType,
    CryptographyDeprecationWarning,  # raised only where warnings are errors: what a later release will refuse
)
"""All that the library raises when bytes from a stranger are not the certificate or list they claim to be."""


class Role(StrEnum):
    """The word after `urn:kpu:` in a certificate's subject alternative name."""

    CA = "ca"
    KPPS = "kpps"  # the officers of a polling station
    PPK = "ppk"  # operators at the kecamatan office
    RELAY = "relay"
    CENTRE = "pusat"


@dataclass(frozen=True, slots=True)
class Identity:
    """A certificate whose chain has been checked up to the pinned root.

    `chain` is the DER of the certificate and of its CAs, leaf first, without the root. `not_before` and
    `not_after` are those of the whole chain and the root: the time in which all of them are valid.
    """

    role: Role
    scope: Scope
    name: str
    x5t: X5t
    serial: int
    public_key: ec.EllipticCurvePublicKey
    not_before: datetime
    not_after: datetime
    chain: tuple[bytes, ...]

    def valid_at(self, moment: datetime) -> bool:
        """Whether the certificate and every CA above it are within their validity at `moment` (aware)."""
        return self.not_before <= moment <= self.not_after


@dataclass(frozen=True, slots=True)
class _Authority:
    """A CA certificate known to chain to the root, or the root itself."""

    path: tuple[x509.Certificate, ...]  # this CA, those above it, the root last
    scope: Scope

    @property
    def certificate(self) -> x509.Certificate:
        return self.path[0]

    @property
    def chain(self) -> tuple[bytes, ...]:
        """DER of this CA and those above it, without the root."""
        return tuple(der_of(certificate) for certificate in self.path[:-1])

    @property
    def not_before(self) -> datetime:
        """When the last of the path began to be valid."""
        return max(certificate.not_valid_before_utc for certificate in self.path)

    @property
    def not_after(self) -> datetime:
        """When the first of the path ceases to be valid."""
        return min(certificate.not_valid_after_utc for certificate in self.path)


@dataclass(frozen=True)
class Trust:
    """The pinned root, the CAs met so far, and every revocation known. A value: each change gives a new one."""

    root: x509.Certificate
    # By key identifier, then by scope: another CA may certify this CA's public key for a region of its own
    # (it needs no private key for that), and must not thereby take this CA's place.
    _authorities: Mapping[bytes, Mapping[Scope, _Authority]] = field(default_factory=dict)
    _below: Mapping[bytes, int] = field(default_factory=dict)  # CA's key identifier -> CAs that it has certified
    _revoked: Mapping[bytes, Revocations] = field(default_factory=dict)  # CA's key identifier -> what it has revoked

    @property
    def crls(self) -> dict[bytes, bytes]:
        """The newest CRL (DER) of each CA that has made one, by the CA's key identifier."""
        return {key: revoked.newest for key, revoked in self._revoked.items()}

    @property
    def lists(self) -> tuple[bytes, ...]:
        """Every CRL (DER) that still counts: the newest of each CA, and those that list what a newer one leaves out."""
        return tuple(der for revoked in self._revoked.values() for der in revoked.lists)

    @property
    def authority_certificates(self) -> tuple[bytes, ...]:
        """DER of every CA known, the root first."""
        below = (authority for scopes in self._authorities.values() for authority in scopes.values())
        return (der_of(self.root), *(der_of(authority.certificate) for authority in below))

    def concerning(self, scope: str) -> tuple[tuple[bytes, ...], tuple[bytes, ...]]:
        """CA certificates and CRLs (DER) for a node of `scope`; no root certificate.

        Those of every region that contains it or lies in it; and of the other regions of its kabupaten those that have
        revoked something, since who was revoked next door may come here.
        """
        kabupaten, crls = scope[:_KABUPATEN_DIGITS], self.crls
        found = [
            (key, authority)
            for key, scopes in self._authorities.items()
            for authority in scopes.values()
            if codes.covers(authority.scope, scope)
            or codes.covers(scope, authority.scope)
            or (key in crls and codes.covers(kabupaten, authority.scope))
        ]
        keys = dict.fromkeys([key_identifier(self.root), *(key for key, _ in found)])
        certificates = tuple(der_of(authority.certificate) for _, authority in found)
        return certificates, tuple(crls[key] for key in keys if key in crls)

    def newest_crl_like(self, der: bytes) -> bytes | None:
        """The newest CRL known of the CA whose key a CRL names; None if there is none."""
        try:
            named = _parse_crl(der).extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value
        except (Rejected, x509.ExtensionNotFound):
            return None
        return self.crls.get(named.key_identifier or b"")

    def knows_issuer_of(self, der: bytes) -> bool:
        """Whether the root or a CA learned here, not one that came along, has the key that certified `der`."""
        certificate = parse_certificate(der)
        return self._known(_issuer_key_identifier(certificate), NATIONAL) is not None

    def with_authority(self, *chain: bytes) -> "Trust":
        """Learns a CA certificate from its DER (and those of the CAs above it, if they are not known).

        Of two certificates of one CA for one scope, the one that is valid longer is kept. Below a kabupaten's CA there
        are no more than a kabupaten can need.
        """
        authority = self._authority(parse_certificate(chain[0]), _by_key_identifier(chain[1:]))
        key = key_identifier(authority.certificate)
        scopes = self._authorities.get(key, {})
        held = scopes.get(authority.scope)
        if held and held.certificate.not_valid_after_utc >= authority.certificate.not_valid_after_utc:
            return self
        authorities = {**self._authorities, key: {**scopes, authority.scope: authority}}
        issuer, is_renewed = authority.path[1], held is not None and held.path[1] == authority.path[1]
        if issuer == self.root or is_renewed:
            return replace(self, _authorities=authorities)
        above = key_identifier(issuer)
        below = self._below.get(above, 0) + 1
        if below > _CAS_BELOW_MAX:
            raise _broken(authority.certificate, f"its issuer has certified more than {_CAS_BELOW_MAX} CAs")
        return replace(self, _authorities=authorities, _below={**self._below, above: below})

    def with_crl(self, der: bytes) -> "Trust":
        """Adds what a CRL revokes; its CA must be known. What was once revoked stays so."""
        crl = _parse_crl(der)
        try:
            issuer_key = crl.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value.key_identifier
            number = _crl_number(crl)
        except x509.ExtensionNotFound as error:
            raise Rejected(Code.CRL_MALFORMED, "The CRL names no CA key or has no number.") from error
        authority = self._known(issuer_key or b"", NATIONAL)
        if authority is None:
            raise Rejected(
                Code.SIGNER_UNKNOWN, "The CRL is from a CA that is not known here; add its certificate first."
            )
        if not crl.is_signature_valid(_public_key(authority.certificate)):
            raise Rejected(Code.SIGNATURE_INVALID, "The CRL is not signed by the CA that it names.")
        key = key_identifier(authority.certificate)
        known = self._revoked.get(key, Revocations())
        revoked = known.with_list(number, frozenset(entry.serial_number for entry in crl), der)
        return self if revoked is known else replace(self, _revoked={**self._revoked, key: revoked})

    def identify(self, chain: Sequence[bytes], at: datetime | None) -> Identity:
        """Who the leaf `chain[0]` is; `chain[1:]` may hold CAs not known here.

        With `at` None, validity in time is not judged: a relay's clock is a guess, the centre judges strictly.
        Raises `Rejected` with the code of the first step that fails.
        """
        if not 1 <= len(chain) <= _CHAIN_LENGTH_MAX:
            raise Rejected(Code.CHAIN_BROKEN, f"A chain has one to {_CHAIN_LENGTH_MAX} certificates, leaf first.")
        # 1. the leaf is a certificate with a P-256 key
        leaf = parse_certificate(chain[0])
        public_key = _public_key(leaf)
        # 2. its role and scope are said in exactly one urn:kpu: name
        role, scope = role_and_scope(leaf)
        if role is Role.CA:
            raise Rejected(Code.ROLE_NOT_ALLOWED, "A CA certificate certifies others; it does not speak for a station.")

        def check(issuer: _Authority) -> None:
            path = (leaf, *issuer.path)
            # 4. if asked: all of them are valid now
            if at is not None:
                for certificate in path:
                    _check_time(certificate, at)
            # 5. signatures, names, constraints, path lengths, purposes, along the whole path
            _validate_path(path, at)
            # 6. the CA may certify only inside its own scope
            _check_nesting(issuer.scope, scope)
            # 7. neither it nor a CA above it has been revoked
            self._check_not_revoked(path)

        # 3. a CA that chains to the pinned root issued it, each CA inside the scope of the one above
        issuer = self._issuer_of(leaf, scope, _by_key_identifier(chain[1:]), check)
        return Identity(
            role,
            scope,
            _common_name(leaf),
            cose.x5t_of(chain[0]),
            leaf.serial_number,
            public_key,
            max(leaf.not_valid_before_utc, issuer.not_before),
            min(leaf.not_valid_after_utc, issuer.not_after),
            (chain[0], *issuer.chain),
        )

    def still_stands(self, identity: Identity) -> None:
        """`Rejected(signer-revoked)` if the identity, checked earlier, or a CA above it has been revoked since."""
        self._check_not_revoked((*map(parse_certificate, identity.chain), self.root))

    def _known(self, key: bytes, inner: Scope) -> _Authority | None:
        """The root or the CA learned that has this key; if there are several, one that may certify in `inner`."""
        if key == key_identifier(self.root):
            return _Authority((self.root,), NATIONAL)
        held = self._authorities.get(key, {}).values()
        covering = (authority for authority in held if codes.covers(authority.scope, inner))
        return next(covering, next(iter(held), None))

    def _issuer_of(
        self,
        certificate: x509.Certificate,
        scope: Scope,
        offered: Mapping[bytes, x509.Certificate],
        check: Callable[[_Authority], None],
    ) -> _Authority:
        """The CA that issued `certificate` and passes `check`: as it is known here or as it was sent along.

        Both are tried, and of two that pass, the one that is valid longer counts: whoever carries a statement
        can add a path by what he sends along, and cannot spoil one that holds. If neither passes, says why.
        """
        key = _issuer_key_identifier(certificate)
        known, sent = self._known(key, scope), offered.get(key)
        candidates: list[Callable[[], _Authority]] = []
        if known is not None:
            candidates.append(lambda: known)
        if sent is not None and (known is None or (sent != known.certificate and len(known.path) > 1)):
            remaining = {name: ca for name, ca in offered.items() if name != key}
            candidates.append(lambda: self._authority(sent, remaining))
        refusal = Rejected(
            Code.CHAIN_BROKEN,
            "The certificate's issuer is neither the pinned root nor a CA known here; send its CA along (x5chain).",
        )
        passing: list[_Authority] = []
        for candidate in candidates:
            try:
                issuer = candidate()
                check(issuer)
                passing.append(issuer)
            except Rejected as error:
                refusal = error
        if not passing:
            raise refusal
        return max(passing, key=lambda issuer: issuer.not_after)

    def _authority(self, certificate: x509.Certificate, offered: Mapping[bytes, x509.Certificate]) -> _Authority:
        scope = _ca_scope(certificate)

        def check(issuer: _Authority) -> None:
            path = (certificate, *issuer.path)
            _validate_authority(path)
            _check_nesting(issuer.scope, scope)
            self._check_not_revoked(path)

        issuer = self._issuer_of(certificate, scope, offered, check)
        return _Authority((certificate, *issuer.path), scope)

    def _check_not_revoked(self, path: Sequence[x509.Certificate]) -> None:
        for certificate, issuer in pairwise(path):
            if certificate.serial_number in self._revoked.get(key_identifier(issuer), ()):
                raise Rejected(
                    Code.SIGNER_REVOKED,
                    f"The certificate of {_common_name(certificate)} has been revoked; "
                    "enrol a new key with the kabupaten.",
                )


def pin(root_der: bytes) -> Trust:
    """Trust in one root and nothing else yet; `Rejected(chain-broken)` if it did not sign itself."""
    root = parse_certificate(root_der)
    try:
        root.verify_directly_issued_by(root)
    except (InvalidSignature, *_UNREADABLE) as error:
        raise Rejected(Code.CHAIN_BROKEN, "This is not a root certificate: it is not signed by itself.") from error
    key_identifier(root)
    _check_may_certify(root)
    return Trust(root)


def learn(trust: Trust, certificates: Iterable[bytes], crls: Iterable[bytes]) -> tuple[Trust, list[Rejected]]:
    """`trust` with every CA and CRL that holds, in whatever order they come, and why the others do not."""
    pending = list(certificates)
    refused: list[Rejected] = []
    while pending:
        refused, left = [], []
        for der in pending:
            try:
                trust = trust.with_authority(der)
            except Rejected as error:
                refused.append(error)
                left.append(der)
        if len(left) == len(pending):
            break
        pending = left
    for der in crls:
        try:
            trust = trust.with_crl(der)
        except Rejected as error:
            refused.append(error)
    return trust, refused


def check_role(identity: Identity, *allowed: Role) -> None:
    """`Rejected(role-not-allowed)` unless the identity has one of the roles."""
    if identity.role not in allowed:
        wanted = " or ".join(allowed)
        raise Rejected(
            Code.ROLE_NOT_ALLOWED, f"{identity.name} is certified as {identity.role}; only {wanted} may sign this."
        )


def check_speaks_for(identity: Identity, statement: Statement) -> None:
    """`Rejected` unless the identity may sign this: a station's officer its results, an operator above it a note."""
    check_role(identity, Role.PPK if statement.kind is Kind.NOTE else Role.KPPS)
    if not codes.covers(identity.scope, statement.tps):
        raise Rejected(
            Code.STATION_NOT_SIGNERS,
            f"{identity.name} is certified for {identity.scope} and cannot speak for TPS {statement.tps}.",
        )


def check_valid_at(identity: Identity, moment: datetime) -> None:
    """`Rejected(certificate-not-valid-now)` unless every certificate of the identity's chain is valid at `moment`."""
    if identity.valid_at(moment):
        return
    for der in identity.chain:
        _check_time(parse_certificate(der), moment)
    raise Rejected(Code.CERTIFICATE_NOT_VALID_NOW, f"The root above {identity.name} is not valid on {moment:%Y-%m-%d}.")


def check_signed_by(signed: cose.Sign1, chain: Sequence[bytes]) -> None:
    """`Rejected` unless the key in the certificate that `signed` names (`chain[0]`) made its signature.

    Says nothing of whether that certificate may be trusted.
    """
    if not chain or cose.x5t_of(chain[0]) != signed.x5t:
        raise Rejected(Code.SIGNER_UNKNOWN, "The signer's certificate did not come along.")
    cose.check(signed, _public_key(parse_certificate(chain[0])))


def role_of(der: bytes) -> Role | None:
    """The role in a certificate; None if it says none that we know, as a CA's."""
    try:
        return role_and_scope(parse_certificate(der))[0]
    except Rejected:
        return None


def path_among(der: bytes, others: Iterable[bytes]) -> list[bytes]:
    """A certificate, and those of `others` that stand above it by the keys that they name; no signature is checked."""
    by_key = {key_identifier(parse_certificate(other)): other for other in others}
    path = [der]
    while (above := by_key.pop(_issuer_key_identifier(parse_certificate(path[-1])), None)) is not None:
        path.append(above)
    return path


def role_and_scope(certificate: x509.Certificate) -> tuple[Role, Scope]:
    """What the one `urn:kpu:ROLE[:SCOPE]` name in the certificate says, or `Rejected(role-unknown)`."""
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        urns = [uri for uri in names.get_values_for_type(x509.UniformResourceIdentifier) if uri.startswith(_URN)]
    except x509.ExtensionNotFound:
        urns = []
    if len(urns) != 1:
        raise Rejected(Code.ROLE_UNKNOWN, f"A certificate has exactly one name urn:kpu:…, this one has {len(urns)}.")
    word, _, region = urns[0].removeprefix(_URN).partition(":")
    try:
        role, scope = Role(word), codes.scope(region)
    except (ValueError, Rejected) as error:
        raise Rejected(Code.ROLE_UNKNOWN, f"The certificate's role {urns[0]!r} is not known here.") from error
    if urns[0] != urn(role, scope):
        raise Rejected(Code.ROLE_UNKNOWN, f"The certificate's role {urns[0]!r} is not written as {urn(role, scope)}.")
    if role is Role.KPPS and len(scope) not in (10, 13):
        raise Rejected(Code.ROLE_UNKNOWN, "A KPPS officer is certified for one TPS or one village, not for more.")
    if role is Role.CENTRE and scope != NATIONAL:  # else a kabupaten CA could make itself a centre that gives receipts
        raise Rejected(Code.ROLE_UNKNOWN, "The centre is certified for the whole country, not for a region.")
    return role, scope


def urn(role: Role, scope: str) -> str:
    """The subject alternative name that says `role` in `scope`."""
    return _URN + role + (f":{scope}" if scope else "")


def parse_certificate(der: bytes) -> x509.Certificate:
    """The certificate, or `Rejected(certificate-malformed)`; every part that is read here can be read."""
    try:
        certificate = x509.load_der_x509_certificate(der)
        _ = certificate.extensions, certificate.subject, certificate.issuer, certificate.signature_algorithm_oid
        _ = certificate.serial_number, certificate.not_valid_before_utc, certificate.not_valid_after_utc
    except _UNREADABLE as error:
        raise Rejected(Code.CERTIFICATE_MALFORMED, "The bytes are not an X.509 certificate in DER.") from error
    return certificate


def der_of(certificate: x509.Certificate) -> bytes:
    """The certificate's DER."""
    return certificate.public_bytes(Encoding.DER)


def key_identifier(certificate: x509.Certificate) -> bytes:
    """SHA-1 of a CA's public key, as its subject key identifier says, or `Rejected(certificate-malformed)`.

    A CA may not choose its own: with another CA's identifier it could take that CA's place, or revoke for it.
    """
    own = x509.SubjectKeyIdentifier.from_public_key(_public_key(certificate))  # RFC 5280 4.2.1.2 (1)
    try:
        said = certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    except x509.ExtensionNotFound as error:
        raise Rejected(Code.CERTIFICATE_MALFORMED, "The CA certificate has no subject key identifier.") from error
    if said != own:
        raise Rejected(Code.CERTIFICATE_MALFORMED, "The CA's subject key identifier is not that of its public key.")
    return own.digest


def _ca_scope(certificate: x509.Certificate) -> Scope:
    """The region of a CA. Never another code than chain-broken: a refusal of the leaf must not hang on its company."""
    try:
        role, scope = role_and_scope(certificate)
    except Rejected as error:
        raise _broken(certificate, "it stands where a CA must, and does not say that it is one") from error
    if role is not Role.CA:
        raise Rejected(Code.CHAIN_BROKEN, "A certificate in the middle of the chain is not a CA.")
    return scope


def _validate_path(path: tuple[x509.Certificate, ...], at: datetime | None) -> None:
    """RFC 5280 6.1 from the leaf to the root, by the library; time is `at`, or a moment when all have begun."""
    moment = at or max(certificate.not_valid_before_utc for certificate in path)
    leaf, *between, root = path
    builder = verification.PolicyBuilder().store(verification.Store([root])).time(moment)
    verifier = builder.max_chain_depth(len(between)).build_client_verifier()
    try:
        verified = verifier.verify(leaf, between).chain
    except (verification.VerificationError, *_UNREADABLE) as error:
        raise _broken(leaf, str(error)) from error
    if tuple(verified) != path:  # scope and revocation were looked up along `path`
        raise _broken(leaf, "it is signed by another CA than the one it names")


def _validate_authority(path: tuple[x509.Certificate, ...]) -> None:
    """That `path[0]` is a CA and issued by `path[1]`; the library only validates paths that end in a leaf."""
    certificate, issuer = path[:2]
    if len(path) > _CHAIN_LENGTH_MAX:
        raise _broken(certificate, "there are more CAs above it than this system has levels")
    try:
        certificate.verify_directly_issued_by(issuer)
    except (InvalidSignature, *_UNREADABLE) as error:
        raise _broken(certificate, str(error) or "its signature is not the issuer's") from error
    _check_may_certify(certificate)
    for below, above in enumerate(path[1:], start=1):
        length = above.extensions.get_extension_for_class(x509.BasicConstraints).value.path_length
        if length is not None and length < below:
            raise _broken(certificate, f"{_common_name(above)} may have no further CA so far below it")


def _check_time(certificate: x509.Certificate, at: datetime) -> None:
    if not certificate.not_valid_before_utc <= at.astimezone(UTC) <= certificate.not_valid_after_utc:
        raise Rejected(
            Code.CERTIFICATE_NOT_VALID_NOW,
            f"The certificate of {_common_name(certificate)} is valid from {certificate.not_valid_before_utc:%Y-%m-%d} "
            f"to {certificate.not_valid_after_utc:%Y-%m-%d}, not on {at:%Y-%m-%d}.",
        )


def _check_may_certify(certificate: x509.Certificate) -> None:
    try:
        usage = certificate.extensions.get_extension_for_class(x509.KeyUsage).value
        constraints = certificate.extensions.get_extension_for_class(x509.BasicConstraints).value
    except x509.ExtensionNotFound as error:
        raise _broken(certificate, "a CA needs key usage and basic constraints") from error
    if not (constraints.ca and usage.key_cert_sign and usage.crl_sign):
        raise _broken(certificate, "its constraints or key usage do not let it certify and revoke")


def _check_nesting(outer: Scope, inner: Scope) -> None:
    if not codes.covers(outer, inner):
        raise Rejected(
            Code.CA_OUTSIDE_SCOPE,
            f"The CA of {outer} certified for {inner or 'the whole country'}, which is outside its own scope.",
        )


def _public_key(certificate: x509.Certificate) -> ec.EllipticCurvePublicKey:
    try:
        key = certificate.public_key()
    except UnsupportedAlgorithm as error:
        raise Rejected(Code.ALGORITHM_UNSUPPORTED, "The certificate's key must be P-256.") from error
    except ValueError as error:
        raise Rejected(Code.CERTIFICATE_MALFORMED, "The certificate's key cannot be read.") from error
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        raise Rejected(Code.ALGORITHM_UNSUPPORTED, "The certificate's key must be P-256.")
    return key


def _issuer_key_identifier(certificate: x509.Certificate) -> bytes:
    try:
        value = certificate.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value
    except x509.ExtensionNotFound as error:
        raise Rejected(Code.CERTIFICATE_MALFORMED, "The certificate does not name its issuer's key.") from error
    return value.key_identifier or b""


def _by_key_identifier(chain: Sequence[bytes]) -> Mapping[bytes, x509.Certificate]:
    certificates = [parse_certificate(der) for der in chain]
    return {key_identifier(certificate): certificate for certificate in certificates}


def _parse_crl(der: bytes) -> x509.CertificateRevocationList:
    try:
        crl = x509.load_der_x509_crl(der)
        _ = crl.extensions, [entry.serial_number for entry in crl]
    except _UNREADABLE as error:
        raise Rejected(Code.CRL_MALFORMED, "The bytes are not a certificate revocation list in DER.") from error
    return crl


def _crl_number(crl: x509.CertificateRevocationList) -> int:
    return crl.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number


def _common_name(certificate: x509.Certificate) -> str:
    names = certificate.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
    return str(names[0].value) if names else "an unnamed certificate"


def _broken(certificate: x509.Certificate, why: str) -> Rejected:
    return Rejected(Code.CHAIN_BROKEN, f"The chain of {_common_name(certificate)} does not hold: {why}.")
