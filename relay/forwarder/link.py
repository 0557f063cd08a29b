"""One uplink's life: wait until there is work and it may be used, connect, deliver, and when it fails, try again.

A link that falls silent in the middle is given the benefit of the doubt: its connection is kept until another one
carries (`Reserve`), and if it speaks first, it stays.
"""

import asyncio
import contextlib
import logging
import random
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

from relay.clock import Clock
from relay.config import UplinkConfig
from relay.errors import NotNow, Rejected, UplinkDown
from relay.forwarder import allowance
from relay.forwarder.allowance import DailyBudget
from relay.forwarder.delivery import Delivery, Handlers
from relay.forwarder.outgoing import Outgoing
from relay.forwarder.reserve import Opened, Replaced, Reserve
from relay.forwarder.view import LinkState, View
from relay.identity import NodeIdentity
from relay.protocol import planning
from relay.protocol.messages import Problem, TrustNews
from relay.protocol.statements import Kind
from relay.protocol.window import Window
from relay.store.custody import CustodyStore
from relay.uplink import interfaces
from relay.uplink.port import Connection, NetworkUplink

log = logging.getLogger(__name__)

_CARRIES = {"tally": {Kind.TALLY, Kind.NOTE}, "documents": {Kind.DOCUMENTS}}
_LOOK_SECONDS = 0.5
_CONNECTING_SECONDS = 10.0
_SPARE_RATE_LEAST = 4000.0  # bytes per second: making one takes some 3,000
_FAR_SECONDS = 0.3
_QUICK_SECONDS = 0.01
_QUICK_SPREAD_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Parts:
    """What all links of a relay share."""

    store: CustodyStore
    node: NodeIdentity
    clock: Clock
    chance: random.Random
    on_receipt: Callable[[bytes], Awaitable[None]]
    on_trust: Callable[[TrustNews, bool], Awaitable[None]]  # what was told, and whether the centre itself told it
    on_problem: Callable[[Problem], None]
    on_slips: Callable[[Sequence[bytes], bytes], Awaitable[None]]
    ledger: Callable[[Connection], Awaitable[Outgoing]]  # of what waits for whoever is at the other end


