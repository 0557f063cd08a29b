"""From the outbox to whichever relay is there: tallies, then lists of photographs, then photographs, then receipts.

All of it may be done again at any time, to the same relay or another: what is proven on disk is not sent twice.
"""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from relay.errors import Code, NotNow, Rejected, RelayError, UplinkDown
from relay.phone.client import RelayConnection
from relay.phone.entries import Entry
from relay.phone.finder import Candidate
from relay.phone.outbox import Outbox
from relay.phone.patience import Patience, Sleep
from relay.phone.tls import public_tls, relay_tls
from relay.phone.upload import Progress, upload
from relay.protocol import planning
from relay.protocol.identities import Identity, check_role
from relay.protocol.roles import Role
from relay.protocol.slips import Subject
from relay.protocol.statements import Kind, Page, StatementId

PATIENCE_SECONDS = 120.0
_POLL_SECONDS_FIRST, _POLL_SECONDS_MOST = 0.25, 5.0


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that did not work: `about` is a relay's address or a statement's short id."""

    about: str
    code: Code
    sentence: str


@dataclass(slots=True)
class SendReport:
    """What one sending did, and what is left. Numbers of the last kind are read off the disk at the end."""

    relays: list[str] = field(default_factory=list)
    """Names of the relays reached, in order."""
    slips: int = 0
    """New slips, for statements and photographs."""
    receipts: int = 0
    """Statements that the centre has answered for since the start."""
    problems: list[Problem] = field(default_factory=list)
    """Of the last round: what has been overcome is not here."""
    on_phone: int = 0
    """Statements that no relay has."""
    photographs_on_phone: int = 0
    """Photographs that no relay has."""
    without_receipt: int = 0
    """Statements that the centre has not answered for."""

    @property
    def handed_over(self) -> bool:
        """Whether some relay, or the centre, has everything."""
        return self.on_phone == 0 and self.photographs_on_phone == 0


async def send(
    outbox: Outbox,
    relays: Sequence[Candidate | str],
    *,
    wait_seconds: float = 0.0,
    through_public_tls: bool = False,
    progress: Progress | None = None,
    patience_seconds: float = PATIENCE_SECONDS,
    poll_seconds_max: float = _POLL_SECONDS_MOST,
    sleep: Sleep = asyncio.sleep,
) -> SendReport:
    """Hands over all that is open to the first of `relays` (addresses, or what `find` found) that takes it.

    Goes on to the next one when a relay is not reached, or takes something not. With `wait_seconds`, goes on asking
    for receipts that long, and trying relays that are away. A relay that cannot be used is a problem in the report;
    raised is only `Rejected(busy)`, when another process is sending from this outbox.
    """
    sender = _Sender(outbox, through_public_tls, progress, Patience(patience_seconds, sleep), sleep, poll_seconds_max)
    urls = [url for relay in relays for url in ([relay] if isinstance(relay, str) else relay.urls)]
    with outbox.alone():
        return await sender.run(urls, time.monotonic() + wait_seconds)


class _Sender:
    def __init__(
        self,
        outbox: Outbox,
        through_public_tls: bool,
        progress: Progress | None,
        patience: Patience,
        sleep: Sleep,
        poll_seconds_max: float,
    ) -> None:
        self._outbox = outbox
        self._tls = public_tls() if through_public_tls else relay_tls(outbox.root_file)
        self._progress = progress
        self._patience = patience
        self._sleep = sleep
        self._poll_seconds_max = poll_seconds_max
        self._report = SendReport()

    async def run(self, urls: Sequence[str], deadline: float) -> SendReport:
        """Rounds over all relays until all is settled or the time is over; at least one."""
        pause = _POLL_SECONDS_FIRST
        while True:
            self._report.problems.clear()
            for sentence in await asyncio.to_thread(self._outbox.damaged):
                self._note("outbox", Rejected(Code.FILE_UNREADABLE, sentence))
            if not urls:
                self._note("relay", Rejected(Code.RELAY_NOT_FOUND, "No relay was found; give the address of one."))
            for url in urls:
                if await self._try(url, deadline):
                    break
            await self._count()
            open_ = self._report.without_receipt or not self._report.handed_over
            if not open_ or time.monotonic() + pause >= deadline:
                return self._report
            await self._sleep(pause)
            pause = min(2 * pause, self._poll_seconds_max)

    async def _try(self, url: str, deadline: float) -> bool:
        """One relay: whether there is nothing left for another one to do."""
        try:
            async with RelayConnection(url, self._tls) as connection:
                relay = await self._introduce(connection)
                await self._hand_over(connection, relay)
                await self._send_photographs(connection, relay)
                await self._fetch_receipts(connection, await self._entries())
                await self._count()
                if not self._report.handed_over:
                    return False
                await self._await_receipts(connection, deadline)
                return True
        except (UplinkDown, NotNow, Rejected) as error:
            self._note(url, error)
        await self._count()
        return False

    async def _introduce(self, connection: RelayConnection) -> Identity:
        """Learns what the relay says of trust, and who it is: the first certificate that it shows."""
        certificates, crls = await self._patience.of(connection.trust)
        await asyncio.to_thread(self._outbox.learn, certificates, crls)
        relay = self._outbox.proofs.trust.identify(certificates[:1], at=None)
        check_role(relay, Role.RELAY)
        if relay.name not in self._report.relays:
            self._report.relays.append(relay.name)
        return relay

    async def _hand_over(self, connection: RelayConnection, relay: Identity) -> None:
        """Every statement that is not settled and that this relay has no slip for: tallies first."""
        waiting = [entry for entry in await self._entries() if not entry.settled]
        for entry in sorted(waiting, key=lambda entry: entry.statement.kind):
            try:
                if await self._is_held(connection, relay, entry):
                    continue
                await self._hand_over_one(connection, entry)
            except Rejected as error:
                self._note(entry.statement.short_id, error)

    async def _is_held(self, connection: RelayConnection, relay: Identity, entry: Entry) -> bool:
        """Whether the relay gave a slip and still has the statement; a relay whose disk was lost gets it again."""
        if entry.slip_from(relay.x5t, entry.statement.id) is None:
            return False
        return await self._patience.of(lambda: connection.view(entry.statement.id)) is not None

    async def _hand_over_one(self, connection: RelayConnection, entry: Entry) -> None:
        signed = entry.statement.signed
        data = await self._patience.of(lambda: connection.hand_over(signed, entry.signer_chain))
        await self._keep_slip(entry, data, Subject.STATEMENT, entry.statement.id)

    async def _send_photographs(self, connection: RelayConnection, relay: Identity) -> None:
        """Every photograph that this relay has not, or gave no slip for: the pages with the votes first."""
        for entry, page in _photographs_for(relay, await self._entries()):
            try:
                await self._send_photograph(connection, relay, entry.statement.id, page)
            except (Rejected, NotNow) as error:
                self._note(f"{entry.statement.short_id} page {page.number}", error)

    async def _send_photograph(
        self, connection: RelayConnection, relay: Identity, statement: StatementId, page: Page
    ) -> None:
        entry = await asyncio.to_thread(self._outbox.entry, statement)
        view = await self._patience.of(lambda: connection.view(statement))
        held = view.documents.get(page.document) if view else None
        slip = held.slip if held else None
        if slip is not None and entry.slip_from(relay.x5t, page.document):
            return
        if slip is None:  # not there; or not there any more, if we have a slip from before its disk was lost
            path = entry.photograph(page.document)
            slip = await upload(connection, statement, page, path, patience=self._patience, progress=self._progress)
        await self._keep_slip(entry, slip, Subject.DOCUMENT, page.document)

    async def _keep_slip(self, entry: Entry, data: bytes, kind: Subject, subject: bytes) -> None:
        await asyncio.to_thread(self._outbox.keep_slip, entry, data, kind, subject)
        self._report.slips += 1

    async def _await_receipts(self, connection: RelayConnection, deadline: float) -> None:
        pause = _POLL_SECONDS_FIRST
        while time.monotonic() + pause < deadline:
            waiting = [entry for entry in await self._entries() if not entry.settled]
            if not waiting:
                return
            await self._sleep(pause)
            await self._fetch_receipts(connection, waiting)
            pause = min(1.5 * pause, self._poll_seconds_max)

    async def _fetch_receipts(self, connection: RelayConnection, entries: Sequence[Entry]) -> None:
        for entry in entries:
            try:
                await self._fetch_receipt(connection, entry)
            except Rejected as error:
                self._note(entry.statement.short_id, error)

    async def _fetch_receipt(self, connection: RelayConnection, entry: Entry) -> None:
        view = await self._patience.of(lambda: connection.view(entry.statement.id))
        if view is not None and view.receipt is not None:
            await self._keep_receipt(connection, entry, view.receipt)

    async def _keep_receipt(self, connection: RelayConnection, entry: Entry, data: bytes) -> None:
        try:
            state = await asyncio.to_thread(self._outbox.keep_receipt, entry, data)
        except Rejected as error:
            if error.code is not Code.SIGNER_UNKNOWN:
                raise
            await asyncio.to_thread(self._outbox.learn, *await self._patience.of(connection.trust))
            state = await asyncio.to_thread(self._outbox.keep_receipt, entry, data)
        self._report.receipts += not entry.settled and state is not entry.state

    async def _entries(self) -> list[Entry]:
        return await asyncio.to_thread(self._outbox.entries)

    async def _count(self) -> None:
        waiting = [entry for entry in await self._entries() if not entry.settled]
        self._report.on_phone = sum(not entry.slips_of(entry.statement.id) for entry in waiting)
        self._report.photographs_on_phone = sum(len(entry.statement.pages) - entry.pages_held for entry in waiting)
        self._report.without_receipt = len(waiting)

    def _note(self, about: str, error: RelayError) -> None:
        problem = Problem(about, error.code, error.sentence)
        if problem not in self._report.problems:
            self._report.problems.append(problem)


def _photographs_for(relay: Identity, entries: Sequence[Entry]) -> list[tuple[Entry, Page]]:
    """The photographs of which this relay has the list, in the order in which they go."""
    wanted = [
        (at, entry, page)
        for at, entry in enumerate(entries)
        if entry.statement.kind is Kind.DOCUMENTS
        and not entry.settled
        and entry.slip_from(relay.x5t, entry.statement.id)
        for page in entry.statement.pages
    ]
    wanted.sort(key=lambda item: planning.page_order(item[2].number, item[1].votes_page, item[0]))
    return [(entry, page) for _, entry, page in wanted]
