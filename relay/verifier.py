"""Judging what arrives, with memory: the trust known now, and the signers met lately.

The rules are `protocol`'s; this part remembers who has been identified, so that a station's second statement
costs one signature check. Used by intake, and by the centre, which judges time strictly as well.
"""

from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from relay.errors import Code, Rejected
from relay.protocol import cose, slips, statements, trust
from relay.protocol.cose import X5t
from relay.protocol.identities import Identity, check_role, check_speaks_for, check_valid_at
from relay.protocol.roles import Role
from relay.protocol.slips import Slip
from relay.protocol.statements import Statement
from relay.protocol.trust import Trust

LookUpChain = Callable[[X5t], Awaitable[tuple[bytes, ...] | None]]


@dataclass(frozen=True, slots=True)
class Verified:
    """A statement that somebody who may has signed; `new_chain` is set until `stored` says it is on disk."""

    statement: Statement
    identity: Identity
    new_chain: tuple[bytes, ...] | None


class Verifier:
    """Holds the current trust. `judge_time_by` gives Unix seconds where validity in time is judged strictly."""

    def __init__(
        self,
        pinned: Trust,
        look_up_chain: LookUpChain,
        *,
        cached_max: int,
        judge_time_by: Callable[[], int] | None = None,
    ) -> None:
        self.trust = pinned
        self._look_up_chain = look_up_chain
        self._cached_max = cached_max
        self._judge_time_by = judge_time_by
        self._moment = datetime.fromtimestamp(0, UTC)
        self._signers: OrderedDict[X5t, Identity] = OrderedDict()
        self._stored: set[X5t] = set()  # of these, whose chain is on disk; what was refused leaves none there

    def learn(self, certificates: Iterable[bytes], crls: Iterable[bytes]) -> list[Rejected]:
        """Takes in CAs and CRLs that hold; signers met before are judged anew. Why others were not taken."""
        learned, refused = trust.learn(self.trust, certificates, crls)
        if learned is not self.trust:
            self.trust = learned
            self._signers.clear()
        return refused

    async def verify(self, data: bytes, chain: Sequence[bytes] = ()) -> Verified:
        """The statement in `data` if its signer may speak for its station; otherwise `Rejected`.

        The signer's chain is looked for in memory, in the message, in `chain`, and on disk.
        """
        statement = statements.parse(data)
        signed = statement.signed
        identity = self._signers.get(signed.x5t)
        if identity is None:
            identity = await self._identify(signed, signed.chain or tuple(chain))
        else:
            self._signers.move_to_end(signed.x5t)
        # the signature first: what is said of a statement after this is said of what its signer really signed
        cose.check(signed, identity.public_key)
        check_speaks_for(identity, statement)
        self.check_time(identity)
        return Verified(statement, identity, None if signed.x5t in self._stored else identity.chain)

    def stored(self, x5t: X5t) -> None:
        """The signer's chain is on disk: from here on statements may come, and be forwarded, without it."""
        self._stored.add(x5t)

    async def verify_signer(self, signed: cose.Sign1, chain: Sequence[bytes], *roles: Role) -> Identity:
        """Who signed a slip, receipt or batch header, if they have one of `roles`; otherwise `Rejected`."""
        identity = self._signers.get(signed.x5t)
        if identity is None:
            identity = await self._identify(signed, signed.chain or tuple(chain))
        cose.check(signed, identity.public_key)
        check_role(identity, *roles)
        self.check_time(identity)
        return identity

    async def verify_slip(self, data: bytes, relay: Sequence[bytes]) -> tuple[Slip, Identity]:
        """The custody slip in `data`, and who signed it: the relay of chain `relay` itself, whose stream it came on.

        `Rejected` if it does not hold, or is another relay's: nobody may tell of somebody else's custody.
        """
        signed = cose.parse(data)
        identity = await self.verify_signer(signed, relay, Role.RELAY)
        if identity.chain[0] != relay[0]:
            raise Rejected(Code.ROLE_NOT_ALLOWED, f"The slip is of {identity.name}, not of the relay that gave it.")
        return slips.read(signed), identity

    def check_time(self, identity: Identity) -> None:
        """`Rejected(certificate-not-valid-now)` where time is judged and the certificate is not valid."""
        if self._judge_time_by is None:
            return
        seconds = self._judge_time_by()
        if seconds != self._moment.timestamp():
            self._moment = datetime.fromtimestamp(seconds, UTC)
        check_valid_at(identity, self._moment)

    async def _identify(self, signed: cose.Sign1, chain: tuple[bytes, ...]) -> Identity:
        known = chain or await self._look_up_chain(signed.x5t)
        if not known:
            raise Rejected(
                Code.SIGNER_UNKNOWN,
                "The signer's certificate is not known here; send it along as x5chain (33) in the unprotected header.",
            )
        if cose.x5t_of(known[0]) != signed.x5t:
            raise Rejected(Code.CHAIN_BROKEN, "The certificate sent along is not the one that x5t names.")
        identity = self.trust.identify(known, at=None)
        self._signers[signed.x5t] = identity
        if not chain:
            self._stored.add(signed.x5t)
        if len(self._signers) > self._cached_max:
            self._stored.discard(self._signers.popitem(last=False)[0])
        return identity