class Link:
    """One uplink of kind https or neighbour."""

    def __init__(self, uplink: NetworkUplink, config: UplinkConfig, outgoing: Outgoing, parts: Parts) -> None:
        self.config = config
        self.view = View()
        self.outgoing = outgoing
        self.budget = DailyBudget(config.bytes_per_day)
        self._uplink = uplink
        self._parts = parts
        self._opened: Opened | None = None
        self._reserve = Reserve(self._open, parts.chance)
        self._tells_trust = "control" in config.carries
        self._rate = 0.0
        self._bytes_allowed = 0
        self._lost = ""  # why the connection is gone, though TCP has not noticed yet
        self._not_before = 0.0  # monotonic: the other side asked not to come before
        self._retry_now = asyncio.Event()
        self.rivals: Sequence[Link] = ()

    # what others ask

    @property
    def is_working(self) -> bool:
        """Whether it carries, or would if there were something to carry."""
        view = self.view
        if view.state is LinkState.CONNECTING:
            return view.failures == 0 and time.time() - view.since < _CONNECTING_SECONDS
        return view.state in (LinkState.UP, LinkState.RESTING)

    @property
    def rank(self) -> tuple[int, bool]:
        """Smaller is better: a neighbour comes after the links of its priority that lead to the centre itself."""
        return self.config.priority, self.config.kind == "neighbour"

    def kinds(self) -> frozenset[Kind]:
        """The kinds of statement (lists stand for their photographs as well) that it may carry by its configuration."""
        return frozenset(kind for word, kinds in _CARRIES.items() if word in self.config.carries for kind in kinds)

    def carries(self) -> frozenset[Kind]:
        """What it may carry now: what no better uplink that works carries, and photographs if none is cheaper."""
        kinds = frozenset() if self._closed() else self.kinds()
        for rival in self.rivals:
            if rival.is_working and rival.rank < self.rank:
                kinds -= rival.kinds()
            elif rival.is_working and rival.config.cost < self.config.cost:
                kinds -= rival.kinds() & {Kind.DOCUMENTS}
        return kinds

    def network_changed(self) -> None:
        """An interface, an address or a route has changed: what was down is tried, what lost its address is dropped."""
        if self.view.state in (LinkState.DOWN, LinkState.CONNECTING):
            self.view.failures = 0
            self._retry_now.set()
        if self._opened is not None:
            try:
                interfaces.require(self.config.interface, self._opened.connection.local_address)
            except UplinkDown as error:
                self._lost = error.sentence

    @property
    def rate(self) -> float:
        """Bytes per second, as last measured."""
        return (self._opened.delivery.window.rate_bytes_per_second if self._opened else 0.0) or self._rate

    def status(self) -> dict[str, Any]:
        """For the status API."""
        view, now = self.view, self._parts.clock.now()
        window = self._opened.delivery.window if self._opened else None
        return {
            "name": self.config.label,
            "kind": self.config.kind,
            "state": view.state,
            "since": int(view.since),
            "last_success": int(view.last_success),
            "retry_in_seconds": max(0, round(view.retry_at - time.time())) if view.retry_at else 0,
            "reason": view.reason,
            "failures": view.failures,
            "carries": list(self.config.carries),
            "rate_bytes_per_second": round(self.rate),
            "bytes_in_flight": window.bytes_in_flight if window else 0,
            "bytes_sent": view.bytes_sent,
            "budget_bytes_left": self.budget.left(now),
            "now": self._opened.delivery.now if self._opened else "",
        }

    # its life

    async def run(self) -> None:
        """For ever; ends only by cancellation or by `StoreBroken`."""
        self.budget.restore(*await self._parts.store.budgets.spent(self.config.label))
        while True:
            await self._until_wanted()
            await self._wait(await self._attempt())

    async def _until_wanted(self) -> None:
        """Until there is something to carry and it may be carried here."""
        with self.outgoing.waiter() as changed:
            while True:
                changed.clear()
                carries = self.carries()
                if not carries:
                    self._say_why_not()
                    seconds = 1.0
                elif self._is_replaced() or self._has_trust_to_tell() or await self.outgoing.has_work(carries):
                    return
                else:
                    if self.view.state is not LinkState.DOWN:
                        self.view.enter(LinkState.RESTING)
                    seconds = float(self.config.ask_again_seconds)
                try:
                    async with asyncio.timeout(seconds):
                        await changed.wait()
                except TimeoutError:
                    if carries and self.outgoing.awaits_receipts:
                        self.outgoing.doubt_all()

    def _has_trust_to_tell(self) -> bool:
        """Whether the other side lacks CAs or revocations, and this uplink carries such things."""
        return self._tells_trust and self.outgoing.telling.has_work

    def _is_replaced(self) -> bool:
        """Whether it is down and a worse uplink does its work: then it is tried though nothing waits for it."""
        return self.view.state is LinkState.DOWN and any(
            rival.view.state is LinkState.UP and rival.rank > self.rank and rival.kinds() & self.kinds()
            for rival in self.rivals
        )

    async def _attempt(self) -> float:
        """Connects and delivers until it ends; seconds to wait before the next attempt."""
        self.view.enter(LinkState.CONNECTING)
        self._retry_now.clear()
        try:
            opened: Opened | None = await self._open()
            while opened is not None:
                opened = await self._deliver(opened)
        except (UplinkDown, NotNow, Rejected) as error:
            return self._failed(error)
        finally:
            await self._reserve.drop()
        self.view.failures = 0
        self.view.last_success = time.time()
        self.view.enter(LinkState.RESTING)
        return 0.0

    async def _open(self) -> Opened:
        parts = self._parts
        handlers = Handlers(
            parts.on_receipt,
            self._hear_trust,
            parts.on_problem,
            parts.on_slips,
            self._sent,
            self.carries,
            self._tells_trust,
        )
        async with AsyncExitStack() as stack:
            connection = await stack.enter_async_context(self._uplink.open())
            if self.config.kind == "neighbour":
                self.outgoing = await parts.ledger(connection)
            delivery = Delivery(connection, self.outgoing, parts.store, parts.node, parts.clock, handlers)
            return Opened(stack.pop_all(), connection, delivery)

    async def _deliver(self, opened: Opened) -> Opened | None:
        """Delivers over a connection until all is said: None. Or until it fails and another one is there: that."""
        config, delivery = self.config, opened.delivery
        window = Window(
            config.in_flight_bytes_least,
            config.in_flight_bytes_max,
            rate_bytes_per_second=self._rate,
            bytes_allowed=self._bytes_allowed // 2,  # a burst of all of it would not fit a short queue
        )
        self._opened, self._lost = opened, ""
        self.view.enter(LinkState.UP)
        self.view.reason, self.view.retry_at = "", 0.0
        log.info("uplink %s is up", config.label)
        try:
            async with opened.stack:
                try:
                    async with asyncio.TaskGroup() as tasks:
                        beside = [
                            tasks.create_task(self._watch(opened)),
                            tasks.create_task(self._reserve.keep(self._is_worth_a_spare)),
                        ]
                        await delivery.run(window, config.idle_seconds_max, config.ask_again_seconds)
                        for task in beside:
                            task.cancel()
                    return None
                except BaseExceptionGroup as group:
                    error = _most_telling(group)
                    opened.connection.abandon()
                    if isinstance(error, Replaced):
                        return error.by
                    if isinstance(error, UplinkDown) and (spare := self._reserve.take()):
                        return spare
                    raise error from group
        finally:
            self._rate = window.rate_bytes_per_second or self._rate
            self._bytes_allowed = window.bytes_allowed
            self._opened = None
            if delivery.was_answered:  # a handshake alone proves nothing
                self.view.failures = 0

    async def _watch(self, opened: Opened) -> None:
        """Ends a delivery: with `Replaced` once it is silent and another connection is made, else `UplinkDown`."""
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            if spent := self.budget.to_save():
                await self._parts.store.spend(self.config.label, *spent)
            if self._lost:
                raise UplinkDown(self._lost)
            if self._is_silent(opened.delivery):
                await self._wait_for_life(opened)

    def _is_silent(self, delivery: Delivery) -> bool:
        silent = delivery.window.silent_seconds(asyncio.get_running_loop().time()) > 0
        self.view.enter(LinkState.SILENT if silent else LinkState.UP)
        return silent

    async def _wait_for_life(self, opened: Opened) -> None:
        """Until the other side speaks again; `Replaced` as soon as there is a better way to it."""
        log.info("uplink %s is silent", self.config.label)
        try:
            async with asyncio.timeout(self.config.silence_seconds_max), asyncio.TaskGroup() as tasks:
                replacing = tasks.create_task(self._reserve.replace(opened))
                while self._is_silent(opened.delivery):  # noqa: ASYNC110 (it is for time to pass)
                    await asyncio.sleep(_LOOK_SECONDS)
                replacing.cancel()
        except TimeoutError as error:
            raise UplinkDown("The link has fallen silent.") from error

    def _is_worth_a_spare(self) -> bool:
        """Whether making a connection takes long here, and costs little beside what the link carries."""
        path = self._opened.connection.path() if self._opened else None
        is_far = path is not None and path.round_trip_least > _FAR_SECONDS
        return is_far and self.rate > _SPARE_RATE_LEAST and not self.config.bytes_per_day

    async def _hear_trust(self, news: TrustNews) -> None:
        await self._parts.on_trust(news, self.config.kind == "https")

    def _sent(self, size_bytes: int) -> None:
        self.view.bytes_sent += size_bytes
        self.budget.spend(size_bytes, self._parts.clock.now())

    def _closed(self) -> str:
        """Why it may not be used now; empty if it may."""
        clock = self._parts.clock
        if self.budget.left(clock.now()) == 0:
            return f"The {self.budget.most} bytes of today are spent; it opens again at 00:00 UTC."
        if clock.sure and not allowance.is_within(self.config.hours, allowance.local_time(clock.now())):
            return f"It is used {' and '.join(self.config.hours)} only."
        return ""

    def _say_why_not(self) -> None:
        closed = self._closed()
        self.view.reason = closed or "A better uplink works."
        self.view.enter(LinkState.CLOSED if closed else LinkState.STANDBY)

    def _failed(self, error: UplinkDown | NotNow | Rejected) -> float:
        view = self.view
        view.failures += 1
        # what had worked until now is tried again at once: most cuts are short
        wait = planning.backoff_seconds(
            view.failures,
            first=self.config.backoff_seconds_first,
            most=self.config.backoff_seconds_max,
            chance=self._parts.chance.random(),
        )
        if view.state in (LinkState.UP, LinkState.SILENT) and view.failures == 1:
            wait = _QUICK_SECONDS + self._parts.chance.random() * _QUICK_SPREAD_SECONDS
        if isinstance(error, NotNow):
            wait = max(wait, error.retry_after_seconds)
            self._not_before = time.monotonic() + wait
        view.reason = error.sentence
        view.retry_at = time.time() + wait
        view.enter(LinkState.DOWN)
        log.info("uplink %s is down, tried again in %.1f s: %s", self.config.label, wait, error)
        return wait

    async def _wait(self, seconds: float) -> None:
        """`seconds`, or until the network has changed; but not before the other side wants us back."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._retry_now.wait()
        await asyncio.sleep(max(0.0, self._not_before - time.monotonic()))


def _most_telling(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """Of the errors in a group, however deep: that another connection is there; else the first."""
    errors: list[BaseException] = []
    waiting: list[BaseException] = [group]
    while waiting:
        error = waiting.pop()
        if isinstance(error, BaseExceptionGroup):
            waiting.extend(error.exceptions)
        else:
            errors.append(error)
    return next((error for error in errors if isinstance(error, Replaced)), errors[-1])
