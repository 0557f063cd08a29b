"""Carries what is in custody towards the centre, for ever, over every uplink that works, each parcel on one of them.

Failures cost nothing but time: a wait that doubles up to a limit, spread at random; a centre that says when to come
back is obeyed. What the centre signs is checked here and filed.
"""

import asyncio
import logging
import random
import time
from collections import deque
from collections.abc import Sequence
from typing import Any

from relay.clock import Clock
from relay.config import UplinkConfig
from relay.errors import Rejected
from relay.forwarder.link import Link, Parts
from relay.forwarder.outgoing import Outgoing
from relay.forwarder.view import LinkState
from relay.identity import NodeIdentity
from relay.protocol import cose, receipts
from relay.protocol.messages import Problem, TrustNews
from relay.protocol.parcels import SHORT_BYTES
from relay.protocol.roles import Role
from relay.protocol.statements import Kind
from relay.store.custody import CustodyStore
from relay.store.documents import DocumentFiles
from relay.trust_book import TrustBook
from relay.uplink import interfaces
from relay.uplink.port import Connection, NetworkUplink
from relay.verifier import Verifier

log = logging.getLogger(__name__)

_PROBLEMS_SHOWN = 20
_WIRE_BYTES_PER_STATEMENT_BYTE = 0.7  # in frames, with all that goes around them


