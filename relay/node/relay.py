"""A relay: its parts, built and run as one TaskGroup."""

import asyncio
import logging
import random
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web

from relay import identity
from relay.authority import Authority
from relay.authority.desk import Desk
from relay.clock import Clock
from relay.config import EnrolmentConfig, RelayConfig, UplinkConfig
from relay.drive.answers import Filing
from relay.drive.uplink import DriveUplink
from relay.forwarder.forwarder import Forwarder
from relay.identity import NodeIdentity
from relay.intake import app as intake_app
from relay.intake.announce import announce
from relay.intake.enrolments import Enrolments
from relay.intake.neighbour import Custodian
from relay.intake.reception import Reception
from relay.intake.returned import Returned
from relay.intake.tus import Tus
from relay.listening import listening
from relay.metrics import Metrics
from relay.node.own import own_folder, own_identity, own_tls
from relay.node.process import settle_memory, until_stopped
from relay.node.status import RelayStatus
from relay.protocol import cose, slips
from relay.protocol.roles import Role
from relay.store.custody import CustodyStore, open_custody
from relay.store.documents import DocumentFiles
from relay.streams import Streams
from relay.trust_book import TrustBook
from relay.uplink.https import HttpsUplink
from relay.uplink.neighbour import NeighbourUplink
from relay.uplink.port import NetworkUplink
from relay.verifier import Verifier
from relay.web import plain, site
from relay.web.office import Office
from relay.within import OwnExchange

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Ground:
    """What all parts stand on."""

    config: RelayConfig
    node: NodeIdentity
    clock: Clock
    metrics: Metrics
    store: CustodyStore
    files: DocumentFiles
    files_for_others: DocumentFiles
    verifier: Verifier
    book: TrustBook


async def run_relay(config: RelayConfig, on_listening: Callable[[int], None] | None = None) -> None:
    """A relay, until it is told to stop. `on_listening` gets the port once phones can come."""
    await until_stopped(relay_parts(config), on_listening)


@asynccontextmanager
async def relay_parts(config: RelayConfig) -> AsyncIterator[int]:
    """A running relay; the port that it listens on."""
    async with AsyncExitStack() as stack:
        ground = await _ground(config, stack)
        forwarder = _forwarder(ground)
        drives: list[DriveUplink] = []

        def wake() -> None:
            forwarder.wake()
            for drive in drives:
                drive.wake()

        ground.book.watch(wake)
        reception = _reception(ground, wake)
        custodian = _custodian(ground, reception)
        streams = Streams(custodian, ground.verifier, config.neighbour, random.Random())
        filing = Filing(ground.store, forwarder.file_receipt, ground.book.learn)
        drives += _drives(ground, forwarder, custodian, filing)
        status = RelayStatus(ground.node, ground.clock, ground.store, ground.files, custodian, forwarder, drives)
        ground.metrics.before_reading(status.look)
        ground.metrics.read_off(status.gauges)
        ground.metrics.read_off(lambda: {"streams": ("Other relays connected now", streams.count)})
        desk = await asyncio.to_thread(own_desk, config.enrolment)
        office, enrolments = _office(ground, forwarder, drives, status, desk)
        app = _application(ground, forwarder, reception, streams, filing, status, office, enrolments)
        async with asyncio.TaskGroup() as tasks:
            running = [tasks.create_task(ground.store.run(), name="store")]
            await reception.recover()
            await custodian.recover()
            await enrolments.recover()
            async with listening(app, config.listen, own_tls(config)) as port, _leading_to(ground, port):
                running.append(tasks.create_task(forwarder.run(), name="forwarder"))
                running.append(tasks.create_task(office.run(), name="board"))
                running += [tasks.create_task(drive.run(), name=f"drive {drive.name}") for drive in drives]
                if config.announce.enabled:  # only now that it listens
                    announcing = announce(config.announce, port, ground.node.identity)
                    running.append(tasks.create_task(announcing, name="announce"))
                settle_memory()
                log.info("relay %s listens on port %d", ground.node.identity.name, port)
                yield port
                office.close()
                await streams.close_all()
            for task in reversed(running):
                task.cancel()


def own_desk(config: EnrolmentConfig) -> Desk | None:
    """The desk of the CA that this relay holds, if it holds one. Blocks."""
    if config.authority is None or config.passphrase_file is None or config.codes is None:
        return None
    passphrase = identity.read_passphrase(config.passphrase_file)
    return Desk(Authority.open(config.authority, passphrase), config.codes)


