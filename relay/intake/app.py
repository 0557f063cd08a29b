"""The relay's HTTP API, route by route. Described for makers of phone apps in `openapi.json`, which a test checks."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from relay.config import RelayConfig
from relay.errors import Code, Rejected
from relay.http import COSE_TYPE, common_routes, hex_name, problems, read_body, trust_answer
from relay.intake import views
from relay.intake.reception import Reception
from relay.intake.returned import Returned
from relay.intake.tus import Tus
from relay.metrics import Metrics
from relay.protocol import codes, cose
from relay.store.custody import CustodyStore
from relay.store.documents import DocumentFiles
from relay.store.holdings import HeldDocument, HeldStatement
from relay.streams import Streams
from relay.verifier import Verifier

_PAGE_LIMIT_MAX = 500

Status = Callable[[], Awaitable[dict[str, Any]]]


class Intake:
    """The handlers of everything but uploads."""

    def __init__(
        self,
        store: CustodyStore,
        files: DocumentFiles,
        reception: Reception,
        verifier: Verifier,
        status: Status,
        node_chain: tuple[bytes, ...],
        request_seconds_max: float,
        is_under_way: Callable[[bytes], bool] = lambda _: False,
    ) -> None:
        self._store = store
        self._files = files
        self._reception = reception
        self._verifier = verifier
        self._status = status
        self._node_chain = node_chain
        self._request_seconds_max = request_seconds_max
        self._is_under_way = is_under_way

    async def post_statement(self, request: web.Request) -> web.Response:
        """Takes a statement: 201 with its slip, 200 with the same slip when it comes again."""
        if request.content_type != COSE_TYPE:
            raise Rejected(Code.UNSUPPORTED_MEDIA_TYPE, f"A statement is posted as {COSE_TYPE}.")
        body = await read_body(request, cose.MESSAGE_BYTES_MAX, self._request_seconds_max)
        statement, custody = await self._reception.take_statement(body)
        return web.Response(
            status=201 if custody.new else 200,
            body=custody.slip,
            headers={"Content-Type": COSE_TYPE, "Location": f"/v1/statements/{statement.id.hex()}"},
        )

    async def get_statement(self, request: web.Request) -> web.Response:
        """Where a statement is, with its slip and receipt."""
        held = await self._store.holdings.statement(hex_name(request, "statement"))
        if held is None:
            raise Rejected(Code.NOT_FOUND, "This relay has no statement of that id.")
        return web.json_response(await self._view(held))

    async def get_tps(self, request: web.Request) -> web.Response:
        """Every statement of one station."""
        tps = codes.tps_code(request.match_info["tps"])
        held = await self._store.holdings.statements_of(tps)
        return web.json_response({"tps": tps, "statements": [await self._view(item) for item in held]})

    async def list_stations(self, _request: web.Request) -> web.Response:
        """Where everything is, in short: one entry a statement."""
        return web.json_response({"statements": views.station_rows(await self._store.holdings.stations())})

    async def list_statements(self, request: web.Request) -> web.Response:
        """Statements in the order of their slips, a page at a time."""
        after, limit = _query_number(request, "after", 0), _query_number(request, "limit", 100)
        held = await self._store.holdings.statements_after(after, min(limit, _PAGE_LIMIT_MAX))
        return web.json_response(
            {
                "statements": [await self._view(item) for item in held],
                "next_after": held[-1].number if held else None,
            }
        )

    async def get_trust(self, _request: web.Request) -> web.Response:
        """Certificates and CRLs with which a phone checks slips and receipts, from its pinned root."""
        trust = self._verifier.trust
        kept = [der for kind, der in await self._store.trust.all() if kind == "centre"]
        certificates = dict.fromkeys([*self._node_chain, *trust.authority_certificates[1:], *kept])
        return trust_answer(certificates, trust.crls.values())

    async def get_status(self, _request: web.Request) -> web.Response:
        """The relay as a whole."""
        return web.json_response(await self._status())

    async def _view(self, held: HeldStatement) -> dict[str, Any]:
        pages = await self._store.holdings.pages_of(held.number)
        arrived = [await self._arrived_bytes(page) for page in pages]
        also_at = await self._store.neighbours.holders_of(held.id)
        under_way = held.verdict is None and (bool(also_at) or self._is_under_way(held.id))
        return views.statement(held, pages, arrived, also_at, under_way=under_way)

    async def _arrived_bytes(self, page: HeldDocument) -> int:
        if page.slip and not page.dropped_at:
            return 0
        return await asyncio.to_thread(self._files.arrived_bytes, page.document)


def application(
    intake: Intake, tus: Tus, streams: Streams, returned: Returned, metrics: Metrics, config: RelayConfig
) -> web.Application:
    """The routes."""
    app = web.Application(middlewares=[problems(metrics.problem)], client_max_size=config.intake.document_bytes_max)
    app.add_routes(
        [
            web.post("/v1/statements", intake.post_statement),
            web.get("/v1/statements", intake.list_statements),
            web.get("/v1/statements/{statement}", intake.get_statement),
            web.get("/v1/tps", intake.list_stations),
            web.get("/v1/tps/{tps}", intake.get_tps),
            web.get("/v1/trust", intake.get_trust),
            web.get("/v1/status", intake.get_status),
            *common_routes("relay.intake", metrics),
            web.options("/v1/documents", tus.options),
            web.post("/v1/documents", tus.create),
            web.head("/v1/documents/{document}", tus.head),
            web.patch("/v1/documents/{document}", tus.patch),
            web.post("/v1/receipts", returned.post),
            web.get("/v1/exchange", streams.serve if config.neighbour.accept else _no_neighbours),
        ]
    )
    return app


async def _no_neighbours(_request: web.Request) -> web.Response:
    raise Rejected(Code.NOT_FOUND, "This relay takes nothing over from other relays (neighbour.accept is false).")


def _query_number(request: web.Request, name: str, default: int) -> int:
    text = request.query.get(name, str(default))
    if not (text.isascii() and text.isdigit()) or len(text) > 15:
        raise Rejected(Code.BAD_REQUEST, f"{name} must be a whole number.")
    return int(text)
