"""What a node knows of CAs and revocations: learned from anybody, believed only from the root, kept for the next start.

News comes down from the centre, and goes up from relays that certify: what was made at this relay, or was brought to
it from below, is *owed* to the centre until the centre is known to have it.
"""

import logging
from collections.abc import Callable, Iterable
from typing import Protocol

from relay.errors import Rejected
from relay.protocol.messages import TrustNews
from relay.protocol.roles import Role, role_of
from relay.store.trust_items import TrustItems
from relay.verifier import Verifier

log = logging.getLogger(__name__)


class TrustStore(Protocol):
    """Where it is kept."""

    trust: TrustItems

    async def learn_trust(
        self, items: Iterable[tuple[str, bytes]], *, owed: bool = False, gone: Iterable[bytes] = ()
    ) -> None:
        """Keeps (kind, DER), and no longer what is `gone` (DER)."""


class TrustBook:
    """The verifier's trust, and the same on disk."""

    def __init__(self, verifier: Verifier, store: TrustStore) -> None:
        self._verifier = verifier
        self._store = store
        self._owed: dict[bytes, None] = {}
        self._on_owed: list[Callable[[], None]] = []

    def watch(self, on_owed: Callable[[], None]) -> None:
        """From now on `on_owed` is told when there is more to tell the centre."""
        self._on_owed.append(on_owed)

    async def restore(self) -> None:
        """At the start: what was kept."""
        kept = await self._store.trust.all()
        self._verifier.learn(
            (der for kind, der in kept if kind == "authority"), (der for kind, der in kept if kind == "crl")
        )
        self._owed = dict.fromkeys(der for _, der in await self._store.trust.owed())

    async def learn(self, news: TrustNews, *, owed: bool = False) -> TrustNews:
        """Takes in what holds under the root. Of the CAs told, those that are known now; of each CRL, the newest known.

        `owed`: it was made here or comes from below, so that the centre has to be told what is new of it.
        """
        roles = {der: role_of(der) for der in news.certificates}
        authorities = [der for der, role in roles.items() if role is None or role is Role.CA]
        for error in self._verifier.learn(authorities, news.crls):
            log.warning("trust news not taken: %s", error.sentence)
        now = self._verifier.trust
        known = set(now.authority_certificates)
        certificates = tuple(der for der in authorities if der in known)
        crls = tuple(dict.fromkeys(der for told in news.crls if (der := now.newest_crl_like(told))))
        centres = [der for der, role in roles.items() if role is Role.CENTRE and self._reaches_root(der)]
        await self._keep([("authority", der) for der in certificates] + [("crl", der) for der in crls], owed=owed)
        # and the CAs above them, which may be known from elsewhere: the next start has to find the whole path
        counts = [("authority", der) for der in now.authority_certificates[1:]] + [("crl", der) for der in now.lists]
        await self._keep([*counts, *(("centre", der) for der in centres)], owed=False)
        return TrustNews(certificates, crls)

    def owed(self) -> TrustNews:
        """What the centre is not known to have, as far as it still counts: a newer CRL stands for the older ones."""
        now = self._verifier.trust
        authorities, crls = set(now.authority_certificates), set(now.crls.values())
        return TrustNews(
            tuple(der for der in self._owed if der in authorities), tuple(der for der in self._owed if der in crls)
        )

    def settled(self, ders: Iterable[bytes]) -> list[bytes]:
        """The centre has these: which of them were owed until now. On disk, that is the caller's to say."""
        found = [der for der in ders if der in self._owed]
        for der in found:
            del self._owed[der]
        return found

    async def _keep(self, items: Iterable[tuple[str, bytes]], *, owed: bool) -> None:
        """On disk is what counts now, and nothing that something newer stands for."""
        kept = await self._store.trust.all()
        before, trusted = {der for _, der in kept}, self._verifier.trust
        needed = {*trusted.authority_certificates[1:], *trusted.lists}
        fresh = [(kind, der) for kind, der in items if der not in before and (kind == "centre" or der in needed)]
        if not fresh:
            return
        gone = [der for kind, der in kept if kind != "centre" and der not in needed]
        await self._store.learn_trust(fresh, owed=owed, gone=gone)
        self._owed = {der: None for der in self._owed if der in needed}
        if owed:
            self._owed |= dict.fromkeys(der for _, der in fresh)
            for tell in self._on_owed:
                tell()

    def _reaches_root(self, der: bytes) -> bool:
        try:
            self._verifier.trust.identify((der,), None)
        except Rejected:
            return False
        return True
