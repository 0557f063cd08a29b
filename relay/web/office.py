"""The PPK's side of a relay: its parts, built and handed each other, and its routes."""

from collections.abc import Callable, Sequence

from aiohttp import web

from relay import identity
from relay.clock import Clock
from relay.config import RelayConfig
from relay.drive.uplink import DriveUplink
from relay.errors import Code, Rejected
from relay.identity import NodeIdentity
from relay.store.custody import CustodyStore
from relay.store.documents import DocumentFiles
from relay.verifier import Verifier
from relay.web import kecamatan, origins
from relay.web.board import Board
from relay.web.board_sheets import BoardSheets
from relay.web.live import Live, Status
from relay.web.login import Login
from relay.web.nameplate import Nameplate
from relay.web.originals import Originals
from relay.web.sessions import Sessions
from relay.web.snapshot import Snapshot


class Office:
    """Sessions, the board, and what operators may do. `enrolment` as in `Nameplate`."""

    def __init__(
        self,
        config: RelayConfig,
        node: NodeIdentity,
        store: CustodyStore,
        files: DocumentFiles,
        verifier: Verifier,
        clock: Clock,
        *,
        status: Status,
        under_way: Callable[[], set[bytes]],
        drives: Sequence[DriveUplink] = (),
        enrolment: Callable[[], str] = lambda: "none",
    ) -> None:
        self._config = config
        self._drives = {drive.name: drive for drive in drives}
        region = kecamatan.read(config.board, node.identity.scope)
        names = origins.Names(_names(config, node))
        self.sessions = Sessions(verifier, node.identity.scope, names, clock, config.board)
        self.board = Board(store, files, region, clock, under_way)
        self._live = Live(self.board, self.sessions, status, config.board.listeners_max)
        self._snapshot = Snapshot(self.board, self.sessions.reader)
        self._sheets = BoardSheets(self.board, node.identity.name, clock, self.sessions.reader)
        self._originals = Originals(store, files, self.sessions.reader)
        self._login = Login(self.sessions, config.listen.request_seconds_max)
        self._nameplate = Nameplate(
            "relay",
            node,
            clock,
            region.forms,
            name=region.name,
            enrolment=enrolment,
            session=self.sessions.known,
        )

    def attach(self, app: web.Application) -> None:
        """Adds the routes."""
        origins.allow(app, self._config.board.origins)
        app.add_routes(
            [
                *self._nameplate.routes(),
                *self._login.routes(),
                *self._sheets.routes(),
                web.get("/v1/board", self._snapshot.get),
                web.get("/v1/board/events", self._live.events, allow_head=False),
                web.get("/v1/documents/{document}", self._originals.document, allow_head=False),  # HEAD is tus'
                web.get("/v1/statements/{statement}/cose", self._originals.statement),
                web.post("/v1/drives/{drive}/visit", self.visit),
            ]
        )

    async def run(self) -> None:
        """For ever; ends by cancellation or by `StoreBroken`."""
        await self._live.run()

    def close(self) -> None:
        """Lets go of whoever follows the board."""
        self._live.close()

    async def visit(self, request: web.Request) -> web.Response:
        """Serves the stick that is in once more, now."""
        self.sessions.operator(request)
        drive = self._drives.get(request.match_info["drive"])
        if drive is None:
            raise Rejected(Code.NOT_FOUND, "This relay has no drive of that name; see `drives` in /v1/status.")
        drive.visit()
        return web.json_response(drive.view(), status=202)


def _names(config: RelayConfig, node: NodeIdentity) -> list[str]:
    """The names under which browsers reach this relay."""
    own = config.node.identity_directory / identity.CERTIFICATE_FILE
    certificates = [own, config.listen.tls_certificate] if config.listen.tls_certificate else [own]
    announced = config.announce.host_name or f"relay-{node.identity.scope}"
    served = [name for certificate in certificates for name in identity.host_names(certificate)]
    return [*served, f"{announced}.local", config.web.name]
