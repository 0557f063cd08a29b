"""The one place where parts are built and run: a relay, or a centre, as one TaskGroup."""

import asyncio
import gc
import logging
import random
import signal
import ssl
import sys
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import uvloop

from relay import identity
from relay.authority import Authority
from relay.authority.desk import Desk
from relay.central import app as central_app
from relay.central.counting import Counting
from relay.central.events import Events
from relay.central.recorder import Recorder
from relay.central.results import Results
from relay.central.sheets import CentreSheets
from relay.clock import Clock
from relay.config import CentreConfig, EnrolmentConfig, NodeConfig, RelayConfig, UplinkConfig
from relay.drive.answers import Filing
from relay.drive.uplink import DriveUplink
from relay.errors import Rejected, RelayError, StoreBroken
from relay.files import lock_folder
from relay.forwarder.forwarder import Forwarder
from relay.http import listening, server_tls
from relay.identity import NodeIdentity
from relay.intake import app as intake_app
from relay.intake.announce import announce
from relay.intake.enrolments import Enrolments
from relay.intake.neighbour import Custodian
from relay.intake.reception import Reception
from relay.intake.returned import Returned
from relay.intake.tus import Tus
from relay.metrics import Gauges, Metrics
from relay.protocol import cose, forms, receipts, slips
from relay.protocol.roles import Role
from relay.store.custody import open_custody
from relay.store.documents import DocumentFiles
from relay.store.record import open_record
from relay.streams import Streams
from relay.trust_book import TrustBook
from relay.uplink.https import HttpsUplink
from relay.uplink.neighbour import NeighbourUplink
from relay.uplink.port import NetworkUplink
from relay.verifier import Verifier
from relay.web import kecamatan, plain, site
from relay.web.nameplate import Nameplate
from relay.web.office import Office
from relay.within import OwnExchange

log = logging.getLogger(__name__)

_TRUST_LOOK_SECONDS = 5.0


def run(main: Coroutine[Any, Any, None]) -> None:
    """Runs a node on uvloop until SIGTERM or SIGINT, which end it in order.

    Raises the `RelayError` that ended it, if one did: a port that is taken, a disk that cannot be trusted.
    """
    ended_by: list[RelayError] = []
    try:
        uvloop.run(main)
    except* RelayError as group:
        ended_by = _errors(group)
    if ended_by:
        raise ended_by[0]


def _errors(group: BaseExceptionGroup[RelayError]) -> list[RelayError]:
    """The errors in a group, however deep."""
    return [
        error
        for item in group.exceptions
        for error in (_errors(item) if isinstance(item, BaseExceptionGroup) else [item])
    ]


async def run_relay(config: RelayConfig, on_listening: Callable[[int], None] | None = None) -> None:
    """A relay, until it is told to stop. `on_listening` gets the port once phones can come."""
    async with relay_parts(config) as port:
        if on_listening is not None:
            on_listening(port)
        await _until_stopped()


