"""Who somebody is, once his chain has been checked up to the root, and what he may say. Time is an argument.

Numbers are those of PROTOCOL.md, "A signed message, step by step"; step 3, how somebody is identified, is `trust`'s.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from cryptography.hazmat.primitives.asymmetric import ec

from relay.errors import Code, Rejected
from relay.protocol import codes, cose, paths
from relay.protocol.certificates import parse_certificate, public_key_of
from relay.protocol.codes import Scope
from relay.protocol.cose import X5t
from relay.protocol.roles import Role
from relay.protocol.statements import Kind, Statement


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


def check_signed_by(signed: cose.Sign1, chain: Sequence[bytes]) -> None:
    """`Rejected` unless the key in the certificate that `signed` names (`chain[0]`) made its signature.

    Says nothing of whether that certificate may be trusted.
    """
    # 2. the leaf is the one that x5t names
    if not chain:
        raise Rejected(Code.SIGNER_UNKNOWN, "The signer's certificate did not come along.")
    if cose.x5t_of(chain[0]) != signed.x5t:
        raise Rejected(Code.CHAIN_BROKEN, "The certificate sent along is not the one that x5t names.")
    # 4. the signature holds under the leaf's key
    cose.check(signed, public_key_of(parse_certificate(chain[0])))


def check_role(identity: Identity, *allowed: Role) -> None:
    """`Rejected(role-not-allowed)` unless the identity has one of the roles."""
    if identity.role not in allowed:
        wanted = " or ".join(allowed)
        raise Rejected(
            Code.ROLE_NOT_ALLOWED, f"{identity.name} is certified as {identity.role}; only {wanted} may sign this."
        )


def check_speaks_for(identity: Identity, statement: Statement) -> None:
    """`Rejected` unless the identity may sign this: a station's officer its results, an operator above it a note."""
    # 5. the role may sign this kind, and the scope covers the station
    check_role(identity, Role.PPK if statement.kind is Kind.NOTE else Role.KPPS)
    if not codes.covers(identity.scope, statement.tps):
        raise Rejected(
            Code.STATION_NOT_SIGNERS,
            f"{identity.name} is certified for {identity.scope} and cannot speak for TPS {statement.tps}.",
        )


def check_valid_at(identity: Identity, moment: datetime) -> None:
    """`Rejected(certificate-not-valid-now)` unless every certificate of the identity's chain is valid at `moment`."""
    # 6. every certificate of the path is valid
    if identity.valid_at(moment):
        return
    paths.check_time(map(parse_certificate, identity.chain), moment)
    raise Rejected(Code.CERTIFICATE_NOT_VALID_NOW, f"The root above {identity.name} is not valid on {moment:%Y-%m-%d}.")
