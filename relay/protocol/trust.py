"""Who may be believed: the pinned root, what has been learned below it, and the steps by which somebody is identified.

Numbers are those of PROTOCOL.md, "Trust, step by step". Time is an argument. What a single step looks at stands beside
it: `certificates`, `roles`, `paths`, `authorities`, `revocations`.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import pairwise

from cryptography.x509 import Certificate

from relay.errors import Code, Rejected
from relay.protocol import codes, cose, paths
from relay.protocol.authorities import Authorities, Authority
from relay.protocol.certificates import (
    common_name,
    crl_key_identifier,
    crl_number,
    der_of,
    issuer_key_identifier,
    key_identifier,
    parse_certificate,
    parse_crl,
    public_key_of,
)
from relay.protocol.codes import NATIONAL, Scope
from relay.protocol.identities import Identity
from relay.protocol.paths import CHAIN_LENGTH_MAX
from relay.protocol.revocations import Revocations
from relay.protocol.roles import Role, role_and_scope

_KABUPATEN_DIGITS = 4


@dataclass(frozen=True)
class Trust:
    """The pinned root, the CAs met so far, and every revocation known. A value: each change gives a new one."""

    root: Certificate
    _authorities: Authorities = field(default_factory=Authorities)
    _revoked: Mapping[bytes, Revocations] = field(default_factory=dict)  # CA's key identifier -> what it has revoked

    def identify(self, chain: Sequence[bytes], at: datetime | None) -> Identity:
        """Who the leaf `chain[0]` is; `chain[1:]` may hold CAs not known here.

        With `at` None, validity in time is not judged: a relay's clock is a guess, the centre judges strictly.
        Raises `Rejected` with the code of the first step that fails.
        """
        if not 1 <= len(chain) <= CHAIN_LENGTH_MAX:
            raise Rejected(Code.CHAIN_BROKEN, f"A chain has one to {CHAIN_LENGTH_MAX} certificates, leaf first.")
        # 1. the leaf is a certificate with a P-256 key
        leaf = parse_certificate(chain[0])
        public_key = public_key_of(leaf)
        # 2. its role and scope are said in exactly one urn:kpu: name
        role, scope = role_and_scope(leaf)
        if role is Role.CA:
            raise Rejected(Code.ROLE_NOT_ALLOWED, "A CA certificate certifies others; it does not speak for a station.")

        def check(issuer: Authority) -> None:
            path = (leaf, *issuer.path)
            # 4. if asked: all of them are valid now
            if at is not None:
                paths.check_time(path, at)
            # 5. signatures, names, constraints, path lengths, purposes, along the whole path
            paths.check_leaf(path, at)
            # 6. the CA may certify only inside its own scope
            paths.check_nesting(issuer.scope, scope)
            # 7. neither it nor a CA above it has been revoked
            self._check_not_revoked(path)

        # 3. a CA that chains to the pinned root issued it, each CA inside the scope of the one above
        issuer = self._issuer_of(leaf, scope, _by_key_identifier(chain[1:]), check)
        return Identity(
            role,
            scope,
            common_name(leaf),
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

    def with_authority(self, *chain: bytes) -> "Trust":
        """Learns a CA certificate from its DER (and those of the CAs above it, if they are not known).

        Of two certificates of one CA for one scope, the one that is valid longer is kept. Below a kabupaten's CA there
        are no more than a kabupaten can need.
        """
        authority = self._authority(parse_certificate(chain[0]), _by_key_identifier(chain[1:]))
        authorities = self._authorities.with_one(authority)
        return self if authorities is self._authorities else replace(self, _authorities=authorities)

    def with_crl(self, der: bytes) -> "Trust":
        """Adds what a CRL revokes; its CA must be known. What was once revoked stays so."""
        crl = parse_crl(der)
        key, number = crl_key_identifier(crl), crl_number(crl)
        authority = self._known(key, NATIONAL)
        if authority is None:
            raise Rejected(
                Code.SIGNER_UNKNOWN, "The CRL is from a CA that is not known here; add its certificate first."
            )
        if not crl.is_signature_valid(public_key_of(authority.certificate)):
            raise Rejected(Code.SIGNATURE_INVALID, "The CRL is not signed by the CA that it names.")
        known = self._revoked.get(key, Revocations())
        revoked = known.with_list(number, frozenset(entry.serial_number for entry in crl), der)
        return self if revoked is known else replace(self, _revoked={**self._revoked, key: revoked})

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
        return (der_of(self.root), *(der_of(authority.certificate) for _, authority in self._authorities))

    def concerning(self, scope: str) -> tuple[tuple[bytes, ...], tuple[bytes, ...]]:
        """CA certificates and CRLs (DER) for a node of `scope`; no root certificate.

        Those of every region that contains it or lies in it; and of the other regions of its kabupaten those that have
        revoked something, since who was revoked next door may come here.
        """
        kabupaten, crls = scope[:_KABUPATEN_DIGITS], self.crls
        found = [
            (key, authority)
            for key, authority in self._authorities
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
            key = crl_key_identifier(parse_crl(der))
        except Rejected:
            return None
        return self.crls.get(key)

    def knows_issuer_of(self, der: bytes) -> bool:
        """Whether the root or a CA learned here, not one that came along, has the key that certified `der`."""
        return self._known(issuer_key_identifier(parse_certificate(der)), NATIONAL) is not None

    def _known(self, key: bytes, inner: Scope) -> Authority | None:
        """The root or the CA learned that has this key; if there are several, one that may certify in `inner`."""
        if key == key_identifier(self.root):
            return Authority((self.root,), NATIONAL)
        return self._authorities.having(key, inner)

    def _issuer_of(
        self,
        certificate: Certificate,
        scope: Scope,
        offered: Mapping[bytes, Certificate],
        check: Callable[[Authority], None],
    ) -> Authority:
        """The CA that issued `certificate` and passes `check`: as it is known here or as it was sent along.

        Both are tried, and of two that pass, the one that is valid longer counts: whoever carries a statement
        can add a path by what he sends along, and cannot spoil one that holds. If neither passes, says why.
        """
        key = issuer_key_identifier(certificate)
        known, sent = self._known(key, scope), offered.get(key)
        candidates: list[Callable[[], Authority]] = []
        if known is not None:
            candidates.append(lambda: known)
        if sent is not None and (known is None or (sent != known.certificate and len(known.path) > 1)):
            remaining = {name: ca for name, ca in offered.items() if name != key}
            candidates.append(lambda: self._authority(sent, remaining))
        refusal = Rejected(
            Code.CHAIN_BROKEN,
            "The certificate's issuer is neither the pinned root nor a CA known here; send its CA along (x5chain).",
        )
        passing: list[Authority] = []
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

    def _authority(self, certificate: Certificate, offered: Mapping[bytes, Certificate]) -> Authority:
        scope = _ca_scope(certificate)

        def check(issuer: Authority) -> None:
            path = (certificate, *issuer.path)
            paths.check_authority(path)
            paths.check_nesting(issuer.scope, scope)
            self._check_not_revoked(path)

        issuer = self._issuer_of(certificate, scope, offered, check)
        return Authority((certificate, *issuer.path), scope)

    def _check_not_revoked(self, path: paths.Path) -> None:
        for certificate, issuer in pairwise(path):
            if certificate.serial_number in self._revoked.get(key_identifier(issuer), ()):
                raise Rejected(
                    Code.SIGNER_REVOKED,
                    f"The certificate of {common_name(certificate)} has been revoked; "
                    "enrol a new key with the kabupaten.",
                )


def pin(root_der: bytes) -> Trust:
    """Trust in one root and nothing else yet; `Rejected(chain-broken)` if it did not sign itself."""
    root = parse_certificate(root_der)
    paths.check_root(root)
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


def _ca_scope(certificate: Certificate) -> Scope:
    """The region of a CA. Never another code than chain-broken: a refusal of the leaf must not hang on its company."""
    try:
        role, scope = role_and_scope(certificate)
    except Rejected as error:
        raise paths.broken(certificate, "it stands where a CA must, and does not say that it is one") from error
    if role is not Role.CA:
        raise Rejected(Code.CHAIN_BROKEN, "A certificate in the middle of the chain is not a CA.")
    return scope


def _by_key_identifier(chain: Sequence[bytes]) -> Mapping[bytes, Certificate]:
    certificates = [parse_certificate(der) for der in chain]
    return {key_identifier(certificate): certificate for certificate in certificates}
