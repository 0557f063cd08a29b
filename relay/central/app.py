"""The centre's HTTP API, route by route; described in `openapi.json`, which a test checks."""

from typing import Any

from aiohttp import web

from relay.central.events import Events
from relay.central.results import Results
from relay.central.sheets import CentreSheets
from relay.errors import Code, Rejected
from relay.http import COSE_TYPE, common_routes, hex_name, problems, text64, trust_answer
from relay.metrics import Metrics
from relay.protocol import codes, forms, statements
from relay.protocol.messages import MESSAGE_BYTES_MAX
from relay.protocol.statements import Kind
from relay.store.documents import DocumentFiles
from relay.store.record import RecordStore
from relay.store.recorded import RecordedStatement
from relay.streams import Streams
from relay.verifier import Verifier
from relay.web import pictures

_FOR_EVER = "public, max-age=31536000, immutable"  # named by its content


class Central:
    """The handlers that tell what is recorded. Everything here is public, as results are."""

    def __init__(self, store: RecordStore, files: DocumentFiles, verifier: Verifier, chain: tuple[bytes, ...]) -> None:
        self._store = store
        self._files = files
        self._verifier = verifier
        self._chain = chain

    async def get_statement(self, request: web.Request) -> web.Response:
        """What became of one statement."""
        return web.json_response(await self._view(await self._find(request)))

    async def get_statement_cose(self, request: web.Request) -> web.Response:
        """The exact bytes that the phone signed."""
        found = await self._find(request)
        return web.Response(body=found.cose, headers={"Content-Type": COSE_TYPE})

    async def get_document(self, request: web.Request) -> web.FileResponse:
        """A photograph, byte for byte."""
        document = hex_name(request, "document")
        if not await self._store.recorded.has_document(document):
            raise Rejected(Code.NOT_FOUND, "The centre does not have this photograph.")
        path = self._files.path(document)
        return web.FileResponse(path, headers={**pictures.headers(path), "Cache-Control": _FOR_EVER})

    async def get_tps(self, request: web.Request) -> web.Response:
        """Every statement of one station, revisions and conflicts side by side."""
        tps = codes.tps_code(request.match_info["tps"])
        found = await self._store.recorded.statements_of(tps)
        return web.json_response({"tps": tps, "statements": [await self._view(item) for item in found]})

    async def get_trust(self, _request: web.Request) -> web.Response:
        """Certificates and CRLs with which receipts are checked, from the pinned root."""
        trusted = self._verifier.trust
        certificates = dict.fromkeys([*self._chain, *trusted.authority_certificates[1:]])
        return trust_answer(certificates, trusted.crls.values())

    async def _find(self, request: web.Request) -> RecordedStatement:
        found = await self._store.recorded.statement(hex_name(request, "statement"))
        if found is None:
            raise Rejected(Code.NOT_FOUND, "The centre has no statement of that id.")
        return found

    async def _view(self, found: RecordedStatement) -> dict[str, Any]:
        parsed = statements.parse(found.cose)
        form = forms.catalogue().get(found.form)
        figures = None
        if found.kind is Kind.TALLY and form is not None and len(parsed.figures) == form.packed_bytes:
            values = forms.unpack(form, parsed.figures)
            figures = {field.id: value for field, value in zip(form.fields, values, strict=True)}
        pages = await self._store.recorded.pages_of(found.number)
        return {
            "id": found.id.hex(),
            "state": found.state,
            "kind": found.kind.name.lower(),
            "tps": found.tps,
            "form": found.form,
            "revision": found.revision,
            "signed_at": found.signed_at,
            "received_at": found.received_at,
            "sender": found.sender,
            "notes": list(found.notes),
            "figures": figures,
            "about": [item.hex() for item in parsed.about],
            "favours": parsed.favours and parsed.favours.hex(),
            "text": parsed.text,
            "receipt": text64(found.receipt),
            "documents": [
                {"page": page, "document": document.hex(), "size_bytes": size, "held": held}
                for page, document, size, held in pages
            ],
        }


def application(
    central: Central, results: Results, sheets: CentreSheets, events: Events, streams: Streams, metrics: Metrics
) -> web.Application:
    """The routes."""
    app = web.Application(middlewares=[problems(metrics.problem)], client_max_size=MESSAGE_BYTES_MAX)
    app.add_routes(
        [
            web.get("/v1/exchange", streams.serve),
            web.get("/v1/statements/{statement}", central.get_statement),
            web.get("/v1/statements/{statement}/cose", central.get_statement_cose),
            web.get("/v1/documents/{document}", central.get_document),
            web.get("/v1/tps", results.list_tps),
            web.get("/v1/tps/{tps}", central.get_tps),
            web.get("/v1/status", results.get_status),
            web.get("/v1/totals", results.get_totals),
            web.get("/v1/sheets/{sheet}", sheets.get_sheet),
            web.get("/v1/events", events.get, allow_head=False),
            web.get("/v1/trust", central.get_trust),
            *common_routes("relay.central", metrics),
        ]
    )
    return app
