"""Carries what is in custody towards the centre, for ever: connect, deliver, wait, again.

Of several uplinks the first that works is used. Failures cost nothing but time: a wait that doubles up to a
limit, spread at random; a centre that says when to come back is obeyed.
"""

import asyncio
import logging
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from relay.clock import Clock
from relay.config import UplinkConfig
from relay.delivery import Delivered, Delivery
from relay.errors import NotNow, Rejected, UplinkDown
from relay.identity import NodeIdentity
from relay.protocol import cose, planning, receipts, trust
from relay.protocol.messages import TrustNews
from relay.store.custody import CustodyStore
from relay.store.documents import DocumentFiles
from relay.uplink.port import Uplink
from relay.verifier import Verifier

log = logging.getLogger(__name__)


class LinkState(StrEnum):
    """An uplink, as the PPK sees it."""

    DOWN = "down"
    CONNECTING = "connecting"
    UP = "up"
    RESTING = "resting"  # nothing to send


@dataclass(slots=True)
class UplinkView:
    """What is shown of one uplink. Times in Unix seconds, 0 for never."""

    name: str
    state: LinkState = LinkState.DOWN
    since: float = 0.0
    last_success: float = 0.0
    retry_at: float = 0.0
    reason: str = ""
    failures: int = 0
    rate_bytes_per_second: float = 0.0
    bytes_in_flight: int = 0
    not_before: float = 0.0  # monotonic: the centre asked not to come before