@asynccontextmanager
async def relay_parts(config: RelayConfig) -> AsyncIterator[int]:
    """A running relay; the port that it listens on."""
    node = _identity(config.node, Role.RELAY)
    # it cannot be earlier than when our own certificate was made, nor than the centre's newest receipt; our own
    # slips prove nothing, or one spell with a clock in the future would never end
    clock = Clock(config.node.clock_sure_file, floor=int(node.identity.not_before.timestamp()))
    metrics = Metrics("relay")

    def sign_slip(kind: slips.Subject, subject: bytes, number: int) -> tuple[bytes, int]:
        held_at = clock.now()
        return node.signer.sign(slips.payload(kind, subject, number, held_at, clock.sure)).bare, held_at

    async with AsyncExitStack() as stack:
        data = stack.enter_context(_data_directory(config.node))
        opening = open_custody(data / "relay.db", sign_slip, queue_max=config.intake.queue_max)
        store = await stack.enter_async_context(opening)
        clock.saw_signed_time(await store.receipts.newest_time())
        files = DocumentFiles(data, config.intake.reserve_bytes)
        verifier = Verifier(node.trust, store.signers.chain, cached_max=config.intake.signers_cached_max)
        book = TrustBook(verifier, store)
        await book.restore()
        desk = await asyncio.to_thread(_desk, config.enrolment)
        root = config.node.identity_directory / identity.ROOT_FILE
        uplinks = [(_network_uplink(item, root, node, config), item) for item in config.uplink if item.folder is None]
        forwarder = Forwarder(uplinks, store, files, node, verifier, clock, random.Random(), book)
        drives: list[DriveUplink] = []

        def wake() -> None:
            forwarder.wake()
            for drive in drives:
                drive.wake()

        book.watch(wake)
        reception = Reception(
            store,
            files,
            verifier,
            metrics,
            wake,
            document_bytes_max=config.intake.document_bytes_max,
            statements_per_signer_max=config.intake.statements_per_signer_max,
        )
        # what comes from other relays leaves more of the disk free than what comes from phones
        reserve = config.intake.reserve_bytes + config.neighbour.reserve_bytes
        for_others = DocumentFiles(data, reserve, incoming="incoming-from-relays")
        custodian = Custodian(
            store,
            for_others,
            reception.with_files(for_others),
            verifier,
            clock,
            metrics,
            node.identity,
            config.neighbour,
            book,
        )
        streams = Streams(custodian, verifier, config.neighbour, random.Random())
        filing = Filing(store, forwarder.file_receipt, book.learn)
        drives += [
            DriveUplink(
                item.label,
                item.folder,
                store,
                files,
                node,
                verifier,
                clock,
                filing=filing,
                hand_over=OwnExchange(custodian, verifier) if config.neighbour.accept else None,
                on_exported=forwarder.carried_otherwise,
            )
            for item in config.uplink
            if item.folder is not None
        ]
        metrics.read_off(lambda: {"streams": ("Other relays connected now", streams.count)})

        async def status() -> dict[str, Any]:
            counts = await store.holdings.counts()
            oldest = counts.pop("oldest_waiting_held_at")
            return {
                "relay": {"id": node.identity.name, "scope": node.identity.scope},
                "clock": {"now": clock.now(), "sure": clock.sure},
                "counts": counts,
                "oldest_without_receipt_seconds": max(0, clock.now() - oldest) if oldest else None,
                "free_for_documents_bytes": max(0, files.free_for_documents()),
                "neighbours": await custodian.status(),
                "waiting": await forwarder.waiting(),
                **forwarder.status(),
                "drives": [drive.view() for drive in drives],
            }

        latest: dict[str, Any] = {}

        async def look() -> None:
            latest.update(await status())

        metrics.before_reading(look)
        metrics.read_off(lambda: _gauges(latest) if latest else {})
        intake = intake_app.Intake(
            store,
            files,
            reception,
            verifier,
            status,
            node.identity.chain,
            config.listen.request_seconds_max,
            forwarder.is_under_way,
        )
        office = Office(
            config,
            node,
            store,
            files,
            verifier,
            clock,
            status=status,
            under_way=forwarder.under_way,
            drives=drives,
            enrolment=lambda: enrolments.mode,
        )
        enrolments = Enrolments(
            store,
            verifier,
            book,
            clock,
            desk,
            office.sessions.operator,
            config.enrolment,
            config.listen.request_seconds_max,
        )
        tus = Tus(store, files, reception, clock, config.intake, office.board.arriving)
        returned = Returned(filing, config.listen.request_seconds_max)
        app = intake_app.application(intake, tus, streams, returned, metrics, config)
        office.attach(app)
        app.add_routes(enrolments.routes())
        app.add_routes(site.routes(site.RELAY_FRONTS, node.trust))
        async with asyncio.TaskGroup() as tasks:
            running = [tasks.create_task(store.run(), name="store")]
            await reception.recover()
            await custodian.recover()
            await enrolments.recover()
            async with listening(app, config.listen, _tls(config)) as port, _leading_to(config, port, node):
                running.append(tasks.create_task(forwarder.run(), name="forwarder"))
                running.append(tasks.create_task(office.run(), name="board"))
                running += [tasks.create_task(drive.run(), name=f"drive {drive.name}") for drive in drives]
                if config.announce.enabled:  # only now that it listens
                    running.append(tasks.create_task(announce(config.announce, port, node.identity), name="announce"))
                _settle_memory()
                log.info("relay %s listens on port %d", node.identity.name, port)
                yield port
                office.close()
                await streams.close_all()
            for task in reversed(running):
                task.cancel()