async def _ground(config: RelayConfig, stack: AsyncExitStack) -> _Ground:
    node = own_identity(config.node, Role.RELAY)
    # it cannot be earlier than when our own certificate was made, nor than the centre's newest receipt; our own
    # slips prove nothing, or one spell with a clock in the future would never end
    clock = Clock(config.node.clock_sure_file, floor=int(node.identity.not_before.timestamp()))

    def sign_slip(kind: slips.Subject, subject: bytes, number: int) -> tuple[bytes, int]:
        held_at = clock.now()
        return node.signer.sign(slips.payload(kind, subject, number, held_at, clock.sure)).bare, held_at

    data = stack.enter_context(own_folder(config.node))
    opening = open_custody(data / "relay.db", sign_slip, queue_max=config.intake.queue_max)
    store = await stack.enter_async_context(opening)
    clock.saw_signed_time(await store.receipts.newest_time())
    verifier = Verifier(node.trust, store.signers.chain, cached_max=config.intake.signers_cached_max)
    book = TrustBook(verifier, store)
    await book.restore()
    files = DocumentFiles(data, config.intake.reserve_bytes)
    # what comes from other relays leaves more of the disk free than what comes from phones
    reserve = config.intake.reserve_bytes + config.neighbour.reserve_bytes
    for_others = DocumentFiles(data, reserve, incoming="incoming-from-relays")
    return _Ground(config, node, clock, Metrics("relay"), store, files, for_others, verifier, book)


def _forwarder(ground: _Ground) -> Forwarder:
    config, node = ground.config, ground.node
    root = config.node.identity_directory / identity.ROOT_FILE
    uplinks = [(_network_uplink(item, root, node, config), item) for item in config.uplink if item.folder is None]
    return Forwarder(
        uplinks, ground.store, ground.files, node, ground.verifier, ground.clock, random.Random(), ground.book
    )


def _network_uplink(item: UplinkConfig, root: Path, node: NodeIdentity, config: RelayConfig) -> NetworkUplink:
    if item.kind == "neighbour":
        fingerprint = cose.sha256(node.identity.chain[0]).hex()
        return NeighbourUplink(item, root, fingerprint, config.announce.interfaces)
    return HttpsUplink(item, root)


def _reception(ground: _Ground, wake: Callable[[], None]) -> Reception:
    return Reception(
        ground.store,
        ground.files,
        ground.verifier,
        ground.metrics,
        wake,
        document_bytes_max=ground.config.intake.document_bytes_max,
        statements_per_signer_max=ground.config.intake.statements_per_signer_max,
    )


def _custodian(ground: _Ground, reception: Reception) -> Custodian:
    return Custodian(
        ground.store,
        ground.files_for_others,
        reception.with_files(ground.files_for_others),
        ground.verifier,
        ground.clock,
        ground.metrics,
        ground.node.identity,
        ground.config.neighbour,
        ground.book,
    )


def _drives(ground: _Ground, forwarder: Forwarder, custodian: Custodian, filing: Filing) -> list[DriveUplink]:
    hand_over = OwnExchange(custodian, ground.verifier) if ground.config.neighbour.accept else None
    return [
        DriveUplink(
            item.label,
            item.folder,
            ground.store,
            ground.files,
            ground.node,
            ground.verifier,
            ground.clock,
            filing=filing,
            hand_over=hand_over,
            on_exported=forwarder.carried_otherwise,
        )
        for item in ground.config.uplink
        if item.folder is not None
    ]


def _office(
    ground: _Ground, forwarder: Forwarder, drives: list[DriveUplink], status: RelayStatus, desk: Desk | None
) -> tuple[Office, Enrolments]:
    """Each asks the other: who the operator is, and how phones are enrolled here."""
    office = Office(
        ground.config,
        ground.node,
        ground.store,
        ground.files,
        ground.verifier,
        ground.clock,
        status=status.read,
        under_way=forwarder.under_way,
        drives=drives,
        enrolment=lambda: enrolments.mode,
    )
    enrolments = Enrolments(
        ground.store,
        ground.verifier,
        ground.book,
        ground.clock,
        desk,
        office.sessions.operator,
        ground.config.enrolment,
        ground.config.listen.request_seconds_max,
    )
    return office, enrolments


def _application(
    ground: _Ground,
    forwarder: Forwarder,
    reception: Reception,
    streams: Streams,
    filing: Filing,
    status: RelayStatus,
    office: Office,
    enrolments: Enrolments,
) -> web.Application:
    config, store, files = ground.config, ground.store, ground.files
    intake = intake_app.Intake(
        store,
        files,
        reception,
        ground.verifier,
        status.read,
        ground.node.identity.chain,
        config.listen.request_seconds_max,
        forwarder.is_under_way,
    )
    tus = Tus(store, files, reception, ground.clock, config.intake, office.board.arriving)
    returned = Returned(filing, config.listen.request_seconds_max)
    app = intake_app.application(intake, tus, streams, returned, ground.metrics, config)
    office.attach(app)
    app.add_routes(enrolments.routes())
    app.add_routes(site.routes(site.RELAY_FRONTS, ground.node.trust))
    return app


def _leading_to(ground: _Ground, port: int) -> AbstractAsyncContextManager[None]:
    """The page without TLS that leads to the secure one on `port`."""
    config, node = ground.config, ground.node
    name = config.web.name or f"{config.announce.host_name or f'relay-{node.identity.scope}'}.local"
    url = f"https://{name}/" if port == 443 else f"https://{name}:{port}/"
    return plain.explaining(config.listen, config.web.plain_port, url, node.trust.authority_certificates[0])