class Forwarder:
    """The loop. `wake()` tells it that there is something new."""

    def __init__(
        self,
        uplinks: Sequence[tuple[Uplink, UplinkConfig]],
        store: CustodyStore,
        files: DocumentFiles,
        node: NodeIdentity,
        verifier: Verifier,
        clock: Clock,
        chance: random.Random,
    ) -> None:
        self._uplinks = uplinks
        self._store = store
        self._files = files
        self._node = node
        self._verifier = verifier
        self._clock = clock
        self._chance = chance
        self._work = asyncio.Event()
        self._delivered = Delivered(newest_statement=0)
        self.views = [UplinkView(config.name) for _, config in uplinks]

    def wake(self) -> None:
        """Something was taken into custody."""
        self._work.set()

    def status(self) -> dict[str, Any]:
        """The uplinks and what went over them, for the status API."""
        return {
            "uplinks": [
                {
                    "name": view.name,
                    "state": view.state,
                    "since": int(view.since),
                    "last_success": int(view.last_success),
                    "retry_in_seconds": max(0, round(view.retry_at - time.time())) if view.retry_at else 0,
                    "reason": view.reason,
                    "failures": view.failures,
                    "rate_bytes_per_second": round(view.rate_bytes_per_second),
                    "bytes_in_flight": view.bytes_in_flight,
                }
                for view in self.views
            ],
            "bytes_sent": self._delivered.bytes_sent,
            "bytes_sent_again": self._delivered.bytes_again,
        }

    async def run(self) -> None:
        """For ever; ends only by cancellation or by `StoreBroken`."""
        if not self._uplinks:
            log.warning("no uplink is configured: what is taken stays here")
            await asyncio.Event().wait()
        # what an earlier process may have sent is asked about, not sent again
        self._delivered.newest_statement = await self._store.newest_number()
        while True:
            wait = await self._try_uplinks()
            if wait is None:
                await self._rest()
            else:
                await asyncio.sleep(wait)

    async def _try_uplinks(self) -> float | None:
        """Delivers over the first uplink that works. None if all was said; else seconds to wait."""
        waits = []
        for (uplink, config), view in zip(self._uplinks, self.views, strict=True):
            left = view.not_before - time.monotonic()
            wait = left if left > 0 else await self._deliver(uplink, config, view)
            if wait is None:
                return None
            waits.append(wait)
        return min(waits)

    async def _deliver(self, uplink: Uplink, config: UplinkConfig, view: UplinkView) -> float | None:
        broken: Exception | None = None
        _enter(view, LinkState.CONNECTING)
        try:
            async with uplink.open() as stream:
                _enter(view, LinkState.UP)
                view.reason, view.retry_at = "", 0.0
                log.info("uplink %s is up", view.name)
                delivery = Delivery(
                    stream,
                    self._store,
                    self._files,
                    self._node.signer,
                    self._node.identity.chain,
                    self._clock,
                    config,
                    self._delivered,
                    on_receipt=self._file_receipt,
                    on_trust=self._learn,
                    work=self._work,
                )
                try:
                    await self._watch(delivery, view)
                finally:
                    if delivery.was_answered:  # a handshake alone proves nothing
                        view.failures = 0
        except* (UplinkDown, NotNow, Rejected) as group:
            broken = _first(group)
        if broken is not None:
            return self._failed(view, config, broken)
        view.failures = 0
        view.last_success = time.time()
        _enter(view, LinkState.RESTING)
        return None

    async def _watch(self, delivery: Delivery, view: UplinkView) -> None:
        """Runs a delivery and keeps its figures on view."""

        async def show() -> None:
            while True:
                view.rate_bytes_per_second = delivery.window.rate_bytes_per_second
                view.bytes_in_flight = delivery.window.bytes_in_flight
                await asyncio.sleep(0.5)

        async with asyncio.TaskGroup() as tasks:
            showing = tasks.create_task(show())
            try:
                await delivery.run()
            finally:
                showing.cancel()
                view.bytes_in_flight = 0

    def _failed(self, view: UplinkView, config: UplinkConfig, error: Exception) -> float:
        view.failures += 1
        wait = planning.backoff_seconds(
            view.failures,
            first=config.backoff_seconds_first,
            most=config.backoff_seconds_max,
            chance=self._chance.random(),
        )
        if isinstance(error, NotNow):
            wait = max(wait, error.retry_after_seconds)
            view.not_before = time.monotonic() + wait
        view.reason = str(error)
        view.retry_at = time.time() + wait
        _enter(view, LinkState.DOWN)
        log.info("uplink %s is down, tried again in %.1f s: %s", view.name, wait, error)
        return wait

    async def _rest(self) -> None:
        """Until something is taken; sooner if receipts are missing, which are then asked for again."""
        waiting = await self._store.without_receipt(0, 1)
        seconds = min(config.ask_again_seconds for _, config in self._uplinks) if waiting else None
        try:
            async with asyncio.timeout(seconds):
                await self._work.wait()
        except TimeoutError:
            return

    async def _file_receipt(self, data: bytes) -> None:
        """Settles what the centre has signed for; a receipt that does not hold is not filed."""
        try:
            signed = cose.parse(data)
            chain = await self._centre_chain(signed.x5t)
            await self._verifier.verify_signer(signed, chain, trust.Role.CENTRE)
            receipt = receipts.read(signed)
        except Rejected as error:
            log.error("a receipt does not hold and is not filed: %s [%s]", error.sentence, error.code)
            return
        self._clock.saw_signed_time(receipt.issued_at)
        await self._store.settle(receipt, receipt.issued_at)
        for view in self.views:
            view.last_success = time.time() if view.state is LinkState.UP else view.last_success
        for outcome in receipt.outcomes:
            log.info("%s %s by the centre", outcome.statement.hex()[:8], outcome.verdict.name.lower())

    async def _centre_chain(self, x5t: cose.X5t) -> tuple[bytes, ...]:
        kept = [der for kind, der in await self._store.trust_items() if kind == "centre"]
        return tuple(der for der in kept if cose.x5t_of(der) == x5t)

    async def _learn(self, news: TrustNews) -> None:
        """Keeps what the centre tells of CAs and revocations, after checking it against the root."""
        for error in self._verifier.learn([der for der in news.certificates if not _is_centre(der)], news.crls):
            log.warning("trust news not taken: %s", error.sentence)
        known = set(self._verifier.trust.authority_certificates)
        items = [("authority", der) for der in news.certificates if der in known]
        items += [("centre", der) for der in news.certificates if _is_centre(der)]
        items += [("crl", der) for der in self._verifier.trust.crls.values()]
        before = {der for _, der in await self._store.trust_items()}
        fresh = [(kind, cose.sha256(der), der) for kind, der in items if der not in before]
        if fresh:
            await self._store.learn_trust(fresh)


def _is_centre(der: bytes) -> bool:
    try:
        return trust.role_and_scope(trust.parse_certificate(der))[0] is trust.Role.CENTRE
    except Rejected:
        return False


def _enter(view: UplinkView, state: LinkState) -> None:
    view.state = state
    view.since = time.time()


def _first(group: BaseExceptionGroup[Exception]) -> Exception:
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error if isinstance(error, Exception) else UplinkDown(str(error))