class Forwarder:
    """All uplinks. `wake()` tells them that there is something new."""

    def __init__(
        self,
        uplinks: Sequence[tuple[NetworkUplink, UplinkConfig]],
        store: CustodyStore,
        files: DocumentFiles,
        node: NodeIdentity,
        verifier: Verifier,
        clock: Clock,
        chance: random.Random,
        book: TrustBook,
    ) -> None:
        self._store = store
        self._book = book
        self._files = files
        self._verifier = verifier
        self._clock = clock
        self._problems: deque[Problem] = deque(maxlen=_PROBLEMS_SHOWN)
        parts = Parts(
            store,
            node,
            clock,
            chance,
            self.file_receipt,
            self._hear_trust,
            self._problems.append,
            self._file_slips,
            self._neighbours_ledger,
        )
        self._to_centre = Outgoing(store, files, clock, owed=book.owed)
        self._to_neighbours: dict[cose.X5t, Outgoing] = {}
        self.links = []
        for uplink, config in uplinks:
            to_centre = config.kind == "https"
            self.links.append(
                Link(
                    uplink,
                    config,
                    self._to_centre if to_centre else Outgoing(store, files, clock, owed=book.owed),
                    parts,
                )
            )
        for link in self.links:
            link.rivals = [rival for rival in self.links if rival is not link]

    def wake(self) -> None:
        """Something was taken into custody."""
        for outgoing in self._ledgers():
            outgoing.wake()

    async def carried_otherwise(self) -> None:
        """All that has no receipt lies on a stick as well: the centre is asked about it before any of it is sent."""
        self._to_centre.elsewhere(name for name, _ in await self._store.waiting.names())

    def is_under_way(self, statement: bytes) -> bool:
        """Whether a stream, a stick or a neighbour has this statement now, as far as is known since the start."""
        return any(outgoing.has_taken(statement[:SHORT_BYTES]) for outgoing in self._ledgers())

    def under_way(self) -> set[bytes]:
        """All of which `is_under_way` says so, by the first 8 bytes of their ids."""
        return set().union(*(outgoing.taken for outgoing in self._ledgers()))

    async def waiting(self) -> dict[str, Any]:
        """What has no receipt, by class, and how long the uplinks that carry it now will need; None: nobody knows."""
        told: dict[str, Any] = {}
        for name, (count, size_bytes) in (await self._store.waiting.totals()).items():
            left = size_bytes * _WIRE_BYTES_PER_STATEMENT_BYTE
            if name == "photographs":
                left = max(0, size_bytes - self._to_centre.photograph_bytes_there)
            kind = {"tallies": Kind.TALLY, "notes": Kind.NOTE}.get(name, Kind.DOCUMENTS)
            rate = sum(link.rate for link in self.links if link.view.state is LinkState.UP and kind in link.carries())
            eta = round(left / rate) if rate and left else None if left else 0
            told[name] = {"count": count, "bytes": size_bytes, "bytes_left": round(left), "eta_seconds": eta}
        return told

    def status(self) -> dict[str, Any]:
        """The uplinks, what went over them and what was not taken, for the status API."""
        crossed = [outgoing.crossed for outgoing in self._ledgers()]
        return {
            "uplinks": [link.status() for link in self.links],
            "bytes_sent": sum(item.bytes_sent for item in crossed),
            "bytes_sent_again": sum(item.bytes_again for item in crossed),
            "not_taken": [
                {"about": problem.about.hex(), "code": problem.code, "sentence": problem.sentence}
                for problem in self._problems
            ],
        }

    async def run(self) -> None:
        """For ever; ends only by cancellation or by `StoreBroken`."""
        if not self.links:
            log.warning("no uplink is configured: what is taken stays here")
        for outgoing in self._ledgers():
            await outgoing.start()
        async with asyncio.TaskGroup() as tasks:
            for link in self.links:
                tasks.create_task(link.run(), name=f"uplink {link.config.label}")
            tasks.create_task(interfaces.watch(self._network_changed), name="interfaces")

    def _network_changed(self) -> None:
        log.info("the network has changed")
        for link in self.links:
            link.network_changed()

    async def file_receipt(self, data: bytes) -> None:
        """Settles what the centre has signed for; a receipt that does not hold is not filed."""
        try:
            signed = cose.parse(data)
            chain = await self._centre_chain(signed.x5t)
            await self._verifier.verify_signer(signed, chain, Role.CENTRE)
            receipt = receipts.read(signed)
        except Rejected as error:
            log.error("a receipt does not hold and is not filed: %s [%s]", error.sentence, error.code)
            return
        self._clock.saw_signed_time(receipt.issued_at)
        await self._store.settle(receipt, receipt.issued_at)
        for outgoing in self._ledgers():
            outgoing.settled(outcome.statement for outcome in receipt.outcomes)
        for link in self.links:
            if link.view.state is LinkState.UP:
                link.view.last_success = time.time()
        for outcome in receipt.outcomes:
            log.info("%s %s by the centre", outcome.statement.hex()[:8], outcome.verdict.name.lower())

    def _ledgers(self) -> list[Outgoing]:
        """Every ledger once."""
        return list(dict.fromkeys([self._to_centre, *self._to_neighbours.values(), *(x.outgoing for x in self.links)]))

    async def _neighbours_ledger(self, connection: Connection) -> Outgoing:
        """What waits for the neighbour at the other end: all but what it has given us itself."""
        x5t = cose.x5t_of(connection.peer)
        if x5t not in self._to_neighbours:
            outgoing = Outgoing(
                self._store, self._files, self._clock, not_from=x5t, others=self._to_centre, owed=self._book.owed
            )
            await outgoing.start()
            self._to_neighbours[x5t] = outgoing
        return self._to_neighbours[x5t]

    async def _file_slips(self, slips: Sequence[bytes], neighbour: bytes) -> None:
        """Files what a neighbour has signed for. It settles nothing: only the centre's receipt does."""
        try:
            signed = [await self._verifier.verify_slip(slip, (neighbour,)) for slip in slips]
        except Rejected as error:
            log.error("a neighbour's slip does not hold and is not filed: %s [%s]", error.sentence, error.code)
            return
        await self._store.file_slips([slip for slip, _ in signed], signed[0][1])

    async def _centre_chain(self, x5t: cose.X5t) -> tuple[bytes, ...]:
        kept = [der for kind, der in await self._store.trust.all() if kind == "centre"]
        return tuple(der for der in kept if cose.x5t_of(der) == x5t)

    async def _hear_trust(self, news: TrustNews, from_centre: bool) -> None:
        """What is told of CAs and revocations; what the centre itself tells, it need not be told any more."""
        await self._book.learn(news)
        there = self._book.settled((*news.certificates, *news.crls)) if from_centre else []
        if there:
            await self._store.tell_trust(there)
