"""The centre's HTTP API, route by route; described in `openapi.json`, which a test checks."""

from typing import Any

from aiohttp import web

from relay.errors import Code, Rejected
from relay.http import COSE_TYPE, common_routes, hex_name, problems, text64, trust_answer
from relay.metrics import Metrics
from relay.protocol import codes, forms, statements
from relay.protocol.lifecycle import EVENT_OF, Event, state_of
from relay.protocol.messages import MESSAGE_BYTES_MAX
from relay.protocol.statements import Kind
from relay.store.documents import DocumentFiles
from relay.store.record import RecordedStatement, RecordStore
from relay.streams import Streams
from relay.verifier import Verifier

_STATIONS_LIMIT_MAX = 500
_SUB_REGION_DIGITS = {0: 2, 2: 4, 4: 6, 6: 10, 10: 13}


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
        if not await self._store.has_document(document):
            raise Rejected(Code.NOT_FOUND, "The centre does not have this photograph.")
        return web.FileResponse(
            self._files.path(document),
            headers={"Content-Type": "application/octet-stream", "X-Content-Type-Options": "nosniff"},
        )

    async def get_tps(self, request: web.Request) -> web.Response:
        """Every statement of one station, revisions and conflicts side by side."""
        tps = codes.tps_code(request.match_info["tps"])
        found = await self._store.statements_of(tps)
        return web.json_response({"tps": tps, "statements": [await self._view(item) for item in found]})

    async def list_tps(self, request: web.Request) -> web.Response:
        """Stations within a scope, in order, a page at a time."""
        scope = codes.scope(request.query.get("scope", ""))
        after = request.query.get("after", "")[:13]
        rows = await self._store.registry.stations_within(scope, after, _STATIONS_LIMIT_MAX)
        names = ("tps", "registered", "statements", "tally_verdict")
        return web.json_response(
            {
                "scope": scope,
                "stations": [dict(zip(names, (row[0], bool(row[1]), *row[2:]), strict=True)) for row in rows],
                "next_after": rows[-1][0] if len(rows) == _STATIONS_LIMIT_MAX else None,
            }
        )

    async def get_status(self, request: web.Request) -> web.Response:
        """How far a region is: "231 of 713", and the same for each part of it."""
        scope = codes.scope(request.query.get("scope", ""))
        return web.json_response(await status(self._store, scope, _form(request.query.get("form"))))

    async def get_trust(self, _request: web.Request) -> web.Response:
        """Certificates and CRLs with which receipts are checked, from the pinned root."""
        trusted = self._verifier.trust
        certificates = dict.fromkeys([*self._chain, *trusted.authority_certificates[1:]])
        return trust_answer(certificates, trusted.crls.values())

    async def _find(self, request: web.Request) -> RecordedStatement:
        found = await self._store.statement(hex_name(request, "statement"))
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
        pages = await self._store.pages_of(found.number)
        return {
            "id": found.id.hex(),
            "state": state_of([Event.SLIP] + ([EVENT_OF[found.verdict]] if found.verdict else [])),
            "kind": found.kind.name.lower(),
            "tps": found.tps,
            "form": found.form,
            "revision": found.revision,
            "signed_at": found.signed_at,
            "received_at": found.received_at,
            "sender": found.sender,
            "notes": list(found.notes),
            "figures": figures,
            "receipt": text64(found.receipt),
            "documents": [
                {"page": page, "document": document.hex(), "size_bytes": size, "held": held}
                for page, document, size, held in pages
            ],
        }


async def status(store: RecordStore, scope: codes.Scope, form: int | None) -> dict[str, Any]:
    """How far `scope` is, and each part of it, for the status API and the status command."""
    names = ("scope", "name", "tps", "with_tally", "in_conflict", "flagged", "with_photographs")
    whole = await store.registry.progress(scope, len(scope), form) if scope else []
    parts = await store.registry.progress(scope, _SUB_REGION_DIGITS[len(scope)], form) if len(scope) < 13 else []
    listing = [dict(zip(names, row, strict=True)) for row in parts]
    total = dict(zip(names, whole[0], strict=True)) if whole else _sum(listing, scope, names)
    return {
        "scope": scope,
        "level": codes.level(scope),
        "name": await store.registry.region_name(scope),
        "total": total,
        "parts": listing,
        "counts": await store.counts(),
    }


def application(central: Central, streams: Streams, metrics: Metrics) -> web.Application:
    """The routes."""
    app = web.Application(middlewares=[problems(metrics.problem)], client_max_size=MESSAGE_BYTES_MAX)
    app.add_routes(
        [
            web.get("/v1/exchange", streams.serve),
            web.get("/v1/statements/{statement}", central.get_statement),
            web.get("/v1/statements/{statement}/cose", central.get_statement_cose),
            web.get("/v1/documents/{document}", central.get_document),
            web.get("/v1/tps", central.list_tps),
            web.get("/v1/tps/{tps}", central.get_tps),
            web.get("/v1/status", central.get_status),
            web.get("/v1/trust", central.get_trust),
            *common_routes("relay.central", metrics),
        ]
    )
    return app


def _sum(parts: list[dict[str, Any]], scope: str, names: tuple[str, ...]) -> dict[str, Any]:
    return {"scope": scope, "name": ""} | {name: sum(part[name] for part in parts) for name in names[2:]}


def _form(text: str | None) -> int | None:
    if text is None:
        return None
    if not (text.isascii() and text.isdigit()) or len(text) > 5:
        raise Rejected(Code.BAD_REQUEST, "form must be a form's number, such as 2401.")
    return int(text)
