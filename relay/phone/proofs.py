"""Judging slips and receipts on the phone, and offline: under the pinned root, with what has been learned below it.

Whoever carries a proof is not believed: every slip and receipt is checked here before it is shown or written.
Time is not judged, since a relay's clock is a guess; revocation is.
"""

from collections.abc import Collection, Iterable
from pathlib import Path

from relay import identity
from relay.errors import Code, Rejected
from relay.protocol import cose, receipts, slips, trust
from relay.protocol.certificates import parse_certificate
from relay.protocol.cose import Sign1, X5t
from relay.protocol.identities import Identity, check_role, check_signed_by
from relay.protocol.receipts import Receipt
from relay.protocol.roles import Role, role_and_scope
from relay.protocol.slips import Slip, Subject


class Proofs:
    """The pinned root, and the CAs, CRLs, relays and centres met so far."""

    def __init__(self, root: bytes) -> None:
        self.trust = trust.pin(root)
        self.leaves: dict[X5t, bytes] = {}
        self._met: dict[X5t, Identity] = {}

    @classmethod
    def from_file(cls, root: Path) -> "Proofs":
        """With the root in a PEM file, and nothing learned yet."""
        return cls(identity.read_certificates(root)[0])

    def learn(
        self,
        certificates: Iterable[bytes],
        crls: Iterable[bytes],
        roles: Collection[Role] = (Role.RELAY, Role.CENTRE),
    ) -> list[Rejected]:
        """Takes in what holds (DER; CAs, and leaves of these roles, in any order); why the rest does not."""
        authorities, leaves, refused = _sorted(certificates)
        self.trust, wrong = trust.learn(self.trust, authorities, crls)
        self._met.clear()
        refused += wrong
        for leaf in leaves:
            try:
                met = self.trust.identify([leaf], at=None)
                check_role(met, *roles)
                self.leaves[met.x5t] = leaf
            except Rejected as error:
                refused.append(error)
        return refused

    def signer(self, signed: Sign1) -> Identity:
        """Who signed this, by the chain that came along or by what was learned; otherwise `Rejected`."""
        met = self._met.get(signed.x5t)
        if met is None:
            chain = signed.chain or self._learned(signed.x5t)
            check_signed_by(signed, chain)
            met = self._met[signed.x5t] = self.trust.identify(chain, at=None)
        cose.check(signed, met.public_key)
        return met

    def slip(self, data: bytes) -> tuple[Slip, Identity]:
        """The slip that a certified relay signed, and which relay."""
        signed = cose.parse(data)
        slip = slips.read(signed)
        relay = self.signer(signed)
        check_role(relay, Role.RELAY)
        return slip, relay

    def slip_for(self, data: bytes, kind: Subject, subject: bytes) -> tuple[Slip, Identity]:
        """As `slip`, and it must be about exactly this."""
        slip, relay = self.slip(data)
        if slip.subject_kind is not kind or slip.subject != subject:
            raise Rejected(
                Code.SIGNATURE_INVALID,
                f"The slip of {relay.name} is false: it speaks of something else than what was handed over. "
                "Tell the PPK, and send to another relay.",
            )
        return slip, relay

    def receipt(self, data: bytes) -> tuple[Receipt, Identity]:
        """The receipt that the centre signed, and who that is."""
        signed = cose.parse(data)
        receipt = receipts.read(signed)
        centre = self.signer(signed)
        check_role(centre, Role.CENTRE)
        return receipt, centre

    def receipt_for(self, data: bytes, statement: bytes) -> tuple[Receipt, Identity]:
        """As `receipt`, and it must speak of this statement."""
        receipt, centre = self.receipt(data)
        if receipt.outcome_for(statement) is None:
            raise Rejected(Code.SIGNATURE_INVALID, "The receipt is genuine, but says nothing of this statement.")
        return receipt, centre

    def _learned(self, x5t: X5t) -> tuple[bytes, ...]:
        leaf = self.leaves.get(x5t)
        if leaf is None:
            raise Rejected(
                Code.SIGNER_UNKNOWN, "The certificate of whoever signed this is not known here; get it from a relay."
            )
        return (leaf,)


def _sorted(certificates: Iterable[bytes]) -> tuple[list[bytes], list[bytes], list[Rejected]]:
    authorities: list[bytes] = []
    leaves: list[bytes] = []
    refused: list[Rejected] = []
    for der in certificates:
        try:
            role, _ = role_and_scope(parse_certificate(der))
        except Rejected as error:
            refused.append(error)
        else:
            (authorities if role is Role.CA else leaves).append(der)
    return authorities, leaves, refused