def _network_uplink(item: UplinkConfig, root: Path, node: NodeIdentity, config: RelayConfig) -> NetworkUplink:
    if item.kind == "neighbour":
        fingerprint = cose.sha256(node.identity.chain[0]).hex()
        return NeighbourUplink(item, root, fingerprint, config.announce.interfaces)
    return HttpsUplink(item, root)


def _desk(config: EnrolmentConfig) -> Desk | None:
    """The desk of the CA that this relay holds, if it holds one."""
    if config.authority is None or config.passphrase_file is None or config.codes is None:
        return None
    passphrase = identity.read_passphrase(config.passphrase_file)
    return Desk(Authority.open(config.authority, passphrase), config.codes)


def _leading_to(config: RelayConfig, port: int, node: NodeIdentity) -> AbstractAsyncContextManager[None]:
    """The page without TLS that leads to the secure one on `port`."""
    name = config.web.name or f"{config.announce.host_name or f'relay-{node.identity.scope}'}.local"
    url = f"https://{name}/" if port == 443 else f"https://{name}:{port}/"
    return plain.explaining(config.listen, config.web.plain_port, url, node.trust.authority_certificates[0])


async def run_centre(config: CentreConfig, on_listening: Callable[[int], None] | None = None) -> None:
    """A centre, until it is told to stop."""
    async with centre_parts(config) as port:
        if on_listening is not None:
            on_listening(port)
        await _until_stopped()


@asynccontextmanager
async def centre_parts(config: CentreConfig) -> AsyncIterator[int]:
    """A running centre; the port that it listens on."""
    node = _identity(config.node, Role.CENTRE)
    clock = Clock(config.node.clock_sure_file)
    metrics = Metrics("centre")

    def sign_receipt(outcomes: Sequence[receipts.Outcome]) -> tuple[bytes, int]:
        issued_at = clock.now()
        return node.signer.sign(receipts.payload(issued_at, outcomes)).bare, issued_at

    async with AsyncExitStack() as stack:
        data = stack.enter_context(_data_directory(config.node))
        opening = open_record(data / "centre.db", sign_receipt, queue_max=config.exchange.queue_max)
        store = await stack.enter_async_context(opening)
        files = DocumentFiles(data, config.exchange.reserve_bytes)
        verifier = Verifier(
            node.trust, store.signers.chain, cached_max=config.exchange.signers_cached_max, judge_time_by=clock.now
        )
        book = TrustBook(verifier, store)
        await book.restore()
        recorder = Recorder(store, files, verifier, clock, metrics, node.identity.chain, book)
        streams = Streams(recorder, verifier, config.exchange, random.Random())
        metrics.read_off(lambda: {"streams": ("Relays connected now", streams.count)})
        central = central_app.Central(store, files, verifier, node.identity.chain)
        counting = Counting(store)
        async with asyncio.TaskGroup() as tasks:
            running = [tasks.create_task(store.run(), name="store")]
            if config.trust.directory is not None:
                await learn_folder(verifier, config.trust.directory)
                running.append(tasks.create_task(_watch_trust(verifier, config.trust.directory), name="trust"))
            await recorder.recover()
            running.append(tasks.create_task(counting.run(), name="counting"))
            results = Results(store, counting)
            sheets = CentreSheets(store, counting, clock, node.identity.name)
            events = Events(store, counting, config.results.listeners_max)
            app = central_app.application(central, results, sheets, events, streams, metrics)
            nameplate = Nameplate("centre", node, clock, sorted(forms.catalogue()))
            app.add_routes([*nameplate.routes(), *site.routes(site.CENTRE_FRONTS, node.trust)])
            async with listening(app, config.listen, _tls(config)) as port:
                _settle_memory()
                log.info("centre %s listens on port %d", node.identity.name, port)
                yield port
                events.close()
                await streams.close_all()
            for task in reversed(running):
                task.cancel()


async def learn_folder(verifier: Verifier, folder: Path) -> None:
    """Takes in the CA certificates and CRLs of a folder; what does not hold is said in the log."""
    try:
        certificates, crls = await asyncio.to_thread(identity.read_trust_folder, folder)
    except Rejected as unreadable:
        log.error("what is known of CAs and revocations stays as it is: %s", unreadable.sentence)
        return
    for error in verifier.learn(certificates, crls):
        log.warning("%s: %s [%s]", folder, error.sentence, error.code)


