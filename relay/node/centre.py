"""A centre: its parts, built and run as one TaskGroup."""

import asyncio
import logging
import random
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager

from relay.central import app as central_app
from relay.central.counting import Counting
from relay.central.events import Events
from relay.central.recorder import Recorder
from relay.central.results import Results
from relay.central.sheets import CentreSheets
from relay.central.trust_folder import learn_folder, watch_folder
from relay.clock import Clock
from relay.config import CentreConfig
from relay.listening import listening
from relay.metrics import Metrics
from relay.node.own import own_folder, own_identity, own_tls
from relay.node.process import settle_memory, until_stopped
from relay.protocol import forms, receipts
from relay.protocol.roles import Role
from relay.store.documents import DocumentFiles
from relay.store.record import open_record
from relay.streams import Streams
from relay.trust_book import TrustBook
from relay.verifier import Verifier
from relay.web import site
from relay.web.nameplate import Nameplate

log = logging.getLogger(__name__)


async def run_centre(config: CentreConfig, on_listening: Callable[[int], None] | None = None) -> None:
    """A centre, until it is told to stop. `on_listening` gets the port once relays can come."""
    await until_stopped(centre_parts(config), on_listening)


@asynccontextmanager
async def centre_parts(config: CentreConfig) -> AsyncIterator[int]:
    """A running centre; the port that it listens on."""
    node = own_identity(config.node, Role.CENTRE)
    clock = Clock(config.node.clock_sure_file)
    metrics = Metrics("centre")

    def sign_receipt(outcomes: Sequence[receipts.Outcome]) -> tuple[bytes, int]:
        issued_at = clock.now()
        return node.signer.sign(receipts.payload(issued_at, outcomes)).bare, issued_at

    async with AsyncExitStack() as stack:
        data = stack.enter_context(own_folder(config.node))
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
                running.append(tasks.create_task(watch_folder(verifier, config.trust.directory), name="trust"))
            await recorder.recover()
            running.append(tasks.create_task(counting.run(), name="counting"))
            results = Results(store, counting)
            sheets = CentreSheets(store, counting, clock, node.identity.name)
            events = Events(store, counting, config.results.listeners_max)
            app = central_app.application(central, results, sheets, events, streams, metrics)
            nameplate = Nameplate("centre", node, clock, sorted(forms.catalogue()))
            app.add_routes([*nameplate.routes(), *site.routes(site.CENTRE_FRONTS, node.trust)])
            async with listening(app, config.listen, own_tls(config)) as port:
                settle_memory()
                log.info("centre %s listens on port %d", node.identity.name, port)
                yield port
                events.close()
                await streams.close_all()
            for task in reversed(running):
                task.cancel()