async def _watch_trust(verifier: Verifier, folder: Path) -> None:
    """A revocation takes effect within seconds of its CRL being put into the folder."""
    seen = None
    while True:
        try:
            state = await asyncio.to_thread(identity.trust_folder_state, folder)
        except Rejected:
            state = []  # said by `learn_folder`, once
        if seen is not None and state != seen:
            await learn_folder(verifier, folder)
        seen = state
        await asyncio.sleep(_TRUST_LOOK_SECONDS)


def check_files(config: RelayConfig | CentreConfig) -> None:
    """`Rejected` unless identity, TLS certificate, lists and authority that a configuration names hold."""
    node = _identity(config.node, Role.RELAY if isinstance(config, RelayConfig) else Role.CENTRE)
    _tls(config)
    if isinstance(config, RelayConfig):
        kecamatan.read_strictly(config.board, node.identity.scope)
        _desk(config.enrolment)


def set_up_logging(level: str) -> None:
    """One line an event on standard error, for the journal."""
    logging.basicConfig(
        stream=sys.stderr,
        level=level.upper(),
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
    )
    logging.Formatter.converter = time.gmtime


async def _until_stopped() -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    await stop.wait()
    log.info("stopping")


def _settle_memory() -> None:
    """What was made while starting stays for good: the collector need not look at it again and again."""
    gc.collect()
    gc.freeze()


def _gauges(status: dict[str, Any]) -> Gauges:
    """The part of the status that is worth a curve."""
    uplinks, waiting = {item["name"]: item for item in status["uplinks"]}, status["waiting"]
    return {
        "oldest_without_receipt_seconds": (
            "Age of the oldest statement without a receipt",
            status["oldest_without_receipt_seconds"] or 0,
        ),
        "waiting": ("Without a receipt, by class", {name: item["count"] for name, item in waiting.items()}),
        "waiting_bytes": ("Still to cross, by class", {name: item["bytes_left"] for name, item in waiting.items()}),
        "waiting_eta_seconds": (
            "Until all of a class has crossed; -1: nothing carries it now",
            {name: -1 if item["eta_seconds"] is None else item["eta_seconds"] for name, item in waiting.items()},
        ),
        "uplink_up": (
            "Whether an uplink works",
            {name: float(item["state"] in ("up", "resting")) for name, item in uplinks.items()},
        ),
        "uplink_rate_bytes_per_second": (
            "As last measured",
            {name: item["rate_bytes_per_second"] for name, item in uplinks.items()},
        ),
        "uplink_last_success_seconds": (
            "When the other side last answered, Unix seconds",
            {name: item["last_success"] for name, item in uplinks.items()},
        ),
        "uplink_budget_bytes_left": (
            "Left for today",
            {
                name: item["budget_bytes_left"]
                for name, item in uplinks.items()
                if item["budget_bytes_left"] is not None
            },
        ),
        "uplink_sent_bytes": (
            "Bytes handed to an uplink since the start",
            {name: item["bytes_sent"] for name, item in uplinks.items()},
        ),
        "sent_again_bytes": ("Bytes handed to uplinks that had been sent before", status["bytes_sent_again"]),
        "documents_free_bytes": ("Disk space left for photographs", status["free_for_documents_bytes"]),
    }


def _identity(config: NodeConfig, role: Role) -> NodeIdentity:
    return identity.load(config.identity_directory, role, passphrase=_passphrase(config))


def _passphrase(config: NodeConfig) -> bytes | None:
    return identity.read_passphrase(config.passphrase_file) if config.passphrase_file else None


@contextmanager
def _data_directory(config: NodeConfig) -> Iterator[Path]:
    """The node's folder, held for this process alone."""
    try:
        config.data_directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise StoreBroken(f"{config.data_directory} cannot be created: {error.strerror}.") from error
    with lock_folder(config.data_directory):
        yield config.data_directory


def _tls(config: RelayConfig | CentreConfig) -> ssl.SSLContext:
    folder = config.node.identity_directory
    certificate, key = folder / identity.CERTIFICATE_FILE, folder / identity.KEY_FILE
    public = config.listen.tls_certificate
    names = identity.host_names(public) if public is not None else ()
    return server_tls(config.listen, certificate, key, _passphrase(config.node), names)
